//! Whether a condition holds of a resource. This is the only definition of what filters mean: whatever an app is asked
//! instead is checked against it.
//!
//! Resources are canonical: names in the schema's letter case, extensions under their URN, lists as arrays. Null, `""`,
//! `[]` and a complex value without any value in it are all "no value" (RFC 7643 §2.5).

use std::cmp::Ordering;

use serde_json::{Map, Number, Value};

use super::{
    condition::{Condition, Literal},
    filter::CompareOp,
    fold::fold,
    instant,
    schema::{Attribute, Target, Type},
};

/// Whether the condition holds of the resource.
#[must_use]
pub fn evaluate(condition: &Condition, resource: &Map<String, Value>) -> bool {
    holds(condition, Subject::Resource(resource))
}

/// Whether a condition from [`Condition::resolve_item`] holds of one item of that list.
#[must_use]
pub fn evaluate_item(condition: &Condition, item: &Value) -> bool {
    holds(condition, Subject::Item(item))
}

/// What targets are looked up in.
#[derive(Clone, Copy)]
enum Subject<'a> {
    Resource(&'a Map<String, Value>),
    Item(&'a Value),
}

fn holds(condition: &Condition, subject: Subject<'_>) -> bool {
    match condition {
        Condition::And(parts) => parts.iter().all(|part| holds(part, subject)),
        Condition::Or(parts) => parts.iter().any(|part| holds(part, subject)),
        Condition::Not(inner) => !holds(inner, subject),
        Condition::Present(target) => !values(subject, target).is_empty(),
        Condition::Item { list, condition } => {
            values(subject, list).into_iter().any(|item| holds(condition, Subject::Item(item)))
        }
        Condition::Compare { target, op, value } => {
            let found = values(subject, target);
            let any = found.iter().any(|v| compares(v, *op, value, target.leaf()));
            any || (*op == CompareOp::NotEqual && found.is_empty())
        }
        Condition::Always => true,
        Condition::Never => false,
    }
}

/// The values that a target has: none, one, or those of a list.
fn values<'a>(subject: Subject<'a>, target: &Target) -> Vec<&'a Value> {
    let attribute = match subject {
        Subject::Item(item) => Some(item),
        Subject::Resource(resource) => match &target.extension {
            None => resource.get(&target.attribute.name),
            Some(urn) => resource.get(urn.as_ref()).and_then(|extension| extension.get(&target.attribute.name)),
        },
    };
    let leaf = |item: &'a Value| match &target.sub {
        Some(sub) => item.get(&sub.name),
        None => Some(item),
    };
    attribute.into_iter().flat_map(items).filter_map(leaf).flat_map(items).filter(|v| is_assigned(v)).collect()
}

fn items(value: &Value) -> &[Value] {
    match value {
        Value::Array(items) => items,
        one => std::slice::from_ref(one),
    }
}

/// Whether this is a value at all (RFC 7643 §2.5).
pub(super) fn is_assigned(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => items.iter().any(is_assigned),
        Value::Object(members) => members.values().any(is_assigned),
        Value::Bool(_) | Value::Number(_) => true,
    }
}

/// A value that is not of the literal's type differs from it and compares in no other way.
fn compares(value: &Value, op: CompareOp, literal: &Literal, attribute: &Attribute) -> bool {
    let order = match (literal, value) {
        (Literal::Text(wanted), Value::String(found)) => return text_compares(found, op, wanted, attribute),
        (Literal::Boolean(wanted), Value::Bool(found)) => Some(found.cmp(wanted)),
        (Literal::Number(wanted), Value::Number(found)) => Some(compare_numbers(found, wanted)),
        (Literal::Instant { at, .. }, Value::String(found)) => instant::parse(found).map(|found| found.cmp(at)),
        _ => None,
    };
    order.map_or(op == CompareOp::NotEqual, |order| order_suits(order, op))
}

fn text_compares(found: &str, op: CompareOp, wanted: &str, attribute: &Attribute) -> bool {
    // Base64 differs by letter case whatever the schema says.
    let exact = attribute.case_exact || attribute.kind == Type::Binary;
    let (folded_found, folded_wanted);
    let (found, wanted) = if exact {
        (found, wanted)
    } else {
        (folded_found, folded_wanted) = (fold(found), fold(wanted));
        (folded_found.as_str(), folded_wanted.as_str())
    };
    match op {
        CompareOp::Contains => found.contains(wanted),
        CompareOp::StartsWith => found.starts_with(wanted),
        CompareOp::EndsWith => found.ends_with(wanted),
        _ => order_suits(found.cmp(wanted), op),
    }
}

