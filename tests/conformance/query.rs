//! Reading: one resource, lists, filters, paging, projection (RFC 7644 §3.4, §3.9).

use portolan::plan;
use serde_json::{Value, json};

use crate::{
    ENTERPRISE, ERROR, GROUP, USER,
    quickstart::{LIMITS, MAPPING, STRICT, open, with},
};

const SEARCH: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";

#[tokio::test]
async fn one_resource_or_404() {
    let door = open().await;
    let ann = door.get("/Users/1001").await;
    assert_eq!(ann.status, 200);
    assert_eq!(ann.body()["meta"]["location"], "http://scim.example/scim/v2/Users/1001");
    assert_eq!(ann.header("location"), Some("http://scim.example/scim/v2/Users/1001"));
    assert_eq!(ann.body()["schemas"], json!([USER, ENTERPRISE]));
    assert_eq!(ann.body()[ENTERPRISE]["department"], "OPS");
    let hana = door.get("/Users/1008").await;
    assert_eq!(hana.body()["schemas"], json!([USER]));
    for absent in ["title", "displayName", "emails", ENTERPRISE] {
        assert!(hana.body().get(absent).is_none(), "{absent}: what has no value is not there");
    }
    let gone = door.get("/Users/1007").await;
    assert_eq!((gone.status, &gone.body()["schemas"]), (404, &json!([ERROR])));
}

#[tokio::test]
async fn lists_and_their_numbers() {
    let door = open().await;
    let all = door.get("/Users").await.each("id");
    assert_eq!(all.len(), 7);
    // asked, first of the page, ids, total
    for (query, start, ids) in [
        ("startIndex=1&count=3", 1, &all[..3]),
        ("startIndex=4&count=3", 4, &all[3..6]),
        ("startIndex=7&count=3", 7, &all[6..]),
        ("startIndex=-5&count=2", 1, &all[..2]),
        ("startIndex=0", 1, &all[..]),
        ("count=0", 1, &[]),
        ("count=-1", 1, &[]),
        ("startIndex=50", 50, &[]),
        ("count=100000", 1, &all[..]),
    ] {
        let page = door.get(&format!("/Users?{query}")).await;
        assert_eq!((page.status, page.each("id").as_slice()), (200, ids), "{query}");
        let body = page.body();
        assert_eq!(body["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:ListResponse"]));
        assert_eq!((&body["totalResults"], &body["itemsPerPage"]), (&json!(7), &json!(ids.len())), "{query}");
        assert_eq!(body["startIndex"], json!(start), "{query}");
    }
    let nobody = door.find("/Users", "userName eq \"nobody\"").await;
    assert_eq!((nobody.status, nobody.total(), nobody.each("id").len()), (200, 0, 0));
    let small = with("", MAPPING, plan::Limits { page: 2, max_page: 4, ..LIMITS }).await;
    for (query, length) in [("", 2), ("?count=3", 3), ("?count=50", 4)] {
        let page = small.get(&format!("/Users{query}")).await;
        assert_eq!((page.each("id").len(), page.total()), (length, 7), "{query}");
    }
    assert_eq!(small.get("/ServiceProviderConfig").await.body()["filter"]["maxResults"], 4);
}

#[tokio::test]
async fn filters_find_what_they_mean() {
    let door = open().await;
    for (filter, found) in [
        ("userName eq \"ANN.ARCHER\"", &["1001"][..]),
        ("USERNAME EQ \"ann.archer\"", &["1001"]),
        ("userName eq \"emil.probe\" or userName sw \"C.\"", &["1003", "1005"]),
        ("name.familyName eq \"Testov\\u00e1\"", &["1004"]),
        ("displayName co \"見\"", &["1006"]),
        ("emails eq \"ann@home.example.com\"", &["1001"]),
        ("emails.type eq \"home\" and emails.value sw \"ann.archer\"", &["1001"]),
        ("emails[type eq \"home\" and value sw \"ann.archer\"]", &[]),
        ("emails[type eq \"HOME\" and value sw \"ann@\"]", &["1001"]),
        ("active eq false", &["1005"]),
        ("not (active eq true)", &["1005"]),
        ("not (title pr)", &["1008"]),
        ("title ne \"Welder\" and title sw \"p\"", &["1003", "1006"]),
        ("title eq null", &["1008"]),
        ("userName sw \"a\" or userName sw \"b\" and active eq false", &["1001"]),
        ("(userName sw \"a\" or userName sw \"b\") and active eq false", &[]),
        ("meta.created gt \"2022-01-01T00:00:00Z\"", &["1006", "1008"]),
        ("meta.created le \"2019-03-04T09:00:00+01:00\"", &["1001"]),
        ("meta.created lt \"2019-03-04T09:00:00+01:00\"", &[]),
        ("id ge \"1006\"", &["1006", "1008"]),
        ("groups.value eq \"20\"", &["1003", "1004"]),
        ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq \"pur\"", &["1006"]),
        ("urn:ietf:params:scim:schemas:core:2.0:User:userName ew \".ARCHER\"", &["1001"]),
        ("not (schemas eq \"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User\")", &["1008"]),
        ("title ne \"Welder\" and not (title pr)", &["1008"]),
        ("nickName eq \"x\"", &[]),
        ("colour eq \"red\"", &[]),
        ("colour ne \"red\" and userName sw \"a\"", &["1001"]),
    ] {
        let answer = door.find("/Users", filter).await;
        assert_eq!(answer.status, 200, "{filter}: {}", answer.text);
        assert_eq!(answer.each("id"), found, "{filter}");
    }
    for filter in [
        "name eq \"x\"",
        "active gt true",
        "userName zz \"a\"",
        "userName eq",
        "userName eq \"a\" and",
        "password eq \"x\"",
        "emails[type eq \"work\"].value eq \"x\"",
    ] {
        let answer = door.find("/Users", filter).await;
        assert_eq!((answer.status, answer.scim_type().as_str()), (400, "invalidFilter"), "{filter}: {}", answer.text);
    }
}

