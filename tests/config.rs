//! `portolan.yaml` at the door: files as people write them, whole reports as people read them.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::path::{Path, PathBuf};
use std::time::Duration;

use portolan::config::{Config, Limits, Listen, LogFormat, Overrides};
use portolan::diagnostic::Diagnostics;

const PROFILES: [&str; 2] = ["tolerant", "strict"];

fn env(name: &str) -> Option<String> {
    let value = match name {
        "PORTOLAN_DATA" => "/var/lib/portolan",
        "PORT" => "8443",
        "CURSOR_KEY" => "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
        "YAML" => "{ a: 1 }",
        "HUNTER" => "hunter2",
        _ => return None,
    };
    Some(value.to_owned())
}

fn load(path: &str) -> Result<Config, Diagnostics> {
    Config::load(Path::new(path), &env, &PROFILES, &Overrides::default())
}

#[test]
fn reports() {
    common::check_reports("tests/config", |path| match load(&path.display().to_string()) {
        Ok(config) => format!("accepted\n\n{}", config.warnings.render(false)),
        Err(faults) => faults.render(false),
    });
}

#[test]
fn every_key_arrives() {
    let config = load("tests/config/full.yaml").unwrap();
    assert_eq!(config.listen, Listen::Tcp("0.0.0.0:8443".parse().unwrap()));
    assert_eq!(config.base_url(), "https://scim.example.com/tenant/scim");
    assert_eq!(config.mapping, Path::new("tests/config/hr.yaml"));

    let vars: Vec<_> =
        config.vars.iter().map(|(name, var)| (name.as_str(), var.value.expose().as_str(), var.secret)).collect();
    let expected = [
        ("DATABASE", "sqlite:/var/lib/portolan/hr.sqlite", false),
        ("LITERAL", "${PORT} costs $5", false),
        ("NOT_YAML", "{ a: 1 }", false),
        ("TOKEN", "two\nlines", true),
    ];
    assert_eq!(vars, expected);

    let [entra, okta] = &config.clients[..] else { panic!("{:?}", config.clients) };
    assert_eq!((entra.name.as_str(), entra.profile.as_str()), ("entra", "tolerant"));
    assert_eq!((okta.name.as_str(), okta.profile.as_str()), ("okta", "strict"));
    let tenant = entra.tenant.as_ref().unwrap();
    assert_eq!(
        (tenant.name.as_str(), &tenant.values["number"], &tenant.values["code"]),
        ("acme", &7.into(), &"acme".into())
    );
    assert!(okta.tenant.is_none());
    assert_eq!(entra.bearers[0].sha256, [0xab; 32]);
    assert_eq!(entra.bearers[0].until, Some("2999-01-01T00:00:00Z".parse().unwrap()));
    assert_eq!((entra.bearers[1].sha256, entra.bearers[1].until), ([0xcd; 32], None));

    let keys: Vec<_> = config.cursor_keys.iter().map(|key| (key.id.as_str(), key.key.expose().len())).collect();
    assert_eq!(keys, [("k2", 32), ("k1", 40)]);
    assert_eq!(config.admin, Some("127.0.0.1:9090".parse().unwrap()));
    let pass_through = config.pass_through.unwrap();
    assert_eq!(pass_through.to, "http://127.0.0.1:9000");
    assert_eq!(pass_through.listen, Some(Listen::Unix("/run/portolan/app.sock".into())));
    let expected = Limits {
        body: 2 << 20,
        header: 32 << 10,
        headers: 50,
        header_time: Duration::from_secs(2),
        request_time: Duration::from_secs(60),
        upstream_time: Duration::from_millis(500),
        answer: 8 << 20,
        rows: 5000,
        calls: 100,
        page: 50,
        max_page: 500,
        connections: 64,
        in_flight: 32,
        client_in_flight: 16,
        walks: 8,
        client_walks: 6,
        drain: Duration::ZERO,
    };
    assert_eq!(config.limits, expected);
    assert_eq!((config.log.level, config.log.format), (tracing::Level::DEBUG, LogFormat::Json));
    assert!(config.warnings.is_empty());
}

#[test]
fn most_keys_may_be_left_out() {
    let config = load("tests/config/least.yaml").unwrap();
    assert_eq!(config.base_url(), "http://127.0.0.1:8080/scim/v2");
    assert_eq!(config.limits, Limits::default());
    assert_eq!((config.log.level, config.log.format), (tracing::Level::INFO, LogFormat::Text));
    assert_eq!(config.clients[0].profile, "tolerant");
    assert!(config.vars.is_empty() && config.cursor_keys.is_empty());
    assert!(config.pass_through.is_none() && config.admin.is_none());
}

