//! Reading a tree: typed values and the fields of a map. Each reader reports what does not fit and goes on, so that a
//! caller is a plain list of reads, and `finish` reports the keys nobody asked for.

use std::borrow::Cow;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::{Key, Node, Value};
use crate::diagnostic::{Diagnostic, Faults, Span, did_you_mean};

/// `what` in these readers is how a message names the thing: "`listen`", "a rule".
impl Node {
    fn expected<'f>(&self, faults: &'f mut Faults, what: &str, kind: &str) -> &'f mut Diagnostic {
        faults.error(self.span, "wrong-type", format!("{what} must be {kind}, but this is {}", self.value))
    }

    /// A text, possibly empty.
    pub fn text(&self, faults: &mut Faults, what: &str) -> Option<&str> {
        if let Value::Text(text) = &self.value {
            return Some(text);
        }
        let fault = self.expected(faults, what, "a text");
        if let Value::Bool(_) | Value::Number(_) = self.value {
            fault.help("put quotes around it");
        }
        None
    }

    /// `true` or `false`.
    pub fn bool(&self, faults: &mut Faults, what: &str) -> Option<bool> {
        match self.value {
            Value::Bool(value) => Some(value),
            _ => {
                self.expected(faults, what, "true or false");
                None
            }
        }
    }

    /// A whole number within `range`.
    pub fn integer(&self, faults: &mut Faults, what: &str, range: RangeInclusive<u64>) -> Option<u64> {
        let (least, most) = (range.start(), range.end());
        match &self.value {
            Value::Number(number) => match number.as_u64() {
                Some(value) if range.contains(&value) => return Some(value),
                _ => {
                    let message = format!("{what} must be a whole number from {least} to {most}, not {number}");
                    faults.error(self.span, "bad-value", message);
                }
            },
            _ => {
                self.expected(faults, what, "a whole number");
            }
        }
        None
    }

    /// A time such as `250 ms`, `5 s`, `15 min` or `2 h`, within `range`.
    pub fn duration(&self, faults: &mut Faults, what: &str, range: RangeInclusive<Duration>) -> Option<Duration> {
        const UNITS: [(&str, u64); 4] = [("ms", 1), ("s", 1000), ("min", 60_000), ("h", 3_600_000)];
        let milliseconds = |time: &Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let range = milliseconds(range.start())..=milliseconds(range.end());
        self.quantity(faults, what, "a time such as `250 ms`, `5 s` or `15 min`", &UNITS, range)
            .map(Duration::from_millis)
    }

    /// A number of bytes such as `512 B`, `64 KiB` or `1 MiB`, within `range`.
    pub fn size(&self, faults: &mut Faults, what: &str, range: RangeInclusive<u64>) -> Option<u64> {
        const UNITS: [(&str, u64); 4] = [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];
        self.quantity(faults, what, "a size such as `64 KiB` or `1 MiB`", &UNITS, range)
    }

    fn quantity(
        &self,
        faults: &mut Faults,
        what: &str,
        kind: &str,
        units: &[(&str, u64)],
        range: RangeInclusive<u64>,
    ) -> Option<u64> {
        let value = self.as_text().and_then(|text| {
            let (count, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
            let (_, factor) = units.iter().find(|(name, _)| *name == unit.trim_start())?;
            count.parse::<u64>().ok()?.checked_mul(*factor)
        });
        let Some(value) = value else {
            let message = format!("{what} must be {kind}, not `{}`", faults.written(self.span));
            faults.error(self.span, "bad-value", message);
            return None;
        };
        if range.contains(&value) {
            return Some(value);
        }
        let (least, most) = (in_units(*range.start(), units), in_units(*range.end(), units));
        faults.error(self.span, "bad-value", format!("{what} must be from {least} to {most}"));
        None
    }

    /// One of a closed set of words, and what it stands for.
    pub fn choice<T: Copy>(&self, faults: &mut Faults, what: &str, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(faults, what)?;
        if let Some((_, meaning)) = words.iter().find(|(word, _)| *word == text) {
            return Some(*meaning);
        }
        let names = || words.iter().map(|(word, _)| *word);
        let help = match did_you_mean(text, names()) {
            Some(near) => format!("write `{near}`"),
            None => format!("write one of {}", quoted(names())),
        };
        let message = format!("`{}` is not a value of {what}", faults.written(self.span));
        faults.error(self.span, "bad-value", message).help(help);
        None
    }

    /// The items of a list.
    pub fn list(&self, faults: &mut Faults, what: &str) -> Option<&[Node]> {
        let items = self.as_list();
        if items.is_none() {
            self.expected(faults, what, "a list");
        }
        items
    }

    /// The entries of a map whose keys are free names.
    pub fn entries(&self, faults: &mut Faults, what: &str) -> Option<&[(Key, Node)]> {
        let entries = self.as_map();
        if entries.is_none() {
            self.expected(faults, what, "a map");
        }
        entries
    }

    /// The fields of a map whose keys are known; end with [`Fields::finish`].
    pub fn map<'n>(&'n self, faults: &mut Faults, what: &str) -> Option<Fields<'n>> {
        let entries = self.entries(faults, what)?;
        Some(Fields { span: self.span, what: what.to_owned(), entries, asked: Vec::new(), refused: Vec::new() })
    }
}

/// The fields of one map, taken by name.
#[derive(Debug)]
pub struct Fields<'n> {
    span: Span,
    what: String,
    entries: &'n [(Key, Node)],
    asked: Vec<Cow<'static, str>>,
    /// Known, and not to be recommended.
    refused: Vec<&'static str>,
}

