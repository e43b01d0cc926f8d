//! What a mapping says of a database: tables, keys, conditions, columns that SCIM does not name.
//!
//! A record is the row of the base table as a JSON object, column by column, with the rows of child and junction tables
//! as lists under the attribute's name: so lines, codecs and translation are the same as for an HTTP app.

use std::{path::PathBuf, sync::Arc};

use serde_json::Value;

use crate::config::Secret;

use super::{
    answer::AnswerRule,
    catalog::Catalog,
    cell::Cell,
    own::{Own, OwnMembers, OwnSql},
};

pub use super::engine::{COMPUTED, Engine, Ident, SELECT};

/// The database.
#[derive(Debug)]
pub struct SqlApp {
    /// Which engine, and where.
    pub url: Url,
    /// Where tables and sequences stand: a schema, in MariaDB a database; none: where the connection looks.
    pub schema: Option<Ident>,
    /// Whose rows are whose, where several tenants share the tables.
    pub tenant: Option<TenantColumn>,
    /// Where keys are counted.
    pub counters: Option<Counters>,
    /// What errors mean, before the engine's own numbers speak.
    pub answers: Arc<[Arc<AnswerRule>]>,
}

/// The column that says whose a row is.
#[derive(Debug, Clone)]
pub struct TenantColumn {
    /// The column, of the same name in every resource table.
    pub column: Ident,
    /// The name of the tenant's value that stands there: `number` for `{{tenant.number}}`.
    pub is: String,
}

/// A database URL: which engine, and where.
#[derive(Debug, Clone)]
pub enum Url {
    /// A file.
    Sqlite(PathBuf),
    /// A PostgreSQL server; with a password, so it is not shown.
    Postgres(Secret),
    /// A MariaDB server.
    MariaDb(Secret),
}

impl Url {
    /// Which engine it names.
    #[must_use]
    pub fn engine(&self) -> Engine {
        match self {
            Self::Sqlite(_) => Engine::Sqlite,
            Self::Postgres(_) => Engine::Postgres,
            Self::MariaDb(_) => Engine::MariaDb,
        }
    }
}

/// Where rows are read: a table, or what stands in its place.
#[derive(Debug, Clone)]
pub struct Rows {
    /// The table; of a select the name that the catalogue knows it by, which no table has.
    pub name: Ident,
    /// What stands in the table's place.
    pub view: Option<Arc<View>>,
}

/// What is read in a table's place.
#[derive(Debug)]
pub struct View {
    /// The app's own select; none: the table with more columns.
    pub select: Option<OwnSql>,
    /// Columns more, each an expression over the others.
    pub computed: Vec<(Ident, OwnSql)>,
}

impl Rows {
    /// Those of a table.
    #[must_use]
    pub fn of(name: Ident) -> Self {
        Self { name, view: None }
    }

    /// Whether they are an app's own select: then a row may be none of them although its table has it.
    #[must_use]
    pub fn is_select(&self) -> bool {
        self.view.as_ref().is_some_and(|view| view.select.is_some())
    }
}

/// The rows of one resource type.
#[derive(Debug)]
pub struct SqlRecords {
    /// Which SQL is spoken.
    pub engine: Engine,
    /// What the database says of its columns; empty where it was not asked.
    pub catalog: Arc<Catalog>,
    /// Where they are read.
    pub rows: Rows,
    /// The base table, where they are written; none: only statements of the app's own write them, if any.
    pub table: Option<Ident>,
    /// The key column.
    pub key: Key,
    /// True of every row that exists for SCIM; scalars are written on insert as well.
    pub only: Vec<ColumnTest>,
    /// True of every row that may be read and never written; none: there are no such rows.
    pub protect: Vec<ColumnTest>,
    /// What tells one state of a row from the next; none: its values.
    pub version: Option<Version>,
    /// Columns of the base table that lines read or write (without the key), each once.
    pub columns: Vec<Ident>,
    /// Those of them that are written.
    pub written: Vec<Ident>,
    /// Columns that SCIM does not name, on insert.
    pub insert: Vec<(Ident, Stamp)>,
    /// The same on insert and on every change, of members as well.
    pub touch: Vec<(Ident, Stamp)>,
    /// What DELETE does.
    pub delete: Delete,
    /// Statements of the app's own.
    pub own: Own,
    /// Tables beside the base table.
    pub beside: Vec<Beside>,
    /// Cells that hold more than one value.
    pub cells: Vec<Cell>,
    /// Lists with a table of their own.
    pub children: Vec<Child>,
    /// Columns that hold another record's key.
    pub references: Vec<Referring>,
    /// The junction tables of `members`, one for each type that may be one.
    pub members: Vec<Junction>,
    /// The junction table of another type's members, seen from here: `groups`.
    pub groups: Option<Derived>,
    /// Every junction that names this type's rows as members: its table, and its column that holds this type's key.
    pub memberships: Vec<(Ident, Ident)>,
}

