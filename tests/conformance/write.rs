//! POST, PUT, PATCH and DELETE (RFC 7644 §3.3, §3.5, §3.6).

use portolan::scim::{
    body::read_create,
    profile::Profile,
    published,
    schema::{Extension, ResourceType},
};
use serde_json::{Value, json};

use crate::{
    ENTERPRISE, GROUP, USER,
    quickstart::{Answer, Door, LIMITS, MAPPING, STRICT, TOLERANT, open, with},
};

fn refused(answer: &Answer, scim_type: &str) {
    assert_eq!((answer.status, answer.scim_type().as_str()), (400, scim_type), "{}", answer.text);
}

async fn made(door: &Door, more: Value) -> String {
    let mut body = json!({"schemas": [USER, ENTERPRISE], "userName": "vera"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let answer = door.post("/Users", body).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    format!("/Users/{}", answer.body()["id"].as_str().unwrap())
}

#[tokio::test]
async fn a_new_resource_is_told_whole() {
    let door = open().await;
    let body = json!({
        "schemas": [USER, ENTERPRISE], "id": "mine", "userName": "vera", "title": null, "emails": [],
        "groups": [{"value": "10"}], "meta": {"resourceType": "Group", "created": "1999-01-01T00:00:00Z"},
        "name": {"familyName": "Venn"}, ENTERPRISE: {"department": "OPS"}
    });
    let answer = door.post("/Users", body).await;
    let user = answer.body();
    let id = user["id"].as_str().unwrap();
    assert!(answer.status == 201 && !id.is_empty() && id != "mine");
    assert_eq!(answer.header("location"), user["meta"]["location"].as_str());
    assert_eq!(user["meta"]["location"], format!("http://scim.example/scim/v2/Users/{id}"));
    assert_eq!(user["meta"]["resourceType"], "User");
    assert_eq!(user["meta"]["created"], user["meta"]["lastModified"]);
    assert!(user["meta"]["created"].as_str().unwrap() > "2020");
    assert_eq!(user[ENTERPRISE], json!({"department": "OPS"}));
    for absent in ["groups", "title", "emails"] {
        assert!(user.get(absent).is_none(), "{absent}");
    }
    assert_eq!(user, door.get(&format!("/Users/{id}")).await.body());
    assert!(door.find("/Groups", &format!("members.value eq \"{id}\"")).await.each("id").is_empty());
}

#[tokio::test]
async fn many_writes_in_one_request() {
    let door = open().await;
    let send = async |operations: Value, most: u64| {
        let body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "failOnErrors": most,
            "Operations": operations});
        door.call("demo-strict", "POST", "/Bulk", &body).await
    };
    let team = json!({"schemas": [GROUP], "displayName": "Bulk", "members": [{"value": "bulkId:ann"}]});
    let gone = json!({"method": "DELETE", "path": "/Users/9"});
    let answer = send(
        json!([
            {"method": "POST", "path": "/Groups", "bulkId": "team", "data": team},
            {"method": "POST", "path": "/Users", "bulkId": "ann", "data": {"schemas": [USER], "userName": "bulk.ann"}},
            gone, gone, gone,
        ]),
        2,
    )
    .await;
    let body = answer.body();
    assert_eq!(
        (answer.status, &body["schemas"][0]),
        (200, &json!("urn:ietf:params:scim:api:messages:2.0:BulkResponse"))
    );
    let of =
        |key: &str| -> Vec<Value> { body["Operations"].as_array().unwrap().iter().map(|o| o[key].clone()).collect() };
    assert_eq!(of("status"), ["201", "201", "404", "404"]);
    assert_eq!(of("method"), ["POST", "POST", "DELETE", "DELETE"]);
    assert_eq!(of("response")[3]["status"], "404");
    let locations = of("location");
    let below = |at: usize| locations[at].as_str().unwrap().split("/scim/v2").nth(1).unwrap().to_owned();
    let made = door.get(&below(0)).await;
    assert_eq!(of("version")[0], made.body()["meta"]["version"]);
    assert_eq!(format!("/Users/{}", made.body()["members"][0]["value"].as_str().unwrap()), below(1));
    let waits =
        |to: &str| json!({"schemas": [GROUP], "displayName": to, "members": [{"value": format!("bulkId:{to}")}]});
    let answer = send(
        json!([
            {"method": "POST", "path": "/Groups", "bulkId": "a", "data": waits("b")},
            {"method": "POST", "path": "/Groups", "bulkId": "b", "data": waits("a")},
        ]),
        9,
    )
    .await;
    assert_eq!(answer.body()["Operations"][0]["status"], "409");
    let most = door.get("/ServiceProviderConfig").await.body()["bulk"]["maxOperations"].as_u64().unwrap();
    let answer = send(Value::from(vec![gone; usize::try_from(most).unwrap() + 1]), 1).await;
    assert_eq!(answer.status, 413);
    assert!(answer.text.contains(&most.to_string()), "{}", answer.text);
}

