//! Sessions with a database server. A session is one connection of the pool, lent for one transaction: a read sees one
//! state, a write happens wholly or not at all.
//!
//! A connection goes back to the pool only when nothing is left of its transaction. One that was given up in the middle
//! of a statement is told to stop by way of another connection, and closed. A dead connection shows when a transaction
//! begins; as nothing was asked of it yet, the next one is tried, so a pool outlives a restart of its server.

use std::{
    fmt,
    time::{Duration, Instant},
};

use sqlx::{Pool, pool::PoolConnection};

use crate::{
    mapping::answer::Class,
    plan::call::{Expect, Reply, Statement},
};

use super::{
    Failure, Kind, Limits, Rows,
    answers::{Answers, judged},
    reply,
};

/// Connections to one server.
pub(super) const CONNECTIONS: u32 = 16;

/// How long a write waits for a row that another one holds.
pub(super) const LOCK_TIME: Duration = Duration::from_secs(2);

/// How long a request waits for a connection.
pub(super) const CONNECT_TIME: Duration = Duration::from_secs(5);

/// The server stops a statement that takes too long; only one that does not answer at all is given up, so much later.
const GRACE: Duration = Duration::from_secs(1);

/// How long is waited for the end of what nobody waits for.
const END_TIME: Duration = Duration::from_secs(5);

/// What each server has of its own.
pub(super) trait Engine: fmt::Debug + Send + Sync + Sized + 'static {
    type Database: sqlx::Database;

    /// Begins a transaction and tells by which number the server knows the connection: one exchange.
    fn begin(server: &Server<Self>, connection: &mut Connection<Self>, write: bool) -> impl Done<i64>;

    /// Runs a statement to its end.
    fn run(
        connection: &mut Connection<Self>,
        statement: &Statement,
        limits: &Limits,
    ) -> impl Future<Output = Result<Rows, Halt>> + Send;

    /// `COMMIT` or `ROLLBACK`, and then the turn given back, if one was had.
    fn end(connection: &mut Connection<Self>, word: &'static str, turn: bool) -> impl Done<()>;

    /// Stops what the connection of this number does.
    fn cancel(pool: &Pool<Self::Database>, number: i64) -> impl Done<()>;

    /// What an error means.
    fn outcome(error: &sqlx::Error) -> Result<Class, Failure>;

    /// Whether a statement that was prepared is no more what the tables are.
    fn is_stale(error: &sqlx::Error) -> bool;
}

/// What comes of an exchange.
pub(super) trait Done<T>: Future<Output = Result<T, sqlx::Error>> + Send {}

impl<T, F: Future<Output = Result<T, sqlx::Error>> + Send> Done<T> for F {}

pub(super) type Connection<E> = <<E as Engine>::Database as sqlx::Database>::Connection;

/// Why a statement did not end well.
pub(super) enum Halt {
    /// The server or the driver said so.
    Said(sqlx::Error),
    /// What it brings cannot be taken, and there may be more of it.
    Left(Failure),
    /// A value does not fit its place, so nothing was sent; for the log, without the value.
    Misfit(String),
}

/// A database server.
#[derive(Debug)]
pub(super) struct Server<E: Engine> {
    pub(super) pool: Pool<E::Database>,
    pub(super) limits: Limits,
    pub(super) answers: Answers,
    pub(super) engine: E,
}

impl<E: Engine> Server<E> {
    pub(super) async fn begin(&self, write: bool) -> Result<Session<E>, Failure> {
        for _ in 0..=CONNECTIONS {
            let connection = self.pool.acquire().await.map_err(|e| failed::<E>(&e))?;
            let mut session = Session {
                connection: Some(connection),
                pool: self.pool.clone(),
                limits: self.limits,
                answers: self.answers.clone(),
                number: 0,
                turn: false,
                state: State::Running,
            };
            let Some(connection) = &mut session.connection else { continue };
            let begun = tokio::time::timeout(self.limits.call_time, E::begin(self, connection, write)).await;
            let begun = begun.unwrap_or_else(|_| Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())));
            match begun {
                Ok(number) => {
                    session.number = number;
                    session.state = State::Open;
                    return Ok(session);
                }
                Err(error) => {
                    let failure = failed::<E>(&error);
                    if failure.kind != Kind::Unreachable {
                        return Err(failure);
                    }
                    tracing::debug!(%failure, "a connection of the pool was dead");
                }
            }
        }
        Err(Failure::new(Kind::Unreachable, "no transaction can be begun on any connection"))
    }
}

/// One request's transaction.
#[derive(Debug)]
pub(super) struct Session<E: Engine> {
    /// There until the session is dropped.
    connection: Option<PoolConnection<E::Database>>,
    pool: Pool<E::Database>,
    limits: Limits,
    answers: Answers,
    number: i64,
    /// Whether others wait for this transaction's end.
    turn: bool,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The next statement may come.
    Open,
    /// A statement has not ended, or was given up.
    Running,
    /// A statement failed: the transaction can only be undone.
    Over,
    /// Committed.
    Done,
    /// There is no connection any more.
    Lost,
}

