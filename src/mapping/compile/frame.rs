//! What all calls of an HTTP app share: its answers, and the frame that is laid under every call. Framing is done on the
//! tree as written, so a call in a frame is read, checked and reported like one that was written out.

use std::{borrow::Cow, cell::RefCell, sync::Arc};

use crate::{
    diagnostic::{Faults, Span},
    mapping::{answer::AnswerRule, auth::Auth, call::CallTemplate, quote::Quote, rest::Origin},
    yaml::{Key, Node, Value},
};

use super::quote::Quotes;

/// What all calls of an app share.
#[derive(Default)]
pub(super) struct Shared {
    /// The app's answer rules, after a call's own.
    pub answers: Vec<Arc<AnswerRule>>,
    /// Where the app is.
    pub origin: Arc<Origin>,
    /// The quotes that texts may use.
    pub quotes: Quotes,
    /// The filter languages of the mapping's own, by name, as written.
    pub languages: Vec<(String, Node)>,
    /// The quote that all values go through, unless they have another.
    pub quote: Option<Quote>,
    /// What the session with the app keeps, by name.
    pub session: Vec<String>,
    /// Whether signing in again may help where a call was not accepted.
    pub renews: bool,
    /// Every call that was read: where, and the tenant's values that it names.
    noted: RefCell<Vec<(Span, Vec<String>)>>,
    /// Keys that are laid under those of every call.
    frame: Vec<(Key, Node)>,
    /// Names that are keys of every call; `$.name` in the frame is what stands there.
    takes: Vec<String>,
}

/// Keys of a call that a frame may say.
const FRAMED: [&str; 8] = ["call", "query", "headers", "json", "form", "text", "record", "rows"];

/// Keys that are a body.
const BODIES: [&str; 3] = ["json", "form", "text"];

/// Keys whose maps are joined, entry by entry.
const JOINED: [&str; 4] = ["query", "headers", "json", "form"];

impl Shared {
    /// Reads `app.rest.frame`.
    pub(super) fn read_frame(&mut self, node: &Node, faults: &mut Faults) {
        let Some(mut fields) = node.map(faults, "`frame`") else { return };
        self.quote = fields.take("quote").and_then(|n| self.quotes.named(n, faults));
        for key in FRAMED {
            self.frame.extend(fields.take_entry(key).cloned());
        }
        for name in fields.list(faults, "takes") {
            let Some(text) = name.text(faults, "a name") else { continue };
            let known = ["answers", "repeat", "pages", "filters", "steps", "when", "start", "takes", "id", "batch"];
            if FRAMED.contains(&text) || known.contains(&text) {
                faults
                    .error(name.span, "bad-name", format!("`{text}` is a key beside calls already"))
                    .help("take another name");
            } else if !self.frame.iter().any(|(_, node)| mentions(node, &format!("$.{text}"))) {
                faults
                    .error(name.span, "no-effect", format!("the frame does not say where `{text}` goes"))
                    .help(format!("put `$.{text}` where it belongs, or leave it out"));
            }
            self.takes.push(text.to_owned());
        }
        fields.finish(faults);
    }

    /// The same for calls that open the session: what of the frame names it is left out.
    pub(super) fn without_session(&self) -> Self {
        let frame = self.frame.iter().filter_map(|(key, node)| Some((key.clone(), without_session(node)?))).collect();
        let (answers, origin, takes) = (self.answers.clone(), self.origin.clone(), self.takes.clone());
        let (quotes, quote) = (self.quotes.clone(), self.quote.clone());
        Self { answers, origin, frame, takes, quotes, quote, ..Self::default() }
    }

    /// Remembers a call that was read.
    pub(super) fn note(&self, span: Span, call: &CallTemplate) {
        let fields = call.sends.open.iter().filter(|(name, _)| name == "tenant").map(|(_, field)| field.clone());
        self.noted.borrow_mut().push((span, fields.collect()));
    }

