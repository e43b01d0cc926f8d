//! Records into resources and back: the only place where the app's view of a thing becomes SCIM's.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use crate::scim::{
    self, Refusal,
    change::{Change, To},
    schema::Target,
};

use super::{
    Records, Resource, cell,
    codec::{Codec, Unreadable, kind},
    edit,
    line::{DIRECT, Each, Empty, Line, Source, types_by_resource},
    pattern::Item,
    selector::Selector,
    slots,
    value::{encode, location, read_field, read_item, text, write_item},
};

/// The id of a record, as text: the app's own digits and letters.
///
/// # Errors
/// A record without id.
pub fn id(resource: &Resource, record: &Value) -> Result<String, Unreadable> {
    id_of(resource, resource.id.at.one(record))
}

/// The id that stands so in the app.
///
/// # Errors
/// There is none, or it has another form than the mapping says.
pub fn id_of(resource: &Resource, found: Option<&Value>) -> Result<String, Unreadable> {
    let read = found.filter(|v| !v.is_null()).map(|v| resource.id.codec.read(v)).transpose()?.flatten();
    match read.as_ref().and_then(text) {
        Some(id) if !id.is_empty() => Ok(id),
        _ => Err(Unreadable {
            message: format!("a {} record has no id at {}", resource.kind.name, resource.id.at.text()),
        }),
    }
}

/// The canonical resource of a record (RFC 7643 §3): what these of its lines can read, not yet projected. `base` is the
/// base URL that `meta.location` and `$ref` begin with.
///
/// # Errors
/// A record that these lines cannot read.
pub fn resource(
    resource: &Resource,
    lines: &[&Line],
    record: Cow<'_, Value>,
    base: &str,
) -> Result<Map<String, Value>, Unreadable> {
    let id = id(resource, &record)?;
    let cells = match &resource.records {
        Records::Sql(records) => &records.cells,
        Records::Rest(records) => &records.cells,
    };
    let wanted = cells.iter().filter(|cell| lines.iter().any(|line| line.is_in(cell)));
    let record = &*cell::open(wanted, record)?;
    let mut made = Map::with_capacity(lines.len() + 3);
    made.insert("schemas".to_owned(), json!([resource.kind.schema.id]));
    made.insert("id".to_owned(), Value::String(id.clone()));
    for line in lines.iter().filter(|l| !l.write_only) {
        if let Some(value) = read(line, record, base).map_err(|e| e.on(line))? {
            scim::resource::set(&mut made, &line.target, value);
        }
    }
    let mut meta = Map::with_capacity(5);
    meta.insert("resourceType".to_owned(), Value::String(resource.kind.name.clone()));
    if let Some(Value::Object(given)) = made.shift_remove("meta") {
        meta.extend(given);
    }
    meta.insert("location".to_owned(), Value::String(location(base, &resource.kind.endpoint, &id)));
    made.insert("meta".to_owned(), Value::Object(meta));
    Ok(made)
}

/// The record that a new resource becomes, on top of `start`, as far as its making `takes` the lines. `lenient`: items of a
/// list for which the record has no field are left out instead of refused.
///
/// # Errors
/// A value that the app's form does not know.
pub fn record(
    resource: &Resource,
    attributes: &Map<String, Value>,
    start: &Value,
    takes: impl Fn(&Target) -> bool,
    lenient: bool,
) -> Result<Value, Refusal> {
    let mut made = if start.is_object() { start.clone() } else { json!({}) };
    for line in resource.lines.iter().filter(|l| l.create && takes(&l.target)) {
        match (scim::resource::get(attributes, &line.target), list_in(resource, line)) {
            (Some(value), Some(each)) => {
                let list = edit::edited(line, each, each.items.one(&made), &To::Value(value.clone()), lenient)?;
                each.items.set(&mut made, list);
            }
            (Some(value), None) => write(line, &mut made, value, lenient)?,
            (None, _) => {
                if let (Source::At { at, .. }, Empty::Is(empty), None) = (&line.value, &line.empty, line.edits()) {
                    at.set(&mut made, empty.clone());
                }
            }
        }
    }
    Ok(made)
}

/// The part of the record that changes write: just their fields. A list is whole: as it is `before`, with the changes in it.
///
/// # Errors
/// As [`record`].
pub fn changed<'a>(
    resource: &Resource,
    changes: impl IntoIterator<Item = &'a Change> + Clone,
    before: Option<&Value>,
    lenient: bool,
) -> Result<Value, Refusal> {
    let mut made = json!({});
    for line in changes.clone().into_iter().filter_map(|change| resource.line(&change.target)) {
        if let (Some(list), Some(before)) = (edited_list(resource, line), before) {
            list.set(&mut made, list.one(before).cloned().unwrap_or_default());
        }
    }
    edited(resource, made, changes, lenient)
}

/// The record with changes in it; what no change names stays as it came.
///
/// # Errors
/// As [`record`].
pub fn edited<'a>(
    resource: &Resource,
    record: Value,
    changes: impl IntoIterator<Item = &'a Change>,
    lenient: bool,
) -> Result<Value, Refusal> {
    let mut made = record;
    for change in changes {
        let Some(line) = resource.line(&change.target) else { continue };
        match (&change.to, list_in(resource, line)) {
            (to, Some(each)) => {
                let list = edit::edited(line, each, each.items.one(&made), to, lenient)?;
                each.items.set(&mut made, list);
            }
            (To::Value(value), None) => write(line, &mut made, value, lenient)?,
            (To::Unassigned, None) => clear(line, &mut made),
            (To::Delta { .. }, None) => {}
        }
    }
    Ok(made)
}

