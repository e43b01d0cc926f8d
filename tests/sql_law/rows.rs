//! Adversarial rows, by chance.

use portolan::{
    mapping::{Resource, translate},
    plan::{
        call::Statement,
        sql::{
            filter::Pushed,
            order::{After, Order},
            select,
        },
    },
};
use serde_json::{Map, Value, json};
use sqlx::SqliteConnection;

use super::sql::{
    self, run,
    shapes::{Cell, put},
};

const PEOPLE: usize = 160;
const TEAMS: usize = 40;

/// Small, the same everywhere, and good enough to shuffle letters.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % n
    }

    pub(crate) fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    pub(crate) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn text(&mut self) -> Value {
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

    pub(crate) fn cell(&mut self, cell: Cell<'_>) -> Value {
        match cell {
            Cell::Text => self.text(),
            Cell::One(words) => json!(self.one(words)),
            Cell::Below(n) => json!(self.below(n)),
        }
    }

    pub(crate) fn of(&mut self, values: &[Value]) -> Value {
        self.one(values).clone()
    }
}

pub(crate) async fn fill(db: &mut SqliteConnection, dice: &mut Dice) {
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
pub(crate) async fn resources(db: &mut SqliteConnection, resource: &Resource) -> Vec<(String, Map<String, Value>)> {
    let records = sql::records(resource);
    let key = &records.key.column;
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let mut page =
            run(db, &select::walk(records, &Pushed::everything(), &Order::by_key(records), after.as_ref(), 50)).await;
        let Some(last) = page.last() else { break };
        after = After::row(records, last);
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
