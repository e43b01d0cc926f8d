//! HTTP calls to the app: what is sent beside a planned call, and when it is sent again. The bytes are [`wire`]'s, the sessions
//! [`sign_in`]'s.

mod oauth;
mod pace;
mod sign_in;
mod signed;
mod wire;

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::Full;
use serde_json::{Map, Value};

use crate::{
    config::Tenant,
    mapping::{
        answer::Class,
        auth::Opening,
        rest::{Pace, RestApp},
    },
    plan::{
        call::{HttpCall, Reply},
        fill::closed,
        open::Known,
    },
};

use self::{
    pace::Breaker,
    sign_in::Places,
    signed::{Signed, Unsigned},
    wire::Wire,
};
use super::{
    Failure, Kind, Limits, OpenError, TOGETHER,
    classify::{Answer, classify},
};

/// An HTTP app.
#[derive(Debug)]
pub struct Rest {
    app: Arc<RestApp>,
    wire: Wire,
    /// To where an OAuth client gets its tokens.
    tokens: Option<Wire>,
    places: Places,
    breaker: Breaker,
    limits: Limits,
}

impl Rest {
    /// Makes the client; nothing is sent yet.
    ///
    /// # Errors
    /// The app's URL is `https` and the system has no root certificates.
    pub fn open(app: Arc<RestApp>, limits: Limits) -> Result<Self, OpenError> {
        let wire = Wire::open(app.origin.uri.scheme(), app.ca.as_deref(), limits)?;
        let tokens = match app.auth.session.as_ref().map(|session| &session.open) {
            Some(Opening::Client(client)) => Some(Wire::open(client.url.scheme(), app.ca.as_deref(), limits)?),
            _ => None,
        };
        Ok(Self { app, wire, tokens, places: Places::default(), breaker: Breaker::default(), limits })
    }

    /// How many calls of one request are sent at once: no more than get their turn in half the time that each has.
    pub(super) fn together(&self) -> usize {
        let Pace { at_once, per_second, within, .. } = self.app.pace;
        let half = within.unwrap_or(self.limits.call_time) / 2;
        let turns =
            per_second.map(|most| usize::try_from(half.as_millis() * u128::from(most) / 1000).unwrap_or(usize::MAX));
        [at_once, turns].into_iter().flatten().fold(TOGETHER, usize::min).max(1)
    }

    /// Does one call, as this tenant where the mapping tells tenants apart. Where the session has expired it is opened again,
    /// once: that answer promises that nothing was done.
    pub(super) async fn call(&self, call: &HttpCall, tenant: Option<&Tenant>) -> Result<Reply, Failure> {
        let begun = std::time::Instant::now();
        let outcome = self.renewing(call, tenant).await;
        let ms = begun.elapsed().as_millis();
        match &outcome {
            Ok(reply) => {
                tracing::debug!(method = %call.method, status = reply.status, class = reply.class.word(), ms, "call");
            }
            Err(failure) => tracing::debug!(method = %call.method, %failure, ms, "call failed"),
        }
        outcome
    }

    async fn renewing(&self, call: &HttpCall, tenant: Option<&Tenant>) -> Result<Reply, Failure> {
        let within = self.app.pace.within.unwrap_or(self.limits.call_time);
        let place = self.places.of(self.own(tenant), &self.app.pace);
        let mut again = true;
        loop {
            let signed = match self.signed(&place, tenant).await {
                Ok(signed) => signed,
                Err(Unsigned::Reply(reply)) => return Ok(*reply),
                Err(Unsigned::Failure(failure)) => return Err(failure),
            };
            let values = values(tenant);
            let known = Known { tenant: Some(&values), session: Some(&signed.kept) };
            let closed = closed(call, &known).map_err(|_| bad_call("needs a value that cannot stand in it"))?;
            let reply = self.tries(&closed, &signed, &place.budget, within).await?;
            match reply.class {
                Class::Expired if again => {
                    place.close(&signed).await;
                    again = false;
                }
                Class::Expired => return Ok(Reply { class: Class::Denied, ..reply }),
                _ => return Ok(reply),
            }
        }
    }

