//! Files as commands get them: whole folders, files of another kind, configurations that do not fit their mapping.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
};

const CONFIG: &str = "mapping: acme.yaml
vars:
  DATABASE: { sqlite: hr.sqlite, from: hr.sql }
  OLD_PASSWORD: hunter2
clients: [{ name: a, bearers: [{ bearer_sha256: abababababababababababababababababababababababababababababababab }] }]
";
const MAPPING: &str = "mapping: 1
app: { sql: { url: \"${DATABASE}\" } }
resources: { User: { table: person, key: id, protect: { login: root }, attributes: { userName: login } } }
";
const CONVERSATIONS: &str = "database: hr.sql
conversations:
  - { name: nobody, request: { GET: /Users/7 }, response: { status: 404 } }
";

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let script = "create table person (id integer primary key, login text);";
    let files =
        [("portolan.yaml", CONFIG), ("acme.yaml", MAPPING), ("acme.test.yaml", CONVERSATIONS), ("hr.sql", script)];
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

/// What a command of the program says, on either output, and how it ends.
fn run(folder: &Path, arguments: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portolan"));
    let output = command.args(arguments).current_dir(folder).output().unwrap();
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
    (output.status.code().unwrap(), said)
}

#[test]
fn check_takes_every_file_for_what_it_is() {
    let folder = folder();
    let check = |files: &[&str]| run(folder.path(), &[&["check"], files].concat());
    let (code, said) = check(&["acme.yaml", "acme.test.yaml"]);
    assert_eq!((code, said.as_str()), (0, "acme.yaml, acme.test.yaml: no faults\n"));
    // A fault of the conversations is found, and one of the mapping is told once.
    fs::write(folder.path().join("acme.test.yaml"), CONVERSATIONS.replace("GET: /", "FETCH: /")).unwrap();
    let (code, said) = check(&["acme.yaml", "acme.test.yaml"]);
    assert!(code == 2 && said.contains("acme.test.yaml:3") && said.contains("`FETCH`"), "{said}");
    fs::write(folder.path().join("acme.yaml"), MAPPING.replace("userName", "userNam")).unwrap();
    let (code, said) = check(&["acme.yaml", "acme.test.yaml", "portolan.yaml"]);
    assert_eq!((code, said.matches("error[unknown-attribute]").count()), (2, 1), "{said}");
}

#[test]
fn a_file_of_another_kind_is_called_by_its_name() {
    let folder = folder();
    for (arguments, what, help) in [
        (&["serve", "acme.yaml"][..], "this is a mapping, and a configuration is read here", "portolan explain"),
        (&["serve", "acme.test.yaml"], "this is a file of conversations, and a configuration", "portolan test"),
        (&["explain", "portolan.yaml", "GET /Users"], "this is a configuration, and a mapping", "is `acme.yaml`"),
        (&["explain", "acme.test.yaml", "GET /Users"], "this is a file of conversations, and a mapping", "or with the"),
        (&["test", "portolan.yaml"], "this is a configuration, and a mapping is read here", "portolan serve"),
    ] {
        let (code, said) = run(folder.path(), arguments);
        assert!(code == 2 && said.contains(what) && said.contains(help), "{arguments:?}: {said}");
        assert_eq!(said.matches("error[").count(), 1, "{said}");
    }
    fs::write(folder.path().join("acme.test.yaml"), MAPPING).unwrap();
    let (code, said) = run(folder.path(), &["test", "acme.yaml"]);
    assert!(code == 2 && said.contains("this is a mapping, and a file of conversations is read here"), "{said}");
}

#[test]
fn a_variable_that_the_mapping_does_not_use_is_a_warning_without_its_value() {
    let folder = folder();
    let (code, said) = run(folder.path(), &["check", "portolan.yaml"]);
    assert!(code == 0 && said.contains("warning[unused-variable]") && said.contains("portolan.yaml:4:3"), "{said}");
    assert!(said.contains("`OLD_PASSWORD`") && !said.contains("hunter2") && !said.contains("`DATABASE`"), "{said}");
}

#[test]
fn the_log_has_no_colour_where_none_is_wanted() {
    let folder = folder();
    for (name, coloured) in [("CLICOLOR_FORCE", true), ("NO_COLOR", false)] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portolan"));
        command.args(["serve", "--listen", "127.0.0.1:0", "portolan.yaml"]).current_dir(folder.path());
        let mut child = command.env("CLICOLOR_FORCE", "1").env(name, "1").stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        lines.find(|line| line.starts_with("portolan listens")).unwrap();
        // Its end is what it logs by itself.
        assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
        let logged = lines.find(|line| line.contains("INFO")).unwrap();
        child.wait().unwrap();
        assert_eq!(logged.contains('\u{1b}'), coloured, "{name}: {logged:?}");
    }
}
