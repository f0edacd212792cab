//! Who changed what, and the numbers of calls.

use std::path::Path;

use tempfile::TempDir;

use super::*;

fn audited(folder: &Path) -> Server {
    let file = line_file::Settings {
        path: folder.join("audit"),
        queue: 64,
        max_bytes: 1 << 20,
    };
    let limits = BodyLimits::default();
    let store = Arc::new(Embedded::in_memory());
    Server::audited(
        store,
        Drained(false),
        Arc::new(NoPolicies),
        limits,
        Some(file),
    )
}

async fn lines(server: &Server, folder: &Path) -> Vec<Value> {
    server.audit.as_ref().unwrap().flush().await;
    let text = std::fs::read_to_string(folder.join("audit")).unwrap();
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[tokio::test]
async fn each_call_that_may_change_something_leaves_a_line() {
    let folder = TempDir::new().unwrap();
    let server = audited(folder.path());
    let id = [("x-request-id", "call-1")];
    let body = json!({"members": {"u1": {}}, "channels": {}}).to_string();
    let answered = server
        .send(request_with(
            "PUT",
            "/v1/workspaces/w?quiet=true",
            &id,
            body,
        ))
        .await;
    assert_eq!(answered.headers["x-request-id"], "call-1");
    server.get("/v1/workspaces/w").await.is(200);
    server.connect("w", "u1", "s1").await;
    let select = json!({"userId": "u2", "channelId": "c"});
    let answered = server
        .post("/v1/connections/s1/select-channel", select)
        .await;
    answered.problem("another-users-connection");
    let body = json!({"user": {"name": "Ann"}});
    server.put("/v1/users/u1", body).await.is(200);
    let anybody = request_with("DELETE", "/v1/workspaces/w", &[("authorization", "x")], "");
    server.send(anybody).await.problem("unauthenticated");
    server.delete("/v1/nothing").await.problem("not-found");

    let lines = lines(&server, folder.path()).await;
    let said = |line: &Value| {
        let keys = [
            "key",
            "method",
            "route",
            "path",
            "workspaces",
            "status",
            "code",
        ];
        keys.map(|key| line[key].clone())
    };
    let seen: Vec<_> = lines.iter().map(said).collect();
    let relay = "/v1/connections/{socketId}/select-channel";
    let own = json!(["w"]);
    assert_eq!(
        seen,
        [
            [
                json!(KEY),
                json!("PUT"),
                json!("/v1/workspaces/{workspaceId}"),
                json!("/v1/workspaces/w"),
                own.clone(),
                json!(201),
                Value::Null,
            ],
            [
                json!(KEY),
                json!("POST"),
                json!(relay),
                json!("/v1/connections/s1/select-channel"),
                own.clone(),
                json!(403),
                json!("another-users-connection"),
            ],
            [
                json!(KEY),
                json!("PUT"),
                json!("/v1/users/{userId}"),
                json!("/v1/users/u1"),
                own,
                json!(200),
                Value::Null,
            ],
        ]
    );
    assert_eq!(lines[0]["requestId"], "call-1");
    let made = lines[1]["requestId"].as_str().unwrap();
    assert_eq!(made.len(), 32, "the server makes one");
}

#[tokio::test]
async fn a_replay_is_told_from_a_call_that_was_done() {
    let folder = TempDir::new().unwrap();
    let server = audited(folder.path());
    let body = json!({"members": {}, "channels": {}});
    server.put("/v1/workspaces/w", body).await.is(201);
    let event = json!({"event": "e", "to": {"workspace": true}}).to_string();
    for _ in 0..2 {
        let path = "/v1/workspaces/w/events";
        let key = [("idempotency-key", "k")];
        let call = request_with("POST", path, &key, event.clone());
        server.send(call).await.is(200);
    }
    let lines = lines(&server, folder.path()).await;
    let replayed: Vec<_> = lines.iter().map(|line| line["replayed"] == true).collect();
    assert_eq!(replayed, [false, false, true]);
    assert!(lines.iter().all(|line| line["key"] == KEY), "{lines:?}");
}

#[tokio::test]
async fn a_caller_who_hangs_up_leaves_a_line_all_the_same() {
    let folder = TempDir::new().unwrap();
    let server = audited(folder.path());
    {
        let body = json!({"members": {}, "channels": {}});
        let mut call = Box::pin(server.put("/v1/workspaces/w", body));
        let first_poll = futures_util::poll!(call.as_mut());
        assert!(first_poll.is_pending(), "the work goes on elsewhere");
    }
    let lines = lines(&server, folder.path()).await;
    assert_eq!(
        (&lines[0]["status"], &lines[0]["key"]),
        (&Value::Null, &json!(KEY))
    );
}

#[tokio::test]
async fn a_request_id_that_is_none_is_not_taken_over() {
    let server = Server::new();
    for wrong in ["", "a b", &"x".repeat(129)] {
        let headers = [("x-request-id", wrong)];
        let answered = server
            .send(request_with("GET", "/healthz", &headers, ""))
            .await;
        let id = answered.headers["x-request-id"].to_str().unwrap();
        assert!(id.len() == 32 && id != wrong, "{wrong:?}: {id}");
    }
}

#[tokio::test]
async fn calls_are_counted_by_route_and_status() {
    let server = furnished().await;
    server.get("/v1/workspaces/w").await.is(200);
    server
        .get("/v1/workspaces/none")
        .await
        .problem("workspace-not-found");
    server.get("/v1/secret").await.problem("not-found");
    server.call("BREW", "/v1/workspaces/w", json!({})).await;
    let text = server.get("/metrics").await.is(200);
    let text = text.as_str().unwrap();
    let route = "/v1/workspaces/{workspaceId}";
    for (method, route, status) in [
        ("GET", route, 200),
        ("GET", route, 404),
        ("PUT", route, 201),
        ("GET", "none", 404),
        ("other", route, 405),
    ] {
        let line = format!(
            "wardroom_http_calls_total{{method=\"{method}\",route=\"{route}\",status=\"{status}\"}} 1"
        );
        assert!(text.contains(&line), "{line} in {text}");
    }
    let seconds = format!("wardroom_http_call_seconds_count{{method=\"PUT\",route=\"{route}\"}} 1");
    assert!(text.contains(&seconds), "{text}");
    assert!(!text.contains("secret"), "paths are no labels");
}
