//! Many writes in one request (RFC 7644 §3.7): reading it, the order that its references ask for, and putting ids in
//! their place. What each operation means is not known here: it is a request like any other.

use std::collections::{BTreeSet, HashMap, HashSet};

use http::Method;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};

use super::{Refusal, ScimType, patch::member};

const BULK_REQUEST: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";
const BULK_RESPONSE: &str = "urn:ietf:params:scim:api:messages:2.0:BulkResponse";
/// What a reference begins with.
const REFERENCE: &str = "bulkId:";
/// What an id in a path is encoded for.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A bulk request.
#[derive(Debug, Clone, PartialEq)]
pub struct Bulk {
    /// The number of errors after which the rest is not done.
    pub fail_on_errors: Option<usize>,
    /// What is to be done.
    pub operations: Vec<Operation>,
}

/// One write of a bulk request.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// POST, PUT, PATCH or DELETE.
    pub method: Method,
    /// The endpoint or resource, below the base path.
    pub path: String,
    /// What other operations call the resource that this one makes.
    pub bulk_id: Option<String>,
    /// The version that the write is meant for: its `If-Match`.
    pub version: Option<String>,
    /// The body; null where there is none.
    pub data: Value,
}

/// In which order operations can be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Each after those it refers to; what refers to nothing stays in the order of the request.
    pub done: Vec<usize>,
    /// Those that wait for each other, and those that wait for them.
    pub circular: Vec<usize>,
}

/// Reads a bulk request. All of it is read before any of it is done.
///
/// # Errors
/// `invalidSyntax` for what is no bulk request, `invalidValue` where two operations have one `bulkId`.
pub fn read(body: &Value) -> Result<Bulk, Refusal> {
    let object = body.as_object().ok_or_else(|| syntax("a bulk request is a JSON object"))?;
    let named = |v: &Value| v.as_array().is_some_and(|s| s.iter().any(|s| s.as_str() == Some(BULK_REQUEST)));
    if !given(object, "schemas").is_some_and(named) {
        return Err(syntax(format!("`schemas` of a bulk request must hold {BULK_REQUEST}")));
    }
    let fail_on_errors = match given(object, "failOnErrors") {
        None => None,
        Some(number) => {
            let number = number.as_u64().filter(|n| *n > 0).and_then(|n| usize::try_from(n).ok());
            Some(number.ok_or_else(|| syntax("`failOnErrors` must be a whole number from 1 on"))?)
        }
    };
    let list = given(object, "Operations").and_then(Value::as_array);
    let list = list.ok_or_else(|| syntax("`Operations` of a bulk request must be a list"))?;
    let operations: Vec<Operation> =
        list.iter().enumerate().map(|(at, value)| operation(at + 1, value)).collect::<Result<_, _>>()?;
    let mut seen = HashSet::new();
    match operations.iter().filter_map(|o| o.bulk_id.as_ref()).find(|id| !seen.insert(id.as_str())) {
        Some(twice) => Err(Refusal::new(ScimType::InvalidValue, format!("two operations have the bulkId `{twice}`"))),
        None => Ok(Bulk { fail_on_errors, operations }),
    }
}

fn operation(nth: usize, value: &Value) -> Result<Operation, Refusal> {
    let wrong = |what: &str| syntax(format!("operation {nth}: {what}"));
    let object = value.as_object().ok_or_else(|| wrong("it must be an object"))?;
    let text = |name: &str| match given(object, name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(wrong(&format!("`{name}` must be a text"))),
    };
    let method = match text("method")?.as_deref() {
        Some("POST") => Method::POST,
        Some("PUT") => Method::PUT,
        Some("PATCH") => Method::PATCH,
        Some("DELETE") => Method::DELETE,
        _ => return Err(wrong("`method` must be POST, PUT, PATCH or DELETE")),
    };
    let path = text("path")?.filter(|path| path.starts_with('/'));
    let path = path.ok_or_else(|| wrong("`path` must be a text such as `/Users` or `/Users/7`"))?;
    let bulk_id = text("bulkId")?.filter(|id| !id.is_empty());
    if method == Method::POST && bulk_id.is_none() {
        return Err(wrong("a POST must have a `bulkId`"));
    }
    let data = given(object, "data").cloned().unwrap_or_default();
    Ok(Operation { method, path, bulk_id, version: text("version")?, data })
}

