//! Small words of a table: names, keys, conditions on columns, and what is written into columns that SCIM does not name.

use serde_json::Value as Json;

use crate::{
    diagnostic::{Faults, Span},
    mapping::{
        codec::Codec,
        sql::{ColumnIs, ColumnTest, Delete, Ident, Stamp, TenantColumn},
        template::Template,
    },
    scim::schema::Attribute,
    yaml::{self, Fields, Node, Value},
};

use super::super::{self as compile, codec::scalar, not_supported};

pub(super) fn ident(node: &Node, faults: &mut Faults) -> Option<Ident> {
    checked(node.text(faults, "a name in the database")?, node.span, faults)
}

fn column_name(key: &yaml::Key, faults: &mut Faults) -> Option<Ident> {
    checked(&key.name, key.span, faults)
}

pub(super) fn checked(name: &str, span: Span, faults: &mut Faults) -> Option<Ident> {
    if name.is_empty() || name.contains(['\0', '.', '"']) || name.starts_with('$') {
        faults
            .error(span, "bad-name", format!("`{name}` is not a name in the database"))
            .help("write the bare name of a table or column, without quotes, dots or `$`");
        return None;
    }
    Some(Ident(name.to_owned()))
}

/// The codec of a column: its type says what is a number, and lists stand in tables of their own.
pub(super) fn codec(fields: &mut Fields<'_>, leaf: &Attribute, faults: &mut Faults) -> Codec {
    let others = [
        ("number", "number codecs over a database"),
        ("has", "`has` over a database"),
        ("lacks", "`lacks` over a database"),
        ("before", "cutting codecs over a database"),
        ("after", "cutting codecs over a database"),
    ];
    not_supported(fields, faults, &others);
    if others.iter().any(|(key, _)| fields.has(key)) {
        Codec::Plain
    } else {
        compile::codec::codec(fields, leaf, faults)
    }
}

/// `number` of `{{tenant.number}}`.
pub(super) fn tenants_value(text: &str) -> Option<String> {
    let template = Template::compile(text).ok()?;
    let [hole] = template.holes() else { return None };
    let [tenant, name] = hole.as_slice() else { return None };
    (tenant == "tenant" && template.text().trim() == format!("{{{{tenant.{name}}}}}")).then(|| name.clone())
}

pub(super) fn tests(node: &Node, what: &str, faults: &mut Faults) -> Vec<ColumnTest> {
    let mut read = Vec::new();
    for (key, node) in node.entries(faults, what).unwrap_or_default() {
        let is = match &node.value {
            Value::List(items) => ColumnIs::AnyOf(items.iter().filter_map(|n| scalar(n, "a value", faults)).collect()),
            Value::Map(_) => {
                let Some(mut fields) = node.map(faults, "a condition") else { continue };
                let not = fields.required(faults, "not");
                fields.finish(faults);
                match not.map(|n| (n, n.as_list())) {
                    Some((_, Some(all))) => {
                        ColumnIs::NoneOf(all.iter().filter_map(|n| scalar(n, "a value", faults)).collect())
                    }
                    Some((one, None)) => ColumnIs::NoneOf(scalar(one, "a value", faults).into_iter().collect()),
                    None => continue,
                }
            }
            _ => ColumnIs::AnyOf(vec![node.to_json()]),
        };
        let listed = node.get("not").unwrap_or(node);
        if listed.as_list().is_some_and(<[Node]>::is_empty) {
            faults.error(listed.span, "empty-test", "this expects nothing").help("list at least one value");
        }
        read.extend(column_name(key, faults).map(|column| ColumnTest { column, is }));
    }
    read
}

