//! What is left of a write that failed: what took effect, and of what nobody knows.

use crate::{backend::Failure, mapping::answer::Class, plan::call::Reply};

/// What is there of a write that failed.
#[derive(Debug, Default)]
pub(super) struct Left {
    /// What took effect.
    pub done: Vec<String>,
    /// What was to be taken back, and nobody knows whether it was.
    pub unsure: Vec<String>,
}

/// What became of something that was to be taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Gone,
    Stays,
    Unknown,
}

impl Fate {
    /// Of what one call takes back. What is not there is gone.
    pub(super) fn of(outcome: &Result<Reply, Failure>) -> Self {
        match outcome {
            Ok(reply) => match reply.class {
                Class::Ok | Class::Absent => Self::Gone,
                Class::Broken => Self::Unknown,
                _ => Self::Stays,
            },
            Err(failure) if failure.sent => Self::Unknown,
            Err(_) => Self::Stays,
        }
    }
}

impl Left {
    /// Whether nothing is there.
    pub(super) fn is_empty(&self) -> bool {
        self.done.is_empty() && self.unsure.is_empty()
    }

    /// What took effect first, and what did later.
    pub(super) fn and(mut self, later: Self) -> Self {
        self.done.extend(later.done);
        self.unsure.extend(later.unsure);
        self
    }

    /// Notes what is not gone.
    pub(super) fn note(&mut self, fate: Fate, what: String) {
        match fate {
            _ if what.is_empty() => {}
            Fate::Gone => {}
            Fate::Stays => self.done.push(what),
            Fate::Unknown => self.unsure.push(what),
        }
    }
}
