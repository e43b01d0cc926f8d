//! Versions and the conditions that go by them (RFC 7644 §3.14): weak entity tags, compared weakly (RFC 9110 §8.8.3.2),
//! since one resource has many forms on the wire and one version.

use std::fmt::Write;

use http::{HeaderMap, HeaderName, header};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{
    Refusal, ScimType,
    schema::{ResourceType, Target},
};

/// Bytes of the digest that a version shows: by chance, two versions of one resource are never the same.
const SHOWN: usize = 12;

/// The version of what these texts name: `W/"…"`, the same for the same texts in any process and release. The order of
/// the texts, of keys and of the items of lists is nothing to it: in SCIM they have none (RFC 7643 §2.4).
#[must_use]
pub fn version<'v>(parts: impl IntoIterator<Item = (String, &'v Value)>) -> String {
    let mut lines: Vec<String> = parts.into_iter().map(|(name, value)| format!("{name}={}", ordered(value))).collect();
    lines.sort_unstable();
    let digest = Sha256::digest(lines.join("\n"));
    let hex = digest.iter().take(SHOWN).fold(String::new(), |mut hex, byte| {
        // Writing to a text cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    format!("W/\"{hex}\"")
}

/// The version that an app's own value is: as it prints where it can stand in a tag, else what is made of it.
#[must_use]
pub fn told(value: &Value) -> String {
    let printed = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let fits = printed.len() <= 64 && printed.bytes().all(|b| b == 0x21 || (0x23..=0x7e).contains(&b));
    if fits { format!("W/\"{printed}\"") } else { version([("version".to_owned(), value)]) }
}

/// A value as text that is the same in any order.
fn ordered(value: &Value) -> String {
    let sorted = |mut texts: Vec<String>| {
        texts.sort_unstable();
        texts.join(",")
    };
    match value {
        Value::Object(members) => {
            let members = members.iter().map(|(name, v)| format!("{}:{}", Value::from(name.as_str()), ordered(v)));
            format!("{{{}}}", sorted(members.collect()))
        }
        Value::Array(items) => format!("[{}]", sorted(items.iter().map(ordered).collect())),
        plain => plain.to_string(),
    }
}

/// `meta.version` of a type.
#[must_use]
pub fn attribute(kind: &ResourceType) -> Option<Target> {
    let meta = kind.common.iter().find(|a| a.name == "meta")?;
    let sub = meta.sub("version")?.clone();
    Some(Target { extension: None, attribute: meta.clone(), sub: Some(sub) })
}

/// What a request says of the version it is meant for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Preconditions {
    matches: Option<Tags>,
    differs: Option<Tags>,
}

/// What preconditions come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The request is to be done.
    Go,
    /// `If-Match`: the resource is another by now (412).
    Changed,
    /// `If-None-Match`: the client has this version (304; for a write 412).
    Same,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Tags {
    /// `*`: any version.
    Any,
    /// The opaque part of each.
    These(Vec<String>),
}

impl Preconditions {
    /// Reads `If-Match` and `If-None-Match` (RFC 9110 §13.1.1, §13.1.2).
    ///
    /// # Errors
    /// `invalidValue` for what is no list of entity tags: a condition that is not understood must not be passed over.
    pub fn read(headers: &HeaderMap) -> Result<Self, Refusal> {
        Ok(Self { matches: tags(headers, &header::IF_MATCH)?, differs: tags(headers, &header::IF_NONE_MATCH)? })
    }

    /// Whether there are none, so that no version must be known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.matches.is_none() && self.differs.is_none()
    }

    /// What they come to for a resource of this version; without one no tag is the same, and `*` holds all the same.
    #[must_use]
    pub fn judge(&self, version: Option<&str>) -> Verdict {
        if self.matches.as_ref().is_some_and(|tags| !tags.hold(version)) {
            Verdict::Changed
        } else if self.differs.as_ref().is_some_and(|tags| tags.hold(version)) {
            Verdict::Same
        } else {
            Verdict::Go
        }
    }
}

impl Tags {
    fn hold(&self, version: Option<&str>) -> bool {
        match self {
            Self::Any => true,
            Self::These(tags) => version.and_then(opaque).is_some_and(|v| tags.iter().any(|tag| tag == v)),
        }
    }
}

