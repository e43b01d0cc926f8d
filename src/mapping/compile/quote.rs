//! Reading `quotes`, and the proof of each at load: what it quotes can be read back, and nothing else could be meant by it.

use crate::{
    diagnostic::{Faults, did_you_mean},
    mapping::quote::{BUILT_IN, Letters, Own, Quote},
    yaml::{Fields, Node, Value},
};

/// The quotes that texts may use, by name.
#[derive(Clone, Default)]
pub(super) struct Quotes(Vec<(String, Quote)>);

impl Quotes {
    /// Reads `quotes`.
    pub(super) fn read(fields: &mut Fields<'_>, faults: &mut Faults) -> Self {
        let mut read = Vec::new();
        for (key, node) in fields.entries(faults, "quotes") {
            if BUILT_IN.iter().any(|(name, _)| *name == key.name) || !plain(&key.name) {
                faults
                    .error(key.span, "bad-name", format!("`{}` is not a name for a quote of your own", key.name))
                    .help("letters, digits and `_`, and none of the names that are built in");
                continue;
            }
            read.extend(own(node, faults).map(|own| (key.name.clone(), Quote::Own(own))));
        }
        Self(read)
    }

    /// The quote of that name.
    pub(super) fn get(&self, name: &str) -> Option<Quote> {
        let own = self.0.iter().find(|(known, _)| known == name).map(|(_, quote)| quote.clone());
        own.or_else(|| BUILT_IN.into_iter().find(|(known, _)| *known == name).map(|(_, quote)| quote))
    }

    /// The quote that a node names.
    pub(super) fn named(&self, node: &Node, faults: &mut Faults) -> Option<Quote> {
        let name = node.text(faults, "a quote")?;
        let found = self.get(name);
        if found.is_none() {
            let names: Vec<&str> = self.names().collect();
            let help = match did_you_mean(name, names.iter().copied()) {
                Some(near) => format!("write `{near}`"),
                None => format!("declare it under `quotes`, or name one of {}", names.join(", ")),
            };
            faults.error(node.span, "unknown-name", format!("there is no quote `{name}`")).help(help);
        }
        found
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str()).chain(BUILT_IN.iter().map(|(name, _)| *name))
    }
}

fn plain(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn own(node: &Node, faults: &mut Faults) -> Option<Own> {
    let mut fields = node.map(faults, "a quote")?;
    let around = fields.take("around").and_then(|n| around(n, faults));
    let mut escape: Vec<(char, String)> = Vec::new();
    for (key, node) in fields.entries(faults, "escape") {
        let mut letters = key.name.chars();
        let (Some(plain), None) = (letters.next(), letters.next()) else {
            faults
                .error(key.span, "bad-quote", format!("`{}` is not one character", key.name))
                .help("name each character that is written otherwise, and what stands for it");
            continue;
        };
        escape.extend(node.text(faults, "an escape").map(|text| (plain, text.to_owned())));
    }
    let refuse = fields.take("refuse").map(|n| letters(n, faults)).unwrap_or_default();
    let allow = fields.take("allow").map(|n| letters(n, faults));
    fields.finish(faults);
    let own = Own { around, escape, refuse, allow };
    match unsound(&own) {
        None => Some(own),
        Some((message, help)) => {
            faults.error(node.span, "bad-quote", message).help(help);
            None
        }
    }
}

/// One text for both sides, or two.
fn around(node: &Node, faults: &mut Faults) -> Option<(String, String)> {
    match node.as_list() {
        Some([open, close]) => {
            Some((open.text(faults, "a mark")?.to_owned(), close.text(faults, "a mark")?.to_owned()))
        }
        _ => node.text(faults, "`around`").map(|mark| (mark.to_owned(), mark.to_owned())),
    }
}

/// `control`, `letters`, `digits`, and characters.
fn letters(node: &Node, faults: &mut Faults) -> Letters {
    let mut found = Letters::default();
    let one = std::slice::from_ref(node);
    for item in node.as_list().unwrap_or(one) {
        // `0` is a digit too
        let text = match &item.value {
            Value::Number(number) => number.to_string(),
            _ => item.text(faults, "a set of characters").unwrap_or_default().to_owned(),
        };
        match text.as_str() {
            "control" => found.control = true,
            "letters" => found.letters = true,
            "digits" => found.digits = true,
            these => found.these.push_str(these),
        }
    }
    found
}

/// Why a value could be more than itself, or be read as another.
fn unsound(own: &Own) -> Option<(String, &'static str)> {
    let kept_out = |c: char| own.refuse.hold(c) || own.allow.as_ref().is_some_and(|allow| !allow.hold(c));
    let handled = |c: char| kept_out(c) || own.escape.iter().any(|(plain, _)| *plain == c);
    match &own.around {
        None if own.refuse.is_empty() && own.allow.as_ref().is_none_or(Letters::is_empty) => {
            return Some((
                "nothing shows where a value ends".to_owned(),
                "say what stands around it, or which characters it may hold: `allow: [letters, digits]`",
            ));
        }
        Some((open, close)) if open.is_empty() || close.is_empty() => {
            return Some(("a mark is empty".to_owned(), "write what stands around a value: `around: \"'\"`"));
        }
        Some((_, close)) if !close.starts_with(handled) => {
            return Some((
                format!("a value that holds `{close}` would end there"),
                "say what stands for it in `escape`, or add it to `refuse`",
            ));
        }
        _ => {}
    }
    for (plain, escape) in &own.escape {
        let Some(first) = escape.chars().next() else {
            return Some((
                format!("nothing stands for `{plain}`"),
                "write what does, or add the character to `refuse`",
            ));
        };
        if !handled(first) {
            return Some((
                format!("a value that holds `{first}` would be read as an escape"),
                "say what stands for that character as well",
            ));
        }
        let mut others = own.escape.iter().filter(|(other, _)| other != plain);
        if others.any(|(_, other)| other.starts_with(escape.as_str())) {
            return Some((format!("`{escape}` begins another escape as well"), "let each escape begin in its own way"));
        }
    }
    let text = unreadable(own)?;
    Some((
        format!("`{text}` is read back as something else"),
        "see which escapes and marks can be taken for each other",
    ))
}

/// A text of up to three of the characters that mean something, which does not come back as it went.
fn unreadable(own: &Own) -> Option<String> {
    let mut special: Vec<char> = vec!['x'];
    special.extend(own.around.iter().flat_map(|(open, close)| open.chars().chain(close.chars())));
    special.extend(own.escape.iter().flat_map(|(plain, escape)| std::iter::once(*plain).chain(escape.chars())));
    special.sort_unstable();
    special.dedup();
    special.truncate(40);
    let mut texts = vec![String::new()];
    for _ in 0..3 {
        texts = texts.iter().flat_map(|text| special.iter().map(move |c| format!("{text}{c}"))).collect();
        let lost = |text: &&String| {
            let quoted = Quote::Own(own.clone()).write(&serde_json::Value::String((*text).clone()));
            quoted.is_ok_and(|quoted| own.read(&quoted).as_ref() != Some(text))
        };
        if let Some(text) = texts.iter().find(lost) {
            return Some(text.clone());
        }
    }
    None
}
