//! Reading again what changed while it was read: once. The second time it is the client that should come back later (law 5).

use crate::{plan::Fault, scim::ScimType};

use super::Error;

/// How often something is read.
pub(super) const ROUNDS: usize = 2;

/// Why the round before led nowhere; none in the first.
#[derive(Debug, Default)]
pub(super) struct Before(Option<Error>);

impl Before {
    /// What a round found; nothing where it is to be read anew.
    pub(super) fn round<T>(&mut self, read: Result<Option<T>, Error>) -> Result<Option<T>, Error> {
        match (read, self.0.take()) {
            (Ok(None), _) => self.0 = Some(Error::Drift),
            // Rows and records are of two moments: whoever changed in between breaks no promise the next time.
            (Err(broken @ Error::BrokenPromise(_)), None) => self.0 = Some(broken),
            // The first round had its calls too: that they ran out in the second makes no list too long.
            (Err(Error::Plan(Fault::Refused(refusal))), Some(before)) if refusal.scim_type == ScimType::TooMany => {
                return Err(before);
            }
            (other, _) => return other,
        }
        Ok(None)
    }

    /// The error when there were rounds enough.
    pub(super) fn error(self) -> Error {
        self.0.unwrap_or(Error::Drift)
    }
}
