//! Changing rows: the resource's own, those of its lists, and its removal. Each statement names the key and the fixed
//! conditions, so that a row which does not exist for SCIM is never touched.

use jiff::Timestamp;
use serde_json::Value;

use crate::{
    mapping::{
        Resource,
        answer::Class,
        catalog::Stored,
        codec::Codec,
        line::{Each, FieldSource, Source},
        selector::Selector,
        sql::{Bump, Child, Delete, Engine, Ident, SqlRecords, Stamp, Version},
        time::TimeForm,
    },
    plan::{
        call::{Bind, Expect, Statement},
        step::Step,
    },
};

use super::{
    Piece, and_only, beside, column, guard, has_key, holds, key as new_key, own, own::Names, row::Row, rows, where_key,
};

/// What is written into columns that SCIM does not name.
#[derive(Debug, Clone, Copy)]
pub struct Stamps<'a> {
    /// The time of the request.
    pub now: Timestamp,
    /// The name of the client.
    pub client: &'a str,
}

impl Stamps<'_> {
    /// A stamp's value; a time in `form`. New keys are expressions, see `key`.
    pub(super) fn value(&self, stamp: &Stamp, form: Option<&TimeForm>) -> Value {
        match stamp {
            Stamp::Now => form.unwrap_or(&TimeForm::Iso).say(self.now).unwrap_or_default(),
            Stamp::Client => Value::from(self.client),
            Stamp::Is(value) => value.clone(),
            Stamp::Tenant(_) | Stamp::Uuid | Stamp::Sequence(_) | Stamp::Counter(_) => Value::Null,
        }
    }
}

/// The new row, last; its key comes back. What the mapping fixes wins over the record, the record over stamps.
#[must_use]
pub fn insert(resource: &Resource, records: &SqlRecords, record: &Value, stamps: &Stamps<'_>) -> Vec<Statement> {
    let engine = records.engine;
    let Some(table) = &records.table else { return Vec::new() };
    let mut row = Row::new(records, table);
    row.fix(&records.only);
    if let Some(Version { column, bump: Bump::One }) = &records.version {
        row.set(column, &Value::from(1));
    }
    row.give(std::iter::once(&records.key.column).chain(&records.columns), record);
    for (column, stamp) in records.insert.iter().chain(&records.touch) {
        row.stamp(column, stamp, stamps, base_form(resource, column), "0");
    }
    let key = engine.name(&records.key.column);
    let made = row.insert_into(table).then(&format!(" RETURNING {key} AS {key}"));
    let mut statements = new_key::taken(engine, &records.insert, 1);
    statements.push(made.expect(engine, Expect::Some(Class::Broken)));
    statements
}

/// Writes the columns that `changed` holds, and those that every change touches.
#[must_use]
pub fn update(
    resource: &Resource,
    records: &SqlRecords,
    key: &Value,
    changed: &Value,
    stamps: &Stamps<'_>,
) -> Statement {
    let engine = records.engine;
    let Some(table) = &records.table else { return lock(records, key) };
    let mut row = Row::new(records, table);
    row.bump(records);
    row.give(&records.columns, changed);
    for (column, stamp) in &records.touch {
        row.stamp(column, stamp, stamps, base_form(resource, column), "0");
    }
    match row.update(table) {
        Some(row) => row.piece(where_key(records, key)).expect(engine, ABSENT),
        None => lock(records, key),
    }
}

/// Whether the record is there; nobody else changes it until the transaction ends.
#[must_use]
pub fn lock(records: &SqlRecords, key: &Value) -> Statement {
    let engine = records.engine;
    let lock = if records.table.is_some() { engine.row_lock() } else { "" };
    let row = Piece::new("SELECT 1 FROM ").piece(rows::own_row(records));
    row.piece(where_key(records, key)).then(lock).expect(engine, ABSENT)
}

/// What every change of a record writes, where only its lists or members change; where that is nothing, its lock.
#[must_use]
pub fn touch(resource: &Resource, records: &SqlRecords, key: &Value, stamps: &Stamps<'_>) -> Statement {
    update(resource, records, key, &Value::Null, stamps)
}

