//! An app's database for one test, on the engine that `PORTOLAN_TEST_ENGINE` names: SQLite in a file, which is what plain
//! test runs use, or a database of its own on the servers that `tests/databases.sh` starts: on PostgreSQL
//! a schema, which is made faster.

#![allow(dead_code, unreachable_pub)]

mod dialect;

use std::sync::atomic::{AtomicU32, Ordering};

use portolan::{
    backend::sql::run_script,
    config::Secret,
    mapping::sql::{Engine, Url},
};
use sqlx::{AssertSqlSafe, Connection, Executor, MySqlConnection, PgConnection, Row, SqliteConnection, ValueRef};
use tempfile::TempDir;

/// The engine under test.
pub fn engine() -> Engine {
    match std::env::var("PORTOLAN_TEST_ENGINE").as_deref() {
        Err(_) | Ok("sqlite") => Engine::Sqlite,
        Ok("postgres") => Engine::Postgres,
        Ok("mariadb") => Engine::MariaDb,
        Ok(other) => panic!("PORTOLAN_TEST_ENGINE is {other}, and sqlite, postgres and mariadb are known"),
    }
}

/// A database with its tables; a file goes with it, a server's database stays until the server goes.
pub struct Database {
    pub engine: Engine,
    pub url: String,
    held: tokio::sync::Mutex<Option<Held>>,
    _folder: Option<TempDir>,
}

/// A connection that outlives a question.
enum Held {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
    MariaDb(MySqlConnection),
}

impl Database {
    fn of(engine: Engine, url: String, folder: Option<TempDir>) -> Self {
        Self { engine, url, held: tokio::sync::Mutex::new(None), _folder: folder }
    }

    /// The HR database of the quickstart, on a server with types and collations of its own; and `more` statements after
    /// it, in SQLite's words.
    pub async fn quickstart(more: &str) -> Self {
        Self::new(engine(), &format!("{}\n{}", hr(), dialect::moments(engine(), &dialect::script(engine(), more))))
            .await
    }

    /// The quickstart's tables, with nobody in them.
    pub async fn empty_quickstart() -> Self {
        // a column of MariaDB's takes ASCII alone, which is not what is asked about
        let tables = hr().split("insert into").next().unwrap().replace(" character set ascii", "");
        Self::new(engine(), &tables).await
    }

    /// A new database that a script in SQLite's words has filled.
    pub async fn tables(script: &str) -> Self {
        Self::new(engine(), &dialect::script(engine(), script)).await
    }

