//! The conversations beside the mappings of the gallery and the examples, and what a conversation that goes otherwise
//! than written looks like.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use portolan::{diagnostic::Diagnostics, gateway::conversation};
use serde_json::Value;

/// The YAML files of a folder that are mappings.
fn mappings(folder: &str) -> Vec<PathBuf> {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let yaml = files.filter(|p| p.extension().is_some_and(|e| e == "yaml") && !p.to_string_lossy().contains(".test."));
    yaml.filter(|p| fs::read_to_string(p).unwrap().lines().any(|l| l.starts_with("mapping: 1"))).collect()
}

fn failures(mapping: &Path) -> Vec<String> {
    let suite = conversation::load(mapping).unwrap_or_else(|faults| panic!("{}", faults.render(false)));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let outcomes = runtime.block_on(suite.run()).unwrap();
    assert!(!outcomes.is_empty(), "{} has no conversations", suite.file);
    let failed = outcomes.into_iter().filter(|o| !o.differences.is_empty());
    failed
        .map(|o| {
            let differences: Vec<String> = o.differences.iter().map(ToString::to_string).collect();
            format!("{}: {}\n{}", suite.file, o.name, differences.join("\n"))
        })
        .collect()
}

#[test]
fn every_mapping_of_the_gallery_and_the_examples_speaks_as_written() {
    let mut all = mappings("mappings");
    // examples/vendor speaks to a database server: tests/vendor.py goes through it
    for example in ["quickstart", "everything", "testresource"] {
        all.extend(mappings(&format!("examples/{example}")));
    }
    assert!(all.len() >= 2, "{all:?}");
    let failed: Vec<String> = all.iter().flat_map(|mapping| failures(mapping)).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}

const REST: &str = "
mapping: 1
app: { rest: { url: 'http://app.invalid' } }
resources:
  User:
    id: $.id
    attributes: { userName: { at: $.login, access: [read] } }
    get: GET /users/{{id}}
    delete: DELETE /users/{{id}}
";

const SQL: &str = "
mapping: 1
app: { sql: { url: 'sqlite:app.sqlite' } }
resources:
  User: { table: person, key: id, attributes: { userName: login } }
";

const SCRIPT: &str = "create table person (id integer primary key, login text); insert into person values (1, 'ann');";

fn folder(mapping: &str, conversations: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("tmp")).unwrap();
    for (name, text) in [("app.yaml", mapping), ("app.test.yaml", conversations), ("app.sql", SCRIPT)] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

/// `code line:column` of each fault.
fn places(faults: &Diagnostics) -> Vec<String> {
    let json = faults.to_json();
    let one = |d: &Value| format!("{} {}:{}", d["code"].as_str().unwrap(), d["line"], d["column"]);
    json.as_array().unwrap().iter().map(one).collect()
}

#[test]
fn every_fault_of_a_file_has_its_place() {
    for (mapping, text, expected) in [
        (REST, "a: 1", vec!["wrong-type 1:1"]),
        (REST, "- { request: { GET: /Users/1 } }", vec!["missing-key 1:3", "missing-key 1:3"]),
        (
            REST,
            "- name: x\n  request: { GET: Users, POST: /Users }\n  calls: [{ expect: /users, reply: { status: 99 } }]\n  \
             response: { status: ok, boddy: 1 }",
            vec!["bad-request 2:12", "bad-value 3:21", "bad-value 3:46", "wrong-type 4:23", "unknown-key 4:27"],
        ),
        (
            REST,
            "- name: x\n  request: { GET: Users, profile: stric }\n  response: { status: 200 }\n  then: [{ request: { GET: /Users } }]",
            vec!["bad-value 2:19", "bad-value 2:35", "missing-key 4:10"],
        ),
        (SQL, "- name: x", vec!["wrong-type 1:1"]),
        (SQL, "database: no.sql\nconversations: []", vec!["file 1:11"]),
        (
            SQL,
            "database: app.sql\nconversations:\n  - { name: x, request: { GET: /Users }, calls: [], response: { status: 200 } }",
            vec!["unknown-key 3:42"],
        ),
    ] {
        let folder = folder(mapping, text);
        let faults = conversation::load(&folder.path().join("app.yaml")).map(|suite| suite.file).unwrap_err();
        assert_eq!(places(&faults), expected, "{text}\n{}", faults.render(false));
    }
}

