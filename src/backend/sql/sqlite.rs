//! SQLite, in this process. Reads run on a few connections that cannot write, each request in one transaction, so that all its statements see one
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
    ConnectOptions, Connection, Either, Executor, SqlitePool, Transaction,
    query::Query,
    sqlite::{SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use crate::plan::{
    call::{Bind, Reply, Statement},
    sql::order,
};

use super::{
    Failure, Kind, Limits, OpenError, Rows,
    answers::{Answers, judged},
    reply,
    sqlite_decode::{object, outcome},
    trusted,
};

/// Requests that read at the same time.
const READERS: u32 = 8;

/// How long SQLite waits for a lock that the app holds.
const LOCK_TIME: Duration = Duration::from_secs(5);

/// Machine steps between two looks at whether a statement shall stop: some tens of microseconds.
const STEPS: i32 = 5_000;

/// A database file.
#[derive(Debug)]
pub(super) struct Sqlite {
    readers: SqlitePool,
    writer: SqlitePool,
    limits: Limits,
    answers: Answers,
}

impl Sqlite {
    /// Opens a database file. Its journal mode stays the app's.
    ///
    /// # Errors
    /// There is no such file, or it is no database.
    pub(super) async fn open(path: &Path, limits: Limits, answers: Answers) -> Result<Self, OpenError> {
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
        // Bytes in UTF-16 are not in the order of their letters: beginnings and orders would be wrong.
        let encoding: String = sqlx::query_scalar("PRAGMA encoding").fetch_one(&readers).await.map_err(cannot)?;
        if encoding != "UTF-8" {
            return Err(OpenError(format!(
                "the database file `{}` is in {encoding}, and only UTF-8 sorts as its letters do; make one from it by `sqlite3 old.db .dump | sqlite3 new.db`",
                path.display()
            )));
        }
        Ok(Self { readers, writer: pool(1).connect_lazy_with(options), limits, answers })
    }

    pub(super) async fn read(&self) -> Result<Session, Failure> {
        Session::begin(self.readers.begin().await, self.limits, self.answers.clone()).await
    }

    pub(super) async fn write(&self) -> Result<Session, Failure> {
        Session::begin(self.writer.begin_with("BEGIN IMMEDIATE").await, self.limits, self.answers.clone()).await
    }

    /// Connections that read.
    pub(super) fn readers(&self) -> &SqlitePool {
        &self.readers
    }

    /// The columns of a table; none where there is no such table. SQLite would read an unknown quoted name as a text, so
    /// no statement would complain.
    pub(super) async fn columns(&self, table: &str) -> Result<Vec<String>, Failure> {
        let names = sqlx::query_scalar("SELECT name FROM pragma_table_xinfo(?)").bind(table);
        names.fetch_all(&self.readers).await.map_err(|e| failed(&e))
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
    transaction: Transaction<'static, sqlx::Sqlite>,
    limits: Limits,
    answers: Answers,
    /// Set, the running statement stops.
    stop: Arc<AtomicBool>,
    /// A statement failed or never ended. SQLite may have undone everything by itself, and a next statement would then
    /// be kept without a transaction around it: so there is no next.
    over: bool,
}

impl Session {
    async fn begin(
        begun: Result<Transaction<'static, sqlx::Sqlite>, sqlx::Error>,
        limits: Limits,
        answers: Answers,
    ) -> Result<Self, Failure> {
        let mut transaction = begun.map_err(|e| failed(&e))?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let mut handle = transaction.lock_handle().await.map_err(|e| failed(&e))?;
        handle.set_progress_handler(STEPS, move || !stopped.load(Ordering::Relaxed));
        drop(handle);
        Ok(Self { transaction, limits, answers, stop, over: false })
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
        let mut rows = Rows::new(&self.limits);
        let mut answers = (&mut *self.transaction).fetch_many(bound(statement));
        while let Some(answer) = answers.next().await {
            match answer {
                Ok(Either::Right(row)) => {
                    let (row, bytes) = object(&row, &mut rows.blank)?;
                    rows.add(Value::Object(row), bytes)?;
                }
                Ok(Either::Left(done)) => rows.changed += done.rows_affected(),
                Err(error) => {
                    let known = judged(&self.answers, &error);
                    return known.map_or_else(|| outcome(&error).map(|class| reply(class, Vec::new(), None)), Ok);
                }
            }
        }
        drop(answers);
        self.over = false;
        Ok(rows.reply(statement))
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

fn bound(statement: &Statement) -> Query<'static, sqlx::Sqlite, SqliteArguments> {
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

/// An error outside a statement, where no class fits; a constraint that the app checks at commit among them.
pub(super) fn failed(error: &sqlx::Error) -> Failure {
    match outcome(error) {
        Err(failure) => failure,
        Ok(_) => Failure::new(Kind::BadCall, format!("the database refused: {error}")),
    }
}
