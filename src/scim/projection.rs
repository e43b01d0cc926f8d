//! What an answer holds (RFC 7644 §3.4.2.5, §3.9; `returned` in RFC 7643 §7): `attributes` and `excludedAttributes`,
//! worked out once a request into the list of all that is kept. A list of what is kept, rather than of what goes,
//! cannot let anything through by mistake.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{
    error::{Refusal, ScimType},
    path::AttrPath,
    schema::{Attribute, Extension, Resolution, ResourceType, Returned, Target, Type},
};

/// What an answer holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Projection {
    base: Vec<Kept>,
    extensions: Vec<(String, Vec<Kept>)>,
}

/// An attribute that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Kept {
    name: String,
    /// Of a complex attribute: the sub-attributes that are kept, never none.
    subs: Option<Vec<String>>,
}

/// One name from the request.
enum Named {
    Attribute(Target),
    /// A schema's URN alone: all its attributes.
    Schema(Option<Arc<str>>),
}

/// What the request asked for.
enum Asked {
    Default,
    Only(Vec<Named>),
    Without(Vec<Named>),
}

impl Projection {
    /// Reads the two parameters: names with commas between them, with or without URN, in any letter case. Names that
    /// nothing has are ignored; a parameter without any name counts as absent.
    ///
    /// # Errors
    /// `invalidValue` when both are given: together they have no agreed meaning.
    pub fn parse(
        attributes: Option<&str>,
        excluded: Option<&str>,
        resource_type: &ResourceType,
    ) -> Result<Self, Refusal> {
        let given = |text: Option<&str>| text.is_some_and(|text| names(text).next().is_some());
        let named =
            |text: Option<&str>| names(text.unwrap_or_default()).filter_map(|name| find(name, resource_type)).collect();
        let asked = match (given(attributes), given(excluded)) {
            (true, true) => {
                let detail = "`attributes` and `excludedAttributes` are both given; send one of them";
                return Err(Refusal::new(ScimType::InvalidValue, detail));
            }
            (true, false) => Asked::Only(named(attributes)),
            (false, true) => Asked::Without(named(excluded)),
            (false, false) => Asked::Default,
        };
        let base = resource_type.common.iter().chain(&resource_type.schema.attributes);
        let extension = |e: &Extension| {
            let urn: Arc<str> = Arc::from(e.schema.id.as_str());
            let kept = e.schema.attributes.iter().filter_map(|a| asked.keeps(Some(&urn), a)).collect();
            (e.schema.id.clone(), kept)
        };
        Ok(Self {
            base: base.filter_map(|a| asked.keeps(None, a)).collect(),
            extensions: resource_type.extensions.iter().map(extension).collect(),
        })
    }

    /// The same for the answer to a write: who writes an attribute that is returned on request has asked for it
    /// (RFC 7643 §7).
    #[must_use]
    pub fn with_written(mut self, resource_type: &ResourceType, written: &dyn Fn(&Target) -> bool) -> Self {
        let base = resource_type.common.iter().chain(&resource_type.schema.attributes);
        add_written(&mut self.base, None, base, written);
        for ((_, kept), extension) in self.extensions.iter_mut().zip(&resource_type.extensions) {
            add_written(kept, Some(&extension.schema.id), extension.schema.attributes.iter(), written);
        }
        self
    }

    /// Whether the answer holds any of this attribute, so that it must be fetched.
    #[must_use]
    pub fn wants(&self, target: &Target) -> bool {
        let kept = match &target.extension {
            None => Some(&self.base),
            Some(urn) => self.extensions.iter().find(|(id, _)| **id == **urn).map(|(_, kept)| kept),
        };
        let kept = kept.and_then(|kept| kept.iter().find(|k| k.name == target.attribute.name));
        match (kept, &target.sub) {
            (Some(Kept { subs: Some(subs), .. }), Some(sub)) => subs.contains(&sub.name),
            (kept, _) => kept.is_some(),
        }
    }

    /// Takes out of a canonical resource what the answer does not hold, and complex values that this leaves empty.
    pub fn apply(&self, resource: &mut Map<String, Value>) {
        resource.retain(|name, value| {
            if let Some((_, kept)) = self.extensions.iter().find(|(id, _)| id == name) {
                return value.as_object_mut().is_some_and(|extension| {
                    extension.retain(|name, value| keep(kept, name, value));
                    !extension.is_empty()
                });
            }
            keep(&self.base, name, value)
        });
    }
}

