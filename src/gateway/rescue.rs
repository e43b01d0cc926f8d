//! Errors become SCIM errors here and nowhere else (law 10): one table from what went wrong to status, `scimType` and a
//! sentence (RFC 7644 §3.12). Causes go to the log under the request's number; of the app's own words only those that a
//! mapping's rule lets through reach the client.

use std::fmt::Write;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};

use crate::{
    backend::Kind,
    mapping::answer::Class,
    plan::Fault,
    scim::{ScimType, message, request::Unread},
};

use super::{Error, caller::RequestId, response::json, share::Full};

/// How long a client should wait when the app does not say, in seconds.
const WAIT: u64 = 5;

struct Told {
    status: StatusCode,
    scim_type: Option<ScimType>,
    detail: String,
    retry_after: Option<u64>,
}

/// The answer to a request that failed.
pub(super) fn rescue(error: &Error, request: Option<&RequestId>) -> Response<Bytes> {
    let number = request.map(|r| r.0.to_string()).unwrap_or_default();
    let told = tell(error, &number);
    let body = message::error(told.status.as_u16(), told.scim_type, &told.detail);
    let mut response = json(told.status, &body);
    if let Some(seconds) = told.retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if let Error::Unread(Unread::Method(methods)) = error {
        let allow: Vec<&str> = methods.iter().map(http::Method::as_str).collect();
        if let Ok(value) = HeaderValue::from_str(&allow.join(", ")) {
            response.headers_mut().insert(header::ALLOW, value);
        }
    }
    response
}

fn tell(error: &Error, number: &str) -> Told {
    let plain = |status, detail: String| Told { status, scim_type: None, detail, retry_after: None };
    let later = |status, detail: String| Told { status, scim_type: None, detail, retry_after: Some(WAIT) };
    let ours = |what: &str| format!("{what}; the log has the cause under request {number}");
    match error {
        Error::Unread(Unread::Refused(refusal)) | Error::Plan(Fault::Refused(refusal)) => {
            refused(refusal.scim_type, refusal.detail.clone())
        }
        Error::Unread(Unread::NoEndpoint) => plain(StatusCode::NOT_FOUND, "there is no such endpoint".to_owned()),
        Error::Unread(Unread::Method(_)) => {
            plain(StatusCode::METHOD_NOT_ALLOWED, "this endpoint does not know this method".to_owned())
        }
        Error::Unread(Unread::NotOffered(what)) | Error::Plan(Fault::NotOffered(what)) => {
            plain(StatusCode::NOT_IMPLEMENTED, what.clone())
        }
        Error::Unread(Unread::Forbidden(what)) => plain(StatusCode::FORBIDDEN, what.clone()),
        Error::Plan(Fault::Absent) => plain(StatusCode::NOT_FOUND, "there is no such resource".to_owned()),
        Error::Plan(Fault::Protected) => app(Class::Protected, None, None, None, number),
        Error::Plan(Fault::Unreadable(unreadable)) => {
            tracing::error!(request = number, cause = %unreadable.message, "a record cannot be read by its mapping");
            plain(StatusCode::BAD_GATEWAY, ours("the app holds a record that cannot be read"))
        }
        Error::Plan(Fault::Unmade(cause)) => {
            tracing::error!(request = number, %cause, "the mapping does not fit the app");
            plain(StatusCode::BAD_GATEWAY, ours("the app and its mapping do not fit"))
        }
        Error::LongBulk { sent, most } => plain(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("the bulk request has {sent} operations, and {most} (maxOperations) are taken; send several"),
        ),
        Error::Circular => plain(
            StatusCode::CONFLICT,
            "this operation waits for others that wait for it; make the resources first, then PATCH".to_owned(),
        ),
        Error::OtherVersion => plain(
            StatusCode::PRECONDITION_FAILED,
            "the resource has another version than the request is meant for; read it again".to_owned(),
        ),
        Error::NoHash => {
            tracing::error!(request = number, "a password could not be hashed: no random numbers, or no memory");
            plain(StatusCode::INTERNAL_SERVER_ERROR, ours("the password could not be made ready for the app"))
        }
        Error::NoMember => {
            refused(ScimType::InvalidValue, "the app does not know who is to become a member".to_owned())
        }
        Error::Unsure(error) => {
            let told = tell(error, number);
            Told { detail: format!("{}; whether the app acted is not known", told.detail), ..told }
        }
        Error::After(error, left) => {
            let mut told = tell(error, number);
            if !left.done.is_empty() {
                let _ = write!(told.detail, "; before that took effect: {}", left.done.join("; "));
            }
            if !left.unsure.is_empty() {
                let _ = write!(told.detail, "; whether this was taken back is not known: {}", left.unsure.join("; "));
            }
            told
        }
        Error::Crowded(full) => {
            let (status, whose) = match full {
                Full::All => (StatusCode::SERVICE_UNAVAILABLE, ""),
                Full::Client => (StatusCode::TOO_MANY_REQUESTS, " of this client"),
            };
            later(status, format!("too many queries{whose} go through whole lists; try again, or use a narrower filter"))
        }
        Error::Drift => {
            later(StatusCode::SERVICE_UNAVAILABLE, "the app's list changed while it was read; try again".to_owned())
        }
        Error::LostPlace => refused(
            ScimType::ExpiredCursor,
            "the resources at the end of the last page are gone, so that the place is lost; begin again with an empty cursor"
                .to_owned(),
        ),
        Error::BrokenPromise(rule) => {
            tracing::error!(request = number, %rule, "the app answered a row that its mapping says it leaves out");
            plain(StatusCode::BAD_GATEWAY, ours("the app's answer does not match the filter"))
        }
        Error::App { class, detail, retry_after, status } => {
            app(*class, detail.as_deref(), *retry_after, *status, number)
        }
        Error::Backend(failure) => {
            tracing::error!(request = number, cause = %failure, sent = failure.sent, "a call to the app came to no answer");
            let unsure = if failure.sent { "; whether the app acted is not known" } else { "" };
            match failure.kind {
                Kind::Unreachable | Kind::Busy | Kind::Conflict => {
                    later(StatusCode::SERVICE_UNAVAILABLE, ours(&format!("the app cannot be reached now{unsure}")))
                }
                Kind::TimedOut => {
                    plain(StatusCode::GATEWAY_TIMEOUT, ours(&format!("the app did not answer in time{unsure}")))
                }
                Kind::Lost | Kind::TooLarge | Kind::Nonsense => {
                    plain(StatusCode::BAD_GATEWAY, ours(&format!("the app gave no usable answer{unsure}")))
                }
                Kind::BadCall | Kind::OffScript | Kind::Internal => {
                    plain(StatusCode::INTERNAL_SERVER_ERROR, ours("the gateway could not ask the app"))
                }
            }
        }
    }
}

