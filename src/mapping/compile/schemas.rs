//! Reading schemas that a mapping declares for itself, in the words of RFC 7643 §7: what may be written of an attribute,
//! and what contradicts itself.

use std::sync::Arc;

use crate::{
    diagnostic::{Faults, Span},
    scim::{
        path::AttrPath,
        published,
        schema::{Attribute, Mutability, Returned, Schema, Type, Uniqueness},
    },
    yaml::{Fields, Key, Node},
};

/// Names that every resource has (RFC 7643 §3.1).
const COMMON: [&str; 4] = ["schemas", "id", "externalId", "meta"];

/// Words of a list's own line, which a sub-attribute of that name would be taken for.
const WORDS: [&str; 19] = [
    "table", "link", "key", "where", "insert", "of", "at", "each", "add", "remove", "batch", "unique", "case", "fold",
    "access", "required", "empty", "default", "column",
];

/// The schemas that resource types may name: those of the mapping and those of RFC 7643.
pub(super) struct Schemas {
    own: Vec<(Span, Arc<Schema>)>,
}

impl Schemas {
    /// Reads `schemas`.
    pub(super) fn read(entries: &[(Key, Node)], faults: &mut Faults) -> Self {
        let mut own: Vec<(Span, Arc<Schema>)> = Vec::new();
        for (key, node) in entries {
            if !is_urn(&key.name) {
                faults
                    .error(key.span, "bad-schema", format!("`{}` is not a URN", key.name))
                    .help("write one of your own, such as `urn:example:params:scim:schemas:2.0:Badge`");
            } else if published::all().iter().any(|s| s.id.eq_ignore_ascii_case(&key.name)) {
                faults
                    .error(key.span, "bad-schema", format!("`{}` is a schema of RFC 7643", key.name))
                    .help("leave it out: its attributes are known; a schema of your own has a URN of its own");
            } else if own.iter().any(|(_, s)| s.id.eq_ignore_ascii_case(&key.name)) {
                faults
                    .error(key.span, "duplicate-name", format!("`{}` is declared twice", key.name))
                    .help("URNs are the same in any letter case");
            }
            own.extend(schema(key, node, faults).map(|schema| (key.span, Arc::new(schema))));
        }
        Self { own }
    }

    /// The schema of that URN, in any letter case.
    pub(super) fn find(&self, urn: &str) -> Option<&Arc<Schema>> {
        let mut all = self.own.iter().map(|(_, schema)| schema).chain(published::all());
        all.find(|schema| schema.id.eq_ignore_ascii_case(urn))
    }

    /// The URNs of the mapping's own schemas and their places.
    pub(super) fn own(&self) -> impl Iterator<Item = (Span, &str)> {
        self.own.iter().map(|(span, schema)| (*span, schema.id.as_str()))
    }
}

fn is_urn(text: &str) -> bool {
    let urn = text.get(..4).is_some_and(|front| front.eq_ignore_ascii_case("urn:")) && !text.ends_with(':');
    urn && AttrPath::parse(&format!("{text}:a")).is_ok_and(|path| path.urn.as_deref() == Some(text))
}

fn schema(key: &Key, node: &Node, faults: &mut Faults) -> Option<Schema> {
    let mut fields = node.map(faults, "a schema")?;
    let name = fields.text(faults, "name").or_else(|| key.name.rsplit(':').next());
    let description = fields.text(faults, "description").unwrap_or_default();
    let attributes = fields.required(faults, "attributes").and_then(|n| n.list(faults, "`attributes`"));
    fields.finish(faults);
    let attributes = attributes.map(|nodes| list(nodes, None, faults)).unwrap_or_default();
    Some(Schema {
        id: key.name.clone(),
        name: name.unwrap_or_default().to_owned(),
        description: description.to_owned(),
        attributes,
    })
}

/// Reads a list of definitions; `parent` is the attribute whose sub-attributes they are.
fn list(nodes: &[Node], parent: Option<&Parent<'_>>, faults: &mut Faults) -> Vec<Arc<Attribute>> {
    let mut read: Vec<Arc<Attribute>> = Vec::new();
    for node in nodes {
        let Some(made) = attribute(node, parent, faults) else { continue };
        if read.iter().any(|a| a.name.eq_ignore_ascii_case(&made.name)) {
            let span = node.get("name").map_or(node.span, |n| n.span);
            faults
                .error(span, "duplicate-name", format!("`{}` is defined twice", made.name))
                .help("names are the same in any letter case");
            continue;
        }
        read.push(Arc::new(made));
    }
    read
}

/// The attribute around a sub-attribute.
struct Parent<'a> {
    name: &'a str,
    multi_valued: bool,
}

