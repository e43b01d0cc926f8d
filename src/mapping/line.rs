//! A line: one attribute, read and written in the same words.

use std::{borrow::Cow, sync::LazyLock};

use serde_json::Value;

use crate::scim::{
    filter::CompareOp,
    schema::{Attribute, Returned, Target},
};

use super::{
    cell::{self, Cell},
    codec::Codec,
    pattern::Pattern,
    selector::Selector,
    sql::Beside,
    template::Template,
};

/// One attribute line.
#[derive(Debug)]
pub struct Line {
    /// The attribute: `userName`, `name.givenName`, or a list such as `emails` (without sub-attribute).
    pub target: Target,
    /// Where its value comes from and goes to.
    pub value: Source,
    /// What stands in the record for "no value"; read and written alike.
    pub empty: Empty,
    /// What the app does to the letters of a value; done here first, before writing and looking up.
    pub fold: Option<Fold>,
    /// Whether the app takes it when a record is made.
    pub create: bool,
    /// Whether the app takes it on a record that is there.
    pub update: bool,
    /// Whether the value is given only, never shown: passwords.
    pub write_only: bool,
    /// Whether the gateway looks for another one before it writes a value.
    pub checked: bool,
    /// Whether the value changes without a write to its resource, as a time of last sign-in does.
    pub volatile: bool,
    /// What a new record gets where the client says nothing.
    pub default: Option<Default>,
}

/// What a new record gets where the client says nothing.
#[derive(Debug, Clone, PartialEq)]
pub enum Default {
    /// This value, in SCIM's form.
    Is(Value),
    /// So many letters and digits by chance.
    Random(usize),
}

/// What an app does to the letters of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fold {
    /// All lower case, as most languages do it: `İ` becomes two characters, `Σ` at a word's end `ς`.
    Lower,
    /// All upper case, as most languages do it: `ß` becomes `SS`.
    Upper,
    /// The first letter upper case, as wikis do it, and the rest as it is.
    FirstUpper,
}

impl Fold {
    /// The text as the app would make it.
    #[must_use]
    pub fn apply(self, text: &str) -> String {
        match self {
            Self::Lower => text.to_lowercase(),
            Self::Upper => text.to_uppercase(),
            Self::FirstUpper => {
                let mut letters = text.chars();
                letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
            }
        }
    }
}

impl Line {
    /// The text that a value is compared with, folded as the app folded the value when it was written.
    #[must_use]
    pub fn compared(&self, op: CompareOp, text: String) -> String {
        match self.fold {
            // where a part begins is not known
            Some(Fold::FirstUpper) if matches!(op, CompareOp::Contains | CompareOp::EndsWith) => text,
            Some(fold) => fold.apply(&text),
            None => text,
        }
    }

    /// Whether a version of the resource is made of this too. Lists of other resources are left out: reading them may
    /// cost more than the rest, and derived ones change without a write to this resource, as volatile values do. So is
    /// what is never returned: a digest can be guessed at.
    #[must_use]
    pub fn counts(&self) -> bool {
        let told = |attribute: &Attribute| attribute.returned != Returned::Never;
        !self.relates()
            && !self.write_only
            && !self.volatile
            && told(&self.target.attribute)
            && told(self.target.leaf())
    }

    /// Over a database, the columns of the base row that it stands in; none where it has rows of its own.
    #[must_use]
    pub fn columns(&self, beside: &[Beside], cells: &[Cell]) -> Vec<&str> {
        let fields: Vec<Option<&str>> = match &self.value {
            Source::At { at, .. } => vec![at.field()],
            Source::Each(each) if cells.iter().any(|cell| cell.at == each.items) => vec![each.items.field()],
            Source::Slots(slots) => slots.iter().flat_map(|slot| &slot.fields).map(|field| field.at.field()).collect(),
            _ => Vec::new(),
        };
        fields.into_iter().flatten().filter(|field| !beside.iter().any(|b| b.name == *field)).collect()
    }

    /// Whether it writes into this cell.
    #[must_use]
    pub fn is_in(&self, one: &Cell) -> bool {
        match &self.value {
            Source::At { at, .. } => cell::holds(one, at),
            Source::Slots(slots) => slots.iter().flat_map(|slot| &slot.fields).any(|field| cell::holds(one, &field.at)),
            Source::Each(each) => cell::holds(one, &each.items),
            Source::Text(_) | Source::Constant(_) | Source::Address { .. } | Source::From { .. } => false,
        }
    }

