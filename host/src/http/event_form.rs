//! What the application's own events may be called, and what those may hold that the server sends too.
//! It must not know whom they are for.

use wardroom_domain::{ChannelId, InvalidId, MediaState, UserId};

use super::wire::invalid_id;
use crate::json::JsonText;
use crate::limits::MAX_EVENT_NAME_CHARS;
use crate::wire::{Malformed, media_patch, profile, status};

/// Names that a client takes for Socket.IO's own.
const RESERVED: [&str; 6] = [
    "connect",
    "connect_error",
    "disconnect",
    "disconnecting",
    "newListener",
    "removeListener",
];

/// Checks what an event of the application is called.
pub(super) fn named_well(name: &str) -> Result<(), Malformed> {
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
pub(super) fn formed_well(name: &str, data: JsonText<'_>) -> Result<(), Malformed> {
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
