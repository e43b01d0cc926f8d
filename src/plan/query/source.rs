//! The ways in: what of a filter is a key or something the app has a rule for, and which way is the narrowest.

use serde_json::Value;

use crate::{
    mapping::{
        Resource,
        codec::Codec,
        line::{FieldSource, Line, Source as LineSource},
        rest::{FilterRule, List, Own, Pages, RestRecords},
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
        schema::Target,
    },
};

use super::{
    asked::{self, Asked},
    named::{Named, named},
    several,
    width::Width,
};

/// A way in.
#[derive(Debug)]
pub enum Source<'a> {
    /// Nothing can match.
    Nothing,
    /// One record, by its key.
    Key(Box<Call>),
    /// The records that the mapping names.
    Fixed(&'a [Value]),
    /// The list of an HTTP app, narrowed or not.
    List(&'a List, Option<By<'a>>),
    /// What each side of an `or` finds, or each list of the app, one after the other.
    Union(Union<'a>),
    /// Those whom one record of another type names.
    Named(Box<Named<'a>>),
    /// A table.
    Table(Table<'a>),
}

impl<'a> Source<'a> {
    /// How its rows go on in the app; none where all come in one reply, or from elsewhere.
    #[must_use]
    pub fn pages(&self) -> Option<&'a Pages> {
        match (self, self.own()) {
            (_, Some(Own::Rows(rows))) => rows.pages.as_ref(),
            (_, Some(Own::Record | Own::Ids)) => None,
            (Self::List(list, _), None) => Some(&list.pages),
            _ => None,
        }
    }

    /// Whether its rows come one after the other, each once and in an order of the app's, so that a place among them can be found
    /// again.
    #[must_use]
    pub fn is_stream(&self) -> bool {
        match self {
            Self::List(..) | Self::Fixed(_) => true,
            Self::Union(union) => union.stream,
            Self::Nothing | Self::Key(_) | Self::Named(_) | Self::Table(_) => false,
        }
    }

    /// Whether all the rows that there are come, whatever is asked.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        match self {
            Self::List(_, by) => by.is_none(),
            Self::Union(union) => union.sides.iter().any(Self::is_whole),
            Self::Fixed(_) => true,
            Self::Nothing | Self::Key(_) | Self::Named(_) | Self::Table(_) => false,
        }
    }

    /// What it answers with, if it is by a rule with a call of its own.
    #[must_use]
    pub fn own(&self) -> Option<&'a Own> {
        match self {
            Self::List(_, Some(By::Rule(narrowed))) => narrowed.rule.own.as_ref(),
            _ => None,
        }
    }
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

/// Ways in, each a key or a list.
#[derive(Debug)]
pub struct Union<'a> {
    /// In the order of the filter.
    pub sides: Vec<Source<'a>>,
    /// The conjunct that they serve, in SCIM's words; empty where they are the app's several lists.
    pub serves: String,
    /// Whether nobody is found twice, so that the answer is in the order of the sides.
    pub stream: bool,
}

/// What narrows a list.
#[derive(Debug)]
pub enum By<'a> {
    /// A filter rule.
    Rule(Narrowed<'a>),
    /// The app's own filter language.
    Language(Box<Asked>),
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
pub(super) const SIDES: usize = 20;

/// The narrowest way into an HTTP app: by id, by what is unique, by a union of these, by the rule that lets the fewest
/// through, by who names them, else the whole list.
pub(super) fn of_rest<'a>(
    resource: &'a Resource,
    records: &'a RestRecords,
    condition: &Condition,
    limits: Limits,
) -> Result<Source<'a>, Fault> {
    let one = |conjunct: &&Condition| key_in(resource, conjunct).is_some();
    if !condition.conjuncts().iter().any(one)
        && let Some(named) = named(resource, records, condition, limits)
    {
        return Ok(Source::Named(Box::new(named)));
    }
    direct(resource, records, condition, limits)
}

