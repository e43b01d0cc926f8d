//! Lists whose rows give less than the record: every row is used for what it is good for, the rest is read by `get`, and no call
//! is made for a row that surely does not match.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::{
    door::{Door, LIMITS},
    odd_app::{Asked, OddApp, Told, told},
};

/// `u1` to `u9`; the even ones are off. What a row shows is not what `get` tells of the state.
fn user(n: usize) -> Value {
    json!({"id": n, "login": format!("u{n}"), "name": format!("Una {}", 10 - n), "kind": if n == 9 { "robot" } else { "person" },
        "state": if n.is_multiple_of(2) { "off" } else { "on" }, "mail": format!("u{n}@example.com"),
        "nick": if n == 3 { json!("Tri") } else if n == 5 { json!("") } else { Value::Null }})
}

#[derive(Default)]
struct Moods {
    /// Gone between the list and `get`.
    gone: Vec<usize>,
    /// Whoever was asked for and gone, if the list says so then.
    noticed: Option<Vec<usize>>,
    /// Called so when it is read by itself.
    renamed: Vec<usize>,
    /// Told under the id of another when it is read by itself.
    swapped: Option<usize>,
    /// A row is its id.
    bare: bool,
    users: usize,
}

type Shared = Arc<Mutex<Moods>>;

fn number(asked: &Asked, name: &str) -> Option<usize> {
    let query = asked.target.split_once('?')?.1;
    query.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}=")))?.parse().ok()
}

fn answer(moods: &Shared, asked: &Asked) -> Told {
    let mut moods = moods.lock().unwrap();
    let path = asked.target.split('?').next().unwrap();
    if let Some(id) = path.strip_prefix("/users/") {
        let n: usize = id.parse().unwrap_or_default();
        if n == 0 || n > moods.users || moods.gone.contains(&n) {
            moods.noticed.iter_mut().for_each(|noticed| noticed.push(n));
            return told(404, &json!({}));
        }
        let mut user = user(moods.swapped.filter(|_| n == 2).unwrap_or(n));
        if moods.renamed.contains(&n) {
            user["login"] = json!("other");
        }
        return told(200, &user);
    }
    let row = |n: usize| match moods.bare {
        true => json!(n),
        false => json!({"id": n, "login": format!("u{n}"), "kind": user(n)["kind"], "state": n % 2}),
    };
    let on = asked.target.contains("login=u");
    let listed = |n: &usize| moods.noticed.as_ref().is_none_or(|noticed| !noticed.contains(n));
    let all: Vec<usize> =
        (1..=moods.users).filter(listed).filter(|n| !on || asked.target.contains(&format!("login=u{n}"))).collect();
    let (page, size) = (number(asked, "page").unwrap_or(1), number(asked, "n").unwrap_or(3));
    let rows: Vec<Value> = all.iter().skip((page - 1) * size).take(size).map(|n| row(*n)).collect();
    told(200, &json!({"data": rows, "total": all.len()}))
}

struct Set {
    app: Arc<OddApp>,
    door: Door,
    moods: Shared,
}

fn mapping(gives: &str, more: &str, pages: &str) -> String {
    format!(
        r#"mapping: 1
app: {{ rest: {{ url: "${{ACME_URL}}", auth: {{ bearer: "${{ACME_TOKEN}}" }} }} }}
resources:
  User:
    id: $.id
    {more}
    attributes:
      userName: {{ at: $.login, case: exact, access: [read] }}
      displayName: {{ at: $.name, access: [read] }}
      nickName: {{ first: [$.nick, $.mail], access: [read] }}
      userType: {{ at: $.kind, access: [read] }}
      active: {{ at: $.state, values: {{ true: "on", false: "off" }}, access: [read] }}
      emails[type eq "work"].value: {{ at: $.mail, access: [read] }}
    get: GET /users/{{{{id}}}}
    list:
      call: GET /users?page={{{{page}}}}&n={{{{size}}}}
      rows: $.data
      {gives}
      pages: {pages}
      filters: {{ userName eq ?: {{ query: {{ login: $.value }}, matches: exactly }} }}
"#
    )
}

const WALKED: &str = "{ by: page, max: 3 }";
const TOLD: &str = "{ by: page, max: 100, total: $.total }";

