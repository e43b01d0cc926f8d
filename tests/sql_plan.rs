//! What SCIM requests become in SQL: the texts, which are reviewed like code (`tests/sql/plans.txt`), each prepared by a
//! real database; and what the writing ones do to rows.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod sql;

use std::fmt::Write;

use portolan::{
    mapping::{Resource, answer::Class, sql::SqlRecords},
    plan::{
        call::{Call, Expect, Statement},
        sql::{
            filter::{Pushed, push},
            key, members, names,
            order::{After, Order},
            select, write,
        },
        step::{Act, Step},
    },
    scim::{condition::Condition, filter::Filter, profile::Profile, sort::Sort},
};
use serde_json::{Value, json};
use sql::{change, database, records, run};
use sqlx::{AssertSqlSafe, Executor, SqlSafeStr, SqliteConnection};

fn stamps() -> write::Stamps<'static> {
    write::Stamps { now: "2026-11-22T10:00:00.5Z".parse().unwrap(), client: "entra" }
}

/// The statements of steps.
fn statements(steps: Vec<Step<'_>>) -> Vec<Statement> {
    let statement = |step: Step<'_>| match step.act {
        Act::Call(Call::Sql(statement)) => statement,
        other => panic!("{other:?}"),
    };
    steps.into_iter().map(statement).collect()
}

fn pushed(filter: &str, resource: &Resource) -> Pushed {
    let filter = Filter::parse(filter, &Profile::STRICT).unwrap();
    let condition = Condition::resolve(&filter, &resource.kind, &Profile::STRICT).unwrap();
    push(&condition, resource, records(resource))
}

fn after(key: impl Into<Value>, by: Value) -> After {
    After { key: key.into(), by }
}

fn strings(values: &[&str]) -> Vec<String> {
    values.iter().map(|v| (*v).to_owned()).collect()
}

