//! The HTTP backend against servers that behave, and servers that do not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "backend_rest/conversation.rs"]
mod conversation;
#[path = "backend_rest/pace.rs"]
mod pace;

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use portolan::{
    backend::{
        Backend, Failure, Fault, Kind, Limits,
        script::{Expected as Line, Script, Scripted},
    },
    mapping::{
        App,
        answer::{AnswerRule, Class},
        auth::Auth,
        pattern::{Expected, Pattern, Subject},
        rest::{Origin, Pace, RestApp},
        selector::Selector,
    },
    plan::call::{Body, Call, HttpCall, Reply},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

const LIMITS: Limits = Limits { call_time: Duration::from_secs(5), answer_bytes: 1000, depth: 16 };

fn app(origin: &str, answers: Vec<Arc<AnswerRule>>) -> App {
    paced(origin, answers, Pace::default())
}

fn paced(origin: &str, answers: Vec<Arc<AnswerRule>>, pace: Pace) -> App {
    let headers = vec![(HeaderName::from_static("authorization"), HeaderValue::from_static("Bearer s3cret"))];
    let auth = Auth { headers, ..Auth::default() };
    let origin = Arc::new(Origin { uri: origin.parse().unwrap(), prefix: "/api".into() });
    App::Rest(Arc::new(RestApp { origin, ca: None, auth, answers, tenant: Vec::new(), pace }))
}

fn get(target: &str) -> HttpCall {
    let target = target.to_owned();
    HttpCall {
        method: Method::GET,
        target,
        headers: vec![],
        body: None,
        answers: Arc::new([]),
        repeat: false,
        open: None,
        linked: false,
    }
}

async fn ask(origin: &str, limits: Limits, call: HttpCall) -> Result<Reply, Failure> {
    let backend = Backend::open(&app(origin, vec![]), limits).await.unwrap();
    backend.read().await.unwrap().call(&Call::Http(call)).await
}

/// What a bad server does with one connection, after it read the request's head.
#[derive(Clone, Copy)]
enum Act {
    Say(&'static str),
    Hang,
    Reset,
}

/// One act per connection; the heads of the requests are kept.
async fn misbehave(acts: Vec<Act>) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let heads = Arc::new(Mutex::new(Vec::new()));
    let kept = heads.clone();
    tokio::spawn(async move {
        let mut open = Vec::new();
        for act in acts {
            let (mut stream, _) = listener.accept().await.unwrap();
            let head = head(&mut stream).await;
            kept.lock().unwrap().push(head);
            match act {
                Act::Say(text) => stream.write_all(text.as_bytes()).await.unwrap(),
                Act::Hang => open.push(stream),
                Act::Reset => stream.set_zero_linger().unwrap(),
            }
        }
        std::future::pending::<()>().await;
        drop(open);
    });
    (origin, heads)
}

async fn head(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    while !text.ends_with(b"\r\n\r\n") {
        text.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(text).unwrap()
}

/// A good server that answers with what it was asked; the connections it took are counted.
async fn echo() -> (String, Arc<Mutex<usize>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let taken = Arc::new(Mutex::new(0));
    let count = taken.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            *count.lock().unwrap() += 1;
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(echoed)));
        }
    });
    (origin, taken)
}

async fn echoed(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let headers: serde_json::Map<String, Value> =
        head.headers.iter().map(|(n, v)| (n.to_string(), json!(v.to_str().unwrap()))).collect();
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let said = json!({"method": head.method.as_str(), "uri": head.uri.to_string(), "headers": headers, "body": body});
    Ok(Response::new(Full::from(said.to_string())))
}