#[tokio::test]
async fn put_sets_what_it_mentions_and_keeps_the_rest() {
    let door = open().await;
    let user =
        made(&door, json!({"title": "Cook", "displayName": "V", "name": {"givenName": "Vera", "familyName": "Venn"}}))
            .await;
    let body = json!({
        "schemas": [USER], "id": "other", "userName": "vera", "displayName": null, "name": {"familyName": "Vale"},
        "meta": {"created": "1999-01-01T00:00:00Z"}, "emails": [{"value": "v@example.com", "type": "work"}]
    });
    let put = door.put(&user, body).await;
    assert_eq!((put.status, put.body()), (200, door.get(&user).await.body()));
    let after = put.body();
    assert_eq!((&after["title"], after.get("displayName")), (&json!("Cook"), None));
    assert_eq!(after["name"], json!({"givenName": "Vera", "familyName": "Vale"}));
    assert_eq!(after["emails"], json!([{"value": "v@example.com", "type": "work", "primary": false}]));
    assert!(!after["meta"]["created"].as_str().unwrap().starts_with("1999"));
    let cleared =
        door.put(&user, json!({"schemas": [USER], "userName": "vera", "emails": [], "title": null})).await.body();
    assert!(cleared.get("emails").is_none() && cleared.get("title").is_none());
    refused(&door.put(&user, json!({"schemas": [USER], "title": "Cook"})).await, "invalidValue");
    let body = json!({"schemas": [USER], "userName": "nobody"});
    assert_eq!(door.put("/Users/4711", body).await.status, 404);
    assert_eq!(door.find("/Users", "userName eq \"nobody\"").await.total(), 0);
}

#[tokio::test]
async fn immutable_values_stay() {
    let mapping = MAPPING.replace("displayName: known_as", "displayName: { column: known_as, access: [read, create] }");
    let door = with("", &mapping, LIMITS).await;
    let user = made(&door, json!({"displayName": "V"})).await;
    let body = |name: &str| json!({"schemas": [USER], "userName": "vera", "displayName": name});
    assert_eq!(door.put(&user, body("V")).await.status, 200);
    refused(&door.put(&user, body("W")).await, "mutability");
    let op = |op: &str, value: &str| json!([{"op": op, "path": "displayName", "value": value}]);
    assert_eq!(door.patch(&user, op("replace", "V")).await.status, 200);
    refused(&door.patch(&user, op("replace", "W")).await, "mutability");
    refused(&door.patch(&user, op("add", "W")).await, "mutability");
    refused(&door.patch(&user, json!([{"op": "remove", "path": "displayName"}])).await, "mutability");
    // Who has none yet may be given one, once: Hana by a PATCH, another one by a PUT.
    assert_eq!(door.patch("/Users/1008", op("add", "H")).await.body()["displayName"], "H");
    refused(&door.patch("/Users/1008", op("replace", "I")).await, "mutability");
    let other = made(&door, json!({"userName": "nameless", "displayName": null})).await;
    let body = |name: &str| json!({"schemas": [USER], "userName": "nameless", "displayName": name});
    assert_eq!(door.put(&other, body("N")).await.body()["displayName"], "N");
    refused(&door.put(&other, body("M")).await, "mutability");
}

