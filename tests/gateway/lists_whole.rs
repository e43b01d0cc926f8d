//! Lists in a record that are written whole: read, edited, sent back, with what the mapping does not mean left as it is.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::{
    door::{Answer, Door, LIMITS, values},
    odd_app::{OddApp, Told, told},
    roles::{Users, act},
};

const MAPPING: &str = "
mapping: 1
app: { rest: { url: '${ACME_URL}', auth: { bearer: '${ACME_TOKEN}' } } }
resources:
  User:
    id: $.id
    attributes:
      userName: $.login
      title: $.title
      emails: { each: $.media, where: { kind: mail }, value: $.to, type: $.use }
      active: { at: $.roles, lacks: off }
      groups: { each: $.roles, where: { $: { not: [off, base] } }, value: $, at_most: 2 }
    get: list
    list:
      call: GET /users?page={{page}}&per_page={{size}}
      rows: $.users
      pages: { by: page, max: 50 }
      filters: { id eq ?: { query: { id: $.value }, matches: exactly } }
    update:
      - { when: { title: { to: { given: true } } }, call: 'PATCH /users/{{id}}', json: { title: $.changed.title } }
      - { call: 'PATCH /users/{{id}}', json: $.changed, record: $ }
  Group:
    id: $.slug
    attributes:
      displayName: { at: $.name, access: [read] }
      members: { from: User.groups }
    get: list
    list: { fixed: [{ slug: editor, name: Editor }, { slug: author, name: Author }, { slug: chief, name: Chief }] }
";

fn people() -> Value {
    let media = json!([
        {"id": 1, "kind": "mail", "to": "ann@work", "use": "work", "verified": true},
        {"id": 2, "kind": "sms", "to": "+1"},
        {"id": 3, "kind": "mail", "to": "ann@home", "use": "home", "verified": true}
    ]);
    json!({"1": {"id": "1", "login": "ann", "title": "a", "media": media, "roles": ["base", "editor"]}})
}

async fn with(
    mapping: &str,
    people: Value,
    also: fn(&Users, &super::odd_app::Asked) -> Option<Told>,
) -> (Users, Arc<OddApp>, Door) {
    let users = Arc::new(Mutex::new(people));
    let kept = users.clone();
    let (app, url) = OddApp::start(move |asked| also(&kept, asked).unwrap_or_else(|| act(&kept, asked))).await;
    (users, app, Door::over_text(mapping, &url, LIMITS).await)
}

/// The app of the roles knows no ids in its list, and no roles but three.
fn plain(users: &Users, asked: &super::odd_app::Asked) -> Option<Told> {
    let mut users = users.lock().unwrap();
    if let Some((_, id)) = asked.target.split_once("&id=") {
        let rows: Vec<&Value> = users.get(id).into_iter().collect();
        return Some(told(200, &json!({ "users": rows })));
    }
    let id = asked.target.strip_prefix("/users/")?;
    for (key, value) in asked.json().as_object().filter(|_| asked.method == "PATCH")? {
        users[id][key] = value.clone();
    }
    Some(told(200, &users[id]))
}

async fn patched(door: &Door, operations: Value) -> Answer {
    door.patch("/Users/1", operations).await
}

#[tokio::test]
async fn what_the_line_does_not_mean_stays_and_so_do_fields_it_does_not_know() {
    let (users, app, door) = with(MAPPING, people(), plain).await;
    let body = door.get("/Users/1").await.is(200);
    assert_eq!(values(&body["emails"]), ["ann@home", "ann@work"]);
    assert_eq!(app.calls(), ["GET /users?page=1&per_page=50&id=1"]);
    let media = || users.lock().unwrap()["1"]["media"].clone();
    // One more, and one whose type changes: it is the same address.
    patched(
        &door,
        json!([
            {"op": "add", "path": "emails", "value": [{"value": "ann@new", "type": "other"}]},
            {"op": "replace", "path": "emails[value eq \"ann@home\"].type", "value": "other"}
        ]),
    )
    .await
    .is(200);
    assert_eq!(
        media(),
        json!([
            {"id": 1, "kind": "mail", "to": "ann@work", "use": "work", "verified": true},
            {"id": 2, "kind": "sms", "to": "+1"},
            {"id": 3, "kind": "mail", "to": "ann@home", "use": "other", "verified": true},
            {"to": "ann@new", "use": "other", "kind": "mail"}
        ])
    );
    let calls = app.calls();
    assert_eq!(calls.len(), 2, "a read and a write, which tells the record: {calls:?}");
    // Another address is another item: what the app knew of the old one is not said of the new one.
    patched(&door, json!([{"op": "replace", "path": "emails[type eq \"work\"].value", "value": "ann@else"}]))
        .await
        .is(200);
    assert!(media().as_array().unwrap().contains(&json!({"to": "ann@else", "use": "work", "kind": "mail"})));
    patched(&door, json!([{"op": "remove", "path": "emails"}])).await.is(200);
    assert_eq!(media(), json!([{"id": 2, "kind": "sms", "to": "+1"}]));
    // Nothing differs, nothing is sent.
    app.calls();
    patched(&door, json!([{"op": "remove", "path": "emails"}])).await.is(200);
    assert_eq!(app.calls(), ["GET /users?page=1&per_page=50&id=1"]);
}

