//! The bodies of POST and PUT, read against what is offered: a POST becomes a canonical resource, a PUT a list of changes.

use std::{collections::HashSet, sync::Arc};

use serde_json::{Map, Value, json};

use super::{
    change::{Change, To},
    error::{Refusal, ScimType},
    path::AttrPath,
    profile::Profile,
    resource,
    schema::{Attribute, Mutability, Resolution, ResourceType, Target},
    value::{invalid, read, twice, unfold},
};

/// Reads the body of a POST into a canonical resource: canonical names, extensions under their URN, no readOnly attributes,
/// nothing unassigned (RFC 7644 §3.3).
///
/// # Errors
/// `invalidSyntax` if the body is no such resource, `invalidValue` for wrong, missing or withheld values.
pub fn read_create(
    body: &Value,
    resource_type: &ResourceType,
    profile: &Profile,
) -> Result<Map<String, Value>, Refusal> {
    let mut created = Map::new();
    created.insert("schemas".into(), json!([resource_type.schema.id]));
    for (target, value) in written(body, resource_type, profile, Verb::Create)? {
        if let Some(value) = read(value, target.leaf(), &target.to_string(), profile)? {
            resource::set(&mut created, &target, value);
        }
    }
    check_required(resource_type, |target| resource::get(&created, target).is_some_and(has_content))?;
    Ok(created)
}

/// Reads the body of a PUT as changes (RFC 7644 §3.5.1): what it mentions is set, or unassigned by null or `[]`; what it does
/// not mention stays, down to the sub-attributes of a single complex attribute. A list it mentions is the whole list. Whether
/// an immutable attribute is sent as it was, only its old value can tell.
///
/// # Errors
/// As [`read_create`].
pub fn read_replace(body: &Value, resource_type: &ResourceType, profile: &Profile) -> Result<Vec<Change>, Refusal> {
    let mut changes = Vec::new();
    for (target, value) in written(body, resource_type, profile, Verb::Replace)? {
        let parts = unfold(value, &target, profile)?;
        changes.extend(
            parts.into_iter().map(|(target, value)| Change { target, to: value.map_or(To::Unassigned, To::Value) }),
        );
    }
    check_required(resource_type, |target| {
        changes.iter().any(|change| {
            let same = change.target.extension == target.extension && change.target.attribute == target.attribute;
            same && matches!(&change.to, To::Value(value) if has_content(value))
        })
    })?;
    Ok(changes)
}

/// One entry of a body, with the extension's URN if it stands in one.
pub(super) struct Field<'a> {
    pub(super) urn: Option<&'a str>,
    pub(super) key: &'a str,
    pub(super) value: &'a Value,
}

/// The entries of an object; the object of a schema of this type is opened, and null there stands for null in each attribute.
pub(super) fn fields<'a>(object: &'a Map<String, Value>, resource_type: &'a ResourceType) -> Vec<Field<'a>> {
    let mut fields = Vec::with_capacity(object.len());
    for (key, value) in object {
        let extension = resource_type.extensions.iter().map(|e| &e.schema).find(|s| s.id.eq_ignore_ascii_case(key));
        let published = || resource_type.published.iter().any(|s| s.id.eq_ignore_ascii_case(key));
        match (value, extension) {
            (Value::Object(inner), extension)
                if extension.is_some() || key.eq_ignore_ascii_case(&resource_type.schema.id) || published() =>
            {
                fields.extend(inner.iter().map(|(inner, value)| Field { urn: Some(key), key: inner, value }));
            }
            (Value::Null, Some(schema)) => {
                let written = schema.attributes.iter().filter(|a| a.mutability != Mutability::ReadOnly);
                fields.extend(written.map(|a| Field { urn: Some(key), key: &a.name, value }));
            }
            _ => fields.push(Field { urn: None, key, value }),
        }
    }
    fields
}

