//! Cells of a table that hold more than one value: JSON, lists of texts, what PHP serialised. A record that is read has them
//! opened, so that lines find what they name; a write edits what was there, and what no line knows stays as it was.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::scim::{Refusal, ScimType, schema::Type};

use super::{
    codec::Unreadable,
    php::Php,
    selector::{Selector, Step},
};

/// A cell that holds several values.
#[derive(Debug)]
pub struct Cell {
    /// Where it stands in the record.
    pub at: Selector,
    /// How it holds them.
    pub form: Form,
    /// What is written where nothing is left, and nothing was there.
    pub empty: Value,
}

/// How a cell holds its values.
#[derive(Debug, Clone, PartialEq)]
pub enum Form {
    /// An object, whose members lines name: each a path and what stands there.
    Json(Vec<(Vec<String>, Type)>),
    /// Texts with this between them.
    Split(String),
    /// The keys of PHP's array that hold something true.
    PhpKeys,
    /// The texts in PHP's array.
    PhpValues,
}

/// The record with these of its cells opened.
///
/// # Errors
/// A cell that is not what the mapping says.
pub fn open<'c, 'r>(
    cells: impl Iterator<Item = &'c Cell>,
    mut record: Cow<'r, Value>,
) -> Result<Cow<'r, Value>, Unreadable> {
    for cell in cells {
        if let Some(found) = cell.at.one(&record).filter(|found| !found.is_null()) {
            let opened = cell.form.open(found).ok_or_else(|| cell.unreadable())?;
            cell.at.set(record.to_mut(), opened);
        }
    }
    Ok(record)
}

/// Makes cells of what `changed` has for them, from what was there before.
///
/// # Errors
/// A value that cannot stand in such a cell, or a cell that was not read.
pub fn close(cells: &[Cell], changed: &mut Value, before: Option<&Value>) -> Result<(), Closed> {
    for cell in cells {
        let Some(new) = cell.at.one(changed).cloned() else { continue };
        let old = before.and_then(|b| cell.at.one(b)).filter(|old| !is_nothing(old));
        let closed = match cell.form.close(&new, old) {
            Ok(Some(closed)) => closed,
            Ok(None) => return Err(Closed::Unreadable(cell.unreadable())),
            Err(refusal) => return Err(Closed::Refused(refusal)),
        };
        let nothing = old.is_none() && is_empty(&new);
        cell.at.set(changed, if nothing { cell.empty.clone() } else { Value::String(closed) });
    }
    Ok(())
}

/// Makes texts of the lists in it that stand in one, of an HTTP app's record.
///
/// # Errors
/// A value that cannot stand in such a text.
pub fn join(cells: &[Cell], record: &mut Value) -> Result<(), Refusal> {
    for cell in cells {
        let Some(list @ Value::Array(_)) = cell.at.one(record).cloned() else { continue };
        let text = cell.form.close(&list, None)?.filter(|text| !text.is_empty());
        cell.at.set(record, text.map_or_else(|| cell.empty.clone(), Value::String));
    }
    Ok(())
}

/// Why a cell cannot be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Closed {
    /// The client's value does not fit.
    Refused(Refusal),
    /// What was there cannot be read, so it is not overwritten.
    Unreadable(Unreadable),
}

impl Cell {
    fn unreadable(&self) -> Unreadable {
        Unreadable { message: format!("the cell {} does not hold {}", self.at.text(), self.form.word()) }
    }
}

/// Whether a path leads to this cell, or into it.
#[must_use]
pub fn holds(cell: &Cell, path: &Selector) -> bool {
    *path == cell.at || member(cell, path).is_some()
}

/// The steps of the member that a path names, if it is one of this cell: `$.prefs.locale` in `$.prefs`.
pub fn member<'s>(cell: &Cell, path: &'s Selector) -> Option<&'s [Step]> {
    path.steps()?.strip_prefix(cell.at.steps()?).filter(|rest| !rest.is_empty())
}