/// The column that is another one after every change.
#[derive(Debug, Clone)]
pub struct Version {
    /// The column.
    pub column: Ident,
    /// Who sees to that.
    pub bump: Bump,
}

/// What makes a version another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bump {
    /// Every change of ours adds one.
    One,
    /// The app does, with a trigger on changes of the row.
    App,
    /// The engine does: `xmin`.
    Row,
}

/// The key column of a base table.
#[derive(Debug)]
pub struct Key {
    /// The column.
    pub column: Ident,
    /// How an id is written.
    pub kind: KeyKind,
}

/// What a key is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// A whole number; an id that does not print back as it came is nobody's (`042`).
    Integer,
    /// Text, letter by letter.
    Text,
    /// A UUID, in small letters; where the engine has such a type, the column is of it.
    Uuid,
}

impl KeyKind {
    /// Whether the column is compared as it is: its type knows no two spellings of one value.
    #[must_use]
    pub fn is_plain(self, engine: Engine) -> bool {
        match self {
            Self::Integer => true,
            Self::Text => false,
            Self::Uuid => engine != Engine::Sqlite,
        }
    }
}

/// A fixed condition on a column.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnTest {
    /// The column.
    pub column: Ident,
    /// What it must be.
    pub is: ColumnIs,
}

/// What a column must be.
#[derive(Debug, Clone, PartialEq)]
pub enum ColumnIs {
    /// Any of these; null among them means IS NULL.
    AnyOf(Vec<Value>),
    /// None of these.
    NoneOf(Vec<Value>),
    /// The client's tenant's value of this name: bound, as it is known with the request.
    Tenant(String),
}

impl ColumnIs {
    /// What a column holds in a row that exists, where one value is known that it may.
    #[must_use]
    pub fn living(&self) -> Option<&Value> {
        match self {
            Self::AnyOf(values) => values.first(),
            Self::NoneOf(values) if values.contains(&Value::Null) => None,
            Self::NoneOf(_) => Some(&Value::Null),
            Self::Tenant(_) => None,
        }
    }
}

/// What is written into a column that SCIM does not name.
#[derive(Debug, Clone)]
pub enum Stamp {
    /// The time of the request, in the form of the column's line, else RFC 3339 in UTC with seconds.
    Now,
    /// The name of the client.
    Client,
    /// This value of the client's tenant.
    Tenant(String),
    /// A literal.
    Is(Value),
    /// A new random key.
    Uuid,
    /// The next number of a sequence.
    Sequence(Ident),
    /// The next id of a table that counts.
    Counter(Box<Counter>),
}

/// The table in which an app counts its keys.
#[derive(Debug, Clone)]
pub struct Counters {
    /// The table.
    pub table: Ident,
    /// The columns that say what is counted: a table's name, and its key column's.
    pub name: Vec<Ident>,
    /// The column that holds the number.
    pub column: Ident,
    /// Whether the number is the last one used; else the next that is free.
    pub last: bool,
}

/// One row of such a table.
#[derive(Debug, Clone)]
pub struct Counter {
    /// The table.
    pub table: Ident,
    /// What its columns say of this counter.
    pub names: Vec<(Ident, String)>,
    /// The column that holds the number.
    pub column: Ident,
    /// Whether the number is the last one used.
    pub last: bool,
    /// The table and the column whose keys it counts.
    pub of: (Ident, Ident),
}

/// What DELETE does.
#[derive(Debug)]
pub enum Delete {
    /// It is not offered.
    Never,
    /// Statements of the app's own do it.
    Own,
    /// Children and junction rows go, then the row.
    Rows,
    /// The row is marked; `only` no longer holds.
    Set(Vec<(Ident, Stamp)>),
}

