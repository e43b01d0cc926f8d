//! A JSON value against its attribute definition (RFC 7643 §2.3): the type is checked, names get their canonical spelling,
//! and what the profile tolerates is made what it stands for. After this, nothing downstream asks what a client meant.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::{Map, Value};

use super::{
    error::{Refusal, ScimType},
    instant,
    profile::Profile,
    schema::{Attribute, Mutability, Target, Type},
};

/// The value of an attribute, or none if it is unassigned (null, an empty list, or nothing left in it; RFC 7643 §2.5).
/// `at` names the place in messages.
///
/// # Errors
/// `invalidValue` for a wrong type, for two `primary` items and for a required sub-attribute without value;
/// `invalidSyntax` for a sub-attribute that is not offered, unless the profile ignores it.
pub fn read(value: &Value, attribute: &Attribute, at: &str, profile: &Profile) -> Result<Option<Value>, Refusal> {
    if !attribute.multi_valued {
        return read_one(value, attribute, at, profile);
    }
    let items = match value {
        Value::Null => return Ok(None),
        Value::Array(items) => items.as_slice(),
        one if profile.bare_values => std::slice::from_ref(one),
        _ => return Err(wrong(at, "a list", value)),
    };
    let items = read_items(items, attribute, at, profile)?;
    Ok((!items.is_empty()).then_some(Value::Array(items)))
}

/// The items of a list, each once; of a keyed list each `value` once.
///
/// # Errors
/// As [`read`]; and for an item of a keyed list without `value`, or of a `type` that is not offered: ids of another type are
/// other people.
pub fn read_items(items: &[Value], attribute: &Attribute, at: &str, profile: &Profile) -> Result<Vec<Value>, Refusal> {
    let keyed = attribute.is_keyed();
    let mut seen = BTreeSet::new();
    let mut list = Vec::with_capacity(items.len());
    for sent in items {
        let item = read_one(sent, attribute, at, profile)?;
        if keyed && !sent.is_null() {
            check_keyed(item.as_ref(), attribute, at)?;
        }
        let Some(item) = item else { continue };
        let key = if keyed { item.get("value").and_then(Value::as_str).map(str::to_owned) } else { None };
        if seen.insert(key.unwrap_or_else(|| item.to_string())) {
            list.push(item);
        }
    }
    check_primary(&list, at)?;
    Ok(list)
}

fn check_keyed(item: Option<&Value>, attribute: &Attribute, at: &str) -> Result<(), Refusal> {
    let text = |name: &str| item.and_then(|item| item.get(name)?.as_str()).unwrap_or_default();
    if text("value").is_empty() {
        return Err(invalid(format!("each item of `{at}` needs a `value`")));
    }
    let kinds = attribute.sub("type").map_or(&[][..], |sub| sub.canonical_values.as_slice());
    let kind = text("type");
    if kind.is_empty() || kinds.is_empty() || kinds.iter().any(|k| k.eq_ignore_ascii_case(kind)) {
        return Ok(());
    }
    Err(invalid(format!("the `type` of each item of `{at}` is {}; found another", kinds.join(" or "))))
}

/// A sub-attribute and its value; none if it is unassigned.
pub type Part = (Arc<Attribute>, Option<Value>);

/// The sub-attributes that an object mentions, in their canonical order of mention; none stands for unassigned. ReadOnly ones
/// are left out, as RFC 7644 §3.3 wants it.
///
/// # Errors
/// As [`read`].
pub fn read_parts(value: &Value, attribute: &Attribute, at: &str, profile: &Profile) -> Result<Vec<Part>, Refusal> {
    let value = match value {
        Value::Array(items) if profile.bare_values && items.len() == 1 => &items[0],
        other => other,
    };
    let object = match value {
        Value::Object(object) => object,
        Value::String(text) if profile.bare_values => {
            let sub = attribute.sub("value").ok_or_else(|| wrong(at, "an object", value))?;
            let bare = Some(value.clone()).filter(|_| !text.is_empty());
            return Ok(vec![(sub.clone(), bare)]);
        }
        _ => return Err(wrong(at, "an object", value)),
    };
    let mut parts: Vec<Part> = Vec::with_capacity(object.len());
    for (key, value) in object {
        let Some(sub) = attribute.sub(key) else {
            if value.is_null() || profile.ignore_unmapped {
                continue;
            }
            return Err(Refusal::new(ScimType::InvalidSyntax, format!("`{at}` has no sub-attribute `{key}` here")));
        };
        if sub.mutability == Mutability::ReadOnly {
            continue;
        }
        if parts.iter().any(|(earlier, _)| earlier.name == sub.name) {
            return Err(twice(&format!("{at}.{}", sub.name)));
        }
        let value = read(value, sub, &format!("{at}.{}", sub.name), profile)?;
        parts.push((sub.clone(), value));
    }
    Ok(parts)
}

