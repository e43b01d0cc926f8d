//! One value of the app's as SCIM has it, and back: of a field, and of an item of a list with its fields.

use std::borrow::Cow;

use serde_json::{Map, Number, Value};

use crate::scim::{
    Refusal, ScimType, instant,
    schema::{Attribute, Target, Type},
};

use super::{
    codec::{Codec, Unreadable, kind},
    line::{Each, Empty, FieldSource, Line, OF, Of, types_by_resource},
    pattern::same,
    percent::percent,
};

pub(super) fn read_item(
    each: &Each,
    item: &Value,
    attribute: &Attribute,
    base: &str,
) -> Result<Option<Value>, Unreadable> {
    let mut made = Map::with_capacity(each.fields.len() + 2);
    for field in &each.fields {
        let leaf = if attribute.kind == Type::Complex {
            attribute.sub(&field.sub).map(AsRef::as_ref)
        } else {
            Some(attribute)
        };
        let Some(leaf) = leaf else { continue };
        let value = match &field.value {
            FieldSource::Constant(value) => Some(value.clone()),
            FieldSource::At { at, codec } => read_field(at.one(item), codec, &Empty::Null, leaf)?,
        };
        if let Some(value) = value {
            made.insert(field.sub.clone(), value);
        }
    }
    // An item without its value says nothing: a constant type alone is not an e-mail address.
    if !each.telling().any(|field| made.contains_key(&field.sub)) {
        return Ok(None);
    }
    if attribute.kind != Type::Complex {
        return Ok(made.shift_remove("value"));
    }
    let said = |of: &&Of| item.get(OF).and_then(Value::as_str) == Some(&of.name);
    let of = each.also.iter().find(said).or(each.of.as_ref());
    if let (Some(of), Some(id)) = (of, made.get("value").and_then(text)) {
        made.insert("$ref".to_owned(), Value::String(location(base, &of.endpoint, &id)));
        if types_by_resource(attribute) {
            made.insert("type".to_owned(), Value::String(of.name.clone()));
        }
    }
    Ok(Some(Value::Object(made)))
}

/// Reads one field. Empty text is no value, everywhere (RFC 7643 §2.5 knows only one kind of nothing).
pub(super) fn read_field(
    found: Option<&Value>,
    codec: &Codec,
    empty: &Empty,
    leaf: &Attribute,
) -> Result<Option<Value>, Unreadable> {
    let nothing = Value::Null;
    let found = match found {
        Some(v) if v.as_str() == Some("") || matches!(empty, Empty::Is(e) if same(e, v)) => &nothing,
        Some(v) => v,
        None => &nothing,
    };
    match codec.read(found)? {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(s)) if s.is_empty() => Ok(None),
        Some(value) => shape(value, leaf).map(Some),
    }
}

/// Gives a value the JSON type of its attribute, where that loses nothing.
fn shape(value: Value, leaf: &Attribute) -> Result<Value, Unreadable> {
    let fits = match (leaf.kind, &value) {
        (Type::String | Type::Reference | Type::Binary, Value::String(_))
        | (Type::Boolean, Value::Bool(_))
        | (Type::Decimal, Value::Number(_)) => return Ok(value),
        (Type::Integer, Value::Number(n)) => whole(n),
        (Type::String | Type::Reference, Value::Number(n)) => Some(Value::String(n.to_string())),
        (Type::String, Value::Bool(b)) => Some(Value::String(b.to_string())),
        (Type::Boolean, Value::Number(n)) if n.as_i64() == Some(0) => Some(Value::Bool(false)),
        (Type::Boolean, Value::Number(n)) if n.as_i64() == Some(1) => Some(Value::Bool(true)),
        (Type::DateTime, Value::String(s)) if instant::parse(s).is_some() => return Ok(value),
        // Other notations of a point in time are not SCIM's.
        (Type::DateTime, Value::String(s)) => s.parse::<jiff::Timestamp>().ok().map(|at| Value::String(at.to_string())),
        (Type::Integer, Value::String(s)) => s.parse::<Number>().ok().and_then(|n| whole(&n)),
        (Type::Decimal, Value::String(s)) => s.parse::<Number>().ok().map(Value::Number),
        _ => None,
    };
    fits.ok_or_else(|| Unreadable {
        message: format!("{} is not of type {:?}; give the line a codec", kind(&value), leaf.kind),
    })
}

/// A number without a fraction, in digits: a column may hold 5 as 5.0.
fn whole(number: &Number) -> Option<Value> {
    if !number.as_str().contains(['.', 'e', 'E']) {
        return Some(Value::Number(number.clone()));
    }
    let (digits, fraction) = number.as_str().split_once('.')?;
    fraction.bytes().all(|b| b == b'0').then(|| digits.parse().ok().map(Value::Number))?
}

pub(super) fn write_item(line: &Line, each: &Each, item: &Value) -> Result<Value, Refusal> {
    let mut made = Value::Null;
    for field in &each.fields {
        let value = if line.target.attribute.kind == Type::Complex { item.get(&field.sub) } else { Some(item) };
        if let (FieldSource::At { at, codec }, Some(value)) = (&field.value, value) {
            let value = if field.sub == "value" { line.folded(value) } else { Cow::Borrowed(value) };
            let written = encode(codec, &value, &line.target)?;
            if at.is_whole() {
                return Ok(written);
            }
            at.set(&mut made, written);
        }
    }
    each.pattern.fill(&mut made);
    Ok(made)
}

pub(super) fn encode(codec: &Codec, value: &Value, target: &Target) -> Result<Value, Refusal> {
    codec.write(value).ok_or_else(|| {
        let known = match codec {
            Codec::Values { pairs, .. } => {
                format!("; it knows {}", pairs.iter().map(|(v, _)| v.to_string()).collect::<Vec<_>>().join(", "))
            }
            _ => String::new(),
        };
        Refusal::new(ScimType::InvalidValue, format!("the app has no form for {value} in {target}{known}"))
    })
}

/// Type names and the like are hints, compared without letter case (RFC 7643 §2.4).
pub(super) fn alike(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::String(a), Value::String(b)) => a.eq_ignore_ascii_case(b),
        _ => a == b,
    }
}

pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(s) => Some(s.clone()),
        Value::Number(n) => Some(n.to_string()),
        _ => None,
    }
}

/// The URL of a resource.
#[must_use]
pub(super) fn location(base: &str, endpoint: &str, id: &str) -> String {
    [base, endpoint, "/", &percent(id)].concat()
}
