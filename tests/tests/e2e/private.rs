//! The shipped policy `private-channels`, in a real server.

use serde_json::{Value, json};
use wardroom_tests::backend::channel;
use wardroom_tests::server::WORKSPACE;
use wardroom_tests::settings::Settings;
use wardroom_tests::{Flavour, Server, event, paths, token};

use crate::exchange::{created, deleted, media, media_with, selected, unselected};

fn with_policy() -> Settings {
    Server::with().policy("private-channels", &paths::private_channels())
}

#[tokio::test]
async fn a_private_channel_exists_for_its_members_only() {
    let server = with_policy().start().await;
    let backend = server.backend();
    let mut ann = server.join("ann").await;
    let mut eve = server.join("eve").await;
    ann.heard().await;
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
    ann.ask_ok("select-channel", json!({"channelId": "p"}))
        .await;
    backend
        .publish("inside", &json!(1), &json!({"channel": "p"}))
        .await;
    backend.delete_channel("p").await;
    let heard = [
        created("p"),
        selected("ann", "p", media_with(json!({"camera": true}))),
        event(
            "media-state-updated",
            json!({"userId": "ann", "userMediaState": media()}),
        ),
        unselected("ann", "p"),
        selected("ann", "p", media()),
        event("inside", json!(1)),
        unselected("ann", "p"),
        deleted("p"),
    ];
    assert_eq!(ann.heard().await, heard);
    assert_eq!(eve.heard().await, [], "not even that it exists");
}

#[tokio::test]
async fn becoming_a_member_shows_a_channel_and_ceasing_hides_it() {
    let server = with_policy().start().await;
    let backend = server.backend();
    let mut ann = server.join("ann").await;
    let mut eve = server.join("eve").await;
    backend
        .put_channel("p", &json!({"private": true, "members": ["ann"]}))
        .await;
    ann.heard().await;
    let membership = format!("{}/members/eve", channel("p"));
    backend.ok("PUT", &membership, &Value::Null).await;
    assert_eq!(eve.heard().await, [created("p")]);
    assert_eq!(ann.heard().await, [], "Ann's view has not changed");
    eve.ask_ok("select-channel", json!({"channelId": "p"}))
        .await;
    backend.ok("DELETE", &membership, &Value::Null).await;
    assert_eq!(
        eve.heard().await,
        [
            selected("eve", "p", media()),
            unselected("eve", "p"),
            deleted("p")
        ]
    );
    assert_eq!(
        ann.heard().await,
        [selected("eve", "p", media()), unselected("eve", "p")]
    );
    let refused = eve
        .ask_refused("select-channel", json!({"channelId": "p"}))
        .await;
    assert_eq!(refused, "channel-not-found", "as if there were none");
}

#[tokio::test]
async fn making_a_channel_public_shows_it_to_exactly_the_others() {
    let server = with_policy().start().await;
    let backend = server.backend();
    let mut ann = server.join("ann").await;
    let mut eve = server.join("eve").await;
    backend
        .put_channel("p", &json!({"private": true, "members": ["ann"]}))
        .await;
    ann.heard().await;
    backend.put_channel("p", &json!({"private": false})).await;
    assert_eq!(eve.heard().await, [created("p")]);
    assert_eq!(ann.heard().await, []);
    backend.put_channel("p", &json!({"private": true})).await;
    assert_eq!(eve.heard().await, [deleted("p")]);
    assert_eq!(ann.heard().await, []);
}

#[tokio::test]
async fn the_settings_name_roles_that_see_everything() {
    let mut settings = toml::Table::new();
    settings.insert("see_all_roles".into(), vec!["admin".to_owned()].into());
    let server = with_policy().policy_set("settings", settings).start().await;
    let mut admin = server.connect(Flavour::Js4WebSocket, "admin").await;
    let token = token::with_role("root", WORKSPACE, "admin");
    admin
        .ask_ok("auth", json!({"token": token, "workspaceId": WORKSPACE}))
        .await;
    admin.heard().await;
    let mut eve = server.join("eve").await;
    admin.heard().await;
    server
        .backend()
        .put_channel("p", &json!({"private": true}))
        .await;
    assert_eq!(admin.heard().await, [created("p")]);
    assert_eq!(eve.heard().await, []);
}
