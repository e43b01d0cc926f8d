//! Sessions with PostgreSQL and MariaDB: what is written is kept whole or not at all, whatever happens to a statement, a
//! connection or the client. On the engine that `PORTOLAN_TEST_ENGINE` names; SQLite, which has no server, has
//! `backend_sql`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "common/database.rs"]
mod database;

use std::{sync::Arc, time::Duration};

use database::{Database, engine};
use portolan::{
    backend::{Backend, Failure, Kind, Limits, Session},
    mapping::{
        App,
        answer::Class,
        sql::{Engine, SqlApp},
    },
    plan::call::{Bind, Call, Expect, Reply, Statement},
};
use serde_json::{Value, json};

const LIMITS: Limits = Limits { call_time: Duration::from_secs(20), answer_bytes: 4_000_000, depth: 16 };

const SCHEMA: &str =
    "create table users (id integer primary key, login varchar(40) not null unique, score integer check (score > 0));
    insert into users values (1, 'root', 1), (2, 'ann', 2);";

/// The engine under test.
fn server() -> Engine {
    let engine = engine();
    assert_ne!(engine, Engine::Sqlite, "set PORTOLAN_TEST_ENGINE to postgres or mariadb");
    engine
}

struct Place {
    engine: Engine,
    database: Database,
    backend: Backend,
}

