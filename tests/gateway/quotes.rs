//! No value leaves its quotes: what is sent in company is read by parsers of the test's own, written from the languages'
//! grammars, and must be one literal that means the very value, or was refused.

use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::places::{Read, sent};

/// What the app reads: `a `, a literal, ` z`; the literal by the grammar of its language.
fn literal(asked: &super::odd_app::Asked, grammar: fn(&str) -> Option<String>) -> Option<Value> {
    let body = asked.json();
    grammar(body["q"].as_str()?.strip_prefix("a ")?.strip_suffix(" z")?).map(Value::from)
}

/// `'…'`, in which a quote is two.
fn doubled(text: &str) -> Option<String> {
    let mut letters = text.strip_prefix('\'')?.chars().peekable();
    let mut made = String::new();
    while let Some(c) = letters.next() {
        match c {
            '\'' if letters.next_if_eq(&'\'').is_some() => made.push('\''),
            '\'' => return letters.next().is_none().then_some(made),
            c => made.push(c),
        }
    }
    None
}

/// Between marks; behind `escape` stands a letter as it is.
fn escaped(text: &str, mark: char, escape: char) -> Option<String> {
    let mut letters = text.strip_prefix(mark)?.chars();
    let mut made = String::new();
    while let Some(c) = letters.next() {
        match c {
            c if c == escape => made.push(letters.next().filter(|c| *c == mark || *c == escape)?),
            c if c == mark => return letters.next().is_none().then_some(made),
            c => made.push(c),
        }
    }
    None
}

/// RFC 4515: `*`, parentheses, backslash and zero stand as `\xx` alone.
fn ldap(text: &str) -> Option<String> {
    let mut parts = text.split('\\');
    let mut made = parts.next()?.to_owned();
    for part in parts {
        let code = part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok())?;
        made.push(char::from(code));
        made.push_str(&part[2..]);
    }
    (!text.contains(['*', '(', ')', '\0'])).then_some(made)
}

const QUOTES: [(&str, &str, Read, usize); 9] = [
    ("odata", "{{odata record.login}}", |asked| literal(asked, doubled), 150),
    ("scim", "{{scim record.login}}", |asked| literal(asked, |t| serde_json::from_str(t).ok()), 150),
    ("rison", "{{rison record.login}}", |asked| literal(asked, |t| escaped(t, '\'', '!')), 150),
    ("ldap", "{{ldap record.login}}", |asked| literal(asked, ldap), 150),
    (
        "fiql",
        "{{fiql record.login}}",
        |asked| {
            let plain = |text: &str| {
                let safe = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~%".contains(&b));
                let decoded = percent_decode_str(text).decode_utf8().ok()?.into_owned();
                safe.then_some(decoded)
            };
            literal(asked, plain)
        },
        150,
    ),
    ("own with escapes", "{{ident record.login}}", |asked| literal(asked, |t| escaped(t, '"', '\\')), 80),
    ("own, doubled", "{{sql record.login}}", |asked| literal(asked, doubled), 150),
    (
        "own without marks",
        "{{bar record.login}}",
        |asked| literal(asked, |t| (!t.contains(['|', '\n'])).then(|| t.to_owned())),
        80,
    ),
    (
        "word",
        "{{word record.login}}",
        |asked| {
            literal(asked, |t| {
                t.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-').then(|| t.to_owned())
            })
        },
        0,
    ),
];

#[test]
fn no_value_leaves_its_quotes() {
    for (name, hole, read, least) in QUOTES {
        let reached = sent(name, &format!("call: POST /users, json: {{ q: 'a {hole} z' }}"), read);
        assert!(reached >= least, "{name}: only {reached} values got through");
    }
}
