//! What stands between the brackets of a PATCH path: which items of a list are meant, and what an item of that kind looks like.

use serde_json::{Map, Value};

use super::{
    condition::{Condition, Literal},
    error::{Refusal, ScimType},
    evaluate::evaluate_item,
    filter::{CompareOp, Filter},
    path::AttrPath,
    profile::Profile,
    schema::{Mutability, Target, Type},
};

/// A filter on the items of one list.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Selector {
    condition: Condition,
}

impl Selector {
    /// # Errors
    /// `invalidFilter` for a comparison that makes no sense, and for a name that the items do not have: a search may answer
    /// nothing to it, but `remove` with `[colour ne "red"]` would remove everything.
    pub(super) fn new(filter: &Filter, list: &Target, profile: &Profile) -> Result<Self, Refusal> {
        check_names(filter, list)?;
        Ok(Self { condition: Condition::resolve_item(filter, list, profile)? })
    }

    pub(super) fn selects(&self, item: &Value) -> bool {
        evaluate_item(&self.condition, item)
    }

    /// The `value`s, if the filter says no more than `value eq "a" or value eq "b"`.
    pub(super) fn keys(&self) -> Option<Vec<String>> {
        let terms = match &self.condition {
            Condition::Or(terms) => terms.as_slice(),
            term => std::slice::from_ref(term),
        };
        let key = |term: &Condition| match equality(term)? {
            (target, Literal::Text(text)) if target.leaf().name == "value" => Some(text.clone()),
            _ => None,
        };
        terms.iter().map(key).collect()
    }

    /// The item that `eq` terms joined by `and` describe: `[type eq "work"]` gives `{"type": "work"}`.
    pub(super) fn template(&self) -> Option<Map<String, Value>> {
        let part = |term: &Condition| {
            let (target, literal) = equality(term)?;
            let sub = target.sub.as_ref().filter(|sub| sub.mutability != Mutability::ReadOnly)?;
            let value = match literal {
                Literal::Boolean(value) => Value::Bool(*value),
                Literal::Number(value) => Value::Number(value.clone()),
                Literal::Text(text) | Literal::Instant { text, .. } => Value::String(text.clone()),
            };
            Some((sub.name.clone(), value))
        };
        match &self.condition {
            Condition::And(terms) => terms.iter().map(part).collect(),
            term => Some(Map::from_iter([part(term)?])),
        }
    }
}

fn equality(term: &Condition) -> Option<(&Target, &Literal)> {
    match term {
        Condition::Compare { target, op: CompareOp::Equal, value } => Some((target, value)),
        _ => None,
    }
}

fn check_names(filter: &Filter, list: &Target) -> Result<(), Refusal> {
    let path: &AttrPath = match filter {
        Filter::And(left, right) | Filter::Or(left, right) => {
            check_names(left, list)?;
            return check_names(right, list);
        }
        Filter::Not(inner) => return check_names(inner, list),
        Filter::Compare { path, .. } | Filter::Present(path) | Filter::Item { path, .. } => path,
    };
    let plain = list.attribute.kind != Type::Complex && path.name.eq_ignore_ascii_case("value");
    if plain || list.attribute.sub(&path.name).is_some() {
        return Ok(());
    }
    let detail = format!("`{}` is no sub-attribute of `{list}` that is offered here", path.name);
    Err(Refusal::new(ScimType::InvalidFilter, detail))
}
