//! Reading terms: trees of literals, paths and texts, with the few shapes that make one value of another. Every name is
//! checked against the place the call stands in.

use std::sync::Arc;

use crate::{
    diagnostic::{Faults, Span, did_you_mean},
    mapping::{
        codec::Cut,
        pattern::Pattern,
        template::Template,
        term::{Entry, Item, NAMES, Term},
    },
    yaml::{Fields, Key, Node, Value},
};

use super::{pattern::pattern, setting::Setting};

/// A name of the language that no call has yet.
const LATER: &str = "member";

/// Reads a term.
pub(super) fn term(node: &Node, setting: &Setting<'_>, faults: &mut Faults) -> Option<Term> {
    match &node.value {
        Value::Text(text) => match Term::leaf(text, &|name| setting.shared.quotes.get(name)) {
            Ok(term) => {
                let term = framed(checked(term, node.span, setting, faults)?, setting);
                check_company(&term, node.span, faults);
                Some(term)
            }
            Err(message) => {
                faults.error(node.span, "bad-template", message).help("a hole holds one name: `{{name}}`");
                None
            }
        },
        Value::List(items) => Some(Term::List(items.iter().filter_map(|n| place(n, setting, faults)).collect())),
        Value::Map(entries) => match shape(entries) {
            Some("at") => part(node, setting, faults),
            Some("each") => each(node, setting, faults),
            Some("quote") => quoted(node, setting, faults),
            Some(_) => random(node, setting, faults),
            None => Some(Term::Object(entries.iter().filter_map(|(key, n)| entry(key, n, setting, faults)).collect())),
        },
        _ => Some(Term::Literal(node.to_json())),
    }
}

/// The key that makes a map more than an object: `at` and `each` with a path, `random` with a number, `quote` with `of`.
fn shape(entries: &[(Key, Node)]) -> Option<&str> {
    entries.iter().find_map(|(key, node)| {
        let path = node.as_text().is_some_and(|t| t.starts_with("$.") || t == "$");
        match key.name.as_str() {
            "at" if path => Some("at"),
            "each" if path && entries.iter().any(|(k, _)| k.name == "as") => Some("each"),
            "quote" if entries.len() == 2 && entries.iter().any(|(k, _)| k.name == "of") => Some("quote"),
            "random" if entries.len() == 1 && matches!(node.value, Value::Number(_)) => Some("random"),
            _ => None,
        }
    })
}

/// An item of a list, or `"...": $.before.teams`, the items of another.
fn place(node: &Node, setting: &Setting<'_>, faults: &mut Faults) -> Option<Item> {
    let spread = match &node.value {
        Value::Map(entries) => entries.iter().find(|(key, _)| entries.len() == 1 && key.name == "..."),
        _ => None,
    };
    let Some((_, node)) = spread else { return term(node, setting, faults).map(Item::One) };
    let term = term(node, setting, faults)?;
    // of a path it shows when it is sent
    if !matches!(
        term,
        Term::Path { .. } | Term::Quoted { each: true, .. } | Term::Each { .. } | Term::List(_) | Term::Object(_)
    ) {
        faults
            .error(node.span, "bad-value", "`...` in a list is followed by the items of a list, and this is none")
            .help("write a path: `[{ \"...\": $.values }, more]`");
    }
    Some(Item::Spread(term))
}

fn entry(key: &Key, node: &Node, setting: &Setting<'_>, faults: &mut Faults) -> Option<Entry> {
    if key.name != "..." {
        return Some(Entry::Key(key.name.clone(), term(node, setting, faults)?));
    }
    let term = term(node, setting, faults)?;
    if !matches!(term, Term::Path { .. } | Term::Object(_) | Term::Quoted { each: true, .. }) {
        faults
            .error(node.span, "bad-value", "`...` is followed by the fields of an object, and this is none")
            .help("write a path: `\"...\": $.record`");
    }
    Some(Entry::Spread(term))
}

