//! What no line shows by itself: lines that get in each other's way, attributes that nothing writes, names that nothing
//! reads.

use std::sync::Arc;

use crate::{
    diagnostic::{Faults, Span},
    mapping::{
        Records, Resource,
        call::CallTemplate,
        line::{Line, Source},
        pattern::Subject,
        rest::{ChangeRule, FilterRule, Get, List},
        selector::Selector,
        sql::{ColumnIs, ColumnTest},
        term::NAMES,
    },
    scim::filter::CompareOp,
    scim::published,
    scim::schema::{Attribute, Mutability, ResourceType, Target},
    yaml::{Key, Node},
};

use super::{draft::Draft, kind::Written};

/// Two lines must not write the same field; of a list each may edit its own items.
pub(super) fn check_overlaps(drafts: &[Draft<'_>], faults: &mut Faults) {
    let mut seen: Vec<(&Selector, &Target, bool)> = Vec::new();
    for draft in drafts.iter().filter(|d| d.line.create || d.line.update) {
        let edits = draft.line.edits().is_some();
        for at in places(draft) {
            if let Some((_, other, _)) = seen.iter().find(|(known, _, edited)| *known == at && !(edits && *edited)) {
                faults
                    .error(
                        draft.span,
                        "shared-field",
                        format!("`{}` and `{other}` both write {}", draft.line.target, at.text()),
                    )
                    .help("let one of them be `access: [read]`");
            }
            seen.push((at, &draft.line.target, edits));
        }
    }
}

/// The single fields that a line writes.
pub(super) fn places<'d>(draft: &'d Draft<'_>) -> Vec<&'d Selector> {
    match &draft.line.value {
        Source::At { at, .. } => vec![at],
        Source::Slots(slots) => slots.iter().flat_map(|slot| &slot.fields).map(|field| &field.at).collect(),
        _ => Vec::new(),
    }
}

/// What stands where the id stands is not updated: the record would have another id afterwards (RFC 7643 §3.1).
pub(super) fn check_id(id: &Selector, drafts: &[Draft<'_>], faults: &mut Faults) {
    for draft in drafts.iter().filter(|d| d.line.update) {
        if matches!(&draft.line.value, Source::At { at, .. } if at == id) {
            let message = format!(
                "`{}` writes {}, which is the id: a change would make it another record",
                draft.line.target,
                id.text()
            );
            faults
                .error(draft.span, "moving-id", message)
                .help("say that it stays as it was made: `access: [read, create]`");
        }
    }
}

/// What a resource type must offer: what its schemas require, and something of every required extension.
/// `written` are the targets of all lines, those with faults among them: what is there and wrong is not missing as well.
pub(super) fn check_required(all: &ResourceType, written: &[Target], span: Span, faults: &mut Faults) {
    let has = |urn: Option<&str>, name: Option<&str>| {
        written.iter().any(|t| t.extension.as_deref() == urn && name.is_none_or(|name| t.attribute.name == name))
    };
    let asked = |a: &&Arc<Attribute>| a.required && a.mutability != Mutability::ReadOnly;
    let mut missing = |line: String| {
        faults
            .error(span, "missing-attribute", format!("a {} needs `{line}`", all.name))
            .help(format!("add a line `{line}: …`"));
    };
    for attribute in all.schema.attributes.iter().filter(asked).filter(|a| !has(None, Some(&a.name))) {
        missing(attribute.name.clone());
    }
    for extension in &all.extensions {
        let urn = extension.schema.id.as_str();
        if !extension.required && !has(Some(urn), None) {
            continue;
        }
        let lost = extension.schema.attributes.iter().filter(asked).filter(|a| !has(Some(urn), Some(&a.name)));
        let lost: Vec<String> = lost.map(|a| format!("{urn}:{}", a.name)).collect();
        if lost.is_empty() && !has(Some(urn), None) {
            missing(format!("{urn}:{}", extension.schema.attributes.first().map_or("…", |a| &a.name)));
        }
        lost.into_iter().for_each(&mut missing);
    }
}

/// One type keeps one list of members.
pub(super) fn check_links(drafts: &[Draft<'_>], faults: &mut Faults) {
    if let Some(second) = drafts.iter().filter(|d| d.relation.is_some()).nth(1) {
        faults.not_supported(second.span, "two lists with `add` and `remove` in one resource type");
    }
}

/// Clients that may lock everybody out can lock out who would let them in again.
pub(super) fn check_open(resource: &Resource, all: &[Arc<Resource>], types: &[Written<'_>], faults: &mut Faults) {
    let active = |line: &Line| line.update && line.target.extension.is_none() && line.target.attribute.name == "active";
    let names = |line: &Line| match &line.value {
        Source::Each(each) => each.of.iter().chain(&each.also).any(|of| of.name == resource.kind.name),
        _ => false,
    };
    let named = all.iter().any(|other| other.lines.iter().any(names));
    let (open, deletes) = match &resource.records {
        // where a list of the app names these resources, either word costs a read for each: that is not for us to advise
        Records::Rest(records) => (!resource.is_guarded() && !named, !records.delete.is_empty()),
        Records::Sql(records) => {
            let own = |test: &ColumnTest| !matches!(test.is, ColumnIs::Tenant(_));
            (records.protect.is_empty() && !records.only.iter().any(own), true)
        }
    };
    let what = match (resource.lines.iter().any(active), deletes) {
        (true, true) => "deactivate and delete",
        (true, false) => "deactivate",
        (false, true) => "delete",
        (false, false) => return,
    };
    if let Some(written) = types.iter().find(|t| t.name() == resource.kind.name)
        && open
        && resource.kind.schema.id == published::user().id
    {
        faults
            .warning(written.span, "open-scope", format!("clients may {what} every user, the app's own administrators among them"))
            .help("say which records are meant, `where: { … }`, or which are never written, `protect: { login: [root, admin] }`");
    }
}

/// Who is outside `where` is shown as no member: a list from which the other side is derived says itself which of its items
/// are meant, of any other the records of those whom it names are read.
pub(super) fn check_scope(drafts: &[Draft<'_>], own: &Written<'_>, types: &[Written<'_>], faults: &mut Faults) {
    for draft in drafts {
        let Source::Each(each) = &draft.line.value else { continue };
        let Some(named) = each.of.as_ref().and_then(|of| types.iter().find(|t| t.name() == of.name)) else { continue };
        let scoped = |key: &str| named.node.get(key).is_some();
        if super::relation::derived_from(own, &draft.line.target, types).is_some() {
            if scoped("where") && each.pattern.is_empty() {
                let message = format!("`{}` may name a {} that its `where` hides", draft.line.target, named.name());
                faults
                    .error(draft.span, "missing-key", message)
                    .help("say here as well which items are meant: `where: { … }`");
            }
        } else if each.scoped && !each.items.writes() {
            let message = format!("who of `{}` is meant cannot be told at {}", draft.line.target, each.items.text());
            faults
                .error(draft.span, "bad-path", message)
                .help(format!("{} has `where` or `protect`: write a plain path to a list, `$.people`", named.name()));
        } else if each.scoped && scoped("where") {
            let message =
                format!("where `{}` is shown, the record of each {} in it is read", draft.line.target, named.name());
            faults
                .advice(draft.span, "scoped-members", message)
                .help("an id does not tell whether `where` holds; more than a few are looked for in the list, if there is one");
        }
    }
}

/// A record that is read from a list without a rule for ids costs a walk each time; one that the mapping names has no call.
pub(super) fn check_get(get: Option<&Get>, lists: &[List], fixed: bool, span: Span, faults: &mut Faults) {
    let by_id = |rule: &FilterRule| {
        rule.target.extension.is_none() && rule.target.attribute.name == "id" && rule.op == CompareOp::Equal
    };
    match get {
        Some(Get::Call(call)) if fixed => {
            faults
                .error(span, "no-effect", format!("records that the mapping names are not read by `{}`", call.line))
                .help("write `get: list`");
        }
        Some(Get::List) if !lists.iter().all(|list| list.filters.iter().any(by_id)) => {
            faults
                .advice(span, "walked-list", "every read of one record goes through the whole list until it is found")
                .help("if the app can be asked for one, add a rule: `id eq ?: { query: { id: $.value } }`");
        }
        _ => {}
    }
}

/// What is looked for before a write is looked for in the list.
pub(super) fn check_looked(has_list: bool, drafts: &[Draft<'_>], faults: &mut Faults) {
    for draft in drafts.iter().filter(|d| d.line.checked && !has_list) {
        faults
            .error(
                draft.span,
                "missing-key",
                format!("`{}` is looked for before a write, and there is no `list`", draft.line.target),
            )
            .help("add `list` with a rule for it, or write `unique: app`, if the app refuses a second one");
    }
}

/// Who was made is looked for in the list.
pub(super) fn check_probed(has_list: bool, probes: bool, span: Span, faults: &mut Faults) {
    if probes && !has_list {
        faults
            .error(span, "missing-key", "`repeat: probe` looks for who was made, and there is no `list`")
            .help("add `list` with a rule for the name, or leave `repeat` out");
    }
}

/// Whether a line is written by the rules of its type: neither by calls of its own nor into other records.
pub(super) fn is_own(draft: &Draft<'_>) -> bool {
    draft.relation.is_none() && !matches!(draft.line.value, Source::From { .. })
}

/// Every change a client may make is one that some rule sends.
pub(super) fn check_claims(
    span: Span,
    drafts: &[Draft<'_>],
    creates: bool,
    update: &[ChangeRule],
    faults: &mut Faults,
) {
    let named = |target: &Target| {
        let same = |(t, _): &(Target, _)| t.extension == target.extension && t.attribute.name == target.attribute.name;
        update.iter().any(|rule| rule.when.is_empty() || rule.when.iter().any(same))
    };
    let unclaimed: Vec<&Draft<'_>> =
        drafts.iter().filter(|d| d.line.update && is_own(d) && !named(&d.line.target)).collect();
    if update.is_empty() && unclaimed.len() > 1 {
        let names: Vec<String> = unclaimed.iter().map(|d| format!("`{}`", d.line.target)).collect();
        faults
            .error(span, "unclaimed-change", format!("there is no `update` that writes {}", names.join(", ")))
            .help("add `update`, or say in each line that it cannot be changed: `access: [read, create]`");
    } else {
        for draft in unclaimed {
            faults
                .error(draft.span, "unclaimed-change", format!("no rule of `update` writes `{}`", draft.line.target))
                .help("add a rule for it, or say that it cannot be changed: `access: [read, create]`");
        }
    }
    for draft in drafts.iter().filter(|d| !creates && matches!(d.facts.access, Some((_, true, _)))) {
        faults
            .error(draft.span, "unclaimed-change", format!("there is no `create` that writes `{}`", draft.line.target))
            .help("add `create`, or leave the word out of `access`");
    }
}

/// A list that is read and sent back with a change in it undoes an edit made in between (law 6).
pub(super) fn check_edits(drafts: &[Draft<'_>], update: &[ChangeRule], faults: &mut Faults) {
    let guarded = |rule: &ChangeRule| rule.call.guarded();
    let edits = |d: &&Draft<'_>| d.line.edits().is_some() || matches!(d.line.value, Source::Each(_)) && is_own(d);
    for draft in drafts.iter().filter(|d| d.line.update && !update.iter().all(guarded)).filter(edits) {
        let what = if draft.line.edits().is_some() { "one item of a list that is" } else { "a list that is" };
        let message =
            format!("`{}` is {what} sent whole: an edit made in the app meanwhile is lost", draft.line.target);
        faults.advice(draft.span, "lost-edit", message).help(
            "writes through this gateway wait for each other; if the app has calls of its own for this, name them in \
             rules of `update`",
        );
    }
}

/// What a write asks of the record stands in the record itself: parts are not read for it.
pub(super) fn check_unread(parts: &[(Key, Node)], update: &[ChangeRule], delete: &[CallTemplate], faults: &mut Faults) {
    let rules = update.iter().flat_map(|rule| rule.ahead.iter().chain([&rule.call]));
    let calls = rules.chain(delete).flat_map(|call| [Some(call), call.undo.as_deref()]).flatten();
    let (mut sent, mut tested) = (Vec::new(), Vec::new());
    for call in calls {
        sent.extend(call.uses());
        let tests = call.when.iter().flat_map(|when| &when.entries);
        tested.extend(tests.filter_map(|(subject, _)| match subject {
            Subject::At(at) => at.text().strip_prefix("$.before."),
            Subject::Header(_) | Subject::Status => None,
        }));
    }
    for (key, _) in parts {
        let part = Some(key.name.as_str());
        let sends =
            sent.iter().any(|(name, field)| matches!(name.as_str(), "before" | "whole") && field.as_deref() == part);
        if sends || tested.iter().any(|path| path.split(['.', '[']).next() == part) {
            faults
                .error(
                    key.span,
                    "unread-part",
                    format!("`$.before.{}` is a part, which is not read for a write", key.name),
                )
                .help(format!(
                    "read it in a step in front: `{{ call: \"GET …\", keep: {{ {0}: $ }} }}`, and write `$.{0}`",
                    key.name
                ));
        }
    }
}

/// A part is read by some line, and written by none that a rule does not name.
pub(super) fn check_parts(parts: &[(Key, Node)], drafts: &[Draft<'_>], update: &[ChangeRule], faults: &mut Faults) {
    for (key, _) in parts {
        let under = |draft: &&Draft<'_>| draft.line.reads_from(&key.name);
        let readers: Vec<&Draft<'_>> = drafts.iter().filter(under).collect();
        if readers.is_empty() {
            faults
                .warning(
                    key.span,
                    "no-effect",
                    format!("no line reads from `$.{0}`, so the part `{0}` is never fetched", key.name),
                )
                .help("add a line, or leave the part out");
        }
        for draft in readers.into_iter().filter(|d| d.relation.is_none()) {
            let named = update.iter().any(|r| r.when.iter().any(|(t, _)| *t == draft.line.target));
            if draft.line.create || (draft.line.update && !named) {
                faults
                    .error(
                        draft.span,
                        "written-part",
                        format!(
                            "`{}` stands in the part `{}`, which the app writes elsewhere",
                            draft.line.target, key.name
                        ),
                    )
                    .help("write `access: [read]`");
            }
        }
    }
}

/// What a client sends must reach the app: a call that picks fields of these names (`record`, `changed`) misses the others.
pub(super) fn check_sent<'c>(
    calls: impl Iterator<Item = &'c CallTemplate>,
    names: &[&str],
    lines: &[&Draft<'_>],
    span: Span,
    faults: &mut Faults,
) {
    let calls: Vec<&CallTemplate> = calls.collect();
    let known = |name: &str| NAMES.contains(&name) || calls.iter().any(|c| c.keep.iter().any(|(kept, _)| kept == name));
    // What is no name has its own fault, and may be meant to send all of it.
    if calls.iter().flat_map(|call| call.uses()).any(|(used, _)| !known(&used)) {
        return;
    }
    // what a step sends that may be left out is not sure to be sent
    let always = calls.iter().filter(|call| call.when.is_none()).flat_map(|call| call.uses());
    let used: Vec<Option<String>> = always.filter(|(n, _)| names.contains(&n.as_str())).map(|(_, f)| f).collect();
    if used.contains(&None) {
        return;
    }
    let sent = |field: &&str| used.iter().flatten().any(|u| u == field);
    let lost: Vec<String> = lines
        .iter()
        .filter(|d| fields(d).iter().any(|field| !sent(field)))
        .map(|d| format!("`{}`", d.line.target))
        .collect();
    if !lost.is_empty() {
        faults
            .error(
                span,
                "unsent-attribute",
                format!("this call does not send {}, so what a client says would be lost", lost.join(", ")),
            )
            .help(match names {
                ["record"] => {
                    "send `$.record`, name what the call sends in `takes`, or leave `create` out of the line's `access`"
                }
                _ => "send `$.changed`, or name what the call changes in `when`",
            });
    }
}

/// The fields of the record that a line reads and writes.
fn fields<'d>(draft: &'d Draft<'_>) -> Vec<&'d str> {
    match &draft.line.value {
        Source::At { at, .. } => at.field().into_iter().collect(),
        Source::Slots(slots) => slots.iter().flat_map(|slot| &slot.fields).filter_map(|f| f.at.field()).collect(),
        Source::Each(each) => each.items.field().into_iter().collect(),
        Source::Text(_) | Source::Constant(_) | Source::Address { .. } | Source::From { .. } => Vec::new(),
    }
}