async fn set(gives: &str, more: &str, pages: &str, limits: portolan::plan::Limits) -> Set {
    let moods: Shared = Arc::new(Mutex::new(Moods { users: 9, ..Moods::default() }));
    let shared = moods.clone();
    let (app, url) = OddApp::start(move |asked| answer(&shared, asked)).await;
    let door = Door::over_text(&mapping(gives, more, pages), &url, limits).await;
    Set { app, door, moods }
}

fn names(list: &Value) -> Vec<&str> {
    list["Resources"].as_array().unwrap().iter().map(|r| r["userName"].as_str().unwrap()).collect()
}

/// The records that were read, in the order of their ids.
fn read(calls: &[String]) -> Vec<usize> {
    let mut ids: Vec<usize> = calls.iter().filter_map(|c| c.strip_prefix("GET /users/")?.parse().ok()).collect();
    ids.sort_unstable();
    ids
}

fn lists(calls: &[String]) -> usize {
    calls.iter().filter(|call| call.starts_with("GET /users?")).count()
}

const GIVES: &str = "gives: [userName, userType]";

#[tokio::test]
async fn what_a_row_gives_costs_no_call_and_all_else_is_read_by_get() {
    let Set { app, door, .. } = set(GIVES, "", TOLD, LIMITS).await;
    let list = door.get("/Users?attributes=userName,userType").await.is(200);
    assert_eq!(names(&list), ["u1", "u2", "u3", "u4", "u5", "u6", "u7", "u8", "u9"]);
    assert_eq!(app.calls(), ["GET /users?page=1&n=100"]);

    let list = door.get("/Users?startIndex=4&count=3").await.is(200);
    let calls = app.calls();
    assert_eq!((lists(&calls), read(&calls)), (1, vec![4, 5, 6]));
    assert_eq!(list["totalResults"], 9);
    // as if each were read by itself: the version as well
    for (at, id) in (4..=6).enumerate() {
        assert_eq!(list["Resources"][at], door.get(&format!("/Users/{id}")).await.is(200));
    }
    assert_eq!(list["Resources"][0]["active"], false);
}

#[tokio::test]
async fn who_surely_does_not_match_is_not_read() {
    let Set { app, door, .. } = set(GIVES, "", WALKED, LIMITS).await;
    for (filter, found, read_ids) in [
        // checked by the row, read to be shown
        ("userName sw \"u\" and userName ge \"u8\"", vec!["u8", "u9"], vec![8, 9]),
        // the row decides one half, the record the other
        ("userType eq \"robot\" and active eq true", vec!["u9"], vec![9]),
        ("not (userType eq \"person\" or active eq false)", vec!["u9"], vec![9]),
        // either half may do: each is read, and read once
        ("userType eq \"robot\" or active eq false", vec!["u2", "u4", "u6", "u8", "u9"], (1..=9).collect()),
        ("emails.value eq \"u3@example.com\"", vec!["u3"], (1..=9).collect()),
        ("userName eq \"u5\" and active eq true", vec!["u5"], vec![5]),
        ("userName eq \"u5\" and active eq false", vec![], vec![5]),
        ("userType eq \"nobody\" and active eq true", vec![], vec![]),
    ] {
        let list = door.get(&format!("/Users?filter={}", super::door::encoded(filter))).await.is(200);
        let calls = app.calls();
        assert_eq!(names(&list), found, "{filter}");
        assert_eq!(list["totalResults"], found.len(), "{filter}");
        assert_eq!(read(&calls), read_ids, "{filter}");
    }
    // what is only counted is not read
    let list = door.get("/Users?filter=userType%20eq%20%22person%22&count=0").await.is(200);
    assert_eq!((list["totalResults"].as_u64(), read(&app.calls())), (Some(8), vec![]));
}

#[tokio::test]
async fn an_order_that_rows_do_not_show_is_made_of_records() {
    let Set { app, door, .. } = set(GIVES, "", WALKED, LIMITS).await;
    let list = door.get("/Users?sortBy=displayName&count=2&attributes=userName").await.is(200);
    assert_eq!((names(&list), read(&app.calls())), (vec!["u9", "u8"], (1..=9).collect()));
    let list = door.get("/Users?sortBy=userName&sortOrder=descending&count=2&attributes=userName").await.is(200);
    assert_eq!((names(&list), read(&app.calls())), (vec!["u9", "u8"], vec![]));
}

