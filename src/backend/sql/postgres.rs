//! PostgreSQL, 13 or later. Each transaction says all it needs in its first exchange, so that nothing depends on a
//! session's state and a pooler in between does no harm.
//!
//! Values are given in the form of the parameter's type, which the server tells when it prepares the statement.

use std::str::FromStr;

use futures_util::StreamExt;
use serde_json::Value;
use sqlx::{
    ConnectOptions, Either, Executor, PgConnection, PgPool, Row, Statement as _,
    postgres::{PgArguments, PgConnectOptions, PgPoolOptions},
};

use crate::{
    mapping::answer::Class,
    plan::call::{Expect, Statement},
};

use super::{
    Failure, Kind, Limits, OpenError, Rows,
    answers::Answers,
    postgres_bind::encode,
    postgres_decode::object,
    server::{CONNECT_TIME, CONNECTIONS, Engine, Halt, LOCK_TIME, Server, without_code},
    trusted,
};

/// The oldest server.
const OLDEST: i64 = 130_000;

/// PostgreSQL.
#[derive(Debug)]
pub(super) struct Postgres {
    /// What a transaction that reads begins with, and one that writes.
    begin: [String; 2],
}

pub(super) async fn open(url: &str, limits: Limits, answers: Answers) -> Result<Server<Postgres>, OpenError> {
    let options = PgConnectOptions::from_str(url)
        .map_err(|error| OpenError(format!("`app.sql.url` is not the URL of a PostgreSQL database: {error}")))?;
    let place = place(&options);
    let cannot = |why: &dyn std::fmt::Display| OpenError(format!("the database {place} cannot be used: {why}"));
    let named = options.get_application_name().is_some();
    let options = if named { options } else { options.application_name("portolan") };
    let pool = PgPoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(CONNECT_TIME.min(limits.call_time))
        .test_before_acquire(false)
        .connect_with(options.disable_statement_logging())
        .await
        .map_err(|error| cannot(&error))?;
    let server = Server { pool, limits, answers, engine: Postgres::new(&limits) };
    let asked = "SELECT current_setting('server_version_num')::bigint AS version, \
                 current_setting('server_encoding') AS encoding";
    let asked = Statement { sql: asked.into(), binds: Vec::new(), expect: Expect::Any };
    let reply =
        server.begin(false).await.map_err(|why| cannot(&why))?.call(&asked).await.map_err(|why| cannot(&why))?;
    let said = reply.first_row().cloned().unwrap_or_default();
    if said.get("version").and_then(Value::as_i64).is_none_or(|version| version < OLDEST) {
        return Err(cannot(&"it is older than PostgreSQL 13"));
    }
    if said.get("encoding").and_then(Value::as_str) != Some("UTF8") {
        return Err(cannot(
            &"its encoding is not UTF8, so it cannot hold every text; make the database with `encoding 'UTF8'`",
        ));
    }
    Ok(server)
}

/// Where it is, without who is asked for it.
fn place(options: &PgConnectOptions) -> String {
    let name = options.get_database().unwrap_or(options.get_username());
    match options.get_socket() {
        Some(socket) => format!("`{name}` at `{}`", socket.display()),
        None => format!("`{name}` at `{}:{}`", options.get_host(), options.get_port()),
    }
}

impl Postgres {
    fn new(limits: &Limits) -> Self {
        let (statement, lock) = (limits.call_time.as_millis(), LOCK_TIME.min(limits.call_time).as_millis());
        let begin = |mode: &str| {
            format!(
                "BEGIN {mode}; SET LOCAL statement_timeout = {statement}; SET LOCAL lock_timeout = {lock}; \
                 SET LOCAL idle_in_transaction_session_timeout = {statement}; SELECT pg_backend_pid()"
            )
        };
        Self { begin: [begin("ISOLATION LEVEL REPEATABLE READ READ ONLY"), begin("ISOLATION LEVEL READ COMMITTED")] }
    }
}

impl Engine for Postgres {
    type Database = sqlx::Postgres;

    async fn begin(server: &Server<Self>, connection: &mut PgConnection, write: bool) -> Result<i64, sqlx::Error> {
        let begin = trusted(server.engine.begin[usize::from(write)].as_str());
        let row = connection.fetch_one(sqlx::raw_sql(begin)).await?;
        let number = row.try_get_raw(0)?.as_str().ok().and_then(|number| number.parse().ok());
        number.ok_or_else(|| sqlx::Error::Protocol("no process number".to_owned()))
    }

