//! What is not mapped is not offered, and access never stays behind a success (law 11); what each profile lets pass.

use serde_json::{Value, json};

use super::{
    door::{Door, ENTERPRISE, GROUP, LIMITS, USER, group, user, values},
    easy_app::EasyApp,
};

#[tokio::test]
async fn what_would_leave_access_behind_is_an_error_in_every_profile() {
    for strict in [false, true] {
        let mut door = Door::quickstart().await;
        if strict {
            door = door.strict();
        }
        let before = door.everything().await;
        // `password` is not mapped here.
        let mut sent = user("new");
        sent["password"] = json!("s3cret");
        let mut asked = vec![("PUT", "/Users/1001")];
        asked.extend(strict.then_some(("POST", "/Users")));
        for (method, path) in asked {
            let detail = door.ask(method, path, sent.clone()).await.fails(400, "invalidValue");
            assert!(detail.contains("password") && !detail.contains("s3cret"), "{detail}");
        }
        for op in [
            json!({"op": "replace", "path": "password", "value": "s3cret"}),
            json!({"op": "replace", "value": {"password": "s3cret"}}),
        ] {
            let answer = door.patch("/Users/1001", json!([op])).await;
            assert_eq!(answer.status, 400, "{}", answer.body);
            assert!(!answer.body.to_string().contains("s3cret"));
        }
        assert_eq!(door.everything().await, before);
        if !strict {
            // For a new account it is passed over: some clients make one up for everybody, and it gives no access.
            let made = door.ask("POST", "/Users", sent).await.is(201);
            assert!(made.get("password").is_none());
            assert!(!door.everything().await.concat().contains("s3cret"));
        }
    }
}

#[tokio::test]
async fn lists_of_members_and_access_that_nobody_mapped() {
    const NARROW: &str = "mapping: 1
app: { rest: { url: \"${ACME_URL}\", auth: { bearer: \"${ACME_TOKEN}\" } } }
resources:
  User:
    id: $.id
    attributes: { userName: $.login }
    get: GET /users/{{id}}
    create: { call: POST /users, json: $.record, record: $ }
    update: { call: \"PATCH /users/{{id}}\", json: $.changed, record: $ }
  Group:
    id: $.id
    attributes: { displayName: $.name }
    get: GET /teams/{{id}}
    create: { call: POST /teams, json: $.record, record: $ }
    update: { call: \"PATCH /teams/{{id}}\", json: $.changed, record: $ }
";
    let (app, url) = EasyApp::start(3).await;
    for strict in [false, true] {
        let mut door = Door::over_text(NARROW, &url, LIMITS).await;
        if strict {
            door = door.strict();
        }
        let before = app.state();
        let mut off = user("u9");
        off["active"] = json!(false);
        let steps =
            |op: Value| json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [op]});
        for (method, path, body) in [
            ("POST", "/Users", off.clone()),
            ("PUT", "/Users/1", off),
            ("PATCH", "/Users/1", steps(json!({"op": "replace", "path": "active", "value": false}))),
            ("PATCH", "/Users/1", steps(json!({"op": "Replace", "path": "active", "value": "False"}))),
            ("PATCH", "/Users/1", steps(json!({"op": "replace", "value": {"active": false}}))),
            ("POST", "/Groups", group("new", &["1"])),
            ("PUT", "/Groups/900", group("first", &["1"])),
            ("PATCH", "/Groups/900", steps(json!({"op": "add", "path": "members", "value": [{"value": "1"}]}))),
            ("PATCH", "/Groups/900", steps(json!({"op": "remove", "path": "members[value eq \"1\"]"}))),
            ("PATCH", "/Groups/900", steps(json!({"op": "remove", "path": "members", "value": [{"value": "1"}]}))),
            ("PATCH", "/Groups/900", steps(json!({"op": "remove", "path": "members"}))),
            ("PATCH", "/Groups/900", steps(json!({"op": "replace", "path": "members", "value": []}))),
        ] {
            let answer = door.ask(method, path, body.clone()).await;
            assert_eq!(answer.status, 400, "strict {strict}: {method} {path} {body}: {}", answer.body);
        }
        assert_eq!(app.state(), before);
        assert!(app.calls().iter().all(|call| call.starts_with("GET ")));
        // What has no call is not offered, and says so before anything is asked.
        door.ask("DELETE", "/Users/1", Value::Null).await.fails(501, "");
        door.get("/Users").await.fails(501, "");
        assert_eq!(app.calls(), [""; 0]);
        let schema = door.get(&format!("/Schemas/{USER}")).await.is(200).to_string();
        assert!(schema.contains("userName") && !schema.contains("active") && !schema.contains("password"));
    }
    // A group where the list is empty anyway: nothing stays behind.
    let door = Door::over_text(NARROW, &url, LIMITS).await;
    door.ask("PUT", "/Groups/900", json!({"schemas": [GROUP], "displayName": "first", "members": []})).await;
    door.ask("POST", "/Users", json!({"schemas": [USER], "userName": "fine", "active": true, "nickName": "x"}))
        .await
        .is(201);
}

#[tokio::test]
async fn each_departure_passes_for_the_tolerant_alone() {
    let patch = |op: Value| {
        (
            "PATCH",
            "/Users/1001",
            json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [op]}),
        )
    };
    let members = |op: Value| {
        (
            "PATCH",
            "/Groups/10",
            json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [op]}),
        )
    };
    let departures = [
        ("remove_by_value", members(json!({"op": "remove", "path": "members", "value": [{"value": "1002"}]}))),
        (
            "create_on_no_match",
            patch(json!({"op": "add", "path": "emails[type eq \"other\"].value", "value": "o@example.com"})),
        ),
        ("string_booleans", patch(json!({"op": "replace", "path": "active", "value": "False"}))),
        ("equal_id", patch(json!({"op": "replace", "value": {"id": "1001", "title": "T"}}))),
        ("bare_values", members(json!({"op": "add", "path": "members", "value": ["1003"]}))),
        ("dotted_keys", patch(json!({"op": "replace", "value": {"name.givenName": "Anne"}}))),
        ("ignore_unmapped", patch(json!({"op": "replace", "value": {"nickName": "A", "colour": "red", "title": "T"}}))),
        ("ignore_unmapped", ("POST", "/Users", json!({"userName": "no.schemas", "nickName": "x"}))),
        (
            "loose_filters",
            (
                "GET",
                "/Users?filter=emails%5Btype%20eq%20%22work%22%5D.value%20eq%20%22ann.archer@example.com%22",
                Value::Null,
            ),
        ),
        ("loose_filters", ("GET", "/Users?filter=active%20eq%20True", Value::Null)),
    ];
    for (departure, (method, path, body)) in departures {
        let strict = Door::quickstart().await.strict();
        let before = strict.everything().await;
        let refused = strict.ask(method, path, body.clone()).await;
        assert_eq!(refused.status, 400, "{departure}: {body}: {}", refused.body);
        assert_eq!(strict.everything().await, before);
        let tolerant = Door::quickstart().await;
        let passed = tolerant.ask(method, path, body.clone()).await;
        assert!(matches!(passed.status, 200 | 201 | 204), "{departure}: {body}: {}", passed.body);
    }
    let door = Door::quickstart().await;
    let only = json!([{"op": "remove", "path": "members", "value": [{"value": "1002"}]}]);
    door.patch("/Groups/10", only).await.is(204);
    assert_eq!(values(&door.get("/Groups/10").await.is(200)["members"]), ["1001", "1005"], "the others stay");
}

