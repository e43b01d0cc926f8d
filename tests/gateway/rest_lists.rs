//! Records that the app keeps in several lists: who is active in one, who is not in another.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::{
    door::{Door, LIMITS, encoded},
    odd_app::{Asked, OddApp, Told, told},
};

/// Odd ones are active.
fn user(n: usize) -> Value {
    json!({"id": n, "login": format!("u{n}"), "name": format!("Una {n}"), "state": if n.is_multiple_of(2) { "off" } else { "on" }})
}

fn parameter<'a>(asked: &'a Asked, name: &str) -> Option<&'a str> {
    let query = asked.target.split_once('?')?.1;
    query.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}=")))
}

/// What the app does that its mapping denies: `everybody` in the list of active ones; `moved` who are there and off.
#[derive(Default, Clone)]
struct Odd {
    everybody: bool,
    moved: Vec<usize>,
    tells: bool,
    /// Whoever moved is in the right list as soon as the record was read.
    passing: bool,
}

fn answer(odd: &Mutex<Odd>, asked: &Asked) -> Told {
    let mut kept = odd.lock().unwrap();
    let odd = kept.clone();
    let path = asked.target.split('?').next().unwrap();
    if let Some(id) = path.strip_prefix("/users/") {
        let n: usize = id.parse().unwrap_or_default();
        kept.moved.retain(|moved| !odd.passing || *moved != n);
        return if (1..=9).contains(&n) { told(200, &user(n)) } else { told(404, &json!({})) };
    }
    let listed = |n: &usize| match path {
        "/search" => user(*n)["login"].as_str().unwrap().starts_with(parameter(asked, "begins").unwrap()),
        "/active" => odd.everybody || !n.is_multiple_of(2) || odd.moved.contains(n),
        _ => odd.everybody || n.is_multiple_of(2) && !odd.moved.contains(n),
    };
    let login = parameter(asked, "login");
    let id = parameter(asked, "id");
    let fits =
        |n: &usize| login.is_none_or(|login| login == format!("u{n}")) && id.is_none_or(|id| id == n.to_string());
    let all: Vec<usize> = (1..=9).filter(listed).filter(fits).collect();
    let number = |name: &str| parameter(asked, name).and_then(|text| text.parse().ok());
    let (page, size): (usize, usize) = (number("page").unwrap_or(1), number("n").unwrap_or(3));
    let row = |n: &usize| {
        let mut row = user(*n);
        let object = row.as_object_mut().unwrap();
        object.retain(|name, _| name != "state" || odd.tells || path == "/search");
        row
    };
    let rows: Vec<Value> = all.iter().skip((page - 1) * size).take(size).map(row).collect();
    told(200, &json!({"data": rows, "total": all.len()}))
}

struct Set {
    app: Arc<OddApp>,
    door: Door,
    odd: Arc<Mutex<Odd>>,
}

const ACTIVE: &str = "holds: active eq true";
const OFF: &str = "holds: active eq false";

async fn set(more: [&str; 2], pages: &str, get: &str) -> Set {
    let list = |path: &str, more: &str| {
        format!(
            "      - call: GET /{path}?page={{{{page}}}}&n={{{{size}}}}\n        rows: $.data\n        {more}\n        pages: {pages}\n        \
             filters: {{ id eq ?: {{ query: {{ id: $.value }}, matches: exactly }}, userName eq ?: {{ query: {{ login: $.value }}, matches: exactly }}, \
             userName sw ?: {{ call: 'GET /search?begins={{{{value}}}}&page={{{{page}}}}&n={{{{size}}}}', rows: $.data, pages: {pages}, matches: exactly }} }}\n"
        )
    };
    let mapping = format!(
        r#"mapping: 1
app: {{ rest: {{ url: "${{ACME_URL}}", auth: {{ bearer: "${{ACME_TOKEN}}" }} }} }}
resources:
  User:
    id: $.id
    attributes:
      userName: {{ at: $.login, case: exact, access: [read] }}
      displayName: {{ at: $.name, access: [read] }}
      active: {{ at: $.state, values: {{ true: "on", false: "off" }}, access: [read] }}
    get: {get}
    list:
{}{}"#,
        list("active", more[0]),
        list("off", more[1])
    );
    let odd = Arc::new(Mutex::new(Odd::default()));
    let shared = odd.clone();
    let (app, url) = OddApp::start(move |asked| answer(&shared, asked)).await;
    Set { app, door: Door::over_text(&mapping, &url, LIMITS).await, odd }
}

const GET: &str = "GET /users/{{id}}";
const WALKED: &str = "{ by: page, max: 3 }";
const TOLD: &str = "{ by: page, max: 100, total: $.total }";

