//! Reading what keeps clients to what is theirs: whose rows they see, which rows exist, which are never written, and which
//! version a write is meant for.

use crate::{
    diagnostic::Faults,
    mapping::sql::{Bump, ColumnIs, ColumnTest, Engine, TenantColumn, Version},
    yaml::{Fields, Node},
};

use super::column::{ident, tenants_value, tests};

/// `{ column: tenant_id, is: "{{tenant.number}}" }`: of a tenant's values one, and nothing around it.
pub(super) fn tenant(node: &Node, faults: &mut Faults) -> Option<TenantColumn> {
    let mut fields = node.map(faults, "`tenant`")?;
    let column = fields.required(faults, "column").and_then(|n| ident(n, faults));
    let is = fields.required(faults, "is");
    fields.finish(faults);
    let is = is?;
    let name = tenants_value(is.text(faults, "`is`")?);
    if name.is_none() {
        faults
            .error(is.span, "bad-value", format!("`{}` is not a value of the client's tenant", faults.written(is.span)))
            .help("write `\"{{tenant.number}}\"`, where `number` is a name under the `tenants` of portolan.yaml");
    }
    Some(TenantColumn { column: column?, is: name? })
}

/// What is true of every row of a type that exists for SCIM: its tenant's, and what `where` says.
pub(super) fn scope(fields: &mut Fields<'_>, tenant: Option<&TenantColumn>, faults: &mut Faults) -> Vec<ColumnTest> {
    let own = fields.take("where").map(|n| tests(n, "`where`", faults)).unwrap_or_default();
    let tenant = match fields.take("tenant") {
        Some(node) => {
            if node.as_text() != Some("none") {
                faults.error(node.span, "bad-value", "a resource type says of its tenant only that it has none").help(
                    "leave `tenant` out; or write `tenant: none`, and every tenant's clients see all its records",
                );
            } else if tenant.is_none() {
                faults
                    .error(node.span, "no-effect", "the app keeps no tenants apart")
                    .help("leave `tenant` out, or say by which column: `app.sql.tenant: { column, is }`");
            }
            None
        }
        None => tenant,
    };
    let test = |t: &TenantColumn| ColumnTest { column: t.column.clone(), is: ColumnIs::Tenant(t.is.clone()) };
    tenant.map(test).into_iter().chain(own).collect()
}

/// Which rows may be read and never written.
pub(super) fn protect(fields: &mut Fields<'_>, faults: &mut Faults) -> Vec<ColumnTest> {
    let Some(node) = fields.take("protect") else { return Vec::new() };
    if node.as_map().is_some_and(<[_]>::is_empty) {
        faults
            .error(node.span, "empty-test", "`protect` tests nothing")
            .help("say which records: `protect: { login: [root, admin] }`, or leave it out");
    }
    tests(node, "`protect`", faults)
}

/// `rev`, or `{ column: rev, bump: app }`; the row's own on an engine that has one.
pub(super) fn version(node: &Node, engine: Engine, faults: &mut Faults) -> Option<Version> {
    if node.as_text() == Some("xmin") && engine == Engine::Postgres {
        return Some(Version { column: ident(node, faults)?, bump: Bump::Row });
    }
    if node.as_map().is_none() {
        return Some(Version { column: ident(node, faults)?, bump: Bump::One });
    }
    let mut fields = node.map(faults, "`version`")?;
    let column = fields.required(faults, "column").and_then(|n| ident(n, faults));
    let bump = fields.take("bump");
    fields.finish(faults);
    let bump = match bump {
        Some(node) if node.as_text() == Some("now") => {
            faults
                .error(node.span, "bad-value", "a time does not tell apart two changes of one moment")
                .help("leave `version` out: the version is then made of the values themselves");
            return None;
        }
        Some(node) if node.to_json() == serde_json::json!(1) || node.as_text() == Some("+1") => Bump::One,
        Some(node) => node.choice(faults, "`bump`", &[("+1", Bump::One), ("app", Bump::App)])?,
        None => Bump::One,
    };
    Some(Version { column: column?, bump })
}
