//! What holds between the parts of a table: each column is written by one hand, each row is in one list.

use crate::{
    diagnostic::{Faults, Span},
    mapping::{
        line::Source,
        own::Own,
        rest::To,
        selector::{Selector, Step},
        sql::{Beside, Bump, COMPUTED, Child, ColumnIs, ColumnTest, Form, Ident, Stamp, Version},
    },
    yaml::Node,
};

use super::{super::draft::Draft, line::Lists};

/// A column is written by one hand: a line that may change it, or what is fixed for all rows.
pub(super) fn check_columns(
    drafts: &[Draft<'_>],
    key: &Ident,
    only: &[ColumnTest],
    touch: &[(Ident, Stamp)],
    version: Option<&Version>,
    faults: &mut Faults,
) {
    let tenants = |test: &&ColumnTest| matches!(test.is, ColumnIs::Tenant(_));
    for draft in drafts.iter().filter(|d| d.line.create || d.line.update) {
        let Source::At { at, .. } = &draft.line.value else { continue };
        let Some([Step::Key(column)]) = at.steps() else { continue };
        let fixed = |t: &ColumnTest| t.column.0 == *column && matches!(&t.is, ColumnIs::AnyOf(one) if one.len() == 1);
        let (who, access) = if key.0 == *column && draft.line.update {
            ("the key", "[read, create]")
        } else if only.iter().filter(tenants).any(|t| t.column.0 == *column) {
            ("the tenant's", "[read]")
        } else if version.is_some_and(|version| version.column.0 == *column) {
            ("the version", "[read]")
        } else if only.iter().any(fixed) {
            ("fixed by `where`", "[read]")
        } else if draft.line.update && touch.iter().any(|(touched, _)| touched.0 == *column) {
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

/// Without a table no row is made, touched or removed.
pub(super) fn without_table(node: &Node, version: Option<&Version>, marks: bool, faults: &mut Faults) {
    let bumped = version.is_some_and(|version| version.bump != Bump::App);
    let words = ["insert", "touch", "delete", "version"].into_iter();
    let found = words
        .filter(|word| (*word != "version" || bumped) && (*word != "delete" || marks))
        .filter_map(|word| Some((word, node.get(word)?)));
    let from = node.get("key").and_then(|key| Some(("from", key.get("from")?)));
    for (word, node) in found.chain(from) {
        faults
            .error(node.span, "no-effect", format!("`{word}` writes a table, and none is named"))
            .help("add `table: …`, or leave it out");
    }
}

/// What no table takes and no statement names is not offered for writing; who says that it is has nobody to write it.
pub(super) fn unwritten(drafts: &mut [Draft<'_>], lists: &Lists, own: &Own, table: bool, faults: &mut Faults) {
    for draft in drafts {
        let columns = draft.line.columns(&lists.beside, &lists.cells);
        if columns.is_empty() || columns.iter().any(|column| column.starts_with(COMPUTED)) {
            continue;
        }
        let update = table || own.update.iter().any(|rule| rule.may_take(&draft.line.target, &columns));
        let create = if own.create.is_empty() { table } else { update || own.makes(&columns) };
        if let Some((_, creates, updates)) = draft.facts.access
            && (creates && !create || updates && !update)
        {
            faults
                .error(
                    draft.span,
                    "cannot-write",
                    format!("nothing says where `{}` is written", draft.line.target),
                )
                .help("add `table: …` to say which table has such a column, name it in a statement, or write `access: [read]`");
        }
        draft.line.create &= create;
        draft.line.update &= update;
    }
}

/// A value that a rule takes and no statement of it names would go nowhere, unless there is one such value alone.
pub(super) fn check_taken(drafts: &[Draft<'_>], lists: &Lists, own: &Own, span: Span, faults: &mut Faults) {
    for rule in &own.update {
        for (target, becomes) in &rule.when {
            let Some(draft) = drafts.iter().find(|draft| draft.line.target == *target) else { continue };
            let columns = draft.line.columns(&lists.beside, &lists.cells);
            let told = matches!(&becomes.to, Some(To::AnyOf(values)) if values.len() == 1)
                || matches!(&becomes.to, Some(To::Given(false)));
            let named = columns.iter().all(|column| rule.writes(column));
            if columns.is_empty() {
                faults
                    .error(
                        span,
                        "no-effect",
                        format!("`{target}` has rows of its own, which no rule of `update` takes"),
                    )
                    .help("leave it out of `when`");
            } else if !told && !named {
                faults
                    .error(
                        span,
                        "no-effect",
                        format!("a rule takes `{target}`, and no statement of it names what it becomes"),
                    )
                    .help(format!("name `:record.{}`, or take one value of it alone", columns.join("`, `:record.")));
            }
        }
    }
}

/// Two lists in one table need `where`, or each would take the other's rows for its own.
pub(super) fn check_children(drafts: &[Draft<'_>], children: &[Child], faults: &mut Faults) {
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

/// A row that goes with a value of its own is nobody else's row.
pub(super) fn check_rows(drafts: &[Draft<'_>], beside: &[Beside], children: &[Child], faults: &mut Faults) {
    let open = |a: &[ColumnTest], b: &[ColumnTest]| a.is_empty() || b.is_empty() || a == b;
    let lists = children.iter().map(|c| (&c.name, &c.table, &c.only));
    let others: Vec<_> = beside.iter().map(|b| (&b.name, &b.table, &b.only)).chain(lists).collect();
    for one in beside.iter().filter(|b| matches!(b.form, Form::Value(_))) {
        let shared = |(name, table, only): &&(&String, &Ident, &Vec<ColumnTest>)| {
            **name != one.name && **table == one.table && open(only, &one.only)
        };
        let Some((other, ..)) = others.iter().find(shared) else { continue };
        let mine = |d: &&Draft<'_>| matches!(&d.line.value, Source::At { at, .. } if at.field() == Some(&one.name));
        if let Some(draft) = drafts.iter().find(mine) {
            let (mine, other) = (&draft.line.target, other.trim_start_matches('@'));
            faults
                .error(
                    draft.span,
                    "shared-field",
                    format!("`{mine}` and `{other}` both take the rows of `{}`", one.table.0),
                )
                .help("tell their rows apart with `where`, or name the table under `beside` and use its columns");
        }
    }
}

/// A new key comes from one place.
pub(super) fn check_key(drafts: &[Draft<'_>], key: &Ident, from: Option<&Stamp>, faults: &mut Faults) {
    let writes = |d: &&Draft<'_>| {
        d.line.create && matches!(&d.line.value, Source::At { at, .. } if *at == Selector::key(&key.0))
    };
    if let (Some(_), Some(draft)) = (from, drafts.iter().find(writes)) {
        faults
            .error(
                draft.span,
                "shared-field",
                format!("`{}` writes the key, which comes from elsewhere", draft.line.target),
            )
            .help("leave `from` out of `key`, or write `access: [read]` here");
    }
}
