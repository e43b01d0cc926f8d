//! Asking for many, over the quickstart: filters, pages, projection, and the several ways to ask the same.

use serde_json::{Value, json};

use super::door::{Door, ENTERPRISE, encoded};

const SEARCH: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";

#[tokio::test]
async fn filters_find_whom_they_name() {
    let door = Door::quickstart().await;
    for (filter, ids) in [
        ("userName eq \"ANN.archer\"", "1001"),
        ("USERNAME EQ \"emil.probe\"", "1005"),
        ("userName sw \"a\" or userName sw \"B\"", "1001 1002"),
        ("userName co \".\" and not (active eq true)", "1005"),
        ("name.familyName eq \"o'example\"", "1003"),
        ("displayName eq \"見本 文\"", "1006"),
        ("displayName co \"ó\"", "1004"),
        ("displayName co \"Ó\"", "1004"),
        ("displayName co \"björn\"", "1002"),
        ("title pr and active eq false", "1005"),
        ("not (title pr)", "1008"),
        ("displayName eq null", "1008"),
        ("externalId pr", ""),
        ("emails[type eq \"home\"]", "1001"),
        ("emails[type eq \"home\" and value co \"ann.archer\"]", ""),
        ("emails.value eq \"ANN@home.example.com\"", "1001"),
        ("emails.value co \"'\"", "1003"),
        ("not (emails pr)", "1008"),
        ("emails[primary eq true and value ew \"@example.com\"] and userName ge \"f\"", "1006"),
        ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq \"fin\"", "1003 1004"),
        ("schemas eq \"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User\" and active eq false", "1005"),
        ("id eq \"1006\"", "1006"),
        ("id eq \"01006\"", ""),
        ("id ne \"1006\" and userName sw \"f\"", ""),
        ("meta.created lt \"2019-03-04T09:00:00+01:00\"", ""),
        ("meta.created le \"2019-03-04T09:00:00+01:00\"", "1001"),
        ("meta.lastModified gt \"2025-01-13T16:06:45Z\"", "1005 1008"),
        ("meta.resourceType eq \"User\" and userName eq \"ann.archer\"", "1001"),
        // What does not exist here has no value.
        ("nosuch eq \"a\" or urn:x:y:userName pr", ""),
        ("nickName ne \"a\" and title eq \"driver\"", ""),
        ("(userName eq \"ann.archer\" or userName eq \"h.placeholder\") and emails pr", "1001"),
    ] {
        assert_eq!(door.find("/Users", filter).await.ids().join(" "), ids, "{filter}");
    }
    for (filter, ids) in [
        ("displayName eq \"finance\"", "20"),
        ("members.value eq \"1001\"", "10 30"),
        ("members[value eq \"1003\"] and displayName sw \"F\"", "20"),
        ("not (members.value eq \"1001\")", "20"),
        ("members eq \"1001\"", "10 30"),
    ] {
        assert_eq!(door.find("/Groups", filter).await.ids().join(" "), ids, "{filter}");
    }
}

#[tokio::test]
async fn a_filter_that_is_none_is_refused() {
    let door = Door::quickstart().await;
    for filter in [
        "",
        "userName",
        "userName eq",
        "userName is \"a\"",
        "userName eq \"a",
        "userName eq a",
        "(userName pr",
        "userName pr)",
        "userName eq \"a\" and",
        "active gt true",
        "userName eq \"a\" OR OR title pr",
        "emails[type eq \"a\"",
        "name eq \"a\"",
        "active eq \"perhaps\"",
        "meta.created gt \"yesterday\"",
        "userName eq \"a\"; drop table team",
        "userName eq 'a'",
        "password eq \"x\"",
        "userName eq \"\\u12\"",
    ] {
        let answer = door.find("/Users", filter).await;
        assert_eq!(answer.status, 400, "{filter}: {}", answer.body);
        assert_eq!(answer.body["scimType"], "invalidFilter", "{filter}: {}", answer.body);
    }
    assert_eq!(door.sql("select count(*) from team").await, ["3"]);
}

