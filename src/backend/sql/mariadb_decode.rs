//! What MariaDB hands back: rows as JSON objects. `tinyint(1)` stays a number: whether it means yes or no, the attribute
//! says. Times are in UTC, as RFC 3339 writes them; `0000-00-00` is none.

use std::str::FromStr;

use serde_json::{Map, Number, Value};
use sqlx::{
    Column, Decode, MySql, Row, TypeInfo, ValueRef,
    mysql::{MySqlRow, MySqlValueRef},
};

use super::{Blank, Failure, Kind};

const UNREADABLE: &str = "a value that cannot be read";

/// A row by column name, and about how many bytes it takes.
pub(super) fn object(row: &MySqlRow, blank: &mut Option<Blank>) -> Result<(Map<String, Value>, usize), Failure> {
    let mut bytes = 0;
    let mut values = Vec::with_capacity(row.columns().len());
    for column in row.columns() {
        let name = column.name();
        let raw = row.try_get_raw(column.ordinal()).map_err(|_| UNREADABLE.to_owned());
        let value = raw
            .and_then(|raw| value(raw, column.type_info().name()))
            .map_err(|what| Failure::new(Kind::Nonsense, format!("column `{name}` holds {what}")))?;
        bytes += name.len() + 8 + value.as_str().map_or(0, str::len);
        values.push(value);
    }
    let blank = blank.get_or_insert_with(|| Blank::new(row.columns().iter().map(Column::name)));
    Ok((blank.filled(values), bytes))
}

fn value(raw: MySqlValueRef<'_>, of: &str) -> Result<Value, String> {
    if raw.is_null() {
        return Ok(Value::Null);
    }
    match of {
        "TINYINT UNSIGNED" | "SMALLINT UNSIGNED" | "INT UNSIGNED" | "MEDIUMINT UNSIGNED" | "BIGINT UNSIGNED"
        | "BIT" | "YEAR" => got::<u64>(raw).map(Value::from),
        "BOOLEAN" | "TINYINT" | "SMALLINT" | "INT" | "MEDIUMINT" | "BIGINT" => got::<i64>(raw).map(Value::from),
        "FLOAT" => number(&got::<f32>(raw)?.to_string()),
        "DOUBLE" => number(&got::<f64>(raw)?.to_string()),
        "DECIMAL" => number(text(raw)?),
        "DATE" => instant(got::<&[u8]>(raw)?).map(|text| Value::from(text.get(..10))),
        "DATETIME" | "TIMESTAMP" => instant(got::<&[u8]>(raw)?).map(Value::from),
        // the driver tells text with a binary collation and bytes alike: text is what can be read as such
        "CHAR" | "VARCHAR" | "TINYTEXT" | "TEXT" | "MEDIUMTEXT" | "LONGTEXT" | "ENUM" | "SET" | "JSON" | "BINARY"
        | "VARBINARY" | "TINYBLOB" | "BLOB" | "MEDIUMBLOB" | "LONGBLOB" => text(raw).map(Value::from),
        other => Err(format!("a value of the type {other}, which has no form in JSON; read it through a view as text")),
    }
}

fn got<'r, T: Decode<'r, MySql>>(raw: MySqlValueRef<'r>) -> Result<T, String> {
    T::decode(raw).map_err(|_| UNREADABLE.to_owned())
}

fn text(raw: MySqlValueRef<'_>) -> Result<&str, String> {
    let bytes = got::<&[u8]>(raw)?;
    std::str::from_utf8(bytes).map_err(|_| "binary data, or text that is not UTF-8".to_owned())
}

fn number(text: &str) -> Result<Value, String> {
    Number::from_str(text).map(Value::Number).map_err(|_| "a number that is none".to_owned())
}

/// How many bytes follow; year, month, day; hour, minute, second; microseconds.
fn instant(raw: &[u8]) -> Result<String, String> {
    let part = |at: usize| raw.get(at).copied().unwrap_or(0);
    let byte = |at: usize| i8::try_from(part(at)).unwrap_or(-1);
    let year = i16::from_le_bytes([part(1), part(2)]);
    let micros = i32::from_le_bytes([part(8), part(9), part(10), part(11)]);
    let at = jiff::civil::DateTime::new(year, byte(3), byte(4), byte(5), byte(6), byte(7), micros.saturating_mul(1000))
        .and_then(|at| at.to_zoned(jiff::tz::TimeZone::UTC));
    at.map(|at| at.timestamp().to_string()).map_err(|_| "a time that is none".to_owned())
}
