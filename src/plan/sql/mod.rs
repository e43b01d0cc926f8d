//! Statements: from a mapping and what a request asks for to SQL text without values, and the values beside it.
//!
//! `select` reads, `write`, `beside` and `members` change, `referring` does both for columns that name other records, `guard` stands around what they do, `filter` turns a condition
//! into a WHERE clause, `order` one into an ORDER BY; `dialect` is all that an engine needs of its own. In every text `r` is
//! the resource's row, `b` one beside it, `c` a child's, `j` a junction's, `o` the other type's row, and `s` a value of a
//! bound set. Conditions fixed by the mapping are literals; what came from a client is bound.

pub mod beside;
pub mod change;
pub mod dialect;
pub mod filter;
pub mod guard;
pub mod index;
mod key;
mod leaf;
mod logic;
pub mod members;
pub mod order;
pub mod referring;
pub mod revive;
mod row;
pub mod select;
mod typed;
pub mod write;

use std::fmt::Write;

use serde_json::{Number, Value};

use crate::{
    mapping::{
        Resource,
        catalog::{Stored, is_uuid},
        sql::{Child, ColumnIs, ColumnTest, Engine, Ident, KeyKind, SqlRecords},
    },
    scim::{Refusal, ScimType, evaluate::same_number},
};

use super::call::{Bind, Expect, Statement};

/// A piece of SQL and the values of its `?` in order.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Piece {
    text: String,
    binds: Vec<Bind>,
}

impl Piece {
    fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), binds: Vec::new() }
    }

    /// With more text.
    fn then(mut self, text: &str) -> Self {
        self.text.push_str(text);
        self
    }

    /// With a value.
    fn bind(mut self, value: Bind) -> Self {
        self.text.push('?');
        self.binds.push(value);
        self
    }

    /// With the values of a set, as a subselect between parentheses.
    fn set(self, engine: Engine, kind: KeyKind, values: Vec<Value>) -> Self {
        self.then("(SELECT s.value").piece(Self::from_set(engine, kind, values)).then(")")
    }

    /// ` FROM` the values of a set.
    fn from_set(engine: Engine, kind: KeyKind, values: Vec<Value>) -> Self {
        Self { text: format!(" FROM {}", engine.set(kind)), binds: vec![Bind::Set(values)] }
    }

    /// With another piece.
    fn piece(mut self, other: Self) -> Self {
        self.text.push_str(&other.text);
        self.binds.extend(other.binds);
        self
    }

    /// Pieces with a text between each two.
    fn join(pieces: impl IntoIterator<Item = Self>, between: &str) -> Self {
        pieces
            .into_iter()
            .enumerate()
            .fold(Self::default(), |all, (i, piece)| if i == 0 { piece } else { all.then(between).piece(piece) })
    }

    fn expect(self, engine: Engine, expect: Expect) -> Statement {
        let sql = match engine {
            Engine::Postgres => numbered(&self.text),
            Engine::Sqlite | Engine::MariaDb => self.text,
        };
        Statement { sql: sql.into(), binds: self.binds, expect }
    }
}

/// `$1`, `$2` … for each `?` outside quotes. Texts here are our own: every quote in them is doubled or ends.
fn numbered(text: &str) -> String {
    let (mut written, mut rest, mut n) = (String::with_capacity(text.len() + 16), text, 0);
    while let Some(at) = rest.find(['?', '\'', '"']) {
        if let Some(after) = rest[at..].strip_prefix('?') {
            n += 1;
            // Writing to a text cannot fail.
            let _ = write!(written, "{}${n}", &rest[..at]);
            rest = after;
            continue;
        }
        let quote = if rest[at..].starts_with('"') { '"' } else { '\'' };
        let end = rest[at + 1..].find(quote).map_or(rest.len(), |end| at + 1 + end + 1);
        written.push_str(&rest[..end]);
        rest = &rest[end..];
    }
    written.push_str(rest);
    written
}

