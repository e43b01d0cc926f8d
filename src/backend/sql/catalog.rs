//! What the servers' catalogues say of a table: its columns and what they hold. A type that has no form in JSON is told as
//! its name.

use serde_json::{Map, Value};

use crate::{
    mapping::catalog::{Known, Stored},
    plan::call::{Bind, Expect, Reply, Statement},
};

/// The columns of a table, with what they hold, or else the name of their type; none where the engine does not say.
pub(super) type Columns = Vec<(String, Option<Result<Known, String>>)>;

/// Of a table or view that the connection sees under that name. `lowers`: whether the column's own `lower` is known to turn
/// `A`-`Z` into `a`-`z`; in Turkish it does not.
pub(super) fn postgres(table: &str) -> Statement {
    let of = "a.attrelid = to_regclass(concat_ws('.', quote_ident($1), quote_ident($2))) AND (a.attnum > 0 OR a.attname = 'xmin') AND NOT a.attisdropped";
    postgres_of(of, named(table))
}

/// Of one column of a table, by their numbers.
pub(super) fn postgres_column(table: u32, number: i16) -> Statement {
    postgres_of("a.attrelid = $1 AND a.attnum = $2", vec![Bind::Integer(table.into()), Bind::Integer(number.into())])
}

fn postgres_of(which: &str, binds: Vec<Bind>) -> Statement {
    let sql = format!(
        "
WITH RECURSIVE base AS (
  SELECT a.attname, a.attnum, a.atttypid AS oid, a.atttypmod AS modifier, a.attcollation FROM pg_attribute AS a
  WHERE {which}
  UNION ALL
  SELECT b.attname, b.attnum, t.typbasetype, t.typtypmod, b.attcollation FROM base AS b
  JOIN pg_type AS t ON t.oid = b.oid WHERE t.typtype = 'd'
)
SELECT b.attname AS name, quote_ident(n.nspname) || '.' || quote_ident(c.collname) AS collation,
  c.collisdeterministic AND t.typname <> 'citext' AS exact, t.typname AS type, t.typtype = 'e' AS word, b.modifier,
  c.collname IN ('C', 'POSIX') OR
    c.collprovider = 'd' AND lower('ABCDEFGHIJKLMNOPQRSTUVWXYZ') = 'abcdefghijklmnopqrstuvwxyz' AS lowers
FROM base AS b JOIN pg_type AS t ON t.oid = b.oid LEFT JOIN pg_collation AS c ON c.oid = b.attcollation
LEFT JOIN pg_namespace AS n ON n.oid = c.collnamespace WHERE t.typtype <> 'd' ORDER BY b.attnum"
    );
    Statement { sql: sql.into(), binds, expect: Expect::Any }
}

pub(super) fn of_postgres(reply: &Reply) -> Columns {
    let column = |row: &Map<String, Value>| {
        let text = |name: &str| row.get(name).and_then(Value::as_str).unwrap_or_default();
        let modifier = row.get("modifier").and_then(Value::as_i64).unwrap_or(-1);
        let stored = match row.get("word") == Some(&Value::Bool(true)) {
            true => Ok(Stored::Word),
            false => of_postgres_type(text("type"), modifier, row.get("lowers") == Some(&Value::Bool(true))),
        };
        let collation = row.get("collation").and_then(Value::as_str).filter(|name| !name.is_empty()).map(str::to_owned);
        let exact = row.get("exact").and_then(Value::as_bool);
        (text("name").to_owned(), Some(stored.map(|stored| Known { stored, collation, exact })))
    };
    reply.rows().iter().filter_map(Value::as_object).map(column).collect()
}

/// A type by its name; `lowers` as above.
pub(super) fn of_postgres_type(name: &str, modifier: i64, lowers: bool) -> Result<Stored, String> {
    let whole = |bits: u32| Stored::Integer { least: -(1 << (bits - 1)), most: (1 << (bits - 1)) - 1 };
    Ok(match name {
        "text" | "varchar" | "bpchar" | "citext" => Stored::Text { ascii_case: lowers },
        "name" | "char" | "xid" => Stored::Word,
        "int2" => whole(16),
        "int4" => whole(32),
        "int8" => whole(64),
        "oid" => Stored::Integer { least: 0, most: u32::MAX.into() },
        // the precision and scale of `numeric(10, 2)`, of which the scale is the low eleven bits
        "numeric" => Stored::Decimal { scale: u32::try_from(modifier - 4).ok().map(|both| both & 0x7ff) },
        "float4" => Stored::Real,
        "float8" => Stored::Double,
        "bool" => Stored::Boolean,
        "timestamp" | "timestamptz" => Stored::Instant { digits: u32::try_from(modifier).unwrap_or(6) },
        "date" => Stored::Date,
        "uuid" => Stored::Uuid,
        "json" | "jsonb" => Stored::Json,
        other => return Err(other.to_owned()),
    })
}

