//! The order of an answer (RFC 7644 §3.4.2.3). One definition for every app: resources without a value come last, or
//! first where the order descends; those that are equal come by their ids, whole numbers as numbers unless ids are texts.

use std::cmp::Ordering;

use jiff::Timestamp;
use serde_json::{Map, Number, Value};

use super::{
    Refusal, ScimType,
    evaluate::{compare_numbers, is_assigned},
    fold::fold,
    instant,
    path::AttrPath,
    schema::{Attribute, Resolution, ResourceType, Returned, Target, Type},
};

/// `sortBy` and `sortOrder`.
#[derive(Debug, Clone, PartialEq)]
pub struct Sort {
    target: Target,
    descending: bool,
    text_ids: bool,
}

/// The place of a resource in an order, which it shares with no other.
#[derive(Debug, Clone, PartialEq)]
pub struct Rank {
    /// What it is sorted by.
    pub key: Option<Key>,
    /// Its id.
    pub id: String,
}

/// What a resource is sorted by.
#[derive(Debug, Clone, PartialEq)]
pub enum Key {
    /// `false` comes before `true`.
    Boolean(bool),
    /// By all its digits.
    Number(Number),
    /// By the point in time, however it is written.
    Instant(Timestamp),
    /// By code points; already folded where letter case does not count.
    Text(String),
}

impl Sort {
    /// Reads the two parameters.
    ///
    /// # Errors
    /// `invalidValue`: no attribute that resources of this type have, one without an order, or an unknown direction.
    pub fn parse(by: &str, order: Option<&str>, kind: &ResourceType) -> Result<Self, Refusal> {
        let wrong = |detail: String| Refusal::new(ScimType::InvalidValue, detail);
        let descending = match order.map(str::to_ascii_lowercase).as_deref() {
            None | Some("ascending") => false,
            Some("descending") => true,
            Some(_) => return Err(wrong("`sortOrder` is `ascending` or `descending`".to_owned())),
        };
        let path = AttrPath::parse(by).map_err(|refusal| wrong(format!("sortBy: {}", refusal.detail)))?;
        let Resolution::Offered(target) = kind.resolve(&path) else {
            return Err(wrong(format!("`sortBy` names `{path}`, which no {} has here", kind.name)));
        };
        let target = match (target.leaf().kind, target.attribute.sub("value")) {
            (Type::Complex, None) => {
                return Err(wrong(format!("`{target}` has parts; name the one to sort by, such as `name.familyName`")));
            }
            (Type::Complex, Some(value)) => Target { sub: Some(value.clone()), ..target },
            _ => target,
        };
        let hidden = |attribute: &Attribute| attribute.returned == Returned::Never;
        if target.leaf().kind == Type::Binary || hidden(&target.attribute) || hidden(target.leaf()) {
            return Err(wrong(format!("`{target}` has no order")));
        }
        Ok(Self { target, descending, text_ids: false })
    }

    /// The order of the ids alone; none where they cannot be asked for.
    #[must_use]
    pub fn by_id(kind: &ResourceType) -> Option<Self> {
        Self::parse("id", None, kind).ok()
    }

    /// The same where all ids are texts, those made of digits too.
    #[must_use]
    pub fn with_text_ids(self) -> Self {
        Self { text_ids: true, ..self }
    }

    /// The attribute.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Whether the order is turned round.
    #[must_use]
    pub fn descending(&self) -> bool {
        self.descending
    }

    /// Where this resource stands.
    #[must_use]
    pub fn rank(&self, resource: &Map<String, Value>) -> Rank {
        let id = resource.get("id").and_then(Value::as_str).unwrap_or_default();
        Rank { key: self.key(resource), id: id.to_owned() }
    }

    /// What this resource is sorted by: of a list its primary item, else the first; none for no value.
    fn key(&self, resource: &Map<String, Value>) -> Option<Key> {
        let object = match &self.target.extension {
            None => resource,
            Some(urn) => resource.get(urn.as_ref())?.as_object()?,
        };
        let value = match object.get(&self.target.attribute.name)? {
            Value::Array(items) => {
                items.iter().find(|i| i.get("primary") == Some(&Value::Bool(true))).or(items.first())?
            }
            one => one,
        };
        let value = match &self.target.sub {
            Some(sub) => value.get(&sub.name)?,
            None => value,
        };
        self.read_key(value)
    }

