//! Texts with holes: `{{first}} {{last}}`. Handlebars parses them; of its language only the plain expression is allowed, so
//! a text cannot branch, loop or call, and nothing of it is left to run: rendering puts values between texts.
//!
//! A hole's value passes through the hole's quote, if it has one, and then through the encoder of the place where the text
//! stands, and that is the only way in (law 8).

use handlebars::{
    Path, PathSeg, Template as Parsed,
    template::{Parameter, TemplateElement},
};
use serde_json::Value;

use super::{percent::percent, quote::Quote};

/// Where a text stands; decides its encoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A segment of a path.
    Segment,
    /// A value of a query parameter or of a form.
    Query,
    /// A header's value.
    Header,
    /// A text inside JSON, or shown to people: nothing is encoded, as nothing is parsed.
    Text,
}

/// A compiled text.
#[derive(Debug, Clone)]
pub struct Template {
    source: String,
    parsed: Parsed,
    holes: Vec<Vec<String>>,
    quotes: Vec<Option<Quote>>,
}

/// Why a text could not be made: nothing is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unfit {
    /// A name has no value.
    Missing(String),
    /// A value cannot stand in this place.
    Value {
        /// The name.
        name: String,
        /// Why.
        why: &'static str,
    },
}

impl Template {
    /// Whether a text has holes at all.
    #[must_use]
    pub fn has_holes(text: &str) -> bool {
        text.contains("{{")
    }

    /// Compiles a text with holes.
    ///
    /// # Errors
    /// A sentence: what is not allowed in it.
    pub fn compile(text: &str) -> Result<Self, String> {
        Self::quoted(text, &|_| None)
    }

    /// Compiles a text with holes, each of which may name a quote: `{{odata value}}`.
    ///
    /// # Errors
    /// As [`Template::compile`], and a hole beside what would be read together with its value.
    pub fn quoted(text: &str, quote: &dyn Fn(&str) -> Option<Quote>) -> Result<Self, String> {
        let parsed = Parsed::compile(text)
            .map_err(|_| format!("`{text}` has a hole that is not closed, or that holds more than a name"))?;
        let (mut holes, mut quotes) = (Vec::new(), Vec::new());
        for element in &parsed.elements {
            match element {
                TemplateElement::RawString(_) => {}
                TemplateElement::Expression(inner) => {
                    let (name, by) = match inner.params.as_slice() {
                        [] if inner.hash.is_empty() => (&inner.name, None),
                        [of] if inner.hash.is_empty() => (of, Some(&inner.name)),
                        _ => return Err(format!("`{text}`: a hole holds one name, and perhaps a quote in front")),
                    };
                    let by = match by.map(|by| plain_name(by).unwrap_or_default().join(".")) {
                        None => None,
                        Some(by) => Some(quote(&by).ok_or_else(|| format!("`{text}`: there is no quote `{by}` here"))?),
                    };
                    let Some(name) = plain_name(name) else {
                        return Err(format!(
                            "`{text}`: only a plain name such as `{{{{record.name}}}}` may stand in a hole"
                        ));
                    };
                    holes.push(name);
                    quotes.push(by);
                }
                _ => {
                    return Err(format!(
                        "`{text}`: only `{{{{name}}}}` may stand in a text, no blocks, comments or raw values"
                    ));
                }
            }
        }
        let made = Self { source: text.to_owned(), parsed, holes, quotes };
        made.check_marks()?;
        Ok(made)
    }

