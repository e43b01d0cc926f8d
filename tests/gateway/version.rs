//! Versions: told wherever a resource is, the same for what is the same, and what conditional requests go by.

use serde_json::{Value, json};

use super::{
    door::{Answer, Door, ENTERPRISE, LIMITS, encoded, group, user},
    easy_app::EasyApp,
};

const OTHER: &str = "W/\"0123\"";

fn tag(answer: &Answer) -> String {
    answer.headers.get("etag").unwrap_or_else(|| panic!("no ETag: {}", answer.body)).to_str().unwrap().to_owned()
}

#[expect(clippy::needless_pass_by_value, reason = "the values are written where they are sent")]
fn patch(op: Value) -> Value {
    json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [op]})
}

#[tokio::test]
async fn one_resource_has_one_version_wherever_it_is_shown() {
    let (_app, url) = EasyApp::start(3).await;
    for (door, at) in [(Door::quickstart().await, "1001"), (Door::acme(&url, LIMITS).await, "1")] {
        let path = format!("/Users/{at}");
        let answer = door.get(&path).await;
        let version = tag(&answer);
        assert!(version.starts_with("W/\"") && version.ends_with('"'), "{version}");
        assert_eq!(answer.is(200)["meta"]["version"], version);
        for query in ["?attributes=userName", "?attributes=meta.version", "?excludedAttributes=emails,meta"] {
            assert_eq!(tag(&door.get(&format!("{path}{query}")).await), version, "{query}");
        }
        assert_eq!(door.get(&format!("{path}?attributes=userName")).await.body.get("meta"), None);
        for list in ["/Users", "/Users?attributes=meta.version", "/Users?excludedAttributes=emails", "/"] {
            let found = door.get(list).await;
            assert!(!found.headers.contains_key("etag"), "a list has no version");
            let all = found.is(200)["Resources"].as_array().unwrap().clone();
            let mine = all.iter().find(|r| r["id"] == at).unwrap();
            assert_eq!(mine["meta"]["version"], version, "{list}");
        }
        // A filter sees what the answer shows.
        let quoted = Value::from(version.as_str());
        assert_eq!(door.find("/Users", &format!("meta.version eq {quoted}")).await.ids(), [at]);
        assert_eq!(door.find("/Users?attributes=id", &format!("meta.version eq {quoted}")).await.ids(), [at]);
        let head = door.ask("HEAD", &path, Value::Null).await;
        assert_eq!((head.status, tag(&head)), (200, version));
    }
}

#[tokio::test]
async fn every_write_tells_the_version_that_a_read_tells_then() {
    let (_app, url) = EasyApp::start(3).await;
    for door in [Door::quickstart().await, Door::acme(&url, LIMITS).await] {
        let mut sent = user("vera");
        sent["emails"] = json!([{"value": "vera@example.com", "type": "work", "primary": true}]);
        let made = door.ask("POST", "/Users", sent.clone()).await;
        let path = format!("/Users/{}", made.body["id"].as_str().unwrap());
        let mut seen = vec![tag(&made)];
        assert_eq!(tag(&door.get(&path).await), seen[0]);
        sent["name"] = json!({"givenName": "Vera"});
        let put = door.ask("PUT", &path, sent).await;
        assert_eq!(put.body["meta"]["version"], tag(&put));
        seen.push(tag(&put));
        for op in [
            json!({"op": "replace", "path": "active", "value": false}),
            json!({"op": "replace", "path": "emails[type eq \"work\"].value", "value": "v@example.com"}),
        ] {
            let patched = door.ask("PATCH", &path, patch(op)).await;
            assert_eq!(tag(&patched), tag(&door.get(&path).await));
            seen.push(tag(&patched));
        }
        // What is so already changes nothing.
        let again = json!({"op": "replace", "path": "active", "value": false});
        assert_eq!(tag(&door.ask("PATCH", &path, patch(again)).await), seen[3]);
        seen.dedup();
        assert_eq!(seen.len(), 4, "each change is another version: {seen:?}");
    }
}

