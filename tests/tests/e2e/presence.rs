//! Combined status, lost transports and what holds them.

use serde_json::{Value, json};
use wardroom_tests::server::WORKSPACE;
use wardroom_tests::{Flavour, Server, event, eventually};

use crate::exchange::{closing_code, media, media_with, selected, status, unselected};

#[tokio::test]
async fn the_combined_status_is_the_highest_and_only_changes_are_announced() {
    let server = Server::start().await;
    let mut bob = server.join("bob").await;
    let mut laptop = server.join("ann").await;
    let idle = json!({"onlineStatus": "idle"});
    let mut phone = server
        .enter(Flavour::Js4WebSocket, "ann", idle.clone())
        .await;
    assert_eq!(bob.heard().await, [status("ann", "online")]);
    laptop.ask_ok("update-online-status", idle).await;
    assert_eq!(bob.heard().await, [status("ann", "idle")]);
    laptop
        .ask_ok("update-online-status", json!({"onlineStatus": "offline"}))
        .await;
    assert_eq!(bob.heard().await, []);
    phone.disconnect();
    phone.disconnected().await;
    assert_eq!(bob.next().await, status("ann", "offline"));
    laptop
        .ask_ok("update-online-status", json!({"onlineStatus": "online"}))
        .await;
    assert_eq!(bob.heard().await, [status("ann", "online")]);
}

#[tokio::test]
async fn somebody_invisible_enters_unannounced() {
    let server = Server::start().await;
    let mut bob = server.join("bob").await;
    let offline = json!({"onlineStatus": "offline"});
    let mut ann = server.enter(Flavour::Js4WebSocket, "ann", offline).await;
    ann.disconnect();
    ann.disconnected().await;
    eventually("the end of Ann's connection", || async {
        (server.backend().workspace().await["connections"] == 1).then_some(())
    })
    .await;
    assert_eq!(bob.heard().await, []);
}

#[tokio::test]
async fn a_lost_transport_is_announced_when_its_grace_is_over() {
    let server = Server::with().set("presence.grace", "200ms").start().await;
    let mut bob = server.join("bob").await;
    let ann = server.join("ann").await;
    bob.heard().await;
    drop(ann);
    assert_eq!(bob.next().await, status("ann", "offline"));
}

#[tokio::test]
async fn a_lost_transport_in_a_channel_has_a_grace_of_its_own() {
    let server = Server::with()
        .set("presence.grace", "60s")
        .set("presence.grace_in_channel", "200ms")
        .start()
        .await;
    server.backend().put_channel("c", &json!({})).await;
    let mut bob = server.join("bob").await;
    let mut ann = server.join("ann").await;
    ann.ask_ok("select-channel", json!({"channelId": "c"}))
        .await;
    bob.heard().await;
    drop(ann);
    assert_eq!(bob.next().await, unselected("ann", "c"));
    assert_eq!(bob.next().await, status("ann", "offline"));
}

/// Waits until the server has noticed that a transport broke, which nobody is told.
async fn connections_become(server: &Server, count: u64) {
    eventually("the number of connections", || async {
        let seen = server.backend().workspace().await["connections"].as_u64();
        (seen == Some(count)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn who_returns_with_the_lost_socket_keeps_the_conversation_unseen() {
    let server = Server::start().await;
    server.backend().put_channel("c", &json!({})).await;
    let mut bob = server.join("bob").await;
    let mut ann = server.join("ann").await;
    let camera = json!({"channelId": "c", "userMediaState": {"camera": true}});
    ann.ask_ok("select-channel", camera).await;
    bob.heard().await;
    let lost = ann.socket().to_owned();
    drop(ann);
    connections_become(&server, 1).await;

    let previous = json!({"prevSocketId": lost});
    let mut ann = server.enter(Flavour::Js4WebSocket, "ann", previous).await;
    assert_eq!(bob.heard().await, []);
    ann.ask_ok(
        "update-media-state",
        json!({"userMediaState": {"speaking": true}}),
    )
    .await;
    let state = media_with(json!({"camera": true, "speaking": true}));
    let data = json!({"userId": "ann", "userMediaState": state});
    assert_eq!(bob.heard().await, [event("media-state-updated", data)]);
}

#[tokio::test]
async fn who_returns_without_naming_the_lost_socket_keeps_the_status_only() {
    let server = Server::start().await;
    server.backend().put_channel("c", &json!({})).await;
    let mut bob = server.join("bob").await;
    let mut ann = server.join("ann").await;
    ann.ask_ok("select-channel", json!({"channelId": "c"}))
        .await;
    bob.heard().await;
    drop(ann);
    connections_become(&server, 1).await;

    let mut ann = server.join("ann").await;
    let patch = json!({"userMediaState": {"speaking": true}});
    let refused = ann.ask_refused("update-media-state", patch).await;
    assert_eq!(refused, "selected-on-another-device");
    assert_eq!(bob.heard().await, []);
    ann.heard().await;
    ann.ask_ok("select-channel", json!({"channelId": "c"}))
        .await;
    assert_eq!(bob.heard().await, [selected("ann", "c", media())]);
    let moved = event("user-changed-device", Value::Null);
    assert_eq!(ann.heard().await, [selected("ann", "c", media()), moved]);
}

#[tokio::test]
async fn a_previous_socket_that_is_still_connected_is_closed() {
    let server = Server::start().await;
    server.backend().put_channel("c", &json!({})).await;
    let mut bob = server.join("bob").await;
    let mut old = server.join("ann").await;
    old.ask_ok("select-channel", json!({"channelId": "c"}))
        .await;
    bob.heard().await;
    let previous = json!({"prevSocketId": old.socket()});
    let mut new = server.enter(Flavour::Js4WebSocket, "ann", previous).await;
    assert_eq!(closing_code(&old.last_heard().await), "superseded");
    new.ask_ok("unselect-channel", json!({})).await;
    assert_eq!(bob.heard().await, [unselected("ann", "c")]);
}

#[tokio::test]
async fn nobody_takes_over_the_socket_of_somebody_else() {
    let server = Server::start().await;
    let mut ann = server.join("ann").await;
    let previous = json!({"prevSocketId": ann.socket()});
    server.enter(Flavour::Js4WebSocket, "bob", previous).await;
    assert_eq!(ann.heard().await, [status("bob", "online")]);
}

#[tokio::test]
async fn a_workspace_hears_nothing_of_another() {
    let server = Server::start().await;
    let mut ann = server.join("ann").await;
    let mut far = server.connect(Flavour::Js4WebSocket, "far").await;
    far.auth("far", "elsewhere").await;
    let elsewhere = "/v1/workspaces/elsewhere/channels/c";
    server.backend().ok("PUT", elsewhere, &json!({})).await;
    far.ask_ok("select-channel", json!({"channelId": "c"}))
        .await;
    assert_eq!(ann.heard().await, []);
    assert_eq!(
        ann.ask_refused("select-channel", json!({"channelId": "c"}))
            .await,
        "channel-not-found"
    );
    let users: Vec<_> = ann.state().await["members"]
        .as_array()
        .into_iter()
        .flatten()
        .cloned()
        .collect();
    assert_eq!(users.len(), 1, "{WORKSPACE} shows {users:?}");
}
