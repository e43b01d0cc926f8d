//! PATCH on a resource in hand: the whole of RFC 7644 §3.5.2, step by step. The caller works on a copy, so that a refused step
//! leaves nothing behind.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{
    change::{key, with_keyed},
    error::{Refusal, ScimType},
    fold::eq_fold,
    patch::{Action, Edit, Patch, Step, mutability},
    resource,
    schema::{Attribute, Mutability, Target},
    selector::Selector,
    value::{invalid, is_primary},
};

impl Patch {
    /// Makes every step on a canonical resource, in order.
    ///
    /// # Errors
    /// `noTarget` if a path selects nothing to replace, `mutability` if something immutable or required would go or change,
    /// `invalidValue` if two items would be primary. The resource is then half changed: work on a copy.
    pub fn apply(&self, resource: &mut Map<String, Value>) -> Result<(), Refusal> {
        self.steps.iter().try_for_each(|step| step.apply(resource))
    }
}

impl Step {
    pub(super) fn apply(&self, resource: &mut Map<String, Value>) -> Result<(), Refusal> {
        let target = &self.target;
        let immutable = [&target.attribute, target.leaf()].iter().any(|a| a.mutability == Mutability::Immutable);
        let fixed = if immutable { resource::get(resource, target).cloned() } else { None };
        let new = match &self.action {
            Action::Set(value) => Some(value.clone()),
            Action::Unset => None,
            of_list => {
                let list = of_list.on(resource::take_list(resource, target), target)?;
                (!list.is_empty()).then_some(Value::Array(list))
            }
        };
        if let Some(old) = fixed {
            if !new.as_ref().is_some_and(|new| target.leaf().is_same(&old, new)) {
                return Err(mutability(format!("`{target}` is immutable and has a value already")));
            }
            resource::set(resource, target, old);
            return Ok(());
        }
        match new {
            Some(value) => resource::set(resource, target, value),
            None if target.leaf().required => {
                return Err(mutability(format!("`{target}` is required; its last value cannot be removed")));
            }
            None => resource::unset(resource, target),
        }
        Ok(())
    }
}

impl Action {
    /// What the list is after the action; unchanged by the actions on single values.
    pub(super) fn on(&self, list: Vec<Value>, target: &Target) -> Result<Vec<Value>, Refusal> {
        match self {
            Self::Set(_) | Self::Unset => Ok(list),
            Self::Append(items) => append(list, items, &target.attribute),
            Self::Assign(items) => Ok(items.clone()),
            Self::Without(items) => Ok(without(list, items, &target.attribute)),
            Self::Items { selector, edit } => edited(list, target, selector.as_ref(), edit),
        }
    }
}

/// What is there already is not added again; it takes the new one's sub-attributes (RFC 7644 §3.5.2.1).
fn append(mut list: Vec<Value>, items: &[Value], attribute: &Attribute) -> Result<Vec<Value>, Refusal> {
    if attribute.is_keyed() {
        return Ok(with_keyed(list, items));
    }
    for item in items {
        let index = match list.iter().position(|old| is_same(old, item, attribute)) {
            None => {
                list.push(item.clone());
                list.len() - 1
            }
            Some(index) => {
                if let (Some(old), Some(parts)) = (list[index].as_object_mut(), item.as_object()) {
                    merge(old, parts, attribute)?;
                }
                index
            }
        };
        if is_primary(item) {
            only_primary(&mut list, index);
        }
    }
    Ok(list)
}

/// An item leaves if it says all that one of the named ones says; of a keyed list, if it has its `value`.
fn without(mut list: Vec<Value>, items: &[Value], attribute: &Attribute) -> Vec<Value> {
    if attribute.is_keyed() {
        let gone: BTreeSet<&str> = items.iter().filter_map(key).collect();
        list.retain(|old| key(old).is_none_or(|key| !gone.contains(key)));
        return list;
    }
    let says_all = |old: &Value, item: &Value| match (old, item) {
        (Value::Object(old), Value::Object(item)) => item.iter().all(|(name, value)| {
            let case_exact = attribute.sub(name).is_some_and(|sub| sub.case_exact);
            old.get(name).is_some_and(|old| is_equal(old, value, case_exact))
        }),
        _ => is_equal(old, item, attribute.case_exact),
    };
    list.retain(|old| !items.iter().any(|item| says_all(old, item)));
    list
}

