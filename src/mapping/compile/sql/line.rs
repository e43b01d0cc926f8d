//! Reading the attribute lines of a database: columns, child tables, junctions.

use crate::{
    diagnostic::Faults,
    mapping::{
        cell::Cell,
        codec::Codec,
        line::{Each, Field, FieldSource, Source},
        own::OwnSql,
        pattern::Pattern,
        selector::Selector,
        sql::{Beside, Child, Ident, Junction},
        template::Template,
    },
    scim::schema::{Attribute, Target},
    yaml::{Fields, Node, Value},
};

use super::{
    super::{
        attributes, cell,
        codec::constant_suits,
        draft::{Said, check_says},
        facts::Facts,
        name::Named,
        not_supported,
    },
    Around,
    beside::{self, place},
    column::{self, ident, stamps, tests},
    own,
    statement::Setting,
};

/// Lists with tables of their own, as the lines name them.
#[derive(Default)]
pub(super) struct Lists {
    pub beside: Vec<Beside>,
    pub cells: Vec<Cell>,
    pub children: Vec<Child>,
    pub members: Vec<Junction>,
    /// Columns that expressions make.
    pub computed: Vec<(Ident, OwnSql)>,
}

pub(super) fn said<'n>(
    node: &'n Node,
    named: &Named,
    around: &Around<'_>,
    lists: &mut Lists,
    faults: &mut Faults,
) -> Option<Said<'n>> {
    match &node.value {
        Value::Text(text) if text == "store" => {
            faults.not_supported(node.span, "values kept by the gateway (`store`)");
            None
        }
        Value::Text(text) if Template::has_holes(text) => match Template::compile(text) {
            Ok(template) => {
                for hole in template.holes() {
                    place(&hole.join("."), node.span, &mut lists.beside, faults)?;
                }
                Some(Said { value: Source::Text(template), facts: Facts::default(), relation: None, writes: false })
            }
            Err(message) => {
                faults.error(node.span, "bad-template", message).help("a hole holds one name: `{{name}}`");
                None
            }
        },
        Value::Text(_) => {
            let at = place(node.text(faults, "a column")?, node.span, &mut lists.beside, faults)?;
            let value = Source::At { at, codec: Codec::Plain };
            Some(Said { value, facts: Facts::default(), relation: None, writes: true })
        }
        Value::List(entries) if named.target.attribute.is_keyed() => junctions(entries, named, around, lists, faults),
        Value::Map(_) => {
            let mut fields = node.map(faults, "a line")?;
            not_supported(
                &mut fields,
                faults,
                &[
                    ("in", "cells that list groups"),
                    ("keep", "members that must keep a group"),
                    ("from", "relations kept on the other side"),
                ],
            );
            if !fields.has("table") && !fields.has("column") && ["in", "from"].iter().any(|k| fields.has(k)) {
                return None;
            }
            if fields.has("table") && (fields.has("column") || fields.has("exists")) {
                let said = beside::single(&mut fields, named, around.keys, &mut lists.beside, faults);
                fields.finish(faults);
                return said;
            }
            let lists_in = fields.has("column") && (fields.has("split") || fields.has("php"));
            if lists_in || fields.has("column") && fields.has("json") {
                if lists_in && !attributes::may_be_list(named, node.span, faults) {
                    return None;
                }
                let node = fields.required(faults, "column");
                let at = node.and_then(|n| place(n.text(faults, "`column`")?, n.span, &mut lists.beside, faults));
                let said = match lists_in {
                    true => cell::list(at, &mut fields, named, &mut lists.cells, faults),
                    false => cell::member(at, &mut fields, named.leaf(), &mut lists.cells, faults),
                };
                fields.finish(faults);
                return said;
            }
            if fields.has("table") && !attributes::may_be_list(named, node.span, faults) {
                return None;
            }
            let said = if fields.has("table") {
                list(&mut fields, &named.target, around, lists, faults)
            } else if fields.has("sql") && !fields.has("column") {
                computed(&mut fields, named, around, lists, faults)
            } else {
                column(&mut fields, named.leaf(), &mut lists.beside, faults)
            };
            fields.finish(faults);
            said
        }
        _ => {
            faults
                .error(node.span, "bad-line", "a line names a column")
                .help("write its name, or a map with `column:` or `table:`");
            None
        }
    }
}

