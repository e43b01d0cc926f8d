//! Reading relations: `add` and `remove`, and lists that are kept in the records of those whom they name.

use std::sync::Arc;

use crate::{
    diagnostic::{Faults, Span, did_you_mean},
    mapping::{
        Records, Resource,
        call::CallTemplate,
        line::{FieldSource, Of, Source},
        relation::{Derived, Joining, Relation},
        rest::RestRecords,
    },
    scim::{
        path::AttrPath,
        schema::{Resolution, ResourceType, Target},
    },
    yaml::{Fields, Key, Node},
};

use super::{
    call::{self, call},
    draft::{Draft, Said},
    facts::Facts,
    frame::Shared,
    kind::Written,
    name::Named,
    setting::Setting,
};

/// A derived list, before the type that keeps it is read.
pub(super) struct Open {
    target: Target,
    part: String,
    keeper: String,
    list: String,
    moves: bool,
    relation: Option<Relation>,
    writes: bool,
    span: Span,
}

/// Whose list `User.groups` is: the type and the attribute.
fn source(node: &Node) -> Option<(&str, &str)> {
    node.get("from")?.as_text()?.split_once('.')
}

/// Whether a line says that somebody is in one of these at most.
fn moves(node: &Node) -> bool {
    node.get("moves").is_some_and(|moves| moves.to_json() == serde_json::json!(true))
}

/// The type whose list is derived from this one, and whether there is room for one only.
pub(super) fn derived_from(own: &Written<'_>, target: &Target, types: &[Written<'_>]) -> Option<(Of, bool)> {
    let here = |node: &Node| {
        source(node).is_some_and(|(kind, list)| kind == own.name() && list.eq_ignore_ascii_case(&target.to_string()))
    };
    types.iter().find_map(|other| {
        let lines = other.node.get("attributes")?.as_map()?;
        let (_, line) = lines.iter().find(|(_, line)| here(line))?;
        let of = Of { name: other.name().to_owned(), endpoint: other.all.endpoint.clone() };
        Some((of, moves(line)))
    })
}

/// Reads `members: { from: User.groups }`.
pub(super) fn from<'n>(
    fields: &mut Fields<'n>,
    named: &Named,
    own: &Written<'_>,
    types: &[Written<'_>],
    faults: &mut Faults,
) -> Option<Said<'n>> {
    let node = fields.required(faults, "from")?;
    let text = node.text(faults, "`from`")?;
    let relation = fields.take("add").zip(fields.take("remove"));
    fields.bool(faults, "moves");
    let facts = Facts::take(fields, named.leaf(), faults);
    let Some((kind, list)) = text.split_once('.') else {
        faults
            .error(node.span, "bad-value", format!("`{text}` is not a list of another type"))
            .help("write type and attribute: `from: User.groups`");
        return None;
    };
    let keeper = types.iter().find(|t| t.name() == kind);
    let Some(keeper) = keeper.filter(|keeper| keeper.name() != own.name()) else {
        let fault =
            faults.error(node.span, "unknown-resource", format!("`{kind}` is no other resource of this mapping"));
        match did_you_mean(kind, types.iter().map(Written::name).filter(|name| *name != own.name())) {
            Some(near) => fault.help(format!("write `{near}.{list}`")),
            None => fault.help("name the type that keeps the list"),
        };
        return None;
    };
    let of = Of { name: keeper.name().to_owned(), endpoint: keeper.all.endpoint.clone() };
    let writes = relation.is_some() || keeper.node.get("update").is_some();
    let value = Source::From { of, part: Some(format!("({})", named.target)) };
    Some(Said { value, facts, relation, writes })
}

