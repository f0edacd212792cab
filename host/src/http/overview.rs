//! What there is, in pages: workspaces, a member of one, a user of all. It must not know how any of it
//! came about.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wardroom_domain::{Rejection, UserId, Workspace, WorkspaceId};

use super::Api;
use super::auth::{Allowed, AllowedWithin, DirectoryRead};
use super::directory::profile_elsewhere;
use super::input::{InPath, InQuery};
use super::openapi::OnlineStatusSchema;
use super::page::{Page, PageQuery, cursor};
use super::problem::{Document as ProblemDocument, Problem, no_such_user};
use super::wire::MemberView;
use super::workspace::member_view;
use crate::codes::Code;
use crate::commit::Failure;
use crate::wire::{bare_profile, raw, status_name};

/// The calls that tell what there is.
pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(list_workspaces))
        .routes(routes!(get_member))
        .routes(routes!(get_user))
}

/// A workspace in short.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct WorkspaceSummary {
    /// The workspace.
    workspace_id: String,
    /// How many members it has.
    members: usize,
    /// How many channels it has.
    channels: usize,
    /// How many sockets are connected to it.
    connections: usize,
}

/// Workspaces, ordered by id.
#[derive(Debug, Serialize, ToSchema)]
struct WorkspacesPage {
    /// The workspaces.
    workspaces: Vec<WorkspaceSummary>,
    /// The `cursor` of the next page; `null` on the last one.
    next: Option<String>,
}

/// Of many workspaces those of one page, in order, and the cursor of the next one.
fn paged(
    workspaces: impl Iterator<Item = WorkspaceId>,
    page: &Page,
) -> (Vec<WorkspaceId>, Option<String>) {
    let after = page.after.as_ref().and_then(|after| after.first());
    let behind = |id: &WorkspaceId| after.is_none_or(|after| id.as_str() > after.as_str());
    let mut ids: Vec<_> = workspaces.filter(behind).collect();
    let more = ids.len() > page.limit;
    if more {
        // Only the page is put in order, however many there are.
        ids.select_nth_unstable(page.limit);
        ids.truncate(page.limit);
    }
    ids.sort_unstable();
    let last = ids.last().filter(|_| more);
    let next = last.map(|last| cursor(&[last.as_str()]));
    (ids, next)
}

/// List the workspaces
///
/// Those that the API key reaches, ordered by id.
#[utoipa::path(
    get,
    path = "/v1/workspaces",
    tag = "workspaces",
    operation_id = "listWorkspaces",
    security(("apiKey" = ["directory:read"])),
    params(
        ("limit" = Option<usize>, Query, minimum = 1, maximum = 1000,
         description = "Most workspaces of the page; 100 if it is left out."),
        ("cursor" = Option<String>, Query, description = "The `next` of the page before."),
    ),
    responses(
        (status = 200, description = "One page", body = WorkspacesPage),
        (status = "default", description = "A problem", body = ProblemDocument,
         content_type = "application/problem+json"),
    ),
)]
async fn list_workspaces(
    AllowedWithin { reach, .. }: AllowedWithin<DirectoryRead>,
    State(api): State<Arc<Api>>,
    InQuery(query): InQuery<PageQuery>,
) -> Result<Json<WorkspacesPage>, Problem> {
    let page = query.page(1)?;
    let store = api.committer.store();
    let (ids, next) = paged(reach.within(store.workspaces()), &page);
    let workspaces = ids.iter().filter_map(|workspace| {
        let state = store.snapshot(workspace)?;
        Some(WorkspaceSummary {
            workspace_id: workspace.to_string(),
            members: state.members().len(),
            channels: state.channels().len(),
            connections: state.live_connections(),
        })
    });
    let workspaces = workspaces.collect();
    Ok(Json(WorkspacesPage { workspaces, next }))
}

/// A user of a workspace as they are now.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct PersonView {
    /// The workspace.
    workspace_id: String,
    /// The user.
    user_id: String,
    /// Whether the user is a member, and not only connected by what a token says.
    member: bool,
    /// How many sockets of the user are connected to the workspace.
    connections: usize,
    /// What else is known of them.
    #[serde(flatten)]
    view: MemberView,
}

fn live_connections_of(state: &Workspace, user: &UserId) -> usize {
    let sockets = state.sockets_of(user).iter();
    sockets
        .filter(|socket| state.live(socket).is_some())
        .count()
}

