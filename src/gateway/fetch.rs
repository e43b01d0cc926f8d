//! Doing what a reading plan says: one record with its parts, a page of the app, or a walk through all of them.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::{
    backend::{Failure, Session},
    mapping::{Resource, answer::Class, rest::Total, translate},
    plan::{
        Fault,
        call::{Call, Reply},
        follow::Place,
        query::{Next, Position, Query, Row, Source, too_many},
        read::{self, ById, Needs},
    },
    scim::evaluate::evaluate,
};

use super::{
    Error, Gateway,
    anew::{Before, ROUNDS},
    detail::held,
    kept::{InOrder, Kept},
    walk::Walk,
};

/// The resources of one page and how many there are in all.
pub(super) struct Found {
    pub resources: Vec<Map<String, Value>>,
    pub total: usize,
    /// Where the page ended, if it was walked to and there is more.
    pub next: Option<Place>,
}

impl Gateway {
    /// One call that reads, within the request's budget.
    pub(super) async fn call(&self, session: &mut Session, call: &Call) -> Result<Reply, Error> {
        if session.calls() >= self.limits.calls as u64 {
            return Err(too_many(&format!("{} calls to the app", self.limits.calls)).into());
        }
        // What only reads has not acted, whatever became of its answer.
        Ok(session.call(call).await.map_err(|failure| Failure { sent: false, ..failure })?)
    }

    /// One call that reads and must be answered with ok.
    pub(super) async fn ok(&self, session: &mut Session, call: &Call) -> Result<Reply, Error> {
        let reply = self.call(session, call).await?;
        match reply.class {
            Class::Ok => Ok(reply),
            _ => Err(Error::of(reply)),
        }
    }

    /// A record by its id, with the parts that are needed; none if there is no such record.
    pub(super) async fn record(
        &self,
        session: &mut Session,
        resource: &Resource,
        id: &str,
        needs: &Needs<'_>,
    ) -> Result<Option<Value>, Error> {
        let Some(record) = self.base(session, resource, id).await? else { return Ok(None) };
        let mut records = vec![record];
        self.parts(session, resource, needs, &mut records).await?;
        Ok(records.pop())
    }

    /// A record by its id as it comes; none if there is no such record.
    pub(super) async fn base(
        &self,
        session: &mut Session,
        resource: &Resource,
        id: &str,
    ) -> Result<Option<Value>, Error> {
        Ok(self.any(session, resource, id).await?.filter(|record| resource.exists(record)))
    }

    /// The same of any record that the app has, whether it exists for SCIM or not.
    async fn any(&self, session: &mut Session, resource: &Resource, id: &str) -> Result<Option<Value>, Error> {
        let Some(record) = self.answered(session, resource, id).await? else { return Ok(None) };
        // Names that an app folds or trims: another record than the one asked for is not it.
        Ok((translate::id(resource, &record)? == id).then_some(record))
    }

    /// The record that the app has for this id.
    pub(super) async fn answered(
        &self,
        session: &mut Session,
        resource: &Resource,
        id: &str,
    ) -> Result<Option<Value>, Error> {
        let way = match read::by_id(resource, id, self.limits) {
            Err(Fault::Absent) => return Ok(None),
            way => way?,
        };
        let call = match way {
            ById::Call(call) => call,
            // a look into the list leads to no other in it
            ById::Query(query) => {
                let query = Query { hidden: true, ..*query };
                let (mut rows, ..) = Box::pin(self.all(session, &query)).await?.page();
                return Ok(rows.pop().map(|(_, row)| row.record));
            }
        };
        let reply = self.settled(session, resource, id, &call).await?;
        match reply.class {
            Class::Ok => Ok(read::record(resource, reply)?),
            Class::Absent => Ok(None),
            _ => Err(Error::of(reply)),
        }
    }

    /// All that a query of the gateway's own finds. That there is no more is only known when the list was read wholly.
    pub(super) async fn all<'q>(&self, session: &mut Session, query: &'q Query<'_>) -> Result<Kept<'q>, Error> {
        let client = session.client();
        let mut before = Before::default();
        for _ in 0..ROUNDS {
            if let Some(kept) = before.round(self.gather(session, query, Kept::new(query), &client).await)? {
                return Ok(kept);
            }
        }
        Err(before.error())
    }

