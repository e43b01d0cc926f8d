//! Reading the source of many records: the list's call, its pages; or records that the mapping names.

use serde_json::Value as Json;

use crate::{
    diagnostic::{Faults, Span},
    mapping::{Id, pattern::same, rest::List},
    scim::schema::ResourceType,
    yaml::{Node, Value},
};

use super::{
    call,
    draft::Draft,
    filter::{Around, filters},
    frame::Shared,
    gives::{Reads, check_apart, rows},
    pages::{PAGED, check_pages, pages},
    setting::Setting,
};

/// Reads `list`: one, or several.
pub(super) fn lists(
    node: &Node,
    kind: &ResourceType,
    lines: &[Draft<'_>],
    reads: &Reads<'_>,
    shared: &Shared,
    faults: &mut Faults,
) -> Vec<List> {
    let nodes = match &node.value {
        Value::List(nodes) => nodes.as_slice(),
        _ => std::slice::from_ref(node),
    };
    let read = nodes.iter().filter_map(|node| Some((node.span, list(node, kind, lines, reads, shared, faults)?)));
    let read: Vec<(Span, List)> = read.collect();
    if !faults.has_errors() {
        check_apart(&read, faults);
    }
    read.into_iter().map(|(_, list)| list).collect()
}

fn list(
    node: &Node,
    kind: &ResourceType,
    lines: &[Draft<'_>],
    reads: &Reads<'_>,
    shared: &Shared,
    faults: &mut Faults,
) -> Option<List> {
    let framed = shared.framed(node, &["rows"]);
    let mut fields = framed.map(faults, "`list`")?;
    let (gives, holds) = rows(&mut fields, kind, lines, reads, faults);
    let speaks = node.get("filters").is_some_and(|filters| filters.get("language").is_some());
    let names: Vec<&str> = PAGED[1..].iter().copied().chain(speaks.then_some("filter")).collect();
    let call = call::from_fields(&mut fields, &Setting::reading(&names, &["rows"], shared), faults);
    let pages = fields.required(faults, "pages").and_then(|n| pages(n, &[], shared, faults));
    let around = Around { kind, lines, shared, list: node, names: &names, reads };
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
    Some(List { call, gives, holds, pages, filters, language })
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
