//! The SQL backend on a SQLite file.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::{path::PathBuf, sync::Arc, time::Duration};

use portolan::{
    backend::{
        Backend, Failure, Fault, Kind, Limits, Session, calls_made,
        sql::{Sql, Unfit, run_script},
    },
    mapping::{
        App,
        answer::Class,
        sql::{SqlApp, Url},
    },
    plan::call::{Bind, Call, Expect, Reply, Statement},
};
use serde_json::{Value, json};
use tempfile::TempDir;

const LIMITS: Limits = Limits { call_time: Duration::from_secs(20), answer_bytes: 4_000_000, depth: 16 };

const SCHEMA: &str = "
    CREATE TABLE users (id INTEGER PRIMARY KEY, login TEXT NOT NULL UNIQUE, active BOOLEAN, score REAL, photo BLOB,
                        age INT CHECK (age > 0), any_thing);
    CREATE TABLE pairs (who INTEGER NOT NULL REFERENCES users(id), what TEXT);
    CREATE TABLE later (who INTEGER REFERENCES users(id) DEFERRABLE INITIALLY DEFERRED);
    CREATE TRIGGER no_root BEFORE DELETE ON users WHEN old.login = 'root' BEGIN SELECT RAISE(ABORT, 'root stays'); END;
    CREATE TRIGGER all_or_nothing BEFORE INSERT ON pairs WHEN new.what = 'boom'
        BEGIN SELECT RAISE(ROLLBACK, 'gone'); END;
    INSERT INTO users (id, login) VALUES (1, 'root');";

/// Runs longer than any test waits.
const ENDLESS: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";

async fn file() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.db");
    run_script(&path, SCHEMA).await.unwrap();
    (directory, path)
}

async fn backend(path: &std::path::Path, limits: Limits) -> Backend {
    Backend::open(
        &App::Sql(Arc::new(SqlApp {
            url: Url::Sqlite(path.to_owned()),
            schema: None,
            tenant: None,
            counters: None,
            answers: Arc::default(),
        })),
        limits,
    )
    .await
    .unwrap()
}

fn statement(sql: &str, binds: Vec<Bind>, expect: Expect) -> Call {
    Call::Sql(Statement { sql: sql.into(), binds, expect })
}

async fn run(session: &mut Session, sql: &str) -> Result<Reply, Failure> {
    session.call(&statement(sql, vec![], Expect::Any)).await
}

async fn logins(backend: &Backend) -> Value {
    let reply = run(&mut backend.read().await.unwrap(), "SELECT login FROM users ORDER BY id").await.unwrap();
    reply.rows().iter().map(|row| row["login"].clone()).collect()
}

#[tokio::test]
async fn values_come_back_as_they_went_in() {
    let (_dir, path) = file().await;
    let backend = backend(&path, LIMITS).await;
    let mut session = backend.write().await.unwrap();
    let long = "é".repeat(500_000);
    for (bind, back) in [
        (Bind::Null, Value::Null),
        (Bind::Integer(i64::MAX), json!(i64::MAX)),
        (Bind::Integer(i64::MIN), json!(i64::MIN)),
        (Bind::Integer(9_007_199_254_740_993), json!(9_007_199_254_740_993_i64)),
        (Bind::Real(0.1), json!(0.1)),
        (Bind::Text("O'Neil \"x\"; DROP TABLE users; --".into()), json!("O'Neil \"x\"; DROP TABLE users; --")),
        (Bind::Text("a\0b\r\nc\u{2028}?$1:x".into()), json!("a\0b\r\nc\u{2028}?$1:x")),
        (Bind::Text(long.clone()), json!(long)),
        (Bind::Text("007".into()), json!("007")),
        (Bind::Text(String::new()), json!("")),
        (Bind::Set(vec![json!(1), json!("a'b")]), json!("[1,\"a'b\"]")),
    ] {
        let set = statement("UPDATE users SET any_thing = ? WHERE id = 1", vec![bind], Expect::Some(Class::Absent));
        assert_eq!(session.call(&set).await.unwrap().class, Class::Ok);
        let row = run(&mut session, "SELECT any_thing FROM users").await.unwrap();
        assert_eq!(row.first_row().unwrap()["any_thing"], back);
    }
    let within = "SELECT id FROM users WHERE id IN (SELECT value FROM json_each(?))";
    let found = session.call(&statement(within, vec![Bind::Set(vec![json!(1), json!(7)])], Expect::Any)).await.unwrap();
    assert_eq!(found.body, json!([{"id": 1}]));
}