fn order_suits(order: Ordering, op: CompareOp) -> bool {
    match op {
        CompareOp::Equal => order.is_eq(),
        CompareOp::NotEqual => order.is_ne(),
        CompareOp::Greater => order.is_gt(),
        CompareOp::GreaterOrEqual => order.is_ge(),
        CompareOp::Less => order.is_lt(),
        CompareOp::LessOrEqual => order.is_le(),
        CompareOp::Contains | CompareOp::StartsWith | CompareOp::EndsWith => false,
    }
}

/// Whether two numbers are one, however they are written.
#[must_use]
pub fn same_number(a: &Number, b: &Number) -> bool {
    compare_numbers(a, b).is_eq()
}

/// Compares by the digits as written, so that nothing is lost beyond 2^53 or behind the point.
pub(super) fn compare_numbers(a: &Number, b: &Number) -> Ordering {
    let (a, b) = (Decimal::read(a.as_str()), Decimal::read(b.as_str()));
    a.sign().cmp(&b.sign()).then_with(|| if a.negative { b.size_cmp(&a) } else { a.size_cmp(&b) })
}

/// `0.digits × 10^point`, without zeros at either end; no digits for zero.
struct Decimal {
    negative: bool,
    digits: String,
    point: i64,
}

impl Decimal {
    fn read(text: &str) -> Self {
        let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        // An exponent that fits no i64 is beyond any other.
        let beyond = if exponent.starts_with('-') { i64::MIN } else { i64::MAX };
        let exponent = exponent.parse::<i64>().unwrap_or(beyond);
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = format!("{whole}{fraction}");
        let significant = all.trim_start_matches('0');
        let before_point = i64::try_from(whole.len()).unwrap_or(i64::MAX);
        let zeros = i64::try_from(all.len() - significant.len()).unwrap_or(i64::MAX);
        let digits = significant.trim_end_matches('0').to_owned();
        Self { negative, digits, point: exponent.saturating_add(before_point - zeros) }
    }

    fn sign(&self) -> i8 {
        match (self.digits.is_empty(), self.negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        }
    }

