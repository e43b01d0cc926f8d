//! `portolan test`: the conversations beside mappings, without their apps.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use serde_json::{Value, json};

use crate::gateway::conversation::{self, Outcome, Suite};

use super::{FAILED, FAULT, Output, screen};

/// Goes through the conversations of each mapping and says how each went.
pub(super) fn test(mappings: &[PathBuf], output: Output) -> ExitCode {
    let mut found = crate::diagnostic::Diagnostics::default();
    let mut suites = Vec::new();
    let mut mappings: Vec<PathBuf> = mappings.iter().map(|path| of_mapping(path)).collect();
    mappings.dedup();
    for mapping in &mappings {
        match conversation::load(mapping) {
            Ok(suite) => suites.push(suite),
            Err(faults) => found.extend(faults),
        }
    }
    if found.has_errors() {
        screen::report(&found);
        return ExitCode::from(FAULT);
    }
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(cause) => {
            screen::note(&format!("error: no runtime: {cause}"));
            return ExitCode::from(FAILED);
        }
    };
    let mut held = Vec::new();
    for suite in &suites {
        match runtime.block_on(suite.run()) {
            Ok(outcomes) => held.push((suite, outcomes)),
            Err(why) => {
                screen::note(&format!("error: {}: {why}", suite.file));
                return ExitCode::from(FAULT);
            }
        }
    }
    let all = || held.iter().flat_map(|(_, outcomes)| outcomes);
    let passed = all().filter(|o| o.differences.is_empty()).count();
    let failed = all().count() - passed;
    match output {
        Output::Json => screen::say(&as_json(&held, passed, failed).to_string()),
        Output::Text => {
            for (suite, outcomes) in &held {
                if held.len() > 1 {
                    screen::say(&suite.file);
                }
                outcomes.iter().for_each(|outcome| screen::say(&as_text(outcome)));
            }
            screen::say(&format!("{passed} passed, {failed} failed"));
        }
    }
    // A test that tests nothing has not passed.
    if failed == 0 && passed > 0 { ExitCode::SUCCESS } else { ExitCode::from(FAILED) }
}

/// `*.yaml` names the conversations as well; they stand for their mapping.
pub(super) fn of_mapping(path: &Path) -> PathBuf {
    let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(".test.yaml"));
    name.map_or_else(|| path.to_owned(), |name| path.with_file_name(format!("{name}.yaml")))
}

fn as_text(outcome: &Outcome) -> String {
    if outcome.differences.is_empty() {
        return format!("ok  {}", outcome.name);
    }
    let mut text = format!("FAILED {}", outcome.name);
    for line in outcome.differences.iter().flat_map(|d| d.to_string().lines().map(str::to_owned).collect::<Vec<_>>()) {
        text.push_str("\n  ");
        text.push_str(&line);
    }
    text
}

fn as_json(held: &[(&Suite, Vec<Outcome>)], passed: usize, failed: usize) -> Value {
    let one = |suite: &Suite, outcome: &Outcome| {
        let differences = outcome.differences.iter().map(|d| {
            let (expected, got) = d.sides.as_ref().map(|(expected, got)| (expected, got)).unzip();
            json!({ "what": d.what, "expected": expected, "got": got })
        });
        json!({
            "file": suite.file,
            "name": outcome.name,
            "passed": outcome.differences.is_empty(),
            "differences": differences.collect::<Vec<_>>(),
        })
    };
    let conversations = held.iter().flat_map(|(suite, outcomes)| outcomes.iter().map(|o| one(suite, o)));
    json!({ "passed": passed, "failed": failed, "conversations": conversations.collect::<Vec<_>>() })
}