#[tokio::test]
async fn a_patch_is_whole_or_not_at_all() {
    let door = open().await;
    let before = door.get("/Users/1001").await.body();
    for (operations, scim_type) in [
        (
            json!([{"op": "replace", "path": "title", "value": "x"}, {"op": "replace", "path": "id", "value": "z"}]),
            "mutability",
        ),
        (
            json!([{"op": "replace", "path": "title", "value": "x"}, {"op": "replace", "path": "emails[type eq \"fax\"].value", "value": "y"}]),
            "noTarget",
        ),
        (json!([{"op": "remove"}]), "noTarget"),
        (json!([{"op": "remove", "path": "userName"}]), "mutability"),
        (json!([{"op": "replace", "path": "groups", "value": []}]), "mutability"),
        (json!([{"op": "replace", "path": "colour", "value": "red"}]), "invalidPath"),
        (json!([{"op": "replace", "path": "emails[type eq", "value": "red"}]), "invalidPath"),
        (json!([{"op": "add", "path": "title"}]), "invalidValue"),
        (json!([{"op": "move", "path": "title"}]), "invalidSyntax"),
        (json!([]), "invalidSyntax"),
    ] {
        refused(&door.patch("/Users/1001", operations.clone()).await, scim_type);
        assert_eq!(door.get("/Users/1001").await.body(), before, "{operations}");
    }
    let taken = json!([{"op": "replace", "path": "title", "value": "x"}, {"op": "replace", "path": "userName", "value": "emil.probe"}]);
    assert_eq!(door.patch("/Users/1001", taken).await.status, 409);
    let leaver = json!([{"op": "replace", "path": "displayName", "value": "x"}, {"op": "add", "path": "members", "value": [{"value": "1007"}]}]);
    let group = door.get("/Groups/10").await.body();
    refused(&door.patch("/Groups/10", leaver).await, "invalidValue");
    assert_eq!((door.get("/Users/1001").await.body(), door.get("/Groups/10").await.body()), (before, group));
    assert_eq!(door.patch("/Users/4711", json!([{"op": "replace", "path": "title", "value": "x"}])).await.status, 404);
    let body = json!({"schemas": ["urn:x"], "Operations": [{"op": "remove", "path": "title"}]});
    refused(&door.call("demo-strict", "PATCH", "/Users/1001", &body).await, "invalidSyntax");
}

#[tokio::test]
async fn patches_change_values_as_the_rfc_says() {
    let door = open().await;
    let user = made(&door, json!({"name": {"givenName": "Vera", "familyName": "Venn"}})).await;
    let email = |value: &str, kind: &str, primary: bool| json!({"value": value, "type": kind, "primary": primary});
    let cases = [
        (
            json!({"op": "add", "path": "emails", "value": [email("a@x.example", "work", true)]}),
            "/emails/0/primary",
            json!(true),
        ),
        (
            json!({"op": "add", "path": "emails", "value": [email("b@x.example", "home", true)]}),
            "/emails/0/primary",
            json!(false),
        ),
        (
            json!({"op": "replace", "path": "emails[type eq \"HOME\"].value", "value": "c@x.example"}),
            "/emails/1/value",
            json!("c@x.example"),
        ),
        (
            json!({"op": "remove", "path": "emails[type eq \"work\"]"}),
            "/emails",
            json!([email("c@x.example", "home", true)]),
        ),
        (json!({"op": "remove", "path": "emails[type eq \"home\"]"}), "/emails", Value::Null),
        (
            json!({"op": "add", "path": "name", "value": {"givenName": "Ve"}}),
            "/name",
            json!({"givenName": "Ve", "familyName": "Venn"}),
        ),
        (
            json!({"op": "replace", "value": {"name": {"familyName": "Vale"}, "title": "Cook"}}),
            "/name",
            json!({"givenName": "Ve", "familyName": "Vale"}),
        ),
        (json!({"op": "replace", "path": "title", "value": "Chef"}), "/title", json!("Chef")),
        (json!({"op": "REMOVE", "PATH": "TITLE"}), "/title", Value::Null),
        (
            json!({"op": "add", "path": format!("{ENTERPRISE}:department"), "value": "OPS"}),
            "/schemas",
            json!([USER, ENTERPRISE]),
        ),
        (json!({"op": "remove", "path": format!("{ENTERPRISE}:department")}), "/schemas", json!([USER])),
    ];
    for (operation, pointer, expected) in cases {
        let answer = door.patch(&user, json!([operation])).await;
        assert_eq!(answer.status, 200, "{operation}: {}", answer.text);
        let body = answer.body();
        assert_eq!(body.pointer(pointer).cloned().unwrap_or_default(), expected, "{operation}");
        assert_eq!(body, door.get(&user).await.body());
    }
}

