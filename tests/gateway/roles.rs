//! Groups that an app keeps in the records of its users: fixed by name, read out of the list, joined and left by writing
//! that user's list whole.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::{
    door::{Door, LIMITS, group, values},
    odd_app::{Asked, OddApp, Told, told},
};

pub(crate) const MAPPING: &str = "
mapping: 1
app:
  rest:
    url: '${ACME_URL}'
    auth: { bearer: '${ACME_TOKEN}' }
    answers: [{ when: { status: 422 }, then: refused, detail: $.message }]
resources:
  User:
    id: $.id
    where: { kind: { not: robot } }
    protect: { kind: root }
    attributes:
      userName: $.login
      displayName: $.name
      groups: { each: $.roles, where: { $: { not: [base] } }, value: $ }
    get: GET /users/{{id}}
    list:
      call: GET /users?page={{page}}&per_page={{size}}
      rows: $.users
      pages: { by: page, max: 3 }
      filters:
        groups.value eq ?: { query: { role: $.value }, matches: exactly }
    update: { call: 'PATCH /users/{{id}}', json: $.changed }
  Group:
    id: $.slug
    attributes:
      displayName: { at: $.name, access: [read], case: exact }
      members: { from: User.groups }
    get: list
    list:
      fixed:
        - { slug: editor, name: Editor }
        - { slug: author, name: Author }
";

pub(crate) type Users = Arc<Mutex<Value>>;

/// Users with roles; a role that is not known is refused, and nobody may lose all of them.
pub(crate) fn act(users: &Users, asked: &Asked) -> Told {
    let mut users = users.lock().unwrap();
    let uri: http::Uri = asked.target.parse().unwrap();
    let query = |name: &str| {
        let pairs = uri.query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
        pairs.filter(|(key, _)| *key == name).map(|(_, value)| value.to_owned()).next()
    };
    let one = uri.path().strip_prefix("/users/").map(str::to_owned);
    match (asked.method.as_str(), one) {
        ("GET", None) => {
            let has = |user: &Value| {
                query("role").is_none_or(|role| user["roles"].as_array().unwrap().contains(&Value::from(role)))
            };
            let all = users.as_object().unwrap().values().filter(|user| has(user)).cloned();
            let size: usize = query("per_page").unwrap().parse().unwrap();
            let page: usize = query("page").unwrap().parse().unwrap();
            let rows: Vec<Value> = all.skip((page - 1) * size).take(size).collect();
            told(200, &json!({ "users": rows }))
        }
        (_, Some(id)) if users.get(&id).is_none() => told(404, &json!({})),
        ("GET", Some(id)) => told(200, &users[&id]),
        ("PATCH", Some(id)) => {
            let sent = asked.json();
            for (key, value) in sent.as_object().unwrap() {
                let known = |role: &Value| ["base", "editor", "author"].iter().any(|known| role == known);
                if key == "roles" && !value.as_array().unwrap().iter().all(known) {
                    return told(422, &json!({ "message": "no such role" }));
                }
                if key == "roles" && value.as_array().unwrap().is_empty() {
                    return told(422, &json!({ "message": "somebody needs a role" }));
                }
                users[&id][key] = value.clone();
            }
            told(200, &users[&id])
        }
        _ => told(405, &json!({})),
    }
}

fn people() -> Value {
    let user = |id: &str, kind: &str, roles: &[&str]| json!({ "id": id, "login": format!("l{id}"), "name": format!("N{id}"), "kind": kind, "roles": roles });
    json!({
        "1": user("1", "person", &["base", "editor"]),
        "2": user("2", "person", &["base", "editor", "author"]),
        "3": user("3", "person", &["base"]),
        "4": user("4", "robot", &["editor"]),
        "5": user("5", "root", &["editor"]),
        "6": user("6", "person", &["editor"]),
    })
}

async fn with_people() -> (Users, Arc<OddApp>, Door) {
    let users = Arc::new(Mutex::new(people()));
    let kept = users.clone();
    let (app, url) = OddApp::start(move |asked| act(&kept, asked)).await;
    (users, app, Door::over_text(MAPPING, &url, LIMITS).await)
}

fn roles(users: &Users, id: &str) -> Value {
    users.lock().unwrap()[id]["roles"].clone()
}

#[tokio::test]
async fn groups_that_exist_only_by_name_are_read_and_found() {
    let (_, app, door) = with_people().await;
    let body = door.get("/Groups?attributes=displayName").await.is(200);
    assert_eq!(body["totalResults"], 2);
    assert_eq!(app.calls(), [""; 0], "the mapping knows them");
    assert_eq!(door.find("/Groups?attributes=displayName", "displayName eq \"Author\"").await.ids(), ["author"]);
    assert_eq!(door.find("/Groups?attributes=displayName", "id eq \"nobody\"").await.ids(), [""; 0]);
    let sorted = door.get("/Groups?attributes=displayName&sortBy=displayName&startIndex=2&count=1").await.ids();
    assert_eq!(sorted, ["editor"]);
    let first = door.get("/Groups?attributes=displayName&cursor&count=1").await.is(200);
    let next = first["nextCursor"].as_str().unwrap();
    let second = door.get(&format!("/Groups?attributes=displayName&cursor={next}&count=1")).await.is(200);
    assert_eq!((&second["Resources"][0]["id"], &second["nextCursor"]), (&json!("author"), &Value::Null));
    assert_eq!(app.calls(), [""; 0]);
    door.get("/Groups/nobody").await.fails(404, "");
    door.ask("POST", "/Groups", group("new", &[])).await.fails(501, "");
    door.ask("DELETE", "/Groups/editor", Value::Null).await.fails(501, "");
    let rename = json!([{"op": "replace", "path": "displayName", "value": "Chief"}]);
    door.patch("/Groups/editor", rename).await.fails(400, "mutability");
    assert_eq!(app.calls(), [""; 0]);
}

