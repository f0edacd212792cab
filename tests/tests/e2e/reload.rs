//! A policy's file is replaced while clients are connected.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use wardroom_tests::settings::Settings;
use wardroom_tests::wait::within_deadline;
use wardroom_tests::{Server, eventually, paths};

use crate::exchange::{created, deleted, media, selected, unselected};

const POLICY: &str = "private-channels";

fn with_policy(component: &Path) -> Settings {
    Server::with().policy(POLICY, component)
}

/// Puts bytes in the place of a policy as a deployment does: written beside it, renamed over it.
fn replace(server: &Server, bytes: &[u8]) {
    let file = server.policy_file(POLICY);
    let beside = file.with_extension("new");
    fs::write(&beside, bytes).expect("the folder can be written to");
    fs::rename(&beside, &file).expect("a file can be renamed in its folder");
}

fn component(path: PathBuf) -> Vec<u8> {
    fs::read(path).expect("a component can be read")
}

async fn policy(server: &Server) -> Value {
    let policies = server
        .backend()
        .ok("GET", "/v1/policies", &Value::Null)
        .await
        .body;
    policies["policies"][0].clone()
}

/// A field of a policy that must be there: two that are not would be equal.
fn field<'a>(policy: &'a Value, name: &str) -> &'a Value {
    let value = policy.get(name);
    let value = value.unwrap_or_else(|| panic!("no {name} in {policy}"));
    assert!(!value.is_null(), "{name} is null in {policy}");
    value
}

/// Waits until another generation is in force, and every workspace was looked at anew.
async fn replaced(server: &Server, since: &Value) {
    eventually("another generation of the policy", || async {
        let now = policy(server).await;
        (field(&now, "generation") != field(since, "generation")).then_some(())
    })
    .await;
}

#[tokio::test]
async fn exactly_those_whose_view_changed_are_told() {
    // At first nobody sees anything.
    let server = with_policy(&paths::guest("nobody")).start().await;
    let backend = server.backend();
    backend.put_channel("open", &json!({})).await;
    backend
        .put_channel("secret", &json!({"private": true, "members": ["ann"]}))
        .await;
    let mut ann = server.join("ann").await;
    let mut eve = server.join("eve").await;
    ann.heard().await;
    assert_eq!(ann.channels().await, [] as [&str; 0]);

    replace(&server, &component(paths::private_channels()));
    let mut told = vec![ann.next().await, ann.next().await];
    told.sort_by(|a, b| format!("{a:?}").cmp(&format!("{b:?}")));
    assert_eq!(told, [created("open"), created("secret")]);
    assert_eq!(eve.next().await, created("open"));
    assert_eq!(ann.heard().await, []);
    assert_eq!(eve.heard().await, []);
    assert_eq!(eve.channels().await, ["open"]);

    // What goes on in the private channel reaches its member, and after the next swap nobody.
    ann.ask_ok("select-channel", json!({"channelId": "secret"}))
        .await;
    assert_eq!(ann.heard().await, [selected("ann", "secret", media())]);
    replace(&server, &component(paths::guest("nobody")));
    assert_eq!(eve.next().await, deleted("open"));
    let mut told = vec![ann.next().await, ann.next().await, ann.next().await];
    assert!(
        told.iter().position(|e| *e == unselected("ann", "secret"))
            < told.iter().position(|e| *e == deleted("secret")),
        "the conversation ends before its channel: {told:?}"
    );
    told.sort_by(|a, b| format!("{a:?}").cmp(&format!("{b:?}")));
    assert_eq!(
        told,
        [
            deleted("open"),
            deleted("secret"),
            unselected("ann", "secret")
        ]
    );
    assert_eq!(
        eve.heard().await,
        [],
        "the private channel's activity reached somebody else"
    );
}

#[tokio::test]
async fn the_same_policy_written_again_is_no_news() {
    let server = with_policy(&paths::private_channels()).start().await;
    server
        .backend()
        .put_channel("p", &json!({"private": true, "members": ["ann"]}))
        .await;
    let mut ann = server.join("ann").await;
    let before = policy(&server).await;
    replace(&server, &component(paths::private_channels()));
    // A bad file afterwards shows that the good one before it has been looked at.
    replace(&server, b"not wasm");
    refused(&server, 1).await;
    let now = policy(&server).await;
    assert_eq!(field(&now, "generation"), field(&before, "generation"));
    assert_eq!(ann.heard().await, []);
}

