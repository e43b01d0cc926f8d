//! A create whose answer is lost, over an app where it is looked for what became of it.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::{
    door::{Door, LIMITS, USER, user},
    easy_app::{EasyApp, Mood},
    odd_app::{OddApp, told},
};

/// The easy app, whose creates are probed, and its calls as words: what looks, and what makes.
async fn probed(unique: &str) -> (Arc<EasyApp>, Door) {
    let text = std::fs::read_to_string("benches/acme.yaml").unwrap();
    let (line, call) = ("userName: { at: $.login, unique: app", "create: { call: POST /users,");
    assert!(text.contains(line) && text.contains(call), "{text}");
    let text = text.replace(line, &line.replace("app", unique)).replace(call, &format!("{call} repeat: probe,"));
    let (app, url) = EasyApp::start(3).await;
    (app, Door::over_text(&text, &url, LIMITS).await)
}

fn made(app: &EasyApp) -> (usize, usize) {
    let calls = app.calls();
    let posts = calls.iter().filter(|call| call.starts_with("POST /users")).count();
    (posts, calls.iter().filter(|call| call.starts_with("GET /users?")).count())
}

#[tokio::test]
async fn a_lost_answer_is_looked_for() {
    for unique in ["app", "checked"] {
        let (app, door) = probed(unique).await;
        // It was made: the client gets it as if nothing had been.
        for mood in [Mood::Lose, Mood::Half, Mood::Lose] {
            let name = format!("new{}", app.state().users.len());
            app.misbehave("POST /users", mood);
            let body = door.ask("POST", "/Users", user(&name)).await.is(201);
            app.behave();
            assert_eq!(body["userName"], json!(name));
            assert_eq!(made(&app).0, 1, "{unique}: it is not made twice");
        }
        assert_eq!(app.state().users.len(), 6);
        // Nobody knows: sent again only where the app refuses a second one.
        app.misbehave("POST /users", Mood::Hang);
        let detail = door.ask("POST", "/Users", user("slow")).await.fails(504, "");
        assert!(detail.contains("not known"), "{detail}");
        assert_eq!(made(&app).0, if unique == "app" { 2 } else { 1 });
        app.behave();
        // The app itself said no: there is nothing to look for.
        app.misbehave("POST /users", Mood::Say(422, "application/json", "{}".into(), None));
        door.ask("POST", "/Users", user("bad")).await.fails(400, "invalidValue");
        assert_eq!(made(&app).0, 1);
        app.behave();
        // Whose name is taken is not made, whatever the app would say.
        door.ask("POST", "/Users", user("u1")).await.fails(409, "uniqueness");
        assert_eq!(made(&app).0, 0);
        assert_eq!(app.state().users.len(), 6);
    }
}

const MAPPING: &str = "
mapping: 1
app: { rest: { url: \"${ACME_URL}\", answers: [{ when: { status: 422 }, then: refused }] } }
resources:
  User:
    id: $.id
    attributes:
      userName: { at: $.login, access: [read, create], unique: app }
      title: $.title
    get: GET /users/{{id}}
    list: { call: GET /users, rows: $, pages: { by: whole, max: 100 } }
    create: { call: POST /users, json: $.record, record: $, takes: [userName], repeat: probe }
    update: { call: \"PATCH /users/{{id}}\", json: $.changed }
    delete: DELETE /users/{{id}}
";

/// What becomes of a POST, and what it answers.
type Fate = (bool, u16);

/// Users whose POSTs fare so, one after the other, and who refuse every change.
async fn fated(fates: &'static [Fate]) -> (Arc<OddApp>, Arc<Mutex<Vec<Value>>>, Door) {
    let users = Arc::new(Mutex::new(Vec::new()));
    let (kept, posts) = (users.clone(), Mutex::new(fates.iter()));
    let (app, url) = OddApp::start(move |asked| {
        let mut users = kept.lock().unwrap();
        match (asked.method.as_str(), asked.target.strip_prefix("/users/")) {
            ("POST", _) => {
                let (acts, status) = *posts.lock().unwrap().next().unwrap();
                let made = json!({"id": users.len().to_string(), "login": asked.json()["login"]});
                if acts {
                    users.push(made.clone());
                }
                told(status, &made)
            }
            ("GET", None) => told(200, &json!(*users)),
            ("DELETE", Some(id)) => {
                users.retain(|user| user["id"] != id);
                told(204, &Value::Null)
            }
            _ => told(422, &json!({})),
        }
    })
    .await;
    (app, users, Door::over_text(MAPPING, &url, LIMITS).await)
}

#[tokio::test]
async fn two_of_one_name_do_not_find_each_other() {
    let (_, users, door) = fated(&[(true, 201), (false, 500), (false, 422)]).await;
    let (one, other) = tokio::join!(door.ask("POST", "/Users", user("ann")), door.ask("POST", "/Users", user("Ann")));
    assert_eq!((one.status.min(other.status), one.status.max(other.status)), (201, 409), "{one:?} {other:?}");
    assert_eq!(users.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn who_was_only_found_is_not_deleted() {
    let (_, users, door) = fated(&[(true, 500)]).await;
    let sent = json!({"schemas": [USER], "userName": "ann", "title": "Dr."});
    let detail = door.ask("POST", "/Users", sent).await.fails(400, "invalidValue");
    assert!(detail.ends_with("not known: the User was made"), "{detail}");
    assert_eq!(users.lock().unwrap().len(), 1, "it may be another's");
}

#[tokio::test]
async fn an_earlier_try_may_act_yet() {
    for again in [422, 409] {
        let (app, _, door) =
            fated(if again == 422 { &[(false, 500), (false, 422)] } else { &[(false, 500), (false, 409)] }).await;
        let answer = door.ask("POST", "/Users", user("ann")).await;
        let detail = answer.body["detail"].as_str().unwrap_or_default();
        assert!(answer.status > 300 && detail.ends_with("whether the app acted is not known"), "{answer:?}");
        assert_eq!(app.calls().iter().filter(|call| call.starts_with("POST")).count(), 2);
    }
}