fn names(list: &Value) -> Vec<&str> {
    list["Resources"].as_array().unwrap().iter().map(|r| r["userName"].as_str().unwrap()).collect()
}

async fn find(door: &Door, filter: &str) -> Value {
    door.get(&format!("/Users?filter={}", encoded(filter))).await.is(200)
}

#[tokio::test]
async fn one_list_comes_after_the_other_and_says_what_its_rows_do_not() {
    let Set { app, door, .. } = set([ACTIVE, OFF], TOLD, GET).await;
    let list = door.get("/Users").await.is(200);
    assert_eq!(names(&list), ["u1", "u3", "u5", "u7", "u9", "u2", "u4", "u6", "u8"]);
    assert_eq!(list["totalResults"], 9);
    assert_eq!(app.calls(), ["GET /active?page=1&n=100", "GET /off?page=1&n=100"]);
    // as if each were read by itself, the version as well
    for resource in list["Resources"].as_array().unwrap() {
        assert_eq!(*resource, door.get(&format!("/Users/{}", resource["id"].as_str().unwrap())).await.is(200));
    }
}

#[tokio::test]
async fn a_filter_asks_only_the_lists_it_is_about() {
    let Set { app, door, .. } = set([ACTIVE, OFF], TOLD, GET).await;
    let (active, off) = ("GET /active?page=1&n=100", "GET /off?page=1&n=100");
    for (filter, found, calls) in [
        // exactly: the app's own page
        ("active eq false", vec!["u2", "u4", "u6", "u8"], vec![off.to_owned()]),
        ("not (active eq true)", vec!["u2", "u4", "u6", "u8"], vec![off.to_owned()]),
        ("active eq true and userName eq \"u3\"", vec!["u3"], vec![format!("{active}&login=u3")]),
        ("active eq true and userName eq \"u2\"", vec![], vec![format!("{active}&login=u2")]),
        ("userName eq \"u2\"", vec!["u2"], vec![format!("{active}&login=u2"), format!("{off}&login=u2")]),
        ("active eq true and active eq false", vec![], vec![]),
        (
            "active eq false or displayName eq \"Una 3\"",
            vec!["u3", "u2", "u4", "u6", "u8"],
            vec![active.to_owned(), off.to_owned()],
        ),
        (
            "active eq false and (userName eq \"u2\" or userName eq \"u3\")",
            vec!["u2"],
            vec![format!("{off}&login=u2"), format!("{off}&login=u3")],
        ),
    ] {
        let list = find(&door, filter).await;
        assert_eq!((names(&list), app.calls()), (found, calls), "{filter}");
    }
    let list = door.get(&format!("/Users?filter={}&count=0", encoded("active eq false"))).await.is(200);
    assert_eq!(list["totalResults"], 4);
}

#[tokio::test]
async fn pages_go_over_from_one_list_to_the_next_and_nothing_is_read_twice() {
    let Set { app, door, .. } = set([ACTIVE, OFF], WALKED, GET).await;
    let all = ["u1", "u3", "u5", "u7", "u9", "u2", "u4", "u6", "u8"];
    let mut found = Vec::new();
    for start in [1, 4, 7] {
        let page = door.get(&format!("/Users?count=3&startIndex={start}")).await.is(200);
        assert_eq!(page["totalResults"], 9);
        found.extend(names(&page).into_iter().map(str::to_owned));
        let calls = app.calls();
        match start {
            // all are counted
            1 => assert_eq!(calls.len(), 3 + 3, "{calls:?}"),
            // from the place where the page before ended
            4 => assert_eq!(calls.first().unwrap(), "GET /active?page=1&n=3"),
            _ => assert!(calls.iter().all(|call| call.starts_with("GET /off")), "{calls:?}"),
        }
    }
    assert_eq!(found, all);
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = door.get(&format!("/Users?count=2&cursor={cursor}")).await.is(200);
        found.extend(names(&page).into_iter().map(str::to_owned));
        let calls = app.calls();
        match page["nextCursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => {
                assert!(calls.iter().all(|call| call.starts_with("GET /off")), "{calls:?}");
                break;
            }
        }
    }
    assert_eq!(found, all);
}

#[tokio::test]
async fn who_may_be_in_both_comes_once_and_in_one_order() {
    for more in [["", ""], [ACTIVE, ""]] {
        let Set { app: _app, door, odd } = set(more, WALKED, GET).await;
        let off = more[0].is_empty();
        odd.lock().unwrap().everybody = off;
        odd.lock().unwrap().tells = true;
        let mut found = Vec::new();
        for start in [1, 4, 7] {
            let page = door.get(&format!("/Users?count=3&startIndex={start}")).await.is(200);
            assert_eq!(page["totalResults"], 9);
            found.extend(names(&page).into_iter().map(str::to_owned));
        }
        assert_eq!(found, ["u1", "u2", "u3", "u4", "u5", "u6", "u7", "u8", "u9"]);
    }
}

