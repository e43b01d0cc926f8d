//! A value in the form of a parameter's type. What the type cannot hold as it is, is refused: nothing is rounded, cut, or
//! written in another way than it was sent.

use std::str::FromStr;

use jiff::Timestamp;
use serde_json::Value;
use sqlx::{
    Encode, Postgres, Type, TypeInfo,
    encode::IsNull,
    error::BoxDynError,
    postgres::{PgArgumentBuffer, PgTypeInfo, PgTypeKind, types::Oid},
};

use crate::plan::call::Bind;

/// The first day and moment that PostgreSQL counts from: 2000-01-01.
pub(super) const EPOCH: i64 = 946_684_800;

/// The type numbers of a set's elements.
const INT8: u32 = 20;
const TEXT: u32 = 25;
const UUID: u32 = 2950;

/// A value as it is sent.
pub(super) struct Encoded {
    of: PgTypeInfo,
    bytes: Option<Vec<u8>>,
}

impl Type<Postgres> for Encoded {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(Oid(TEXT))
    }
}

impl Encode<'_, Postgres> for Encoded {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        match &self.bytes {
            Some(bytes) => {
                buffer.extend_from_slice(bytes);
                Ok(IsNull::No)
            }
            None => Ok(IsNull::Yes),
        }
    }

    fn produces(&self) -> Option<PgTypeInfo> {
        Some(self.of.clone())
    }
}

/// A value for a parameter of this type, or a word on why it does not fit.
pub(super) fn encode(bind: &Bind, of: &PgTypeInfo) -> Result<Encoded, String> {
    let bytes = match bind {
        // a tenant's value is put in by the session before; what knows none finds nobody
        Bind::Null | Bind::Tenant { .. } => None,
        bind => Some(bytes(bind, of).ok_or_else(|| format!("{} does not fit the type {}", kind(bind), of.name()))?),
    };
    Ok(Encoded { of: of.clone(), bytes })
}

fn kind(bind: &Bind) -> &'static str {
    match bind {
        Bind::Null | Bind::Tenant { .. } => "nothing",
        Bind::Boolean(_) => "a yes or no",
        Bind::Integer(_) | Bind::Real(_) => "a number",
        Bind::Text(_) => "a text",
        Bind::Set(_) => "a set",
    }
}

fn bytes(bind: &Bind, of: &PgTypeInfo) -> Option<Vec<u8>> {
    match of.kind() {
        PgTypeKind::Domain(base) => return bytes(bind, base),
        PgTypeKind::Enum(_) => return text(bind),
        PgTypeKind::Array(element) => return set(bind, element),
        _ => {}
    }
    match of.name() {
        "BOOL" => match bind {
            Bind::Boolean(truth) => Some(vec![u8::from(*truth)]),
            Bind::Integer(n @ (0 | 1)) => Some(vec![u8::from(*n == 1)]),
            Bind::Text(text) if text == "true" => Some(vec![1]),
            Bind::Text(text) if text == "false" => Some(vec![0]),
            _ => None,
        },
        "INT2" => Some(i16::try_from(whole(bind)?).ok()?.to_be_bytes().to_vec()),
        "INT4" => Some(i32::try_from(whole(bind)?).ok()?.to_be_bytes().to_vec()),
        "OID" | "xid" => Some(u32::try_from(whole(bind)?).ok()?.to_be_bytes().to_vec()),
        "INT8" => Some(whole(bind)?.to_be_bytes().to_vec()),
        "FLOAT8" => Some(real(bind)?.to_be_bytes().to_vec()),
        "FLOAT4" => {
            let text = printed(bind)?;
            let real = f32::from_str(&text).ok().filter(|real| real.is_finite())?;
            (f64::from_str(&real.to_string()) == f64::from_str(&text)).then(|| real.to_be_bytes().to_vec())
        }
        "NUMERIC" => numeric(&printed(bind)?),
        "UUID" => uuid(&printed(bind)?),
        "TIMESTAMPTZ" | "TIMESTAMP" => Some(instant(&printed(bind)?)?.to_be_bytes().to_vec()),
        "DATE" => Some(date(&printed(bind)?)?.to_be_bytes().to_vec()),
        "TEXT" | "VARCHAR" | "CHAR" | "NAME" | "UNKNOWN" | "JSON" | "citext" => text(bind),
        "JSONB" => text(bind).map(|text| [&[1], text.as_slice()].concat()),
        _ => None,
    }
}

/// A number or truth value where the column is text prints as it does in JSON.
fn printed(bind: &Bind) -> Option<String> {
    match bind {
        Bind::Null | Bind::Tenant { .. } | Bind::Set(_) => None,
        Bind::Boolean(truth) => Some(truth.to_string()),
        Bind::Integer(number) => Some(number.to_string()),
        Bind::Real(number) => number.is_finite().then(|| number.to_string()),
        Bind::Text(text) => Some(text.clone()),
    }
}

/// PostgreSQL has no U+0000.
fn text(bind: &Bind) -> Option<Vec<u8>> {
    printed(bind).filter(|text| !text.contains('\0')).map(String::into_bytes)
}

fn whole(bind: &Bind) -> Option<i64> {
    match bind {
        Bind::Integer(number) => Some(*number),
        Bind::Boolean(truth) => Some(i64::from(*truth)),
        Bind::Text(text) => text.parse().ok().filter(|number: &i64| number.to_string() == *text),
        Bind::Real(_) | Bind::Null | Bind::Tenant { .. } | Bind::Set(_) => None,
    }
}

fn real(bind: &Bind) -> Option<f64> {
    match bind {
        Bind::Real(number) => Some(*number),
        #[allow(clippy::cast_precision_loss)]
        Bind::Integer(number) => Some(*number as f64).filter(|real| format!("{real:.0}") == number.to_string()),
        Bind::Text(text) => text.parse().ok().filter(|number: &f64| number.is_finite()),
        Bind::Boolean(_) | Bind::Null | Bind::Tenant { .. } | Bind::Set(_) => None,
    }
}

