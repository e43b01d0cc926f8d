//! From the bytes of an HTTP answer to a reply with its class. Real answers and written conversations come through here,
//! so a test of a mapping judges as the gateway does.

use std::sync::Arc;

use http::{
    HeaderMap, HeaderName,
    header::{CONTENT_TYPE, RETRY_AFTER},
};
use serde_json::Value;

use crate::{
    mapping::{
        answer::{AnswerRule, Class},
        pattern::Head,
        rest::RestApp,
    },
    plan::call::{HttpCall, Reply},
};

use super::{Failure, Kind};

/// A body that is not JSON is kept up to this size, for rules and messages; larger ones are pages, not messages.
const TEXT_BYTES: usize = 4 * 1024;

/// A detail is a sentence; what is longer is cut.
const DETAIL_CHARS: usize = 500;

/// An HTTP answer as it came.
pub(super) struct Answer<'a> {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: &'a [u8],
}

impl Answer<'_> {
    fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// What the answer means: the call's rules, then the app's, then the status. A 401 asks to sign in again, where that can be done.
///
/// # Errors
/// An answer that would be taken as success and cannot be one: an HTML page, JSON that does not parse.
pub(super) fn classify(call: &HttpCall, app: &RestApp, depth: usize, answer: Answer<'_>) -> Result<Reply, Failure> {
    let status = answer.status;
    let (body, nonsense) = read(&answer, depth);
    let head = Head { status, headers: &answer.headers };
    let rule = rule(call, app, &body, head);
    let class = match rule {
        Some(rule) => rule.then,
        None if status == 401 && app.auth.renews() => Class::Expired,
        None => Class::of_status(status),
    };
    if let (Class::Ok, Some(nonsense)) = (class, nonsense) {
        return Err(Failure::after_sending(Kind::Nonsense, format!("the app answered {status} with {nonsense}")));
    }
    if rule.is_none() && (300..400).contains(&status) {
        tracing::warn!(status, "the app redirects, which is not followed; the mapping must name the final address");
    }
    let detail = rule.and_then(|rule| rule.detail.as_ref()).and_then(|at| at.one(&body)).and_then(sentence);
    let retry_after = retry_after(&answer.headers);
    Ok(Reply { class, body, headers: answer.headers, status: Some(status), detail, retry_after, changed: 0 })
}

fn rule<'r>(call: &'r HttpCall, app: &'r RestApp, body: &Value, head: Head<'_>) -> Option<&'r Arc<AnswerRule>> {
    call.answers.iter().chain(&app.answers).find(|rule| rule.when.holds(body, Some(head)))
}

/// Whether the mapping says what a reply means, and not its status alone.
pub(super) fn ruled(call: &HttpCall, app: &RestApp, reply: &Reply) -> bool {
    let head = reply.status.map(|status| Head { status, headers: &reply.headers });
    head.is_some_and(|head| rule(call, app, &reply.body, head).is_some())
}

/// For how many seconds the app wants to be left alone: a number, or a date (RFC 9110 §10.2.3).
pub(super) fn retry_after(headers: &HeaderMap) -> Option<u64> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(seconds);
    }
    let at = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    u64::try_from(at.as_second() - jiff::Timestamp::now().as_second()).ok()
}

/// The body as a value, and what makes it unfit to be data. JSON counts whatever its label says: many apps send it as
/// text/html.
fn read(answer: &Answer<'_>, depth: usize) -> (Value, Option<&'static str>) {
    let bytes = answer.body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(answer.body);
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return (Value::Null, None);
    }
    if let Ok(value) = serde_json::from_slice(bytes) {
        return if fits(&value, depth) { (value, None) } else { (Value::Null, Some("JSON that is nested too deep")) };
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        return (Value::Null, Some("a body that is neither JSON nor text"));
    };
    let label = answer.header(&CONTENT_TYPE).unwrap_or_default().to_ascii_lowercase();
    let nonsense = if label.contains("json") {
        Some("a body that says it is JSON and does not parse")
    } else if label.contains("html") || text.trim_start().starts_with('<') {
        Some("an HTML or XML page where JSON was expected")
    } else if text.len() > TEXT_BYTES {
        Some("a long text where JSON was expected")
    } else {
        None
    };
    let value = if text.len() > TEXT_BYTES { Value::Null } else { Value::String(text.to_owned()) };
    (value, nonsense)
}

