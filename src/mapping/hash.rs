//! How an app keeps passwords. Only what a mapping says of it: the work is done before anything is planned, so that no plan,
//! log or digest ever holds a password.

use std::fmt;

/// A way of hashing, as the app's own sign-in checks it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hash {
    /// `$argon2id$v=19$m=19456,t=2,p=1$…`
    Argon2id,
    /// `$2b$12$…`
    Bcrypt {
        /// The base-2 logarithm of the rounds.
        cost: u32,
        /// `$2b$`, `$2a$` or `$2y$`: they mean the same.
        prefix: Prefix,
    },
    /// `pbkdf2_sha256$600000$…$…`, as Django writes it.
    Pbkdf2 {
        /// How often.
        rounds: u32,
    },
    /// `$P$B…`: the portable form of phpass, MD5 over and over.
    Phpass,
}

/// How a bcrypt hash begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prefix {
    /// `$2a$`
    A,
    /// `$2b$`
    B,
    /// `$2y$`: what PHP asks for.
    Y,
}

impl Hash {
    /// The longest password it tells from another one, in bytes.
    #[must_use]
    pub fn longest(self) -> usize {
        match self {
            Self::Bcrypt { .. } => 72,
            Self::Argon2id | Self::Pbkdf2 { .. } | Self::Phpass => 4096,
        }
    }

    /// Whether it holds out against guessing once the table is stolen.
    #[must_use]
    pub fn is_strong(self) -> bool {
        !matches!(self, Self::Phpass)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Argon2id => f.write_str("argon2id"),
            Self::Bcrypt { cost, .. } => write!(f, "bcrypt {cost}"),
            Self::Pbkdf2 { rounds } => write!(f, "pbkdf2-sha256 {rounds}"),
            Self::Phpass => f.write_str("phpass"),
        }
    }
}
