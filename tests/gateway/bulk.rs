//! Many writes in one request: each is what it is alone, references become ids, and errors stay where they belong.

use serde_json::{Value, json};

use super::{
    door::{Answer, BASE, Door, LIMITS, group, user, values},
    easy_app::{EasyApp, Mood},
};

const REQUEST: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";

fn post(path: &str, id: &str, data: &Value) -> Value {
    json!({"method": "POST", "path": path, "bulkId": id, "data": data})
}

fn rename(path: &str, title: &str) -> Value {
    let patch = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"op": "replace", "path": "displayName", "value": title}]});
    json!({"method": "PATCH", "path": path, "data": patch})
}

async fn send(door: &Door, operations: &[Value], fail_on_errors: Option<u64>) -> Answer {
    let mut body = json!({"schemas": [REQUEST], "Operations": operations});
    if let Some(most) = fail_on_errors {
        body["failOnErrors"] = json!(most);
    }
    door.ask("POST", "/Bulk", body).await
}

/// The results of a bulk request that was answered.
async fn results(door: &Door, operations: &[Value]) -> Vec<Value> {
    let body = send(door, operations, None).await.is(200);
    assert_eq!(body["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:BulkResponse"]));
    let results = body["Operations"].as_array().unwrap().clone();
    for result in &results {
        let done = result["status"].as_str().unwrap().starts_with('2');
        assert_eq!(result.get("response").is_none(), done, "{result}");
    }
    results
}

fn statuses(results: &[Value]) -> String {
    results.iter().map(|r| r["status"].as_str().unwrap()).collect::<Vec<_>>().join(" ")
}

fn id(result: &Value) -> &str {
    result["location"].as_str().unwrap().rsplit('/').next().unwrap()
}

#[tokio::test]
async fn each_operation_is_what_it_is_alone() {
    let (_app, url) = EasyApp::start(5).await;
    for (door, one, two) in [(Door::quickstart().await, "1002", "1003"), (Door::acme(&url, LIMITS).await, "2", "3")] {
        let (one, two) = (format!("/Users/{one}"), format!("/Users/{two}"));
        let version = door.get(&one).await.is(200)["meta"]["version"].clone();
        let put = json!({"userName": "put.by.bulk"});
        let off = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [{"op": "replace", "path": "active", "value": false}]});
        let found = results(
            &door,
            &[
                post("/Users", "new", &user("new.one")),
                json!({"method": "PUT", "path": one, "version": version, "data": put}),
                json!({"method": "PATCH", "path": one, "version": version, "data": off}),
                json!({"method": "PATCH", "path": one, "data": off}),
                json!({"method": "DELETE", "path": two}),
                json!({"method": "DELETE", "path": two, "bulkId": "again"}),
                post("/Users", "taken", &user("NEW.one")),
                post("/Users", "bad", &json!({"name": {}})),
            ],
        )
        .await;
        assert_eq!(statuses(&found), "201 200 412 200 204 404 409 400");
        let new = door.get(&format!("/Users/{}", id(&found[0]))).await;
        assert_eq!(found[0]["version"], new.headers["etag"].to_str().unwrap());
        assert_eq!(
            found[0],
            json!({"method": "POST", "bulkId": "new", "version": found[0]["version"],
            "location": new.body["meta"]["location"], "status": "201"})
        );
        let one_now = door.get(&one).await.is(200);
        assert_eq!((&one_now["userName"], &one_now["active"]), (&json!("put.by.bulk"), &json!(false)));
        assert_eq!(
            (&found[3]["version"], &found[3]["location"]),
            (&one_now["meta"]["version"], &one_now["meta"]["location"])
        );
        assert_eq!(found[4], json!({"method": "DELETE", "location": format!("{BASE}{two}"), "status": "204"}));
        assert_eq!((&found[5]["bulkId"], &found[5]["location"]), (&json!("again"), &found[4]["location"]));
        assert_eq!(found[5]["response"], door.get(&two).await.body, "the error of a single request");
        assert_eq!((&found[6]["response"]["scimType"], found[6].get("location")), (&json!("uniqueness"), None));
        assert_eq!(found[2]["response"]["status"], "412");
    }
}

