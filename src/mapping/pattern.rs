//! A test: what must hold of a record, an item or a reply. Its plain literals also turn into a template (what is
//! tested when reading is filled in when writing). Tests are the mapping author's facts, never client data.

use http::{HeaderMap, HeaderName};
use serde_json::Value;

use super::selector::Selector;

/// Entries that must all hold.
#[derive(Debug, Default)]
pub struct Pattern {
    /// Path (or `status`) and what is expected there; a path that finds several values holds if one does.
    pub entries: Vec<(Subject, Expected)>,
}

/// What is looked at.
#[derive(Debug)]
pub enum Subject {
    /// A place in the record, item or reply body.
    At(Selector),
    /// The HTTP status of a reply.
    Status,
    /// A header of a reply.
    Header(HeaderName),
}

/// What comes before a reply's body.
#[derive(Debug, Clone, Copy)]
pub struct Head<'a> {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: &'a HeaderMap,
}

/// What is expected.
#[derive(Debug)]
pub enum Expected {
    /// Any of these values (null also means "not there"); numbers and texts that print alike are equal.
    AnyOf(Vec<Value>),
    /// None of these values.
    NoneOf(Vec<Value>),
    /// There (and not null), or not.
    Given(bool),
    /// A text that holds this text, in this letter case.
    Contains(String),
    /// A status class: 4 for `4xx`.
    StatusClass(u16),
    /// A list in which some item is like this, or none is.
    Lists(bool, Item),
}

/// What an item of a list is like.
#[derive(Debug)]
pub enum Item {
    /// One of these values.
    Is(Vec<Value>),
    /// This holds of it.
    Like(Pattern),
}

impl Pattern {
    /// Whether all entries hold. `head` is the reply's, where there is one.
    #[must_use]
    pub fn holds(&self, subject: &Value, head: Option<Head<'_>>) -> bool {
        self.entries.iter().all(|(place, expected)| match place {
            Subject::Status => head.is_some_and(|h| expected.holds_one(&Value::from(h.status), Some(h.status))),
            Subject::Header(name) => {
                let text = head.and_then(|h| h.headers.get(name)?.to_str().ok());
                expected.holds_one(&text.map_or(Value::Null, Value::from), None)
            }
            Subject::At(selector) => {
                let found = selector.all(subject);
                if found.is_empty() {
                    return expected.holds_one(&Value::Null, None);
                }
                match expected {
                    Expected::NoneOf(_) | Expected::Given(false) | Expected::Lists(false, _) => {
                        found.iter().all(|v| expected.holds_one(v, None))
                    }
                    _ => found.iter().any(|v| expected.holds_one(v, None)),
                }
            }
        })
    }
}

impl Item {
    /// Whether an item is like this.
    #[must_use]
    pub fn holds(&self, item: &Value) -> bool {
        match self {
            Self::Is(values) => values.iter().any(|v| same(v, item)),
            Self::Like(pattern) => pattern.holds(item, None),
        }
    }

    /// An item that is like this; none where that is not said in plain literals.
    #[must_use]
    pub fn template(&self) -> Option<Value> {
        match self {
            Self::Is(values) => values.first().cloned(),
            Self::Like(pattern) => {
                let mut made = Value::Null;
                pattern.fill(&mut made);
                Some(made).filter(|made| pattern.holds(made, None))
            }
        }
    }
}

impl Pattern {
    /// Writes its plain literals, the first of several.
    pub fn fill(&self, made: &mut Value) {
        for (subject, expected) in &self.entries {
            if let (Subject::At(at), Expected::AnyOf(values)) = (subject, expected)
                && let Some(first) = values.first()
            {
                at.set(made, first.clone());
            }
        }
    }

    /// Whether nothing is tested.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// What is looked at, for people.
    #[must_use]
    pub fn places(&self) -> Vec<&str> {
        let places = self.entries.iter().map(|(subject, _)| match subject {
            Subject::At(at) => at.text(),
            Subject::Header(name) => name.as_str(),
            Subject::Status => "status",
        });
        places.collect()
    }

    /// Whether something below this field of the record is tested.
    #[must_use]
    pub fn tests(&self, field: &str) -> bool {
        self.entries.iter().any(|(subject, _)| match subject {
            Subject::At(at) => at.first_field().is_none_or(|first| first == field),
            Subject::Header(_) | Subject::Status => false,
        })
    }

    /// Whether nothing but the status is tested, and it may be this one.
    #[must_use]
    pub fn may_have_status(&self, status: u16) -> bool {
        let one = |(subject, expected): &(Subject, Expected)| match subject {
            Subject::Status => expected.holds_one(&Value::from(status), Some(status)),
            Subject::At(_) | Subject::Header(_) => false,
        };
        !self.entries.is_empty() && self.entries.iter().all(one)
    }
}

impl Expected {
    fn holds_one(&self, found: &Value, status: Option<u16>) -> bool {
        match self {
            Self::AnyOf(values) => values.iter().any(|v| same(v, found)),
            Self::NoneOf(values) => !values.iter().any(|v| same(v, found)),
            Self::Given(given) => found.is_null() != *given,
            Self::Contains(text) => found.as_str().is_some_and(|s| s.contains(text.as_str())),
            Self::Lists(some, item) => {
                found.as_array().is_some_and(|items| items.iter().any(|i| item.holds(i))) == *some
            }
            Self::StatusClass(class) => status.is_some_and(|s| s / 100 == *class),
        }
    }
}

/// Equal as JSON, or printing alike: an app that writes ids as numbers today and as texts tomorrow means the same.
#[must_use]
pub fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(n), Value::String(s)) | (Value::String(s), Value::Number(n)) => n.to_string() == *s,
        // A column declared BOOLEAN holds 0 and 1.
        (Value::Number(n), Value::Bool(b)) | (Value::Bool(b), Value::Number(n)) => n.as_u64() == Some(u64::from(*b)),
        _ => a == b,
    }
}
