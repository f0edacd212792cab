//! What a backend says of a user in all workspaces at once. It must not know who is told of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wardroom_domain::{Command, Json as Text, Reply, UserId, Workspace, WorkspaceId};

use super::Api;
use super::auth::{AllowedWithin, ConnectionsControl, DirectoryWrite, Reach};
use super::input::{Accepted, Body, InPath};
use super::problem::{Document as ProblemDocument, Problem};
use super::wire::{DoneEverywhere, DoneOrFailed, Gathered, invalid_id};
use crate::codes::Code;
use crate::json::JsonText;
use crate::limits::WORKSPACES_PER_TURN;
use crate::wire::profile;

/// The calls that HTTP makes idempotent.
pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(put_user, delete_user))
}

/// The calls that take an `Idempotency-Key`.
pub(super) fn posts() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(disconnect_user))
}

/// A user's profile.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct UserBody {
    /// `UserSchema`: any object; its `id`, if there is one, is the user's. At most 16 KiB.
    #[schema(value_type = Object, example = json!({"id": "u1", "name": "Ann"}))]
    user: Box<RawValue>,
}

impl Accepted for UserBody {}

/// Whom to disconnect from where.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DisconnectBody {
    /// Only from this workspace; from every one if it is left out.
    workspace_id: Option<String>,
}

impl Accepted for DisconnectBody {
    fn absent() -> Option<Self> {
        Some(Self::default())
    }
}

/// Change a profile
///
/// `user-updated` in every workspace whose member the user is and that the API key reaches, if the
/// profile changed there. Where it fails in some workspaces the answer says so, and the others have it:
/// repeat the call. A problem is answered if it fails in all.
#[utoipa::path(
    put,
    path = "/v1/users/{userId}",
    tag = "directory",
    operation_id = "putUser",
    security(("apiKey" = ["directory:write"])),
    params(("userId" = String, Path, min_length = 1, max_length = 128)),
    request_body = UserBody,
    responses(
        (status = 200, description = "What it came to in each workspace", body = DoneEverywhere),
        (status = "default", description = "A problem", body = ProblemDocument,
         content_type = "application/problem+json"),
    ),
)]
async fn put_user(
    AllowedWithin { reach, .. }: AllowedWithin<DirectoryWrite>,
    State(api): State<Arc<Api>>,
    InPath(user): InPath<UserId>,
    Body(body): Body<UserBody>,
) -> Result<Json<DoneEverywhere>, Problem> {
    let profile =
        profile(JsonText::from(&*body.user), &user).map_err(|malformed| malformed.under("user"))?;
    let mut workspaces = Gathered::default();
    for workspace in reach.within(api.committer.workspaces_of(&user)) {
        reach.touched(&workspace);
        match update(&api, &workspace, &user, &profile).await {
            Ok(Some(reply)) => workspaces.replied(workspace, reply),
            Ok(None) => {}
            Err(problem) => workspaces.failed(workspace, problem, DoneOrFailed::Failed),
        }
    }
    let workspaces = workspaces.everywhere()?;
    if workspaces.is_empty() {
        let detail = "the user is a member of no workspace";
        return Err(Problem::new(Code::MemberNotFound, detail));
    }
    Ok(Json(DoneEverywhere { workspaces }))
}

/// Changes a profile in one workspace; nothing if the user has left it meanwhile, or it is gone.
async fn update(
    api: &Api,
    workspace: &WorkspaceId,
    user: &UserId,
    profile: &Text,
) -> Result<Option<Reply>, Problem> {
    let command = Command::UpdateProfile {
        user: user.clone(),
        profile: profile.clone(),
    };
    match api.run(workspace, command).await {
        Ok(reply) => Ok(Some(reply)),
        Err(problem) if GONE.contains(&problem.code()) => Ok(None),
        Err(problem) => Err(problem),
    }
}

/// Tells the other workspaces of these users, as far as the call reaches, what was said of their
/// profiles in one. A workspace in which that fails keeps no other from being told.
///
/// # Errors
/// The first failure. What was said is in force all the same, where it was said and in all others; a
/// repeat of the call tells those in which it failed.
pub(super) async fn update_elsewhere(
    api: &Api,
    reach: &Reach,
    except: &WorkspaceId,
    profiles: &BTreeMap<UserId, Text>,
) -> Result<(), Problem> {
    let store = api.committer.store();
    let mut failure = None;
    for (user, profile) in profiles {
        for workspace in reach.within(store.workspaces_of(user)) {
            if workspace == *except {
                continue;
            }
            let Some(state) = store.snapshot(&workspace) else {
                continue;
            };
            let old = state.members().get(user);
            if old.is_some_and(|member| member.profile != *profile) {
                reach.touched(&workspace);
                if let Err(problem) = update(api, &workspace, user, profile).await {
                    failure.get_or_insert(problem);
                }
            }
        }
    }
    failure.map_or(Ok(()), Err)
}