fn edited(
    mut list: Vec<Value>,
    target: &Target,
    selector: Option<&Selector>,
    edit: &Edit,
) -> Result<Vec<Value>, Refusal> {
    let selected = |item: &Value| selector.is_none_or(|s| s.selects(item));
    let Edit::Merge { parts, create } = edit else {
        list.retain(|item| !selected(item));
        return Ok(list);
    };
    let mut hits: Vec<usize> = (0..list.len()).filter(|&index| selected(&list[index])).collect();
    let gives = parts.values().any(|value| !value.is_null());
    if hits.is_empty() && gives {
        let Some(item) = create else {
            let detail = format!("the path selects no item of `{target}`; add one with the path `{target}`");
            return Err(Refusal::new(ScimType::NoTarget, detail));
        };
        hits.push(list.len());
        list.push(Value::Object(item.clone()));
    }
    let primary = parts.get("primary") == Some(&Value::Bool(true));
    if primary && hits.len() > 1 {
        return Err(invalid(format!("the path selects {} items of `{target}`; only one may be primary", hits.len())));
    }
    for &index in &hits {
        if let Some(item) = list[index].as_object_mut() {
            merge(item, parts, &target.attribute)?;
            if let Some(sub) =
                target.attribute.sub_attributes.iter().find(|s| s.required && !item.contains_key(&s.name))
            {
                return Err(invalid(format!("`{target}.{}` is required", sub.name)));
            }
        }
        if target.attribute.is_keyed() && key(&list[index]).is_none() {
            return Err(invalid(format!("each item of `{target}` needs a `value`")));
        }
        if primary {
            only_primary(&mut list, index);
        }
    }
    let lost_value = parts.get("value").is_some_and(Value::is_null);
    let mut index = 0;
    list.retain(|item| {
        let hit = hits.contains(&index);
        index += 1;
        !(hit && item.as_object().is_some_and(|item| says_nothing(item, lost_value)))
    });
    Ok(list)
}

/// An item without sub-attributes; and one that lost its `value`, when what is left only describes it.
fn says_nothing(item: &Map<String, Value>, lost_value: bool) -> bool {
    item.is_empty() || lost_value && item.keys().all(|name| ["type", "primary", "display"].contains(&name.as_str()))
}

/// Gives an item its new sub-attributes; null takes one away. What is immutable may be given only where nothing is.
fn merge(item: &mut Map<String, Value>, parts: &Map<String, Value>, attribute: &Attribute) -> Result<(), Refusal> {
    for (name, value) in parts {
        let immutable = attribute.sub(name).is_some_and(|sub| sub.mutability == Mutability::Immutable);
        if immutable && item.get(name).is_some_and(|old| old != value) {
            return Err(mutability(format!(
                "`{}.{name}` is immutable; remove the item and add another",
                attribute.name
            )));
        }
        if value.is_null() {
            item.shift_remove(name);
        } else {
            item.insert(name.clone(), value.clone());
        }
    }
    Ok(())
}

/// Every other primary item stops being it (RFC 7644 §3.5.2).
fn only_primary(list: &mut [Value], keep: usize) {
    for (index, item) in list.iter_mut().enumerate() {
        if index != keep
            && is_primary(item)
            && let Some(primary) = item.get_mut("primary")
        {
            *primary = Value::Bool(false);
        }
    }
}

/// Two items are the same if their `value` and `type` are (RFC 7643 §2.4); without a `value`, if everything is.
fn is_same(a: &Value, b: &Value, attribute: &Attribute) -> bool {
    let (Some(a_value), Some(b_value)) = (a.get("value"), b.get("value")) else {
        return a == b || is_equal(a, b, attribute.case_exact);
    };
    let case_exact = attribute.sub("value").is_some_and(|sub| sub.case_exact);
    let same_type = match (a.get("type"), b.get("type")) {
        (Some(a), Some(b)) => is_equal(a, b, false),
        (a, b) => a == b,
    };
    same_type && is_equal(a_value, b_value, case_exact)
}

