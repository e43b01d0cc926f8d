//! Everything else goes to the app as it came, streamed, and tells it nothing that a client made up.

use bytes::Bytes;
use http::Request;
use http_body_util::Empty;
use hyper_util::rt::{TokioExecutor, TokioIo};
use portolan::server::{Front, Roads};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::door::*;

async fn before_an_app(roads: Roads) -> (Door, UnboundedReceiver<String>) {
    let (app, paths) = app().await;
    let front = Front { pass_through: Some(app.to_string().parse().unwrap()), ..front() };
    (open(front, echo(), roads).await, paths)
}

/// The headers the app says it got, sorted.
fn got(answer: &str) -> Vec<&str> {
    let mut got: Vec<&str> = answer.lines().filter_map(|line| line.strip_prefix("x-got: ")).collect();
    got.sort_unstable();
    got
}

#[tokio::test]
async fn the_app_gets_the_request_and_only_our_word_on_its_sender() {
    let (door, mut paths) = before_an_app(Roads::Both).await;
    let head = "GET /a%20b/./c//d?q=1&r=%2F HTTP/1.1\r\nHost: shop.example:8443\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\n\
        Keep-Alive: 5\r\nTE: trailers\r\nCookie: a=1\r\nAuthorization: Basic eA==\r\nAccept: */*\r\nX-Request-Id: theirs\r\n\
        Forwarded: for=1.2.3.4\r\nX-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\nX-Forwarded-User: root\r\n\
        X_Forwarded_Host: evil\r\nX-Real-IP: 1.2.3.4\r\nRemote-User: root\r\nREMOTE_USER: root\r\nX-Remote-User: root\r\n\
        X-Auth-Request-Email: root@x\r\nX-Auth-Request-Groups: admin\r\n\r\n";
    let answer = exchange(door.address, head).await;
    assert_eq!(status(&answer), 200, "{answer}");
    assert_eq!(paths.recv().await.unwrap(), "HTTP/1.1 /a%20b/./c//d?q=1&r=%2F");
    let want = [
        "accept=*/*",
        "authorization=Basic eA==",
        "cookie=a=1",
        "host=shop.example:8443",
        "x-forwarded-for=127.0.0.1",
        "x-forwarded-host=shop.example:8443",
        "x-forwarded-proto=http",
        "x-request-id=theirs",
    ];
    assert_eq!(got(&answer), want);
    assert!(answer.contains("x-public: 1") && !answer.contains("x-private"), "{answer}");
}

#[tokio::test]
async fn http2_reaches_the_app_as_http1() {
    let (door, mut paths) = before_an_app(Roads::App).await;
    let stream = TokioIo::new(TcpStream::connect(door.address).await.unwrap());
    let (mut client, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.unwrap();
    tokio::spawn(connection);
    let request = Request::get("http://shop.example/x").header("cookie", "a=1").header("cookie", "b=2");
    let response = client.send_request(request.body(Empty::<Bytes>::new()).unwrap()).await.unwrap();
    let got: Vec<_> = response.headers().get_all("x-got").iter().map(|value| value.to_str().unwrap()).collect();
    assert!(got.contains(&"cookie=a=1; b=2") && got.contains(&"host=shop.example"), "{got:?}");
    assert_eq!(paths.recv().await.unwrap(), "HTTP/1.1 /x");
}

#[tokio::test]
async fn bodies_stream_both_ways() {
    let (door, _paths) = before_an_app(Roads::App).await;
    let mut stream = TcpStream::connect(door.address).await.unwrap();
    stream.write_all(b"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").await.unwrap();
    for piece in ["first", "second", "third"] {
        // Each piece comes back before the next is sent.
        stream.write_all(format!("{:x}\r\n{piece}\r\n", piece.len()).as_bytes()).await.unwrap();
        read_until(&mut stream, piece).await;
    }
    stream.write_all(b"0\r\n\r\n").await.unwrap();
    assert!(read_to_end(&mut stream).await.ends_with("0\r\n\r\n"));
}

#[tokio::test]
async fn websockets_are_tunnelled_and_other_upgrades_are_not() {
    let (door, _paths) = before_an_app(Roads::Both).await;
    let ask = |protocol| {
        format!(
            "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: {protocol}\r\nSec-WebSocket-Key: x\r\n\r\n"
        )
    };
    let mut stream = TcpStream::connect(door.address).await.unwrap();
    stream.write_all(ask("WebSocket").as_bytes()).await.unwrap();
    let answer = read_until(&mut stream, "\r\n\r\n").await;
    assert!(status(&answer) == 101 && answer.contains("upgrade: websocket\r\n"), "{answer}");
    for piece in ["GET / HTTP/1.1\r\n\r\n", "ping"] {
        stream.write_all(piece.as_bytes()).await.unwrap();
        read_until(&mut stream, piece).await;
    }
    for other in ["h2c", "TLS/1.0", "websocket, h2c"] {
        let mut stream = TcpStream::connect(door.address).await.unwrap();
        stream.write_all(ask(other).as_bytes()).await.unwrap();
        let answer = read_until(&mut stream, "\r\n\r\n").await;
        assert_eq!(status(&answer), 200, "{other}: {answer}");
        assert!(!answer.contains("upgrade="), "{answer}");
    }
}

#[tokio::test]
async fn head_passes_as_head() {
    let (door, _paths) = before_an_app(Roads::App).await;
    let answer = exchange(door.address, request("HEAD /x", "\r\n")).await;
    assert!(status(&answer) == 200 && answer.ends_with("\r\n\r\n"), "{answer}");
}

#[tokio::test]
async fn each_listener_serves_its_own_road() {
    for (roads, scim, app) in [(Roads::Scim, 200, 404), (Roads::App, 404, 200), (Roads::Both, 200, 200)] {
        let (door, mut paths) = before_an_app(roads).await;
        assert_eq!(status(&exchange(door.address, request("GET /scim/v2/Users", "\r\n")).await), scim, "{roads:?}");
        assert!(paths.try_recv().is_err(), "SCIM's paths never reach the app");
        assert_eq!(status(&exchange(door.address, request("GET /app", "\r\n")).await), app, "{roads:?}");
    }
    let nowhere = exchange(door().await.address, request("GET /app", "\r\n")).await;
    assert!(status(&nowhere) == 404 && nowhere.contains("text/plain"), "{nowhere}");
}

#[tokio::test]
async fn an_unknown_version_is_refused_unless_it_is_the_apps() {
    let old = || request("GET /scim/v1/Users", "\r\n");
    let refused = exchange(door().await.address, old()).await;
    assert!(status(&refused) == 400 && refused.contains("invalidVers") && refused.contains("/scim/v2"), "{refused}");
    for (roads, answer) in [(Roads::Scim, 400), (Roads::App, 200), (Roads::Both, 200)] {
        let (door, _paths) = before_an_app(roads).await;
        assert_eq!(status(&exchange(door.address, old()).await), answer, "{roads:?}");
    }
}

#[tokio::test]
async fn an_app_that_is_away_is_502() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let front = Front { pass_through: Some(gone.to_string().parse().unwrap()), ..front() };
    let door = open(front, echo(), Roads::App).await;
    let answer = exchange(door.address, request("GET /x", "\r\n")).await;
    assert!(status(&answer) == 502 && !answer.contains("refused"), "{answer}");
}
