//! Groups that keep their members, shown with the users as well: how a user's groups are read and found, and the reverse.

use std::sync::Arc;

use portolan::plan::Limits;
use serde_json::{Value, json};

use super::{
    door::{Door, LIMITS, values},
    odd_app::{Asked, OddApp, Told, told},
};

/// With a rule that asks for somebody's groups; and without.
const MAPPING: &str = include_str!("../explain/kept-mapping.yml");
const RULE: &str = "members.value eq ?: { call: \"GET /users/{{value}}/groups\", rows: $ }";

const USERS: u64 = 40;

/// In the nth of nine groups is whom n divides, in the first three also somebody who is not there.
fn members(n: u64) -> Vec<u64> {
    let gone = (n <= 3).then_some(99);
    (1..=USERS).filter(|user| user.is_multiple_of(n)).chain(gone).collect()
}

fn act(asked: &Asked) -> Told {
    let uri: http::Uri = asked.target.parse().unwrap();
    let query = uri.query().unwrap_or_default();
    let parameter = |name: &str| {
        query.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name).map(|p| p.1)
    };
    let page = |rows: Vec<Value>| {
        let number = |name| parameter(name).unwrap().parse::<usize>().unwrap();
        let shown: Vec<Value> =
            rows.iter().skip((number("page") - 1) * number("n")).take(number("n")).cloned().collect();
        told(200, &json!({"rows": shown, "total": rows.len()}))
    };
    let user = |n: u64| json!({"id": n, "login": format!("u{n}"), "teams": (1..=9).filter(|g| n.is_multiple_of(*g)).collect::<Vec<u64>>()});
    let group = |n: u64| json!({"id": n, "name": format!("G{n}")});
    let number = |text: &str, most: u64| text.parse::<u64>().ok().filter(|n| (1..=most).contains(n));
    let one = |found: Option<Value>| found.map_or_else(|| told(404, &json!({})), |body| told(200, &body));
    match uri.path().trim_start_matches('/').split('/').collect::<Vec<_>>().as_slice() {
        ["users"] => {
            let login = parameter("login");
            let team = parameter("team").map(|team| team.parse::<u64>().unwrap());
            let has = |n: &u64| {
                login.is_none_or(|login| login == format!("u{n}")) && team.is_none_or(|g| n.is_multiple_of(g))
            };
            page((1..=USERS).filter(has).map(user).collect())
        }
        ["users", id] => one(number(id, USERS).map(user)),
        ["users", id, "groups"] => {
            one(number(id, USERS).map(|id| (1..=9).filter(|n| members(*n).contains(&id)).map(group).collect()))
        }
        ["groups"] => page((1..=9).map(group).collect()),
        ["groups", id] => one(number(id, 9).map(group)),
        ["groups", id, "people"] => {
            one(number(id, 9).map(|id| members(id).into_iter().map(|no| json!({"no": no})).collect()))
        }
        ["teams", id, "users"] => {
            one(number(id, 9).map(|id| (1..=USERS).filter(|n| n.is_multiple_of(id)).map(user).collect()))
        }
        _ => told(405, &json!({})),
    }
}

async fn over(mapping: &str, limits: Limits) -> (Arc<OddApp>, Door) {
    let (app, url) = OddApp::start(act).await;
    (app, Door::over_text(mapping, &url, limits).await)
}

fn without() -> String {
    assert!(MAPPING.contains(RULE));
    MAPPING.replace("      filters:\n        members.value", "      # members.value")
}

fn pages(of: &str, count: usize, size: usize) -> Vec<String> {
    (1..=count).map(|page| format!("GET /{of}?page={page}&n={size}")).collect()
}

/// The calls since the last time, without their order: some go at once.
fn calls(app: &OddApp) -> Vec<String> {
    let mut calls = app.calls();
    calls.sort();
    calls
}

