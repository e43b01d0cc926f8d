//! A token for an OAuth client, by its credentials alone (RFC 6749 §4.4).

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, header};
use http_body_util::Full;
use serde_json::Value;

use crate::{
    backend::{Failure, Kind, classify::retry_after},
    mapping::{answer::Class, auth::Client},
    plan::call::Reply,
};

use super::{signed::Unsigned, wire::Wire};

/// A token is not used in its last moments: what is sent with it must still arrive.
const MARGIN: Duration = Duration::from_secs(20);

/// The token, and until when it is used where the server tells.
pub(super) async fn token(wire: &Wire, client: &Client) -> Result<(String, Option<Instant>), Unsigned> {
    let asked = Instant::now();
    let mut request = Request::new(Full::new(Bytes::from(client.form.expose().clone())));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = client.url.clone();
    let headers = request.headers_mut();
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
    headers.extend(client.header.iter().map(|value| (header::AUTHORIZATION, value.clone())));
    let (head, body) = wire.exchange(request).await?;
    let said: Value = serde_json::from_slice(&body).unwrap_or_default();
    let status = head.status.as_u16();
    if status != 200 {
        let error = said.get("error").and_then(Value::as_str).filter(|word| known(word)).unwrap_or_default();
        tracing::error!(status, error, "no token was given");
        let class = Class::of_status(status);
        if matches!(status, 400 | 401 | 403) || class == Class::Busy {
            let retry_after = retry_after(&head.headers);
            let (body, headers) = (Value::Null, head.headers);
            let reply = Reply { class, body, headers, status: Some(status), detail: None, retry_after, changed: 0 };
            return Err(Unsigned::of(reply));
        }
        return Err(Failure::new(Kind::Nonsense, format!("where tokens are given the answer was {status}")).into());
    }
    let bearer = said.get("token_type").and_then(Value::as_str).is_none_or(|kind| kind.eq_ignore_ascii_case("bearer"));
    match said.get("access_token").and_then(Value::as_str).filter(|token| bearer && !token.is_empty()) {
        Some(token) => {
            let lasts = said.get("expires_in").and_then(Value::as_u64).map(Duration::from_secs);
            let used = lasts.map(|lasts| lasts.saturating_sub(MARGIN.min(lasts / 2)));
            Ok((token.to_owned(), used.and_then(|used| asked.checked_add(used))))
        }
        None => Err(Failure::new(Kind::Nonsense, "the answer holds no token that can be sent as a bearer's").into()),
    }
}

/// The words of RFC 6749 §5.2: what else stands there may be anything.
fn known(word: &str) -> bool {
    matches!(
        word,
        "invalid_request"
            | "invalid_client"
            | "invalid_grant"
            | "unauthorized_client"
            | "unsupported_grant_type"
            | "invalid_scope"
    )
}