impl Form {
    fn word(&self) -> &'static str {
        match self {
            Self::Json(_) => "a JSON object",
            Self::Split(_) => "a text",
            Self::PhpKeys | Self::PhpValues => "an array that PHP serialised",
        }
    }

    fn open(&self, found: &Value) -> Option<Value> {
        if is_nothing(found) {
            return Some(Value::Null);
        }
        match self {
            Self::Json(members) => {
                let opened = Value::Object(object(found)?);
                members.iter().all(|(path, kind)| suits(&opened, path, *kind)).then_some(opened)
            }
            Self::Split(between) => {
                let parts = found.as_str()?.split(between.as_str()).filter(|part| !part.is_empty());
                Some(Value::Array(parts.map(Value::from).collect()))
            }
            Self::PhpKeys => {
                let truly = array(found)?.into_iter().filter(|(_, value)| value.is_true());
                Some(Value::Array(truly.map(|(key, _)| text(&key)).collect()))
            }
            Self::PhpValues => {
                let texts = array(found)?.into_iter().filter(|(_, value)| matches!(value, Php::Text(_)));
                Some(Value::Array(texts.map(|(_, value)| text(&value)).collect()))
            }
        }
    }

    /// Nothing where the old cell cannot be read.
    fn close(&self, new: &Value, old: Option<&Value>) -> Result<Option<String>, Refusal> {
        let wanted: Vec<&str> = new.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        match self {
            Self::Json(_) => {
                let old = match old {
                    Some(old) => object(old),
                    None => Some(Map::new()),
                };
                Ok(old.map(|old| merged(Value::Object(old), new).to_string()))
            }
            Self::Split(between) => match wanted.iter().find(|part| part.contains(between.as_str())) {
                Some(_) => Err(Refusal::new(
                    ScimType::InvalidValue,
                    format!(
                        "the app keeps these values in one text with `{between}` between them, so none may hold it"
                    ),
                )),
                None => Ok(Some(wanted.join(between))),
            },
            Self::PhpKeys => Ok(entries(old).map(|mut entries| {
                entries.retain(|(key, value)| !value.is_true() || wanted.iter().any(|w| text(key) == *w));
                for name in &wanted {
                    match entries.iter_mut().find(|(key, _)| text(key) == *name) {
                        Some((_, value)) if value.is_true() => {}
                        Some((_, value)) => *value = Php::Bool(true),
                        None => entries.push((Php::key(name), Php::Bool(true))),
                    }
                }
                Php::Array(entries).to_string()
            })),
            Self::PhpValues => Ok(entries(old).map(|mut entries| {
                entries.retain(|(_, value)| match value {
                    Php::Text(text) => wanted.contains(&text.as_str()),
                    _ => true,
                });
                for name in &wanted {
                    if !entries.iter().any(|(_, value)| text(value) == *name) {
                        let last =
                            entries.iter().filter_map(|(key, _)| if let Php::Int(n) = key { Some(*n) } else { None });
                        let next = last.max().map_or(0, |n| n.saturating_add(1));
                        entries.push((Php::Int(next), Php::Text((*name).to_owned())));
                    }
                }
                Php::Array(entries).to_string()
            })),
        }
    }
}

/// Whether a member is of its attribute's own type: `5` and `"5"` are two things in JSON, for the app and for filters.
fn suits(object: &Value, path: &[String], kind: Type) -> bool {
    let Some(found) = path.iter().try_fold(object, |object, key| object.get(key)) else { return true };
    match kind {
        Type::Boolean => found.is_null() || found.is_boolean(),
        Type::Integer | Type::Decimal => found.is_null() || found.is_number(),
        _ => found.is_null() || found.is_string(),
    }
}

fn is_nothing(cell: &Value) -> bool {
    cell.is_null() || cell.as_str() == Some("")
}

/// Whether there is nothing to be kept in a cell.
fn is_empty(new: &Value) -> bool {
    match new {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.values().all(is_empty),
        _ => false,
    }
}

fn object(cell: &Value) -> Option<Map<String, Value>> {
    match cell {
        Value::Object(members) => Some(members.clone()),
        Value::String(text) => match serde_json::from_str(text).ok()? {
            Value::Object(members) => Some(members),
            _ => None,
        },
        _ => None,
    }
}

