//! Doing what a writing plan says. In SQL it is one transaction with the read before and the read back; over HTTP the
//! steps go in order, and a step that fails says what took effect before it.

use serde_json::{Map, Value};

use crate::{
    backend::Session,
    mapping::{Records, Resource, answer::Class, translate},
    plan::{
        Context,
        call::Reply,
        change::{self, Ask, Step, Wish},
        create,
        query::too_many,
        read::{Needs, Shown},
    },
    scim::projection::Projection,
};

use super::{Error, Gateway};

/// A resource as it stands after a write; none where the client did not ask to see it.
pub(super) type After = Option<Map<String, Value>>;

impl Gateway {
    /// Makes a resource and reads it back.
    pub(super) async fn create(
        &self,
        resource: &Resource,
        sent: &Map<String, Value>,
        projection: &Projection,
        context: &Context<'_>,
    ) -> Result<Map<String, Value>, Error> {
        let plan = create::plan(resource, sent, context)?;
        let mut session = self.backend.write().await?;
        let reply = self.ok(&mut session, &plan.call).await?;
        let made = plan.made(&reply)?;
        let steps = plan.rest(&made, context)?;
        if let Err(error) = self.steps(&mut session, &steps).await {
            return Err(self.take_back(session, &plan, &made, context, error).await);
        }
        let needs = Needs { shown: Shown::These(projection), condition: None };
        let record = match made.record {
            Some(record) if steps.is_empty() => {
                let mut records = vec![record];
                self.parts(&mut session, resource, &needs, &mut records).await?;
                records.pop()
            }
            _ => self.record(&mut session, resource, &made.id, &needs).await?,
        };
        session.commit().await?;
        match record {
            Some(record) => Ok(translate::resource(resource, &record, &self.base)?),
            None => Err(Error::App {
                class: Class::Broken,
                detail: Some(format!("the app made the {} and does not show it", resource.kind.name)),
                retry_after: None,
                status: None,
            }),
        }
    }

    /// A create of several calls failed after its first: over HTTP the record is deleted again; in SQL the transaction
    /// ends by itself.
    async fn take_back(
        &self,
        mut session: Session,
        plan: &create::Create<'_>,
        made: &create::Made,
        context: &Context<'_>,
        error: Error,
    ) -> Error {
        if matches!(plan.resource.records, Records::Sql(_)) {
            return error;
        }
        let undone = match plan.undo(made, context) {
            Some(call) => session.call(&call).await.is_ok_and(|reply| matches!(reply.class, Class::Ok | Class::Absent)),
            None => false,
        };
        if undone {
            return error;
        }
        tracing::error!(resource = %plan.resource.kind.name, "a create failed half way and could not be undone");
        error.after(&[format!("the {} was made", plan.resource.kind.name)])
    }

    /// Changes a resource. The answer holds it where it is `wanted`.
    pub(super) async fn change(
        &self,
        resource: &Resource,
        id: &str,
        ask: Ask<'_>,
        projection: &Projection,
        wanted: bool,
        context: &Context<'_>,
    ) -> Result<After, Error> {
        let plan = change::plan(resource, id, ask);
        let _order = match resource.records {
            Records::Rest(_) => Some(self.order.of(&resource.kind.name, id).await),
            Records::Sql(_) => None,
        };
        let mut session = self.backend.write().await?;
        let before = match plan.blind {
            Some(_) => None,
            None => match self.record(&mut session, resource, id, &Needs::ALL).await? {
                Some(record) => {
                    let as_resource = translate::resource(resource, &record, &self.base)?;
                    Some((record, as_resource))
                }
                None => return Err(Error::absent()),
            },
        };
        let steps = plan.decide(before.as_ref().map(|(record, resource)| (record, resource)), context)?;
        if let (true, Some((_, unchanged))) = (steps.is_empty(), before) {
            session.commit().await?;
            return Ok(wanted.then_some(unchanged));
        }
        let last = self.steps(&mut session, &steps).await?;
        if !wanted {
            session.commit().await?;
            return Ok(None);
        }
        let needs = Needs { shown: Shown::These(projection), condition: None };
        let told = match (steps.last().and_then(|s| s.record.as_ref()), last) {
            (Some(at), Some(reply)) => at.one(&reply.body).filter(|r| r.is_object()).cloned(),
            _ => None,
        };
        let record = match told {
            Some(record) => {
                let mut records = vec![record];
                self.parts(&mut session, resource, &needs, &mut records).await?;
                records.pop()
            }
            None => self.record(&mut session, resource, id, &needs).await?,
        };
        session.commit().await?;
        match record {
            Some(record) => Ok(Some(translate::resource(resource, &record, &self.base)?)),
            None => Err(Error::absent()),
        }
    }

