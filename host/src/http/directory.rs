//! What a backend says of single members and channels. It must not know who is told of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wardroom_domain::{ChannelId, Command, Json as Text, Reply, UserId, WorkspaceId};

use super::Api;
use super::auth::{Allowed, DirectoryWrite, Reach};
use super::input::{Accepted, Body, InPath};
use super::problem::{Document as ProblemDocument, Problem, no_such_member};
use super::users::update_elsewhere;
use super::wire::{ChannelBody, Done, MemberBody};
use crate::codes::Code;
use crate::wire::bare_profile;

impl Accepted for MemberBody {}
impl Accepted for ChannelBody {}

/// The calls about single members and channels.
pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(put_member, delete_member))
        .routes(routes!(put_channel, delete_channel))
        .routes(routes!(put_channel_member, delete_channel_member))
}

/// 201 for something new, 200 for anything else.
pub(super) fn answer(reply: Reply) -> Response {
    let status = match reply {
        Reply::Created => StatusCode::CREATED,
        Reply::Changed | Reply::Unchanged => StatusCode::OK,
    };
    let outcome = reply.into();
    (status, Json(Done { outcome })).into_response()
}

/// Add or change a member
///
/// `user-joined` for a new member, `user-updated` if the profile changed. What the body leaves
/// out stays as it is. A profile is the user's, not the membership's: a changed one is told in
/// every workspace of the user, and a new member without one gets the one known elsewhere, as far as
/// the API key reaches.
#[utoipa::path(
    put,
    path = "/v1/workspaces/{workspaceId}/members/{userId}",
    tag = "directory",
    operation_id = "putMember",
    security(("apiKey" = ["directory:write"])),
    params(
        ("workspaceId" = String, Path, min_length = 1, max_length = 128),
        ("userId" = String, Path, min_length = 1, max_length = 128),
    ),
    request_body = MemberBody,
    responses(
        (status = 200, description = "It was a member already", body = Done),
        (status = 201, description = "It is a new member", body = Done),
        (status = "default", description = "A problem", body = ProblemDocument,
         content_type = "application/problem+json"),
    ),
)]
async fn put_member(
    Allowed { reach, .. }: Allowed<DirectoryWrite>,
    State(api): State<Arc<Api>>,
    InPath(workspace): InPath<WorkspaceId>,
    InPath(user): InPath<UserId>,
    Body(body): Body<MemberBody>,
) -> Result<Response, Problem> {
    let spec = body.spec(&user)?;
    let profile = spec.profile.clone();
    let command = Command::PutMember {
        // Of use only where the body gives none.
        default_profile: match &profile {
            Some(profile) => profile.clone(),
            None => known_profile(&api, &reach, &user),
        },
        user: user.clone(),
        spec,
    };
    let reply = api.run(&workspace, command).await?;
    if let Some(profile) = profile {
        let profiles = BTreeMap::from([(user, profile)]);
        update_elsewhere(&api, &reach, &workspace, &profiles).await?;
    }
    Ok(answer(reply))
}

/// The profile of a user in any workspace that the call reaches, or a bare one.
fn known_profile(api: &Api, reach: &Reach, user: &UserId) -> Text {
    profile_elsewhere(api, reach, user).unwrap_or_else(|| bare_profile(user))
}

/// The profile of a user in any workspace that the call reaches. Where it is a member of many, one is
/// looked at, unless the key is not for that very workspace, or the user leaves it meanwhile.
pub(super) fn profile_elsewhere(api: &Api, reach: &Reach, user: &UserId) -> Option<Text> {
    let store = api.committer.store();
    let in_workspace = |workspace: &WorkspaceId| {
        let state = reach
            .covers(workspace)
            .then(|| store.snapshot(workspace))??;
        let member = state.members().get(user)?;
        Some(member.profile.clone())
    };
    let workspace = store.workspace_of(user)?;
    in_workspace(&workspace).or_else(|| store.workspaces_of(user).iter().find_map(in_workspace))
}

/// Remove a member
///
/// `user-leaved-workspace`; then the user's sockets are closed.
#[utoipa::path(
    delete,
    path = "/v1/workspaces/{workspaceId}/members/{userId}",
    tag = "directory",
    operation_id = "deleteMember",
    security(("apiKey" = ["directory:write"])),
    params(
        ("workspaceId" = String, Path, min_length = 1, max_length = 128),
        ("userId" = String, Path, min_length = 1, max_length = 128),
    ),
    responses(
        (status = 204, description = "It is no longer a member"),
        (status = "default", description = "A problem", body = ProblemDocument,
         content_type = "application/problem+json"),
    ),
)]
async fn delete_member(
    _: Allowed<DirectoryWrite>,
    State(api): State<Arc<Api>>,
    InPath(workspace): InPath<WorkspaceId>,
    InPath(user): InPath<UserId>,
) -> Result<StatusCode, Problem> {
    let command = Command::RemoveMember { user: user.clone() };
    match api.run(&workspace, command).await {
        Ok(_) => Ok(StatusCode::NO_CONTENT),
        Err(problem) if problem.code() == Code::MemberNotFound => {
            Err(no_such_member(&workspace, &user))
        }
        Err(problem) => Err(problem),
    }
}

