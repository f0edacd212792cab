//! A client that does not read is closed within a bound, and cannot evade a kick.

use std::time::Instant;

use serde_json::{Value, json};
use wardroom_tests::server::WORKSPACE;
use wardroom_tests::{Raw, Server, eventually};

use crate::exchange::status;

/// More than the output of one client and the kernel's buffers on both sides can hold.
const TOO_MUCH_BYTES: usize = 16 * 1024 * 1024;

async fn publish_bytes(server: &Server, bytes: usize) {
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