/// Requests and their statements.
fn requests() -> Vec<(String, Vec<Statement>)> {
    let (user, group) = (sql::user(), sql::group());
    let (people, teams) = (records(&user), records(&group));
    let mut all: Vec<(String, Vec<Statement>)> = Vec::new();
    let mut add = |name: &str, statements: Vec<Statement>| all.push((name.to_owned(), statements));

    add("GET /Users/42", vec![select::by_id(&user, people, "42").unwrap()]);
    add("GET /Groups/it's", vec![select::by_id(&group, teams, "it's").unwrap()]);
    let parts = |records: &SqlRecords, keys: &[Value]| {
        select::parts(records, &|_| true, keys).into_iter().map(|p| p.statement).collect::<Vec<_>>()
    };
    add("the lists of a page of users", parts(people, &[json!(7), json!(42)]));
    add("the lists of a page of groups", parts(teams, &[json!("it's")]));
    let everyone = Pushed::everything();
    add(
        "GET /Users?startIndex=101&count=100",
        vec![select::page(people, &everyone, &Order::by_key(people), 100, 100), select::count(people, &everyone)],
    );
    add(
        "a walk over groups",
        vec![
            select::walk(teams, &everyone, &Order::by_key(teams), None, 500),
            select::walk(teams, &everyone, &Order::by_key(teams), Some(&after("m", Value::Null)), 500),
        ],
    );
    for (by, order, behind) in [
        ("userName", "ascending", json!("ann")),
        ("userName", "descending", Value::Null),
        ("externalId", "descending", json!("e-7")),
        ("active", "ascending", Value::Null),
        ("id", "descending", Value::Null),
    ] {
        let sort = Sort::parse(by, Some(order), &user.kind).unwrap();
        let sorted = Order::of(&sort, &user, people).unwrap();
        let statements = vec![
            select::page(people, &everyone, &sorted, 100, 100),
            select::walk(people, &everyone, &sorted, Some(&after(42, behind)), 500),
        ];
        add(&format!("GET /Users?sortBy={by}&sortOrder={order}"), statements);
    }
    for filter in [
        r#"userName eq "Jürgen""#,
        r#"externalId eq "42""#,
        r#"id eq "042" or id eq "42""#,
        r#"name.familyName sw "O'" and not (active eq true)"#,
        r#"name.givenName co "%" or name.givenName ew "x""#,
        r#"emails[type eq "work" and value co "@x"]"#,
        r#"active eq true and (userName eq "a" or emails.value eq "b" or groups.value eq "c")"#,
        r#"id eq "7" and (userName eq "a" or emails.value eq "b")"#,
        r#"emails.value ne "a@x" and nickName pr"#,
        r#"phoneNumbers[type eq "work" and value eq "1"]"#,
        r#"groups.value eq "it's" and lastSeen ge "2026-01-01T00:00:00.5Z""#,
        r#"userName gt "m" and userType eq "guest" and title eq "örk""#,
        r#"name.formatted co "a" or realm sw "a""#,
    ] {
        let pushed = pushed(filter, &user);
        let mut name = format!("GET /Users?filter={filter}");
        for note in &pushed.notes {
            write!(name, "\n   {:?} {} {}", note.how, note.text, note.why).unwrap();
        }
        add(name.trim_end(), vec![select::count(people, &pushed)]);
    }
    for filter in [r#"members.value eq "42""#, r#"id eq "it's" or members.value eq "42""#] {
        add(&format!("GET /Groups?filter={filter}"), vec![select::count(teams, &pushed(filter, &group))]);
    }

    let record = json!({"login": "ann", "given": "Ann", "family": null, "status": 1, "emails": [{"addr": "a@x"}]});
    let mut create = write::insert(&user, people, &record, &stamps());
    let emails = [json!({"addr": "a@x", "kind": "work", "main": 1}), json!({"addr": "b@x"})];
    create.extend(write::children_insert(people, &user, &people.children[0], &json!(42), &emails, &stamps()));
    add("POST /Users", create);
    add("PATCH /Users/42 active", vec![write::update(&user, people, &json!(42), &json!({"status": 3}), &stamps())]);
    let before = [
        json!({"id": 1, "addr": "a@x", "kind": "work", "main": 1}),
        json!({"id": 2, "addr": "b@x", "kind": null, "main": 0}),
        json!({"id": 3, "addr": "c@x", "kind": "home", "main": 0}),
    ];
    let after = [json!({"addr": "a@x", "kind": "home"}), json!({"addr": "b@x"}), json!({"addr": "d@x"})];
    let mut lists = write::children_change(people, &user, &people.children[0], &json!(42), &before, &after, &stamps());
    lists.push(write::touch(&user, people, &json!(42), &stamps()));
    add("PATCH /Users/42 emails", lists);
    let team = json!("it's");
    add(
        "PATCH /Groups/it's add members",
        statements(members::members_add(teams, &team, &strings(&["7", "42", "7"]), &stamps())),
    );
    add(
        "PATCH /Groups/it's add no member",
        statements(members::members_add(teams, &team, &strings(&["7", "042"]), &stamps())),
    );
    add(
        "PATCH /Groups/it's remove members",
        statements(members::members_remove(teams, &team, &strings(&["7", "x"]), &stamps())),
    );
    add("PUT /Groups/it's members", statements(members::members_set(teams, &team, &strings(&["7"]), &stamps())));
    add("PUT /Groups/it's without members", statements(members::members_set(teams, &team, &[], &stamps())));
    add("PATCH /Groups/it's, nothing to touch", vec![write::touch(&group, teams, &team, &stamps())]);
    add("DELETE /Users/42", statements(write::delete(&user, people, &json!(42), &stamps())));
    add("DELETE /Groups/it's", statements(write::delete(&group, teams, &team, &stamps())));
    all
}

#[tokio::test]
async fn requests_become_these_statements() {
    let (_file, mut db) = database().await;
    let mut text = String::new();
    for (request, statements) in requests() {
        writeln!(text, "== {request}").unwrap();
        for statement in statements {
            (&mut db).prepare(AssertSqlSafe(statement.sql.to_string()).into_sql_str()).await.unwrap();
            let expect = match statement.expect {
                Expect::Any => String::new(),
                Expect::One(class) => format!("  [one, or {}]", class.word()),
                Expect::Some(class) => format!("  [some, or {}]", class.word()),
                Expect::Turn => "  [its turn]".to_owned(),
                Expect::None(class, why) => format!("  [none, or {}: {why}]", class.word()),
            };
            writeln!(text, "{}{expect}", Call::Sql(statement)).unwrap();
        }
        text.push('\n');
    }
    assert!(text == include_str!("sql/plans.txt"), "tests/sql/plans.txt differs; what is made now:\n{text}");
}