/// The key that an id stands for; none where it cannot be one (`042` for a whole number), so it is nobody's.
#[must_use]
pub fn key(resource: &Resource, records: &SqlRecords, id: &str) -> Option<Value> {
    let stored = resource.id.codec.write(&Value::String(id.to_owned()))?;
    let id = stored.as_str()?;
    // a UUID in another form would find somebody whose id it is not
    let uuid = matches!(records.catalog.column(&records.table, &records.key.column), Some(Stored::Uuid));
    if uuid && !is_uuid(id) {
        return None;
    }
    key_of(records.key.kind, id)
}

/// The same, of another type's id.
fn key_of(kind: KeyKind, id: &str) -> Option<Value> {
    match kind {
        KeyKind::Integer => id.parse::<i64>().ok().filter(|n| n.to_string() == id).map(Value::from),
        KeyKind::Text => (!id.is_empty()).then(|| Value::from(id)),
        KeyKind::Uuid => is_uuid(id).then(|| Value::from(id)),
    }
}

/// Refuses a record with a value that its column would round, cut, or give back in another form.
///
/// # Errors
/// `invalidValue`.
pub fn check_values(records: &SqlRecords, record: &Value) -> Result<(), Refusal> {
    check_numbers(record)?;
    let fits = |table: &Ident, columns: &[Ident], row: &Value| {
        columns.iter().all(|column| match (row.get(&column.0), records.catalog.column(table, column)) {
            (Some(value), Some(stored)) => stored.keeps(value),
            _ => true,
        })
    };
    let items = |child: &Child| record.get(&child.name).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let kept = fits(&records.table, &records.columns, record)
        && records.children.iter().all(|child| items(child).iter().all(|row| fits(&child.table, &child.columns, row)));
    let detail = "a value does not fit where the app keeps it";
    if kept { Ok(()) } else { Err(Refusal::new(ScimType::InvalidValue, detail)) }
}

fn check_numbers(record: &Value) -> Result<(), Refusal> {
    match record {
        Value::Number(number) => {
            let kept = match Engine::Sqlite.value(record) {
                Bind::Real(real) => Number::from_f64(real).is_some_and(|real| same_number(&real, number)),
                Bind::Integer(_) => true,
                _ => false,
            };
            let detail = "a number has more digits than the database keeps";
            if kept { Ok(()) } else { Err(Refusal::new(ScimType::InvalidValue, detail)) }
        }
        Value::Array(items) => items.iter().try_for_each(check_numbers),
        Value::Object(fields) => fields.values().try_for_each(check_numbers),
        Value::Null | Value::Bool(_) | Value::String(_) => Ok(()),
    }
}

/// `r."login"`
fn column(engine: Engine, alias: &str, column: &Ident) -> String {
    let mut text = String::with_capacity(alias.len() + column.0.len() + 3);
    text.push_str(alias);
    text.push('.');
    engine.write_name(column, &mut text);
    text
}

/// A key column as it is compared and sorted: text letter by letter, however the column is declared.
fn key_column(engine: Engine, alias: &str, name: &Ident, kind: KeyKind) -> String {
    let column = column(engine, alias, name);
    if kind.is_plain(engine) { column } else { engine.exact(&column) }
}

/// A key as it is bound: PostgreSQL would refuse a number that the column cannot hold, and such a key is only nobody's.
fn bound_key(engine: Engine, key: &Value) -> Piece {
    let bound = Piece::default().bind(engine.value(key));
    match key {
        Value::Number(_) if engine == Engine::Postgres => Piece::new("CAST(").piece(bound).then(" AS bigint)"),
        _ => bound,
    }
}

/// A column that holds this value, NULL as well; text letter by letter, however the column is declared.
fn holds(engine: Engine, column: &str, value: &Value) -> Piece {
    match value {
        Value::Null => Piece::new(format!("{column} IS NULL")),
        Value::String(_) => Piece::new(format!("{} = ", engine.exact(column))).bind(engine.value(value)),
        _ => Piece::new(format!("{column} = ")).bind(engine.value(value)),
    }
}

