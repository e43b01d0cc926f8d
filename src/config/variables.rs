//! `${NAME}` and `${file:PATH}` in texts. Only texts are filled, after the YAML is read, so a value can never become
//! YAML; `$${` stands for `${` itself.

use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::path::Path;

use crate::diagnostic::{Faults, Span};
use crate::yaml::{Node, Value};

/// The largest file that `${file:…}` takes.
const LARGEST: u64 = 64 * 1024;

/// A piece of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece<'t> {
    /// Stands for itself.
    Text(&'t str),
    /// `${name}`.
    Variable {
        /// What stands between the braces.
        name: &'t str,
        /// Where `${name}` stands in the text.
        range: Range<usize>,
    },
}

/// Cuts a text at its variables. Mappings use the same form, with names from `vars` alone.
///
/// # Errors
/// The place of a `${` that is not closed.
pub fn pieces(text: &str) -> Result<Vec<Piece<'_>>, Range<usize>> {
    let mut pieces = Vec::new();
    let mut done = 0;
    while let Some(at) = text[done..].find("${").map(|at| at + done) {
        if text[done..at].ends_with('$') {
            pieces.push(Piece::Text(&text[done..at - 1]));
            pieces.push(Piece::Text("${"));
            done = at + 2;
            continue;
        }
        let Some(length) = text[at..].find('}') else { return Err(at..text.len()) };
        pieces.push(Piece::Text(&text[done..at]));
        done = at + length + 1;
        pieces.push(Piece::Variable { name: &text[at + 2..done - 1], range: at..done });
    }
    pieces.push(Piece::Text(&text[done..]));
    Ok(pieces)
}

/// Whether `name` can be a variable: letters, digits and `_`, not beginning with a digit.
pub(super) fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Where values come from.
pub(super) struct Lookup<'l> {
    pub(super) env: &'l dyn Fn(&str) -> Option<String>,
    /// What the paths of files are relative to.
    pub(super) folder: &'l Path,
}

/// Replaces every variable in the texts of a tree; returns the places of the texts where that failed.
pub(super) fn fill(node: &mut Node, faults: &mut Faults, lookup: &Lookup<'_>) -> Vec<Span> {
    match &mut node.value {
        Value::Text(text) if text.contains("${") => match lookup.fill(text, node.span, faults) {
            Some(filled) => *text = filled,
            None => return vec![node.span],
        },
        Value::List(items) => return items.iter_mut().flat_map(|item| fill(item, faults, lookup)).collect(),
        Value::Map(entries) => return entries.iter_mut().flat_map(|(_, value)| fill(value, faults, lookup)).collect(),
        _ => {}
    }
    Vec::new()
}

impl Lookup<'_> {
    fn fill(&self, text: &str, span: Span, faults: &mut Faults) -> Option<String> {
        let pieces = match pieces(text) {
            Ok(pieces) => pieces,
            Err(range) => {
                faults
                    .error(faults.within(span, text, range), "bad-variable", "this `${` is not closed")
                    .help("write `${NAME}`, or `$${` for the text itself");
                return None;
            }
        };
        let mut filled = Some(String::new());
        for piece in pieces {
            let value = match piece {
                Piece::Text(text) => Ok(text.to_owned()),
                Piece::Variable { name, range } => self.look_up(name).map_err(|fault| (fault, range)),
            };
            match value {
                Ok(value) => filled = filled.map(|before| before + &value),
                Err(((code, message, help), range)) => {
                    faults.error(faults.within(span, text, range), code, message).help(help);
                    filled = None;
                }
            }
        }
        filled
    }

    /// The value, or code, message and help of the fault.
    fn look_up(&self, name: &str) -> Result<String, (&'static str, String, String)> {
        if let Some(path) = name.strip_prefix("file:") {
            return self.read_file(path).map_err(|why| {
                (
                    "bad-variable",
                    format!("cannot read the file `{path}`: {why}"),
                    "paths are relative to this file".into(),
                )
            });
        }
        if !is_name(name) {
            let help = "write `${NAME}`, `${file:PATH}`, or `$${` for the text itself";
            return Err(("bad-variable", format!("`{name}` is not a name for a variable"), help.into()));
        }
        (self.env)(name).ok_or_else(|| {
            (
                "missing-variable",
                format!("the environment has no `{name}`"),
                format!("set `{name}`, or use `${{file:PATH}}`"),
            )
        })
    }

    fn read_file(&self, path: &str) -> Result<String, String> {
        let mut bytes = Vec::new();
        let file = File::open(self.folder.join(path)).map_err(|e| e.to_string())?;
        file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(|e| e.to_string())?;
        if bytes.len() as u64 > LARGEST {
            return Err("larger than 64 KiB".into());
        }
        let text = String::from_utf8(bytes).map_err(|_| "not UTF-8")?;
        Ok(text.trim_end_matches(['\n', '\r']).to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(text: &str) -> Result<String, Range<usize>> {
        let show = |piece| match piece {
            Piece::Text(text) => text.to_owned(),
            Piece::Variable { name, range } => format!("<{name} {}..{}>", range.start, range.end),
        };
        Ok(pieces(text)?.into_iter().map(show).collect())
    }

    #[test]
    fn texts_are_cut_at_variables() {
        for (text, expected) in [
            ("plain $5 $ {x}", Ok("plain $5 $ {x}")),
            ("${A}", Ok("<A 0..4>")),
            ("é${A}-${file:b}", Ok("é<A 2..6>-<file:b 7..16>")),
            ("$${A} ${B}", Ok("${A} <B 6..10>")),
            ("$$${A}", Ok("$${A}")),
            ("${}", Ok("< 0..3>")),
            ("a ${A", Err(2..5)),
        ] {
            assert_eq!(joined(text), expected.map(str::to_owned), "{text}");
        }
    }
}
