//! The front door at its sockets: raw bytes in, raw bytes out, through the real codec, stack and pass-through.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod door;
mod limits;
mod pass_through;
mod process;
mod scim;
