//! HTTP requests of the public listener: polling, upgrades, the rest; must not know Socket.IO events.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use engineioxide::socket::Sid;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use tokio::time::timeout;
use tower::Service;

use super::arriving::{Client, TurnedAway};
use super::copies::Copy;
use super::engine::{self, EngineBody, PATH, Protocol, SessionOutput, Transport};
use super::handshake;
use super::origins::AllowedOrigins;
use super::output::{Output, Poll};
use super::pacing::Packets;
use crate::limits;

type Error = Box<dyn std::error::Error + Send + Sync>;
pub(super) type Body = UnsyncBoxBody<Bytes, Error>;

/// What the query of an Engine.IO request says.
pub(super) struct Query {
    pub(super) protocol: Option<Protocol>,
    transport: Option<Named>,
    pub(super) sid: Option<Result<Sid, ()>>,
    is_base64: bool,
}

/// The transports that there are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Named {
    Polling,
    WebSocket,
}

impl Query {
    fn parse(query: &str) -> Self {
        let find = |name: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
        };
        Self {
            protocol: find("EIO").and_then(Protocol::parse),
            transport: match find("transport") {
                Some("websocket") => Some(Named::WebSocket),
                Some("polling") => Some(Named::Polling),
                _ => None,
            },
            sid: find("sid").map(|sid| sid.parse().map_err(drop)),
            is_base64: matches!(find("b64"), Some("1" | "true")),
        }
    }

    /// The address of the same request without anything a client may have added: it lives as long
    /// as the session.
    pub(super) fn address(&self) -> String {
        let eio = self.protocol.map_or(0, Protocol::number);
        let transport = match self.transport {
            Some(Named::WebSocket) => "websocket",
            _ => "polling",
        };
        let mut address = format!("{PATH}/?EIO={eio}&transport={transport}");
        if let Some(Ok(sid)) = self.sid {
            address.push_str("&sid=");
            address.push_str(sid.as_str());
        }
        if self.is_base64 {
            address.push_str("&b64=1");
        }
        address
    }
}

/// Answers the requests of one TCP connection.
pub(super) struct Requests<S> {
    transport: Arc<Transport>,
    /// The other end of the connection.
    peer: IpAddr,
    inner: S,
}

