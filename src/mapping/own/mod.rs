//! SQL of the app's own, as a mapping writes it: text with names where values go. The names are found once, when the
//! mapping is read; a value never becomes text.

mod lex;
mod step;

use super::engine::Engine;

pub use lex::{Flaw, lex};
pub use step::{Own, OwnMembers, OwnRule, OwnStep, Rows};

/// A statement, a select or an expression, cut at its names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnSql<N = Name> {
    /// In order.
    pub parts: Vec<Part<N>>,
    /// What it begins with, in small letters: `select`.
    pub verb: String,
}

/// A piece of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part<N> {
    /// As it is sent; comments are left out.
    Text(String),
    /// A value stands here.
    Name(N),
}

/// A value that a statement names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Name {
    /// `:id`: the record's key.
    Id,
    /// `:value`: a member's key.
    Value,
    /// `:values`: the keys of several members, as one value.
    Values,
    /// `:now`
    Now,
    /// `:client`
    Client,
    /// `:tenant`: the client's tenant's value of this name.
    Tenant(String),
    /// `:record.login`: a column as it becomes.
    Record(Vec<String>),
    /// `:before.login`: a column as it was.
    Before(Vec<String>),
    /// What an earlier step kept.
    Kept(String),
}

impl<N> OwnSql<N> {
    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &N> {
        self.parts.iter().filter_map(|part| if let Part::Name(name) = part { Some(name) } else { None })
    }

    /// With other names; none where one of them has no meaning.
    pub fn named<M>(self, mut meant: impl FnMut(N) -> Option<M>) -> Option<OwnSql<M>> {
        let mut parts = Vec::with_capacity(self.parts.len());
        for part in self.parts {
            parts.push(match part {
                Part::Text(text) => Part::Text(text),
                Part::Name(name) => Part::Name(meant(name)?),
            });
        }
        Some(OwnSql { parts, verb: self.verb })
    }
}

impl OwnSql {
    /// Whether it names the column as it becomes.
    #[must_use]
    pub fn writes(&self, column: &str) -> bool {
        self.names().any(|name| matches!(name, Name::Record(path) if path.len() == 1 && path[0] == column))
    }
}

/// Whether a statement only reads: then nothing that it tells of changes is about it.
#[must_use]
pub fn reads(engine: Engine, sql: &str) -> bool {
    // `select(1)` is one as well
    let word: String = sql.trim_start().chars().take_while(char::is_ascii_alphabetic).collect();
    match word.to_ascii_lowercase().as_str() {
        "select" | "values" => true,
        "with" => lex::cut(engine, sql, true).is_ok_and(|lexed| !lexed.writes),
        _ => false,
    }
}
