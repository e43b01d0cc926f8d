//! Where rows are read: a table, or what a mapping has in its place, a select of the app's own or a table with computed
//! columns. It is always one thing with an alias, so that conditions, orders and pages go through it to the tables behind.

use crate::{
    mapping::{
        own::{Name, OwnSql, Part},
        sql::{Engine, Ident, Rows, SqlRecords},
    },
    plan::call::{Bind, Expect, Statement},
};

use super::{Piece, table};

/// `"app_user" AS r`, or `(SELECT …) AS r`.
pub(super) fn from(engine: Engine, rows: &Rows, alias: &str) -> Piece {
    let Some(view) = &rows.view else { return Piece::new(table(engine, &rows.name, alias)) };
    let inner = |alias: &str| match &view.select {
        Some(select) => Piece::new("(").piece(own(select)).then(&format!(") AS {alias}")),
        None => Piece::new(table(engine, &rows.name, alias)),
    };
    if view.computed.is_empty() {
        return inner(alias);
    }
    let more = view.computed.iter().map(|(name, expression)| {
        Piece::new(", (").piece(own(expression)).then(&format!(") AS {}", engine.name(name)))
    });
    let select = more.fold(Piece::new("(SELECT t.*"), Piece::piece);
    select.then(" FROM ").piece(inner("t")).then(&format!(") AS {alias}"))
}

/// SQL in which only a tenant can be named.
fn own(sql: &OwnSql) -> Piece {
    sql.parts.iter().fold(Piece::default(), |piece, part| match part {
        Part::Text(text) => piece.then(text),
        Part::Name(Name::Tenant(name)) => piece.bind(Bind::Tenant { name: name.clone(), printed: false }),
        Part::Name(_) => piece.bind(Bind::Null),
    })
}

/// A select, or expressions, that the database is to say the columns of.
#[derive(Debug, Clone)]
pub struct Described {
    /// What the catalogue knows it by.
    pub name: String,
    /// A select of these columns, to be prepared and not run.
    pub select: Statement,
    /// Those that are needed; an expression by the name it is given.
    pub columns: Vec<String>,
}

/// What stands in tables' places, and which columns of it are needed.
pub(super) fn described(engine: Engine, rows: &Rows, columns: Vec<String>) -> Option<Described> {
    rows.view.as_ref()?;
    let select = Piece::new("SELECT r.* FROM ").piece(from(engine, rows, "r")).expect(engine, Expect::Any);
    Some(Described { name: rows.name.0.clone(), select, columns })
}

/// Where the row of a write is looked for: its table, or where there is none what is read.
pub(super) fn own_row(records: &SqlRecords) -> Piece {
    match &records.table {
        Some(name) => Piece::new(table(records.engine, name, "r")),
        None => from(records.engine, &records.rows, "r"),
    }
}

/// The column of what is read.
pub(super) fn is_computed(column: &Ident) -> bool {
    column.0.starts_with(crate::mapping::sql::COMPUTED)
}
