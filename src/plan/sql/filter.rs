//! A condition into a WHERE clause: what the database can decide, how exactly, and why not more.
//!
//! The clause never loses a row that fulfils the condition; where `exact` it adds none either, so that pages and totals
//! are the database's own. A list is one subselect, with all that is asked of one item on one row. An `or`
//! of which each side picks few rows is a join with the union of their keys: as an OR it is often a scan.

use crate::{
    mapping::{
        Resource,
        codec::Codec,
        line::{DIRECT, Each, Empty, FieldSource, Line, Slot, Source},
        selector::{Selector, Step},
        sql::{Derived, Engine, Ident, Junction, KeyKind, Reference, SqlRecords},
    },
    plan::call::Bind,
    scim::{
        condition::{Condition, Literal},
        filter::CompareOp,
        schema::{Target, Type},
    },
};

use super::{
    Piece, and_only, column, key_column,
    leaf::{Column, Found},
    logic::{Logic, Pair},
    table,
};

/// What a database is asked of a condition.
#[derive(Debug, Clone, Default)]
pub struct Pushed {
    /// The clause over the row `r`; none where every row may do.
    pub sql: Option<String>,
    /// Its values.
    pub binds: Vec<Bind>,
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
    let (sql, binds) = clause.map_or((None, Vec::new()), |Piece { text, binds }| (Some(text), binds));
    Pushed { sql, binds, join, exact, notes }
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

/// One item of a list, as far as its sub-attributes can be named.
type Item<'i> = dyn Fn(&str) -> Found<'i> + 'i;

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
            KeyKind::Integer => (format!("{own} AS k"), format!("h.k = {own}")),
            KeyKind::Text => (format!("{own} AS c, {compared} AS k"), format!("h.c = {own} AND h.k = {compared}")),
        };
        let begin = format!("SELECT {keys} FROM {} WHERE ", table(engine, &self.records.table, "r"));
        let only = and_only(engine, "r", &self.records.only);
        let found = sides.iter().map(|side| self.pair(side).may).filter(|may| *may != Logic::False);
        let selects: Vec<Piece> =
            found.map(|may| Piece::new(begin.clone()).piece(may.piece()).piece(only.clone())).collect();
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
        // A complex value is there when one of its sub-attributes is.
        let of_target = |line: &&Line| {
            line.target.extension == target.extension && line.target.attribute.name == target.attribute.name
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
            Source::Each(_) | Source::Slots(_) | Source::From { .. } => Found::Elsewhere(NO_COLUMN),
        }
    }

    fn of_selector(&self, at: &Selector, codec: &'a Codec, empty: &'a Empty) -> Found<'a> {
        let key = &self.records.key;
        let Some(name) = only_step(at) else { return Found::Elsewhere(NO_COLUMN) };
        let kind = (key.column.0 == name).then_some(key.kind);
        if kind.is_none() && !self.records.columns.iter().any(|c| c.0 == name) {
            return Found::Elsewhere(NO_COLUMN);
        }
        Found::Column(Column {
            engine: self.engine(),
            sql: column(self.engine(), "r", &Ident(name.to_owned())),
            codec,
            empty,
            stored: self.records.catalog.column(&self.records.table, &Ident(name.to_owned())),
            key: kind,
        })
    }

    /// Whether some item of the list is so.
    fn some_item(&self, list: &Target, is: &dyn Fn(&Item<'_>) -> Pair) -> Pair {
        let unknown = Pair::unknown("the list has no table of its own");
        let Some(line) = self.resource.line(list).filter(|l| !l.write_only) else { return unknown };
        match &line.value {
            Source::Slots(slots) => Pair::any(slots.iter().map(|slot| self.slot(slot, &line.empty, is))),
            Source::Each(each) => self.each(each, is).unwrap_or(unknown),
            Source::From { part: Some(part), .. } => match &self.records.groups {
                Some(groups) if groups.name == *part => self.some_group(groups, is),
                _ => unknown,
            },
            Source::At { .. } | Source::Constant(_) | Source::Text(_) | Source::From { .. } => unknown,
        }
    }

    fn slot(&self, slot: &'a Slot, empty: &'a Empty, is: &dyn Fn(&Item<'_>) -> Pair) -> Pair {
        let value = || self.of_selector(&slot.at, &slot.codec, empty);
        let item = |sub: &str| match slot.constants.iter().find(|(name, _)| name == sub) {
            Some((_, constant)) => Found::Constant(constant),
            None if slot.sub == sub => value(),
            None => Found::Absent,
        };
        Pair::all([value().present(), is(&item)])
    }

    fn each(&self, each: &'a Each, is: &dyn Fn(&Item<'_>) -> Pair) -> Option<Pair> {
        let name = only_step(&each.items)?;
        if !each.pattern.entries.is_empty() {
            return None;
        }
        if let Some(junction) = self.records.members.as_ref().filter(|j| j.name == name) {
            return Some(self.some_member(junction, each, is));
        }
        let child = self.records.children.iter().find(|c| c.name == name)?;
        let item = |sub: &str| match each.fields.iter().find(|f| f.sub == sub).map(|f| &f.value) {
            _ if each.of.is_some() && (sub == "type" || sub == "$ref") => Found::Elsewhere(NO_COLUMN),
            Some(FieldSource::Constant(value)) => Found::Constant(value),
            Some(FieldSource::At { at, codec }) => match only_step(at) {
                Some(name) if child.columns.iter().any(|c| c.0 == name) => {
                    let sql = column(self.engine(), "c", &Ident(name.to_owned()));
                    let stored = self.records.catalog.column(&child.table, &Ident(name.to_owned()));
                    Found::Column(Column { engine: self.engine(), sql, codec, empty: &ONE_VALUE, stored, key: None })
                }
                _ => Found::Elsewhere(NO_COLUMN),
            },
            None => Found::Absent,
        };
        // An item without its value is none.
        let there = Pair::any(each.telling().map(|field| item(&field.sub).present()));
        let pair = Pair::all([there, is(&item)]);
        let from = table(self.engine(), &child.table, "c");
        Some(self.exists(
            &from,
            &column(self.engine(), "c", &child.link),
            &and_only(self.engine(), "c", &child.only),
            pair,
        ))
    }

    fn some_member(&self, junction: &'a Junction, each: &'a Each, is: &dyn Fn(&Item<'_>) -> Pair) -> Pair {
        let item = |sub: &str| match each.fields.iter().find(|f| f.sub == sub).map(|f| &f.value) {
            Some(FieldSource::At { codec: Codec::Plain, .. }) if sub == "value" => {
                of_key(self.records, &junction.member)
            }
            None if sub != "type" && sub != "$ref" => Found::Absent,
            _ => Found::Elsewhere(NO_COLUMN),
        };
        let pair = is(&item);
        self.related(&junction.table, &junction.link, &junction.value, &junction.member, pair)
    }

    fn some_group(&self, groups: &'a Derived, is: &dyn Fn(&Item<'_>) -> Pair) -> Pair {
        let item = |sub: &str| match (sub, &groups.display) {
            ("value", _) => of_key(self.records, &groups.other),
            ("display", Some(display)) => Found::Column(Column {
                engine: self.engine(),
                sql: column(self.engine(), "o", display),
                codec: &PLAIN,
                empty: &ONE_VALUE,
                stored: self.records.catalog.column(&groups.other.table, display),
                key: None,
            }),
            ("type", _) => Found::Constant(&DIRECT),
            ("$ref", _) => Found::Elsewhere(NO_COLUMN),
            _ => Found::Absent,
        };
        let pair = is(&item);
        self.related(&groups.table, &groups.link, &groups.value, &groups.other, pair)
    }

    fn related(&self, junction: &Ident, link: &Ident, value: &Ident, other: &Reference, pair: Pair) -> Pair {
        let key = key_column(self.engine(), "o", &other.key, other.kind);
        let (from, other_table) = (table(self.engine(), junction, "j"), table(self.engine(), &other.table, "o"));
        let from = format!("{from} JOIN {other_table} ON {key} = {}", column(self.engine(), "j", value));
        self.exists(&from, &column(self.engine(), "j", link), &and_only(self.engine(), "o", &other.only), pair)
    }

    /// `r."id" IN (SELECT …)`: the engine searches for it where it would scan for an EXISTS. Behind `IS NOT TRUE` a NULL
    /// among the links does no harm.
    fn exists(&self, from: &str, link: &str, only: &Piece, pair: Pair) -> Pair {
        let key = &self.records.key;
        let key = key_column(self.engine(), "r", &key.column, key.kind);
        let of = |logic: Logic| match logic {
            Logic::False => Logic::False,
            logic => {
                let begin = Piece::new(format!("{key} IN (SELECT {link} FROM {from} WHERE "));
                Logic::Sql(begin.piece(logic.piece()).piece(only.clone()).then(")"))
            }
        };
        Pair { may: of(pair.may), must: of(pair.must), ..pair }
    }
}

