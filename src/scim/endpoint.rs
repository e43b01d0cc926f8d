//! Which kind of endpoint a path leads to, told without the resource types: enough to know a read from a write, and to
//! count requests, before a request is read.

use http::Method;

use super::request::segments;

/// A kind of endpoint (RFC 7644 §3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// The base itself.
    Root,
    /// `/ServiceProviderConfig`, `/ResourceTypes`, `/Schemas`.
    Discovery,
    /// `/Users` and its like.
    Collection,
    /// `/Users/1` and its like.
    Resource,
    /// `/.search`, `/Users/.search`.
    Search,
    /// `/Bulk`.
    Bulk,
    /// `/Me`.
    Me,
    /// Nothing that SCIM knows.
    Other,
}

impl Endpoint {
    /// The endpoint of a path below the base path, encoded.
    #[must_use]
    pub fn of(path: &str) -> Self {
        let Ok(segments) = segments(path) else { return Self::Other };
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        match segments.as_slice() {
            [] => Self::Root,
            ["ServiceProviderConfig" | "ResourceTypes" | "Schemas", ..] => Self::Discovery,
            [".search"] | [_, ".search"] => Self::Search,
            ["Bulk"] => Self::Bulk,
            ["Me"] => Self::Me,
            [_] => Self::Collection,
            [_, _] => Self::Resource,
            _ => Self::Other,
        }
    }

    /// Whether a request with this method changes nothing. A search is a read whatever its method (RFC 7644 §3.4.3).
    #[must_use]
    pub fn only_reads(self, method: &Method) -> bool {
        matches!(*method, Method::GET | Method::HEAD) || (self == Self::Search && *method == Method::POST)
    }

    /// Its name.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Discovery => "discovery",
            Self::Collection => "collection",
            Self::Resource => "resource",
            Self::Search => "search",
            Self::Bulk => "bulk",
            Self::Me => "me",
            Self::Other => "other",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_and_what_only_reads() {
        for (method, path, word, reads) in [
            (Method::GET, "", "root", true),
            (Method::GET, "/Schemas/urn:x", "discovery", true),
            (Method::HEAD, "/Users", "collection", true),
            (Method::POST, "/Users/", "collection", false),
            (Method::DELETE, "/Users/1", "resource", false),
            (Method::POST, "/.search", "search", true),
            (Method::POST, "/Users/.search", "search", true),
            (Method::POST, "/Users/%2Esearch", "search", true),
            (Method::DELETE, "/Users/.search", "search", false),
            (Method::POST, "/Bulk", "bulk", false),
            (Method::PATCH, "/Me", "me", false),
            (Method::PUT, "/a/b/c", "other", false),
            (Method::PUT, "/a//b", "other", false),
            (Method::PUT, "/%zz", "other", false),
        ] {
            let endpoint = Endpoint::of(path);
            assert_eq!((endpoint.word(), endpoint.only_reads(&method)), (word, reads), "{method} {path}");
        }
    }
}
