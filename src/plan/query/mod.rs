//! Reading many: which way in is the narrowest, what of the filter the app answers, what is checked here, and whether the
//! app's own pages and totals can be believed (law 4).

mod asked;
mod detail;
mod named;
pub mod own;
mod page;
mod several;
mod source;
mod walk;
mod width;
mod word;

use std::collections::BTreeSet;

use crate::{
    mapping::{
        Records, Resource,
        line::Line,
        rest::{Pages, Total},
        sql::KeyKind,
    },
    scim::{condition::Condition, projection::Projection, request, schema::Target, sort::Sort},
};

use super::{
    Context, Fault, Limits,
    sql::{
        filter::{Pushed, push},
        order::Order,
    },
};

pub use asked::Asked;
pub use detail::{Look, Row};
pub use named::Named;
pub use source::{By, Narrowed, Source, Table, Union};
pub(super) use source::{key_in, narrowed};
pub(super) use walk::BATCH;
pub use walk::{Next, Position, too_many};

/// A plan for a query.
#[derive(Debug)]
pub struct Query<'a> {
    /// The resource type.
    pub resource: &'a Resource,
    /// What every row in hand is checked against, always.
    pub condition: Condition,
    /// The order of the answer; none: the app's own.
    pub sort: Option<Sort>,
    /// Why the order is made here; none where there is none to make.
    pub sorted_here: Option<&'static str>,
    /// What the answer holds.
    pub projection: Projection,
    /// The first resource, from 0.
    pub skip: usize,
    /// How many.
    pub count: usize,
    /// The way in.
    pub source: Source<'a>,
    /// Whether the app answers the filter exactly, and says how many there are.
    pub exact: bool,
    /// Whether the app's own pages are the answer's pages.
    pub native: bool,
    /// Whether it is asked by cursor: a walk that goes on behind the last page.
    pub follows: bool,
    /// Whether records that do not exist for SCIM are found as well: a name that one of them has is taken.
    pub hidden: bool,
    /// Whether one match is all there can be, so that a walk ends with it.
    pub first: bool,
    /// Whom another record names, where the filter asks for these alone.
    pub only: Option<BTreeSet<String>>,
}

/// Plans a query.
///
/// # Errors
/// [`Fault::NotOffered`] where the mapping has no list.
pub fn plan<'a>(
    resource: &'a Resource,
    query: request::Query,
    projection: Projection,
    context: &Context<'_>,
) -> Result<Query<'a>, Fault> {
    let Limits { page, max_page, .. } = context.limits;
    let count = query.count.unwrap_or(page).min(max_page);
    // Nothing has an order of its own.
    let mut sort = query.sort.filter(|_| count > 0).map(|sort| match &resource.records {
        Records::Sql(records) if records.key.kind != KeyKind::Integer => sort.with_text_ids(),
        _ => sort,
    });
    // What an app does to letters it does to both sides of a comparison.
    let condition = query.condition.with_texts(&|target, op, text| match resource.line(target) {
        Some(line) if folds(line, target) => line.compared(op, text),
        _ => text,
    });
    let mut sorted_here = None;
    let source = match &resource.records {
        _ if condition == Condition::Never => Source::Nothing,
        Records::Rest(records) => {
            // Whose letters come first is for us to say: the app's page would be another one.
            sorted_here = sort.as_ref().map(|_| "an HTTP app sorts by rules of its own");
            let source = source::of_rest(resource, records, &condition, context.limits)?;
            // Pages of an answer are cut from one order, and what comes from several lists has none.
            let several = matches!(&source, Source::Union(union) if !union.stream) && count > 0;
            if (several || matches!(source, Source::Named(_))) && sort.is_none() {
                sort = Sort::by_id(&resource.kind);
                sorted_here = Some("what comes from several look-ups has no order of its own");
            }
            source
        }
        Records::Sql(records) => {
            let pushed =
                if condition == Condition::Always { Pushed::everything() } else { push(&condition, resource, records) };
            let order = match &sort {
                None => Order::by_key(records),
                Some(sort) => Order::of(sort, resource, records).unwrap_or_else(|why| {
                    sorted_here = Some(why);
                    Order::by_key(records)
                }),
            };
            Source::Table(Table { records, pushed, order })
        }
    };
    let no_scope = matches!(&resource.records, Records::Rest(records) if records.only.is_empty());
    let exact = match &source {
        Source::Nothing | Source::Key(_) | Source::Fixed(_) | Source::Union(_) | Source::Named(_) => false,
        Source::Table(table) => table.pushed.exact,
        Source::List(_, by) => {
            let told = |pages: &Pages| match &pages.total {
                Some(Total::Told(_)) => true,
                // it counts the list without a filter
                Some(Total::Call(..)) => by.is_none(),
                None => false,
            };
            // What does not exist for SCIM is on the app's pages and in its total.
            source.is_exact(&condition)
                && no_scope
                && source.pages().is_some_and(|pages| told(pages) && pages.at_random())
        }
    };
    let follows = query.cursor.is_some();
    let native = exact && sorted_here.is_none() && !follows;
    let count = match source.pages() {
        // More than one page of the app is not worth a second call: fewer than asked is allowed (RFC 7644 §3.4.2.4).
        Some(pages) if native => count.min(pages.max as usize),
        _ => count,
    };
    let skip = query.start_index.saturating_sub(1);
    let (first, hidden) = (false, false);
    Ok(Query {
        resource,
        condition,
        sort,
        sorted_here,
        projection,
        skip,
        count,
        source,
        exact,
        native,
        follows,
        hidden,
        first,
        only: None,
    })
}

/// Whether the line's fold is about this target: of a list it is about the values.
fn folds(line: &Line, target: &Target) -> bool {
    line.fold.is_some() && (!target.attribute.multi_valued || target.leaf().name == "value" || target.sub.is_none())
}

impl Query<'_> {
    /// The order, where it is made here.
    #[must_use]
    pub fn sorts_here(&self) -> Option<&Sort> {
        self.sort.as_ref().filter(|_| self.sorted_here.is_some())
    }
}
