//! Reading calls and terms: `GET /users/{{id}}?page={{page}}`, or a map with `call`, `query`, `headers`, `json` and what
//! the reply holds. Every name is checked against the place the call stands in.

use std::sync::Arc;

use http::{HeaderName, Method};
use serde_json::Value as Json;

use crate::{
    diagnostic::{Faults, Span, did_you_mean},
    mapping::{
        answer::{AnswerRule, Class},
        call::{CallTemplate, Segment},
        template::Template,
        term::{NAMES, Term},
    },
    yaml::{Fields, Node, Value},
};

use super::attributes::selector;

/// What a call may use and what its answers fall back on.
pub(super) struct Setting<'a> {
    /// The names in sight at this place.
    pub names: &'a [&'a str],
    /// What of the call's reply is looked at: some of `record`, `rows` and `id`.
    pub holds: &'static [&'static str],
    /// The app's answer rules.
    pub shared: &'a [Arc<AnswerRule>],
}

/// Reads a call that is just its line, or a map.
pub(super) fn call(node: &Node, setting: &Setting<'_>, faults: &mut Faults) -> Option<CallTemplate> {
    if node.as_text().is_some() {
        let (method, path, query) = line(node, setting, faults)?;
        return Some(CallTemplate {
            repeat: repeats(&method),
            method,
            path,
            query,
            headers: Vec::new(),
            json: None,
            answers: setting.shared.into(),
            record: None,
            rows: None,
            id: None,
        });
    }
    let mut fields = node.map(faults, "a call")?;
    let call = from_fields(&mut fields, setting, faults);
    fields.finish(faults);
    call
}

/// Takes the keys of a call out of a map that may hold more.
pub(super) fn from_fields(fields: &mut Fields<'_>, setting: &Setting<'_>, faults: &mut Faults) -> Option<CallTemplate> {
    super::not_supported(
        fields,
        faults,
        &[
            ("form", "form bodies"),
            ("xml", "XML bodies"),
            ("text", "text bodies"),
            ("drop", "dropped fields"),
            ("keep", "steps that keep values"),
            ("undo", "undo calls"),
            ("until", "waiting for jobs"),
            ("method", "frames (`takes`)"),
            ("params", "frames (`takes`)"),
        ],
    );
    let line = fields.required(faults, "call").and_then(|n| line(n, setting, faults));
    let mut more = Vec::new();
    for (key, node) in fields.entries(faults, "query") {
        more.extend(term(node, setting, faults).map(|t| (key.name.clone(), t)));
    }
    let mut headers = Vec::new();
    for (key, node) in fields.entries(faults, "headers") {
        match key.name.parse::<HeaderName>() {
            Ok(name) if !is_ours(&name) => headers.extend(term(node, setting, faults).map(|t| (name, t))),
            Ok(name) => {
                faults.error(key.span, "bad-header", format!("`{name}` is set by the gateway")).help("leave it out");
            }
            Err(_) => {
                faults
                    .error(key.span, "bad-header", format!("`{}` is not a header's name", key.name))
                    .help("letters, digits and `-`: `X-Api-Version`");
            }
        }
    }
    let json = fields.take("json").and_then(|n| term(n, setting, faults));
    let mut answers: Vec<Arc<AnswerRule>> = fields.take("answers").map(|n| answers_of(n, faults)).unwrap_or_default();
    answers.extend_from_slice(setting.shared);
    let repeat = match fields.take("repeat") {
        Some(node) if node.as_text() == Some("probe") => {
            faults.not_supported(node.span, "probes (`repeat: probe`)");
            None
        }
        Some(node) => node.choice(faults, "`repeat`", &[("safe", true)]),
        None => None,
    };
    let mut place = |key: &'static str| {
        let looked_at = setting.holds.contains(&key);
        looked_at.then(|| fields.take(key)).flatten().and_then(|n| selector(n, faults))
    };
    let (record, rows, id) = (place("record"), place("rows"), place("id"));
    let (method, path, mut query) = line?;
    query.extend(more);
    Some(CallTemplate {
        repeat: repeat.unwrap_or_else(|| repeats(&method)),
        method,
        path,
        query,
        headers,
        json,
        answers: answers.into(),
        record,
        rows,
        id,
    })
}