#[tokio::test]
async fn rows_are_typed_by_value_and_truth_by_declaration() {
    let (_dir, path) = file().await;
    let backend = backend(&path, LIMITS).await;
    let mut session = backend.write().await.unwrap();
    let insert =
        "INSERT INTO users (id, login, active, score) VALUES (2, 'ann', 1, 3), (3, 'bob', 0, 2.5), (4, 'x', 5, NULL)";
    run(&mut session, insert).await.unwrap();
    let rows = run(&mut session, "SELECT id, active, score FROM users WHERE id > 1 ORDER BY id").await.unwrap();
    let expected = json!([
        {"id": 2, "active": true, "score": 3.0},
        {"id": 3, "active": false, "score": 2.5},
        {"id": 4, "active": 5, "score": null},
    ]);
    assert_eq!(rows.body, expected);
    let made = run(&mut session, "INSERT INTO users (login) VALUES ('cy') RETURNING id").await.unwrap();
    assert_eq!(made.body, json!([{"id": 5}]));
    drop(session);

    for (set, word) in
        [("photo = x'00ff'", "photo"), ("score = 9e999", "score"), ("any_thing = CAST(x'ff' AS TEXT)", "any_thing")]
    {
        let mut session = backend.write().await.unwrap();
        run(&mut session, &format!("UPDATE users SET {set} WHERE id = 1")).await.unwrap();
        let failure = run(&mut session, "SELECT photo, score, any_thing FROM users WHERE id = 1").await.unwrap_err();
        assert_eq!((failure.kind, failure.fault()), (Kind::Nonsense, Fault::App));
        assert!(failure.message.contains(&format!("column `{word}`")), "{failure}");
    }
}

#[tokio::test]
async fn refusals_are_classes_and_end_the_transaction() {
    let (_dir, path) = file().await;
    let backend = backend(&path, LIMITS).await;
    for (sql, class) in [
        ("INSERT INTO users (login) VALUES ('root')", Class::Exists),
        ("INSERT INTO users (id, login) VALUES (1, 'b')", Class::Exists),
        ("INSERT INTO users (login) VALUES (NULL)", Class::Refused),
        ("INSERT INTO users (login, age) VALUES ('b', -1)", Class::Refused),
        ("INSERT INTO users (id, login) VALUES ('no number', 'b')", Class::Refused),
        ("INSERT INTO pairs (who) VALUES (99)", Class::Refused),
        ("DELETE FROM users WHERE login = 'root'", Class::Refused),
        ("INSERT INTO pairs (who, what) VALUES (1, 'boom')", Class::Refused),
    ] {
        let mut session = backend.write().await.unwrap();
        run(&mut session, "INSERT INTO users (login) VALUES ('before')").await.unwrap();
        assert_eq!(run(&mut session, sql).await.unwrap().class, class, "{sql}");
        let failure = run(&mut session, "INSERT INTO users (login) VALUES ('after')").await.unwrap_err();
        assert_eq!((failure.kind, failure.sent), (Kind::Internal, false));
        assert_eq!(session.commit().await.unwrap_err().kind, Kind::Internal);
        assert_eq!(logins(&backend).await, json!(["root"]), "{sql}");
    }
}

#[tokio::test]
async fn what_does_not_fit_the_database_is_the_mappings_fault() {
    let (_dir, path) = file().await;
    let backend = backend(&path, LIMITS).await;
    for sql in ["SELECT nope FROM users", "SELECT 1 FROM nope", "SELEC 1"] {
        let failure = run(&mut backend.read().await.unwrap(), sql).await.unwrap_err();
        assert_eq!((failure.kind, failure.fault()), (Kind::BadCall, Fault::Mapping), "{failure}");
    }
    let failure = run(&mut backend.read().await.unwrap(), "DELETE FROM users").await.unwrap_err();
    assert_eq!(failure.kind, Kind::Unreachable, "a reader cannot write: {failure}");
    let small = self::backend(&path, Limits { answer_bytes: 50, ..LIMITS }).await;
    let failure =
        run(&mut small.read().await.unwrap(), "SELECT id, login, active, score FROM users").await.unwrap_err();
    assert_eq!(failure.kind, Kind::TooLarge);
}

