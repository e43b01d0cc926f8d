//! Doing the steps of a write in order: making each when it is its turn, waiting for what takes time, keeping what later ones
//! need, and taking back what can be taken back when one of them fails (law 9).

use std::{borrow::Cow, time::Instant};

use serde_json::Value;

use crate::{
    backend::{Failure, Kind, Session},
    mapping::{Resource, answer::Class, call::Until, pattern::Head},
    plan::{
        call::{Call, Reply},
        query::too_many,
        sql::own::ForEach,
        step::{Act, Step, Wish},
    },
};

use super::{Error, Gateway};

impl Gateway {
    /// Does the steps in order and returns the last reply. Nothing is begun that the budget cannot finish. `before`: the
    /// record as it is, where that is known; after each step it is not, and is read again where the next one needs it.
    pub(super) async fn steps(
        &self,
        session: &mut Session,
        resource: &Resource,
        id: &str,
        steps: &[Step<'_>],
        mut before: Option<Value>,
    ) -> Result<Done, Error> {
        let least: usize = steps.iter().map(Step::calls).sum();
        if session.calls() + least as u64 > self.limits.calls as u64 {
            return Err(too_many(&format!("{} calls to the app", self.limits.calls)).into());
        }
        let mut last = None;
        let mut done: Vec<&Step<'_>> = Vec::new();
        let mut kept: Vec<(String, Value)> = Vec::new();
        let mut changed = 0;
        for step in steps {
            if step.if_changed && changed == 0 {
                continue;
            }
            let before = before.take();
            let did = async {
                let call = match (&step.act, before) {
                    (Act::Member(member), _) => return self.member(session, resource, member).await.map(|_| None),
                    (Act::Call(call), _) => Cow::Borrowed(call),
                    (Act::Later(later), _) => Cow::Owned(later.call(&kept)?),
                    (Act::Edit(edit), Some(before)) => Cow::Owned(edit.call(&before, &kept)?),
                    (Act::Edit(edit), None) => {
                        let before = self.base(session, resource, id).await?.ok_or_else(Error::absent)?;
                        Cow::Owned(edit.call(&before, &kept)?)
                    }
                    (Act::Own(own), _) => Cow::Owned(Call::Sql(own.statement(&kept))),
                    (Act::ForEach(each), _) => return self.for_each(session, each).await.map(Some),
                };
                self.step(session, step, &call).await.map(Some)
            };
            let did = did.await;
            let did = match did {
                Ok(reply) => {
                    done.push(step);
                    let keeping = reply.as_ref().map_or(Ok(Vec::new()), |reply| step.kept(reply));
                    keeping.map(|more| kept.extend(more)).map(|()| reply).map_err(Error::from)
                }
                Err(error) => Err(error),
            };
            match did {
                Ok(reply) => {
                    changed += reply.as_ref().map_or(0, |reply| reply.changed);
                    last = reply;
                }
                Err(error) => return Err(self.back(session, &done, &kept, error).await),
            }
        }
        Ok(Done { reply: last, kept })
    }

    /// Finds members, and has a statement of the app's own for each; who is not found needs none.
    async fn for_each(&self, session: &mut Session, each: &ForEach<'_>) -> Result<Reply, Error> {
        let found = judged(session.call(&Call::Sql(each.which.clone())).await?, Wish::Done)?;
        let statements = each.statements(&found);
        if session.calls() + statements.len() as u64 > self.limits.calls as u64 {
            return Err(too_many(&format!("{} calls to the app", self.limits.calls)).into());
        }
        let changed = statements.len() as u64;
        let mut last = found;
        for statement in statements {
            last = judged(session.call(&Call::Sql(statement)).await?, Wish::Done)?;
        }
        Ok(Reply { changed, ..last })
    }

    /// A step failed: those before it are taken back, the last one first, as far as the mapping says how; the error says
    /// what stays.
    async fn back(&self, session: &mut Session, done: &[&Step<'_>], kept: &[(String, Value)], error: Error) -> Error {
        let mut stays: Vec<String> = Vec::new();
        for step in done.iter().rev() {
            let gone = match step.undo(kept) {
                Ok(Some(call)) => {
                    session.call(&call).await.is_ok_and(|reply| matches!(reply.class, Class::Ok | Class::Absent))
                }
                _ => false,
            };
            if !gone && !step.does.is_empty() && step.template().is_none_or(|call| call.method != http::Method::GET) {
                stays.insert(0, step.does.clone());
            }
        }
        error.after(&stays)
    }

    async fn step(&self, session: &mut Session, step: &Step<'_>, call: &Call) -> Result<Reply, Error> {
        let mut reply = session.call(call).await?;
        if let Some(until) = step.template().and_then(|template| template.until.as_ref()) {
            reply = self.wait(session, call, until, reply).await?;
        }
        // One of many was refused: one by one, so that the others are not held back and the culprit is named.
        let together = !step.singly.is_empty();
        if !together || !matches!(reply.class, Class::Exists | Class::Absent | Class::Refused) {
            return judged(reply, if together { Wish::Done } else { step.wish });
        }
        let mut last = reply;
        for call in &step.singly {
            if session.calls() >= self.limits.calls as u64 {
                return Err(too_many(&format!("{} calls to the app", self.limits.calls)).into());
            }
            last = judged(session.call(call).await?, step.wish)?;
        }
        Ok(last)
    }

    /// Asks again until what is waited for holds of an ok reply.
    async fn wait(&self, session: &mut Session, call: &Call, until: &Until, first: Reply) -> Result<Reply, Error> {
        let begun = Instant::now();
        let mut reply = first;
        loop {
            let head = Head { status: reply.status.unwrap_or_default(), headers: &reply.headers };
            if reply.class != Class::Ok || until.holds.holds(&reply.body, Some(head)) {
                return Ok(reply);
            }
            if begun.elapsed() + until.every > until.within || session.calls() >= self.limits.calls as u64 {
                let message = format!("what a step waits for was not done within {:?}", until.within);
                return Err(Failure { kind: Kind::TimedOut, sent: true, message }.into());
            }
            tokio::time::sleep(until.every).await;
            reply = session.call(call).await?;
        }
    }
}

/// What came of steps.
pub(super) struct Done {
    /// The last reply.
    pub reply: Option<Reply>,
    /// What they kept.
    pub kept: Vec<(String, Value)>,
}

/// The reply, where it is success: in a change of members the state that is wished for is.
fn judged(reply: Reply, wish: Wish) -> Result<Reply, Error> {
    match (reply.class, wish) {
        (Class::Ok, _) | (Class::Exists, Wish::There) | (Class::Absent, Wish::Gone) => Ok(reply),
        (Class::Absent, Wish::There) => Err(Error::NoMember),
        _ => Err(Error::of(reply)),
    }
}
