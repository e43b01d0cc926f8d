//! The `portolan` command.

use std::process::ExitCode;

/// A request makes and drops some hundred small values on any thread; see the decision on crates.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    portolan::cli::run()
}
