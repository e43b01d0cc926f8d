//! Comparisons with a column whose type the database told: typed as the column is, so that its index answers, and decided
//! here where the column cannot hold the value at all.

use jiff::Timestamp;
use serde_json::{Number, Value};

use crate::{
    mapping::{
        catalog::{Stored, datetime, is_uuid},
        pattern::same,
        sql::Engine,
    },
    plan::call::Bind,
    scim::{filter::CompareOp, fold::fold},
};

use super::{
    Piece,
    leaf::{Column, operator},
    logic::{Logic, Pair},
};

/// The whole number below another, and whether that is it.
type Floor = (i64, bool);

impl Column<'_> {
    /// A number in a column of numbers; nothing where the type is another.
    pub(super) fn typed_number(&self, op: CompareOp, number: &Number) -> Option<Pair> {
        let engine = self.engine;
        let compared = match (self.stored?, engine) {
            (_, Engine::Sqlite) => return None,
            (Stored::Integer { .. }, _) => return Some(self.whole(op, number)),
            (Stored::Decimal { .. }, Engine::MariaDb) => {
                let text = plain(number).filter(|text| text.len() <= 30)?;
                Piece::new(format!("{} {} CAST(", self.sql, operator(op)?))
                    .bind(Bind::Text(text))
                    .then(" AS DECIMAL(65, 30))")
            }
            (Stored::Decimal { .. }, _) => {
                Piece::new(format!("{} {} ", self.sql, operator(op)?)).bind(Bind::Text(plain(number)?))
            }
            // by its digits, as it is shown
            (Stored::Real | Stored::Double, Engine::Postgres) => {
                let shown = format!("CAST(CAST({} AS text) AS numeric) {} ", self.sql, operator(op)?);
                Piece::new(shown).bind(Bind::Text(plain(number)?))
            }
            (Stored::Double, _) => {
                let real = number.as_f64().filter(|real| Number::from_f64(*real).as_ref() == Some(number))?;
                Piece::new(format!("{} {} ", self.sql, operator(op)?)).bind(Bind::Real(real))
            }
            _ => {
                return Some(Pair::wider(
                    self.given(),
                    "the column does not hold numbers that the database compares as we do",
                ));
            }
        };
        Some(Pair::exact(Logic::all([self.given(), Logic::Sql(compared)])))
    }

    fn whole(&self, op: CompareOp, number: &Number) -> Pair {
        const UNLIKE: &str = "the number has more digits than the database compares";
        let Some((floor, whole)) = floor(number) else { return Pair::wider(self.given(), UNLIKE) };
        match (between(op, whole), operator(between(op, whole))) {
            (CompareOp::Equal, _) if !whole => Pair::exact(Logic::False),
            (_, Some(operator)) => {
                let compared = Piece::new(format!("{} {operator} ", self.sql)).piece(whole_number(self.engine, floor));
                Pair::exact(Logic::all([self.given(), Logic::Sql(compared)]))
            }
            _ => Pair::wider(self.given(), UNLIKE),
        }
    }

    /// A moment in a column of moments; nothing where the type is another, or the moment beyond the engine's calendar.
    pub(super) fn typed_instant(&self, op: CompareOp, at: Timestamp) -> Option<Pair> {
        if !matches!(self.stored?, Stored::Instant { .. })
            || !(1..=9999).contains(&at.to_zoned(jiff::tz::TimeZone::UTC).year())
        {
            return None;
        }
        let micros = at.as_microsecond() - i64::from(at.subsec_nanosecond() % 1000 < 0);
        let floor = Timestamp::from_microsecond(micros).ok()?;
        let whole = floor == at;
        if op == CompareOp::Equal && !whole {
            return Some(Pair::exact(Logic::False));
        }
        let begin = Piece::new(format!("{} {} ", self.sql, operator(between(op, whole))?));
        let compared = match self.engine {
            Engine::MariaDb => begin.then("CAST(").bind(Bind::Text(datetime(floor))).then(" AS DATETIME(6))"),
            Engine::Sqlite | Engine::Postgres => begin.bind(Bind::Text(floor.to_string())),
        };
        Some(Pair::exact(Logic::all([self.given(), Logic::Sql(compared)])))
    }

    /// A text and a column of another type, which prints in one way only; nothing where that is compared as text.
    pub(super) fn typed_text(&self, op: CompareOp, exact: bool, wanted: &str) -> Option<Pair> {
        let equal = op == CompareOp::Equal;
        let engine = self.engine;
        let is = |piece: Piece| Some(Pair::exact(Logic::all([self.given(), Logic::Sql(piece)])));
        match self.stored? {
            Stored::Integer { .. } if equal => match wanted.parse::<i64>() {
                Ok(number) if number.to_string() == wanted => {
                    is(Piece::new(format!("{} = ", self.sql)).piece(whole_number(engine, number)))
                }
                // it may still be one of more than 64 bits
                _ if wanted.bytes().all(|b| b.is_ascii_digit()) => None,
                _ => Some(Pair::exact(Logic::False)),
            },
            Stored::Uuid if equal => {
                let wanted = if exact { wanted.to_owned() } else { fold(wanted) };
                if is_uuid(&wanted) {
                    is(Piece::new(format!("{} = ", self.sql)).bind(Bind::Text(wanted)))
                } else {
                    Some(Pair::exact(Logic::False))
                }
            }
            Stored::Instant { .. } => Some(Pair::wider(self.given(), "a time is written in more than one way")),
            Stored::Real | Stored::Double if engine == Engine::MariaDb => {
                Some(Pair::wider(self.given(), "the database prints numbers in another way"))
            }
            _ => None,
        }
    }

    /// Yes or no. PostgreSQL compares a truth value with its like alone.
    pub(super) fn truth(&self, wanted: bool) -> String {
        match self.stored {
            None | Some(Stored::Boolean) => format!("{} = {}", self.sql, self.engine.literal(&Value::Bool(wanted))),
            Some(Stored::Text { .. } | Stored::Word | Stored::Json) => {
                format!("{} = '{}'", self.engine.text(&self.sql), u8::from(wanted))
            }
            _ => format!("{} = {}", self.sql, u8::from(wanted)),
        }
    }

    /// Whether the engine sorts the column as numbers, and as those that are read.
    pub(super) fn sorts_numbers(&self) -> bool {
        match self.stored {
            _ if self.engine == Engine::Sqlite => true,
            Some(Stored::Integer { .. } | Stored::Double) => true,
            Some(Stored::Decimal { .. }) => self.engine == Engine::Postgres,
            _ => false,
        }
    }

    /// Whether the engine's text of the column is what is read.
    pub(super) fn prints_alike(&self) -> bool {
        match self.stored {
            Some(Stored::Instant { .. }) => false,
            Some(Stored::Real | Stored::Double) => self.engine != Engine::MariaDb,
            _ => true,
        }
    }

    /// The words of the mapping that a column of this type may hold, as literals, and the column as it is compared with
    /// them. Words and values are the same where they print alike.
    pub(super) fn words(&self, words: &[&Value]) -> (String, Vec<String>) {
        let engine = self.engine;
        let literals = |values: Vec<Value>| {
            let mut literals: Vec<String> = values.iter().map(|v| engine.literal(v)).collect();
            literals.dedup();
            literals
        };
        match self.stored {
            Some(Stored::Boolean) => {
                let held =
                    [true, false].map(Value::Bool).into_iter().filter(|held| words.iter().any(|w| same(w, held)));
                (self.sql.clone(), literals(held.collect()))
            }
            Some(Stored::Integer { .. }) => {
                let number = |word: &&Value| match word {
                    Value::Bool(truth) => Some(i64::from(*truth)),
                    Value::Number(number) => number.as_i64(),
                    Value::String(text) => text.parse().ok().filter(|n: &i64| n.to_string() == *text),
                    _ => None,
                };
                (self.sql.clone(), literals(words.iter().filter_map(number).map(Value::from).collect()))
            }
            Some(_) => {
                let text = |word: &&Value| match word {
                    Value::Number(number) => Some(Value::from(number.to_string())),
                    Value::String(_) => Some((*word).clone()),
                    _ => None,
                };
                (engine.exact(&self.sql), literals(words.iter().filter_map(text).collect()))
            }
            None => {
                let text = words.iter().any(|w| w.is_string());
                let column = if text { engine.exact(&self.sql) } else { self.sql.clone() };
                (column, words.iter().map(|v| engine.literal(v)).collect())
            }
        }
    }
}

