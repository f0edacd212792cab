//! What operators and probes ask: is it alive, is it ready, which policies are loaded, what was
//! counted. It must not know how any of it comes about.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;
use super::auth::{Allowed, OpsRead};
use super::problem::{Document as ProblemDocument, Problem};
use crate::commit::Failure;

/// What the rest of the server tells operators.
pub trait Ops: Send + Sync {
    /// Whether the server takes clients now.
    fn ready(&self) -> Readiness;
    /// The policies, in the order of the configuration.
    fn policies(&self) -> Vec<PolicyStatus>;
}

/// Whether the server takes clients.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Readiness {
    /// Whether it does.
    pub ready: bool,
    /// What keeps it from doing so, for people; empty if nothing does.
    pub reasons: Vec<String>,
}

/// A policy as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PolicyStatus {
    /// The name in the configuration.
    #[schema(example = "private-channels")]
    pub name: String,
    /// The file of its component.
    #[schema(example = "policies/private-channels.wasm")]
    pub file: String,
    /// The digest of the version in force.
    #[schema(example = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]
    pub digest: String,
    /// Which set of policies brought this version.
    pub generation: u64,
    /// The hooks that it answers.
    #[schema(example = json!(["lifecycle", "channel-visibility"]))]
    pub hooks: Vec<String>,
    /// How it fares.
    pub state: PolicyState,
    /// Calls that failed since this version came into force.
    pub failures: u64,
    /// Why the file's present content was refused, or how the last failing call failed.
    pub last_error: Option<String>,
}

/// How a policy fares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PolicyState {
    /// The version in force is the one in the file, and it answers.
    Active,
    /// The version in force failed to answer at least once.
    Failing,
    /// The file holds something that was refused, or is gone; the last good version is in force.
    Stale,
}

/// The loaded policies.
#[derive(Serialize, ToSchema)]
struct Policies {
    /// In the order of the configuration, which is the order in which they are asked.
    policies: Vec<PolicyStatus>,
}

/// The calls of operators.
pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(healthz))
        .routes(routes!(readyz))
        .routes(routes!(metrics))
        .routes(routes!(policies))
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
        (status = 503, description = "It does not: it drains", body = Readiness),
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
    let text = api.metrics.render().map_err(|error| {
        tracing::error!(%error, "the metrics could not be written");
        Problem::from(Failure::Internal)
    })?;
    let media_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, media_type)], text).into_response())
}

/// List the policies
#[utoipa::path(
    get,
    path = "/v1/policies",
    tag = "operations",
    operation_id = "listPolicies",
    security(("apiKey" = ["ops:read"])),
    responses(
        (status = 200, description = "The policies", body = Policies),
        (status = "default", description = "A problem", body = ProblemDocument,
         content_type = "application/problem+json"),
    ),
)]
async fn policies(_: Allowed<OpsRead>, State(api): State<Arc<Api>>) -> Json<Policies> {
    Json(Policies {
        policies: api.ops.policies(),
    })
}
