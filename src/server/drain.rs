//! What is in flight. Connections and the tasks of running requests each hold a [`Token`]; when the last is gone after
//! SIGTERM, the process may end.

use tokio::sync::watch;

/// The number of tokens out.
#[derive(Debug, Clone)]
pub(super) struct Drain(watch::Sender<usize>);

/// One thing in flight, until dropped.
#[derive(Debug)]
pub(super) struct Token(Drain);

impl Drain {
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(0))
    }

    pub(super) fn enter(&self) -> Token {
        self.0.send_modify(|count| *count += 1);
        Token(self.clone())
    }

    pub(super) fn in_flight(&self) -> usize {
        *self.0.borrow()
    }

    /// Returns when nothing is in flight.
    pub(super) async fn empty(&self) {
        // The sender lives in `self`, so the wait cannot fail.
        let _ = self.0.subscribe().wait_for(|count| *count == 0).await;
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        self.0.0.send_modify(|count| *count = count.saturating_sub(1));
    }
}
