//! Terms: what to send. A tree of literals, paths and texts, evaluated leaf by leaf over the names in sight; a text is
//! never parsed again, so a value cannot become structure.

use std::{borrow::Cow, sync::Arc};

use serde_json::{Map, Value};

use super::{
    codec::Cut,
    pattern::Pattern,
    percent::percent,
    quote::Quote,
    selector::{Selector, Step},
    template::{Place, Template, Unfit},
};

/// The names that a call may use.
pub const NAMES: [&str; 13] = [
    "id", "record", "changed", "before", "whole", "value", "values", "size", "page", "offset", "next", "session",
    "tenant",
];

/// Names that may be missing: the leaf that uses one is then left out.
const OPTIONAL: [&str; 4] = ["offset", "page", "next", "filter"];

/// What to send.
#[derive(Debug, Clone)]
pub enum Term {
    /// Itself.
    Literal(Value),
    /// A value with its JSON type: `$.record.users` is the name `record` and the path `$.users` in it.
    Path {
        /// The name.
        name: String,
        /// Below it.
        rest: Selector,
    },
    /// A text with holes.
    Text(Arc<Template>),
    /// A part of a text: `{ at: $.record.mail, before: "@" }`.
    Cut {
        /// The text.
        at: Box<Term>,
        /// Which part.
        cut: Cut,
        /// What is sent where the text does not hold the mark; none: it is refused.
        other: Option<Box<Term>>,
    },
    /// An object.
    Object(Vec<Entry>),
    /// A list.
    List(Vec<Item>),
    /// One small tree for each item of a list, in which `value` is the item.
    Each {
        /// The list.
        list: Box<Term>,
        /// Which items are meant.
        only: Arc<Pattern>,
        /// The tree.
        each: Box<Term>,
    },
    /// So many letters and digits that nobody can guess.
    Random(usize),
    /// What is in it as text of the app's own language: `{ quote: rison, of: { page: $.page } }`.
    Quoted {
        /// How.
        quote: Quote,
        /// What.
        of: Box<Term>,
        /// Whether each of its texts goes through the quote alone, as a frame asks; else all becomes one text.
        each: bool,
    },
}

/// One entry of an object.
#[derive(Debug, Clone)]
pub enum Entry {
    /// A key, literally, and its value.
    Key(String, Term),
    /// `...`: the fields of another object.
    Spread(Term),
}

/// One place of a list.
#[derive(Debug, Clone)]
pub enum Item {
    /// An item.
    One(Term),
    /// `...`: the items of another list follow.
    Spread(Term),
}

/// The names in sight and their values.
#[derive(Debug, Default, Clone)]
pub struct Scope<'a> {
    names: Vec<(Cow<'a, str>, Cow<'a, Value>)>,
    random: Option<Random>,
}

/// So many letters and digits by chance; none where the system has no chance to give.
pub type Random = fn(usize) -> Option<String>;

/// The same letter so many times: what stands for a random text where plans are shown and conversations are played.
#[must_use]
pub fn not_random(letters: usize) -> Option<String> {
    Some("x".repeat(letters))
}

impl<'a> Scope<'a> {
    /// With one more name.
    #[must_use]
    pub fn with(mut self, name: impl Into<Cow<'a, str>>, value: Value) -> Self {
        self.names.push((name.into(), Cow::Owned(value)));
        self
    }

    /// With one more name, whose value is not copied.
    #[must_use]
    pub fn lend(mut self, name: &'a str, value: &'a Value) -> Self {
        self.names.push((name.into(), Cow::Borrowed(value)));
        self
    }

    /// With a source of random texts.
    #[must_use]
    pub fn with_random(mut self, random: Random) -> Self {
        self.random = Some(random);
        self
    }

    /// The same, holding its values itself.
    #[must_use]
    pub fn into_owned(self) -> Scope<'static> {
        let own = |(name, value): (Cow<'a, str>, Cow<'a, Value>)| {
            (Cow::Owned(name.into_owned()), Cow::Owned(value.into_owned()))
        };
        Scope { names: self.names.into_iter().map(own).collect(), random: self.random }
    }

    /// The value of a name; the last one given wins.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.names.iter().rev().find(|(n, _)| n == name).map(|(_, v)| v.as_ref())
    }

    /// All of it as one value, a field for each name.
    #[must_use]
    pub fn to_value(&self) -> Value {
        self.names.iter().map(|(name, value)| (name.clone().into_owned(), value.clone().into_owned())).collect()
    }

    /// The value at a path of names.
    #[must_use]
    pub fn at(&self, path: &[String]) -> Option<&Value> {
        let (name, rest) = path.split_first()?;
        rest.iter().try_fold(self.get(name)?, |v, key| v.get(key))
    }
}

