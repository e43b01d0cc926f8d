//! Signing in, a machine of three states: closed, opening, open. One caller opens, the others wait for what comes of it. What a
//! session keeps is its generation's: it ends when the app says `expired`, or when it has lasted, and no call mixes two.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    backend::{Failure, Kind},
    config::Tenant,
    mapping::{
        answer::Class,
        auth::{Opening, Session},
        call::CallTemplate,
        rest::Pace,
        term::Scope,
    },
    metrics,
    plan::{
        call::Call,
        fill::{closed, fill},
        open::Known,
    },
};

use super::{
    Rest, bad_call, oauth,
    pace::Budget,
    signed::{Signed, Unsigned},
    values,
};

/// How long credentials that were not accepted are not tried again: apps lock out whoever tries too often.
const DENIED_FOR: Duration = Duration::from_secs(10);

/// What each credential has of its own: there is one, or one for each tenant.
#[derive(Debug, Default)]
pub(super) struct Places(Mutex<HashMap<String, Arc<Place>>>);

/// What one credential has of its own.
#[derive(Debug)]
pub(super) struct Place {
    /// How fast calls may go.
    pub(super) budget: Budget,
    session: tokio::sync::Mutex<State>,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Closed,
    Open(Arc<Signed>),
    Failed(Instant, Unsigned),
}

impl Places {
    /// That of this tenant; an empty name is everybody's.
    pub(super) fn of(&self, tenant: &str, pace: &Pace) -> Arc<Place> {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Arc::new(Place { budget: Budget::new(pace), session: tokio::sync::Mutex::default() });
        places.entry(tenant.to_owned()).or_insert_with(new).clone()
    }
}

impl Place {
    /// The open session; else it is opened, by one caller for all that wait.
    async fn signed(&self, open: impl Future<Output = Result<Signed, Unsigned>>) -> Result<Arc<Signed>, Unsigned> {
        let asked = Instant::now();
        let mut state = self.session.lock().await;
        match &*state {
            State::Open(signed) if signed.until.is_none_or(|until| asked < until) => {
                return Ok(signed.clone());
            }
            State::Failed(at, unsigned) if *at > asked || unsigned.denied() && at.elapsed() < DENIED_FOR => {
                return Err(unsigned.clone());
            }
            _ => {}
        }
        let opened = open.await.map(Arc::new);
        *state = match &opened {
            Ok(signed) => State::Open(signed.clone()),
            Err(unsigned) => State::Failed(Instant::now(), unsigned.clone()),
        };
        opened
    }

    /// Ends a session, unless another has taken its place meanwhile.
    pub(super) async fn close(&self, old: &Arc<Signed>) {
        let mut state = self.session.lock().await;
        if matches!(&*state, State::Open(signed) if Arc::ptr_eq(signed, old)) {
            *state = State::Closed;
        }
    }
}

impl Rest {
    /// What calls carry, from a session that is open.
    pub(super) async fn signed(&self, place: &Place, tenant: Option<&Tenant>) -> Result<Arc<Signed>, Unsigned> {
        match &self.app.auth.session {
            Some(session) => place.signed(self.sign_in(session, place, tenant)).await,
            None => Ok(Arc::new(Signed::plain())),
        }
    }

    /// Whose credential it is: a tenant's, where signing in names it, or everybody's.
    pub(super) fn own<'t>(&self, tenant: Option<&'t Tenant>) -> &'t str {
        let own = self.app.auth.session.as_ref().is_some_and(|session| !session.tenant.is_empty());
        tenant.filter(|_| own).map_or("", |tenant| &tenant.name)
    }

    async fn sign_in(&self, session: &Session, place: &Place, tenant: Option<&Tenant>) -> Result<Signed, Unsigned> {
        let mut signed = Signed::opening(session);
        match &session.open {
            Opening::Always => {}
            Opening::Calls(calls) => {
                let kept = self.opened(calls, &signed, place, tenant).await?;
                signed.kept.extend(kept);
            }
            Opening::Client(client) => {
                let token = self.tokens.as_ref().ok_or_else(|| bad_call("has no client for tokens"))?;
                let asked = tokio::time::timeout(self.limits.call_time, oauth::token(token, client));
                let late = |_| Failure::new(Kind::TimedOut, "no token came in time");
                let outcome = asked.await.map_err(late)?;
                metrics::signed_in(outcome.as_ref().map_or_else(Unsigned::word, |_| Class::Ok.word()));
                let (token, until) = outcome?;
                signed.kept.insert("token".to_owned(), Value::String(token));
                signed.until = until;
            }
        }
        Ok(signed.opened(session)?)
    }

    /// Opens a session call by call.
    async fn opened(
        &self,
        calls: &[CallTemplate],
        signed: &Signed,
        place: &Place,
        tenant: Option<&Tenant>,
    ) -> Result<Vec<(String, Value)>, Unsigned> {
        let mut kept: Vec<(String, Value)> = Vec::new();
        for template in calls {
            let scope = kept.iter().fold(Scope::default(), |scope, (name, value)| scope.lend(name, value));
            let values = values(tenant);
            let known = Known { tenant: Some(&values), session: None };
            let unfit = |_| bad_call("that signs in needs a value that cannot stand in it");
            let Call::Http(call) = fill(template, &scope).map_err(unfit)? else { continue };
            let call = closed(&call, &known).map_err(unfit)?;
            let reply = self.tries(&call, signed, &place.budget, self.limits.call_time).await?;
            metrics::signed_in(reply.class.word());
            if reply.class != Class::Ok {
                tracing::error!(
                    call = template.line,
                    class = reply.class.word(),
                    status = reply.status,
                    "signing in failed"
                );
                return Err(Unsigned::of(reply));
            }
            for (name, at) in &template.keep {
                let found = at.find(&reply.body, &reply.headers).ok_or_else(|| {
                    let message = format!("the app's reply does not tell `{name}` at {}", at.text());
                    Failure::new(Kind::Nonsense, message)
                })?;
                kept.push((name.clone(), found.into_owned()));
            }
        }
        Ok(kept)
    }
}
