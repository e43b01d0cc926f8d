//! The answers the door gives itself: SCIM's Error message (RFC 7644 §3.12) on SCIM's road, plain text elsewhere.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};

use crate::scim::{ScimType, message};

/// A SCIM Error message.
pub(super) fn scim(status: StatusCode, detail: &str) -> Response<Bytes> {
    with_type(status, message::CONTENT_TYPE, message::error(status.as_u16(), None, detail).to_string())
}

/// The refusal of a version of the protocol that is not spoken here (RFC 7644 §3.13).
pub(super) fn version(spoken: &str) -> Response<Bytes> {
    let detail = format!("This version of the protocol is not spoken here; `{spoken}` is.");
    let body = message::error(400, Some(ScimType::InvalidVers), &detail);
    with_type(StatusCode::BAD_REQUEST, message::CONTENT_TYPE, body.to_string())
}

/// A SCIM Error message of what may be better in some seconds.
pub(super) fn later(status: StatusCode, seconds: u64, detail: &str) -> Response<Bytes> {
    let mut response = scim(status, detail);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    response
}

/// A line of text.
pub(super) fn plain(status: StatusCode, detail: &str) -> Response<Bytes> {
    with_type(status, "text/plain; charset=utf-8", format!("{detail}\n"))
}

fn with_type(status: StatusCode, kind: &'static str, body: String) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
