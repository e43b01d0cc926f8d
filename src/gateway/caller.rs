//! Who asks, and under which number: what the front door learns about a request and the gateway needs to know.
//! Both travel in the request's extensions.

use std::sync::Arc;

use crate::{config::Tenant, scim::profile::Profile};

/// The client whose credential came with the request.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Its name in `portolan.yaml`.
    pub client: Arc<str>,
    /// How much it may depart from the RFC.
    pub profile: Profile,
    /// Whose records it sees, where the app keeps tenants apart.
    pub tenant: Option<Arc<Tenant>>,
}

/// The number of one request: in the log, and in the answer's `X-Request-Id`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(pub Arc<str>);
