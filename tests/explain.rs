//! Plans in words: whole texts as people read them, over mappings that are in use.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::{fmt::Write as _, path::Path, process::Command};

use portolan::{
    diagnostic::{Faults, Source},
    gateway::{
        conversation::{BASE_URL, below_base},
        refuse,
    },
    mapping::{self, term::not_random, vars::Vars},
    plan::{
        Context, Limits,
        explain::{Explained, Unplanned, explain},
    },
    scim::profile::Profile,
    yaml,
};
use serde_json::Value;

fn plans(mapping: &str, ask: &str, body: &str, profile: Profile) -> Result<Vec<Explained>, Unplanned> {
    let (mapping, _) = mapping::load(Path::new(mapping), &Vars::Open).unwrap();
    let (method, target) = ask.split_once(' ').unwrap();
    let below = below_base(target);
    let (path, query) = below.split_once('?').map_or((below, None), |(path, query)| (path, Some(query)));
    let context = Context {
        profile,
        client: "client",
        tenant: None,
        now: "2026-11-22T10:00:00Z".parse().unwrap(),
        base: BASE_URL,
        limits: Limits {
            rows: 20_000,
            calls: 200,
            page: 100,
            max_page: 1000,
            walks: 32,
            client_walks: 16,
            operations: 600,
            body: 1 << 20,
        },
        random: not_random,
    };
    explain(&mapping, &method.parse().unwrap(), path, query, body.as_bytes(), &context)
}

/// Each request of a file, and its plan or the error it would be answered with.
fn report(path: &Path) -> String {
    let mut faults = Faults::new(Source::read(path).unwrap());
    let file = yaml::parse(&mut faults).unwrap().to_json();
    let mut text = String::new();
    for request in file["requests"].as_array().unwrap() {
        let ask = request.as_str().or(request["ask"].as_str()).unwrap();
        let body = request.get("body").map(Value::to_string).unwrap_or_default();
        let profile = request["profile"].as_str().map_or(Profile::TOLERANT, |name| Profile::named(name).unwrap());
        let said = match plans(file["mapping"].as_str().unwrap(), ask, &body, profile) {
            Ok(plans) => plans.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n\n"),
            Err(unplanned) => String::from_utf8(refuse(unplanned).body().to_vec()).unwrap(),
        };
        writeln!(text, "$ {ask}{}{body}\n{said}\n", if body.is_empty() { "" } else { "  " }).unwrap();
    }
    text
}

#[test]
fn plans_in_words() {
    common::check_reports("tests/explain", report);
}

fn run(args: &[&str]) -> (i32, String, String) {
    let done = Command::new(env!("CARGO_BIN_EXE_portolan")).arg("explain").args(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (done.status.code().unwrap(), text(done.stdout), text(done.stderr))
}

#[test]
fn a_plan_is_printed_a_refusal_fails_and_a_fault_is_a_fault() {
    let (code, out, err) = run(&["benches/acme.yaml", "GET /Users/42"]);
    assert_eq!(
        (code, out.as_str(), err.as_str()),
        (0, "read User \"42\"\n  call      GET /users/42\n  cost      1 call\n", "")
    );

    let (code, out, _) = run(&["benches/acme.yaml", "GET /Users/42", "--output", "json"]);
    let json: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, json[0]["lines"][0]["text"].as_str()), (0, Some("GET /users/42")));

    let (code, out, err) = run(&["benches/acme.yaml", "GET /Users?filter=userName"]);
    assert!(err.starts_with("400 invalidFilter: "), "{err}");
    assert_eq!((code, out.as_str()), (1, ""));

    assert_eq!(run(&["benches/acme.yaml", "/Users"]).0, 2);
    assert_eq!(run(&["benches/acme.yaml", "POST /Users", "--body", "no/such/file"]).0, 2);
    assert_eq!(run(&["tests/explain/acme.yaml", "GET /Users"]).0, 2);
}

/// The conversations of the gallery were recorded with the app; what a plan says is called is what was called there.
#[test]
fn the_calls_of_a_plan_are_those_of_the_conversation() {
    let mut faults = Faults::new(Source::read(Path::new("mappings/jupyterhub.test.yaml")).unwrap());
    let conversations = yaml::parse(&mut faults).unwrap().to_json();
    let mut compared = 0;
    for conversation in conversations.as_array().unwrap() {
        let request = conversation["request"].as_object().unwrap();
        let (method, target) = request.iter().find(|(key, _)| key.chars().all(char::is_uppercase)).unwrap();
        let body = request.get("body").map(Value::to_string).unwrap_or_default();
        let ask = format!("{method} {}", target.as_str().unwrap());
        let Ok(plans) = plans("mappings/jupyterhub.yaml", &ask, &body, Profile::TOLERANT) else { continue };
        let json = plans[0].to_json();
        // Who is looked for by name before a create is a query, told by its filter.
        let lines = json["lines"].as_array().unwrap();
        let looked = |line: &&Value| line["kind"] == "before" && line["text"].as_str().unwrap().starts_with("a query");
        let looks = lines.iter().filter(looked).count();
        let lines = lines.iter().filter(|line| line["kind"] == "call");
        let planned: Vec<&str> = lines.map(|line| line["text"].as_str().unwrap().split("  ").next().unwrap()).collect();
        let Some(made) = conversation["calls"].as_array() else { continue };
        let made = made.iter().map(|call| call["expect"].as_str().unwrap());
        // What is edited is read first, and told as the mapping writes it.
        let planned: Vec<&str> = planned.into_iter().take_while(|text| !text.contains("{{")).collect();
        let made: Vec<&str> = made.skip(looks).take(planned.len()).collect();
        // A call that is refused ends the plan early.
        assert_eq!(made, planned[..made.len()], "{}", conversation["name"]);
        compared += made.len();
    }
    assert!(compared > 20, "{compared}");
}
