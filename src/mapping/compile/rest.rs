//! Reading what a mapping says of an HTTP app.

use std::sync::Arc;

use http::{HeaderName, HeaderValue, Method, Uri};
use serde_json::{Value as Json, json};

use crate::{
    diagnostic::Faults,
    mapping::{
        Id, Records, Resource,
        answer::AnswerRule,
        codec::Codec,
        rest::{ChangeRule, Create, FilterRule, List, PageStyle, Pages, Part, Relation, RestApp, RestRecords, To},
    },
    scim::{
        filter::{CompareOp, Filter},
        path::AttrPath,
        profile::Profile,
        schema::{Resolution, ResourceType, Target, Type},
    },
    yaml::{Fields, Node, Value},
};

use super::{
    Written,
    attributes::{self, Draft, check_overlaps, check_required, everything, selector},
    call::{self, Setting, call, term},
    offer::offer,
};

/// Reads `app.rest`.
pub(super) fn app(node: &Node, faults: &mut Faults) -> Option<RestApp> {
    let mut fields = node.map(faults, "`rest`")?;
    super::not_supported(
        &mut fields,
        faults,
        &[("frame", "frames"), ("pace", "pace limits"), ("time_zone", "time zones")],
    );
    let url = fields.required(faults, "url").and_then(|n| url(n, faults));
    let auth = fields.map(faults, "auth").map(|f| auth(f, faults)).unwrap_or_default();
    let answers = fields.take("answers").map(|n| call::answers_of(n, faults)).unwrap_or_default();
    fields.finish(faults);
    let (origin, prefix) = url?;
    Some(RestApp { origin, prefix, auth, answers })
}

fn url(node: &Node, faults: &mut Faults) -> Option<(Uri, String)> {
    let text = node.text(faults, "`url`")?;
    let parsed =
        text.parse::<Uri>().ok().filter(|u| matches!(u.scheme_str(), Some("http" | "https")) && u.query().is_none());
    let authority = parsed.as_ref().and_then(|u| u.authority()).filter(|a| !a.as_str().contains('@'));
    let (Some(uri), Some(authority)) = (&parsed, authority) else {
        faults
            .error(node.span, "bad-url", "this is not the URL of an app")
            .help("write scheme, host and perhaps a path: `https://app.example.com/api`; no query, no credentials");
        return None;
    };
    let origin =
        Uri::builder().scheme(uri.scheme_str()?).authority(authority.as_str()).path_and_query("/").build().ok()?;
    Some((origin, uri.path().trim_end_matches('/').to_owned()))
}

fn auth(mut fields: Fields<'_>, faults: &mut Faults) -> Vec<(HeaderName, HeaderValue)> {
    super::not_supported(
        &mut fields,
        faults,
        &[
            ("basic", "basic authentication"),
            ("query", "keys in the query"),
            ("oauth", "OAuth clients"),
            ("tls", "client certificates"),
            ("jwt", "signed tokens"),
            ("session", "sessions"),
        ],
    );
    let mut headers = Vec::new();
    let mut add =
        |name: HeaderName, value: String, node: &Node, faults: &mut Faults| match HeaderValue::from_str(&value) {
            Ok(mut value) => {
                value.set_sensitive(true);
                headers.push((name, value));
            }
            Err(_) => {
                faults
                    .error(node.span, "bad-header", "this value cannot stand in a header")
                    .help("it may hold visible ASCII characters and blanks; look for a line break at its end");
            }
        };
    if let Some(node) = fields.take("bearer")
        && let Some(token) = node.text(faults, "`bearer`")
    {
        add(http::header::AUTHORIZATION, format!("Bearer {token}"), node, faults);
    }
    for (key, node) in fields.entries(faults, "header") {
        match (key.name.parse::<HeaderName>(), node.text(faults, "a header's value")) {
            (Ok(name), Some(value)) => add(name, value.to_owned(), node, faults),
            (Err(_), _) => {
                faults.error(key.span, "bad-header", format!("`{}` is not a header's name", key.name));
            }
            _ => {}
        }
    }
    fields.finish(faults);
    headers
}

