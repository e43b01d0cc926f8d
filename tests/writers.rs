//! Many clients that write at once lose nothing, on the engine that `PORTOLAN_TEST_ENGINE` names: a row is held while its
//! lists change, and who is in another's way is begun again.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod quickstart;

use std::sync::Arc;

use portolan::mapping::sql::Engine;
use quickstart::{Answer, Door, open};
use serde_json::{Value, json};
use tokio::task::JoinSet;

const WRITERS: usize = 12;

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

/// The answers to what all writers ask at once.
async fn all(door: &Arc<Door>, method: &'static str, ask: impl Fn(usize) -> (String, Value)) -> Vec<Answer> {
    let mut writers = JoinSet::new();
    for n in 0..WRITERS {
        let (door, (path, body)) = (door.clone(), ask(n));
        writers.spawn(async move { door.call(quickstart::STRICT, method, &path, &body).await });
    }
    writers.join_all().await
}

fn patch(operation: &Value) -> Value {
    json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [operation]})
}

fn is_done(answer: &Answer) -> bool {
    (200..300).contains(&answer.status)
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost() {
    let door = Arc::new(open().await);
    let answers = all(&door, "PATCH", |n| {
        let mail = json!([{"value": format!("m{n}@example.com"), "type": "other"}]);
        ("/Users/1002".to_owned(), patch(&json!({"op": "add", "path": "emails", "value": mail})))
    })
    .await;
    assert!(answers.iter().all(is_done), "{answers:?}");
    let emails = door.get("/Users/1002").await.body()["emails"].as_array().unwrap().len();
    assert_eq!(emails, 1 + WRITERS);

    let answers = all(&door, "POST", |n| {
        (
            "/Users".to_owned(),
            json!({"schemas": [USER], "userName": format!("writer{n}"), "emails": [{"value": "w@example.com"}]}),
        )
    })
    .await;
    assert!(answers.iter().all(|a| a.status == 201), "{answers:?}");
    let ids: Vec<String> = answers.iter().map(|a| a.body()["id"].as_str().unwrap().to_owned()).collect();

    // each takes one member out and puts another in; everybody is in the way of everybody
    let answers = all(&door, "PATCH", |n| {
        let body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [
            {"op": "add", "path": "members", "value": [{"value": ids[n]}]},
            {"op": "remove", "path": format!("members[value eq \"{}\"]", [1001, 1002, 1005][n % 3])}]});
        ("/Groups/10".to_owned(), body)
    })
    .await;
    assert!(answers.iter().all(is_done), "{answers:?}");
    let members = door.get("/Groups/10").await.body();
    let mut members: Vec<&str> =
        members["members"].as_array().unwrap().iter().map(|m| m["value"].as_str().unwrap()).collect();
    let mut wanted: Vec<&str> = ids.iter().map(String::as_str).collect();
    members.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(members, wanted);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_with_one_name_one_is_made() {
    let door = Arc::new(open().await);
    let answers = all(&door, "POST", |n| {
        let name = if n % 2 == 0 { "the.one" } else { "The.One" };
        // the same request would be joined with its twin
        ("/Users".to_owned(), json!({"schemas": [USER], "userName": name, "title": n.to_string()}))
    })
    .await;
    let made = answers.iter().filter(|a| a.status == 201).count();
    let taken = answers.iter().filter(|a| a.status == 409 && a.scim_type() == "uniqueness").count();
    assert_eq!((made, taken), (1, WRITERS - 1), "{answers:?}");
    assert_eq!(door.find("/Users", "userName eq \"the.one\"").await.total(), 1);
}

/// What one reads the other writes, in both orders.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_in_the_way_is_begun_again() {
    let door = Arc::new(open().await);
    for round in 0..5 {
        let answers = all(&door, "PATCH", |n| {
            let (group, person) = ([10, 20, 30][n % 3], [1001, 1002, 1003, 1004][n % 4]);
            let op = if (n + round) % 2 == 0 { "add" } else { "remove" };
            let body = match op {
                "add" => patch(&json!({"op": op, "path": "members", "value": [{"value": person.to_string()}]})),
                _ => patch(&json!({"op": op, "path": format!("members[value eq \"{person}\"]")})),
            };
            (format!("/Groups/{group}"), body)
        })
        .await;
        assert!(answers.iter().all(is_done), "{answers:?}");
    }
    let answers = all(&door, "DELETE", |n| (format!("/Users/{}", 1001 + n % 3), Value::Null)).await;
    assert!(answers.iter().all(|a| matches!(a.status, 204 | 404)), "{answers:?}");
    for id in 1001..1004 {
        assert_eq!(door.get(&format!("/Users/{id}")).await.status, 404);
    }
}

/// The app holds what the gateway wants, and wants what the gateway holds; the app has written more, so it is the gateway
/// that has to give way.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a server; tests/run.sh starts them"]
async fn a_deadlock_with_the_app_is_none_for_the_client() {
    let door = Arc::new(open().await);
    let database = door.database.as_ref().unwrap();
    let postgres = quickstart::database::engine() == Engine::Postgres;
    let mut app = database.transaction().await;
    app.run("update mailbox set is_main = null where person_no = 1001").await;
    app.run("update team set idp_ref = 'x'").await;
    let patching = tokio::spawn({
        let door = door.clone();
        async move {
            let replace =
                json!({"op": "replace", "path": "emails[type eq \"home\"].value", "value": "new@example.com"});
            door.call(quickstart::STRICT, "PATCH", "/Users/1001", &patch(&replace)).await
        }
    });
    let waits = match postgres {
        true => {
            "select count(*)::text from pg_locks where not granted and pid in (select pid from pg_locks where relation = 'mailbox'::regclass)"
        }
        false => "select cast(count(*) as char) from information_schema.innodb_trx where trx_state = 'LOCK WAIT'",
    };
    while database.lines(waits).await == ["0"] {
        assert!(!patching.is_finished(), "{:?}", patching.await);
        tokio::task::yield_now().await;
    }
    app.run("update staff_person set job_title = 'x' where person_no = 1001").await;
    app.run("commit").await;
    let answer = patching.await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text);
    let user = door.get("/Users/1001").await.body();
    assert_eq!(user["title"], "x");
    assert!(user["emails"].to_string().contains("new@example.com"), "{user}");
}
