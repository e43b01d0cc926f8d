//! Links to a next page, as apps give them. A link is followed to the app's own origin and below its URL, and never
//! elsewhere (law 13).

use http::Uri;

use crate::mapping::rest::Origin;

/// The target of a call that follows a link: path and query below the app's URL. `from` is the target it was found under.
/// None where it leads elsewhere.
#[must_use]
pub fn target(origin: &Origin, from: &str, link: &str) -> Option<String> {
    if link.contains(|c: char| c.is_control() || c == '#' || c == ' ' || c == '\\') {
        return None;
    }
    let path = |target: &str| target.split_once('?').map_or(target, |(path, _)| path).to_owned();
    let whole = if let Some(query) = link.strip_prefix('?') {
        return Some(format!("{}?{query}", path(from)));
    } else if link.starts_with("//") {
        return None;
    } else if link.starts_with('/') {
        link.to_owned()
    } else {
        let uri: Uri = link.parse().ok()?;
        let same = uri.scheme() == origin.uri.scheme()
            && uri.host().zip(origin.uri.host()).is_some_and(|(a, b)| a.eq_ignore_ascii_case(b))
            && port(&uri) == port(&origin.uri)
            && uri.authority().is_some_and(|a| !a.as_str().contains('@'));
        same.then(|| uri.path_and_query().map(ToString::to_string)).flatten()?
    };
    let below = whole.strip_prefix(origin.prefix.as_str()).filter(|rest| rest.starts_with(['/', '?']))?;
    let climbs =
        path(below).split('/').any(|s| matches!(s.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | ".."));
    (!climbs).then(|| below.to_owned())
}

fn port(uri: &Uri) -> Option<u16> {
    uri.port_u16().or(match uri.scheme_str() {
        Some("http") => Some(80),
        Some("https") => Some(443),
        _ => None,
    })
}

/// The link to the next page in a `Link` header (RFC 8288); a header that is no such list is the link itself.
#[must_use]
pub fn of_header(value: &str) -> Option<&str> {
    if !value.trim_start().starts_with('<') {
        return Some(value.trim());
    }
    let mut rest = value;
    while let Some((_, link)) = rest.split_once('<') {
        let (link, behind) = link.split_once('>')?;
        let (parameters, next) = behind.split_once(",").map_or((behind, ""), |(p, _)| (p, &behind[p.len()..]));
        let is_next = parameters.split(';').any(|parameter| {
            parameter.split_once('=').is_some_and(|(name, value)| {
                let words = value.trim().trim_matches('"');
                name.trim().eq_ignore_ascii_case("rel")
                    && words.split_ascii_whitespace().any(|word| word.eq_ignore_ascii_case("next"))
            })
        });
        if is_next {
            return Some(link);
        }
        rest = next;
    }
    None
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_link_leads_to_the_app_or_nowhere() {
        let origin = Origin { uri: "https://app.example.com".parse().unwrap(), prefix: "/api".to_owned() };
        for (link, found) in [
            ("https://app.example.com/api/users?page=2", Some("/users?page=2")),
            ("https://APP.example.com:443/api/users?page=2", Some("/users?page=2")),
            ("/api/users?a=%2F", Some("/users?a=%2F")),
            ("?page=2", Some("/people?page=2")),
            ("http://app.example.com/api/users", None),
            ("https://app.example.com:8443/api/users", None),
            ("https://app.example.com.evil.org/api/users", None),
            ("https://evil.org/api/users", None),
            ("https://u:p@app.example.com/api/users", None),
            ("https://app.example.com@evil.org/api/users", None),
            ("//evil.org/api/users", None),
            ("/apis/users", None),
            ("/api/../admin", None),
            ("/api/%2E%2e/admin", None),
            ("/api/users#x", None),
            ("/api\\users", None),
            ("users?page=2", None),
            ("javascript:alert(1)", None),
            ("", None),
        ] {
            assert_eq!(target(&origin, "/people?page=1", link).as_deref(), found, "{link}");
        }
    }

    #[test]
    fn the_next_of_several_links() {
        for (value, next) in [
            ("<https://a/x?page=2>; rel=\"next\", <https://a/x?page=9>; rel=\"last\"", Some("https://a/x?page=2")),
            ("</x?a=1,2>; rel=prev, </x?a=3,4>; title=\"a\"; REL=\"last next\"", Some("/x?a=3,4")),
            ("</x>; rel=\"first\"", None),
            ("/x?page=2", Some("/x?page=2")),
        ] {
            assert_eq!(of_header(value), next, "{value}");
        }
    }
}