/// The same, without reading a record of another type before.
pub(super) fn direct<'a>(
    resource: &'a Resource,
    records: &'a RestRecords,
    condition: &Condition,
    limits: Limits,
) -> Result<Source<'a>, Fault> {
    if let Some(rows) = &records.fixed {
        return Ok(Source::Fixed(rows));
    }
    let conjuncts = condition.conjuncts();
    for id in conjuncts.iter().filter_map(|conjunct| key_in(resource, conjunct)) {
        if let Some(found) = by_key(resource, &id)? {
            return Ok(found);
        }
    }
    let open: Vec<&List> = records.lists.iter().filter(|list| several::left(list, condition).is_some()).collect();
    let lists = several::ways(resource, &open, condition);
    for conjunct in &conjuncts {
        if let Some((union, width)) = union(resource, &open, conjunct, limits)?
            && (records.lists.is_empty()
                || !lists.iter().all(|way| way.is_exact(condition))
                    && lists.iter().any(|way| way.width().is_none_or(|of_lists| width < of_lists)))
        {
            return Ok(union);
        }
    }
    if records.lists.is_empty() {
        return Err(Fault::NotOffered(format!("the app has no list of {}s that can be read", resource.kind.name)));
    }
    Ok(several::joined(lists, ""))
}

pub(super) fn by_key<'a>(resource: &'a Resource, id: &str) -> Result<Option<Source<'a>>, Fault> {
    match read::call_by_id(resource, id) {
        // out of the list, by its rule
        Ok(None) => Ok(None),
        Ok(Some(call)) => Ok(Some(Source::Key(Box::new(call)))),
        Err(Fault::Absent) => Ok(Some(Source::Nothing)),
        Err(fault) => Err(fault),
    }
}

/// The narrower of a rule and the app's language; the language where it says all of it, or no less than the rule.
pub(super) fn by_list<'a>(resource: &Resource, list: &'a List, condition: &Condition) -> Option<By<'a>> {
    let rule = by_rule(resource, list, &condition.conjuncts()).map(By::Rule);
    // A filter that the call cannot hold, such as a text with a tab in a query, is not asked.
    let fits = |list: &List, asked: &Asked| match &asked.filter {
        Some(filter) => !matches!(fill(&list.call, &first_page().lend("filter", filter)), Err(Fault::Refused(_))),
        None => true,
    };
    let asked = list.language.as_ref().and_then(|language| asked::ask(resource, language, condition));
    let asked = asked.filter(|asked| fits(list, asked)).map(Box::new);
    match (rule, asked) {
        (Some(rule), Some(asked)) if !asked.is_exact() && (rule.is_exact(condition) || rule.width() < asked.width) => {
            Some(rule)
        }
        (_, Some(asked)) => Some(By::Language(asked)),
        (rule, None) => rule,
    }
}

fn by_rule<'a>(resource: &Resource, list: &'a List, conjuncts: &[&Condition]) -> Option<Narrowed<'a>> {
    let fitting =
        conjuncts.iter().flat_map(|c| list.filters.iter().filter_map(move |rule| narrowed(resource, rule, c)));
    // of two alike the one that needs no look at each
    fitting.min_by_key(|n| (n.width(), !n.rule.exactly, matches!(n.rule.own, Some(Own::Ids))))
}

/// The look-ups of an `or`, if each of its sides is one, and how wide the widest of them is. A side that nobody can fulfil
/// takes none.
fn union<'a>(
    resource: &'a Resource,
    lists: &[&'a List],
    conjunct: &Condition,
    limits: Limits,
) -> Result<Option<(Source<'a>, Width)>, Fault> {
    let Condition::Or(or) = conjunct else { return Ok(None) };
    let (mut sides, mut width) = (Vec::new(), Width::One);
    for (_, side) in or.iter().enumerate().filter(|(at, side)| !or[..*at].contains(side)) {
        let conjuncts = side.conjuncts();
        let mut ids = conjuncts.iter().filter_map(|conjunct| key_in(resource, conjunct));
        let key = ids.find_map(|id| by_key(resource, &id).transpose()).transpose()?;
        match key {
            Some(Source::Nothing) => {}
            Some(key) => sides.push(key),
            None if lists.is_empty() => return Ok(None),
            None => {
                for way in several::ways(resource, lists, side) {
                    let Some(narrowed) = way.width() else { return Ok(None) };
                    width = width.max(narrowed);
                    sides.push(way);
                }
            }
        }
    }
    let few = sides.len() <= SIDES.min(limits.calls);
    Ok(few.then(|| (Source::Union(Union { sides, serves: conjunct.to_string(), stream: false }), width)))
}

