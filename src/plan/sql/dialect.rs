//! What SQLite has of its own: quoting, literals, sets in one parameter, and text compared byte by byte. Another engine
//! is another file with these names.
//!
//! SQLite's functions stop at U+0000: a stored text that holds one compares as if it ended there.

use serde_json::Value;

use crate::{mapping::sql::Ident, plan::call::Bind};

/// A bound JSON list as a table; its column is `value`.
pub const SET: &str = "json_each(?)";

/// True of every row.
pub const TRUE: &str = "TRUE";

/// True of no row.
pub const FALSE: &str = "FALSE";

/// An identifier, quoted.
#[must_use]
pub fn name(ident: &Ident) -> String {
    format!("\"{}\"", ident.0.replace('"', "\"\""))
}

/// A value of the mapping, written out.
#[must_use]
pub fn literal(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Bool(b) => u8::from(*b).to_string(),
        Value::Number(n) => n.to_string(),
        Value::String(s) => quoted(s),
        Value::Array(_) | Value::Object(_) => quoted(&value.to_string()),
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A value as it is bound. SQLite has no booleans, and keeps lists as JSON text.
#[must_use]
pub fn value(value: &Value) -> Bind {
    match value {
        Value::Null => Bind::Null,
        Value::Bool(b) => Bind::Integer(i64::from(*b)),
        Value::Number(n) => match (n.as_i64(), n.as_f64()) {
            (Some(whole), _) => Bind::Integer(whole),
            (None, Some(real)) => Bind::Real(real),
            (None, None) => Bind::Text(n.to_string()),
        },
        Value::String(s) => Bind::Text(s.clone()),
        Value::Array(_) | Value::Object(_) => Bind::Text(value.to_string()),
    }
}

/// A text column compared byte by byte, whatever collation it is declared with.
#[must_use]
pub fn exact(column: &str) -> String {
    format!("{column} COLLATE BINARY")
}

/// A column as text byte by byte; a number prints.
#[must_use]
pub fn text(column: &str) -> String {
    exact(&format!("CAST({column} AS TEXT)"))
}

/// A column as text without regard to `A`-`Z`; other letters stay as they are, see [`crate::scim::fold`].
#[must_use]
pub fn lower(column: &str) -> String {
    format!("lower({column})")
}

/// A column as a number.
#[must_use]
pub fn number(column: &str) -> String {
    format!("CAST({column} AS NUMERIC)")
}

/// The last `length` characters of a text.
#[must_use]
pub fn end(text: &str, length: usize) -> String {
    format!("substr({text}, -{length})")
}

/// Whether a text holds the one that is bound.
#[must_use]
pub fn contains(text: &str) -> String {
    format!("instr({text}, ?) > 0")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use serde_json::json;

    use super::*;

    #[test]
    fn nothing_ends_its_own_quotes() {
        assert_eq!(name(&Ident("a\"; DROP TABLE b --".to_owned())), "\"a\"\"; DROP TABLE b --\"");
        assert_eq!(literal(&json!("it's '")), "'it''s '''");
        assert_eq!([literal(&json!(true)), literal(&json!(-1.5)), literal(&json!(null))], ["1", "-1.5", "NULL"]);
    }
}
