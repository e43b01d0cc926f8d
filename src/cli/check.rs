//! `portolan check`: every fault of a file at once, without an app.

use std::{path::Path, path::PathBuf, process::ExitCode};

use crate::{
    config::{Config, FileKind, Overrides},
    diagnostic::{Diagnostic, Diagnostics, Source},
    gateway::conversation,
    mapping::{
        self, Mapping,
        vars::{Var, Vars},
    },
    scim::profile::Profile,
};

use super::{FAULT, Output, screen, test};

/// Checks each file: a configuration or conversations with their mapping, else a mapping.
pub(super) fn check(files: &[PathBuf], output: Output) -> ExitCode {
    let mut every: Vec<Diagnostic> = Vec::new();
    for fault in files.iter().flat_map(|file| one(file)) {
        // A mapping may be named by itself and by what stands beside it.
        if !every.contains(&fault) {
            every.push(fault);
        }
    }
    let mut found = Diagnostics::default();
    found.extend(every);
    match output {
        Output::Json => screen::say(&found.to_json().to_string()),
        Output::Text => {
            screen::report(&found);
            if !found.has_errors() {
                let names: Vec<String> = files.iter().map(|f| f.display().to_string()).collect();
                screen::say(&format!("{}: no faults", names.join(", ")));
            }
        }
    }
    if found.has_errors() { ExitCode::from(FAULT) } else { ExitCode::SUCCESS }
}

fn one(file: &Path) -> Diagnostics {
    let source = match Source::read(file) {
        Ok(source) => source,
        Err(fault) => return fault.into(),
    };
    match FileKind::of(&source) {
        Some(FileKind::Configuration) => configuration(file),
        Some(FileKind::Conversations) => conversation::load(&test::of_mapping(file)).err().unwrap_or_default(),
        Some(FileKind::Mapping) | None => match mapping::compile(source, &Vars::Open) {
            Ok((_, warnings)) => warnings,
            Err(faults) => faults,
        },
    }
}

fn configuration(file: &Path) -> Diagnostics {
    match load_config(file, &Overrides::default(), &|name| std::env::var(name).ok()) {
        Ok(config) => {
            let mut found = config.warnings.clone();
            match mapping::load(&config.mapping, &vars(&config)) {
                Ok((mapping, warnings)) => {
                    found.extend(warnings);
                    found.extend(config.check_tenants(&mapping.tenant()));
                }
                Err(faults) => found.extend(faults),
            }
            found
        }
        Err(faults) => faults,
    }
}

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
