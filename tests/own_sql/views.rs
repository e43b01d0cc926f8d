//! A select that is read in a table's place: what is asked goes through it, what is written goes to the table beside it.

use serde_json::{Value, json};

use super::{door, of, rows, told, user};

const SCRIPT: &str = "
    create table dept (no int primary key, name varchar(99) not null);
    create table person (id int primary key, login varchar(99) not null unique, given varchar(99), family varchar(99),
      dept int, pay numeric(10, 2), kind varchar(9) not null, since int);
    create table mail (person int not null, addr varchar(99) not null);
    create table team (id int primary key, label varchar(99) not null, closed int);
    create table team_person (team int not null, person int not null, primary key (team, person));
    insert into dept values (1, 'Ärzte'), (2, 'Staff');
    insert into person values (1, 'ann', 'Ann', 'Miller', 1, 10.5, 'man', 100), (2, 'Bob', null, 'Bo''s', 2, 7, 'man', 200),
      (3, 'cyd', 'Cyd', '', null, null, 'man', null), (4, 'bot', 'Bot', 'Bot', 1, 1, 'bot', 5);
    insert into mail values (1, 'ann@example.com'), (4, 'bot@example.com');
    insert into team values (10, 'Readers', 0), (11, 'Old', 1);
    insert into team_person values (10, 1), (10, 4), (11, 2);";

const MAPPING: &str = r#"
mapping: 1
app: { sql: { url: "${DATABASE}" } }
resources:
  User:
    table: person
    rows: |
      -- who is a person, with the department's own name; it's `:nobody` in a comment
      select p.id, p.login, p.given, p.family, p.dept, p.pay, p.since, d.name as dept_name
      from person p left join dept d on d.no = p.dept where p.kind = 'man';
    key: id
    insert: { kind: man }
    attributes:
      userName: { column: login, case: exact }
      name.givenName: given
      name.familyName: family
      enterprise:department: { column: dept_name, access: [read] }
      enterprise:costCenter: { column: dept, access: [read] }
      displayName: { sql: "CONCAT" }
      meta.created: { column: since, time: unix, access: [read] }
      emails: { table: mail, link: person, value: addr }
  Group:
    rows: select id, label from team where closed = 0
    key: id
    attributes:
      displayName: label
      members: { table: team_person, link: team, value: person, of: User }
"#;

fn mapping() -> String {
    let full = of(
        "coalesce(given, '') || ' ' || coalesce(family, '')",
        "coalesce(given, '') || ' ' || coalesce(family, '')",
        "concat(coalesce(given, ''), ' ', coalesce(family, ''))",
    );
    MAPPING.replace("CONCAT", full)
}

const DEPARTMENT: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department";

#[tokio::test]
async fn it_is_read_as_a_table_is() {
    let door = door(&mapping(), SCRIPT).await;
    let ann = door.get("/Users/1").await.body();
    let department = &ann["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"]["department"];
    assert_eq!((ann["displayName"].as_str(), department.as_str()), (Some("Ann Miller"), Some("Ärzte")), "{ann}");
    assert_eq!(ann["emails"][0]["value"], "ann@example.com");
    assert_eq!(door.get("/Users/4").await.status, 404);
    for (filter, expected) in [
        (format!("{DEPARTMENT} eq \"äRZTE\""), vec!["ann"]),
        (format!("{DEPARTMENT} pr"), vec!["ann", "Bob"]),
        (format!("not ({DEPARTMENT} eq \"staff\")"), vec!["ann", "cyd"]),
        ("displayName eq \"ann MILLER\"".to_owned(), vec!["ann"]),
        ("displayName sw \"cYD\" or userName eq \"Bob\"".to_owned(), vec!["Bob", "cyd"]),
        ("emails.value ew \".com\"".to_owned(), vec!["ann"]),
        ("meta.created gt \"1970-01-01T00:01:41Z\"".to_owned(), vec!["Bob"]),
        ("groups.display eq \"readers\"".to_owned(), vec!["ann"]),
        ("groups.value eq \"11\"".to_owned(), vec![]),
        ("name.familyName eq \"bo's\"".to_owned(), vec!["Bob"]),
    ] {
        let found = door.find("/Users", &filter).await;
        assert_eq!(told(&found.body(), "userName"), expected, "{filter}: {}", found.text);
        assert_eq!(usize::try_from(found.total()).unwrap(), expected.len());
    }
    let sorted = door.get(&format!("/Users?sortBy={DEPARTMENT}&sortOrder=descending&count=2")).await.body();
    assert_eq!(sorted["totalResults"], 3);
    let sorted = door.get("/Users?sortBy=userName&startIndex=2&count=1").await.body();
    assert_eq!(told(&sorted, "userName"), ["ann"]);
    let groups = door.get("/Groups").await.body();
    assert_eq!(told(&groups, "displayName"), ["Readers"]);
    let members: Vec<&Value> =
        groups["Resources"][0]["members"].as_array().unwrap().iter().map(|m| &m["value"]).collect();
    assert_eq!(members, ["1"], "who is no person is no member");
}

