//! Writing over a database: the quickstart's. Every write happens wholly or not at all.

use std::sync::Arc;

use portolan::mapping::sql::Engine;
use serde_json::{Value, json};

use super::database::engine;
use super::door::{Door, ENTERPRISE, GROUP, LIMITS, USER, encoded, group, user, values};

#[tokio::test]
async fn a_user_is_made_read_changed_and_gone() {
    let door = Door::quickstart().await;
    let sent = json!({"schemas": [USER, ENTERPRISE], "id": "1", "meta": {"location": "x"}, "userName": "ivy.invented",
        "externalId": "ext-1", "name": {"givenName": "Ivy", "familyName": "Invented"}, "displayName": "Ivy", "title": "Cook",
        "active": true, "emails": [{"value": "ivy@example.com", "type": "work", "primary": true}, {"value": "i@home.example", "type": "home"}],
        ENTERPRISE: {"department": "OPS"}});
    let answer = door.ask("POST", "/Users", sent.clone()).await;
    let location = answer.headers["location"].to_str().unwrap().to_owned();
    let made = answer.is(201);
    let id = made["id"].as_str().unwrap().to_owned();
    assert_eq!(location, format!("https://scim.test/scim/v2/Users/{id}"));
    assert_eq!(made["meta"]["location"], location);
    assert_eq!(made["meta"]["created"], made["meta"]["lastModified"]);
    assert_eq!(made["meta"]["resourceType"], "User");
    for key in ["schemas", "userName", "externalId", "name", "displayName", "title", "active", ENTERPRISE] {
        assert_eq!(made[key], sent[key], "{key}");
    }
    assert_eq!(values(&made["emails"]), ["i@home.example", "ivy@example.com"]);
    let at = format!("/Users/{id}");
    assert_eq!(door.get(&at).await.is(200), made);
    assert_eq!(door.find("/Users", "externalId eq \"ext-1\"").await.ids(), [id.as_str()]);

    door.patch("/Groups/10", json!([{"op": "add", "path": "members", "value": [{"value": id}]}])).await.is(204);
    assert!(values(&door.get("/Groups/10").await.is(200)["members"]).contains(&id.as_str()));
    assert!(door.ask("DELETE", &at, Value::Null).await.is(204).is_null());
    for (method, body) in [("GET", Value::Null), ("PUT", user("ivy.invented")), ("DELETE", Value::Null)] {
        door.ask(method, &at, body).await.fails(404, "");
    }
    door.patch(&at, json!([{"op": "replace", "path": "active", "value": true}])).await.fails(404, "");
    assert!(!values(&door.get("/Groups/10").await.is(200)["members"]).contains(&id.as_str()));
    assert_eq!(door.find("/Users", "userName eq \"ivy.invented\"").await.ids(), [""; 0]);
    // Nor does the app find a leaver in a team.
    assert_eq!(door.sql(&format!("select count(*) from team_person where person_no = {id}")).await, ["0"]);
    // The name is free again, the id is not.
    let again = door.ask("POST", "/Users", user("ivy.invented")).await.is(201);
    assert_ne!(again["id"], id.as_str());
    assert_eq!(
        door.sql(&format!("select count(*) from staff_person where person_no = {id} and left_on is not null")).await,
        ["1"]
    );
}

#[tokio::test]
async fn a_leaver_does_not_exist() {
    let door = Door::quickstart().await;
    let before = door.everything().await;
    for (method, body) in [("GET", Value::Null), ("PUT", user("gus")), ("DELETE", Value::Null)] {
        door.ask(method, "/Users/1007", body).await.fails(404, "");
    }
    door.patch("/Users/1007", json!([{"op": "replace", "path": "active", "value": false}])).await.fails(404, "");
    for filter in ["userName eq \"gus.nobody\"", "emails.value co \"gus\"", "id eq \"1007\"", "not (userName pr)"] {
        assert_eq!(door.find("/Users", filter).await.ids(), [""; 0], "{filter}");
    }
    assert_eq!(door.get("/Users").await.is(200)["totalResults"], 7);
    assert_eq!(values(&door.get("/Groups/10").await.is(200)["members"]), ["1001", "1002", "1005"]);
    assert_eq!(door.find("/Groups", "members.value eq \"1007\"").await.ids(), [""; 0]);
    let add = json!([{"op": "add", "path": "members", "value": [{"value": "1007"}]}]);
    door.patch("/Groups/20", add).await.fails(400, "invalidValue");
    door.ask("POST", "/Groups", group("new", &["1001", "1007"])).await.fails(400, "invalidValue");
    assert_eq!(door.everything().await, before);
}