#[tokio::test]
async fn the_lists_of_other_resources_are_no_part_of_a_version() {
    let (_app, url) = EasyApp::start(5).await;
    for (door, team, person) in [(Door::quickstart().await, "10", "1003"), (Door::acme(&url, LIMITS).await, "900", "5")]
    {
        let (team, person) = (format!("/Groups/{team}"), format!("/Users/{person}"));
        let before = (tag(&door.get(&person).await), door.get(&team).await);
        let id = person.rsplit('/').next().unwrap();
        let added = door.patch(&team, json!([{"op": "add", "path": "members", "value": [{"value": id}]}])).await;
        assert!(!added.headers.contains_key("etag"), "204 shows nothing");
        added.is(204);
        assert_eq!(tag(&door.get(&person).await), before.0, "`groups` is derived");
        let shown = door.get(&team).await;
        assert_ne!(shown.body["members"], before.1.body["members"]);
        // The quickstart's teams keep a time of change, which is an attribute like any other.
        assert_eq!(tag(&shown) == tag(&before.1), shown.body["meta"] == before.1.body["meta"]);
        assert_eq!(tag(&door.get(&format!("{team}?excludedAttributes=members")).await), tag(&shown));
    }
}

#[tokio::test]
async fn who_has_it_already_is_told_so() {
    let door = Door::quickstart().await;
    let version = tag(&door.get("/Users/1001").await);
    let strong = version.trim_start_matches("W/").to_owned();
    for (tags, status) in [
        (version.as_str(), 304),
        (strong.as_str(), 304),
        ("*", 304),
        (&format!("{OTHER}, {version}"), 304),
        (OTHER, 200),
    ] {
        for query in ["", "?attributes=userName"] {
            let path = format!("/Users/1001{query}");
            let answer = door.ask_if("if-none-match", tags, "GET", &path, Value::Null).await;
            assert_eq!((answer.status, tag(&answer)), (status, version.clone()), "{tags}");
            assert_eq!(answer.body.is_null(), status == 304);
        }
    }
    door.ask_if("if-none-match", "*", "GET", "/Users/1", Value::Null).await.fails(404, "");
    door.ask_if("if-match", OTHER, "GET", "/Users/1001", Value::Null).await.fails(412, "");
    let detail =
        door.ask_if("if-none-match", "5d41", "GET", "/Users/1001", Value::Null).await.fails(400, "invalidValue");
    assert!(detail.contains("if-none-match"), "{detail}");
}

#[tokio::test]
async fn a_write_for_another_version_does_nothing() {
    let (app, url) = EasyApp::start(5).await;
    for (door, person, team) in [(Door::quickstart().await, "1001", "10"), (Door::acme(&url, LIMITS).await, "1", "900")]
    {
        let (person, team) = (format!("/Users/{person}"), format!("/Groups/{team}"));
        let name = door.get(&person).await.is(200)["userName"].as_str().unwrap().to_owned();
        let members = json!({"op": "remove", "path": "members"});
        let off = json!({"op": "replace", "path": "active", "value": false});
        let nothing = json!({"op": "replace", "path": "userName", "value": name});
        for (method, path, body) in [
            ("PUT", &person, json!({"userName": "someone.else"})),
            ("PATCH", &person, patch(off)),
            ("PATCH", &person, patch(nothing)),
            ("PATCH", &team, patch(members)),
            ("PUT", &team, group("renamed", &[])),
            ("DELETE", &person, Value::Null),
            ("DELETE", &team, Value::Null),
        ] {
            let before = (door.get(path).await.body, app.state());
            let detail = door.ask_if("if-match", OTHER, method, path, body.clone()).await.fails(412, "");
            assert!(detail.contains("version"), "{detail}");
            door.ask_if("if-match", "nonsense", method, path, body.clone()).await.fails(400, "invalidValue");
            door.ask_if("if-none-match", "*", method, path, body.clone()).await.fails(412, "");
            assert_eq!((door.get(path).await.body, app.state()), before, "{method} {path}");
            let gone = format!("{}7", &path);
            door.ask_if("if-match", "*", method, &gone, body).await.fails(404, "");
        }
        let version = tag(&door.get(&person).await);
        let off = patch(json!({"op": "replace", "path": "active", "value": false}));
        let next = tag(&door.ask_if("if-match", &version, "PATCH", &person, off).await);
        assert_ne!(next, version);
        door.ask_if("if-match", &version, "DELETE", &person, Value::Null).await.fails(412, "");
        door.ask_if("if-match", &format!("{version}, {next}"), "DELETE", &person, Value::Null).await.is(204);
    }
}

