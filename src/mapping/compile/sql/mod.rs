//! Reading what a mapping says of a database: tables, keys, conditions, and lines that name columns.

mod beside;
mod check;
mod column;
mod key;
mod line;
mod own;
mod reference;
mod scope;
mod statement;

use std::{path::PathBuf, sync::Arc};

use crate::{
    config::Secret,
    diagnostic::{Faults, Span},
    mapping::{
        Id, Records, Resource,
        answer::{AnswerRule, Class},
        cell::Cell,
        codec::Codec,
        line::{Of, Source},
        selector::{Selector, Step},
        sql::{Bump, Delete, Derived, Engine, Ident, Key, Reference, SqlApp, SqlRecords, Stamp, Url},
    },
    scim::published,
    yaml::Node,
};

use self::{
    check::{check_children, check_columns, check_key, check_rows},
    column::{alive, ident, read_delete, stamps},
    key::{KeyColumn, Keys, counters},
    line::{Lists, said},
    scope::{protect, scope, tenant, version},
};
use super::{
    attributes::{self, derived},
    cell,
    check::{check_overlaps, check_required},
    draft::Draft,
    facts::Facts,
    kind::{self, Written, existing},
    name::{named, published_target},
    not_supported,
    offer::offer,
    slots::check_slots,
};

/// What other resource types need to know of one: its table, key, and which rows exist.
pub(super) struct Base {
    name: String,
    reference: Reference,
    /// The sequence of its keys.
    sequence: Option<Ident>,
}

/// Reads `app.sql`.
pub(super) fn app(node: &Node, faults: &mut Faults) -> Option<SqlApp> {
    let mut fields = node.map(faults, "`sql`")?;
    let url = fields.required(faults, "url");
    let schema = fields.take("schema").and_then(|n| Some((n.span, ident(n, faults)?)));
    let tenant = fields.take("tenant").and_then(|n| tenant(n, faults));
    let counters = fields.take("counters").and_then(|n| counters(n, schema.as_ref().map(|(_, schema)| schema), faults));
    let answers: Arc<[_]> = fields.take("answers").map(|n| answers(n, faults)).unwrap_or_default().into();
    fields.finish(faults);
    let url = url?;
    let text = url.text(faults, "`url`")?;
    let place = match text.split_once(':') {
        Some(("sqlite", path)) if !path.trim_start_matches("//").is_empty() => {
            if let Some((span, _)) = schema {
                faults.error(span, "bad-value", "a file of SQLite has no schemas").help("leave `schema` out");
            }
            Url::Sqlite(PathBuf::from(path.strip_prefix("//").unwrap_or(path)))
        }
        Some(("postgres" | "postgresql", place)) if place.starts_with("//") => {
            Url::Postgres(Secret::new(text.to_owned()))
        }
        Some(("mysql" | "mariadb", place)) if place.starts_with("//") => Url::MariaDb(Secret::new(text.to_owned())),
        _ => {
            faults.error(url.span, "bad-url", "this is not the URL of a database").help(
                "write `sqlite:` and the path of a file, `postgres://user:password@host/database`, or `mariadb://…` alike",
            );
            return None;
        }
    };
    Some(SqlApp { url: place, schema: schema.map(|(_, schema)| schema), tenant, counters, answers })
}

/// What errors of the database mean: tests of what it says, as of a reply of an HTTP app.
fn answers(node: &Node, faults: &mut Faults) -> Vec<Arc<AnswerRule>> {
    let rules = super::call::answers_of(node, faults);
    let known = |rule: &Arc<AnswerRule>| !matches!(rule.then, Class::Ok | Class::Expired);
    if !rules.iter().all(known) {
        faults
            .error(node.span, "bad-value", "an error of a database is never success, and nobody signs in again")
            .help("write `absent`, `exists`, `refused`, `protected`, `denied`, `busy` or `broken`");
    }
    rules
}

