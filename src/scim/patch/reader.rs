//! One operation after another, into steps: what its path names, and whether its value suits that.

use serde_json::{Map, Value};

use super::super::{
    body::{fields, has_content, is_read_only, pass_over},
    error::{Refusal, ScimType},
    path::{AttrPath, PatchPath},
    profile::Profile,
    schema::{Resolution, ResourceType, Target, Type},
    selector::Selector,
    value::{invalid, is_empty, read, read_items, read_parts, unfold},
};
use super::{Action, Edit, Step, member, mutability, syntax};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Op {
    Add,
    Remove,
    Replace,
}

pub(super) struct Reader<'a> {
    resource_type: &'a ResourceType,
    profile: &'a Profile,
    id: &'a str,
    steps: Vec<Step>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(resource_type: &'a ResourceType, profile: &'a Profile, id: &'a str, operations: usize) -> Self {
        Self { resource_type, profile, id, steps: Vec::with_capacity(operations) }
    }

    pub(super) fn into_steps(self) -> Vec<Step> {
        self.steps
    }

    pub(super) fn operation(&mut self, operation: &Value) -> Result<(), Refusal> {
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
