//! What a PUT or PATCH changes, attribute by attribute: the one road that both take.

use serde_json::Value;

use super::schema::Target;

/// One attribute and what becomes of it. A single complex attribute changes sub-attribute by sub-attribute
/// (`name.givenName`); a list changes as a whole, or by what goes in and out of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What changes.
    pub target: Target,
    /// What becomes of it.
    pub to: To,
}

/// What becomes of an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum To {
    /// It has this value; for a multi-valued attribute, exactly this list (never empty).
    Value(Value),
    /// It has no value (RFC 7643 §2.5).
    Unassigned,
    /// Of a multi-valued attribute: these items go in (whole items, `{"value": …}`), and those with such a `value` go out.
    /// No `value` is in both.
    Delta {
        /// Items that shall be in the list.
        add: Vec<Value>,
        /// `value`s of the items that shall not.
        remove: Vec<String>,
    },
}
