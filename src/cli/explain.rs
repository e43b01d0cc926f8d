//! `portolan explain`: the plan of a request, without the app.

use std::{
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
    process::ExitCode,
};

use http::Method;
use jiff::Timestamp;
use serde_json::Value;

use crate::{
    config::Limits,
    gateway::{
        conversation::{BASE_URL, below_base},
        refuse,
    },
    mapping::{term::not_random, vars::Vars},
    plan::{
        Context, Fault,
        explain::{Unplanned, explain},
    },
    scim::profile::Profile,
};

use super::{FAILED, FAULT, Output, files, screen};

/// What is to be explained.
pub(super) struct Asked {
    pub mapping: PathBuf,
    pub request: String,
    pub body: Option<PathBuf>,
    pub profile: String,
    pub output: Output,
}

/// Prints the plan of a request, or the error it would be answered with.
pub(super) fn run(asked: &Asked) -> ExitCode {
    let fault = |message: String| {
        screen::note(&format!("error: {message}"));
        ExitCode::from(FAULT)
    };
    let Some((method, target)) = parted(&asked.request) else {
        return fault(format!("`{}` is not a request; write 'GET /Users?count=10'", asked.request));
    };
    let Some(profile) = Profile::named(&asked.profile) else {
        return fault(format!("`{}` is not a profile", asked.profile));
    };
    let body = match asked.body.as_deref().map(body).transpose() {
        Ok(body) => body.unwrap_or_default(),
        Err(message) => return fault(message),
    };
    if asked.body.is_none() && ["POST", "PUT", "PATCH"].contains(&method.as_str()) {
        return fault(format!("a {method} has a body; give it with `--body FILE`, or `--body -` for standard input"));
    }
    let Some(mapping) = files::load_mapping(&asked.mapping, &Vars::Open) else { return ExitCode::from(FAULT) };
    let context = Context {
        profile,
        client: "client",
        tenant: None,
        now: Timestamp::now(),
        base: BASE_URL,
        limits: (&Limits::default()).into(),
        random: not_random,
    };
    let below = below_base(target);
    let (path, query) = below.split_once('?').map_or((below, None), |(path, query)| (path, Some(query)));
    match explain(&mapping, &method, path, query, &body, &context) {
        Ok(plans) => {
            match asked.output {
                Output::Json => screen::say(&plans.iter().map(|p| p.to_json()).collect::<Value>().to_string()),
                Output::Text => {
                    let texts: Vec<String> = plans.iter().map(ToString::to_string).collect();
                    screen::say(&texts.join("\n\n"));
                }
            }
            ExitCode::SUCCESS
        }
        Err(unplanned) => {
            refused(unplanned, asked.output);
            ExitCode::from(FAILED)
        }
    }
}

fn parted(request: &str) -> Option<(Method, &str)> {
    let (method, target) = request.trim().split_once(' ')?;
    let target = target.trim();
    let method = Method::from_bytes(method.to_ascii_uppercase().as_bytes()).ok()?;
    target.starts_with('/').then_some((method, target))
}

/// A file, or standard input for `-`.
fn body(path: &Path) -> Result<Vec<u8>, String> {
    let read = if path == Path::new("-") {
        let mut bytes = Vec::new();
        io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        fs::read(path)
    };
    read.map_err(|e| format!("{}: {e}", path.display()))
}

/// The SCIM error, and what a client is not told.
fn refused(unplanned: Unplanned, output: Output) {
    let cause = match &unplanned {
        Unplanned::Fault(Fault::Unmade(cause)) => Some(cause.clone()),
        _ => None,
    };
    let answer: Value = serde_json::from_slice(refuse(unplanned).body()).unwrap_or_default();
    if output == Output::Json {
        screen::say(&answer.to_string());
    } else {
        let of = |key: &str| answer.get(key).and_then(Value::as_str);
        let scim_type = of("scimType").map(|word| format!(" {word}")).unwrap_or_default();
        screen::note(&format!("{}{scim_type}: {}", of("status").unwrap_or("500"), of("detail").unwrap_or_default()));
    }
    if let Some(cause) = cause {
        screen::note(&format!("the cause: {cause}"));
    }
}
