//! Single connections: the client's commands, relayed by a backend for the user of one, and its end.
//! It must not know what the commands mean.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wardroom_domain::{ChannelId, Command, Rejection, SocketId, UserId, WorkspaceId};

use super::Api;
use super::auth::{AllowedWithin, ConnectionsControl, Reach};
use super::input::{Accepted, Body, InPath, InQuery, id_in_query};
use super::openapi::{OnlineStatusSchema, UserMediaStateSchema};
use super::problem::{Document as ProblemDocument, Problem};
use super::wire::{Relayed, invalid_id};
use crate::commit::Failure;
use crate::store::Entry;
use crate::wire::{Malformed, media_patch, status};

/// The call that HTTP makes idempotent.
pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(evict))
}

/// The calls that take an `Idempotency-Key`.
pub(super) fn posts() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(select_channel))
        .routes(routes!(unselect_channel))
        .routes(routes!(update_media_state))
        .routes(routes!(update_online_status))
}

/// What to select.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SelectBody {
    /// The user for whom the backend acts; refused if the connection is another user's.
    #[schema(min_length = 1, max_length = 128)]
    user_id: String,
    /// The workspace in which the connection is to be; whichever it is in if it is left out.
    #[schema(min_length = 1, max_length = 128)]
    workspace_id: Option<String>,
    /// The channel.
    #[schema(min_length = 1, max_length = 128)]
    channel_id: String,
    /// The state of the user's media devices.
    #[schema(value_type = Option<UserMediaStateSchema>)]
    user_media_state: Option<Box<RawValue>>,
}

/// For whom.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct UnselectBody {
    /// The user for whom the backend acts; refused if the connection is another user's.
    #[schema(min_length = 1, max_length = 128)]
    user_id: String,
    /// The workspace in which the connection is to be; whichever it is in if it is left out.
    #[schema(min_length = 1, max_length = 128)]
    workspace_id: Option<String>,
}

/// What changed.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct MediaBody {
    /// The user for whom the backend acts; refused if the connection is another user's.
    #[schema(min_length = 1, max_length = 128)]
    user_id: String,
    /// The workspace in which the connection is to be; whichever it is in if it is left out.
    #[schema(min_length = 1, max_length = 128)]
    workspace_id: Option<String>,
    /// The state of the user's media devices. What is left out stays as it is.
    #[schema(value_type = UserMediaStateSchema)]
    user_media_state: Box<RawValue>,
}

/// The new status.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct StatusBody {
    /// The user for whom the backend acts; refused if the connection is another user's.
    #[schema(min_length = 1, max_length = 128)]
    user_id: String,
    /// The workspace in which the connection is to be; whichever it is in if it is left out.
    #[schema(min_length = 1, max_length = 128)]
    workspace_id: Option<String>,
    /// The status of this connection.
    #[schema(value_type = OnlineStatusSchema)]
    online_status: Box<RawValue>,
}

impl Accepted for SelectBody {}
impl Accepted for MediaBody {}
impl Accepted for StatusBody {}

impl Accepted for UnselectBody {}

/// For whom a backend acts, and where.
struct Principal {
    user: UserId,
    workspace: Option<WorkspaceId>,
}

impl Principal {
    fn new(user: &str, workspace: Option<&str>) -> Result<Self, Malformed> {
        let workspace = workspace.map(WorkspaceId::new).transpose();
        Ok(Self {
            user: UserId::new(user).map_err(|error| invalid_id(error, "userId"))?,
            workspace: workspace.map_err(|error| invalid_id(error, "workspaceId"))?,
        })
    }
}

/// Runs a command in the workspace that is named, or in the one in which the socket is connected.
/// Whether the socket is connected there is decided with the command.
async fn act(
    (api, reach): (&Api, &Reach),
    socket: &SocketId,
    workspace: Option<WorkspaceId>,
    command: Command,
) -> Result<Arc<Entry>, Problem> {
    let workspace = match workspace {
        Some(named) => {
            reach.must_cover(&named)?;
            named
        }
        None => {
            let found = api.committer.store().locate(socket);
            let found = found.filter(|workspace| reach.covers(workspace));
            found.ok_or(Failure::Rejected(Rejection::NotConnected))?
        }
    };
    reach.touched(&workspace);
    api.commit(&workspace, command).await
}

/// Has a connection carry out a command for its user.
async fn relay(
    (api, reach): (&Api, &Reach),
    socket: &SocketId,
    principal: Principal,
    command: Command,
) -> Result<Json<Relayed>, Problem> {
    let command = Command::Relay {
        user: principal.user,
        command: Box::new(command),
    };
    let entry = act((api, reach), socket, principal.workspace, command).await?;
    let relayed = Relayed::new(entry.reply, entry.grant.as_ref()).map_err(|error| {
        tracing::error!(%socket, %error, "a grant could not be written");
        Failure::Internal
    })?;
    Ok(Json(relayed))
}

/// Select a channel
#[utoipa::path(
    post,
    path = "/v1/connections/{socketId}/select-channel",
    tag = "connections",
    operation_id = "selectChannel",
    security(("apiKey" = ["connections:control"])),
    params(
        ("socketId" = String, Path, min_length = 1, max_length = 128),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255),
    ),
    request_body = SelectBody,
    responses(
        (status = 200, description = "The channel is selected", body = Relayed),
        (status = "default", description = "A problem", body = ProblemDocument,
         content_type = "application/problem+json"),
    ),
)]
async fn select_channel(
    AllowedWithin { reach, .. }: AllowedWithin<ConnectionsControl>,
    State(api): State<Arc<Api>>,
    InPath(socket): InPath<SocketId>,
    Body(body): Body<SelectBody>,
) -> Result<Json<Relayed>, Problem> {
    let principal = Principal::new(&body.user_id, body.workspace_id.as_deref())?;
    let channel = ChannelId::new(&body.channel_id).map_err(|e| invalid_id(e, "channelId"))?;
    let media = body.user_media_state.as_deref();
    let media = media.map(|text| media_patch(text.into())).transpose();
    let command = Command::Select {
        socket: socket.clone(),
        channel,
        media: media.map_err(|malformed| malformed.under("userMediaState"))?,
    };
    relay((&api, &reach), &socket, principal, command).await
}

