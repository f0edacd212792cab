//! Why somebody sees a channel, or does not, asked of a real server over HTTP and by the command line.

use std::path::Path;

use serde_json::{Value, json};
use tokio::process::Command;
use wardroom_tests::backend::member;
use wardroom_tests::settings::API_KEY;
use wardroom_tests::wait::within_deadline;
use wardroom_tests::{Server, paths};

const POLICY: &str = "private-channels";

async fn server() -> Server {
    let policy = paths::private_channels();
    let server = Server::with().policy(POLICY, &policy).start().await;
    let backend = server.backend();
    for user in ["ann", "eve"] {
        backend.put_member(user, &json!({})).await;
    }
    backend.put_channel("open", &json!({})).await;
    backend
        .put_channel("secret", &json!({"private": true, "members": ["ann"]}))
        .await;
    server
}

async fn explained(server: &Server, user: &str, channel: &str) -> Value {
    let path = format!("/v1/explain?workspace=w&user={user}&channel={channel}");
    let answer = server.backend().ok("GET", &path, &Value::Null).await;
    answer.body
}

async fn digest(server: &Server) -> Value {
    let backend = server.backend();
    let answer = backend.ok("GET", "/v1/policies", &Value::Null).await;
    answer.body["policies"][0]["digest"].clone()
}

#[tokio::test]
async fn the_rule_that_decides_is_named_for_a_visible_and_an_invisible_channel() {
    let server = server().await;
    let seen = explained(&server, "ann", "secret").await;
    assert_eq!(seen["visible"], true, "{seen}");
    let ruling = &seen["policies"][0];
    assert_eq!(ruling["name"], POLICY);
    assert_eq!(ruling["digest"], digest(&server).await);
    assert_eq!(
        (&ruling["rule"], &ruling["allows"]),
        (&json!("only"), &json!(true))
    );
    let clause = json!({"number": 1, "conditions": ["the channel lists the user"]});
    assert_eq!(ruling["clause"], clause);

    let hidden = explained(&server, "eve", "secret").await;
    assert_eq!(hidden["visible"], false, "{hidden}");
    let because = hidden["because"].as_str().expect("a sentence");
    assert!(
        because.starts_with("eve does not see secret: the policy private-channels hides it; "),
        "{because}"
    );
    assert!(
        because.contains("in vain that the channel lists the user"),
        "{because}"
    );
    assert_eq!(
        explained(&server, "eve", "open").await["policies"][0]["rule"],
        "everyone"
    );

    for (user, channel, code) in [
        ("nobody", "open", "member-not-found"),
        ("eve", "none", "channel-not-found"),
    ] {
        let path = format!("/v1/explain?workspace=w&user={user}&channel={channel}");
        let refused = server.backend().refused("GET", &path, &Value::Null).await;
        assert_eq!(refused, (404, code.to_owned()));
    }
}

#[tokio::test]
async fn after_a_swap_the_new_version_is_named_at_once() {
    let server = server().await;
    let before = explained(&server, "ann", "open").await;
    assert_eq!(before["visible"], true);
    let file = server.policy_file(POLICY);
    let beside = file.with_extension("new");
    std::fs::copy(paths::guest("nobody"), &beside).expect("it can be copied");
    std::fs::rename(&beside, &file).expect("it can be renamed");
    wardroom_tests::eventually("the swap", || async {
        let now = digest(&server).await;
        (now != before["policies"][0]["digest"]).then_some(())
    })
    .await;
    let now = explained(&server, "ann", "open").await;
    assert_eq!(now["visible"], false, "{now}");
    assert_eq!(now["policies"][0]["digest"], digest(&server).await);
    assert_eq!(now["policies"][0]["rule"], "nobody");
    assert!(
        now["generation"].as_u64() > before["generation"].as_u64(),
        "{now}"
    );
}

#[tokio::test]
async fn a_policy_that_decides_one_by_one_is_asked_then_and_there() {
    let each = paths::guest("each");
    let server = Server::with().policy("teams", &each).start().await;
    let backend = server.backend();
    backend
        .put_channel("red", &json!({"attributes": {"team": "red"}}))
        .await;
    for (user, team) in [("ann", "red"), ("eve", "blue")] {
        let body = json!({"attributes": {"team": team}});
        backend.ok("PUT", &member(user), &body).await;
    }
    for (user, sees) in [("ann", true), ("eve", false)] {
        let said = explained(&server, user, "red").await;
        assert_eq!(said["visible"], sees, "{said}");
        let ruling = &said["policies"][0];
        assert_eq!(
            (&ruling["rule"], &ruling["allows"]),
            (&json!("each"), &json!(sees))
        );
        assert_eq!(ruling["clause"], Value::Null);
    }
}

/// Runs a command of `wardroom policy` against a server; its exit code and what it said.
pub(crate) async fn policy(server: &Server, arguments: &[&str]) -> (Option<i32>, String, String) {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let key = folder.path().join("key");
    std::fs::write(&key, format!("{API_KEY}\n")).expect("it can be written to");
    let url = format!("http://{}", server.internal());
    let mut command = Command::new(paths::server());
    command.arg("policy").args(arguments).args(["--url", &url]);
    command.arg("--key-file").arg(Path::new(&key));
    let output = within_deadline("the end of a command", command.output()).await;
    let output = output.expect("the command can be run");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

#[tokio::test]
async fn the_command_line_says_the_same() {
    let server = server().await;
    let explain = |user| ["explain", "-w", "w", "-u", user, "-c", "secret"];
    let (code, said, _) = policy(&server, &explain("eve")).await;
    assert_eq!(code, Some(0));
    assert!(said.starts_with("eve does not see secret: "), "{said}");
    assert!(said.contains("no   private-channels: only"), "{said}");
    let json = [&explain("ann")[..], &["--json"]].concat();
    let (code, said, _) = policy(&server, &json).await;
    assert_eq!(code, Some(0));
    let said: Value = serde_json::from_str(&said).expect("it is JSON");
    assert_eq!(said, explained(&server, "ann", "secret").await);
    let (code, _, error) = policy(&server, &explain("nobody")).await;
    assert_eq!(code, Some(1));
    assert!(error.contains("404 member-not-found"), "{error}");
}
