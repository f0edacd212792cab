//! The JSON forms that sockets and HTTP share: status, media state, user. Knows the domain and
//! JSON, and nothing of Socket.IO or HTTP.

use std::sync::Arc;

use serde::ser::{Error as _, SerializeMap};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use wardroom_domain::{
    ChannelId, Command, Event, Json, MediaPatch, MediaState, OnlineStatus, UserId,
};

use crate::json::canonical;
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

/// A key as a part of a JSON pointer.
#[must_use]
pub fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
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
pub fn status(value: &Value) -> Result<OnlineStatus, Malformed> {
    match value.as_str() {
        Some("online") => Ok(OnlineStatus::Online),
        Some("idle") => Ok(OnlineStatus::Idle),
        Some("offline") => Ok(OnlineStatus::Offline),
        _ => Err(Malformed::here(
            "must be \"online\", \"idle\" or \"offline\"",
        )),
    }
}

/// A partial `UserMediaStateSchema`. What is absent stays as it is; keys beyond the known ones
/// are kept as sent.
///
/// # Errors
/// If it is no object, or a known key is no boolean.
pub fn media_patch(value: Value) -> Result<MediaPatch, Malformed> {
    let Value::Object(object) = value else {
        return Err(Malformed::here("must be an object"));
    };
    let mut patch = MediaPatch::default();
    for (key, value) in object {
        let known = match key.as_str() {
            "microphone" => &mut patch.microphone,
            "speakers" => &mut patch.speakers,
            "screen" => &mut patch.screen,
            "camera" => &mut patch.camera,
            "speaking" => &mut patch.speaking,
            _ => {
                patch.rest.insert(Arc::from(key), canonical(&value));
                continue;
            }
        };
        let Value::Bool(flag) = value else {
            return Err(Malformed::here("must be true or false").under(&key));
        };
        *known = Some(flag);
    }
    Ok(patch)
}

/// `UserSchema`: an object whose `id` is the user's. Where `id` is absent it is set.
///
/// # Errors
/// If `id` is another one, or the object is larger than [`MAX_PROFILE_BYTES`].
pub fn profile(mut object: Map<String, Value>, user: &UserId) -> Result<Json, Malformed> {
    let id = Value::from(user.as_str());
    if object.entry("id").or_insert_with(|| id.clone()) != &id {
        let detail = "must be the id of the user that the call names";
        return Err(Malformed::here(detail).under("id"));
    }
    let profile = canonical(&Value::Object(object));
    if profile.as_str().len() > MAX_PROFILE_BYTES {
        let detail = format!("must not be larger than {MAX_PROFILE_BYTES} bytes");
        return Err(Malformed::here(detail));
    }
    Ok(profile)
}

/// The profile of a user of whom nothing but the id is known.
#[must_use]
pub fn bare_profile(user: &UserId) -> Json {
    canonical(&serde_json::json!({ "id": user.as_str() }))
}

/// A JSON text of the domain as a part of what is written.
///
/// # Errors
/// If the text is no JSON, which would be a defect of the edge that made it.
pub fn raw(json: &Json) -> Result<Box<RawValue>, serde_json::Error> {
    RawValue::from_string(json.as_str().to_owned())
}

/// `UserMediaStateSchema` as it is written.
pub struct MediaStateForm<'a>(pub &'a MediaState);

impl Serialize for MediaStateForm<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let state = self.0;
        let mut map = serializer.serialize_map(Some(5 + state.rest.len()))?;
        let known = [
            ("microphone", state.microphone),
            ("speakers", state.speakers),
            ("screen", state.screen),
            ("camera", state.camera),
            ("speaking", state.speaking),
        ];
        for (key, flag) in known {
            map.serialize_entry(key, &flag)?;
        }
        for (key, value) in &state.rest {
            map.serialize_entry(&**key, &raw(value).map_err(S::Error::custom)?)?;
        }
        map.end()
    }
}

/// A JSON object in the making.
pub(crate) struct Object(String);

impl Object {
    pub(crate) fn new() -> Self {
        Self(String::from("{"))
    }

    pub(crate) fn raw(mut self, name: &str, json: &str) -> Self {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        self.0.push_str(&quoted(name));
        self.0.push(':');
        self.0.push_str(json);
        self
    }

