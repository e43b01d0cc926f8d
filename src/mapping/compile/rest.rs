//! Reading what a mapping says of an HTTP app.

use std::sync::Arc;

use http::Uri;

use crate::{
    diagnostic::{Faults, Span},
    mapping::{
        Id, Records, Resource,
        codec::Codec,
        line::Source,
        pattern::Pattern,
        rest::{Get, Origin, Part, RestApp, RestRecords},
        selector::Selector,
    },
    scim::{published, schema::ResourceType},
    yaml::{Fields, Node},
};

use super::{
    attributes,
    auth::auth,
    call::{self, call},
    change::{create, update},
    check::{
        check_claims, check_edits, check_get, check_id, check_links, check_looked, check_overlaps, check_parts,
        check_probed, check_required, check_scope, check_unread,
    },
    draft::Draft,
    frame::Shared,
    gives::Reads,
    kind::{self, Written, existing},
    list::{self, fixed},
    name::named,
    offer::offer,
    pace::pace,
    part::part,
    path::selector,
    pattern::pattern,
    quote::Quotes,
    relation::{self, Open},
    setting::Setting,
    slots::check_slots,
};

const NOT_MARKED: &str = "what was deleted comes back only where `delete` marks rows of a database";

/// Reads `app.rest`. What all calls share is there even where the app is not, so that their faults are found.
pub(super) fn app(
    node: &Node,
    quotes: Quotes,
    languages: Vec<(String, Node)>,
    faults: &mut Faults,
) -> (Option<RestApp>, Shared) {
    let mut shared = Shared::default();
    (shared.quotes, shared.languages) = (quotes, languages);
    let Some(mut fields) = node.map(faults, "`rest`") else { return (None, shared) };
    let url = fields.required(faults, "url").and_then(|n| url(n, faults));
    let written = fields.take("answers");
    let answers = written.map(|n| call::answers_of(n, faults)).unwrap_or_default();
    shared.answers.clone_from(&answers);
    if let Some(node) = fields.take("frame") {
        shared.read_frame(node, faults);
    }
    let (uri, prefix) = url.clone().unwrap_or_default();
    let origin = Arc::new(Origin { uri, prefix });
    shared.origin = origin.clone();
    let auth = fields.map(faults, "auth").map(|f| auth(f, &mut shared, faults)).unwrap_or_default();
    if let Some(node) = written {
        call::check_expired(node, &answers, &shared, faults);
    }
    let ca = fields.take("ca").and_then(|n| {
        if url.as_ref().is_some_and(|(uri, _)| uri.scheme_str() == Some("http")) {
            faults.error(n.span, "no-effect", "without `https` nobody vouches for the app").help("leave `ca` out");
        }
        n.text(faults, "`ca`").map(str::to_owned)
    });
    let pace = fields.take("pace").and_then(|n| pace(n, faults)).unwrap_or_default();
    fields.finish(faults);
    (url.map(|_| RestApp { origin, ca, auth, answers, tenant: Vec::new(), pace }), shared)
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

/// Reads the resource types.
pub(super) fn resources(written: &[Written<'_>], shared: &Shared, faults: &mut Faults) -> Vec<Arc<Resource>> {
    let read = written.iter().filter_map(|w| resource(w, written, shared, faults)).collect();
    relation::link(read, faults)
}

fn resource(
    written: &Written<'_>,
    types: &[Written<'_>],
    shared: &Shared,
    faults: &mut Faults,
) -> Option<(Resource, Vec<Open>)> {
    let mut fields = written.node.map(faults, written.name())?;
    kind::skip(&mut fields);
    let all = &written.all;
    let id = fields.required(faults, "id").and_then(|n| id(n, faults));
    let (mut drafts, mut targets, mut cells) = (Vec::new(), Vec::new(), Vec::new());
    let entries =
        fields.required(faults, "attributes").and_then(|n| n.entries(faults, "`attributes`")).unwrap_or_default();
    for (key, node) in entries {
        let Some(named) = named(key, all, faults) else { continue };
        targets.push(named.target.clone());
        if let Some(said) = attributes::said(node, &named, written, types, &mut cells, faults) {
            attributes::draft(&mut drafts, named, said, key.span, faults);
        }
    }
    check_required(all, &targets, written.span, faults);
    check_overlaps(&drafts, faults);
    if let Some(id) = &id {
        check_id(&id.at, &drafts, faults);
    }
    check_links(&drafts, faults);
    check_slots(&drafts, faults);
    super::cell::check(&drafts, &cells, faults);
    check_scope(&drafts, written, types, faults);
    let kind = offer(all, &drafts);
    let existing = existing(&mut fields, &kind, Err((NOT_MARKED.to_owned(), "leave `existing` out")), faults);
    let records = records(&mut fields, written.span, id.as_ref(), &kind, &drafts, shared, faults);
    fields.finish(faults);
    let open = relation::open(&drafts, entries, shared, faults);
    let lines = drafts.into_iter().map(|d| d.line).collect();
    let records = Records::Rest(Box::new(RestRecords { cells, ..records? }));
    Some((Resource { kind, id: id?, lines, records, existing }, open))
}

fn id(node: &Node, faults: &mut Faults) -> Option<Id> {
    if node.as_text().is_some() {
        let at = selector(node, faults).filter(|at| single(at, node, faults))?;
        return Some(Id { at, codec: Codec::Plain });
    }
    let mut fields = node.map(faults, "`id`")?;
    super::not_supported(
        &mut fields,
        faults,
        &[("stable", "ids kept by the gateway"), ("before", "cutting codecs"), ("after", "cutting codecs")],
    );
    let at = fields.required(faults, "at").and_then(|n| selector(n, faults));
    let leaf = published::common().iter().find(|a| a.name == "id")?;
    let codec = super::codec::codec(&mut fields, leaf, faults);
    if !matches!(codec, Codec::Plain | Codec::Around { .. } | Codec::Number(_)) {
        faults
            .error(fields.span(), "bad-id", "an id is the app's own, a number or with a prefix or suffix at most")
            .help("leave the codec out");
    }
    fields.finish(faults);
    let at = at.filter(|at| single(at, node, faults))?;
    Some(Id { at, codec })
}

fn single(at: &Selector, node: &Node, faults: &mut Faults) -> bool {
    let single = at.steps().is_some() && !at.is_whole();
    if !single {
        faults
            .error(node.span, "bad-id", format!("`{}` is not one field of the record", at.text()))
            .help("write a plain path: `$.id`");
    }
    single
}

fn records(
    fields: &mut Fields<'_>,
    span: Span,
    id: Option<&Id>,
    kind: &ResourceType,
    drafts: &[Draft<'_>],
    shared: &Shared,
    faults: &mut Faults,
) -> Option<RestRecords> {
    let mut of_records = |key: &'static str| {
        let node = fields.take(key)?;
        let read = pattern(node, &format!("`{key}`"), false, faults)?;
        Some((node, read))
    };
    let (all, only, protect) = (Pattern::default(), of_records("where"), of_records("protect"));
    let get = match fields.required(faults, "get") {
        Some(node) if node.as_text() == Some("list") => {
            if !fields.has("list") {
                faults
                    .error(node.span, "missing-key", "records are read from `list`, and there is none")
                    .help("add `list`, or say which call reads one record");
            }
            Some(Get::List)
        }
        Some(node) => {
            call(node, &Setting::reading(&["id"], &["record"], shared), faults).map(|call| Get::Call(Box::new(call)))
        }
        None => None,
    };
    let part_entries = fields.entries(faults, "parts");
    let parts: Vec<Part> =
        part_entries.iter().filter_map(|(key, node)| part(&key.name, node, shared, faults)).collect();
    let listed = fields.take("list");
    let fixed = listed.filter(|node| node.get("fixed").is_some()).and_then(|node| fixed(node, id, faults));
    let [of_where, of_protect] = [&only, &protect].map(|read| read.as_ref().map_or(&all, |(_, pattern)| pattern));
    let reads = Reads { id, get: get.as_ref(), parts: &parts, only: of_where, protect: of_protect };
    let lists = listed.filter(|node| node.get("fixed").is_none());
    let lists = lists.map(|n| list::lists(n, kind, drafts, &reads, shared, faults)).unwrap_or_default();
    check_get(get.as_ref(), &lists, fixed.is_some(), span, faults);
    let create = fields.take("create").and_then(|n| create(n, kind, drafts, shared, faults));
    let update = fields.take("update").map(|n| update(n, kind, drafts, shared, faults)).unwrap_or_default();
    let writing = Setting::writing(&["id"], &[], shared);
    let delete = match fields.take("delete") {
        Some(node) if node.as_map().is_some() => {
            let framed = shared.framed(node, writing.holds);
            let mut fields = framed.map(faults, "`delete`")?;
            let calls = super::steps::calls(&mut fields, &writing, faults);
            fields.finish(faults);
            calls.map(|(mut calls, last)| {
                calls.push(last);
                calls
            })
        }
        Some(node) => call(node, &writing, faults).map(|call| vec![call]),
        None => None,
    }
    .unwrap_or_default();
    let members = drafts.iter().filter(|d| matches!(d.line.value, Source::Each(_))).find_map(|d| {
        let calls = d.relation?;
        relation::relation(&relation::offered(kind, &d.line.target), calls, shared, faults)
    });
    check_looked(!lists.is_empty() || fixed.is_some(), drafts, faults);
    check_probed(!lists.is_empty(), create.as_ref().is_some_and(|create| create.call.probe), span, faults);
    check_claims(span, drafts, create.is_some(), &update, faults);
    check_parts(part_entries, drafts, &update, faults);
    check_unread(part_entries, &update, &delete, faults);
    check_edits(drafts, &update, faults);
    for (node, read) in only.iter().chain(&protect) {
        if let Some((key, _)) = part_entries.iter().find(|(key, _)| read.tests(&key.name)) {
            faults
                .error(
                    node.span,
                    "bad-value",
                    format!("this looks into the part `{}`, which is not fetched for it", key.name),
                )
                .help("test a field of the record itself");
        }
    }
    let [only, protect] = [only, protect].map(|read| read.map(|(_, read)| read).unwrap_or_default());
    let (cells, derived) = (Vec::new(), Vec::new());
    Some(RestRecords { only, protect, cells, get: get?, parts, lists, fixed, create, update, delete, members, derived })
}
