//! A SCIM request as read: which endpoint, which operation, with its parameters and body checked against the resource type
//! (RFC 7644 §3.2).

use http::Method;
use serde_json::{Map, Value};

use super::{
    Refusal, ScimType, body, bulk,
    change::{Change, To},
    condition::Condition,
    filter::Filter,
    ignored,
    patch::Patch,
    profile::Profile,
    projection::Projection,
    resource,
    schema::{ResourceType, Target},
    sort::Sort,
};

/// What a client wants.
// one is made for each request, and matched at once: a box would only cost
#[allow(clippy::large_enum_variant)]
#[derive(Debug)]
pub enum Request {
    /// `GET /ServiceProviderConfig`.
    ServiceProviderConfig,
    /// `GET /ResourceTypes` or one of them.
    ResourceTypes(Option<String>),
    /// `GET /Schemas` or one of them.
    Schemas(Option<String>),
    /// An operation on resources of one type: its place in the list of types, and what the answer holds. Last the names of
    /// the schemas' attributes that a write passes over, as they are not mapped.
    Resource(usize, Operation, Projection, Box<[String]>),
    /// `GET /` or `POST /.search`: one query for each type, one type after another (RFC 7644 §3.4.2.1).
    Root(Vec<(usize, Query, Projection)>),
    /// `POST /Bulk`: many writes (RFC 7644 §3.7).
    Bulk(bulk::Bulk),
}

/// A query for resources of one type.
#[derive(Debug, Clone)]
pub struct Query {
    /// What every resource of the answer fulfils.
    pub condition: Condition,
    /// The order; none: the one in which the app holds them.
    pub sort: Option<Sort>,
    /// The first one, from 1 (RFC 7644 §3.4.2.4).
    pub start_index: usize,
    /// The cursor (RFC 9865 §2), empty for the first page; none: pages by index.
    pub cursor: Option<String>,
    /// How many at most; none: as many as the service gives.
    pub count: Option<usize>,
}

/// An operation on resources of one type.
#[derive(Debug)]
pub enum Operation {
    /// `GET /Users/1`.
    Read {
        /// The resource.
        id: String,
    },
    /// `GET /Users?filter=…` or `POST /Users/.search`.
    Query(Query),
    /// `POST /Users`.
    Create {
        /// The canonical resource that was sent.
        resource: Map<String, Value>,
    },
    /// `PUT /Users/1`.
    Replace {
        /// The resource.
        id: String,
        /// What the body sets and clears.
        changes: Vec<Change>,
    },
    /// `PATCH /Users/1`.
    Patch {
        /// The resource.
        id: String,
        /// What the body does.
        patch: Patch,
        /// Whether the answer must hold the resource: `attributes` was given (RFC 7644 §3.5.2).
        wants_answer: bool,
    },
    /// `DELETE /Users/1`.
    Delete {
        /// The resource.
        id: String,
    },
}

impl Operation {
    /// The values that a write brings for a single attribute.
    pub fn values_mut(&mut self, target: &Target) -> Vec<&mut Value> {
        match self {
            Self::Create { resource } => resource::get_mut(resource, target).into_iter().collect(),
            Self::Replace { changes, .. } => {
                let mine = changes.iter_mut().filter(|change| target.covers(&change.target));
                mine.filter_map(|change| if let To::Value(value) = &mut change.to { Some(value) } else { None })
                    .collect()
            }
            Self::Patch { patch, .. } => patch.values_mut(target).collect(),
            Self::Read { .. } | Self::Query(_) | Self::Delete { .. } => Vec::new(),
        }
    }
}

/// Why a request is no operation at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unread {
    /// The client's data.
    Refused(Refusal),
    /// No endpoint has this path.
    NoEndpoint,
    /// The endpoint has other methods.
    Method(&'static [Method]),
    /// An endpoint or parameter of the protocol that is not offered; a sentence.
    NotOffered(String),
    /// A filter on a discovery endpoint (RFC 7644 §4).
    Forbidden(String),
}

