//! Parts of many records in one call: each row hangs under the record that it names, and a page of groups costs few calls.

use std::sync::Arc;

use portolan::plan::Limits;
use serde_json::{Value, json};

use super::{
    door::{Door, LIMITS, values},
    odd_app::{Asked, OddApp, Told, told},
};

const MAPPING: &str = include_str!("../explain/batches-mapping.yml");

/// What the app does otherwise than its mapping says.
#[derive(Clone, Copy, PartialEq)]
enum Odd {
    Not,
    /// Everybody's rows, whoever is asked for.
    Deaf,
    /// A batch in which one is gone is gone.
    Strict,
    /// Rows that name no group.
    Nameless,
}

/// In each of a hundred groups is the user of its number, and in the first five everybody of ten more.
fn act(odd: Odd, asked: &Asked) -> Told {
    let uri: http::Uri = asked.target.parse().unwrap();
    let query =
        percent_encoding::percent_decode_str(uri.query().unwrap_or_default()).decode_utf8().unwrap().into_owned();
    let all = |name: &str| -> Vec<String> {
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.filter(|(key, _)| *key == name).map(|(_, value)| value.to_owned()).collect()
    };
    let number = |name: &str| all(name).first().and_then(|n| n.parse::<usize>().ok()).unwrap_or(1000);
    let page = |rows: Vec<Value>| {
        let skip = (all("page").first().map_or(1, |page| page.parse::<usize>().unwrap()) - 1) * number("n");
        let shown: Vec<Value> = rows.iter().skip(skip).take(number("n")).cloned().collect();
        told(200, &json!({"rows": shown, "total": rows.len()}))
    };
    let group = |n: u64| json!({"id": n, "name": format!("G{n}")});
    let user = |n: u64| json!({"id": n.to_string(), "login": format!("u{n}")});
    match uri.path().trim_start_matches('/').split('/').collect::<Vec<_>>().as_slice() {
        ["groups"] => page((1..=100).map(group).collect()),
        ["groups", id] => told(200, &group(id.parse().unwrap())),
        ["users"] => page((1..=7).map(user).collect()),
        ["memberships"] => {
            let asked: Vec<String> = [all("groups"), all("groups[]")].concat();
            let asked: Vec<u64> = asked.iter().flat_map(|ids| ids.split(',')).map(|id| id.parse().unwrap()).collect();
            if odd == Odd::Strict && asked.contains(&13) {
                return told(404, &json!({}));
            }
            let mut rows: Vec<Value> = Vec::new();
            for group in (1..=100).filter(|group| odd == Odd::Deaf || asked.contains(group)) {
                let named = if odd == Odd::Nameless { Value::Null } else { json!(group.to_string()) };
                rows.push(json!({"group": named, "user": group}));
                if group <= 5 {
                    rows.extend((200..=210).map(|user| json!({"group": named, "user": user})));
                }
            }
            page(rows)
        }
        ["titles", "find"] => {
            let body = asked.json();
            let rows = body["of"].as_array().unwrap().iter().filter(|id| **id != "2");
            told(
                200,
                &rows.map(|id| json!({"user": {"id": id}, "text": format!("T{}", id.as_str().unwrap())})).collect(),
            )
        }
        _ => told(405, &json!({})),
    }
}

async fn over(odd: Odd, mapping: &str, limits: Limits) -> (Arc<OddApp>, Door) {
    let (app, url) = OddApp::start(move |asked| act(odd, asked)).await;
    (app, Door::over_text(mapping, &url, limits).await)
}

fn commas(ids: std::ops::RangeInclusive<u64>) -> String {
    ids.map(|id| id.to_string()).collect::<Vec<_>>().join("%2C")
}

/// The calls since the last time, without their order: some go at once.
fn calls(app: &OddApp) -> Vec<String> {
    let mut calls = app.calls();
    calls.sort();
    calls
}

#[tokio::test]
async fn a_page_of_groups_takes_a_call_for_each_fifty_and_their_pages() {
    let (app, door) = over(Odd::Not, MAPPING, LIMITS).await;
    let page = door.get("/Groups?count=100").await.is(200);
    let of = |n: usize| values(&page["Resources"][n]["members"]).len();
    assert_eq!([0, 4, 5, 99].map(of), [12, 12, 1, 1]);
    assert_eq!(values(&page["Resources"][99]["members"]), ["100"]);
    let asked = [
        "GET /groups?page=1&n=100".to_owned(),
        // the first five fill a page of a hundred rows and begin another
        format!("GET /memberships?groups={}&page=1&n=100", commas(1..=50)),
        format!("GET /memberships?groups={}&page=2&n=100", commas(1..=50)),
        format!("GET /memberships?groups={}&page=1&n=100", commas(51..=100)),
    ];
    assert_eq!(calls(&app), asked);
    // one record is a batch of one
    assert_eq!(values(&door.get("/Groups/7").await.is(200)["members"]), ["7"]);
    assert_eq!(app.calls(), ["GET /groups/7", "GET /memberships?groups=7&page=1&n=100"]);
    // a filter on what hangs there is checked with as few calls
    assert_eq!(
        door.find("/Groups?attributes=displayName", "members.value eq \"205\"").await.ids(),
        ["1", "2", "3", "4", "5"]
    );
    assert_eq!(calls(&app), asked);
    door.get("/Groups?attributes=displayName").await.is(200);
    assert_eq!(app.calls().len(), 1, "nothing is fetched that nobody sees");
}

