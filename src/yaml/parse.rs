//! Text to tree, from the events of `saphyr-parser` (its only home), with limits on depth and size.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use saphyr_parser::{Event, Parser, ScalarStyle, StrInput, Tag};

use super::{Key, Node, Value};
use crate::diagnostic::{Faults, Span};

/// How deep lists and maps may nest, aliases expanded.
const DEEPEST: usize = 64;
/// How many values a file may have, aliases expanded.
const MOST_NODES: usize = 100_000;

/// Reads the one document in the text of `faults`.
///
/// `None` when the text is not YAML or passes a limit. A tree may come back together with faults, such as a repeated key, so
/// that the rest of the file can be read and checked in the same run. An empty text is `Null`.
#[must_use]
pub fn parse(faults: &mut Faults) -> Option<Node> {
    let source = faults.source().clone();
    let bom = if source.text().starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let text = &source.text()[bom..];
    Tree { events: Parser::new_from_str(text), bytes: Bytes::new(text, bom), faults, anchors: HashMap::new(), nodes: 0 }
        .document()
}

/// From the parser's character positions to byte positions.
struct Bytes {
    /// The byte at which each character starts; empty if all are one byte long.
    starts: Vec<usize>,
    first: usize,
    length: usize,
}

impl Bytes {
    fn new(text: &str, first: usize) -> Bytes {
        let starts = if text.is_ascii() { Vec::new() } else { text.char_indices().map(|(at, _)| at).collect() };
        Bytes { starts, first, length: text.len() }
    }

    fn at(&self, character: usize) -> usize {
        let byte = if self.starts.is_empty() { Some(character) } else { self.starts.get(character).copied() };
        self.first + byte.unwrap_or(self.length).min(self.length)
    }

    fn span(&self, span: saphyr_parser::Span) -> Span {
        Span { start: self.at(span.start.index()), end: self.at(span.end.index()) }
    }
}

/// A finished anchor.
struct Anchored {
    node: Node,
    nodes: usize,
    height: usize,
}

struct Tree<'t> {
    events: Parser<'t, StrInput<'t>>,
    bytes: Bytes,
    faults: &'t mut Faults,
    anchors: HashMap<usize, Anchored>,
    nodes: usize,
}

