//! An `or` of look-ups over an app that answers one at a time: each side by itself, put together by id.

use portolan::plan::Limits;
use serde_json::Value;

use super::{
    door::{Door, LIMITS, encoded},
    easy_app::EasyApp,
};

#[tokio::test]
async fn each_side_is_looked_up_by_itself() {
    let (app, url) = EasyApp::start(250).await;
    let door = Door::acme(&url, LIMITS).await;
    for (filter, ids, calls) in [
        ("id eq \"12\" or id eq \"7\"", "7 12", 2),
        ("userName eq \"u12\" or userName eq \"U7\" or userName eq \"u101\"", "7 12 101", 3),
        ("userName eq \"u12\" or id eq \"7\"", "7 12", 2),
        // The same person from two sides is one, and so is the same side twice.
        ("userName eq \"u12\" or id eq \"12\"", "12", 2),
        ("id eq \"12\" or userName eq \"u7\" or id eq \"12\"", "7 12", 2),
        // Who is not there, and who can never be.
        ("id eq \"999\" or userName eq \"nobody\" or id eq \"7\"", "7", 3),
        ("id eq \"..\" or id eq \"7\"", "7", 1),
        ("id eq \"..\" or id eq \"a/..\"", "", 0),
        // All of the filter counts, whatever a side finds.
        ("active eq true and (id eq \"12\" or id eq \"7\")", "7", 2),
        ("id eq \"12\" and active eq true or userName eq \"u7\" and displayName pr", "7", 2),
        ("(id eq \"12\" or id eq \"7\") and not (userName eq \"u7\")", "12", 2),
        ("(id eq \"12\" or id eq \"7\") and userName eq \"u7\"", "7", 1),
        // A side that is no look-up: everybody is read.
        ("id eq \"12\" or active eq true and displayName ew \"a N7\"", "7 12", 3),
    ] {
        app.calls();
        let answer = door.find("/Users", filter).await;
        assert_eq!(answer.body["totalResults"], ids.split_whitespace().count(), "{filter}: {}", answer.body);
        assert_eq!(answer.ids().join(" "), ids, "{filter}");
        let made = app.calls();
        assert_eq!(made.len(), calls, "{filter}: {made:?}");
    }
}

#[tokio::test]
async fn its_pages_put_together_are_the_whole_by_index_and_by_cursor() {
    let (_app, url) = EasyApp::start(250).await;
    let door = Door::acme(&url, LIMITS).await;
    let filter = encoded("id eq \"100\" or id eq \"9\" or userName eq \"u20\" or id eq \"9\" or userName eq \"u101\"");
    for (sort, whole) in [
        ("", ["9", "20", "100", "101"]),
        ("&sortBy=userName", ["100", "101", "20", "9"]),
        ("&sortBy=active&sortOrder=descending", ["9", "101", "20", "100"]),
    ] {
        for size in 1..=5 {
            let mut seen = Vec::new();
            for start in (1..=4).step_by(size) {
                let path = format!("/Users?filter={filter}&startIndex={start}&count={size}{sort}");
                let answer = door.get(&path).await;
                assert_eq!(answer.body["totalResults"], 4);
                seen.extend(answer.ids());
            }
            assert_eq!(seen, whole, "{sort} by {size}");
            let (mut cursor, mut seen) = (Some(String::new()), Vec::new());
            while let Some(here) = cursor {
                let answer = door.get(&format!("/Users?filter={filter}&count={size}{sort}&cursor={here}")).await;
                cursor = answer.body.get("nextCursor").map(|cursor| cursor.as_str().unwrap().to_owned());
                seen.extend(answer.ids());
            }
            assert_eq!(seen, whole, "{sort} by {size}, by cursor");
        }
    }
    assert_eq!(door.get(&format!("/Users?filter={filter}&count=0")).await.is(200)["totalResults"], 4);
}

