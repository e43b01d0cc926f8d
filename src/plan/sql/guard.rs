//! What stands around the writes of a record, in the same transaction: before them, that it is there, that nobody else
//! writes it meanwhile, and that it is not protected; after them, that it has not become so. And whose membership is not for
//! clients to change: a protected member's.

use serde_json::Value;

use crate::{
    mapping::{
        Resource,
        answer::Class,
        line::Source,
        sql::{Engine, Ident, Junction, SqlRecords},
    },
    plan::call::{Bind, Call, Expect, Statement},
};

use super::{Piece, and_only, column, has_key, key_column, rows, table, where_key, write};

/// What comes first in every write of a record: its row is held until the end, so that what is read of it then stays true.
/// Where there is one writer anyway, nothing has to be held.
#[must_use]
pub fn before(records: &SqlRecords, key: &Value) -> Vec<Statement> {
    let engine = records.engine;
    let mut guards = Vec::new();
    if records.table.is_some() && (runs_own(records) || !engine.row_lock().is_empty()) {
        guards.push(write::lock(records, key));
    }
    if records.table.is_none() {
        guards.extend(taken(records, Some(key), None));
    }
    if records.rows.is_select() {
        guards.push(seen(records, key, Class::Absent));
    }
    guards.extend(unprotected(records, key));
    guards
}

/// Whether statements of the app's own write here: what they do to a row is not known.
fn runs_own(records: &SqlRecords) -> bool {
    !records.own.is_empty() || records.members.iter().any(|junction| junction.own.is_some())
}

/// Whether a change of members alone may change which records exist: by a statement of the app's own, or where its select
/// looks at the members.
#[must_use]
pub fn members_move(records: &SqlRecords) -> bool {
    runs_own(records) || records.rows.is_select()
}

/// That the record is one of those that are read.
fn seen(records: &SqlRecords, key: &Value, otherwise: Class) -> Statement {
    let engine = records.engine;
    let row = Piece::new("SELECT 1 FROM ").piece(rows::from(engine, &records.rows, "r"));
    row.piece(where_key(records, key)).expect(engine, Expect::Some(otherwise))
}

/// That nothing is read of a record any more.
pub(super) fn gone(records: &SqlRecords, key: &Value) -> Statement {
    let engine = records.engine;
    let row = Piece::new("SELECT 1 FROM ").piece(rows::from(engine, &records.rows, "r"));
    row.piece(where_key(records, key)).expect(engine, Expect::None(Class::Broken, "the app still has it"))
}

/// What comes last, where a line may write what they depend on: the record still is one that exists for SCIM, and none of the
/// protected.
#[must_use]
pub fn after(resource: &Resource, records: &SqlRecords, key: &Value) -> Vec<Statement> {
    let written = |column: &Ident| {
        records.written.contains(column)
            || records.cells.iter().any(|cell| cell.at.field() == Some(&column.0))
            || resource.lines.iter().filter(|l| l.create || l.update).any(
                |l| matches!(&l.value, Source::At { at, .. } if at.field() == Some(&column.0)), // the key's column
            )
    };
    let mut guards = Vec::new();
    // what a select of the app's own leaves out is its own business
    if members_move(records) || records.only.iter().any(|test| written(&test.column)) {
        guards.push(seen(records, key, Class::Refused));
    }
    if runs_own(records) || records.protect.iter().any(|test| written(&test.column)) {
        guards.extend(unprotected(records, key));
    }
    guards
}

fn unprotected(records: &SqlRecords, key: &Value) -> Option<Statement> {
    let engine = records.engine;
    if records.protect.is_empty() {
        return None;
    }
    let row = Piece::new(format!("SELECT {} FROM ", column(engine, "r", &records.key.column)));
    let row = row.piece(rows::from(engine, &records.rows, "r"));
    let row = row.piece(where_key(records, key)).piece(and_only(engine, "r", &records.protect));
    let lock = if records.rows.view.is_some() { "" } else { engine.row_lock() };
    Some(row.then(lock).expect(engine, Expect::None(Class::Protected, "this resource is protected")))
}

/// Where several write at once: the turn of who looks for a value in this table before it writes one.
#[must_use]
pub fn turn(records: &SqlRecords) -> Option<Call> {
    taken(records, None, None).map(Call::Sql)
}

