//! Changing who is a member: one statement each, whatever the number, as a set of values is one parameter. Rows of
//! members that do not exist for SCIM are not seen and not touched. Whether the group itself is there, `write::touch` says.

use std::collections::HashSet;

use serde_json::Value;

use crate::{
    mapping::{
        answer::Class,
        own::OwnStep,
        sql::{Engine, Junction, KeyKind, Reference, SqlRecords},
    },
    plan::{
        call::{Expect, Statement},
        step::{Act, Step},
    },
};

use super::{
    Piece, and_only, column, guard, has_key, key as new_key, key_column, key_of,
    own::{ForEach, Names, OwnCall},
    rows, table,
    write::Stamps,
};

const NO_MEMBER: &str = "no such member";

/// Makes these members, unless they are. First every value must be a member that exists: else nothing is done.
#[must_use]
pub fn members_add<'a>(records: &'a SqlRecords, key: &Value, values: &[String], stamps: &Stamps<'_>) -> Vec<Step<'a>> {
    let keys = match keys(records, values) {
        Ok(keys) if keys.is_empty() => return Vec::new(),
        Ok(keys) => keys,
        Err(nobody) => return vec![Step::statement(nobody)],
    };
    let adds = records.members.iter().flat_map(|junction| joining(records, junction, key, &keys, stamps));
    may_join(records, key, &keys).into_iter().map(Step::statement).chain(adds).collect()
}

/// Puts in those of them who are no members yet.
fn joining<'a>(
    records: &'a SqlRecords,
    junction: &'a Junction,
    key: &Value,
    keys: &[Value],
    stamps: &Stamps<'_>,
) -> Vec<Step<'a>> {
    let engine = records.engine;
    let Some(own) = &junction.own else {
        return add(records, junction, key, keys, stamps).map(Step::statement).collect();
    };
    let missing = Piece::new("SELECT s.value").piece(Piece::from_set(engine, junction.member.kind, keys.to_vec()));
    let which = missing.piece(not_yet(records, junction, key)).expect(engine, Expect::Any);
    vec![for_each(records, which, &own.add, key, stamps)]
}

fn for_each<'a>(
    records: &'a SqlRecords,
    which: Statement,
    own: &'a OwnStep,
    key: &Value,
    stamps: &Stamps<'_>,
) -> Step<'a> {
    let names = Names::new(key.clone(), Value::Null, Value::Null, stamps);
    Step::sql(Act::ForEach(ForEach::new(which, OwnCall::new(records, own, &names))))
}

/// Removes these members; who is none already is no fault.
#[must_use]
pub fn members_remove<'a>(
    records: &'a SqlRecords,
    key: &Value,
    values: &[String],
    stamps: &Stamps<'_>,
) -> Vec<Step<'a>> {
    let engine = records.engine;
    let keys = known(records, values).0;
    if keys.is_empty() {
        return Vec::new();
    }
    let which = |junction: &Junction| {
        let these = Piece::new(" AND ").then(&value(engine, junction)).then(" IN ");
        these.set(engine, junction.member.kind, keys.clone())
    };
    records.members.iter().flat_map(|junction| leaving(records, junction, key, &which(junction), stamps)).collect()
}

/// Makes these the members and no others, without reading who is.
#[must_use]
pub fn members_set<'a>(records: &'a SqlRecords, key: &Value, values: &[String], stamps: &Stamps<'_>) -> Vec<Step<'a>> {
    let engine = records.engine;
    let keys = match keys(records, values) {
        Ok(keys) if keys.is_empty() => return members_clear(records, key, stamps),
        Ok(keys) => keys,
        Err(nobody) => return vec![Step::statement(nobody)],
    };
    let others = |junction: &Junction| {
        let others = Piece::new(" AND ").then(&value(engine, junction)).then(" NOT IN ");
        others.set(engine, junction.member.kind, keys.clone())
    };
    let leave = records.members.iter().flat_map(|junction| leaving(records, junction, key, &others(junction), stamps));
    let adds = records.members.iter().flat_map(|junction| joining(records, junction, key, &keys, stamps));
    may_join(records, key, &keys).into_iter().map(Step::statement).chain(leave).chain(adds).collect()
}

/// Removes every member.
#[must_use]
pub fn members_clear<'a>(records: &'a SqlRecords, key: &Value, stamps: &Stamps<'_>) -> Vec<Step<'a>> {
    let of = |junction: &'a Junction| leaving(records, junction, key, &Piece::default(), stamps);
    records.members.iter().flat_map(of).collect()
}

/// The keys that values stand for, each once, and the values that stand for none. Of several types no two have one key, so
/// their keys are of one kind.
fn known(records: &SqlRecords, values: &[String]) -> (Vec<Value>, Vec<Value>) {
    let mut seen = HashSet::new();
    let (mut keys, mut others) = (Vec::new(), Vec::new());
    let Some(junction) = records.members.first() else { return (keys, others) };
    for value in values.iter().filter(|value| seen.insert(value.as_str())) {
        match key_of(junction.member.kind, value) {
            Some(key) => keys.push(key),
            None => others.push(Value::from(value.as_str())),
        }
    }
    (keys, others)
}