    /// The resources that a query finds.
    pub(super) async fn query(&self, session: &mut Session, query: &Query<'_>, client: &str) -> Result<Found, Error> {
        self.query_after(Before::default(), session, query, client).await
    }

    /// The same, where a page of them was looked for before.
    pub(super) async fn query_after(
        &self,
        mut before: Before,
        session: &mut Session,
        query: &Query<'_>,
        client: &str,
    ) -> Result<Found, Error> {
        for _ in 0..ROUNDS {
            let found = match query.native {
                true => self.page(session, query).await,
                false => self.walk(session, query, client).await,
            };
            if let Some(found) = before.round(found)? {
                return Ok(found);
            }
        }
        Err(before.error())
    }

    /// The app's own page is the answer's page; nothing when the list changed between two calls.
    async fn page(&self, session: &mut Session, query: &Query<'_>) -> Result<Option<Found>, Error> {
        let mut rows = Vec::new();
        let mut told = None;
        let counted = match query.total_call()? {
            Some((call, at)) => {
                let reply = self.ok(session, &call).await?;
                let total = Total::read(at, &reply.body, &reply.headers);
                Some(total.ok_or_else(|| Fault::Unmade("the app's count is no number".to_owned()))?)
            }
            None => None,
        };
        for (nth, call) in query.page_calls()?.iter().enumerate() {
            let reply = self.ok(session, call).await?;
            let now = counted.or_else(|| query.told_total(&Position::default(), &reply));
            let page = self.rows(query, &Position::default(), reply)?;
            query.check_page(nth, page.len(), now)?;
            if nth > 0 && now != told {
                return Ok(None);
            }
            told = now;
            rows.extend(page);
        }
        let of = query.told(&Position::default());
        let rows = rows.into_iter().skip(query.page_offset()).take(query.count);
        let rows: Vec<Row<'_>> = rows.map(|record| Row { record, of }).collect();
        let total = match query.count_call(rows.len()) {
            Some(call) => {
                let reply = self.ok(session, &call).await?;
                let count =
                    reply.first_row().and_then(|row| row.get("count")?.as_u64()).and_then(|n| usize::try_from(n).ok());
                count.ok_or_else(|| Fault::Unmade("the count is no number".to_owned()))?
            }
            None => told.unwrap_or(query.skip + rows.len()),
        };
        // Whoever is gone by now is in that total.
        let Some(found) = self.complete(session, query, &query.looks_and_shows(), rows).await? else {
            return Ok(None);
        };
        let mut resources = Vec::with_capacity(found.len());
        let mut order = InOrder::new(query);
        for (_, resource) in found {
            order.check(&resource)?;
            if !evaluate(&query.condition, &resource) {
                return Err(Error::broken(query));
            }
            resources.push(resource);
        }
        Ok(Some(Found { resources, total, next: None }))
    }

    async fn walk(&self, session: &mut Session, query: &Query<'_>, client: &str) -> Result<Option<Found>, Error> {
        if let Source::Named(named) = &query.source {
            let among = query.among(named, self.whom(session, named).await?)?;
            return Box::pin(self.walk(session, &among, client)).await;
        }
        let Some(kept) = self.gather(session, query, Kept::new(query), client).await? else { return Ok(None) };
        let (rows, total, next) = kept.page();
        let rows = rows.into_iter().map(|(_, row)| row).collect();
        let Some(resources) = self.shown(session, query, rows).await? else { return Ok(None) };
        Ok(Some(Found { resources, total, next }))
    }

