//! Attributes, schemas and resource types (RFC 7643 §2, §6, §7), and how a written path finds its attribute.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use serde_json::Value;

use super::{fold::eq_fold, path::AttrPath};

/// The data types of RFC 7643 §2.3.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Type {
    /// UTF-8 text.
    #[default]
    String,
    /// `true` or `false`.
    Boolean,
    /// A number with at least one digit on each side of the period.
    Decimal,
    /// A whole number.
    Integer,
    /// An `xsd:dateTime`.
    DateTime,
    /// Base64 text.
    Binary,
    /// A URI, or the id of another resource.
    Reference,
    /// A set of sub-attributes.
    Complex,
}

/// When a value may be written (RFC 7643 §7).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Mutability {
    /// Never by a client.
    ReadOnly,
    /// Always.
    #[default]
    ReadWrite,
    /// At creation, or while it has no value.
    Immutable,
    /// Written, never read.
    WriteOnly,
}

/// When a value is returned (RFC 7643 §7).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Returned {
    /// Whatever the projection says.
    Always,
    /// In no answer.
    Never,
    /// Unless excluded.
    #[default]
    Default,
    /// Only when asked for by name.
    Request,
}

/// Whether two resources may hold the same value (RFC 7643 §7).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Uniqueness {
    /// They may.
    #[default]
    None,
    /// Not within this service.
    Server,
    /// Not anywhere.
    Global,
}

/// One attribute definition (RFC 7643 §7). Its JSON form is the one of `/Schemas`; read, a key left out has the default
/// of RFC 7643 §2.2.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Attribute {
    /// The name in its canonical letter case.
    pub name: String,
    /// The data type.
    #[serde(rename = "type", default)]
    pub kind: Type,
    /// Whether it holds a list.
    #[serde(default)]
    pub multi_valued: bool,
    /// A sentence for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Whether a resource must have it.
    #[serde(default)]
    pub required: bool,
    /// Suggested values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub canonical_values: Vec<String>,
    /// Whether `A` and `a` differ.
    #[serde(default)]
    pub case_exact: bool,
    /// When it may be written.
    #[serde(default)]
    pub mutability: Mutability,
    /// When it is returned.
    #[serde(default)]
    pub returned: Returned,
    /// Whether it is unique.
    #[serde(default)]
    pub uniqueness: Uniqueness,
    /// What a reference may point to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reference_types: Vec<String>,
    /// Of a complex attribute.
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "shared")]
    pub sub_attributes: Vec<Arc<Attribute>>,
}

impl Attribute {
    /// The sub-attribute of that name, in any letter case.
    #[must_use]
    pub fn sub(&self, name: &str) -> Option<&Arc<Attribute>> {
        self.sub_attributes.iter().find(|a| a.name.eq_ignore_ascii_case(name))
    }

    /// What one value is, in a list of them: its items' `value`, or the attribute itself.
    #[must_use]
    pub fn item(&self) -> &Attribute {
        self.sub("value").map_or(self, AsRef::as_ref)
    }

    /// Whether two values are one: in another letter case they are, where that does not matter (RFC 7643 §2.2).
    #[must_use]
    pub fn is_same(&self, a: &Value, b: &Value) -> bool {
        match (a, b) {
            (Value::String(a), Value::String(b)) if !self.case_exact => eq_fold(a, b),
            _ => a == b,
        }
    }

    /// Whether each item of the list is told from the others by a `value` that stays the same, compared letter by letter,
    /// as a group's members are: such a list can be changed by what goes in and out of it.
    #[must_use]
    pub fn is_keyed(&self) -> bool {
        self.multi_valued
            && self.sub("value").is_some_and(|value| {
                value.mutability == Mutability::Immutable
                    && value.case_exact
                    && matches!(value.kind, Type::String | Type::Reference)
            })
    }
}

/// The JSON form of a list of definitions that others share.
mod shared {
    use super::{Arc, Attribute, Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(list: &[Arc<Attribute>], out: S) -> Result<S::Ok, S::Error> {
        out.collect_seq(list.iter().map(Arc::as_ref))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Arc<Attribute>>, D::Error> {
        Ok(Vec::<Attribute>::deserialize(from)?.into_iter().map(Arc::new).collect())
    }
}

/// A schema: a URN and its attributes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Schema {
    /// The URN.
    pub id: String,
    /// The name for people.
    pub name: String,
    /// A sentence for people.
    pub description: String,
    /// Its attributes.
    #[serde(with = "shared")]
    pub attributes: Vec<Arc<Attribute>>,
}

impl Schema {
    /// The same schema with only those attributes, and those of their sub-attributes, that `keep` says yes to.
    /// `keep` is asked about an attribute first (without a sub-attribute), then about each of its sub-attributes.
    #[must_use]
    pub fn keep(&self, keep: impl Fn(&Attribute, Option<&Attribute>) -> bool) -> Self {
        let pruned = |attribute: &Arc<Attribute>| {
            let mut subs = attribute.sub_attributes.clone();
            subs.retain(|sub| keep(attribute, Some(sub)));
            if subs.len() == attribute.sub_attributes.len() {
                return attribute.clone();
            }
            Arc::new(Attribute { sub_attributes: subs, ..attribute.as_ref().clone() })
        };
        let attributes = self.attributes.iter().filter(|a| keep(a, None)).map(pruned).collect();
        Self { attributes, ..self.clone() }
    }
}

/// An extension of a resource type (RFC 7643 §3.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extension {
    /// Its schema, holding what is offered.
    pub schema: Schema,
    /// Whether every resource must have it.
    pub required: bool,
}

