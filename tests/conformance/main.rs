//! What RFC 7643 and RFC 7644 ask for, tried at the door of the quickstart by a strict client. `docs/reference/conformance.md`
//! names the test that each requirement rests on; [`document`] holds the two together.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::needless_pass_by_value, missing_docs)]

#[path = "../quickstart/mod.rs"]
mod quickstart;

mod discovery;
mod document;
mod messages;
mod query;
mod write;

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";
