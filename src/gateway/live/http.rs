//! An HTTP app: whether it lets us in, and whether what the mapping says of reading is so. Lists, pages, totals, one record and
//! none are looked at, and each filter rule is asked with values that records have and with one that nobody has; what it finds is held
//! against a walk through the list. No value of a record is in what is said.

use std::{borrow::Cow, collections::BTreeSet, sync::Arc};

use serde_json::{Map, Value};

use crate::{
    backend::{Backend, Session},
    config::Tenant,
    diagnostic::{Diagnostic, Diagnostics, Severity},
    gateway::{Error, Gateway, Limits, detail::held, seal, walk::Walk},
    mapping::{
        Mapping, Records, Resource,
        answer::Class,
        line::Line,
        rest::{FilterRule, Get, List, RestRecords},
        translate,
    },
    plan::{
        Context, Fault,
        query::{self, By, Next, Position, Query, Source},
        read::{Needs, View},
    },
    scim::{condition::Condition, profile::Profile, projection::Projection, request},
};

use super::rules;

/// As many records are read in the place of rows that give less, and where rows give all there is.
const RECORDS: usize = 40;
const SAMPLES: usize = 3;

/// As many rows of a list are read, and no more calls made for it; an app in use is not to be worn out.
const ROWS: usize = 2_000;
const CALLS: usize = 40;

/// Looks at every resource type.
pub(super) async fn http(
    mapping: &Mapping,
    backend: Backend,
    limits: Limits,
    tenant: Option<Arc<Tenant>>,
) -> Diagnostics {
    let gateway = Gateway::new(mapping, backend, "", "https://scim.example.com", limits);
    let mut found = Diagnostics::default();
    for resource in &mapping.resources {
        let Records::Rest(records) = &resource.records else { continue };
        let mut look = Look { gateway: &gateway, resource, records, tenant: tenant.clone(), found: Vec::new() };
        let denied = look.all().await.is_none();
        found.extend(look.found);
        // the other types would be denied as well
        if denied {
            break;
        }
    }
    found
}

/// A look at one resource type.
pub(super) struct Look<'a> {
    pub(super) gateway: &'a Gateway,
    pub(super) resource: &'a Resource,
    pub(super) records: &'a RestRecords,
    tenant: Option<Arc<Tenant>>,
    found: Vec<Diagnostic>,
}

/// What a walk found.
#[derive(Default)]
pub(super) struct Rows {
    /// Every row as a resource, with whether it exists for SCIM.
    pub(super) all: Vec<(bool, Map<String, Value>)>,
    /// How many were on each page.
    pages: Vec<usize>,
    /// The total that the first page told.
    total: Option<usize>,
    /// The attributes that a row tells otherwise than its record.
    otherwise: BTreeSet<String>,
    /// Whether the list ended before the limits did.
    pub(super) whole: bool,
}

impl Rows {
    pub(super) fn id(resource: &Map<String, Value>) -> &str {
        resource.get("id").and_then(Value::as_str).unwrap_or_default()
    }
}

