//! Who changed what: one line for each call that may change something, in the log and, if set, in a
//! file of its own; and the numbers of all calls. It must not know what a call does.

use std::io;
use std::sync::{Arc, OnceLock};
use std::time::{Instant, SystemTime};

use axum::RequestExt;
use axum::extract::{MatchedPath, RawPathParams, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::Response;
use parking_lot::Mutex;
use serde::Serialize;
use wardroom_domain::WorkspaceId;

use super::Api;
use super::idempotency::is_replayed;
use super::input::PathId;
use super::problem::code_of;
use super::watched::UntilSent;
use crate::limits::{MAX_AUDIT_PATH_BYTES, MAX_AUDIT_WORKSPACES, MAX_REQUEST_ID_CHARS};
use crate::line_file::{Counts, LineFile, Settings};
use crate::metrics::Metrics;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What is found out about a call while it is answered.
#[derive(Default)]
pub(super) struct Trail {
    key: OnceLock<Arc<str>>,
    workspaces: Mutex<Workspaces>,
}

#[derive(Default)]
struct Workspaces {
    named: Vec<String>,
    more: u64,
}

impl Trail {
    /// The call was made with the key of this name.
    pub(super) fn made_by(&self, key: &Arc<str>) {
        // A call is looked at more than once, always with the same key.
        let _ = self.key.set(Arc::clone(key));
    }

    /// The call is about this workspace.
    pub(super) fn touched(&self, workspace: &str) {
        let mut workspaces = self.workspaces.lock();
        if workspaces.named.iter().any(|named| named == workspace) {
            return;
        }
        if workspaces.named.len() < MAX_AUDIT_WORKSPACES {
            workspaces.named.push(workspace.to_owned());
        } else {
            workspaces.more += 1;
        }
    }
}

/// A call that may have changed something.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Audited {
    /// When it was answered, RFC 3339.
    time: String,
    /// What its answer carries as `X-Request-Id`.
    request_id: String,
    /// The name of the API key.
    key: Arc<str>,
    method: &'static str,
    /// The route, as the documentation has it.
    route: String,
    /// The path as it was sent, without the query.
    path: String,
    /// The workspaces that it was about, the first few.
    workspaces: Vec<String>,
    /// How many more there were.
    #[serde(skip_serializing_if = "is_zero")]
    more_workspaces: u64,
    /// The HTTP status; nothing if the caller did not wait for the answer, which does not say whether
    /// the call was carried out.
    status: Option<u16>,
    /// The code of the problem, if it came to one.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    /// Whether the answer is the remembered one of an earlier call, so that nothing was done.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    replayed: bool,
    /// How long it took.
    took_ms: u64,
}

/// The file that calls are recorded in.
pub type AuditFile = LineFile<Audited>;

/// Opens the file and starts the thread that writes.
///
/// # Errors
/// If the file cannot be opened.
pub fn audit_file(settings: Settings, metrics: Arc<Metrics>) -> io::Result<AuditFile> {
    let form = |call: &Audited, lines: &mut Vec<u8>| {
        let before = lines.len();
        match serde_json::to_writer(&mut *lines, call) {
            Ok(()) => lines.push(b'\n'),
            // Neither the fields nor a vector can fail; half a line would be worse than none.
            Err(_) => lines.truncate(before),
        }
    };
    LineFile::start(settings, Box::new(form), Arc::new(Counted(metrics)))
}

struct Counted(Arc<Metrics>);

impl Counts for Counted {
    fn name(&self) -> &'static str {
        "audit file"
    }

    fn thread(&self) -> &'static str {
        "audit-file"
    }

    fn written(&self, records: u64) {
        self.0.http().audit_written(records);
    }

    fn dropped(&self, reason: &'static str, records: u64) {
        self.0.http().audit_dropped(reason, records);
    }
}

