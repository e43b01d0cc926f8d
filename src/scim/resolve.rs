//! From the filter as written to the filter as meant: looks names up, checks that each comparison suits its attribute's
//! type, and decides what needs no resource.
//!
//! The readings where RFC 7644 leaves a choice: an attribute that does not exist, is not offered or has no value is one
//! and the same, so `ne "x"` is true for it and every other comparison false; `eq null`, and `eq ""`, is `not (… pr)`;
//! `ne` on a list is true when some value differs or there is none. A bare list of complex values stands for its
//! `value`.

use serde_json::Value;

use super::{
    condition::{Condition, Literal},
    error::{Refusal, ScimType},
    filter::{CompareOp, Filter},
    instant,
    path::AttrPath,
    profile::Profile,
    scanner::shortened,
    schema::{Attribute, Mutability, Resolution, ResourceType, Returned, Target, Type},
};

impl Condition {
    /// Finds out what a filter means for resources of that type.
    ///
    /// # Errors
    /// `invalidFilter` where a comparison has no meaning: the operator or the literal does not suit the attribute's
    /// type, a complex attribute is compared as a whole, or the attribute is one that clients may never read. (Not
    /// `sensitive`: that keyword is about data in a URI, and such a filter is refused in a body as well.)
    pub fn resolve(filter: &Filter, resource_type: &ResourceType, profile: &Profile) -> Result<Self, Refusal> {
        Scope { place: Place::Resource(resource_type), profile }.condition(filter)
    }

    /// Finds out what a filter between brackets means for the items of `list`, for [`super::evaluate::evaluate_item`].
    ///
    /// # Errors
    /// As [`Condition::resolve`]; also when the attribute has no items to speak of.
    pub fn resolve_item(filter: &Filter, list: &Target, profile: &Profile) -> Result<Self, Refusal> {
        if list.sub.is_some() || (list.attribute.kind != Type::Complex && !list.attribute.multi_valued) {
            return Err(refused(format!("`{list}` holds no items, so nothing can stand in brackets after it")));
        }
        Scope { place: Place::Item(list), profile }.condition(filter)
    }
}

/// Where names are looked up.
enum Place<'a> {
    Resource(&'a ResourceType),
    Item(&'a Target),
}

struct Scope<'a> {
    place: Place<'a>,
    profile: &'a Profile,
}

impl Scope<'_> {
    fn condition(&self, filter: &Filter) -> Result<Condition, Refusal> {
        Ok(match filter {
            Filter::And(left, right) => Condition::all(vec![self.condition(left)?, self.condition(right)?]),
            Filter::Or(left, right) => Condition::any(vec![self.condition(left)?, self.condition(right)?]),
            Filter::Not(inner) => self.condition(inner)?.negated(),
            Filter::Compare { path, op, value } => self.compare(path, *op, value)?,
            Filter::Present(path) => match self.find(path)? {
                Resolution::Offered(target) => readable(target).map(Condition::Present)?,
                Resolution::NotOffered(target) => readable(target).map(|_| Condition::Never)?,
                Resolution::Unknown => Condition::Never,
            },
            Filter::Item { path, filter } => self.item(path, filter)?,
        })
    }

    fn find(&self, path: &AttrPath) -> Result<Resolution, Refusal> {
        let list = match self.place {
            Place::Resource(resource_type) => return Ok(resource_type.resolve(path)),
            Place::Item(list) => list,
        };
        if path.urn.is_some() || path.sub.is_some() {
            return Err(refused(format!(
                "`{path}` between the brackets of `{list}`: only names of its sub-attributes stand there"
            )));
        }
        if let Some(sub) = list.attribute.sub(&path.name) {
            return Ok(Resolution::Offered(Target { sub: Some(sub.clone()), ..list.clone() }));
        }
        let plain = list.attribute.kind != Type::Complex && path.name.eq_ignore_ascii_case("value");
        Ok(if plain { Resolution::Offered(list.clone()) } else { Resolution::Unknown })
    }

    fn compare(&self, path: &AttrPath, op: CompareOp, value: &Value) -> Result<Condition, Refusal> {
        let (target, offered) = match self.find(path)? {
            Resolution::Offered(target) => (readable(target)?, true),
            Resolution::NotOffered(target) => (readable(target)?, false),
            Resolution::Unknown => return Ok(without_value(op, value)),
        };
        if matches!(value, Value::Null) && !matches!(op, CompareOp::Equal | CompareOp::NotEqual) {
            return Err(refused(format!("`{path} {} null`: null is only compared with eq and ne", op.keyword())));
        }
        let compared = if value.is_null() { target } else { comparable(target)? };
        let resolved = if is_empty(value) {
            against_empty(compared, op)?
        } else {
            check_operator(&compared, op)?;
            let value = self.literal(&compared, value)?;
            Condition::Compare { target: compared, op, value }
        };
        Ok(if offered { resolved } else { without_value(op, value) })
    }

    fn literal(&self, target: &Target, value: &Value) -> Result<Literal, Refusal> {
        let kind = target.leaf().kind;
        let literal = match (kind, value) {
            (Type::Boolean, Value::Bool(b)) => Some(Literal::Boolean(*b)),
            (Type::Boolean, Value::String(text)) if self.profile.string_booleans => {
                [true, false].into_iter().find(|b| text.eq_ignore_ascii_case(&b.to_string())).map(Literal::Boolean)
            }
            (Type::Integer | Type::Decimal, Value::Number(number)) => Some(Literal::Number(number.clone())),
            (Type::DateTime, Value::String(text)) => {
                instant::parse(text).map(|at| Literal::Instant { at, text: text.clone() })
            }
            (Type::String | Type::Reference | Type::Binary, Value::String(text)) => Some(Literal::Text(text.clone())),
            _ => None,
        };
        literal.ok_or_else(|| {
            let wanted = match kind {
                Type::Boolean => "true or false, without quotes",
                Type::Integer | Type::Decimal => "a number, without quotes",
                Type::DateTime => "a dateTime such as \"2026-02-03T04:05:06Z\"",
                Type::String | Type::Reference | Type::Binary | Type::Complex => "a text in double quotes",
            };
            let found = shortened(&value.to_string());
            refused(format!("`{target}` is not comparable with `{found}`; write {wanted}"))
        })
    }

    fn item(&self, path: &AttrPath, filter: &Filter) -> Result<Condition, Refusal> {
        let (list, offered) = match self.find(path)? {
            Resolution::Offered(list) => (readable(list)?, true),
            Resolution::NotOffered(list) => (readable(list)?, false),
            Resolution::Unknown => return Ok(Condition::Never),
        };
        let condition = Condition::resolve_item(filter, &list, self.profile)?;
        Ok(match condition {
            _ if !offered => Condition::Never,
            Condition::Never => Condition::Never,
            Condition::Always => Condition::Present(list),
            // The one value of a single attribute: the brackets add that it is there.
            inner if !list.attribute.multi_valued => Condition::all(vec![Condition::Present(list), inner]),
            inner => Condition::Item { list, condition: Box::new(inner) },
        })
    }
}

