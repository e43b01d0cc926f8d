//! Where the app's own pages are the answer's: the calls for one, and whether they were answered with what was asked for.

use serde_json::Value;

use crate::{
    mapping::{
        reply::InReply,
        rest::{PageStyle, Total},
        term::Scope,
    },
    plan::{
        Fault,
        call::{Call, Reply},
        fill::fill,
        read,
        sql::select,
    },
};

use super::{Position, Query, Source, Table};

impl Query<'_> {
    /// The calls that read the page itself, where the app's pages are the answer's; one, or two where the page begins
    /// inside a page of the app.
    ///
    /// # Errors
    /// A call that cannot be made.
    pub fn page_calls(&self) -> Result<Vec<Call>, Fault> {
        let size = self.count.max(1);
        match &self.source {
            Source::Table(Table { records, pushed, order }) if self.count > 0 => {
                Ok(vec![Call::Sql(select::page(records, pushed, order, self.skip, self.count))])
            }
            Source::List(..) => match self.source.pages().map(|pages| &pages.by) {
                Some(PageStyle::Page) => {
                    let first = self.skip / size;
                    let last = if self.count == 0 { first } else { (self.skip + self.count - 1) / size };
                    (first..=last)
                        .map(|page| self.list_call(&Position { page, taken: page * size, ..Position::default() }, size))
                        .collect()
                }
                _ => Ok(vec![self.list_call(&Position { taken: self.skip, ..Position::default() }, size)?]),
            },
            _ => Ok(Vec::new()),
        }
    }

    /// How many rows of the first of [`Query::page_calls`] come before the answer's first.
    #[must_use]
    pub fn page_offset(&self) -> usize {
        match self.source.pages() {
            Some(pages) if matches!(pages.by, PageStyle::Page) => self.skip % self.count.max(1),
            _ => 0,
        }
    }

    /// Whether the `nth` of [`Query::page_calls`] was answered with what was asked for. Rows that the total does not know
    /// of, or fewer than were asked for, would make clients that count on in steps (`startIndex` 1, 101, 201 …) pass people
    /// over.
    ///
    /// # Errors
    /// A reply that does not fit the mapping's `pages`.
    pub fn check_page(&self, nth: usize, rows: usize, total: Option<usize>) -> Result<(), Fault> {
        let Some(pages) = self.source.pages() else { return Ok(()) };
        let total =
            total.ok_or_else(|| Fault::Unmade("the app's reply tells no total where the mapping says".to_owned()))?;
        let size = self.count.max(1);
        let by_page = matches!(pages.by, PageStyle::Page);
        let first = if by_page { (self.skip / size + nth) * size } else { self.skip };
        let left = total.saturating_sub(first);
        if rows == size.min(left) {
            return Ok(());
        }
        Err(Fault::Unmade(format!(
            "the app was asked for {size} rows from row {first} on, says that there are {total} in all, and gave {rows}; is `pages.max` more than it allows?"
        )))
    }

    /// The call that counts, where the app's count is the answer's total and the page's rows do not tell it already.
    #[must_use]
    pub fn count_call(&self, rows_on_page: usize) -> Option<Call> {
        match &self.source {
            Source::Table(Table { records, pushed, .. }) if self.native => {
                let told = rows_on_page < self.count && (rows_on_page > 0 || self.skip == 0);
                (!told).then(|| Call::Sql(select::count(records, pushed)))
            }
            _ => None,
        }
    }

    /// The call that tells the total of an HTTP app's list, where no reply of the list does.
    ///
    /// # Errors
    /// A call that cannot be made.
    pub fn total_call(&self) -> Result<Option<(Call, &InReply)>, Fault> {
        match self.source.pages().and_then(|pages| pages.total.as_ref()) {
            Some(Total::Call(call, at)) => Ok(Some((fill(call, &Scope::default())?, at))),
            _ => Ok(None),
        }
    }

    /// The token or link to the next page that a page's reply tells.
    #[must_use]
    pub fn told_next(&self, at: &Position, reply: &Reply) -> Option<Value> {
        self.way(at).pages().and_then(|pages| read::told_next(pages, reply))
    }

    /// The total that a page's reply tells.
    #[must_use]
    pub fn told_total(&self, at: &Position, reply: &Reply) -> Option<usize> {
        self.way(at).pages().and_then(|pages| pages.told_total(&reply.body, &reply.headers))
    }
}
