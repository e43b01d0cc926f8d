//! Reading a file of conversations: every fault with its place, all of them together.

use std::{path::Path, sync::Arc};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use crate::{
    backend::script::{Expected, Scripted},
    config::FileKind,
    config::Tenant,
    diagnostic::{Diagnostics, Faults, Source},
    mapping::{self, App, vars::Vars},
    scim::profile::Profile,
    yaml::{self, Fields, Node},
};

use super::{Asked, Conversation, Exchange, Suite, Wanted, beside};

/// Methods that SCIM knows.
const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/// What a conversation with this app may hold.
#[derive(Clone, Copy, PartialEq, Eq)]
enum With {
    Calls,
    Database,
}

/// Reads a mapping, its variables standing for themselves, and the conversations beside it.
///
/// # Errors
/// Every fault of either file, each with its place.
pub fn load(mapping: &Path) -> Result<Suite, Diagnostics> {
    let file = beside(mapping);
    let (mapping, _) = mapping::load(mapping, &Vars::Open)?;
    let mut faults = Faults::new(Source::read(&file)?);
    let with = match mapping.app {
        App::Rest(_) => With::Calls,
        App::Sql(_) => With::Database,
    };
    let root = yaml::parse(&mut faults).filter(|root| FileKind::Conversations.is_read_from(root, &mut faults));
    let read = root.and_then(|root| match with {
        With::Calls => Some((None, conversations(&root, "a file of conversations", with, &mut faults))),
        With::Database => {
            let mut fields = root.map(&mut faults, "a file of conversations with a database")?;
            let script = fields.required(&mut faults, "database").and_then(|n| script(n, &file, &mut faults));
            let list = fields.required(&mut faults, "conversations");
            let list = list.map(|n| conversations(n, "`conversations`", with, &mut faults));
            fields.finish(&mut faults);
            Some((Some(script?), list?))
        }
    });
    match read {
        Some((script, conversations)) if !faults.has_errors() => {
            Ok(Suite { file: file.display().to_string(), mapping, script, conversations })
        }
        _ => Err(faults.into_diagnostics()),
    }
}

/// The script, whose path is relative to the file of conversations.
fn script(node: &Node, file: &Path, faults: &mut Faults) -> Option<String> {
    let path = file.with_file_name(node.text(faults, "`database`")?);
    match Source::read(&path) {
        Ok(source) => Some(source.text().to_owned()),
        Err(fault) => {
            faults.error(node.span, "file", fault.message);
            None
        }
    }
}

fn conversations(node: &Node, what: &str, with: With, faults: &mut Faults) -> Vec<Conversation> {
    let items = node.list(faults, what).unwrap_or_default();
    items.iter().filter_map(|item| conversation(item, with, faults)).collect()
}

fn conversation(node: &Node, with: With, faults: &mut Faults) -> Option<Conversation> {
    let mut fields = node.map(faults, "a conversation")?;
    let name = fields.required(faults, "name").and_then(|n| n.text(faults, "`name`"));
    let first = exchange(&mut fields, with, faults);
    let then: Vec<Option<Exchange>> = fields.list(faults, "then").iter().map(|n| next(n, with, faults)).collect();
    fields.finish(faults);
    let exchanges = std::iter::once(first).chain(then).collect::<Option<Vec<_>>>()?;
    Some(Conversation { name: name?.to_owned(), exchanges })
}

fn next(node: &Node, with: With, faults: &mut Faults) -> Option<Exchange> {
    let mut fields = node.map(faults, "an item of `then`")?;
    let exchange = exchange(&mut fields, with, faults);
    fields.finish(faults);
    exchange
}

fn exchange(fields: &mut Fields<'_>, with: With, faults: &mut Faults) -> Option<Exchange> {
    let request = fields.required(faults, "request").and_then(|n| request(n, faults));
    let calls = match with {
        With::Calls => fields.list(faults, "calls").iter().map(|n| call(n, faults)).collect::<Option<Vec<_>>>(),
        With::Database => Some(Vec::new()),
    };
    let response = fields.required(faults, "response").and_then(|n| response(n, faults));
    Some(Exchange { request: request?, calls: calls?, response: response? })
}

