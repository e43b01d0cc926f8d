//! Texts that PHP's `serialize` made: read, and written again. Objects are not read: nobody but the app knows what they mean.

/// A value in such a text. Texts are kept as they are, byte for byte, but must be UTF-8.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Php {
    /// `N;`
    Null,
    /// `b:1;`
    Bool(bool),
    /// `i:5;`
    Int(i64),
    /// `d:0.5;`, with its digits.
    Float(String),
    /// `s:2:"ab";`, whose length counts bytes.
    Text(String),
    /// `a:1:{i:0;b:1;}`
    Array(Vec<(Php, Php)>),
}

/// How deep arrays may be nested.
const DEPTH: usize = 32;

impl Php {
    /// Reads a whole text; none if it is no such text.
    #[must_use]
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut rest = text;
        let value = value(&mut rest, DEPTH)?;
        rest.is_empty().then_some(value)
    }

    /// What PHP takes for true.
    #[must_use]
    pub(super) fn is_true(&self) -> bool {
        match self {
            Self::Null => false,
            Self::Bool(is) => *is,
            Self::Int(number) => *number != 0,
            Self::Float(digits) => digits.parse::<f64>().is_ok_and(|number| number != 0.0),
            Self::Text(text) => !matches!(text.as_str(), "" | "0"),
            Self::Array(entries) => !entries.is_empty(),
        }
    }

    /// A key of an array as text: PHP keeps digits as numbers.
    #[must_use]
    pub(super) fn key(text: &str) -> Self {
        let number = text.parse::<i64>().ok().filter(|n| n.to_string() == text);
        number.map_or_else(|| Self::Text(text.to_owned()), Self::Int)
    }
}

impl std::fmt::Display for Php {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Null => f.write_str("N;"),
            Self::Bool(is) => write!(f, "b:{};", u8::from(*is)),
            Self::Int(number) => write!(f, "i:{number};"),
            Self::Float(digits) => write!(f, "d:{digits};"),
            Self::Text(text) => write!(f, "s:{}:\"{text}\";", text.len()),
            Self::Array(entries) => {
                write!(f, "a:{}:{{", entries.len())?;
                entries.iter().try_for_each(|(key, value)| write!(f, "{key}{value}"))?;
                f.write_str("}")
            }
        }
    }
}

fn value(rest: &mut &str, depth: usize) -> Option<Php> {
    let kind = rest.get(..2)?;
    *rest = &rest[2..];
    match kind {
        "N;" => Some(Php::Null),
        "b:" => match until(rest, ';')? {
            "0" => Some(Php::Bool(false)),
            "1" => Some(Php::Bool(true)),
            _ => None,
        },
        "i:" => until(rest, ';')?.parse().ok().map(Php::Int),
        "d:" => {
            let digits = until(rest, ';')?;
            digits.parse::<f64>().ok()?;
            Some(Php::Float(digits.to_owned()))
        }
        "s:" => {
            let length: usize = until(rest, ':')?.parse().ok()?;
            let inner = rest.strip_prefix('"')?;
            let text = inner.get(..length)?;
            *rest = inner[length..].strip_prefix("\";")?;
            Some(Php::Text(text.to_owned()))
        }
        "a:" => {
            let count: usize = until(rest, ':')?.parse().ok()?;
            *rest = rest.strip_prefix('{')?;
            let depth = depth.checked_sub(1)?;
            let mut entries = Vec::new();
            for _ in 0..count {
                let key = value(rest, 0).filter(|key| matches!(key, Php::Int(_) | Php::Text(_)))?;
                entries.push((key, value(rest, depth)?));
            }
            *rest = rest.strip_prefix('}')?;
            Some(Php::Array(entries))
        }
        _ => None,
    }
}

fn until<'t>(rest: &mut &'t str, end: char) -> Option<&'t str> {
    let (before, after) = rest.split_once(end)?;
    *rest = after;
    Some(before)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn what_is_read_is_written_again_to_the_letter() {
        for text in [
            "N;",
            "b:0;",
            "i:-5;",
            "d:0.10000000000000001;",
            "s:5:\"a\"üb\";",
            "s:0:\"\";",
            "a:0:{}",
            "a:2:{s:6:\"editor\";b:1;i:7;a:1:{i:0;N;}}",
        ] {
            assert_eq!(Php::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_php_did_not_write_is_nothing() {
        let deep = "a:1:{i:0;".repeat(40) + &"}".repeat(40);
        for text in [
            "",
            "x",
            "b:2;",
            "i:x;",
            "i:5",
            "s:3:\"ab\";",
            "s:1:\"ü\";",
            "s:9999999999:\"a\";",
            "a:1:{}",
            "a:1:{i:0;i:1;",
            "a:99999999999:{i:0;i:1;}",
            "a:1:{b:1;i:1;}",
            "O:8:\"stdClass\":0:{}",
            "i:5;i:6;",
            "ü:1;",
            deep.as_str(),
        ] {
            assert_eq!(Php::parse(text), None, "{text}");
        }
    }
}