/// Removes a record, or marks it. The first statement finds out whether it is there; the last is the row itself where
/// rows go, as others refer to it.
///
/// Memberships go in both ways: who is marked as deleted shall not keep access through a group, nor others through a
/// group that is. Rows of lists go with the row and stay with a mark.
#[must_use]
pub fn delete<'a>(resource: &'a Resource, records: &'a SqlRecords, key: &Value, stamps: &Stamps<'_>) -> Vec<Step<'a>> {
    let engine = records.engine;
    // Whoever is protected stays in a group, so the group stays.
    let held = |junction| guard::may_leave(engine, junction, key, Piece::default());
    let guards: Vec<Statement> = records.members.iter().filter_map(held).collect();
    let pairs = unrelated(records, key);
    if let Delete::Own = records.delete {
        let names = Names::new(key.clone(), Value::Null, Value::Null, stamps);
        let own = own::steps(records, &records.own.delete, &names);
        return guards
            .into_iter()
            .map(Step::statement)
            .chain(own)
            .chain([Step::statement(guard::gone(records, key))])
            .collect();
    }
    let Some(table) = &records.table else { return Vec::new() };
    let statements: Vec<Statement> = match &records.delete {
        Delete::Never | Delete::Own => Vec::new(),
        Delete::Set(columns) => {
            let mut row = Row::new(records, table);
            row.bump(records);
            for (column, stamp) in columns.iter().chain(&records.touch) {
                row.stamp(column, stamp, stamps, base_form(resource, column), "0");
            }
            let mark = match row.update(table) {
                Some(row) => row.piece(where_key(records, key)).expect(engine, ABSENT),
                None => lock(records, key),
            };
            guards.into_iter().chain([mark]).chain(pairs).collect()
        }
        Delete::Rows => {
            let there = lock(records, key);
            let children = records.children.iter().map(|c| child_rows(engine, c, key).expect(engine, Expect::Any));
            let gone = Piece::new(engine.delete_from(table, "r"));
            let gone = gone.piece(where_key(records, key)).expect(engine, ABSENT);
            let beside = records.beside.iter().map(|b| beside::gone(engine, b, key, None));
            guards.into_iter().chain([there]).chain(beside).chain(children).chain(pairs).chain([gone]).collect()
        }
    };
    statements.into_iter().map(Step::statement).collect()
}

/// Takes a record out of everything, and everything out of it.
pub(super) fn unrelated(records: &SqlRecords, key: &Value) -> Vec<Statement> {
    let engine = records.engine;
    let members = records.members.iter().map(|j| (&j.table, &j.link));
    let pairs = members.chain(records.memberships.iter().map(|(table, link)| (table, link)));
    pairs.map(|(table, link)| of_link(engine, table, link, key, "j").expect(engine, Expect::Any)).collect()
}

/// New rows of a list.
#[must_use]
pub fn children_insert(
    records: &SqlRecords,
    resource: &Resource,
    child: &Child,
    key: &Value,
    items: &[Value],
    stamps: &Stamps<'_>,
) -> Vec<Statement> {
    let one = |(nth, item): (usize, &Value)| {
        let behind = (items.len() - 1 - nth).to_string();
        let mut row = Row::new(records, &child.table);
        row.set(&child.link, key);
        row.fix(&child.only);
        row.give(&child.columns, &complete(resource, child, item));
        for (column, stamp) in &child.insert {
            row.stamp(column, stamp, stamps, child_form(resource, child, column), &behind);
        }
        row.insert_into(&child.table).expect(records.engine, Expect::Some(Class::Broken))
    };
    let taken = new_key::taken(records.engine, &child.insert, items.len());
    taken.into_iter().chain(items.iter().enumerate().map(one)).collect()
}

/// From the rows that a list has to those it shall have. A row of the same value is kept and changed in place, so that
/// columns we do not know survive; of several the one of the same type. Without a key of its own a row that differs in
/// anything is another row.
#[must_use]
pub fn children_change(
    records: &SqlRecords,
    resource: &Resource,
    child: &Child,
    key: &Value,
    before: &[Value],
    after: &[Value],
    stamps: &Stamps<'_>,
) -> Vec<Statement> {
    let after: Vec<Value> = after.iter().map(|item| complete(resource, child, item)).collect();
    let mut old: Vec<Option<&Value>> = before.iter().map(Some).collect();
    let mut kept: Vec<Option<&Value>> = vec![None; after.len()];
    let all: Vec<&str> = child.columns.iter().map(|c| c.0.as_str()).collect();
    let identity = identity(resource, child);
    let value = identity.first().map_or_else(|| all.clone(), |value| vec![*value]);
    // All the exact ones first: a copy must not take the place of another row's own.
    let passes = if child.key.is_some() { vec![&all, &identity, &value] } else { vec![&all] };
    for columns in passes.into_iter().filter(|columns| !columns.is_empty()) {
        for (item, kept) in after.iter().zip(&mut kept).filter(|(_, kept)| kept.is_none()) {
            let same = |row: &Value| columns.iter().all(|c| alike(row.get(c), item.get(c)));
            if let Some(row) = old.iter_mut().find(|row| row.is_some_and(same)) {
                *kept = row.take();
            }
        }
    }
    // Without a key equal rows cannot be told apart: one that goes would take the one that stays.
    let stays = |row: &Value| {
        child.key.is_none() && after.iter().any(|item| all.iter().all(|c| alike(row.get(c), item.get(c))))
    };
    let mut made: Vec<Statement> =
        old.into_iter().flatten().filter(|row| !stays(row)).map(|row| one_row_gone(records, child, key, row)).collect();
    for (item, row) in after.iter().zip(&kept).filter_map(|(item, kept)| Some((item, (*kept)?))) {
        made.extend(one_row_changed(records, child, key, row, item));
    }
    let new: Vec<Value> =
        after.iter().zip(&kept).filter(|(_, kept)| kept.is_none()).map(|(item, _)| item.clone()).collect();
    made.extend(children_insert(records, resource, child, key, &new, stamps));
    made
}

