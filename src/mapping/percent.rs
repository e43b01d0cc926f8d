//! Percent-encoding (RFC 3986 §2.1).

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// RFC 3986 unreserved characters stay; everything else is encoded.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A value as it stands in a segment or a query.
#[must_use]
pub fn percent(value: &str) -> String {
    Cow::from(utf8_percent_encode(value, RESERVED)).into_owned()
}
