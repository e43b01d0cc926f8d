//! Lines that name a part of what one cell holds: a member of JSON, or a list in a text.

use serde_json::Value as Json;

use crate::{
    diagnostic::{Faults, Span},
    mapping::{
        cell::{Cell, Form},
        codec::Codec,
        line::{Each, Field, FieldSource, Source},
        pattern::Pattern,
        selector::{Selector, Step},
    },
    scim::schema::Attribute,
    yaml::Fields,
};

use super::{
    draft::{Draft, Said, check_says},
    facts::Facts,
    name::Named,
    path::selector,
};

/// `json: $.locale` of the cell `at`.
pub(super) fn member<'n>(
    at: Option<Selector>,
    fields: &mut Fields<'n>,
    leaf: &Attribute,
    cells: &mut Vec<Cell>,
    faults: &mut Faults,
) -> Option<Said<'n>> {
    let json = fields.take("json")?;
    let path = selector(json, faults);
    let facts = Facts::take(fields, leaf, faults);
    let (at, path) = (at?, path?);
    let keys: Option<Vec<String>> = path.steps().unwrap_or_default().iter().map(plain).collect();
    let Some(keys) = keys.filter(|keys| !keys.is_empty()) else {
        faults
            .error(json.span, "bad-path", format!("`{}` names no member of an object", path.text()))
            .help("write the names of members alone, without `\"` and `\\`: `json: $.locale`");
        return None;
    };
    let whole = Selector::keys(steps(&at).chain(keys.iter().map(String::as_str)));
    let form = Form::Json(vec![(keys, leaf.kind)]);
    put(Cell { at, form, empty: Json::Null }, json.span, cells, faults);
    Some(Said { value: Source::At { at: whole, codec: Codec::Plain }, facts, relation: None, writes: true })
}

/// `split: ","` or `php: keys` of the cell `at`.
pub(super) fn list<'n>(
    at: Option<Selector>,
    fields: &mut Fields<'n>,
    named: &Named,
    cells: &mut Vec<Cell>,
    faults: &mut Faults,
) -> Option<Said<'n>> {
    let target = &named.target;
    let split = fields.take_entry("split").map(|(key, node)| (key.span, split(node, faults)));
    let php = [("keys", Form::PhpKeys), ("values", Form::PhpValues)];
    let php = fields.take_entry("php").map(|(key, node)| {
        let words = [("keys", 0_usize), ("values", 1)];
        (key.span, node.choice(faults, "`php`", &words).map(|which| php[which].1.clone()))
    });
    if let (Some(_), Some((span, _))) = (&split, &php) {
        faults.error(*span, "several-codecs", "a line has one codec, and this is the second").help("keep one of them");
    }
    let facts = Facts::take(fields, target.attribute.item(), faults);
    let (span, form) = split.or(php)?;
    let (at, form) = (at?, form?);
    let field = FieldSource::At { at: Selector::keys([]), codec: Codec::Plain };
    let fields = vec![Field { sub: "value".to_owned(), value: field }];
    check_says(target, &fields, "a list in a cell", "only lists of values stand in a cell", span, faults);
    let empty = facts.empty.clone().unwrap_or_default();
    put(Cell { at: at.clone(), form, empty }, span, cells, faults);
    let each = Each {
        items: at,
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

fn split(node: &crate::yaml::Node, faults: &mut Faults) -> Option<Form> {
    let between = node.text(faults, "`split`")?;
    if between.is_empty() {
        faults
            .error(node.span, "bad-value", "nothing stands between the values")
            .help("write what does, e.g. `split: \",\"`");
        return None;
    }
    Some(Form::Split(between.to_owned()))
}

/// Members of one cell come together; two lists in one cell do not.
fn put(cell: Cell, span: Span, cells: &mut Vec<Cell>, faults: &mut Faults) {
    let Some(known) = cells.iter_mut().find(|known| known.at == cell.at) else {
        cells.push(cell);
        return;
    };
    match (&mut known.form, cell.form) {
        (Form::Json(known), Form::Json(more)) => known.extend(more),
        _ => {
            faults
                .error(span, "shared-field", format!("another line reads the cell {} in another way", cell.at.text()))
                .help("a cell holds JSON, or one list");
        }
    }
}

/// A cell that holds members is no value by itself.
pub(super) fn check(drafts: &[Draft<'_>], cells: &[Cell], faults: &mut Faults) {
    for draft in drafts {
        let Source::At { at, .. } = &draft.line.value else { continue };
        if cells.iter().any(|cell| cell.at == *at) {
            faults
                .error(
                    draft.span,
                    "shared-field",
                    format!("`{}` is the whole of a cell whose parts have lines", draft.line.target),
                )
                .help("let one of them go");
        }
    }
}

fn plain(step: &Step) -> Option<String> {
    match step {
        Step::Key(key) if !key.is_empty() && !key.contains(['"', '\\', '\0']) => Some(key.clone()),
        _ => None,
    }
}

fn steps(at: &Selector) -> impl Iterator<Item = &str> {
    at.steps()
        .unwrap_or_default()
        .iter()
        .filter_map(|step| if let Step::Key(key) = step { Some(key.as_str()) } else { None })
}