/// Add or change a channel
///
/// `channel-created` for a new channel; `channel-created` or `channel-deleted` to exactly those
/// whose view of an old one changed. What the body leaves out stays as it is.
#[utoipa::path(
    put,
    path = "/v1/workspaces/{workspaceId}/channels/{channelId}",
    tag = "directory",
    operation_id = "putChannel",
    security(("apiKey" = ["directory:write"])),
    params(
        ("workspaceId" = String, Path, min_length = 1, max_length = 128),
        ("channelId" = String, Path, min_length = 1, max_length = 128),
    ),
    request_body = ChannelBody,
    responses(
        (status = 200, description = "The channel was there already", body = Done),
        (status = 201, description = "The channel is new", body = Done),
        (status = "default", description = "A problem", body = ProblemDocument,
         content_type = "application/problem+json"),
    ),
)]
async fn put_channel(
    _: Allowed<DirectoryWrite>,
    State(api): State<Arc<Api>>,
    InPath(workspace): InPath<WorkspaceId>,
    InPath(channel): InPath<ChannelId>,
    Body(body): Body<ChannelBody>,
) -> Result<Response, Problem> {
    let spec = body.spec()?;
    let command = Command::PutChannel { channel, spec };
    Ok(answer(api.run(&workspace, command).await?))
}

/// Delete a channel
///
/// Whoever is in it leaves it first; then `channel-deleted`.
#[utoipa::path(
    delete,
    path = "/v1/workspaces/{workspaceId}/channels/{channelId}",
    tag = "directory",
    operation_id = "deleteChannel",
    security(("apiKey" = ["directory:write"])),
    params(
        ("workspaceId" = String, Path, min_length = 1, max_length = 128),
        ("channelId" = String, Path, min_length = 1, max_length = 128),
    ),
    responses(
        (status = 204, description = "The channel is gone"),
        (status = "default", description = "A problem", body = ProblemDocument,
         content_type = "application/problem+json"),
    ),
)]
async fn delete_channel(
    _: Allowed<DirectoryWrite>,
    State(api): State<Arc<Api>>,
    InPath(workspace): InPath<WorkspaceId>,
    InPath(channel): InPath<ChannelId>,
) -> Result<StatusCode, Problem> {
    let command = Command::DeleteChannel { channel };
    api.run(&workspace, command).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Add a member to a channel
///
/// `channel-created` to the user, if it makes the channel visible to them.
#[utoipa::path(
    put,
    path = "/v1/workspaces/{workspaceId}/channels/{channelId}/members/{userId}",
    tag = "directory",
    operation_id = "putChannelMember",
    security(("apiKey" = ["directory:write"])),
    params(
        ("workspaceId" = String, Path, min_length = 1, max_length = 128),
        ("channelId" = String, Path, min_length = 1, max_length = 128),
        ("userId" = String, Path, min_length = 1, max_length = 128),
    ),
    responses(
        (status = 200, description = "The user was listed already", body = Done),
        (status = 201, description = "The user is listed now", body = Done),
        (status = "default", description = "A problem", body = ProblemDocument,
         content_type = "application/problem+json"),
    ),
)]
async fn put_channel_member(
    _: Allowed<DirectoryWrite>,
    State(api): State<Arc<Api>>,
    InPath(workspace): InPath<WorkspaceId>,
    InPath(channel): InPath<ChannelId>,
    InPath(user): InPath<UserId>,
) -> Result<Response, Problem> {
    let command = Command::PutChannelMember { channel, user };
    Ok(answer(api.run(&workspace, command).await?))
}

/// Remove a member from a channel
///
/// `channel-deleted` to the user, if it hides the channel from them; a user who is in it leaves
/// it first.
#[utoipa::path(
    delete,
    path = "/v1/workspaces/{workspaceId}/channels/{channelId}/members/{userId}",
    tag = "directory",
    operation_id = "deleteChannelMember",
    security(("apiKey" = ["directory:write"])),
    params(
        ("workspaceId" = String, Path, min_length = 1, max_length = 128),
        ("channelId" = String, Path, min_length = 1, max_length = 128),
        ("userId" = String, Path, min_length = 1, max_length = 128),
    ),
    responses(
        (status = 204, description = "The user is no longer listed"),
        (status = "default", description = "A problem", body = ProblemDocument,
         content_type = "application/problem+json"),
    ),
)]
async fn delete_channel_member(
    _: Allowed<DirectoryWrite>,
    State(api): State<Arc<Api>>,
    InPath(workspace): InPath<WorkspaceId>,
    InPath(channel): InPath<ChannelId>,
    InPath(user): InPath<UserId>,
) -> Result<StatusCode, Problem> {
    let command = Command::RemoveChannelMember { channel, user };
    match api.run(&workspace, command).await? {
        Reply::Unchanged => Err(super::problem::not_listed()),
        Reply::Created | Reply::Changed => Ok(StatusCode::NO_CONTENT),
    }
}
