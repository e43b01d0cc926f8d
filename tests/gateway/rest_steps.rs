//! Writes that take several calls in order: values kept between them, waiting for jobs, and what becomes of a failure in the
//! middle.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use serde_json::{Value, json};

use super::{
    door::{Door, LIMITS, user},
    odd_app::{Asked, OddApp, Told, told},
};

const MAPPING: &str = "
mapping: 1
app: { rest: { url: '${ACME_URL}' } }
resources:
  User:
    id: $.id
    attributes:
      userName: { at: $.login, access: [read, create] }
      title: $.title
    get: GET /users/{{id}}
    create:
      steps:
        - { call: POST /accounts, json: { mail: $.record.login }, keep: { account: $.no, ticket: $headers.X-Ticket }, undo: 'DELETE /accounts/{{account}}' }
        - { call: 'POST /users?ticket={{ticket}}', json: { account: $.account, '...': $.record }, record: $ }
    update:
      steps:
        - { call: POST /edits, json: { of: $.id }, keep: { edit: $.no } }
        - { call: 'PATCH /edits/{{edit}}', json: $.changed }
        - { call: 'POST /edits/{{edit}}/done', repeat: safe }
    delete:
      steps:
        - { call: 'DELETE /users/{{id}}', keep: { job: $.job } }
        - { call: 'GET /jobs/{{job}}', until: { $.status: complete }, every: 50 ms, within: 300 ms,
            answers: [{ when: { $.status: failed }, then: refused, detail: $.why }] }
";

async fn app(act: impl Fn(&Asked) -> Option<Told> + Send + Sync + 'static) -> (Arc<OddApp>, Door) {
    let (app, url) = OddApp::start(move |asked| {
        act(asked).unwrap_or_else(|| match (asked.method.as_str(), asked.target.as_str()) {
            ("POST", "/accounts") => Told(201, vec![("x-ticket", "t/1".into())], json!({"no": "a&7"}).to_string()),
            ("POST", "/edits") => told(201, &json!({"no": 5})),
            ("DELETE", "/users/1") => told(202, &json!({"job": "j1"})),
            ("POST", _) | ("GET", "/users/1") => told(200, &json!({"id": "1", "login": "ann", "title": "new"})),
            _ => told(200, &Value::Null),
        })
    })
    .await;
    (app, Door::over_text(MAPPING, &url, LIMITS).await)
}

