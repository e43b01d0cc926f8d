//! `vars`: what a mapping's `${NAME}` stands for, among it databases that the gateway makes where they are missing.

use std::collections::BTreeMap;
use std::path::{Component, Path};

use crate::diagnostic::{Faults, Place};
use crate::yaml::{Fields, Key, Node};

use super::{Database, Secret, Var, variables};

/// Reads the variables. Scripts stand relative to `folder`, databases in `data`.
pub(super) fn read(
    entries: &[(Key, Node)],
    folder: &Path,
    data: &Path,
    faults: &mut Faults,
) -> (BTreeMap<String, Var>, Vec<Database>) {
    let mut vars = BTreeMap::new();
    let mut databases: Vec<Database> = Vec::new();
    for (key, node) in entries {
        if !variables::is_name(&key.name) {
            faults
                .error(key.span, "bad-value", format!("`{}` is not a name for a variable", key.name))
                .help("write letters, digits and `_`, not beginning with a digit");
            continue;
        }
        let what = format!("`{}`", key.name);
        let (value, secret) = if node.get("sqlite").is_some() {
            let Some(fields) = node.map(faults, &what) else { continue };
            let Some(database) = database(fields, folder, data, faults) else { continue };
            if databases.iter().any(|other| other.file == database.file) {
                faults.error(node.span, "duplicate-name", "another variable is this database");
            }
            let url = format!("sqlite:{}", database.file.display());
            databases.push(database);
            (Some(url), false)
        } else if node.as_map().is_some() {
            let Some(mut fields) = node.map(faults, &what) else { continue };
            let value = fields.required(faults, "value").and_then(|value| value.text(faults, "`value`"));
            let secret = fields.bool(faults, "secret").unwrap_or(false);
            fields.finish(faults);
            (value.map(str::to_owned), secret)
        } else {
            (node.text(faults, &what).map(str::to_owned), false)
        };
        if let Some(value) = value {
            // A value may be a password even where nobody marked it as secret: it is not drawn beside a warning.
            let written = node.get("value").unwrap_or(node);
            let source = faults.source();
            let masked = written.as_text().is_some() && !faults.written(written.span).contains("${");
            let source = if masked { source.masked(written.span) } else { source.clone() };
            let place = Place { source, span: key.span };
            vars.insert(key.name.clone(), Var { value: Secret::new(value), secret, place });
        }
    }
    (vars, databases)
}

/// `{ sqlite: hr.sqlite, from: hr.sql }`: the file has a bare name, so that nothing outside the data folder is made.
fn database(mut fields: Fields<'_>, folder: &Path, data: &Path, faults: &mut Faults) -> Option<Database> {
    let file = fields.take("sqlite")?;
    let script = fields.required(faults, "from").and_then(|n| n.text(faults, "`from`"));
    fields.finish(faults);
    let name = file.text(faults, "`sqlite`")?;
    let mut parts = Path::new(name).components();
    let bare = matches!((parts.next(), parts.next()), (Some(Component::Normal(part)), None) if part == name);
    if !bare || name.contains(['\\', '\0']) {
        faults
            .error(file.span, "bad-value", format!("`{}` is not the bare name of a file", faults.written(file.span)))
            .help(
                "the file stands in the data folder: write `hr.sqlite`; for a database elsewhere write its URL as text",
            );
        return None;
    }
    Some(Database { file: data.join(name), script: folder.join(script?) })
}
