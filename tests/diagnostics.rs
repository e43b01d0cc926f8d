//! Faults as people read them: each code has a file that is wrong in this way, its whole report beside it, and a line in
//! the reference. Whatever else is written is read or refused, never a panic.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use portolan::{
    config::{Config, Overrides},
    diagnostic::{Diagnostics, Source},
    mapping::{
        self,
        vars::{Var, Vars},
    },
};
use proptest::prelude::*;

/// A file that cannot be read has no text to show; tests/config.rs has it.
const WITHOUT_FIXTURE: [&str; 1] = ["file"];

fn report(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let found: Diagnostics = if text.contains("clients:") {
        match Config::load(path, &|_| None, &["tolerant", "strict"], &Overrides::default()) {
            Ok(config) => config.warnings,
            Err(faults) => faults,
        }
    } else {
        let tenant = Var { value: "t1".to_owned(), secret: false, place: None };
        let token = Var { value: "hunter2".to_owned(), secret: true, place: None };
        let vars = BTreeMap::from([("TENANT".to_owned(), tenant), ("TOKEN".to_owned(), token)]);
        let vars = vars.into_iter().filter(|(name, _)| text.contains(name.as_str())).collect();
        match mapping::load(path, &Vars::Given(vars)) {
            Ok((_, warnings)) => warnings,
            Err(faults) => faults,
        }
    };
    found.render(false)
}

#[test]
fn reports() {
    common::check_reports("tests/diagnostics", report);
}

