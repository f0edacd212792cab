//! The application's own events, and whom they are for. It must not know how they are delivered.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use imbl::OrdSet;
use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wardroom_domain::{
    Audience, ChannelId, Command, Event, InvalidId, Json as Text, Output, Publication, Rendering,
    SocketId, Target, UserId, Workspace, WorkspaceId,
};

use super::Api;
use super::auth::{Allowed, AllowedWithin, EventsPublish};
use super::event_form::{formed_well, named_well};
use super::input::{Accepted, Body, InPath, Object};
use super::problem::{Document as ProblemDocument, Problem};
use super::wire::{
    Gathered, Published, PublishedEverywhere, PublishedOrFailed, PublishedThere, invalid_id,
};
use crate::codes::Code;
use crate::json::JsonText;
use crate::limits::MAX_EVENT_DATA_BYTES;
use crate::store::Entry;
use crate::wire::Malformed;

/// The calls that publish.
pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(publish))
        .routes(routes!(publish_to_user))
}

/// An event to publish.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct EventBody {
    /// The event's name. Names that Socket.IO keeps for itself, `auth-success` and those that
    /// begin with `socket-api-error` are refused; `data` of a documented event must have its
    /// documented form.
    #[schema(min_length = 1, max_length = 128, example = "message")]
    event: String,
    /// What the event carries: any JSON. At most 64 KiB.
    #[serde(default)]
    #[schema(value_type = Object, required = false, example = json!({"text": "hello"}))]
    data: Option<Box<RawValue>>,
    /// Whom it is for.
    to: To,
}

impl Accepted for EventBody {}

/// Whom an event is for: exactly one of these.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", try_from = "Object<ToFields>")]
enum To {
    /// `true`: everybody in the workspace.
    Workspace(bool),
    /// Those who may see this channel.
    Channel(String),
    /// The sockets that selected this channel.
    Conversation(String),
    /// Every socket of these users; at most 10000.
    Users(Vec<String>),
    /// These sockets; at most 10000.
    Sockets(Vec<String>),
    /// Sockets of one user.
    SocketsOf(SocketsOf),
}

/// Sockets of one user. If one of those that are connected is another user's, nobody gets the event.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SocketsOf {
    /// The user.
    #[schema(min_length = 1, max_length = 128)]
    user_id: String,
    /// The sockets; at most 10000.
    sockets: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ToFields {
    workspace: Option<bool>,
    channel: Option<String>,
    conversation: Option<String>,
    users: Option<Vec<String>>,
    sockets: Option<Vec<String>>,
    sockets_of: Option<Object<SocketsOf>>,
}

/// `to` does not hold exactly one key.
#[derive(Debug, thiserror::Error)]
#[error(
    "must hold exactly one of \"workspace\", \"channel\", \"conversation\", \"users\", \"sockets\", \
     \"socketsOf\""
)]
struct NotOneKey;

impl TryFrom<Object<ToFields>> for To {
    type Error = NotOneKey;

    fn try_from(Object(fields): Object<ToFields>) -> Result<Self, NotOneKey> {
        let mut forms = [
            fields.workspace.map(Self::Workspace),
            fields.channel.map(Self::Channel),
            fields.conversation.map(Self::Conversation),
            fields.users.map(Self::Users),
            fields.sockets.map(Self::Sockets),
            fields.sockets_of.map(|Object(of)| Self::SocketsOf(of)),
        ]
        .into_iter()
        .flatten();
        match (forms.next(), forms.next()) {
            (Some(form), None) => Ok(form),
            _ => Err(NotOneKey),
        }
    }
}

