//! Filling the holes of a call: the one step between the mapping's words and what goes over the wire. Each value passes
//! through the encoder of its place (law 8).

use http::HeaderValue;

use crate::mapping::{
    call::{CallTemplate, Segment},
    template::{Place, Unfit, percent},
    term::{Scope, Term},
};

use super::{
    Fault,
    call::{Call, HttpCall},
};

/// A call with its holes filled. `over`: query parameters laid over the call's own, by key.
///
/// # Errors
/// A name without value (nothing is sent), or a value that cannot stand in its place.
pub fn fill(template: &CallTemplate, over: &[(String, Term)], scope: &Scope<'_>) -> Result<Call, Fault> {
    let mut target = String::new();
    for segment in &template.path {
        target.push('/');
        match segment {
            Segment::Literal(text) => target.push_str(text),
            Segment::Text(text) => target.push_str(&text.render(Place::Segment, |path| scope.at(path))?),
        }
    }
    let own = template.query.iter().filter(|(key, _)| !over.iter().any(|(k, _)| k == key));
    let mut mark = '?';
    for (key, term) in own.chain(over) {
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
            let unfit = |_| Unfit::Value { name: name.to_string(), why: "it cannot stand in a header" };
            headers.push((name.clone(), HeaderValue::from_str(&value).map_err(unfit)?));
        }
    }
    let body = match &template.json {
        Some(term) => term.evaluate(Place::Text, scope)?,
        None => None,
    };
    Ok(Call::Http(HttpCall {
        method: template.method.clone(),
        target,
        headers,
        body,
        answers: template.answers.clone(),
        repeat: template.repeat,
    }))
}
