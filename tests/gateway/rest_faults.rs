//! An app that misbehaves: every fault is an answer that says whose it is, and never looks like missing people.

use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{
    door::{Answer, Door, LIMITS, group, user},
    easy_app::{EasyApp, Mood},
};

fn say(status: u16, kind: &'static str, text: &str) -> Mood {
    Mood::Say(status, kind, text.to_owned(), None)
}

/// One request of each kind.
const ASKED: [(&str, &str); 8] = [
    ("GET", "/Users/1"),
    ("GET", "/Users"),
    ("GET", "/Users?filter=active%20eq%20true"),
    ("GET", "/Groups/900"),
    ("POST", "/Users"),
    ("PATCH", "/Users/1"),
    ("PUT", "/Users/1"),
    ("DELETE", "/Users/1"),
];

async fn ask(door: &Door, method: &str, path: &str) -> Answer {
    let body = match method {
        "POST" => user("new"),
        "PUT" => user("other"),
        "PATCH" => return door.patch(path, json!([{"op": "replace", "path": "userName", "value": "other"}])).await,
        _ => Value::Null,
    };
    door.ask(method, path, body).await
}

#[tokio::test]
async fn an_app_that_is_away() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let door = Door::acme(&url, LIMITS).await;
    for (method, path) in ASKED {
        let answer = ask(&door, method, path).await;
        assert!(answer.headers.contains_key("retry-after"), "{method} {path}");
        let detail = answer.fails(503, "");
        assert!(!detail.contains("127.0.0.1") && !detail.contains("not known"), "{detail}");
    }
}

#[tokio::test]
async fn faults_before_acting_leave_everything_as_it_was() {
    let big = json!({"id": 1, "login": "x".repeat(2_000_000)}).to_string();
    let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
    for (mood, status) in [
        (say(200, "text/html", "<html>please log in</html>"), 502),
        (say(200, "application/json", "{\"id\": 1, \"login\""), 502),
        (say(200, "application/json", &big), 502),
        (say(200, "application/json", &deep), 502),
        (say(500, "text/html", "<h1>Traceback: secret</h1>"), 502),
        (say(401, "application/json", "{}"), 502),
        (say(403, "application/json", "{\"message\": \"secret\"}"), 502),
        (say(302, "text/html", "/login"), 502),
        (say(503, "text/plain", "busy"), 503),
    ] {
        let (app, url) = EasyApp::start(3).await;
        let door = Door::acme(&url, LIMITS).await;
        let before = app.state();
        for call in ["GET", "POST", "PATCH", "DELETE", "PUT"] {
            app.misbehave(call, mood.clone());
        }
        for (method, path) in ASKED {
            // A success without a body that anybody reads is a success.
            if method == "DELETE" && matches!(&mood, Mood::Say(200, "application/json", ..)) {
                continue;
            }
            let answer = ask(&door, method, path).await;
            assert_eq!(answer.status, status, "{method} {path} {mood:?}: {}", answer.body);
            let detail = answer.fails(status, "");
            assert!(!detail.contains("secret") && !detail.contains('<'), "{detail}");
            assert!(app.calls().len() <= 2, "{method} {path} {mood:?}");
        }
        assert_eq!(app.state(), before);
    }
}

#[tokio::test]
async fn a_busy_app_says_how_long() {
    let (app, url) = EasyApp::start(3).await;
    let door = Door::acme(&url, LIMITS).await;
    for call in ["GET", "POST", "PATCH", "DELETE"] {
        app.misbehave(call, Mood::Say(429, "application/json", "{}".into(), Some("17")));
    }
    for (method, path) in ASKED {
        let answer = ask(&door, method, path).await;
        assert_eq!(answer.headers["retry-after"], "17", "{method} {path}");
        answer.fails(503, "");
    }
}

