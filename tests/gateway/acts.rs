//! What the random writer of [`super::model`] does, and how each act is written in SCIM.

use std::collections::{BTreeMap, BTreeSet};

use proptest::{collection::vec, option, prelude::*};
use serde_json::{Value, json};

use super::door::ENTERPRISE;

const FIELDS: [&str; 6] = ["externalId", "name.givenName", "name.familyName", "displayName", "title", "department"];
const NAMES: [&str; 6] = ["ann", "Ann", "bo", "o'neil%", "_", "é"];
const TEXTS: [&str; 7] = ["a", "A", "it's", "100%_", "é見", "042", "{{id}}\n"];
const MAILS: [&str; 3] = ["x@example.com", "y@example.com", "z@example.com"];
const TYPES: [Option<&str>; 3] = [Some("work"), Some("home"), None];

pub(crate) type Field = usize;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mail {
    pub(crate) value: &'static str,
    pub(crate) kind: Option<&'static str>,
    pub(crate) primary: bool,
}

#[derive(Debug, Clone)]
pub(crate) enum Step {
    Name(&'static str),
    Set(Field, &'static str),
    Clear(Field),
    Active(bool),
    AddMail(Mail),
    SetMails(Vec<Mail>),
    MoveMail(&'static str, &'static str),
    DropMail(&'static str),
    DropKind(&'static str),
}

#[derive(Debug, Clone)]
pub(crate) enum Act {
    Create { name: &'static str, fields: BTreeMap<Field, &'static str>, active: Option<bool>, mails: Vec<Mail> },
    Put { who: usize, name: &'static str, fields: BTreeMap<Field, Option<&'static str>>, mails: Option<Vec<Mail>> },
    Patch { who: usize, steps: Vec<Step> },
    Delete { who: usize },
    Form { name: &'static str, members: Vec<usize> },
    Reform { which: usize, name: &'static str, members: Option<Vec<usize>> },
    Join { which: usize, members: Vec<usize>, name: Option<&'static str> },
    Leave { which: usize, member: usize },
    Empty { which: usize },
    Disband { which: usize },
}

fn mails() -> impl Strategy<Value = Vec<Mail>> {
    vec((0..3_usize, 0..3_usize), 0..4).prop_flat_map(|pairs| {
        let pairs: Vec<_> = pairs.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
        option::of(0..4_usize).prop_map(move |main| {
            let mail = |(at, (value, kind)): (usize, &(usize, usize))| Mail {
                value: MAILS[*value],
                kind: TYPES[*kind],
                primary: main == Some(at),
            };
            pairs.iter().enumerate().map(mail).collect()
        })
    })
}

fn one_mail() -> impl Strategy<Value = Mail> {
    (0..3_usize, 0..3_usize, any::<bool>()).prop_map(|(value, kind, primary)| Mail {
        value: MAILS[value],
        kind: TYPES[kind],
        primary,
    })
}

fn of<T: Copy + std::fmt::Debug + 'static, const N: usize>(all: &'static [T; N]) -> impl Strategy<Value = T> {
    (0..N).prop_map(move |at| all[at])
}

fn fields<V: Strategy>(value: V) -> impl Strategy<Value = BTreeMap<Field, V::Value>> {
    vec((0..FIELDS.len(), value), 0..4).prop_map(|pairs| pairs.into_iter().collect())
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        of(&NAMES).prop_map(Step::Name),
        (0..FIELDS.len(), of(&TEXTS)).prop_map(|(field, text)| Step::Set(field, text)),
        (0..FIELDS.len()).prop_map(Step::Clear),
        any::<bool>().prop_map(Step::Active),
        one_mail().prop_map(Step::AddMail),
        one_mail().prop_map(Step::AddMail),
        mails().prop_map(Step::SetMails),
        (of(&["work", "home"]), of(&MAILS)).prop_map(|(kind, value)| Step::MoveMail(kind, value)),
        of(&MAILS).prop_map(Step::DropMail),
        of(&["work", "home"]).prop_map(Step::DropKind),
    ]
}

pub(crate) fn act() -> impl Strategy<Value = Act> {
    let who = || 0..8_usize;
    prop_oneof![
        3 => (of(&NAMES), fields(of(&TEXTS)), option::of(any::<bool>()), mails())
            .prop_map(|(name, fields, active, mails)| Act::Create { name, fields, active, mails }),
        3 => (who(), of(&NAMES), fields(option::of(of(&TEXTS))), option::of(mails()))
            .prop_map(|(who, name, fields, mails)| Act::Put { who, name, fields, mails }),
        6 => (who(), vec(step(), 1..5)).prop_map(|(who, steps)| Act::Patch { who, steps }),
        1 => who().prop_map(|who| Act::Delete { who }),
        2 => (of(&NAMES), vec(who(), 0..4)).prop_map(|(name, members)| Act::Form { name, members }),
        2 => (who(), of(&NAMES), option::of(vec(who(), 0..4)))
            .prop_map(|(which, name, members)| Act::Reform { which, name, members }),
        3 => (who(), vec(who(), 1..4), option::of(of(&NAMES)))
            .prop_map(|(which, members, name)| Act::Join { which, members, name }),
        2 => (who(), who()).prop_map(|(which, member)| Act::Leave { which, member }),
        1 => who().prop_map(|which| Act::Empty { which }),
        1 => who().prop_map(|which| Act::Disband { which }),
    ]
}

impl Step {
    pub(crate) fn written(&self) -> Value {
        match self {
            Self::Name(name) => json!({"op": "replace", "path": "userName", "value": name}),
            Self::Set(field, text) => json!({"op": "replace", "path": path(*field), "value": text}),
            Self::Clear(field) => json!({"op": "remove", "path": path(*field)}),
            Self::Active(to) => json!({"op": "add", "value": {"active": to}}),
            Self::AddMail(mail) => json!({"op": "add", "path": "emails", "value": [written(mail)]}),
            Self::SetMails(mails) => {
                json!({"op": "replace", "path": "emails", "value": mails.iter().map(written).collect::<Vec<_>>()})
            }
            Self::MoveMail(kind, value) => {
                json!({"op": "replace", "path": format!("emails[type eq \"{kind}\"].value"), "value": value})
            }
            Self::DropMail(value) => json!({"op": "remove", "path": format!("emails[value eq \"{value}\"]")}),
            Self::DropKind(kind) => json!({"op": "remove", "path": format!("emails[type eq \"{kind}\"]")}),
        }
    }
}

fn path(field: Field) -> String {
    if FIELDS[field] == "department" { format!("{ENTERPRISE}:department") } else { FIELDS[field].to_owned() }
}

pub(crate) fn written(mail: &Mail) -> Value {
    let mut item = json!({"value": mail.value, "primary": mail.primary});
    if let Some(kind) = mail.kind {
        item["type"] = json!(kind);
    }
    item
}

/// Puts a field where a body has it.
pub(crate) fn put(body: &mut Value, field: Field, value: &Value) {
    match FIELDS[field].split_once('.') {
        Some((outer, inner)) => body[outer][inner] = value.clone(),
        None if FIELDS[field] == "department" => body[ENTERPRISE]["department"] = value.clone(),
        None => body[FIELDS[field]] = value.clone(),
    }
}
