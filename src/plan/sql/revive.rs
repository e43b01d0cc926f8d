//! Bringing back what `delete` has marked: the row of that name is found among those that would exist but for the mark, and
//! the mark is taken off. What then is written goes the road of every change.

use serde_json::Value;

use crate::{
    mapping::{
        Resource,
        answer::Class,
        sql::{ColumnIs, ColumnTest, Delete, Ident, SqlRecords, Stamp},
    },
    plan::call::{Expect, Statement},
    scim::condition::Condition,
};

use super::{
    Piece, column,
    filter::push,
    fixed, has_key, only,
    row::Row,
    rows,
    select::shown,
    write::{Stamps, base_form, unrelated},
};

/// The marked rows that a condition finds, two at most; none where the database cannot decide it alone.
#[must_use]
pub fn find(resource: &Resource, records: &SqlRecords, condition: &Condition) -> Option<Statement> {
    let engine = records.engine;
    let pushed = push(condition, resource, records);
    let such = pushed.clause?;
    if !pushed.exact || pushed.join.is_some() {
        return None;
    }
    let key = shown(engine, "r", &records.key.column);
    let from = Piece::new(format!("SELECT {key} FROM ")).piece(rows::from(engine, &records.rows, "r")).then(" WHERE ");
    Some(from.piece(such).then(" AND ").piece(marked(records)?).then(" LIMIT 2").expect(engine, Expect::Any))
}

/// Takes the mark off this row; where somebody was faster, its name is taken. Whoever comes back is in no group, and a group
/// has no members: the app may have marked it and left them there, and nobody gets access by being left.
#[must_use]
pub fn back(resource: &Resource, records: &SqlRecords, key: &Value, stamps: &Stamps<'_>) -> Option<Vec<Statement>> {
    let engine = records.engine;
    let table = records.table.as_ref()?;
    let mut row = Row::new(records, table);
    row.bump(records);
    for (test, _) in marks(records) {
        row.set(&test.column, test.is.living()?);
    }
    for (column, stamp) in &records.touch {
        row.stamp(column, stamp, stamps, base_form(resource, column), "0");
    }
    let this = has_key(engine, &column(engine, "r", &records.key.column), key);
    let row = row.update(table)?.then(" WHERE ").piece(this).then(" AND ").piece(marked(records)?);
    let row = row.expect(engine, Expect::Some(Class::Exists));
    Some(std::iter::once(row).chain(unrelated(records, key)).collect())
}

/// True of the rows that do not exist for their mark alone.
fn marked(records: &SqlRecords) -> Option<Piece> {
    let engine = records.engine;
    let alive = only(engine, "r", &records.only).collect::<Vec<_>>();
    let is_mark = |test: &ColumnTest| marks(records).any(|(mark, _)| mark.column == test.column);
    let (mut marked, mut others) = (Vec::new(), Vec::new());
    for (test, piece) in records.only.iter().zip(alive) {
        if is_mark(test) { marked.push(piece) } else { others.push(piece) }
    }
    if marked.is_empty() {
        return None;
    }
    let hidden = Piece::new("(").piece(Piece::join(marked, " AND ")).then(") IS NOT TRUE");
    // a literal that `delete` writes tells its rows from what the app has hidden itself
    let written = marks(records).filter_map(|(test, stamp)| match stamp {
        Stamp::Is(value) => {
            Some(fixed(engine, &column(engine, "r", &test.column), &ColumnIs::AnyOf(vec![value.clone()])))
        }
        _ => None,
    });
    Some(Piece::join(others.into_iter().chain([hidden]).chain(written), " AND "))
}

/// The conditions on the columns that `delete` writes, and what it writes there.
fn marks(records: &SqlRecords) -> impl Iterator<Item = (&ColumnTest, &Stamp)> {
    let set: &[(Ident, Stamp)] = match &records.delete {
        Delete::Set(set) => set,
        Delete::Rows | Delete::Never | Delete::Own => &[],
    };
    records.only.iter().filter_map(|test| Some((test, &set.iter().find(|(column, _)| *column == test.column)?.1)))
}
