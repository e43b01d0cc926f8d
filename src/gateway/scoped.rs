//! Members over HTTP whose own records say whether they exist for SCIM, or are protected. Who does not is shown in no list and
//! joins none, and stays where the app has it; who is protected neither joins nor leaves. So their records are read, one by one
//! or out of their list, within the request's limits.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use crate::{
    backend::Session,
    mapping::{
        Records, Resource,
        line::{Each, Line, types_by_resource},
        translate,
    },
    plan::{
        Fault, members,
        query::own,
        read::{Needs, View},
    },
    scim::{
        change::{Change, To},
        condition::Condition,
        path::AttrPath,
        resource,
        schema::Resolution,
    },
};

use super::{Error, Gateway};

/// How many are read one by one where there is a list to find them in.
const SINGLY: usize = 10;

impl Gateway {
    /// Takes those out of lists who do not exist for SCIM.
    pub(super) async fn hide(
        &self,
        session: &mut Session,
        resource: &Resource,
        needs: &Needs<'_>,
        records: &mut [Value],
    ) -> Result<(), Error> {
        for line in View::new(resource, needs).lines {
            let Some((each, of)) = line.scoped() else { continue };
            let Some(kind) = self.kind(&of.name).filter(|kind| kind.hides()) else { continue };
            let ids: HashSet<String> = records.iter().flat_map(|record| held(line, each, record)).collect();
            let there = Box::pin(self.those(session, kind, ids, false)).await?;
            for record in records.iter_mut() {
                let Some(Value::Array(items)) = each.items.one(record) else { continue };
                let seen = |item: &&Value| translate::named(line, each, item).is_none_or(|id| there.contains(&id));
                let list: Vec<Value> = items.iter().filter(seen).cloned().collect();
                each.items.set(record, Value::Array(list));
            }
        }
        Ok(())
    }

    /// Those of them who exist for SCIM; `guarded`: and are protected.
    async fn those(
        &self,
        session: &mut Session,
        kind: &Resource,
        mut ids: HashSet<String>,
        guarded: bool,
    ) -> Result<HashSet<String>, Error> {
        let holds = |record: &Value| !guarded || kind.protects(record);
        let has_list = matches!(&kind.records, Records::Rest(records) if !records.lists.is_empty());
        if ids.len() <= SINGLY || !has_list {
            let mut those = HashSet::new();
            for id in ids {
                if self.base(session, kind, &id).await?.is_some_and(|record| holds(&record)) {
                    those.insert(id);
                }
            }
            return Ok(those);
        }
        let Some(Resolution::Offered(id)) = AttrPath::parse("id").ok().map(|path| kind.kind.resolve(&path)) else {
            return Err(Fault::Unmade("a type without ids".to_owned()).into());
        };
        let query = own::all(kind, Condition::Present(id), self.limits)?;
        let (rows, ..) = self.all(session, &query).await?.page();
        let mut meant = Vec::new();
        for (_, row) in rows {
            if ids.contains(&translate::id(kind, &row.record)?) {
                meant.push(row);
            }
        }
        // a row that gives less may not say that somebody is protected
        let found = self.whole(session, &query, meant, |gives| !guarded || gives.guard).await?;
        let found = found.iter().flatten().filter(|row| kind.exists(&row.record) && holds(&row.record));
        let found = found.map(|row| translate::id(kind, &row.record)).collect::<Result<HashSet<String>, _>>()?;
        ids.retain(|id| found.contains(id));
        Ok(ids)
    }

    /// A group goes only if nobody protected is in it: they would leave it.
    pub(super) async fn may_go(&self, session: &mut Session, resource: &Resource, id: &str) -> Result<(), Error> {
        for line in resource.lines.iter().filter(|line| types_by_resource(&line.target.attribute)) {
            let Some((each, of)) = line.scoped() else { continue };
            let Some(kind) = self.kind(&of.name).filter(|kind| kind.guards()) else { continue };
            let list = Condition::Present(line.target.clone());
            let record =
                self.record(session, resource, id, &Needs::checking(&list)).await?.ok_or_else(Error::absent)?;
            let ids = held(line, each, &record).into_iter().collect();
            if !self.those(session, kind, ids, true).await?.is_empty() {
                return Err(Fault::Protected.into());
            }
        }
        Ok(())
    }

