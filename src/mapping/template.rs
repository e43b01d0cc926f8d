//! Texts with holes: `{{first}} {{last}}`. Handlebars parses them; of its language only the plain expression is allowed, so
//! a text cannot branch, loop or call, and nothing of it is left to run: rendering puts values between texts.
//!
//! A hole's value passes through the encoder of the place where the text stands, and that is the only way in (law 8).

use handlebars::{
    Path, PathSeg, Template as Parsed,
    template::{Parameter, TemplateElement},
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

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

/// RFC 3986 unreserved characters stay; everything else is encoded.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A value as it stands in a segment or a query.
#[must_use]
pub fn percent(value: &str) -> String {
    utf8_percent_encode(value, RESERVED).to_string()
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
        let parsed = Parsed::compile(text)
            .map_err(|_| format!("`{text}` has a hole that is not closed, or that holds more than a name"))?;
        let mut holes = Vec::new();
        for element in &parsed.elements {
            match element {
                TemplateElement::RawString(_) => {}
                TemplateElement::Expression(inner) => {
                    if !inner.params.is_empty() || !inner.hash.is_empty() {
                        return Err(format!(
                            "`{text}`: quotes inside `{{{{ }}}}` are not supported yet; write one name"
                        ));
                    }
                    let Some(name) = plain_name(&inner.name) else {
                        return Err(format!(
                            "`{text}`: only a plain name such as `{{{{record.name}}}}` may stand in a hole"
                        ));
                    };
                    holes.push(name);
                }
                _ => {
                    return Err(format!(
                        "`{text}`: only `{{{{name}}}}` may stand in a text, no blocks, comments or raw values"
                    ));
                }
            }
        }
        Ok(Self { source: text.to_owned(), parsed, holes })
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
        let made = self.fill(|hole| {
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
        self.fill(|hole| {
            let name = || hole.join(".");
            let text = match look_up(hole) {
                Some(Value::String(s)) if !s.is_empty() => s.clone(),
                Some(Value::Number(n)) => n.to_string(),
                Some(Value::Bool(b)) => b.to_string(),
                None | Some(Value::Null | Value::String(_)) => return Err(Unfit::Missing(name())),
                Some(_) => return Err(Unfit::Value { name: name(), why: "it is a list or an object, not one value" }),
            };
            if let Some(why) = unfit(place, &text) {
                return Err(Unfit::Value { name: name(), why });
            }
            Ok(match place {
                Place::Segment | Place::Query => percent(&text),
                Place::Header | Place::Text => text,
            })
        })
    }

    fn fill(&self, mut value: impl FnMut(&[String]) -> Result<String, Unfit>) -> Result<String, Unfit> {
        let mut holes = self.holes.iter();
        let mut made = String::new();
        for element in &self.parsed.elements {
            match element {
                TemplateElement::RawString(text) => made.push_str(text),
                _ => made.push_str(&holes.next().map_or(Ok(String::new()), |hole| value(hole))?),
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
