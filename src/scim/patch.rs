//! PATCH as sent (RFC 7644 §3.5.2), read into steps: each names an attribute that is offered and what shall be done to it, with
//! its value checked. What can be refused without the old resource is refused here.

mod reader;

use serde_json::{Map, Value};

use self::reader::Reader;
use super::{
    error::{Refusal, ScimType},
    message::PATCH_OP,
    profile::Profile,
    schema::{ResourceType, Target},
    selector::Selector,
};

/// The most operations that one PATCH may hold.
pub const MAX_OPERATIONS: usize = 1000;

/// A PATCH that was read: its steps in order.
#[derive(Debug, Clone, PartialEq)]
pub struct Patch {
    pub(super) steps: Vec<Step>,
}

/// One attribute and what is done to it. A single complex attribute is worked on by sub-attribute.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Step {
    pub(super) target: Target,
    pub(super) action: Action,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Action {
    /// A single value is given.
    Set(Value),
    /// A single value is taken away.
    Unset,
    /// These items join the list.
    Append(Vec<Value>),
    /// The list is these items, or empty.
    Assign(Vec<Value>),
    /// These items leave the list.
    Without(Vec<Value>),
    /// Some items of the list, or all, go or change.
    Items {
        /// Which; none means all.
        selector: Option<Selector>,
        /// What becomes of them.
        edit: Edit,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Edit {
    /// They go.
    Remove,
    /// They get these sub-attributes (null: lose them). Where there is no such item, one is made from `create`, if there is one.
    Merge { parts: Map<String, Value>, create: Option<Map<String, Value>> },
}

impl Patch {
    /// Reads the body of a PATCH of the resource with this `id`.
    ///
    /// # Errors
    /// The keyword that RFC 7644 §3.12 has for each fault; `tooMany` beyond [`MAX_OPERATIONS`].
    pub fn parse(body: &Value, resource_type: &ResourceType, profile: &Profile, id: &str) -> Result<Self, Refusal> {
        let Some(Value::Array(operations)) = body.as_object().and_then(|body| member(body, "Operations")) else {
            return Err(syntax("a PATCH is an object with a list `Operations`"));
        };
        check_schemas(body)?;
        if operations.is_empty() {
            return Err(syntax("`Operations` is empty"));
        }
        if operations.len() > MAX_OPERATIONS {
            let detail = format!("{} operations in one PATCH; at most {MAX_OPERATIONS} are taken", operations.len());
            return Err(Refusal::new(ScimType::TooMany, detail));
        }
        let mut reader = Reader::new(resource_type, profile, id, operations.len());
        for (index, operation) in operations.iter().enumerate() {
            reader.operation(operation).map_err(|refusal| {
                Refusal::new(refusal.scim_type, format!("operation {}: {}", index + 1, refusal.detail))
            })?;
        }
        Ok(Self { steps: reader.into_steps() })
    }
}

impl Patch {
    /// The values that steps set a single attribute to.
    pub(super) fn values_mut(&mut self, target: &Target) -> impl Iterator<Item = &mut Value> {
        self.steps.iter_mut().filter(move |step| target.covers(&step.target)).filter_map(|step| {
            match &mut step.action {
                Action::Set(value) => Some(value),
                _ => None,
            }
        })
    }

    /// Whether a step is about this attribute, or about one of its items or parts.
    #[must_use]
    pub fn names(&self, target: &Target) -> bool {
        self.steps.iter().any(|step| step.target.covers(target))
    }
}

fn check_schemas(body: &Value) -> Result<(), Refusal> {
    let schemas = body.as_object().and_then(|body| member(body, "schemas")).and_then(Value::as_array);
    let named =
        schemas.is_some_and(|list| list.iter().filter_map(Value::as_str).any(|urn| urn.eq_ignore_ascii_case(PATCH_OP)));
    if named { Ok(()) } else { Err(syntax(&format!("`schemas` does not name \"{PATCH_OP}\""))) }
}

/// A member of the message, in any letter case (the RFC's own examples differ).
pub(super) fn member<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    object.get(name).or_else(|| object.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}

pub(super) fn mutability(detail: String) -> Refusal {
    Refusal::new(ScimType::Mutability, detail)
}

fn syntax(detail: &str) -> Refusal {
    Refusal::new(ScimType::InvalidSyntax, detail)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use serde_json::json;

    use super::*;
    use crate::scim::published;

    fn parse(resource_type: &ResourceType, profile: &Profile, operation: &Value) -> Result<Patch, Refusal> {
        let body = json!({"schemas": [PATCH_OP], "Operations": [operation]});
        Patch::parse(&body, resource_type, profile, "u-1")
    }

    /// A type that maps no more than what is required.
    fn small(name: &str) -> ResourceType {
        let whole = published::resource_type(name);
        ResourceType { schema: whole.schema.keep(|a, _| a.required), extensions: vec![], ..whole }
    }

    #[test]
    fn the_message_itself() {
        let ops = |n: usize| Value::Array(vec![json!({"op": "add", "path": "title", "value": "x"}); n]);
        let cases = [
            (json!([]), "invalidSyntax"),
            (json!({"schemas": [PATCH_OP]}), "invalidSyntax"),
            (json!({"schemas": [PATCH_OP], "Operations": []}), "invalidSyntax"),
            (json!({"schemas": [PATCH_OP], "Operations": [7]}), "invalidSyntax"),
            (json!({"schemas": [], "Operations": ops(1)}), "invalidSyntax"),
            (json!({"schemas": [PATCH_OP], "Operations": ops(MAX_OPERATIONS + 1)}), "tooMany"),
        ];
        let user = published::resource_type("User");
        for (body, keyword) in cases {
            let refusal = Patch::parse(&body, &user, &Profile::TOLERANT, "u-1").unwrap_err();
            assert_eq!(refusal.scim_type.keyword(), keyword, "{refusal}");
        }
        let lower = json!({"SCHEMAS": [PATCH_OP], "operations": [{"OP": "Add", "Path": "TITLE", "Value": "x"}]});
        assert_eq!(Patch::parse(&lower, &user, &Profile::STRICT, "u-1").unwrap().steps.len(), 1);
    }

    #[test]
    fn refused_by_everybody() {
        let cases = [
            ("User", json!({"op": "move", "path": "title"}), "invalidSyntax"),
            ("User", json!({"op": "replace", "path": 7, "value": 1}), "invalidPath"),
            ("User", json!({"op": "replace", "path": "userName", "value": null}), "invalidValue"),
            ("User", json!({"op": "replace", "path": "title[value eq \"x\"]", "value": "y"}), "invalidPath"),
            ("User", json!({"op": "remove", "path": "emails[colour ne \"red\"]"}), "invalidFilter"),
            ("User", json!({"op": "remove", "path": "meta.created"}), "mutability"),
            ("User", json!({"op": "remove", "path": "groups[value eq \"g\"]"}), "mutability"),
            ("User", json!({"op": "add", "path": "emails", "value": [{"value": 7}]}), "invalidValue"),
            ("Group", json!({"op": "remove", "path": "members", "value": []}), "invalidValue"),
            ("Group", json!({"op": "add", "path": "members", "value": [{"display": "x"}]}), "invalidValue"),
            ("User", json!({"op": "remove", "path": "urn:ietf:params:scim:schemas:core:2.0:User"}), "invalidValue"),
        ];
        for (name, operation, keyword) in cases {
            for profile in Profile::ALL {
                let refusal = parse(&published::resource_type(name), &profile, &operation).expect_err(keyword);
                assert_eq!(refusal.scim_type.keyword(), keyword, "{operation}: {refusal}");
            }
        }
    }

    #[test]
    fn what_is_not_offered_is_dropped_unless_that_would_be_a_lie() {
        let dropped = [
            json!({"op": "replace", "path": "nickName", "value": "Mo"}),
            json!({"op": "remove", "path": "emails[type eq \"work\"].value"}),
            json!({"op": "add", "path": "roles", "value": [{"value": "admin"}]}),
            json!({"op": "replace", "path": "active", "value": true}),
            json!({"op": "replace", "value": {"schemas": ["urn:x:y"], "colour": "red", "name.givenName": "Mara"}}),
        ];
        for operation in dropped {
            let patch = parse(&small("User"), &Profile::TOLERANT, &operation).unwrap();
            assert_eq!(patch.steps, [], "{operation}");
            assert!(parse(&small("User"), &Profile::STRICT, &operation).is_err(), "{operation}");
        }
        let lies = [
            json!({"op": "replace", "path": "active", "value": false}),
            json!({"op": "replace", "value": {"Active": "False"}}),
            json!({"op": "replace", "path": "urn:ietf:params:scim:schemas:core:2.0:User", "value": {"active": false}}),
            json!({"op": "replace", "value": {"urn:ietf:params:scim:schemas:core:2.0:User:active": false}}),
            json!({"op": "replace", "path": "password", "value": "x"}),
            json!({"op": "remove", "path": "roles"}),
            json!({"op": "remove", "path": "entitlements[value eq \"e\"]"}),
            json!({"op": "replace", "path": "roles", "value": []}),
            json!({"op": "remove", "path": "members[value eq \"u\"]"}),
        ];
        for operation in lies {
            assert!(parse(&small("User"), &Profile::TOLERANT, &operation).is_err(), "{operation}");
        }
        let member = json!({"op": "remove", "path": "members", "value": [{"value": "u"}]});
        assert!(parse(&small("Group"), &Profile::TOLERANT, &member).is_err());
    }
}
