//! Columns that hold another record's key. A row shows the key of the row it names, found by that row's own conditions:
//! a scalar subselect for each such column, in the statement that reads the page. A write may name only who is there.

use std::{iter::once, sync::Arc};

use serde_json::Value;

use crate::{
    mapping::{
        codec::Codec,
        line::Empty,
        sql::{Engine, Ident, Reference, Referring, SqlRecords},
    },
    plan::call::Statement,
    scim::{Refusal, ScimType, condition::Literal, filter::CompareOp, schema::Attribute},
};

use super::{
    Piece, and_only, column, key_of,
    leaf::{Column, Found},
    logic::{Logic, Pair},
    members::none_missing,
    rows,
    select::label,
};

const NOBODY: &str = "the resource that is referred to does not exist";

/// What a read shows of a column: the key it holds if that names a record, and that record's display name.
pub(super) fn shown(records: &SqlRecords, name: &Ident) -> Option<Piece> {
    let referring = records.references.iter().find(|r| r.column == *name)?;
    let engine = records.engine;
    let one = |what, called: String| {
        Piece::new(format!("(SELECT {} FROM ", column(engine, "o", what)))
            .piece(rows::from(engine, &referring.other.rows, "o"))
            .then(&format!(" WHERE {}", same(records, referring)))
            .piece(and_only(engine, "o", &referring.other.only))
            .then(&format!(") AS {called}"))
    };
    let key = one(&referring.other.key, engine.name(&referring.column));
    let display = referring.display.as_ref().map(|(what, called)| one(what, label(engine, called)));
    Some(Piece::join(once(key).chain(display), ", "))
}

/// That the column holds this row's key: text as an index has it, and letter by letter.
fn same(records: &SqlRecords, referring: &Referring) -> String {
    let (engine, other, catalog) = (records.engine, &referring.other, &records.catalog);
    let (own, key) = (column(engine, "r", &referring.column), column(engine, "o", &other.key));
    if other.kind.is_plain(engine) {
        return format!("{key} = {own}");
    }
    let collations =
        (catalog.collation(&other.rows.name, &other.key), catalog.collation(&records.rows.name, &referring.column));
    let as_key = match collations {
        (Some(of_key), Some(of_own)) if of_key != of_own => engine.collated(&own, of_key),
        _ => own.clone(),
    };
    format!("{key} = {as_key} AND {} = {}", engine.exact(&key), engine.exact(&own))
}

/// Turns the ids in a record that is written into keys, and checks in the same transaction that they are somebody's.
///
/// # Errors
/// `invalidValue` for what can be no key.
pub fn keys(records: &SqlRecords, record: &mut Value) -> Result<Vec<Statement>, Refusal> {
    let mut checks = Vec::new();
    for referring in &records.references {
        let Some(value) = record.get_mut(&referring.column.0) else { continue };
        let Some(id) = value.as_str().filter(|_| *value != referring.empty) else { continue };
        let key = key_of(referring.other.kind, id).ok_or_else(|| Refusal::new(ScimType::InvalidValue, NOBODY))?;
        *value = key.clone();
        checks.extend(none_missing(records.engine, &[&referring.other], vec![key], NOBODY));
    }
    Ok(checks)
}

/// A column of the row that is referred to, as a filter meets it.
pub(super) struct Referred<'a> {
    engine: Engine,
    own: &'a Ident,
    other: &'a Reference,
    item: Found<'a>,
}

impl<'a> Referred<'a> {
    /// What a record calls so; none where that is no reference.
    pub(super) fn found(records: &'a SqlRecords, name: &str, codec: &'a Codec, empty: &'a Empty) -> Option<Found<'a>> {
        let named = |r: &Referring| r.display.as_ref().is_some_and(|(_, called)| called == name);
        let referring = records.references.iter().find(|r| r.column.0 == name || named(r))?;
        let other = &referring.other;
        let is_key = referring.column.0 == name;
        let what = referring.display.as_ref().filter(|_| !is_key).map_or(&other.key, |(what, _)| what);
        let item = Column {
            engine: records.engine,
            sql: column(records.engine, "o", what),
            codec,
            empty,
            stored: records.catalog.column(&other.rows.name, what),
            key: is_key.then_some(other.kind),
            source: None,
        };
        let (engine, own, item) = (records.engine, &referring.column, Found::Column(item));
        Some(Found::Referred(Box::new(Self { engine, own, other, item })))
    }

    pub(super) fn present(&self) -> Pair {
        self.some(self.item.present())
    }

    pub(super) fn compare(&self, leaf: &Arc<Attribute>, op: CompareOp, literal: &Literal) -> Pair {
        self.some(self.item.compare(leaf, op, literal))
    }

    /// `r."boss_id" IN (SELECT …)`, which an index of the column serves. Behind `IS NOT TRUE` a NULL in it does no harm.
    fn some(&self, is: Pair) -> Pair {
        let (engine, other) = (self.engine, self.other);
        let (own, key) = (column(engine, "r", self.own), column(engine, "o", &other.key));
        let (own, key) =
            if other.kind.is_plain(engine) { (own, key) } else { (engine.exact(&own), engine.exact(&key)) };
        let of = |logic: Logic| match logic {
            Logic::False => Logic::False,
            logic => {
                let begin = Piece::new(format!("{own} IN (SELECT {key} FROM "));
                let begin = begin.piece(rows::from(engine, &other.rows, "o")).then(" WHERE ");
                Logic::Sql(begin.piece(logic.piece()).piece(and_only(engine, "o", &other.only)).then(")"))
            }
        };
        Pair { may: of(is.may), must: of(is.must), ..is }
    }
}