#[tokio::test]
async fn of_two_writers_with_one_version_one_is_late() {
    let (_app, url) = EasyApp::start(2).await;
    for (door, at) in [(Door::quickstart().await, "/Users/1001"), (Door::acme(&url, LIMITS).await, "/Users/1")] {
        let version = tag(&door.get(at).await);
        let name = |n: u8| json!({"op": "replace", "path": "name.givenName", "value": format!("N{n}")});
        let writers = (0..8).map(|n| door.ask_if("if-match", &version, "PATCH", at, patch(name(n))));
        let answers = futures_util::future::join_all(writers).await;
        let mut statuses: Vec<u16> = answers.iter().map(|a| a.status).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 412, 412, 412, 412, 412, 412, 412], "{at}");
    }
}

#[tokio::test]
async fn what_a_version_costs() {
    let door = Door::quickstart().await;
    let cost = async |path: &str| door.cost("GET", path, Value::Null).await.1;
    assert_eq!(cost("/Users/1001").await, 3, "the row, its addresses, its groups");
    assert_eq!(cost("/Users/1001?attributes=userName").await, 2, "its addresses count");
    assert_eq!(cost("/Users?attributes=userName").await, 1, "no version is shown");
    assert_eq!(cost("/Groups/10?excludedAttributes=members").await, 1);
    let filter = encoded(&format!("{ENTERPRISE}:department eq \"FIN\""));
    assert_eq!(cost(&format!("/Users?attributes=userName&filter={filter}")).await, 1);

    let (app, url) = EasyApp::start(3).await;
    let door = Door::acme(&url, LIMITS).await;
    let add = patch(json!({"op": "add", "path": "members", "value": [{"value": "3"}]}));
    door.ask("PATCH", "/Groups/900", add.clone()).await.is(204);
    assert_eq!(app.calls(), ["PUT /teams/900/people/3"]);
    let version = tag(&door.get("/Groups/900?excludedAttributes=members").await);
    assert_eq!(app.calls(), ["GET /teams/900"]);
    door.ask_if("if-match", &version, "PATCH", "/Groups/900", add).await.is(204);
    assert_eq!(app.calls(), ["GET /teams/900", "PUT /teams/900/people/3"], "the members are not read for it");
}

