//! Keys that the database does not make: counted in a table, or random.

use serde_json::json;

use super::door::{Door, group, user};

const MAPPING: &str = r#"
mapping: 1
app: { sql: { url: "${DATABASE}", counters: { table: ids, name: [table_name, field_name], column: nextid, means: MEANS } } }
resources:
  User:
    table: users
    key: { column: userid, from: counter }
    attributes:
      userName: username
      active: { table: users_groups, link: userid, where: { usrgrpid: "9" }, exists: false, key: { column: id, from: counter } }
      emails: { table: media, link: userid, value: sendto, key: { column: mediaid, from: counter } }
  Group:
    table: usrgrp
    key: { column: usrgrpid, from: uuid }
    attributes:
      displayName: name
      members: { table: users_groups, link: usrgrpid, value: userid, of: User, key: { column: id, from: counter } }
"#;

const SCRIPT: &str = "
create table users (userid integer not null unique, username text unique);
create table usrgrp (usrgrpid text primary key, name text);
create table users_groups (id integer not null unique, usrgrpid text, userid integer);
create table media (mediaid integer not null unique, userid integer, sendto text);
create table ids (table_name text, field_name text, nextid integer, primary key (table_name, field_name));
insert into users values (7, 'old');
insert into users_groups values (3, 'x', 7);
insert into ids values ('media', 'mediaid', 100);
";

async fn door(means: &str) -> Door {
    Door::over_tables(&MAPPING.replace("MEANS", means), SCRIPT).await.strict()
}

#[tokio::test]
async fn a_table_counts_the_keys() {
    for (means, media, counter) in
        [("last", ["101", "102", "103"], ["103", "8"]), ("next", ["100", "101", "102"], ["103", "9"])]
    {
        let door = door(means).await;
        let mut sent = user("ann");
        sent["emails"] = json!([{"value": "a@x"}, {"value": "b@x"}]);
        let made = door.ask("POST", "/Users", sent).await.is(201);
        assert_eq!(made["id"], "8", "behind the largest key in use");
        door.patch("/Users/8", json!([{"op": "add", "path": "emails", "value": [{"value": "c@x"}]}])).await.is(200);
        assert_eq!(door.sql("select mediaid from media order by 1").await, media, "{means}");
        let team = door.ask("POST", "/Groups", group("team", &["7", "8"])).await.is(201);
        let id = team["id"].as_str().unwrap();
        assert!(id.len() == 36 && id.as_bytes()[14] == b'4', "{id}");
        let rows = format!("select id || ' ' || userid from users_groups where usrgrpid = '{id}' order by id");
        assert_eq!(door.sql(&rows).await, ["4 7", "5 8"], "{means}");
        door.patch(&format!("/Groups/{id}"), json!([{"op": "remove", "path": "members[value eq \"7\"]"}]))
            .await
            .is(204);
        door.patch(
            &format!("/Groups/{id}"),
            json!([{"op": "add", "path": "members", "value": [{"value": "7"}, {"value": "8"}]}]),
        )
        .await
        .is(204);
        let ids = door.sql(&rows).await;
        assert_eq!((ids.len(), ids[0].as_str()), (2, "5 8"), "who is a member keeps the row: {ids:?}");
        door.patch("/Users/8", json!([{"op": "replace", "path": "active", "value": false}])).await.is(200);
        assert_eq!(door.sql("select count(*) from users_groups where usrgrpid = '9' and id > 5").await, ["1"]);
        let counts =
            door.sql("select nextid from ids where table_name in ('media', 'users') order by table_name").await;
        assert_eq!(counts, counter, "{means}");
    }
}
