//! Requests that no honest client sends: each has a SCIM answer, and none of them touches the app's data.

use serde_json::{Value, json};

use super::door::{Door, GROUP, USER, encoded, user};

#[tokio::test]
async fn ids_that_cannot_be() {
    let door = Door::quickstart().await;
    let before = door.everything().await;
    for id in [
        "042",
        "01001",
        "1001x",
        "1001 ",
        " 1001",
        "+1001",
        "-1",
        "1001.0",
        "1e3",
        "0x3e9",
        "9999999999999999999999",
        "9223372036854775808",
        "1001 or 1=1",
        "1001;",
        "'",
        "\"",
        "%",
        "null",
        "undefined",
        "{{id}}",
        "*",
        ".",
        "..",
        "\u{0}",
        "\u{661}\u{660}\u{660}\u{661}",
        "１００１",
        "1007",
        "0",
        "bulkId:1",
        "1001/",
        "1001?",
        "1001\n",
        &"1".repeat(5000),
    ] {
        let at = format!("/Users/{}", encoded(id));
        door.get(&at).await.fails(404, "");
        door.ask("DELETE", &at, Value::Null).await.fails(404, "");
        door.ask("PUT", &at, user("x")).await.fails(404, "");
        door.patch(&at, json!([{"op": "replace", "path": "title", "value": "x"}])).await.fails(404, "");
        door.patch(&at, json!([{"op": "add", "path": "emails", "value": [{"value": "x"}]}])).await.fails(404, "");
        assert_eq!(door.find("/Users", &format!("id eq {}", json!(id))).await.ids(), [""; 0], "{id}");
    }
    for id in ["9223372036854775807", "99", "010", "x"] {
        let at = format!("/Groups/{id}");
        for op in [
            json!({"op": "add", "path": "members", "value": [{"value": "1001"}]}),
            json!({"op": "remove", "path": "members", "value": [{"value": "1001"}]}),
            json!({"op": "remove", "path": "members"}),
        ] {
            door.patch(&at, json!([op])).await.fails(404, "");
        }
    }
    assert_eq!(door.everything().await, before);
}

#[tokio::test]
async fn paths_and_methods() {
    let door = Door::quickstart().await;
    for path in [
        "/Nothing",
        "/users",
        "/Users/1001/emails",
        "/Users/1001/x/y",
        "/Users//1001",
        "//Users",
        "/Users/%zz",
        "/Users/%ff%fe",
        "/Schemas/urn:nosuch",
        "/ResourceTypes/Cat",
        "/ServiceProviderConfig/x",
        "/%2e%2e/Users",
        "/Users%2F1001",
        "x/Users",
        "Users",
    ] {
        door.get(path).await.fails(404, "");
    }
    for (path, methods) in [
        ("/Users", "GET, POST"),
        ("/Users/1001", "GET, PUT, PATCH, DELETE"),
        ("/Users/.search", "POST"),
        ("/.search", "POST"),
        ("/", "GET"),
        ("/Schemas", "GET"),
        ("/ServiceProviderConfig", "GET"),
    ] {
        for method in ["OPTIONS", "TRACE", "BREW", "get"] {
            let answer = door.ask(method, path, Value::Null).await;
            assert_eq!(answer.headers["allow"], methods, "{method} {path}");
            answer.fails(405, "");
        }
    }
    for (method, path) in [
        ("DELETE", "/Users"),
        ("PATCH", "/Users"),
        ("POST", "/Users/1001"),
        ("GET", "/.search"),
        ("POST", "/Schemas"),
        ("POST", "/"),
    ] {
        door.ask(method, path, json!({})).await.fails(405, "");
    }
    door.get("/v9/Users").await.fails(400, "invalidVers");
    for method in ["GET", "PUT", "PATCH", "DELETE", "POST"] {
        door.ask(method, "/Me", json!({})).await.fails(501, "");
    }
    for method in ["GET", "PUT", "PATCH", "DELETE"] {
        door.ask(method, "/Bulk", json!({})).await.fails(405, "");
    }
    door.get("/Schemas?filter=id%20pr").await.fails(403, "");
    assert_eq!(door.get("/Users/1001/").await.is(200)["id"], "1001");
}

#[tokio::test]
async fn a_head_is_a_get_without_a_body() {
    let door = Door::quickstart().await;
    for path in ["/Users/1001", "/Users", "/Schemas", "/", "/ServiceProviderConfig"] {
        let (head, get) = (door.ask("HEAD", path, Value::Null).await, door.get(path).await);
        assert!(head.status == 200 && head.body.is_null(), "{path}");
        assert_eq!(head.headers, get.headers);
    }
    let answer = door.ask("HEAD", "/Users/9", Value::Null).await;
    assert!(answer.status == 404 && answer.body.is_null());
}

#[tokio::test]
async fn bodies_that_are_none() {
    let door = Door::quickstart().await;
    let before = door.everything().await;
    let nested = |open: &str, close: &str, n: usize| format!("{}1{}", open.repeat(n), close.repeat(n)).into_bytes();
    let bodies: Vec<Vec<u8>> = vec![
        b"".to_vec(),
        b"{".to_vec(),
        b"{}}".to_vec(),
        b"userName=x".to_vec(),
        b"<xml/>".to_vec(),
        b"\xff\xfe{\x00}\x00".to_vec(),
        b"{\"userName\": \"\xc3\x28\"}".to_vec(),
        b"{\"userName\": \"\\ud800\"}".to_vec(),
        b"{\"userName\": NaN}".to_vec(),
        b"{'userName': 'x'}".to_vec(),
        b"null".to_vec(),
        b"[]".to_vec(),
        b"7".to_vec(),
        b"\"x\"".to_vec(),
        nested("[", "]", 100_000),
        nested("{\"a\":", "}", 100_000),
        nested("{\"name\":", "}", 200),
    ];
    for body in bodies {
        for (method, path) in [
            ("POST", "/Users"),
            ("PUT", "/Users/1001"),
            ("PATCH", "/Users/1001"),
            ("POST", "/Users/.search"),
            ("POST", "/.search"),
        ] {
            door.send(method, path, "application/scim+json", body.clone()).await.fails(400, "invalidSyntax");
        }
    }
    assert_eq!(door.everything().await, before);
}

