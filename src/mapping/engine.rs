//! The engines whose SQL is spoken, and what names a thing in them.

/// Which SQL is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// SQLite 3.38 or later.
    Sqlite,
    /// PostgreSQL 13 or later.
    Postgres,
    /// MariaDB 10.10 or later.
    MariaDb,
}

/// An identifier, quoted whenever it is written. A table's may have the schema in front, with a dot, which no name has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ident(pub String);

impl Ident {
    /// The name without the schema.
    #[must_use]
    pub fn bare(&self) -> &str {
        self.0.rsplit_once('.').map_or(&self.0, |(_, name)| name)
    }
}

/// What a column is called that an expression makes; no other has such a name.
pub const COMPUTED: char = '=';

/// What a select is called in the catalogue; no table has such a name.
pub const SELECT: char = '@';
