//! Members, users, channels and whole workspaces.

use super::*;

#[tokio::test]
async fn a_member_is_added_changed_and_removed() {
    let server = Server::new();
    let mut log = server.follow("w");
    let path = "/v1/workspaces/w/members/u1";
    let body = json!({"user": {"name": "Ann"}, "role": "guest", "attributes": {"level": 3}});
    assert_eq!(
        server.put(path, body.clone()).await.is(201)["outcome"],
        "created"
    );
    assert_eq!(log.next().await, [r#"joined {"id":"u1","name":"Ann"}"#]);

    assert_eq!(server.put(path, body).await.is(200)["outcome"], "unchanged");
    assert!(log.next().await.is_empty());

    server
        .put(path, json!({"user": {"id": "u1", "name": "Eve"}}))
        .await
        .is(200);
    assert_eq!(log.next().await, [r#"updated {"id":"u1","name":"Eve"}"#]);
    let member = &server.get("/v1/workspaces/w").await.is(200)["members"]["u1"];
    assert_eq!(member["role"], "guest", "what is absent stays");
    assert_eq!(member["attributes"], json!({"level": 3}));

    server.put(path, json!({"role": null})).await.is(200);
    assert!(log.next().await.is_empty());
    let member = &server.get("/v1/workspaces/w").await.is(200)["members"]["u1"];
    assert_eq!(member["role"], Value::Null);
    assert_eq!(member["user"]["name"], "Eve");

    assert_eq!(server.delete(path).await.is(204), "");
    assert_eq!(log.next().await, ["left u1"]);
    server.delete(path).await.problem("member-not-found");
}

#[tokio::test]
async fn a_profile_changes_in_every_workspace_of_its_user() {
    let server = Server::new();
    for id in ["a", "b"] {
        let path = format!("/v1/workspaces/{id}/members/u1");
        server.put(&path, json!({})).await.is(201);
    }
    let (mut a, mut b) = (server.follow("a"), server.follow("b"));
    let body = json!({"user": {"name": "Ann"}});
    let answer = server.put("/v1/users/u1", body.clone()).await.is(200);
    let changed = json!([
        {"workspaceId": "a", "outcome": "changed"},
        {"workspaceId": "b", "outcome": "changed"},
    ]);
    assert_eq!(answer["workspaces"], changed);
    let updated = [r#"updated {"id":"u1","name":"Ann"}"#];
    assert_eq!(
        (a.next().await, b.next().await),
        (
            updated.map(String::from).into(),
            updated.map(String::from).into()
        )
    );

    let answer = server.put("/v1/users/u1", body.clone()).await.is(200);
    assert_eq!(answer["workspaces"][0]["outcome"], "unchanged");
    server
        .put("/v1/users/nobody", body)
        .await
        .problem("member-not-found");
}

#[tokio::test]
async fn a_profile_told_in_one_workspace_is_told_in_the_others() {
    let server = Server::new();
    for id in ["a", "b"] {
        let path = format!("/v1/workspaces/{id}/members/u1");
        server.put(&path, json!({})).await.is(201);
    }
    let mut b = server.follow("b");
    let body = json!({"user": {"name": "Ann"}});
    server
        .put("/v1/workspaces/a/members/u1", body)
        .await
        .is(200);
    assert_eq!(b.next().await, [r#"updated {"id":"u1","name":"Ann"}"#]);

    let body = json!({"members": {"u1": {"user": {"name": "Eve"}}}, "channels": {}});
    server.put("/v1/workspaces/a", body).await.is(200);
    assert_eq!(b.next().await, [r#"updated {"id":"u1","name":"Eve"}"#]);

    server
        .put("/v1/workspaces/new/members/u1", json!({}))
        .await
        .is(201);
    let member = &server.get("/v1/workspaces/new").await.is(200)["members"]["u1"];
    assert_eq!(
        member["user"]["name"], "Eve",
        "a new member has the profile known elsewhere"
    );
    let body = json!({"members": {"u1": {}}, "channels": {}});
    server.put("/v1/workspaces/newer", body).await.is(201);
    let member = &server.get("/v1/workspaces/newer").await.is(200)["members"]["u1"];
    assert_eq!(member["user"]["name"], "Eve");
}

#[tokio::test]
async fn a_channel_is_added_changed_and_deleted() {
    let server = furnished().await;
    server.connect("w", "u2", "s").await;
    let mut log = server.follow("w");
    let path = "/v1/workspaces/w/channels/d";
    server
        .put(path, json!({"attributes": {"topic": "x"}}))
        .await
        .is(201);
    assert_eq!(log.next().await, ["created d Workspace"]);
    server
        .put(path, json!({"private": true, "members": ["u1"]}))
        .await
        .is(200);
    assert_eq!(log.next().await, ["deleted d Users({\"u2\"})"]);
    server.put(path, json!({"private": true})).await.is(200);
    assert!(log.next().await.is_empty());
    let channel = &server.get("/v1/workspaces/w").await.is(200)["channels"]["d"];
    let whole = json!({"private": true, "members": ["u1"], "attributes": {"topic": "x"}});
    assert_eq!(*channel, whole);

    server
        .put(&format!("{path}/members/u2"), Value::Null)
        .await
        .is(201);
    assert_eq!(log.next().await, ["created d Users({\"u2\"})"]);
    server
        .put(&format!("{path}/members/u2"), Value::Null)
        .await
        .is(200);
    assert!(log.next().await.is_empty());
    server.delete(&format!("{path}/members/u2")).await.is(204);
    assert_eq!(log.next().await, ["deleted d Users({\"u2\"})"]);
    server
        .delete(&format!("{path}/members/u2"))
        .await
        .problem("member-not-found");
    assert!(log.next().await.is_empty());

    server.delete(path).await.is(204);
    assert_eq!(log.next().await, ["deleted d Workspace"]);
    server.delete(path).await.problem("channel-not-found");
    server
        .put(&format!("{path}/members/u1"), Value::Null)
        .await
        .problem("channel-not-found");
}

#[tokio::test]
async fn the_whole_truth_happens_as_differences() {
    let server = furnished().await;
    let mut log = server.follow("w");
    let body = json!({
        "members": {"u1": {"role": "host"}, "u3": {}},
        "channels": {"p": {"private": true, "members": ["u1"]}, "q": {}},
    });
    let path = "/v1/workspaces/w";
    assert_eq!(
        server.put(path, body.clone()).await.is(200)["outcome"],
        "changed"
    );
    let differences = [
        "deleted c Workspace",
        "left u2",
        r#"joined {"id":"u3"}"#,
        "created q Workspace",
    ];
    assert_eq!(log.next().await, differences);
    let state = server.get(path).await.is(200);
    assert_eq!(
        state["members"]["u1"]["user"]["name"], "Ann",
        "a profile stays"
    );
    assert_eq!(server.put(path, body).await.is(200)["outcome"], "unchanged");
    assert!(log.next().await.is_empty());

    let body = json!({"members": {"u1": {}}, "channels": {"p": {}}});
    server
        .put("/v1/workspaces/w?quiet=true", body)
        .await
        .is(200);
    assert!(log.next().await.is_empty(), "quiet");
    let state = server.get(path).await.is(200);
    assert_eq!(
        state["members"]["u1"]["role"],
        Value::Null,
        "what is absent is the default"
    );
    assert_eq!(state["channels"]["p"]["private"], false);
}

#[tokio::test]
async fn a_workspace_is_read_as_it_is() {
    let server = furnished().await;
    server.connect("w", "u1", "s1").await;
    server.connect("w", "guest", "s2").await;
    let body = json!({
        "userId": "u1", "channelId": "c", "userMediaState": {"camera": true, "hand": 1},
    });
    server
        .post("/v1/connections/s1/select-channel", body)
        .await
        .is(200);
    let media = |camera: bool| {
        json!({
            "microphone": false, "speakers": true, "screen": false, "camera": camera,
            "speaking": false,
        })
    };
    let mut selected = media(true);
    selected["hand"] = 1.into();
    let user = |profile: Value, status: &str, channel: Option<&str>, media: Value| {
        json!({
            "user": profile, "role": null, "attributes": {}, "onlineStatus": status,
            "selectedChannelId": channel, "userMediaState": media,
        })
    };
    let whole = json!({
        "workspaceId": "w",
        "connections": 2,
        "members": {
            "u1": user(json!({"id": "u1", "name": "Ann"}), "online", Some("c"), selected),
            "u2": user(json!({"id": "u2"}), "offline", None, media(false)),
        },
        "guests": {"guest": user(json!({"id": "guest"}), "online", None, media(false))},
        "channels": {
            "c": {"private": false, "members": [], "attributes": {}},
            "p": {"private": true, "members": ["u1"], "attributes": {}},
        },
    });
    assert_eq!(server.get("/v1/workspaces/w").await.is(200), whole);
}

#[tokio::test]
async fn a_workspace_is_closed() {
    let server = furnished().await;
    server.connect("w", "u1", "s1").await;
    let mut log = server.follow("w");
    server.delete("/v1/workspaces/w").await.is(204);
    assert_eq!(log.next().await, ["closed s1 WorkspaceClosed"]);
    server
        .get("/v1/workspaces/w")
        .await
        .problem("workspace-not-found");
    server
        .delete("/v1/workspaces/w")
        .await
        .problem("workspace-not-found");
}

#[tokio::test]
async fn ids_may_hold_any_character() {
    let server = Server::new();
    let path = "/v1/workspaces/%D0%B4%D0%BE%D0%BC/members/a%2Fb%20c";
    server.put(path, json!({})).await.is(201);
    let state = server
        .get("/v1/workspaces/%D0%B4%D0%BE%D0%BC")
        .await
        .is(200);
    assert_eq!(state["members"]["a/b c"]["user"], json!({"id": "a/b c"}));
}