#[tokio::test]
async fn expectations_look_at_this_statement_only() {
    let (_dir, path) = file().await;
    let backend = backend(&path, LIMITS).await;
    let mut session = backend.write().await.unwrap();
    let absent = Expect::Some(Class::Absent);
    let none = Expect::None(Class::Refused, "no such member");
    for (sql, expect, class, detail) in [
        ("UPDATE users SET score = 1 WHERE id = 1", absent.clone(), Class::Ok, None),
        ("UPDATE users SET score = 1 WHERE id = 9", absent.clone(), Class::Absent, None),
        ("UPDATE users SET score = 1 WHERE id = 1", absent.clone(), Class::Ok, None),
        ("SELECT 1 FROM users WHERE id = 9", absent.clone(), Class::Absent, None),
        ("UPDATE users SET score = 1 WHERE id = 9 RETURNING id", absent.clone(), Class::Absent, None),
        ("UPDATE users SET score = 1 WHERE id = 1 RETURNING id", absent, Class::Ok, None),
        ("SELECT 7 AS id WHERE 0", none.clone(), Class::Ok, None),
        ("SELECT 7 AS id, 8 AS x", none.clone(), Class::Refused, Some("no such member: 7")),
        ("SELECT 'a' AS id", none, Class::Refused, Some("no such member: a")),
    ] {
        let reply = session.call(&statement(sql, vec![], expect)).await.unwrap();
        assert_eq!((reply.class, reply.detail.as_deref()), (class, detail), "{sql}");
    }
    assert_eq!(session.calls(), 9);
    assert!(calls_made() >= 9);
}

#[tokio::test]
async fn a_write_is_kept_by_commit_only() {
    let (_dir, path) = file().await;
    let backend = backend(&path, LIMITS).await;
    let mut session = backend.write().await.unwrap();
    run(&mut session, "INSERT INTO users (login) VALUES ('dropped')").await.unwrap();
    drop(session);
    let mut session = backend.write().await.unwrap();
    run(&mut session, "INSERT INTO users (login) VALUES ('kept')").await.unwrap();
    session.commit().await.unwrap();
    assert_eq!(logins(&backend).await, json!(["root", "kept"]));
}

#[tokio::test]
async fn what_the_database_checks_at_commit_is_undone() {
    let (_dir, path) = file().await;
    let backend = backend(&path, LIMITS).await;
    let mut session = backend.write().await.unwrap();
    run(&mut session, "INSERT INTO users (login) VALUES ('lost')").await.unwrap();
    run(&mut session, "INSERT INTO later VALUES (99)").await.unwrap();
    let failure = session.commit().await.unwrap_err();
    assert_eq!((failure.kind, failure.sent), (Kind::BadCall, false), "{failure}");
    backend.write().await.unwrap().commit().await.unwrap();
    assert_eq!(logins(&backend).await, json!(["root"]));
}

#[tokio::test]
async fn a_reader_sees_one_state() {
    let (_dir, path) = file().await;
    let backend = backend(&path, LIMITS).await;
    wal(&path).await;
    let mut reader = backend.read().await.unwrap();
    let before = run(&mut reader, "SELECT count(*) AS n FROM users").await.unwrap().body;
    let mut writer = backend.write().await.unwrap();
    run(&mut writer, "INSERT INTO users (login) VALUES ('new')").await.unwrap();
    writer.commit().await.unwrap();
    assert_eq!(run(&mut reader, "SELECT count(*) AS n FROM users").await.unwrap().body, before);
    drop(reader);
    assert_eq!(logins(&backend).await, json!(["root", "new"]));
}

/// What an app may have chosen for itself.
async fn wal(path: &std::path::Path) {
    use sqlx::{ConnectOptions, Connection, Executor};
    let mut app = sqlx::sqlite::SqliteConnectOptions::new().filename(path).connect().await.unwrap();
    app.execute("PRAGMA journal_mode = WAL").await.unwrap();
    app.close().await.unwrap();
}

#[tokio::test]
async fn a_statement_too_slow_is_stopped_and_its_connection_is_good_again() {
    let (_dir, path) = file().await;
    let short = backend(&path, Limits { call_time: Duration::from_millis(300), ..LIMITS }).await;
    let failure = run(&mut short.read().await.unwrap(), ENDLESS).await.unwrap_err();
    assert_eq!((failure.kind, failure.sent), (Kind::TimedOut, false));

    let mut session = short.write().await.unwrap();
    run(&mut session, "INSERT INTO users (login) VALUES ('lost')").await.unwrap();
    let slow = format!("UPDATE users SET score = ({ENDLESS})");
    assert_eq!(run(&mut session, &slow).await.unwrap_err().kind, Kind::TimedOut);
    assert_eq!(run(&mut session, "SELECT 1").await.unwrap_err().kind, Kind::Internal);
    drop(session);

    // SQLite undid the write by itself; the writer must not think that it is still in a transaction
    let patient = backend(&path, LIMITS).await;
    for backend in [&patient, &short] {
        let mut session = backend.write().await.unwrap();
        run(&mut session, "UPDATE users SET score = 2").await.unwrap();
        session.commit().await.unwrap();
    }
    assert_eq!(logins(&patient).await, json!(["root"]));
}