#[tokio::test]
async fn a_users_groups_are_read_out_of_the_groups() {
    let (app, door) = over(MAPPING, LIMITS).await;
    let body = door.get("/Users/6").await.is(200);
    assert_eq!(values(&body["groups"]), ["1", "2", "3", "6"]);
    assert_eq!(
        body["groups"][1],
        json!({"value": "2", "display": "G2", "type": "direct", "$ref": "https://scim.test/scim/v2/Groups/2"})
    );
    // the rule, and each group that it finds: nobody is in one that does not name them
    let asked = [
        "GET /groups/1/people",
        "GET /groups/2/people",
        "GET /groups/3/people",
        "GET /groups/6/people",
        "GET /users/6",
        "GET /users/6/groups",
    ];
    assert_eq!(calls(&app), asked);
    assert_eq!(door.get("/Users/6?excludedAttributes=groups").await.is(200).get("groups"), None);
    assert_eq!(app.calls(), ["GET /users/6"]);

    // without a rule: all groups, once, also for a whole page of users
    let (app, door) = over(&without(), LIMITS).await;
    assert_eq!(values(&door.get("/Users/6").await.is(200)["groups"]), ["1", "2", "3", "6"]);
    assert_eq!(app.calls().len(), 1 + 3 + 9);
    let page = door.get("/Users?count=8").await.is(200);
    let of = |n: usize| values(&page["Resources"][n]["groups"]).len();
    assert_eq!([0, 3, 5, 7].map(of), [1, 3, 4, 4]);
    assert_eq!(app.calls().len(), 1 + 3 + 9);

    // never a part of them
    let (_, few) = over(&without(), Limits { calls: 12, ..LIMITS }).await;
    few.get("/Users/6").await.fails(400, "tooMany");
    let (_, few) = over(&without(), Limits { rows: 8, ..LIMITS }).await;
    few.get("/Users/6").await.fails(400, "tooMany");
    let (_, enough) = over(&without(), Limits { calls: 13, ..LIMITS }).await;
    enough.get("/Users/6").await.is(200);
}

#[tokio::test]
async fn they_are_read_only_there_and_written_in_the_group() {
    let (app, door) = over(MAPPING, LIMITS).await;
    let schema = door.get("/Schemas/urn:ietf:params:scim:schemas:core:2.0:User").await.is(200);
    let groups = schema["attributes"].as_array().unwrap().iter().find(|a| a["name"] == "groups").unwrap();
    assert_eq!(groups["mutability"], "readOnly");
    let join = json!([{"op": "add", "path": "groups", "value": [{"value": "7"}]}]);
    door.patch("/Users/6", join).await.fails(400, "mutability");
    app.calls();
    let add = json!([{"op": "add", "path": "members", "value": [{"value": "6"}]}]);
    assert_eq!(door.patch("/Groups/7", add).await.status, 502, "the app of this test takes nothing");
    assert_eq!(app.calls(), ["PUT /groups/7/people/6"]);
}

#[tokio::test]
async fn who_is_in_a_group_is_found_by_reading_that_group() {
    for mapping in [MAPPING, &without()] {
        let (app, door) = over(mapping, LIMITS).await;
        let group = |id: u64| vec![format!("GET /groups/{id}"), format!("GET /groups/{id}/people")];
        let and = |mut first: Vec<String>, more: Vec<String>| {
            first.extend(more);
            first
        };
        let each = |ids: &str| ids.split_whitespace().map(|id| format!("GET /users/{id}")).collect::<Vec<_>>();
        for (filter, ids, calls) in [
            // few: each by its id, in whatever order the answer has
            ("groups.value eq \"9\"", "9 18 27 36", and(group(9), each("18 27 36 9"))),
            ("groups eq \"9\"", "9 18 27 36", and(group(9), each("18 27 36 9"))),
            ("groups.value eq \"9\" and userName sw \"u3\"", "36", and(group(9), each("18 27 36 9"))),
            // who is not there is nobody's member
            (
                "groups.value eq \"3\" and userName ew \"9\"",
                "9 39",
                and(group(3), each("12 15 18 21 24 27 3 30 33 36 39 6 9 99")),
            ),
            // many: the list, of which they are kept
            (
                "groups.value eq \"2\"",
                "2 4 6 8 10 12 14 16 18 20 22 24 26 28 30 32 34 36 38 40",
                and(group(2), pages("users", 4, 10)),
            ),
            // no group, no members
            ("groups.value eq \"77\"", "", vec!["GET /groups/77".to_owned()]),
            ("groups.value eq \"a/..\"", "", vec![]),
        ] {
            app.calls();
            let path = "/Users?attributes=userName&sortBy=id";
            let found = door.find(path, filter).await;
            assert_eq!(found.ids().join(" "), ids, "{filter}");
            assert_eq!(app.calls(), calls, "{filter}");
        }
        // what is narrower is asked first
        door.find("/Users?attributes=userName", "groups.value eq \"9\" and userName eq \"u18\"").await.is(200);
        assert_eq!(app.calls()[0], "GET /users?page=1&n=10&login=u18");
        // all else is held against the groups of each
        let (_, door) = over(mapping, Limits { calls: 100, ..LIMITS }).await;
        for (filter, ids) in [
            ("groups.value eq \"9\" and not (groups.value eq \"4\")", "9 18 27"),
            ("groups.value eq \"9\" and groups.value eq \"4\"", "36"),
            ("groups[value eq \"9\" and display eq \"G9\"] and userName eq \"u18\"", "18"),
            ("userName eq \"u6\" and groups.value eq \"9\"", ""),
            ("userName eq \"u18\" and groups.value eq \"9\"", "18"),
            ("id eq \"27\" and groups.value eq \"9\"", "27"),
        ] {
            let found = door.find("/Users?attributes=userName&sortBy=id", filter).await;
            assert_eq!(found.ids().join(" "), ids, "{filter}");
        }
    }
}

