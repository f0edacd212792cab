//! `Idempotency-Key`.

use super::*;

const PATH: &str = "/v1/workspaces/w/events";

fn news(text: &str) -> String {
    json!({"event": "news", "data": text, "to": {"workspace": true}}).to_string()
}

async fn publish(server: &Server, key: &str, text: &str) -> Answered {
    let headers = [("idempotency-key", key)];
    server
        .send(request_with("POST", PATH, &headers, news(text)))
        .await
}

fn is_replayed(answered: &Answered) -> bool {
    answered
        .headers
        .get("idempotency-replayed")
        .is_some_and(|value| value == "true")
}

#[tokio::test]
async fn a_repeated_call_is_answered_from_memory() {
    let server = furnished().await;
    let mut log = server.follow("w");
    let first = publish(&server, "k", "a").await;
    assert!(!is_replayed(&first));
    let again = publish(&server, "k", "a").await;
    assert!(is_replayed(&again));
    assert_eq!(
        again.headers[header::CONTENT_TYPE],
        first.headers[header::CONTENT_TYPE]
    );
    assert_eq!(again.is(200), first.is(200));
    publish(&server, "other", "b").await.is(200);
    assert_eq!(
        log.next().await,
        [r#"news "a" Workspace"#, r#"news "b" Workspace"#]
    );
}

#[tokio::test]
async fn a_call_without_a_key_is_done_every_time() {
    let server = furnished().await;
    for _ in 0..2 {
        let answered = server.send(request("POST", PATH, news("a"))).await;
        assert!(!is_replayed(&answered));
        answered.is(200);
    }
}

#[tokio::test]
async fn another_request_under_the_same_key_is_a_conflict() {
    let server = furnished().await;
    publish(&server, "k", "a").await.is(200);
    publish(&server, "k", "b")
        .await
        .problem("idempotency-conflict");
    let headers = [("idempotency-key", "k")];
    let elsewhere = request_with("POST", "/v1/workspaces/v/events", &headers, news("a"));
    server.send(elsewhere).await.problem("idempotency-conflict");
}

#[tokio::test]
async fn the_keys_of_two_backends_do_not_meet() {
    let server = furnished().await;
    publish(&server, "k", "a").await.is(200);
    let headers = [
        ("idempotency-key", "k"),
        ("authorization", "Bearer another-key"),
    ];
    let answered = server
        .send(request_with("POST", PATH, &headers, news("b")))
        .await;
    assert!(!is_replayed(&answered));
    answered.is(200);
    let headers = [
        ("idempotency-key", "k"),
        ("authorization", "Bearer unknown"),
    ];
    let answered = server
        .send(request_with("POST", PATH, &headers, news("a")))
        .await;
    answered.problem("unauthenticated");
}

#[tokio::test]
async fn what_failed_may_be_tried_again() {
    let server = Server::new();
    publish(&server, "k", "a")
        .await
        .problem("workspace-not-found");
    server
        .put("/v1/workspaces/w", json!({"members": {}, "channels": {}}))
        .await
        .is(201);
    let answered = publish(&server, "k", "b").await;
    assert!(!is_replayed(&answered));
    answered.is(200);
}

#[tokio::test]
async fn duplicates_under_way_wait_for_the_first() {
    let server = furnished().await;
    let mut log = server.follow("w");
    let calls = (0..20).map(|_| publish(&server, "k", "a"));
    let answered = futures_util::future::join_all(calls).await;
    assert_eq!(answered.iter().filter(|a| !is_replayed(a)).count(), 1);
    assert!(answered.iter().all(|a| a.status == 200));
    assert_eq!(log.next().await.len(), 1);
}

#[tokio::test]
async fn a_caller_who_hangs_up_finds_the_answer_later() {
    let server = furnished().await;
    let mut log = server.follow("w");
    {
        let mut call = Box::pin(publish(&server, "k", "a"));
        let first_poll = futures_util::poll!(call.as_mut());
        assert!(first_poll.is_pending(), "the work goes on elsewhere");
    }
    assert_eq!(server.work.calls(), 1, "a drain waits for it");
    assert_eq!(log.next().await.len(), 1);
    assert!(is_replayed(&publish(&server, "k", "a").await));
    assert_eq!(server.work.calls(), 0);
}

#[tokio::test]
async fn a_key_has_1_to_255_visible_characters_and_comes_once() {
    let server = furnished().await;
    for key in ["", &"k".repeat(256), "ключ"] {
        publish(&server, key, "a").await.problem("invalid-data");
    }
    let twice = [("idempotency-key", "a"), ("idempotency-key", "b")];
    let answered = server
        .send(request_with("POST", PATH, &twice, news("a")))
        .await;
    answered.problem("invalid-data");
    publish(&server, &"k".repeat(255), "a").await.is(200);
}

#[tokio::test]
async fn every_post_is_done_once_under_a_key() {
    let server = furnished().await;
    server.connect("w", "u1", "s1").await;
    for (path, body) in [
        (
            "/v1/connections/s1/select-channel",
            r#"{"userId":"u1","channelId":"c"}"#,
        ),
        (
            "/v1/connections/s1/update-media-state",
            r#"{"userId":"u1","userMediaState":{"camera":true}}"#,
        ),
        ("/v1/connections/s1/unselect-channel", r#"{"userId":"u1"}"#),
        (
            "/v1/connections/s1/update-online-status",
            r#"{"userId":"u1","onlineStatus":"idle"}"#,
        ),
        ("/v1/users/u1/disconnect", ""),
    ] {
        let call = || request_with("POST", path, &[("idempotency-key", path)], body);
        server.send(call()).await.is(200);
        assert!(is_replayed(&server.send(call()).await), "{path}");
    }
}
