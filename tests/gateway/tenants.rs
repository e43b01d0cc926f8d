//! Two customers in the same tables, each with a client of its own on one gateway: neither sees, counts, adds, changes nor
//! deletes what is the other's, on any way in.

use serde_json::{Value, json};

use super::door::{Door, USER, group, user, values};

const SCRIPT: &str = "
    create table person (id integer primary key, org text not null collate nocase, login text not null collate nocase,
        title text, state text not null default 'A', left_on text, boss integer, unique (org, login));
    create table mail (id integer primary key, org text not null, person integer not null, addr text not null);
    create table team (id integer primary key, org text not null collate nocase, label text not null, chg_at text);
    create table team_person (team integer not null, person integer not null, org text not null);
    insert into person (id, org, login, title) values (1, 'acme', 'ann', 'Cook'), (2, 'globex', 'ann', 'Cook'),
        (3, 'acme', 'ben', null), (4, 'globex', 'cid', null), (5, 'ACME', 'dee', 'Cook');
    insert into mail (person, org, addr) values (1, 'acme', 'ann@acme.example'), (2, 'globex', 'ann@globex.example');
    insert into team (id, org, label) values (10, 'acme', 'Cooks'), (20, 'globex', 'Cooks');
    -- the last two are the app's own slips: a member of another tenant is none
    insert into team_person values (10, 1, 'acme'), (20, 2, 'globex'), (10, 4, 'acme'), (20, 3, 'globex');";