#[tokio::test]
async fn a_call_given_up_leaves_nothing_behind() {
    let (_dir, path) = file().await;
    let backend = backend(&path, LIMITS).await;
    for slow in [ENDLESS.to_owned(), format!("UPDATE users SET score = ({ENDLESS})")] {
        let mut session = backend.write().await.unwrap();
        run(&mut session, "INSERT INTO users (login) VALUES ('lost')").await.unwrap();
        tokio::select! {
            biased;
            _ = run(&mut session, &slow) => panic!("it has no end"),
            () = tokio::time::sleep(Duration::from_millis(50)) => {}
        }
        assert_eq!(session.commit().await.unwrap_err().kind, Kind::Internal);
        // the only writer comes free long before its time is over: the statement was stopped
        let mut next = backend.write().await.unwrap();
        run(&mut next, "UPDATE users SET score = 3").await.unwrap();
        next.commit().await.unwrap();
        assert_eq!(logins(&backend).await, json!(["root"]));
    }
    for _ in 0..50 {
        // given up while it begins
        tokio::select! { biased; _ = backend.write() => {}, () = tokio::task::yield_now() => {} }
    }
    backend.write().await.unwrap().commit().await.unwrap();
}

#[tokio::test]
async fn a_lock_held_by_the_app_is_busy() {
    use sqlx::{ConnectOptions, Connection};
    let (_dir, path) = file().await;
    let backend = backend(&path, Limits { call_time: Duration::from_millis(200), ..LIMITS }).await;
    let mut app = sqlx::sqlite::SqliteConnectOptions::new().filename(&path).connect().await.unwrap();
    let held = app.begin_with("BEGIN EXCLUSIVE").await.unwrap();
    let failure = backend.write().await.map(drop).unwrap_err();
    assert_eq!((failure.kind, failure.fault(), failure.sent), (Kind::Busy, Fault::App, false), "{failure}");
    drop(held);
    app.close().await.unwrap();
    backend.write().await.unwrap().commit().await.unwrap();
}

#[tokio::test]
async fn a_file_is_opened_or_refused_by_name() {
    let (dir, path) = file().await;
    let missing = dir.path().join("no such.db");
    let error = Sql::open(&Url::Sqlite(missing.clone()), LIMITS, Arc::default()).await.unwrap_err().to_string();
    assert!(error.contains("no such.db") && !missing.exists(), "{error}");
    let text = dir.path().join("text.db");
    std::fs::write(&text, "hello, this is no database at all".repeat(50)).unwrap();
    let error = Sql::open(&Url::Sqlite(text.clone()), LIMITS, Arc::default()).await.unwrap_err().to_string();
    assert!(error.contains("text.db"), "{error}");

    let sql = Sql::open(&Url::Sqlite(path.clone()), LIMITS, Arc::default()).await.unwrap();
    let asked = [("USERS".to_owned(), vec!["Login".to_owned(), "logon".to_owned()]), ("user\"s".to_owned(), vec![])];
    let unfit =
        |table: &str, column: Option<&str>| Unfit { table: table.into(), column: column.map(Into::into), of: None };
    assert_eq!(sql.catalog(&asked).await.unwrap().1, [unfit("USERS", Some("logon")), unfit("user\"s", None)]);
}

#[tokio::test]
async fn a_script_makes_a_whole_file_or_none() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("demo.db");
    let error = run_script(&path, "CREATE TABLE a (x); INSERT INTO nope VALUES (1);").await.unwrap_err().to_string();
    assert!(error.contains("demo.db") && error.contains("nope"), "{error}");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    run_script(&path, "CREATE TABLE a (x);").await.unwrap();
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    let error = run_script(&path, "CREATE TABLE b (x);").await.unwrap_err().to_string();
    assert!(error.contains("already"), "{error}");
}

#[tokio::test]
async fn a_file_whose_bytes_are_not_in_the_order_of_its_letters_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    for (encoding, opens) in [("UTF-8", true), ("UTF-16le", false), ("UTF-16be", false)] {
        let path = directory.path().join(encoding);
        run_script(&path, &format!("PRAGMA encoding = '{encoding}'; CREATE TABLE t (c TEXT);")).await.unwrap();
        let opened = Sql::open(&Url::Sqlite(path.clone()), LIMITS, Arc::default()).await;
        assert_eq!(opened.is_ok(), opens, "{encoding}");
        if let Err(refused) = opened {
            assert!(refused.to_string().contains(encoding) && refused.to_string().contains(".dump"), "{refused}");
        }
    }
}
