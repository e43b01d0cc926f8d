//! Law 9 as a table: of each write that takes several calls, each call fails in its turn and in each way, and what the error
//! says is held against what is there then.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};

use super::{
    door::{Answer, Door, GROUP, LIMITS, USER},
    odd_app::{Asked, OddApp, Told, told},
};

const MAPPING: &str = "
mapping: 1
app: { rest: { url: '${ACME_URL}', answers: [{ when: { status: 422 }, then: refused }] } }
resources:
  User:
    id: $.id
    attributes:
      userName: { at: $.login, access: [read, create] }
      userType: { at: $.kind, access: [read, create] }
      title: $.title
      nickName: $.nick
      groups: GROUPS
    get: GET /users/{{id}}
    list: { call: GET /users, rows: $, pages: { by: whole, max: 100 } }
    create:
      takes: [userName, userType]
      steps:
        - { call: POST /boxes, when: { $.record.kind: mail }, json: { of: $.record.login }, undo: 'DELETE /boxes/{{record.login}}' }
        - { call: POST /accounts, json: { of: $.record.login }, keep: { account: $.id }, undo: 'DELETE /accounts/{{account}}' }
        - { call: POST /users, json: { account: $.account, '...': $.record }, record: $ }
    update:
      - { when: { title: { to: { given: true } } }, call: 'POST /users/{{id}}/set', json: $.changed }
      - when: { nickName: { to: { given: true } } }
        steps:
          - { call: POST /accounts, json: { of: $.id }, keep: { account: $.id }, undo: 'DELETE /accounts/{{account}}' }
          - { call: 'POST /users/{{id}}/set', json: $.changed }
          - { call: 'DELETE /accounts/{{account}}' }
      - { call: 'POST /users/{{id}}/set', json: $.changed }
    delete: { steps: ['DELETE /users/{{id}}/sessions', 'DELETE /users/{{id}}'] }
  Group:
    id: $.id
    existing: adopt
    attributes:
      displayName: { at: $.name, case: exact, unique: app }
      externalId: $.note
      members: MEMBERS
    get: GET /groups/{{id}}
    list: { call: GET /groups, rows: $, pages: { by: whole, max: 100 } }
    create: { call: POST /groups, json: $.record, id: $.id, takes: [displayName] }
    update: { call: 'POST /groups/{{id}}/set', json: $.changed }
    delete: DELETE /groups/{{id}}
";

/// The ways to keep members: in the user's list, by a call for each user, by one for several, and in the group.
const WAYS: [&str; 4] = [
    "{ from: User.groups }",
    "{ from: User.groups, add: 'PUT /users/{{value}}/roles/{{id}}', remove: 'DELETE /users/{{value}}/roles/{{id}}' }",
    "{ from: User.groups, add: { call: 'POST /groups/{{id}}/join', json: $.values, batch: 2 }, remove: { call: 'POST /groups/{{id}}/leave', json: $.values, batch: 2 } }",
    "{ each: $.people, value: $, of: User, add: { call: 'POST /groups/{{id}}/join', json: $.values, batch: 2 }, remove: { call: 'POST /groups/{{id}}/leave', json: $.values, batch: 2 } }",
];

/// What a call gets that fails.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    Refused,
    Broken,
    BrokenAfterActing,
    Nonsense,
}

const FAILURES: [Way; 4] = [Way::Refused, Way::Broken, Way::BrokenAfterActing, Way::Nonsense];

/// Which calls fail: the nth, and perhaps all behind it.
#[derive(Debug, Clone, Copy)]
struct Fail {
    nth: usize,
    and_on: bool,
    way: Way,
}

fn start() -> Value {
    let user = |id: &str| json!({"id": id, "login": format!("l{id}"), "roles": [], "title": "old", "nick": "old"});
    let mut users = json!({"1": user("1"), "2": user("2"), "3": user("3"), "4": user("4")});
    users["4"]["roles"] = json!(["g"]);
    let boxes = json!({"joe": {"id": "joe", "of": "somebody else"}});
    json!({"users": users, "accounts": {}, "boxes": boxes, "groups": {"g": {"id": "g", "name": "Cooks", "people": ["4"]}}})
}

