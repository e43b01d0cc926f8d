//! Attribute paths as written (RFC 7644 §3.10, figure 1).

/// `name`, `name.sub`, `urn:…:name.sub`: what a client wrote, not yet looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttrPath {
    /// The schema URN in front, without its last colon.
    pub urn: Option<String>,
    /// The attribute's name as written.
    pub name: String,
    /// The sub-attribute's name as written.
    pub sub: Option<String>,
}
