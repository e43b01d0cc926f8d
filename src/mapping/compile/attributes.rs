//! Reading the attribute lines of a resource type: what a line says, and one line from key and right-hand side.

use crate::{
    diagnostic::{Faults, Span, did_you_mean},
    mapping::{
        cell::Cell,
        codec::Codec,
        line::{Default, Each, Empty, Field, FieldSource, Line, Of, Slot, SlotField, Source},
        selector::Selector,
        template::Template,
    },
    scim::schema::{Attribute, Mutability, Target, Type},
    yaml::{Fields, Node, Value},
};

use super::{
    cell,
    codec::{codec, constant_suits, kind},
    draft::{Draft, Said, check_says},
    facts::Facts,
    kind::Written,
    name::Named,
    path::selector,
    relation, slots,
};

/// What is read out of one field that holds several values: not out of an item's.
pub(super) const CELLS: [(&str, &str); 3] =
    [("split", "lists in a text"), ("json", "JSON in a text"), ("php", "what PHP serialised")];

/// Puts key and right-hand side together; several items of one list become one line.
pub(super) fn draft<'n>(drafts: &mut Vec<Draft<'n>>, named: Named, said: Said<'n>, span: Span, faults: &mut Faults) {
    let Said { value, facts, relation, writes } = said;
    let target = named.target;
    let leaf = target.leaf();
    let single_list = target.attribute.multi_valued && named.item.is_none();
    if single_list != matches!(value, Source::Each(_) | Source::From { .. }) {
        list_or_not(&target, single_list, span, faults);
        return;
    }
    if leaf.kind == Type::Complex && !target.attribute.multi_valued {
        faults
            .error(span, "bad-attribute", format!("`{target}` is complex: its sub-attributes have lines of their own"))
            .help(format!(
                "write e.g. `{target}.{}`",
                target.attribute.sub_attributes.first().map_or("value", |s| &s.name)
            ));
        return;
    }
    if let Source::Constant(constant) = &value {
        if matches!(target.to_string().as_str(), "userName" | "displayName" | "externalId" | "password") {
            faults
                .error(span, "same-for-all", format!("`{target}` would be {constant} for everybody"))
                .help("a field of the record is a path: `$.login`");
        } else if !constant_suits(constant, leaf, span, faults) {
            return;
        }
    }
    if let Source::Text(_) = &value
        && leaf.kind != Type::String
    {
        faults
            .error(span, "wrong-kind", format!("`{target}` is {}, and a text with holes is only ever text", kind(leaf)))
            .help("write one field");
        return;
    }
    let read_only = leaf.mutability == Mutability::ReadOnly || target.attribute.mutability == Mutability::ReadOnly;
    let may_write = writes && !read_only;
    let (_, create, update) = match facts.access {
        None => (true, may_write, may_write),
        Some((read, create, update)) => {
            if (create || update) && !may_write {
                let why = if read_only {
                    "SCIM knows it as read-only"
                } else {
                    "it is read from what works in one direction only"
                };
                faults
                    .error(span, "cannot-write", format!("`{target}` cannot be written: {why}"))
                    .help("write `access: [read]`, or leave `access` out");
            }
            (read, create && may_write, update && may_write)
        }
    };
    let write_only = leaf.mutability == Mutability::WriteOnly || matches!(facts.access, Some((false, _, _)));
    if write_only && !create && !update && facts.access != Some((false, false, false)) {
        faults
            .error(span, "no-effect", format!("`{target}` is neither shown nor written"))
            .help("say what may be done with it: `access: [create, update]`");
    }
    if relation.is_some() && !update {
        faults
            .error(span, "no-effect", format!("`add` and `remove` are never sent: `{target}` is not to be changed"))
            .help("leave them out, or add `update` to `access`");
    }
    if facts.volatile && (write_only || matches!(&value, Source::Each(each) if each.of.is_some())) {
        faults
            .error(span, "no-effect", format!("`{target}` is no part of a version anyway"))
            .help("leave `volatile` out");
    }
    let default = default(&target, &value, create, &facts, faults);
    let (empty, fold, volatile, checked) = (facts.empty(), facts.fold, facts.volatile, facts.checked);
    let line =
        |target, value| Line { target, value, empty, fold, create, update, write_only, checked, volatile, default };
    let whole = Target { sub: None, ..target.clone() };
    if let Some((constants, sub)) = named.item {
        let Source::At { at, codec } = value else {
            faults
                .error(span, "list-or-not", "a sub-attribute of an item is one field of the record")
                .help("write `$.field`");
            return;
        };
        let field = SlotField { sub, at, codec };
        match drafts.iter_mut().find(|d| d.line.target == whole) {
            Some(Draft { line, facts: known, .. }) => match &mut line.value {
                Source::Slots(slots) => {
                    let unlike = Facts { unique: known.unique, required: known.required, ..facts } != *known;
                    if unlike || (line.create, line.update) != (create, update) {
                        faults
                            .error(
                                span,
                                "unlike-lines",
                                format!("the lines of `{whole}` differ in what may be done with them"),
                            )
                            .help("`access`, `case`, `fold`, `empty` and `volatile` must be alike in all lines of one list");
                    }
                    if !slots::put(slots, constants, field) {
                        repeated(span, &target, faults);
                    }
                }
                _ => repeated(span, &whole, faults),
            },
            None => {
                let slots = vec![Slot { constants, fields: vec![field] }];
                drafts.push(Draft { line: line(whole, Source::Slots(slots)), facts, span, relation });
            }
        }
    } else if drafts.iter().any(|d| d.line.target == target) {
        repeated(span, &target, faults);
    } else {
        drafts.push(Draft { line: line(target, value), facts, span, relation });
    }
}

