//! The handshake by which a TCP connection becomes a WebSocket; must not know what passes over it.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{self, AsHeaderName, HeaderMap, HeaderValue};
use http::{Method, Request, Response, StatusCode, Version};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tower::Service;

use super::arriving::Client;
use super::connection::Connection;
use super::engine::{Protocol, SessionOutput, Transport};
use super::output::Output;
use super::requests::{
    BAD_REQUEST, Body, Query, UNKNOWN_PROTOCOL, UNKNOWN_SESSION, empty, refuse, turn_away,
};
use super::stream::EngineStream;
use super::upgrading::Upgrade;
use crate::limits;

/// Answers the WebSocket handshake and hands the connection to socketioxide under an output. `address`
/// is where it came from.
pub(super) fn answer(
    transport: &Arc<Transport>,
    address: Option<IpAddr>,
    mut request: Request<Incoming>,
    query: &Query,
) -> Response<Body> {
    if !is_handshake(&request) {
        return refuse(BAD_REQUEST);
    }
    let Some(protocol) = query.protocol else {
        return refuse(UNKNOWN_PROTOCOL);
    };
    let Some(key) = request.headers().get(header::SEC_WEBSOCKET_KEY) else {
        return refuse(BAD_REQUEST);
    };
    let accept = derive_accept_key(key.as_bytes());
    let subprotocol = subprotocol(request.headers());
    let opening = match query.sid {
        None => match Client::arrive(transport, address) {
            Ok(client) => Opening::New(client),
            Err(turned_away) => return turn_away(turned_away),
        },
        Some(Ok(sid)) => match transport.session(&sid) {
            Some(output) => match output.begin_upgrade() {
                Some(upgrade) => Opening::Upgrade(upgrade),
                None => return refuse(BAD_REQUEST),
            },
            None => return refuse(UNKNOWN_SESSION),
        },
        Some(Err(())) => return refuse(UNKNOWN_SESSION),
    };
    let switched = Switched {
        transport: Arc::clone(transport),
        opening,
        protocol,
        address: query.address(),
    };
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        if let Ok(Ok(upgraded)) = timeout(limits::UPGRADE_TIMEOUT, upgrade).await {
            switched.hand_over(upgraded).await;
        }
    });
    let mut response = empty(StatusCode::SWITCHING_PROTOCOLS);
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    let accept = HeaderValue::try_from(accept).expect("base64 is a valid header");
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    if let Some(subprotocol) = subprotocol {
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, subprotocol);
    }
    response
}

/// What a WebSocket is for.
enum Opening {
    /// A session of its own.
    New(Client),
    /// A session that began with polling and is to move.
    Upgrade(Upgrade),
}

/// A connection that has been told that it is a WebSocket now.
struct Switched {
    transport: Arc<Transport>,
    opening: Opening,
    protocol: Protocol,
    address: String,
}

impl Switched {
    async fn hand_over(self, upgraded: hyper::upgrade::Upgraded) {
        let Ok(parts) = upgraded.downcast::<TokioIo<Connection>>() else {
            return;
        };
        let connection = parts.io.into_inner();
        let early = Bytes::copy_from_slice(&parts.read_buf);
        let (output, early) = match self.opening {
            Opening::Upgrade(upgrade) => match upgrade.complete(connection, early).await {
                Ok(complete) => complete,
                Err(failed) => {
                    tracing::debug!(reason = %failed, "a session stays with polling");
                    return;
                }
            },
            Opening::New(client) => {
                let transport = Arc::clone(&self.transport);
                let output = Output::direct(transport, self.protocol, client, connection);
                (output, early)
            }
        };
        let mut request = Request::new(());
        *request.uri_mut() = self.address.parse().expect("is made of valid parts");
        request.extensions_mut().insert(SessionOutput::new(&output));
        let stream = EngineStream::new(output, &early);
        if let Err(error) = self
            .transport
            .service()
            .call((stream, request))
            .into_inner()
        {
            tracing::debug!(%error, "socketioxide refused a WebSocket");
        }
    }
}

/// Whether a request is the client's part of the handshake. HTTP/1.0 knows none.
fn is_handshake<B>(request: &Request<B>) -> bool {
    let headers = request.headers();
    let version = headers.get(header::SEC_WEBSOCKET_VERSION);
    request.method() == Method::GET
        && request.version() == Version::HTTP_11
        && tokens(headers, header::CONNECTION).any(|token| token.eq_ignore_ascii_case("upgrade"))
        && tokens(headers, header::UPGRADE).any(|token| token.eq_ignore_ascii_case("websocket"))
        && version.is_some_and(|version| version == "13")
}

/// The first of the subprotocols that the client would speak. None means anything here, but a browser
/// that names some gives up if it is not answered with one.
fn subprotocol(headers: &HeaderMap) -> Option<HeaderValue> {
    let first = tokens(headers, header::SEC_WEBSOCKET_PROTOCOL).next()?;
    HeaderValue::from_str(first).ok()
}

/// The elements of a header that is a list.
fn tokens(headers: &HeaderMap, name: impl AsHeaderName) -> impl Iterator<Item = &str> {
    let values = headers.get_all(name).into_iter();
    let texts = values.filter_map(|value| value.to_str().ok());
    let tokens = texts.flat_map(|text| text.split(','));
    tokens.map(str::trim).filter(|token| !token.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handshake(version: Version, headers: &[(&str, &str)]) -> Request<()> {
        let mut request = Request::builder().version(version);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).expect("is well formed")
    }

    const GOOD: [(&str, &str); 3] = [
        ("connection", "keep-alive, Upgrade"),
        ("upgrade", "WebSocket"),
        ("sec-websocket-version", "13"),
    ];

    #[test]
    fn a_handshake_has_all_its_parts() {
        assert!(is_handshake(&handshake(Version::HTTP_11, &GOOD)));
        assert!(!is_handshake(&handshake(Version::HTTP_10, &GOOD)));
        for missing in 0..GOOD.len() {
            let mut parts = GOOD.to_vec();
            parts.remove(missing);
            assert!(
                !is_handshake(&handshake(Version::HTTP_11, &parts)),
                "{parts:?}"
            );
        }
    }

    #[test]
    fn the_first_subprotocol_is_spoken() {
        let asked = |value| subprotocol(handshake(Version::HTTP_11, &[value]).headers());
        let name = "sec-websocket-protocol";
        assert_eq!(
            asked((name, "chat.v2, chat")).expect("is answered"),
            "chat.v2"
        );
        assert_eq!(asked((name, " , ")), None);
        assert_eq!(asked(("x", "chat")), None);
    }
}
