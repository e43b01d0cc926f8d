//! The shapes that a mapping names beside its base table, over rows that are as odd as rows can be.

use portolan::{
    diagnostic::Source,
    mapping::{Resource, sql::Engine, vars::Vars},
    plan::call::{Expect, Statement},
};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, SqliteConnection};

const TABLES: &str = "
CREATE TABLE member (no INTEGER PRIMARY KEY, login TEXT, prefs TEXT, tags TEXT);
CREATE TABLE member_profile (member_no INTEGER UNIQUE, job_title TEXT COLLATE NOCASE, nick TEXT, url TEXT, kind TEXT, mail TEXT, prefs TEXT);
CREATE TABLE member_meta (id INTEGER PRIMARY KEY, member_no INTEGER, meta_key TEXT COLLATE NOCASE, meta_value TEXT);
CREATE TABLE member_job (id INTEGER PRIMARY KEY, member_no INTEGER, kind TEXT, name TEXT);
CREATE TABLE member_lock (member_no INTEGER, kind TEXT);
";

pub(crate) const MEMBERS: usize = 120;

/// What a cell shall be.
#[derive(Clone, Copy)]
pub(crate) enum Cell<'a> {
    /// Any text, NULL, and empty.
    Text,
    One(&'a [&'a str]),
    Below(usize),
}

/// The user of the mapping beside this file.
pub(crate) fn user() -> Resource {
    let compiled = portolan::mapping::compile(Source::new("shapes.yaml", include_str!("shapes.yaml")), &Vars::Open);
    let (mapping, _) = compiled.unwrap_or_else(|faults| panic!("{}", faults.render(false)));
    std::sync::Arc::into_inner(mapping.resources.into_iter().next().unwrap()).unwrap()
}

pub(crate) async fn fill(db: &mut SqliteConnection, dice: &mut dyn FnMut(Cell<'_>) -> Value) {
    for table in TABLES.split(';').filter(|t| !t.trim().is_empty()) {
        sqlx::query(AssertSqlSafe(table.to_owned())).execute(&mut *db).await.unwrap();
    }
    for no in 1..=MEMBERS {
        let tags: Vec<String> = (0..3).filter_map(|_| Some(dice(Cell::Text).as_str()?.replace(',', ""))).collect();
        let cells = [
            ("no", json!(no)),
            ("login", dice(Cell::Text)),
            ("prefs", prefs(dice, |ext| json!({"ext": ext, "other": 5}))),
            ("tags", json!(tags.join(","))),
        ];
        put(db, "member", &cells).await;
        if dice(Cell::Below(5)) != json!(0) {
            let url = dice(Cell::Text)
                .as_str()
                .map_or(Value::Null, |t| json!(if t.is_empty() { String::new() } else { format!("R/{t}!") }));
            let cells = [
                ("member_no", json!(no)),
                ("job_title", dice(Cell::Text)),
                ("nick", dice(Cell::Text)),
                ("url", url),
                ("kind", dice(Cell::One(&["s", "S", "g", ""]))),
                ("mail", dice(Cell::Text)),
                ("prefs", prefs(dice, |name| json!({"ui": {"name": name}}))),
            ];
            put(db, "member_profile", &cells).await;
        }
    }
    for _ in 0..MEMBERS * 4 {
        let key = dice(Cell::One(&["first", "first", "First", "last", "mail", "other"]));
        put(db, "member_meta", &[("member_no", of(dice)), ("meta_key", key), ("meta_value", dice(Cell::Text))]).await;
    }
    for _ in 0..MEMBERS {
        let locale = dice(Cell::One(&["d", "e", ""]));
        put(db, "member_meta", &[("member_no", of(dice)), ("meta_key", json!("locale")), ("meta_value", locale)]).await;
        let names: Vec<String> = (0..2).filter_map(|_| Some(dice(Cell::Text).as_str()?.to_owned())).collect();
        let entries: String =
            names.iter().map(|n| format!("s:{}:\"{n}\";b:{};", n.len(), dice(Cell::Below(2)))).collect();
        let caps = json!(format!("a:{}:{{{entries}}}", names.len()));
        put(db, "member_meta", &[("member_no", of(dice)), ("meta_key", json!("caps")), ("meta_value", caps)]).await;
        let kind = dice(Cell::One(&["main", "side", "other", "none"]));
        put(db, "member_job", &[("member_no", of(dice)), ("kind", kind), ("name", dice(Cell::Text))]).await;
        put(db, "member_lock", &[("member_no", of(dice)), ("kind", dice(Cell::One(&["ban", "fee"])))]).await;
    }
}

/// A cell with JSON in it, or with none.
fn prefs(dice: &mut dyn FnMut(Cell<'_>) -> Value, of: impl Fn(Value) -> Value) -> Value {
    match dice(Cell::Below(6)).as_u64().unwrap() {
        0 => Value::Null,
        1 => json!(""),
        2 => json!("{\"ui\":{},\"ext\":null}"),
        _ => json!(of(dice(Cell::Text)).to_string()),
    }
}

fn of(dice: &mut dyn FnMut(Cell<'_>) -> Value) -> Value {
    json!(dice(Cell::Below(MEMBERS + 9)).as_u64().unwrap() + 1)
}

/// One row.
pub(crate) async fn put(db: &mut SqliteConnection, table: &str, cells: &[(&str, Value)]) {
    let columns: Vec<&str> = cells.iter().map(|(c, _)| *c).collect();
    let marks = vec!["?"; cells.len()].join(", ");
    let sql = format!("INSERT INTO {table} ({}) VALUES ({marks})", columns.join(", "));
    let binds = cells.iter().map(|(_, v)| Engine::Sqlite.value(v)).collect();
    super::change(db, &Statement { sql: sql.into(), binds, expect: Expect::Any }).await;
}
