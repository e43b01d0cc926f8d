//! Reading what a resource type is, before its lines: name, endpoint, schema and extensions (RFC 7643 §6). Types are read
//! first, all of them, as each may refer to another.

use std::sync::Arc;

use crate::{
    diagnostic::{Faults, Span},
    mapping::Existing,
    scim::{
        published,
        schema::{Extension, ResourceType, Schema},
    },
    yaml::{Fields, Key, Node},
};

use super::schemas::Schemas;

/// A resource type as written: everything its schemas define, and what stands under its name.
pub(super) struct Written<'n> {
    pub all: ResourceType,
    pub span: Span,
    pub node: &'n Node,
}

impl Written<'_> {
    pub(super) fn name(&self) -> &str {
        &self.all.name
    }
}

/// Reads the types.
pub(super) fn types<'n>(entries: &'n [(Key, Node)], schemas: &Schemas, faults: &mut Faults) -> Vec<Written<'n>> {
    let mut read: Vec<Written<'n>> = Vec::new();
    for (key, node) in entries {
        let Some(all) = resource_type(key, node, schemas, faults) else { continue };
        if read.iter().any(|other| other.all.endpoint == all.endpoint) {
            let span = node.get("endpoint").map_or(key.span, |n| n.span);
            faults
                .error(span, "duplicate-name", format!("another resource type stands at `{}`", all.endpoint))
                .help("give each its own `endpoint`");
        }
        read.push(Written { all, span: key.span, node });
    }
    let named =
        |urn: &str| read.iter().any(|w| w.all.schema.id == urn || w.all.extensions.iter().any(|e| e.schema.id == urn));
    if !faults.has_errors() {
        for (span, urn) in schemas.own().filter(|(_, urn)| !named(urn)) {
            faults
                .warning(span, "no-effect", format!("no resource type has the schema `{urn}`"))
                .help("name it as `schema` or under `extensions`, or leave it out");
        }
    }
    read
}

/// The keys read here, for who reads the rest.
pub(super) fn skip(fields: &mut Fields<'_>) {
    for key in ["endpoint", "schema", "extensions"] {
        fields.take(key);
    }
}

fn resource_type(key: &Key, node: &Node, schemas: &Schemas, faults: &mut Faults) -> Option<ResourceType> {
    let known = match key.name.as_str() {
        "User" => Some(published::user()),
        "Group" => Some(published::group()),
        _ => None,
    };
    if !key.name.starts_with(|c: char| c.is_ascii_alphabetic()) || !key.name.chars().all(is_plain) {
        faults
            .error(key.span, "bad-name", format!("`{}` is not the name of a resource type", key.name))
            .help("it begins with a letter and holds letters, digits, `-` and `_`");
    }
    let mut missing = |what: &str, example: &str| {
        faults
            .error(key.span, "missing-key", format!("`{}` needs `{what}`", key.name))
            .help(format!("only User and Group are known by their names; write e.g. `{what}: {example}`"));
    };
    if node.as_map().is_some() && known.is_none() {
        if node.get("schema").is_none() {
            missing("schema", "urn:example:params:scim:schemas:2.0:Badge");
        }
        if node.get("endpoint").is_none() {
            missing("endpoint", "/Badges");
        }
    }
    let schema = match node.get("schema") {
        Some(node) => find(node.text(faults, "`schema`")?, node.span, schemas, faults),
        None => known.cloned(),
    };
    let endpoint = match node.get("endpoint") {
        Some(node) => endpoint(node, faults),
        None => known.map(|_| format!("/{}s", key.name)),
    };
    let extensions = node.get("extensions").map(|n| extensions(n, schemas, faults)).unwrap_or_default();
    let schema = schema?;
    if let (Some(node), true) = (node.get("extensions"), extensions.iter().any(|e| e.schema.id == schema.id)) {
        faults
            .error(node.span, "bad-schema", format!("`{}` extends itself", schema.id))
            .help("an extension has a schema of its own");
    }
    Some(of(&key.name, endpoint?, &schema, extensions))
}