#[tokio::test]
async fn over_http_nothing_is_fetched_for_a_version_that_nobody_asks_for() {
    const LISTED: &str = "mapping: 1
app: { rest: { url: \"${ACME_URL}\", auth: { bearer: \"${ACME_TOKEN}\" } } }
resources:
  User:
    id: $.id
    attributes:
      userName: { at: $.login, access: [read] }
      emails: { each: $.people, value: $.id, access: [read] }
    parts: { people: { call: \"GET /teams/900/people?page=1&per_page=9\", rows: $ } }
    get: GET /users/{{id}}
    list: { call: \"GET /users?page={{page}}&per_page={{size}}\", rows: $.data, pages: { by: page, max: 100 } }
";
    const PART: &str = "GET /teams/900/people?page=1&per_page=9";
    let (app, url) = EasyApp::start(1).await;
    let door = Door::over_text(LISTED, &url, LIMITS).await;
    let version = tag(&door.get("/Users/1").await);
    app.calls();
    for path in ["/Users/1?attributes=userName", "/Users/1?excludedAttributes=emails"] {
        let answer = door.get(path).await;
        assert!(!answer.headers.contains_key("etag"), "{path}");
        assert_eq!(answer.is(200)["meta"].get("version"), None, "{path}");
        assert_eq!(app.calls(), ["GET /users/1"], "{path}");
        assert_eq!(door.ask_if("if-none-match", &version, "GET", path, Value::Null).await.status, 304);
        assert_eq!(app.calls(), ["GET /users/1", PART], "{path}: here it is asked for");
    }
    let listed = door.get("/Users?excludedAttributes=emails").await.is(200);
    assert_eq!(listed["Resources"][0]["meta"].get("version"), None);
    assert!(!app.calls().contains(&PART.to_owned()));
    let filter = encoded(&format!("meta.version eq {}", Value::from(version)));
    assert_eq!(door.get(&format!("/Users?attributes=userName&filter={filter}")).await.ids(), ["1"]);
}

#[tokio::test]
async fn what_is_never_returned_is_no_part_of_a_version() {
    let text = std::fs::read_to_string("examples/testresource/mapping.yaml").unwrap();
    let script = std::fs::read_to_string("examples/testresource/schema.sql").unwrap();
    let readable = text.replace("mutability: writeOnly, returned: never", "returned: never");
    assert_ne!(readable, text);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mapping.yaml");
    std::fs::write(&file, readable).unwrap();
    let door = Door::over_file(file.to_str().unwrap(), &script, LIMITS).await;
    const OWN: &str = "urn:ietf:params:scim:schemas:extension:test:2.0:TestResource";
    let sent =
        json!({"identifier": "one", "writeOnlyAttr": "hush", "requestOnlyAttr": "ask", OWN: {"extRequired": "r"}});
    let made = door.ask("POST", "/TestResources", sent).await;
    let path = format!("/TestResources/{}", made.body["id"].as_str().unwrap());
    for (set, same) in [("hidden = 'guess'", true), ("on_request = 'x'", false), ("ext_text = 'x'", false)] {
        let before = tag(&door.get(&path).await);
        door.sql(&format!("update thing set {set}")).await;
        let after = door.get(&path).await;
        assert_eq!(tag(&after) == before, same, "{set}");
        assert_eq!(tag(&door.get(&format!("{path}?attributes=requestOnlyAttr")).await), tag(&after));
        let quoted = Value::from(tag(&after));
        assert_eq!(
            door.find("/TestResources?attributes=id", &format!("meta.version eq {quoted}")).await.ids().len(),
            1
        );
    }
}

#[tokio::test]
async fn what_changes_by_itself_is_no_part_of_a_version() {
    let text = std::fs::read_to_string("examples/testresource/mapping.yaml").unwrap();
    let script = std::fs::read_to_string("examples/testresource/schema.sql").unwrap();
    let volatile = text
        .replace("requestOnlyAttr: on_request", "requestOnlyAttr: { column: on_request, volatile: true }")
        .replace("key: id, value: word }", "key: id, value: word, volatile: true }")
        .replace("meta.lastModified: changed_at", "meta.lastModified: { column: changed_at, volatile: true }");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mapping.yaml");
    std::fs::write(&file, volatile).unwrap();
    let door = Door::over_file(file.to_str().unwrap(), &script, LIMITS).await;
    const OWN: &str = "urn:ietf:params:scim:schemas:extension:test:2.0:TestResource";
    let sent = json!({"identifier": "one", "multiStrings": ["a"], OWN: {"extRequired": "r"}});
    let made = door.ask("POST", "/TestResources", sent).await;
    let path = format!("/TestResources/{}", made.body["id"].as_str().unwrap());
    for (statement, same) in [
        ("update thing set on_request = 'x'", true),
        ("update word set word = 'x'", true),
        ("update thing set changed_at = '2027-01-01T00:00:00Z'", true),
        ("update thing set any_text = 'x'", false),
    ] {
        let before = tag(&door.get(&path).await);
        door.sql(statement).await;
        assert_eq!(tag(&door.get(&path).await) == before, same, "{statement}");
    }
    // Who joins a group changes its time of change alone.
    let person = door.ask("POST", "/Users", user("vera")).await.is(201);
    let team = door.ask("POST", "/Groups", group("team", &[])).await;
    let at = format!("/Groups/{}", team.body["id"].as_str().unwrap());
    let members = json!([{"op": "add", "path": "members", "value": [{"value": person["id"]}]}]);
    door.patch(&at, members).await.is(204);
    assert_eq!(tag(&door.get(&at).await), tag(&team));
}
