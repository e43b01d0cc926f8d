//! How an app compares: by its own letters, and with what is null nothing compares.

use percent_encoding::percent_decode_str;
use serde_json::Value;

/// Whether letters are told apart.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Case {
    Any,
    Exact,
}

/// The field of a record; `/` and `.` lead into it.
pub(crate) fn field<'r>(record: &'r Value, name: &str) -> Option<&'r Value> {
    name.split(['/', '.']).try_fold(record, |value, key| value.get(key)).filter(|value| !value.is_null())
}

/// A comparison; unknown with what is not there.
pub(crate) fn compare(found: Option<&Value>, op: &str, wanted: &Value, case: Case) -> Option<bool> {
    let found = found?;
    let text = |value: &Value| match (value, case) {
        (Value::String(text), Case::Any) => Some(text.to_lowercase()),
        (Value::String(text), Case::Exact) => Some(text.clone()),
        _ => None,
    };
    if let (Value::Number(found), Value::Number(wanted)) = (found, wanted) {
        let order = found.as_i64().unwrap().cmp(&wanted.as_i64().unwrap());
        return Some(ordered(op, order));
    }
    if let (Some(found), Some(wanted)) = (instant(found), instant(wanted)) {
        return Some(ordered(op, found.cmp(&wanted)));
    }
    let (found, wanted) = (text(found)?, text(wanted)?);
    Some(match op {
        "contains" => found.contains(&wanted),
        "startswith" => found.starts_with(&wanted),
        "endswith" => found.ends_with(&wanted),
        op => ordered(op, found.cmp(&wanted)),
    })
}

fn instant(value: &Value) -> Option<jiff::Timestamp> {
    value.as_str()?.parse().ok()
}

fn ordered(op: &str, order: std::cmp::Ordering) -> bool {
    match op {
        "eq" => order.is_eq(),
        "ne" => order.is_ne(),
        "gt" => order.is_gt(),
        "ge" => order.is_ge(),
        "lt" => order.is_lt(),
        "le" => order.is_le(),
        op => panic!("{op}"),
    }
}

/// A tree as Directus reads it.
pub(crate) fn tree(filter: &Value, record: &Value) -> Option<bool> {
    let (key, inner) = filter.as_object().unwrap().iter().next().unwrap();
    if ["_and", "_or"].contains(&key.as_str()) {
        let mut parts = inner.as_array().unwrap().iter().map(|part| tree(part, record) == Some(true));
        return Some(if key == "_and" { parts.all(|p| p) } else { parts.any(|p| p) });
    }
    let (op, wanted) = inner.as_object().unwrap().iter().next().unwrap();
    let found = field(record, key);
    match op.as_str() {
        "_eq" => compare(found, "eq", wanted, Case::Exact),
        "_icontains" => compare(found, "contains", wanted, Case::Any),
        "_gt" => compare(found, "gt", wanted, Case::Exact),
        "_lt" => compare(found, "lt", wanted, Case::Exact),
        "_nnull" => Some(found.is_some()),
        op => panic!("{op}"),
    }
}

/// Parameters, all of which must hold.
pub(crate) fn suffixes(query: &[(String, String)], record: &Value) -> bool {
    query.iter().all(|(key, value)| {
        let value = Value::from(percent_decode_str(value).decode_utf8().unwrap().into_owned());
        let (name, op) = key.split_once("__").unwrap_or((key, "eq"));
        let op = if op == "contains" { "contains" } else { op };
        let number = field(record, name).is_some_and(Value::is_number);
        let value = if number { serde_json::from_str(value.as_str().unwrap()).unwrap_or(value) } else { value };
        compare(field(record, name), op, &value, Case::Any) == Some(true)
    })
}
