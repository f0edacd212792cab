//! Signed tokens of Janus: `expiry,realm,descriptor…:signature`, where the signature is the
//! HMAC-SHA1 of what stands before the colon, in Base64.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use sha1::Sha1;

use crate::Janus;

/// What a client needs for a room of Janus.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Credentials<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
    /// The `token` of every request to Janus: opens the plugin.
    token: String,
    /// The `token` of the plugin's `join` message: opens the room, where it has `signed_tokens`.
    room_token: String,
}

impl Janus {
    pub(crate) fn credentials(&self, room: &str, expires_at: u64) -> Credentials<'_> {
        Credentials {
            url: self.url.as_deref(),
            token: self.sign(&format!("{expires_at},janus,{}", self.plugin)),
            room_token: self.sign(&format!("{expires_at},{},room={room}", self.plugin)),
        }
    }

    /// A token of this data.
    pub(crate) fn sign(&self, data: &str) -> String {
        let key = self.secret.expose().as_bytes();
        let mut mac = Hmac::<Sha1>::new_from_slice(key).expect("any length is a key");
        mac.update(data.as_bytes());
        let signature = STANDARD.encode(mac.finalize().into_bytes());
        format!("{data}:{signature}")
    }
}
