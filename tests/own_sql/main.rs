//! SQL of the app's own in a mapping, on the engine that `PORTOLAN_TEST_ENGINE` names: selects in a table's place,
//! expressions, statements.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod lex;
#[path = "../quickstart/mod.rs"]
mod quickstart;
mod statements;
mod views;

use portolan::mapping::sql::Engine;
use quickstart::{
    Door, LIMITS,
    database::{Database, engine},
    over,
};
use serde_json::{Value, json};

/// A door over these tables, each statement as the engine has it.
pub async fn door(mapping: &str, script: &str) -> Door {
    let database = Database::new(engine(), script).await;
    let data = tempfile::tempdir().unwrap();
    let mut door = over(mapping, &[("DATABASE", &database.url)], LIMITS, data).await;
    door.database = Some(database);
    door
}

/// What differs between the engines.
pub fn of(sqlite: &'static str, postgres: &'static str, mariadb: &'static str) -> &'static str {
    match engine() {
        Engine::Sqlite => sqlite,
        Engine::Postgres => postgres,
        Engine::MariaDb => mariadb,
    }
}

pub fn user(name: &str, more: &Value) -> Value {
    let mut user = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": name});
    user.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    user
}

/// What of each resource in an answer.
pub fn told<'a>(list: &'a Value, attribute: &str) -> Vec<&'a str> {
    list["Resources"].as_array().into_iter().flatten().map(|r| r[attribute].as_str().unwrap_or_default()).collect()
}

/// What the app's own statement finds.
pub async fn rows(door: &Door, sql: &str) -> Vec<String> {
    door.database.as_ref().unwrap().lines(sql).await
}
