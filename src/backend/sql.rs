//! SQL calls to the app's database, and the only home of sqlx.
//!
//! Reads run on a few connections that cannot write, each request in one transaction, so that all its statements see one
//! state. Writes queue for one connection and begin with the write lock, as SQLite has one writer anyway: a write waits
//! in our queue and not in the middle of its work. A statement that takes too long, or whose request is gone, is stopped
//! inside the database; a connection that may still be in a transaction is thrown away.

use std::{
    fs::File,
    io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::StreamExt;
use serde_json::Value;
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, Either, Executor, SqlSafeStr, SqlStr, Sqlite, SqlitePool, Transaction,
    query::Query,
    sqlite::{SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use crate::{
    mapping::answer::Class,
    plan::{
        call::{Bind, Expect, Reply, Statement},
        sql::order,
    },
};

use super::{
    Failure, Kind, Limits, OpenError,
    sql_decode::{object, outcome},
};

/// Requests that read at the same time.
const READERS: u32 = 8;

/// How long SQLite waits for a lock that the app holds.
const LOCK_TIME: Duration = Duration::from_secs(5);

/// Machine steps between two looks at whether a statement shall stop: some tens of microseconds.
const STEPS: i32 = 5_000;

/// A database.
#[derive(Debug)]
pub struct Sql {
    readers: SqlitePool,
    writer: SqlitePool,
    limits: Limits,
}

/// A table or a column that is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// The table.
    pub table: String,
    /// The column; none: the table itself is missing.
    pub column: Option<String>,
}

impl std::fmt::Display for Missing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.column {
            Some(column) => write!(f, "column `{column}` of table `{}`", self.table),
            None => write!(f, "table `{}`", self.table),
        }
    }
}

impl Sql {
    /// Opens a database file. Its journal mode stays the app's.
    ///
    /// # Errors
    /// There is no such file, or it is no database.
    pub async fn open(path: &Path, limits: Limits) -> Result<Self, OpenError> {
        if !path.is_file() {
            return Err(OpenError(format!(
                "there is no database file at `{}`; check the path, or make the file first: the gateway never makes it",
                path.display()
            )));
        }
        let cannot = |e: sqlx::Error| OpenError(format!("the database file `{}` cannot be used: {e}", path.display()));
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(false)
            .foreign_keys(true)
            .collation(order::COLLATION, order::compare)
            .busy_timeout(LOCK_TIME.min(limits.call_time))
            .disable_statement_logging();
        let pool = |size| {
            SqlitePoolOptions::new()
                .max_connections(size)
                .acquire_timeout(limits.call_time)
                .test_before_acquire(false)
                .after_release(|connection, _| {
                    Box::pin(async move {
                        connection.ping().await?; // a rollback may still be on its way
                        Ok(!connection.is_in_transaction())
                    })
                })
        };
        let readers = pool(READERS).connect_with(options.clone().pragma("query_only", "on")).await.map_err(cannot)?;
        sqlx::query("SELECT count(*) FROM sqlite_schema").execute(&readers).await.map_err(cannot)?;
        Ok(Self { readers, writer: pool(1).connect_lazy_with(options), limits })
    }

    pub(super) async fn read(&self) -> Result<Session, Failure> {
        Session::begin(self.readers.begin().await, self.limits).await
    }

    pub(super) async fn write(&self) -> Result<Session, Failure> {
        Session::begin(self.writer.begin_with("BEGIN IMMEDIATE").await, self.limits).await
    }

