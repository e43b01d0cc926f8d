//! What stands in tables beside the base table: rows of their own for a few columns, for names and values, for one value, and
//! rows that are there or not.

use serde_json::{Value, json};

use super::door::{Door, USER, user};

const MAPPING: &str = r#"
mapping: 1
app: { sql: { url: "${DATABASE}" } }
resources:
  User:
    table: person
    key: id
    touch: { changed: now }
    beside:
      profile: { table: person_profile, link: person_id, insert: { made_by: client } }
      meta: { table: person_meta, link: person_id, name: meta_key, value: meta_value, key: meta_id }
    attributes:
      userName: login
      title: profile.job_title
      nickName: profile.nick
      name.givenName: meta.first
      name.familyName: { column: meta.last, empty: "" }
      name.formatted: "{{meta.first}} {{meta.last}}"
      timezone: { table: person_place, link: person_id, column: zone, where: { kind: home } }
      active: { table: person_lock, link: person_id, where: { kind: ban }, insert: { banned_by: client }, exists: false }
      emails[type eq "work"].value: profile.mail
      meta.lastModified: changed
"#;

const SCRIPT: &str = "
create table person (id integer primary key, login text unique, changed text);
create table person_profile (person_id integer unique, job_title text, nick text, mail text, made_by text, own text default 'kept');
create table person_meta (meta_id integer primary key, person_id integer, meta_key text, meta_value text);
create table person_place (person_id integer, kind text, zone text not null);
create table person_lock (person_id integer, kind text, banned_by text);
insert into person values (1, 'ann', '2026-01-01T00:00:00Z'), (2, 'bo', '2026-01-01T00:00:00Z');
insert into person_meta values (7, 1, 'first', 'Ann'), (8, 1, 'first', 'Anna'), (9, 1, 'other', 'kept'), (10, 2, 'first', 'Bo');
insert into person_place values (1, 'home', 'UTC'), (1, 'work', 'CET');
insert into person_lock values (2, 'ban', 'app'), (1, 'fee', 'app');
";

async fn door() -> Door {
    Door::over_tables(MAPPING, SCRIPT).await.strict()
}

fn set(path: &str, value: impl Into<Value>) -> Value {
    json!([{"op": "replace", "path": path, "value": value.into()}])
}

#[tokio::test]
async fn what_is_sorted_by_is_read_though_it_is_not_shown() {
    let door = door().await;
    let sorted = |order: &str| format!("/Users?sortBy=name.givenName&sortOrder={order}&attributes=userName");
    for (order, ids) in [("ascending", ["1", "2"]), ("descending", ["2", "1"])] {
        assert_eq!(door.get(&sorted(order)).await.ids(), ids, "{order}");
        assert_eq!(door.get(&sorted(order)).await.is(200)["Resources"][0].get("name"), None);
    }
}

#[tokio::test]
async fn a_page_is_one_statement_for_each_table() {
    let door = door().await;
    let (answer, calls) = door.cost("GET", "/Users?filter=userName%20pr", Value::Null).await;
    let found = answer.is(200);
    assert_eq!(calls, 6 - 1, "the page and four tables: the total is known");
    let ann = &found["Resources"][0];
    assert_eq!(
        (&ann["name"]["givenName"], &ann["timezone"], &ann["active"]),
        (&json!("Ann"), &json!("UTC"), &json!(true))
    );
    assert_eq!(found["Resources"][1]["active"], json!(false));
    let (_, calls) = door.cost("GET", "/Users?attributes=name.familyName", Value::Null).await;
    assert_eq!(calls, 2, "one table for all its names");
    for (filter, ids) in [
        ("active eq false", vec!["2"]),
        ("name.givenName eq \"anna\"", vec![]),
        ("name.givenName sw \"ann\"", vec!["1"]),
        ("not (name.givenName eq \"ann\")", vec!["2"]),
        ("timezone eq \"CET\" or title pr", vec![]),
        ("timezone eq \"utc\"", vec!["1"]),
    ] {
        assert_eq!(door.find("/Users", filter).await.ids(), ids, "{filter}");
    }
}

