//! `${NAME}` in a mapping: filled once at load from the `vars` of `portolan.yaml`, and literal from then on. A mapping
//! reads no environment and no file; a secret variable may stand only under `auth` and in the URL of a database (law 13).

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    config::{Piece, pieces},
    diagnostic::{Diagnostic, Faults, Place, Severity, did_you_mean},
    yaml::{Node, Value},
};

/// What `${NAME}` may see.
#[derive(Debug, Clone)]
pub enum Vars {
    /// These and no others.
    Given(BTreeMap<String, Var>),
    /// Any name, with a stand-in as its value: for checking, explaining and testing a mapping without an app.
    Open,
}

/// One variable.
#[derive(Debug, Clone)]
pub struct Var {
    /// Its value.
    pub value: String,
    /// Whether it may stand only under `auth` and in the URL of a database.
    pub secret: bool,
    /// Where it is declared; who does not use it is told so there.
    pub place: Option<Place>,
}

/// Fills every text of the tree. A variable that stands nowhere is a warning.
pub fn fill(node: &mut Node, vars: &Vars, faults: &mut Faults) {
    let mut used = BTreeSet::new();
    walk(node, vars, faults, &mut Vec::new(), &mut used);
    let Vars::Given(given) = vars else { return };
    for (name, var) in given.iter().filter(|(name, _)| !used.contains(*name)) {
        let message = format!("the mapping does not use the variable `{name}`");
        let mut unused = Diagnostic::new(Severity::Warning, "unused-variable", message);
        unused.help(format!("write `${{{name}}}` where it belongs in the mapping, or take it out here"));
        unused.place.clone_from(&var.place);
        faults.push(unused);
    }
}

/// Whether what stands here is never shown: below `auth`, and in a database's URL, which has its password.
fn keeps_secrets(trail: &[String]) -> bool {
    trail.iter().any(|key| key == "auth") || trail.iter().eq(["app", "sql", "url"])
}

fn walk(node: &mut Node, vars: &Vars, faults: &mut Faults, trail: &mut Vec<String>, used: &mut BTreeSet<String>) {
    let span = node.span;
    match &mut node.value {
        Value::List(items) => items.iter_mut().for_each(|item| walk(item, vars, faults, trail, used)),
        Value::Map(entries) => {
            for (key, value) in entries {
                trail.push(key.name.clone());
                walk(value, vars, faults, trail, used);
                trail.pop();
            }
        }
        Value::Text(text) if text.contains("${") => {
            let mut filled = String::new();
            let Ok(found) = pieces(text) else {
                faults
                    .error(span, "bad-variable", "a `${` here is not closed, or has no name")
                    .help("write `${NAME}`, or `$${` for the characters themselves");
                return;
            };
            for piece in found {
                if let Piece::Variable { name, .. } = piece {
                    used.insert(name.to_owned());
                }
                match piece {
                    Piece::Text(text) => filled.push_str(text),
                    Piece::Variable { name, .. } => match value(name, vars, keeps_secrets(trail)) {
                        Ok(value) if value.contains("{{") || value.starts_with('$') => {
                            faults
                                .error(
                                    span,
                                    "bad-variable",
                                    format!("the value of `{name}` holds `{{{{` or begins with `$`"),
                                )
                                .help("a variable is literal text; it cannot bring holes or paths into a mapping");
                        }
                        Ok(value) => filled.push_str(&value),
                        Err((code, message, help)) => {
                            filled.push_str(&stand_in(name));
                            faults.error(span, code, message).help(help);
                        }
                    },
                }
            }
            *text = filled;
        }
        _ => {}
    }
}

fn value(name: &str, vars: &Vars, secrets: bool) -> Result<String, (&'static str, String, String)> {
    let Vars::Given(given) = vars else { return Ok(stand_in(name)) };
    match given.get(name) {
        Some(var) if var.secret && !secrets => Err((
            "secret-outside-auth",
            format!("`{name}` is secret and may stand only under `auth` and in `app.sql.url`"),
            "move it there, or declare it without `secret: true`".to_owned(),
        )),
        Some(var) => Ok(var.value.clone()),
        None => Err((
            "unknown-variable",
            format!("`{name}` is not among the `vars` of portolan.yaml"),
            match did_you_mean(name, given.keys().map(String::as_str)) {
                Some(near) => format!("write `{near}`, or add `{name}` to `vars`"),
                None => format!("add `{name}` to `vars` in portolan.yaml"),
            },
        )),
    }
}

/// The value a variable has where there is none: by its name, an address or a word.
fn stand_in(name: &str) -> String {
    if name.contains("DATABASE") {
        "sqlite:app.sqlite".to_owned()
    } else if name.ends_with("URL") {
        "http://app.invalid".to_owned()
    } else {
        name.to_ascii_lowercase().replace('_', "-")
    }
}
