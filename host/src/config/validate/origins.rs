//! Which pages may connect, as operators write it. It must not know how an origin is compared.

use std::net::{Ipv4Addr, Ipv6Addr};

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
    let neither = "can never match: what stands behind :// is neither a host nor host:port";
    if host.parse::<http::uri::Authority>().is_err() {
        return Some(neither);
    }
    // The colons of an address of IPv6 stand in brackets.
    let colon = host.rfind(':').filter(|at| !host[*at..].contains(']'));
    let (name, port) = match colon {
        Some(at) => (&host[..at], Some(&host[at + 1..])),
        None => (host, None),
    };
    if port.is_some_and(|port| !is_port(port)) {
        return Some(
            "can never match: a port is a number from 1 to 65535, without zeros in front of it",
        );
    }
    match name {
        "" => Some(neither),
        name => wrong_name(name),
    }
}

/// Whether a browser may name a port so.
fn is_port(text: &str) -> bool {
    text.parse::<u16>()
        .is_ok_and(|port| port != 0 && port.to_string() == text)
}

/// Why no browser knows a host by this name.
fn wrong_name(name: &str) -> Option<&'static str> {
    if let Some(inner) = name.strip_prefix('[') {
        let inner = inner.strip_suffix(']').unwrap_or_default();
        let is_address = inner.parse::<Ipv6Addr>().is_ok();
        return (!is_address).then_some("can never match: what stands in brackets is no address");
    }
    // A dot at the end is one that people may type.
    let labels = name.strip_suffix('.').unwrap_or(name);
    if labels.split('.').any(str::is_empty) {
        return Some("can never match: there is nothing between two dots of the host");
    }
    if labels
        .split('.')
        .any(|label| label.starts_with('-') || label.ends_with('-'))
    {
        return Some("can never match: no part of a host begins or ends with a hyphen");
    }
    // A last part of digits makes it an address.
    let last = labels.rsplit('.').next().unwrap_or_default();
    let is_number = last.bytes().all(|byte| byte.is_ascii_digit());
    (is_number && labels.parse::<Ipv4Addr>().is_err()).then_some(
        "can never match: the host ends with a number, so it is an address, but not a whole one",
    )
}

/// Whether a host, with its port, is an address of IPv4 or IPv6.
fn is_number(host: &str) -> bool {
    let name = host.split(':').next().unwrap_or_default();
    host.starts_with('[') || name.parse::<Ipv4Addr>().is_ok()
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
            "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
            "http://10.0.0.1:8080",
            "http://[2001:db8::1]",
            "https://my_app.a-b.example",
            "https://a.example.",
            "https://3.example:65535",
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
            ("https://a..b", "between two dots"),
            ("https://.a.example", "between two dots"),
            ("https://*..a.example", "between two dots"),
            ("https://a.example..", "between two dots"),
            ("https://*.-x.example", "hyphen"),
            ("https://x-.example", "hyphen"),
            ("https://*.corp.example:0", "from 1 to 65535"),
            ("https://a.example:", "from 1 to 65535"),
            ("https://a.example:65536", "from 1 to 65535"),
            ("https://a.example:08443", "zeros"),
            ("http://[::1]:0", "from 1 to 65535"),
            ("http://[::g]", "no address"),
            ("http://10.0.1", "not a whole one"),
            ("http://300.0.0.1:80", "default port"),
            ("http://300.0.0.1", "not a whole one"),
            ("https://:8443", "neither a host"),
        ] {
            let told = wrong(origin).unwrap_or_default();
            assert!(told.contains(word), "{origin}: {told}");
        }
    }
}
