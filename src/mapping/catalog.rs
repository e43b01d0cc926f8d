//! What a database says of the columns that a mapping names. Read once at start and laid beside the mapping: without it
//! every statement is right as far as an engine allows; with it more is asked of the database, and by its indexes.
//!
//! SQLite says nothing here: it types values, not columns.

use std::{collections::HashMap, str::FromStr};

use jiff::{Timestamp, civil};
use serde_json::{Number, Value};

use super::engine::{Engine, Ident};

/// Columns by table and name, as the mapping writes both.
#[derive(Debug, Clone, Default)]
pub struct Catalog(HashMap<String, HashMap<String, Known>>);

/// What is known of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// What it holds.
    pub stored: Stored,
    /// How it compares texts, as SQL names it.
    pub collation: Option<String>,
    /// Whether it tells texts apart that differ in letter case alone, where that is known.
    pub exact: Option<bool>,
}

/// What a column holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stored {
    /// Text.
    Text {
        /// Whether an equality in the column's own words finds at least the same text in other letter case, of `A`-`Z`.
        ascii_case: bool,
    },
    /// A word of a closed list.
    Word,
    /// A whole number.
    Integer {
        /// The least.
        least: i128,
        /// The greatest.
        most: i128,
    },
    /// A decimal number; none: with all digits.
    Decimal {
        /// Digits behind the point.
        scale: Option<u32>,
    },
    /// A binary number of 32 bits.
    Real,
    /// A binary number of 64 bits.
    Double,
    /// Yes or no.
    Boolean,
    /// A moment, in UTC where no zone is stored.
    Instant {
        /// Digits of a second's fraction.
        digits: u32,
    },
    /// A day.
    Date,
    /// A UUID.
    Uuid,
    /// JSON text.
    Json,
}

impl Catalog {
    /// Notes a column.
    pub fn add(&mut self, table: &str, column: &str, known: Known) {
        self.0.entry(table.to_owned()).or_default().insert(column.to_owned(), known);
    }

    /// What a column holds, where that is known.
    #[must_use]
    pub fn column(&self, table: &Ident, column: &Ident) -> Option<&Stored> {
        self.0.get(&table.0)?.get(&column.0).map(|known| &known.stored)
    }

    /// Whether a column tells texts apart that differ in letter case alone.
    #[must_use]
    pub fn is_exact(&self, table: &Ident, column: &Ident) -> Option<bool> {
        self.0.get(&table.0)?.get(&column.0)?.exact
    }

    /// How a column compares texts, where it holds some and that is known.
    #[must_use]
    pub fn collation(&self, table: &Ident, column: &Ident) -> Option<&str> {
        self.0.get(&table.0)?.get(&column.0)?.collation.as_deref()
    }
}

impl Stored {
    /// Whether the column can hold this value as it is: nothing is rounded, cut, or comes back in another form. What a
    /// database refuses by itself may pass here.
    #[must_use]
    pub fn keeps(&self, value: &Value) -> bool {
        if value.is_null() {
            return true;
        }
        match self {
            Self::Text { .. } | Self::Word | Self::Json | Self::Boolean => true,
            Self::Integer { least, most } => match value {
                Value::Bool(_) => true,
                _ => plain(value).is_some_and(|text| {
                    i128::from_str(&text).is_ok_and(|n| n.to_string() == text && (*least..=*most).contains(&n))
                }),
            },
            Self::Decimal { scale } => plain(value).is_some_and(|text| {
                let digits = text.split_once('.').map_or(0, |(_, part)| part.trim_end_matches('0').len());
                Number::from_str(&text).is_ok()
                    && scale.is_none_or(|scale| u32::try_from(digits).is_ok_and(|digits| digits <= scale))
            }),
            Self::Real => plain(value).is_some_and(|text| {
                f32::from_str(&text).is_ok_and(|kept| f64::from_str(&kept.to_string()) == f64::from_str(&text))
            }),
            Self::Double => plain(value).is_some_and(|text| f64::from_str(&text).is_ok_and(f64::is_finite)),
            Self::Instant { digits } => value
                .as_str()
                .and_then(moment)
                .is_some_and(|at| at.subsec_nanosecond() % 10_i32.pow(9_u32.saturating_sub(*digits)) == 0),
            Self::Date => value.as_str().is_some_and(|text| day(text).is_some_and(|day| day.to_string() == text)),
            Self::Uuid => value.as_str().is_some_and(is_uuid),
        }
    }