    /// Which of these tables and columns the database does not have. SQLite would read an unknown quoted name as a text,
    /// so no statement would complain.
    ///
    /// # Errors
    /// The catalogue cannot be read.
    pub async fn check_tables(&self, tables: &[(String, Vec<String>)]) -> Result<Vec<Missing>, Failure> {
        let mut missing = Vec::new();
        for (table, columns) in tables {
            let known: Vec<String> = sqlx::query_scalar("SELECT name FROM pragma_table_xinfo(?)")
                .bind(table)
                .fetch_all(&self.readers)
                .await
                .map_err(|e| failed(&e))?;
            if known.is_empty() {
                missing.push(Missing { table: table.clone(), column: None });
                continue;
            }
            let unknown = columns.iter().filter(|column| !known.iter().any(|name| name.eq_ignore_ascii_case(column)));
            missing.extend(unknown.map(|column| Missing { table: table.clone(), column: Some(column.clone()) }));
        }
        Ok(missing)
    }
}

/// Makes a new database file from a script. It is made under another name first: a half-made file never stays, and a
/// file that came meanwhile is not overwritten.
///
/// # Errors
/// There is a file already, the script is wrong, or the directory cannot be written.
pub async fn run_script(path: &Path, sql: &str) -> Result<(), OpenError> {
    if path.exists() {
        return Err(OpenError(format!("`{}` is there already; remove it first", path.display())));
    }
    let mut half = path.as_os_str().to_owned();
    half.push(format!(".half-{}", std::process::id()));
    let half = Path::new(&half);
    let made = async {
        let options = SqliteConnectOptions::new()
            .filename(half)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Memory)
            .synchronous(SqliteSynchronous::Off)
            .disable_statement_logging();
        let mut connection = options.connect().await?;
        connection.execute(sqlx::raw_sql(trusted(sql))).await?;
        connection.close().await?;
        let synced = File::open(half).and_then(|file| file.sync_all());
        synced.and_then(|()| std::fs::hard_link(half, path)).map_err(sqlx::Error::Io)
    };
    let made = made.await;
    if let Err(left) = std::fs::remove_file(half)
        && left.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(%left, "a half-made database file stays");
    }
    made.map_err(|e| OpenError(format!("`{}` cannot be made from its script: {e}", path.display())))
}

/// One request's transaction.
#[derive(Debug)]
pub(super) struct Session {
    transaction: Transaction<'static, Sqlite>,
    limits: Limits,
    /// Set, the running statement stops.
    stop: Arc<AtomicBool>,
    /// A statement failed or never ended. SQLite may have undone everything by itself, and a next statement would then
    /// be kept without a transaction around it: so there is no next.
    over: bool,
}

impl Session {
    async fn begin(begun: Result<Transaction<'static, Sqlite>, sqlx::Error>, limits: Limits) -> Result<Self, Failure> {
        let mut transaction = begun.map_err(|e| failed(&e))?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let mut handle = transaction.lock_handle().await.map_err(|e| failed(&e))?;
        handle.set_progress_handler(STEPS, move || !stopped.load(Ordering::Relaxed));
        drop(handle);
        Ok(Self { transaction, limits, stop, over: false })
    }

    pub(super) async fn call(&mut self, statement: &Statement) -> Result<Reply, Failure> {
        self.go_on()?;
        let begun = Instant::now();
        self.over = true;
        let watch = Watch(Some(self.stop.clone()));
        let outcome = tokio::time::timeout(self.limits.call_time, self.run(statement)).await.unwrap_or_else(|_| {
            let message = format!("the statement took longer than {:?} and was stopped", self.limits.call_time);
            Err(Failure::new(Kind::TimedOut, message))
        });
        if !matches!(&outcome, Err(failure) if failure.kind == Kind::TimedOut) {
            watch.leave();
        }
        let ms = begun.elapsed().as_millis();
        match &outcome {
            Ok(reply) => tracing::debug!(class = reply.class.word(), rows = reply.rows().len(), ms, "statement"),
            Err(failure) => tracing::debug!(%failure, ms, "statement failed"),
        }
        outcome
    }