/// Publish an event
///
/// The event stands in one order with everything else that happens in the workspace. Whom it is
/// for is settled when it is published.
#[utoipa::path(
    post,
    path = "/v1/workspaces/{workspaceId}/events",
    tag = "events",
    operation_id = "publishEvent",
    security(("apiKey" = ["events:publish"])),
    params(
        ("workspaceId" = String, Path, min_length = 1, max_length = 128),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255),
    ),
    request_body = EventBody,
    responses(
        (status = 200, description = "It is on its way", body = Published),
        (status = "default", description = "A problem", body = ProblemDocument,
         content_type = "application/problem+json"),
    ),
)]
async fn publish(
    _: Allowed<EventsPublish>,
    State(api): State<Arc<Api>>,
    InPath(workspace): InPath<WorkspaceId>,
    Body(body): Body<EventBody>,
) -> Result<Json<Published>, Problem> {
    let publication = publication(body)?;
    let entry = api
        .commit(&workspace, Command::Publish(publication))
        .await?;
    Ok(Json(published(&entry)))
}

fn published(entry: &Entry) -> Published {
    Published {
        outcome: entry.reply.into(),
        offset: entry.offset.0,
        connections: entry
            .outputs
            .iter()
            .map(|output| reached(output, &entry.state))
            .sum(),
    }
}

/// How many live connections an output goes to, if it is an event of the application.
fn reached(output: &Output, state: &Workspace) -> usize {
    let Output::Event {
        event: Event::Application { .. },
        audience,
        rendering,
    } = output
    else {
        return 0;
    };
    let live = |sockets: &[SocketId]| sockets.iter().filter(|s| state.live(s).is_some()).count();
    let gets = |user: &UserId| match rendering {
        Rendering::Unchanged => true,
        Rendering::Rendered(rendered) => state
            .subject(user)
            .is_some_and(|subject| rendered.place_for(&subject).is_some()),
    };
    // Most events are for all: nobody has to be looked at one by one.
    let all_get = match rendering {
        Rendering::Unchanged => true,
        Rendering::Rendered(rendered) => rendered.leaves_nobody_out(),
    };
    match audience {
        Audience::Workspace if all_get => state.live_connections(),
        Audience::Workspace => {
            let everybody = state.sockets_from("").filter(|(user, _)| gets(user));
            everybody.map(|(_, sockets)| live(sockets)).sum()
        }
        Audience::Users(users) => {
            let users = users.iter().filter(|user| gets(user));
            users.map(|user| live(state.sockets_of(user))).sum()
        }
        Audience::Sockets(sockets) => {
            let connections = sockets.iter().filter_map(|socket| state.live(socket));
            connections
                .filter(|connection| gets(&connection.user))
                .count()
        }
    }
}

/// An event to publish to one user.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct UserEventBody {
    /// The event's name, as where it is published to a workspace.
    #[schema(min_length = 1, max_length = 128, example = "message")]
    event: String,
    /// What the event carries: any JSON. At most 64 KiB.
    #[serde(default)]
    #[schema(value_type = Object, required = false, example = json!({"text": "hello"}))]
    data: Option<Box<RawValue>>,
    /// Only in this workspace; in every one that the user is connected to if it is left out.
    #[schema(min_length = 1, max_length = 128)]
    workspace_id: Option<String>,
}

impl Accepted for UserEventBody {}

