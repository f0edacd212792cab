//! What every client must be able to do. It must not know which client it is.

use serde_json::{Value, json};
use wardroom_tests::server::WORKSPACE;
use wardroom_tests::{Backend, Client, Event, Flavour, Server, event, token};

/// The media state of somebody who has said nothing about it.
pub(crate) fn media() -> Value {
    json!({
        "microphone": false, "speakers": true, "screen": false, "camera": false, "speaking": false,
    })
}

/// The default media state with some keys changed or added.
pub(crate) fn media_with(changes: Value) -> Value {
    let mut state = media();
    let changes = changes.as_object().expect("changes are an object").clone();
    state.as_object_mut().expect("an object").extend(changes);
    state
}

pub(crate) fn selected(user: &str, channel: &str, media: Value) -> Event {
    let data = json!({"userId": user, "channelId": channel, "userMediaState": media});
    event("user-selected-channel", data)
}

pub(crate) fn unselected(user: &str, channel: &str) -> Event {
    event(
        "user-unselected-channel",
        json!({"userId": user, "channelId": channel}),
    )
}

pub(crate) fn status(user: &str, status: &str) -> Event {
    event(
        "online-status-updated",
        json!({"userId": user, "onlineStatus": status}),
    )
}

pub(crate) fn created(channel: &str) -> Event {
    event("channel-created", json!({"channelId": channel}))
}

pub(crate) fn deleted(channel: &str) -> Event {
    event("channel-deleted", json!({"channelId": channel}))
}

/// The reason of a closure, as the last event before it.
pub(crate) fn closing_code(heard: &[Event]) -> String {
    let last = heard.last().expect("a client is told why");
    assert_eq!(last.name, "socket-api-error", "the last of {heard:?}");
    assert_eq!(last.data["event"], "auth");
    last.data["code"]
        .as_str()
        .expect("a code is a string")
        .to_owned()
}

fn credentials(user: &str) -> Value {
    json!({"token": token::token(user, WORKSPACE), "workspaceId": WORKSPACE})
}

/// The first two things that somebody who enters is told.
async fn told_on_entering(client: &mut Client) -> Vec<Event> {
    let mut heard = vec![client.next().await, client.next().await];
    heard.sort_by(|a, b| a.name.cmp(&b.name));
    heard
}

pub(super) async fn auth_at_once(flavour: Flavour) {
    let server = Server::start().await;
    let mut ann = Client::start(flavour, "ann");
    let mut auth = credentials("ann");
    auth["transaction"] = json!("t 1");
    ann.connect(&server, Value::Null, &[("auth", auth)]);
    let answer = event(
        "auth-success",
        json!({"transaction": "t 1", "userId": "ann"}),
    );
    assert_eq!(
        told_on_entering(&mut ann).await,
        [answer, status("ann", "online")]
    );
    ann.uses(flavour.settled_transport()).await;
    assert_eq!(ann.heard().await, []);
}

pub(super) async fn auth_in_handshake(flavour: Flavour) {
    if !flavour.has_handshake_payload() {
        return;
    }
    let server = Server::start().await;
    let mut ann = Client::start(flavour, "ann");
    ann.connect(&server, credentials("ann"), &[]);
    let answer = event("auth-success", json!({"userId": "ann"}));
    assert_eq!(
        told_on_entering(&mut ann).await,
        [answer, status("ann", "online")]
    );
    // A handshake that fails is answered like an event that fails.
    let mut bob = Client::start(flavour, "bob");
    bob.connect(
        &server,
        json!({"token": "no", "workspaceId": WORKSPACE}),
        &[],
    );
    let refused = bob.next().await;
    assert_eq!(refused.name, "socket-api-error");
    assert_eq!(refused.data["event"], "auth");
    assert_eq!(refused.data["code"], "invalid-token");
}

pub(super) async fn every_event(flavour: Flavour) {
    let server = Server::start().await;
    let join = async |user: &str| server.join_as(flavour, user).await;
    every_event_between(&server.backend(), join).await;
}

/// Two users in a workspace, one of them on two devices, hear all ten events.
pub(crate) async fn every_event_between(backend: &Backend, join: impl AsyncFn(&str) -> Client) {
    let mut ann = join("ann").await;
    let mut bob = join("bob").await;
    ann.heard().await;

    backend.put_channel("c", &json!({})).await;
    let carl = json!({"id": "carl", "name": "Карл", "tags": [1, {"a": null}]});
    backend.put_member("carl", &json!({"user": carl})).await;
    let new_carl = json!({"id": "carl", "name": "Carlo"});
    backend
        .ok("PUT", "/v1/users/carl", &json!({"user": new_carl}))
        .await;
    backend.remove_member("carl").await;
    let heard = [
        created("c"),
        event("user-joined", json!({"user": carl})),
        event("user-updated", json!({"user": new_carl})),
        event("user-leaved-workspace", json!({"userId": "carl"})),
    ];
    assert_eq!(ann.heard().await, heard);
    assert_eq!(bob.heard().await, heard);

    let select = json!({"channelId": "c", "userMediaState": {"microphone": true}});
    assert_eq!(ann.ask_ok("select-channel", select).await, json!({}));
    let patch = json!({"userMediaState": {"speaking": true, "hand": "up"}});
    assert_eq!(ann.ask_ok("update-media-state", patch).await, json!({}));
    let idle = json!({"onlineStatus": "idle"});
    assert_eq!(bob.ask_ok("update-online-status", idle).await, json!({}));
    let now = media_with(json!({"microphone": true, "speaking": true, "hand": "up"}));
    let heard = [
        selected("ann", "c", media_with(json!({"microphone": true}))),
        event(
            "media-state-updated",
            json!({"userId": "ann", "userMediaState": now}),
        ),
        status("bob", "idle"),
    ];
    assert_eq!(ann.heard().await, heard);
    assert_eq!(bob.heard().await, heard);

    // The conversation moves to another of Ann's devices.
    let mut phone = join("ann").await;
    phone
        .ask_ok("select-channel", json!({"channelId": "c"}))
        .await;
    let moved = [
        selected("ann", "c", media()),
        event("user-changed-device", Value::Null),
    ];
    assert_eq!(phone.heard().await, moved);
    assert_eq!(ann.heard().await, moved);
    assert_eq!(bob.heard().await, moved[..1]);

    phone.ask_ok("unselect-channel", json!({})).await;
    backend.delete_channel("c").await;
    let heard = [unselected("ann", "c"), deleted("c")];
    for client in [&mut ann, &mut bob, &mut phone] {
        assert_eq!(client.heard().await, heard);
    }
}