    /// Changes without what changes nothing: who is not there leaves no list. Where the list's own items say who is meant, only
    /// who is protected is asked about, and the rest stays as it was sent. `group`: whose lists they are, if that is there
    /// yet; `before`: what is read of it.
    ///
    /// # Errors
    /// Somebody who is not there, or is protected, joins; somebody who is protected leaves.
    pub(super) async fn may_join(
        &self,
        session: &mut Session,
        resource: &Resource,
        group: Option<&str>,
        before: Option<&Map<String, Value>>,
        changes: Vec<Change>,
    ) -> Result<Vec<Change>, Error> {
        let mut left = Vec::with_capacity(changes.len());
        for change in changes {
            let line = resource.line(&change.target);
            let guards = line.and_then(|line| Some((line, self.kind(&line.guards()?.1.name)?)));
            let delta = guards.and_then(|_| members::delta(&change.to, &change.target, before));
            let (Some((line, kind)), Some((add, remove))) = (guards, delta) else {
                left.push(change);
                continue;
            };
            let scoped = line.scoped().is_some();
            let (mut joining, mut leaving, mut stays) = (Vec::new(), Vec::new(), Vec::new());
            for (id, joins) in add.into_iter().map(|id| (id, true)).chain(remove.into_iter().map(|id| (id, false))) {
                match self.base(session, kind, &id).await? {
                    None if joins && scoped => return Err(Error::NoMember),
                    None => {}
                    Some(record) if kind.protects(&record) => {
                        // a list that leaves them where they are is no change of theirs
                        let is_in = match group {
                            Some(group) => self.is_in(session, resource, line, (group, before), &id).await?,
                            None => false,
                        };
                        if is_in != joins {
                            return Err(Fault::Protected.into());
                        }
                        stays.push(id);
                    }
                    Some(_) if joins => joining.push(json!({ "value": id })),
                    Some(_) => leaving.push(id),
                }
            }
            let to = match change.to {
                // whoever is hidden stays
                _ if scoped => To::Delta { add: joining, remove: leaving },
                To::Delta { mut add, mut remove } => {
                    add.retain(|item| !item["value"].as_str().is_some_and(|id| stays.iter().any(|one| one == id)));
                    remove.retain(|id| !stays.contains(id));
                    To::Delta { add, remove }
                }
                to => to,
            };
            if !matches!(&to, To::Delta { add, remove } if add.is_empty() && remove.is_empty()) {
                left.push(Change { to, ..change });
            }
        }
        Ok(left)
    }

    /// Whether somebody is in a list.
    async fn is_in(
        &self,
        session: &mut Session,
        resource: &Resource,
        line: &Line,
        (group, before): (&str, Option<&Map<String, Value>>),
        id: &str,
    ) -> Result<bool, Error> {
        if let Some(before) = before {
            return Ok(translate::values(before, &line.target).iter().any(|one| one == id));
        }
        let list = Condition::Present(line.target.clone());
        let needs = Needs { condition: Some(&list), ..Needs::NOTHING };
        let record = self.record(session, resource, group, &needs).await?.ok_or_else(Error::absent)?;
        Ok(line.guards().is_some_and(|(each, _)| held(line, each, &record).iter().any(|one| one == id)))
    }

    fn kind(&self, name: &str) -> Option<&Resource> {
        self.resources.iter().find(|resource| resource.kind.name == name).map(AsRef::as_ref)
    }
}

/// Whom a list of a record names.
fn held(line: &Line, each: &Each, record: &Value) -> Vec<String> {
    let items = each.items.one(record).and_then(Value::as_array).into_iter().flatten();
    items.filter_map(|item| translate::named(line, each, item)).collect()
}

/// The lists of others that a new resource is to have.
pub(super) fn lists(resource: &Resource, sent: &Map<String, Value>) -> Vec<Change> {
    let guarded = resource.lines.iter().filter(|line| line.create && line.guards().is_some());
    let one = |line: &Line| {
        Some(Change { target: line.target.clone(), to: To::Value(resource::get(sent, &line.target)?.clone()) })
    };
    guarded.filter_map(one).collect()
}