/// Reads and PUT and DELETE may be sent again when their answer is lost; POST and PATCH only when the mapping says so.
fn repeats(method: &Method) -> bool {
    method.is_idempotent()
}

fn is_ours(name: &HeaderName) -> bool {
    matches!(name.as_str(), "host" | "content-length" | "transfer-encoding" | "connection" | "authorization" | "cookie")
}

type Line = (Method, Vec<Segment>, Vec<(String, Term)>);

fn line(node: &Node, setting: &Setting<'_>, faults: &mut Faults) -> Option<Line> {
    let text = node.text(faults, "a call")?;
    let Some((method, target)) = text.split_once(' ') else {
        faults
            .error(node.span, "bad-call", format!("`{text}` is not a call"))
            .help("write a method and a path: `GET /users/{{id}}`");
        return None;
    };
    let Some(method) = ["GET", "POST", "PUT", "PATCH", "DELETE"]
        .into_iter()
        .find(|m| *m == method)
        .and_then(|m| m.parse::<Method>().ok())
    else {
        faults
            .error(node.span, "bad-call", format!("`{method}` is not a method"))
            .help("write GET, POST, PUT, PATCH or DELETE");
        return None;
    };
    let (path, query) = target.split_once('?').map_or((target, None), |(p, q)| (p, Some(q)));
    let Some(path) = path.strip_prefix('/') else {
        faults
            .error(node.span, "bad-call", "a call's path begins with `/`")
            .help("the scheme and host stand once, in `app.rest.url`");
        return None;
    };
    let mut segments = Vec::new();
    for segment in path.split('/') {
        if matches!(segment, "" | "." | "..") && !path.is_empty() {
            faults
                .error(node.span, "bad-call", "a path has no empty segments and no `.` or `..`")
                .help("write the path as the app knows it");
            return None;
        }
        if !Template::has_holes(segment)
            && !segment.chars().all(|c| c.is_ascii_graphic() && !"\"#<>\\^`{|}".contains(c))
        {
            faults
                .error(node.span, "bad-call", format!("`{segment}` cannot stand in a path as it is"))
                .help("percent-encode it: a blank is `%20`");
            return None;
        }
        segments.push(match text_term(segment, node.span, setting, faults)? {
            Term::Text(template) => Segment::Text(Arc::unwrap_or_clone(template)),
            _ => Segment::Literal(segment.to_owned()),
        });
    }
    if method == Method::DELETE || method == Method::PUT {
        // An empty last segment would widen the call to the whole collection; templates refuse empty values.
        if path.is_empty() {
            faults
                .error(node.span, "bad-call", format!("`{method} /` would reach everything"))
                .help("name one record: `/users/{{id}}`");
        }
    }
    let mut pairs = Vec::new();
    for pair in query.into_iter().flat_map(|q| q.split('&')).filter(|p| !p.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        if Template::has_holes(key) {
            faults.error(node.span, "bad-call", "a query's keys are literal").help("put the hole behind the `=`");
        }
        let literal = percent_encoding::percent_decode_str(value).decode_utf8_lossy().into_owned();
        let term = text_term(value, node.span, setting, faults)?;
        pairs.push((
            key.to_owned(),
            if matches!(term, Term::Literal(_)) { Term::Literal(Json::String(literal)) } else { term },
        ));
    }
    Some((method, segments, pairs))
}