/// Users, groups, accounts and boxes, all of them made under the next free name. Nobody has sessions.
fn act(all: &mut Value, in_group: bool, asked: &Asked) -> Told {
    let segments: Vec<&str> = asked.target.split('/').skip(1).collect();
    let body = asked.json();
    let (kind, id) = (segments[0], segments.get(1).copied().unwrap_or_default());
    let rows = |all: &Value| Value::Array(all[kind].as_object().unwrap().values().cloned().collect());
    if segments.len() > 1 && all[kind].get(id).is_none() {
        return told(404, &json!({}));
    }
    match (asked.method.as_str(), segments.get(2).copied()) {
        ("GET", None) if id.is_empty() => told(200, &rows(all)),
        ("GET", _) => told(200, &all[kind][id]),
        ("POST", None) => {
            let known = all[kind].as_object().unwrap().len();
            let id = if kind == "accounts" { format!("a{known}") } else { "new".to_owned() };
            let mut made = json!({"id": id, "roles": [], "people": []});
            made.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
            all[kind][&id] = made;
            told(201, &all[kind][&id])
        }
        ("DELETE", Some("sessions")) => told(404, &json!({})),
        ("DELETE", None) => {
            all[kind].as_object_mut().unwrap().remove(id);
            told(204, &Value::Null)
        }
        ("POST", Some("set")) => {
            all[kind][id].as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
            told(204, &Value::Null)
        }
        (method, Some(how)) => {
            let joins = method == "PUT" || how == "join";
            let (group, members) = match kind {
                "users" => (segments[3], json!([id])),
                _ => (id, body),
            };
            for member in members.as_array().unwrap() {
                let list = match in_group {
                    true => &mut all["groups"][group]["people"],
                    false => &mut all["users"][member.as_str().unwrap()]["roles"],
                };
                let what = if in_group { member.clone() } else { json!(group) };
                list.as_array_mut().unwrap().retain(|known| *known != what);
                if joins {
                    list.as_array_mut().unwrap().push(what);
                }
            }
            told(204, &Value::Null)
        }
        _ => told(405, &json!({})),
    }
}

/// Who is in which group: those whom a group that is gone held are in none.
fn pairs(all: &Value, in_group: bool) -> BTreeSet<(String, String)> {
    let (kind, list) = if in_group { ("groups", "people") } else { ("users", "roles") };
    let of = |(id, record): (&String, &Value)| {
        let held = record[list].as_array().unwrap().clone();
        held.into_iter().map(|one| (id.clone(), one.as_str().unwrap().to_owned())).collect::<Vec<_>>()
    };
    all[kind].as_object().unwrap().iter().flat_map(of).collect()
}

/// What is otherwise than before, in the words of an error.
fn effects(before: &Value, after: &Value, in_group: bool) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let (old, new) = (pairs(before, in_group), pairs(after, in_group));
    for (verb, count) in [("adding", new.difference(&old).count()), ("removing", old.difference(&new).count())] {
        found.extend((1..=count).map(|n| format!("{verb} member {n}")));
    }
    for (kind, name) in [("users", "the User was made"), ("groups", "the Group was made")] {
        found.extend(after[kind].get("new").map(|_| name.to_owned()));
    }
    // a user that is made has one
    let made = usize::from(after["users"].get("new").is_some());
    let accounts = after["accounts"].as_object().unwrap().len();
    found.extend((made < accounts).then(|| "an account".to_owned()));
    found.extend((made == 0 && after["boxes"].get("new").is_some()).then(|| "a box".to_owned()));
    found.extend((before["boxes"]["joe"] != after["boxes"]["joe"]).then(|| "the loss of another's box".to_owned()));
    if before["users"]["1"] != Value::Null && after["users"]["1"] == Value::Null {
        found.insert("the deletion".to_owned());
    }
    for (kind, id, field, name) in [
        ("users", "1", "title", "title"),
        ("users", "1", "nick", "nickName"),
        ("users", "new", "title", "title"),
        ("users", "new", "nick", "nickName"),
        ("groups", "g", "name", "displayName"),
        ("groups", "g", "note", "externalId"),
        ("groups", "new", "note", "externalId"),
    ] {
        let changed = after[kind].get(id).is_some() && before[kind][id][field] != after[kind][id][field];
        found.extend(changed.then(|| format!("the change of `{name}`")));
    }
    found
}

/// What an error says took effect, in the same words, and what it says is not known.
fn said(detail: &str) -> BTreeSet<String> {
    let Some((_, list)) = detail.split_once("took effect: ") else { return BTreeSet::new() };
    let list = list.split("; whether").next().unwrap();
    let mut found = BTreeSet::new();
    let mut counts = [("adding", 0), ("removing", 0)];
    for one in list.split("; ") {
        let count = counts.iter_mut().find(|(verb, _)| one.starts_with(verb));
        match count {
            Some((verb, count)) => {
                let more: usize = one.split(' ').nth(1).unwrap().parse().unwrap();
                found.extend((*count + 1..=*count + more).map(|n| format!("{verb} member {n}")));
                *count += more;
            }
            None if one.starts_with("step 1 of 3 of the making") => drop(found.insert("a box".to_owned())),
            None if one.starts_with("step 1 of") || one.starts_with("step 2 of 3 of the making") => {
                found.insert("an account".to_owned());
            }
            None if one.starts_with("step 2 of 3 of the change of `nickName`") => {
                found.insert("the change of `nickName`".to_owned());
            }
            None => {
                let (what, names) = one.split_once(" of `").map_or((one, ""), |(what, names)| (what, names));
                let each = names.split(", ").map(|name| format!("{what} of `{}`", name.trim_matches('`')));
                found.extend(if names.is_empty() { vec![one.to_owned()] } else { each.collect() });
            }
        }
    }
    found
}

