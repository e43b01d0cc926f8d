//! Pages by cursor (RFC 9865), over the quickstart and over the easy app.

use std::collections::BTreeSet;

use portolan::{
    config::{CursorKey, Secret},
    plan::Limits,
};
use serde_json::{Value, json};

use super::{
    door::{Answer, Door, LIMITS, encoded, user},
    easy_app::{EasyApp, Mood},
};

const SEARCH: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";

/// The cursor of the next page, if there is one; a page has no `startIndex`, and no total that is not a number.
#[track_caller]
fn next(answer: &Answer) -> Option<String> {
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(answer.body.get("startIndex").is_none() && answer.body.get("previousCursor").is_none());
    assert!(answer.body.get("totalResults").is_none_or(Value::is_u64), "{}", answer.body);
    answer.body.get("nextCursor").map(|cursor| cursor.as_str().unwrap().to_owned())
}

/// All pages of a query, as ids.
async fn pages(door: &Door, query: &str, size: usize) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut cursor = Some(String::new());
    while let Some(here) = cursor {
        let answer = door.get(&format!("/Users?count={size}&cursor={here}{query}")).await;
        cursor = next(&answer);
        pages.push(answer.ids());
    }
    pages
}

#[tokio::test]
async fn pages_put_together_are_the_whole_in_the_same_order() {
    let door = Door::quickstart().await;
    let (_app, url) = EasyApp::start(12).await;
    let acme = Door::acme(&url, LIMITS).await;
    for door in [&door, &acme] {
        for query in [
            String::new(),
            "&sortBy=userName&sortOrder=descending".to_owned(),
            "&sortBy=active".to_owned(),
            "&sortBy=emails".to_owned(),
            "&sortBy=meta.location".to_owned(),
            format!("&filter={}", encoded("active eq true")),
            format!("&filter={}", encoded("userName co \"1\" or emails.value co \"2\" or displayName co \"é\"")),
            format!("&filter={}&sortBy=displayName", encoded("emails pr")),
            format!("&filter={}", encoded("userName eq \"nobody\"")),
            format!("&filter={}", encoded("id eq \"1001\" or id eq \"7\"")),
        ] {
            let whole = door.get(&format!("/Users?{}", query.trim_start_matches('&'))).await.ids();
            for size in 1..=13 {
                let pages = pages(door, &query, size).await;
                assert_eq!(pages.concat(), whole, "{query} by {size}");
                // The last page is the only one that is not full, and it is never empty where there is anybody.
                assert_eq!(pages.len(), whole.len().div_ceil(size).max(1), "{query} by {size}");
            }
        }
    }
    assert_eq!(door.get("/Users?cursor").await.ids().len(), 7);
    assert_eq!(door.get("/Users?cursor=&filter=id%20eq%20%221001%22").await.ids(), ["1001"]);
    assert_eq!(door.get("/Groups?cursor&count=5").await.is(200)["totalResults"], 3);
}

#[tokio::test]
async fn a_search_pages_by_cursor_too() {
    let door = Door::quickstart().await;
    let search = |cursor: &str| json!({"schemas": [SEARCH], "count": 4, "cursor": cursor, "filter": "userName pr"});
    let first = door.ask("POST", "/Users/.search", search("")).await;
    let cursor = next(&first).unwrap();
    let second = door.ask("POST", "/Users/.search", search(&cursor)).await;
    assert_eq!(next(&second), None);
    assert_eq!([first.ids(), second.ids()].concat(), ["1001", "1002", "1003", "1004", "1005", "1006", "1008"]);
    // The same question in a URL, showing something else and in pages of another size.
    let answer = door.get(&format!("/Users?filter=userName%20pr&attributes=id&count=1&cursor={cursor}")).await;
    assert_eq!(answer.ids(), ["1005"]);
}

/// Whoever is there all the time is on exactly one page, although others come and go between the pages.
#[tokio::test]
async fn nobody_is_passed_over_or_told_twice_while_others_come_and_go() {
    for query in ["", "&sortBy=userName", "&sortBy=displayName&sortOrder=descending", "&filter=userName%20pr"] {
        let (_app, url) = EasyApp::start(250).await;
        let many: String = (1..=250)
            .map(|n| format!("insert into staff_person (person_no, logon, fore_nm, sur_nm, known_as, made_at, chg_at) values ({n}, 'u{n}', 'U', 'N{n}', 'Una N{n}', '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z');"))
            .collect();
        for door in [Door::acme(&url, LIMITS).await, Door::over_more(&many, LIMITS).await] {
            let mut stays: BTreeSet<String> = (1..=250).map(|n| n.to_string()).collect();
            let mut seen = Vec::new();
            let mut cursor = Some(String::new());
            let mut turn = 0;
            while let Some(here) = cursor {
                let answer = door.get(&format!("/Users?count=20&attributes=userName&cursor={here}{query}")).await;
                cursor = next(&answer);
                seen.extend(answer.ids());
                turn += 1;
                // One from the front, one that was told last, one from the back; and somebody new.
                let last = seen.last().unwrap().clone();
                for gone in [turn.to_string(), (250 - turn).to_string(), last] {
                    if stays.remove(&gone) {
                        assert_eq!(door.ask("DELETE", &format!("/Users/{gone}"), Value::Null).await.status, 204);
                    }
                }
                assert_eq!(door.ask("POST", "/Users", user(&format!("new{turn}"))).await.status, 201);
            }
            let told: BTreeSet<&String> = seen.iter().collect();
            assert_eq!(told.len(), seen.len(), "{query}: somebody is told twice");
            let missing: Vec<_> = stays.iter().filter(|id| !told.contains(id)).collect();
            assert!(missing.is_empty(), "{query}: {missing:?}");
        }
    }
}

