//! gateway

pub mod caller;