/// What a value means for its target: for a single complex attribute one part for each sub-attribute it mentions (for null,
/// for each that can be written), else the target itself.
///
/// # Errors
/// As [`read`].
pub fn unfold(value: &Value, target: &Target, profile: &Profile) -> Result<Vec<(Target, Option<Value>)>, Refusal> {
    let (leaf, at) = (target.leaf(), target.to_string());
    if leaf.kind != Type::Complex || leaf.multi_valued || target.sub.is_some() {
        return Ok(vec![(target.clone(), read(value, leaf, &at, profile)?)]);
    }
    let bare_nothing = profile.bare_values && value.as_str() == Some("");
    let parts = if is_empty(value) || bare_nothing {
        let writable = leaf.sub_attributes.iter().filter(|sub| sub.mutability != Mutability::ReadOnly);
        writable.map(|sub| (sub.clone(), None)).collect()
    } else {
        read_parts(value, leaf, &at, profile)?
    };
    Ok(parts.into_iter().map(|(sub, value)| (Target { sub: Some(sub), ..target.clone() }, value)).collect())
}

/// The texts of a value: its own, or those of a list's items.
#[must_use]
pub fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) if !text.is_empty() => vec![text],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Object(item) => item.get("value").map(texts).unwrap_or_default(),
        _ => Vec::new(),
    }
}

/// Null and the empty list are one state (RFC 7643 §2.5).
#[must_use]
pub fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
}

/// At most one item is the primary one (RFC 7643 §2.4).
///
/// # Errors
/// `invalidValue`.
pub fn check_primary(items: &[Value], at: &str) -> Result<(), Refusal> {
    if items.iter().filter(|item| is_primary(item)).count() > 1 {
        return Err(invalid(format!("`{at}` has more than one item with `primary` true; only one may be")));
    }
    Ok(())
}

/// Whether an item says `primary: true`.
#[must_use]
pub fn is_primary(item: &Value) -> bool {
    item.get("primary") == Some(&Value::Bool(true))
}

/// A name that stands twice in one object, in different letter case.
pub(super) fn twice(at: &str) -> Refusal {
    Refusal::new(ScimType::InvalidSyntax, format!("`{at}` is given twice; give it once"))
}

fn read_one(value: &Value, attribute: &Attribute, at: &str, profile: &Profile) -> Result<Option<Value>, Refusal> {
    if is_empty(value) {
        return Ok(None);
    }
    let read = match (attribute.kind, value) {
        (Type::Complex, _) => {
            let object: Map<String, Value> = read_parts(value, attribute, at, profile)?
                .into_iter()
                .filter_map(|(sub, value)| value.map(|value| (sub.name.clone(), value)))
                .collect();
            if object.is_empty() {
                return Ok(None);
            }
            if let Some(sub) = attribute.sub_attributes.iter().find(|s| s.required && !object.contains_key(&s.name)) {
                return Err(invalid(format!("`{at}.{}` is required", sub.name)));
            }
            Value::Object(object)
        }
        (Type::Boolean, Value::Bool(_)) | (Type::Decimal, Value::Number(_)) => value.clone(),
        (Type::Boolean, Value::String(text)) if profile.string_booleans && text.eq_ignore_ascii_case("true") => {
            Value::Bool(true)
        }
        (Type::Boolean, Value::String(text)) if profile.string_booleans && text.eq_ignore_ascii_case("false") => {
            Value::Bool(false)
        }
        (Type::Integer, Value::Number(number)) if !number.to_string().contains(['.', 'e', 'E']) => value.clone(),
        (Type::String | Type::Reference, Value::String(_)) => value.clone(),
        (Type::DateTime, Value::String(text)) if instant::parse(text).is_some() => value.clone(),
        (Type::Binary, Value::String(text)) if is_base64(text) => value.clone(),
        _ => return Err(wrong(at, expected(attribute.kind), value)),
    };
    Ok(Some(read))
}

fn expected(kind: Type) -> &'static str {
    match kind {
        Type::String => "a text",
        Type::Boolean => "true or false",
        Type::Decimal => "a number",
        Type::Integer => "a whole number",
        Type::DateTime => "a date and time such as \"2026-01-31T08:30:00Z\"",
        Type::Binary => "a text in base64",
        Type::Reference => "a URI or an id, as text",
        Type::Complex => "an object",
    }
}

/// The message names kinds, not values: a refusal may be logged, and values are people's.
fn wrong(at: &str, expected: &str, found: &Value) -> Refusal {
    let found = match found {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    };
    invalid(format!("`{at}` must be {expected}; found {found}"))
}

pub(super) fn invalid(detail: String) -> Refusal {
    Refusal::new(ScimType::InvalidValue, detail)
}

