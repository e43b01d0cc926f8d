//! A place in a written filter or path, moving forward word by word, and the fault that names such a place.

use super::error::{Refusal, ScimType};

/// What was wrong, and at which character (counted from 1).
#[derive(Debug)]
pub(super) struct Fault {
    /// The character's number.
    pub(super) at: usize,
    /// What was found and what was expected.
    pub(super) detail: String,
    /// The text ended where more was expected.
    pub(super) ended: bool,
}

impl Fault {
    /// The refusal, `text` being the word for what was read: "filter", "path".
    pub(super) fn refusal(self, scim_type: ScimType, text: &str) -> Refusal {
        Refusal::new(scim_type, format!("{text}, character {}: {}", self.at, self.detail))
    }
}

/// The longest piece of a text that a fault repeats.
const QUOTED: usize = 40;

/// A place in a text. Where it is `loose`, blanks may stand in any number wherever they do no harm.
pub(super) struct Scanner<'a> {
    text: &'a str,
    at: usize,
    loose: bool,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str, loose: bool) -> Self {
        Self { text, at: 0, loose }
    }

    pub(super) fn loose(&self) -> bool {
        self.loose
    }

    /// The byte where it stands, for [`Scanner::fault_at`].
    pub(super) fn place(&self) -> usize {
        self.at
    }

    pub(super) fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn at_end(&self) -> bool {
        self.rest().is_empty()
    }

    /// Moves on by `bytes`, which must end at a character's boundary.
    pub(super) fn advance(&mut self, bytes: usize) {
        self.at += bytes;
    }

    /// Steps over that character, if it is the next.
    pub(super) fn eat(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.advance(wanted.len_utf8());
        }
        found
    }

    /// The characters up to the next blank, bracket or quotation mark, without moving.
    pub(super) fn peek_word(&self) -> &'a str {
        let rest = self.rest();
        let end = rest.find([' ', '\t', '(', ')', '[', ']', '"']).unwrap_or(rest.len());
        rest.get(..end).unwrap_or_default()
    }

    /// The same, stepping over them.
    pub(super) fn word(&mut self) -> &'a str {
        let word = self.peek_word();
        self.advance(word.len());
        word
    }

    /// Blanks where the grammar has none: stepped over if loose.
    pub(super) fn pad(&mut self) {
        if self.loose {
            self.advance(self.rest().len() - self.rest().trim_start_matches([' ', '\t']).len());
        }
    }

    /// The one blank that the grammar asks for; if loose, any number.
    pub(super) fn gap(&mut self, before: &str) -> Result<(), Fault> {
        if self.loose {
            self.pad();
            return Ok(());
        }
        if self.eat(' ') { Ok(()) } else { Err(self.fault(&format!("a blank before {before}"))) }
    }

    /// A fault at this place.
    pub(super) fn fault(&self, expected: &str) -> Fault {
        let word = self.peek_word();
        let found = match self.peek() {
            None => "the text ends".to_owned(),
            Some(' ' | '\t') => "found a blank".to_owned(),
            Some(c) if word.is_empty() => format!("found `{c}`"),
            Some(_) => format!("found `{}`", shortened(word)),
        };
        self.fault_at(self.at, format!("{found}, expected {expected}"))
    }

    /// A fault at another place.
    pub(super) fn fault_at(&self, place: usize, detail: String) -> Fault {
        let before = self.text.get(..place).unwrap_or(self.text);
        Fault { at: before.chars().count() + 1, detail, ended: place >= self.text.len() }
    }
}

/// At most [`QUOTED`] characters of a text, without controls.
pub(super) fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(QUOTED).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(QUOTED).is_some() {
        short.push('…');
    }
    short
}
