//! Statements and procedures of the app's own: what makes, changes and removes people, and who puts them into teams. What a
//! client sends is bound where it is named, and nothing of a request is kept unless all of it is right.

use portolan::mapping::sql::Engine;
use serde_json::json;

use super::{door, engine, of, quickstart::Door, rows, user};

const TABLES: &str = "
    create table person (id int primary key, login varchar(99) not null unique, given TEXT, family TEXT, state varchar(9) not null,
      note TEXT);
    create table audit (who varchar(99) not null, what varchar(99) not null, person int);
    create table team (id int primary key, label varchar(99) not null unique);
    create table team_person (team int not null, person int not null, primary key (team, person));
    insert into person values (1, 'ann', 'Ann', 'Miller', 'on', null), (2, 'bob', null, null, 'on', null), (3, 'cyd', null, null, 'gone', null);
    insert into team values (10, 'Readers');
    insert into team_person values (10, 1);";

/// The app's own procedures, where the engine has such.
const POSTGRES: &str = "
    create function add_person(l text, g text, f text) returns int language plpgsql as $$ declare n int; begin
      if l = 'nobody' then raise exception 'no such name: %', l using errcode = 'XX123'; end if;
      insert into person select max(id) + 1, l, g, f, 'on' from person returning id into n; return n; end $$;
    create procedure drop_person(p int) language plpgsql as $$ begin
      delete from team_person where person = p; update person set state = 'gone' where id = p; end $$;
    create function join_team(t int, ps bigint[]) returns int language sql as $$
      insert into team_person select t, p from unnest(ps) as p returning team $$;";

const MARIADB: &str = "
    create procedure add_person(l longtext, g longtext, f longtext) begin
      if l = 'nobody' then signal sqlstate '45000' set message_text = 'no such name'; end if;
      set @n = (select max(id) + 1 from person);
      insert into person values (@n, l, g, f, 'on', null); select @n as id; end;
    create procedure drop_person(p int) begin
      delete from team_person where person = p; update person set state = 'gone' where id = p; end;";

const MAPPING: &str = r#"
mapping: 1
app:
  sql:
    url: "${DATABASE}"
    answers:
      - { when: { message: { contains: "no such name" } }, then: refused, detail: $.message }
resources:
  User:
    rows: select id, login, given, family, state, note from person where state <> 'gone'
    key: id
    create: CREATE
    update:
      - { when: { active: false }, steps: [ "update person set state = 'off' where id = :id and state = 'on'",
          "insert into audit (who, what, person) values (:client, 'off', :id)" ] }
      - { when: { active: true }, sql: "update person set state = 'on' where id = :id and :before.state = 'off'", else: refused }
      - "update person set given = :record.given, family = :record.family where id = :id -- both: 'it''s :id'"
      - { when: { title: { to: { given: true } } }, sql: "update person set note = :record.note where id = :id" }
    delete: DELETE
    attributes:
      userName: { column: login, case: exact, access: [read, create] }
      name.givenName: given
      name.familyName: { column: family, empty: "" }
      active: { column: state, values: { true: on, false: off }, access: [read, update] }
      title: { column: note, access: [read, update] }
  Group:
    table: team
    key: id
    attributes:
      displayName: label
      members:
        table: team_person
        link: team
        value: person
        of: User
        add: ADD
        remove: "delete from team_person where team = :id and person = :value"
"#;

fn script() -> String {
    let own = match engine() {
        Engine::Sqlite => "",
        Engine::Postgres => POSTGRES,
        Engine::MariaDb => MARIADB,
    };
    format!("{}{own}", TABLES.replace("TEXT", of("text", "text", "longtext")))
}

async fn open() -> Door {
    let create = of(
        "{ steps: [ { sql: \"insert into person select max(id) + 1, :record.login, :record.given, :record.family, case :record.login when 'nobody' then null else 'on' end, null from person returning id\", keep: { id: id, made: id } }, \"insert into audit (who, what, person) values (:client, 'new', :made)\" ] }",
        "{ steps: [ { sql: \"select add_person(:record.login, :record.given, :record.family) as no\", keep: { id: no } }, \"insert into audit (who, what, person) values (:client, 'new', :id::int)\" ] }",
        "{ steps: [ { sql: \"call add_person(:record.login, :record.given, :record.family)\", expect: one, keep: { id: id } }, \"insert into audit (who, what, person) values (:client, 'new', :id)\" ] }",
    );
    let delete = of(
        "{ steps: [ { sql: \"delete from team_person where person = :id\", expect: any }, \"update person set state = 'gone' where id = :id\" ] }",
        "call drop_person(:id)",
        "call drop_person(:id)",
    );
    let add = of(
        "\"insert into team_person values (:id, :value)\"",
        "{ sql: \"select join_team(:id, :values::bigint[])\", expect: some }",
        "\"insert into team_person select :id, v from json_table(:values, '$[*]' columns (v bigint path '$')) as j\"",
    );
    let mapping = MAPPING.replace("CREATE", create).replace("DELETE", delete).replace("ADD", add);
    door(&mapping, &script()).await
}

