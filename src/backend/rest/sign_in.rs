//! Signing in, a machine of three states: closed, opening, open. One caller opens, the others wait for what comes of it. What a
//! session keeps is its generation's: it ends when the app says `expired`, or when it has lasted, and no call mixes two.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use cookie_store::CookieStore;
use http::{HeaderMap, HeaderName, HeaderValue, Uri, header::SET_COOKIE};
use serde_json::{Map, Value};

use crate::{
    backend::{Failure, Kind},
    mapping::{
        answer::Class,
        auth::Session,
        template::{self, percent},
        term::Scope,
    },
    plan::call::Reply,
};

/// How long credentials that were not accepted are not tried again: apps lock out whoever tries too often.
const DENIED_FOR: Duration = Duration::from_secs(10);

/// Cookies of one session; an app that sets more is not one that a gateway can serve.
const COOKIES: usize = 100;

/// The sessions with the app: one, or one for each tenant.
#[derive(Debug, Default)]
pub(super) struct SignIn {
    places: Mutex<HashMap<String, Arc<Place>>>,
}

/// Where one session stands.
#[derive(Debug, Default)]
pub(super) struct Place(tokio::sync::Mutex<State>);

#[derive(Debug, Default)]
enum State {
    #[default]
    Closed,
    Open(Arc<Signed>),
    Failed(Instant, Unsigned),
}

/// Why there is no session.
#[derive(Debug, Clone)]
pub(super) enum Unsigned {
    /// The app's answer, which is the call's.
    Reply(Box<Reply>),
    /// There was none.
    Failure(Failure),
}

impl From<Failure> for Unsigned {
    /// The call itself was never sent.
    fn from(failure: Failure) -> Self {
        Self::Failure(Failure { sent: false, message: format!("signing in: {}", failure.message), ..failure })
    }
}

impl SignIn {
    /// Where the session of this tenant stands; an empty name is everybody's.
    pub(super) fn place(&self, tenant: &str) -> Arc<Place> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        places.entry(tenant.to_owned()).or_default().clone()
    }
}

impl Place {
    /// The open session; else it is opened, by one caller for all that wait.
    pub(super) async fn signed(
        &self,
        lasts: Option<Duration>,
        open: impl Future<Output = Result<Signed, Unsigned>>,
    ) -> Result<Arc<Signed>, Unsigned> {
        let asked = Instant::now();
        let mut state = self.0.lock().await;
        match &*state {
            State::Open(signed) if lasts.is_none_or(|lasts| signed.since.elapsed() < lasts) => {
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
        let mut state = self.0.lock().await;
        if matches!(&*state, State::Open(signed) if Arc::ptr_eq(signed, old)) {
            *state = State::Closed;
        }
    }
}

impl Unsigned {
    fn denied(&self) -> bool {
        matches!(self, Self::Reply(reply) if reply.class == Class::Denied)
    }
}

/// What calls carry of an open session.
pub(super) struct Signed {
    /// What it keeps, for calls that name it.
    pub(super) kept: Map<String, Value>,
    /// Headers of every call.
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    /// Parameters of every call, encoded.
    pub(super) query: Vec<String>,
    jar: Option<Mutex<CookieStore>>,
    since: Instant,
}

/// Not what it holds.
impl fmt::Debug for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signed").finish_non_exhaustive()
    }
}

impl Signed {
    /// Without a session.
    pub(super) fn plain() -> Self {
        Self { kept: Map::new(), headers: Vec::new(), query: Vec::new(), jar: None, since: Instant::now() }
    }

    /// On the way: cookies are kept whatever becomes of them later.
    pub(super) fn opening(session: &Session) -> Self {
        Self { kept: session.keep.clone(), jar: Some(Mutex::default()), ..Self::plain() }
    }

    /// What it adds to calls from now on.
    pub(super) fn opened(mut self, session: &Session) -> Result<Self, Failure> {
        let bad = |what: &str| Failure::new(Kind::Nonsense, format!("what the app told cannot be sent as {what}"));
        let scope = Scope::default().with("session", Value::Object(self.kept.clone()));
        for (name, term) in &session.headers {
            let text = term.text(template::Place::Header, &scope).ok().flatten();
            let value = text.and_then(|text| HeaderValue::from_str(&text).ok());
            let mut value = value.ok_or_else(|| bad("a header"))?;
            value.set_sensitive(true);
            self.headers.push((name.clone(), value));
        }
        for (name, term) in &session.query {
            let text = term.text(template::Place::Query, &scope).ok().flatten().ok_or_else(|| bad("a parameter"))?;
            self.query.push(format!("{}={text}", percent(name)));
        }
        if !session.cookies {
            self.jar = None;
        }
        Ok(self)
    }

    /// The cookies for this address.
    pub(super) fn cookies(&self, uri: &Uri) -> Option<String> {
        let jar = self.jar.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner);
        let url = uri.to_string().parse().ok()?;
        let pairs: Vec<String> = jar.get_request_values(&url).map(|(name, value)| format!("{name}={value}")).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    /// Keeps the cookies of an answer from this address.
    pub(super) fn learn(&self, uri: &Uri, headers: &HeaderMap) {
        let Some(jar) = &self.jar else { return };
        let mut jar = jar.lock().unwrap_or_else(PoisonError::into_inner);
        let Ok(url) = uri.to_string().parse() else { return };
        for text in headers.get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok()) {
            if jar.iter_any().count() >= COOKIES {
                tracing::warn!("the app sets more cookies than are kept");
                return;
            }
            // What is no cookie of this origin is none.
            let _ = jar.parse(text, &url);
        }
    }
}
