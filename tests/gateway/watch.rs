//! What is told to those who watch: whether the app answers, and what was counted.

use portolan::metrics;
use serde_json::json;

use super::{
    door::{Door, LIMITS, USER},
    easy_app::EasyApp,
};

#[tokio::test]
async fn whether_the_app_answers() {
    assert!(Door::quickstart().await.app_answers().await);
    let (app, url) = EasyApp::start(1).await;
    let door = Door::acme(&url, LIMITS).await;
    // It does not know the path, and that is an answer.
    assert!(door.app_answers().await);
    assert_eq!(app.calls(), ["HEAD /"]);
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert!(!Door::acme(&format!("http://{closed}"), LIMITS).await.app_answers().await);
}

#[tokio::test]
async fn attributes_that_are_passed_over_are_counted_by_their_published_names() {
    let (_app, url) = EasyApp::start(3).await;
    let door = Door::acme(&url, LIMITS).await.by("watched");
    let body = json!({
        "schemas": [USER], "userName": "eve", "NICKNAME": "secret-one", "secret-two": 1, "title": null,
        "name": {"givenName": "Eve", "familyName": "N", "middleName": "secret-three"},
    });
    door.ask("POST", "/Users", body.clone()).await.is(201);
    door.patch("/Users/2", json!([{"op": "add", "path": "nickName", "value": "x"}])).await;
    let operation = json!({"method": "PATCH", "path": "/Users/2", "data": {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"op": "remove", "path": "nickName"}],
    }});
    let bulk = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": [operation]});
    door.ask("POST", "/Bulk", bulk).await.is(200);
    let strict = Door::acme(&url, LIMITS).await.strict().by("strictly");
    strict.ask("POST", "/Users", body).await.fails(400, "invalidSyntax");

    let text = metrics::text();
    let counted: Vec<&str> = text.lines().filter(|line| line.contains("client=\"watched\"")).collect();
    let line = |name: &str, times: u8| {
        format!("portolan_ignored_attributes_total{{client=\"watched\",attribute=\"{USER}:{name}\"}} {times}")
    };
    for (name, times) in [("nickName", 3), ("name.middleName", 1)] {
        assert!(counted.contains(&line(name, times).as_str()), "{name} in {counted:?}");
    }
    assert_eq!(counted.len(), 2, "{counted:?}");
    assert!(!text.contains("secret") && !text.contains("strictly"), "{text}");
    assert!(text.contains("portolan_call_duration_seconds_count{outcome=\"ok\"}"), "{text}");
}

#[tokio::test]
async fn walks_are_counted() {
    let walks = || {
        let text = metrics::text();
        let line = text.lines().find_map(|line| line.strip_prefix("portolan_walks_total ")).unwrap();
        line.parse::<u64>().unwrap()
    };
    let (_app, url) = EasyApp::start(250).await;
    let door = Door::acme(&url, LIMITS).await;
    let before = walks();
    door.find("/Users", "active eq true").await.is(200);
    assert!(walks() > before);
}
