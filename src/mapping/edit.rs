//! Lists in a record, edited and written back whole. What the line does not mean stays, and so do the fields it does not
//! know of items that stay: the app would lose both.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::scim::{
    Refusal, ScimType,
    change::To,
    schema::{Mutability, Type},
};

use super::{
    line::{Each, Field, FieldSource, Line},
    value::{alike, read_item, write_item},
};

/// The list of a record with a change in it. `lenient`: items that the app has no form for are left out instead of refused.
///
/// # Errors
/// A value that the app's form does not know, or more items than it keeps.
pub(super) fn edited(line: &Line, each: &Each, held: Option<&Value>, to: &To, lenient: bool) -> Result<Value, Refusal> {
    let items: Vec<Value> = match held {
        Some(Value::Array(items)) => items.clone(),
        None | Some(Value::Null) => Vec::new(),
        Some(one) if each.one => vec![one.clone()],
        Some(_) => return Err(refused(line, "the app holds no list there")),
    };
    let list = match to {
        To::Value(wanted) => become_these(line, each, items, wanted.as_array().map_or(&[], Vec::as_slice), lenient)?,
        To::Unassigned => become_these(line, each, items, &[], lenient)?,
        To::Delta { add, remove } => {
            let mut list = items;
            list.retain(|item| {
                let key = read(line, each, item).and_then(|read| key(&read).cloned());
                !key.is_some_and(|key| remove.iter().any(|gone| key.as_str() == Some(gone.as_str())))
            });
            for item in add {
                let there = |held: &Value| read(line, each, held).is_some_and(|held| same_key(line, &held, item));
                if !list.iter().any(there) {
                    list.extend(new(line, each, item, lenient)?);
                }
            }
            list
        }
    };
    let meant = || list.iter().filter(|item| read(line, each, item).is_some()).count();
    if let Some(most) = each.at_most.filter(|most| meant() > *most) {
        return Err(refused(line, &format!("the app keeps at most {most} there")));
    }
    match (each.one, held) {
        (true, Some(Value::Array(_))) | (false, _) => Ok(Value::Array(list)),
        (true, _) => Ok(list.into_iter().next().unwrap_or_else(|| line.empty.value())),
    }
}

/// Items that are wanted stay or join, those that are not go.
fn become_these(
    line: &Line,
    each: &Each,
    items: Vec<Value>,
    wanted: &[Value],
    lenient: bool,
) -> Result<Vec<Value>, Refusal> {
    let read_all: Vec<Option<Value>> = items.iter().map(|item| read(line, each, item)).collect();
    let mut partner: Vec<Option<usize>> = vec![None; items.len()];
    let mut placed = vec![false; wanted.len()];
    // Who is wanted just so stays; of the others, who has the same key is changed.
    for exactly in [true, false] {
        for (at, held) in read_all.iter().enumerate() {
            let Some(held) = held.as_ref().filter(|_| partner[at].is_none()) else { continue };
            let fits = |item: &Value| match exactly {
                true => told(line, each).all(|field| part(item, &field.sub, line) == part(held, &field.sub, line)),
                false => same_key(line, held, item),
            };
            let found = wanted.iter().enumerate().position(|(i, item)| !placed[i] && fits(item));
            if let Some(i) = found {
                placed[i] = true;
                partner[at] = Some(i);
            }
        }
    }
    let mut list = Vec::with_capacity(items.len());
    for (at, mut item) in items.into_iter().enumerate() {
        match (&read_all[at], partner[at]) {
            (None, _) => list.push(item),
            (Some(held), Some(i)) => {
                update(line, each, &mut item, held, &wanted[i])?;
                list.push(item);
            }
            (Some(_), None) => {}
        }
    }
    let id = |item: &Value| key(item).and_then(Value::as_str).map(str::to_owned);
    let mut named: HashSet<String> = match each.of {
        Some(_) => read_all
            .iter()
            .zip(&partner)
            .filter(|(_, partner)| partner.is_some())
            .filter_map(|(held, _)| id(held.as_ref()?))
            .collect(),
        None => HashSet::new(),
    };
    for (item, _) in wanted.iter().zip(placed).filter(|(_, placed)| !placed) {
        // a resource is named once, whatever else is said of it
        if each.of.is_some() && id(item).is_some_and(|id| !named.insert(id)) {
            continue;
        }
        list.extend(new(line, each, item, lenient)?);
    }
    Ok(list)
}