#[tokio::test]
async fn a_row_that_says_otherwise_is_never_shown() {
    // the row says it
    let Set { door, odd, .. } = set([ACTIVE, OFF], TOLD, GET).await;
    *odd.lock().unwrap() = Odd { moved: vec![4], tells: true, ..Odd::default() };
    door.get("/Users").await.fails(502, "");
    door.get("/Users?filter=active%20eq%20true").await.fails(502, "");
    assert_eq!(names(&find(&door, "active eq false").await), ["u2", "u6", "u8"]);
    // its record says it
    let Set { app, door, odd } = set([&format!("{ACTIVE}\n        gives: []"), OFF], TOLD, GET).await;
    odd.lock().unwrap().moved = vec![4];
    door.get("/Users?filter=active%20eq%20true").await.fails(502, "");
    // what is not shown and not asked is not read
    app.calls();
    door.get("/Users?filter=active%20eq%20true&attributes=id").await.is(200);
    assert_eq!(app.calls(), ["GET /active?page=1&n=100"]);
}

#[tokio::test]
async fn what_holds_is_given() {
    let Set { app, door, .. } = set([&format!("{ACTIVE}\n        gives: [userName]"), OFF], WALKED, GET).await;
    let list =
        door.get(&format!("/Users?attributes=userName,active&filter={}", encoded("active eq true"))).await.is(200);
    assert_eq!(list["Resources"][0]["active"], true);
    assert!(app.calls().iter().all(|call| call.starts_with("GET /active")));
    // the rows of the other list give all there is
    let list = door.get(&format!("/Users?filter={}", encoded("displayName co \"Una\""))).await.is(200);
    assert_eq!(list["totalResults"], 9);
    let read = app.calls().iter().filter(|call| call.starts_with("GET /users/")).count();
    assert_eq!(read, 5);
}

#[tokio::test]
async fn one_record_is_looked_for_in_each_list() {
    let Set { app, door, .. } = set([ACTIVE, OFF], TOLD, "list").await;
    let found = door.get("/Users/4").await.is(200);
    assert_eq!((&found["userName"], &found["active"]), (&json!("u4"), &json!(false)));
    assert_eq!(app.calls(), ["GET /active?page=1&n=100&id=4", "GET /off?page=1&n=100&id=4"]);
    assert_eq!(door.get("/Users/3").await.is(200)["active"], true);
    assert_eq!(app.calls(), ["GET /active?page=1&n=100&id=3"]);
    door.get("/Users/77").await.fails(404, "");
}

#[tokio::test]
async fn who_is_in_two_lists_that_exclude_each_other_is_shown_in_neither() {
    for gives in ["", "\n        gives: [userName]"] {
        let more = [ACTIVE, OFF].map(|holds| format!("{holds}{gives}"));
        let Set { app, door, odd } = set(more.each_ref().map(String::as_str), TOLD, GET).await;
        // the app does not know the parameter
        odd.lock().unwrap().everybody = true;
        for path in ["/Users?attributes=userName,active", "/Users?attributes=userName,active&cursor="] {
            door.get(path).await.fails(503, "");
            assert_eq!(app.calls().len(), 4, "{path}: both lists, and both again");
        }
    }
}

#[tokio::test]
async fn what_a_call_of_a_rules_own_finds_is_in_any_list() {
    let Set { app, door, .. } = set([ACTIVE, OFF], TOLD, GET).await;
    for (filter, found) in [
        ("userName sw \"u\" and active eq true", vec!["u1", "u3", "u5", "u7", "u9"]),
        ("userName sw \"u2\" and active eq true", vec![]),
        ("userName sw \"u2\" and active eq false", vec!["u2"]),
        ("userName sw \"u2\"", vec!["u2"]),
    ] {
        let list = find(&door, filter).await;
        assert_eq!(
            (names(&list), list["totalResults"].as_u64()),
            (found.clone(), Some(found.len() as u64)),
            "{filter}"
        );
        assert!(app.calls().iter().all(|call| call.starts_with("GET /search")), "{filter}");
    }
}

#[tokio::test]
async fn whoever_moves_before_the_record_is_read_is_looked_for_again() {
    let Set { app, door, odd } = set([&format!("{ACTIVE}\n        gives: []"), OFF], TOLD, GET).await;
    *odd.lock().unwrap() = Odd { moved: vec![4], passing: true, ..Odd::default() };
    let list = find(&door, "active eq true").await;
    assert_eq!(names(&list), ["u1", "u3", "u5", "u7", "u9"]);
    assert_eq!(app.calls().iter().filter(|call| call.starts_with("GET /active")).count(), 2);
}
