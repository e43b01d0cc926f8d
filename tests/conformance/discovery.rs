//! What the service says of itself (RFC 7644 §4, RFC 7643 §5–§7).

use std::collections::BTreeSet;

use portolan::{
    config::{Config, Overrides},
    scim::profile::Profile,
};
use serde_json::Value;

use crate::{ENTERPRISE, USER, quickstart::open};

#[tokio::test]
async fn the_three_endpoints() {
    let door = open().await;
    let config = door.get("/ServiceProviderConfig").await;
    assert_eq!((config.status, &config.body()["patch"]["supported"]), (200, &Value::Bool(true)));
    for (feature, offered) in
        [("patch", true), ("filter", true), ("bulk", true), ("sort", true), ("etag", true), ("changePassword", false)]
    {
        assert_eq!(config.body()[feature]["supported"], offered, "{feature}");
    }
    assert_eq!(config.body()["authenticationSchemes"][0]["type"], "oauthbearertoken");
    for (list, member, total) in [("/Schemas", "id", 3), ("/ResourceTypes", "name", 2)] {
        let all = door.get(list).await;
        assert_eq!((all.status, all.total()), (200, total), "{list}");
        for (one, listed) in all.each(member).iter().zip(all.body()["Resources"].as_array().unwrap()) {
            let one = door.get(&format!("{list}/{one}")).await;
            assert_eq!((one.status, &one.body()), (200, listed));
            assert!(listed["meta"]["location"].as_str().unwrap().starts_with("http://scim.example/scim/v2/"));
        }
        assert_eq!(door.get(&format!("{list}/urn:x:y")).await.status, 404);
    }
    for path in ["/ServiceProviderConfig", "/Schemas", "/ResourceTypes"] {
        assert_eq!(door.call("demo", "POST", path, &serde_json::json!({})).await.status, 405, "{path}");
    }
}

#[tokio::test]
async fn parameters_change_nothing_and_a_filter_is_forbidden() {
    let door = open().await;
    for path in ["/ServiceProviderConfig", "/Schemas", "/ResourceTypes"] {
        let plain = door.get(path).await;
        let asked = door.get(&format!("{path}?startIndex=2&count=1&sortBy=id&sortOrder=descending")).await;
        assert_eq!((asked.status, asked.body()), (200, plain.body()), "{path}");
        assert_eq!(door.find(path, "name pr").await.status, 403, "{path}");
    }
}

#[tokio::test]
async fn resource_types_name_schemas_that_are_there() {
    let door = open().await;
    let ids: BTreeSet<String> = door.get("/Schemas").await.each("id").into_iter().collect();
    assert!(ids.iter().all(|id| !id.contains(":api:messages:")), "{ids:?}");
    for resource_type in door.get("/ResourceTypes").await.body()["Resources"].as_array().unwrap() {
        let extensions = resource_type["schemaExtensions"].as_array().into_iter().flatten().map(|e| &e["schema"]);
        for schema in extensions.chain([&resource_type["schema"]]) {
            assert!(ids.contains(schema.as_str().unwrap()), "{schema}");
        }
    }
    assert!(ids.contains(USER) && ids.contains(ENTERPRISE));
}

#[tokio::test]
async fn every_definition_states_its_characteristics() {
    fn check(attribute: &Value) {
        for key in ["type", "multiValued", "required", "caseExact", "mutability", "returned", "uniqueness"] {
            assert!(attribute.get(key).is_some(), "{key} of {}", attribute["name"]);
        }
        attribute["subAttributes"].as_array().into_iter().flatten().for_each(check);
    }
    for schema in open().await.get("/Schemas").await.body()["Resources"].as_array().unwrap() {
        schema["attributes"].as_array().unwrap().iter().for_each(check);
    }
}

#[test]
fn the_base_has_no_query() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("portolan.yaml");
    let digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    for (url, good) in
        [("https://scim.example", true), ("https://scim.example?tenant=1", false), ("https://scim.example/#a", false)]
    {
        let clients = format!("clients: [{{ name: a, bearers: [{{ bearer_sha256: {digest} }}] }}]");
        std::fs::write(&file, format!("mapping: mapping.yaml\npublic_url: \"{url}\"\n{clients}\n")).unwrap();
        let read = Config::load(&file, &|_| None, &Profile::ALL.map(|p| p.name), &Overrides::default());
        assert_eq!(read.is_ok(), good, "{url}");
    }
}