#[test]
fn ids_that_cannot_be_keys_are_nobodys() {
    let (user, group) = (sql::user(), sql::group());
    for id in ["042", "+42", "4 2", "", "abc", "9223372036854775808", "4.0", "-0"] {
        assert!(select::by_id(&user, records(&user), id).is_none(), "{id}");
    }
    assert_eq!(key(&user, records(&user), "-42"), Some(json!(-42)));
    assert_eq!(key(&group, records(&group), "042"), Some(json!("042")));
    assert_eq!(key(&group, records(&group), ""), None);
}

#[test]
fn every_table_and_column_is_named_once() {
    let user = sql::user();
    let tables = names::tables(records(&user));
    let names: Vec<&str> = tables.iter().map(|(table, _)| table.as_str()).collect();
    assert_eq!(names, ["person", "email", "in_team", "team"]);
    assert_eq!(tables[1].1, ["person_id", "id", "addr", "kind", "main", "hidden"]);
    assert_eq!(tables[3].1, ["code", "name", "gone"]);
    assert_eq!(tables[0].1.iter().filter(|c| *c == "made").count(), 1);
}

async fn all(db: &mut SqliteConnection, text: &str) -> Value {
    Value::Array(run(db, &Statement { sql: text.into(), binds: vec![], expect: Expect::Any }).await)
}

async fn change_all(db: &mut SqliteConnection, statements: &[Statement]) -> Vec<u64> {
    let mut changed = Vec::new();
    for statement in statements {
        changed.push(change(db, statement).await);
    }
    changed
}

async fn person(db: &mut SqliteConnection, record: Value) -> Value {
    let user = sql::user();
    run(db, &write::insert(&user, records(&user), &record, &stamps())[0]).await[0]["id"].clone()
}

#[tokio::test]
async fn rows_of_lists_change_by_difference() {
    let (_file, mut db) = database().await;
    let user = sql::user();
    let child = &records(&user).children[0];
    let key = person(&mut db, json!({"login": "ann", "made": "kept"})).await;
    assert_eq!(
        all(&mut db, "SELECT login, made, seen, gone FROM person").await,
        json!([{"login": "ann", "made": "kept", "seen": 1_795_341_600, "gone": 0}]),
        "the record before stamps, a stamp in the form of its line, the conditions as well"
    );
    let items = [json!({"addr": "a", "kind": "work"}), json!({"addr": "a", "kind": "home"}), json!({"addr": "b"})];
    change_all(&mut db, &write::children_insert(records(&user), &user, child, &key, &items, &stamps())).await;
    change_all(&mut db, &write::children_insert(records(&user), &user, child, &json!(99), &items, &stamps())).await;
    let part = &select::parts(records(&user), &|name| name == "emails", std::slice::from_ref(&key))[0];
    let before = run(&mut db, &part.statement).await;
    let after =
        [json!({"addr": "a", "kind": "home", "main": 1}), json!({"addr": "c"}), json!({"addr": "b", "kind": "work"})];
    let statements = write::children_change(records(&user), &user, child, &key, &before, &after, &stamps());
    assert_eq!(change_all(&mut db, &statements).await, [1, 1, 1, 1]);
    let found = all(&mut db, "SELECT id, addr, kind, main FROM email WHERE person_id = 1 ORDER BY id").await;
    assert_eq!(
        found,
        json!([
            {"id": 2, "addr": "a", "kind": "home", "main": 1},
            {"id": 3, "addr": "b", "kind": "work", "main": 0},
            {"id": 7, "addr": "c", "kind": null, "main": 0},
        ])
    );
    let again = run(&mut db, &part.statement).await;
    let same = write::children_change(records(&user), &user, child, &key, &again, &after, &stamps());
    assert!(same.is_empty(), "nothing differs: {same:?}");
}