    /// Deletes a resource.
    pub(super) async fn delete(&self, resource: &Resource, id: &str, context: &Context<'_>) -> Result<(), Error> {
        let calls = change::delete(resource, id, context)?;
        let _order = match resource.records {
            Records::Rest(_) => Some(self.order.of(&resource.kind.name, id).await),
            Records::Sql(_) => None,
        };
        let mut session = self.backend.write().await?;
        for call in &calls {
            self.ok(&mut session, call).await?;
        }
        Ok(session.commit().await?)
    }

    /// Does the steps in order and returns the last reply. Nothing is begun that the budget cannot finish.
    async fn steps(&self, session: &mut Session, steps: &[Step]) -> Result<Option<Reply>, Error> {
        if session.calls() + steps.len() as u64 > self.limits.calls as u64 {
            return Err(too_many(&format!("{} calls to the app", self.limits.calls)).into());
        }
        let mut last = None;
        let mut done: Vec<String> = Vec::new();
        for step in steps {
            match self.step(session, step).await {
                Ok(reply) => last = Some(reply),
                Err(error) => return Err(error.after(&done)),
            }
            if !step.does.is_empty() {
                done.push(step.does.clone());
            }
        }
        Ok(last)
    }

    async fn step(&self, session: &mut Session, step: &Step) -> Result<Reply, Error> {
        let reply = session.call(&step.call).await?;
        match reply.class {
            Class::Ok => Ok(reply),
            class if step.singly.is_empty() && is_wished(class, step.wish) => Ok(reply),
            // One of many was refused: one by one, so that the others are not held back and the culprit is named.
            Class::Exists | Class::Absent | Class::Refused if !step.singly.is_empty() => {
                let mut last = reply;
                for call in &step.singly {
                    last = self.call(session, call).await?;
                    if last.class != Class::Ok && !is_wished(last.class, step.wish) {
                        return Err(Error::of(last));
                    }
                }
                Ok(last)
            }
            _ => Err(Error::of(reply)),
        }
    }
}

/// In a change of members the state that is wished for is success.
fn is_wished(class: Class, wish: Wish) -> bool {
    matches!((class, wish), (Class::Exists, Wish::There) | (Class::Absent, Wish::Gone))
}

impl Error {
    /// There is no such resource.
    pub(super) fn absent() -> Self {
        Self::App { class: Class::Absent, detail: None, retry_after: None, status: None }
    }

    /// The same, saying what took effect before.
    fn after(self, done: &[String]) -> Self {
        if done.is_empty() {
            return self;
        }
        let before = format!("before that took effect: {}", done.join("; "));
        match self {
            Self::App { class, detail, retry_after, status } => {
                let detail = Some(detail.map_or_else(|| before.clone(), |d| format!("{d}; {before}")));
                Self::App { class, detail, retry_after, status }
            }
            Self::Backend(mut failure) => {
                failure.sent = true;
                failure.message = format!("{}; {before}", failure.message);
                Self::Backend(failure)
            }
            other => other,
        }
    }
}