    /// A value of the attribute as a key; a key's own JSON gives that key again.
    #[must_use]
    pub fn read_key(&self, value: &Value) -> Option<Key> {
        if !is_assigned(value) {
            return None;
        }
        let leaf = self.target.leaf();
        match (leaf.kind, value) {
            (Type::Boolean, Value::Bool(b)) => Some(Key::Boolean(*b)),
            (Type::Integer | Type::Decimal, Value::Number(n)) => Some(Key::Number(n.clone())),
            (Type::DateTime, Value::String(text)) => instant::parse(text).map(Key::Instant),
            (Type::String | Type::Reference, Value::String(text)) => {
                Some(Key::Text(if leaf.case_exact { text.clone() } else { fold(text) }))
            }
            _ => None,
        }
    }

    /// Which of two comes first. Ids ascend in either direction.
    #[must_use]
    pub fn compare(&self, a: &Rank, b: &Rank) -> Ordering {
        let order = match (&a.key, &b.key) {
            _ if self.is_by_id() => self.compare_ids(&a.id, &b.id),
            (Some(a), Some(b)) => a.compare(b),
            // No value is behind every other.
            (a, b) => a.is_none().cmp(&b.is_none()),
        };
        let order = if self.descending { order.reverse() } else { order };
        order.then_with(|| self.compare_ids(&a.id, &b.id))
    }

    /// Whether it is the id that is sorted by.
    #[must_use]
    pub fn is_by_id(&self) -> bool {
        self.target.extension.is_none() && self.target.attribute.name == "id"
    }

    fn compare_ids(&self, a: &str, b: &str) -> Ordering {
        if self.text_ids { a.cmp(b) } else { compare_ids(a, b) }
    }
}

/// Whole numbers by number and before all others, which go by code points.
fn compare_ids(a: &str, b: &str) -> Ordering {
    let number = |id: &str| id.parse::<i128>().ok();
    let numbers = match (number(a), number(b)) {
        (Some(a), Some(b)) => a.cmp(&b),
        (a, b) => a.is_none().cmp(&b.is_none()),
    };
    numbers.then_with(|| a.cmp(b))
}