#[tokio::test]
async fn pages_by_cursor_reach_everybody_once() {
    let door = door(&mapping(), SCRIPT).await;
    let (mut path, mut seen) = ("/Users?cursor&count=1&sortBy=displayName".to_owned(), Vec::new());
    loop {
        let page = door.get(&path).await;
        assert_eq!(page.status, 200, "{}", page.text);
        let page = page.body();
        seen.extend(told(&page, "userName").into_iter().map(str::to_owned));
        let Some(next) = page["nextCursor"].as_str() else { break };
        path = format!("/Users?cursor={next}&count=1&sortBy=displayName");
    }
    seen.sort();
    assert_eq!(seen, ["Bob", "ann", "cyd"]);
}

#[tokio::test]
async fn it_is_written_through_the_table() {
    let door = door(&mapping(), SCRIPT).await;
    let answer = door.patch("/Users/1", json!([{"op": "replace", "path": "name.familyName", "value": "Moore"}])).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.body()["displayName"], "Ann Moore");
    // what a select shows of another table, or makes, is not written
    for path in [DEPARTMENT, "displayName"] {
        let answer = door.patch("/Users/1", json!([{"op": "replace", "path": path, "value": "x"}])).await;
        assert_eq!((answer.status, answer.scim_type().as_str()), (400, "mutability"), "{}", answer.text);
    }
    // nobody that the select leaves out is changed or deleted
    let answer = door.patch("/Users/4", json!([{"op": "replace", "path": "name.familyName", "value": "x"}])).await;
    assert_eq!(answer.status, 404, "{}", answer.text);
    assert_eq!(door.delete("/Users/4").await.status, 404);
    let mail = json!([{"op": "add", "path": "emails", "value": [{"value": "x@example.com"}]}]);
    assert_eq!(door.patch("/Users/4", mail).await.status, 404);
    assert_eq!(rows(&door, "select family from person where id = 4").await, ["Bot"]);
    assert_eq!(rows(&door, "select count(*) from mail where person = 4").await, ["1"]);
    assert_eq!(door.delete("/Users/1").await.status, 204);
    assert_eq!(door.get("/Users/1").await.status, 404);
    assert_eq!(rows(&door, "select count(*) from mail where person = 1").await, ["0"]);
}

#[tokio::test]
async fn what_is_made_must_be_one_of_its_rows() {
    let key =
        of("integer primary key", "int generated always as identity primary key", "int auto_increment primary key");
    let script = format!("create table person (id {key}, login varchar(99) not null, kind varchar(9));");
    let mapping = r#"
mapping: 1
app: { sql: { url: "${DATABASE}" } }
resources:
  User:
    table: person
    rows: select id, login, kind from person where kind <> 'bot'
    key: id
    attributes: { userName: login, userType: kind }
"#;
    let door = door(mapping, &script).await;
    let made = door.post("/Users", user("ann", &json!({"userType": "man"}))).await;
    assert_eq!((made.status, made.body()["userType"].as_str()), (201, Some("man")), "{}", made.text);
    let id = made.body()["id"].as_str().unwrap().to_owned();
    for refused in [
        door.post("/Users", user("bob", &json!({"userType": "bot"}))).await,
        door.patch(&format!("/Users/{id}"), json!([{"op": "replace", "path": "userType", "value": "bot"}])).await,
        door.patch(&format!("/Users/{id}"), json!([{"op": "remove", "path": "userType"}])).await,
    ] {
        assert_eq!((refused.status, refused.scim_type().as_str()), (400, "invalidValue"), "{}", refused.text);
    }
    assert_eq!(rows(&door, "select kind from person").await, ["man"]);
}