/// Waits until the log has said so many times that a file was refused.
async fn refused(server: &Server, times: usize) {
    eventually("the refusal of a policy's file", || async {
        (server.log().count("was refused") >= times).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_bad_file_changes_nothing_and_the_log_says_so_once() {
    let server = with_policy(&paths::private_channels()).start().await;
    let backend = server.backend();
    let mut ann = server.join("ann").await;
    let mut eve = server.join("eve").await;
    backend
        .put_channel("p", &json!({"private": true, "members": ["ann"]}))
        .await;
    ann.heard().await;
    let before = policy(&server).await;
    let good = component(paths::private_channels());
    let mut flipped = good.clone();
    flipped[64..128].fill(0xff);
    let bad = [
        ("not wasm", b"hello".to_vec()),
        ("empty", Vec::new()),
        ("truncated", good[..good.len() / 2].to_vec()),
        ("damaged", flipped),
        ("a core module", b"\0asm\x01\0\0\0".to_vec()),
        ("lacks the hook", component(paths::guest("no_hook"))),
        (
            "imports what is not granted",
            component(paths::guest("reaches_out")),
        ),
        (
            "refuses its settings",
            component(paths::guest("refuses_settings")),
        ),
        ("is from the future", component(paths::guest("future"))),
        ("traps", component(paths::guest("broken"))),
    ];
    for (number, (name, bytes)) in bad.iter().enumerate() {
        replace(&server, bytes);
        refused(&server, number + 1).await;
        let now = policy(&server).await;
        for of in ["generation", "digest"] {
            assert_eq!(field(&now, of), field(&before, of), "{name}");
        }
        assert!(now["lastError"].is_string(), "{name}: {now}");
        // The old rules hold.
        ann.ask_ok("select-channel", json!({"channelId": "p"}))
            .await;
        ann.ask_ok("unselect-channel", json!({})).await;
        assert_eq!(
            ann.heard().await,
            [selected("ann", "p", media()), unselected("ann", "p")]
        );
        assert_eq!(eve.heard().await, [], "{name}");
    }
    assert_eq!(server.log().count("was refused"), bad.len(), "once each");
    // And a good one is taken again.
    replace(&server, &component(paths::guest("nobody")));
    replaced(&server, &before).await;
    assert_eq!(ann.next().await, deleted("p"));
    let now = policy(&server).await;
    assert_ne!(field(&now, "digest"), field(&before, "digest"));
    assert_eq!(now.get("lastError"), Some(&Value::Null), "{now}");
}

#[tokio::test]
async fn a_file_that_is_gone_changes_nothing() {
    let server = with_policy(&paths::private_channels()).start().await;
    server
        .backend()
        .put_channel("p", &json!({"private": true}))
        .await;
    let mut eve = server.join("eve").await;
    fs::remove_file(server.policy_file(POLICY)).expect("it is there");
    refused(&server, 1).await;
    assert_eq!(eve.heard().await, []);
    assert_eq!(eve.channels().await, [] as [&str; 0]);
}

/// Clients once could keep a policy out by using up the descriptors while its file was read: it was
/// refused for good.
#[tokio::test]
async fn a_file_that_could_not_be_read_is_tried_again_though_it_does_not_change() {
    let server = with_policy(&paths::private_channels()).start().await;
    let before = policy(&server).await;
    server.allow_descriptors(3);
    replace(&server, &component(paths::guest("nobody")));
    let refused = server.log().entry("of the refusal", |entry| {
        let text = entry["message"].as_str().unwrap_or_default();
        text.contains("the policy's file was refused")
    });
    let reason = refused.await["reason"].to_string();
    assert!(reason.contains("Too many open files"), "{reason}");
    assert!(reason.contains("It is tried again"), "{reason}");
    server.allow_descriptors(1024);
    replaced(&server, &before).await;
    let now = policy(&server).await;
    assert_eq!(
        (&now["state"], &now["lastError"]),
        (&json!("active"), &Value::Null)
    );
}

#[tokio::test]
async fn a_server_does_not_start_with_a_bad_policy() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let file = folder.path().join("bad.wasm");
    fs::write(&file, "not wasm").expect("the folder can be written to");
    let (code, said) = with_policy(&file).fails().await;
    assert_ne!(code, Some(0));
    assert!(said.contains(POLICY), "{said}");
}

/// A number that the metrics tell, of a name without labels.
async fn metric(server: &Server, name: &str) -> u64 {
    let metrics = server.backend().ok("GET", "/metrics", &Value::Null).await;
    let text = metrics.body.as_str().expect("metrics are a text");
    let mut values = text
        .lines()
        .filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    let value = values.next();
    let value = value.unwrap_or_else(|| panic!("{name} is not in:\n{text}"));
    value.parse().expect("a number")
}

/// The list of policies and a swap once waited for each other for ever, and with them the workspaces.
#[tokio::test]
async fn asking_about_the_policies_holds_up_no_swap() {
    let cache = tempfile::tempdir().expect("a temporary folder can be made");
    let server = with_policy(&paths::guest("nobody"))
        .set("policy.cache", cache.path().display().to_string())
        .start()
        .await;
    let versions = [paths::private_channels(), paths::guest("nobody")].map(component);
    let ask = || async {
        loop {
            policy(&server).await;
        }
    };
    let swap = async {
        for version in versions.iter().cycle().take(60) {
            within_deadline("a swap", async {
                let before = policy(&server).await;
                replace(&server, version);
                replaced(&server, &before).await;
            })
            .await;
        }
    };
    tokio::select! {
        () = swap => {}
        _ = async { tokio::join!(ask(), ask()) } => {}
    }
}

#[tokio::test]
async fn the_settled_generation_follows_the_one_in_force() {
    const IN_FORCE: &str = "wardroom_policy_generation";
    const SETTLED: &str = "wardroom_policy_settled_generation";
    let server = with_policy(&paths::guest("nobody")).start().await;
    server.backend().put_channel("open", &json!({})).await;
    let mut ann = server.join("ann").await;
    let versions = [paths::private_channels(), paths::guest("nobody")];
    let told = [created("open"), deleted("open")];
    for (generation, (version, told)) in (2..).zip(versions.into_iter().zip(told)) {
        assert_eq!(metric(&server, IN_FORCE).await, generation - 1);
        replace(&server, &component(version));
        eventually("everything has settled", || async {
            let settled = metric(&server, SETTLED).await;
            // What is in force is asked for later, so that it cannot be the lower one.
            let in_force = metric(&server, IN_FORCE).await;
            assert!(settled <= in_force, "{settled} of {in_force}");
            (settled == generation).then_some(())
        })
        .await;
        assert_eq!(metric(&server, IN_FORCE).await, generation);
        // Whoever is told anything by it has been told.
        assert_eq!(ann.heard().await, [told]);
    }
}
