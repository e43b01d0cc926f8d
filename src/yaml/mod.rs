//! YAML 1.2 as this project reads it: a tree in which every value knows where it was written.
//!
//! Stricter than YAML where YAML surprises: no tags, no merge keys, no repeated keys, one document; only `true`, `false`,
//! `null` and numbers that print back as they stand are anything but text (`007`, `no` and `1_000` are text). The rest
//! of the project reads the tree through [`Fields`] and the typed readers of [`Node`], which collect faults.

mod parse;
mod read;

use std::fmt;

use serde_json::Number;

use crate::diagnostic::Span;

pub use parse::parse;
pub use read::Fields;

/// A value and the place it was written at.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Where. Inside an expanded alias this is the place of the anchor.
    pub span: Span,
    /// What.
    pub value: Value,
}

/// What a node holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing, `~` or `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A JSON number, digit for digit as written.
    Number(Number),
    /// Everything else that is plain, and all that is quoted.
    Text(String),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in the order written, without repeats.
    Map(Vec<(Key, Node)>),
}

/// The name of a field and the place it was written at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The text; plain `true` or `1` as a key is the text `true` or `1`.
    pub name: String,
    /// Where.
    pub span: Span,
}

impl Value {
    /// What an unquoted scalar means.
    fn plain(text: &str) -> Value {
        match text {
            "" | "~" | "null" | "Null" | "NULL" => Value::Null,
            "true" | "True" | "TRUE" => Value::Bool(true),
            "false" | "False" | "FALSE" => Value::Bool(false),
            _ => match text.parse::<Number>() {
                Ok(number) if number.to_string() == text => Value::Number(number),
                _ => Value::Text(text.to_owned()),
            },
        }
    }
}

impl fmt::Display for Value {
    /// The kind of value, for "found …" in messages.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Value::Null => "nothing",
            Value::Bool(_) => "true or false",
            Value::Number(_) => "a number",
            Value::Text(_) => "a text",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        })
    }
}

