//! Which attribute the key of a line names: `userName`, `enterprise:department`, `emails[type eq "work"].value`.

use std::{borrow::Cow, sync::Arc};

use serde_json::Value as Json;

use crate::{
    diagnostic::{Faults, did_you_mean},
    scim::{
        filter::{CompareOp, Filter},
        path::PatchPath,
        profile::Profile,
        published,
        schema::{Attribute, Resolution, ResourceType, Target},
    },
    yaml::{Key, Node},
};

use super::codec::constant_suits;

/// The key of a line, looked up.
pub(super) struct Named {
    pub target: Target,
    /// Of `emails[type eq "work"].value`: what tells the item, and the sub-attribute.
    pub item: Option<(Vec<(String, Json)>, String)>,
}

impl Named {
    /// What one value of the line is: of a list, its items' `value`.
    pub(super) fn leaf(&self) -> &Attribute {
        let sub = match &self.item {
            Some((_, sub)) => Some(sub.as_str()),
            None if self.target.sub.is_none() && self.target.attribute.multi_valued => Some("value"),
            None => None,
        };
        sub.and_then(|sub| self.target.attribute.sub(sub)).unwrap_or(self.target.leaf())
    }
}

/// Finds the attribute that a key names; `enterprise:` stands for the enterprise extension's URN.
pub(super) fn named(key: &Key, all: &ResourceType, faults: &mut Faults) -> Option<Named> {
    let text: Cow<'_, str> = match key.name.strip_prefix("enterprise:") {
        Some(rest) => format!("{}:{rest}", published::enterprise_user().id).into(),
        None => key.name.as_str().into(),
    };
    let path = match PatchPath::parse(&text, &Profile::STRICT) {
        Ok(path) => path,
        Err(refusal) => {
            faults.error(key.span, "bad-attribute", refusal.detail);
            return None;
        }
    };
    let Resolution::Offered(target) = all.resolve(&path.attr) else {
        let message = format!("`{}` is not an attribute of {}", key.name, all.name);
        let names = all_names(all);
        let fault = faults.error(key.span, "unknown-attribute", message);
        match did_you_mean(&key.name, names.iter().map(String::as_str)) {
            Some(near) => fault.help(format!("write `{near}`")),
            None if path.attr.urn.is_some() => {
                fault.help("declare the schema under `schemas` and name it under `extensions` of the type")
            }
            None => {
                let front = format!("{}.", path.attr.name);
                let parts: Vec<&str> = names.iter().map(String::as_str).filter(|n| n.starts_with(&front)).collect();
                match parts.as_slice() {
                    [] if published::all().iter().any(|s| s.id == all.schema.id) => {
                        fault.help("the names are those of RFC 7643: `userName`, `name.familyName`, `emails`, `active`")
                    }
                    [] => fault.help(format!("`{}` does not define it", all.schema.id)),
                    parts => fault.help(format!("it has {}", parts.join(", "))),
                }
            }
        };
        return None;
    };
    if target.to_string() == "id" || target.to_string() == "schemas" {
        faults
            .error(key.span, "bad-attribute", format!("`{target}` is not written as a line"))
            .help("the id stands as `id:` (or `key:`) beside `attributes`");
        return None;
    }
    if target.attribute.name == "meta"
        && target.sub.as_ref().is_some_and(|s| matches!(s.name.as_str(), "resourceType" | "location" | "version"))
    {
        faults
            .error(key.span, "bad-attribute", format!("`{target}` is made by the gateway"))
            .help("leave the line out");
        return None;
    }
    let item = match (path.filter, path.sub) {
        (None, _) => None,
        (Some(_), _) if !target.attribute.multi_valued => {
            faults
                .error(
                    key.span,
                    "bad-attribute",
                    format!("`{target}` is not a list, so it has no items to choose from"),
                )
                .help(format!("write `{target}` without brackets"));
            return None;
        }
        (Some(filter), Some(sub)) => {
            let sub = known_sub(&target.attribute, &sub, key, faults)?;
            Some((constants(&filter, &target.attribute, key, faults)?, sub))
        }
        (Some(_), None) => {
            faults
                .error(key.span, "bad-attribute", format!("`{}` names no sub-attribute", key.name))
                .help(format!("write `{}.value`", key.name));
            return None;
        }
    };
    Some(Named { target, item })
}

/// `type eq "work" and primary eq true`, and nothing else.
fn constants(filter: &Filter, list: &Attribute, key: &Key, faults: &mut Faults) -> Option<Vec<(String, Json)>> {
    match filter {
        Filter::Compare { path, op: CompareOp::Equal, value } => {
            let name = known_sub(list, &path.name, key, faults)?;
            let suits = constant_suits(value, list.sub(&name)?, key.span, faults);
            suits.then(|| vec![(name, value.clone())])
        }
        Filter::And(left, right) => {
            let mut both = constants(left, list, key, faults)?;
            both.extend(constants(right, list, key, faults)?);
            Some(both)
        }
        _ => {
            faults
                .error(key.span, "bad-attribute", "an item is told by `eq` alone")
                .help("write e.g. `emails[type eq \"work\"].value`");
            None
        }
    }
}

fn known_sub(list: &Attribute, name: &str, key: &Key, faults: &mut Faults) -> Option<String> {
    let found = list.sub(name).map(|s| s.name.clone());
    if found.is_none() {
        let subs: Vec<&str> = list.sub_attributes.iter().map(|s| s.name.as_str()).collect();
        faults
            .error(key.span, "unknown-attribute", format!("`{}` has no `{name}`", list.name))
            .help(format!("it has {}", subs.join(", ")));
    }
    found
}

fn all_names(all: &ResourceType) -> Vec<String> {
    let mut names = Vec::new();
    let prefix = |urn: &str| match urn == published::enterprise_user().id {
        true => "enterprise:".to_owned(),
        false => format!("{urn}:"),
    };
    let extensions = all.extensions.iter().flat_map(|e| e.schema.attributes.iter().map(|a| (prefix(&e.schema.id), a)));
    let base = all.common.iter().chain(&all.schema.attributes).map(|a| (String::new(), a));
    for (prefix, attribute) in base.chain(extensions) {
        names.push(format!("{prefix}{}", attribute.name));
        names.extend(attribute.sub_attributes.iter().map(|s| format!("{prefix}{}.{}", attribute.name, s.name)));
    }
    names
}

/// Finds a published attribute by its name alone.
pub(super) fn published_target(all: &ResourceType, name: &str) -> Option<Target> {
    let attribute = all.schema.attributes.iter().find(|a| a.name == name)?;
    Some(Target { extension: None, attribute: Arc::clone(attribute), sub: None })
}

/// One of the attributes that `over` or `gives` names.
pub(super) fn attribute(node: &Node, kind: &ResourceType, faults: &mut Faults) -> Option<Target> {
    let text = node.text(faults, "an attribute")?;
    let found = match Filter::parse(&format!("{} pr", in_full(text)), &Profile::STRICT) {
        Ok(Filter::Present(path)) => kind.resolve(&path),
        _ => Resolution::Unknown,
    };
    match found {
        Resolution::Offered(target) => Some(target),
        _ => {
            faults
                .error(node.span, "unknown-attribute", format!("`{text}` is not an attribute with a line"))
                .help("name what `attributes` has");
            None
        }
    }
}

/// `enterprise:` stands for the enterprise extension's URN.
pub(super) fn in_full(text: &str) -> String {
    match text.strip_prefix("enterprise:") {
        Some(rest) => format!("{}:{rest}", published::enterprise_user().id),
        None => text.to_owned(),
    }
}