/// A client that a mapping cannot keep to its own is refused before anything is answered.
#[test]
fn tenants_are_compared_with_the_mapping() {
    let file = |second: &str| {
        let folder = tempfile::tempdir().unwrap();
        let client = |name: &str, digit: &str, more: &str| {
            format!("  - {{ name: {name}, bearers: [{{ bearer_sha256: {} }}]{more} }}\n", digit.repeat(64))
        };
        let tenants = "tenants: { acme: { number: 7, code: a }, globex: { number: '7', code: b } }\n";
        let clients = client("okta", "a", ", tenant: acme") + &client("entra", "b", second);
        std::fs::write(folder.path().join("portolan.yaml"), format!("mapping: m.yaml\n{tenants}clients:\n{clients}"))
            .unwrap();
        load(folder.path().join("portolan.yaml").to_str().unwrap()).unwrap()
    };
    let said = |second: &str, needed: &[&str]| {
        let found = file(second).check_tenants(needed).to_json();
        let one = |fault: &serde_json::Value| {
            format!("{}: {}: {}", fault["line"], fault["code"].as_str().unwrap(), fault["message"].as_str().unwrap())
        };
        found.as_array().unwrap().iter().map(one).collect::<Vec<_>>()
    };
    let nothing: [&str; 0] = [];
    assert_eq!(said(", tenant: globex", &["code"]), nothing);
    assert_eq!(said(", tenant: acme", &["number"]), nothing);
    assert_eq!(said("", &["code"]), ["5: missing-key: `entra` has no tenant, and the mapping needs its `code`"]);
    assert_eq!(
        said(", tenant: globex", &["number"]),
        ["5: duplicate-name: the tenants `acme` and `globex` have the same `number`"]
    );
    assert_eq!(
        said(", tenant: globex", &["region"]),
        [
            "4: missing-key: the tenant `acme` of `okta` has no `region`, which the mapping needs",
            "5: missing-key: the tenant `globex` of `entra` has no `region`, which the mapping needs"
        ]
    );
    assert_eq!(said("", &[]), ["4: no-effect: `okta` has a tenant, and the mapping keeps no tenants apart"]);
}

#[test]
fn the_command_line_comes_first() {
    let overrides = Overrides {
        listen: Some("[::1]:0".into()),
        mapping: Some(PathBuf::from("other.yaml")),
        ..Overrides::default()
    };
    let load = |overrides| Config::load(Path::new("tests/config/least.yaml"), &env, &PROFILES, overrides);
    let config = load(&overrides).unwrap();
    assert_eq!((config.base_url(), config.mapping), ("http://[::1]:0/scim/v2".into(), PathBuf::from("other.yaml")));

    let faults =
        load(&Overrides { listen: Some("nowhere".into()), mapping: None, ..Overrides::default() }).unwrap_err();
    assert!(faults.render(false).starts_with("error[bad-value]: `nowhere` is not an address to listen on\n"));
}

#[test]
fn secrets_are_not_shown() {
    let config = load("tests/config/full.yaml").unwrap();
    let shown = format!("{config:?}");
    assert!(shown.contains("TOKEN") && !shown.contains("two") && !shown.contains("48, 49, 50"), "{shown}");

    let report = load("tests/config/secrets.yaml").unwrap_err();
    let shown = format!("{}{}", report.render(true), report.to_json());
    assert!(!shown.contains("hunter2") && !shown.contains("tiger"), "{shown}");
}

#[test]
fn a_missing_file_is_a_fault() {
    let report = load("tests/config/none.yaml").unwrap_err().render(false);
    assert!(report.starts_with("error[file]: tests/config/none.yaml: "), "{report}");
}

#[test]
fn databases_stand_in_the_data_folder() {
    let load = |data: Option<&str>| {
        let overrides = Overrides { data: data.map(PathBuf::from), ..Overrides::default() };
        let config = Config::load(Path::new("examples/quickstart/portolan.yaml"), &env, &PROFILES, &overrides).unwrap();
        let [database] = &config.databases[..] else { panic!("{:?}", config.databases) };
        assert_eq!(database.script, Path::new("examples/quickstart/hr.sql"));
        let url = config.vars["DATABASE"].value.expose().clone();
        assert_eq!(url, format!("sqlite:{}", database.file.display()));
        url
    };
    assert_eq!(load(None), "sqlite:examples/quickstart/hr.sqlite");
    assert_eq!(load(Some("/var/lib/portolan")), "sqlite:/var/lib/portolan/hr.sqlite");
}
