//! A condition into a WHERE clause: what the database can decide, how exactly, and why not more.
//!
//! The clause never loses a row that fulfils the condition; where `exact` it adds none either, so that pages and totals
//! are the database's own. A list is one subselect, with all that is asked of one item on one row. An `or`
//! of which each side picks few rows is a join with the union of their keys: as an OR it is often a scan.

mod items;

use crate::{
    mapping::{
        Resource,
        cell::{self, Cell, Form},
        codec::Codec,
        line::{Empty, Line, Source},
        selector::{Selector, Step},
        sql::{Engine, Ident, SqlRecords},
    },
    scim::{
        condition::{Condition, Literal},
        filter::CompareOp,
        schema::{Target, Type},
    },
};

use self::items::{of_item, part};
use super::{
    Piece, and_only, beside, column, key_column,
    leaf::{Column, Found},
    logic::{Logic, Pair},
    referring::Referred,
    rows,
};

/// What a database is asked of a condition.
#[derive(Debug, Clone, Default)]
pub struct Pushed {
    /// The clause over the row `r`; none where every row may do.
    pub(super) clause: Option<Piece>,
    /// A join in front of it.
    pub(super) join: Option<Piece>,
    /// Whether the clause selects precisely what fulfils the condition.
    pub exact: bool,
    /// One for each conjunct of the condition, for `explain`.
    pub notes: Vec<Note>,
}

/// What became of one conjunct.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The conjunct in SCIM's words.
    pub text: String,
    /// How it is pushed.
    pub how: How,
    /// Why not exactly; empty where it is.
    pub why: &'static str,
    /// Whether it is a union of what each side of an `or` finds.
    pub united: bool,
}

/// How a conjunct is pushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// The database selects precisely its rows.
    Exact,
    /// The database selects more; the rest is ours.
    Wider,
    /// All of it is ours.
    Residual,
}

impl Pushed {
    /// Every record.
    #[must_use]
    pub fn everything() -> Self {
        Self { exact: true, ..Self::default() }
    }
}

/// Translates a condition.
#[must_use]
pub fn push(condition: &Condition, resource: &Resource, records: &SqlRecords) -> Pushed {
    let compiler = Compiler { resource, records };
    let mut clauses = Vec::new();
    let mut notes = Vec::new();
    let pairs: Vec<(&Condition, Pair)> = condition.conjuncts().into_iter().map(|c| (c, compiler.pair(c))).collect();
    let told = pairs.iter().any(|(c, pair)| pair.few && !matches!(c, Condition::Or(_)));
    let mut join = None;
    for (conjunct, pair) in pairs {
        let how = match &pair.may {
            _ if pair.is_exact() => How::Exact,
            Logic::True => How::Residual,
            _ => How::Wider,
        };
        let sides = match conjunct {
            Condition::Or(sides) if !told && join.is_none() && pair.few => Some(sides),
            _ => None,
        };
        let union = sides.and_then(|sides| compiler.union(sides));
        let united = union.is_some();
        if !united {
            clauses.push(pair.may);
        }
        join = join.or(union);
        let why = if how == How::Exact { "" } else { pair.why };
        notes.push(Note { text: conjunct.to_string(), how, why, united });
    }
    let exact = notes.iter().all(|note| note.how == How::Exact);
    let clause = match Logic::all(clauses) {
        Logic::True => None,
        clause => Some(clause.piece()),
    };
    Pushed { clause, join, exact, notes }
}

/// What a single attribute is in the database.
pub(super) fn single<'a>(target: &Target, resource: &'a Resource, records: &'a SqlRecords) -> Found<'a> {
    if target.attribute.multi_valued {
        return Found::Elsewhere("it is a list");
    }
    Compiler { resource, records }.single(target)
}

const NO_COLUMN: &str = "no column holds it";
const ONE_VALUE: Empty = Empty::Null;
const PLAIN: Codec = Codec::Plain;

struct Compiler<'a> {
    resource: &'a Resource,
    records: &'a SqlRecords,
}

impl<'a> Compiler<'a> {
    fn engine(&self) -> Engine {
        self.records.engine
    }

