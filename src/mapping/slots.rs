//! Lists of which each item has fields of its own in the record: which item goes where.

use serde_json::{Map, Value};

use crate::scim::{Refusal, ScimType};

use super::{
    codec::Unreadable,
    line::{Line, Slot},
    value::{alike, encode, read_field},
};

/// Reads a list out of the fields that there are for its items.
///
/// # Errors
/// A value that its line cannot read.
pub(super) fn read(line: &Line, slots: &[Slot], record: &Value) -> Result<Option<Value>, Unreadable> {
    let mut list = Vec::new();
    for slot in slots {
        let mut item: Map<String, Value> = Map::new();
        for field in &slot.fields {
            let Some(leaf) = line.target.attribute.sub(&field.sub) else { continue };
            if let Some(value) = read_field(field.at.one(record), &field.codec, &line.empty, leaf)? {
                item.insert(field.sub.clone(), value);
            }
        }
        if slot.telling().any(|field| item.contains_key(&field.sub)) {
            item.extend(slot.constants.iter().cloned());
            list.push(Value::Object(item));
        }
    }
    Ok((!list.is_empty()).then_some(Value::Array(list)))
}

/// Writes a list into the fields that there are for its items.
///
/// # Errors
/// An item for which there is none. `lenient`: it is left out.
pub(super) fn write(
    line: &Line,
    slots: &[Slot],
    made: &mut Value,
    value: &Value,
    lenient: bool,
) -> Result<(), Refusal> {
    let items: Vec<&Value> = value.as_array().into_iter().flatten().collect();
    let mut placed = vec![false; items.len()];
    // An item that does not say all that is so in its slot may stand there, but nobody guesses for it between several.
    let guessed = |item: &Value| !lenient && slots.iter().filter(|slot| fits(slot, item, false, lenient)).count() > 1;
    for slot in slots {
        let at = |exact: bool| {
            let free = |(i, item): (usize, &&Value)| !placed[i] && fits(slot, item, exact, lenient);
            items.iter().enumerate().position(free).filter(|i| exact || !guessed(items[*i]))
        };
        let item = at(true).or_else(|| at(false)).map(|i| {
            placed[i] = true;
            items[i]
        });
        for field in &slot.fields {
            match item.and_then(|item| item.get(&field.sub)).filter(|value| !value.is_null()) {
                Some(value) => field.at.set(made, encode(&field.codec, &line.folded(value), &line.target)?),
                None => field.at.set(made, line.empty.value()),
            }
        }
    }
    match placed.iter().position(|p| !p) {
        Some(i) if !lenient => Err(Refusal::new(
            ScimType::InvalidValue,
            format!("the app has no place for {} in {}; it keeps {}", items[i], line.target, describe(slots)),
        )),
        _ => Ok(()),
    }
}

/// Whether an item of a list can stand in a slot: what is always so there is said of it too, or not said. `exact`: all of
/// it is said. What the slot has no word for would be lost behind a success; only the `lenient` may lose it.
fn fits(slot: &Slot, item: &Value, exact: bool, lenient: bool) -> bool {
    let nothing = |value: &Value| value.is_null() || *value == Value::Bool(false) || value.as_str() == Some("");
    // without its value an item is not there, and what else is said of it would not be seen again
    let told = slot.telling().any(|field| item.get(&field.sub).is_some_and(|value| !nothing(value)));
    let constant = |sub: &str| slot.constants.iter().any(|(constant, _)| constant == sub);
    let kept = |sub: &str| constant(sub) || told && slot.field(sub).is_some();
    let loses = item.as_object().into_iter().flatten().any(|(sub, value)| !kept(sub) && !nothing(value));
    let said = |(sub, wanted): &(String, Value)| item.get(sub).map_or(!exact, |found| alike(found, wanted));
    (lenient || !loses) && slot.constants.iter().all(said)
}

fn describe(slots: &[Slot]) -> String {
    let one = |slot: &Slot| {
        slot.constants.iter().map(|(sub, v)| format!("one with {sub} {v}")).collect::<Vec<_>>().join(" and ")
    };
    slots.iter().map(one).collect::<Vec<_>>().join(", ")
}