#[tokio::test]
async fn what_is_refused_writes_nothing() {
    let door = Door::quickstart().await.strict();
    let before = door.everything().await;
    let mail = |n: u32| json!({"value": format!("m{n}@example.com"), "type": "work"});
    let main = json!({"value": "m1@example.com", "type": "work", "primary": true});
    let with_mail = |name: &str, mails: Value| json!({"schemas": [USER], "userName": name, "emails": mails});
    for (method, path, body, status, scim_type) in [
        ("POST", "/Users", user("ANN.Archer"), 409, "uniqueness"),
        ("POST", "/Users", with_mail("ann.archer", json!([mail(1)])), 409, "uniqueness"),
        ("POST", "/Users", with_mail("new", json!([mail(1), main])), 409, "uniqueness"),
        ("PUT", "/Users/1002", with_mail("ann.archer", json!([mail(1)])), 409, "uniqueness"),
        ("PUT", "/Users/1002", json!({"schemas": [USER], "displayName": "no name"}), 400, "invalidValue"),
        ("POST", "/Groups", group("FINANCE", &[]), 409, "uniqueness"),
        ("POST", "/Groups", group("new", &["1001", "77"]), 400, "invalidValue"),
        ("POST", "/Groups", group("new", &["01001"]), 400, "invalidValue"),
        ("POST", "/Groups", group("new", &["1001 "]), 400, "invalidValue"),
        ("PUT", "/Groups/20", group("renamed", &["1001", "no"]), 400, "invalidValue"),
        ("PUT", "/Groups/99", group("x", &[]), 404, ""),
        ("POST", "/Groups", json!({"schemas": [GROUP], "members": []}), 400, "invalidValue"),
    ] {
        let detail = door.ask(method, path, body.clone()).await.fails(status, scim_type);
        assert!(!detail.to_lowercase().contains("sql") && !detail.contains("staff_person"), "{detail}");
        assert_eq!(door.everything().await, before, "{method} {path} {body}");
    }
    for (path, steps, status, scim_type) in [
        (
            "/Users/1001",
            json!([{"op": "replace", "path": "title", "value": "X"}, {"op": "replace", "path": "userName", "value": "bjorn.sample"}]),
            409,
            "uniqueness",
        ),
        (
            "/Users/1001",
            json!([{"op": "replace", "path": "title", "value": "X"}, {"op": "remove", "path": "userName"}]),
            400,
            "mutability",
        ),
        (
            "/Users/1001",
            json!([{"op": "replace", "path": "title", "value": "X"}, {"op": "replace", "path": "id", "value": "9"}]),
            400,
            "mutability",
        ),
        ("/Users/1001", json!([{"op": "replace", "path": "title", "value": "X"}, {"op": "remove"}]), 400, "noTarget"),
        (
            "/Users/1001",
            json!([{"op": "replace", "path": "emails[type eq \"fax\"]", "value": {"value": "a@b"}}]),
            400,
            "noTarget",
        ),
        (
            "/Groups/10",
            json!([{"op": "replace", "path": "displayName", "value": "X"}, {"op": "add", "path": "members", "value": [{"value": "1003"}, {"value": "77"}]}]),
            400,
            "invalidValue",
        ),
        ("/Groups/10", json!([{"op": "replace", "path": "displayName", "value": "Finance"}]), 409, "uniqueness"),
    ] {
        door.patch(path, steps.clone()).await.fails(status, scim_type);
        assert_eq!(door.everything().await, before, "{path} {steps}");
    }
    let detail = door.ask("POST", "/Groups", group("new", &["1001", "77"])).await.fails(400, "invalidValue");
    assert!(detail.contains("77"), "who is missing is named: {detail}");
}

#[tokio::test]
async fn a_put_keeps_what_it_does_not_mention_and_clears_what_it_empties() {
    let door = Door::quickstart().await;
    let before = door.get("/Users/1001").await.is(200);
    let put = json!({"schemas": [USER], "userName": "ann.archer", "title": null, "name": {"familyName": "Bow"}});
    let after = door.ask("PUT", "/Users/1001", put).await.is(200);
    assert!(after.get("title").is_none());
    assert_eq!(after["name"], json!({"givenName": "Ann", "familyName": "Bow"}));
    for kept in ["displayName", "emails", "active", "id", ENTERPRISE] {
        assert_eq!(after[kept], before[kept], "{kept}");
    }
    assert_eq!(after["meta"]["created"], before["meta"]["created"]);
    assert_ne!(after["meta"]["lastModified"], before["meta"]["lastModified"]);
    let put = json!({"schemas": [USER], "userName": "ann.archer", "emails": [], ENTERPRISE: {"department": null}});
    let after = door.ask("PUT", "/Users/1001", put).await.is(200);
    assert!(after.get("emails").is_none() && after.get(ENTERPRISE).is_none());
    assert_eq!(after["schemas"], json!([USER]));
    assert_eq!(door.sql("select count(*) from mailbox where person_no = 1001").await, ["0"]);
    let after = door.ask("PUT", "/Groups/20", json!({"schemas": [GROUP], "displayName": "Money"})).await.is(200);
    assert_eq!(values(&after["members"]), ["1003", "1004"]);
    let after = door.ask("PUT", "/Groups/20", group("Money", &[])).await.is(200);
    assert!(after.get("members").is_none());
}

