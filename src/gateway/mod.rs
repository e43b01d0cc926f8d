//! Joins the rooms: reads a request, has it planned, has the calls done, translates, checks, answers.
//!
//! [`answer`] is the table of contents; [`fetch`] and [`store`] do what a plan says; every fault becomes a SCIM error in
//! [`rescue`] and nowhere else (law 10).

mod anew;
mod answer;
mod bookmark;
mod bulk;
pub mod caller;
pub mod conversation;
mod cursor;
mod derived;
mod detail;
mod existing;
mod fetch;
mod hash;
mod joining;
mod kept;
mod left;
pub mod live;
mod order;
mod part;
mod probe;
mod rescue;
mod response;
mod scoped;
mod seal;
mod settle;
pub mod share;
mod steps;
mod store;
mod take_back;
mod version;
mod walk;

use std::sync::Arc;

use bytes::Bytes;
use http::Response;
use tokio::sync::Semaphore;

use crate::{
    backend::{Backend, Failure, Session},
    config,
    mapping::{
        Mapping, Records, Resource,
        answer::Class,
        catalog::{Catalog, Stored},
        sql::KeyKind,
        term::Random,
    },
    plan::{
        Context, Fault, Limits,
        explain::Unplanned,
        sql::{names, own},
    },
    scim::{
        Refusal,
        discovery::Features,
        request::Unread,
        schema::{Mutability, ResourceType},
    },
};

/// A mapping, the app behind it, and where the gateway stands.
#[derive(Debug)]
pub struct Gateway {
    backend: Backend,
    resources: Vec<Arc<Resource>>,
    types: Vec<ResourceType>,
    features: Features,
    base_path: String,
    base: String,
    limits: Limits,
    order: order::Order,
    bookmarks: bookmark::Bookmarks,
    fresh: settle::Fresh,
    seal: seal::Seal,
    hashing: Semaphore,
    random: Random,
    walks: Arc<share::Share>,
}

impl Gateway {
    /// `base_url` is what `meta.location` begins with, `base_path` what the paths of requests begin with.
    #[must_use]
    pub fn new(mapping: &Mapping, backend: Backend, base_path: &str, base_url: &str, limits: Limits) -> Self {
        let types: Vec<ResourceType> = mapping.resources.iter().map(|r| r.kind.clone()).collect();
        let writes_password = |t: &ResourceType| {
            t.schema.attributes.iter().any(|a| a.name == "password" && a.mutability != Mutability::ReadOnly)
        };
        let features = Features {
            page: limits.page,
            max_results: limits.max_page,
            cursor_seconds: seal::LIFE.as_secs(),
            max_operations: limits.operations,
            max_payload: limits.body,
            change_password: types.iter().any(writes_password),
        };
        Self {
            backend,
            resources: mapping.resources.clone(),
            types,
            features,
            base_path: base_path.to_owned(),
            base: base_url.to_owned(),
            limits,
            order: order::Order::default(),
            bookmarks: bookmark::Bookmarks::default(),
            fresh: settle::Fresh::of(&mapping.app),
            seal: seal::Seal::passing(),
            hashing: hash::places(),
            random: seal::letters,
            walks: share::Share::new(limits.walks, limits.client_walks),
        }
    }

    /// With random texts from elsewhere: a conversation is the same each time it is played.
    #[must_use]
    fn with_random(mut self, random: Random) -> Self {
        self.random = random;
        self
    }

    /// With keys for cursors, the first of which seals. Without any a key of the process's own is used.
    #[must_use]
    pub fn with_cursor_keys(mut self, keys: &[config::CursorKey]) -> Self {
        if !keys.is_empty() {
            self.seal = seal::Seal::new(keys);
        }
        self
    }
}

impl Gateway {
    /// A conversation with the app that only reads, of this client's tenant.
    async fn reading(&self, context: &Context<'_>) -> Result<Session, Failure> {
        Ok(self.backend.read().await?.of(context.client, context.tenant.cloned()))
    }

    /// One that writes.
    async fn writing(&self, context: &Context<'_>) -> Result<Session, Failure> {
        Ok(self.backend.write().await?.of(context.client, context.tenant.cloned()))
    }

    /// Whether the app answers at all; the cause is in the log if not.
    pub async fn app_answers(&self) -> bool {
        let answer = self.backend.ping().await;
        if let Err(failure) = &answer {
            tracing::warn!(cause = %failure, "the app does not answer");
        }
        answer.is_ok()
    }
}