pub(super) async fn errors(flavour: Flavour) {
    let server = Server::start().await;
    let mut ann = server.connect(flavour, "ann").await;
    for (event, code) in [("get-state", "unauthenticated"), ("dance", "invalid-data")] {
        assert_eq!(ann.ask_refused(event, json!({})).await, code);
        expect_error(&mut ann, event, code, None).await;
    }
    ann.auth("ann", WORKSPACE).await;
    ann.heard().await;

    let data = json!({"channelId": "nowhere", "transaction": "T-1"});
    assert_eq!(
        ann.ask_refused("select-channel", data.clone()).await,
        "channel-not-found"
    );
    expect_error(&mut ann, "select-channel", "channel-not-found", Some("T-1")).await;
    ann.emit("select-channel", data);
    expect_error(&mut ann, "select-channel", "channel-not-found", Some("T-1")).await;
    ann.emit("unselect-channel", json!({}));
    expect_error(&mut ann, "unselect-channel", "channel-not-selected", None).await;
    assert_eq!(ann.heard().await, []);
}

/// Waits for the events of one error, which must be the next ones.
async fn expect_error(client: &mut Client, name: &str, code: &str, transaction: Option<&str>) {
    if let Some(transaction) = transaction {
        let own = client.next().await;
        let data = json!({"message": own.data["message"], "code": code});
        assert_eq!(own, event(&format!("socket-api-error-{transaction}"), data));
    }
    let general = client.next().await;
    let data = json!({"event": name, "message": general.data["message"], "code": code});
    assert!(general.data["message"].is_string(), "{general:?}");
    assert_eq!(general, event("socket-api-error", data));
}

pub(super) async fn state(flavour: Flavour) {
    let server = Server::start().await;
    let backend = server.backend();
    let ann = json!({"id": "ann", "name": "Ann"});
    backend.put_member("ann", &json!({"user": ann})).await;
    backend.put_channel("open", &json!({})).await;
    backend
        .put_channel("hidden", &json!({"private": true, "members": ["ann"]}))
        .await;
    let mut ann_here = server.join_as(flavour, "ann").await;
    let mut bob = server.join_as(flavour, "bob").await;
    let camera = json!({"channelId": "hidden", "userMediaState": {"camera": true}});
    ann_here.ask_ok("select-channel", camera).await;

    let member = |user: Value, channel: Option<&str>, media: Value| {
        json!({
            "user": user, "onlineStatus": "online",
            "selectedChannelId": channel, "userMediaState": media,
        })
    };
    let bob_seen = member(json!({"id": "bob"}), None, media());
    let camera_on = media_with(json!({"camera": true}));
    let seen_by_ann = json!({
        "members": [member(ann.clone(), Some("hidden"), camera_on), bob_seen],
        "channels": [
            {"channelId": "hidden", "private": true}, {"channelId": "open", "private": false},
        ],
    });
    let seen_by_bob = json!({
        "members": [member(ann, None, media()), bob_seen],
        "channels": [{"channelId": "open", "private": false}],
    });
    assert_eq!(sorted(ann_here.state().await), seen_by_ann);
    assert_eq!(sorted(bob.state().await), seen_by_bob);
}

/// The order of members and channels is not promised.
fn sorted(mut state: Value) -> Value {
    for list in ["members", "channels"] {
        let list = state[list].as_array_mut().expect("a list");
        list.sort_by_key(|item| format!("{}{}", item["user"]["id"], item["channelId"]));
    }
    state
}

pub(super) async fn departure(flavour: Flavour) {
    // The grace for lost transports is longer than this test waits, where the client's leaving
    // can be told from one.
    let grace = if flavour.says_goodbye() {
        "1h"
    } else {
        "100ms"
    };
    let settings = Server::with().set("presence.grace_in_channel", grace);
    let server = settings.start().await;
    server.backend().put_channel("c", &json!({})).await;
    let mut bob = server.join("bob").await;
    let mut ann = server.join_as(flavour, "ann").await;
    ann.ask_ok("select-channel", json!({"channelId": "c"}))
        .await;
    bob.heard().await;
    ann.disconnect();
    for expected in [unselected("ann", "c"), status("ann", "offline")] {
        assert_eq!(bob.next().await, expected);
    }
}

pub(super) async fn kick(flavour: Flavour) {
    let server = Server::start().await;
    let mut bob = server.join("bob").await;
    let mut ann = server.join_as(flavour, "ann").await;
    bob.heard().await;
    server.backend().kick("ann").await;
    assert_eq!(closing_code(&ann.last_heard().await), "kicked");
    assert_eq!(bob.heard().await, [status("ann", "offline")]);
}