#[tokio::test]
async fn an_app_that_never_answers() {
    let (app, url) = EasyApp::start(3).await;
    let door = Door::acme(&url, LIMITS).await;
    for call in ["GET", "POST", "PATCH", "DELETE"] {
        app.misbehave(call, Mood::Hang);
    }
    for (method, path) in ASKED {
        let detail = ask(&door, method, path).await.fails(504, "");
        assert_eq!(
            detail.contains("not known"),
            method != "GET",
            "only a write may have acted: {method} {path}: {detail}"
        );
    }
}

#[tokio::test]
async fn a_lost_answer_is_never_taken_for_a_refusal_or_a_success() {
    for mood in [Mood::Lose, Mood::Half] {
        let (app, url) = EasyApp::start(3).await;
        let door = Door::acme(&url, LIMITS).await;
        app.misbehave("POST /users", mood.clone());
        let detail = door.ask("POST", "/Users", user("new")).await.fails(502, "");
        assert!(detail.contains("not known"), "{detail}");
        assert_eq!(app.calls(), ["POST /users"], "what makes something is sent once");
        assert_eq!(app.state().users.len(), 4);
        // A lost read is read again, and then it is the app's fault.
        app.misbehave("GET /users/1", mood.clone());
        door.get("/Users/1").await.fails(502, "");
        assert_eq!(app.calls().len(), 2);
        // A page of members that broke off is no group without members.
        app.misbehave("GET /teams/900/people", mood.clone());
        door.get("/Groups/900").await.fails(502, "");
        app.calls();
        door.ask("PUT", "/Groups/900", group("first", &["3"])).await.fails(502, "");
        assert_eq!(app.state().teams[&900].1, [1, 2, 3], "what was not read is not changed: {mood:?}");
    }
}

#[tokio::test]
async fn a_user_whose_making_cannot_be_read_back_is_said_to_be_unsure() {
    for (kind, text) in [("application/json", ""), ("application/json", "{}"), ("application/json", "{\"id\": null}")] {
        let (app, url) = EasyApp::start(1).await;
        let door = Door::acme(&url, LIMITS).await;
        app.misbehave("POST /users", say(201, kind, text));
        let detail = door.ask("POST", "/Users", user("new")).await.fails(502, "");
        assert!(detail.contains("made") || detail.contains("not known"), "{text}: {detail}");
    }
}

#[tokio::test]
async fn what_cannot_be_a_record_is_no_record() {
    for text in ["[]", "7", "\"x\"", "{}", "{\"id\": 1, \"state\": \"odd\", \"login\": \"a\"}", "{\"id\": {}}"] {
        let (app, url) = EasyApp::start(1).await;
        let door = Door::acme(&url, LIMITS).await;
        app.misbehave("GET /users/1", say(200, "application/json", text));
        door.get("/Users/1").await.fails(502, "");
        app.misbehave(
            "GET /users?",
            say(200, "application/json", &format!("{{\"data\": [{text}], \"meta\": {{\"total\": 1}}}}")),
        );
        door.get("/Users").await.fails(502, "");
        door.find("/Users", "active eq true").await.fails(502, "");
    }
    for text in ["{}", "{\"data\": {}}", "{\"data\": null, \"meta\": {\"total\": 0}}", "[]", "{\"data\": []}", "null"] {
        let (app, url) = EasyApp::start(1).await;
        let door = Door::acme(&url, LIMITS).await;
        app.misbehave("GET /users", say(200, "application/json", text));
        door.get("/Users").await.fails(502, "");
    }
}

#[tokio::test]
async fn deleting_who_is_gone() {
    let (app, url) = EasyApp::start(1).await;
    let door = Door::acme(&url, LIMITS).await;
    app.misbehave("DELETE", say(404, "application/json", "{}"));
    door.ask("DELETE", "/Users/1", Value::Null).await.fails(404, "");
    app.behave();
    app.misbehave("DELETE", Mood::Lose);
    // The same effect twice: sent again, and then the user is gone, which is what was asked for.
    let answer = door.ask("DELETE", "/Users/1", Value::Null).await;
    assert!(matches!(answer.status, 404 | 502), "{}", answer.status);
    assert!(app.state().users.is_empty());
}
