//! One comparison with one column, through the line's codec. Nothing here knows where the column stands.
//!
//! The meaning is that of [`crate::scim::evaluate`] on what the line reads: empty text and the line's `empty` are no
//! value; letter case goes by [`crate::scim::fold`], which an ASCII-only `lower` meets for every variant of a literal.

use serde_json::Value;

use crate::{
    mapping::{
        catalog::Stored,
        codec::Codec,
        line::Empty,
        pattern::same,
        sql::{Engine, KeyKind},
        time::TimeForm,
    },
    plan::call::Bind,
    scim::{
        condition::{Condition, Literal},
        evaluate::evaluate_item,
        filter::CompareOp,
        schema::{Attribute, Target, Type},
    },
};

use super::{
    Piece,
    beside::Source,
    bound_key, key_of,
    logic::{Logic, Pair},
    referring::Referred,
};

/// What an attribute is, as far as the database knows.
pub(super) enum Found<'a> {
    Column(Column<'a>),
    /// The same for every row.
    Constant(&'a Value),
    /// A row of another table that is there or not, and what it means if it is.
    Row {
        there: Logic,
        when: bool,
    },
    /// One of the values that a cell holds together, somewhere in its text.
    Inside(Column<'a>),
    /// A column of the row that a column names.
    Referred(Box<Referred<'a>>),
    /// No row has it.
    Absent,
    /// Only the resource, once read, has it.
    Elsewhere(&'static str),
}

/// A column and how a line reads it.
pub(super) struct Column<'a> {
    pub(super) engine: Engine,
    /// Qualified and quoted.
    pub(super) sql: String,
    pub(super) codec: &'a Codec,
    pub(super) empty: &'a Empty,
    /// What the database says it holds.
    pub(super) stored: Option<&'a Stored>,
    /// For a key, which has always a value.
    pub(super) key: Option<KeyKind>,
    /// Where the column is one of another table: that table's rows.
    pub(super) source: Option<Source>,
}

impl Found<'_> {
    pub(super) fn present(&self) -> Pair {
        match self {
            Self::Column(column) => Pair::exact(column.present()),
            Self::Constant(value) => Pair::exact(decided(assigned(value))),
            Self::Row { .. } => Pair::exact(Logic::True),
            Self::Inside(column) => Pair::wider(column.given(), INSIDE),
            Self::Referred(referred) => referred.present(),
            Self::Absent => Pair::exact(Logic::False),
            Self::Elsewhere(why) => Pair::unknown(why),
        }
    }

    /// Without value every comparison is false, but `ne`, which is the negation of `eq`.
    pub(super) fn compare(&self, leaf: &std::sync::Arc<Attribute>, op: CompareOp, literal: &Literal) -> Pair {
        if op == CompareOp::NotEqual {
            return self.compare(leaf, CompareOp::Equal, literal).not();
        }
        let holds = |value: &Value| {
            let target = Target { extension: None, attribute: leaf.clone(), sub: None };
            evaluate_item(&Condition::Compare { target, op, value: literal.clone() }, value)
        };
        match self {
            Self::Column(column) => {
                let pair = column.searched(
                    column.compare(leaf, op, literal, &holds),
                    |c| c.compare(leaf, op, literal, &holds),
                    op,
                );
                Pair { few: pair.few || pair.is_exact() && column.tells(op, literal), ..pair }
            }
            Self::Inside(column) => match (op, literal) {
                (
                    CompareOp::Equal | CompareOp::StartsWith | CompareOp::EndsWith | CompareOp::Contains,
                    Literal::Text(text),
                ) => Pair::wider(column.text(leaf, CompareOp::Contains, text).may, INSIDE),
                _ => Pair::wider(column.given(), INSIDE),
            },
            Self::Row { there, when } => {
                let of = |is: bool, logic: Logic| if holds(&Value::Bool(is)) { logic } else { Logic::False };
                Pair::exact(Logic::any([of(*when, there.clone()), of(!*when, there.clone().not())]))
            }
            Self::Constant(value) => Pair::exact(decided(holds(value))),
            Self::Referred(referred) => referred.compare(leaf, op, literal),
            Self::Absent => Pair::exact(Logic::False),
            Self::Elsewhere(why) => Pair::unknown(why),
        }
    }
}

const INSIDE: &str = "the cell holds several values";

fn decided(holds: bool) -> Logic {
    if holds { Logic::True } else { Logic::False }
}

fn assigned(value: &Value) -> bool {
    !value.is_null() && value.as_str() != Some("")
}

impl Column<'_> {
    /// Neither NULL nor empty text nor what the line calls empty.
    pub(super) fn given(&self) -> Logic {
        Logic::all([self.not_empty_text(), self.not_the_empty()])
    }

    fn not_empty_text(&self) -> Logic {
        match self.stored {
            None | Some(Stored::Text { .. } | Stored::Word | Stored::Json) => {
                Logic::sql(format!("{} <> ''", self.engine.exact(&self.sql)))
            }
            // `0000-00-00` is none
            Some(Stored::Instant { .. } | Stored::Date) if self.engine == Engine::MariaDb => {
                Logic::sql(format!("year({}) > 0", self.sql))
            }
            Some(_) => Logic::sql(format!("{} IS NOT NULL", self.sql)),
        }
    }

    pub(super) fn not_the_empty(&self) -> Logic {
        match self.empty {
            Empty::Is(value) if assigned(value) => {
                let (column, literals) = self.words(&[value]);
                match literals.as_slice() {
                    [] => Logic::True,
                    literals => Logic::sql(format!("{column} <> {}", literals.join(" "))),
                }
            }
            _ => Logic::True,
        }
    }

    /// With a search in front that an index of the other table can serve. Only where no row means no match.
    fn searched(&self, pair: Pair, again: impl Fn(&Column<'_>) -> Pair, op: CompareOp) -> Pair {
        let needs_row = match self.codec {
            Codec::Plain | Codec::Around { .. } | Codec::Time(_) => true,
            Codec::Values { pairs, or_else } => {
                or_else.is_none() && !pairs.iter().any(|(_, app)| app.iter().any(Value::is_null))
            }
            _ => false,
        };
        let Some(source) =
            self.source.as_ref().filter(|_| needs_row && matches!(op, CompareOp::Equal | CompareOp::StartsWith))
        else {
            return pair;
        };
        let row = Column { sql: source.column.clone(), source: None, ..*self };
        let Logic::Sql(such) = again(&row).may else { return pair };
        let found = Logic::Sql(source.some(such));
        Pair { may: Logic::all([found.clone(), pair.may]), must: Logic::all([found, pair.must]), ..pair }
    }

    fn is_empty(&self, value: &Value) -> bool {
        !assigned(value) || matches!(self.empty, Empty::Is(empty) if same(empty, value))
    }

    pub(super) fn present(&self) -> Logic {
        match self.codec {
            _ if self.key.is_some() => Logic::True,
            Codec::Given(_) => Logic::True,
            Codec::Values { pairs, or_else } => {
                let null = pairs.iter().any(|(_, app)| app.iter().any(Value::is_null));
                if null || or_else.is_some() { Logic::True } else { self.given() }
            }
            Codec::Around { prefix, suffix } => {
                let bare = self.engine.literal(&Value::String(format!("{prefix}{suffix}")));
                Logic::all([self.given(), Logic::sql(format!("{} <> {bare}", self.engine.exact(&self.sql)))])
            }
            Codec::Plain | Codec::Time(_) => self.given(),
            Codec::Hash(_) => Logic::False,
            Codec::Number(_) | Codec::Holds(..) | Codec::Part(_) => Logic::True,
        }
    }

    /// Whether such a comparison picks few rows out of many.
    fn tells(&self, op: CompareOp, literal: &Literal) -> bool {
        let few = matches!(self.codec, Codec::Plain | Codec::Around { .. } | Codec::Time(_));
        few && matches!(op, CompareOp::Equal | CompareOp::StartsWith) && !matches!(literal, Literal::Boolean(_))
    }

    fn compare(&self, leaf: &Attribute, op: CompareOp, literal: &Literal, holds: &dyn Fn(&Value) -> bool) -> Pair {
        match (self.codec, literal) {
            (Codec::Given(when), _) => {
                let (full, bare) = (holds(&Value::Bool(*when)), holds(&Value::Bool(!*when)));
                let full = if full { self.given() } else { Logic::False };
                let bare = if bare { self.given().not() } else { Logic::False };
                Pair::exact(Logic::any([full, bare]))
            }
            (Codec::Values { pairs, or_else }, _) => Pair::exact(self.listed(pairs, or_else.as_ref(), holds)),
            (Codec::Plain, Literal::Boolean(wanted)) => {
                Pair::exact(Logic::all([Logic::sql(self.truth(*wanted)), self.not_the_empty()]))
            }
            (Codec::Plain, Literal::Number(number)) => {
                self.typed_number(op, number).unwrap_or_else(|| self.number(op, &Value::Number(number.clone())))
            }
            (Codec::Plain, Literal::Text(wanted)) => self.text(leaf, op, wanted),
            (Codec::Around { prefix, suffix }, Literal::Text(wanted)) if op == CompareOp::Equal => {
                self.text(leaf, op, &format!("{prefix}{wanted}{suffix}"))
            }
            (Codec::Time(TimeForm::Unix), Literal::Instant { at, .. }) => {
                let floor = at.as_second() - i64::from(at.subsec_nanosecond() < 0);
                self.seconds(op, floor, at.subsec_nanosecond() == 0)
            }
            (Codec::Hash(_), _) => Pair::exact(Logic::False),
            (Codec::Around { .. }, _) => Pair::wider(self.given(), "the column holds more than the value"),
            (Codec::Plain | Codec::Time(TimeForm::Iso | TimeForm::Utc), Literal::Instant { at, .. }) => {
                let unlike = || Pair::wider(self.given(), "a time is written in more than one way");
                self.typed_instant(op, *at).unwrap_or_else(unlike)
            }
            (Codec::Time(_), _) => Pair::wider(self.given(), "a time is compared with times"),
            (Codec::Number(_) | Codec::Holds(..) | Codec::Part(_), _) => Pair::unknown("no column is read like this"),
        }
    }

    /// `values`: the app's words whose meaning compares so, and with `else` also all that are not listed.
    fn listed(&self, pairs: &[(Value, Vec<Value>)], or_else: Option<&Value>, holds: &dyn Fn(&Value) -> bool) -> Logic {
        let mut known: Vec<&Value> = Vec::new();
        let mut wanted: Vec<&Value> = Vec::new();
        for (scim, app) in pairs {
            for word in self.meant(app) {
                if !known.iter().any(|k| same(k, word)) {
                    known.push(word);
                    if holds(scim) {
                        wanted.push(word);
                    }
                }
            }
        }
        let others = or_else.filter(|v| holds(v)).map(|_| self.among(&known).not());
        Logic::any([self.among(&wanted), others.unwrap_or(Logic::False)])
    }

    /// Those of the app's words that can be read at all.
    pub(super) fn meant<'w>(&self, words: &'w [Value]) -> Vec<&'w Value> {
        words.iter().filter(|w| w.is_null() || !self.is_empty(w)).collect()
    }

    pub(super) fn among(&self, words: &[&Value]) -> Logic {
        let null = if words.iter().any(|w| w.is_null()) { self.given().not() } else { Logic::False };
        let written: Vec<&Value> = words.iter().copied().filter(|w| !w.is_null()).collect();
        let (column, literals) = self.words(&written);
        let listed = match literals.as_slice() {
            [] => Logic::False,
            [one] => Logic::sql(format!("{column} = {one}")),
            _ => Logic::sql(format!("{column} IN ({})", literals.join(", "))),
        };
        Logic::any([listed, null])
    }

    fn number(&self, op: CompareOp, number: &Value) -> Pair {
        let bound = self.engine.value(number);
        let kept = match &bound {
            Bind::Integer(_) => true,
            Bind::Real(real) => serde_json::Number::from_f64(*real).as_ref() == number.as_number(),
            _ => false,
        };
        match operator(op) {
            Some(operator) if kept => {
                let compared = Piece::new(format!("{} {operator} ", self.engine.number(&self.sql))).bind(bound);
                Pair::exact(Logic::all([self.given(), Logic::Sql(compared)]))
            }
            _ => Pair::wider(self.given(), "the number has more digits than the database compares"),
        }
    }

    /// Whole seconds against an instant that may lie between two of them.
    fn seconds(&self, op: CompareOp, floor: i64, whole: bool) -> Pair {
        let op = match op {
            CompareOp::Equal if !whole => return Pair::exact(Logic::False),
            CompareOp::GreaterOrEqual if !whole => CompareOp::Greater,
            CompareOp::Less if !whole => CompareOp::LessOrEqual,
            other => other,
        };
        self.number(op, &Value::from(floor))
    }

    fn text(&self, leaf: &Attribute, op: CompareOp, wanted: &str) -> Pair {
        if wanted.contains('\0') {
            return Pair::wider(self.given(), "the database cannot compare U+0000");
        }
        let exact = leaf.case_exact || leaf.kind == Type::Binary;
        if let (Some(kind), CompareOp::Equal) = (self.key.filter(|k| exact || *k != KeyKind::Text), op) {
            let column = if kind.is_plain(self.engine) { self.sql.clone() } else { self.engine.exact(&self.sql) };
            let key =
                key_of(kind, wanted).map(|key| Piece::new(format!("{column} = ")).piece(bound_key(self.engine, &key)));
            return Pair::exact(key.map_or(Logic::False, Logic::Sql));
        }
        if let Some(typed) = self.typed_text(op, exact, wanted) {
            return typed;
        }
        let compared = if exact {
            self.text_exact(op, wanted)
        } else {
            match self.engine.folded(wanted) {
                _ if op.is_ordering() => {
                    return Pair::wider(self.given(), "the database sorts letters by another rule");
                }
                Some(variants) => self.text_folded(op, &variants),
                None => return Pair::wider(self.given(), "too many spellings differ only in letter case"),
            }
        };
        // An empty text is less than any other, and yet no value; a day may be none.
        let given =
            if op.is_ordering() || self.stored == Some(&Stored::Date) { self.given() } else { self.not_the_empty() };
        Pair::exact(Logic::all([compared, given]))
    }

    fn text_exact(&self, op: CompareOp, wanted: &str) -> Logic {
        let text = self.engine.text(&self.sql);
        match operator(op) {
            Some("=") => {
                let exact = Piece::new(format!("{text} = ")).bind(Bind::Text(wanted.to_owned()));
                Logic::all([self.indexed(wanted), Logic::Sql(exact)])
            }
            Some(operator) => Logic::Sql(Piece::new(format!("{text} {operator} ")).bind(Bind::Text(wanted.to_owned()))),
            None => self.substring(&text, op, wanted),
        }
    }

    /// What stands in front of a comparison letter by letter, for an index of the column: no narrower, whatever type and
    /// collation it has.
    fn indexed(&self, wanted: &str) -> Logic {
        let mut bare = vec![Bind::Text(wanted.to_owned())];
        match (self.engine, self.stored) {
            (Engine::Sqlite, _) => {
                bare.extend(key_of(KeyKind::Integer, wanted).and_then(|n| n.as_i64()).map(Bind::Integer));
                // what an expression makes may be a number that prints so
                let real = wanted.parse::<f64>().ok().filter(|real| bare.len() == 1 && real.is_finite());
                bare.extend(real.map(Bind::Real));
                equals(&self.sql, bare)
            }
            (_, Some(Stored::Text { .. })) => equals(&self.sql, bare),
            // another type would not be compared with a text
            _ => Logic::True,
        }
    }

    fn text_folded(&self, op: CompareOp, variants: &[String]) -> Logic {
        let text = self.engine.lower(&self.sql);
        match op {
            CompareOp::Equal => {
                let among = equals(&text, variants.iter().cloned().map(Bind::Text).collect());
                Logic::all([self.indexed_folded(variants), among])
            }
            _ => Logic::any(variants.iter().map(|variant| self.substring(&text, op, variant))),
        }
    }

    /// The same in front of a comparison without regard to letter case, for text of `A`-`Z` alone: in every language but
    /// Turkish all its spellings are one to `lower` and to a collation without letter case.
    fn indexed_folded(&self, variants: &[String]) -> Logic {
        match (self.engine, self.stored, variants) {
            (Engine::Postgres, Some(Stored::Text { ascii_case: true }), [one]) if one.is_ascii() => {
                equals(&format!("lower(CAST({} AS text))", self.sql), vec![Bind::Text(one.clone())])
            }
            (Engine::MariaDb, Some(Stored::Text { ascii_case: true }), [one]) if one.is_ascii() => {
                equals(&self.sql, vec![Bind::Text(one.clone())])
            }
            _ => Logic::True,
        }
    }

    fn substring(&self, text: &str, op: CompareOp, wanted: &str) -> Logic {
        let bound = Bind::Text(wanted.to_owned());
        match op {
            CompareOp::StartsWith => {
                let from = Logic::Sql(Piece::new(format!("{text} >= ")).bind(bound));
                let to = after(wanted).map(|next| Logic::Sql(Piece::new(format!("{text} < ")).bind(Bind::Text(next))));
                Logic::all([from, to.unwrap_or(Logic::True)])
            }
            CompareOp::EndsWith => Logic::Sql(Piece::new(format!("{} = ", self.engine.end(text, wanted))).bind(bound)),
            _ => Logic::Sql(Piece::last(self.engine.contains(text), bound)),
        }
    }
}

