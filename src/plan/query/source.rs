//! The ways in: what of a filter is a key or something the app has a rule for, and which way is the narrowest.

use serde_json::Value;

use crate::{
    mapping::{
        Resource,
        codec::Codec,
        line::{FieldSource, Line, Source as LineSource},
        rest::{FilterRule, List, RestRecords},
        sql::SqlRecords,
        template::Place,
        term::Scope,
    },
    plan::{
        Fault,
        call::Call,
        read,
        sql::{filter::Pushed, order::Order},
    },
    scim::{
        condition::{Condition, Literal},
        filter::CompareOp,
        schema::Target,
    },
};

/// A way in.
#[derive(Debug)]
pub enum Source<'a> {
    /// Nothing can match.
    Nothing,
    /// One record, by its key.
    Key(Box<Call>),
    /// The list of an HTTP app, narrowed by a rule or not.
    List(&'a List, Option<Narrowed<'a>>),
    /// A table.
    Table(Table<'a>),
}

/// A table, and what of the request the database does.
#[derive(Debug)]
pub struct Table<'a> {
    /// The table.
    pub records: &'a SqlRecords,
    /// What it selects.
    pub pushed: Pushed,
    /// In which order: that of the answer, or by key.
    pub order: Order,
}

/// A filter rule and the value it is used with.
#[derive(Debug)]
pub struct Narrowed<'a> {
    /// The rule.
    pub rule: &'a FilterRule,
    /// `$.value`.
    pub value: Value,
    /// The conjunct that it serves, in SCIM's words.
    pub serves: String,
}

pub(super) fn rest_source<'a>(
    resource: &'a Resource,
    records: &'a RestRecords,
    condition: &Condition,
) -> Result<Source<'a>, Fault> {
    for conjunct in condition.conjuncts() {
        if let Some(id) = key_in(resource, conjunct) {
            return Ok(match read::by_id(resource, &id) {
                Ok(call) => Source::Key(Box::new(call)),
                Err(Fault::Absent) => Source::Nothing,
                Err(fault) => return Err(fault),
            });
        }
    }
    let Some(list) = &records.list else {
        return Err(Fault::NotOffered(format!("the app has no list of {}s that can be read", resource.kind.name)));
    };
    let fitting = condition
        .conjuncts()
        .into_iter()
        .flat_map(|c| list.filters.iter().filter_map(move |rule| narrowed(resource, rule, c)));
    let best = fitting.min_by_key(|n| (!n.rule.exactly, n.rule.op != CompareOp::Equal));
    Ok(Source::List(list, best))
}

/// `id eq "x"`, or the same of an attribute that stands where the id stands: it tells letters apart as the id does, or the
/// app folds them, so that only the folded spelling can be an id.
pub(crate) fn key_in(resource: &Resource, conjunct: &Condition) -> Option<String> {
    let Condition::Compare { target, op: CompareOp::Equal, value: Literal::Text(text) } = conjunct else { return None };
    if target.extension.is_none() && target.attribute.name == "id" {
        return Some(text.clone());
    }
    let line = resource.line(target)?;
    match &line.value {
        LineSource::At { at, codec: Codec::Plain } if *at == resource.id.at => match line.fold {
            Some(fold) => Some(fold.apply(text)),
            None => target.leaf().case_exact.then(|| text.clone()),
        },
        _ => None,
    }
}

/// The rule for this part of a filter, if it is one for it.
pub(crate) fn narrowed<'a>(resource: &Resource, rule: &'a FilterRule, conjunct: &Condition) -> Option<Narrowed<'a>> {
    let (target, op, value) = comparison(conjunct)?;
    if !same_attribute(target, &rule.target) || op != rule.op {
        return None;
    }
    let line = resource.line(&rule.target)?;
    let value = literal(value);
    match &rule.literal {
        Some(fixed) if *fixed != value => return None,
        _ => {}
    }
    let value = stored(line, &rule.target, &value)?;
    // A value that no query can hold, such as one with a tab, is looked for here.
    let scope = Scope::default().lend("value", &value);
    if rule.query.iter().any(|(_, term)| term.text(Place::Query, &scope).is_err()) {
        return None;
    }
    Some(Narrowed { rule, value, serves: conjunct.to_string() })
}

/// The app's own word for a value: what the line would write. None where that is not one word.
fn stored(line: &Line, target: &Target, value: &Value) -> Option<Value> {
    let sub = target.sub.as_ref().map_or("value", |s| s.name.as_str());
    let codec = match &line.value {
        LineSource::At { codec, .. } => codec,
        LineSource::Each(each) => match &each.fields.iter().find(|f| f.sub == sub)?.value {
            FieldSource::At { codec, .. } => codec,
            FieldSource::Constant(_) => return None,
        },
        LineSource::Slots(slots) => match slots.as_slice() {
            [only] => &only.codec,
            several => several.iter().all(|s| matches!(s.codec, Codec::Plain)).then_some(&Codec::Plain)?,
        },
        LineSource::Constant(_) => return None,
        LineSource::Text(_) | LineSource::From { .. } => &Codec::Plain,
    };
    codec.write(&line.folded(value))
}

/// The comparison that a rule may serve: a plain one, or one term of an item (which it then serves as *more*).
fn comparison(conjunct: &Condition) -> Option<(&Target, CompareOp, &Literal)> {
    match conjunct {
        Condition::Compare { target, op, value } => Some((target, *op, value)),
        Condition::Item { condition, .. } => condition.conjuncts().into_iter().find_map(|c| match c {
            Condition::Compare { target, op, value } if target.leaf().name == "value" => Some((target, *op, value)),
            _ => None,
        }),
        _ => None,
    }
}

fn same_attribute(a: &Target, b: &Target) -> bool {
    let sub = |t: &Target| t.sub.as_ref().map(|s| s.name.clone());
    let plain =
        |t: &Target| if t.attribute.multi_valued { sub(t).or_else(|| Some("value".to_owned())) } else { sub(t) };
    a.extension == b.extension && a.attribute.name == b.attribute.name && plain(a) == plain(b)
}

fn literal(value: &Literal) -> Value {
    match value {
        Literal::Boolean(b) => Value::Bool(*b),
        Literal::Number(n) => Value::Number(n.clone()),
        Literal::Text(text) | Literal::Instant { text, .. } => Value::String(text.clone()),
    }
}