#[tokio::test]
async fn discovery_says_what_the_mapping_says() {
    let door = Door::quickstart().await;
    let config = door.get("/ServiceProviderConfig").await.is(200);
    assert_eq!(config["filter"], json!({"supported": true, "maxResults": LIMITS.max_page}));
    for (feature, supported) in
        [("patch", true), ("bulk", true), ("sort", true), ("changePassword", false), ("etag", true)]
    {
        assert_eq!(config[feature]["supported"], supported, "{feature}");
    }
    let types = door.get("/ResourceTypes").await.is(200);
    assert_eq!(types["totalResults"], 2);
    let schemas = door.get("/Schemas").await.is(200);
    let all: Vec<&Value> = schemas["Resources"].as_array().unwrap().iter().collect();
    for kind in types["Resources"].as_array().unwrap() {
        let one = door.get(&format!("/ResourceTypes/{}", kind["id"].as_str().unwrap())).await.is(200);
        assert_eq!(&one, kind);
        assert!(all.iter().any(|s| s["id"] == kind["schema"]), "{kind}");
        for extension in kind["schemaExtensions"].as_array().into_iter().flatten() {
            assert!(all.iter().any(|s| s["id"] == extension["schema"]), "{kind}");
        }
    }
    for schema in &all {
        let one = door.get(&format!("/Schemas/{}", schema["id"].as_str().unwrap())).await.is(200);
        assert_eq!(&&one, schema);
    }
    // Every attribute that is shown is published, and no other is.
    let user = door.get("/Users/1001").await.is(200);
    let published = |urn: &str| -> Vec<String> {
        let schema = all.iter().find(|s| s["id"] == urn).unwrap();
        schema["attributes"].as_array().unwrap().iter().map(|a| a["name"].as_str().unwrap().to_owned()).collect()
    };
    let names = published(USER);
    for key in user
        .as_object()
        .unwrap()
        .keys()
        .filter(|k| !["schemas", "id", "meta", "externalId", ENTERPRISE].contains(&k.as_str()))
    {
        assert!(names.contains(key), "{key}");
    }
    assert_eq!(published(ENTERPRISE), ["department"]);
    assert!(!names.contains(&"password".to_owned()) && !names.contains(&"nickName".to_owned()));
}
