//! Reading `auth`: the one place of a mapping where secrets stand.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderName, HeaderValue, Uri, header};
use serde_json::Map;

use crate::{
    config::Secret,
    diagnostic::{Faults, Span},
    mapping::{
        auth::{Auth, Client, Opening, Session},
        percent::percent,
        term::Term,
    },
    yaml::{Fields, Key, Node, Value},
};

use super::{call::header_name, frame::Shared, setting::Setting, steps, term};

/// Reads `auth`. What the session keeps is in sight of all calls from then on.
pub(super) fn auth(mut fields: Fields<'_>, shared: &mut Shared, faults: &mut Faults) -> Auth {
    super::not_supported(&mut fields, faults, &[("tls", "client certificates"), ("jwt", "signed tokens")]);
    let mut auth = Auth::default();
    if let Some(node) = fields.take("basic") {
        let value = basic(node, faults);
        add(&mut auth.headers, header::AUTHORIZATION, value, node.span, faults);
    }
    if let Some(node) = fields.take("bearer") {
        let value = node.text(faults, "`bearer`").and_then(|t| header_value(&format!("Bearer {t}"), node.span, faults));
        add(&mut auth.headers, header::AUTHORIZATION, value, node.span, faults);
    }
    for (key, node) in fields.entries(faults, "header") {
        let value = node.text(faults, "a header's value").and_then(|text| header_value(text, node.span, faults));
        if let Some(name) = header_name(key, faults) {
            add(&mut auth.headers, name, value, key.span, faults);
        }
    }
    let query: Vec<String> = fields
        .entries(faults, "query")
        .iter()
        .filter_map(|(key, node)| {
            Some(format!("{}={}", percent(&key.name), percent(node.text(faults, "a parameter's value")?)))
        })
        .collect();
    auth.query = (!query.is_empty()).then(|| Secret::new(query.join("&")));
    let cookies: Vec<String> =
        fields.entries(faults, "cookie").iter().filter_map(|(key, node)| cookie(key, node, faults)).collect();
    auth.cookies = (!cookies.is_empty()).then(|| Secret::new(cookies.join("; ")));
    auth.session = match (fields.take("session"), fields.take_entry("oauth")) {
        (Some(node), Some((key, _))) => {
            faults
                .error(key.span, "duplicate-name", "`session` and `oauth` both open the session")
                .help("keep the way to sign in that the app wants");
            session(node, &auth, shared, faults)
        }
        (Some(node), None) => session(node, &auth, shared, faults),
        (None, Some((_, node))) => oauth(node, &auth, shared, faults),
        (None, None) => None,
    };
    fields.finish(faults);
    auth
}

fn add(
    headers: &mut Vec<(HeaderName, HeaderValue)>,
    name: HeaderName,
    value: Option<HeaderValue>,
    span: Span,
    faults: &mut Faults,
) {
    if headers.iter().any(|(known, _)| *known == name) {
        faults
            .error(span, "duplicate-name", format!("the header `{name}` is set twice"))
            .help("keep the way to sign in that the app wants");
    }
    headers.extend(value.map(|value| (name, value)));
}

fn header_value(text: &str, span: Span, faults: &mut Faults) -> Option<HeaderValue> {
    let value = HeaderValue::from_str(text).ok();
    if value.is_none() {
        faults
            .error(span, "bad-header", "this value cannot stand in a header")
            .help("it may hold visible ASCII characters and blanks; look for a line break at its end");
    }
    value.map(|mut value| {
        value.set_sensitive(true);
        value
    })
}

/// RFC 7617: the name ends at the first colon.
fn basic(node: &Node, faults: &mut Faults) -> Option<HeaderValue> {
    let mut fields = node.map(faults, "`basic`")?;
    let user = fields.required(faults, "user").and_then(|n| Some((n.span, n.text(faults, "`user`")?)));
    let password = fields.required(faults, "password").and_then(|n| n.text(faults, "`password`"));
    fields.finish(faults);
    let ((span, user), password) = (user?, password?);
    if user.contains(':') || [user, password].iter().any(|text| text.contains(char::is_control)) {
        faults
            .error(span, "bad-value", "a name with `:`, or a control character, cannot be sent so")
            .help("look for a line break at the end of a variable");
        return None;
    }
    header_value(&format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))), node.span, faults)
}

/// RFC 6265: what ends a cookie, or a header, cannot stand in it.
fn cookie(key: &Key, node: &Node, faults: &mut Faults) -> Option<String> {
    let text = node.text(faults, "a cookie's value")?;
    let fits = |text: &str| text.chars().all(|c| c.is_ascii_graphic() && !"\",;\\".contains(c));
    if key.name.is_empty() || key.name.contains('=') || !fits(&key.name) || !fits(text) {
        faults
            .error(key.span, "bad-value", "this cannot stand in a cookie")
            .help("a cookie holds visible ASCII without blanks, quotes, `,`, `;` and `\\`, and its name no `=`");
    }
    Some(format!("{}={text}", key.name))
}