#[tokio::test]
async fn rows_are_made_on_the_first_write_and_go_with_their_value() {
    let door = door().await;
    let profile = "select person_id || job_title || coalesce(nick, '-') || made_by || own from person_profile";
    let meta = "select meta_id || meta_key || meta_value from person_meta order by meta_id";
    assert!(door.sql(profile).await.is_empty());
    door.patch("/Users/1", set("title", "Chief")).await.is(200);
    assert_eq!(door.sql(profile).await, ["1Chief-testkept"]);
    door.patch("/Users/1", set("title", "Boss")).await.is(200);
    assert_eq!(door.sql(profile).await, ["1Boss-testkept"]);
    door.patch("/Users/1", json!([{"op": "remove", "path": "title"}])).await.is(200);
    assert_eq!(door.sql("select count(*) || '' || count(job_title) from person_profile").await, ["10"], "a row stays");
    door.patch("/Users/2", json!([{"op": "remove", "path": "title"}])).await.is(200);
    assert_eq!(door.sql("select count(*) from person_profile").await, ["1"], "and is not made for nothing");

    let both = json!([{"op": "add", "value": {"name": {"familyName": "Bow", "givenName": "A"}}}]);
    let after = door.patch("/Users/1", both).await.is(200);
    assert_eq!(after["name"], json!({"givenName": "A", "familyName": "Bow", "formatted": "A Bow"}));
    assert_eq!(door.sql(meta).await, ["7firstA", "8firstA", "9otherkept", "10firstBo", "11lastBow"]);
    door.patch(
        "/Users/1",
        json!([{"op": "remove", "path": "name.givenName"}, {"op": "remove", "path": "name.familyName"}]),
    )
    .await
    .is(200);
    assert_eq!(door.sql(meta).await, ["9otherkept", "10firstBo", "11last"], "`empty` keeps a row");

    let place = "select person_id || kind || zone from person_place order by 1";
    door.patch("/Users/1", json!([{"op": "remove", "path": "timezone"}])).await.is(200);
    door.patch("/Users/2", set("timezone", "EET")).await.is(200);
    assert_eq!(door.sql(place).await, ["1workCET", "2homeEET"]);

    let lock = "select person_id || kind || banned_by from person_lock order by 1";
    door.patch("/Users/2", set("active", true)).await.is(200);
    let after = door.patch("/Users/1", set("active", false)).await.is(200);
    assert_eq!(after["active"], json!(false));
    door.patch("/Users/1", set("active", false)).await.is(200);
    assert_eq!(door.sql(lock).await, ["1bantest", "1feeapp"]);
}

#[tokio::test]
async fn a_new_record_brings_its_rows_and_an_old_one_takes_them_along() {
    let door = door().await;
    let mut sent = user("eve");
    let more = json!({"title": "T", "name": {"givenName": "Eve"}, "active": false, "timezone": "UTC",
        "emails": [{"type": "work", "value": "e@x"}]});
    sent.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let made = door.ask("POST", "/Users", sent).await.is(201);
    for (name, value) in more.as_object().unwrap().iter().filter(|(name, _)| *name != "name") {
        assert_eq!(&made[name], value, "{name}");
    }
    assert_eq!(made["name"]["givenName"], "Eve");
    let left = "select (select count(*) from person_profile where person_id = 3) + (select count(*) from person_meta where person_id = 3)
        + (select count(*) from person_place where person_id = 3) + (select count(*) from person_lock where person_id = 3)";
    assert_eq!(door.sql(left).await, ["5"]);
    assert_eq!(door.ask("DELETE", "/Users/3", Value::Null).await.status, 204);
    assert_eq!(door.sql(left).await, ["0"]);
    let bare = door.ask("POST", "/Users", user("fay")).await.is(201);
    assert_eq!((bare.get("title"), &bare["active"]), (None, &json!(true)));
    assert_eq!(door.sql("select count(*) from person_profile").await, ["0"]);
    assert_eq!(bare["schemas"], json!([USER]));
}

#[tokio::test]
async fn two_rows_of_which_nothing_says_which_counts_fail_the_request() {
    let door = door().await;
    door.sql("insert into person_place values (1, 'home', 'CET')").await;
    door.get("/Users/1").await.fails(502, "");
    door.get("/Users/2").await.is(200);
}