#[tokio::test]
async fn who_is_in_a_group_is_read_out_of_the_users() {
    let (_, app, door) = with_people().await;
    let body = door.get("/Groups/editor").await.is(200);
    assert_eq!(values(&body["members"]), ["1", "2", "5", "6"], "the robot does not exist");
    assert_eq!(
        body["members"][0],
        json!({"$ref": "https://scim.test/scim/v2/Users/1", "value": "1", "display": "N1", "type": "User"})
    );
    assert_eq!(app.calls(), [1, 2, 3].map(|page| format!("GET /users?page={page}&per_page=3&role=editor")));
    let body = door.get("/Users/2").await.is(200);
    assert_eq!(values(&body["groups"]), ["author", "editor"], "the base role is nobody's group");
    assert_eq!(body["groups"][0]["$ref"], "https://scim.test/scim/v2/Groups/editor");
    app.calls();
    let found = door.find("/Groups?attributes=displayName", "members.value eq \"2\"").await.ids();
    assert_eq!(found, ["author", "editor"]);
    assert_eq!(app.calls(), ["GET /users/2"], "it stands with the user, and the mapping knows the groups");
    assert_eq!(door.find("/Users", "groups.value eq \"author\"").await.ids(), ["2"]);
    assert_eq!(app.calls()[0], "GET /users?page=1&per_page=3&role=author");
}

#[tokio::test]
async fn joining_and_leaving_write_the_users_own_list_and_nothing_else() {
    let (users, app, door) = with_people().await;
    let add = |id: &str| json!([{"op": "add", "path": "members", "value": [{"value": id}]}]);
    let remove = |id: &str| json!([{"op": "remove", "path": format!("members[value eq \"{id}\"]")}]);
    let (answer, calls) = door
        .cost(
            "PATCH",
            "/Groups/author",
            json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": add("1")}),
        )
        .await;
    assert_eq!((answer.status, calls), (204, 3));
    assert_eq!(roles(&users, "1"), json!(["base", "editor", "author"]));
    assert_eq!(
        app.calls(),
        ["GET /users/1", "PATCH /users/1 {\"roles\":[\"base\",\"editor\",\"author\"]}", "GET /users/1"]
    );
    // It is so already: nothing is written.
    door.patch("/Groups/author", add("1")).await.is(204);
    door.patch("/Groups/author", remove("3")).await.is(204);
    door.patch("/Groups/author", remove("99")).await.is(204);
    assert_eq!(app.calls(), ["GET /users/1", "GET /users/3", "GET /users/99"]);
    door.patch("/Groups/editor", remove("1")).await.is(204);
    assert_eq!(roles(&users, "1"), json!(["base", "author"]), "what the mapping keeps out stays in");
    app.calls();
    door.patch("/Groups/author", add("99")).await.fails(400, "invalidValue");
    door.patch("/Groups/author", add("4")).await.fails(400, "invalidValue");
    door.patch("/Groups/author", add("5")).await.fails(403, "");
    door.patch("/Groups/nobody", add("1")).await.fails(404, "");
    door.patch("/Groups/base", add("1")).await.fails(404, "");
    assert!(app.calls().iter().all(|call| call.starts_with("GET ")));
    // A removal that the app does not take is an error.
    let detail = door.patch("/Groups/editor", remove("6")).await.fails(400, "invalidValue");
    assert!(detail.contains("somebody needs a role"), "{detail}");
    assert_eq!(roles(&users, "6"), json!(["editor"]));
}

#[tokio::test]
async fn a_put_takes_who_joins_and_who_leaves_and_says_what_took_effect() {
    let (users, app, door) = with_people().await;
    door.ask("PUT", "/Groups/author", group("Author", &["1", "3"])).await.is(200);
    let author = |id: &str| roles(&users, id).as_array().unwrap().contains(&json!("author"));
    assert_eq!(["1", "2", "3"].map(author), [true, false, true]);
    assert_eq!(roles(&users, "2"), json!(["base", "editor"]));
    app.calls();
    door.ask("PUT", "/Groups/author", group("Author", &["1", "3"])).await.is(200);
    assert!(app.calls().iter().all(|call| call.starts_with("GET ")), "it is so already");
    let detail = door
        .ask("PUT", "/Groups/author", group("Author", &["1", "2", "3", "50", "6"]))
        .await
        .fails(400, "invalidValue");
    assert!(detail.contains("took effect: adding 1 member"), "{detail}");
    assert_eq!(["2", "6"].map(author), [true, false], "in order, up to the fault");
}

#[tokio::test]
async fn a_change_of_members_that_the_budget_cannot_finish_is_not_begun() {
    let users = Arc::new(Mutex::new(people()));
    let kept = users.clone();
    let (app, url) = OddApp::start(move |asked| act(&kept, asked)).await;
    let door = Door::over_text(MAPPING, &url, portolan::plan::Limits { calls: 8, ..LIMITS }).await;
    let add = json!([{"op": "add", "path": "members", "value": [{"value": "1"}, {"value": "3"}, {"value": "6"}]}]);
    door.patch("/Groups/author", add.clone()).await.fails(400, "tooMany");
    assert_eq!(app.calls(), [""; 0]);
    let door = Door::over_text(MAPPING, &url, portolan::plan::Limits { calls: 9, ..LIMITS }).await;
    door.patch("/Groups/author", add).await.is(204);
    assert_eq!(app.calls().len(), 9);
}
