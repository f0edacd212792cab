//! Which pages may connect, as operators write it. It must not know how an origin is compared.

use super::super::AllowedOrigins;
use super::checker::Checker;

pub(super) fn allowed_origins(check: &mut Checker<'_>, origins: Vec<String>) -> AllowedOrigins {
    if origins == ["*"] {
        return AllowedOrigins::Any;
    }
    for (index, origin) in origins.iter().enumerate() {
        if let Some(problem) = wrong(origin) {
            check.problem(format!("listen.allowed_origins[{index}]"), problem);
        }
    }
    let lower_case = |origin: String| origin.to_ascii_lowercase();
    AllowedOrigins::Listed(origins.into_iter().map(lower_case).collect())
}

/// Why no browser ever sends this as an origin.
fn wrong(text: &str) -> Option<&'static str> {
    if text == "*" {
        return Some("\"*\" allows every origin and must stand alone");
    }
    let Some((scheme, authority)) = text.split_once("://") else {
        return Some(
            "can never match: it has no scheme; expected an origin as browsers send it, such as \
             \"https://app.example.com\" or \"http://localhost:3000\"",
        );
    };
    let has_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    if !has_scheme {
        return Some("can never match: what stands before :// is no scheme");
    }
    let scheme = scheme.to_ascii_lowercase();
    if scheme == "ws" || scheme == "wss" {
        return Some(
            "can never match: an origin is that of the page, so it begins with http:// or https://",
        );
    }
    if authority.contains(['/', '?', '#']) {
        return Some("can never match: an origin has no path, not even a slash at its end");
    }
    if authority.contains('@') {
        return Some("can never match: an origin names no user");
    }
    // A browser leaves the default port out.
    let default_port = match scheme.as_str() {
        "https" => ":443",
        "http" => ":80",
        _ => "@",
    };
    if authority.ends_with(default_port) {
        return Some("can never match: browsers leave the default port out; do so here, too");
    }
    let host = match authority.strip_prefix("*.") {
        Some(domain) if is_number(domain) => {
            return Some("can never match: an address has no subdomains");
        }
        Some(domain) => domain,
        None => authority,
    };
    if host.contains('*') {
        return Some(
            "\"*\" may stand for subdomains only, in front of the first dot: \
             \"https://*.example.com\"",
        );
    }
    if !host.is_ascii() {
        return Some(
            "can never match: browsers send such a host in its ASCII form, which begins with xn--",
        );
    }
    let is_host = host.parse::<http::uri::Authority>().is_ok() && !host.starts_with(['.', ':']);
    (!is_host).then_some("can never match: what stands behind :// is neither a host nor host:port")
}

/// Whether a host, with its port, is an address of IPv4 or IPv6.
fn is_number(host: &str) -> bool {
    let name = host.split(':').next().unwrap_or_default();
    host.starts_with('[') || name.parse::<std::net::Ipv4Addr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_browsers_send_is_taken() {
        for origin in [
            "https://app.example.com",
            "https://App.Example.com:8443",
            "http://localhost:3000",
            "http://[::1]:3000",
            "capacitor://localhost",
            "https://*.corp.example",
            "https://*.corp.example:8443",
        ] {
            assert_eq!(wrong(origin), None, "{origin}");
        }
    }

    #[test]
    fn what_can_never_match_is_told_in_words() {
        for (origin, word) in [
            ("app.example.com", "no scheme"),
            ("null", "no scheme"),
            ("https://a.example/", "no path"),
            ("https://a.example/app", "no path"),
            ("https://a.example?x", "no path"),
            ("https://a.example:443", "default port"),
            ("HTTP://a.example:80", "default port"),
            ("https://*.a.example:443", "default port"),
            ("http://user@a.example", "no user"),
            ("wss://a.example", "of the page"),
            ("https://", "neither a host"),
            ("https://a b", "neither a host"),
            ("https://*.", "neither a host"),
            ("https://*", "subdomains only"),
            ("https://*corp.example", "subdomains only"),
            ("https://a.*.example", "subdomains only"),
            ("https://*.*.example", "subdomains only"),
            ("https://*.10.0.0.1", "an address has no subdomains"),
            ("https://*.[::1]", "an address has no subdomains"),
            ("https://bücher.example", "xn--"),
            ("ht tp://a.example", "is no scheme"),
        ] {
            let told = wrong(origin).unwrap_or_default();
            assert!(told.contains(word), "{origin}: {told}");
        }
    }
}
