//! The values of `portolan.yaml` that are more than a text or number: addresses, URLs, paths, secrets and keys.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::PathBuf;

use crate::diagnostic::{Diagnostic, Faults, Severity, Span};
use crate::yaml::Node;

/// Where `listen` points when the file does not say.
pub(super) const DEFAULT_LISTEN: Listen = Listen::Tcp(SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 8080)));

/// A value that must not be shown: `Debug` prints `…`, and nothing prints it by itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret<T = String>(T);

impl<T> Secret<T> {
    /// Wraps a value.
    pub fn new(value: T) -> Secret<T> {
        Secret(value)
    }

    /// The value, for the one place that needs it.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// An address to listen on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    /// An IP address and port.
    Tcp(SocketAddr),
    /// A unix socket.
    Unix(PathBuf),
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Listen::Tcp(address) => address.fmt(f),
            Listen::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl Listen {
    fn parse(text: &str) -> Option<Listen> {
        match text.strip_prefix("unix:") {
            Some(path) => path.starts_with('/').then(|| Listen::Unix(path.into())),
            None => text.parse().ok().map(Listen::Tcp),
        }
    }
}

const LISTEN_HELP: &str = "write an IP address and port such as `127.0.0.1:8080`, or `unix:` and an absolute path";

fn bad(node: &Node, faults: &mut Faults, kind: &str, help: &str) {
    faults.error(node.span, "bad-value", format!("`{}` is not {kind}", faults.written(node.span))).help(help);
}

pub(super) fn listen(node: &Node, faults: &mut Faults, what: &str) -> Option<Listen> {
    let listen = Listen::parse(node.text(faults, what)?);
    if listen.is_none() {
        bad(node, faults, "an address to listen on", LISTEN_HELP);
    }
    listen
}

pub(super) fn listen_override(text: &str, faults: &mut Faults) -> Option<Listen> {
    let listen = Listen::parse(text);
    if listen.is_none() {
        let message = format!("`{text}` is not an address to listen on");
        let mut fault = Diagnostic::new(Severity::Error, "bad-value", message);
        fault.help(LISTEN_HELP);
        faults.push(fault);
    }
    listen
}

/// A path without a slash at the end; `/` is the empty path.
pub(super) fn base_path(node: &Node, faults: &mut Faults) -> Option<String> {
    let path = node.text(faults, "`base_path`")?;
    if path == "/" {
        return Some(String::new());
    }
    if path.strip_prefix('/').is_some_and(are_segments) {
        return Some(path.to_owned());
    }
    bad(
        node,
        faults,
        "a base path",
        "write a path such as `/scim/v2`: letters, digits, `-`, `_`, `.` and `~`, no slash at the end",
    );
    None
}

/// Segments that read the same in every normal form of a URL.
fn are_segments(path: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.~".contains(c);
    path.split('/').all(|segment| !matches!(segment, "" | "." | "..") && segment.chars().all(plain))
}

/// A URL of `http` or `https` with a host and no login, query or fragment.
fn url(text: &str) -> Option<http::Uri> {
    let uri: http::Uri = text.parse().ok()?;
    let authority = uri.authority()?;
    let fits = matches!(uri.scheme_str(), Some("http" | "https"))
        && !authority.host().is_empty()
        && !authority.as_str().contains('@')
        && uri.query().is_none()
        && !text.contains('#');
    fits.then_some(uri)
}

pub(super) fn public_url(node: &Node, faults: &mut Faults) -> Option<String> {
    let text = node.text(faults, "`public_url`")?;
    let trimmed = text.strip_suffix('/').unwrap_or(text);
    let is_path = |path: &str| path == "/" || path.strip_prefix('/').is_some_and(are_segments);
    if url(trimmed).is_some_and(|uri| is_path(uri.path())) && !trimmed.ends_with('/') {
        return Some(trimmed.to_owned());
    }
    bad(node, faults, "a public URL", "write a scheme, a host and perhaps a path, such as `https://scim.example.com`");
    None
}

/// The URL of a listener whose public one is not given. The `Host` header is no source for it: clients choose that.
pub(super) fn url_of(listen: &Listen, span: Span, faults: &mut Faults) -> Option<String> {
    const HELP: &str = "write the URL that clients use as `public_url`";
    match listen {
        Listen::Tcp(address) => {
            if address.ip().is_unspecified() {
                faults
                    .warning(
                        span,
                        "no-public-url",
                        format!("`Location` will begin with `http://{address}`, which nobody can follow"),
                    )
                    .help(HELP);
            }
            Some(format!("http://{address}"))
        }
        Listen::Unix(_) => {
            faults.error(span, "missing-key", "a unix socket needs a `public_url`").help(HELP);
            None
        }
    }
}

/// A scheme and host without a path.
pub(super) fn origin(node: &Node, faults: &mut Faults) -> Option<http::Uri> {
    let origin = url(node.text(faults, "`to`")?).filter(|uri| uri.path() == "/");
    if origin.is_none() {
        bad(
            node,
            faults,
            "the address of an app",
            "write a scheme and host such as `http://127.0.0.1:9000`, without a path",
        );
    }
    if origin.as_ref().is_some_and(|uri| uri.scheme_str() == Some("https")) {
        faults
            .not_supported(node.span, "pass-through addresses with `https`")
            .help("a sidecar reaches its app on loopback: `http://127.0.0.1:9000`");
        return None;
    }
    origin
}

/// A key of at least 32 bytes in hex or base64. Faults never say what was found.
pub(super) fn key(node: &Node, faults: &mut Faults) -> Option<Secret<Vec<u8>>> {
    let text = node.text(faults, "`key`")?;
    let key = hex(text).or_else(|| base64(text)).filter(|key| key.len() >= 32);
    if key.is_none() {
        faults
            .error(node.span, "bad-value", "a cursor key must be at least 32 bytes in hex or base64")
            .help("make one with `openssl rand -base64 32`");
    }
    key.map(Secret)
}

/// Bytes from pairs of hex digits.
pub(super) fn hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| u8::try_from(char::from(byte).to_digit(16)?).ok();
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

/// Bytes from base64 in either alphabet, padded or not.
fn base64(text: &str) -> Option<Vec<u8>> {
    use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
    STANDARD_NO_PAD.decode(text.trim_end_matches('=').replace('-', "+").replace('_', "/")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_from_hex_and_base64() {
        assert_eq!(hex("00fF7a"), Some(vec![0, 255, 122]));
        assert_eq!((hex("0"), hex("0g"), hex("é")), (None, None, None));
        for (text, bytes) in [("Zm9vYmFy", "foobar"), ("Zm9vYg==", "foob"), ("Zm9vYmE", "fooba"), ("", "")] {
            assert_eq!(base64(text).as_deref(), Some(bytes.as_bytes()), "{text}");
        }
        assert_eq!(base64("-_+/"), Some(vec![0xfb, 0xff, 0xbf]));
        assert_eq!((base64("a b"), base64("a=b")), (None, None));
    }

    #[test]
    fn a_secret_is_not_shown() {
        assert_eq!(format!("{:?}", Secret::new("hunter2".to_owned())), "…");
    }
}
