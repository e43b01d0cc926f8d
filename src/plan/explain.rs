//! The text form of a plan: what a request would lead to, with all its values, and why. It is made of the very plans that
//! the gateway carries out, so it cannot say anything else; what depends on the app's state is named as that.

mod look;
mod query;
mod write;

use std::fmt;

use http::Method;
use serde_json::{Value, json};

use crate::{
    mapping::{Mapping, Records, Resource, sql::KeyKind},
    scim::{
        projection::Projection,
        request::{self, Operation, Request, Unread},
        schema::ResourceType,
    },
};

use super::{
    Context, Fault, Limits,
    call::{Bind, Call, Expect},
    change::Ask,
    query::Position,
    read::{self, Needs, PartRead},
    sql,
};

/// Why a request has no plan.
#[derive(Debug)]
pub enum Unplanned {
    /// It is none.
    Unread(Unread),
    /// There is no plan.
    Fault(Fault),
}

impl From<Unread> for Unplanned {
    fn from(unread: Unread) -> Self {
        Self::Unread(unread)
    }
}

impl From<Fault> for Unplanned {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// A plan in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    title: String,
    /// Within which look-ups are planned.
    limits: Limits,
    lines: Vec<Line>,
    statements: usize,
    /// Whether an id that is not known stands for several.
    several: bool,
}

/// One line: what kind, what, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    label: String,
    text: String,
    note: String,
}

/// Explains a request; `path` is below the base path. There is one plan, but for `GET /`, which asks every type.
///
/// # Errors
/// Why there is no plan.
pub fn explain(
    mapping: &Mapping,
    method: &Method,
    path: &str,
    query: Option<&str>,
    body: &[u8],
    context: &Context<'_>,
) -> Result<Vec<Explained>, Unplanned> {
    let types: Vec<ResourceType> = mapping.resources.iter().map(|r| r.kind.clone()).collect();
    let of = |at: usize| mapping.resources.get(at).ok_or(Unread::NoEndpoint);
    match request::read(method, path, query, body, &types, &context.profile)? {
        Request::Resource(at, operation, projection, _) => Ok(vec![one(of(at)?, operation, projection, context)?]),
        Request::Root(queries) => {
            let mut plans: Vec<Explained> = Vec::new();
            for (at, query, projection) in queries {
                let mut said = query::explain(of(at)?, query, projection, context)?;
                if !plans.is_empty() {
                    said.noted(
                        "page",
                        "decided after the types before",
                        "it begins where they end and is what they leave",
                    );
                }
                plans.push(said);
            }
            Ok(plans)
        }
        Request::Bulk(bulk) => {
            let mut said = Explained::new("bulk".to_owned(), context.limits);
            said.noted("order", &format!("{} operations", bulk.operations.len()), "each after those it refers to");
            said.add("plans", "each has that of the request it holds");
            Ok(vec![said])
        }
        Request::ServiceProviderConfig | Request::ResourceTypes(_) | Request::Schemas(_) => {
            let mut said = Explained::new("discovery".to_owned(), context.limits);
            said.add("answer", "from the mapping alone");
            said.add("cost", "nothing");
            Ok(vec![said])
        }
    }
}

fn one(
    resource: &Resource,
    mut operation: Operation,
    projection: Projection,
    context: &Context<'_>,
) -> Result<Explained, Fault> {
    for (target, how) in resource.hashed() {
        operation.values_mut(target).into_iter().for_each(|value| *value = format!("({how})").into());
    }
    match operation {
        Operation::Read { id } => {
            let mut said = Explained::new(format!("read {} {}", resource.kind.name, quoted(&id)), context.limits);
            let cost = said.record(resource, &id, &projection)?;
            said.add("cost", &cost.words(resource));
            Ok(said)
        }
        Operation::Query(asked) => query::explain(resource, asked, projection, context),
        Operation::Create { resource: sent } => write::create(resource, &sent, &projection, context),
        Operation::Replace { id, changes } => {
            write::change(resource, &id, Ask::Replace(&changes), true, &projection, context)
        }
        Operation::Patch { id, patch, wants_answer } => {
            let shown = super::change::shows(resource, wants_answer);
            write::change(resource, &id, Ask::Patch(&patch), shown, &projection, context)
        }
        Operation::Delete { id } => write::delete(resource, &id, context),
    }
}