impl Bulk {
    /// The order that the references ask for; what names nothing that is made here delays nothing.
    #[must_use]
    pub fn order(&self) -> Order {
        let makers: HashMap<&str, usize> =
            self.operations.iter().enumerate().filter_map(|(at, o)| Some((o.makes()?, at))).collect();
        let mut waits: Vec<usize> = vec![0; self.operations.len()];
        let mut frees: Vec<Vec<usize>> = vec![Vec::new(); self.operations.len()];
        for (at, operation) in self.operations.iter().enumerate() {
            let mut names = BTreeSet::new();
            operation.references(&mut names);
            for maker in names.iter().filter_map(|name| makers.get(name.as_str())) {
                waits[at] += 1;
                frees[*maker].push(at);
            }
        }
        let mut ready: BTreeSet<usize> = (0..waits.len()).filter(|at| waits[*at] == 0).collect();
        let mut done = Vec::with_capacity(waits.len());
        while let Some(at) = ready.pop_first() {
            done.push(at);
            for freed in &frees[at] {
                waits[*freed] -= 1;
                if waits[*freed] == 0 {
                    ready.insert(*freed);
                }
            }
        }
        let circular = (0..waits.len()).filter(|at| waits[*at] > 0).collect();
        Order { done, circular }
    }
}

impl Operation {
    /// What others call the resource that this operation makes.
    #[must_use]
    pub fn makes(&self) -> Option<&str> {
        self.bulk_id.as_deref().filter(|_| self.method == Method::POST)
    }

    /// The same with ids for references, in path and data. `ids`: what was made, by `bulkId`; none where that failed.
    ///
    /// # Errors
    /// `invalidValue` for a reference to what this request does not make, or could not.
    pub fn resolved(&self, ids: &HashMap<String, Option<String>>) -> Result<Self, Refusal> {
        let mut names = BTreeSet::new();
        self.references(&mut names);
        let mut known: HashMap<&str, &str> = HashMap::new();
        for name in &names {
            let why = match ids.get(name) {
                Some(Some(id)) => {
                    known.insert(name, id);
                    continue;
                }
                Some(None) => "which failed",
                None => "and no POST of this request has this bulkId",
            };
            return Err(Refusal::new(ScimType::InvalidValue, format!("this refers to `{REFERENCE}{name}`, {why}")));
        }
        let mut data = self.data.clone();
        fill(&mut data, &known);
        let (path, query) = self.path.split_once('?').map_or((self.path.as_str(), None), |(p, q)| (p, Some(q)));
        let segments =
            path.split('/').map(|segment| match segment_name(segment).and_then(|n| known.get(&*n).copied()) {
                Some(id) => utf8_percent_encode(id, RESERVED).to_string(),
                None => segment.to_owned(),
            });
        let mut path = segments.collect::<Vec<_>>().join("/");
        if let Some(query) = query {
            path = format!("{path}?{query}");
        }
        Ok(Self { path, data, ..self.clone() })
    }

    fn references(&self, names: &mut BTreeSet<String>) {
        let path = self.path.split('?').next().unwrap_or_default();
        names.extend(path.split('/').filter_map(segment_name));
        collect(&self.data, names);
    }
}

fn collect(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => names.extend(text.strip_prefix(REFERENCE).map(str::to_owned)),
        Value::Array(items) => items.iter().for_each(|item| collect(item, names)),
        Value::Object(members) => members.values().for_each(|member| collect(member, names)),
        _ => {}
    }
}

fn fill(value: &mut Value, known: &HashMap<&str, &str>) {
    match value {
        Value::String(text) => {
            if let Some(id) = text.strip_prefix(REFERENCE).and_then(|name| known.get(name)) {
                *text = (*id).to_owned();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| fill(item, known)),
        Value::Object(members) => members.values_mut().for_each(|member| fill(member, known)),
        _ => {}
    }
}

/// What a segment of a path refers to, encoded or not.
fn segment_name(segment: &str) -> Option<String> {
    let text = percent_encoding::percent_decode_str(segment).decode_utf8().ok()?;
    text.strip_prefix(REFERENCE).map(str::to_owned)
}

/// The answer: one result for each operation that was done or tried.
#[must_use]
pub fn response(results: &[Value]) -> Value {
    json!({"schemas": [BULK_RESPONSE], "Operations": results})
}

/// A member that has a value: null is none.
fn given<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    member(object, name).filter(|value| !value.is_null())
}

