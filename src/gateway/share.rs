//! Places for what costs: so many in all, and so many for each client, so that one that asks too much leaves room for the
//! others. Whoever finds none is refused at once: a queue would only let requests time out later.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Places in all and for each client.
#[derive(Debug)]
pub struct Share {
    all: usize,
    each: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    clients: HashMap<Arc<str>, usize>,
}

/// A place, until dropped.
#[derive(Debug)]
pub struct Place(Arc<Share>, Arc<str>);

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// Nobody gets one now.
    All,
    /// The client has its share.
    Client,
}

impl Share {
    /// So many in all, of which each client may have so many.
    #[must_use]
    pub fn new(all: usize, each: usize) -> Arc<Self> {
        Arc::new(Self { all, each, taken: Mutex::default() })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a client.
    ///
    /// # Errors
    /// There is none.
    pub fn take(self: &Arc<Self>, client: &str) -> Result<Place, Full> {
        let mut taken = self.taken();
        if taken.all >= self.all {
            return Err(Full::All);
        }
        let known = taken.clients.get_key_value(client).map(|(name, count)| (name.clone(), *count));
        let (client, count) = known.unwrap_or_else(|| (client.into(), 0));
        if count >= self.each {
            return Err(Full::Client);
        }
        taken.all += 1;
        taken.clients.insert(client.clone(), count + 1);
        Ok(Place(self.clone(), client))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.0.taken();
        taken.all = taken.all.saturating_sub(1);
        if let Some(count) = taken.clients.get_mut(&self.1) {
            *count = count.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_client_has_its_share_and_leaves_the_rest() {
        let share = Share::new(3, 2);
        let first = share.take("one").unwrap();
        let _second = share.take("one").unwrap();
        assert_eq!(share.take("one").unwrap_err(), Full::Client);
        let third = share.take("two").unwrap();
        assert_eq!(share.take("one").unwrap_err(), Full::All);
        assert_eq!(share.take("two").unwrap_err(), Full::All);
        drop(third);
        assert_eq!(share.take("one").unwrap_err(), Full::Client);
        drop(first);
        assert!(share.take("one").is_ok());
    }
}
