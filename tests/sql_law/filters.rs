//! The law of pushed filters: for every state of the database and every filter, the clause selects at least the rows
//! whose resource fulfils the filter in memory, and precisely those where it says so; for the negation the same.
//!
//! Adversarial rows, and random filters whose literals are cut and re-cased from the data. The seed is printed; another
//! one comes from `SQL_LAW_SEED`.

use std::collections::BTreeSet;

use portolan::{
    mapping::{Resource, sql::Engine, translate},
    plan::sql::{
        filter::{How, push},
        order::Order,
        select,
    },
    scim::{
        condition::Condition,
        evaluate::evaluate,
        filter::{CompareOp, Filter},
        path::AttrPath,
        profile::Profile,
        schema::{Attribute, Type},
    },
};
use serde_json::{Map, Value, json};

use super::{
    rows::{Db, Dice, resources},
    sql,
};

/// Each is tried with its negation as well.
const FILTERS: usize = 4200;

/// What MariaDB folds it folds slowly.
const FEWER_FILTERS: usize = 1800;

/// Values of an attribute as the data has them.
fn seen(resources: &[(String, Map<String, Value>)], attribute: &Attribute, sub: Option<&str>) -> Vec<Value> {
    let mut found = Vec::new();
    for value in resources.iter().filter_map(|(_, r)| r.get(&attribute.name)) {
        let items = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        found.extend(items.iter().filter_map(|item| sub.map_or(Some(item), |s| item.get(s))).cloned());
    }
    found
}

fn recase(dice: &mut Dice, c: char) -> char {
    let mut to: Vec<char> = c.to_lowercase().collect();
    to.extend(c.to_uppercase());
    if dice.chance(50) { c } else { *dice.one(&to) }
}

fn literal(dice: &mut Dice, kind: Type, seen: &[Value]) -> (CompareOp, Value) {
    use CompareOp::{Contains, EndsWith, Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual, StartsWith};
    let order = [Equal, NotEqual, Greater, GreaterOrEqual, Less, LessOrEqual];
    match kind {
        Type::Boolean => (*dice.one(&[Equal, NotEqual]), json!(dice.chance(50))),
        Type::Integer | Type::Decimal => {
            let others = [json!(0), json!(2), json!(2.25), json!(9_007_199_254_740_992_i64), json!(0.1)];
            (*dice.one(&order), if seen.is_empty() || dice.chance(40) { dice.of(&others) } else { dice.of(seen) })
        }
        Type::DateTime => {
            let others =
                [json!("2026-01-02T03:04:05.25Z"), json!("1969-12-31T23:59:57.5Z"), json!("2026-01-02T03:04:06Z")];
            (*dice.one(&order), if seen.is_empty() || dice.chance(50) { dice.of(&others) } else { dice.of(seen) })
        }
        _ => {
            let ops = [Equal, Equal, NotEqual, StartsWith, EndsWith, Contains, Contains, Greater, LessOrEqual];
            let op = if dice.chance(85) { ops[dice.below(7)] } else { ops[dice.below(9)] };
            let text = if seen.is_empty() || dice.chance(10) { dice.text() } else { dice.of(seen) };
            let text = text.as_str().unwrap_or("a").to_owned();
            let all: Vec<char> = text.chars().collect();
            let whole = all.is_empty() || matches!(op, Equal | NotEqual) && dice.chance(80);
            let (from, to) = if whole { (0, all.len()) } else { (dice.below(all.len()), all.len()) };
            let (from, to) = match op {
                StartsWith if !whole => (0, 1 + from),
                Contains if !whole => (from, (from + 1 + dice.below(2)).min(to)),
                _ => (from, to),
            };
            (op, json!(all[from..to].iter().map(|c| recase(dice, *c)).collect::<String>()))
        }
    }
}

struct Author<'a> {
    resource: &'a Resource,
    data: &'a [(String, Map<String, Value>)],
}