/// An app some of whose calls fail, and the door over it.
struct Tried {
    in_group: bool,
    door: Door,
    app: Arc<OddApp>,
    state: Arc<Mutex<(Value, usize, Option<Fail>)>>,
}

impl Tried {
    async fn over(mapping: &str, in_group: bool) -> Self {
        let state = Arc::new(Mutex::new((start(), 0, None::<Fail>)));
        let kept = state.clone();
        let (app, url) = OddApp::start(move |asked| {
            let (all, nth, fail) = &mut *kept.lock().unwrap();
            *nth += 1;
            let fails = fail.filter(|fail| fail.nth == *nth || fail.and_on && *nth > fail.nth).map(|fail| fail.way);
            let acted = (!matches!(fails, Some(Way::Refused | Way::Broken))).then(|| act(all, in_group, asked));
            match (fails, acted) {
                (None, Some(acted)) => acted,
                (Some(Way::Refused), _) => told(422, &json!({})),
                (Some(Way::Nonsense), _) => Told(200, vec![("content-type", "text/html".into())], "<html>".into()),
                _ => told(500, &json!({})),
            }
        })
        .await;
        Self { in_group, door: Door::over_text(mapping, &url, LIMITS).await, app, state }
    }

    /// One request to the app as it was at first: the answer, what became of the app, and all calls.
    async fn ask(&self, request: &Request, fail: Option<Fail>) -> (Answer, Value, Vec<String>) {
        *self.state.lock().unwrap() = (start(), 0, fail);
        let answer = self.door.ask(request.method, request.path, request.body.clone()).await;
        (answer, self.state.lock().unwrap().0.clone(), self.app.calls())
    }

    /// Whether what the answer says is so. `wrote`: whether a call that writes had no answer that says whether it acted.
    fn honest(&self, answer: &Answer, after: &Value, whole: &BTreeSet<String>, wrote: bool) -> Result<(), String> {
        let effects = effects(&start(), after, self.in_group);
        if answer.status < 300 {
            return if effects == *whole { Ok(()) } else { Err(format!("it is no success: {effects:?}")) };
        }
        let detail = answer.body["detail"].as_str().unwrap_or_default();
        let mut said = said(detail);
        // who is adopted by a name has that name already
        let same = "the change of `displayName`";
        said.retain(|one| one != same || whole.contains(same));
        let unsure = detail.contains("not known");
        if let Some(one) = said.iter().find(|one| !effects.contains(*one)) {
            return Err(format!("`{one}` is said and not so: {detail}"));
        }
        match effects.iter().find(|one| !said.contains(*one)) {
            Some(one) if !unsure => Err(format!("`{one}` is so and not said: {detail}")),
            _ if unsure && !wrote => Err(format!("nothing is unsure: {detail}")),
            _ => Ok(()),
        }
    }
}

struct Request {
    method: &'static str,
    path: &'static str,
    body: Value,
}

fn requests() -> Vec<Request> {
    let group = |name: &str, members: &[&str]| {
        let members: Vec<Value> = members.iter().map(|id| json!({"value": id})).collect();
        json!({"schemas": [GROUP], "displayName": name, "externalId": "note", "members": members})
    };
    let patch = |operations: Value| json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations});
    let user = json!({"schemas": [USER], "userName": "joe", "title": "Dr.", "nickName": "jo"});
    let boxed = json!({"schemas": [USER], "userName": "new", "userType": "mail", "title": "Dr.", "nickName": "jo"});
    let both = patch(json!([{"op": "replace", "value": {"title": "Dr.", "nickName": "jo"}}]));
    let members = patch(json!([
        {"op": "replace", "path": "displayName", "value": "Chefs"},
        {"op": "add", "path": "members", "value": [{"value": "1"}, {"value": "2"}, {"value": "3"}]},
        {"op": "remove", "path": "members[value eq \"4\"]"}
    ]));
    let request = |method, path, body| Request { method, path, body };
    vec![
        request("POST", "/Groups", group("New", &["1", "2", "3"])),
        request("POST", "/Groups", group("Cooks", &["1", "2", "3"])),
        request("PUT", "/Groups/g", group("Chefs", &["1", "2", "3"])),
        request("PATCH", "/Groups/g", members),
        request("POST", "/Users", user),
        request("POST", "/Users", boxed),
        request("PATCH", "/Users/1", both),
        request("DELETE", "/Users/1", Value::Null),
    ]
}