/// `{ at: $.record.mail, before: "@" }`
fn part(node: &Node, setting: &Setting<'_>, faults: &mut Faults) -> Option<Term> {
    let mut fields = node.map(faults, "a part of a text")?;
    let at = fields.required(faults, "at").and_then(|n| term(n, setting, faults));
    let cut = cut(&mut fields, faults);
    if cut == Cut::default() {
        faults
            .error(node.span, "missing-key", "`at` alone is the path itself")
            .help("write the path, or say which part of it: `before: \"@\"`, `after: \"/users/\"`");
    }
    let other = match fields.take("else") {
        Some(node) => Some(Box::new(term(node, setting, faults)?)),
        None => None,
    };
    fields.finish(faults);
    Some(Term::Cut { at: Box::new(at?), cut, other })
}

/// Takes `after` and `before`.
pub(super) fn cut(fields: &mut Fields<'_>, faults: &mut Faults) -> Cut {
    let mut mark = |key: &'static str| {
        let (found, node) = fields.take_entry(key)?;
        let text = node.text(faults, &format!("`{key}`"))?;
        if text.is_empty() {
            faults
                .error(found.span, "bad-value", format!("`{key}` is a mark in the text, and this is none"))
                .help("leave it out");
        }
        Some(text.to_owned())
    };
    Cut { after: mark("after"), before: mark("before") }
}

/// `{ quote: rison, of: { page: $.page } }`
fn quoted(node: &Node, setting: &Setting<'_>, faults: &mut Faults) -> Option<Term> {
    let mut fields = node.map(faults, "what is quoted")?;
    let quote = fields.required(faults, "quote").and_then(|n| setting.shared.quotes.named(n, faults));
    let of = fields.required(faults, "of").and_then(|n| term(n, setting, faults));
    fields.finish(faults);
    Some(Term::Quoted { quote: quote?, of: Box::new(of?), each: false })
}

/// Names whose values the app itself told, or that are made in its own language already.
const UNQUOTED: [&str; 7] = ["session", "tenant", "filter", "left", "right", "all", "one"];

/// A value with the frame's quote, unless it has one of its own.
fn framed(term: Term, setting: &Setting<'_>) -> Term {
    let Some(quote) = &setting.shared.quote else { return term };
    match term {
        Term::Text(text) => {
            let ours = |hole: &[String]| hole.first().is_some_and(|name| UNQUOTED.contains(&name.as_str()));
            Term::Text(Arc::new(Arc::unwrap_or_clone(text).with_quote(quote, ours)))
        }
        Term::Path { name, rest } if UNQUOTED.contains(&name.as_str()) => Term::Path { name, rest },
        path @ Term::Path { .. } => Term::Quoted { quote: quote.clone(), of: Box::new(path), each: true },
        other => other,
    }
}

/// `{ each: $.before.teams, where: { kind: { not: fixed } }, as: { id: $.value.id } }`
fn each(node: &Node, setting: &Setting<'_>, faults: &mut Faults) -> Option<Term> {
    let mut fields = node.map(faults, "a list of trees")?;
    let list = fields.required(faults, "each").and_then(|n| term(n, setting, faults));
    let names: Vec<&str> = setting.names.iter().copied().chain(["value"]).collect();
    let inner = Setting { names: &names, ..*setting };
    let each = fields.required(faults, "as").and_then(|n| term(n, &inner, faults));
    let only = match fields.take("where") {
        Some(node) => pattern(node, "`where`", false, faults)?,
        None => Pattern::default(),
    };
    fields.finish(faults);
    Some(Term::Each { list: Box::new(list?), only: Arc::new(only), each: Box::new(each?) })
}

fn random(node: &Node, setting: &Setting<'_>, faults: &mut Faults) -> Option<Term> {
    let mut fields = node.map(faults, "a random text")?;
    let letters = fields.integer(faults, "random", 8..=200)?;
    fields.finish(faults);
    if !setting.makes {
        faults
            .error(node.span, "bad-value", "a random text stands only in calls that make a record")
            .help("what is sent again must be the same");
    }
    usize::try_from(letters).ok().map(Term::Random)
}

