//! What PostgreSQL hands back: rows as JSON objects. Every number keeps all its digits, and a time is in UTC with all
//! that is stored of it, as RFC 3339 writes it.

use std::str::FromStr;

use jiff::Timestamp;
use serde_json::{Map, Number, Value};
use sqlx::{
    Column, Row, TypeInfo, ValueRef,
    postgres::{PgRow, PgTypeInfo, PgTypeKind},
};

use super::{Blank, Failure, Kind, postgres_bind::EPOCH};

/// A row by column name, and about how many bytes it takes.
pub(super) fn object(row: &PgRow, blank: &mut Option<Blank>) -> Result<(Map<String, Value>, usize), Failure> {
    let mut bytes = 0;
    let mut values = Vec::with_capacity(row.columns().len());
    for column in row.columns() {
        let name = column.name();
        let fault = |what: String| Failure::new(Kind::Nonsense, format!("column `{name}` holds {what}"));
        let raw = row.try_get_raw(column.ordinal()).map_err(|_| fault(UNREADABLE.to_owned()))?;
        let value = match raw.as_bytes() {
            _ if raw.is_null() => Value::Null,
            Ok(raw) => {
                bytes += raw.len();
                value(raw, column.type_info()).map_err(fault)?
            }
            Err(_) => return Err(fault(UNREADABLE.to_owned())),
        };
        bytes += name.len() + 8;
        values.push(value);
    }
    let blank = blank.get_or_insert_with(|| Blank::new(row.columns().iter().map(Column::name)));
    Ok((blank.filled(values), bytes))
}

const UNREADABLE: &str = "a value that cannot be read";

fn value(raw: &[u8], of: &PgTypeInfo) -> Result<Value, String> {
    match of.kind() {
        PgTypeKind::Domain(base) => return value(raw, base),
        PgTypeKind::Enum(_) => return text(raw),
        _ => {}
    }
    match of.name() {
        "BOOL" => Ok(Value::Bool(raw == [1])),
        "INT2" => Ok(Value::from(i16::from_be_bytes(fixed(raw)?))),
        "INT4" => Ok(Value::from(i32::from_be_bytes(fixed(raw)?))),
        "INT8" => Ok(Value::from(i64::from_be_bytes(fixed(raw)?))),
        "OID" | "xid" => Ok(Value::from(u32::from_be_bytes(fixed(raw)?))),
        "FLOAT4" => number(&shortest(&format!("{:e}", f32::from_be_bytes(fixed(raw)?)), 6)),
        "FLOAT8" => number(&shortest(&format!("{:e}", f64::from_be_bytes(fixed(raw)?)), 15)),
        "NUMERIC" => number(&numeric(raw)?),
        "TEXT" | "VARCHAR" | "NAME" | "UNKNOWN" | "JSON" | "\"CHAR\"" | "citext" => text(raw),
        // filled with blanks that mean nothing: the server compares it without them
        "CHAR" => Ok(Value::from(utf8(raw)?.trim_end_matches(' '))),
        "JSONB" => text(raw.get(1..).unwrap_or_default()),
        "UUID" => {
            let hex: String = fixed::<16>(raw)?.iter().map(|byte| format!("{byte:02x}")).collect();
            let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
            Ok(Value::from(parts.join("-")))
        }
        "TIMESTAMP" | "TIMESTAMPTZ" => {
            let at = i64::from_be_bytes(fixed(raw)?).checked_add(EPOCH * 1_000_000);
            let at = at.and_then(|at| Timestamp::from_microsecond(at).ok());
            at.map(|at| Value::from(at.to_string())).ok_or_else(|| "a time beyond all calendars".to_owned())
        }
        "DATE" => {
            let days = i64::from(i32::from_be_bytes(fixed(raw)?));
            let at = Timestamp::from_second(days.saturating_mul(86_400).saturating_add(EPOCH)).ok();
            let day = at.map(|at| at.strftime("%Y-%m-%d").to_string());
            day.map(Value::from).ok_or_else(|| "a day beyond all calendars".to_owned())
        }
        other => {
            Err(format!("a value of the type {other}, which has no form in JSON; read it through a view as `…::text`"))
        }
    }
}

fn fixed<const N: usize>(raw: &[u8]) -> Result<[u8; N], String> {
    raw.try_into().map_err(|_| UNREADABLE.to_owned())
}

fn utf8(raw: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(raw).map_err(|_| "text that is not UTF-8".to_owned())
}

fn text(raw: &[u8]) -> Result<Value, String> {
    utf8(raw).map(Value::from)
}

fn number(text: &str) -> Result<Value, String> {
    Number::from_str(text).map(Value::Number).map_err(|_| "a number that is none".to_owned())
}

/// `1.5e2` as PostgreSQL prints it as text, so that a number compares as it is shown.
fn shortest(scientific: &str, most: i32) -> String {
    let Some((digits, exponent)) = scientific.split_once('e') else { return scientific.to_owned() };
    let Ok(exponent) = exponent.parse::<i32>() else { return scientific.to_owned() };
    if exponent < -4 || exponent >= most {
        return format!("{digits}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs());
    }
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |digits| ("-", digits));
    let mut all = digits.replace('.', "");
    let point = usize::try_from(exponent + 1).unwrap_or(0);
    if exponent < 0 {
        return format!("{sign}0.{}{all}", "0".repeat(usize::try_from(-exponent - 1).unwrap_or(0)));
    }
    while all.len() < point {
        all.push('0');
    }
    let (whole, part) = all.split_at(point);
    if part.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{part}") }
}

/// See `postgres_bind`.
fn numeric(raw: &[u8]) -> Result<String, String> {
    let words: Vec<u16> = raw.chunks(2).map(|two| u16::from_be_bytes([two[0], *two.get(1).unwrap_or(&0)])).collect();
    let [_, weight, sign, shown, groups @ ..] = words.as_slice() else { return Err(UNREADABLE.to_owned()) };
    if !matches!(sign, 0 | 0x4000) {
        return Err("a number that is none".to_owned());
    }
    let weight = i32::from(i16::from_be_bytes(weight.to_be_bytes()));
    let group = |place: i32| {
        let at = usize::try_from(weight - place).ok();
        at.and_then(|at| groups.get(at)).copied().unwrap_or(0)
    };
    let whole: String = (0..=weight.max(0)).rev().map(|place| format!("{:04}", group(place))).collect();
    let whole = whole.trim_start_matches('0');
    let shown = usize::from(*shown);
    let part: String = (1..).take(shown.div_ceil(4)).map(|place| format!("{:04}", group(-place))).collect();
    let mut text = if *sign == 0 { String::new() } else { "-".to_owned() };
    text.push_str(if whole.is_empty() { "0" } else { whole });
    if shown > 0 {
        text.push('.');
        text.push_str(&part[..shown]);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_print_as_the_server_prints_them() {
        for (real, text) in [
            (0.0, "0"),
            (0.1, "0.1"),
            (-2.5, "-2.5"),
            (100.0, "100"),
            (1e15, "1e+15"),
            (123_456_789_012_345.0, "123456789012345"),
            (0.0001, "0.0001"),
            (0.000_012, "1.2e-05"),
        ] {
            assert_eq!(shortest(&format!("{real:e}"), 15), text);
        }
    }
}
