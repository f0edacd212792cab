//! Whole workspaces: the truth told at once, the state as it is now, the end. It must not know how
//! differences are found.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wardroom_domain::{
    ChannelId, Command, Json as Text, MediaState, Rejection, SubjectFacts, Truth, UserId,
    Workspace, WorkspaceId,
};

use super::auth::{Allowed, DirectoryRead, DirectoryWrite, Reach};
use super::directory::{answer, profile_elsewhere};
use super::input::{Accepted, Body, InPath, InQuery, Object};
use super::problem::{Document as ProblemDocument, Problem};
use super::users::update_elsewhere;
use super::wire::{ChannelView, MemberView, WorkspaceBody, WorkspaceView, invalid_id};
use super::{Api, BodyLimits};
use crate::commit::Failure;
use crate::limits::LONG_DECISION_ROWS;
use crate::runtime::long;
use crate::wire::{Malformed, bare_profile, media_state, raw, status_name};

impl Accepted for WorkspaceBody {
    fn limit(limits: &BodyLimits) -> usize {
        limits.sync
    }
}

/// The calls about whole workspaces.
pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(put_workspace, get_workspace, delete_workspace))
}

/// How the truth is told.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SyncOptions {
    #[serde(default)]
    quiet: bool,
}

/// Tell the whole truth
///
/// The body is compared with what is known, and the differences happen as if told one by one:
/// who is not listed is removed, what is not listed is deleted. A field that a member or a channel
/// leaves out falls back to its default, except `user`: a profile that is left out stays.
#[utoipa::path(
    put,
    path = "/v1/workspaces/{workspaceId}",
    tag = "workspaces",
    operation_id = "putWorkspace",
    security(("apiKey" = ["directory:write"])),
    params(
        ("workspaceId" = String, Path, min_length = 1, max_length = 128),
        ("quiet" = Option<bool>, Query, description = "With `true` no event is sent. Sockets that \
            have no place in the workspace any more are closed all the same."),
    ),
    request_body = WorkspaceBody,
    responses(
        (status = 200, description = "The workspace was known", body = super::wire::Done),
        (status = 201, description = "The workspace is new", body = super::wire::Done),
        (status = "default", description = "A problem", body = ProblemDocument,
         content_type = "application/problem+json"),
    ),
)]
async fn put_workspace(
    Allowed { reach, .. }: Allowed<DirectoryWrite>,
    State(api): State<Arc<Api>>,
    InPath(workspace): InPath<WorkspaceId>,
    InQuery(SyncOptions { quiet }): InQuery<SyncOptions>,
    Body(body): Body<WorkspaceBody>,
) -> Result<Response, Problem> {
    let members = body.members.as_ref().map_or(0, BTreeMap::len);
    let rows = members + body.channels.as_ref().map_or(0, BTreeMap::len);
    let (truth, profiles) = in_time(rows, || told(&api, &reach, body))?;
    let reply = api.run(&workspace, Command::Sync { truth, quiet }).await?;
    if !quiet {
        update_elsewhere(&api, &reach, &workspace, &profiles).await?;
    }
    Ok(answer(reply))
}

/// Does what takes long for a large workspace without holding up a thread.
fn in_time<T>(rows: usize, work: impl FnOnce() -> T) -> T {
    if rows >= LONG_DECISION_ROWS {
        long(work)
    } else {
        work()
    }
}

/// The truth that a body tells, and the profiles that it gives.
fn told(
    api: &Api,
    reach: &Reach,
    body: WorkspaceBody,
) -> Result<(Truth, BTreeMap<UserId, Text>), Malformed> {
    let mut truth = truth(body)?;
    fill_profiles(api, reach, &mut truth);
    let given = truth.members.iter();
    let given = given.filter_map(|(user, (spec, _))| Some((user.clone(), spec.profile.clone()?)));
    let profiles = given.collect();
    Ok((truth, profiles))
}

fn truth(body: WorkspaceBody) -> Result<Truth, Malformed> {
    // What is left out is no list of nothing: it would remove everybody, or every channel.
    let missing = match (&body.members, &body.channels) {
        (None, None) => "`members` and `channels` are missing",
        (None, Some(_)) => "`members` is missing",
        (Some(_), None) => "`channels` is missing",
        (Some(_), Some(_)) => "",
    };
    if !missing.is_empty() {
        return Err(Malformed::here(format!(
            "{missing}: a whole workspace lists all of both, and is emptied by \
             {{\"members\": {{}}, \"channels\": {{}}}}"
        )));
    }
    let mut truth = Truth::default();
    for (id, Object(member)) in body.members.unwrap_or_default() {
        let in_member = |malformed: Malformed| malformed.under(&id).under("members");
        let user = UserId::new(&id).map_err(|error| invalid_id(error, &id).under("members"))?;
        let spec = member.whole(&user).map_err(in_member)?;
        let bare = bare_profile(&user);
        truth.members.insert(user, (spec, bare));
    }
    for (id, Object(channel)) in body.channels.unwrap_or_default() {
        let in_channel = |malformed: Malformed| malformed.under(&id).under("channels");
        let spec = channel.whole().map_err(in_channel)?;
        let id = ChannelId::new(&id).map_err(|error| invalid_id(error, &id).under("channels"))?;
        truth.channels.insert(id, spec);
    }
    Ok(truth)
}

