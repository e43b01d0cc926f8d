//! The admin listener, for those who watch over the process: `/health`, `/ready` and `/metrics`. It asks for no token, so it
//! belongs on an address that only they reach.
//!
//! It is apart from the front door: connections that fill that do not fill this, and it answers while the process drains.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, Semaphore, watch};
use tokio::time::Instant;
use tower::ServiceExt;
use tower::util::BoxCloneSyncService;

use super::refuse::plain;
use crate::metrics;

/// Whether the app answers, when asked.
pub type Probe = BoxCloneSyncService<(), bool, Infallible>;

/// How long the app's word is good for: however many ask, it is asked once in that time.
const FRESH: Duration = Duration::from_secs(1);

/// How long the app may take to say a word.
const PROBE_TIME: Duration = Duration::from_secs(2);

/// How long one connection may take; it is good for one request.
const CONNECTION_TIME: Duration = Duration::from_secs(5);

/// Connections at once; more are closed unread.
const CONNECTIONS: usize = 32;

/// The listener and what it answers from.
pub(super) struct Admin {
    listener: std::net::TcpListener,
    probe: Probe,
    last: Mutex<Option<(Instant, bool)>>,
    places: Arc<Semaphore>,
}

impl Admin {
    /// Listens; connections wait until [`Admin::serve`] runs.
    pub(super) fn bind(address: SocketAddr, probe: Probe) -> io::Result<Arc<Self>> {
        let listener = std::net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        Ok(Arc::new(Self { listener, probe, last: Mutex::default(), places }))
    }

    pub(super) fn address(&self) -> Option<SocketAddr> {
        self.listener.local_addr().ok()
    }

    /// Answers as long as it is polled; `draining` says that the process ends.
    pub(super) async fn serve(self: Arc<Self>, draining: watch::Receiver<bool>) -> io::Result<()> {
        let listener = TcpListener::from_std(self.listener.try_clone()?)?;
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                // No file left, for one: that passes, and is no reason to spin.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            if let Ok(place) = self.places.clone().try_acquire_owned() {
                let (admin, draining) = (self.clone(), draining.clone());
                tokio::spawn(async move {
                    let _ = tokio::time::timeout(CONNECTION_TIME, admin.connection(stream, draining)).await;
                    drop(place);
                });
            }
        }
    }

    async fn connection(self: Arc<Self>, stream: TcpStream, draining: watch::Receiver<bool>) {
        let service = service_fn(move |request| {
            let (admin, draining) = (self.clone(), *draining.borrow());
            async move { Ok::<_, Infallible>(admin.answer(&request, draining).await.map(Full::new)) }
        });
        let mut codec = http1::Builder::new();
        codec.timer(TokioTimer::new()).keep_alive(false).max_buf_size(8192);
        let _ = codec.serve_connection(TokioIo::new(stream), service).await;
    }

    async fn answer(&self, request: &Request<Incoming>, draining: bool) -> Response<Bytes> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "Ask with GET.");
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        let mut response = match request.uri().path() {
            "/health" => plain(StatusCode::OK, "alive"),
            "/ready" if draining => plain(StatusCode::SERVICE_UNAVAILABLE, "ending"),
            "/ready" if self.app_answers().await => plain(StatusCode::OK, "ready"),
            "/ready" => plain(StatusCode::SERVICE_UNAVAILABLE, "the app does not answer"),
            "/metrics" => {
                let mut response = Response::new(Bytes::from(metrics::text()));
                response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(metrics::CONTENT_TYPE));
                response
            }
            _ => plain(StatusCode::NOT_FOUND, "There are /health, /ready and /metrics."),
        };
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }

    /// Whoever asks while the app is being asked waits for the same word.
    async fn app_answers(&self) -> bool {
        let mut last = self.last.lock().await;
        if let Some((at, answers)) = *last
            && at.elapsed() < FRESH
        {
            return answers;
        }
        let asked = tokio::time::timeout(PROBE_TIME, self.probe.clone().oneshot(())).await;
        let answers = matches!(asked, Ok(Ok(true)));
        *last = Some((Instant::now(), answers));
        answers
    }
}