    fn pair(&self, condition: &Condition) -> Pair {
        match condition {
            Condition::And(parts) => Pair::all(parts.iter().map(|p| self.pair(p))),
            Condition::Or(parts) => Pair::any(parts.iter().map(|p| self.pair(p))),
            Condition::Not(inner) => self.pair(inner).not(),
            Condition::Always => Pair::exact(Logic::True),
            Condition::Never => Pair::exact(Logic::False),
            Condition::Present(target) => self.present(target),
            Condition::Compare { target, op, value } => self.compare(target, *op, value),
            Condition::Item { list, condition } => self.some_item(list, &|item| of_item(condition, item)),
        }
    }

    /// ` JOIN` with the keys of the rows that each of these finds, in a scope of its own, where `r` is another `r`; none
    /// where there are no two. A text is there twice: as an index has it, and byte by byte, so that no two keys become one.
    fn union(&self, sides: &[Condition]) -> Option<Piece> {
        let (engine, key) = (self.engine(), &self.records.key);
        let compared = key_column(engine, "r", &key.column, key.kind);
        let own = column(engine, "r", &key.column);
        let (keys, on) = match key.kind {
            kind if kind.is_plain(engine) => (format!("{own} AS k"), format!("h.k = {own}")),
            _ => (format!("{own} AS c, {compared} AS k"), format!("h.c = {own} AND h.k = {compared}")),
        };
        let begin = Piece::new(format!("SELECT {keys} FROM "));
        let begin = begin.piece(rows::from(engine, &self.records.rows, "r")).then(" WHERE ");
        let only = and_only(engine, "r", &self.records.only);
        let found = sides.iter().map(|side| self.pair(side).may).filter(|may| *may != Logic::False);
        let selects: Vec<Piece> = found.map(|may| begin.clone().piece(may.piece()).piece(only.clone())).collect();
        (selects.len() > 1)
            .then(|| Piece::new(" JOIN (").piece(Piece::join(selects, " UNION ")).then(&format!(") AS h ON {on}")))
    }

    fn present(&self, target: &Target) -> Pair {
        let sub = target.sub.as_ref().map(|s| s.name.as_str());
        if target.attribute.multi_valued {
            return self.some_item(target, &|item| sub.map_or_else(|| Pair::exact(Logic::True), |s| item(s).present()));
        }
        if target.attribute.kind != Type::Complex || sub.is_some() {
            return self.single(target).present();
        }
        // A complex value is there when one of its sub-attributes is; an address is where what it is made of is.
        let of_target = |line: &&Line| {
            !matches!(line.value, Source::Address { .. })
                && line.target.extension == target.extension
                && line.target.attribute.name == target.attribute.name
        };
        let lines: Vec<&Line> = self.resource.lines.iter().filter(of_target).collect();
        if lines.is_empty() {
            return Pair::unknown(NO_COLUMN);
        }
        Pair::any(lines.into_iter().map(|line| self.of_line(line).present()))
    }

    fn compare(&self, target: &Target, op: CompareOp, literal: &Literal) -> Pair {
        if !target.attribute.multi_valued {
            return self.single(target).compare(target.leaf(), op, literal);
        }
        let (Some(name), leaf) = (part(target), target.leaf()) else { return Pair::unknown(NO_COLUMN) };
        let some = |op: CompareOp| {
            self.some_item(target, &|item| {
                let found = item(name);
                Pair::all([found.present(), found.compare(leaf, op, literal)])
            })
        };
        if op == CompareOp::NotEqual {
            Pair::any([some(op), self.present(target).not()])
        } else {
            self.some_item(target, &|item| item(name).compare(leaf, op, literal))
        }
    }

