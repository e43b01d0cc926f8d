//! Reading over an HTTP app: what is answered, and how many calls that takes.

use serde_json::json;

use super::{
    door::{Door, LIMITS, encoded},
    easy_app::{EasyApp, Mood},
};

async fn with(users: u64) -> (std::sync::Arc<EasyApp>, Door) {
    let (app, url) = EasyApp::start(users).await;
    let door = Door::acme(&url, LIMITS).await;
    (app, door)
}

#[tokio::test]
async fn one_record_is_one_call_and_an_id_that_cannot_be_is_at_most_one() {
    let (app, door) = with(3).await;
    let body = door.get("/Users/2").await.is(200);
    assert_eq!(body["userName"], "u2");
    assert_eq!(body["displayName"], "Una N2");
    assert_eq!(body["active"], false);
    assert_eq!(body["emails"], json!([{"value": "u2@example.com", "type": "work"}]));
    assert_eq!(body["meta"]["location"], "https://scim.test/scim/v2/Users/2");
    assert_eq!(app.calls(), ["GET /users/2"]);
    for id in ["77", "02", "2%20", "%2e%2e", "2%2Fdeactivate", "2%3Fx", "%00", "2%0d%0aX:%20y", "-1"] {
        door.get(&format!("/Users/{id}")).await.fails(404, "");
        // (To delete takes no read: that `02` is no other record than `2` is for the app to say.)
        if id != "02" {
            door.ask("DELETE", &format!("/Users/{id}"), json!(null)).await.fails(404, "");
        }
        assert!(app.calls().iter().all(|c| !c.contains("..") && !c.contains("/2/") && !c.contains("%2F")), "{id}");
    }
    assert_eq!(app.state().users.len(), 3);
}

#[tokio::test]
async fn a_group_shows_all_its_members_and_costs_one_call_without_them() {
    let (app, door) = with(250).await;
    app.set(|state| state.teams.get_mut(&900).unwrap().1 = (1..=250).collect());
    let body = door.get("/Groups/900").await.is(200);
    assert_eq!(body["members"].as_array().unwrap().len(), 250);
    assert_eq!(body["members"][0]["$ref"], "https://scim.test/scim/v2/Users/1");
    app.calls();
    let body = door.get("/Groups/900?excludedAttributes=members").await.is(200);
    assert!(body.get("members").is_none());
    assert_eq!(app.calls(), ["GET /teams/900"]);
}

#[tokio::test]
async fn pages_are_the_apps_own_pages() {
    let (app, door) = with(250).await;
    let mut seen = Vec::new();
    for start in (1..=250).step_by(30) {
        let answer = door.get(&format!("/Users?startIndex={start}&count=30")).await;
        assert_eq!(answer.body["totalResults"], 250);
        assert_eq!(answer.body["startIndex"], start);
        seen.extend(answer.ids());
        assert_eq!(app.calls().len(), 1);
    }
    assert_eq!(seen, (1..=250).map(|n| n.to_string()).collect::<Vec<_>>());
    // A page that begins inside one of the app's takes two calls and no more.
    let ids = door.get("/Users?startIndex=41&count=25").await.ids();
    assert_eq!((ids.first().unwrap().as_str(), ids.len()), ("41", 25));
    assert_eq!(app.calls().len(), 2);
    // More than one of the app's pages: fewer than asked for is allowed.
    assert_eq!(door.get("/Users?count=200").await.ids().len(), 100);
    assert_eq!(app.calls().len(), 1);
    for beyond in ["startIndex=251", "startIndex=9223372036854775807&count=7", "count=0", "count=-3"] {
        let body = door.get(&format!("/Users?{beyond}")).await.is(200);
        assert_eq!((&body["totalResults"], &body["Resources"]), (&json!(250), &json!([])), "{beyond}");
        assert!(app.calls().len() <= 2, "{beyond}");
    }
}

