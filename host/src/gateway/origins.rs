//! Which pages of other origins may connect (CORS); must not know what they connect to.

use http::header::HeaderName;
use http::{HeaderMap, HeaderValue, header};

use super::engine::Protocol;

/// How a browser asks for a page that is public while this server is not, and how it is answered.
const REQUEST_PRIVATE_NETWORK: HeaderName =
    HeaderName::from_static("access-control-request-private-network");
const ALLOW_PRIVATE_NETWORK: HeaderName =
    HeaderName::from_static("access-control-allow-private-network");

/// Pages of which origins may connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllowedOrigins {
    /// Of any. Safe here, because a client shows a token in its events and never a cookie.
    Any,
    /// Of these, each written as a browser sends it, `https://example.org`, or with `*` for one or
    /// more subdomains in front of its first dot, `https://*.example.org`.
    Listed(Vec<String>),
}

impl AllowedOrigins {
    /// Whether a request with these headers may be served. One without an origin does not come
    /// from a page and may.
    pub(super) fn allow(&self, headers: &HeaderMap) -> bool {
        match (self, headers.get(header::ORIGIN)) {
            (Self::Any, _) | (_, None) => true,
            (Self::Listed(known), Some(origin)) => origin
                .to_str()
                .is_ok_and(|origin| known.iter().any(|known| matches(known, origin))),
        }
    }

    /// Adds what a browser must read to let the page of an allowed `origin` see a response.
    pub(super) fn sign(
        &self,
        origin: Option<HeaderValue>,
        protocol: Option<Protocol>,
        headers: &mut HeaderMap,
    ) {
        let Some(origin) = origin else { return };
        // Stock clients 2.x ask for credentials whether there are any or not, and a browser then
        // wants the origin by name.
        let names_origin = *self != Self::Any || protocol == Some(Protocol::V3);
        if names_origin {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.append(header::VARY, HeaderValue::from_static("Origin"));
            let allow = HeaderValue::from_static("true");
            headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, allow);
        } else {
            let any = HeaderValue::from_static("*");
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, any);
        }
    }

    /// Adds the answer to a browser's question whether it may send a request at all, with headers
    /// of an application's own, or from a public page into a private network. Its origin is allowed.
    pub(super) fn sign_preflight(asked: &HeaderMap, headers: &mut HeaderMap) {
        let methods = HeaderValue::from_static("GET, POST");
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
        let names = asked.get(header::ACCESS_CONTROL_REQUEST_HEADERS).cloned();
        let names = names.unwrap_or(HeaderValue::from_static("Content-Type"));
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, names);
        let vary = HeaderValue::from_static("Access-Control-Request-Headers");
        headers.append(header::VARY, vary);
        if asked.contains_key(REQUEST_PRIVATE_NETWORK) {
            headers.insert(ALLOW_PRIVATE_NETWORK, HeaderValue::from_static("true"));
        }
        let age = HeaderValue::from_static("86400");
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, age);
    }
}

/// Whether an origin is what is listed. Scheme and port are compared exactly; subdomains are not the
/// domain itself.
fn matches(listed: &str, origin: &str) -> bool {
    let Some((scheme, domain)) = listed.split_once("://*") else {
        return listed == origin;
    };
    let host = origin
        .strip_prefix(scheme)
        .and_then(|rest| rest.strip_prefix("://"));
    let subdomain = host.and_then(|host| host.strip_suffix(domain));
    subdomain.is_some_and(|name| {
        let is_label = |label: &str| {
            let part = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            !label.is_empty() && label.chars().all(part)
        };
        name.split('.').all(is_label)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(origin: &'static str) -> HeaderMap {
        [(header::ORIGIN, HeaderValue::from_static(origin))]
            .into_iter()
            .collect()
    }

    #[test]
    fn only_listed_origins_and_clients_that_are_no_pages_are_allowed() {
        let origins = AllowedOrigins::Listed(vec!["https://a.example".into()]);
        assert!(origins.allow(&from("https://a.example")));
        assert!(origins.allow(&HeaderMap::new()));
        assert!(!origins.allow(&from("https://b.example")));
        assert!(AllowedOrigins::Any.allow(&from("https://b.example")));
    }

    #[test]
    fn a_star_stands_for_subdomains_and_nothing_else() {
        let listed = "https://*.corp.example";
        for origin in ["https://a.corp.example", "https://a-1.b.corp.example"] {
            assert!(matches(listed, origin), "{origin}");
        }
        for origin in [
            "https://corp.example",
            "https://.corp.example",
            "http://a.corp.example",
            "https://a.corp.example:8443",
            "https://acorp.example",
            "https://a.corp.example.evil.example",
            "https://evil.example/.corp.example",
            "https://u@a.corp.example",
            "https://a..corp.example",
            "null",
        ] {
            assert!(!matches(listed, origin), "{origin}");
        }
        assert!(matches(
            "https://*.a.example:8443",
            "https://b.a.example:8443"
        ));
        assert!(!matches("https://*.a.example:8443", "https://b.a.example"));
    }

    #[test]
    fn old_clients_get_their_origin_by_name() {
        let origin = Some(HeaderValue::from_static("https://a.example"));
        let mut headers = HeaderMap::new();
        AllowedOrigins::Any.sign(origin.clone(), Some(Protocol::V3), &mut headers);
        assert_eq!(
            headers[header::ACCESS_CONTROL_ALLOW_ORIGIN],
            "https://a.example"
        );
        AllowedOrigins::Any.sign(origin, Some(Protocol::V4), &mut headers);
        assert_eq!(headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
    }
}