#[tokio::test]
async fn there_are_never_more_calls_than_sides_are_few() {
    let (app, url) = EasyApp::start(250).await;
    let of = |n: usize| (1..=n).map(|id| format!("id eq \"{id}\"")).collect::<Vec<_>>().join(" or ");
    for (limits, sides, calls) in [
        (LIMITS, 20, 20),
        // Reading all three pages costs less than so many look-ups.
        (LIMITS, 21, 3),
        (Limits { calls: 3, ..LIMITS }, 3, 3),
        (Limits { calls: 3, ..LIMITS }, 4, 3),
    ] {
        let door = Door::acme(&url, limits).await;
        app.calls();
        let answer = door.find("/Users", &of(sides)).await;
        assert_eq!(answer.body["totalResults"], sides, "{}", answer.body);
        assert_eq!(app.calls().len(), calls, "{sides} of {}", limits.calls);
    }
    let door = Door::acme(&url, Limits { rows: 2, ..LIMITS }).await;
    door.find("/Users", &of(3)).await.fails(400, "tooMany");
    assert_eq!(door.find("/Users", &of(2)).await.ids().len(), 2);
}

/// What a side was said to be looked up by is checked like any other row.
#[tokio::test]
async fn a_side_that_cannot_be_read_fails_the_whole() {
    let (app, url) = EasyApp::start(250).await;
    let door = Door::acme(&url, LIMITS).await;
    app.misbehave("GET /users/7", super::easy_app::Mood::Lose);
    let answer = door.find("/Users", "id eq \"12\" or id eq \"7\"").await;
    assert!(answer.status >= 500, "{}", answer.body);
    assert_eq!(answer.body.get("Resources"), None::<&Value>);
}

/// Of several rules that fit the narrowest is used, and a union only where it is narrower than each of them.
#[tokio::test]
async fn the_narrowest_way_in_is_taken() {
    let (app, url) = EasyApp::start(250).await;
    let rules = "        userName eq ?: { query: { login: $.value }, matches: exactly }
        active eq ?: { query: { state: $.value }, matches: exactly }
        displayName sw ?: { query: { begins: $.value } }
        name.familyName eq ?: { query: { last: $.value } }
";
    let acme = include_str!("../../benches/acme.yaml");
    let one = "        userName eq ?: { query: { login: $.value }, matches: exactly }\n";
    assert!(acme.contains(one));
    let door = Door::over_text(&acme.replacen(one, rules, 1), &url, LIMITS).await;
    for (filter, used) in [
        ("active eq true and name.familyName eq \"N7\" and displayName sw \"U\" and userName eq \"u7\"", "login"),
        ("active eq true and displayName sw \"U\" and name.familyName eq \"N7\"", "last"),
        ("active eq true and displayName sw \"Una N7\"", "begins"),
        ("active eq true and (userName eq \"u7\" or userName eq \"u9\")", "login login"),
        ("active eq true and (name.familyName eq \"N7\" or userName eq \"u9\")", "last login"),
        ("userName eq \"u7\" and (userName eq \"u7\" or userName eq \"u9\")", "login"),
        ("name.familyName eq \"N7\" and (displayName sw \"U\" or userName eq \"u9\")", "last"),
        ("displayName sw \"U\" and (active eq true or userName eq \"u9\")", "begins"),
        ("id eq \"7\" and active eq true and userName eq \"u7\"", ""),
    ] {
        app.calls();
        let answer = door.find("/Users", filter).await;
        assert!(matches!(answer.status, 200 | 502), "{filter}: {}", answer.body);
        let words = ["login", "state", "begins", "last"];
        let of = |call: &String| words.into_iter().find(|word| call.contains(&format!("{word}=")));
        // Only the first page of each: the easy app has never heard of the other parameters.
        let first = |call: &&String| !call.contains("page=2") && !call.contains("page=3");
        let calls = app.calls();
        let made: Vec<&str> = calls.iter().filter(first).filter_map(of).collect();
        assert_eq!(made.join(" "), used, "{filter}: {calls:?}");
    }
}
