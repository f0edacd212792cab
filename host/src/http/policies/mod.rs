//! What operators do with policies: see how they fare, roll one back, promote what is in shadow, try
//! a candidate. It must not know what a policy is made of.

mod forms;

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequest, FromRequestParts, Request, State};
use axum::http::header;
use axum::http::request::Parts;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wardroom_domain::{Workspace, WorkspaceId};

use super::Api;
use super::auth::{Allowed, OpsRead, OpsWrite};
use super::input::{Accepted, Body, path_parameter, read};
use super::problem::{Document as ProblemDocument, Problem};
use crate::commit::Failure;
use crate::limits::{HTTP_COMPONENT_BYTES, MAX_POLICY_NAME_CHARS};
use crate::wire::Malformed;

pub use self::forms::{
    Candidate, DifferenceCount, DryRun, InShadow, IsolatedCount, LoadingPolicy, LoadingState,
    Policies, PolicyState, PolicyStatus, PrivateChannels, Refusal, RefusedConfiguration, Reload,
    Sample, ShadowReport, StuckFile, ViewChange,
};

/// The media type of a component.
const COMPONENT: &str = "application/wasm";

/// The workspaces that a candidate is tried on, each as it is when its turn comes.
pub type Workspaces = Box<dyn Iterator<Item = (WorkspaceId, Workspace)> + Send>;

/// The call that is answered while the server starts as well: it says what is waited for.
pub(super) fn lists() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(policies))
}

/// The other calls that change nothing.
pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(shadow))
}

/// The calls that change something, or take long.
pub(super) fn posts() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(rollback))
        .routes(routes!(promote))
        .routes(routes!(dry_run))
}

/// The name of a policy in a path. Whether there is one of this name is for others to say.
struct PolicyName(String);

impl FromRequestParts<Arc<Api>> for PolicyName {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Problem> {
        let name = path_parameter(parts, api, "policy").await?;
        if name.chars().count() > MAX_POLICY_NAME_CHARS {
            return Err(Refusal::UnknownPolicy.into());
        }
        Ok(Self(name))
    }
}

/// Does what may wait for a swap to settle or a component to be compiled, where nobody else waits.
async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<Json<T>, Problem> {
    let done = tokio::task::spawn_blocking(work).await;
    // The panic hook has told the log where it panicked.
    let done = done.map_err(|_| Failure::Internal)?;
    Ok(Json(done?))
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
    Json(api.ops.policies())
}

/// See what a shadow came to
///
/// What is in shadow of a policy is asked what the policies in force are asked, decides nothing, and
/// is compared with what holds.
#[utoipa::path(
    get,
    path = "/v1/policies/{policy}/shadow",
    tag = "operations",
    operation_id = "getPolicyShadow",
    security(("apiKey" = ["ops:read"])),
    params(("policy" = String, Path, min_length = 1, max_length = 64)),
    responses(
        (status = 200, description = "What it came to since it is asked", body = ShadowReport),
        (status = "default", description = "A problem", body = ProblemDocument,
         content_type = "application/problem+json"),
    ),
)]
async fn shadow(
    _: Allowed<OpsRead>,
    State(api): State<Arc<Api>>,
    PolicyName(name): PolicyName,
) -> Result<Json<ShadowReport>, Problem> {
    Ok(Json(api.ops.shadow(&name)?))
}

/// Roll a policy back
///
/// Brings the version before into force again, with the settings that it had. It stays until the
/// file holds something else or the policy is configured otherwise.
#[utoipa::path(
    post,
    path = "/v1/policies/{policy}/rollback",
    tag = "operations",
    operation_id = "rollBackPolicy",
    security(("apiKey" = ["ops:write"])),
    params(
        ("policy" = String, Path, min_length = 1, max_length = 64),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255),
    ),
    responses(
        (status = 200, description = "The policy as it is now", body = PolicyStatus),
        (status = "default", description = "A problem", body = ProblemDocument,
         content_type = "application/problem+json"),
    ),
)]
async fn rollback(
    _: Allowed<OpsWrite>,
    State(api): State<Arc<Api>>,
    PolicyName(name): PolicyName,
) -> Result<Json<PolicyStatus>, Problem> {
    apart(move || api.ops.rollback(&name)).await
}

