//! Does one call: a [`Call`] in, a [`Reply`] out. A backend knows calls and replies and has never heard of SCIM.
//!
//! A [`Session`] is one request's conversation with the app: over HTTP nothing but the client, in SQL one transaction, so
//! that all statements of a request see the same state and a write happens wholly or not at all. What a reply means is
//! its class; a [`Failure`] is an exchange that came to no reply.

mod classify;
pub mod failure;
pub mod rest;
pub mod script;
pub mod sql;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::{StreamExt, stream::FuturesOrdered};
use serde_json::Value;

use crate::{
    config::Tenant,
    mapping::App,
    metrics,
    plan::call::{Bind, Call, Expect, Reply, Statement},
};

pub use self::failure::{Failure, Fault, Kind, OpenError};

/// Calls of this process, over all sessions.
static CALLS: AtomicU64 = AtomicU64::new(0);

/// How many calls this process has made.
#[must_use]
pub fn calls_made() -> u64 {
    CALLS.load(Ordering::Relaxed)
}

/// How deep the JSON of an answer may be nested.
pub const DEPTH: usize = 64;

/// The most calls of one request that are under way at once.
const TOGETHER: usize = 4;

/// What one call may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The time of one call, from its first byte to the last of the answer.
    pub call_time: Duration,
    /// The bytes of one answer.
    pub answer_bytes: usize,
    /// How deep the JSON of an answer may be nested.
    pub depth: usize,
}

/// The app, reachable.
#[derive(Debug)]
pub enum Backend {
    /// Over HTTP.
    Rest(Arc<rest::Rest>),
    /// In SQL.
    Sql(sql::Sql),
    /// From a conversation written down.
    Script(Arc<script::Script>),
}

impl Backend {
    /// Makes ready what calls need. A database is opened; an HTTP app is not called yet.
    ///
    /// # Errors
    /// A sentence for the operator: the database file is not there, or the system has no root certificates.
    pub async fn open(app: &App, limits: Limits) -> Result<Self, OpenError> {
        match app {
            App::Rest(app) => rest::Rest::open(app.clone(), limits).map(|rest| Self::Rest(Arc::new(rest))),
            App::Sql(app) => sql::Sql::open(&app.url, limits, app.answers.clone()).await.map(Self::Sql),
        }
    }

    /// Asks the app for a sign of life, with as little as can be asked.
    ///
    /// # Errors
    /// There is none.
    pub async fn ping(&self) -> Result<(), Failure> {
        match self {
            Self::Rest(rest) => rest.ping().await,
            Self::Sql(sql) => {
                let statement = Statement { sql: "SELECT 1".into(), binds: Vec::new(), expect: Expect::Any };
                sql.read().await?.call(&statement).await.map(drop)
            }
            Self::Script(_) => Ok(()),
        }
    }

    /// A conversation that only reads; in SQL all its statements see one state.
    ///
    /// # Errors
    /// The database cannot be reached, or is busy.
    pub async fn read(&self) -> Result<Session, Failure> {
        Ok(Session::new(match self {
            Self::Rest(rest) => With::Rest(rest.clone()),
            Self::Sql(sql) => With::Sql(sql.read().await?),
            Self::Script(script) => With::Script(script.clone()),
        }))
    }

    /// A conversation that writes; in SQL one transaction that nobody writes beside.
    ///
    /// # Errors
    /// The database cannot be reached, or is busy.
    pub async fn write(&self) -> Result<Session, Failure> {
        Ok(Session::new(match self {
            Self::Rest(rest) => With::Rest(rest.clone()),
            Self::Sql(sql) => With::Sql(sql.write().await?),
            Self::Script(script) => With::Script(script.clone()),
        }))
    }
}

/// One request's conversation with the app. Dropped without [`Session::commit`], what it wrote in SQL is undone.
#[derive(Debug)]
pub struct Session {
    with: With,
    client: Arc<str>,
    tenant: Option<Arc<Tenant>>,
    calls: Arc<AtomicU64>,
}

#[derive(Debug)]
enum With {
    Rest(Arc<rest::Rest>),
    Sql(sql::Session),
    Script(Arc<script::Script>),
}

impl Session {
    fn new(with: With) -> Self {
        Self { with, client: "".into(), tenant: None, calls: Arc::default() }
    }

