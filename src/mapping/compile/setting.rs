//! Where a call stands: which names it may use, and what of its reply is looked at.

use super::frame::Shared;

/// What a call may use and what its answers fall back on.
#[derive(Clone, Copy)]
pub(super) struct Setting<'a> {
    /// The names in sight at this place.
    pub names: &'a [&'a str],
    /// What of the call's reply is looked at: some of `record`, `rows` and `id`.
    pub holds: &'static [&'static str],
    /// What all calls of the app share.
    pub shared: &'a Shared,
    /// Whether it only reads, whatever its method.
    pub reads: bool,
    /// Whether it makes a record.
    pub makes: bool,
}

impl<'a> Setting<'a> {
    /// Of a call that reads.
    pub(super) fn reading(names: &'a [&'a str], holds: &'static [&'static str], shared: &'a Shared) -> Self {
        Self { names, holds, shared, reads: true, makes: false }
    }

    /// Of a call that writes.
    pub(super) fn writing(names: &'a [&'a str], holds: &'static [&'static str], shared: &'a Shared) -> Self {
        Self { names, holds, shared, reads: false, makes: false }
    }
}
