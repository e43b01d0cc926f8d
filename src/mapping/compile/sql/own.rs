//! Reading SQL of the app's own: a select in a table's place, and expressions that make columns.

use std::sync::Arc;

use crate::{
    diagnostic::Faults,
    mapping::{
        own::{Name, OwnSql, lex},
        sql::{COMPUTED, Engine, Ident, Rows, SELECT, TenantColumn, View},
    },
    yaml::{Fields, Node},
};

use super::key::Keys;

/// Cuts a text at its names.
pub(super) fn cut(node: &Node, engine: Engine, what: &str, faults: &mut Faults) -> Option<(OwnSql<String>, bool)> {
    let text = node.text(faults, what)?;
    match lex(engine, text) {
        Ok(lexed) => Some((OwnSql { parts: lexed.parts, verb: lexed.verb }, lexed.writes)),
        Err(flaw) => {
            faults.error(node.span, "bad-sql", format!("{what}: {}", flaw.message)).help(flaw.help);
            None
        }
    }
}

/// Whose rows are whose, for the name `:tenant`; a text that names it where there is none is refused.
pub(super) fn tenants(tenant: Option<&TenantColumn>, node: &Node, faults: &mut Faults) -> Option<Name> {
    if tenant.is_none() {
        faults
            .error(node.span, "unknown-name", "`:tenant` has no value: the app keeps no tenants apart")
            .help("say by which column: `app.sql.tenant: { column, is }`");
    }
    tenant.map(|tenant| Name::Tenant(tenant.is.clone()))
}

/// `table`, and what is read of it or in its place.
pub(super) fn place(
    fields: &mut Fields<'_>,
    name: &str,
    keys: Keys<'_>,
    faults: &mut Faults,
) -> (Option<Ident>, Option<Rows>) {
    let Some(node) = fields.take("rows") else {
        let table = fields.required(faults, "table").and_then(|n| keys.table(n, faults));
        return (table.clone(), table.map(Rows::of));
    };
    let table = fields.take("table").and_then(|n| keys.table(n, faults));
    let rows = select(node, keys.engine, keys.tenant, faults).map(|select| Rows {
        name: Ident(format!("{SELECT}{name}")),
        view: Some(Arc::new(View { select: Some(select), computed: Vec::new() })),
    });
    (table, rows)
}

fn select(node: &Node, engine: Engine, tenant: Option<&TenantColumn>, faults: &mut Faults) -> Option<OwnSql> {
    let (own, writes) = cut(node, engine, "`rows`", faults)?;
    if writes || !matches!(own.verb.as_str(), "select" | "with" | "values") {
        faults
            .error(node.span, "bad-sql", "`rows` is no select")
            .help("write a select whose columns the lines name: `rows: select p.id, p.login from person p`");
        return None;
    }
    own.named(|name| match name.as_str() {
        "tenant" => tenants(tenant, node, faults),
        _ => {
            faults
                .error(node.span, "unknown-name", format!("`:{name}` has no value in `rows`"))
                .help("a select that is read in a table's place knows `:tenant` alone; filters are put around it");
            None
        }
    })
}

/// `{ sql: "first || ' ' || last" }`: the name of the column that it makes.
pub(super) fn expression(
    node: &Node,
    target: &str,
    engine: Engine,
    computed: &mut Vec<(Ident, OwnSql)>,
    faults: &mut Faults,
) -> Option<Ident> {
    let (own, writes) = cut(node, engine, "`sql`", faults)?;
    if writes {
        faults
            .error(node.span, "bad-sql", "this is no expression")
            .help("write what makes a value of a row's columns: `sql: \"first || ' ' || last\"`");
        return None;
    }
    let own = own.named(|name| {
        faults
            .error(node.span, "unknown-name", format!("`:{name}` has no value in an expression"))
            .help("name columns, as SQL does: `sql: \"first || ' ' || last\"`");
        None
    })?;
    // PostgreSQL cuts longer names
    let known = |name: &str| computed.iter().any(|(known, _)| known.0 == name);
    // a dot would be between a schema and a name
    let mut name = format!("{COMPUTED}{}", target.replace('.', "/"));
    if name.len() > 60 || known(&name) {
        name = format!("{COMPUTED}{}", computed.len());
    }
    computed.push((Ident(name.clone()), own));
    Some(Ident(name))
}

/// What is read, with the columns that expressions make. `row`: a column that every row of a table has without being
/// asked, and what stands in the table's place has not.
pub(super) fn with_computed(rows: Rows, mut computed: Vec<(Ident, OwnSql)>, row: Option<&Ident>) -> Rows {
    if computed.is_empty() {
        return rows;
    }
    let select = rows.view.as_ref().and_then(|view| view.select.clone());
    if let (None, Some(row)) = (&select, row) {
        let own = crate::mapping::own::Part::Text(format!("t.{}", row.0));
        computed.push((row.clone(), OwnSql { parts: vec![own], verb: String::new() }));
    }
    Rows { name: rows.name, view: Some(Arc::new(View { select, computed })) }
}