#[tokio::test]
async fn a_call_is_sent_as_planned_and_connections_are_kept() {
    let (origin, taken) = echo().await;
    let backend = Backend::open(&app(&origin, vec![]), LIMITS).await.unwrap();
    let mut session = backend.write().await.unwrap();
    let body = json!({"name": "Åse", "n": serde_json::from_str::<Value>("12345678901234567890.10").unwrap()});
    let patch = HttpCall { method: Method::PATCH, body: Some(Body::Json(body.clone())), ..get("/users/a%2Fb?x=%26") };
    let said = session.call(&Call::Http(patch)).await.unwrap();
    assert_eq!((said.class, said.status), (Class::Ok, Some(200)));
    assert_eq!(said.body["method"], "PATCH");
    assert_eq!(said.body["uri"], "/api/users/a%2Fb?x=%26");
    assert_eq!(said.body["body"], body);
    let headers = &said.body["headers"];
    assert_eq!(headers["authorization"], "Bearer s3cret");
    assert_eq!(
        (&headers["accept"], &headers["content-type"]),
        (&json!("application/json"), &json!("application/json"))
    );

    let own = [("accept", "application/vnd.x+json"), ("authorization", "Bearer theirs")];
    let headers = own.map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v))).to_vec();
    let said = session.call(&Call::Http(HttpCall { headers, ..get("/users") })).await.unwrap();
    assert_eq!(said.body["headers"]["accept"], "application/vnd.x+json");
    assert_eq!(said.body["headers"]["authorization"], "Bearer s3cret", "a call cannot sign in as somebody else");
    assert_eq!(said.body["headers"].get("content-type"), None);
    assert_eq!((session.calls(), *taken.lock().unwrap()), (2, 1));
    session.commit().await.unwrap();
}

#[tokio::test]
async fn no_target_leads_away_from_the_app() {
    let (origin, _) = echo().await;
    for (target, uri) in [("//evil.example/x", "/api//evil.example/x"), ("", "/api"), ("?a=b", "/api?a=b")] {
        let said = ask(&origin, LIMITS, get(target)).await.unwrap();
        assert_eq!(said.body["uri"], uri);
        assert_eq!(format!("http://{}", said.body["headers"]["host"].as_str().unwrap()), origin);
    }
    for target in ["@evil.example/", "http://evil.example/", ".evil.example", "/a#b", "/a b", "/a\r\nX: y"] {
        let failure = ask(&origin, LIMITS, get(target)).await.unwrap_err();
        assert_eq!((failure.kind, failure.fault(), failure.sent), (Kind::BadCall, Fault::Mapping, false), "{target}");
    }
}

#[tokio::test]
async fn answers_that_are_none() {
    const HTML: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 14\r\n\r\n<p>Sign in</p>";
    const HALF: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{\"id\":1}";
    const CUT: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 5\r\n\r\n{\"id\"";
    const CHUNK: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n8\r\n{\"id\":1}\r\n";
    for (act, kind) in [
        (Act::Say(HTML), Kind::Nonsense),
        (Act::Say(CUT), Kind::Nonsense),
        (Act::Say("SSH-2.0-OpenSSH_9.2\r\n\r\n"), Kind::Nonsense),
        (Act::Say(HALF), Kind::Lost),
        (Act::Say(CHUNK), Kind::Lost),
        (Act::Say(""), Kind::Lost),
        (Act::Reset, Kind::Lost),
    ] {
        let (origin, _) = misbehave(vec![act]).await;
        let failure = ask(&origin, LIMITS, get("/users/secret-id")).await.unwrap_err();
        assert_eq!((failure.kind, failure.fault(), failure.sent), (kind, Fault::App, true), "{failure}");
        assert!(!failure.message.contains("secret"), "{failure}");
    }
}

#[tokio::test]
async fn an_answer_beyond_the_limit_is_not_read_to_its_end() {
    // it has no end: only a reader that stops can answer
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        head(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        while stream.write_all(&[b' '; 512]).await.is_ok() {}
    });
    let failure = ask(&origin, LIMITS, get("/")).await.unwrap_err();
    assert_eq!((failure.kind, failure.sent), (Kind::TooLarge, true), "{failure}");
}

#[tokio::test]
async fn a_slow_app_and_a_missing_one() {
    let short = Limits { call_time: Duration::from_millis(200), ..LIMITS };
    let (origin, heads) = misbehave(vec![Act::Hang, Act::Hang]).await;
    let failure = ask(&origin, short, HttpCall { repeat: true, ..get("/") }).await.unwrap_err();
    assert_eq!((failure.kind, failure.sent), (Kind::TimedOut, true));
    assert_eq!(heads.lock().unwrap().len(), 1, "no time is left to send it again");

    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", gone.local_addr().unwrap());
    drop(gone);
    let failure = ask(&origin, LIMITS, get("/")).await.unwrap_err();
    assert_eq!((failure.kind, failure.sent), (Kind::Unreachable, false));
}

#[tokio::test]
async fn an_app_without_tls_where_it_should_speak_it_is_told_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("https://{}", listener.local_addr().unwrap());
    let heard = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        let mut heard = Vec::new();
        let _ = stream.read_to_end(&mut heard).await;
        heard
    });
    match Backend::open(&app(&origin, vec![]), LIMITS).await {
        // a machine without roots refuses at the start
        Err(error) => assert!(error.to_string().contains("root certificates"), "{error}"),
        Ok(backend) => {
            let failure = backend.read().await.unwrap().call(&Call::Http(get("/users"))).await.unwrap_err();
            assert_eq!((failure.kind, failure.sent), (Kind::Unreachable, false), "{failure}");
            assert!(!String::from_utf8_lossy(&heard.await.unwrap()).contains("s3cret"));
        }
    }
}

