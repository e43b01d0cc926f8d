//! Reading the source of many records: the list's call, its pages, and what of a filter it can be asked.

use serde_json::Value as Json;

use crate::{
    diagnostic::Faults,
    mapping::{
        Id,
        language::Language,
        line::{Fold, Line},
        pattern::same,
        rest::{FilterRule, List},
    },
    scim::{
        filter::{CompareOp, Filter},
        profile::Profile,
        published,
        schema::{Resolution, ResourceType, Target, Type},
    },
    yaml::{Fields, Key, Node, Value},
};

use super::{
    attributes::Draft,
    call::{self, Setting},
    codec,
    frame::Shared,
    gives::{Reads, gives},
    language::{Spoken, language},
    pages::{PAGED, check_pages, pages},
};

pub(super) fn list(
    node: &Node,
    kind: &ResourceType,
    lines: &[Draft<'_>],
    reads: &Reads<'_>,
    shared: &Shared,
    faults: &mut Faults,
) -> Option<List> {
    if matches!(node.value, Value::List(_)) {
        faults.not_supported(node.span, "several sources");
        return None;
    }
    let framed = shared.framed(node);
    let mut fields = framed.map(faults, "`list`")?;
    super::not_supported(
        &mut fields,
        faults,
        &[("holds", "sources with a condition"), ("sort", "sorting by the app"), ("together", "filters sent together")],
    );
    let gives = fields.take("gives").and_then(|node| gives(node, kind, lines, reads, faults));
    let speaks = node.get("filters").is_some_and(|filters| filters.get("language").is_some());
    let names: Vec<&str> = PAGED[1..].iter().copied().chain(speaks.then_some("filter")).collect();
    let call = call::from_fields(&mut fields, &Setting::reading(&names, &["rows"], shared), faults);
    let pages = fields.required(faults, "pages").and_then(|n| pages(n, &[], shared, faults));
    let around = Around { any_case: false, exactly: false, kind, lines, shared, list: node, names: &names };
    let (filters, language) = fields.map(faults, "filters").map(|f| filters(f, &around, faults)).unwrap_or_default();
    let span = fields.span();
    fields.finish(faults);
    let (call, pages) = (call?, pages?);
    if call.rows.is_none() {
        faults
            .error(span, "missing-key", "`list` needs `rows`")
            .help("say where the reply holds its rows: `rows: $.data`, or `rows: $` for a bare list");
        return None;
    }
    check_pages(&call, Some(&pages), span, faults);
    if let Some(language) = &language
        && language.leaves.iter().any(|leaf| leaf.is.is_some())
        && !call.names("filter")
    {
        faults
            .error(span, "unsent-filter", format!("the call does not say where a filter in `{}` goes", language.name))
            .help("put `$.filter` where the app expects it: `query: { $filter: $.filter }`");
    }
    Some(List { call, gives, pages, filters, language })
}

/// Reads `{ fixed: [ … ] }`: records that exist only by name.
pub(super) fn fixed(node: &Node, id: Option<&Id>, faults: &mut Faults) -> Option<Vec<Json>> {
    let mut fields = node.map(faults, "`list`")?;
    let mut rows: Vec<Json> = Vec::new();
    let mut ids: Vec<Json> = Vec::new();
    for node in fields.list(faults, "fixed") {
        let row = node.to_json();
        match id.map(|id| id.at.one(&row).filter(|v| !v.is_null() && v.as_str() != Some(""))) {
            Some(Some(found)) if ids.iter().any(|known| same(known, found)) => {
                faults
                    .error(node.span, "duplicate-name", format!("another record has the id {found}"))
                    .help("an id names one record");
            }
            Some(Some(found)) => ids.push(found.clone()),
            Some(None) => {
                let at = id.map_or("$.id", |id| id.at.text());
                faults
                    .error(node.span, "missing-key", format!("this record has no id at {at}"))
                    .help("write every record as the app would: `{ slug: editor, name: Editor }`");
            }
            None => {}
        }
        rows.push(row);
    }
    if rows.is_empty() {
        faults
            .error(fields.span(), "missing-key", "`fixed` names no record")
            .help("write what there is: `fixed: [{ slug: editor, name: Editor }]`");
    }
    fields.finish(faults);
    Some(rows)
}

fn filters(mut fields: Fields<'_>, around: &Around<'_>, faults: &mut Faults) -> (Vec<FilterRule>, Option<Language>) {
    let any_case = fields.choice(faults, "case", &[("any", true), ("exact", false)]).unwrap_or(false);
    let exactly = fields.choice(faults, "matches", &[("exactly", true), ("more", false)]).unwrap_or(false);
    let over = fields.has("over").then(|| {
        let names = fields.list(faults, "over");
        names.iter().filter_map(|node| attribute(node, around.kind, faults)).collect()
    });
    let spoken = Spoken { any_case, exactly, over, lines: around.lines, shared: around.shared };
    let language = fields.take("language").and_then(|node| language(node, &spoken, faults));
    let around = Around { any_case, exactly, ..*around };
    let mut rules = Vec::new();
    for (key, node) in fields.rest() {
        rules.extend(filter(key, node, &around, faults));
    }
    (rules, language)
}

/// One of the attributes that `over` or `gives` names.
pub(super) fn attribute(node: &Node, kind: &ResourceType, faults: &mut Faults) -> Option<Target> {
    let text = node.text(faults, "an attribute")?;
    let found = match Filter::parse(&format!("{} pr", in_full(text)), &Profile::STRICT) {
        Ok(Filter::Present(path)) => kind.resolve(&path),
        _ => Resolution::Unknown,
    };
    match found {
        Resolution::Offered(target) => Some(target),
        _ => {
            faults
                .error(node.span, "unknown-attribute", format!("`{text}` is not an attribute with a line"))
                .help("name what `attributes` has");
            None
        }
    }
}

/// What every filter rule of a list is read against.
struct Around<'a> {
    /// `case` of all rules that do not say it themselves.
    any_case: bool,
    /// `matches` of all rules that do not say it themselves.
    exactly: bool,
    kind: &'a ResourceType,
    lines: &'a [Draft<'a>],
    shared: &'a Shared,
    /// The list, without the frame.
    list: &'a Node,
    /// The names that its call may use.
    names: &'a [&'a str],
}

