//! Reading the attribute lines of a resource type: which attribute a key names, and what its line says.

use std::{borrow::Cow, sync::Arc};

use serde_json::Value as Json;

use crate::{
    diagnostic::{Faults, Span, did_you_mean},
    mapping::{
        codec::Codec,
        line::{Each, Empty, Field, FieldSource, Line, Of, Slot, Source},
        selector::Selector,
        template::Template,
    },
    scim::{
        filter::{CompareOp, Filter},
        path::PatchPath,
        profile::Profile,
        published,
        schema::{Extension, Mutability, Resolution, ResourceType, Target},
    },
    yaml::{Fields, Key, Node, Value},
};

use super::facts::{Facts, codec};

/// A line, with what it says of its attribute and where it stands.
pub(super) struct Draft<'n> {
    pub line: Line,
    pub facts: Facts,
    pub span: Span,
    /// `add` and `remove` of a relation.
    pub relation: Option<(&'n Node, &'n Node)>,
}

/// What the right-hand side of a line says, before it is known whether it may be written.
pub(super) struct Said<'n> {
    pub value: Source,
    pub facts: Facts,
    pub relation: Option<(&'n Node, &'n Node)>,
    /// Whether this source can be written at all.
    pub writes: bool,
}

/// The key of a line, looked up.
pub(super) struct Named {
    pub target: Target,
    /// Of `emails[type eq "work"].value`: what tells the item, and the sub-attribute.
    pub item: Option<(Vec<(String, Json)>, String)>,
}

/// A resource type with everything published in it: the words a mapping may use.
pub(super) fn everything(name: &str) -> ResourceType {
    let user = name == "User";
    let schema = if user { published::user() } else { published::group() };
    let enterprise = Extension { schema: (**published::enterprise_user()).clone(), required: false };
    ResourceType {
        name: name.to_owned(),
        endpoint: format!("/{name}s"),
        description: schema.description.clone(),
        schema: (**schema).clone(),
        extensions: if user { vec![enterprise] } else { Vec::new() },
        common: published::common().to_vec(),
        published: Vec::new(),
    }
}

/// Finds the attribute that a key names; `enterprise:` stands for the enterprise extension's URN.
pub(super) fn named(key: &Key, all: &ResourceType, faults: &mut Faults) -> Option<Named> {
    let text: Cow<'_, str> = match key.name.strip_prefix("enterprise:") {
        Some(rest) => format!("{}:{rest}", published::enterprise_user().id).into(),
        None => key.name.as_str().into(),
    };
    let path = match PatchPath::parse(&text, &Profile::STRICT) {
        Ok(path) => path,
        Err(refusal) => {
            faults.error(key.span, "bad-attribute", refusal.detail);
            return None;
        }
    };
    let Resolution::Offered(target) = all.resolve(&path.attr) else {
        let message = format!("`{}` is not an attribute of {}", key.name, all.name);
        let names = all_names(all);
        let fault = faults.error(key.span, "unknown-attribute", message);
        match did_you_mean(&key.name, names.iter().map(String::as_str)) {
            Some(near) => fault.help(format!("write `{near}`")),
            None => fault.help("extension schemas of your own are not supported yet"),
        };
        return None;
    };
    if target.to_string() == "id" || target.to_string() == "schemas" {
        faults
            .error(key.span, "bad-attribute", format!("`{target}` is not written as a line"))
            .help("the id stands as `id:` (or `key:`) beside `attributes`");
        return None;
    }
    let item = match (path.filter, path.sub) {
        (None, _) => None,
        (Some(filter), Some(sub)) => Some((constants(&filter, key, faults)?, sub)),
        (Some(_), None) => {
            faults
                .error(key.span, "bad-attribute", format!("`{}` names no sub-attribute", key.name))
                .help(format!("write `{}.value`", key.name));
            return None;
        }
    };
    Some(Named { target, item })
}

