//! MariaDB, 10.10 or later: older ones have no collation that knows the letters of today. A connection is set up once,
//! for the strict mode without which MariaDB cuts and guesses.

use std::str::FromStr;

use futures_util::StreamExt;
use serde_json::Value;
use sqlx::{
    ConnectOptions, Either, Executor, MySqlConnection, MySqlPool, Row,
    mysql::{MySqlArguments, MySqlConnectOptions, MySqlPoolOptions},
    query::Query,
};

use crate::{
    mapping::answer::Class,
    plan::call::{Bind, Statement},
};

use super::{
    Failure, Kind, Limits, OpenError, Rows,
    answers::Answers,
    mariadb_decode::object,
    server::{CONNECT_TIME, CONNECTIONS, Engine, Halt, LOCK_TIME, Server, without_code},
    trusted,
};

/// The oldest server.
const OLDEST: (u32, u32) = (10, 10);

/// MariaDB.
#[derive(Debug)]
pub(super) struct MariaDb;

pub(super) async fn open(url: &str, limits: Limits, answers: Answers) -> Result<Server<MariaDb>, OpenError> {
    let url = url.split_once(':').map_or(url.to_owned(), |(_, rest)| format!("mysql:{rest}"));
    let options = MySqlConnectOptions::from_str(&url)
        .map_err(|error| OpenError(format!("`app.sql.url` is not the URL of a MariaDB database: {error}")))?;
    let place = place(&options);
    let cannot = |why: &dyn std::fmt::Display| OpenError(format!("the database {place} cannot be used: {why}"));
    let options = options.pipes_as_concat(false).no_engine_substitution(false).timezone(None).charset("utf8mb4");
    let (time, lock) = (limits.call_time.as_secs_f64(), LOCK_TIME.min(limits.call_time).as_secs().max(1));
    let session: String = format!(
        "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_BACKSLASH_ESCAPES,NO_ENGINE_SUBSTITUTION', time_zone = '+00:00', \
         max_statement_time = {time}, innodb_lock_wait_timeout = {lock}, lock_wait_timeout = {lock}"
    );
    let pool = MySqlPoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(CONNECT_TIME.min(limits.call_time))
        .test_before_acquire(false)
        .after_connect(move |connection, _| {
            let session = trusted(session.as_str());
            Box::pin(async move { connection.execute(sqlx::raw_sql(session)).await.map(drop) })
        })
        .connect_lazy_with(options.disable_statement_logging());
    let version: String =
        sqlx::query_scalar("SELECT VERSION()").fetch_one(&pool).await.map_err(|error| cannot(&error))?;
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    if !version.contains("MariaDB") {
        return Err(cannot(&format!("it is not MariaDB but {version}; MySQL is not supported yet")));
    }
    if (parts.next().unwrap_or(0), parts.next().unwrap_or(0)) < OLDEST {
        return Err(cannot(&format!(
            "it is MariaDB {version}, and 10.10 is the oldest whose collations know the letters of today"
        )));
    }
    Ok(Server { pool, limits, answers, engine: MariaDb })
}

/// Where it is, without who is asked for it.
fn place(options: &MySqlConnectOptions) -> String {
    let name = options.get_database().unwrap_or_default();
    match options.get_socket() {
        Some(socket) => format!("`{name}` at `{}`", socket.display()),
        None => format!("`{name}` at `{}:{}`", options.get_host(), options.get_port()),
    }
}

impl Engine for MariaDb {
    type Database = sqlx::MySql;

    async fn begin(_: &Server<Self>, connection: &mut MySqlConnection, write: bool) -> Result<i64, sqlx::Error> {
        let begin = if write {
            "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; START TRANSACTION READ WRITE; SELECT CONNECTION_ID()"
        } else {
            "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY; \
             SELECT CONNECTION_ID()"
        };
        let row = connection.fetch_one(sqlx::raw_sql(begin)).await?;
        row.try_get_unchecked(0)
    }

