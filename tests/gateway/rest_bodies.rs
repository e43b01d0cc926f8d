//! Bodies of every kind, and an app that speaks JSON-RPC: one envelope around every call, errors with status 200.

use serde_json::{Value, json};

use super::{
    door::{Door, LIMITS, user},
    odd_app::{Asked, OddApp, Told, told},
};

const RPC: &str = "
mapping: 1
app:
  rest:
    url: '${ACME_URL}'
    frame:
      takes: [method, params]
      call: POST /rpc
      headers: { X-Api: '2' }
      json: { jsonrpc: '2.0', method: $.method, params: $.params, id: 1 }
    answers:
      - { when: { $.error.data: { contains: already exists } }, then: exists }
      - { when: { $.error.data: { contains: no such } }, then: absent }
      - { when: { $.error.code: -32602 }, then: refused, detail: $.error.data }
      - { when: { $.result: { given: false } }, then: broken }
resources:
  User:
    id: $.userid
    attributes:
      userName: { at: $.username, case: exact, unique: app }
      title: { at: $.title, empty: '' }
    get: { method: user.one, params: { id: $.id }, record: $.result }
    list:
      method: user.get
      params: { output: [userid, username], limit: $.size }
      rows: $.result
      pages: { by: whole, max: 100 }
      filters:
        userName eq ?: { params: { filter: { username: $.value } }, matches: exactly }
    create: { method: user.create, params: $.record, id: '$.result.userids[0]' }
    update: { method: user.update, params: { userid: $.id, '...': $.changed }, repeat: safe }
    delete: { method: user.delete, params: [$.id] }
";

fn rpc(asked: &Asked) -> Told {
    let body = asked.json();
    assert_eq!((&body["jsonrpc"], &body["id"], asked.line().as_str()), (&json!("2.0"), &json!(1), "POST /rpc"));
    assert_eq!(
        (asked.headers["x-api"].as_bytes(), asked.headers["content-type"].as_bytes()),
        (&b"2"[..], &b"application/json"[..])
    );
    let params = &body["params"];
    let error = |code: i64, data: &str| json!({"jsonrpc": "2.0", "error": {"code": code, "message": "Invalid params.", "data": data}, "id": 1});
    let result = |result: Value| json!({"jsonrpc": "2.0", "result": result, "id": 1});
    let ann = json!({"userid": "1", "username": "ann", "title": ""});
    told(
        200,
        &match body["method"].as_str().unwrap() {
            "user.one" if params["id"] == "1" => result(ann),
            "user.one" => error(-32500, "no such user"),
            "user.get" if params["filter"]["username"] == "bo" => result(json!([])),
            "user.get" => result(json!([ann])),
            "user.create" if params["username"] == "ann" => error(-32602, "User \"ann\" already exists."),
            "user.create" if params["username"] == "odd" => json!({"jsonrpc": "2.0", "id": 1}),
            "user.create" if params["username"] == "bad" => error(-32602, "this name is bad"),
            "user.create" => result(json!({"userids": ["1"]})),
            "user.update" | "user.delete" => result(json!({"userids": ["1"]})),
            method => panic!("{method}"),
        },
    )
}

fn said(calls: &[String]) -> Vec<Value> {
    calls
        .iter()
        .map(|call| {
            let body: Value =
                serde_json::from_str(call.split_once('{').map(|(_, rest)| format!("{{{rest}")).unwrap().as_str())
                    .unwrap();
            json!([body["method"], body["params"]])
        })
        .collect()
}

