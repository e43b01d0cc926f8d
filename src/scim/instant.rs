//! `xsd:dateTime` as points in time (RFC 7643 §2.3.5). Checked by shape first: the library behind it reads many more
//! notations than SCIM knows.

use jiff::{Timestamp, civil::DateTime, tz::Offset};

/// The point in time that a dateTime names; without an offset it is read as UTC. None for anything else.
#[must_use]
pub fn parse(text: &str) -> Option<Timestamp> {
    let (date_time, offset) = split_offset(text)?;
    let mut shape = b"dddd-dd-ddTdd:dd:dd".iter();
    let (whole, fraction) = date_time.split_once('.').map_or((date_time, None), |(whole, f)| (whole, Some(f)));
    let fits = |b: u8| shape.next().is_some_and(|&s| if s == b'd' { b.is_ascii_digit() } else { b == s });
    if !whole.bytes().all(fits) || shape.next().is_some() {
        return None;
    }
    if fraction.is_some_and(|f| f.is_empty() || !f.bytes().all(|b| b.is_ascii_digit())) {
        return None;
    }
    let civil: DateTime = date_time.parse().ok()?;
    offset.to_timestamp(civil).ok()
}

fn split_offset(text: &str) -> Option<(&str, Offset)> {
    if let Some(date_time) = text.strip_suffix('Z') {
        return Some((date_time, Offset::UTC));
    }
    let Some((date_time, offset)) = text.len().checked_sub(6).and_then(|at| text.split_at_checked(at)) else {
        return Some((text, Offset::UTC));
    };
    let sign = match offset.bytes().next() {
        Some(b'+') => 1,
        Some(b'-') if offset.as_bytes().get(3) == Some(&b':') => -1,
        _ => return Some((text, Offset::UTC)),
    };
    let (hours, minutes) = offset.get(1..)?.split_once(':')?;
    let number =
        |digits: &str| (digits.len() == 2 && !digits.starts_with(['+', '-'])).then(|| digits.parse::<i32>().ok())?;
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    if hours > 14 || minutes > 59 {
        return None;
    }
    Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok().map(|offset| (date_time, offset))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn one_instant_has_many_spellings() {
        let instant = parse("2026-02-03T04:05:06Z").unwrap();
        for text in [
            "2026-02-03T04:05:06.000Z",
            "2026-02-03T06:05:06+02:00",
            "2026-02-02T23:35:06-04:30",
            "2026-02-03T04:05:06",
            "2026-02-03T04:05:06.0+00:00",
        ] {
            assert_eq!(parse(text), Some(instant), "{text}");
        }
        assert!(parse("2026-02-03T04:05:06.001").unwrap() > instant);
    }

    #[test]
    fn what_is_no_date_time() {
        for text in [
            "",
            "yesterday",
            "2026-02-03",
            "2026-02-30T00:00:00Z",
            "2026-02-03 04:05:06Z",
            "2026-02-03T04:05Z",
            "2026-02-03t04:05:06z",
            "2026-02-03T04:05:06.Z",
            "2026-02-03T04:05:06+2",
            "2026-02-03T04:05:06+15:00",
            "2026-02-03T04:05:06+1:000",
            "2026-02-03T04:05:06[Europe/Berlin]",
            "2026-02-03T04:05:06Zé",
            "é26:00",
            "2026-02-03T04:05:06+-1:00",
            "2026-02-03T25:05:06Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