fn equals(text: &str, wanted: Vec<Bind>) -> Logic {
    let list = wanted.len() > 1;
    let values = Piece::join(wanted.into_iter().map(|w| Piece::default().bind(w)), ", ");
    let piece = Piece::new(format!("{text} {}", if list { "IN (" } else { "= " })).piece(values);
    Logic::Sql(if list { piece.then(")") } else { piece })
}

/// The least text behind all that start with this one, by code point; none behind `U+10FFFF`.
fn after(text: &str) -> Option<String> {
    let mut characters: Vec<char> = text.chars().collect();
    while let Some(last) = characters.pop() {
        let next = if last == '\u{d7ff}' { Some('\u{e000}') } else { char::from_u32(u32::from(last) + 1) };
        if let Some(next) = next {
            characters.push(next);
            return Some(characters.into_iter().collect());
        }
    }
    None
}

pub(super) fn operator(op: CompareOp) -> Option<&'static str> {
    match op {
        CompareOp::Equal => Some("="),
        CompareOp::Greater => Some(">"),
        CompareOp::GreaterOrEqual => Some(">="),
        CompareOp::Less => Some("<"),
        CompareOp::LessOrEqual => Some("<="),
        CompareOp::NotEqual | CompareOp::Contains | CompareOp::StartsWith | CompareOp::EndsWith => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn the_text_behind_a_beginning() {
        for (text, next) in [("ab", Some("ac")), ("a\u{d7ff}", Some("a\u{e000}")), ("a\u{10ffff}", Some("b"))] {
            assert_eq!(after(text).as_deref(), next, "{text}");
        }
        assert_eq!(after("\u{10ffff}\u{10ffff}"), None);
    }
}
