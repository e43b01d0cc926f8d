//! SCIM's road: who gets in, what is refused and how, and what becomes of work under way.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use portolan::gateway::caller::RequestId;
use portolan::server::{Inner, Limits, Roads};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, mpsc};
use tower::util::BoxCloneSyncService;

use crate::door::*;

/// Says on the channel when a request begins and how it ends; in between it waits for a permit.
fn waiting() -> (Inner, Arc<Semaphore>, mpsc::UnboundedReceiver<&'static str>) {
    struct Ended(mpsc::UnboundedSender<&'static str>, &'static str);
    impl Drop for Ended {
        fn drop(&mut self) {
            let _ = self.0.send(self.1);
        }
    }
    let (say, said) = mpsc::unbounded_channel();
    let gate = Arc::new(Semaphore::new(0));
    let held = gate.clone();
    let inner = BoxCloneSyncService::new(tower::service_fn(move |_: Request<Bytes>| {
        let (say, gate) = (say.clone(), held.clone());
        async move {
            let mut end = Ended(say.clone(), "stopped");
            say.send("begun").unwrap();
            gate.acquire().await.unwrap().forget();
            end.1 = "done";
            Ok::<_, Infallible>(Response::new(Bytes::from_static(b"waited")))
        }
    }));
    (inner, gate, said)
}

