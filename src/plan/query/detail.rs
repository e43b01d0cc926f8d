//! From a row to a record. A row of a list may be good for some attributes only (`gives`), and what hangs under a record
//! (`parts`, lists kept in other records) is in no row: all that is one call more for each row, or several. So a row is looked at twice. By what
//! it shows itself, which costs nothing, whoever surely does not match is dropped; where the filter, the order or `where` needs more of
//! the others, the record that `get` reads by the row's id takes the row's place, wholly, and is checked as if no row had been. A row
//! that was enough to be checked becomes its record when it is to be shown, if that needs more: so only what is on the page.

use std::collections::HashSet;

use serde_json::Value;

use crate::{
    mapping::{
        Records, Resource,
        codec::Unreadable,
        rest::{Own, RestRecords},
        rows::{Gives, Told},
        translate,
    },
    plan::read::{Needs, View},
    scim::condition::Condition,
};

use super::{Position, Query, source::Source};

/// A row of the app, or the record that took its place.
#[derive(Debug, Clone)]
pub struct Row<'a> {
    /// As it came.
    pub record: Value,
    /// What is known of it; none: it is a record read by itself.
    pub of: Option<Told<'a>>,
}

impl<'a> Row<'a> {
    /// What it is good for; none: for all that `get` tells.
    #[must_use]
    pub fn gives(&self) -> Option<&'a Gives> {
        self.of.and_then(|told| told.gives)
    }
}

/// How the rows of one way in are looked at.
#[derive(Debug)]
pub struct Look<'q> {
    /// What is known of them; none: they are records.
    pub of: Option<Told<'q>>,
    /// What they are good for; none: for all that `get` tells.
    pub gives: Option<&'q Gives>,
    /// Whether anything is fetched for the check, row by row.
    pub fetches: bool,
    /// Whether a row is asked whether it exists for SCIM.
    pub scope: bool,
    /// What of the filter a row shows itself, and how it is read for that, where more is to be fetched for the others.
    pub first: Option<(Condition, View<'q>)>,
    /// Whether the record is read for the check.
    pub reads: bool,
    /// How what is in hand then is read for the check.
    pub view: View<'q>,
}

impl Query<'_> {
    /// How rows are looked at where a walk is.
    #[must_use]
    pub fn look(&self, at: &Position) -> Look<'_> {
        let of = self.told(at);
        let gives = of.and_then(|rows| rows.gives);
        let looks = self.looks();
        let scoped = !self.hidden && has_scope(self.resource);
        let scope = scoped && gives.is_none_or(|gives| gives.scope);
        let of_row = match gives {
            None => Some(View::new(self.resource, &looks)),
            Some(gives) => View::of_row(self.resource, &looks, gives).filter(|_| scope || !scoped),
        };
        let reads = of_row.is_none();
        let fetches = reads || has_parts(self.resource, &looks);
        let first = fetches.then(|| self.shown_by_row(gives));
        let first = first.filter(|first| *first != Condition::Always).map(|first| {
            let view = View { version: false, ..View::new(self.resource, &Needs::checking(&first)) };
            (first, view)
        });
        let view = of_row.unwrap_or_else(|| View::new(self.resource, &looks));
        Look { of, gives, fetches, scope, first, reads, view }
    }

    /// What is known of the rows that are read where a walk is; none where these are records, or rows of nothing.
    #[must_use]
    pub fn told(&self, at: &Position) -> Option<Told<'_>> {
        let way = self.way(at);
        match (way, way.own()) {
            (_, Some(Own::Record | Own::Ids)) => None,
            // what a call of a rule's own finds may be in any list
            (_, Some(Own::Rows(rows))) => Some(Told { gives: rows.gives.as_ref(), holds: &[] }),
            (Source::List(list, _), None) => Some(Told { gives: list.gives.as_ref(), holds: &list.holds }),
            _ => None,
        }
    }

    /// The rows of a page, and of those that a rule's own call found each once: a look-up over a join tells somebody twice.
    ///
    /// # Errors
    /// A row without an id.
    pub fn once(&self, at: &Position, mut rows: Vec<Value>) -> Result<Vec<Value>, Unreadable> {
        if !matches!(self.way(at).own(), Some(Own::Rows(_))) {
            return Ok(rows);
        }
        let ids = rows.iter().map(|row| translate::id(self.resource, row)).collect::<Result<Vec<_>, _>>()?;
        let (mut known, mut ids) = (HashSet::new(), ids.into_iter());
        rows.retain(|_| ids.next().is_some_and(|id| known.insert(id)));
        Ok(rows)
    }

    /// What of the filter shows in a row itself.
    fn shown_by_row(&self, gives: Option<&Gives>) -> Condition {
        let shows = |leaf: &Condition| {
            let needs = Needs::checking(leaf);
            let enough = gives.is_none_or(|gives| View::of_row(self.resource, &needs, gives).is_some());
            enough && !has_parts(self.resource, &needs)
        };
        self.condition.weakened(&shows)
    }

    /// What of the filter shows in a record without its parts.
    #[must_use]
    pub fn shown_by_record(&self) -> Condition {
        self.shown_by_row(None)
    }
}

fn has_scope(resource: &Resource) -> bool {
    matches!(&resource.records, Records::Rest(records) if !records.only.is_empty())
}

/// Whether something is fetched for each record besides. In a database it is fetched for all at once.
fn has_parts(resource: &Resource, needs: &Needs<'_>) -> bool {
    let Records::Rest(records) = &resource.records else { return false };
    names(records).any(|part| needs.part(resource, part))
}

fn names(records: &RestRecords) -> impl Iterator<Item = &str> {
    records.parts.iter().map(|part| part.name.as_str()).chain(records.derived.iter().map(|d| d.part.as_str()))
}
