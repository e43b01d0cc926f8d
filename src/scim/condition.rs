//! The filter as meant: names have become attributes, texts have become typed literals, and what can be known without a
//! resource is decided. What [`super::evaluate`] says about a condition is what it means; planners may only translate
//! it.

use std::fmt;

use jiff::Timestamp;
use serde_json::{Number, Value};

use super::{filter::CompareOp, schema::Target};

/// A filter as meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// All of two or more.
    And(Vec<Condition>),
    /// One of two or more.
    Or(Vec<Condition>),
    /// Not that.
    Not(Box<Condition>),
    /// The attribute compares so with the literal; of a list, some value does (for `ne`, also when there is none).
    Compare {
        /// The left side; never a complex attribute.
        target: Target,
        /// The operator; it suits the attribute's type.
        op: CompareOp,
        /// The right side, of the attribute's type; never empty.
        value: Literal,
    },
    /// The attribute has a value; the only place where a target may be complex, other than a list.
    Present(Target),
    /// Some item of the list fulfils the whole condition.
    Item {
        /// The list, without sub-attribute.
        list: Target,
        /// Its targets are of that list, with the sub-attribute; of a list of plain values, the list itself.
        condition: Box<Condition>,
    },
    /// True of everything.
    Always,
    /// True of nothing.
    Never,
}

/// The right side of a comparison, in the attribute's type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Literal {
    /// Against `boolean`.
    Boolean(bool),
    /// Against `integer` and `decimal`; keeps its digits.
    Number(Number),
    /// Against `string`, `reference` and `binary`.
    Text(String),
    /// Against `dateTime`.
    Instant {
        /// The point in time.
        at: Timestamp,
        /// As written.
        text: String,
    },
}

impl Condition {
    /// The conditions that must all hold, at the top: one after the other they are the whole. None for
    /// [`Condition::Always`].
    #[must_use]
    pub fn conjuncts(&self) -> Vec<&Self> {
        match self {
            Self::And(parts) => parts.iter().collect(),
            Self::Always => Vec::new(),
            other => vec![other],
        }
    }

    /// Every attribute the condition looks at, in order, as often as it does; of an [`Condition::Item`] the list comes
    /// first.
    #[must_use]
    pub fn targets(&self) -> Vec<&Target> {
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter().flat_map(Self::targets).collect(),
            Self::Not(inner) => inner.targets(),
            Self::Compare { target, .. } | Self::Present(target) => vec![target],
            Self::Item { list, condition } => [vec![list], condition.targets()].concat(),
            Self::Always | Self::Never => Vec::new(),
        }
    }

    /// The same with other texts on the right sides, each made from what it is compared with.
    #[must_use]
    pub fn with_texts(self, made: &impl Fn(&Target, CompareOp, String) -> String) -> Self {
        let each = |parts: Vec<Self>| parts.into_iter().map(|part| part.with_texts(made)).collect();
        match self {
            Self::And(parts) => Self::And(each(parts)),
            Self::Or(parts) => Self::Or(each(parts)),
            Self::Not(inner) => Self::Not(Box::new(inner.with_texts(made))),
            Self::Compare { target, op, value: Literal::Text(text) } => {
                let value = Literal::Text(made(&target, op, text));
                Self::Compare { target, op, value }
            }
            Self::Item { list, condition } => Self::Item { list, condition: Box::new(condition.with_texts(made)) },
            other => other,
        }
    }

    /// What of this follows for somebody who sees only the comparisons that are `known`: it holds wherever the whole does, so
    /// who fails it fails the whole.
    #[must_use]
    pub fn weakened(&self, known: &impl Fn(&Self) -> bool) -> Self {
        self.bounded(known, true)
    }

    /// What is left of an `and` without the conditions that hold anyway.
    #[must_use]
    pub fn without(&self, holds: &impl Fn(&Self) -> bool) -> Self {
        Self::all(self.conjuncts().into_iter().filter(|part| !holds(part)).cloned().collect())
    }

    /// What is left where a comparison that is not known is taken to be so, or not.
    fn bounded(&self, known: &impl Fn(&Self) -> bool, taken: bool) -> Self {
        let each = |parts: &[Self]| parts.iter().map(|part| part.bounded(known, taken)).collect();
        match self {
            Self::And(parts) => Self::all(each(parts)),
            Self::Or(parts) => Self::any(each(parts)),
            Self::Not(inner) => inner.bounded(known, !taken).negated(),
            other if known(other) => other.clone(),
            _ if taken => Self::Always,
            _ => Self::Never,
        }
    }

    /// All of them, flat, without those that decide nothing.
    pub(super) fn all(parts: Vec<Self>) -> Self {
        let mut flat = Vec::with_capacity(parts.len());
        for part in parts {
            match part {
                Self::Always => {}
                Self::Never => return Self::Never,
                Self::And(inner) => flat.extend(inner),
                other => flat.push(other),
            }
        }
        if flat.len() > 1 { Self::And(flat) } else { flat.pop().unwrap_or(Self::Always) }
    }

    /// One of them, flat, without those that decide nothing.
    pub(super) fn any(parts: Vec<Self>) -> Self {
        let mut flat = Vec::with_capacity(parts.len());
        for part in parts {
            match part {
                Self::Never => {}
                Self::Always => return Self::Always,
                Self::Or(inner) => flat.extend(inner),
                other => flat.push(other),
            }
        }
        if flat.len() > 1 { Self::Or(flat) } else { flat.pop().unwrap_or(Self::Never) }
    }

    /// The opposite, without a double `not`.
    pub(super) fn negated(self) -> Self {
        match self {
            Self::Always => Self::Never,
            Self::Never => Self::Always,
            Self::Not(inner) => *inner,
            other => Self::Not(Box::new(other)),
        }
    }
}