impl From<Refusal> for Unread {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

const COLLECTION: &[Method] = &[Method::GET, Method::POST];
const ONE: &[Method] = &[Method::GET, Method::PUT, Method::PATCH, Method::DELETE];
const DISCOVERY: &[Method] = &[Method::GET];
const SEARCH: &[Method] = &[Method::POST];
const BULK: &[Method] = &[Method::POST];
const ROOT: &[Method] = &[Method::GET];
const SEARCH_REQUEST: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";

/// The query parameters that are known; others are ignored (RFC 7644 §3.4.2).
#[derive(Debug, Default)]
struct Parameters {
    filter: Option<String>,
    start_index: Option<String>,
    count: Option<String>,
    sort_by: Option<String>,
    sort_order: Option<String>,
    cursor: Option<String>,
    attributes: Option<String>,
    excluded: Option<String>,
}

/// Reads a request. `path` is what follows the base path, encoded; `query` is what follows `?`, encoded.
///
/// # Errors
/// See [`Unread`].
pub fn read(
    method: &Method,
    path: &str,
    query: Option<&str>,
    body: &[u8],
    types: &[ResourceType],
    profile: &Profile,
) -> Result<Request, Unread> {
    let segments = segments(path)?;
    let parameters = parameters(query.unwrap_or_default())?;
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    if let [name @ ("ServiceProviderConfig" | "ResourceTypes" | "Schemas"), rest @ ..] = segments.as_slice() {
        return discovery(method, name, rest, &parameters);
    }
    let (endpoint, rest) = match segments.as_slice() {
        [] if matches!(method.as_str(), "GET" | "HEAD") => return root(&parameters, types, profile),
        [] => return Err(Unread::Method(ROOT)),
        [".search"] if method == Method::POST => return root(&search(&json(body)?)?, types, profile),
        [".search"] => return Err(Unread::Method(SEARCH)),
        ["Bulk"] if method == Method::POST => return Ok(Request::Bulk(bulk::read(&json(body)?)?)),
        ["Bulk"] => return Err(Unread::Method(BULK)),
        [endpoint, rest @ ..] => (endpoint, rest),
    };
    let Some(at) = types.iter().position(|t| t.endpoint.trim_start_matches('/') == *endpoint) else {
        return Err(match *endpoint {
            "Me" => {
                let detail = "`/Me` is not offered: a token here stands for a client, and for none of the users";
                Unread::NotOffered(detail.to_owned())
            }
            _ if is_version(endpoint) => Refusal::new(
                ScimType::InvalidVers,
                format!("`{endpoint}` is not a version of the protocol that is offered here"),
            )
            .into(),
            _ => Unread::NoEndpoint,
        });
    };
    let kind = &types[at];
    let mut passed_over = Box::default();
    let operation = match (rest, method.as_str()) {
        ([], "GET" | "HEAD") => Operation::Query(query_of(&parameters, kind, profile)?),
        ([], "POST") => {
            let body = json(body)?;
            let resource = body::read_create(&body, kind, profile)?;
            passed_over = ignored::by_body(&body, kind, profile);
            Operation::Create { resource }
        }
        ([], _) => return Err(Unread::Method(COLLECTION)),
        ([".search"], "POST") => {
            let parameters = search(&json(body)?)?;
            let query = query_of(&parameters, kind, profile)?;
            let projection = parameters.projection(kind)?;
            return Ok(Request::Resource(at, Operation::Query(query), projection, Box::default()));
        }
        ([".search"], _) => return Err(Unread::Method(SEARCH)),
        ([id], "GET" | "HEAD") => Operation::Read { id: (*id).to_owned() },
        ([id], "PUT") => {
            let body = json(body)?;
            let changes = body::read_replace(&body, kind, profile)?;
            passed_over = ignored::by_body(&body, kind, profile);
            Operation::Replace { id: (*id).to_owned(), changes }
        }
        ([id], "PATCH") => {
            let body = json(body)?;
            let patch = Patch::parse(&body, kind, profile, id)?;
            passed_over = ignored::by_patch(&body, kind, profile);
            Operation::Patch { id: (*id).to_owned(), patch, wants_answer: parameters.attributes.is_some() }
        }
        ([id], "DELETE") => Operation::Delete { id: (*id).to_owned() },
        ([_], _) => return Err(Unread::Method(ONE)),
        _ => return Err(Unread::NoEndpoint),
    };
    let mut projection = parameters.projection(kind)?;
    let reads = matches!(operation, Operation::Read { .. } | Operation::Query(_));
    if !reads && parameters.attributes.is_none() && parameters.excluded.is_none() {
        projection = projection.with_written(kind, &|target| operation.writes(target));
    }
    Ok(Request::Resource(at, operation, projection, passed_over))
}

impl Operation {
    fn writes(&self, target: &Target) -> bool {
        match self {
            Self::Create { resource } => resource::get(resource, target).is_some(),
            Self::Replace { changes, .. } => changes.iter().any(|change| change.target.covers(target)),
            Self::Patch { patch, .. } => patch.names(target),
            Self::Read { .. } | Self::Query(_) | Self::Delete { .. } => false,
        }
    }
}

fn discovery(method: &Method, name: &str, rest: &[&str], parameters: &Parameters) -> Result<Request, Unread> {
    if !matches!(method.as_str(), "GET" | "HEAD") {
        return Err(Unread::Method(DISCOVERY));
    }
    if parameters.filter.is_some() {
        return Err(Unread::Forbidden(format!("`/{name}` takes no filter")));
    }
    let one = match rest {
        [] => None,
        [one] => Some((*one).to_owned()),
        _ => return Err(Unread::NoEndpoint),
    };
    match (name, one) {
        ("ServiceProviderConfig", None) => Ok(Request::ServiceProviderConfig),
        ("ResourceTypes", one) => Ok(Request::ResourceTypes(one)),
        ("Schemas", one) => Ok(Request::Schemas(one)),
        _ => Err(Unread::NoEndpoint),
    }
}

fn root(parameters: &Parameters, types: &[ResourceType], profile: &Profile) -> Result<Request, Unread> {
    if parameters.cursor.is_some() {
        return Err(Unread::NotOffered(
            "`cursor` is not offered here, where types come one after another; page through one type, such as `/Users`"
                .to_owned(),
        ));
    }
    if parameters.sort_by.is_some() {
        return Err(Unread::NotOffered(
            "`sortBy` is not offered here, where types come one after another; sort one type, such as `/Users`"
                .to_owned(),
        ));
    }
    let queries: Result<Vec<_>, Unread> = types
        .iter()
        .enumerate()
        .map(|(at, kind)| Ok((at, query_of(parameters, kind, profile)?, parameters.projection(kind)?)))
        .collect();
    Ok(Request::Root(queries?))
}

/// A SearchRequest says in a body what a query says in a URL (RFC 7644 §3.4.3).
fn search(body: &Value) -> Result<Parameters, Refusal> {
    let wrong = |detail: String| Refusal::new(ScimType::InvalidSyntax, detail);
    let object = body.as_object().ok_or_else(|| wrong("a search request is a JSON object".to_owned()))?;
    let is_search = |v: &Value| v.as_array().is_some_and(|s| s.iter().any(|s| s.as_str() == Some(SEARCH_REQUEST)));
    let mut found = Parameters::default();
    let mut named = false;
    for (name, value) in object.iter().filter(|(_, v)| !v.is_null()) {
        let text = || value.as_str().map(str::to_owned).ok_or_else(|| wrong(format!("`{name}` must be a text")));
        let whole = || match value {
            Value::Number(n) => Ok(n.to_string()),
            _ => Err(wrong(format!("`{name}` must be a whole number"))),
        };
        let names = || {
            let list = value.as_array().and_then(|l| l.iter().map(|v| v.as_str()).collect::<Option<Vec<_>>>());
            list.map(|l| l.join(",")).ok_or_else(|| wrong(format!("`{name}` must be a list of names")))
        };
        match name.to_ascii_lowercase().as_str() {
            "schemas" => named = is_search(value),
            "filter" => found.filter = Some(text()?),
            "startindex" => found.start_index = Some(whole()?),
            "count" => found.count = Some(whole()?),
            "attributes" => found.attributes = Some(names()?),
            "excludedattributes" => found.excluded = Some(names()?),
            "sortby" => found.sort_by = Some(text()?),
            "sortorder" => found.sort_order = Some(text()?),
            "cursor" => found.cursor = Some(text()?),
            _ => {}
        }
    }
    if named { Ok(found) } else { Err(wrong(format!("`schemas` of a search request must hold {SEARCH_REQUEST}"))) }
}

impl Parameters {
    fn projection(&self, kind: &ResourceType) -> Result<Projection, Refusal> {
        Projection::parse(self.attributes.as_deref(), self.excluded.as_deref(), kind)
    }
}

fn query_of(parameters: &Parameters, kind: &ResourceType, profile: &Profile) -> Result<Query, Unread> {
    let condition = match &parameters.filter {
        Some(text) => Condition::resolve(&Filter::parse(text, profile)?, kind, profile)?,
        None => Condition::Always,
    };
    let sort = match &parameters.sort_by {
        Some(by) => Some(Sort::parse(by, parameters.sort_order.as_deref(), kind)?),
        None => None,
    };
    let cursor = parameters.cursor.clone();
    let count_type = if cursor.is_some() { ScimType::InvalidCount } else { ScimType::InvalidValue };
    let number = |name: &str, text: &Option<String>, scim_type| -> Result<Option<i64>, Refusal> {
        let read = |text: &String| {
            text.parse().map_err(|_| Refusal::new(scim_type, format!("`{name}` must be a whole number")))
        };
        text.as_ref().map(read).transpose()
    };
    // Below 1 means 1, below 0 means 0 (RFC 7644 §3.4.2.4).
    let start_index = number("startIndex", &parameters.start_index, ScimType::InvalidValue)?.unwrap_or(1).max(1);
    let count = number("count", &parameters.count, count_type)?;
    if cursor.is_some() && parameters.start_index.is_some() {
        let detail = "`cursor` and `startIndex` are two ways through a list; use one";
        return Err(Refusal::new(ScimType::InvalidValue, detail).into());
    }
    if cursor.is_some() && count.is_some_and(|count| count < 1) {
        return Err(Refusal::new(count_type, "a page by cursor has at least one resource").into());
    }
    let count = count.map(|n| usize::try_from(n.max(0)).unwrap_or(usize::MAX));
    Ok(Query { condition, sort, start_index: usize::try_from(start_index).unwrap_or(usize::MAX), cursor, count })
}

/// The path's segments, decoded; a slash at the end is forgiven.
pub(super) fn segments(path: &str) -> Result<Vec<String>, Unread> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    if path.is_empty() {
        return Ok(Vec::new());
    }
    path.split('/').map(|s| decode(s, false).filter(|s| !s.is_empty()).ok_or(Unread::NoEndpoint)).collect()
}

