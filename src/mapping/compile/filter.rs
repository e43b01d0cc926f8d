//! Reading what of a filter an app can be asked: rules, each laid over the list's call or with a call of its own, and a language.

use std::borrow::Cow;

use serde_json::Value as Json;

use crate::{
    diagnostic::Faults,
    mapping::{
        call::CallTemplate,
        language::Language,
        line::{Fold, Line},
        rest::{FilterRule, Own, OwnRows, Total},
    },
    scim::{
        filter::{CompareOp, Filter},
        profile::Profile,
        schema::{Resolution, ResourceType, Target, Type},
    },
    yaml::{Fields, Key, Node},
};

use super::{
    call, codec,
    draft::Draft,
    frame::Shared,
    gives::{Reads, gives},
    language::{Spoken, language},
    name::{attribute, in_full},
    pages::{PAGED, check_pages, pages},
    setting::Setting,
};

/// What every filter rule of a list is read against.
pub(super) struct Around<'a> {
    pub kind: &'a ResourceType,
    pub lines: &'a [Draft<'a>],
    pub shared: &'a Shared,
    /// The list, without the frame.
    pub list: &'a Node,
    /// The names that its call may use.
    pub names: &'a [&'a str],
    /// How a record is read, where rows give less.
    pub reads: &'a Reads<'a>,
}

/// What rules have in common that do not say it themselves.
#[derive(Clone, Copy)]
struct Common {
    any_case: bool,
    exactly: bool,
}

/// Reads `filters`.
pub(super) fn filters(
    mut fields: Fields<'_>,
    around: &Around<'_>,
    faults: &mut Faults,
) -> (Vec<FilterRule>, Option<Language>) {
    let any_case = fields.choice(faults, "case", &[("any", true), ("exact", false)]).unwrap_or(false);
    let exactly = fields.choice(faults, "matches", &[("exactly", true), ("more", false)]).unwrap_or(false);
    let over = fields.has("over").then(|| {
        let names = fields.list(faults, "over");
        names.iter().filter_map(|node| attribute(node, around.kind, faults)).collect()
    });
    let spoken = Spoken { any_case, exactly, over, lines: around.lines, shared: around.shared };
    let language = fields.take("language").and_then(|node| language(node, &spoken, faults));
    let common = Common { any_case, exactly };
    let mut rules = Vec::new();
    for (key, node) in fields.rest() {
        rules.extend(filter(key, node, common, around, faults));
    }
    (rules, language)
}

fn filter(
    key: &Key,
    node: &Node,
    Common { any_case, exactly }: Common,
    around: &Around<'_>,
    faults: &mut Faults,
) -> Option<FilterRule> {
    let Around { kind, lines, shared, .. } = *around;
    let Some((target, op, literal)) = claim(&key.name, kind) else {
        let message = format!("`{}` is not a filter that {} can be asked", key.name, kind.name);
        faults
            .error(key.span, "bad-filter-rule", message)
            .help("write an attribute that has a line, an operator and `?` or a value: `userName eq ?`");
        return None;
    };
    let leaf = match (&target.sub, target.attribute.multi_valued) {
        (None, true) => target.attribute.sub("value").unwrap_or(&target.attribute),
        _ => target.leaf(),
    };
    let text = matches!(leaf.kind, Type::String | Type::Reference);
    let substring = matches!(op, CompareOp::Contains | CompareOp::StartsWith | CompareOp::EndsWith);
    if leaf.kind == Type::Complex || substring && !text || op.is_ordering() && leaf.kind == Type::Boolean {
        let message = format!("no client can ask `{}`: `{target}` is {}", key.name, codec::kind(leaf));
        faults.error(key.span, "bad-filter-rule", message).help("leave the rule out");
        return None;
    }
    if let Some(value) = &literal {
        codec::constant_suits(value, leaf, key.span, faults);
    }
    let (written, own) = (node, node.get("call").is_some());
    let node = if own { shared.framed(node, &["rows"]) } else { Cow::Borrowed(node) };
    let mut fields = node.map(faults, "a filter rule")?;
    let exactly = fields.choice(faults, "matches", &[("exactly", true), ("more", false)]).unwrap_or(exactly);
    // the app knows nothing of who is no member for clients
    let exactly = exactly && !lines.iter().any(|d| d.line.scoped().is_some() && d.line.target.covers(&target));
    let any_case = fields.choice(faults, "case", &[("any", true), ("exact", false)]).unwrap_or(any_case);
    let (call, own) = if own {
        let asked = own_call(&mut fields, key, written, &target, around, faults);
        asked.map(|(call, own)| (call, Some(own))).unzip()
    } else {
        (laid_over(&mut fields, key, written, around, faults), Some(None))
    };
    fields.finish(faults);
    if literal.is_none() && call.as_ref().is_some_and(|call| !call.names("value")) {
        faults
            .error(key.span, "empty-filter-rule", "this rule does not use the value that is asked for")
            .help("put `$.value` where the app expects it: `query: { login: $.value }`");
    }
    let folds = |line: &Line| matches!(line.fold, Some(Fold::Lower | Fold::Upper));
    let folded = lines.iter().any(|d| folds(&d.line) && d.line.target.attribute.name == target.attribute.name);
    if text && !leaf.case_exact && !any_case && !folded && op != CompareOp::NotEqual {
        let message = format!("the app tells letters apart here and `{target}` does not: matches would be lost");
        faults.error(key.span, "narrower-filter", message).help(
            "write `case: any` in the rule if the app ignores letter case; in the attribute's line `case: exact` if it \
             does not, or `fold: lower` if it makes all letters small",
        );
    }
    if op == CompareOp::NotEqual && !exactly {
        faults
            .error(key.span, "narrower-filter", "a rule for `ne` must match exactly")
            .help("write `matches: exactly`, or leave the rule out");
    }
    // An app that ignores letter case finds more than SCIM does where letters are told apart.
    let exactly = exactly && !(any_case && leaf.case_exact);
    Some(FilterRule { text: key.name.clone(), target, op, literal, call: call?, own: own?, exactly, any_case })
}

