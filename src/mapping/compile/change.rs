//! Reading how records of an HTTP app are made and changed: `create` and the rules of `update`.

use http::Method;
use serde_json::json;

use crate::{
    diagnostic::{Faults, Span},
    mapping::{
        call::{CallTemplate, Segment},
        line::Source,
        rest::{Becomes, ChangeRule, Create, To},
        selector::Selector,
        template::Template,
    },
    scim::{
        path::AttrPath,
        published,
        schema::{Resolution, ResourceType, Target},
    },
    yaml::{Fields, Node, Value},
};

use super::{call::call, check::check_sent, draft::Draft, frame::Shared, setting::Setting};

pub(super) fn create(
    node: &Node,
    kind: &ResourceType,
    drafts: &[Draft<'_>],
    shared: &Shared,
    faults: &mut Faults,
) -> Option<Create> {
    let setting = Setting { makes: true, ..Setting::writing(&["record"], &["record", "id"], shared) };
    let node = shared.framed(node, setting.holds);
    let mut fields = node.map(faults, "`create`")?;
    let calls = super::steps::calls(&mut fields, &setting, faults);
    let start = match fields.take("start") {
        Some(node) => {
            node.entries(faults, "`start`");
            literal(node, faults);
            node.to_json()
        }
        None => json!({}),
    };
    let takes = fields.take("takes").map(|n| takes(n, kind, faults));
    let span = fields.span();
    fields.finish(faults);
    let (ahead, call) = calls?;
    if call.record.is_none() && call.id.is_none() {
        faults
            .error(span, "nameless-create", "the reply of `create` tells neither the record nor its id")
            .help("write `record: $` or `id: $.id`, where the reply holds it");
    }
    check_overwrites(&call, drafts, span, faults);
    let names = |d: &&Draft<'_>| {
        let target = &d.line.target;
        let named = matches!(target.attribute.name.as_str(), "userName" | "displayName");
        d.facts.unique && named && target.extension.is_none() && target.sub.is_none()
    };
    if ahead.iter().any(|call| call.probe) || call.probe && !ahead.is_empty() {
        faults.not_supported(span, "probes of several steps (`repeat: probe`)");
    } else if call.probe && !drafts.iter().any(|d| names(&d)) {
        faults
            .error(span, "nameless-probe", "who was made is looked for by name, and the app may know two of one name")
            .help("say `unique` on the line of `userName` or `displayName`, if it is; or leave `repeat: probe` out");
    }
    let create = Create { ahead, call, start, takes };
    let taken: Vec<&Draft<'_>> = drafts.iter().filter(|d| d.line.create && create.takes(&d.line.target)).collect();
    check_sent(create.ahead.iter().chain([&create.call]), &["record"], &taken, span, faults);
    Some(create)
}

/// A PUT makes a record or replaces the one that is there: the gateway looks first by what stands in its address.
fn check_overwrites(call: &CallTemplate, drafts: &[Draft<'_>], span: Span, faults: &mut Faults) {
    let mut used = Vec::new();
    for segment in &call.sends.path {
        if let Segment::Text(text) = segment {
            text.uses(&mut used);
        }
    }
    let at = |draft: &Draft<'_>| match &draft.line.value {
        Source::At { at, .. } => at.field().map(str::to_owned),
        _ => None,
    };
    let looked = |draft: &Draft<'_>| draft.line.checked && used.contains(&("record".to_owned(), at(draft)));
    if call.method == Method::PUT && !drafts.iter().any(looked) {
        faults
            .error(span, "overwriting-create", "a PUT that meets a record of this name replaces it")
            .help("let the gateway look first: `unique: checked` in the line of a value that stands in the address, `/users/{{record.login}}`");
    }
}

/// `start` is a record as it is, without holes.
fn literal(node: &Node, faults: &mut Faults) {
    match &node.value {
        Value::Text(text) if text.starts_with('$') || Template::has_holes(text) => {
            faults
                .error(node.span, "bad-value", "`start` holds values as they are: nothing is filled in here")
                .help("write the value itself; what a client sends comes through the lines");
        }
        Value::List(items) => items.iter().for_each(|n| literal(n, faults)),
        Value::Map(entries) => entries.iter().for_each(|(_, n)| literal(n, faults)),
        _ => {}
    }
}

