//! Statements of the app's own, with the values that they name. What the mapping wrote is sent as it is; a value is bound
//! where a name stands, in the form of its column.
//!
//! They know nothing of a table's fixed conditions, so the gateway asks for these itself: before, that the record is there and
//! of this client; after, that it still is, or is gone.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::{
    mapping::{
        Resource,
        catalog::datetime,
        cell,
        line::Line,
        own::{Name, OwnStep, Part, Rows},
        rest::Becomes,
        sql::{Engine, Ident, SqlRecords},
        translate,
    },
    plan::{
        Context, Fault,
        call::{Bind, Expect, Reply, Statement},
        deal,
        step::{Act, Kept, Step},
    },
    scim::{
        self, Refusal, ScimType,
        change::{Change as Changed, To},
        schema::Target,
    },
};

use super::{
    Piece, referring,
    write::{self, Stamps},
};

/// What the names of one write's statements stand for.
#[derive(Debug, Default)]
pub struct Names {
    /// The record's key.
    pub id: Value,
    /// Its columns as they become.
    pub record: Value,
    /// Its columns as they are.
    pub before: Value,
    /// The time of the request.
    pub now: Timestamp,
    /// The client's name.
    pub client: String,
}

impl Names {
    /// Of one write.
    #[must_use]
    pub fn new(id: Value, record: Value, before: Value, stamps: &Stamps<'_>) -> Arc<Self> {
        Arc::new(Self { id, record, before, now: stamps.now, client: stamps.client.to_owned() })
    }
}

/// One of them, as a step of a write.
#[derive(Debug, Clone)]
pub struct OwnCall<'a> {
    records: &'a SqlRecords,
    step: &'a OwnStep,
    names: Arc<Names>,
}

/// One for each member that a statement finds, or for all of them at once.
#[derive(Debug, Clone)]
pub struct ForEach<'a> {
    /// Finds whom it is about.
    pub which: Statement,
    call: OwnCall<'a>,
}

impl<'a> OwnCall<'a> {
    pub(super) fn new(records: &'a SqlRecords, step: &'a OwnStep, names: &Arc<Names>) -> Self {
        Self { records, step, names: names.clone() }
    }

    /// The statement, from what the steps before it kept.
    #[must_use]
    pub fn statement(&self, kept: &Kept) -> Statement {
        self.bound(kept, &[])
    }

    /// The statement with names in the place of what is not kept yet.
    #[must_use]
    pub fn shown(&self) -> Statement {
        let names = self.step.sql.names();
        let kept = names.filter_map(|name| match name {
            Name::Kept(name) => Some((name.clone(), Value::from(format!("{{{name}}}")))),
            _ => None,
        });
        self.statement(&kept.collect::<Vec<_>>())
    }

    fn bound(&self, kept: &Kept, values: &[Value]) -> Statement {
        let engine = self.records.engine;
        let piece = self.step.sql.parts.iter().fold(Piece::default(), |piece, part| match part {
            Part::Text(text) => piece.then(text),
            Part::Name(name) => piece.bind(self.bind(name, kept, values)),
        });
        let expect = match self.step.expect {
            Rows::One => Expect::One(self.step.or_else),
            Rows::Some => Expect::Some(self.step.or_else),
            Rows::Any => Expect::Any,
        };
        piece.expect(engine, expect)
    }

    fn bind(&self, name: &Name, kept: &Kept, values: &[Value]) -> Bind {
        let (engine, names) = (self.records.engine, &self.names);
        match name {
            Name::Id => engine.value(&names.id),
            Name::Value => values.first().map_or(Bind::Null, |value| engine.value(value)),
            Name::Values => Bind::Set(values.to_vec()),
            Name::Now if engine == Engine::MariaDb => Bind::Text(datetime(names.now)),
            Name::Now => Bind::Text(names.now.to_string()),
            Name::Client => Bind::Text(names.client.clone()),
            Name::Tenant(name) => Bind::Tenant { name: name.clone(), printed: false },
            Name::Record(path) => self.column(&names.record, path),
            Name::Before(path) => self.column(&names.before, path),
            Name::Kept(name) => {
                kept.iter().find(|(known, _)| known == name).map_or(Bind::Null, |(_, value)| engine.value(value))
            }
        }
    }

    /// A column in the form that the database takes.
    fn column(&self, record: &Value, path: &[String]) -> Bind {
        let (records, engine) = (self.records, self.records.engine);
        let value = path.iter().try_fold(record, |value, key| value.get(key)).unwrap_or(&Value::Null);
        let stored = match path {
            [column] => {
                let column = Ident(column.clone());
                let of = |table: &Ident| records.catalog.column(table, &column);
                records.table.as_ref().and_then(of).or_else(|| of(&records.rows.name))
            }
            _ => None,
        };
        engine.value(&stored.map_or_else(|| value.clone(), |stored| stored.form(engine, value)))
    }

    /// What its reply keeps for later steps.
    ///
    /// # Errors
    /// It does not tell it.
    pub fn kept(&self, reply: &Reply) -> Result<Vec<(String, Value)>, Fault> {
        let keep = |(name, column): &(String, String)| {
            let found = reply.first_row().and_then(|row| row.get(column)).filter(|value| !value.is_null());
            let found = found.cloned().ok_or_else(|| {
                Fault::Unmade(format!("a statement of the app's own gives no `{column}`, which `{name}` is to be"))
            })?;
            Ok((name.clone(), found))
        };
        self.step.keep.iter().map(keep).collect()
    }
}

