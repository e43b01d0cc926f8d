//! How fast and how often the app is asked. What one credential may ask is a budget: so many calls at once, so many in a second,
//! and none while the app wants to be left alone. A wait that does not fit into a call's time is not begun: the client is told how
//! long it is. Where the app does not answer at all, calls are held back for a while, and then one is let through to look.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::{Instant, sleep_until, timeout, timeout_at},
};
use tower::retry::backoff::{Backoff, ExponentialBackoffMaker, MakeBackoff};

use crate::{
    backend::{Failure, Kind, classify::ruled},
    mapping::{answer::Class, rest::Pace},
    metrics,
    plan::call::{HttpCall, Reply},
};

use super::{Rest, signed::Signed};

/// The longest that the app's word keeps all of a credential's calls back; a client is told the whole of it.
const HOLD: Duration = Duration::from_secs(60);

/// Calls in a row that came to no answer, after which the app counts as away.
const FAULTS: u32 = 10;

/// How long it then is left alone.
const AWAY: Duration = Duration::from_secs(5);

/// Too little to ask anything of an app: no call goes out with less, and a call that lacks no more than this of its time had all
/// of it.
const LEAST: Duration = Duration::from_millis(50);

/// The budget of one credential.
#[derive(Debug)]
pub(super) struct Budget {
    at_once: Option<Semaphore>,
    every: Duration,
    slots: Mutex<Slots>,
}

#[derive(Debug)]
struct Slots {
    /// The next call may begin then.
    next: Instant,
    /// None may before that: the app said so.
    held: Instant,
}

impl Budget {
    pub(super) fn new(pace: &Pace) -> Self {
        let now = Instant::now();
        let every = pace.per_second.map_or(Duration::ZERO, |n| Duration::from_secs(1) / n.max(1));
        Self { at_once: pace.at_once.map(Semaphore::new), every, slots: Mutex::new(Slots { next: now, held: now }) }
    }

