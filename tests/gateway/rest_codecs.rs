//! Codecs over an HTTP app: what its odd forms read as, and what is written for what clients say.

use serde_json::{Value, json};

use super::{
    door::{Door, LIMITS, user},
    odd_app::{Asked, OddApp, Told, told},
};

const MAPPING: &str = r#"
mapping: 1
app: { rest: { url: '${ACME_URL}' } }
resources:
  User:
    id: { at: $.uid, number: whole }
    attributes:
      userName: { at: $.login, fold: upper }
      nickName: { at: $.link, after: "/people/", before: "?" }
      title: { at: $.title, default: Staff }
      locale: { at: $.prefs, json: $.lang }
      roles: { at: $.tags, split: ",", empty: "" }
      active: { at: $.groups, lacks: { id: 9 } }
      password: { at: $.pass, default: { random: 12 } }
      meta.created: { at: $.made, time: unix_ms }
      meta.lastModified: { at: $.seen, time: { local: Europe/Berlin } }
      urn:ex:crew:berth: { at: $.berth, number: text }
      urn:ex:crew:admin: { at: $.groups, has: { id: [1, 2] } }
      urn:ex:crew:since: { at: $.since, time: { text: "%d.%m.%Y", zone: Europe/Berlin } }
    extensions: { urn:ex:crew: {} }
    get: GET /users/{{id}}
    create: { call: POST /users, json: { id: $.record.uid2, "...": $.record }, record: $, start: { uid2: 0, groups: [{ id: 5, as: guest }] } }
    update:
      - { when: { title: Lead }, call: "POST /users/{{id}}/lead" }
      - { call: "PATCH /users/{{id}}", json: { id: $.id, "...": $.changed } }
schemas:
  urn:ex:crew:
    name: Crew
    attributes:
      - { name: berth, type: integer }
      - { name: admin, type: boolean }
      - { name: since, type: dateTime }
"#;

fn ann() -> Value {
    json!({
        "uid": 7, "login": "ANN", "link": "https://x/people/ann?v=2", "title": "Pilot", "prefs": "{\"lang\":\"de\",\"n\":1}",
        "tags": "red,,blue", "groups": [{"id": 5, "as": "guest"}, {"id": 9, "as": "off"}], "made": 1_784_714_405_250_i64,
        "seen": "2026-07-22 12:00:05", "berth": "42", "since": "22.07.2026"
    })
}

fn app(asked: &Asked) -> Told {
    match asked.line().as_str() {
        "POST /users" => told(201, &{
            let mut made = ann();
            made.as_object_mut().unwrap().extend(asked.json().as_object().unwrap().clone());
            made
        }),
        "GET /users/8" => told(200, &json!({"uid": 8, "login": "BO", "link": "nowhere"})),
        "GET /users/9" => told(200, &json!({"uid": 9, "login": "CY", "groups": "none"})),
        _ => told(200, &ann()),
    }
}

#[tokio::test]
async fn odd_forms_are_read() {
    let (app, url) = OddApp::start(app).await;
    let door = Door::over_text(MAPPING, &url, LIMITS).await;
    let body = door.get("/Users/7").await.is(200);
    for (attribute, value) in [
        ("userName", json!("ANN")),
        ("nickName", json!("ann")),
        ("locale", json!("de")),
        ("roles", json!([{"value": "red"}, {"value": "blue"}])),
        ("active", json!(false)),
        ("urn:ex:crew", json!({"berth": 42, "admin": false, "since": "2026-07-21T22:00:00Z"})),
    ] {
        assert_eq!(body[attribute], value, "{attribute}");
    }
    assert_eq!(body["meta"]["created"], "2026-07-22T10:00:05.25Z");
    assert_eq!(body["meta"]["lastModified"], "2026-07-22T10:00:05Z");
    // no number, no id; and what is not such a form is no answer
    app.calls();
    for id in ["07", "7.0", "x", "1e3"] {
        door.get(&format!("/Users/{id}")).await.fails(404, "");
    }
    assert_eq!(app.calls(), [""; 0]);
    for id in [8, 9] {
        door.get(&format!("/Users/{id}")).await.fails(502, "");
    }
}

#[tokio::test]
async fn what_is_written_has_the_apps_form() {
    let (app, url) = OddApp::start(app).await;
    let door = Door::over_text(MAPPING, &url, LIMITS).await;
    let mut sent = user("Bea");
    sent["roles"] = json!([{"value": "x"}, {"value": "y"}]);
    sent["active"] = json!(false);
    sent["urn:ex:crew"] = json!({"berth": 42, "since": "2026-07-21T22:00:00Z"});
    door.ask("POST", "/Users", sent.clone()).await.is(201);
    let calls = app.calls();
    let made: Value = serde_json::from_str(calls[0].strip_prefix("POST /users ").unwrap()).unwrap();
    assert_eq!(
        made,
        json!({
            "id": 0, "uid2": 0, "groups": [{"id": 5, "as": "guest"}, {"id": 9}], "login": "BEA", "title": "Staff",
            "tags": "x,y", "pass": made["pass"], "berth": "42", "since": "22.07.2026"
        })
    );
    assert_eq!(made["pass"].as_str().unwrap().len(), 12);
    // what has no such form is refused, and nothing is sent
    for (path, value) in
        [("roles", json!([{"value": "x,y"}])), ("urn:ex:crew", json!({"since": "2026-07-21T22:00:01Z"}))]
    {
        let mut bad = sent.clone();
        bad[path] = value;
        door.ask("POST", "/Users", bad).await.fails(400, "invalidValue");
    }
    assert_eq!(app.calls(), [""; 0]);
}

#[tokio::test]
async fn a_word_in_a_list_is_put_in_and_taken_out_and_the_rest_stays() {
    let (app, url) = OddApp::start(app).await;
    let door = Door::over_text(MAPPING, &url, LIMITS).await;
    door.patch("/Users/7", json!([{"op": "replace", "path": "active", "value": true}, {"op": "add", "path": "urn:ex:crew:admin", "value": true}])).await;
    assert_eq!(
        app.calls()[..2],
        ["GET /users/7", r#"PATCH /users/7 {"id":7,"groups":[{"id":5,"as":"guest"},{"id":1}]}"#].map(str::to_owned)
    );
    // behind another call it is the list as it is then
    door.patch("/Users/7", json!([{"op": "replace", "path": "title", "value": "Lead"}, {"op": "replace", "path": "active", "value": true}])).await;
    assert_eq!(
        app.calls()[..4],
        [
            "GET /users/7",
            "POST /users/7/lead",
            "GET /users/7",
            r#"PATCH /users/7 {"id":7,"groups":[{"id":5,"as":"guest"}]}"#
        ]
        .map(str::to_owned)
    );
    door.patch("/Users/7", json!([{"op": "replace", "path": "active", "value": false}])).await;
    assert_eq!(app.calls()[0], "GET /users/7");
}