    /// A list of others whose own records say whether they are meant.
    #[must_use]
    pub fn scoped(&self) -> Option<(&Each, &Of)> {
        match &self.value {
            Source::Each(each) if each.scoped => Some((each, each.of.as_ref()?)),
            _ => None,
        }
    }

    /// A list of others whose records are looked at before anybody joins or leaves.
    #[must_use]
    pub fn guards(&self) -> Option<(&Each, &Of)> {
        match &self.value {
            Source::Each(each) if each.scoped || each.guards => Some((each, each.of.as_ref()?)),
            _ => None,
        }
    }

    /// Whether this is a list of other resources.
    #[must_use]
    pub fn relates(&self) -> bool {
        match &self.value {
            Source::Each(each) => each.of.is_some(),
            source => matches!(source, Source::From { .. }),
        }
    }

    /// Whether it reads from the part of that name.
    #[must_use]
    pub fn reads_from(&self, part: &str) -> bool {
        match &self.value {
            Source::At { at, .. } | Source::Address { at, .. } => at.is_under(part),
            Source::Each(each) => {
                each.items.field() == Some(part) || each.items.text().starts_with(&format!("$.{part}["))
            }
            Source::Slots(slots) => slots.iter().flat_map(|slot| &slot.fields).any(|f| f.at.field() == Some(part)),
            Source::Text(text) => text.holes().iter().any(|h| h.first().is_some_and(|f| f == part)),
            Source::From { part: from, .. } => from.as_deref() == Some(part),
            Source::Constant(_) => false,
        }
    }

    /// The list of the record that this line edits and does not write as a whole: other lines, and other people, have items
    /// of their own in it.
    #[must_use]
    pub fn edits(&self) -> Option<&Selector> {
        match &self.value {
            Source::At { at, codec: Codec::Holds(..) } => Some(at),
            _ => None,
        }
    }

    /// A value as the app's own folding would make it.
    #[must_use]
    pub fn folded<'v>(&self, value: &'v Value) -> Cow<'v, Value> {
        match (self.fold, value) {
            (Some(fold), Value::String(text)) => Cow::Owned(Value::String(fold.apply(text))),
            _ => Cow::Borrowed(value),
        }
    }
}

/// Where a line's value comes from and goes to.
#[derive(Debug)]
pub enum Source {
    /// One field of the record, through a codec.
    At {
        /// The field.
        at: Selector,
        /// Both directions.
        codec: Codec,
    },
    /// A text made of fields; for display only.
    Text(Template),
    /// Always the same value.
    Constant(Value),
    /// A list of the record, item by item.
    Each(Each),
    /// A list made of single fields: `emails[type eq "work"].value: $.mail`.
    Slots(Vec<Slot>),
    /// The address of the one that this field names by id: `manager.$ref`.
    Address {
        /// The field.
        at: Selector,
        /// The resource type.
        of: Of,
    },
    /// The other side of a relation that is kept elsewhere: `groups: { from: Group.members }`.
    From {
        /// The resource type that keeps it.
        of: Of,
        /// The part of the record in which the derived items stand, each with `value` and `display`; none where nothing
        /// fetches them, and the attribute is then not offered.
        part: Option<String>,
    },
}

/// A list of the record and how its items read and write.
#[derive(Debug)]
pub struct Each {
    /// The list in the record; its first step is the part's name where a part brings it.
    pub items: Selector,
    /// Which items are meant; its plain literals are written into new items.
    pub pattern: Pattern,
    /// Sub-attribute to field of the item. A list of plain values has `value` at `$`.
    pub fields: Vec<Field>,
    /// The resource type that `value` names, for `members` and the like.
    pub of: Option<Of>,
    /// Others that it may name as well; the record's item says so in [`OF`].
    pub also: Vec<Of>,
    /// How many the app keeps.
    pub at_most: Option<usize>,
    /// Whether there is room for one, which may stand there without a list around it.
    pub one: bool,
    /// Whether the records of those whom it names say whether they exist for SCIM, or are protected, over HTTP.
    pub scoped: bool,
    /// Whether those whom it names may be protected, over HTTP: nobody then gets there by this list, nor out, also where the
    /// other side is derived from it and its own items say who is meant.
    pub guards: bool,
}