/// `type eq "work" and primary eq true`, and nothing else.
fn constants(filter: &Filter, key: &Key, faults: &mut Faults) -> Option<Vec<(String, Json)>> {
    match filter {
        Filter::Compare { path, op: CompareOp::Equal, value } => Some(vec![(path.name.clone(), value.clone())]),
        Filter::And(left, right) => {
            let mut both = constants(left, key, faults)?;
            both.extend(constants(right, key, faults)?);
            Some(both)
        }
        _ => {
            faults
                .error(key.span, "bad-attribute", "an item is told by `eq` alone")
                .help("write e.g. `emails[type eq \"work\"].value`");
            None
        }
    }
}

fn all_names(all: &ResourceType) -> Vec<String> {
    let mut names = Vec::new();
    let extensions = all.extensions.iter().flat_map(|e| e.schema.attributes.iter().map(|a| ("enterprise:", a)));
    for (prefix, attribute) in all.common.iter().chain(&all.schema.attributes).map(|a| ("", a)).chain(extensions) {
        names.push(format!("{prefix}{}", attribute.name));
        names.extend(attribute.sub_attributes.iter().map(|s| format!("{prefix}{}.{}", attribute.name, s.name)));
    }
    names
}

/// Puts key and right-hand side together; several items of one list become one line.
pub(super) fn draft<'n>(drafts: &mut Vec<Draft<'n>>, named: Named, said: Said<'n>, span: Span, faults: &mut Faults) {
    let Said { value, facts, relation, writes } = said;
    let target = named.target;
    let leaf = target.leaf();
    let single_list = target.attribute.multi_valued && named.item.is_none();
    if single_list != matches!(value, Source::Each(_) | Source::From { .. }) && !matches!(value, Source::Constant(_)) {
        let help = if single_list {
            format!("write `{{ each: … }}`, or name an item: `{target}[type eq \"work\"].value`")
        } else {
            "write one field".to_owned()
        };
        faults
            .error(span, "list-or-not", format!("`{target}` is {}", if single_list { "a list" } else { "not a list" }))
            .help(help);
        return;
    }
    if target.attribute.sub_attributes.is_empty() || target.sub.is_some() || target.attribute.multi_valued {
    } else {
        faults
            .error(span, "bad-attribute", format!("`{target}` is complex: its sub-attributes have lines of their own"))
            .help(format!(
                "write e.g. `{target}.{}`",
                target.attribute.sub_attributes.first().map_or("value", |s| &s.name)
            ));
        return;
    }
    let read_only = leaf.mutability == Mutability::ReadOnly || target.attribute.mutability == Mutability::ReadOnly;
    let may_write = writes && !read_only;
    let (_, create, update) = match facts.access {
        None => (true, may_write, may_write),
        Some((read, create, update)) => {
            if (create || update) && !may_write {
                let why = if read_only { "SCIM knows it as read-only" } else { "its source cannot be written" };
                faults
                    .error(span, "cannot-write", format!("`{target}` cannot be written: {why}"))
                    .help("write `access: [read]`, or leave `access` out");
            }
            (read, create, update)
        }
    };
    let write_only = leaf.mutability == Mutability::WriteOnly || matches!(facts.access, Some((false, _, _)));
    let empty = facts.empty();
    let line = |target, value| Line { target, value, empty, create, update, write_only };
    let whole = Target { sub: None, ..target.clone() };
    if let Some((constants, sub)) = named.item {
        let Source::At { at, codec } = value else {
            faults.error(span, "list-or-not", "an item of a list has one field").help("write `$.field`");
            return;
        };
        let Some(sub) = target.attribute.sub(&sub).map(|s| s.name.clone()) else {
            faults.error(span, "unknown-attribute", format!("`{target}` has no `{sub}`"));
            return;
        };
        let slot = Slot { constants, sub, at, codec };
        let known = drafts.iter_mut().find(|d| d.line.target == whole);
        match known.map(|d| &mut d.line.value) {
            Some(Source::Slots(slots)) if slots.iter().any(|s| s.constants == slot.constants && s.sub == slot.sub) => {
                repeated(span, &whole, faults);
            }
            Some(Source::Slots(slots)) => slots.push(slot),
            Some(_) => repeated(span, &whole, faults),
            None => drafts.push(Draft { line: line(whole, Source::Slots(vec![slot])), facts, span, relation }),
        }
    } else if drafts.iter().any(|d| d.line.target == target) {
        repeated(span, &target, faults);
    } else {
        drafts.push(Draft { line: line(target, value), facts, span, relation });
    }
}

