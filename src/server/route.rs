//! Which road a path takes. SCIM's is taken literally; a path that an app behind us might *read* as SCIM's although
//! it is not spelled so is refused, since there it would pass by everything the stack checks.

use percent_encoding::percent_decode_str;

use crate::scim::request::is_version;

/// The road of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Road {
    /// Literally the base path or below it.
    Scim,
    /// Elsewhere, however it is read.
    App,
    /// Elsewhere as spelled, but an app may read it as the base path.
    Disguised,
}

/// The road of `path` (as sent, without query) where SCIM begins at `base`.
pub(super) fn road(path: &str, base: &str) -> Road {
    if path.strip_prefix(base).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
        return Road::Scim;
    }
    let mut read = path.to_owned();
    // Each round is one more decoder on the way to the app; who encodes deeper than this hides something.
    for _ in 0..4 {
        if lands_in(&read, base, true) || lands_in(&read, base, false) {
            return Road::Disguised;
        }
        let decoded = percent_decode_str(&read).decode_utf8_lossy().into_owned();
        if decoded == read {
            return Road::App;
        }
        read = decoded;
    }
    Road::Disguised
}

/// Whether `path` is SCIM's but for its version: `/scim/v1/Users` where SCIM begins at `/scim/v2`.
pub(super) fn is_other_version(path: &str, base: &str) -> bool {
    let Some((parent, version)) = base.rsplit_once('/').filter(|(_, version)| is_version(version)) else {
        return false;
    };
    let rest = path.strip_prefix(parent).and_then(|rest| rest.strip_prefix('/'));
    rest.and_then(|rest| rest.split('/').next()).is_some_and(|other| is_version(other) && other != version)
}

/// Whether `path`, dots resolved, lies in `base`. Readers differ in whether `//` is one slash or an empty segment, so
/// both are asked. `\` is a slash to some; `;x`, a query or a control character end a segment for others; many fold
/// case.
fn lands_in(path: &str, base: &str, merge_slashes: bool) -> bool {
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.trim_start_matches(['/', '\\']).split(['/', '\\']) {
        let end = segment.find(|c: char| matches!(c, ';' | '?' | '#' | ' ') || c.is_control()).unwrap_or(segment.len());
        match &segment[..end] {
            "." => {}
            ".." => {
                segments.pop();
            }
            "" if merge_slashes => {}
            name => segments.push(name),
        }
    }
    let mut read = segments.iter();
    base.split('/').filter(|s| !s.is_empty()).all(|want| read.next().is_some_and(|s| s.eq_ignore_ascii_case(want)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        for (path, base, other) in [
            ("/scim/v1", "/scim/v2", true),
            ("/scim/v1/Users/7", "/scim/v2", true),
            ("/scim/v2.1/Users", "/scim/v2", true),
            ("/v3/Users", "/v2", true),
            ("/scim/v2/Users", "/scim/v2", false),
            ("/scim", "/scim/v2", false),
            ("/scimv1/Users", "/scim/v2", false),
            ("/scim/values", "/scim/v2", false),
            ("/other/v1/Users", "/scim/v2", false),
            ("/scim/v1/Users", "/scim", false),
            ("/v1/Users", "", false),
        ] {
            assert_eq!(is_other_version(path, base), other, "{path} {base}");
        }
    }

    #[test]
    fn roads() {
        let scim = ["/scim/v2", "/scim/v2/", "/scim/v2/Users", "/scim/v2/../admin", "/scim/v2/%2e%2e/x"];
        let app = [
            "/",
            "*",
            "/scim",
            "/scim/v20/Users",
            "/scim/v1",
            "/a%20b",
            "/x/scim/v2",
            "/%",
            "/a%ff",
            "/scim%2",
            "/a;b/c",
        ];
        let disguised = [
            "//scim/v2/Users",
            "/scim//v2",
            "/./scim/v2",
            "/x/../scim/v2/Users",
            "/x/..;/scim/v2",
            "/scim;a=b/v2",
            "/%73cim/v2/Users",
            "/scim%2fv2",
            "/scim/v2%2FUsers",
            "/scim/v2%00",
            "/scim/v2%3fx",
            "/scim/v2;x",
            "/x/%2e%2e/scim/v2",
            "/x%2f..%2fscim/v2",
            "/x/%252e%252e/scim/v2",
            "/%252573cim/v2",
            "/%2525252573cim/v2",
            "/\\scim\\v2",
            "/x/..\\scim/v2",
            "/scim%5cv2/Users",
            "/SCIM/v2/Users",
            "/../../scim/v2",
            "/scim/x//../v2",
            "/scim/x//../../v2",
        ];
        for (paths, want) in [(&scim[..], Road::Scim), (&app, Road::App), (&disguised, Road::Disguised)] {
            for path in paths {
                assert_eq!(road(path, "/scim/v2"), want, "{path}");
            }
        }
    }
}