    /// Waits for a call's turn, which lasts until it is dropped; else how long it would have to wait.
    async fn turn(&self, deadline: Instant) -> Result<Option<SemaphorePermit<'_>>, Duration> {
        let place = match &self.at_once {
            Some(places) => {
                let place = timeout_at(deadline, places.acquire()).await.map_err(|_| Duration::from_secs(1))?;
                Some(place.map_err(|_| Duration::from_secs(1))?)
            }
            None => None,
        };
        loop {
            let now = Instant::now();
            let at = {
                let mut slots = self.slots();
                let at = slots.next.max(slots.held).max(now);
                if at > now && at > deadline {
                    return Err(at - now);
                }
                slots.next = at + self.every;
                at
            };
            if at > now {
                sleep_until(at).await;
            }
            // The app may have said meanwhile that it wants to be left alone.
            if self.slots().held <= Instant::now() {
                return Ok(place);
            }
        }
    }

    fn hold(&self, wait: Duration) {
        let mut slots = self.slots();
        slots.held = slots.held.max(Instant::now() + wait.min(HOLD));
    }

    fn slots(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the app is there at all.
#[derive(Debug, Default)]
pub(super) struct Breaker(Mutex<Faults>);

#[derive(Debug, Default)]
struct Faults {
    in_a_row: u32,
    away_until: Option<Instant>,
}

impl Breaker {
    fn faults(&self) -> MutexGuard<'_, Faults> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether calls are held back now.
    pub(super) fn check(&self) -> Result<(), Failure> {
        match self.faults().away_until {
            Some(until) if Instant::now() < until => Err(away()),
            _ => Ok(()),
        }
    }

    /// Lets a call through. Where calls were held back it is the one that looks; the others wait for what comes of it.
    fn admit(&self) -> Result<(), Failure> {
        let mut faults = self.faults();
        let now = Instant::now();
        match faults.away_until {
            Some(until) if now < until => Err(away()),
            Some(_) => {
                faults.away_until = Some(now + AWAY);
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn note(&self, outcome: &Result<Reply, Failure>) {
        let mut faults = self.faults();
        match outcome {
            Err(failure) if matches!(failure.kind, Kind::Unreachable | Kind::TimedOut | Kind::Lost) => {
                faults.in_a_row += 1;
                if faults.in_a_row >= FAULTS {
                    if faults.away_until.is_none() {
                        tracing::error!(cause = %failure, "the app does not answer; calls are held back");
                    }
                    faults.away_until = Some(Instant::now() + AWAY);
                    metrics::held_back(true);
                }
            }
            _ => {
                if faults.away_until.take().is_some() {
                    tracing::info!("the app answers again");
                    metrics::held_back(false);
                }
                faults.in_a_row = 0;
            }
        }
    }
}

fn away() -> Failure {
    Failure::new(Kind::Unreachable, format!("the app gave no answer {FAULTS} times in a row; calls are held back"))
}

impl Rest {
    /// Sends a call in its turn, and again as often as may be: one that has the same effect twice where its answer was lost, any
    /// one where the app said that it was busy, as nothing was done then. All that takes no longer than `within`.
    pub(super) async fn tries(
        &self,
        call: &HttpCall,
        signed: &Signed,
        budget: &Budget,
        within: Duration,
    ) -> Result<Reply, Failure> {
        let pace = &self.app.pace;
        let deadline = Instant::now() + within;
        let whole = self.limits.call_time.min(within);
        let least = LEAST.min(whole / 2);
        let quick =
            ExponentialBackoffMaker::new(Duration::from_millis(100), Duration::from_secs(5), 0.5, Default::default());
        let mut backoff = quick.unwrap_or_default().make_backoff();
        // an earlier try on which the app may have acted
        let mut unsure: Option<Failure> = None;
        for left in (0..pace.tries).rev() {
            let turn = match budget.turn(deadline - least).await {
                Ok(turn) => turn,
                Err(wait) => return settled(Ok(busy(wait)), unsure),
            };
            let first = left + 1 == pace.tries && pace.within.is_none();
            let rest = deadline.saturating_duration_since(Instant::now());
            let time = if first { whole } else { whole.min(rest) };
            if time < least {
                return settled(Ok(busy(least)), unsure);
            }
            // One that cannot be sent is not the one that looks whether the app is there.
            let request = match self.request(call, signed) {
                Ok(request) => request,
                Err(failure) => return settled(Err(failure), unsure),
            };
            if let Err(failure) = self.breaker.admit() {
                return settled(Err(failure), unsure);
            }
            let answered = timeout(time, self.exchange(call, request, signed)).await;
            // That a call had too little time says nothing of the app.
            let fair = answered.is_ok() || time + least >= whole;
            let outcome = answered.unwrap_or_else(|_| {
                Err(Failure::after_sending(Kind::TimedOut, format!("the app gave no whole answer within {time:?}")))
            });
            if fair {
                self.breaker.note(&outcome);
            }
            drop(turn);
            let wait = match &outcome {
                Ok(reply) if reply.class == Class::Busy && pace.waits && self.again(call, reply) => {
                    reply.retry_after.map(Duration::from_secs).inspect(|wait| budget.hold(*wait))
                }
                Err(failure) if call.repeat && failure.kind.passes() => None,
                _ => return settled(self.told(call, outcome), unsure),
            };
            // A connection that was closed while it was quiet is no fault of the app: the next one is tried at once.
            let first = left + 1 == pace.tries && outcome.is_err();
            let until = match wait {
                // an app may name a time that no clock has
                Some(wait) => Instant::now().checked_add(wait),
                None if first => Some(Instant::now()),
                None => Some(backoff.next_backoff().deadline()),
            };
            let Some(until) = until.filter(|until| left > 0 && *until < deadline - least) else {
                return settled(self.told(call, outcome), unsure);
            };
            unsure = self.told(call, outcome).err().filter(|failure| failure.sent && !call.method.is_safe()).or(unsure);
            tracing::debug!(method = %call.method, left, "sent again");
            sleep_until(until).await;
        }
        Err(Failure::new(Kind::Internal, "a call with no try"))
    }
}

impl Rest {
    /// Whether a call may be sent again after `busy`. A bare 503 may be a proxy's, which gave up on an app that acts all the
    /// same: then only what has the same effect twice.
    fn again(&self, call: &HttpCall, reply: &Reply) -> bool {
        call.repeat || !self.is_bare(call, reply)
    }

    fn is_bare(&self, call: &HttpCall, reply: &Reply) -> bool {
        let bare = reply.class == Class::Busy && reply.status == Some(503) && reply.retry_after.is_none();
        bare && !ruled(call, &self.app, reply)
    }

    /// How a try ended: a bare 503 does not say that nothing was done.
    fn told(&self, call: &HttpCall, outcome: Result<Reply, Failure>) -> Result<Reply, Failure> {
        match outcome {
            Ok(reply) if !call.method.is_safe() && self.is_bare(call, &reply) => {
                Err(Failure::after_sending(Kind::Busy, "the app, or a proxy in front of it, answered 503"))
            }
            outcome => outcome,
        }
    }
}

/// How a call ended, where an earlier try of it may have been acted on: an end that says that nothing was done says so of the
/// last try only.
fn settled(outcome: Result<Reply, Failure>, unsure: Option<Failure>) -> Result<Reply, Failure> {
    match (outcome, unsure) {
        (Ok(reply), Some(unsure)) if reply.class == Class::Busy => Err(unsure),
        (Err(failure), Some(_)) => Err(Failure { sent: true, ..failure }),
        (outcome, _) => outcome,
    }
}

/// Not asked, as the wait does not fit into the call's time: nothing was done.
fn busy(wait: Duration) -> Reply {
    let retry_after = Some(wait.as_secs() + u64::from(wait.subsec_nanos() > 0));
    Reply {
        class: Class::Busy,
        body: serde_json::Value::Null,
        headers: http::HeaderMap::new(),
        status: None,
        detail: None,
        retry_after,
        changed: 0,
    }
}
