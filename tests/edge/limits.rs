//! What holds on both roads: heads too large, too slow or ambiguous; and the limits that are SCIM's alone.

use std::time::Duration;

use portolan::server::{Front, Limits, Roads};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::door::*;

/// A door with an app behind it, and the paths of both roads.
async fn both_roads(limits: Limits) -> (Door, tokio::sync::mpsc::UnboundedReceiver<String>) {
    let (app, paths) = app().await;
    let front = Front { pass_through: Some(app.to_string().parse().unwrap()), limits, ..front() };
    (open(front, echo(), Roads::Both).await, paths)
}

const PATHS: [&str; 2] = ["/scim/v2/Users", "/app"];

#[tokio::test]
async fn ambiguous_requests_are_refused_on_both_roads() {
    let (door, mut paths) = both_roads(Limits { body_bytes: 1000, ..Limits::default() }).await;
    let many = "X-Many: 1\r\n".repeat(200);
    let large = format!("X-Large: {}\r\n", "x".repeat(100_000));
    let body = "5\r\nhello\r\n0\r\n\r\n";
    for path in PATHS {
        let table = [
            (
                format!(
                    "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n{body}"
                ),
                400,
            ),
            (
                format!(
                    "POST {path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n{body}"
                ),
                400,
            ),
            (format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello"), 400),
            (format!("POST {path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\nhello"), 400),
            (format!("POST {path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n{body}"), 400),
            (format!("GET {path} HTTP/1.1\r\nConnection: close\r\n\r\n"), 400),
            (format!("GET {path} HTTP/1.1\r\nHost: a\r\nHost: a\r\nConnection: close\r\n\r\n"), 400),
            (format!("GET http://b{path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"), 400),
            (format!("GET {path} HTTP/1.1\r\nHost: a\r\n{many}\r\n"), 431),
            (format!("GET {path} HTTP/1.1\r\nHost: a\r\n{large}\r\n"), 431),
        ];
        for (request, code) in table {
            let answer = exchange(door.address, &request).await;
            assert_eq!(status(&answer), code, "{}: {answer}", &request[..request.len().min(200)]);
        }
    }
    for target in
        ["*", "/%73cim/v2/Users", "//scim/v2", "/scim%2fv2/Users", "/x/../scim/v2", "/x/%2e%2e/scim/v2", "/SCIM/v2"]
    {
        let answer = exchange(door.address, request(&format!("OPTIONS {target}"), "\r\n")).await;
        assert_eq!(status(&answer), 400, "{target}: {answer}");
    }
    assert_eq!(
        status(&exchange(door.address, "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nConnection: close\r\n\r\n").await),
        400
    );
    assert!(paths.try_recv().is_err(), "the app has seen none of them");
}

#[tokio::test]
async fn a_second_ambiguous_request_is_refused_as_the_first() {
    let (door, _paths) = both_roads(Limits::default()).await;
    let first = request("POST /scim/v2/x", "Content-Length: 2\r\n\r\nok").replace("close", "keep-alive");
    let second = request("POST /app", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    let answer = exchange(door.address, format!("{first}{second}")).await;
    assert_eq!(status(&answer), 200);
    assert_eq!(answer.matches("HTTP/1.1 400").count(), 1, "{answer}");
}

#[tokio::test]
async fn nothing_follows_a_chunked_body() {
    let (door, mut paths) = both_roads(Limits::default()).await;
    let chunked = request("POST /app", "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n").replace("close", "keep-alive");
    let answer = exchange(door.address, format!("{chunked}{}", request("GET /next", "\r\n"))).await;
    assert!(status(&answer) == 200 && answer.contains("connection: close\r\n"), "{answer}");
    assert!(paths.recv().await.unwrap().ends_with("/app") && paths.try_recv().is_err());
}

#[tokio::test]
async fn slow_heads_are_cut_off_however_they_are_sent() {
    let limits = Limits { header_time: Duration::from_millis(200), ..Limits::default() };
    let (door, _paths) = both_roads(limits).await;
    let whole = "GET /app HTTP/1.1\r\nHost: a\r\n\r\n";
    let starts =
        ["", "G", "GET /app HTTP/1.1\r\n", "GET /scim/v2/x HTTP/1.1\r\nHost: a\r\n", "PRI * HT", &format!("{whole}G")];
    for start in starts {
        let mut stream = TcpStream::connect(door.address).await.unwrap();
        stream.write_all(start.as_bytes()).await.unwrap();
        let (mut read, mut write) = stream.split();
        let mut answer = Vec::new();
        tokio::select! {
            _ = read.read_to_end(&mut answer) => {}
            // A byte now and then must not buy time; a silent one neither.
            () = async {
                loop {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    if start.len() > 8 && write.write_all(b"x").await.is_err() {
                        std::future::pending::<()>().await;
                    }
                }
            } => {}
            () = tokio::time::sleep(LONG) => panic!("{start:?} holds its connection"),
        }
        assert_eq!(answer.is_empty(), !start.starts_with(whole), "{start:?}");
    }
}

#[tokio::test]
async fn a_resting_connection_is_kept_longer_than_a_slow_head() {
    let limits = Limits { header_time: Duration::from_millis(100), ..Limits::default() };
    let (door, _paths) = both_roads(limits).await;
    let mut stream = TcpStream::connect(door.address).await.unwrap();
    for _ in 0..2 {
        stream.write_all(b"GET /app HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        read_until(&mut stream, "\r\n\r\n").await;
        tokio::time::sleep(Duration::from_millis(400)).await;
    }
}

#[tokio::test]
async fn a_resting_connection_ends() {
    let limits = Limits { keep_alive: Duration::from_millis(100), ..Limits::default() };
    let (door, _paths) = both_roads(limits).await;
    for path in PATHS {
        let answer =
            exchange(door.address, request(&format!("GET {path}"), "\r\n").replace("close", "keep-alive")).await;
        assert_eq!(status(&answer), 200, "{answer}");
    }
    // HTTP/2, where hyper has no such limit of its own.
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    exchange(door.address, preface).await;
}

#[tokio::test]
async fn bodies_are_limited_on_scims_road_alone() {
    let (door, _paths) =
        both_roads(Limits { body_bytes: 1000, body_time: Duration::from_millis(300), ..Limits::default() }).await;
    let (fits, large) = ("x".repeat(1000), "x".repeat(1001));
    let cases = [(PATHS[0], &fits, 200), (PATHS[0], &large, 413), (PATHS[1], &large, 200)];
    for (path, body, code) in cases {
        let line = format!("POST {path}");
        let length = request(&line, &format!("Content-Length: {}\r\n\r\n{body}", body.len()));
        let chunks =
            request(&line, &format!("Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n", body.len()));
        for sent in [length, chunks] {
            let answer = exchange(door.address, sent).await;
            assert_eq!(status(&answer), code, "{path}: {answer}");
            assert_eq!(code == 413, answer.contains("The body is larger than the 1000 bytes allowed."), "{answer}");
        }
    }
    let half = request("POST /scim/v2/Users", "Content-Length: 10\r\n\r\nhalf");
    assert_eq!(status(&exchange(door.address, half).await), 408);
    let broken = request("POST /scim/v2/Users", "Transfer-Encoding: chunked\r\n\r\nzz\r\n");
    assert_eq!(status(&exchange(door.address, broken).await), 400);
}

#[tokio::test]
async fn more_connections_than_allowed_are_closed() {
    let (door, _paths) = both_roads(Limits { connections: 1, ..Limits::default() }).await;
    let keep = request("GET /scim/v2/x", "\r\n").replace("close", "keep-alive");
    let mut first = TcpStream::connect(door.address).await.unwrap();
    first.write_all(keep.as_bytes()).await.unwrap();
    read_until(&mut first, "GET /scim/v2/x 0").await;
    assert_eq!(exchange(door.address, &keep).await, "");
    first.write_all(keep.as_bytes()).await.unwrap();
    read_until(&mut first, "GET /scim/v2/x 0").await;
}