fn add_written<'a>(
    kept: &mut Vec<Kept>,
    extension: Option<&str>,
    attributes: impl Iterator<Item = &'a Arc<Attribute>>,
    written: &dyn Fn(&Target) -> bool,
) {
    for attribute in attributes {
        let whole = Target { extension: extension.map(Arc::from), attribute: attribute.clone(), sub: None };
        let of_sub = |sub: &Arc<Attribute>| Target { sub: Some(sub.clone()), ..whole.clone() };
        let touched = || written(&whole) || attribute.sub_attributes.iter().any(|sub| written(&of_sub(sub)));
        let at = kept.iter().position(|k| k.name == attribute.name);
        let is_kept = at.is_some();
        let asked = is_kept || attribute.returned == Returned::Request && touched();
        if !asked {
            continue;
        }
        let shown = |sub: &&Arc<Attribute>| match sub.returned {
            Returned::Always | Returned::Default => !is_kept,
            Returned::Request => written(&of_sub(sub)),
            Returned::Never => false,
        };
        let more = attribute.sub_attributes.iter().filter(shown).map(|sub| sub.name.clone());
        match at.and_then(|at| kept.get_mut(at)) {
            Some(Kept { subs: Some(subs), .. }) => {
                let more: Vec<String> = more.filter(|name| !subs.contains(name)).collect();
                subs.extend(more);
            }
            Some(_) => {}
            None => {
                let subs = (attribute.kind == Type::Complex).then(|| more.collect());
                kept.push(Kept { name: attribute.name.clone(), subs });
            }
        }
    }
}

fn keep(kept: &[Kept], name: &str, value: &mut Value) -> bool {
    let Some(kept) = kept.iter().find(|k| k.name == name) else { return false };
    kept.subs.as_ref().is_none_or(|subs| keep_subs(subs, value))
}

/// Of a complex value, or of each in a list, only those sub-attributes; false when nothing is left.
fn keep_subs(subs: &[String], value: &mut Value) -> bool {
    match value {
        Value::Object(members) => {
            members.retain(|name, _| subs.contains(name));
            !members.is_empty()
        }
        Value::Array(items) => {
            items.retain_mut(|item| keep_subs(subs, item));
            !items.is_empty()
        }
        _ => true,
    }
}

fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|name| !name.is_empty())
}

fn find(name: &str, resource_type: &ResourceType) -> Option<Named> {
    if name.eq_ignore_ascii_case(&resource_type.schema.id) {
        return Some(Named::Schema(None));
    }
    if let Some(extension) = resource_type.extensions.iter().find(|e| e.schema.id.eq_ignore_ascii_case(name)) {
        return Some(Named::Schema(Some(Arc::from(extension.schema.id.as_str()))));
    }
    match resource_type.resolve(&AttrPath::parse(name).ok()?) {
        Resolution::Offered(target) => Some(Named::Attribute(target)),
        Resolution::NotOffered(_) | Resolution::Unknown => None,
    }
}

impl Asked {
    /// What is kept of an attribute, if anything. `always` of a sub-attribute means: wherever its parent is.
    fn keeps(&self, extension: Option<&Arc<str>>, attribute: &Arc<Attribute>) -> Option<Kept> {
        let target = Target { extension: extension.cloned(), attribute: attribute.clone(), sub: None };
        let whole = self.returns(&target);
        let name = attribute.name.clone();
        if attribute.kind != Type::Complex {
            return whole.then_some(Kept { name, subs: None });
        }
        if attribute.returned == Returned::Never {
            return None;
        }
        let chosen = |sub: &Arc<Attribute>| {
            let target = Target { sub: Some(sub.clone()), ..target.clone() };
            let by_name = matches!(self, Self::Only(_)) && self.names(&target);
            let with_parent = match sub.returned {
                Returned::Always => whole,
                Returned::Default => whole && !(matches!(self, Self::Without(_)) && self.names(&target)),
                Returned::Request | Returned::Never => false,
            };
            sub.returned != Returned::Never && (by_name || with_parent)
        };
        let subs = &attribute.sub_attributes;
        let kept = subs.iter().any(chosen);
        let stays = |sub: &&Arc<Attribute>| sub.returned == Returned::Always || chosen(sub);
        let subs = subs.iter().filter(stays).map(|sub| sub.name.clone()).collect();
        kept.then_some(Kept { name, subs: Some(subs) })
    }

    /// Whether the attribute as a whole is in the answer.
    fn returns(&self, target: &Target) -> bool {
        match (target.attribute.returned, self) {
            (Returned::Never, _) => false,
            (Returned::Always, _) | (Returned::Default, Self::Default) => true,
            (Returned::Default, Self::Only(_)) => self.names(target) || self.names_schema(target),
            (Returned::Default, Self::Without(_)) => !self.names(target) && !self.names_schema(target),
            (Returned::Request, Self::Only(_)) => self.names(target),
            (Returned::Request, Self::Default | Self::Without(_)) => false,
        }
    }

    fn names(&self, wanted: &Target) -> bool {
        self.named().iter().any(|named| matches!(named, Named::Attribute(target) if target == wanted))
    }

