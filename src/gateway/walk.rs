//! Walks through the pages of an app's list are what costs most of all that a client may ask for, so there are only so many
//! at once.

use std::sync::Arc;

use crate::metrics;

use super::{
    Error,
    share::{Place, Share},
};

/// A walk of a client. Beyond its first page it has a place among those under way: one page costs no more than itself.
pub(super) struct Walk<'c> {
    client: &'c str,
    begun: bool,
    place: Option<Place>,
}

impl<'c> Walk<'c> {
    pub(super) fn of(client: &'c str) -> Self {
        Self { client, begun: false, place: None }
    }

    /// Goes to the next page, where there is a place for it.
    pub(super) fn goes_on(&mut self, walks: &Arc<Share>) -> Result<(), Error> {
        if self.begun && self.place.is_none() {
            self.place = Some(walks.take(self.client).map_err(Error::Crowded)?);
            metrics::walk();
        }
        self.begun = true;
        Ok(())
    }
}