impl Term {
    /// Compiles a string leaf: a path, a text with holes, or a literal (`$$` for a dollar in front).
    ///
    /// # Errors
    /// A sentence: what is wrong with it.
    pub fn leaf(text: &str, quote: &dyn Fn(&str) -> Option<Quote>) -> Result<Self, String> {
        if let Some(rest) = text.strip_prefix("$$") {
            return Ok(Self::Literal(Value::String(format!("${rest}"))));
        }
        if text.starts_with('$') {
            let selector = Selector::compile(text)?;
            let Some([Step::Key(name), ..]) = selector.steps() else {
                return Err(format!("`{text}` must begin with one of the names {}", NAMES.join(", ")));
            };
            let name = name.clone();
            let rest = Selector::compile(&text.replacen(&format!("$.{name}"), "$", 1))?;
            return Ok(Self::Path { name, rest });
        }
        if Template::has_holes(text) {
            return Ok(Self::Text(Arc::new(Template::quoted(text, quote)?)));
        }
        Ok(Self::Literal(Value::String(text.to_owned())))
    }

    /// The names that it uses, each with the field below it, where it is not the whole: `record` and `login`.
    pub fn uses(&self, found: &mut Vec<(String, Option<String>)>) {
        match self {
            Self::Literal(_) => {}
            Self::Path { name, rest } => found.push((name.clone(), rest.field().map(str::to_owned))),
            Self::Text(text) => text.uses(found),
            Self::Cut { at, other, .. } => [Some(at), other.as_ref()].into_iter().flatten().for_each(|t| t.uses(found)),
            Self::Object(entries) => entries.iter().for_each(|entry| match entry {
                Entry::Key(_, term) | Entry::Spread(term) => term.uses(found),
            }),
            Self::List(items) => items.iter().for_each(|item| match item {
                Item::One(term) | Item::Spread(term) => term.uses(found),
            }),
            Self::Each { list, each, .. } => {
                list.uses(found);
                let mut inner = Vec::new();
                each.uses(&mut inner);
                found.extend(inner.into_iter().filter(|(name, _)| name != "value"));
            }
            Self::Random(_) => {}
            Self::Quoted { of, .. } => of.uses(found),
        }
    }

    /// Evaluates to a JSON value; nothing where its only missing names may be missing.
    ///
    /// # Errors
    /// A name without value, or a value that cannot stand here.
    pub fn evaluate(&self, place: Place, scope: &Scope<'_>) -> Result<Option<Value>, Unfit> {
        match self {
            Self::Literal(value) => Ok(Some(value.clone())),
            Self::Path { name, rest } => match scope.get(name).and_then(|v| rest.one(v)) {
                Some(value) => Ok(Some(value.clone())),
                None => missing(name, rest.text()),
            },
            Self::Text(text) => match text.render(place, |path| scope.at(path)) {
                Ok(made) => Ok(Some(Value::String(made))),
                Err(Unfit::Missing(name)) => missing(&name, "$"),
                Err(unfit) => Err(unfit),
            },
            Self::Object(entries) => {
                let mut object = Map::new();
                for entry in entries {
                    match entry {
                        Entry::Key(key, term) => {
                            if let Some(value) = term.evaluate(place, scope)? {
                                object.insert(key.clone(), value);
                            }
                        }
                        // what is written later wins
                        Entry::Spread(term) => match term.evaluate(place, scope)? {
                            Some(Value::Object(fields)) => object.extend(fields),
                            Some(_) => return Err(unfit(term, "it is not an object whose fields could follow")),
                            None => {}
                        },
                    }
                }
                Ok(Some(Value::Object(object)))
            }
            Self::Cut { at, cut, other } => match at.evaluate(place, scope)? {
                Some(Value::String(text)) => match (cut.of(&text), other) {
                    (Some(part), _) => Ok(Some(Value::String(part.to_owned()))),
                    (None, Some(other)) => other.evaluate(place, scope),
                    (None, None) => Err(unfit(at, "the text does not hold the mark that it is cut at")),
                },
                Some(_) => Err(unfit(at, "it is not a text that could be cut")),
                None => Ok(None),
            },
            Self::Each { list, only, each } => match list.evaluate(place, scope)? {
                Some(Value::Array(items)) => {
                    let one = |item| each.evaluate(place, &scope.clone().with("value", item));
                    let made: Result<Vec<_>, _> =
                        items.into_iter().filter(|item| only.holds(item, None)).map(one).collect();
                    Ok(Some(Value::Array(made?.into_iter().flatten().collect())))
                }
                Some(_) => Err(unfit(list, "it is not a list")),
                None => Ok(None),
            },
            Self::Random(letters) => match scope.random.and_then(|random| random(*letters)) {
                Some(text) => Ok(Some(Value::String(text))),
                None => Err(Unfit::Missing("random".to_owned())),
            },
            Self::Quoted { quote, of, each } => match of.evaluate(place, scope)? {
                Some(value) if *each => quote.write_all(value).map(Some).map_err(|why| unfit(of, why)),
                Some(value) => Ok(Some(Value::String(quote.write(&value).map_err(|why| unfit(of, why))?))),
                None => Ok(None),
            },
            Self::List(items) => {
                let mut list = Vec::new();
                for item in items {
                    match item {
                        Item::One(term) => list.extend(term.evaluate(place, scope)?),
                        Item::Spread(term) => match term.evaluate(place, scope)? {
                            Some(Value::Array(items)) => list.extend(items),
                            // an object of another's fields is an item, as it is anywhere else
                            Some(value @ Value::Object(_)) => list.push(value),
                            Some(_) => return Err(unfit(term, "it is not a list whose items could follow")),
                            None => {}
                        },
                    }
                }
                Ok(Some(Value::Array(list)))
            }
        }
    }