impl<S, B> Requests<S>
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone,
    B: http_body::Body<Data = Bytes, Error: Into<Error>> + Send + 'static,
{
    pub(super) fn new(transport: Arc<Transport>, peer: IpAddr, inner: S) -> Self {
        Self {
            transport,
            peer,
            inner,
        }
    }

    /// Where the client comes from that sent a request with this head, where known.
    fn address(&self, headers: &HeaderMap) -> Option<IpAddr> {
        let proxies = &self.transport.settings.trusted_proxies;
        proxies.client(self.peer, headers)
    }

    pub(super) async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let rest = request.uri().path().strip_prefix(PATH);
        if rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
            return self.answer_engine(request).await;
        }
        let Ok(response) = self.inner.clone().call(request).await;
        response.map(|body| UnsyncBoxBody::new(body.map_err(Into::into)))
    }

    async fn answer_engine(&self, request: Request<Incoming>) -> Response<Body> {
        let origins = &self.transport.settings.allowed_origins;
        if !origins.allow(request.headers()) {
            return refuse_with(StatusCode::FORBIDDEN, FORBIDDEN);
        }
        let query = Query::parse(request.uri().query().unwrap_or_default());
        let origin = request.headers().get(header::ORIGIN).cloned();
        let mut response = match query.transport {
            _ if request.method() == Method::OPTIONS => {
                let mut response = empty(StatusCode::NO_CONTENT);
                AllowedOrigins::sign_preflight(request.headers(), response.headers_mut());
                response
            }
            Some(Named::WebSocket) => {
                let address = self.address(request.headers());
                handshake::answer(&self.transport, address, request, &query)
            }
            Some(Named::Polling) => self.poll(request, &query).await,
            None => refuse(UNKNOWN_TRANSPORT),
        };
        origins.sign(origin, query.protocol, response.headers_mut());
        response
    }

    /// Hands a polling request to socketioxide, with no more of it than needed: the first one of a
    /// session is kept as long as the session, and its headers would keep hyper's buffer.
    async fn poll(&self, request: Request<Incoming>, query: &Query) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let mut slim = Request::new(EngineBody::default());
        if let (&Method::POST, Some(Ok(sid))) = (&parts.method, query.sid) {
            if self.transport.session(&sid).is_none() {
                return refuse(UNKNOWN_SESSION);
            }
            match read_body(body).await {
                Ok(body) => {
                    self.transport.metrics.received(body.len());
                    *slim.body_mut() = self.packets(&body, &parts.headers, query);
                }
                Err(refusal) => return refusal,
            }
            if let Some(kind) = parts.headers.get(header::CONTENT_TYPE) {
                slim.headers_mut()
                    .insert(header::CONTENT_TYPE, kind.clone());
            }
        }
        *slim.method_mut() = parts.method;
        *slim.uri_mut() = match query.sid {
            Some(Err(())) => return refuse(UNKNOWN_SESSION),
            _ => query.address().parse().expect("is made of valid parts"),
        };
        let opened = match query {
            Query {
                protocol: Some(protocol),
                sid: None,
                ..
            } => {
                // First: where a flood has all places, it makes the next ones free.
                let address = self.address(&parts.headers);
                let client = match Client::arrive(&self.transport, address) {
                    Ok(client) => client,
                    Err(turned_away) => return turn_away(turned_away),
                };
                let Some(place) = self.transport.polling_place() else {
                    return refuse_with(StatusCode::SERVICE_UNAVAILABLE, NO_PLACE);
                };
                let transport = Arc::clone(&self.transport);
                let output = Output::polling(transport, *protocol, client, place);
                slim.extensions_mut().insert(SessionOutput::new(&output));
                Some(output)
            }
            _ => None,
        };
        if let Some(Ok(sid)) = query.sid
            && let Some(output) = self.transport.session(&sid)
        {
            output.heard();
        }
        let poll = match query.sid {
            Some(Ok(sid)) if *slim.method() == Method::GET => self.transport.session(&sid),
            _ => None,
        }
        .map(|output| output.poll());
        let mut service = self.transport.service();
        let answer = service.call(slim);
        let Some(Ok(response)) = answer_unless_released(answer, poll.as_ref()).await else {
            return released(query);
        };
        let (mut parts, body) = response.into_parts();
        // The body may be another one below; hyper counts it again.
        parts.headers.remove(header::CONTENT_LENGTH);
        let Ok(body) = body
            .collect()
            .await
            .map(http_body_util::Collected::to_bytes);
        let body = match opened {
            Some(output) => {
                if let Some(sid) = opened_session(&body) {
                    output.register(sid);
                }
                engine::with_true_bounds_polled(body, self.transport.settings.ping_timeout)
            }
            None => body,
        };
        let body = match parts.status {
            StatusCode::BAD_REQUEST => with_number(body),
            _ => body,
        };
        let shares = poll.map(|poll| poll.answered(&body)).unwrap_or_default();
        let body = if shares.is_empty() {
            UnsyncBoxBody::new(Full::from(body).map_err(Into::into))
        } else {
            UnsyncBoxBody::new(Copy::new(body, shares))
        };
        Response::from_parts(parts, body)
    }

    /// What a body holds, for the session that it is sent to.
    fn packets(&self, body: &Bytes, headers: &HeaderMap, query: &Query) -> Packets {
        let output = match query.sid {
            Some(Ok(sid)) => self.transport.session(&sid),
            _ => None,
        };
        let protocol = query.protocol.unwrap_or(Protocol::V4);
        let kind = headers.get(header::CONTENT_TYPE);
        let binary = kind.is_some_and(|kind| kind == "application/octet-stream");
        Packets::of(body, protocol, binary, output)
    }
}

/// Reads what a client posts, within its bounds, or says why not. A session lives on without it.
async fn read_body(body: Incoming) -> Result<Bytes, Response<Body>> {
    let body = Limited::new(body, limits::MAX_INCOMING_MESSAGE_BYTES);
    match timeout(limits::REQUEST_BODY_TIMEOUT, body.collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            Err(refuse_with(StatusCode::PAYLOAD_TOO_LARGE, BODY_TOO_LARGE))
        }
        Ok(Err(_)) => Err(refuse(BAD_REQUEST)),
        Err(_) => Err(refuse_with(StatusCode::REQUEST_TIMEOUT, BODY_TOO_SLOW)),
    }
}

/// The answer to a poll, unless the session's upgrade wants the poll answered at once. socketioxide
/// then still has all that it had: it takes nothing out of its queue before it can answer.
async fn answer_unless_released<T>(
    answer: impl Future<Output = T>,
    poll: Option<&Poll>,
) -> Option<T> {
    let Some(poll) = poll else {
        return Some(answer.await);
    };
    tokio::select! {
        biased;
        answer = answer => Some(answer),
        () = poll.released() => None,
    }
}

