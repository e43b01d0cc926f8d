//! Reading calls and terms: `GET /users/{{id}}?page={{page}}`, or a map with `call`, `query`, `headers`, `json` and what
//! the reply holds. Every name is checked against the place the call stands in.

use std::sync::Arc;

use http::{HeaderName, Method};
use serde_json::Value as Json;

use crate::{
    diagnostic::Faults,
    mapping::{
        answer::{AnswerRule, Class},
        call::{BodyTemplate, CallTemplate, Segment, Sends},
        codec::Cut,
        reply::{At, InReply},
        template::Template,
        term::Term,
    },
    yaml::{Fields, Key, Node},
};

use super::{frame::Shared, path::selector, setting::Setting, term};

/// Reads a call that is just its line, or a map.
pub(super) fn call(node: &Node, setting: &Setting<'_>, faults: &mut Faults) -> Option<CallTemplate> {
    let node = setting.shared.framed(node, setting.holds);
    if node.as_text().is_some() {
        let (method, path, query) = line(&node, setting, faults)?;
        let call = CallTemplate {
            line: node.as_text().unwrap_or_default().to_owned(),
            repeat: setting.reads || method.is_idempotent(),
            probe: false,
            method,
            sends: Sends::new(path, query, Vec::new(), None),
            answers: setting.shared.answers.as_slice().into(),
            record: None,
            rows: None,
            id: None,
            when: None,
            keep: Vec::new(),
            until: None,
            undo: None,
        };
        setting.shared.note(node.span, &call);
        return Some(call);
    }
    let mut fields = node.map(faults, "a call")?;
    let call = from_fields(&mut fields, setting, faults);
    fields.finish(faults);
    call
}

/// Takes the keys of a call out of a map that may hold more.
pub(super) fn from_fields(fields: &mut Fields<'_>, setting: &Setting<'_>, faults: &mut Faults) -> Option<CallTemplate> {
    super::not_supported(fields, faults, &[("xml", "XML bodies")]);
    let written = fields.required(faults, "call");
    let line = written.and_then(|n| line(n, setting, faults));
    let mut more = Vec::new();
    for (key, node) in fields.entries(faults, "query") {
        more.extend(term::term(node, setting, faults).map(|t| (key.name.clone(), t)));
    }
    let mut headers = Vec::new();
    for (key, node) in fields.entries(faults, "headers") {
        if let Some(name) = free_header(key, faults) {
            headers.extend(term::term(node, setting, faults).map(|t| (name, t)));
        }
    }
    let body = body(fields, setting, faults);
    let written_answers = fields.take("answers");
    let mut answers: Vec<Arc<AnswerRule>> = written_answers.map(|n| answers_of(n, faults)).unwrap_or_default();
    if let Some(node) = written_answers {
        check_expired(node, &answers, setting.shared, faults);
    }
    answers.extend_from_slice(&setting.shared.answers);
    let repeat = match fields.take("repeat") {
        Some(node) => node.choice(faults, "`repeat`", &[("safe", Repeat::Safe), ("probe", Repeat::Probe)]),
        None => None,
    };
    let probe = matches!(repeat, Some(Repeat::Probe));
    if probe && !setting.makes {
        faults.not_supported(fields.span(), "probes of calls that change (`repeat: probe`)");
    }
    let mut place = |key: &'static str| {
        let looked_at = setting.holds.contains(&key);
        let node = looked_at.then(|| fields.take(key)).flatten()?;
        let at = selector(node, faults)?;
        if key == "rows" && at.steps().is_none() {
            let message = format!("`{}` may find several lists, and only the first would be read", at.text());
            faults.error(node.span, "bad-path", message).help("write the plain path of one list: `rows: $.data`");
        }
        Some(at)
    };
    let (record, rows) = (place("record"), place("rows"));
    let told = setting.holds.contains(&"id").then(|| fields.take("id")).flatten();
    let id = told.and_then(|n| in_reply(n, faults));
    let (method, path, mut query) = line?;
    query.retain(|(key, _)| !more.iter().any(|(k, _)| k == key));
    query.extend(more);
    let call = CallTemplate {
        line: written.and_then(Node::as_text).unwrap_or_default().to_owned(),
        // Reads and PUT and DELETE may be sent again when their answer is lost; others only when the mapping says so.
        repeat: !probe && (repeat.is_some() || setting.reads || method.is_idempotent()),
        probe,
        method,
        sends: Sends::new(path, query, headers, body),
        answers: answers.into(),
        record,
        rows,
        id,
        when: None,
        keep: Vec::new(),
        until: None,
        undo: None,
    };
    setting.shared.note(fields.span(), &call);
    Some(call)
}

/// What may be done where an answer is lost.
#[derive(Clone, Copy)]
enum Repeat {
    /// The call is sent again.
    Safe,
    /// What it did is looked for.
    Probe,
}

