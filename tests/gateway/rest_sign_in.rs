//! Signing in: what calls carry, sessions that are opened by calls, by one caller for all and by tenant, and what becomes of
//! them when they end or are refused.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use serde_json::{Value, json};

use super::{
    door::{Door, LIMITS, user},
    odd_app::{Asked, OddApp, Told, told},
};

/// Every fault has the status 200; a session is cookies, and each kind of write has a token of its own.
const WIKI: &str = r#"
mapping: 1
app:
  rest:
    url: '${ACME_URL}'
    auth:
      session:
        open:
          - { call: 'GET /api?type=login', keep: { login: $.token } }
          - call: POST /api
            form: { action: login, name: bot, password: '${ACME_TOKEN}', token: $.login }
            answers: [{ when: { $.result: { not: Success } }, then: denied }]
          - { call: 'GET /api?type=all', keep: { csrf: $.csrf, making: { at: $headers.X-Making, after: 't=' } } }
        send: { cookies: all }
    answers:
      - { when: { $.error: badtoken }, then: expired }
resources:
  User:
    id: $.id
    attributes: { userName: { at: $.login, case: exact, access: [read, create] } }
    get: GET /users/{{id}}
    create: { call: POST /users, form: { name: $.record.login, token: $.session.making }, record: $ }
    delete: { call: 'POST /users/{{id}}/gone', form: { token: $.session.csrf } }
"#;

/// The app behind it. Its sessions end at will; it counts how often somebody signed in.
#[derive(Default)]
struct Wiki {
    sessions: AtomicUsize,
    ended: AtomicUsize,
    wrong: Mutex<Option<Value>>,
}

