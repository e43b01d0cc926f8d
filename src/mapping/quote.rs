//! Quotes: what gives a value the shape of one literal in the app's own language, or refuses what cannot have it. A value in
//! company reaches the app in no other way (law 8), so no value can end its literal and go on as something else.

use serde_json::Value;

use super::percent::percent;

/// A way to write a value into a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Quote {
    /// `'O''Neil'`; numbers and truth values bare.
    Odata,
    /// As JSON; `scim` and `json` are one for single values.
    Json,
    /// As Rison: `'it!'s'`, `!t`, `(a:1)`.
    Rison,
    /// Percent-encoded, as FIQL has its arguments; in a URL within a text, a segment.
    Percent,
    /// For an LDAP filter: `\2a` for `*`.
    Ldap,
    /// Digits alone.
    Digits,
    /// Letters, digits, `_` and `-`.
    Word,
    /// A time or a number, as they stand without quotes.
    Time,
    /// The items of a list, with commas between them: `7,8`.
    Commas,
    /// As it is: only where it stands alone.
    Text,
    /// One of the mapping's own.
    Own(Own),
}

/// A quote that the mapping declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Own {
    /// What stands in front of the value and behind it.
    pub around: Option<(String, String)>,
    /// Characters that are written otherwise.
    pub escape: Vec<(char, String)>,
    /// Characters that it cannot hold.
    pub refuse: Letters,
    /// The only ones that it can; none: all.
    pub allow: Option<Letters>,
}

/// A set of characters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Letters {
    /// `control`.
    pub control: bool,
    /// `letters`: those of ASCII.
    pub letters: bool,
    /// `digits`: those of ASCII.
    pub digits: bool,
    /// These.
    pub these: String,
}

impl Letters {
    /// Whether it is among them.
    #[must_use]
    pub fn hold(&self, c: char) -> bool {
        self.control && c.is_control()
            || self.letters && c.is_ascii_alphabetic()
            || self.digits && c.is_ascii_digit()
            || self.these.contains(c)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The names that need no declaration.
pub const BUILT_IN: [(&str, Quote); 12] = [
    ("odata", Quote::Odata),
    ("scim", Quote::Json),
    ("json", Quote::Json),
    ("rison", Quote::Rison),
    ("fiql", Quote::Percent),
    ("segment", Quote::Percent),
    ("ldap", Quote::Ldap),
    ("digits", Quote::Digits),
    ("word", Quote::Word),
    ("time", Quote::Time),
    ("commas", Quote::Commas),
    ("text", Quote::Text),
];

impl Quote {
    /// The value as it stands in a text.
    ///
    /// # Errors
    /// Why it cannot.
    pub fn write(&self, value: &Value) -> Result<String, &'static str> {
        match (self, value) {
            (Self::Json, _) => return Ok(value.to_string()),
            (Self::Rison, _) => {
                let mut made = String::new();
                rison(value, &mut made);
                return Ok(made);
            }
            (Self::Commas, Value::Array(items)) if !items.is_empty() => {
                let items: Result<Vec<String>, _> = items.iter().map(|item| self.write_one(item)).collect();
                return Ok(items?.join(","));
            }
            (_, Value::Array(_) | Value::Object(_)) => return Err("it is a list or an object, not one value"),
            (_, Value::Null) => return Err("it is no value"),
            (Self::Odata | Self::Time, Value::Number(_) | Value::Bool(_)) => return Ok(value.to_string()),
            _ => {}
        }
        let text = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let only = |fits: &dyn Fn(char) -> bool, why| match !text.is_empty() && text.chars().all(fits) {
            true => Ok(text.clone()),
            false => Err(why),
        };
        match self {
            Self::Odata => Ok(format!("'{}'", text.replace('\'', "''"))),
            Self::Percent if matches!(text.as_str(), "" | "." | "..") => Err("it is empty, `.` or `..`"),
            Self::Percent => Ok(percent(&text)),
            Self::Ldap => Ok(text.chars().map(ldap).collect()),
            Self::Digits => only(&|c| c.is_ascii_digit(), "it is more than digits"),
            Self::Word => only(&|c| c.is_ascii_alphanumeric() || c == '_' || c == '-', "it is more than one word"),
            Self::Time => only(&|c| c.is_ascii_digit() || "TZ:.+-".contains(c), "it is no time"),
            Self::Commas if text.is_empty() || text.contains(',') => Err("it is empty or holds a comma"),
            Self::Own(own) => own.write(&text),
            Self::Commas | Self::Text | Self::Json | Self::Rison => Ok(text),
        }
    }

    /// An item, which is no list itself.
    fn write_one(&self, value: &Value) -> Result<String, &'static str> {
        if value.is_array() { Err("it is a list in a list") } else { self.write(value) }
    }