    async fn run(connection: &mut MySqlConnection, statement: &Statement, limits: &Limits) -> Result<Rows, Halt> {
        let mut rows = Rows::new(limits);
        let mut answers = connection.fetch_many(bound(statement));
        while let Some(answer) = answers.next().await {
            match answer.map_err(Halt::Said)? {
                Either::Right(row) => {
                    let (row, bytes) = object(&row, &mut rows.blank).map_err(Halt::Left)?;
                    rows.add(Value::Object(row), bytes).map_err(Halt::Left)?;
                }
                Either::Left(done) => rows.changed += done.rows_affected(),
            }
        }
        drop(answers);
        Ok(rows)
    }

    async fn end(connection: &mut MySqlConnection, word: &'static str, turn: bool) -> Result<(), sqlx::Error> {
        // one exchange; where the first fails the connection goes, and its turn with it
        let end = if turn { format!("{word}; DO RELEASE_ALL_LOCKS()") } else { word.to_owned() };
        connection.execute(sqlx::raw_sql(trusted(end))).await.map(drop)
    }

    async fn cancel(pool: &MySqlPool, number: i64) -> Result<(), sqlx::Error> {
        pool.execute(sqlx::raw_sql(trusted(format!("KILL QUERY {number}")))).await.map(drop)
    }

    /// It prepares anew by itself.
    fn is_stale(_: &sqlx::Error) -> bool {
        false
    }

    /// By the server's own number, as its SQLSTATEs say too little. Its sentence may hold values and stays unsaid, but for
    /// those that name the schema.
    fn outcome(error: &sqlx::Error) -> Result<Class, Failure> {
        let sqlx::Error::Database(said) = error else { return Err(without_code(error)) };
        let Some(said) = said.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>() else {
            return Err(Failure::new(Kind::Internal, "the database driver failed"));
        };
        let code = said.number();
        let fail = |kind, what: &str| Err(Failure::new(kind, format!("{what} (error {code})")));
        match code {
            1062 | 1586 => {
                tracing::debug!(code, "a unique value is taken");
                Ok(Class::Exists)
            }
            // 45000: SIGNAL by the app's own code
            1644 => {
                tracing::debug!(code, "the app's own code refused");
                Ok(Class::Refused)
            }
            // a reference that is not there, or still used; NULL, a check, a range, a length, a form
            1048 | 1216 | 1217 | 1451 | 1452 | 3819 | 4025 | 1264 | 1265 | 1292 | 1364 | 1366 | 1406 | 1411 | 1441
            | 1690 | 3140 | 4038 => {
                tracing::debug!(code, "the database refused a value");
                Ok(Class::Refused)
            }
            // 1412, 1615: a table has changed since the transaction began, or the statement was prepared
            1205 | 1213 | 1412 | 1615 => fail(Kind::Conflict, "another transaction was in the way"),
            1969 | 3024 | 1317 => fail(Kind::TimedOut, "the statement was stopped"),
            1290 | 1792 | 1836 => fail(Kind::Unreachable, "the database takes no writes"),
            1021 | 1040 | 1041 | 1053 | 1114 | 1152 | 1158..=1161 | 1203 | 1226 | 1927 | 2006 | 2013 | 4031 => {
                fail(Kind::Unreachable, "the database is away or full")
            }
            // in words of the schema, without values
            1044 | 1045 | 1049 | 1054 | 1064 | 1109 | 1142 | 1143 | 1146 | 1227 | 1305 | 1356 | 1370 | 1142..=1144 => {
                fail(Kind::BadCall, &format!("the statement does not fit the database: {}", said.message()))
            }
            _ => fail(Kind::Internal, "the database failed"),
        }
    }
}

fn bound(statement: &Statement) -> Query<'static, sqlx::MySql, MySqlArguments> {
    statement.binds.iter().fold(sqlx::query(trusted(statement.sql.clone())), |query, bind| match bind {
        // a tenant's value is put in by the session before; what knows none finds nobody
        Bind::Null | Bind::Tenant { .. } => query.bind(None::<String>),
        Bind::Boolean(truth) => query.bind(i64::from(*truth)),
        Bind::Integer(number) => query.bind(*number),
        Bind::Real(number) => query.bind(*number),
        Bind::Text(text) => query.bind(text.clone()),
        Bind::Set(values) => query.bind(Value::Array(values.clone()).to_string()),
    })
}
