//! Tables beside the base table: those that `beside` names, and those that one line names for its value alone.

use crate::{
    diagnostic::{Faults, Span, did_you_mean},
    mapping::{
        codec::Codec,
        line::Source,
        selector::Selector,
        sql::{Beside, Form, Ident},
    },
    scim::schema::Type,
    yaml::Fields,
};

use super::{
    super::{codec::suits, draft::Said, facts::Facts, name::Named},
    column::{self, ident, stamps, tests},
    key::Keys,
};

/// Reads `beside`.
pub(super) fn tables(fields: &mut Fields<'_>, keys: Keys<'_>, faults: &mut Faults) -> Vec<(Span, Beside)> {
    let mut read = Vec::new();
    for (key, node) in fields.entries(faults, "beside") {
        let Some(mut fields) = node.map(faults, "a table beside") else { continue };
        if key.name.is_empty() || !key.name.chars().all(|c| c.is_alphanumeric() || c == '_') {
            faults
                .error(key.span, "bad-name", format!("`{}` is not a name that lines can use", key.name))
                .help("letters, digits and `_`: `profile`, used as `profile.title`");
        }
        let common = common(&mut fields, key.name.clone(), keys, faults);
        let name = fields.take("name").and_then(|n| ident(n, faults));
        let value = fields.take("value").and_then(|n| ident(n, faults));
        let span = fields.span();
        fields.finish(faults);
        let form = match (name, value) {
            (Some(name), Some(value)) => Form::Names { name, value, names: Vec::new() },
            (None, None) => Form::Row(Vec::new()),
            _ => {
                faults
                    .error(span, "missing-key", "rows of names and values need both `name` and `value`")
                    .help("name the column that holds the name, and the one that holds the value");
                continue;
            }
        };
        read.extend(common.map(|beside| (key.span, Beside { form, ..beside })));
    }
    read
}

/// What all of them say.
fn common(fields: &mut Fields<'_>, name: String, keys: Keys<'_>, faults: &mut Faults) -> Option<Beside> {
    let table = fields.required(faults, "table").and_then(|n| keys.table(n, faults));
    let link = fields.required(faults, "link").and_then(|n| ident(n, faults));
    let key = fields.take("key").and_then(|n| keys.read(n, table.as_ref(), faults));
    let only = fields.take("where").map(|n| tests(n, "`where`", faults)).unwrap_or_default();
    let mut insert = fields.take("insert").map(|n| stamps(n, keys.tenant, faults)).unwrap_or_default();
    let key = key.map(|key| {
        insert.extend(key.from.map(|from| (key.column.clone(), from)));
        key.column
    });
    Some(Beside { name, table: table?, link: link?, key, only, insert, form: Form::Value(None) })
}

/// A column of the base table, or `profile.title`: a column of a table beside, or one of its names.
pub(super) fn place(text: &str, span: Span, beside: &mut [Beside], faults: &mut Faults) -> Option<Selector> {
    let Some((table, part)) = text.split_once('.') else {
        return column::checked(text, span, faults).map(|c| Selector::key(&c.0));
    };
    let Some(found) = beside.iter_mut().find(|b| b.name == table && !b.name.starts_with('@')) else {
        let fault =
            faults.error(span, "bad-name", format!("`{text}` is no column: no table `{table}` stands under `beside`"));
        let names = beside.iter().map(|b| b.name.as_str()).filter(|name| !name.starts_with('@'));
        match did_you_mean(table, names) {
            Some(near) => fault.help(format!("write `{near}.{part}`")),
            None => fault.help(
                "write the bare name of a column, or add the table: `beside: { profile: { table: …, link: … } }`",
            ),
        };
        return None;
    };
    match &mut found.form {
        Form::Row(columns) => {
            let column = column::checked(part, span, faults)?;
            if !columns.contains(&column) {
                columns.push(column);
            }
        }
        Form::Names { names, .. } => {
            if part.is_empty() || part.contains('\0') {
                faults.error(span, "bad-name", format!("`{text}` names nothing")).help(format!("write `{table}.name`"));
                return None;
            }
            if !names.iter().any(|name| name == part) {
                names.push(part.to_owned());
            }
        }
        Form::Value(_) => {}
    }
    Some(Selector::keys([table, part]))
}

/// A table for one value: its `column`, or that a row `exists`.
pub(super) fn single<'n>(
    fields: &mut Fields<'n>,
    named: &Named,
    keys: Keys<'_>,
    beside: &mut Vec<Beside>,
    faults: &mut Faults,
) -> Option<Said<'n>> {
    let leaf = named.leaf();
    // Two items of one list have the same target.
    let mut name = format!("@{}", named.target);
    while beside.iter().any(|b| b.name == name) {
        name.push('+');
    }
    let common = common(fields, name.clone(), keys, faults);
    let column = fields.take("column").and_then(|n| ident(n, faults));
    let exists = fields.take_entry("exists").map(|(key, node)| {
        suits(key.span, "exists", &[Type::Boolean], leaf, faults);
        (key.span, node.bool(faults, "`exists`"))
    });
    if let (Some(_), Some((span, _))) = (&column, &exists) {
        faults
            .error(*span, "several-codecs", "the value is a column's, or that there is a row, not both")
            .help("keep one of them");
    }
    let (at, codec) = match (&column, exists) {
        (Some(column), _) => (Selector::keys([name.as_str(), &column.0]), column::codec(fields, leaf, faults)),
        (None, Some((_, when))) => (Selector::key(&name), Codec::Given(when?)),
        (None, None) => return None,
    };
    let facts = Facts::take(fields, leaf, faults);
    beside.push(Beside { form: Form::Value(column), ..common? });
    Some(Said { value: Source::At { at, codec }, facts, relation: None, writes: true })
}

/// Each table is used, and its name is nobody else's.
pub(super) fn check(
    spans: &[(Span, String)],
    beside: &[Beside],
    columns: &[Ident],
    lists: &[&str],
    faults: &mut Faults,
) {
    for (span, name) in spans {
        let used = beside.iter().any(|b| {
            b.name == *name
                && match &b.form {
                    Form::Row(columns) => !columns.is_empty(),
                    Form::Names { names, .. } => !names.is_empty(),
                    Form::Value(_) => true,
                }
        });
        if !used {
            faults
                .warning(*span, "no-effect", format!("no line uses the table `{name}`"))
                .help(format!("write `{name}.column` in a line, or leave the table out"));
        }
        if columns.iter().any(|c| c.0 == *name) || lists.contains(&name.as_str()) {
            faults
                .error(*span, "duplicate-name", format!("`{name}` is a column or a list as well"))
                .help("give the table beside another name here; `table` says what it is called in the database");
        }
    }
}