#[tokio::test]
async fn references_become_ids_in_any_order() {
    let (_app, url) = EasyApp::start(0).await;
    for door in [Door::quickstart().await, Door::acme(&url, LIMITS).await] {
        let found = results(
            &door,
            &[
                rename("/Groups/bulkId:team", "renamed"),
                post("/Groups", "team", &group("team", &["bulkId:ann", "bulkId:ben"])),
                post("/Users", "ann", &user("bulk.ann")),
                post("/Users", "ben", &user("bulk.ben")),
                json!({"method": "DELETE", "path": "/Users/bulkId%3Agone"}),
                post("/Users", "gone", &user("bulk.gone")),
            ],
        )
        .await;
        assert_eq!(statuses(&found), "204 201 201 201 204 201");
        let team = door.get(&format!("/Groups/{}", id(&found[1]))).await.is(200);
        let mut people = [id(&found[2]), id(&found[3])];
        people.sort_unstable();
        assert_eq!((&team["displayName"], values(&team["members"])), (&json!("renamed"), people.to_vec()));
        assert_eq!(found[0]["location"], found[1]["location"]);
        door.get(&format!("/Users/{}", id(&found[5]))).await.fails(404, "");
    }
}

#[tokio::test]
async fn a_reference_that_leads_nowhere_fails_its_operation_alone() {
    let door = Door::quickstart().await;
    let found = results(
        &door,
        &[
            post("/Groups", "a", &group("a", &["bulkId:b"])),
            post("/Groups", "b", &group("b", &["bulkId:a"])),
            post("/Groups", "self", &group("self", &["bulkId:self"])),
            post("/Groups", "c", &group("c", &["bulkId:nobody"])),
            post("/Groups", "d", &group("d", &["bulkId:taken"])),
            post("/Users", "taken", &user("ann.archer")),
            json!({"method": "DELETE", "path": "/Users/bulkId:c"}),
            json!({"method": "PUT", "path": "/Users/1002", "bulkId": "put", "data": user("a.name")}),
            post("/Groups", "e", &group("e", &["bulkId:put"])),
            post("/Users", "ok", &user("all.well")),
        ],
    )
    .await;
    assert_eq!(statuses(&found), "409 409 409 400 400 409 400 200 400 201");
    for (at, why) in [(0, "waits"), (3, "bulkId:nobody"), (4, "which failed"), (6, "which failed"), (8, "bulkId:put")] {
        let detail = found[at]["response"]["detail"].as_str().unwrap();
        assert!(detail.contains(why), "{detail}");
    }
    assert_eq!(found[3]["response"]["scimType"], "invalidValue");
    assert_eq!(door.sql("select count(*) from team").await, ["3"]);
}

#[tokio::test]
async fn after_so_many_errors_the_rest_is_not_done() {
    let door = Door::quickstart().await;
    let operations = |from: u8| -> Vec<Value> {
        let make = |n: u8| post("/Users", &format!("n{n}"), &user(&format!("n{n}")));
        let gone = json!({"method": "DELETE", "path": "/Users/77"});
        vec![make(from), gone.clone(), make(from + 1), gone, make(from + 2)]
    };
    for (from, most, done) in
        [(10, Some(1), "201 404"), (20, Some(2), "201 404 201 404"), (30, None, "201 404 201 404 201")]
    {
        let body = send(&door, &operations(from), most).await.is(200);
        assert_eq!(statuses(body["Operations"].as_array().unwrap()), done);
    }
    let made = door.find("/Users", "userName sw \"n\"").await.is(200);
    assert_eq!(made["totalResults"], 6, "what was done stays done");
}