    /// The tenant's values that the calls name.
    pub(super) fn tenant_names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.noted.borrow().iter().flat_map(|(_, names)| names.clone()).collect();
        names.sort();
        names.dedup();
        names
    }

    /// The tenant's values that are needed. Where the session is not the tenant's own, every call must name it: one that does
    /// not would reach the records of all.
    pub(super) fn tenant(&self, auth: &Auth, faults: &mut Faults) -> Vec<String> {
        let of_session = auth.session.as_ref().map(|session| session.tenant.clone()).unwrap_or_default();
        let mut names = self.tenant_names();
        if !names.is_empty() && of_session.is_empty() {
            for (span, _) in self.noted.borrow().iter().filter(|(_, named)| named.is_empty()) {
                faults
                    .error(*span, "open-tenant", "this call does not name the tenant, and others do")
                    .help("name it here as well, in the frame, or where the session is opened: `{{tenant.NAME}}`");
            }
        }
        names.extend(of_session);
        names.sort();
        names.dedup();
        names
    }

    /// The keys of a call, and those that may stand beside it, with the frame laid under them. `holds` is what of its reply
    /// is looked at, some of `record`, `rows` and `id`: no other place is laid there, and none beside one that it says itself.
    pub(super) fn framed<'n>(&self, node: &'n Node, holds: &[&str]) -> Cow<'n, Node> {
        if self.frame.is_empty() {
            return Cow::Borrowed(node);
        }
        let own = match &node.value {
            Value::Text(_) => vec![(Key { name: "call".to_owned(), span: node.span }, node.clone())],
            // each of the steps is a call in its frame
            Value::Map(entries) if !entries.iter().any(|(key, _)| key.name == "steps") => entries.clone(),
            _ => return Cow::Borrowed(node),
        };
        let (taken, own): (Vec<_>, Vec<_>) = own.into_iter().partition(|(key, _)| self.takes.contains(&key.name));
        let line = own.iter().chain(&self.frame).find(|(key, _)| key.name == "call").and_then(|(_, n)| n.as_text());
        let bodiless = line.is_some_and(|line| line.starts_with("GET ") || line.starts_with("DELETE "));
        // a call's own body takes the place of one of another kind, and a read by GET has none
        let other = own.iter().find(|(key, _)| BODIES.contains(&key.name.as_str())).map(|(key, _)| &key.name);
        let says = |name: &str| own.iter().any(|(key, _)| key.name == name);
        // of one call whole pages are looked at or one record
        let place = |name: &str| match name {
            "rows" => {
                holds.contains(&"rows")
                    && !says("record")
                    && !says("id")
                    && (says("pages") || !holds.contains(&"record"))
            }
            _ => holds.contains(&"record") && !["rows", "id", "pages"].into_iter().any(says),
        };
        let laid = |key: &Key| match key.name.as_str() {
            body if BODIES.contains(&body) => other.map_or(!bodiless, |other| other == body),
            name @ ("record" | "rows") => place(name),
            _ => true,
        };
        let frame = self
            .frame
            .iter()
            .filter(|(key, _)| laid(key))
            .filter_map(|(key, node)| Some((key.clone(), self.filled(node, &taken)?)));
        Cow::Owned(Node { span: node.span, value: Value::Map(join(frame.collect(), own, |key| JOINED.contains(&key))) })
    }

    /// What a filter rule asks: the keys of the list's call, the rule's laid over them.
    pub(super) fn over(&self, list: &Node, rule: &Node) -> Node {
        let is_call = |key: &Key| FRAMED.contains(&key.name.as_str()) || self.takes.contains(&key.name);
        let call = |node: &Node| node.as_map().unwrap_or_default().to_vec();
        let mut own = call(rule);
        own.retain(|(key, _)| is_call(key) || key.name == "answers");
        let mut under = call(list);
        under.retain(|(key, _)| is_call(key) || key.name == "answers");
        let body = |key: &Key| BODIES.contains(&key.name.as_str());
        if own.iter().any(|(key, _)| body(key)) {
            under.retain(|(key, _)| !body(key) || own.iter().any(|(k, _)| k.name == key.name));
        }
        Node {
            span: rule.span,
            value: Value::Map(join(under, own, |key| JOINED.contains(&key) || self.takes.iter().any(|t| t == key))),
        }
    }

    /// The keys that say what a call sends, in a rule that is laid over another call.
    pub(super) fn sends(&self) -> impl Iterator<Item = &str> {
        ["query", "headers", "json", "form"].into_iter().chain(self.takes.iter().map(String::as_str))
    }

    /// The frame's part with what a call says in the place of its names; nothing where the call does not say it.
    fn filled(&self, node: &Node, taken: &[(Key, Node)]) -> Option<Node> {
        let value = match &node.value {
            Value::Text(text) => match text.strip_prefix("$.").filter(|name| self.takes.iter().any(|t| t == name)) {
                Some(name) => return taken.iter().find(|(key, _)| key.name == name).map(|(_, node)| node.clone()),
                None => return Some(node.clone()),
            },
            Value::List(items) => Value::List(items.iter().filter_map(|n| self.filled(n, taken)).collect()),
            Value::Map(entries) => {
                Value::Map(entries.iter().filter_map(|(key, n)| Some((key.clone(), self.filled(n, taken)?))).collect())
            }
            _ => return Some(node.clone()),
        };
        Some(Node { span: node.span, value })
    }
}

/// The entries of one map over those of another; where `joins` says so, maps are joined and not replaced.
fn join(under: Vec<(Key, Node)>, over: Vec<(Key, Node)>, joins: impl Fn(&str) -> bool) -> Vec<(Key, Node)> {
    let mut joined = under;
    for (key, node) in over {
        match joined.iter_mut().find(|(known, _)| known.name == key.name) {
            Some(known) if joins(&key.name) => *known = (key, merged(&known.1, node)),
            Some(known) => *known = (key, node),
            None => joined.push((key, node)),
        }
    }
    joined
}

fn merged(under: &Node, over: Node) -> Node {
    match (&under.value, over.value) {
        (Value::Map(under), Value::Map(entries)) => {
            Node { span: over.span, value: Value::Map(join(under.clone(), entries, |_| true)) }
        }
        (_, value) => Node { span: over.span, value },
    }
}

/// The part of a frame that does not need a session to be open.
fn without_session(node: &Node) -> Option<Node> {
    let value = match &node.value {
        Value::Text(text) if text.starts_with("$.session.") || in_holes(text, "session.") => return None,
        Value::List(items) => Value::List(items.iter().filter_map(without_session).collect()),
        Value::Map(entries) => {
            Value::Map(entries.iter().filter_map(|(key, n)| Some((key.clone(), without_session(n)?))).collect())
        }
        _ => return Some(node.clone()),
    };
    Some(Node { span: node.span, value })
}

/// Whether a hole of the text begins so, behind its quote if it has one.
fn in_holes(text: &str, begin: &str) -> bool {
    let holes = text.split("{{").skip(1).filter_map(|rest| rest.split("}}").next());
    holes.flat_map(str::split_whitespace).any(|word| word.starts_with(begin))
}

fn mentions(node: &Node, text: &str) -> bool {
    match &node.value {
        Value::Text(found) => found == text,
        Value::List(items) => items.iter().any(|n| mentions(n, text)),
        Value::Map(entries) => entries.iter().any(|(_, n)| mentions(n, text)),
        _ => false,
    }
}