#[tokio::test]
async fn only_a_repeatable_call_is_sent_again_and_only_once() {
    const OK: Act = Act::Say("HTTP/1.1 204 No Content\r\n\r\n");
    const HALF: Act = Act::Say("HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{");
    const BUSY: Act = Act::Say("HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n");
    let lost = Err(Kind::Lost);
    for (acts, repeat, outcome, sent) in [
        (vec![Act::Reset, OK], true, Ok(Class::Ok), 2),
        (vec![HALF, OK], true, Ok(Class::Ok), 2),
        (vec![Act::Reset, OK], false, lost, 1),
        (vec![Act::Reset, Act::Reset, OK], true, lost, 2),
        (vec![BUSY, OK], true, Err(Kind::Busy), 1),
    ] {
        let (origin, heads) = misbehave(acts).await;
        let reply = ask(&origin, LIMITS, HttpCall { repeat, method: Method::DELETE, ..get("/users/1") }).await;
        assert_eq!(reply.map(|r| r.class).map_err(|f| f.kind), outcome);
        assert_eq!(heads.lock().unwrap().len(), sent);
    }
}

/// What may be sent again is, as often and as long as the mapping says: a repeatable call whose answer was lost, and any call
/// that the app said it was too busy for, as nothing was done.
#[tokio::test]
async fn a_mapping_says_how_often_and_how_long() {
    const OK: Act = Act::Say("HTTP/1.1 204 No Content\r\n\r\n");
    const BUSY: Act = Act::Say("HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n");
    const WAIT: Act = Act::Say("HTTP/1.1 429 No\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n");
    let second = Duration::from_secs(1);
    let lost = Err(Kind::Lost);
    for (acts, tries, within, repeat, outcome, sent, least) in [
        (vec![Act::Reset, Act::Reset, Act::Reset, OK], 4, second * 5, true, Ok(Class::Ok), 4, second / 10),
        (vec![Act::Reset, Act::Reset, Act::Reset, OK], 3, second * 5, true, lost, 3, Duration::ZERO),
        (vec![Act::Reset, OK], 4, second * 5, false, lost, 1, Duration::ZERO),
        (vec![BUSY, BUSY, OK], 4, second * 5, true, Ok(Class::Ok), 3, second / 10),
        (vec![BUSY, BUSY, OK], 2, second * 5, true, Err(Kind::Busy), 2, Duration::ZERO),
        // It may be a proxy's word for an app that acted.
        (vec![BUSY, OK], 4, second * 5, false, Err(Kind::Busy), 1, Duration::ZERO),
        (vec![WAIT, OK], 4, second * 5, false, Ok(Class::Ok), 2, second),
        // A wait that does not fit is not begun.
        (vec![WAIT, OK], 4, second / 2, false, Ok(Class::Busy), 1, Duration::ZERO),
        // One that hangs is given up in time for another.
        (vec![Act::Hang, OK], 4, second * 5, true, Ok(Class::Ok), 2, second / 5),
    ] {
        let (origin, heads) = misbehave(acts).await;
        let pace = Pace { tries, within: Some(within), waits: true, ..Pace::default() };
        let limits = Limits { call_time: Duration::from_millis(200), ..LIMITS };
        let backend = Backend::open(&paced(&origin, vec![], pace), limits).await.unwrap();
        let call = HttpCall { repeat, method: Method::POST, ..get("/users/1") };
        let begun = std::time::Instant::now();
        let reply = backend.read().await.unwrap().call(&Call::Http(call)).await;
        assert_eq!(reply.map(|r| r.class).map_err(|f| f.kind), outcome);
        assert_eq!(heads.lock().unwrap().len(), sent);
        assert!(begun.elapsed() >= least && begun.elapsed() < within + second, "{:?}", begun.elapsed());
    }
}

