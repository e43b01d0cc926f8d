//! What SQLite hands back: rows as JSON objects, errors as classes.
//!
//! SQLite types values, not columns, so each value says what it is; only a truth value needs the declared type, as it is
//! kept as 0 or 1. No integer passes through a float.

use serde_json::{Map, Number, Value};
use sqlx::{Column, Row, TypeInfo, ValueRef, sqlite::SqliteRow};

use crate::mapping::answer::Class;

use super::{Blank, Failure, Kind};

/// A row by column name, and about how many bytes it takes.
pub(super) fn object(row: &SqliteRow, blank: &mut Option<Blank>) -> Result<(Map<String, Value>, usize), Failure> {
    let mut bytes = 0;
    let mut values = Vec::with_capacity(row.columns().len());
    for column in row.columns() {
        let name = column.name();
        let value = value(row, column.ordinal(), column.type_info().name() == "BOOLEAN")
            .map_err(|what| Failure::new(Kind::Nonsense, format!("column `{name}` holds {what}")))?;
        bytes += name.len() + 8 + value.as_str().map_or(0, str::len);
        values.push(value);
    }
    let blank = blank.get_or_insert_with(|| Blank::new(row.columns().iter().map(Column::name)));
    Ok((blank.filled(values), bytes))
}

fn value(row: &SqliteRow, at: usize, truth: bool) -> Result<Value, &'static str> {
    const UNREADABLE: &str = "a value that cannot be read";
    let raw = row.try_get_raw(at).map_err(|_| UNREADABLE)?;
    if raw.is_null() {
        return Ok(Value::Null);
    }
    match raw.type_info().name() {
        "INTEGER" => match row.try_get_unchecked::<i64, _>(at).map_err(|_| UNREADABLE)? {
            number @ (0 | 1) if truth => Ok(Value::Bool(number == 1)),
            number => Ok(Value::from(number)),
        },
        "REAL" => {
            let number = row.try_get_unchecked::<f64, _>(at).map_err(|_| UNREADABLE)?;
            Number::from_f64(number).map(Value::Number).ok_or("an infinite number")
        }
        "TEXT" => row.try_get_unchecked::<String, _>(at).map(Value::String).map_err(|_| "text that is not UTF-8"),
        _ => Err(
            "binary data (BLOB), which has no form in JSON; read it through a view as `hex(…)` or `CAST(… AS TEXT)`",
        ),
    }
}

/// What an error means, by SQLite's result code. Its sentence names tables and columns, never values; it goes to the log.
pub(super) fn outcome(error: &sqlx::Error) -> Result<Class, Failure> {
    let fail = |kind, what: &str| Err(Failure::new(kind, format!("{what}: {error}")));
    let error = match error {
        sqlx::Error::Database(error) => error,
        sqlx::Error::PoolTimedOut => return fail(Kind::Busy, "no connection became free in time"),
        sqlx::Error::Io(_) => return fail(Kind::Unreachable, "the database file cannot be used"),
        _ => return fail(Kind::Internal, "the database driver failed"),
    };
    let code: i32 = error.code().and_then(|code| code.parse().ok()).unwrap_or_default();
    // the low byte is the kind of error, the rest says more
    match (code & 0xff, code) {
        (19, 2067 | 1555 | 2579) => {
            tracing::debug!(%error, "a unique value is taken");
            Ok(Class::Exists)
        }
        // a trigger's own words may hold values
        (19, 1811) => {
            tracing::debug!(code, "a trigger of the app refused");
            Ok(Class::Refused)
        }
        (18..=20, _) => {
            tracing::debug!(%error, "the database refused a value");
            Ok(Class::Refused)
        }
        (5 | 6, _) => fail(Kind::Busy, "the database is locked"),
        (9, _) => fail(Kind::TimedOut, "the statement was stopped"),
        (8 | 10 | 11 | 13 | 14 | 26, _) => fail(Kind::Unreachable, "the database cannot be used"),
        (1 | 23, _) => fail(Kind::BadCall, "the statement does not fit the database"),
        _ => fail(Kind::Internal, "the database failed"),
    }
}
