//! Doing what a writing plan says. In SQL it is one transaction with the read before and the read back; over HTTP the
//! steps go in order, and a step that fails says what took effect before it.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::{
    backend::{Kind, Session},
    mapping::{Records, Resource, answer::Class},
    plan::{
        Context, Fault,
        call::{Call, Reply},
        change::{self, Ask},
        create,
        query::too_many,
        read::{Needs, View},
        scope,
    },
    scim::{self, change::To, projection::Projection, version::Preconditions},
};

use super::{
    Error, Gateway,
    existing::adopting,
    left::Left,
    scoped::lists,
    steps::{Did, Stopped},
    take_back::Half,
};

/// A resource as it stands after a write; none where the client did not ask to see it.
pub(super) type After = Option<Map<String, Value>>;

/// How often a request is begun again.
const AGAIN: usize = 3;

/// Does a request, and again where another transaction was in its way or a table changed under it: then all of it was
/// undone, and it was planned from what it reads in itself. Four times in the way, and the client should come back later.
pub(super) async fn anew<T, F: Future<Output = Result<T, Error>>>(request: impl Fn() -> F) -> Result<T, Error> {
    for _ in 0..AGAIN {
        match Box::pin(request()).await {
            Err(Error::Backend(failure)) if failure.kind == Kind::Conflict => {
                tracing::debug!(cause = %failure, "a request is begun again");
            }
            outcome => return outcome,
        }
    }
    Box::pin(request()).await
}

impl Gateway {
    /// Makes a resource and reads it back.
    pub(super) async fn create(
        &self,
        resource: &Resource,
        sent: &Map<String, Value>,
        projection: &Projection,
        context: &Context<'_>,
    ) -> Result<Map<String, Value>, Error> {
        let mut all = create::with_defaults(resource, sent, context)?;
        self.hash_defaults(resource, sent, &mut all).await?;
        let plan = create::plan(resource, &all, context)?;
        if plan.calls() > self.limits.calls {
            return Err(too_many(&format!("{} calls to the app", self.limits.calls)).into());
        }
        let _writing = self.bookmarks.writing();
        let mut session = self.writing(context).await?;
        let _turn = self.looking(&mut session, resource).await?;
        let _name = self.naming(&plan, &all).await;
        if let Some(id) = self.namesake(&mut session, resource, sent, context).await? {
            let _order = match resource.records {
                Records::Rest(_) => Some(self.order.of(&resource.kind.name, &id).await),
                Records::Sql(_) => None,
            };
            let asked = adopting(resource, sent);
            let plan = change::plan(resource, &id, Ask::Replace(&asked));
            let adopted =
                self.changed(&mut session, &plan, Some(projection), &Preconditions::default(), context).await?;
            let adopted = adopted.ok_or_else(Error::absent)?;
            session.commit().await?;
            return Ok(adopted);
        }
        let lines = resource.lines.iter().filter(|line| line.create);
        let values = lines.filter_map(|line| Some((&line.target, scim::resource::get(&all, &line.target)?)));
        self.only_one(&mut session, resource, values, None, context).await?;
        self.may_join(&mut session, resource, None, Some(&Map::new()), lists(resource, &all)).await?;
        // nothing is begun that cannot be finished: those who join were read by now
        self.affords(&session, plan.calls())?;
        let (made, first) = match plan.probes() {
            true => self.probed(&mut session, &plan, &all, context).await?,
            false => self.made(&mut session, &plan).await?,
        };
        self.fresh.wrote(resource, &made.id);
        let (steps, did) = match plan.rest(&made, context) {
            Ok(steps) => {
                let did = self.steps(&mut session, resource, &made.id, &steps, None).await;
                (steps, did)
            }
            Err(fault) => (Vec::new(), Err(Stopped::of(fault.into()))),
        };
        let did = match did {
            Ok(did) => Did::words(&did.done),
            Err(stopped) => {
                let half = Half { plan: &plan, made: &made, first: &first, steps: &steps, stopped };
                return Err(self.take_back(half, context).await);
            }
        };
        let left = || Left { done: plan.done().into_iter().chain(did.iter().cloned()).collect(), ..Left::default() };
        let needs = Needs::one(resource, projection);
        let told = made.record.clone().filter(|_| steps.is_empty());
        let record =
            self.told(&mut session, resource, &made.id, &needs, told).await.map_err(|error| error.after(left()))?;
        let record = record.ok_or_else(|| {
            let detail = Some(format!("the app made the {} and does not show it", resource.kind.name));
            Error::App { class: Class::Broken, detail, retry_after: None, status: None }.after(left())
        })?;
        session.commit().await?;
        Ok(record)
    }