#[tokio::test]
async fn remote_procedures_in_one_envelope() {
    let (app, url) = OddApp::start(rpc).await;
    let door = Door::over_text(RPC, &url, LIMITS).await;
    assert_eq!(door.get("/Users/1").await.is(200)["userName"], "ann");
    assert_eq!(said(&app.calls()), [json!(["user.one", {"id": "1"}])]);
    door.get("/Users/2").await.fails(404, "");
    app.calls();
    assert_eq!(door.find("/Users", "userName eq \"bo\"").await.ids(), [""; 0]);
    assert_eq!(
        said(&app.calls()),
        [json!(["user.get", {"output": ["userid", "username"], "limit": 100, "filter": {"username": "bo"}}])]
    );
    assert_eq!(door.get("/Users").await.ids(), ["1"]);
    assert_eq!(said(&app.calls()), [json!(["user.get", {"output": ["userid", "username"], "limit": 100}])]);

    door.ask("POST", "/Users", user("ann")).await.fails(409, "uniqueness");
    assert_eq!(door.ask("POST", "/Users", user("bad")).await.fails(400, "invalidValue"), "this name is bad");
    door.ask("POST", "/Users", user("odd")).await.fails(502, "");
    app.calls();
    door.ask("POST", "/Users", user("new")).await.is(201);
    assert_eq!(
        said(&app.calls()),
        [json!(["user.create", {"username": "new", "title": ""}]), json!(["user.one", {"id": "1"}])]
    );
    door.patch("/Users/1", json!([{"op": "replace", "path": "title", "value": "Dr."}])).await.is(200);
    assert_eq!(said(&app.calls())[0], json!(["user.update", {"userid": "1", "title": "Dr."}]));
    door.ask("DELETE", "/Users/1", Value::Null).await.is(204);
    assert_eq!(said(&app.calls()), [json!(["user.delete", ["1"]])]);
}

const FORMS: &str = "
mapping: 1
app: { rest: { url: '${ACME_URL}', frame: { form: { format: json } } } }
resources:
  User:
    id: $.id
    attributes:
      userName: { at: $.login, access: [read, create] }
      title: $.title
      nickName: { at: $.note, access: [update] }
    get: GET /users/{{id}}
    create:
      call: POST /users
      form: { local: { at: $.record.login, before: '@' }, '...': $.record, token: { random: 24 }, tags: [a, b] }
      record: $
    update:
      - { when: { nickName: { to: { given: true } } }, call: 'PUT /users/{{id}}/note', text: $.changed.note, merges: true }
      - { call: 'POST /users/{{id}}', form: { user: $.changed } }
";

#[tokio::test]
async fn forms_and_texts() {
    let (app, url) = OddApp::start(|asked| {
        let kind = asked.headers.get("content-type").map(|v| v.to_str().unwrap().to_owned()).unwrap_or_default();
        assert_eq!(kind.starts_with("text/plain"), asked.target.ends_with("/note"), "{kind}");
        assert_eq!(kind.is_empty(), asked.method == "GET", "a frame puts no body under a GET");
        told(200, &json!({"id": "1", "login": "ann@x", "title": kind}))
    })
    .await;
    let door = Door::over_text(FORMS, &url, LIMITS).await;
    let mut sent = user("ann@x");
    sent["title"] = json!("a&b=c");
    let made = door.ask("POST", "/Users", sent.clone()).await.is(201);
    assert_eq!(made["title"], "application/x-www-form-urlencoded");
    door.ask("POST", "/Users", sent.clone()).await.is(201);
    let calls = app.calls();
    let fields: Vec<Vec<&str>> = calls.iter().map(|call| call["POST /users ".len()..].split('&').collect()).collect();
    assert_eq!(fields[0][..4], ["format=json", "local=ann", "login=ann%40x", "title=a%26b%3Dc"]);
    assert_eq!(fields[0][5..], ["tags%5B%5D=a", "tags%5B%5D=b"]);
    assert_eq!(fields[0][4].len(), "token=".len() + 24);
    assert_ne!(fields[0][4], fields[1][4], "two are never the same");
    // Without the mark there is nothing to send, and a form has no word for nothing.
    sent["userName"] = json!("ann");
    door.ask("POST", "/Users", sent).await.fails(400, "invalidValue");
    door.patch("/Users/1", json!([{"op": "remove", "path": "title"}])).await.fails(400, "invalidValue");
    assert_eq!(app.calls(), [""; 0]);
    door.patch("/Users/1", json!([{"op": "replace", "value": {"title": "x", "nickName": "a\n{{b}}"}}])).await.is(200);
    assert_eq!(app.calls()[..2], ["PUT /users/1/note a\n{{b}}", "POST /users/1 format=json&user%5Btitle%5D=x"]);
}