async fn open(database: &Database, limits: Limits) -> Backend {
    Backend::open(
        &App::Sql(Arc::new(SqlApp {
            url: database.url(),
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

async fn place(engine: Engine) -> Place {
    let database = Database::new(engine, SCHEMA).await;
    let backend = open(&database, LIMITS).await;
    Place { engine, database, backend }
}

impl Place {
    /// Runs longer than any test waits.
    fn endless(&self) -> &'static str {
        if self.engine == Engine::Postgres { "SELECT pg_sleep(600) FROM users" } else { "SELECT SLEEP(600) FROM users" }
    }

    /// How many statements like it run on the server.
    async fn running(&self) -> String {
        let sql = match self.engine {
            Engine::Postgres => {
                "select count(*)::text from pg_stat_activity where query like '%pg_sleep(600)%' and state = 'active' and pid <> pg_backend_pid()"
            }
            _ => {
                "select cast(count(*) as char) from information_schema.processlist where info like 'SELECT SLEEP(600)%'"
            }
        };
        self.database.lines(sql).await.remove(0)
    }

    async fn until_nothing_runs(&self) {
        let all = async {
            while self.running().await != "0" {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(15), all).await.expect("the statement goes on");
    }

    async fn logins(&self) -> Vec<String> {
        self.database.lines("select login from users order by id").await
    }
}

fn bound(engine: Engine, sql: &str, binds: Vec<Bind>) -> Call {
    let parts: Vec<&str> = sql.split('?').collect();
    let sql = parts.iter().enumerate().fold(String::new(), |sql, (n, part)| {
        if n == 0 { (*part).to_owned() } else { format!("{sql}{}{part}", engine.parameter(n)) }
    });
    Call::Sql(Statement { sql: sql.into(), binds, expect: Expect::Any })
}

async fn run(session: &mut Session, sql: &str) -> Result<Reply, Failure> {
    session.call(&Call::Sql(Statement { sql: sql.into(), binds: Vec::new(), expect: Expect::Any })).await
}

#[tokio::test]
#[ignore = "needs a server; tests/run.sh starts them"]
async fn values_come_back_as_they_went_in() {
    let engine = server();
    let script = match engine {
        Engine::Postgres => "create type mood as enum ('sad', 'it''s'); create domain short as varchar(9);
            create table kept (small smallint, big bigint, number numeric, fixed numeric(9, 3), r real, d double precision, yes boolean,
              t text, v varchar(9), c char(9), u uuid, at timestamptz, plain timestamp, day date, j jsonb, m mood, s short)",
        _ => "create table kept (small smallint, big bigint, number decimal(40, 20), fixed decimal(9, 3), r float, d double, yes tinyint(1),
              t mediumtext, v varchar(9), c char(9), u uuid, at datetime(6), plain timestamp(6) null, day date, j json,
              m enum ('sad', 'it''s'), s varchar(9)) character set utf8mb4",
    };
    let database = Database::new(engine, script).await;
    let backend = open(&database, LIMITS).await;
    let yes = if engine == Engine::Postgres { json!(true) } else { json!(1) };
    let maria = engine == Engine::MariaDb;
    let at = |text: &str| Bind::Text(if maria { text.replace('T', " ").replace('Z', "") } else { text.to_owned() });
    let text = |text: &str| Bind::Text(text.to_owned());
    let long = "é".repeat(500_000);
    let number = if maria { "-123.45670000000000000000" } else { "-123.4567" };
    for (column, bind, back) in [
        ("small", Bind::Integer(-32_768), json!(-32_768)),
        ("big", Bind::Integer(i64::MIN), json!(i64::MIN)),
        ("big", Bind::Integer(9_007_199_254_740_993), json!(9_007_199_254_740_993_i64)),
        ("big", Bind::Null, Value::Null),
        ("number", text("-123.4567"), serde_json::from_str(number).unwrap()),
        ("fixed", text("0.125"), serde_json::from_str("0.125").unwrap()),
        ("r", Bind::Real(0.5), json!(0.5)),
        ("d", Bind::Real(0.1), json!(0.1)),
        ("yes", Bind::Boolean(true), yes),
        (
            "t",
            text("O'Neil \"x\"; DROP TABLE kept; --\\ % _ {{x}} ?$1:x\r\n"),
            json!("O'Neil \"x\"; DROP TABLE kept; --\\ % _ {{x}} ?$1:x\r\n"),
        ),
        ("t", text(&long), json!(long)),
        ("v", text("007 "), json!("007 ")),
        ("c", text("ab"), json!("ab")),
        ("u", text("0b6bd5a9-0000-4000-8000-00000000000f"), json!("0b6bd5a9-0000-4000-8000-00000000000f")),
        ("at", at("2026-01-02T03:04:05.123456Z"), json!("2026-01-02T03:04:05.123456Z")),
        ("plain", at("2026-01-02T03:04:05Z"), json!("2026-01-02T03:04:05Z")),
        ("day", text("2024-02-29"), json!("2024-02-29")),
        ("j", text("{\"a\": 1}"), json!("{\"a\": 1}")),
        ("m", text("it's"), json!("it's")),
        ("s", text("ü"), json!("ü")),
    ] {
        let mut session = backend.write().await.unwrap();
        let set = bound(engine, &format!("INSERT INTO kept ({column}) VALUES (?)"), vec![bind]);
        assert_eq!(session.call(&set).await.unwrap().class, Class::Ok, "{column} {back}");
        let row = run(&mut session, &format!("SELECT {column} FROM kept")).await.unwrap();
        assert_eq!(row.first_row().unwrap()[column], back, "{column}");
    }
    for (column, bind) in [
        ("small", Bind::Integer(32_768)),
        ("small", text("x")),
        ("v", text("much too long")),
        ("u", text("no uuid")),
        ("at", text("soon")),
        ("day", text("2026-02-30")),
        ("m", text("glad")),
        ("s", text("much too long")),
    ] {
        let mut session = backend.write().await.unwrap();
        let told = format!("{column} {bind:?}");
        let set = bound(engine, &format!("INSERT INTO kept ({column}) VALUES (?)"), vec![bind]);
        assert_eq!(session.call(&set).await.unwrap().class, Class::Refused, "{told}");
        assert_eq!(run(&mut session, "SELECT 1").await.unwrap_err().kind, Kind::Internal, "{told}");
    }
    assert_eq!(database.lines("select count(*) from kept").await, ["0"]);
}

#[tokio::test]
#[ignore = "needs a server; tests/run.sh starts them"]
async fn refusals_are_classes_and_undo_everything() {
    let engine = server();
    let place = place(engine).await;
    for (sql, class) in [
        ("insert into users values (3, 'root', 1)", Class::Exists),
        ("insert into users values (3, null, 1)", Class::Refused),
        ("insert into users values (3, 'x', -1)", Class::Refused),
    ] {
        let mut session = place.backend.write().await.unwrap();
        run(&mut session, "insert into users values (9, 'before', 1)").await.unwrap();
        assert_eq!(run(&mut session, sql).await.unwrap().class, class, "{sql}");
        assert_eq!(session.commit().await.unwrap_err().kind, Kind::Internal);
    }
    for sql in ["select nope from users", "select 1 from nope", "selec 1"] {
        let failure = run(&mut place.backend.read().await.unwrap(), sql).await.unwrap_err();
        assert_eq!(failure.kind, Kind::BadCall, "{failure}");
    }
    let failure = run(&mut place.backend.read().await.unwrap(), "delete from users").await.unwrap_err();
    assert_eq!(failure.kind, Kind::Unreachable, "a reader cannot write: {failure}");
    let mut session = place.backend.write().await.unwrap();
    run(&mut session, "insert into users values (3, 'kept', 1)").await.unwrap();
    session.commit().await.unwrap();
    assert_eq!(place.logins().await, ["root", "ann", "kept"]);
}

#[tokio::test]
#[ignore = "needs a server; tests/run.sh starts them"]
async fn a_reader_sees_one_state() {
    let engine = server();
    let place = place(engine).await;
    let mut reader = place.backend.read().await.unwrap();
    let before = run(&mut reader, "select count(*) as n from users").await.unwrap().body;
    let mut writer = place.backend.write().await.unwrap();
    run(&mut writer, "insert into users values (3, 'new', 1)").await.unwrap();
    writer.commit().await.unwrap();
    assert_eq!(run(&mut reader, "select count(*) as n from users").await.unwrap().body, before);
}

#[tokio::test]
#[ignore = "needs a server; tests/run.sh starts them"]
async fn who_is_in_the_way_of_another_is_told_so() {
    let engine = server();
    let place = place(engine).await;
    let (mut a, mut b) = (place.backend.write().await.unwrap(), place.backend.write().await.unwrap());
    run(&mut a, "update users set score = 5 where id = 1").await.unwrap();
    run(&mut b, "update users set score = 6 where id = 2").await.unwrap();
    let (one, other) = tokio::join!(
        run(&mut a, "update users set score = 5 where id = 2"),
        run(&mut b, "update users set score = 6 where id = 1")
    );
    let failures: Vec<Failure> = [one, other].into_iter().filter_map(Result::err).collect();
    assert_eq!(failures.len(), 1, "one of the two gives way: {failures:?}");
    assert!(failures[0].kind == Kind::Conflict && !failures[0].sent, "{failures:?}");
}

#[tokio::test]
#[ignore = "needs a server; tests/run.sh starts them"]
async fn a_statement_too_slow_is_stopped_on_the_server() {
    let engine = server();
    let place = place(engine).await;
    let short = open(&place.database, Limits { call_time: Duration::from_secs(2), ..LIMITS }).await;
    let failure = run(&mut short.read().await.unwrap(), place.endless()).await;
    // MariaDB's own sleep wakes up and ends well
    if let Err(failure) = failure {
        assert_eq!((failure.kind, failure.sent), (Kind::TimedOut, false), "{failure}");
    } else {
        assert_eq!(engine, Engine::MariaDb);
    }
    place.until_nothing_runs().await;
    run(&mut short.read().await.unwrap(), "select 1").await.unwrap();
}

#[tokio::test]
#[ignore = "needs a server; tests/run.sh starts them"]
async fn a_call_given_up_is_stopped_on_the_server_and_leaves_nothing() {
    let engine = server();
    let place = place(engine).await;
    for _ in 0..3 {
        let mut session = place.backend.write().await.unwrap();
        run(&mut session, "insert into users values (3, 'lost', 1)").await.unwrap();
        tokio::select! {
            biased;
            ended = run(&mut session, place.endless()) => panic!("it has no end: {ended:?}"),
            () = async { while place.running().await == "0" { tokio::task::yield_now().await; } } => {}
        }
        drop(session);
        place.until_nothing_runs().await;
    }
    let mut session = place.backend.write().await.unwrap();
    run(&mut session, "insert into users values (3, 'kept', 1)").await.unwrap();
    session.commit().await.unwrap();
    assert_eq!(place.logins().await, ["root", "ann", "kept"]);
}

/// Ends every connection of the gateway, as a restart does.
async fn cut(place: &Place) {
    match place.engine {
        Engine::Postgres => {
            let sql = "select pg_terminate_backend(pid)::text from pg_stat_activity where application_name = 'portolan'
                and query not like '%pg_terminate_backend%' and pid <> pg_backend_pid()
                and pid in (select pid from pg_locks where relation = 'users'::regclass)";
            assert!(!place.database.lines(sql).await.is_empty());
        }
        _ => {
            let url = place.database.url.clone();
            let name = url.rsplit('/').next().unwrap();
            let all = format!(
                "select concat('KILL ', id) from information_schema.processlist where db = '{name}' and id <> connection_id()"
            );
            for kill in place.database.lines(&all).await {
                place.database.run(&kill).await;
            }
        }
    }
}

#[tokio::test]
#[ignore = "needs a server; tests/run.sh starts them"]
async fn a_connection_that_dies_loses_its_transaction_and_no_other() {
    let engine = server();
    let place = place(engine).await;
    let mut session = place.backend.write().await.unwrap();
    run(&mut session, "insert into users values (3, 'lost', 1)").await.unwrap();
    cut(&place).await;
    let failure = run(&mut session, "insert into users values (4, 'lost too', 1)").await.unwrap_err();
    assert_eq!((failure.kind, failure.sent), (Kind::Unreachable, false), "{failure}");
    drop(session);

    let mut session = place.backend.write().await.unwrap();
    run(&mut session, "insert into users values (3, 'unsure', 1)").await.unwrap();
    cut(&place).await;
    let failure = session.commit().await.unwrap_err();
    assert_eq!((failure.kind, failure.sent), (Kind::Unreachable, true), "{failure}");

    let mut session = place.backend.write().await.unwrap();
    run(&mut session, "insert into users values (3, 'kept', 1)").await.unwrap();
    session.commit().await.unwrap();
    assert_eq!(place.logins().await, ["root", "ann", "kept"]);
}

#[tokio::test]
#[ignore = "needs a server; tests/run.sh starts them"]
async fn a_server_that_is_away_is_named_without_the_password() {
    let engine = server();
    let database = Database::new(engine, SCHEMA).await;
    let (server, name) = database.url.rsplit_once('/').unwrap();
    let (begin, port) = server.rsplit_once(':').unwrap();
    // the wrong password, and nobody there
    for port in [port, "1"] {
        let url = format!("{begin}:{port}/{name}").replace(":portolan@", ":hunter2@");
        let away = Database::at(engine, &url);
        let app = App::Sql(Arc::new(SqlApp {
            url: away.url(),
            schema: None,
            tenant: None,
            counters: None,
            answers: Arc::default(),
        }));
        let limits = Limits { call_time: Duration::from_millis(500), ..LIMITS };
        let error = Backend::open(&app, limits).await.unwrap_err().to_string();
        assert!(error.contains("127.0.0.1") && !error.contains("hunter2"), "{error}");
        assert!(!format!("{app:?}").contains("hunter2"));
    }
}

#[tokio::test]
#[ignore = "needs a server; tests/run.sh starts them"]
async fn columns_without_a_form_in_json_are_named() {
    let engine = server();
    let script = match engine {
        Engine::Postgres => "create table odd (id integer, photo bytea, place point)",
        _ => "create table odd (id integer, photo blob, place point)",
    };
    let database = Database::new(engine, script).await;
    let backend = open(&database, LIMITS).await;
    let Backend::Sql(sql) = &backend else { panic!("not SQL") };
    let asked = [
        ("odd".to_owned(), ["id", "photo", "place", "gone"].map(str::to_owned).to_vec()),
        ("no\"ne".to_owned(), vec![]),
    ];
    let (catalog, unfit) = sql.catalog(&asked).await.unwrap();
    let said: Vec<String> = unfit.iter().map(ToString::to_string).collect();
    let photo = if engine == Engine::Postgres { "bytea" } else { "blob" };
    assert!(said[0].contains("column `photo`") && said[0].contains(photo), "{said:?}");
    assert!(
        said[1].contains("`place`") && said[2].contains("no column `gone`") && said[3].contains("no table"),
        "{said:?}"
    );
    assert!(
        catalog
            .column(&portolan::mapping::sql::Ident("odd".into()), &portolan::mapping::sql::Ident("id".into()))
            .is_some()
    );
}
