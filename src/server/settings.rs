//! What the front door is told: where to listen, who may ask, and every limit. `cli` fills it from `portolan.yaml`.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use http::uri::Authority;
use jiff::Timestamp;

use crate::{config::Tenant, scim::profile::Profile};

/// The front door as configured.
#[derive(Debug, Clone)]
pub struct Front {
    /// Where to listen, and what is served there.
    pub listeners: Vec<Listener>,
    /// Where SCIM begins, without a slash at its end: `/scim/v2`.
    pub base_path: String,
    /// Where every other path goes, over plain HTTP: `127.0.0.1:8000`. `None`: nowhere, it answers 404.
    pub pass_through: Option<Authority>,
    /// Who may speak SCIM. None: nobody.
    pub clients: Vec<Client>,
    /// What a request, a connection and the process may take.
    pub limits: Limits,
}

/// One listening socket.
#[derive(Debug, Clone)]
pub struct Listener {
    /// Where.
    pub address: Address,
    /// What for.
    pub roads: Roads,
}

/// What a listener serves. One that does not serve a road answers 404 on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Roads {
    /// SCIM alone: the default listener.
    Scim,
    /// Pass-through alone: its own listener.
    App,
    /// Both: `same_port: true`.
    Both,
}

/// Where a listener is bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// An IP address and port; port 0 takes a free one.
    Tcp(SocketAddr),
    /// The path of a unix socket.
    Unix(String),
}

/// A text that is no [`Address`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressError(String);

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        match text.strip_prefix("unix:") {
            Some(path) if path.starts_with('/') => Ok(Self::Unix(path.to_owned())),
            Some(_) => Err(AddressError(text.to_owned())),
            None => text.parse().map(Self::Tcp).map_err(|_| AddressError(text.to_owned())),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{path}"),
        }
    }
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is no address to listen on; write `127.0.0.1:8080`, `[::]:8080` or `unix:/run/portolan.sock`",
            self.0
        )
    }
}

impl std::error::Error for AddressError {}

/// One SCIM client and its credentials.
#[derive(Debug, Clone)]
pub struct Client {
    /// Its name, for the log and the gateway.
    pub name: Arc<str>,
    /// How much it may depart from the RFC.
    pub profile: Profile,
    /// Whose records it sees, where the app keeps tenants apart.
    pub tenant: Option<Arc<Tenant>>,
    /// The tokens it may use; two while one replaces the other.
    pub bearers: Vec<Bearer>,
}

/// One bearer token. Only its digest is held: a memory dump or a config file holds nothing that opens the door.
#[derive(Debug, Clone)]
pub struct Bearer {
    /// SHA-256 of the token.
    pub sha256: [u8; 32],
    /// From when on it is refused.
    pub until: Option<Timestamp>,
}

/// What a request, a connection and the process may take.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Bytes of a request's line and headers (at least 8192).
    pub header_bytes: usize,
    /// Headers of a request.
    pub headers: usize,
    /// From a head's first byte (of a new connection: from accept) to its last.
    pub header_time: Duration,
    /// How long a connection may rest between requests.
    pub keep_alive: Duration,
    /// Connections open at once, all listeners together; more are closed unread.
    pub connections: usize,
    /// Bytes of a SCIM body.
    pub body_bytes: usize,
    /// From a SCIM request's head to its body's last byte.
    pub body_time: Duration,
    /// From a whole SCIM request to its answer.
    pub answer_time: Duration,
    /// How long the answer of a write that nobody heard is kept.
    pub kept_time: Duration,
    /// SCIM requests worked on at once; more are asked to come back.
    pub in_flight: usize,
    /// Those of one client.
    pub client_in_flight: usize,
    /// How long pass-through waits for the app to accept a connection.
    pub connect_time: Duration,
    /// How long SIGTERM waits for what is in flight.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_bytes: 64 * 1024,
            headers: 100,
            header_time: Duration::from_secs(10),
            // Longer than the 60 s common among load balancers: who keeps a connection must be the one to close it.
            keep_alive: Duration::from_secs(75),
            connections: 1024,
            body_bytes: 1024 * 1024,
            body_time: Duration::from_secs(30),
            answer_time: Duration::from_secs(60),
            kept_time: Duration::from_secs(120),
            in_flight: 256,
            client_in_flight: 128,
            connect_time: Duration::from_secs(5),
            drain: Duration::from_secs(25),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn addresses() {
        for good in ["127.0.0.1:8080", "[::1]:0", "unix:/run/portolan.sock"] {
            assert_eq!(good.parse::<Address>().unwrap().to_string(), good);
        }
        for bad in ["", "8080", "localhost:8080", "unix:run/x", "unix:", "/run/x"] {
            assert_eq!(bad.parse::<Address>(), Err(AddressError(bad.to_owned())));
        }
    }
}
