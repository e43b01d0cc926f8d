//! Decides, never does: from a SCIM operation and a mapping to the calls that answer it. Pure and synchronous; it cannot
//! do IO because it cannot see a backend.
//!
//! Planning has stages. What can be said without the app's state is said first ([`read`], [`query`], [`create`], the blind
//! part of [`change`]); what needs the state is a function of it ([`change::Change::decide`], [`query::Query::next`]).
//! [`explain`] prints any of it.

pub mod call;
pub mod change;
pub mod create;
mod deal;
pub mod derived;
pub mod explain;
pub mod fill;
pub mod follow;
pub mod joining;
pub mod link;
pub mod members;
pub mod open;
pub mod query;
pub mod read;
pub mod scope;
pub mod sql;
pub mod step;

use std::sync::Arc;

use jiff::Timestamp;

use crate::{
    mapping::{Tenant, cell::Closed, codec::Unreadable, template::Unfit, term::Random},
    scim::{Refusal, profile::Profile},
};

/// What planning knows besides the request and the mapping.
#[derive(Debug, Clone)]
pub struct Context<'a> {
    /// How much the client may depart from the RFC.
    pub profile: Profile,
    /// The client's name, for audit columns.
    pub client: &'a str,
    /// Whose records the client sees, where the app keeps tenants apart.
    pub tenant: Option<&'a Arc<Tenant>>,
    /// The time of the request.
    pub now: Timestamp,
    /// The base URL: `meta.location` and `$ref` begin with it.
    pub base: &'a str,
    /// How much one request may cost.
    pub limits: Limits,
    /// Where random texts come from.
    pub random: Random,
}

impl Context<'_> {
    /// The client and its tenant: what is kept for one of them is nobody else's.
    #[must_use]
    pub fn asker(&self) -> (&str, Option<&str>) {
        (self.client, self.tenant.map(|tenant| tenant.name.as_str()))
    }
}

/// How much one request may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Rows read from the app.
    pub rows: usize,
    /// Calls to the app.
    pub calls: usize,
    /// Resources on a page when the client does not say.
    pub page: usize,
    /// Resources on a page at most.
    pub max_page: usize,
    /// Walks under way, over all requests.
    pub walks: usize,
    /// Those of one client.
    pub client_walks: usize,
    /// Operations of a bulk request.
    pub operations: usize,
    /// Bytes of its body.
    pub body: usize,
}

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The client's data.
    Refused(Refusal),
    /// No record can have this id.
    Absent,
    /// The record may be read and not written.
    Protected,
    /// The mapping has no call for this; a sentence.
    NotOffered(String),
    /// A record cannot be read by its lines.
    Unreadable(Unreadable),
    /// A call could not be made from what is at hand: the mapping's fault.
    Unmade(String),
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Unreadable> for Fault {
    fn from(unreadable: Unreadable) -> Self {
        Self::Unreadable(unreadable)
    }
}

impl From<Closed> for Fault {
    fn from(closed: Closed) -> Self {
        match closed {
            Closed::Refused(refusal) => Self::Refused(refusal),
            Closed::Unreadable(unreadable) => Self::Unreadable(unreadable),
        }
    }
}

impl From<Unfit> for Fault {
    fn from(unfit: Unfit) -> Self {
        match unfit {
            Unfit::Missing(name) => Self::Unmade(format!("a call needs `{name}`, which has no value")),
            Unfit::Value { name, why } => Self::Refused(Refusal::new(
                crate::scim::ScimType::InvalidValue,
                format!("`{name}` cannot be sent to the app: {why}"),
            )),
        }
    }
}
