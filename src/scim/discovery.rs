//! What the service says of itself (RFC 7644 §4): ServiceProviderConfig, ResourceTypes and Schemas, derived from the
//! resource types, so that what is not mapped is not announced. Only keys that RFC 7643 §5–§7 knows, and no nulls.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{
    message::list_response,
    schema::{ResourceType, Schema},
};

const SERVICE_PROVIDER_CONFIG: &str = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig";
const RESOURCE_TYPE: &str = "urn:ietf:params:scim:schemas:core:2.0:ResourceType";
const SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:Schema";

/// What differs from one set-up to the next; all else is the same for every gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Features {
    /// The resources that an answer holds when the client does not say.
    pub page: usize,
    /// The most resources that one answer holds.
    pub max_results: usize,
    /// How long a cursor can be used, in seconds.
    pub cursor_seconds: i64,
    /// The most operations of a bulk request.
    pub max_operations: usize,
    /// The most bytes of a bulk request, and of any other.
    pub max_payload: usize,
    /// Whether a password can be set.
    pub change_password: bool,
}

/// The ServiceProviderConfig (RFC 7643 §5). `base_url` has no slash at its end, here and below.
#[must_use]
pub fn service_provider_config(features: &Features, base_url: &str) -> Value {
    json!({
        "schemas": [SERVICE_PROVIDER_CONFIG],
        "patch": {"supported": true},
        "bulk": {
            "supported": true,
            "maxOperations": features.max_operations,
            "maxPayloadSize": features.max_payload
        },
        "filter": {"supported": true, "maxResults": features.max_results},
        "changePassword": {"supported": features.change_password},
        "sort": {"supported": true},
        "pagination": {
            "cursor": true,
            "index": true,
            "defaultPaginationMethod": "index",
            "defaultPageSize": features.page,
            "maxPageSize": features.max_results,
            "cursorTimeout": features.cursor_seconds
        },
        "etag": {"supported": true},
        "authenticationSchemes": [{
            "type": "oauthbearertoken",
            "name": "Bearer token",
            "description": "A token in the header Authorization",
            "specUri": "https://www.rfc-editor.org/info/rfc6750",
            "primary": true
        }],
        "meta": {
            "resourceType": "ServiceProviderConfig",
            "location": format!("{base_url}/ServiceProviderConfig")
        }
    })
}

/// The list at `/ResourceTypes` (RFC 7643 §6).
#[must_use]
pub fn resource_types(types: &[ResourceType], base_url: &str) -> Value {
    whole_list(types.iter().map(|t| resource_type_json(t, base_url)).collect())
}

/// One resource type by its name, which is its id.
#[must_use]
pub fn resource_type(types: &[ResourceType], name: &str, base_url: &str) -> Option<Value> {
    types.iter().find(|t| t.name == name).map(|t| resource_type_json(t, base_url))
}

/// The list at `/Schemas` (RFC 7643 §7): every schema of every resource type once.
#[must_use]
pub fn schemas(types: &[ResourceType], base_url: &str) -> Value {
    let mut seen = BTreeSet::new();
    let list = offered(types).filter(|s| seen.insert(&s.id)).map(|s| schema_json(s, base_url)).collect();
    whole_list(list)
}

/// One schema by its URN, in any letter case.
#[must_use]
pub fn schema(types: &[ResourceType], urn: &str, base_url: &str) -> Option<Value> {
    offered(types).find(|s| s.id.eq_ignore_ascii_case(urn)).map(|s| schema_json(s, base_url))
}

fn offered(types: &[ResourceType]) -> impl Iterator<Item = &Schema> {
    types.iter().flat_map(|t| std::iter::once(&t.schema).chain(t.extensions.iter().map(|e| &e.schema)))
}

fn whole_list(list: Vec<Value>) -> Value {
    let total = list.len();
    list_response(list, total, 1)
}