#[tokio::test]
async fn values_in_a_filter_stay_values() {
    let door = Door::quickstart().await;
    for value in [
        "' or '1'='1",
        "%",
        "_",
        "a%",
        "*",
        "\\",
        "ann.archer'--",
        "\" or userName pr or userName eq \"",
        "x\u{0}",
        "${DATABASE}",
        "?1",
        ":a",
    ] {
        for op in ["eq", "sw", "co", "ew", "gt"] {
            let answer = door.find("/Users", &format!("userName {op} {}", json!(value))).await;
            let found = answer.ids();
            let all = ["1001", "1002", "1003", "1004", "1005", "1006", "1008"];
            let honest = match op {
                "gt" => found.len() == if value < "a" || value.starts_with('\\') { 7 } else { found.len() },
                _ => found.is_empty(),
            };
            assert!(honest && found.iter().all(|id| all.contains(&id.as_str())), "userName {op} {value}: {found:?}");
        }
    }
}

#[tokio::test]
async fn pages_put_together_are_the_whole() {
    let door = Door::quickstart().await;
    for filter in ["userName pr", "title pr or emails[type eq \"work\"]", "displayName co \"ó\" or userName pr"] {
        let whole = door.find("/Users", filter).await.ids();
        for size in 1..=8 {
            let mut seen = Vec::new();
            let mut start = 1;
            loop {
                let answer = door.find(&format!("/Users?startIndex={start}&count={size}"), filter).await;
                assert_eq!(answer.body["totalResults"], whole.len());
                assert_eq!(answer.body["startIndex"], start);
                let page = answer.ids();
                if page.is_empty() {
                    break;
                }
                assert!(page.len() <= size);
                start += page.len();
                seen.extend(page);
            }
            assert_eq!(seen, whole, "{filter}, by {size}");
        }
    }
}

#[tokio::test]
async fn odd_numbers() {
    let door = Door::quickstart().await;
    for (query, shown) in [
        ("count=0", 0),
        ("count=-5", 0),
        ("startIndex=0&count=3", 3),
        ("startIndex=-9&count=3", 3),
        ("startIndex=7", 1),
        ("startIndex=8", 0),
        ("startIndex=9223372036854775807&count=9223372036854775807", 0),
        ("count=9223372036854775807", 7),
        ("count=2&count", 400),
        ("count=", 400),
        ("count=x", 400),
        ("count=1.5", 400),
        ("startIndex=%FF", 400),
        ("startIndex=1&startIndex=2", 400),
        ("unknown=1&Unknown=2&_=%25", 7),
        ("STARTINDEX=7", 1),
        ("attributes=userName&excludedAttributes=title", 400),
    ] {
        let answer = door.get(&format!("/Users?{query}")).await;
        if shown > 100 {
            assert_eq!(answer.status, shown, "{query}: {}", answer.body);
        } else {
            assert_eq!(answer.body["totalResults"], 7, "{query}: {}", answer.body);
            assert_eq!(answer.ids().len(), usize::from(shown), "{query}");
        }
    }
    assert_eq!(door.get("/Users?startIndex=-9").await.body["startIndex"], 1);
}