/// What a new record gets, where this line writes new records and the app has a form for it.
fn default(target: &Target, value: &Source, create: bool, facts: &Facts, faults: &mut Faults) -> Option<Default> {
    let (default, span) = facts.default.clone()?;
    let Source::At { codec, .. } = value else {
        faults
            .error(span, "list-or-not", format!("`{target}` is no single field, which alone has a default"))
            .help("leave `default` out");
        return None;
    };
    if !create || facts.required {
        let why = if create { "must be sent by clients" } else { "is not written into new records" };
        faults.error(span, "no-effect", format!("`{target}` {why}, so its default is never used")).help("leave it out");
    }
    if let Default::Is(value) = &default
        && !matches!(codec, Codec::Holds(..))
        && codec.write(value).is_none()
    {
        faults
            .error(span, "bad-value", format!("the app has no form for {value}"))
            .help("write a value of SCIM's side, one that the line's codec can write");
    }
    Some(default)
}

fn repeated(span: Span, target: &Target, faults: &mut Faults) {
    faults
        .error(span, "repeated-attribute", format!("`{target}` has a line already"))
        .help("each attribute has one line");
}

fn list_or_not(target: &Target, is_list: bool, span: Span, faults: &mut Faults) {
    let what = if is_list { "a list" } else { "not a list" };
    let help = if is_list {
        format!("write `{{ each: … }}`, or name an item: `{target}[type eq \"work\"].value`")
    } else {
        "write one field".to_owned()
    };
    faults.error(span, "list-or-not", format!("`{target}` is {what}")).help(help);
}

/// Whether the line may be a list, as its map says.
pub(super) fn may_be_list(named: &Named, span: Span, faults: &mut Faults) -> bool {
    let single_list = named.target.attribute.multi_valued && named.item.is_none();
    if !single_list {
        list_or_not(&named.target, false, span, faults);
    }
    single_list
}