    /// A value in the form that the column takes: a stamp's moment as a day, and any moment as MariaDB writes it.
    #[must_use]
    pub fn form(&self, engine: Engine, value: &Value) -> Value {
        let Some(text) = value.as_str() else { return value.clone() };
        match self {
            Self::Instant { .. } if engine == Engine::MariaDb => {
                moment(text).map_or_else(|| value.clone(), |at| Value::from(datetime(at)))
            }
            Self::Date if day(text).is_none() => {
                moment(text).map_or_else(|| value.clone(), |at| Value::from(at.strftime("%Y-%m-%d").to_string()))
            }
            _ => value.clone(),
        }
    }
}

/// A moment as MariaDB writes it.
#[must_use]
pub fn datetime(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S%.f").to_string()
}

/// A moment; one without an offset is meant in UTC.
fn moment(text: &str) -> Option<Timestamp> {
    text.parse().ok().or_else(|| {
        let at: civil::DateTime = text.parse().ok()?;
        Some(at.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
    })
}

fn day(text: &str) -> Option<civil::Date> {
    if text.len() == 10 { text.parse().ok() } else { None }
}

/// A UUID in the form in which all engines print it.
#[must_use]
pub fn is_uuid(text: &str) -> bool {
    let hyphen = |n: usize| matches!(n, 8 | 13 | 18 | 23);
    let fits = |(n, b)| if hyphen(n) { b == b'-' } else { matches!(b, b'0'..=b'9' | b'a'..=b'f') };
    text.len() == 36 && text.bytes().enumerate().all(fits)
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) => Some(text.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_comes_back_as_it_was_is_kept() {
        let small = Stored::Integer { least: -128, most: 127 };
        let decimal = Stored::Decimal { scale: Some(2) };
        let seconds = Stored::Instant { digits: 0 };
        for (stored, kept, lost) in [
            (
                &small,
                vec![json!(127), json!("-128"), json!(true)],
                vec![json!(128), json!("042"), json!(1.5), json!("x")],
            ),
            (&decimal, vec![json!(1.25), json!("1.250"), json!(7)], vec![json!(1.255), json!("x")]),
            (&Stored::Real, vec![json!(0.5), json!(0.1)], vec![json!(0.123_456_789)]),
            (
                &seconds,
                vec![json!("2026-01-02T03:04:05Z"), json!("2026-01-02 03:04:05")],
                vec![json!("2026-01-02T03:04:05.5Z"), json!("soon")],
            ),
            (&Stored::Date, vec![json!("2026-01-02")], vec![json!("2026-1-2"), json!("2026-01-02T00:00:00Z")]),
            (
                &Stored::Uuid,
                vec![json!("0b6bd5a9-0000-4000-8000-00000000000f")],
                vec![json!("0B6BD5A9-0000-4000-8000-00000000000F")],
            ),
        ] {
            for value in kept {
                assert!(stored.keeps(&value), "{stored:?} {value}");
            }
            for value in lost {
                assert!(!stored.keeps(&value), "{stored:?} {value}");
            }
        }
    }

    #[test]
    fn a_moment_takes_the_columns_form() {
        let form = |stored: Stored, text: &str| stored.form(Engine::MariaDb, &json!(text));
        assert_eq!(form(Stored::Instant { digits: 0 }, "2026-01-02T05:04:05+02:00"), "2026-01-02 03:04:05");
        assert_eq!(form(Stored::Instant { digits: 3 }, "2026-01-02T03:04:05.25Z"), "2026-01-02 03:04:05.25");
        assert_eq!(form(Stored::Date, "2026-01-02T03:04:05Z"), "2026-01-02");
        assert_eq!(form(Stored::Date, "2026-01-02"), "2026-01-02");
    }
}
