//! Many writes in one request (RFC 7644 §3.7). Each takes the road of a single request, one after another; there is no
//! transaction around them, so what was done stays done.

use std::collections::HashMap;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use serde_json::{Map, Value};

use crate::scim::{
    Refusal, ScimType,
    bulk::{self, Bulk, Operation},
    request::{
        self,
        Operation::{Create, Delete, Patch, Replace},
    },
};

use super::{Error, Gateway, caller::RequestId, rescue::rescue, response::json};

/// What became of one operation.
struct Outcome {
    /// The resource's address, where it is known.
    location: Option<String>,
    answer: Response<Bytes>,
}

impl Gateway {
    /// Does the operations of a bulk request and answers what became of each.
    pub(super) async fn bulk(&self, bulk: &Bulk, request: &Request<Bytes>) -> Result<Response<Bytes>, Error> {
        if bulk.operations.len() > self.limits.operations {
            return Err(Error::LongBulk { sent: bulk.operations.len(), most: self.limits.operations });
        }
        let number = request.extensions().get::<RequestId>();
        let order = bulk.order();
        let mut ids: HashMap<String, Option<String>> = HashMap::new();
        let mut results: Vec<Option<Value>> = vec![None; bulk.operations.len()];
        let mut failed = 0;
        for at in order.done.iter().chain(&order.circular).copied() {
            let Some(operation) = bulk.operations.get(at) else { continue };
            let outcome = match order.circular.contains(&at) {
                true => Outcome { location: None, answer: rescue(&Error::Circular, number) },
                false => self.one_of_bulk(operation, &ids, request).await,
            };
            let done = outcome.answer.status().is_success();
            if let Some(name) = operation.makes() {
                ids.insert(name.to_owned(), made(&outcome.answer).filter(|_| done));
            }
            if let Some(place) = results.get_mut(at) {
                *place = Some(result(operation, outcome));
            }
            failed += usize::from(!done);
            if bulk.fail_on_errors.is_some_and(|most| failed >= most) {
                break;
            }
        }
        let results: Vec<Value> = results.into_iter().flatten().collect();
        Ok(json(StatusCode::OK, &bulk::response(&results)))
    }

    /// One operation, as if it had been sent alone by the same client.
    async fn one_of_bulk(
        &self,
        operation: &Operation,
        ids: &HashMap<String, Option<String>>,
        request: &Request<Bytes>,
    ) -> Outcome {
        let number = request.extensions().get::<RequestId>();
        let operation = match operation.resolved(ids) {
            Ok(operation) => operation,
            Err(refusal) => return Outcome { location: None, answer: rescue(&refusal.into(), number) },
        };
        let path = operation.path.split('?').next().unwrap_or_default();
        let location = (operation.method != Method::POST).then(|| format!("{}{path}", self.base));
        let answer = match self.as_request(&operation, request) {
            Ok(single) => self.write(&single).await,
            Err(refusal) => Err(refusal.into()),
        };
        Outcome { location, answer: answer.unwrap_or_else(|error| rescue(&error, number)) }
    }

    /// Answers a request that must be a write.
    async fn write(&self, single: &Request<Bytes>) -> Result<Response<Bytes>, Error> {
        let (read, context) = self.read(single)?;
        match read {
            request::Request::Resource(_, Create { .. } | Replace { .. } | Patch { .. } | Delete { .. }, ..) => {
                self.single(read, single.headers(), &context).await
            }
            _ => {
                let detail =
                    "a bulk request holds POSTs to `/Users` or the like, and PUT, PATCH and DELETE of resources";
                Err(Refusal::new(ScimType::InvalidPath, detail).into())
            }
        }
    }

    fn as_request(&self, operation: &Operation, request: &Request<Bytes>) -> Result<Request<Bytes>, Refusal> {
        let body = match operation.method {
            Method::DELETE => Bytes::new(),
            _ => Bytes::from(operation.data.to_string()),
        };
        let mut single = Request::new(body);
        *single.method_mut() = operation.method.clone();
        *single.uri_mut() = format!("{}{}", self.base_path, operation.path).parse().map_err(|_| {
            let detail = format!("`{}` is no path; encode what cannot stand in a URL", operation.path);
            Refusal::new(ScimType::InvalidPath, detail)
        })?;
        if let Some(version) = &operation.version {
            let version = HeaderValue::from_str(version).map_err(|_| {
                Refusal::new(ScimType::InvalidValue, "`version` must be an entity tag, as `meta.version` tells it")
            })?;
            single.headers_mut().insert(header::IF_MATCH, version);
        }
        *single.extensions_mut() = request.extensions().clone();
        Ok(single)
    }
}

/// The id of the resource in an answer.
fn made(answer: &Response<Bytes>) -> Option<String> {
    let body: Value = serde_json::from_slice(answer.body()).ok()?;
    body.get("id")?.as_str().map(str::to_owned)
}

/// The result of an operation; its answer's body only where it says what went wrong.
fn result(operation: &Operation, outcome: Outcome) -> Value {
    let Outcome { location, answer } = outcome;
    let header = |name| answer.headers().get(name).and_then(|v: &HeaderValue| v.to_str().ok()).map(str::to_owned);
    let mut told = Map::new();
    let mut tell = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            told.insert(name.to_owned(), Value::String(value));
        }
    };
    tell("method", Some(operation.method.to_string()));
    tell("bulkId", operation.bulk_id.clone());
    tell("version", header(header::ETAG));
    tell("location", header(header::LOCATION).or(location));
    tell("status", Some(answer.status().as_u16().to_string()));
    if !answer.status().is_success() {
        told.insert("response".to_owned(), serde_json::from_slice(answer.body()).unwrap_or_default());
    }
    Value::Object(told)
}
