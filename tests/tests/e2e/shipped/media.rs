//! `media-credentials`: whoever selects a channel gets tokens that media servers accept, and the
//! secrets behind them are told to nobody.

use std::fs;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value, json};
use sha1::Sha1;
use wardroom_tests::settings::Settings;
use wardroom_tests::{Flavour, Server, eventually, paths, token};

use super::with_policy;
use crate::admission::enter;
use crate::explain::policy;

const POLICY: &str = "media-credentials";
const JANUS_SECRET: &str = "janus-s3cret-871625371523";
const API_SECRET: &str = "livekit-s3cret-of-more-than-32-characters";

fn settings() -> Settings {
    with_policy(
        POLICY,
        &format!(
            r#"
            ttl_seconds = 600
            janus = {{ url = "wss://janus.example.com", secret = "{JANUS_SECRET}" }}

            [livekit]
            url = "wss://livekit.example.com"
            api_key = "APIkey"
            api_secret = "{API_SECRET}"
            listen_only_roles = ["guest"]
            "#
        ),
    )
}

/// What a token of Janus says, if its signature is that of the secret.
fn signed_data(token: &Value) -> String {
    let token = token.as_str().expect("a token is a string");
    let (data, signature) = token.rsplit_once(':').expect("data and a signature");
    let mut mac = Hmac::<Sha1>::new_from_slice(JANUS_SECRET.as_bytes()).expect("any length");
    mac.update(data.as_bytes());
    let signature = STANDARD.decode(signature).expect("it is Base64");
    mac.verify_slice(&signature).expect("the signature fits");
    data.to_owned()
}

/// The claims of a token of LiveKit, if its signature is that of the secret.
fn claims(token: &Value) -> Value {
    let key = DecodingKey::from_secret(API_SECRET.as_bytes());
    let mut validation = Validation::new(Algorithm::HS256);
    validation.set_issuer(&["APIkey"]);
    validation.validate_nbf = true;
    // The clock of the policy is that of this machine.
    let token = token.as_str().expect("a token is a string");
    let token = jsonwebtoken::decode::<Value>(token, &key, &validation);
    token.expect("it verifies").claims
}

#[tokio::test]
async fn who_selects_a_channel_gets_tokens_that_verify() {
    let server = settings().start().await;
    server.backend().put_channel("board", &json!({})).await;
    for (flavour, user) in [
        (Flavour::Js4WebSocket, "ann"),
        (Flavour::Js4Polling, "bob"),
        (Flavour::Js2WebSocket, "cleo"),
    ] {
        let before = token::now();
        let mut client = server.join_as(flavour, user).await;
        let select = json!({"channelId": "board"});
        let granted = client.ask_ok("select-channel", select.clone()).await;
        let grant = &granted["grant"];
        assert_eq!(grant["room"], "w/board");
        let expires = grant["expiresAt"].as_u64().expect("a time");
        assert!(
            (before + 600..=token::now() + 600).contains(&expires),
            "{expires}"
        );

        let janus = &grant["janus"];
        assert_eq!(janus["url"], "wss://janus.example.com");
        assert_eq!(
            signed_data(&janus["token"]),
            format!("{expires},janus,janus.plugin.videoroom")
        );
        assert_eq!(
            signed_data(&janus["roomToken"]),
            format!("{expires},janus.plugin.videoroom,room=w/board")
        );

        assert_eq!(grant["livekit"]["url"], "wss://livekit.example.com");
        let livekit = claims(&grant["livekit"]["token"]);
        assert_eq!(
            (&livekit["sub"], &livekit["exp"]),
            (&json!(user), &json!(expires))
        );
        let video = json!({"roomJoin": true, "room": "w/board", "canPublish": true,
            "canPublishData": true, "canSubscribe": true});
        assert_eq!(livekit["video"], video);
        // Selecting it again renews them; leaving it grants nothing.
        let renewed = client.ask_ok("select-channel", select).await;
        claims(&renewed["grant"]["livekit"]["token"]);
        let left = client.ask_ok("unselect-channel", json!({})).await;
        assert_eq!(left, json!({}));
    }
    // A role that may only listen, and another server that knows another secret.
    let mut gus = enter(&server, "gus", "guest").await;
    let select = json!({"channelId": "board"});
    let granted = gus.ask_ok("select-channel", select).await;
    let token = &granted["grant"]["livekit"]["token"];
    assert_eq!(claims(token)["video"]["canPublish"], false);
    let other = DecodingKey::from_secret(JANUS_SECRET.as_bytes());
    let token = token.as_str().expect("a token is a string");
    let validation = Validation::new(Algorithm::HS256);
    assert!(jsonwebtoken::decode::<Value>(token, &other, &validation).is_err());
}

/// Asserts that a text holds no secret and none of the tokens that were granted.
#[track_caller]
fn assert_silent(what: &str, text: &str, tokens: &[String]) {
    for secret in [JANUS_SECRET, API_SECRET, "s3cret"] {
        assert!(!text.contains(secret), "{what} tells {secret}: {text}");
    }
    for token in tokens {
        assert!(!text.contains(token.as_str()), "{what} tells a token");
    }
}

