//! Filling the holes of a call: the one step between the mapping's words and what goes over the wire. Each value passes
//! through the encoder of its place (law 8).

use http::HeaderValue;
use serde_json::Value;

use crate::mapping::{
    call::{BodyTemplate, CallTemplate, Segment},
    template::{Place, Unfit, percent},
    term::Scope,
};

use super::{
    Fault,
    call::{Body, Call, HttpCall},
};

/// A call with its holes filled.
///
/// # Errors
/// A name without value (nothing is sent), or a value that cannot stand in its place.
pub fn fill(template: &CallTemplate, scope: &Scope<'_>) -> Result<Call, Fault> {
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
        if let Some(value) = term.text(Place::Query, scope)? {
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
            // who reads a header takes blanks off its ends
            let whole = HeaderValue::from_str(&value).ok().filter(|_| value.trim() == value && !value.is_empty());
            headers.push((name.clone(), whole.ok_or_else(|| unfit(name.as_str(), "it cannot stand in a header"))?));
        }
    }
    let body = template.body.as_ref().map(|body| self::body(body, scope)).transpose()?.flatten();
    Ok(Call::Http(HttpCall {
        method: template.method.clone(),
        target,
        headers,
        body,
        answers: template.answers.clone(),
        repeat: template.repeat,
    }))
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
