//! Reading: one record, a page, a walk, a count; and the lists of a whole page, one statement for each list whatever the
//! size of the page.

use std::{
    collections::{HashMap, HashSet},
    iter::once,
};

use serde_json::Value;

use crate::{
    mapping::{
        Resource,
        answer::Class,
        codec::Unreadable,
        line::OF,
        sql::{Beside, Bump, Child, Derived, Engine, Ident, Junction, KeyKind, Reference, SqlRecords},
    },
    plan::call::{Bind, Expect, Statement},
};

use super::{
    Piece, and_only, beside, column,
    filter::Pushed,
    key, key_column, only,
    order::{After, Order},
    referring, rows, table, where_key,
};

/// What the base key is called in the rows of a list; no column has such a name.
const LINK: &str = "@link";

/// The read of one list of a page of records.
#[derive(Debug, Clone)]
pub struct PartRead {
    /// The list's name in the record.
    pub name: String,
    /// What the record's key is called in the reply.
    pub link: String,
    /// The read.
    pub statement: Statement,
}

/// The record of an id; none where the id cannot be a key.
#[must_use]
pub fn by_id(resource: &Resource, records: &SqlRecords, id: &str) -> Option<Statement> {
    let engine = records.engine;
    let key = key(resource, records, id)?;
    Some(read(records, None).piece(where_key(records, &key)).expect(engine, Expect::Some(Class::Absent)))
}

/// Records that a filter's pushed part selects, in this order, from `offset` on.
#[must_use]
pub fn page(records: &SqlRecords, pushed: &Pushed, order: &Order, offset: usize, limit: usize) -> Statement {
    let engine = records.engine;
    selected(read(records, None), records, pushed, None)
        .then(&order.clause())
        .then(" LIMIT ")
        .bind(whole(limit))
        .then(" OFFSET ")
        .bind(whole(offset))
        .expect(engine, Expect::Any)
}

/// The next `limit` records behind a place in the order: rows that come and go in between move nothing.
#[must_use]
pub fn walk(records: &SqlRecords, pushed: &Pushed, order: &Order, after: Option<&After>, limit: usize) -> Statement {
    let engine = records.engine;
    let behind = after.map(|after| order.behind(after));
    selected(read(records, order.read()), records, pushed, behind)
        .then(&order.clause())
        .then(" LIMIT ")
        .bind(whole(limit))
        .expect(engine, Expect::Any)
}

/// How many records the pushed part selects, as `count`; the filter's total only where it is exact.
#[must_use]
pub fn count(records: &SqlRecords, pushed: &Pushed) -> Statement {
    let engine = records.engine;
    let from = Piece::new(format!("SELECT count(*) AS {} FROM ", label(engine, "count")));
    let from = from.piece(rows::from(engine, &records.rows, "r"));
    selected(from, records, pushed, None).expect(engine, Expect::Any)
}

/// The reads of the lists that are wanted, for all records with these keys.
#[must_use]
pub fn parts(records: &SqlRecords, wanted: &dyn Fn(&str) -> bool, keys: &[Value]) -> Vec<PartRead> {
    let engine = records.engine;
    let part = |name: &str, piece: Piece| PartRead {
        name: name.to_owned(),
        link: LINK.to_owned(),
        statement: piece.expect(engine, Expect::Any),
    };
    let kind = records.key.kind;
    let link = |alias, column| key_column(engine, alias, column, kind);
    let beside = records.beside.iter().filter(|b| wanted(&b.name));
    let beside = beside.map(|b| part(&b.name, beside_rows(engine, kind, b, &link("c", &b.link), keys)));
    let children = records.children.iter().filter(|c| wanted(&c.name));
    let children = children.map(|c| part(&c.name, child_rows(engine, kind, c, &link("c", &c.link), keys)));
    let members = records.members.iter().filter(|j| wanted(&j.name));
    let members = members.enumerate().map(|(nth, j)| {
        let of = (nth > 0).then_some(j.of.as_str());
        part(&j.name, member_rows(engine, kind, j, of, &link("j", &j.link), keys))
    });
    let groups = records.groups.iter().filter(|d| wanted(&d.name));
    let groups = groups.map(|d| part(&d.name, group_rows(engine, kind, d, &link("j", &d.link), keys)));
    beside.chain(children).chain(members).chain(groups).collect()
}