/// The answer to a poll that says nothing.
fn released(query: &Query) -> Response<Body> {
    let noop = match query.protocol {
        Some(Protocol::V3) => "1:6",
        _ => "6",
    };
    let mut response = plain(StatusCode::OK, noop);
    let text = HeaderValue::from_static("text/plain; charset=UTF-8");
    response.headers_mut().insert(header::CONTENT_TYPE, text);
    response
}

/// The id of the session that the answer to a first polling request opens.
fn opened_session(body: &[u8]) -> Option<Sid> {
    const BEFORE: &[u8] = b"\"sid\":\"";
    let start = body
        .windows(BEFORE.len())
        .position(|window| window == BEFORE)?
        + BEFORE.len();
    let length = body[start..].iter().position(|byte| *byte == b'"')?;
    std::str::from_utf8(&body[start..start + length])
        .ok()?
        .parse()
        .ok()
}

// Engine.IO's own errors, as its reference server words them.
const UNKNOWN_TRANSPORT: &str = r#"{"code":0,"message":"Transport unknown"}"#;
pub(super) const UNKNOWN_SESSION: &str = r#"{"code":1,"message":"Session ID unknown"}"#;
pub(super) const BAD_REQUEST: &str = r#"{"code":3,"message":"Bad request"}"#;
const FORBIDDEN: &str = r#"{"code":4,"message":"Forbidden: this origin is not allowed"}"#;
pub(super) const UNKNOWN_PROTOCOL: &str = r#"{"code":5,"message":"Unsupported protocol version"}"#;
// What that has no number for has the nearest one.
const BODY_TOO_LARGE: &str = r#"{"code":3,"message":"Bad request: the body is too large"}"#;
const BODY_TOO_SLOW: &str = r#"{"code":3,"message":"Bad request: the body came too slowly"}"#;
const NO_PLACE: &str = r#"{"code":4,"message":"Forbidden: no more sessions"}"#;

pub(super) fn refuse(error: &'static str) -> Response<Body> {
    refuse_with(StatusCode::BAD_REQUEST, error)
}

/// An error of the engine as the reference server writes it: `engineioxide` makes a text of the number
/// that its code is.
fn with_number(body: Bytes) -> Bytes {
    let numbered = || {
        let rest = body.strip_prefix(br#"{"code":""#)?;
        let digits = rest.iter().position(|byte| *byte == b'"')?;
        let (code, rest) = (&rest[..digits], &rest[digits + 1..]);
        let is_number = !code.is_empty() && code.iter().all(u8::is_ascii_digit);
        is_number.then(|| [br#"{"code":"#, code, rest].concat())
    };
    numbered().map_or_else(|| body.clone(), Bytes::from)
}

fn refuse_with(status: StatusCode, error: &'static str) -> Response<Body> {
    let mut response = plain(status, error);
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

fn plain(status: StatusCode, text: &'static str) -> Response<Body> {
    let body = Full::from(text).map_err(Into::into);
    let mut response = Response::new(UnsyncBoxBody::new(body));
    *response.status_mut() = status;
    response
}

pub(super) fn turn_away(client: TurnedAway) -> Response<Body> {
    refuse_with(client.status(), client.error())
}

pub(super) fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(UnsyncBoxBody::new(Empty::new().map_err(Into::into)));
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_reduced_to_what_the_engine_needs() {
        let query = Query::parse("token=secret&EIO=4&transport=polling&t=abc&sid=AAAAAAAAAAAAAAAA");
        let expected = "/socket.io/?EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAA";
        assert_eq!(query.address(), expected);
        assert!(matches!(Query::parse("sid=short").sid, Some(Err(()))));
    }

    #[test]
    fn the_code_of_an_error_is_a_number() {
        let error = Bytes::from_static(br#"{"code":"0","message":"Transport unknown"}"#);
        assert_eq!(with_number(error), UNKNOWN_TRANSPORT);
        for other in [
            BAD_REQUEST,
            r#"{"code":"rate-limited"}"#,
            r#"{"code":""}"#,
            "",
            "4{}",
        ] {
            assert_eq!(with_number(Bytes::from_static(other.as_bytes())), other);
        }
    }

    #[test]
    fn the_opened_session_is_found_in_both_protocols() {
        let sid = Some("BBBBBBBBBBBBBBBB".parse::<Sid>().expect("is a valid id"));
        assert_eq!(
            opened_session(br#"0{"sid":"BBBBBBBBBBBBBBBB","upgrades":[]}"#),
            sid
        );
        assert_eq!(opened_session(br#"96:0{"sid":"BBBBBBBBBBBBBBBB"}"#), sid);
        assert_eq!(opened_session(b"{\"code\":1}"), None);
    }
}
