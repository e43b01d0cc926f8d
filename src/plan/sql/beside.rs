//! Tables beside the base table: one read for each, whatever the number of records and names; and writes that make the row
//! where there is none. They say so in SQL (`NOT EXISTS`), so that nobody has to read before.

use serde_json::{Map, Value};

use crate::{
    mapping::{
        codec::Unreadable,
        sql::{Beside, Engine, Form, Ident, SqlRecords},
    },
    plan::call::{Expect, Statement},
};

use super::{
    Piece, and_only, column, holds, key as new_key, key_column, row::Row, rows, table, where_key, write::Stamps,
};

/// What the name is called in the rows of a table of names and values; no column has such a name.
const NAME: &str = "@name";
/// The same of the value.
const VALUE: &str = "@value";

/// The columns that a read shows, each with what it is called.
pub(super) fn shown(beside: &Beside) -> Vec<(&Ident, &str)> {
    match &beside.form {
        Form::Row(columns) => columns.iter().map(|c| (c, c.0.as_str())).collect(),
        Form::Value(column) => column.iter().map(|c| (c, c.0.as_str())).collect(),
        Form::Names { name, value, .. } => vec![(name, NAME), (value, VALUE)],
    }
}

/// What a record has there, from its rows in the order of their keys.
///
/// # Errors
/// Several rows, and nothing says which one counts.
pub(super) fn hung(beside: &Beside, rows: Vec<Value>) -> Result<Value, Unreadable> {
    let several = || Unreadable {
        message: format!("a record has several rows in `{}`; which counts? see `key`", beside.table.0),
    };
    match &beside.form {
        Form::Row(_) | Form::Value(_) => {
            let one = beside.key.is_some() || matches!(beside.form, Form::Value(None));
            if rows.len() > 1 && !one {
                return Err(several());
            }
            Ok(rows.into_iter().next().unwrap_or_default())
        }
        Form::Names { names, .. } => {
            let mut made: Map<String, Value> = Map::new();
            for row in rows {
                let Value::Object(mut row) = row else { continue };
                let Some(Value::String(name)) = row.shift_remove(NAME) else { continue };
                // A collation may find more names than were asked for.
                if !names.contains(&name) {
                    continue;
                }
                if !made.contains_key(&name) {
                    made.insert(name, row.shift_remove(VALUE).unwrap_or_default());
                } else if beside.key.is_none() {
                    return Err(several());
                }
            }
            Ok(Value::Object(made))
        }
    }
}

/// ` AND …` of the rows that are meant: all that are read, or those of one name.
pub(super) fn and_meant(engine: Engine, alias: &str, beside: &Beside, one: Option<&str>) -> String {
    // what stands beside a row is its tenant's: these conditions are literals
    let fixed = and_only(engine, alias, &beside.only).text;
    let Form::Names { name, names, .. } = &beside.form else { return fixed };
    let name = column(engine, alias, name);
    let literal = |name: &str| engine.literal(&Value::from(name));
    match one {
        // Once for an index of the column, once letter by letter.
        Some(one) => format!("{fixed} AND {name} = {0} AND {1} = {0}", literal(one), engine.exact(&name)),
        None => {
            let names: Vec<String> = names.iter().map(|n| literal(n)).collect();
            format!("{fixed} AND {name} IN ({})", names.join(", "))
        }
    }
}

/// The place of a value, as seen from the base row `r`: the column, and one of several names.
pub(super) fn cell<'b>(beside: &'b Beside, part: &'b str) -> Option<(&'b Ident, Option<&'b str>)> {
    match &beside.form {
        Form::Row(columns) => columns.iter().find(|c| c.0 == part).map(|c| (c, None)),
        Form::Value(column) => column.as_ref().filter(|c| c.0 == part).map(|c| (c, None)),
        Form::Names { value, names, .. } => names.iter().find(|n| *n == part).map(|n| (value, Some(n.as_str()))),
    }
}

/// ` FROM … WHERE …` of a record's rows, from the base row `r` on.
pub(super) fn of_base(records: &SqlRecords, beside: &Beside, one: Option<&str>) -> String {
    let engine = records.engine;
    let kind = records.key.kind;
    let (link, key) = (key_column(engine, "b", &beside.link, kind), column(engine, "r", &records.key.column));
    let meant = and_meant(engine, "b", beside, one);
    format!(" FROM {} WHERE {link} = {key}{meant}", table(engine, &beside.table, "b"))
}

/// The value that counts, as an expression over the base row `r`.
pub(super) fn scalar(records: &SqlRecords, beside: &Beside, column_of: &Ident, one: Option<&str>) -> String {
    let engine = records.engine;
    let order = beside.key.iter().map(|key| format!(" ORDER BY {}", column(engine, "b", key))).collect::<String>();
    format!("(SELECT {}{}{order} LIMIT 1)", column(engine, "b", column_of), of_base(records, beside, one))
}

