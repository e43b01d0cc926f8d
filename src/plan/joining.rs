//! Joining and leaving what is kept in the record of who joins: an HTTP app that has no call for it takes that record's
//! whole list. It is read, edited and written back in that record's own order (law 6).

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use crate::{
    mapping::{
        Records,
        line::Line,
        relation::{Derived, Joining, Relation},
        rest::ChangeRule,
        translate,
    },
    scim::{
        change::{Change, To},
        resource,
    },
};

use super::{Fault, deal::deal, members, step::Step};

/// Somebody who joins or leaves.
#[derive(Debug)]
pub struct Member<'a> {
    /// What they join or leave.
    pub derived: &'a Derived,
    /// Who.
    pub id: String,
    /// The group.
    pub group: String,
    /// Its id as the app writes it.
    pub stored: Value,
    /// Whether they join.
    pub joins: bool,
    /// Whether the client may be told less than it asked for.
    pub lenient: bool,
}

impl<'a> Member<'a> {
    /// The relation's calls, where there are some.
    fn relation(&self) -> Option<&'a Relation> {
        match &self.derived.writes {
            Some(Joining::Calls(relation)) => Some(relation),
            _ => None,
        }
    }

    /// The steps, from their record as it is; none of them: it is so already.
    ///
    /// # Errors
    /// A record that is not to be written, or that has no room for one more.
    pub fn decide(&self, before: &Value) -> Result<Vec<Step<'a>>, Fault> {
        let keeper = &*self.derived.keeper;
        if self.in_it(before)? == self.joins {
            return Ok(Vec::new());
        }
        if keeper.protects(before) {
            return Err(Fault::Protected);
        }
        if let Some(relation) = self.relation() {
            let (add, remove) =
                if self.joins { (vec![self.id.clone()], vec![]) } else { (vec![], vec![self.id.clone()]) };
            let value = |id: &str| keeper.id.codec.write(&Value::from(id));
            return members::steps(relation, &self.stored, value, &add, &remove);
        }
        let read = self.read(before)?;
        let mut list = resource::get(&read, &self.derived.list).and_then(Value::as_array).cloned().unwrap_or_default();
        list.retain(|item| item["value"] != self.group.as_str() && !(self.joins && self.moves()));
        if self.joins {
            list.push(json!({ "value": self.group }));
        }
        let to = if list.is_empty() { To::Unassigned } else { To::Value(Value::Array(list)) };
        let changes = [Change { target: self.derived.list.clone(), to }];
        let Records::Rest(records) = &keeper.records else {
            return Err(Fault::Unmade("a database keeps members in tables".to_owned()));
        };
        deal(keeper, records, &self.id, &changes, Some((before, &read)), self.lenient)
    }

    /// The groups that they leave because there is room for one.
    ///
    /// # Errors
    /// A record that its lines cannot read.
    pub fn leaves(&self, before: &Value) -> Result<Vec<String>, Fault> {
        if !(self.joins && self.moves()) {
            return Ok(Vec::new());
        }
        let mut left = translate::values(&self.read(before)?, &self.derived.list);
        left.retain(|group| *group != self.group);
        Ok(left)
    }

    fn moves(&self) -> bool {
        matches!(self.derived.writes, Some(Joining::Whole { moves: true }))
    }

    /// Whether they are in it.
    ///
    /// # Errors
    /// A record that its lines cannot read.
    pub fn in_it(&self, record: &Value) -> Result<bool, Fault> {
        Ok(translate::values(&self.read(record)?, &self.derived.list).contains(&self.group))
    }

    /// What is read of their record: the list.
    fn read(&self, record: &Value) -> Result<Map<String, Value>, Fault> {
        let lines: Vec<&Line> = self.derived.kept().map(|(line, _)| line).into_iter().collect();
        Ok(translate::resource(&self.derived.keeper, &lines, Cow::Borrowed(record), "")?)
    }
}

/// The rule of the keeper that writes the list, where there is no call for who joins and leaves.
#[must_use]
pub fn rule(derived: &Derived) -> Option<&ChangeRule> {
    let Records::Rest(records) = &derived.keeper.records else { return None };
    let takes = |rule: &&ChangeRule| rule.when.is_empty() || rule.when.iter().any(|(t, _)| t.covers(&derived.list));
    records.update.iter().find(takes)
}

/// How many calls it takes at least for one to join or leave: a read, what writes, and a look at what became of it.
#[must_use]
pub fn calls(derived: &Derived) -> usize {
    match (&derived.writes, rule(derived)) {
        (Some(Joining::Calls(_)), _) if !derived.keeper.is_guarded() => 1,
        // each look is one call more for a list that is fetched besides
        (Some(Joining::Calls(_)), _) => 3 + 2 * usize::from(derived.is_apart()),
        (_, Some(rule)) => 2 + rule.ahead.len() + usize::from(rule.call.record.is_none()),
        (_, None) => 2,
    }
}