/// Reads the right-hand side of a line over an HTTP app.
pub(super) fn said<'n>(
    node: &'n Node,
    named: &Named,
    own: &Written<'_>,
    types: &[Written<'_>],
    cells: &mut Vec<Cell>,
    faults: &mut Faults,
) -> Option<Said<'n>> {
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
                faults.error(node.span, "bad-template", message).help("a hole holds one name: `{{name}}`");
                None
            }
        },
        Value::Map(_) => {
            let mut fields = node.map(faults, "a line")?;
            super::not_supported(&mut fields, faults, &[("store", "values kept by the gateway")]);
            if fields.has("store") {
                return None;
            }
            if (fields.has("each") || fields.has("from")) && !may_be_list(named, node.span, faults) {
                return None;
            }
            let list = fields.has("split") || fields.has("php");
            if list && !fields.has("each") && !may_be_list(named, node.span, faults) {
                return None;
            }
            let said = if fields.has("from") {
                relation::from(&mut fields, named, own, types, faults)
            } else if fields.has("each") {
                each(&mut fields, &named.target, own, types, faults)
            } else if list || fields.has("json") {
                let whole = fields.required(faults, "at").and_then(|n| selector(n, faults));
                match list {
                    // what PHP wrote is not known well enough without the rest of it
                    true if fields.has("split") => cell::list(whole, &mut fields, named, cells, faults),
                    true => read_only(cell::list(whole, &mut fields, named, cells, faults)),
                    false => read_only(cell::member(whole, &mut fields, named.leaf(), cells, faults)),
                }
            } else {
                at(&mut fields, named.leaf(), faults)
            };
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

/// A part of a text that is not written: the rest of it would have to be known.
fn read_only(said: Option<Said<'_>>) -> Option<Said<'_>> {
    said.map(|said| Said { writes: false, ..said })
}

fn at<'n>(fields: &mut Fields<'n>, leaf: &Attribute, faults: &mut Faults) -> Option<Said<'n>> {
    let at = match fields.take("first") {
        Some(node) => first(node, faults),
        None => fields.required(faults, "at").and_then(|n| selector(n, faults)),
    };
    let codec = codec(fields, leaf, faults);
    let facts = Facts::take(fields, leaf, faults);
    let at = at?;
    let writes = at.writes() && codec.writes();
    Some(Said { value: Source::At { at, codec }, facts, relation: None, writes })
}

/// One of several fields: the first that has a value. Which of them a value goes to is not known, so it is only read.
fn first(node: &Node, faults: &mut Faults) -> Option<Selector> {
    let nodes = node.list(faults, "`first`")?;
    if nodes.len() < 2 {
        faults
            .error(node.span, "bad-value", "`first` needs several paths to choose from")
            .help("write them in the order in which they count, `first: [$.nick, $.name]`; one path is `at`");
    }
    let paths: Vec<Option<Selector>> = nodes.iter().map(|node| selector(node, faults)).collect();
    paths.into_iter().collect::<Option<Vec<_>>>().map(Selector::first)
}

fn each<'n>(
    fields: &mut Fields<'n>,
    target: &Target,
    own: &Written<'_>,
    types: &[Written<'_>],
    faults: &mut Faults,
) -> Option<Said<'n>> {
    let items = fields.required(faults, "each").and_then(|n| selector(n, faults));
    let pattern =
        fields.take("where").and_then(|n| super::pattern::pattern(n, "`where`", false, faults)).unwrap_or_default();
    let mut list = Vec::new();
    for (leaf, node) in subs(fields, target, faults) {
        list.extend(field(sub_name(target, leaf), leaf, node, faults));
    }
    let help = "say where an item keeps its value: `value: $.address`, or `value: $` for a list of plain values";
    check_says(target, &list, "`each`", help, fields.span(), faults);
    let of = fields.take("of").and_then(|n| of(n, types, faults));
    let derived = relation::derived_from(own, target, types);
    let one = derived.as_ref().is_some_and(|(_, one)| *one);
    let of = of.or_else(|| derived.as_ref().map(|(of, _)| of.clone()));
    let at_most = fields.integer(faults, "at_most", 1..=100_000).and_then(|most| usize::try_from(most).ok());
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
    let facts = Facts::take(fields, target.attribute.item(), faults);
    if relation.is_some() && of.is_none() {
        faults
            .error(fields.span(), "missing-key", "a relation needs `of`")
            .help("name the resource type of its members: `of: User`");
    }
    let items = items?;
    let whole = items.writes() && !items.is_whole() && list.iter().all(Field::writes);
    // a list of other resources grows with the app; it is sent whole only where the mapping says how long it gets
    let writes = relation.is_some() || whole && (of.is_none() || at_most.is_some());
    let says = |key: &str| {
        let named = of.as_ref().and_then(|of| types.iter().find(|t| t.name() == of.name));
        named.is_some_and(|t| t.node.get(key).is_some())
    };
    let guards = says("protect");
    let scoped = derived.is_none() && (says("where") || guards);
    let each = Each { items, pattern, fields: list, of, also: Vec::new(), at_most, one, scoped, guards };
    Some(Said { value: Source::Each(each), facts, relation, writes })
}

