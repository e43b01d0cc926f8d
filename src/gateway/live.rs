//! What only the app itself can tell of a mapping, for `portolan check --live`: whether it is there, and whether it is as the
//! mapping says. Nothing is written.

mod http;
mod rules;

use std::sync::Arc;

use crate::{
    backend::{self, Backend},
    config::Tenant,
    diagnostic::{Diagnostic, Diagnostics, Severity},
    mapping::{App, Mapping},
};

use super::{Limits, catalog};

/// The code of the fault that there is no app to ask.
pub const NO_ANSWER: &str = "no-answer";

/// Holds a mapping against its app; `tenant` is that of some client, where the mapping keeps tenants apart.
pub async fn live(
    mapping: &mut Mapping,
    of_call: backend::Limits,
    limits: Limits,
    tenant: Option<Arc<Tenant>>,
) -> Diagnostics {
    let backend = match Backend::open(&mapping.app, of_call).await {
        Ok(backend) => backend,
        Err(why) => return none(&why.to_string()),
    };
    if let Err(failure) = backend.ping().await {
        return none(&format!("the app does not answer: {failure}"));
    }
    match &mapping.app {
        App::Rest(_) => http::http(mapping, backend, limits, tenant).await,
        App::Sql(_) => database(&backend, mapping).await,
    }
}

/// A database: its columns.
async fn database(backend: &Backend, mapping: &mut Mapping) -> Diagnostics {
    match catalog(backend, mapping).await {
        Ok(catalog) => mapping.learn(catalog),
        Err(why) => return Diagnostic::new(Severity::Error, "unfit-database", why).into(),
    }
    Diagnostics::default()
}

fn none(why: &str) -> Diagnostics {
    let mut fault = Diagnostic::new(Severity::Error, NO_ANSWER, why);
    fault.help("start the app, or correct its address in the variables of the configuration");
    fault.into()
}