fn is_equal(a: &Value, b: &Value, case_exact: bool) -> bool {
    match (a, b) {
        (Value::String(a), Value::String(b)) if !case_exact => eq_fold(a, b),
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use serde_json::json;

    use super::*;
    use crate::scim::{message::PATCH_OP, profile::Profile, published};

    fn patched(name: &str, before: &Value, operations: &Value) -> Result<Value, String> {
        let body = json!({"schemas": [PATCH_OP], "Operations": operations});
        let mut resource = before.as_object().unwrap().clone();
        Patch::parse(&body, &published::resource_type(name), &Profile::TOLERANT, "x")
            .and_then(|patch| patch.apply(&mut resource))
            .map_err(|refusal| refusal.scim_type.keyword().to_owned())?;
        Ok(Value::Object(resource))
    }

    /// What the published vectors leave out.
    #[test]
    fn rules() {
        let cases = [
            (
                "an item that lost its value goes",
                json!({"emails": [{"value": "a", "type": "work"}, {"value": "b"}]}),
                json!([{"op": "remove", "path": "emails[type eq \"work\"].value"}]),
                Ok(json!({"emails": [{"value": "b"}]})),
            ),
            (
                "an item added again becomes the primary one",
                json!({"emails": [{"value": "A", "type": "work"}, {"value": "b", "primary": true}]}),
                json!([{"op": "add", "path": "emails", "value": [{"value": "a", "type": "Work", "primary": true}]}]),
                Ok(
                    json!({"emails": [{"value": "a", "type": "Work", "primary": true}, {"value": "b", "primary": false}]}),
                ),
            ),
            (
                "the same value with another type is another item",
                json!({"emails": [{"value": "a", "type": "work"}]}),
                json!([{"op": "add", "path": "emails", "value": [{"value": "a", "type": "home"}]}]),
                Ok(json!({"emails": [{"value": "a", "type": "work"}, {"value": "a", "type": "home"}]})),
            ),
            (
                "only one item may be made primary",
                json!({"emails": [{"value": "a"}, {"value": "b"}]}),
                json!([{"op": "replace", "path": "emails.primary", "value": true}]),
                Err("invalidValue"),
            ),
            (
                "roles named by value leave",
                json!({"roles": [{"value": "Viewer", "primary": true}, {"value": "editor"}]}),
                json!([{"op": "remove", "path": "roles", "value": [{"value": "viewer"}]}]),
                Ok(json!({"roles": [{"value": "editor"}]})),
            ),
            (
                "a filter that no item could be made from creates none",
                json!({}),
                json!([{"op": "add", "path": "emails[type ne \"work\"].value", "value": "a"}]),
                Err("noTarget"),
            ),
            (
                "an extension that is emptied goes, and its URN",
                json!({"schemas": ["a", published::enterprise_user().id], (published::enterprise_user().id.as_str()): {
                    "manager": {"value": "u", "displayName": "U"}, "department": "d"}}),
                json!([{"op": "remove", "path": published::enterprise_user().id}]),
                Ok(json!({"schemas": ["a"]})),
            ),
        ];
        for (rule, before, operations, expected) in cases {
            assert_eq!(patched("User", &before, &operations), expected.map_err(str::to_owned), "{rule}");
        }
    }

    #[test]
    fn a_member_is_added_or_removed_and_never_changed() {
        let before = json!({"members": [{"value": "u-1", "display": "One"}]});
        let path = |sub: &str| format!("members[value eq \"u-1\"].{sub}");
        let replace = |sub: &str, value: &str| json!([{"op": "replace", "path": path(sub), "value": value}]);
        assert_eq!(patched("Group", &before, &replace("value", "u-2")), Err("mutability".to_owned()));
        assert_eq!(patched("Group", &before, &replace("display", "One")), Ok(before.clone()), "equal is no change");
        let typed = json!({"members": [{"value": "u-1", "display": "One", "type": "User"}]});
        assert_eq!(patched("Group", &before, &replace("type", "User")), Ok(typed), "it had none");
        let again = json!([{"op": "add", "path": "members", "value": [{"value": "u-1", "display": "Uno"}]}]);
        assert_eq!(patched("Group", &before, &again), Ok(before));
    }
}