fn array(cell: &Value) -> Option<Vec<(Php, Php)>> {
    match Php::parse(cell.as_str()?)? {
        Php::Array(entries) => Some(entries),
        _ => None,
    }
}

fn entries(old: Option<&Value>) -> Option<Vec<(Php, Php)>> {
    old.map_or_else(|| Some(Vec::new()), array)
}

fn text(value: &Php) -> Value {
    match value {
        Php::Text(text) => Value::from(text.as_str()),
        Php::Int(number) => Value::from(number.to_string()),
        _ => Value::Null,
    }
}

/// The old object with the new members; null takes one away.
fn merged(old: Value, new: &Value) -> Value {
    let Value::Object(members) = new else { return new.clone() };
    let mut made = match old {
        Value::Object(old) => old,
        _ => Map::new(),
    };
    for (name, value) in members {
        if value.is_null() {
            made.shift_remove(name);
        } else {
            let old = made.get(name).cloned().unwrap_or_default();
            made.insert(name.clone(), merged(old, value));
        }
    }
    Value::Object(made)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use serde_json::json;

    use super::*;

    fn cell(form: Form) -> Vec<Cell> {
        vec![Cell { at: Selector::key("c"), form, empty: Value::Null }]
    }

    fn closed(form: Form, old: impl Into<Value>, new: impl Into<Value>) -> Value {
        let (old, new) = (old.into(), new.into());
        let mut changed = json!({"c": new});
        close(&cell(form), &mut changed, Some(&json!({"c": old}))).unwrap();
        changed["c"].take()
    }

    #[test]
    fn what_no_line_knows_stays() {
        let json = Form::Json(Vec::new());
        let old = json!("{\"a\":1.10,\"b\":{\"c\":\"x\",\"d\":null}}");
        let new = json!({"b": {"c": null, "e": "y"}});
        assert_eq!(closed(json.clone(), old, new), json!("{\"a\":1.10,\"b\":{\"d\":null,\"e\":\"y\"}}"));
        assert_eq!(closed(json.clone(), json!(""), json!({"b": {"c": null}})), Value::Null);
        assert_eq!(closed(json, Value::Null, json!({"b": {"c": 1}})), json!("{\"b\":{\"c\":1}}"));
        let old = "a:3:{s:6:\"editor\";b:1;s:4:\"deny\";b:0;s:5:\"extra\";i:2;}";
        assert_eq!(
            closed(Form::PhpKeys, json!(old), json!(["extra", "author", "7"])),
            json!("a:4:{s:4:\"deny\";b:0;s:5:\"extra\";i:2;s:6:\"author\";b:1;i:7;b:1;}")
        );
        assert_eq!(
            closed(Form::PhpValues, json!("a:3:{i:4;s:1:\"a\";i:5;i:1;i:6;s:1:\"b\";}"), json!(["b", "c"])),
            json!("a:3:{i:5;i:1;i:6;s:1:\"b\";i:7;s:1:\"c\";}")
        );
        assert_eq!(closed(Form::Split(",".to_owned()), json!("a,,b"), json!(["b", "c"])), json!("b,c"));
    }

    #[test]
    fn a_cell_of_another_kind_is_neither_read_nor_overwritten() {
        for (form, old) in [
            (Form::Json(Vec::new()), json!("[1]")),
            (Form::Json(Vec::new()), json!("{")),
            (Form::PhpKeys, json!("editor")),
            (Form::PhpValues, json!("s:1:\"a\";")),
            (Form::Split(";".to_owned()), json!(5)),
        ] {
            let cells = cell(form);
            assert!(cells[0].form.open(&old).is_none(), "{old}");
            if !matches!(cells[0].form, Form::Split(_)) {
                let mut changed = json!({"c": ["x"]});
                assert!(close(&cells, &mut changed, Some(&json!({"c": old}))).is_err(), "{old}");
            }
        }
        let mut changed = json!({"c": ["a,b"]});
        assert!(matches!(close(&cell(Form::Split(",".to_owned())), &mut changed, None), Err(Closed::Refused(_))));
    }
}