/// Read a member
///
/// A member of a workspace, or a user who is connected to it by what a token says.
#[utoipa::path(
    get,
    path = "/v1/workspaces/{workspaceId}/members/{userId}",
    tag = "directory",
    operation_id = "getMember",
    security(("apiKey" = ["directory:read"])),
    params(
        ("workspaceId" = String, Path, min_length = 1, max_length = 128),
        ("userId" = String, Path, min_length = 1, max_length = 128),
    ),
    responses(
        (status = 200, description = "The user there", body = PersonView),
        (status = "default", description = "A problem", body = ProblemDocument,
         content_type = "application/problem+json"),
    ),
)]
async fn get_member(
    _: Allowed<DirectoryRead>,
    State(api): State<Arc<Api>>,
    InPath(workspace): InPath<WorkspaceId>,
    InPath(user): InPath<UserId>,
) -> Result<Json<PersonView>, Problem> {
    let state = api.committer.store().snapshot(&workspace);
    let state = state.ok_or(Failure::Rejected(Rejection::WorkspaceNotFound))?;
    let subject = state.subject(&user);
    let subject = subject.ok_or_else(|| no_such_user(&workspace, &user))?;
    let view = member_view(&state, &subject).map_err(|error| {
        tracing::error!(%workspace, %error, "a member could not be written");
        Failure::Internal
    })?;
    Ok(Json(PersonView {
        workspace_id: workspace.to_string(),
        member: state.members().contains_key(&user),
        connections: live_connections_of(&state, &user),
        user_id: user.to_string(),
        view,
    }))
}

/// A user, and where they are.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct UserView {
    /// The user.
    user_id: String,
    /// `UserSchema`; nothing but the id where the user is a member of no workspace.
    #[schema(value_type = Object, example = json!({"id": "u1", "name": "Ann"}))]
    user: Box<RawValue>,
    /// The workspaces that the user is a member of or connected to, ordered by id.
    workspaces: Vec<UserThere>,
    /// The `cursor` of the next page; `null` on the last one.
    next: Option<String>,
}

/// A user in one workspace.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct UserThere {
    /// The workspace.
    workspace_id: String,
    /// Whether the user is a member, and not only connected by what a token says.
    member: bool,
    /// The role: the directory's, otherwise the one that the latest token gave.
    role: Option<String>,
    /// The combined status of the user's connections.
    #[schema(value_type = OnlineStatusSchema)]
    online_status: &'static str,
    /// The channel that the user is in.
    selected_channel_id: Option<String>,
    /// How many sockets of the user are connected to the workspace.
    connections: usize,
}

fn there(workspace: &WorkspaceId, state: &Workspace, user: &UserId) -> Option<UserThere> {
    let subject = state.subject(user)?;
    let selection = state.selections().get(user);
    Some(UserThere {
        workspace_id: workspace.to_string(),
        member: state.members().contains_key(user),
        role: subject.role.as_ref().map(ToString::to_string),
        online_status: status_name(state.status(user)),
        selected_channel_id: selection.map(|selection| selection.channel.to_string()),
        connections: live_connections_of(state, user),
    })
}

/// Read a user
///
/// The profile, and the workspaces that the user is a member of or connected to and that the API key
/// reaches, in pages.
#[utoipa::path(
    get,
    path = "/v1/users/{userId}",
    tag = "directory",
    operation_id = "getUser",
    security(("apiKey" = ["directory:read"])),
    params(
        ("userId" = String, Path, min_length = 1, max_length = 128),
        ("limit" = Option<usize>, Query, minimum = 1, maximum = 1000,
         description = "Most workspaces of the page; 100 if it is left out."),
        ("cursor" = Option<String>, Query, description = "The `next` of the page before."),
    ),
    responses(
        (status = 200, description = "The user", body = UserView),
        (status = "default", description = "A problem", body = ProblemDocument,
         content_type = "application/problem+json"),
    ),
)]
async fn get_user(
    AllowedWithin { reach, .. }: AllowedWithin<DirectoryRead>,
    State(api): State<Arc<Api>>,
    InPath(user): InPath<UserId>,
    InQuery(query): InQuery<PageQuery>,
) -> Result<Json<UserView>, Problem> {
    let page = query.page(1)?;
    let store = api.committer.store();
    let (members, present) = (store.workspaces_of(&user), store.presences_of(&user));
    let all: BTreeSet<_> = reach.within(members).chain(reach.within(present)).collect();
    if all.is_empty() {
        let detail = "the user is in no workspace";
        return Err(Problem::new(Code::MemberNotFound, detail));
    }
    let (ids, next) = paged(all.into_iter(), &page);
    let workspaces = ids.iter().filter_map(|workspace| {
        let state = store.snapshot(workspace)?;
        there(workspace, &state, &user)
    });
    let workspaces = workspaces.collect();
    let profile = profile_elsewhere(&api, &reach, &user).unwrap_or_else(|| bare_profile(&user));
    let profile = raw(&profile).map_err(|error| {
        tracing::error!(%error, "a profile could not be written");
        Failure::Internal
    })?;
    Ok(Json(UserView {
        user_id: user.to_string(),
        user: profile,
        workspaces,
        next,
    }))
}
