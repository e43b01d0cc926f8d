//! What was just written and may not be seen yet: an app that reads from replicas denies for a moment what it has just taken.
//! Where the mapping says how long (`pace.settles`), `absent` is asked again for so long before it is believed, of these records
//! alone: an id that nobody wrote is absent at once.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::{
    backend::Session,
    mapping::{App, Resource, answer::Class},
    plan::call::{Call, Reply},
};

use super::{Error, Gateway};

/// How long between two looks.
const EVERY: Duration = Duration::from_millis(200);

/// How many are remembered; beyond, the oldest is forgotten.
const MOST: usize = 1000;

/// Records that were written, each by type and id.
#[derive(Debug, Default)]
pub(super) struct Fresh {
    settles: Option<Duration>,
    written: Mutex<HashMap<(String, String), Instant>>,
}

impl Fresh {
    pub(super) fn of(app: &App) -> Self {
        let settles = match app {
            App::Rest(app) => app.pace.settles,
            App::Sql(_) => None,
        };
        Self { settles, ..Self::default() }
    }

    /// A record was made or changed.
    pub(super) fn wrote(&self, resource: &Resource, id: &str) {
        let Some(settles) = self.settles else { return };
        let mut written = self.written();
        written.retain(|_, at| at.elapsed() < settles);
        if written.len() >= MOST {
            let oldest = written.iter().min_by_key(|(_, at)| **at).map(|(key, _)| key.clone());
            oldest.and_then(|key| written.remove(&key));
        }
        written.insert((resource.kind.name.clone(), id.to_owned()), Instant::now());
    }

    /// A record is to be deleted: it is absent from then on.
    pub(super) fn forget(&self, resource: &Resource, id: &str) {
        if self.settles.is_some() {
            self.written().remove(&(resource.kind.name.clone(), id.to_owned()));
        }
    }

    fn settles(&self, resource: &Resource, id: &str) -> bool {
        let Some(settles) = self.settles else { return false };
        let written = self.written();
        let at = written.get(&(resource.kind.name.clone(), id.to_owned()));
        at.is_some_and(|at| at.elapsed() + EVERY < settles)
    }

    fn written(&self) -> MutexGuard<'_, HashMap<(String, String), Instant>> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Gateway {
    /// A call that reads one record, made again as long as it may only not be seen yet.
    pub(super) async fn settled(
        &self,
        session: &mut Session,
        resource: &Resource,
        id: &str,
        call: &Call,
    ) -> Result<Reply, Error> {
        loop {
            let reply = self.call(session, call).await?;
            if reply.class != Class::Absent || !self.fresh.settles(resource, id) {
                return Ok(reply);
            }
            tokio::time::sleep(EVERY).await;
        }
    }
}
