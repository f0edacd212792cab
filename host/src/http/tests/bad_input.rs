//! Bad input, item by item: each gets its documented problem and changes nothing.

use super::*;
use crate::limits::{MAX_ATTRIBUTES_BYTES, MAX_PROFILE_BYTES};

const MEMBER: &str = "/v1/workspaces/w/members/u1";

async fn put(path: &str, body: impl Into<Body>) -> Answered {
    Server::new().send(request("PUT", path, body)).await
}

#[tokio::test]
async fn not_json() {
    for text in [
        "",
        "{",
        "nonsense",
        "{} {}",
        "{\"role\": \"a\",}",
        "\u{feff}{}",
    ] {
        let problem = put(MEMBER, text).await.problem("invalid-data");
        let detail = problem["detail"].as_str().unwrap();
        assert!(
            detail.starts_with("the body is not JSON"),
            "{text:?}: {detail}"
        );
        assert_eq!(problem["status"], 400);
    }
}

#[tokio::test]
async fn not_utf8() {
    put(MEMBER, &b"{\"role\": \"\xff\"}"[..])
        .await
        .problem("invalid-data");
}

#[tokio::test]
async fn not_an_object() {
    for text in ["[1]", "[]", "\"text\"", "1", "null", "true"] {
        put(MEMBER, text).await.wrong_at("");
    }
    for members in ["[]", "{\"u1\": 1}", "{\"u1\": []}"] {
        let body = format!("{{\"members\": {members}, \"channels\": {{}}}}");
        let at = if members == "[]" {
            "/members"
        } else {
            "/members/u1"
        };
        put("/v1/workspaces/w", body).await.wrong_at(at);
    }
}

#[tokio::test]
async fn wrong_types() {
    for (body, pointer) in [
        (json!({"user": []}), "/user"),
        (json!({"user": null}), "/user"),
        (json!({"role": 1}), "/role"),
        (json!({"attributes": "x"}), "/attributes"),
        (json!({"attributes": null}), "/attributes"),
    ] {
        put(MEMBER, body.to_string()).await.wrong_at(pointer);
    }
    for (body, pointer) in [
        (json!({"private": null}), "/private"),
        (json!({"private": "yes"}), "/private"),
        (json!({"members": {}}), "/members"),
        (json!({"members": ["u1", 2]}), "/members/1"),
    ] {
        put("/v1/workspaces/w/channels/c", body.to_string())
            .await
            .wrong_at(pointer);
    }
}

