//! Answers from a conversation that somebody wrote down: the calls in order, each with its answer. A call must be the next
//! one exactly, so a test of a mapping shows what the gateway asks as well as what it makes of the answers.

use std::{
    borrow::Cow,
    collections::VecDeque,
    fmt::Write as _,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use http::{HeaderMap, HeaderName, Method, header::CONTENT_TYPE};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use crate::{
    config::Tenant,
    mapping::{answer::Class, rest::RestApp},
    plan::{
        call::{Body, HttpCall, Reply},
        fill::closed,
        open::Known,
    },
};

use super::{
    Failure, Kind, Limits,
    classify::{Answer, classify},
};

/// Differences shown of two bodies.
const SHOWN: usize = 5;

/// A call that is expected, and what is answered.
#[derive(Debug, Clone)]
pub struct Expected {
    /// The method.
    pub method: Method,
    /// Path and query below the app's URL, encoded in any way that means the same.
    pub target: String,
    /// The body: JSON; a form as a map from name to text; a text.
    pub body: Option<Value>,
    /// The answer.
    pub reply: Scripted,
}

/// A written answer.
#[derive(Debug, Clone)]
pub struct Scripted {
    /// The status.
    pub status: u16,
    /// Headers; `Content-Type` and `Retry-After` count.
    pub headers: Vec<(String, String)>,
    /// The body: a text is sent as it is unless the headers call it JSON.
    pub body: Option<Value>,
}

/// A conversation under way.
#[derive(Debug)]
pub struct Script {
    app: Arc<RestApp>,
    depth: usize,
    left: Mutex<Left>,
}

#[derive(Debug)]
struct Left {
    made: usize,
    calls: VecDeque<Expected>,
    astray: Option<String>,
}

impl Script {
    /// A conversation from its beginning; the app's answer rules hold as they do against the app.
    #[must_use]
    pub fn new(app: Arc<RestApp>, calls: Vec<Expected>, limits: Limits) -> Self {
        Self { app, depth: limits.depth, left: Mutex::new(Left { made: 0, calls: calls.into(), astray: None }) }
    }

    /// The calls that were not made, one line each.
    #[must_use]
    pub fn unused(&self) -> Vec<String> {
        self.left().calls.iter().map(|call| format!("{} {}", call.method, call.target)).collect()
    }

    /// The first call that was not the next one, and in what.
    #[must_use]
    pub fn astray(&self) -> Option<String> {
        self.left().astray.clone()
    }

    /// Signing in is not played: where the app says `expired` the call comes once more, and what the session keeps stands there
    /// by its name.
    pub(super) fn call(&self, call: &HttpCall, tenant: Option<&Tenant>) -> Result<Reply, Failure> {
        let values = tenant.map(|tenant| tenant.values.clone().into_iter().collect());
        let known = Known { tenant: values.as_ref(), session: None };
        let unfit = |_| Failure::new(Kind::BadCall, "a call needs a value that cannot stand in it");
        let call = closed(call, &known).map_err(unfit)?;
        let reply = self.once(&call)?;
        match reply.class {
            Class::Expired => Ok(self.once(&call)?).map(|reply| match reply.class {
                Class::Expired => Reply { class: Class::Denied, ..reply },
                _ => reply,
            }),
            _ => Ok(reply),
        }
    }

    fn once(&self, call: &HttpCall) -> Result<Reply, Failure> {
        let next = self.left().next(call);
        match next {
            Ok(reply) => self.answer(call, &reply),
            Err(what) => Err(Failure::new(Kind::OffScript, what)),
        }
    }

    fn answer(&self, call: &HttpCall, reply: &Scripted) -> Result<Reply, Failure> {
        let mut headers = HeaderMap::new();
        for (name, value) in &reply.headers {
            if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse()) {
                headers.append(name, value);
            }
        }
        let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let body = match &reply.body {
            None => String::new(),
            Some(Value::String(text)) if !content_type.is_some_and(|label| label.contains("json")) => text.clone(),
            Some(body) => body.to_string(),
        };
        let answer = Answer { status: reply.status, headers, body: body.as_bytes() };
        classify(call, &self.app, self.depth, answer)
    }

    fn left(&self) -> MutexGuard<'_, Left> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Left {
    /// The answer to the next call, if this is it. A wrong call is remembered: some failures change no answer.
    fn next(&mut self, call: &HttpCall) -> Result<Scripted, String> {
        let differs = match self.calls.front() {
            None => Some(format!("is not in the conversation: {} {}", call.method, call.target)),
            Some(expected) => difference(expected, call).map(|differs| format!("is not the one expected{differs}")),
        };
        if differs.is_none()
            && let Some(expected) = self.calls.pop_front()
        {
            self.made += 1;
            return Ok(expected.reply);
        }
        let what = format!("call {} {}", self.made + 1, differs.unwrap_or_default());
        self.astray.get_or_insert_with(|| what.clone());
        Err(what)
    }
}

