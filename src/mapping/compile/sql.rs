//! Reading what a mapping says of a database: tables, keys, conditions, and lines that name columns.

use std::path::PathBuf;

use serde_json::Value as Json;

use crate::{
    diagnostic::{Faults, Span},
    mapping::{
        Id, Records, Resource,
        codec::Codec,
        line::{Of, Source},
        selector::Selector,
        sql::{
            Child, ColumnIs, ColumnTest, Delete, Derived, Engine, Ident, Key, KeyKind, Reference, SqlApp, SqlRecords,
            Stamp, Url,
        },
        template::Template,
    },
    scim::published,
    yaml::{self, Node, Value},
};

use super::{
    attributes::{self, Draft, derived},
    check::{check_overlaps, check_required},
    codec::scalar,
    facts::Facts,
    kind::{self, Written},
    name::{named, published_target},
    offer::offer,
    sql_line::{Lists, said},
};

/// What other resource types need to know of one: its table, key, and which rows exist.
pub(super) struct Base {
    name: String,
    reference: Reference,
}

/// Reads `app.sql`.
pub(super) fn app(node: &Node, faults: &mut Faults) -> Option<SqlApp> {
    let mut fields = node.map(faults, "`sql`")?;
    super::not_supported(
        &mut fields,
        faults,
        &[
            ("schema", "schema names"),
            ("tenant", "tenant columns"),
            ("counters", "counter tables"),
            ("limits", "limits of their own"),
            ("answers", "answer rules for databases"),
        ],
    );
    let url = fields.required(faults, "url");
    fields.finish(faults);
    let url = url?;
    let text = url.text(faults, "`url`")?;
    match text.split_once(':') {
        Some(("sqlite", path)) if !path.trim_start_matches("//").is_empty() => {
            Some(SqlApp { url: Url::Sqlite(PathBuf::from(path.strip_prefix("//").unwrap_or(path))) })
        }
        Some(("postgres" | "postgresql" | "mysql" | "mariadb", _)) => {
            faults.not_supported(url.span, "databases other than SQLite");
            None
        }
        _ => {
            faults
                .error(url.span, "bad-url", "this is not the URL of a database")
                .help("write `sqlite:` and the path of a file");
            None
        }
    }
}

