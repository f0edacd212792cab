//! The application's own events.

use super::*;
use crate::limits::{MAX_EVENT_DATA_BYTES, MAX_EVENT_NAME_CHARS};

const PATH: &str = "/v1/workspaces/w/events";

fn event(name: &str, data: Value) -> Value {
    json!({"event": name, "data": data, "to": {"workspace": true}})
}

#[tokio::test]
async fn an_event_goes_to_whom_it_is_for() {
    let server = furnished().await;
    server.connect("w", "u1", "s1").await;
    server
        .post(
            "/v1/connections/s1/select-channel",
            json!({"userId": "u1", "channelId": "c"}),
        )
        .await
        .is(200);
    let mut log = server.follow("w");
    for (to, audience) in [
        (json!({"workspace": true}), "Workspace"),
        (json!({"channel": "p"}), r#"Users({"u1"})"#),
        (json!({"conversation": "c"}), r#"Sockets(["s1"])"#),
        (
            json!({"users": ["u2", "u1", "u2"]}),
            r#"Users({"u1", "u2"})"#,
        ),
        (json!({"sockets": ["s1", "s1"]}), r#"Sockets(["s1"])"#),
    ] {
        let body = json!({"event": "news", "data": {"b": 1, "a": [null]}, "to": to});
        server.post(PATH, body).await.is(200);
        let expected = format!(r#"news {{"a":[null],"b":1}} {audience}"#);
        assert_eq!(log.next().await, [expected]);
    }
    let without_data = json!({"event": "news", "to": {"workspace": true}});
    server.post(PATH, without_data).await.is(200);
    assert_eq!(log.next().await, ["news null Workspace"]);
}

#[tokio::test]
async fn an_event_for_what_is_not_there_is_refused() {
    let server = furnished().await;
    let to = |to| json!({"event": "news", "to": to});
    server
        .post(PATH, to(json!({"channel": "none"})))
        .await
        .problem("channel-not-found");
    server
        .post(PATH, to(json!({"conversation": "none"})))
        .await
        .problem("channel-not-found");
    let answered = server
        .post("/v1/workspaces/none/events", event("news", json!(1)))
        .await;
    answered.problem("workspace-not-found");
    let many: Vec<_> = (0..=10_000).map(|n| format!("u{n}")).collect();
    server
        .post(PATH, to(json!({"users": many})))
        .await
        .problem("limit-reached");
}

#[tokio::test]
async fn to_holds_exactly_one_documented_form() {
    let server = furnished().await;
    for (to, pointer) in [
        (json!({}), "/to"),
        (json!({"workspace": true, "channel": "c"}), "/to"),
        (json!({"workspace": false}), "/to/workspace"),
        (json!({"everyone": true}), "/to/everyone"),
        (json!({"users": "u1"}), "/to/users"),
        (json!({"users": ["u1", ""]}), "/to/users/1"),
        (json!({"sockets": [1]}), "/to/sockets/0"),
        (json!({"channel": ""}), "/to/channel"),
        (json!("workspace"), "/to"),
        (json!(null), "/to"),
        (json!([true, null, null, null, null]), "/to"),
    ] {
        server
            .post(PATH, json!({"event": "news", "to": to}))
            .await
            .wrong_at(pointer);
    }
}

#[tokio::test]
async fn reserved_names_are_refused() {
    let server = furnished().await;
    let long = "x".repeat(MAX_EVENT_NAME_CHARS + 1);
    for name in [
        "connect",
        "connect_error",
        "disconnect",
        "disconnecting",
        "newListener",
        "removeListener",
        "auth-success",
        "socket-api-error",
        "socket-api-error-t1",
        "",
        "a\nb",
        &long,
    ] {
        server
            .post(PATH, event(name, json!({})))
            .await
            .wrong_at("/event");
    }
    let longest = "ж".repeat(MAX_EVENT_NAME_CHARS);
    for name in ["auth", "connected", "error", &longest] {
        server.post(PATH, event(name, json!({}))).await.is(200);
    }
}

#[tokio::test]
async fn documented_events_must_have_their_documented_form() {
    let server = furnished().await;
    let media = json!({
        "microphone": false, "speakers": true, "screen": false, "camera": true, "speaking": false,
        "hand": {"up": true},
    });
    let mut part = media.clone();
    part.as_object_mut().unwrap().remove("camera");
    let selected =
        |media: &Value| json!({"userId": "u1", "channelId": "c", "userMediaState": media});
    for (name, data) in [
        ("channel-created", json!({"channelId": "c"})),
        ("channel-deleted", json!({"channelId": "c"})),
        ("user-joined", json!({"user": {"id": "u1", "name": "Ann"}})),
        ("user-leaved-workspace", json!({"userId": "u1"})),
        ("user-updated", json!({"user": {"id": "u1"}})),
        ("user-selected-channel", selected(&media)),
        (
            "user-unselected-channel",
            json!({"userId": "u1", "channelId": "c"}),
        ),
        ("user-changed-device", json!(null)),
        (
            "online-status-updated",
            json!({"userId": "u1", "onlineStatus": "idle"}),
        ),
        (
            "media-state-updated",
            json!({"userId": "u1", "userMediaState": media}),
        ),
    ] {
        server.post(PATH, event(name, data)).await.is(200);
    }
    for (name, data, pointer) in [
        ("channel-created", json!({}), "/data/channelId"),
        ("channel-created", json!(null), "/data"),
        (
            "channel-created",
            json!({"channelId": 1}),
            "/data/channelId",
        ),
        (
            "channel-deleted",
            json!({"channelId": "c", "more": 1}),
            "/data/more",
        ),
        ("user-joined", json!({"user": "u1"}), "/data/user"),
        (
            "user-updated",
            json!({"user": {"name": "Ann"}}),
            "/data/user/id",
        ),
        (
            "user-selected-channel",
            selected(&part),
            "/data/userMediaState/camera",
        ),
        ("user-changed-device", json!({}), "/data"),
        (
            "online-status-updated",
            json!({"userId": "u1", "onlineStatus": "away"}),
            "/data/onlineStatus",
        ),
        (
            "media-state-updated",
            json!({"userId": "", "userMediaState": media}),
            "/data/userId",
        ),
    ] {
        server.post(PATH, event(name, data)).await.wrong_at(pointer);
    }
}

#[tokio::test]
async fn the_payload_of_an_event_is_bounded() {
    let server = furnished().await;
    let fits = "x".repeat(MAX_EVENT_DATA_BYTES - 2);
    server.post(PATH, event("news", json!(fits))).await.is(200);
    server
        .post(PATH, event("news", json!(format!("{fits}x"))))
        .await
        .wrong_at("/data");
}
