//! The JSON forms that sockets and HTTP share: status, media state, user. Knows the domain and
//! JSON, and nothing of Socket.IO or HTTP.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::value::RawValue;
use wardroom_domain::{
    ChannelId, Command, Event, Json, MediaPatch, MediaState, OnlineStatus, UserId,
};

use crate::json::{self, JsonText, Unfit};
pub(crate) use crate::json::{Object, escaped, quoted};
use crate::limits::MAX_PROFILE_BYTES;

/// Why a value does not have the documented form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Malformed {
    /// Where, as a JSON pointer (RFC 6901) from the value that was looked at.
    pub pointer: String,
    /// What is wrong, for people.
    pub detail: String,
}

impl Malformed {
    /// Something wrong with the value itself.
    #[must_use]
    pub fn here(detail: impl Into<String>) -> Self {
        Self {
            pointer: String::new(),
            detail: detail.into(),
        }
    }

    /// The same, seen from the value that holds the one that was looked at under this key.
    #[must_use]
    pub fn under(self, key: &str) -> Self {
        Self {
            pointer: format!("/{}{}", escaped(key), self.pointer),
            ..self
        }
    }
}

impl From<Unfit> for Malformed {
    fn from(Unfit { pointer, why }: Unfit) -> Self {
        Self {
            pointer,
            detail: why.to_string(),
        }
    }
}

/// The name of a status on the wire.
#[must_use]
pub fn status_name(status: OnlineStatus) -> &'static str {
    match status {
        OnlineStatus::Online => "online",
        OnlineStatus::Idle => "idle",
        OnlineStatus::Offline => "offline",
    }
}

/// A status from its name on the wire.
///
/// # Errors
/// If there is no status of that name.
pub fn status(text: JsonText<'_>) -> Result<OnlineStatus, Malformed> {
    match text.string().as_deref() {
        Ok("online") => Ok(OnlineStatus::Online),
        Ok("idle") => Ok(OnlineStatus::Idle),
        Ok("offline") => Ok(OnlineStatus::Offline),
        _ => Err(Malformed::here(
            "must be \"online\", \"idle\" or \"offline\"",
        )),
    }
}

/// A partial `UserMediaStateSchema`. What is absent stays as it is; keys beyond the known ones
/// are kept as sent.
///
/// # Errors
/// If it is no object or cannot be kept, or a known key is no boolean.
pub fn media_patch(text: JsonText<'_>) -> Result<MediaPatch, Malformed> {
    media_patch_of(text.members()?)
}

/// The same of the members of the object.
///
/// # Errors
/// If a known key is no boolean.
pub fn media_patch_of(members: BTreeMap<Arc<str>, Json>) -> Result<MediaPatch, Malformed> {
    let mut patch = MediaPatch::default();
    for (key, value) in members {
        let known = match &*key {
            "microphone" => &mut patch.microphone,
            "speakers" => &mut patch.speakers,
            "screen" => &mut patch.screen,
            "camera" => &mut patch.camera,
            "speaking" => &mut patch.speaking,
            _ => {
                patch.rest.insert(key, value);
                continue;
            }
        };
        *known = match value.as_str() {
            "true" => Some(true),
            "false" => Some(false),
            _ => return Err(Malformed::here("must be true or false").under(&key)),
        };
    }
    Ok(patch)
}

/// `UserSchema`: an object whose `id` is the user's, kept as sent. Where `id` is absent it is set.
///
/// # Errors
/// If it is no object or cannot be kept, `id` is another one, or the object is larger than
/// [`MAX_PROFILE_BYTES`].
pub fn profile(text: JsonText<'_>, user: &UserId) -> Result<Json, Malformed> {
    let id = json::of_string(user.as_str());
    let mut members = text.members()?;
    if members.entry(Arc::from("id")).or_insert_with(|| id.clone()) != &id {
        let detail = "must be the id of the user that the call names";
        return Err(Malformed::here(detail).under("id"));
    }
    let profile = json::of_members(&members);
    if profile.as_str().len() > MAX_PROFILE_BYTES {
        let detail = format!("must not be larger than {MAX_PROFILE_BYTES} bytes");
        return Err(Malformed::here(detail));
    }
    Ok(profile)
}

