//! Attribute paths and PATCH paths as written (RFC 7644 §3.10 and §3.5.2, figures 1 and 7): read, not yet looked up.

use std::fmt;

use super::{
    error::{Refusal, ScimType},
    filter::{self, Filter},
    profile::Profile,
    scanner::{Fault, Scanner, shortened},
};

/// The longest path that is read, in bytes.
pub const MAX_PATH: usize = filter::MAX_TEXT;

/// `name`, `name.sub`, `urn:…:name.sub`: what a client wrote, not yet looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttrPath {
    /// The schema URN in front, without its last colon.
    pub urn: Option<String>,
    /// The attribute's name as written.
    pub name: String,
    /// The sub-attribute's name as written.
    pub sub: Option<String>,
}

impl AttrPath {
    /// Reads a path that stands alone, as in `sortBy` and `attributes`.
    ///
    /// # Errors
    /// `invalidPath`, saying at which character and what was expected.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        check_length(text)?;
        let mut scanner = Scanner::new(text, false);
        let path = Self::read(&mut scanner).and_then(|path| ended(&scanner, "the end").map(|()| path));
        path.map_err(|fault| fault.refusal(ScimType::InvalidPath, "path"))
    }

    /// Reads the path at the scanner. The last colon ends the URN, so versions may hold dots.
    pub(super) fn read(scanner: &mut Scanner<'_>) -> Result<Self, Fault> {
        let start = scanner.place();
        if scanner.peek_word().is_empty() {
            return Err(scanner.fault("an attribute's name"));
        }
        let word = scanner.word();
        let (urn, names) = match word.rsplit_once(':') {
            Some((urn, names)) => (Some(urn), names),
            None => (None, word),
        };
        if let Some(urn) = urn {
            check_urn(scanner, start, urn)?;
        }
        let names_start = start + word.len() - names.len();
        let (name, sub) = match names.split_once('.') {
            Some((name, sub)) => (name, Some(sub)),
            None => (names, None),
        };
        check_name(scanner, names_start, name)?;
        if let Some(sub) = sub {
            check_name(scanner, names_start + name.len() + 1, sub)?;
        }
        Ok(Self { urn: urn.map(str::to_owned), name: name.to_owned(), sub: sub.map(str::to_owned) })
    }
}

impl fmt::Display for AttrPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(urn) = &self.urn {
            write!(f, "{urn}:")?;
        }
        f.write_str(&self.name)?;
        match &self.sub {
            Some(sub) => write!(f, ".{sub}"),
            None => Ok(()),
        }
    }
}

/// The `path` of a PATCH operation: `name.sub`, `emails[type eq "work"]`, `emails[type eq "work"].value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatchPath {
    /// The attribute. The URN of a whole extension also reads as one: `urn` up to the last colon, `name` after it.
    pub attr: AttrPath,
    /// Which items of the list.
    pub filter: Option<Filter>,
    /// The sub-attribute named after the filter.
    pub sub: Option<String>,
}

impl PatchPath {
    /// Reads a PATCH path.
    ///
    /// # Errors
    /// `invalidPath`; for a fault in a complete filter between brackets `invalidFilter`. An index (`emails[0]`) and a
    /// bracket that nothing closes are faults of the path.
    pub fn parse(text: &str, profile: &Profile) -> Result<Self, Refusal> {
        check_length(text)?;
        let mut scanner = Scanner::new(text, profile.loose_filters);
        let in_path = |fault: Fault| fault.refusal(ScimType::InvalidPath, "path");
        scanner.pad();
        let attr = AttrPath::read(&mut scanner).map_err(in_path)?;
        let (mut filter, mut sub) = (None, None);
        if scanner.eat('[') {
            if scanner.peek().is_some_and(|c| c.is_ascii_digit()) {
                return Err(in_path(scanner.fault("a filter: items have no index, write e.g. [value eq \"…\"]")));
            }
            let read = filter::read_between_brackets(&mut scanner, profile).map_err(|fault| {
                let kind = if fault.ended { ScimType::InvalidPath } else { ScimType::InvalidFilter };
                fault.refusal(kind, "path")
            })?;
            filter = Some(read);
            if scanner.eat('.') {
                sub = Some(read_sub(&mut scanner).map_err(in_path)?);
            }
        }
        scanner.pad();
        ended(&scanner, "the end of the path").map_err(in_path)?;
        Ok(Self { attr, filter, sub })
    }
}

impl fmt::Display for PatchPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.attr)?;
        if let Some(filter) = &self.filter {
            write!(f, "[{filter}]")?;
        }
        match &self.sub {
            Some(sub) => write!(f, ".{sub}"),
            None => Ok(()),
        }
    }
}

