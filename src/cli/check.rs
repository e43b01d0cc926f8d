//! `portolan check`: every fault of a file at once, without an app; with `--live` also what the app itself tells.

use std::{path::Path, path::PathBuf, process::ExitCode};

use crate::{
    config::{FileKind, Overrides},
    diagnostic::{Diagnostic, Diagnostics, Severity, Source},
    gateway::{conversation, live::NO_ANSWER},
    mapping::{self, vars::Vars},
};

use super::{
    FAILED, FAULT, Output,
    files::{load_config, vars},
    live, screen, test,
};

/// Checks each file: a configuration or conversations with their mapping, else a mapping.
pub(super) fn check(files: &[PathBuf], live: bool, output: Output) -> ExitCode {
    let mut every: Vec<Diagnostic> = Vec::new();
    for fault in files.iter().flat_map(|file| one(file, live)) {
        // A mapping may be named by itself and by what stands beside it.
        if !every.contains(&fault) {
            every.push(fault);
        }
    }
    let no_answer = every.iter().any(|fault| fault.code == NO_ANSWER);
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
    match found.count(Severity::Error) {
        0 => ExitCode::SUCCESS,
        _ if no_answer => ExitCode::from(FAILED),
        _ => ExitCode::from(FAULT),
    }
}

fn one(file: &Path, live: bool) -> Diagnostics {
    let source = match Source::read(file) {
        Ok(source) => source,
        Err(fault) => return fault.into(),
    };
    match FileKind::of(&source) {
        Some(FileKind::Configuration) => configuration(file, live),
        _ if live => no_configuration(&source),
        Some(FileKind::Conversations) => conversation::load(&test::of_mapping(file)).err().unwrap_or_default(),
        Some(FileKind::Mapping) | None => match mapping::compile(source, &Vars::Open) {
            Ok((_, warnings)) => warnings,
            Err(faults) => faults,
        },
    }
}

/// A mapping by itself does not know where its app is.
fn no_configuration(source: &Source) -> Diagnostics {
    let message = format!("`{}` is no configuration, so it does not say where the app is", source.name());
    let mut fault = Diagnostic::new(Severity::Error, "no-configuration", message);
    fault.help("name the portolan.yaml whose `mapping` it is");
    fault.into()
}

fn configuration(file: &Path, live: bool) -> Diagnostics {
    match load_config(file, &Overrides::default(), &|name| std::env::var(name).ok()) {
        Ok(config) => {
            let mut found = config.warnings.clone();
            match mapping::load(&config.mapping, &vars(&config)) {
                Ok((mut mapping, warnings)) => {
                    found.extend(warnings);
                    found.extend(config.check_tenants(&mapping.tenant()));
                    if live && !found.has_errors() {
                        found.extend(live::ask(&config, &mut mapping));
                    }
                }
                Err(faults) => found.extend(faults),
            }
            found
        }
        Err(faults) => faults,
    }
}