#[tokio::test]
async fn what_an_error_says_is_so_whichever_call_fails() {
    let mut wrong = Vec::new();
    for (at, members) in WAYS.into_iter().enumerate() {
        let in_group = at == 3;
        let groups = if in_group { "{ from: Group.members }" } else { "{ each: $.roles, value: $ }" };
        let tried = Tried::over(&MAPPING.replace("MEMBERS", members).replace("GROUPS", groups), in_group).await;
        for request in requests().iter().filter(|request| at == 0 || request.path.starts_with("/Groups")) {
            let (answer, after, calls) = tried.ask(request, None).await;
            let whole = effects(&start(), &after, in_group);
            assert!(answer.status < 300 && !whole.is_empty(), "{calls:#?} {answer:?}");
            for nth in 1..=calls.len() {
                for (and_on, way) in [false, true].into_iter().flat_map(|on| FAILURES.map(|way| (on, way))) {
                    let fail = Fail { nth, and_on, way };
                    let (answer, after, calls) = tried.ask(request, Some(fail)).await;
                    let failed = &calls[nth - 1..];
                    let failed = if and_on { failed } else { &failed[..1] };
                    let wrote = way != Way::Refused && failed.iter().any(|call| !call.starts_with("GET "));
                    if let Err(why) = tried.honest(&answer, &after, &whole, wrote) {
                        let (method, path) = (request.method, request.path);
                        wrong.push(format!("{method} {path} {members} {fail:?}\n  {why}\n  {calls:?}"));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of them\n{}", wrong.len(), wrong.join("\n"));
}

/// What the table does not have: somebody who leaves another group by joining, and steps that end in an edit.
const MORE: &str = "
mapping: 1
app: { rest: { url: '${ACME_URL}', answers: [{ when: { status: 422 }, then: refused }] } }
resources:
  User:
    id: $.id
    attributes:
      userName: { at: $.login, access: [read] }
      title: $.title
      groups: { each: $.role, value: $ }
    get: GET /users/{{id}}
    list: { call: GET /users, rows: $, pages: { by: whole, max: 100 } }
    update:
      - when: { title: { to: { given: true } } }
        steps:
          - { call: POST /accounts, json: { of: $.id }, keep: { account: $.id }, undo: 'DELETE /accounts/{{account}}' }
          - { call: 'POST /users/{{id}}/set', json: { account: $.account, '...': $.whole } }
      - { call: 'POST /users/{{id}}/set', json: $.changed }
  Group:
    id: $.id
    attributes:
      displayName: { at: $.name, access: [read, create] }
      members: { from: User.groups, moves: true }
    get: GET /groups/{{id}}
    list: { call: GET /groups, rows: $, pages: { by: whole, max: 100 } }
    create: { call: POST /groups, json: $.record, id: $.id, takes: [displayName] }
    delete: DELETE /groups/{{id}}
";

#[tokio::test]
async fn who_left_another_group_for_it_is_not_sent_back() {
    let tried = Tried::over(MORE, false).await;
    let body = json!({"schemas": [GROUP], "displayName": "New", "members": [{"value": "1"}, {"value": "2"}]});
    let request = Request { method: "POST", path: "/Groups", body };
    let (_, _, calls) = tried.ask(&request, None).await;
    let second = calls.iter().position(|call| call.starts_with("POST /users/2/set")).unwrap() + 1;
    let fail = Fail { nth: second, and_on: false, way: Way::Refused };
    let (answer, after, calls) = tried.ask(&request, Some(fail)).await;
    let detail = answer.fails(400, "invalidValue");
    assert!(detail.ends_with("took effect: the Group was made; adding 1 member"), "{detail}");
    assert_eq!(after["groups"]["new"]["name"], "New", "nobody is in a group that is gone");
    assert!(!calls.iter().any(|call| call.starts_with("DELETE")), "{calls:?}");
}

#[tokio::test]
async fn one_step_before_an_edit_keeps_and_is_undone() {
    let tried = Tried::over(MORE, false).await;
    let body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"op": "replace", "path": "title", "value": "Dr."}]});
    let request = Request { method: "PATCH", path: "/Users/1", body };
    let (answer, after, calls) = tried.ask(&request, None).await;
    assert_eq!((answer.status, &after["users"]["1"]["account"]), (200, &json!("a0")), "{calls:?}");
    let write = calls.iter().position(|call| call.starts_with("POST /users/1/set")).unwrap() + 1;
    let fail = Fail { nth: write, and_on: false, way: Way::Refused };
    let (answer, after, _) = tried.ask(&request, Some(fail)).await;
    let detail = answer.fails(400, "invalidValue");
    assert!(!detail.contains("took effect"), "{detail}");
    assert_eq!(after, start());
}
