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
    /// The most resources that one answer holds.
    pub max_results: usize,
    /// Whether a password can be set.
    pub change_password: bool,
}

/// The ServiceProviderConfig (RFC 7643 §5). `base_url` has no slash at its end, here and below.
#[must_use]
pub fn service_provider_config(features: &Features, base_url: &str) -> Value {
    json!({
        "schemas": [SERVICE_PROVIDER_CONFIG],
        "patch": {"supported": true},
        "bulk": {"supported": false, "maxOperations": 0, "maxPayloadSize": 0},
        "filter": {"supported": true, "maxResults": features.max_results},
        "changePassword": {"supported": features.change_password},
        "sort": {"supported": false},
        "etag": {"supported": false},
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
    json!({
        "schemas": [RESOURCE_TYPE],
        "id": resource_type.name,
        "name": resource_type.name,
        "endpoint": resource_type.endpoint,
        "description": resource_type.description,
        "schema": resource_type.schema.id,
        "schemaExtensions": extensions,
        "meta": {
            "resourceType": "ResourceType",
            "location": format!("{base_url}/ResourceTypes/{}", resource_type.name)
        }
    })
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