fn difference(expected: &Expected, got: &HttpCall) -> Option<String> {
    let mut text = String::new();
    if expected.method != got.method || decoded(&expected.target) != decoded(&got.target) {
        let _ = write!(text, "\n  expected  {} {}", expected.method, expected.target);
        let _ = write!(text, "\n  got       {} {}", got.method, got.target);
    }
    let mut places = Vec::new();
    compare("$", expected.body.as_ref(), got.body.as_ref().map(written).as_ref(), &mut places);
    for (place, expected, got) in places.iter().take(SHOWN) {
        let _ = write!(text, "\n  body at {place}\n    expected  {expected}\n    got       {got}");
    }
    if places.len() > SHOWN {
        let _ = write!(text, "\n  and {} more differences in the body", places.len() - SHOWN);
    }
    (!text.is_empty()).then_some(text)
}

/// A body as a conversation writes it; a form's field that comes several times is a list.
fn written(body: &Body) -> Value {
    match body {
        Body::Json(value) => value.clone(),
        Body::Text(text) => Value::String(text.clone()),
        Body::Form(fields) => {
            let mut map = Map::new();
            for (name, value) in fields {
                let value = Value::String(value.clone());
                match map.get_mut(name) {
                    None if name.ends_with("[]") => drop(map.insert(name.clone(), Value::Array(vec![value]))),
                    None => drop(map.insert(name.clone(), value)),
                    Some(Value::Array(several)) => several.push(value),
                    Some(one) => *one = Value::Array(vec![one.take(), value]),
                }
            }
            Value::Object(map)
        }
    }
}

/// Path segments, and the query as pairs in order; `+` in a query is a blank.
fn decoded(target: &str) -> (Vec<Cow<'_, str>>, Vec<(String, String)>) {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let word = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    let pairs = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (word(name), word(value))
    });
    (path.split('/').map(|segment| percent_decode_str(segment).decode_utf8_lossy()).collect(), pairs.collect())
}

/// The smallest places where two values differ. Values come from a parser with a depth limit or from a mapping.
fn compare(place: &str, expected: Option<&Value>, got: Option<&Value>, found: &mut Vec<(String, String, String)>) {
    match (expected, got) {
        (Some(Value::Object(a)), Some(Value::Object(b))) => {
            for key in a.keys().chain(b.keys().filter(|key| !a.contains_key(*key))) {
                compare(&format!("{place}.{key}"), a.get(key), b.get(key), found);
            }
        }
        (Some(Value::Array(a)), Some(Value::Array(b))) => {
            for i in 0..a.len().max(b.len()) {
                compare(&format!("{place}[{i}]"), a.get(i), b.get(i), found);
            }
        }
        (a, b) if a == b => {}
        (a, b) => found.push((place.to_owned(), short(a), short(b))),
    }
}

fn short(value: Option<&Value>) -> String {
    let Some(value) = value else { return "nothing".to_owned() };
    let text = value.to_string();
    if text.chars().count() <= 120 { text } else { text.chars().take(119).chain(['…']).collect() }
}
