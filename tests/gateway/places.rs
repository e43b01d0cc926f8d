//! A value reaches the app as that very value or is refused, in every place where the language lets one stand. The app's side
//! decodes by itself: what it understands is compared with what the client said.

use std::sync::{Arc, Mutex};

use percent_encoding::percent_decode_str;
use proptest::{prelude::*, test_runner::TestRunner};
use serde_json::{Value, json};

use super::{
    door::{Door, LIMITS, user},
    odd_app::{Asked, OddApp, told},
};

/// What other languages trip over.
const SCRAPS: [&str; 30] = [
    "'",
    "\"",
    "\\",
    "/",
    "%2F",
    "%",
    "..",
    ".",
    "\0",
    "\n",
    "\r\nX-Evil: 1",
    "\t",
    "{{id}}",
    "{{",
    "}}",
    "$",
    "$.x",
    "${HOME}",
    "&",
    "=",
    "+",
    " ",
    "[]",
    "a[b]",
    "#",
    "?",
    ";",
    "é",
    "見",
    "\u{202e}",
];

pub(crate) type Read = fn(&Asked) -> Option<Value>;

/// The places, how a mapping puts a value there, and how the app reads it.
const PLACES: [(&str, &str, Read); 10] = [
    ("segment", "call: 'POST /users/{{record.login}}/x'", |asked| {
        let segments: Vec<&str> = asked.target.split('/').collect();
        (segments.len() == 4).then(|| plain(segments[2])).flatten()
    }),
    ("query", "call: POST /users, query: { a: '1', login: $.record.login, z: '2' }", |asked| {
        let pairs: Vec<&str> = asked.target.split_once('?')?.1.split('&').collect();
        (pairs.len() == 3).then(|| plain(pairs[1].strip_prefix("login=")?)).flatten()
    }),
    ("query text", "call: 'POST /users?a={{json record.login}}x'", |asked| {
        let value = plain(asked.target.split_once("?a=")?.1)?;
        serde_json::from_str(value.as_str()?.strip_suffix('x')?).ok()
    }),
    ("header", "call: POST /users, headers: { X-Login: $.record.login }", |asked| {
        let all: Vec<_> = asked.headers.get_all("x-login").iter().collect();
        (all.len() == 1 && !asked.headers.contains_key("x-evil"))
            .then(|| all[0].to_str().ok().map(Value::from))
            .flatten()
    }),
    ("json", "call: POST /users, json: { a: [{ b: $.record.login }] }", |asked| {
        Some(asked.json()["a"][0]["b"].clone())
    }),
    ("json text", "call: POST /users, json: { b: '<{{json record.login}}>' }", |asked| {
        serde_json::from_str(asked.json()["b"].as_str()?.strip_prefix('<')?.strip_suffix('>')?).ok()
    }),
    ("form", "call: POST /users, form: { a: 1, login: $.record.login, z: true }", |asked| {
        let text = asked.text();
        let pairs: Vec<&str> = text.split('&').collect();
        (pairs.len() == 3 && pairs[2] == "z=true").then(|| plain(pairs[1].strip_prefix("login=")?)).flatten()
    }),
    ("form tree", "call: POST /users, form: { user: { login: '{{record.login}}' } }", |asked| {
        plain(asked.text().strip_prefix("user%5Blogin%5D=")?)
    }),
    ("form list", "call: POST /users, form: { logins: ['{{record.login}}'] }", |asked| {
        plain(asked.text().strip_prefix("logins%5B%5D=")?)
    }),
    ("text", "call: POST /users, text: $.record.login", |asked| Some(Value::from(asked.text()))),
];

fn plain(encoded: &str) -> Option<Value> {
    let text = percent_decode_str(encoded).decode_utf8().ok()?;
    (!encoded.contains(['&', '=', '+', ' ', '#'])).then(|| Value::from(text.into_owned()))
}

pub(crate) async fn door(call: &str, read: Read) -> (Arc<Mutex<Vec<Option<Value>>>>, Arc<OddApp>, Door) {
    let got = Arc::new(Mutex::new(Vec::new()));
    let held = got.clone();
    let (app, url) = OddApp::start(move |asked| {
        held.lock().unwrap().push(read(asked));
        told(201, &json!({"id": "1", "login": "x"}))
    })
    .await;
    let mapping = format!(
        "mapping: 1
quotes:
  ident: {{ around: '\"', escape: {{ '\"': '\\\"', '\\': '\\\\' }}, refuse: [control] }}
  sql: {{ around: \"'\", escape: {{ \"'\": \"''\" }} }}
  bar: {{ refuse: ['|', control] }}
app: {{ rest: {{ url: '{url}' }} }}
resources:
  User:
    id: $.id
    attributes: {{ userName: {{ at: $.login, access: [read, create] }} }}
    get: GET /users/{{{{id}}}}
    create: {{ {call}, record: $ }}
"
    );
    (got, app, Door::over_text(&mapping, &url, LIMITS).await)
}

pub(crate) fn values() -> impl Strategy<Value = String> {
    let scrap = prop::sample::select(SCRAPS.to_vec()).prop_map(str::to_owned);
    prop::collection::vec(prop_oneof![3 => scrap, 1 => "\\PC{1,6}", 1 => any::<char>().prop_map(String::from)], 1..4)
        .prop_map(|parts| parts.concat())
        .prop_filter("an empty name is no name", |text| !text.trim().is_empty())
}

/// Sends values, what trips others first, and compares what the app understands; how many got through.
pub(crate) fn sent(place: &str, call: &str, read: Read) -> usize {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (got, _, door) = runtime.block_on(door(call, read));
    let reached = std::cell::Cell::new(0);
    let mut runner =
        TestRunner::new(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() });
    let alone = SCRAPS.iter().map(|scrap| format!("a{scrap}b"));
    let check = |value: String| -> Result<(), TestCaseError> {
        got.lock().unwrap().clear();
        let answer = runtime.block_on(door.ask("POST", "/Users", user(&value)));
        let got = got.lock().unwrap();
        match answer.status {
            400 => prop_assert!(got.is_empty(), "{place}: refused after sending {value:?}"),
            201 => {
                prop_assert_eq!(got.as_slice(), &[Some(Value::from(value))], "{}", place);
                reached.set(reached.get() + 1);
            }
            status => prop_assert!(false, "{place}: {status} for {value:?}: {}", answer.body),
        }
        Ok(())
    };
    for value in alone {
        check(value).unwrap_or_else(|e| panic!("{e}"));
    }
    runner.run(&values(), check).unwrap_or_else(|e| panic!("{e}"));
    reached.get()
}

#[test]
fn a_value_reaches_the_app_as_that_very_value_or_is_refused() {
    for (place, call, read) in PLACES {
        let reached = sent(place, call, read);
        let least = if matches!(place, "header" | "segment" | "query" | "query text") { 15 } else { 120 };
        assert!(reached > least, "{place}: only {reached} values got through");
    }
}
