//! Doing the steps of a write in order: making each when it is its turn, waiting for what takes time, keeping what later ones
//! need, and taking back what can be taken back when one of them fails (law 9).

use std::{borrow::Cow, ops::Range, time::Instant};

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

use super::{
    Error, Gateway,
    left::{Fate, Left},
};

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
    ) -> Result<Done, Stopped> {
        let least: usize = steps.iter().map(Step::calls).sum();
        if session.calls() + least as u64 > self.limits.calls as u64 {
            return Err(Stopped::of(too_many(&format!("{} calls to the app", self.limits.calls)).into()));
        }
        let mut last = None;
        let mut kept: Vec<(String, Value)> = Vec::new();
        let mut done: Vec<Did> = Vec::new();
        let mut changed = 0;
        let first = match steps.iter().any(Step::looks_back) {
            true if before.is_none() => {
                before = self.base(session, resource, id).await.map_err(Stopped::of)?;
                before.clone().ok_or_else(|| Stopped::of(Error::absent())).map(Some)?
            }
            true => before.clone(),
            false => None,
        };
        for (at, step) in steps.iter().enumerate() {
            if step.if_changed && changed == 0 || step.is_left_out(first.as_ref(), &kept) {
                continue;
            }
            let before = before.take();
            let mut singly = None;
            let did = async {
                let call = match (&step.act, before) {
                    (Act::Member(member), _) => return Ok((None, self.member(session, resource, member).await?)),
                    (Act::Call(call), _) => Cow::Borrowed(call),
                    (Act::Later(later), _) => Cow::Owned(later.call(&kept)?),
                    (Act::Edit(edit), Some(before)) => Cow::Owned(edit.call(&before, &kept)?),
                    (Act::Edit(edit), None) => {
                        let before = self.base(session, resource, id).await?.ok_or_else(Error::absent)?;
                        Cow::Owned(edit.call(&before, &kept)?)
                    }
                    (Act::Own(own), _) => Cow::Owned(Call::Sql(own.statement(&kept))),
                    (Act::ForEach(each), _) => {
                        return self.for_each(session, each).await.map(|reply| (Some(reply), true));
                    }
                };
                let reply = self.step(session, step, &call, &mut singly).await?;
                let acted = singly.as_ref().map_or(reply.class == Class::Ok, |one| one.acted > 0);
                Ok::<_, Error>((Some(reply), acted))
            };
            let outcome = match did.await {
                Ok((reply, acted)) => {
                    if acted {
                        done.push(Did::all(at, step, singly.as_ref()));
                    }
                    let keeping = reply.as_ref().map_or(Ok(Vec::new()), |reply| step.kept(reply));
                    keeping.map(|more| kept.extend(more)).map(|()| reply).map_err(|fault| Stopped::of(fault.into()))
                }
                Err(error) => {
                    let stopped = Stopped::at(at, step, singly.as_ref(), error);
                    done.extend(stopped.done);
                    Err(Stopped { done: Vec::new(), ..stopped })
                }
            };
            match outcome {
                Ok(reply) => {
                    changed += reply.as_ref().map_or(0, |reply| reply.changed);
                    last = reply;
                }
                Err(stopped) => return Err(self.back(session, steps, done, &kept, stopped).await),
            }
        }
        Ok(Done { reply: last, kept, done })
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

    /// A step failed: those before it are taken back, the last one first, as far as the mapping says how.
    async fn back(
        &self,
        session: &mut Session,
        steps: &[Step<'_>],
        done: Vec<Did>,
        kept: &[(String, Value)],
        mut stopped: Stopped,
    ) -> Stopped {
        for did in done.into_iter().rev() {
            let fate = match steps.get(did.step).and_then(|step| step.undo(kept).ok()?) {
                Some(call) => Fate::of(&session.call(&call).await),
                None => Fate::Stays,
            };
            match fate {
                Fate::Gone => {}
                Fate::Stays => stopped.done.insert(0, did),
                Fate::Unknown => stopped.unsure.insert(0, did.word()),
            }
        }
        stopped
    }

    async fn step(
        &self,
        session: &mut Session,
        step: &Step<'_>,
        call: &Call,
        singly: &mut Option<Singly>,
    ) -> Result<Reply, Error> {
        // What only reads has not acted, whatever becomes of its answer; waiting for a job is not only that.
        let until = step.template().and_then(|template| template.until.as_ref());
        let reads = step.only_reads() && until.is_none();
        let mut reply =
            session.call(call).await.map_err(|failure| Failure { sent: failure.sent && !reads, ..failure })?;
        if let Some(until) = until {
            reply = self.wait(session, call, until, step, reply).await?;
        }
        // One of many was refused: one by one, so that the others are not held back and the culprit is named.
        let together = !step.singly.is_empty();
        if !together || !matches!(reply.class, Class::Exists | Class::Absent | Class::Refused) {
            let judged = judged(reply, if together { Wish::Done } else { step.wish });
            return judged.map_err(|error| if reads { error } else { error.of_a_write(call) });
        }
        let mut last = reply;
        let one = singly.insert(Singly::default());
        for call in &step.singly {
            if session.calls() >= self.limits.calls as u64 {
                return Err(too_many(&format!("{} calls to the app", self.limits.calls)).into());
            }
            last = judged(session.call(call).await?, step.wish).map_err(|error| error.of_a_write(call))?;
            one.at += 1;
            one.acted += usize::from(last.class == Class::Ok);
        }
        Ok(last)
    }

    /// Asks again until what is waited for holds of an ok reply. A write that is sent again has acted with its first one: what the
    /// app says then does not say that nothing was done.
    async fn wait(
        &self,
        session: &mut Session,
        call: &Call,
        until: &Until,
        step: &Step<'_>,
        first: Reply,
    ) -> Result<Reply, Error> {
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
            reply = session.call(call).await.map_err(|failure| Failure { sent: true, ..failure })?;
            if reply.class != Class::Ok && !step.only_reads() {
                return judged(reply, step.wish).map_err(|error| Error::Unsure(Box::new(error)));
            }
        }
    }
}