#[tokio::test]
async fn only_writes_of_resources_are_done() {
    let door = Door::quickstart().await;
    let before = door.everything().await;
    let search = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"]});
    let nested = json!({"schemas": [REQUEST], "Operations": [{"method": "DELETE", "path": "/Users/1001"}]});
    let found = results(
        &door,
        &[
            post("/Bulk", "1", &nested),
            post("/Users/.search", "2", &search),
            post("/.search", "3", &search),
            post("/Schemas", "4", &json!({})),
            post("/Users/1001", "5", &user("x")),
            post("/Me", "6", &user("x")),
            post("/Cats", "7", &user("x")),
            json!({"method": "DELETE", "path": "/Users"}),
            json!({"method": "DELETE", "path": "/scim/v2/Users/1001"}),
            json!({"method": "DELETE", "path": "/Users/a b"}),
            json!({"method": "DELETE", "path": "//other.example/Users/1001"}),
            json!({"method": "PATCH", "path": "/Users/1001"}),
            json!({"method": "PUT", "path": "/Users/1001", "version": "1", "data": user("x")}),
            json!({"method": "PUT", "path": "/Users/1001", "version": "\n", "data": user("x")}),
        ],
    )
    .await;
    assert_eq!(statuses(&found), "400 400 400 405 405 501 404 405 404 400 404 400 400 400");
    assert_eq!(door.everything().await, before);
}

#[tokio::test]
async fn a_request_that_is_none_or_too_long_is_refused_whole() {
    let (app, url) = EasyApp::start(3).await;
    let door = Door::acme(&url, LIMITS).await;
    let config = door.get("/ServiceProviderConfig").await.is(200);
    let bulk = json!({"supported": true, "maxOperations": LIMITS.operations, "maxPayloadSize": LIMITS.body});
    assert_eq!(config["bulk"], bulk);
    let gone = json!({"method": "DELETE", "path": "/Users/77"});
    let many = |n: usize| vec![gone.clone(); n];
    assert_eq!(results(&door, &many(LIMITS.operations)).await.len(), LIMITS.operations);
    app.calls();
    let detail = send(&door, &many(LIMITS.operations + 1), None).await.fails(413, "");
    assert!(detail.contains("20 (maxOperations)"), "{detail}");
    for (operations, scim_type) in [
        (vec![gone.clone(), json!({"method": "GET", "path": "/Users/1"})], "invalidSyntax"),
        (vec![gone.clone(), json!({"method": "POST", "path": "/Users", "data": user("x")})], "invalidSyntax"),
        (vec![post("/Users", "a", &user("x")), post("/Users", "a", &user("y"))], "invalidValue"),
    ] {
        send(&door, &operations, None).await.fails(400, scim_type);
    }
    send(&door, &[gone], Some(0)).await.fails(400, "invalidSyntax");
    door.ask("POST", "/Bulk", json!([])).await.fails(400, "invalidSyntax");
    assert_eq!(app.calls(), [""; 0], "nothing is begun");
    assert!(send(&door, &[], None).await.is(200)["Operations"].as_array().unwrap().is_empty());
}

#[tokio::test]
async fn what_the_app_does_to_one_is_not_done_to_others() {
    let (app, url) = EasyApp::start(5).await;
    let door = Door::acme(&url, LIMITS).await;
    app.misbehave("DELETE /users/2", Mood::Say(503, "text/plain", "no".into(), Some("9")));
    app.misbehave("DELETE /users/3", Mood::Lose);
    let delete = |n: u8| json!({"method": "DELETE", "path": format!("/Users/{n}")});
    let found = results(&door, &[delete(1), delete(2), delete(3), delete(4)]).await;
    assert_eq!(statuses(&found), "204 503 502 204");
    assert!(app.state().users.keys().eq([&2, &5]), "{:?}", app.state().users);
    assert!(found[2]["response"]["detail"].as_str().unwrap().contains("not known"), "{}", found[2]);
}