fn test(folder: &tempfile::TempDir, output: &str) -> (i32, String, String) {
    let files = ["app.test.yaml", "app.yaml"].map(|name| folder.path().join(name));
    let mut command = Command::new(env!("CARGO_BIN_EXE_portolan"));
    command.arg("test").args(files).args(["--output", output]).env("TMPDIR", folder.path().join("tmp"));
    let done = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (done.status.code().unwrap(), text(done.stdout), text(done.stderr))
}

const WRONG: &str = "
- name: as it is
  request: { GET: /Users/1 }
  calls: [{ expect: GET /users/1, reply: { status: 200, body: { id: '1', login: ann } } }]
  response: { status: 200, headers: { Content-Type: application/scim+json }, body: { userName: ann, title: null } }
- name: another call
  request: { GET: /Users/1 }
  calls: [{ expect: GET /users/2, reply: { status: 200 } }]
  response: { status: 200 }
- name: a call too few
  request: { GET: /Users/1 }
  response: { status: 200 }
- name: a call too many
  request: { DELETE: /Users/1 }
  calls:
    - { expect: DELETE /users/1, reply: { status: 204 } }
    - { expect: GET /users/1, reply: { status: 404 } }
  response: { status: 204 }
- name: another answer
  request: { GET: /Users/1 }
  calls: [{ expect: GET /users/1, reply: { status: 200, body: { id: '1', login: ann } } }]
  response: { status: 200, headers: { Retry-After: '1' }, body: { userName: ben, schemas: [] } }
- name: a record that its mapping does not fit
  request: { GET: /Users/1 }
  calls: [{ expect: GET /users/1, reply: { status: 200, body: { login: ann } } }]
  response: { status: 200 }
";

#[test]
fn what_goes_otherwise_is_shown() {
    let folder = folder(REST, WRONG);
    let (code, out, err) = test(&folder, "text");
    let expected = "\
ok  as it is
FAILED another call
  call 1 is not the one expected
    expected  GET /users/2
    got       GET /users/1
FAILED a call too few
  call 1 is not in the conversation: GET /users/1
FAILED a call too many
  not called: GET /users/1
FAILED another answer
  header Retry-After
    expected  1
    got       nothing
  body at $.userName
    expected  \"ben\"
    got       \"ann\"
  body at $.schemas
    expected  []
    got       [\"urn:ietf:params:scim:schemas:core:2.0:User\"]
";
    assert!(out.starts_with(expected), "{out}");
    assert!(
        out.contains("FAILED a record that its mapping does not fit\n  status\n    expected  200\n    got       502")
    );
    assert!(out.contains("\n  the cause: "), "{out}");
    assert!(out.ends_with("\n1 passed, 5 failed\n"), "{out}");
    assert_eq!((code, err.as_str()), (1, ""));

    let json: Value = serde_json::from_str(&test(&folder, "json").1).unwrap();
    assert_eq!((json["passed"].as_u64(), json["failed"].as_u64()), (Some(1), Some(5)));
    assert_eq!(json["conversations"][4]["differences"][1]["expected"], "\"ben\"");
}

#[test]
fn each_conversation_with_a_database_has_its_own() {
    let look = "request: { GET: /Users }, response: { status: 200, body: { totalResults: ";
    let text = format!(
        "database: app.sql\nconversations:\n  \
         - {{ name: gone, request: {{ DELETE: /Users/1 }}, response: {{ status: 204 }}, then: [{{ {look} 0 }} }} }}] }}\n  \
         - {{ name: there, {look} 1 }} }} }}\n"
    );
    let folder = folder(SQL, &text);
    assert_eq!(test(&folder, "text"), (0, "ok  gone\nok  there\n2 passed, 0 failed\n".to_owned(), String::new()));
    let left = fs::read_dir(folder.path().join("tmp")).unwrap().count();
    assert_eq!(left, 0, "a scratch folder stays behind");
}

#[test]
fn nothing_tested_is_not_passed_and_a_fault_is_a_fault() {
    assert_eq!(test(&folder(REST, "[]"), "text"), (1, "0 passed, 0 failed\n".to_owned(), String::new()));
    assert_eq!(test(&folder(REST, "- name: 1"), "text").0, 2);
    let other = SQL.replace("login }", "logon }");
    let text = "database: app.sql\nconversations: [{ name: x, request: { GET: /Users }, response: { status: 200 } }]";
    let (code, _, err) = test(&folder(&other, text), "text");
    assert!(err.contains("no column `logon` in table `person`"), "{err}");
    assert_eq!(code, 2);
}
