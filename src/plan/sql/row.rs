//! The cells of one row that is written.

use serde_json::{Map, Value};

use crate::{
    mapping::sql::{ColumnIs, ColumnTest, Engine, Ident},
    plan::call::Bind,
};

use super::{Piece, table};

/// Columns and what is written into them; the first word on a column stands.
pub(super) struct Row {
    engine: Engine,
    cells: Vec<(Ident, Piece)>,
}

impl Row {
    pub(super) fn new(engine: Engine) -> Self {
        Self { engine, cells: Vec::new() }
    }

    pub(super) fn put(&mut self, column: &Ident, piece: Piece) {
        if !self.cells.iter().any(|(c, _)| c == column) {
            self.cells.push((column.clone(), piece));
        }
    }

    pub(super) fn set(&mut self, column: &Ident, value: &Value) {
        self.put(column, Piece::default().bind(self.engine.value(value)));
    }

    /// What the fixed conditions ask of a new row: `{ type: User }` as a literal, the client's tenant.
    pub(super) fn fix(&mut self, only: &[ColumnTest]) {
        for test in only {
            match &test.is {
                ColumnIs::AnyOf(values) => {
                    if let [value] = values.as_slice() {
                        self.put(&test.column, Piece::new(self.engine.literal(value)));
                    }
                }
                ColumnIs::Tenant(name) => {
                    let whose = Bind::Tenant { name: name.clone(), printed: false };
                    self.put(&test.column, Piece::default().bind(whose));
                }
                ColumnIs::NoneOf(_) => {}
            }
        }
    }

    /// Those columns that the record has.
    pub(super) fn give<'c>(&mut self, columns: impl IntoIterator<Item = &'c Ident>, record: &Value) {
        let nothing = Map::new();
        let record = record.as_object().unwrap_or(&nothing);
        for column in columns {
            if let Some(value) = record.get(&column.0) {
                self.set(column, value);
            }
        }
    }

    /// With the cells of another row.
    pub(super) fn join(&mut self, other: &Self) {
        for (column, piece) in &other.cells {
            self.put(column, piece.clone());
        }
    }

    /// A row for each one that `from` finds.
    pub(super) fn insert_from(self, name: &Ident, from: Piece) -> Piece {
        let columns: Vec<String> = self.cells.iter().map(|(column, _)| self.engine.name(column)).collect();
        let values = Piece::join(self.cells.into_iter().map(|(_, piece)| piece), ", ");
        Piece::new(format!("INSERT INTO {} ({}) SELECT ", self.engine.name(name), columns.join(", ")))
            .piece(values)
            .piece(from)
    }

    pub(super) fn insert_into(self, name: &Ident) -> Piece {
        let columns: Vec<String> = self.cells.iter().map(|(column, _)| self.engine.name(column)).collect();
        if columns.is_empty() {
            return Piece::new(format!("INSERT INTO {} {}", self.engine.name(name), self.engine.defaults()));
        }
        let values = Piece::join(self.cells.into_iter().map(|(_, piece)| piece), ", ");
        Piece::new(format!("INSERT INTO {} ({}) VALUES (", self.engine.name(name), columns.join(", ")))
            .piece(values)
            .then(")")
    }

    pub(super) fn update(self, name: &Ident) -> Option<Piece> {
        self.update_as(name, "r")
    }

    pub(super) fn update_as(self, name: &Ident, alias: &str) -> Option<Piece> {
        let set =
            |(column, piece): (Ident, Piece)| Piece::new(format!("{} = ", self.engine.name(&column))).piece(piece);
        (!self.cells.is_empty()).then(|| {
            let begin = Piece::new(format!("UPDATE {} SET ", table(self.engine, name, alias)));
            begin.piece(Piece::join(self.cells.into_iter().map(set), ", "))
        })
    }
}
