//! The front door: pingora is the process (listeners, signals), hyper reads HTTP, tower holds all policy.
//!
//! ```text
//!  process ─▶ edge ─┬─ /scim/v2/* ─▶ stack ─▶ the gateway's service
//!  pingora    hyper └─ all else ──▶ passthrough ─▶ the app, untouched (or 404)
//! ```
//! `admin` is a door of its own, for those who watch. `edge` holds what both roads need (header limits, slow clients, ambiguous requests), `stack` what SCIM needs.
//! pingora's own HTTP codec is not used: its header timeout is per read and its header limits are fixed.

mod admin;
mod body;
mod drain;
pub mod edge;
mod late;
mod layer;
mod passthrough;
mod process;
mod refuse;
mod route;
mod settings;
mod stack;
mod wire;

pub use admin::Probe;
pub use edge::Edge;
pub use process::{ListenError, Server};
pub use settings::{Address, AddressError, Bearer, Client, Front, Limits, Listener, Roads};

use std::{convert::Infallible, sync::Arc};

use bytes::Bytes;
use http::{Request, Response};
use tower::util::BoxCloneSyncService;

use crate::gateway::Gateway;

/// What the front door opens to: one service from whole request to whole answer.
pub type Inner = BoxCloneSyncService<Request<Bytes>, Response<Bytes>, Infallible>;

/// The gateway as that service.
#[must_use]
pub fn inner(gateway: Arc<Gateway>) -> Inner {
    BoxCloneSyncService::new(tower::service_fn(move |request| {
        let gateway = gateway.clone();
        async move { Ok(gateway.answer(request).await) }
    }))
}

/// Whether the gateway's app answers.
#[must_use]
pub fn probe(gateway: Arc<Gateway>) -> Probe {
    Probe::new(tower::service_fn(move |()| {
        let gateway = gateway.clone();
        async move { Ok(gateway.app_answers().await) }
    }))
}

/// Caps on what foreign crates may log, as `tracing-subscriber` filter directives: their debug lines hold addresses
/// and header values, pingora's info lines only its own life.
pub const LOG_CAPS: [&str; 7] = [
    "pingora_core=error",
    "pingora_runtime=error",
    "pingora_timeout=error",
    "hyper=error",
    "hyper_util=error",
    "h2=error",
    "cookie_store=error",
];
