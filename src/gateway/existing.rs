//! Looking before writing: who has a value that no two may have, and who has the name of what is to be made. It is asked as
//! a client would ask, by filter, so it finds what clients find; in a database in the transaction of the write.

use serde_json::{Map, Value};

use crate::{
    backend::Session,
    mapping::{Existing, Records, Resource, answer::Class, line::Line},
    plan::{
        Context, Fault,
        create::{self, Made},
        query,
        sql::guard,
    },
    scim::{
        change::{Change, To},
        condition::{Condition, Literal},
        filter::CompareOp,
        projection::Projection,
        request, resource,
        schema::Target,
        value::texts,
    },
};

use super::{Error, Gateway, order::Turn};

impl Gateway {
    /// Waits until no other write looks for values of this type, where some are looked for. Between gateways a database
    /// orders them, over HTTP nobody does.
    pub(super) async fn looking(&self, session: &mut Session, resource: &Resource) -> Result<Option<Turn>, Error> {
        if !resource.lines.iter().any(|line| line.checked) {
            return Ok(None);
        }
        match &resource.records {
            Records::Rest(_) => Ok(Some(self.order.of(&resource.kind.name, "").await)),
            Records::Sql(records) => {
                if let Some(turn) = guard::turn(records) {
                    self.ok(session, &turn).await?;
                }
                Ok(None)
            }
        }
    }

    /// Refuses values that another resource has already.
    pub(super) async fn only_one<'v>(
        &self,
        session: &mut Session,
        resource: &Resource,
        values: impl Iterator<Item = (&'v Target, &'v Value)>,
        own: Option<&str>,
        context: &Context<'_>,
    ) -> Result<(), Error> {
        for (target, value) in values {
            let Some(line) = resource.line(target).filter(|line| line.checked) else { continue };
            for text in texts(value) {
                let found = self.who_has(session, resource, line, text, context).await?;
                if found.iter().any(|id| Some(id.as_str()) != own) {
                    let detail = Some(format!("another {} has this `{}` already", resource.kind.name, line.target));
                    return Err(Error::App { class: Class::Exists, detail, retry_after: None, status: None });
                }
            }
        }
        Ok(())
    }

    /// The record that a create adopts.
    pub(super) async fn namesake(
        &self,
        session: &mut Session,
        kind: &Resource,
        sent: &Map<String, Value>,
        context: &Context<'_>,
    ) -> Result<Option<String>, Error> {
        if kind.existing == Existing::Refuse {
            return Ok(None);
        }
        let mut found = self.of_its_name(session, kind, sent, context).await?;
        Ok(found.pop().filter(|_| found.is_empty()))
    }

    /// Who has the name of what is to be made.
    async fn of_its_name(
        &self,
        session: &mut Session,
        kind: &Resource,
        sent: &Map<String, Value>,
        context: &Context<'_>,
    ) -> Result<Vec<String>, Error> {
        let named = kind.naming().and_then(|line| Some((line, resource::get(sent, &line.target)?.as_str()?)));
        match named {
            Some((line, name)) => self.who_has(session, kind, line, name, context).await,
            None => Ok(Vec::new()),
        }
    }

    /// Makes a record by a call that is probed: nobody has its name before, so who has it after a lost answer was made. Where
    /// nobody has, it is sent once more if the app itself refuses a second one: it may only have been slow.
    pub(super) async fn probed(
        &self,
        session: &mut Session,
        plan: &create::Create<'_>,
        sent: &Map<String, Value>,
        context: &Context<'_>,
    ) -> Result<Made, Error> {
        let kind = plan.resource;
        if !self.of_its_name(session, kind, sent, context).await?.is_empty() {
            let detail = Some(format!("another {} has this name already", kind.kind.name));
            return Err(Error::App { class: Class::Exists, detail, retry_after: None, status: None });
        }
        let again = usize::from(kind.naming().is_some_and(|line| !line.checked));
        for left in (0..=again).rev() {
            match self.made(session, plan).await {
                Err(error) if error.is_unsure() => {
                    match self.of_its_name(session, kind, sent, context).await.as_deref() {
                        Ok([id]) => return Ok(Made { id: id.clone(), record: None }),
                        Ok([]) if left > 0 => tracing::debug!("nobody was made; sent again"),
                        _ => return Err(error),
                    }
                }
                outcome => return outcome,
            }
        }
        Err(Error::absent())
    }

    /// Makes a record by the steps of its plan.
    pub(super) async fn made(&self, session: &mut Session, plan: &create::Create<'_>) -> Result<Made, Error> {
        let reply = self.steps(session, plan.resource, "", &plan.first, None).await?;
        let reply = reply.ok_or_else(|| Fault::Unmade("a create has no call".to_owned()))?;
        plan.made(&reply).map_err(|fault| Error::from(fault).after(&plan.done()))
    }

    async fn who_has(
        &self,
        session: &mut Session,
        resource: &Resource,
        line: &Line,
        text: &str,
        context: &Context<'_>,
    ) -> Result<Vec<String>, Error> {
        let attribute = &line.target.attribute;
        let sub = if attribute.multi_valued { attribute.sub("value").cloned() } else { line.target.sub.clone() };
        let target = Target { sub, ..line.target.clone() };
        let condition = Condition::Compare { target, op: CompareOp::Equal, value: Literal::Text(text.to_owned()) };
        let asked = request::Query { condition, sort: None, start_index: 1, cursor: None, count: Some(2) };
        let projection = Projection::parse(Some("id"), None, &resource.kind)?;
        let plan = query::plan(resource, asked, projection, context)?;
        let found = self.query(session, &plan, context.client).await?;
        let id = |r: Map<String, Value>| r.get("id").and_then(Value::as_str).map(str::to_owned);
        Ok(found.resources.into_iter().filter_map(id).collect())
    }
}

/// What a create asks of a record that is there: to become as was sent. Members join, and nobody leaves.
pub(super) fn adopting(kind: &Resource, sent: &Map<String, Value>) -> Vec<Change> {
    let one = |line: &Line| {
        let value = resource::get(sent, &line.target)?;
        let to = match (line.relates(), value) {
            (true, Value::Array(items)) => To::Delta { add: items.clone(), remove: Vec::new() },
            _ => To::Value(value.clone()),
        };
        Some(Change { target: line.target.clone(), to })
    };
    let mut changes: Vec<Change> = Vec::new();
    for change in kind.lines.iter().filter(|line| line.create || line.update).filter_map(one) {
        if !changes.iter().any(|known| known.target == change.target) {
            changes.push(change);
        }
    }
    changes
}
