//! An order into SQL, where the database gives precisely that of [`crate::scim::sort`]; else why not. What is sorted by is
//! one term that is NULL where the line reads no value, so an order is three terms: whether there is one, it, and the key.
//!
//! A page behind another is found by what its last row was sorted by, not by counting: who comes and goes moves nobody.

use std::cmp::Ordering;

use serde_json::{Map, Value};

use crate::{
    mapping::{
        Resource,
        codec::Codec,
        sql::{Engine, KeyKind, SqlRecords},
        time::TimeForm,
    },
    plan::call::Bind,
    scim::{
        fold::compare_fold,
        schema::{Attribute, Type},
        sort::{Key, Sort},
    },
};

use super::{
    Piece, bound_key, filter,
    filter::only_step,
    key_column,
    leaf::{Column, Found},
    logic::Logic,
};

/// What SQLite calls the order of folded texts. It knows it from us, for as long as a connection of ours is open; nothing
/// in the database is ever written by it.
pub const COLLATION: &str = "scim";

/// That order.
#[must_use]
pub fn compare(a: &str, b: &str) -> Ordering {
    compare_fold(a, b)
}

/// What the sorted term is called in the rows of a walk; no column has such a name.
const BY: &str = "@by";

/// The place behind a row of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct After {
    /// The row's key.
    pub key: Value,
    /// What it is sorted by; null where it has no value, or nothing is sorted by.
    pub by: Value,
}

impl After {
    /// The place behind this row.
    #[must_use]
    pub fn row(records: &SqlRecords, row: &Value) -> Option<Self> {
        let key = row.get(&records.key.column.0)?.clone();
        Some(Self { key, by: row.get(BY).cloned().unwrap_or_default() })
    }

    /// As it stands in a cursor.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut object = Map::new();
        object.insert("key".to_owned(), self.key.clone());
        object.insert("by".to_owned(), self.by.clone());
        Value::Object(object)
    }

    /// Reads it back.
    #[must_use]
    pub fn from_json(value: &Value) -> Option<Self> {
        Some(Self { key: value.get("key")?.clone(), by: value.get("by")?.clone() })
    }
}

/// An order that a database gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    engine: Engine,
    key: String,
    /// None where the key itself is sorted by.
    by: Option<Term>,
    descending: bool,
}

/// What is sorted by.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Term {
    /// As it is compared.
    compared: String,
    /// As it is read, where that is another form of it.
    read: String,
}

impl Order {
    /// By key alone.
    #[must_use]
    pub fn by_key(records: &SqlRecords) -> Self {
        let engine = records.engine;
        let key = key_column(engine, "r", &records.key.column, records.key.kind);
        Self { engine, key, by: None, descending: false }
    }

    /// The order that is asked for.
    ///
    /// # Errors
    /// Why the database cannot give it.
    pub fn of(sort: &Sort, resource: &Resource, records: &SqlRecords) -> Result<Self, &'static str> {
        let id = &resource.id;
        if !matches!(id.codec, Codec::Plain) || only_step(&id.at) != Some(&records.key.column.0) {
            return Err("ids are not written as the table's keys are");
        }
        let by = match sort.is_by_id() {
            true => None,
            false => match filter::single(sort.target(), resource, records) {
                Found::Column(column) => Some(column.sorted(sort)?),
                Found::Elsewhere(why) => return Err(why),
                Found::Referred(_) => return Err("it is another row's"),
                Found::Row { .. } => return Err("it is whether there is a row"),
                Found::Constant(_) | Found::Absent | Found::Inside(_) => return Err("no column holds it"),
            },
        };
        let ordered = Self { by, descending: sort.descending(), ..Self::by_key(records) };
        // MariaDB has an order of its own for what is a UUID, by its last digits first
        if records.engine == Engine::MariaDb && records.key.kind == KeyKind::Uuid {
            let key = key_column(records.engine, "r", &records.key.column, KeyKind::Text);
            return Ok(Self { key, ..ordered });
        }
        Ok(ordered)
    }

    /// What a walk reads besides, to go on from.
    pub(super) fn read(&self) -> Option<String> {
        let term = self.by.as_ref()?;
        Some(format!("{} AS {}", term.read, self.engine.name(&crate::mapping::sql::Ident(BY.to_owned()))))
    }

    /// ` ORDER BY …`. Ids ascend in either direction, unless it is they that are sorted by.
    pub(super) fn clause(&self) -> String {
        let turned = if self.descending { " DESC" } else { "" };
        match &self.by {
            None => format!(" ORDER BY {}{turned}", self.key),
            Some(Term { compared, .. }) => {
                format!(" ORDER BY {compared} IS NULL{turned}, {compared}{turned}, {}", self.key)
            }
        }
    }

    /// What stands behind this place.
    pub(super) fn behind(&self, after: &After) -> Piece {
        let turned = if self.descending { "<" } else { ">" };
        let Some(Term { compared, .. }) = &self.by else {
            return Piece::new(format!("{} {turned} ", self.key)).piece(bound_key(self.engine, &after.key));
        };
        // with all its digits
        let bind = |value: &Value| match (self.engine, value) {
            (Engine::Postgres, Value::Number(number)) => Bind::Text(number.to_string()),
            _ => self.engine.value(value),
        };
        let tie =
            |text: String| Piece::new(format!("{text} AND {} > ", self.key)).piece(bound_key(self.engine, &after.key));
        if after.by.is_null() {
            let tie = tie(format!("{compared} IS NULL"));
            return match self.descending {
                true => Piece::new("(").piece(tie).then(&format!(" OR {compared} IS NOT NULL)")),
                false => tie,
            };
        }
        let piece = Piece::new(format!("({compared} {turned} ")).bind(bind(&after.by));
        let piece = piece.then(&format!(" OR {compared} = ")).bind(bind(&after.by)).piece(tie(String::new()));
        match self.descending {
            true => piece.then(")"),
            false => piece.then(&format!(" OR {compared} IS NULL)")),
        }
    }
}

