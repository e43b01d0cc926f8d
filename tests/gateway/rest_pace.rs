//! How fast and how often an app is asked, and one that does not show at once what it has taken.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{
    door::{Door, LIMITS, user},
    odd_app::{OddApp, Told, told},
};

const MAPPING: &str = "
mapping: 1
app:
  rest:
    url: '${ACME_URL}'
    pace: { PACE }
resources:
  User:
    id: $.id
    attributes: { userName: { at: $.login, case: exact } }
    get: GET /users/{{id}}
    create: { call: POST /users, json: $.record, id: $.id }
    update: { call: 'PATCH /users/{{id}}', json: $.changed }
    delete: DELETE /users/{{id}}
";

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn calls_at_once_and_in_a_second() {
    for (pace, calls, least, together) in [
        ("at_once: 2, within: 10 s", 8, Duration::ZERO, 2),
        ("per_second: 20, within: 10 s", 6, Duration::from_millis(250), 6),
        ("at_once: 1, per_second: 20, within: 10 s", 6, Duration::from_millis(250), 1),
    ] {
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let seen = most.clone();
        let (_, url) = OddApp::start(move |_| {
            seen.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(10));
            now.fetch_sub(1, Ordering::SeqCst);
            told(200, &json!({"id": "1", "login": "ann"}))
        })
        .await;
        let door = Door::over_text(&MAPPING.replace("PACE", pace), &url, LIMITS).await;
        let begun = Instant::now();
        let asked: Vec<_> = (0..calls)
            .map(|_| {
                let door = door.clone();
                tokio::spawn(async move { door.get("/Users/1").await.is(200) })
            })
            .collect();
        for asked in asked {
            asked.await.unwrap();
        }
        assert!(begun.elapsed() >= least, "{pace}: {:?}", begun.elapsed());
        assert!(most.load(Ordering::SeqCst) <= together, "{pace}: {}", most.load(Ordering::SeqCst));
    }
}

/// Whose turn does not come in the time of a call is told to come back.
#[tokio::test]
async fn who_cannot_wait_is_told_how_long() {
    let (app, url) = OddApp::start(|_| told(200, &json!({"id": "1", "login": "ann"}))).await;
    let door = Door::over_text(&MAPPING.replace("PACE", "per_second: 1, within: 500 ms"), &url, LIMITS).await;
    door.get("/Users/1").await.is(200);
    let answer = door.get("/Users/1").await;
    assert_eq!(answer.headers["retry-after"], "1");
    answer.fails(503, "");
    assert_eq!(app.calls().len(), 1);
}

/// A slow way in does not eat the time of the call that waits for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signing_in_has_a_time_of_its_own() {
    let (app, url) = OddApp::start(|asked| {
        std::thread::sleep(Duration::from_millis(if asked.line() == "POST /in" { 400 } else { 50 }));
        told(200, &json!({"token": "t", "id": "1", "login": "ann"}))
    })
    .await;
    let session = "auth: { session: { open: [{ call: POST /in, keep: { token: $.token } }], send: { cookies: all } } }";
    let mapping = MAPPING.replace("PACE", "within: 300 ms").replace("    pace:", &format!("    {session}\n    pace:"));
    let door = Door::over_text(&mapping, &url, LIMITS).await;
    door.get("/Users/1").await.is(200);
    assert_eq!(app.calls().len(), 2);
}

/// Replicas that lag: a record that was written is asked for until it shows, any other is absent at once.
#[tokio::test]
async fn what_was_just_written_is_waited_for() {
    let looks = Arc::new(AtomicUsize::new(0));
    let seen = looks.clone();
    let (app, url) = OddApp::start(move |asked| match asked.line().as_str() {
        "POST /users" => told(201, &json!({"id": "7"})),
        "GET /users/7" if seen.fetch_add(1, Ordering::SeqCst) % 3 == 2 => {
            told(200, &json!({"id": "7", "login": "ann"}))
        }
        "PATCH /users/7" | "DELETE /users/7" => told(200, &json!({})),
        _ => told(404, &json!({})),
    })
    .await;
    let door = Door::over_text(&MAPPING.replace("PACE", "settles: 5 s"), &url, LIMITS).await;
    door.get("/Users/7").await.fails(404, "");
    looks.store(0, Ordering::SeqCst);
    assert_eq!(app.calls().len(), 1);
    door.ask("POST", "/Users", user("ann")).await.is(201);
    assert_eq!(app.calls().len(), 4, "made, and asked for three times");
    door.get("/Users/7").await.is(200);
    door.get("/Users/8").await.fails(404, "");
    assert_eq!(app.calls().len(), 4);
    door.ask("DELETE", "/Users/7", Value::Null).await.is(204);
    door.get("/Users/7").await.fails(404, "");
    assert_eq!(app.calls().len(), 2, "what was deleted is gone at once");
}

/// A bare 503 may be a proxy's, which gave up on an app that acts all the same.
#[tokio::test]
async fn a_bare_503_does_not_say_that_nothing_was_done() {
    for (headers, sure) in [(vec![], false), (vec![("retry-after", "3".to_owned())], true)] {
        let (app, url) = OddApp::start(move |_| Told(503, headers.clone(), "{}".to_owned())).await;
        let door = Door::over_text(&MAPPING.replace("PACE", "within: 100 ms"), &url, LIMITS).await;
        let answer = door.ask("POST", "/Users", user("ann")).await;
        assert!(answer.headers.contains_key("retry-after"));
        let detail = answer.fails(503, "");
        assert_eq!(detail.contains("not known"), !sure, "{detail}");
        assert_eq!(app.calls().len(), 1);
        // a read has done nothing in any case
        let detail = door.get("/Users/1").await.fails(503, "");
        assert!(!detail.contains("not known"), "{detail}");
    }
}