/// What calls a plan takes: so many, and these besides.
#[derive(Debug, Default)]
struct Cost {
    calls: usize,
    /// Calls of which each is for as many records.
    batches: Vec<usize>,
    besides: Vec<String>,
}

impl Cost {
    /// Both.
    fn and(mut self, more: Self) -> Self {
        self.calls += more.calls;
        self.batches.extend(more.batches);
        self.besides.extend(more.besides);
        self
    }

    fn words(&self, resource: &Resource) -> String {
        format!("{}{}", counted(resource, self.calls + self.batches.len()), self.more())
    }

    /// The same for each of many: `row shown`, `rows shown`.
    fn for_each(&self, row: &str, rows: &str) -> Vec<String> {
        let with = |calls: usize, more: &str| match more {
            "" => calls.to_string(),
            more => format!("({calls}{more})"),
        };
        let more = self.more();
        let of_batch = if self.calls > 0 { "" } else { more.as_str() };
        let each = (self.calls > 0).then(|| format!("{} for each {row}", with(self.calls, &more)));
        let many = self.batches.iter().map(|most| format!("{} for each {most} {rows}", with(1, of_batch)));
        each.into_iter().chain(many).collect()
    }

    /// Queries for what another one may have already.
    fn look_up(&mut self, queries: usize) {
        match queries {
            0 => {}
            1 => self.besides.push("a look-up".to_owned()),
            n => self.besides.push(format!("{n} look-ups")),
        }
    }

    fn more(&self) -> String {
        self.besides.iter().map(|more| format!(" + {more}")).collect()
    }
}

/// `2 calls`
fn counted(resource: &Resource, calls: usize) -> String {
    let noun = match (&resource.records, calls) {
        (Records::Rest(_), 1) => "call",
        (Records::Rest(_), _) => "calls",
        (Records::Sql(_), 1) => "statement",
        (Records::Sql(_), _) => "statements in one transaction",
    };
    format!("{calls} {noun}")
}

impl Explained {
    fn new(title: String, limits: Limits) -> Self {
        Self { title, limits, lines: Vec::new(), statements: 0, several: false }
    }

    fn add(&mut self, label: &str, text: &str) {
        self.noted(label, text, "");
    }

    fn noted(&mut self, label: &str, text: &str, note: &str) {
        self.lines.push(Line { label: label.to_owned(), text: text.to_owned(), note: note.to_owned() });
    }

    /// A call, or a statement with its values on a line of their own.
    fn call(&mut self, call: &Call, note: &str) {
        match call {
            Call::Http(_) => self.noted("call", &call.to_string().replace(PLACE_ENCODED, PLACE), note),
            Call::Sql(statement) => {
                self.statements += 1;
                let label = format!("sql {}", self.statements);
                self.noted(&label, &statement.sql, note);
                if !statement.binds.is_empty() {
                    let binds: Vec<String> = statement.binds.iter().map(|b| bound(b, self.several)).collect();
                    self.add("bind", &binds.join(", "));
                }
                match &statement.expect {
                    Expect::Any => {}
                    Expect::Some(class) => self.noted("needs", "a row", &format!("else {}", class.word())),
                    Expect::One(class) => self.noted("needs", "one row", &format!("else {}", class.word())),
                    Expect::Turn => self.noted("needs", "its turn", "else busy"),
                    Expect::None(class, why) => self.noted("needs", "no row", &format!("else {}: {why}", class.word())),
                }
            }
        }
    }

    /// The read of a record with its parts, as the answer holds them.
    fn record(&mut self, resource: &Resource, id: &str, projection: &Projection) -> Result<Cost, Fault> {
        let cost = self.by_id(resource, id, "")?;
        Ok(cost.and(self.parts(resource, id, &Needs::one(resource, projection))?))
    }

