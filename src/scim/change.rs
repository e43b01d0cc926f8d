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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use proptest::{collection, option, prelude::*, sample};
    use serde_json::json;

    use super::*;
    use crate::scim::{body::read_create, message::PATCH_OP, patch::Patch, profile::Profile, published};

    /// The order of a keyed list says nothing.
    fn unordered(mut resource: Map<String, Value>) -> Map<String, Value> {
        if let Some(Value::Array(members)) = resource.get_mut("members") {
            members.sort_by_key(ToString::to_string);
        }
        resource
    }

    fn word() -> impl Strategy<Value = Value> {
        sample::select(vec!["a", "b", "c", "A"]).prop_map(Value::from)
    }

    fn user() -> impl Strategy<Value = Map<String, Value>> {
        let part = || option::of(word());
        let emails = collection::vec((word(), word()).prop_map(|(v, t)| json!({"value": v, "type": t})), 0..3);
        let parts = (part(), part(), part(), emails, part(), part());
        parts.prop_map(|(title, given, family, emails, department, manager)| {
            let body = json!({
                "userName": "mara", "title": title, "name": {"givenName": given, "familyName": family}, "emails": emails,
                (published::enterprise_user().id.as_str()): {"department": department, "manager": {"value": manager}}
            });
            read_create(&body, &published::resource_type("User"), &Profile::TOLERANT).unwrap()
        })
    }

    fn members() -> impl Strategy<Value = Vec<Value>> {
        let ids = sample::subsequence(vec!["a", "b", "c", "d"], 0..=4).prop_shuffle();
        ids.prop_map(|ids| ids.into_iter().map(|id| json!({"value": id})).collect())
    }

    fn group() -> impl Strategy<Value = Map<String, Value>> {
        (word(), members()).prop_map(|(name, members)| {
            let body = json!({"displayName": name, "members": members});
            read_create(&body, &published::resource_type("Group"), &Profile::TOLERANT).unwrap()
        })
    }

    fn operation() -> impl Strategy<Value = Value> {
        let id = || sample::select(vec!["a", "b", "c", "d"]);
        prop_oneof![
            (sample::select(vec!["add", "replace"]), members())
                .prop_map(|(op, members)| json!({"op": op, "path": "members", "value": members})),
            id().prop_map(|id| json!({"op": "remove", "path": format!("members[value eq \"{id}\"]")})),
            (id(), id()).prop_map(|(a, b)| json!({"op": "remove", "path": "members", "value": [{"value": a}, b]})),
            Just(json!({"op": "remove", "path": "members"})),
            word().prop_map(|name| json!({"op": "replace", "value": {"displayName": name}})),
        ]
    }

    proptest! {
        #[test]
        fn what_differs_is_what_changes_a_user(before in user(), after in user()) {
            let mut changed = before.clone();
            apply_changes(&diff(&before, &after, &published::resource_type("User")), &mut changed);
            prop_assert_eq!(unordered(changed), unordered(after));
        }

        #[test]
        fn what_differs_is_what_changes_a_group(before in group(), after in group()) {
            let changes = diff(&before, &after, &published::resource_type("Group"));
            let whole = changes.iter().any(|c| c.target.attribute.name == "members" && !matches!(c.to, To::Delta { .. }));
            prop_assert!(!whole, "members change by delta");
            let mut changed = before.clone();
            apply_changes(&changes, &mut changed);
            prop_assert_eq!(unordered(changed), unordered(after));
        }

        #[test]
        fn a_patch_without_a_read_does_the_same(before in group(), operations in collection::vec(operation(), 1..6)) {
            let body = json!({"schemas": [PATCH_OP], "Operations": operations});
            let patch = Patch::parse(&body, &published::resource_type("Group"), &Profile::TOLERANT, "g").unwrap();
            let (mut read, mut blind) = (before.clone(), before);
            patch.apply(&mut read).unwrap();
            apply_changes(&patch.blind().unwrap(), &mut blind);
            prop_assert_eq!(unordered(blind), unordered(read));
        }
    }
}
