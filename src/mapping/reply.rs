//! Where a reply tells something: in its body, or in a header.

use std::borrow::Cow;

use http::{HeaderMap, HeaderName, header::LOCATION};
use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::{codec::Cut, selector::Selector};

/// A place in a reply, and which part of what stands there is meant.
#[derive(Debug, Clone)]
pub struct InReply {
    /// The place.
    pub at: At,
    /// The part of a text that is meant; all of it where no mark is given.
    pub cut: Cut,
}

/// A place in a reply.
#[derive(Debug, Clone)]
pub enum At {
    /// In the body.
    Body(Selector),
    /// A header: `$headers.Location`.
    Header(HeaderName),
}

impl InReply {
    /// What stands there; null and empty text are nothing, as is a text without the marks that it is cut at.
    #[must_use]
    pub fn find<'r>(&self, body: &'r Value, headers: &HeaderMap) -> Option<Cow<'r, Value>> {
        match &self.at {
            At::Body(at) => self.part(Cow::Borrowed(at.one(body)?)),
            At::Header(_) => self.in_header(headers),
        }
    }

    /// All that stand there, where the place may be several.
    #[must_use]
    pub fn all(&self, body: &Value, headers: &HeaderMap) -> Vec<Value> {
        let found: Vec<Cow<'_, Value>> = match &self.at {
            At::Body(at) => at.all(body).into_iter().filter_map(|value| self.part(Cow::Borrowed(value))).collect(),
            At::Header(_) => self.in_header(headers).into_iter().collect(),
        };
        found.into_iter().map(Cow::into_owned).collect()
    }

    /// Whether several are to be found in a list that the reply does not have.
    #[must_use]
    pub fn misses_list(&self, body: &Value) -> bool {
        matches!(&self.at, At::Body(at) if at.misses_list(body))
    }

    fn in_header<'r>(&self, headers: &HeaderMap) -> Option<Cow<'r, Value>> {
        let At::Header(name) = &self.at else { return None };
        let found = self.part(Cow::Owned(Value::from(headers.get(name)?.to_str().ok()?)))?;
        match found.as_str() {
            // an address, in which an id stands encoded
            Some(text) if *name == LOCATION && self.cut != Cut::default() => {
                Some(Cow::Owned(Value::from(percent_decode_str(text).decode_utf8().ok()?.into_owned())))
            }
            _ => Some(found),
        }
    }

    /// The part of it that is meant.
    fn part<'r>(&self, found: Cow<'r, Value>) -> Option<Cow<'r, Value>> {
        let part = match (found.as_ref(), self.cut == Cut::default()) {
            (_, true) => found,
            (Value::String(text), false) => Cow::Owned(Value::from(self.cut.of(text)?)),
            (_, false) => return None,
        };
        Some(part).filter(|v| !v.is_null() && v.as_str() != Some(""))
    }

    /// As written, for people.
    #[must_use]
    pub fn text(&self) -> String {
        match &self.at {
            At::Body(at) => at.text().to_owned(),
            At::Header(name) => format!("$headers.{name}"),
        }
    }
}