#[tokio::test]
async fn a_change_of_nothing_leaves_the_time_of_change() {
    let door = open().await;
    let home = json!({"value": "ann@home.example.com", "type": "home", "primary": false});
    for operations in [
        json!([{"op": "add", "path": "title", "value": "Site manager"}]),
        json!([{"op": "replace", "value": {"userName": "ann.archer", "name": {"givenName": "Ann"}}}]),
        json!([{"op": "add", "path": "emails", "value": [home]}]),
    ] {
        let before = door.get("/Users/1001").await.body();
        let answer = door.patch("/Users/1001", operations.clone()).await;
        assert_eq!((answer.status, answer.body()), (200, before.clone()), "{operations}");
        assert_eq!(door.get("/Users/1001").await.body(), before, "{operations}");
    }
    let put = json!({"schemas": [USER], "userName": "ann.archer", "title": "Site manager"});
    let before = door.get("/Users/1001").await.body();
    assert_eq!(door.put("/Users/1001", put).await.body(), before);
}

#[tokio::test]
async fn who_is_a_member_already_stays_one() {
    let door = open().await;
    let before = door.get("/Groups/10").await.body();
    let same = json!({"op": "replace", "path": "displayName", "value": before["displayName"]});
    let there = json!({"op": "add", "path": "members", "value": [{"value": "1001"}]});
    let none = json!({"op": "remove", "path": "members[value eq \"1003\"]"});
    for operations in [
        json!([there]),
        json!([none]),
        json!([same]),
        json!([same, there, none]),
        json!([{"op": "replace", "path": "members", "value": before["members"]}]),
        json!([{"op": "add", "path": "members[value eq \"1001\"]", "value": []}]),
    ] {
        assert_eq!(door.patch("/Groups/10", operations.clone()).await.status, 204);
        assert_eq!(door.get("/Groups/10").await.body(), before, "its time of change as well: {operations}");
        let shown = door.patch("/Groups/10?attributes=members,meta", operations.clone()).await;
        assert_eq!((shown.status, &shown.body()["members"]), (200, &before["members"]), "{operations}");
        assert_eq!(shown.body()["meta"], before["meta"], "{operations}");
    }
    let put = json!({"schemas": [GROUP], "displayName": before["displayName"], "members": before["members"]});
    assert_eq!(door.put("/Groups/10", put).await.body(), before);
    // Each of these does change something, and its time.
    for operations in [
        json!([same, {"op": "add", "path": "members", "value": [{"value": "1003"}]}]),
        json!([{"op": "remove", "path": "members[value eq \"1002\"]"}]),
        json!([there, {"op": "replace", "path": "displayName", "value": "All of us"}]),
    ] {
        let door = open().await;
        assert_eq!(door.patch("/Groups/10", operations.clone()).await.status, 204);
        let now = door.get("/Groups/10").await.body();
        assert_ne!(now["meta"]["lastModified"], before["meta"]["lastModified"], "{operations}");
    }
    assert_eq!(door.patch("/Groups/77", json!([there])).await.status, 404);
}

#[tokio::test]
async fn members_come_and_go() {
    let door = open().await;
    refused(&door.post("/Groups", json!({"schemas": [GROUP]})).await, "invalidValue");
    let group =
        door.post("/Groups", json!({"schemas": [GROUP], "displayName": "Cooks", "members": [{"value": "1001"}]})).await;
    let group = format!("/Groups/{}", group.body()["id"].as_str().unwrap());
    assert_eq!(
        door.patch(&group, json!([{"op": "add", "path": "members", "value": [{"value": "1002"}]}])).await.status,
        204
    );
    let shown = door
        .patch(&format!("{group}?attributes=members"), json!([{"op": "remove", "path": "members[value eq \"1001\"]"}]))
        .await;
    let member = &shown.body()["members"][0];
    assert_eq!((shown.status, &member["value"]), (200, &json!("1002")));
    assert_eq!(member["$ref"], "http://scim.example/scim/v2/Users/1002");
    assert_eq!(member["type"], "User");
    // A group's id may be a user's as well: who says which is meant is believed, and a group is not let in as a user.
    for wrong in [json!({"value": "1003", "type": "Group"}), json!({"type": "User"}), json!({"value": "nobody"})] {
        refused(&door.patch(&group, json!([{"op": "add", "path": "members", "value": [wrong]}])).await, "invalidValue");
    }
    let user = door.get("/Users/1002").await.body();
    let cooks = user["groups"].as_array().unwrap().iter().find(|g| g["display"] == "Cooks").unwrap();
    assert_eq!(cooks["type"], "direct");
    for (how, found) in [("direct", true), ("indirect", false)] {
        let filter = format!("groups[type eq \"{how}\" and display eq \"cooks\"]");
        assert_eq!(door.find("/Users", &filter).await.each("id").contains(&"1002".to_owned()), found, "{filter}");
    }
    refused(
        &door
            .patch(&group, json!([{"op": "replace", "path": "members[value eq \"1002\"].value", "value": "1003"}]))
            .await,
        "mutability",
    );
    assert_eq!(door.patch(&group, json!([{"op": "remove", "path": "members"}])).await.status, 204);
    assert!(door.get(&group).await.body().get("members").is_none());
}