#[tokio::test]
async fn projections_show_what_is_asked_for() {
    let door = Door::quickstart().await;
    let keys = |body: &Value| {
        let mut keys: Vec<String> = body.as_object().unwrap().keys().cloned().collect();
        keys.sort();
        keys.join(" ")
    };
    for (query, shown) in [
        ("attributes=userName", "id schemas userName"),
        ("attributes=id", "id schemas"),
        ("attributes=NAME.givenName,emails.value", "emails id name schemas"),
        ("attributes=nosuch", "id schemas"),
        (
            "excludedAttributes=id,schemas,emails,name,meta",
            "active displayName groups id schemas title urn:ietf:params:scim:schemas:extension:enterprise:2.0:User userName",
        ),
        ("attributes=urn:ietf:params:scim:schemas:core:2.0:User:userName", "id schemas userName"),
        (
            "attributes=urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
            "id schemas urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
        ),
    ] {
        let one = door.get(&format!("/Users/1001?{query}")).await.is(200);
        assert_eq!(keys(&one), shown, "{query}");
        let many = door
            .find(&format!("/Users?{query}"), "userName eq \"ann.archer\" and emails.type eq \"home\"")
            .await
            .is(200);
        assert_eq!(many["Resources"][0], one, "{query}");
    }
    let some = door.get("/Users/1001?attributes=emails.value,name.givenName").await.is(200);
    assert_eq!(some["name"], json!({"givenName": "Ann"}));
    assert_eq!(some["emails"], json!([{"value": "ann.archer@example.com"}, {"value": "ann@home.example.com"}]));
    let patched = door
        .ask(
            "PATCH",
            "/Users/1001?attributes=title",
            json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"op": "replace", "path": "title", "value": "T"}]}),
        )
        .await
        .is(200);
    assert_eq!(keys(&patched), "id schemas title");
    let made = door.ask("POST", "/Users?attributes=userName", super::door::user("new.one")).await;
    assert!(made.headers.contains_key("location"));
    assert_eq!(keys(&made.is(201)), "id schemas userName");
    let body = door
        .ask(
            "PATCH",
            "/Groups/10?attributes=displayName",
            json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"op": "add", "path": "members", "value": [{"value": "1003"}]}]}),
        )
        .await
        .is(200);
    assert_eq!(keys(&body), "displayName id schemas");
}

#[tokio::test]
async fn a_search_says_in_a_body_what_a_query_says() {
    let door = Door::quickstart().await;
    let search = json!({"schemas": [SEARCH], "filter": "active eq true", "startIndex": 2, "count": 3, "attributes": ["userName"]});
    let found = door.ask("POST", "/Users/.search", search).await.is(200);
    assert_eq!(found, door.find("/Users?startIndex=2&count=3&attributes=userName", "active eq true").await.is(200));
    let root = json!({"schemas": [SEARCH], "filter": "displayName sw \"F\""});
    let found = door.ask("POST", "/.search", root).await.is(200);
    assert_eq!(found, door.find("/", "displayName sw \"F\"").await.is(200));
    assert_eq!(found["totalResults"], 2);
    for (body, scim_type) in [
        (json!({"filter": "active eq true"}), "invalidSyntax"),
        (json!([]), "invalidSyntax"),
        (json!({"schemas": [SEARCH], "count": "3"}), "invalidSyntax"),
        (json!({"schemas": [SEARCH], "attributes": "userName"}), "invalidSyntax"),
        (json!({"schemas": [SEARCH], "filter": "active gt 1"}), "invalidFilter"),
        (json!({"schemas": [SEARCH], "count": 1e300}), "invalidValue"),
    ] {
        door.ask("POST", "/Users/.search", body).await.fails(400, scim_type);
    }
}

#[tokio::test]
async fn the_root_goes_through_all_types_once_each() {
    let door = Door::quickstart().await;
    let mut seen: Vec<String> = Vec::new();
    for start in [1, 4, 7, 10] {
        let answer = door.get(&format!("/?startIndex={start}&count=3")).await;
        assert_eq!(answer.body["totalResults"], 10);
        seen.extend(answer.ids());
    }
    assert_eq!(seen, ["1001", "1002", "1003", "1004", "1005", "1006", "1008", "10", "20", "30"]);
    // What a type lacks has no value there.
    assert_eq!(door.find("/", "userName sw \"a\"").await.ids(), ["1001"]);
    assert_eq!(door.find("/", "meta.resourceType eq \"Group\"").await.ids(), ["10", "20", "30"]);
    assert_eq!(door.find("/", "nosuch eq 1").await.ids(), [""; 0]);
    door.find("/", "displayName").await.fails(400, "invalidFilter");
    let filter = encoded(&format!("{ENTERPRISE}:department eq \"FIN\""));
    assert_eq!(door.get(&format!("/?filter={filter}&count=1")).await.body["totalResults"], 2);
}