#[tokio::test]
async fn values_of_the_wrong_kind() {
    let door = Door::quickstart().await.strict();
    let before = door.everything().await;
    let deep = (0..100).fold(json!(1), |inner, _| json!([inner]));
    for (field, value) in [
        ("userName", json!(1)),
        ("userName", json!({"value": "x"})),
        ("userName", json!("")),
        ("userName", json!(" \t")),
        ("userName", json!(["x"])),
        ("name", json!([1])),
        ("name", json!("x")),
        ("name", deep.clone()),
        ("emails", json!([[1]])),
        ("emails", json!([{"value": {"value": "x"}}])),
        ("emails", json!([{"value": "x", "primary": "maybe"}])),
        ("emails", json!([{"value": "a", "primary": true}, {"value": "b", "primary": true}])),
        ("emails", deep),
        ("active", json!("perhaps")),
        ("active", json!(1)),
        ("active", json!([true])),
        ("title", json!(7)),
    ] {
        let mut sent = json!({"schemas": [USER], "userName": "new"});
        sent[field] = value.clone();
        let answer = door.ask("POST", "/Users", sent).await;
        assert_eq!(answer.status, 400, "{field}: {value}: {}", answer.body);
        assert!(
            ["invalidValue", "invalidSyntax"].contains(&answer.body["scimType"].as_str().unwrap()),
            "{}",
            answer.body
        );
    }
    for operations in [
        json!([]),
        json!({}),
        json!([[1]]),
        json!([{"op": "move", "path": "title", "value": "x"}]),
        json!([{"path": "title", "value": "x"}]),
        json!([{"op": "add", "path": "title"}]),
        json!([{"op": "add", "path": 7, "value": "x"}]),
        json!([{"op": "replace", "path": "title[", "value": "x"}]),
        json!([{"op": "replace", "path": "emails[value eq]", "value": "x"}]),
        json!([{"op": "replace", "path": "title.x", "value": "x"}]),
        json!([{"op": "replace", "path": "", "value": "x"}]),
        json!([{"op": "replace", "value": "x"}]),
    ] {
        let answer = door.patch("/Users/1001", operations.clone()).await;
        assert_eq!(answer.status, 400, "{operations}: {}", answer.body);
    }
    assert_eq!(door.everything().await, before);
}

#[tokio::test]
async fn much_of_everything() {
    let door = Door::quickstart().await;
    let before = door.everything().await;
    let filters = [
        format!("{}userName pr{}", "(".repeat(2000), ")".repeat(2000)),
        format!("{}userName pr", "not ".repeat(2000)),
        vec!["userName eq \"a\""; 5000].join(" or "),
        format!("emails[{}value pr{}]", "(".repeat(1000), ")".repeat(1000)),
        format!("userName eq \"{}\"", "a".repeat(50_000)),
        format!("{} pr", "a.".repeat(5000)),
    ];
    for filter in filters {
        // Through a search: a URL has a length of its own.
        let search = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": filter});
        let answer = door.ask("POST", "/Users/.search", search).await;
        assert!(matches!(answer.status, 200 | 400), "{:.40}: {}", filter, answer.body);
    }
    let steps: Vec<Value> =
        (0..2000).map(|n| json!({"op": "replace", "path": "title", "value": n.to_string()})).collect();
    let answer = door.patch("/Users/1001", json!(steps)).await;
    assert!(matches!(answer.status, 200 | 400), "{}", answer.body);
    door.patch("/Users/1001", json!([{"op": "replace", "path": "title", "value": "Site manager"}])).await.is(200);
    let members: Vec<Value> = (0..20_000).map(|n| json!({"value": n.to_string()})).collect();
    door.ask("POST", "/Groups", json!({"schemas": [GROUP], "displayName": "big", "members": members}))
        .await
        .fails(400, "invalidValue");
    let emails: Vec<Value> = (0..300).map(|n| json!({"value": format!("m{n}@example.com")})).collect();
    let answer =
        door.ask("POST", "/Users", json!({"schemas": [USER], "userName": "ann.archer", "emails": emails})).await;
    assert!(matches!(answer.status, 400 | 409), "{}", answer.body);
    let rows: Vec<_> = door.everything().await.into_iter().filter(|r| !r.contains("\"Ann\"")).collect();
    assert!(rows.iter().all(|row| before.contains(row)));
}

#[tokio::test]
async fn the_label_on_a_body_does_not_matter() {
    let door = Door::quickstart().await;
    for (n, label) in
        ["application/json", "application/scim+json; charset=utf-8", "text/plain", "application/x-www-form-urlencoded"]
            .iter()
            .enumerate()
    {
        let answer = door.send("POST", "/Users", label, user(&format!("n{n}")).to_string()).await;
        assert_eq!(answer.headers["content-type"], "application/scim+json");
        answer.is(201);
    }
}