fn attribute(node: &Node, parent: Option<&Parent<'_>>, faults: &mut Faults) -> Option<Attribute> {
    let mut fields = node.map(faults, "an attribute")?;
    let name = fields.required(faults, "name").and_then(|n| named(n, parent, faults));
    let types = [
        ("string", Type::String),
        ("boolean", Type::Boolean),
        ("decimal", Type::Decimal),
        ("integer", Type::Integer),
        ("dateTime", Type::DateTime),
        ("binary", Type::Binary),
        ("reference", Type::Reference),
        ("complex", Type::Complex),
    ];
    let kind = fields.choice(faults, "type", &types).unwrap_or_default();
    let multi_valued = fields.bool(faults, "multiValued").unwrap_or(false);
    let nested = subs(&mut fields, name, kind, multi_valued, parent, faults);
    let (mutability, returned) = shown(&mut fields, faults);
    let made = Attribute {
        name: name.unwrap_or_default().to_owned(),
        kind,
        multi_valued,
        description: fields.text(faults, "description").unwrap_or_default().to_owned(),
        required: fields.bool(faults, "required").unwrap_or(false),
        canonical_values: texts(&mut fields, "canonicalValues", faults),
        // References and base64 differ by letter case (RFC 7643 §2.3.6, §2.3.7).
        case_exact: fields.bool(faults, "caseExact").unwrap_or(matches!(kind, Type::Reference | Type::Binary)),
        mutability,
        returned,
        uniqueness: fields
            .choice(
                faults,
                "uniqueness",
                &[("none", Uniqueness::None), ("server", Uniqueness::Server), ("global", Uniqueness::Global)],
            )
            .unwrap_or_default(),
        reference_types: texts(&mut fields, "referenceTypes", faults),
        sub_attributes: nested,
    };
    fields.finish(faults);
    name.map(|_| made)
}

/// A name of RFC 7643 §2.1 that nothing else has.
fn named<'n>(node: &'n Node, parent: Option<&Parent<'_>>, faults: &mut Faults) -> Option<&'n str> {
    let name = node.text(faults, "`name`")?;
    let reads = AttrPath::parse(name).is_ok_and(|path| path.urn.is_none() && path.sub.is_none());
    if !reads {
        faults
            .error(node.span, "bad-name", format!("`{name}` is not the name of an attribute"))
            .help("it begins with a letter and holds letters, digits, `-` and `_`");
        return None;
    }
    match parent {
        None if COMMON.iter().any(|common| common.eq_ignore_ascii_case(name)) => {
            faults
                .error(node.span, "bad-name", format!("every resource has `{name}` already"))
                .help("leave it out, or give the attribute another name");
        }
        Some(parent) if parent.multi_valued && WORDS.contains(&name) => {
            faults.not_supported(
                node.span,
                &format!("items with a sub-attribute named like a word of a line (`{name}`)"),
            );
        }
        _ => {}
    }
    Some(name)
}

fn subs(
    fields: &mut Fields<'_>,
    name: Option<&str>,
    kind: Type,
    multi_valued: bool,
    parent: Option<&Parent<'_>>,
    faults: &mut Faults,
) -> Vec<Arc<Attribute>> {
    let name = name.unwrap_or("this");
    let written = fields.take_entry("subAttributes");
    if let Some(parent) = parent {
        if kind == Type::Complex {
            faults
                .error(
                    fields.span(),
                    "bad-schema",
                    format!("`{}.{name}` is complex inside a complex attribute", parent.name),
                )
                .help("sub-attributes are simple (RFC 7643 §2.3.8)");
            return Vec::new();
        }
        if multi_valued {
            faults.not_supported(fields.span(), &format!("sub-attributes that are lists (`{}.{name}`)", parent.name));
        }
    }
    match written {
        Some((key, _)) if kind != Type::Complex => {
            faults
                .error(key.span, "bad-schema", format!("`{name}` is not complex, so it has no sub-attributes"))
                .help("write `type: complex`, or leave them out");
            Vec::new()
        }
        None if kind != Type::Complex => Vec::new(),
        Some((_, node)) if node.as_list().is_none_or(|nodes| !nodes.is_empty()) => {
            let nodes = node.list(faults, "`subAttributes`").unwrap_or_default();
            list(nodes, Some(&Parent { name, multi_valued }), faults)
        }
        _ => {
            faults
                .error(fields.span(), "missing-key", format!("`{name}` is complex and needs `subAttributes`"))
                .help("write them, as in `subAttributes: [{ name: value, type: string }]`");
            Vec::new()
        }
    }
}

/// When the attribute is written and shown. What is written only is shown never (RFC 7643 §7).
fn shown(fields: &mut Fields<'_>, faults: &mut Faults) -> (Mutability, Returned) {
    let words = [
        ("readOnly", Mutability::ReadOnly),
        ("readWrite", Mutability::ReadWrite),
        ("immutable", Mutability::Immutable),
        ("writeOnly", Mutability::WriteOnly),
    ];
    let mutability = fields.choice(faults, "mutability", &words).unwrap_or_default();
    let words = [
        ("always", Returned::Always),
        ("never", Returned::Never),
        ("default", Returned::Default),
        ("request", Returned::Request),
    ];
    let written = fields.take("returned");
    let returned = written.and_then(|n| n.choice(faults, "`returned`", &words));
    if let (Mutability::WriteOnly, Some(_), Some(node)) =
        (mutability, returned.filter(|r| *r != Returned::Never), written)
    {
        faults
            .error(node.span, "bad-schema", "what can only be written is never returned")
            .help("write `returned: never`, or leave it out");
    }
    let silent = if mutability == Mutability::WriteOnly { Returned::Never } else { Returned::Default };
    (mutability, returned.unwrap_or(silent))
}

fn texts(fields: &mut Fields<'_>, key: &'static str, faults: &mut Faults) -> Vec<String> {
    let nodes = fields.list(faults, key);
    nodes.iter().filter_map(|n| n.text(faults, &format!("a value of `{key}`")).map(str::to_owned)).collect()
}