/// What is written into columns that SCIM does not name; `tenant`: whose the rows are, which those of other tables may say too.
pub(super) fn stamps(node: &Node, tenant: Option<&TenantColumn>, faults: &mut Faults) -> Vec<(Ident, Stamp)> {
    let mut read = Vec::new();
    for (key, node) in node.entries(faults, "columns and what is written into them").unwrap_or_default() {
        let stamp = match &node.value {
            Value::Text(text) if text == "now" => Stamp::Now,
            Value::Text(text) if text == "client" => Stamp::Client,
            Value::Text(text) if Template::has_holes(text) => match (tenants_value(text), tenant) {
                (Some(name), Some(tenant)) if name == tenant.is => Stamp::Tenant(name),
                (Some(_), _) => {
                    faults
                        .error(node.span, "bad-stamp", "this is not the value that keeps the app's tenants apart")
                        .help("write what `app.sql.tenant` says in `is`");
                    continue;
                }
                (None, _) => {
                    faults.not_supported(node.span, "texts made of attributes here");
                    continue;
                }
            },
            Value::Map(_) => match node.get("is") {
                Some(literal) => match scalar(literal, "what a column holds", faults) {
                    Some(value) => Stamp::Is(value),
                    None => continue,
                },
                None => {
                    faults
                        .error(node.span, "bad-stamp", "this is not what a column can hold")
                        .help("write a value, `now`, `client`, or `{ is: now }` for the word itself");
                    continue;
                }
            },
            _ => match scalar(node, "what a column holds", faults) {
                Some(value) => Stamp::Is(value),
                None => continue,
            },
        };
        read.extend(column_name(key, faults).map(|column| (column, stamp)));
    }
    read
}

pub(super) fn read_delete(
    node: &Node,
    only: &[ColumnTest],
    tenant: Option<&TenantColumn>,
    faults: &mut Faults,
) -> Delete {
    if node.as_text() == Some("rows") {
        return Delete::Rows;
    }
    if node.as_map().is_none() {
        faults
            .error(node.span, "bad-value", "`delete` is `rows` or a map with `set`")
            .help("write `delete: rows`, or `delete: { set: { deleted_at: now } }`");
        return Delete::Rows;
    }
    let Some(mut fields) = node.map(faults, "`delete`") else { return Delete::Rows };
    not_supported(&mut fields, faults, &[("also", "deletions in other tables"), ("before", "statements of your own")]);
    let set = fields.take_entry("set").map(|(key, node)| (key.span, stamps(node, tenant, faults)));
    fields.finish(faults);
    let Some((span, set)) = set else {
        faults.error(node.span, "missing-key", "`delete` needs `set`").help("say which column marks a row as deleted");
        return Delete::Rows;
    };
    let hides =
        only.iter().any(|test| set.iter().any(|(column, stamp)| *column == test.column && !test.is.may_hold(stamp)));
    if !hides {
        faults
            .error(span, "delete-stays", "after this `set` the record still exists for SCIM, so DELETE would do nothing")
            .help("let `where` test the column that `set` writes: `where: { deleted_at: null }`, `delete: { set: { deleted_at: now } }`");
    }
    Delete::Set(set)
}

/// Whether what `delete` has marked can be made as if it never was, else why not and what to do about it.
pub(super) fn alive(delete: &Delete, only: &[ColumnTest]) -> Result<(), (String, &'static str)> {
    let Delete::Set(set) = delete else {
        let why = "what was deleted comes back only where `delete` marks rows".to_owned();
        return Err((why, "write `delete: { set: … }`, or leave `existing` out"));
    };
    let marks = only.iter().filter(|test| set.iter().any(|(column, _)| *column == test.column));
    match marks.into_iter().find(|test| test.is.living().is_none()) {
        Some(test) => Err((
            format!("`where` does not say what `{}` holds in a row that is not deleted", test.column.0),
            "name the values that are meant: `where: { state: [A, L] }`; the first is written",
        )),
        None => Ok(()),
    }
}

impl ColumnIs {
    /// Whether a row may still pass once this is written.
    fn may_hold(&self, stamp: &Stamp) -> bool {
        let holds = |values: &[Json]| match stamp {
            Stamp::Is(value) => values.contains(value),
            _ => false,
        };
        match self {
            Self::AnyOf(values) => holds(values),
            Self::NoneOf(values) => !holds(values),
            Self::Tenant(_) => true,
        }
    }
}
