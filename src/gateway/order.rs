//! One writer at a time for each record: what is read before a change is what is changed. SQL has transactions; for an
//! HTTP app this is the order between the requests that go through this gateway, and no more than that.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use tokio::sync::OwnedMutexGuard;

type Lock = tokio::sync::Mutex<()>;

/// Held by who writes.
pub(super) type Turn = OwnedMutexGuard<()>;

/// The records that are being written.
#[derive(Debug, Default)]
pub(super) struct Order {
    records: Mutex<HashMap<(String, String), Weak<Lock>>>,
}

impl Order {
    /// Waits until no other request writes this record.
    pub(super) async fn of(&self, kind: &str, id: &str) -> Turn {
        let lock = {
            let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
            // Records nobody writes any more are forgotten before the table can grow with them.
            if records.len() > 1024 {
                records.retain(|_, lock| lock.strong_count() > 0);
            }
            let known = records.entry((kind.to_owned(), id.to_owned())).or_default();
            match known.upgrade() {
                Some(lock) => lock,
                None => {
                    let lock = Arc::new(Lock::new(()));
                    *known = Arc::downgrade(&lock);
                    lock
                }
            }
        };
        lock.lock_owned().await
    }
}
