//! Lists of which an app keeps one item of each kind, in fields of its own.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::{
    door::{Door, LIMITS, USER},
    easy_app::EasyApp,
    odd_app::{OddApp, told},
};

async fn doors() -> [Door; 2] {
    let (_app, url) = EasyApp::start(1).await;
    let lines =
        "emails[type eq \"work\" and primary eq true].value: $.email\n      emails[type eq \"home\"].value: $.private";
    let mapping = std::fs::read_to_string("benches/acme.yaml").unwrap();
    let mapping = mapping.replace("emails[type eq \"work\"].value: { at: $.email, unique: app }", lines);
    [Door::over_text(&mapping, &url, LIMITS).await.strict(), Door::over_text(&mapping, &url, LIMITS).await]
}

fn replace(items: &Value) -> Value {
    json!([{"op": "replace", "path": "emails", "value": items}])
}

#[tokio::test]
async fn an_item_may_leave_out_what_is_always_so_in_its_place() {
    for door in doors().await {
        let sent = json!([{"value": "h", "type": "home"}, {"value": "w", "type": "work"}]);
        let now = door.patch("/Users/1", replace(&sent)).await.is(200);
        let kept = json!([{"value": "w", "type": "work", "primary": true}, {"value": "h", "type": "home"}]);
        assert_eq!(now["emails"], kept);
        // What says nothing is nothing lost.
        let sent = json!([{"value": "h", "type": "Home", "primary": false}]);
        let now = door.patch("/Users/1", replace(&sent)).await.is(200);
        assert_eq!(now["emails"], json!([{"value": "h", "type": "home"}]));
    }
}

/// Strictly, what an app has no place for is refused. Tolerantly the rest is kept, as providers send what no app has.
#[tokio::test]
async fn what_would_be_lost_or_guessed_is_refused_by_the_letter() {
    let [strict, tolerant] = doors().await;
    for (sent, kept) in [
        // The home address is never the primary one.
        (json!([{"value": "h", "type": "home", "primary": true}]), json!([{"value": "h", "type": "home"}])),
        // At home or at work?
        (json!([{"value": "x"}]), json!([{"value": "x", "type": "work", "primary": true}])),
        (
            json!([{"value": "a", "type": "home"}, {"value": "b", "type": "home"}]),
            json!([{"value": "a", "type": "home"}]),
        ),
    ] {
        let before = strict.get("/Users/1").await.is(200);
        let detail = strict.patch("/Users/1", replace(&sent)).await.fails(400, "invalidValue");
        assert!(detail.contains("no place for"), "{detail}");
        assert_eq!(strict.get("/Users/1").await.is(200), before);
        assert_eq!(tolerant.patch("/Users/1", replace(&sent)).await.is(200)["emails"], kept, "{sent}");
    }
}

