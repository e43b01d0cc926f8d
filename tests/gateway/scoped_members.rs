//! Members over HTTP whose own records say that they do not exist for SCIM, or are protected, where the group keeps them.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::{
    door::{Door, LIMITS, group, values},
    easy_app::EasyApp,
    odd_app::{OddApp, told},
};

const USER: &str = "
mapping: 1
app: { rest: { url: \"${ACME_URL}\", auth: { bearer: \"${ACME_TOKEN}\" } } }
resources:
  User:
    id: $.id
    where: { last_name: { not: N2 } }
    protect: { $.login: u1 }
    attributes: { userName: $.login }
    get: GET /users/{{id}}
    list: { call: \"GET /users?page={{page}}&per_page={{size}}\", rows: $.data, pages: { by: page, max: 50, total: $.meta.total } }
    create: { call: POST /users, json: $.record, record: $ }
    update: { call: \"PATCH /users/{{id}}\", json: $.changed }
";

/// With calls that put members in and take them out.
const CALLS: &str = "
  Group:
    id: $.id
    attributes:
      displayName: $.name
      members: { each: $.people, value: $.id, of: User, add: \"PUT /teams/{{id}}/people/{{value}}\", remove: \"DELETE /teams/{{id}}/people/{{value}}\" }
    parts: { people: { call: \"GET /teams/{{id}}/people?page={{page}}&per_page={{size}}\", rows: $, pages: { by: page, max: 100 } } }
    get: GET /teams/{{id}}
    list: { call: \"GET /teams?page={{page}}&per_page={{size}}\", rows: $.data, pages: { by: page, max: 100 } }
    create: { call: POST /teams, json: $.record, record: $, takes: [displayName] }
    update: { call: \"PATCH /teams/{{id}}\", json: $.changed }
    delete: DELETE /teams/{{id}}
";

async fn teams(users: u64) -> (Arc<EasyApp>, Door) {
    let (app, url) = EasyApp::start(users).await;
    app.set(|state| {
        state.teams.insert(901, ("second".into(), vec![2, 3]));
    });
    (app, Door::over_text(&format!("{USER}{CALLS}"), &url, LIMITS).await)
}

fn members(op: &str, ids: &[&str]) -> Value {
    json!([{"op": op, "path": "members", "value": ids.iter().map(|id| json!({"value": id})).collect::<Vec<_>>()}])
}

#[tokio::test]
async fn who_does_not_exist_is_no_member_and_stays_where_they_are() {
    let (app, door) = teams(5).await;
    let team = |id: u64| app.state().teams[&id].1.clone();
    assert_eq!(values(&door.get("/Groups/900").await.is(200)["members"]), ["1", "3"]);
    for (id, found) in [("2", vec![]), ("3", vec!["900", "901"])] {
        assert_eq!(door.find("/Groups", &format!("members.value eq \"{id}\"")).await.ids(), found);
    }
    for group in ["900", "901"] {
        let path = format!("/Groups/{group}");
        door.patch(&path, members("add", &["4", "2"])).await.fails(400, "invalidValue");
        door.patch(&path, members("add", &["77"])).await.fails(400, "invalidValue");
        door.patch(&path, json!([{"op": "remove", "path": "members[value eq \"2\"]"}])).await.is(204);
    }
    door.patch("/Groups/902", members("remove", &["2"])).await.fails(404, "");
    assert_eq!((team(900), team(901)), (vec![1, 2, 3], vec![2, 3]), "nothing is done by halves");
    // Neither a list that does not name them takes them out, nor the lack of one.
    door.ask("PUT", "/Groups/901", group("second", &["4"])).await.is(200);
    assert_eq!(team(901), [2, 4]);
    door.patch("/Groups/901", json!([{"op": "remove", "path": "members"}])).await.is(204);
    assert_eq!(team(901), [2]);
    assert!(door.get("/Groups/901").await.is(200).get("members").is_none());
    let before = app.state();
    door.ask("POST", "/Groups", group("new", &["3", "2"])).await.fails(400, "invalidValue");
    assert_eq!(app.state(), before, "it is known before anything is made");
}

#[tokio::test]
async fn who_is_protected_joins_and_leaves_no_group() {
    let (app, door) = teams(5).await;
    let before = app.state();
    door.patch("/Groups/901", members("add", &["4", "1"])).await.fails(403, "");
    door.patch("/Groups/900", members("remove", &["1"])).await.fails(403, "");
    door.patch("/Groups/900", json!([{"op": "remove", "path": "members"}])).await.fails(403, "");
    door.ask("PUT", "/Groups/900", group("first", &["3"])).await.fails(403, "");
    door.ask("POST", "/Groups", group("new", &["1"])).await.fails(403, "");
    door.ask("DELETE", "/Groups/900", Value::Null).await.fails(403, "");
    assert_eq!(app.state(), before);
    // A list that leaves them where they are is no change of theirs.
    door.patch("/Groups/900", members("add", &["1"])).await.is(204);
    door.patch("/Groups/901", members("remove", &["1"])).await.is(204);
    door.ask("PUT", "/Groups/900", group("first", &["1", "4"])).await.is(200);
    assert_eq!(app.state().teams[&900].1, [1, 2, 4]);
    door.ask("DELETE", "/Groups/901", Value::Null).await.is(204);
}

#[tokio::test]
async fn what_cannot_be_finished_is_not_begun() {
    let (app, url) = EasyApp::start(9).await;
    let few = portolan::plan::Limits { calls: 10, ..LIMITS };
    let door = Door::over_text(&format!("{USER}{CALLS}"), &url, few).await;
    app.calls();
    door.ask("POST", "/Groups", group("new", &["3", "4", "5", "6", "7", "8"])).await.fails(400, "tooMany");
    let calls = app.calls();
    assert!(!calls.iter().any(|call| call.starts_with("POST")), "{calls:?}");
}

#[tokio::test]
async fn many_are_found_in_their_list() {
    let (app, door) = teams(40).await;
    app.set(|state| state.teams.get_mut(&900).unwrap().1 = (1..=30).collect());
    app.calls();
    assert_eq!(door.get("/Groups/900").await.is(200)["members"].as_array().unwrap().len(), 29);
    let calls = app.calls();
    assert!(calls.len() < 6 && calls.iter().any(|call| call == "GET /users?page=1&per_page=50"), "{calls:?}");
    // More than may be read is no short list.
    let (_, url) = EasyApp::start(40).await;
    let few = portolan::plan::Limits { rows: 20, ..LIMITS };
    let door = Door::over_text(&format!("{USER}{CALLS}"), &url, few).await;
    door.get("/Groups/900").await.is(200);
    let (app, url) = EasyApp::start(40).await;
    app.set(|state| state.teams.get_mut(&900).unwrap().1 = (1..=15).collect());
    Door::over_text(&format!("{USER}{CALLS}"), &url, few).await.get("/Groups/900").await.fails(400, "tooMany");
}

const WHOLE: &str = "
  Group:
    id: $.id
    attributes:
      displayName: $.name
      members: { each: $.people, value: $.id, of: User, at_most: 10 }
    get: GET /teams/{{id}}
    create: { call: POST /teams, json: $.record, record: $ }
    update: { call: \"PATCH /teams/{{id}}\", json: $.changed }
";

#[tokio::test]
async fn a_list_that_is_written_whole_keeps_who_is_hidden() {
    let people = json!([{"id": "1"}, {"id": "2", "since": 1999}, {"id": "3"}]);
    let team = Arc::new(Mutex::new(json!({"id": "9", "name": "Cooks", "people": people})));
    let kept = team.clone();
    let (_, url) = OddApp::start(move |asked| {
        if let Some(id) = asked.target.strip_prefix("/users/") {
            return told(200, &json!({"id": id, "login": format!("u{id}"), "last_name": format!("N{id}")}));
        }
        let mut team = kept.lock().unwrap();
        if let Value::Object(sent) = asked.json() {
            team.as_object_mut().unwrap().extend(sent);
        }
        told(200, &team)
    })
    .await;
    let door = Door::over_text(&format!("{USER}{WHOLE}"), &url, LIMITS).await;
    let held = || team.lock().unwrap()["people"].clone();
    assert_eq!(values(&door.get("/Groups/9").await.is(200)["members"]), ["1", "3"]);
    let now = door.ask("PUT", "/Groups/9", group("Cooks", &["1", "4"])).await.is(200);
    assert_eq!(values(&now["members"]), ["1", "4"]);
    assert_eq!(held(), json!([{"id": "1"}, {"id": "2", "since": 1999}, {"id": "4"}]));
    door.patch("/Groups/9", members("replace", &["4"])).await.fails(403, "");
    door.patch("/Groups/9", members("add", &["2"])).await.fails(400, "invalidValue");
    assert_eq!(held(), json!([{"id": "1"}, {"id": "2", "since": 1999}, {"id": "4"}]));
    let mut sent = group("New", &["2"]);
    door.ask("POST", "/Groups", sent.clone()).await.fails(400, "invalidValue");
    sent["members"] = json!([{"value": "5"}]);
    door.ask("POST", "/Groups", sent).await.is(201);
    assert_eq!(held(), json!([{"id": "5"}]));
}

const THIN: &str = r#"
mapping: 1
app: { rest: { url: "${ACME_URL}", auth: { bearer: "${ACME_TOKEN}" } } }
resources:
  User:
    id: $.id
    protect: { $.title: owner }
    attributes: { userName: { at: $.login, access: [read] }, title: { at: $.title, access: [read] } }
    get: GET /users/{{id}}
    list: { call: GET /users, rows: $.data, gives: [#GIVES#], pages: { by: whole, max: 100 } }
  Group:
    id: $.id
    attributes:
      displayName: { at: $.name, access: [read] }
      members: { each: $.people, value: $.id, of: User, add: "PUT /teams/{{id}}/{{value}}", remove: "DELETE /teams/{{id}}/{{value}}" }
    get: GET /teams/{{id}}
    delete: DELETE /teams/{{id}}
"#;

#[tokio::test]
async fn rows_that_do_not_say_who_is_protected_are_not_asked() {
    for (gives, owner, status) in
        [("userName", 5, 403), ("userName", 50, 204), ("userName, title", 5, 403), ("userName, title", 50, 204)]
    {
        let titles = gives.contains("title");
        let (app, url) = OddApp::start(move |asked| {
            let title = |id: usize| if id == owner { "owner" } else { "cook" };
            let row = |id: usize| match titles {
                true => json!({"id": id, "login": format!("u{id}"), "title": title(id)}),
                false => json!({"id": id, "login": format!("u{id}")}),
            };
            let path = asked.target.trim_start_matches('/');
            match path.strip_prefix("users/").and_then(|id| id.parse().ok()) {
                Some(id) => told(200, &json!({"id": id, "login": format!("u{id}"), "title": title(id)})),
                None if path == "users" => told(200, &json!({"data": (1..=50).map(row).collect::<Vec<_>>()})),
                None => {
                    let people: Vec<Value> = (1..=12).map(|id| json!({"id": id})).collect();
                    told(200, &json!({"id": "9", "name": "Cooks", "people": people}))
                }
            }
        })
        .await;
        let door = Door::over_text(&THIN.replace("#GIVES#", gives), &url, LIMITS).await;
        let answer = door.ask("DELETE", "/Groups/9", Value::Null).await;
        assert_eq!(answer.status, status, "{gives}, {owner}");
        let calls = app.calls();
        let read = calls.iter().filter(|call| call.starts_with("GET /users/")).count();
        assert_eq!(read, if titles { 0 } else { 12 }, "{calls:?}");
        assert_eq!(calls.iter().any(|call| call == "DELETE /teams/9"), status == 204, "{calls:?}");
    }
}

const FROM: &str = "
mapping: 1
app: { rest: { url: \"${ACME_URL}\" } }
resources:
  User:
    id: $.id
    attributes:
      userName: $.login
      entitlements: { each: $.roles, value: $, of: Group, LIST }
    get: GET /users/{{id}}
    list: { call: GET /users, rows: $, pages: { by: whole, max: 10 } }
    create: { call: POST /users, json: $.record, record: $, takes: [userName] }
    update: { call: \"PATCH /users/{{id}}\", json: $.changed }
  Group:
    id: $.id
    protect: { $.name: admin }
    attributes:
      displayName: { at: $.name, access: [read] }
      members: { from: User.entitlements }
    get: GET /roles/{{id}}
";

#[tokio::test]
async fn nobody_gets_into_what_is_protected_from_the_other_side_either() {
    let calls = "add: \"PUT /users/{{id}}/roles/{{value}}\", remove: \"DELETE /users/{{id}}/roles/{{value}}\"";
    for list in ["at_most: 50", calls] {
        let held = Arc::new(Mutex::new(json!({"id": "1", "login": "u1", "roles": ["admin", "a"]})));
        let kept = held.clone();
        let (app, url) = OddApp::start(move |asked| {
            let mut user = kept.lock().unwrap();
            match asked.target.split('/').collect::<Vec<_>>()[1..] {
                ["users"] => return told(200, &json!([*user])),
                ["roles", "gone"] => return told(404, &json!({})),
                ["roles", id] => return told(200, &json!({"id": id, "name": id})),
                [_, _, _, role] => {
                    let roles = user["roles"].as_array_mut().unwrap();
                    roles.retain(|known| known != role);
                    if asked.method == "PUT" {
                        roles.push(json!(role));
                    }
                }
                _ => {
                    if let Value::Object(sent) = asked.json() {
                        user.as_object_mut().unwrap().extend(sent);
                    }
                }
            }
            told(200, &user)
        })
        .await;
        let door = Door::over_text(&FROM.replace("LIST", list), &url, LIMITS).await;
        let roles = || held.lock().unwrap()["roles"].clone();
        let change = |op: &str, ids: &[&str]| json!([{"op": op, "path": "entitlements", "value": ids.iter().map(|id| json!({"value": id})).collect::<Vec<_>>()}]);
        let put = |ids: &[&str]| {
            let list: Vec<Value> = ids.iter().map(|id| json!({"value": id})).collect();
            json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "u1", "entitlements": list})
        };
        let leaves = json!([{"op": "remove", "path": "entitlements[value eq \"admin\"]"}]);
        door.patch("/Users/1", leaves).await.fails(403, "");
        door.patch("/Users/1", json!([{"op": "remove", "path": "entitlements"}])).await.fails(403, "");
        door.patch("/Users/1", change("replace", &["a"])).await.fails(403, "");
        door.ask("PUT", "/Users/1", put(&["a"])).await.fails(403, "");
        assert_eq!(roles(), json!(["admin", "a"]), "{list}");
        // what leaves it where it is is no change of it, and what is not there is for the app to say
        door.patch("/Users/1", change("add", &["admin"])).await;
        assert_eq!(roles(), json!(["admin", "a"]), "{list}: named once");
        door.ask("PUT", "/Users/1", put(&["admin", "c"])).await.is(200);
        assert_eq!(roles(), json!(["admin", "c"]), "{list}");
        door.patch("/Users/1", change("add", &["gone"])).await;
        assert_eq!(roles(), json!(["admin", "c", "gone"]), "{list}");
        held.lock().unwrap()["roles"] = json!(["a"]);
        door.patch("/Users/1", change("add", &["admin"])).await.fails(403, "");
        door.ask("PUT", "/Users/1", put(&["admin"])).await.fails(403, "");
        app.calls();
        door.ask("POST", "/Users", put(&["admin"])).await.fails(403, "");
        assert_eq!((app.calls().iter().any(|call| call.starts_with("POST")), roles()), (false, json!(["a"])), "{list}");
    }
}
