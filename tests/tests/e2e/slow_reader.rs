//! A client that does not read is closed within a bound, and cannot evade a kick.

use std::time::Instant;

use serde_json::{Value, json};
use wardroom_tests::server::WORKSPACE;
use wardroom_tests::{Raw, Server, eventually, token};

use crate::exchange::status;

/// More than the output of one client and the kernel's buffers on both sides can hold.
const TOO_MUCH_BYTES: usize = 16 * 1024 * 1024;

/// Sends Eve more than she reads.
pub(crate) async fn publish_bytes(server: &Server, bytes: usize) {
    let backend = server.backend();
    let data = json!("x".repeat(60_000));
    for _ in 0..bytes / 60_000 {
        backend
            .publish("filler", &data, &json!({"users": ["eve"]}))
            .await;
    }
}

async fn connections(server: &Server) -> u64 {
    let seen = server.backend().workspace().await;
    seen["connections"].as_u64().expect("a number")
}

#[tokio::test]
async fn too_much_output_closes_the_client() {
    let server = Server::with()
        .set("presence.grace", "0s")
        .set("limits.max_output", "256KiB")
        .set("limits.write_timeout", "1h")
        .start()
        .await;
    let mut bob = server.join("bob").await;
    let mut eve = Raw::join(&server, "eve").await;
    bob.heard().await;
    publish_bytes(&server, TOO_MUCH_BYTES).await;
    // Others hear that Eve is gone, and were never held up.
    assert_eq!(bob.next().await, status("eve", "offline"));
    // What reaches Eve after all is a beginning without a gap, and then the end.
    let read = eve.events_until_closed().await;
    let filled = read.iter().filter(|event| event.name == "filler").count();
    assert!(
        filled * 60_000 < TOO_MUCH_BYTES / 2,
        "{filled} events were kept for Eve"
    );
}

#[tokio::test]
async fn output_that_makes_no_progress_closes_the_client() {
    let server = Server::with()
        .set("presence.grace", "0s")
        .set("limits.max_output", "64MiB")
        .set("limits.write_timeout", "1s")
        .start()
        .await;
    let mut bob = server.join("bob").await;
    let eve = Raw::join(&server, "eve").await;
    bob.heard().await;
    publish_bytes(&server, TOO_MUCH_BYTES).await;
    assert_eq!(bob.next().await, status("eve", "offline"));
    drop(eve);
}

#[tokio::test]
async fn a_kick_cannot_be_evaded_by_not_reading() {
    let server = Server::with()
        .set("limits.max_output", "64MiB")
        .set("limits.write_timeout", "1h")
        .start()
        .await;
    let mut bob = server.join("bob").await;
    let mut eve = Raw::join(&server, "eve").await;
    bob.heard().await;
    publish_bytes(&server, TOO_MUCH_BYTES).await;
    assert_eq!(connections(&server).await, 2, "full, but not closed yet");
    let before = Instant::now();
    server.backend().kick("eve").await;
    assert_eq!(bob.heard().await, [status("eve", "offline")], "at once");
    // Eve can do nothing any more, although the kick itself may never have been read.
    eve.emit("update-online-status", &json!({"onlineStatus": "idle"}))
        .await;
    eve.events_until_closed().await;
    assert!(
        before.elapsed().as_secs() < 20,
        "closed after {:?}",
        before.elapsed()
    );
    assert_eq!(bob.heard().await, []);
}

#[tokio::test]
async fn who_was_closed_comes_back_and_asks_for_the_state() {
    let server = Server::with()
        .set("limits.max_output", "256KiB")
        .start()
        .await;
    let eve = Raw::join(&server, "eve").await;
    publish_bytes(&server, TOO_MUCH_BYTES).await;
    server.backend().put_channel("c", &json!({})).await;
    eventually("the end of Eve's first connection", || async {
        (connections(&server).await == 0).then_some(())
    })
    .await;
    drop(eve);
    let mut eve = server.join("eve").await;
    assert_eq!(eve.channels().await, ["c"], "the state of {WORKSPACE}");
    let none: Value = eve.state().await["members"][0]["selectedChannelId"].clone();
    assert_eq!(none, Value::Null);
}

#[tokio::test]
async fn a_polling_client_that_does_not_poll_is_closed_as_well() {
    let server = Server::with()
        .set("presence.grace", "0s")
        .set("limits.max_output", "256KiB")
        .start()
        .await;
    let mut bob = server.join("bob").await;
    let polling = server.backend_at(server.public());
    let get =
        |sid: &str| polling.request("GET", &format!("/socket.io/?EIO=4&transport=polling{sid}"));
    let open = polling.send(get("")).await.body;
    let open = open
        .as_str()
        .and_then(|text| text.strip_prefix('0'))
        .expect("it opens");
    let open: Value = serde_json::from_str(open).expect("the opening is JSON");
    let sid = format!("&sid={}", open["sid"].as_str().expect("an id is a string"));
    let say = |packet: String| {
        let path = format!("/socket.io/?EIO=4&transport=polling{sid}");
        polling.send(polling.request("POST", &path).body(packet))
    };
    say("40".into()).await;
    polling.send(get(&sid)).await;
    let auth = json!(["auth", {"token": token::token("eve", WORKSPACE), "workspaceId": WORKSPACE}]);
    say(format!("42{auth}")).await;
    assert_eq!(bob.next().await, status("eve", "online"));
    publish_bytes(&server, TOO_MUCH_BYTES / 8).await;
    assert_eq!(bob.next().await, status("eve", "offline"));
    let answer = polling.send(get(&sid)).await;
    assert_eq!(answer.status, 400, "the session is over: {}", answer.status);
}