fn session(node: &Node, auth: &Auth, shared: &mut Shared, faults: &mut Faults) -> Option<Session> {
    let mut fields = node.map(faults, "`session`")?;
    let mut keep = Map::new();
    for (key, node) in fields.entries(faults, "keep") {
        match (&node.value, node.to_json()) {
            (Value::Text(_) | Value::Number(_), value) => drop(keep.insert(key.name.clone(), value)),
            _ => drop(node.text(faults, "what a session keeps")),
        }
    }
    let before = shared.without_session();
    let (open, tenant) = match fields.take("open") {
        Some(node) => {
            let open = steps::opening(node, &Setting::reading(&[], &[], &before), faults).unwrap_or_default();
            shared.renews = true;
            (Opening::Calls(open), before.tenant_names())
        }
        None if keep.is_empty() => {
            faults
                .error(node.span, "missing-key", "a session keeps what it is told, or is opened")
                .help("write `open:` with the calls that sign in, or `keep: { token: \"${TOKEN}\" }`");
            (Opening::Always, Vec::new())
        }
        None => (Opening::Always, Vec::new()),
    };
    let told = match &open {
        Opening::Calls(calls) => calls.iter().flat_map(|call| &call.keep).map(|(name, _)| name.clone()).collect(),
        _ => Vec::new(),
    };
    shared.session = keep.keys().cloned().chain(told).collect();
    let setting = Setting::reading(&[], &[], shared);
    let (mut headers, mut query, mut cookies) = (Vec::new(), Vec::new(), false);
    if let Some(mut send) = fields.map(faults, "send") {
        for (key, node) in send.entries(faults, "headers") {
            let Some(name) = header_name(key, faults) else { continue };
            if auth.headers.iter().any(|(known, _)| *known == name) {
                faults
                    .error(key.span, "duplicate-name", format!("the header `{name}` is set twice"))
                    .help("keep the way to sign in that the app wants");
            }
            headers.extend(term::term(node, &setting, faults).map(|term| (name, term)));
        }
        query = send
            .entries(faults, "query")
            .iter()
            .filter_map(|(key, node)| parameter(key, node, &setting, faults))
            .collect();
        cookies = send.choice(faults, "cookies", &[("all", true)]).unwrap_or_default();
        send.finish(faults);
    }
    let lasts = fields.duration(faults, "lasts", Duration::from_secs(1)..=Duration::from_secs(7 * 24 * 3600));
    if let (Some(_), true) = (lasts, matches!(open, Opening::Always)) {
        faults
            .error(fields.span(), "no-effect", "a session that no call opens does not end")
            .help("leave `lasts` out, or say how to sign in: `open`");
    }
    fields.finish(faults);
    Some(Session { keep, open, headers, query, cookies, lasts, tenant })
}

fn parameter(key: &Key, node: &Node, setting: &Setting<'_>, faults: &mut Faults) -> Option<(String, Term)> {
    term::term(node, setting, faults).map(|term| (key.name.clone(), term))
}

/// A session that keeps the token of an OAuth client and sends it as a bearer's.
fn oauth(node: &Node, auth: &Auth, shared: &mut Shared, faults: &mut Faults) -> Option<Session> {
    let mut fields = node.map(faults, "`oauth`")?;
    let url = fields.required(faults, "url").and_then(|n| token_url(n, faults));
    let [id, secret] = ["client", "secret"].map(|key| {
        fields.required(faults, key).and_then(|n| n.text(faults, &format!("`{key}`"))).unwrap_or_default().to_owned()
    });
    let mut form = vec![("grant_type", "client_credentials".to_owned())];
    form.extend(fields.text(faults, "scope").map(|scope| ("scope", scope.to_owned())));
    form.extend(fields.text(faults, "audience").map(|audience| ("audience", audience.to_owned())));
    let basic = fields.choice(faults, "by", &[("form", false), ("basic", true)]).unwrap_or_default();
    fields.finish(faults);
    // RFC 6749 §2.3.1: both are encoded as in a form before they are joined
    let header = match basic {
        true => {
            let pair = STANDARD.encode(format!("{}:{}", percent(&id), percent(&secret)));
            header_value(&format!("Basic {pair}"), node.span, faults)
        }
        false => {
            form.extend([("client_id", id), ("client_secret", secret)]);
            None
        }
    };
    if auth.headers.iter().any(|(name, _)| *name == header::AUTHORIZATION) {
        faults
            .error(node.span, "duplicate-name", "the header `authorization` is set twice")
            .help("keep the way to sign in that the app wants");
    }
    shared.session = vec!["token".to_owned()];
    shared.renews = true;
    let form: Vec<String> = form.iter().map(|(name, value)| format!("{name}={}", percent(value))).collect();
    let open = Opening::Client(Client { url: url?, form: Secret::new(form.join("&")), header });
    let bearer = Term::leaf("Bearer {{session.token}}", &|_| None).ok()?;
    let headers = vec![(header::AUTHORIZATION, bearer)];
    let (keep, query) = (Map::new(), Vec::new());
    Some(Session { keep, open, headers, query, cookies: false, lasts: None, tenant: Vec::new() })
}

fn token_url(node: &Node, faults: &mut Faults) -> Option<Uri> {
    let text = node.text(faults, "`url`")?;
    let uri = text.parse::<Uri>().ok().filter(|uri| {
        let plain = uri.authority().is_some_and(|a| !a.as_str().contains('@'));
        matches!(uri.scheme_str(), Some("http" | "https")) && plain && !text.contains('#')
    });
    if uri.is_none() {
        faults
            .error(node.span, "bad-url", "this is not the URL where an app gives tokens")
            .help("write scheme, host and path: `https://login.example.com/oauth/token`");
    }
    uri
}