/// The profile of a user of whom nothing but the id is known.
#[must_use]
pub fn bare_profile(user: &UserId) -> Json {
    Object::new().string("id", user.as_str()).into_json()
}

/// A JSON text of the domain as a part of what is written.
///
/// # Errors
/// If the text is no JSON, which would be a defect of the edge that made it.
pub fn raw(json: &Json) -> Result<Box<RawValue>, serde_json::Error> {
    RawValue::from_string(json.as_str().to_owned())
}

/// What a server event is called.
#[must_use]
pub fn event_name(event: &Event) -> &str {
    match event {
        Event::ChannelCreated { .. } => "channel-created",
        Event::ChannelDeleted { .. } => "channel-deleted",
        Event::UserJoined { .. } => "user-joined",
        Event::UserUpdated { .. } => "user-updated",
        Event::UserLeavedWorkspace { .. } => "user-leaved-workspace",
        Event::UserSelectedChannel { .. } => "user-selected-channel",
        Event::UserUnselectedChannel { .. } => "user-unselected-channel",
        Event::UserChangedDevice => "user-changed-device",
        Event::OnlineStatusUpdated { .. } => "online-status-updated",
        Event::MediaStateUpdated { .. } => "media-state-updated",
        Event::Application { name, .. } => name,
    }
}

/// What a server event is called, and its data with exactly the documented fields.
#[must_use]
pub fn event_name_and_payload(event: &Event) -> (&str, Json) {
    let object = match event {
        Event::ChannelCreated { channel } | Event::ChannelDeleted { channel } => {
            of_channel(channel)
        }
        Event::UserJoined { profile, .. } | Event::UserUpdated { profile, .. } => {
            Object::new().json("user", profile)
        }
        Event::UserLeavedWorkspace { user } => of_user(user),
        Event::UserSelectedChannel {
            user,
            channel,
            media,
        } => of_user(user)
            .string("channelId", channel.as_str())
            .json("userMediaState", &media_state(media)),
        Event::UserUnselectedChannel { user, channel } => {
            of_user(user).string("channelId", channel.as_str())
        }
        Event::UserChangedDevice => return (event_name(event), Json::from_canonical("null")),
        Event::OnlineStatusUpdated { user, status } => {
            of_user(user).string("onlineStatus", status_name(*status))
        }
        Event::MediaStateUpdated { user, media } => {
            of_user(user).json("userMediaState", &media_state(media))
        }
        Event::Application { data, .. } => return (event_name(event), data.clone()),
    };
    (event_name(event), object.into_json())
}

/// What a client's command is called, and its fields as a JSON object: those that passed the
/// server's own checks. What no client sends has no fields.
#[must_use]
pub fn command_name_and_arguments(command: &Command) -> (&'static str, Json) {
    let (name, object) = match command {
        Command::Select { channel, media, .. } => {
            let object = of_channel(channel);
            let object = match media {
                Some(patch) => object.json("userMediaState", &media_change(patch)),
                None => object,
            };
            ("select-channel", object)
        }
        Command::Unselect { .. } => ("unselect-channel", Object::new()),
        Command::UpdateMedia { patch, .. } => {
            let object = Object::new().json("userMediaState", &media_change(patch));
            ("update-media-state", object)
        }
        Command::UpdateStatus { status, .. } => {
            let object = Object::new().string("onlineStatus", status_name(*status));
            ("update-online-status", object)
        }
        Command::GetState { .. } => ("get-state", Object::new()),
        _ => ("", Object::new()),
    };
    (name, object.into_json())
}

fn of_channel(channel: &ChannelId) -> Object {
    Object::new().string("channelId", channel.as_str())
}

fn of_user(user: &UserId) -> Object {
    Object::new().string("userId", user.as_str())
}

/// `UserMediaStateSchema` as text.
pub(crate) fn media_state(media: &MediaState) -> Json {
    let known = [
        ("microphone", media.microphone),
        ("speakers", media.speakers),
        ("screen", media.screen),
        ("camera", media.camera),
        ("speaking", media.speaking),
    ];
    let object = known
        .into_iter()
        .fold(Object::new(), |object, (key, flag)| {
            object.raw(key, boolean(flag))
        });
    let rest = media.rest.iter();
    rest.fold(object, |object, (key, value)| object.json(key, value))
        .into_json()
}

