//! The policy `media-credentials`: whoever selects a channel gets credentials for its room on a
//! media server in the `grant` of the acknowledgement: signed tokens of Janus, a join token of
//! LiveKit, or both. It refuses nothing. Selecting the same channel again renews them.
//!
//! Settings:
//!
//! ```json
//! {
//!   "room": "{workspace}/{channel}",
//!   "ttl_seconds": 3600,
//!   "janus": {"url": "wss://janus.example.com", "secret": "…"},
//!   "livekit": {
//!     "url": "wss://livekit.example.com", "api_key": "…", "api_secret": "…",
//!     "listen_only_roles": ["guest"]
//!   }
//! }
//! ```
//!
//! - `room`: the name of a channel's room; the default is shown.
//! - `ttl_seconds`: how long credentials hold, 30 to 86400; the default is shown.
//! - `janus`: `secret` is Janus's `token_auth_secret`. `plugin`, by default
//!   `janus.plugin.videoroom`, is what the token opens. `url`, if given, is handed on.
//! - `livekit`: `api_key` and `api_secret` are a pair of LiveKit's `keys`. `listen_only_roles` may
//!   not publish. `url`, if given, is handed on.

mod janus;
mod livekit;
mod room;

use serde::{Deserialize, Serialize};
use wardroom_policy::{
    Command, Commands, Denial, Json, Lifecycle, Secret, Subject, to_json, unix_time, workspace,
};

use crate::room::Room;

/// Shortest and longest time that credentials may hold, in seconds.
const TTL_SECONDS: std::ops::RangeInclusive<u64> = 30..=86_400;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    #[serde(default = "default_room")]
    room: String,
    #[serde(default = "default_ttl")]
    ttl_seconds: u64,
    janus: Option<Janus>,
    livekit: Option<LiveKit>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Janus {
    url: Option<String>,
    secret: Secret,
    #[serde(default = "default_plugin")]
    plugin: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LiveKit {
    url: Option<String>,
    api_key: String,
    api_secret: Secret,
    #[serde(default)]
    listen_only_roles: Vec<String>,
}

fn default_room() -> String {
    "{workspace}/{channel}".to_owned()
}

fn default_ttl() -> u64 {
    3600
}

fn default_plugin() -> String {
    "janus.plugin.videoroom".to_owned()
}

struct MediaCredentials {
    room: Room,
    settings: Settings,
}

wardroom_policy::export!(MediaCredentials: lifecycle, commands);

impl Lifecycle for MediaCredentials {
    type Settings = Settings;

    fn configure(settings: Settings) -> Result<Self, String> {
        let room = Room::parse(&settings.room).map_err(|refusal| format!("room: {refusal}"))?;
        if !TTL_SECONDS.contains(&settings.ttl_seconds) {
            return Err("ttl_seconds: expected 30 to 86400".into());
        }
        if settings.janus.is_none() && settings.livekit.is_none() {
            return Err("give it `janus`, `livekit` or both".into());
        }
        if let Some(janus) = &settings.janus {
            not_empty("janus.secret", janus.secret.expose())?;
            if janus.plugin.is_empty() || janus.plugin.contains([',', ':']) {
                return Err("janus.plugin: expected a name such as janus.plugin.videoroom".into());
            }
        }
        if let Some(livekit) = &settings.livekit {
            not_empty("livekit.api_key", &livekit.api_key)?;
            not_empty("livekit.api_secret", livekit.api_secret.expose())?;
        }
        Ok(Self { room, settings })
    }
}

impl Commands for MediaCredentials {
    fn authorize(&self, command: &Command) -> Result<Option<Json>, Denial> {
        if command.name() != "select-channel" {
            return Ok(None);
        }
        let Some(channel) = command.channel() else {
            return Ok(None);
        };
        let room = self.room.of(&workspace(), &channel.id());
        let grant = self.grant(room, &command.subject(), unix_time());
        Ok(Some(to_json(&grant)))
    }
}

/// What is added to the acknowledgement.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Grant<'a> {
    room: String,
    /// In seconds since 1970.
    expires_at: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    janus: Option<janus::Credentials<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    livekit: Option<livekit::Credentials<'a>>,
}

impl MediaCredentials {
    fn grant(&self, room: String, subject: &Subject, now: u64) -> Grant<'_> {
        let expires_at = now + self.settings.ttl_seconds;
        let janus = self.settings.janus.as_ref();
        let janus = janus.map(|janus| janus.credentials(&room, expires_at));
        let livekit = self.settings.livekit.as_ref();
        let livekit = livekit.map(|livekit| livekit.credentials(&room, subject, now, expires_at));
        Grant {
            janus,
            livekit,
            room,
            expires_at,
        }
    }
}

fn not_empty(name: &str, value: &str) -> Result<(), String> {
    if value.is_empty() {
        return Err(format!("{name}: must not be empty"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