impl Source<'_> {
    /// Whether nothing of this part of the filter is left to be checked for its rows.
    #[must_use]
    pub fn is_served(&self, conjunct: &Condition) -> bool {
        match self {
            Self::List(list, by) => {
                self.own().is_none() && several::left(list, conjunct).is_none_or(|left| left == Condition::Always)
                    || by.as_ref().and_then(|by| by.serves(&conjunct.to_string())) == Some(true)
            }
            _ => true,
        }
    }

    /// Whether the rows of a list are those that fulfil this, and no others.
    pub(super) fn is_exact(&self, condition: &Condition) -> bool {
        let Self::List(list, by) = self else { return false };
        // what a call of a rule's own finds may be in any list
        let told = self.own().is_none();
        let left = several::left(list, condition).filter(|_| told).unwrap_or_else(|| condition.clone());
        match by {
            None => left == Condition::Always,
            Some(by) => by.is_exact(&left),
        }
    }
}

impl By<'_> {
    /// Whether a conjunct is asked exactly; none where it is not asked.
    #[must_use]
    pub fn serves(&self, conjunct: &str) -> Option<bool> {
        match self {
            Self::Rule(narrowed) => (narrowed.serves == conjunct).then_some(narrowed.rule.exactly),
            Self::Language(asked) => asked.serves(conjunct),
        }
    }

    /// Whether the app answers this exactly.
    #[must_use]
    pub fn is_exact(&self, condition: &Condition) -> bool {
        match self {
            // A rule serves one term of an item; the others are checked here.
            Self::Rule(narrowed) => narrowed.rule.exactly && matches!(condition, Condition::Compare { .. }),
            Self::Language(asked) => asked.is_exact(),
        }
    }

    /// What promised to be exact.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Rule(narrowed) => &narrowed.rule.text,
            Self::Language(asked) => &asked.language,
        }
    }

    /// What of the filter it serves, in SCIM's words.
    #[must_use]
    pub fn served(&self) -> String {
        match self {
            Self::Rule(narrowed) => narrowed.serves.clone(),
            Self::Language(asked) => {
                let said = asked.served.iter().filter(|(_, how)| how.is_some()).map(|(text, _)| text.as_str());
                said.collect::<Vec<_>>().join(" and ")
            }
        }
    }
}

/// `id eq "x"`, or the same of an attribute that stands where the id stands: it tells letters apart as the id does, or the
/// app folds them, so that only the folded spelling can be an id.
pub(crate) fn key_in(resource: &Resource, conjunct: &Condition) -> Option<String> {
    let Condition::Compare { target, op: CompareOp::Equal, value: Literal::Text(text) } = conjunct else { return None };
    if is_id(target) {
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

/// The names of pages, so that a call can be tried.
fn first_page<'s>() -> Scope<'s> {
    ["size", "page", "offset"].into_iter().fold(Scope::default(), |s, name| s.with(name, Value::from(1)))
}

/// The rule for this part of a filter, if it is one for it.
pub(crate) fn narrowed<'a>(resource: &Resource, rule: &'a FilterRule, conjunct: &Condition) -> Option<Narrowed<'a>> {
    let value = match is_id(&rule.target) {
        true if rule.op == CompareOp::Equal => resource.id.codec.write(&Value::String(key_in(resource, conjunct)?))?,
        true => return None,
        false => word(resource, rule, conjunct)?,
    };
    // A value that no query can hold, such as one with a tab, is looked for here.
    if matches!(fill(&rule.call, &first_page().lend("value", &value)), Err(Fault::Refused(_))) {
        return None;
    }
    Some(Narrowed { rule, value, serves: conjunct.to_string() })
}

/// The app's own word for what a comparison asks that this rule is for.
fn word(resource: &Resource, rule: &FilterRule, conjunct: &Condition) -> Option<Value> {
    let (target, op, value) = comparison(conjunct)?;
    if !target.compares_as(&rule.target) || op != rule.op {
        return None;
    }
    let line = resource.line(&rule.target)?;
    let value = literal(value);
    match &rule.literal {
        Some(fixed) if *fixed != value => None,
        _ => stored(line, &rule.target, &value),
    }
}

fn is_id(target: &Target) -> bool {
    target.extension.is_none() && target.attribute.name == "id"
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
        LineSource::Slots(slots) => {
            match slots.iter().filter_map(|slot| slot.field(sub)).collect::<Vec<_>>().as_slice() {
                [only] => &only.codec,
                several => several.iter().all(|s| matches!(s.codec, Codec::Plain)).then_some(&Codec::Plain)?,
            }
        }
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

fn literal(value: &Literal) -> Value {
    match value {
        Literal::Boolean(b) => Value::Bool(*b),
        Literal::Number(n) => Value::Number(n.clone()),
        Literal::Text(text) | Literal::Instant { text, .. } => Value::String(text.clone()),
    }
}
