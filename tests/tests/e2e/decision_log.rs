//! The decision log of a real server: one id everywhere, nothing masked in it, and nobody waits for it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use wardroom_tests::client::refusal;
use wardroom_tests::server::WORKSPACE;
use wardroom_tests::settings::Settings;
use wardroom_tests::{Flavour, Server, eventually, paths, token};

use crate::admission::{POLICY, enter};

/// A server with the strict policy and a decision log in a folder of its own.
fn strict(name: &str) -> (TempDir, PathBuf, Settings) {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let path = folder.path().join(name);
    let settings = Server::with()
        .policy(POLICY, &paths::guest("strict"))
        .set("decision_log.path", path.display().to_string());
    (folder, path, settings)
}

/// The first line that fits, once there is one.
async fn line(path: &Path, fits: impl Fn(&Value) -> bool) -> Value {
    eventually("a line of the decision log", || async {
        lines(path).into_iter().find(&fits)
    })
    .await
}

/// The whole lines so far.
fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let parsed = whole.lines().map(serde_json::from_str);
    parsed.map(|line| line.expect("a line is JSON")).collect()
}

/// What a metric of this name and labels counts.
async fn counted(server: &Server, metric: &str) -> u64 {
    let answer = server.backend().ok("GET", "/metrics", &Value::Null).await;
    let text = answer.body.as_str().expect("metrics are a text");
    let mut lines = text.lines();
    let value = lines.find_map(|line| line.strip_prefix(metric)?.strip_prefix(' '));
    value.map_or(0, |value| value.parse().expect("a number"))
}

/// A token of a guest with an address for e-mail.
fn guest(user: &str) -> Value {
    let claims = json!({
        "sub": user,
        "workspaces": {WORKSPACE: "guest"},
        "exp": token::now() + 3600,
        "email": "gus@example.com",
    });
    json!({"token": token::signed(&claims), "workspaceId": WORKSPACE})
}

#[tokio::test]
async fn the_client_the_log_and_the_decision_log_know_a_denial_by_one_id() {
    let (_folder, path, settings) = strict("decisions.jsonl");
    let server = settings.start().await;
    let backend = server.backend();
    backend.put_channel("vault", &json!({})).await;
    let policies = backend.ok("GET", "/v1/policies", &Value::Null).await.body;
    let digest = &policies["policies"][0]["digest"];

    let mut gus = server.connect(Flavour::Js4WebSocket, "gus").await;
    let answer = gus.ask("auth", guest("gus")).await;
    assert_eq!(refusal(&answer), "denied-by-policy");
    let id = answer["error"]["decisionId"].clone();
    let logged = server
        .log()
        .entry("of the denial", |entry| entry["decision"] == id)
        .await;
    assert_eq!(logged["policy"], POLICY);
    let decided = line(&path, |line| line["id"] == id).await;
    for (field, expected) in [
        ("hook", json!("admission")),
        ("outcome", json!("denied")),
        ("code", json!("no-guests")),
        ("message", json!("guests may not enter")),
        ("workspace", json!(WORKSPACE)),
        ("generation", policies["generation"].clone()),
    ] {
        assert_eq!(decided[field], expected, "{field} of {decided}");
    }
    assert_eq!(decided["subject"]["role"], "guest", "{decided}");
    assert_eq!(decided["claims"]["email"], "gus@example.com", "{decided}");
    let said = &decided["policies"][0];
    assert_eq!((&said["name"], &said["digest"]), (&json!(POLICY), digest));
    assert_eq!(said["verdict"], "denied");
    assert!(said["micros"].as_f64() > Some(0.0), "{decided}");

    // The same over HTTP, of a command.
    let ann = enter(&server, "ann", "member").await;
    let select = format!("/v1/connections/{}/select-channel", ann.socket());
    let body = json!({"userId": "ann", "channelId": "vault"});
    let answer = backend.call("POST", &select, &body).await;
    let id = answer.body["decisionId"].clone();
    let decided = line(&path, |line| line["id"] == id).await;
    assert_eq!(decided["hook"], "commands");
    assert_eq!(
        (&decided["name"], &decided["channel"]),
        (&json!("select-channel"), &json!("vault"))
    );
    assert_eq!(decided["input"]["channelId"], "vault", "{decided}");

    // By default nothing is kept of what was allowed.
    assert!(lines(&path).iter().all(|line| line["outcome"] == "denied"));
}

#[tokio::test]
async fn all_that_was_allowed_is_kept_on_demand() {
    let (_folder, path, settings) = strict("decisions.jsonl");
    let settings = settings
        .set("decision_log.sample_allowed", 1.0)
        .set("decision_log.sample_denied", 0.0);
    let server = settings.start().await;
    server.backend().put_channel("vault", &json!({})).await;
    let mut ann = enter(&server, "ann", "member").await;
    let vault = json!({"channelId": "vault"});
    ann.ask_refused("select-channel", vault).await;
    ann.heard().await;
    for hook in ["admission", "channel-visibility", "commands", "events"] {
        line(&path, |line| line["hook"] == hook).await;
    }
    assert!(lines(&path).iter().all(|line| line["outcome"] == "allowed"));
}

