//! HTTP around the resources: authentication, media types, errors, endpoints that are not offered.

use serde_json::{Value, json};

use crate::{
    ERROR, USER,
    quickstart::{Answer, LIMITS, STRICT, TOLERANT, open, over},
};

fn header(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

fn is_error(answer: &Answer, status: u16) {
    let body = answer.body();
    assert_eq!((answer.status, &body["status"]), (status, &json!(status.to_string())), "{}", answer.text);
    assert_eq!(body["schemas"], json!([ERROR]));
    assert_eq!(answer.header("content-type"), Some("application/scim+json"));
    assert!(body["detail"].as_str().unwrap().len() > 10);
}

#[tokio::test]
async fn strangers_learn_the_scheme_and_nothing_else() {
    let door = open().await;
    for path in ["/Users", "/Schemas", "/ServiceProviderConfig", "/Nothing", "/Users/1001"] {
        for headers in [vec![], vec![header("Authorization", "Bearer guess")]] {
            let answer = door.send("GET", path, &headers, "").await;
            is_error(&answer, 401);
            assert!(answer.header("www-authenticate").unwrap().starts_with("Bearer realm="), "{path}");
        }
    }
}

#[tokio::test]
async fn json_under_either_name() {
    let door = open().await;
    let types = [
        "application/scim+json",
        "application/json",
        "application/scim+json; charset=utf-8",
        "application/json;charset=UTF-8",
    ];
    for (at, media_type) in types.into_iter().enumerate() {
        let body = json!({"schemas": [USER], "userName": format!("zoë{at}")}).to_string();
        let headers = [
            header("Authorization", "Bearer demo-strict"),
            header("Content-Type", media_type),
            header("Accept", media_type),
        ];
        let answer = door.send("POST", "/Users", &headers, &body).await;
        assert_eq!((answer.status, &answer.body()["userName"]), (201, &json!(format!("zoë{at}"))), "{media_type}");
        assert_eq!(answer.header("content-type"), Some("application/scim+json"));
    }
}

#[tokio::test]
async fn every_fault_is_an_error_with_its_status() {
    let door = open().await;
    let cases = [
        ("GET", "/Users/9", Value::Null, 404, ""),
        ("GET", "/Users/no-such-key", Value::Null, 404, ""),
        ("GET", "/Robots", Value::Null, 404, ""),
        ("GET", "/Users?filter=userName%20zz%20%22a%22", Value::Null, 400, "invalidFilter"),
        ("GET", "/Users?filter=userName", Value::Null, 400, "invalidFilter"),
        ("GET", "/Users?count=many", Value::Null, 400, "invalidValue"),
        ("GET", "/v9/Users", Value::Null, 400, "invalidVers"),
        ("POST", "/Users", json!([]), 400, "invalidSyntax"),
        ("POST", "/Users", json!({"schemas": [USER], "colour": "red", "userName": "a"}), 400, "invalidSyntax"),
        ("POST", "/Users", json!({"schemas": [USER]}), 400, "invalidValue"),
        ("POST", "/Users", json!({"schemas": [USER], "userName": " "}), 400, "invalidValue"),
        ("POST", "/Users", json!({"schemas": [USER], "userName": "ANN.archer"}), 409, "uniqueness"),
        ("PUT", "/Users/1001", json!({"schemas": [USER], "userName": "EMIL.probe"}), 409, "uniqueness"),
        ("PATCH", "/Users/1001", json!({"Operations": []}), 400, "invalidSyntax"),
        ("PATCH", "/Users", json!({}), 405, ""),
        ("DELETE", "/Users", Value::Null, 405, ""),
        ("POST", "/Users/1001", json!({}), 405, ""),
        ("GET", "/Me", Value::Null, 501, ""),
        ("POST", "/Bulk", json!({}), 400, "invalidSyntax"),
        ("GET", "/Users?sortBy=surname", Value::Null, 400, "invalidValue"),
        ("GET", "/Users?cursor=no", Value::Null, 400, "invalidCursor"),
    ];
    for (method, path, body, status, scim_type) in cases {
        let answer = door.call(STRICT, method, path, &body).await;
        is_error(&answer, status);
        assert_eq!(answer.scim_type(), scim_type, "{method} {path}: {}", answer.text);
    }
    let answer = door.send("POST", "/Users", &[header("Authorization", "Bearer demo-strict")], "{\"userName\"").await;
    is_error(&answer, 400);
    assert_eq!(answer.scim_type(), "invalidSyntax");
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    is_error(&door.send("POST", "/Users", &[header("Authorization", "Bearer demo-strict")], &deep).await, 400);
}

#[tokio::test]
async fn an_app_that_is_away_is_503_without_its_words() {
    const MAPPING: &str = include_str!("../../benches/acme.yaml");
    let vars = [("ACME_URL", "http://127.0.0.1:9"), ("ACME_TOKEN", "secret")];
    let door = over(MAPPING, &vars, LIMITS, tempfile::tempdir().unwrap()).await;
    for (method, path, body) in [
        ("GET", "/Users/1", Value::Null),
        ("GET", "/Users", Value::Null),
        ("DELETE", "/Users/1", Value::Null),
        ("POST", "/Users", json!({"schemas": [USER], "userName": "a"})),
    ] {
        let answer = door.call(STRICT, method, path, &body).await;
        is_error(&answer, 503);
        assert!(answer.header("retry-after").unwrap().parse::<u32>().is_ok());
        assert!(!answer.text.contains("127.0.0.1") && !answer.text.contains("ECONNREFUSED"), "{}", answer.text);
    }
}

#[tokio::test]
async fn urls_as_clients_write_them() {
    let door = open().await;
    for path in [
        "/Users?filter=userName+eq+%22ann.archer%22&",
        "/Users?filter=userName%20eq%20%22ann.archer%22",
        "/Users/?filter=emails.value%20eq%20%22ann.archer@example.com%22",
        "/Users?filter=emails.value+eq+%22ann.archer%40example.com%22",
        "/Users?filter=emails%5Bvalue%20eq%20%22ann.archer@example.com%22%5D",
        "/Users?FILTER=userName+eq+%22ann.archer%22&unknown=1",
    ] {
        assert_eq!(door.get(path).await.each("id"), ["1001"], "{path}");
    }
    assert_eq!(door.get("/Users?").await.total(), 7);
    assert_eq!(door.get("/Users?filter=%zz").await.status, 400);
}

#[tokio::test]
async fn a_version_is_told_and_conditions_go_by_it() {
    let door = open().await;
    let answer = door.get("/Users/1001").await;
    let version = answer.header("etag").unwrap().to_owned();
    assert_eq!((answer.status, answer.body()["meta"]["version"].as_str()), (200, Some(version.as_str())));
    let auth = header("Authorization", "Bearer demo");
    let kind = header("Content-Type", "application/scim+json");
    let body = json!({"schemas": [USER], "userName": "ann.archer", "title": "Chief"}).to_string();
    for (method, path, condition, tag, body, status) in [
        ("GET", "/Users/1001", "If-None-Match", version.as_str(), "", 304),
        ("GET", "/Users/1001", "If-None-Match", "W/\"other\"", "", 200),
        ("PUT", "/Users/1001", "If-Match", "W/\"other\"", body.as_str(), 412),
        ("PUT", "/Users/1001", "If-Match", version.as_str(), body.as_str(), 200),
        ("DELETE", "/Users/1001", "If-Match", version.as_str(), "", 412),
    ] {
        let answer = door.send(method, path, &[auth.clone(), kind.clone(), header(condition, tag)], body).await;
        assert_eq!(answer.status, status, "{method} {condition}: {tag}");
    }
}

#[tokio::test]
async fn a_body_may_name_attributes_in_any_letter_case() {
    let body = json!({"SCHEMAS": [USER], "USERNAME": "vera", "Name": {"GIVENNAME": "Vera"}, "Emails": [{"VALUE": "v@example.com"}]});
    for token in [STRICT, TOLERANT] {
        let door = open().await;
        let made = door.call(token, "POST", "/Users", &body).await.body();
        assert_eq!((&made["userName"], &made["name"]["givenName"]), (&json!("vera"), &json!("Vera")));
        assert_eq!(made["emails"][0]["value"], "v@example.com");
    }
}
