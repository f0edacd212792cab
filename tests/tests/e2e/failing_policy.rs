//! A policy that fails while it is asked. It hides what it was asked about, and nothing else suffers.

use serde_json::{Value, json};
use wardroom_tests::{Server, paths};

use crate::exchange::{created, media, selected};

const POLICY: &str = "misbehaves";

/// The policy fails at the channels of this fixture's choosing; any other is for everyone.
async fn server() -> Server {
    let policy = paths::guest("misbehaves");
    let settings = Server::with().policy(POLICY, &policy);
    // It runs away in one of the tests.
    settings.set("policy.deadline", "500ms").start().await
}

/// The kinds of failure that the log has told of, in order, once it has told of the `last`.
async fn told(server: &Server, last: &str) -> Vec<Value> {
    let log = server.log();
    log.entry("of a failure", |entry| entry["kind"] == last)
        .await;
    let entries = log.entries();
    let errors = entries.iter().filter(|entry| entry["level"] == "ERROR");
    let of_policy = |entry: &Value| {
        assert_eq!(entry["policy"], POLICY, "{entry}");
        assert_eq!(entry["hook"], "channel-visibility", "{entry}");
        entry["kind"].clone()
    };
    errors.map(of_policy).collect()
}

async fn status(server: &Server) -> Value {
    let backend = server.backend();
    let answer = backend.ok("GET", "/v1/policies", &Value::Null).await;
    answer.body["policies"][0].clone()
}

#[tokio::test]
async fn a_trap_hides_what_was_asked_about_and_nothing_else() {
    let server = server().await;
    let backend = server.backend();
    let mut ann = server.join("ann").await;
    let mut bob = server.join("bob").await;
    ann.heard().await;
    assert_eq!(status(&server).await["state"], "active");
    for channel in ["before", "trap", "panic", "after"] {
        let answer = backend.put_channel(channel, &json!({})).await;
        assert_eq!(answer.status, 201, "{channel}");
    }
    let visible = [created("before"), created("after")];
    assert_eq!(ann.heard().await, visible);
    assert_eq!(bob.heard().await, visible);

    // Who comes later sees no more, not even a member.
    backend
        .put_channel("trap", &json!({"members": ["cleo"]}))
        .await;
    let mut cleo = server.join("cleo").await;
    assert_eq!(cleo.channels().await, ["after", "before"]);
    let hidden = json!({"channelId": "trap"});
    let refused = cleo.ask_refused("select-channel", hidden).await;
    assert_eq!(refused, "channel-not-found");

    // Everybody is served as before.
    ann.ask_ok("select-channel", json!({"channelId": "after"}))
        .await;
    let heard = bob.heard().await;
    assert_eq!(heard.last(), Some(&selected("ann", "after", media())));
    let status = status(&server).await;
    assert_eq!(status["state"], "failing", "{status}");
    assert!(status["failures"].as_u64() >= Some(2), "{status}");
    assert_eq!(
        told(&server, "trap").await,
        ["trap"],
        "once, however often it fails"
    );
}

#[tokio::test]
async fn each_kind_of_failure_is_told_once() {
    let server = server().await;
    let backend = server.backend();
    let mut ann = server.join("ann").await;
    for channel in ["loop", "trap", "call the host in a loop", "exit", "fine"] {
        let path = channel.replace(' ', "%20");
        backend.put_channel(&path, &json!({})).await;
    }
    assert_eq!(ann.heard().await, [created("fine")]);
    assert_eq!(told(&server, "trap").await, ["deadline", "trap"]);
}