fn refused(detail: String) -> Refusal {
    Refusal::new(ScimType::InvalidFilter, detail)
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_str() == Some("")
}

/// A filter on what may not be read would read it, one guess at a time.
fn readable(target: Target) -> Result<Target, Refusal> {
    let hidden = |a: &Attribute| a.mutability == Mutability::WriteOnly || a.returned == Returned::Never;
    if hidden(&target.attribute) || hidden(target.leaf()) {
        return Err(refused(format!("`{target}` is never returned, so filters may not ask for it")));
    }
    Ok(target)
}

/// What a comparison with this attribute compares: itself, or the `value` of a list of complex values.
fn comparable(target: Target) -> Result<Target, Refusal> {
    if target.leaf().kind != Type::Complex {
        return Ok(target);
    }
    match target.attribute.sub("value") {
        Some(value) if target.sub.is_none() && target.attribute.multi_valued => {
            readable(Target { sub: Some(value.clone()), ..target })
        }
        _ => {
            let example = target.leaf().sub_attributes.first().map(|sub| format!(", e.g. {target}.{}", sub.name));
            Err(refused(format!(
                "`{target}` is complex: compare one of its sub-attributes{}",
                example.unwrap_or_default()
            )))
        }
    }
}

/// RFC 7644, table 3: no order on boolean and binary; `co`, `sw` and `ew` are for text.
fn check_operator(target: &Target, op: CompareOp) -> Result<(), Refusal> {
    let kind = target.leaf().kind;
    let unordered = op.is_ordering() && matches!(kind, Type::Boolean | Type::Binary | Type::Complex);
    let no_text = op.is_substring() && !matches!(kind, Type::String | Type::Reference);
    if unordered || no_text {
        return Err(refused(format!("`{target} {}`: the attribute's type has no such comparison", op.keyword())));
    }
    Ok(())
}

/// Against null and the empty text. Every value contains, begins and ends with the empty text, and is greater.
fn against_empty(target: Target, op: CompareOp) -> Result<Condition, Refusal> {
    Ok(match op {
        CompareOp::Equal => Condition::Present(target).negated(),
        CompareOp::NotEqual => Condition::Present(target),
        _ if op.is_ordering() && !matches!(target.leaf().kind, Type::String | Type::Reference) => {
            return Err(refused(format!("`{target} {} \"\"`: an empty text has no place in that order", op.keyword())));
        }
        CompareOp::Less | CompareOp::LessOrEqual => Condition::Never,
        _ => {
            check_operator(&target, op)?;
            Condition::Present(target)
        }
    })
}