/// Leave the selected channel
#[utoipa::path(
    post,
    path = "/v1/connections/{socketId}/unselect-channel",
    tag = "connections",
    operation_id = "unselectChannel",
    security(("apiKey" = ["connections:control"])),
    params(
        ("socketId" = String, Path, min_length = 1, max_length = 128),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255),
    ),
    request_body = UnselectBody,
    responses(
        (status = 200, description = "No channel is selected", body = Relayed),
        (status = "default", description = "A problem", body = ProblemDocument,
         content_type = "application/problem+json"),
    ),
)]
async fn unselect_channel(
    AllowedWithin { reach, .. }: AllowedWithin<ConnectionsControl>,
    State(api): State<Arc<Api>>,
    InPath(socket): InPath<SocketId>,
    Body(body): Body<UnselectBody>,
) -> Result<Json<Relayed>, Problem> {
    let principal = Principal::new(&body.user_id, body.workspace_id.as_deref())?;
    let command = Command::Unselect {
        socket: socket.clone(),
    };
    relay((&api, &reach), &socket, principal, command).await
}

/// Change the media state
#[utoipa::path(
    post,
    path = "/v1/connections/{socketId}/update-media-state",
    tag = "connections",
    operation_id = "updateMediaState",
    security(("apiKey" = ["connections:control"])),
    params(
        ("socketId" = String, Path, min_length = 1, max_length = 128),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255),
    ),
    request_body = MediaBody,
    responses(
        (status = 200, description = "The state is as the body says", body = Relayed),
        (status = "default", description = "A problem", body = ProblemDocument,
         content_type = "application/problem+json"),
    ),
)]
async fn update_media_state(
    AllowedWithin { reach, .. }: AllowedWithin<ConnectionsControl>,
    State(api): State<Arc<Api>>,
    InPath(socket): InPath<SocketId>,
    Body(body): Body<MediaBody>,
) -> Result<Json<Relayed>, Problem> {
    let principal = Principal::new(&body.user_id, body.workspace_id.as_deref())?;
    let patch = media_patch((&*body.user_media_state).into());
    let command = Command::UpdateMedia {
        socket: socket.clone(),
        patch: patch.map_err(|malformed| malformed.under("userMediaState"))?,
    };
    relay((&api, &reach), &socket, principal, command).await
}

/// Change the online status
#[utoipa::path(
    post,
    path = "/v1/connections/{socketId}/update-online-status",
    tag = "connections",
    operation_id = "updateOnlineStatus",
    security(("apiKey" = ["connections:control"])),
    params(
        ("socketId" = String, Path, min_length = 1, max_length = 128),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255),
    ),
    request_body = StatusBody,
    responses(
        (status = 200, description = "The status is as the body says", body = Relayed),
        (status = "default", description = "A problem", body = ProblemDocument,
         content_type = "application/problem+json"),
    ),
)]
async fn update_online_status(
    AllowedWithin { reach, .. }: AllowedWithin<ConnectionsControl>,
    State(api): State<Arc<Api>>,
    InPath(socket): InPath<SocketId>,
    Body(body): Body<StatusBody>,
) -> Result<Json<Relayed>, Problem> {
    let principal = Principal::new(&body.user_id, body.workspace_id.as_deref())?;
    let status = status((&*body.online_status).into());
    let command = Command::UpdateStatus {
        socket: socket.clone(),
        status: status.map_err(|malformed| malformed.under("onlineStatus"))?,
    };
    relay((&api, &reach), &socket, principal, command).await
}

/// Whose connection is to end.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Whose {
    user_id: Option<String>,
    workspace_id: Option<String>,
}

/// Disconnect one connection
///
/// Closes the socket with `kicked`. The user's other connections stay, and the user may connect
/// again.
#[utoipa::path(
    delete,
    path = "/v1/connections/{socketId}",
    tag = "connections",
    operation_id = "deleteConnection",
    security(("apiKey" = ["connections:control"])),
    params(
        ("socketId" = String, Path, min_length = 1, max_length = 128),
        ("userId" = Option<String>, Query, min_length = 1, max_length = 128,
         description = "The user whose connection it is to be; refused if it is another user's."),
        ("workspaceId" = Option<String>, Query, min_length = 1, max_length = 128,
         description = "The workspace in which it is to be."),
    ),
    responses(
        (status = 204, description = "The connection is closed"),
        (status = "default", description = "A problem", body = ProblemDocument,
         content_type = "application/problem+json"),
    ),
)]
async fn evict(
    AllowedWithin { reach, .. }: AllowedWithin<ConnectionsControl>,
    State(api): State<Arc<Api>>,
    InPath(socket): InPath<SocketId>,
    InQuery(whose): InQuery<Whose>,
) -> Result<StatusCode, Problem> {
    let user = id_in_query("userId", whose.user_id.as_deref(), UserId::new)?;
    let workspace = id_in_query(
        "workspaceId",
        whose.workspace_id.as_deref(),
        WorkspaceId::new,
    )?;
    let evict = Command::Evict {
        socket: socket.clone(),
    };
    let command = match user {
        Some(user) => Command::Relay {
            user,
            command: Box::new(evict),
        },
        None => evict,
    };
    act((&api, &reach), &socket, workspace, command).await?;
    Ok(StatusCode::NO_CONTENT)
}