/// `"app_user" AS r`
fn table(engine: Engine, name: &Ident, alias: &str) -> String {
    let mut text = engine.name(name);
    text.push_str(" AS ");
    text.push_str(alias);
    text
}

/// The fixed conditions. `{ not: x }` is true of NULL, as it is of a missing field elsewhere.
fn only(engine: Engine, alias: &str, only: &[ColumnTest]) -> impl Iterator<Item = Piece> {
    only.iter().map(move |test| fixed(engine, &column(engine, alias, &test.column), &test.is))
}

/// The same, each with `AND` in front.
fn and_only(engine: Engine, alias: &str, tests: &[ColumnTest]) -> Piece {
    only(engine, alias, tests).fold(Piece::default(), |all, test| all.then(" AND ").piece(test))
}

fn fixed(engine: Engine, column: &str, is: &ColumnIs) -> Piece {
    match is {
        ColumnIs::Tenant(name) => tenants(engine, column, name),
        ColumnIs::AnyOf(values) => Piece::new(listed(engine, column, values, true)),
        ColumnIs::NoneOf(values) => Piece::new(listed(engine, column, values, false)),
    }
}

/// Twice, once by the column's own comparison, which an index serves, and once byte by byte: a collation that takes `acme`
/// for `ACME`, or `7` for `7a`, does not make two tenants one.
fn tenants(engine: Engine, column: &str, name: &str) -> Piece {
    let value = |printed| Bind::Tenant { name: name.to_owned(), printed };
    let own = Piece::new(format!("{column} = ")).bind(value(false));
    own.then(&format!(" AND {} = ", engine.text(column))).bind(value(true))
}

fn listed(engine: Engine, column: &str, values: &[Value], any: bool) -> String {
    let null = values.iter().any(Value::is_null);
    let listed: Vec<String> = values.iter().filter(|v| !v.is_null()).map(|v| engine.literal(v)).collect();
    let among = match listed.as_slice() {
        [] => None,
        [one] => Some(format!("{column} = {one}")),
        _ => Some(format!("{column} IN ({})", listed.join(", "))),
    };
    match (any, among, null) {
        (true, Some(among), false) => among,
        (true, Some(among), true) => format!("({among} OR {column} IS NULL)"),
        (true, None, true) => format!("{column} IS NULL"),
        (true, None, false) => dialect::FALSE.to_owned(),
        (false, Some(among), false) => format!("({among}) IS NOT TRUE"),
        (false, Some(among), true) => format!("({among}) IS NOT TRUE AND {column} IS NOT NULL"),
        (false, None, true) => format!("{column} IS NOT NULL"),
        (false, None, false) => dialect::TRUE.to_owned(),
    }
}

/// A column that holds this key.
fn has_key(engine: Engine, column: &str, key: &Value) -> Piece {
    match key {
        Value::Number(_) => Piece::new(format!("{column} = ")).piece(bound_key(engine, key)),
        _ => holds(engine, column, key),
    }
}

/// The base row of a key, if it exists for SCIM: ` WHERE r."id" = ? AND …`.
fn where_key(records: &SqlRecords, key: &Value) -> Piece {
    let engine = records.engine;
    let own = column(engine, "r", &records.key.column);
    let this = has_key(engine, &own, key);
    // In front of a text letter by letter what the key's own index answers: no narrower, whatever its collation.
    let typed =
        matches!(records.catalog.column(&records.table, &records.key.column), Some(Stored::Text { .. } | Stored::Uuid));
    let this = match key {
        Value::String(_) if typed => Piece::new(format!("{own} = ")).bind(engine.value(key)).then(" AND ").piece(this),
        _ => this,
    };
    Piece::new(" WHERE ").piece(this).piece(and_only(engine, "r", &records.only))
}
