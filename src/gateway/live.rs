//! What only the app itself can tell of a mapping, for `portolan check --live`: whether it is there, and whether it is as the
//! mapping says. Nothing is written.

use crate::{
    backend::{Backend, Limits},
    diagnostic::{Diagnostic, Diagnostics, Severity},
    mapping::{App, Mapping},
};

use super::catalog;

/// The code of the fault that there is no app to ask.
pub const NO_ANSWER: &str = "no-answer";

/// Holds a mapping against its app.
pub async fn live(mapping: &mut Mapping, limits: Limits) -> Diagnostics {
    let backend = match Backend::open(&mapping.app, limits).await {
        Ok(backend) => backend,
        Err(why) => return none(&why.to_string()),
    };
    if let Err(failure) = backend.ping().await {
        return none(&format!("the app does not answer: {failure}"));
    }
    match &mapping.app {
        App::Rest(_) => Diagnostics::default(),
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
