//! The ways in: what of a filter is a key or something the app has a rule for, and which way is the narrowest.

use serde_json::Value;

use crate::{
    mapping::{
        Resource,
        codec::Codec,
        line::{FieldSource, Line, Source as LineSource},
        rest::{FilterRule, List, RestRecords},
        sql::SqlRecords,
        term::Scope,
    },
    plan::{
        Fault, Limits,
        call::Call,
        fill::fill,
        read,
        sql::{filter::Pushed, order::Order},
    },
    scim::{
        condition::{Condition, Literal},
        filter::CompareOp,
        schema::{Target, Type, Uniqueness},
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
    /// What each side of an `or` finds, one after the other.
    Union(Union<'a>),
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

/// Ways in, each a key or a narrowed list.
#[derive(Debug)]
pub struct Union<'a> {
    /// In the order of the filter.
    pub sides: Vec<Source<'a>>,
    /// The conjunct that they serve, in SCIM's words.
    pub serves: String,
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

/// The most sides that a union is made of.
const SIDES: usize = 20;

/// The narrowest way into an HTTP app: by id, by what is unique, by a union of these, by the rule that lets the fewest
/// through, else the whole list.
pub(super) fn of_rest<'a>(
    resource: &'a Resource,
    records: &'a RestRecords,
    condition: &Condition,
    limits: Limits,
) -> Result<Source<'a>, Fault> {
    let conjuncts = condition.conjuncts();
    for conjunct in &conjuncts {
        if let Some(found) = by_key(resource, conjunct)? {
            return Ok(found);
        }
    }
    let best = by_rule(resource, records.list.as_ref(), &conjuncts);
    for conjunct in &conjuncts {
        if let Some((union, width)) = union(resource, records, conjunct, limits)?
            && best.as_ref().is_none_or(|best| width < best.width())
        {
            return Ok(union);
        }
    }
    match &records.list {
        Some(list) => Ok(Source::List(list, best)),
        None => Err(Fault::NotOffered(format!("the app has no list of {}s that can be read", resource.kind.name))),
    }
}

fn by_key<'a>(resource: &'a Resource, conjunct: &Condition) -> Result<Option<Source<'a>>, Fault> {
    let Some(id) = key_in(resource, conjunct) else { return Ok(None) };
    match read::by_id(resource, &id) {
        Ok(call) => Ok(Some(Source::Key(Box::new(call)))),
        Err(Fault::Absent) => Ok(Some(Source::Nothing)),
        Err(fault) => Err(fault),
    }
}

fn by_rule<'a>(resource: &Resource, list: Option<&'a List>, conjuncts: &[&Condition]) -> Option<Narrowed<'a>> {
    let rules = list.map_or(&[][..], |list| &list.filters);
    let fitting = conjuncts.iter().flat_map(|c| rules.iter().filter_map(move |rule| narrowed(resource, rule, c)));
    fitting.min_by_key(|n| (n.width(), !n.rule.exactly))
}

/// The look-ups of an `or`, if each of its sides is one, and how wide the widest of them is. A side that nobody can fulfil
/// takes none.
fn union<'a>(
    resource: &'a Resource,
    records: &'a RestRecords,
    conjunct: &Condition,
    limits: Limits,
) -> Result<Option<(Source<'a>, Width)>, Fault> {
    let Condition::Or(or) = conjunct else { return Ok(None) };
    let (mut sides, mut width) = (Vec::new(), Width::One);
    for (_, side) in or.iter().enumerate().filter(|(at, side)| !or[..*at].contains(side)) {
        let conjuncts = side.conjuncts();
        let key = conjuncts.iter().find_map(|c| by_key(resource, c).transpose()).transpose()?;
        match (key, &records.list) {
            (Some(Source::Nothing), _) => {}
            (Some(key), _) => sides.push(key),
            (None, Some(list)) => {
                let Some(rule) = by_rule(resource, Some(list), &conjuncts) else { return Ok(None) };
                width = width.max(rule.width());
                sides.push(Source::List(list, Some(rule)));
            }
            (None, None) => return Ok(None),
        }
    }
    let few = sides.len() <= SIDES.min(limits.calls);
    Ok(few.then(|| (Source::Union(Union { sides, serves: conjunct.to_string() }), width)))
}

/// How many rows a way in lets through, as far as that can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Width {
    /// What is unique is found once.
    One,
    /// A value that few share.
    Few,
    /// A part of a value.
    Some,
    /// One of two values, or of the mapping's few; all above a number.
    Many,
}

impl Narrowed<'_> {
    fn width(&self) -> Width {
        let leaf = self.rule.target.leaf();
        match self.rule.op {
            _ if self.rule.literal.is_some() || leaf.kind == Type::Boolean => Width::Many,
            CompareOp::Equal if leaf.uniqueness != Uniqueness::None => Width::One,
            CompareOp::Equal => Width::Few,
            CompareOp::StartsWith | CompareOp::EndsWith | CompareOp::Contains => Width::Some,
            _ => Width::Many,
        }
    }
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
        LineSource::At { at, codec: Codec::Plain } if *at == resource.id.at => {
            (line.fold.is_some() || target.leaf().case_exact).then(|| text.clone())
        }
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
    let paged = ["size", "page", "offset"].into_iter().fold(Scope::default(), |s, name| s.with(name, Value::from(1)));
    if matches!(fill(&rule.call, &paged.lend("value", &value)), Err(Fault::Refused(_))) {
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
        LineSource::Text(_) | LineSource::Address { .. } | LineSource::From { .. } => &Codec::Plain,
    };
    codec.write(value)
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