impl<'n> Fields<'n> {
    /// The place of the whole map.
    #[must_use]
    pub fn span(&self) -> Span {
        self.span
    }

    /// Whether the map has this key; not a taking.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|(name, _)| name.name == key)
    }

    /// The value of a field that may be missing.
    pub fn take(&mut self, key: &'static str) -> Option<&'n Node> {
        self.take_entry(key).map(|(_, node)| node)
    }

    /// The same with the key, for faults that belong to the key and not to its value.
    pub fn take_entry(&mut self, key: impl Into<Cow<'static, str>>) -> Option<&'n (Key, Node)> {
        let key = key.into();
        let found = self.entries.iter().find(|(name, _)| name.name == key);
        self.asked.push(key);
        found
    }

    /// A field that is known and not wanted: no message will recommend it.
    pub fn take_refused(&mut self, key: &'static str) -> Option<&'n (Key, Node)> {
        self.refused.push(key);
        self.entries.iter().find(|(name, _)| name.name == key)
    }

    /// The value of a field that must be there.
    pub fn required(&mut self, faults: &mut Faults, key: &'static str) -> Option<&'n Node> {
        let found = self.take(key);
        if found.is_none() {
            faults.error(self.span, "missing-key", format!("{} needs `{key}`", self.what));
        }
        found
    }

    /// A text.
    pub fn text(&mut self, faults: &mut Faults, key: &'static str) -> Option<&'n str> {
        self.take(key)?.text(faults, &format!("`{key}`"))
    }

    /// `true` or `false`.
    pub fn bool(&mut self, faults: &mut Faults, key: &'static str) -> Option<bool> {
        self.take(key)?.bool(faults, &format!("`{key}`"))
    }

    /// A whole number; see [`Node::integer`].
    pub fn integer(&mut self, faults: &mut Faults, key: &'static str, range: RangeInclusive<u64>) -> Option<u64> {
        self.take(key)?.integer(faults, &format!("`{key}`"), range)
    }

    /// A time; see [`Node::duration`].
    pub fn duration(
        &mut self,
        faults: &mut Faults,
        key: &'static str,
        range: RangeInclusive<Duration>,
    ) -> Option<Duration> {
        self.take(key)?.duration(faults, &format!("`{key}`"), range)
    }

    /// A number of bytes; see [`Node::size`].
    pub fn size(&mut self, faults: &mut Faults, key: &'static str, range: RangeInclusive<u64>) -> Option<u64> {
        self.take(key)?.size(faults, &format!("`{key}`"), range)
    }

    /// One of a closed set of words; see [`Node::choice`].
    pub fn choice<T: Copy>(&mut self, faults: &mut Faults, key: &'static str, words: &[(&str, T)]) -> Option<T> {
        self.take(key)?.choice(faults, &format!("`{key}`"), words)
    }

    /// The items of a list; none if the field is missing.
    pub fn list(&mut self, faults: &mut Faults, key: &'static str) -> &'n [Node] {
        self.take(key).and_then(|node| node.list(faults, &format!("`{key}`"))).unwrap_or_default()
    }

    /// The entries of a map with free keys; none if the field is missing.
    pub fn entries(&mut self, faults: &mut Faults, key: &'static str) -> &'n [(Key, Node)] {
        self.take(key).and_then(|node| node.entries(faults, &format!("`{key}`"))).unwrap_or_default()
    }

    /// The fields of a map with known keys.
    pub fn map(&mut self, faults: &mut Faults, key: &'static str) -> Option<Fields<'n>> {
        self.take(key)?.map(faults, &format!("`{key}`"))
    }

    /// What was not taken so far, for maps that mix known keys with free names; ends the reading in place of `finish`.
    pub fn rest(self) -> impl Iterator<Item = &'n (Key, Node)> {
        self.entries.iter().filter(move |(key, _)| {
            !self.asked.iter().any(|asked| *asked == key.name) && !self.refused.contains(&key.name.as_str())
        })
    }

    /// Reports every key that was not asked for.
    pub fn finish(self, faults: &mut Faults) {
        let what = self.what.clone();
        let all = self.asked.clone();
        let mut asked: Vec<&str> = Vec::new();
        for key in &all {
            if !asked.contains(&key.as_ref()) {
                asked.push(key);
            }
        }
        let free: Vec<&str> = asked.iter().copied().filter(|key| !self.has(key)).collect();
        for (key, _) in self.rest() {
            // A key that is there already is not what was meant.
            let help = match did_you_mean(&key.name, free.iter().copied()) {
                Some(near) => format!("write `{near}`"),
                None => format!("write one of {}", quoted(asked.iter().copied())),
            };
            faults.error(key.span, "unknown-key", format!("`{}` is not a key of {what}", key.name)).help(help);
        }
    }
}

/// `a`, `b`, `c`.
fn quoted<'w>(words: impl Iterator<Item = &'w str>) -> String {
    words.map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

/// An amount in the largest unit that divides it.
fn in_units(amount: u64, units: &[(&str, u64)]) -> String {
    let fits = |&&(_, factor): &&(&str, u64)| amount >= factor && amount.is_multiple_of(factor);
    match units.iter().rev().find(fits) {
        Some((unit, factor)) => format!("{} {unit}", amount / factor),
        None => amount.to_string(),
    }
}