fn column<'n>(
    fields: &mut Fields<'n>,
    leaf: &Attribute,
    beside: &mut [Beside],
    faults: &mut Faults,
) -> Option<Said<'n>> {
    let node = fields.required(faults, "column");
    let at = node.and_then(|n| place(n.text(faults, "`column`")?, n.span, beside, faults));
    let codec = column::codec(fields, leaf, faults);
    let facts = Facts::take(fields, leaf, faults);
    let writes = codec.writes();
    Some(Said { value: Source::At { at: at?, codec }, facts, relation: None, writes })
}

/// What an expression makes of a row: read, and never written.
fn computed<'n>(
    fields: &mut Fields<'n>,
    named: &Named,
    around: &Around<'_>,
    lists: &mut Lists,
    faults: &mut Faults,
) -> Option<Said<'n>> {
    let node = fields.take("sql")?;
    let target = named.target.to_string();
    let name = own::expression(node, &target, around.keys.engine, &mut lists.computed, faults);
    let codec = column::codec(fields, named.leaf(), faults);
    let facts = Facts::take(fields, named.leaf(), faults);
    let at = Selector::key(&name?.0);
    Some(Said { value: Source::At { at, codec }, facts, relation: None, writes: false })
}

/// A junction for each type of members. What is said of the list as a whole stands in the first.
fn junctions<'n>(
    entries: &'n [Node],
    named: &Named,
    around: &Around<'_>,
    lists: &mut Lists,
    faults: &mut Faults,
) -> Option<Said<'n>> {
    let mut all: Option<Said<'n>> = None;
    for entry in entries {
        let mut fields = entry.map(faults, "a junction")?;
        if !fields.has("of") {
            fields.required(faults, "of");
            continue;
        }
        let said = list(&mut fields, &named.target, around, lists, faults);
        fields.finish(faults);
        let said = said?;
        match (&mut all, said.value) {
            (Some(Said { value: Source::Each(first), .. }), Source::Each(each)) => {
                if let Some(of) = each.of.filter(|of| !first.of.iter().chain(&first.also).any(|other| other == of)) {
                    first.also.push(of);
                } else {
                    faults
                        .error(entry.span, "repeated-attribute", "there is a junction for this type already")
                        .help("write one for each type of members");
                }
            }
            (all, value) => *all = Some(Said { value, ..said }),
        }
    }
    all
}

