//! A filter on a list that other records keep, `groups.value eq "…"` where the group keeps its members: the one record is read
//! that names them, and who they are decides the way to them (a second plan, from what was found). Asking of each user
//! who names it would read the groups as often as there are users.

use std::collections::BTreeSet;

use crate::{
    mapping::{
        Resource,
        relation::Derived,
        rest::{List, RestRecords},
    },
    plan::{
        Fault, Limits,
        call::Call,
        derived,
        read::{self, Needs},
    },
    scim::{
        condition::{Condition, Literal},
        filter::CompareOp,
    },
};

use super::{
    Query, several,
    source::{SIDES, Source, Union, by_key, direct},
    width::Width,
};

/// Those whom one record of another type names.
#[derive(Debug)]
pub struct Named<'a> {
    /// The list, as these records show it.
    pub derived: &'a Derived,
    /// The record that keeps it.
    pub keeper: String,
    /// The conjunct that it serves, in SCIM's words.
    pub serves: String,
    /// All else in the filter.
    pub left: Condition,
    /// What is looked at in the record that keeps it.
    list: Condition,
    records: &'a RestRecords,
    limits: Limits,
}

/// Whom a record names, if the filter says which, and nothing in it is narrower.
pub(super) fn named<'a>(
    resource: &'a Resource,
    records: &'a RestRecords,
    condition: &Condition,
    limits: Limits,
) -> Option<Named<'a>> {
    if records.lists.is_empty() && records.fixed.is_none() {
        return None;
    }
    let conjuncts = condition.conjuncts();
    let found = |conjunct: &Condition| {
        let Condition::Compare { target, op: CompareOp::Equal, value: Literal::Text(keeper) } = conjunct else {
            return None;
        };
        let is_value = target.leaf().name == "value" && target.leaf().case_exact;
        let same =
            |d: &&Derived| d.target.extension == target.extension && d.target.attribute.name == target.attribute.name;
        Some((records.derived.iter().find(same).filter(|_| is_value)?, keeper.clone()))
    };
    let (at, (derived, keeper)) = conjuncts.iter().enumerate().find_map(|(at, c)| Some((at, found(c)?)))?;
    let lists: Vec<&List> = records.lists.iter().collect();
    let ways = several::ways(resource, &lists, condition);
    let narrower = |way: &Source<'_>| way.width().is_some_and(|width| width <= Width::Few);
    if !lists.is_empty() && ways.iter().all(narrower) {
        return None;
    }
    let serves = conjuncts.get(at)?.to_string();
    let mut left: Vec<Condition> = conjuncts.into_iter().cloned().collect();
    left.remove(at);
    let left = match left.len() {
        0 => Condition::Always,
        1 => left.remove(0),
        _ => Condition::And(left),
    };
    Some(Named { derived, keeper, serves, left, list: derived::named(derived), records, limits })
}

impl<'a> Named<'a> {
    /// What is read of the record that keeps the list.
    #[must_use]
    pub fn needs(&self) -> Needs<'_> {
        Needs { condition: Some(&self.list), ..Needs::NOTHING }
    }

    /// The way to those whom it names: to few of them by their ids, to more by the list, of which these are kept.
    fn way(&self, resource: &'a Resource, ids: &BTreeSet<String>) -> Result<Source<'a>, Fault> {
        if ids.is_empty() {
            return Ok(Source::Nothing);
        }
        if self.few().is_some_and(|few| ids.len() <= few) {
            let sides = ids.iter().map(|id| by_key(resource, id)).collect::<Result<Option<Vec<_>>, _>>()?;
            if let Some(mut sides) = sides {
                // who can be no id is nobody
                sides.retain(|side| !matches!(side, Source::Nothing));
                return Ok(Source::Union(Union { sides, serves: self.serves.clone(), stream: false }));
            }
        }
        direct(resource, self.records, &self.left, self.limits)
    }

    /// How many are read one by one.
    fn few(&self) -> Option<usize> {
        self.records.fixed.is_none().then(|| SIDES.min(self.limits.calls))
    }

    /// As many, and the call for one whose id is not known yet, if there is one.
    ///
    /// # Errors
    /// As [`read::call_by_id`].
    pub fn each(&self, resource: &Resource, id: &str) -> Result<Option<(usize, Call)>, Fault> {
        let call = read::call_by_id(resource, id)?;
        Ok(self.few().zip(call))
    }
}

impl<'a> Query<'a> {
    /// The same, where it is known whom the record names.
    ///
    /// # Errors
    /// There are many, and the type has no list.
    pub fn among(&self, named: &Named<'a>, ids: BTreeSet<String>) -> Result<Self, Fault> {
        let source = named.way(self.resource, &ids)?;
        Ok(Self { only: Some(ids), ..self.by(named, source) })
    }

    /// The same where they are many.
    ///
    /// # Errors
    /// The type has no list.
    pub fn among_many(&self, named: &Named<'a>) -> Result<Self, Fault> {
        Ok(self.by(named, direct(self.resource, named.records, &named.left, named.limits)?))
    }

    fn by(&self, named: &Named<'a>, source: Source<'a>) -> Self {
        let (condition, sort, projection) = (named.left.clone(), self.sort.clone(), self.projection.clone());
        Self { condition, sort, projection, source, only: None, ..*self }
    }
}