#[tokio::test]
async fn each_row_goes_to_the_record_that_it_names_and_to_no_other() {
    let (app, door) = over(Odd::Deaf, MAPPING, LIMITS).await;
    let page = door.get("/Groups?count=3").await.is(200);
    let of = |n: usize| values(&page["Resources"][n]["members"]);
    assert_eq!((of(2).len(), of(2).contains(&"3")), (12, true), "who was not asked for is left out");
    assert_eq!(values(&door.get("/Groups/7").await.is(200)["members"]), ["7"]);
    app.calls();

    // `absent` may be said of one of them
    let (app, door) = over(Odd::Strict, MAPPING, LIMITS).await;
    let page = door.get("/Groups?startIndex=11&count=5").await.is(200);
    let of = |n: usize| page["Resources"][n]["members"].clone();
    assert_eq!((values(&of(0)), of(2), values(&of(4))), (vec!["11"], Value::Null, vec!["15"]));
    assert_eq!(app.calls().len(), 1 + 1 + 5, "each by itself");

    let (_, door) = over(Odd::Nameless, MAPPING, LIMITS).await;
    door.get("/Groups/7").await.fails(502, "");
    let (_, few) = over(Odd::Not, MAPPING, Limits { rows: 100, ..LIMITS }).await;
    few.get("/Groups?count=100").await.fails(400, "tooMany");
}

#[tokio::test]
async fn ids_go_in_a_body_or_in_a_parameter_for_each() {
    let (app, door) = over(Odd::Not, MAPPING, LIMITS).await;
    let page = door.get("/Users?attributes=title").await.is(200);
    let titles: Vec<&Value> = page["Resources"].as_array().unwrap().iter().map(|user| &user["title"]).collect();
    assert_eq!(json!(titles), json!(["T1", null, "T3", "T4", "T5", "T6", "T7"]));
    assert_eq!(
        calls(&app),
        [
            "GET /users?page=1&n=10",
            r#"POST /titles/find {"of":["1","2","3"]}"#,
            r#"POST /titles/find {"of":["4","5","6"]}"#,
            r#"POST /titles/find {"of":["7"]}"#
        ]
    );
    let line = "GET /memberships?groups={{commas values}}&page={{page}}&n={{size}}";
    assert!(MAPPING.contains(line));
    let each =
        MAPPING.replace(line, "GET /memberships?page={{page}}&n={{size}}\n        query: { 'groups[]': $.values }");
    let (app, door) = over(Odd::Not, &each, LIMITS).await;
    let page = door.get("/Groups?count=2").await.is(200);
    assert_eq!(values(&page["Resources"][1]["members"]).len(), 12);
    assert_eq!(calls(&app)[1], "GET /memberships?page=1&n=100&groups%5B%5D=1&groups%5B%5D=2");
}

#[tokio::test]
async fn rows_that_spell_ids_otherwise_are_not_taken_for_those_of_others() {
    let mapping = MAPPING.replace("batch: 50", "batch: 2");
    for (spelt, status) in [("a", 200), ("A", 502)] {
        let (_, url) = OddApp::start(move |asked| {
            let group = |id: &str| json!({"id": id, "name": format!("Group {id}")});
            let path = asked.target.split('?').next().unwrap();
            match path.strip_prefix("/groups/") {
                Some(id) => told(200, &group(id)),
                None => {
                    told(200, &json!({"rows": [{"group": spelt, "user": 7}, {"group": "B", "user": 8}], "total": 2}))
                }
            }
        })
        .await;
        let door = Door::over_text(&mapping, &url, LIMITS).await;
        let answer = door.get("/Groups/a").await;
        assert_eq!(answer.status, status, "{}", answer.body);
        if status == 200 {
            assert_eq!(values(&answer.body["members"]), ["7"], "who was not asked for is left out");
        }
        // nobody is in it, and no row says otherwise
        assert!(door.get("/Groups/c").await.is(200).get("members").is_none());
    }
}