/// Compares what a mapping names with what the database has, and tells what it says of it. An HTTP app tells nothing of
/// the kind.
///
/// # Errors
/// What cannot be used, in a sentence.
pub async fn catalog(backend: &Backend, mapping: &Mapping) -> Result<Catalog, String> {
    let Backend::Sql(sql) = backend else { return Ok(Catalog::default()) };
    let of = |records: &Records| match records {
        Records::Sql(records) => names::tables(records),
        Records::Rest(_) => Vec::new(),
    };
    let tables: Vec<_> = mapping.resources.iter().flat_map(|r| of(&r.records)).collect();
    let (mut catalog, unfit) = sql.catalog(&tables).await.map_err(|e| e.to_string())?;
    let mut names: Vec<String> = unfit.iter().map(ToString::to_string).collect();
    for resource in &mapping.resources {
        let Records::Sql(records) = &resource.records else { continue };
        for described in names::described(records) {
            match sql.describe(&described, &mut catalog).await {
                Ok(unfit) => names.extend(unfit.iter().map(ToString::to_string)),
                Err(failure) => names.push(format!("what {} is read from: {failure}", resource.kind.name)),
            }
        }
        for statement in own::all(records) {
            if let Err(failure) = sql.check(&statement).await {
                names.push(format!("a statement of {}, `{}`: {failure}", resource.kind.name, statement.sql));
            }
        }
    }
    for resource in &mapping.resources {
        let Records::Sql(records) = &resource.records else { continue };
        let (table, key) = (&records.rows.name, &records.key);
        if key.kind == KeyKind::Text && catalog.column(table, &key.column) == Some(&Stored::Uuid) {
            let (column, table) = (&key.column.0, &table.0);
            names.push(format!(
                "the key `{column}` of `{table}` is a UUID and no text: write `key: {{ column: {column}, type: uuid }}`"
            ));
        }
    }
    names.sort();
    names.dedup();
    if names.is_empty() {
        return Ok(catalog);
    }
    Err(format!("the database does not fit the mapping: {}", names.join("; ")))
}

/// The SCIM error that a request without a plan is answered with.
#[must_use]
pub fn refuse(unplanned: Unplanned) -> Response<Bytes> {
    let error = match unplanned {
        Unplanned::Unread(unread) => Error::Unread(unread),
        Unplanned::Fault(fault) => Error::Plan(fault),
    };
    rescue::rescue(&error, None)
}

/// Why a request has no answer but an error. Knows no HTTP status: [`rescue`] does.
#[derive(Debug)]
enum Error {
    /// The request is none.
    Unread(Unread),
    /// There is no plan.
    Plan(Fault),
    /// The app answered, and not with what was asked for.
    App {
        /// What the answer means.
        class: Class,
        /// A sentence for the client: from the mapping's rule, or about what was done before.
        detail: Option<String>,
        /// How long the app asks us to wait, in seconds.
        retry_after: Option<u64>,
        /// For the log.
        status: Option<u16>,
    },
    /// There was no usable answer.
    Backend(Failure),
    /// A bulk request of more operations than are taken.
    LongBulk {
        /// How many it has.
        sent: usize,
        /// How many are taken.
        most: usize,
    },
    /// Operations of a bulk request that wait for each other.
    Circular,
    /// The resource is not, or is, of the version that the request is meant for.
    OtherVersion,
    /// A password could not be made into a hash: the system gives no random numbers or no memory.
    NoHash,
    /// The app does not know who is to become a member.
    NoMember,
    /// The error of a call that may have acted all the same.
    Unsure(Box<Error>),
    /// The error of a later call, after what took effect.
    After(Box<Error>, left::Left),
    /// There are too many walks under way, of this client or in all.
    Crowded(share::Full),
    /// The list changed while it was read, twice.
    Drift,
    /// The place where a page ended is not to be found any more.
    LostPlace,
    /// The app answered a row that its filter rule promised to leave out.
    BrokenPromise(String),
}

impl From<Unread> for Error {
    fn from(unread: Unread) -> Self {
        Self::Unread(unread)
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Self::Plan(fault)
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Plan(Fault::Refused(refusal))
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self::Backend(failure)
    }
}

impl From<crate::mapping::codec::Unreadable> for Error {
    fn from(unreadable: crate::mapping::codec::Unreadable) -> Self {
        Self::Plan(Fault::Unreadable(unreadable))
    }
}

/// What a request may cost, as the configuration says.
impl From<&config::Limits> for Limits {
    fn from(limits: &config::Limits) -> Self {
        Self {
            rows: limits.rows,
            calls: limits.calls,
            page: limits.page,
            max_page: limits.max_page,
            walks: limits.walks,
            client_walks: limits.client_walks,
            operations: limits.operations(),
            body: limits.body,
        }
    }
}
