//! What of a filter an app is asked in its own language. Nothing is asked by which a record that fulfils the filter could be
//! lost (law 4): what cannot be said is left out of an `and`, and takes a whole `or` with it; the opposite of something is
//! said only where that is said exactly. How each conjunct was served is kept, so that what is left is checked here.

use http::{HeaderName, HeaderValue};
use serde_json::Value;

use crate::{
    mapping::{
        Resource,
        codec::Codec,
        language::{Kind, Language, Leaf},
        line::{FieldSource, Fold, Line, Source},
        template::Place,
        term::{Scope, Term},
    },
    plan::fill::header_value,
    scim::{
        condition::{Condition, Literal},
        filter::CompareOp,
        schema::{Target, Type},
    },
};

use super::{
    width::{Width, width_of},
    word::{Word, words},
};

/// What is asked in a language.
#[derive(Debug)]
pub struct Asked {
    /// The language's name.
    pub language: String,
    /// `$.filter`: text or tree; none where parameters say it all.
    pub filter: Option<Value>,
    /// Parameters of their own, as they stand in a URL.
    pub query: Vec<(String, String)>,
    /// Headers of their own.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Each conjunct of the condition, and whether it is asked exactly; none: not at all.
    pub served: Vec<(String, Option<bool>)>,
    /// How narrow it is.
    pub(super) width: Width,
}

impl Asked {
    /// Whether the app answers the whole filter exactly.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.served.iter().all(|(_, exactly)| *exactly == Some(true))
    }

    /// Whether a conjunct is asked exactly; none where it is not asked.
    #[must_use]
    pub fn serves(&self, conjunct: &str) -> Option<bool> {
        self.served.iter().find(|(text, _)| text == conjunct).and_then(|(_, exactly)| *exactly)
    }
}

/// The most that a URL is made longer by.
const LONGEST: usize = 4000;

/// A part of a filter, as it is asked.
#[derive(Debug, Clone)]
struct Part {
    filter: Option<Value>,
    query: Vec<(String, String)>,
    headers: Vec<(HeaderName, HeaderValue)>,
    exact: bool,
    width: Width,
}

/// Translates a condition; none where nothing of it can be said.
pub(super) fn ask(resource: &Resource, language: &Language, condition: &Condition) -> Option<Asked> {
    let speaker = Speaker { resource, language };
    let parts: Vec<(String, Option<Part>)> =
        condition.conjuncts().into_iter().map(|c| (c.to_string(), speaker.part(c))).collect();
    // The narrowest come first: where not all can be said at once, the others are checked here.
    let mut order: Vec<usize> = (0..parts.len()).filter(|at| parts[*at].1.is_some()).collect();
    order.sort_by_key(|at| parts[*at].1.as_ref().map(|part| part.width));
    let mut taken: Vec<(usize, Part)> = Vec::new();
    for at in order {
        let Some(part) = &parts[at].1 else { continue };
        let mut with = taken.clone();
        with.push((at, part.clone()));
        with.sort_by_key(|(at, _)| *at);
        if speaker.whole(&with).is_some() {
            taken = with;
        }
    }
    let said = speaker.whole(&taken)?;
    // who is asked for hundreds at once is not asked for any: servers cut what is too long, or refuse it
    let long =
        said.filter.iter().map(|f| f.to_string().len()).chain(said.query.iter().map(|(_, v)| v.len())).sum::<usize>();
    if long > LONGEST {
        return None;
    }
    let how = |at: usize| taken.iter().find(|(taken, _)| *taken == at).map(|(_, part)| part.exact);
    let served = parts.into_iter().enumerate().map(|(at, (text, _))| (text, how(at))).collect();
    let Part { filter, query, headers, width, .. } = said;
    Some(Asked { language: language.name.clone(), filter, query, headers, served, width })
}

struct Speaker<'a> {
    resource: &'a Resource,
    language: &'a Language,
}

