//! The cells of one row that is written.

use serde_json::{Map, Value};

use crate::{
    mapping::{
        catalog::Catalog,
        sql::{Bump, ColumnIs, ColumnTest, Engine, Ident, SqlRecords, Stamp},
        time::TimeForm,
    },
    plan::call::Bind,
};

use super::{Piece, column, key, table, write::Stamps};

/// Columns and what is written into them; the first word on a column stands.
pub(super) struct Row<'a> {
    engine: Engine,
    catalog: &'a Catalog,
    table: &'a Ident,
    cells: Vec<(Ident, Piece)>,
}

impl<'a> Row<'a> {
    pub(super) fn new(records: &'a SqlRecords, table: &'a Ident) -> Self {
        Self { engine: records.engine, catalog: &records.catalog, table, cells: Vec::new() }
    }

    pub(super) fn put(&mut self, column: &Ident, piece: Piece) {
        if !self.cells.iter().any(|(c, _)| c == column) {
            self.cells.push((column.clone(), piece));
        }
    }

    pub(super) fn set(&mut self, column: &Ident, value: &Value) {
        let stored = self.catalog.column(self.table, column);
        let value = stored.map_or_else(|| value.clone(), |stored| stored.form(self.engine, value));
        self.put(column, Piece::default().bind(self.engine.value(&value)));
    }

    /// What a stamp says; see `key` for what is `behind`.
    pub(super) fn stamp(
        &mut self,
        column: &Ident,
        stamp: &Stamp,
        stamps: &Stamps<'_>,
        form: Option<&TimeForm>,
        behind: &str,
    ) {
        match key::value(self.engine, stamp, behind) {
            Some(key) => self.put(column, key),
            None => self.set(column, &stamps.value(stamp, form)),
        }
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

    /// What makes the row's version another one. Where that is not our doing, a change of the row is: even where only its
    /// lists change, the row is written.
    pub(super) fn bump(&mut self, records: &SqlRecords) {
        let Some(version) = &records.version else { return };
        let now = |name| column(self.engine, "r", name);
        match version.bump {
            Bump::One => {
                let next = format!("COALESCE({}, 0) + 1", now(&version.column));
                self.put(&version.column, Piece::new(next));
            }
            Bump::App | Bump::Row => {
                let same = Piece::new(now(&records.key.column));
                self.put(&records.key.column, same);
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
    pub(super) fn join(&mut self, other: &Row<'_>) {
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