    pub(crate) fn string(self, name: &str, text: &str) -> Self {
        let text = quoted(text);
        self.raw(name, &text)
    }

    pub(crate) fn end(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

/// A text as a JSON string.
pub(crate) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
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
            Object::new().raw("user", profile.as_str())
        }
        Event::UserLeavedWorkspace { user } => of_user(user),
        Event::UserSelectedChannel {
            user,
            channel,
            media,
        } => of_user(user)
            .string("channelId", channel.as_str())
            .raw("userMediaState", &media_state(media)),
        Event::UserUnselectedChannel { user, channel } => {
            of_user(user).string("channelId", channel.as_str())
        }
        Event::UserChangedDevice => return (event_name(event), Json::from_canonical("null")),
        Event::OnlineStatusUpdated { user, status } => {
            of_user(user).string("onlineStatus", status_name(*status))
        }
        Event::MediaStateUpdated { user, media } => {
            of_user(user).raw("userMediaState", &media_state(media))
        }
        Event::Application { data, .. } => return (event_name(event), data.clone()),
    };
    (event_name(event), Json::from_canonical(&object.end()))
}

/// What a client's command is called, and its fields as a JSON object: those that passed the
/// server's own checks. What no client sends has no fields.
#[must_use]
pub fn command_name_and_arguments(command: &Command) -> (&'static str, Json) {
    let (name, object) = match command {
        Command::Select { channel, media, .. } => {
            let object = of_channel(channel);
            let object = match media {
                Some(patch) => object.raw("userMediaState", &media_change(patch)),
                None => object,
            };
            ("select-channel", object)
        }
        Command::Unselect { .. } => ("unselect-channel", Object::new()),
        Command::UpdateMedia { patch, .. } => {
            let object = Object::new().raw("userMediaState", &media_change(patch));
            ("update-media-state", object)
        }
        Command::UpdateStatus { status, .. } => {
            let object = Object::new().string("onlineStatus", status_name(*status));
            ("update-online-status", object)
        }
        Command::GetState { .. } => ("get-state", Object::new()),
        _ => ("", Object::new()),
    };
    (name, Json::from_canonical(&object.end()))
}

fn of_channel(channel: &ChannelId) -> Object {
    Object::new().string("channelId", channel.as_str())
}

fn of_user(user: &UserId) -> Object {
    Object::new().string("userId", user.as_str())
}

/// `UserMediaStateSchema` as text.
pub(crate) fn media_state(media: &MediaState) -> String {
    serde_json::to_string(&MediaStateForm(media)).expect("the domain holds valid JSON")
}

/// A partial `UserMediaStateSchema` as text.
fn media_change(patch: &MediaPatch) -> String {
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
            object = object.raw(key, if flag { "true" } else { "false" });
        }
    }
    for (key, value) in &patch.rest {
        object = object.raw(key, value.as_str());
    }
    object.end()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;
    use wardroom_domain::SocketId;

    use super::*;

    #[test]
    fn a_media_state_is_written_as_it_was_sent() {
        let sent = json!({"microphone": true, "hand": {"up": 1}});
        let state = MediaState::default().patched(&media_patch(sent).unwrap());
        let written = serde_json::to_value(MediaStateForm(&state.unwrap())).unwrap();
        let whole = json!({
            "microphone": true, "speakers": true, "screen": false, "camera": false,
            "speaking": false, "hand": {"up": 1},
        });
        assert_eq!(written, whole);
    }

    #[test]
    fn a_command_is_described_as_the_client_sent_it() {
        let socket = SocketId::new("s").unwrap();
        let patch = media_patch(json!({"camera": true, "hand": [1]})).unwrap();
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
        for wrong in [json!(1), json!(null), json!("true")] {
            let error = media_patch(json!({ "camera": wrong })).unwrap_err();
            assert_eq!(error.pointer, "/camera");
        }
        assert_eq!(media_patch(json!([])).unwrap_err().pointer, "");
    }

    #[test]
    fn a_profile_has_the_id_of_its_user() {
        let user = UserId::new("u1").unwrap();
        let of = |value: Value| profile(value.as_object().unwrap().clone(), &user);
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
