//! The shape of the source, held by a test: which module may know which, where each foreign crate lives, who prints, and
//! how long a file may be. Change a table here only together with the reason.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A module imports only from those before it.
const ORDER: [&str; 11] =
    ["diagnostic", "yaml", "config", "scim", "mapping", "plan", "metrics", "backend", "gateway", "server", "cli"];

/// Narrower than the order: who never hears of what, though it comes before.
const NEVER: &[(&str, &[&str])] = &[
    ("scim", &["diagnostic", "yaml", "config"]), // the standard knows no files
    ("plan", &["diagnostic", "yaml", "config"]), // nothing is parsed once a mapping is compiled
    ("metrics", &["diagnostic", "yaml", "config", "scim", "mapping", "plan"]), // numbers and words
    ("backend", &["scim", "yaml"]),              // calls and replies only
    ("server", &["yaml", "mapping"]),            // a door does not know what is behind it
];

/// One crate, one home: the files whose path begins so. `""` is everywhere: the words that all modules share.
const HOMES: &[(&str, &[&str])] = &[
    ("annotate_snippets", &["diagnostic/"]),
    ("anstream", &["cli/screen.rs"]),
    ("argon2", &["gateway/hash.rs"]),
    ("async_trait", &["server/process.rs"]),
    ("base64", &["config/values.rs", "gateway/hash.rs", "gateway/seal.rs", "mapping/compile/auth.rs"]),
    ("bcrypt", &["gateway/hash.rs"]),
    ("bytes", &["backend/", "gateway/", "server/"]),
    ("clap", &["cli/"]),
    ("cookie_store", &["backend/rest/signed.rs"]),
    ("flate2", &["backend/rest/wire.rs"]),
    ("futures_util", &["backend/"]),
    ("getrandom", &["gateway/hash.rs", "server/stack.rs"]),
    ("handlebars", &["mapping/template.rs"]),
    ("http", &[""]),
    ("http_body_util", &["backend/rest/", "server/"]),
    ("hyper", &["backend/rest/", "server/"]),
    ("hyper_rustls", &["backend/rest/wire.rs"]),
    ("hyper_util", &["backend/rest/", "server/"]),
    ("jiff", &[""]),
    ("jsonpath_rust", &["mapping/selector.rs"]),
    ("md5", &["gateway/hash.rs"]),
    ("pbkdf2", &["gateway/hash.rs"]),
    ("percent_encoding", &[""]),
    ("pingora", &["server/process.rs"]),
    ("prometheus_client", &["metrics.rs"]),
    ("ring", &["gateway/seal.rs"]),
    ("rustls", &["backend/rest/wire.rs"]),
    ("saphyr_parser", &["yaml/parse.rs"]),
    ("serde", &["scim/"]),
    ("serde_json", &[""]),
    ("sha2", &["gateway/bookmark.rs", "gateway/hash.rs", "scim/version.rs", "server/late", "server/stack.rs"]),
    ("sqlx", &["backend/sql/"]),
    ("strsim", &["diagnostic/"]),
    ("subtle", &["server/stack.rs"]),
    ("tokio", &["backend/", "gateway/", "server/", "cli/"]),
    ("tower", &["backend/rest/pace.rs", "server/"]),
    ("tracing", &[""]),
    ("tracing_subscriber", &["cli/"]),
    ("mimalloc", &["main.rs"]),
    ("portolan", &["main.rs"]),
];

const MOST_LINES: usize = 450;