#[tokio::test]
async fn the_scope_is_seen_where_it_stands() {
    let person = "where: { $.kind: person }";
    let Set { app, door, .. } = set(GIVES, person, WALKED, LIMITS).await;
    let list = door.get("/Users?attributes=userName").await.is(200);
    assert_eq!((list["totalResults"].as_u64(), read(&app.calls())), (Some(8), vec![]));
    let list = door.get("/Users?filter=active%20eq%20true&attributes=userName").await.is(200);
    assert_eq!((list["totalResults"].as_u64(), read(&app.calls())), (Some(4), (1..=8).collect()));

    // a row that is not good for it is no word on it
    let Set { app, door, .. } = set("gives: [userName]", person, WALKED, LIMITS).await;
    let list = door.get("/Users?attributes=userName&filter=userName%20ge%20%22u8%22").await.is(200);
    assert_eq!((names(&list), read(&app.calls())), (vec!["u8"], vec![8, 9]));
}

#[tokio::test]
async fn rows_may_hold_the_id_alone_or_be_it() {
    for bare in [false, true] {
        let Set { app, door, moods } = set("gives: []", "", WALKED, LIMITS).await;
        moods.lock().unwrap().bare = bare;
        let list = door.get("/Users?filter=active%20eq%20true").await.is(200);
        let calls = app.calls();
        assert_eq!(names(&list), ["u1", "u3", "u5", "u7", "u9"]);
        assert_eq!((lists(&calls), read(&calls)), (4, (1..=9).collect()));
    }
}

#[tokio::test]
async fn whoever_goes_before_they_are_read_is_looked_for_again_and_no_list_is_short_of_them() {
    let Set { app, door, moods } = set(GIVES, "", WALKED, LIMITS).await;
    let off = "/Users?filter=active%20eq%20false&attributes=userName";
    for (path, cursor) in [(off, ""), (off, "&cursor="), ("/Users?", ""), ("/Users?", "&cursor=")] {
        *moods.lock().unwrap() = Moods { users: 9, gone: vec![2], ..Moods::default() };
        // in the list, and not there: it is read again, once
        app.calls();
        door.get(&format!("{path}{cursor}")).await.fails(503, "");
        assert_eq!(lists(&app.calls()), if path == off { 2 } else { 8 }, "{path}{cursor}");
        // who is really gone is no longer in it
        moods.lock().unwrap().noticed = Some(Vec::new());
        let list = door.get(&format!("{path}{cursor}")).await.is(200);
        let found =
            if path == off { vec!["u4", "u6", "u8"] } else { vec!["u1", "u3", "u4", "u5", "u6", "u7", "u8", "u9"] };
        assert_eq!((names(&list), list["totalResults"].as_u64()), (found.clone(), Some(found.len() as u64)));
    }
    moods.lock().unwrap().noticed = None;
    // and so where a record is another one by now
    moods.lock().unwrap().gone.clear();
    moods.lock().unwrap().renamed = vec![3];
    door.get("/Users?filter=userName%20eq%20%22u3%22").await.fails(503, "");

    let Set { app, door, moods } = set(GIVES, "", TOLD, LIMITS).await;
    moods.lock().unwrap().gone = vec![2];
    door.get("/Users").await.fails(503, "");
    assert_eq!(lists(&app.calls()), 2);
}

#[tokio::test]
async fn another_record_than_that_of_the_row_is_no_answer() {
    let Set { door, moods, .. } = set(GIVES, "", WALKED, LIMITS).await;
    moods.lock().unwrap().swapped = Some(4);
    door.get("/Users?filter=active%20eq%20false").await.fails(502, "");
    door.get("/Users/2").await.fails(404, "");
}

#[tokio::test]
async fn too_many_is_said_before_the_first_record_is_read() {
    let limits = portolan::plan::Limits { calls: 12, ..LIMITS };
    let Set { app, door, .. } = set(GIVES, "", "{ by: page, max: 9, total: $.total }", limits).await;
    assert_eq!(door.get("/Users").await.is(200)["totalResults"], 9);
    app.calls();
    let limits = portolan::plan::Limits { calls: 9, ..LIMITS };
    let Set { app, door, .. } = set(GIVES, "", "{ by: page, max: 9, total: $.total }", limits).await;
    door.get("/Users").await.fails(400, "tooMany");
    door.get("/Users?filter=active%20eq%20true").await.fails(400, "tooMany");
    assert_eq!(read(&app.calls()), Vec::<usize>::new());
    assert_eq!(door.get("/Users?count=8").await.is(200)["totalResults"], 9);
}