#[tokio::test]
async fn a_change_of_one_email_leaves_the_others_rows_alone() {
    let door = Door::quickstart().await;
    let rows = "select mbx_no || ' ' || addr || ' ' || kind || case when is_main then ' main' else '' end from mailbox where person_no = 1001 order by mbx_no";
    let before = door.sql(rows).await;
    let change = json!([{"op": "replace", "path": "emails[type eq \"home\"].value", "value": "new@home.example"}]);
    door.patch("/Users/1001", change).await.is(200);
    let after = door.sql(rows).await;
    assert_eq!(after[0], before[0]);
    assert!(after.len() == 2 && after[1].contains("new@home.example"), "{after:?}");
    let add = json!([{"op": "add", "path": "emails", "value": [{"value": "x@example.com", "type": "other", "primary": true}]}]);
    let emails = door.patch("/Users/1001", add).await.is(200)["emails"].clone();
    let main: Vec<_> =
        emails.as_array().unwrap().iter().filter(|e| e["primary"] == true).map(|e| &e["value"]).collect();
    assert_eq!(main, ["x@example.com"], "one primary at most");
    assert!(door.sql(rows).await[0].ends_with(" ann.archer@example.com work"));
    let others = door.sql(rows).await.split_off(1);
    door.patch("/Users/1001", json!([{"op": "remove", "path": "emails[type eq \"work\"]"}])).await.is(200);
    assert_eq!(door.sql(rows).await, others);
    assert_eq!(door.sql("select count(*) from mailbox where person_no <> 1001").await, ["6"]);
}

#[tokio::test]
async fn what_is_so_already_changes_nothing() {
    let door = Door::quickstart().await;
    let before = door.everything().await;
    door.patch("/Users/1001", json!([{"op": "remove", "path": "emails[value eq \"nobody@x\"]"}])).await;
    let emails = json!([{"op": "add", "path": "emails", "value": [{"value": "ann@home.example.com", "type": "home"}]}]);
    door.patch("/Users/1001", emails).await.is(200);
    let rows: Vec<_> = door.everything().await.into_iter().filter(|r| !r.contains("ann.archer\",\"Ann")).collect();
    assert!(rows.iter().all(|r| before.contains(r)), "{rows:?}");
    let members = "select count(*) from team_person";
    assert_eq!(door.sql(members).await, ["7"]);
    for path in ["members", "Members"] {
        let add = json!([{"op": "add", "path": path, "value": [{"value": "1001"}, {"value": "1001"}]}]);
        door.patch("/Groups/10", add).await.is(204);
    }
    assert_eq!(door.sql(members).await, ["7"]);
}

#[tokio::test]
async fn values_are_kept_as_they_are() {
    let door = Door::quickstart().await;
    let big = "m".repeat(1 << 20);
    let odd = [
        "O'Brien",
        "100%",
        "a_b",
        "new\nline",
        "tab\t",
        "\\",
        "\"q\"",
        "--",
        "; drop table team",
        "🦀 見本",
        "e\u{301}",
        "\u{feff}x",
        "${HOME}",
        "{{id}}",
        "042",
        "1e3",
        "true",
        "null",
        "\u{202e}x",
        " x ",
        &big,
    ];
    for value in odd {
        let sent = json!({"schemas": [USER], "userName": format!("n-{}", &value[..value.len().min(7).min(value.chars().next().unwrap().len_utf8())]),
            "displayName": value, "title": value});
        let answer = door.ask("POST", "/Users", sent).await;
        if value == big && engine() == Engine::MariaDb {
            // its columns have lengths, and nothing is cut
            answer.fails(400, "invalidValue");
            continue;
        }
        let made = answer.is(201);
        assert!(made["displayName"] == value && made["title"] == value, "{value:.20}");
        let at = format!("/Users/{}", made["id"].as_str().unwrap());
        assert_eq!(door.get(&at).await.is(200)["displayName"], value);
        if value.len() < 100 {
            let found = door.find("/Users", &format!("displayName eq {}", json!(value))).await;
            assert_eq!(found.is(200)["totalResults"], 1, "{value}");
            let found = door.find("/Users", &format!("title co {}", json!(value))).await.is(200);
            assert!(found["Resources"].to_string().contains(made["id"].as_str().unwrap()), "{value}");
        }
        door.ask("DELETE", &at, Value::Null).await.is(204);
    }
    // SQLite's text ends at a NUL for many a function: kept whole, or refused.
    let answer =
        door.ask("POST", "/Users", json!({"schemas": [USER], "userName": "nul", "displayName": "a\u{0}b"})).await;
    match answer.status {
        201 => assert_eq!(answer.body["displayName"], "a\u{0}b"),
        _ => assert_eq!((answer.status, answer.fails(400, "invalidValue").is_empty()), (400, false)),
    }
    assert_eq!(door.sql("select count(*) from team").await, ["3"]);
}

