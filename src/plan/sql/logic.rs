//! Both bounds of a condition. What SQL cannot say exactly it says twice: `may` is true of every row that fulfils the
//! condition, `must` only of such rows. A negation swaps them, so a part that SQL cannot decide never loses a row.

use super::{Piece, dialect};

/// A condition in SQL, with the two that need none told apart.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Logic {
    True,
    False,
    Sql(Piece),
}

impl Logic {
    pub(super) fn sql(text: impl Into<String>) -> Self {
        Self::Sql(Piece::new(text))
    }

    pub(super) fn all(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut pieces = Vec::new();
        for part in parts {
            match part {
                Self::True => {}
                Self::False => return Self::False,
                Self::Sql(piece) if pieces.contains(&piece) => {}
                Self::Sql(piece) => pieces.push(piece),
            }
        }
        if pieces.is_empty() { Self::True } else { Self::Sql(Piece::join(pieces, " AND ")) }
    }

    /// Its text stands between parentheses, so that it can be a part of [`Logic::all`].
    pub(super) fn any(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut pieces = Vec::new();
        for part in parts {
            match part {
                Self::True => return Self::True,
                Self::False => {}
                Self::Sql(piece) => pieces.push(piece),
            }
        }
        match pieces.len() {
            0 => Self::False,
            1 => Self::Sql(Piece::join(pieces, "")),
            _ => Self::Sql(Piece::new("(").piece(Piece::join(pieces, " OR ")).then(")")),
        }
    }

    /// True where it is false or unknown: a comparison with NULL is no match, and its negation is one.
    pub(super) fn not(self) -> Self {
        match self {
            Self::True => Self::False,
            Self::False => Self::True,
            Self::Sql(piece) => Self::Sql(Piece::new("(").piece(piece).then(") IS NOT TRUE")),
        }
    }

    pub(super) fn piece(self) -> Piece {
        match self {
            Self::True => Piece::new(dialect::TRUE),
            Self::False => Piece::new(dialect::FALSE),
            Self::Sql(piece) => piece,
        }
    }
}

/// A condition between its bounds.
#[derive(Debug, Clone)]
pub(super) struct Pair {
    pub(super) may: Logic,
    pub(super) must: Logic,
    /// Why they differ; empty where they do not.
    pub(super) why: &'static str,
    /// Whether it picks few rows out of many, so that an index may find them.
    pub(super) few: bool,
}

impl Pair {
    pub(super) fn exact(logic: Logic) -> Self {
        Self { may: logic.clone(), few: logic == Logic::False, must: logic, why: "" }
    }

    /// At most where `may` is true.
    pub(super) fn wider(may: Logic, why: &'static str) -> Self {
        Self { may, must: Logic::False, why, few: false }
    }

    /// Nothing is known in SQL.
    pub(super) fn unknown(why: &'static str) -> Self {
        Self::wider(Logic::True, why)
    }

    pub(super) fn is_exact(&self) -> bool {
        self.may == self.must
    }

    pub(super) fn all(parts: impl IntoIterator<Item = Self>) -> Self {
        Self::joined(parts, Logic::all, |few| few.contains(&true))
    }

    pub(super) fn any(parts: impl IntoIterator<Item = Self>) -> Self {
        Self::joined(parts, Logic::any, |few| !few.contains(&false))
    }

    fn joined(
        parts: impl IntoIterator<Item = Self>,
        join: fn(Vec<Logic>) -> Logic,
        all_few: fn(&[bool]) -> bool,
    ) -> Self {
        let (mut may, mut must, mut why, mut few) = (Vec::new(), Vec::new(), "", Vec::new());
        for part in parts {
            why = if why.is_empty() { part.why } else { why };
            may.push(part.may);
            must.push(part.must);
            few.push(part.few);
        }
        Self { may: join(may), must: join(must), why, few: all_few(&few) }
    }

    pub(super) fn not(self) -> Self {
        Self { may: self.must.not(), must: self.may.not(), why: self.why, few: false }
    }
}
