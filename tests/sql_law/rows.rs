//! Adversarial rows, by chance.

use std::{borrow::Cow, sync::Arc, time::Duration};

use portolan::{
    backend::{Backend, Limits, Session},
    mapping::{
        App, Records, Resource,
        answer::Class,
        catalog::{Catalog, Stored},
        sql::{Engine, Ident, SqlApp},
        translate,
    },
    plan::{
        call::{Call, Expect, Statement},
        sql::{
            filter::Pushed,
            names,
            order::{After, Order},
            select,
        },
    },
};
use serde_json::{Map, Value, json};

use super::{
    database::{self, Database},
    shapes, sql,
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

    pub(crate) fn of(&mut self, values: &[Value]) -> Value {
        self.one(values).clone()
    }
}

/// A conversation with the database under test.
pub(crate) struct Db {
    pub(crate) engine: Engine,
    catalog: Arc<Catalog>,
    session: Session,
    _database: Database,
}

impl Db {
    /// A new database, filled.
    pub(crate) async fn new(dice: &mut Dice) -> Self {
        let engine = database::engine();
        let script = match engine {
            Engine::Sqlite => sql::TABLES,
            Engine::Postgres => include_str!("../databases/law.postgres.sql"),
            Engine::MariaDb => include_str!("../databases/law.mariadb.sql"),
        };
        let database = Database::new(engine, &format!("{script}\n{}", shapes::tables(engine))).await;
        let limits = Limits { call_time: Duration::from_secs(60), answer_bytes: 16 << 20, depth: 8 };
        let app = App::Sql(Arc::new(SqlApp {
            url: database.url(),
            schema: None,
            tenant: None,
            counters: None,
            answers: Arc::default(),
        }));
        let backend = Backend::open(&app, limits).await.unwrap();
        let Backend::Sql(sql) = &backend else { panic!("not SQL") };
        let tables: Vec<_> =
            [sql::user_with_lists(), sql::group(), shapes::user(), shapes::post(), shapes::view(engine)]
                .iter()
                .flat_map(|r| names::tables(sql::records(r)))
                .collect();
        let (mut catalog, unfit) = sql.catalog(&tables).await.unwrap();
        assert!(unfit.is_empty(), "{unfit:?}");
        for described in names::described(sql::records(&shapes::view(engine))) {
            assert_eq!(sql.describe(&described, &mut catalog).await.unwrap(), []);
        }
        let mut session = backend.write().await.unwrap();
        let mut db = Self { engine, catalog: Arc::new(catalog), session, _database: database };
        fill(&mut db, dice).await;
        shapes::fill(&mut db, dice).await;
        shapes::fill_posts(&mut db, dice).await;
        session = std::mem::replace(&mut db.session, backend.read().await.unwrap());
        session.commit().await.unwrap();
        db.session = backend.read().await.unwrap();
        db
    }

    /// A resource type as it is on this engine.
    pub(crate) fn knows(&self, mut resource: Resource) -> Resource {
        if let Records::Sql(records) = &mut resource.records {
            (records.engine, records.catalog) = (self.engine, self.catalog.clone());
        }
        resource
    }

    pub(crate) async fn run(&mut self, statement: &Statement) -> Vec<Value> {
        let reply = self.session.call(&Call::Sql(statement.clone())).await;
        let reply = reply.unwrap_or_else(|e| panic!("{e}\n{}\n{:?}", statement.sql, statement.binds));
        assert_eq!(reply.class, Class::Ok, "{}\n{:?}", statement.sql, statement.binds);
        reply.rows().to_vec()
    }

    pub(crate) async fn put(&mut self, table: &str, cells: &[(&str, Value)]) {
        let engine = self.engine;
        let ident = |name: &str| Ident(name.to_owned());
        let columns: Vec<String> = cells.iter().map(|(c, _)| engine.name(&ident(c))).collect();
        let marks: Vec<String> = (1..=cells.len()).map(|n| engine.parameter(n)).collect();
        let sql = format!("INSERT INTO {table} ({}) VALUES ({})", columns.join(", "), marks.join(", "));
        let form = |(column, value): &(&str, Value)| match self.catalog.column(&ident(table), &ident(column)) {
            Some(Stored::Instant { .. }) if value == "" => Value::Null,
            Some(stored) => stored.form(engine, value),
            None => value.clone(),
        };
        let binds = cells.iter().map(|cell| engine.value(&form(cell))).collect();
        self.run(&Statement { sql: sql.into(), binds, expect: Expect::Any }).await;
    }
}

async fn fill(db: &mut Db, dice: &mut Dice) {
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
        db.put("person", &cells).await;
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
        db.put("email", &cells).await;
    }
    for code in 0..TEAMS {
        let code = if code < 4 { json!(["7", "07", "k", "\u{212a}"][code]) } else { json!(format!("tü-{code}")) };
        let gone = dice.of(&[Value::Null, Value::Null, json!("x")]);
        db.put("team", &[("code", code), ("name", dice.text()), ("gone", gone)]).await;
    }
    let all = Statement { sql: "SELECT code FROM team".into(), binds: vec![], expect: Expect::Any };
    let codes = db.run(&all).await;
    for _ in 0..PEOPLE {
        let code = dice.one(&codes)["code"].clone();
        db.put("in_team", &[("team_code", code), ("person_id", json!(1 + dice.below(PEOPLE + 5)))]).await;
    }
}

/// Every record with its lists, by the statements under test, and what it is in SCIM.
pub(crate) async fn resources(db: &mut Db, resource: &Resource) -> Vec<(String, Map<String, Value>)> {
    let records = sql::records(resource);
    let key = &records.key.column;
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let mut page =
            db.run(&select::walk(records, &Pushed::everything(), &Order::by_key(records), after.as_ref(), 50)).await;
        let Some(last) = page.last() else { break };
        after = After::row(records, last);
        let keys: Vec<Value> = page.iter().map(|r| r[&key.0].clone()).collect();
        for part in select::parts(records, &|_| true, &keys) {
            let rows = db.run(&part.statement).await;
            select::attach(records, &mut page, &part, rows).unwrap();
        }
        all.append(&mut page);
    }
    let read = |record: &Value| {
        let id = translate::id(resource, record).unwrap();
        let lines: Vec<_> = resource.lines.iter().collect();
        let made = translate::resource(resource, &lines, Cow::Borrowed(record), "https://x");
        (id, made.unwrap_or_else(|e| panic!("{}\n{record}", e.message)))
    };
    all.iter().map(read).collect()
}
