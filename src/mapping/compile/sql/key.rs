//! Where the keys of new rows come from, and the tables that count them.

use crate::{
    diagnostic::Faults,
    mapping::sql::{Counter, Counters, Engine, Ident, KeyKind, Stamp, TenantColumn},
    yaml::{Node, Value},
};

use super::column::ident;

/// A key column, of the base table or of a row of any other.
pub(super) struct KeyColumn {
    pub column: Ident,
    pub kind: KeyKind,
    /// Where a new one comes from; none: the database, or a line.
    pub from: Option<Stamp>,
}

/// What keys and tables are read with.
#[derive(Clone, Copy)]
pub(super) struct Keys<'a> {
    pub engine: Engine,
    pub schema: Option<&'a Ident>,
    pub counters: Option<&'a Counters>,
    pub tenant: Option<&'a TenantColumn>,
}

/// A table or a sequence, where they stand.
fn placed(schema: Option<&Ident>, name: Ident) -> Ident {
    match schema {
        Some(schema) => Ident(format!("{}.{}", schema.0, name.0)),
        None => name,
    }
}

impl Keys<'_> {
    pub(super) fn table(self, node: &Node, faults: &mut Faults) -> Option<Ident> {
        Some(placed(self.schema, ident(node, faults)?))
    }

    pub(super) fn read(self, node: &Node, table: Option<&Ident>, faults: &mut Faults) -> Option<KeyColumn> {
        match &node.value {
            Value::Text(_) => Some(KeyColumn { column: ident(node, faults)?, kind: KeyKind::Integer, from: None }),
            Value::List(_) => {
                faults.not_supported(node.span, "keys of several columns");
                None
            }
            _ => {
                let mut fields = node.map(faults, "`key`")?;
                let column = fields.required(faults, "column").and_then(|n| ident(n, faults));
                let kind = fields.choice(
                    faults,
                    "type",
                    &[("integer", KeyKind::Integer), ("text", KeyKind::Text), ("uuid", KeyKind::Uuid)],
                );
                let from = fields.take("from");
                fields.finish(faults);
                let column = column?;
                let stamp = from.and_then(|node| self.from(node, table?, &column, faults));
                let uuid = matches!(stamp, Some(Stamp::Uuid));
                if let (true, Some(KeyKind::Integer), Some(node)) = (uuid, kind, from) {
                    faults
                        .error(node.span, "wrong-kind", "a uuid is no whole number")
                        .help("write `type: uuid`, or `type: text` where the column is a text");
                }
                let kind = kind.unwrap_or(if uuid { KeyKind::Text } else { KeyKind::Integer });
                Some(KeyColumn { column, kind, from: stamp })
            }
        }
    }

    fn from(self, node: &Node, table: &Ident, column: &Ident, faults: &mut Faults) -> Option<Stamp> {
        match node.as_text() {
            None if node.as_map().is_some() => {
                let mut fields = node.map(faults, "`from`")?;
                let name = fields.required(faults, "sequence").and_then(|n| self.table(n, faults));
                fields.finish(faults);
                if self.engine == Engine::Sqlite {
                    faults
                        .error(node.span, "bad-value", "SQLite has no sequences")
                        .help("leave `from` out, as SQLite numbers its rows by itself");
                    return None;
                }
                name.map(Stamp::Sequence)
            }
            Some("generated") => None,
            Some("uuid") => Some(Stamp::Uuid),
            Some("counter") => {
                let Some(counters) = self.counters else {
                    faults.error(node.span, "missing-key", "no table is said to count keys").help(
                        "say which: `app: { sql: { counters: { table: ids, name: [table_name, field_name], column: nextid, means: last } } }`",
                    );
                    return None;
                };
                let names = counters.name.iter().cloned().zip([table.bare().to_owned(), column.0.clone()]).collect();
                Some(Stamp::Counter(Box::new(Counter {
                    table: counters.table.clone(),
                    names,
                    column: counters.column.clone(),
                    last: counters.last,
                    of: (table.clone(), column.clone()),
                })))
            }
            _ => {
                faults
                    .error(node.span, "bad-value", format!("`{}` is not where a key comes from", faults.written(node.span)))
                    .help(
                        "write `generated`, `uuid`, `counter` or `{ sequence: name }`; a key that a client gives has a line of its own",
                    );
                None
            }
        }
    }
}

/// `{ table: ids, name: [table_name, field_name], column: nextid, means: last }`
pub(super) fn counters(node: &Node, schema: Option<&Ident>, faults: &mut Faults) -> Option<Counters> {
    let mut fields = node.map(faults, "`counters`")?;
    let table = fields.required(faults, "table").and_then(|n| ident(n, faults));
    let names = fields.required(faults, "name");
    let column = fields.required(faults, "column").and_then(|n| ident(n, faults));
    let last =
        fields.required(faults, "means").and_then(|n| n.choice(faults, "`means`", &[("last", true), ("next", false)]));
    fields.finish(faults);
    let names = names?;
    let listed = names.as_list().unwrap_or(std::slice::from_ref(names));
    if listed.is_empty() || listed.len() > 2 {
        faults
            .error(names.span, "bad-value", "a counter is known by its table, or by table and column")
            .help("write one column or two: `name: [table_name, field_name]`");
        return None;
    }
    let name: Vec<Ident> = listed.iter().filter_map(|n| ident(n, faults)).collect();
    Some(Counters { table: placed(schema, table?), name, column: column?, last: last? })
}
