//! The law of orders: for every state of the database, order and filter, the rows that the database sorts come as they
//! would be sorted here; and pages, by index or one behind the other, put together are the whole.

use std::collections::BTreeMap;

use portolan::{
    mapping::{
        Resource,
        sql::{Engine, SqlRecords},
        translate,
    },
    plan::sql::{
        filter::{Pushed, push},
        order::{After, Order},
        select,
    },
    scim::{
        condition::Condition,
        evaluate::evaluate,
        filter::Filter,
        profile::Profile,
        schema::Type,
        sort::{Rank, Sort},
    },
};
use serde_json::Value;

use super::{
    database,
    rows::{Db, Dice, resources},
    sql,
};

const ROUNDS: usize = 3;

/// Everything that resources of this type can be sorted by.
fn keys(resource: &Resource) -> Vec<String> {
    let kind = &resource.kind;
    let mut keys = Vec::new();
    for attribute in kind.schema.attributes.iter().chain(&kind.common) {
        match attribute.kind {
            Type::Complex => {
                keys.extend(attribute.sub_attributes.iter().map(|sub| format!("{}.{}", attribute.name, sub.name)));
            }
            _ => keys.push(attribute.name.clone()),
        }
    }
    keys
}

fn ids(resource: &Resource, rows: &[Value]) -> Vec<String> {
    rows.iter().map(|row| translate::id(resource, row).unwrap()).collect()
}

async fn walked(db: &mut Db, records: &SqlRecords, pushed: &Pushed, order: &Order, size: usize) -> Vec<Value> {
    let (mut all, mut after): (Vec<Value>, Option<After>) = (Vec::new(), None);
    loop {
        let page = db.run(&select::walk(records, pushed, order, after.as_ref(), size)).await;
        let Some(last) = page.last() else { return all };
        // As a cursor carries it.
        let place = After::row(records, last).unwrap().to_json().to_string();
        after = After::from_json(&serde_json::from_str(&place).unwrap());
        all.extend(page);
        assert!(all.len() <= 1000, "the walk goes in a circle");
    }
}

#[tokio::test]
async fn rows_come_as_they_would_be_sorted_here() {
    let seed = std::env::var("SQL_LAW_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(20_261_122);
    let mut dice = Dice(seed);
    let mut given: BTreeMap<String, Result<(), &str>> = BTreeMap::new();
    for _ in 0..ROUNDS {
        let mut db = Db::new(&mut dice).await;
        for resource in [sql::user(), sql::group(), super::shapes::view(db.engine)] {
            let resource = db.knows(resource);
            let records = sql::records(&resource);
            let data = resources(&mut db, &resource).await;
            for by in keys(&resource) {
                for turn in ["ascending", "descending"] {
                    let sort = match Sort::parse(&by, Some(turn), &resource.kind) {
                        Ok(sort) if resource.kind.name == "Group" => sort.with_text_ids(),
                        Ok(sort) => sort,
                        Err(_) => continue,
                    };
                    let order = Order::of(&sort, &resource, records);
                    given
                        .insert(format!("{} {by}", resource.kind.name), order.as_ref().map(|_| ()).map_err(|why| *why));
                    let Ok(order) = order else { continue };
                    let all = ["id pr", "not (id eq \"7\")", "id co \"1\" or id co \"k\""];
                    let filter = Filter::parse(all[dice.below(all.len())], &Profile::STRICT).unwrap();
                    let condition = Condition::resolve(&filter, &resource.kind, &Profile::STRICT).unwrap();
                    let pushed = push(&condition, &resource, records);
                    assert!(pushed.exact, "{condition}");
                    let found = data.iter().filter(|(_, resource)| evaluate(&condition, resource));
                    let mut ranks: Vec<Rank> = found.map(|(_, resource)| sort.rank(resource)).collect();
                    ranks.sort_by(|a, b| sort.compare(a, b));
                    let wanted: Vec<&str> = ranks.iter().map(|rank| rank.id.as_str()).collect();
                    let told = format!("seed {seed}: {by} {turn} {condition}");

                    let size = 1 + dice.below(40);
                    let mut pages = Vec::new();
                    for from in (0..wanted.len()).step_by(size) {
                        pages.extend(db.run(&select::page(records, &pushed, &order, from, size)).await);
                    }
                    assert_eq!(ids(&resource, &pages), wanted, "{told} by index");
                    let rows = walked(&mut db, records, &pushed, &order, size).await;
                    assert_eq!(ids(&resource, &rows), wanted, "{told} by cursor");
                }
            }
        }
    }
    let not: Vec<(&str, &str)> = given.iter().filter_map(|(by, how)| Some((by.as_str(), how.err()?))).collect();
    let list = "it is a list";
    let letters = "the database sorts letters by another rule";
    let mut expected = vec![
        ("Group externalId", "no column holds it"),
        ("Group members.$ref", list),
        ("Group members.type", list),
        ("Group members.value", list),
        ("User emails.display", list),
        ("User emails.primary", list),
        ("User emails.type", list),
        ("User emails.value", list),
        ("User groups.$ref", list),
        ("User groups.display", list),
        ("User groups.value", list),
        ("User madeAt", "a time is written in more than one way"),
        ("User name.formatted", "it is made of several columns"),
        ("User phoneNumbers.type", list),
        ("User phoneNumbers.value", list),
        ("User realm", "the column holds more than the value"),
        ("User title", "no column holds it"),
        ("View ends.type", list),
        ("View ends.value", list),
        ("View mails.type", list),
        ("View mails.value", list),
        ("View meta.location", "no column holds it"),
        ("View meta.resourceType", "no column holds it"),
        ("View meta.version", "no column holds it"),
        ("View made", "a time is written in more than one way"),
        ("View schemas", list),
        ("View url", "the column holds more than the value"),
    ];
    match database::engine() {
        Engine::Sqlite => {}
        Engine::Postgres => {
            let texts = [
                "Group displayName",
                "User employeeNumber",
                "User name.familyName",
                "User name.givenName",
                "User nickName",
                "User userName",
                "View digits",
                "View either",
                "View full",
                "View job",
                "View login",
                "View nick",
            ];
            expected.extend(texts.map(|text| (text, letters)));
        }
        Engine::MariaDb => {
            let numbers = "the column does not hold numbers that the database sorts as we do";
            expected.extend([("User score", numbers), ("View pay", numbers)]);
        }
    }
    expected.sort_unstable();
    assert_eq!(not, expected);
}