#[tokio::test]
async fn members_are_living_and_there_once() {
    let (_file, mut db) = database().await;
    let group = sql::group();
    let (teams, team) = (records(&group), json!("t"));
    for login in ["a", "b", "c", "gone"] {
        person(&mut db, json!({"login": login})).await;
    }
    all(&mut db, "UPDATE person SET gone = 1 WHERE login = 'gone'").await;
    all(&mut db, "INSERT INTO team (code) VALUES ('t')").await;
    all(&mut db, "INSERT INTO in_team (team_code, person_id) VALUES ('t', 4), ('T', 1)").await;
    const MEMBERS: &str = "SELECT group_concat(person_id) AS m FROM (SELECT person_id FROM in_team WHERE team_code = 't' ORDER BY person_id)";

    let add = statements(members::members_add(teams, &team, &strings(&["2", "1", "2"]), &stamps()));
    assert_eq!(run(&mut db, &add[0]).await, Vec::<Value>::new());
    assert_eq!([change(&mut db, &add[1]).await, change(&mut db, &add[1]).await], [2, 0]);
    assert_eq!(all(&mut db, MEMBERS).await, json!([{"m": "1,2,4"}]));
    assert_eq!(all(&mut db, "SELECT DISTINCT by FROM in_team WHERE by IS NOT NULL").await, json!([{"by": "entra"}]));

    for (value, expected) in
        [("4", json!([{"value": 4}])), ("99", json!([{"value": 99}])), ("02", json!([{"value": "02"}]))]
    {
        let add = statements(members::members_add(teams, &team, &strings(&["1", value]), &stamps()));
        assert_eq!(add[0].expect, Expect::None(Class::Refused, "no such member"));
        assert_eq!(Value::Array(run(&mut db, &add[0]).await), expected, "{value}");
    }
    let set = statements(members::members_set(teams, &team, &strings(&["3", "2"]), &stamps()));
    assert_eq!(change_all(&mut db, &set[1..]).await, [1, 1]);
    assert_eq!(all(&mut db, MEMBERS).await, json!([{"m": "2,3,4"}]), "who is not seen stays");
    change_all(&mut db, &statements(members::members_remove(teams, &team, &strings(&["3", "4", "03"]), &stamps())))
        .await;
    assert_eq!(all(&mut db, MEMBERS).await, json!([{"m": "2,4"}]));
    change_all(&mut db, &statements(members::members_clear(teams, &team, &stamps()))).await;
    assert_eq!(all(&mut db, MEMBERS).await, json!([{"m": "4"}]));
}

#[tokio::test]
async fn what_is_deleted_leaves_nothing_behind() {
    let (_file, mut db) = database().await;
    let (user, group) = (sql::user(), sql::group());
    for login in ["a", "b"] {
        person(&mut db, json!({"login": login})).await;
    }
    all(&mut db, "INSERT INTO email (person_id, addr, hidden) VALUES (1, 'a', 0), (2, 'b', 0)").await;
    all(&mut db, "INSERT INTO team (code) VALUES ('t'), ('u')").await;
    all(&mut db, "INSERT INTO in_team (team_code, person_id) VALUES ('t', 1), ('t', 2), ('u', 2)").await;

    let gone = statements(write::delete(&user, records(&user), &json!(1), &stamps()));
    assert_eq!(gone[0].expect, Expect::Some(Class::Absent));
    assert_eq!(run(&mut db, &gone[0]).await.len(), 1);
    assert_eq!(change_all(&mut db, &gone[1..]).await, [1, 1, 1]);
    assert_eq!(run(&mut db, &gone[0]).await.len(), 0, "the first statement tells");
    assert_eq!(all(&mut db, "SELECT addr FROM email").await, json!([{"addr": "b"}]));

    let marked = statements(write::delete(&group, records(&group), &json!("t"), &stamps()));
    assert_eq!(change_all(&mut db, &marked).await, [1, 1]);
    assert_eq!(change(&mut db, &marked[0]).await, 0, "what is marked is not there");
    assert_eq!(
        all(&mut db, "SELECT code, gone FROM team").await,
        json!([{"code": "t", "gone": "2026-11-22T10:00:00Z"}, {"code": "u", "gone": null}])
    );
    assert_eq!(all(&mut db, "SELECT team_code FROM in_team").await, json!([{"team_code": "u"}]));
    let update = write::update(&group, records(&group), &json!("t"), &json!({"name": "x"}), &stamps());
    assert_eq!(change(&mut db, &update).await, 0);
}
