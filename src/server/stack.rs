//! SCIM's road from a request's head to the gateway's service: all policy, one layer each, read top to bottom.
//!
//! Each layer is an async function of the policy, the request and the rest of the stack ([`around`] makes it a tower
//! layer). Tests call the stack with a request and no socket.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::header::{AUTHORIZATION, EXPECT, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Body;
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tokio::task::JoinHandle;
use tower::util::BoxCloneSyncService;
use tower::{ServiceBuilder, ServiceExt};

use super::Inner;
use super::body::{Fault, collect, discard};
use super::drain::Drain;
use super::late::{Entry, Late};
use super::layer::{Next, Reads, around};
use super::refuse::{later, scim};
use super::settings::{Client, Limits};
use crate::gateway::caller::{Caller, RequestId};
use crate::gateway::share::{Full, Place, Share};
use crate::metrics::{self, InFlight};
use crate::scim::endpoint::Endpoint;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// How long a client should wait before it asks for the end of its write, in seconds.
const LATE_WAIT: u64 = 5;

/// The whole stack, for requests with a body of type `B`.
pub(super) type Stack<B> = BoxCloneSyncService<Request<B>, Response<Bytes>, Infallible>;

pub(super) type Answer = Result<Response<Bytes>, Infallible>;

/// What a request holds while it is worked on.
type Held = Arc<(Place, InFlight)>;

/// What the layers go by.
pub(super) struct Policy {
    base_path: String,
    clients: Vec<Client>,
    limits: Limits,
    places: Arc<Share>,
    late: Arc<Late>,
    drain: Drain,
}

/// Puts the stack around `inner`.
pub(super) fn stack<B>(base_path: &str, clients: Vec<Client>, limits: Limits, drain: Drain, inner: Inner) -> Stack<B>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
{
    let places = Share::new(limits.in_flight, limits.client_in_flight);
    let mut key = [0; 32];
    if getrandom::fill(&mut key).is_err() {
        // Then no request gets a number either, and none comes as far as a write.
        tracing::error!("the system gives no random numbers");
    }
    let late = Late::new(key, limits.kept_time);
    let policy = &Arc::new(Policy { base_path: base_path.to_owned(), clients, limits, places, late, drain });
    let service = ServiceBuilder::new()
        // Everything below is found again by this number, refusals too.
        .layer(around(policy, number))
        // Above every refusal, so that each request is one line with its last word.
        .layer(around(policy, trace))
        // Before the body: a stranger costs one hash, and gets neither memory nor a place.
        .layer(around(policy, authenticate))
        // After the credential, so that strangers cannot fill the house; before the body, so that the places bound
        // memory.
        .layer(around(policy, admit))
        // From here on requests are whole, and a slow sender's time is not the gateway's.
        .layer(around(policy, whole_body))
        // Outside the task below: the client is told in time, whatever becomes of its write.
        .layer(around(policy, time_limit))
        // Innermost: what panics or is abandoned is the gateway's work, not a layer's.
        .layer(around(policy, own_task))
        .service(inner);
    BoxCloneSyncService::new(service)
}

/// Numbers the request. A number from outside is not taken: it would let a client choose what the log says of it.
async fn number<B, S: Next<B>>(_: Arc<Policy>, mut request: Request<B>, next: S) -> Answer {
    let mut random = [0; 16];
    if getrandom::fill(&mut random).is_err() {
        return Ok(scim(StatusCode::INTERNAL_SERVER_ERROR, "The system gives no random numbers."));
    }
    let id = format!("{:032x}", u128::from_be_bytes(random));
    let header = HeaderValue::from_str(&id).ok();
    request.headers_mut().remove(X_REQUEST_ID);
    request.extensions_mut().insert(RequestId(id.into()));
    let mut response = next.oneshot(request).await?;
    if let Some(header) = header {
        response.headers_mut().insert(X_REQUEST_ID, header);
    }
    Ok(response)
}

/// One line a request, without a status if its client left before the answer. No query: a filter's values are people's
/// names and addresses.
async fn trace<B, S: Next<B>>(policy: Arc<Policy>, mut request: Request<B>, next: S) -> Answer {
    let path = request.uri().path();
    let endpoint = Endpoint::of(path.strip_prefix(policy.base_path.as_str()).unwrap_or(path));
    request.extensions_mut().insert(endpoint);
    let mut line = Line {
        begun: Instant::now(),
        endpoint,
        method: request.method().clone(),
        path: shown(request.uri().path(), &policy.base_path),
        id: request.extensions().get().cloned(),
        status: None,
        caller: None,
    };
    let response = next.oneshot(request).await?;
    line.status = Some(response.status().as_u16());
    line.caller = response.extensions().get().cloned();
    Ok(response)
}

/// The endpoint alone: what follows it is an id, and ids are people's log-ins in many an app (law 12).
fn shown(path: &str, base_path: &str) -> String {
    let below = path.strip_prefix(base_path).unwrap_or(path);
    let mut segments = below.trim_start_matches('/').split('/');
    match (segments.next(), segments.next()) {
        (Some(first), Some(id)) if !id.is_empty() => format!("{base_path}/{first}/{{id}}"),
        _ => path.to_owned(),
    }
}

