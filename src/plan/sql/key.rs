//! New keys that the database does not make by itself: what is written in their place, and the statements that take ids from
//! a table that counts. Any number of ids is one statement; the counter's row stays locked until the transaction ends.

use serde_json::Value;

use crate::{
    mapping::{
        answer::Class,
        sql::{Counter, Engine, Ident, Stamp},
    },
    plan::call::{Bind, Expect, Statement},
};

use super::{Piece, column, table};

/// What stands for a new key, or the client's tenant, in a row; nothing for stamps that are plain values. `behind`: how many of the ids that were taken
/// together are for rows after this one, as a number or an expression.
pub(super) fn value(engine: Engine, stamp: &Stamp, behind: &str) -> Option<Piece> {
    match stamp {
        Stamp::Now | Stamp::Client | Stamp::Is(_) => None,
        Stamp::Tenant(name) => Some(Piece::default().bind(Bind::Tenant { name: name.clone(), printed: false })),
        Stamp::Uuid => Some(Piece::new(engine.uuid())),
        Stamp::Sequence(name) => Some(Piece::new(engine.next_of(name))),
        Stamp::Counter(counter) => {
            let free = if counter.last { "" } else { " - 1" };
            let stored = column(engine, "i", &counter.column);
            let from = table(engine, &counter.table, "i");
            Some(Piece::new(format!("(SELECT {stored} FROM {from}{}) - {behind}{free}", this(engine, counter))))
        }
    }
}

/// Takes `n` ids from each counter among these.
pub(super) fn taken(engine: Engine, insert: &[(Ident, Stamp)], n: usize) -> Vec<Statement> {
    let counters =
        insert.iter().filter_map(|(_, stamp)| if let Stamp::Counter(counter) = stamp { Some(counter) } else { None });
    counters.filter(|_| n > 0).flat_map(|counter| [begun(engine, counter), counted(engine, counter, n)]).collect()
}

/// The counter's row, made where there is none from the largest key in use.
fn begun(engine: Engine, counter: &Counter) -> Statement {
    let columns: Vec<String> =
        counter.names.iter().map(|(name, _)| name).chain([&counter.column]).map(|name| engine.name(name)).collect();
    let names: String = counter.names.iter().map(|(_, value)| format!("{}, ", literal(engine, value))).collect();
    let free = if counter.last { "" } else { " + 1" };
    let (of, key) = &counter.of;
    Piece::new(format!(
        "INSERT INTO {} ({}) SELECT {names}m.n FROM (SELECT coalesce(max({}), 0){free} AS n FROM {}) AS m",
        engine.name(&counter.table),
        columns.join(", "),
        column(engine, "k", key),
        table(engine, of, "k")
    ))
    .then(&format!(" WHERE NOT EXISTS (SELECT 1 FROM {}{})", table(engine, &counter.table, "i"), this(engine, counter)))
    .expect(engine, Expect::Any)
}

fn counted(engine: Engine, counter: &Counter, n: usize) -> Statement {
    let stored = column(engine, "i", &counter.column);
    let begin =
        format!("UPDATE {} SET {} = {stored} + {n}", table(engine, &counter.table, "i"), engine.name(&counter.column));
    Piece::new(begin).then(&this(engine, counter)).expect(engine, Expect::Some(Class::Broken))
}

/// ` WHERE` the row `i` is this counter's.
fn this(engine: Engine, counter: &Counter) -> String {
    let is = |(name, value): &(Ident, String)| format!("{} = {}", column(engine, "i", name), literal(engine, value));
    let all: Vec<String> = counter.names.iter().map(is).collect();
    format!(" WHERE {}", all.join(" AND "))
}

fn literal(engine: Engine, text: &str) -> String {
    engine.literal(&Value::from(text))
}
