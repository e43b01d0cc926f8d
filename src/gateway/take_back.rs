//! What a write that failed half way has left behind (law 9). Over HTTP a create is taken back: first those leave again who
//! joined in their own records, then the record is deleted, then what came before it is undone. What cannot be taken back
//! stays with all that hangs on it, and the error says so. In SQL the transaction ends by itself.

use crate::{
    backend::Session,
    plan::{
        Context,
        create::{Create, Made},
        step::Step,
    },
};

use super::{
    Error, Gateway,
    left::{Fate, Left},
    steps::{Did, Done, Stopped},
};

/// A create that failed after its first steps.
pub(super) struct Half<'p, 'a> {
    pub plan: &'p Create<'a>,
    pub made: &'p Made,
    /// What came of its first steps.
    pub first: &'p Done,
    /// What followed.
    pub steps: &'p [Step<'a>],
    pub stopped: Stopped,
}

impl<'a> Half<'_, 'a> {
    fn step(&self, did: &Did) -> Option<&Step<'a>> {
        self.steps.get(did.step)
    }

    /// The steps before the one that made the record, the last one first. One that was left out, or found all as it is to
    /// be, did nothing: what stands there now is somebody else's.
    fn ahead(&self) -> impl Iterator<Item = &Step<'a>> {
        let last = self.plan.first.len().saturating_sub(1);
        let done = self.first.done.iter().rev().filter(move |did| did.step < last);
        done.filter_map(|did| self.plan.first.get(did.step))
    }
}

impl Gateway {
    /// Takes back what can be, and says what cannot. What takes back has a budget of its own.
    pub(super) async fn take_back(&self, half: Half<'_, '_>, context: &Context<'_>) -> Error {
        let mut made = half.plan.done();
        if made.is_empty() {
            return half.stopped.into();
        }
        let Ok(mut session) = self.writing(context).await else {
            return Error::from(half.stopped).after(Left { done: made, ..Left::default() });
        };
        let mut left = Left { unsure: half.stopped.unsure.clone(), ..Left::default() };
        let elsewhere = |did: &Did| half.step(did).is_some_and(|step| step.elsewhere.is_some());
        let (joined, own): (Vec<Did>, Vec<Did>) = half.stopped.done.iter().cloned().partition(elsewhere);
        let mut whole = true;
        for did in half.stopped.perhaps.iter().chain(&joined) {
            whole &= self.leave(&mut session, &half, did, &mut left).await;
        }
        let fate = if whole { self.unmake(&mut session, &half, context).await } else { Fate::Stays };
        if fate == Fate::Gone {
            self.fresh.forget(half.plan.resource, &half.made.id);
            // a step without a way back is part of what was deleted
            for step in half.ahead() {
                if let Ok(Some(call)) = step.undo(&half.first.kept) {
                    left.note(Fate::of(&session.call(&call).await), step.note());
                }
            }
        } else {
            made.extend(Did::words(&own));
            let mut stays = Left::default();
            made.into_iter().for_each(|what| stays.note(fate, what));
            left = stays.and(left);
        }
        if !left.is_empty() {
            tracing::error!(resource = %half.plan.resource.kind.name, "a create failed half way and could not be undone");
        }
        half.stopped.error.after(left)
    }

    /// Those who joined, or may have, leave again; whether all of them did.
    async fn leave(&self, session: &mut Session, half: &Half<'_, '_>, did: &Did, left: &mut Left) -> bool {
        let joined = half.step(did).and_then(|step| Some((step, step.elsewhere.as_ref()?)));
        let Some((step, elsewhere)) = joined else { return true };
        let ids = elsewhere.ids.get(did.who.clone()).unwrap_or_default();
        let (mut stay, mut unknown) = (ids.len(), 0);
        for leaving in half.plan.leaving(half.made, elsewhere, ids).into_iter().flatten() {
            let all = leaving.elsewhere.as_ref().map_or(0, |elsewhere| elsewhere.ids.len());
            let id = &half.made.id;
            match self.steps(session, half.plan.resource, id, std::slice::from_ref(&leaving), None).await {
                Ok(_) => stay -= all,
                Err(stopped) => {
                    let open = stopped.perhaps.map_or(0, |did| did.who.len());
                    stay -= stopped.done.iter().map(|did| did.who.len()).sum::<usize>() + open;
                    unknown += open;
                }
            }
        }
        // of who only may have joined nothing is known anyway
        if !did.does.is_empty() {
            for (fate, count) in [(Fate::Stays, stay), (Fate::Unknown, unknown)] {
                left.note(fate, if count > 0 { step.partly(count) } else { String::new() });
            }
        }
        stay + unknown == 0
    }

    /// Deletes what was made. Who was only found may be another's: another gateway's, or made in the app itself.
    async fn unmake(&self, session: &mut Session, half: &Half<'_, '_>, context: &Context<'_>) -> Fate {
        if half.made.found {
            return Fate::Unknown;
        }
        let Some(steps) = half.plan.undo(half.made, context) else {
            let undo = half.plan.first.last().and_then(|step| step.undo(&half.first.kept).ok()?);
            return match undo {
                Some(call) => Fate::of(&session.call(&call).await),
                None => Fate::Stays,
            };
        };
        match self.steps(session, half.plan.resource, &half.made.id, &steps, None).await {
            Ok(_) => Fate::Gone,
            Err(stopped) if !stopped.done.is_empty() => Fate::Unknown,
            // what was to be read first is not found: that says nothing of the rest
            Err(stopped) if stopped.error.is_unsure() || stopped.error.says_absent() => Fate::Unknown,
            Err(_) => Fate::Stays,
        }
    }
}