/// RFC 4648 §4 or §5, with or without padding.
fn is_base64(text: &str) -> bool {
    let data = text.trim_end_matches('=');
    let padding = text.len() - data.len();
    let alphabet = |extra: &[u8]| data.bytes().all(|b| b.is_ascii_alphanumeric() || extra.contains(&b));
    let length = if padding > 0 { padding <= 2 && text.len().is_multiple_of(4) } else { data.len() % 4 != 1 };
    length && (alphabet(b"+/") || alphabet(b"-_"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use serde_json::json;

    use super::*;
    use crate::scim::published;

    fn simple(kind: &str) -> Attribute {
        serde_json::from_value(json!({"name": "a", "type": kind, "description": "d"})).unwrap()
    }

    fn published(name: &str) -> Arc<Attribute> {
        let every = published::all().into_iter().flat_map(|s| &s.attributes);
        every.into_iter().find(|a| a.name == name).unwrap().clone()
    }

    #[test]
    fn types_are_exact() {
        let cases = [
            ("string", vec![json!("x"), json!("")], vec![json!(1), json!(true), json!({}), json!(["x"])]),
            ("boolean", vec![json!(true)], vec![json!("true"), json!(1)]),
            ("integer", vec![json!(0), json!(-3)], vec![json!(1.5), json!(1.0), json!("1")]),
            ("decimal", vec![json!(1.5), json!(2)], vec![json!("1.5")]),
            (
                "dateTime",
                vec![json!("2026-01-31T08:30:00Z"), json!("2026-01-31T08:30:00.25+02:00")],
                vec![
                    json!("2026-01-31"),
                    json!("2026-01-31T08:30Z"),
                    json!("2026-01-31 08:30:00Z"),
                    json!("2026-02-31T08:30:00Z"),
                    json!("é026-01-31T08:30:00Z"),
                    json!(0),
                ],
            ),
            (
                "binary",
                vec![json!("YWJj"), json!("YWI="), json!("_-8")],
                vec![json!("a"), json!("+-=="), json!("a b=")],
            ),
            ("reference", vec![json!("https://x.example/")], vec![json!(1)]),
        ];
        for (kind, good, bad) in cases {
            for value in good {
                assert_eq!(read(&value, &simple(kind), "a", &Profile::STRICT), Ok(Some(value)), "{kind}");
            }
            for value in bad {
                let refusal = read(&value, &simple(kind), "a", &Profile::STRICT).expect_err(&format!("{kind} {value}"));
                assert_eq!(refusal.scim_type, ScimType::InvalidValue);
            }
        }
    }

    #[test]
    fn null_and_nothing_are_unassigned() {
        for value in [json!(null), json!([]), json!([null]), json!([{}]), json!([{"type": null}])] {
            assert_eq!(read(&value, &published("emails"), "emails", &Profile::STRICT), Ok(None), "{value}");
        }
    }

    #[test]
    fn names_become_canonical_and_read_only_goes() {
        let value = json!({"VALUE": "u-9", "displayname": "Nine", "$REF": null});
        assert_eq!(read(&value, &published("manager"), "m", &Profile::STRICT), Ok(Some(json!({"value": "u-9"}))));
        let refusal = read(&json!({"value": "a", "Value": "b"}), &published("manager"), "m", &Profile::STRICT);
        assert_eq!(refusal.unwrap_err().scim_type, ScimType::InvalidSyntax);
    }

    #[test]
    fn unknown_subs_are_a_tolerance() {
        let value = json!([{"value": "a@x", "colour": "red"}]);
        assert!(read(&value, &published("emails"), "emails", &Profile::STRICT).is_err());
        let tolerant = read(&value, &published("emails"), "emails", &Profile::TOLERANT);
        assert_eq!(tolerant, Ok(Some(json!([{"value": "a@x"}]))));
    }

    #[test]
    fn bare_values_are_a_tolerance() {
        let cases = [
            ("manager", json!("u-9"), Some(json!({"value": "u-9"}))),
            ("manager", json!([{"value": "u-9"}]), Some(json!({"value": "u-9"}))),
            ("manager", json!(""), None),
            ("members", json!(["u1", "u1"]), Some(json!([{"value": "u1"}]))),
            ("members", json!("u1"), Some(json!([{"value": "u1"}]))),
            ("active", json!("False"), Some(json!(false))),
        ];
        for (name, value, expected) in cases {
            let attribute = published(name);
            assert_eq!(read(&value, &attribute, name, &Profile::TOLERANT), Ok(expected), "{name} {value}");
            assert!(read(&value, &attribute, name, &Profile::STRICT).is_err(), "{name} {value}");
        }
    }

    #[test]
    fn one_primary_at_most_and_members_have_a_value() {
        let two = json!([{"value": "a", "primary": true}, {"value": "b", "primary": true}]);
        assert!(read(&two, &published("emails"), "emails", &Profile::TOLERANT).is_err());
        for nobody in
            [json!([{"display": "x"}]), json!([{}]), json!([{"value": ""}]), json!([{"value": "g", "type": "Robot"}])]
        {
            assert!(read(&nobody, &published("members"), "members", &Profile::TOLERANT).is_err(), "{nobody}");
        }
    }

    #[test]
    fn an_item_counts_once() {
        let twice =
            json!([{"value": "a", "type": "work"}, {"value": "a", "type": "home"}, {"value": "a", "type": "work"}]);
        let once = json!([{"value": "a", "type": "work"}, {"value": "a", "type": "home"}]);
        assert_eq!(read(&twice, &published("emails"), "emails", &Profile::STRICT), Ok(Some(once)));
    }
}
