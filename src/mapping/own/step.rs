//! Statements of the app's own, as steps of a write.

use crate::{
    mapping::{answer::Class, rest::Becomes},
    scim::schema::Target,
};

use super::OwnSql;

/// One statement.
#[derive(Debug)]
pub struct OwnStep {
    /// The statement.
    pub sql: OwnSql,
    /// How many rows it must change or give.
    pub expect: Rows,
    /// What none means, where some are meant.
    pub or_else: Class,
    /// Names for what later steps use, each a column of its first row; `id` is the new record's key.
    pub keep: Vec<(String, String)>,
}

/// How many rows a statement changes or gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// One, no more and no less.
    One,
    /// One at least.
    Some,
    /// Any number.
    Any,
}

/// Statements for some changes.
#[derive(Debug)]
pub struct OwnRule {
    /// Which changes it takes; empty: those whose columns it names.
    pub when: Vec<(Target, Becomes)>,
    /// The statements, in order.
    pub steps: Vec<OwnStep>,
}

/// Who puts a member in and takes one out.
#[derive(Debug)]
pub struct OwnMembers {
    /// Puts one in, or several.
    pub add: OwnStep,
    /// Takes one out, or several.
    pub remove: OwnStep,
}

/// Everything that statements of the app's own do for a type.
#[derive(Debug, Default)]
pub struct Own {
    /// What makes a record; none: the table takes a row.
    pub create: Vec<OwnStep>,
    /// What changes one; what no rule takes the table takes.
    pub update: Vec<OwnRule>,
    /// What removes one.
    pub delete: Vec<OwnStep>,
}

impl Own {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.create.is_empty() && self.update.is_empty() && self.delete.is_empty()
    }

    /// Whether a create writes these columns.
    #[must_use]
    pub fn makes(&self, columns: &[&str]) -> bool {
        columns.iter().all(|column| self.create.iter().any(|step| step.sql.writes(column)))
    }
}

impl OwnRule {
    /// Whether a statement of it names this column as it becomes.
    #[must_use]
    pub fn writes(&self, column: &str) -> bool {
        self.steps.iter().any(|step| step.sql.writes(column))
    }

    /// Whether it may take changes of this attribute, which stands in these columns.
    #[must_use]
    pub fn may_take(&self, target: &Target, columns: &[&str]) -> bool {
        match self.when.is_empty() {
            true => !columns.is_empty() && columns.iter().all(|column| self.writes(column)),
            false => self.when.iter().any(|(t, _)| t.is(target)),
        }
    }
}

impl OwnStep {
    /// Whether it takes several members at once.
    #[must_use]
    pub fn takes_several(&self) -> bool {
        self.sql.names().any(|name| matches!(name, super::Name::Values))
    }
}
