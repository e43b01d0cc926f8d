//! Everything that is not SCIM goes to the app as it came, streamed both ways: no limit on size or total time, the
//! client's own Host, WebSockets as tunnels. Only what belongs to one connection is dropped, and what says on whose
//! behalf a request comes: an app trusts such headers from its proxy, so none from outside may reach it.

use std::net::IpAddr;

use bytes::Bytes;
use http::header::{CONNECTION, COOKIE, HOST, UPGRADE};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, Uri, Version};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};

use super::refuse::plain;
use super::settings::Limits;

/// Headers of one connection, not of the message (RFC 9110 §7.6.1).
const HOP_BY_HOP: [&str; 7] =
    ["connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"];

/// Headers by which proxies tell an app who and where the client is: these names, and all that begin with one of
/// [`IDENTITY_PREFIXES`]. `_` counts as `-`, since CGI and WSGI apps see no difference.
const IDENTITY: [&str; 14] = [
    "forwarded",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "true-client-ip",
    "cf-connecting-ip",
    "x-original-url",
    "x-rewrite-url",
    "x-original-host",
    "remote-user",
    "x-remote-user",
    "x-webauth-user",
    "x-authenticated-user",
    "x-user",
];
const IDENTITY_PREFIXES: [&str; 5] = ["x-forwarded-", "x-auth-request-", "x-remote-", "remote-", "x-webauth-"];

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The road to the app.
#[derive(Debug)]
pub(super) struct PassThrough {
    client: Client<HttpConnector, Incoming>,
    app: Authority,
}

/// An answer from the app, or our own about it.
pub(super) type Passed = Response<Either<Full<Bytes>, Incoming>>;

impl PassThrough {
    pub(super) fn new(app: Authority, limits: &Limits) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(limits.connect_time));
        connector.set_nodelay(true);
        Self { client: Client::builder(TokioExecutor::new()).build(connector), app }
    }

    /// Sends the request on. `keep` is held until the exchange, a tunnel included, is over.
    pub(super) async fn forward<K>(&self, mut request: Request<Incoming>, peer: Option<IpAddr>, keep: K) -> Passed
    where
        K: Send + 'static,
    {
        let path = request.uri().path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
        let target = Uri::builder().scheme(Scheme::HTTP).authority(self.app.clone()).path_and_query(path).build();
        let Ok(target) = target else { return own(StatusCode::BAD_REQUEST, "The request target cannot be passed on.") };
        let websocket = asks_for_websocket(&request);
        let ours = websocket.then(|| hyper::upgrade::on(&mut request));
        let host = host(&request);
        *request.uri_mut() = target;
        *request.version_mut() = Version::HTTP_11;
        clean(request.headers_mut(), host.as_ref(), peer);
        if websocket {
            mark_websocket(request.headers_mut());
        }

        let mut response = match self.client.request(request).await {
            Ok(response) => response,
            Err(error) => return unreachable(&error),
        };
        let switched = response.status() == StatusCode::SWITCHING_PROTOCOLS;
        let theirs = switched.then(|| hyper::upgrade::on(&mut response));
        drop_hop_by_hop(response.headers_mut());
        if let Some(theirs) = theirs {
            let Some(ours) = ours else {
                return own(StatusCode::BAD_GATEWAY, "The app switched to a protocol nobody asked for.");
            };
            mark_websocket(response.headers_mut());
            tokio::spawn(async move {
                if let (Ok(ours), Ok(theirs)) = tokio::join!(ours, theirs) {
                    // Either end may break off at any time; that is how tunnels end.
                    let _ = tokio::io::copy_bidirectional(&mut TokioIo::new(ours), &mut TokioIo::new(theirs)).await;
                }
                drop(keep);
            });
        }
        response.map(Either::Right)
    }
}

/// Only WebSocket is tunnelled. Inside an `h2c` tunnel every path could be asked for, SCIM's too.
fn asks_for_websocket(request: &Request<Incoming>) -> bool {
    let mut wanted = request.headers().get_all(UPGRADE).iter();
    let (Some(protocol), None) = (wanted.next(), wanted.next()) else { return false };
    request.version() == Version::HTTP_11 && protocol.as_bytes().eq_ignore_ascii_case(b"websocket")
}

fn mark_websocket(headers: &mut HeaderMap) {
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
}

/// The host as the client named it: HTTP/2 names it in the target.
fn host(request: &Request<Incoming>) -> Option<HeaderValue> {
    let sent = request.headers().get(HOST).cloned();
    sent.or_else(|| request.uri().authority().and_then(|authority| HeaderValue::from_str(authority.as_str()).ok()))
}

fn clean(headers: &mut HeaderMap, host: Option<&HeaderValue>, peer: Option<IpAddr>) {
    drop_hop_by_hop(headers);
    let foreign: Vec<HeaderName> = headers.keys().filter(|name| speaks_for_others(name.as_str())).cloned().collect();
    for name in foreign {
        headers.remove(name);
    }
    join_cookies(headers);
    if let Some(host) = host {
        headers.insert(HOST, host.clone());
        headers.insert(X_FORWARDED_HOST, host.clone());
    }
    if let Some(peer) = peer.and_then(|peer| HeaderValue::from_str(&peer.to_canonical().to_string()).ok()) {
        headers.insert(X_FORWARDED_FOR, peer);
    }
    headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static("http"));
}

fn speaks_for_others(name: &str) -> bool {
    let name = name.replace('_', "-");
    IDENTITY.contains(&name.as_str()) || IDENTITY_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

fn drop_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named {
        headers.remove(name);
    }
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
}

/// HTTP/2 may send one cookie a line; HTTP/1 knows one line (RFC 9113 §8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let lines: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if lines.len() > 1
        && let Ok(joined) = HeaderValue::from_bytes(&lines.join(&b"; "[..]))
    {
        headers.insert(COOKIE, joined);
    }
}

fn unreachable(error: &hyper_util::client::legacy::Error) -> Passed {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    let mut late = false;
    let mut text = String::new();
    while let Some(error) = cause {
        late |= error.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == std::io::ErrorKind::TimedOut);
        text = error.to_string();
        cause = error.source();
    }
    tracing::warn!(cause = text, "the app did not answer a passed-through request");
    match late {
        true => own(StatusCode::GATEWAY_TIMEOUT, "The app behind this gateway cannot be reached in time."),
        false => own(StatusCode::BAD_GATEWAY, "The app behind this gateway did not answer."),
    }
}

fn own(status: StatusCode, detail: &str) -> Passed {
    plain(status, detail).map(|body| Either::Left(Full::new(body)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_that_speak_for_others() {
        let theirs =
            ["x-forwarded-for", "X_Forwarded_For", "forwarded", "x-auth-request-email", "remote_user", "x-real-ip"];
        let own = ["x-request-id", "authorization", "cookie", "x-api-key", "x-users-page", "accept"];
        assert!(theirs.iter().all(|name| speaks_for_others(&name.to_ascii_lowercase())));
        assert!(!own.iter().any(|name| speaks_for_others(name)));
    }
}
