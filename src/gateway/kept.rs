//! The rows that a walk keeps: those of the answer's page, in the answer's order, and little more.

use serde_json::{Map, Value};

use crate::{
    plan::query::Query,
    scim::sort::{Rank, Sort},
};

/// What matched so far.
pub(super) struct Kept<'q> {
    sort: Option<&'q Sort>,
    behind: Option<Rank>,
    skip: usize,
    count: usize,
    total: usize,
    rows: Vec<(Option<Rank>, Value)>,
}

impl<'q> Kept<'q> {
    /// For a page by index.
    pub(super) fn new(query: &'q Query<'_>) -> Self {
        let Query { skip, count, .. } = *query;
        Self { sort: query.sort.as_ref(), behind: None, skip, count, total: 0, rows: Vec::new() }
    }

    /// For a page by cursor of a sorted answer: what ranks behind this, and one more than the page to see whether there is
    /// any.
    pub(super) fn behind(query: &'q Query<'_>, rank: Option<Rank>) -> Self {
        Self { behind: rank, skip: 0, count: query.count.saturating_add(1), ..Self::new(query) }
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
        let rank = sort.rank(resource);
        if self.behind.as_ref().is_some_and(|behind| sort.compare(&rank, behind).is_le()) {
            return;
        }
        self.rows.push((Some(rank), row));
        let most = self.skip.saturating_add(self.count);
        if self.rows.len() / 2 > most {
            self.order(sort);
            self.rows.truncate(most);
        }
    }

    fn order(&mut self, sort: &Sort) {
        self.rows.sort_by(|a, b| match (&a.0, &b.0) {
            (Some(a), Some(b)) => sort.compare(a, b),
            _ => std::cmp::Ordering::Equal,
        });
    }

    /// The page, and how many matched in all.
    pub(super) fn page(mut self) -> (Vec<(Option<Rank>, Value)>, usize) {
        let skip = match self.sort {
            Some(sort) => {
                self.order(sort);
                self.skip
            }
            None => 0,
        };
        (self.rows.into_iter().skip(skip).take(self.count).collect(), self.total)
    }
}
