//! The law of pushed filters: for every state of the database and every filter, the clause selects at least the rows
//! whose resource fulfils the filter in memory, and precisely those where it says so; for the negation the same.
//!
//! Adversarial rows, and random filters whose literals are cut and re-cased from the data. The seed is printed; another
//! one comes from `SQL_LAW_SEED`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::cast_possible_truncation
)]

mod sql;

use std::collections::BTreeSet;

use portolan::{
    mapping::{Resource, translate},
    plan::{
        call::Statement,
        sql::{
            filter::{How, Pushed, push},
            select,
        },
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
use sql::{
    database, run,
    shapes::{Cell, put},
};
use sqlx::SqliteConnection;

const PEOPLE: usize = 160;
const TEAMS: usize = 40;
const FILTERS: usize = 4200;

/// Small, the same everywhere, and good enough to shuffle letters.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % n
    }

    fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn text(&mut self) -> Value {
        const LETTERS: [&str; 30] = [
            "a",
            "A",
            "b",
            "k",
            "K",
            "\u{212a}",
            "İ",
            "ı",
            "ü",
            "Ü",
            "ß",
            "ẞ",
            "Σ",
            "σ",
            "ς",
            "å",
            "\u{212b}",
            "ǅ",
            "Ꭰ",
            "ꭰ",
            "%",
            "_",
            "\\",
            "'",
            "*",
            "?",
            "[",
            "😀",
            " ",
            "\u{10ffff}",
        ];
        match self.below(10) {
            0 => Value::Null,
            1 => json!(""),
            2 => json!(self.one(&["none", "None", "NONE", "work", "0", "7", "07", " "])),
            _ => {
                let few = if self.chance(70) { 12 } else { LETTERS.len() };
                json!((0..=self.below(4)).map(|_| LETTERS[self.below(few)]).collect::<String>())
            }
        }
    }

    fn cell(&mut self, cell: Cell<'_>) -> Value {
        match cell {
            Cell::Text => self.text(),
            Cell::One(words) => json!(self.one(words)),
            Cell::Below(n) => json!(self.below(n)),
        }
    }

    fn of(&mut self, values: &[Value]) -> Value {
        self.one(values).clone()
    }
}

async fn fill(db: &mut SqliteConnection, dice: &mut Dice) {
    let times =
        ["2026-01-02T03:04:05Z", "2026-01-02T03:04:05.5Z", "2026-01-02T05:04:05+02:00", "1969-12-31T23:59:58.25Z", ""];
    for id in 1..=PEOPLE {
        let realm = dice.text();
        let realm =
            realm.as_str().map_or(Value::Null, |r| if r.is_empty() { json!("") } else { json!(format!("R/{r}!")) });
        let cells = [
            ("id", json!(id)),
            ("login", dice.text()),
            ("ext", dice.text()),
            ("given", dice.text()),
            ("family", dice.text()),
            ("nick", dice.text()),
            ("number", dice.of(&[json!(7), json!(70), json!(-1), Value::Null, json!(123)])),
            ("status", dice.of(&[json!(1), json!(2), json!(3), json!(4), Value::Null])),
            ("kind", dice.of(&[json!("s"), json!("S"), json!("g"), json!(""), Value::Null])),
            ("logins", dice.of(&[json!(0), json!(1), json!(9_007_199_254_740_993_i64), json!(-5), Value::Null])),
            ("score", dice.of(&[json!(0.1), json!(2.5), json!(-3.25), json!(2.0), Value::Null])),
            ("seen", dice.of(&[json!(1_767_323_045), json!(1_767_323_046), json!(-2), json!(0), Value::Null])),
            ("made", dice.of(&times.map(|t| json!(t)))),
            ("locked", dice.of(&[json!(""), json!("x"), Value::Null])),
            ("phone", dice.text()),
            ("mobile", dice.text()),
            ("realm", realm),
            ("cost", dice.of(&[json!(7), json!("7"), json!("07"), json!("k"), json!("K"), Value::Null])),
            ("gone", json!(usize::from(dice.chance(10)))),
        ];
        put(db, "person", &cells).await;
    }
    for _ in 0..PEOPLE {
        let person = if dice.chance(5) { Value::Null } else { json!(1 + dice.below(PEOPLE)) };
        let cells = [
            ("person_id", person),
            ("addr", dice.text()),
            ("kind", dice.text()),
            ("main", dice.of(&[json!(0), json!(1), Value::Null])),
            ("hidden", dice.of(&[json!(0), json!(0), Value::Null, json!(1)])),
        ];
        put(db, "email", &cells).await;
    }
    for code in 0..TEAMS {
        let code = if code < 4 { json!(["7", "07", "k", "\u{212a}"][code]) } else { json!(format!("tü-{code}")) };
        put(
            db,
            "team",
            &[("code", code), ("name", dice.text()), ("gone", dice.of(&[Value::Null, Value::Null, json!("x")]))],
        )
        .await;
    }
    let codes = run(
        db,
        &Statement { sql: "SELECT code FROM team".into(), binds: vec![], expect: portolan::plan::call::Expect::Any },
    )
    .await;
    for _ in 0..PEOPLE {
        let code = dice.one(&codes)["code"].clone();
        put(db, "in_team", &[("team_code", code), ("person_id", json!(1 + dice.below(PEOPLE + 5)))]).await;
    }
}

