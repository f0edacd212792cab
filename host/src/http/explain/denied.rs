//! Which policy refused, and why, by the id that the person who was refused has been told. It must not
//! know how refusals are remembered.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wardroom_domain::WorkspaceId;

use super::super::Api;
use super::super::auth::{AllowedWithin, OpsRead};
use super::super::problem::{Document as ProblemDocument, Problem};
use super::words;
use crate::codes::Code;

/// A refusal, as the policies remember it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denied {
    /// The id of the decision.
    pub id: String,
    /// When, RFC 3339.
    pub at: String,
    /// Where.
    pub workspace: WorkspaceId,
    /// By which set of policies.
    pub generation: u64,
    /// Which hook.
    pub hook: &'static str,
    /// The policy.
    pub policy: String,
    /// The version that refused, or failed to answer.
    pub digest: String,
    /// The policy's own word for the reason.
    pub code: String,
    /// What the person was told.
    pub message: String,
    /// How the policy failed, where that is why it was refused.
    pub failure: Option<String>,
    /// Who was refused.
    pub user: Option<String>,
    /// The channel it was about.
    pub channel: Option<String>,
    /// The name of the command.
    pub name: Option<String>,
}

/// A refusal.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ExplainedDenial {
    /// The id that the client was told.
    #[schema(example = "5d41402abc4b2a76")]
    decision_id: String,
    /// The whole reason in a sentence.
    because: String,
    /// When, RFC 3339.
    at: String,
    /// Where.
    workspace_id: String,
    /// The generation of policies that decided.
    generation: u64,
    /// Which hook decided: `admission` or `commands`.
    #[schema(example = "commands")]
    hook: &'static str,
    /// The policy that refused.
    policy: String,
    /// The version that refused, or failed to answer.
    digest: String,
    /// The policy's own word for the reason; `policy-failed` where it failed to answer.
    code: String,
    /// What the person was told.
    message: String,
    /// How the policy failed, where that is why it was refused.
    failure: Option<String>,
    /// Who was refused.
    user_id: Option<String>,
    /// The channel it was about.
    channel_id: Option<String>,
    /// The name of the command.
    command: Option<String>,
}

/// The call.
pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(decision))
}

/// Explain a refusal
///
/// Which policy refused, and why, by the `decisionId` of the error that a client or a backend got. The
/// latest 1,024 refusals of this process are remembered, without claims and arguments.
#[utoipa::path(
    get,
    path = "/v1/explain/decisions/{decisionId}",
    tag = "operations",
    operation_id = "explainDecision",
    security(("apiKey" = ["ops:read"])),
    params(("decisionId" = String, Path, min_length = 1, max_length = 128)),
    responses(
        (status = 200, description = "Who refused, and why", body = ExplainedDenial),
        (status = "default", description = "A problem", body = ProblemDocument,
         content_type = "application/problem+json"),
    ),
)]
async fn decision(
    AllowedWithin { reach, .. }: AllowedWithin<OpsRead>,
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
) -> Result<Json<ExplainedDenial>, Problem> {
    let denied = api.ops.denied(&id);
    // Of other workspaces a bound key does not even learn that something was refused there.
    let denied = denied.filter(|denied| reach.covers(&denied.workspace));
    let denied = denied.ok_or_else(|| {
        let detail = "no refusal with this decisionId is remembered: it was in another process, or \
                      too long ago; the log and the decision log have it";
        Problem::new(Code::NotFound, detail)
    })?;
    Ok(Json(ExplainedDenial {
        because: words::denied(&denied),
        decision_id: denied.id,
        at: denied.at,
        workspace_id: denied.workspace.to_string(),
        generation: denied.generation,
        hook: denied.hook,
        policy: denied.policy,
        digest: denied.digest,
        code: denied.code,
        message: denied.message,
        failure: denied.failure,
        user_id: denied.user,
        channel_id: denied.channel,
        command: denied.name,
    }))
}
