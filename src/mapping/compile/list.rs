//! Reading the source of many records: the list's call, its pages, and what of a filter it can be asked.

use std::sync::Arc;

use serde_json::Value as Json;

use crate::{
    diagnostic::Faults,
    mapping::{
        answer::AnswerRule,
        rest::{FilterRule, List, PageStyle, Pages},
    },
    scim::{
        filter::{CompareOp, Filter},
        profile::Profile,
        schema::{Resolution, ResourceType, Target, Type},
    },
    yaml::{Fields, Node, Value},
};

use super::{
    attributes::selector,
    call::{self, Setting, term},
};

pub(super) fn pages(node: &Node, faults: &mut Faults) -> Option<Pages> {
    let mut fields = node.map(faults, "`pages`")?;
    let by = match fields.required(faults, "by") {
        Some(node) if matches!(node.as_text(), Some("next" | "url")) => {
            faults.not_supported(node.span, "pages by a token or link of the last reply");
            None
        }
        Some(node) => node.choice(faults, "`by`", &[("page", 0), ("offset", 1), ("whole", 2)]),
        None => None,
    };
    super::not_supported(&mut fields, faults, &[("next", "pages by a token or link of the last reply")]);
    let max = fields.integer(faults, "max", 1..=10_000);
    let first = fields.integer(faults, "first", 0..=1);
    let total = match fields.take("total") {
        Some(node) if matches!(node.value, Value::Map(_)) => {
            faults.not_supported(node.span, "totals from a call of their own");
            None
        }
        Some(node) => selector(node, faults),
        None => None,
    };
    if max.is_none() && !faults.has_errors() {
        faults
            .error(fields.span(), "missing-key", "`pages` needs `max`")
            .help("the most rows the app gives in one reply: `max: 100`");
    }
    fields.finish(faults);
    let by = [PageStyle::Page, PageStyle::Offset, PageStyle::Whole].into_iter().nth(by?)?;
    let small = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    Some(Pages { by, max: small(max.unwrap_or(100)), first: small(first.unwrap_or(1)), total })
}

pub(super) const PAGED: [&str; 4] = ["id", "page", "offset", "size"];

pub(super) fn list(node: &Node, kind: &ResourceType, shared: &[Arc<AnswerRule>], faults: &mut Faults) -> Option<List> {
    if matches!(node.value, Value::List(_)) {
        faults.not_supported(node.span, "several sources");
        return None;
    }
    let mut fields = node.map(faults, "`list`")?;
    super::not_supported(
        &mut fields,
        faults,
        &[
            ("gives", "lists that give less than `get`"),
            ("holds", "sources with a condition"),
            ("fixed", "fixed lists"),
            ("sort", "sorting by the app"),
            ("together", "filters sent together"),
        ],
    );
    let call = call::from_fields(&mut fields, &Setting { names: &PAGED[1..], shared }, faults);
    let pages = fields.required(faults, "pages").and_then(|n| pages(n, faults));
    let filters = fields.map(faults, "filters").map(|f| filters(f, kind, shared, faults)).unwrap_or_default();
    let span = fields.span();
    fields.finish(faults);
    let (call, pages) = (call?, pages?);
    if call.rows.is_none() {
        faults
            .error(span, "missing-key", "`list` needs `rows`")
            .help("say where the reply holds its rows: `rows: $.data`, or `rows: $` for a bare list");
        return None;
    }
    let mut used = Vec::new();
    call.query.iter().for_each(|(_, t)| t.names(&mut used));
    call.json.iter().for_each(|t| t.names(&mut used));
    let needs: &[&str] = match pages.by {
        PageStyle::Page => &["page", "size"],
        PageStyle::Offset => &["offset", "size"],
        PageStyle::Whole => &[],
    };
    for name in needs.iter().filter(|n| !used.iter().any(|u| u == *n)) {
        faults
            .error(
                span,
                "unpaged-call",
                format!("the list's call does not use `{name}`, so every page would be the first"),
            )
            .help(format!("put `{{{{{name}}}}}` where the app expects it"));
    }
    Some(List { call, pages, filters })
}

fn filters(
    mut fields: Fields<'_>,
    kind: &ResourceType,
    shared: &[Arc<AnswerRule>],
    faults: &mut Faults,
) -> Vec<FilterRule> {
    super::not_supported(&mut fields, faults, &[("language", "filter languages"), ("over", "filter languages")]);
    let all_any = fields.choice(faults, "case", &[("any", true), ("exact", false)]).unwrap_or(false);
    let mut rules = Vec::new();
    for (key, node) in fields.rest() {
        let Some((target, op, literal)) = claim(&key.name, kind) else {
            let fault = faults.error(
                key.span,
                "bad-filter-rule",
                format!("`{}` is not a filter that {} can be asked", key.name, kind.name),
            );
            fault.help("write an attribute that has a line, an operator and `?` or a value: `userName eq ?`");
            continue;
        };
        let Some(mut fields) = node.map(faults, "a filter rule") else { continue };
        super::not_supported(&mut fields, faults, &[("call", "filter rules with a call of their own")]);
        let exactly = fields.choice(faults, "matches", &[("exactly", true), ("more", false)]).unwrap_or(false);
        let any_case = fields.choice(faults, "case", &[("any", true), ("exact", false)]).unwrap_or(all_any);
        let setting = Setting { names: &["value", "page", "offset", "size"], shared };
        let query: Vec<_> = fields
            .entries(faults, "query")
            .iter()
            .filter_map(|(k, n)| Some((k.name.clone(), term(n, &setting, faults)?)))
            .collect();
        if query.is_empty() {
            faults
                .error(key.span, "empty-filter-rule", "this rule lays nothing over the list's call")
                .help("write what the app needs: `query: { login: $.value }`");
        }
        fields.finish(faults);
        let leaf = target.leaf();
        if leaf.kind == Type::String && !leaf.case_exact && !any_case && op != CompareOp::NotEqual {
            faults
                .error(key.span, "narrower-filter", format!("the app tells letters apart here and `{target}` does not: matches would be lost"))
                .help("if the app ignores letter case, write `case: any` in the rule; if it does not, write `case: exact` in the attribute's line");
        }
        if op == CompareOp::NotEqual && !exactly {
            faults
                .error(key.span, "narrower-filter", "a rule for `ne` must match exactly")
                .help("write `matches: exactly`, or leave the rule out");
        }
        rules.push(FilterRule { text: key.name.clone(), target, op, literal, query, exactly, any_case });
    }
    rules
}

/// `userName eq ?`, `active eq false`.
fn claim(text: &str, kind: &ResourceType) -> Option<(Target, CompareOp, Option<Json>)> {
    let hole = text.strip_suffix('?');
    let filter = match hole {
        Some(front) => Filter::parse(&format!("{front}null"), &Profile::STRICT),
        None => Filter::parse(text, &Profile::STRICT),
    };
    let Ok(Filter::Compare { path, op, value }) = filter else { return None };
    let Resolution::Offered(target) = kind.resolve(&path) else { return None };
    Some((target, op, hole.is_none().then_some(value)))
}