impl Column<'_> {
    /// A term that sorts as the values that the line reads.
    fn sorted(&self, sort: &Sort) -> Result<Term, &'static str> {
        let leaf = sort.target().leaf();
        match (self.codec, leaf.kind) {
            (Codec::Values { pairs, or_else }, _) => Ok(self.ranked(pairs, or_else.as_ref(), sort)),
            (Codec::Given(when), _) => {
                Ok(same(cases(&[(self.given(), Some(usize::from(*when)))], Some(usize::from(!*when)))))
            }
            (Codec::Plain, Type::Boolean) => {
                let is = |truth: bool| Logic::all([Logic::sql(self.truth(truth)), self.not_the_empty()]);
                Ok(same(cases(&[(is(false), Some(0)), (is(true), Some(1))], None)))
            }
            (Codec::Plain, Type::Integer | Type::Decimal) | (Codec::Time(TimeForm::Unix), _)
                if !self.sorts_numbers() =>
            {
                Err("the column does not hold numbers that the database sorts as we do")
            }
            (Codec::Plain, Type::Integer | Type::Decimal) | (Codec::Time(TimeForm::Unix), _) => {
                Ok(same(when(self.present(), &self.engine.number(&self.sql))))
            }
            (Codec::Time(_), _) | (Codec::Plain, Type::DateTime) => Err("a time is written in more than one way"),
            (Codec::Around { suffix, .. }, _) if !suffix.is_empty() => Err("the column holds more than the value"),
            (Codec::Plain | Codec::Around { .. }, Type::String | Type::Reference) => self.sorted_text(leaf),
            _ => Err("it has no order"),
        }
    }

    fn sorted_text(&self, leaf: &Attribute) -> Result<Term, &'static str> {
        if !self.prints_alike() {
            return Err("the database prints the column in another way");
        }
        let text = when(self.present(), &self.engine.text(&self.sql));
        if leaf.case_exact {
            return Ok(Term { read: self.engine.readable(&text), compared: text });
        }
        let of = |text: &str| when(self.present(), text);
        match self.engine {
            Engine::Sqlite => Ok(Term { compared: format!("{text} COLLATE {COLLATION}"), read: text }),
            Engine::MariaDb => {
                let compared = of(&self.engine.folded_order(&self.sql));
                Ok(Term { read: self.engine.readable(&compared), compared })
            }
            Engine::Postgres => Err("the database sorts letters by another rule"),
        }
    }

    /// `values`: their places in the order, as there are few of them.
    fn ranked(&self, pairs: &[(Value, Vec<Value>)], or_else: Option<&Value>, sort: &Sort) -> Term {
        let mut keys: Vec<Key> =
            pairs.iter().map(|(scim, _)| scim).chain(or_else).filter_map(|v| sort.read_key(v)).collect();
        keys.sort_by(Key::compare);
        keys.dedup_by(|a, b| a.compare(b).is_eq());
        let rank = |scim: &Value| {
            let key = sort.read_key(scim)?;
            keys.iter().position(|k| k.compare(&key).is_eq())
        };
        let ranks: Vec<(Logic, Option<usize>)> =
            pairs.iter().map(|(scim, app)| (self.among(&self.meant(app)), rank(scim))).collect();
        same(cases(&ranks, or_else.and_then(rank)))
    }
}

fn same(text: String) -> Term {
    Term { read: text.clone(), compared: text }
}

/// The text where the condition holds, else NULL.
fn when(condition: Logic, text: &str) -> String {
    match condition {
        Logic::True => text.to_owned(),
        condition => format!("CASE WHEN {} THEN {text} END", condition.piece().text),
    }
}

/// A number for the first condition that holds.
fn cases(of: &[(Logic, Option<usize>)], others: Option<usize>) -> String {
    let number = |n: Option<usize>| n.map_or_else(|| "NULL".to_owned(), |n| n.to_string());
    let whens: String = of
        .iter()
        .filter(|(condition, _)| *condition != Logic::False)
        .map(|(condition, n)| format!(" WHEN {} THEN {}", condition.clone().piece().text, number(*n)))
        .collect();
    if whens.is_empty() { number(others) } else { format!("CASE{whens} ELSE {} END", number(others)) }
}
