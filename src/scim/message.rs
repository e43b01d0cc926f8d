//! The envelopes of answers: the list and the error (RFC 7644 §3.4.2, §3.12).

use serde_json::{Map, Value, json};

use super::error::ScimType;

/// What every SCIM body is sent as (RFC 7644 §3.8).
pub const CONTENT_TYPE: &str = "application/scim+json";

/// The URN of a list.
pub const LIST_RESPONSE: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
/// The URN of an error.
pub const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";
/// The URN of a PATCH body.
pub const PATCH_OP: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// A page of resources: `total` matches in all, of which these begin at `start_index` (from 1).
#[must_use]
pub fn list_response(resources: Vec<Value>, total: usize, start_index: usize) -> Value {
    let mut list = Map::new();
    list.insert("schemas".into(), json!([LIST_RESPONSE]));
    list.insert("totalResults".into(), total.into());
    list.insert("itemsPerPage".into(), resources.len().into());
    list.insert("startIndex".into(), start_index.into());
    list.insert("Resources".into(), Value::Array(resources));
    Value::Object(list)
}

/// A page by cursor (RFC 9865 §2): the total where it is known, and the cursor of the next page where there is one.
#[must_use]
pub fn cursor_response(resources: Vec<Value>, total: Option<usize>, next: Option<String>) -> Value {
    let mut list = Map::new();
    list.insert("schemas".into(), json!([LIST_RESPONSE]));
    list.extend(total.map(|total| ("totalResults".into(), total.into())));
    list.insert("itemsPerPage".into(), resources.len().into());
    list.extend(next.map(|next| ("nextCursor".into(), next.into())));
    list.insert("Resources".into(), Value::Array(resources));
    Value::Object(list)
}

/// An error: the status as text, the keyword where there is one, and a sentence for people.
#[must_use]
pub fn error(status: u16, scim_type: Option<ScimType>, detail: &str) -> Value {
    let mut error = Map::new();
    error.insert("schemas".into(), json!([ERROR]));
    error.insert("status".into(), status.to_string().into());
    if let Some(scim_type) = scim_type {
        error.insert("scimType".into(), scim_type.keyword().into());
    }
    error.insert("detail".into(), detail.into());
    Value::Object(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_list_is_a_list() {
        let list = list_response(vec![], 0, 1);
        assert_eq!(
            list,
            json!({"schemas": [LIST_RESPONSE], "totalResults": 0, "itemsPerPage": 0, "startIndex": 1, "Resources": []})
        );
    }

    #[test]
    fn an_error_has_its_status_as_text() {
        let with = error(400, Some(ScimType::NoTarget), "why");
        assert_eq!(with, json!({"schemas": [ERROR], "status": "400", "scimType": "noTarget", "detail": "why"}));
        assert!(error(404, None, "why").get("scimType").is_none());
    }
}
