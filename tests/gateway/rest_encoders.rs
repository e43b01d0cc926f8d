//! Every place of a call where a value may stand, and values that mean something in one of them: each reaches the app as that very
//! value, or is refused and the app is not asked. Which of the two is said here, so that a place that refuses more is found too.

use std::sync::{Arc, Mutex};

use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::{
    door::{Door, LIMITS, USER},
    odd_app::{Asked, OddApp, told},
};

const MAPPING: &str = "
mapping: 1
app:
  rest:
    url: '${ACME_URL}'
    auth: { session: { keep: { token: '${ACME_TOKEN}' } } }
resources:
  User:
    id: $.id
    attributes:
      userName: { at: $.login, access: [read, create] }
      title: { at: $.title, access: [read, create] }
    get: { call: 'GET /users/{{id}}', query: { t: $.session.token } }
    create: { CALL, record: $ }
";

/// A place: how a call writes it, what it is there, how it is found in what the app was asked, and what cannot
/// stand in it.
struct Place {
    call: &'static str,
    becomes: fn(&str) -> String,
    find: fn(&Asked) -> String,
    refuses: fn(&str) -> bool,
}

fn control(value: &str) -> bool {
    value.contains(char::is_control)
}

fn segment(value: &str) -> bool {
    control(value) || value.contains(['/', '\\']) || value == "." || value == ".."
}

fn header(value: &str) -> bool {
    control(value) || !value.is_ascii() || value.trim() != value
}

fn plain(text: &str) -> String {
    assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~%".contains(&b)), "{text}");
    percent_decode_str(text).decode_utf8().unwrap().into_owned()
}

fn in_path(asked: &Asked) -> String {
    let path = asked.target.split('?').next().unwrap();
    match path.split('/').collect::<Vec<_>>().as_slice() {
        ["", "v", value, "end"] => plain(value),
        other => panic!("{other:?}"),
    }
}

fn in_query(asked: &Asked) -> String {
    let (path, query) = asked.target.split_once('?').unwrap();
    assert_eq!(path, "/v");
    pair(query)
}

/// The field `q`; the others are as they should be, and there are no more.
fn pair(text: &str) -> String {
    let pairs: Vec<_> = text.split('&').map(|pair| pair.split_once('=').unwrap()).collect();
    assert!(
        pairs.iter().all(|(name, value)| *name == "q" || [("l", "ann"), ("t", "s3cret")].contains(&(*name, *value)))
    );
    let found: Vec<_> = pairs.iter().filter(|(name, _)| *name == "q").collect();
    assert_eq!(found.len(), 1, "{text}");
    plain(found[0].1)
}

const PLACES: [Place; 11] = [
    Place {
        call: "call: 'POST /v/{{record.title}}/end', query: REST",
        becomes: str::to_owned,
        find: in_path,
        refuses: segment,
    },
    Place {
        call: "call: 'POST /v/x-{{record.title}}/end', query: REST",
        becomes: |value| format!("x-{value}"),
        find: in_path,
        refuses: segment,
    },
    Place {
        call: "call: 'POST /v?q={{record.title}}', query: REST",
        becomes: str::to_owned,
        find: in_query,
        refuses: control,
    },
    Place {
        call: "call: POST /v, query: { q: $.record.title, REST }",
        becomes: str::to_owned,
        find: in_query,
        refuses: control,
    },
    Place {
        call: "call: POST /v, query: { q: 'a {{json record.title}}&', REST }",
        becomes: |value| format!("a {}&", Value::from(value)),
        find: in_query,
        refuses: |_| false,
    },
    Place {
        call: "call: POST /v, form: { q: $.record.title, REST }",
        becomes: str::to_owned,
        find: |asked| pair(&asked.text()),
        refuses: |_| false,
    },
    Place {
        call: "call: POST /v, form: { q: '={{json record.title}}+', REST }",
        becomes: |value| format!("={}+", Value::from(value)),
        find: |asked| pair(&asked.text()),
        refuses: |_| false,
    },
    Place {
        call: "call: POST /v, json: { q: $.record.title, REST }",
        becomes: str::to_owned,
        find: |asked| asked.json()["q"].as_str().unwrap().to_owned(),
        refuses: |_| false,
    },
    Place {
        call: "call: POST /v, json: { q: 'say {{json record.title}} now', REST }",
        becomes: |value| format!("say {} now", Value::from(value)),
        find: |asked| asked.json()["q"].as_str().unwrap().to_owned(),
        refuses: |_| false,
    },
    Place {
        call: "call: POST /v, query: REST, headers: { X-Q: $.record.title }",
        becomes: str::to_owned,
        find: |asked| asked.headers["x-q"].to_str().unwrap().to_owned(),
        refuses: header,
    },
    Place {
        call: "call: POST /v, query: REST, text: $.record.title",
        becomes: str::to_owned,
        find: |asked| asked.text(),
        refuses: |_| false,
    },
];

