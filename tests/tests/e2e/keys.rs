//! Keys of users and of backends are replaced while the server runs.

use jsonwebtoken::Algorithm;
use serde_json::{Value, json};
use wardroom_tests::server::WORKSPACE;
use wardroom_tests::{Flavour, Server, eventually, token};

const OTHER: &str = "another-secret-of-0123456789abcdef0123456789abcdef";

#[tokio::test]
async fn keys_follow_their_files_and_nobody_is_thrown_out() {
    let server = Server::with().start().await;
    let folder = server.configuration_file();
    let folder = folder.parent().expect("a file is in a folder");
    let mut ann = server.join("ann").await;
    // From the configuration into a file of its own; then the file changes.
    let secret = folder.join("token-secret");
    std::fs::write(&secret, token::SECRET).expect("the folder can be written to");
    let mut configuration = server.configuration();
    let mut key = toml::Table::new();
    key.insert("id".into(), "test".into());
    key.insert("alg".into(), "HS256".into());
    key.insert("secret_file".into(), "token-secret".into());
    configuration["auth"]["keys"] = toml::Value::Array(vec![key.into()]);
    configuration["api_keys"]
        .as_array_mut()
        .expect("keys are a list")
        .truncate(1);
    server.configure(&configuration.to_string());
    let reader = server.backend_with(wardroom_tests::settings::READER_KEY);
    eventually("the end of the reader's key", || async {
        let answer = reader.call("GET", "/v1/workspaces/w", &Value::Null).await;
        (answer.status == 401).then_some(())
    })
    .await;
    std::fs::write(&secret, OTHER).expect("the folder can be written to");
    let claims = json!({"sub": "bob", "workspaces": [WORKSPACE], "exp": token::now() + 600});
    let other = token::signed_with(Algorithm::HS256, OTHER, &claims);
    let mut bob = server.connect(Flavour::Js4WebSocket, "bob").await;
    let auth = json!({"token": other, "workspaceId": WORKSPACE});
    server
        .log()
        .entry("of the other keys", |entry| {
            entry["message"] == "tokens are verified by other keys or rules now"
        })
        .await;
    bob.ask_ok("auth", auth.clone()).await;
    let mut cleo = server.connect(Flavour::Js4WebSocket, "cleo").await;
    let old = json!({"token": token::token("cleo", WORKSPACE), "workspaceId": WORKSPACE});
    assert_eq!(cleo.ask_refused("auth", old).await, "invalid-token");
    // Ann's token is signed with the old secret, and she is there all the same.
    ann.state().await;
    // What cannot be read changes nothing.
    std::fs::remove_file(&secret).expect("it is there");
    server.hang_up();
    server
        .log()
        .entry("of the refusal", |entry| {
            entry["message"]
                .as_str()
                .is_some_and(|it| it.contains("configuration"))
                && entry["level"] != "INFO"
        })
        .await;
    let mut dan = server.connect(Flavour::Js4WebSocket, "dan").await;
    dan.ask_ok("auth", auth).await;
}

#[tokio::test]
async fn a_key_that_is_added_is_accepted_after_sighup_and_nobody_is_thrown_out() {
    let server = Server::with().start().await;
    // What is written through another name in another folder tells no watcher of the first.
    let file = server.configuration_file();
    let elsewhere = file.with_file_name("elsewhere");
    std::fs::create_dir(&elsewhere).expect("the folder can be written to");
    let same = elsewhere.join("same");
    std::fs::hard_link(&file, &same).expect("a file may have two names");
    let mut ann = server.join("ann").await;
    let claims = json!({"sub": "bob", "workspaces": [WORKSPACE], "exp": token::now() + 600});
    let other = token::signed_with(Algorithm::HS256, OTHER, &claims);
    let auth = json!({"token": other, "workspaceId": WORKSPACE});
    let mut bob = server.connect(Flavour::Js4WebSocket, "bob").await;
    assert_eq!(bob.ask_refused("auth", auth.clone()).await, "invalid-token");

    let mut key = toml::Table::new();
    key.insert("id".into(), "added".into());
    key.insert("alg".into(), "HS256".into());
    key.insert("secret".into(), OTHER.into());
    let mut configuration = server.configuration();
    configuration["auth"]["keys"]
        .as_array_mut()
        .expect("keys are a list")
        .push(key.into());
    std::fs::write(&same, configuration.to_string()).expect("it can be written to");
    server.hang_up();
    server
        .log()
        .entry("of the signal", |entry| entry["signal"] == "SIGHUP")
        .await;
    server
        .log()
        .entry("of the added key", |entry| {
            entry["message"] == "tokens are verified by other keys or rules now"
                && entry["keys"] == "test, added"
        })
        .await;
    let mut bob = server.connect(Flavour::Js4WebSocket, "bob").await;
    bob.ask_ok("auth", auth).await;
    // Who was there stays, and the former key is as good as before.
    ann.state().await;
    server.join("cleo").await.state().await;
}

#[tokio::test]
async fn a_sighup_without_any_change_is_answered_in_the_log() {
    let server = Server::with()
        .policy("rooms", &wardroom_tests::paths::private_channels())
        .start()
        .await;
    let nothing = |entry: &Value| {
        let message = entry["message"].as_str().unwrap_or_default();
        message.starts_with("nothing has changed")
    };
    server.hang_up();
    let entry = server.log().entry("that nothing changed", nothing).await;
    assert_eq!(entry["level"], "INFO");
    // What is still refused is told again.
    server.configure("nonsense");
    server
        .log()
        .entry("of the refusal", |entry| {
            let message = entry["message"].as_str().unwrap_or_default();
            message.starts_with("the configuration was refused")
        })
        .await;
    server.hang_up();
    let refused = |entry: &Value| nothing(entry) && entry["level"] == "WARN";
    let entry = server
        .log()
        .entry("that it is still refused", refused)
        .await;
    let reason = entry["refused"].as_str().unwrap_or_default();
    assert!(reason.contains("cannot be used"), "{reason}");
}