    async fn run(&mut self, statement: &Statement) -> Result<Reply, Failure> {
        let mut left = self.limits.answer_bytes;
        let mut rows = Vec::new();
        let mut changed = 0;
        let mut answers = (&mut *self.transaction).fetch_many(bound(statement));
        while let Some(answer) = answers.next().await {
            match answer {
                Ok(Either::Right(row)) => {
                    let (row, bytes) = object(&row)?;
                    left = left.checked_sub(bytes).ok_or_else(|| {
                        let message = format!("the rows are larger than {} bytes", self.limits.answer_bytes);
                        Failure::new(Kind::TooLarge, message)
                    })?;
                    rows.push(Value::Object(row));
                }
                Ok(Either::Left(done)) => changed += done.rows_affected(),
                Err(error) => return outcome(&error).map(|class| reply(class, Vec::new(), None)),
            }
        }
        drop(answers);
        self.over = false;
        // SQLite tells the changes of the last statement that made any: after a SELECT they are of another one
        let changed = if reads(&statement.sql) { 0 } else { changed };
        let met = changed > 0 || !rows.is_empty();
        let told = match statement.expect {
            Expect::Some(class) if !met => reply(class, rows, None),
            Expect::None(class, what) if met => {
                let named = rows.first().and_then(|row| row.as_object()?.values().next()).map(plain);
                reply(class, rows, Some(named.map_or_else(|| what.to_owned(), |value| format!("{what}: {value}"))))
            }
            _ => reply(Class::Ok, rows, None),
        };
        Ok(Reply { changed, ..told })
    }

    pub(super) async fn commit(self) -> Result<(), Failure> {
        self.go_on()?;
        self.transaction.commit().await.map_err(|error| {
            let failure = failed(&error);
            // these two are said instead of committing; anything else may have happened after it
            Failure { sent: !matches!(failure.kind, Kind::Busy | Kind::BadCall), ..failure }
        })
    }

    fn go_on(&self) -> Result<(), Failure> {
        if self.over {
            return Err(Failure::new(Kind::Internal, "a statement failed, so its transaction can only be undone"));
        }
        Ok(())
    }
}

/// Stops the statement when the call is dropped or gives up before it ended.
struct Watch(Option<Arc<AtomicBool>>);

impl Watch {
    fn leave(mut self) {
        self.0 = None;
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(stop) = &self.0 {
            stop.store(true, Ordering::Relaxed);
        }
    }
}

/// The one place where text becomes SQL: a compiled mapping's statements and an operator's script. Values are bound.
fn trusted(sql: impl Into<Arc<str>>) -> SqlStr {
    AssertSqlSafe(sql.into()).into_sql_str()
}

fn bound(statement: &Statement) -> Query<'static, Sqlite, SqliteArguments> {
    statement.binds.iter().fold(sqlx::query(trusted(statement.sql.clone())), |query, bind| match bind {
        // a tenant's value is put in by the session before; what knows none finds nobody
        Bind::Null | Bind::Tenant { .. } => query.bind(None::<String>),
        Bind::Boolean(truth) => query.bind(*truth),
        Bind::Integer(number) => query.bind(*number),
        Bind::Real(number) => query.bind(*number),
        Bind::Text(text) => query.bind(text.clone()),
        Bind::Set(values) => query.bind(Value::Array(values.clone()).to_string()),
    })
}

fn reads(sql: &str) -> bool {
    let word = sql.split_whitespace().next().unwrap_or_default();
    ["SELECT", "WITH", "VALUES"].iter().any(|read| word.eq_ignore_ascii_case(read))
}

fn reply(class: Class, rows: Vec<Value>, detail: Option<String>) -> Reply {
    Reply { class, body: Value::Array(rows), status: None, detail, retry_after: None, changed: 0 }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// An error outside a statement, where no class fits; a constraint that the app checks at commit among them.
fn failed(error: &sqlx::Error) -> Failure {
    match outcome(error) {
        Err(failure) => failure,
        Ok(_) => Failure::new(Kind::BadCall, format!("the database refused: {error}")),
    }
}
