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
    for (target, value) in written(body, resource_type, profile)? {
        if let Some(value) = read(value, &target.attribute, &target.to_string(), profile)? {
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
    for (target, value) in written(body, resource_type, profile)? {
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
                fields.extend(schema.attributes.iter().map(|a| Field { urn: Some(key), key: &a.name, value }));
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

/// The attributes that a body writes, each once: offered and not readOnly.
fn written<'a>(
    body: &'a Value,
    resource_type: &'a ResourceType,
    profile: &Profile,
) -> Result<Vec<(Target, &'a Value)>, Refusal> {
    let Value::Object(object) = body else {
        return Err(Refusal::new(ScimType::InvalidSyntax, "the body is not a JSON object"));
    };
    check_schemas(object, resource_type, profile)?;
    let mut seen = HashSet::new();
    let mut written = Vec::with_capacity(object.len());
    for Field { urn, key, value } in fields(object, resource_type) {
        let path = AttrPath { urn: urn.map(str::to_owned), name: key.to_owned(), sub: None };
        let target = match resource_type.resolve(&path) {
            Resolution::Offered(target) if target.attribute.mutability == Mutability::ReadOnly => continue,
            Resolution::Offered(target) => target,
            Resolution::NotOffered(target) if target.attribute.mutability == Mutability::ReadOnly => continue,
            Resolution::NotOffered(_) | Resolution::Unknown => {
                let unknown =
                    || Refusal::new(ScimType::InvalidSyntax, format!("`{key}` is not an attribute offered here"));
                pass_over(key, value, profile, unknown)?;
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