impl Look<'_> {
    /// All there is to see; nothing where the app does not let us in.
    async fn all(&mut self) -> Option<()> {
        let records = self.records;
        let mut lists = Vec::new();
        for list in &records.lists {
            let found = match self.query(Condition::Always) {
                Ok(query) => self.rows(&Query { source: Source::List(list, None), ..query }).await,
                Err(fault) => Err(fault.into()),
            };
            match found {
                Ok(rows) => lists.push((list, rows)),
                Err(error) => self.fails("list", &error)?,
            }
        }
        self.nobody().await?;
        for (list, rows) in &lists {
            self.pages(list, rows).await;
            self.told(rows);
            if let Some((_, first)) = rows.all.iter().find(|(exists, _)| *exists) {
                self.one(Rows::id(first)).await?;
            }
            for rule in &list.filters {
                rules::rule(self, rule, rows).await?;
            }
            rules::folds(self, rows);
        }
        Some(())
    }

    /// What rows tell otherwise than the record.
    fn told(&mut self, rows: &Rows) {
        if !rows.otherwise.is_empty() {
            let names = rows.otherwise.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            let message = format!("rows of the list tell {names} otherwise than `get`");
            self.says(
                "broken-promise",
                &message,
                "write `gives: [...]` with the attributes that rows tell as `get` does",
            );
        }
    }

    /// A query as a client would ask it.
    pub(super) fn query(&self, condition: Condition) -> Result<Query<'_>, Fault> {
        let asked = request::Query { condition, sort: None, start_index: 1, cursor: None, count: None };
        let context = Context {
            profile: Profile::STRICT,
            client: "check",
            tenant: self.tenant.as_ref(),
            now: jiff::Timestamp::now(),
            base: &self.gateway.base,
            limits: self.gateway.limits,
            random: self.gateway.random,
        };
        query::plan(self.resource, asked, Projection::parse(None, None, &self.resource.kind)?, &context)
    }

    /// Goes through the pages of a query, whose rows are not checked yet.
    pub(super) async fn rows(&self, query: &Query<'_>) -> Result<Rows, Error> {
        let mut session = self.gateway.backend.read().await?.of("check", self.tenant.clone());
        let looks = query.looks();
        let view = View { version: false, ..View::new(self.resource, &Needs { condition: None, ..Needs::ALL }) };
        let mut walk = Walk::of("check");
        let (mut rows, mut at) = (Rows::default(), Position::default());
        for _ in 0..CALLS {
            let Some((page, told, next)) = self.gateway.rows_at(&mut session, query, &at, &mut walk).await? else {
                rows.whole = true;
                break;
            };
            rows.total = rows.total.or(told);
            rows.pages.push(page.len());
            let next = query.next(&at, page.len(), page.last(), told, next)?;
            let mut page = self.records(&mut session, query, &at, page, &mut rows).await?;
            let cut = rows.all.len() + page.len() < rows.pages.iter().sum();
            self.gateway.parts(&mut session, self.resource, &looks, &mut page).await?;
            for row in page {
                let exists = self.resource.exists(&row);
                rows.all.push((exists, self.gateway.resource(&view, Cow::Owned(row))?));
            }
            if cut {
                break;
            }
            match next {
                Next::Go(position) if rows.all.len() < ROWS => at = *position,
                Next::Drift => return Err(Error::Drift),
                Next::End => {
                    rows.whole = true;
                    break;
                }
                Next::Go(_) | Next::Cut => break,
            }
        }
        Ok(rows)
    }

    /// The records of a page's rows, so many of them as may be read, and what the rows tell otherwise. Of rows that give all there
    /// is only the first are read as well.
    async fn records(
        &self,
        session: &mut Session,
        query: &Query<'_>,
        at: &Position,
        page: Vec<Value>,
        rows: &mut Rows,
    ) -> Result<Vec<Value>, Error> {
        let (Some(told), Get::Call(_)) = (query.told(at), &self.records.get) else { return Ok(page) };
        let most = match told.gives {
            Some(_) => RECORDS,
            None if query.condition == Condition::Always => SAMPLES,
            None => return Ok(page),
        };
        let some: Vec<Value> = page.iter().take(most.saturating_sub(rows.all.len())).cloned().collect();
        let ids = some.iter().map(|row| translate::id(self.resource, row)).collect::<Result<Vec<_>, _>>()?;
        let records = self.gateway.records(session, query, ids).await?;
        let in_record = |line: &&Line| !self.records.parts.iter().any(|part| line.reads_from(&part.name));
        let given = |line: &&Line| told.gives.is_none_or(|gives| gives.line(line));
        let lines: Vec<&Line> = self
            .resource
            .lines
            .iter()
            .filter(|l| !l.relates() && !l.volatile)
            .filter(in_record)
            .filter(given)
            .collect();
        for (row, record) in some.iter().zip(&records) {
            let Some(record) = record else { continue };
            for line in &lines {
                let read = |record: &Value| {
                    translate::resource(self.resource, &[*line], Cow::Borrowed(record), "").ok().map(Value::Object)
                };
                if read(row) != read(record) {
                    rows.otherwise.insert(line.target.to_string());
                }
            }
        }
        if told.gives.is_none() {
            return Ok(page);
        }
        let mut records: Vec<Value> = records.into_iter().flatten().collect();
        records.iter_mut().try_for_each(|record| held(self.resource, told.holds, record, true))?;
        Ok(records)
    }

    /// One record of the list, by itself and with its parts.
    async fn one(&mut self, id: &str) -> Option<()> {
        let read = async {
            let mut session = self.gateway.backend.read().await?.of("check", self.tenant.clone());
            self.gateway.record(&mut session, self.resource, id, &Needs::ALL).await
        };
        match read.await {
            Ok(Some(_)) => Some(()),
            Ok(None) => {
                self.says("no-record", "`get` does not find the first record of the list", "correct `id` or `get`");
                Some(())
            }
            Err(error) => self.fails("get", &error),
        }
    }

    /// Ids that nobody has: not there, and nothing worse.
    async fn nobody(&mut self) -> Option<()> {
        for id in [seal::letters(20), Some("2147480001".to_owned())].into_iter().flatten() {
            let read = async {
                let mut session = self.gateway.backend.read().await?.of("check", self.tenant.clone());
                self.gateway.base(&mut session, self.resource, &id).await
            };
            match read.await {
                Ok(_) => {}
                Err(Error::App { class: Class::Denied, .. }) => return self.fails("get", &denied()),
                Err(error) => {
                    let message = format!("`get` with an id that nobody has: {}", words(&error));
                    self.says("no-record", &message, "say in `answers` how the app says so: `then: absent`");
                    break;
                }
            }
        }
        Some(())
    }

    /// Sizes of pages, and the total.
    async fn pages(&mut self, of: &List, list: &Rows) {
        let (pages, rows) = (&of.pages, list.pages.iter().sum::<usize>());
        let max = pages.max as usize;
        if let (Some(&first), true) = (list.pages.first(), rows > list.pages.first().copied().unwrap_or(0))
            && first < max
            && pages.at_random()
        {
            let message = format!("`pages.max` is {max}, and the app gives no more than {first} rows in one reply");
            self.says("page-size", &message, &format!("write `max: {first}`"));
        }
        if let Some(most) = list.pages.iter().find(|rows| **rows > max) {
            let message = format!("`pages.max` is {max}, and the app gave {most} rows in one reply");
            self.says("page-size", &message, "see whether the call sends `{{size}}` where the app looks for it");
        }
        if let (Some(total), true) = (list.total, list.whole)
            && total != rows
        {
            let message = format!("`pages.total` tells {total}, and the list has {rows} rows");
            self.says(
                "wrong-total",
                &message,
                "leave `total` out, or say where the app tells how many rows the list has",
            );
        }
    }

    /// A fault of this type.
    pub(super) fn says(&mut self, code: &'static str, message: &str, help: &str) {
        let said = self.resource.kind.name.clone() + ": " + message;
        let mut fault = Diagnostic::new(Severity::Error, code, said);
        fault.help(help);
        self.found.push(fault);
    }

    /// A call that came to nothing; nothing where the app does not let us in.
    pub(super) fn fails(&mut self, what: &str, error: &Error) -> Option<()> {
        if matches!(error, Error::App { class: Class::Denied, .. }) {
            let message = format!("the app does not let us in: `{what}` is answered as `denied`");
            self.says(
                "signed-out",
                &message,
                "see `auth` and the variables that it uses, and what that account may do",
            );
            return None;
        }
        self.says(
            "broken-read",
            &format!("`{what}`: {}", words(error)),
            "correct the call, or what `answers` says of such a reply",
        );
        Some(())
    }
}

