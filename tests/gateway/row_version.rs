//! Versions that are a column of the row: changed with every write of ours, and by whoever else writes the row.

use serde_json::{Value, json};

use super::door::{Door, group, user};

const SCRIPT: &str = "
    create table person (id integer primary key, login text not null unique, title text, rev integer not null, gone text);
    create table mail (id integer primary key, person integer not null, addr text not null);
    create table team (id integer primary key, label text not null, stamp text);
    create table team_person (team integer not null, person integer not null);
    create trigger bumped after update on team begin update team set stamp = 'v ' || hex(randomblob(8)) where id = new.id; end;
    insert into person values (1, 'ann', null, 7, null), (2, 'ben', null, 1, null);
    insert into team values (10, 'Cooks', 'first one');";

const MAPPING: &str = "
mapping: 1
app: { sql: { url: \"${DATABASE}\" } }
resources:
  User:
    table: person
    key: id
    where: { gone: null }
    delete: { set: { gone: now } }
    version: rev
    attributes:
      userName: login
      title: title
      emails: { table: mail, link: person, key: id, value: addr }
  Group:
    table: team
    key: id
    version: { column: stamp, bump: app }
    attributes:
      displayName: label
      members: { table: team_person, link: team, value: person, of: User }
";

fn title(text: &str) -> Value {
    let step = json!([{"op": "replace", "path": "title", "value": text}]);
    json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": step})
}

#[tokio::test]
async fn the_column_is_the_version_and_every_change_counts() {
    let door = Door::over_tables(MAPPING, SCRIPT).await;
    let read = door.get("/Users/1").await;
    assert_eq!(read.headers["etag"], "W/\"7\"");
    assert_eq!(read.is(200)["meta"]["version"], "W/\"7\"");
    assert_eq!(door.get("/Users?sortBy=userName").await.is(200)["Resources"][1]["meta"]["version"], "W/\"1\"");
    assert_eq!(door.find("/Users", "meta.version eq \"W/\\\"7\\\"\"").await.ids(), ["1"]);
    let made = door.ask("POST", "/Users", user("cid")).await.is(201);
    assert_eq!(made["meta"]["version"], "W/\"1\"");
    assert_eq!(door.ask("PATCH", "/Users/1", title("Cook")).await.is(200)["meta"]["version"], "W/\"8\"");
    // What is so already is no change; a list of its own is.
    assert_eq!(door.ask("PATCH", "/Users/1", title("Cook")).await.is(200)["meta"]["version"], "W/\"8\"");
    let mail = json!([{"op": "add", "path": "emails", "value": [{"value": "a@b.example"}]}]);
    assert_eq!(door.patch("/Users/1", mail).await.is(200)["meta"]["version"], "W/\"9\"");
    door.ask_if("if-none-match", "W/\"9\"", "GET", "/Users/1", Value::Null).await.is(304);
    door.ask_if("if-none-match", "W/\"8\"", "GET", "/Users/1", Value::Null).await.is(200);
    door.ask("DELETE", "/Users/1", Value::Null).await.is(204);
    assert_eq!(door.sql("select rev from person where id = 1").await, ["10"]);
}

#[tokio::test]
async fn a_write_is_meant_for_one_state_of_the_row() {
    let door = Door::over_tables(MAPPING, SCRIPT).await;
    // The app writes a column that SCIM does not know.
    door.sql("update person set rev = 8 where id = 1").await;
    for (method, body) in [("PATCH", title("X")), ("PUT", user("ann")), ("DELETE", Value::Null)] {
        door.ask_if("if-match", "W/\"7\"", method, "/Users/1", body).await.fails(412, "");
    }
    assert_eq!(door.sql("select title || rev from person where id = 1").await, ["-"]);
    door.ask_if("if-match", "W/\"8\"", "PATCH", "/Users/1", title("X")).await.is(200);
    door.ask_if("if-match", "W/\"8\"", "PATCH", "/Users/1", title("Y")).await.fails(412, "");
    door.ask_if("if-match", "W/\"9\"", "DELETE", "/Users/1", Value::Null).await.is(204);
}

#[tokio::test]
async fn the_app_may_see_to_it() {
    let door = Door::over_tables(MAPPING, SCRIPT).await;
    let first = door.get("/Groups/10").await.is(200)["meta"]["version"].as_str().unwrap().to_owned();
    assert!(first.starts_with("W/\"") && !first.contains(' '), "what cannot stand in a tag is digested: {first}");
    let add = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"op": "add", "path": "members", "value": [{"value": "1"}]}]});
    door.ask_if("if-match", &first, "PATCH", "/Groups/10", add.clone()).await.is(204);
    let second = door.get("/Groups/10").await.is(200)["meta"]["version"].as_str().unwrap().to_owned();
    assert_ne!(first, second, "a change of members writes the row, so the app's trigger runs");
    door.ask_if("if-match", &first, "PATCH", "/Groups/10", add).await.fails(412, "");
    door.ask_if("if-match", &second, "PUT", "/Groups/10", group("Bakers", &[])).await.is(200);
}

#[tokio::test]
async fn a_page_costs_no_list_for_its_versions() {
    let door = Door::over_tables(MAPPING, SCRIPT).await;
    let (answer, calls) = door.cost("GET", "/Users/1?excludedAttributes=emails,groups", Value::Null).await;
    assert_eq!((answer.is(200)["meta"]["version"].as_str(), calls), (Some("W/\"7\""), 1));
}