/// Reads the resource types; first their tables, as each may refer to the other's.
pub(super) fn resources(written: &[Written<'_>], engine: Engine, faults: &mut Faults) -> Vec<Resource> {
    let bases: Vec<Base> = written.iter().filter_map(|w| base(w, &mut Faults::new(faults.source().clone()))).collect();
    let around = Around { engine, types: written, bases: &bases };
    let mut made: Vec<Resource> = written.iter().filter_map(|w| resource(w, &around, faults)).collect();
    derive_groups(&mut made, &around);
    made
}

fn base(written: &Written<'_>, faults: &mut Faults) -> Option<Base> {
    let mut fields = written.node.map(faults, written.name())?;
    let table = fields.required(faults, "table").and_then(|n| ident(n, faults))?;
    let (key, kind) = fields.required(faults, "key").and_then(|n| key(n, faults))?;
    let only = fields.take("where").map(|n| tests(n, faults)).unwrap_or_default();
    Some(Base { name: written.name().to_owned(), reference: Reference { table, key, kind, only } })
}

fn resource(written: &Written<'_>, around: &Around<'_>, faults: &mut Faults) -> Option<Resource> {
    let mut fields = written.node.map(faults, written.name())?;
    super::not_supported(
        &mut fields,
        faults,
        &[
            ("rows", "views read in place of a table"),
            ("beside", "tables beside the base table"),
            ("unique", "uniqueness checks"),
            ("version", "version columns"),
            ("with", "rows made together with the resource"),
            ("tenant", "tenant columns"),
            ("fixed", "fixed groups"),
            ("get", "statements of your own"),
            ("create", "statements of your own"),
            ("update", "statements of your own"),
            ("protect", "protected records"),
        ],
    );
    kind::skip(&mut fields);
    let all = &written.all;
    let table = fields.required(faults, "table").and_then(|n| ident(n, faults));
    let key = fields.required(faults, "key").and_then(|n| key(n, faults));
    let only = fields.take("where").map(|n| tests(n, faults)).unwrap_or_default();
    let insert = fields.take("insert").map(|n| stamps(n, faults)).unwrap_or_default();
    let touch = fields.take("touch").map(|n| stamps(n, faults)).unwrap_or_default();
    let delete = fields.take("delete");
    let mut lists = Lists::default();
    let mut drafts = Vec::new();
    for (name, node) in
        fields.required(faults, "attributes").and_then(|n| n.entries(faults, "`attributes`")).unwrap_or_default()
    {
        if let Some(named) = named(name, all, faults)
            && let Some(said) = said(node, &named, around, &mut lists, faults)
        {
            attributes::draft(&mut drafts, named, said, name.span, faults);
        }
    }
    let delete = delete.map_or(Delete::Rows, |n| read_delete(n, &only, faults));
    check_required(all, &drafts, written.span, faults);
    check_overlaps(&drafts, faults);
    fields.finish(faults);
    let kind = offer(all, &drafts);
    let (key, key_kind) = key?;
    check_columns(&drafts, &key, &only, &touch, faults);
    check_children(&drafts, &lists.children, faults);
    let columns = columns(&drafts, &key);
    let id = Id { at: Selector::key(&key.0), codec: Codec::Plain };
    let records = SqlRecords {
        engine: around.engine,
        table: table?,
        key: Key { column: key, kind: key_kind },
        only,
        columns,
        insert,
        touch,
        delete,
        children: lists.children,
        members: lists.members,
        groups: None,
        memberships: Vec::new(),
    };
    Some(Resource {
        kind,
        id,
        lines: drafts.into_iter().map(|d| d.line).collect(),
        records: Records::Sql(Box::new(records)),
    })
}

/// Whoever can be a member loses that with the record; a user has `groups`, read-only: never written twice in a mapping
/// (RFC 7643 §4.1.2).
fn derive_groups(made: &mut [Resource], around: &Around<'_>) {
    let found: Vec<(String, bool, Derived, Of)> = made
        .iter()
        .filter_map(|keeper| {
            let Records::Sql(records) = &keeper.records else { return None };
            let junction = records.members.as_ref()?;
            let other = around.reference(&keeper.kind.name)?;
            let display = keeper.lines.iter().find_map(|l| match &l.value {
                Source::At { at, codec: Codec::Plain } if l.target.to_string() == "displayName" => {
                    at.field().map(|f| Ident(f.to_owned()))
                }
                _ => None,
            });
            let derived = Derived {
                name: "groups".to_owned(),
                table: junction.table.clone(),
                link: junction.value.clone(),
                value: junction.link.clone(),
                other,
                display,
            };
            let of = Of { name: keeper.kind.name.clone(), endpoint: keeper.kind.endpoint.clone() };
            Some((junction.of.clone(), keeper.kind.schema.id == published::group().id, derived, of))
        })
        .collect();
    for (name, is_group, derived_from, of) in found {
        let Some(resource) = made.iter_mut().find(|r| r.kind.name == name) else { continue };
        if let Records::Sql(records) = &mut resource.records {
            records.memberships.push((derived_from.table.clone(), derived_from.link.clone()));
        }
        let all = around.types.iter().map(|t| &t.all).find(|all| all.name == name);
        let Some(all) = all.filter(|all| is_group && all.schema.id == published::user().id) else { continue };
        if resource.lines.iter().any(|l| l.target.attribute.name == "groups") {
            continue;
        }
        let Some(target) = published_target(all, "groups") else { continue };
        resource.lines.push(derived(target, Source::From { of, part: Some("groups".to_owned()) }));
        let drafts: Vec<Draft<'_>> = resource
            .lines
            .pop()
            .map(|line| Draft { line, facts: Facts::default(), span: Span { start: 0, end: 0 }, relation: None })
            .into_iter()
            .collect();
        let offered = offer(all, &drafts);
        resource.kind.schema.attributes.extend(offered.schema.attributes);
        resource.lines.extend(drafts.into_iter().map(|d| d.line));
        if let Records::Sql(records) = &mut resource.records {
            records.groups = Some(derived_from);
        }
    }
}

/// The other resource types, as one type's lines may refer to them.
pub(super) struct Around<'a> {
    engine: Engine,
    pub types: &'a [Written<'a>],
    bases: &'a [Base],
}

impl Around<'_> {
    /// The table of a type; none where it is written wrongly, which is said elsewhere.
    pub(super) fn reference(&self, name: &str) -> Option<Reference> {
        self.bases.iter().find(|b| b.name == name).map(|b| b.reference.clone())
    }
}

pub(super) fn ident(node: &Node, faults: &mut Faults) -> Option<Ident> {
    checked(node.text(faults, "a name in the database")?, node.span, faults)
}

fn column_name(key: &yaml::Key, faults: &mut Faults) -> Option<Ident> {
    checked(&key.name, key.span, faults)
}

fn checked(name: &str, span: Span, faults: &mut Faults) -> Option<Ident> {
    if name.is_empty() || name.contains(['\0', '.', '"']) || name.starts_with('$') {
        faults
            .error(span, "bad-name", format!("`{name}` is not a name in the database"))
            .help("write the bare name of a table or column, without quotes, dots or `$`");
        return None;
    }
    Some(Ident(name.to_owned()))
}