#[tokio::test]
async fn writers_at_once_lose_nothing() {
    let door = Arc::new(Door::quickstart().await);
    let put = |id: &'static str, title: String| {
        let door = door.clone();
        tokio::spawn(async move {
            let add = json!([{"op": "add", "path": "members", "value": [{"value": id}]}]);
            door.patch("/Groups/30", add).await.is(204);
            let mail = json!([{"op": "add", "path": "emails", "value": [{"value": format!("{title}@example.com"), "type": "other"}]}]);
            door.patch("/Users/1001", mail).await.is(200);
        })
    };
    let ids = ["1002", "1003", "1004", "1005", "1006", "1008"];
    let all: Vec<_> = ids.into_iter().map(|id| put(id, format!("t{id}"))).collect();
    for one in all {
        one.await.unwrap();
    }
    let body = door.get("/Groups/30").await.is(200);
    assert_eq!(values(&body["members"]), ["1001", "1002", "1003", "1004", "1005", "1006", "1008"]);
    let body = door.get("/Users/1001").await.is(200);
    assert_eq!(values(&body["emails"]).len(), 2 + ids.len());
}

#[tokio::test]
async fn the_number_of_statements_does_not_grow() {
    let door = Door::quickstart().await;
    let mut pages = Vec::new();
    for count in [2, 7] {
        let (answer, made) = door.cost("GET", &format!("/Users?count={count}"), Value::Null).await;
        assert_eq!(answer.ids().len(), count);
        pages.push(made);
    }
    assert!(pages[0] <= 4, "rows, e-mails, groups, count: {pages:?}");
    assert!(pages[1] <= pages[0], "{pages:?}");
    // a server holds the row first, as others may write beside
    let most = if engine() == Engine::Sqlite { 4 } else { 5 };
    for (n, limit) in [(1, most), (7, most)] {
        let ids = ["1001", "1002", "1003", "1004", "1005", "1006", "1008"];
        let steps = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [{"op": "add", "path": "members", "value": ids[..n].iter().map(|id| json!({"value": id})).collect::<Vec<_>>()}]});
        let (answer, made) = door.cost("PATCH", "/Groups/30", steps).await;
        answer.is(204);
        assert!(made <= limit, "{n} members: {made}");
    }
    for (path, most) in
        [("/Users/1001", 3), ("/Groups/10", 2), ("/Groups/10?excludedAttributes=members", 1), ("/Users?count=0", 1)]
    {
        let (answer, made) = door.cost("GET", path, Value::Null).await;
        answer.is(200);
        assert!(made <= most, "{path}: {made}");
    }
    let (answer, made) = door.cost("GET", &format!("/Users?filter={}", encoded("active gt 1")), Value::Null).await;
    assert!(answer.status == 400 && made == 0);
}

#[tokio::test]
async fn a_walk_past_the_limit_is_too_many() {
    let script = "insert into staff_person (person_no, logon, fore_nm, made_at, chg_at)
           with recursive n(i) as (select 2000 union all select i + 1 from n where i < 2999) select i, 'p' || i, 'P', '2020-01-01T00:00:00Z', '2020-01-01T00:00:00Z' from n;";
    let door = Door::over_more(script, LIMITS).await;
    assert_eq!(door.get("/Users?count=1").await.is(200)["totalResults"], 1007);
    // Not every filter can be asked of the database; what is walked through has an end.
    let answer = door
        .find("/Users?count=1", "meta.created gt \"2020-01-01T00:00:00.5Z\" or emails.value co \"K\u{212a}\"")
        .await;
    assert!(matches!(answer.status, 200 | 400), "{}", answer.body);
    let whole = Door::over_more(script, portolan::plan::Limits { rows: 5000, ..LIMITS }).await;
    let mut seen = Vec::new();
    for start in (1..1100).step_by(200) {
        seen.extend(whole.get(&format!("/Users?startIndex={start}&count=200&attributes=id")).await.ids());
    }
    assert_eq!(seen.len(), 1007);
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 1007);
}