/// `{ PATCH: /Users/42, body: { … } }`
fn request(node: &Node, faults: &mut Faults) -> Option<Asked> {
    let mut fields = node.map(faults, "`request`")?;
    let asked: Vec<_> = METHODS.iter().filter_map(|method| Some((*method, fields.take(method)?))).collect();
    let body = fields.take("body").map(Node::to_json);
    let headers = headers(&mut fields, faults);
    let profiles = Profile::ALL.map(|p| (p.name, p));
    let profile = fields.choice(faults, "profile", &profiles).unwrap_or(Profile::TOLERANT);
    let tenant = fields.take("tenant").and_then(|n| Tenant::read("test", n, faults)).map(Arc::new);
    let span = fields.span();
    fields.finish(faults);
    let [(method, target)] = asked.as_slice() else {
        faults
            .error(span, "bad-request", "`request` needs one method and its path")
            .help("write `{ GET: /Users/42 }` or `{ POST: /Users, body: { … } }`");
        return None;
    };
    let target = path(target.text(faults, "the path")?, target, faults)?;
    let mut map = HeaderMap::new();
    for (name, value) in headers? {
        match (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(&value)) {
            (Ok(name), Ok(value)) => {
                map.append(name, value);
            }
            _ => {
                faults.error(span, "bad-value", format!("`{name}: {value}` is not a header"));
            }
        }
    }
    let body = match body {
        None => Bytes::new(),
        // As it is: no SCIM body is a text, so this is for those that are not even JSON.
        Some(serde_json::Value::String(text)) => Bytes::from(text),
        Some(body) => Bytes::from(body.to_string()),
    };
    let method = Method::from_bytes(method.as_bytes()).ok()?;
    Some(Asked { method, target, headers: map, body, profile, tenant })
}

/// `{ expect: GET /users/42, reply: { … } }`
fn call(node: &Node, faults: &mut Faults) -> Option<Expected> {
    let mut fields = node.map(faults, "a call")?;
    let expect = fields.required(faults, "expect").and_then(|n| Some((n, n.text(faults, "`expect`")?)));
    let body = fields.take("body").map(Node::to_json);
    let reply = fields.required(faults, "reply").and_then(|n| reply(n, faults));
    fields.finish(faults);
    let (node, text) = expect?;
    let told = text.split_once(' ').and_then(|(method, target)| {
        let upper = method.chars().all(|c| c.is_ascii_uppercase());
        Some((Method::from_bytes(method.as_bytes()).ok().filter(|_| upper)?, target.trim()))
    });
    let Some((method, target)) = told else {
        let message = format!("`{}` is not a method and a target", faults.written(node.span));
        faults.error(node.span, "bad-value", message).help("write `GET /users/42`");
        return None;
    };
    Some(Expected { method, target: path(target, node, faults)?, body, reply: reply? })
}

fn reply(node: &Node, faults: &mut Faults) -> Option<Scripted> {
    let mut fields = node.map(faults, "`reply`")?;
    let status = status(&mut fields, faults);
    let headers = headers(&mut fields, faults);
    let body = fields.take("body").map(Node::to_json);
    fields.finish(faults);
    Some(Scripted { status: status?.as_u16(), headers: headers?, body })
}

fn response(node: &Node, faults: &mut Faults) -> Option<Wanted> {
    let mut fields = node.map(faults, "`response`")?;
    let status = status(&mut fields, faults);
    let headers = headers(&mut fields, faults);
    let body = fields.take("body").map(Node::to_json);
    fields.finish(faults);
    Some(Wanted { status: status?, headers: headers?, body })
}

fn status(fields: &mut Fields<'_>, faults: &mut Faults) -> Option<StatusCode> {
    let status = fields.required(faults, "status")?.integer(faults, "`status`", 100..=599)?;
    u16::try_from(status).ok().and_then(|status| StatusCode::from_u16(status).ok())
}

fn headers(fields: &mut Fields<'_>, faults: &mut Faults) -> Option<Vec<(String, String)>> {
    let entries = fields.entries(faults, "headers");
    entries.iter().map(|(name, value)| Some((name.name.clone(), value.text(faults, "a header")?.to_owned()))).collect()
}

fn path(text: &str, node: &Node, faults: &mut Faults) -> Option<String> {
    if text.starts_with('/') {
        return Some(text.to_owned());
    }
    let message = format!("`{text}` is not a path");
    faults.error(node.span, "bad-value", message).help("begin it with `/`");
    None
}
