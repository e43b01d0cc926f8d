//! The change set of a PATCH that needs no old state: most do, and then nothing is read before it is written.

use std::collections::{
    HashMap,
    hash_map::Entry::{Occupied, Vacant},
};

use serde_json::{Map, Value};

use super::{
    change::{Change, To, key},
    patch::{Action, Edit, Patch, Step},
    schema::{Mutability, Target},
};

impl Patch {
    /// The changes, each attribute once, if they are the same whatever the resource holds; none if one depends on it.
    #[must_use]
    pub fn blind(&self) -> Option<Vec<Change>> {
        let mut ledger = Ledger::default();
        self.steps.iter().try_for_each(|step| ledger.enter(step))?;
        Some(ledger.entries.into_iter().map(|(target, entry)| Change { target, to: entry.into() }).collect())
    }
}

/// What is known of each attribute so far, in the order of first mention.
#[derive(Default)]
struct Ledger {
    entries: Vec<(Target, Entry)>,
    places: HashMap<String, usize>,
}

enum Entry {
    Single(Option<Value>),
    /// The whole list.
    List(Vec<Value>),
    /// Of a keyed list, the last word on each `value`: the item goes in, or (null) out.
    Delta(Map<String, Value>),
}

impl Ledger {
    /// None if the step depends on the old resource.
    fn enter(&mut self, step: &Step) -> Option<()> {
        let Step { target, action } = step;
        if [&target.attribute, target.leaf()].iter().any(|a| a.mutability == Mutability::Immutable) {
            return None;
        }
        let place = match self.places.entry(target.to_string()) {
            Vacant(vacant) => {
                let list = target.attribute.multi_valued;
                let entry = if list { Entry::Delta(Map::new()) } else { Entry::Single(None) };
                self.entries.push((target.clone(), entry));
                *vacant.insert(self.entries.len() - 1)
            }
            Occupied(place) => *place.get(),
        };
        self.entries[place].1.take(target, action)
    }
}

impl Entry {
    fn take(&mut self, target: &Target, action: &Action) -> Option<()> {
        match (&mut *self, action) {
            (_, Action::Set(value)) => *self = Self::Single(Some(value.clone())),
            (_, Action::Unset) => *self = Self::Single(None),
            (_, Action::Assign(items)) => *self = Self::List(items.clone()),
            (Self::Single(_), _) => return None,
            (Self::List(list), action) => {
                // What is refused here is left to the real resource, where the refusal says more.
                *list = action.on(std::mem::take(list), target).ok()?;
                if list.is_empty() && target.attribute.required {
                    return None;
                }
            }
            (Self::Delta(_), _) if !target.attribute.is_keyed() => return None,
            (Self::Delta(words), Action::Append(items)) => {
                words.extend(items.iter().filter_map(|item| Some((key(item)?.to_owned(), item.clone()))));
            }
            (Self::Delta(_), _) if target.attribute.required => return None,
            (Self::Delta(words), Action::Without(items)) => {
                words.extend(items.iter().filter_map(|item| Some((key(item)?.to_owned(), Value::Null))));
            }
            (Self::Delta(words), Action::Items { selector: Some(selector), edit: Edit::Remove }) => {
                words.extend(selector.keys()?.into_iter().map(|key| (key, Value::Null)));
            }
            (Self::Delta(_), Action::Items { .. }) => return None,
        }
        Some(())
    }
}

