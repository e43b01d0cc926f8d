//! Members of an HTTP app's groups: what goes in and what goes out, in as few calls as the app allows, never mixed (law 6).

use serde_json::{Map, Value};

use crate::{
    mapping::{
        Resource,
        line::{FieldSource, Source},
        rest::Relation,
        term::Scope,
    },
    scim::{Refusal, ScimType, change::To, resource},
};

use super::{
    Fault,
    call::Call,
    fill::fill,
    step::{Act, Step, Wish},
};

/// What goes in and what goes out, from a change of a list of members and, where it is a whole list, what is there.
#[must_use]
pub fn delta(
    to: &To,
    target: &crate::scim::schema::Target,
    before: Option<&Map<String, Value>>,
) -> Option<(Vec<String>, Vec<String>)> {
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

/// The steps that put members in and take members out.
///
/// # Errors
/// A member's id that cannot be sent.
pub fn steps(
    resource: &Resource,
    relation: &Relation,
    id: &Value,
    add: &[String],
    remove: &[String],
) -> Result<Vec<Step<'static>>, Fault> {
    let mut steps = Vec::new();
    let plan = [
        (&relation.add, relation.add_batch, add, Wish::There),
        (&relation.remove, relation.remove_batch, remove, Wish::Gone),
    ];
    for (template, batch, ids, wish) in plan {
        let values: Vec<Value> = ids.iter().map(|id| member_value(resource, id)).collect::<Result<_, _>>()?;
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
            let does = format!(
                "{} {} member{}",
                if wish == Wish::There { "adding" } else { "removing" },
                chunk.len(),
                if chunk.len() == 1 { "" } else { "s" }
            );
            let act = Act::Call(one(chunk)?);
            steps.push(Step { act, wish, singly, does, record: None, if_changed: false });
        }
    }
    Ok(steps)
}

/// A member's id as the app writes it.
fn member_value(resource: &Resource, id: &str) -> Result<Value, Fault> {
    let source = resource.lines.iter().find_map(|l| match &l.value {
        Source::Each(each) if l.update => each.fields.iter().find(|f| f.sub == "value").map(|f| &f.value),
        _ => None,
    });
    let value = Value::String(id.to_owned());
    match source {
        Some(FieldSource::At { codec, .. }) => codec
            .write(&value)
            .ok_or_else(|| Refusal::new(ScimType::InvalidValue, format!("no member has the id `{id}`")).into()),
        _ => Ok(value),
    }
}