/// Reads the resource types.
pub(super) fn resources(written: &[Written<'_>], shared: &[Arc<AnswerRule>], faults: &mut Faults) -> Vec<Resource> {
    written.iter().filter_map(|w| resource(w, shared, faults)).collect()
}

fn resource(written: &Written<'_>, shared: &[Arc<AnswerRule>], faults: &mut Faults) -> Option<Resource> {
    let mut fields = written.node.map(faults, written.name)?;
    super::not_supported(
        &mut fields,
        faults,
        &[
            ("where", "conditions on records"),
            ("endpoint", "endpoints of your own"),
            ("extensions", "extension schemas of your own"),
            ("protect", "protected records"),
        ],
    );
    let all = everything(written.name);
    let id = fields.required(faults, "id").and_then(|n| id(n, faults));
    let mut drafts = Vec::new();
    for (key, node) in
        fields.required(faults, "attributes").and_then(|n| n.entries(faults, "`attributes`")).unwrap_or_default()
    {
        if let Some(named) = attributes::named(key, &all, faults)
            && let Some(said) = attributes::said(node, &named.target, faults)
        {
            attributes::draft(&mut drafts, named, said, key.span, faults);
        }
    }
    check_required(written.name, &drafts, written.span, faults);
    check_overlaps(&drafts, faults);
    let kind = offer(&all, &drafts);
    let records = records(&mut fields, &kind, &drafts, shared, faults);
    fields.finish(faults);
    let lines = drafts.into_iter().map(|d| d.line).collect();
    Some(Resource { kind, id: id?, lines, records: Records::Rest(Box::new(records?)) })
}

fn id(node: &Node, faults: &mut Faults) -> Option<Id> {
    if node.as_text().is_some() {
        return Some(Id { at: selector(node, faults)?, codec: Codec::Plain });
    }
    let mut fields = node.map(faults, "`id`")?;
    super::not_supported(
        &mut fields,
        faults,
        &[("stable", "ids kept by the gateway"), ("before", "cutting codecs"), ("after", "cutting codecs")],
    );
    let at = fields.required(faults, "at").and_then(|n| selector(n, faults));
    let codec = super::facts::codec(&mut fields, faults);
    fields.finish(faults);
    Some(Id { at: at?, codec })
}

fn records(
    fields: &mut Fields<'_>,
    kind: &ResourceType,
    drafts: &[Draft<'_>],
    shared: &[Arc<AnswerRule>],
    faults: &mut Faults,
) -> Option<RestRecords> {
    let setting = |names| Setting { names, shared };
    let get = match fields.required(faults, "get") {
        Some(node) if node.as_text() == Some("list") => {
            faults.not_supported(node.span, "reading one record from the list (`get: list`)");
            None
        }
        Some(node) => call(node, &setting(&["id"]), faults),
        None => None,
    };
    let parts = fields
        .entries(faults, "parts")
        .iter()
        .filter_map(|(key, node)| part(&key.name, node, shared, faults))
        .collect();
    let list = fields.take("list").and_then(|n| list(n, kind, shared, faults));
    let create = fields.take("create").and_then(|n| create(n, kind, shared, faults));
    let update = fields.take("update").map(|n| update(n, kind, shared, faults)).unwrap_or_default();
    let delete = match fields.take("delete") {
        Some(node) if matches!(node.value, Value::List(_)) => {
            faults.not_supported(node.span, "several calls in order");
            None
        }
        Some(node) => call(node, &setting(&["id"]), faults),
        None => None,
    };
    let members =
        drafts.iter().find_map(|d| d.relation).and_then(|(add, remove)| relation(add, remove, shared, faults));
    check_claims(drafts, &update, faults);
    Some(RestRecords { get: get?, parts, list, create, update, delete, members })
}

/// Every change a client may make is one that some rule sends.
fn check_claims(drafts: &[Draft<'_>], update: &[ChangeRule], faults: &mut Faults) {
    let takes_rest = update.iter().any(|r| r.when.is_empty());
    for draft in drafts.iter().filter(|d| d.line.update && d.relation.is_none()) {
        let claimed = update
            .iter()
            .any(|r| r.when.iter().any(|(target, _)| target.attribute.name == draft.line.target.attribute.name));
        if !takes_rest && !claimed {
            faults
                .error(draft.span, "unclaimed-change", format!("no rule of `update` writes `{}`", draft.line.target))
                .help("add a rule for it, or say that it cannot be changed: `access: [read, create]`");
        }
    }
    if let Some(at) = update.iter().position(|r| r.when.is_empty())
        && at + 1 < update.len()
        && let Some(draft) = drafts.first()
    {
        faults
            .error(
                draft.span,
                "unreachable-rule",
                "a rule of `update` without `when` takes everything, so those behind it never apply",
            )
            .help("put it last");
    }
}

fn pages(node: &Node, faults: &mut Faults) -> Option<Pages> {
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

const PAGED: [&str; 4] = ["id", "page", "offset", "size"];

fn part(name: &str, node: &Node, shared: &[Arc<AnswerRule>], faults: &mut Faults) -> Option<Part> {
    let setting = Setting { names: &PAGED, shared };
    if node.as_text().is_some() {
        return Some(Part { name: name.to_owned(), call: call(node, &setting, faults)?, pages: None });
    }
    let mut fields = node.map(faults, "a part")?;
    super::not_supported(
        &mut fields,
        faults,
        &[("batch", "parts fetched in batches"), ("match", "parts fetched in batches")],
    );
    let call = call::from_fields(&mut fields, &setting, faults);
    let pages = fields.take("pages").and_then(|n| pages(n, faults));
    fields.finish(faults);
    Some(Part { name: name.to_owned(), call: call?, pages })
}

fn list(node: &Node, kind: &ResourceType, shared: &[Arc<AnswerRule>], faults: &mut Faults) -> Option<List> {
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

fn create(node: &Node, kind: &ResourceType, shared: &[Arc<AnswerRule>], faults: &mut Faults) -> Option<Create> {
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

fn named(text: &str, span: crate::diagnostic::Span, kind: &ResourceType, faults: &mut Faults) -> Option<Target> {
    let path = match text.strip_prefix("enterprise:") {
        Some(rest) => AttrPath::parse(&format!("{}:{rest}", crate::scim::published::enterprise_user().id)),
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

fn update(node: &Node, kind: &ResourceType, shared: &[Arc<AnswerRule>], faults: &mut Faults) -> Vec<ChangeRule> {
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

fn relation(add: &Node, remove: &Node, shared: &[Arc<AnswerRule>], faults: &mut Faults) -> Option<Relation> {
    let (add, add_batch) = member_call(add, shared, faults)?;
    let (remove, remove_batch) = member_call(remove, shared, faults)?;
    Some(Relation { add, remove, add_batch, remove_batch })
}

fn member_call(
    node: &Node,
    shared: &[Arc<AnswerRule>],
    faults: &mut Faults,
) -> Option<(crate::mapping::call::CallTemplate, usize)> {
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