fn takes(node: &Node, kind: &ResourceType, faults: &mut Faults) -> Vec<Target> {
    let mut taken: Vec<Target> = Vec::new();
    for node in node.list(faults, "`takes`").unwrap_or_default() {
        let Some(text) = node.text(faults, "an attribute") else { continue };
        let Some(target) = named(text, node.span, kind, faults) else { continue };
        if target.sub.is_some() {
            faults
                .error(
                    node.span,
                    "bad-value",
                    format!("`{target}` is part of `{}`, which is taken whole", target.attribute.name),
                )
                .help(format!("write `{}`", target.attribute.name));
        } else if taken.contains(&target) {
            faults.warning(node.span, "no-effect", format!("`{target}` is named already")).help("leave it out");
        } else {
            taken.push(target);
        }
    }
    taken
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
    drafts: &[Draft<'_>],
    shared: &Shared,
    faults: &mut Faults,
) -> Vec<ChangeRule> {
    let nodes = match &node.value {
        Value::List(items) => items.as_slice(),
        _ => std::slice::from_ref(node),
    };
    let setting = Setting::writing(&["id", "changed", "before", "whole"], &["record"], shared);
    let mut rules = Vec::new();
    for node in nodes {
        if node.as_text().is_some() {
            rules.extend(
                call(node, &setting, faults).map(|call| {
                    (node.span, ChangeRule { when: Vec::new(), ahead: Vec::new(), call, drop: Vec::new() })
                }),
            );
            continue;
        }
        let node = &*shared.framed(node, setting.holds);
        let Some(mut fields) = node.map(faults, "a change rule") else { continue };
        let when = when(&mut fields, kind, faults);
        let calls = super::steps::calls(&mut fields, &setting, faults);
        let merges = fields.bool(faults, "merges").unwrap_or(false);
        let dropped = fields.take_entry("drop");
        let drop = dropped.map(|(_, node)| drop(node, faults)).unwrap_or_default();
        fields.finish(faults);
        let Some((ahead, call)) = calls else { continue };
        if let Some(reads) = ahead.iter().find(|call| call.reads()) {
            let message = format!("`{}` uses the record as just read, which only the last step may", reads.line);
            faults.error(node.span, "unknown-name", message).help("send `$.changed`, or put it last");
        }
        if let (Some((key, _)), false) = (dropped, call.names("whole")) {
            faults
                .error(key.span, "no-effect", "`drop` takes fields out of `$.whole`, which this call does not send")
                .help("leave it out");
        }
        check_put(&call, merges, node.span, faults);
        check_rival(&call, node.span, faults);
        rules.push((node.span, ChangeRule { when, ahead, call, drop }));
    }
    check_rules(&rules, drafts, faults);
    rules.into_iter().map(|(_, rule)| rule).collect()
}

/// Which changes a rule takes.
pub(super) fn when(fields: &mut Fields<'_>, kind: &ResourceType, faults: &mut Faults) -> Vec<(Target, Becomes)> {
    let mut when = Vec::new();
    if let Some((key, node)) = fields.take_entry("when") {
        let entries = node.entries(faults, "`when`").unwrap_or_default();
        if entries.is_empty() {
            faults
                .error(key.span, "empty-test", "`when` names no attribute")
                .help("name one, or leave `when` out: the rule then takes all that is left");
        }
        for (key, node) in entries {
            let target = named(&key.name, key.span, kind, faults);
            if let (Some(target), Some(to)) = (target, becomes(node, faults)) {
                when.push((target, to));
            }
        }
    }
    when
}

/// Most APIs replace the whole record by PUT, and fields that are not sent are gone: an app that keeps them must be said to.
fn check_put(call: &CallTemplate, merges: bool, span: Span, faults: &mut Faults) {
    let mut used = Vec::new();
    call.sends.body.iter().for_each(|body| body.term().uses(&mut used));
    // `$.changed.mail` picks one field: a call for just that, whatever its method.
    let sends_a_part = used.iter().any(|(name, field)| name == "changed" && field.is_none());
    if call.method == Method::PUT && sends_a_part && !merges {
        faults
            .error(span, "partial-put", "a PUT with `$.changed` sends a part of the record, and the app may drop the rest")
            .help(
                "send `$.whole`, the record as just read with the changes in it; if this app leaves unsent fields as they \
                 are, say `merges: true`",
            );
    }
}

/// What is read before a call and sent back with it undoes an edit made in between, unless the app is told which version
/// was read (law 6).
fn check_rival(call: &CallTemplate, span: Span, faults: &mut Faults) {
    if call.reads() && !call.guarded() {
        faults
            .advice(span, "lost-edit", "an edit made in the app between our read of the record and this call is lost")
            .help(
                "writes through this gateway wait for each other; if the app knows versions, send the one that was read: \
                 `headers: { If-Match: $.before.version }`",
            );
    }
}

/// Fields by their path or bare name.
fn drop(node: &Node, faults: &mut Faults) -> Vec<Selector> {
    let mut fields = Vec::new();
    for node in node.list(faults, "`drop`").unwrap_or_default() {
        let Some(text) = node.text(faults, "a field") else { continue };
        let path = if text.starts_with('$') { text.to_owned() } else { format!("$.{text}") };
        match Selector::compile(&path) {
            Ok(at) if at.writes() && !at.is_whole() => fields.push(at),
            _ => {
                faults
                    .error(node.span, "bad-path", format!("`{text}` is not one field of the record"))
                    .help("write its name, or a plain path: `$.profile.avatar`");
            }
        }
    }
    fields
}

/// Each rule can apply, and sends what it takes.
fn check_rules(rules: &[(Span, ChangeRule)], drafts: &[Draft<'_>], faults: &mut Faults) {
    if let Some(at) = rules.iter().position(|(_, r)| r.when.is_empty())
        && let Some((span, _)) = rules.get(at + 1)
    {
        faults
            .error(*span, "unreachable-rule", "a rule before this one has no `when` and takes everything")
            .help("put the rule without `when` last");
    }
    for (span, rule) in rules {
        let open = |becomes: &Becomes| match &becomes.to {
            Some(To::AnyOf(values)) => values.len() > 1,
            Some(To::Given(given)) => *given,
            None => true,
        };
        let mine = |draft: &&Draft<'_>| {
            let same = |(t, _): &&(Target, Becomes)| *t == draft.line.target;
            let told = |(_, r): &(Span, ChangeRule)| r.when.iter().any(|w| same(&w));
            match rule.when.iter().find(same) {
                Some((_, to)) => open(to),
                None => rule.when.is_empty() && !rules.iter().any(told),
            }
        };
        let lines: Vec<&Draft<'_>> =
            drafts.iter().filter(|d| d.line.update && super::check::is_own(d)).filter(mine).collect();
        check_sent(rule.ahead.iter().chain([&rule.call]), &["changed", "whole"], &lines, *span, faults);
        for line in lines {
            if let Some(at) = super::check::places(line).into_iter().find(|at| rule.drop.contains(at)) {
                faults
                    .error(
                        *span,
                        "unsent-attribute",
                        format!("`{}` writes {}, which `drop` takes out", line.line.target, at.text()),
                    )
                    .help("leave it in, or say that the app does not take it: `access: [read, create]`");
            }
        }
    }
}

/// `active: false`, `active: { to: false }`, `title: { from: trainee, to: { given: true } }`.
fn becomes(node: &Node, faults: &mut Faults) -> Option<Becomes> {
    let Value::Map(_) = node.value else {
        return Some(Becomes { from: None, to: Some(To::AnyOf(vec![node.to_json()])) });
    };
    let mut fields = node.map(faults, "what an attribute becomes")?;
    let mut side = |key| fields.take(key).map(|n| value_of(n, key, faults));
    let (from, to) = (side("from"), side("to"));
    if from.is_none() && to.is_none() {
        faults
            .error(node.span, "missing-key", "what an attribute becomes needs `to`, `from` or both")
            .help("write e.g. `active: { to: false }`");
    }
    fields.finish(faults);
    Some(Becomes { from: from.flatten(), to: to.flatten() })
}

fn value_of(node: &Node, key: &str, faults: &mut Faults) -> Option<To> {
    match &node.value {
        Value::List(items) => Some(To::AnyOf(items.iter().map(Node::to_json).collect())),
        Value::Map(_) => {
            let mut fields = node.map(faults, &format!("`{key}`"))?;
            let given = fields.bool(faults, "given");
            fields.finish(faults);
            given.map(To::Given)
        }
        _ => Some(To::AnyOf(vec![node.to_json()])),
    }
}