#[test]
fn every_code_has_a_fixture_and_a_line_in_the_reference() {
    let mut codes = BTreeSet::new();
    for folder in ["src/mapping", "src/yaml", "src/config", "src/diagnostic"] {
        rust_files(Path::new(folder), &mut |text| codes.extend(codes_in(text)));
    }
    assert!(
        codes.contains("not-supported") && codes.contains("unknown-variable") && codes.contains("file"),
        "{codes:?}"
    );
    let reference = fs::read_to_string("docs/reference/diagnostics.md").unwrap_or_default();
    let mut wrong = Vec::new();
    // what only an app tells has its tests where there is one: `live`, `live_http`
    let mut live = fs::read_to_string("src/gateway/live.rs").unwrap();
    rust_files(Path::new("src/gateway/live"), &mut |text| live.push_str(text));
    rust_files(Path::new("src/cli"), &mut |text| live.push_str(text));
    for code in codes_in(&live).iter().filter(|code| code.contains('-')) {
        if !reference.contains(&format!("\n| `{code}` |")) {
            wrong.push(format!("{code} is not in docs/reference/diagnostics.md"));
        }
    }
    for code in &codes {
        if !reference.contains(&format!("\n| `{code}` |")) {
            wrong.push(format!("{code} is not in docs/reference/diagnostics.md"));
        }
        if WITHOUT_FIXTURE.contains(&code.as_str()) {
            continue;
        }
        let fixture = fs::read_to_string(format!("tests/diagnostics/{code}.txt")).unwrap_or_default();
        if !fixture.contains(&format!("[{code}]: ")) {
            wrong.push(format!("tests/diagnostics/{code}.yaml is missing, or is not wrong in this way"));
        }
    }
    for line in reference.lines() {
        if let Some(code) = line.strip_prefix("| `").and_then(|l| l.split('`').next())
            && !codes.contains(code)
            && !live.contains(&format!("\"{code}\""))
        {
            wrong.push(format!("docs/reference/diagnostics.md explains `{code}`, which nothing says"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is known and not built is refused by name, all of it at once.
#[test]
fn what_is_not_built_is_said_all_at_once() {
    for (name, least) in [("not-supported", 10), ("not-supported-sql", 8)] {
        let report = fs::read_to_string(format!("tests/diagnostics/{name}.txt")).unwrap();
        let refused = report.lines().filter(|l| l.starts_with("error[not-supported]")).collect::<Vec<_>>();
        assert!(refused.len() >= least, "{name}: {}", refused.len());
        assert!(refused.iter().all(|l| l.contains("not supported yet")), "{refused:#?}");
    }
}

/// The codes that a file's text gives to faults.
fn codes_in(text: &str) -> Vec<String> {
    let text = text.find("#[cfg(test)]\nmod tests").map_or(text, |at| &text[..at]);
    let mut found = Vec::new();
    for call in [".error(", ".warning(", ".advice(", "Diagnostic::new(", "Err(("] {
        for (at, _) in text.match_indices(call) {
            let statement = text[at..].split(';').next().unwrap();
            let code = statement.split('"').nth(1).unwrap_or_default();
            if is_code(code) {
                found.push(code.to_owned());
            }
        }
    }
    // A tuple that becomes a fault further up: the code stands on a line of its own.
    let alone = text.lines().filter_map(|line| line.trim().strip_prefix('"')?.strip_suffix("\","));
    found.extend(alone.filter(|code| code.contains('-') && is_code(code)).map(str::to_owned));
    found
}

fn is_code(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase() || c == '-')
}

fn rust_files(folder: &Path, each: &mut impl FnMut(&str)) {
    for entry in fs::read_dir(folder).unwrap() {
        let path: PathBuf = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, each);
        } else if path.extension().is_some_and(|e| e == "rs") {
            each(&fs::read_to_string(&path).unwrap());
        }
    }
}

const WHOLE: [&str; 3] = [
    include_str!("../mappings/jupyterhub.yaml"),
    include_str!("../examples/quickstart/mapping.yaml"),
    include_str!("../benches/acme.yaml"),
];

/// A mapping in which one line is gone, doubled, moved, or has another line's value.
fn mutated() -> impl Strategy<Value = String> {
    let scrap = prop::sample::select(vec![
        "",
        "$",
        "$.",
        "{{",
        "{{id}}",
        "[]",
        "{}",
        "null",
        "true",
        "5",
        "-1",
        "store",
        "*x",
        "'",
        "GET /",
        "{ at: $ }",
        "{ each: $.a, value: $ }",
        "$.a[*]",
        "{ not: [] }",
        "userName",
        "{ set: {} }",
        "now",
        "é\u{0}",
    ]);
    (0..WHOLE.len(), any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..6_u8, scrap).prop_map(
        |(which, one, two, how, scrap)| {
            let mut lines: Vec<String> = WHOLE[which].lines().map(str::to_owned).collect();
            let (i, j) = (one.index(lines.len()), two.index(lines.len()));
            let value_of = |line: &str| line.split_once(": ").map_or(String::new(), |(_, v)| v.to_owned());
            match how {
                0 => drop(lines.remove(i)),
                1 => lines.swap(i, j),
                2 => lines.insert(i, lines[j].clone()),
                3 => lines[i] = format!("{}: {}", lines[i].split(": ").next().unwrap(), value_of(&lines[j])),
                4 => lines[i] = format!("{}: {scrap}", lines[i].split(": ").next().unwrap()),
                _ => {
                    let mut words: Vec<&str> = lines[i].split(' ').collect();
                    let at = two.index(words.len());
                    words[at] = scrap;
                    lines[i] = words.join(" ");
                }
            }
            lines.join("\n")
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is written, it is compiled or refused with a place and a sentence; and what is refused says how.
    #[test]
    fn any_mapping_is_read_or_refused(text in mutated()) {
        match mapping::compile(Source::new("mapping.yaml", &text), &Vars::Open) {
            Ok(_) => {}
            Err(faults) => {
                prop_assert!(faults.has_errors());
                for fault in faults.sorted() {
                    prop_assert!(fault.place.is_some() && !fault.message.is_empty() && !fault.message.ends_with('.'), "{fault:?}");
                }
                let _ = faults.render(false);
            }
        }
    }
}