#[tokio::test]
async fn edits_of_one_list_go_in_one_write_after_what_came_before_them() {
    let (users, app, door) = with(MAPPING, people(), plain).await;
    patched(
        &door,
        json!([
            {"op": "replace", "path": "title", "value": "b"},
            {"op": "replace", "path": "active", "value": false},
            {"op": "add", "path": "emails", "value": [{"value": "x@y"}]}
        ]),
    )
    .await
    .is(200);
    assert_eq!(users.lock().unwrap()["1"]["roles"], json!(["base", "editor", "off"]));
    let writes: Vec<String> = app.calls().into_iter().filter(|call| call.starts_with("PATCH")).collect();
    assert_eq!(writes.len(), 2, "{writes:?}");
    assert!(writes[0].contains("title") && writes[1].contains("off") && writes[1].contains("x@y"), "{writes:?}");
    // Who is off is still in the group, and another group is no way to be on again.
    assert_eq!(values(&door.get("/Groups/editor").await.is(200)["members"]), ["1"]);
    let add = json!([{"op": "add", "path": "members", "value": [{"value": "1"}]}]);
    door.patch("/Groups/author", add.clone()).await.is(204);
    assert_eq!(users.lock().unwrap()["1"]["roles"], json!(["base", "editor", "off", "author"]));
    let detail = door.patch("/Groups/chief", add).await.fails(400, "invalidValue");
    assert!(detail.contains("at most 2"), "{detail}");
    assert_eq!(users.lock().unwrap()["1"]["roles"], json!(["base", "editor", "off", "author"]));
}

#[tokio::test]
async fn where_there_is_room_for_one_to_join_is_to_leave_the_other() {
    let mapping = MAPPING
        .replace("where: { $: { not: [off, base] } }, value: $, at_most: 2", "value: $")
        .replace("each: $.roles", "each: $.role")
        .replace("{ from: User.groups }", "{ from: User.groups, moves: true }");
    let user =
        |id: &str, role: Value| json!({"id": id, "login": id, "title": "t", "media": [], "roles": [], "role": role});
    let people = json!({"1": user("1", json!("editor")), "2": user("2", Value::Null)});
    let (users, _, door) = with(&mapping, people, plain).await;
    let role = |id: &str| users.lock().unwrap()[id]["role"].clone();
    let change = |op: &str, id: &str| json!([{"op": op, "path": format!("members[value eq \"{id}\"]")}]);
    let add = |id: &str| json!([{"op": "add", "path": "members", "value": [{"value": id}]}]);
    assert_eq!(values(&door.get("/Groups/editor").await.is(200)["members"]), ["1"]);
    door.patch("/Groups/author", add("1")).await.is(204);
    door.patch("/Groups/author", add("2")).await.is(204);
    assert_eq!((role("1"), role("2")), (json!("author"), json!("author")));
    // It is not that one any more: nothing is cleared.
    door.patch("/Groups/editor", change("remove", "1")).await.is(204);
    assert_eq!(role("1"), "author");
    door.patch("/Groups/author", change("remove", "1")).await.is(204);
    assert_eq!(role("1"), Value::Null);
    assert_eq!(values(&door.get("/Groups/author").await.is(200)["members"]), ["2"]);
    // who would leave a protected one by it stays there
    let mapping = mapping.replace("    id: $.slug\n", "    id: $.slug\n    protect: { slug: chief }\n");
    let people = json!({"1": user("1", json!("chief")), "2": user("2", json!("editor"))});
    let (users, app, door) = with(&mapping, people, plain).await;
    door.patch("/Groups/author", add("1")).await.is(403);
    assert!(app.calls().iter().all(|call| call.starts_with("GET")), "{:?}", app.calls());
    door.patch("/Groups/author", add("2")).await.is(204);
    let role = |id: &str| users.lock().unwrap()[id]["role"].clone();
    assert_eq!((role("1"), role("2")), (json!("chief"), json!("author")));
}

