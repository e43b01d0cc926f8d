//! Columns that hold another record's key: a user's manager, and in a schema of one's own the group that pays.

use serde_json::{Value, json};

use super::door::{BASE, Door, USER, user};

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const PAY: &str = "urn:example:pay";

const MAPPING: &str = r#"
mapping: 1
app: { sql: { url: "${DATABASE}", tenant: { column: org, is: "{{tenant.code}}" } } }
schemas:
  urn:example:pay:
    attributes:
      - name: payer
        type: complex
        subAttributes:
          - { name: value, type: string }
          - { name: $ref, type: reference, referenceTypes: [Group] }
          - { name: display, type: string, mutability: readOnly }
resources:
  User:
    table: person
    key: id
    where: { left_on: null }
    delete: { set: { left_on: now } }
    extensions: { "urn:example:pay": {} }
    attributes:
      userName: login
      displayName: shown
      title: title
      enterprise:manager: { column: boss, of: User }
      urn:example:pay:payer: { column: payer, of: Group, empty: "" }
  Group:
    table: team
    key: { column: code, type: text }
    attributes:
      displayName: label
"#;

const SCRIPT: &str = "
create table person (id integer primary key, org text, login text, shown text, title text, left_on text,
    boss integer references person, payer text not null default '');
create index person_boss on person (boss);
create table team (code text primary key collate nocase, org text, label text);
insert into team values ('ops', 'acme', 'Operations'), ('Lab', 'acme', null), ('far', 'globex', 'Far');
insert into person (id, org, login, shown, boss, payer, left_on) values
    (1, 'acme', 'ann', 'Ann A', null, 'ops', null), (2, 'acme', 'bo', 'Bo B', 1, 'Lab', null), (3, 'acme', 'cy', null, 2, 'lab', null),
    (4, 'acme', 'gone', 'Gone', 1, '', '2026-01-01'), (5, 'acme', 'dee', 'Dee', 4, '', null), (6, 'globex', 'far', 'Far', null, 'far', null),
    (7, 'acme', 'eve', 'Eve', 6, 'far', null), (8, 'acme', 'flo', 'Flo', 3, '', null);
";

async fn door() -> Door {
    Door::over_tables(MAPPING, SCRIPT).await.of("acme", &json!({"code": "acme"}))
}

fn manager(op: &str, path: &str, value: impl Into<Value>) -> Value {
    json!([{"op": op, "path": format!("{ENTERPRISE}:{path}"), "value": value.into()}])
}

#[tokio::test]
async fn who_is_named_is_shown_if_it_exists_and_a_page_is_one_statement() {
    let door = door().await;
    let (answer, calls) = door.cost("GET", "/Users?filter=userName%20pr", Value::Null).await;
    let page = answer.is(200);
    assert_eq!(calls, 1);
    let of = |nth: usize, schema: &str, name: &str| page["Resources"][nth][schema][name].clone();
    let bo = json!({"value": "1", "$ref": format!("{BASE}/Users/1"), "displayName": "Ann A"});
    assert_eq!(of(1, ENTERPRISE, "manager"), bo);
    assert_eq!(of(5, ENTERPRISE, "manager"), json!({"value": "3", "$ref": format!("{BASE}/Users/3")}));
    let none = [(0, "nobody"), (3, "who left"), (4, "another tenant's")];
    for (nth, who) in none {
        assert_eq!(of(nth, ENTERPRISE, "manager"), Value::Null, "{who}");
    }
    let ops = json!({"value": "ops", "$ref": format!("{BASE}/Groups/ops"), "display": "Operations"});
    assert_eq!(of(0, PAY, "payer"), ops);
    assert_eq!(of(2, PAY, "payer"), Value::Null, "keys are told apart letter by letter");
    assert_eq!(of(4, PAY, "payer"), Value::Null, "another tenant's");
    let schema = door.get(&format!("/Schemas/{ENTERPRISE}")).await.is(200);
    let subs = schema["attributes"][0]["subAttributes"].clone();
    let find = |name: &str| subs.as_array().unwrap().iter().find(|s| s["name"] == name).unwrap().clone();
    assert_eq!((&find("value")["mutability"], &find("value")["caseExact"]), (&json!("readWrite"), &json!(true)));
    assert_eq!((&find("$ref")["mutability"], &find("$ref")["referenceTypes"]), (&json!("readOnly"), &json!(["User"])));
}

