//! What a body names that is passed over because it is not mapped: attributes of a published schema, and those that all
//! resources have. Asked of a body that was read, so that what is named and not offered was passed over. Names
//! are the schemas' own, never the client's.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{
    body::{fields, is_read_only},
    patch::member,
    path::{AttrPath, PatchPath},
    profile::Profile,
    published,
    schema::{Mutability, Resolution, ResourceType, Type},
};

/// Those of the body of a POST or PUT.
pub(super) fn by_body(body: &Value, kind: &ResourceType, profile: &Profile) -> Box<[String]> {
    let mut found = Found { kind, profile, names: BTreeSet::new() };
    if let Value::Object(object) = body {
        found.object(object);
    }
    found.names.into_iter().collect()
}

/// Those of the body of a PATCH.
pub(super) fn by_patch(body: &Value, kind: &ResourceType, profile: &Profile) -> Box<[String]> {
    let mut found = Found { kind, profile, names: BTreeSet::new() };
    let operations = body.as_object().and_then(|body| member(body, "Operations")).and_then(Value::as_array);
    for operation in operations.into_iter().flatten().filter_map(Value::as_object) {
        let removes =
            member(operation, "op").and_then(Value::as_str).is_some_and(|op| op.eq_ignore_ascii_case("remove"));
        // To remove is to say something, without a value.
        let value = if removes { Some(&Value::Bool(true)) } else { member(operation, "value") };
        let path = member(operation, "path").and_then(Value::as_str);
        match (path, value.unwrap_or(&Value::Null)) {
            (None, Value::Object(object)) => found.object(object),
            (Some(path), value) => found.path(path, value),
            _ => {}
        }
    }
    found.names.into_iter().collect()
}

struct Found<'a> {
    kind: &'a ResourceType,
    profile: &'a Profile,
    names: BTreeSet<String>,
}

impl Found<'_> {
    fn object(&mut self, object: &Map<String, Value>) {
        for field in fields(object, self.kind) {
            let parsed = if self.profile.dotted_keys { AttrPath::parse(field.key).ok() } else { None };
            let mut path = parsed.unwrap_or_else(|| AttrPath { urn: None, name: field.key.to_owned(), sub: None });
            if let Some(urn) = field.urn {
                path.urn = Some(urn.to_owned());
            }
            self.attribute(&path, field.value);
        }
    }

    fn path(&mut self, path: &str, value: &Value) {
        if self.kind.published.iter().any(|schema| schema.id.eq_ignore_ascii_case(path)) {
            return self.object(&Map::from_iter([(path.to_owned(), value.clone())]));
        }
        let Ok(path) = PatchPath::parse(path, self.profile) else { return };
        let sub = path.attr.sub.as_ref().or(path.sub.as_ref());
        self.attribute(&AttrPath { sub: sub.cloned(), ..path.attr.clone() }, value);
    }

    fn attribute(&mut self, path: &AttrPath, value: &Value) {
        if value.is_null() {
            return;
        }
        match self.kind.resolve(path) {
            Resolution::NotOffered(target) if !is_read_only(&target) => {
                let urn = if target.extension.is_none() { format!("{}:", self.kind.schema.id) } else { String::new() };
                self.names.insert(format!("{urn}{target}"));
            }
            Resolution::Offered(target) if target.leaf().kind == Type::Complex => {
                let items = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
                for (key, value) in items.iter().filter_map(Value::as_object).flatten() {
                    self.attribute(&AttrPath { sub: Some(key.clone()), ..path.clone() }, value);
                }
            }
            Resolution::Unknown if path.urn.is_none() && path.sub.is_none() => {
                let common = published::common().iter().filter(|a| a.mutability != Mutability::ReadOnly);
                let known = common.filter(|a| a.name.eq_ignore_ascii_case(&path.name)).map(|a| a.name.clone());
                self.names.extend(known.filter(|name| name != "schemas"));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::scim::sample::user_type;

    #[test]
    fn what_is_named_and_not_mapped() {
        const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
        let kind = user_type();
        let names = |set: Box<[String]>| -> Vec<String> {
            set.into_iter().map(|name| name.replace(&kind.schema.id, "U")).collect()
        };
        for (body, expected) in [
            (json!({"userName": "a", "TITLE": "x", "title": "y", "noSuch": 1, "mine.secret": 2}), vec!["U:title"]),
            (json!({"title": null, "schemas": [USER], "groups": [{"value": "1"}], "id": "1"}), vec![]),
            (json!([1]), vec![]),
        ] {
            assert_eq!(names(by_body(&body, &kind, &Profile::TOLERANT)), expected, "{body}");
        }
        let body = json!({"externalId": "x", "schemas": [], "meta": {}, "id": "1"});
        let few = ResourceType { common: Vec::new(), ..kind.clone() };
        assert_eq!(names(by_body(&body, &few, &Profile::TOLERANT)), ["externalId"]);
        for (operations, expected) in [
            (json!([{"op": "Add", "path": "title", "value": "x"}]), vec!["U:title"]),
            (json!([{"op": "remove", "path": format!("{USER}:title")}]), vec!["U:title"]),
            (json!([{"op": "replace", "value": {"title": "x", "active": true}}]), vec!["U:title"]),
            (json!([{"op": "replace", "path": USER, "value": {"title": "x"}}]), vec!["U:title"]),
            (
                json!([{"op": "replace", "path": "title", "value": null}, {"op": "add", "path": "((", "value": 1}, 7]),
                vec![],
            ),
        ] {
            let body = json!({"operations": operations});
            assert_eq!(names(by_patch(&body, &kind, &Profile::TOLERANT)), expected, "{body}");
        }
    }
}
