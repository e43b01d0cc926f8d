//! `portolan serve` and the databases it makes: once, whole, and never over a file that is there.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

const CONFIG: &str = "mapping: mapping.yaml
vars: { DATABASE: { sqlite: hr.sqlite, from: hr.sql } }
clients: [{ name: a, bearers: [{ bearer_sha256: abababababababababababababababababababababababababababababababab }] }]
";
const MAPPING: &str = "mapping: 1
app: { sql: { url: \"${DATABASE}\" } }
resources: { User: { table: person, key: id, protect: { login: root }, attributes: { userName: login } } }
";

struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What the gateway says until it listens or ends.
fn serve(folder: &Path, data: Option<&Path>) -> Vec<String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portolan"));
    command.args(["serve", "--listen", "127.0.0.1:0"]).arg(folder.join("portolan.yaml"));
    command.args(data.iter().flat_map(|data| [Path::new("--data"), *data]));
    let mut child = Ended(command.stderr(Stdio::piped()).spawn().unwrap());
    let mut said = Vec::new();
    for line in BufReader::new(child.0.stderr.take().unwrap()).lines() {
        said.push(line.unwrap());
        if said.last().unwrap().starts_with("portolan listens") {
            break;
        }
    }
    said
}

fn folder(script: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("portolan.yaml", CONFIG), ("mapping.yaml", MAPPING), ("hr.sql", script)] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

#[test]
fn a_missing_database_is_made_once() {
    let folder = folder("create table person (id integer primary key, login text);");
    let data = folder.path().join("new/data");
    for (data, file) in [(None, folder.path().join("hr.sqlite")), (Some(data.as_path()), data.join("hr.sqlite"))] {
        let said = serve(folder.path(), data);
        assert!(said[0].starts_with("made ") && said[1].starts_with("portolan listens"), "{said:?}");
        let made = fs::read(&file).unwrap();
        let names: Vec<_> = fs::read_dir(file.parent().unwrap()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert!(!names.iter().any(|n| n.to_string_lossy().contains("half")), "{names:?}");
        let said = serve(folder.path(), data);
        assert!(said[0].starts_with("portolan listens"), "{said:?}");
        assert_eq!(fs::read(&file).unwrap(), made);
    }
}

#[test]
fn a_file_that_is_there_is_never_touched() {
    let folder = folder("create table person (id integer primary key, login text);");
    let file = folder.path().join("hr.sqlite");
    for held in ["somebody's letters", ""] {
        fs::write(&file, held).unwrap();
        let said = serve(folder.path(), None);
        assert!(!said.iter().any(|l| l.starts_with("made ") || l.starts_with("portolan listens")), "{said:?}");
        assert_eq!(fs::read_to_string(&file).unwrap(), held);
    }
    fs::remove_file(&file).unwrap();
    std::os::unix::fs::symlink(folder.path().join("elsewhere.sqlite"), &file).unwrap();
    let said = serve(folder.path(), None);
    assert!(!said.iter().any(|l| l.starts_with("made ") || l.starts_with("portolan listens")), "{said:?}");
    assert!(!folder.path().join("elsewhere.sqlite").exists());
}

#[test]
fn a_script_that_fails_leaves_nothing() {
    let folder = folder("create table person (id integer primary key, login text); create tabel other (id);");
    let said = serve(folder.path(), None);
    assert!(said.iter().any(|l| l.contains("cannot be made from its script")), "{said:?}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
}
