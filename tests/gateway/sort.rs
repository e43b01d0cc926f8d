//! `sortBy` and `sortOrder` (RFC 7644 §3.4.2.3), over the quickstart and over the easy app.

use serde_json::{Value, json};

use super::{
    door::{Door, ENTERPRISE, LIMITS, encoded},
    easy_app::EasyApp,
};

const SEARCH: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";

const ALL: &str = "1001 1002 1003 1004 1005 1006 1008";

#[tokio::test]
async fn answers_are_in_the_order_that_was_asked_for() {
    let door = Door::quickstart().await;
    // A name beyond ASCII in two letter cases, and equal values, which come by id.
    door.sql("update staff_person set known_as = 'ÉMILE' where person_no = 1001").await;
    door.sql("update staff_person set known_as = 'éa' where person_no = 1002").await;
    for (query, ids) in [
        ("sortBy=userName", ALL),
        ("sortBy=userName&sortOrder=ascending", ALL),
        ("sortBy=userName&sortOrder=DESCENDING", "1008 1006 1005 1004 1003 1002 1001"),
        ("sortby=USERNAME&sortorder=Descending&count=2", "1008 1006"),
        ("sortOrder=descending", ALL),
        ("sortBy=name.familyName", "1001 1003 1008 1005 1002 1004 1006"),
        ("sortBy=displayName", "1003 1004 1005 1002 1001 1006 1008"),
        ("sortBy=displayName&sortOrder=descending", "1008 1006 1001 1002 1005 1004 1003"),
        ("sortBy=active", "1005 1001 1002 1003 1004 1006 1008"),
        ("sortBy=active&sortOrder=descending", "1001 1002 1003 1004 1006 1008 1005"),
        ("sortBy=meta.lastModified", "1006 1002 1001 1003 1004 1008 1005"),
        ("sortBy=emails", "1001 1002 1003 1004 1005 1006 1008"),
        ("sortBy=emails.value&sortOrder=descending", "1008 1006 1005 1004 1003 1002 1001"),
        ("sortBy=id&sortOrder=descending", "1008 1006 1005 1004 1003 1002 1001"),
        ("sortBy=groups.value", "1001 1002 1005 1003 1004 1006 1008"),
        ("sortBy=externalId", ALL),
        ("sortBy=userName&startIndex=3&count=2", "1003 1004"),
        ("sortBy=userName&sortOrder=descending&startIndex=7", "1001"),
        ("sortBy=userName&startIndex=8", ""),
        ("sortBy=userName&count=0", ""),
    ] {
        let answer = door.get(&format!("/Users?{query}")).await;
        assert_eq!(answer.body["totalResults"], 7, "{query}: {}", answer.body);
        assert_eq!(answer.ids().join(" "), ids, "{query}");
    }
    let department = encoded(&format!("{ENTERPRISE}:department"));
    let ids = door.find(&format!("/Users?sortBy={department}&sortOrder=descending"), "active eq true").await.ids();
    assert_eq!(ids, ["1008", "1006", "1001", "1002", "1003", "1004"]);
    assert_eq!(door.get("/Groups?sortBy=displayName&sortOrder=descending").await.ids(), ["30", "20", "10"]);
    // What it is sorted by need not be shown.
    let body = door.get("/Users?sortBy=title&attributes=userName&count=1").await.is(200);
    assert_eq!((&body["Resources"][0]["id"], &body["Resources"][0]["title"]), (&json!("1004"), &Value::Null));
    let search = json!({"schemas": [SEARCH], "sortBy": "userName", "sortOrder": "descending", "count": 1});
    assert_eq!(door.ask("POST", "/Users/.search", search).await.ids(), ["1008"]);
}

#[tokio::test]
async fn sorted_pages_put_together_are_the_whole() {
    let door = Door::quickstart().await;
    for query in ["sortBy=active", "sortBy=title&sortOrder=descending", "sortBy=emails"] {
        let whole = door.get(&format!("/Users?{query}")).await.ids();
        for size in 1..=7 {
            let mut seen = Vec::new();
            while seen.len() < whole.len() {
                let start = seen.len() + 1;
                seen.extend(door.get(&format!("/Users?{query}&startIndex={start}&count={size}")).await.ids());
            }
            assert_eq!(seen, whole, "{query} by {size}");
        }
    }
}

#[tokio::test]
async fn an_order_that_there_is_not_is_refused() {
    let door = Door::quickstart().await;
    for query in [
        "sortBy=",
        "sortBy=nosuch",
        "sortBy=name",
        "sortBy=nickName",
        "sortBy=urn:x:y:userName",
        "sortBy=userName&sortOrder=up",
        "sortBy=userName&sortBy=id",
    ] {
        door.get(&format!("/Users?{query}")).await.fails(400, "invalidValue");
    }
    let search = json!({"schemas": [SEARCH], "sortBy": ["userName"]});
    door.ask("POST", "/Users/.search", search).await.fails(400, "invalidSyntax");
    let detail = door.get("/?sortBy=id").await.fails(501, "");
    assert!(detail.contains("/Users"), "{detail}");
    assert_eq!(door.get("/ServiceProviderConfig").await.is(200)["sort"], json!({"supported": true}));
}

#[tokio::test]
async fn an_app_that_cannot_sort_is_read_wholly_and_no_further_than_the_limit() {
    let (app, url) = EasyApp::start(250).await;
    let door = Door::acme(&url, LIMITS).await;
    let ids = door.get("/Users?sortBy=userName&sortOrder=descending&count=3").await.ids();
    assert_eq!(ids, ["99", "98", "97"]);
    assert_eq!(app.calls().len(), 3);
    // A narrowed list is sorted as well, and who has the same value comes by id.
    let filter = encoded("active eq true");
    let answer = door.get(&format!("/Users?sortBy=active&filter={filter}&startIndex=2&count=2")).await;
    assert_eq!(answer.body["totalResults"], 125);
    assert_eq!(answer.ids(), ["3", "5"]);
    let door = Door::acme(&url, portolan::plan::Limits { rows: 249, ..LIMITS }).await;
    let detail = door.get("/Users?sortBy=userName").await.fails(400, "tooMany");
    assert!(detail.contains("249 rows"), "{detail}");
    // Nothing has no order to be read for.
    app.calls();
    assert_eq!(door.get("/Users?sortBy=userName&count=0").await.is(200)["totalResults"], 250);
    assert_eq!(app.calls().len(), 1);
}

/// What a sorted page costs over a database: the batch, and what it is sorted by and shows.
#[tokio::test]
async fn a_sorted_page_takes_few_statements() {
    let door = Door::quickstart().await;
    for (query, cost) in [
        ("sortBy=userName&attributes=userName", 1),
        ("sortBy=userName&attributes=emails", 2),
        ("sortBy=emails&attributes=userName", 2),
        ("sortBy=emails&attributes=emails&count=2", 3),
    ] {
        assert_eq!(door.cost("GET", &format!("/Users?{query}"), Value::Null).await.1, cost, "{query}");
    }
}
