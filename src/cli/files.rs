//! The files that commands are given, read: a configuration, its mapping, and what one gives the other.

use std::path::Path;

use crate::{
    backend,
    config::{Config, Overrides},
    diagnostic::Diagnostics,
    mapping::{
        self, Mapping,
        vars::{Var, Vars},
    },
    scim::profile::Profile,
};

use super::screen;

/// Reads a configuration; the profiles are those of [`Profile::ALL`].
pub(super) fn load_config(
    file: &Path,
    overrides: &Overrides,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Config, Diagnostics> {
    Config::load(file, env, &Profile::ALL.map(|p| p.name), overrides)
}

/// Reads a mapping and shows what was found; nothing where it has a fault.
pub(super) fn load_mapping(file: &Path, vars: &Vars) -> Option<Mapping> {
    match mapping::load(file, vars) {
        Ok((mapping, warnings)) => {
            screen::report(&warnings);
            Some(mapping)
        }
        Err(faults) => {
            screen::report(&faults);
            None
        }
    }
}

/// The variables that a configuration gives its mapping.
pub(super) fn vars(config: &Config) -> Vars {
    let given = config.vars.iter().map(|(name, var)| {
        let (value, place) = (var.value.expose().clone(), Some(var.place.clone()));
        (name.clone(), Var { value, secret: var.secret, place })
    });
    Vars::Given(given.collect())
}

/// What one call may take.
pub(super) fn of_call(config: &Config) -> backend::Limits {
    backend::Limits {
        call_time: config.limits.upstream_time,
        answer_bytes: config.limits.answer,
        depth: backend::DEPTH,
    }
}
