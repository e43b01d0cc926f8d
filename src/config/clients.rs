//! Who may call: names, profiles and the hashes of their bearer tokens. The tokens themselves are never in the file.

use std::sync::Arc;

use jiff::Timestamp;

use super::mask;
use super::tenants::{self, Tenant};
use super::values::hex;
use crate::diagnostic::{Faults, Place, did_you_mean};
use crate::yaml::Node;

/// A client: one identity provider, with one profile and one or more tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Its name in logs.
    pub name: String,
    /// How much of the RFC it may bend; one of the names given to [`super::Config::load`].
    pub profile: String,
    /// Its tokens; never empty. Several at once let a token be replaced without a gap.
    pub bearers: Vec<Bearer>,
    /// Whose records it sees, where the mapping keeps tenants apart.
    pub tenant: Option<Arc<Tenant>>,
    /// Where it stands in the file.
    pub place: Place,
}

/// A bearer token (RFC 6750), known by its hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bearer {
    /// SHA-256 of the token.
    pub sha256: [u8; 32],
    /// When it stops to be valid.
    pub until: Option<Timestamp>,
}

/// The list under `clients`.
pub(super) fn read(node: &Node, faults: &mut Faults, profiles: &[&str], tenants: &[Arc<Tenant>]) -> Vec<Client> {
    let Some(items) = node.list(faults, "`clients`") else { return Vec::new() };
    if items.is_empty() {
        faults.error(node.span, "bad-value", "`clients` is empty, so nobody may call").help("list at least one client");
    }
    let mut clients: Vec<Client> = Vec::new();
    let mut hashes = Vec::new();
    for item in items {
        let Some(mut fields) = item.map(faults, "a client") else { continue };
        let name_node = fields.required(faults, "name");
        let name = name_node.and_then(|name| name.text(faults, "`name`"));
        let profile = match fields.take("profile") {
            Some(node) => profile(node, faults, profiles),
            None => profiles.first().copied(),
        };
        let bearer_nodes = fields.required(faults, "bearers");
        let bearers = bearer_nodes.map_or_else(Vec::new, |node| bearers(node, faults, &mut hashes));
        let tenant = fields.take("tenant").and_then(|node| tenants::named(node, tenants, faults));
        fields.finish(faults);
        let Some(name) = name else { continue };
        if let Some(node) = name_node {
            if name.is_empty() {
                faults.error(node.span, "bad-value", "a client's `name` is empty");
            } else if clients.iter().any(|other| other.name == name) {
                let message = format!("another client is named `{}`", faults.written(node.span));
                faults.error(node.span, "duplicate-name", message).help("give one client several `bearers` instead");
            }
        }
        let (name, profile) = (name.to_owned(), profile.unwrap_or_default().to_owned());
        let place = Place { source: faults.source().clone(), span: name_node.map_or(item.span, |node| node.span) };
        clients.push(Client { name, profile, bearers, tenant, place });
    }
    clients
}

fn profile<'n>(node: &'n Node, faults: &mut Faults, profiles: &[&str]) -> Option<&'n str> {
    let name = node.text(faults, "`profile`")?;
    if profiles.contains(&name) {
        return Some(name);
    }
    let help = match did_you_mean(name, profiles.iter().copied()) {
        Some(near) => format!("write `{near}`"),
        None => format!("write one of `{}`", profiles.join("`, `")),
    };
    faults.error(node.span, "bad-value", format!("`{}` is not a profile", faults.written(node.span))).help(help);
    None
}

fn bearers(node: &Node, faults: &mut Faults, hashes: &mut Vec<[u8; 32]>) -> Vec<Bearer> {
    let Some(items) = node.list(faults, "`bearers`") else { return Vec::new() };
    if items.is_empty() {
        faults.error(node.span, "bad-value", "`bearers` is empty, so this client cannot call");
    }
    let mut bearers = Vec::new();
    for item in items {
        let Some(mut fields) = item.map(faults, "a bearer") else { continue };
        let hash = fields.required(faults, "bearer_sha256").and_then(|node| hash(node, faults, hashes));
        let until = fields.take("until").and_then(|node| until(node, faults));
        fields.finish(faults);
        if let Some(sha256) = hash {
            bearers.push(Bearer { sha256, until });
        }
    }
    bearers
}

fn hash(node: &Node, faults: &mut Faults, hashes: &mut Vec<[u8; 32]>) -> Option<[u8; 32]> {
    let text = node.text(faults, "`bearer_sha256`")?;
    let Some(hash) = hex(text).and_then(|bytes| <[u8; 32]>::try_from(bytes).ok()) else {
        // Most likely it is the token itself, so neither the message nor the drawing shows it.
        mask(node, faults);
        faults
            .error(node.span, "bad-value", "`bearer_sha256` must be 64 hex digits, the SHA-256 of the token")
            .help("make it with `printf %s \"$TOKEN\" | sha256sum`");
        return None;
    };
    if hashes.contains(&hash) {
        faults
            .error(node.span, "duplicate-name", "this token is listed twice")
            .help("each token belongs to one client");
    }
    hashes.push(hash);
    Some(hash)
}

fn until(node: &Node, faults: &mut Faults) -> Option<Timestamp> {
    let Ok(until) = node.text(faults, "`until`")?.parse::<Timestamp>() else {
        faults
            .error(node.span, "bad-value", format!("`{}` is not a time", faults.written(node.span)))
            .help("write a date and time with zone, such as `2027-01-01T00:00:00Z`");
        return None;
    };
    if until < Timestamp::now() {
        faults.warning(node.span, "past", "this token is no longer valid").help("leave it out");
    }
    Some(until)
}
