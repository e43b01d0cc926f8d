//! HTTP calls to the app. One client, one origin: a call names a path and a query, never a host, and a redirect is an
//! answer like any other, so no data of the app or of ours can lead a call elsewhere.

use std::{
    error::Error,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, header, uri::Scheme};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};

use crate::{
    mapping::rest::RestApp,
    plan::call::{HttpCall, Reply},
};

use super::{
    Failure, Kind, Limits, OpenError,
    classify::{Answer, classify},
};

/// A host that does not take a connection in this time is away; so most calls that time out are known to be unsent.
const CONNECT_TIME: Duration = Duration::from_secs(3);

/// Shorter than the five seconds after which common servers close a quiet connection: a call written into a connection
/// that is just being closed would be lost, and not every call may be sent again.
const IDLE_TIME: Duration = Duration::from_secs(4);

/// An HTTP app.
#[derive(Debug)]
pub struct Rest {
    app: Arc<RestApp>,
    client: Client,
    limits: Limits,
}

/// Plain where the app's URL is plain: such a gateway runs where there are no root certificates.
#[derive(Debug)]
enum Client {
    Plain(legacy::Client<HttpConnector, Full<Bytes>>),
    Tls(legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>),
}

impl Rest {
    /// Makes the client; nothing is sent yet.
    ///
    /// # Errors
    /// The app's URL is `https` and the system has no root certificates.
    pub fn open(app: Arc<RestApp>, limits: Limits) -> Result<Self, OpenError> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT_TIME.min(limits.call_time)));
        let mut builder = legacy::Client::builder(TokioExecutor::new());
        builder.pool_timer(TokioTimer::new()).pool_idle_timeout(IDLE_TIME);
        let client = if app.origin.scheme() == Some(&Scheme::HTTPS) {
            let tls = HttpsConnectorBuilder::new()
                .with_native_roots()
                .map_err(|e| OpenError(format!("no root certificates to check the app's with: {e}")))?
                .https_only()
                .enable_all_versions()
                .wrap_connector(tcp);
            Client::Tls(builder.build(tls))
        } else {
            Client::Plain(builder.build(tcp))
        };
        Ok(Self { app, client, limits })
    }

    pub(super) async fn call(&self, call: &HttpCall) -> Result<Reply, Failure> {
        let begun = Instant::now();
        let outcome =
            tokio::time::timeout(self.limits.call_time, self.once_or_again(call)).await.unwrap_or_else(|_| {
                let message = format!("the app gave no whole answer within {:?}", self.limits.call_time);
                Err(Failure::after_sending(Kind::TimedOut, message))
            });
        let ms = begun.elapsed().as_millis();
        match &outcome {
            Ok(reply) => {
                tracing::debug!(method = %call.method, status = reply.status, class = reply.class.word(), ms, "call");
            }
            Err(failure) => tracing::debug!(method = %call.method, %failure, ms, "call failed"),
        }
        outcome
    }

    /// Any answer is a sign of life, but for those that a proxy gives for an app that is away. Without credentials: they are not
    /// needed to be told no.
    pub(super) async fn ping(&self) -> Result<(), Failure> {
        let mut request = Request::new(Full::default());
        *request.method_mut() = Method::HEAD;
        *request.uri_mut() = self.uri("/")?;
        let status = self.send(request).await.map_err(|e| no_answer(&e))?.status();
        match status {
            StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
                Err(Failure::new(Kind::Unreachable, format!("instead of the app somebody answers {status}")))
            }
            _ => Ok(()),
        }
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, legacy::Error> {
        match &self.client {
            Client::Plain(client) => client.request(request).await,
            Client::Tls(client) => client.request(request).await,
        }
    }

    /// A broken connection says nothing of the call; one that has the same effect twice is sent once more.
    async fn once_or_again(&self, call: &HttpCall) -> Result<Reply, Failure> {
        match self.exchange(call).await {
            Err(failure) if call.repeat && matches!(failure.kind, Kind::Unreachable | Kind::Lost) => {
                tracing::debug!(method = %call.method, %failure, "sent again");
                self.exchange(call).await
            }
            outcome => outcome,
        }
    }

    async fn exchange(&self, call: &HttpCall) -> Result<Reply, Failure> {
        let request = self.request(call)?;
        let (head, body) = self.send(request).await.map_err(|e| no_answer(&e))?.into_parts();
        let body =
            Limited::new(body, self.limits.answer_bytes).collect().await.map_err(|e| self.half_answer(&*e))?.to_bytes();
        let answer = Answer {
            status: head.status.as_u16(),
            content_type: text(&head.headers, &header::CONTENT_TYPE),
            retry_after: text(&head.headers, &header::RETRY_AFTER),
            body: &body,
        };
        classify(call, &self.app.answers, self.limits.depth, &answer)
    }

    fn request(&self, call: &HttpCall) -> Result<Request<Full<Bytes>>, Failure> {
        let body = call.body.as_ref().map(|body| Bytes::from(body.to_string()));
        let mut request = Request::new(Full::new(body.unwrap_or_default()));
        *request.method_mut() = call.method.clone();
        *request.uri_mut() = self.uri(&call.target)?;
        let headers = request.headers_mut();
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(header::USER_AGENT, HeaderValue::from_static(concat!("portolan/", env!("CARGO_PKG_VERSION"))));
        if let Some(body) = &call.body {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(body.content_type()));
        }
        for (name, value) in &call.headers {
            headers.insert(name, value.clone());
        }
        for (name, value) in &self.app.auth {
            let mut value = value.clone();
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        Ok(request)
    }

    /// Scheme and authority are the app's; a target only adds path and query.
    fn uri(&self, target: &str) -> Result<Uri, Failure> {
        let bad = |why: &str| Failure::new(Kind::BadCall, format!("the target of a call {why}"));
        if !(target.is_empty() || target.starts_with(['/', '?'])) {
            return Err(bad("must begin with `/` or `?`"));
        }
        if target.contains('#') {
            return Err(bad("holds a raw `#`, which would cut it short"));
        }
        let mut parts = self.app.origin.clone().into_parts();
        let path = format!("{}{target}", self.app.prefix);
        parts.path_and_query = Some(path.parse().map_err(|_| bad("is no path and query of a URL"))?);
        Uri::from_parts(parts).map_err(|_| bad("does not fit the app's URL"))
    }

    fn half_answer(&self, error: &(dyn Error + 'static)) -> Failure {
        if error.is::<LengthLimitError>() {
            let message = format!("the app's answer is larger than {} bytes", self.limits.answer_bytes);
            return Failure::after_sending(Kind::TooLarge, message);
        }
        Failure::after_sending(Kind::Lost, format!("the app's answer broke off: {}", causes(error)))
    }
}

fn no_answer(error: &legacy::Error) -> Failure {
    let causes = causes(error);
    if error.is_connect() {
        return Failure::new(Kind::Unreachable, format!("the app cannot be reached: {causes}"));
    }
    let hyper = error.source().and_then(|source| source.downcast_ref::<hyper::Error>());
    if hyper.is_some_and(hyper::Error::is_parse) {
        return Failure::after_sending(Kind::Nonsense, format!("what the app answered is not HTTP: {causes}"));
    }
    Failure::after_sending(Kind::Lost, format!("the connection broke before the app answered: {causes}"))
}

/// The client's own words stop at "client error"; what happened stands below.
fn causes(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut below = error.source();
    while let Some(cause) = below {
        text = format!("{text}: {cause}");
        below = cause.source();
    }
    text
}

fn text<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
