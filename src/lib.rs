//! Portolan: a SCIM 2.0 gateway in front of any user API.
//!
//! One request, from door to door:
//!
//! ```text
//!  client ─▶ server/process ─▶ server/edge ─▶ server/stack ─▶ gateway                               the app
//!            pingora           hyper          tower layers    1 scim: read the request      pure     ▲
//!                              not /scim?                     2 plan: decide the calls      pure     │
//!                              passed through untouched       3 backend::{rest,sql}: do them ────────┘
//!                                                             4 mapping: record → resource, checked  pure
//!                                                             5 scim: write the answer
//! ```
//!
//! A module imports only from those to its left:
//! `diagnostic, yaml, config → scim → mapping → plan → metrics → backend → gateway → server → cli`.
//! `tests/architecture.rs` holds that, and that each foreign crate has one home.

pub mod backend;
pub mod cli;
pub mod config;
pub mod diagnostic;
pub mod gateway;
pub mod mapping;
pub mod metrics;
pub mod plan;
pub mod scim;
pub mod server;
pub mod yaml;