/// SCIM text; `always` and `never` have none and are printed as words.
impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.print(f, false)
    }
}

impl Condition {
    fn print(&self, f: &mut fmt::Formatter<'_>, in_brackets: bool) -> fmt::Result {
        match self {
            Self::And(parts) => print_joined(f, parts, " and ", in_brackets),
            Self::Or(parts) => print_joined(f, parts, " or ", in_brackets),
            Self::Not(inner) => {
                f.write_str("not (")?;
                inner.print(f, in_brackets)?;
                f.write_str(")")
            }
            Self::Compare { target, op, value } => {
                print_target(f, target, in_brackets)?;
                write!(f, " {} {value}", op.keyword())
            }
            Self::Present(target) => {
                print_target(f, target, in_brackets)?;
                f.write_str(" pr")
            }
            Self::Item { list, condition } => {
                write!(f, "{list}[")?;
                condition.print(f, true)?;
                f.write_str("]")
            }
            Self::Always => f.write_str("always"),
            Self::Never => f.write_str("never"),
        }
    }
}

fn print_joined(f: &mut fmt::Formatter<'_>, parts: &[Condition], word: &str, in_brackets: bool) -> fmt::Result {
    for (i, part) in parts.iter().enumerate() {
        if i > 0 {
            f.write_str(word)?;
        }
        // Only an `or` stands in an `and`: equal ones are flat, and an `and` in an `or` needs no parentheses.
        if matches!(part, Condition::Or(_)) {
            f.write_str("(")?;
            part.print(f, in_brackets)?;
            f.write_str(")")?;
        } else {
            part.print(f, in_brackets)?;
        }
    }
    Ok(())
}

fn print_target(f: &mut fmt::Formatter<'_>, target: &Target, in_brackets: bool) -> fmt::Result {
    if in_brackets {
        return f.write_str(target.sub.as_ref().map_or("value", |sub| sub.name.as_str()));
    }
    write!(f, "{target}")
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean(value) => write!(f, "{value}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) | Self::Instant { text, .. } => write!(f, "{}", Value::from(text.as_str())),
        }
    }
}