struct Line {
    begun: Instant,
    endpoint: Endpoint,
    method: Method,
    path: String,
    id: Option<RequestId>,
    status: Option<u16>,
    caller: Option<Caller>,
}

impl Drop for Line {
    fn drop(&mut self) {
        let (client, took) = (self.caller.as_ref().map(|caller| &*caller.client), self.begun.elapsed());
        metrics::request(client, self.endpoint.word(), self.method.as_str(), self.status, took);
        tracing::info!(
            method = %self.method,
            path = self.path,
            status = self.status,
            ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            client,
            request_id = self.id.as_ref().map(|id| &*id.0),
            "request"
        );
    }
}

/// Knows the client by its bearer token (RFC 6750), or answers 401.
async fn authenticate<B: Reads, S: Next<B>>(policy: Arc<Policy>, mut request: Request<B>, next: S) -> Answer {
    let caller = match caller(&policy.clients, request.headers(), Timestamp::now()) {
        Ok(caller) => caller,
        Err((challenge, detail)) => {
            let mut response = scim(StatusCode::UNAUTHORIZED, detail);
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
            return refuse(request, response).await;
        }
    };
    request.headers_mut().remove(AUTHORIZATION);
    request.extensions_mut().insert(caller.clone());
    let mut response = next.oneshot(request).await?;
    response.extensions_mut().insert(caller);
    Ok(response)
}

