//! Reading what a line says besides its place: codecs (two directions) and facts (what the app does).

use serde_json::Value as Json;

use crate::{
    diagnostic::Faults,
    mapping::{
        codec::{Codec, TimeForm},
        line::Empty,
    },
    yaml::{Fields, Node, Value},
};

/// The facts of one line.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// `unique`: the app refuses a second one.
    pub unique: bool,
    /// `case: exact`: the app tells letters apart.
    pub case_exact: Option<bool>,
    /// `access`: read, create, update.
    pub access: Option<(bool, bool, bool)>,
    /// `required`.
    pub required: bool,
    /// `empty`.
    pub empty: Option<Json>,
}

impl Facts {
    /// Takes the facts out of a line's fields.
    pub(super) fn take(fields: &mut Fields<'_>, faults: &mut Faults) -> Self {
        super::not_supported(
            fields,
            faults,
            &[("fold", "folds"), ("default", "defaults"), ("volatile", "volatile attributes")],
        );
        let unique = match fields.take("unique") {
            Some(node) if node.as_text() == Some("checked") => {
                faults.not_supported(node.span, "checks before a write (`unique: checked`)");
                false
            }
            Some(node) => node.choice(faults, "`unique`", &[("app", true)]).unwrap_or(false),
            None => false,
        };
        Self {
            unique,
            case_exact: fields.choice(faults, "case", &[("exact", true), ("any", false)]),
            access: fields.take("access").and_then(|n| access(n, faults)),
            required: fields.bool(faults, "required").unwrap_or(false),
            empty: fields.take("empty").map(Node::to_json),
        }
    }

    /// What stands for "no value".
    pub(super) fn empty(&self) -> Empty {
        self.empty.clone().filter(|e| !e.is_null()).map_or(Empty::Null, Empty::Is)
    }
}

fn access(node: &Node, faults: &mut Faults) -> Option<(bool, bool, bool)> {
    let words: Vec<u8> = node
        .list(faults, "`access`")?
        .iter()
        .filter_map(|word| word.choice(faults, "a word of `access`", &[("read", 0), ("create", 1), ("update", 2)]))
        .collect();
    Some((words.contains(&0), words.contains(&1), words.contains(&2)))
}

/// Takes the codec out of a line's fields; `Plain` where there is none.
pub(super) fn codec(fields: &mut Fields<'_>, faults: &mut Faults) -> Codec {
    super::not_supported(
        fields,
        faults,
        &[
            ("number", "number codecs"),
            ("bool", "boolean codecs"),
            ("before", "cutting codecs"),
            ("after", "cutting codecs"),
            ("split", "splitting codecs"),
            ("json", "JSON codecs"),
            ("php", "PHP codecs"),
            ("hash", "password hashes"),
            ("is", "`is` codecs"),
            ("has", "`has` codecs"),
            ("lacks", "`lacks` codecs"),
            ("null", "null codecs"),
            ("lower", "lower-case codecs"),
            ("trim", "trimming codecs"),
            ("slug", "slugs"),
            ("else", "`else` beside `values`"),
        ],
    );
    let mut found: Vec<Codec> = Vec::new();
    found.extend(fields.take("values").and_then(|n| values(n, faults)));
    found.extend(fields.bool(faults, "given").map(Codec::Given));
    let forms = [("iso", TimeForm::Iso), ("utc", TimeForm::Utc), ("unix", TimeForm::Unix)];
    if let Some(node) = fields.take("time") {
        match node.as_text() {
            Some("unix_ms" | "seconds" | "local" | "text") => {
                faults.not_supported(node.span, "this form of time");
            }
            _ => found.extend(node.choice(faults, "`time`", &forms).map(Codec::Time)),
        }
    }
    let prefix = fields.text(faults, "prefix").map(str::to_owned);
    let suffix = fields.text(faults, "suffix").map(str::to_owned);
    if prefix.is_some() || suffix.is_some() {
        found.push(Codec::Around { prefix: prefix.unwrap_or_default(), suffix: suffix.unwrap_or_default() });
    }
    if found.len() > 1 {
        faults.error(fields.span(), "several-codecs", "a line has one codec").help("keep one of them");
    }
    found.pop().unwrap_or(Codec::Plain)
}

fn values(node: &Node, faults: &mut Faults) -> Option<Codec> {
    let mut pairs: Vec<(Json, Vec<Json>)> = Vec::new();
    let mut or_else = None;
    for (key, node) in node.entries(faults, "`values`")? {
        if key.name == "else" {
            or_else = Some(node.to_json());
            continue;
        }
        let scim = match key.name.as_str() {
            "true" => Json::Bool(true),
            "false" => Json::Bool(false),
            text => Json::String(text.to_owned()),
        };
        let app = match &node.value {
            Value::List(items) => items.iter().map(Node::to_json).collect(),
            _ => vec![node.to_json()],
        };
        if app.is_empty() {
            faults
                .error(node.span, "empty-values", format!("`{}` has no value of the app", key.name))
                .help("write the word the app uses");
        }
        if let Some(twice) = app.iter().find(|a| pairs.iter().any(|(_, known)| known.contains(a))) {
            faults
                .error(node.span, "repeated-value", format!("{twice} stands for two values"))
                .help("each of the app's words has one meaning");
        }
        pairs.push((scim, app));
    }
    Some(Codec::Values { pairs, or_else })
}