impl<E: Engine> Session<E> {
    pub(super) async fn call(&mut self, statement: &Statement) -> Result<Reply, Failure> {
        let limits = self.limits;
        self.turn |= statement.expect == Expect::Turn;
        let connection = self.go_on()?;
        let begun = Instant::now();
        let ran = tokio::time::timeout(limits.call_time + GRACE, E::run(connection, statement, &limits)).await;
        let outcome = match ran {
            Ok(Ok(rows)) => {
                self.state = State::Open;
                Ok(rows.reply(statement))
            }
            Ok(Err(Halt::Said(error))) => {
                self.state = if matches!(error, sqlx::Error::Database(_)) { State::Over } else { State::Lost };
                if E::is_stale(&error) {
                    self.state = State::Lost;
                    forget(&self.pool);
                }
                match judged(&self.answers, &error) {
                    Some(reply) => Ok(reply),
                    None => E::outcome(&error).map(|class| reply(class, Vec::new(), None)),
                }
            }
            Ok(Err(Halt::Misfit(what))) => {
                self.state = State::Over;
                tracing::debug!(what, "a value does not fit");
                Ok(reply(Class::Refused, Vec::new(), None))
            }
            Ok(Err(Halt::Left(failure))) => Err(failure),
            Err(_) => {
                let message = format!("the statement took longer than {:?} and was stopped", limits.call_time);
                Err(Failure::new(Kind::TimedOut, message))
            }
        };
        let ms = begun.elapsed().as_millis();
        match &outcome {
            Ok(reply) => tracing::debug!(class = reply.class.word(), rows = reply.rows().len(), ms, "statement"),
            Err(failure) => tracing::debug!(%failure, ms, "statement failed"),
        }
        outcome
    }

    pub(super) async fn commit(mut self) -> Result<(), Failure> {
        let (time, turn) = (self.limits.call_time, self.turn);
        let connection = self.go_on()?;
        let ended = tokio::time::timeout(time, E::end(connection, "COMMIT", turn)).await;
        let ended = ended.unwrap_or_else(|_| Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())));
        match ended {
            Ok(()) => {
                self.state = State::Done;
                Ok(())
            }
            Err(error) => {
                self.state = State::Lost;
                let failure = failed::<E>(&error);
                // these are said instead of committing; anything else may have happened after it
                let said = matches!(failure.kind, Kind::Conflict | Kind::Busy | Kind::BadCall);
                Err(Failure { sent: !said, ..failure })
            }
        }
    }

    /// The connection for one exchange more.
    fn go_on(&mut self) -> Result<&mut Connection<E>, Failure> {
        match (self.state, &mut self.connection) {
            (State::Open, Some(connection)) => {
                self.state = State::Running;
                Ok(connection)
            }
            _ => Err(Failure::new(Kind::Internal, "a statement failed, so its transaction can only be undone")),
        }
    }
}

impl<E: Engine> Drop for Session<E> {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        let (pool, number, turn, state) = (self.pool.clone(), self.number, self.turn, self.state);
        match (state, tokio::runtime::Handle::try_current()) {
            (State::Done, _) => {}
            (State::Open | State::Over, Ok(runtime)) => drop(runtime.spawn(async move {
                let ended = tokio::time::timeout(END_TIME, E::end(&mut connection, "ROLLBACK", turn)).await;
                if !matches!(ended, Ok(Ok(()))) {
                    connection.close_on_drop();
                }
            })),
            // The connection is held until it is stopped: its number may be another one's afterwards.
            (State::Running, Ok(runtime)) if number != 0 => drop(runtime.spawn(async move {
                connection.close_on_drop();
                if !matches!(tokio::time::timeout(END_TIME, E::cancel(&pool, number)).await, Ok(Ok(()))) {
                    tracing::warn!("a statement that nobody waits for could not be stopped");
                }
            })),
            _ => connection.close_on_drop(),
        }
    }
}

/// Closes the connections that nobody uses: what they have prepared is as old as what turned out to be too old.
fn forget<D: sqlx::Database>(pool: &Pool<D>) {
    for mut connection in (0..CONNECTIONS).map_while(|_| pool.try_acquire()) {
        connection.close_on_drop();
    }
}

/// An error outside a statement, where no class fits; a constraint that is checked at commit among them.
fn failed<E: Engine>(error: &sqlx::Error) -> Failure {
    match E::outcome(error) {
        Err(failure) => failure,
        Ok(class) => Failure::new(Kind::BadCall, format!("the database refused at the end: {}", class.word())),
    }
}

/// What has no code of the server's: the pool, the network, the driver.
pub(super) fn without_code(error: &sqlx::Error) -> Failure {
    match error {
        sqlx::Error::PoolTimedOut => Failure::new(Kind::Busy, "no connection to the database became free in time"),
        sqlx::Error::Io(error) => Failure::new(Kind::Unreachable, format!("the database cannot be reached: {error}")),
        sqlx::Error::Tls(error) => Failure::new(Kind::Unreachable, format!("no TLS with the database: {error}")),
        sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed | sqlx::Error::PoolClosed => {
            Failure::new(Kind::Unreachable, "the connection to the database broke")
        }
        // others may hold a value
        _ => Failure::new(Kind::Internal, "the database driver failed"),
    }
}
