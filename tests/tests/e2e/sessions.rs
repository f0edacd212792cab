//! How a session moves and ends: devices, renewals, kicks, deadlines.

use serde_json::{Value, json};
use wardroom_tests::server::WORKSPACE;
use wardroom_tests::{Client, Flavour, Server, event, token};

use crate::exchange::{closing_code, media, media_with, selected, status, unselected};

const WS: Flavour = Flavour::Js4WebSocket;

#[tokio::test]
async fn changing_channel_and_device_is_told_in_order() {
    let server = Server::start().await;
    for channel in ["a", "b"] {
        server.backend().put_channel(channel, &json!({})).await;
    }
    let mut bob = server.join("bob").await;
    let mut laptop = server.join("ann").await;
    let mut phone = server.join("ann").await;
    bob.heard().await;
    laptop.heard().await;

    let camera = json!({"channelId": "a", "userMediaState": {"camera": true}});
    laptop.ask_ok("select-channel", camera.clone()).await;
    laptop.ask_ok("select-channel", camera).await;
    let on = media_with(json!({"camera": true}));
    assert_eq!(
        bob.heard().await,
        [selected("ann", "a", on.clone())],
        "once"
    );
    // On the same socket the media state goes along to the next channel.
    laptop
        .ask_ok("select-channel", json!({"channelId": "b"}))
        .await;
    assert_eq!(
        bob.heard().await,
        [unselected("ann", "a"), selected("ann", "b", on)]
    );
    laptop.heard().await;
    phone.heard().await;

    phone
        .ask_ok("select-channel", json!({"channelId": "a"}))
        .await;
    let moved = [
        unselected("ann", "b"),
        selected("ann", "a", media()),
        event("user-changed-device", Value::Null),
    ];
    assert_eq!(phone.heard().await, moved);
    assert_eq!(laptop.heard().await, moved);
    assert_eq!(bob.heard().await, moved[..2]);
    for event in ["unselect-channel", "update-media-state"] {
        let data = json!({"userMediaState": {"camera": true}});
        assert_eq!(
            laptop.ask_refused(event, data).await,
            "selected-on-another-device"
        );
    }
    assert_eq!(bob.heard().await, []);
}

#[tokio::test]
async fn a_removed_member_hears_it_and_is_closed() {
    let server = Server::start().await;
    let backend = server.backend();
    backend.put_channel("c", &json!({})).await;
    backend.put_member("ann", &json!({})).await;
    let mut bob = server.join("bob").await;
    let mut ann = server.connect(WS, "ann").await;
    let credentials = json!({"token": token::without_workspaces("ann"), "workspaceId": WORKSPACE});
    ann.ask_ok("auth", credentials.clone()).await;
    ann.ask_ok("select-channel", json!({"channelId": "c"}))
        .await;
    ann.heard().await;
    bob.heard().await;

    backend.remove_member("ann").await;
    let told = [
        unselected("ann", "c"),
        status("ann", "offline"),
        event("user-leaved-workspace", json!({"userId": "ann"})),
    ];
    assert_eq!(bob.heard().await, told);
    let heard = ann.last_heard().await;
    assert_eq!(heard[..3], told);
    assert_eq!(closing_code(&heard[3..]), "membership-ended");
    assert_eq!(heard.len(), 4, "{heard:?}");
    let mut again = server.connect(WS, "ann").await;
    assert_eq!(
        again.ask_refused("auth", credentials).await,
        "workspace-forbidden"
    );
}

#[tokio::test]
async fn an_expired_token_ends_the_session_unless_it_was_renewed() {
    let server = Server::start().await;
    let short = || token::expiring("ann", WORKSPACE, token::now() + 3);
    let mut kept = server.connect(WS, "kept").await;
    let mut lost = server.connect(WS, "lost").await;
    for client in [&mut kept, &mut lost] {
        client
            .ask_ok("auth", json!({"token": short(), "workspaceId": WORKSPACE}))
            .await;
    }
    kept.auth("ann", WORKSPACE).await;
    let heard = lost.last_heard().await;
    assert_eq!(closing_code(&heard), "token-expired");
    let heard = kept.heard().await;
    assert!(
        heard.iter().all(|event| event.name != "socket-api-error"),
        "{heard:?}"
    );
}

