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
        let found = match &self.at {
            At::Body(at) => Cow::Borrowed(at.one(body)?),
            At::Header(name) => Cow::Owned(Value::from(headers.get(name)?.to_str().ok()?)),
        };
        let found = match (found.as_ref(), self.cut == Cut::default()) {
            (_, true) => found,
            (Value::String(text), false) => Cow::Owned(Value::from(self.cut.of(text)?)),
            (_, false) => return None,
        };
        let found = match (&self.at, found.as_str()) {
            // an address, in which an id stands encoded
            (At::Header(name), Some(text)) if *name == LOCATION && self.cut != Cut::default() => {
                Cow::Owned(Value::from(percent_decode_str(text).decode_utf8().ok()?.into_owned()))
            }
            _ => found,
        };
        Some(found).filter(|v| !v.is_null() && v.as_str() != Some(""))
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
