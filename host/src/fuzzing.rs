//! The readers of what strangers send, as `fuzz/` and the test of its seeds call them: bytes go in,
//! and a broken promise is a panic. Must not know where the bytes come from.

use std::sync::LazyLock;
use std::time::Duration;

use crate::auth::{Secret, TokenKey, TokenRules, TokenVerifier};
use crate::config::{Config, Mode};
use crate::gateway::fuzzing as gateway;
use crate::json;
use crate::policy::fuzzing as policy;

/// Takes an input, and panics if a promise is broken.
pub type Target = fn(&[u8]);

/// What can be fuzzed, by name: a folder of `fuzz/seeds` and a file of `fuzz/fuzz_targets` each.
pub const TARGETS: [(&str, Target); 6] = [
    ("packet", packet),
    ("frame", frame),
    ("token", token),
    ("json", json),
    ("component", component),
    ("configuration", configuration),
];

/// The array of an event, and the payload of a handshake.
///
/// # Panics
/// If an error is longer than a log line should be.
pub fn packet(input: &[u8]) {
    gateway::packet(input);
}

/// The frames that wait for a client.
///
/// # Panics
/// If walking them loses a byte.
pub fn frame(input: &[u8]) {
    gateway::frame(input);
}

/// The token of an `auth`.
///
/// # Panics
/// If a token passes that nobody signed: no seed is signed with these keys.
pub fn token(input: &[u8]) {
    static VERIFIER: LazyLock<TokenVerifier> = LazyLock::new(verifier);
    let Ok(token) = std::str::from_utf8(input) else {
        return;
    };
    // What the cheap checks refuse, the whole verification refuses as well; nothing passes that.
    let _screened = VERIFIER.screen(token);
    assert!(VERIFIER.verify(token).is_err(), "nobody signed this");
}

fn verifier() -> TokenVerifier {
    const SHARED: &[u8] = b"known to the fuzz targets alone, and never used to sign anything";
    const PUBLIC: &[u8] = include_bytes!("auth/testdata/ec-p256.public.pem");
    let shared = "HS256".parse().ok().and_then(|alg| {
        let id = Some("shared".to_owned());
        TokenKey::from_secret(id, alg, Secret::new(SHARED)).ok()
    });
    let public = "ES256"
        .parse()
        .ok()
        .and_then(|alg| TokenKey::from_pem(Some("public".to_owned()), alg, PUBLIC).ok());
    TokenVerifier::new(TokenRules {
        keys: shared.into_iter().chain(public).collect(),
        issuer: None,
        audience: Vec::new(),
        leeway: Duration::ZERO,
        user_claim: "sub".to_owned(),
    })
}

/// A text that is kept as it was sent.
///
/// # Panics
/// If what is kept is no JSON, or is not the same when it is kept once more.
pub fn json(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let Ok(kept) = json::keep(text) else {
        return;
    };
    let again = json::kept_before(kept.as_str());
    assert_eq!(again.ok().as_ref(), Some(&kept), "it changed when kept");
    let parsed = serde_json::from_str::<serde::de::IgnoredAny>(kept.as_str());
    assert!(parsed.is_ok(), "what is kept is no JSON");
}

/// The shape of a component: its exports and imports, before anything is compiled.
pub fn component(input: &[u8]) {
    policy::component(input);
}

/// A file of configuration, in both modes.
///
/// # Panics
/// If the temporary folder cannot be written to.
pub fn configuration(input: &[u8]) {
    let file = std::env::temp_dir().join(format!("wardroom-fuzz-{}.toml", std::process::id()));
    let written = std::fs::write(&file, input);
    written.expect("the temporary folder can be written to");
    // Not in development mode, which writes files of its own.
    let _refused = Config::load(Some(&file), [], Mode::Production);
}
