//! The command line: one file per command. The only place that prints.
//!
//! Exit codes, the same for every command: 0 done; 1 the thing that was asked for failed; 2 a fault in a file or on the
//! command line, said with its place.

mod check;
mod demo;
mod explain;
mod files;
mod live;
mod screen;
mod serve;
mod test;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand, ValueEnum};

/// Something that was asked for failed.
const FAILED: u8 = 1;
/// A file or the command line is at fault.
const FAULT: u8 = 2;

/// A SCIM 2.0 gateway: one mapping file puts SCIM in front of an app's own user API or database.
#[derive(Debug, Parser)]
#[command(name = "portolan", version, max_term_width = 100, after_help = AFTER)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const AFTER: &str = "Exit codes: 0 done, 1 failed, 2 a fault in a file or on the command line.\n\
                     Begin with `portolan demo`.";

const EXPLAIN: &str = "Examples:\n  \
  portolan explain mapping.yaml 'GET /Users?filter=userName eq \"ann\" and title pr&count=10'\n  \
  portolan explain mapping.yaml 'PATCH /Groups/10' --body add-member.json";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the gateway that a configuration describes
    Serve {
        /// The configuration, usually portolan.yaml
        config: PathBuf,
        /// Listen here instead: 127.0.0.1:8080 or unix:/run/portolan.sock
        #[arg(long, value_name = "ADDR")]
        listen: Option<String>,
        /// Keep the databases that the configuration makes here, not beside it
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
    },
    /// Check mappings and configurations, all faults at once
    Check {
        /// Mappings, or configurations together with their mappings
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Ask the app too: whether it is there and as its mapping says; nothing is written. Takes configurations
        #[arg(long)]
        live: bool,
        /// How to print what was found
        #[arg(long, value_enum, default_value_t = Output::Text)]
        output: Output,
    },
    /// Show what a request would lead to: the calls or statements, and why
    ///
    /// What of a filter the app answers and what is checked here, whose pages are used, what is read before a write, the
    /// steps in order, and what it costs. Nothing is called; what depends on the app's state is said to. A request
    /// without a plan prints the SCIM error and fails.
    #[command(after_help = EXPLAIN)]
    Explain {
        /// The mapping; its variables stand for themselves
        mapping: PathBuf,
        /// Method and path, with or without the base path, encoded or not: 'GET /Users?filter=active eq true'
        #[arg(value_name = "REQUEST")]
        request: String,
        /// The body of a POST, PUT or PATCH; - reads it from standard input
        #[arg(long, value_name = "FILE")]
        body: Option<PathBuf>,
        /// How much of the RFC the client may bend
        #[arg(long, value_parser = ["tolerant", "strict"], default_value = "tolerant")]
        profile: String,
        /// How to print the plan
        #[arg(long, value_enum, default_value_t = Output::Text)]
        output: Output,
    },
    /// Go through the conversations beside mappings, without their apps
    ///
    /// For acme.yaml these are in acme.test.yaml: requests, the calls each leads to with the app's replies, and what is
    /// answered. Of a database each conversation gets a new one, made from a script. Fails where one goes otherwise than
    /// written, and where there is none.
    Test {
        /// Mappings, or the conversations beside them
        #[arg(required = true, value_name = "MAPPING")]
        mappings: Vec<PathBuf>,
        /// How to print how they went
        #[arg(long, value_enum, default_value_t = Output::Text)]
        output: Output,
    },
    /// Run the gateway over a small old HR database, to try it
    Demo {
        /// Listen here
        #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
        listen: String,
        /// Keep the database and the demo's files here
        #[arg(long, value_name = "DIR", default_value = "portolan-demo")]
        data: PathBuf,
    },
}

/// A form of output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people; coloured on a terminal.
    Text,
    /// For programs.
    Json,
}

/// Runs the command that the process was started with.
#[must_use]
pub fn run() -> ExitCode {
    match Cli::parse().command {
        Command::Serve { config, listen, data } => serve::serve(&config, listen, data),
        Command::Check { files, live, output } => check::check(&files, live, output),
        Command::Explain { mapping, request, body, profile, output } => {
            explain::run(&explain::Asked { mapping, request, body, profile, output })
        }
        Command::Test { mappings, output } => test::test(&mappings, output),
        Command::Demo { listen, data } => demo::demo(listen, &data),
    }
}
