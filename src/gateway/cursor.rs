//! A page by cursor (RFC 9865): opens the cursor, goes on where the last page ended, seals where this one does.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use crate::{
    backend::Session,
    mapping::{answer::Class, translate},
    plan::{
        Context,
        follow::Place,
        query::{Next, Query, Row, Source},
    },
    scim::message,
};

use super::{
    Error, Gateway,
    anew::{Before, ROUNDS},
    kept::{InOrder, Kept},
    seal,
    walk::Walk,
};

/// A page, and the place behind it if there is more.
pub(super) struct Page {
    pub resources: Vec<Map<String, Value>>,
    /// How many match in all, where that costs nothing.
    total: Option<usize>,
    pub next: Option<Place>,
}

impl Gateway {
    /// The list for a cursor; an empty one asks for the first page.
    pub(super) async fn by_cursor(
        &self,
        session: &mut Session,
        query: &Query<'_>,
        cursor: &str,
        context: &Context<'_>,
    ) -> Result<Value, Error> {
        let sort = query.sort.as_ref().map(|sort| (sort.target().to_string(), sort.descending()));
        let kind = &query.resource.kind.name;
        let bound = json!([context.asker(), self.base_path, kind, query.condition.to_string(), sort]).to_string();
        let from = match cursor {
            "" => None,
            cursor => {
                let opened = self.seal.open(cursor, &bound, context.now)?;
                Some(Place::from_json(&opened, query).ok_or_else(seal::invalid)?)
            }
        };
        let (mut page, mut before) = (None, Before::default());
        for _ in 0..ROUNDS {
            let read = match query.sorts_here() {
                Some(_) => self.sorted(session, query, from.clone(), context.client).await,
                None => self.behind(session, query, from.clone(), true, context.client).await,
            };
            page = before.round(read)?;
            if page.is_some() {
                break;
            }
        }
        let page = page.ok_or_else(|| before.error())?;
        let next = page.next.map(|place| self.seal.seal(&place.to_json(), &bound, context.now)).transpose()?;
        let resources = page.resources.into_iter().map(|mut resource| {
            query.projection.apply(&mut resource);
            Value::Object(resource)
        });
        Ok(message::cursor_response(resources.collect(), page.total, next))
    }

    /// All that matches is read and sorted, each time: the place is one in the order, not one in the app.
    async fn sorted(
        &self,
        session: &mut Session,
        query: &Query<'_>,
        from: Option<Place>,
        client: &str,
    ) -> Result<Option<Page>, Error> {
        if let Source::Named(named) = &query.source {
            let among = query.among(named, self.whom(session, named).await?)?;
            return Box::pin(self.sorted(session, &among, from, client)).await;
        }
        let behind = match from {
            Some(Place::Rank(rank)) => Some(rank),
            _ => None,
        };
        let Some(kept) = self.gather(session, query, Kept::behind(query, behind), client).await? else {
            return Ok(None);
        };
        let (mut rows, total, _) = kept.page();
        let more = rows.len() > query.count;
        rows.truncate(query.count);
        let next = rows.last().and_then(|(rank, _)| rank.clone()).filter(|_| more).map(Place::Rank);
        let rows = rows.into_iter().map(|(_, row)| row).collect();
        let Some(resources) = self.shown(session, query, rows).await? else { return Ok(None) };
        Ok(Some(Page { resources, total: Some(total), next }))
    }

    /// Reads on until the page is full, and one more resource is seen if it must `peek` whether there is one; nothing when the
    /// list changed meanwhile.
    pub(super) async fn behind(
        &self,
        session: &mut Session,
        query: &Query<'_>,
        from: Option<Place>,
        peek: bool,
        client: &str,
    ) -> Result<Option<Page>, Error> {
        let mut walk = Walk::of(client);
        let first = from.is_none();
        let by_token = matches!(&from, Some(Place::Page { next: Some(_), .. }));
        let (mut at, mut marks) = Place::begin(from.as_ref());
        let (mut last, mut over, mut found, mut read) = (from, false, false, 0);
        let mut seen: HashSet<String> = HashSet::new();
        let mut kept: Vec<Row<'_>> = Vec::new();
        let (mut total, mut more) = (None, false);
        let mut order = InOrder::new(query);
        'pages: while let Some((mut rows, told, next)) =
            self.rows_at(session, query, &at, &mut walk).await.map_err(|error| lost(error, by_token && read == 0))?
        {
            total = told.filter(|_| query.exact);
            read += rows.len();
            if read > self.limits.rows {
                return Err(query.too_many(&format!("{} rows of the app", self.limits.rows)).into());
            }
            let next = query.next(&at, rows.len(), rows.last(), told, next)?;
            rows = query.once(&at, rows)?;
            if !marks.is_empty() {
                let ids: Result<Vec<String>, _> = rows.iter().map(|row| translate::id(query.resource, row)).collect();
                let ids = ids?;
                match ids.iter().rposition(|id| marks.contains(id)) {
                    Some(mark) => {
                        rows.drain(..=mark);
                        // Rows came in front, and the last marks are on the next page now: those are told already.
                        marks = marks.split_off(marks.iter().position(|id| *id == ids[mark]).map_or(0, |at| at + 1));
                        found = true;
                    }
                    None if found => marks.clear(),
                    // Rows went, and the place is on an earlier page now: it is looked for from the beginning.
                    None if !over => {
                        over = true;
                        at = crate::plan::query::Position::default();
                        continue;
                    }
                    None => match next {
                        Next::Go(position) => {
                            at = *position;
                            continue;
                        }
                        Next::Drift => return Ok(None),
                        // Going on anywhere would pass somebody over.
                        Next::End | Next::Cut => return Err(Error::LostPlace),
                    },
                }
            }
            let look = query.look(&at);
            let Some(looked) = self.looked(session, query, &look, rows).await? else { return Ok(None) };
            for looked in looked {
                let row = self.checked(&look, looked)?;
                if let Some((resource, _)) = &row.found {
                    order.check(resource)?;
                }
                if !seen.insert(row.id.clone()) {
                    return Ok(None);
                }
                let matches = row.matches(query);
                if query.exact && !matches {
                    return Err(Error::broken(query));
                }
                if matches && kept.len() == query.count {
                    more = true;
                    break 'pages;
                }
                last = Place::behind(query, &at, row.row(), &row.id, last);
                if let Some((_, row)) = row.found.filter(|_| matches) {
                    kept.push(row);
                    if !peek && kept.len() == query.count {
                        more = true;
                        break 'pages;
                    }
                }
            }
            match next {
                Next::Go(position) => at = *position,
                Next::End => break,
                Next::Drift => return Ok(None),
                Next::Cut => return Err(query.too_many("one full reply of the app, which may have cut it").into()),
            }
        }
        let total = total.or_else(|| (first && !more).then_some(kept.len()));
        let Some(resources) = self.shown(session, query, kept).await? else { return Ok(None) };
        Ok(Some(Page { resources, total, next: last.filter(|_| more) }))
    }
}

/// The token in a place is the app's own, and apps forget theirs.
fn lost(error: Error, by_token: bool) -> Error {
    match error {
        Error::App { class: Class::Refused | Class::Absent, .. } if by_token => Error::LostPlace,
        other => other,
    }
}
