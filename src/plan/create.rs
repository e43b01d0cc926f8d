//! Making a record: the call that makes it, and what follows once its id is known. What the call does not take goes
//! through the change rules afterwards.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::{
    mapping::{
        Records, Resource, cell,
        line::{Default, Source},
        relation::{Joining, Relation},
        rest,
        term::Scope,
        translate,
    },
    scim::{
        change::{Change, To},
        resource,
        schema::Target,
    },
};

use super::{
    Context, Fault,
    call::{Reply, Statement},
    deal::deal,
    joining, members, scope,
    sql::{
        beside, guard,
        members::members_add,
        own::{self, Names},
        referring,
        write::{self, Stamps},
    },
    step::{Elsewhere, Kept, Step},
};

/// A plan for a POST.
#[derive(Debug)]
pub struct Create<'a> {
    /// The resource type.
    pub resource: &'a Resource,
    /// The steps that make the record; the last one's reply tells it.
    pub first: Vec<Step<'a>>,
    sent: &'a Map<String, Value>,
    made: Value,
}

/// Whether the call that makes a record takes this attribute: what is kept in other records it cannot.
fn takes(resource: &Resource, create: &rest::Create, target: &Target) -> bool {
    create.takes(target) && !resource.line(target).is_some_and(|line| matches!(line.value, Source::From { .. }))
}

/// What is known of a record just made.
#[derive(Debug, Clone, PartialEq)]
pub struct Made {
    /// Its id.
    pub id: String,
    /// The record, where the reply held it.
    pub record: Option<Value>,
    /// Whether it was found by its name, and no reply told that it was made: it may be another's.
    pub found: bool,
}

/// What was sent, and the defaults of what was not.
///
/// # Errors
/// [`Fault::Unmade`] where the system has no random numbers.
pub fn with_defaults<'s>(
    resource: &Resource,
    sent: &'s Map<String, Value>,
    context: &Context<'_>,
) -> Result<Cow<'s, Map<String, Value>>, Fault> {
    let mut all = Cow::Borrowed(sent);
    for line in resource.lines.iter().filter(|line| resource::get(sent, &line.target).is_none()) {
        let value = match &line.default {
            None => continue,
            Some(Default::Is(value)) => value.clone(),
            Some(Default::Random(letters)) => (context.random)(*letters)
                .map(Value::String)
                .ok_or_else(|| Fault::Unmade("the system gives no random numbers".to_owned()))?,
        };
        resource::set(all.to_mut(), &line.target, value);
    }
    Ok(all)
}

/// Plans a POST, of what was sent [`with_defaults`].
///
/// # Errors
/// A value that the app cannot take, or [`Fault::NotOffered`].
pub fn plan<'a>(
    resource: &'a Resource,
    sent: &'a Map<String, Value>,
    context: &Context<'_>,
) -> Result<Create<'a>, Fault> {
    let lenient = context.profile.ignore_unmapped;
    let (first, made) = match &resource.records {
        Records::Rest(records) => {
            let Some(create) = &records.create else {
                return Err(Fault::NotOffered(format!("the app cannot make a {}", resource.kind.name)));
            };
            let mut record =
                translate::record(resource, sent, &create.start, |target| takes(resource, create, target), lenient)?;
            cell::join(&records.cells, &mut record)?;
            scope::stays(resource, &record)?;
            let names = Scope::default().with("record", record.clone()).with_random(context.random);
            let does = if create.ahead.is_empty() { "" } else { "the making" };
            (Step::sequence(&create.ahead, &create.call, &names, does)?, record)
        }
        Records::Sql(records) => {
            if records.table.is_none() && records.own.create.is_empty() {
                return Err(Fault::NotOffered(format!("the app cannot make a {}", resource.kind.name)));
            }
            let mut record = translate::record(resource, sent, &Value::Null, |_| true, lenient)?;
            cell::close(&records.cells, &mut record, None)?;
            let named = referring::keys(records, &mut record)?;
            super::sql::check_values(records, &record)?;
            let stamps = Stamps { now: context.now, client: context.client };
            let named = named.into_iter().map(Step::statement);
            let first = match records.own.create.as_slice() {
                [] => named
                    .chain(write::insert(resource, records, &record, &stamps).into_iter().map(Step::statement))
                    .collect(),
                own => {
                    let names = Names::new(Value::Null, record.clone(), Value::Null, &stamps);
                    named.chain(own::steps(records, own, &names)).collect()
                }
            };
            (first, record)
        }
    };
    Ok(Create { resource, first, sent, made })
}

impl<'a> Create<'a> {
    /// Whether the reply holds the record, by the mapping's word.
    #[must_use]
    pub fn tells_record(&self) -> bool {
        match &self.resource.records {
            Records::Rest(records) => records.create.as_ref().is_some_and(|c| c.call.record.is_some()),
            Records::Sql(_) => false,
        }
    }

    /// What took effect once it is made, for the error of what follows; a transaction takes everything back.
    #[must_use]
    pub fn done(&self) -> Vec<String> {
        match self.resource.records {
            Records::Rest(_) => vec![format!("the {} was made", self.resource.kind.name)],
            Records::Sql(_) => Vec::new(),
        }
    }

    /// Whether it is looked for who was made, where the answer is lost.
    #[must_use]
    pub fn probes(&self) -> bool {
        match &self.resource.records {
            Records::Rest(records) => records.create.as_ref().is_some_and(|create| create.call.probe),
            Records::Sql(_) => false,
        }
    }

