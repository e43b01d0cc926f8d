//! A resource as canonical JSON, and how a target is read and written in it: extensions live under their URN, what has no
//! value is not there, and `schemas` names the extensions that are (RFC 7643 §2.5, §3.3).

use serde_json::{Map, Value, json};

use super::schema::{Mutability, Target};

/// The value at a target, if it has one.
#[must_use]
pub fn get<'a>(resource: &'a Map<String, Value>, target: &Target) -> Option<&'a Value> {
    let object = match &target.extension {
        None => resource,
        Some(urn) => resource.get(urn.as_ref())?.as_object()?,
    };
    let value = object.get(&target.attribute.name)?;
    match &target.sub {
        None => Some(value),
        Some(sub) => value.get(&sub.name),
    }
}

/// The same, to be changed in place.
pub(super) fn get_mut<'a>(resource: &'a mut Map<String, Value>, target: &Target) -> Option<&'a mut Value> {
    let object = match &target.extension {
        None => resource,
        Some(urn) => resource.get_mut(urn.as_ref())?.as_object_mut()?,
    };
    let value = object.get_mut(&target.attribute.name)?;
    match &target.sub {
        None => Some(value),
        Some(sub) => value.get_mut(&sub.name),
    }
}

/// Takes the list at a target out, to be given back by [`set`]; empty if there is none.
pub(super) fn take_list(resource: &mut Map<String, Value>, target: &Target) -> Vec<Value> {
    let object = match &target.extension {
        None => Some(resource),
        Some(urn) => resource.get_mut(urn.as_ref()).and_then(Value::as_object_mut),
    };
    match object.and_then(|object| object.get_mut(&target.attribute.name)) {
        Some(Value::Array(list)) => std::mem::take(list),
        _ => Vec::new(),
    }
}

/// Gives a target its value; an extension's URN joins `schemas`.
pub fn set(resource: &mut Map<String, Value>, target: &Target, value: Value) {
    if let Some(urn) = &target.extension {
        name_schema(resource, urn);
    }
    let object = match &target.extension {
        None => Some(resource),
        Some(urn) => object_at(resource, urn),
    };
    let Some(object) = object else { return };
    match &target.sub {
        None => drop(object.insert(target.attribute.name.clone(), value)),
        Some(sub) => {
            if let Some(parent) = object_at(object, &target.attribute.name) {
                parent.insert(sub.name.clone(), value);
            }
        }
    }
}

/// Takes a target's value away. A complex attribute that has nothing left that a client wrote goes too, and so does an
/// extension, with its URN.
pub fn unset(resource: &mut Map<String, Value>, target: &Target) {
    let Some(urn) = &target.extension else { return unset_in(resource, target) };
    let Some(Value::Object(object)) = resource.get_mut(urn.as_ref()) else { return };
    unset_in(object, target);
    if object.is_empty() {
        resource.shift_remove(urn.as_ref());
        if let Some(Value::Array(schemas)) = resource.get_mut("schemas") {
            schemas.retain(|schema| schema.as_str() != Some(urn));
        }
    }
}

fn unset_in(object: &mut Map<String, Value>, target: &Target) {
    let name = &target.attribute.name;
    if let Some(sub) = &target.sub {
        let Some(Value::Object(parent)) = object.get_mut(name) else { return };
        parent.shift_remove(&sub.name);
        let written = |name: &String| target.attribute.sub(name).is_none_or(|s| s.mutability != Mutability::ReadOnly);
        if parent.keys().any(written) {
            return;
        }
    }
    object.shift_remove(name);
}

/// The object under a key; what stands there and is no object gives way.
fn object_at<'a>(object: &'a mut Map<String, Value>, key: &str) -> Option<&'a mut Map<String, Value>> {
    let value = object.entry(key).or_insert_with(|| json!({}));
    if !value.is_object() {
        *value = json!({});
    }
    value.as_object_mut()
}

fn name_schema(resource: &mut Map<String, Value>, urn: &str) {
    if let Value::Array(schemas) = resource.entry("schemas").or_insert_with(|| json!([]))
        && !schemas.iter().any(|schema| schema.as_str() == Some(urn))
    {
        schemas.push(urn.into());
    }
}
