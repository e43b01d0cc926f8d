//! The SCIM protocol and nothing else (RFC 7643, RFC 7644): schemas, filters, PATCH, projection, messages.
//!
//! Everything here is pure: text and JSON in, typed values or a [`Refusal`] out. No IO, no mapping, no app.

pub mod change;
pub mod condition;
mod cursor;
pub mod error;
pub mod evaluate;
pub mod filter;
pub mod fold;
pub mod instant;
pub mod path;
pub mod profile;
#[cfg(test)]
mod sample;
pub mod schema;

pub use error::{Refusal, ScimType};