    /// A value is not read together with what stands beside it.
    fn check_marks(&self) -> Result<(), String> {
        let mut quotes = self.quotes.iter();
        let marks: Vec<Option<Vec<char>>> = self
            .parsed
            .elements
            .iter()
            .map(|element| match element {
                TemplateElement::RawString(_) => None,
                _ => Some(quotes.next().and_then(Option::as_ref).map(Quote::marks).unwrap_or_default()),
            })
            .collect();
        let shared = |hole: &[char], beside: &TemplateElement, first: bool| match beside {
            TemplateElement::RawString(raw) => {
                let next = if first { raw.chars().next() } else { raw.chars().next_back() };
                next.is_some_and(|c| hole.contains(&c))
            }
            _ => !hole.is_empty(),
        };
        for (at, hole) in marks.iter().enumerate() {
            let Some(hole) = hole else { continue };
            let elements = &self.parsed.elements;
            let before = at.checked_sub(1).and_then(|at| elements.get(at));
            let after = elements.get(at + 1);
            if before.is_some_and(|raw| shared(hole, raw, false)) || after.is_some_and(|raw| shared(hole, raw, true)) {
                return Err(format!(
                    "`{}`: what stands beside a hole would be read together with its value",
                    self.source
                ));
            }
        }
        for (word, quote) in [("text", Quote::Text), ("commas", Quote::Commas)] {
            if !self.is_alone() && self.quotes.contains(&Some(quote)) {
                return Err(format!(
                    "`{}`: `{word}` leaves what a value holds as it is, so it stands alone",
                    self.source
                ));
            }
        }
        Ok(())
    }

    /// Whether it is one hole and nothing else.
    #[must_use]
    pub fn is_alone(&self) -> bool {
        self.parsed.elements.len() == 1 && self.holes.len() == 1
    }

    /// The holes without a quote.
    pub fn bare(&self) -> impl Iterator<Item = &[String]> {
        self.holes.iter().zip(&self.quotes).filter(|(_, quote)| quote.is_none()).map(|(hole, _)| hole.as_slice())
    }

    /// With this quote in the holes that have none, but for those that need none.
    #[must_use]
    pub fn with_quote(mut self, quote: &Quote, needs_none: impl Fn(&[String]) -> bool) -> Self {
        for (own, hole) in self.quotes.iter_mut().zip(&self.holes) {
            if own.is_none() && !needs_none(hole) {
                *own = Some(quote.clone());
            }
        }
        self
    }

    /// The text as written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.source
    }

    /// The names in the holes, each as its path: `record`, `name`.
    #[must_use]
    pub fn holes(&self) -> &[Vec<String>] {
        &self.holes
    }

    /// As [`super::term::Term::uses`].
    pub fn uses(&self, found: &mut Vec<(String, Option<String>)>) {
        found.extend(self.holes.iter().filter_map(|h| Some((h.first()?.clone(), h.get(1).cloned()))));
    }

    /// Makes a text for people: a name without value leaves its place empty, and blanks around it go. Nothing where no
    /// name has a value.
    #[must_use]
    pub fn display<'a>(&self, look_up: impl Fn(&[String]) -> Option<&'a Value>) -> Option<String> {
        let mut given = false;
        let made = self.fill(|_, hole| {
            let text = match look_up(hole) {
                Some(Value::String(s)) => s.clone(),
                Some(Value::Number(n)) => n.to_string(),
                _ => String::new(),
            };
            given |= !text.is_empty();
            Ok(text)
        });
        let made = made.ok().filter(|_| given)?;
        Some(made.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    /// Makes the text. `look_up` finds a name's value.
    ///
    /// # Errors
    /// A name without value, or a value that cannot stand here.
    pub fn render<'a>(&self, place: Place, look_up: impl Fn(&[String]) -> Option<&'a Value>) -> Result<String, Unfit> {
        let made = self.fill(|at, hole| {
            let quote = self.quotes.get(at).and_then(Option::as_ref);
            let name = || hole.join(".");
            let unfit_for = |why| Unfit::Value { name: name(), why };
            let text = match (look_up(hole), quote) {
                (None | Some(Value::Null), _) => return Err(Unfit::Missing(name())),
                (Some(Value::String(s)), _) if s.is_empty() => return Err(Unfit::Missing(name())),
                (Some(value), Some(quote)) => quote.write(value).map_err(unfit_for)?,
                (Some(Value::String(s)), None) => s.clone(),
                (Some(Value::Number(n)), None) => n.to_string(),
                (Some(Value::Bool(b)), None) => b.to_string(),
                (Some(_), None) => return Err(unfit_for("it is a list or an object, not one value")),
            };
            if let Some(why) = unfit(place, &text) {
                return Err(unfit_for(why));
            }
            Ok(if place == Place::Segment { percent(&text) } else { text })
        })?;
        // What stands around the holes is as little a mark of the query's own as what stands in them.
        Ok(if place == Place::Query { percent(&made) } else { made })
    }

    fn fill(&self, mut value: impl FnMut(usize, &[String]) -> Result<String, Unfit>) -> Result<String, Unfit> {
        let mut holes = self.holes.iter().enumerate();
        let mut made = String::new();
        for element in &self.parsed.elements {
            match element {
                TemplateElement::RawString(text) => made.push_str(text),
                _ => made.push_str(&holes.next().map_or(Ok(String::new()), |(at, hole)| value(at, hole))?),
            }
        }
        Ok(made)
    }
}