#[tokio::test]
async fn a_role_that_the_app_drops_is_no_success() {
    let drops = |users: &Users, asked: &super::odd_app::Asked| match asked.method.as_str() {
        "PATCH" => Some(told(200, &users.lock().unwrap()["1"])),
        _ => plain(users, asked),
    };
    let (users, _, door) = with(MAPPING, people(), drops).await;
    let add = json!([{"op": "add", "path": "members", "value": [{"value": "1"}]}]);
    door.patch("/Groups/author", add).await.fails(502, "");
    let remove = json!([{"op": "remove", "path": "members[value eq \"1\"]"}]);
    door.patch("/Groups/editor", remove).await.fails(502, "");
    assert_eq!(users.lock().unwrap()["1"]["roles"], json!(["base", "editor"]));
}

#[tokio::test]
async fn members_may_join_and_leave_by_calls_of_their_own() {
    let mapping = MAPPING.replace(
        "members: { from: User.groups }",
        "members: { from: User.groups, add: 'PUT /users/{{value}}/roles/{{id}}', remove: 'DELETE /users/{{value}}/roles/{{id}}' }",
    );
    let calls = |users: &Users, asked: &super::odd_app::Asked| {
        let Some((id, role)) = asked.target.strip_prefix("/users/").and_then(|rest| rest.split_once("/roles/")) else {
            return plain(users, asked);
        };
        let mut users = users.lock().unwrap();
        let Some(roles) = users.get_mut(id).and_then(|user| user["roles"].as_array_mut()) else {
            return Some(told(404, &json!({})));
        };
        roles.retain(|known| known != role);
        if asked.method == "PUT" {
            roles.push(json!(role));
        }
        Some(told(200, &json!({})))
    };
    let (users, app, door) = with(&mapping, people(), calls).await;
    let add = |id: &str| json!([{"op": "add", "path": "members", "value": [{"value": id}]}]);
    door.patch("/Groups/author", add("1")).await.is(204);
    assert_eq!(app.calls(), ["PUT /users/1/roles/author"], "the mapping itself says that the group is there");
    assert_eq!(users.lock().unwrap()["1"]["roles"], json!(["base", "editor", "author"]));
    door.patch("/Groups/author", add("9")).await.fails(400, "invalidValue");
    let remove = json!([{"op": "remove", "path": "members[value eq \"1\"]"}]);
    door.patch("/Groups/author", remove).await.is(204);
    assert_eq!(users.lock().unwrap()["1"]["roles"], json!(["base", "editor"]));
}

const BY_PUT: &str = "
mapping: 1
app: { rest: { url: '${ACME_URL}', auth: { bearer: '${ACME_TOKEN}' } } }
resources:
  User:
    id: $.login
    where: { gone: { given: false } }
    attributes:
      userName: { at: $.login, case: exact, unique: checked, access: [read, create] }
      title: $.title
    get: 'GET /users/{{id}}'
    list: { call: GET /users, rows: $, pages: { by: whole, max: 100 } }
    create: { call: 'PUT /users/{{record.login}}', json: $.record, record: $ }
    update: { call: 'PATCH /users/{{id}}', json: $.changed, record: $ }
";

#[tokio::test]
async fn a_create_by_put_overwrites_nobody_not_even_who_is_hidden() {
    let users = json!({"ann": {"login": "ann", "title": "old"}, "eve": {"login": "eve", "gone": "2026"}});
    let users = Arc::new(Mutex::new(users));
    let kept = users.clone();
    let (app, url) = OddApp::start(move |asked| {
        let mut users = kept.lock().unwrap();
        let name = asked.target.strip_prefix("/users/").unwrap_or_default().to_owned();
        if asked.method == "PUT" {
            users[&name] = asked.json();
        }
        users.get(&name).map_or_else(|| told(404, &json!({})), |user| told(200, user))
    })
    .await;
    let door = Door::over_text(BY_PUT, &url, LIMITS).await;
    let create = |name: &str| json!({"schemas": [super::door::USER], "userName": name, "title": "new"});
    for name in ["ann", "eve"] {
        door.ask("POST", "/Users", create(name)).await.fails(409, "uniqueness");
    }
    assert_eq!(app.calls(), ["GET /users/ann", "GET /users/eve"]);
    door.ask("POST", "/Users", create("ben")).await.is(201);
    assert_eq!(app.calls(), ["GET /users/ben", "PUT /users/ben {\"login\":\"ben\",\"title\":\"new\"}"]);
    // Two at once: one of them is first.
    let answers = futures_util::future::join_all((0..5).map(|_| door.ask("POST", "/Users", create("joe")))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    assert_eq!(app.calls().iter().filter(|call| call.starts_with("PUT")).count(), 1);
}