/// Forget a user
///
/// Takes the user out of every workspace that the API key reaches: the membership and the profile, the
/// sockets, and the places in lists of channel members. A token that is still valid and names a
/// workspace lets the user connect to it again. Where it fails in some workspaces the answer says so:
/// repeat the call. A problem is answered if it fails in all.
#[utoipa::path(
    delete,
    path = "/v1/users/{userId}",
    tag = "directory",
    operation_id = "deleteUser",
    security(("apiKey" = ["directory:write"])),
    params(("userId" = String, Path, min_length = 1, max_length = 128)),
    responses(
        (status = 200, description = "The workspaces that knew of the user",
         body = DoneEverywhere),
        (status = "default", description = "A problem", body = ProblemDocument,
         content_type = "application/problem+json"),
    ),
)]
async fn delete_user(
    AllowedWithin { reach, .. }: AllowedWithin<DirectoryWrite>,
    State(api): State<Arc<Api>>,
    InPath(user): InPath<UserId>,
) -> Result<Json<DoneEverywhere>, Problem> {
    let store = api.committer.store();
    let mut workspaces = Gathered::default();
    // A channel may list somebody who is not in its workspace, so that each is looked at.
    for (count, workspace) in reach.within(store.workspaces()).enumerate() {
        if count % WORKSPACES_PER_TURN == 0 {
            tokio::task::yield_now().await;
        }
        match forget(&api, &reach, &workspace, &user).await {
            Ok(true) => workspaces.replied(workspace, Reply::Changed),
            Ok(false) => {}
            Err(problem) => workspaces.failed(workspace, problem, DoneOrFailed::Failed),
        }
    }
    let workspaces = workspaces.everywhere()?;
    if workspaces.is_empty() {
        let detail = "the user is in no workspace";
        return Err(Problem::new(Code::MemberNotFound, detail));
    }
    Ok(Json(DoneEverywhere { workspaces }))
}

/// Takes a user out of one workspace, and says whether it knew of them.
async fn forget(
    api: &Api,
    reach: &Reach,
    workspace: &WorkspaceId,
    user: &UserId,
) -> Result<bool, Problem> {
    let commands = api
        .committer
        .store()
        .snapshot(workspace)
        .map(|state| commands_to_forget(&state, user))
        .unwrap_or_default();
    if !commands.is_empty() {
        reach.touched(workspace);
    }
    let known = !commands.is_empty();
    for command in commands {
        match api.run(workspace, command).await {
            Ok(_) => {}
            // It went by itself meanwhile.
            Err(problem) if GONE.contains(&problem.code()) => {}
            Err(problem) => return Err(problem),
        }
    }
    Ok(known)
}

/// What a workspace says when somebody, or something, is no longer there.
const GONE: [Code; 3] = [
    Code::MemberNotFound,
    Code::ChannelNotFound,
    Code::WorkspaceNotFound,
];

fn commands_to_forget(state: &Workspace, user: &UserId) -> Vec<Command> {
    let mut commands = Vec::new();
    if state.members().contains_key(user) {
        commands.push(Command::RemoveMember { user: user.clone() });
    } else if !state.sockets_of(user).is_empty() {
        commands.push(Command::Kick { user: user.clone() });
    }
    let channels = state.channels().iter();
    let listing = channels.filter(|(_, channel)| channel.facts.members.contains(user));
    commands.extend(listing.map(|(channel, _)| Command::RemoveChannelMember {
        channel: channel.clone(),
        user: user.clone(),
    }));
    commands
}

/// Disconnect a user
///
/// Closes every socket of the user, in one workspace or in all that the API key reaches. The user may connect again:
/// remove the member, or stop issuing tokens, to keep them out. Where it fails in some workspaces the
/// answer says so, and the sockets in the others are closed; a problem is answered if it fails in all.
#[utoipa::path(
    post,
    path = "/v1/users/{userId}/disconnect",
    tag = "connections",
    operation_id = "disconnectUser",
    security(("apiKey" = ["connections:control"])),
    params(
        ("userId" = String, Path, min_length = 1, max_length = 128),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255),
    ),
    request_body = Option<DisconnectBody>,
    responses(
        (status = 200, description = "The workspaces in which the user was connected",
         body = DoneEverywhere),
        (status = "default", description = "A problem", body = ProblemDocument,
         content_type = "application/problem+json"),
    ),
)]
async fn disconnect_user(
    AllowedWithin { reach, .. }: AllowedWithin<ConnectionsControl>,
    State(api): State<Arc<Api>>,
    InPath(user): InPath<UserId>,
    Body(body): Body<DisconnectBody>,
) -> Result<Json<DoneEverywhere>, Problem> {
    let kick = || Command::Kick { user: user.clone() };
    let mut workspaces = Gathered::default();
    if let Some(id) = body.workspace_id {
        let workspace = WorkspaceId::new(&id).map_err(|error| invalid_id(error, "workspaceId"))?;
        reach.must_cover(&workspace)?;
        reach.touched(&workspace);
        let reply = api.run(&workspace, kick()).await?;
        if reply != Reply::Unchanged {
            workspaces.replied(workspace, reply);
        }
    } else {
        let store = api.committer.store();
        for workspace in reach.within(store.presences_of(&user)) {
            reach.touched(&workspace);
            match api.run(&workspace, kick()).await {
                Ok(reply) => workspaces.replied(workspace, reply),
                // It was closed meanwhile, and the user's sockets with it.
                Err(problem) if problem.code() == Code::WorkspaceNotFound => {}
                Err(problem) => workspaces.failed(workspace, problem, DoneOrFailed::Failed),
            }
        }
    }
    let workspaces = workspaces.everywhere()?;
    Ok(Json(DoneEverywhere { workspaces }))
}