fn repeated(span: Span, target: &Target, faults: &mut Faults) {
    faults
        .error(span, "repeated-attribute", format!("`{target}` has a line already"))
        .help("each attribute has one line");
}

/// Reads the right-hand side of a line over an HTTP app.
pub(super) fn said<'n>(node: &'n Node, target: &Target, faults: &mut Faults) -> Option<Said<'n>> {
    let plain = |value, writes| Some(Said { value, facts: Facts::default(), relation: None, writes });
    match &node.value {
        Value::Text(text) if text == "store" => {
            faults.not_supported(node.span, "values kept by the gateway (`store`)");
            None
        }
        Value::Text(text) if text.starts_with('$') && !text.starts_with("$$") => {
            let at = selector(node, faults)?;
            let writes = at.writes();
            plain(Source::At { at, codec: Codec::Plain }, writes)
        }
        Value::Text(text) if Template::has_holes(text) => match Template::compile(text) {
            Ok(template) => plain(Source::Text(template), false),
            Err(message) => {
                faults.error(node.span, "bad-template", message);
                None
            }
        },
        Value::Map(_) => {
            let mut fields = node.map(faults, "a line")?;
            super::not_supported(
                &mut fields,
                faults,
                &[("from", "relations kept on the other side"), ("store", "values kept by the gateway")],
            );
            let said = if fields.has("each") { each(&mut fields, target, faults) } else { at(&mut fields, faults) };
            fields.finish(faults);
            said
        }
        Value::List(_) | Value::Null => {
            faults
                .error(node.span, "bad-line", "a line is a path, a text, a value or a map")
                .help("write e.g. `$.login`");
            None
        }
        _ => plain(Source::Constant(node.to_json()), false),
    }
}

fn at<'n>(fields: &mut Fields<'n>, faults: &mut Faults) -> Option<Said<'n>> {
    let at = fields.required(faults, "at").and_then(|n| selector(n, faults));
    let codec = codec(fields, faults);
    let facts = Facts::take(fields, faults);
    let at = at?;
    let writes = at.writes() && codec.writes();
    Some(Said { value: Source::At { at, codec }, facts, relation: None, writes })
}

fn each<'n>(fields: &mut Fields<'n>, target: &Target, faults: &mut Faults) -> Option<Said<'n>> {
    super::not_supported(
        fields,
        faults,
        &[
            ("at_most", "whole-list writes"),
            ("moves", "single-valued memberships"),
            ("batch", "batches beside `each`; write `batch` inside `add` and `remove`"),
        ],
    );
    let items = fields.required(faults, "each").and_then(|n| selector(n, faults));
    let pattern =
        fields.take("where").and_then(|n| super::pattern::pattern(n, "`where`", false, faults)).unwrap_or_default();
    let mut list = Vec::new();
    for sub in ["value", "type", "primary", "display"] {
        if let Some(node) = fields.take(sub) {
            list.extend(field(sub, node, faults));
        }
    }
    if !list.iter().any(|f| f.sub == "value") {
        faults
            .error(fields.span(), "missing-key", "`each` needs `value`")
            .help("say where an item keeps its value: `value: $.address`, or `value: $` for a list of plain values");
    }
    let of = fields.take("of").and_then(|n| of(n, faults));
    let relation = match (fields.take("add"), fields.take("remove")) {
        (Some(add), Some(remove)) => Some((add, remove)),
        (None, None) => None,
        _ => {
            faults
                .error(fields.span(), "missing-key", "a relation needs both `add` and `remove`")
                .help("say how a member is put in and taken out");
            None
        }
    };
    let facts = Facts::take(fields, faults);
    if relation.is_none() && matches!(facts.access, Some((_, true, _) | (_, _, true))) {
        faults.not_supported(fields.span(), &format!("writes to lists inside a record (`{target}`)"));
    }
    let writes = relation.is_some();
    Some(Said { value: Source::Each(Each { items: items?, pattern, fields: list, of }), facts, relation, writes })
}

