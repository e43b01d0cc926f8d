//! `portolan check --live` over HTTP apps that are not as their mapping says: each false promise is named, and no value told.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, dead_code)]

#[path = "gateway/odd_app.rs"]
mod odd_app;

use std::{fs, sync::Arc};

use odd_app::{Asked, OddApp, Told, told};
use serde_json::{Value, json};

const MAPPING: &str = r#"mapping: 1
app: { rest: { url: "${URL}", auth: { bearer: "${TOKEN}" } } }
resources:
  User:
    id: $.id
    attributes:
      userName: { at: $.login, case: exact, access: [read] }
      emails[type eq "work"].value: { at: $.mail, access: [read] }
      nickName: { at: $.nick, fold: lower, access: [read] }
    get: GET /users/{{id}}
    list:
      call: GET /users?offset={{offset}}&limit={{size}}
      rows: $.rows
      pages: { by: offset, max: 20, total: $.total }
      filters:
        userName eq ?: { query: { login: $.value }, matches: exactly }
        userName sw ?: { query: { begins: $.value } }
        emails.value eq ?: { query: { mail: $.value }, case: any }
        nickName eq ?: { call: "GET /nicks/{{value}}", id: "$.ids[*]", matches: exactly }
"#;

/// What an app does that its mapping denies.
#[derive(Clone, Copy, Default)]
struct Odd {
    knows_no_login: bool,
    tells_letters_apart: bool,
    small_pages: bool,
    wrong_total: bool,
    large_nicks: bool,
    html_for_nobody: bool,
    other_token: bool,
    thin_rows: bool,
    forgets_a_nick: bool,
    guesses_nicks: bool,
    other_ids: bool,
}

fn users(odd: Odd) -> Vec<Value> {
    let nick = |n: u32| if odd.large_nicks && n == 7 { "Nick7".to_owned() } else { format!("nick{n}") };
    (1..=30)
        .map(|n| json!({"id": n, "login": format!("user{n}"), "mail": format!("User{n}@Example.com"), "nick": nick(n)}))
        .collect()
}

fn answer(odd: Odd, asked: &Asked) -> Told {
    if asked.headers.get("authorization").is_none_or(|value| value != "Bearer s3cret") || odd.other_token {
        return told(401, &json!({}));
    }
    let url: http::Uri = asked.target.parse().unwrap();
    let query = form_urlencoded(url.query().unwrap_or_default());
    let of = |name: &str| query.iter().find(|(n, _)| n == name).map(|(_, value)| value.clone());
    if let Some(id) = url.path().strip_prefix("/users/") {
        let one =
            users(odd).into_iter().find(|user| user["id"] == serde_json::json!(id.parse::<u64>().unwrap_or_default()));
        return match one {
            Some(user) => told(200, &user),
            None if odd.html_for_nobody => {
                Told(200, vec![("content-type", "text/html".into())], "<p>nobody</p>".into())
            }
            None => told(404, &json!({})),
        };
    }
    if let Some(nick) = url.path().strip_prefix("/nicks/") {
        let named = users(odd).into_iter().filter(|user| user["nick"].as_str().unwrap().eq_ignore_ascii_case(nick));
        let mut ids: Vec<Value> =
            named.map(|user| user["id"].clone()).filter(|id| !odd.forgets_a_nick || *id != 2).collect();
        ids.extend(odd.guesses_nicks.then_some(json!(17)));
        return if ids.is_empty() { told(404, &json!({})) } else { told(200, &json!({"ids": ids})) };
    }
    if url.path() == "/titles" {
        let ids = of("of").unwrap();
        let row =
            |id: &str| json!({"of": if odd.other_ids { format!("user-{id}") } else { id.to_owned() }, "is": "Cook"});
        return told(200, &ids.split(',').map(row).collect());
    }
    let same = |a: &Value, b: &str| match odd.tells_letters_apart {
        true => a == b,
        false => a.as_str().unwrap().eq_ignore_ascii_case(b),
    };
    let found: Vec<Value> = users(odd)
        .into_iter()
        .filter(|user| odd.knows_no_login || of("login").is_none_or(|login| user["login"] == login.as_str()))
        .filter(|user| of("begins").is_none_or(|begin| user["login"].as_str().unwrap().starts_with(&begin)))
        .filter(|user| of("mail").is_none_or(|mail| same(&user["mail"], &mail)))
        .collect();
    let number = |name: &str| of(name).and_then(|n| n.parse::<usize>().ok()).unwrap_or_default();
    let size = number("limit").min(if odd.small_pages { 5 } else { 20 });
    let total = found.len() + usize::from(odd.wrong_total && found.len() == 30) * 3;
    let rows: Vec<Value> = found.into_iter().skip(number("offset")).take(size).collect();
    let thin = |mut row: Value| {
        row["mail"] = json!("hidden");
        row
    };
    let rows = if odd.thin_rows { rows.into_iter().map(thin).collect() } else { rows };
    told(200, &json!({"rows": rows, "total": total}))
}

