//! What a request holds: ids in its path, options in its query, JSON in its body. Everything that
//! is malformed becomes a problem here. It must not know what a call does with its input.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts, Query, RawPathParams, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::Response;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_path_to_error::{Path, Segment};
use tokio::time::{Instant, timeout_at};
use wardroom_domain::{ChannelId, InvalidId, SocketId, UserId, WorkspaceId};

use super::problem::Problem;
use super::{Api, BodyLimits};
use crate::codes::Code;
use crate::limits::{
    HTTP_BODY_STALL, HTTP_BODY_TIMEOUT, HTTP_DISCARDED_BODY_BYTES, LONG_BODY_BYTES,
};
use crate::runtime::long;
use crate::wire::{Malformed, escaped};

/// An id in the path.
pub(super) struct InPath<T>(pub(super) T);

/// An id that paths may hold.
pub(super) trait PathId: Sized {
    /// What the path calls it.
    const NAME: &'static str;
    /// Makes it from its text.
    fn make(text: &str) -> Result<Self, InvalidId>;
}

macro_rules! path_ids {
    ($($id:ident = $name:literal;)*) => {
        $(
            impl PathId for $id {
                const NAME: &'static str = $name;

                fn make(text: &str) -> Result<Self, InvalidId> {
                    Self::new(text)
                }
            }
        )*
    };
}

path_ids! {
    WorkspaceId = "workspaceId";
    UserId = "userId";
    ChannelId = "channelId";
    SocketId = "socketId";
}

impl<T: PathId> FromRequestParts<Arc<Api>> for InPath<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Problem> {
        let text = path_parameter(parts, api, T::NAME).await?;
        T::make(&text)
            .map(Self)
            .map_err(|error| Problem::invalid(format!("{} in the path {error}", T::NAME)))
    }
}

/// A text in the path, by what the route calls it.
pub(super) async fn path_parameter(
    parts: &mut Parts,
    api: &Arc<Api>,
    name: &'static str,
) -> Result<String, Problem> {
    let params = RawPathParams::from_request_parts(parts, api)
        .await
        .map_err(|_| Problem::invalid("the path is not UTF-8"))?;
    let found = params.iter().find(|(own, _)| *own == name);
    let (_, text) = found.ok_or_else(|| {
        tracing::error!(name, "a route lacks a path parameter");
        Problem::new(Code::Internal, "something failed inside the server")
    })?;
    Ok(text.to_owned())
}

/// Refuses a request whose path or query is not what percent-encoding (RFC 3986) makes of UTF-8. Axum
/// would take `%zz` for itself, and what is not UTF-8 in a query for a replacement character.
pub(super) async fn well_encoded(request: Request, next: Next) -> Result<Response, Problem> {
    let refuse = |part| Problem::invalid(format!("the {part} is not percent-encoded UTF-8"));
    let uri = request.uri();
    if !is_well_encoded(uri.path()) {
        return Err(refuse("path"));
    }
    if !uri.query().is_none_or(is_well_encoded) {
        return Err(refuse("query"));
    }
    Ok(next.run(request).await)
}

fn is_well_encoded(text: &str) -> bool {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let mut digit = || char::from(bytes.next()?).to_digit(16);
        let (Some(high), Some(low)) = (digit(), digit()) else {
            return false;
        };
        decoded.extend(u8::try_from(high << 4 | low));
    }
    std::str::from_utf8(&decoded).is_ok()
}

/// Options in the query.
pub(super) struct InQuery<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequestParts<Arc<Api>> for InQuery<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Api>) -> Result<Self, Problem> {
        Query::try_from_uri(&parts.uri)
            .map(|Query(options)| Self(options))
            .map_err(|rejection| Problem::invalid(rejection.body_text()))
    }
}

/// An id among the options in the query, if it is there.
pub(super) fn id_in_query<T>(
    name: &str,
    text: Option<&str>,
    make: impl FnOnce(&str) -> Result<T, InvalidId>,
) -> Result<Option<T>, Problem> {
    let id = text.map(make).transpose();
    id.map_err(|error| Problem::invalid(format!("{name} in the query {error}")))
}