#[tokio::test]
async fn pages_follow_each_other_and_each_record_is_read_once() {
    let Set { app, door, .. } = set(GIVES, "", WALKED, LIMITS).await;
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = door.get(&format!("/Users?count=4&cursor={cursor}")).await.is(200);
        found.extend(names(&page).into_iter().map(str::to_owned));
        match page["nextCursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(found, ["u1", "u2", "u3", "u4", "u5", "u6", "u7", "u8", "u9"]);
    assert_eq!(read(&app.calls()), (1..=9).collect::<Vec<_>>());
    let mut found = Vec::new();
    for start in [1, 5, 9] {
        let page = door.get(&format!("/Users?count=4&startIndex={start}")).await.is(200);
        assert_eq!(page["totalResults"], 9);
        found.extend(names(&page).into_iter().map(str::to_owned));
    }
    assert_eq!(found.len(), 9);
    assert_eq!(read(&app.calls()), (1..=9).collect::<Vec<_>>());
}

#[tokio::test]
async fn several_records_are_read_at_once_and_no_more_than_that() {
    for (pace, most) in [("", 4), (", pace: { at_once: 2 }", 2)] {
        let moods: Shared = Arc::new(Mutex::new(Moods { users: 9, ..Moods::default() }));
        let (app, url) = OddApp::start(move |asked| answer(&moods, asked)).await;
        // one after the other they would wait for ever
        app.gather("GET /users/", most);
        let text = mapping(GIVES, "", TOLD).replace("\" } } }", &format!("\" }}{pace} }} }}"));
        let door = Door::over_text(&text, &url, LIMITS).await;
        let list = door.get("/Users?count=6").await.is(200);
        assert_eq!(names(&list), ["u1", "u2", "u3", "u4", "u5", "u6"], "in the order of the rows");
        assert_eq!(app.gathered(), most, "{pace}");
    }
}

#[tokio::test]
async fn none_waits_for_the_others_until_its_time_is_up() {
    let moods: Shared = Arc::new(Mutex::new(Moods { users: 9, ..Moods::default() }));
    let (_app, url) = OddApp::start(move |asked| answer(&moods, asked)).await;
    // four at once would have their turns within a second, and a call has half of one
    let text = mapping(GIVES, "", TOLD).replace("\" } } }", "\" }, pace: { per_second: 4 } } }");
    let door = Door::over_text(&text, &url, LIMITS).await;
    assert_eq!(names(&door.get("/Users?count=4").await.is(200)), ["u1", "u2", "u3", "u4"]);
}

#[tokio::test]
async fn the_first_field_that_has_a_value_is_read() {
    let Set { door, .. } = set("", "", WALKED, LIMITS).await;
    for (id, nick) in [(1, "u1@example.com"), (3, "Tri"), (5, "u5@example.com")] {
        assert_eq!(door.get(&format!("/Users/{id}")).await.is(200)["nickName"], nick);
    }
    let Set { door, .. } = set("gives: [userName]", "", WALKED, LIMITS).await;
    for (filter, found) in
        [("nickName eq \"tri\"", vec!["u3"]), ("nickName co \"u3@\"", vec![]), ("nickName sw \"u5\"", vec!["u5"])]
    {
        let list = door.get(&format!("/Users?filter={}", super::door::encoded(filter))).await.is(200);
        assert_eq!(names(&list), found, "{filter}");
    }
}

#[tokio::test]
async fn that_calls_ran_out_while_a_list_was_read_again_does_not_make_it_too_long() {
    let limits = portolan::plan::Limits { calls: 15, ..LIMITS };
    for (pages, path) in [(TOLD, "/Users"), (WALKED, "/Users?filter=active%20eq%20true"), (TOLD, "/Users?cursor=")] {
        let Set { door, moods, .. } = set(GIVES, "", pages, limits).await;
        moods.lock().unwrap().gone = vec![3];
        door.get(path).await.fails(503, "");
        moods.lock().unwrap().gone.clear();
        door.get(path).await.is(200);
    }
    // nor does a bookmark whose page is gone
    let Set { door, moods, .. } = set(GIVES, "", WALKED, portolan::plan::Limits { calls: 10, ..LIMITS }).await;
    door.get("/Users?count=3").await.is(200);
    moods.lock().unwrap().gone = vec![5];
    door.get("/Users?count=6&startIndex=4").await.fails(503, "");
}