/// What of an item a target names: a sub-attribute, or the plain item itself.
fn part(target: &Target) -> Option<&str> {
    match &target.sub {
        Some(sub) => Some(&sub.name),
        None => (target.attribute.kind != Type::Complex).then_some("value"),
    }
}

/// A condition on one item.
fn of_item(condition: &Condition, item: &Item<'_>) -> Pair {
    let missing = || Pair::unknown(NO_COLUMN);
    match condition {
        Condition::And(parts) => Pair::all(parts.iter().map(|p| of_item(p, item))),
        Condition::Or(parts) => Pair::any(parts.iter().map(|p| of_item(p, item))),
        Condition::Not(inner) => of_item(inner, item).not(),
        Condition::Always => Pair::exact(Logic::True),
        Condition::Never => Pair::exact(Logic::False),
        Condition::Present(target) => part(target).map_or_else(missing, |name| item(name).present()),
        Condition::Compare { target, op, value } => {
            part(target).map_or_else(missing, |name| item(name).compare(target.leaf(), *op, value))
        }
        Condition::Item { .. } => missing(),
    }
}

fn of_key<'a>(records: &'a SqlRecords, other: &Reference) -> Found<'a> {
    Found::Column(Column {
        engine: records.engine,
        sql: column(records.engine, "o", &other.key),
        codec: &PLAIN,
        empty: &ONE_VALUE,
        stored: records.catalog.column(&other.table, &other.key),
        key: Some(other.kind),
    })
}

/// The key of a path of one key: a column, or a list.
pub(super) fn only_step(at: &Selector) -> Option<&str> {
    match at.steps()? {
        [Step::Key(key)] => Some(key),
        _ => None,
    }
}
