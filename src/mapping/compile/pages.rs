//! Reading how a list goes on from page to page, and whether its call says so.

use crate::{
    diagnostic::{Faults, Span},
    mapping::{
        call::CallTemplate,
        reply::At,
        rest::{PageStyle, Pages, Total},
    },
    yaml::{Fields, Node},
};

use super::{
    call::{self, in_reply},
    frame::Shared,
    setting::Setting,
};

/// The names that a call with pages may use; `id` in parts.
pub(super) const PAGED: [&str; 5] = ["id", "page", "offset", "size", "next"];

/// Reads `pages`. `names`: what else than pages a call here may use.
pub(super) fn pages(node: &Node, names: &[&str], shared: &Shared, faults: &mut Faults) -> Option<Pages> {
    let mut fields = node.map(faults, "`pages`")?;
    let styles = [("page", 0), ("offset", 1), ("whole", 2), ("next", 3), ("url", 4)];
    let by = fields.required(faults, "by").and_then(|n| n.choice(faults, "`by`", &styles));
    let has_max = fields.has("max");
    let max = fields.integer(faults, "max", 1..=10_000);
    let useless = [
        ("first", [1, 2, 4].as_slice(), "only numbered pages and tokens have a first one"),
        ("total", &[2], "a reply that holds all rows needs none"),
        ("next", &[0, 1, 2], "only tokens and links stand in a reply"),
    ];
    for (key, styles, why) in useless {
        if let (Some((found, _)), Some(by)) = (fields.take_entry(key), by)
            && styles.contains(&by)
        {
            faults.warning(found.span, "no-effect", format!("`{key}` does nothing here: {why}")).help("leave it out");
        }
    }
    let (mut first, mut token) = (1, None);
    match by {
        Some(0) => first = fields.integer(faults, "first", 0..=1).unwrap_or(1),
        Some(3) => token = fields.take("first").and_then(|n| super::codec::scalar(n, "`first`", faults)),
        _ => {}
    }
    let total = fields.take("total").and_then(|n| total(n, names, shared, faults));
    let next = match by {
        Some(3 | 4) => fields.required(faults, "next").and_then(|n| in_reply(n, faults)),
        _ => None,
    };
    if !has_max {
        faults
            .error(fields.span(), "missing-key", "`pages` needs `max`")
            .help("the most rows the app gives in one reply: `max: 100`");
    }
    fields.finish(faults);
    let by = match by? {
        0 => PageStyle::Page,
        1 => PageStyle::Offset,
        2 => PageStyle::Whole,
        3 => PageStyle::Next { at: next?, first: token },
        _ => PageStyle::Url { at: next?, origin: shared.origin.clone() },
    };
    let small = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    Some(Pages { by, max: small(max.unwrap_or(100)), first: small(first), total })
}

/// `$.meta.total`, `$headers.X-Total`, or `{ call: GET /users/count, at: $ }`.
fn total(node: &Node, names: &[&str], shared: &Shared, faults: &mut Faults) -> Option<Total> {
    let own = |node: &Node| {
        node.as_map().is_some_and(|entries| entries.iter().any(|(key, _)| !CUT.contains(&key.name.as_str())))
    };
    if !own(node) {
        return in_reply(node, faults).map(Total::Told);
    }
    let node = shared.framed(node, &[]);
    let mut fields: Fields<'_> = node.map(faults, "`total`")?;
    let at = fields.required(faults, "at").and_then(|n| in_reply(n, faults));
    let call = call::from_fields(&mut fields, &Setting::reading(names, &[], shared), faults);
    fields.finish(faults);
    Some(Total::Call(Box::new(call?), at?))
}

/// The keys of a place in a reply; others make a call.
const CUT: [&str; 3] = ["at", "before", "after"];

/// The call says where `page`, `offset`, `next` and `size` go, and uses none that has no value.
pub(super) fn check_pages(call: &CallTemplate, pages: Option<&Pages>, span: Span, faults: &mut Faults) {
    let (needed, style): (&[&str], &str) = match pages.map(|p| &p.by) {
        Some(PageStyle::Page) => (&["page", "size"], "pages are numbered"),
        Some(PageStyle::Offset) => (&["offset", "size"], "rows are skipped"),
        Some(PageStyle::Whole) => (&[], "all rows come at once"),
        Some(PageStyle::Next { .. }) => (&["next"], "a page is asked for by what the last one told"),
        Some(PageStyle::Url { .. }) => (&[], "the next page is a link of the last one"),
        None => (&[], "there are no `pages`"),
    };
    for name in needed.iter().filter(|name| !call.names(name)) {
        faults
            .error(span, "unpaged-call", format!("{style}, and this call does not use `{name}`"))
            .help(format!("put `{{{{{name}}}}}` where the app expects it"));
    }
    let known: &[&str] = if pages.is_some() { &["size"] } else { &[] };
    for name in ["page", "offset", "size", "next"].iter().filter(|n| !needed.contains(n) && !known.contains(n)) {
        if call.names(name) {
            faults
                .error(span, "unpaged-call", format!("`{name}` has no value here: {style}"))
                .help("leave it out, or say how the list goes on: `pages: { by: page, max: 100 }`");
        }
    }
    if let Some(PageStyle::Url { at, .. }) = pages.map(|p| &p.by)
        && (call.method != http::Method::GET || call.sends.body.is_some())
    {
        let what = match &at.at {
            At::Body(_) => "a link",
            At::Header(_) => "a link in a header",
        };
        faults
            .error(span, "unpaged-call", format!("{what} is followed by GET, and this call is sent otherwise"))
            .help("write a GET without a body, or another style of paging");
    }
}