    /// Every row that may match is read and checked; nothing when the list changed meanwhile. Holds no more rows than the
    /// answer's page needs.
    pub(super) async fn gather<'q>(
        &self,
        session: &mut Session,
        query: &'q Query<'_>,
        mut kept: Kept<'q>,
        client: &str,
    ) -> Result<Option<Kept<'q>>, Error> {
        let mut walk = Walk::of(client);
        let mut at = Position::default();
        let (mut seen, mut read): (HashMap<String, usize>, usize) = (HashMap::new(), 0);
        let mut order = InOrder::new(query);
        let apart = matches!(&query.source, Source::Union(union) if union.stream);
        while let Some((rows, told, next)) = self.rows_at(session, query, &at, &mut walk).await? {
            read += rows.len();
            if read > self.limits.rows {
                return Err(query.too_many(&format!("{} rows of the app", self.limits.rows)).into());
            }
            let next = query.next(&at, rows.len(), rows.last(), told, next)?;
            let look = query.look(&at);
            let rows = query.once(&at, rows)?;
            let (count, mut again) = (rows.len(), 0);
            let Some(looked) = self.looked(session, query, &look, rows).await? else { return Ok(None) };
            for looked in looked {
                let row = self.checked(&look, looked)?;
                if let Some((resource, _)) = &row.found {
                    order.check(resource)?;
                }
                match seen.insert(row.id.clone(), at.side) {
                    // Two sides of a union may find the same, one list may not, nor two that exclude each other: there
                    // somebody moved, or the app does not know what tells its lists apart, and who is active is unknown.
                    Some(side) if side != at.side && !apart => continue,
                    // A look-up may be a join.
                    Some(side) if side == at.side && query.way(&at).own().is_some() => {
                        again += 1;
                        continue;
                    }
                    Some(_) => return Ok(None),
                    None => {}
                }
                kept.pass(|before| Place::behind(query, &at, row.row(), &row.id, before));
                let matches = row.matches(query);
                if let Some((resource, row)) = row.found.filter(|_| matches) {
                    kept.add(&resource, row);
                    if query.first {
                        return Ok(Some(kept));
                    }
                }
            }
            // With nobody new it is the page that came before.
            if again > 0 && again == count {
                return Ok(None);
            }
            match next {
                Next::Go(position) => at = *position,
                Next::End => break,
                Next::Drift => return Ok(None),
                Next::Cut => return Err(query.too_many("one full reply of the app, which may have cut it").into()),
            }
        }
        Ok(Some(kept))
    }

    /// The rows in an ok reply, with what holds of all rows of their list.
    fn rows(&self, query: &Query<'_>, at: &Position, reply: Reply) -> Result<Vec<Value>, Error> {
        let mut rows = query.rows(at, reply)?;
        if let Some(told) = query.told(at).filter(|told| !told.holds.is_empty()) {
            rows.iter_mut().try_for_each(|row| held(query.resource, told.holds, row, false))?;
        }
        Ok(rows)
    }

    /// One page of a walk: its rows, and the total and the next page that the app tells. Nothing where the walk has no call.
    pub(super) async fn rows_at(
        &self,
        session: &mut Session,
        query: &Query<'_>,
        at: &Position,
        walk: &mut Walk<'_>,
    ) -> Result<Option<(Vec<Value>, Option<usize>, Option<Value>)>, Error> {
        if let Some(rows) = query.rows_at_hand(at) {
            return Ok(Some((rows, None, None)));
        }
        let Some(call) = query.walk_call(at)? else { return Ok(None) };
        if session.calls() >= self.limits.calls as u64 {
            return Err(query.too_many(&format!("{} calls to the app", self.limits.calls)).into());
        }
        walk.goes_on(&self.walks)?;
        let reply = self.call(session, &call).await?;
        match reply.class {
            Class::Ok => {
                let (told, next) = (query.told_total(at, &reply), query.told_next(at, &reply));
                let mut rows = self.rows(query, at, reply)?;
                if query.gives_ids(at) {
                    rows = self.of_ids(session, query, &rows).await?;
                }
                Ok(Some((rows, told, next)))
            }
            Class::Absent if query.may_be_absent(at) => Ok(Some((Vec::new(), None, None))),
            _ => Err(Error::of(reply)),
        }
    }
}

impl Error {
    /// A row that does not fulfil what the app was said to answer exactly.
    pub(super) fn broken(query: &Query<'_>) -> Self {
        Self::BrokenPromise(match &query.source {
            Source::List(_, Some(by)) => by.text().to_owned(),
            _ => "the list itself".to_owned(),
        })
    }

    /// A reply that is not ok, as an error.
    pub(super) fn of(reply: Reply) -> Self {
        Self::App { class: reply.class, detail: reply.detail, retry_after: reply.retry_after, status: reply.status }
    }
}
