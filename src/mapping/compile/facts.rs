//! Reading the facts of a line: what the app does with its value.

use serde_json::Value as Json;

use crate::{
    diagnostic::{Faults, Span},
    mapping::line::{Default, Empty, Fold},
    scim::schema::{Attribute, Type},
    yaml::{Fields, Node},
};

use super::codec::{constant_suits, kind, scalar};

/// The facts of one line.
#[derive(Debug, std::default::Default, PartialEq)]
pub(super) struct Facts {
    /// `unique`: there is no second one.
    pub unique: bool,
    /// `unique: checked`: the gateway sees to that.
    pub checked: bool,
    /// `case: exact`: the app tells letters apart.
    pub case_exact: Option<bool>,
    /// `fold`: what the app does to letters.
    pub fold: Option<Fold>,
    /// `access`: read, create, update.
    pub access: Option<(bool, bool, bool)>,
    /// `required`.
    pub required: bool,
    /// `empty`.
    pub empty: Option<Json>,
    /// `volatile`: it changes without a write to its resource.
    pub volatile: bool,
    /// `default`: what a new record gets where the client says nothing.
    pub default: Option<(Default, Span)>,
}

impl Facts {
    /// Takes the facts out of the fields of a line that reads `leaf`.
    pub(super) fn take(fields: &mut Fields<'_>, leaf: &Attribute, faults: &mut Faults) -> Self {
        let unique = fields.take("unique").and_then(|node| {
            let word = node.choice(faults, "`unique`", &[("app", false), ("checked", true)]);
            if word == Some(true) && !matches!(leaf.kind, Type::String | Type::Reference | Type::Complex) {
                let message = format!("`{}` is {}, which is not looked for", leaf.name, kind(leaf));
                faults
                    .error(node.span, "wrong-kind", message)
                    .help("write `unique: app`, if the app refuses a second one");
            }
            word
        });
        for key in ["case", "fold"] {
            if let Some((found, _)) = fields.take_entry(key)
                && !matches!(leaf.kind, Type::String | Type::Reference)
            {
                faults
                    .error(
                        found.span,
                        "wrong-kind",
                        format!("`{}` is {}, which has no letter case", leaf.name, kind(leaf)),
                    )
                    .help("leave it out");
            }
        }
        let case_exact = fields.choice(faults, "case", &[("exact", true), ("any", false)]);
        let fold = fields.take("fold").and_then(|n| fold(n, faults));
        if let (Some(Fold::Lower | Fold::Upper), Some(true), Some(node)) = (fold, case_exact, fields.take("case")) {
            faults
                .error(node.span, "bad-value", "an app that folds letters does not tell them apart")
                .help("leave `case` out");
        }
        if let (Some(Fold::FirstUpper), None | Some(false), Some(node)) = (fold, case_exact, fields.take("fold")) {
            faults
                .error(node.span, "bad-value", "an app that folds the first letter tells the others apart")
                .help("write `case: exact` as well");
        }
        Self {
            unique: unique.is_some(),
            checked: unique == Some(true),
            case_exact,
            fold,
            access: fields.take("access").and_then(|n| access(n, faults)),
            required: fields.bool(faults, "required").unwrap_or(false),
            empty: fields.take("empty").and_then(|n| scalar(n, "`empty`", faults)),
            volatile: fields.bool(faults, "volatile").unwrap_or(false),
            default: fields.take("default").and_then(|n| Some((default(n, leaf, faults)?, n.span))),
        }
    }

    /// What stands for "no value".
    pub(super) fn empty(&self) -> Empty {
        self.empty.clone().filter(|e| !e.is_null()).map_or(Empty::Null, Empty::Is)
    }
}

fn fold(node: &Node, faults: &mut Faults) -> Option<Fold> {
    node.choice(faults, "`fold`", &[("lower", Fold::Lower), ("upper", Fold::Upper), ("first-upper", Fold::FirstUpper)])
}

/// A value, or `{ random: 24 }`.
fn default(node: &Node, leaf: &Attribute, faults: &mut Faults) -> Option<Default> {
    if node.as_map().is_none() {
        let value = scalar(node, "`default`", faults)?;
        return constant_suits(&value, leaf, node.span, faults).then_some(Default::Is(value));
    }
    let mut fields = node.map(faults, "`default`")?;
    let letters = fields.required(faults, "random").and_then(|n| n.integer(faults, "`random`", 8..=200));
    fields.finish(faults);
    if leaf.kind != Type::String {
        faults
            .error(node.span, "wrong-kind", format!("`{}` is {}, and a random text is text", leaf.name, kind(leaf)))
            .help("write a value");
        return None;
    }
    letters.and_then(|n| usize::try_from(n).ok()).map(Default::Random)
}

fn access(node: &Node, faults: &mut Faults) -> Option<(bool, bool, bool)> {
    let words: Vec<u8> = node
        .list(faults, "`access`")?
        .iter()
        .filter_map(|word| word.choice(faults, "`access`", &[("read", 0), ("create", 1), ("update", 2)]))
        .collect();
    if node.as_list().is_some_and(<[_]>::is_empty) {
        faults
            .error(node.span, "bad-value", "nobody may do anything with this attribute")
            .help("write some of read, create, update, or leave the line out");
    }
    Some((words.contains(&0), words.contains(&1), words.contains(&2)))
}