#[tokio::test]
async fn a_rule_narrows_the_list_and_the_rest_of_the_filter_is_checked_here() {
    let (app, door) = with(250).await;
    assert_eq!(door.find("/Users", "userName eq \"U7\"").await.ids(), ["7"]);
    assert_eq!(app.calls(), ["GET /users?page=1&per_page=100&login=U7"]);
    assert_eq!(door.find("/Users", "userName eq \"u7\" and active eq true").await.ids(), ["7"]);
    assert_eq!(door.find("/Users", "userName eq \"u7\" and active eq false").await.ids(), [""; 0]);
    assert!(app.calls().iter().all(|c| c.contains("login=u7")));
    // The value cannot leave its place.
    door.find("/Users", "userName eq \"a&page=9#?/../x\"").await.ids();
    assert_eq!(app.calls(), ["GET /users?page=1&per_page=100&login=a%26page%3D9%23%3F%2F..%2Fx"]);
    // An id is one call whatever else is asked.
    assert_eq!(door.find("/Users", "id eq \"9\" and active eq true").await.ids(), ["9"]);
    assert_eq!(app.calls(), ["GET /users/9"]);
    assert_eq!(door.find("/Users", "id eq \"999\"").await.ids(), [""; 0]);
}

#[tokio::test]
async fn what_the_app_cannot_filter_is_walked_through_wholly() {
    let (app, door) = with(250).await;
    let body = door.find("/Users?startIndex=101&count=10", "active eq true").await.is(200);
    assert_eq!(body["totalResults"], 125);
    assert_eq!((&body["Resources"][0]["id"], body["Resources"].as_array().unwrap().len()), (&json!("201"), 10));
    assert_eq!(app.calls().len(), 3);
    assert_eq!(door.find("/Groups", "members.value eq \"2\"").await.ids(), ["900"]);
}

/// A query string holds no tab; the app is asked for all then.
#[tokio::test]
async fn a_value_that_cannot_be_sent_is_looked_for_here() {
    let (app, door) = with(3).await;
    app.set(|state| _ = state.users.get_mut(&2).unwrap().insert("login".into(), "a\tb".into()));
    assert_eq!(door.find("/Users", "userName eq \"A\\tB\"").await.ids(), ["2"]);
    assert_eq!(door.find("/Users", "userName eq \"a\\tc\" and active eq true").await.ids(), [""; 0]);
    assert_eq!(app.calls(), ["GET /users?page=1&per_page=100"; 2]);
}

#[tokio::test]
async fn past_a_limit_the_answer_is_too_many_and_never_a_short_list() {
    let (app, url) = EasyApp::start(250).await;
    for limits in [portolan::plan::Limits { rows: 249, ..LIMITS }, portolan::plan::Limits { calls: 2, ..LIMITS }] {
        let door = Door::acme(&url, limits).await;
        let detail = door.find("/Users", "active eq true").await.fails(400, "tooMany");
        assert!(detail.contains("249 rows") || detail.contains("2 calls"), "{detail}");
        assert!(app.calls().len() <= 3);
        assert_eq!(door.find("/Users", "userName eq \"u7\"").await.ids(), ["7"]);
    }
    app.set(|state| state.teams.get_mut(&900).unwrap().1 = (1..=250).collect());
    let door = Door::acme(&url, portolan::plan::Limits { rows: 249, ..LIMITS }).await;
    door.get("/Groups/900").await.fails(400, "tooMany");
    door.get("/Groups/900?excludedAttributes=members").await.is(200);
}

#[tokio::test]
async fn only_so_many_queries_walk_at_once() {
    let (app, url) = EasyApp::start(250).await;
    for (walks, client_walks, status) in [(1, 1, 200), (1, 0, 429), (0, 0, 503)] {
        let door = Door::acme(&url, portolan::plan::Limits { walks, client_walks, ..LIMITS }).await;
        for ask in [
            "filter=active%20eq%20true",
            "sortBy=userName",
            "filter=active%20eq%20true&cursor=&count=90",
            "filter=active%20eq%20true&startIndex=101&count=20",
            // Each gives its place back.
            "filter=active%20eq%20true",
        ] {
            app.calls();
            let answer = door.get(&format!("/Users?{ask}")).await;
            assert_eq!(answer.status, status, "{ask}: {}", answer.body);
            assert_eq!(answer.headers.get("retry-after").map(|v| v.to_str().unwrap()), (status != 200).then_some("5"));
            assert_eq!(app.calls().len() == 1, status != 200, "{ask}: refused before its second call");
        }
        // What one page of the app answers is no walk.
        assert_eq!(door.find("/Users", "userName eq \"u7\" and active eq true").await.ids(), ["7"]);
        assert_eq!(door.get("/Users?startIndex=41&count=25").await.ids().len(), 25);
    }
}