    fn size_cmp(&self, other: &Self) -> Ordering {
        if self.digits.is_empty() && other.digits.is_empty() {
            return Ordering::Equal;
        }
        self.point.cmp(&other.point).then_with(|| self.digits.cmp(&other.digits))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use serde_json::json;

    use super::*;
    use crate::scim::{
        filter::Filter,
        profile::Profile,
        sample::{ENTERPRISE, USER, user_type},
    };

    fn mara() -> Value {
        json!({
            "schemas": [USER, ENTERPRISE], "id": "7", "externalId": "HR-00731",
            "userName": "Mara.Quill@corp.example", "name": {"familyName": "ÇELIK", "givenName": ""}, "active": false,
            "emails": [
                {"value": "mara@corp.example", "type": "work", "primary": true},
                {"value": "m@home.example", "type": "home"},
            ],
            "addresses": [{"type": ""}, {}],
            "groups": [{"value": "G1", "$ref": "https://x/Groups/G1"}],
            "x509Certificates": [{"value": "QUJD"}],
            "tags": ["50%_off", "\u{212a}"],
            "loginCount": 9_007_199_254_740_993_i64, "score": 2.50,
            "meta": {"created": "2026-02-03T06:05:06.000+02:00", "location": "https://x/Users/7"},
            ENTERPRISE: {"department": "R&D", "manager": {"value": "9f3c"}},
        })
    }

    #[test]
    fn conditions_hold_or_not() {
        let resource = mara();
        for (filter, expected) in [
            ("userName eq \"mara.quill@CORP.example\"", true),
            ("userName sw \"MARA\" and userName ew \".Example\" and userName co \"QUILL@\"", true),
            ("userName eq \"mara.quill\"", false),
            ("userName gt \"mara\" and userName lt \"N\"", true),
            ("userName ge \"mara.quill@corp.example\" and userName le \"mara.quill@corp.example\"", true),
            ("externalId eq \"hr-00731\"", false),
            ("externalId ne \"hr-00731\"", true),
            ("name.familyName eq \"çelik\"", true),
            ("name pr", true),
            ("name.givenName pr", false),
            ("name.givenName eq \"\"", true),
            ("name.givenName ne \"Mo\"", true),
            ("nickName ne \"Mo\"", true),
            ("not (nickName eq \"Mo\")", true),
            ("nickName sw \"M\" or nickName lt \"Z\"", false),
            ("active eq false", true),
            ("active ne false", false),
            ("active pr", true),
            ("emails[type eq \"WORK\" and value ew \"@corp.example\"]", true),
            ("emails[type eq \"home\" and value ew \"@corp.example\"]", false),
            ("emails.type eq \"home\" and emails.value ew \"@corp.example\"", true),
            ("emails co \"home\"", true),
            ("emails.type ne \"work\"", true),
            ("not (emails.type eq \"work\")", false),
            ("emails[type ne \"work\"]", true),
            ("emails[primary ne true]", true),
            ("emails[not (primary pr) and type eq \"home\"]", true),
            ("emails[type eq \"other\"]", false),
            ("not (emails[type eq \"other\"])", true),
            ("addresses pr", false),
            ("addresses.type eq null", true),
            ("addresses[type eq null]", false),
            ("groups.value eq \"G1\"", true),
            ("groups.value eq \"g1\"", false),
            ("groups.value ne \"G1\"", false),
            ("groups.$ref ew \"/groups/g1\"", true),
            ("x509Certificates eq \"QUJD\"", true),
            ("x509Certificates eq \"qujd\"", false),
            ("tags eq \"50%_OFF\"", true),
            ("tags co \"%off\"", false),
            ("tags eq \"k\"", false),
            ("tags[value ne \"50%_off\"]", true),
            ("loginCount eq 9007199254740993", true),
            ("loginCount eq 9007199254740992", false),
            ("loginCount gt 9007199254740992.99", true),
            ("score eq 25e-1", true),
            ("score lt 2.75 and score gt -3", true),
            ("score ne 2.5", false),
            ("meta.created eq \"2026-02-03T04:05:06Z\"", true),
            ("meta.created gt \"2026-02-03T04:05:05.999Z\"", true),
            ("meta.created lt \"2026-02-03T05:00:00Z\"", true),
            ("schemas eq \"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User\"", true),
            ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq \"r&d\"", true),
            ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value eq \"9f3c\"", true),
            ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.displayName pr", false),
            ("name[familyName eq \"Çelik\"]", true),
            ("noSuch pr", false),
            ("noSuch ne \"x\"", true),
        ] {
            let parsed = Filter::parse(filter, &Profile::STRICT).unwrap();
            let condition = Condition::resolve(&parsed, &user_type(), &Profile::STRICT).unwrap();
            assert_eq!(evaluate(&condition, resource.as_object().unwrap()), expected, "{filter}");
        }
    }

    #[test]
    fn numbers_compare_by_their_digits() {
        let rising = [
            "-1e400",
            "-10",
            "-9.5",
            "-0.001",
            "0",
            "1e-9999999999999999999",
            "0.001",
            "0.0010001",
            "1",
            "9.99",
            "10",
            "9007199254740992",
            "9007199254740993",
            "18446744073709551616",
            "1e400",
        ];
        let number = |text: &str| text.parse::<Number>().unwrap();
        for (i, a) in rising.iter().enumerate() {
            for (j, b) in rising.iter().enumerate() {
                assert_eq!(compare_numbers(&number(a), &number(b)), i.cmp(&j), "{a} {b}");
            }
        }
        for (a, b) in [("0", "-0.0"), ("1.0", "1"), ("100", "1E2"), ("0.5", "5e-1"), ("0e5", "0")] {
            assert_eq!(compare_numbers(&number(a), &number(b)), Ordering::Equal, "{a} {b}");
        }
    }

    #[test]
    fn one_item_is_asked_alone() {
        let user = user_type();
        let emails = user.schema.attributes.iter().find(|a| a.name == "emails").unwrap();
        let list = Target { extension: None, attribute: emails.clone(), sub: None };
        let filter = Filter::parse("type eq \"work\" and not (primary eq true)", &Profile::STRICT).unwrap();
        let condition = Condition::resolve_item(&filter, &list, &Profile::STRICT).unwrap();
        assert!(evaluate_item(&condition, &json!({"type": "Work", "value": "x"})));
        assert!(!evaluate_item(&condition, &json!({"type": "Work", "primary": true})));
        assert!(!evaluate_item(&condition, &json!({"value": "x"})));
    }
}
