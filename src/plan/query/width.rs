//! How narrow a way in is: of several the narrowest is taken, and look-ups that find few are put side by side.

use crate::scim::{
    filter::CompareOp,
    schema::{Target, Type, Uniqueness},
};

use super::source::{By, Narrowed, Source};

/// How many rows a way in lets through, as far as that can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Width {
    /// What is unique is found once.
    One,
    /// A value that few share.
    Few,
    /// A part of a value.
    Some,
    /// One of two values, or of the mapping's few; all above a number.
    Many,
}

impl Source<'_> {
    /// How many rows a list lets through; none where it is not narrowed.
    pub(super) fn width(&self) -> Option<Width> {
        match self {
            Self::List(_, by) => by.as_ref().map(By::width),
            _ => Some(Width::One),
        }
    }
}

impl By<'_> {
    pub(super) fn width(&self) -> Width {
        match self {
            Self::Rule(narrowed) => narrowed.width(),
            Self::Language(asked) => asked.width,
        }
    }
}

impl Narrowed<'_> {
    pub(super) fn width(&self) -> Width {
        match self.rule.literal {
            Some(_) => Width::Many,
            None => width_of(&self.rule.target, Some(self.rule.op)),
        }
    }
}

/// How many rows a comparison lets through, as far as that can be told.
pub(super) fn width_of(target: &Target, op: Option<CompareOp>) -> Width {
    let leaf = target.leaf();
    match op {
        _ if leaf.kind == Type::Boolean => Width::Many,
        Some(CompareOp::Equal) if leaf.uniqueness != Uniqueness::None => Width::One,
        Some(CompareOp::Equal) => Width::Few,
        Some(CompareOp::StartsWith | CompareOp::EndsWith | CompareOp::Contains) => Width::Some,
        _ => Width::Many,
    }
}
