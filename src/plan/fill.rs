//! Filling the holes of a call: the one step between the mapping's words and what goes over the wire. Each value passes
//! through the encoder of its place (law 8).
//!
//! What of a call only its sender knows, values of the client's tenant and of the session with the app, is shown by its name. When
//! it is sent it is made again with them, from its template: they pass through the same encoders, and no plan, log or conversation holds
//! them.

use std::borrow::Cow;

use http::{HeaderName, HeaderValue};
use serde_json::Value;

use crate::mapping::{
    call::{BodyTemplate, CallTemplate, Segment, Sends},
    percent::percent,
    template::{Place, Unfit},
    term::{Scope, Term},
};

use super::{
    Fault,
    call::{Body, Call, HttpCall},
    open::{Known, Open},
};

/// A call with its holes filled.
///
/// # Errors
/// A name without value (nothing is sent), or a value that cannot stand in its place.
pub fn fill(template: &CallTemplate, scope: &Scope<'_>) -> Result<Call, Fault> {
    let open = Open::of(&template.sends, scope);
    let filled = match &open {
        None => filled(&template.sends, scope)?,
        Some(open) => filled(&template.sends, &open.names(&Known::default()))?,
    };
    Ok(Call::Http(HttpCall {
        method: template.method.clone(),
        target: filled.target,
        headers: filled.headers,
        body: filled.body,
        answers: template.answers.clone(),
        repeat: template.repeat,
        open: open.map(Box::new),
        linked: false,
    }))
}

/// The call with what its sender knows in it.
///
/// # Errors
/// A name without value, or a value that cannot stand in its place.
pub fn closed<'c>(call: &'c HttpCall, known: &Known<'_>) -> Result<Cow<'c, HttpCall>, Fault> {
    let Some(open) = &call.open else { return Ok(Cow::Borrowed(call)) };
    let filled = filled(&open.sends, &open.names(known))?;
    let mut closed = HttpCall { headers: filled.headers, body: filled.body, open: None, ..call.clone() };
    if !call.linked {
        closed.target = filled.target;
        add_query(&mut closed.target, &open.beside.query);
    }
    closed.headers.extend(open.beside.headers.iter().cloned());
    Ok(Cow::Owned(closed))
}

/// A call with more parameters and headers. Where it is made again for its sender, they are added again.
pub(super) fn with(mut call: HttpCall, query: &[(String, String)], headers: &[(HeaderName, HeaderValue)]) -> HttpCall {
    add_query(&mut call.target, query);
    call.headers.extend(headers.iter().cloned());
    if let Some(open) = &mut call.open {
        open.beside.query.extend(query.iter().cloned());
        open.beside.headers.extend(headers.iter().cloned());
    }
    call
}

fn add_query(target: &mut String, query: &[(String, String)]) {
    for (key, value) in query {
        target.push(if target.contains('?') { '&' } else { '?' });
        target.push_str(&format!("{}={value}", percent(key)));
    }
}

/// What is sent, as far as it is known.
struct Filled {
    target: String,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Option<Body>,
}

fn filled(template: &Sends, scope: &Scope<'_>) -> Result<Filled, Unfit> {
    let mut target = String::new();
    for segment in &template.path {
        target.push('/');
        match segment {
            Segment::Literal(text) => target.push_str(text),
            Segment::Text(text) => target.push_str(&text.render(Place::Segment, |path| scope.at(path))?),
        }
    }
    let mut mark = '?';
    for (key, term) in &template.query {
        for value in parameters(key, term, scope)? {
            target.push(mark);
            target.push_str(&percent(key));
            target.push('=');
            target.push_str(&value);
            mark = '&';
        }
    }
    let mut headers = Vec::with_capacity(template.headers.len());
    for (name, term) in &template.headers {
        if let Some(value) = term.text(Place::Header, scope)? {
            headers.push((
                name.clone(),
                header_value(&value).ok_or_else(|| unfit(name.as_str(), "it cannot stand in a header"))?,
            ));
        }
    }
    let body = template.body.as_ref().map(|body| self::body(body, scope)).transpose()?.flatten();
    Ok(Filled { target, headers, body })
}

/// The values of a parameter: of one whose name ends in `[]` each item of a list.
fn parameters(key: &str, term: &Term, scope: &Scope<'_>) -> Result<Vec<String>, Unfit> {
    if key.ends_with("[]")
        && let Some(Value::Array(items)) = term.evaluate(Place::Query, scope)?
    {
        return items
            .into_iter()
            .map(|item| Ok(Term::Literal(item).text(Place::Query, scope)?.unwrap_or_default()))
            .collect();
    }
    Ok(term.text(Place::Query, scope)?.into_iter().collect())
}

/// A value that arrives as it is: who reads a header takes blanks off its ends.
pub(super) fn header_value(text: &str) -> Option<HeaderValue> {
    HeaderValue::from_str(text).ok().filter(|_| text.trim() == text && !text.is_empty())
}

fn body(template: &BodyTemplate, scope: &Scope<'_>) -> Result<Option<Body>, Unfit> {
    let Some(made) = template.term().evaluate(Place::Text, scope)? else { return Ok(None) };
    Ok(Some(match template {
        BodyTemplate::Json(_) => Body::Json(made),
        BodyTemplate::Form(_) => {
            let Value::Object(fields) = &made else { return Err(unfit("the form", "it is not made of fields")) };
            let mut pairs = Vec::new();
            for (name, value) in fields {
                form(name.clone(), value, &mut pairs)?;
            }
            Body::Form(pairs)
        }
        BodyTemplate::Text(_) => match made {
            Value::String(text) => Body::Text(text),
            Value::Number(_) | Value::Bool(_) => Body::Text(made.to_string()),
            _ => return Err(unfit("the text", "it is not one value")),
        },
    }))
}

/// The pairs of one field: `a=1`, `a[b]=2` for what is in it, `a[]=3` for the items of a list. What has no such form in
/// which every app reads the same is refused.
fn form(name: String, value: &Value, pairs: &mut Vec<(String, String)>) -> Result<(), Unfit> {
    match value {
        Value::String(text) => pairs.push((name, text.clone())),
        Value::Number(_) | Value::Bool(_) => pairs.push((name, value.to_string())),
        Value::Null => {
            return Err(unfit(&name, "a form has no word for `no value`; the line can say one with `empty`"));
        }
        Value::Array(items) if items.is_empty() => return Err(unfit(&name, "a form cannot say an empty list")),
        Value::Array(items) => {
            for item in items {
                if matches!(item, Value::Array(_) | Value::Object(_)) {
                    return Err(unfit(&name, "a form cannot say a list of more than plain values"));
                }
                form(format!("{name}[]"), item, pairs)?;
            }
        }
        Value::Object(fields) if fields.is_empty() => {
            return Err(unfit(&name, "a form cannot say an object without fields"));
        }
        Value::Object(fields) => {
            for (key, value) in fields {
                if key.is_empty() || key.contains(['[', ']']) {
                    return Err(unfit(&name, "a field's name in it would be read as something else in a form"));
                }
                form(format!("{name}[{key}]"), value, pairs)?;
            }
        }
    }
    Ok(())
}

fn unfit(name: &str, why: &'static str) -> Unfit {
    Unfit::Value { name: name.to_owned(), why }
}