/// Promote what is in shadow
///
/// Brings it into force: a candidate in the place of the present version, or the whole policy. The
/// configuration must follow for it to survive a restart.
#[utoipa::path(
    post,
    path = "/v1/policies/{policy}/promote",
    tag = "operations",
    operation_id = "promotePolicy",
    security(("apiKey" = ["ops:write"])),
    params(
        ("policy" = String, Path, min_length = 1, max_length = 64),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255),
    ),
    responses(
        (status = 200, description = "The policy as it is now", body = PolicyStatus),
        (status = "default", description = "A problem", body = ProblemDocument,
         content_type = "application/problem+json"),
    ),
)]
async fn promote(
    _: Allowed<OpsWrite>,
    State(api): State<Arc<Api>>,
    PolicyName(name): PolicyName,
) -> Result<Json<PolicyStatus>, Problem> {
    apart(move || api.ops.promote(&name)).await
}

/// Which candidate to try.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct DryRunBody {
    /// The name of a file in the folder of the policy's own file; without it, what is in shadow.
    #[schema(example = "private-channels.next.wasm")]
    file: Option<String>,
}

impl Accepted for DryRunBody {
    fn absent() -> Option<Self> {
        Some(Self::default())
    }
}

/// What a call wants tried.
struct Tried(Candidate);

impl FromRequest<Arc<Api>> for Tried {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Arc<Api>) -> Result<Self, Problem> {
        let media_type = request.headers().get(header::CONTENT_TYPE);
        if media_type.is_some_and(|text| text.as_bytes().eq_ignore_ascii_case(COMPONENT.as_bytes()))
        {
            let (parts, body) = request.into_parts();
            let bytes = read(api, &parts.headers, body, HTTP_COMPONENT_BYTES).await?;
            return Ok(Self(Candidate::Component(bytes.into())));
        }
        let Body(DryRunBody { file }) = Body::from_request(request, api).await?;
        match file {
            None => Ok(Self(Candidate::Shadow)),
            Some(name) if is_file_name(&name) => Ok(Self(Candidate::FileBeside(name))),
            Some(_) => {
                let detail = "must be the name of a file in the policy's folder, not a path";
                Err(Malformed::here(detail).under("file").into())
            }
        }
    }
}

/// Whether a text names a file in whichever folder, and leads out of none.
fn is_file_name(text: &str) -> bool {
    !text.is_empty() && text != "." && text != ".." && !text.contains(['/', '\\', '\0'])
}

/// Try a candidate
///
/// Lists who would gain or lose which channel if it were in force now. Nothing changes. The
/// candidate is what is in shadow, a file beside the policy's own, or the component in the body. One
/// is tried at a time.
#[utoipa::path(
    post,
    path = "/v1/policies/{policy}/dry-run",
    tag = "operations",
    operation_id = "dryRunPolicy",
    security(("apiKey" = ["ops:write"])),
    params(
        ("policy" = String, Path, min_length = 1, max_length = 64),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255),
    ),
    request_body(content(
        (DryRunBody = "application/json"),
        (Vec<u8> = "application/wasm"),
    )),
    responses(
        (status = 200, description = "What would change", body = DryRun),
        (status = "default", description = "A problem", body = ProblemDocument,
         content_type = "application/problem+json"),
    ),
)]
async fn dry_run(
    _: Allowed<OpsWrite>,
    State(api): State<Arc<Api>>,
    PolicyName(name): PolicyName,
    Tried(candidate): Tried,
) -> Result<Json<DryRun>, Problem> {
    let one = Arc::clone(&api.dry_runs).try_acquire_owned();
    let one = one.map_err(|_| Failure::Overloaded)?;
    apart(move || {
        let _one = one;
        let store = Arc::clone(api.committer.store());
        let ids = store.workspaces().into_iter();
        let workspaces = ids.filter_map(move |id| {
            let state = store.snapshot(&id)?;
            Some((id, state))
        });
        api.ops.dry_run(&name, candidate, Box::new(workspaces))
    })
    .await
}
