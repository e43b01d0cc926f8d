//! One request, from bytes to bytes: read, plan and do, answer.

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::{
    mapping::{Resource, translate},
    plan::{
        Context,
        change::{Ask, shows},
        query,
    },
    scim::{
        discovery, message,
        profile::Profile,
        projection::Projection,
        request::{self, Operation, Unread},
    },
};

use super::{
    Error, Gateway,
    caller::{Caller, RequestId},
    rescue::rescue,
};

impl Gateway {
    /// Answers a SCIM request. The caller stands in its extensions; without one, the strict profile applies.
    pub async fn answer(&self, request: Request<Bytes>) -> Response<Bytes> {
        let number = request.extensions().get::<RequestId>().cloned();
        let head = request.method() == Method::HEAD;
        let answer = self.try_answer(&request).await;
        let mut response = answer.unwrap_or_else(|error| rescue(&error, number.as_ref()));
        if head {
            *response.body_mut() = Bytes::new();
        }
        response
    }

    pub(super) async fn try_answer(&self, request: &Request<Bytes>) -> Result<Response<Bytes>, Error> {
        let (profile, client) = match request.extensions().get::<Caller>() {
            Some(caller) => (caller.profile, caller.client.to_string()),
            None => (Profile::STRICT, String::new()),
        };
        let context =
            Context { profile, client: &client, now: Timestamp::now(), base: &self.base, limits: self.limits };
        let path = request.uri().path();
        let path = path.strip_prefix(self.base_path.as_str()).filter(|rest| rest.is_empty() || rest.starts_with('/'));
        let path = path.ok_or(Unread::NoEndpoint)?;
        let read = request::read(request.method(), path, request.uri().query(), request.body(), &self.types, &profile)?;
        match read {
            request::Request::ServiceProviderConfig => {
                Ok(json(StatusCode::OK, &discovery::service_provider_config(&self.features, &self.base)))
            }
            request::Request::ResourceTypes(None) => {
                Ok(json(StatusCode::OK, &discovery::resource_types(&self.types, &self.base)))
            }
            request::Request::ResourceTypes(Some(name)) => {
                one(discovery::resource_type(&self.types, &name, &self.base))
            }
            request::Request::Schemas(None) => Ok(json(StatusCode::OK, &discovery::schemas(&self.types, &self.base))),
            request::Request::Schemas(Some(urn)) => one(discovery::schema(&self.types, &urn, &self.base)),
            request::Request::Resource(at, operation, projection) => match self.resources.get(at) {
                Some(resource) => self.operate(resource, operation, projection, &context).await,
                None => Err(Unread::NoEndpoint.into()),
            },
            request::Request::Root(queries) => self.root(queries, &context).await,
        }
    }

    async fn operate(
        &self,
        resource: &Resource,
        operation: Operation,
        projection: Projection,
        context: &Context<'_>,
    ) -> Result<Response<Bytes>, Error> {
        match operation {
            Operation::Read { id } => {
                let mut session = self.backend.read().await?;
                let needs =
                    crate::plan::read::Needs { shown: crate::plan::read::Shown::These(&projection), condition: None };
                match self.record(&mut session, resource, &id, &needs).await? {
                    Some(record) => {
                        Ok(shown(StatusCode::OK, translate::resource(resource, &record, &self.base)?, &projection))
                    }
                    None => Err(Error::absent()),
                }
            }
            Operation::Query(query) => {
                let start = query.start_index;
                let plan = query::plan(resource, query, projection, context)?;
                let mut session = self.backend.read().await?;
                let found = self.query(&mut session, &plan).await?;
                let resources = found.resources.into_iter().map(|r| projected(r, &plan.projection)).collect();
                Ok(json(StatusCode::OK, &message::list_response(resources, found.total, start)))
            }
            Operation::Create { resource: sent } => {
                let made = self.create(resource, &sent, &projection, context).await?;
                Ok(shown(StatusCode::CREATED, made, &projection))
            }
            Operation::Replace { id, changes } => {
                let after = self.change(resource, &id, Ask::Replace(&changes), &projection, true, context).await?;
                Ok(after.map_or_else(nothing, |r| shown(StatusCode::OK, r, &projection)))
            }
            Operation::Patch { id, patch, wants_answer } => {
                let wanted = shows(resource, wants_answer);
                let after = self.change(resource, &id, Ask::Patch(&patch), &projection, wanted, context).await?;
                Ok(after.map_or_else(nothing, |r| shown(StatusCode::OK, r, &projection)))
            }
            Operation::Delete { id } => {
                self.delete(resource, &id, context).await?;
                Ok(nothing())
            }
        }
    }

    /// One type after another: what is left of the page goes to the next type, and every type is counted.
    async fn root(
        &self,
        queries: Vec<(usize, request::Query, Projection)>,
        context: &Context<'_>,
    ) -> Result<Response<Bytes>, Error> {
        let start = queries.first().map_or(1, |(_, query, _)| query.start_index);
        let mut session = self.backend.read().await?;
        let (mut resources, mut total) = (Vec::new(), 0);
        for (at, mut query, projection) in queries {
            let Some(resource) = self.resources.get(at) else { continue };
            let wanted = query.count.unwrap_or(context.limits.page).min(context.limits.max_page);
            query.count = Some(wanted - resources.len().min(wanted));
            query.start_index = start.saturating_sub(total).max(1);
            let plan = query::plan(resource, query, projection, context)?;
            let found = self.query(&mut session, &plan).await?;
            resources.extend(found.resources.into_iter().map(|r| projected(r, &plan.projection)));
            total += found.total;
        }
        Ok(json(StatusCode::OK, &message::list_response(resources, total, start)))
    }
}

fn one(found: Option<Value>) -> Result<Response<Bytes>, Error> {
    found.map(|value| json(StatusCode::OK, &value)).ok_or_else(Error::absent)
}

fn projected(mut resource: Map<String, Value>, projection: &Projection) -> Value {
    projection.apply(&mut resource);
    Value::Object(resource)
}

/// A resource as the answer, with its address in `Location` (RFC 7644 §3.3).
fn shown(status: StatusCode, resource: Map<String, Value>, projection: &Projection) -> Response<Bytes> {
    let location = resource.get("meta").and_then(|m| m.get("location")?.as_str()).map(HeaderValue::from_str);
    let mut response = json(status, &projected(resource, projection));
    if let Some(Ok(location)) = location {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

fn nothing() -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

/// A JSON body in SCIM's media type (RFC 7644 §3.8).
pub(super) fn json(status: StatusCode, body: &Value) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(message::CONTENT_TYPE));
    response
}
