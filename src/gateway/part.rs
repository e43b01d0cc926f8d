//! Reading what hangs under records: parts of an HTTP app, for each record or for many at once, rows of other tables, and
//! lists that other records keep.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use crate::{
    backend::Session,
    mapping::{
        Records, Resource,
        answer::Class,
        rest::{Pages, Part},
    },
    plan::{
        Fault,
        call::Call,
        query::{Position, too_many},
        read::{self, Needs, PartRead},
        sql::select,
    },
};

use super::{Error, Gateway};

impl Gateway {
    /// Hangs the needed parts under their records.
    pub(super) async fn parts(
        &self,
        session: &mut Session,
        resource: &Resource,
        needs: &Needs<'_>,
        records: &mut [Value],
    ) -> Result<(), Error> {
        let (mut names, mut tasks) = (Vec::new(), Vec::new());
        for part in read::parts(resource, needs, records) {
            match part {
                PartRead::All(read) => {
                    let reply = self.ok(session, &Call::Sql(read.statement.clone())).await?;
                    if let Records::Sql(sql) = &resource.records {
                        select::attach(sql, records, &read, reply.into_rows())?;
                    }
                }
                PartRead::Derived(derived) => {
                    // what names these records is read like anything else
                    Box::pin(self.derived(session, resource, derived, records)).await?;
                }
                PartRead::Some { part, of } => {
                    let mut session = session.beside()?;
                    names.push(&part.name);
                    tasks.push(async move { self.hung(&mut session, part, of).await });
                }
            }
        }
        self.affords(session, tasks.len())?;
        for (name, found) in names.into_iter().zip(session.all(tasks).await?) {
            for (at, value) in found {
                if let Some(Value::Object(record)) = records.get_mut(at) {
                    record.insert(name.clone(), value);
                }
            }
        }
        self.hide(session, resource, needs, records).await
    }

    /// What hangs under each of these records, by their places.
    async fn hung(
        &self,
        session: &mut Session,
        part: &Part,
        of: Vec<(usize, Value)>,
    ) -> Result<Vec<(usize, Value)>, Error> {
        let found = self.part(session, part, &of).await?;
        if !found.is_null() || of.len() == 1 {
            return Ok(dealt(part, &of, found)?);
        }
        // whether all are absent, or one of them, shows when they are asked for one by one
        let mut each = Vec::with_capacity(of.len());
        for one in of.chunks(1) {
            each.extend(dealt(part, one, self.part(session, part, one).await?)?);
        }
        Ok(each)
    }

    /// Whether there are rows, and they are all of others than of those whom they were asked for.
    pub(super) async fn strays(
        &self,
        session: &mut Session,
        part: &Part,
        of: &[(usize, Value)],
    ) -> Result<bool, Error> {
        let found = self.part(session, part, of).await?;
        let some = found.as_array().is_some_and(|rows| !rows.is_empty());
        Ok(some && dealt(part, of, found)?.iter().all(|(_, rows)| rows.as_array().is_none_or(Vec::is_empty)))
    }

    /// A part, all its pages. An absent one is empty; any other failure fails the read.
    async fn part(&self, session: &mut Session, part: &Part, of: &[(usize, Value)]) -> Result<Value, Error> {
        let mut all: Vec<Value> = Vec::new();
        let mut at = Position::default();
        loop {
            let reply = self.call(session, &read::part_call(part, of, &at)?).await?;
            let page = at.page;
            let total = part.pages.as_ref().and_then(|pages| pages.told_total(&reply.body, &reply.headers));
            let next = part.pages.as_ref().and_then(|pages| read::told_next(pages, &reply));
            let rows = match reply.class {
                // Only a part that never began is empty; one that ends in the middle is not whole (law 5).
                Class::Absent if page == 0 => return Ok(Value::Null),
                Class::Absent => return Err(Error::Drift),
                Class::Ok => match (&part.call.rows, &part.call.record) {
                    (Some(rows), _) => rows.one(&reply.body).cloned(),
                    (None, Some(record)) => return Ok(record.one(&reply.body).cloned().unwrap_or_default()),
                    (None, None) => return Ok(reply.body),
                },
                _ => return Err(Error::of(reply)),
            };
            let Some(Value::Array(rows)) = rows else {
                return Err(
                    Fault::Unmade(format!("the part `{}` holds no list where the mapping says", part.name)).into()
                );
            };
            if !rows.is_empty() && all.ends_with(&rows) || next.is_some() && next == at.next {
                let cause = format!("the part `{}` gives the same page again; see its `pages`", part.name);
                return Err(Fault::Unmade(cause).into());
            }
            // Without a total only an empty page is surely the end: the app may give less than it was asked for.
            let ended = match &part.pages {
                Some(pages) if !pages.at_random() => next.is_none(),
                _ => rows.is_empty(),
            };
            all.extend(rows);
            at = Position { taken: all.len(), page: page + 1, next, ..Position::default() };
            if ended && total.is_some_and(|total| all.len() < total) {
                return Err(Error::Drift);
            }
            let counted =
                part.pages.as_ref().is_some_and(Pages::at_random) && total.is_some_and(|total| all.len() >= total);
            let done = ended || part.pages.is_none() || counted;
            if all.len() > self.limits.rows {
                return Err(too_many(&format!("{} rows of `{}`", self.limits.rows, part.name)).into());
            }
            if done {
                break;
            }
        }
        Ok(Value::Array(all))
    }
}

/// What was found, to the record that it is for: of many, each row to the one that it names. A row that names none of them
/// was not asked for.
fn dealt(part: &Part, of: &[(usize, Value)], found: Value) -> Result<Vec<(usize, Value)>, Fault> {
    let (batch, rows) = match (&part.batch, found) {
        (Some(batch), Value::Array(rows)) => (batch, rows),
        (_, found) => return Ok(of.iter().map(|(at, _)| *at).zip([found]).collect()),
    };
    let text = |id: &Value| match id {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let mut lists: HashMap<String, Vec<Value>> =
        of.iter().filter_map(|(_, id)| Some((text(id)?, Vec::new()))).collect();
    let mut others: HashSet<String> = HashSet::new();
    for row in rows {
        let Some(id) = batch.of.one(&row).and_then(text) else {
            let cause = format!("a row of the part `{}` does not say at {} whose it is", part.name, batch.of.text());
            return Err(Fault::Unmade(cause));
        };
        match lists.get_mut(&id) {
            Some(list) => list.push(row),
            None => _ = others.insert(id.to_lowercase()),
        }
    }
    // whoever is left without rows may have those of another spelling, and is not shown as one that has none
    if lists.iter().any(|(id, list)| list.is_empty() && others.contains(&id.to_lowercase())) {
        let cause =
            format!("rows of the part `{}` spell ids otherwise than the records, at {}", part.name, batch.of.text());
        return Err(Fault::Unmade(cause));
    }
    let list = |id: &Value| text(id).and_then(|id| lists.get(&id)).cloned().unwrap_or_default();
    Ok(of.iter().map(|(at, id)| (*at, Value::Array(list(id)))).collect())
}