/// Reads a header's name; those by which a message is framed and finds its way are not for a mapping.
pub(super) fn header_name(key: &Key, faults: &mut Faults) -> Option<HeaderName> {
    let Ok(name) = key.name.parse::<HeaderName>() else {
        faults
            .error(key.span, "bad-header", format!("`{}` is not a header's name", key.name))
            .help("letters, digits and `-`: `X-Api-Version`");
        return None;
    };
    let frames = matches!(name.as_str(), "host" | "content-length" | "transfer-encoding" | "connection");
    if frames { ours(&name, key, faults) } else { Some(name) }
}

/// The same of a call, which does not sign in by itself either.
pub(super) fn free_header(key: &Key, faults: &mut Faults) -> Option<HeaderName> {
    let name = header_name(key, faults)?;
    if matches!(name.as_str(), "authorization" | "cookie") { ours(&name, key, faults) } else { Some(name) }
}

fn ours(name: &HeaderName, key: &Key, faults: &mut Faults) -> Option<HeaderName> {
    faults.error(key.span, "bad-header", format!("`{name}` is set by the gateway")).help("leave it out");
    None
}

/// Takes the body: one of `json`, `form` and `text`.
fn body(fields: &mut Fields<'_>, setting: &Setting<'_>, faults: &mut Faults) -> Option<BodyTemplate> {
    let mut found = Vec::new();
    for key in ["json", "form", "text"] {
        found.extend(fields.take_entry(key));
    }
    if let [_, (key, _), ..] = found.as_slice() {
        faults
            .error(key.span, "bad-call", "a call has one body, and this is the second")
            .help("keep one of `json`, `form` and `text`");
    }
    let (key, node) = found.first()?;
    let made = term::term(node, setting, faults)?;
    match key.name.as_str() {
        "json" => Some(BodyTemplate::Json(made)),
        "form" => {
            if !matches!(made, Term::Object(_) | Term::Path { .. } | Term::Quoted { each: true, .. }) {
                faults
                    .error(node.span, "wrong-type", "a form is made of fields")
                    .help("write a map, or a path that holds one: `form: $.record`");
            }
            Some(BodyTemplate::Form(made))
        }
        _ => {
            if matches!(made, Term::Object(_) | Term::List(_) | Term::Each { .. }) {
                faults
                    .error(node.span, "wrong-type", "a text body is one text")
                    .help("write a path or a text, or say how it is written: `{ quote: json, of: … }`");
            }
            Some(BodyTemplate::Text(made))
        }
    }
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
        segments.push(match term::text(segment, node.span, setting, faults)? {
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
        let holes = |text: &str| text.matches("{{").count();
        if holes(&literal) != holes(value) {
            faults
                .error(node.span, "bad-template", "a `{{` that is written encoded cannot stand here")
                .help("write the parameter under `query`");
            return None;
        }
        let term = match Template::has_holes(value) {
            true => term::text(&literal, node.span, setting, faults)?,
            false => Term::Literal(Json::String(literal)),
        };
        term::check_company(&term, node.span, faults);
        pairs.push((key.to_owned(), term));
    }
    Some((method, segments, pairs))
}

/// Reads a place in a reply: `$.id`, `$headers.Location`, `{ at: $headers.Location, after: "/users/" }`.
pub(super) fn in_reply(node: &Node, faults: &mut Faults) -> Option<InReply> {
    if node.as_map().is_some() {
        let mut fields = node.map(faults, "a place in a reply")?;
        let at = fields.required(faults, "at").and_then(|n| in_reply(n, faults));
        let cut = term::cut(&mut fields, faults);
        fields.finish(faults);
        return Some(InReply { cut, ..at? });
    }
    let at = match node.as_text().and_then(|text| text.strip_prefix("$headers.")) {
        None => At::Body(selector(node, faults)?),
        Some(name) => match name.parse() {
            Ok(name) => At::Header(name),
            Err(_) => {
                faults
                    .error(node.span, "bad-header", format!("`{name}` is not a header's name"))
                    .help("letters, digits and `-`: `$headers.Location`");
                return None;
            }
        },
    };
    Some(InReply { at, cut: Cut::default() })
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

/// `expired` means to sign in again, which needs a way to do so.
pub(super) fn check_expired(node: &Node, rules: &[Arc<AnswerRule>], shared: &Shared, faults: &mut Faults) {
    if !shared.renews && rules.iter().any(|rule| rule.then == Class::Expired) {
        faults
            .error(node.span, "no-effect", "`expired` means to sign in again, and the mapping does not say how")
            .help("open a session, `auth: { session: { open: … } }`; or write `then: denied`");
    }
}

fn class(node: &Node, faults: &mut Faults) -> Option<Class> {
    let word = node.text(faults, "`then`")?;
    let found = Class::named(word);
    if found.is_none() {
        faults
            .error(node.span, "unknown-class", format!("`{word}` is not a class of answers"))
            .help("write ok, absent, exists, refused, protected, denied, expired, busy or broken");
    }
    found
}
