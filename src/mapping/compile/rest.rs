//! Reading what a mapping says of an HTTP app.

use std::sync::Arc;

use http::{HeaderName, HeaderValue, Uri};

use crate::{
    diagnostic::Faults,
    mapping::{
        Id, Records, Resource,
        answer::AnswerRule,
        codec::Codec,
        rest::{ChangeRule, Part, RestApp, RestRecords},
    },
    scim::schema::ResourceType,
    yaml::{Fields, Node, Value},
};

use super::{
    Written,
    attributes::{self, Draft, check_overlaps, check_required, everything, selector},
    call::{self, Setting, call},
    change::{create, relation, update},
    list::{PAGED, list, pages},
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
