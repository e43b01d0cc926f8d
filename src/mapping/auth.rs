//! How the gateway signs in to an HTTP app: what every call carries, and a session that is opened by calls of its own. Secrets
//! stand here and nowhere else; calls name what the session keeps, and never hold it.

use std::{fmt, time::Duration};

use http::{HeaderName, HeaderValue, Uri};
use serde_json::{Map, Value};

use crate::config::Secret;

use super::{call::CallTemplate, term::Term};

/// How calls are signed.
#[derive(Debug, Default)]
pub struct Auth {
    /// Headers of every call; marked sensitive.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Parameters of every call, encoded: `key=abc`.
    pub query: Option<Secret>,
    /// Cookies of every call: `name=value; other=value`.
    pub cookies: Option<Secret>,
    /// What is opened before the first call.
    pub session: Option<Session>,
}

/// A session with the app.
pub struct Session {
    /// Known from the start, for calls to name: a token that belongs into bodies.
    pub keep: Map<String, Value>,
    /// How it is opened.
    pub open: Opening,
    /// Headers that it adds to every call.
    pub headers: Vec<(HeaderName, Term)>,
    /// Parameters that it adds to every call.
    pub query: Vec<(String, Term)>,
    /// Whether the app's cookies are kept and sent.
    pub cookies: bool,
    /// How long it is good for; none: until the app says otherwise.
    pub lasts: Option<Duration>,
    /// The tenant's values that the calls name which open it: each tenant then has its own.
    pub tenant: Vec<String>,
}

/// How a session is opened.
pub enum Opening {
    /// It is always open.
    Always,
    /// By these calls, in order; what they keep is the session's.
    Calls(Vec<CallTemplate>),
    /// By the credentials of an OAuth client (RFC 6749 §4.4): it keeps a `token`.
    Client(Client),
}

/// The credentials of an OAuth client.
pub struct Client {
    /// Where tokens are given; the one address beside the app's own that anything is sent to.
    pub url: Uri,
    /// The form that asks for one, encoded.
    pub form: Secret,
    /// The client's own header, where its credentials are not in the form.
    pub header: Option<HeaderValue>,
}

impl Auth {
    /// Whether signing in again may help where a call was not accepted.
    #[must_use]
    pub fn renews(&self) -> bool {
        self.session.as_ref().is_some_and(|session| !matches!(session.open, Opening::Always))
    }
}

/// Not what it holds: terms and calls have secrets in them.
impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}
