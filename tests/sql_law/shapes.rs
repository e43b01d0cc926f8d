//! The shapes that a mapping names beside its base table, over rows that are as odd as rows can be.

use portolan::{
    diagnostic::Source,
    mapping::{Resource, sql::Engine, vars::Vars},
};
use serde_json::{Value, json};

use super::rows::{Db, Dice};

const TABLES: &str = "
CREATE TABLE member (no INTEGER PRIMARY KEY, login TEXT, prefs TEXT, tags TEXT);
CREATE TABLE member_profile (member_no INTEGER UNIQUE, job_title TEXT COLLATE NOCASE, nick TEXT, url TEXT, kind TEXT, mail TEXT, prefs TEXT);
CREATE TABLE member_meta (id INTEGER PRIMARY KEY, member_no INTEGER, meta_key TEXT COLLATE NOCASE, meta_value TEXT);
CREATE TABLE member_job (id INTEGER PRIMARY KEY, member_no INTEGER, kind TEXT, name TEXT);
CREATE TABLE member_lock (member_no INTEGER, kind TEXT);
CREATE TABLE post (no INTEGER PRIMARY KEY, label TEXT, boss INTEGER, club TEXT, gone INTEGER);
CREATE TABLE club (code TEXT COLLATE NOCASE, label TEXT, gone INTEGER);
";

const MEMBERS: usize = 120;
const POSTS: usize = 60;

/// The tables as this engine takes them.
pub(crate) fn tables(engine: Engine) -> String {
    match engine {
        Engine::Sqlite => TABLES.to_owned(),
        Engine::Postgres | Engine::MariaDb => TABLES.replace(" COLLATE NOCASE", ""),
    }
}

/// The user of the mapping beside this file.
pub(crate) fn user() -> Resource {
    resource("User")
}

/// What names others of its kind, and clubs.
pub(crate) fn post() -> Resource {
    resource("Post")
}

/// What is read by a select, with expressions over it.
pub(crate) fn view(engine: Engine) -> Resource {
    let (url, full) = match engine {
        Engine::Sqlite => ("sqlite:unused", "given || ' ' || family"),
        Engine::Postgres => ("postgres://unused", "given || ' ' || family"),
        Engine::MariaDb => ("mariadb://unused", "concat(given, ' ', family)"),
    };
    let text = include_str!("views.yaml").replace("ENGINE", url).replace("FULL", full);
    of(Source::new("views.yaml", &text), "View")
}

fn resource(name: &str) -> Resource {
    of(Source::new("shapes.yaml", include_str!("shapes.yaml")), name)
}

fn of(source: Source, name: &str) -> Resource {
    let compiled = portolan::mapping::compile(source, &Vars::Open);
    let (mapping, _) = compiled.unwrap_or_else(|faults| panic!("{}", faults.render(false)));
    std::sync::Arc::into_inner(mapping.resources.into_iter().find(|r| r.kind.name == name).unwrap()).unwrap()
}

pub(crate) async fn fill(db: &mut Db, dice: &mut Dice) {
    for no in 1..=MEMBERS {
        let tags: Vec<String> = (0..3).filter_map(|_| Some(dice.text().as_str()?.replace(',', ""))).collect();
        let cells = [
            ("no", json!(no)),
            ("login", dice.text()),
            ("prefs", prefs(dice, |ext| json!({"ext": ext, "other": 5}))),
            ("tags", json!(tags.join(","))),
        ];
        db.put("member", &cells).await;
        if dice.chance(80) {
            let url = dice.text();
            let url = url
                .as_str()
                .map_or(Value::Null, |t| json!(if t.is_empty() { String::new() } else { format!("R/{t}!") }));
            let cells = [
                ("member_no", json!(no)),
                ("job_title", dice.text()),
                ("nick", dice.text()),
                ("url", url),
                ("kind", json!(dice.one(&["s", "S", "g", ""]))),
                ("mail", dice.text()),
                ("prefs", prefs(dice, |name| json!({"ui": {"name": name}}))),
            ];
            db.put("member_profile", &cells).await;
        }
    }
    let mut id = 0;
    for _ in 0..MEMBERS {
        let mut rows = vec![("locale", json!(dice.one(&["d", "e", ""]))), ("caps", caps(dice))];
        for _ in 0..4 {
            rows.push((*dice.one(&["first", "first", "First", "last", "mail", "other"]), dice.text()));
        }
        for (key, value) in rows {
            id += 1;
            let cells =
                [("id", json!(id)), ("member_no", whose(dice)), ("meta_key", json!(key)), ("meta_value", value)];
            db.put("member_meta", &cells).await;
        }
        let kind = json!(dice.one(&["main", "side", "other", "none"]));
        db.put("member_job", &[("id", json!(id)), ("member_no", whose(dice)), ("kind", kind), ("name", dice.text())])
            .await;
        db.put("member_lock", &[("member_no", whose(dice)), ("kind", json!(dice.one(&["ban", "fee"])))]).await;
    }
}

const CODES: [&str; 6] = ["k", "K", "\u{212a}", "7", "07", "tü"];

/// Codes that differ in letter case alone, and posts that name who is gone, never was, or is themselves.
pub(crate) async fn fill_posts(db: &mut Db, dice: &mut Dice) {
    for code in CODES {
        let gone = json!(usize::from(code == "7"));
        db.put("club", &[("code", json!(code)), ("label", dice.text()), ("gone", gone)]).await;
    }
    for no in 1..=POSTS {
        let boss = if dice.chance(30) { Value::Null } else { json!(1 + dice.below(POSTS + 5)) };
        let club =
            if dice.chance(20) { Value::Null } else { json!(dice.one(&["k", "K", "\u{212a}", "7", "Tü", "tü", ""])) };
        let gone = json!(usize::from(dice.chance(20)));
        let cells = [("no", json!(no)), ("label", dice.text()), ("boss", boss), ("club", club), ("gone", gone)];
        db.put("post", &cells).await;
    }
}

/// A cell with JSON in it, or with none.
fn prefs(dice: &mut Dice, of: impl Fn(Value) -> Value) -> Value {
    match dice.below(6) {
        0 => Value::Null,
        1 => json!(""),
        2 => json!("{\"ui\":{},\"ext\":null}"),
        _ => json!(of(dice.text()).to_string()),
    }
}

/// What PHP makes of a few names, each on or off.
fn caps(dice: &mut Dice) -> Value {
    let names: Vec<String> = (0..2).filter_map(|_| Some(dice.text().as_str()?.to_owned())).collect();
    let entries: String = names.iter().map(|n| format!("s:{}:\"{n}\";b:{};", n.len(), dice.below(2))).collect();
    json!(format!("a:{}:{{{entries}}}", names.len()))
}

fn whose(dice: &mut Dice) -> Value {
    json!(1 + dice.below(MEMBERS + 9))
}
