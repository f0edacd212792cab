//! Policies of admission refuse: who enters, who moves, and what they are told.

use serde_json::{Value, json};
use wardroom_tests::client::refusal;
use wardroom_tests::server::WORKSPACE;
use wardroom_tests::{Client, Flavour, Server, event, paths, token};

use crate::exchange::{media, selected};

pub(crate) const POLICY: &str = "house";

pub(crate) async fn strict() -> Server {
    Server::with()
        .policy(POLICY, &paths::guest("strict"))
        .start()
        .await
}

pub(crate) fn entry(user: &str, workspace: &str, role: &str) -> Value {
    json!({"token": token::with_role(user, workspace, role), "workspaceId": workspace})
}

/// A client that has entered with a role, by token.
pub(crate) async fn enter(server: &Server, user: &str, role: &str) -> Client {
    let mut client = server.connect(Flavour::Js4WebSocket, user).await;
    client.ask_ok("auth", entry(user, WORKSPACE, role)).await;
    client.heard().await;
    client
}

#[tokio::test]
async fn whoever_is_not_admitted_is_told_by_whom_and_may_try_again() {
    let server = strict().await;
    for flavour in [
        Flavour::Js4WebSocket,
        Flavour::Js4Polling,
        Flavour::Js2WebSocket,
    ] {
        let mut client = server.connect(flavour, "gus").await;
        let mut data = entry("gus", WORKSPACE, "guest");
        data["transaction"] = json!("t1");
        let answer = client.ask("auth", data).await;
        assert_eq!(refusal(&answer), "denied-by-policy");
        let error = &answer["error"];
        assert_eq!(error["message"], "guests may not enter");
        let mut told = error.clone();
        assert_eq!(
            client.next().await,
            event("socket-api-error-t1", told.clone())
        );
        told["event"] = json!("auth");
        assert_eq!(client.next().await, event("socket-api-error", told));
        let decision = error["decisionId"].as_str().expect("a denial has an id");
        server
            .log()
            .entry("of the refusal", |entry| entry["decision"] == decision)
            .await;
        // The socket is still good, with other credentials.
        client
            .ask_ok("auth", entry("gus", WORKSPACE, "staff"))
            .await;
    }
}

#[tokio::test]
async fn a_socket_that_is_not_admitted_elsewhere_keeps_its_place() {
    let server = strict().await;
    server.backend().put_channel("open", &json!({})).await;
    let mut ann = enter(&server, "ann", "staff").await;
    let mut ben = enter(&server, "ben", "staff").await;
    ann.heard().await;
    ben.ask_ok("select-channel", json!({"channelId": "open"}))
        .await;
    assert_eq!(ann.next().await, selected("ben", "open", media()));
    let code = ben
        .ask_refused("auth", entry("ben", "other", "guest"))
        .await;
    assert_eq!(code, "denied-by-policy");
    assert_eq!(ann.heard().await, [], "nobody saw the attempt");
    let state = ben.state().await;
    let me = state["members"]
        .as_array()
        .and_then(|all| all.iter().find(|member| member["user"]["id"] == "ben"));
    assert_eq!(me.expect("ben is there")["selectedChannelId"], "open");
    ben.ask_ok("auth", entry("ben", "other", "staff")).await;
}

#[tokio::test]
async fn a_renewal_that_is_not_admitted_changes_nothing() {
    let server = strict().await;
    let mut ann = enter(&server, "ann", "staff").await;
    let code = ann
        .ask_refused("auth", entry("ann", WORKSPACE, "guest"))
        .await;
    assert_eq!(code, "denied-by-policy");
    ann.state().await;
}