fn boolean(flag: bool) -> &'static str {
    if flag { "true" } else { "false" }
}

/// A partial `UserMediaStateSchema` as text.
fn media_change(patch: &MediaPatch) -> Json {
    let known = [
        ("microphone", patch.microphone),
        ("speakers", patch.speakers),
        ("screen", patch.screen),
        ("camera", patch.camera),
        ("speaking", patch.speaking),
    ];
    let mut object = Object::new();
    for (key, flag) in known {
        if let Some(flag) = flag {
            object = object.raw(key, boolean(flag));
        }
    }
    for (key, value) in &patch.rest {
        object = object.json(key, value);
    }
    object.into_json()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::{Value, json};
    use wardroom_domain::SocketId;

    use super::*;

    #[test]
    fn a_media_state_is_written_as_it_was_sent() {
        let sent = json::keep(r#"{"microphone": true, "hand": {"up": 1.0}}"#).unwrap();
        let state = MediaState::default().patched(&media_patch((&sent).into()).unwrap());
        let written = media_state(&state.unwrap());
        let whole = r#"{"microphone":true,"speakers":true,"screen":false,"camera":false,"speaking":false,"hand":{"up":1.0}}"#;
        assert_eq!(written.as_str(), whole);
        assert_eq!(written.canonical(), whole.replace("1.0", "1"));
    }

    #[test]
    fn a_command_is_described_as_the_client_sent_it() {
        let socket = SocketId::new("s").unwrap();
        let patch = json::keep(r#"{"camera": true, "hand": [1]}"#).unwrap();
        let patch = media_patch((&patch).into()).unwrap();
        let select = Command::Select {
            socket: socket.clone(),
            channel: ChannelId::new("c\"1").unwrap(),
            media: Some(patch.clone()),
        };
        let status = Command::UpdateStatus {
            socket: socket.clone(),
            status: OnlineStatus::Idle,
        };
        for (command, name, arguments) in [
            (
                select,
                "select-channel",
                json!({"channelId": "c\"1", "userMediaState": {"camera": true, "hand": [1]}}),
            ),
            (
                Command::UpdateMedia {
                    socket: socket.clone(),
                    patch,
                },
                "update-media-state",
                json!({"userMediaState": {"camera": true, "hand": [1]}}),
            ),
            (
                status,
                "update-online-status",
                json!({"onlineStatus": "idle"}),
            ),
            (Command::GetState { socket }, "get-state", json!({})),
        ] {
            let (called, text) = command_name_and_arguments(&command);
            assert_eq!(called, name);
            let parsed: Value = serde_json::from_str(text.as_str()).unwrap();
            assert_eq!(parsed, arguments);
        }
    }

    #[test]
    fn known_keys_of_a_media_state_are_booleans() {
        let of = |text: &str| media_patch((&json::keep(text).unwrap()).into());
        for wrong in ["1", "null", "\"true\""] {
            let error = of(&format!("{{\"camera\": {wrong}}}")).unwrap_err();
            assert_eq!(error.pointer, "/camera");
        }
        assert_eq!(of("[]").unwrap_err().pointer, "");
    }

    #[test]
    fn a_profile_has_the_id_of_its_user() {
        let user = UserId::new("u1").unwrap();
        let of = |value: Value| profile((&json::of_value(&value)).into(), &user);
        assert_eq!(
            of(json!({"name": "Ann"})).unwrap().as_str(),
            r#"{"id":"u1","name":"Ann"}"#
        );
        assert_eq!(of(json!({"id": "u2"})).unwrap_err().pointer, "/id");
        assert_eq!(of(json!({"id": 1})).unwrap_err().pointer, "/id");
        let large = "x".repeat(MAX_PROFILE_BYTES);
        assert_eq!(of(json!({"name": large})).unwrap_err().pointer, "");
    }

    #[test]
    fn pointers_are_escaped() {
        let error = Malformed::here("wrong").under("a/b~c").under("x");
        assert_eq!(error.pointer, "/x/a~1b~0c");
    }
}