/// Reads the resource types; first their tables, as each may refer to the other's.
pub(super) fn resources(
    written: &[Written<'_>],
    engine: Engine,
    app: Option<&SqlApp>,
    faults: &mut Faults,
) -> Vec<Resource> {
    let tenant = app.and_then(|app| app.tenant.as_ref());
    let (schema, counters) = (app.and_then(|app| app.schema.as_ref()), app.and_then(|app| app.counters.as_ref()));
    let keys = Keys { engine, schema, counters, tenant };
    let quiet = &mut Faults::new(faults.source().clone());
    let bases: Vec<Base> = written.iter().filter_map(|w| base(w, keys, quiet)).collect();
    let around = Around { keys, types: written, bases: &bases };
    let mut made: Vec<Resource> = written.iter().filter_map(|w| resource(w, &around, faults)).collect();
    derive_groups(&mut made, &around);
    made
}

fn base(written: &Written<'_>, keys: Keys<'_>, faults: &mut Faults) -> Option<Base> {
    let mut fields = written.node.map(faults, written.name())?;
    let (table, rows) = own::place(&mut fields, written.name(), keys, faults);
    let key = fields.required(faults, "key").and_then(|n| keys.read(n, table.as_ref(), faults))?;
    let only = scope(&mut fields, keys.tenant, faults);
    let protect = protect(&mut fields, faults);
    let reference = Reference { rows: rows?, key: key.column, kind: key.kind, only, protect };
    let sequence = if let Some(Stamp::Sequence(name)) = key.from { Some(name) } else { None };
    Some(Base { name: written.name().to_owned(), reference, sequence })
}

fn resource(written: &Written<'_>, around: &Around<'_>, faults: &mut Faults) -> Option<Resource> {
    let mut fields = written.node.map(faults, written.name())?;
    not_supported(
        &mut fields,
        faults,
        &[("with", "rows made together with the resource"), ("fixed", "fixed groups"), ("get", "statements that read")],
    );
    kind::skip(&mut fields);
    let all = &written.all;
    let (table, rows) = own::place(&mut fields, written.name(), around.keys, faults);
    let key = fields.required(faults, "key").and_then(|n| around.keys.read(n, table.as_ref(), faults));
    let only = scope(&mut fields, around.keys.tenant, faults);
    let protect = protect(&mut fields, faults);
    let version = fields.take("version").and_then(|n| version(n, around.keys.engine, faults));
    let mut insert = fields.take("insert").map(|n| stamps(n, around.keys.tenant, faults)).unwrap_or_default();
    let touch = fields.take("touch").map(|n| stamps(n, around.keys.tenant, faults)).unwrap_or_default();
    let (create, update, delete) = (fields.take("create"), fields.take("update"), fields.take("delete"));
    let (deletes, delete) = match delete {
        Some(node) if statement::is(node) => (Some(node), None),
        other => (None, other),
    };
    let (spans, named_beside): (Vec<_>, Vec<_>) = beside::tables(&mut fields, around.keys, faults)
        .into_iter()
        .map(|(span, b)| ((span, b.name.clone()), b))
        .unzip();
    let mut lists = Lists { beside: named_beside, ..Lists::default() };
    let (mut drafts, mut targets, mut references) = (Vec::new(), Vec::new(), Vec::new());
    for (name, node) in
        fields.required(faults, "attributes").and_then(|n| n.entries(faults, "`attributes`")).unwrap_or_default()
    {
        let Some(named) = named(name, all, faults) else { continue };
        if reference::is(node) {
            let made = reference::drafts(node, name.span, &named.target, around, &mut drafts, faults);
            targets.extend(drafts.last().map(|draft| draft.line.target.clone()));
            references.extend(made.map(|made| (name.span, made)));
            continue;
        }
        targets.push(named.target.clone());
        if let Some(said) = said(node, &named, around, &mut lists, faults) {
            attributes::draft(&mut drafts, named, said, name.span, faults);
        }
    }
    let known: Vec<Ident> = key.iter().map(|key| key.column.clone()).collect();
    let known: Vec<Ident> = match &key {
        Some(key) => columns(&drafts, &key.column, &lists.cells).into_iter().chain(known).collect(),
        None => known,
    };
    let setting = statement::Setting {
        engine: around.keys.engine,
        tenant: around.keys.tenant,
        columns: &known,
        beside: &lists.beside,
    };
    let own = setting.own((create, update, deletes), &offer(all, &drafts), faults);
    check::unwritten(&mut drafts, &lists, &own, table.is_some(), faults);
    check::check_taken(&drafts, &lists, &own, update.map_or(written.span, |node| node.span), faults);
    let delete = match (&table, delete) {
        _ if deletes.is_some() => Delete::Own,
        (None, _) => Delete::Never,
        (_, None) => Delete::Rows,
        (_, Some(node)) => read_delete(node, &only, around.keys.tenant, faults),
    };
    if rows.is_some() && table.is_none() {
        check::without_table(written.node, version.as_ref(), deletes.is_none(), faults);
    }
    check_required(all, &targets, written.span, faults);
    check_overlaps(&drafts, faults);
    check_slots(&drafts, faults);
    let kind = offer(all, &drafts);
    let existing = existing(&mut fields, &kind, alive(&delete, &only), faults);
    fields.finish(faults);
    let KeyColumn { column: key, kind: key_kind, from } = key?;
    check_key(&drafts, &key, from.as_ref(), faults);
    reference::check(&references, &key, faults);
    insert.extend(from.map(|from| (key.clone(), from)));
    check_columns(&drafts, &key, &only, &touch, version.as_ref(), faults);
    check_children(&drafts, &lists.children, faults);
    check_rows(&drafts, &lists.beside, &lists.children, faults);
    cell::check(&drafts, &lists.cells, faults);
    let mut columns = columns(&drafts, &key, &lists.cells);
    let of_lists: Vec<&str> = lists.children.iter().map(|c| c.name.as_str()).collect();
    beside::check(&spans, &lists.beside, &columns, &of_lists, faults);
    let shown = version.iter().filter(|version| version.bump != Bump::Row).map(|version| &version.column);
    columns.extend(shown.filter(|column| !columns.contains(column) && **column != key).cloned().collect::<Vec<_>>());
    let row = version.as_ref().filter(|version| version.bump == Bump::Row).map(|version| &version.column);
    let row = row.cloned();
    let id = Id { at: Selector::key(&key.0), codec: Codec::Plain };
    let records = SqlRecords {
        engine: around.keys.engine,
        catalog: Arc::default(),
        rows: own::with_computed(rows?, lists.computed, row.as_ref()),
        table,
        key: Key { column: key, kind: key_kind },
        only,
        protect,
        version,
        written: written_columns(&drafts, &columns),
        columns,
        insert,
        touch,
        delete,
        own,
        beside: lists.beside,
        cells: lists.cells,
        children: lists.children,
        references: references.into_iter().map(|(_, made)| made).collect(),
        members: reference::members(written, lists.members, around, faults),
        groups: None,
        memberships: Vec::new(),
    };
    Some(Resource {
        kind,
        id,
        lines: drafts.into_iter().map(|d| d.line).collect(),
        records: Records::Sql(Box::new(records)),
        existing,
    })
}

/// Whoever can be a member loses that with the record; a user has `groups`, read-only: never written twice in a mapping
/// (RFC 7643 §4.1.2).
fn derive_groups(made: &mut [Resource], around: &Around<'_>) {
    let found: Vec<(String, bool, Derived, Of)> = made
        .iter()
        .filter_map(|keeper| {
            let Records::Sql(records) = &keeper.records else { return None };
            Some((keeper, records, around.reference(&keeper.kind.name)?))
        })
        .flat_map(|(keeper, records, other)| records.members.iter().map(move |j| (keeper, j, other.clone())))
        .map(|(keeper, junction, other)| {
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
            (junction.of.clone(), keeper.kind.schema.id == published::group().id, derived, of)
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
    keys: Keys<'a>,
    pub types: &'a [Written<'a>],
    bases: &'a [Base],
}

impl Around<'_> {
    /// The table of a type; none where it is written wrongly, which is said elsewhere.
    pub(super) fn reference(&self, name: &str) -> Option<Reference> {
        self.bases.iter().find(|b| b.name == name).map(|b| b.reference.clone())
    }
}

/// Those of them that lines write.
fn written_columns(drafts: &[Draft<'_>], columns: &[Ident]) -> Vec<Ident> {
    let writes = |column: &&Ident| {
        drafts.iter().filter(|d| d.line.create || d.line.update).any(|draft| match &draft.line.value {
            Source::At { at, .. } => at.field() == Some(&column.0),
            Source::Slots(slots) => slots.iter().flat_map(|slot| &slot.fields).any(|f| f.at.field() == Some(&column.0)),
            Source::Each(each) => each.items.field() == Some(&column.0),
            Source::Text(_) | Source::Constant(_) | Source::Address { .. } | Source::From { .. } => false,
        })
    };
    columns.iter().filter(writes).cloned().collect()
}

/// The columns of the base table that lines read or write, without the key, each once.
fn columns(drafts: &[Draft<'_>], key: &Ident, cells: &[Cell]) -> Vec<Ident> {
    let mut columns: Vec<Ident> = Vec::new();
    let mut add = |name: &str| {
        if name != key.0 && !name.starts_with('@') && !columns.iter().any(|c| c.0 == name) {
            columns.push(Ident(name.to_owned()));
        }
    };
    let mut of = |at: &Selector| {
        if let Some([Step::Key(name)]) = at.steps() {
            add(name);
        }
    };
    cells.iter().for_each(|cell| of(&cell.at));
    for draft in drafts {
        match &draft.line.value {
            Source::At { at, .. } => of(at),
            Source::Slots(slots) => slots.iter().flat_map(|slot| &slot.fields).for_each(|field| of(&field.at)),
            Source::Text(template) => {
                template.holes().iter().filter(|h| h.len() == 1).for_each(|h| of(&Selector::key(&h[0])));
            }
            Source::Each(_) | Source::Constant(_) | Source::Address { .. } | Source::From { .. } => {}
        }
    }
    columns
}
