//! The application's own events: what they may be called, what they may hold, whom they are for.
//! It must not know how they are delivered.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wardroom_domain::{
    ChannelId, Command, InvalidId, Json as Text, MediaState, Publication, SocketId, Target, UserId,
    WorkspaceId,
};

use super::Api;
use super::auth::{Allowed, EventsPublish};
use super::input::{Accepted, Body, InPath, Object};
use super::problem::{Document as ProblemDocument, Problem};
use super::wire::{Done, invalid_id};
use crate::json::JsonText;
use crate::limits::{MAX_EVENT_DATA_BYTES, MAX_EVENT_NAME_CHARS};
use crate::wire::{Malformed, media_patch, profile, status};

/// The call that publishes.
pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(publish))
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
        (status = 200, description = "It is on its way", body = Done),
        (status = "default", description = "A problem", body = ProblemDocument,
         content_type = "application/problem+json"),
    ),
)]
async fn publish(
    _: Allowed<EventsPublish>,
    State(api): State<Arc<Api>>,
    InPath(workspace): InPath<WorkspaceId>,
    Body(body): Body<EventBody>,
) -> Result<Json<Done>, Problem> {
    let publication = publication(body)?;
    let reply = api.run(&workspace, Command::Publish(publication)).await?;
    let outcome = reply.into();
    Ok(Json(Done { outcome }))
}

fn publication(body: EventBody) -> Result<Publication, Malformed> {
    named_well(&body.event).map_err(|malformed| malformed.under("event"))?;
    let data = match &body.data {
        Some(data) => JsonText::from(&**data).keep(),
        None => Ok(Text::from_canonical("null")),
    };
    let data = data.map_err(|unfit| Malformed::from(unfit).under("data"))?;
    if data.as_str().len() > MAX_EVENT_DATA_BYTES {
        let detail = format!("must not be larger than {MAX_EVENT_DATA_BYTES} bytes");
        return Err(Malformed::here(detail).under("data"));
    }
    formed_well(&body.event, (&data).into()).map_err(|malformed| malformed.under("data"))?;
    Ok(Publication {
        name: Arc::from(body.event),
        data,
        to: target(body.to).map_err(|malformed| malformed.under("to"))?,
    })
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

/// Names that a client takes for Socket.IO's own.
const RESERVED: [&str; 6] = [
    "connect",
    "connect_error",
    "disconnect",
    "disconnecting",
    "newListener",
    "removeListener",
];

fn named_well(name: &str) -> Result<(), Malformed> {
    let length = name.chars().count();
    if !(1..=MAX_EVENT_NAME_CHARS).contains(&length) {
        let detail = format!("must have 1 to {MAX_EVENT_NAME_CHARS} characters");
        return Err(Malformed::here(detail));
    }
    if name.chars().any(char::is_control) {
        return Err(Malformed::here("must not hold control characters"));
    }
    let answers = name == "auth-success" || name.starts_with("socket-api-error");
    if answers || RESERVED.contains(&name) {
        return Err(Malformed::here("is a name that only the server uses"));
    }
    Ok(())
}

/// What a field of a documented event holds.
#[derive(Clone, Copy)]
enum Field {
    User,
    UserId,
    ChannelId,
    OnlineStatus,
    UserMediaState,
}

/// The documented events and their fields (`docs/protocol.md`, "From the server").
const DOCUMENTED: [(&str, &[(&str, Field)]); 9] = [
    ("channel-created", &[("channelId", Field::ChannelId)]),
    ("channel-deleted", &[("channelId", Field::ChannelId)]),
    ("user-joined", &[("user", Field::User)]),
    ("user-leaved-workspace", &[("userId", Field::UserId)]),
    ("user-updated", &[("user", Field::User)]),
    (
        "user-selected-channel",
        &[
            ("userId", Field::UserId),
            ("channelId", Field::ChannelId),
            ("userMediaState", Field::UserMediaState),
        ],
    ),
    (
        "user-unselected-channel",
        &[("userId", Field::UserId), ("channelId", Field::ChannelId)],
    ),
    (
        "online-status-updated",
        &[
            ("userId", Field::UserId),
            ("onlineStatus", Field::OnlineStatus),
        ],
    ),
    (
        "media-state-updated",
        &[
            ("userId", Field::UserId),
            ("userMediaState", Field::UserMediaState),
        ],
    ),
];

/// Checks the data of a documented event; any other may carry what it likes.
fn formed_well(name: &str, data: JsonText<'_>) -> Result<(), Malformed> {
    if name == "user-changed-device" {
        return match data.is_null() {
            true => Ok(()),
            false => Err(Malformed::here("must be null")),
        };
    }
    let Some((_, fields)) = DOCUMENTED
        .iter()
        .find(|(documented, _)| *documented == name)
    else {
        return Ok(());
    };
    let mut data = data.fields()?;
    for (key, field) in *fields {
        let value = data.remove(*key);
        let value = value.ok_or_else(|| Malformed::here("is missing").under(key))?;
        field
            .check(value)
            .map_err(|malformed| malformed.under(key))?;
    }
    match data.keys().next() {
        Some(unknown) => Err(Malformed::here("is not a field of this event").under(unknown)),
        None => Ok(()),
    }
}

impl Field {
    fn check(self, value: JsonText<'_>) -> Result<(), Malformed> {
        let valid = |error: InvalidId| Malformed::here(error.to_string());
        match self {
            Self::UserId => UserId::new(&value.string()?).map(drop).map_err(valid),
            Self::ChannelId => ChannelId::new(&value.string()?).map(drop).map_err(valid),
            Self::OnlineStatus => status(value).map(drop),
            Self::UserMediaState => whole_media_state(value),
            Self::User => {
                let fields = value.fields()?;
                let id = fields.get("id").and_then(|id| id.string().ok());
                let id = id.ok_or_else(|| Malformed::here("must be a string").under("id"))?;
                let id = UserId::new(&id).map_err(|error| invalid_id(error, "id"))?;
                profile(value, &id).map(drop)
            }
        }
    }
}

fn whole_media_state(value: JsonText<'_>) -> Result<(), Malformed> {
    let patch = media_patch(value)?;
    let known = [
        ("microphone", patch.microphone),
        ("speakers", patch.speakers),
        ("screen", patch.screen),
        ("camera", patch.camera),
        ("speaking", patch.speaking),
    ];
    if let Some((key, _)) = known.iter().find(|(_, flag)| flag.is_none()) {
        return Err(Malformed::here("is missing").under(key));
    }
    let too_large = || Malformed::here("is larger than a media state may be");
    MediaState::default()
        .patched(&patch)
        .map(drop)
        .ok_or_else(too_large)
}