/// The derived lists of a type.
pub(super) fn open(drafts: &[Draft<'_>], entries: &[(Key, Node)], shared: &Shared, faults: &mut Faults) -> Vec<Open> {
    let mut found = Vec::new();
    for draft in drafts {
        let Source::From { part: Some(part), .. } = &draft.line.value else { continue };
        let line = entries.iter().find(|(key, _)| key.span == draft.span).map(|(_, node)| node);
        let Some((keeper, list)) = line.and_then(source) else { continue };
        found.push(Open {
            target: draft.line.target.clone(),
            part: part.clone(),
            keeper: keeper.to_owned(),
            list: list.to_owned(),
            moves: line.is_some_and(moves),
            relation: draft.relation.and_then(|calls| relation(&draft.line.target, calls, shared, faults)),
            writes: draft.line.create || draft.line.update,
            span: draft.span,
        });
    }
    if let Some(second) = found.iter().filter(|open| open.writes).nth(1) {
        faults.not_supported(second.span, "two lists of members in one resource type");
    }
    found
}

/// Puts derived lists on those they are derived from: types whose lists are kept elsewhere come after those that keep them.
pub(super) fn link(types: Vec<(Resource, Vec<Open>)>, faults: &mut Faults) -> Vec<Arc<Resource>> {
    let names: Vec<String> = types.iter().map(|(resource, _)| resource.kind.name.clone()).collect();
    let mut left = types;
    let mut made: Vec<Arc<Resource>> = Vec::new();
    while !left.is_empty() {
        let ready = |(_, open): &(Resource, Vec<Open>)| {
            open.iter().all(|o| made.iter().any(|m| m.kind.name == o.keeper) || !names.contains(&o.keeper))
        };
        let Some(at) = left.iter().position(ready) else {
            if let Some(open) = left.iter().flat_map(|(_, open)| open).next() {
                faults.not_supported(open.span, "lists that are derived from each other");
            }
            break;
        };
        let (mut resource, open) = left.remove(at);
        for open in open {
            let Some(keeper) = made.iter().find(|m| m.kind.name == open.keeper).cloned() else { continue };
            let derived = derived(&resource, open, keeper, faults);
            if let (Records::Rest(records), Some(derived)) = (&mut resource.records, derived) {
                records.derived.push(derived);
            }
        }
        made.push(Arc::new(resource));
    }
    made.sort_by_key(|resource| names.iter().position(|name| *name == resource.kind.name));
    made
}

/// The attribute of a line as its type offers it, as clients' changes name it.
pub(super) fn offered(kind: &ResourceType, target: &Target) -> Target {
    match AttrPath::parse(&target.to_string()).map(|path| kind.resolve(&path)) {
        Ok(Resolution::Offered(offered)) => offered,
        _ => target.clone(),
    }
}

fn derived(own: &Resource, open: Open, keeper: Arc<Resource>, faults: &mut Faults) -> Option<Derived> {
    let Open { target, part, keeper: kind, list, moves, relation, writes, span } = open;
    let line = keeper.lines.iter().find(|line| line.target.to_string().eq_ignore_ascii_case(&list));
    let each = line.and_then(|line| match &line.value {
        Source::Each(each) if each.of.as_ref().is_some_and(|of| of.name == own.kind.name) => Some((line, each)),
        _ => None,
    });
    let Some((line, each)) = each else {
        faults
            .error(
                span,
                "unknown-attribute",
                format!("`{kind}.{list}` is no list of {}s in a {kind}'s record", own.kind.name),
            )
            .help(format!("write a line for it there: `{list}: {{ each: $.{list}, value: $ }}`"));
        return None;
    };
    let Records::Rest(records) = &keeper.records else { return None };
    if records.lists.is_empty() && records.fixed.is_none() {
        faults
            .error(
                span,
                "missing-key",
                format!("whom `{target}` names is found in the list of {kind}s, and there is none"),
            )
            .help(format!("add `list` to {kind}"));
    }
    let by_calls = relation.is_some();
    if writes && !by_calls {
        let under = |part: &&crate::mapping::rest::Part| each.items.field() == Some(part.name.as_str());
        let value = each.fields.iter().find(|field| field.sub == "value").map(|field| &field.value);
        let whole = each.items.writes() && !each.items.is_whole() && !records.parts.iter().any(|p| under(&p));
        let written = matches!(value, Some(FieldSource::At { at, codec }) if at.writes() && codec.writes());
        if !whole || !written {
            faults
                .error(
                    span,
                    "cannot-write",
                    format!("`{kind}.{list}` cannot be written: it is no plain list of the record"),
                )
                .help("say how a member joins and leaves, `add` and `remove`, or write `access: [read]`");
        } else if !takes(records, &line.target, each.items.field()) {
            faults
                .error(
                    span,
                    "unclaimed-change",
                    format!("no rule of `update` of {kind} sends `{list}`, by which members join and leave"),
                )
                .help("send `$.changed` or `$.whole` there, say `add` and `remove` here, or write `access: [read]`");
        }
    }
    if writes && !by_calls && !records.update.iter().all(|rule| rule.call.guarded()) {
        faults
            .advice(span, "lost-edit", format!("who joins or leaves gets `{kind}.{list}` written whole: an edit of it made in the app meanwhile is lost"))
            .help("writes through this gateway wait for each other; if the app has calls for joining and leaving, say `add` and `remove`");
    }
    let (target, list) = (offered(&own.kind, &target), offered(&keeper.kind, &line.target));
    let writes = match relation {
        _ if !writes => None,
        Some(relation) => Some(Joining::Calls(Box::new(relation))),
        None => Some(Joining::Whole { moves }),
    };
    Some(Derived { target, part, keeper, list, writes })
}

/// Whether the rule that takes changes of a list sends it.
fn takes(records: &RestRecords, list: &Target, field: Option<&str>) -> bool {
    let rule = records
        .update
        .iter()
        .find(|rule| rule.when.is_empty() || rule.when.iter().any(|(target, _)| target.covers(list)));
    rule.is_some_and(|rule| {
        let calls = rule.ahead.iter().chain([&rule.call]);
        calls.flat_map(CallTemplate::uses).any(|(name, below)| {
            matches!(name.as_str(), "changed" | "whole") && (below.is_none() || below.as_deref() == field)
        })
    })
}

/// Reads the calls of a relation.
pub(super) fn relation(
    target: &Target,
    (add, remove): (&Node, &Node),
    shared: &Shared,
    faults: &mut Faults,
) -> Option<Relation> {
    let (add, add_batch) = member_call(add, shared, faults)?;
    let (remove, remove_batch) = member_call(remove, shared, faults)?;
    Some(Relation { target: target.clone(), add, remove, add_batch, remove_batch })
}

fn member_call(node: &Node, shared: &Shared, faults: &mut Faults) -> Option<(CallTemplate, usize)> {
    let setting = Setting::writing(&["id", "value", "values"], &[], shared);
    let node = &*shared.framed(node, setting.holds);
    if node.as_text().is_some() {
        let call = call(node, &setting, faults)?;
        names_member(&call, node.span, faults);
        return Some((call, 1));
    }
    let mut fields = node.map(faults, "a call")?;
    let call = call::from_fields(&mut fields, &setting, faults);
    let batch = fields.integer(faults, "batch", 1..=10_000);
    let span = fields.span();
    fields.finish(faults);
    let call = call?;
    names_member(&call, span, faults);
    let many = call.names("values");
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

fn names_member(call: &CallTemplate, span: Span, faults: &mut Faults) {
    if !call.names("value") && !call.names("values") {
        faults
            .error(span, "nameless-member", "this call does not say which member is meant")
            .help("put `{{value}}` into the path or `$.value` into `json`");
    }
}