fn denied() -> Error {
    Error::App { class: Class::Denied, detail: None, retry_after: None, status: None }
}

/// What went wrong, without any value of the app's.
fn words(error: &Error) -> String {
    match error {
        Error::App { class, status: Some(status), .. } => {
            format!("the app answers {status}, which is `{}`", class.word())
        }
        Error::App { class, .. } => format!("the app's answer is `{}`", class.word()),
        Error::Backend(failure) => failure.to_string(),
        Error::Plan(Fault::Unreadable(unreadable)) => format!("a record cannot be read: {}", unreadable.message),
        Error::Plan(Fault::Unmade(cause) | Fault::NotOffered(cause)) => cause.clone(),
        Error::Plan(Fault::Refused(refusal)) => refusal.detail.clone(),
        Error::BrokenPromise(what) => format!("a row or its record says otherwise than `{what}`"),
        Error::Drift => "the list changes while it is read".to_owned(),
        _ => "the app and its mapping do not fit".to_owned(),
    }
}

/// A query that asks the app by this rule, and nothing else.
pub(super) fn by_rule<'q>(query: Query<'q>, rule: &FilterRule) -> Option<Query<'q>> {
    let by = |way: &Source<'_>| matches!(way, Source::List(_, Some(By::Rule(n))) if std::ptr::eq(n.rule, rule));
    let source = match query.source {
        Source::Union(union) => union.sides.into_iter().find(by)?,
        way => Some(way).filter(by)?,
    };
    Some(Query { source, ..query })
}