fn tags(headers: &HeaderMap, name: &HeaderName) -> Result<Option<Tags>, Refusal> {
    let wrong = || {
        let detail = format!("`{name}` must be * or a list of entity tags such as W/\"5d41402a\", with their quotes");
        Refusal::new(ScimType::InvalidValue, detail)
    };
    let mut found = Vec::new();
    let mut given = false;
    for value in headers.get_all(name) {
        given = true;
        let mut rest = value.to_str().map_err(|_| wrong())?.trim();
        if rest == "*" && headers.get_all(name).iter().count() == 1 {
            return Ok(Some(Tags::Any));
        }
        while !rest.is_empty() {
            let bare = rest.strip_prefix("W/").unwrap_or(rest);
            let (tag, after) = bare.strip_prefix('"').and_then(|bare| bare.split_once('"')).ok_or_else(wrong)?;
            found.push(tag.to_owned());
            let after = after.trim_start();
            rest = match after.strip_prefix(',') {
                Some(next) => next.trim_start(),
                None if after.is_empty() => after,
                None => return Err(wrong()),
            };
        }
    }
    match (given, found.is_empty()) {
        (false, _) => Ok(None),
        (true, true) => Err(wrong()),
        (true, false) => Ok(Some(Tags::These(found))),
    }
}

fn opaque(tag: &str) -> Option<&str> {
    tag.strip_prefix("W/").unwrap_or(tag).strip_prefix('"')?.strip_suffix('"')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    fn of(value: &Value) -> String {
        version(value.as_object().unwrap().iter().map(|(name, v)| (name.clone(), v)))
    }

    #[test]
    fn a_version_is_the_same_in_any_order_and_release() {
        let one = json!({"userName": "a", "emails": [{"value": "x", "type": "work"}, {"value": "y"}]});
        let same = json!({"emails": [{"value": "y"}, {"type": "work", "value": "x"}], "userName": "a"});
        assert_eq!(of(&one), of(&same));
        // Clients keep versions for longer than a process lives: a change of this text is a break.
        assert_eq!(of(&one), "W/\"4d0ab32618b99ad9b03dc641\"");
        for other in [
            json!({"userName": "a", "emails": [{"value": "x", "type": "work"}]}),
            json!({"userName": "a", "emails": [{"value": "y", "type": "work"}, {"value": "x"}]}),
            json!({"userName": "A", "emails": [{"value": "x", "type": "work"}, {"value": "y"}]}),
            json!({"userName": "a\nemails=", "emails": []}),
        ] {
            assert_ne!(of(&one), of(&other), "{other}");
        }
        assert_ne!(of(&json!({"a": "1"})), of(&json!({"a": 1})));
    }

    #[test]
    fn conditions_go_by_the_tag_and_not_by_its_weakness() {
        use Verdict::{Changed, Go, Same};
        for (name, value, verdict) in [
            ("if-match", "W/\"1\"", Some(Go)),
            ("if-match", "\"1\"", Some(Go)),
            ("if-match", "\"2\", W/\"1\"", Some(Go)),
            ("if-match", "\"a,b\",\"1\" ,", Some(Go)),
            ("if-match", "*", Some(Go)),
            ("if-match", "\"2\"", Some(Changed)),
            ("if-match", "w/\"1\"", None),
            ("if-match", "1", None),
            ("if-match", "\"1", None),
            ("if-match", "\"1\" \"2\"", None),
            ("if-match", "*, \"1\"", None),
            ("if-match", "", None),
            ("if-none-match", "W/\"1\"", Some(Same)),
            ("if-none-match", "*", Some(Same)),
            ("if-none-match", "\"2\"", Some(Go)),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            let judged = Preconditions::read(&headers).map(|p| p.judge(Some("W/\"1\""))).ok();
            assert_eq!(judged, verdict, "{name}: {value}");
        }
        let mut headers = HeaderMap::new();
        for value in ["\"2\"", "\"1\""] {
            headers.append("if-match", value.parse().unwrap());
        }
        assert_eq!(Preconditions::read(&headers).map(|p| p.judge(Some("W/\"1\""))), Ok(Go));
        assert!(Preconditions::read(&HeaderMap::new()).unwrap().is_empty());
    }
}
