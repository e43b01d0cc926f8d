//! Decides, never does: from a SCIM request and a mapping to the calls that answer it. Pure and synchronous; it cannot
//! do IO because it cannot see a backend.

pub mod call;
pub mod sql;