#[tokio::test]
async fn what_one_call_tells_the_next_one_uses() {
    let (app, door) = app(|_| None).await;
    door.ask("POST", "/Users", user("ann")).await.is(201);
    assert_eq!(
        app.calls(),
        [r#"POST /accounts {"mail":"ann"}"#, r#"POST /users?ticket=t%2F1 {"account":"a&7","login":"ann"}"#]
    );
    let change = json!([{"op": "replace", "path": "title", "value": "new"}]);
    door.patch("/Users/1", change).await.is(200);
    assert_eq!(
        app.calls(),
        [r#"POST /edits {"of":"1"}"#, r#"PATCH /edits/5 {"title":"new"}"#, "POST /edits/5/done", "GET /users/1"]
    );
}

#[tokio::test]
async fn a_failure_in_the_middle_is_taken_back_or_told() {
    // The second call is refused: the first is taken back, and nothing took effect.
    let (app_, door) = app(|asked| asked.target.starts_with("/users").then(|| told(422, &json!({})))).await;
    let detail = door.ask("POST", "/Users", user("ann")).await.fails(400, "invalidValue");
    assert!(!detail.contains("took effect"), "{detail}");
    assert_eq!(app_.calls().last().unwrap(), "DELETE /accounts/a%267");
    // Where that fails, too, the client is told what stays.
    let (_, door) = app(|asked| {
        let bad = asked.target.starts_with("/users") || asked.method == "DELETE";
        bad.then(|| told(422, &json!({})))
    })
    .await;
    let detail = door.ask("POST", "/Users", user("ann")).await.fails(400, "invalidValue");
    assert!(detail.contains("took effect") && detail.contains("step 1 of 2"), "{detail}");
    // A step without a way back.
    let (app_, door) = app(|asked| (asked.method == "PATCH").then(|| told(422, &json!({})))).await;
    let change = json!([{"op": "replace", "path": "title", "value": "new"}]);
    let detail = door.patch("/Users/1", change.clone()).await.fails(400, "invalidValue");
    assert!(detail.contains("step 1 of 3 of the change of `title`"), "{detail}");
    assert_eq!(app_.calls().len(), 2, "what comes behind it is not sent");
    // A reply that does not tell what is needed.
    let (app_, door) = app(|asked| (asked.target == "/edits").then(|| told(201, &json!({})))).await;
    let detail = door.patch("/Users/1", change).await.fails(502, "");
    assert!(detail.contains("step 1 of 3"), "{detail}");
    assert_eq!(app_.calls().len(), 1);
}

#[tokio::test]
async fn a_job_is_waited_for() {
    let looks = Arc::new(AtomicUsize::new(0));
    let seen = looks.clone();
    let (app_, door) = app(move |asked| {
        let look = || {
            told(200, &json!({"status": if seen.fetch_add(1, Ordering::Relaxed) < 2 { "active" } else { "complete" }}))
        };
        (asked.target == "/jobs/j1").then(look)
    })
    .await;
    door.ask("DELETE", "/Users/1", Value::Null).await.is(204);
    assert_eq!(app_.calls(), ["DELETE /users/1", "GET /jobs/j1", "GET /jobs/j1", "GET /jobs/j1"]);
    let (_, door) = app(|asked| {
        (asked.target == "/jobs/j1").then(|| told(200, &json!({"status": "failed", "why": "it is the last one"})))
    })
    .await;
    let detail = door.ask("DELETE", "/Users/1", Value::Null).await.fails(400, "invalidValue");
    assert!(detail.starts_with("it is the last one") && detail.contains("step 1 of 2 of the deletion"), "{detail}");
    // One that is never done: nobody knows.
    let (app_, door) = app(|asked| (asked.target == "/jobs/j1").then(|| told(200, &json!({"status": "active"})))).await;
    let detail = door.ask("DELETE", "/Users/1", Value::Null).await.fails(504, "");
    assert!(detail.contains("not known"), "{detail}");
    assert!(app_.calls().len() <= 8);
}

const WHEN: &str = "
mapping: 1
app: { rest: { url: '${ACME_URL}', answers: [{ when: { status: 422 }, then: refused }] } }
resources:
  User:
    id: $.id
    attributes:
      userName: { at: $.login, access: [read, create] }
      title: $.title
    get: GET /users/{{id}}
    create:
      steps:
        - { call: POST /mails, json: { to: $.record.login }, when: { $.record.title: { given: true } }, keep: { mail: $.no }, undo: 'DELETE /mails/{{mail}}' }
        - { call: 'POST /mails/{{mail}}/send', when: { $.mail: { given: true } } }
        - { call: POST /users, json: $.record, record: $ }
    update:
      steps:
        - { call: 'POST /users/{{id}}/unlock', when: { $.before.locked: true }, undo: 'POST /users/{{id}}/lock' }
        - { call: 'PATCH /users/{{id}}', json: $.changed }
    delete:
      steps:
        - { call: 'DELETE /users/{{id}}/sessions', when: { '$.before.sessions[*]': { given: true } } }
        - { call: 'DELETE /users/{{id}}' }
        - { call: 'DELETE /homes/{{id}}', when: { $.before.home: { given: true } } }
";

/// An app of one user, who is gone when deleted.
async fn one(user: Value, refuses: &'static str) -> (Arc<OddApp>, Door) {
    let gone = Arc::new(AtomicUsize::new(0));
    let (app, url) = OddApp::start(move |asked| match asked.line().as_str() {
        line if line == refuses => told(422, &json!({})),
        "GET /users/1" if gone.load(Ordering::Relaxed) > 0 => told(404, &json!({})),
        "DELETE /users/1" => {
            gone.fetch_add(1, Ordering::Relaxed);
            told(204, &Value::Null)
        }
        "POST /mails" => told(201, &json!({"no": 5})),
        "POST /users" | "GET /users/1" => told(200, &user),
        _ => told(204, &Value::Null),
    })
    .await;
    (app, Door::over_text(WHEN, &url, LIMITS).await)
}

#[tokio::test]
async fn a_step_may_be_left_out_by_what_was_there_before() {
    let title = json!([{"op": "replace", "path": "title", "value": "Dr."}]);
    let bare = json!({"id": "1", "login": "ann", "title": "a"});
    let (app, door) = one(bare.clone(), "").await;
    door.ask("DELETE", "/Users/1", Value::Null).await.is(204);
    assert_eq!(app.calls(), ["GET /users/1", "DELETE /users/1"]);
    door.ask("DELETE", "/Users/1", Value::Null).await.fails(404, "");
    assert_eq!(app.calls(), ["GET /users/1"], "who is not there has nothing to look at");

    let (app, door) = one(bare, "").await;
    door.patch("/Users/1", title.clone()).await.is(200);
    assert_eq!(app.calls(), ["GET /users/1", r#"PATCH /users/1 {"title":"Dr."}"#, "GET /users/1"]);
    // What an earlier step keeps is there or not; who is not sent cannot be undone.
    door.ask("POST", "/Users", user("ann")).await.is(201);
    assert_eq!(app.calls(), [r#"POST /users {"login":"ann"}"#]);
    let mut titled = user("ann");
    titled["title"] = json!("Dr.");
    door.ask("POST", "/Users", titled).await.is(201);
    assert_eq!(app.calls()[..2], [r#"POST /mails {"to":"ann"}"#, "POST /mails/5/send"]);

    // The record as it was at first speaks for all steps: when it is gone its home is still known.
    let full = json!({"id": "1", "login": "ann", "title": "a", "locked": true, "sessions": [{"id": 7}], "home": "/h"});
    let (app, door) = one(full.clone(), "").await;
    door.ask("DELETE", "/Users/1", Value::Null).await.is(204);
    assert_eq!(app.calls(), ["GET /users/1", "DELETE /users/1/sessions", "DELETE /users/1", "DELETE /homes/1"]);
    for (user, calls) in [
        (
            full.clone(),
            vec!["GET /users/1", "POST /users/1/unlock", r#"PATCH /users/1 {"title":"Dr."}"#, "POST /users/1/lock"],
        ),
        (json!({"id": "1", "login": "ann", "title": "a"}), vec!["GET /users/1", r#"PATCH /users/1 {"title":"Dr."}"#]),
    ] {
        let (app, door) = one(user, "PATCH /users/1").await;
        door.patch("/Users/1", title.clone()).await.fails(400, "invalidValue");
        assert_eq!(app.calls(), calls, "undone is what was done");
    }
}

/// What a write that is sent again is told later is not said of its first call.
#[tokio::test]
async fn a_write_that_is_waited_for_is_not_told_as_refused() {
    let mapping = "
mapping: 1
app: { rest: { url: '${ACME_URL}' } }
resources:
  User:
    id: $.id
    attributes: { userName: { at: $.login, access: [read] }, title: $.title }
    get: GET /users/{{id}}
    update:
      steps: [{ call: 'PATCH /users/{{id}}', json: $.changed, repeat: safe, until: { $.done: true }, every: 50 ms, within: 1 s }]
";
    let asked = Arc::new(AtomicUsize::new(0));
    let (_, url) = OddApp::start(move |_| match asked.fetch_add(1, Ordering::Relaxed) {
        0 => told(200, &json!({"done": false})),
        _ => told(409, &json!({})),
    })
    .await;
    let door = Door::over_text(mapping, &url, LIMITS).await;
    let change = json!([{"op": "replace", "path": "title", "value": "new"}]);
    let detail = door.patch("/Users/1", change).await.fails(409, "uniqueness");
    assert!(detail.contains("not known"), "{detail}");
}