#[tokio::test]
async fn who_gets_in() {
    let door = door().await;
    let table = [
        ("Authorization: Bearer let-me-in\r\n", 200, "okta strict GET /scim/v2/Users 0"),
        ("Authorization: bearer  rotating\r\n", 200, "okta strict"),
        ("authorization: BEARER other\r\n", 200, "entra tolerant"),
        ("Authorization: Bearer old\r\n", 401, "no longer valid"),
        ("Authorization: Bearer let-me-in2\r\n", 401, r#"error="invalid_token""#),
        ("Authorization: Bearer \r\n", 401, "Send one bearer token"),
        ("Authorization: Basic bGV0LW1lLWlu\r\n", 401, "Send one bearer token"),
        ("Authorization: Bearer let-me-in\r\nAuthorization: Bearer other\r\n", 401, "Send one bearer token"),
        ("", 401, r#"Bearer realm="scim""#),
    ];
    for (header, code, said) in table {
        let request = format!("GET /scim/v2/Users HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{header}\r\n");
        let answer = exchange(door.address, request).await;
        assert_eq!(status(&answer), code, "{header}: {answer}");
        assert!(answer.contains(said), "{header}: {answer}");
        assert!(answer.contains("x-request-id: "), "{answer}");
    }
}

#[tokio::test]
async fn refusals_are_scim_errors() {
    let door = door().await;
    let answer = exchange(door.address, "GET /scim/v2/Users HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(
        head.contains("content-type: application/scim+json") && head.contains("www-authenticate: Bearer"),
        "{head}"
    );
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["schemas"][0], "urn:ietf:params:scim:api:messages:2.0:Error");
    assert_eq!(body["status"], "401");
}

#[tokio::test]
async fn nobody_waits_with_a_body_for_a_refusal() {
    let door = door().await;
    let head = "POST /scim/v2/Users HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 20\r\n";
    assert_eq!(status(&exchange(door.address, format!("{head}\r\n")).await), 401);
    let mut stream = TcpStream::connect(door.address).await.unwrap();
    stream.write_all(format!("{head}Authorization: Bearer {TOKEN}\r\n\r\n").as_bytes()).await.unwrap();
    assert_eq!(status(&read_until(&mut stream, "\r\n\r\n").await), 100);
    stream.write_all(&[b' '; 20]).await.unwrap();
    assert!(read_until(&mut stream, "POST /scim/v2/Users 20").await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn connections_are_kept_and_requests_may_follow_at_once() {
    let door = door().await;
    let one = request("POST /scim/v2/one", "Content-Length: 3\r\n\r\nabc").replace("close", "keep-alive");
    let two = request("GET /scim/v2/two", "\r\n");
    let answer = exchange(door.address, format!("{one}{two}")).await;
    let (first, second) = (answer.find("POST /scim/v2/one 3"), answer.find("GET /scim/v2/two 0"));
    assert!(first.is_some() && first < second, "{answer}");

    let mut stream = TcpStream::connect(door.address).await.unwrap();
    for _ in 0..3 {
        stream.write_all(one.as_bytes()).await.unwrap();
        read_until(&mut stream, "POST /scim/v2/one 3").await;
    }
}

#[tokio::test]
async fn head_has_the_length_and_no_body() {
    let door = door().await;
    let answer = exchange(door.address, request("HEAD /scim/v2/Users", "\r\n")).await;
    let length = format!("content-length: {}\r\n", "okta strict HEAD /scim/v2/Users 0".len());
    assert!(answer.contains(&length) && answer.ends_with("\r\n\r\n"), "{answer}");
}

#[tokio::test]
async fn http2_by_prior_knowledge() {
    let door = door().await;
    let stream = TokioIo::new(TcpStream::connect(door.address).await.unwrap());
    let (mut client, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.unwrap();
    tokio::spawn(connection);
    for token in [TOKEN, "wrong"] {
        let request = Request::post(format!("http://{}/scim/v2/Users", door.address))
            .header("authorization", format!("Bearer {token}"))
            .body(Full::new(Bytes::from_static(b"abc")))
            .unwrap();
        let response = client.send_request(request).await.unwrap();
        assert_eq!(response.status(), if token == TOKEN { 200 } else { 401 });
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body.starts_with(b"okta strict POST /scim/v2/Users 3"), token == TOKEN);
    }
}

#[tokio::test]
async fn the_request_number_is_ours() {
    let inner = BoxCloneSyncService::new(tower::service_fn(|request: Request<Bytes>| async move {
        let RequestId(id) = request.extensions().get::<RequestId>().unwrap();
        assert!(!request.headers().contains_key("x-request-id") && !request.headers().contains_key("authorization"));
        Ok::<_, Infallible>(Response::new(Bytes::from(format!("number {id}"))))
    }));
    let door = open(front(), inner, Roads::Scim).await;
    let answer = exchange(door.address, request("GET /scim/v2/x", "X-Request-Id: mine\r\n\r\n")).await;
    let id = answer.rsplit_once("number ").unwrap().1;
    assert_eq!(id.len(), 32);
    assert!(answer.contains(&format!("x-request-id: {id}\r\n")), "{answer}");
}

#[tokio::test]
async fn the_log_has_one_line_a_request_and_no_values() {
    let lines = tempfile::NamedTempFile::new().unwrap();
    let writer = Arc::new(lines.reopen().unwrap());
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_max_level(tracing::Level::TRACE);
    // This test's tasks all run on its own thread.
    let guard = tracing::subscriber::set_default(subscriber.with_writer(writer).finish());
    let door = door().await;
    let query = "POST /scim/v2/Users?filter=userName%20eq%20%22jane%22";
    for token in [TOKEN, "guess"] {
        exchange(door.address, request(query, "Content-Length: 6\r\n\r\nsecret").replace(TOKEN, token)).await;
    }
    // Who leaves before the end has a line as well.
    let (inner, gate, mut said) = waiting();
    let busy = open(front(), inner, Roads::Scim).await;
    let mut stream = TcpStream::connect(busy.address).await.unwrap();
    stream.write_all(request("DELETE /scim/v2/Users/1", "\r\n").as_bytes()).await.unwrap();
    assert_eq!(said.recv().await, Some("begun"));
    drop(stream);
    let written = |text: &str| std::fs::read_to_string(lines.path()).unwrap().contains(text);
    let wait = async |text: &str| {
        while !written(text) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONG, wait("method=DELETE")).await.unwrap();
    gate.add_permits(1);
    tokio::time::timeout(LONG, wait("done after its client had left status=200")).await.unwrap();
    drop(guard);
    let log = std::fs::read_to_string(lines.path()).unwrap();
    let requests: Vec<_> = log.lines().filter(|line| line.contains("portolan::server")).collect();
    assert_eq!(requests.len(), 4, "{log}");
    for part in ["POST", r#"path="/scim/v2/Users""#, "status=200", r#"client="okta""#, "request_id="] {
        assert!(requests[0].contains(part), "{part}: {log}");
    }
    assert!(requests[1].contains("status=401") && !requests[1].contains("client="), "{log}");
    assert!(requests[2].contains("DELETE") && !requests[2].contains("status="), "{log}");
    assert!(!["jane", "secret", TOKEN, "guess"].iter().any(|value| requests.concat().contains(value)), "{log}");
}

#[tokio::test]
async fn a_panic_is_one_clients_500() {
    let inner = BoxCloneSyncService::new(tower::service_fn(|request: Request<Bytes>| async move {
        assert_ne!(request.uri().path(), "/scim/v2/panic", "on purpose");
        Ok::<_, Infallible>(Response::new(Bytes::from_static(b"fine")))
    }));
    let door = open(front(), inner, Roads::Scim).await;
    let mut stream = TcpStream::connect(door.address).await.unwrap();
    let panic = request("GET /scim/v2/panic", "\r\n").replace("close", "keep-alive");
    stream.write_all(panic.as_bytes()).await.unwrap();
    let answer = read_until(&mut stream, r#"its log knows more."}"#).await;
    assert!(status(&answer) == 500 && answer.contains("application/scim+json"), "{answer}");
    stream.write_all(request("GET /scim/v2/x", "\r\n").as_bytes()).await.unwrap();
    assert!(read_to_end(&mut stream).await.ends_with("fine"));
}

#[tokio::test]
async fn a_full_house_asks_to_come_back() {
    let (inner, gate, mut said) = waiting();
    let front = portolan::server::Front { limits: Limits { in_flight: 1, ..Limits::default() }, ..front() };
    let door = open(front, inner, Roads::Scim).await;
    let first = tokio::spawn(exchange(door.address, request("GET /scim/v2/x", "\r\n")));
    assert_eq!(said.recv().await, Some("begun"));
    let second = exchange(door.address, request("GET /scim/v2/x", "\r\n")).await;
    assert!(status(&second) == 503 && second.contains("retry-after: 1\r\n"), "{second}");
    let stranger = exchange(door.address, "GET /scim/v2/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    assert_eq!(status(&stranger), 401);
    gate.add_permits(2);
    assert_eq!(status(&first.await.unwrap()), 200);
    assert_eq!(status(&exchange(door.address, request("GET /scim/v2/x", "\r\n")).await), 200);
}

#[tokio::test]
async fn a_client_has_its_share_of_the_house() {
    let (inner, gate, mut said) = waiting();
    let limits = Limits { in_flight: 3, client_in_flight: 1, ..Limits::default() };
    let door = open(portolan::server::Front { limits, ..front() }, inner, Roads::Scim).await;
    let ask = |token| exchange(door.address, request("GET /scim/v2/x", "\r\n").replace(TOKEN, token));
    let first = tokio::spawn(ask(TOKEN));
    assert_eq!(said.recv().await, Some("begun"));
    // The same client by another of its tokens.
    let second = ask("rotating").await;
    assert!(status(&second) == 429 && second.contains("retry-after: 1\r\n"), "{second}");
    assert!(second.contains("application/scim+json") && second.contains("of this client"), "{second}");
    let other = tokio::spawn(ask("other"));
    assert_eq!(said.recv().await, Some("begun"));
    gate.add_permits(3);
    assert_eq!((status(&first.await.unwrap()), status(&other.await.unwrap())), (200, 200));
    assert_eq!(status(&ask(TOKEN).await), 200);
}

#[tokio::test]
async fn a_write_goes_on_without_its_client_and_a_read_does_not() {
    for (line, end) in [
        ("POST /scim/v2/Users", "done"),
        ("POST /scim/v2/Bulk", "done"),
        ("PATCH /scim/v2/Users/1", "done"),
        ("DELETE /scim/v2/Users/1", "done"),
        ("GET /scim/v2/Users", "stopped"),
        ("POST /scim/v2/Users/.search", "stopped"),
        ("POST /scim/v2/.search", "stopped"),
    ] {
        let (inner, gate, mut said) = waiting();
        let door = open(front(), inner, Roads::Scim).await;
        let mut stream = TcpStream::connect(door.address).await.unwrap();
        stream.write_all(request(line, "\r\n").as_bytes()).await.unwrap();
        assert_eq!(said.recv().await, Some("begun"));
        drop(stream);
        if end == "done" {
            gate.add_permits(1);
        }
        assert_eq!(tokio::time::timeout(LONG, said.recv()).await.unwrap(), Some(end), "{line}");
    }
}

#[tokio::test]
async fn a_write_that_outlasts_the_limit_is_503_and_goes_on() {
    let (inner, gate, mut said) = waiting();
    let limits = Limits { answer_time: std::time::Duration::from_millis(50), in_flight: 1, ..Limits::default() };
    let door = open(portolan::server::Front { limits, ..front() }, inner, Roads::Scim).await;
    let answer = exchange(door.address, request("POST /scim/v2/x", "\r\n")).await;
    assert!(status(&answer) == 503 && answer.contains("retry-after: 5\r\n"), "{answer}");
    assert!(answer.contains("Send the same request again"), "{answer}");
    assert_eq!(said.recv().await, Some("begun"));
    // It still has its place: what runs on unseen counts as well.
    assert_eq!(status(&exchange(door.address, request("POST /scim/v2/x", "\r\n")).await), 503);
    gate.add_permits(1);
    assert_eq!(said.recv().await, Some("done"));
}

#[tokio::test]
async fn closing_answers_what_was_asked_and_ends_what_rests() {
    let (inner, gate, mut said) = waiting();
    let door = open(front(), inner, Roads::Scim).await;
    let keep = request("GET /scim/v2/x", "\r\n").replace("close", "keep-alive");
    let mut resting = TcpStream::connect(door.address).await.unwrap();
    resting.write_all(keep.as_bytes()).await.unwrap();
    gate.add_permits(1);
    read_until(&mut resting, "waited").await;
    let mut silent = TcpStream::connect(door.address).await.unwrap();
    let mut asking = TcpStream::connect(door.address).await.unwrap();
    asking.write_all(keep.as_bytes()).await.unwrap();
    let begun = [said.recv().await, said.recv().await, said.recv().await];
    assert_eq!(begun, [Some("begun"), Some("done"), Some("begun")]);

    door.shutdown.send(true).unwrap();
    assert_eq!(read_to_end(&mut resting).await, "");
    assert_eq!(read_to_end(&mut silent).await, "");
    gate.add_permits(1);
    let answer = read_to_end(&mut asking).await;
    assert!(status(&answer) == 200 && answer.ends_with("waited"), "{answer}");
    assert!(answer.contains("connection: close\r\n"), "the client is told: {answer}");
}