#[tokio::test]
async fn no_secret_and_no_token_is_in_anything_that_an_operator_reads() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let decisions = folder.path().join("decisions.jsonl");
    let other = folder.path().join("lenient.wasm");
    fs::copy(paths::guest("lenient"), &other).expect("a component can be copied");
    // A candidate that grants nothing, so that every grant is a difference.
    let server = settings()
        .policy_set("shadow_file", other.display().to_string())
        .set("log.level", "debug")
        .set("decision_log.path", decisions.display().to_string())
        .set("decision_log.sample_allowed", 1.0)
        .start();
    let mut server = server.await;
    let backend = server.backend();
    backend.put_channel("board", &json!({})).await;
    let mut ann = server.join("ann").await;
    let select = json!({"channelId": "board"});
    let grant = ann.ask_ok("select-channel", select).await["grant"].clone();
    let tokens: Vec<String> = [
        &grant["janus"]["token"],
        &grant["janus"]["roomToken"],
        &grant["livekit"]["token"],
    ]
    .map(|token| token.as_str().expect("a token").to_owned())
    .into();

    let shadow = format!("/v1/policies/{POLICY}/shadow");
    let report = eventually("the comparison", || async {
        let report = backend.ok("GET", &shadow, &Value::Null).await.body;
        (report["samples"] != json!([])).then_some(report)
    })
    .await;
    let difference = json!({"hook": "commands", "kind": "payload_differs", "count": 1});
    assert_eq!(report["differences"], json!([difference]), "{report}");
    let keys = json!(["expiresAt", "janus", "livekit", "room"]);
    assert_eq!(report["samples"][0]["keys"], keys, "{report}");
    assert_silent("the shadow", &report.to_string(), &tokens);

    let explain = "/v1/explain?workspace=w&user=ann&channel=board";
    for path in ["/v1/policies", "/metrics", explain, "/v1/workspaces/w"] {
        let answer = backend.ok("GET", path, &Value::Null).await;
        assert_silent(path, &answer.body.to_string(), &tokens);
    }
    let asked = ["explain", "-w", "w", "-u", "ann", "-c", "board"];
    let (code, said, error) = policy(&server, &asked).await;
    assert_eq!(code, Some(0), "{error}");
    assert_silent("the command line", &format!("{said}{error}"), &tokens);

    // A file that does not take these settings is refused, in words that do not repeat them.
    let file = server.policy_file(POLICY);
    let beside = file.with_extension("new");
    fs::copy(paths::plugin("workspace-guard"), &beside).expect("a component can be copied");
    fs::rename(&beside, &file).expect("a file can be renamed in its folder");
    let status = eventually("the refusal", || async {
        let all = backend.ok("GET", "/v1/policies", &Value::Null).await.body;
        (all["policies"][0]["state"] == "stale").then(|| all["policies"][0].clone())
    })
    .await;
    let said = status["lastError"].as_str().expect("it says why");
    assert!(said.contains("refused its settings"), "{said}");
    assert_silent("the refusal", &status.to_string(), &tokens);
    let again = ann
        .ask_ok("select-channel", json!({"channelId": "board"}))
        .await;
    assert!(again["grant"]["janus"]["token"].is_string(), "{again}");

    server.terminate();
    server.ended().await;
    let log = server.log().lines().join("\n");
    assert!(log.contains("refused its settings"), "{log}");
    assert_silent("the log", &log, &tokens);
    let decided = fs::read_to_string(&decisions).expect("it was written");
    assert!(decided.contains("\"select-channel\""), "{decided}");
    assert_silent("the decision log", &decided, &tokens);
}

#[tokio::test]
async fn settings_that_are_refused_at_the_start_are_not_repeated() {
    for bad in [
        format!(r#"janus = {{ secret = "{JANUS_SECRET}", plugin = "a,b" }}"#),
        format!(r#"janus = "{JANUS_SECRET}""#),
        format!(r#"livekit = {{ api_key = "k", api_secret = ["{API_SECRET}"] }}"#),
    ] {
        let (code, said) = with_policy(POLICY, &bad).fails().await;
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("the policy refused its settings"), "{said}");
        assert_silent("the refusal", &said, &[]);
    }
}

#[tokio::test]
async fn a_backend_that_relays_gets_the_grant_too() {
    let server: Server = settings().start().await;
    let backend = server.backend();
    backend.put_channel("board", &json!({})).await;
    let ann = server.join("ann").await;
    let select = format!("/v1/connections/{}/select-channel", ann.socket());
    let answer = backend
        .ok(
            "POST",
            &select,
            &json!({"userId": "ann", "channelId": "board"}),
        )
        .await;
    let grant = &answer.body["grant"];
    assert_eq!(claims(&grant["livekit"]["token"])["sub"], "ann");
    signed_data(&grant["janus"]["token"]);
}
