//! One connection: HTTP/1 and HTTP/2 (prior knowledge) read by hyper, with the checks that both roads need, and the
//! fork between them. Knows streams, not sockets: the process hands it accepted ones, tests any pair of pipes.

use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use bytes::Bytes;
use http::header::{CONNECTION, HOST};
use http::{HeaderValue, Request, Response, StatusCode, Version};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tower::ServiceExt;

use super::Inner;
use super::body::Outgoing;
use super::drain::Drain;
use super::passthrough::PassThrough;
use super::route::{Road, is_other_version, road};
use super::settings::{Front, Limits, Roads};
use super::stack::{Stack, stack};
use super::wire::{Pulse, Wire};
use super::{passthrough, refuse};

/// What all connections share.
pub struct Edge {
    base_path: String,
    limits: Limits,
    codec: auto::Builder<TokioExecutor>,
    stack: Stack<Incoming>,
    pass_through: Option<PassThrough>,
    places: Arc<Semaphore>,
    full: AtomicBool,
    pub(super) drain: Drain,
}

/// What one connection's requests need to know of it.
#[derive(Clone)]
struct Line {
    pulse: Pulse,
    peer: Option<IpAddr>,
    roads: Roads,
    place: Arc<OwnedSemaphorePermit>,
}

impl Edge {
    /// The edge in front of `inner`.
    #[must_use]
    pub fn new(front: &Front, inner: Inner) -> Self {
        let limits = front.limits.clone();
        let drain = Drain::new();
        Self {
            base_path: front.base_path.clone(),
            codec: codec(&limits),
            stack: stack(&front.base_path, front.clients.clone(), limits.clone(), drain.clone(), inner),
            pass_through: front.pass_through.clone().map(|app| PassThrough::new(app, &limits)),
            places: Arc::new(Semaphore::new(limits.connections)),
            full: AtomicBool::new(false),
            drain,
            limits,
        }
    }

    /// Serves one connection until it ends, falls silent for too long, or `shutdown` turns true and its last answer
    /// is out.
    pub async fn serve_connection<T>(
        self: Arc<Self>,
        stream: T,
        peer: Option<IpAddr>,
        roads: Roads,
        mut shutdown: watch::Receiver<bool>,
    ) where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Some(place) = self.place() else { return };
        let _token = self.drain.enter();
        let pulse = Pulse::new();
        let line = Line { pulse: pulse.clone(), peer, roads, place: Arc::new(place) };
        let edge = self.clone();
        let service = service_fn(move |request| edge.clone().answer(request, line.clone()));
        let io = TokioIo::new(Wire::new(stream, pulse.clone()));
        let mut connection = pin!(self.codec.serve_connection_with_upgrades(io, service));
        let mut shutdown = pin!(shutdown.wait_for(|&down| down));
        let mut alarm = pin!(tokio::time::sleep(self.limits.header_time));
        let mut closing = false;

        std::future::poll_fn(|cx| {
            let mut close = !closing && shutdown.as_mut().poll(cx).is_ready();
            loop {
                if close {
                    (close, closing) = (false, true);
                    pulse.close();
                    connection.as_mut().graceful_shutdown();
                }
                if connection.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(());
                }
                // Asked after every poll: reading and answering happen inside it, so the pulse only changes there.
                let Some(patience) = pulse.patience(&self.limits) else { return Poll::Pending };
                if alarm.deadline() != patience {
                    alarm.as_mut().reset(patience);
                }
                if alarm.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
                if closing {
                    return Poll::Ready(());
                }
                close = true;
            }
        })
        .await;
    }

    /// A place among the open connections. A full house is said once, not per connection.
    fn place(&self) -> Option<OwnedSemaphorePermit> {
        let place = self.places.clone().try_acquire_owned().ok();
        let full = place.is_none();
        if full && !self.full.swap(true, Ordering::Relaxed) {
            tracing::warn!(limit = self.limits.connections, "too many open connections; new ones are closed");
        } else if !full {
            self.full.store(false, Ordering::Relaxed);
        }
        place
    }

    async fn answer(self: Arc<Self>, request: Request<Incoming>, line: Line) -> Result<Response<Outgoing>, Infallible> {
        let busy = line.pulse.busy();
        let http2 = request.version() == Version::HTTP_2;
        let head = (!http2).then(|| line.pulse.next_head());
        let road = road(request.uri().path(), &self.base_path);
        let other_version = is_other_version(request.uri().path(), &self.base_path);
        let fault = match head {
            Some(head) if head.ambiguous => Some("A request has Content-Length or Transfer-Encoding, not both."),
            _ => fault(&request, road),
        };
        let served = match road {
            Road::Scim => line.roads != Roads::App,
            _ => line.roads != Roads::Scim,
        };
        let mut response = match (fault, road, &self.pass_through) {
            (Some(fault), Road::Scim, _) => own(refuse::scim(StatusCode::BAD_REQUEST, fault)),
            (Some(fault), ..) => own(refuse::plain(StatusCode::BAD_REQUEST, fault)),
            (None, Road::Scim, _) if served => match self.stack.clone().oneshot(request).await {
                Ok(response) => own(response),
                Err(never) => match never {},
            },
            (None, Road::App, Some(app)) if served => {
                let response = app.forward(request, line.peer, line.place.clone()).await;
                if response.status() == StatusCode::SWITCHING_PROTOCOLS {
                    line.pulse.tunnelled();
                }
                response
            }
            (None, Road::Scim, _) => own(refuse::scim(StatusCode::NOT_FOUND, "SCIM is not served on this listener.")),
            (None, Road::App, _) if line.roads != Roads::App && other_version => own(refuse::version(&self.base_path)),
            (None, ..) => own(refuse::plain(StatusCode::NOT_FOUND, "Nothing is served at this path.")),
        };
        if head.is_some_and(|head| head.last) && response.status() != StatusCode::SWITCHING_PROTOCOLS {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(response.map(|body| Outgoing::new(body, busy)))
    }
}

/// What is wrong with a request on either road, if anything: what two readers could understand in two ways.
fn fault(request: &Request<Incoming>, road: Road) -> Option<&'static str> {
    let hosts = request.headers().get_all(HOST).iter().count();
    let (host, authority) = (request.headers().get(HOST), request.uri().authority());
    if hosts > 1 {
        return Some("A request has one Host header.");
    }
    if hosts == 0 && request.version() == Version::HTTP_11 {
        return Some("An HTTP/1.1 request has a Host header.");
    }
    if let (Some(host), Some(authority)) = (host, authority)
        && !host.as_bytes().eq_ignore_ascii_case(authority.as_str().as_bytes())
    {
        return Some("The Host header and the request target name different hosts.");
    }
    if !request.uri().path().starts_with('/') {
        return Some("The request target is not a path.");
    }
    (road == Road::Disguised).then_some("This path can be read as another one; write it plainly.")
}

fn own(response: Response<Bytes>) -> passthrough::Passed {
    response.map(|body| Either::Left(Full::new(body)))
}

/// hyper with our limits. Its own header timeout is off: it would end idle connections as well (see `wire`).
fn codec(limits: &Limits) -> auto::Builder<TokioExecutor> {
    let mut codec = auto::Builder::new(TokioExecutor::new());
    codec
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .max_headers(limits.headers)
        // hyper refuses to work with less than 8 KiB.
        .max_buf_size(limits.header_bytes.max(8192));
    codec
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(100)
        .max_header_list_size(u32::try_from(limits.header_bytes).unwrap_or(u32::MAX));
    codec
}