    /// The resource after a write: from the record that the app told, or else read.
    async fn told(
        &self,
        session: &mut Session,
        resource: &Resource,
        id: &str,
        needs: &Needs<'_>,
        told: Option<Value>,
    ) -> Result<After, Error> {
        let record = match told {
            Some(record) if !resource.exists(&record) => None,
            Some(record) => {
                let mut records = vec![record];
                self.parts(session, resource, needs, &mut records).await?;
                records.pop()
            }
            None => self.record(session, resource, id, needs).await?,
        };
        record.map(|record| self.resource(&View::new(resource, needs), Cow::Owned(record))).transpose()
    }

    /// Changes a resource, if it meets the preconditions. The resource as it is then is given where there is a projection
    /// to `show` it by.
    pub(super) async fn change(
        &self,
        resource: &Resource,
        id: &str,
        ask: Ask<'_>,
        show: Option<&Projection>,
        preconditions: &Preconditions,
        context: &Context<'_>,
    ) -> Result<After, Error> {
        let plan = change::plan(resource, id, ask);
        let _writing = self.bookmarks.writing();
        let mut session = self.writing(context).await?;
        // as in a create: who looks waits for its turn first and for the record then, or two would wait for each other
        let _turn = if plan.looks() { self.looking(&mut session, resource).await? } else { None };
        let _order = match resource.records {
            Records::Rest(_) => Some(self.order.of(&resource.kind.name, id).await),
            Records::Sql(_) => None,
        };
        let after = self.changed(&mut session, &plan, show, preconditions, context).await?;
        session.commit().await?;
        Ok(after)
    }

    /// The same within a conversation, which its owner ends.
    async fn changed(
        &self,
        session: &mut Session,
        plan: &change::Change<'_>,
        show: Option<&Projection>,
        preconditions: &Preconditions,
        context: &Context<'_>,
    ) -> Result<After, Error> {
        let (resource, id) = (plan.resource, plan.id);
        for guard in scope::guards(resource, id)? {
            self.act(session, &guard).await?;
        }
        let before = match plan.needs() {
            None => None,
            Some(needs) => Some(self.before(session, resource, id, &needs).await?),
        };
        self.may_write(session, resource, id, before.as_ref().map(|(record, _)| record)).await?;
        self.meets(session, resource, id, preconditions, before.as_ref().map(|(_, read)| read)).await?;
        let changes = plan.changes(before.as_ref().map(|(_, read)| read))?;
        if plan.looks() && resource.lines.iter().any(|line| line.checked) {
            let values = changes.iter().filter_map(|change| match &change.to {
                To::Value(value) => Some((&change.target, value)),
                _ => None,
            });
            self.only_one(session, resource, values, Some(id), context).await?;
        }
        let read = before.as_ref().map(|(_, read)| read);
        let changes = self.may_join(session, resource, Some(id), read, changes).await?;
        if changes.is_empty() && plan.blind.is_some() {
            self.record(session, resource, id, &Needs::NOTHING).await?.ok_or_else(Error::absent)?;
        }
        let steps = plan.steps(&changes, before.as_ref().map(|(record, resource)| (record, resource)), context)?;
        let (before, unchanged) = before.unzip();
        if let (true, true, Some(unchanged)) = (steps.is_empty(), plan.reads_all(), unchanged) {
            return Ok(show.map(|_| unchanged));
        }
        let done = self.steps(session, resource, id, &steps, before).await.map_err(Error::from);
        let did = done.as_ref().map_or_else(|_| Vec::new(), |done| Did::words(&done.done));
        let left = || Left { done: did.clone(), ..Left::default() };
        // A call about a member says `absent` of the member and of the group alike; who has not read it looks now.
        let unclear = match &done {
            Ok(done) => done.reply.as_ref().is_some_and(|reply| reply.class == Class::Absent),
            Err(error) => matches!(error, Error::NoMember),
        };
        if unclear && plan.blind.is_some() {
            let there = self.record(session, resource, id, &Needs::NOTHING).await;
            there.and_then(|record| record.ok_or_else(Error::absent)).map_err(|error| error.after(left()))?;
        }
        let last = done?.reply;
        self.fresh.wrote(resource, id);
        let Some(projection) = show else {
            return Ok(None);
        };
        let needs = Needs::one(resource, projection);
        let told = match (steps.last().and_then(|s| s.record.as_ref()), last) {
            (Some(at), Some(reply)) => at.one(&reply.body).filter(|r| r.is_object()).cloned(),
            _ => None,
        };
        let after = self.told(session, resource, id, &needs, told).await;
        after.and_then(|after| after.ok_or_else(Error::absent)).map(Some).map_err(|error| error.after(left()))
    }

