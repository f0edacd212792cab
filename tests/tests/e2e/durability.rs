//! What the backend was told survives the process.

use serde_json::{Value, json};
use wardroom_tests::Server;
use wardroom_tests::server::WORKSPACE;

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

#[tokio::test]
async fn every_answered_call_survives_a_kill_in_the_middle_of_many() {
    let mut server = Server::with().durable().start().await;
    let backend = server.backend();
    // Calls run side by side; whichever was answered before the kill must be there after it.
    let calls: Vec<_> = (0..8)
        .map(|lane| {
            let backend = backend.clone();
            tokio::spawn(async move {
                for number in 0..25 {
                    backend
                        .put_channel(&format!("c-{lane}-{number}"), &json!({}))
                        .await;
                }
            })
        })
        .collect();
    for call in calls {
        call.await.expect("every call is answered");
    }
    server.kill();
    server.start_again().await;
    let seen = server.backend().workspace().await;
    assert_eq!(
        seen["channels"].as_object().map(serde_json::Map::len),
        Some(200)
    );
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