/// Passes over an attribute that is not offered, where the profile lets it pass. Never silently: what would leave somebody
/// with access they should not have, or a password that was not set.
///
/// # Errors
/// `invalidValue` if passing over it would be a lie; `otherwise` if the profile does not ignore it.
pub(super) fn pass_over(
    name: &str,
    value: &Value,
    profile: &Profile,
    otherwise: impl FnOnce() -> Refusal,
) -> Result<(), Refusal> {
    let has_items = match value {
        Value::Null => false,
        Value::Array(items) => !items.is_empty(),
        Value::String(text) => !text.is_empty(),
        _ => true,
    };
    let is_false = value == &Value::Bool(false) || value.as_str().is_some_and(|t| t.eq_ignore_ascii_case("false"));
    let says = if name.eq_ignore_ascii_case("active") && is_false {
        "`active` is not offered here, so the account would stay usable; leave `active` out and delete the resource instead"
    } else if name.eq_ignore_ascii_case("password") && has_items {
        "`password` is not offered here, so it would not be set; leave it out"
    } else if name.eq_ignore_ascii_case("members") && has_items {
        "`members` is not offered here, so nobody would be a member; leave it out"
    } else if profile.ignore_unmapped {
        return Ok(());
    } else {
        return Err(otherwise());
    };
    Err(invalid(says.to_owned()))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Create,
    Replace,
}

/// The attributes that a body writes, each once: offered and not readOnly.
fn written<'a>(
    body: &'a Value,
    resource_type: &'a ResourceType,
    profile: &Profile,
    verb: Verb,
) -> Result<Vec<(Target, &'a Value)>, Refusal> {
    let Value::Object(object) = body else {
        return Err(Refusal::new(ScimType::InvalidSyntax, "the body is not a JSON object"));
    };
    check_schemas(object, resource_type, profile)?;
    let mut seen = HashSet::new();
    let mut written = Vec::with_capacity(object.len());
    for Field { urn, key, value } in fields(object, resource_type) {
        let plain = || AttrPath { urn: None, name: key.to_owned(), sub: None };
        let parsed = if profile.dotted_keys { AttrPath::parse(key).ok() } else { None };
        let mut path = parsed.unwrap_or_else(plain);
        if urn.is_some() {
            path.urn = urn.map(str::to_owned);
        }
        let target = match resource_type.resolve(&path) {
            Resolution::Offered(target) | Resolution::NotOffered(target) if is_read_only(&target) => continue,
            Resolution::Offered(target) if target.sub.is_none() || !target.attribute.multi_valued => target,
            // Okta makes one up for every new account, also where passwords are not its business.
            _ if verb == Verb::Create && profile.ignore_unmapped && path.name.eq_ignore_ascii_case("password") => {
                continue;
            }
            _ => {
                let unknown = format!("`{key}` is not an attribute offered here");
                pass_over(&path.name, value, profile, || Refusal::new(ScimType::InvalidSyntax, unknown))?;
                continue;
            }
        };
        if !seen.insert(target.to_string()) {
            return Err(twice(&target.to_string()));
        }
        written.push((target, value));
    }
    Ok(written)
}

pub(super) fn is_read_only(target: &Target) -> bool {
    [&target.attribute, target.leaf()].iter().any(|a| a.mutability == Mutability::ReadOnly)
}

/// RFC 7643 §3: `schemas` names the base schema and extensions of this type. Tolerated: clients that leave it out, and those
/// that add schemas of their own.
fn check_schemas(body: &Map<String, Value>, resource_type: &ResourceType, profile: &Profile) -> Result<(), Refusal> {
    if profile.ignore_unmapped {
        return Ok(());
    }
    let fault = |detail: String| Err(Refusal::new(ScimType::InvalidSyntax, detail));
    let base = &resource_type.schema.id;
    let given = body.iter().find(|(key, _)| key.eq_ignore_ascii_case("schemas")).map(|(_, value)| value);
    let Some(Value::Array(given)) = given else { return fault(format!("`schemas` is missing; it names \"{base}\"")) };
    let mut seen = HashSet::new();
    for urn in given {
        let Some(urn) = urn.as_str().map(str::to_ascii_lowercase) else {
            return fault("`schemas` is a list of texts".to_owned());
        };
        let known = std::iter::once(&resource_type.schema).chain(resource_type.extensions.iter().map(|e| &e.schema));
        if !known.into_iter().any(|schema| schema.id.eq_ignore_ascii_case(&urn)) {
            return fault(format!("`schemas` names \"{urn}\", which a {} does not have", resource_type.name));
        }
        if !seen.insert(urn) {
            return fault("`schemas` names a schema twice".to_owned());
        }
    }
    if !seen.contains(&base.to_ascii_lowercase()) {
        return fault(format!("`schemas` does not name \"{base}\""));
    }
    Ok(())
}

