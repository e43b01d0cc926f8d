//! PATCH as sent (RFC 7644 §3.5.2), read into steps: each names an attribute that is offered and what shall be done to it, with
//! its value checked. What can be refused without the old resource is refused here.

use serde_json::{Map, Value};

use super::{
    body::{fields, has_content, is_read_only, pass_over},
    error::{Refusal, ScimType},
    message::PATCH_OP,
    path::{AttrPath, PatchPath},
    profile::Profile,
    schema::{Resolution, ResourceType, Target, Type},
    selector::Selector,
    value::{invalid, is_empty, read, read_items, read_parts, unfold},
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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Op {
    Add,
    Remove,
    Replace,
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
        let mut reader = Reader { resource_type, profile, id, steps: Vec::with_capacity(operations.len()) };
        for (index, operation) in operations.iter().enumerate() {
            reader.operation(operation).map_err(|refusal| {
                Refusal::new(refusal.scim_type, format!("operation {}: {}", index + 1, refusal.detail))
            })?;
        }
        Ok(Self { steps: reader.steps })
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

struct Reader<'a> {
    resource_type: &'a ResourceType,
    profile: &'a Profile,
    id: &'a str,
    steps: Vec<Step>,
}

impl Reader<'_> {
    fn operation(&mut self, operation: &Value) -> Result<(), Refusal> {
        let Value::Object(operation) = operation else { return Err(syntax("an operation is an object")) };
        let op = match member(operation, "op").and_then(Value::as_str).map(str::to_ascii_lowercase).as_deref() {
            Some("add") => Op::Add,
            Some("remove") => Op::Remove,
            Some("replace") => Op::Replace,
            _ => return Err(syntax("`op` is one of add, remove and replace")),
        };
        let value = member(operation, "value");
        // Null is no value (RFC 7643 §2.5): there is nothing to add. To replace by it clears.
        let nothing = value.is_none_or(|value| op == Op::Add && value.is_null());
        if op != Op::Remove && nothing {
            return Err(invalid("`value` is missing; to clear an attribute, remove it".to_owned()));
        }
        match member(operation, "path") {
            None | Some(Value::Null) if op == Op::Remove => {
                Err(Refusal::new(ScimType::NoTarget, "a remove needs a `path`"))
            }
            None | Some(Value::Null) => match value {
                Some(Value::Object(object)) => self.object(op, object),
                _ => Err(invalid("without a `path`, `value` is an object that names attributes".to_owned())),
            },
            Some(Value::String(path)) => {
                let path = PatchPath::parse(path, self.profile)?;
                self.path(op, &path, value.unwrap_or(&Value::Null), ScimType::InvalidPath)
            }
            Some(_) => Err(Refusal::new(ScimType::InvalidPath, "`path` is a text")),
        }
    }

    /// Without a path, each entry of the value is an operation of its own.
    fn object(&mut self, op: Op, object: &Map<String, Value>) -> Result<(), Refusal> {
        for field in fields(object, self.resource_type) {
            if self.profile.ignore_unmapped && field.key.eq_ignore_ascii_case("schemas") {
                continue;
            }
            let plain = || AttrPath { urn: None, name: field.key.to_owned(), sub: None };
            let parsed = if self.profile.dotted_keys { PatchPath::parse(field.key, self.profile).ok() } else { None };
            let mut path = parsed.unwrap_or_else(|| PatchPath { attr: plain(), filter: None, sub: None });
            if let Some(urn) = field.urn {
                path.attr.urn = Some(urn.to_owned());
            }
            self.path(op, &path, field.value, ScimType::InvalidSyntax)?;
        }
        Ok(())
    }

    /// `unknown` is the keyword for a path that names nothing.
    fn path(&mut self, op: Op, path: &PatchPath, value: &Value, unknown: ScimType) -> Result<(), Refusal> {
        if let Some(urn) = self.whole_schema(path) {
            return self.schema(op, &urn, value);
        }
        let sub = path.attr.sub.as_ref().or(path.sub.as_ref());
        let attr = AttrPath { sub: sub.cloned(), ..path.attr.clone() };
        let target = match self.resource_type.resolve(&attr) {
            Resolution::Offered(target) | Resolution::NotOffered(target) if is_read_only(&target) => {
                let same_id = target.attribute.name == "id" && value.as_str() == Some(self.id);
                if self.profile.equal_id && same_id && op != Op::Remove {
                    return Ok(());
                }
                return Err(mutability(format!("`{target}` is readOnly")));
            }
            Resolution::Offered(target) => target,
            Resolution::NotOffered(_) | Resolution::Unknown => return self.not_offered(op, &attr, value, unknown),
        };
        if op == Op::Remove && !value.is_null() && !self.profile.remove_by_value {
            let detail = "a remove takes no `value`; select items in the path, as in members[value eq \"…\"]";
            return Err(invalid(detail.to_owned()));
        }
        if !target.attribute.multi_valued {
            if path.filter.is_some() {
                let detail = format!("`{target}` is no list; leave the brackets out");
                return Err(Refusal::new(ScimType::InvalidPath, detail));
            }
            return self.single(op, &target, value);
        }
        if path.filter.is_none() && target.sub.is_none() {
            return self.list(op, &target, value);
        }
        self.items(op, path, &target, value)
    }

    /// The URN of a schema of this type, where the path is nothing else.
    fn whole_schema(&self, path: &PatchPath) -> Option<String> {
        let urn = format!("{}:{}", path.attr.urn.as_deref()?, path.attr.name);
        let extensions = self.resource_type.extensions.iter().map(|e| &e.schema);
        let mut schemas = extensions.chain([&self.resource_type.schema]);
        let bare = path.attr.sub.is_none() && path.filter.is_none();
        schemas.find(|s| bare && s.id.eq_ignore_ascii_case(&urn)).map(|s| s.id.clone())
    }

    fn schema(&mut self, op: Op, urn: &str, value: &Value) -> Result<(), Refusal> {
        let value = if op == Op::Remove { &Value::Null } else { value };
        let base = urn == self.resource_type.schema.id;
        if !value.is_object() && (base || !value.is_null()) {
            return Err(invalid(format!("`{urn}` is a whole schema: give it an object, or name one attribute")));
        }
        let mut value = value.clone();
        // Clients that build an extension as an object of its own send its `schemas` along; it is readOnly there, too.
        if let (false, Some(object)) = (base, value.as_object_mut()) {
            object.shift_remove("schemas");
        }
        self.object(op, &Map::from_iter([(urn.to_owned(), value)]))
    }

    fn not_offered(&self, op: Op, attr: &AttrPath, value: &Value, unknown: ScimType) -> Result<(), Refusal> {
        let otherwise = || Refusal::new(unknown, format!("`{}` is not an attribute offered here", attr.name));
        let whole = AttrPath { sub: None, ..attr.clone() };
        if matches!(self.resource_type.resolve(&whole), Resolution::Offered(_)) {
            return if self.profile.ignore_unmapped { Ok(()) } else { Err(otherwise()) };
        }
        let access = ["members", "roles", "entitlements"].iter().any(|name| attr.name.eq_ignore_ascii_case(name));
        if access && op != Op::Add && self.profile.ignore_unmapped {
            let detail = format!("`{}` is not offered here, so nothing would be taken away; leave it out", attr.name);
            return Err(invalid(detail));
        }
        pass_over(&attr.name, value, self.profile, otherwise)
    }

    /// For a single value, add and replace are one (RFC 7644 §3.5.2.1, §3.5.2.3).
    fn single(&mut self, op: Op, target: &Target, value: &Value) -> Result<(), Refusal> {
        if op == Op::Remove && target.leaf().required {
            return Err(mutability(format!("`{target}` is required; replace it instead")));
        }
        let value = if op == Op::Remove { &Value::Null } else { value };
        for (target, part) in unfold(value, target, self.profile)? {
            if op != Op::Remove && target.leaf().required && !part.as_ref().is_some_and(has_content) {
                return Err(invalid(format!("`{target}` is required and must not be empty")));
            }
            if part.is_none() && adds_nothing(op, value) {
                continue;
            }
            self.steps.push(Step { target, action: part.map_or(Action::Unset, Action::Set) });
        }
        Ok(())
    }

    fn list(&mut self, op: Op, target: &Target, value: &Value) -> Result<(), Refusal> {
        let items = match value {
            Value::Null => &[],
            Value::Array(items) => items.as_slice(),
            one => std::slice::from_ref(one),
        };
        let items = read_items(items, &target.attribute, &target.to_string(), self.profile)?;
        let action = match op {
            Op::Add if items.is_empty() => return Ok(()),
            Op::Add => Action::Append(items),
            Op::Remove if value.is_null() && target.attribute.required => {
                return Err(mutability(format!("`{target}` is required; replace it instead")));
            }
            Op::Replace if items.is_empty() && target.attribute.required => {
                return Err(invalid(format!("`{target}` is required and must not be empty")));
            }
            Op::Remove if value.is_null() => Action::Assign(Vec::new()),
            Op::Replace => Action::Assign(items),
            Op::Remove if items.is_empty() => {
                let detail = format!("the `value` names no item of `{target}`; leave it out to remove all");
                return Err(invalid(detail));
            }
            Op::Remove => Action::Without(items),
        };
        self.steps.push(Step { target: target.clone(), action });
        Ok(())
    }

    /// `emails[type eq "work"]`, `emails[type eq "work"].value`, `emails.value`.
    fn items(&mut self, op: Op, path: &PatchPath, target: &Target, value: &Value) -> Result<(), Refusal> {
        if path.filter.is_some() && path.attr.sub.is_some() {
            let detail = "the brackets stand after the list's name, as in emails[type eq \"work\"].value";
            return Err(Refusal::new(ScimType::InvalidPath, detail));
        }
        let list = Target { sub: None, ..target.clone() };
        let filter = path.filter.as_ref();
        let selector = filter.map(|f| Selector::new(f, &list, self.profile)).transpose()?;
        let at = target.to_string();
        let value = if op == Op::Remove { &Value::Null } else { value };
        let mut parts: Map<String, Value> = match &target.sub {
            None if op == Op::Add && is_empty(value) => return Ok(()),
            None if is_empty(value) => {
                self.steps.push(Step { target: list, action: Action::Items { selector, edit: Edit::Remove } });
                return Ok(());
            }
            None if target.attribute.kind != Type::Complex => {
                let detail = format!("the items of `{at}` have no parts; replace the whole list");
                return Err(Refusal::new(ScimType::InvalidPath, detail));
            }
            None => {
                let parts = read_parts(value, &target.attribute, &at, self.profile)?;
                parts.into_iter().map(|(sub, value)| (sub.name.clone(), value.unwrap_or_default())).collect()
            }
            Some(sub) => {
                let value = read(value, sub, &at, self.profile)?;
                if sub.required && value.is_none() {
                    return Err(mutability(format!("`{at}` is required; remove the whole item instead")));
                }
                Map::from_iter([(sub.name.clone(), value.unwrap_or_default())])
            }
        };
        if adds_nothing(op, value) {
            parts.retain(|_, part| !part.is_null());
            if parts.is_empty() {
                return Ok(());
            }
        }
        let create = if self.profile.create_on_no_match && op != Op::Remove {
            selector.as_ref().map_or(Some(Map::new()), Selector::template)
        } else {
            None
        };
        let edit = Edit::Merge { parts, create };
        self.steps.push(Step { target: list, action: Action::Items { selector, edit } });
        Ok(())
    }
}

/// To add null or `[]`, or an object with such parts, is to add nothing there; it never takes away what is. A text has
/// been given, even if it is empty.
fn adds_nothing(op: Op, value: &Value) -> bool {
    op == Op::Add && !value.is_string()
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
