//! Reading tests: `{ status: 4xx, $.error.code: 409, $.result: { given: false } }`.

use http::HeaderName;
use serde_json::Value as Json;

use crate::{
    diagnostic::Faults,
    mapping::{
        pattern::{Expected, Item, Pattern, Subject},
        selector::Selector,
    },
    yaml::{Key, Node, Value},
};

/// Reads a test. `with_status`: whether `status` may be tested, as in a reply.
pub(super) fn pattern(node: &Node, what: &str, with_status: bool, faults: &mut Faults) -> Option<Pattern> {
    let entries = node.entries(faults, what)?;
    if entries.is_empty() {
        faults
            .error(node.span, "empty-test", format!("{what} tests nothing"))
            .help("write at least one entry, or leave it out");
    }
    let read: Vec<_> = entries
        .iter()
        .filter_map(|(key, node)| {
            let subject = subject(key, with_status, faults)?;
            let expected = match subject {
                Subject::Status => status(node, faults),
                Subject::At(_) | Subject::Header(_) => expected(node, faults),
            };
            Some((subject, expected?))
        })
        .collect();
    Some(Pattern { entries: read })
}

fn subject(key: &Key, with_status: bool, faults: &mut Faults) -> Option<Subject> {
    if key.name == "status" && with_status {
        return Some(Subject::Status);
    }
    if let (true, Some(name)) = (with_status, key.name.strip_prefix("$headers.")) {
        let found = name.parse::<HeaderName>();
        if found.is_err() {
            faults
                .error(key.span, "bad-header", format!("`{name}` is not a header's name"))
                .help("letters, digits and `-`: `$headers.Location`");
        }
        return found.ok().map(Subject::Header);
    }
    // An item that is a plain object may be tested by its field's bare name: `where: { medium: email }`.
    let path = if key.name.starts_with('$') { key.name.clone() } else { format!("$.{}", key.name) };
    match Selector::compile(&path) {
        Ok(selector) => Some(Subject::At(selector)),
        Err(message) => {
            faults
                .error(key.span, "bad-path", message)
                .help("write a path, `$.error.code`, or a field's bare name; `$['a b']` where a name has blanks");
            None
        }
    }
}

/// `404`, `4xx`, or a list of numbers.
fn status(node: &Node, faults: &mut Faults) -> Option<Expected> {
    let is_status = |n: &Node| n.to_json().as_u64().is_some_and(|s| (100..600).contains(&s));
    match &node.value {
        Value::Text(text) if text.len() == 3 && text.ends_with("xx") => {
            if let Ok(class @ 1..=5) = text[..1].parse() {
                return Some(Expected::StatusClass(class));
            }
        }
        Value::List(items) if !items.is_empty() && items.iter().all(is_status) => {
            return Some(Expected::AnyOf(items.iter().map(Node::to_json).collect()));
        }
        Value::Map(_) => return expected(node, faults),
        _ if is_status(node) => return Some(Expected::AnyOf(vec![node.to_json()])),
        _ => {}
    }
    let message = format!("`{}` is not a status of HTTP", faults.written(node.span));
    faults.error(node.span, "bad-value", message).help("write a number, a list of numbers, or a class: `4xx`");
    None
}

fn expected(node: &Node, faults: &mut Faults) -> Option<Expected> {
    match &node.value {
        Value::List(items) => Some(Expected::AnyOf(items.iter().map(Node::to_json).collect())),
        Value::Map(_) => {
            let mut fields = node.map(faults, "an expectation")?;
            let not = fields.take("not").map(|n| match n.to_json() {
                Json::Array(values) => Expected::NoneOf(values),
                value => Expected::NoneOf(vec![value]),
            });
            let given = fields.bool(faults, "given").map(Expected::Given);
            let contains = fields.text(faults, "contains").map(|t| Expected::Contains(t.to_owned()));
            let has = fields.take("has").and_then(|n| item(n, faults)).map(|item| Expected::Lists(true, item));
            let lacks = fields.take("lacks").and_then(|n| item(n, faults)).map(|item| Expected::Lists(false, item));
            fields.finish(faults);
            let found: Vec<Expected> = [not, given, contains, has, lacks].into_iter().flatten().collect();
            if node.as_map().is_some_and(|entries| entries.len() != 1) {
                faults
                    .error(node.span, "empty-test", "an expectation says one thing")
                    .help(
                        "write a value, a list of values, `{ not: … }`, `{ given: true }`, `{ contains: text }`, `{ has: … }` or \
                         `{ lacks: … }`",
                    );
            }
            found.into_iter().next()
        }
        _ => Some(Expected::AnyOf(vec![node.to_json()])),
    }
}

/// What `has` and `lacks` look for: a value, some values, or a test of an item.
pub(super) fn item(node: &Node, faults: &mut Faults) -> Option<Item> {
    match &node.value {
        Value::Map(_) => pattern(node, "an item", false, faults).map(Item::Like),
        Value::List(items) => Some(Item::Is(items.iter().map(Node::to_json).collect())),
        _ => Some(Item::Is(vec![node.to_json()])),
    }
}