/// The list's call with what the rule lays over it.
fn laid_over(
    fields: &mut Fields<'_>,
    key: &Key,
    node: &Node,
    around: &Around<'_>,
    faults: &mut Faults,
) -> Option<CallTemplate> {
    let Around { shared, list, names, .. } = *around;
    let said: Vec<&Node> =
        shared.sends().filter_map(|word| fields.take_entry(word.to_owned())).map(|(_, n)| n).collect();
    fields.take("answers");
    let asks = shared.over(list, node);
    let names: Vec<&str> = names.iter().copied().chain(["value"]).collect();
    let call = call::call(&asks, &Setting::reading(&names, &["rows"], shared), faults);
    let empty = |node: &&Node| node.as_map().is_some_and(<[_]>::is_empty);
    if said.is_empty() || said.iter().all(empty) {
        faults
            .error(key.span, "empty-filter-rule", "this rule lays nothing over the list's call")
            .help("write what the app needs: `query: { login: $.value }`");
        return None;
    }
    call
}

/// A call of the rule's own, and what it answers with. `node`: the rule, without the frame.
fn own_call(
    fields: &mut Fields<'_>,
    key: &Key,
    node: &Node,
    target: &Target,
    around: &Around<'_>,
    faults: &mut Faults,
) -> Option<(CallTemplate, Own)> {
    let Around { kind, lines, shared, reads, .. } = *around;
    let names: Vec<&str> = PAGED[1..].iter().copied().chain(["value"]).collect();
    let call = call::from_fields(fields, &Setting::reading(&names, &["rows", "record", "id"], shared), faults);
    let paged = fields.take_entry("pages");
    let pages = paged.and_then(|(_, n)| pages(n, &[], shared, faults));
    let given = fields.take_entry("gives");
    // rows as the list's, but for what `holds` says: what such a call finds may be in any list
    let said = given.map(|(_, node)| node).or_else(|| around.list.get("gives").filter(|_| !faults.has_errors()));
    let gives = said.and_then(|node| gives(node, kind, lines, &mut [], reads, faults));
    let call = call?;
    check_pages(&call, pages.as_ref(), key.span, faults);
    let said: Vec<&str> = ["rows", "record", "id"].into_iter().filter(|word| node.get(word).is_some()).collect();
    if said.len() > 1 {
        faults
            .error(key.span, "bad-filter-rule", "this call answers with one of `rows`, `record` and `id`")
            .help("keep the one that is so; rows that hold less than the record say what in `gives`");
        return None;
    }
    // a frame may say where replies hold their rows, and is overruled
    let own = match (said.first(), &call) {
        (Some(&"id"), _) => Own::Ids,
        (Some(&"record"), _) => Own::Record,
        (None, call) if call.rows.is_none() && call.record.is_some() => Own::Record,
        (None, call) if call.rows.is_none() => {
            faults
                .error(key.span, "missing-key", "a rule with a call of its own says what it answers with")
                .help("write `rows: $.data` for records as in the list, `record: $` for one, `id: $.user_id` for ids");
            return None;
        }
        _ => Own::Rows(Box::new(OwnRows { pages, gives })),
    };
    if let (Own::Ids | Own::Record, Some((key, _))) = (&own, paged) {
        faults.error(key.span, "bad-value", "only `rows` have pages").help("leave `pages` out");
    }
    if let (Own::Ids | Own::Record, Some((key, _))) = (&own, given) {
        faults.error(key.span, "bad-value", "only `rows` may give less than the record").help("leave `gives` out");
    }
    if let (Own::Rows(rows), Some((key, _))) = (&own, paged)
        && matches!(rows.pages.as_ref().and_then(|pages| pages.total.as_ref()), Some(Total::Call(..)))
    {
        faults
            .warning(key.span, "no-effect", "a call that counts the list does not count what a rule finds")
            .help("leave `total` out, or say where the rule's own replies tell it");
    }
    if matches!(own, Own::Ids) && target.extension.is_none() && target.attribute.name == "id" {
        faults
            .error(key.span, "bad-filter-rule", "this rule finds an id by an id")
            .help("say where the reply holds the record: `record: $`");
        return None;
    }
    Some((call, own))
}

/// `userName eq ?`, `active eq false`.
fn claim(text: &str, kind: &ResourceType) -> Option<(Target, CompareOp, Option<Json>)> {
    let text = in_full(text);
    let hole = text.strip_suffix('?');
    let filter = match hole {
        Some(front) => Filter::parse(&format!("{front}null"), &Profile::STRICT),
        None => Filter::parse(&text, &Profile::STRICT),
    };
    let Ok(Filter::Compare { path, op, value }) = filter else { return None };
    let Resolution::Offered(target) = kind.resolve(&path) else { return None };
    Some((target, op, hole.is_none().then_some(value)))
}