impl Speaker<'_> {
    /// What must hold altogether, as it is sent.
    fn whole(&self, parts: &[(usize, Part)]) -> Option<Part> {
        let parts: Vec<Part> = parts.iter().map(|(_, part)| part.clone()).collect();
        let Some(whole) = &self.language.whole else { return self.all(&parts) };
        let filters: Vec<Value> = parts.iter().filter_map(|part| part.filter.clone()).collect();
        let mut joined = merged(&parts)?;
        if !filters.is_empty() {
            joined.filter = Some(made(whole, &Scope::default().with("all", Value::Array(filters)))?);
        }
        Some(joined)
    }

    fn part(&self, condition: &Condition) -> Option<Part> {
        match condition {
            Condition::And(parts) => {
                let said: Vec<Option<Part>> = parts.iter().map(|part| self.part(part)).collect();
                let complete = said.iter().all(Option::is_some);
                let said: Vec<Part> = said.into_iter().flatten().collect();
                // one of them alone lets more through, and loses none
                let narrowest = || said.iter().min_by_key(|part| part.width).cloned();
                match self.all(&said) {
                    Some(all) => Some(Part { exact: all.exact && complete, ..all }),
                    None => narrowest().map(|part| Part { exact: false, ..part }),
                }
            }
            Condition::Or(parts) => self.any(&parts.iter().map(|part| self.part(part)).collect::<Option<Vec<_>>>()?),
            Condition::Not(inner) => {
                let (not, inner) = (self.language.not.as_ref()?, self.part(inner)?);
                let one = inner.filter.filter(|_| inner.exact && inner.query.is_empty())?;
                let filter = Some(made(not, &Scope::default().with("one", one))?);
                Some(Part { filter, query: Vec::new(), headers: inner.headers, exact: true, width: Width::Many })
            }
            Condition::Compare { target, op, value } => self.compare(target, *op, value),
            // one item must fulfil all of it: that some item has the value is more
            Condition::Item { condition, .. } => {
                let of_value = |c: &&Condition| matches!(c, Condition::Compare { target, op, .. } if is_value(target) && *op != CompareOp::NotEqual);
                let parts: Vec<Part> =
                    condition.conjuncts().into_iter().filter(of_value).filter_map(|c| self.part(c)).collect();
                self.all(&parts).map(|part| Part { exact: false, ..part })
            }
            Condition::Present(target) => self.present(target),
            Condition::Always | Condition::Never => None,
        }
    }

    fn all(&self, parts: &[Part]) -> Option<Part> {
        let alone = parts.len() == 1;
        let parameters = parts.iter().any(|part| part.filter.is_none());
        if !alone && parameters && !self.language.together {
            return None;
        }
        let joined = merged(parts)?;
        let filters: Vec<Value> = parts.iter().filter_map(|part| part.filter.clone()).collect();
        let filter = match filters.as_slice() {
            [] => None,
            [one] => Some(one.clone()),
            _ => Some(join(self.language.and.as_ref()?, filters)?),
        };
        let width = parts.iter().map(|part| part.width).min()?;
        Some(Part { filter, width, ..joined })
    }

    fn any(&self, parts: &[Part]) -> Option<Part> {
        if let [one] = parts {
            return Some(one.clone());
        }
        // a parameter says nothing of one side alone
        let filters: Vec<Value> =
            parts.iter().map(|part| part.filter.clone().filter(|_| part.query.is_empty())).collect::<Option<_>>()?;
        let joined = merged(parts)?;
        let filter = Some(join(self.language.or.as_ref()?, filters)?);
        let width = parts.iter().map(|part| part.width).max()?;
        Some(Part { filter, width, ..joined })
    }

    fn compare(&self, target: &Target, op: CompareOp, literal: &Literal) -> Option<Part> {
        let line = self.resource.line(target)?;
        if target.attribute.multi_valued && (op == CompareOp::NotEqual || !is_value(target)) {
            return None;
        }
        let places = places(line)?;
        let of_place = |(place, codec): (usize, &Codec)| {
            let words = words(codec, line, target, op, literal)?;
            let one = |word: &Word| {
                self.language.of(target, Some(op)).filter(|leaf| leaf.place == place).find_map(|leaf| {
                    let part = leaf_part(leaf, line, target, op, word)?;
                    (op != CompareOp::NotEqual || part.exact).then_some(part)
                })
            };
            self.any(&words.iter().map(one).collect::<Option<Vec<_>>>()?)
        };
        let part = self.any(&places.into_iter().enumerate().map(of_place).collect::<Option<Vec<_>>>()?)?;
        // of a list only some items are meant
        let some = matches!(&line.value, Source::Each(each) if !each.pattern.is_empty());
        Some(Part { exact: part.exact && !some, ..part })
    }

    /// What is there in the app may be no value here; what is not there is none, unless the codec makes one of it.
    fn present(&self, target: &Target) -> Option<Part> {
        let line = self.resource.line(target)?;
        let of_place = |(place, codec): (usize, &Codec)| {
            let absent = match codec {
                Codec::Plain | Codec::Around { .. } | Codec::Time(_) | Codec::Number(_) => true,
                Codec::Values { pairs, or_else } => {
                    or_else.is_none() && !pairs.iter().any(|(_, app)| app.iter().any(Value::is_null))
                }
                _ => false,
            };
            let leaf = self.language.of(target, None).find(|leaf| leaf.place == place).filter(|_| absent)?;
            let said = parts_of(leaf, &Scope::default())?;
            Some(Part { exact: false, width: Width::Many, ..said })
        };
        self.any(&places(line)?.into_iter().enumerate().map(of_place).collect::<Option<Vec<_>>>()?)
    }
}