#[tokio::test]
async fn pages_of_those_who_are_in_a_group_are_whole() {
    let (_, door) = over(MAPPING, LIMITS).await;
    let filter = super::door::encoded("groups.value eq \"9\"");
    let sorted = ["9", "18", "27", "36"];
    let (mut cursor, mut seen) = (Some(String::new()), Vec::new());
    while let Some(here) = cursor {
        let answer = door.get(&format!("/Users?attributes=userName&filter={filter}&count=3&cursor={here}")).await;
        cursor = answer.body.get("nextCursor").map(|cursor| cursor.as_str().unwrap().to_owned());
        seen.extend(answer.ids());
    }
    assert_eq!(seen, sorted);
    for (start, ids) in [(1, &sorted[..3]), (4, &sorted[3..])] {
        let found = door.get(&format!("/Users?attributes=userName&filter={filter}&count=3&startIndex={start}")).await;
        assert_eq!(found.body["totalResults"], 4);
        assert_eq!(found.ids(), ids);
    }
    let none = door.get(&format!("/Users?filter={filter}&count=0")).await.is(200);
    assert_eq!(none["totalResults"], 4);
    // another group, another cursor
    let first = door.get(&format!("/Users?attributes=userName&filter={filter}&count=3&cursor=")).await.is(200);
    let other = super::door::encoded("groups.value eq \"4\"");
    let next = first["nextCursor"].as_str().unwrap();
    door.get(&format!("/Users?attributes=userName&filter={other}&count=3&cursor={next}"))
        .await
        .fails(400, "invalidCursor");
}

/// The reverse: users keep their groups, and a rule of theirs has a call of its own.
#[tokio::test]
async fn members_that_users_keep_are_found_by_their_rule() {
    let mapping = r#"
mapping: 1
app: { rest: { url: "${ACME_URL}", auth: { bearer: "${ACME_TOKEN}" } } }
resources:
  User:
    id: $.id
    attributes:
      userName: { at: $.login, access: [read], case: exact }
      groups: { each: $.teams, value: $ }
    get: GET /users/{{id}}
    list:
      call: GET /users?page={{page}}&n={{size}}
      rows: $.rows
      pages: { by: page, max: 10, total: $.total }
      filters:
        groups.value eq ?: { call: "GET /teams/{{value}}/users", rows: $, matches: exactly }
  Group:
    id: $.id
    attributes:
      displayName: { at: $.name, access: [read], case: exact }
      members: { from: User.groups, access: [read] }
    get: GET /groups/{{id}}
    list:
      call: GET /groups?page={{page}}&n={{size}}
      rows: $.rows
      pages: { by: page, max: 4, total: $.total }
"#;
    let (app, door) = over(mapping, LIMITS).await;
    let body = door.get("/Groups/9").await.is(200);
    assert_eq!(values(&body["members"]), ["18", "27", "36", "9"]);
    assert_eq!(app.calls(), ["GET /groups/9", "GET /teams/9/users"]);
    assert_eq!(door.find("/Users", "groups.value eq \"9\"").await.ids(), ["9", "18", "27", "36"]);
    assert_eq!(app.calls(), ["GET /teams/9/users"]);
    // which groups somebody is in stands with them
    let found = door.find("/Groups?attributes=displayName", "members.value eq \"6\"").await.ids();
    assert_eq!(found, ["1", "2", "3", "6"]);
    assert_eq!(app.calls(), ["GET /users/6", "GET /groups/1", "GET /groups/2", "GET /groups/3", "GET /groups/6"]);
    // of a page of groups the rule is asked for each
    let page = door.get("/Groups?count=3").await.is(200);
    assert_eq!(values(&page["Resources"][2]["members"]).len(), 13);
    assert_eq!(
        app.calls(),
        ["GET /groups?page=1&n=3", "GET /teams/1/users", "GET /teams/2/users", "GET /teams/3/users"]
    );
}

