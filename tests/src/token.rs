//! Tokens, good and bad. It must not know what the server makes of them.

use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

/// The secret of the key that a test's server accepts (HS256).
pub const SECRET: &str = "the secret of the end-to-end tests, which nobody uses elsewhere";

/// Seconds since 1970, as claims count them.
///
/// # Panics
/// If the clock is before 1970.
#[must_use]
pub fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("the clock is after 1970")
        .as_secs()
}

/// A token that opens one workspace to a user for an hour.
#[must_use]
pub fn token(user: &str, workspace: &str) -> String {
    expiring(user, workspace, now() + 3600)
}

/// A token that ends at `exp`, in seconds since 1970.
#[must_use]
pub fn expiring(user: &str, workspace: &str, exp: u64) -> String {
    signed(&json!({"sub": user, "workspaces": [workspace], "exp": exp}))
}

/// A token that names no workspace: its bearer must be a member.
#[must_use]
pub fn without_workspaces(user: &str) -> String {
    signed(&json!({"sub": user, "exp": now() + 3600}))
}

/// A token with a role in one workspace.
#[must_use]
pub fn with_role(user: &str, workspace: &str, role: &str) -> String {
    signed(&json!({"sub": user, "workspaces": {workspace: role}, "exp": now() + 3600}))
}

/// Any claims, signed with the right key.
#[must_use]
pub fn signed(claims: &Value) -> String {
    signed_with(Algorithm::HS256, SECRET, claims)
}

/// Any claims, signed with another key, or another algorithm of the same family.
///
/// # Panics
/// If the algorithm does not take a shared secret.
#[must_use]
pub fn signed_with(algorithm: Algorithm, secret: &str, claims: &Value) -> String {
    let key = EncodingKey::from_secret(secret.as_bytes());
    encode(&Header::new(algorithm), claims, &key).expect("a shared secret signs JSON")
}
