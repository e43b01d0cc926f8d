//! What only the app itself can tell of a mapping, for `portolan check --live`: whether it is there, and whether it is as the
//! mapping says. Nothing is written.

mod http;
mod look;
mod rules;

use std::{collections::HashMap, sync::Arc};

use crate::{
    backend::{self, Backend, sql::Sql},
    config::Tenant,
    diagnostic::{Diagnostic, Diagnostics, Severity},
    mapping::{App, Mapping, Records, catalog::Catalog},
    plan::sql::{
        index::{self, Index, Lack, What},
        names,
    },
};

use super::{Limits, catalog};

/// The code of what is wrong with no file: there is no app to ask.
pub const NO_ANSWER: &str = "no-answer";

/// Holds a mapping against its app; `tenant` is that of some client, where the mapping keeps tenants apart.
pub async fn live(
    mapping: &mut Mapping,
    of_call: backend::Limits,
    limits: Limits,
    tenant: Option<Arc<Tenant>>,
) -> Diagnostics {
    let backend = match Backend::open(&mapping.app, of_call).await {
        Ok(backend) => backend,
        Err(why) => return none(&why.to_string()),
    };
    if let Err(failure) = backend.ping().await {
        return none(&format!("the app does not answer: {failure}"));
    }
    match &mapping.app {
        App::Rest(_) => http::http(mapping, backend, limits, tenant).await,
        App::Sql(_) => {
            let catalog = catalog(&backend, mapping).await;
            let Backend::Sql(sql) = &backend else { return Diagnostics::default() };
            database(sql, catalog, mapping).await
        }
    }
}

/// A database: its columns, and the indexes that look-ups and promises need.
async fn database(sql: &Sql, catalog: Result<Catalog, String>, mapping: &mut Mapping) -> Diagnostics {
    match catalog {
        Ok(catalog) => mapping.learn(catalog),
        Err(why) => return Diagnostic::new(Severity::Error, "unfit-database", why).into(),
    }
    let mut found = Diagnostics::default();
    for resource in &mapping.resources {
        let Records::Sql(records) = &resource.records else { continue };
        let mut known: HashMap<String, Vec<Index>> = HashMap::new();
        for (table, _) in names::tables(records) {
            match sql.indexes(&table).await {
                Ok(Some(indexes)) => drop(known.insert(table, indexes)),
                Ok(None) => {}
                Err(failure) => return none(&format!("the indexes of `{table}` cannot be read: {failure}")),
            }
        }
        found.extend(index::missing(resource, records, &|table| known.get(&table.0).cloned()).into_iter().map(told));
    }
    found
}

fn told(Lack { what, message, help }: Lack) -> Diagnostic {
    let mut fault = match what {
        What::Index => Diagnostic::new(Severity::Warning, "missing-index", message),
        What::Unique => Diagnostic::new(Severity::Warning, "not-unique", message),
        What::Case => Diagnostic::new(Severity::Advice, "letter-case", message),
    };
    fault.help(help);
    fault
}

fn none(why: &str) -> Diagnostics {
    let mut fault = Diagnostic::new(Severity::Error, NO_ANSWER, why);
    fault.help("start the app, or correct its address in the variables of the configuration");
    fault.into()
}
