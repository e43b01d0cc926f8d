//! Answers as HTTP has them: a resource with its address and version, a message, nothing.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Map, Value};

use crate::scim::{message, projection::Projection};

use super::version::version_in;

/// A resource as the answer, with its address in `Location` (RFC 7644 §3.3) and its version in `ETag` (§3.14).
pub(super) fn shown(status: StatusCode, resource: Map<String, Value>, projection: &Projection) -> Response<Bytes> {
    let location = resource.get("meta").and_then(|m| m.get("location")?.as_str()).map(HeaderValue::from_str);
    let version = version_in(&resource).map(HeaderValue::from_str);
    let mut response = json(status, &projected(resource, projection));
    for (name, value) in [(header::LOCATION, location), (header::ETAG, version)] {
        if let Some(Ok(value)) = value {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// The client has this version already (RFC 9110 §15.4.5).
pub(super) fn unchanged(resource: &Map<String, Value>) -> Response<Bytes> {
    let mut response = empty(StatusCode::NOT_MODIFIED);
    if let Some(Ok(version)) = version_in(resource).map(HeaderValue::from_str) {
        response.headers_mut().insert(header::ETAG, version);
    }
    response
}

/// Done, and there is nothing to be shown.
pub(super) fn nothing() -> Response<Bytes> {
    empty(StatusCode::NO_CONTENT)
}

fn empty(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    response
}

/// A JSON body in SCIM's media type (RFC 7644 §3.8).
pub(super) fn json(status: StatusCode, body: &Value) -> Response<Bytes> {
    // a tree of JSON can always be written
    let mut response = Response::new(Bytes::from(serde_json::to_vec(body).unwrap_or_default()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(message::CONTENT_TYPE));
    response
}

/// What of a resource is shown.
pub(super) fn projected(mut resource: Map<String, Value>, projection: &Projection) -> Value {
    projection.apply(&mut resource);
    Value::Object(resource)
}
