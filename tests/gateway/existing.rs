//! Looking before writing: values that the app lets anybody have twice, and names that are there already.

use serde_json::{Value, json};

use super::{
    door::{Door, GROUP, LIMITS, USER, group, user, values},
    easy_app::EasyApp,
};

const SCRIPT: &str = "
    create table person (id integer primary key, login text not null, title text, state text default 'A', kind text, gone text);
    create table mail (id integer primary key, person integer not null, addr text not null);
    create table team (id integer primary key, label text not null);
    create table team_person (team integer not null, person integer not null);
    insert into person (id, login, title, state, kind, gone) values (1, 'ann', 'Cook', 'L', null, null),
        (2, 'ben', null, 'A', null, null), (3, 'root', null, 'A', 'root', null), (4, 'old', null, 'A', null, '2020');
    insert into mail (person, addr) values (1, 'ann@a.example'), (2, 'ben@a.example');
    insert into team values (10, 'Cooks');
    insert into team_person values (10, 1);";

fn mapping(existing: &str) -> String {
    format!(
        "
mapping: 1
app: {{ sql: {{ url: \"${{DATABASE}}\" }} }}
resources:
  User:
    table: person
    key: id
    where: {{ gone: null }}
    delete: {{ set: {{ gone: now }} }}
    protect: {{ kind: root }}
    existing: {existing}
    attributes:
      userName: {{ column: login, unique: checked }}
      title: title
      active: {{ column: state, values: {{ true: A, false: L }} }}
      emails: {{ table: mail, link: person, key: id, value: addr, unique: checked }}
  Group:
    table: team
    key: id
    existing: {existing}
    attributes:
      displayName: {{ column: label, unique: checked }}
      members: {{ table: team_person, link: team, value: person, of: User }}
"
    )
}

fn mails(name: &str, mail: &str) -> Value {
    json!({"schemas": [USER], "userName": name, "emails": [{"value": mail}]})
}

async fn everybody(door: &Door) -> Vec<String> {
    let mut all = door.sql("select json_array(id, login, title, state, gone) from person order by id").await;
    all.extend(door.sql("select json_array(person, addr) from mail order by id").await);
    all
}

#[tokio::test]
async fn a_second_one_is_refused_where_the_app_would_take_it() {
    let door = Door::over_tables(&mapping("refuse"), SCRIPT).await;
    assert_eq!(door.get("/Schemas").await.is(200).to_string().matches("\"uniqueness\":\"server\"").count(), 3);
    let before = everybody(&door).await;
    let detail = door.ask("POST", "/Users", user("ANN")).await.fails(409, "uniqueness");
    assert!(detail.contains("userName"), "{detail}");
    let detail = door.ask("POST", "/Users", mails("new", "Ben@A.example")).await.fails(409, "uniqueness");
    assert!(detail.contains("emails"), "{detail}");
    door.ask("POST", "/Groups", group("cooks", &[])).await.fails(409, "uniqueness");
    door.ask("PUT", "/Users/2", user("Ann")).await.fails(409, "uniqueness");
    door.patch("/Users/2", json!([{"op": "replace", "path": "userName", "value": "ann"}]))
        .await
        .fails(409, "uniqueness");
    let add = json!([{"op": "add", "path": "emails", "value": [{"value": "ann@a.example"}]}]);
    door.patch("/Users/2", add).await.fails(409, "uniqueness");
    assert_eq!(everybody(&door).await, before);
    // One's own is no other's, and who is gone has no name.
    door.ask("PUT", "/Users/2", mails("Ben", "ben@a.example")).await.is(200);
    door.patch("/Users/2", json!([{"op": "replace", "path": "title", "value": "X"}])).await.is(200);
    door.ask("POST", "/Users", mails("old", "old@a.example")).await.is(201);
}

#[tokio::test]
async fn of_many_at_once_one_is_made() {
    let door = Door::over_tables(&mapping("refuse"), SCRIPT).await;
    let other = door.another(&mapping("refuse")).await;
    let one = |door: Door| tokio::spawn(async move { door.ask("POST", "/Users", user("same")).await.status });
    let all: Vec<_> = (0..12).map(|n| one(if n % 2 == 0 { door.clone() } else { other.clone() })).collect();
    let mut statuses = Vec::new();
    for one in all {
        statuses.push(one.await.unwrap());
    }
    statuses.sort_unstable();
    assert_eq!((statuses[0], statuses[1], statuses[11]), (201, 409, 409));
    assert_eq!(door.sql("select count(*) from person where login = 'same'").await, ["1"]);
}

#[tokio::test]
async fn who_is_there_is_adopted() {
    let door = Door::over_tables(&mapping("adopt"), SCRIPT).await;
    let sent = json!({"schemas": [USER], "userName": "Ann", "active": true, "emails": [{"value": "new@a.example"}]});
    let answer = door.ask("POST", "/Users", sent).await;
    assert!(answer.headers["location"].to_str().unwrap().ends_with("/Users/1"));
    let made = answer.is(201);
    assert_eq!((&made["id"], &made["userName"], &made["title"]), (&json!("1"), &json!("Ann"), &json!("Cook")));
    assert_eq!((&made["active"], values(&made["emails"])), (&json!(true), vec!["new@a.example"]));
    // Members join and nobody leaves.
    let sent = json!({"schemas": [GROUP], "displayName": "Cooks", "members": [{"value": "2"}]});
    let made = door.ask("POST", "/Groups", sent).await.is(201);
    assert_eq!((&made["id"], values(&made["members"])), (&json!("10"), vec!["1", "2"]));
    // Not what is protected, nor what does not exist, nor by a value that is another's.
    let before = everybody(&door).await;
    door.ask("POST", "/Users", user("root")).await.fails(403, "");
    door.ask("POST", "/Users", mails("ann", "ben@a.example")).await.fails(409, "uniqueness");
    assert_eq!(everybody(&door).await, before);
    let made = door.ask("POST", "/Users", user("old")).await.is(201);
    assert_ne!(made["id"], "4");
    assert_eq!(door.sql("select gone from person where id = 4").await, ["2020"]);
}

#[tokio::test]
async fn who_was_deleted_comes_back() {
    // an app's index knows nothing of who is deleted, so a name stays taken
    let script = format!("{SCRIPT} create unique index person_login on person (lower(login));");
    let door = Door::over_tables(&mapping("refuse"), &script).await;
    door.ask("POST", "/Users", user("old")).await.fails(409, "uniqueness");
    let mapping =
        mapping("revive").replace("table: team\n    key: id\n    existing: revive", "table: team\n    key: id");
    let door = Door::over_tables(&mapping, &script).await;
    door.get("/Users/4").await.fails(404, "");
    // the app has left them in a group
    door.sql("insert into team_person values (10, 4)").await;
    let answer = door.ask("POST", "/Users", mails("OLD", "old@a.example")).await;
    assert!(answer.headers["location"].to_str().unwrap().ends_with("/Users/4"));
    let made = answer.is(201);
    assert_eq!((&made["userName"], &made["active"], made.get("groups")), (&json!("OLD"), &json!(true), None));
    assert_eq!(values(&made["emails"]), ["old@a.example"]);
    assert_eq!(values(&door.get("/Groups/10").await.is(200)["members"]), ["1"], "nobody gets access by being left");
    // who is there is nobody to bring back
    let before = everybody(&door).await;
    door.ask("POST", "/Users", user("old")).await.fails(409, "uniqueness");
    door.ask("POST", "/Users", user("ann")).await.fails(409, "uniqueness");
    // nor is what another has, in the same breath; and what is protected stays where it is
    door.sql(
        "insert into person (id, login, kind, gone) values (7, 'gone', null, '2020'), (8, 'boot', 'root', '2020')",
    )
    .await;
    let marked = everybody(&door).await;
    door.ask("POST", "/Users", mails("gone", "ann@a.example")).await.fails(409, "uniqueness");
    door.ask("POST", "/Users", user("boot")).await.fails(403, "");
    assert_eq!(everybody(&door).await, marked);
    assert!(before.iter().all(|row| marked.contains(row)));
    // again and again it is the same one
    for _ in 0..2 {
        assert_eq!(door.ask("POST", "/Users", user("gone")).await.is(201)["id"], "7");
        door.ask("DELETE", "/Users/7", Value::Null).await.is(204);
        door.get("/Users/7").await.fails(404, "");
    }
    // of many at once one does
    let other = door.another(&mapping).await;
    let one = |door: Door| tokio::spawn(async move { door.ask("POST", "/Users", user("gone")).await.status });
    let all: Vec<_> = (0..8).map(|n| one(if n % 2 == 0 { door.clone() } else { other.clone() })).collect();
    let mut statuses = Vec::new();
    for one in all {
        statuses.push(one.await.unwrap());
    }
    statuses.sort_unstable();
    assert_eq!((statuses[0], statuses[1], statuses[7]), (201, 409, 409));
}

#[tokio::test]
async fn over_http_it_is_looked_for_first() {
    let (app, url) = EasyApp::start(3).await;
    let text = std::fs::read_to_string("benches/acme.yaml").unwrap();
    let line = text.lines().find(|l| l.trim_start().starts_with("userName:")).unwrap();
    let checked = text.replace(line, "      userName: { at: $.login, unique: checked }");
    let door = Door::over_text(&checked, &url, LIMITS).await;
    let before = app.state();
    door.ask("POST", "/Users", user("U2")).await.fails(409, "uniqueness");
    door.patch("/Users/1", json!([{"op": "replace", "path": "userName", "value": "u2"}]))
        .await
        .fails(409, "uniqueness");
    assert_eq!(app.state(), before);
    assert!(
        app.calls().iter().all(|call| call.starts_with("GET ")),
        "nothing is asked of the app but who has the name"
    );
    door.patch("/Users/1", json!([{"op": "replace", "path": "userName", "value": "U1"}])).await.is(200);

    let adopting = text.replace("  User:\n", "  User:\n    existing: adopt\n");
    let door = Door::over_text(&adopting, &url, LIMITS).await;
    let sent = json!({"schemas": [USER], "userName": "u3", "name": {"givenName": "New"}});
    let made = door.ask("POST", "/Users", sent).await.is(201);
    assert_eq!((&made["id"], &made["name"]["givenName"]), (&json!("3"), &json!("New")));
    assert_eq!(app.state().users.len(), 3);
}