/// Of a table or view of the connection's database.
pub(super) fn mariadb(table: &str) -> Statement {
    let sql = "
SELECT column_name AS name, data_type AS type, column_type LIKE '%unsigned%' AS signless, numeric_scale AS scale,
  numeric_precision AS bits, datetime_precision AS digits, coalesce(collation_name, '') AS collation
FROM information_schema.columns WHERE table_schema = COALESCE(?, DATABASE()) AND table_name = ? ORDER BY ordinal_position";
    Statement { sql: sql.into(), binds: named(table), expect: Expect::Any }
}

/// Its schema, if it has one, and its name.
fn named(table: &str) -> Vec<Bind> {
    let (schema, name) = table.rsplit_once('.').map_or((None, table), |(schema, name)| (Some(schema), name));
    let text = |text: &str| Bind::Text(text.to_owned());
    vec![schema.map_or(Bind::Null, text), text(name)]
}

pub(super) fn of_mariadb(reply: &Reply) -> Columns {
    let column = |row: &Map<String, Value>| {
        let text = |name: &str| row.get(name).and_then(Value::as_str).unwrap_or_default();
        let number = |name: &str| row.get(name).and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok());
        let stored = match of_mariadb_type(&text("type").to_ascii_lowercase(), number("signless") == Some(1)) {
            Ok(Stored::Text { .. }) => {
                // of the collations that do not tell `A` from `a`, the Turkish ones tell `I` from `i`
                let collation = text("collation");
                Ok(Stored::Text { ascii_case: collation.ends_with("_ci") && !collation.contains("turkish") })
            }
            Ok(Stored::Decimal { .. }) => Ok(Stored::Decimal { scale: number("scale") }),
            Ok(Stored::Instant { .. }) => Ok(Stored::Instant { digits: number("digits").unwrap_or(0) }),
            Ok(Stored::Integer { .. }) if text("type").eq_ignore_ascii_case("bit") => {
                Ok(Stored::Integer { least: 0, most: (1 << number("bits").unwrap_or(1).min(64)) - 1 })
            }
            stored => stored,
        };
        let collation = row.get("collation").and_then(Value::as_str).filter(|name| !name.is_empty()).map(str::to_owned);
        let exact = collation.as_ref().map(|name| !name.ends_with("_ci"));
        (text("name").to_owned(), Some(stored.map(|stored| Known { stored, exact, collation })))
    };
    reply.rows().iter().filter_map(Value::as_object).map(column).collect()
}

/// A type by its name, as wide as such a type may be.
pub(super) fn of_mariadb_type(name: &str, unsigned: bool) -> Result<Stored, String> {
    let whole = |bits: u32| match unsigned {
        true => Stored::Integer { least: 0, most: (1 << bits) - 1 },
        false => Stored::Integer { least: -(1 << (bits - 1)), most: (1 << (bits - 1)) - 1 },
    };
    Ok(match name {
        "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" => Stored::Text { ascii_case: false },
        "enum" | "set" => Stored::Word,
        "tinyint" => whole(8),
        "smallint" => whole(16),
        "mediumint" => whole(24),
        "int" => whole(32),
        "bigint" => whole(64),
        "year" => Stored::Integer { least: 1901, most: 2155 },
        "bit" => Stored::Integer { least: 0, most: u64::MAX.into() },
        "decimal" => Stored::Decimal { scale: None },
        "float" => Stored::Real,
        "double" => Stored::Double,
        "datetime" | "timestamp" => Stored::Instant { digits: 6 },
        "date" => Stored::Date,
        "uuid" => Stored::Uuid,
        other => return Err(other.to_owned()),
    })
}
