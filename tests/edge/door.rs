//! A door on a free port, an app behind it, and ways to talk to both.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use portolan::gateway::caller::Caller;
use portolan::scim::profile::Profile;
use portolan::server::{Bearer, Client, Edge, Front, Inner, Limits, Roads};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tower::util::BoxCloneSyncService;

pub(crate) const TOKEN: &str = "let-me-in";
/// Longer than anything here takes, on the slowest machine.
pub(crate) const LONG: Duration = Duration::from_secs(20);

/// A door and what is needed to close it.
pub(crate) struct Door {
    pub(crate) address: SocketAddr,
    pub(crate) shutdown: watch::Sender<bool>,
}

pub(crate) fn bearer(token: &str, until: Option<&str>) -> Bearer {
    Bearer { sha256: Sha256::digest(token).into(), until: until.map(|time| time.parse().unwrap()) }
}

pub(crate) fn front() -> Front {
    let old = bearer("old", Some("2020-01-01T00:00:00Z"));
    let rotating = bearer("rotating", Some("2999-01-01T00:00:00Z"));
    let clients = vec![
        Client {
            name: "entra".into(),
            profile: Profile::TOLERANT,
            tenant: None,
            bearers: vec![bearer("other", None), old],
        },
        Client {
            name: "okta".into(),
            profile: Profile::STRICT,
            tenant: None,
            bearers: vec![rotating, bearer(TOKEN, None)],
        },
    ];
    let limits = Limits { body_bytes: 1000, ..Limits::default() };
    Front { listeners: Vec::new(), base_path: "/scim/v2".to_owned(), pass_through: None, clients, limits }
}

pub(crate) async fn open(front: Front, inner: Inner, roads: Roads) -> Door {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (shutdown, down) = watch::channel(false);
    let edge = Arc::new(Edge::new(&front, inner));
    tokio::spawn(async move {
        while let Ok((stream, peer)) = listener.accept().await {
            tokio::spawn(edge.clone().serve_connection(stream, Some(peer.ip()), roads, down.clone()));
        }
    });
    Door { address, shutdown }
}

/// Answers `client profile method path length`.
pub(crate) fn echo() -> Inner {
    BoxCloneSyncService::new(tower::service_fn(|request: Request<Bytes>| async move {
        let caller = request.extensions().get::<Caller>().unwrap();
        let (method, path, length) = (request.method(), request.uri().path(), request.body().len());
        let said = format!("{} {} {method} {path} {length}", caller.client, caller.profile.name);
        Ok::<_, Infallible>(Response::new(Bytes::from(said)))
    }))
}

pub(crate) async fn door() -> Door {
    open(front(), echo(), Roads::Both).await
}

/// Sends bytes and reads until the door closes; a reset after an answer counts as closed.
pub(crate) async fn exchange(address: SocketAddr, bytes: impl AsRef<[u8]>) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let _ = stream.write_all(bytes.as_ref()).await;
    read_to_end(&mut stream).await
}

pub(crate) async fn read_to_end(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let read = tokio::time::timeout(LONG, stream.read_to_end(&mut answer)).await;
    let text = String::from_utf8_lossy(&answer).into_owned();
    assert!(read.is_ok(), "the door did not close after {text:?}");
    text
}

/// Reads until `end` has been seen.
pub(crate) async fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut answer = Vec::new();
    let reading = async {
        while !answer.windows(end.len()).any(|window| window == end.as_bytes()) {
            assert_ne!(stream.read_buf(&mut answer).await.unwrap(), 0, "closed before {end:?}");
        }
    };
    let read = tokio::time::timeout(LONG, reading).await;
    let text = String::from_utf8_lossy(&answer).into_owned();
    assert!(read.is_ok(), "no {end:?} in {text:?}");
    text
}

/// The status of the first answer in a text, 0 for none.
pub(crate) fn status(answer: &str) -> u16 {
    answer.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).map_or(0, |code| code.parse().unwrap())
}

/// A request with a good token that is the last of its connection.
pub(crate) fn request(line: &str, more: &str) -> String {
    format!("{line} HTTP/1.1\r\nHost: a.example\r\nAuthorization: Bearer {TOKEN}\r\nConnection: close\r\n{more}")
}

/// A real app: says what it got (`X-Got: name=value` a header), and sends the body back as it comes. Answers
/// WebSocket upgrades and then echoes. Each request's path is sent to the receiver.
pub(crate) async fn app() -> (SocketAddr, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (seen, paths) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let seen = seen.clone();
            let service = service_fn(move |request| {
                let _ = seen.send(format!("{:?} {}", request_version(&request), request.uri()));
                async { Ok::<_, Infallible>(app_answer(request)) }
            });
            tokio::spawn(async move {
                let codec = auto::Builder::new(TokioExecutor::new());
                let _ = codec.serve_connection_with_upgrades(TokioIo::new(stream), service).await;
            });
        }
    });
    (address, paths)
}

fn request_version(request: &Request<Incoming>) -> http::Version {
    request.version()
}

fn app_answer(mut request: Request<Incoming>) -> Response<BoxBody<Bytes, hyper::Error>> {
    let mut response = Response::builder();
    for (name, value) in request.headers() {
        response = response.header("x-got", format!("{name}={}", value.to_str().unwrap()));
    }
    response = response.header("connection", "x-private").header("x-private", "1").header("x-public", "1");
    if request.headers().contains_key("upgrade") {
        let upgraded = hyper::upgrade::on(&mut request);
        tokio::spawn(async move {
            let (mut read, mut write) = tokio::io::split(TokioIo::new(upgraded.await.unwrap()));
            tokio::io::copy(&mut read, &mut write).await.unwrap();
        });
        let response = response.status(101).header("upgrade", "websocket").header("connection", "upgrade");
        return response.body(Full::default().map_err(|never| match never {}).boxed()).unwrap();
    }
    response.body(request.into_body().boxed()).unwrap()
}
