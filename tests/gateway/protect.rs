//! Records that may be read and never written: neither changed, nor deleted, nor given or taken away as members.

use serde_json::{Value, json};

use super::{
    door::{Door, LIMITS, USER, group, user, values},
    easy_app::EasyApp,
};

const SCRIPT: &str = "
    create table person (id integer primary key, login text not null unique, title text, kind text, state text default 'A');
    create table mail (id integer primary key, person integer not null, addr text not null);
    create table team (id integer primary key, label text not null, owner text);
    create table team_person (team integer not null, person integer not null);
    insert into person (id, login, kind) values (1, 'root', 'root'), (2, 'ann', 'user'), (3, 'ben', 'user'), (4, 'bot', 'robot');
    insert into team values (10, 'Cooks', null), (20, 'Owners', 'app'), (30, 'Empty', null);
    insert into team_person values (10, 1), (10, 2), (20, 2);";

const MAPPING: &str = "
mapping: 1
app: { sql: { url: \"${DATABASE}\" } }
resources:
  User:
    table: person
    key: id
    where: { kind: { not: robot } }
    protect: { kind: [root, admin] }
    attributes:
      userName: login
      title: title
      userType: kind
      active: { column: state, values: { true: A, false: L } }
      emails: { table: mail, link: person, key: id, value: addr }
  Group:
    table: team
    key: id
    protect: { owner: app }
    attributes:
      displayName: label
      members: { table: team_person, link: team, value: person, of: User }
";

async fn all(door: &Door) -> Vec<String> {
    let mut all = door.sql("select json_array(id, login, title, kind, state) from person order by id").await;
    all.extend(door.sql("select json_array(person, addr) from mail order by 1").await);
    all.extend(door.sql("select json_array(id, label) from team order by id").await);
    all.extend(door.sql("select json_array(team, person) from team_person order by 1").await);
    all
}

fn replace(path: &str, value: &Value) -> Value {
    json!([{"op": "replace", "path": path, "value": value}])
}

fn members(op: &str, ids: &[&str]) -> Value {
    json!([{"op": op, "path": "members", "value": ids.iter().map(|id| json!({"value": id})).collect::<Vec<_>>()}])
}

#[tokio::test]
async fn what_is_protected_is_read_and_not_written() {
    let door = Door::over_tables(MAPPING, SCRIPT).await;
    let before = all(&door).await;
    assert_eq!(door.get("/Users").await.ids(), ["1", "2", "3"]);
    assert_eq!(door.get("/Users/1").await.is(200)["groups"][0]["value"], "10");
    for at in ["/Users/1", "/Groups/20"] {
        let body = if at == "/Users/1" { user("root") } else { group("Owners", &["2"]) };
        let detail = door.ask("PUT", at, body).await.fails(403, "");
        assert!(detail.contains("protected"), "{detail}");
        door.ask("DELETE", at, Value::Null).await.fails(403, "");
    }
    door.patch("/Users/1", replace("active", &json!(false))).await.fails(403, "");
    door.patch("/Users/1", json!([{"op": "add", "path": "emails", "value": [{"value": "x@y.example"}]}]))
        .await
        .fails(403, "");
    door.patch("/Groups/20", replace("displayName", &json!("Mine"))).await.fails(403, "");
    for steps in [members("add", &["3"]), members("replace", &["3"]), json!([{"op": "remove", "path": "members"}])] {
        door.patch("/Groups/20", steps).await.fails(403, "");
    }
    // What does not exist is no more there for being protected.
    door.patch("/Users/4", replace("active", &json!(false))).await.fails(404, "");
    assert_eq!(all(&door).await, before);
}

#[tokio::test]
async fn who_is_protected_joins_and_leaves_no_group() {
    let door = Door::over_tables(MAPPING, SCRIPT).await;
    let before = all(&door).await;
    door.patch("/Groups/30", members("add", &["2", "1"])).await.fails(403, "");
    door.ask("POST", "/Groups", group("New", &["1"])).await.fails(403, "");
    door.ask("PUT", "/Groups/30", group("Empty", &["1"])).await.fails(403, "");
    door.patch("/Groups/10", members("remove", &["1"])).await.fails(403, "");
    door.patch("/Groups/10", json!([{"op": "remove", "path": "members[value eq \"1\"]"}])).await.fails(403, "");
    door.patch("/Groups/10", json!([{"op": "remove", "path": "members"}])).await.fails(403, "");
    door.ask("PUT", "/Groups/10", group("Cooks", &["2"])).await.fails(403, "");
    door.ask("PUT", "/Groups/10", group("Cooks", &[])).await.fails(403, "");
    door.ask("DELETE", "/Groups/10", Value::Null).await.fails(403, "");
    assert_eq!(all(&door).await, before);
    // A list that leaves them where they are is no change of theirs.
    door.ask("PUT", "/Groups/10", group("Cooks", &["1", "3"])).await.is(200);
    door.patch("/Groups/10", members("add", &["1"])).await.is(204);
    door.patch("/Groups/30", members("remove", &["1"])).await.is(204);
    assert_eq!(values(&door.get("/Groups/10").await.is(200)["members"]), ["1", "3"]);
    // Who leaves the app leaves its protected groups too: nobody keeps access.
    door.ask("DELETE", "/Users/2", Value::Null).await.is(204);
    assert_eq!(door.sql("select count(*) from team_person where person = 2").await, ["0"]);
}

#[tokio::test]
async fn nobody_becomes_protected_or_leaves_what_is_offered() {
    let door = Door::over_tables(MAPPING, SCRIPT).await;
    let before = all(&door).await;
    let made = |kind: &str| json!({"schemas": [USER], "userName": "new", "userType": kind});
    door.ask("POST", "/Users", made("admin")).await.fails(403, "");
    door.patch("/Users/2", replace("userType", &json!("root"))).await.fails(403, "");
    door.ask("POST", "/Users", made("robot")).await.fails(400, "invalidValue");
    door.patch("/Users/2", replace("userType", &json!("robot"))).await.fails(400, "invalidValue");
    assert_eq!(all(&door).await, before);
    door.patch("/Users/2", replace("userType", &json!("guest"))).await.is(200);
    door.ask("POST", "/Users", made("guest")).await.is(201);
}

/// The same words over HTTP, where the record says it.
const ACME: &str = "
mapping: 1
app: { rest: { url: \"${ACME_URL}\", auth: { bearer: \"${ACME_TOKEN}\" } } }
resources:
  User:
    id: $.id
    where: { last_name: { not: [N2, N9] } }
    protect: { $.login: [u1, admin] }
    attributes:
      userName: $.login
      name.familyName: $.last_name
      name.givenName: $.first_name
      active: { at: $.state, values: { true: enabled, false: disabled }, access: [read] }
    get: GET /users/{{id}}
    list: { call: \"GET /users?page={{page}}&per_page={{size}}\", rows: $.data, pages: { by: page, max: 2, total: $.meta.total } }
    create: { call: POST /users, json: $.record, record: $ }
    update: { call: \"PATCH /users/{{id}}\", json: $.changed }
    delete: DELETE /users/{{id}}
";

#[tokio::test]
async fn over_http_the_record_says_it() {
    let (app, url) = EasyApp::start(5).await;
    let door = Door::over_text(ACME, &url, LIMITS).await;
    let before = app.state();
    // u2 does not exist: not by id, in no list, in no total, on no page.
    door.get("/Users/2").await.fails(404, "");
    assert_eq!(door.get("/Users").await.ids(), ["1", "3", "4", "5"]);
    assert_eq!(door.get("/Users").await.is(200)["totalResults"], 4);
    assert_eq!(door.get("/Users?count=0").await.is(200)["totalResults"], 4);
    assert_eq!(door.get("/Users?startIndex=2&count=2").await.ids(), ["3", "4"]);
    assert_eq!(door.find("/Users", "userName eq \"u2\"").await.ids(), [""; 0]);
    assert_eq!(door.find("/Users", "id eq \"2\"").await.ids(), [""; 0]);
    let first = door.get("/Users?cursor&count=1").await.is(200);
    let next = first["nextCursor"].as_str().unwrap();
    assert_eq!(door.get(&format!("/Users?cursor={next}&count=1")).await.is(200)["Resources"][0]["id"], "3");
    let given = replace("name.givenName", &json!("X"));
    for (at, status) in [("/Users/2", 404), ("/Users/1", 403)] {
        door.patch(at, given.clone()).await.fails(status, "");
        door.ask("PUT", at, user("u")).await.fails(status, "");
        door.ask("DELETE", at, Value::Null).await.fails(status, "");
    }
    // Nor does a write bring anybody there.
    door.ask("POST", "/Users", user("admin")).await.fails(403, "");
    door.patch("/Users/3", replace("userName", &json!("admin"))).await.fails(403, "");
    door.patch("/Users/3", replace("name.familyName", &json!("N9"))).await.fails(400, "invalidValue");
    let hidden = json!({"schemas": [USER], "userName": "new", "name": {"familyName": "N2"}});
    door.ask("POST", "/Users", hidden).await.fails(400, "invalidValue");
    assert_eq!(app.state(), before);
    door.patch("/Users/3", given).await.is(200);
    door.ask("DELETE", "/Users/4", Value::Null).await.is(204);
}