#[tokio::test]
async fn they_make_change_and_remove() {
    let door = open().await;
    let name = json!({"name": {"givenName": "Dan's", "familyName": "O\"Neil"}});
    let made = door.post("/Users", user("dan", &name)).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let made = made.body();
    assert_eq!(
        (made["id"].as_str(), made["name"]["familyName"].as_str(), made["active"].as_bool()),
        (Some("4"), Some("O\"Neil"), Some(true))
    );
    assert_eq!(rows(&door, "select what from audit where person = 4").await, ["new"]);

    let answer = door.patch("/Users/4", json!([{"op": "replace", "path": "name.givenName", "value": "Daniel"}])).await;
    assert_eq!(
        (answer.status, answer.body()["name"]["familyName"].as_str()),
        (200, Some("O\"Neil")),
        "what is not sent stays: {}",
        answer.text
    );
    let both =
        json!([{"op": "replace", "path": "active", "value": false}, {"op": "add", "path": "title", "value": "x"}]);
    let answer = door.patch("/Users/4", both).await;
    assert_eq!((answer.status, answer.body()["active"].as_bool()), (200, Some(false)), "{}", answer.text);
    assert_eq!(rows(&door, "select what from audit where person = 4 order by what").await, ["new", "off"]);
    let on = json!([{"op": "replace", "path": "active", "value": true}]);
    assert_eq!(door.patch("/Users/4", on).await.body()["active"], true);
    // no rule takes it so
    let answer = door.patch("/Users/4", json!([{"op": "remove", "path": "title"}])).await;
    assert_eq!((answer.status, answer.scim_type().as_str()), (400, "mutability"), "{}", answer.text);

    assert_eq!(door.delete("/Users/4").await.status, 204);
    assert_eq!(door.get("/Users/4").await.status, 404);
    assert_eq!(rows(&door, "select state from person where id = 4").await, ["gone"]);
    // who does not exist for SCIM is not touched, whatever the statements would do
    for path in ["/Users/3", "/Users/99", "/Users/042"] {
        assert_eq!(door.patch(path, json!([{"op": "replace", "path": "title", "value": "x"}])).await.status, 404);
        assert_eq!(door.delete(path).await.status, 404);
    }
    assert_eq!(rows(&door, "select count(*) from person where note is not null").await, ["1"]);
}

#[tokio::test]
async fn what_is_refused_leaves_nothing() {
    let door = open().await;
    let taken = door.post("/Users", user("ann", &json!({}))).await;
    assert_eq!((taken.status, taken.scim_type().as_str()), (409, "uniqueness"), "{}", taken.text);
    let nobody = door.post("/Users", user("nobody", &json!({}))).await;
    assert_eq!((nobody.status, nobody.scim_type().as_str()), (400, "invalidValue"), "{}", nobody.text);
    // the app's own words, as the mapping says; of SQLite it is a column's refusal
    assert_eq!(nobody.text.contains("no such name"), engine() != Engine::Sqlite, "{}", nobody.text);
    assert_eq!(rows(&door, "select count(*) from person").await, ["3"]);
    assert_eq!(rows(&door, "select count(*) from audit").await, ["0"]);
    // `else`: what it means that no row was changed; the steps before it are undone as well
    let script = format!("{} insert into person values (4, 'dan', null, null, 'off', null);", script());
    let mapping = r#"
mapping: 1
app: { sql: { url: "${DATABASE}" } }
resources:
  User:
    table: person
    key: id
    where: { state: { not: gone } }
    update:
      - { when: { active: true }, steps: [ { sql: "update person set note = 'half' where id > 0", expect: some }, { sql: "update person set state = 'on' where id = :id and login <> 'dan'", else: protected } ] }
      - { when: { active: false }, sql: "update person set state = 'off' where id >= :id" }
    attributes:
      userName: login
      active: { column: state, values: { true: on, false: off }, access: [read, update] }
"#;
    let door = super::door(mapping, &script).await;
    let answer = door.patch("/Users/4", json!([{"op": "replace", "path": "active", "value": true}])).await;
    assert_eq!(answer.status, 403, "{}", answer.text);
    // several rows where one was meant
    let answer = door.patch("/Users/1", json!([{"op": "replace", "path": "active", "value": false}])).await;
    assert_eq!(answer.status, 502, "{}", answer.text);
    assert_eq!(rows(&door, "select count(*) from person where note = 'half'").await, ["0"]);
    assert_eq!(rows(&door, "select state from person order by id").await, ["on", "on", "gone", "off"]);
    // what no rule takes the table takes, in the same transaction
    let answer = door.patch("/Users/4", json!([{"op": "replace", "path": "userName", "value": "daniel"}])).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(rows(&door, "select login from person where id = 4").await, ["daniel"]);
}