fn key(node: &Node, faults: &mut Faults) -> Option<(Ident, KeyKind)> {
    match &node.value {
        Value::Text(_) => Some((ident(node, faults)?, KeyKind::Integer)),
        Value::List(_) => {
            faults.not_supported(node.span, "keys of several columns");
            None
        }
        _ => {
            let mut fields = node.map(faults, "`key`")?;
            super::not_supported(&mut fields, faults, &[("from", "keys that the database does not generate")]);
            let column = fields.required(faults, "column").and_then(|n| ident(n, faults));
            let kind = fields.choice(faults, "type", &[("integer", KeyKind::Integer), ("text", KeyKind::Text)]);
            fields.finish(faults);
            Some((column?, kind.unwrap_or(KeyKind::Integer)))
        }
    }
}

pub(super) fn tests(node: &Node, faults: &mut Faults) -> Vec<ColumnTest> {
    let mut read = Vec::new();
    for (key, node) in node.entries(faults, "`where`").unwrap_or_default() {
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

pub(super) fn stamps(node: &Node, faults: &mut Faults) -> Vec<(Ident, Stamp)> {
    let mut read = Vec::new();
    for (key, node) in node.entries(faults, "columns and what is written into them").unwrap_or_default() {
        let stamp = match &node.value {
            Value::Text(text) if text == "now" => Stamp::Now,
            Value::Text(text) if text == "client" => Stamp::Client,
            Value::Text(text) if Template::has_holes(text) => {
                faults.not_supported(node.span, "texts made of attributes here");
                continue;
            }
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

fn read_delete(node: &Node, only: &[ColumnTest], faults: &mut Faults) -> Delete {
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
    super::not_supported(
        &mut fields,
        faults,
        &[("also", "deletions in other tables"), ("before", "statements of your own")],
    );
    let set = fields.take_entry("set").map(|(key, node)| (key.span, stamps(node, faults)));
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

/// A column is written by one hand: a line that may change it, or what is fixed for all rows.
fn check_columns(
    drafts: &[Draft<'_>],
    key: &Ident,
    only: &[ColumnTest],
    touch: &[(Ident, Stamp)],
    faults: &mut Faults,
) {
    for draft in drafts.iter().filter(|d| d.line.create || d.line.update) {
        let Source::At { at, .. } = &draft.line.value else { continue };
        let column = at.field().unwrap_or_default();
        let fixed = |t: &ColumnTest| t.column.0 == column && matches!(&t.is, ColumnIs::AnyOf(one) if one.len() == 1);
        let (who, access) = if key.0 == column && draft.line.update {
            ("the key", "[read, create]")
        } else if only.iter().any(fixed) {
            ("fixed by `where`", "[read]")
        } else if draft.line.update && touch.iter().any(|(touched, _)| touched.0 == column) {
            ("written by `touch`", "[read, create]")
        } else {
            continue;
        };
        faults
            .error(
                draft.span,
                "shared-field",
                format!("`{}` writes the column `{column}`, which is {who}", draft.line.target),
            )
            .help(format!("write `{{ column: {column}, access: {access} }}`, or let one of them go"));
    }
}

/// Two lists in one table need `where`, or each would take the other's rows for its own.
fn check_children(drafts: &[Draft<'_>], children: &[Child], faults: &mut Faults) {
    for (i, child) in children.iter().enumerate() {
        let open = |other: &&Child| other.table == child.table && (other.only.is_empty() || child.only.is_empty());
        if let Some(other) = children[..i].iter().find(open)
            && let Some(draft) = drafts.iter().find(|d| d.line.target.attribute.name == child.name)
        {
            faults
                .error(
                    draft.span,
                    "shared-field",
                    format!("`{}` and `{}` both take all rows of `{}`", child.name, other.name, child.table.0),
                )
                .help("tell their rows apart: `where: { kind: phone }`");
        }
    }
}

impl ColumnIs {
    /// Whether a row may still pass once this is written.
    fn may_hold(&self, stamp: &Stamp) -> bool {
        let holds = |values: &[Json]| match stamp {
            Stamp::Is(value) => values.contains(value),
            Stamp::Now | Stamp::Client => false,
        };
        match self {
            Self::AnyOf(values) => holds(values),
            Self::NoneOf(values) => !holds(values),
        }
    }
}

fn columns(drafts: &[Draft<'_>], key: &Ident) -> Vec<Ident> {
    let mut columns: Vec<Ident> = Vec::new();
    let mut add = |name: &str| {
        if name != key.0 && !columns.iter().any(|c| c.0 == name) {
            columns.push(Ident(name.to_owned()));
        }
    };
    for draft in drafts {
        match &draft.line.value {
            Source::At { at, .. } => at.field().into_iter().for_each(&mut add),
            Source::Text(template) => template.holes().iter().filter_map(|h| h.first()).for_each(|h| add(h)),
            Source::Slots(slots) => slots.iter().filter_map(|s| s.at.field()).for_each(&mut add),
            Source::Each(_) | Source::Constant(_) | Source::From { .. } => {}
        }
    }
    columns
}
