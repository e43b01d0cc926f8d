//! Apps that take a record only whole: it is read, changed and sent back, and what SCIM does not know of stays.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::{
    door::{Door, LIMITS, user},
    odd_app::{Asked, OddApp, Told, told},
};

const MAPPING: &str = "
mapping: 1
app: { rest: { url: '${ACME_URL}', auth: { bearer: '${ACME_TOKEN}' } } }
resources:
  User:
    id: $.id
    attributes:
      userName: $.login
      name.givenName: { at: $.profile.first, empty: '' }
      title: $.title
      active: { at: $.state, values: { true: on, false: off } }
      nickName: { at: $.badge.name, access: [read] }
    parts: { badge: 'GET /users/{{id}}/badge' }
    get: GET /users/{{id}}
    create: { call: POST /users, json: $.record, id: $.id, takes: [userName] }
    update:
      - { when: { active: { to: false } }, call: 'POST /users/{{id}}/off', json: { by: $.before.login } }
      - call: PUT /users/{{id}}
        headers: { If-Match: '{{before.version}}' }
        json: { user: $.whole }
        drop: [version, $.profile.avatar]
";

type Users = Arc<Mutex<Value>>;

/// A PUT replaces the user, and every write makes a new version.
fn act(users: &Users, asked: &Asked) -> Told {
    let mut users = users.lock().unwrap();
    let segments: Vec<&str> = asked.target.split('/').skip(2).collect();
    let key = segments.first().copied().unwrap_or("7").to_owned();
    let version = users[&key]["version"].as_u64().unwrap_or_default();
    match (asked.method.as_str(), segments.get(1)) {
        ("GET", None) if users[&key].is_object() => told(200, &users[&key]),
        ("GET", Some(_)) => told(200, &json!({"name": "gold"})),
        ("POST", None) => {
            users["7"] = json!({"id": "7", "login": asked.json()["login"], "version": 1});
            told(201, &json!({"id": "7"}))
        }
        ("POST", Some(_)) => {
            users[&key]["state"] = json!("off");
            users[&key]["off_at"] = json!("today");
            users[&key]["version"] = json!(version + 1);
            told(204, &Value::Null)
        }
        ("PUT", _) if asked.headers.get("if-match").is_some_and(|tag| tag != version.to_string().as_str()) => {
            told(409, &json!({}))
        }
        ("PUT", _) => {
            users[&key] = asked.json()["user"].clone();
            users[&key]["version"] = json!(version + 1);
            told(200, &users[&key])
        }
        _ => told(404, &Value::Null),
    }
}

async fn app() -> (Users, Arc<OddApp>, Door) {
    let ann = r#"{"id": "1", "login": "ann", "profile": {"first": "Ann", "avatar": "a.png", "shoe": 42.10},
        "state": "on", "version": 5, "badge": "the app's own", "roles": [{"id": 9, "since": null}]}"#;
    let ann: Value = serde_json::from_str(ann).unwrap();
    let users = Arc::new(Mutex::new(json!({"1": ann})));
    let held = users.clone();
    let (app, url) = OddApp::start(move |asked| act(&held, asked)).await;
    (users, app, Door::over_text(MAPPING, &url, LIMITS).await)
}