impl Author<'_> {
    fn filter(&self, dice: &mut Dice, depth: usize) -> Filter {
        match dice.below(if depth == 0 { 4 } else { 10 }) {
            4 | 5 => Filter::And(Box::new(self.filter(dice, depth - 1)), Box::new(self.filter(dice, depth - 1))),
            6 | 7 => Filter::Or(Box::new(self.filter(dice, depth - 1)), Box::new(self.filter(dice, depth - 1))),
            8 | 9 => Filter::Not(Box::new(self.filter(dice, depth - 1))),
            _ => self.leaf(dice),
        }
    }

    /// One of several look-ups, as those who search for a person by any of their names write it.
    fn look_ups(&self, dice: &mut Dice) -> Filter {
        let look_up = |dice: &mut Dice| loop {
            let leaf = self.leaf(dice);
            let compared = match &leaf {
                Filter::Item { filter, .. } => filter,
                other => other,
            };
            if matches!(compared, Filter::Compare { op: CompareOp::Equal | CompareOp::StartsWith, .. }) {
                return leaf;
            }
        };
        (0..1 + dice.below(3)).fold(look_up(dice), |all, _| Filter::Or(Box::new(all), Box::new(look_up(dice))))
    }

    fn leaf(&self, dice: &mut Dice) -> Filter {
        let kind = &self.resource.kind;
        let all: Vec<&Attribute> = kind.schema.attributes.iter().chain(&kind.common).map(AsRef::as_ref).collect();
        let attribute = *dice.one(&all);
        if attribute.multi_valued && dice.chance(40) {
            let filter = Box::new(self.of_item(dice, attribute, 1));
            return Filter::Item { path: path(&attribute.name, None), filter };
        }
        let sub = (attribute.kind == Type::Complex).then(|| dice.one(&attribute.sub_attributes).clone());
        if dice.chance(15) {
            let sub = sub.filter(|_| dice.chance(60));
            return Filter::Present(path(&attribute.name, sub.as_ref().map(|s| s.name.as_str())));
        }
        let (leaf, name) = (sub.as_deref().unwrap_or(attribute), sub.as_ref().map(|s| s.name.as_str()));
        let (op, value) = literal(dice, leaf.kind, &seen(self.data, attribute, name));
        Filter::Compare { path: path(&attribute.name, name), op, value }
    }

    fn of_item(&self, dice: &mut Dice, list: &Attribute, depth: usize) -> Filter {
        match dice.below(if depth == 0 { 4 } else { 8 }) {
            4 | 5 => Filter::And(Box::new(self.of_item(dice, list, 0)), Box::new(self.of_item(dice, list, 0))),
            6 => Filter::Or(Box::new(self.of_item(dice, list, 0)), Box::new(self.of_item(dice, list, 0))),
            7 => Filter::Not(Box::new(self.of_item(dice, list, 0))),
            n => {
                let sub = (list.kind == Type::Complex).then(|| dice.one(&list.sub_attributes).clone());
                let name = sub.as_ref().map_or("value", |s| &s.name);
                if n == 0 {
                    return Filter::Present(path(name, None));
                }
                let known = seen(self.data, list, sub.as_ref().map(|s| s.name.as_str()));
                let (op, value) = literal(dice, sub.as_deref().unwrap_or(list).kind, &known);
                Filter::Compare { path: path(name, None), op, value }
            }
        }
    }
}

fn path(name: &str, sub: Option<&str>) -> AttrPath {
    AttrPath { urn: None, name: name.to_owned(), sub: sub.map(str::to_owned) }
}

#[tokio::test]
async fn pushed_filters_lose_nothing_and_exact_ones_add_nothing() {
    let seed = std::env::var("SQL_LAW_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(20_261_122);
    let mut dice = Dice(seed);
    let mut db = Db::new(&mut dice).await;

    let (mut exact, mut pushed_some, mut telling, mut united, mut run_count) = (0, 0, 0, 0, 0);
    let view = super::shapes::view(db.engine);
    let types = [
        (sql::user_with_lists(), 4),
        (sql::group(), 1),
        (super::shapes::user(), 4),
        (super::shapes::post(), 2),
        (view, 3),
    ];
    for (resource, share) in types {
        let resource = db.knows(resource);
        let records = sql::records(&resource);
        let data = resources(&mut db, &resource).await;
        assert!(data.len() > 15, "only {} {}s", data.len(), resource.kind.name);
        let author = Author { resource: &resource, data: &data };
        let filters = if db.engine == Engine::MariaDb { FEWER_FILTERS } else { FILTERS };
        for _ in 0..filters * share / 9 {
            let depth = dice.below(4);
            let filter = if dice.chance(25) { author.look_ups(&mut dice) } else { author.filter(&mut dice, depth) };
            let Ok(condition) = Condition::resolve(&filter, &resource.kind, &Profile::STRICT) else {
                panic!("{filter} was refused");
            };
            for condition in [condition.clone(), Condition::Not(Box::new(condition))] {
                let wanted: BTreeSet<&str> =
                    data.iter().filter(|(_, r)| evaluate(&condition, r)).map(|(id, _)| id.as_str()).collect();
                let pushed = push(&condition, &resource, records);
                let rows = db.run(&select::page(records, &pushed, &Order::by_key(records), 0, data.len() + 1)).await;
                let ids: Vec<String> = rows.iter().map(|r| translate::id(&resource, r).unwrap()).collect();
                let found: BTreeSet<&str> = ids.iter().map(String::as_str).collect();
                let lost: Vec<_> = wanted.difference(&found).collect();
                let added: Vec<_> = found.difference(&wanted).collect();
                let told = || format!("seed {seed}: {condition}\n{pushed:?}");
                assert!(lost.is_empty(), "lost {lost:?}: {}", told());
                assert!(!pushed.exact || added.is_empty(), "added {added:?}: {}", told());
                run_count += 1;
                exact += usize::from(pushed.exact);
                pushed_some += usize::from(pushed.notes.iter().any(|n| n.how != How::Residual));
                united += usize::from(pushed.notes.iter().any(|n| n.united));
                telling += usize::from(!wanted.is_empty() && wanted.len() < data.len());
            }
        }
    }
    let percent = |n: usize| 100 * n / run_count;
    println!(
        "{:?}, seed {seed}: {run_count} filters, {} % exact, {} % pushed, {} % match some but not all, {united} unions",
        db.engine,
        percent(exact),
        percent(pushed_some),
        percent(telling)
    );
    assert!(percent(exact) >= 50 && percent(telling) >= 40 && united >= 25, "the test has lost its teeth");
}
