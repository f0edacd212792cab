//! API keys that are bound to workspaces: every call holds to it.

use super::described::{Operation, operations};
use super::*;

fn bound(method: &str, path: &str, body: &Value) -> Request<Body> {
    let headers = [("authorization", "Bearer bound")];
    request_with(method, path, &headers, body.to_string())
}

/// Two workspaces of the key's, `w` and `w-2`, and `other`, with one user who is in all of them.
async fn three() -> Server {
    let server = furnished().await;
    for id in ["w-2", "other"] {
        let body = json!({
            "members": {"u1": {"user": {"name": "Ann"}}},
            "channels": {"c": {}},
        });
        let path = format!("/v1/workspaces/{id}");
        server.put(&path, body).await.is(201);
    }
    for id in ["w", "w-2", "other"] {
        server.connect(id, "u1", &format!("s-{id}")).await;
    }
    server
}

/// The calls whose path names no workspace and that a bound key may make all the same: each keeps to
/// what the key reaches, as the other tests here show.
const ACROSS: [&str; 17] = [
    "GET /v1/explain/decisions/{decisionId}",
    "POST /v1/explain/admission",
    "POST /v1/explain/command",
    "POST /v1/explain/event",
    "DELETE /v1/connections/{socketId}",
    "DELETE /v1/users/{userId}",
    "GET /v1/connections/{socketId}",
    "GET /v1/explain",
    "GET /v1/users/{userId}",
    "GET /v1/workspaces",
    "POST /v1/connections/{socketId}/select-channel",
    "POST /v1/connections/{socketId}/unselect-channel",
    "POST /v1/connections/{socketId}/update-media-state",
    "POST /v1/connections/{socketId}/update-online-status",
    "POST /v1/users/{userId}/disconnect",
    "POST /v1/users/{userId}/events",
    "PUT /v1/users/{userId}",
];

#[tokio::test]
async fn no_call_reaches_another_workspace_or_the_server_as_a_whole() {
    let server = three().await;
    for Operation {
        method,
        path,
        scope,
    } in operations(&server).await
    {
        let name = format!("{method} {path}");
        if scope.is_none() || ACROSS.contains(&&*name) {
            continue;
        }
        // The other workspace, one whose id only begins like a bound one, and one that is not there:
        // all look alike.
        for workspace in ["other", "w2", "W", "nowhere"] {
            let path = path.replace("{workspaceId}", workspace);
            let path = path.replace(['{', '}'], "");
            let answered = server.send(bound(&method, &path, &json!({}))).await;
            answered.problem("workspace-forbidden");
        }
    }
    for id in ["w", "w-2", "w-new"] {
        let body = json!({"members": {}, "channels": {}});
        let path = format!("/v1/workspaces/{id}");
        let answered = server.send(bound("PUT", &path, &body)).await;
        assert!(answered.status.is_success(), "{id}");
    }
}

#[tokio::test]
async fn a_profile_changes_only_where_the_key_reaches() {
    let server = three().await;
    let name = async |id: &str| {
        let body = server.get(&format!("/v1/workspaces/{id}")).await.is(200);
        body["members"]["u1"]["user"]["name"].clone()
    };
    let body = json!({"user": {"name": "Bea"}});
    let answered = server.send(bound("PUT", "/v1/users/u1", &body)).await;
    let told = json!([
        {"workspaceId": "w", "outcome": "changed"}, {"workspaceId": "w-2", "outcome": "changed"},
    ]);
    assert_eq!(answered.is(200)["workspaces"], told);
    assert_eq!(
        (name("w-2").await, name("other").await),
        (json!("Bea"), json!("Ann"))
    );
    // By way of one workspace, too, and of a whole one.
    let body = json!({"user": {"name": "Cat"}});
    let path = "/v1/workspaces/w/members/u1";
    server.send(bound("PUT", path, &body)).await.is(200);
    assert_eq!(
        (name("w-2").await, name("other").await),
        (json!("Cat"), json!("Ann"))
    );
    let body = json!({"members": {"u1": {"user": {"name": "Dan"}}}, "channels": {}});
    let path = "/v1/workspaces/w";
    server.send(bound("PUT", path, &body)).await.is(200);
    assert_eq!(
        (name("w-2").await, name("other").await),
        (json!("Dan"), json!("Ann"))
    );
}

#[tokio::test]
async fn nothing_is_learned_of_a_user_who_is_elsewhere() {
    let server = three().await;
    let body = json!({"user": {"name": "Secret"}});
    let path = "/v1/workspaces/other/members/u9";
    server.put(path, body).await.is(201);
    let body = json!({"user": {"name": "Eve"}});
    let answered = server.send(bound("PUT", "/v1/users/u9", &body)).await;
    answered.problem("member-not-found");
    // A new member without a profile gets none that the key may not see.
    let path = "/v1/workspaces/w/members/u9";
    server.send(bound("PUT", path, &json!({}))).await.is(201);
    let body = json!({"members": {"u9": {}}, "channels": {}});
    let path = "/v1/workspaces/w-2";
    server.send(bound("PUT", path, &body)).await.is(200);
    for id in ["w", "w-2"] {
        let body = server.get(&format!("/v1/workspaces/{id}")).await.is(200);
        assert_eq!(body["members"]["u9"]["user"], json!({"id": "u9"}), "{id}");
    }
}

