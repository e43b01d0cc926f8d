//! A look at one resource type of an HTTP app: reading as the gateway reads, within bounds, and saying what is found.

use std::{borrow::Cow, collections::BTreeSet, sync::Arc};

use serde_json::{Map, Value};

use crate::{
    backend::Session,
    config::Tenant,
    diagnostic::{Diagnostic, Severity},
    gateway::{Error, Gateway, detail::held, walk::Walk},
    mapping::{
        Resource,
        answer::Class,
        line::Line,
        rest::{FilterRule, Get, RestRecords},
        translate,
    },
    plan::{
        Context, Fault,
        query::{self, By, Next, Position, Query, Source},
        read::{Needs, View},
    },
    scim::{condition::Condition, profile::Profile, projection::Projection, request},
};

/// As many records are read in the place of rows that give less, and where rows give all there is.
const RECORDS: usize = 40;
const SAMPLES: usize = 3;

/// As many rows of a list are read, and no more calls made for it; an app in use is not to be worn out.
const ROWS: usize = 2_000;
const CALLS: usize = 40;

/// A look at one resource type.
pub(super) struct Look<'a> {
    pub(super) gateway: &'a Gateway,
    pub(super) resource: &'a Resource,
    pub(super) records: &'a RestRecords,
    pub(super) tenant: Option<Arc<Tenant>>,
    pub(super) found: Vec<Diagnostic>,
}

/// What a walk found.
#[derive(Default)]
pub(super) struct Rows {
    /// Every row as a resource, with whether it exists for SCIM.
    pub(super) all: Vec<(bool, Map<String, Value>)>,
    /// How many were on each page.
    pub(super) pages: Vec<usize>,
    /// The total that the first page told.
    pub(super) total: Option<usize>,
    /// The attributes that a row tells otherwise than its record.
    pub(super) otherwise: BTreeSet<String>,
    /// Whether the list ended before the limits did.
    pub(super) whole: bool,
}

impl Rows {
    pub(super) fn id(resource: &Map<String, Value>) -> &str {
        resource.get("id").and_then(Value::as_str).unwrap_or_default()
    }
}

impl Look<'_> {
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

/// What went wrong, without any value of the app's.
pub(super) fn words(error: &Error) -> String {
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