#[tokio::test]
async fn a_masked_value_is_nowhere() {
    let (_folder, path, settings) = strict("decisions.jsonl");
    let mask = ["claims.email", "subject.attributes.phone"].map(str::to_owned);
    let settings = settings
        .set("decision_log.mask", mask.to_vec())
        .set("decision_log.sample_allowed", 1.0);
    let mut server = settings.start().await;
    let body = json!({"attributes": {"phone": "+49 170 1234567", "region": "eu"}});
    server.backend().put_member("gus", &body).await;
    let mut gus = server.connect(Flavour::Js4WebSocket, "gus").await;
    let answer = gus.ask("auth", guest("gus")).await;
    let id = answer["error"]["decisionId"].clone();
    let decided = line(&path, |line| line["id"] == id).await;
    assert_eq!(decided["claims"]["email"], "***");
    let attributes = json!({"phone": "***", "region": "eu"});
    assert_eq!(decided["subject"]["attributes"], attributes);
    server.terminate();
    server.ended().await;
    let log = server.log().lines().join("\n");
    for text in [fs::read_to_string(&path).expect("it is there"), log] {
        assert!(!text.contains("gus@example.com"), "{text}");
        assert!(!text.contains("1234567"), "{text}");
    }
}

/// Opening a pipe that nobody reads takes for ever: the worst disk there can be.
#[tokio::test]
async fn nobody_waits_for_a_disk_that_takes_nothing() {
    let (_folder, path, settings) = strict("pipe");
    let made = Command::new("mkfifo").arg(&path).status();
    assert!(made.is_ok_and(|status| status.success()), "a pipe is made");
    let mut server = settings.set("decision_log.queue", 8).start().await;
    server.backend().put_channel("vault", &json!({})).await;
    let mut ann = enter(&server, "ann", "member").await;
    let before = Instant::now();
    for _ in 0..200 {
        let vault = json!({"channelId": "vault"});
        let code = ann.ask_refused("select-channel", vault).await;
        assert_eq!(code, "denied-by-policy");
    }
    // Each takes a round trip of some milliseconds; one that waited would wait for ever.
    assert!(before.elapsed() < Duration::from_secs(20));
    let dropped = r#"wardroom_decision_log_dropped_total{reason="queue-full"}"#;
    assert!(counted(&server, dropped).await >= 100);
    assert_eq!(server.log().count("does not keep up"), 1, "said once");
    // Nor does the end of the server wait for long.
    server.terminate();
    assert_eq!(server.ended().await.code(), Some(0));
}

#[tokio::test]
async fn a_full_disk_is_said_once_and_counted() {
    let (_folder, _, settings) = strict("unused");
    let settings = settings.set("decision_log.path", "/dev/full");
    let server = settings.start().await;
    server.backend().put_channel("vault", &json!({})).await;
    let mut ann = enter(&server, "ann", "member").await;
    let dropped = r#"wardroom_decision_log_dropped_total{reason="write-failed"}"#;
    for number in 1..=3 {
        let vault = json!({"channelId": "vault"});
        ann.ask_refused("select-channel", vault).await;
        eventually("the count of a lost line", || async {
            (counted(&server, dropped).await >= number).then_some(())
        })
        .await;
    }
    assert_eq!(server.log().count("the decision log cannot be written"), 1);
}

#[tokio::test]
async fn the_file_is_rotated_at_its_size() {
    let (_folder, path, settings) = strict("decisions.jsonl");
    let server = settings.set("decision_log.max_size", "4KiB").start().await;
    server.backend().put_channel("vault", &json!({})).await;
    let mut ann = enter(&server, "ann", "member").await;
    for _ in 0..30 {
        let vault = json!({"channelId": "vault"});
        ann.ask_refused("select-channel", vault).await;
    }
    let written = "wardroom_decision_log_written_total";
    eventually("all lines", || async {
        (counted(&server, written).await >= 30).then_some(())
    })
    .await;
    let rotated = path.with_extension("jsonl.1");
    for file in [&path, &rotated] {
        let bytes = fs::metadata(file).expect("it is there").len();
        assert!(bytes <= 4096, "{} has {bytes} bytes", file.display());
        assert!(!lines(file).is_empty());
    }
}

#[tokio::test]
async fn a_log_that_cannot_be_opened_keeps_the_server_from_starting() {
    let (_folder, path, settings) = strict("decisions.jsonl");
    fs::write(&path, "").expect("it can be made");
    let nested = path.join("below/a/file");
    let settings = settings.set("decision_log.path", nested.display().to_string());
    let (code, said) = settings.fails().await;
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("decision_log.path"), "{said}");
}