impl<'a> ForEach<'a> {
    pub(super) fn new(which: Statement, call: OwnCall<'a>) -> Self {
        Self { which, call }
    }

    /// The statements for those who were found.
    #[must_use]
    pub fn statements(&self, found: &Reply) -> Vec<Statement> {
        let first = |row: &Value| row.as_object().and_then(|row| row.values().next()).cloned();
        let values: Vec<Value> = found.rows().iter().filter_map(first).collect();
        match self.call.step.takes_several() {
            _ if values.is_empty() => Vec::new(),
            true => vec![self.call.bound(&[], &values)],
            false => values.chunks(1).map(|one| self.call.bound(&[], one)).collect(),
        }
    }

    /// The statement with a name in the member's place.
    #[must_use]
    pub fn shown(&self) -> Statement {
        self.call.bound(&[], &[Value::from("{value}")])
    }
}

/// Statements as steps.
pub fn steps<'a>(records: &'a SqlRecords, own: &'a [OwnStep], names: &Arc<Names>) -> impl Iterator<Item = Step<'a>> {
    own.iter().map(move |step| Step::sql(Act::Own(OwnCall::new(records, step, names))))
}

/// What statements that make a record leave to others: columns that they do not name.
///
/// # Errors
/// A value that cannot be written.
pub fn rest<'a>(
    resource: &'a Resource,
    records: &'a SqlRecords,
    key: &Value,
    sent: &Map<String, Value>,
    made: &Value,
    context: &Context<'_>,
) -> Result<Vec<Step<'a>>, Fault> {
    if records.own.create.is_empty() {
        return Ok(Vec::new());
    }
    let left = |line: &&Line| {
        let columns = columns_of(records, line);
        line.create && !columns.is_empty() && !records.own.makes(&columns)
    };
    let left = resource.lines.iter().filter(left);
    let changes: Vec<Changed> = left
        .filter_map(|line| Some((line, scim::resource::get(sent, &line.target)?)))
        .map(|(line, value)| Changed { target: line.target.clone(), to: To::Value(value.clone()) })
        .collect();
    let stamps = Stamps { now: context.now, client: context.client };
    let names = Names::new(key.clone(), made.clone(), Value::Null, &stamps);
    let (rules, left) = dealt(resource, records, &changes, None);
    taken(resource, records, &left)?;
    let mut all: Vec<Step<'a>> = rules.into_iter().flat_map(|own| steps(records, own, &names)).collect();
    if !left.is_empty() {
        let lenient = context.profile.ignore_unmapped;
        let mut changed = translate::changed(resource, left, None, lenient)?;
        cell::close(&records.cells, &mut changed, None)?;
        referring::keys(records, &mut changed)?;
        all.push(Step::statement(write::update(resource, records, key, &changed, &stamps)));
    }
    Ok(all)
}

/// The rules that take these changes, and the changes that none takes.
pub(super) fn dealt<'a, 'c>(
    resource: &Resource,
    records: &'a SqlRecords,
    changes: &'c [Changed],
    before: Option<&Map<String, Value>>,
) -> (Vec<&'a [OwnStep]>, Vec<&'c Changed>) {
    let mut left: Vec<&Changed> = changes.iter().collect();
    let mut steps = Vec::new();
    for rule in &records.own.update {
        let met = |(target, becomes): &(Target, Becomes)| {
            left.iter().any(|c| target.is(&c.target) && deal::fits(becomes, c, before))
        };
        if !rule.when.iter().all(met) {
            continue;
        }
        let (mine, others): (Vec<&Changed>, Vec<&Changed>) = left.iter().partition(|change| {
            let columns = resource.line(&change.target).map(|line| columns_of(records, line)).unwrap_or_default();
            !columns.is_empty() && rule.may_take(&change.target, &columns)
        });
        if !mine.is_empty() {
            steps.push(rule.steps.as_slice());
            left = others;
        }
    }
    (steps, left)
}

/// The columns of the base row that a line stands in.
fn columns_of<'l>(records: &SqlRecords, line: &'l Line) -> Vec<&'l str> {
    line.columns(&records.beside, &records.cells)
}

/// What no rule takes there must be a table for.
///
/// # Errors
/// There is none.
pub(super) fn taken(resource: &Resource, records: &SqlRecords, left: &[&Changed]) -> Result<(), Fault> {
    let nowhere = |change: &&&Changed| {
        records.table.is_none()
            && resource.line(&change.target).is_some_and(|line| !columns_of(records, line).is_empty())
    };
    match left.iter().find(nowhere) {
        Some(change) => {
            let detail = format!("the app has no way to change `{}` like this", change.target);
            Err(Refusal::new(ScimType::Mutability, detail).into())
        }
        None => Ok(()),
    }
}

/// Every statement of a type, for the check at start.
#[must_use]
pub fn all(records: &SqlRecords) -> Vec<Statement> {
    let own = &records.own;
    let rules = own.update.iter().flat_map(|rule| &rule.steps);
    let members = records.members.iter().filter_map(|junction| junction.own.as_ref());
    let members = members.flat_map(|own| [&own.add, &own.remove]);
    let names = Arc::new(Names::default());
    let statement = |step| OwnCall::new(records, step, &names).statement(&[]);
    own.create.iter().chain(rules).chain(&own.delete).chain(members).map(statement).collect()
}
