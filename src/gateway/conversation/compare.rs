//! Whether an answer is the one that was written down. What is stated must be there and equal; what is not stated may be
//! anything, so that a conversation says only what it is about.

use std::fmt;

use bytes::Bytes;
use http::Response;
use serde_json::Value;

use super::Wanted;

/// Characters of a value that are shown.
const SHOWN: usize = 160;

/// Where a conversation went otherwise than written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Where, or what happened.
    pub what: String,
    /// What was written and what came, where two values differ.
    pub sides: Option<(String, String)>,
}

impl Difference {
    pub(super) fn said(what: String) -> Self {
        Self { what, sides: None }
    }

    fn of(what: impl Into<String>, expected: impl fmt::Display, got: impl fmt::Display) -> Self {
        Self { what: what.into(), sides: Some((expected.to_string(), got.to_string())) }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        match &self.sides {
            Some((expected, got)) => write!(f, "\n  expected  {expected}\n  got       {got}"),
            None => Ok(()),
        }
    }
}

/// Compares an answer; `cause` is what the log would say.
pub(super) fn response(wanted: &Wanted, got: &Response<Bytes>, cause: Option<String>, found: &mut Vec<Difference>) {
    let before = found.len();
    let body: Option<Value> = serde_json::from_slice(got.body()).ok();
    if wanted.status != got.status() {
        let detail = body.as_ref().and_then(|b| b.get("detail")?.as_str());
        let told = detail.map(|d| format!("  {d}")).unwrap_or_default();
        found.push(Difference::of("status", wanted.status.as_u16(), format!("{}{told}", got.status().as_u16())));
    }
    for (name, value) in &wanted.headers {
        let header = got.headers().get(name).map(|v| String::from_utf8_lossy(v.as_bytes()));
        if header.as_deref() != Some(value.as_str()) {
            found.push(Difference::of(format!("header {name}"), value, header.as_deref().unwrap_or("nothing")));
        }
    }
    // An error where something else was wanted would differ at every place.
    if let Some(pattern) = &wanted.body
        && wanted.status == got.status()
    {
        let whole = if got.body().is_empty() { None } else { body.as_ref() };
        differences("$", pattern, whole, found);
    }
    if let Some(cause) = cause.filter(|_| found.len() > before) {
        found.push(Difference::said(format!("the cause: {cause}")));
    }
}

/// Of an object what is stated; of a list every item, in order, each as far as it is stated; `null` is not there.
fn differences(place: &str, pattern: &Value, got: Option<&Value>, found: &mut Vec<Difference>) {
    match (pattern, got) {
        (Value::Null, None | Some(Value::Null)) => {}
        (Value::Object(entries), Some(Value::Object(object))) => {
            for (key, pattern) in entries {
                differences(&below(place, key), pattern, object.get(key), found);
            }
        }
        (Value::Array(patterns), Some(Value::Array(items))) if patterns.len() == items.len() => {
            for (i, (pattern, item)) in patterns.iter().zip(items).enumerate() {
                differences(&format!("{place}[{i}]"), pattern, Some(item), found);
            }
        }
        (pattern, Some(got)) if pattern == got => {}
        (pattern, got) => {
            let expected = if pattern.is_null() { "nothing".to_owned() } else { short(pattern) };
            found.push(Difference::of(
                format!("body at {place}"),
                expected,
                got.map_or_else(|| "nothing".to_owned(), short),
            ));
        }
    }
}

fn below(place: &str, key: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '$');
    if key.chars().all(plain) { format!("{place}.{key}") } else { format!("{place}['{key}']") }
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(SHOWN) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use http::{Response, StatusCode};
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_stated_must_be_there_and_equal() {
        let got = json!({"a": 1, "b": {"c": "x", "d": [{"v": 1, "w": 2}, {"v": 2}]}, "urn:x:y": {"z": true}});
        for (pattern, places) in [
            (json!({}), vec![]),
            (json!({"b": {"d": [{"v": 1}, {}]}, "urn:x:y": {"z": true}, "e": null}), vec![]),
            (json!({"a": "1"}), vec!["$.a"]),
            (json!({"a": null, "b": {"e": 1}}), vec!["$.a", "$.b.e"]),
            (json!({"b": {"d": [{"v": 1}]}}), vec!["$.b.d"]),
            (json!({"b": {"d": [{"v": 2}, {"v": 2, "w": 2}]}}), vec!["$.b.d[0].v", "$.b.d[1].w"]),
            (json!({"urn:x:y": {"z": false}}), vec!["$['urn:x:y'].z"]),
            (json!([]), vec!["$"]),
        ] {
            let mut found = Vec::new();
            differences("$", &pattern, Some(&got), &mut found);
            let at: Vec<&str> = found.iter().map(|d| d.what.strip_prefix("body at ").unwrap()).collect();
            assert_eq!(at, places, "{pattern}");
        }
    }

    #[test]
    fn an_answer_differs_in_status_headers_and_body() {
        let mut got = Response::new(Bytes::from(r#"{"detail":"why"}"#));
        *got.status_mut() = StatusCode::BAD_REQUEST;
        got.headers_mut().insert("location", http::HeaderValue::from_static("/x"));
        let wanted = |status: u16, location: &str, body: Value| Wanted {
            status: StatusCode::from_u16(status).unwrap(),
            headers: vec![("Location".to_owned(), location.to_owned())],
            body: Some(body),
        };
        let found = |wanted: &Wanted| {
            let mut found = Vec::new();
            response(wanted, &got, Some("deep".to_owned()), &mut found);
            found.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(found(&wanted(400, "/x", json!({"detail": "why"}))), [""; 0]);
        assert_eq!(
            found(&wanted(200, "/y", json!({"id": 1}))),
            [
                "status\n  expected  200\n  got       400  why",
                "header Location\n  expected  /y\n  got       /x",
                "the cause: deep"
            ]
        );
    }
}
