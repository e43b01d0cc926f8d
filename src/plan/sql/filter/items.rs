//! Conditions on lists: some item is so. A list is one subselect, with all that is asked of one item on one row; a list in
//! a cell is looked for in its text.

use crate::{
    mapping::{
        codec::Codec,
        line::{DIRECT, Each, Empty, FieldSource, Slot, SlotField, Source},
        sql::{Derived, Ident, Junction, Reference, SqlRecords},
    },
    scim::{
        condition::Condition,
        schema::{Target, Type},
    },
};

use super::{
    super::{
        Piece, and_only, column, key_column,
        leaf::{Column, Found},
        logic::{Logic, Pair},
        rows, table,
    },
    Compiler, NO_COLUMN, ONE_VALUE, PLAIN, only_step,
};

/// One item of a list, as far as its sub-attributes can be named.
pub(super) type Item<'i> = dyn Fn(&str) -> Found<'i> + 'i;

impl<'a> Compiler<'a> {
    /// Whether some item of the list is so.
    pub(super) fn some_item(&self, list: &Target, is: &dyn Fn(&Item<'_>) -> Pair) -> Pair {
        let unknown = Pair::unknown("the list has no table of its own");
        let Some(line) = self.resource.line(list).filter(|l| !l.write_only) else { return unknown };
        match &line.value {
            Source::Slots(slots) => Pair::any(slots.iter().map(|slot| self.slot(slot, &line.empty, is))),
            Source::Each(each) => self.each(each, is).unwrap_or(unknown),
            Source::From { part: Some(part), .. } => match &self.records.groups {
                Some(groups) if groups.name == *part => self.some_group(groups, is),
                _ => unknown,
            },
            Source::At { .. }
            | Source::Constant(_)
            | Source::Text(_)
            | Source::Address { .. }
            | Source::From { .. } => unknown,
        }
    }

    fn slot(&self, slot: &'a Slot, empty: &'a Empty, is: &dyn Fn(&Item<'_>) -> Pair) -> Pair {
        let held = |field: &'a SlotField| self.of_selector(&field.at, &field.codec, empty);
        let item = |sub: &str| match slot.constants.iter().find(|(name, _)| name == sub) {
            Some((_, constant)) => Found::Constant(constant),
            None => slot.field(sub).map_or(Found::Absent, held),
        };
        Pair::all([Pair::any(slot.telling().map(|field| held(field).present())), is(&item)])
    }

    fn each(&self, each: &'a Each, is: &dyn Fn(&Item<'_>) -> Pair) -> Option<Pair> {
        if !each.pattern.entries.is_empty() {
            return None;
        }
        if self.records.cells.iter().any(|cell| cell.at == each.items) {
            return Some(self.in_cell(each, is));
        }
        let name = only_step(&each.items)?;
        let mut junctions = self.records.members.iter().filter(|j| j.name == name).peekable();
        if junctions.peek().is_some() {
            return Some(Pair::any(junctions.map(|junction| self.some_member(junction, each, is))));
        }
        let child = self.records.children.iter().find(|c| c.name == name)?;
        let item = |sub: &str| match each.fields.iter().find(|f| f.sub == sub).map(|f| &f.value) {
            _ if each.of.is_some() && (sub == "type" || sub == "$ref") => Found::Elsewhere(NO_COLUMN),
            Some(FieldSource::Constant(value)) => Found::Constant(value),
            Some(FieldSource::At { at, codec }) => match only_step(at) {
                Some(name) if child.columns.iter().any(|c| c.0 == name) => {
                    let sql = column(self.engine(), "c", &Ident(name.to_owned()));
                    Found::Column(Column {
                        engine: self.engine(),
                        sql,
                        codec,
                        empty: &ONE_VALUE,
                        stored: self.records.catalog.column(&child.table, &Ident(name.to_owned())),
                        key: None,
                        source: None,
                    })
                }
                _ => Found::Elsewhere(NO_COLUMN),
            },
            None => Found::Absent,
        };
        // An item without its value is none.
        let there = Pair::any(each.telling().map(|field| item(&field.sub).present()));
        let pair = Pair::all([there, is(&item)]);
        let from = Piece::new(table(self.engine(), &child.table, "c"));
        Some(self.exists(
            &from,
            &column(self.engine(), "c", &child.link),
            &and_only(self.engine(), "c", &child.only),
            pair,
        ))
    }

    /// A list in a cell: what is asked of its items stands somewhere in the text.
    fn in_cell(&self, each: &'a Each, is: &dyn Fn(&Item<'_>) -> Pair) -> Pair {
        let whole = || self.of_selector(&each.items, &PLAIN, &ONE_VALUE);
        let item = |sub: &str| match each.fields.iter().find(|f| f.sub == sub).map(|f| &f.value) {
            Some(FieldSource::Constant(value)) => Found::Constant(value),
            Some(FieldSource::At { codec: Codec::Plain, .. }) => whole(),
            Some(FieldSource::At { .. }) => Found::Elsewhere(NO_COLUMN),
            None => Found::Absent,
        };
        let there = Found::Inside(match whole() {
            Found::Inside(column) => column,
            _ => return Pair::unknown(NO_COLUMN),
        });
        Pair::all([there.present(), is(&item)])
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
                stored: self.records.catalog.column(&groups.other.rows.name, display),
                key: None,
                source: None,
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
        let from = Piece::new(table(self.engine(), junction, "j")).then(" JOIN ");
        let from = from.piece(rows::from(self.engine(), &other.rows, "o"));
        let from = from.then(&format!(" ON {key} = {}", column(self.engine(), "j", value)));
        self.exists(&from, &column(self.engine(), "j", link), &and_only(self.engine(), "o", &other.only), pair)
    }

    /// `r."id" IN (SELECT …)`: the engine searches for it where it would scan for an EXISTS. Behind `IS NOT TRUE` a NULL
    /// among the links does no harm.
    fn exists(&self, from: &Piece, link: &str, only: &Piece, pair: Pair) -> Pair {
        let key = &self.records.key;
        let key = key_column(self.engine(), "r", &key.column, key.kind);
        let of = |logic: Logic| match logic {
            Logic::False => Logic::False,
            logic => {
                let begin = Piece::new(format!("{key} IN (SELECT {link} FROM ")).piece(from.clone()).then(" WHERE ");
                Logic::Sql(begin.piece(logic.piece()).piece(only.clone()).then(")"))
            }
        };
        Pair { may: of(pair.may), must: of(pair.must), ..pair }
    }
}

/// What of an item a target names: a sub-attribute, or the plain item itself.
pub(super) fn part(target: &Target) -> Option<&str> {
    match &target.sub {
        Some(sub) => Some(&sub.name),
        None => (target.attribute.kind != Type::Complex).then_some("value"),
    }
}

/// A condition on one item.
pub(super) fn of_item(condition: &Condition, item: &Item<'_>) -> Pair {
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
        stored: records.catalog.column(&other.rows.name, &other.key),
        key: Some(other.kind),
        source: None,
    })
}
