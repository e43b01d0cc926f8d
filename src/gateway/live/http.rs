//! An HTTP app: whether it lets us in, and whether what the mapping says of reading is so. Lists, pages, totals, one record and
//! none are looked at, and each filter rule is asked with values that records have and with one that nobody has; what it finds is held
//! against a walk through the list. No value of a record is in what is said.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::{
    backend::Backend,
    config::Tenant,
    diagnostic::Diagnostics,
    gateway::{Error, Gateway, Limits, seal},
    mapping::{Mapping, Records, answer::Class, rest::List},
    plan::{
        query::{Query, Source},
        read::Needs,
    },
    scim::condition::Condition,
};

use super::{
    look::{Look, Rows, words},
    rules,
};

/// Looks at every resource type.
pub(super) async fn http(
    mapping: &Mapping,
    backend: Backend,
    limits: Limits,
    tenant: Option<Arc<Tenant>>,
) -> Diagnostics {
    let gateway = Gateway::new(mapping, backend, "", "https://scim.example.com", limits);
    let mut found = Diagnostics::default();
    for resource in &mapping.resources {
        let Records::Rest(records) = &resource.records else { continue };
        let mut look = Look { gateway: &gateway, resource, records, tenant: tenant.clone(), found: Vec::new() };
        let denied = look.all().await.is_none();
        found.extend(look.found);
        // the other types would be denied as well
        if denied {
            break;
        }
    }
    found
}

impl Look<'_> {
    /// All there is to see; nothing where the app does not let us in.
    async fn all(&mut self) -> Option<()> {
        let records = self.records;
        let mut lists = Vec::new();
        for list in &records.lists {
            let found = match self.query(Condition::Always) {
                Ok(query) => self.rows(&Query { source: Source::List(list, None), ..query }).await,
                Err(fault) => Err(fault.into()),
            };
            match found {
                Ok(rows) => lists.push((list, rows)),
                Err(error) => self.fails("list", &error)?,
            }
        }
        self.nobody().await?;
        for (list, rows) in &lists {
            self.pages(list, rows).await;
            self.told(rows);
            if let Some((_, first)) = rows.all.iter().find(|(exists, _)| *exists) {
                self.one(Rows::id(first)).await?;
            }
            self.batches(rows).await;
            for rule in &list.filters {
                rules::rule(self, rule, rows).await?;
            }
            rules::folds(self, rows);
        }
        Some(())
    }

    /// What rows tell otherwise than the record.
    fn told(&mut self, rows: &Rows) {
        if !rows.otherwise.is_empty() {
            let names = rows.otherwise.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            let message = format!("rows of the list tell {names} otherwise than `get`");
            self.says(
                "broken-promise",
                &message,
                "write `gives: [...]` with the attributes that rows tell as `get` does",
            );
        }
    }

    /// One record of the list, by itself and with its parts.
    async fn one(&mut self, id: &str) -> Option<()> {
        let read = async {
            let mut session = self.gateway.backend.read().await?.of("check", self.tenant.clone());
            self.gateway.record(&mut session, self.resource, id, &Needs::ALL).await
        };
        match read.await {
            Ok(Some(_)) => Some(()),
            Ok(None) => {
                self.says("no-record", "`get` does not find the first record of the list", "correct `id` or `get`");
                Some(())
            }
            Err(error) => self.fails("get", &error),
        }
    }

    /// Parts of many records in one call, whose rows are dealt by what they say. What else they do not keep shows in one record.
    async fn batches(&mut self, rows: &Rows) {
        for part in &self.records.parts {
            let Some(batch) = &part.batch else { continue };
            let stored = |(_, resource): &(bool, Map<String, Value>)| self.resource.id.codec.write(resource.get("id")?);
            let of: Vec<(usize, Value)> = rows.all.iter().filter_map(stored).take(batch.most).enumerate().collect();
            if of.is_empty() {
                continue;
            }
            let read = async {
                let mut session = self.gateway.backend.read().await?.of("check", self.tenant.clone());
                self.gateway.strays(&mut session, part, &of).await
            };
            if matches!(read.await, Ok(true)) {
                let message = format!(
                    "the part `{}` is asked for {} records, and its rows name none of them at {}",
                    part.name,
                    of.len(),
                    batch.of.text()
                );
                let help = "correct `match`, or `id`: both are to tell the same id; and see whether the call sends `$.values` \
                            where the app looks for it";
                self.says("broken-promise", &message, help);
            }
        }
    }

    /// Ids that nobody has: not there, and nothing worse.
    async fn nobody(&mut self) -> Option<()> {
        for id in [seal::letters(20), Some("2147480001".to_owned())].into_iter().flatten() {
            let read = async {
                let mut session = self.gateway.backend.read().await?.of("check", self.tenant.clone());
                self.gateway.base(&mut session, self.resource, &id).await
            };
            match read.await {
                Ok(_) => {}
                Err(Error::App { class: Class::Denied, .. }) => return self.fails("get", &denied()),
                Err(error) => {
                    let message = format!("`get` with an id that nobody has: {}", words(&error));
                    self.says("no-record", &message, "say in `answers` how the app says so: `then: absent`");
                    break;
                }
            }
        }
        Some(())
    }

    /// Sizes of pages, and the total.
    async fn pages(&mut self, of: &List, list: &Rows) {
        let (pages, rows) = (&of.pages, list.pages.iter().sum::<usize>());
        let max = pages.max as usize;
        if let (Some(&first), true) = (list.pages.first(), rows > list.pages.first().copied().unwrap_or(0))
            && first < max
            && pages.at_random()
        {
            let message = format!("`pages.max` is {max}, and the app gives no more than {first} rows in one reply");
            self.says("page-size", &message, &format!("write `max: {first}`"));
        }
        if let Some(most) = list.pages.iter().find(|rows| **rows > max) {
            let message = format!("`pages.max` is {max}, and the app gave {most} rows in one reply");
            self.says("page-size", &message, "see whether the call sends `{{size}}` where the app looks for it");
        }
        if let (Some(total), true) = (list.total, list.whole)
            && total != rows
        {
            let message = format!("`pages.total` tells {total}, and the list has {rows} rows");
            self.says(
                "wrong-total",
                &message,
                "leave `total` out, or say where the app tells how many rows the list has",
            );
        }
    }
}

fn denied() -> Error {
    Error::App { class: Class::Denied, detail: None, retry_after: None, status: None }
}
