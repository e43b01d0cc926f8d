//! Looking before writing: who has a value that no two may have, and who has the name of what is to be made. It is asked as
//! a client would ask, by filter, so it finds what clients find; in a database in the transaction of the write.

use serde_json::{Map, Value};

use crate::{
    backend::Session,
    mapping::{Existing, Records, Resource, answer::Class, line::Line, sql::SqlRecords, translate},
    plan::{
        Context,
        call::Call,
        query,
        sql::{self, guard, revive, write::Stamps},
    },
    scim::{
        change::{Change, To},
        condition::{Condition, Literal},
        filter::CompareOp,
        path::AttrPath,
        projection::Projection,
        request, resource,
        schema::{Resolution, Target},
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
                // over HTTP the app refuses nothing here: who is hidden from clients has the name all the same
                let hidden = matches!(resource.records, Records::Rest(_));
                let found = self.who_has(session, resource, line, text, hidden, context).await?;
                if found.iter().any(|id| Some(id.as_str()) != own) {
                    let detail = Some(format!("another {} has this `{}` already", resource.kind.name, line.target));
                    return Err(Error::App { class: Class::Exists, detail, retry_after: None, status: None });
                }
            }
        }
        Ok(())
    }

    /// The record that a create adopts, or brings back.
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
        let named = kind.naming().and_then(|line| Some((line, resource::get(sent, &line.target)?.as_str()?)));
        let Some((line, name)) = named else { return Ok(None) };
        let mut found = self.who_has(session, kind, line, name, false, context).await?;
        match (&kind.records, kind.existing) {
            (Records::Sql(records), Existing::Revive) if found.is_empty() => {
                self.revived(session, (kind, records), line, name, context).await
            }
            (_, Existing::Revive) => Ok(None),
            _ => Ok(found.pop().filter(|_| found.is_empty())),
        }
    }

    /// Takes the mark off the one record of that name that has been deleted.
    async fn revived(
        &self,
        session: &mut Session,
        (kind, records): (&Resource, &SqlRecords),
        line: &Line,
        name: &str,
        context: &Context<'_>,
    ) -> Result<Option<String>, Error> {
        let Some(find) = revive::find(kind, records, &named(kind, line, name)) else { return Ok(None) };
        let found = self.ok(session, &Call::Sql(find)).await?;
        let [record] = found.rows() else { return Ok(None) };
        let id = translate::id(kind, record)?;
        let Some(key) = sql::key(kind, records, &id) else { return Ok(None) };
        let stamps = Stamps { now: context.now, client: context.client };
        let Some(back) = revive::back(kind, records, &key, &stamps) else { return Ok(None) };
        for statement in back {
            self.ok(session, &Call::Sql(statement)).await?;
        }
        Ok(Some(id))
    }

    pub(super) async fn who_has(
        &self,
        session: &mut Session,
        resource: &Resource,
        line: &Line,
        text: &str,
        hidden: bool,
        context: &Context<'_>,
    ) -> Result<Vec<String>, Error> {
        let condition = named(resource, line, text);
        let asked = request::Query { condition, sort: None, start_index: 1, cursor: None, count: Some(2) };
        let projection = Projection::parse(Some("id"), None, &resource.kind)?;
        let plan = query::Query { hidden, ..query::plan(resource, asked, projection, context)? };
        let found = self.query(session, &plan, context.client).await?;
        let id = |r: Map<String, Value>| r.get("id").and_then(Value::as_str).map(str::to_owned);
        Ok(found.resources.into_iter().filter_map(id).collect())
    }
}

/// That a line's attribute is this text; of a list, that some item is.
fn named(kind: &Resource, line: &Line, text: &str) -> Condition {
    // as the type offers it: that is what says whether letters are told apart
    let offered = match AttrPath::parse(&line.target.to_string()).map(|path| kind.kind.resolve(&path)) {
        Ok(Resolution::Offered(offered)) => offered,
        _ => line.target.clone(),
    };
    let list = offered.attribute.multi_valued;
    let sub = if list { offered.attribute.sub("value").cloned() } else { offered.sub.clone() };
    let target = Target { sub, ..offered };
    Condition::Compare { target, op: CompareOp::Equal, value: Literal::Text(text.to_owned()) }
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