impl Key {
    /// As a value of the attribute.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match self {
            Self::Boolean(b) => Value::Bool(*b),
            Self::Number(n) => Value::Number(n.clone()),
            Self::Instant(at) => Value::String(at.to_string()),
            Self::Text(text) => Value::String(text.clone()),
        }
    }

    /// Which of two of one attribute comes first.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Boolean(a), Self::Boolean(b)) => a.cmp(b),
            (Self::Number(a), Self::Number(b)) => compare_numbers(a, b),
            (Self::Instant(a), Self::Instant(b)) => a.cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            // All keys of one sort are of one kind, the attribute's.
            _ => Ordering::Equal,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use serde_json::json;

    use super::*;
    use crate::scim::published;

    fn sorted(by: &str, order: &str, resources: &[Value]) -> String {
        let sort = Sort::parse(by, Some(order), &published::resource_type("User")).unwrap();
        let mut all: Vec<Rank> = resources.iter().rev().map(|r| sort.rank(r.as_object().unwrap())).collect();
        all.sort_by(|a, b| sort.compare(a, b));
        for key in all.iter().filter_map(|rank| rank.key.as_ref()) {
            assert_eq!(sort.read_key(&key.to_json()).as_ref(), Some(key), "{by}");
        }
        all.iter().map(|rank| rank.id.as_str()).collect()
    }

    #[test]
    fn values_have_one_order() {
        let urn = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
        for (by, resources, ascending, descending) in [
            (
                "userName",
                json!([{"id": "a", "userName": "b"}, {"id": "b", "userName": "A"}, {"id": "c"}, {"id": "d", "userName": "B"}]),
                "badc",
                "cadb",
            ),
            (
                "NAME.familyName",
                json!([{"id": "a", "name": {"familyName": "ü"}}, {"id": "b", "name": {"familyName": "Ü"}},
                    {"id": "c", "name": {"familyName": "z"}}, {"id": "d", "name": {"familyName": ""}},
                    {"id": "e", "name": {"familyName": "Éa"}}, {"id": "f", "name": {"familyName": "éB"}}]),
                "cefabd",
                "dabfec",
            ),
            (
                "externalId",
                json!([{"id": "a", "externalId": "b"}, {"id": "b", "externalId": "A"}, {"id": "c", "externalId": "B"}]),
                "bca",
                "acb",
            ),
            ("active", json!([{"id": "a", "active": true}, {"id": "b"}, {"id": "c", "active": false}]), "cab", "bac"),
            (
                "meta.created",
                json!([{"id": "a", "meta": {"created": "2026-02-03T04:05:06+01:00"}},
                    {"id": "b", "meta": {"created": "2026-02-03T03:05:05Z"}}, {"id": "c", "meta": {"created": "later"}}]),
                "bac",
                "cab",
            ),
            (
                "emails",
                json!([{"id": "a", "emails": [{"value": "a"}, {"value": "z", "primary": true}]},
                    {"id": "b", "emails": [{"value": "y"}, {"value": "b"}]}, {"id": "c", "emails": []}]),
                "bac",
                "cab",
            ),
            (
                "emails.type",
                json!([{"id": "a", "emails": [{"value": "a", "type": "work"}]}, {"id": "b", "emails": [{"value": "y"}]},
                    {"id": "c", "emails": [{"value": "x", "type": "home"}]}]),
                "cab",
                "bac",
            ),
            (
                &format!("{urn}:department"),
                json!([{"id": "a", urn: {"department": "x"}}, {"id": "b", urn: {"department": "W"}}, {"id": "c", urn: {}}]),
                "bac",
                "cab",
            ),
        ] {
            let resources = resources.as_array().unwrap();
            assert_eq!(sorted(by, "ascending", resources), ascending, "{by}");
            assert_eq!(sorted(by, "Descending", resources), descending, "{by} descending");
        }
    }

    #[test]
    fn numbers_keep_all_their_digits() {
        let number = |text: &str| Key::Number(serde_json::from_str(text).unwrap());
        for (a, b) in [("9007199254740992", "9007199254740993"), ("-2", "1.5"), ("9", "10"), ("1e400", "1e401")] {
            assert_eq!(number(a).compare(&number(b)), Ordering::Less, "{a} {b}");
        }
        assert_eq!(number("1.0").compare(&number("1")), Ordering::Equal);
    }

    #[test]
    fn ids_that_are_numbers_come_by_number() {
        let mut ids = ["b", "10", "a", "9", "09", "-2", "-10", "99999999999999999999"];
        ids.sort_by(|a, b| compare_ids(a, b));
        assert_eq!(ids, ["-10", "-2", "09", "9", "10", "99999999999999999999", "a", "b"]);
        let all = json!([{"id": "9"}, {"id": "-1"}, {"id": "10"}]);
        let order = |sort: Sort| {
            let mut ranks: Vec<Rank> =
                all.as_array().unwrap().iter().map(|r| sort.rank(r.as_object().unwrap())).collect();
            ranks.sort_by(|a, b| sort.compare(a, b));
            ranks.into_iter().map(|rank| rank.id).collect::<Vec<_>>().join(" ")
        };
        let by_id = Sort::by_id(&published::resource_type("User")).unwrap();
        assert_eq!(order(by_id.clone()), "-1 9 10");
        assert_eq!(order(by_id.with_text_ids()), "-1 10 9");
    }

    #[test]
    fn what_nobody_can_be_sorted_by() {
        for (by, order, detail) in [
            ("", None, "sortBy"),
            ("a b", None, "found a blank"),
            ("nosuch", None, "no User has"),
            ("name", None, "name.familyName"),
            ("password", None, "no order"),
            ("x509Certificates", None, "no order"),
            ("userName", Some("up"), "ascending"),
            ("userName", Some(""), "ascending"),
        ] {
            let refusal = Sort::parse(by, order, &published::resource_type("User")).expect_err(by);
            assert_eq!(refusal.scim_type, ScimType::InvalidValue, "{by}");
            assert!(refusal.detail.contains(detail), "{by}: {}", refusal.detail);
        }
    }
}
