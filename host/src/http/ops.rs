//! What operators and probes ask: is it alive, is it ready, what was counted; and all that they may
//! ask of the rest of the server. It must not know how any of it comes about.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tokio::task::spawn_blocking;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;
use super::auth::{Allowed, OpsRead};
use super::explain::{Denied, Judges, Visibility};
use super::policies::{
    Candidate, DryRun, Policies, PolicyStatus, Refusal, ShadowReport, Workspaces,
};
use super::problem::{Document as ProblemDocument, Problem};
use crate::codes::Code;
use crate::commit::Failure;

/// What the rest of the server tells operators.
pub trait Ops: Send + Sync {
    /// Whether the server takes clients now.
    fn ready(&self) -> Readiness;
    /// What the server waits for before it takes anybody, for people; empty from then on.
    fn starting(&self) -> Vec<String>;
    /// The policies as they are.
    fn policies(&self) -> Policies;
    /// The policies that decide who sees a channel.
    fn visibility(&self) -> Box<dyn Visibility>;
    /// The policies in force, for whoever only wants to know what they say.
    fn judges(&self) -> Box<dyn Judges>;
    /// A refusal by the id of the decision, if it is one of the latest.
    fn denied(&self, decision: &str) -> Option<Denied>;
    /// What the shadow of a policy came to.
    ///
    /// # Errors
    /// There is none.
    fn shadow(&self, policy: &str) -> Result<ShadowReport, Refusal>;
    /// Brings the version before into force. It may take long.
    ///
    /// # Errors
    /// There is none.
    fn rollback(&self, policy: &str) -> Result<PolicyStatus, Refusal>;
    /// Brings what is in shadow into force. It may take long.
    ///
    /// # Errors
    /// There is nothing, or it cannot come into force.
    fn promote(&self, policy: &str) -> Result<PolicyStatus, Refusal>;
    /// Works out what a candidate would change. It may take long.
    ///
    /// # Errors
    /// There is none, or it could not come into force.
    fn dry_run(
        &self,
        policy: &str,
        candidate: Candidate,
        workspaces: Workspaces,
    ) -> Result<DryRun, Refusal>;
}

/// Whether the server takes clients.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Readiness {
    /// Whether it does.
    pub ready: bool,
    /// What keeps it from doing so, for people; empty if nothing does.
    pub reasons: Vec<String>,
}

/// The calls of operators.
pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(healthz))
        .routes(routes!(readyz))
        .routes(routes!(metrics))
}

/// Refuses calls until the server has started: nothing may be decided without a policy that its
/// operator relies on.
pub(super) async fn once_started(
    State(api): State<Arc<Api>>,
    request: Request,
    next: Next,
) -> Response {
    let reasons = api.ops.starting();
    if reasons.is_empty() {
        return next.run(request).await;
    }
    let detail = format!("the server is starting: {}", reasons.join("; "));
    Problem::new(Code::Overloaded, detail).into_response()
}

/// Alive
///
/// Answered as long as the process runs.
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "operations",
    operation_id = "getHealth",
    security(()),
    responses((status = 200, description = "It is", body = String, content_type = "text/plain")),
)]
async fn healthz() -> &'static str {
    "ok\n"
}

/// Ready for clients
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "operations",
    operation_id = "getReadiness",
    security(()),
    responses(
        (status = 200, description = "The server takes clients", body = Readiness),
        (status = 503, description = "It does not: it starts, drains, or cannot write its directory", body = Readiness),
    ),
)]
async fn readyz(State(api): State<Arc<Api>>) -> Response {
    let readiness = api.ops.ready();
    let status = if readiness.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(readiness)).into_response()
}

/// Metrics
///
/// What the server counts, in the OpenMetrics text form that Prometheus reads.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "operations",
    operation_id = "getMetrics",
    security(("apiKey" = ["ops:read"])),
    responses(
        (status = 200, description = "The metrics", body = String,
         content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8"),
        (status = "default", description = "A problem", body = ProblemDocument,
         content_type = "application/problem+json"),
    ),
)]
async fn metrics(_: Allowed<OpsRead>, State(api): State<Arc<Api>>) -> Result<Response, Problem> {
    // The system is asked as well, which takes as long as it takes.
    let metrics = Arc::clone(&api.metrics);
    let text = spawn_blocking(move || metrics.render()).await;
    let text = text.map_err(|_| Failure::Internal)?.map_err(|error| {
        tracing::error!(%error, "the metrics could not be written");
        Failure::Internal
    })?;
    let media_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, media_type)], text).into_response())
}