/// The list of the record that a line edits, leaving in it what it does not mean: of an HTTP app, and no text that is a list.
#[must_use]
pub fn edited_list<'r>(resource: &'r Resource, line: &'r Line) -> Option<&'r Selector> {
    line.edits().or_else(|| list_in(resource, line).map(|each| &each.items))
}

/// The same, whose items are read one by one.
fn list_in<'r>(resource: &'r Resource, line: &'r Line) -> Option<&'r Each> {
    match (&resource.records, &line.value) {
        (Records::Rest(records), Source::Each(each)) => {
            records.cells.iter().all(|cell| cell.at != each.items).then_some(each)
        }
        _ => None,
    }
}

fn read(line: &Line, record: &Value, base: &str) -> Result<Option<Value>, Unreadable> {
    match &line.value {
        Source::At { at, codec } => read_field(at.one(record), codec, &line.empty, line.target.leaf()),
        Source::Constant(value) => Ok(Some(value.clone())),
        Source::Text(template) => Ok(template
            .display(|path| path.iter().try_fold(record, |v, key| v.get(key)))
            .filter(|t| !t.is_empty())
            .map(Value::String)),
        Source::Each(each) => {
            let items: Vec<&Value> = match each.items.steps() {
                Some(_) => match each.items.one(record) {
                    None | Some(Value::Null) => Vec::new(),
                    Some(Value::Array(items)) => items.iter().collect(),
                    Some(one) if each.one => vec![one],
                    Some(other) => return Err(Unreadable { message: format!("{} is not a list", kind(other)) }),
                },
                None => each.items.all(record),
            };
            let mut list = Vec::with_capacity(items.len());
            for item in items.into_iter().filter(|i| each.pattern.holds(i, None)) {
                list.extend(read_item(each, item, &line.target.attribute, base)?);
            }
            Ok((!list.is_empty()).then_some(Value::Array(list)))
        }
        Source::Slots(slots) => slots::read(line, slots, record),
        Source::Address { at, of } => {
            let id = at.one(record).and_then(text).filter(|id| !id.is_empty());
            Ok(id.map(|id| Value::String(location(base, &of.endpoint, &id))))
        }
        Source::From { of, part } => {
            let items = part.as_ref().and_then(|p| record.get(p)).and_then(Value::as_array);
            let list: Vec<Value> = items
                .into_iter()
                .flatten()
                .filter_map(|item| {
                    let value = text(item.get("value")?)?;
                    let mut made = Map::with_capacity(4);
                    made.insert("$ref".to_owned(), Value::String(location(base, &of.endpoint, &value)));
                    made.insert("value".to_owned(), Value::String(value));
                    if let Some(display) = item.get("display").and_then(text) {
                        made.insert("display".to_owned(), Value::String(display));
                    }
                    let kind = match types_by_resource(&line.target.attribute) {
                        true => Value::from(of.name.as_str()),
                        false => DIRECT.clone(),
                    };
                    made.insert("type".to_owned(), kind);
                    Some(Value::Object(made))
                })
                .collect();
            Ok((!list.is_empty()).then_some(Value::Array(list)))
        }
    }
}

fn write(line: &Line, made: &mut Value, value: &Value, lenient: bool) -> Result<(), Refusal> {
    match &line.value {
        Source::At { at, codec: Codec::Holds(some, item) } => {
            at.set(made, held(item, value.as_bool() == Some(*some), at.one(made)));
            Ok(())
        }
        Source::At { at, codec } => {
            at.set(made, encode(codec, &line.folded(value), &line.target)?);
            Ok(())
        }
        Source::Each(each) => {
            let items: Result<Vec<Value>, Refusal> =
                value.as_array().into_iter().flatten().map(|item| write_item(line, each, item)).collect();
            each.items.set(made, Value::Array(items?));
            Ok(())
        }
        Source::Slots(slots) => slots::write(line, slots, made, value, lenient),
        Source::Text(_) | Source::Constant(_) | Source::Address { .. } | Source::From { .. } => Ok(()),
    }
}

/// The list in which some item is like this, or none is; what is so already stays as it is.
fn held(item: &Item, wanted: bool, list: Option<&Value>) -> Value {
    let mut items = list.and_then(Value::as_array).cloned().unwrap_or_default();
    if !wanted {
        items.retain(|found| !item.holds(found));
    } else if !items.iter().any(|found| item.holds(found)) {
        items.extend(item.template());
    }
    Value::Array(items)
}

fn clear(line: &Line, made: &mut Value) {
    match &line.value {
        // without a value nothing is asked of the list
        Source::At { codec: Codec::Holds(..), .. } => {}
        Source::At { at, .. } => at.set(made, line.empty.value()),
        Source::Each(each) => each.items.set(made, json!([])),
        Source::Slots(slots) => {
            slots.iter().flat_map(|slot| &slot.fields).for_each(|field| field.at.set(made, line.empty.value()));
        }
        Source::Text(_) | Source::Constant(_) | Source::Address { .. } | Source::From { .. } => {}
    }
}

/// Whom an item of a record's list names; nobody where the line does not mean it.
#[must_use]
pub fn named(line: &Line, each: &Each, item: &Value) -> Option<String> {
    let read = each.pattern.holds(item, None).then(|| read_item(each, item, &line.target.attribute, "").ok());
    read??.as_ref()?.get("value").and_then(text)
}

/// The `value`s of a resource's list.
#[must_use]
pub fn values(resource: &Map<String, Value>, list: &Target) -> Vec<String> {
    let items = scim::resource::get(resource, list).and_then(Value::as_array).into_iter().flatten();
    items.filter_map(|item| item.get("value").and_then(text)).collect()
}

impl Unreadable {
    fn on(self, line: &Line) -> Self {
        Self { message: format!("{}: {}", line.target, self.message) }
    }
}
