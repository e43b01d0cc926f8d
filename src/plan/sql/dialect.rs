//! What each engine has of its own: quoting, literals, sets in one parameter, and text compared byte by byte. Everything
//! else in these files is said once for all of them.
//!
//! SQLite's functions stop at U+0000: a stored text that holds one compares as if it ended there. A connection to MariaDB
//! has `NO_BACKSLASH_ESCAPES`, so that a quote is doubled in every literal and nothing else has a meaning there.

use serde_json::Value;

use crate::{
    mapping::sql::{Engine, Ident, KeyKind},
    plan::call::Bind,
    scim::{
        fold::{fold, variants_ascii_lower},
        schema::Type,
    },
};

/// True of every row.
pub const TRUE: &str = "TRUE";

/// True of no row.
pub const FALSE: &str = "FALSE";

/// The most texts that one literal may become.
const VARIANTS: usize = 16;

impl Engine {
    /// What makes a SELECT lock its rows for the transaction. In SQLite a transaction that writes has the whole file.
    #[must_use]
    pub fn row_lock(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres | Self::MariaDb => " FOR UPDATE",
        }
    }

    /// An identifier, quoted, and so is the schema in front of it.
    #[must_use]
    pub fn name(self, ident: &Ident) -> String {
        let mut name = String::with_capacity(ident.0.len() + 2);
        self.write_name(ident, &mut name);
        name
    }

    /// The same at the end of a text.
    pub(super) fn write_name(self, ident: &Ident, to: &mut String) {
        let quote = match self {
            Self::Sqlite | Self::Postgres => '"',
            Self::MariaDb => '`',
        };
        to.push(quote);
        let mut rest = ident.0.as_str();
        while let Some(at) = rest.find(['.', quote]) {
            to.push_str(&rest[..at]);
            to.push(quote);
            if rest[at..].starts_with('.') {
                to.push('.');
            }
            to.push(quote);
            rest = &rest[at + 1..];
        }
        to.push_str(rest);
        to.push(quote);
    }

    /// A value of the mapping, written out.
    #[must_use]
    pub fn literal(self, value: &Value) -> String {
        match value {
            Value::Null => "NULL".to_owned(),
            Value::Bool(true) if self == Self::Postgres => TRUE.to_owned(),
            Value::Bool(false) if self == Self::Postgres => FALSE.to_owned(),
            Value::Bool(b) => u8::from(*b).to_string(),
            Value::Number(n) => n.to_string(),
            Value::String(s) => quoted(s),
            Value::Array(_) | Value::Object(_) => quoted(&value.to_string()),
        }
    }

    /// A value as it is bound. Lists are JSON text.
    #[must_use]
    pub fn value(self, value: &Value) -> Bind {
        match value {
            Value::Null => Bind::Null,
            Value::Bool(b) if self == Self::Postgres => Bind::Boolean(*b),
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

    /// The `n`th parameter of a statement, counted from one.
    #[must_use]
    pub fn parameter(self, n: usize) -> String {
        if self == Self::Postgres { format!("${n}") } else { "?".to_owned() }
    }

    /// A bound set of such keys as a table `s` with the column `value`.
    #[must_use]
    pub fn set(self, kind: KeyKind) -> &'static str {
        match (self, kind) {
            (Self::Sqlite, _) => "json_each(?) AS s",
            (Self::Postgres, KeyKind::Integer) => "unnest(CAST(? AS bigint[])) AS s(value)",
            (Self::Postgres, KeyKind::Text) => "unnest(CAST(? AS text[])) AS s(value)",
            (Self::Postgres, KeyKind::Uuid) => "unnest(CAST(? AS uuid[])) AS s(value)",
            (Self::MariaDb, KeyKind::Integer) => "JSON_TABLE(?, '$[*]' COLUMNS (value BIGINT PATH '$')) AS s",
            (Self::MariaDb, KeyKind::Text | KeyKind::Uuid) => {
                "JSON_TABLE(?, '$[*]' COLUMNS (value LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$')) AS s"
            }
        }
    }

    /// A text column compared byte by byte, whatever collation it is declared with.
    #[must_use]
    pub fn exact(self, column: &str) -> String {
        match self {
            Self::Sqlite => format!("{column} COLLATE BINARY"),
            Self::Postgres | Self::MariaDb => self.text(column),
        }
    }

    /// A column compared by another collation than its own: two columns that have each their own cannot be compared.
    #[must_use]
    pub fn collated(self, column: &str, collation: &str) -> String {
        match (self, collation.split_once('_')) {
            (Self::MariaDb, Some((letters, _))) => format!("CONVERT({column} USING {letters}) COLLATE {collation}"),
            _ => format!("{column} COLLATE {collation}"),
        }
    }

    /// A column as text byte by byte; a number prints.
    #[must_use]
    pub fn text(self, column: &str) -> String {
        match self {
            Self::Sqlite => format!("CAST({column} AS TEXT) COLLATE BINARY"),
            Self::Postgres => format!("CAST({column} AS text) COLLATE \"C\""),
            Self::MariaDb => format!("CAST(CONVERT({column} USING utf8mb4) AS BINARY)"),
        }
    }

    /// A column as text without regard to letter case, as far as [`Engine::folded`] knows.
    ///
    /// SQLite and the collation `C` know `A`-`Z` alone. MariaDB's newest collations agree with [`fold`] on all letters but
    /// two, which are kept out of its way as characters that stand for none (U+FDD0, U+FDD1).
    #[must_use]
    pub fn lower(self, column: &str) -> String {
        match self {
            Self::Sqlite => format!("lower({column})"),
            Self::Postgres => format!("lower(CAST({column} AS text) COLLATE \"C\")"),
            Self::MariaDb => {
                let text = format!("CONVERT({column} USING utf8mb4) COLLATE utf8mb4_bin");
                let kept = format!(
                    "REPLACE(REPLACE({text}, _utf8mb4 X'E284AA', _utf8mb4 X'EFB790'), _utf8mb4 X'C4B0', _utf8mb4 X'EFB791')"
                );
                format!("CAST(LOWER({kept} COLLATE utf8mb4_uca1400_as_cs) AS BINARY)")
            }
        }
    }

    /// A folded text of MariaDB, as it sorts: the two letters that [`Engine::lower`] keeps out of the way are back.
    #[must_use]
    pub fn folded_order(self, column: &str) -> String {
        let text = format!("CONVERT({} USING utf8mb4)", self.lower(column));
        format!(
            "CAST(REPLACE(REPLACE({text}, _utf8mb4 X'EFB790', _utf8mb4 X'E284AA'), _utf8mb4 X'EFB791', _utf8mb4 X'C4B0') AS BINARY)"
        )
    }

    /// A text that is compared byte by byte, as text again.
    #[must_use]
    pub fn readable(self, text: &str) -> String {
        if self == Self::MariaDb { format!("CONVERT({text} USING utf8mb4)") } else { text.to_owned() }
    }

    /// What [`Engine::lower`] makes of every text that folds as this one does; none where they are too many.
    #[must_use]
    pub fn folded(self, text: &str) -> Option<Vec<String>> {
        match self {
            Self::Sqlite | Self::Postgres => variants_ascii_lower(text, VARIANTS),
            Self::MariaDb => Some(vec![fold(text).replace('\u{212a}', "\u{fdd0}").replace('\u{130}', "\u{fdd1}")]),
        }
    }

    /// A column as a number. Engines whose columns have types compare by them.
    #[must_use]
    pub fn number(self, column: &str) -> String {
        match self {
            Self::Sqlite => format!("CAST({column} AS NUMERIC)"),
            Self::Postgres | Self::MariaDb => column.to_owned(),
        }
    }

    /// The end of a text, as long as this one.
    #[must_use]
    pub fn end(self, text: &str, wanted: &str) -> String {
        match self {
            Self::Sqlite => format!("substr({text}, -{})", wanted.chars().count()),
            Self::Postgres => format!("right({text}, {})", wanted.chars().count()),
            // its texts are bytes
            Self::MariaDb => format!("right({text}, {})", wanted.len()),
        }
    }

    /// Whether a text holds the one that is bound.
    #[must_use]
    pub fn contains(self, text: &str) -> String {
        match self {
            Self::Sqlite | Self::MariaDb => format!("instr({text}, ?) > 0"),
            Self::Postgres => format!("strpos({text}, ?) > 0"),
        }
    }

    /// A member of a JSON object, where it is of this type; nothing where it may have more digits than can be compared.
    #[must_use]
    pub fn member(self, column: &str, path: &[String], kind: Type) -> Option<String> {
        let truth = match kind {
            Type::Integer | Type::Decimal | Type::Complex => return None,
            Type::Boolean => true,
            Type::String | Type::Reference | Type::Binary | Type::DateTime => false,
        };
        let dotted = quoted(&path.iter().fold("$".to_owned(), |all, key| format!("{all}.\"{key}\"")));
        Some(match self {
            // a text that is no JSON is an error in each of these, and a CASE goes from left to right
            Self::Sqlite => {
                let is = if truth { "IN ('true', 'false')" } else { "= 'text'" };
                let of =
                    format!("CASE WHEN json_type({column}, {dotted}) {is} THEN json_extract({column}, {dotted}) END");
                format!("CASE WHEN json_valid({column}) THEN {of} END")
            }
            Self::Postgres => {
                let keys: Vec<String> = path.iter().map(|key| quoted(key)).collect();
                let member = format!("CAST(NULLIF(CAST({column} AS text), '') AS jsonb) #> ARRAY[{}]", keys.join(", "));
                match truth {
                    true => {
                        format!("CASE jsonb_typeof({member}) WHEN 'boolean' THEN CAST({member} AS text) = 'true' END")
                    }
                    false => format!("CASE jsonb_typeof({member}) WHEN 'string' THEN ({member}) #>> '{{}}' END"),
                }
            }
            Self::MariaDb => {
                let member = format!("JSON_EXTRACT({column}, {dotted})");
                match truth {
                    true => format!("CASE JSON_TYPE({member}) WHEN 'BOOLEAN' THEN {member} = 'true' END"),
                    false => format!("CASE JSON_TYPE({member}) WHEN 'STRING' THEN JSON_UNQUOTE({member}) END"),
                }
            }
        })
    }

    /// A new random key.
    #[must_use]
    pub fn uuid(self) -> &'static str {
        match self {
            Self::Sqlite => {
                "lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || '-' || \
                 substr('89ab', 1 + (random() & 3), 1) || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)))"
            }
            Self::Postgres => "gen_random_uuid()",
            // its own UUID() tells the time and the machine
            Self::MariaDb => {
                "LOWER(CONCAT_WS('-', HEX(RANDOM_BYTES(4)), HEX(RANDOM_BYTES(2)), CONCAT('4', SUBSTR(HEX(RANDOM_BYTES(2)), 2)), \
                 CONCAT(HEX(ORD(RANDOM_BYTES(1)) & 3 | 8), SUBSTR(HEX(RANDOM_BYTES(2)), 2)), HEX(RANDOM_BYTES(6))))"
            }
        }
    }

    /// The next number of a sequence.
    #[must_use]
    pub fn next_of(self, sequence: &Ident) -> String {
        match self {
            Self::Postgres => format!("nextval({})", quoted(&self.name(sequence))),
            Self::Sqlite | Self::MariaDb => format!("NEXTVAL({})", self.name(sequence)),
        }
    }

    /// The beginning of a statement that removes rows.
    #[must_use]
    pub fn delete_from(self, table: &Ident, alias: &str) -> String {
        let name = self.name(table);
        match self {
            Self::Sqlite | Self::Postgres => format!("DELETE FROM {name} AS {alias}"),
            Self::MariaDb => format!("DELETE {alias} FROM {name} AS {alias}"),
        }
    }

    /// The columns and values of a new row that says nothing.
    #[must_use]
    pub fn defaults(self) -> &'static str {
        match self {
            Self::Sqlite | Self::Postgres => "DEFAULT VALUES",
            Self::MariaDb => "() VALUES ()",
        }
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use serde_json::json;

    use super::*;

    #[test]
    fn nothing_ends_its_own_quotes() {
        let bad = Ident("a\"; DROP TABLE `b` --".to_owned());
        assert_eq!(Engine::Sqlite.name(&bad), "\"a\"\"; DROP TABLE `b` --\"");
        assert_eq!(Engine::MariaDb.name(&bad), "`a\"; DROP TABLE ``b`` --`");
        assert_eq!(Engine::MariaDb.name(&Ident("hr.person".to_owned())), "`hr`.`person`");
        for engine in [Engine::Sqlite, Engine::Postgres, Engine::MariaDb] {
            assert_eq!(engine.literal(&json!("it's '")), "'it''s '''");
        }
        let of = |engine: Engine| [json!(true), json!(-1.5), json!(null)].map(|v| engine.literal(&v));
        assert_eq!(of(Engine::Sqlite), ["1", "-1.5", "NULL"]);
        assert_eq!(of(Engine::Postgres), ["TRUE", "-1.5", "NULL"]);
    }
}
