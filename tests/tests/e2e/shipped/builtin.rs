//! A policy of those in the binary, by its name in the place of a file.

use serde_json::{Value, json};
use wardroom_tests::Server;

use crate::exchange::created;

#[tokio::test]
async fn a_policy_in_the_binary_decides_and_changes_with_the_configuration() {
    let server = Server::with()
        .set("visibility.private_channels", "policies")
        .shipped_policy("rooms", "private-channels");
    let server = server.start().await;
    let backend = server.backend();
    backend
        .put_channel("secret", &json!({"private": true}))
        .await;
    backend.put_member("ann", &json!({"role": "admin"})).await;
    let mut ann = server.join("ann").await;
    assert_eq!(ann.channels().await, [] as [&str; 0]);
    let listed = backend.ok("GET", "/v1/policies", &Value::Null).await.body;
    let shown = &listed["policies"][0];
    assert_eq!(shown["file"], "builtin:private-channels", "{listed}");
    assert_eq!(shown["state"], "active", "{listed}");

    let mut table = server.configuration();
    let policies = table["policies"].as_array_mut().expect("it is a list");
    let policy = policies[0].as_table_mut().expect("it is a section");
    let settings = toml::Table::from_iter([("see_all_roles".to_owned(), vec!["admin"].into())]);
    policy.insert("settings".into(), settings.into());
    server.configure(&table.to_string());
    assert_eq!(ann.next().await, created("secret"));
    let listed = backend.ok("GET", "/v1/policies", &Value::Null).await.body;
    let shown = &listed["policies"][0];
    assert_eq!(shown["file"], "builtin:private-channels", "{listed}");
    assert_eq!(
        (&shown["state"], &shown["generation"]),
        (&json!("active"), &json!(2))
    );

    // There is no folder of such a policy in which a candidate could be.
    let beside = json!({"file": "next.wasm"});
    let tried = backend
        .call("POST", "/v1/policies/rooms/dry-run", &beside)
        .await;
    assert_eq!(tried.status, 422, "{tried:?}");
    let detail = tried.body["detail"].as_str().unwrap_or_default();
    assert!(
        detail.contains("is in the binary") && detail.contains("application/wasm"),
        "{detail}"
    );
}
