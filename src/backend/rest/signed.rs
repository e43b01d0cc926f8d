//! What calls carry of an open session with the app, and why there may be none.

use std::{
    fmt,
    sync::{Mutex, PoisonError},
    time::Instant,
};

use cookie_store::CookieStore;
use http::{HeaderMap, HeaderName, HeaderValue, Uri, header::SET_COOKIE};
use serde_json::{Map, Value};

use crate::{
    backend::{Failure, Kind},
    mapping::{answer::Class, auth::Session, percent::percent, template, term::Scope},
    plan::call::Reply,
};

/// Cookies of one session; an app that sets more is not one that a gateway can serve.
const COOKIES: usize = 100;

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

impl Unsigned {
    /// Of a call that signs in and was not ok. What the app says of it is no client's business.
    pub(super) fn of(reply: Reply) -> Self {
        let class = if reply.class == Class::Busy { Class::Busy } else { Class::Denied };
        Self::Reply(Box::new(Reply { class, detail: None, ..reply }))
    }

    /// What it came to, for metrics.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Reply(reply) => reply.class.word(),
            Self::Failure(failure) => failure.kind.word(),
        }
    }

    pub(super) fn denied(&self) -> bool {
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
    /// When it is opened again without being told.
    pub(super) until: Option<Instant>,
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
        Self { kept: Map::new(), headers: Vec::new(), query: Vec::new(), jar: None, until: None }
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
        self.until = self.until.or_else(|| Instant::now().checked_add(session.lasts?));
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