impl From<Entry> for To {
    fn from(entry: Entry) -> Self {
        match entry {
            Entry::Single(value) => value.map_or(Self::Unassigned, Self::Value),
            Entry::List(items) if items.is_empty() => Self::Unassigned,
            Entry::List(items) => Self::Value(Value::Array(items)),
            Entry::Delta(words) => {
                let (mut add, mut remove) = (Vec::new(), Vec::new());
                for (key, item) in words {
                    if item.is_null() { remove.push(key) } else { add.push(item) }
                }
                Self::Delta { add, remove }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use serde_json::json;

    use super::*;
    use crate::scim::{message::PATCH_OP, profile::Profile, published};

    fn blind(name: &str, operations: &Value) -> Option<Vec<String>> {
        let body = json!({"schemas": [PATCH_OP], "Operations": operations});
        let patch = Patch::parse(&body, &published::resource_type(name), &Profile::TOLERANT, "x").unwrap();
        let shown = |change: Change| match change.to {
            To::Value(value) => format!("{}={value}", change.target),
            To::Unassigned => format!("{}-", change.target),
            To::Delta { add, remove } => {
                format!("{} +{} -{}", change.target, Value::Array(add), remove.join(","))
            }
        };
        Some(patch.blind()?.into_iter().map(shown).collect())
    }

    #[test]
    fn members_fold_in_order() {
        let add = |id: &str| json!({"op": "add", "path": "members", "value": [{"value": id}]});
        let remove = |id: &str| json!({"op": "remove", "path": format!("members[value eq \"{id}\"]")});
        let cases = [
            (json!([add("a"), add("b"), add("a")]), Some("members +[{\"value\":\"a\"},{\"value\":\"b\"}] -")),
            (json!([add("a"), remove("a")]), Some("members +[] -a")),
            (json!([remove("a"), add("a")]), Some("members +[{\"value\":\"a\"}] -")),
            (
                json!([remove("a"), {"op": "remove", "path": "members", "value": ["b", "c"]}]),
                Some("members +[] -a,b,c"),
            ),
            (json!([{"op": "remove", "path": "members[value eq \"a\" or value eq \"b\"]"}]), Some("members +[] -a,b")),
            (
                json!([{"op": "replace", "path": "members", "value": [{"value": "a"}]}, add("b"), remove("a")]),
                Some("members=[{\"value\":\"b\"}]"),
            ),
            (json!([{"op": "remove", "path": "members"}, remove("a")]), Some("members-")),
            (json!([add("a"), {"op": "remove", "path": "members"}]), Some("members-")),
            (json!([{"op": "remove", "path": "members[value sw \"a\"]"}]), None),
            (json!([{"op": "remove", "path": "members[type eq \"User\"]"}]), None),
            (json!([{"op": "remove", "path": "members[value eq \"a\" and type eq \"User\"]"}]), None),
            (json!([{"op": "remove", "path": "members[not (value eq \"a\")]"}]), None),
        ];
        for (operations, expected) in cases {
            let changes = blind("Group", &operations);
            assert_eq!(changes, expected.map(|text| vec![text.to_owned()]), "{operations}");
        }
        assert_eq!(blind("Group", &json!([{"op": "add", "path": "members", "value": []}])), Some(vec![]));
    }

    #[test]
    fn the_last_word_on_a_single_value_counts() {
        let operations = json!([
            {"op": "add", "path": "title", "value": "a"},
            {"op": "replace", "path": "name", "value": {"givenName": "G", "familyName": null}},
            {"op": "remove", "path": "title"},
            {"op": "replace", "path": "name.givenName", "value": "H"}
        ]);
        let expected = ["title-", "name.givenName=\"H\"", "name.familyName-"];
        assert_eq!(blind("User", &operations).unwrap(), expected);
    }

    #[test]
    fn a_list_that_was_fixed_is_known() {
        let fixed = json!([
            {"op": "replace", "path": "emails", "value": [{"value": "a", "type": "work"}]},
            {"op": "add", "path": "emails", "value": {"value": "b", "primary": true}},
            {"op": "replace", "path": "emails[type eq \"work\"].value", "value": "c"}
        ]);
        let expected = "emails=[{\"value\":\"c\",\"type\":\"work\"},{\"value\":\"b\",\"primary\":true}]";
        assert_eq!(blind("User", &fixed).unwrap(), [expected]);
        assert_eq!(blind("User", &json!([{"op": "add", "path": "emails", "value": [{"value": "a"}]}])), None);
    }
}
