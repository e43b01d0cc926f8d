//! Reads what rows do not give (see [`crate::plan::query::Row`]): the record of a row by its id, and what hangs under records. Of many rows
//! several at once, in their order; and none where that would take more calls than a request may make.

use std::{borrow::Cow, collections::HashSet};

use serde_json::{Map, Value};

use crate::{
    backend::Session,
    mapping::{
        Resource,
        rows::{Gives, Hold, hold},
        translate,
    },
    plan::{
        Fault,
        query::{Look, Query, Row, too_many},
        read::{Needs, View},
    },
    scim::evaluate::evaluate,
};

use super::{Error, Gateway};

/// Writes into a row what holds of all rows of its list; a list that says otherwise is a fault of the app.
pub(super) fn held(kind: &Resource, holds: &[Hold], record: &mut Value, whole: bool) -> Result<(), Error> {
    match hold(kind, holds, record, whole)? {
        true => Ok(()),
        false => {
            let said = holds.iter().map(|hold| hold.is.to_string()).collect::<Vec<_>>().join(" and ");
            Err(Error::BrokenPromise(format!("holds: {said}")))
        }
    }
}

/// What became of a row.
pub(super) enum Looked<'q> {
    /// It is to be checked.
    Row(Row<'q>),
    /// The row of this id surely does not match.
    Not(String),
}

/// A row as it is checked.
pub(super) struct Checked<'q> {
    pub id: String,
    /// What is checked, and what it was made of; none where it surely does not match.
    pub found: Option<(Map<String, Value>, Row<'q>)>,
}

impl Checked<'_> {
    pub(super) fn matches(&self, query: &Query<'_>) -> bool {
        let meant = query.only.as_ref().is_none_or(|only| only.contains(&self.id));
        self.found.as_ref().filter(|_| meant).is_some_and(|(resource, row)| {
            (query.hidden || query.resource.exists(&row.record)) && evaluate(&query.condition, resource)
        })
    }

    /// As it came, but for who does not match anyway.
    pub(super) fn row(&self) -> Option<&Value> {
        self.found.as_ref().map(|(_, row)| &row.record)
    }
}

