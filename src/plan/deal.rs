//! Dealing changes out: which change rule of an HTTP app takes which, and what goes in and out of lists by calls of its own.

use serde_json::{Map, Value};

use crate::{
    mapping::{
        Resource,
        rest::{Becomes, ChangeRule, RestRecords, To as Expected},
    },
    scim::{
        Refusal, ScimType,
        change::{Change as Changed, To},
        resource,
        schema::Target,
    },
};

use super::{Fault, change::relates, members, step::Step};

/// Whether a rule names this change.
pub(super) fn claims(rule: &ChangeRule, change: &Changed) -> bool {
    rule.when.iter().any(|(target, becomes)| target.is(&change.target) && fits(becomes, change, None))
}

/// Whether a change is one that a rule is for. Without the resource as it is before, its old value may be any.
pub(super) fn fits(becomes: &Becomes, change: &Changed, before: Option<&Map<String, Value>>) -> bool {
    let is = |wanted: &Expected, value: Option<&Value>| match (wanted, value) {
        (Expected::AnyOf(values), Some(value)) => values.iter().any(|v| crate::mapping::pattern::same(v, value)),
        (Expected::AnyOf(values), None) => values.iter().any(Value::is_null),
        (Expected::Given(given), value) => *given == value.is_some(),
    };
    let to = |wanted: &Expected| match &change.to {
        To::Value(value) => is(wanted, Some(value)),
        To::Unassigned => is(wanted, None),
        // whatever is there already, there is some now
        To::Delta { add, .. } => matches!(wanted, Expected::Given(true)) && !add.is_empty(),
    };
    let from = |wanted: &Expected| before.is_none_or(|before| is(wanted, resource::get(before, &change.target)));
    becomes.to.as_ref().is_none_or(to) && becomes.from.as_ref().is_none_or(from)
}

pub(super) type Claimed<'a, 'c> = (Vec<(&'a ChangeRule, Vec<&'c Changed>)>, Vec<&'c Changed>);

/// Changes dealt out to the rules that take them, from the top, and what is left.
pub(super) fn claimed<'a, 'c>(
    rules: &'a [ChangeRule],
    mut left: Vec<&'c Changed>,
    before: Option<&Map<String, Value>>,
) -> Claimed<'a, 'c> {
    let mut dealt = Vec::new();
    for rule in rules {
        let fits = |target: &Target, becomes: &Becomes, c: &Changed| target.is(&c.target) && fits(becomes, c, before);
        if !rule.when.iter().all(|(target, becomes)| left.iter().any(|c| fits(target, becomes, c))) {
            continue;
        }
        let (mine, others): (Vec<&Changed>, Vec<&Changed>) = left
            .into_iter()
            .partition(|c| rule.when.is_empty() || rule.when.iter().any(|(target, becomes)| fits(target, becomes, c)));
        left = others;
        if !mine.is_empty() {
            dealt.push((rule, mine));
        }
    }
    (dealt, left)
}

/// Deals changes out to the change rules of an HTTP app, from the top; lists of members go last, as they are least
/// likely to be refused. `before`: the record as it came and the resource it reads as.
///
/// # Errors
/// A change that no rule takes, or a value that cannot be sent.
pub(super) fn deal<'a>(
    resource: &'a Resource,
    records: &'a RestRecords,
    id: &str,
    changes: &[Changed],
    before: Option<(&Value, &Map<String, Value>)>,
    lenient: bool,
) -> Result<Vec<Step<'a>>, Fault> {
    let stored = resource.id.codec.write(&Value::String(id.to_owned())).ok_or(Fault::Absent)?;
    let (lists, single): (Vec<&Changed>, Vec<&Changed>) = changes.iter().partition(|c| relates(resource, c));
    let (dealt, left) = claimed(&records.update, single, before.map(|b| b.1));
    let mut steps = Vec::new();
    for (rule, mine) in dealt {
        steps.extend(Step::change(resource, rule, &stored, &mine, before.map(|b| b.0), lenient)?);
    }
    if let Some(change) = left.first() {
        let detail = format!("the app has no way to change `{}` like this", change.target);
        return Err(Refusal::new(ScimType::Mutability, detail).into());
    }
    for change in lists {
        let Some((add, remove)) = members::delta(&change.to, &change.target, before.map(|b| b.1)) else {
            return Err(Fault::Unmade("the members were not read before the change".to_owned()));
        };
        steps.extend(members::change(resource, records, (id, &stored), &change.target, add, remove, lenient)?);
    }
    Ok(steps)
}