#[tokio::test]
async fn filters_are_the_databases() {
    let door = door().await;
    for (filter, ids) in [
        ("manager.value eq \"1\"", vec!["2"]),
        ("manager.value eq \"01\"", vec![]),
        ("manager.value eq \"one\"", vec![]),
        ("manager.value eq \"4\"", vec![]),
        ("manager.value eq \"6\"", vec![]),
        ("manager.value ne \"1\"", vec!["1", "3", "5", "7", "8"]),
        ("manager.value pr", vec!["2", "3", "8"]),
        ("manager pr", vec!["2", "3", "8"]),
        ("not (manager pr)", vec!["1", "5", "7"]),
        ("manager.displayName sw \"bo\"", vec!["3"]),
        ("not (manager.displayName pr)", vec!["1", "5", "7", "8"]),
    ] {
        let path = format!(
            "/Users?filter={}",
            super::door::encoded(&filter.replace("manager", &format!("{ENTERPRISE}:manager")))
        );
        let (answer, calls) = door.cost("GET", &path, Value::Null).await;
        assert_eq!(answer.ids(), ids, "{filter}");
        assert_eq!(calls, 1, "{filter}");
    }
    for (filter, ids) in [("eq \"Lab\"", vec!["2"]), ("eq \"lab\"", vec![]), ("pr", vec!["1", "2"])] {
        assert_eq!(door.find("/Users", &format!("{PAY}:payer.value {filter}")).await.ids(), ids, "{filter}");
    }
    let sorted = door.get(&format!("/Users?sortBy={ENTERPRISE}:manager.value&sortOrder=descending")).await;
    assert_eq!(
        sorted.ids(),
        ["1", "5", "7", "8", "3", "2"],
        "absent values are last, and first in the other direction"
    );
}

#[tokio::test]
async fn a_write_names_who_is_there() {
    let door = door().await;
    let rows = "select id || '>' || coalesce(boss || '', '-') || title || payer from person where title is not null order by id";
    let set = |boss: &str| {
        json!([
        {"op": "replace", "path": "title", "value": "T"},
        {"op": "replace", "path": format!("{ENTERPRISE}:manager"), "value": {"value": boss}}])
    };
    for nobody in ["4", "6", "99", "x", "01", "99999999999999999999"] {
        let detail = door.patch("/Users/1", set(nobody)).await.fails(400, "invalidValue");
        assert!(detail.contains("does not exist"), "{detail}");
    }
    assert!(door.sql(rows).await.is_empty(), "nothing by halves");
    let after = door.patch("/Users/1", set("2")).await.is(200);
    assert_eq!(after[ENTERPRISE]["manager"]["displayName"], "Bo B");
    assert_eq!(door.sql(rows).await, ["1>2Tops"]);

    for (operations, boss) in [
        (manager("replace", "manager.value", "3"), "3"),
        (manager("add", "manager", json!({"value": "2", "$ref": "../Users/9", "displayName": "x"})), "2"),
        (manager("replace", "manager", "3"), "3"),
        (json!([{"op": "remove", "path": format!("{ENTERPRISE}:manager")}]), "-"),
        (json!([{"op": "add", "value": {ENTERPRISE: {"manager": {"value": "3"}}}}]), "3"),
        (json!([{"op": "remove", "path": format!("{ENTERPRISE}:manager.value")}]), "-"),
        (json!([{"op": "replace", "value": {format!("{ENTERPRISE}:manager"): "2"}}]), "2"),
        (manager("replace", "manager", Value::Null), "-"),
    ] {
        door.patch("/Users/1", operations.clone()).await.is(200);
        assert_eq!(door.sql(rows).await, [format!("1>{boss}Tops")], "{operations}");
    }

    let payer = |value: Value| json!([{"op": "replace", "path": format!("{PAY}:payer"), "value": value}]);
    door.patch("/Users/1", payer(json!({"value": "OPS"}))).await.fails(400, "invalidValue");
    door.patch("/Users/1", payer(json!({"value": "Lab"}))).await.is(200);
    assert_eq!(door.sql(rows).await, ["1>-TLab"]);
    door.patch("/Users/1", json!([{"op": "remove", "path": format!("{PAY}:payer")}])).await.is(200);
    assert_eq!(door.sql(rows).await, ["1>-T"], "`empty` is what nobody is");
}

#[tokio::test]
async fn made_and_replaced_alike() {
    let door = door().await.strict();
    let with = |boss: &str| {
        let mut sent = user("new");
        sent[ENTERPRISE] = json!({"manager": {"value": boss, "$ref": "../Users/1", "displayName": "Ann A"}});
        sent["schemas"] = json!([USER, ENTERPRISE]);
        sent
    };
    door.ask("POST", "/Users", with("4")).await.fails(400, "invalidValue");
    assert_eq!(door.sql("select count(*) from person").await, ["8"]);
    let made = door.ask("POST", "/Users", with("3")).await.is(201);
    assert_eq!(made[ENTERPRISE]["manager"], json!({"value": "3", "$ref": format!("{BASE}/Users/3")}));
    door.ask("PUT", "/Users/9", with("6")).await.fails(400, "invalidValue");
    let put = door.ask("PUT", "/Users/9", with("2")).await.is(200);
    assert_eq!(put[ENTERPRISE]["manager"]["value"], "2");
    let mut sent = with("2");
    sent[ENTERPRISE]["manager"] = Value::Null;
    let put = door.ask("PUT", "/Users/9", sent).await.is(200);
    assert_eq!(put.get(ENTERPRISE), None);
    assert_eq!(door.sql("select boss from person where id = 9").await, ["-"]);
}