/// What came of steps.
#[derive(Default)]
pub(super) struct Done {
    /// The last reply.
    pub reply: Option<Reply>,
    /// What they kept.
    pub kept: Vec<(String, Value)>,
    /// What took effect.
    pub done: Vec<Did>,
}

impl Done {
    /// How many steps took effect that do more than read.
    pub(super) fn wrote(&self) -> usize {
        self.done.iter().filter(|did| !did.does.is_empty()).count()
    }
}

/// A step that took effect, or some of it.
#[derive(Clone)]
pub(super) struct Did {
    /// Which.
    pub step: usize,
    /// In words; none for what is part of a transaction, or only reads.
    pub does: String,
    /// As [`Step::nth`].
    pub nth: (usize, usize),
    /// Which of those who join or leave by it.
    pub who: Range<usize>,
}

/// Steps that were not all done.
pub(super) struct Stopped {
    /// Why.
    pub error: Error,
    /// What took effect and was not taken back.
    pub done: Vec<Did>,
    /// What was to be taken back, and nobody knows whether it was.
    pub unsure: Vec<String>,
    /// The step that failed, where it may have taken effect.
    pub perhaps: Option<Did>,
}

/// How far the calls for one came, of a call for several that was refused.
#[derive(Default)]
struct Singly {
    at: usize,
    acted: usize,
}

impl Did {
    /// A step that is done; of calls for one, those who were not so already.
    fn all(at: usize, step: &Step<'_>, singly: Option<&Singly>) -> Self {
        let all = step.elsewhere.as_ref().map_or(0, |elsewhere| elsewhere.ids.len());
        let does = match singly {
            Some(one) => step.partly(one.acted),
            None if step.only_reads() => String::new(),
            None => step.does.clone(),
        };
        Self { nth: step.nth, ..Self::new(at, does, 0..all) }
    }

    fn new(step: usize, does: String, who: Range<usize>) -> Self {
        Self { step, does, nth: (1, 1), who }
    }

    /// What took effect, in words: of steps that all did, what they do together.
    pub(super) fn words(done: &[Self]) -> Vec<String> {
        let mut words: Vec<String> = Vec::new();
        let mut left = done;
        while let Some(did) = left.first() {
            let (_, all) = did.nth;
            let whole = left.get(..all).filter(|those| those.iter().zip(1..).all(|(one, nth)| one.nth == (nth, all)));
            match whole {
                Some(those) => words.extend(those.iter().map(|one| one.does.clone()).find(|does| !does.is_empty())),
                None => words.push(did.word()),
            }
            left = left.get(whole.map_or(1, <[Self]>::len)..).unwrap_or_default();
        }
        words.retain(|word| !word.is_empty());
        words
    }

    fn word(&self) -> String {
        match self.nth {
            _ if self.does.is_empty() => String::new(),
            (_, 1) => self.does.clone(),
            (nth, all) => format!("step {nth} of {all} of {}", self.does),
        }
    }
}

impl Stopped {
    pub(super) fn of(error: Error) -> Self {
        Self { error, done: Vec::new(), unsure: Vec::new(), perhaps: None }
    }

    /// A step failed: what of it took effect, and what may have.
    fn at(at: usize, step: &Step<'_>, singly: Option<&Singly>, error: Error) -> Self {
        let all = step.elsewhere.as_ref().map_or(0, |elsewhere| elsewhere.ids.len());
        let (error, left) = error.bare();
        let mut stopped = Self { unsure: left.unsure, ..Self::of(error) };
        if !left.done.is_empty() {
            stopped.done.push(Did::new(at, left.done.join("; "), 0..all));
        }
        if let Some(one) = singly.filter(|one| one.acted > 0) {
            stopped.done.push(Did::new(at, step.partly(one.acted), 0..one.at));
        }
        if stopped.error.is_unsure() {
            let who = singly.map_or(0..all, |one| one.at..one.at + 1);
            stopped.perhaps = Some(Did::new(at, String::new(), who));
        }
        stopped
    }
}

impl From<Stopped> for Error {
    fn from(stopped: Stopped) -> Self {
        stopped.error.after(Left { done: Did::words(&stopped.done), unsure: stopped.unsure })
    }
}

/// The reply, where it is success: in a change of members the state that is wished for is.
fn judged(reply: Reply, wish: Wish) -> Result<Reply, Error> {
    match (reply.class, wish) {
        (Class::Ok, _) | (Class::Exists, Wish::There) | (Class::Absent, Wish::Gone) => Ok(reply),
        (Class::Absent, Wish::There) => Err(Error::NoMember),
        _ => Err(Error::of(reply)),
    }
}