fn parameters(query: &str) -> Result<Parameters, Unread> {
    let mut found = Parameters::default();
    for pair in query.split('&').filter(|p| !p.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let bad = || {
            Refusal::new(ScimType::InvalidValue, format!("the query parameter `{name}` is not percent-encoded UTF-8"))
        };
        let name = decode(name, true).ok_or_else(bad)?;
        let value = decode(value, true).ok_or_else(bad)?;
        let place = match name.to_ascii_lowercase().as_str() {
            "filter" => &mut found.filter,
            "startindex" => &mut found.start_index,
            "count" => &mut found.count,
            "attributes" => &mut found.attributes,
            "excludedattributes" => &mut found.excluded,
            "sortby" => &mut found.sort_by,
            "sortorder" => &mut found.sort_order,
            "cursor" => &mut found.cursor,
            _ => continue,
        };
        if place.replace(value).is_some() {
            return Err(
                Refusal::new(ScimType::InvalidValue, format!("the query parameter `{name}` is given twice")).into()
            );
        }
    }
    Ok(found)
}

/// Percent-decoding; in a query `+` is a blank (RFC 7644 §1.3 follows the form encoding that clients use).
fn decode(text: &str, plus: bool) -> Option<String> {
    let spaced = if plus { text.replace('+', " ") } else { text.to_owned() };
    let mut rest = spaced.as_str();
    while let Some(at) = rest.find('%') {
        rest = &rest[at + 1..];
        if !rest.as_bytes().get(..2)?.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
    }
    percent_encoding::percent_decode_str(&spaced).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

/// Whether a segment of a path reads as a version of the protocol: `v2`, `v2.1`.
#[must_use]
pub fn is_version(segment: &str) -> bool {
    segment.strip_prefix(['v', 'V']).is_some_and(|n| !n.is_empty() && n.chars().all(|c| c.is_ascii_digit() || c == '.'))
}

fn json(body: &[u8]) -> Result<Value, Refusal> {
    serde_json::from_slice(body)
        .map_err(|e| Refusal::new(ScimType::InvalidSyntax, format!("the body is not JSON: {e}")))
}
