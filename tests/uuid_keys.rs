//! Keys that are UUIDs, on the engine that `PORTOLAN_TEST_ENGINE` names: in a column of that type where there is one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod quickstart;

use std::time::Duration;

use portolan::{
    backend::{self, Backend},
    gateway,
    mapping::{
        self,
        sql::Engine,
        vars::{Var, Vars},
    },
};
use quickstart::{
    Door, LIMITS,
    database::{Database, engine},
    over,
};
use serde_json::{Value, json};

const MAPPING: &str = "
mapping: 1
app: { sql: { url: \"${DATABASE}\" } }
resources:
  User:
    table: person
    key: { column: id, type: uuid, from: uuid }
    attributes:
      userName: login
      emails: { table: mail, link: person, value: addr }
      enterprise:manager: { column: boss, of: User }
  Group:
    table: team
    key: { column: id, type: uuid, from: uuid }
    attributes:
      displayName: name
      members: { table: team_person, link: team, value: person, of: User }
";

const SCRIPT: &str = "
    create table person (id UUID primary key, login varchar(99) not null, boss UUID);
    create table mail (person UUID not null, addr varchar(99) not null);
    create table team (id UUID primary key, name varchar(99) not null);
    create table team_person (team UUID not null, person UUID not null, primary key (team, person));";

async fn database(engine: Engine) -> Database {
    let kind = if engine == Engine::Sqlite { "text" } else { "uuid" };
    Database::new(engine, &SCRIPT.replace("UUID", kind)).await
}

async fn door() -> Door {
    let database = database(engine()).await;
    let data = tempfile::tempdir().unwrap();
    let mut door = over(MAPPING, &[("DATABASE", &database.url)], LIMITS, data).await;
    door.database = Some(database);
    door
}

async fn made(door: &Door, path: &str, body: Value) -> String {
    let answer = door.post(path, body).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    answer.body()["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn they_are_told_found_and_joined_by() {
    let door = door().await;
    let schemas = |name: &str| json!([format!("urn:ietf:params:scim:schemas:core:2.0:{name}")]);
    let mail = json!([{"value": "ann@example.com"}]);
    let ann = made(&door, "/Users", json!({"schemas": schemas("User"), "userName": "ann", "emails": mail})).await;
    let bob = made(&door, "/Users", json!({"schemas": schemas("User"), "userName": "bob"})).await;
    let team = json!({"schemas": schemas("Group"), "displayName": "Team", "members": [{"value": ann}]});
    let team = made(&door, "/Groups", team).await;
    let (user, group) = (format!("/Users/{ann}"), format!("/Groups/{team}"));

    let manager = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager";
    let answer = door.patch(&user, json!([{"op": "add", "path": manager, "value": {"value": bob}}])).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    for filter in [
        format!("id eq \"{ann}\""),
        "emails.value eq \"ann@example.com\"".to_owned(),
        format!("groups.value eq \"{team}\""),
        format!("{manager}.value eq \"{bob}\""),
        format!("userName eq \"ann\" or id eq \"{ann}\""),
    ] {
        assert_eq!(door.find("/Users", &filter).await.each("userName"), ["ann"], "{filter}");
    }
    for nobody in ["no uuid".to_owned(), ann.to_uppercase()] {
        assert_eq!(door.find("/Users", &format!("id eq \"{nobody}\"")).await.total(), 0);
        assert_eq!(door.get(&format!("/Users/{}", nobody.replace(' ', "%20"))).await.status, 404);
    }
    let mut sorted = [ann.clone(), bob.clone()];
    sorted.sort();
    assert_eq!(door.get("/Users?sortBy=id").await.each("id"), sorted);
    let first = door.get("/Users?sortBy=id&cursor&count=1").await.body();
    let next = door.get(&format!("/Users?sortBy=id&count=1&cursor={}", first["nextCursor"].as_str().unwrap())).await;
    assert_eq!([&first["Resources"][0]["id"], &next.body()["Resources"][0]["id"]], [&sorted[0], &sorted[1]]);

    let add = |who: &str| json!([{"op": "add", "path": "members", "value": [{"value": who}]}]);
    assert_eq!(door.patch(&group, add(&bob)).await.status, 204);
    for stranger in ["no uuid", &team] {
        let answer = door.patch(&group, add(stranger)).await;
        assert_eq!((answer.status, answer.scim_type()), (400, "invalidValue".to_owned()), "{}", answer.text);
    }
    let remove = json!([{"op": "remove", "path": format!("members[value eq \"{ann}\"]")}]);
    assert_eq!(door.patch(&group, remove).await.status, 204);
    assert_eq!(door.get(&group).await.body()["members"][0]["value"], json!(bob));
    let set = json!([{"op": "replace", "path": "members", "value": [{"value": ann}]}]);
    assert_eq!(door.patch(&group, set).await.status, 204);
    assert_eq!(door.find("/Groups", &format!("members.value eq \"{ann}\"")).await.total(), 1);
    assert_eq!(door.delete(&user).await.status, 204);
    assert!(door.get(&group).await.body().get("members").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_of_that_type_is_no_text() {
    let database = database(engine()).await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("mapping.yaml");
    std::fs::write(&file, MAPPING.replace("type: uuid", "type: text")).unwrap();
    let var = Var { value: database.url.clone(), secret: false, place: None };
    let vars = Vars::Given([("DATABASE".to_owned(), var)].into_iter().collect());
    let (mapping, _) = mapping::load(&file, &vars).unwrap_or_else(|faults| panic!("{}", faults.to_json()));
    let limits = backend::Limits { call_time: Duration::from_secs(20), answer_bytes: 1 << 20, depth: 8 };
    let backend = Backend::open(&mapping.app, limits).await.unwrap();
    let told = gateway::catalog(&backend, &mapping).await.err();
    if engine() == Engine::Sqlite {
        assert_eq!(told, None, "SQLite has no such type");
    } else {
        let told = told.unwrap();
        assert!(told.contains("the key `id` of `person` is a UUID") && told.contains("type: uuid"), "{told}");
    }
}