fn text_term(text: &str, span: Span, setting: &Setting<'_>, faults: &mut Faults) -> Option<Term> {
    let span = faults
        .source()
        .text()
        .get(span.start..span.end)
        .and_then(|w| w.find(text).map(|at| Span { start: span.start + at, end: span.start + at + text.len() }))
        .unwrap_or(span);
    if !Template::has_holes(text) {
        return Some(Term::Literal(Json::String(text.to_owned())));
    }
    match Template::compile(text) {
        Ok(template) => checked(Term::Text(Arc::new(template)), span, setting, faults),
        Err(message) => {
            faults.error(span, "bad-template", message).help("a hole holds one name: `{{name}}`");
            None
        }
    }
}

/// Reads a term: a tree of literals, paths and texts.
pub(super) fn term(node: &Node, setting: &Setting<'_>, faults: &mut Faults) -> Option<Term> {
    match &node.value {
        Value::Text(text) => match Term::leaf(text) {
            Ok(term) => checked(term, node.span, setting, faults),
            Err(message) => {
                faults.error(node.span, "bad-template", message).help("a hole holds one name: `{{name}}`");
                None
            }
        },
        Value::List(items) => Some(Term::List(items.iter().filter_map(|n| term(n, setting, faults)).collect())),
        Value::Map(entries) => {
            for (key, _) in entries {
                let what = match key.name.as_str() {
                    "..." => "spreads (`...`)",
                    "at" | "each" | "random" => "terms with codecs, loops or random values",
                    _ => continue,
                };
                faults.not_supported(key.span, what);
            }
            Some(Term::Object(
                entries.iter().filter_map(|(key, n)| Some((key.name.clone(), term(n, setting, faults)?))).collect(),
            ))
        }
        _ => Some(Term::Literal(node.to_json())),
    }
}

fn checked(term: Term, span: Span, setting: &Setting<'_>, faults: &mut Faults) -> Option<Term> {
    let mut names = Vec::new();
    term.uses(&mut names);
    for (name, _) in names {
        if setting.names.contains(&name.as_str()) {
            continue;
        }
        if ["before", "whole", "member", "changes", "next", "filter", "sort", "session", "tenant"]
            .contains(&name.as_str())
        {
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
            None => fault.help(format!(
                "here a call knows {}",
                setting.names.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ")
            )),
        };
    }
    Some(term)
}

/// Reads `answers`.
pub(super) fn answers_of(node: &Node, faults: &mut Faults) -> Vec<Arc<AnswerRule>> {
    let mut rules = Vec::new();
    for node in node.list(faults, "`answers`").unwrap_or_default() {
        let Some(mut fields) = node.map(faults, "an answer rule") else { continue };
        let when = fields.required(faults, "when").and_then(|n| super::pattern::pattern(n, "`when`", true, faults));
        let then = fields.required(faults, "then").and_then(|n| class(n, faults));
        let detail = fields.take_entry("detail");
        if let (Some((key, _)), Some(then)) = (detail, then)
            && then != Class::Refused
        {
            faults
                .error(key.span, "detail-not-refused", "`detail` stands only with `then: refused`")
                .help("leave it out: the app's texts reach a client only where it is at fault");
        }
        let detail = detail.and_then(|(_, n)| selector(n, faults));
        let span = fields.span();
        fields.finish(faults);
        if let (Some(when), Some(then)) = (when, then) {
            let hides = |status: u16| then == Class::Absent && when.may_have_status(status);
            if hides(401) || hides(403) {
                faults
                    .error(span, "lost-permission", "this rule may take refused credentials for a record that is gone")
                    .help("test another status, or more than the status; 401 and 403 mean `denied`");
            }
            rules.push(Arc::new(AnswerRule { when, then, detail }));
        }
    }
    rules
}

fn class(node: &Node, faults: &mut Faults) -> Option<Class> {
    let word = node.text(faults, "`then`")?;
    if word == "expired" {
        faults.not_supported(node.span, "sessions (`then: expired`)");
        return None;
    }
    let found = Class::named(word);
    if found.is_none() {
        faults
            .error(node.span, "unknown-class", format!("`{word}` is not a class of answers"))
            .help("write ok, absent, exists, refused, protected, denied, busy or broken");
    }
    found
}
