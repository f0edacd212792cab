//! Tokens, good and bad. Knows nothing of who sends them.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{EncodingKey, Header};
use serde_json::{Value, json};

use crate::servers::SECRET;

fn claims(user: &str, workspace: &str, role: Option<&str>) -> anyhow::Result<Value> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    Ok(json!({ "sub": user, "workspaces": { workspace: role }, "iat": now, "exp": now + 3600 }))
}

/// A token that lets a user into a workspace for an hour.
pub(super) fn good(user: &str, workspace: &str, role: Option<&str>) -> anyhow::Result<String> {
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    let claims = claims(user, workspace, role)?;
    Ok(jsonwebtoken::encode(&Header::default(), &claims, &key)?)
}

/// The same with a signature of `bytes` bytes that is none: all else must be looked at before that
/// is seen. `salt` makes each another.
pub(super) fn forged(
    algorithm: &str,
    bytes: usize,
    user: &str,
    workspace: &str,
    salt: u64,
) -> anyhow::Result<String> {
    let header = json!({ "alg": algorithm, "typ": "JWT" });
    let claims = claims(user, workspace, None)?;
    let (header, claims) = (
        URL_SAFE_NO_PAD.encode(header.to_string()),
        URL_SAFE_NO_PAD.encode(claims.to_string()),
    );
    // The first byte is small: as a number it is below every modulus and every order.
    let mut state = salt.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let signature: Vec<u8> = (0..bytes)
        .map(|place| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let byte = (state >> 24) as u8;
            if place == 0 { byte & 0x3f } else { byte }
        })
        .collect();
    Ok(format!(
        "{header}.{claims}.{}",
        URL_SAFE_NO_PAD.encode(signature)
    ))
}

/// The packet that authenticates with a token.
pub(super) fn auth(token: &str, workspace: &str) -> String {
    let data = json!({ "token": token, "workspaceId": workspace, "transaction": "in" });
    format!(r#"42["auth",{data}]"#)
}