/// Takes the sub-attributes of a list's items.
pub(super) fn subs<'n, 't>(
    fields: &mut Fields<'n>,
    target: &'t Target,
    faults: &mut Faults,
) -> Vec<(&'t Attribute, &'n Node)> {
    let mut found = Vec::new();
    let attribute = &target.attribute;
    for leaf in attribute.sub_attributes.iter().filter(|s| s.name != "$ref") {
        found.extend(fields.take_entry(leaf.name.clone()).map(|(_, node)| (&**leaf, node)));
    }
    for name in ["value", "type", "primary", "display"] {
        let Some((key, node)) = fields.take_entry(name) else { continue };
        if name == "value" && attribute.kind != Type::Complex {
            found.push((&**attribute, node));
        } else if attribute.sub(name).is_none() {
            faults.error(key.span, "unknown-attribute", format!("`{target}` has no `{name}`")).help("leave it out");
        }
    }
    found
}

/// The name that a field of an item goes by: that of its sub-attribute, and `value` where items are plain.
pub(super) fn sub_name(target: &Target, leaf: &Attribute) -> String {
    if target.attribute.kind == Type::Complex { leaf.name.clone() } else { "value".to_owned() }
}

/// Reads one sub-attribute of a list's items.
fn field(sub: String, leaf: &Attribute, node: &Node, faults: &mut Faults) -> Option<Field> {
    let value = match &node.value {
        Value::Text(text) if text.starts_with('$') && !text.starts_with("$$") => {
            FieldSource::At { at: selector(node, faults)?, codec: Codec::Plain }
        }
        Value::Map(_) => {
            let mut fields = node.map(faults, "a sub-attribute")?;
            let at = fields.required(faults, "at").and_then(|n| selector(n, faults));
            super::not_supported(&mut fields, faults, &CELLS);
            let codec = codec(&mut fields, leaf, faults);
            fields.finish(faults);
            FieldSource::At { at: at?, codec }
        }
        _ => FieldSource::Constant(Some(node.to_json()).filter(|v| constant_suits(v, leaf, node.span, faults))?),
    };
    Some(Field { sub, value })
}

/// Reads `of: User`.
pub(super) fn of(node: &Node, types: &[Written<'_>], faults: &mut Faults) -> Option<Of> {
    let name = node.text(faults, "`of`")?;
    let found = types.iter().find(|t| t.name() == name);
    if found.is_none() {
        let fault =
            faults.error(node.span, "unknown-resource", format!("`{name}` is not among the resources of this mapping"));
        match did_you_mean(name, types.iter().map(Written::name)) {
            Some(near) => fault.help(format!("write `{near}`")),
            None => fault.help("add it, or name another"),
        };
    }
    found.map(|t| Of { name: name.to_owned(), endpoint: t.all.endpoint.clone() })
}

/// The `Empty` of nothing said, for lines made by the compiler itself.
pub(super) fn derived(target: Target, value: Source) -> Line {
    let (create, update, write_only, checked, volatile) = (false, false, false, false, false);
    Line { target, value, empty: Empty::Null, fold: None, create, update, write_only, checked, volatile, default: None }
}
