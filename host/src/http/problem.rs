//! Problem documents (RFC 9457): the one form of everything that goes wrong. It must not know
//! what a call does, and never shows what is inside the server.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use serde::Serialize;
use utoipa::ToSchema;
use wardroom_domain::{Rejection, UserId, WorkspaceId};

use super::auth::Scope;
use super::listener::CallerAddress;
use crate::codes::Code;
use crate::commit::Failure;
use crate::wire::Malformed;

/// The media type of problem documents.
pub(super) const MEDIA_TYPE: &str = "application/problem+json";

/// Why a call came to nothing.
#[derive(Debug)]
pub(super) struct Problem {
    code: Code,
    detail: String,
    errors: Vec<FieldError>,
    scope: Option<Scope>,
    decision: Option<Arc<str>>,
}

/// What the log says of a refused call.
#[derive(Clone)]
struct Refused {
    code: Code,
    decision: Option<Arc<str>>,
}

/// A place in the input that is wrong.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct FieldError {
    /// The place in the body: a JSON pointer (RFC 6901).
    #[schema(example = "/user/id")]
    pointer: String,
    /// What is wrong there, for people.
    detail: String,
}

/// A problem document (RFC 9457).
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Problem)]
pub(super) struct Document {
    /// `urn:wardroom:problem:` and the code.
    #[schema(example = "urn:wardroom:problem:channel-not-found")]
    r#type: String,
    /// What kind of problem it is, for people.
    #[schema(example = "Channel not found")]
    title: String,
    /// The HTTP status.
    #[schema(example = 404)]
    status: u16,
    /// What is wrong with this very call, for people.
    #[schema(example = "there is no such channel")]
    detail: String,
    /// One of the codes listed in `docs/protocol.md`.
    #[schema(example = "channel-not-found")]
    code: &'static str,
    /// The places in the body that are wrong, where that is what is wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    errors: Vec<FieldError>,
    /// Where a policy refused: the id under which the server's log knows the decision.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false, value_type = Option<String>)]
    decision_id: Option<Arc<str>>,
}

impl Problem {
    /// A problem that a code and one sentence describe.
    pub(super) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            errors: Vec::new(),
            scope: None,
            decision: None,
        }
    }

    /// Input that does not have the documented form.
    pub(super) fn invalid(detail: impl Into<String>) -> Self {
        Self::new(Code::InvalidData, detail)
    }

    /// A key without the scope that the call needs.
    pub(super) fn scope_missing(scope: Scope) -> Self {
        let detail = format!("the API key lacks the scope {scope}");
        Self {
            scope: Some(scope),
            ..Self::new(Code::ScopeMissing, detail)
        }
    }

    /// Which code it carries.
    pub(super) fn code(&self) -> Code {
        self.code
    }

    fn challenge(&self) -> Option<HeaderValue> {
        if self.code == Code::Unauthenticated {
            return Some(HeaderValue::from_static("Bearer"));
        }
        let scope = self.scope?;
        let text = format!("Bearer error=\"insufficient_scope\", scope=\"{scope}\"");
        HeaderValue::from_str(&text).ok()
    }
}

impl From<Malformed> for Problem {
    fn from(malformed: Malformed) -> Self {
        let Malformed { pointer, detail } = malformed;
        let sentence = if pointer.is_empty() {
            detail.clone()
        } else {
            format!("{pointer}: {detail}")
        };
        Self {
            errors: vec![FieldError { pointer, detail }],
            ..Self::invalid(sentence)
        }
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        if let Failure::Rejected(Rejection::NotConnected) = failure {
            return Self::new(failure.code(), "there is no such live connection");
        }
        let problem = Self::new(failure.code(), failure.to_string());
        match failure {
            Failure::Rejected(Rejection::Denied(denial)) => Self {
                decision: Some(denial.decision),
                ..problem
            },
            _ => problem,
        }
    }
}

/// Nobody of this id is a member of the workspace.
pub(super) fn no_such_member(workspace: &WorkspaceId, user: &UserId) -> Problem {
    let detail = format!("{user} is no member of the workspace {workspace}");
    Problem::new(Code::MemberNotFound, detail)
}

/// The workspace knows nobody of this id.
pub(super) fn no_such_user(workspace: &WorkspaceId, user: &UserId) -> Problem {
    let detail =
        format!("{user} is neither a member of the workspace {workspace} nor connected to it");
    Problem::new(Code::MemberNotFound, detail)
}

/// The user to be taken off a channel's list is not on it.
pub(super) fn not_listed() -> Problem {
    Problem::new(Code::MemberNotFound, "the channel does not list this user")
}

fn title(code: Code) -> String {
    let mut title = code.as_str().replace('-', " ");
    if let Some(first) = title.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    title
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status =
            StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let challenge = self.challenge();
        let document = Document {
            r#type: format!("urn:wardroom:problem:{}", self.code.as_str()),
            title: title(self.code),
            status: status.as_u16(),
            detail: self.detail,
            code: self.code.as_str(),
            errors: self.errors,
            decision_id: self.decision.clone(),
        };
        let mut response = (status, axum::Json(document)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if let Some(challenge) = challenge {
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        if self.code == Code::Overloaded {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response.extensions_mut().insert(Refused {
            code: self.code,
            decision: self.decision,
        });
        response
    }
}

/// The code of the problem that an answer tells, if it tells one.
pub(super) fn code_of(response: &Response) -> Option<Code> {
    let refused = response.extensions().get::<Refused>();
    refused.map(|refused| refused.code)
}

/// Answers whatever no route takes.
pub(super) async fn no_such_route(uri: Uri) -> Problem {
    Problem::new(Code::NotFound, format!("nothing is at {}", uri.path()))
}

/// Answers a method that the route does not take.
pub(super) async fn no_such_method(method: Method, uri: Uri) -> Problem {
    let detail = format!("{} does not take {method}", uri.path());
    Problem::new(Code::MethodNotAllowed, detail)
}

/// Says of each refused call, once, what it was and why it was refused. The detail may repeat what
/// the caller sent, and stays out of the log.
pub(super) async fn log_refusals(request: Request, next: Next) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let caller = request.extensions().get::<ConnectInfo<CallerAddress>>();
    let address = caller.map(|ConnectInfo(CallerAddress(address))| address.ip());
    let response = next.run(request).await;
    if let Some(Refused { code, decision }) = response.extensions().get() {
        let (code, decision) = (code.as_str(), decision.as_deref());
        let address = address.map(tracing::field::display);
        tracing::info!(%method, path, code, decision, address, "refused");
    }
    response
}

/// Turns a panic below into a problem that says nothing of it. The panic hook has told the log
/// where it was; this tells which call it was.
pub(super) async fn catch_panics(request: Request, next: Next) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    caught(method, path, next.run(request)).await
}

/// The same for work that runs elsewhere.
pub(super) async fn caught(
    method: Method,
    path: String,
    work: impl Future<Output = Response>,
) -> Response {
    match AssertUnwindSafe(work).catch_unwind().await {
        Ok(response) => response,
        Err(_) => {
            tracing::error!(%method, path, "a call panicked");
            Problem::from(Failure::Internal).into_response()
        }
    }
}