/// A table beside the base table. What a record has there stands under the table's name in it, column by column.
#[derive(Debug)]
pub struct Beside {
    /// What lines call it, `profile`; for a table that one line names, that line's attribute.
    pub name: String,
    /// The table.
    pub table: Ident,
    /// Its column that holds the base table's key.
    pub link: Ident,
    /// Its own key: of several rows the one of the lowest key counts. Without, a record has one row at most.
    pub key: Option<Ident>,
    /// True of every row that is meant; scalars are written on insert.
    pub only: Vec<ColumnTest>,
    /// Columns that SCIM does not name, on insert.
    pub insert: Vec<(Ident, Stamp)>,
    /// What its rows are.
    pub form: Form,
}

/// What the rows of a table beside are.
#[derive(Debug)]
pub enum Form {
    /// One row with these columns; once made, it stays.
    Row(Vec<Ident>),
    /// A row that is there for the sake of one value, and goes with it; without a column, that it is there is the value.
    Value(Option<Ident>),
    /// A row for each of these names.
    Names {
        /// The column that holds the name.
        name: Ident,
        /// The column that holds the value.
        value: Ident,
        /// The names that lines read or write, each once.
        names: Vec<String>,
    },
}

impl SqlRecords {
    /// The table beside of that name.
    #[must_use]
    pub fn beside(&self, name: &str) -> Option<&Beside> {
        self.beside.iter().find(|b| b.name == name)
    }
}

/// A table whose rows are the items of a list.
#[derive(Debug)]
pub struct Child {
    /// The list's name in the record: the attribute's name.
    pub name: String,
    /// The table.
    pub table: Ident,
    /// Its column that holds the base table's key.
    pub link: Ident,
    /// Its own key, for updates in place and a stable order.
    pub key: Option<Ident>,
    /// The columns that lines read or write.
    pub columns: Vec<Ident>,
    /// True of every row that is meant; scalars are written on insert.
    pub only: Vec<ColumnTest>,
    /// Columns that SCIM does not name, on insert.
    pub insert: Vec<(Ident, Stamp)>,
}

/// A table of pairs: who is a member of what.
#[derive(Debug)]
pub struct Junction {
    /// The list's name in the record: `members`.
    pub name: String,
    /// The table.
    pub table: Ident,
    /// Its column that holds this type's key.
    pub link: Ident,
    /// Its column that holds the member's key.
    pub value: Ident,
    /// The member's resource type, by name.
    pub of: String,
    /// The member's base table, key and conditions: a member that does not exist for SCIM is none.
    pub member: Reference,
    /// Whether members are of the type that has them: groups in groups.
    pub nests: bool,
    /// Columns that SCIM does not name, on insert.
    pub insert: Vec<(Ident, Stamp)>,
    /// Statements of the app's own that write it.
    pub own: Option<OwnMembers>,
}

/// The other side of a junction.
#[derive(Debug)]
pub struct Derived {
    /// The list's name in the record: `groups`.
    pub name: String,
    /// The junction table.
    pub table: Ident,
    /// Its column that holds this type's key.
    pub link: Ident,
    /// Its column that holds the other type's key.
    pub value: Ident,
    /// The other type's table, key and conditions.
    pub other: Reference,
    /// The other table's column shown as `display`.
    pub display: Option<Ident>,
}

/// A column that holds the key of another record: `manager`. The record has there the key of the row it names, and nothing
/// where that does not exist for SCIM.
#[derive(Debug)]
pub struct Referring {
    /// The column.
    pub column: Ident,
    /// The type's table, key and conditions.
    pub other: Reference,
    /// Its column that is shown as display name, and what the record calls it.
    pub display: Option<(Ident, String)>,
    /// What the column holds where it names nobody.
    pub empty: Value,
}

/// Another resource type's rows, as far as a join needs them.
#[derive(Debug, Clone)]
pub struct Reference {
    /// Where they are read.
    pub rows: Rows,
    /// Its key.
    pub key: Ident,
    /// How its ids are written.
    pub kind: KeyKind,
    /// Its conditions.
    pub only: Vec<ColumnTest>,
    /// Its protected rows.
    pub protect: Vec<ColumnTest>,
}
