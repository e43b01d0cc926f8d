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