/// The lock of that turn, where `when` holds; or that of one record, where there is no row to hold: statements of the app's own
/// write it as it was read. On MariaDB it has a name of the whole server's, and is the connection's until it is given back.
fn taken(records: &SqlRecords, key: Option<&Value>, when: Option<Piece>) -> Option<Statement> {
    let table = &records.table.as_ref().unwrap_or(&records.rows.name).0;
    // FNV-1a over the table's name: the same number in every process
    let number = table.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let (lock, expect) = match records.engine {
        Engine::Sqlite => return None,
        Engine::Postgres => {
            let lock = match key {
                None => Piece::new(format!("SELECT 1 FROM (SELECT pg_advisory_xact_lock(18, {})", number >> 1)),
                // who shares a number only waits for the other
                Some(key) => Piece::new("SELECT 1 FROM (SELECT pg_advisory_xact_lock(19, hashtext(CAST(")
                    .bind(Bind::Text(format!("{table} {key}")))
                    .then(" AS text)))"),
            };
            let when = when.map(|when| Piece::new(" WHERE ").piece(when)).unwrap_or_default();
            (lock.piece(when).then(") AS l"), Expect::Any)
        }
        Engine::MariaDb => {
            let lock = Piece::new("GET_LOCK(CONCAT('portolan ', SHA1(CONCAT_WS('.', DATABASE(), ")
                .bind(Bind::Text(key.map_or_else(|| table.clone(), |key| format!("{table} {key}"))))
                .then(&format!("))), {TURN_SECONDS})"));
            let lock = match when {
                Some(when) => Piece::new("CASE WHEN ").piece(when).then(" THEN ").piece(lock).then(" ELSE 1 END"),
                None => lock,
            };
            (Piece::new("SELECT 1 FROM (SELECT ").piece(lock).then(" AS l) AS l WHERE l.l = 1"), Expect::Turn)
        }
    };
    Some(lock.expect(records.engine, expect))
}

/// How long MariaDB waits for a turn; PostgreSQL does as for any lock.
const TURN_SECONDS: u32 = 2;

/// None of these is a protected member that would only now get in.
pub(super) fn may_join(engine: Engine, junction: &Junction, key: &Value, keys: &[Value]) -> Option<Statement> {
    let of = key_column(engine, "o", &junction.member.key, junction.member.kind);
    let value = key_column(engine, "j", &junction.value, junction.member.kind);
    let who =
        protected(engine, junction)?.then(&format!(" AND {of} IN ")).set(engine, junction.member.kind, keys.to_vec());
    let there = Piece::new(format!(" AND NOT EXISTS (SELECT 1 FROM {} WHERE ", table(engine, &junction.table, "j")))
        .piece(has_key(engine, &column(engine, "j", &junction.link), key))
        .then(&format!(" AND {value} = {of})"));
    Some(who.piece(there).expect(engine, KEPT))
}

/// None of these groups has this one in it, directly or through others: who asks the app for all that are in a group would
/// never come to an end. Where several write at once they take turns, as each sees only what the others have done.
pub(super) fn no_circle(records: &SqlRecords, junction: &Junction, key: &Value, keys: &[Value]) -> Vec<Statement> {
    let engine = records.engine;
    let kind = junction.member.kind;
    let own = key_column(engine, "r", &records.key.column, kind);
    let (link, value) = (key_column(engine, "j", &junction.link, kind), key_column(engine, "j", &junction.value, kind));
    let pairs = table(engine, &junction.table, "j");
    let circle = Piece::new(format!("WITH RECURSIVE above(id) AS (SELECT {own} FROM "))
        .piece(rows::own_row(records))
        .then(" WHERE ")
        .piece(has_key(engine, &column(engine, "r", &records.key.column), key))
        .then(&format!(" UNION SELECT {link} FROM {pairs} JOIN above AS a ON {value} = a.id) SELECT s.value"))
        .piece(Piece::from_set(engine, kind, keys.to_vec()))
        .then(" WHERE s.value IN (SELECT a.id FROM above AS a)")
        .expect(engine, Expect::None(Class::Refused, "a group cannot be in itself, directly or through others"));
    let groups = Piece::new("EXISTS (SELECT 1 FROM ")
        .piece(rows::own_row(records))
        .then(&format!(" WHERE {own} IN "))
        .set(engine, kind, keys.to_vec())
        .then(")");
    taken(records, None, Some(groups)).into_iter().chain([circle]).collect()
}

/// None of those that would go is a protected member; `which` says of `j` who goes.
pub(super) fn may_leave(engine: Engine, junction: &Junction, key: &Value, which: Piece) -> Option<Statement> {
    let of = key_column(engine, "o", &junction.member.key, junction.member.kind);
    let value = key_column(engine, "j", &junction.value, junction.member.kind);
    let there = Piece::new(format!(" AND EXISTS (SELECT 1 FROM {} WHERE ", table(engine, &junction.table, "j")))
        .piece(has_key(engine, &column(engine, "j", &junction.link), key))
        .then(&format!(" AND {value} = {of}"))
        .piece(which)
        .then(")");
    Some(protected(engine, junction)?.piece(there).expect(engine, KEPT))
}

const KEPT: Expect = Expect::None(Class::Protected, "who is protected joins and leaves no group this way");

/// The protected members of a list.
fn protected(engine: Engine, junction: &Junction) -> Option<Piece> {
    let member = &junction.member;
    if member.protect.is_empty() {
        return None;
    }
    let key = column(engine, "o", &member.key);
    let tests: Vec<_> = member.only.iter().chain(&member.protect).cloned().collect();
    let all = Piece::join(super::only(engine, "o", &tests), " AND ");
    let from = rows::from(engine, &member.rows, "o");
    Some(Piece::new(format!("SELECT {key} FROM ")).piece(from).then(" WHERE ").piece(all))
}
