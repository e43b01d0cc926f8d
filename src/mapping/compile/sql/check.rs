//! What holds between the parts of a table: each column is written by one hand, each row is in one list.

use crate::{
    diagnostic::Faults,
    mapping::{
        line::Source,
        sql::{Child, ColumnIs, ColumnTest, Ident, Stamp, Version},
    },
};

use super::super::attributes::Draft;

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
        let column = at.field().unwrap_or_default();
        let fixed = |t: &ColumnTest| t.column.0 == column && matches!(&t.is, ColumnIs::AnyOf(one) if one.len() == 1);
        let (who, access) = if key.0 == column && draft.line.update {
            ("the key", "[read, create]")
        } else if only.iter().filter(tenants).any(|t| t.column.0 == column) {
            ("the tenant's", "[read]")
        } else if version.is_some_and(|version| version.column.0 == column) {
            ("the version", "[read]")
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