fn resource_type_json(resource_type: &ResourceType, base_url: &str) -> Value {
    let extensions: Vec<Value> =
        resource_type.extensions.iter().map(|e| json!({"schema": e.schema.id, "required": e.required})).collect();
    let mut described = json!({
        "schemas": [RESOURCE_TYPE],
        "id": resource_type.name,
        "name": resource_type.name,
        "endpoint": resource_type.endpoint,
        "description": resource_type.description,
        "schema": resource_type.schema.id,
        "meta": {
            "resourceType": "ResourceType",
            "location": format!("{base_url}/ResourceTypes/{}", resource_type.name)
        }
    });
    if !extensions.is_empty() {
        described["schemaExtensions"] = Value::Array(extensions);
    }
    described
}

fn schema_json(schema: &Schema, base_url: &str) -> Value {
    json!({
        "schemas": [SCHEMA],
        "id": schema.id,
        "name": schema.name,
        "description": schema.description,
        "attributes": schema.attributes.iter().map(AsRef::as_ref).collect::<Vec<_>>(),
        "meta": {
            "resourceType": "Schema",
            "location": format!("{base_url}/Schemas/{}", schema.id)
        }
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::scim::published;

    const BASE: &str = "https://scim.example/v2";

    fn types() -> Vec<ResourceType> {
        vec![published::resource_type("User"), published::resource_type("Group")]
    }

    fn assert_no_null(value: &Value) {
        match value {
            Value::Null => panic!("a null"),
            Value::Array(items) => items.iter().for_each(assert_no_null),
            Value::Object(object) => object.values().for_each(assert_no_null),
            _ => {}
        }
    }

    #[test]
    fn each_schema_is_listed_once_and_found_by_its_urn() {
        let list = schemas(&types(), BASE);
        assert_no_null(&list);
        assert_eq!(list["totalResults"], 3);
        for listed in list["Resources"].as_array().unwrap() {
            let urn = listed["id"].as_str().unwrap();
            assert_eq!(schema(&types(), &urn.to_uppercase(), BASE).as_ref(), Some(listed));
            assert_eq!(listed["meta"]["location"], format!("{BASE}/Schemas/{urn}"));
        }
        assert!(schema(&types(), "urn:ietf:params:scim:api:messages:2.0:Error", BASE).is_none());
    }

    #[test]
    fn a_definition_has_the_keys_of_the_rfc_and_reads_back() {
        let user = schema(&types(), &published::user().id, BASE).unwrap();
        let emails = user["attributes"].as_array().unwrap().iter().find(|a| a["name"] == "emails").unwrap();
        let keys: Vec<_> = emails["subAttributes"][2].as_object().unwrap().keys().map(String::as_str).collect();
        let expected = [
            "name",
            "type",
            "multiValued",
            "description",
            "required",
            "canonicalValues",
            "caseExact",
            "mutability",
            "returned",
            "uniqueness",
        ];
        assert_eq!(keys, expected);
        let again: crate::scim::schema::Attribute = serde_json::from_value(emails.clone()).unwrap();
        assert!(published::user().attributes.iter().any(|a| **a == again));
    }

    #[test]
    fn a_resource_type_names_published_schemas() {
        let list = resource_types(&types(), BASE);
        assert_no_null(&list);
        let user = resource_type(&types(), "User", BASE).unwrap();
        assert_eq!(list["Resources"][0], user);
        assert_eq!(user["schemaExtensions"], json!([{"schema": published::enterprise_user().id, "required": false}]));
        assert!(list["Resources"][1].get("schemaExtensions").is_none());
        assert!(resource_type(&types(), "Robot", BASE).is_none());
    }

    #[test]
    fn the_config_states_every_feature() {
        let config = service_provider_config(
            &Features {
                page: 100,
                max_results: 200,
                cursor_seconds: 600,
                max_operations: 7,
                max_payload: 9000,
                change_password: true,
            },
            BASE,
        );
        assert_no_null(&config);
        for feature in ["patch", "bulk", "filter", "changePassword", "sort", "etag"] {
            assert!(config[feature]["supported"].is_boolean(), "{feature}");
        }
        assert_eq!(config["filter"]["maxResults"], 200);
        assert_eq!(config["bulk"], json!({"supported": true, "maxOperations": 7, "maxPayloadSize": 9000}));
        assert_eq!(config["meta"]["location"], format!("{BASE}/ServiceProviderConfig"));
    }
}