#[tokio::test]
async fn a_list_that_moves_is_read_again_once() {
    let (app, door) = with(250).await;
    app.misbehave("GET /users", Mood::Shrink(1));
    assert_eq!(door.find("/Users", "active eq true").await.is(200)["totalResults"], 124);
    // So is a page that takes two calls.
    app.behave();
    app.misbehave("GET /users", Mood::Shrink(1));
    let answer = door.get("/Users?startIndex=41&count=25").await;
    assert_eq!((&answer.body["totalResults"], &answer.body["Resources"][0]["id"]), (&json!(248), &json!("43")));
    app.behave();
    app.misbehave("GET /users", Mood::Shrink(100));
    let answer = door.find("/Users", "active eq true").await;
    assert!(answer.headers.contains_key("retry-after"));
    answer.fails(503, "");
}

#[tokio::test]
async fn a_list_that_cannot_be_true_is_no_answer() {
    for (mood, ask, status) in [
        // a rule that promised to be exact, and was not
        (Mood::Everybody, "filter=userName%20eq%20%22u7%22", 502),
        // the same page again and again
        (Mood::FirstPage, "filter=active%20eq%20true", 503),
        // fewer rows than the total says, and more
        (Mood::Total(400), "filter=active%20eq%20true", 503),
        (Mood::Total(3), "count=10", 502),
        // pages smaller than asked for: the next page would begin elsewhere
        (Mood::Cap(20), "count=50", 502),
    ] {
        let (app, door) = with(250).await;
        app.misbehave("GET /users", mood.clone());
        let answer = door.get(&format!("/Users?{ask}")).await;
        assert_eq!(
            answer.status,
            status,
            "{mood:?}: {}",
            answer.body.to_string().chars().take(300).collect::<String>()
        );
        assert!(app.calls().len() <= 12, "{mood:?}");
    }
}

#[tokio::test]
async fn an_app_may_give_less_than_it_was_asked_for() {
    let (app, door) = with(250).await;
    app.misbehave("GET /users", Mood::Cap(20));
    assert_eq!(door.find("/Users", "active eq true").await.is(200)["totalResults"], 125);
    assert_eq!(app.calls().len(), 13);
}

#[tokio::test]
async fn rows_of_a_part_that_repeat_are_no_members() {
    let (app, door) = with(150).await;
    app.set(|state| state.teams.get_mut(&900).unwrap().1 = (1..=150).collect());
    app.misbehave("GET /teams/900/people", Mood::FirstPage);
    let answer = door.get("/Groups/900").await;
    assert!(answer.status >= 500, "{}", answer.status);
    assert!(app.calls().len() < 6, "it would never end");
}

#[tokio::test]
async fn root_queries_go_through_the_types() {
    let (_app, door) = with(5).await;
    let body = door.get("/?count=4").await.is(200);
    assert_eq!((&body["totalResults"], &body["itemsPerPage"]), (&json!(6), &json!(4)));
    let body = door.get("/?startIndex=5").await.is(200);
    let ids: Vec<_> = body["Resources"].as_array().unwrap().iter().map(|r| r["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["5", "900"]);
    let filter = encoded("userName eq \"u3\"");
    assert_eq!(door.get(&format!("/?filter={filter}")).await.ids(), ["3"]);
}

#[tokio::test]
async fn what_is_refused_up_front_makes_no_call() {
    let (app, door) = with(3).await;
    for (method, path, body, status) in [
        ("GET", "/Users?filter=nosuch%20eq", json!(null), 400),
        ("GET", "/Users?sortBy=nosuch", json!(null), 400),
        ("GET", "/Users?count=many", json!(null), 400),
        ("POST", "/Users", json!({"schemas": ["x"]}), 400),
        ("PUT", "/Users/1", json!({"userName": "x", "password": "secret"}), 400),
        ("PATCH", "/Users/1", json!({"Operations": []}), 400),
        ("DELETE", "/Users", json!(null), 405),
        ("GET", "/Cats", json!(null), 404),
        ("POST", "/Bulk", json!({}), 400),
        ("GET", "/Me", json!(null), 501),
    ] {
        assert_eq!(door.ask(method, path, body).await.status, status, "{method} {path}");
        assert_eq!(app.calls(), [""; 0], "{method} {path}");
    }
}