    /// Every text in it, each as it stands in company: what a frame asks of all values.
    ///
    /// # Errors
    /// Why one of them cannot.
    pub fn write_all(&self, value: Value) -> Result<Value, &'static str> {
        Ok(match value {
            Value::String(_) => Value::String(self.write(&value)?),
            Value::Array(items) => {
                Value::Array(items.into_iter().map(|item| self.write_all(item)).collect::<Result<_, _>>()?)
            }
            Value::Object(fields) => Value::Object(
                fields
                    .into_iter()
                    .map(|(key, v)| Ok((key, self.write_all(v)?)))
                    .collect::<Result<_, &'static str>>()?,
            ),
            other => other,
        })
    }

    /// Characters that would be read together with the value if they stood beside it: the ends of its marks and the
    /// beginnings of its escapes.
    #[must_use]
    pub fn marks(&self) -> Vec<char> {
        match self {
            Self::Odata => vec!['\''],
            Self::Json => vec!['"', '\\'],
            Self::Rison => vec!['\'', '!'],
            Self::Percent => vec!['%'],
            Self::Commas => vec![','],
            Self::Ldap => vec!['\\'],
            Self::Own(own) => own.marks(),
            Self::Digits | Self::Word | Self::Time | Self::Text => Vec::new(),
        }
    }
}

impl Own {
    fn write(&self, text: &str) -> Result<String, &'static str> {
        if text.chars().any(|c| self.refuse.hold(c) || self.allow.as_ref().is_some_and(|allow| !allow.hold(c))) {
            return Err("it holds a character that its quote refuses");
        }
        if self.around.is_none() && text.is_empty() {
            return Err("it is empty");
        }
        let mut made = String::new();
        for c in text.chars() {
            match self.escape.iter().find(|(plain, _)| *plain == c) {
                Some((_, escape)) => made.push_str(escape),
                None => made.push(c),
            }
        }
        Ok(self.around.as_ref().map_or(made.clone(), |(open, close)| format!("{open}{made}{close}")))
    }

    /// The value that a text stands for; none where it is no such literal, or more than one.
    #[must_use]
    pub fn read(&self, text: &str) -> Option<String> {
        let (open, close) = self.around.as_ref().map_or(("", ""), |(open, close)| (open, close));
        let mut rest = text.strip_prefix(open)?;
        let mut made = String::new();
        loop {
            if let Some((plain, escape)) = self.escape.iter().find(|(_, escape)| rest.starts_with(escape.as_str())) {
                made.push(*plain);
                rest = &rest[escape.len()..];
            } else if !close.is_empty() && rest.starts_with(close) {
                return (rest == close).then_some(made);
            } else {
                let Some(c) = rest.chars().next() else { return close.is_empty().then_some(made) };
                made.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
    }

    fn marks(&self) -> Vec<char> {
        let ends = self.around.iter().flat_map(|(open, close)| [open.chars().next_back(), close.chars().next()]);
        ends.flatten().chain(self.escape.iter().filter_map(|(_, escape)| escape.chars().next())).collect()
    }
}

fn ldap(c: char) -> String {
    match c {
        '*' | '(' | ')' | '\\' | '\0' => format!("\\{:02x}", u32::from(c)),
        other => other.to_string(),
    }
}

/// Texts always between quotes, so that none is read as a number or a word.
fn rison(value: &Value, made: &mut String) {
    match value {
        Value::Null => made.push_str("!n"),
        Value::Bool(true) => made.push_str("!t"),
        Value::Bool(false) => made.push_str("!f"),
        // it has no `+`
        Value::Number(number) => made.push_str(&number.to_string().replace('+', "")),
        Value::String(text) => {
            made.push('\'');
            for c in text.chars() {
                if matches!(c, '!' | '\'') {
                    made.push('!');
                }
                made.push(c);
            }
            made.push('\'');
        }
        Value::Array(items) => {
            made.push_str("!(");
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    made.push(',');
                }
                rison(item, made);
            }
            made.push(')');
        }
        Value::Object(fields) => {
            made.push('(');
            for (at, (key, item)) in fields.iter().enumerate() {
                if at > 0 {
                    made.push(',');
                }
                let bare = key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                    && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
                if bare {
                    made.push_str(key);
                } else {
                    rison(&Value::String(key.clone()), made);
                }
                made.push(':');
                rison(item, made);
            }
            made.push(')');
        }
    }
}
