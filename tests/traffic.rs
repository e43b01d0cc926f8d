//! What identity providers send, replayed row by row against the quickstart: `client-traffic.jsonl` holds the requests,
//! in the order their clients send them, and `client-traffic-checks.jsonl` what must come of each. A row that needs a
//! tolerance is first sent by a strict client, which must get the answer its check names.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod quickstart;

use std::collections::{BTreeMap, BTreeSet};

use quickstart::{Answer, BASE, Door, LIMITS, MAPPING, STRICT, TOLERANT};
use serde_json::{Map, Value};

/// What the clients' attributes need and the HR database lacks.
const MORE_COLUMNS: &str = "
    alter table staff_person add column staff_no text;
    alter table staff_person add column boss_no text;
    create table phone (phone_no integer primary key, person_no integer not null, digits text not null, kind text);";
const MORE_LINES: &str = "
      enterprise:employeeNumber: staff_no
      enterprise:manager.value: boss_no
      phoneNumbers: { table: phone, link: person_no, key: phone_no, value: digits, type: kind }";

fn rows(text: &str) -> BTreeMap<u64, Value> {
    let rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    let by_number: BTreeMap<u64, Value> = rows.iter().map(|row| (row["n"].as_u64().unwrap(), row.clone())).collect();
    assert_eq!(by_number.len(), rows.len(), "a number stands twice");
    by_number
}

fn traffic() -> BTreeMap<u64, Value> {
    rows(include_str!("vectors/client-traffic.jsonl"))
}

fn checks() -> BTreeMap<u64, Value> {
    rows(include_str!("vectors/client-traffic-checks.jsonl"))
}

/// One run through all rows, with what earlier answers told later requests.
struct Replay {
    door: Door,
    names: BTreeMap<String, String>,
    /// Whether every attribute the clients send is mapped.
    wide: bool,
}

impl Replay {
    fn new(door: Door, wide: bool) -> Self {
        Self { door, names: BTreeMap::from([("base".to_owned(), BASE.to_owned())]), wide }
    }

    fn fill(&self, value: &Value, token: &str) -> Value {
        let mut text = value.to_string().replace("{{token}}", token);
        for (name, value) in &self.names {
            text = text.replace(&format!("{{{{{name}}}}}"), value);
        }
        assert!(!text.contains("{{"), "nothing stands for a name in {text}");
        serde_json::from_str(&text).unwrap()
    }

    async fn send(&self, row: &Value, token: &str) -> Answer {
        let row = self.fill(row, token);
        let headers: Vec<(String, String)> = row["headers"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()))
            .collect();
        let body = if row["body"].is_null() { String::new() } else { row["body"].to_string() };
        self.door.send(row["method"].as_str().unwrap(), row["path"].as_str().unwrap(), &headers, &body).await
    }

    async fn row(&mut self, n: u64, row: &Value, check: &Value) {
        let at = format!("row {n} ({} {})", row["client"], row["step"]);
        if let Some(strict) = check["strict"].as_u64() {
            let answer = self.send(row, STRICT).await;
            assert_eq!(u64::from(answer.status), strict, "{at}, strict: {}", answer.text);
        }
        let answer = self.send(row, TOLERANT).await;
        assert_eq!(Some(u64::from(answer.status)), check["status"].as_u64(), "{at}: {}", answer.text);
        for (name, member) in row["save"].as_object().into_iter().flatten() {
            let saved = answer.body()[member.as_str().unwrap()].as_str().expect(&at).to_owned();
            assert!(!saved.is_empty(), "{at}");
            self.names.insert(name.clone(), saved);
        }
        let check = self.fill(check, TOLERANT);
        self.compare(&at, &answer, &check);
        for then in check["then"].as_array().into_iter().flatten() {
            let path = then["get"].as_str().unwrap();
            let answer = self.door.call(TOLERANT, "GET", path, &Value::Null).await;
            let at = format!("{at}, then {path}");
            assert_eq!(u64::from(answer.status), then["status"].as_u64().unwrap_or(200), "{at}: {}", answer.text);
            self.compare(&at, &answer, then);
        }
    }

    fn compare(&self, at: &str, answer: &Answer, check: &Value) {
        let body = answer.body();
        if answer.status == 204 {
            assert_eq!(answer.text, "", "{at}");
        } else {
            assert_eq!(answer.header("content-type"), Some("application/scim+json"), "{at}");
            assert!(![":null", "[null", "\"password\":"].iter().any(|bad| answer.text.contains(bad)), "{at}: {body}");
        }
        let wide = check["wide"].as_object().filter(|_| self.wide);
        for (pointer, expected) in check["has"].as_object().into_iter().chain(wide).flatten() {
            assert_eq!(body.pointer(pointer), Some(expected), "{at} {pointer}: {body}");
        }
        for pointer in check["lacks"].as_array().into_iter().flatten() {
            assert_eq!(body.pointer(pointer.as_str().unwrap()), None, "{at} {pointer}: {body}");
        }
        for (pointer, expected) in check["values"].as_object().unwrap_or(&Map::new()) {
            let set = |list: &Value, member: fn(&Value) -> &Value| -> BTreeSet<String> {
                list.as_array().into_iter().flatten().map(|v| member(v).as_str().unwrap().to_owned()).collect()
            };
            let members = body.pointer(pointer).cloned().unwrap_or_default();
            assert_eq!(set(&members, |v| &v["value"]), set(expected, |v| v), "{at} {pointer}: {body}");
        }
        for (name, expected) in check["headers"].as_object().unwrap_or(&Map::new()) {
            assert_eq!(answer.header(name), expected.as_str(), "{at} {name}");
        }
    }
}

async fn replay(mut replay: Replay) {
    let checks = checks();
    for (n, row) in traffic() {
        replay.row(n, &row, &checks[&n]).await;
    }
}

#[tokio::test]
async fn the_quickstart_answers_every_client() {
    replay(Replay::new(quickstart::open().await, false)).await;
}

#[tokio::test]
async fn with_all_that_the_clients_send_mapped_it_is_kept() {
    let line = "      enterprise:department: dept_cd";
    let mapping = MAPPING.replace(line, &format!("{line}{MORE_LINES}"));
    replay(Replay::new(quickstart::with(MORE_COLUMNS, &mapping, LIMITS).await, true)).await;
}

#[test]
fn every_row_has_its_check() {
    let (traffic, checks) = (traffic(), checks());
    assert_eq!(traffic.len(), 70);
    assert!(traffic.keys().eq(checks.keys()));
    for (n, row) in &traffic {
        let check = &checks[n];
        let wanted = row["expect_status"].as_array().unwrap().contains(&check["status"]);
        assert_eq!(wanted, check["unlike"].is_null(), "row {n}: another status than clients want needs its reason");
        assert_eq!(row["tolerance"] == true, check["strict"].is_u64(), "row {n}: what a strict client gets");
    }
}