    async fn run(connection: &mut PgConnection, statement: &Statement, limits: &Limits) -> Result<Rows, Halt> {
        let sql = trusted(statement.sql.clone());
        // cached by the driver: only the first time on a connection it is an exchange
        let prepared = (&mut *connection).prepare(sql).await.map_err(Halt::Said)?;
        let types = match prepared.parameters() {
            Some(Either::Left(types)) => types,
            _ => &[],
        };
        let mut arguments = PgArguments::default();
        for (n, bind) in statement.binds.iter().enumerate() {
            let Some(of) = types.get(n) else {
                return Err(Halt::Left(Failure::new(Kind::Internal, "a statement has more values than places")));
            };
            let value = encode(bind, of).map_err(|what| Halt::Misfit(format!("${}: {what}", n + 1)))?;
            sqlx::Arguments::add(&mut arguments, value).map_err(|e| Halt::Said(sqlx::Error::Encode(e)))?;
        }
        let mut rows = Rows::new(limits);
        let mut answers = connection.fetch_many(prepared.query_with(arguments));
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

    async fn end(connection: &mut PgConnection, word: &'static str, _turn: bool) -> Result<(), sqlx::Error> {
        connection.execute(sqlx::raw_sql(trusted(word))).await.map(drop)
    }

    async fn cancel(pool: &PgPool, number: i64) -> Result<(), sqlx::Error> {
        sqlx::query("SELECT pg_cancel_backend($1::int)")
            .bind(i32::try_from(number).unwrap_or(0))
            .execute(pool)
            .await
            .map(drop)
    }

    /// By the place in the server that says so, as its SQLSTATE stands for more. A pooler in between may have lost a
    /// statement.
    fn is_stale(error: &sqlx::Error) -> bool {
        let said =
            error.as_database_error().and_then(|said| said.try_downcast_ref::<sqlx::postgres::PgDatabaseError>());
        said.is_some_and(|said| said.code() == "26000" || said.routine() == Some("RevalidateCachedQuery"))
    }

    /// By SQLSTATE. The server's sentence may hold values and stays unsaid; what it names of the schema is told.
    fn outcome(error: &sqlx::Error) -> Result<Class, Failure> {
        let sqlx::Error::Database(said) = error else { return Err(without_code(error)) };
        let Some(said) = said.try_downcast_ref::<sqlx::postgres::PgDatabaseError>() else {
            return Err(Failure::new(Kind::Internal, "the database driver failed"));
        };
        let code = said.code();
        let named =
            [said.table(), said.column(), said.constraint()].into_iter().flatten().collect::<Vec<_>>().join(", ");
        let fail = |kind, what: &str| Err(Failure::new(kind, format!("{what} (SQLSTATE {code})")));
        match code {
            "23505" | "23P01" => {
                tracing::debug!(code, named, "a unique value is taken");
                Ok(Class::Exists)
            }
            "P0001" => {
                tracing::debug!(code, "the app's own code refused");
                Ok(Class::Refused)
            }
            // what a transaction reads without locking may be changed by another: both are not done
            "40001" | "40P01" | "55P03" => fail(Kind::Conflict, "another transaction was in the way"),
            _ if Self::is_stale(error) => fail(Kind::Conflict, "a table has changed since the statement was prepared"),
            "57014" => fail(Kind::TimedOut, "the statement was stopped"),
            "25006" => fail(Kind::Unreachable, "the database takes no writes"),
            _ => match code.get(..2).unwrap_or_default() {
                "22" | "23" => {
                    tracing::debug!(code, named, "the database refused a value");
                    Ok(Class::Refused)
                }
                "08" | "53" | "57" | "58" => fail(Kind::Unreachable, "the database is away or full"),
                // in words of the schema, without values
                "42" | "3D" | "3F" | "28" => {
                    fail(Kind::BadCall, &format!("the statement does not fit the database: {}", said.message()))
                }
                "25" => fail(Kind::Internal, "a transaction is not where it should be"),
                _ => fail(Kind::Internal, "the database failed"),
            },
        }
    }
}