/// Publish an event to a user
///
/// To every socket of the user, in every workspace that the user is connected to and that the API key
/// reaches. In each it stands in one order with everything else that happens there. Where it fails in some
/// of them the answer says so, and the others have it; a problem is answered if it fails in all.
#[utoipa::path(
    post,
    path = "/v1/users/{userId}/events",
    tag = "events",
    operation_id = "publishToUser",
    security(("apiKey" = ["events:publish"])),
    params(
        ("userId" = String, Path, min_length = 1, max_length = 128),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255),
    ),
    request_body = UserEventBody,
    responses(
        (status = 200, description = "It is on its way, but for where it failed",
         body = PublishedEverywhere),
        (status = "default", description = "A problem", body = ProblemDocument,
         content_type = "application/problem+json"),
    ),
)]
async fn publish_to_user(
    AllowedWithin { reach, .. }: AllowedWithin<EventsPublish>,
    State(api): State<Arc<Api>>,
    InPath(user): InPath<UserId>,
    Body(body): Body<UserEventBody>,
) -> Result<Json<PublishedEverywhere>, Problem> {
    let (name, data) = event(&body.event, body.data.as_deref())?;
    let publication = Publication {
        name,
        data,
        to: Target::Users(OrdSet::unit(user.clone())),
    };
    let named = body.workspace_id.as_deref().map(WorkspaceId::new);
    let named = named
        .transpose()
        .map_err(|error| invalid_id(error, "workspaceId"))?;
    let wanted = match &named {
        Some(workspace) => {
            reach.must_cover(workspace)?;
            vec![workspace.clone()]
        }
        None => reach
            .within(api.committer.store().presences_of(&user))
            .collect(),
    };
    let mut workspaces = Gathered::default();
    for workspace in wanted {
        reach.touched(&workspace);
        match api
            .commit(&workspace, Command::Publish(publication.clone()))
            .await
        {
            Ok(entry) => {
                let there = PublishedThere {
                    workspace_id: workspace.to_string(),
                    published: published(&entry),
                };
                workspaces.done(workspace, PublishedOrFailed::Published(there));
            }
            // It was closed meanwhile, and the user's sockets with it.
            Err(problem) if named.is_none() && problem.code() == Code::WorkspaceNotFound => {}
            // The others have it by now, or will: an error would have the caller publish it again there.
            Err(problem) => workspaces.failed(workspace, problem, PublishedOrFailed::Failed),
        }
    }
    let workspaces = workspaces.everywhere()?;
    Ok(Json(PublishedEverywhere { workspaces }))
}

fn publication(body: EventBody) -> Result<Publication, Malformed> {
    let (name, data) = event(&body.event, body.data.as_deref())?;
    let to = target(body.to).map_err(|malformed| malformed.under("to"))?;
    Ok(Publication { name, data, to })
}

/// The name and the data of an event, as they may be published.
fn event(name: &str, data: Option<&RawValue>) -> Result<(Arc<str>, Text), Malformed> {
    named_well(name).map_err(|malformed| malformed.under("event"))?;
    let data = match data {
        Some(data) => JsonText::from(data).keep(),
        None => Ok(Text::from_canonical("null")),
    };
    let data = data.map_err(|unfit| Malformed::from(unfit).under("data"))?;
    if data.as_str().len() > MAX_EVENT_DATA_BYTES {
        let detail = format!("must not be larger than {MAX_EVENT_DATA_BYTES} bytes");
        return Err(Malformed::here(detail).under("data"));
    }
    formed_well(name, (&data).into()).map_err(|malformed| malformed.under("data"))?;
    Ok((Arc::from(name), data))
}

fn target(to: To) -> Result<Target, Malformed> {
    let channel = |id: &str, key| ChannelId::new(id).map_err(|error| invalid_id(error, key));
    Ok(match to {
        To::Workspace(true) => Target::Workspace,
        To::Workspace(false) => {
            return Err(Malformed::here("must be true, or left out").under("workspace"));
        }
        To::Channel(id) => Target::Channel(channel(&id, "channel")?),
        To::Conversation(id) => Target::Conversation(channel(&id, "conversation")?),
        To::Users(ids) => Target::Users(all(ids, UserId::new, "users")?),
        To::Sockets(ids) => Target::Sockets(each_once(ids)?),
        To::SocketsOf(of) => {
            let under = |malformed: Malformed| malformed.under("socketsOf");
            let user =
                UserId::new(&of.user_id).map_err(|error| under(invalid_id(error, "userId")))?;
            Target::SocketsOf(user, each_once(of.sockets).map_err(under)?)
        }
    })
}

/// A socket that is named twice gets the event once.
fn each_once(ids: Vec<String>) -> Result<Vec<SocketId>, Malformed> {
    let sockets: BTreeSet<_> = all(ids, SocketId::new, "sockets")?;
    Ok(sockets.into_iter().collect())
}

fn all<T, C: FromIterator<T>>(
    ids: Vec<String>,
    make: fn(&str) -> Result<T, InvalidId>,
    key: &str,
) -> Result<C, Malformed> {
    let ids = ids.iter().enumerate().map(|(index, id)| {
        make(id).map_err(|error| invalid_id(error, &index.to_string()).under(key))
    });
    ids.collect()
}