/// What a comparison with a value becomes as one with the greatest below it that the column can hold.
fn between(op: CompareOp, whole: bool) -> CompareOp {
    match op {
        CompareOp::GreaterOrEqual if !whole => CompareOp::Greater,
        CompareOp::Less if !whole => CompareOp::LessOrEqual,
        other => other,
    }
}

/// As wide as any column of whole numbers, and of no use to narrower ones but to compare.
fn whole_number(engine: Engine, number: i64) -> Piece {
    let bound = Piece::default().bind(Bind::Integer(number));
    match engine {
        Engine::Postgres => Piece::new("CAST(").piece(bound).then(" AS bigint)"),
        Engine::Sqlite | Engine::MariaDb => bound,
    }
}

fn floor(number: &Number) -> Option<Floor> {
    if let Some(whole) = number.as_i64() {
        return Some((whole, true));
    }
    let text = plain(number)?;
    let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
    let truncated: i64 = whole.parse().ok()?;
    let fraction = part.bytes().any(|b| b != b'0');
    let below = fraction && text.starts_with('-');
    Some((truncated.checked_sub(i64::from(below))?, !fraction))
}

/// Its digits, without an exponent.
fn plain(number: &Number) -> Option<String> {
    let text = number.to_string();
    (!text.contains(['e', 'E'])).then_some(text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_whole_number_below() {
        for (text, expected) in [
            ("2", Some((2, true))),
            ("2.0", Some((2, true))),
            ("2.5", Some((2, false))),
            ("-2.5", Some((-3, false))),
            ("-0.5", Some((-1, false))),
            ("1e3", None),
            ("9223372036854775808", None),
        ] {
            assert_eq!(floor(&text.parse().unwrap()), expected, "{text}");
        }
    }
}