/// Gives a call its id, counts it, and records it if it may have changed something.
pub(super) async fn record(
    State(api): State<Arc<Api>>,
    mut request: Request,
    next: Next,
) -> Response {
    let trail = Arc::new(Trail::default());
    if let Ok(path) = request.extract_parts::<RawPathParams>().await {
        let mut named = path.iter().filter(|(name, _)| *name == WorkspaceId::NAME);
        if let Some((_, workspace)) = named.next() {
            trail.touched(workspace);
        }
    }
    request.extensions_mut().insert(Arc::clone(&trail));
    let route = request.extensions().get::<MatchedPath>();
    let request_id = request_id(request.headers());
    let echoed = HeaderValue::from_str(&request_id).ok();
    let mut call = Call {
        method: request.method().clone(),
        route: route.map(|route| route.as_str().to_owned()),
        path: shortened(request.uri().path()),
        api,
        request_id,
        trail,
        began: Instant::now(),
        answer: None,
    };
    let api = Arc::clone(&call.api);
    let at_work = api.work.begin();
    let mut response = next.run(request).await;
    // A call is over when its answer has left.
    response.extensions_mut().insert(UntilSent::new(at_work));
    call.answer = Some(Answered {
        status: response.status().as_u16(),
        code: code_of(&response).map(|code| code.as_str()),
        replayed: is_replayed(&response),
    });
    drop(call);
    if let Some(id) = echoed {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

/// A call under way. It ends when this is dropped: with an answer, or because the caller hung up, and
/// then what it began may go on all the same.
struct Call {
    api: Arc<Api>,
    method: Method,
    route: Option<String>,
    path: String,
    request_id: String,
    trail: Arc<Trail>,
    began: Instant,
    answer: Option<Answered>,
}

struct Answered {
    status: u16,
    code: Option<&'static str>,
    replayed: bool,
}

impl Drop for Call {
    fn drop(&mut self) {
        let status = self.answer.as_ref().map(|answer| answer.status);
        self.api.metrics.http().call(
            method_name(&self.method),
            self.route.as_deref(),
            status,
            self.began.elapsed(),
        );
        let changes = !matches!(self.method, Method::GET | Method::HEAD | Method::OPTIONS);
        // Without a known key and a route nothing was done, and the log says so elsewhere.
        if let (true, Some(key), Some(route)) = (changes, self.trail.key.get(), self.route.take()) {
            let key = Arc::clone(key);
            self.audit(key, route);
        }
    }
}

impl Call {
    fn audit(&mut self, key: Arc<str>, route: String) {
        let workspaces = std::mem::take(&mut *self.trail.workspaces.lock());
        let answer = self.answer.as_ref();
        let call = Audited {
            time: humantime::format_rfc3339_millis(SystemTime::now()).to_string(),
            request_id: std::mem::take(&mut self.request_id),
            key,
            method: method_name(&self.method),
            route,
            path: std::mem::take(&mut self.path),
            workspaces: workspaces.named,
            more_workspaces: workspaces.more,
            status: answer.map(|answer| answer.status),
            code: answer.and_then(|answer| answer.code),
            replayed: answer.is_some_and(|answer| answer.replayed),
            took_ms: u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX),
        };
        tracing::info!(
            target: "wardroom::audit",
            key = &*call.key,
            method = call.method,
            route = call.route,
            path = call.path,
            workspace = call.workspaces.join(","),
            more_workspaces = (call.more_workspaces > 0).then_some(call.more_workspaces),
            status = call.status,
            code = call.code,
            replayed = call.replayed.then_some(true),
            request_id = call.request_id,
            took_ms = call.took_ms,
            "call"
        );
        if let Some(file) = &self.api.audit {
            file.record(call);
        }
    }
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// A method as a label of a closed set.
fn method_name(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "PUT" => "PUT",
        "POST" => "POST",
        "DELETE" => "DELETE",
        "PATCH" => "PATCH",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}

/// The id that the caller gave the call, or a new one.
fn request_id(headers: &HeaderMap) -> String {
    let mut values = headers.get_all(REQUEST_ID).iter();
    let given = match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    };
    let fits = |id: &&str| {
        (1..=MAX_REQUEST_ID_CHARS).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic())
    };
    match given.filter(fits) {
        Some(id) => id.to_owned(),
        None => format!("{:032x}", rand::random::<u128>()),
    }
}

/// As much of a path as the audit keeps. A path that was sent is ASCII.
fn shortened(path: &str) -> String {
    let mut path = path.to_owned();
    path.truncate(path.floor_char_boundary(MAX_AUDIT_PATH_BYTES));
    path
}