/// The item as SCIM sees it; none where it is not meant by the line, or says nothing.
fn read(line: &Line, each: &Each, item: &Value) -> Option<Value> {
    let meant = each.pattern.holds(item, None);
    meant.then(|| read_item(each, item, &line.target.attribute, "").ok().flatten()).flatten()
}

/// What tells an item from the others: its `value`; of an attribute that knows none, its `type`.
fn key(item: &Value) -> Option<&Value> {
    match item {
        Value::Object(item) => item.get("value").or_else(|| item.get("type")),
        plain => Some(plain),
    }
}

fn same_key(line: &Line, held: &Value, item: &Value) -> bool {
    let attribute = &line.target.attribute;
    let leaf = attribute.sub("value").unwrap_or(attribute);
    match (key(held), key(item)) {
        (Some(held), Some(item)) => leaf.is_same(held, &line.folded(item)),
        _ => false,
    }
}

/// The fields that a client gives: of another resource its id and no more.
fn told<'e>(line: &'e Line, each: &'e Each) -> impl Iterator<Item = &'e Field> {
    let read_only =
        |sub: &str| line.target.attribute.sub(sub).is_some_and(|sub| sub.mutability == Mutability::ReadOnly);
    each.fields.iter().filter(move |field| match each.of {
        Some(_) => field.sub == "value",
        None => !read_only(&field.sub),
    })
}

/// A sub-attribute of an item; what is false is as good as not said.
fn part<'v>(item: &'v Value, sub: &str, line: &Line) -> Option<&'v Value> {
    let value = if line.target.attribute.kind == Type::Complex { item.get(sub)? } else { item };
    Some(value).filter(|value| !matches!(value, Value::Null | Value::Bool(false)))
}

/// Writes what differs into an item that stays.
fn update(line: &Line, each: &Each, item: &mut Value, held: &Value, wanted: &Value) -> Result<(), Refusal> {
    let written = write_item(line, each, wanted)?;
    for field in told(line, each) {
        let FieldSource::At { at, .. } = &field.value else { continue };
        if part(held, &field.sub, line) == part(wanted, &field.sub, line) {
            continue;
        }
        if at.is_whole() {
            *item = written;
            return Ok(());
        }
        at.set(item, at.one(&written).cloned().unwrap_or_default());
    }
    Ok(())
}

/// A new item; none where it is left out.
fn new(line: &Line, each: &Each, item: &Value, lenient: bool) -> Result<Option<Value>, Refusal> {
    let other = each.fields.iter().find(|field| match &field.value {
        FieldSource::Constant(always) => part(item, &field.sub, line).is_some_and(|said| !alike(said, always)),
        FieldSource::At { .. } => false,
    });
    if let Some(field) = other {
        let always = match &field.value {
            FieldSource::Constant(value) => value.clone(),
            FieldSource::At { .. } => json!(null),
        };
        return match lenient {
            true => Ok(None),
            false => Err(refused(line, &format!("the app has no place for one whose `{}` is not {always}", field.sub))),
        };
    }
    let made = match (&each.of, item.get("value")) {
        (Some(_), Some(value)) => write_item(line, each, &json!({ "value": value }))?,
        _ => write_item(line, each, item)?,
    };
    // It would not be seen again, and is not for clients to write.
    if !each.pattern.holds(&made, None) {
        return Err(refused(line, "one of these values is not for clients to give"));
    }
    Ok(Some(made))
}

fn refused(line: &Line, why: &str) -> Refusal {
    Refusal::new(ScimType::InvalidValue, format!("`{}`: {why}", line.target))
}
