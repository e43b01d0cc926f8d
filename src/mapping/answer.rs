//! An answer: what a reply of the app means. Nine classes, closed; nothing else decides repeat, undo and the SCIM error.

use super::{pattern::Pattern, selector::Selector};

/// What a reply means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Done; the data is good.
    Ok,
    /// There is no such record.
    Absent,
    /// A unique value is taken.
    Exists,
    /// The client's data is not accepted.
    Refused,
    /// The record may be read and not written.
    Protected,
    /// Our credentials are not accepted.
    Denied,
    /// Sign in again; nothing was done.
    Expired,
    /// Come back later; nothing was done.
    Busy,
    /// Anything else; what was done is not known.
    Broken,
}

/// One rule of `answers`.
#[derive(Debug)]
pub struct AnswerRule {
    /// When it applies.
    pub when: Pattern,
    /// What it means.
    pub then: Class,
    /// Where the sentence for the client stands; only with `refused`.
    pub detail: Option<Selector>,
}

impl Class {
    /// What an HTTP status means where no rule applies.
    #[must_use]
    pub fn of_status(status: u16) -> Self {
        match status {
            200..=299 => Self::Ok,
            404 | 410 => Self::Absent,
            409 => Self::Exists,
            400 | 422 => Self::Refused,
            401 | 403 => Self::Denied,
            429 | 503 => Self::Busy,
            _ => Self::Broken,
        }
    }

    /// The word in a mapping.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Absent => "absent",
            Self::Exists => "exists",
            Self::Refused => "refused",
            Self::Protected => "protected",
            Self::Denied => "denied",
            Self::Expired => "expired",
            Self::Busy => "busy",
            Self::Broken => "broken",
        }
    }

    /// The class of that word.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        [
            Self::Ok,
            Self::Absent,
            Self::Exists,
            Self::Refused,
            Self::Protected,
            Self::Denied,
            Self::Expired,
            Self::Busy,
            Self::Broken,
        ]
        .into_iter()
        .find(|c| c.word() == word)
    }
}