#[test]
fn the_source_keeps_its_shape() {
    let mut wrong = Vec::new();
    for file in rust_files(Path::new("src")) {
        let text = fs::read_to_string(&file).unwrap();
        let path = file.strip_prefix("src").unwrap().display().to_string();
        wrong.extend(faults(&path, &text).into_iter().map(|fault| format!("src/{path}: {fault}")));
    }
    for file in rust_files(Path::new("tests")) {
        let path = file.display().to_string();
        let fault = too_long(&fs::read_to_string(&file).unwrap());
        wrong.extend(fault.map(|fault| format!("{path}: {fault}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A dependency without a home is one nobody decided on; a home without a dependency is a leftover.
#[test]
fn every_dependency_has_a_home_and_is_used() {
    let manifest = fs::read_to_string("Cargo.toml").unwrap();
    let declared = dependencies(&manifest);
    assert!(declared.contains(&"serde_json".to_owned()), "{declared:?}");
    let sources: Vec<String> =
        rust_files(Path::new("src")).iter().map(|f| code(&fs::read_to_string(f).unwrap())).collect();
    let mut wrong = Vec::new();
    for name in &declared {
        if !HOMES.iter().any(|(known, _)| known == name) {
            wrong.push(format!("{name} has no home in tests/architecture.rs"));
        }
        if !sources.iter().any(|text| paths(text).iter().any(|path| path.first() == Some(name))) {
            wrong.push(format!("{name} is in Cargo.toml and not used"));
        }
    }
    for (name, _) in HOMES.iter().filter(|(name, _)| *name != "portolan" && !declared.contains(&(*name).to_owned())) {
        wrong.push(format!("{name} has a home and is not in Cargo.toml"));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn faults(path: &str, text: &str) -> Vec<String> {
    let mut found: Vec<String> = too_long(text).into_iter().collect();
    let text = code(text);
    let module: Vec<String> = path
        .trim_end_matches(".rs")
        .split('/')
        .filter(|part| !matches!(*part, "mod" | "lib" | "main"))
        .map(str::to_owned)
        .collect();
    let mine = module.first().map_or("", String::as_str);
    for used in paths(&text) {
        let first = used.first().map_or("", String::as_str);
        if let Some((_, homes)) = HOMES.iter().find(|(name, _)| *name == first)
            && !homes.iter().any(|home| path.starts_with(home))
        {
            found.push(format!("{first} lives in {}", homes.join(", ")));
        }
        let Some(other) = in_crate(&module, &used) else { continue };
        let place = |name: &str| ORDER.iter().position(|m| *m == name);
        if let (Some(me), Some(it)) = (place(mine), place(&other)) {
            if it > me {
                found.push(format!("{mine} uses {other}, which comes after it"));
            } else if NEVER.iter().any(|(name, never)| *name == mine && never.contains(&other.as_str())) {
                found.push(format!("{mine} uses {other}, of which it should not know"));
            }
        }
    }
    if mine != "cli" {
        for word in ["println!", "print!", "eprintln!", "eprint!", "dbg!", "stdout(", "stderr("] {
            if begins(&text, word).next().is_some() {
                found.push(format!("`{word}` outside src/cli"));
            }
        }
    }
    found.sort();
    found.dedup();
    found
}

fn too_long(text: &str) -> Option<String> {
    let lines = text.lines().count();
    (lines > MOST_LINES).then(|| format!("{lines} lines, and {MOST_LINES} are the most"))
}

/// The top module of this crate that a path leads to, seen from `module`.
fn in_crate(module: &[String], used: &[String]) -> Option<String> {
    match used.first()?.as_str() {
        "crate" => used.get(1).cloned(),
        "super" => {
            let ups = used.iter().take_while(|part| *part == "super").count();
            let kept = module.len().checked_sub(ups)?;
            module[..kept].iter().chain(&used[ups..]).next().cloned()
        }
        _ => None,
    }
}

/// The text without comments, without what stands in quotes, and without its unit tests.
fn code(text: &str) -> String {
    let text = text.find("#[cfg(test)]\nmod tests").map_or(text, |at| &text[..at]);
    let mut out = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let raw = rest.strip_prefix("r#\"").map(|inner| (inner, "\"#")).or(rest.strip_prefix("r\"").map(|i| (i, "\"")));
        if let Some((inner, end)) = raw.filter(|_| !out.ends_with(|c: char| c.is_alphanumeric() || c == '_')) {
            rest = inner.find(end).map_or("", |at| &inner[at + end.len()..]);
            out.push_str("\"\"");
        } else if rest.starts_with("//") {
            rest = rest.find('\n').map_or("", |at| &rest[at..]);
        } else if let Some(after) = ["'\"'", "'\\''", "'\\\\'"].iter().find_map(|quote| rest.strip_prefix(quote)) {
            rest = after;
        } else if c == '"' {
            let mut escaped = false;
            let end = rest[1..].find(|c| {
                let ends = c == '"' && !escaped;
                escaped = c == '\\' && !escaped;
                ends
            });
            rest = end.map_or("", |at| &rest[at + 2..]);
            out.push_str("\"\"");
        } else {
            out.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    out
}

/// All paths with `::` in a text; `use` trees are spread out.
fn paths(text: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for at in begins(text, "use ") {
        if let Some(end) = text[at..].find(';') {
            spread(&[], &text[at + 4..at + end], &mut found);
        }
    }
    let word = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    found.extend(
        text.split(|c| !word(c))
            .filter(|path| path.contains("::"))
            .map(|path| path.split("::").map(str::to_owned).collect()),
    );
    found
}

fn spread(front: &[String], tree: &str, found: &mut Vec<Vec<String>>) {
    let mut depth = 0;
    let branches = tree.split(|c| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        c == ',' && depth == 0
    });
    for branch in branches.map(str::trim).filter(|b| !b.is_empty()) {
        let (path, below) = match (branch.find('{'), branch.rfind('}')) {
            (Some(open), Some(close)) if open < close => (&branch[..open], Some(&branch[open + 1..close])),
            _ => (branch, None),
        };
        let path = path.split(" as ").next().unwrap_or_default();
        let steps = path.split("::").map(str::trim).filter(|step| !step.is_empty()).map(str::to_owned);
        let whole: Vec<String> = front.iter().cloned().chain(steps).collect();
        match below {
            Some(below) => spread(&whole, below, found),
            None => found.push(whole),
        }
    }
}

/// Where a word begins that is not the end of a longer one.
fn begins<'t>(text: &'t str, word: &'t str) -> impl Iterator<Item = usize> + 't {
    text.match_indices(word)
        .map(|(at, _)| at)
        .filter(move |at| !text[..*at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
}

fn dependencies(manifest: &str) -> Vec<String> {
    let part = manifest.split("\n[").find(|part| part.starts_with("dependencies]")).unwrap_or_default();
    let names = part.lines().skip(1).filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('='));
    names.map(|(name, _)| name.trim().replace('-', "_")).collect()
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Each rule can fail.
#[test]
fn the_rules_bite() {
    for (path, text, expected) in [
        ("scim/path.rs", "use crate::plan::Call;", "scim uses plan, which comes after it"),
        (
            "mapping/rest.rs",
            "use crate::{\n  scim::{a, b},\n  backend::{sql::X},\n};",
            "mapping uses backend, which comes after it",
        ),
        ("yaml/mod.rs", "fn f() -> crate::scim::Refusal {}", "yaml uses scim, which comes after it"),
        ("plan/mod.rs", "use super::gateway::X;", "plan uses gateway, which comes after it"),
        ("plan/sql/mod.rs", "use super::super::{a, cli::X};", "plan uses cli, which comes after it"),
        ("backend/mod.rs", "use crate::scim::ScimType;", "backend uses scim, of which it should not know"),
        ("plan/call.rs", "use hyper::Request;", "hyper lives in backend/rest/, server/"),
        ("plan/call.rs", "fn f(p: &sqlx::Pool) {}", "sqlx lives in backend/sql/"),
        ("server/mod.rs", "use { a, subtle::{ConstantTimeEq as Eq} };", "subtle lives in server/stack.rs"),
        ("gateway/mod.rs", "fn f() { println!(\"x\") }", "`println!` outside src/cli"),
        ("gateway/mod.rs", "use std::io::stdout; fn f() { stdout().lock() }", "`stdout(` outside src/cli"),
        ("scim/mod.rs", &"\n".repeat(451), "451 lines, and 450 are the most"),
    ] {
        assert_eq!(faults(path, text), [expected], "{path}: {text}");
    }
    for (path, text) in [
        ("plan/sql/mod.rs", "use super::{fill::f, sql::x}; // not crate::cli::x\nuse crate::{mapping::a, scim::b};"),
        (
            "scim/mod.rs",
            "const A: &str = \"use crate::cli; \\\" println!\"; const B: &str = r#\"sqlx::\"#; const C: char = '\"';",
        ),
        ("scim/mod.rs", "fn sprintln() {}\n#[cfg(test)]\nmod tests { use crate::cli::X; }"),
        ("cli/mod.rs", "use crate::server::X; fn f() { println!(\"\") }"),
        ("backend/sql/sqlite_decode.rs", "use sqlx::Row;"),
    ] {
        assert_eq!(faults(path, text), [""; 0], "{path}: {text}");
    }
    assert_eq!(
        dependencies(
            "[package]\nname = \"x\"\n\n[dependencies]\n# y = 1\na-b = \"1\"\nc = { version = \"1\" }\n\n[dev-dependencies]\nd = \"1\"\n"
        ),
        ["a_b", "c"]
    );
}