/// No record comes twice. A key column sees to that; a select of the app's own may multiply its rows.
///
/// # Errors
/// One does.
pub fn once_each(records: &SqlRecords, rows: &[Value]) -> Result<(), Unreadable> {
    if !records.rows.is_select() {
        return Ok(());
    }
    let key = &records.key.column.0;
    let mut seen = HashSet::new();
    match rows.iter().filter_map(|row| row.get(key)).all(|key| seen.insert(printed(key))) {
        true => Ok(()),
        false => Err(Unreadable { message: format!("what `rows` selects has several rows of one `{key}`") }),
    }
}

/// Hangs the rows that were read under their records; a record without any has an empty list, or nothing.
///
/// # Errors
/// A record with several rows where there can be one.
pub fn attach(records: &SqlRecords, page: &mut [Value], part: &PartRead, rows: Vec<Value>) -> Result<(), Unreadable> {
    let key = &records.key.column;
    let mut lists: HashMap<String, Vec<Value>> = HashMap::new();
    for row in rows {
        let Some(link) = row.get(&part.link) else { continue };
        lists.entry(printed(link)).or_default().push(row);
    }
    let beside = records.beside(&part.name);
    for record in page.iter_mut().filter_map(Value::as_object_mut) {
        let list = record.get(&key.0).and_then(|key| lists.remove(&printed(key))).unwrap_or_default();
        let hung = match beside {
            Some(beside) => beside::hung(beside, list)?,
            None => Value::Array(list),
        };
        match (record.get_mut(&part.name), hung) {
            // members of another type
            (Some(Value::Array(there)), Value::Array(more)) => there.extend(more),
            (_, hung) => drop(record.insert(part.name.clone(), hung)),
        }
    }
    Ok(())
}

fn read(records: &SqlRecords, besides: Option<String>) -> Piece {
    let engine = records.engine;
    let mut read = Piece::new("SELECT ");
    for (nth, name) in once(&records.key.column).chain(&records.columns).enumerate() {
        read = if nth > 0 { read.then(", ") } else { read };
        match referring::shown(records, name) {
            Some(referred) => read = read.piece(referred),
            None => write_shown(engine, "r", name, &mut read.text),
        }
    }
    let version = records.version.iter().filter(|version| version.bump == Bump::Row).map(|version| &version.column);
    let version = version.map(|row| format!("{} AS {}", engine.text(&column(engine, "r", row)), engine.name(row)));
    let read = version.chain(besides).fold(read, |read, more| read.then(", ").then(&more));
    read.then(" FROM ").piece(rows::from(engine, &records.rows, "r"))
}

/// A column under its own name: without `AS` the engine may choose another one.
pub(super) fn shown(engine: Engine, alias: &str, name: &Ident) -> String {
    let mut text = String::with_capacity(alias.len() + 2 * name.0.len() + 9);
    write_shown(engine, alias, name, &mut text);
    text
}

fn write_shown(engine: Engine, alias: &str, name: &Ident, to: &mut String) {
    to.push_str(alias);
    to.push('.');
    engine.write_name(name, to);
    to.push_str(" AS ");
    engine.write_name(name, to);
}

pub(super) fn label(engine: Engine, name: &str) -> String {
    engine.name(&Ident(name.to_owned()))
}

fn selected(from: Piece, records: &SqlRecords, pushed: &Pushed, more: Option<Piece>) -> Piece {
    let engine = records.engine;
    let from = pushed.join.iter().fold(from, |from, join| from.piece(join.clone()));
    let all: Vec<Piece> = only(engine, "r", &records.only).chain(pushed.clause.clone()).chain(more).collect();
    if all.is_empty() { from } else { from.then(" WHERE ").piece(Piece::join(all, " AND ")) }
}