/// The comparison where there is never a value.
fn without_value(op: CompareOp, value: &Value) -> Condition {
    let holds = match op {
        CompareOp::Equal => is_empty(value),
        CompareOp::NotEqual => !is_empty(value),
        _ => false,
    };
    if holds { Condition::Always } else { Condition::Never }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::scim::sample::user_type;

    fn resolve(text: &str, profile: &Profile) -> Result<Condition, Refusal> {
        Condition::resolve(&Filter::parse(text, profile)?, &user_type(), profile)
    }

    #[test]
    fn what_filters_mean() {
        for (text, meant) in [
            ("USERNAME EQ \"Mara\"", "userName eq \"Mara\""),
            ("urn:IETF:params:scim:schemas:core:2.0:User:name.FAMILYNAME pr", "name.familyName pr"),
            ("emails co \"x\"", "emails.value co \"x\""),
            ("emails pr and (tags pr and (id pr or badge pr))", "emails pr and tags pr and (id pr or badge pr)"),
            ("id pr or tags pr or badge pr and active eq true", "id pr or tags pr or badge pr and active eq true"),
            ("nickName eq null", "not (nickName pr)"),
            ("nickName ne \"\"", "nickName pr"),
            ("name eq null", "not (name pr)"),
            ("nickName co \"\"", "nickName pr"),
            ("nickName le \"\"", "never"),
            ("not (not (id pr))", "id pr"),
            ("noSuch eq \"x\"", "never"),
            ("noSuch ne \"x\"", "always"),
            ("noSuch eq null", "always"),
            ("noSuch ne null", "never"),
            ("title eq \"x\" or id pr", "id pr"),
            ("title ne \"x\" and id pr", "id pr"),
            ("not (title pr)", "always"),
            ("suspended eq false", "never"),
            (
                "emails[type eq \"work\" and (value co \"x\" or primary eq true)]",
                "emails[type eq \"work\" and (value co \"x\" or primary eq true)]",
            ),
            ("emails[noSuch eq \"x\"]", "never"),
            ("emails[noSuch ne \"x\"]", "emails pr"),
            ("tags[value sw \"a\"]", "tags[value sw \"a\"]"),
            ("name[givenName ne \"x\"]", "name pr and name.givenName ne \"x\""),
            ("roles[value eq \"x\"]", "never"),
            ("loginCount eq 9007199254740993", "loginCount eq 9007199254740993"),
            ("meta.created gt \"2026-02-03T04:05:06Z\"", "meta.created gt \"2026-02-03T04:05:06Z\""),
        ] {
            let meant_now = resolve(text, &Profile::STRICT).unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!(meant_now.to_string(), meant, "{text}");
            if !["always", "never"].contains(&meant) {
                assert_eq!(
                    resolve(meant, &Profile::STRICT).as_ref(),
                    Ok(&meant_now),
                    "{text}: printed, it means the same"
                );
            }
        }
    }

    #[test]
    fn what_has_no_meaning() {
        for (text, why) in [
            ("active gt true", "no such comparison"),
            ("active co \"ru\"", "no such comparison"),
            ("x509Certificates.value lt \"a\"", "no such comparison"),
            ("x509Certificates co \"a\"", "no such comparison"),
            ("meta.created sw \"2026\"", "no such comparison"),
            ("loginCount ge \"\"", "no place in that order"),
            ("suspended gt true", "no such comparison"),
            ("name eq \"Quill\"", "e.g. name.familyName"),
            ("addresses eq \"x\"", "e.g. addresses.type"),
            ("meta.created gt \"yesterday\"", "write a dateTime"),
            ("loginCount eq \"5\"", "write a number"),
            ("active eq \"true\"", "write true or false"),
            ("userName eq 5", "write a text"),
            ("userName gt null", "only compared with eq and ne"),
            ("password eq \"x\"", "never returned"),
            ("password pr", "never returned"),
            ("userName[value eq \"x\"]", "holds no items"),
            ("name.givenName[value eq \"x\"]", "holds no items"),
            ("emails[emails.type eq \"x\"]", "only names of its sub-attributes"),
        ] {
            let refusal = resolve(text, &Profile::STRICT).expect_err(text);
            assert_eq!(refusal.scim_type, ScimType::InvalidFilter);
            assert!(refusal.detail.contains(why), "{text}: {refusal}");
        }
    }

    #[test]
    fn quoted_booleans_are_a_tolerance() {
        assert_eq!(resolve("active eq \"True\"", &Profile::TOLERANT).unwrap().to_string(), "active eq true");
        assert!(resolve("active eq \"yes\"", &Profile::TOLERANT).is_err());
    }

    #[test]
    fn conjuncts_and_targets() {
        let condition = resolve("id pr and (tags pr or badge pr) and emails[type eq \"x\"]", &Profile::STRICT).unwrap();
        assert_eq!(condition.conjuncts().len(), 3);
        let targets: Vec<String> = condition.targets().into_iter().map(Target::to_string).collect();
        assert_eq!(targets, ["id", "tags", "badge", "emails", "emails.type"]);
        assert!(Condition::Always.conjuncts().is_empty());
        assert_eq!(Condition::Never.conjuncts(), [&Condition::Never]);
    }
}
