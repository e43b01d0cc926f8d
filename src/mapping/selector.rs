//! Selectors: `$.a.b[0]`, compiled once. A plain path is walked step by step; a path with wildcards or filters goes to
//! jsonpath-rust, which is an order of magnitude dearer and is used only where it is needed.

use jsonpath_rust::{
    parser::{
        model::{JpQuery, Segment, Selector as Part},
        parse_json_path,
    },
    query::js_path_process,
};
use serde_json::{Map, Value};

/// A compiled path.
#[derive(Debug, Clone)]
pub struct Selector {
    text: String,
    form: Form,
}

#[derive(Debug, Clone)]
enum Form {
    Plain(Vec<Step>),
    Query(Box<JpQuery>),
    First(Vec<Selector>),
}

/// One step of a plain path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A member of an object.
    Key(String),
    /// An item of a list.
    Index(usize),
}

impl Selector {
    /// Compiles `$…`.
    ///
    /// # Errors
    /// A sentence: what is wrong with the path.
    pub fn compile(text: &str) -> Result<Self, String> {
        if text.contains("..") {
            return Err(format!("`{text}` searches at every depth (`..`), which is not allowed; write the whole path"));
        }
        let query = parse_json_path(text).map_err(|_| format!("`{text}` is not a path"))?;
        let form = plain(&query).map_or_else(|| Form::Query(Box::new(query)), Form::Plain);
        Ok(Self { text: text.to_owned(), form })
    }

    /// A plain path of one key: a column.
    #[must_use]
    pub fn key(name: &str) -> Self {
        Self { text: format!("$.{name}"), form: Form::Plain(vec![Step::Key(name.to_owned())]) }
    }

    /// A plain path of several keys: a column of a table beside, a member of what a cell holds.
    #[must_use]
    pub fn keys<'k>(keys: impl IntoIterator<Item = &'k str>) -> Self {
        let steps: Vec<Step> = keys.into_iter().map(|key| Step::Key(key.to_owned())).collect();
        let text = steps.iter().map(|step| if let Step::Key(key) = step { format!(".{key}") } else { String::new() });
        Self { text: format!("${}", text.collect::<String>()), form: Form::Plain(steps) }
    }

    /// The first of several paths at which there is a value.
    #[must_use]
    pub fn first(paths: Vec<Self>) -> Self {
        let text = paths.iter().map(Self::text).collect::<Vec<_>>().join(", else ");
        Self { text, form: Form::First(paths) }
    }

    /// The path as written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The steps of a plain path; none where it can find several values.
    #[must_use]
    pub fn steps(&self) -> Option<&[Step]> {
        match &self.form {
            Form::Plain(steps) => Some(steps),
            Form::Query(_) | Form::First(_) => None,
        }
    }

    /// Whether this is `$`, the whole.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.steps().is_some_and(<[Step]>::is_empty)
    }

    /// The first key of a plain path: the field of the record that it is under.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        match self.steps()?.first()? {
            Step::Key(key) => Some(key),
            Step::Index(_) => None,
        }
    }

    /// Whether it reads from this field of the record.
    #[must_use]
    pub fn is_under(&self, field: &str) -> bool {
        match &self.form {
            Form::First(paths) => paths.iter().any(|path| path.is_under(field)),
            Form::Plain(_) | Form::Query(_) => self.field() == Some(field),
        }
    }

    /// The field of the record that any path is under; none where it may be under several.
    #[must_use]
    pub fn first_field(&self) -> Option<&str> {
        match &self.form {
            Form::Plain(_) | Form::First(_) => self.field(),
            Form::Query(_) => self.text.strip_prefix("$.")?.split(['.', '[']).next().filter(|name| *name != "*"),
        }
    }

    /// The first value found.
    #[must_use]
    pub fn one<'a>(&self, whole: &'a Value) -> Option<&'a Value> {
        match &self.form {
            Form::Plain(steps) => walk(whole, steps),
            Form::Query(_) => self.all(whole).into_iter().next(),
            Form::First(paths) => {
                paths.iter().filter_map(|path| path.one(whole)).find(|v| !v.is_null() && v.as_str() != Some(""))
            }
        }
    }

    /// All values found.
    #[must_use]
    pub fn all<'a>(&self, whole: &'a Value) -> Vec<&'a Value> {
        match &self.form {
            Form::Plain(steps) => walk(whole, steps).into_iter().collect(),
            Form::First(_) => self.one(whole).into_iter().collect(),
            Form::Query(query) => js_path_process(query, whole)
                .map(|found| found.into_iter().map(|f| f.val()).collect())
                .unwrap_or_default(),
        }
    }

    /// Whether several values are to be found here and there is nothing to find them in: a value that is no list stands in front of
    /// the first `[*]`, or none.
    #[must_use]
    pub fn misses_list(&self, whole: &Value) -> bool {
        let Form::Query(query) = &self.form else { return false };
        let front: Vec<Step> = query.segments.iter().map_while(step).collect();
        // `.*` goes through an object as well
        let of_list = self.text.find('*').is_some_and(|at| self.text[..at].ends_with('['));
        match walk(whole, &front) {
            Some(Value::Array(_)) => false,
            Some(Value::Object(_)) => of_list,
            _ => true,
        }
    }

    /// Writes a value at a plain path, making the objects and first items on the way. Whatever else stands there is replaced.
    pub fn set(&self, whole: &mut Value, value: Value) {
        let Some(steps) = self.steps() else { return };
        let mut place = whole;
        for step in steps {
            place = match step {
                Step::Key(key) => {
                    if !place.is_object() {
                        *place = Value::Object(Map::new());
                    }
                    let Value::Object(object) = place else { return };
                    object.entry(key.clone()).or_insert(Value::Null)
                }
                Step::Index(index) => {
                    if place.as_array().is_none_or(|list| list.len() <= *index) {
                        *place = Value::Array(vec![Value::Null]);
                    }
                    let Some(item) = place.get_mut(index) else { return };
                    item
                }
            };
        }
        *place = value;
    }

    /// Takes the field at a plain path away, if it is there.
    pub fn unset(&self, whole: &mut Value) {
        let Some((Step::Key(last), above)) = self.steps().and_then(<[Step]>::split_last) else { return };
        let above = above.iter().try_fold(whole, |value, step| match step {
            Step::Key(key) => value.get_mut(key),
            Step::Index(index) => value.get_mut(index),
        });
        if let Some(Value::Object(object)) = above {
            object.shift_remove(last);
        }
    }

    /// Whether a value can be written at this path of an item whose list is sent as it was read: the first of a list in it too.
    #[must_use]
    pub fn writes_in_item(&self) -> bool {
        self.steps().is_some_and(|s| s.iter().all(|step| matches!(step, Step::Key(_) | Step::Index(0))))
    }

    /// Whether a value can be written at this path: a plain path of keys.
    #[must_use]
    pub fn writes(&self) -> bool {
        self.steps().is_some_and(|s| s.iter().all(|step| matches!(step, Step::Key(_))))
    }
}