/// Reads the sub-attribute's name after `].`.
pub(super) fn read_sub(scanner: &mut Scanner<'_>) -> Result<String, Fault> {
    let start = scanner.place();
    let name = scanner.word();
    check_name(scanner, start, name)?;
    Ok(name.to_owned())
}

fn check_length(text: &str) -> Result<(), Refusal> {
    if text.len() > MAX_PATH {
        let detail = format!("the path is {} bytes long; at most {MAX_PATH} are read", text.len());
        return Err(Refusal::new(ScimType::InvalidPath, detail));
    }
    Ok(())
}

fn ended(scanner: &Scanner<'_>, expected: &str) -> Result<(), Fault> {
    if scanner.at_end() { Ok(()) } else { Err(scanner.fault(expected)) }
}

/// RFC 7643 §2.1, plus a `$` in front: `$ref` is a standard name that the grammar forgot.
fn check_name(scanner: &Scanner<'_>, start: usize, name: &str) -> Result<(), Fault> {
    if name.is_empty() {
        return Err(scanner.fault_at(start, "an attribute's name is missing".to_owned()));
    }
    let allowed =
        |i: usize, c: char| c == '$' || c.is_ascii_alphabetic() || (i > 0 && (c.is_ascii_digit() || "-_".contains(c)));
    match name.char_indices().find(|&(i, c)| !allowed(i, c)) {
        None => Ok(()),
        Some((i, _)) => Err(scanner.fault_at(
            start + i,
            format!(
                "`{}` is no attribute name: it begins with a letter and holds letters, digits, - and _",
                shortened(name)
            ),
        )),
    }
}

/// What may stand in a URI without being taken for the grammar around it.
fn check_urn(scanner: &Scanner<'_>, start: usize, urn: &str) -> Result<(), Fault> {
    let begins = urn.starts_with(|c: char| c.is_ascii_alphabetic()) && urn.contains(':');
    let bad = |c: char| !c.is_ascii_graphic() || "<>\\^`{|}".contains(c);
    if begins && !urn.contains(bad) {
        return Ok(());
    }
    Err(scanner.fault_at(start, format!("`{}` is no schema URN", shortened(urn))))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn a_path_prints_as_written() {
        let paths = [
            "userName",
            "name.givenName",
            "members.$ref",
            "urn:ietf:params:scim:schemas:extension:Acme:1.10:User:seat-no",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value",
            "emails[type eq \"work\"]",
            "Emails[Type eq \"a]b\" and not (primary eq true)].Value",
            "urn:ietf:params:scim:schemas:core:2.0:User:emails[type eq \"work\"].value",
        ];
        for text in paths {
            let path = PatchPath::parse(text, &Profile::STRICT).unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!(path.to_string(), text);
        }
    }

    #[test]
    fn the_urn_ends_at_the_last_colon() {
        let path = AttrPath::parse("urn:ietf:params:scim:schemas:extension:Acme:1.10:User:seat-no.x").unwrap();
        assert_eq!(path.urn.as_deref(), Some("urn:ietf:params:scim:schemas:extension:Acme:1.10:User"));
        assert_eq!((path.name.as_str(), path.sub.as_deref()), ("seat-no", Some("x")));
    }

    #[test]
    fn faults_name_their_kind_and_place() {
        let cases = [
            ("", "invalidPath: path, character 1: the text ends"),
            ("emails[type eq", "invalidPath: path, character 15: the text ends"),
            ("emails[0].value", "invalidPath: path, character 8: found `0`"),
            ("emails[type zz \"work\"].value", "invalidFilter: path, character 13: `zz`"),
            ("emails[type eq \"work\"].", "invalidPath: path, character 24: an attribute's name"),
            ("emails[type eq \"work\"]value", "invalidPath: path, character 23: found `value`"),
            ("a.b.c", "invalidPath: path, character 4: `b.c` is no"),
            ("1a", "invalidPath: path, character 1: `1a` is no"),
            ("a b", "invalidPath: path, character 2: found a blank"),
            ("x:y", "invalidPath: path, character 1: `x` is no schema URN"),
            ("urn:x:", "invalidPath: path, character 7: an attribute's name is missing"),
        ];
        for (text, start) in cases {
            let refusal = PatchPath::parse(text, &Profile::STRICT).expect_err(text).to_string();
            assert!(refusal.starts_with(start), "{text}: {refusal}");
        }
    }

    #[test]
    fn blanks_in_brackets_are_a_tolerance() {
        let text = " emails[ type eq \"work\" ].value ";
        assert!(PatchPath::parse(text, &Profile::STRICT).is_err());
        assert_eq!(PatchPath::parse(text, &Profile::TOLERANT).unwrap().to_string(), "emails[type eq \"work\"].value");
    }
}
