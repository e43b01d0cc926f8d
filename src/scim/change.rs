//! What a PUT or PATCH changes, attribute by attribute: the one road that both take.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::{Map, Value};

use super::{
    resource,
    schema::{Attribute, Mutability, ResourceType, Target, Type},
};

/// One attribute and what becomes of it. A single complex attribute changes sub-attribute by sub-attribute
/// (`name.givenName`); a list changes as a whole, or by what goes in and out of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What changes.
    pub target: Target,
    /// What becomes of it.
    pub to: To,
}

/// What becomes of an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum To {
    /// It has this value; for a multi-valued attribute, exactly this list (never empty).
    Value(Value),
    /// It has no value (RFC 7643 §2.5).
    Unassigned,
    /// Of a multi-valued attribute: these items go in (whole items, `{"value": …}`), and those with such a `value` go out.
    /// No `value` is in both.
    Delta {
        /// Items that shall be in the list.
        add: Vec<Value>,
        /// `value`s of the items that shall not.
        remove: Vec<String>,
    },
}

/// What was changed from one canonical resource to another: single complex attributes by sub-attribute, lists as a whole,
/// keyed lists ([`Attribute::is_keyed`]) by what went in and out. ReadOnly attributes are not compared.
#[must_use]
pub fn diff(before: &Map<String, Value>, after: &Map<String, Value>, resource_type: &ResourceType) -> Vec<Change> {
    targets(resource_type)
        .filter_map(|target| {
            let (old, new) = (resource::get(before, &target), resource::get(after, &target));
            if old == new {
                return None;
            }
            let to = if target.leaf().is_keyed() { delta(old, new)? } else { whole(new) };
            Some(Change { target, to })
        })
        .collect()
}

/// Makes the changes on a canonical resource.
pub fn apply_changes(changes: &[Change], resource: &mut Map<String, Value>) {
    for Change { target, to } in changes {
        let list = match to {
            To::Unassigned => {
                resource::unset(resource, target);
                continue;
            }
            To::Value(value) => {
                resource::set(resource, target, value.clone());
                continue;
            }
            To::Delta { add, remove } => {
                let out: BTreeSet<&str> = remove.iter().map(String::as_str).collect();
                let mut list = resource::take_list(resource, target);
                list.retain(|item| key(item).is_none_or(|key| !out.contains(key)));
                with_keyed(list, add)
            }
        };
        if list.is_empty() {
            resource::unset(resource, target);
        } else {
            resource::set(resource, target, Value::Array(list));
        }
    }
}

/// The `value` that tells an item of a keyed list from the others.
pub(super) fn key(item: &Value) -> Option<&str> {
    item.get("value").and_then(Value::as_str)
}

/// The list of keyed items with those that it lacks.
pub(super) fn with_keyed(mut list: Vec<Value>, add: &[Value]) -> Vec<Value> {
    let present: BTreeSet<&str> = list.iter().filter_map(key).collect();
    let lacking = |item: &&Value| key(item).is_none_or(|key| !present.contains(key));
    let lacking: Vec<Value> = add.iter().filter(lacking).cloned().collect();
    list.extend(lacking);
    list
}

fn whole(new: Option<&Value>) -> To {
    new.map_or(To::Unassigned, |value| To::Value(value.clone()))
}

/// None if the same items are in both: an item's other sub-attributes are descriptions of who it is, and the order says nothing.
fn delta(old: Option<&Value>, new: Option<&Value>) -> Option<To> {
    let items = |list: Option<&Value>| -> BTreeMap<String, Value> {
        let list = list.and_then(Value::as_array).into_iter().flatten();
        list.filter_map(|item| Some((key(item)?.to_owned(), item.clone()))).collect()
    };
    let (old, new) = (items(old), items(new));
    let remove: Vec<String> = old.keys().filter(|key| !new.contains_key(*key)).cloned().collect();
    let add: Vec<Value> = new.into_iter().filter(|(key, _)| !old.contains_key(key)).map(|(_, item)| item).collect();
    (!add.is_empty() || !remove.is_empty()).then_some(To::Delta { add, remove })
}

/// Everything that can change by itself.
fn targets(resource_type: &ResourceType) -> impl Iterator<Item = Target> {
    let base = resource_type.common.iter().chain(&resource_type.schema.attributes).map(|a| (None, a));
    let extended = resource_type.extensions.iter().flat_map(|extension| {
        let urn: Arc<str> = extension.schema.id.as_str().into();
        extension.schema.attributes.iter().map(move |a| (Some(urn.clone()), a))
    });
    let writable = |a: &Attribute| a.mutability != Mutability::ReadOnly;
    base.chain(extended).filter(move |(_, a)| writable(a)).flat_map(move |(extension, attribute)| {
        let target = |sub| Target { extension: extension.clone(), attribute: attribute.clone(), sub };
        if attribute.kind == Type::Complex && !attribute.multi_valued {
            attribute.sub_attributes.iter().filter(|sub| writable(sub)).map(|sub| target(Some(sub.clone()))).collect()
        } else {
            vec![target(None)]
        }
    })
}