/// A child table or, for members, a junction.
fn list<'n>(
    fields: &mut Fields<'n>,
    target: &Target,
    around: &Around<'_>,
    lists: &mut Lists,
    faults: &mut Faults,
) -> Option<Said<'n>> {
    let name = target.attribute.name.clone();
    let table = fields.required(faults, "table").and_then(|n| around.keys.table(n, faults));
    let link = fields.required(faults, "link").and_then(|n| ident(n, faults));
    let mut insert = fields.take("insert").map(|n| stamps(n, around.keys.tenant, faults)).unwrap_or_default();
    let key = fields.take("key").and_then(|n| around.keys.read(n, table.as_ref(), faults));
    let key = key.map(|key| {
        insert.extend(key.from.map(|from| (key.column.clone(), from)));
        key.column
    });
    if let Some((key, of)) = fields.take_entry("of") {
        if !target.attribute.is_keyed() {
            faults.error(key.span, "bad-attribute", format!("`{target}` is no list of members")).help(
                "a junction table is written once, as `members` of the group; in a schema of your own, as a list whose \
                 `value` is `immutable` and `caseExact`",
            );
        } else if lists.members.iter().any(|other| other.name != name) {
            faults.not_supported(key.span, "two lists of members in one resource type");
        }
        let value = fields.required(faults, "value").and_then(|n| ident(n, faults));
        let of_name = attributes::of(of, around.types, faults);
        let own = match (fields.take("add"), fields.take("remove")) {
            (Some(add), Some(remove)) => {
                let setting =
                    Setting { engine: around.keys.engine, tenant: around.keys.tenant, columns: &[], beside: &[] };
                setting.members(add, remove, faults)
            }
            (None, None) => None,
            _ => {
                faults
                    .error(of.span, "missing-key", "`add` and `remove` stand together")
                    .help("write both, or leave both out: the gateway then writes the table itself");
                None
            }
        };
        let facts = Facts::take(fields, &target.attribute, faults);
        let of_name = of_name?;
        let member = around.reference(&of_name.name)?;
        let junction = Junction {
            name: name.clone(),
            table: table?,
            link: link?,
            value: value?,
            of: of_name.name.clone(),
            member,
            nests: false,
            insert,
            own,
        };
        lists.members.push(junction);
        let value = Field {
            sub: "value".to_owned(),
            value: FieldSource::At { at: Selector::key("value"), codec: Codec::Plain },
        };
        let (items, fields, of) = (Selector::key(&name), vec![value], Some(of_name));
        let each = Each {
            items,
            pattern: Pattern::default(),
            fields,
            of,
            also: Vec::new(),
            at_most: None,
            one: false,
            scoped: false,
            guards: false,
        };
        return Some(Said { value: Source::Each(each), facts, relation: None, writes: true });
    }
    let only = fields.take("where").map(|n| tests(n, "`where`", faults)).unwrap_or_default();
    let mut columns: Vec<Ident> = Vec::new();
    let mut parts = Vec::new();
    for (leaf, node) in attributes::subs(fields, target, faults) {
        let value = match &node.value {
            Value::Map(_) => child_field(node, leaf, &mut columns, faults),
            _ => ident(node, faults).map(|column| {
                let at = Selector::key(&column.0);
                columns.push(column);
                FieldSource::At { at, codec: Codec::Plain }
            }),
        };
        parts.extend(value.map(|value| Field { sub: attributes::sub_name(target, leaf), value }));
    }
    let help = "name the column that holds the item's value";
    check_says(target, &parts, "a child table", help, fields.span(), faults);
    let facts = Facts::take(fields, target.attribute.item(), faults);
    lists.children.push(Child { name: name.clone(), table: table?, link: link?, key, columns, only, insert });
    let (items, fields) = (Selector::key(&name), parts);
    let each = Each {
        items,
        pattern: Pattern::default(),
        fields,
        of: None,
        also: Vec::new(),
        at_most: None,
        one: false,
        scoped: false,
        guards: false,
    };
    Some(Said { value: Source::Each(each), facts, relation: None, writes: true })
}

fn child_field(node: &Node, leaf: &Attribute, columns: &mut Vec<Ident>, faults: &mut Faults) -> Option<FieldSource> {
    let mut fields = node.map(faults, "a sub-attribute")?;
    let constant = fields.take("is").map(|n| (n.to_json(), n.span));
    let constant =
        constant.filter(|(v, span)| constant_suits(v, leaf, *span, faults)).map(|(v, _)| FieldSource::Constant(v));
    let column = fields.take("column").and_then(|n| ident(n, faults));
    not_supported(&mut fields, faults, &attributes::CELLS);
    let codec = if constant.is_none() { column::codec(&mut fields, leaf, faults) } else { Codec::Plain };
    fields.finish(faults);
    constant.or_else(|| {
        let column = column?;
        let at = Selector::key(&column.0);
        columns.push(column);
        Some(FieldSource::At { at, codec })
    })
}