/// The client whose bearer token the headers hold; else the challenge and the sentence of the 401. Digests are
/// compared, in constant time, with every bearer: the time it takes tells neither how near a guess was nor whose it
/// nearly was.
fn caller(clients: &[Client], headers: &HeaderMap, now: Timestamp) -> Result<Caller, (&'static str, &'static str)> {
    const NONE: (&str, &str) = (r#"Bearer realm="scim""#, "Send one bearer token in the Authorization header.");
    const WRONG: (&str, &str) =
        (r#"Bearer realm="scim", error="invalid_token""#, "The bearer token is unknown or no longer valid.");
    let mut sent = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (sent.next(), sent.next()) else { return Err(NONE) };
    let (scheme, token) = value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or(NONE)?;
    let token = token.trim_matches(' ');
    if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() {
        return Err(NONE);
    }
    let digest: [u8; 32] = Sha256::digest(token).into();
    let mut found = None;
    for client in clients {
        for bearer in &client.bearers {
            let equal = bool::from(bearer.sha256.ct_eq(&digest));
            if equal && bearer.until.is_none_or(|until| now < until) {
                found = Some(client);
            }
        }
    }
    let client = found.ok_or(WRONG)?;
    Ok(Caller { client: client.name.clone(), profile: client.profile, tenant: client.tenant.clone() })
}

/// Lets in as many requests as may be worked on at once, of each client and in all; more are asked to come back.
async fn admit<B: Reads, S: Next<B>>(policy: Arc<Policy>, mut request: Request<B>, next: S) -> Answer {
    match policy.places.take(&client_of(&request)) {
        Ok(place) => {
            let held: Held = Arc::new((place, InFlight::enter()));
            request.extensions_mut().insert(held);
            next.oneshot(request).await
        }
        Err(full) => {
            let (status, whose) = match full {
                Full::All => (StatusCode::SERVICE_UNAVAILABLE, ""),
                Full::Client => (StatusCode::TOO_MANY_REQUESTS, " of this client"),
            };
            let detail = format!("Too many requests{whose} are being worked on; try again.");
            refuse(request, later(status, 1, &detail)).await
        }
    }
}

/// Collects the body, up to the limits of size and time.
async fn whole_body<B: Reads, S: Next<Bytes>>(policy: Arc<Policy>, request: Request<B>, next: S) -> Answer {
    let limits = &policy.limits;
    let (head, mut body) = request.into_parts();
    let (status, detail) = match tokio::time::timeout(limits.body_time, collect(&mut body, limits.body_bytes)).await {
        Ok(Ok(whole)) => return next.oneshot(Request::from_parts(head, whole)).await,
        Ok(Err(Fault::TooLarge)) => {
            (StatusCode::PAYLOAD_TOO_LARGE, format!("The body is larger than the {} bytes allowed.", limits.body_bytes))
        }
        Ok(Err(Fault::Broken)) => {
            (StatusCode::BAD_REQUEST, "The body ended early or is not framed as HTTP asks.".into())
        }
        Err(_) => (StatusCode::REQUEST_TIMEOUT, format!("The body was not whole after {:?}.", limits.body_time)),
    };
    let response = scim(status, &detail);
    if status == StatusCode::PAYLOAD_TOO_LARGE {
        refuse(Request::from_parts(head, body), response).await
    } else {
        Ok(response)
    }
}

/// Ends the client's wait. A write goes on, and the same request sent again hears how it ends.
async fn time_limit<S: Next<Bytes>>(policy: Arc<Policy>, request: Request<Bytes>, next: S) -> Answer {
    let limit = policy.limits.answer_time;
    let reads = only_reads(&request);
    tokio::time::timeout(limit, next.oneshot(request)).await.unwrap_or_else(|_| {
        if reads {
            let detail = format!("There was no answer within {limit:?}. Try again, or ask for less.");
            return Ok(scim(StatusCode::GATEWAY_TIMEOUT, &detail));
        }
        metrics::late();
        let detail = format!(
            "The write takes longer than {limit:?} and goes on. Send the same request again to hear how it ends."
        );
        Ok(later(StatusCode::SERVICE_UNAVAILABLE, LATE_WAIT, &detail))
    })
}

/// Runs the request in its own task, which holds its place and keeps the process alive until it is done: a client
/// that hangs up must not stop a write half way, and may ask again for its end. A read is stopped with its client. A panic
/// becomes a 500 and stays in the task.
async fn own_task(policy: Arc<Policy>, mut request: Request<Bytes>, next: Inner) -> Answer {
    let held = (request.extensions_mut().remove::<Held>(), policy.drain.enter());
    let id = request.extensions().get::<RequestId>().map(|id| id.0.clone());
    let answer = if only_reads(&request) {
        let mut task = StopOnDrop(tokio::spawn(async move {
            let Ok(answer) = next.oneshot(request).await;
            drop(held);
            answer
        }));
        (&mut task.0).await.ok()
    } else {
        write(&policy, request, next, held).await
    };
    Ok(answer.unwrap_or_else(|| {
        tracing::error!(request_id = id.as_deref(), "a request ended in a panic");
        scim(StatusCode::INTERNAL_SERVER_ERROR, "The gateway failed on this request; its log knows more.")
    }))
}

/// The answer of a write, of this request or of the one that it repeats; none after a panic.
async fn write<H: Send + 'static>(
    policy: &Policy,
    request: Request<Bytes>,
    next: Inner,
    held: H,
) -> Option<Response<Bytes>> {
    let id = request.extensions().get::<RequestId>().map(|id| id.0.clone());
    let client = client_of(&request);
    let endpoint = endpoint_of(&request);
    match policy.late.enter(&client, endpoint, &request) {
        Entry::Joined(waiting) => {
            metrics::joined();
            tracing::info!(request_id = id.as_deref(), "joined the same write");
            waiting.answer().await
        }
        Entry::First(run, waiting) => {
            tokio::spawn(async move {
                let Ok(answer) = next.oneshot(request).await;
                let status = answer.status().as_u16();
                if !run.ended(answer) {
                    tracing::info!(status, request_id = id.as_deref(), "done after its client had left");
                }
                drop(held);
                run.told().await;
            });
            waiting.answer().await
        }
    }
}

struct StopOnDrop<T>(JoinHandle<T>);

impl<T> Drop for StopOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn client_of<B>(request: &Request<B>) -> Arc<str> {
    request.extensions().get::<Caller>().map_or_else(|| "".into(), |caller| caller.client.clone())
}

fn endpoint_of<B>(request: &Request<B>) -> Endpoint {
    request.extensions().get().copied().unwrap_or(Endpoint::Other)
}

fn only_reads<B>(request: &Request<B>) -> bool {
    endpoint_of(request).only_reads(request.method())
}

/// Answers without having read the body. Who sent `Expect: 100-continue` waits with the body and sends none.
async fn refuse<B: Reads>(request: Request<B>, response: Response<Bytes>) -> Answer {
    if !request.headers().contains_key(EXPECT) {
        discard(request.into_body()).await;
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::VecDeque;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use hyper::body::Frame;

    use super::*;

    #[test]
    fn the_log_names_endpoints_and_no_ids() {
        for (path, shown) in [
            ("/scim/v2/Users", "/scim/v2/Users"),
            ("/scim/v2/Users/ann%40example.com", "/scim/v2/Users/{id}"),
            ("/scim/v2/Users/ann/more", "/scim/v2/Users/{id}"),
            ("/scim/v2", "/scim/v2"),
        ] {
            assert_eq!(super::shown(path, "/scim/v2"), shown);
        }
    }

    /// A body whose pieces the test can count while the stack has it.
    struct Pieces(VecDeque<Bytes>, tokio::sync::watch::Sender<usize>);

    impl Body for Pieces {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            let piece = self.0.pop_front();
            self.1.send_modify(|read| *read += usize::from(piece.is_some()));
            Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
        }
    }

    #[tokio::test]
    async fn a_refused_body_is_read_up_to_a_bound_so_that_the_refusal_arrives() {
        let inner = Inner::new(tower::service_fn(|_| async { Ok(Response::default()) }));
        let stack = stack("/scim/v2", Vec::new(), Limits::default(), Drain::new(), inner);
        for (sent, read) in [(0, 0), (5, 5), (64, 64), (1000, 64)] {
            let (count, counted) = tokio::sync::watch::channel(0);
            let body = Pieces(vec![Bytes::from_static(&[b' '; 1024]); sent].into(), count);
            let response = stack.clone().oneshot(Request::new(body)).await.unwrap();
            assert_eq!((response.status().as_u16(), *counted.borrow()), (401, read));
        }
    }
}
