//! `portolan check --live`: what only the app's own database can tell of a mapping, on the engine that
//! `PORTOLAN_TEST_ENGINE` names.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "common/database.rs"]
mod database;

use std::{fs, path::Path, process::Command};

use database::Database;
use portolan::mapping::sql::Engine;
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
        Engine::Sqlite => "sqlite:not-there.sqlite",
        Engine::Postgres => "postgres://portolan:hunter2@127.0.0.1:1/app",
        Engine::MariaDb => "mariadb://portolan:hunter2@127.0.0.1:1/app",
    };
    let place = folder(PLAIN, url);
    let (code, said) = check(place.path(), "portolan.yaml");
    assert!(code == 1 && said.contains("error[no-answer]") && !said.contains("hunter2"), "{said}");
    assert!(fs::read_dir(place.path()).unwrap().count() == 2, "nothing is made");
}

/// The faults as a program reads them.
fn faults(folder: &Path) -> Vec<Value> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portolan"));
    let output =
        command.args(["check", "--live", "--output", "json", "portolan.yaml"]).current_dir(folder).output().unwrap();
    let all: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "warnings stop nothing: {all:?}");
    // the mapping's own warnings have a place
    all.into_iter().filter(|fault| fault["file"].is_null()).collect()
}

const BARE: &str = "mapping: 1
app: { sql: { url: \"${DATABASE}\", tenant: { column: org, is: \"{{tenant.number}}\" } } }
resources:
  User:
    table: person
    key: id
    where: { left_on: null }
    delete: { set: { left_on: now } }
    beside: { profile: { table: profile, link: person } }
    attributes:
      userName: { column: login, unique: app }
      externalId: ext
      title: profile.job
      enterprise:manager: { column: boss, of: User }
      emails: { table: mail, link: person, key: id, value: addr, unique: app }
  Group:
    table: team
    key: id
    attributes:
      displayName: label
      members: { table: team_person, link: team, value: person, of: User }
";

const BARE_TABLES: &str = "
create table person (id integer primary key, org integer not null, login varchar(100) not null, ext varchar(100), boss integer, left_on varchar(30));
create table profile (person integer not null, job varchar(100));
create table mail (id integer primary key, person integer not null, addr varchar(100) not null);
create table team (id integer primary key, org integer not null, label varchar(100) not null);
create table team_person (team integer not null, person integer not null);";

#[tokio::test]
async fn every_index_that_is_missing_is_named_and_what_is_said_to_write_is_enough() {
    let database = Database::tables(BARE_TABLES).await;
    let place = folder(BARE, &database.url);
    let config = fs::read_to_string(place.path().join("portolan.yaml")).unwrap();
    let config = config.replace("{ name: a,", "{ name: a, tenant: t,") + "tenants: { t: { number: 7 } }\n";
    fs::write(place.path().join("portolan.yaml"), config).unwrap();
    let found = faults(place.path());
    let place_of = |message: &str| {
        let dotted = |part: &&str| part.contains('.') && !part.contains(' ');
        message.rsplit('`').find(dotted).unwrap_or_default().to_owned()
    };
    let told =
        |fault: &Value| format!("{} {}", fault["code"].as_str().unwrap(), place_of(fault["message"].as_str().unwrap()));
    let mut told: Vec<String> = found.iter().map(told).collect();
    told.sort_unstable();
    assert_eq!(
        told,
        [
            "missing-index mail.person",
            "missing-index person.boss",
            "missing-index person.ext",
            "missing-index profile.person",
            "missing-index team.label",
            "missing-index team_person.person",
            "missing-index team_person.team",
            "not-unique mail.addr",
            "not-unique person.login",
        ],
        "{found:?}"
    );
    // the unique ones find as well
    let statements = |found: Vec<Value>| -> Vec<String> {
        let help = |fault: &Value| fault["help"].as_str().unwrap().split(';').next().unwrap().to_owned();
        found.iter().map(help).filter(|help| help.starts_with("CREATE ")).collect()
    };
    for unique in statements(found).iter().filter(|statement| statement.contains("UNIQUE")) {
        database.run(unique).await;
    }
    for rest in statements(faults(place.path())) {
        database.run(&rest).await;
    }
    assert_eq!(faults(place.path()), Vec::<Value>::new());
}

#[tokio::test]
async fn of_the_quickstart_one_is_missing() {
    let database = Database::quickstart("").await;
    let place = folder(&fs::read_to_string("examples/quickstart/mapping.yaml").unwrap(), &database.url);
    let found = faults(place.path());
    assert_eq!(found.len(), 1, "{found:?}");
    let message = found[0]["message"].as_str().unwrap();
    assert_eq!(message, "Group: no index finds `externalId eq …` in `team.idp_ref`, so all of the table is read");
}

/// A promise that the catalogue contradicts: what is unique letter by letter is not what SCIM means, and the reverse.
#[tokio::test]
async fn letter_case_is_compared_with_the_collation() {
    let tables = "create table person (id integer primary key, login varchar(100) unique, badge varchar(100) collate nocase unique);";
    let database = Database::tables(tables).await;
    let mapping = "mapping: 1
app: { sql: { url: \"${DATABASE}\" } }
resources:
  User:
    table: person
    key: id
    where: { id: { not: 0 } }
    attributes:
      userName: { column: login, unique: app }
      externalId: { column: badge, unique: app, case: exact }
";
    let place = folder(mapping, &database.url);
    let found = faults(place.path());
    let mut codes: Vec<&str> = found.iter().map(|fault| fault["code"].as_str().unwrap()).collect();
    codes.sort_unstable();
    let expected: &[&str] = match database.engine {
        Engine::Sqlite => &["not-unique"],
        Engine::Postgres => &["letter-case", "not-unique"],
        // its own collation is as SCIM is
        Engine::MariaDb => &["letter-case"],
    };
    assert_eq!(codes, expected, "{found:?}");
}