    /// Any answer is a sign of life, but for those that a proxy gives for an app that is away. Without credentials: they are not
    /// needed to be told no.
    pub(super) async fn ping(&self) -> Result<(), Failure> {
        self.breaker.check()?;
        let mut request = Request::new(Full::default());
        *request.method_mut() = Method::HEAD;
        *request.uri_mut() = self.uri("/")?;
        let status = self.wire.status(request).await?;
        match status {
            StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
                Err(Failure::new(Kind::Unreachable, format!("instead of the app somebody answers {status}")))
            }
            _ => Ok(()),
        }
    }

    async fn exchange(
        &self,
        call: &HttpCall,
        request: Request<Full<Bytes>>,
        signed: &Signed,
    ) -> Result<Reply, Failure> {
        let uri = request.uri().clone();
        let (head, body) = self.wire.exchange(request).await?;
        signed.learn(&uri, &head.headers);
        let answer = Answer { status: head.status.as_u16(), headers: head.headers, body: &body };
        classify(call, &self.app, self.limits.depth, answer)
    }

    /// The call with what the gateway adds to it. Nothing a call says takes the place of a credential.
    fn request(&self, call: &HttpCall, signed: &Signed) -> Result<Request<Full<Bytes>>, Failure> {
        let auth = &self.app.auth;
        let body = call.body.as_ref().map(|body| Bytes::from(body.to_string()));
        let mut request = Request::new(Full::new(body.unwrap_or_default()));
        *request.method_mut() = call.method.clone();
        let mut target = call.target.clone();
        for query in auth.query.iter().map(|query| query.expose()).chain(&signed.query) {
            target.push(if target.contains('?') { '&' } else { '?' });
            target.push_str(query);
        }
        *request.uri_mut() = self.uri(&target)?;
        let cookies: Vec<String> =
            auth.cookies.iter().map(|c| c.expose().clone()).chain(signed.cookies(request.uri())).collect();
        let headers = request.headers_mut();
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        headers.insert(header::USER_AGENT, HeaderValue::from_static(concat!("portolan/", env!("CARGO_PKG_VERSION"))));
        if let Some(body) = &call.body {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(body.content_type()));
        }
        for (name, value) in call.headers.iter().chain(&auth.headers).chain(&signed.headers) {
            headers.insert(name, value.clone());
        }
        if !cookies.is_empty() {
            let mut value =
                HeaderValue::from_str(&cookies.join("; ")).map_err(|_| bad_call("has cookies that are none"))?;
            value.set_sensitive(true);
            headers.insert(header::COOKIE, value);
        }
        Ok(request)
    }

    /// Scheme and authority are the app's; a target only adds path and query.
    fn uri(&self, target: &str) -> Result<Uri, Failure> {
        if !(target.is_empty() || target.starts_with(['/', '?'])) {
            return Err(bad_call("has a target that does not begin with `/` or `?`"));
        }
        if target.contains('#') {
            return Err(bad_call("has a target with a raw `#`, which would cut it short"));
        }
        let mut parts = self.app.origin.uri.clone().into_parts();
        let path = format!("{}{target}", self.app.origin.prefix);
        parts.path_and_query =
            Some(path.parse().map_err(|_| bad_call("has a target that is no path and query of a URL"))?);
        Uri::from_parts(parts).map_err(|_| bad_call("has a target that does not fit the app's URL"))
    }
}

fn bad_call(why: &str) -> Failure {
    Failure::new(Kind::BadCall, format!("a call {why}"))
}

fn values(tenant: Option<&Tenant>) -> Map<String, Value> {
    tenant.iter().flat_map(|tenant| &tenant.values).map(|(name, value)| (name.clone(), value.clone())).collect()
}
