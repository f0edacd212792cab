//! Commands that a backend relays for a connection, and kicks.

use super::*;

/// Every command that may be relayed, for a user.
fn relays(user: &str) -> [(&'static str, Value); 4] {
    [
        ("select-channel", json!({"userId": user, "channelId": "c"})),
        (
            "update-media-state",
            json!({"userId": user, "userMediaState": {"microphone": true}}),
        ),
        (
            "update-online-status",
            json!({"userId": user, "onlineStatus": "idle"}),
        ),
        ("unselect-channel", json!({"userId": user})),
    ]
}

#[tokio::test]
async fn nothing_is_relayed_through_another_users_connection() {
    let server = furnished().await;
    server.connect("w", "u1", "s1").await;
    server.connect("w", "u2", "s2").await;
    let select = json!({"userId": "u1", "channelId": "c"});
    let path = "/v1/connections/s1/select-channel";
    server.post(path, select).await.is(200);
    let mut log = server.follow("w");
    for (command, mut body) in relays("u2") {
        let path = format!("/v1/connections/s1/{command}");
        let answered = server.post(&path, body.clone()).await;
        let problem = answered.problem("another-users-connection");
        assert_eq!(problem["status"], 403, "{command}");
        // The right user in the wrong workspace is told no more than that there is no such thing.
        body["userId"] = json!("u1");
        body["workspaceId"] = json!("elsewhere");
        let answered = server.post(&path, body).await;
        answered.problem("connection-not-found");
    }
    let answered = server.delete("/v1/connections/s1?userId=u2").await;
    answered.problem("another-users-connection");
    let answered = server.delete("/v1/connections/s1?workspaceId=v").await;
    answered.problem("connection-not-found");
    let to = json!({"socketsOf": {"userId": "u2", "sockets": ["s2", "s1"]}});
    let body = json!({"event": "secret", "data": 1, "to": to});
    let answered = server.post("/v1/workspaces/w/events", body).await;
    answered.problem("another-users-connection");
    let body = json!({"event": "known", "to": {"socketsOf": {"userId": "u2", "sockets": ["s2"]}}});
    server.post("/v1/workspaces/w/events", body).await.is(200);
    let heard = log.next().await;
    assert_eq!(
        heard,
        [r#"known null Sockets(["s2"])"#],
        "nothing before it"
    );
}

#[tokio::test]
async fn a_relay_says_for_whom_it_acts() {
    let server = furnished().await;
    server.connect("w", "u1", "s1").await;
    for (command, body) in relays("u1") {
        let path = format!("/v1/connections/s1/{command}");
        let mut without = body.clone();
        without.as_object_mut().unwrap().remove("userId");
        let problem = server.post(&path, without).await.wrong_at("");
        assert!(problem["detail"].as_str().unwrap().contains("`userId`"));
        for (key, wrong) in [("userId", json!("")), ("workspaceId", json!("a\nb"))] {
            let mut body = body.clone();
            body[key] = wrong;
            server.post(&path, body).await.wrong_at(&format!("/{key}"));
        }
    }
}

#[tokio::test]
async fn one_connection_is_closed_and_the_others_stay() {
    let server = furnished().await;
    server.connect("w", "u1", "s1").await;
    server.connect("w", "u1", "s2").await;
    let mut log = server.follow("w");
    server.delete("/v1/connections/s1").await.is(204);
    assert_eq!(log.next().await, ["closed s1 Kicked"]);
    let answered = server.delete("/v1/connections/s1").await;
    answered.problem("connection-not-found");
    let path = "/v1/connections/s2?userId=u1&workspaceId=w";
    server.delete(path).await.is(204);
    assert_eq!(log.next().await, ["u1 Offline", "closed s2 Kicked"]);
    for wrong in ["?userId=", "?user=u1", "?workspaceId="] {
        let path = format!("/v1/connections/s2{wrong}");
        server.delete(&path).await.problem("invalid-data");
    }
}

#[tokio::test]
async fn a_connection_says_whose_it_is_and_where() {
    let server = furnished().await;
    server.connect("w", "u1", "s1").await;
    server.connect("w", "u1", "s2").await;
    let body = json!({"userId": "u1", "channelId": "c"});
    let path = "/v1/connections/s1/select-channel";
    server.post(path, body).await.is(200);
    let seen = |socket: &str, channel: Value| {
        json!({
            "socketId": socket, "workspaceId": "w", "userId": "u1", "onlineStatus": "online",
            "selectedChannelId": channel,
        })
    };
    let body = server.get("/v1/connections/s1").await.is(200);
    assert_eq!(body, seen("s1", json!("c")));
    let body = server.get("/v1/connections/s2").await.is(200);
    assert_eq!(body, seen("s2", Value::Null), "the other one is in it");
}

#[tokio::test]
async fn the_connections_of_a_workspace_come_in_pages() {
    let server = furnished().await;
    let expected = [
        ("u1", "s3"),
        ("u1", "s4"),
        ("u2", "s1"),
        ("u3", "s2"),
        ("u3", "s5"),
    ];
    for (user, socket) in expected.iter().rev() {
        server.connect("w", user, socket).await;
    }
    server.connect("w", "u2", "gone").await;
    server.disconnect("w", "gone").await;
    for limit in 1..=6 {
        let mut seen = Vec::new();
        let mut path = format!("/v1/workspaces/w/connections?limit={limit}");
        loop {
            let body = server.get(&path).await.is(200);
            let page = body["connections"].as_array().unwrap();
            assert!(page.len() <= limit);
            for one in page {
                let text = |key: &str| one[key].as_str().unwrap().to_owned();
                seen.push((text("userId"), text("socketId")));
            }
            let Some(next) = body["next"].as_str() else {
                break;
            };
            path = format!("/v1/workspaces/w/connections?limit={limit}&cursor={next}");
        }
        let expected = expected.map(|(user, socket)| (user.to_owned(), socket.to_owned()));
        assert_eq!(seen, expected, "in pages of {limit}");
    }
    for wrong in [
        "?limit=0",
        "?limit=1001",
        "?limit=x",
        "?cursor=x",
        "?page=2",
    ] {
        let path = format!("/v1/workspaces/w/connections{wrong}");
        server.get(&path).await.problem("invalid-data");
    }
    let nowhere = server.get("/v1/workspaces/none/connections").await;
    nowhere.problem("workspace-not-found");
}

#[tokio::test]
async fn a_backend_relays_the_commands_of_a_client() {
    let server = furnished().await;
    server.connect("w", "u1", "s1").await;
    let mut log = server.follow("w");
    let path = |command: &str| format!("/v1/connections/s1/{command}");

    let body = json!({"userId": "u1", "channelId": "c"});
    server
        .post(&path("select-channel"), body.clone())
        .await
        .is(200);
    assert_eq!(log.next().await, ["u1 in c"]);
    let again = server.post(&path("select-channel"), body).await.is(200);
    assert_eq!(again["outcome"], "unchanged");
    assert!(log.next().await.is_empty());

    let body = json!({"userId": "u1", "workspaceId": "w", "userMediaState": {"microphone": true}});
    server.post(&path("update-media-state"), body).await.is(200);
    assert!(log.next().await[0].starts_with("MediaStateUpdated"));

    server
        .post(
            &path("update-online-status"),
            json!({"userId": "u1", "onlineStatus": "idle"}),
        )
        .await
        .is(200);
    assert_eq!(log.next().await, ["u1 Idle"]);

    let body = json!({"userId": "u1"});
    server
        .post(&path("unselect-channel"), body.clone())
        .await
        .is(200);
    assert_eq!(log.next().await, ["u1 out of c"]);
    let answered = server.post(&path("unselect-channel"), body).await;
    answered.problem("channel-not-selected");
}

#[tokio::test]
async fn what_the_rules_refuse_is_a_problem() {
    let server = furnished().await;
    server.connect("w", "u2", "s1").await;
    server.connect("w", "u2", "s2").await;
    let select = |channel| json!({"userId": "u2", "channelId": channel});
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
        .post(
            "/v1/connections/s2/unselect-channel",
            json!({"userId": "u2"}),
        )
        .await;
    answered.problem("selected-on-another-device");
    let large = json!({"userId": "u2", "userMediaState": {"x": "x".repeat(3000)}});
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
        for (command, body) in relays("u1") {
            let path = format!("/v1/connections/{socket}/{command}");
            server
                .post(&path, body)
                .await
                .problem("connection-not-found");
        }
        let path = format!("/v1/connections/{socket}");
        server.get(&path).await.problem("connection-not-found");
        server.delete(&path).await.problem("connection-not-found");
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
