//! One request, from bytes to bytes: read, plan and do, answer.

use std::borrow::Cow;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use jiff::Timestamp;
use serde_json::Value;

use crate::{
    mapping::Resource,
    metrics,
    plan::{
        Context,
        change::{Ask, shows},
        query,
        read::{Needs, Shown, View},
    },
    scim::{
        Refusal, ScimType, discovery, message,
        profile::Profile,
        projection::Projection,
        request::{self, Operation, Unread},
        version::{Preconditions, Verdict},
    },
};

use super::{
    Error, Gateway,
    caller::{Caller, RequestId},
    rescue::rescue,
    response::{json, nothing, projected, shown, unchanged},
    store::anew,
    version::version_in,
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
        match self.read(request)? {
            (request::Request::Bulk(bulk), _) => self.bulk(&bulk, request).await,
            (single, context) => self.single(single, request.headers(), &context).await,
        }
    }

    /// What a request asks for, and who asks.
    pub(super) fn read<'r>(&'r self, request: &'r Request<Bytes>) -> Result<(request::Request, Context<'r>), Error> {
        let (profile, client, tenant) = match request.extensions().get::<Caller>() {
            Some(caller) => (caller.profile, &*caller.client, caller.tenant.as_ref()),
            None => (Profile::STRICT, "", None),
        };
        let (limits, random) = (self.limits, self.random);
        let context = Context { profile, client, tenant, now: Timestamp::now(), base: &self.base, limits, random };
        let path = request.uri().path();
        let path = path.strip_prefix(self.base_path.as_str()).filter(|rest| rest.is_empty() || rest.starts_with('/'));
        let path = path.ok_or(Unread::NoEndpoint)?;
        let read = request::read(request.method(), path, request.uri().query(), request.body(), &self.types, &profile)?;
        Ok((read, context))
    }

    /// Answers what is one operation.
    pub(super) async fn single(
        &self,
        read: request::Request,
        headers: &HeaderMap,
        context: &Context<'_>,
    ) -> Result<Response<Bytes>, Error> {
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
            request::Request::Resource(at, operation, projection, ignored) => match self.resources.get(at) {
                Some(resource) => {
                    ignored.into_iter().for_each(|attribute| metrics::ignored(context.client, attribute));
                    let preconditions = Preconditions::read(headers)?;
                    self.operate(resource, operation, projection, &preconditions, context).await
                }
                None => Err(Unread::NoEndpoint.into()),
            },
            request::Request::Root(queries) => anew(|| self.root(queries.clone(), context)).await,
            request::Request::Bulk(_) => {
                Err(Refusal::new(ScimType::InvalidPath, "a bulk request does not hold another one").into())
            }
        }
    }

    async fn operate(
        &self,
        resource: &Resource,
        mut operation: Operation,
        projection: Projection,
        preconditions: &Preconditions,
        context: &Context<'_>,
    ) -> Result<Response<Bytes>, Error> {
        self.hash(resource, &mut operation).await?;
        match operation {
            Operation::Read { id } => {
                let needs = match preconditions.is_empty() {
                    true => Needs::one(resource, &projection),
                    false => Needs { shown: Shown::Versioned(Some(&projection)), ..Needs::NOTHING },
                };
                let read = async || self.record(&mut self.reading(context).await?, resource, &id, &needs).await;
                let record = anew(read).await?.ok_or_else(Error::absent)?;
                let found = self.resource(&View::new(resource, &needs), Cow::Owned(record))?;
                match preconditions.judge(version_in(&found)) {
                    Verdict::Go => Ok(shown(StatusCode::OK, found, &projection)),
                    Verdict::Same => Ok(unchanged(&found)),
                    Verdict::Changed => Err(Error::OtherVersion),
                }
            }
            Operation::Query(query) => {
                let (start, cursor) = (query.start_index, query.cursor.clone());
                let plan = query::plan(resource, query, projection, context)?;
                if let Some(cursor) = cursor {
                    let page =
                        async || self.by_cursor(&mut self.reading(context).await?, &plan, &cursor, context).await;
                    return Ok(json(StatusCode::OK, &anew(page).await?));
                }
                let page = async || self.by_index(&mut self.reading(context).await?, &plan, context.asker()).await;
                let found = anew(page).await?;
                let resources = found.resources.into_iter().map(|r| projected(r, &plan.projection)).collect();
                Ok(json(StatusCode::OK, &message::list_response(resources, found.total, start)))
            }
            Operation::Create { resource: sent } => {
                let made = anew(|| self.create(resource, &sent, &projection, context)).await?;
                Ok(shown(StatusCode::CREATED, made, &projection))
            }
            Operation::Replace { id, changes } => {
                let ask = Ask::Replace(&changes);
                let after = anew(|| self.change(resource, &id, ask, Some(&projection), preconditions, context)).await?;
                Ok(after.map_or_else(nothing, |r| shown(StatusCode::OK, r, &projection)))
            }
            Operation::Patch { id, patch, wants_answer } => {
                let show = shows(resource, wants_answer).then_some(&projection);
                let ask = Ask::Patch(&patch);
                let after = anew(|| self.change(resource, &id, ask, show, preconditions, context)).await?;
                Ok(after.map_or_else(nothing, |r| shown(StatusCode::OK, r, &projection)))
            }
            Operation::Delete { id } => {
                anew(|| self.delete(resource, &id, preconditions, context)).await?;
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
        let mut session = self.reading(context).await?;
        let (mut resources, mut total) = (Vec::new(), 0);
        for (at, mut query, projection) in queries {
            let Some(resource) = self.resources.get(at) else { continue };
            let wanted = query.count.unwrap_or(context.limits.page).min(context.limits.max_page);
            query.count = Some(wanted - resources.len().min(wanted));
            query.start_index = start.saturating_sub(total).max(1);
            let plan = query::plan(resource, query, projection, context)?;
            let found = self.query(&mut session, &plan, context.client).await?;
            resources.extend(found.resources.into_iter().map(|r| projected(r, &plan.projection)));
            total += found.total;
        }
        Ok(json(StatusCode::OK, &message::list_response(resources, total, start)))
    }
}

fn one(found: Option<Value>) -> Result<Response<Bytes>, Error> {
    found.map(|value| json(StatusCode::OK, &value)).ok_or_else(Error::absent)
}