/// A number of seconds beyond all clocks is told on, and nobody waits for it.
#[tokio::test]
async fn a_wait_without_end_is_not_begun() {
    const WAIT: Act = Act::Say("HTTP/1.1 429 No\r\nretry-after: 18446744073709551615\r\ncontent-length: 0\r\n\r\n");
    let (origin, heads) = misbehave(vec![WAIT]).await;
    let pace = Pace { tries: 3, waits: true, ..Pace::default() };
    let backend = Backend::open(&paced(&origin, vec![], pace), LIMITS).await.unwrap();
    let reply = backend.read().await.unwrap().call(&Call::Http(get("/users"))).await.unwrap();
    assert_eq!((reply.class, reply.retry_after), (Class::Busy, Some(u64::MAX)));
    assert_eq!(heads.lock().unwrap().len(), 1);
}

/// That the last try did nothing says nothing of the one before it.
#[tokio::test]
async fn a_try_that_may_have_been_acted_on_is_not_forgotten() {
    const BUSY: Act = Act::Say("HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n");
    const WAIT: Act = Act::Say("HTTP/1.1 429 No\r\nretry-after: 30\r\ncontent-length: 0\r\n\r\n");
    let put = || Call::Http(HttpCall { repeat: true, method: Method::PUT, ..get("/users/1") });
    for (last, kind) in [(BUSY, Kind::Busy), (WAIT, Kind::Lost)] {
        let (origin, heads) = misbehave(vec![Act::Reset, last]).await;
        let pace = Pace { tries: 2, within: Some(LIMITS.call_time), waits: true, ..Pace::default() };
        let backend = Backend::open(&paced(&origin, vec![], pace), LIMITS).await.unwrap();
        let failure = backend.read().await.unwrap().call(&put()).await.unwrap_err();
        assert_eq!((failure.kind, failure.sent), (kind, true));
        assert_eq!(heads.lock().unwrap().len(), 2);
    }
    // one that takes a call, and then nobody
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        drop(listener);
        head(&mut stream).await;
        stream.set_zero_linger().unwrap();
    });
    let backend = Backend::open(&app(&origin, vec![]), LIMITS).await.unwrap();
    let failure = backend.read().await.unwrap().call(&put()).await.unwrap_err();
    assert_eq!((failure.kind, failure.sent), (Kind::Unreachable, true));
}