    fn names_schema(&self, wanted: &Target) -> bool {
        self.named().iter().any(|named| matches!(named, Named::Schema(urn) if *urn == wanted.extension))
    }

    fn named(&self) -> &[Named] {
        match self {
            Self::Default => &[],
            Self::Only(named) | Self::Without(named) => named,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use serde_json::json;

    use super::*;
    use crate::scim::sample::{ENTERPRISE, USER, user_type};

    fn mara() -> Value {
        json!({
            "schemas": [USER, ENTERPRISE], "id": "7",
            "userName": "mara", "name": {"familyName": "Quill", "givenName": "Mara"},
            "emails": [{"value": "m@x.example", "type": "work"}, {"value": "m@y.example"}],
            "groups": [{"value": "G1", "display": "Sales"}],
            "password": "secret", "badge": "b-1", "unmapped": true,
            ENTERPRISE: {"department": "R&D", "manager": {"value": "9f3c", "displayName": "Ada"}},
        })
    }

    /// The answer without `schemas` and `id`, which every one holds.
    fn answer(attributes: Option<&str>, excluded: Option<&str>) -> Value {
        let mut resource = mara().as_object().unwrap().clone();
        Projection::parse(attributes, excluded, &user_type()).unwrap().apply(&mut resource);
        assert_eq!(resource.shift_remove("schemas"), Some(json!([USER, ENTERPRISE])));
        assert_eq!(resource.shift_remove("id"), Some(json!("7")));
        Value::Object(resource)
    }

    #[test]
    fn without_parameters_the_default() {
        let mut expected = mara();
        for name in ["schemas", "id", "password", "badge", "unmapped"] {
            expected.as_object_mut().unwrap().shift_remove(name);
        }
        assert_eq!(answer(None, None), expected);
        assert_eq!(answer(Some(" , "), Some("")), expected);
        assert_eq!(answer(None, Some("noSuch,id,schemas,password")), expected);
    }

    #[test]
    fn attributes_name_what_is_kept() {
        for (attributes, expected) in [
            ("USERNAME, noSuch", json!({"userName": "mara"})),
            ("noSuch", json!({})),
            ("password,title,unmapped", json!({})),
            ("badge", json!({"badge": "b-1"})),
            ("name.givenName", json!({"name": {"givenName": "Mara"}})),
            ("name", json!({"name": {"familyName": "Quill", "givenName": "Mara"}})),
            ("emails.type", json!({"emails": [{"type": "work"}]})),
            ("emails.primary", json!({})),
            ("groups.display", json!({"groups": [{"value": "G1", "display": "Sales"}]})),
            ("urn:ietf:params:scim:schemas:core:2.0:User:userName", json!({"userName": "mara"})),
            (
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value",
                json!({ENTERPRISE: {"manager": {"value": "9f3c"}}}),
            ),
            (ENTERPRISE, json!({ENTERPRISE: mara()[ENTERPRISE]})),
        ] {
            assert_eq!(answer(Some(attributes), None), expected, "{attributes}");
        }
    }

    #[test]
    fn excluded_attributes_name_what_goes() {
        let all = |change: fn(&mut Value)| {
            let mut expected = answer(None, None);
            change(&mut expected);
            expected
        };
        for (excluded, expected) in [
            ("userName", all(|v| drop(v.as_object_mut().unwrap().shift_remove("userName")))),
            ("name.familyName", all(|v| drop(v["name"].as_object_mut().unwrap().shift_remove("familyName")))),
            ("name.familyName,name.givenName", all(|v| drop(v.as_object_mut().unwrap().shift_remove("name")))),
            ("groups", all(|v| drop(v.as_object_mut().unwrap().shift_remove("groups")))),
            ("groups.value", all(|_| {})),
            ("groups.display", all(|v| v["groups"] = json!([{"value": "G1"}]))),
            (ENTERPRISE, all(|v| drop(v.as_object_mut().unwrap().shift_remove(ENTERPRISE)))),
        ] {
            assert_eq!(answer(None, Some(excluded)), expected, "{excluded}");
        }
    }

    #[test]
    fn both_together_are_refused() {
        let refusal = Projection::parse(Some("id"), Some("name"), &user_type()).unwrap_err();
        assert_eq!(refusal.scim_type, ScimType::InvalidValue);
    }

    #[test]
    fn only_what_is_wanted_need_be_fetched() {
        let user = user_type();
        let projection = Projection::parse(Some("name.givenName,groups.display"), None, &user).unwrap();
        for (path, wanted) in [
            ("id", true),
            ("userName", false),
            ("name", true),
            ("name.givenName", true),
            ("name.familyName", false),
            ("groups.value", true),
            ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department", false),
        ] {
            let Resolution::Offered(target) = user.resolve(&AttrPath::parse(path).unwrap()) else { panic!("{path}") };
            assert_eq!(projection.wants(&target), wanted, "{path}");
        }
    }
}