/// Reads one sub-attribute of a list's items.
pub(super) fn field(sub: &str, node: &Node, faults: &mut Faults) -> Option<Field> {
    let value = match &node.value {
        Value::Text(text) if text.starts_with('$') && !text.starts_with("$$") => {
            FieldSource::At { at: selector(node, faults)?, codec: Codec::Plain }
        }
        Value::Map(_) => {
            let mut fields = node.map(faults, "a sub-attribute")?;
            let at = fields.required(faults, "at").and_then(|n| selector(n, faults));
            let codec = codec(&mut fields, faults);
            fields.finish(faults);
            FieldSource::At { at: at?, codec }
        }
        _ => FieldSource::Constant(node.to_json()),
    };
    Some(Field { sub: sub.to_owned(), value })
}

/// Reads `of: User`.
pub(super) fn of(node: &Node, faults: &mut Faults) -> Option<Of> {
    let name = node.choice(faults, "`of`", &[("User", "User"), ("Group", "Group")])?;
    Some(Of { name: name.to_owned(), endpoint: format!("/{name}s") })
}

/// Reads a path.
pub(super) fn selector(node: &Node, faults: &mut Faults) -> Option<Selector> {
    let text = node.text(faults, "a path")?;
    match Selector::compile(text) {
        Ok(selector) => Some(selector),
        Err(message) => {
            faults
                .error(node.span, "bad-path", message)
                .help("a path begins with `$`: `$.login`, `$.data[0].id`, `$['a b']`");
            None
        }
    }
}

/// Two lines must not write the same field.
pub(super) fn check_overlaps(drafts: &[Draft<'_>], faults: &mut Faults) {
    let mut seen: Vec<(&Selector, &Target)> = Vec::new();
    for draft in drafts.iter().filter(|d| d.line.create || d.line.update) {
        let places: Vec<&Selector> = match &draft.line.value {
            Source::At { at, .. } => vec![at],
            Source::Slots(slots) => slots.iter().map(|s| &s.at).collect(),
            _ => Vec::new(),
        };
        for at in places {
            if let Some((_, other)) = seen.iter().find(|(known, _)| *known == at) {
                faults
                    .error(
                        draft.span,
                        "shared-field",
                        format!("`{}` and `{other}` both write {}", draft.line.target, at.text()),
                    )
                    .help("let one of them be `access: [read]`");
            }
            seen.push((at, &draft.line.target));
        }
    }
}

/// What every resource type must offer (RFC 7643 §4.1, §4.2).
pub(super) fn check_required(name: &str, drafts: &[Draft<'_>], span: Span, faults: &mut Faults) {
    let needed = if name == "User" { "userName" } else { "displayName" };
    if !drafts.iter().any(|d| d.line.target.to_string() == needed) {
        faults
            .error(span, "missing-attribute", format!("a {name} needs `{needed}`"))
            .help(format!("add a line `{needed}: …`"));
    }
}

/// The `Empty` of nothing said, for lines made by the compiler itself.
pub(super) fn derived(target: Target, value: Source) -> Line {
    Line { target, value, empty: Empty::Null, create: false, update: false, write_only: false }
}

/// Finds a published attribute by its name alone.
pub(super) fn published_target(all: &ResourceType, name: &str) -> Option<Target> {
    let attribute = all.schema.attributes.iter().find(|a| a.name == name)?;
    Some(Target { extension: None, attribute: Arc::clone(attribute), sub: None })
}
