//! Members of an HTTP app's groups: what goes in and what goes out, in as few calls as the app allows, never mixed (law 6).

use serde_json::{Map, Value};

use crate::{
    mapping::{
        Resource,
        line::{Each, FieldSource, Source},
        relation::{Joining, Relation},
        rest::RestRecords,
        term::Scope,
    },
    scim::{Refusal, ScimType, change::To, resource, schema::Target},
};

use super::{
    Fault,
    call::Call,
    fill::fill,
    joining::Member,
    step::{Elsewhere, Step, Wish},
};

/// What goes in and what goes out, from a change of a list of members and, where it is a whole list, what is there.
#[must_use]
pub fn delta(to: &To, target: &Target, before: Option<&Map<String, Value>>) -> Option<(Vec<String>, Vec<String>)> {
    let values = |items: &[Value]| -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for value in items.iter().filter_map(|i| i.get("value")?.as_str()) {
            if !found.iter().any(|f| f == value) {
                found.push(value.to_owned());
            }
        }
        found
    };
    let held =
        || before.map(|b| resource::get(b, target).and_then(Value::as_array).map_or_else(Vec::new, |l| values(l)));
    match to {
        To::Delta { add, remove } => Some((values(add), remove.clone())),
        To::Unassigned => Some((Vec::new(), held()?)),
        To::Value(list) => {
            let held = held()?;
            let wanted = values(list.as_array().map_or(&[], Vec::as_slice));
            let held_set: std::collections::HashSet<&String> = held.iter().collect();
            let wanted_set: std::collections::HashSet<&String> = wanted.iter().collect();
            let add = wanted.iter().filter(|v| !held_set.contains(v)).cloned().collect();
            let remove = held.iter().filter(|v| !wanted_set.contains(v)).cloned().collect();
            Some((add, remove))
        }
    }
}

/// The steps that change a list of other resources by what goes in and out. `id`: the record's, as the app writes it.
///
/// # Errors
/// A member's id that cannot be sent.
pub fn change<'a>(
    resource: &'a Resource,
    records: &'a RestRecords,
    id: (&str, &Value),
    target: &Target,
    add: Vec<String>,
    remove: Vec<String>,
    lenient: bool,
) -> Result<Vec<Step<'a>>, Fault> {
    if let Some(derived) = records.derived.iter().find(|derived| derived.target.covers(target)) {
        let relation = match &derived.writes {
            Some(Joining::Calls(relation)) if !derived.keeper.is_guarded() => relation,
            _ => {
                let one = |joins| {
                    move |member: String| {
                        let (group, stored) = (id.0.to_owned(), id.1.clone());
                        Step::member(Member { derived, id: member, group, stored, joins, lenient })
                    }
                };
                return Ok(add.into_iter().map(one(true)).chain(remove.into_iter().map(one(false))).collect());
            }
        };
        let value = |id: &str| derived.keeper.id.codec.write(&Value::from(id));
        let mut steps = steps(relation, id.1, value, &add, &remove)?;
        let chunks = add.chunks(relation.add_batch.max(1)).chain(remove.chunks(relation.remove_batch.max(1)));
        for (step, ids) in steps.iter_mut().zip(chunks) {
            step.elsewhere = Some(Elsewhere { derived, ids: ids.to_vec() });
        }
        return Ok(steps);
    }
    let relation = records.members.as_ref().filter(|relation| relation.target.covers(target));
    let relation = relation.ok_or_else(|| Fault::Unmade(format!("nothing writes `{target}`")))?;
    let value = |id: &str| match resource.line(target).map(|line| &line.value) {
        Some(Source::Each(each)) => value(each, id),
        _ => Some(Value::from(id)),
    };
    steps(relation, id.1, value, &add, &remove)
}

/// The steps that put members in and take members out by calls for that.
///
/// # Errors
/// A member's id that cannot be sent.
pub(super) fn steps<'a>(
    relation: &Relation,
    id: &Value,
    value: impl Fn(&str) -> Option<Value>,
    add: &[String],
    remove: &[String],
) -> Result<Vec<Step<'a>>, Fault> {
    let mut steps = Vec::new();
    let plan = [
        (&relation.add, relation.add_batch, add, Wish::There),
        (&relation.remove, relation.remove_batch, remove, Wish::Gone),
    ];
    let known = |id: &String| -> Result<Value, Fault> {
        let none = || Refusal::new(ScimType::InvalidValue, format!("no member has the id `{id}`")).into();
        value(id).ok_or_else(none)
    };
    for (template, batch, ids, wish) in plan {
        let values: Vec<Value> = ids.iter().map(known).collect::<Result<_, _>>()?;
        let one = |values: &[Value]| -> Result<Call, Fault> {
            let list = Value::Array(values.to_vec());
            let mut scope = Scope::default().lend("id", id).with("values", list);
            if let [value] = values {
                scope = scope.lend("value", value);
            }
            fill(template, &scope)
        };
        for chunk in values.chunks(batch.max(1)) {
            let singly = if chunk.len() > 1 {
                chunk.iter().map(|v| one(std::slice::from_ref(v))).collect::<Result<_, _>>()?
            } else {
                Vec::new()
            };
            steps.push(Step::members(one(chunk)?, singly, wish, chunk.len()));
        }
    }
    Ok(steps)
}

/// `adding 2 members`
pub(super) fn does(joins: bool, members: usize) -> String {
    let verb = if joins { "adding" } else { "removing" };
    format!("{verb} {members} member{}", if members == 1 { "" } else { "s" })
}

/// An item's `value` as the app writes it.
fn value(each: &Each, id: &str) -> Option<Value> {
    match each.fields.iter().find(|f| f.sub == "value").map(|f| &f.value) {
        Some(FieldSource::At { codec, .. }) => codec.write(&Value::from(id)),
        _ => Some(Value::from(id)),
    }
}
