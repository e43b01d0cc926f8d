//! The rows that a walk keeps: those of the answer's page, in the answer's order, and little more.

use serde_json::{Map, Value};

use crate::{
    plan::query::Query,
    scim::sort::{Key, Sort},
};

/// What matched so far.
pub(super) struct Kept<'q> {
    sort: Option<&'q Sort>,
    skip: usize,
    count: usize,
    total: usize,
    rows: Vec<(Option<Key>, Value)>,
}

impl<'q> Kept<'q> {
    pub(super) fn new(query: &'q Query<'_>) -> Self {
        let Query { skip, count, .. } = *query;
        Self { sort: query.sort.as_ref(), skip, count, total: 0, rows: Vec::new() }
    }

    /// Takes one that matches. Without an order the page is known as it passes by; with one, whatever is behind the page
    /// so far is let go now and then.
    pub(super) fn add(&mut self, resource: &Map<String, Value>, row: Value) {
        self.total += 1;
        let Some(sort) = self.sort else {
            if self.total > self.skip && self.rows.len() < self.count {
                self.rows.push((None, row));
            }
            return;
        };
        self.rows.push((sort.key(resource), row));
        let most = self.skip.saturating_add(self.count);
        if self.rows.len() / 2 > most {
            self.order(sort);
            self.rows.truncate(most);
        }
    }

    /// Stable, and what came later stands behind: so equal ones stay as the app holds them.
    fn order(&mut self, sort: &Sort) {
        self.rows.sort_by(|a, b| sort.compare(a.0.as_ref(), b.0.as_ref()));
    }

    /// The page, and how many matched in all.
    pub(super) fn page(mut self) -> (Vec<Value>, usize) {
        let skip = match self.sort {
            Some(sort) => {
                self.order(sort);
                self.skip
            }
            None => 0,
        };
        (self.rows.into_iter().skip(skip).take(self.count).map(|(_, row)| row).collect(), self.total)
    }
}