/// Reads a text of a call's line.
pub(super) fn text(text: &str, span: Span, setting: &Setting<'_>, faults: &mut Faults) -> Option<Term> {
    let span = faults
        .source()
        .text()
        .get(span.start..span.end)
        .and_then(|w| w.find(text).map(|at| Span { start: span.start + at, end: span.start + at + text.len() }))
        .unwrap_or(span);
    if !Template::has_holes(text) {
        return Some(Term::Literal(text.into()));
    }
    match Template::quoted(text, &|name| setting.shared.quotes.get(name)) {
        Ok(template) => checked(Term::Text(Arc::new(template)), span, setting, faults),
        Err(message) => {
            faults.error(span, "bad-template", message).help("a hole holds one name: `{{name}}`");
            None
        }
    }
}

fn checked(term: Term, span: Span, setting: &Setting<'_>, faults: &mut Faults) -> Option<Term> {
    let mut names = Vec::new();
    term.uses(&mut names);
    for (name, field) in names {
        if setting.names.contains(&name.as_str()) || late(&name, field.as_deref(), span, setting, faults) {
            continue;
        }
        if name == LATER {
            faults.not_supported(span, &format!("calls that use `{name}`"));
            continue;
        }
        let message = if NAMES.contains(&name.as_str()) {
            format!("`{name}` has no value in this call")
        } else {
            format!("`{name}` is not a name that calls know")
        };
        let fault = faults.error(span, "unknown-name", message);
        match did_you_mean(&name, setting.names.iter().copied()) {
            Some(near) => fault.help(format!("write `{near}`")),
            None if setting.names.is_empty() => fault.help("leave it out"),
            None => fault.help(format!(
                "here a call knows {}",
                setting.names.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ")
            )),
        };
    }
    if let Term::Text(text) = &term
        && text.bare().any(|hole| hole.join(".") == "values")
    {
        faults.error(span, "wrong-type", "`values` is a list, and a text has one value").help(
            "say how the app has it: `{{commas values}}`, or `$.values` alone in `json` or under a key such as `ids[]`",
        );
    }
    Some(term)
}

/// A value in company is quoted: it may hold the words that it stands between. In a segment of a path its encoder sees to
/// that.
pub(super) fn check_company(term: &Term, span: Span, faults: &mut Faults) {
    let Term::Text(text) = term else { return };
    let bare = text.bare().find(|hole| !text.is_alone() && said_by_clients(hole)).map(|hole| hole.join("."));
    if let Some(name) = bare {
        faults
            .error(span, "unquoted-value", format!("`{name}` stands between words, and may hold such words itself"))
            .help(format!(
                "say how the app tells them apart: `{{{{word {name}}}}}`, `{{{{json {name}}}}}`, or a quote of your own, \
                 declared under `quotes`"
            ));
    }
}

/// Whether a client may have said it; what counts pages, and what the app itself told, it has not.
fn said_by_clients(hole: &[String]) -> bool {
    const SAID: [&str; 8] = ["id", "record", "changed", "before", "whole", "value", "values", "member"];
    hole.first().is_some_and(|name| SAID.contains(&name.as_str()))
}

/// Whether it is a name whose value only the sender of a call knows: `session.token`, `tenant.realm`.
fn late(name: &str, field: Option<&str>, span: Span, setting: &Setting<'_>, faults: &mut Faults) -> bool {
    let kept = &setting.shared.session;
    match (name, field) {
        ("tenant", Some(_)) => {}
        ("session", Some(field)) if kept.iter().any(|name| name == field) => {}
        ("tenant", None) => {
            faults
                .error(span, "unknown-name", "a tenant has values, each with its name")
                .help("write `{{tenant.NAME}}`, where `NAME` stands under the `tenants` of portolan.yaml");
        }
        ("session", _) if !kept.is_empty() => {
            let names = kept.iter().map(|n| format!("`session.{n}`")).collect::<Vec<_>>().join(", ");
            faults.error(span, "unknown-name", "the session does not keep this").help(format!("it keeps {names}"));
        }
        ("session", _) => {
            faults
                .error(span, "unknown-name", "there is no session here")
                .help("say how one is opened and what it keeps: `auth: { session: { open: …, keep: … } }`");
        }
        _ => return false,
    }
    true
}
