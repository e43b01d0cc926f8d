//! The SCIM protocol and nothing else (RFC 7643, RFC 7644): schemas, filters, PATCH, projection, messages.
//!
//! Everything here is pure: text and JSON in, typed values or a [`Refusal`] out. No IO, no mapping, no app.

mod apply;
mod blind;
pub mod body;
pub mod bulk;
pub mod change;
pub mod condition;
pub mod discovery;
pub mod endpoint;
pub mod error;
pub mod evaluate;
pub mod filter;
pub mod fold;
mod ignored;
pub mod instant;
pub mod message;
pub mod patch;
pub mod path;
pub mod profile;
pub mod projection;
pub mod published;
pub mod request;
mod resolve;
pub mod resource;
#[cfg(test)]
mod sample;
mod scanner;
pub mod schema;
mod selector;
pub mod sort;
pub mod value;
pub mod version;

pub use error::{Refusal, ScimType};
