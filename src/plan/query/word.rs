//! What a literal of a filter is on the app's side: the words that a line would write, and whether who compares so with them
//! is who compares so with the literal.

use jiff::Timestamp;
use serde_json::Value;

use crate::{
    mapping::{
        codec::Codec,
        language::Kind,
        line::{Empty, Line},
        pattern::same,
        time::TimeForm,
    },
    scim::{
        condition::Literal,
        filter::CompareOp,
        schema::{Target, Type},
    },
};

/// A value of the app's side that a comparison is asked with.
pub(super) struct Word {
    /// The value.
    pub value: Value,
    /// Its kind.
    pub kind: Kind,
    /// Whether those that compare so with it are those that compare so here.
    pub exact: bool,
}

/// What a comparison becomes on the app's side: with one of these words. None where that cannot be said without loss.
pub(super) fn words(
    codec: &Codec,
    line: &Line,
    target: &Target,
    op: CompareOp,
    literal: &Literal,
) -> Option<Vec<Word>> {
    let kind = target.leaf().kind;
    let of = |value: Value| match (&value, kind) {
        (Value::Bool(_), _) => Kind::Bool,
        (Value::Number(_), _) => Kind::Number,
        (_, Type::DateTime) => Kind::Time,
        _ => Kind::Text,
    };
    let one = |value: Value, exact: bool| {
        let kind = of(value.clone());
        vec![Word { value, kind, exact: exact && fits_empty(line, op, kind, literal) }]
    };
    let text = |literal: &Literal| match literal {
        Literal::Text(text) => Some(text.clone()),
        _ => None,
    };
    match codec {
        Codec::Plain => Some(match literal {
            Literal::Boolean(is) => one(Value::Bool(*is), true),
            Literal::Number(number) => one(Value::Number(number.clone()), true),
            Literal::Text(text) => one(Value::from(text.as_str()), true),
            Literal::Instant { at, .. } => one(Value::from(at.to_string()), true),
        }),
        Codec::Around { prefix, suffix } => {
            let wanted = text(literal)?;
            Some(match op {
                CompareOp::Equal | CompareOp::NotEqual => one(codec.write(&Value::from(wanted))?, true),
                CompareOp::StartsWith => one(Value::from(format!("{prefix}{wanted}")), suffix.is_empty()),
                CompareOp::EndsWith => one(Value::from(format!("{wanted}{suffix}")), prefix.is_empty()),
                CompareOp::Contains => one(Value::from(wanted), prefix.is_empty() && suffix.is_empty()),
                _ => return None,
            })
        }
        Codec::Values { pairs, or_else } => {
            let wanted = match literal {
                Literal::Boolean(is) => Value::Bool(*is),
                Literal::Number(number) => Value::Number(number.clone()),
                Literal::Text(text) | Literal::Instant { text, .. } => Value::from(text.as_str()),
            };
            // what is not listed cannot be listed
            if op != CompareOp::Equal || or_else.as_ref() == Some(&wanted) {
                return None;
            }
            let (_, app) = pairs.iter().find(|(scim, _)| same(scim, &wanted))?;
            let word = |value: &Value| {
                (!value.is_null()).then(|| Word { value: value.clone(), kind: of(value.clone()), exact: true })
            };
            app.iter().map(word).collect()
        }
        Codec::Number(_) if matches!(op, CompareOp::Equal | CompareOp::NotEqual) => {
            Some(one(codec.write(&Value::from(text(literal)?))?, true))
        }
        Codec::Time(form) => time(form, op, literal).map(|(value, exact)| one(value, exact)),
        Codec::Number(_) | Codec::Given(_) | Codec::Hash(_) | Codec::Holds(..) | Codec::Part(_) => None,
    }
}

/// An instant in the app's form, and whether it is that instant. Where the form is too coarse, one of the seconds beside it,
/// so that none is lost.
fn time(form: &TimeForm, op: CompareOp, literal: &Literal) -> Option<(Value, bool)> {
    let Literal::Instant { at, .. } = literal else { return None };
    let whole = at.subsec_nanosecond() == 0;
    let floor = Timestamp::from_second(at.as_second() - i64::from(at.subsec_nanosecond() < 0)).ok()?;
    match op {
        _ if whole => Some((form.write(*at)?, true)),
        CompareOp::Greater | CompareOp::GreaterOrEqual => Some((form.write(floor)?, false)),
        CompareOp::Less | CompareOp::LessOrEqual => {
            Some((form.write(Timestamp::from_second(floor.as_second() + 1).ok()?)?, false))
        }
        _ => None,
    }
}

/// Whether what stands for no value in the app does not compare so.
fn fits_empty(line: &Line, op: CompareOp, kind: Kind, literal: &Literal) -> bool {
    let said = match (&line.empty, literal) {
        (Empty::Null, _) => true,
        (Empty::Is(Value::String(empty)), Literal::Text(text)) => {
            empty.is_empty() || op == CompareOp::Equal && !empty.eq_ignore_ascii_case(text)
        }
        _ => op == CompareOp::Equal,
    };
    // empty text is no value, and comes before all others
    said && !(kind == Kind::Text && op.is_ordering())
}