const ADDRESSES: &str = "
      addresses[type eq \"work\"].streetAddress: FROM.street
      addresses[type eq \"work\"].locality: FROM.city
      addresses[type eq \"work\"].country: { AT: FROM.country, values: { CH: 1, DE: 2 } }
      addresses[type eq \"home\"].locality: FROM.home
      phoneNumbers[type eq \"work\"].value: FROM.phone
      phoneNumbers[type eq \"work\"].display: FROM.phone_text
";

fn http() -> String {
    let lines = ADDRESSES.replace("FROM", "$").replace("AT:", "at:");
    format!(
        "
mapping: 1
app: {{ rest: {{ url: '${{ACME_URL}}' }} }}
resources:
  User:
    id: $.id
    attributes:
      userName: $.login{lines}
    get: GET /users/{{{{id}}}}
    list: {{ call: GET /users, rows: $, pages: {{ by: whole, max: 9 }}, filters: {{ addresses.country eq ?: {{ query: {{ country: $.value }}, case: any }} }} }}
    create: {{ call: POST /users, json: $.record, record: $ }}
    update: {{ call: 'PATCH /users/{{{{id}}}}', json: $.changed, record: $ }}
"
    )
}

fn table() -> String {
    let lines = ADDRESSES.replace("FROM.", "").replace("AT:", "column:");
    format!(
        "
mapping: 1
app: {{ sql: {{ url: \"${{DATABASE}}\" }} }}
resources:
  User:
    table: person
    key: id
    attributes:
      userName: login{lines}
"
    )
}

async fn addressed() -> (Vec<Door>, Arc<OddApp>) {
    let user = Arc::new(Mutex::new(json!({"id": "1"})));
    let (app, url) = OddApp::start(move |asked| {
        let mut user = user.lock().unwrap();
        if !asked.body.is_empty() {
            user.as_object_mut().unwrap().extend(asked.json().as_object().unwrap().clone());
        }
        told(
            200,
            &if asked.target.starts_with("/users?") || asked.line() == "GET /users" {
                json!([*user])
            } else {
                user.clone()
            },
        )
    })
    .await;
    let script =
        "create table person (id integer primary key, login text not null, street text, city text, country integer,
        home text, phone text, phone_text text);";
    (vec![Door::over_text(&http(), &url, LIMITS).await, Door::over_tables(&table(), script).await], app)
}

#[tokio::test]
async fn an_item_may_have_several_fields() {
    let (doors, app) = addressed().await;
    let work = json!({"type": "work", "streetAddress": "Gasse 1", "locality": "Bern", "country": "CH"});
    for door in doors {
        let sent = json!({"schemas": [USER], "userName": "ann", "addresses": [work], "phoneNumbers": [{"value": "1", "type": "work", "display": "one"}]});
        let made = door.ask("POST", "/Users", sent).await.is(201);
        assert_eq!(made["addresses"], json!([work]), "who has no city at home has no address there");
        assert_eq!(made["phoneNumbers"][0]["display"], "one");
        let at = format!("/Users/{}", made["id"].as_str().unwrap());
        // One part of one item; the others stay.
        let change = json!([
            {"op": "replace", "path": "addresses[type eq \"work\"].locality", "value": "Thun"},
            {"op": "add", "path": "addresses", "value": [{"type": "home", "locality": "Spiez"}]},
        ]);
        let now = door.patch(&at, change).await.is(200);
        let moved = json!({"type": "work", "streetAddress": "Gasse 1", "locality": "Thun", "country": "CH"});
        assert_eq!(now["addresses"], json!([moved, {"type": "home", "locality": "Spiez"}]));
        for (filter, found) in [
            ("addresses[type eq \"work\" and locality eq \"Thun\"]", 1),
            ("addresses[type eq \"work\" and locality eq \"Spiez\"]", 0),
            ("addresses[locality eq \"Thun\" and country eq \"CH\"]", 1),
            ("addresses.country eq \"CH\"", 1),
            ("addresses[type eq \"home\" and country pr]", 0),
            ("phoneNumbers[display eq \"one\" and value eq \"1\"]", 1),
        ] {
            assert_eq!(door.find("/Users", filter).await.is(200)["totalResults"], found, "{filter}");
        }
        // Without its value a number is none, and its display goes with it.
        let gone = json!([{"op": "remove", "path": "phoneNumbers[type eq \"work\"].value"}]);
        assert!(door.patch(&at, gone).await.is(200).get("phoneNumbers").is_none());
        let now = door.patch(&at, json!([{"op": "remove", "path": "addresses[type eq \"work\"]"}])).await.is(200);
        assert_eq!(now["addresses"], json!([{"type": "home", "locality": "Spiez"}]));
    }
    let calls = app.calls();
    let asked = |line: &str| calls.iter().any(|call| call == line);
    assert!(asked("GET /users?country=1"), "the app is asked in its own words: {calls:?}");
    let last = calls.iter().rfind(|call| call.starts_with("PATCH")).unwrap();
    assert!(last.contains("\"street\":null") && last.contains("\"country\":null"), "{last}");
}
