//! Conversations that are written down.

use super::*;

fn conversation(lines: &[(&str, &str, Option<Value>)]) -> (Backend, Arc<Script>) {
    let App::Rest(app) = app("http://app.example", vec![]) else { panic!() };
    let reply = Scripted { status: 204, headers: vec![], body: None };
    let line = |(method, target, body): &(&str, &str, Option<Value>)| Line {
        method: method.parse().unwrap(),
        target: (*target).to_owned(),
        body: body.clone(),
        reply: reply.clone(),
    };
    let script = Arc::new(Script::new(app, lines.iter().map(line).collect(), LIMITS));
    (Backend::Script(script.clone()), script)
}

#[tokio::test]
async fn a_conversation_is_held_in_order_and_word_for_word() {
    let body = json!({"a": [1, {"b": "x"}]});
    let (backend, script) = conversation(&[
        ("GET", "/users?q=a%20b&page=1", None),
        ("PUT", "/users/1", Some(body.clone())),
        ("GET", "/x", None),
    ]);
    let mut session = backend.write().await.unwrap();
    session.call(&Call::Http(get("/users?q=a+b&page=%31"))).await.unwrap();

    let put = |body| Call::Http(HttpCall { method: Method::PUT, body, ..get("/users/1") });
    for (call, words) in [
        (put(Some(Body::Json(json!({"a": [1, {"b": "y"}]})))), &["call 2", "$.a[1].b", "\"x\"", "\"y\""][..]),
        (put(None), &["body at $", "nothing"]),
        (Call::Http(get("/x")), &["PUT /users/1", "GET /x"]),
        (
            Call::Http(HttpCall { body: Some(Body::Json(body.clone())), method: Method::PUT, ..get("/users%2F1") }),
            &["/users%2F1"],
        ),
    ] {
        let failure = session.call(&call).await.unwrap_err();
        assert_eq!((failure.kind, failure.sent), (Kind::OffScript, false));
        assert!(words.iter().all(|word| failure.message.contains(word)), "{failure}");
    }
    session.call(&put(Some(Body::Json(body)))).await.unwrap();
    assert_eq!(script.unused(), ["GET /x"]);
    session.call(&Call::Http(get("/x"))).await.unwrap();
    assert!(script.unused().is_empty());
    let failure = session.call(&Call::Http(get("/y"))).await.unwrap_err();
    assert!(failure.message.contains("call 4 is not in the conversation: GET /y"), "{failure}");
}