fn beside_rows(engine: Engine, kind: KeyKind, b: &Beside, link: &str, keys: &[Value]) -> Piece {
    let shown: String = beside::shown(b)
        .into_iter()
        .map(|(name, called)| format!(", {} AS {}", column(engine, "c", name), label(engine, called)))
        .collect();
    let sorted = b.key.iter().map(|name| format!(", {}", column(engine, "c", name))).collect::<String>();
    Piece::new(format!(
        "SELECT {link} AS {}{shown} FROM {} WHERE {link} IN ",
        label(engine, LINK),
        table(engine, &b.table, "c")
    ))
    .set(engine, kind, keys.to_vec())
    .then(&beside::and_meant(engine, "c", b, None))
    .then(&format!(" ORDER BY {link}{sorted}"))
}

fn child_rows(engine: Engine, kind: KeyKind, child: &Child, link: &str, keys: &[Value]) -> Piece {
    let mut columns: Vec<&Ident> = child.key.iter().collect();
    columns.extend(child.columns.iter().filter(|c| Some(*c) != child.key.as_ref()));
    let shown: String = columns.iter().map(|name| format!(", {}", shown(engine, "c", name))).collect();
    // By its own key if it has one, else by all that is shown: any order will do that is the same tomorrow.
    let sorted = child.key.as_ref().map_or(child.columns.as_slice(), std::slice::from_ref);
    let sorted: String = sorted.iter().map(|name| format!(", {}", column(engine, "c", name))).collect();
    Piece::new(format!(
        "SELECT {link} AS {}{shown} FROM {} WHERE {link} IN ",
        label(engine, LINK),
        table(engine, &child.table, "c")
    ))
    .set(engine, kind, keys.to_vec())
    .piece(and_only(engine, "c", &child.only))
    .then(&format!(" ORDER BY {link}{sorted}"))
}

fn member_rows(engine: Engine, kind: KeyKind, j: &Junction, of: Option<&str>, link: &str, keys: &[Value]) -> Piece {
    let of = of.map(|name| format!(", {} AS {}", engine.literal(&Value::from(name)), label(engine, OF)));
    related(engine, &j.table, link, &j.value, &j.member, &of.unwrap_or_default(), (kind, keys))
}

fn group_rows(engine: Engine, kind: KeyKind, d: &Derived, link: &str, keys: &[Value]) -> Piece {
    let display = d.display.as_ref();
    let display = display.map(|d| format!(", {} AS {}", column(engine, "o", d), label(engine, "display")));
    related(engine, &d.table, link, &d.value, &d.other, &display.unwrap_or_default(), (kind, keys))
}

/// Pairs of a junction whose other side exists for SCIM, each once.
fn related(
    engine: Engine,
    junction: &Ident,
    link: &str,
    value: &Ident,
    other: &Reference,
    more: &str,
    (kind, keys): (KeyKind, &[Value]),
) -> Piece {
    let key = key_column(engine, "o", &other.key, other.kind);
    let (from, value) = (table(engine, junction, "j"), column(engine, "j", value));
    let (of, key_of) = (label(engine, LINK), label(engine, "value"));
    Piece::new(format!("SELECT DISTINCT {link} AS {of}, {key} AS {key_of}{more} FROM {from}"))
        .then(" JOIN ")
        .piece(rows::from(engine, &other.rows, "o"))
        .then(&format!(" ON {key} = {value} WHERE {link} IN "))
        .set(engine, kind, keys.to_vec())
        .piece(and_only(engine, "o", &other.only))
        .then(&format!(" ORDER BY {link}, {key}"))
}

/// Keys are told apart by how they print: a junction may hold as text what the base table holds as a number.
fn printed(key: &Value) -> String {
    key.as_str().map_or_else(|| key.to_string(), str::to_owned)
}

fn whole(number: usize) -> Bind {
    Bind::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}