const MAPPING: &str = "
mapping: 1
app: { sql: { url: \"${DATABASE}\", tenant: { column: org, is: \"{{tenant.code}}\" } } }
resources:
  User:
    table: person
    key: id
    where: { left_on: null }
    delete: { set: { left_on: now } }
    attributes:
      userName: login
      title: title
      active: { column: state, values: { true: A, false: L } }
      emails: { table: mail, link: person, key: id, value: addr, insert: { org: \"{{tenant.code}}\" } }
  Group:
    table: team
    key: id
    touch: { chg_at: now }
    attributes:
      displayName: label
      members: { table: team_person, link: team, value: person, of: User, insert: { org: \"{{tenant.code}}\" } }
";

/// The doors of both, and their database.
async fn both() -> (Door, Door) {
    let door = Door::over_tables(MAPPING, SCRIPT).await;
    (door.of("acme", &json!({"code": "acme"})), door.of("globex", &json!({"code": "globex"})))
}

async fn rows(door: &Door, org: &str) -> Vec<String> {
    let mut all = Vec::new();
    for sql in [
        "select json_array(id, org, login, title, state, left_on) from person where org = '?' collate binary order by id",
        "select json_array(m.id, m.org, m.person, addr) from mail m join person p on p.id = person where p.org = '?' collate binary",
        "select json_array(id, org, label, chg_at) from team where org = '?' collate binary order by id",
        "select json_array(team, person, team_person.org) from team_person join team t on t.id = team where t.org = '?' order by 1",
    ] {
        all.extend(door.sql(&sql.replace('?', org)).await);
    }
    all
}

#[tokio::test]
async fn each_sees_its_own() {
    let (acme, globex) = both().await;
    assert_eq!(acme.get("/Users").await.ids(), ["1", "3"]);
    assert_eq!(globex.get("/Users").await.ids(), ["2", "4"]);
    assert_eq!(acme.get("/Groups").await.ids(), ["10"]);
    for (filter, mine, theirs) in [
        ("userName eq \"ann\"", vec!["1"], vec!["2"]),
        ("title eq \"Cook\"", vec!["1"], vec!["2"]),
        ("not (title pr)", vec!["3"], vec!["4"]),
        ("emails.value co \"ann\"", vec!["1"], vec!["2"]),
        ("emails.value co \"globex\"", vec![], vec!["2"]),
        ("id eq \"1\" or id eq \"2\"", vec!["1"], vec!["2"]),
        ("groups.value eq \"10\"", vec!["1"], vec![]),
        ("groups.display eq \"Cooks\"", vec!["1"], vec!["2"]),
        ("meta.resourceType eq \"User\"", vec!["1", "3"], vec!["2", "4"]),
    ] {
        assert_eq!(acme.find("/Users", filter).await.ids(), mine, "{filter}");
        assert_eq!(globex.find("/Users", filter).await.ids(), theirs, "{filter}");
        let counted = acme.find("/Users?count=0", filter).await.is(200);
        assert_eq!(counted["totalResults"], mine.len(), "{filter}");
    }
    assert_eq!(acme.get("/Users?sortBy=userName&sortOrder=descending").await.ids(), ["3", "1"]);
    assert_eq!(acme.find("/", "userName eq \"ann\"").await.ids(), ["1"]);
    for path in ["/Users/2", "/Users/4", "/Users/5", "/Groups/20"] {
        acme.get(path).await.fails(404, "");
    }
    assert_eq!(values(&acme.get("/Groups/10").await.is(200)["members"]), ["1"]);
    assert_eq!(values(&globex.get("/Groups/20").await.is(200)["members"]), ["2"]);
    assert!(acme.get("/Users/3").await.is(200).get("groups").is_none());
    assert_eq!(acme.find("/Groups", "members.value eq \"4\"").await.ids(), [""; 0]);
}

#[tokio::test]
async fn neither_writes_what_is_the_others() {
    let (acme, globex) = both().await;
    let before = rows(&globex, "globex").await;
    let replace = |path: &str, value: Value| json!([{"op": "replace", "path": path, "value": value}]);
    for path in ["/Users/2", "/Users/5"] {
        acme.ask("PUT", path, user("mine")).await.fails(404, "");
        acme.patch(path, replace("title", json!("Thief"))).await.fails(404, "");
        acme.patch(path, json!([{"op": "add", "path": "emails", "value": [{"value": "x@acme.example"}]}]))
            .await
            .fails(404, "");
        acme.ask("DELETE", path, Value::Null).await.fails(404, "");
    }
    acme.ask("PUT", "/Groups/20", group("Mine", &["1"])).await.fails(404, "");
    acme.ask("DELETE", "/Groups/20", Value::Null).await.fails(404, "");
    for steps in [
        replace("displayName", json!("Mine")),
        json!([{"op": "add", "path": "members", "value": [{"value": "1"}]}]),
        json!([{"op": "remove", "path": "members[value eq \"2\"]"}]),
        json!([{"op": "remove", "path": "members"}]),
    ] {
        acme.patch("/Groups/20", steps).await.fails(404, "");
    }
    for id in ["2", "5"] {
        let add = json!([{"op": "add", "path": "members", "value": [{"value": "3"}, {"value": id}]}]);
        acme.patch("/Groups/10", add).await.fails(400, "invalidValue");
        acme.ask("PUT", "/Groups/10", group("Cooks", &["1", id])).await.fails(400, "invalidValue");
        acme.ask("POST", "/Groups", group("New", &[id])).await.fails(400, "invalidValue");
    }
    assert_eq!(rows(&globex, "globex").await, before);

    // What one does to its own, by way of what both have: the name, a whole list, an app's slip.
    acme.patch("/Groups/10", json!([{"op": "remove", "path": "members"}])).await.is(204);
    acme.ask("DELETE", "/Users/3", Value::Null).await.is(204);
    acme.ask("DELETE", "/Groups/10", Value::Null).await.is(204);
    let kept: Vec<String> = rows(&globex, "globex").await;
    assert_eq!(kept.len(), before.len() - 1, "only who left acme left the team of globex: {kept:?}");
    assert!(!kept.contains(&"[20,3,\"globex\"]".to_owned()));
}

#[tokio::test]
async fn what_is_made_is_the_makers() {
    let (acme, globex) = both().await;
    let before = rows(&globex, "globex").await;
    let sent = json!({"schemas": [USER], "userName": "cid", "emails": [{"value": "c@acme.example"}]});
    let made = acme.ask("POST", "/Users", sent.clone()).await.is(201);
    acme.ask("POST", "/Users", user("ANN")).await.fails(409, "uniqueness");
    let id = made["id"].as_str().unwrap();
    assert_eq!(acme.sql(&format!("select org from person where id = {id}")).await, ["acme"]);
    globex.get(&format!("/Users/{id}")).await.fails(404, "");
    let team = acme.ask("POST", "/Groups", group("Cooks", &["1", id])).await.is(201);
    assert_eq!(acme.sql(&format!("select org from team where id = {}", team["id"].as_str().unwrap())).await, ["acme"]);
    let lists =
        format!("select org from mail where person = {id} union all select org from team_person where person = {id}");
    assert_eq!(acme.sql(&lists).await, ["acme", "acme"], "rows of lists and pairs as well");
    let bulk = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": [
        {"method": "POST", "path": "/Users", "bulkId": "b", "data": user("eve")},
        {"method": "PUT", "path": "/Users/2", "data": user("stolen")},
        {"method": "DELETE", "path": "/Users/4"},
        {"method": "PATCH", "path": "/Groups/10", "data": {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [{"op": "add", "path": "members", "value": [{"value": "bulkId:b"}]}]}}]});
    let done = acme.ask("POST", "/Bulk", bulk).await.is(200);
    let statuses: Vec<&str> =
        done["Operations"].as_array().unwrap().iter().map(|o| o["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["201", "404", "404", "204"]);
    assert_eq!(rows(&globex, "globex").await, before);
}

#[tokio::test]
async fn a_place_in_a_list_is_nobody_elses() {
    let (acme, globex) = both().await;
    let first = acme.get("/Users?cursor&count=1").await.is(200);
    let cursor = first["nextCursor"].as_str().unwrap();
    assert_eq!(acme.get(&format!("/Users?cursor={cursor}&count=1")).await.is(200)["Resources"][0]["id"], "3");
    // The client is of the same name: only the tenant is another one.
    globex.get(&format!("/Users?cursor={cursor}&count=1")).await.fails(400, "invalidCursor");
    // A walk, whose bookmark would be another tenant's: what is sought has too many spellings.
    let filter = "displayName eq \"x\" or meta.location pr";
    let page = |n: usize| format!("/Users?startIndex={n}&count=1");
    assert_eq!(acme.find(&page(1), filter).await.is(200)["Resources"][0]["id"], "1");
    assert_eq!(globex.find(&page(2), filter).await.is(200)["Resources"][0]["id"], "4");
    assert_eq!(acme.find(&page(2), filter).await.is(200)["Resources"][0]["id"], "3");
}

#[tokio::test]
async fn who_has_no_tenant_gets_nothing_and_writes_nothing() {
    let door = Door::over_tables(MAPPING, SCRIPT).await;
    let before = door.sql("select count(*) from person").await;
    for door in [door.clone(), door.of("acme", &json!({"number": 7}))] {
        assert_eq!(door.get("/Users").await.status, 500);
        assert_eq!(door.get("/Users/1").await.status, 500);
        assert_eq!(door.ask("POST", "/Users", user("new")).await.status, 500);
        assert_eq!(door.ask("DELETE", "/Users/1", Value::Null).await.status, 500);
    }
    assert_eq!(door.sql("select count(*) from person").await, before);
}

#[tokio::test]
async fn a_type_may_be_everybodys() {
    let shared = MAPPING.replace("    touch: { chg_at: now }", "    tenant: none");
    let door = Door::over_tables(&shared, SCRIPT).await;
    let acme = door.of("acme", &json!({"code": "acme"}));
    assert_eq!(acme.get("/Groups").await.ids(), ["10", "20"]);
    assert_eq!(values(&acme.get("/Groups/20").await.is(200)["members"]), ["3"], "but of its members each sees its own");
    acme.patch("/Groups/20", json!([{"op": "remove", "path": "members"}])).await.is(204);
    assert_eq!(acme.sql("select person from team_person where team = 20").await, ["2"]);
}
