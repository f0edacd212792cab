//! Join tokens of LiveKit: a JWT signed with HMAC-SHA256, which names the room and what the person
//! may do there in its claim `video`.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use sha2::Sha256;
use wardroom_policy::{Subject, to_json};

use crate::LiveKit;

const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

/// What a client needs for a room of LiveKit.
#[derive(Serialize)]
pub(crate) struct Credentials<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
    token: String,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: String,
    nbf: u64,
    exp: u64,
    video: VideoGrant<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct VideoGrant<'a> {
    room_join: bool,
    room: &'a str,
    can_publish: bool,
    can_publish_data: bool,
    can_subscribe: bool,
}

impl LiveKit {
    pub(crate) fn credentials(
        &self,
        room: &str,
        subject: &Subject,
        now: u64,
        expires_at: u64,
    ) -> Credentials<'_> {
        let role = subject.role();
        let publishes = role.is_none_or(|role| !self.listen_only_roles.contains(&role));
        let claims = Claims {
            iss: &self.api_key,
            sub: subject.id(),
            nbf: now,
            exp: expires_at,
            video: VideoGrant {
                room_join: true,
                room,
                can_publish: publishes,
                can_publish_data: publishes,
                can_subscribe: true,
            },
        };
        Credentials {
            url: self.url.as_deref(),
            token: self.sign(&to_json(&claims)),
        }
    }

    fn sign(&self, claims: &str) -> String {
        let header = URL_SAFE_NO_PAD.encode(HEADER);
        let claims = URL_SAFE_NO_PAD.encode(claims);
        let key = self.api_secret.expose().as_bytes();
        let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length is a key");
        mac.update(format!("{header}.{claims}").as_bytes());
        let signature = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
        format!("{header}.{claims}.{signature}")
    }
}
