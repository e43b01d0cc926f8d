//! Reading lists that are kept in other records: who names these.

use std::{
    borrow::Cow,
    collections::{BTreeSet, HashMap},
};

use serde_json::Value;

use crate::{
    backend::Session,
    mapping::{Resource, relation::Derived, rows::Gives, translate},
    plan::{
        derived,
        query::{Named, Row},
        read::Needs,
    },
};

use super::{Error, Gateway};

impl Gateway {
    /// Whom the record names; nobody, if there is none.
    pub(super) async fn whom(&self, session: &mut Session, named: &Named<'_>) -> Result<BTreeSet<String>, Error> {
        let Derived { keeper, .. } = named.derived;
        // what keeps the list is read like anything else
        let record = Box::pin(self.record(session, keeper, &named.keeper, &named.needs())).await?;
        let Some(record) = record else { return Ok(BTreeSet::new()) };
        let keeper = self.resource(&derived::view(named.derived), Cow::Owned(record))?;
        Ok(derived::item(named.derived, &keeper).1.into_iter().collect())
    }

    /// Hangs a derived list under the records whose list it is.
    pub(super) async fn derived(
        &self,
        session: &mut Session,
        resource: &Resource,
        derived: &Derived,
        records: &mut [Value],
    ) -> Result<(), Error> {
        let ids: Vec<String> =
            records.iter().map(|record| translate::id(resource, record)).collect::<Result<_, _>>()?;
        let mut lists: HashMap<String, Vec<Value>> = ids.iter().map(|id| (id.clone(), Vec::new())).collect();
        for (only, query) in derived::queries(derived, &ids, self.limits)? {
            let (rows, ..) = self.all(session, &query).await?.page();
            let view = derived::view(derived);
            let rows: Vec<Row<'_>> = rows.into_iter().map(|(_, row)| row).collect();
            let by_row: Vec<bool> = rows.iter().map(|row| row.gives().is_some()).collect();
            let enough = |gives: &Gives| view.lines.iter().all(|line| gives.line(line));
            let mut rows = self.whole(session, &query, rows, enough).await?.ok_or(Error::Drift)?;
            // what hung under a row is gone with it, where its record took its place
            let read = rows.iter_mut().zip(by_row).filter_map(|(row, by_row)| by_row.then_some(row));
            let read = read.filter(|row| row.gives().is_none());
            let list = derived.is_kept();
            self.hang(session, &derived.keeper, &Needs::checking(&list), read).await?;
            for row in rows {
                let keeper = self.resource(&view, Cow::Owned(row.record))?;
                let (item, named) = derived::item(derived, &keeper);
                for id in named.iter().filter(|id| only.as_ref().is_none_or(|only| only == *id)) {
                    if let Some(list) = lists.get_mut(id) {
                        list.push(item.clone());
                    }
                }
            }
        }
        for (record, id) in records.iter_mut().zip(ids) {
            if let (Value::Object(record), Some(list)) = (record, lists.get(&id)) {
                record.insert(derived.part.clone(), Value::Array(list.clone()));
            }
        }
        Ok(())
    }
}