#[tokio::test]
async fn what_scim_does_not_know_goes_back_as_it_came() {
    let (users, app, door) = app().await;
    let answer = door.patch("/Users/1", json!([{"op": "replace", "path": "title", "value": "Dr."}])).await.is(200);
    assert_eq!(answer["title"], "Dr.");
    assert_eq!(
        app.calls()[..3],
        [
            "GET /users/1",
            "GET /users/1/badge",
            r#"PUT /users/1 {"user":{"id":"1","login":"ann","profile":{"first":"Ann","shoe":42.10},"state":"on","badge":"the app's own","roles":[{"id":9,"since":null}],"title":"Dr."}}"#
        ]
    );
    assert_eq!(users.lock().unwrap()["1"]["version"], 6);
    // The same again changes nothing, and nothing is sent.
    door.patch("/Users/1", json!([{"op": "replace", "path": "title", "value": "Dr."}])).await.is(200);
    assert!(app.calls().iter().all(|call| call.starts_with("GET ")));
    // Taken away, one level down: what stands beside it stays.
    door.patch("/Users/1", json!([{"op": "remove", "path": "name.givenName"}])).await.is(200);
    assert_eq!(
        users.lock().unwrap()["1"]["profile"],
        serde_json::from_str::<Value>(r#"{"first": "", "shoe": 42.10}"#).unwrap()
    );
}

#[tokio::test]
async fn a_step_behind_another_is_made_of_what_that_one_left() {
    let (users, app, door) = app().await;
    let both = json!([{"op": "replace", "value": {"active": false, "title": "Dr."}}]);
    let answer = door.patch("/Users/1", both).await.is(200);
    assert_eq!((&answer["active"], &answer["title"]), (&json!(false), &json!("Dr.")));
    let calls = app.calls();
    assert_eq!(
        calls[..4].iter().map(|c| c.split(" {").next().unwrap()).collect::<Vec<_>>(),
        ["GET /users/1", "GET /users/1/badge", "POST /users/1/off", "GET /users/1"]
    );
    assert!(calls[2].ends_with(r#"{"by":"ann"}"#), "{calls:?}");
    assert_eq!(users.lock().unwrap()["1"]["off_at"], "today", "what the first call did is not undone by the second");
}

#[tokio::test]
async fn a_create_is_finished_with_the_record_that_was_made() {
    let (users, app, door) = app().await;
    let mut sent = user("bo");
    sent["title"] = json!("Mx.");
    let made = door.ask("POST", "/Users", sent).await.is(201);
    assert_eq!((&made["id"], &made["userName"], &made["title"]), (&json!("7"), &json!("bo"), &json!("Mx.")));
    let calls = app.calls();
    assert_eq!(calls[..2], [r#"POST /users {"login":"bo"}"#, "GET /users/7"]);
    assert_eq!(users.lock().unwrap()["7"]["title"], "Mx.");
}

#[tokio::test]
async fn an_edit_made_meanwhile_is_seen_where_the_app_knows_versions() {
    let users: Users = Arc::new(Mutex::new(json!({"1": {"id": "1", "login": "ann", "version": 5}})));
    let held = users.clone();
    let (_, url) = OddApp::start(move |asked| {
        if asked.method == "PUT" {
            let mut users = held.lock().unwrap();
            users["1"]["version"] = json!(6);
            users["1"]["phone"] = json!("1234");
        }
        act(&held, asked)
    })
    .await;
    let door = Door::over_text(MAPPING, &url, LIMITS).await;
    let op = json!([{"op": "replace", "path": "title", "value": "Dr."}]);
    door.patch("/Users/1", op.clone()).await.fails(409, "uniqueness");
    assert_eq!(users.lock().unwrap()["1"]["phone"], "1234");
    // Who is gone is gone, and nobody is made by a PUT.
    door.patch("/Users/2", op).await.fails(404, "");
    assert!(users.lock().unwrap()["2"].is_null());
}

#[tokio::test]
async fn writers_of_a_whole_record_go_one_after_another() {
    let (users, _, door) = app().await;
    let door = Arc::new(door);
    let writers = ["title", "name.givenName", "userName"].map(|path| {
        let door = door.clone();
        tokio::spawn(async move {
            door.patch("/Users/1", json!([{"op": "replace", "path": path, "value": "new"}])).await.is(200);
        })
    });
    for writer in writers {
        writer.await.unwrap();
    }
    let users = users.lock().unwrap();
    let ann = &users["1"];
    assert_eq!([&ann["title"], &ann["login"], &ann["profile"]["first"]], ["new"; 3], "{ann}");
}