/// The codecs of the fields in which an attribute stands.
fn places(line: &Line) -> Option<Vec<&Codec>> {
    Some(match &line.value {
        Source::At { codec, .. } => vec![codec],
        Source::Slots(slots) => slots.iter().map(|slot| Some(&slot.field("value")?.codec)).collect::<Option<_>>()?,
        Source::Each(each) => match &each.fields.iter().find(|f| f.sub == "value")?.value {
            FieldSource::At { codec, .. } => vec![codec],
            FieldSource::Constant(_) => return None,
        },
        _ => return None,
    })
}

fn is_value(target: &Target) -> bool {
    target.sub.as_ref().is_none_or(|sub| sub.name == "value")
}

/// A leaf with a word in it; none where it is not for that, or would lose matches.
fn leaf_part(leaf: &Leaf, line: &Line, target: &Target, op: CompareOp, word: &Word) -> Option<Part> {
    if !leaf.kinds.contains(&word.kind) {
        return None;
    }
    let text = word.kind == Kind::Text && matches!(target.leaf().kind, Type::String | Type::Reference | Type::Binary);
    let exact_case = target.leaf().case_exact || target.leaf().kind == Type::Binary;
    let folded = matches!(line.fold, Some(Fold::Lower | Fold::Upper));
    // words that the mapping lists are the app's own, letter by letter
    let listed = matches!(places(line)?.first(), Some(Codec::Values { .. }));
    if text && !exact_case && !leaf.any_case && !folded && !listed {
        return None;
    }
    let said = parts_of(leaf, &Scope::default().lend("value", &word.value))?;
    let exact = leaf.exactly && word.exact && !(text && leaf.any_case && (exact_case || listed));
    Some(Part { exact, width: width_of(target, Some(op)), ..said })
}

/// What a leaf sends; none where the value cannot stand there.
fn parts_of(leaf: &Leaf, scope: &Scope<'_>) -> Option<Part> {
    let filter = match &leaf.is {
        Some(is) => Some(is.evaluate(Place::Text, scope).ok()??),
        None => None,
    };
    let mut query = Vec::new();
    for (key, term) in &leaf.query {
        query.push((key.clone(), term.text(Place::Query, scope).ok()??));
    }
    let mut headers = Vec::new();
    for (name, term) in &leaf.headers {
        headers.push((name.clone(), header_value(&term.text(Place::Header, scope).ok()??)?));
    }
    Some(Part { filter, query, headers, exact: false, width: Width::Many })
}

/// Parameters and headers of all, where none is said twice in two ways.
fn merged(parts: &[Part]) -> Option<Part> {
    let mut query: Vec<(String, String)> = Vec::new();
    let mut headers: Vec<(HeaderName, HeaderValue)> = Vec::new();
    for part in parts {
        for (key, value) in &part.query {
            match query.iter().find(|(known, _)| known == key) {
                Some((_, known)) if known != value => return None,
                Some(_) => {}
                None => query.push((key.clone(), value.clone())),
            }
        }
        for (name, value) in &part.headers {
            match headers.iter().find(|(known, _)| known == name) {
                Some((_, known)) if known != value => return None,
                Some(_) => {}
                None => headers.push((name.clone(), value.clone())),
            }
        }
    }
    let width = parts.iter().map(|part| part.width).min().unwrap_or(Width::Many);
    Some(Part { filter: None, query, headers, exact: parts.iter().all(|part| part.exact), width })
}

/// All at once as `$.all`, or two by two.
fn join(term: &Term, filters: Vec<Value>) -> Option<Value> {
    let mut uses = Vec::new();
    term.uses(&mut uses);
    if uses.iter().any(|(name, _)| name == "all") {
        return made(term, &Scope::default().with("all", Value::Array(filters)));
    }
    let mut filters = filters.into_iter();
    let first = filters.next()?;
    filters.try_fold(first, |left, right| made(term, &Scope::default().with("left", left).with("right", right)))
}

fn made(term: &Term, scope: &Scope<'_>) -> Option<Value> {
    term.evaluate(Place::Text, scope).ok()?
}