impl PartialEq for Selector {
    fn eq(&self, other: &Self) -> bool {
        match (&self.form, &other.form) {
            (Form::Plain(a), Form::Plain(b)) => a == b,
            _ => self.text == other.text,
        }
    }
}

fn walk<'a>(whole: &'a Value, steps: &[Step]) -> Option<&'a Value> {
    steps.iter().try_fold(whole, |value, step| match step {
        Step::Key(key) => value.get(key),
        Step::Index(index) => value.get(index),
    })
}

fn plain(query: &JpQuery) -> Option<Vec<Step>> {
    query.segments.iter().map(step).collect()
}

fn step(segment: &Segment) -> Option<Step> {
    match segment {
        Segment::Selector(Part::Name(name)) => Some(Step::Key(unquoted(name))),
        Segment::Selector(Part::Index(index)) => usize::try_from(*index).ok().map(Step::Index),
        _ => None,
    }
}

/// The parser keeps the quotes of `$['a b']`.
fn unquoted(name: &str) -> String {
    let quoted = |q: char| name.strip_prefix(q).and_then(|n| n.strip_suffix(q));
    quoted('\'').or_else(|| quoted('"')).unwrap_or(name).to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use serde_json::json;

    use super::*;

    #[test]
    fn plain_paths_are_walked_and_written() {
        let record = json!({"a": {"b c": [1, {"d": "x"}]}, "urn:x:y": 2});
        for (path, found) in [("$.a['b c'][1].d", json!("x")), ("$['urn:x:y']", json!(2)), ("$", record.clone())] {
            let selector = Selector::compile(path).unwrap();
            assert!(selector.steps().is_some(), "{path} is plain");
            assert_eq!(selector.one(&record), Some(&found), "{path}");
        }
        let mut made = Value::Null;
        Selector::compile("$.a.b").unwrap().set(&mut made, json!(1));
        Selector::compile("$.a.c").unwrap().set(&mut made, json!(2));
        assert_eq!(made, json!({"a": {"b": 1, "c": 2}}));
        let first = Selector::compile("$.to[0]").unwrap();
        assert!(first.writes_in_item() && !first.writes());
        for (mut item, written) in
            [(json!({}), json!({"to": ["x"]})), (json!({"to": ["a", "b"]}), json!({"to": ["x", "b"]}))]
        {
            first.set(&mut item, json!("x"));
            assert_eq!(item, written);
        }
    }

    #[test]
    fn wildcards_find_several_and_cannot_write() {
        let selector = Selector::compile("$.errors[*].code").unwrap();
        assert!(!selector.writes());
        assert_eq!(selector.all(&json!({"errors": [{"code": "a"}, {"code": "b"}]})), [&json!("a"), &json!("b")]);
        let misses = |path: &str, whole: Value| Selector::compile(path).unwrap().misses_list(&whole);
        for none in [json!({}), json!({"errors": null}), json!({"errors": {"code": "a"}}), json!([])] {
            assert!(misses("$.errors[*].code", none.clone()) && !misses("$.errors.code", none));
        }
        assert!(!misses("$.errors[*].code", json!({"errors": []})) && !misses("$[*].code", json!([])));
        assert!(!misses("$.errors.*.code", json!({"errors": {}})) && misses("$[*]", json!({})));
    }

    #[test]
    fn bad_paths_are_refused_in_a_sentence() {
        for path in ["$..x", "$.a[", "a.b", "$.", ""] {
            let message = Selector::compile(path).unwrap_err();
            assert!(!message.contains('\n'), "{message}");
        }
    }
}
