//! A change set as statements: the row, its lists, and who is a member.

use serde_json::{Map, Value};

use crate::{
    mapping::{Resource, cell, line::Line, sql::SqlRecords, translate},
    plan::{Context, Fault, scope, step::Step},
    scim::change::{Change as Changed, To},
};

use super::{
    beside, check_values, guard, key, members,
    own::{self, Names},
    referring,
    write::{self, Stamps},
};

/// The statements of a change set, in order; `before` is the record, where it was read.
///
/// # Errors
/// [`Fault::Absent`] for an id that no record can have, or a value that cannot be written.
pub fn steps<'a>(
    resource: &'a Resource,
    records: &'a SqlRecords,
    id: &str,
    changes: &[Changed],
    before: Option<(&Value, &Map<String, Value>)>,
    context: &Context<'_>,
) -> Result<Vec<Step<'a>>, Fault> {
    let key = key(resource, records, id).ok_or(Fault::Absent)?;
    let stamps = Stamps { now: context.now, client: context.client };
    let (own, left) = own::dealt(resource, records, changes, before.map(|(_, resource)| resource));
    let before = before.map(|(record, _)| record);
    let written = |changes: &[&Changed]| {
        let mut changed = translate::changed(resource, changes.iter().copied(), None, context.profile.ignore_unmapped)?;
        cell::close(&records.cells, &mut changed, before)?;
        let named = referring::keys(records, &mut changed)?;
        check_values(records, &changed)?;
        Ok::<_, Fault>((changed, named))
    };
    let (all, named) = written(&changes.iter().collect::<Vec<_>>())?;
    let changed = match own.is_empty() {
        true => all.clone(),
        false => written(&left)?.0,
    };
    own::taken(resource, records, &left)?;
    // The row itself comes first: it says whether the record is there, and its lock orders the writers. Where only
    // members may change, its time of change waits for what their statements tell, and a lock is what `guard::before` has.
    let members_alone = changes.iter().all(|c| resource.line(&c.target).is_some_and(Line::relates));
    let mut statements = match members_alone {
        true if !records.engine.row_lock().is_empty() => Vec::new(),
        true => vec![write::lock(records, &key)],
        false => vec![write::update(resource, records, &key, &changed, &stamps)],
    };
    // before the row is changed: a foreign key would say less
    statements.splice(0..0, named);
    for table in &records.beside {
        if let Some(row) = changed.get(&table.name) {
            statements.extend(beside::write(records, table, &key, row, &stamps));
        }
    }
    let mut steps: Vec<Step<'a>> = Vec::new();
    if !own.is_empty() {
        let becomes = scope::merged(before.unwrap_or(&Value::Null), &all);
        let names = Names::new(key.clone(), becomes, before.cloned().unwrap_or_default(), &stamps);
        steps.extend(own.into_iter().flat_map(|own| own::steps(records, own, &names)));
    }
    let mut of_members = Vec::new();
    for change in changes {
        let name = change.target.attribute.name.as_str();
        if let Some(child) = records.children.iter().find(|c| c.name == name) {
            let list =
                |record: Option<&Value>| record.and_then(|r| r.get(name)?.as_array().cloned()).unwrap_or_default();
            statements.extend(write::children_change(
                records,
                resource,
                child,
                &key,
                &list(before),
                &list(Some(&changed)),
                &stamps,
            ));
        }
        if records.members.first().is_some_and(|j| j.name == name) {
            let ids = |items: &[Value]| -> Vec<String> {
                items.iter().filter_map(|i| i.get("value")?.as_str().map(str::to_owned)).collect()
            };
            of_members.extend(match &change.to {
                To::Unassigned => members::members_clear(records, &key, &stamps),
                To::Value(list) => {
                    members::members_set(records, &key, &ids(list.as_array().map_or(&[], Vec::as_slice)), &stamps)
                }
                To::Delta { add, remove } => {
                    let mut both = members::members_add(records, &key, &ids(add), &stamps);
                    both.extend(members::members_remove(records, &key, remove, &stamps));
                    both
                }
            });
        }
    }
    steps.extend(statements.into_iter().map(Step::statement));
    steps.extend(of_members);
    if !members_alone || guard::members_move(records) {
        steps.extend(guard::after(resource, records, &key).into_iter().map(Step::statement));
    }
    if members_alone && (!records.touch.is_empty() || records.version.is_some()) {
        let touch = write::touch(resource, records, &key, &stamps);
        steps.push(Step { if_changed: true, ..Step::statement(touch) });
    }
    Ok(steps)
}
