//! What a database says of the columns of a select: it is prepared and not run. Where a column is one of a table's, it is
//! that table's; what an expression makes has its type and no more.

use sqlx::{
    Column, Executor, Statement as _, TypeInfo,
    postgres::{PgTypeInfo, PgTypeKind},
};

use crate::{
    mapping::catalog::{Catalog, Known, Stored},
    plan::{call::Statement, sql::rows::Described},
};

use super::{
    Database, Failure, Sql, Unfit,
    catalog::{self, Columns},
    mariadb::MariaDb,
    postgres::Postgres,
    server::{Engine, Server},
    sqlite, trusted,
};

impl Sql {
    /// Notes what the database says of a select's columns; what cannot be used is told.
    ///
    /// # Errors
    /// It cannot be prepared: a name in it is wrong, or it is no SQL.
    pub async fn describe(&self, asked: &Described, catalog: &mut Catalog) -> Result<Vec<Unfit>, Failure> {
        let known: Columns = match &self.0 {
            Database::Sqlite(database) => database.described(asked).await?,
            Database::Postgres(server) => of_postgres(server, asked).await?,
            Database::MariaDb(server) => of_mariadb(server, asked).await?,
        };
        Ok(self.fitting(&asked.name, &asked.columns, &known, catalog))
    }
}

impl Sql {
    /// Has the database read a statement without running it.
    ///
    /// # Errors
    /// A name in it is wrong, or it is no SQL.
    pub async fn check(&self, statement: &Statement) -> Result<(), Failure> {
        let sql = trusted(statement.sql.clone());
        match &self.0 {
            Database::Sqlite(database) => {
                let mut connection = database.readers().acquire().await.map_err(|e| sqlite::failed(&e))?;
                (&mut *connection).prepare(sql).await.map(drop).map_err(|e| sqlite::failed(&e))
            }
            Database::Postgres(server) => {
                let mut connection = server.pool.acquire().await.map_err(|e| told::<Postgres>(&e))?;
                (&mut *connection).prepare(sql).await.map(drop).map_err(|e| told::<Postgres>(&e))
            }
            Database::MariaDb(server) => {
                let mut connection = server.pool.acquire().await.map_err(|e| told::<MariaDb>(&e))?;
                (&mut *connection).prepare(sql).await.map(drop).map_err(|e| told::<MariaDb>(&e))
            }
        }
    }
}

impl sqlite::Sqlite {
    /// It types values, so its names are all there is to know.
    async fn described(&self, asked: &Described) -> Result<Columns, Failure> {
        let mut connection = self.readers().acquire().await.map_err(|e| sqlite::failed(&e))?;
        let prepared = (&mut *connection).prepare(trusted(asked.select.sql.clone())).await;
        let prepared = prepared.map_err(|e| sqlite::failed(&e))?;
        Ok(prepared.columns().iter().map(|column| (column.name().to_owned(), None)).collect())
    }
}

async fn of_postgres(server: &Server<Postgres>, asked: &Described) -> Result<Columns, Failure> {
    let mut connection = server.pool.acquire().await.map_err(|e| told::<Postgres>(&e))?;
    let prepared = (&mut *connection).prepare(trusted(asked.select.sql.clone())).await;
    let prepared = prepared.map_err(|e| told::<Postgres>(&e))?;
    let mut columns = Columns::new();
    for column in prepared.columns() {
        let origin = column.relation_id().zip(column.relation_attribute_no());
        let of_table = match origin {
            Some((table, number)) => {
                let statement = catalog::postgres_column(table.0, number);
                catalog::of_postgres(&server.begin(false).await?.call(&statement).await?).pop()
            }
            None => None,
        };
        let known = of_table.and_then(|(_, known)| known).unwrap_or_else(|| stored(column.type_info()).map(made));
        columns.push((column.name().to_owned(), Some(known)));
    }
    Ok(columns)
}

/// What an expression of that type makes.
fn stored(of: &PgTypeInfo) -> Result<Stored, String> {
    match of.kind() {
        PgTypeKind::Domain(base) => return stored(base),
        PgTypeKind::Enum(_) => return Ok(Stored::Word),
        _ => {}
    }
    catalog::of_postgres_type(&of.name().to_ascii_lowercase(), -1, false).map(plain)
}

fn made(stored: Stored) -> Known {
    Known { stored, collation: None, exact: None }
}

/// A text that an expression makes has no index, and may be made of several collations: it is compared as what it converts
/// to, and not in words of its own.
fn plain(stored: Stored) -> Stored {
    match stored {
        Stored::Text { .. } => Stored::Word,
        stored => stored,
    }
}

async fn of_mariadb(server: &Server<MariaDb>, asked: &Described) -> Result<Columns, Failure> {
    let mut connection = server.pool.acquire().await.map_err(|e| told::<MariaDb>(&e))?;
    let prepared = (&mut *connection).prepare(trusted(asked.select.sql.clone())).await;
    let prepared = prepared.map_err(|e| told::<MariaDb>(&e))?;
    let mut columns = Columns::new();
    for column in prepared.columns() {
        let of_table = match column.origin().table_column() {
            Some(origin) => {
                let table = origin.table.rsplit_once('.').map_or(&*origin.table, |(_, table)| table);
                let known = server.begin(false).await?.call(&catalog::mariadb(table)).await?;
                let known = catalog::of_mariadb(&known).into_iter();
                known.into_iter().find(|(name, _)| *name == *origin.name).and_then(|(_, stored)| stored)
            }
            None => None,
        };
        let known = of_table.unwrap_or_else(|| {
            let name = column.type_info().name().to_ascii_lowercase();
            let (name, unsigned) = name.strip_suffix(" unsigned").map_or((name.as_str(), false), |name| (name, true));
            catalog::of_mariadb_type(familiar(name), unsigned).map(plain).map(made)
        });
        columns.push((column.name().to_owned(), Some(known)));
    }
    Ok(columns)
}

/// The name that the catalogue has for a type. The driver tells bytes and text of several collations alike: it is text if it
/// can be read as such.
fn familiar(name: &str) -> &str {
    match name {
        "boolean" => "tinyint",
        "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" => "text",
        name => name,
    }
}

/// A select that cannot be prepared.
fn told<E: Engine>(error: &sqlx::Error) -> Failure {
    E::outcome(error).err().unwrap_or_else(|| Failure::new(super::Kind::BadCall, "the database refuses it"))
}
