//! Lists that other records keep, where the app tells them by a call besides: under whatever stands for the record, be it a row of
//! a list, the record that took its place, or the one of somebody who leaves.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::{
    door::{Door, LIMITS, group, values},
    odd_app::{Asked, OddApp, Told, told},
};

const TYPES: &str = r#"
mapping: 1
app: { rest: { url: "${ACME_URL}", auth: { bearer: "${ACME_TOKEN}" } } }
resources:
  User:
    id: $.id
    attributes:
      userName: { at: $.login, access: [read], case: exact }
      groups: { each: $.in, value: $.gid }
    parts: { in: { call: "GET /users/{{id}}/groups", rows: $.data } }
    get: GET /users/{{id}}
    list: { call: GET /users, rows: $.data, pages: { by: whole, max: 100 }#GIVES# }
    #PROTECT#
  Group:
    id: $.id
    attributes:
      displayName: { at: $.name }
      members: { from: User.groups, add: "PUT /groups/{{id}}/{{value}}", remove: "DELETE /groups/{{id}}/{{value}}" }
    get: GET /groups/{{id}}
    list: { call: GET /groups, rows: $.data, pages: { by: whole, max: 100 } }
    update: { call: "PATCH /groups/{{id}}", json: $.changed }
"#;

/// Who is in the one group.
type In = Arc<Mutex<Vec<String>>>;

/// Three users, the first of whom is the owner.
fn answer(members: &In, asked: &Asked) -> Told {
    let mut members = members.lock().unwrap();
    let user = |id: &str| json!({"id": id, "login": format!("u{id}"), "owner": id == "1"});
    let team = json!({"id": "g", "name": "Cooks"});
    let path: Vec<&str> = asked.target.trim_start_matches('/').split('/').collect();
    match (asked.method.as_str(), path.as_slice()) {
        ("GET", ["users"]) => told(200, &json!({"data": [user("1"), user("2"), user("3")]})),
        ("GET", ["users", id]) => told(200, &user(id)),
        ("GET", ["users", id, "groups"]) => {
            let of: Vec<Value> = members.iter().filter(|member| member == id).map(|_| json!({"gid": "g"})).collect();
            told(200, &json!({"data": of}))
        }
        ("GET", ["groups"]) => told(200, &json!({"data": [team]})),
        (_, ["groups", "g"]) => told(200, &team),
        ("PUT", ["groups", "g", id]) => {
            members.push((*id).to_owned());
            told(200, &json!({}))
        }
        ("DELETE", ["groups", "g", id]) => {
            members.retain(|member| member != id);
            told(200, &json!({}))
        }
        _ => told(404, &json!({})),
    }
}

async fn set(gives: &str, protect: &str) -> (In, Arc<OddApp>, Door) {
    let members = In::new(Mutex::new(vec!["1".to_owned(), "2".to_owned()]));
    let kept = members.clone();
    let (app, url) = OddApp::start(move |asked| answer(&kept, asked)).await;
    let mapping = TYPES.replace("#GIVES#", gives).replace("#PROTECT#", protect);
    (members, app, Door::over_text(&mapping, &url, LIMITS).await)
}

#[tokio::test]
async fn rows_that_give_less_keep_the_list_that_hangs_there() {
    for (gives, calls) in [("", 0), (", gives: [userName]", 0), (", gives: []", 4)] {
        let (members, app, door) = set(gives, "").await;
        app.calls();
        assert_eq!(values(&door.get("/Groups/g").await.is(200)["members"]), ["1", "2"], "{gives}");
        // the group, the list, and of each user the groups; of those in it the record, and its groups
        assert_eq!(app.calls().len(), 2 + 3 + calls, "{gives}");
        door.ask("PUT", "/Groups/g", group("Cooks", &["3"])).await.is(200);
        assert_eq!(*members.lock().unwrap(), ["3"], "{gives}");
    }
}

#[tokio::test]
async fn who_joins_and_leaves_is_looked_at_with_the_list() {
    let (members, _, door) = set("", "protect: { $.owner: true }").await;
    let one = |op: &str, id: &str| match op {
        "add" => json!([{"op": op, "path": "members", "value": [{"value": id}]}]),
        _ => json!([{"op": op, "path": format!("members[value eq \"{id}\"]")}]),
    };
    door.patch("/Groups/g", one("remove", "2")).await.is(204);
    assert_eq!(*members.lock().unwrap(), ["1"]);
    door.patch("/Groups/g", one("remove", "2")).await.is(204);
    door.patch("/Groups/g", one("add", "3")).await.is(204);
    door.patch("/Groups/g", one("add", "3")).await.is(204);
    door.patch("/Groups/g", one("add", "1")).await.is(204);
    door.patch("/Groups/g", one("remove", "1")).await.fails(403, "");
    assert_eq!(*members.lock().unwrap(), ["1", "3"], "nobody joins twice, and who is protected stays");
}