/// The type that has all that its schemas define. Users always have the enterprise extension at hand.
fn of(name: &str, endpoint: String, schema: &Arc<Schema>, mut extensions: Vec<Extension>) -> ResourceType {
    let enterprise = published::enterprise_user();
    if schema.id == published::user().id && !extensions.iter().any(|e| e.schema.id == enterprise.id) {
        extensions.insert(0, Extension { schema: (**enterprise).clone(), required: false });
    }
    let published = std::iter::once(schema.clone()).chain(extensions.iter().map(|e| Arc::new(e.schema.clone())));
    ResourceType {
        name: name.to_owned(),
        endpoint,
        description: schema.description.clone(),
        schema: (**schema).clone(),
        published: published.collect(),
        extensions,
        common: published::common().to_vec(),
    }
}

fn extensions(node: &Node, schemas: &Schemas, faults: &mut Faults) -> Vec<Extension> {
    let mut read: Vec<Extension> = Vec::new();
    for (key, node) in node.entries(faults, "`extensions`").unwrap_or_default() {
        let found = find(&key.name, key.span, schemas, faults);
        let Some(mut fields) = node.map(faults, "an extension") else { continue };
        let required = fields.bool(faults, "required").unwrap_or(false);
        fields.finish(faults);
        let Some(schema) = found else { continue };
        if read.iter().any(|e| e.schema.id == schema.id) {
            faults
                .error(key.span, "duplicate-name", format!("`{}` is named twice", schema.id))
                .help("URNs are the same in any letter case");
            continue;
        }
        read.push(Extension { schema: (*schema).clone(), required });
    }
    read
}

fn find(urn: &str, span: Span, schemas: &Schemas, faults: &mut Faults) -> Option<Arc<Schema>> {
    let found = schemas.find(urn).cloned();
    if found.is_none() {
        let fault = faults.error(span, "unknown-schema", format!("there is no schema `{urn}`"));
        match crate::diagnostic::did_you_mean(urn, schemas.own().map(|(_, urn)| urn)) {
            Some(near) => fault.help(format!("write `{near}`")),
            None => fault.help("declare it under `schemas`"),
        };
    }
    found
}

/// One segment of a path that is nobody else's.
fn endpoint(node: &Node, faults: &mut Faults) -> Option<String> {
    const TAKEN: [&str; 5] = ["ServiceProviderConfig", "ResourceTypes", "Schemas", "Me", "Bulk"];
    let text = node.text(faults, "`endpoint`")?;
    let name = text.strip_prefix('/').unwrap_or_default();
    let version = name.strip_prefix('v').is_some_and(|n| n.starts_with(|c: char| c.is_ascii_digit()));
    if !name.starts_with(|c: char| c.is_ascii_alphabetic()) || !name.chars().all(is_plain) || version {
        faults
            .error(node.span, "bad-endpoint", format!("`{text}` is not an endpoint"))
            .help("write a slash and one name of letters, digits, `-` and `_`: `/Badges`");
        return None;
    }
    if TAKEN.iter().any(|taken| taken.eq_ignore_ascii_case(name)) {
        faults.error(node.span, "bad-endpoint", format!("`{text}` belongs to the protocol")).help("write another name");
        return None;
    }
    Some(text.to_owned())
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '_'
}

/// `existing`: what a create does that meets a record of its name.
///
/// `alive` says why what was deleted cannot come back, and what to do about it.
pub(super) fn existing(
    fields: &mut Fields<'_>,
    kind: &ResourceType,
    alive: Result<(), (String, &'static str)>,
    faults: &mut Faults,
) -> Existing {
    let Some(node) = fields.take("existing") else { return Existing::Refuse };
    let words = [("refuse", Existing::Refuse), ("adopt", Existing::Adopt), ("revive", Existing::Revive)];
    let word = node.choice(faults, "`existing`", &words);
    if let (Some(Existing::Revive), Err((why, help))) = (word, alive) {
        faults.error(node.span, "no-effect", why).help(help);
    }
    if word.is_some_and(|word| word != Existing::Refuse)
        && !kind.schema.attributes.iter().any(|a| a.name == "userName" || a.name == "displayName")
    {
        faults
            .error(
                node.span,
                "no-effect",
                "records are known by `userName` or `displayName`, and this type has neither",
            )
            .help("leave `existing` out");
    }
    word.unwrap_or(Existing::Refuse)
}