/// A client of each generation and transport is told that its token expires, is closed when it has
/// expired, comes back by itself, and enters with a fresh token.
#[tokio::test]
async fn a_client_whose_token_expired_comes_back_by_itself() {
    let server = Server::with().set("auth.expiry_notice", "1s").start().await;
    let flavours = [
        Flavour::Js4WebSocket,
        Flavour::Js4Upgrade,
        Flavour::Js4Polling,
        Flavour::Js3WebSocket,
        Flavour::Js3Upgrade,
        Flavour::Js2WebSocket,
        Flavour::Js2Upgrade,
        Flavour::Js2Polling,
    ];
    let url = format!("http://{}", server.public());
    futures_util::future::join_all(flavours.map(async |flavour| {
        let user = format!("{flavour:?}");
        let mut client = Client::start(flavour, &user);
        client.connect_with(&url, json!({"reconnection": true}));
        client.connected().await;
        client.uses(flavour.settled_transport()).await;
        let token = token::expiring(&user, WORKSPACE, token::now() + 4);
        client
            .ask_ok("auth", json!({"token": token, "workspaceId": WORKSPACE}))
            .await;
        let mut codes = Vec::new();
        while codes.len() < 2 {
            let heard = client.next().await;
            if heard.name == "socket-api-error" {
                assert_eq!(heard.data["event"], "auth");
                codes.push(heard.data["code"].clone());
            }
        }
        assert_eq!(codes, ["token-expiring", "token-expired"], "{user}");
        let reason = client.came_back().await;
        assert_ne!(reason, "io server disconnect", "{user}");
        client.auth(&user, WORKSPACE).await;
    }))
    .await;
}

/// Those who are to stay away do, though they are told to reconnect.
#[tokio::test]
async fn a_client_that_is_kicked_stays_away() {
    let server = Server::start().await;
    let url = format!("http://{}", server.public());
    let flavours = [
        Flavour::Js4WebSocket,
        Flavour::Js4Polling,
        Flavour::Js3WebSocket,
        Flavour::Js2WebSocket,
        Flavour::Js2Polling,
    ];
    futures_util::future::join_all(flavours.map(async |flavour| {
        let user = format!("{flavour:?}");
        let mut client = Client::start(flavour, &user);
        client.connect_with(&url, json!({"reconnection": true}));
        client.connected().await;
        client.auth(&user, WORKSPACE).await;
        server.backend().kick(&user).await;
        assert_eq!(closing_code(&client.last_heard().await), "kicked");
        assert_eq!(
            client.disconnected().await,
            "io server disconnect",
            "{user}"
        );
    }))
    .await;
}

#[tokio::test]
async fn renewing_changes_nothing_but_the_token_and_the_status() {
    let server = Server::start().await;
    server.backend().put_channel("c", &json!({})).await;
    let mut bob = server.join("bob").await;
    let mut ann = server.join("ann").await;
    ann.ask_ok("select-channel", json!({"channelId": "c"}))
        .await;
    ann.ask_ok("update-online-status", json!({"onlineStatus": "idle"}))
        .await;
    ann.heard().await;
    bob.heard().await;
    ann.auth("ann", WORKSPACE).await;
    assert_eq!(
        ann.heard().await,
        [event("auth-success", json!({"userId": "ann"}))]
    );
    assert_eq!(bob.heard().await, []);
    let token = token::token("ann", WORKSPACE);
    let auth = json!({"token": token, "workspaceId": WORKSPACE, "onlineStatus": "online"});
    ann.ask_ok("auth", auth).await;
    assert_eq!(bob.heard().await, [status("ann", "online")]);
}

#[tokio::test]
async fn a_second_auth_moves_to_another_workspace() {
    let server = Server::start().await;
    server.backend().put_channel("c", &json!({})).await;
    let mut bob = server.join("bob").await;
    let mut ann = server.join("ann").await;
    ann.ask_ok("select-channel", json!({"channelId": "c"}))
        .await;
    bob.heard().await;
    let answer = ann.auth("ann", "second").await;
    assert_eq!(
        answer,
        json!({"userId": "ann", "workspaceId": "second", "socketId": ann.socket()})
    );
    assert_eq!(
        bob.heard().await,
        [unselected("ann", "c"), status("ann", "offline")]
    );
    ann.heard().await;
    bob.ask_ok("update-online-status", json!({"onlineStatus": "idle"}))
        .await;
    assert_eq!(ann.heard().await, []);
}

#[tokio::test]
async fn a_second_auth_as_somebody_else_leaves_as_the_first() {
    let server = Server::start().await;
    server.backend().put_channel("c", &json!({})).await;
    let mut bob = server.join("bob").await;
    let mut ann = server.join("ann").await;
    ann.ask_ok("select-channel", json!({"channelId": "c"}))
        .await;
    bob.heard().await;
    ann.auth("eve", WORKSPACE).await;
    let heard = [
        unselected("ann", "c"),
        status("ann", "offline"),
        status("eve", "online"),
    ];
    assert_eq!(bob.heard().await, heard);
}