/// While the app wants to be left alone nobody is sent to it: who cannot wait is told how long.
#[tokio::test]
async fn the_apps_word_to_wait_is_everybodys() {
    const WAIT: Act = Act::Say("HTTP/1.1 429 No\r\nretry-after: 30\r\ncontent-length: 0\r\n\r\n");
    let (origin, heads) = misbehave(vec![WAIT, WAIT]).await;
    let pace = Pace { waits: true, ..Pace::default() };
    let backend = Backend::open(&paced(&origin, vec![], pace), LIMITS).await.unwrap();
    for _ in 0..3 {
        let reply = backend.read().await.unwrap().call(&Call::Http(get("/users"))).await.unwrap();
        assert_eq!(reply.class, Class::Busy);
        assert!((29..=30).contains(&reply.retry_after.unwrap()), "{:?}", reply.retry_after);
    }
    assert_eq!(heads.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_redirect_is_an_answer() {
    let (other, heads) = misbehave(vec![Act::Say("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")]).await;
    let text = format!("HTTP/1.1 307 Elsewhere\r\nlocation: {other}/api/users\r\ncontent-length: 0\r\n\r\n");
    let (origin, _) = misbehave(vec![Act::Say(text.leak())]).await;
    let reply = ask(&origin, LIMITS, get("/users")).await.unwrap();
    assert_eq!((reply.class, reply.status), (Class::Broken, Some(307)));
    assert_eq!(heads.lock().unwrap().len(), 0);
}

fn rules() -> Vec<Arc<AnswerRule>> {
    let at = |path: &str| Selector::compile(path).unwrap();
    let taken = Pattern { entries: vec![(Subject::At(at("$.error")), Expected::Contains("taken".into()))] };
    let invalid = Pattern { entries: vec![(Subject::Status, Expected::AnyOf(vec![json!(422)]))] };
    vec![
        Arc::new(AnswerRule { when: taken, then: Class::Exists, detail: None }),
        Arc::new(AnswerRule { when: invalid, then: Class::Refused, detail: Some(at("$.error")) }),
    ]
}

#[tokio::test]
async fn rules_class_real_answers_and_written_ones_alike() {
    for (status, retry, body, class, detail) in [
        (409, None, json!({"error": "busy editing"}), Class::Exists, None),
        (422, None, json!({"error": "login taken"}), Class::Exists, None),
        (422, None, json!({"error": "login too short"}), Class::Refused, Some("login too short")),
        (429, Some("30"), json!("slow down"), Class::Busy, None),
        (503, Some("Fri, 01 Jan 2100 00:00:00 GMT"), Value::Null, Class::Busy, None),
    ] {
        let sent = if body.is_null() { String::new() } else { body.to_string() };
        let waits = retry.map_or_else(String::new, |r| format!("retry-after: {r}\r\n"));
        let text = format!("HTTP/1.1 {status} X\r\n{waits}content-length: {}\r\n\r\n{sent}", sent.len());
        let (origin, _) = misbehave(vec![Act::Say(text.leak())]).await;
        let app = app(&origin, rules());
        let real = Backend::open(&app, LIMITS).await.unwrap();

        let App::Rest(app) = app else { panic!() };
        let headers = retry.map(|r| ("Retry-After".to_owned(), r.to_owned())).into_iter().collect();
        let reply = Scripted { status, headers, body: Some(body).filter(|b| !b.is_null()) };
        let line = Line { method: Method::GET, target: "/users".into(), body: None, reply };
        let written = Backend::Script(Arc::new(Script::new(app, vec![line], LIMITS)));

        for backend in [real, written] {
            let reply = backend.read().await.unwrap().call(&Call::Http(get("/users"))).await.unwrap();
            assert_eq!((reply.class, reply.detail.as_deref()), (class, detail), "{status} {backend:?}");
            let wait = reply.retry_after;
            match retry.map(str::parse::<u64>) {
                Some(Err(_)) => assert!(wait.is_some_and(|seconds| seconds > 60), "a date far away: {wait:?}"),
                said => assert_eq!(wait, said.and_then(Result::ok)),
            }
        }
    }
}