#[tokio::test]
async fn missing_fields() {
    let problem = put("/v1/users/u1", "{}").await.wrong_at("");
    assert!(problem["detail"].as_str().unwrap().contains("`user`"));
    for (body, missing) in [
        (r#"{"members": {}}"#, "`channels` is missing"),
        (r#"{"channels": {}}"#, "`members` is missing"),
        ("{}", "`members` and `channels` are missing"),
    ] {
        let problem = put("/v1/workspaces/w", body).await.wrong_at("");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.starts_with(missing), "{body}: {detail}");
    }
    let body = r#"{"members": {}, "channels": null}"#;
    put("/v1/workspaces/w", body).await.wrong_at("/channels");
}

#[tokio::test]
async fn unknown_fields() {
    put(MEMBER, r#"{"roles": "x"}"#).await.wrong_at("/roles");
    let body = r#"{"members": {"u/1": {"usr": {}}}, "channels": {}}"#;
    let problem = put("/v1/workspaces/w", body)
        .await
        .wrong_at("/members/u~11/usr");
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .starts_with("/members/u~11/usr: ")
    );
    let post = Server::new()
        .post("/v1/users/u1/disconnect", json!({"workspace": "w"}))
        .await;
    post.wrong_at("/workspace");
}

#[tokio::test]
async fn repeated_fields() {
    let problem = put(MEMBER, r#"{"role": "a", "role": "b"}"#)
        .await
        .problem("invalid-data");
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("duplicate field")
    );
}

#[tokio::test]
async fn json_that_cannot_be_kept_as_sent() {
    let deep = "[".repeat(5_000) + &"]".repeat(5_000);
    for (value, pointer, part) in [
        (r#"{"a": ["\ud800"]}"#, "/a/0", "half a character"),
        (
            r#"{"a": {"b": 1, "b": 1}}"#,
            "/a",
            "the key \"b\" more than once",
        ),
        (r#"{"a": 1e999}"#, "/a", "out of range"),
        (
            &*format!("{{\"a\": {deep}}}"),
            "",
            "nested deeper than 120 levels",
        ),
    ] {
        let told = |problem: &Value| {
            let detail = problem["detail"].as_str().unwrap().to_owned();
            assert!(detail.contains(part), "{detail}");
        };
        let at = |field: &str| match pointer {
            "" => format!("/{field}"),
            pointer => format!("/{field}{pointer}"),
        };
        for field in ["user", "attributes"] {
            let body = format!("{{\"{field}\": {value}}}");
            told(&put(MEMBER, body).await.wrong_at(&at(field)));
        }
        let server = furnished().await;
        let body = format!(r#"{{"event": "x", "data": {value}, "to": {{"workspace": true}}}}"#);
        let path = "/v1/workspaces/w/events";
        let answered = server.send(request("POST", path, body)).await;
        let problem = answered.problem("invalid-data");
        told(&problem);
    }
}

#[tokio::test]
async fn unknown_or_malformed_options() {
    for query in ["quite=true", "quiet=yes", "quiet=true&quiet=true", "quiet"] {
        let body = r#"{"members": {}, "channels": {}}"#;
        put(&format!("/v1/workspaces/w?{query}"), body)
            .await
            .problem("invalid-data");
    }
}

#[tokio::test]
async fn ids_that_are_too_long_or_hold_control_characters() {
    let long = "x".repeat(129);
    for id in [&*long, "a%00b", "a%0Ab"] {
        for path in [
            format!("/v1/workspaces/{id}/members/u1"),
            format!("/v1/workspaces/w/members/{id}"),
            format!("/v1/workspaces/w/channels/{id}"),
        ] {
            let problem = put(&path, "{}").await.problem("invalid-data");
            assert!(problem["detail"].as_str().unwrap().contains("in the path"));
        }
    }
    put("/v1/workspaces/w/members/%ff", "{}")
        .await
        .problem("invalid-data");
    put(MEMBER, json!({"role": long}).to_string())
        .await
        .wrong_at("/role");
    put(MEMBER, json!({"role": ""}).to_string())
        .await
        .wrong_at("/role");
    let body = json!({"members": ["u1", ""]}).to_string();
    put("/v1/workspaces/w/channels/c", body)
        .await
        .wrong_at("/members/1");
    let body = json!({"members": {}, "channels": {"": {}}}).to_string();
    put("/v1/workspaces/w", body).await.wrong_at("/channels/");
}

#[tokio::test]
async fn a_profile_of_somebody_else() {
    let body = json!({"user": {"id": "u2"}}).to_string();
    put(MEMBER, body.clone()).await.wrong_at("/user/id");
    put("/v1/users/u1", body.clone()).await.wrong_at("/user/id");
    let body = json!({"members": {"u1": {"user": {"id": "u2"}}}, "channels": {}}).to_string();
    put("/v1/workspaces/w", body)
        .await
        .wrong_at("/members/u1/user/id");
}

#[tokio::test]
async fn a_profile_or_attributes_that_are_too_large() {
    let body = json!({"user": {"name": "x".repeat(MAX_PROFILE_BYTES)}}).to_string();
    put(MEMBER, body.clone()).await.wrong_at("/user");
    put("/v1/users/u1", body).await.wrong_at("/user");
    let body = json!({"attributes": {"x": "x".repeat(MAX_ATTRIBUTES_BYTES)}}).to_string();
    put(MEMBER, body.clone()).await.wrong_at("/attributes");
    put("/v1/workspaces/w/channels/c", body)
        .await
        .wrong_at("/attributes");
}

#[tokio::test]
async fn a_body_that_is_too_large() {
    let limits = BodyLimits {
        call: 100,
        sync: 1000,
    };
    let server = Server::with(Drained(false), limits);
    let padded = |body: &str, length: usize| format!("{body:<length$}");
    let sent = |path, text: String| server.send(request("PUT", path, text));
    sent(MEMBER, padded("{}", 100)).await.is(201);
    let problem = sent(MEMBER, padded("{}", 101))
        .await
        .problem("body-too-large");
    assert_eq!(problem["status"], 413);
    let whole = r#"{"members": {}, "channels": {}}"#;
    sent("/v1/workspaces/w", padded(whole, 1000)).await.is(200);
    sent("/v1/workspaces/w", padded(whole, 1001))
        .await
        .problem("body-too-large");

    let declared = [("content-length", "101")];
    let request = request_with("PUT", MEMBER, &declared, "{}");
    server.send(request).await.problem("body-too-large");
    let keyed = [("idempotency-key", "k")];
    let path = "/v1/workspaces/w/events";
    let request = request_with("POST", path, &keyed, padded("{}", 101));
    server.send(request).await.problem("body-too-large");
}

#[tokio::test]
async fn json_that_is_too_deep() {
    let deep = format!(
        "{{\"user\": {{\"x\": {}{}}}}}",
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    let problem = put(MEMBER, deep).await.wrong_at("/user");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("nested deeper than 120 levels"), "{detail}");
}

#[tokio::test]
async fn a_body_of_another_type() {
    for media_type in [
        "",
        "text/plain",
        "application/octet-stream",
        "application/jsonish",
    ] {
        let headers = [("content-type", media_type)];
        let answered = Server::new()
            .send(request_with("PUT", MEMBER, &headers, "{}"))
            .await;
        let problem = answered.problem("unsupported-media-type");
        assert_eq!(problem["status"], 415);
    }
    let headers = [
        ("content-type", "application/json"),
        ("content-encoding", "gzip"),
    ];
    let answered = Server::new()
        .send(request_with("PUT", MEMBER, &headers, "{}"))
        .await;
    answered.problem("unsupported-media-type");
    let headers = [("content-type", "Application/JSON; charset=utf-8")];
    Server::new()
        .send(request_with("PUT", MEMBER, &headers, "{}"))
        .await
        .is(201);
}

#[tokio::test]
async fn binary_where_an_object_is_due() {
    put(MEMBER, &[0_u8, 1, 2, 255][..])
        .await
        .problem("invalid-data");
}

#[tokio::test]
async fn a_wrong_status_or_media_state() {
    let server = furnished().await;
    server.connect("w", "u1", "s1").await;
    for (command, body, pointer) in [
        (
            "update-online-status",
            json!({"onlineStatus": "away"}),
            "/onlineStatus",
        ),
        (
            "update-online-status",
            json!({"onlineStatus": 1}),
            "/onlineStatus",
        ),
        ("update-online-status", json!({}), ""),
        (
            "update-media-state",
            json!({"userMediaState": 1}),
            "/userMediaState",
        ),
        (
            "update-media-state",
            json!({"userMediaState": {"camera": 1}}),
            "/userMediaState/camera",
        ),
        ("update-media-state", json!({}), ""),
        ("select-channel", json!({"channelId": ""}), "/channelId"),
        (
            "select-channel",
            json!({"channelId": "c", "userMediaState": []}),
            "/userMediaState",
        ),
        ("unselect-channel", json!({"channelId": "c"}), "/channelId"),
    ] {
        let path = format!("/v1/connections/s1/{command}");
        let mut body = body;
        body["userId"] = json!("u1");
        server.post(&path, body).await.wrong_at(pointer);
    }
}

#[tokio::test]
async fn a_path_that_leads_nowhere() {
    for path in [
        "/",
        "/v1",
        "/v2/workspaces/w",
        "/v1/workspaces/w/",
        "/v1//x",
    ] {
        let problem = Server::new().get(path).await.problem("not-found");
        assert_eq!(problem["status"], 404);
    }
}

#[tokio::test]
async fn a_method_that_is_not_taken() {
    let answered = Server::new()
        .call("PATCH", "/v1/workspaces/w", json!({}))
        .await;
    let allowed = answered.headers["allow"].to_str().unwrap();
    for method in ["GET", "PUT", "DELETE"] {
        assert!(allowed.contains(method), "{allowed}");
    }
    assert_eq!(answered.problem("method-not-allowed")["status"], 405);
    Server::new()
        .get("/v1/workspaces/w/events")
        .await
        .problem("method-not-allowed");
}

#[tokio::test]
async fn a_workspace_a_member_or_a_channel_that_is_not_there() {
    let server = furnished().await;
    server
        .get("/v1/workspaces/none")
        .await
        .problem("workspace-not-found");
    server
        .delete("/v1/workspaces/w/members/none")
        .await
        .problem("member-not-found");
    server
        .delete("/v1/workspaces/none/members/none")
        .await
        .problem("member-not-found");
    server
        .delete("/v1/workspaces/w/channels/none")
        .await
        .problem("channel-not-found");
}

#[tokio::test]
async fn what_is_refused_changes_nothing() {
    let server = furnished().await;
    let before = server.get("/v1/workspaces/w").await.is(200);
    let body = json!({"members": {"u9": {"role": ""}}, "channels": {}});
    server
        .put("/v1/workspaces/w", body)
        .await
        .wrong_at("/members/u9/role");
    server
        .put(MEMBER, json!({"user": {"id": "u2"}}))
        .await
        .wrong_at("/user/id");
    assert_eq!(server.get("/v1/workspaces/w").await.is(200), before);
}

#[tokio::test]
async fn what_is_not_percent_encoded() {
    let server = furnished().await;
    for path in [
        "/v1/workspaces/%zz",
        "/v1/workspaces/%",
        "/v1/workspaces/w%4",
        "/v1/workspaces/%C3",
        "/v1/workspaces/w/members/%ff",
        "/v1/workspaces/w/channels/100%",
        "/v1/explain?workspace=w&user=%zz&channel=c",
        "/v1/explain?workspace=w&user=%FF&channel=c",
        "/v1/%zz",
    ] {
        for method in ["GET", "PUT", "DELETE"] {
            let answered = server.send(request(method, path, "{}")).await;
            let problem = answered.problem("invalid-data");
            assert_eq!(problem["status"], 400, "{method} {path}");
        }
    }
    let body = json!({"members": {}, "channels": {}});
    let path = "/v1/workspaces/100%25%20%C3%A4";
    server.put(path, body).await.is(201);
    let body = server.get(path).await.is(200);
    assert_eq!(body["workspaceId"], "100% ä");
}