/// Every record with its lists, by the statements under test, and what it is in SCIM.
async fn resources(db: &mut SqliteConnection, resource: &Resource) -> Vec<(String, Map<String, Value>)> {
    let records = sql::records(resource);
    let key = &records.key.column;
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let mut page = run(db, &select::walk(records, &Pushed::everything(), after.as_ref(), 50)).await;
        let Some(last) = page.last() else { break };
        after = Some(last[&key.0].clone());
        let keys: Vec<Value> = page.iter().map(|r| r[&key.0].clone()).collect();
        for part in select::parts(records, &|_| true, &keys) {
            let rows = run(db, &part.statement).await;
            select::attach(records, &mut page, &part, &rows).unwrap();
        }
        all.append(&mut page);
    }
    let read = |record: &Value| {
        let id = translate::id(resource, record).unwrap();
        (id, translate::resource(resource, record, "https://x").unwrap_or_else(|e| panic!("{}\n{record}", e.message)))
    };
    all.iter().map(read).collect()
}

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
    let (_file, mut db) = database().await;
    sqlx::query("BEGIN").execute(&mut db).await.unwrap();
    fill(&mut db, &mut dice).await;
    sql::shapes::fill(&mut db, &mut |kind| dice.cell(kind)).await;
    sqlx::query("COMMIT").execute(&mut db).await.unwrap();

    let (mut exact, mut pushed_some, mut telling, mut run_count) = (0, 0, 0, 0);
    for (resource, share) in [(sql::user_with_lists(), 4), (sql::group(), 1), (sql::shapes::user(), 4)] {
        let records = sql::records(&resource);
        let data = resources(&mut db, &resource).await;
        assert!(data.len() > 15, "only {} {}s", data.len(), resource.kind.name);
        let author = Author { resource: &resource, data: &data };
        for _ in 0..FILTERS * share / 9 {
            let depth = dice.below(4);
            let filter = author.filter(&mut dice, depth);
            let Ok(condition) = Condition::resolve(&filter, &resource.kind, &Profile::STRICT) else {
                panic!("{filter} was refused");
            };
            for condition in [condition.clone(), Condition::Not(Box::new(condition))] {
                let wanted: BTreeSet<&str> =
                    data.iter().filter(|(_, r)| evaluate(&condition, r)).map(|(id, _)| id.as_str()).collect();
                let pushed = push(&condition, &resource, records);
                let rows = run(&mut db, &select::page(records, &pushed, 0, data.len() + 1)).await;
                let ids: Vec<String> = rows.iter().map(|r| translate::id(&resource, r).unwrap()).collect();
                let found: BTreeSet<&str> = ids.iter().map(String::as_str).collect();
                let lost: Vec<_> = wanted.difference(&found).collect();
                let added: Vec<_> = found.difference(&wanted).collect();
                let told = || format!("seed {seed}: {condition}\n{:?}\n{:?}", pushed.sql, pushed.binds);
                assert!(lost.is_empty(), "lost {lost:?}: {}", told());
                assert!(!pushed.exact || added.is_empty(), "added {added:?}: {}", told());
                run_count += 1;
                exact += usize::from(pushed.exact);
                pushed_some += usize::from(pushed.notes.iter().any(|n| n.how != How::Residual));
                telling += usize::from(!wanted.is_empty() && wanted.len() < data.len());
            }
        }
    }
    let percent = |n: usize| 100 * n / run_count;
    println!(
        "seed {seed}: {run_count} filters, {} % exact, {} % pushed, {} % match some but not all",
        percent(exact),
        percent(pushed_some),
        percent(telling)
    );
    assert!(percent(exact) >= 50 && percent(telling) >= 40, "the test has lost its teeth");
}