#[tokio::test]
async fn who_is_deleted_is_gone_and_the_name_is_free() {
    let door = open().await;
    let user = made(&door, json!({})).await;
    let gone = door.delete(&user).await;
    assert_eq!((gone.status, gone.text.as_str()), (204, ""));
    assert_eq!(door.get(&user).await.status, 404);
    assert_eq!(door.put(&user, json!({"schemas": [USER], "userName": "vera"})).await.status, 404);
    assert_eq!(door.patch(&user, json!([{"op": "replace", "path": "title", "value": "x"}])).await.status, 404);
    assert_eq!(door.delete(&user).await.status, 404);
    assert_eq!(door.find("/Users", "userName eq \"vera\"").await.total(), 0);
    assert_ne!(made(&door, json!({})).await, user);
    // An id is nobody else's later (RFC 7643 §3.1), though the row that had it is no more.
    let team = json!({"schemas": [GROUP], "displayName": "Cooks"});
    let first = door.post("/Groups", team.clone()).await.body();
    door.delete(&format!("/Groups/{}", first["id"].as_str().unwrap())).await;
    assert_ne!(door.post("/Groups", team).await.body()["id"], first["id"]);
}

#[tokio::test]
async fn lists_are_the_clients_but_for_one_primary() {
    let door = open().await;
    let emails = |list: Value| json!({"schemas": [USER], "userName": "vera", "emails": list});
    let two = json!([{"value": "a@x.example", "primary": true}, {"value": "b@x.example", "primary": true}]);
    refused(&door.post("/Users", emails(two)).await, "invalidValue");
    let yacht = json!({"value": "a@x.example", "type": "Yacht", "primary": true});
    let user = made(&door, json!({"emails": [yacht, yacht]})).await;
    assert_eq!(door.get(&user).await.body()["emails"].as_array().unwrap().len(), 1);
    assert_eq!(door.get(&user).await.body()["emails"][0]["type"], "Yacht");
    assert_eq!(door.find("/Users", "emails.type eq \"yacht\"").await.total(), 1);
    for wrong in [json!({"active": "true"}), json!({"title": 7}), json!({"emails": "a@x.example"})] {
        let mut body = json!({"schemas": [USER], "userName": "wes"});
        body.as_object_mut().unwrap().extend(wrong.as_object().unwrap().clone());
        refused(&door.post("/Users", body).await, "invalidValue");
    }
}

/// No mapping can ask for one yet, so this is not tried at the door.
#[test]
fn a_required_extension_must_be_sent() {
    let resource_type = ResourceType {
        name: "User".to_owned(),
        endpoint: "/Users".to_owned(),
        description: String::new(),
        schema: published::user().as_ref().clone(),
        extensions: vec![Extension { schema: published::enterprise_user().as_ref().clone(), required: true }],
        common: published::common().to_vec(),
        published: Vec::new(),
    };
    let mut body = json!({"schemas": [USER], "userName": "vera"});
    for profile in Profile::ALL {
        assert!(read_create(&body, &resource_type, &profile).is_err());
    }
    body["schemas"] = json!([USER, ENTERPRISE]);
    body[ENTERPRISE] = json!({"department": "OPS"});
    for profile in Profile::ALL {
        assert!(read_create(&body, &resource_type, &profile).is_ok());
    }
}

/// OneLogin puts users with the URN of a draft of the standard.
#[tokio::test]
async fn a_put_with_the_urn_of_a_draft_is_for_the_tolerant() {
    let door = open().await;
    let at = made(&door, json!({"title": "Smith"})).await;
    let body = json!({"schemas": ["urn:scim:schemas:core:2.0"], "userName": "vera", "title": "Potter"});
    let tolerant = door.call(TOLERANT, "PUT", &at, &body).await;
    assert_eq!((tolerant.status, &tolerant.body()["title"]), (200, &json!("Potter")), "{}", tolerant.text);
    assert_eq!(tolerant.body()["schemas"], json!([USER]));
    assert_eq!(door.call(STRICT, "PUT", &at, &body).await.status, 400);
}
