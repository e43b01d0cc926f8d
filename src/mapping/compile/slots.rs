//! Items of a list that have fields of their own in the record: lines with the same brackets are one item.

use serde_json::Value as Json;

use crate::{
    diagnostic::Faults,
    mapping::line::{Slot, SlotField, Source},
};

use super::draft::Draft;

/// Puts a field to the others of its item; not if the item has this one already.
pub(super) fn put(slots: &mut Vec<Slot>, constants: Vec<(String, Json)>, field: SlotField) -> bool {
    // the order of what tells an item says nothing
    let same = |slot: &&mut Slot| {
        slot.constants.len() == constants.len() && constants.iter().all(|one| slot.constants.contains(one))
    };
    match slots.iter_mut().find(same) {
        Some(slot) if slot.field(&field.sub).is_some() => return false,
        Some(slot) => slot.fields.push(field),
        None => slots.push(Slot { constants, fields: vec![field] }),
    }
    true
}

/// An item is there when it says something: where the attribute knows a `value`, that; else more than of what kind it is.
pub(super) fn check_slots(drafts: &[Draft<'_>], faults: &mut Faults) {
    for draft in drafts {
        let Source::Slots(slots) = &draft.line.value else { continue };
        let target = &draft.line.target;
        let valued = target.attribute.sub("value").is_some();
        let tells = |slot: &Slot| if valued { slot.field("value").is_some() } else { slot.telling().next().is_some() };
        for slot in slots.iter().filter(|slot| !tells(slot)) {
            let known = slot.fields.iter().map(|field| field.sub.as_str()).collect::<Vec<_>>().join("`, `");
            faults
                .error(
                    draft.span,
                    "missing-key",
                    format!("an item of `{target}` that says no more than `{known}` is none"),
                )
                .help(match valued {
                    true => "add a line for its `value`, with the same brackets",
                    false => "add a line for what it says, with the same brackets",
                });
        }
    }
}
