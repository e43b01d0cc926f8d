//! Lists that are kept in other records: who names this one. They are found as a client would find them, by filter, so
//! nobody is named who does not exist for SCIM.

use serde_json::{Map, Value, json};

use crate::{
    mapping::{relation::Derived, translate},
    scim::{
        condition::{Condition, Literal},
        filter::CompareOp,
        resource,
        schema::Target,
    },
};

use super::{
    Fault, Limits,
    query::{self, Query},
    read::View,
};

/// Who names one of these records.
///
/// # Errors
/// As [`query::own::all`].
pub fn naming<'a>(derived: &'a Derived, id: &str, limits: Limits) -> Result<Query<'a>, Fault> {
    let value = Literal::Text(id.to_owned());
    query::own::all(&derived.keeper, Condition::Compare { target: names(derived), op: CompareOp::Equal, value }, limits)
}

/// Who names any of them: one walk, where the app cannot be asked for each.
///
/// # Errors
/// As [`query::own::all`].
pub fn naming_any(derived: &Derived, limits: Limits) -> Result<Query<'_>, Fault> {
    query::own::all(&derived.keeper, named(derived), limits)
}

/// That a record names somebody.
pub(super) fn named(derived: &Derived) -> Condition {
    Condition::Present(names(derived))
}

/// The queries for these records: one for each where a rule narrows it, with the record that it is for; else one for all.
///
/// # Errors
/// As [`query::own::all`].
pub fn queries<'a>(
    derived: &'a Derived,
    ids: &[String],
    limits: Limits,
) -> Result<Vec<(Option<String>, Query<'a>)>, Fault> {
    let Some(first) = ids.first() else { return Ok(Vec::new()) };
    let one = naming(derived, first, limits)?;
    if ids.len() > 1 && one.source.is_whole() {
        return Ok(vec![(None, naming_any(derived, limits)?)]);
    }
    ids.iter().map(|id| Ok((Some(id.clone()), naming(derived, id, limits)?))).collect()
}

/// `groups.value`.
fn names(derived: &Derived) -> Target {
    Target { sub: derived.list.attribute.sub("value").cloned(), ..derived.list.clone() }
}

/// What is read of the keeper's records: the list, and what they are shown by.
#[must_use]
pub fn view(derived: &Derived) -> View<'_> {
    let lines = derived.kept().map(|(line, _)| line).into_iter().chain(derived.keeper.shown()).collect();
    View { resource: &derived.keeper, lines, version: false }
}

/// A record of the keeper as an item of the lists of those that it names, and who these are.
#[must_use]
pub fn item(derived: &Derived, keeper: &Map<String, Value>) -> (Value, Vec<String>) {
    let shown = derived.keeper.shown().and_then(|line| resource::get(keeper, &line.target));
    (json!({ "value": keeper.get("id"), "display": shown }), translate::values(keeper, &derived.list))
}
