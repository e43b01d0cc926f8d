//! Queries that nobody asked for by SCIM: one record out of a list, and who names another one.

use crate::{
    mapping::{Records, Resource},
    plan::{Fault, Limits},
    scim::{
        condition::{Condition, Literal},
        filter::CompareOp,
        projection::Projection,
        schema::Target,
    },
};

use super::{Query, source};

/// The record of this id, where the app has no call for one record.
///
/// # Errors
/// The type has no list.
pub fn by_id<'a>(resource: &'a Resource, id: &str, limits: Limits) -> Result<Query<'a>, Fault> {
    let attribute = resource.kind.common.iter().find(|a| a.name == "id").cloned();
    let attribute = attribute.ok_or_else(|| Fault::Unmade("a resource type without an id".to_owned()))?;
    let target = Target { extension: None, attribute, sub: None };
    let condition = Condition::Compare { target, op: CompareOp::Equal, value: Literal::Text(id.to_owned()) };
    Ok(Query { count: 1, first: true, ..all(resource, condition, limits)? })
}

/// All records of an HTTP app for which this holds.
///
/// # Errors
/// The type has no list.
pub fn all<'a>(resource: &'a Resource, condition: Condition, limits: Limits) -> Result<Query<'a>, Fault> {
    let Records::Rest(records) = &resource.records else {
        return Err(Fault::Unmade("a database is asked by statements".to_owned()));
    };
    let source = source::direct(resource, records, &condition, limits)?;
    let projection = Projection::parse(Some("id"), None, &resource.kind)?;
    Ok(Query {
        resource,
        condition,
        sort: None,
        sorted_here: None,
        projection,
        skip: 0,
        count: usize::MAX,
        source,
        exact: false,
        native: false,
        follows: false,
        hidden: false,
        first: false,
        only: None,
    })
}
