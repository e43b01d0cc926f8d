//! Relations: who is in which group, and on which side the app keeps it. What it keeps in a group's own list is changed by
//! calls there, or with the record; what it keeps in each user's record is read out of these and written into these.

use std::sync::Arc;

use crate::scim::{condition::Condition, schema::Target};

use super::{
    Records, Resource,
    call::CallTemplate,
    line::{Each, Line, Source},
};

/// How a list of members is changed.
#[derive(Debug)]
pub struct Relation {
    /// The list.
    pub target: Target,
    /// Puts members in; `$.value` or `$.values`.
    pub add: CallTemplate,
    /// Takes members out.
    pub remove: CallTemplate,
    /// How many one call takes; 1 where the call names `value`.
    pub add_batch: usize,
    /// As `add_batch`.
    pub remove_batch: usize,
}

/// A list of other resources that is kept in their records: `members: { from: User.groups }`.
#[derive(Debug)]
pub struct Derived {
    /// The list here: `members`.
    pub target: Target,
    /// The part of the record in which its items stand when they were read.
    pub part: String,
    /// The type that keeps it.
    pub keeper: Arc<Resource>,
    /// The list there: `groups`.
    pub list: Target,
    /// How somebody joins and leaves; none: it is only read.
    pub writes: Option<Joining>,
}

/// How somebody joins and leaves what is kept in their own record.
#[derive(Debug)]
pub enum Joining {
    /// By calls for it.
    Calls(Box<Relation>),
    /// Their list is written whole, by a rule of `update` of their type.
    Whole {
        /// Whether joining one is leaving the others: there is room for one.
        moves: bool,
    },
}

impl Derived {
    /// The list in the keeper's records.
    #[must_use]
    pub fn kept(&self) -> Option<(&Line, &Each)> {
        let line = self.keeper.line(&self.list)?;
        match &line.value {
            Source::Each(each) => Some((line, each)),
            _ => None,
        }
    }

    /// That a record has the list: what is needed of it, to read the list.
    #[must_use]
    pub fn is_kept(&self) -> Condition {
        Condition::Present(self.list.clone())
    }

    /// Whether the list is not in the keeper's record and is fetched besides.
    #[must_use]
    pub fn is_apart(&self) -> bool {
        let Records::Rest(records) = &self.keeper.records else { return false };
        let reads = |part: &str| self.kept().is_some_and(|(line, _)| line.reads_from(part));
        records.parts.iter().any(|part| reads(&part.name))
    }
}
