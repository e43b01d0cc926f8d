//! Reading `languages` and `filters.language`: a table from operator to what it becomes, laid out for every attribute that the
//! list can be asked for. The names of the app's fields are the mapping's own words; values come behind quotes alone.

use crate::{
    diagnostic::{Faults, Source, did_you_mean},
    mapping::{
        language::{Kind, Language, Leaf},
        line::{FieldSource, Source as LineSource},
        selector::{Selector, Step},
    },
    scim::{filter::CompareOp, schema::Target},
    yaml::{self, Key, Node, Value},
};

use super::{call::free_header, draft::Draft, frame::Shared, setting::Setting, term};

/// The languages that need no declaration. Neither says what becomes of absent values under `ne` and `not` in all apps that
/// claim to speak it, so both are there only for who says `matches: exactly`.
const BUILT_IN: [(&str, &str); 2] = [
    (
        "odata",
        r#"
path: "/"
eq: [{ is: "{{name}} eq {{time value}}", types: [time] }, { is: "{{name}} eq {{odata value}}" }]
ne: { is: "{{name}} ne {{odata value}}" }
co: { is: "contains({{name}},{{odata value}})" }
sw: { is: "startswith({{name}},{{odata value}})" }
ew: { is: "endswith({{name}},{{odata value}})" }
gt: [{ is: "{{name}} gt {{time value}}", types: [number, time] }]
ge: [{ is: "{{name}} ge {{time value}}", types: [number, time] }]
lt: [{ is: "{{name}} lt {{time value}}", types: [number, time] }]
le: [{ is: "{{name}} le {{time value}}", types: [number, time] }]
pr: { is: "{{name}} ne null" }
and: "({{left}} and {{right}})"
or: "({{left}} or {{right}})"
not: "not ({{one}})"
"#,
    ),
    (
        "scim",
        r#"
path: "."
lists: true
eq: { is: "{{name}} eq {{scim value}}", types: [text, number, bool, time] }
ne: { is: "{{name}} ne {{scim value}}", types: [text, number, bool, time] }
co: { is: "{{name}} co {{scim value}}" }
sw: { is: "{{name}} sw {{scim value}}" }
ew: { is: "{{name}} ew {{scim value}}" }
gt: { is: "{{name}} gt {{scim value}}", types: [number, time] }
ge: { is: "{{name}} ge {{scim value}}", types: [number, time] }
lt: { is: "{{name}} lt {{scim value}}", types: [number, time] }
le: { is: "{{name}} le {{scim value}}", types: [number, time] }
pr: { is: "{{name}} pr" }
and: "({{left}} and {{right}})"
or: "({{left}} or {{right}})"
not: "not ({{one}})"
"#,
    ),
];

/// Operators, and what joins what they become.
const OPERATORS: [(&str, Option<CompareOp>); 10] = [
    ("eq", Some(CompareOp::Equal)),
    ("ne", Some(CompareOp::NotEqual)),
    ("co", Some(CompareOp::Contains)),
    ("sw", Some(CompareOp::StartsWith)),
    ("ew", Some(CompareOp::EndsWith)),
    ("gt", Some(CompareOp::Greater)),
    ("ge", Some(CompareOp::GreaterOrEqual)),
    ("lt", Some(CompareOp::Less)),
    ("le", Some(CompareOp::LessOrEqual)),
    ("pr", None),
];

/// What else a table says.
const OTHERS: [&str; 9] = ["like", "can", "path", "lists", "filter", "together", "and", "or", "not"];

/// What a list says beside its language.
pub(super) struct Spoken<'a> {
    /// `case: any` for all of it.
    pub any_case: bool,
    /// `matches: exactly` for all of it.
    pub exactly: bool,
    /// The attributes that may be asked for; none: all that stand in the record.
    pub over: Option<Vec<Target>>,
    pub lines: &'a [Draft<'a>],
    pub shared: &'a Shared,
}

