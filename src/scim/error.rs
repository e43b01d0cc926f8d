//! What can be wrong with a request, in SCIM's own words (RFC 7644 §3.12).

use std::fmt;

/// The `scimType` keywords of RFC 7644 §3.12, table 9, and of RFC 9865 §2.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScimType {
    /// The filter cannot be parsed, or compares what cannot be compared.
    InvalidFilter,
    /// The answer would take more rows, calls or time than is allowed.
    TooMany,
    /// A unique value is taken.
    Uniqueness,
    /// The change is not allowed by the attribute's mutability.
    Mutability,
    /// The body is not the message it should be.
    InvalidSyntax,
    /// A PATCH path cannot be parsed or names nothing that exists.
    InvalidPath,
    /// A PATCH path selects no value, or is missing where one is needed.
    NoTarget,
    /// A value is missing, of the wrong type, or refused.
    InvalidValue,
    /// The SCIM protocol version is not offered.
    InvalidVers,
    /// The request may not carry such data in its URI.
    Sensitive,
    /// The cursor was not made for this query (RFC 9865 §2.1, as the next two).
    InvalidCursor,
    /// The cursor is too old, or its place is lost.
    ExpiredCursor,
    /// A page by cursor cannot have that many.
    InvalidCount,
}

impl ScimType {
    /// The keyword as it stands in an Error message.
    #[must_use]
    pub fn keyword(self) -> &'static str {
        match self {
            Self::InvalidFilter => "invalidFilter",
            Self::TooMany => "tooMany",
            Self::Uniqueness => "uniqueness",
            Self::Mutability => "mutability",
            Self::InvalidSyntax => "invalidSyntax",
            Self::InvalidPath => "invalidPath",
            Self::NoTarget => "noTarget",
            Self::InvalidValue => "invalidValue",
            Self::InvalidVers => "invalidVers",
            Self::Sensitive => "sensitive",
            Self::InvalidCursor => "invalidCursor",
            Self::ExpiredCursor => "expiredCursor",
            Self::InvalidCount => "invalidCount",
        }
    }
}

/// A request that the client must change before it can be answered. Knows no HTTP status: `gateway::rescue` does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The keyword a program reads.
    pub scim_type: ScimType,
    /// What a person reads: what was found, where, and what to write instead.
    pub detail: String,
}

impl Refusal {
    /// A refusal with its keyword and its sentence.
    pub fn new(scim_type: ScimType, detail: impl Into<String>) -> Self {
        Self { scim_type, detail: detail.into() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.scim_type.keyword(), self.detail)
    }
}

impl std::error::Error for Refusal {}