/// The rows of all records, for a search that an index can serve before [`scalar`] says which row counts.
pub(super) struct Source {
    /// `r."id" IN (SELECT b."user_id" FROM … WHERE `
    begin: String,
    /// The column of a row.
    pub(super) column: String,
    /// ` AND …)`
    end: String,
}

impl Source {
    /// The records of whom some row is so.
    pub(super) fn some(&self, such: Piece) -> Piece {
        Piece::new(self.begin.clone()).piece(such).then(&self.end)
    }
}

pub(super) fn source(records: &SqlRecords, beside: &Beside, column_of: &Ident, one: Option<&str>) -> Source {
    let (engine, kind) = (records.engine, records.key.kind);
    let (link, key) = (key_column(engine, "b", &beside.link, kind), key_column(engine, "r", &records.key.column, kind));
    Source {
        begin: format!("{key} IN (SELECT {link} FROM {} WHERE ", table(engine, &beside.table, "b")),
        column: column(engine, "b", column_of),
        end: format!("{})", and_meant(engine, "b", beside, one)),
    }
}

/// Writes what `changed` has for this table.
#[must_use]
pub fn write(
    records: &SqlRecords,
    beside: &Beside,
    key: &Value,
    changed: &Value,
    stamps: &Stamps<'_>,
) -> Vec<Statement> {
    let engine = records.engine;
    let nothing = Map::new();
    let cells = changed.as_object().unwrap_or(&nothing);
    match &beside.form {
        Form::Row(columns) => {
            let mut row = Row::new(records, &beside.table);
            row.give(columns, changed);
            upsert(records, beside, key, None, row, cells.values().any(|v| !v.is_null()), stamps)
        }
        Form::Value(of) => {
            let value = of.as_ref().map(|c| cells.get(&c.0).unwrap_or(&Value::Null));
            if changed.is_null() || value.is_some_and(Value::is_null) {
                return vec![gone(engine, beside, key, None)];
            }
            let mut row = Row::new(records, &beside.table);
            row.give(of, changed);
            upsert(records, beside, key, None, row, true, stamps)
        }
        Form::Names { value, .. } => {
            let one = |(name, new): (&String, &Value)| {
                if new.is_null() {
                    return vec![gone(engine, beside, key, Some(name))];
                }
                let mut row = Row::new(records, &beside.table);
                row.set(value, new);
                upsert(records, beside, key, Some(name), row, true, stamps)
            };
            cells.iter().flat_map(one).collect()
        }
    }
}

/// Changes the row; where there is none, makes it, if it has something to say.
fn upsert(
    records: &SqlRecords,
    beside: &Beside,
    key: &Value,
    one: Option<&str>,
    row: Row<'_>,
    says: bool,
    stamps: &Stamps<'_>,
) -> Vec<Statement> {
    let engine = records.engine;
    let mine = |alias: &str| {
        Piece::new(" WHERE ")
            .piece(holds(engine, &column(engine, alias, &beside.link), key))
            .then(&and_meant(engine, alias, beside, one))
    };
    let mut new = Row::new(records, &beside.table);
    new.set(&beside.link, key);
    new.fix(&beside.only);
    if let (Form::Names { name, .. }, Some(one)) = (&beside.form, one) {
        new.set(name, &Value::from(one));
    }
    new.join(&row);
    for (name, stamp) in &beside.insert {
        new.stamp(name, stamp, stamps, None, "0");
    }
    let there = Piece::new(format!("SELECT 1 FROM {}", table(engine, &beside.table, "c"))).piece(mine("c"));
    let base = Piece::new(" FROM ").piece(rows::own_row(records)).piece(where_key(records, key));
    let made = new.insert_from(&beside.table, base.then(" AND NOT EXISTS (").piece(there).then(")"));
    let changed = row.update_as(&beside.table, "c").map(|piece| piece.piece(mine("c")).expect(engine, Expect::Any));
    let mut statements: Vec<Statement> = changed.into_iter().collect();
    if says {
        statements.extend(new_key::taken(engine, &beside.insert, 1));
        statements.push(made.expect(engine, Expect::Any));
    }
    statements
}

/// Removes a record's rows, or those of one name.
pub(super) fn gone(engine: Engine, beside: &Beside, key: &Value, one: Option<&str>) -> Statement {
    let meant = match one {
        Some(_) => and_meant(engine, "c", beside, one),
        None => and_only(engine, "c", &beside.only).text,
    };
    Piece::new(engine.delete_from(&beside.table, "c") + " WHERE ")
        .piece(holds(engine, &column(engine, "c", &beside.link), key))
        .then(&meant)
        .expect(engine, Expect::Any)
}