/// Reads `language: odata`, or a table of the list's own.
pub(super) fn language(node: &Node, spoken: &Spoken<'_>, faults: &mut Faults) -> Option<Language> {
    let name = node.as_text().unwrap_or("its own").to_owned();
    let entries = table(node, spoken.shared, 0, faults)?;
    let find = |key: &str| entries.iter().find(|(k, _)| k.name == key).map(|(_, node)| node);
    let joint = |key: &str, names: &[&str], faults: &mut Faults| {
        let node = find(key)?;
        term::term(node, &Setting::reading(names, &[], spoken.shared), faults)
    };
    let (path, lists) = (find("path").and_then(Node::as_text).unwrap_or("."), is_true(find("lists")));
    let and = joint("and", &["left", "right", "all"], faults);
    let or = joint("or", &["left", "right", "all"], faults);
    let not = joint("not", &["one"], faults).filter(|_| spoken.exactly);
    let whole = joint("filter", &["all"], faults);
    let together = is_true(find("together"));
    let mut leaves = Vec::new();
    // once for a field of no attribute, so that a fault is told once
    let operators: Vec<(&str, Option<CompareOp>, &[Node])> = OPERATORS
        .iter()
        .filter_map(|(word, op)| {
            let node = find(word)?;
            Some((*word, *op, node.as_list().unwrap_or(std::slice::from_ref(node))))
        })
        .collect();
    for (_, op, nodes) in &operators {
        for node in *nodes {
            said(node, "name", *op, spoken, faults)?;
        }
    }
    let mut mute = Faults::new(faults.source().clone());
    for (target, places) in fields(spoken, path, lists) {
        for (place, name) in places.iter().enumerate() {
            for (op, node) in operators.iter().flat_map(|(_, op, nodes)| nodes.iter().map(move |node| (*op, node))) {
                if let Some(leaf) = said(node, name, op, spoken, &mut mute) {
                    leaves.push(Leaf { target: target.clone(), place, ..leaf });
                }
            }
        }
    }
    Some(Language { name, leaves, and, or, not, whole, together })
}

fn is_true(node: Option<&Node>) -> bool {
    node.is_some_and(|node| node.value == Value::Bool(true))
}

/// A table with what it is `like` under it.
fn table(node: &Node, shared: &Shared, depth: usize, faults: &mut Faults) -> Option<Vec<(Key, Node)>> {
    if let Some(name) = node.as_text() {
        if let Some((_, own)) = shared.languages.iter().find(|(known, _)| known == name).filter(|_| depth < 5) {
            return table(own, shared, depth + 1, faults);
        }
        if let Some((_, text)) = BUILT_IN.iter().find(|(known, _)| *known == name) {
            let mut own = Faults::new(Source::new(name, text));
            return yaml::parse(&mut own).and_then(|node| Some(node.as_map()?.to_vec()));
        }
        let names = shared.languages.iter().map(|(name, _)| name.as_str()).chain(BUILT_IN.iter().map(|(n, _)| *n));
        let help = match did_you_mean(name, names) {
            Some(near) => format!("write `{near}`"),
            None => "declare it under `languages`, or write `odata` or `scim`".to_owned(),
        };
        faults.error(node.span, "unknown-name", format!("there is no filter language `{name}`")).help(help);
        return None;
    }
    let mut fields = node.map(faults, "a filter language")?;
    let mut entries = match fields.take("like") {
        Some(like) => table(like, shared, depth + 1, faults)?,
        None => Vec::new(),
    };
    let can: Option<Vec<&str>> = fields
        .has("can")
        .then(|| fields.list(faults, "can").iter().filter_map(|n| n.text(faults, "an operator")).collect());
    if let Some(can) = can {
        let word = |key: &str| OPERATORS.iter().any(|(w, _)| *w == key) || ["and", "or", "not"].contains(&key);
        if let Some(odd) = can.iter().find(|w| !entries.iter().any(|(k, _)| k.name == **w)) {
            faults
                .error(
                    fields.span(),
                    "bad-value",
                    format!("`can` names `{odd}`, which what it is `like` does not know"),
                )
                .help("name operators of the language that this one is like");
        }
        entries.retain(|(key, _)| !word(&key.name) || can.contains(&key.name.as_str()));
    }
    for key in OPERATORS.iter().map(|(word, _)| *word).chain(OTHERS) {
        if let Some((key, node)) = fields.take_entry(key)
            && !["like", "can"].contains(&key.name.as_str())
        {
            entries.retain(|(known, _)| known.name != key.name);
            entries.push((key.clone(), node.clone()));
        }
    }
    fields.finish(faults);
    Some(entries)
}