/// What a body may be read as.
pub(super) trait Accepted: DeserializeOwned {
    /// The largest such body, in bytes.
    fn limit(limits: &BodyLimits) -> usize {
        limits.call
    }

    /// What an empty body means, if it may be empty.
    fn absent() -> Option<Self> {
        None
    }
}

/// The body of a request, read as JSON.
pub(super) struct Body<T>(pub(super) T);

impl<T: Accepted> FromRequest<Arc<Api>> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Arc<Api>) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let bytes = read(api, &parts.headers, body, T::limit(&api.limits)).await?;
        if bytes.is_empty()
            && let Some(value) = T::absent()
        {
            return Ok(Self(value));
        }
        declared_as_json(&parts.headers)?;
        let parsed = if bytes.len() >= LONG_BODY_BYTES {
            long(|| parse(&bytes))
        } else {
            parse(&bytes)
        };
        parsed.map(Self)
    }
}

/// Reads a body up to a limit, in bytes.
pub(super) async fn read(
    api: &Api,
    headers: &HeaderMap,
    mut body: axum::body::Body,
    limit: usize,
) -> Result<Bytes, Problem> {
    let _awaited = api.work.await_input();
    let declared = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    let mut fits = declared.is_none_or(|length| length <= limit);
    if !fits && headers.contains_key(header::EXPECT) {
        // Whoever asks before sending need not send.
        return Err(too_large(limit));
    }
    let mut bytes = BytesMut::new();
    let mut discarded = 0;
    let by = Instant::now() + HTTP_BODY_TIMEOUT;
    loop {
        let stall = Instant::now() + HTTP_BODY_STALL;
        let frame = timeout_at(stall.min(by), body.frame()).await;
        let Some(frame) = frame.map_err(|_| Problem::invalid("the body came too slowly"))? else {
            break;
        };
        let frame = frame.map_err(|_| Problem::invalid("the body did not arrive whole"))?;
        let Some(data) = frame.data_ref() else {
            continue;
        };
        fits = fits && bytes.len() + data.len() <= limit;
        if fits {
            bytes.extend_from_slice(data);
            continue;
        }
        // A client that is still sending when the connection is closed never sees the answer, so
        // what is not far too large is taken, and thrown away.
        discarded += data.len();
        if discarded > HTTP_DISCARDED_BODY_BYTES {
            break;
        }
    }
    if fits {
        Ok(bytes.freeze())
    } else {
        Err(too_large(limit))
    }
}

fn too_large(limit: usize) -> Problem {
    let detail = format!("the body is larger than {limit} bytes");
    Problem::new(Code::BodyTooLarge, detail)
}

fn declared_as_json(headers: &HeaderMap) -> Result<(), Problem> {
    let refuse = |detail| Err(Problem::new(Code::UnsupportedMediaType, detail));
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let media_type = text(header::CONTENT_TYPE).unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        return refuse("the body must be declared as Content-Type: application/json");
    }
    match text(header::CONTENT_ENCODING) {
        None | Some("identity") => Ok(()),
        Some(_) => refuse("the body must not have a Content-Encoding"),
    }
}

/// Something that is written as a JSON object. Without this, serde would also take an array of the
/// values of the fields, which is no documented form.
#[derive(Debug)]
pub(super) struct Object<T>(pub(super) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<T, A::Error> {
                T::deserialize(MapAccessDeserializer::new(fields))
            }
        }

        deserializer.deserialize_map(Fields(PhantomData)).map(Self)
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let Object(value) = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let pointer = pointer(error.path());
        malformed(pointer, error.inner())
    })?;
    json.end()
        .map_err(|error| malformed(String::new(), &error))?;
    Ok(value)
}

fn malformed(pointer: String, error: &serde_json::Error) -> Problem {
    if error.is_data() {
        let detail = error.to_string();
        return Malformed { pointer, detail }.into();
    }
    Problem::invalid(format!("the body is not JSON: {error}"))
}

fn pointer(path: &Path) -> String {
    path.iter()
        .map(|segment| match segment {
            Segment::Seq { index } => format!("/{index}"),
            Segment::Map { key } => format!("/{}", escaped(key)),
            Segment::Enum { variant } => format!("/{}", escaped(variant)),
            Segment::Unknown => String::new(),
        })
        .collect()
}
