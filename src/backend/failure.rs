//! A failure: an exchange that came to no reply. It says what went wrong, whose fault that is, and whether the app may
//! have acted; it knows no HTTP status, and its message is for the log.

use std::{error::Error, fmt};

/// An exchange that came to no reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What went wrong.
    pub kind: Kind,
    /// Whether the app may have acted on the call.
    pub sent: bool,
    /// For the log; it holds no value of a record.
    pub message: String,
}

/// What went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// No connection; a database that is away, full or cannot be written.
    Unreachable,
    /// Somebody else holds the database, and nothing was done; a bare 503, after which that is not known.
    Busy,
    /// Another transaction was in the way and everything was undone: it may be done again at once.
    Conflict,
    /// No answer in time.
    TimedOut,
    /// The connection broke before the answer was whole.
    Lost,
    /// More answer than is allowed.
    TooLarge,
    /// An answer that cannot be what was asked for: an HTML page, half a JSON text, binary data in a column.
    Nonsense,
    /// A call that the app cannot be asked: an unknown column, a target that is no path.
    BadCall,
    /// A call that the written conversation does not have next.
    OffScript,
    /// We broke our own rules.
    Internal,
}

/// Whose fault it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The app's, or the way to it.
    App,
    /// The mapping's.
    Mapping,
    /// Ours.
    Gateway,
}

impl Kind {
    /// Whether the same call may fare better: there was no answer, which says nothing of the call.
    pub(super) fn passes(self) -> bool {
        matches!(self, Self::Unreachable | Self::Lost | Self::TimedOut)
    }

    /// Its name, for metrics.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Busy => "locked",
            Self::Conflict => "conflict",
            Self::TimedOut => "timed_out",
            Self::Lost => "lost",
            Self::TooLarge => "too_large",
            Self::Nonsense => "nonsense",
            Self::BadCall => "bad_call",
            Self::OffScript => "off_script",
            Self::Internal => "internal",
        }
    }
}

impl Failure {
    /// A failure before anything was sent.
    pub(super) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, sent: false, message: message.into() }
    }

    /// A failure after which the app may have acted.
    pub(super) fn after_sending(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, sent: true, message: message.into() }
    }

    /// Whose fault it is.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self.kind {
            Kind::Unreachable
            | Kind::Busy
            | Kind::Conflict
            | Kind::TimedOut
            | Kind::Lost
            | Kind::TooLarge
            | Kind::Nonsense => Fault::App,
            Kind::BadCall | Kind::OffScript => Fault::Mapping,
            Kind::Internal => Fault::Gateway,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for Failure {}

/// Why a backend could not be made ready: a sentence for the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenError(pub(super) String);

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for OpenError {}
