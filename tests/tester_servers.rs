//! scim2-tester over the example with every attribute, on the engine that `PORTOLAN_TEST_ENGINE` names. On SQLite it is a
//! stage of `tests/run.sh`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "common/database.rs"]
mod database;

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use database::Database;
use serde_json::Value;

/// Ended with the test, however that ends.
struct Served(Child);

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
#[ignore = "needs a server and the tester; tests/run.sh has both"]
async fn the_tester_finds_nothing() {
    let database = Database::tables(include_str!("../examples/everything/schema.sql")).await;
    let folder = tempfile::tempdir().unwrap();
    let config = include_str!("../examples/everything/portolan.yaml");
    let of_sqlite = config.lines().find(|line| line.contains("sqlite:")).unwrap();
    let url = format!("  DATABASE: {{ value: {}, secret: true }}", Value::from(database.url.as_str()));
    let mapping = std::env::current_dir().unwrap().join("examples/everything/mapping.yaml");
    let config = config
        .replace(of_sqlite, &url)
        .replace("mapping: mapping.yaml", &format!("mapping: {}", mapping.display()))
        .replace("listen: 127.0.0.1:8080", "listen: 127.0.0.1:0");
    let file = folder.path().join("portolan.yaml");
    std::fs::write(&file, config).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_portolan"));
    let mut served = Served(command.arg("serve").arg(&file).stderr(Stdio::piped()).spawn().unwrap());
    let mut said = BufReader::new(served.0.stderr.take().unwrap()).lines().map(Result::unwrap);
    let ready = said.find(|line| line.contains("portolan listens on ")).expect("it listens");
    let address = ready.split("listens on ").nth(1).unwrap().trim().to_owned();
    // what it says from here on is nobody's, and must not fill the pipe
    std::thread::spawn(move || said.for_each(drop));
    for token in ["demo-strict", "demo"] {
        let tester = Command::new("tests/scim2-tester.sh").arg(format!("http://{address}/scim/v2")).arg(token).output();
        let tester = tester.unwrap();
        let report = String::from_utf8_lossy(&tester.stdout).into_owned() + &String::from_utf8_lossy(&tester.stderr);
        assert!(tester.status.success() && report.contains(" checks: "), "{token}:\n{report}");
    }
}