#[tokio::test]
async fn they_put_members_in_and_take_them_out() {
    let door = open().await;
    let members = || async { rows(&door, "select person from team_person where team = 10 order by 1").await };
    // who is in already is not put in twice
    let add = json!([{"op": "add", "path": "members", "value": [{"value": "1"}, {"value": "2"}]}]);
    let answer = door.patch("/Groups/10", add.clone()).await;
    assert_eq!(answer.status, 204, "{}", answer.text);
    assert_eq!(members().await, ["1", "2"]);
    assert_eq!(door.patch("/Groups/10", add).await.status, 204);
    // nobody that does not exist for SCIM
    let answer = door.patch("/Groups/10", json!([{"op": "add", "path": "members", "value": [{"value": "3"}]}])).await;
    assert_eq!((answer.status, answer.scim_type().as_str()), (400, "invalidValue"), "{}", answer.text);
    assert_eq!(
        door.patch("/Groups/10", json!([{"op": "remove", "path": "members[value eq \"1\"]"}])).await.status,
        204
    );
    assert_eq!(
        door.patch("/Groups/10", json!([{"op": "remove", "path": "members[value eq \"1\"]"}])).await.status,
        204
    );
    assert_eq!(members().await, ["2"]);
    let set = json!([{"op": "replace", "path": "members", "value": [{"value": "1"}]}]);
    assert_eq!(door.patch("/Groups/10", set).await.status, 204);
    assert_eq!(members().await, ["1"]);
    assert_eq!(door.patch("/Groups/10", json!([{"op": "remove", "path": "members"}])).await.status, 204);
    assert!(members().await.is_empty());
    let answer = door.patch("/Groups/11", json!([{"op": "add", "path": "members", "value": [{"value": "1"}]}])).await;
    assert_eq!(answer.status, 404, "{}", answer.text);
}

/// Values stay values, wherever they are named.
#[tokio::test]
async fn a_value_is_stored_as_it_is_or_refused() {
    let door = open().await;
    let long = "x".repeat(1_000_000) + "é";
    let odd = [
        "'); drop table person; --",
        "\"",
        "`",
        "\\'",
        "%_",
        ":id",
        ":record.login",
        "?",
        "$1",
        "{{id}}",
        "$.x",
        "[1,\"2\"]",
        "a\nb\r\tc",
        "\u{10ffff}\u{fdd0}",
        "it''s /* not */ -- a comment",
        "E'\\x00'",
        "0x41",
        "null",
        " lead and trail ",
        long.as_str(),
    ];
    for (n, text) in odd.iter().enumerate() {
        let family = if text.len() < 1000 { text } else { "long" };
        let name = json!({"name": {"givenName": text, "familyName": family}});
        let made = door.post("/Users", user(&format!("odd{n}"), &name)).await;
        assert_eq!(made.status, 201, "{:.60} {:.300}", text, made.text);
        let path = format!("/Users/{}", made.body()["id"].as_str().unwrap());
        let read = door.get(&path).await.body();
        assert_eq!(
            (read["name"]["givenName"].as_str(), read["name"]["familyName"].as_str()),
            (Some(*text), Some(family))
        );
        let answer = door.patch(&path, json!([{"op": "add", "path": "title", "value": text}])).await;
        assert_eq!(answer.status, 200, "{:.300}", answer.text);
        assert_eq!(answer.body()["title"].as_str(), Some(*text), "{:.300}", answer.text);
    }
    let people = rows(&door, "select count(*) from person").await;
    let nul = door.post("/Users", user("nul", &json!({"name": {"givenName": "a\u{0}b"}}))).await;
    match nul.status {
        201 => assert_eq!(nul.body()["name"]["givenName"], "a\u{0}b"),
        status => assert_eq!((status, rows(&door, "select count(*) from person").await), (400, people), "{}", nul.text),
    }
    for id in ["1'", "1 or 1=1", "1;", "%", "1e0", "9223372036854775808", ":id"] {
        let answer =
            door.patch("/Groups/10", json!([{"op": "add", "path": "members", "value": [{"value": id}]}])).await;
        assert_eq!(answer.status, 400, "{id} {}", answer.text);
    }
}