/// The attributes that may be asked for, each with the names of its fields.
fn fields(spoken: &Spoken<'_>, path: &str, lists: bool) -> Vec<(Target, Vec<String>)> {
    let mut found = Vec::new();
    let wanted = |target: &Target| {
        let same = |t: &Target| {
            t.extension == target.extension
                && t.attribute.name == target.attribute.name
                && (t.attribute.multi_valued || t.sub.as_ref().map(|s| &s.name) == target.sub.as_ref().map(|s| &s.name))
        };
        spoken.over.as_ref().is_none_or(|over| over.iter().any(same))
    };
    for draft in spoken.lines.iter().filter(|d| !d.line.write_only && !d.line.relates() && wanted(&d.line.target)) {
        let places: Vec<String> = match &draft.line.value {
            LineSource::At { at, .. } => name(&[at], path).into_iter().collect(),
            LineSource::Slots(slots) if slots.iter().all(|slot| slot.field("value").is_some()) => {
                slots.iter().filter_map(|slot| name(&[&slot.field("value")?.at], path)).collect()
            }
            LineSource::Each(each) if lists => {
                let value = each.fields.iter().find(|f| f.sub == "value").map(|f| &f.value);
                match value {
                    Some(FieldSource::At { at, .. }) => name(&[&each.items, at], path).into_iter().collect(),
                    _ => Vec::new(),
                }
            }
            _ => Vec::new(),
        };
        if !places.is_empty() {
            found.push((draft.line.target.clone(), places));
        }
    }
    found
}

/// `$.profile.mail` as `profile.mail`; behind a URN stands a colon.
fn name(steps: &[&Selector], path: &str) -> Option<String> {
    let mut made = String::new();
    for step in steps.iter().map(|at| at.steps()).collect::<Option<Vec<_>>>()?.into_iter().flatten() {
        let Step::Key(key) = step else { return None };
        if key.is_empty() || key.contains(['{', '}', '$']) {
            return None;
        }
        if !made.is_empty() {
            made.push_str(if made.contains(':') { ":" } else { path });
        }
        made.push_str(key);
    }
    (!made.is_empty()).then_some(made)
}

/// What a comparison with the field of this name becomes.
fn said(node: &Node, name: &str, op: Option<CompareOp>, spoken: &Spoken<'_>, faults: &mut Faults) -> Option<Leaf> {
    let node = named(node, name);
    let setting = Setting::reading(&["value"], &[], spoken.shared);
    let whole = |node: &Node| node.get("is").is_some() || node.get("query").is_some();
    let substring = op.is_some_and(CompareOp::is_substring);
    let mut kinds = match op {
        Some(op) if op.is_substring() => vec![Kind::Text],
        Some(op) if op.is_ordering() => vec![Kind::Number],
        Some(_) => vec![Kind::Text, Kind::Number, Kind::Bool],
        None => vec![Kind::Text, Kind::Number, Kind::Bool, Kind::Time],
    };
    let (mut query, mut headers, mut exactly, mut any_case) = (Vec::new(), Vec::new(), spoken.exactly, spoken.any_case);
    let is = if whole(&node) {
        let mut fields = node.map(faults, "an operator")?;
        let is = fields.take("is").and_then(|n| term::term(n, &setting, faults));
        for (key, node) in fields.entries(faults, "query") {
            query.push((key.name.clone(), term::term(node, &setting, faults)?));
        }
        for (key, node) in fields.entries(faults, "headers") {
            headers.push((free_header(key, faults)?, term::term(node, &setting, faults)?));
        }
        exactly = fields.choice(faults, "matches", &[("exactly", true), ("more", false)]).unwrap_or(exactly);
        any_case = fields.choice(faults, "case", &[("any", true), ("exact", false)]).unwrap_or(any_case);
        let words = [("text", Kind::Text), ("number", Kind::Number), ("bool", Kind::Bool), ("time", Kind::Time)];
        if fields.has("types") {
            kinds = fields.list(faults, "types").iter().filter_map(|n| n.choice(faults, "`types`", &words)).collect();
        }
        fields.finish(faults);
        is
    } else {
        Some(term::term(&node, &setting, faults)?)
    };
    if substring && kinds != [Kind::Text] {
        faults.error(node.span, "bad-value", "only texts have parts").help("leave `types` out");
    }
    let target = spoken.lines.first()?.line.target.clone();
    Some(Leaf { target, place: 0, op, kinds, is, query, headers, exactly, any_case })
}

/// The tree with the field's name in the place of `{{name}}`, in keys as well.
fn named(node: &Node, name: &str) -> Node {
    let filled = |text: &str| text.replace("{{name}}", name);
    let value = match &node.value {
        Value::Text(text) => Value::Text(filled(text)),
        Value::List(items) => Value::List(items.iter().map(|n| named(n, name)).collect()),
        Value::Map(entries) => Value::Map(
            entries.iter().map(|(key, n)| (Key { name: filled(&key.name), span: key.span }, named(n, name))).collect(),
        ),
        other => other.clone(),
    };
    Node { span: node.span, value }
}
