//! Who may enter a workspace, and who may see a private channel without any policy.

use serde_json::{Value, json};
use wardroom_tests::backend::{channel, member};
use wardroom_tests::server::WORKSPACE;
use wardroom_tests::{Flavour, Server, event, token};

use crate::exchange::{created, deleted, selected, status, unselected};
use crate::exchange::{media, media_with};

fn auth_with(token: &str) -> Value {
    json!({"token": token, "workspaceId": WORKSPACE})
}

#[tokio::test]
async fn members_enter_without_a_claim_and_others_by_a_claim() {
    let server = Server::start().await;
    server.backend().put_member("ann", &json!({})).await;
    let mut client = server.connect(Flavour::Js4WebSocket, "client").await;
    let stranger = auth_with(&token::without_workspaces("eve"));
    assert_eq!(
        client.ask_refused("auth", stranger).await,
        "workspace-forbidden"
    );
    let elsewhere = auth_with(&token::token("eve", "elsewhere"));
    assert_eq!(
        client.ask_refused("auth", elsewhere).await,
        "workspace-forbidden"
    );
    let member = auth_with(&token::without_workspaces("ann"));
    let answer = client.ask_ok("auth", member).await;
    let socket = client.socket();
    assert_eq!(
        answer,
        json!({"userId": "ann", "workspaceId": WORKSPACE, "socketId": socket})
    );
    let mut guest = server.connect(Flavour::Js4WebSocket, "guest").await;
    let token = token::with_role("guest", WORKSPACE, "visitor");
    guest.ask_ok("auth", auth_with(&token)).await;
    let seen = server.backend().workspace().await;
    assert_eq!(seen["guests"]["guest"]["role"], "visitor", "{seen}");
}

#[tokio::test]
async fn the_activity_of_a_private_channel_reaches_its_members_only() {
    let server = Server::start().await;
    let backend = server.backend();
    let mut ann = server.join("ann").await;
    let mut eve = server.join("eve").await;
    ann.heard().await;
    // Without a policy everybody is told that it exists.
    backend
        .put_channel("p", &json!({"private": true, "members": ["ann"]}))
        .await;
    let camera = json!({"channelId": "p", "userMediaState": {"camera": true}});
    ann.ask_ok("select-channel", camera).await;
    ann.ask_ok(
        "update-media-state",
        json!({"userMediaState": {"camera": false}}),
    )
    .await;
    ann.ask_ok("unselect-channel", json!({})).await;
    let heard = [
        created("p"),
        selected("ann", "p", media_with(json!({"camera": true}))),
        event(
            "media-state-updated",
            json!({"userId": "ann", "userMediaState": media()}),
        ),
        unselected("ann", "p"),
    ];
    assert_eq!(ann.heard().await, heard);
    assert_eq!(eve.heard().await, heard[..1]);
    assert_eq!(eve.channels().await, [] as [&str; 0]);
    let refused = eve
        .ask_refused("select-channel", json!({"channelId": "p"}))
        .await;
    assert_eq!(refused, "channel-not-found");
    eve.heard().await;

    // Becoming a member shows the channel, ceasing to be one hides it and ends the conversation.
    let membership = format!("{}/members/eve", channel("p"));
    backend.ok("PUT", &membership, &Value::Null).await;
    eve.ask_ok("select-channel", json!({"channelId": "p"}))
        .await;
    assert_eq!(
        eve.heard().await,
        [created("p"), selected("eve", "p", media())]
    );
    backend.ok("DELETE", &membership, &Value::Null).await;
    assert_eq!(eve.heard().await, [unselected("eve", "p"), deleted("p")]);
    let seen_by_ann = [selected("eve", "p", media()), unselected("eve", "p")];
    assert_eq!(ann.heard().await, seen_by_ann);
}

#[tokio::test]
async fn a_deleted_channel_is_left_first() {
    let server = Server::start().await;
    server.backend().put_channel("c", &json!({})).await;
    let mut ann = server.join("ann").await;
    ann.ask_ok("select-channel", json!({"channelId": "c"}))
        .await;
    ann.heard().await;
    server.backend().delete_channel("c").await;
    assert_eq!(ann.heard().await, [unselected("ann", "c"), deleted("c")]);
}

#[tokio::test]
async fn a_member_who_is_removed_and_added_starts_anew() {
    let server = Server::start().await;
    let backend = server.backend();
    let mut bob = server.join("bob").await;
    backend
        .put_member("ann", &json!({"user": {"id": "ann", "name": "Ann"}}))
        .await;
    backend.ok("DELETE", &member("ann"), &Value::Null).await;
    backend
        .put_member("ann", &json!({"user": {"id": "ann", "name": "Ann"}}))
        .await;
    let joined = event("user-joined", json!({"user": {"id": "ann", "name": "Ann"}}));
    let left = event("user-leaved-workspace", json!({"userId": "ann"}));
    assert_eq!(bob.heard().await, [joined.clone(), left, joined]);
    server.join("ann").await;
    assert_eq!(bob.heard().await, [status("ann", "online")]);
}