/// What an item of a record is called by that names a resource of another type than the list's first. No column has such a
/// name.
pub const OF: &str = "@of";

/// Another resource type that a value names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Of {
    /// `User`.
    pub name: String,
    /// `/Users`.
    pub endpoint: String,
}

/// The `type` of a group that somebody is in by themself (RFC 7643 §4.1.2). A derived list holds no others: what it is
/// derived from names users, and no group in a group.
pub static DIRECT: LazyLock<Value> = LazyLock::new(|| Value::from("direct"));

/// Whether `type` in a list of other resources says which resource type they are of, as in `members`. In the `groups` of
/// a user it says how one is in a group, which only the app knows.
#[must_use]
pub fn types_by_resource(list: &Attribute) -> bool {
    list.sub("type").is_some_and(|sub| DIRECT.as_str().is_none_or(|d| !sub.canonical_values.iter().any(|v| v == d)))
}

/// One sub-attribute of a list's items.
#[derive(Debug)]
pub struct Field {
    /// The sub-attribute's canonical name; `value` of a plain item.
    pub sub: String,
    /// Where it stands in the item, or what it always is.
    pub value: FieldSource,
}

/// Sub-attributes that describe an item and make none by themselves (RFC 7643 §2.4).
pub const HINTS: [&str; 4] = ["type", "primary", "display", "$ref"];

impl Field {
    /// Whether a value can be written here, or is always the same.
    #[must_use]
    pub fn writes(&self) -> bool {
        match &self.value {
            FieldSource::At { at, codec } => at.writes_in_item() && codec.writes(),
            FieldSource::Constant(_) => true,
        }
    }

    /// Whether a value here is enough for an item to be there.
    #[must_use]
    pub fn says(&self) -> bool {
        matches!(self.value, FieldSource::At { .. }) && !HINTS.contains(&self.sub.as_str())
    }
}

impl Each {
    /// The fields one of which must have a value, or there is no item: `value`; where the attribute knows none, all that
    /// are more than hints.
    pub fn telling(&self) -> impl Iterator<Item = &Field> {
        let valued = self.fields.iter().any(|f| f.sub == "value");
        self.fields.iter().filter(move |f| if valued { f.sub == "value" } else { f.says() })
    }
}

/// Where a sub-attribute of an item comes from.
#[derive(Debug)]
pub enum FieldSource {
    /// A field of the item.
    At {
        /// The field; `$` for an item that is a plain value.
        at: Selector,
        /// Both directions.
        codec: Codec,
    },
    /// Always the same value.
    Constant(Value),
}

/// One item of a list that has fields of its own in the record.
#[derive(Debug)]
pub struct Slot {
    /// What tells the item from others: `type` is `work`.
    pub constants: Vec<(String, Value)>,
    /// Its fields, each with another sub-attribute.
    pub fields: Vec<SlotField>,
}

/// A field of the record that holds a sub-attribute of an item.
#[derive(Debug)]
pub struct SlotField {
    /// The sub-attribute that it holds, `value`.
    pub sub: String,
    /// The field.
    pub at: Selector,
    /// Both directions.
    pub codec: Codec,
}

impl Slot {
    /// The field that holds this sub-attribute.
    #[must_use]
    pub fn field(&self, sub: &str) -> Option<&SlotField> {
        self.fields.iter().find(|field| field.sub == sub)
    }

    /// The fields one of which must have a value, or there is no item, as in [`Each::telling`].
    pub fn telling(&self) -> impl Iterator<Item = &SlotField> {
        let valued = self.field("value").is_some();
        let tells = move |sub: &str| if valued { sub == "value" } else { !HINTS.contains(&sub) };
        self.fields.iter().filter(move |field| tells(&field.sub))
    }
}

/// What stands for "no value" in a record.
#[derive(Debug, Clone, PartialEq)]
pub enum Empty {
    /// JSON null, SQL NULL.
    Null,
    /// This value: `""`, `0`.
    Is(Value),
}

impl Empty {
    /// What is written for "no value".
    #[must_use]
    pub fn value(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Is(value) => value.clone(),
        }
    }
}