impl<'t> Tree<'t> {
    fn document(mut self) -> Option<Node> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamStart | Event::DocumentEnd | Event::Nothing => {}
                Event::DocumentStart(_) if root.is_some() => {
                    self.faults
                        .error(span, "yaml-documents", "a second document starts here")
                        .help("write one document in each file");
                    return None;
                }
                Event::DocumentStart(_) => {
                    let (event, span) = self.next()?;
                    root = Some(self.node(event, span, 0)?);
                }
                Event::StreamEnd => break,
                // Nothing else can stand between documents.
                _ => return None,
            }
        }
        Some(root.unwrap_or(Node { span: Span::default(), value: Value::Null }))
    }

    /// The next event; a syntax error ends the reading, for what follows it is guesswork.
    fn next(&mut self) -> Option<(Event<'t>, Span)> {
        match self.events.next_event()? {
            Ok((event, span)) => Some((event, self.bytes.span(span))),
            Err(error) => {
                let at = self.bytes.at(error.marker().index());
                let message = format!("this is not valid YAML: {}", error.info());
                let line = line_at(self.faults.source().text(), at);
                // The likeliest slip in a mapping: between braces YAML takes the hole for a map of its own.
                let hole = line.contains("{{") && line.contains('}');
                let fault = self.faults.error(Span { start: at, end: at }, "yaml-syntax", message);
                if hole {
                    fault.help("between braces a text with `{{…}}` needs quotes: `{ call: \"GET /users/{{id}}\" }`");
                }
                None
            }
        }
    }

    fn node(&mut self, event: Event<'t>, span: Span, depth: usize) -> Option<Node> {
        self.limits(span, 1, depth)?;
        let (anchor, node) = match event {
            Event::Alias(anchor) => return self.alias(anchor, span, depth),
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse(tag, span);
                (anchor, Node { span, value: scalar(&text, style) })
            }
            Event::SequenceStart(anchor, tag) => {
                self.refuse(tag, span);
                (anchor, self.list(span, depth)?)
            }
            Event::MappingStart(anchor, tag) => {
                self.refuse(tag, span);
                (anchor, self.map(span, depth)?)
            }
            // The parser gives no other event where a node must stand.
            _ => return None,
        };
        if anchor > 0 {
            let (nodes, height) = measure(&node);
            self.anchors.insert(anchor, Anchored { node: node.clone(), nodes, height });
        }
        Some(node)
    }

    fn limits(&mut self, span: Span, nodes: usize, depth: usize) -> Option<()> {
        self.nodes += nodes;
        let message = if self.nodes > MOST_NODES {
            format!("more than {MOST_NODES} values, with aliases expanded")
        } else if depth > DEEPEST {
            format!("nested more than {DEEPEST} levels deep")
        } else {
            return Some(());
        };
        self.faults.error(span, "yaml-limit", message);
        None
    }

    fn alias(&mut self, anchor: usize, span: Span, depth: usize) -> Option<Node> {
        let Some(Anchored { nodes, height, .. }) = self.anchors.get(&anchor) else {
            self.faults.error(span, "yaml-alias", "this alias stands inside its own anchor");
            return None;
        };
        self.limits(span, *nodes, depth + *height)?;
        self.anchors.get(&anchor).map(|anchored| anchored.node.clone())
    }

    fn list(&mut self, start: Span, depth: usize) -> Option<Node> {
        let mut items: Vec<Node> = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::SequenceEnd {
                let end = end_of(span, items.last(), start);
                return Some(Node { span: Span { start: start.start, end }, value: Value::List(items) });
            }
            items.push(self.node(event, span, depth + 1)?);
        }
    }

    fn map(&mut self, start: Span, depth: usize) -> Option<Node> {
        let mut entries: Vec<(Key, Node)> = Vec::new();
        let mut names = HashSet::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::MappingEnd {
                let end = end_of(span, entries.last().map(|(_, last)| last), start);
                return Some(Node { span: Span { start: start.start, end }, value: Value::Map(entries) });
            }
            let key = self.key(event, span, depth)?;
            let (event, span) = self.next()?;
            let value = self.node(event, span, depth + 1)?;
            let Some(key) = key else { continue };
            if names.insert(key.name.clone()) {
                entries.push((key, value));
            } else {
                self.faults
                    .error(key.span, "duplicate-key", format!("`{}` is given twice", key.name))
                    .help("keep one of the two");
            }
        }
    }

    /// A key, or `Some(None)` after a fault that does not end the reading.
    fn key(&mut self, event: Event<'t>, span: Span, depth: usize) -> Option<Option<Key>> {
        match event {
            Event::Scalar(text, ScalarStyle::Plain, _, tag) if text == "<<" => {
                self.refuse(tag, span);
                self.faults
                    .error(span, "yaml-merge", "merge keys are not read")
                    .help("write the keys out, or alias the whole value");
                Some(None)
            }
            Event::Scalar(text, _, anchor, tag) => {
                self.refuse(tag, span);
                if anchor > 0 {
                    let node = Node { span, value: Value::Text(text.to_string()) };
                    self.anchors.insert(anchor, Anchored { node, nodes: 1, height: 0 });
                }
                Some(Some(Key { name: text.into_owned(), span }))
            }
            other => {
                self.faults
                    .error(span, "yaml-key", "this key is not a text")
                    .help("write a plain word before the colon");
                self.node(other, span, depth + 1)?;
                Some(None)
            }
        }
    }

    fn refuse(&mut self, tag: Option<Cow<'t, Tag>>, span: Span) {
        if let Some(tag) = tag {
            self.faults
                .error(span, "yaml-tag", format!("tags such as `{tag}` are not read"))
                .help("leave the tag out; put quotes around what must be a text");
        }
    }
}

/// Where a list or map ends: at its bracket if it has one, for a block ends only where the next thing begins.
fn end_of(bracket: Span, last: Option<&Node>, start: Span) -> usize {
    if bracket.start < bracket.end { bracket.end } else { last.map_or(start.end, |last| last.span.end.max(start.end)) }
}

fn scalar(text: &str, style: ScalarStyle) -> Value {
    match style {
        ScalarStyle::Plain => Value::plain(text),
        _ => Value::Text(text.to_owned()),
    }
}

/// Count and height of a tree, which is within the limits already.
fn measure(node: &Node) -> (usize, usize) {
    let children: Vec<&Node> = match &node.value {
        Value::List(items) => items.iter().collect(),
        Value::Map(entries) => entries.iter().map(|(_, node)| node).collect(),
        _ => return (1, 0),
    };
    let fold = |(nodes, height): (usize, usize), child| {
        let (more, taller) = measure(child);
        (nodes + more, height.max(taller + 1))
    };
    children.into_iter().fold((1, 0), fold)
}

/// The line of the text that holds this place.
fn line_at(text: &str, at: usize) -> &str {
    let at = (0..=at.min(text.len())).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(0);
    let start = text[..at].rfind('\n').map_or(0, |i| i + 1);
    let end = text[at..].find('\n').map_or(text.len(), |i| at + i);
    &text[start..end]
}