/// Each of what means something somewhere: alone, at both ends, in the middle, twice, and beside each other.
fn values() -> Vec<String> {
    const TOKENS: [&str; 40] = [
        "'",
        "\"",
        "`",
        "/",
        "\\",
        "%2F",
        "%2e%2E",
        "%00",
        "%",
        "..",
        ".",
        "\0",
        "\n",
        "\r\n",
        "\t",
        " ",
        "+",
        "&",
        "=",
        "?",
        "#",
        ";",
        ",",
        ":",
        "@",
        "{{",
        "}}",
        "{{record.login}}",
        "{session.token}",
        "{{session.token}}",
        "$.session.token",
        "${ACME_TOKEN}",
        "<",
        "(",
        ")",
        "*",
        "|",
        "é",
        "\u{2028}",
        "😀",
    ];
    let mut values = Vec::new();
    for (nth, token) in TOKENS.iter().enumerate() {
        let other = TOKENS[(nth * 7 + 3) % TOKENS.len()];
        values.extend([
            (*token).to_owned(),
            format!("a{token}"),
            format!("{token}b"),
            format!("a{token}b"),
            format!("{token}{token}"),
            format!("{token}{other}"),
        ]);
    }
    values
}

#[tokio::test]
async fn every_value_in_every_place_is_that_value_or_refused() {
    let values = values();
    for place in PLACES {
        let arrived = Arc::new(Mutex::new(None));
        let (seen, find) = (arrived.clone(), place.find);
        let (_, url) = OddApp::start(move |asked| {
            *seen.lock().unwrap() = Some(find(asked));
            told(201, &json!({"id": "1", "login": "ann", "title": "x"}))
        })
        .await;
        let rest = "l: $.record.login, t: $.session.token";
        let call = place.call.replace("query: REST", &format!("query: {{ {rest} }}")).replace("REST", rest);
        let door = Door::over_text(&MAPPING.replace("CALL", &call), &url, LIMITS).await;
        let mut let_in = 0;
        for value in &values {
            let body = json!({"schemas": [USER], "userName": "ann", "title": value});
            let answer = door.ask("POST", "/Users", body).await;
            let arrived = arrived.lock().unwrap().take();
            // What SCIM itself refuses, as it is no text that can be stored, is refused everywhere.
            let refused = (place.refuses)(value);
            match arrived {
                Some(found) => {
                    let_in += 1;
                    assert_eq!(found, (place.becomes)(value), "{call}");
                    assert!(!refused, "{value:?} in {call}");
                    answer.is(201);
                }
                None => {
                    assert!(refused, "{value:?} in {call}: {}", answer.body);
                    let detail = answer.fails(400, "invalidValue");
                    assert!(!detail.contains("s3cret"), "{detail}");
                }
            }
        }
        assert!(let_in > values.len() / 2, "{let_in} in {call}");
    }
}

/// An id is in a path whatever the client makes of it: it reaches the app as that id, or nobody has it.
#[tokio::test]
async fn every_id_is_that_id_or_nobodys() {
    let arrived = Arc::new(Mutex::new(None));
    let seen = arrived.clone();
    let (_, url) = OddApp::start(move |asked| {
        let path = asked.target.strip_suffix("?t=s3cret").unwrap();
        let id = plain(path.strip_prefix("/users/").unwrap());
        *seen.lock().unwrap() = Some(id.clone());
        told(200, &json!({"id": id, "login": "ann"}))
    })
    .await;
    let call = "call: POST /v, json: { l: $.record.login, q: $.record.title }";
    let door = Door::over_text(&MAPPING.replace("CALL", call), &url, LIMITS).await;
    for id in values() {
        let path = percent_encoding::utf8_percent_encode(&id, percent_encoding::NON_ALPHANUMERIC);
        let answer = door.get(&format!("/Users/{path}")).await;
        match arrived.lock().unwrap().take() {
            Some(found) => {
                assert_eq!((found, answer.is(200)["id"].clone()), (id.clone(), Value::from(id)));
            }
            None => {
                assert!(segment(&id), "{id:?}: {}", answer.body);
                assert!(matches!(answer.status, 400 | 404), "{id:?}: {}", answer.body);
            }
        }
    }
}