/// Every required attribute has content, and every required extension is there.
fn check_required(resource_type: &ResourceType, has: impl Fn(&Target) -> bool) -> Result<(), Refusal> {
    let target = |extension: Option<&str>, attribute: &Arc<Attribute>| Target {
        extension: extension.map(Into::into),
        attribute: attribute.clone(),
        sub: None,
    };
    let base = resource_type.common.iter().chain(&resource_type.schema.attributes).map(|a| target(None, a));
    for target in base.filter(is_asked) {
        if !has(&target) {
            return Err(invalid(format!("`{target}` is required and must not be empty")));
        }
    }
    for extension in &resource_type.extensions {
        let urn = &extension.schema.id;
        let mut all = extension.schema.attributes.iter().map(|a| target(Some(urn), a));
        let present = all.clone().any(|target| has(&target));
        if extension.required && !present {
            return Err(invalid(format!("the extension \"{urn}\" is required")));
        }
        if let Some(missing) = all.find(|t| present && is_asked(t) && !has(t)) {
            return Err(invalid(format!("`{missing}` is required and must not be empty")));
        }
    }
    Ok(())
}

fn is_asked(target: &Target) -> bool {
    target.attribute.required && target.attribute.mutability != Mutability::ReadOnly
}

/// A required text must hold something (RFC 7643 §4.1.1 on `userName`).
pub(super) fn has_content(value: &Value) -> bool {
    value.as_str().is_none_or(|text| !text.trim().is_empty())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::scim::published;

    const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
    const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

    fn user() -> ResourceType {
        published::resource_type("User")
    }

    /// A type that maps no more than `userName`.
    fn small(name: &str) -> ResourceType {
        let whole = published::resource_type(name);
        let schema = whole.schema.keep(|a, _| a.required);
        ResourceType { schema, extensions: vec![], ..whole }
    }

    #[test]
    fn a_post_becomes_canonical() {
        let body = json!({
            "schemas": [USER, ENTERPRISE], "id": "mine", "meta": {"resourceType": "User"}, "USERNAME": "mara", "groups": [],
            "name": {"GivenName": "Mara", "familyName": null}, "emails": [], "nickName": null,
            ENTERPRISE: {"Department": "Ops", "manager": {"value": "u-9", "displayName": "Nine"}}
        });
        let expected = json!({
            "schemas": [USER, ENTERPRISE], "userName": "mara", "name": {"givenName": "Mara"},
            ENTERPRISE: {"department": "Ops", "manager": {"value": "u-9"}}
        });
        for profile in Profile::ALL {
            assert_eq!(read_create(&body, &user(), &profile).map(Value::Object), Ok(expected.clone()));
        }
    }

    #[test]
    fn what_entra_sends() {
        let body = json!({
            "schemas": [USER, "http://schemas.example/ADSCIM/2.0/User", "urn:ietf:params:scim:schemas:extension:enterprise:2.0User"],
            "userName": "mara", "active": "True", "roles": [], ENTERPRISE: {"manager": "u-9"}, "colour": "red",
            "urn:ietf:params:scim:schemas:core:2.0:User:displayName": "Mara", "name.givenName": "Mara"
        });
        let expected = json!({
            "schemas": [USER, ENTERPRISE], "userName": "mara", "active": true, ENTERPRISE: {"manager": {"value": "u-9"}},
            "displayName": "Mara", "name": {"givenName": "Mara"}
        });
        assert_eq!(read_create(&body, &user(), &Profile::TOLERANT).map(Value::Object), Ok(expected));
        assert!(read_create(&body, &user(), &Profile::STRICT).is_err());
    }

    #[test]
    fn refused_posts() {
        let cases = [
            (json!([]), "invalidSyntax: the body"),
            (json!({"schemas": [USER]}), "invalidValue: `userName` is required"),
            (json!({"schemas": [USER], "userName": " "}), "invalidValue: `userName` is required"),
            (json!({"schemas": [USER], "userName": "a", "UserName": "b"}), "invalidSyntax: `userName` is given twice"),
            (json!({"schemas": [USER], "userName": 7}), "invalidValue: `userName` must be a text; found a number"),
            (json!({"schemas": [USER], "userName": "a", ENTERPRISE: {"manager": 7}}), "invalidValue: `urn:"),
            (json!({"userName": "a"}), "invalidSyntax: `schemas` is missing"),
            (json!({"schemas": [ENTERPRISE], "userName": "a"}), "invalidSyntax: `schemas` does not name"),
            (json!({"schemas": [USER, USER], "userName": "a"}), "invalidSyntax: `schemas` names a schema twice"),
            (json!({"schemas": [USER, "urn:x:y"], "userName": "a"}), "invalidSyntax: `schemas` names"),
            (json!({"schemas": [USER], "userName": "a", "colour": "red"}), "invalidSyntax: `colour` is not"),
        ];
        for (body, start) in cases {
            let refusal = read_create(&body, &user(), &Profile::STRICT).expect_err(start).to_string();
            assert!(refusal.starts_with(start), "{body}: {refusal}");
        }
    }

    #[test]
    fn what_is_not_offered_is_ignored_unless_that_would_be_a_lie() {
        let harmless = [
            json!({"active": true}),
            json!({"password": ""}),
            json!({"nickName": "Mo"}),
            json!({"roles": [{"value": "r"}]}),
        ];
        for mut body in harmless {
            body["userName"] = json!("mara");
            assert!(read_create(&body, &small("User"), &Profile::TOLERANT).is_ok(), "{body}");
            assert!(read_replace(&body, &small("User"), &Profile::TOLERANT).is_ok(), "{body}");
            assert!(read_create(&body, &small("User"), &Profile::STRICT).is_err(), "{body}");
        }
        let lies = [
            json!({"active": false}),
            json!({"ACTIVE": "False"}),
            json!({USER: {"active": false}}),
            json!({"urn:ietf:params:scim:schemas:core:2.0:User:active": false}),
        ];
        for mut body in lies {
            body["userName"] = json!("mara");
            for read in [
                read_create(&body, &small("User"), &Profile::TOLERANT).map(|_| ()),
                read_replace(&body, &small("User"), &Profile::TOLERANT).map(|_| ()),
            ] {
                assert_eq!(read.expect_err(&body.to_string()).scim_type, ScimType::InvalidValue);
            }
        }
        let with_password = json!({"userName": "mara", "password": "x"});
        assert!(
            read_create(&with_password, &small("User"), &Profile::TOLERANT).is_ok(),
            "a new account has no old password"
        );
        assert!(read_create(&with_password, &small("User"), &Profile::STRICT).is_err());
        assert!(read_replace(&with_password, &small("User"), &Profile::TOLERANT).is_err());
        let group = |members: Value| json!({"displayName": "Ops", "members": members});
        assert!(read_create(&group(json!([])), &small("Group"), &Profile::TOLERANT).is_ok());
        assert!(read_create(&group(json!([{"value": "u"}])), &small("Group"), &Profile::TOLERANT).is_err());
    }

    #[test]
    fn a_put_changes_what_it_mentions() {
        let body = json!({
            "schemas": [USER], "id": "7", "userName": "mara", "nickName": null, "emails": [], "groups": [],
            "name": {"familyName": "Stone", "middleName": null}, "phoneNumbers": [{"value": "1"}], ENTERPRISE: {"manager": null}
        });
        let changes: Vec<String> = read_replace(&body, &user(), &Profile::STRICT)
            .unwrap()
            .iter()
            .map(|change| match &change.to {
                To::Value(value) => format!("{}={value}", change.target),
                To::Unassigned => format!("{}-", change.target),
                To::Delta { .. } => panic!("a delta"),
            })
            .collect();
        let manager = |sub: &str| format!("{ENTERPRISE}:manager.{sub}-");
        let expected = [
            "userName=\"mara\"",
            "nickName-",
            "emails-",
            "name.familyName=\"Stone\"",
            "name.middleName-",
            "phoneNumbers=[{\"value\":\"1\"}]",
            &manager("value"),
            &manager("$ref"),
        ];
        assert_eq!(changes, expected);
        let without = read_replace(&json!({"schemas": [USER], "title": "x"}), &user(), &Profile::TOLERANT);
        assert_eq!(without.unwrap_err().scim_type, ScimType::InvalidValue);
    }
}
