//! Codecs: the same fact in the app's form and in SCIM's, both directions.

use std::sync::Arc;

use serde_json::{Map, Number, Value};

use crate::scim::instant;

use super::{
    hash::Hash,
    pattern::{Item, same},
    time::TimeForm,
};

/// One step between the record's form and SCIM's.
#[derive(Debug, Clone)]
pub enum Codec {
    /// As it is.
    Plain,
    /// `values`: SCIM's value and the app's, the first of which is written, all are read.
    Values {
        /// SCIM's value, the app's values.
        pairs: Vec<(Value, Vec<Value>)>,
        /// What a word that is not listed means when read.
        or_else: Option<Value>,
    },
    /// `given`, `exists`: whether the field, or a row of its own, is there. A row can be made and removed; a field is read-only.
    Given(bool),
    /// `time`: an instant in another form.
    Time(TimeForm),
    /// `number`: the app has a number where SCIM has a text, or the reverse.
    Number(Digits),
    /// `has` (true) and `lacks`: whether some item of a list is like this. Writing puts one in or takes all such out.
    Holds(bool, Arc<Item>),
    /// `after` and `before`: a part of the app's text. Read-only, as the rest is not known.
    Part(Cut),
    /// `prefix` and `suffix` around the app's text.
    Around {
        /// In front.
        prefix: String,
        /// Behind.
        suffix: String,
    },
    /// `hash`: a password, which nobody reads. What is written is the hash already.
    Hash(Hash),
}

/// On which side there are numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Digits {
    /// `whole`: the app's value is a whole number, SCIM's its digits as text.
    Whole,
    /// `text`: the app's value is the digits as text, SCIM's a number.
    Text,
}

/// A part of a text: what stands behind the last `after`, and of that what stands in front of the first `before`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cut {
    /// What it stands behind.
    pub after: Option<String>,
    /// What it stands in front of.
    pub before: Option<String>,
}

impl Cut {
    /// The part; none of a text without the marks.
    #[must_use]
    pub fn of<'t>(&self, text: &'t str) -> Option<&'t str> {
        let rest = match &self.after {
            Some(mark) => text.rsplit_once(mark.as_str())?.1,
            None => text,
        };
        match &self.before {
            Some(mark) => Some(rest.split_once(mark.as_str())?.0),
            None => Some(rest),
        }
    }
}

/// A record that the mapping does not describe rightly: the app holds a value that its line cannot read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// What was found and what the line knows.
    pub message: String,
}

impl Codec {
    /// From the record's form to SCIM's. Nothing for what the codec knows as no value.
    ///
    /// # Errors
    /// A value that the mapping does not list, or a time that is none.
    pub fn read(&self, found: &Value) -> Result<Option<Value>, Unreadable> {
        match self {
            Self::Plain => Ok((!found.is_null()).then(|| found.clone())),
            Self::Hash(_) => Ok(None),
            Self::Given(when) => Ok(Some(Value::Bool(found.is_null() != *when))),
            Self::Values { pairs, or_else } => {
                let known = pairs.iter().find(|(_, app)| app.iter().any(|a| same(a, found))).map(|(scim, _)| scim);
                match known.or(or_else.as_ref()) {
                    Some(scim) => Ok(Some(scim.clone())),
                    None if found.is_null() => Ok(None),
                    None => Err(Unreadable {
                        message: format!("{} is not listed in `values`; list it or add `else`", word(found)),
                    }),
                }
            }
            Self::Time(form) => match found {
                Value::Null => Ok(None),
                _ => form.read(found).map(|at| Some(Value::String(at.to_string()))).ok_or_else(|| Unreadable {
                    message: format!("{} is not a time of the form `{}`", kind(found), form.word()),
                }),
            },
            Self::Number(digits) => match found {
                Value::Null => Ok(None),
                Value::Number(n) => Ok(Some(match digits {
                    Digits::Whole => Value::String(n.to_string()),
                    Digits::Text => found.clone(),
                })),
                Value::String(text) if number(text).is_some() => Ok(Some(found.clone())),
                _ => Err(Unreadable { message: format!("{} is not a number", kind(found)) }),
            },
            Self::Holds(some, item) => match found {
                Value::Null | Value::Array(_) => {
                    let found = found.as_array().is_some_and(|items| items.iter().any(|i| item.holds(i)));
                    Ok(Some(Value::Bool(found == *some)))
                }
                _ => Err(Unreadable { message: format!("{} is not a list", kind(found)) }),
            },
            Self::Part(cut) => match found {
                Value::Null => Ok(None),
                Value::String(text) => match cut.of(text) {
                    Some(part) => Ok(Some(Value::from(part))),
                    None => Err(Unreadable { message: "the text does not hold the mark that it is cut at".to_owned() }),
                },
                _ => Err(Unreadable { message: format!("{} is not text", kind(found)) }),
            },
            Self::Around { prefix, suffix } => match found {
                Value::Null => Ok(None),
                Value::String(s) => match s.strip_prefix(prefix.as_str()).and_then(|s| s.strip_suffix(suffix.as_str()))
                {
                    Some(inner) => Ok(Some(Value::String(inner.to_owned()))),
                    None => Err(Unreadable {
                        message: format!("the text does not stand between `{prefix}` and `{suffix}`"),
                    }),
                },
                _ => Err(Unreadable { message: format!("{} is not text", kind(found)) }),
            },
        }
    }

    /// From SCIM's form to the record's; `None` where this value has no form there, as what edits a list has not.
    #[must_use]
    pub fn write(&self, value: &Value) -> Option<Value> {
        match self {
            Self::Plain | Self::Hash(_) => Some(value.clone()),
            Self::Given(when) => {
                value.as_bool().map(|is| if is == *when { Value::Object(Map::new()) } else { Value::Null })
            }
            Self::Values { pairs, .. } => {
                pairs.iter().find(|(scim, _)| same(scim, value)).and_then(|(_, app)| app.first().cloned())
            }
            Self::Time(form) => value.as_str().and_then(instant::parse).and_then(|at| form.write(at)),
            Self::Number(Digits::Whole) => {
                // the digits come back as they went: `007` is no number's text
                let whole = number(value.as_str()?).filter(|n| !n.to_string().contains(['.', 'e', 'E']));
                whole.filter(|n| Some(n.to_string().as_str()) == value.as_str()).map(Value::Number)
            }
            Self::Number(Digits::Text) => value.is_number().then(|| Value::String(value.to_string())),
            Self::Holds(..) | Self::Part(_) => None,
            Self::Around { prefix, suffix } => value.as_str().map(|s| Value::String(format!("{prefix}{s}{suffix}"))),
        }
    }

    /// Whether the codec can write.
    #[must_use]
    pub fn writes(&self) -> bool {
        match self {
            Self::Given(_) | Self::Part(_) => false,
            Self::Holds(_, item) => item.template().is_some(),
            _ => true,
        }
    }
}

fn number(text: &str) -> Option<Number> {
    text.parse().ok()
}

/// What a value is, for messages that end up in the log: never the value itself, it may be a person's (law 12).
#[must_use]
pub fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a yes or no",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// A word of an app's closed list may be shown, or nobody could add it to the mapping; a long one is not such a word.
fn word(value: &Value) -> String {
    let text = value.to_string();
    if text.len() <= 12 && !text.contains(['@', ' ']) { format!("the value {text}") } else { kind(value).to_owned() }
}