fn filter(key: &Key, node: &Node, around: &Around<'_>, faults: &mut Faults) -> Option<FilterRule> {
    let Around { any_case, exactly, kind, lines, shared, list, names } = *around;
    let Some((target, op, literal)) = claim(&key.name, kind) else {
        let message = format!("`{}` is not a filter that {} can be asked", key.name, kind.name);
        faults
            .error(key.span, "bad-filter-rule", message)
            .help("write an attribute that has a line, an operator and `?` or a value: `userName eq ?`");
        return None;
    };
    let leaf = match (&target.sub, target.attribute.multi_valued) {
        (None, true) => target.attribute.sub("value").unwrap_or(&target.attribute),
        _ => target.leaf(),
    };
    let text = matches!(leaf.kind, Type::String | Type::Reference);
    let substring = matches!(op, CompareOp::Contains | CompareOp::StartsWith | CompareOp::EndsWith);
    if leaf.kind == Type::Complex || substring && !text || op.is_ordering() && leaf.kind == Type::Boolean {
        let message = format!("no client can ask `{}`: `{target}` is {}", key.name, codec::kind(leaf));
        faults.error(key.span, "bad-filter-rule", message).help("leave the rule out");
        return None;
    }
    if let Some(value) = &literal {
        codec::constant_suits(value, leaf, key.span, faults);
    }
    let mut fields = node.map(faults, "a filter rule")?;
    super::not_supported(&mut fields, faults, &[("call", "filter rules with a call of their own")]);
    let exactly = fields.choice(faults, "matches", &[("exactly", true), ("more", false)]).unwrap_or(exactly);
    let any_case = fields.choice(faults, "case", &[("any", true), ("exact", false)]).unwrap_or(any_case);
    let said: Vec<&Node> =
        shared.sends().filter_map(|word| fields.take_entry(word.to_owned())).map(|(_, n)| n).collect();
    fields.take("answers");
    fields.finish(faults);
    let asks = shared.over(list, node);
    let names: Vec<&str> = names.iter().copied().chain(["value"]).collect();
    let call = call::call(&asks, &Setting::reading(&names, &["rows"], shared), faults);
    let empty = |node: &&Node| node.as_map().is_some_and(<[_]>::is_empty);
    if said.is_empty() || said.iter().all(empty) {
        faults
            .error(key.span, "empty-filter-rule", "this rule lays nothing over the list's call")
            .help("write what the app needs: `query: { login: $.value }`");
    } else if literal.is_none() && call.as_ref().is_some_and(|call| !call.names("value")) {
        faults
            .error(key.span, "empty-filter-rule", "this rule does not use the value that is asked for")
            .help("put `$.value` where the app expects it: `query: { login: $.value }`");
    }
    let folds = |line: &Line| matches!(line.fold, Some(Fold::Lower | Fold::Upper));
    let folded = lines.iter().any(|d| folds(&d.line) && d.line.target.attribute.name == target.attribute.name);
    if text && !leaf.case_exact && !any_case && !folded && op != CompareOp::NotEqual {
        let message = format!("the app tells letters apart here and `{target}` does not: matches would be lost");
        faults.error(key.span, "narrower-filter", message).help(
            "write `case: any` in the rule if the app ignores letter case; in the attribute's line `case: exact` if it \
             does not, or `fold: lower` if it makes all letters small",
        );
    }
    if op == CompareOp::NotEqual && !exactly {
        faults
            .error(key.span, "narrower-filter", "a rule for `ne` must match exactly")
            .help("write `matches: exactly`, or leave the rule out");
    }
    // An app that ignores letter case finds more than SCIM does where letters are told apart.
    let exactly = exactly && !(any_case && leaf.case_exact);
    Some(FilterRule { text: key.name.clone(), target, op, literal, call: call?, exactly, any_case })
}

/// `userName eq ?`, `active eq false`.
fn claim(text: &str, kind: &ResourceType) -> Option<(Target, CompareOp, Option<Json>)> {
    let text = in_full(text);
    let hole = text.strip_suffix('?');
    let filter = match hole {
        Some(front) => Filter::parse(&format!("{front}null"), &Profile::STRICT),
        None => Filter::parse(&text, &Profile::STRICT),
    };
    let Ok(Filter::Compare { path, op, value }) = filter else { return None };
    let Resolution::Offered(target) = kind.resolve(&path) else { return None };
    Some((target, op, hole.is_none().then_some(value)))
}

/// `enterprise:` stands for the enterprise extension's URN.
fn in_full(text: &str) -> String {
    match text.strip_prefix("enterprise:") {
        Some(rest) => format!("{}:{rest}", published::enterprise_user().id),
        None => text.to_owned(),
    }
}
