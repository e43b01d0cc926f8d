//! SQL calls to the app's database, and the only home of sqlx.
//!
//! Each engine is a file: SQLite, which runs in this process, and PostgreSQL and MariaDB, whose sessions [`server`] keeps:
//! a connection lent for one transaction, given back only when nothing is left of it. A pool type for each, as sqlx's
//! `Any` fails on columns as common as a uuid.

mod answers;
mod catalog;
mod describe;
mod indexes;
mod mariadb;
mod mariadb_decode;
mod postgres;
mod postgres_bind;
mod postgres_decode;
mod server;
mod sqlite;
mod sqlite_decode;

use std::sync::Arc;

use serde_json::{Map, Value};
use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};

use crate::{
    mapping::{
        answer::{AnswerRule, Class},
        catalog::Catalog,
        own::reads,
        sql::{COMPUTED, Engine, SELECT, Url},
    },
    plan::{
        call::{Expect, Reply, Statement},
        sql::index::Index,
    },
};

use self::{catalog::Columns, mariadb::MariaDb, postgres::Postgres, server::Server, sqlite::Sqlite};
use super::{Failure, Kind, Limits, OpenError};

pub use self::sqlite::run_script;

/// A database.
#[derive(Debug)]
pub struct Sql(Database);

#[derive(Debug)]
enum Database {
    Sqlite(Sqlite),
    Postgres(Server<Postgres>),
    MariaDb(Server<MariaDb>),
}

/// A table or a column that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfit {
    /// The table.
    pub table: String,
    /// The column; none: the table itself is missing.
    pub column: Option<String>,
    /// The column's type, where it is there and has no form in JSON.
    pub of: Option<String>,
}

impl std::fmt::Display for Unfit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let table = match self.table.strip_prefix(SELECT) {
            Some(name) => format!("the `rows` of {name}"),
            None => format!("table `{}`", self.table),
        };
        let expression = self.column.as_ref().and_then(|column| column.strip_prefix(COMPUTED));
        match (&self.column, &self.of, expression) {
            (Some(_), Some(of), Some(expression)) => write!(
                f,
                "the expression of `{expression}` over {table} has the type {of}, which has no form in JSON; cast it to text"
            ),
            (Some(column), Some(of), None) => write!(
                f,
                "column `{column}` of {table} has the type {of}, which has no form in JSON; leave it out, or read it through a \
                 view as text"
            ),
            (Some(column), None, _) => write!(f, "there is no column `{column}` in {table}"),
            (None, ..) => write!(f, "there is no {table}"),
        }
    }
}

impl Sql {
    /// Opens a database.
    ///
    /// # Errors
    /// It is not there, cannot be used, or is older than what the gateway's SQL needs.
    pub async fn open(url: &Url, limits: Limits, answers: Arc<[Arc<AnswerRule>]>) -> Result<Self, OpenError> {
        Ok(Self(match url {
            Url::Sqlite(path) => Database::Sqlite(Sqlite::open(path, limits, answers).await?),
            Url::Postgres(url) => Database::Postgres(postgres::open(url.expose(), limits, answers).await?),
            Url::MariaDb(url) => Database::MariaDb(mariadb::open(url.expose(), limits, answers).await?),
        }))
    }

    pub(super) async fn read(&self) -> Result<Session, Failure> {
        Ok(Session(match &self.0 {
            Database::Sqlite(database) => Held::Sqlite(database.read().await?),
            Database::Postgres(server) => Held::Postgres(server.begin(false).await?),
            Database::MariaDb(server) => Held::MariaDb(server.begin(false).await?),
        }))
    }

    pub(super) async fn write(&self) -> Result<Session, Failure> {
        Ok(Session(match &self.0 {
            Database::Sqlite(database) => Held::Sqlite(database.write().await?),
            Database::Postgres(server) => Held::Postgres(server.begin(true).await?),
            Database::MariaDb(server) => Held::MariaDb(server.begin(true).await?),
        }))
    }

    /// The indexes of a table; none of what is no table.
    ///
    /// # Errors
    /// The catalogue cannot be read.
    pub async fn indexes(&self, table: &str) -> Result<Option<Vec<Index>>, Failure> {
        let engine = match &self.0 {
            Database::Sqlite(_) => Engine::Sqlite,
            Database::Postgres(_) => Engine::Postgres,
            Database::MariaDb(_) => Engine::MariaDb,
        };
        let mut session = self.read().await?;
        if session.call(&indexes::is_table(engine, table)).await?.rows().is_empty() {
            return Ok(None);
        }
        let reply = session.call(&indexes::of_table(engine, table)).await?;
        Ok(Some(indexes::read(engine, &reply)))
    }

    /// What the database says of these tables and columns, and which of them cannot be used.
    ///
    /// # Errors
    /// The catalogue cannot be read.
    pub async fn catalog(&self, tables: &[(String, Vec<String>)]) -> Result<(Catalog, Vec<Unfit>), Failure> {
        let (mut catalog, mut unfit) = (Catalog::default(), Vec::new());
        for (table, columns) in tables {
            let known: Columns = match &self.0 {
                Database::Sqlite(database) => {
                    // it types values and not columns
                    let names = database.columns(table).await?;
                    names.into_iter().map(|name| (name, None)).collect()
                }
                Database::Postgres(server) => {
                    catalog::of_postgres(&server.begin(false).await?.call(&catalog::postgres(table)).await?)
                }
                Database::MariaDb(server) => {
                    catalog::of_mariadb(&server.begin(false).await?.call(&catalog::mariadb(table)).await?)
                }
            };
            if known.is_empty() {
                unfit.push(Unfit { table: table.clone(), column: None, of: None });
                continue;
            }
            unfit.extend(self.fitting(table, columns, &known, &mut catalog));
        }
        Ok((catalog, unfit))
    }