#[tokio::test]
async fn without_a_table_it_is_only_read() {
    let door = door(&mapping(), SCRIPT).await;
    let schemas = json!(["urn:ietf:params:scim:schemas:core:2.0:Group"]);
    let answer = door.post("/Groups", json!({"schemas": schemas, "displayName": "New"})).await;
    assert_eq!(answer.status, 501, "{}", answer.text);
    assert_eq!(door.delete("/Groups/10").await.status, 501);
    let answer = door.patch("/Groups/10", json!([{"op": "replace", "path": "displayName", "value": "x"}])).await;
    assert_eq!((answer.status, answer.scim_type().as_str()), (400, "mutability"), "{}", answer.text);
    // lists have tables of their own
    let answer = door.patch("/Groups/10", json!([{"op": "add", "path": "members", "value": [{"value": "3"}]}])).await;
    assert_eq!(answer.status, 204, "{}", answer.text);
    let answer = door.patch("/Groups/10", json!([{"op": "add", "path": "members", "value": [{"value": "4"}]}])).await;
    assert_eq!((answer.status, answer.scim_type().as_str()), (400, "invalidValue"), "{}", answer.text);
    let answer = door.patch("/Groups/11", json!([{"op": "add", "path": "members", "value": [{"value": "3"}]}])).await;
    assert_eq!(answer.status, 404, "{}", answer.text);
    assert_eq!(rows(&door, "select person from team_person where team = 10 order by 1").await, ["1", "3", "4"]);
    assert_eq!(rows(&door, "select person from team_person where team = 11").await, ["2"]);
}

#[tokio::test]
async fn a_record_that_comes_twice_is_a_fault() {
    let mapping = r#"
mapping: 1
app: { sql: { url: "${DATABASE}" } }
resources:
  User:
    rows: select p.id, p.login from person p join team_person t on t.person = p.id or t.person = 4
    key: id
    attributes: { userName: login }
"#;
    let door = door(mapping, SCRIPT).await;
    for path in ["/Users", "/Users/1", "/Users?filter=userName%20co%20%22a%22&sortBy=userName", "/Users?cursor&count=2"]
    {
        let answer = door.get(path).await;
        assert_eq!(answer.status, 502, "{path} {}", answer.text);
    }
}

#[tokio::test]
async fn members_may_be_what_it_looks_at() {
    let busy = "select id, label from team where exists (select 1 from team_person where team = team.id)";
    let door = door(&mapping().replace("select id, label from team where closed = 0", busy), SCRIPT).await;
    let remove = |id: &str| json!([{"op": "remove", "path": format!("members[value eq \"{id}\"]")}]);
    assert_eq!(door.patch("/Groups/10", remove("1")).await.status, 204);
    // Who takes the last one out would leave no group to answer for.
    let answer = door.patch("/Groups/11", remove("2")).await;
    assert_eq!((answer.status, answer.scim_type().as_str()), (400, "invalidValue"), "{}", answer.text);
    assert_eq!(rows(&door, "select person from team_person where team = 11").await, ["2"]);
}

#[tokio::test]
async fn who_writes_all_of_a_row_undoes_nobody() {
    let mapping = r#"
mapping: 1
app: { sql: { url: "${DATABASE}" } }
resources:
  User:
    rows: select id, login, given, family from person where kind = 'man'
    key: id
    update: "update person set given = :record.given, family = :record.family where id = :id"
    attributes:
      userName: { column: login, access: [read] }
      name.givenName: given
      name.familyName: family
"#;
    let door = door(mapping, SCRIPT).await;
    for n in 0..20 {
        let set = |path: &str| json!([{"op": "replace", "path": path, "value": format!("{path}{n}")}]);
        let (given, family) = (set("name.givenName"), set("name.familyName"));
        let (a, b) = tokio::join!(door.patch("/Users/1", given), door.patch("/Users/1", family));
        assert_eq!((a.status, b.status), (200, 200), "{} {}", a.text, b.text);
        let kept = rows(&door, "select concat(given, ' ', family) from person where id = 1").await;
        assert_eq!(kept, [format!("name.givenName{n} name.familyName{n}")]);
    }
}
