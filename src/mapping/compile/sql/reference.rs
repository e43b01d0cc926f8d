//! Reading `{ column: boss_id, of: User }`: one column that names another resource, as the lines of `value`, `$ref` and the
//! display name.

use serde_json::Value as Json;

use crate::{
    diagnostic::{self, Faults, Span},
    mapping::{
        codec::Codec,
        line::Source,
        selector::Selector,
        sql::{Ident, Junction, KeyKind, Referring},
        template::Template,
    },
    scim::schema::{Target, Type},
    yaml::{Node, Value},
};

use super::{
    super::{
        attributes,
        draft::{Draft, Said},
        facts::Facts,
        kind::Written,
        name::Named,
    },
    Around, Base,
    column::{checked, ident},
};

/// Whether a line is one.
pub(super) fn is(node: &Node) -> bool {
    node.get("column").is_some() && node.get("of").is_some() && node.get("table").is_none()
}

/// Makes the lines; `value` is the last.
pub(super) fn drafts<'n>(
    node: &'n Node,
    span: Span,
    target: &Target,
    around: &Around<'_>,
    drafts: &mut Vec<Draft<'n>>,
    faults: &mut Faults,
) -> Option<Referring> {
    let mut fields = node.map(faults, "a line")?;
    let attribute = &target.attribute;
    let value = attribute.sub("value").filter(|value| matches!(value.kind, Type::String | Type::Reference));
    let whole = target.sub.is_none() && !attribute.multi_valued;
    let Some(value) = value.filter(|_| whole && attribute.sub("$ref").is_some()) else {
        faults.error(span, "bad-attribute", format!("`{target}` is not one that names another resource")).help(
            "`column` with `of` is for `enterprise:manager`, and in schemas of your own for a complex attribute with \
             `value` and `$ref` that is no list",
        );
        return None;
    };
    let column = fields.required(faults, "column").and_then(|n| ident(n, faults));
    let of = fields.required(faults, "of").and_then(|n| attributes::of(n, around.types, faults));
    // Ids are told apart letter by letter.
    let facts = Facts { case_exact: Some(true), ..Facts::take(&mut fields, value, faults) };
    fields.finish(faults);
    let (column, of) = (column?, of?);
    let other = around.reference(&of.name)?;
    let read = facts.access.is_none_or(|(read, _, _)| read);
    let name = attribute.sub("displayName").or_else(|| attribute.sub("display"));
    let display = name.filter(|_| read).and_then(|sub| Some((sub, display(around, &of.name, faults.source())?)));
    let empty = facts.empty.clone().unwrap_or(Json::Null);
    let named = |sub: &str| {
        let sub = attribute.sub_attributes.iter().find(|s| s.name == sub).cloned();
        Named { target: Target { sub, ..target.clone() }, item: None }
    };
    let shown = || Facts { volatile: true, ..Facts::default() };
    let at = Selector::key(&column.0);
    if read {
        let address = Source::Address { at: at.clone(), of };
        let said = Said { value: address, facts: shown(), relation: None, writes: false };
        attributes::draft(drafts, named("$ref"), said, span, faults);
    }
    let display = display.map(|(sub, shown_as)| {
        let called = format!("@{}", column.0);
        let at = Source::At { at: Selector::key(&called), codec: Codec::Plain };
        let said = Said { value: at, facts: shown(), relation: None, writes: false };
        attributes::draft(drafts, named(&sub.name), said, span, faults);
        (shown_as, called)
    });
    let said = Said { value: Source::At { at, codec: Codec::Plain }, facts, relation: None, writes: true };
    attributes::draft(drafts, named("value"), said, span, faults);
    Some(Referring { column, other, display, empty })
}

/// A column names records of one type, in one line, and is not the key: a record without id would be none.
pub(super) fn check(found: &[(Span, Referring)], key: &Ident, faults: &mut Faults) {
    for (nth, (span, one)) in found.iter().enumerate() {
        let column = &one.column;
        let what = if column == key {
            "the key of its own table"
        } else if found[..nth].iter().any(|(_, other)| other.column == *column) {
            "another line's already"
        } else {
            continue;
        };
        faults
            .error(*span, "shared-field", format!("the column `{}` is {what}", column.0))
            .help("name a column that holds nothing but this reference");
    }
}

/// The junctions of a type's members. A client names a member by its id alone, so those of several types must not meet
/// (RFC 7643 §3.1 wants ids that are nobody else's).
pub(super) fn members(
    written: &Written<'_>,
    mut junctions: Vec<Junction>,
    around: &Around<'_>,
    faults: &mut Faults,
) -> Vec<Junction> {
    for junction in &mut junctions {
        junction.nests = junction.of == written.name();
    }
    let apart = |a: &Base, b: &Base| {
        let (one, other) = (&a.reference, &b.reference);
        one.rows.name == other.rows.name && one.key == other.key
            || one.kind == KeyKind::Uuid && other.kind == KeyKind::Uuid
            || a.sequence.is_some() && a.sequence == b.sequence
    };
    let bases: Vec<&Base> =
        junctions.iter().filter_map(|junction| around.bases.iter().find(|base| base.name == junction.of)).collect();
    let meet = bases.iter().enumerate().find_map(|(n, a)| Some((a, bases[..n].iter().find(|b| !apart(a, b))?)));
    if let Some((one, other)) = meet {
        faults
            .error(
                written.span,
                "shared-ids",
                format!("a {} and a {} may have the same id, so members of both cannot be told apart", other.name, one.name),
            )
            .help("members of two types need keys that never meet: uuids (`type: uuid`), one table, or one `{ sequence: … }`");
    }
    junctions
}

/// The column that is the display name of a type, where that is one column of its own table.
fn display(around: &Around<'_>, of: &str, source: &diagnostic::Source) -> Option<Ident> {
    let written = around.types.iter().find(|t| t.name() == of)?;
    match &written.node.get("attributes")?.get("displayName")?.value {
        // what is wrong with it is said where it stands
        Value::Text(text) if !Template::has_holes(text) && text != "store" => {
            checked(text, written.span, &mut Faults::new(source.clone()))
        }
        _ => None,
    }
}
