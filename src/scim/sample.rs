//! A small User for the tests of this module: one attribute of every kind that filters and projections tell apart.

use std::sync::Arc;

use super::schema::{Attribute, Extension, Mutability, ResourceType, Returned, Schema, Type, Uniqueness};

pub(super) const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
pub(super) const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

fn plain(name: &str, kind: Type) -> Attribute {
    Attribute {
        name: name.to_owned(),
        kind,
        multi_valued: false,
        description: String::new(),
        required: false,
        canonical_values: Vec::new(),
        case_exact: false,
        mutability: Mutability::ReadWrite,
        returned: Returned::Default,
        uniqueness: Uniqueness::None,
        reference_types: Vec::new(),
        sub_attributes: Vec::new(),
    }
}

fn text(name: &str) -> Attribute {
    plain(name, Type::String)
}

fn exact(name: &str) -> Attribute {
    Attribute { case_exact: true, ..text(name) }
}

fn complex(name: &str, subs: Vec<Attribute>) -> Attribute {
    Attribute { sub_attributes: subs.into_iter().map(Arc::new).collect(), ..plain(name, Type::Complex) }
}

fn list(attribute: Attribute) -> Attribute {
    Attribute { multi_valued: true, ..attribute }
}

fn returned(returned: Returned, attribute: Attribute) -> Attribute {
    Attribute { returned, ..attribute }
}

fn schema(id: &str, attributes: Vec<Attribute>) -> Schema {
    let attributes = attributes.into_iter().map(Arc::new).collect();
    Schema { id: id.to_owned(), name: String::new(), description: String::new(), attributes }
}

/// The type; `title` and `suspended` are published and not offered.
pub(super) fn user_type() -> ResourceType {
    let common = [
        returned(Returned::Always, list(exact("schemas"))),
        returned(Returned::Always, exact("id")),
        exact("externalId"),
        complex(
            "meta",
            vec![exact("resourceType"), plain("created", Type::DateTime), plain("location", Type::Reference)],
        ),
    ];
    let value = || returned(Returned::Always, exact("value"));
    let user = vec![
        text("userName"),
        complex("name", vec![text("familyName"), text("givenName")]),
        text("nickName"),
        plain("active", Type::Boolean),
        Attribute { mutability: Mutability::WriteOnly, ..returned(Returned::Never, text("password")) },
        list(complex("emails", vec![text("value"), text("type"), plain("primary", Type::Boolean)])),
        list(complex("addresses", vec![text("type"), text("country")])),
        list(complex("groups", vec![value(), plain("$ref", Type::Reference), text("display")])),
        list(complex("x509Certificates", vec![plain("value", Type::Binary)])),
        list(text("tags")),
        plain("loginCount", Type::Integer),
        plain("score", Type::Decimal),
        returned(Returned::Request, text("badge")),
    ];
    let enterprise = vec![text("department"), complex("manager", vec![exact("value"), text("displayName")])];
    ResourceType {
        name: "User".to_owned(),
        endpoint: "/Users".to_owned(),
        description: String::new(),
        schema: schema(USER, user),
        extensions: vec![Extension { schema: schema(ENTERPRISE, enterprise), required: false }],
        common: common.into_iter().map(Arc::new).collect(),
        published: vec![Arc::new(schema(USER, vec![text("title"), plain("suspended", Type::Boolean)]))],
    }
}