/// Whether a value is nested no deeper than this; the parser has its own end at 128.
fn fits(value: &Value, depth: usize) -> bool {
    let Some(below) = depth.checked_sub(1) else { return !(value.is_array() || value.is_object()) };
    match value {
        Value::Array(items) => items.iter().all(|item| fits(item, below)),
        Value::Object(object) => object.values().all(|item| fits(item, below)),
        _ => true,
    }
}

pub(super) fn sentence(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
        _ => return None,
    };
    (!text.is_empty()).then(|| text.chars().take(DETAIL_CHARS).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use http::Method;
    use serde_json::json;

    use super::*;
    use crate::mapping::{
        auth::Auth,
        pattern::{Expected, Pattern, Subject},
        rest::Pace,
        selector::Selector,
    };

    fn rule(entries: Vec<(Subject, Expected)>, then: Class, detail: Option<&str>) -> Arc<AnswerRule> {
        let detail = detail.map(|d| Selector::compile(d).unwrap());
        Arc::new(AnswerRule { when: Pattern { entries }, then, detail })
    }

    fn app(answers: Vec<Arc<AnswerRule>>) -> RestApp {
        RestApp {
            origin: Arc::default(),
            ca: None,
            auth: Auth::default(),
            answers,
            tenant: Vec::new(),
            pace: Pace::default(),
        }
    }

    fn call(answers: Vec<Arc<AnswerRule>>) -> HttpCall {
        let answers = answers.into();
        HttpCall {
            method: Method::GET,
            target: "/".into(),
            headers: vec![],
            body: None,
            answers,
            repeat: false,
            open: None,
            linked: false,
        }
    }

    fn answer<'a>(status: u16, content_type: &'a str, body: &'a str) -> Answer<'a> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, content_type.parse().unwrap());
        headers.insert(RETRY_AFTER, " 7 ".parse().unwrap());
        Answer { status, headers, body: body.as_bytes() }
    }

    #[test]
    fn bodies_are_read_for_what_they_are() {
        let deep = format!("{}1{}", "[".repeat(9), "]".repeat(9));
        let long = "x".repeat(TEXT_BYTES + 1);
        for (kind, body, found) in [
            ("application/json", "\u{feff}{\"a\":1.10}", Some(serde_json::from_str("{\"a\":1.10}").unwrap())),
            ("text/html", "{\"a\":1}", Some(json!({"a": 1}))),
            ("text/plain", "done", Some(json!("done"))),
            ("application/json", " \n", Some(Value::Null)),
            ("application/json", "{\"a\":", None),
            ("text/html; charset=utf-8", "<p>hello", None),
            ("text/plain", "\n<html>", None),
            ("text/plain", long.as_str(), None),
            ("application/json", deep.as_str(), None),
        ] {
            let reply = classify(&call(vec![]), &app(vec![]), 8, answer(200, kind, body));
            match (reply, found) {
                (Ok(reply), Some(found)) => assert_eq!((reply.class, reply.body), (Class::Ok, found), "{body}"),
                (Err(failure), None) => assert!(failure.kind == Kind::Nonsense && failure.sent, "{body}"),
                (other, _) => panic!("{body}: {other:?}"),
            }
        }
    }

    #[test]
    fn the_calls_rules_come_before_the_apps_and_both_before_the_status() {
        let code = |n| (Subject::At(Selector::compile("$.code").unwrap()), Expected::AnyOf(vec![json!(n)]));
        let app = app(vec![
            rule(vec![code(1)], Class::Busy, None),
            rule(vec![code(2)], Class::Refused, Some("$.message")),
            rule(vec![(Subject::Status, Expected::StatusClass(3))], Class::Denied, None),
        ]);
        let call = call(vec![rule(vec![code(1)], Class::Absent, None)]);
        for (status, body, class, detail) in [
            (200, r#"{"code":1}"#, Class::Absent, None),
            (409, r#"{"code":"2","message":" too short "}"#, Class::Refused, Some("too short")),
            (409, r#"{"code":2}"#, Class::Refused, None),
            (302, "<a>", Class::Denied, None),
            (404, "<html>gone", Class::Absent, None),
            (422, "{}", Class::Refused, None),
            (500, "", Class::Broken, None),
        ] {
            let reply = classify(&call, &app, 8, answer(status, "text/html", body)).unwrap();
            assert_eq!((reply.class, reply.detail.as_deref()), (class, detail), "{status} {body}");
            assert_eq!((reply.status, reply.retry_after), (Some(status), Some(7)));
        }
    }
}