    /// The same for a client and its tenant: the only way to the rows of a table that keeps tenants apart.
    #[must_use]
    pub fn of(self, client: &str, tenant: Option<Arc<Tenant>>) -> Self {
        Self { client: client.into(), tenant, ..self }
    }

    /// The client that it is held for.
    #[must_use]
    pub fn client(&self) -> Arc<str> {
        self.client.clone()
    }

    /// A statement with its tenant's values in it.
    fn bound(&self, statement: &Statement) -> Result<Option<Statement>, Failure> {
        let open = |bind: &&Bind| matches!(bind, Bind::Tenant { .. });
        if !statement.binds.iter().any(|bind| open(&bind)) {
            return Ok(None);
        }
        let mut bound = statement.clone();
        for bind in &mut bound.binds {
            let Bind::Tenant { name, printed } = bind else { continue };
            let value = self.tenant.as_ref().and_then(|tenant| tenant.values.get(name.as_str()));
            *bind = match value {
                Some(Value::Number(number)) if !*printed => number.as_i64().map(Bind::Integer),
                Some(Value::String(text)) => Some(Bind::Text(text.clone())),
                Some(value) => Some(Bind::Text(value.to_string())),
                None => None,
            }
            .ok_or_else(|| Failure::new(Kind::Internal, "the client has no tenant that the mapping can keep it to"))?;
        }
        Ok(Some(bound))
    }

    /// Does one call. It may be dropped at any time: a database session is then over and undone.
    ///
    /// # Errors
    /// There was no usable answer; [`Failure::sent`] tells whether the app may have acted.
    pub async fn call(&mut self, call: &Call) -> Result<Reply, Failure> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        CALLS.fetch_add(1, Ordering::Relaxed);
        let bound = match call {
            Call::Sql(statement) => self.bound(statement)?,
            Call::Http(_) => None,
        };
        let begun = Instant::now();
        let outcome = match (&mut self.with, call) {
            (With::Rest(rest), Call::Http(call)) => rest.call(call, self.tenant.as_deref()).await,
            (With::Sql(session), Call::Sql(statement)) => session.call(bound.as_ref().unwrap_or(statement)).await,
            (With::Script(script), Call::Http(call)) => script.call(call, self.tenant.as_deref()),
            _ => Err(Failure::new(Kind::Internal, "a call was planned for another kind of app than this one")),
        };
        let word = outcome.as_ref().map_or_else(|failure| failure.kind.word(), |reply| reply.class.word());
        metrics::call(word, begun.elapsed());
        outcome
    }

    /// How many calls this conversation has made.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// Another end of the same conversation, so that several calls can be under way.
    ///
    /// # Errors
    /// The transaction of a database is one.
    pub fn beside(&self) -> Result<Self, Failure> {
        let with = match &self.with {
            With::Rest(rest) => With::Rest(rest.clone()),
            With::Script(script) => With::Script(script.clone()),
            With::Sql(_) => return Err(Failure::new(Kind::Internal, "two statements at once in one transaction")),
        };
        Ok(Self { with, client: self.client.clone(), tenant: self.tenant.clone(), calls: self.calls.clone() })
    }

    /// Does all of these, several at once: as many as the app's pace allows, and never more than [`TOGETHER`]. What they come to is
    /// in their order; the first that fails ends it.
    ///
    /// # Errors
    /// That of the first that fails.
    pub async fn all<R, E>(&self, tasks: Vec<impl Future<Output = Result<R, E>>>) -> Result<Vec<R>, E> {
        let most = match &self.with {
            With::Rest(rest) => rest.together(),
            With::Sql(_) | With::Script(_) => 1,
        };
        let (mut done, mut running) = (Vec::with_capacity(tasks.len()), FuturesOrdered::new());
        for task in tasks {
            running.push_back(task);
            if running.len() == most
                && let Some(one) = running.next().await
            {
                done.push(one?);
            }
        }
        while let Some(one) = running.next().await {
            done.push(one?);
        }
        Ok(done)
    }

    /// Ends the conversation and keeps what it wrote.
    ///
    /// # Errors
    /// The database did not take it; where [`Failure::sent`] is set, whether it did is not known.
    pub async fn commit(self) -> Result<(), Failure> {
        match self.with {
            With::Sql(session) => session.commit().await,
            With::Rest(_) | With::Script(_) => Ok(()),
        }
    }
}