fn syntax(detail: impl Into<String>) -> Refusal {
    Refusal::new(ScimType::InvalidSyntax, detail)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::needless_pass_by_value)]
    use super::*;

    fn bulk(operations: Value) -> Result<Bulk, Refusal> {
        read(&json!({"schemas": [BULK_REQUEST], "Operations": operations}))
    }

    fn post(id: &str, refers: &[&str]) -> Value {
        let refers: Vec<String> = refers.iter().map(|r| format!("bulkId:{r}")).collect();
        json!({"method": "POST", "path": "/Users", "bulkId": id, "data": {"to": refers}})
    }

    #[test]
    fn what_is_no_bulk_request_is_refused_whole() {
        let ok = json!({"method": "DELETE", "path": "/Users/1"});
        assert!(bulk(json!([ok])).is_ok());
        assert_eq!(bulk(json!([])).unwrap().operations, []);
        for (body, why) in [
            (json!([]), "JSON object"),
            (json!({"Operations": [ok]}), "`schemas`"),
            (json!({"schemas": [BULK_REQUEST]}), "`Operations`"),
            (json!({"schemas": [BULK_REQUEST], "Operations": [ok], "failOnErrors": 0}), "`failOnErrors`"),
            (json!({"schemas": [BULK_REQUEST], "Operations": [ok], "failOnErrors": "1"}), "`failOnErrors`"),
            (json!({"schemas": [BULK_REQUEST], "Operations": [ok, 7]}), "operation 2"),
        ] {
            let refusal = read(&body).expect_err(why);
            assert_eq!(refusal.scim_type, ScimType::InvalidSyntax);
            assert!(refusal.detail.contains(why), "{refusal}");
        }
        for (operation, why) in [
            (json!({"method": "GET", "path": "/Users/1"}), "`method`"),
            (json!({"method": "post", "path": "/Users", "bulkId": "a"}), "`method`"),
            (json!({"path": "/Users/1"}), "`method`"),
            (json!({"method": "DELETE"}), "`path`"),
            (json!({"method": "DELETE", "path": "Users/1"}), "`path`"),
            (json!({"method": "POST", "path": "/Users"}), "`bulkId`"),
            (json!({"method": "POST", "path": "/Users", "bulkId": ""}), "`bulkId`"),
            (json!({"method": "DELETE", "path": "/Users/1", "version": 7}), "`version`"),
        ] {
            let refusal = bulk(json!([operation])).expect_err(why);
            assert!(refusal.detail.contains(why), "{refusal}");
        }
        let twice = bulk(json!([post("a", &[]), post("a", &[])])).expect_err("twice");
        assert_eq!(twice.scim_type, ScimType::InvalidValue);
    }

    #[test]
    fn operations_move_only_behind_what_they_refer_to() {
        let order = |operations: &[Value]| {
            let order = bulk(Value::Array(operations.to_vec())).unwrap().order();
            (order.done, order.circular)
        };
        let (a, b, c) = (post("a", &["c"]), post("b", &[]), post("c", &[]));
        assert_eq!(order(&[a.clone(), b.clone(), c.clone()]), (vec![1, 2, 0], vec![]));
        assert_eq!(order(&[b.clone(), c, a]), (vec![0, 1, 2], vec![]));
        assert_eq!(order(&[post("a", &["nobody"]), b.clone()]), (vec![0, 1], vec![]));
        let round = [post("a", &["b"]), post("b", &["c"]), post("c", &["a"]), post("d", &["a"]), post("e", &[])];
        assert_eq!(order(&round), (vec![4], vec![0, 1, 2, 3]));
        assert_eq!(order(&[post("a", &["a"]), b]), (vec![1], vec![0]));
        let by_path = json!({"method": "DELETE", "path": "/Users/bulkId%3Ax?a=bulkId:x"});
        assert_eq!(order(&[by_path, post("x", &[])]), (vec![1, 0], vec![]));
    }

    #[test]
    fn references_become_ids_wherever_they_stand() {
        let operation = json!({"method": "PUT", "path": "/Users/bulkId:a?attributes=id", "data": {
            "manager": {"value": "bulkId:b"}, "members": ["bulkId:a", "not bulkId:a", {"value": "bulkId:a"}], "n": 1}});
        let operation = bulk(json!([operation])).unwrap().operations.remove(0);
        let ids = |b: Option<&str>| {
            HashMap::from([("a".to_owned(), Some("x/1".to_owned())), ("b".to_owned(), b.map(str::to_owned))])
        };
        let resolved = operation.resolved(&ids(Some("2"))).unwrap();
        assert_eq!(resolved.path, "/Users/x%2F1?attributes=id");
        let data = json!({"manager": {"value": "2"}, "members": ["x/1", "not bulkId:a", {"value": "x/1"}], "n": 1});
        assert_eq!(resolved.data, data);
        let failed = operation.resolved(&ids(None)).expect_err("b failed");
        assert!(failed.detail.contains("which failed"), "{failed}");
        let unknown = operation.resolved(&HashMap::new()).expect_err("nobody makes them");
        assert!(unknown.detail.contains("no POST"), "{unknown}");
    }
}