impl Wiki {
    fn answer(&self, asked: &Asked) -> Told {
        let cookies = asked.headers.get("cookie").map_or("", |value| value.to_str().unwrap());
        let now = self.sessions.load(Ordering::SeqCst);
        let form = asked.text();
        match asked.line().as_str() {
            "GET /api?type=login" => {
                let headers = vec![("set-cookie", "pre=1; Path=/api; HttpOnly".to_owned())];
                Told(200, headers, json!({"token": r"a+\"}).to_string())
            }
            "POST /api" => {
                assert_eq!(form, r"action=login&name=bot&password=s3cret&token=a%2B%5C");
                assert_eq!(cookies, "pre=1");
                if let Some(wrong) = self.wrong.lock().unwrap().clone() {
                    return told(200, &wrong);
                }
                let number = self.sessions.fetch_add(1, Ordering::SeqCst) + 1;
                let headers = vec![
                    ("set-cookie", format!("wiki={number}; Path=/; HttpOnly")),
                    ("set-cookie", "other=1; Domain=elsewhere.example".to_owned()),
                    ("set-cookie", "pre=; Path=/api; Max-Age=0".to_owned()),
                ];
                Told(200, headers, json!({"result": "Success"}).to_string())
            }
            "GET /api?type=all" => {
                assert_eq!(cookies, format!("wiki={now}"));
                Told(200, vec![("x-making", format!("t=m{now}"))], json!({"csrf": format!("c{now}&")}).to_string())
            }
            _ if cookies != format!("wiki={now}") || self.ended.load(Ordering::SeqCst) >= now => {
                told(200, &json!({"error": "badtoken"}))
            }
            "POST /users" => {
                assert!(form.ends_with(&format!("token=m{now}")), "{form}");
                told(200, &json!({"id": 1, "login": "ann"}))
            }
            "POST /users/1/gone" => {
                assert_eq!(form, format!("token=c{now}%26"));
                told(200, &json!({}))
            }
            _ => told(200, &json!({"id": 1, "login": "ann"})),
        }
    }
}

async fn wiki() -> (Arc<Wiki>, Arc<OddApp>, Door) {
    let wiki = Arc::new(Wiki::default());
    let served = wiki.clone();
    let (app, url) = OddApp::start(move |asked| served.answer(asked)).await;
    (wiki, app, Door::over_text(WIKI, &url, LIMITS).await)
}

#[tokio::test]
async fn a_session_of_cookies_and_a_token_for_each_kind_of_write() {
    let (wiki, app, door) = wiki().await;
    door.get("/Users/1").await.is(200);
    assert_eq!(app.calls().len(), 4, "three calls to sign in");
    door.ask("POST", "/Users", user("ann")).await.is(201);
    door.ask("DELETE", "/Users/1", Value::Null).await.is(204);
    assert_eq!(app.calls().len(), 2);
    assert_eq!(wiki.sessions.load(Ordering::SeqCst), 1);
    // It ends between two requests: the call is sent again, with the tokens of the new one.
    wiki.ended.store(1, Ordering::SeqCst);
    door.ask("DELETE", "/Users/1", Value::Null).await.is(204);
    let calls = app.calls();
    assert_eq!(calls.len(), 5, "{calls:?}");
    assert_eq!(
        (calls[0].as_str(), calls[4].as_str()),
        ("POST /users/1/gone token=c1%26", "POST /users/1/gone token=c2%26")
    );
    // It ends at once: nobody signs in for ever.
    wiki.ended.store(99, Ordering::SeqCst);
    let detail = door.get("/Users/1").await.fails(502, "");
    assert!(detail.contains("credentials"), "{detail}");
    assert_eq!(app.calls().len(), 5, "one call, three to sign in, the call again");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_signs_in_for_all() {
    let (wiki, _, door) = wiki().await;
    for round in 1..=3 {
        let asked: Vec<_> = (0..20)
            .map(|_| {
                let door = door.clone();
                tokio::spawn(async move { door.get("/Users/1").await.is(200) })
            })
            .collect();
        for asked in asked {
            asked.await.unwrap();
        }
        assert_eq!(wiki.sessions.load(Ordering::SeqCst), round);
        wiki.ended.store(round, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn credentials_that_are_not_accepted_are_not_tried_again_and_again() {
    let (wiki, app, door) = wiki().await;
    *wiki.wrong.lock().unwrap() = Some(json!({"result": "Failed", "why": "s3cret is wrong"}));
    for _ in 0..5 {
        let detail = door.get("/Users/1").await.fails(502, "");
        assert!(detail.contains("credentials") && !detail.contains("s3cret"), "{detail}");
    }
    assert_eq!(app.calls(), ["GET /api?type=login", r"POST /api action=login&name=bot&password=s3cret&token=a%2B%5C"]);
}

/// A token that belongs into the body of every call, and a login whose envelope has none.
const RPC: &str = r#"
mapping: 1
app:
  rest:
    url: '${ACME_URL}'
    auth: { session: AUTH }
    frame:
      takes: [method, params]
      call: POST /rpc
      json: { method: $.method, params: $.params, auth: $.session.token }
    answers:
      - { when: { $.error: { contains: re-login } }, then: denied }
resources:
  User:
    id: $.id
    attributes: { userName: { at: $.login, case: exact, access: [read] } }
    get: { method: user.get, params: { id: $.id }, record: $.result }
"#;

#[tokio::test]
async fn a_token_in_the_body() {
    for (auth, first) in [
        ("{ keep: { token: '${ACME_TOKEN}' } }", None),
        (
            "{ open: [{ method: user.login, params: { name: a, password: '${ACME_TOKEN}' }, keep: { token: $.result } }] }",
            Some(json!({"method": "user.login", "params": {"name": "a", "password": "s3cret"}})),
        ),
    ] {
        let (app, url) = OddApp::start(|asked| {
            let said = asked.json();
            told(
                200,
                &match said["method"].as_str() {
                    Some("user.login") => json!({"result": "t0ken"}),
                    _ if said["auth"] == "t0ken" || said["auth"] == "s3cret" => {
                        json!({"result": {"id": "1", "login": "ann"}})
                    }
                    _ => json!({"error": "re-login"}),
                },
            )
        })
        .await;
        let door = Door::over_text(&RPC.replace("AUTH", auth), &url, LIMITS).await;
        door.get("/Users/1").await.is(200);
        door.get("/Users/1").await.is(200);
        let bodies: Vec<Value> = app
            .calls()
            .iter()
            .map(|call| serde_json::from_str(call.strip_prefix("POST /rpc ").unwrap()).unwrap())
            .collect();
        let token = if first.is_some() { "t0ken" } else { "s3cret" };
        let call = json!({"method": "user.get", "params": {"id": "1"}, "auth": token});
        assert_eq!(bodies, first.into_iter().chain([call.clone(), call]).collect::<Vec<_>>());
    }
}

/// What every call carries; nothing a call says takes its place.
#[tokio::test]
async fn credentials_of_every_call() {
    const MAPPING: &str = r#"
mapping: 1
app:
  rest:
    url: '${ACME_URL}'
    auth: AUTH
resources:
  User:
    id: $.id
    attributes: { userName: { at: $.login, case: exact, access: [read] } }
    get: 'GET /users/{{id}}?a=b'
"#;
    for (auth, line, header, value) in [
        (
            "{ basic: { user: 'Åse', password: '${ACME_TOKEN}' } }",
            "GET /users/1?a=b",
            "authorization",
            "Basic w4VzZTpzM2NyZXQ=",
        ),
        ("{ query: { 'api key': '${ACME_TOKEN}&' } }", "GET /users/1?a=b&api%20key=s3cret%26", "cookie", ""),
        ("{ cookie: { sid: '${ACME_TOKEN}', b: c } }", "GET /users/1?a=b", "cookie", "sid=s3cret; b=c"),
        (
            "{ session: { keep: { t: '${ACME_TOKEN}' }, send: { headers: { Authorization: 'Token {{session.t}}' }, query: { k: $.session.t } } } }",
            "GET /users/1?a=b&k=s3cret",
            "authorization",
            "Token s3cret",
        ),
    ] {
        let seen = Arc::new(Mutex::new(String::new()));
        let sees = seen.clone();
        let (app, url) = OddApp::start(move |asked| {
            let found = asked.headers.get(header).map_or("", |value| value.to_str().unwrap());
            *sees.lock().unwrap() = found.to_owned();
            told(200, &json!({"id": "1", "login": "ann"}))
        })
        .await;
        let door = Door::over_text(&MAPPING.replace("AUTH", auth), &url, LIMITS).await;
        door.get("/Users/1").await.is(200);
        assert_eq!((app.calls()[0].as_str(), seen.lock().unwrap().as_str()), (line, value), "{auth}");
    }
}

/// Two tenants behind one address: each call goes to its own, by path and by session.
#[tokio::test]
async fn each_tenant_has_its_own_session_and_path() {
    const MAPPING: &str = r#"
mapping: 1
app:
  rest:
    url: '${ACME_URL}'
    auth:
      session:
        open: [{ call: 'POST /login/{{tenant.realm}}', keep: { token: $.token } }]
        send: { headers: { X-Token: $.session.token } }
resources:
  User:
    id: $.id
    attributes: { userName: { at: $.login, case: exact, access: [read, create] } }
    get: 'GET /realms/{{tenant.realm}}/users/{{id}}'
    create: { call: POST /users, json: { realm: $.tenant.number, name: $.record.login }, record: $ }
"#;
    let (app, url) = OddApp::start(|asked| match asked.target.strip_prefix("/login/") {
        Some(realm) => told(200, &json!({"token": format!("t-{realm}")})),
        None if asked.headers.get("x-token").is_none() => told(401, &json!({})),
        None => told(200, &json!({"id": "1", "login": asked.headers["x-token"].to_str().unwrap()})),
    })
    .await;
    let door = Door::over_text(MAPPING, &url, LIMITS).await;
    let acme = door.of("acme", &json!({"realm": "a b", "number": 7}));
    let globex = door.of("globex", &json!({"realm": "globex", "number": 8}));
    for _ in 0..2 {
        assert_eq!(acme.get("/Users/1").await.is(200)["userName"], "t-a%20b");
        assert_eq!(globex.get("/Users/1").await.is(200)["userName"], "t-globex");
    }
    acme.ask("POST", "/Users", user("ann")).await.is(201);
    assert_eq!(
        app.calls(),
        [
            "POST /login/a%20b",
            "GET /realms/a%20b/users/1",
            "POST /login/globex",
            "GET /realms/globex/users/1",
            "GET /realms/a%20b/users/1",
            "GET /realms/globex/users/1",
            r#"POST /users {"realm":7,"name":"ann"}"#,
        ]
    );
    // Who has no tenant, or one without that value, or with one that would be another path, reaches nothing.
    for door in [door.clone(), door.of("x", &json!({"number": 7})), door.of("x", &json!({"realm": "a/b", "number": 1}))]
    {
        door.get("/Users/1").await.fails(500, "");
    }
    assert_eq!(app.calls(), [""; 0]);
}

/// A token for an OAuth client: asked for at another address, which learns nothing but the client's own name and secret.
#[tokio::test]
async fn an_oauth_client() {
    const MAPPING: &str = r#"
mapping: 1
app:
  rest:
    url: '${ACME_URL}'
    auth: { oauth: { url: 'TOKENS/token', client: 'a b', secret: '${ACME_TOKEN}&', scope: users MORE } }
resources:
  User:
    id: $.id
    attributes: { userName: { at: $.login, case: exact, access: [read] } }
    get: GET /users/{{id}}
"#;
    for (more, form, header) in [
        ("", "grant_type=client_credentials&scope=users&client_id=a%20b&client_secret=s3cret%26", ""),
        (", by: basic", "grant_type=client_credentials&scope=users", "Basic YSUyMGI6czNjcmV0JTI2"),
    ] {
        let given = Arc::new(AtomicUsize::new(0));
        let (count, answer) = (given.clone(), Arc::new(Mutex::new((200, json!({"token_type": "Bearer"})))));
        let answers = answer.clone();
        let (tokens, address) = OddApp::start(move |asked| {
            assert_eq!(asked.headers.get("authorization").map_or("", |v| v.to_str().unwrap()), header);
            let (status, mut body) = answers.lock().unwrap().clone();
            if status == 200 {
                body["access_token"] = json!(format!("t{}", count.fetch_add(1, Ordering::SeqCst) + 1));
            }
            told(status, &body)
        })
        .await;
        let given_ = given.clone();
        let (app, url) = OddApp::start(move |asked| {
            let good = format!("Bearer t{}", given_.load(Ordering::SeqCst));
            match asked.headers.get("authorization").is_some_and(|v| v.to_str().unwrap() == good) {
                true => told(200, &json!({"id": "1", "login": "ann"})),
                false => told(401, &json!({})),
            }
        })
        .await;
        let door = Door::over_text(&MAPPING.replace("TOKENS", &address).replace(" MORE", more), &url, LIMITS).await;
        for _ in 0..3 {
            door.get("/Users/1").await.is(200);
        }
        assert_eq!(tokens.calls(), [format!("POST /token {form}")]);
        // Taken back by the app: another one, once.
        given.fetch_add(1, Ordering::SeqCst);
        door.get("/Users/1").await.is(200);
        assert_eq!((tokens.calls().len(), app.calls().len()), (1, 5));
        // One that is good for a moment is asked for each time.
        *answer.lock().unwrap() = (200, json!({"token_type": "bearer", "expires_in": 0}));
        given.fetch_add(1, Ordering::SeqCst);
        for _ in 0..2 {
            door.get("/Users/1").await.is(200);
        }
        assert_eq!(tokens.calls().len(), 2);
        // None, or none that can be sent so.
        for (status, body, becomes) in [
            (200, json!({"token_type": "mac"}), 502),
            (503, json!({}), 503),
            (500, json!({}), 502),
            (401, json!({"error": "invalid_client", "error_description": "s3cret"}), 502),
        ] {
            *answer.lock().unwrap() = (status, body);
            let detail = door.get("/Users/1").await.fails(becomes, "");
            assert!(!detail.contains("s3cret"), "{detail}");
        }
    }
}
