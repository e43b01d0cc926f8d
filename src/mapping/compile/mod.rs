//! From the file as written to the mapping as meant: everything is checked here, all faults together, nothing later.
//!
//! What is written is a tree of nodes that know their place (`yaml`); what is meant are the types of `mapping`. Words of
//! the language that are not built yet are refused by name.

mod attributes;
mod auth;
mod call;
mod cell;
mod change;
mod check;
mod codec;
mod draft;
mod facts;
mod filter;
mod frame;
mod gives;
mod kind;
mod language;
mod list;
mod name;
mod offer;
mod pace;
mod pages;
mod part;
mod path;
mod pattern;
mod quote;
mod relation;
mod rest;
mod schemas;
mod setting;
mod slots;
mod sql;
mod steps;
mod term;
mod time;

use std::{path::Path, sync::Arc};

use crate::{
    config::FileKind,
    diagnostic::{Diagnostics, Faults, Source},
    yaml::{self, Fields, Node},
};

use self::quote::Quotes;
use super::{
    App, Mapping,
    sql::Engine,
    vars::{self, Vars},
};

/// Reads and compiles a mapping file.
///
/// # Errors
/// Every fault found, each with its place; warnings come with the mapping.
pub fn load(path: &Path, vars: &Vars) -> Result<(Mapping, Diagnostics), Diagnostics> {
    match Source::read(path) {
        Ok(source) => compile(source, vars),
        Err(fault) => Err(fault.into()),
    }
}

/// Compiles the text of a mapping.
///
/// # Errors
/// As [`load`].
pub fn compile(source: Source, vars: &Vars) -> Result<(Mapping, Diagnostics), Diagnostics> {
    let mut faults = Faults::new(source);
    let mapping = yaml::parse(&mut faults).and_then(|mut root| {
        if !FileKind::Mapping.is_read_from(&root, &mut faults) {
            return None;
        }
        vars::fill(&mut root, vars, &mut faults);
        read(&root, &mut faults)
    });
    match mapping {
        Some(mapping) if !faults.has_errors() => Ok((mapping, faults.into_diagnostics())),
        _ => Err(faults.into_diagnostics()),
    }
}

fn read(root: &Node, faults: &mut Faults) -> Option<Mapping> {
    let mut fields = root.map(faults, "a mapping")?;
    match fields.required(faults, "mapping") {
        Some(version) if version.to_json() != serde_json::json!(1) => {
            faults
                .error(version.span, "unknown-version", "this is not a version of the mapping language")
                .help("write `mapping: 1`");
        }
        _ => {}
    }
    let languages = fields.entries(faults, "languages").iter().map(|(key, n)| (key.name.clone(), n.clone())).collect();
    let quotes = Quotes::read(&mut fields, faults);
    let app = fields.required(faults, "app").and_then(|n| n.map(faults, "`app`"));
    let schemas = schemas::Schemas::read(fields.entries(faults, "schemas"), faults);
    let entries = match fields.required(faults, "resources") {
        Some(node) => {
            let entries = node.entries(faults, "`resources`");
            if entries.is_some_and(<[_]>::is_empty) {
                faults
                    .error(node.span, "missing-key", "`resources` names no resource type")
                    .help("write `User:`, `Group:` or both");
            }
            entries.unwrap_or_default()
        }
        None => &[],
    };
    fields.finish(faults);
    let written = kind::types(entries, &schemas, faults);
    let mut app = app?;
    let (rest, sql) = (app.take("rest"), app.take("sql"));
    let span = app.span();
    app.finish(faults);
    let (app, resources) = match (rest, sql) {
        (Some(rest), None) => {
            let (app, shared) = rest::app(rest, quotes, languages, faults);
            let resources = rest::resources(&written, &shared, faults);
            let app = app.map(|mut app| {
                app.tenant = shared.tenant(&app.auth, faults);
                App::Rest(Arc::new(app))
            });
            (app, resources)
        }
        (None, Some(sql)) => {
            let app = sql::app(sql, faults);
            // where the URL is wrong, any engine will do to find the other faults
            let engine = app.as_ref().map_or(Engine::Sqlite, |app| app.url.engine());
            let made = sql::resources(&written, engine, app.as_ref(), faults);
            (app.map(|a| App::Sql(Arc::new(a))), made.into_iter().map(Arc::new).collect())
        }
        _ => {
            faults
                .error(span, "missing-key", "`app` needs one of `rest` and `sql`")
                .help("write `rest: { url: … }` or `sql: { url: … }`");
            return None;
        }
    };
    if !faults.has_errors() {
        resources.iter().for_each(|resource| check::check_open(resource, &resources, &written, faults));
    }
    Some(Mapping { app: app?, resources })
}

/// Refuses the keys of the language that are not built yet, by name.
fn not_supported(fields: &mut Fields<'_>, faults: &mut Faults, keys: &[(&'static str, &str)]) {
    for (key, what) in keys {
        if let Some((found, _)) = fields.take_refused(key) {
            faults.not_supported(found.span, &format!("{what} (`{key}`)"));
        }
    }
}
