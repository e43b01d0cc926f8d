//! A small reader of OData's filters, written from its grammar, and what they mean where null is unknown.

use serde_json::Value;

use super::app::{Case, compare, field};

#[derive(Debug)]
pub(crate) enum Odata {
    And(Box<Odata>, Box<Odata>),
    Or(Box<Odata>, Box<Odata>),
    Not(Box<Odata>),
    Compare(String, String, Value),
}

/// The whole text, or nothing.
pub(crate) fn parse(text: &str) -> Option<Odata> {
    let mut rest = text;
    let read = one(&mut rest)?;
    rest.is_empty().then_some(read)
}

fn take(rest: &mut &str, word: &str) -> Option<()> {
    *rest = rest.strip_prefix(word)?;
    Some(())
}

fn one(rest: &mut &str) -> Option<Odata> {
    if take(rest, "not (").is_some() {
        let inner = one(rest)?;
        take(rest, ")")?;
        return Some(Odata::Not(Box::new(inner)));
    }
    for function in ["contains", "startswith", "endswith"] {
        if rest.starts_with(function) {
            take(rest, function)?;
            take(rest, "(")?;
            let name = name(rest)?;
            take(rest, ",")?;
            let value = value(rest)?;
            take(rest, ")")?;
            return Some(Odata::Compare(name, function.to_owned(), value));
        }
    }
    if take(rest, "(").is_some() {
        let left = Box::new(one(rest)?);
        let and = take(rest, " and ").is_some();
        if !and {
            take(rest, " or ")?;
        }
        let right = Box::new(one(rest)?);
        take(rest, ")")?;
        return Some(if and { Odata::And(left, right) } else { Odata::Or(left, right) });
    }
    let name = name(rest)?;
    take(rest, " ")?;
    let op = rest.get(..2)?.to_owned();
    *rest = rest.get(2..)?;
    take(rest, " ")?;
    Some(Odata::Compare(name, op, value(rest)?))
}

fn name(rest: &mut &str) -> Option<String> {
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '/')?;
    let (name, after) = rest.split_at(end);
    *rest = after;
    (!name.is_empty()).then(|| name.to_owned())
}

fn value(rest: &mut &str) -> Option<Value> {
    if take(rest, "null").is_some() {
        return Some(Value::Null);
    }
    if take(rest, "'").is_some() {
        let mut made = String::new();
        loop {
            let end = rest.find('\'')?;
            made.push_str(&rest[..end]);
            *rest = &rest[end + 1..];
            if take(rest, "'").is_none() {
                return Some(Value::from(made));
            }
            made.push('\'');
        }
    }
    let end = rest.find([')', ' ']).unwrap_or(rest.len());
    let (text, after) = rest.split_at(end);
    *rest = after;
    let time = || text.parse::<jiff::Timestamp>().ok().map(|_| Value::from(text));
    serde_json::from_str(text).ok().or_else(time)
}

impl Odata {
    pub(crate) fn holds(&self, record: &Value, case: Case) -> bool {
        self.is(record, case) == Some(true)
    }

    fn is(&self, record: &Value, case: Case) -> Option<bool> {
        match self {
            Self::And(a, b) => match (a.is(record, case), b.is(record, case)) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (a, b) => a.zip(b).map(|_| true),
            },
            Self::Or(a, b) => match (a.is(record, case), b.is(record, case)) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (a, b) => a.zip(b).map(|_| false),
            },
            // who says `matches: exactly` says that what is absent is not equal, and in the opposite
            Self::Not(inner) => Some(inner.is(record, case) != Some(true)),
            Self::Compare(name, op, Value::Null) if op == "ne" => Some(field(record, name).is_some()),
            Self::Compare(name, op, wanted) if op == "ne" => {
                Some(compare(field(record, name), "eq", wanted, case) != Some(true))
            }
            Self::Compare(name, op, wanted) => compare(field(record, name), op, wanted, case),
        }
    }
}
