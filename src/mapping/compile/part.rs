//! Reading parts: replies that hang under a name of the record, for each by itself or for many at once.

use crate::{
    diagnostic::{Faults, Span},
    mapping::{
        call::CallTemplate,
        rest::{Batch, PageStyle, Part},
    },
    yaml::{Fields, Node},
};

use super::{
    call::{self, call},
    frame::Shared,
    pages::{PAGED, check_pages, pages},
    path::selector,
    setting::Setting,
};

pub(super) fn part(name: &str, node: &Node, shared: &Shared, faults: &mut Faults) -> Option<Part> {
    let node = &*shared.framed(node, &["record", "rows"]);
    // for many it names them all, else the one
    let who = if node.get("batch").is_some() { "values" } else { "id" };
    let names: Vec<&str> = PAGED[1..].iter().copied().chain([who]).collect();
    let setting = Setting::reading(&names, &["record", "rows"], shared);
    if node.as_text().is_some() {
        let call = call(node, &setting, faults)?;
        check_pages(&call, None, node.span, faults);
        return Some(Part { name: name.to_owned(), call, pages: None, batch: None });
    }
    let mut fields = node.map(faults, "a part")?;
    let call = call::from_fields(&mut fields, &setting, faults);
    let batched = fields.has("batch");
    let pages = fields.take("pages").and_then(|n| pages(n, &[who], shared, faults));
    let batch = batch(&mut fields, faults);
    let span = fields.span();
    fields.finish(faults);
    let call = call?;
    if let Some(pages) = &pages {
        if call.rows.is_none() && !batched {
            faults
                .error(span, "missing-key", "a part with `pages` needs `rows`")
                .help("say where a reply holds its rows: `rows: $.data`, or `rows: $` for a bare list");
        }
        if matches!(pages.by, PageStyle::Whole) {
            faults.error(span, "bad-value", "a part that comes whole has no pages").help("leave `pages` out");
        }
    }
    check_pages(&call, pages.as_ref(), span, faults);
    if batched {
        check_batch(&call, span, faults);
    }
    Some(Part { name: name.to_owned(), call, pages, batch })
}

/// Takes `batch` and `match`.
fn batch(fields: &mut Fields<'_>, faults: &mut Faults) -> Option<Batch> {
    let batched = fields.has("batch");
    let most = fields.integer(faults, "batch", 1..=1_000);
    let of = fields.take_entry("match");
    if let (false, Some((key, _))) = (batched, of) {
        faults
            .error(key.span, "batch-or-not", "`match` tells the records of a batch apart, and there is none")
            .help("write `batch: 50`, with the number the app allows, or leave `match` out");
    }
    let most = usize::try_from(most?).ok()?;
    let Some((_, node)) = of else {
        faults
            .error(fields.span(), "batch-or-not", "rows of many records say which of them they belong to")
            .help("name that field of a row: `match: $.user_id`");
        return None;
    };
    Some(Batch { most, of: selector(node, faults)? })
}

fn check_batch(call: &CallTemplate, span: Span, faults: &mut Faults) {
    if !call.names("values") {
        faults
            .error(span, "batch-or-not", "`batch` needs a call that sends `$.values`")
            .help("put them where the app expects them: `query: { ids: \"{{commas values}}\" }`");
    }
    if call.rows.is_none() {
        faults
            .error(span, "missing-key", "a part with `batch` needs `rows`")
            .help("say where a reply holds its rows: `rows: $.data`, or `rows: $` for a bare list");
    }
}
