//! Changing who is a member: one statement each, whatever the number, as a set of values is one parameter. Rows of
//! members that do not exist for SCIM are not seen and not touched. Whether the group itself is there, `write::touch` says.

use std::collections::HashSet;

use serde_json::Value;

use crate::{
    mapping::{
        answer::Class,
        sql::{Engine, Junction, KeyKind, Reference, SqlRecords},
    },
    plan::call::{Expect, Statement},
};

use super::{Piece, and_only, column, guard, has_key, key as new_key, key_column, key_of, rows, table, write::Stamps};

const NO_MEMBER: &str = "no such member";

/// Makes these members, unless they are. First every value must be a member that exists: else nothing is done.
#[must_use]
pub fn members_add(records: &SqlRecords, key: &Value, values: &[String], stamps: &Stamps<'_>) -> Vec<Statement> {
    let engine = records.engine;
    let Some(junction) = &records.members else { return Vec::new() };
    let (keys, others) = keys(junction, values);
    if !others.is_empty() {
        return vec![none(engine, Piece::new("SELECT s.value").piece(Piece::from_set(engine, KeyKind::Text, others)))];
    }
    if keys.is_empty() {
        return Vec::new();
    }
    std::iter::once(all_exist(engine, junction, keys.clone()))
        .chain(guard::may_join(engine, junction, key, &keys))
        .chain(new_key::taken(engine, &junction.insert, keys.len()))
        .chain([add(records, junction, key, keys, stamps)])
        .collect()
}

/// Removes these members; who is none already is no fault.
#[must_use]
pub fn members_remove(records: &SqlRecords, key: &Value, values: &[String]) -> Vec<Statement> {
    let engine = records.engine;
    let Some(junction) = &records.members else { return Vec::new() };
    let (keys, _) = keys(junction, values);
    if keys.is_empty() {
        return Vec::new();
    }
    gone(
        engine,
        junction,
        key,
        &Piece::new(" AND ").then(&value(engine, junction)).then(" IN ").set(engine, junction.member.kind, keys),
    )
}

/// Makes these the members and no others, without reading who is.
#[must_use]
pub fn members_set(records: &SqlRecords, key: &Value, values: &[String], stamps: &Stamps<'_>) -> Vec<Statement> {
    let engine = records.engine;
    let Some(junction) = &records.members else { return Vec::new() };
    let (keys, others) = keys(junction, values);
    if !others.is_empty() {
        return vec![none(engine, Piece::new("SELECT s.value").piece(Piece::from_set(engine, KeyKind::Text, others)))];
    }
    if keys.is_empty() {
        return members_clear(records, key);
    }
    let others = Piece::new(" AND ").then(&value(engine, junction)).then(" NOT IN ").set(
        engine,
        junction.member.kind,
        keys.clone(),
    );
    std::iter::once(all_exist(engine, junction, keys.clone()))
        .chain(guard::may_join(engine, junction, key, &keys))
        .chain(gone(engine, junction, key, &others))
        .chain(new_key::taken(engine, &junction.insert, keys.len()))
        .chain([add(records, junction, key, keys, stamps)])
        .collect()
}

/// Removes every member.
#[must_use]
pub fn members_clear(records: &SqlRecords, key: &Value) -> Vec<Statement> {
    let engine = records.engine;
    records.members.iter().flat_map(|junction| gone(engine, junction, key, &Piece::default())).collect()
}

/// The keys that values stand for, each once, and the values that stand for none.
fn keys(junction: &Junction, values: &[String]) -> (Vec<Value>, Vec<Value>) {
    let mut seen = HashSet::new();
    let (mut keys, mut others) = (Vec::new(), Vec::new());
    for value in values.iter().filter(|value| seen.insert(value.as_str())) {
        match key_of(junction.member.kind, value) {
            Some(key) => keys.push(key),
            None => others.push(Value::from(value.as_str())),
        }
    }
    (keys, others)
}

