//! How an app writes an instant, and which instant it means by that. What is written is read again before it is sent: an
//! instant that the form cannot say, such as one in the hour that a clock goes through twice, is refused and not moved.

use jiff::{Timestamp, civil::DateTime, fmt::strtime, tz::TimeZone};
use serde_json::Value;

/// How the app writes an instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TimeForm {
    /// RFC 3339; any fraction and offset.
    Iso,
    /// `2026-11-22 10:00:00`, in UTC.
    Utc,
    /// Seconds since 1970.
    Unix,
    /// Milliseconds since 1970.
    UnixMs,
    /// `2026-11-22 10:00:00`, on the clocks of this place.
    Local(TimeZone),
    /// As `strftime` says, on the clocks of this place unless the text has an offset.
    Text(String, TimeZone),
}

impl TimeForm {
    /// The word in a mapping.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Iso => "iso",
            Self::Utc => "utc",
            Self::Unix => "unix",
            Self::UnixMs => "unix_ms",
            Self::Local(_) => "local",
            Self::Text(..) => "text",
        }
    }

    /// The instant that a value means; none of what is no such form.
    #[must_use]
    pub fn read(&self, found: &Value) -> Option<Timestamp> {
        let number = || found.as_i64().or_else(|| found.as_str()?.parse().ok());
        match self {
            Self::Iso => found.as_str()?.parse().ok(),
            // a column with a type of its own is read with its zone
            Self::Utc => found.as_str()?.parse().ok().or_else(|| on_clock(found.as_str()?, &TimeZone::UTC)),
            Self::Unix => Timestamp::from_second(number()?).ok(),
            Self::UnixMs => Timestamp::from_millisecond(number()?).ok(),
            Self::Local(zone) => on_clock(found.as_str()?, zone),
            Self::Text(format, zone) => {
                let parts = strtime::parse(format, found.as_str()?).ok()?;
                let on_clock = || {
                    let at = parts.to_datetime().or_else(|_| parts.to_date().map(DateTime::from)).ok()?;
                    Some(at.to_zoned(zone.clone()).ok()?.timestamp())
                };
                parts.to_timestamp().ok().or_else(on_clock)
            }
        }
    }

    /// The instant in this form, in whole seconds; none where the form would say another one.
    #[must_use]
    pub fn write(&self, at: Timestamp) -> Option<Value> {
        let whole = Timestamp::from_second(at.as_second()).ok()?;
        self.say(at).filter(|said| self.read(said) == Some(whole))
    }

    /// The instant as this form says it, in whole seconds, whether or not it can be read back.
    #[must_use]
    pub fn say(&self, at: Timestamp) -> Option<Value> {
        let at = Timestamp::from_second(at.as_second()).ok()?;
        Some(match self {
            Self::Iso => Value::String(at.to_string()),
            Self::Utc => Value::String(at.strftime("%Y-%m-%d %H:%M:%S").to_string()),
            Self::Unix => Value::from(at.as_second()),
            Self::UnixMs => Value::from(at.as_millisecond()),
            Self::Local(zone) => Value::String(strtime::format("%Y-%m-%d %H:%M:%S", &at.to_zoned(zone.clone())).ok()?),
            Self::Text(format, zone) => Value::String(strtime::format(format, &at.to_zoned(zone.clone())).ok()?),
        })
    }
}

/// What a clock of that place shows. Where it is turned back, the earlier of two.
fn on_clock(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    let at: DateTime = text.parse().ok()?;
    Some(at.to_zoned(zone.clone()).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use serde_json::json;

    use super::*;

    #[test]
    fn forms_are_read_and_written() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        let text = |format: &str| TimeForm::Text(format.to_owned(), berlin.clone());
        let at: Timestamp = "2026-07-22T10:00:05Z".parse().unwrap();
        for (form, said) in [
            (TimeForm::Iso, json!("2026-07-22T10:00:05Z")),
            (TimeForm::Utc, json!("2026-07-22 10:00:05")),
            (TimeForm::Unix, json!(1_784_714_405)),
            (TimeForm::UnixMs, json!(1_784_714_405_000_i64)),
            (TimeForm::Local(berlin.clone()), json!("2026-07-22 12:00:05")),
            (text("%d.%m.%Y %H:%M:%S"), json!("22.07.2026 12:00:05")),
            (text("%Y-%m-%dT%H:%M:%S%z"), json!("2026-07-22T12:00:05+0200")),
        ] {
            assert_eq!(form.write(at), Some(said.clone()), "{form:?}");
            assert_eq!(form.read(&said), Some(at), "{form:?}");
            assert_eq!(form.read(&json!("soon")), None, "{form:?}");
        }
        assert_eq!(TimeForm::UnixMs.read(&json!("1784714405250")).unwrap().subsec_millisecond(), 250);
        assert_eq!(text("%d.%m.%Y").read(&json!("22.07.2026")).unwrap().to_string(), "2026-07-21T22:00:00Z");
    }

    #[test]
    fn an_instant_that_a_form_cannot_say_is_not_written() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        let twice: Timestamp = "2026-10-25T01:30:00Z".parse().unwrap();
        assert_eq!(TimeForm::Local(berlin.clone()).write(twice), None);
        assert_eq!(
            TimeForm::Local(berlin.clone()).write("2026-10-25T00:30:00Z".parse().unwrap()).unwrap(),
            "2026-10-25 02:30:00"
        );
        let minutes = TimeForm::Text("%d.%m.%Y %H:%M".to_owned(), berlin);
        assert_eq!(minutes.write("2026-07-22T10:00:05Z".parse().unwrap()), None);
    }
}
