//! The schemas that RFC 7643 publishes (§3.1, §4, §8.7), in full. A mapping prunes them to what it maps, so that an
//! attribute's type and mutability are written once, by the RFC.
//!
//! Where §8.7.1 and the text differ, the text is followed: references, binaries and ids are case-exact (§2.3.6, §2.3.7,
//! §3.1), and a group's `displayName` is required (§4.2). `members.display` is taken from §2.4.

use std::sync::{Arc, LazyLock};

use serde::de::DeserializeOwned;

use super::schema::{Attribute, Schema};

/// The core User (RFC 7643 §4.1).
pub fn user() -> &'static Arc<Schema> {
    static USER: LazyLock<Arc<Schema>> = LazyLock::new(|| Arc::new(read(include_str!("schemas/user.json"))));
    &USER
}

/// The core Group (RFC 7643 §4.2).
pub fn group() -> &'static Arc<Schema> {
    static GROUP: LazyLock<Arc<Schema>> = LazyLock::new(|| Arc::new(read(include_str!("schemas/group.json"))));
    &GROUP
}

/// The enterprise extension of User (RFC 7643 §4.3).
pub fn enterprise_user() -> &'static Arc<Schema> {
    static ENTERPRISE: LazyLock<Arc<Schema>> =
        LazyLock::new(|| Arc::new(read(include_str!("schemas/enterprise_user.json"))));
    &ENTERPRISE
}

/// All of them.
pub fn all() -> [&'static Arc<Schema>; 3] {
    [user(), group(), enterprise_user()]
}

/// The attributes that every resource has (RFC 7643 §3, §3.1): `schemas`, `id`, `externalId`, `meta`.
pub fn common() -> &'static [Arc<Attribute>] {
    static COMMON: LazyLock<Vec<Arc<Attribute>>> = LazyLock::new(|| {
        let list: Vec<Attribute> = read(include_str!("schemas/common.json"));
        list.into_iter().map(Arc::new).collect()
    });
    &COMMON
}

#[expect(clippy::expect_used, reason = "the text is part of the program, and a test reads each file")]
fn read<T: DeserializeOwned>(text: &str) -> T {
    serde_json::from_str(text).expect("a published schema is well formed")
}

/// A type that offers all that is published, for tests.
#[cfg(test)]
pub(crate) fn resource_type(name: &str) -> super::schema::ResourceType {
    let enterprise = || super::schema::Extension { schema: enterprise_user().as_ref().clone(), required: false };
    let (schema, extensions) = if name == "User" { (user(), vec![enterprise()]) } else { (group(), vec![]) };
    super::schema::ResourceType {
        name: name.to_owned(),
        endpoint: format!("/{name}s"),
        description: format!("{name}s"),
        schema: schema.as_ref().clone(),
        extensions,
        common: common().to_vec(),
        published: all().into_iter().cloned().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scim::schema::{Mutability, Returned, Type, Uniqueness};

    #[test]
    fn each_file_reads() {
        let sizes: Vec<_> = all().iter().map(|s| (s.name.as_str(), s.attributes.len())).collect();
        assert_eq!(sizes, [("User", 21), ("Group", 2), ("EnterpriseUser", 6)]);
        assert_eq!(common().len(), 4);
    }

    #[test]
    fn definitions_make_sense() {
        let every = all().into_iter().flat_map(|s| s.attributes.iter()).chain(common());
        for attribute in every.flat_map(|a| std::iter::once(a).chain(&a.sub_attributes)) {
            let name = &attribute.name;
            assert_eq!(attribute.kind == Type::Complex, !attribute.sub_attributes.is_empty(), "{name}");
            assert_eq!(attribute.kind == Type::Reference, !attribute.reference_types.is_empty(), "{name}");
            assert!(!attribute.description.is_empty(), "{name}");
        }
    }

    #[test]
    fn facts_of_the_rfc() {
        let find = |schema: &Schema, name: &str| schema.attributes.iter().find(|a| a.name == name).cloned();
        let user_name = find(user(), "userName");
        assert!(user_name.is_some_and(|a| a.required && a.uniqueness == Uniqueness::Server && !a.case_exact));
        let password = find(user(), "password");
        assert!(
            password.is_some_and(|a| a.mutability == Mutability::WriteOnly && a.returned == Returned::Never),
            "password"
        );
        assert!(find(group(), "members").is_some_and(|a| a.is_keyed()));
        assert!(find(user(), "emails").is_some_and(|a| !a.is_keyed()));
    }

    #[test]
    fn keep_prunes_attributes_and_subs() {
        let small = user().keep(|a, sub| a.name == "name" && sub.is_none_or(|s| s.name == "givenName"));
        assert_eq!(small.attributes.len(), 1);
        assert_eq!(small.attributes[0].sub_attributes.len(), 1);
        assert_eq!(user().attributes.len(), 21, "the original is untouched");
    }
}
