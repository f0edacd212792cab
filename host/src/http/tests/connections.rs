//! Commands that a backend relays for a connection, and kicks.

use super::*;

#[tokio::test]
async fn a_backend_relays_the_commands_of_a_client() {
    let server = furnished().await;
    server.connect("w", "u1", "s1").await;
    let mut log = server.follow("w");
    let path = |command: &str| format!("/v1/connections/s1/{command}");

    let body = json!({"channelId": "c"});
    server
        .post(&path("select-channel"), body.clone())
        .await
        .is(200);
    assert_eq!(log.next().await, ["u1 in c"]);
    let again = server.post(&path("select-channel"), body).await.is(200);
    assert_eq!(again["outcome"], "unchanged");
    assert!(log.next().await.is_empty());

    let body = json!({"userMediaState": {"microphone": true}});
    server.post(&path("update-media-state"), body).await.is(200);
    assert!(log.next().await[0].starts_with("MediaStateUpdated"));

    server
        .post(
            &path("update-online-status"),
            json!({"onlineStatus": "idle"}),
        )
        .await
        .is(200);
    assert_eq!(log.next().await, ["u1 Idle"]);

    let empty = request_with(
        "POST",
        &path("unselect-channel"),
        &[("content-type", "")],
        "",
    );
    server.send(empty).await.is(200);
    assert_eq!(log.next().await, ["u1 out of c"]);
    let answered = server.post(&path("unselect-channel"), json!({})).await;
    answered.problem("channel-not-selected");
}

#[tokio::test]
async fn what_the_rules_refuse_is_a_problem() {
    let server = furnished().await;
    server.connect("w", "u2", "s1").await;
    server.connect("w", "u2", "s2").await;
    let select = |channel| json!({"channelId": channel});
    let path = "/v1/connections/s1/select-channel";
    server
        .post(path, select("none"))
        .await
        .problem("channel-not-found");
    server
        .post(path, select("p"))
        .await
        .problem("channel-not-found");
    server.post(path, select("c")).await.is(200);
    let answered = server
        .post("/v1/connections/s2/unselect-channel", json!({}))
        .await;
    answered.problem("selected-on-another-device");
    let large = json!({"userMediaState": {"x": "x".repeat(3000)}});
    let answered = server
        .post("/v1/connections/s1/update-media-state", large)
        .await;
    answered.problem("invalid-data");
}

#[tokio::test]
async fn a_socket_that_is_not_connected_is_not_found() {
    let server = furnished().await;
    server.connect("w", "u1", "s1").await;
    server.disconnect("w", "s1").await;
    for socket in ["s1", "s9"] {
        for (command, body) in [
            ("select-channel", json!({"channelId": "c"})),
            ("unselect-channel", json!({})),
            ("update-media-state", json!({"userMediaState": {}})),
            ("update-online-status", json!({"onlineStatus": "idle"})),
        ] {
            let path = format!("/v1/connections/{socket}/{command}");
            server
                .post(&path, body)
                .await
                .problem("connection-not-found");
        }
    }
}

#[tokio::test]
async fn a_user_is_disconnected_from_one_workspace_or_from_all() {
    let server = furnished().await;
    server
        .put("/v1/workspaces/v", json!({"members": {}, "channels": {}}))
        .await
        .is(201);
    for id in ["w", "v"] {
        server.connect(id, "guest", &format!("s-{id}")).await;
    }
    let (mut w, mut v) = (server.follow("w"), server.follow("v"));
    let path = "/v1/users/guest/disconnect";
    let body = server.post(path, json!({"workspaceId": "w"})).await.is(200);
    let kicked = |id| json!([{"workspaceId": id, "outcome": "changed"}]);
    assert_eq!(body["workspaces"], kicked("w"));
    assert_eq!(w.next().await, ["guest Offline", "closed s-w Kicked"]);

    let body = server.send(request("POST", path, "")).await.is(200);
    assert_eq!(
        body["workspaces"],
        kicked("v"),
        "a guest is found by the connection"
    );
    assert_eq!(v.next().await, ["guest Offline", "closed s-v Kicked"]);
    let body = server.post(path, json!({})).await.is(200);
    assert_eq!(body["workspaces"], json!([]));
    let nowhere = server.post(path, json!({"workspaceId": "none"})).await;
    nowhere.problem("workspace-not-found");
}