fn form_urlencoded(query: &str) -> Vec<(String, String)> {
    let decode = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8().unwrap().into_owned();
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

/// How the check ends, and what it says.
async fn check(odd: Odd) -> (i32, String) {
    check_mapping(MAPPING, odd).await
}

async fn check_mapping(mapping: &str, odd: Odd) -> (i32, String) {
    let (app, url) = OddApp::start(move |asked| answer(odd, asked)).await;
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("mapping.yaml"), mapping).unwrap();
    let config = format!(
        "mapping: mapping.yaml\nvars: {{ URL: \"{url}\", TOKEN: {{ value: s3cret, secret: true }} }}\n\
         clients: [{{ name: a, bearers: [{{ bearer_sha256: {} }}] }}]\n",
        "ab".repeat(32)
    );
    fs::write(folder.path().join("portolan.yaml"), config).unwrap();
    let place = folder.path().to_owned();
    let run = move || {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_portolan"));
        command.args(["check", "--live", "portolan.yaml"]).current_dir(place).output().unwrap()
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
    for told in ["User7", "user1", "Nick7", "s3cret"] {
        assert!(!said.contains(told), "nobody's value is told: {said}");
    }
    let calls = app.calls();
    assert!(
        calls.iter().all(|call| call.starts_with("GET ") || call.starts_with("HEAD ")),
        "nothing is written: {calls:?}"
    );
    drop(Arc::clone(&app));
    (output.status.code().unwrap(), said)
}

#[tokio::test]
async fn an_app_as_its_mapping_says_has_no_faults() {
    let (code, said) = check(Odd::default()).await;
    assert_eq!((code, said.contains("no faults")), (0, true), "{said}");
}

#[tokio::test]
async fn a_rule_with_a_call_of_its_own_is_tried_as_any() {
    let (code, said) = check(Odd { forgets_a_nick: true, ..Odd::default() }).await;
    let message =
        "error[lost-match]: User: `nickName eq ?` loses matches: of 1 records that match the app did not give 1";
    assert!(code == 2 && said.contains(message) && said.contains("1 error, "), "{said}");
    let (code, said) = check(Odd { guesses_nicks: true, ..Odd::default() }).await;
    let message = "error[broken-promise]: User: `nickName eq ?` says `matches: exactly`, and of 2 rows that the app gave 1 do not match";
    assert!(code == 2 && said.contains(message) && said.contains("1 error, "), "{said}");
}

#[tokio::test]
async fn a_rule_that_is_not_exact_is_named() {
    let (code, said) = check(Odd { knows_no_login: true, ..Odd::default() }).await;
    assert_eq!(code, 2, "{said}");
    let message = "error[broken-promise]: User: `userName eq ?` says `matches: exactly`, and of 30 rows that the app gave 29 do not match";
    assert!(said.contains(message) && said.contains("it seems not to know what the rule sends"), "{said}");
    assert!(said.contains("1 error, "), "the other rules are as they say: {said}");
}

#[tokio::test]
async fn a_rule_that_loses_matches_is_named() {
    let (code, said) = check(Odd { tells_letters_apart: true, ..Odd::default() }).await;
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("error[lost-match]: User: `emails.value eq ?` loses matches: of 1 records"), "{said}");
    assert!(said.contains("1 error, "), "{said}");
}

#[tokio::test]
async fn what_else_is_not_so() {
    let cases: [(Odd, &str); 5] = [
        (
            Odd { small_pages: true, ..Odd::default() },
            "error[page-size]: User: `pages.max` is 20, and the app gives no more than 5 rows",
        ),
        (Odd { wrong_total: true, ..Odd::default() }, "error[broken-read]: User: `list`: "),
        (
            Odd { large_nicks: true, ..Odd::default() },
            "error[broken-promise]: User: `nickName` says `fold`, and 1 records hold letters",
        ),
        (Odd { html_for_nobody: true, ..Odd::default() }, "error[no-record]: User: `get` with an id that nobody has"),
        (Odd { other_token: true, ..Odd::default() }, "error[signed-out]: User: the app does not let us in"),
    ];
    for (odd, message) in cases {
        let (code, said) = check(odd).await;
        assert!(code == 2 && said.contains(message), "{message}\n{said}");
        assert!(said.contains("1 error, "), "{message}\n{said}");
    }
}

#[tokio::test]
async fn rows_that_tell_otherwise_than_the_record_are_named() {
    let thin = Odd { thin_rows: true, ..Odd::default() };
    let message = "error[broken-promise]: User: rows of the list tell `emails` otherwise than `get`";
    let (code, said) = check(thin).await;
    assert!(code == 2 && said.contains(message) && !said.contains("hidden"), "{said}");
    let gives = |what: &str| MAPPING.replace("      rows: $.rows\n", &format!("      rows: $.rows\n      {what}\n"));
    let (code, said) = check_mapping(&gives("gives: [userName, emails]"), thin).await;
    assert!(code == 2 && said.contains(message) && said.contains("1 error, "), "{said}");
    let (code, said) = check_mapping(&gives("gives: [userName]"), thin).await;
    assert_eq!((code, said.contains("no faults")), (0, true), "{said}");
    let (code, said) = check_mapping(&gives("gives: [userName]"), Odd { tells_letters_apart: true, ..thin }).await;
    let message = "error[lost-match]: User: `emails.value eq ?` loses matches: of 1 records";
    assert!(code == 2 && said.contains(message), "rules are tried by what records hold: {said}");
    let (code, said) = check_mapping(&gives("holds: nickName eq \"nick1\""), Odd::default()).await;
    assert!(code == 2 && said.contains("says otherwise than `holds: nickName eq"), "{said}");
}

#[tokio::test]
async fn rows_of_a_batch_that_name_none_of_the_asked_are_named() {
    let mapping = MAPPING
        .replace("    get: GET", "    parts: { titles: { call: \"GET /titles?of={{commas values}}\", rows: $, batch: 20, match: $.of } }\n    get: GET")
        .replace("    attributes:\n", "    attributes:\n      title: { at: \"$.titles[0].is\", access: [read] }\n");
    assert_eq!(check_mapping(&mapping, Odd::default()).await.0, 0);
    let (code, said) = check_mapping(&mapping, Odd { other_ids: true, ..Odd::default() }).await;
    let message = "error[broken-promise]: User: the part `titles` is asked for 20 records, and its rows name none of them at $.of";
    assert!(code != 0 && said.contains(message), "{said}");
}