    /// Notes the columns that are needed; those that are not there or cannot be used are told.
    fn fitting(&self, table: &str, columns: &[String], known: &Columns, catalog: &mut Catalog) -> Vec<Unfit> {
        let unlike =
            |column: &String, of: Option<String>| Unfit { table: table.to_owned(), column: Some(column.clone()), of };
        let same = |name: &str, column: &str| match self.0 {
            Database::Postgres(_) => name == column,
            Database::Sqlite(_) | Database::MariaDb(_) => name.eq_ignore_ascii_case(column),
        };
        let mut unfit = Vec::new();
        for column in columns {
            match known.iter().find(|(name, _)| same(name, column)) {
                Some((_, None)) => {}
                Some((_, Some(Ok(stored)))) => catalog.add(table, column, stored.clone()),
                Some((_, Some(Err(of)))) => unfit.push(unlike(column, Some(of.clone()))),
                None => unfit.push(unlike(column, None)),
            }
        }
        unfit
    }
}

/// One request's transaction.
#[derive(Debug)]
pub(super) struct Session(Held);

#[derive(Debug)]
enum Held {
    Sqlite(sqlite::Session),
    Postgres(server::Session<Postgres>),
    MariaDb(server::Session<MariaDb>),
}

impl Session {
    pub(super) async fn call(&mut self, statement: &Statement) -> Result<Reply, Failure> {
        match &mut self.0 {
            Held::Sqlite(session) => session.call(statement).await,
            Held::Postgres(session) => session.call(statement).await,
            Held::MariaDb(session) => session.call(statement).await,
        }
    }

    pub(super) async fn commit(self) -> Result<(), Failure> {
        match self.0 {
            Held::Sqlite(session) => session.commit().await,
            Held::Postgres(session) => session.commit().await,
            Held::MariaDb(session) => session.commit().await,
        }
    }
}

/// The one place where text becomes SQL: a compiled mapping's statements, our own, and an operator's script. Values are
/// bound.
fn trusted(sql: impl Into<Arc<str>>) -> SqlStr {
    AssertSqlSafe(sql.into()).into_sql_str()
}

/// A row with its names and no values, made once for all rows of a statement: it is the names that cost.
struct Blank {
    names: Vec<String>,
    row: Map<String, Value>,
}

impl Blank {
    fn new<'n>(names: impl Iterator<Item = &'n str>) -> Self {
        let names: Vec<String> = names.map(str::to_owned).collect();
        let row = names.iter().map(|name| (name.clone(), Value::Null)).collect();
        Self { names, row }
    }

    /// With these values in order; of columns with one name the last one's.
    fn filled(&self, values: Vec<Value>) -> Map<String, Value> {
        if self.row.len() < self.names.len() {
            return self.names.iter().cloned().zip(values).collect();
        }
        let mut row = self.row.clone();
        row.values_mut().zip(values).for_each(|(place, value)| *place = value);
        row
    }
}

/// What a statement has brought so far.
struct Rows {
    blank: Option<Blank>,
    rows: Vec<Value>,
    changed: u64,
    left: usize,
    most: usize,
}

impl Rows {
    fn new(limits: &Limits) -> Self {
        Self { blank: None, rows: Vec::new(), changed: 0, left: limits.answer_bytes, most: limits.answer_bytes }
    }

    /// One row more, of about so many bytes.
    fn add(&mut self, row: Value, bytes: usize) -> Result<(), Failure> {
        self.left = self
            .left
            .checked_sub(bytes)
            .ok_or_else(|| Failure::new(Kind::TooLarge, format!("the rows are larger than {} bytes", self.most)))?;
        self.rows.push(row);
        Ok(())
    }

    /// The reply, where the statement ended well: what was expected, or what it means that it was not.
    fn reply(self, statement: &Statement) -> Reply {
        // SQLite tells the changes of the last statement that made any: after a SELECT they are of another one
        let changed = if reads(Engine::Sqlite, &statement.sql) { 0 } else { self.changed };
        let met = changed > 0 || !self.rows.is_empty();
        let told = match statement.expect {
            Expect::Some(class) if !met => reply(class, self.rows, None),
            Expect::One(class) => match if self.rows.is_empty() { changed } else { self.rows.len() as u64 } {
                1 => reply(Class::Ok, self.rows, None),
                0 => reply(class, Vec::new(), None),
                several => {
                    tracing::error!(
                        several,
                        "a statement that is meant for one row changed or gave several; nothing is kept"
                    );
                    reply(Class::Broken, Vec::new(), None)
                }
            },
            Expect::Turn if !met => reply(Class::Busy, self.rows, None),
            Expect::None(class, what) if met => {
                let named = self.rows.first().and_then(|row| row.as_object()?.values().next()).map(plain);
                let detail = named.map_or_else(|| what.to_owned(), |value| format!("{what}: {value}"));
                reply(class, self.rows, Some(detail))
            }
            _ => reply(Class::Ok, self.rows, None),
        };
        Reply { changed, ..told }
    }
}

fn reply(class: Class, rows: Vec<Value>, detail: Option<String>) -> Reply {
    let headers = http::HeaderMap::new();
    Reply { class, body: Value::Array(rows), headers, status: None, detail, retry_after: None, changed: 0 }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
