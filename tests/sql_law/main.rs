//! The laws of SQL: what is pushed means what it means here, over adversarial rows, in filters and in orders.
//!
//! The seed is printed; another one comes from `SQL_LAW_SEED`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::cast_possible_truncation
)]

#[path = "../common/database.rs"]
mod database;
mod filters;
mod order;
mod rows;
mod shapes;
#[path = "../sql/mod.rs"]
mod sql;
