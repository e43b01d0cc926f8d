//! `portolan check --live`: what only the app's own database can tell of a mapping, on the engine that
//! `PORTOLAN_TEST_ENGINE` names.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "common/database.rs"]
mod database;

use std::{fs, path::Path, process::Command};

use database::Database;
use serde_json::Value;

/// A folder with a mapping of one's own, and the configuration that says where its database is.
fn folder(mapping: &str, url: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("mapping.yaml"), mapping).unwrap();
    let url = Value::from(url).to_string();
    let config = format!(
        "mapping: mapping.yaml\nvars: {{ DATABASE: {{ value: {url}, secret: true }} }}\n\
         clients: [{{ name: a, bearers: [{{ bearer_sha256: {} }}] }}]\n",
        "ab".repeat(32)
    );
    fs::write(folder.path().join("portolan.yaml"), config).unwrap();
    folder
}

/// What is said, on either output, and how it ends.
fn check(folder: &Path, file: &str) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portolan"));
    let output = command.args(["check", "--live", file]).current_dir(folder).output().unwrap();
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
    (output.status.code().unwrap(), said)
}

const PLAIN: &str = "mapping: 1
app: { sql: { url: \"${DATABASE}\" } }
resources:
  User: { table: person, key: id, where: { kind: human }, attributes: { userName: login } }
";

#[tokio::test]
async fn the_database_is_asked_for_what_the_mapping_names() {
    let database = Database::quickstart("create table person (id integer primary key, kind varchar(20))").await;
    let place = folder(PLAIN, &database.url);
    let (code, said) = check(place.path(), "portolan.yaml");
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("error[unfit-database]: ") && said.contains("no column `login` in table `person`"), "{said}");
    database.run("alter table person add column login varchar(200)").await;
    let (code, said) = check(place.path(), "portolan.yaml");
    assert_eq!(code, 0, "{said}");
    // a mapping by itself does not know where its database is
    let (code, said) = check(place.path(), "mapping.yaml");
    assert!(code == 2 && said.contains("error[no-configuration]") && said.contains("name the portolan.yaml"), "{said}");
}

#[tokio::test]
async fn a_database_that_is_away_is_said_and_is_no_fault_of_a_file() {
    let url = match database::engine() {
        portolan::mapping::sql::Engine::Sqlite => "sqlite:not-there.sqlite",
        portolan::mapping::sql::Engine::Postgres => "postgres://portolan:hunter2@127.0.0.1:1/app",
        portolan::mapping::sql::Engine::MariaDb => "mariadb://portolan:hunter2@127.0.0.1:1/app",
    };
    let place = folder(PLAIN, url);
    let (code, said) = check(place.path(), "portolan.yaml");
    assert!(code == 1 && said.contains("error[no-answer]") && !said.contains("hunter2"), "{said}");
    assert!(fs::read_dir(place.path()).unwrap().count() == 2, "nothing is made");
}