    /// The reads of what hangs under one record.
    fn parts(&mut self, resource: &Resource, id: &str, needs: &Needs<'_>) -> Result<Cost, Fault> {
        let mut cost = Cost::default();
        for part in read::parts(resource, needs, &[keyed(resource, id)]) {
            if let PartRead::Derived(derived) = part {
                cost = cost.and(self.derived(derived, id)?);
                continue;
            }
            let batch = match &part {
                PartRead::Some { part, .. } => part.batch.as_ref(),
                _ => None,
            };
            match batch {
                Some(batch) => cost.batches.push(batch.most),
                None => cost.calls += 1,
            }
            match part {
                PartRead::Derived(_) => {}
                PartRead::All(read) => self.call(&Call::Sql(read.statement.clone()), ""),
                PartRead::Some { part, of } => {
                    let pages = part.pages.as_ref().map(|p| p.max);
                    let note = if pages.is_some() { ", page by page until one is empty" } else { "" };
                    let many = batch.map(|batch| format!(", for {} records at once", batch.most)).unwrap_or_default();
                    self.call(
                        &read::part_call(part, &of, &Position::default())?,
                        &format!("the part `{}`{many}{note}", part.name),
                    );
                    cost.besides.extend(pages.map(|max| format!("⌈M/{max}⌉ for M `{}`", part.name)));
                }
            }
        }
        Ok(cost)
    }

    /// The plan for programs.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let line = |line: &Line| json!({ "kind": line.label, "text": line.text, "note": line.note });
        json!({ "plan": self.title, "lines": self.lines.iter().map(line).collect::<Vec<_>>() })
    }
}

/// Notes stand under each other, but for those behind texts too long for that.
impl fmt::Display for Explained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const WIDEST: usize = 50;
        let width = |line: &Line| line.text.chars().count();
        let noted = self.lines.iter().filter(|l| !l.note.is_empty());
        let column = noted.map(width).filter(|w| *w <= WIDEST).max().unwrap_or(0);
        f.write_str(&self.title)?;
        for line in &self.lines {
            let blanks = if line.note.is_empty() { 0 } else { column.saturating_sub(width(line)) + 2 };
            write!(f, "\n  {:<9} {}{:blanks$}{}", line.label, line.text, "", line.note)?;
        }
        Ok(())
    }
}

/// What stands for an id that is not known yet.
const PLACE: &str = "{id}";
/// The same in a URL.
const PLACE_ENCODED: &str = "%7Bid%7D";
/// The same where ids are whole numbers; nobody's id.
const PLACE_NUMBER: i64 = i64::MIN + 1;

fn bound(bind: &Bind, several: bool) -> String {
    match bind {
        Bind::Integer(PLACE_NUMBER) => PLACE.to_owned(),
        Bind::Text(text) if text == PLACE => PLACE.to_owned(),
        Bind::Set(values) => match values.as_slice() {
            [one] if one.as_i64() == Some(PLACE_NUMBER) || one.as_str() == Some(PLACE) => {
                if several {
                    format!("[{PLACE}, …]")
                } else {
                    format!("[{PLACE}]")
                }
            }
            _ => bind.to_string(),
        },
        _ => bind.to_string(),
    }
}

/// An id of this type that stands for one that is not known yet.
fn unknown(resource: &Resource) -> String {
    match &resource.records {
        Records::Sql(records) if records.key.kind == KeyKind::Integer => PLACE_NUMBER.to_string(),
        _ => PLACE.to_owned(),
    }
}

/// As much of a record as the calls for its parts need.
fn keyed(resource: &Resource, id: &str) -> Value {
    let text = Value::from(id);
    let mut record = json!({});
    match &resource.records {
        Records::Rest(_) => {
            let stored = resource.id.codec.write(&text).unwrap_or(text);
            resource.id.at.set(&mut record, stored);
        }
        Records::Sql(records) => {
            if let (Some(key), Value::Object(record)) = (sql::key(resource, records, id), &mut record) {
                record.insert(records.key.column.0.clone(), key);
            }
        }
    }
    record
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}