impl Gateway {
    /// Rows with all that is needed to check them; nothing where the record of one is gone: the list that names it is of another
    /// moment, or the app does not tell its records, and then nobody knows who matches.
    pub(super) async fn looked<'q>(
        &self,
        session: &mut Session,
        query: &Query<'_>,
        look: &Look<'q>,
        mut rows: Vec<Value>,
    ) -> Result<Option<Vec<Looked<'q>>>, Error> {
        let kind = query.resource;
        let row = |record| Row { record, of: look.of };
        if !look.fetches {
            self.parts(session, kind, &query.looks(), &mut rows).await?;
            return Ok(Some(rows.into_iter().map(row).map(Looked::Row).collect()));
        }
        let (mut found, mut places, mut alive) = (Vec::with_capacity(rows.len()), Vec::new(), Vec::new());
        for record in rows {
            found.push(Looked::Not(translate::id(kind, &record)?));
            if self.may_match(query, look, &record)? {
                places.push(found.len() - 1);
                alive.push(row(record));
            }
        }
        let Some(mut alive) = self.whole(session, query, alive, |_| !look.reads).await? else { return Ok(None) };
        self.hang(session, kind, &query.looks(), alive.iter_mut()).await?;
        for (at, row) in places.into_iter().zip(alive) {
            found[at] = Looked::Row(row);
        }
        Ok(Some(found))
    }

    /// A row as the resource that is checked.
    pub(super) fn checked<'q>(&self, look: &Look<'_>, looked: Looked<'q>) -> Result<Checked<'q>, Error> {
        match looked {
            Looked::Row(row) => {
                let resource = self.resource(&look.view, Cow::Borrowed(&row.record))?;
                let id = resource.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
                Ok(Checked { id, found: Some((resource, row)) })
            }
            Looked::Not(id) => Ok(Checked { id, found: None }),
        }
    }

    /// Whether it is worth a call to look further.
    fn may_match(&self, query: &Query<'_>, look: &Look<'_>, row: &Value) -> Result<bool, Error> {
        if look.scope && !query.resource.exists(row) {
            return Ok(false);
        }
        match &look.first {
            Some((condition, view)) => Ok(evaluate(condition, &self.resource(view, Cow::Borrowed(row))?)),
            None => Ok(true),
        }
    }

    /// Rows as the answer's resources; nothing where one of them is another by now, or gone.
    pub(super) async fn shown(
        &self,
        session: &mut Session,
        query: &Query<'_>,
        rows: Vec<Row<'_>>,
    ) -> Result<Option<Vec<Map<String, Value>>>, Error> {
        let checked = query.shown_by_record();
        let by_row = rows.iter().any(|row| row.gives().is_some());
        let needs = Needs { condition: Some(&checked).filter(|_| by_row), ..query.shows() };
        let Some(made) = self.complete(session, query, &needs, rows).await? else { return Ok(None) };
        let still = made.iter().all(|(read, resource)| !read || evaluate(&checked, resource));
        Ok(still.then(|| made.into_iter().map(|(_, resource)| resource).collect()))
    }

    /// Rows as resources, each with whether its record was read for that; nothing where one is gone.
    pub(super) async fn complete(
        &self,
        session: &mut Session,
        query: &Query<'_>,
        needs: &Needs<'_>,
        rows: Vec<Row<'_>>,
    ) -> Result<Option<Vec<(bool, Map<String, Value>)>>, Error> {
        let kind = query.resource;
        let by_row: Vec<bool> = rows.iter().map(|row| row.gives().is_some()).collect();
        let of_row = |gives: &Gives| View::of_row(kind, needs, gives);
        let rows = self.whole(session, query, rows, |gives| of_row(gives).is_some()).await?;
        let Some(mut rows) = rows else { return Ok(None) };
        self.hang(session, kind, needs, rows.iter_mut()).await?;
        let whole = View::new(kind, needs);
        let mut made = Vec::with_capacity(rows.len());
        for (row, by_row) in rows.into_iter().zip(by_row) {
            let read = by_row && row.gives().is_none();
            if read && !query.hidden && !kind.exists(&row.record) {
                return Ok(None);
            }
            let view = row.gives().and_then(of_row);
            made.push((read, self.resource(view.as_ref().unwrap_or(&whole), Cow::Owned(row.record))?));
        }
        Ok(Some(made))
    }

    /// The rows that are `enough`, and in the place of the others their records; nothing where one is gone.
    pub(super) async fn whole<'q>(
        &self,
        session: &mut Session,
        query: &Query<'_>,
        rows: Vec<Row<'q>>,
        enough: impl Fn(&Gives) -> bool,
    ) -> Result<Option<Vec<Row<'q>>>, Error> {
        let kind = query.resource;
        let lacks = |row: &Row<'_>| row.gives().is_some_and(|gives| !enough(gives));
        let ids: Vec<String> = rows
            .iter()
            .filter(|row| lacks(row))
            .map(|row| translate::id(kind, &row.record))
            .collect::<Result<_, _>>()?;
        let mut records = self.records(session, query, ids).await?.into_iter();
        let mut found = Vec::with_capacity(rows.len());
        for row in rows {
            found.push(match (lacks(&row), row.of) {
                (true, Some(told)) => match records.next().flatten() {
                    Some(mut record) => {
                        held(kind, told.holds, &mut record, true)?;
                        Row { record, of: None }
                    }
                    None => return Ok(None),
                },
                _ => row,
            });
        }
        Ok(Some(found))
    }

    /// The records of the ids that a look-up told, each once. Who is not there is left out.
    pub(super) async fn of_ids(
        &self,
        session: &mut Session,
        query: &Query<'_>,
        told: &[Value],
    ) -> Result<Vec<Value>, Error> {
        let ids = told.iter().map(|value| translate::id_of(query.resource, Some(value)));
        let mut ids = ids.collect::<Result<Vec<String>, _>>()?;
        let mut known = HashSet::new();
        ids.retain(|id| known.insert(id.clone()));
        Ok(self.records(session, query, ids).await?.into_iter().flatten().collect())
    }

    /// The records of these ids, in their order; nothing where one is gone.
    pub(super) async fn records(
        &self,
        session: &mut Session,
        query: &Query<'_>,
        ids: Vec<String>,
    ) -> Result<Vec<Option<Value>>, Error> {
        self.affords(session, ids.len())
            .map_err(|_| query.too_many(&format!("{} calls to the app", self.limits.calls)))?;
        let mut tasks = Vec::with_capacity(ids.len());
        for id in ids {
            let mut session = session.beside()?;
            tasks.push(async move { self.named(&mut session, query.resource, &id).await });
        }
        session.all(tasks).await
    }

    /// The record of an id that the app told: nobody else's.
    async fn named(&self, session: &mut Session, kind: &Resource, id: &str) -> Result<Option<Value>, Error> {
        let Some(record) = Box::pin(self.answered(session, kind, id)).await? else { return Ok(None) };
        if translate::id(kind, &record)? != id {
            let cause = format!("the app tells another {} than the one whose id it told; see `id`", kind.kind.name);
            return Err(Fault::Unmade(cause).into());
        }
        Ok(Some(record))
    }

    /// Whether so many calls more may be made; better none than some of them.
    pub(super) fn affords(&self, session: &Session, calls: usize) -> Result<(), Error> {
        match session.calls() + calls as u64 > self.limits.calls as u64 {
            true => Err(too_many(&format!("{} calls to the app", self.limits.calls)).into()),
            false => Ok(()),
        }
    }

    /// Fetches what hangs under rows, and hangs it there.
    pub(super) async fn hang<'r, 'q: 'r>(
        &self,
        session: &mut Session,
        kind: &Resource,
        needs: &Needs<'_>,
        rows: impl Iterator<Item = &'r mut Row<'q>>,
    ) -> Result<(), Error> {
        let mut rows: Vec<&mut Value> = rows.map(|row| &mut row.record).collect();
        let mut records: Vec<Value> = rows.iter_mut().map(|record| record.take()).collect();
        self.parts(session, kind, needs, &mut records).await?;
        rows.into_iter().zip(records).for_each(|(row, record)| *row = record);
        Ok(())
    }
}
