//! `portolan check --live`: holds a mapping against the app that its configuration names. Databases that the configuration
//! would make are not made here.

use crate::{
    config::Config,
    diagnostic::{Diagnostic, Diagnostics, Severity},
    gateway::live::{NO_ANSWER, live},
    mapping::Mapping,
};

use super::files;

/// What the app tells.
pub(super) fn ask(config: &Config, mapping: &mut Mapping) -> Diagnostics {
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => {
            let tenant = config.clients.iter().find_map(|client| client.tenant.clone());
            runtime.block_on(live(mapping, files::of_call(config), (&config.limits).into(), tenant))
        }
        Err(cause) => Diagnostic::new(Severity::Error, NO_ANSWER, format!("no runtime: {cause}")).into(),
    }
}