fn unfit(place: Place, text: &str) -> Option<&'static str> {
    match place {
        Place::Segment if text == "." || text == ".." => Some("`.` and `..` cannot stand in a path"),
        Place::Segment if text.contains(['/', '\\']) => Some("`/` and `\\` cannot stand in a segment of a path"),
        Place::Segment | Place::Query | Place::Header if text.contains(char::is_control) => {
            Some("it holds control characters")
        }
        Place::Header => header(text),
        _ => None,
    }
}

/// Why a text cannot be a header's value, or a part of one: apps differ in how they read what is not ASCII.
pub(super) fn header(text: &str) -> Option<&'static str> {
    (!text.is_ascii()).then_some("a header holds ASCII only")
}

fn plain_name(parameter: &Parameter) -> Option<Vec<String>> {
    let parts: Vec<String> = match parameter {
        Parameter::Name(name) => vec![name.clone()],
        Parameter::Path(Path::Relative((steps, _))) => {
            let named = |step: &PathSeg| match step {
                PathSeg::Named(name) => Some(name.clone()),
                _ => None,
            };
            steps.iter().map(named).collect::<Option<_>>()?
        }
        _ => return None,
    };
    let plain =
        |part: &String| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    (!parts.is_empty() && parts.iter().all(plain)).then_some(parts)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use serde_json::json;

    use super::*;

    fn render(text: &str, place: Place, value: &Value) -> Result<String, Unfit> {
        Template::compile(text).unwrap().render(place, |path| path.iter().try_fold(value, |v, k| v.get(k)))
    }

    #[test]
    fn values_pass_through_the_encoder_of_their_place() {
        let names = json!({"id": "a b%/é", "record": {"name": "O'Neil & {{x}} \"Co\"", "n": 7}});
        assert_eq!(render("{{record.name}}-{{record.n}}", Place::Text, &names).unwrap(), "O'Neil & {{x}} \"Co\"-7");
        assert_eq!(
            render("{{record.name}}", Place::Query, &names).unwrap(),
            "O%27Neil%20%26%20%7B%7Bx%7D%7D%20%22Co%22"
        );
        assert!(matches!(render("{{id}}", Place::Segment, &names), Err(Unfit::Value { .. })));
    }

    #[test]
    fn nothing_is_sent_for_a_name_without_value() {
        for value in [json!({}), json!({"id": null}), json!({"id": ""}), json!({"id": []})] {
            assert!(render("{{id}}", Place::Segment, &value).is_err(), "{value}");
        }
        assert!(render("{{id}}", Place::Segment, &json!({"id": ".."})).is_err());
    }

    #[test]
    fn only_plain_names_may_stand_in_holes() {
        for text in [
            "{{#if a}}x{{/if}}",
            "{{{raw}}}",
            "{{> part}}",
            "{{lookup a b}}",
            "{{../a}}",
            "{{a",
            "{{@root}}",
            "{{! c }}",
        ] {
            assert!(Template::compile(text).is_err(), "{text}");
        }
    }
}
