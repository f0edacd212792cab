//! A policy that fails while it is asked. It hides what it was asked about, and nothing else suffers.

use serde_json::{Value, json};
use wardroom_tests::server::WORKSPACE;
use wardroom_tests::{Flavour, Server, event, paths, token};

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

/// Each way to go wrong of the fixture.
const WAYS: [&str; 9] = [
    "trap",
    "panic",
    "exit",
    "loop",
    "call the host in a loop",
    "memory",
    "recurse",
    "output",
    "log",
];

/// While the policy goes wrong over a channel, a person and an event, notes are published: everybody
/// gets all of them, in order.
#[tokio::test]
async fn everybody_is_served_while_a_policy_goes_wrong_in_any_way() {
    let server = server().await;
    let backend = server.backend();
    let mut ann = server.join("ann").await;
    let mut stranger = server.connect(Flavour::Js4WebSocket, "stranger").await;
    let mut number = 0;
    let mut expected = Vec::new();
    for way in WAYS {
        let noise = way == "log";
        let path = way.replace(' ', "%20");
        let enter = json!({"token": token::token(way, WORKSPACE), "workspaceId": WORKSPACE});
        let everybody = json!({"workspace": true});
        let notes = async {
            for _ in 0..10 {
                let note = json!(number);
                backend.publish("note", &note, &everybody).await;
                expected.push(event("note", json!(number)));
                number += 1;
            }
        };
        let (nothing, secret) = (json!({}), json!("withheld"));
        let (put, answer, _, ()) = tokio::join!(
            backend.put_channel(&path, &nothing),
            stranger.ask("auth", enter),
            backend.publish(way, &secret, &everybody),
            notes,
        );
        assert_eq!(put.status, 201, "{way}");
        assert_eq!(answer["ok"], noise, "{way}: {answer}");
        if !noise {
            assert_eq!(answer["error"]["code"], "denied-by-policy", "{way}");
        }
        // What failed is over, and does not add up to a quarantine.
        backend.delete_channel(&path).await;
        stranger.auth("stranger", WORKSPACE).await;
        backend.put_channel("fine", &json!({})).await;
        backend.delete_channel("fine").await;
    }
    let heard = ann.heard().await;
    let withheld = heard.iter().filter(|it| WAYS.contains(&&*it.name));
    let withheld: Vec<_> = withheld.map(|it| &*it.name).collect();
    assert_eq!(withheld, ["log"], "what it fails on is sent to nobody");
    let notes: Vec<_> = heard.into_iter().filter(|it| it.name == "note").collect();
    assert_eq!(notes, expected);
    let status = status(&server).await;
    assert_eq!(status["quarantined"], json!([]), "{status}");
    assert_is_counted(&server).await;
}

/// Asserts that the metrics tell of everything that went wrong, and of the policy that it was.
async fn assert_is_counted(server: &Server) {
    let metrics = server.backend().ok("GET", "/metrics", &Value::Null).await;
    let text = metrics.body.as_str().expect("metrics are a text");
    let at_least = |name: &str, labels: &str, least: f64| {
        let name = format!("wardroom_policy_{name}{labels} ");
        let value = text.lines().find_map(|line| line.strip_prefix(&name));
        let value = value.unwrap_or_else(|| panic!("{name} is not in:\n{text}"));
        let value: f64 = value.parse().expect("a number");
        assert!(value >= least, "{name}{value}, and not {least}");
    };
    let policy = r#"{policy="misbehaves"}"#;
    at_least("generation", "", 1.0);
    at_least("instances", policy, 1.0);
    at_least("memory_bytes", policy, 65_536.0);
    for hook in ["admission", "channel-visibility", "events"] {
        let of = |more: &str| format!(r#"{{policy="misbehaves",hook="{hook}"{more}}}"#);
        // Each way is tried twice, on two instances.
        at_least("calls_total", &of(""), 16.0);
        at_least("call_seconds_count", &of(""), 16.0);
        at_least("call_seconds_sum", &of(""), 0.1);
        at_least("verdicts_total", &of(r#",verdict="failed""#), 8.0);
        for (kind, least) in [("trap", 6.0), ("deadline", 2.0)] {
            at_least("failures_total", &of(&format!(r#",kind="{kind}""#)), least);
        }
    }
}
