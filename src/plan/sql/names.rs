//! What statements name of the database: tables and columns, selects and expressions of the app's own. At start the
//! database is asked for each of them.

use std::iter::once;

use crate::mapping::sql::{ColumnTest, Delete, Ident, Reference, Rows, SqlRecords, Stamp};

use super::{
    beside,
    rows::{self, Described},
};

/// Every table and column that statements of this type name, each once, for the check against the catalogue.
#[must_use]
pub fn tables(records: &SqlRecords) -> Vec<(String, Vec<String>)> {
    let mut found = Vec::new();
    let set = match &records.delete {
        Delete::Rows | Delete::Never | Delete::Own => [].as_slice(),
        Delete::Set(columns) => columns,
    };
    let stamped = records.insert.iter().chain(&records.touch).chain(set).map(|(column, _)| column);
    if !records.rows.is_select() {
        add(&mut found, &records.rows.name, read_columns(records).filter(|column| !rows::is_computed(column)));
    }
    if let Some(table) = &records.table {
        let scope = once(&records.key.column).chain(tested(&records.only));
        add(&mut found, table, scope.chain(&records.written).chain(stamped));
    }
    for b in &records.beside {
        let stamped = b.insert.iter().map(|(column, _)| column);
        let shown = beside::shown(b).into_iter().map(|(column, _)| column);
        add(&mut found, &b.table, once(&b.link).chain(&b.key).chain(shown).chain(tested(&b.only)).chain(stamped));
    }
    for c in &records.children {
        let stamped = c.insert.iter().map(|(column, _)| column);
        let all = once(&c.link).chain(&c.key).chain(&c.columns).chain(tested(&c.only)).chain(stamped);
        add(&mut found, &c.table, all);
    }
    let of_child = records.children.iter().flat_map(|c| &c.insert);
    let of_beside = records.beside.iter().flat_map(|b| &b.insert);
    let of_members = records.members.iter().flat_map(|j| &j.insert);
    for (_, stamp) in records.insert.iter().chain(of_child).chain(of_beside).chain(of_members) {
        if let Stamp::Counter(counter) = stamp {
            let names = counter.names.iter().map(|(name, _)| name);
            add(&mut found, &counter.table, names.chain([&counter.column]));
        }
    }
    for j in &records.members {
        let stamped = j.insert.iter().map(|(column, _)| column);
        add(&mut found, &j.table, [&j.link, &j.value].into_iter().chain(stamped));
    }
    if let Some(d) = &records.groups {
        add(&mut found, &d.table, [&d.link, &d.value].into_iter());
    }
    for (rows, columns) in others(records).into_iter().filter(|(rows, _)| !rows.is_select()) {
        add(&mut found, &rows.name, columns.into_iter());
    }
    found
}

/// Every select of the app's own, and every expression, that statements of this type name, with the columns they need.
#[must_use]
pub fn described(records: &SqlRecords) -> Vec<Described> {
    let engine = records.engine;
    let own = read_columns(records).filter(|column| records.rows.is_select() || rows::is_computed(column)).collect();
    let selects = others(records).into_iter().filter(|(rows, _)| rows.is_select());
    let names = |columns: Vec<&Ident>| columns.into_iter().map(|column| column.0.clone()).collect();
    once((&records.rows, own))
        .chain(selects)
        .filter_map(|(rows, columns)| rows::described(engine, rows, names(columns)))
        .collect()
}

fn read_columns(records: &SqlRecords) -> impl Iterator<Item = &Ident> {
    let tests = records.only.iter().chain(&records.protect);
    once(&records.key.column).chain(&records.columns).chain(tested(tests))
}

/// The rows of other types, and what is needed of them.
fn others(records: &SqlRecords) -> Vec<(&Rows, Vec<&Ident>)> {
    let member = records.members.iter().map(|j| needed(&j.member, None, &j.member.protect));
    let named = records.references.iter().map(|r| needed(&r.other, r.display.as_ref().map(|(column, _)| column), &[]));
    let groups = records.groups.iter().map(|d| needed(&d.other, d.display.as_ref(), &[]));
    member.chain(named).chain(groups).collect()
}

fn needed<'a>(other: &'a Reference, display: Option<&'a Ident>, more: &'a [ColumnTest]) -> (&'a Rows, Vec<&'a Ident>) {
    let tests = other.only.iter().chain(more);
    (&other.rows, once(&other.key).chain(display).chain(tested(tests)).collect())
}

fn tested<'a>(only: impl IntoIterator<Item = &'a ColumnTest>) -> impl Iterator<Item = &'a Ident> {
    only.into_iter().map(|test| &test.column)
}

fn add<'a>(found: &mut Vec<(String, Vec<String>)>, table: &Ident, columns: impl Iterator<Item = &'a Ident>) {
    let at = found.iter().position(|(name, _)| *name == table.0).unwrap_or(found.len());
    if at == found.len() {
        found.push((table.0.clone(), Vec::new()));
    }
    for column in columns {
        if !found[at].1.contains(&column.0) {
            found[at].1.push(column.0.clone());
        }
    }
}