impl Node {
    /// The same tree as JSON.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(value) => (*value).into(),
            Value::Number(number) => serde_json::Value::Number(number.clone()),
            Value::Text(text) => text.as_str().into(),
            Value::List(items) => items.iter().map(Node::to_json).collect(),
            Value::Map(entries) => entries.iter().map(|(key, node)| (key.name.clone(), node.to_json())).collect(),
        }
    }

    /// The text, if it is one; for places that take several kinds of value.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The items, if it is a list; for places that take several kinds of value.
    #[must_use]
    pub fn as_list(&self) -> Option<&[Node]> {
        match &self.value {
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    /// The entries, if it is a map; for places that take several kinds of value.
    #[must_use]
    pub fn as_map(&self) -> Option<&[(Key, Node)]> {
        match &self.value {
            Value::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The field `name`, if it is a map that has it; a look without asking, for telling forms apart.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Node> {
        self.as_map()?.iter().find(|(key, _)| key.name == name).map(|(_, node)| node)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use std::time::Duration;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::diagnostic::{Faults, Source};

    fn read(text: &str) -> (Option<Node>, Faults) {
        let mut faults = Faults::new(Source::new("t.yaml", text));
        (parse(&mut faults), faults)
    }

    /// `code line:column` of each fault, by place.
    fn found(faults: Faults) -> Vec<String> {
        let json = faults.into_diagnostics().to_json();
        let one = |d: &serde_json::Value| format!("{} {}:{}", d["code"].as_str().unwrap(), d["line"], d["column"]);
        json.as_array().unwrap().iter().map(one).collect()
    }

    #[test]
    fn only_what_prints_back_is_a_number() {
        let (node, faults) = read(
            "[7, -1.50, 12345678901234567890123, 007, 0x1F, 1_000, +5, .5, 1., .inf, no, on, True, ~, \"7\", 'true', null]",
        );
        assert!(!faults.has_errors());
        let expected = json!([
            7,
            "-1.50",
            "12345678901234567890123",
            "007",
            "0x1F",
            "1_000",
            "+5",
            ".5",
            "1.",
            ".inf",
            "no",
            "on",
            true,
            null,
            "7",
            "true",
            null
        ]);
        let mut json = node.unwrap().to_json();
        for digits in [1, 2] {
            assert!(json[digits].is_number());
            json[digits] = json[digits].to_string().into();
        }
        assert_eq!(json, expected);
    }

    #[test]
    fn spans_are_bytes_of_the_text() {
        let text = "\u{feff}é: [ö, \"b\", 'c d']\nf: |\n  block\n  text\ng: { true: x, 1: {} }\nh:\n";
        let (node, faults) = read(text);
        let node = node.unwrap();
        let at = |span: Span| faults.source().text()[span.start..span.end].trim_end();
        let Value::Map(entries) = &node.value else { panic!("{node:?}") };
        assert_eq!(at(entries[0].0.span), "é");
        let Value::List(items) = &entries[0].1.value else { panic!("{entries:?}") };
        assert_eq!(items.iter().map(|item| at(item.span)).collect::<Vec<_>>(), ["ö", "\"b\"", "'c d'"]);
        assert_eq!(at(entries[0].1.span), "[ö, \"b\", 'c d']");
        assert_eq!(at(entries[2].1.span), "{ true: x, 1: {} }");
        assert_eq!(
            node.to_json(),
            json!({"é": ["ö", "b", "c d"], "f": "block\ntext\n", "g": {"true": "x", "1": {}}, "h": null})
        );
    }

    #[test]
    fn what_yaml_allows_and_we_do_not() {
        for (text, expected) in [
            ("a: 1\nb: 2\na: 3", "duplicate-key 3:1"),
            ("{ true: 1, \"true\": 2 }", "duplicate-key 1:12"),
            ("a: &x { b: 1 }\nc:\n  <<: *x", "yaml-merge 3:3"),
            ("a: !!str 1", "yaml-tag 1:4"),
            ("a: !secret x", "yaml-tag 1:4"),
            ("[a, b]: 1", "yaml-key 1:1"),
            ("a: 1\n---\nb: 2", "yaml-documents 2:1"),
            ("a: [1, 2", "yaml-syntax 1:9"),
            ("a: b: c", "yaml-syntax 1:5"),
            ("a: &x [*x]", "yaml-alias 1:8"),
        ] {
            assert_eq!(found(read(text).1), [expected], "{text}");
        }
    }

    #[test]
    fn aliases_expand_within_limits() {
        let (node, faults) = read("a: &x [1, &y 2]\nb: *x\nc: *y");
        assert!(!faults.has_errors());
        assert_eq!(node.unwrap().to_json(), json!({"a": [1, 2], "b": [1, 2], "c": 2}));

        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..10 {
            let below = format!("*a{}", level - 1);
            bomb += &format!("a{level}: &a{level} [{}]\n", [below.as_str(); 10].join(", "));
        }
        assert_eq!(found(read(&bomb).1), ["yaml-limit 5:45"]);
        assert_eq!(found(read(&"[".repeat(100)).1), ["yaml-limit 1:66"]);
        let ladder: String = (1..40).map(|n| format!("a{n}: &a{n} [[*a{}]]\n", n - 1)).collect();
        assert_eq!(found(read(&format!("a0: &a0 1\n{ladder}")).1), ["yaml-limit 33:13"]);
    }

    #[test]
    fn readers_collect_what_does_not_fit() {
        let (node, mut faults) =
            read("name: 5\nsize: 2 KiB\ntime: 5 sec\nlevle: info\nlist: x\nmost: 11\nbig: 99 GiB\nlevel: infoo");
        let node = node.unwrap();
        let mut fields = node.map(&mut faults, "a thing").unwrap();
        assert_eq!(fields.text(&mut faults, "name"), None);
        assert_eq!(fields.size(&mut faults, "size", 1..=4096), Some(2048));
        assert_eq!(fields.duration(&mut faults, "time", Duration::ZERO..=Duration::from_secs(9)), None);
        assert!(fields.list(&mut faults, "list").is_empty());
        assert_eq!(fields.integer(&mut faults, "most", 1..=10), None);
        assert_eq!(fields.size(&mut faults, "big", 1..=1 << 20), None);
        assert_eq!(fields.choice(&mut faults, "level", &[("info", 1), ("warn", 2)]), None);
        assert!(fields.required(&mut faults, "levels").is_none());
        fields.finish(&mut faults);
        faults.not_supported(node.span, "sessions");
        let expected = [
            "missing-key 1:1",
            "not-supported 1:1",
            "wrong-type 1:7",
            "bad-value 3:7",
            "unknown-key 4:1",
            "wrong-type 5:7",
            "bad-value 6:7",
            "bad-value 7:6",
            "bad-value 8:8",
        ];
        assert_eq!(found(faults), expected);
    }

    #[test]
    fn amounts_have_units_and_bounds() {
        let time = |text: &str| {
            let (node, mut faults) = read(text);
            node.unwrap().duration(&mut faults, "`t`", Duration::from_millis(1)..=Duration::from_secs(7200))
        };
        assert_eq!(time("250 ms"), Some(Duration::from_millis(250)));
        assert_eq!(time("15min"), Some(Duration::from_secs(900)));
        assert_eq!(time("2 h"), Some(Duration::from_secs(7200)));
        for bad in ["3 h", "0 s", "5", "s", "-1 s", "1.5 s", "99999999999999999999 h", "9999999999999999999 h", "5 S"] {
            assert_eq!(time(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[-a:?,\\[\\]{}&*!|>'\"%@`# \\t\\n\\r<é~0.]{0,40}") {
            let (node, faults) = read(&text);
            prop_assert!(node.is_some() || faults.has_errors());
            let _ = faults.into_diagnostics().render(false);
        }
    }
}