    /// What is there before a change: the record, of an HTTP app as it came, and the resource that it reads as.
    async fn before(
        &self,
        session: &mut Session,
        resource: &Resource,
        id: &str,
        needs: &Needs<'_>,
    ) -> Result<(Value, Map<String, Value>), Error> {
        let record = self.base(session, resource, id).await?.ok_or_else(Error::absent)?;
        let mut records = vec![record.clone()];
        self.parts(session, resource, needs, &mut records).await?;
        let with_parts = records.pop().unwrap_or_default();
        let read = self.resource(&View::new(resource, needs), Cow::Borrowed(&with_parts))?;
        Ok(match resource.records {
            Records::Rest(_) => (record, read),
            Records::Sql(_) => (with_parts, read),
        })
    }

    /// Deletes a resource, if it meets the preconditions.
    pub(super) async fn delete(
        &self,
        resource: &Resource,
        id: &str,
        preconditions: &Preconditions,
        context: &Context<'_>,
    ) -> Result<(), Error> {
        let steps = change::delete(resource, id, context)?;
        let _order = match resource.records {
            Records::Rest(_) => Some(self.order.of(&resource.kind.name, id).await),
            Records::Sql(_) => None,
        };
        let _writing = self.bookmarks.writing();
        let mut session = self.writing(context).await?;
        for guard in scope::guards(resource, id)? {
            self.act(&mut session, &guard).await?;
        }
        self.may_write(&mut session, resource, id, None).await?;
        self.meets(&mut session, resource, id, preconditions, None).await?;
        self.may_go(&mut session, resource, id).await?;
        self.fresh.forget(resource, id);
        let done = self.steps(&mut session, resource, id, &steps, None).await?;
        // several steps, and not one of them found anything
        let absent = done.reply.as_ref().is_some_and(|reply| reply.class == Class::Absent);
        if absent && done.wrote() == 0 {
            return Err(Error::absent());
        }
        Ok(session.commit().await?)
    }

    /// Over HTTP the record itself says that it exists for SCIM and is not protected: it is read, unless it was.
    async fn may_write(
        &self,
        session: &mut Session,
        resource: &Resource,
        id: &str,
        read: Option<&Value>,
    ) -> Result<(), Error> {
        if !resource.is_guarded() {
            return Ok(());
        }
        let protected = match read {
            Some(record) => resource.protects(record),
            None => {
                let record = self.record(session, resource, id, &Needs::NOTHING).await?.ok_or_else(Error::absent)?;
                resource.protects(&record)
            }
        };
        if protected { Err(Fault::Protected.into()) } else { Ok(()) }
    }

    /// One call that acts; whether it did is not known where there is no answer.
    async fn act(&self, session: &mut Session, call: &Call) -> Result<Reply, Error> {
        let reply = session.call(call).await?;
        match reply.class {
            Class::Ok => Ok(reply),
            _ => Err(Error::of(reply)),
        }
    }
}

impl Error {
    /// There is no such resource.
    pub(super) fn absent() -> Self {
        Self::App { class: Class::Absent, detail: None, retry_after: None, status: None }
    }

    /// Whether the app may have acted all the same.
    pub(super) fn is_unsure(&self) -> bool {
        match self {
            Self::Unsure(_) => true,
            Self::Backend(failure) => failure.sent,
            Self::After(error, _) => error.is_unsure(),
            _ => false,
        }
    }

    /// The error of a call that writes: an HTTP app that failed promises nothing.
    pub(super) fn of_a_write(self, call: &Call) -> Self {
        match (&self, call) {
            (Self::App { class: Class::Broken, .. }, Call::Http(_)) => Self::Unsure(Box::new(self)),
            _ => self,
        }
    }

    /// Whether the app has such a one already.
    pub(super) fn says_exists(&self) -> bool {
        matches!(self, Self::App { class: Class::Exists, .. })
    }

    /// Whether there is no such record in the app.
    pub(super) fn says_absent(&self) -> bool {
        matches!(self, Self::App { class: Class::Absent, .. })
    }

    /// The same, saying what took effect before.
    pub(super) fn after(self, before: Left) -> Self {
        let (error, left) = self.bare();
        let left = before.and(left);
        if left.is_empty() { error } else { Self::After(Box::new(error), left) }
    }

    /// The error itself, and what took effect before it.
    pub(super) fn bare(self) -> (Self, Left) {
        match self {
            Self::After(error, left) => (*error, left),
            error => (error, Left::default()),
        }
    }
}