    /// What a single attribute is.
    fn single(&self, target: &Target) -> Found<'a> {
        if target.extension.is_none() && target.attribute.name == "id" {
            return self.of_selector(&self.resource.id.at, &self.resource.id.codec, &ONE_VALUE);
        }
        self.resource.line(target).map_or(Found::Elsewhere(NO_COLUMN), |line| self.of_line(line))
    }

    fn of_line(&self, line: &'a Line) -> Found<'a> {
        match &line.value {
            _ if line.write_only => Found::Elsewhere(NO_COLUMN),
            Source::At { at, codec } => self.of_selector(at, codec, &line.empty),
            Source::Constant(value) => Found::Constant(value),
            Source::Text(_) => Found::Elsewhere("it is made of several columns"),
            Source::Each(_) | Source::Slots(_) | Source::Address { .. } | Source::From { .. } => {
                Found::Elsewhere(NO_COLUMN)
            }
        }
    }

    fn of_selector(&self, at: &Selector, codec: &'a Codec, empty: &'a Empty) -> Found<'a> {
        match self.records.cells.iter().find(|cell| cell::holds(cell, at)) {
            Some(cell) => self.of_cell(cell, at, codec, empty),
            None => self.of_place(at, codec, empty),
        }
    }

    /// A member of what a cell holds, or the cell itself with all its values.
    fn of_cell(&self, cell: &Cell, at: &Selector, codec: &'a Codec, empty: &'a Empty) -> Found<'a> {
        let Found::Column(whole) = self.of_place(&cell.at, codec, empty) else { return Found::Elsewhere(NO_COLUMN) };
        let (Form::Json(members), Some(path)) = (&cell.form, cell::member(cell, at)) else {
            return Found::Inside(whole);
        };
        let this = |(known, _): &&(Vec<String>, Type)| {
            known.len() == path.len() && known.iter().zip(path).all(|(k, p)| matches!(p, Step::Key(p) if p == k))
        };
        let member = members.iter().find(this).and_then(|(path, kind)| self.engine().member(&whole.sql, path, *kind));
        match member {
            Some(sql) => Found::Column(Column { sql, stored: None, source: None, ..whole }),
            None => Found::Elsewhere("a number in JSON may have more digits than the database compares"),
        }
    }

    /// A column, of the base table or of one beside it.
    fn of_place(&self, at: &Selector, codec: &'a Codec, empty: &'a Empty) -> Found<'a> {
        let key = &self.records.key;
        let referred = only_step(at).and_then(|name| Referred::found(self.records, name, codec, empty));
        if let Some(found) = referred {
            return found;
        }
        let name = match at.steps().unwrap_or_default() {
            [Step::Key(name)] => name.as_str(),
            [Step::Key(table), Step::Key(part)] => return self.of_beside(table, part, codec, empty),
            _ => return Found::Elsewhere(NO_COLUMN),
        };
        if let (Some(beside), Codec::Given(when)) = (self.records.beside(name), codec) {
            let there = format!("EXISTS (SELECT 1{})", beside::of_base(self.records, beside, None));
            return Found::Row { there: Logic::sql(there), when: *when };
        }
        let kind = (key.column.0 == name).then_some(key.kind);
        if kind.is_none() && !self.records.columns.iter().any(|c| c.0 == name) {
            return Found::Elsewhere(NO_COLUMN);
        }
        Found::Column(Column {
            engine: self.engine(),
            sql: column(self.engine(), "r", &Ident(name.to_owned())),
            codec,
            empty,
            stored: self.records.catalog.column(&self.records.rows.name, &Ident(name.to_owned())),
            key: kind,
            source: None,
        })
    }

    fn of_beside(&self, table: &str, part: &str, codec: &'a Codec, empty: &'a Empty) -> Found<'a> {
        let Some(beside) = self.records.beside(table) else { return Found::Elsewhere(NO_COLUMN) };
        let Some((name, one)) = beside::cell(beside, part) else { return Found::Elsewhere(NO_COLUMN) };
        let sql = beside::scalar(self.records, beside, name, one);
        Found::Column(Column {
            engine: self.engine(),
            sql,
            codec,
            empty,
            stored: self.records.catalog.column(&beside.table, name),
            key: None,
            source: Some(beside::source(self.records, beside, name, one)),
        })
    }
}

/// The key of a path of one key: a column, or a list.
pub(super) fn only_step(at: &Selector) -> Option<&str> {
    match at.steps()? {
        [Step::Key(key)] => Some(key),
        _ => None,
    }
}
