//! Reading how records of an HTTP app are made and changed: `create`, the rules of `update`, `add` and `remove`.

use std::sync::Arc;

use http::Method;
use serde_json::json;

use crate::{
    diagnostic::{Faults, Span},
    mapping::{
        answer::AnswerRule,
        call::CallTemplate,
        rest::{ChangeRule, Create, Relation, To},
    },
    scim::{
        path::AttrPath,
        published,
        schema::{Resolution, ResourceType, Target},
    },
    yaml::{Node, Value},
};

use super::call::{self, Setting, call};

pub(super) fn create(
    node: &Node,
    kind: &ResourceType,
    shared: &[Arc<AnswerRule>],
    faults: &mut Faults,
) -> Option<Create> {
    if matches!(node.value, Value::List(_)) {
        faults.not_supported(node.span, "several calls in order");
        return None;
    }
    let mut fields = node.map(faults, "`create`")?;
    let call = call::from_fields(&mut fields, &Setting { names: &["record"], shared }, faults);
    let start = match fields.take("start") {
        Some(node) => {
            node.entries(faults, "`start`");
            node.to_json()
        }
        None => json!({}),
    };
    let takes = fields.take("takes").map(|n| takes(n, kind, faults));
    let span = fields.span();
    fields.finish(faults);
    let call = call?;
    if call.record.is_none() && call.id.is_none() {
        faults
            .error(span, "nameless-create", "the reply of `create` tells neither the record nor its id")
            .help("write `record: $` or `id: $.id`, where the reply holds it");
    }
    if call.method == Method::PUT {
        faults.not_supported(span, "creating by PUT, which may overwrite");
    }
    Some(Create { call, start, takes })
}

fn takes(node: &Node, kind: &ResourceType, faults: &mut Faults) -> Vec<String> {
    let mut names = Vec::new();
    for node in node.list(faults, "`takes`").unwrap_or_default() {
        if let Some(target) = offered(node, kind, faults) {
            names.push(target.attribute.name.clone());
        }
    }
    names
}

fn offered(node: &Node, kind: &ResourceType, faults: &mut Faults) -> Option<Target> {
    let text = node.text(faults, "an attribute")?;
    named(text, node.span, kind, faults)
}

fn named(text: &str, span: Span, kind: &ResourceType, faults: &mut Faults) -> Option<Target> {
    let path = match text.strip_prefix("enterprise:") {
        Some(rest) => AttrPath::parse(&format!("{}:{rest}", published::enterprise_user().id)),
        None => AttrPath::parse(text),
    };
    match path.map(|p| kind.resolve(&p)) {
        Ok(Resolution::Offered(target)) => Some(target),
        _ => {
            faults
                .error(
                    span,
                    "unknown-attribute",
                    format!("`{text}` is not an attribute that {} has a line for", kind.name),
                )
                .help("name an attribute of this resource");
            None
        }
    }
}

pub(super) fn update(
    node: &Node,
    kind: &ResourceType,
    shared: &[Arc<AnswerRule>],
    faults: &mut Faults,
) -> Vec<ChangeRule> {
    let nodes = match &node.value {
        Value::List(items) => items.as_slice(),
        _ => std::slice::from_ref(node),
    };
    let setting = Setting { names: &["id", "changed"], shared };
    let mut rules = Vec::new();
    for node in nodes {
        if node.as_text().is_some() {
            rules.extend(call(node, &setting, faults).map(|call| ChangeRule { when: Vec::new(), call }));
            continue;
        }
        let Some(mut fields) = node.map(faults, "a change rule") else { continue };
        let mut when = Vec::new();
        for (key, node) in fields.entries(faults, "when") {
            if let (Some(target), Some(to)) = (named(&key.name, key.span, kind, faults), becomes(node, faults)) {
                when.push((target, to));
            }
        }
        let call = call::from_fields(&mut fields, &setting, faults);
        fields.finish(faults);
        rules.extend(call.map(|call| ChangeRule { when, call }));
    }
    rules
}

fn becomes(node: &Node, faults: &mut Faults) -> Option<To> {
    let Value::Map(_) = node.value else { return Some(To::AnyOf(vec![node.to_json()])) };
    let mut fields = node.map(faults, "what an attribute becomes")?;
    super::not_supported(&mut fields, faults, &[("from", "rules that look at the old value")]);
    let to = fields.required(faults, "to");
    fields.finish(faults);
    match &to?.value {
        Value::List(items) => Some(To::AnyOf(items.iter().map(Node::to_json).collect())),
        Value::Map(_) => {
            let mut fields = to?.map(faults, "`to`")?;
            let given = fields.bool(faults, "given");
            fields.finish(faults);
            given.map(To::Given)
        }
        _ => Some(To::AnyOf(vec![to?.to_json()])),
    }
}

pub(super) fn relation(add: &Node, remove: &Node, shared: &[Arc<AnswerRule>], faults: &mut Faults) -> Option<Relation> {
    let (add, add_batch) = member_call(add, shared, faults)?;
    let (remove, remove_batch) = member_call(remove, shared, faults)?;
    Some(Relation { add, remove, add_batch, remove_batch })
}

fn member_call(node: &Node, shared: &[Arc<AnswerRule>], faults: &mut Faults) -> Option<(CallTemplate, usize)> {
    let setting = Setting { names: &["id", "value", "values"], shared };
    if node.as_text().is_some() {
        return Some((call(node, &setting, faults)?, 1));
    }
    let mut fields = node.map(faults, "a call")?;
    let call = call::from_fields(&mut fields, &setting, faults);
    let batch = fields.integer(faults, "batch", 1..=10_000);
    let span = fields.span();
    fields.finish(faults);
    let call = call?;
    let mut names = Vec::new();
    call.json.iter().for_each(|t| t.names(&mut names));
    let many = names.iter().any(|n| n == "values");
    if many != batch.is_some() {
        faults
            .error(
                span,
                "batch-or-not",
                if many {
                    "a call that sends `values` says how many fit in one"
                } else {
                    "`batch` needs a call that sends `$.values`"
                },
            )
            .help(if many {
                "write `batch: 100`, with the number the app allows"
            } else {
                "leave `batch` out: this call is sent once for each member"
            });
    }
    Some((call, batch.and_then(|b| usize::try_from(b).ok()).unwrap_or(1)))
}
