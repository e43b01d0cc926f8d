//! The rows that a walk keeps: those of the answer's page, in the answer's order, and little more.

use serde_json::{Map, Value};

use crate::{
    plan::{
        Fault,
        follow::Place,
        query::{Query, Row},
    },
    scim::sort::{Rank, Sort},
};

/// A row and its place in the order, if it has one of its own.
type Ranked<'q> = (Option<Rank>, Row<'q>);

/// Holds the rows that the database has sorted against the order of the answer: like a filter, an order is believed when
/// it is seen (law 4).
pub(super) struct InOrder<'q> {
    sort: Option<&'q Sort>,
    last: Option<Rank>,
}

impl<'q> InOrder<'q> {
    pub(super) fn new(query: &'q Query<'_>) -> Self {
        Self { sort: query.sort.as_ref().filter(|_| query.sorted_here.is_none()), last: None }
    }

    /// The next row.
    pub(super) fn check(&mut self, resource: &Map<String, Value>) -> Result<(), Fault> {
        let Some(sort) = self.sort else { return Ok(()) };
        let rank = sort.rank(resource);
        if self.last.as_ref().is_some_and(|last| sort.compare(last, &rank).is_ge()) {
            let what = format!("the database sorts `{}` otherwise than SCIM does; is it in UTF-8?", sort.target());
            return Err(Fault::Unmade(what));
        }
        self.last = Some(rank);
        Ok(())
    }
}

/// What matched so far.
pub(super) struct Kept<'q> {
    sort: Option<&'q Sort>,
    behind: Option<Rank>,
    skip: usize,
    count: usize,
    total: usize,
    /// Behind the last row that passed before the page was full.
    end: Option<Place>,
    rows: Vec<Ranked<'q>>,
}

impl<'q> Kept<'q> {
    /// For a page by index.
    pub(super) fn new(query: &'q Query<'_>) -> Self {
        let Query { skip, count, .. } = *query;
        Self { sort: query.sorts_here(), behind: None, skip, count, total: 0, end: None, rows: Vec::new() }
    }

    /// For a page by cursor of a sorted answer: what ranks behind this, and one more than the page to see whether there is
    /// any.
    pub(super) fn behind(query: &'q Query<'_>, rank: Option<Rank>) -> Self {
        Self { behind: rank, skip: 0, count: query.count.saturating_add(1), ..Self::new(query) }
    }

    /// A row passes, one that matches or not: as long as the page is not full, it ends behind that row. In an order pages end
    /// nowhere in the app.
    pub(super) fn pass(&mut self, behind: impl FnOnce(Option<Place>) -> Option<Place>) {
        if self.sort.is_none() && self.total < self.skip.saturating_add(self.count) {
            self.end = behind(self.end.take());
        }
    }

    /// Takes one that matches. Without an order the page is known as it passes by; with one, whatever is behind the page
    /// so far is let go now and then.
    pub(super) fn add(&mut self, resource: &Map<String, Value>, row: Row<'q>) {
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

    /// The page, how many matched in all, and where the page ended if more of them came behind it.
    pub(super) fn page(mut self) -> (Vec<Ranked<'q>>, usize, Option<Place>) {
        let skip = match self.sort {
            Some(sort) => {
                self.order(sort);
                self.skip
            }
            None => 0,
        };
        let end = self.end.filter(|_| self.total > self.skip.saturating_add(self.count));
        (self.rows.into_iter().skip(skip).take(self.count).collect(), self.total, end)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use serde_json::json;

    use super::*;
    use crate::scim::published;

    #[test]
    fn an_order_is_believed_when_it_is_seen() {
        let sort = Sort::parse("userName", Some("descending"), &published::resource_type("User")).unwrap();
        let person = |id: &str, name: &str| json!({"id": id, "userName": name}).as_object().unwrap().clone();
        let believed = |rows: &[Map<String, Value>]| {
            let mut order = InOrder { sort: Some(&sort), last: None };
            rows.iter().all(|row| order.check(row).is_ok())
        };
        assert!(believed(&[person("3", "Ü"), person("1", "b"), person("2", "B"), person("9", "a")]));
        assert!(!believed(&[person("1", "b"), person("3", "Ü")]));
        assert!(!believed(&[person("2", "b"), person("1", "B")]), "who is equal comes by id");
        assert!(!believed(&[person("1", "b"), person("1", "b")]), "nobody comes twice");
    }
}