/// Base 10000, the exponent of its first digit, a sign, and how many decimals are shown.
fn numeric(text: &str) -> Option<Vec<u8>> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !plain(whole) || !plain(part) || text.len() > 1000 {
        return None;
    }
    let whole = format!("{}{whole}", "0".repeat((4 - whole.len() % 4) % 4));
    let fraction = format!("{part}{}", "0".repeat((4 - part.len() % 4) % 4));
    let all = format!("{whole}{fraction}");
    let mut groups: Vec<i16> =
        all.as_bytes().chunks(4).map(|four| four.iter().fold(0, |n, d| n * 10 + i16::from(d - b'0'))).collect();
    let mut weight = i16::try_from(whole.len() / 4).ok()? - 1;
    while groups.first() == Some(&0) {
        groups.remove(0);
        weight -= 1;
    }
    while groups.last() == Some(&0) {
        groups.pop();
    }
    let (weight, sign) = if groups.is_empty() { (0, 0) } else { (weight, if negative { 0x4000_u16 } else { 0 }) };
    let mut bytes = Vec::with_capacity(8 + groups.len() * 2);
    bytes.extend(u16::try_from(groups.len()).ok()?.to_be_bytes());
    bytes.extend(weight.to_be_bytes());
    bytes.extend(sign.to_be_bytes());
    bytes.extend(u16::try_from(part.len()).ok()?.to_be_bytes());
    groups.iter().for_each(|group| bytes.extend(group.to_be_bytes()));
    Some(bytes)
}

/// Only the form that comes back: lower case, with hyphens.
fn uuid(text: &str) -> Option<Vec<u8>> {
    let place = |n: usize| matches!(n, 8 | 13 | 18 | 23);
    let fits = text.len() == 36
        && text
            .bytes()
            .enumerate()
            .all(|(n, b)| if place(n) { b == b'-' } else { matches!(b, b'0'..=b'9' | b'a'..=b'f') });
    let digits: String = text.chars().filter(|c| *c != '-').collect();
    fits.then(|| {
        digits
            .as_bytes()
            .chunks(2)
            .filter_map(|two| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok())
            .collect()
    })
}

/// Microseconds since 2000; a time without an offset is meant in UTC.
fn instant(text: &str) -> Option<i64> {
    let at = match text.parse::<Timestamp>() {
        Ok(at) => at,
        Err(_) => text.parse::<jiff::civil::DateTime>().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp(),
    };
    let nanoseconds = at.as_nanosecond() - i128::from(EPOCH) * 1_000_000_000;
    (nanoseconds % 1000 == 0).then(|| i64::try_from(nanoseconds / 1000).ok()).flatten()
}

/// Days since 2000.
fn date(text: &str) -> Option<i32> {
    let date = text.parse::<jiff::civil::Date>().ok().filter(|date| date.to_string() == text)?;
    date.since((jiff::Unit::Day, jiff::civil::date(2000, 1, 1))).ok().map(|span| span.get_days())
}

/// A list of one dimension.
fn set(bind: &Bind, element: &PgTypeInfo) -> Option<Vec<u8>> {
    let Bind::Set(values) = bind else { return None };
    let number = match element.name() {
        "INT8" => INT8,
        "TEXT" => TEXT,
        "UUID" => UUID,
        _ => return None,
    };
    let mut list = Vec::new();
    for part in [1, 0, number, u32::try_from(values.len()).ok()?, 1] {
        list.extend(part.to_be_bytes());
    }
    for value in values {
        let bind = match value {
            Value::Number(number) => Bind::Integer(number.as_i64()?),
            Value::String(text) => Bind::Text(text.clone()),
            _ => return None,
        };
        let value = bytes(&bind, element)?;
        list.extend(i32::try_from(value.len()).ok()?.to_be_bytes());
        list.extend(value);
    }
    Some(list)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn numbers_in_groups_of_four() {
        for (text, bytes) in [
            ("0", Some(vec![0, 0, 0, 0])),
            ("0.00", Some(vec![0, 0, 0, 2])),
            ("12345.6", Some(vec![3, 1, 0, 1, 1, 2345, 6000])),
            ("-0.00012", Some(vec![2, -1, 0x4000, 5, 1, 2000])),
            ("10000", Some(vec![1, 1, 0, 0, 1])),
            ("1e5", None),
            ("", None),
            ("-", None),
            ("1.2.3", None),
        ] {
            let bytes = bytes.map(|parts: Vec<i16>| parts.iter().flat_map(|p| p.to_be_bytes()).collect::<Vec<u8>>());
            assert_eq!(numeric(text), bytes, "{text}");
        }
    }

    #[test]
    fn only_what_comes_back_the_same() {
        assert_eq!(instant("2000-01-01T00:00:01.5Z"), Some(1_500_000));
        assert_eq!(instant("1999-12-31 23:59:59"), Some(-1_000_000));
        assert_eq!(instant("2000-01-01T02:00:00+02:00"), Some(0));
        assert_eq!(instant("2000-01-01T00:00:00.0000001Z"), None);
        assert_eq!((date("2000-01-02"), date("1999-12-31"), date("2000-1-2")), (Some(1), Some(-1), None));
        assert_eq!(uuid("00000000-0000-0000-0000-0000000000ff").unwrap()[15], 255);
        assert_eq!(uuid("00000000-0000-0000-0000-0000000000FF"), None);
        assert_eq!(whole(&Bind::Text("042".to_owned())), None);
        assert_eq!(real(&Bind::Integer((1 << 53) + 1)), None);
    }
}
