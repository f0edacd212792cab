//! What the backend was told survives the process.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use wardroom_tests::backend::channel;
use wardroom_tests::server::WORKSPACE;
use wardroom_tests::settings::API_KEY;
use wardroom_tests::wait::within_deadline;
use wardroom_tests::{Backend, Server};

#[tokio::test]
async fn the_directory_survives_a_kill() {
    let mut server = Server::with().durable().start().await;
    let backend = server.backend();
    let ann = json!({
        "user": {"id": "ann", "name": "Анна"}, "role": "admin", "attributes": {"team": "blue"},
    });
    backend.put_member("ann", &ann).await;
    backend.put_member("gone", &json!({})).await;
    backend
        .put_channel("p", &json!({"private": true, "members": ["ann", "bob"]}))
        .await;
    backend.put_channel("gone", &json!({})).await;
    backend.remove_member("gone").await;
    backend.delete_channel("gone").await;
    backend
        .ok(
            "PUT",
            "/v1/users/ann",
            &json!({"user": {"id": "ann", "name": "Anna"}}),
        )
        .await;
    let path = format!("/v1/workspaces/{WORKSPACE}/channels/p/members/bob");
    backend.ok("DELETE", &path, &Value::Null).await;
    let mut client = server.join("ann").await;
    client
        .ask_ok("select-channel", json!({"channelId": "p"}))
        .await;

    // The last call was answered: nothing more is waited for.
    server.kill();
    server.start_again().await;
    let seen = server.backend().workspace().await;
    let member = &seen["members"]["ann"];
    assert_eq!(
        member["user"],
        json!({"id": "ann", "name": "Anna"}),
        "{seen}"
    );
    assert_eq!(member["role"], "admin");
    assert_eq!(member["attributes"], json!({"team": "blue"}));
    assert_eq!(
        member["onlineStatus"], "offline",
        "presence does not survive"
    );
    assert_eq!(member["selectedChannelId"], Value::Null);
    let channels = json!({"p": {"private": true, "members": ["ann"], "attributes": {}}});
    assert_eq!(seen["channels"], channels);
    assert_eq!(
        seen["members"].as_object().map(serde_json::Map::len),
        Some(1)
    );
}

/// Makes channels one after the other until a call is not answered any more, which is the last one.
/// Tells which calls were answered.
async fn make_channels(backend: Backend, lane: String, answered: UnboundedSender<String>) {
    for number in 0.. {
        let id = format!("{lane}-{number}");
        let request = backend.request("PUT", &channel(&id)).bearer_auth(API_KEY);
        match request.json(&json!({})).send().await {
            Ok(answer) => assert_eq!(answer.status().as_u16(), 201, "{id}"),
            Err(_) => return,
        }
        let told = answered.send(id);
        told.expect("the test listens until every lane has ended");
    }
}

#[tokio::test]
async fn every_answered_call_survives_a_kill_in_the_middle_of_many() {
    const LANES: usize = 8;
    let mut server = Server::with().durable().start().await;
    let mut known = BTreeSet::new();
    for (round, enough) in [1, 40, 200].into_iter().enumerate() {
        let (answered, mut answers) = unbounded_channel();
        let lane = |lane| {
            let lane = format!("c-{round}-{lane}");
            tokio::spawn(make_channels(server.backend(), lane, answered.clone()))
        };
        let lanes: Vec<_> = (0..LANES).map(lane).collect();
        drop(answered);
        for _ in 0..enough {
            let id = within_deadline("an answer", answers.recv()).await;
            known.insert(id.expect("every lane goes on while the server runs"));
        }
        // Every lane waits for an answer now: it ends only with a call that has none.
        server.kill();
        for lane in lanes {
            within_deadline("the end of a lane", lane)
                .await
                .expect("no call fails while the server runs");
        }
        while let Some(id) = answers.recv().await {
            known.insert(id);
        }
        server.start_again().await;
        let seen = server.backend().workspace().await;
        let seen = seen["channels"].as_object().expect("channels are a map");
        for id in &known {
            assert!(seen.contains_key(id), "{id} was answered and is lost");
        }
        // A call without an answer may have come through or not, whole.
        assert!(
            seen.len() <= known.len() + LANES,
            "{} channels, {} answers",
            seen.len(),
            known.len()
        );
        known.extend(seen.keys().cloned());
        let whole = json!({"private": false, "members": [], "attributes": {}});
        assert!(seen.values().all(|channel| *channel == whole), "{seen:?}");
    }
}

#[tokio::test]
async fn without_a_file_the_log_says_that_nothing_is_kept() {
    let server = Server::start().await;
    let entry = server.log().entry("about the store", |entry| {
        let message = entry["message"].as_str().unwrap_or_default();
        entry["level"] == "WARN" && message.contains("store.path")
    });
    entry.await;
}
