//! That the database searches where an index is there to be searched: what is planned over the quickstart's tables, with
//! thousands of people in them and after ANALYZE, reads no table from one end to the other.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;

use portolan::{
    mapping::{
        self, Mapping, Records, Resource,
        vars::{Var, Vars},
    },
    plan::{
        call::{Bind, Statement},
        sql::{
            filter::push,
            order::{self, Order},
            select,
        },
    },
    scim::{condition::Condition, filter::Filter, profile::Profile},
};
use sqlx::{AssertSqlSafe, Connection, Row, SqliteConnection, sqlite::SqliteConnectOptions};

async fn crowd() -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(":memory:").collation(order::COLLATION, order::compare);
    let mut database = SqliteConnection::connect_with(&options).await.unwrap();
    let script = format!(
        "{}
        with recursive n(i) as (select 10001 union all select i + 1 from n where i < 13000)
          insert into staff_person (person_no, logon, idp_ref, made_at, chg_at)
          select i, 'p' || i, 'e' || i, '2020-01-01T00:00:00Z', '2020-01-01T00:00:00Z' from n;
        insert into mailbox (person_no, addr, kind) select person_no, 'w' || person_no || '@x', 'work' from staff_person where person_no > 10000;
        insert into team (team_no, label, made_at, chg_at) select person_no, 't' || person_no, '', '' from staff_person where person_no > 10000;
        insert into team_person (team_no, person_no) select person_no, person_no from staff_person where person_no > 10000;
        analyze;",
        include_str!("../examples/quickstart/hr.sql")
    );
    sqlx::raw_sql(AssertSqlSafe(script)).execute(&mut database).await.unwrap();
    database
}

fn load() -> Mapping {
    let vars = [("DATABASE".to_owned(), Var { value: "sqlite:unused".to_owned(), secret: false, place: None })];
    let loaded = mapping::load(Path::new("examples/quickstart/mapping.yaml"), &Vars::Given(vars.into_iter().collect()));
    loaded.unwrap_or_else(|faults| panic!("{}", faults.to_json())).0
}

/// The steps that read a whole table of the app.
async fn scans(database: &mut SqliteConnection, statement: &Statement) -> Vec<String> {
    let mut query = sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {}", statement.sql)));
    for bind in &statement.binds {
        query = match bind {
            Bind::Integer(n) => query.bind(*n),
            Bind::Text(text) => query.bind(text.clone()),
            other => panic!("{other}"),
        };
    }
    let steps = query.fetch_all(database).await.unwrap();
    let steps = steps.iter().map(|step| step.get::<String, _>("detail"));
    // `h` is what the other steps have found.
    steps.filter(|step| step.starts_with("SCAN") && step != "SCAN h").collect()
}

async fn found(database: &mut SqliteConnection, resource: &Resource, filter: &str) -> Vec<String> {
    let Records::Sql(records) = &resource.records else { panic!("not SQL") };
    let condition = Filter::parse(filter, &Profile::STRICT).unwrap();
    let condition = Condition::resolve(&condition, &resource.kind, &Profile::STRICT).unwrap();
    let pushed = push(&condition, resource, records);
    assert!(pushed.exact, "{filter}");
    let order = Order::by_key(records);
    let mut all = Vec::new();
    for statement in [
        select::page(records, &pushed, &order, 0, 100),
        select::count(records, &pushed),
        select::walk(records, &pushed, &order, None, 500),
    ] {
        all.extend(scans(database, &statement).await);
    }
    all
}

#[tokio::test]
async fn look_ups_are_searches() {
    let (mapping, mut database) = (load(), crowd().await);
    let of = |name: &str| mapping.resources.iter().find(|r| r.kind.name == name).unwrap();
    let (user, group) = (of("User"), of("Group"));
    for (resource, filter) in [
        (user, "id eq \"10007\""),
        (user, "userName eq \"P10007\""),
        (user, "userName sw \"p1000\""),
        (user, "externalId eq \"e10007\""),
        (user, "emails.value eq \"W10007@x\""),
        (user, "emails[type eq \"work\" and value eq \"w10007@x\"]"),
        (user, "groups.value eq \"10007\""),
        (user, "userName eq \"p10007\" or userName eq \"p10008\""),
        (user, "userName eq \"p10007\" or externalId eq \"e10008\""),
        (user, "userName eq \"p10007\" or emails.value eq \"w10008@x\""),
        (user, "active eq true and (id eq \"10007\" or emails.value eq \"w10008@x\" or groups.value eq \"10009\")"),
        (user, "userName eq \"p10007\" or emails.value eq \"w10008@x\" and active eq true"),
        (group, "displayName eq \"t10007\""),
        (group, "displayName eq \"t10007\" or members.value eq \"10008\""),
    ] {
        let scans = found(&mut database, resource, filter).await;
        assert!(scans.is_empty(), "{filter}: {scans:?}");
    }
    // What no index serves is a scan, so that the test can tell one.
    let scans = found(&mut database, user, "userName co \"p\" or emails.value eq \"w10008@x\"").await;
    assert!(!scans.is_empty());
}