    /// Evaluates to the text of a query value or header; a hole's value is encoded for the place, and so is a whole value.
    ///
    /// # Errors
    /// As [`Term::evaluate`], and for lists and objects.
    pub fn text(&self, place: Place, scope: &Scope<'_>) -> Result<Option<String>, Unfit> {
        let whole = |value: &Value| -> Result<Option<String>, Unfit> {
            let text = match value {
                Value::String(s) => s.clone(),
                Value::Number(n) => n.to_string(),
                Value::Bool(b) => b.to_string(),
                // a filter that is a tree has JSON for its text, unless the mapping says otherwise
                tree if matches!(self, Self::Path { name, .. } if name == "filter") => tree.to_string(),
                _ => return Err(Unfit::Value { name: self.describe(), why: "it is not one text, number or boolean" }),
            };
            if text.contains(char::is_control) {
                return Err(Unfit::Value { name: self.describe(), why: "it holds control characters" });
            }
            if let (Place::Header, Some(why)) = (place, super::template::header(&text)) {
                return Err(unfit(self, why));
            }
            Ok(Some(if place == Place::Query { percent(&text) } else { text }))
        };
        match self {
            Self::Text(_) => Ok(self.evaluate(place, scope)?.and_then(|v| v.as_str().map(str::to_owned))),
            // a tree in a query is JSON there
            Self::Object(_) | Self::List(_) | Self::Each { .. } if place == Place::Query => {
                Ok(self.evaluate(Place::Text, scope)?.map(|tree| percent(&tree.to_string())))
            }
            _ => self.evaluate(place, scope)?.as_ref().map_or(Ok(None), whole),
        }
    }

    fn describe(&self) -> String {
        match self {
            Self::Path { name, rest } => format!("{name}{}", rest.text().trim_start_matches('$')),
            Self::Text(text) => text.text().to_owned(),
            Self::Literal(value) => value.to_string(),
            Self::Cut { at, .. } => at.describe(),
            Self::Quoted { of, .. } => of.describe(),
            Self::Object(_) => "an object".to_owned(),
            Self::List(_) | Self::Each { .. } => "a list".to_owned(),
            Self::Random(_) => "a random text".to_owned(),
        }
    }
}

fn unfit(term: &Term, why: &'static str) -> Unfit {
    Unfit::Value { name: term.describe(), why }
}

fn missing(name: &str, rest: &str) -> Result<Option<Value>, Unfit> {
    if OPTIONAL.contains(&name) {
        Ok(None)
    } else {
        Err(Unfit::Missing(format!("{name}{}", rest.trim_start_matches('$'))))
    }
}
