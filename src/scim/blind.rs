//! The change set of a PATCH that needs no old state: most do, and then nothing is read before it is written.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::{
    change::{Change, To, key},
    patch::{Action, Edit, Patch, Step},
    resource,
    schema::{Mutability, Target},
};

impl Patch {
    /// The changes, each attribute once, if they are the same whatever the resource holds; none if one depends on it.
    #[must_use]
    pub fn blind(&self) -> Option<Vec<Change>> {
        let mut changes = Changes::default();
        self.steps.iter().all(|step| changes.take(step).is_some()).then_some(changes.list)
    }
}

#[derive(Default)]
struct Changes {
    list: Vec<Change>,
    places: HashMap<String, usize>,
}

impl Changes {
    fn take(&mut self, step: &Step) -> Option<()> {
        let target = &step.target;
        if [&target.attribute, target.leaf()].iter().any(|a| a.mutability == Mutability::Immutable) {
            return None;
        }
        let to = match &step.action {
            Action::Set(value) => To::Value(value.clone()),
            Action::Unset => To::Unassigned,
            Action::Assign(items) => whole(items.clone()),
            action => match self.known(target) {
                Some(before) => whole(list_after(step, before)?),
                None => self.delta(target, action)?,
            },
        };
        match self.places.get(&target.to_string()) {
            Some(&place) => self.list[place].to = to,
            None => {
                self.places.insert(target.to_string(), self.list.len());
                self.list.push(Change { target: target.clone(), to });
            }
        }
        Some(())
    }

    fn so_far(&self, target: &Target) -> Option<&To> {
        self.places.get(&target.to_string()).map(|&place| &self.list[place].to)
    }

    /// The whole list, where an earlier step fixed it.
    fn known(&self, target: &Target) -> Option<Vec<Value>> {
        match self.so_far(target)? {
            To::Value(Value::Array(items)) => Some(items.clone()),
            To::Unassigned => Some(Vec::new()),
            _ => None,
        }
    }

    /// The earlier delta with one more step in it: the last word on each `value` counts.
    fn delta(&self, target: &Target, action: &Action) -> Option<To> {
        let attribute = &target.attribute;
        if !attribute.is_keyed() {
            return None;
        }
        let (mut add, mut remove) = match self.so_far(target) {
            Some(To::Delta { add, remove }) => (add.clone(), remove.clone()),
            _ => (Vec::new(), Vec::new()),
        };
        if let Action::Append(items) = action {
            let keys: Vec<&str> = items.iter().filter_map(key).collect();
            remove.retain(|gone| !keys.contains(&gone.as_str()));
            add.retain(|item| key(item).is_none_or(|key| !keys.contains(&key)));
            add.extend(items.iter().cloned());
            return Some(To::Delta { add, remove });
        }
        let keys: Vec<String> = match action {
            _ if attribute.required => return None,
            Action::Without(items) => items.iter().filter_map(key).map(str::to_owned).collect(),
            Action::Items { selector: Some(selector), edit: Edit::Remove } => selector.keys()?,
            _ => return None,
        };
        add.retain(|item| key(item).is_none_or(|key| !keys.iter().any(|gone| gone == key)));
        remove.extend(keys);
        remove.sort();
        remove.dedup();
        Some(To::Delta { add, remove })
    }
}

fn whole(items: Vec<Value>) -> To {
    if items.is_empty() { To::Unassigned } else { To::Value(Value::Array(items)) }
}

/// A step on a list that is known. A refusal is left to the real resource, where it says more.
fn list_after(step: &Step, before: Vec<Value>) -> Option<Vec<Value>> {
    let mut resource = Map::new();
    if !before.is_empty() {
        resource::set(&mut resource, &step.target, Value::Array(before));
    }
    step.apply(&mut resource).ok()?;
    let list = resource::get(&resource, &step.target).and_then(Value::as_array);
    Some(list.cloned().unwrap_or_default())
}
