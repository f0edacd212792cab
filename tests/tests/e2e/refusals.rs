//! What the log says of whatever is refused, and of what is in order again.

use serde_json::{Value, json};
use wardroom_tests::{Flavour, Server, eventually, token};

#[tokio::test]
async fn a_refusal_names_user_workspace_and_address() {
    let server = Server::start().await;
    let mut client = server.connect(Flavour::Js4WebSocket, "eve").await;
    client.emit("auth", json!({"token": "none", "workspaceId": "w"}));
    let unknown = |it: &Value| it["code"] == "invalid-token";
    let told = server.log().entry("an unknown token", unknown).await;
    assert_eq!(told["workspace"], "w", "{told}");
    assert_eq!(told["address"], "127.0.0.1", "{told}");
    assert_eq!(told["user"], Value::Null, "{told}");

    let elsewhere = token::token("eve", "elsewhere");
    client.emit("auth", json!({"token": elsewhere, "workspaceId": "w"}));
    let forbidden = |it: &Value| it["code"] == "workspace-forbidden";
    let told = server.log().entry("a foreign workspace", forbidden).await;
    assert_eq!(told["user"], "eve", "{told}");
    assert_eq!(told["workspace"], "w", "{told}");

    let mut ann = server.join("ann").await;
    ann.emit("select-channel", json!({"channelId": "nowhere"}));
    let missing = |it: &Value| it["code"] == "channel-not-found";
    let told = server.log().entry("a missing channel", missing).await;
    assert_eq!(told["user"], "ann", "{told}");
    assert_eq!(told["workspace"], "w", "{told}");
    assert_eq!(told["address"], "127.0.0.1", "{told}");

    let stranger = server.backend_with("wr_unknown");
    stranger.call("GET", "/metrics", &Value::Null).await;
    let stranger = |it: &Value| it["code"] == "unauthenticated" && it["path"] == "/metrics";
    let told = server.log().entry("an unknown key", stranger).await;
    assert_eq!(told["address"], "127.0.0.1", "{told}");

    let metrics = server.backend().call("GET", "/metrics", &Value::Null).await;
    let text = metrics.body.as_str().unwrap_or_default();
    let received = text
        .lines()
        .find_map(|line| line.strip_prefix("wardroom_received_bytes_total "))
        .and_then(|count| count.parse().ok());
    let sent = token::token("ann", "w").len() as u64;
    assert!(received.is_some_and(|count: u64| count > sent), "{text}");
}

#[tokio::test]
async fn a_configuration_that_is_mended_is_said_to_be() {
    let server = Server::start().await;
    let good = server.configuration().to_string();
    server.configure("policies = 1\n");
    let message = |it: &Value| it["message"].as_str().unwrap_or_default().to_owned();
    let refused = |it: &Value| message(it).starts_with("the configuration was refused");
    server.log().entry("the refusal", refused).await;
    server.configure(&good);
    let mended = |it: &Value| message(it).contains("has been mended");
    server.log().entry("the mended configuration", mended).await;
    let backend = server.backend();
    let is_over = || async {
        let policies = backend.call("GET", "/v1/policies", &Value::Null).await;
        (policies.body["refusedConfiguration"] == Value::Null).then_some(())
    };
    eventually("no refused configuration", is_over).await;
}
