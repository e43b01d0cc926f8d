//! What of a call only its sender knows: values of the client's tenant, and what the session with the app keeps.

use std::{fmt, sync::Arc};

use http::{HeaderName, HeaderValue};
use serde_json::{Map, Value};

use crate::mapping::{call::Sends, term::Scope};

/// What of a call is open until it is sent.
#[derive(Clone)]
pub struct Open {
    pub(super) sends: Arc<Sends>,
    names: Scope<'static>,
    pub(super) beside: Beside,
}

/// What is sent beside what the template says: parameters, whose values are encoded, and headers.
#[derive(Clone, Default)]
pub(super) struct Beside {
    pub query: Vec<(String, String)>,
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

/// What the sender knows; what it does not is shown by its name.
#[derive(Debug, Clone, Copy, Default)]
pub struct Known<'k> {
    /// Values of the client's tenant.
    pub tenant: Option<&'k Map<String, Value>>,
    /// What the session with the app keeps.
    pub session: Option<&'k Map<String, Value>>,
}

impl Open {
    pub(super) fn of(sends: &Arc<Sends>, scope: &Scope<'_>) -> Option<Self> {
        (!sends.open.is_empty()).then(|| Self {
            sends: sends.clone(),
            names: scope.clone().into_owned(),
            beside: Beside::default(),
        })
    }

    pub(super) fn names(&self, known: &Known<'_>) -> Scope<'static> {
        let stand_ins = |of: &str| {
            let open = self.sends.open.iter().filter(|(name, _)| name == of);
            open.map(|(name, field)| (field.clone(), Value::from(format!("{{{name}.{field}}}")))).collect()
        };
        let fields = |of: &str, known: Option<&Map<String, Value>>| {
            Value::Object(known.cloned().unwrap_or_else(|| stand_ins(of)))
        };
        let scope = self.names.clone().with("tenant", fields("tenant", known.tenant));
        scope.with("session", fields("session", known.session))
    }
}

/// Not what it holds: those are values of people.
impl fmt::Debug for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.sends.open).finish()
    }
}
