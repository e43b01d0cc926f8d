//! Cells that hold several values: members of JSON, lists in a text, what PHP serialised. What no line knows stays.

use serde_json::{Value, json};

use super::door::{Door, user};

const MAPPING: &str = r#"
mapping: 1
app: { sql: { url: "${DATABASE}" } }
resources:
  User:
    table: person
    key: id
    beside: { meta: { table: person_meta, link: person_id, name: k, value: v } }
    attributes:
      userName: login
      locale: { column: prefs, json: $.locale }
      timezone: { column: prefs, json: $.ui.zone }
      active: { column: prefs, json: $.on }
      roles: { column: tags, split: ",", empty: "" }
      entitlements: { column: meta.caps, php: keys }
      photos: { column: meta.pics, php: values }
"#;

const SCRIPT: &str = r#"
create table person (id integer primary key, login text unique, prefs text, tags text not null default '');
create table person_meta (person_id integer, k text, v text);
insert into person values (1, 'ann', '{"own":1.10,"locale":"de","on":true}', 'a,b'), (2, 'bo', '{"on":false}', ''), (3, 'eve', null, 'ab');
insert into person_meta values (1, 'caps', 'a:2:{s:6:"editor";b:1;s:4:"deny";b:0;}'), (2, 'caps', 'a:0:{}');
"#;

async fn door() -> Door {
    Door::over_tables(MAPPING, SCRIPT).await.strict()
}

fn of<'a>(resource: &'a Value, list: &str) -> Vec<&'a str> {
    resource[list].as_array().into_iter().flatten().map(|item| item["value"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn parts_of_cells_are_read_and_found() {
    let door = door().await;
    let ann = door.get("/Users/1").await.is(200);
    assert_eq!((&ann["locale"], &ann["active"], ann.get("timezone")), (&json!("de"), &json!(true), None));
    assert_eq!((of(&ann, "roles"), of(&ann, "entitlements")), (vec!["a", "b"], vec!["editor"]));
    for (filter, ids) in [
        ("locale eq \"DE\"", vec!["1"]),
        ("not (locale eq \"de\")", vec!["2", "3"]),
        ("locale pr or active eq false", vec!["1", "2"]),
        ("roles.value eq \"a\"", vec!["1"]),
        ("roles pr", vec!["1", "3"]),
        ("entitlements[value eq \"deny\"]", vec![]),
        ("entitlements eq \"Editor\"", vec!["1"]),
        ("not (entitlements eq \"editor\")", vec!["2", "3"]),
    ] {
        assert_eq!(door.find("/Users", filter).await.ids(), ids, "{filter}");
    }
}

#[tokio::test]
async fn a_write_leaves_alone_what_no_line_knows() {
    let door = door().await;
    let (prefs, caps) =
        ("select prefs from person order by id", "select v from person_meta where k = 'caps' order by person_id");
    door.patch("/Users/1", json!([{"op": "replace", "value": {"timezone": "UTC", "locale": "en"}}])).await.is(200);
    assert_eq!(door.sql(prefs).await[0], r#"{"own":1.10,"locale":"en","on":true,"ui":{"zone":"UTC"}}"#);
    door.patch("/Users/1", json!([{"op": "remove", "path": "locale"}, {"op": "remove", "path": "timezone"}]))
        .await
        .is(200);
    assert_eq!(door.sql(prefs).await[0], r#"{"own":1.10,"on":true,"ui":{}}"#);
    let steps = json!([
        {"op": "add", "path": "entitlements", "value": [{"value": "author"}]},
        {"op": "add", "path": "roles", "value": [{"value": "c"}]},
        {"op": "remove", "path": "roles[value eq \"a\"]"},
        {"op": "add", "path": "photos", "value": [{"value": "https://x/ü.png"}]},
    ]);
    let after = door.patch("/Users/1", steps).await.is(200);
    assert_eq!((of(&after, "roles"), of(&after, "entitlements")), (vec!["b", "c"], vec!["editor", "author"]));
    assert_eq!(door.sql(caps).await[0], r#"a:3:{s:6:"editor";b:1;s:4:"deny";b:0;s:6:"author";b:1;}"#);
    assert_eq!(door.sql("select v from person_meta where k = 'pics'").await, [r#"a:1:{i:0;s:16:"https://x/ü.png";}"#]);
    door.patch("/Users/1", json!([{"op": "remove", "path": "roles"}, {"op": "remove", "path": "entitlements"}]))
        .await
        .is(200);
    assert_eq!(door.sql("select tags || '.' from person where id = 1").await, ["."]);
    assert_eq!(door.sql(caps).await[0], r#"a:1:{s:4:"deny";b:0;}"#);

    let mut sent = user("new");
    sent["locale"] = json!("fr");
    sent["entitlements"] = json!([{"value": "editor"}]);
    let made = door.ask("POST", "/Users", sent).await.is(201);
    assert_eq!((&made["locale"], of(&made, "entitlements")), (&json!("fr"), vec!["editor"]));
    assert_eq!(door.sql(prefs).await[3], r#"{"locale":"fr"}"#);
}

#[tokio::test]
async fn a_cell_that_is_something_else_fails_the_request_and_stays() {
    for (bad, path, value) in [
        ("update person set prefs = '[]' where id = 1", "locale", json!("x")),
        ("update person set prefs = '{\"locale\":5}' where id = 1", "locale", json!("x")),
        ("update person set prefs = '{' where id = 1", "locale", json!("x")),
        ("update person_meta set v = 'O:1:\"a\":0:{}' where person_id = 1", "entitlements", json!([{"value": "x"}])),
    ] {
        let door = door().await;
        door.sql(bad).await;
        let before =
            door.sql("select prefs || (select v from person_meta where person_id = 1) from person where id = 1").await;
        door.get("/Users/1").await.fails(502, "");
        door.patch("/Users/1", json!([{"op": "replace", "path": path, "value": value}])).await.fails(502, "");
        assert_eq!(
            door.sql("select prefs || (select v from person_meta where person_id = 1) from person where id = 1").await,
            before
        );
        door.get("/Users/2").await.is(200);
    }
    let steps = json!([{"op": "replace", "path": "roles", "value": [{"value": "a,b"}]}]);
    let detail = door().await.patch("/Users/1", steps).await.fails(400, "invalidValue");
    assert!(detail.contains("`,`"), "{detail}");
}