fn refused(scim_type: ScimType, detail: String) -> Told {
    let status = match scim_type {
        ScimType::Uniqueness => StatusCode::CONFLICT,
        ScimType::Sensitive => StatusCode::FORBIDDEN,
        _ => StatusCode::BAD_REQUEST,
    };
    Told { status, scim_type: Some(scim_type), detail, retry_after: None }
}

fn app(class: Class, detail: Option<&str>, retry_after: Option<u64>, status: Option<u16>, number: &str) -> Told {
    let or = |text: &str| detail.unwrap_or(text).to_owned();
    let bad = |text: &str| {
        tracing::error!(request = number, class = class.word(), app_status = status, "the app refused to work with us");
        let text = or(text);
        Told {
            status: StatusCode::BAD_GATEWAY,
            scim_type: None,
            detail: format!("{text}; the log has the cause under request {number}"),
            retry_after: None,
        }
    };
    match class {
        Class::Absent => Told {
            status: StatusCode::NOT_FOUND,
            scim_type: None,
            detail: or("there is no such resource"),
            retry_after: None,
        },
        Class::Exists => refused(ScimType::Uniqueness, or("another resource has this value already")),
        Class::Refused => refused(ScimType::InvalidValue, or("the app does not accept these values")),
        Class::Protected => Told {
            status: StatusCode::FORBIDDEN,
            scim_type: None,
            detail: or("the resource is protected: it can be read and not changed"),
            retry_after: None,
        },
        Class::Busy | Class::Expired => Told {
            status: StatusCode::SERVICE_UNAVAILABLE,
            scim_type: None,
            detail: or("the app is busy"),
            retry_after: Some(retry_after.unwrap_or(WAIT)),
        },
        Class::Denied => bad("the app does not accept this gateway's credentials"),
        Class::Broken | Class::Ok => bad("the app failed"),
    }
}