#[tokio::test]
async fn a_second_auth_that_fails_leaves_everything_as_it_was() {
    let server = Server::start().await;
    server.backend().put_channel("c", &json!({})).await;
    let mut bob = server.join("bob").await;
    let mut ann = server.join("ann").await;
    ann.ask_ok("select-channel", json!({"channelId": "c"}))
        .await;
    bob.heard().await;
    let good = token::token("ann", WORKSPACE);
    for (token, workspace, code) in [
        ("no token", WORKSPACE, "invalid-token"),
        (&good, "second", "workspace-forbidden"),
    ] {
        let auth = json!({"token": token, "workspaceId": workspace});
        assert_eq!(ann.ask_refused("auth", auth).await, code);
    }
    assert_eq!(bob.heard().await, []);
    ann.ask_ok("unselect-channel", json!({})).await;
    assert_eq!(bob.heard().await, [unselected("ann", "c")]);
}

#[tokio::test]
async fn who_does_not_authenticate_in_time_is_closed() {
    let server = Server::with().set("auth.deadline", "200ms").start().await;
    let mut silent = server.connect(WS, "silent").await;
    assert_eq!(closing_code(&silent.last_heard().await), "auth-timeout");
    let mut wrong = server.connect(WS, "wrong").await;
    wrong.emit("auth", json!({"token": "no", "workspaceId": WORKSPACE}));
    assert_eq!(closing_code(&wrong.last_heard().await), "auth-timeout");
    // Who did is not.
    let mut ann = server.join("ann").await;
    let mut late = server.connect(WS, "late").await;
    assert_eq!(closing_code(&late.last_heard().await), "auth-timeout");
    assert_eq!(ann.heard().await, []);
}

#[tokio::test]
async fn a_kick_reaches_every_device_and_nobody_else() {
    let server = Server::start().await;
    let mut bob = server.join("bob").await;
    let mut laptop = server.join("ann").await;
    let mut phone = server.join_as(Flavour::Js4Polling, "ann").await;
    bob.heard().await;
    server.backend().kick("ann").await;
    for client in [&mut laptop, &mut phone] {
        assert_eq!(closing_code(&client.last_heard().await), "kicked");
    }
    assert_eq!(bob.heard().await, [status("ann", "offline")]);
    // A kick is no ban.
    server.join("ann").await;
    assert_eq!(bob.heard().await, [status("ann", "online")]);
}

#[tokio::test]
async fn a_closed_workspace_closes_its_sockets() {
    let server = Server::start().await;
    let mut ann = server.join("ann").await;
    let mut far = server.connect(WS, "far").await;
    far.auth("far", "elsewhere").await;
    far.heard().await;
    let path = format!("/v1/workspaces/{WORKSPACE}");
    server.backend().put_channel("c", &json!({})).await;
    server.backend().ok("DELETE", &path, &Value::Null).await;
    assert_eq!(closing_code(&ann.last_heard().await), "workspace-closed");
    assert_eq!(far.heard().await, []);
}

#[tokio::test]
async fn everybody_sees_one_order() {
    let server = Server::start().await;
    server.backend().put_channel("c", &json!({})).await;
    let flavours = [
        WS,
        Flavour::Js4Polling,
        Flavour::Js2WebSocket,
        Flavour::PythonUpgrade,
    ];
    let mut clients = Vec::new();
    for (number, flavour) in flavours.into_iter().enumerate() {
        clients.push(server.join_as(flavour, &format!("user-{number}")).await);
    }
    for client in &mut clients {
        client.heard().await;
    }
    for _ in 0..20 {
        for client in &mut clients {
            client.emit("select-channel", json!({"channelId": "c"}));
            client.emit("unselect-channel", json!({}));
        }
    }
    // Everybody's own events are handled when their state has been asked for.
    for client in &mut clients {
        client.state().await;
    }
    let mut orders = Vec::new();
    for client in &mut clients {
        orders.push(client.heard().await);
    }
    assert_eq!(orders[0].len(), 20 * 2 * clients.len());
    assert!(orders.iter().all(|order| *order == orders[0]));
}

#[tokio::test]
async fn a_client_that_connects_again_is_a_new_socket() {
    let server = Server::start().await;
    let first = server.join("ann").await;
    let second: Client = server.join("ann").await;
    assert_ne!(first.socket(), second.socket());
}