    /// A new database that a script has filled.
    pub async fn new(engine: Engine, script: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_micros();
        let name = format!("t{}_{}_{now:x}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let server = |variable: &str| {
            std::env::var(variable).unwrap_or_else(|_| panic!("{variable} is not set; run tests/databases.sh start"))
        };
        match engine {
            Engine::Sqlite => {
                let folder = tempfile::tempdir().unwrap();
                let file = folder.path().join("app.sqlite");
                run_script(&file, script).await.unwrap();
                Self::of(engine, format!("sqlite:{}", file.display()), Some(folder))
            }
            Engine::Postgres => {
                let server = server("PORTOLAN_TEST_POSTGRES");
                let mut connection = PgConnection::connect(&format!("{server}/postgres")).await.unwrap();
                // a schema is made in no time, and a database is not
                connection.execute(sqlx::raw_sql(AssertSqlSafe(format!("CREATE SCHEMA {name}")))).await.unwrap();
                let url = format!("{server}/postgres?options=-c%20search_path%3D{name}");
                let database = Self::of(engine, url, None);
                database.run(script).await;
                database
            }
            Engine::MariaDb => {
                let server = server("PORTOLAN_TEST_MARIADB");
                let mut connection = maria(&server).await;
                connection.execute(sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE {name}")))).await.unwrap();
                let database = Self::of(engine, format!("{server}/{name}"), None);
                database.run(script).await;
                database
            }
        }
    }

    /// The same on a small disk of its own, which `tests/databases.sh` mounts; MariaDB's stays where it is.
    pub async fn small(script: &str) -> Self {
        let script = dialect::script(engine(), script);
        match engine() {
            Engine::Sqlite => {
                let disk = std::env::var("PORTOLAN_TEST_SMALL").expect("tests/databases.sh start says where it is");
                let folder = tempfile::tempdir_in(disk).unwrap();
                let file = folder.path().join("app.sqlite");
                run_script(&file, &script).await.unwrap();
                Self::of(Engine::Sqlite, format!("sqlite:{}", file.display()), Some(folder))
            }
            Engine::Postgres => Self::new(Engine::Postgres, &format!("set default_tablespace = small; {script}")).await,
            Engine::MariaDb => Self::new(Engine::MariaDb, &script).await,
        }
    }

    /// One that is somewhere, or not.
    pub fn at(engine: Engine, url: &str) -> Self {
        Self::of(engine, url.to_owned(), None)
    }

    /// The same for a mapping made by hand.
    pub fn url(&self) -> Url {
        match self.engine {
            Engine::Sqlite => Url::Sqlite(self.url.trim_start_matches("sqlite:").into()),
            Engine::Postgres => Url::Postgres(Secret::new(self.url.clone())),
            Engine::MariaDb => Url::MariaDb(Secret::new(self.url.clone())),
        }
    }

    /// Runs statements as the app would.
    pub async fn run(&self, script: &str) {
        self.try_run(script).await.unwrap();
    }

    /// The same, where it may fail.
    pub async fn try_run(&self, script: &str) -> Result<(), sqlx::Error> {
        let script = sqlx::raw_sql(AssertSqlSafe(script));
        match &mut self.connected().await {
            Held::Sqlite(connection) => connection.execute(script).await.map(drop),
            Held::Postgres(connection) => connection.execute(script).await.map(drop),
            Held::MariaDb(connection) => connection.execute(script).await.map(drop),
        }
    }

    async fn connected(&self) -> Held {
        match self.engine {
            Engine::Sqlite => Held::Sqlite(SqliteConnection::connect(&self.url).await.unwrap()),
            Engine::Postgres => Held::Postgres(PgConnection::connect(&self.url).await.unwrap()),
            Engine::MariaDb => Held::MariaDb(maria(&self.url).await),
        }
    }

    /// A transaction of the app's own on a server.
    pub async fn transaction(&self) -> Transaction {
        let mut transaction = match self.engine {
            Engine::Sqlite => panic!("needs a server"),
            Engine::Postgres => Transaction::Postgres(PgConnection::connect(&self.url).await.unwrap()),
            Engine::MariaDb => Transaction::MariaDb(maria(&self.url).await),
        };
        if self.engine == Engine::Postgres {
            // of two in each other's way it is not this one that gives way
            transaction.run("set deadlock_timeout = '30s'").await;
        }
        transaction.run("begin").await;
        transaction
    }

    /// The first column of a statement in SQLite's words, one line a row.
    pub async fn lines(&self, sql: &str) -> Vec<String> {
        let sql = sqlx::raw_sql(AssertSqlSafe(dialect::sql(self.engine, sql)));
        let line = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        // a server takes long to know who it is
        let mut held = self.held.lock().await;
        if held.is_none() {
            *held = Some(self.connected().await);
        }
        match held.as_mut().unwrap() {
            Held::Sqlite(connection) => {
                let rows = connection.fetch_all(sql).await.unwrap();
                rows.iter().map(|row| line(row.try_get_unchecked(0).unwrap())).collect()
            }
            Held::Postgres(connection) => {
                let rows = connection.fetch_all(sql).await.unwrap();
                let cell = |row: &sqlx::postgres::PgRow| {
                    let raw = row.try_get_raw(0).unwrap();
                    if raw.is_null() { None } else { Some(raw.as_str().unwrap().to_owned()) }
                };
                rows.iter().map(|row| line(cell(row))).collect()
            }
            Held::MariaDb(connection) => {
                let rows = connection.fetch_all(sql).await.unwrap();
                rows.iter().map(|row| line(row.try_get_unchecked(0).unwrap())).collect()
            }
        }
    }
}

/// The app in the middle of its own work.
pub enum Transaction {
    Postgres(PgConnection),
    MariaDb(MySqlConnection),
}

impl Transaction {
    pub async fn run(&mut self, sql: &str) {
        let sql = sqlx::raw_sql(AssertSqlSafe(sql));
        match self {
            Self::Postgres(connection) => connection.execute(sql).await.map(drop),
            Self::MariaDb(connection) => connection.execute(sql).await.map(drop),
        }
        .unwrap();
    }
}

fn hr() -> &'static str {
    match engine() {
        Engine::Sqlite => include_str!("../../examples/quickstart/hr.sql"),
        Engine::Postgres => include_str!("../databases/quickstart.postgres.sql"),
        Engine::MariaDb => include_str!("../databases/quickstart.mariadb.sql"),
    }
}

async fn maria(url: &str) -> MySqlConnection {
    let mut connection = MySqlConnection::connect(&url.replacen("mariadb:", "mysql:", 1)).await.unwrap();
    connection.execute(sqlx::raw_sql("SET time_zone = '+00:00'")).await.unwrap();
    connection
}
