//! What there is, in pages: the connections of a workspace, and one of them. It must not know how any
//! of it came about.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wardroom_domain::{Rejection, SocketId, UserId, Workspace, WorkspaceId};

use super::Api;
use super::auth::{Allowed, AllowedWithin, DirectoryRead};
use super::input::{InPath, InQuery};
use super::openapi::OnlineStatusSchema;
use super::page::{PageQuery, cursor};
use super::problem::{Document as ProblemDocument, Problem};
use crate::commit::Failure;
use crate::wire::status_name;

/// The calls that list.
pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(list_connections))
        .routes(routes!(get_connection))
}

/// A live connection.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ConnectionView {
    /// Its socket.
    socket_id: String,
    /// The workspace that it is in.
    workspace_id: String,
    /// The user whose connection it is.
    user_id: String,
    /// The status that it contributes to the user's combined one.
    #[schema(value_type = OnlineStatusSchema)]
    online_status: &'static str,
    /// The channel in which the user is through this connection; `null` if there is none.
    selected_channel_id: Option<String>,
}

/// Connections, ordered by user and then by socket.
#[derive(Debug, Serialize, ToSchema)]
struct ConnectionsPage {
    /// The connections.
    connections: Vec<ConnectionView>,
    /// The `cursor` of the next page; `null` on the last one.
    next: Option<String>,
}

/// A live connection; nothing if there is none.
fn view(workspace: &WorkspaceId, state: &Workspace, socket: &SocketId) -> Option<ConnectionView> {
    let connection = state.live(socket)?;
    let selection = state.selections().get(&connection.user);
    let selection = selection.filter(|selection| selection.socket == *socket);
    Some(ConnectionView {
        socket_id: socket.to_string(),
        workspace_id: workspace.to_string(),
        user_id: connection.user.to_string(),
        online_status: status_name(connection.status),
        selected_channel_id: selection.map(|selection| selection.channel.to_string()),
    })
}

/// List the connections of a workspace
///
/// Those that are live now, ordered by user and then by socket.
#[utoipa::path(
    get,
    path = "/v1/workspaces/{workspaceId}/connections",
    tag = "connections",
    operation_id = "listConnections",
    security(("apiKey" = ["directory:read"])),
    params(
        ("workspaceId" = String, Path, min_length = 1, max_length = 128),
        ("limit" = Option<usize>, Query, minimum = 1, maximum = 1000,
         description = "Most connections of the page; 100 if it is left out."),
        ("cursor" = Option<String>, Query, description = "The `next` of the page before."),
    ),
    responses(
        (status = 200, description = "One page", body = ConnectionsPage),
        (status = "default", description = "A problem", body = ProblemDocument,
         content_type = "application/problem+json"),
    ),
)]
async fn list_connections(
    _: Allowed<DirectoryRead>,
    State(api): State<Arc<Api>>,
    InPath(workspace): InPath<WorkspaceId>,
    InQuery(query): InQuery<PageQuery>,
) -> Result<Json<ConnectionsPage>, Problem> {
    let page = query.page(2)?;
    let state = api.committer.store().snapshot(&workspace);
    let state = state.ok_or(Failure::Rejected(Rejection::WorkspaceNotFound))?;
    let (user, socket) = match page.after.as_deref() {
        Some([user, socket]) => (user.as_str(), socket.as_str()),
        _ => ("", ""),
    };
    let mut connections: Vec<_> = live_after(&state, user, socket)
        .take(page.limit + 1)
        .filter_map(|socket| view(&workspace, &state, socket))
        .collect();
    let next = if connections.len() > page.limit {
        connections.truncate(page.limit);
        connections
            .last()
            .map(|last| cursor(&[&last.user_id, &last.socket_id]))
    } else {
        None
    };
    Ok(Json(ConnectionsPage { connections, next }))
}

/// The live sockets behind one of a user, ordered by user and then by socket.
fn live_after<'a>(
    state: &'a Workspace,
    user: &'a str,
    socket: &'a str,
) -> impl Iterator<Item = &'a SocketId> {
    let of_users = state.sockets_from(user);
    of_users.flat_map(move |(of, sockets): (&UserId, &Vec<SocketId>)| {
        let behind = |s: &&SocketId| of.as_str() != user || s.as_str() > socket;
        let live = |s: &&SocketId| state.live(s).is_some();
        let mut sockets: Vec<_> = sockets.iter().filter(behind).filter(live).collect();
        sockets.sort();
        sockets
    })
}

/// Read a connection
///
/// Whose it is, and where, as long as it is live.
#[utoipa::path(
    get,
    path = "/v1/connections/{socketId}",
    tag = "connections",
    operation_id = "getConnection",
    security(("apiKey" = ["directory:read"])),
    params(("socketId" = String, Path, min_length = 1, max_length = 128)),
    responses(
        (status = 200, description = "The connection", body = ConnectionView),
        (status = "default", description = "A problem", body = ProblemDocument,
         content_type = "application/problem+json"),
    ),
)]
async fn get_connection(
    AllowedWithin { reach, .. }: AllowedWithin<DirectoryRead>,
    State(api): State<Arc<Api>>,
    InPath(socket): InPath<SocketId>,
) -> Result<Json<ConnectionView>, Problem> {
    let store = api.committer.store();
    let workspace = store.locate(&socket);
    let workspace = workspace.filter(|workspace| reach.covers(workspace));
    let found = workspace.and_then(|workspace| {
        let state = store.snapshot(&workspace)?;
        view(&workspace, &state, &socket)
    });
    let found = found.ok_or(Failure::Rejected(Rejection::NotConnected))?;
    Ok(Json(found))
}
