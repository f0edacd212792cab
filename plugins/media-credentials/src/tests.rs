//! Tests of `media-credentials` on this machine; `cases.toml` asks the component.

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value, json};
use wardroom_policy::{Channel, read_settings};

use super::*;

const SETTINGS: &str = r#"{
    "janus": {"url": "wss://janus.example.com", "secret": "janus871625371523"},
    "livekit": {"api_key": "APIkey", "api_secret": "a secret of more than 32 characters",
                "listen_only_roles": ["guest"]}
}"#;

fn policy(settings: &str) -> Result<MediaCredentials, String> {
    MediaCredentials::configure(read_settings(settings)?)
}

fn select(settings: &str, subject: Subject) -> Value {
    let command = Command::new("select-channel", subject)
        .about_channel(Channel::new("c1"))
        .in_workspace("w1");
    let granted = policy(settings).expect("good settings").authorize(&command);
    let grant = granted.expect("nothing is refused").expect("credentials");
    serde_json::from_str(&grant).expect("a grant is JSON")
}

/// The claims of a token, verified by a library that knows nothing of this policy.
fn claims(token: &Value) -> Value {
    let key = DecodingKey::from_secret(b"a secret of more than 32 characters");
    let mut validation = Validation::new(Algorithm::HS256);
    validation.set_issuer(&["APIkey"]);
    validation.validate_nbf = true;
    let token = token.as_str().expect("a token is a string");
    let token = jsonwebtoken::decode::<Value>(token, &key, &validation);
    token.expect("the signature fits").claims
}

/// Two tokens that a Janus in the field accepted (meetecho/janus-gateway#2810).
#[test]
fn janus_tokens_are_those_that_janus_accepts() {
    let settings: Settings = read_settings(SETTINGS).expect("good settings");
    let janus = settings.janus.expect("there");
    let room = "room=3edb0cdd-7173-481d-82f0-5eb31937d20f";
    for (data, signature) in [
        (
            "1637606957,janus,janus.plugin.videoroom".to_owned(),
            "/rWSlAurLtqWhVgRQ/x/UEO+IzI=",
        ),
        (
            format!("1637606957,janus.plugin.videoroom,{room}"),
            "XZQHOyCKF02PA48PIeUftAZjwC0=",
        ),
    ] {
        assert_eq!(janus.sign(&data), format!("{data}:{signature}"));
    }
}

#[test]
fn janus_gets_a_token_for_the_plugin_and_one_for_the_room() {
    let grant = select(SETTINGS, Subject::new("ann"));
    let expires = grant["expiresAt"].as_u64().expect("a time");
    assert_eq!(grant["janus"]["url"], "wss://janus.example.com");
    for (token, data) in [
        ("token", format!("{expires},janus,janus.plugin.videoroom:")),
        (
            "roomToken",
            format!("{expires},janus.plugin.videoroom,room=w1/c1:"),
        ),
    ] {
        let token = grant["janus"][token].as_str().expect("a token");
        assert!(token.starts_with(&data), "{token}");
    }
}

#[test]
fn livekit_gets_a_join_token_that_verifies() {
    let before = unix_time();
    let grant = select(SETTINGS, Subject::new("ann").with_role("staff"));
    let claims = claims(&grant["livekit"]["token"]);
    assert_eq!(claims["sub"], "ann");
    let video = json!({"roomJoin": true, "room": "w1/c1", "canPublish": true,
        "canPublishData": true, "canSubscribe": true});
    assert_eq!(claims["video"], video);
    assert_eq!(claims["exp"], grant["expiresAt"]);
    let begins = claims["nbf"].as_u64().expect("a time");
    assert!(begins >= before);
    assert_eq!(claims["exp"], begins + 3600);
}

#[test]
fn listeners_may_not_publish() {
    let grant = select(SETTINGS, Subject::new("gus").with_role("guest"));
    let video = &claims(&grant["livekit"]["token"])["video"];
    assert_eq!(video["canPublish"], false);
    assert_eq!(video["canPublishData"], false);
    assert_eq!(video["canSubscribe"], true);
}

#[test]
fn only_what_is_configured_is_granted() {
    let janus_alone = select(r#"{"janus": {"secret": "s"}}"#, Subject::new("ann"));
    assert!(janus_alone.get("livekit").is_none());
    assert!(janus_alone["janus"].get("url").is_none());
}

#[test]
fn other_commands_are_allowed_without_credentials() {
    let policy = policy(SETTINGS).expect("good settings");
    let command = Command::new("unselect-channel", Subject::new("ann"));
    let command = command.about_channel(Channel::new("c1"));
    assert_eq!(policy.authorize(&command), Ok(None));
}

#[test]
fn bad_settings_are_refused_in_words() {
    let janus = r#""janus": {"secret": "s"}"#;
    for (settings, refusal) in [
        ("{}".to_owned(), "give it `janus`, `livekit` or both"),
        (r#"{"janus": {}}"#.to_owned(), "janus: `secret` is missing"),
        (
            r#"{"janus": {"secret": ""}}"#.to_owned(),
            "janus.secret: must not be empty",
        ),
        (
            r#"{"janus": {"secret": "s", "plugin": "a,b"}}"#.to_owned(),
            "janus.plugin: expected",
        ),
        (
            r#"{"livekit": {"api_key": "k"}}"#.to_owned(),
            "livekit: `api_secret` is missing",
        ),
        (
            r#"{"livekit": {"api_key": "", "api_secret": "s"}}"#.to_owned(),
            "livekit.api_key: must",
        ),
        (
            format!(r#"{{{janus}, "ttl_seconds": 29}}"#),
            "ttl_seconds: expected 30 to 86400",
        ),
        (
            format!(r#"{{{janus}, "room": "{{channel}}"}}"#),
            "room: expected {workspace} and",
        ),
        (
            format!(r#"{{{janus}, "live_kit": {{}}}}"#),
            "unknown key `live_kit`",
        ),
    ] {
        let said = policy(&settings).err().expect(&settings);
        assert!(said.contains(refusal), "{settings}: {said}");
    }
}

#[test]
fn no_refusal_and_no_debug_output_shows_a_secret() {
    for settings in [
        r#"{"janus": "s3cret"}"#,
        r#"{"janus": {"secret": "s3cret", "plugin": 5}}"#,
        r#"{"janus": {"secret": ["s3cret"]}}"#,
        r#"{"janus": {"secret": "s3cret"}, "ttl_seconds": "s3cret"}"#,
        r#"{"janus": {"secret": "s3cret"}, "room": "s3cret"}"#,
        r#"{"janus": {"secret": "s3cret", "plugin": "s3cret:"}}"#,
        r#"{"livekit": {"api_key": {"s3cret": 1}, "api_secret": "s3cret"}}"#,
        r#"{"livekit": {"api_key": "", "api_secret": "s3cret"}}"#,
    ] {
        let said = policy(settings).err().expect(settings);
        assert!(!said.contains("s3cret"), "{settings}: {said}");
    }
    let settings: Settings = read_settings(SETTINGS).expect("good settings");
    let shown = format!("{settings:?}");
    assert!(
        !shown.contains("janus8716") && !shown.contains("32 characters"),
        "{shown}"
    );
}
