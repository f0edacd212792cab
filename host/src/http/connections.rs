//! The client's commands, relayed by a backend for one of its connections. It must not know what
//! they mean.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wardroom_domain::{ChannelId, Command, Rejection, SocketId};

use super::Api;
use super::auth::{Allowed, ConnectionsControl};
use super::input::{Accepted, Body, InPath};
use super::openapi::{OnlineStatusSchema, UserMediaStateSchema};
use super::problem::{Document as ProblemDocument, Problem};
use super::wire::{Relayed, invalid_id};
use crate::commit::Failure;
use crate::wire::{media_patch, status};

/// The calls for single connections.
pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
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
    /// The channel.
    #[schema(min_length = 1, max_length = 128)]
    channel_id: String,
    /// The state of the user's media devices.
    #[schema(value_type = Option<UserMediaStateSchema>)]
    user_media_state: Option<Value>,
}

/// Nothing.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct UnselectBody {}

/// What changed.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct MediaBody {
    /// The state of the user's media devices. What is left out stays as it is.
    #[schema(value_type = UserMediaStateSchema)]
    user_media_state: Value,
}

/// The new status.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct StatusBody {
    /// The status of this connection.
    #[schema(value_type = OnlineStatusSchema)]
    online_status: Value,
}

impl Accepted for SelectBody {}
impl Accepted for MediaBody {}
impl Accepted for StatusBody {}

impl Accepted for UnselectBody {
    fn absent() -> Option<Self> {
        Some(Self {})
    }
}

/// Runs a command in the workspace in which the socket it names is connected.
async fn relay(api: &Api, socket: &SocketId, command: Command) -> Result<Json<Relayed>, Problem> {
    let workspace = api.committer.store().locate(socket);
    let workspace = workspace.ok_or(Failure::Rejected(Rejection::NotConnected))?;
    let entry = api.commit(&workspace, command).await?;
    let relayed = Relayed::new(entry.reply, entry.grant.as_ref()).map_err(|error| {
        tracing::error!(%workspace, %error, "a grant could not be written");
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
    _: Allowed<ConnectionsControl>,
    State(api): State<Arc<Api>>,
    InPath(socket): InPath<SocketId>,
    Body(body): Body<SelectBody>,
) -> Result<Json<Relayed>, Problem> {
    let channel = ChannelId::new(&body.channel_id).map_err(|e| invalid_id(e, "channelId"))?;
    let media = body.user_media_state.map(media_patch).transpose();
    let command = Command::Select {
        socket: socket.clone(),
        channel,
        media: media.map_err(|malformed| malformed.under("userMediaState"))?,
    };
    relay(&api, &socket, command).await
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
    request_body = Option<UnselectBody>,
    responses(
        (status = 200, description = "No channel is selected", body = Relayed),
        (status = "default", description = "A problem", body = ProblemDocument,
         content_type = "application/problem+json"),
    ),
)]
async fn unselect_channel(
    _: Allowed<ConnectionsControl>,
    State(api): State<Arc<Api>>,
    InPath(socket): InPath<SocketId>,
    Body(UnselectBody {}): Body<UnselectBody>,
) -> Result<Json<Relayed>, Problem> {
    let command = Command::Unselect {
        socket: socket.clone(),
    };
    relay(&api, &socket, command).await
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
    _: Allowed<ConnectionsControl>,
    State(api): State<Arc<Api>>,
    InPath(socket): InPath<SocketId>,
    Body(body): Body<MediaBody>,
) -> Result<Json<Relayed>, Problem> {
    let patch = media_patch(body.user_media_state);
    let command = Command::UpdateMedia {
        socket: socket.clone(),
        patch: patch.map_err(|malformed| malformed.under("userMediaState"))?,
    };
    relay(&api, &socket, command).await
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
    _: Allowed<ConnectionsControl>,
    State(api): State<Arc<Api>>,
    InPath(socket): InPath<SocketId>,
    Body(body): Body<StatusBody>,
) -> Result<Json<Relayed>, Problem> {
    let status = status(&body.online_status);
    let command = Command::UpdateStatus {
        socket: socket.clone(),
        status: status.map_err(|malformed| malformed.under("onlineStatus"))?,
    };
    relay(&api, &socket, command).await
}