const ABSENT: Expect = Expect::Some(Class::Absent);

fn of_link(engine: Engine, name: &Ident, link: &Ident, key: &Value, alias: &str) -> Piece {
    Piece::new(engine.delete_from(name, alias) + " WHERE ").piece(has_key(engine, &column(engine, alias, link), key))
}

/// Rows beyond the list's own conditions may be another owner's and stay.
fn child_rows(engine: Engine, child: &Child, key: &Value) -> Piece {
    of_link(engine, &child.table, &child.link, key, "c").piece(and_only(engine, "c", &child.only))
}

fn one_row_gone(records: &SqlRecords, child: &Child, key: &Value, row: &Value) -> Statement {
    child_rows(records.engine, child, key).piece(this_row(records, child, row)).expect(records.engine, Expect::Any)
}

fn one_row_changed(records: &SqlRecords, child: &Child, key: &Value, row: &Value, item: &Value) -> Option<Statement> {
    let engine = records.engine;
    let mut changed = Row::new(records, &child.table);
    for column in child.columns.iter().filter(|c| !alike(row.get(&c.0), item.get(&c.0))) {
        changed.set(column, item.get(&column.0).unwrap_or(&Value::Null));
    }
    let piece = changed.update_as(&child.table, "c")?.then(" WHERE ").piece(has_key(
        engine,
        &column(engine, "c", &child.link),
        key,
    ));
    Some(
        piece
            .piece(and_only(engine, "c", &child.only))
            .piece(this_row(records, child, row))
            .expect(engine, Expect::Any),
    )
}

fn this_row(records: &SqlRecords, child: &Child, row: &Value) -> Piece {
    let engine = records.engine;
    let columns = child.key.as_ref().map_or(child.columns.as_slice(), std::slice::from_ref);
    columns.iter().fold(Piece::default(), |piece, name| {
        let value = row.get(&name.0).unwrap_or(&Value::Null);
        let is = match records.catalog.column(&child.table, name) {
            // read in another form than the engine prints
            Some(stored @ (Stored::Instant { .. } | Stored::Date | Stored::Uuid)) if !value.is_null() => {
                let value = engine.value(&stored.form(engine, value));
                Piece::new(format!("{} = ", column(engine, "c", name))).bind(value)
            }
            _ => holds(engine, &column(engine, "c", name), value),
        };
        piece.then(" AND ").piece(is)
    })
}

/// The columns of a list's `value` and `type`, as far as its line has them.
fn identity<'a>(resource: &'a Resource, child: &Child) -> Vec<&'a str> {
    let Some(each) = each(resource, child) else { return Vec::new() };
    let column = |sub: &str| {
        each.fields.iter().find(|f| f.sub == sub).and_then(|field| match &field.value {
            FieldSource::At { at, .. } => at.field(),
            FieldSource::Constant(_) => None,
        })
    };
    column("value").into_iter().chain(column("type")).collect()
}

pub(super) fn each<'a>(resource: &'a Resource, child: &Child) -> Option<&'a Each> {
    resource.lines.iter().find_map(|line| match &line.value {
        Source::Each(each) if each.items.field() == Some(&child.name) => Some(each),
        _ => None,
    })
}

/// An item that does not say `primary` is not (RFC 7643 §2.4), and many such columns take no NULL.
fn complete(resource: &Resource, child: &Child, item: &Value) -> Value {
    let mut item = item.clone();
    for field in each(resource, child).into_iter().flat_map(|each| &each.fields).filter(|f| f.sub == "primary") {
        if let FieldSource::At { at, codec } = &field.value
            && at.one(&item).is_none()
            && let Some(no) = codec.write(&Value::Bool(false))
        {
            at.set(&mut item, no);
        }
    }
    item
}

pub(super) fn base_form<'r>(resource: &'r Resource, column: &Ident) -> Option<&'r TimeForm> {
    resource.lines.iter().find_map(|line| match &line.value {
        Source::At { at, codec } => form(at, codec, column),
        _ => None,
    })
}

fn child_form<'r>(resource: &'r Resource, child: &Child, column: &Ident) -> Option<&'r TimeForm> {
    each(resource, child)?.fields.iter().find_map(|field| match &field.value {
        FieldSource::At { at, codec } => form(at, codec, column),
        FieldSource::Constant(_) => None,
    })
}

fn form<'c>(at: &Selector, codec: &'c Codec, column: &Ident) -> Option<&'c TimeForm> {
    match codec {
        Codec::Time(form) if at.field() == Some(&column.0) => Some(form),
        _ => None,
    }
}

/// The same in the database: a missing field is NULL, `true` is 1, and what prints alike is alike.
fn alike(a: Option<&Value>, b: Option<&Value>) -> bool {
    let print = |value: Option<&Value>| match Engine::Sqlite.value(value.unwrap_or(&Value::Null)) {
        Bind::Null => None,
        Bind::Text(text) => Some(text),
        other => Some(other.to_string()),
    };
    print(a) == print(b)
}
