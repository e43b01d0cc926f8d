//! What the engines' catalogues say of a table's indexes, in the words of [`Index`].

use serde_json::Value;

use crate::{
    mapping::sql::Engine,
    plan::{
        call::{Bind, Expect, Reply, Statement},
        sql::index::{Index, plain},
    },
};

/// A row for each column of each index: the index's name, whether it is unique, the column or expression, and which rows are
/// in it.
pub(super) fn of_table(engine: Engine, table: &str) -> Statement {
    let sql = match engine {
        // a key that is the row's own number has no index and needs none
        Engine::Sqlite => {
            "SELECT l.name AS name, l.\"unique\" AS single, x.name AS part, s.sql AS told FROM pragma_index_list(?1) AS l
JOIN pragma_index_xinfo(l.name) AS x ON x.key = 1 LEFT JOIN sqlite_schema AS s ON s.type = 'index' AND s.name = l.name
UNION ALL SELECT ' row', 1, t.name, NULL FROM pragma_table_info(?1) AS t
WHERE t.pk = 1 AND upper(t.type) = 'INTEGER' AND (SELECT count(*) FROM pragma_table_info(?1) AS o WHERE o.pk > 0) = 1"
        }
        Engine::Postgres => {
            "SELECT CAST(i.indexrelid AS text) AS name, CAST(i.indisunique AS int) AS single,
  pg_get_indexdef(i.indexrelid, n, true) AS part, pg_get_expr(i.indpred, i.indrelid) AS told
FROM pg_index AS i CROSS JOIN LATERAL generate_series(1, CAST(i.indnkeyatts AS int)) AS n
WHERE i.indrelid = to_regclass(quote_ident($1)) AND i.indisvalid ORDER BY i.indexrelid, n"
        }
        // an expression stands in a column that is made of others
        Engine::MariaDb => {
            "SELECT s.index_name AS name, 1 - s.non_unique AS single, COALESCE(c.generation_expression, s.column_name) AS part, NULL AS told
FROM information_schema.statistics AS s JOIN information_schema.columns AS c USING (table_schema, table_name, column_name)
WHERE s.table_schema = DATABASE() AND s.table_name = ? AND s.index_type IN ('BTREE', 'HASH') ORDER BY s.index_name, s.seq_in_index"
        }
    };
    of(table, sql)
}

/// One row where the name is a table's: a view has no indexes of its own.
pub(super) fn is_table(engine: Engine, table: &str) -> Statement {
    let sql = match engine {
        Engine::Sqlite => "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND lower(name) = lower(?)",
        Engine::Postgres => "SELECT 1 FROM pg_class WHERE oid = to_regclass(quote_ident($1)) AND relkind IN ('r', 'p')",
        Engine::MariaDb => {
            "SELECT 1 FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = ? AND table_type = 'BASE TABLE'"
        }
    };
    of(table, sql)
}

fn of(table: &str, sql: &'static str) -> Statement {
    Statement { sql: sql.into(), binds: vec![Bind::Text(table.to_owned())], expect: Expect::Any }
}

pub(super) fn read(engine: Engine, reply: &Reply) -> Vec<Index> {
    let mut found: Vec<(String, Index)> = Vec::new();
    for row in reply.rows() {
        let text = |name: &str| row.get(name).and_then(Value::as_str);
        let name = text("name").unwrap_or_default();
        let at = found.iter().position(|(known, _)| known == name).unwrap_or(found.len());
        if at == found.len() {
            let unique = row.get("single").and_then(Value::as_i64) == Some(1);
            let only = match engine {
                Engine::Sqlite => text("told").and_then(|sql| condition(sql).map(plain)),
                Engine::Postgres | Engine::MariaDb => text("told").map(plain),
            };
            found.push((name.to_owned(), Index { columns: Vec::new(), unique, only }));
        }
        let columns = &mut found[at].1.columns;
        // SQLite names no expressions: they stand in what the index was made by
        let part = text("part").or_else(|| parts(text("told")?).get(columns.len()).copied());
        columns.push(part.map(plain).unwrap_or_default());
    }
    found.into_iter().map(|(_, index)| index).collect()
}

/// What is in the first parentheses of `CREATE INDEX … ON … (…)`, and where they end.
fn inner(sql: &str) -> Option<(&str, usize)> {
    let from = sql.find('(')? + 1;
    let mut depth = 1;
    for (at, c) in sql[from..].char_indices() {
        depth += i32::from(c == '(') - i32::from(c == ')');
        if depth == 0 {
            return Some((&sql[from..from + at], from + at + 1));
        }
    }
    None
}

fn parts(sql: &str) -> Vec<&str> {
    let Some((inner, _)) = inner(sql) else { return Vec::new() };
    let (mut parts, mut depth, mut from) = (Vec::new(), 0, 0);
    for (at, c) in inner.char_indices() {
        depth += i32::from(c == '(') - i32::from(c == ')');
        if c == ',' && depth == 0 {
            parts.push(&inner[from..at]);
            from = at + 1;
        }
    }
    parts.push(&inner[from..]);
    parts
}

fn condition(sql: &str) -> Option<&str> {
    let (_, end) = inner(sql)?;
    let rest = sql[end..].trim_start();
    rest.get(..5).filter(|word| word.eq_ignore_ascii_case("where"))?;
    rest.get(5..)
}