/// A resource type as this gateway offers it: only what the mapping maps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceType {
    /// Its name, which is also its id: `User`.
    pub name: String,
    /// Below the base URI, with its slash: `/Users`.
    pub endpoint: String,
    /// A sentence for people.
    pub description: String,
    /// The base schema, holding what is offered.
    pub schema: Schema,
    /// The extensions, in the order of the mapping.
    pub extensions: Vec<Extension>,
    /// The common attributes offered (RFC 7643 §3.1): `schemas`, `id`, `meta`, and `externalId` where it is mapped.
    pub common: Vec<Arc<Attribute>>,
    /// Published schemas in full, to tell an attribute that is not offered from one that does not exist.
    pub published: Vec<Arc<Schema>>,
}

/// An attribute found: the answer to a written path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The extension's URN; none for the base schema and the common attributes.
    pub extension: Option<Arc<str>>,
    /// The attribute.
    pub attribute: Arc<Attribute>,
    /// The sub-attribute, where the path names one.
    pub sub: Option<Arc<Attribute>>,
}

impl Target {
    /// Whether whoever writes this writes `other` too, or a part of it.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        let same = self.extension == other.extension && self.attribute.name == other.attribute.name;
        same && match (&self.sub, &other.sub) {
            (Some(mine), Some(other)) => mine.name == other.name,
            _ => true,
        }
    }

    /// Whether both name the same attribute, whatever of it is offered.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        self.covers(other) && other.covers(self)
    }

    /// Whether both are compared as the same: a list stands for its values.
    #[must_use]
    pub fn compares_as(&self, other: &Self) -> bool {
        let sub = |target: &Self| {
            let sub = target.sub.as_ref().map(|s| s.name.clone());
            if target.attribute.multi_valued { sub.or_else(|| Some("value".to_owned())) } else { sub }
        };
        self.extension == other.extension && self.attribute.name == other.attribute.name && sub(self) == sub(other)
    }

    /// The definition that the path ends at: the sub-attribute if there is one.
    #[must_use]
    pub fn leaf(&self) -> &Arc<Attribute> {
        self.sub.as_ref().unwrap_or(&self.attribute)
    }
}

/// The canonical spelling: `userName`, `name.givenName`, `urn:…:User:department`.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(urn) = &self.extension {
            write!(f, "{urn}:")?;
        }
        f.write_str(&self.attribute.name)?;
        match &self.sub {
            Some(sub) => write!(f, ".{}", sub.name),
            None => Ok(()),
        }
    }
}

/// What a written path stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// An attribute that is offered.
    Offered(Target),
    /// An attribute of a published schema that the mapping does not map.
    NotOffered(Target),
    /// Nothing.
    Unknown,
}

impl ResourceType {
    /// Finds what a path names, in any letter case, with or without the schema's URN (RFC 7644 §3.10).
    #[must_use]
    pub fn resolve(&self, path: &AttrPath) -> Resolution {
        let offered = match &path.urn {
            None => find(None, &self.common, path).or_else(|| find(None, &self.schema.attributes, path)),
            Some(urn) if urn.eq_ignore_ascii_case(&self.schema.id) => {
                find(None, &self.schema.attributes, path).or_else(|| find(None, &self.common, path))
            }
            Some(urn) => self
                .extensions
                .iter()
                .find(|e| e.schema.id.eq_ignore_ascii_case(urn))
                .and_then(|e| find(Some(&e.schema.id), &e.schema.attributes, path)),
        };
        if let Some(target) = offered {
            return Resolution::Offered(target);
        }
        let published = self.published.iter().find_map(|schema| {
            let base = schema.id == self.schema.id;
            match &path.urn {
                None if base => find(None, &schema.attributes, path),
                Some(urn) if urn.eq_ignore_ascii_case(&schema.id) => {
                    find((!base).then_some(schema.id.as_str()), &schema.attributes, path)
                }
                _ => None,
            }
        });
        published.map_or(Resolution::Unknown, Resolution::NotOffered)
    }
}

fn find(extension: Option<&str>, attributes: &[Arc<Attribute>], path: &AttrPath) -> Option<Target> {
    let attribute = attributes.iter().find(|a| a.name.eq_ignore_ascii_case(&path.name))?;
    let sub = match &path.sub {
        Some(name) => Some(attribute.sub(name)?.clone()),
        None => None,
    };
    Some(Target { extension: extension.map(Arc::from), attribute: attribute.clone(), sub })
}