/// Gives members whose profile is left out the one that another workspace knows.
fn fill_profiles(api: &Api, reach: &Reach, truth: &mut Truth) {
    for (user, (spec, default)) in &mut truth.members {
        if spec.profile.is_none()
            && let Some(known) = profile_elsewhere(api, reach, user)
        {
            *default = known;
        }
    }
}

/// Read a workspace
///
/// Members, guests, channels and presence, all of one moment.
#[utoipa::path(
    get,
    path = "/v1/workspaces/{workspaceId}",
    tag = "workspaces",
    operation_id = "getWorkspace",
    security(("apiKey" = ["directory:read"])),
    params(("workspaceId" = String, Path, min_length = 1, max_length = 128)),
    responses(
        (status = 200, description = "The workspace", body = WorkspaceView),
        (status = "default", description = "A problem", body = ProblemDocument,
         content_type = "application/problem+json"),
    ),
)]
async fn get_workspace(
    _: Allowed<DirectoryRead>,
    State(api): State<Arc<Api>>,
    InPath(workspace): InPath<WorkspaceId>,
) -> Result<Json<WorkspaceView>, Problem> {
    let state = api.committer.store().snapshot(&workspace);
    let state = state.ok_or(Failure::Rejected(Rejection::WorkspaceNotFound))?;
    let rows = state.members().len() + state.channels().len();
    let view = in_time(rows, || view(&workspace, &state)).map_err(|error| {
        tracing::error!(%workspace, %error, "a workspace could not be written");
        Failure::Internal
    })?;
    Ok(Json(view))
}

fn view(workspace: &WorkspaceId, state: &Workspace) -> Result<WorkspaceView, serde_json::Error> {
    let (mut members, mut guests) = (BTreeMap::new(), BTreeMap::new());
    for subject in state.subjects().iter() {
        let is_member = state.members().contains_key(&subject.user);
        let users = if is_member { &mut members } else { &mut guests };
        users.insert(subject.user.to_string(), member_view(state, subject)?);
    }
    let channels = state.channels().iter().map(|(id, channel)| {
        let facts = &channel.facts;
        let view = ChannelView {
            private: facts.private,
            members: facts.members.iter().map(UserId::to_string).collect(),
            attributes: raw(&facts.attributes.text)?,
        };
        Ok((id.to_string(), view))
    });
    Ok(WorkspaceView {
        workspace_id: workspace.to_string(),
        connections: state.live_connections(),
        members,
        guests,
        channels: channels.collect::<Result<_, serde_json::Error>>()?,
    })
}

pub(super) fn member_view(
    state: &Workspace,
    subject: &SubjectFacts,
) -> Result<MemberView, serde_json::Error> {
    let user = &subject.user;
    let member = state.members().get(user);
    let selection = state.selections().get(user);
    let media = selection.map_or_else(MediaState::default, |s| s.media.clone());
    let profile = member.map_or_else(|| bare_profile(user), |m| m.profile.clone());
    Ok(MemberView {
        user: raw(&profile)?,
        role: subject.role.as_ref().map(ToString::to_string),
        attributes: raw(&subject.attributes.text)?,
        online_status: status_name(state.status(user)),
        selected_channel_id: selection.map(|s| s.channel.to_string()),
        user_media_state: raw(&media_state(&media))?,
    })
}

/// Close a workspace
///
/// Everybody's sockets are closed and nothing is known of the workspace any more.
#[utoipa::path(
    delete,
    path = "/v1/workspaces/{workspaceId}",
    tag = "workspaces",
    operation_id = "deleteWorkspace",
    security(("apiKey" = ["directory:write"])),
    params(("workspaceId" = String, Path, min_length = 1, max_length = 128)),
    responses(
        (status = 204, description = "The workspace is closed"),
        (status = "default", description = "A problem", body = ProblemDocument,
         content_type = "application/problem+json"),
    ),
)]
async fn delete_workspace(
    _: Allowed<DirectoryWrite>,
    State(api): State<Arc<Api>>,
    InPath(workspace): InPath<WorkspaceId>,
) -> Result<StatusCode, Problem> {
    api.run(&workspace, Command::Close).await?;
    Ok(StatusCode::NO_CONTENT)
}