#[tokio::test]
async fn a_member_that_can_be_no_id_hides_nobody() {
    let mapping = "
mapping: 1
app: { rest: { url: '${ACME_URL}' } }
resources:
  User:
    id: $.id
    attributes:
      userName: { at: $.id, case: exact, access: [read] }
      groups: { from: Group.members }
    get: 'GET /users/{{id}}'
    list: { call: GET /users, rows: $, pages: { by: whole, max: 100 } }
  Group:
    id: $.id
    attributes:
      displayName: { at: $.id, access: [read] }
      members: { each: $.people, value: $, of: User, access: [read] }
    get: 'GET /groups/{{id}}'
    list: { call: GET /groups, rows: $, pages: { by: whole, max: 100 } }
";
    let people = json!({"g1": ["a1", "b/2", "c3", ".", "d4"], "g2": ["b/2", "."]});
    let (app, url) = OddApp::start(move |asked| match asked.target.trim_start_matches('/').split_once('/') {
        Some(("users", id)) => told(200, &json!({"id": id})),
        Some(("groups", id)) => told(200, &json!({"id": id, "people": people[id]})),
        _ => told(405, &json!({})),
    })
    .await;
    let door = Door::over_text(mapping, &url, LIMITS).await;
    let found = door.find("/Users?attributes=userName", "groups.value eq \"g1\"").await;
    assert_eq!(found.body["totalResults"], 3);
    assert_eq!(found.ids(), ["a1", "c3", "d4"]);
    assert_eq!(app.calls(), ["GET /groups/g1", "GET /users/a1", "GET /users/c3", "GET /users/d4"]);
    assert_eq!(door.find("/Users?attributes=userName", "groups.value eq \"g2\"").await.is(200)["totalResults"], 0);
}

#[tokio::test]
async fn groups_that_cannot_be_read_are_not_none() {
    let mapping = "
mapping: 1
app: { rest: { url: '${ACME_URL}' } }
resources:
  User:
    id: $.id
    attributes:
      userName: { at: $.id, case: exact, access: [read] }
      groups: { from: Group.members }
    get: 'GET /users/{{id}}'
    list: { call: GET /users, rows: $, pages: { by: whole, max: 100 } }
  Group:
    id: $.id
    attributes:
      displayName: { at: $.id, access: [read] }
      members: { each: $.people, value: $, of: User, access: [read] }
    get: 'GET /groups/{{id}}'
    list: { call: GET /groups, rows: $, gives: [], pages: { by: whole, max: 100 } }
";
    for seen in [true, false] {
        let (_app, url) = OddApp::start(move |asked| match asked.target.as_str() {
            "/users/a1" => told(200, &json!({"id": "a1"})),
            "/groups" => told(200, &json!(["g1", "g2"])),
            "/groups/g2" if !seen => told(404, &json!({})),
            "/groups/g1" | "/groups/g2" => told(200, &json!({"id": &asked.target[8..], "people": ["a1"]})),
            _ => told(405, &json!({})),
        })
        .await;
        let user = Door::over_text(mapping, &url, LIMITS).await.get("/Users/a1").await;
        match seen {
            true => assert_eq!(values(&user.is(200)["groups"]), ["g1", "g2"]),
            false => drop(user.fails(503, "")),
        }
    }
}
