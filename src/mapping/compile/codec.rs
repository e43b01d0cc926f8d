//! Reading codecs (two directions), and whether what a line says suits the type of its attribute.

use serde_json::Value as Json;

use crate::{
    diagnostic::{Faults, Span},
    mapping::{
        codec::{Codec, Digits},
        hash::{Hash, Prefix},
    },
    scim::schema::{Attribute, Mutability, Type},
    yaml::{Fields, Node, Value},
};

use super::pattern;

/// Takes the codec out of the fields of a line that reads `leaf`; `Plain` where there is none.
pub(super) fn codec(fields: &mut Fields<'_>, leaf: &Attribute, faults: &mut Faults) -> Codec {
    super::not_supported(
        fields,
        faults,
        &[
            ("null", "null codecs"),
            ("lower", "lower-case codecs"),
            ("trim", "trimming codecs"),
            ("slug", "slugs"),
            ("else", "`else` beside `values`"),
        ],
    );
    let mut found: Vec<(Span, Codec)> = Vec::new();
    if let Some((key, node)) = fields.take_entry("values") {
        found.extend(values(node, leaf, faults).map(|c| (key.span, c)));
    }
    if let Some((key, node)) = fields.take_entry("given") {
        suits(key.span, "given", &[Type::Boolean], leaf, faults);
        found.extend(node.bool(faults, "`given`").map(|when| (key.span, Codec::Given(when))));
    }
    if let Some((key, node)) = fields.take_entry("time") {
        suits(key.span, "time", &[Type::DateTime], leaf, faults);
        found.extend(super::time::form(node, faults).map(|form| (key.span, Codec::Time(form))));
    }
    if let Some((key, node)) = fields.take_entry("number") {
        let forms = [("whole", Digits::Whole), ("text", Digits::Text)];
        let digits = node.choice(faults, "`number`", &forms);
        let kinds: &[Type] = match digits {
            Some(Digits::Text) => &[Type::Integer, Type::Decimal],
            _ => &[Type::String, Type::Reference],
        };
        suits(key.span, "number", kinds, leaf, faults);
        found.extend(digits.map(|digits| (key.span, Codec::Number(digits))));
    }
    for (word, some) in [("has", true), ("lacks", false)] {
        let Some((key, node)) = fields.take_entry(word) else { continue };
        suits(key.span, word, &[Type::Boolean], leaf, faults);
        found.extend(pattern::item(node, faults).map(|item| (key.span, Codec::Holds(some, item.into()))));
    }
    let place = ["after", "before"].into_iter().find(|key| fields.has(key)).map(|_| fields.span());
    let cut = super::term::cut(fields, faults);
    if let Some(span) = place {
        suits(span, "before", &[Type::String, Type::Reference, Type::Binary], leaf, faults);
        found.push((span, Codec::Part(cut)));
    }
    let around: Vec<_> = ["prefix", "suffix"].map(|key| fields.take_entry(key)).into_iter().collect();
    if let Some((key, _)) = around.iter().flatten().next() {
        suits(key.span, &key.name, &[Type::String, Type::Reference, Type::Binary], leaf, faults);
        let mut text = |entry: &Option<&(crate::yaml::Key, Node)>| {
            entry.and_then(|(key, node)| node.text(faults, &format!("`{}`", key.name))).unwrap_or_default().to_owned()
        };
        let (prefix, suffix) = (text(&around[0]), text(&around[1]));
        found.push((key.span, Codec::Around { prefix, suffix }));
    }
    if let Some((key, node)) = fields.take_entry("hash") {
        found.extend(hash(key.span, node, leaf, faults).map(|how| (key.span, Codec::Hash(how))));
    }
    if let Some((span, _)) = found.get(1) {
        faults.error(*span, "several-codecs", "a line has one codec, and this is the second").help("keep one of them");
    }
    found.into_iter().next().map_or(Codec::Plain, |(_, codec)| codec)
}

/// `{ true: active, false: [off, locked], else: false }`; SCIM's side takes the attribute's type.
fn values(node: &Node, leaf: &Attribute, faults: &mut Faults) -> Option<Codec> {
    let mut pairs: Vec<(Json, Vec<Json>)> = Vec::new();
    let mut or_else = None;
    for (key, node) in node.entries(faults, "`values`")? {
        if key.name == "else" {
            or_else = Some(node.to_json()).filter(|value| constant_suits(value, leaf, node.span, faults));
            continue;
        }
        let Some(scim) = typed(&key.name, leaf) else {
            let message = format!("`{}` is {}, and `{}` is none", leaf.name, kind(leaf), key.name);
            faults.error(key.span, "wrong-kind", message).help(match leaf.kind {
                Type::Boolean => "write `values: { true: …, false: … }`, with the app's words",
                _ => "`values` is for texts, numbers, true and false; leave it out",
            });
            continue;
        };
        let words = match &node.value {
            Value::List(items) => items.as_slice(),
            _ => std::slice::from_ref(node),
        };
        let app: Vec<Json> = words.iter().filter_map(|n| scalar(n, "the app's word", faults)).collect();
        if words.is_empty() {
            faults
                .error(node.span, "empty-values", format!("`{}` has no word of the app", key.name))
                .help("write the word that the app uses");
        }
        if let Some(twice) = app.iter().find(|a| pairs.iter().any(|(_, known)| known.contains(a))) {
            faults
                .error(node.span, "repeated-value", format!("{twice} stands for two values"))
                .help("each of the app's words has one meaning");
        }
        pairs.push((scim, app));
    }
    if pairs.is_empty() && !node.as_map().is_some_and(|m| m.iter().any(|(k, _)| k.name != "else")) {
        faults
            .error(node.span, "empty-values", "`values` lists no value")
            .help("write SCIM's value and the app's word: `values: { true: enabled, false: disabled }`");
    }
    Some(Codec::Values { pairs, or_else })
}