#[tokio::test]
async fn a_cursor_is_good_for_one_client_and_one_question() {
    let door = Door::quickstart().await;
    let cursor = next(&door.get("/Users?count=2&cursor").await).unwrap();
    let ask = |query: &str| format!("/Users?count=2&cursor={cursor}{query}");
    assert_eq!(door.get(&ask("")).await.ids(), ["1003", "1004"]);
    for path in [
        ask("&filter=userName%20pr"),
        ask("&sortBy=id"),
        ask("").replace("/Users", "/Groups"),
        ask("x"),
        ask("").replace("cursor=", "cursor=A"),
        format!("/Users?cursor={}", cursor.to_lowercase()),
        "/Users?cursor=not-a-cursor".to_owned(),
        "/Users?cursor=AAAA".to_owned(),
        "/Users?cursor=%00".to_owned(),
        "/Users?cursor=%20".to_owned(),
    ] {
        let detail = door.get(&path).await.fails(400, "invalidCursor");
        assert!(!detail.contains(&cursor), "{detail}");
    }
    // Another process, and another client.
    Door::quickstart().await.get(&ask("")).await.fails(400, "invalidCursor");
    door.by("other").get(&ask("")).await.fails(400, "invalidCursor");
}

#[tokio::test]
async fn processes_with_the_same_key_share_their_cursors() {
    let key = |id: &str, byte| CursorKey { id: id.to_owned(), key: Secret::new(vec![byte; 32]) };
    let one = Door::quickstart().await.with_cursor_keys(&[key("a", 1)]);
    let two = Door::quickstart().await.with_cursor_keys(&[key("b", 2), key("a", 1)]);
    let cursor = next(&one.get("/Users?count=5&cursor").await).unwrap();
    assert_eq!(two.get(&format!("/Users?cursor={cursor}")).await.ids(), ["1006", "1008"]);
    let cursor = next(&two.get("/Users?count=5&cursor").await).unwrap();
    one.get(&format!("/Users?cursor={cursor}")).await.fails(400, "invalidCursor");
}

#[tokio::test]
async fn what_no_page_by_cursor_can_be_is_refused() {
    let door = Door::quickstart().await;
    for (query, scim_type) in [
        ("cursor&count=0", "invalidCount"),
        ("cursor&count=-1", "invalidCount"),
        ("cursor&count=x", "invalidCount"),
        ("cursor&startIndex=1", "invalidValue"),
        ("cursor&cursor", "invalidValue"),
    ] {
        door.get(&format!("/Users?{query}")).await.fails(400, scim_type);
    }
    let detail = door.get("/?cursor").await.fails(501, "");
    assert!(detail.contains("/Users"), "{detail}");
    let config = door.get("/ServiceProviderConfig").await.is(200);
    let pagination = json!({"cursor": true, "index": true, "defaultPaginationMethod": "index",
        "defaultPageSize": LIMITS.page, "maxPageSize": LIMITS.max_page, "cursorTimeout": 600});
    assert_eq!(config["pagination"], pagination);
    assert_eq!(door.get("/Users?count=9999&cursor").await.ids().len(), 7);
}

/// A page begins where the last one ended: a long list costs no more at its end than at its beginning.
#[tokio::test]
async fn a_page_costs_the_same_wherever_it_is() {
    let door = Door::quickstart().await;
    let mut cursor = Some(String::new());
    while let Some(here) = cursor {
        let path = format!("/Users?count=2&attributes=userName&cursor={here}");
        let (answer, cost) = door.cost("GET", &path, Value::Null).await;
        assert_eq!(cost, 1);
        cursor = next(&answer);
    }
    let (app, url) = EasyApp::start(250).await;
    // Far more in all than one request may read.
    let door = Door::acme(&url, Limits { rows: 200, ..LIMITS }).await;
    let mut cursor = Some(String::new());
    let mut seen = 0;
    while let Some(here) = cursor {
        app.calls();
        let answer = door.get(&format!("/Users?count=10&filter={}&cursor={here}", encoded("active eq true"))).await;
        assert!(app.calls().len() <= 2);
        cursor = next(&answer);
        seen += answer.ids().len();
    }
    assert_eq!(seen, 125);
    door.find("/Users", "active eq true").await.fails(400, "tooMany");
}

#[tokio::test]
async fn a_list_that_cannot_be_true_is_no_page() {
    for (mood, query, status) in [
        (Mood::Everybody, "filter=userName%20eq%20%22u7%22", 502),
        (Mood::FirstPage, "filter=active%20eq%20true&count=60", 503),
        (Mood::Total(400), "count=200", 503),
    ] {
        let (app, url) = EasyApp::start(250).await;
        let door = Door::acme(&url, Limits { max_page: 1000, ..LIMITS }).await;
        app.misbehave("GET /users", mood.clone());
        let mut cursor = Some(String::new());
        let mut last = 200;
        while let Some(here) = cursor.filter(|_| last == 200) {
            let answer = door.get(&format!("/Users?{query}&cursor={here}")).await;
            last = answer.status;
            cursor = answer.body.get("nextCursor").map(|cursor| cursor.as_str().unwrap().to_owned());
        }
        assert_eq!(last, status, "{mood:?}");
        assert!(app.calls().len() <= 12, "{mood:?}");
    }
}

/// Better no page than one that passes somebody over.
#[tokio::test]
async fn a_lost_place_is_said() {
    let (app, url) = EasyApp::start(50).await;
    let door = Door::acme(&url, LIMITS).await;
    let cursor = next(&door.get("/Users?count=20&cursor").await).unwrap();
    app.set(|state| state.users.retain(|id, _| *id > 20));
    let detail = door.get(&format!("/Users?count=20&cursor={cursor}")).await.fails(400, "expiredCursor");
    assert!(detail.contains("begin again"), "{detail}");
}