/// The check that each of these is a member's key.
fn all_exist(engine: Engine, junction: &Junction, keys: Vec<Value>) -> Statement {
    none_missing(engine, &junction.member, keys, NO_MEMBER)
}

/// The check that each of these is the key of a record that exists.
pub(super) fn none_missing(engine: Engine, member: &Reference, keys: Vec<Value>, why: &'static str) -> Statement {
    let key = key_column(engine, "o", &member.key, member.kind);
    let missing = Piece::new("SELECT s.value").piece(Piece::from_set(engine, member.kind, keys));
    missing
        .then(" WHERE NOT EXISTS (SELECT 1 FROM ")
        .piece(rows::from(engine, &member.rows, "o"))
        .then(&format!(" WHERE {key} = s.value"))
        .piece(and_only(engine, "o", &member.only))
        .then(")")
        .expect(engine, Expect::None(Class::Refused, why))
}

/// What it selects must not be. (A value that cannot be a key is selected without being compared: `042` would find 42.)
fn none(engine: Engine, such: Piece) -> Statement {
    such.expect(engine, Expect::None(Class::Refused, NO_MEMBER))
}

/// `NOT EXISTS` and no conflict clause: the junction may have no unique index to conflict with.
fn add(records: &SqlRecords, junction: &Junction, key: &Value, keys: Vec<Value>, stamps: &Stamps<'_>) -> Statement {
    let engine = records.engine;
    let behind = format!("({} - row_number() OVER (ORDER BY s.value))", keys.len());
    let mut columns = vec![engine.name(&junction.link), engine.name(&junction.value)];
    let mut values = Piece::new("SELECT ").bind(engine.value(key)).then(", s.value");
    for (column, stamp) in &junction.insert {
        columns.push(engine.name(column));
        let stamped = || {
            let value = stamps.value(stamp, None);
            let stored = records.catalog.column(&junction.table, column);
            let value = stored.map_or_else(|| value.clone(), |stored| stored.form(engine, &value));
            Piece::default().bind(engine.value(&value))
        };
        values = values.then(", ").piece(new_key::value(engine, stamp, &behind).unwrap_or_else(stamped));
    }
    Piece::new(format!("INSERT INTO {} ({}) ", engine.name(&junction.table), columns.join(", ")))
        .piece(values)
        .piece(Piece::from_set(engine, junction.member.kind, keys))
        .then(&format!(" WHERE NOT EXISTS (SELECT 1 FROM {} WHERE ", table(engine, &junction.table, "j")))
        .piece(has_key(engine, &column(engine, "j", &junction.link), key))
        .then(&format!(" AND {} = s.value)", value(engine, junction)))
        .expect(engine, Expect::Any)
}

/// Only who is seen goes: a list that a client writes does not speak of members that it cannot read.
fn gone(engine: Engine, junction: &Junction, key: &Value, which: &Piece) -> Vec<Statement> {
    let member = &junction.member;
    let begin = Piece::new(engine.delete_from(&junction.table, "j") + " WHERE ");
    let mut piece = begin.piece(has_key(engine, &column(engine, "j", &junction.link), key)).piece(which.clone());
    if !member.only.is_empty() {
        let other = key_column(engine, "o", &member.key, member.kind);
        piece = piece
            .then(" AND EXISTS (SELECT 1 FROM ")
            .piece(rows::from(engine, &member.rows, "o"))
            .then(&format!(" WHERE {other} = "))
            .then(&column(engine, "j", &junction.value))
            .piece(and_only(engine, "o", &member.only))
            .then(")");
    }
    let may = guard::may_leave(engine, junction, key, which.clone());
    may.into_iter().chain([piece.expect(engine, Expect::Any)]).collect()
}

fn value(engine: Engine, junction: &Junction) -> String {
    key_column(engine, "j", &junction.value, junction.member.kind)
}