/// `argon2id`, `{ bcrypt: 10, prefix: $2y$ }`.
fn hash(span: Span, node: &Node, leaf: &Attribute, faults: &mut Faults) -> Option<Hash> {
    if leaf.mutability != Mutability::WriteOnly || leaf.kind != Type::String {
        faults
            .error(span, "wrong-kind", format!("`{}` is shown to clients, and a hash is not", leaf.name))
            .help("a hash is for `password`, or a text of your own schema that is `mutability: writeOnly`");
    }
    let (bcrypt, prefix) =
        (Hash::Bcrypt { cost: 12, prefix: Prefix::B }, [("$2a$", Prefix::A), ("$2b$", Prefix::B), ("$2y$", Prefix::Y)]);
    let how = match node.as_map() {
        None => {
            let words = [
                ("argon2id", Hash::Argon2id),
                ("bcrypt", bcrypt),
                ("pbkdf2-sha256", Hash::Pbkdf2 { rounds: 600_000 }),
                ("phpass", Hash::Phpass),
            ];
            node.choice(faults, "`hash`", &words)
        }
        Some(_) => {
            let mut fields = node.map(faults, "`hash`")?;
            let cost = fields.integer(faults, "bcrypt", 8..=15).and_then(|n| u32::try_from(n).ok());
            let rounds =
                fields.integer(faults, "pbkdf2-sha256", 100_000..=5_000_000).and_then(|n| u32::try_from(n).ok());
            let prefix = fields.choice(faults, "prefix", &prefix);
            let (has, said) = (fields.has("bcrypt"), fields.has("bcrypt") != fields.has("pbkdf2-sha256"));
            fields.finish(faults);
            if !said || !has && prefix.is_some() {
                faults
                    .error(node.span, "bad-value", "this is no way to hash a password")
                    .help("write e.g. `hash: argon2id`, or `hash: { bcrypt: 12, prefix: $2y$ }`");
                return None;
            }
            match (cost, rounds) {
                (Some(cost), _) => Some(Hash::Bcrypt { cost, prefix: prefix.unwrap_or(Prefix::B) }),
                (None, Some(rounds)) => Some(Hash::Pbkdf2 { rounds }),
                (None, None) => None,
            }
        }
    };
    if let Some(how) = how.filter(|how| !how.is_strong()) {
        faults
            .warning(node.span, "weak-hash", format!("`{how}` gives way to guessing once the table is stolen"))
            .help("if the app can read them, write `hash: argon2id` or `hash: bcrypt`");
    }
    how
}

/// SCIM's side of `values`.
fn typed(key: &str, leaf: &Attribute) -> Option<Json> {
    match leaf.kind {
        Type::Boolean => key.parse().ok().map(Json::Bool),
        Type::String | Type::Reference => Some(Json::String(key.to_owned())),
        Type::Integer | Type::Decimal => key.parse().ok().map(Json::Number),
        Type::DateTime | Type::Binary | Type::Complex => None,
    }
}

/// One value that a field or column can hold.
pub(super) fn scalar(node: &Node, what: &str, faults: &mut Faults) -> Option<Json> {
    if matches!(node.value, Value::List(_) | Value::Map(_)) {
        faults.error(node.span, "wrong-type", format!("{what} must be one value, but this is {}", node.value));
        return None;
    }
    Some(node.to_json())
}

pub(super) fn suits(span: Span, word: &str, kinds: &[Type], leaf: &Attribute, faults: &mut Faults) {
    if !kinds.contains(&leaf.kind) {
        faults
            .error(span, "wrong-kind", format!("`{}` is {}, and `{word}` does not read that", leaf.name, kind(leaf)))
            .help("leave it out, or write it in the line it belongs to");
    }
}

/// Whether a value written in the mapping is one that the attribute can have.
pub(super) fn constant_suits(value: &Json, leaf: &Attribute, span: Span, faults: &mut Faults) -> bool {
    let suits = match leaf.kind {
        Type::String | Type::Reference | Type::Binary => value.is_string(),
        Type::Boolean => value.is_boolean(),
        Type::Integer => value.is_i64() || value.is_u64(),
        Type::Decimal => value.is_number(),
        Type::DateTime => value.as_str().is_some_and(|s| s.parse::<jiff::Timestamp>().is_ok()),
        Type::Complex => false,
    };
    if !suits {
        let fault = faults.error(span, "wrong-kind", format!("`{}` is {}, and {value} is not", leaf.name, kind(leaf)));
        match leaf.kind {
            Type::String if value.is_number() || value.is_boolean() => fault.help("put quotes around it"),
            _ => fault.help(format!("write {}", kind(leaf))),
        };
    }
    suits
}

/// The type of an attribute, in words.
pub(super) fn kind(leaf: &Attribute) -> &'static str {
    match leaf.kind {
        Type::String => "a text",
        Type::Reference => "a URL",
        Type::Binary => "base64 text",
        Type::Boolean => "true or false",
        Type::Integer => "a whole number",
        Type::Decimal => "a number",
        Type::DateTime => "a time such as 2026-11-22T10:00:00Z",
        Type::Complex => "made of sub-attributes",
    }
}