#[tokio::test]
async fn connections_elsewhere_are_not_there() {
    let server = three().await;
    let path = "/v1/connections/s-other";
    let select = json!({"userId": "u1", "channelId": "c"});
    for (method, path, body) in [
        ("GET", path, json!({})),
        ("DELETE", path, json!({})),
        (
            "POST",
            "/v1/connections/s-other/select-channel",
            select.clone(),
        ),
    ] {
        let answered = server.send(bound(method, path, &body)).await;
        answered.problem("connection-not-found");
    }
    let mut body = select.clone();
    body["workspaceId"] = json!("other");
    let path = "/v1/connections/s-other/select-channel";
    let answered = server.send(bound("POST", path, &body)).await;
    answered.problem("workspace-forbidden");
    let path = "/v1/connections/s-other?workspaceId=other";
    let answered = server.send(bound("DELETE", path, &json!({}))).await;
    answered.problem("workspace-forbidden");
    let path = "/v1/connections/s-w/select-channel";
    server.send(bound("POST", path, &select)).await.is(200);
    let path = "/v1/connections/s-w";
    let seen = server.send(bound("GET", path, &json!({}))).await.is(200);
    assert_eq!(seen["workspaceId"], "w");
}

#[tokio::test]
async fn a_user_is_disconnected_only_where_the_key_reaches() {
    let server = three().await;
    let path = "/v1/users/u1/disconnect";
    let body = json!({"workspaceId": "other"});
    let answered = server.send(bound("POST", path, &body)).await;
    answered.problem("workspace-forbidden");
    let done = server.send(bound("POST", path, &json!({}))).await.is(200);
    let workspaces: Vec<_> = done["workspaces"].as_array().unwrap().iter().collect();
    assert_eq!(workspaces.len(), 2, "{done}");
    server.get("/v1/connections/s-other").await.is(200);
}

#[tokio::test]
async fn explanations_are_of_the_keys_own_workspaces() {
    let server = three().await;
    let path = |id: &str| format!("/v1/explain?workspace={id}&user=u1&channel=c");
    let answered = server.send(bound("GET", &path("other"), &json!({}))).await;
    answered.problem("workspace-forbidden");
    server
        .send(bound("GET", &path("w"), &json!({})))
        .await
        .is(200);
}

#[tokio::test]
async fn lists_show_what_the_key_reaches() {
    let server = three().await;
    let listed = server
        .send(bound("GET", "/v1/workspaces", &json!({})))
        .await
        .is(200);
    let ids = |body: &Value| {
        let all = body["workspaces"].as_array().unwrap().iter();
        let ids = all.map(|one| one["workspaceId"].as_str().unwrap().to_owned());
        ids.collect::<Vec<_>>()
    };
    assert_eq!(ids(&listed), ["w", "w-2"]);
    let user = server
        .send(bound("GET", "/v1/users/u1", &json!({})))
        .await
        .is(200);
    assert_eq!(ids(&user), ["w", "w-2"]);
    server
        .put("/v1/workspaces/other/members/u9", json!({}))
        .await
        .is(201);
    let answered = server.send(bound("GET", "/v1/users/u9", &json!({}))).await;
    answered.problem("member-not-found");
}

#[tokio::test]
async fn events_to_a_user_stay_where_the_key_reaches() {
    let server = three().await;
    let path = "/v1/users/u1/events";
    let body = json!({"event": "e", "workspaceId": "other"});
    let answered = server.send(bound("POST", path, &body)).await;
    answered.problem("workspace-forbidden");
    let done = server
        .send(bound("POST", path, &json!({"event": "e"})))
        .await
        .is(200);
    let there = done["workspaces"].as_array().unwrap();
    let ids: Vec<_> = there.iter().map(|one| one["workspaceId"].clone()).collect();
    assert_eq!(ids, ["w", "w-2"]);
}

#[tokio::test]
async fn a_user_is_forgotten_where_the_key_reaches() {
    let server = three().await;
    let done = server
        .send(bound("DELETE", "/v1/users/u1", &json!({})))
        .await
        .is(200);
    assert_eq!(done["workspaces"].as_array().unwrap().len(), 2, "{done}");
    server.get("/v1/workspaces/other/members/u1").await.is(200);
    let answered = server
        .send(bound("DELETE", "/v1/users/u1", &json!({})))
        .await;
    answered.problem("member-not-found");
}