#[tokio::test]
async fn external_ids_are_compared_to_the_letter() {
    let door = open().await;
    let body = json!({"schemas": [USER], "userName": "vera", "externalId": "Ext-1"});
    assert_eq!(door.post("/Users", body).await.body()["externalId"], "Ext-1");
    assert_eq!(door.find("/Users", "externalId eq \"Ext-1\"").await.total(), 1);
    assert_eq!(door.find("/Users", "externalId eq \"ext-1\"").await.total(), 0);
}

#[tokio::test]
async fn the_root_asks_every_type() {
    let door = open().await;
    assert_eq!(door.find("", "displayName eq \"Finance\"").await.each("id"), ["20"]);
    assert_eq!(door.find("", "userName sw \"ann\" or displayName eq \"Finance\"").await.each("id"), ["1001", "20"]);
    assert_eq!(door.find("/", "meta.resourceType eq \"Group\"").await.total(), 3);
    let page = door.get("?startIndex=7&count=2").await;
    assert_eq!((page.total(), page.each("id")), (10, vec!["1008".to_owned(), "10".to_owned()]));
    let body = json!({"schemas": [SEARCH], "filter": "displayName eq \"Finance\"", "attributes": ["displayName"]});
    let found = door.post("/.search", body).await.body();
    assert_eq!(found["Resources"], json!([{"schemas": [GROUP], "id": "20", "displayName": "Finance"}]));
    let small = with("", MAPPING, plan::Limits { rows: 1, ..LIMITS }).await;
    let refused = small.find("", "meta.location co \"scim\"").await;
    assert_eq!((refused.status, refused.scim_type().as_str()), (400, "tooMany"), "{}", refused.text);
}

#[tokio::test]
async fn a_search_is_a_query_in_a_body() {
    let door = open().await;
    let body = json!({"schemas": [SEARCH], "filter": "active eq true", "startIndex": 2, "count": 3, "excludedAttributes": ["emails"]});
    let searched = door.post("/Users/.search", body).await;
    let got = door.get("/Users?filter=active+eq+true&startIndex=2&count=3&excludedAttributes=emails").await;
    assert_eq!((searched.status, searched.body()), (200, got.body()));
    assert_eq!((got.each("id").len(), got.total()), (3, 6));
    for path in ["/.search", "/Users/.search"] {
        let refused = door.post(path, json!({"filter": "active eq true"})).await;
        assert_eq!((refused.status, refused.scim_type().as_str()), (400, "invalidSyntax"), "{path}");
    }
}

#[tokio::test]
async fn what_an_answer_holds_is_the_clients_choice() {
    let door = open().await;
    let keys = |value: &Value| -> Vec<String> { value.as_object().unwrap().keys().cloned().collect() };
    let some = door.get("/Users/1001?attributes=userName,name.givenName").await.body();
    assert_eq!(keys(&some), ["schemas", "id", "userName", "name"]);
    assert_eq!(some["name"], json!({"givenName": "Ann"}));
    let named = door.get(&format!("/Users/1001?attributes={ENTERPRISE}:department")).await.body();
    assert_eq!(named[ENTERPRISE], json!({"department": "OPS"}));
    assert!(named.get("userName").is_none());
    let without = door.get("/Users/1001?excludedAttributes=id,schemas,emails,NAME.familyName,meta").await.body();
    assert_eq!((&without["id"], &without["name"]), (&json!("1001"), &json!({"givenName": "Ann"})));
    assert!(without.get("emails").is_none() && without.get("meta").is_none());
    let listed = door.get("/Users?attributes=userName&count=1").await.body();
    assert_eq!(keys(&listed["Resources"][0]), ["schemas", "id", "userName"]);
    let body = json!({"schemas": [USER], "userName": "vera", "title": "Cook"});
    let made = door.call(STRICT, "POST", "/Users?attributes=title", &body).await;
    assert_eq!((made.status, keys(&made.body())), (201, vec!["schemas".into(), "id".into(), "title".into()]));
    let id = made.body()["id"].as_str().unwrap().to_owned();
    let put = door.call(STRICT, "PUT", &format!("/Users/{id}?excludedAttributes=title,meta"), &body).await.body();
    assert_eq!(keys(&put), ["schemas", "id", "userName", "active"]);
    let patched = door
        .patch(&format!("/Users/{id}?attributes=title"), json!([{"op": "replace", "path": "title", "value": "Chef"}]))
        .await;
    assert_eq!(patched.body(), json!({"schemas": [USER], "id": id, "title": "Chef"}));
    let both = door.get("/Users/1001?attributes=userName&excludedAttributes=emails").await;
    assert_eq!((both.status, both.scim_type().as_str()), (400, "invalidValue"));
}

#[tokio::test]
async fn an_empty_text_is_no_value() {
    let door = open().await;
    let made = door.post("/Users", json!({"schemas": [USER], "userName": "vera", "title": ""})).await;
    assert_eq!((made.status, made.body().get("title")), (201, None));
    for (filter, found) in [("title pr", 0), ("title eq \"\"", 1), ("title eq null", 1), ("title ne \"\"", 0)] {
        let answer = door.find("/Users", &format!("userName eq \"vera\" and {filter}")).await;
        assert_eq!(answer.total(), found, "{filter}");
    }
}