/// The keys; or the statement that refuses a value that cannot be one. (It is selected without being compared: `042` would
/// find 42.)
fn keys(records: &SqlRecords, values: &[String]) -> Result<Vec<Value>, Statement> {
    let engine = records.engine;
    match known(records, values) {
        (keys, others) if others.is_empty() => Ok(keys),
        (_, others) => Err(Piece::new("SELECT s.value")
            .piece(Piece::from_set(engine, KeyKind::Text, others))
            .expect(engine, Expect::None(Class::Refused, NO_MEMBER))),
    }
}

/// What must be so before these join: each of them is somebody's key, none is protected, and none has this group in it.
fn may_join(records: &SqlRecords, key: &Value, keys: &[Value]) -> Vec<Statement> {
    let engine = records.engine;
    let members: Vec<&Reference> = records.members.iter().map(|junction| &junction.member).collect();
    let mut guards: Vec<Statement> = none_missing(engine, &members, keys.to_vec(), NO_MEMBER).into_iter().collect();
    for junction in &records.members {
        guards.extend(guard::may_join(engine, junction, key, keys));
        if junction.nests {
            guards.extend(guard::no_circle(records, junction, key, keys));
        }
    }
    guards
}

/// The check that each of these is the key of a record that exists, of one of these types.
pub(super) fn none_missing(
    engine: Engine,
    members: &[&Reference],
    keys: Vec<Value>,
    why: &'static str,
) -> Option<Statement> {
    let missing = Piece::new("SELECT s.value").piece(Piece::from_set(engine, members.first()?.kind, keys));
    let absent = members.iter().map(|member| Piece::new("NOT EXISTS ").piece(there(engine, member)));
    let missing = missing.then(" WHERE ").piece(Piece::join(absent, " AND "));
    Some(missing.expect(engine, Expect::None(Class::Refused, why)))
}

/// `(SELECT 1 FROM …)`: the record whose key is a value of the set, if it exists for SCIM.
fn there(engine: Engine, member: &Reference) -> Piece {
    let key = key_column(engine, "o", &member.key, member.kind);
    Piece::new("(SELECT 1 FROM ")
        .piece(rows::from(engine, &member.rows, "o"))
        .then(&format!(" WHERE {key} = s.value"))
        .piece(and_only(engine, "o", &member.only))
        .then(")")
}

/// The keys of those that join, which are all of them but where members are of several types. `NOT EXISTS` and no conflict
/// clause: the junction may have no unique index to conflict with.
fn add(
    records: &SqlRecords,
    junction: &Junction,
    key: &Value,
    keys: &[Value],
    stamps: &Stamps<'_>,
) -> impl Iterator<Item = Statement> {
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
    let pairs = Piece::new(format!("INSERT INTO {} ({}) ", engine.name(&junction.table), columns.join(", ")))
        .piece(values)
        .piece(Piece::from_set(engine, junction.member.kind, keys.to_vec()))
        .piece(not_yet(records, junction, key))
        .expect(engine, Expect::Any);
    new_key::taken(engine, &junction.insert, keys.len()).into_iter().chain([pairs])
}

/// ` WHERE` a value is no member's yet, and of this type.
fn not_yet(records: &SqlRecords, junction: &Junction, key: &Value) -> Piece {
    let engine = records.engine;
    let of_type = match records.members.as_slice() {
        [_] => Piece::default(),
        _ => Piece::new(" AND EXISTS ").piece(there(engine, &junction.member)),
    };
    Piece::new(format!(" WHERE NOT EXISTS (SELECT 1 FROM {} WHERE ", table(engine, &junction.table, "j")))
        .piece(has_key(engine, &column(engine, "j", &junction.link), key))
        .then(&format!(" AND {} = s.value)", value(engine, junction)))
        .piece(of_type)
}

/// Only who is seen goes: a list that a client writes does not speak of members that it cannot read.
fn leaving<'a>(
    records: &'a SqlRecords,
    junction: &'a Junction,
    key: &Value,
    which: &Piece,
    stamps: &Stamps<'_>,
) -> Vec<Step<'a>> {
    let engine = records.engine;
    let member = &junction.member;
    let mut such =
        Piece::new(" WHERE ").piece(has_key(engine, &column(engine, "j", &junction.link), key)).piece(which.clone());
    // where one table holds members of several types, the others' are no business of this one
    if !member.only.is_empty() || member.rows.is_select() || records.members.len() > 1 {
        let other = key_column(engine, "o", &member.key, member.kind);
        such = such
            .then(" AND EXISTS (SELECT 1 FROM ")
            .piece(rows::from(engine, &member.rows, "o"))
            .then(&format!(" WHERE {other} = "))
            .then(&column(engine, "j", &junction.value))
            .piece(and_only(engine, "o", &member.only))
            .then(")");
    }
    let may = guard::may_leave(engine, junction, key, which.clone()).into_iter().map(Step::statement);
    let step = match &junction.own {
        None => {
            let gone = Piece::new(engine.delete_from(&junction.table, "j")).piece(such);
            Step::statement(gone.expect(engine, Expect::Any))
        }
        Some(own) => {
            let begin = format!("SELECT DISTINCT {} FROM ", column(engine, "j", &junction.value));
            let found = Piece::new(begin + &table(engine, &junction.table, "j")).piece(such);
            for_each(records, found.expect(engine, Expect::Any), &own.remove, key, stamps)
        }
    };
    may.chain([step]).collect()
}

fn value(engine: Engine, junction: &Junction) -> String {
    key_column(engine, "j", &junction.value, junction.member.kind)
}
