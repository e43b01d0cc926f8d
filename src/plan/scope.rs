//! What keeps a write within its scope. In a database that is asked of the row, in statements around the write; of an HTTP
//! app's record it is seen here, before a call that writes.

use serde_json::Value;

use crate::{
    mapping::{
        Records, Resource,
        line::{Line, Source},
        rest::RestRecords,
        selector::Selector,
    },
    scim::{Refusal, ScimType},
};

use super::{
    Fault,
    call::Call,
    sql::{self, guard},
};

/// The calls that come before all others when a record is changed, its reading among them.
///
/// # Errors
/// [`Fault::Absent`] for an id that no record can have.
pub fn guards(resource: &Resource, id: &str) -> Result<Vec<Call>, Fault> {
    match &resource.records {
        Records::Rest(_) => Ok(Vec::new()),
        Records::Sql(records) => {
            let key = sql::key(resource, records, id).ok_or(Fault::Absent)?;
            Ok(guard::before(records, &key).into_iter().map(Call::Sql).collect())
        }
    }
}

/// Whether a line writes what says that a record exists for SCIM, or is protected.
pub(super) fn tested(records: &RestRecords, line: &Line) -> bool {
    let tested =
        |at: &Selector| at.first_field().is_none_or(|field| records.only.tests(field) || records.protect.tests(field));
    match &line.value {
        Source::At { at, .. } => tested(at),
        Source::Slots(slots) => slots.iter().flat_map(|slot| &slot.fields).any(|field| tested(&field.at)),
        _ => false,
    }
}

/// Refuses what would make a record one of the protected. One that would not exist for SCIM is refused as well: its own
/// client could not find it again.
///
/// # Errors
/// [`Fault::Protected`], or `invalidValue`.
pub(super) fn stays(resource: &Resource, record: &Value) -> Result<(), Fault> {
    if resource.protects(record) {
        return Err(Fault::Protected);
    }
    if !resource.exists(record) {
        let detail = "with these values the resource would not be one of those that are offered";
        return Err(Refusal::new(ScimType::InvalidValue, detail).into());
    }
    Ok(())
}

/// A record with what changes of it.
pub(super) fn merged(record: &Value, changed: &Value) -> Value {
    let (Value::Object(record), Value::Object(changed)) = (record, changed) else { return changed.clone() };
    let mut all = record.clone();
    for (name, value) in changed {
        let merged = merged(record.get(name).unwrap_or(&Value::Null), value);
        all.insert(name.clone(), merged);
    }
    Value::Object(all)
}
