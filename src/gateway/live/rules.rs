//! Filter rules held against a walk: that `matches: exactly` adds nothing, and that no rule loses a match, whatever letters are asked in.

use serde_json::{Map, Value};

use crate::{
    gateway::seal,
    mapping::rest::FilterRule,
    scim::{
        condition::Condition,
        evaluate::evaluate,
        filter::{CompareOp, Filter},
        profile::Profile,
        schema::{Target, Type},
    },
};

use super::look::{Look, Rows, by_rule};

/// So many records are asked for by what they have.
const SAMPLES: usize = 3;

/// Asks by a rule, with values that records have and one that nobody has.
pub(super) async fn rule(look: &mut Look<'_>, rule: &FilterRule, list: &Rows) -> Option<()> {
    for value in values(rule, list) {
        let text = format!("{} {} {value}", rule.target, rule.op.keyword());
        let filter = Filter::parse(&text, &Profile::STRICT).ok();
        let condition = filter.and_then(|f| Condition::resolve(&f, &look.resource.kind, &Profile::STRICT).ok());
        let Some(condition) = condition else { continue };
        let asked = look.query(condition.clone()).ok().and_then(|query| by_rule(query, rule));
        // what no call can hold is looked for here, and what is an id is read by it
        let Some(query) = asked else { continue };
        // the query's own condition is in the app's letters
        let condition = query.condition.clone();
        let found = look.rows(&query).await;
        match found {
            Ok(rows) => {
                if held(look, rule, &condition, &rows, list).is_none() {
                    break;
                }
            }
            Err(error) => {
                look.fails(&rule.text, &error)?;
                break;
            }
        }
    }
    Some(())
}

/// What was found is what a walk finds; nothing where it is not.
fn held(look: &mut Look<'_>, rule: &FilterRule, condition: &Condition, rows: &Rows, list: &Rows) -> Option<()> {
    let wrong = rows.all.iter().filter(|(_, resource)| !evaluate(condition, resource)).count();
    if rule.exactly && wrong > 0 {
        let message = format!(
            "`{}` says `matches: exactly`, and of {} rows that the app gave {wrong} do not match",
            rule.text,
            rows.all.len()
        );
        let help = match list.whole && rows.all.len() == list.all.len() {
            true => "the app gives the whole list: it seems not to know what the rule sends",
            false => "leave `matches` out, or send what the app compares exactly",
        };
        look.says("broken-promise", &message, help);
        return None;
    }
    if !rows.whole {
        return Some(());
    }
    let matching = list.all.iter().filter(|(exists, resource)| *exists && evaluate(condition, resource));
    let there = |id: &str| rows.all.iter().any(|(_, resource)| Rows::id(resource) == id);
    let (all, lost) =
        matching.fold((0, 0), |(all, lost), (_, resource)| (all + 1, lost + usize::from(!there(Rows::id(resource)))));
    if lost > 0 {
        let message = format!("`{}` loses matches: of {all} records that match the app did not give {lost}", rule.text);
        let help =
            "correct what the rule sends; say `case: any` only if the app ignores letter case, or leave the rule out";
        look.says("lost-match", &message, help);
        return None;
    }
    Some(())
}

/// Letters that the app is said to fold are folded in its records, or those are never found.
pub(super) fn folds(look: &mut Look<'_>, list: &Rows) {
    for line in &look.resource.lines {
        let other = |value: &Value| *line.folded(value) != *value;
        let count = list.all.iter().filter(|(_, resource)| texts(resource, &line.target).iter().any(other)).count();
        if line.fold.is_some() && count > 0 {
            let message = format!(
                "`{}` says `fold`, and {count} records hold letters that the app would have folded",
                line.target
            );
            look.says(
                "broken-promise",
                &message,
                "leave `fold` out, or correct these records in the app: they cannot be found",
            );
        }
    }
}

/// What a rule is asked with, as it stands in a filter.
fn values(rule: &FilterRule, list: &Rows) -> Vec<Value> {
    if let Some(literal) = &rule.literal {
        return vec![literal.clone()];
    }
    let leaf = rule.target.leaf();
    let is_text = leaf.kind == Type::String;
    let mut values: Vec<Value> = Vec::new();
    for (_, resource) in list.all.iter().filter(|(exists, _)| *exists) {
        let Some(value) = texts(resource, &rule.target).into_iter().next() else { continue };
        let value = part(rule.op, value);
        if !values.contains(&value) {
            values.push(value);
        }
        if values.len() == SAMPLES {
            break;
        }
    }
    if let (Some(Value::String(text)), true) = (values.first(), is_text && !leaf.case_exact) {
        let other: String = text
            .chars()
            .map(|c| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() })
            .collect();
        values.push(Value::String(other));
    }
    if is_text {
        values.extend(seal::letters(20).map(Value::String));
    }
    values
}

/// The part of a text that an operator is about.
fn part(op: CompareOp, value: Value) -> Value {
    let Value::String(text) = &value else { return value };
    let letters: Vec<char> = text.chars().collect();
    let half = letters.len().div_ceil(2);
    let range = match op {
        CompareOp::StartsWith => 0..half,
        CompareOp::EndsWith => letters.len() - half..letters.len(),
        CompareOp::Contains => letters.len() / 4..letters.len() / 4 + half,
        _ => return value,
    };
    Value::String(letters[range].iter().collect())
}

/// The values that a resource has there.
fn texts(resource: &Map<String, Value>, target: &Target) -> Vec<Value> {
    let whole = match &target.extension {
        Some(urn) => resource.get(&**urn).and_then(|extension| extension.get(&target.attribute.name)),
        None => resource.get(&target.attribute.name),
    };
    let sub = target.sub.as_ref().map_or("value", |sub| sub.name.as_str());
    match whole {
        None => Vec::new(),
        Some(Value::Array(items)) => {
            items.iter().filter_map(|item| item.get(sub).or((!item.is_object()).then_some(item)).cloned()).collect()
        }
        Some(Value::Object(parts)) => parts.get(sub).cloned().into_iter().collect(),
        Some(value) => vec![value.clone()],
    }
}
