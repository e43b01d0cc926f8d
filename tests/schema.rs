//! `app.sql.schema`: tables and sequences that stand elsewhere than where the connection looks, on the engine that
//! `PORTOLAN_TEST_ENGINE` names. SQLite has no schemas, and a mapping that names one is refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod quickstart;

use portolan::mapping::{
    self,
    sql::Engine,
    vars::{Var, Vars},
};
use quickstart::{
    LIMITS,
    database::{Database, engine},
    over,
};
use serde_json::json;

const MAPPING: &str = "
mapping: 1
app:
  sql:
    url: \"${DATABASE}\"
    schema: PLACE
    counters: { table: ids, name: [table_name, field_name], column: nextid, means: last }
resources:
  User:
    table: person
    key: { column: id, from: counter }
    where: { gone: 0 }
    delete: { set: { gone: 1 } }
    attributes:
      userName: login
      title: { table: job, link: person, column: title }
      emails: { table: mail, link: person, value: addr }
      enterprise:manager: { column: boss, of: User }
  Group:
    table: team
    key: { column: id, from: { sequence: team_id } }
    attributes:
      displayName: name
      members: { table: team_person, link: team, value: person, of: User }
";

const SCRIPT: &str = "
    create KIND PLACE;
    create table PLACE.ids (table_name varchar(99), field_name varchar(99), nextid int);
    create sequence PLACE.team_id start with 50;
    create table PLACE.person (id int primary key, login varchar(99) not null, boss int, gone int default 0);
    create table PLACE.job (person int primary key, title varchar(99));
    create table PLACE.mail (person int, addr varchar(99));
    create table PLACE.team (id int primary key, name varchar(99));
    create table PLACE.team_person (team int, person int);";

#[tokio::test(flavor = "multi_thread")]
async fn tables_are_used_where_they_stand() {
    let place = format!("hr{}", std::process::id());
    let mapping = MAPPING.replace("PLACE", &place);
    let engine = engine();
    if engine == Engine::Sqlite {
        return refused(&mapping);
    }
    let kind = if engine == Engine::Postgres { "schema" } else { "database" };
    let database = Database::new(engine, &SCRIPT.replace("KIND", kind).replace("PLACE", &place)).await;
    let door = over(&mapping, &[("DATABASE", &database.url)], LIMITS, tempfile::tempdir().unwrap()).await;
    let schemas = |name: &str| json!([format!("urn:ietf:params:scim:schemas:core:2.0:{name}")]);
    let ann =
        json!({"schemas": schemas("User"), "userName": "ann", "title": "Cook", "emails": [{"value": "a@x.example"}]});
    let made = door.post("/Users", ann).await;
    assert_eq!((made.status, made.body()["id"].as_str()), (201, Some("1")), "{}", made.text);
    let team = door
        .post("/Groups", json!({"schemas": schemas("Group"), "displayName": "Team", "members": [{"value": "1"}]}))
        .await;
    assert_eq!((team.status, team.body()["id"].as_str()), (201, Some("50")), "{}", team.text);
    let set = json!([
        {"op": "replace", "path": "title", "value": "Chef"},
        {"op": "add", "path": "emails", "value": [{"value": "b@x.example"}]}]);
    assert_eq!(door.patch("/Users/1", set).await.status, 200);
    for filter in
        ["title eq \"chef\"", "emails.value eq \"b@x.example\"", "groups.value eq \"50\"", "userName sw \"A\""]
    {
        assert_eq!(door.find("/Users", filter).await.each("id"), ["1"], "{filter}");
    }
    assert_eq!(database.lines(&format!("select table_name from {place}.ids")).await, ["person"]);
    assert_eq!(door.delete("/Users/1").await.status, 204);
    assert_eq!(door.delete("/Groups/50").await.status, 204);
    assert_eq!(database.lines(&format!("select count(*) from {place}.team_person")).await, ["0"]);
}

fn refused(mapping: &str) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("mapping.yaml");
    std::fs::write(&file, mapping).unwrap();
    let var = Var { value: "sqlite:x".to_owned(), secret: false, place: None };
    let vars = Vars::Given([("DATABASE".to_owned(), var)].into_iter().collect());
    let faults = mapping::load(&file, &vars).err().unwrap().to_json().to_string();
    assert!(faults.contains("a file of SQLite has no schemas"), "{faults}");
}
