//! The SCIM protocol and nothing else (RFC 7643, RFC 7644): schemas, filters, PATCH, projection, messages.
//!
//! Everything here is pure: text and JSON in, typed values or a [`Refusal`] out. No IO, no mapping, no app.

pub mod body;
pub mod change;
mod cursor;
pub mod discovery;
pub mod error;
pub mod filter;
pub mod message;
pub mod path;
pub mod profile;
pub mod published;
pub mod resource;
pub mod schema;
pub mod value;

pub use error::{Refusal, ScimType};