    /// How many calls it takes at least, so that nothing is begun that cannot be finished.
    #[must_use]
    pub fn calls(&self) -> usize {
        let first = self.first.len();
        let Records::Rest(records) = &self.resource.records else { return first };
        let sent = |target: &Target| resource::get(self.sent, target).and_then(Value::as_array).map_or(0, Vec::len);
        let by_calls = |relation: &Relation| sent(&relation.target).div_ceil(relation.add_batch.max(1));
        let derived = records.derived.iter().map(|derived| sent(&derived.target) * joining::calls(derived));
        first + records.members.as_ref().map_or(0, by_calls) + derived.sum::<usize>()
    }

    /// What the reply tells of the record.
    ///
    /// # Errors
    /// A reply that tells neither the record nor its id.
    pub fn made(&self, reply: &Reply, kept: &Kept) -> Result<Made, Fault> {
        match &self.resource.records {
            Records::Rest(records) => {
                let call = records.create.as_ref().map(|c| &c.call);
                if let Some(record) =
                    call.and_then(|c| c.record.as_ref()).and_then(|at| at.one(&reply.body)).filter(|r| !r.is_null())
                {
                    return Ok(Made {
                        id: translate::id(self.resource, record)?,
                        record: Some(record.clone()),
                        found: false,
                    });
                }
                let at = call.and_then(|c| c.id.as_ref());
                let found = at.and_then(|at| at.find(&reply.body, &reply.headers));
                let stored = found.map(|id| self.resource.id.codec.read(&id)).transpose()?.flatten();
                match stored {
                    Some(Value::String(id)) if !id.is_empty() => Ok(Made { id, record: None, found: false }),
                    Some(Value::Number(id)) => Ok(Made { id: id.to_string(), record: None, found: false }),
                    _ => Err(Fault::Unmade(
                        "the app's reply does not tell the new record where the mapping says".to_owned(),
                    )),
                }
            }
            Records::Sql(records) => {
                let column = records.key.column.0.as_str();
                let told = kept.iter().find(|(name, _)| name == "id").map(|(_, id)| id);
                let row = reply.first_row();
                let sole = || row.filter(|row| row.len() == 1).and_then(|row| row.values().next());
                // last what a client gives as the key
                let key = told.or_else(|| row.and_then(|row| row.get(column))).or_else(sole).or(self.made.get(column));
                let id = match key {
                    Some(Value::String(key)) => key.clone(),
                    Some(Value::Number(key)) => key.to_string(),
                    _ => return Err(Fault::Unmade("what makes a record gave no key".to_owned())),
                };
                Ok(Made { id, record: None, found: false })
            }
        }
    }

    /// What follows: the attributes that the first call did not take, and the lists.
    ///
    /// # Errors
    /// A value that the app cannot take.
    pub fn rest(&self, made: &Made, context: &Context<'_>) -> Result<Vec<Step<'a>>, Fault> {
        match &self.resource.records {
            Records::Rest(records) => {
                let Some(create) = &records.create else { return Ok(Vec::new()) };
                let left: Vec<Change> = self
                    .resource
                    .lines
                    .iter()
                    .filter(|l| l.create && !takes(self.resource, create, &l.target))
                    .filter_map(|l| Some((l, resource::get(self.sent, &l.target)?)))
                    .map(|(l, value)| {
                        let to = match (l.relates(), value) {
                            (true, Value::Array(items)) => To::Delta { add: items.clone(), remove: Vec::new() },
                            _ => To::Value(value.clone()),
                        };
                        Change { target: l.target.clone(), to }
                    })
                    .collect();
                deal(self.resource, records, &made.id, &left, None, context.profile.ignore_unmapped)
            }
            Records::Sql(records) => {
                let key = super::sql::key(self.resource, records, &made.id).ok_or(Fault::Absent)?;
                let stamps = Stamps { now: context.now, client: context.client };
                let items = |name: &str| self.made.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
                let mut steps = own::rest(self.resource, records, &key, self.sent, &self.made, context)?;
                let mut statements: Vec<Statement> = Vec::new();
                for table in &records.beside {
                    if let Some(row) = self.made.get(&table.name) {
                        statements.extend(beside::write(records, table, &key, row, &stamps));
                    }
                }
                for child in &records.children {
                    statements.extend(write::children_insert(
                        records,
                        self.resource,
                        child,
                        &key,
                        &items(&child.name),
                        &stamps,
                    ));
                }
                steps.extend(statements.into_iter().map(Step::statement));
                if let Some(junction) = records.members.first() {
                    let ids: Vec<String> = items(&junction.name)
                        .iter()
                        .filter_map(|i| i.get("value")?.as_str().map(str::to_owned))
                        .collect();
                    if !ids.is_empty() {
                        steps.extend(members_add(records, &key, &ids, &stamps));
                    }
                }
                steps.extend(guard::after(self.resource, records, &key).into_iter().map(Step::statement));
                Ok(steps)
            }
        }
    }

    /// The steps by which those leave again who joined by one of the others, as far as there is a way back: who had to leave
    /// another group for it cannot be sent back.
    #[must_use]
    pub fn leaving(&self, made: &Made, elsewhere: &Elsewhere<'a>, ids: &[String]) -> Option<Vec<Step<'a>>> {
        let Records::Rest(records) = &self.resource.records else { return None };
        if matches!(elsewhere.derived.writes, Some(Joining::Whole { moves: true })) {
            return None;
        }
        let stored = self.resource.id.codec.write(&Value::from(made.id.as_str()))?;
        let target = &elsewhere.derived.target;
        members::change(self.resource, records, (&made.id, &stored), target, Vec::new(), ids.to_vec(), false).ok()
    }

    /// The steps that take the record back, where a later one is refused; none where the app cannot delete it.
    #[must_use]
    pub fn undo(&self, made: &Made, context: &Context<'_>) -> Option<Vec<Step<'a>>> {
        let steps = super::change::delete(self.resource, &made.id, context).ok()?;
        Some(steps.into_iter().map(Step::gone).collect())
    }
}
