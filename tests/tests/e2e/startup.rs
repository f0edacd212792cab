//! What keeps the server from starting, and what it says then.

use wardroom_tests::Server;
use wardroom_tests::token::SECRET;

#[tokio::test]
async fn missing_and_weak_secrets_are_named_and_not_shown() {
    let weak = "0123456789abcdef";
    let mut key = toml::Table::new();
    for (name, value) in [("id", "weak"), ("alg", "HS256"), ("secret", weak)] {
        key.insert(name.into(), value.into());
    }
    let keys = vec![toml::Value::from(key)];
    for (settings, at) in [
        (Server::with().without("auth"), "auth.keys"),
        (Server::with().without("api_keys"), "api_keys"),
        (Server::with().set("auth.keys", keys), "auth.keys[0].secret"),
    ] {
        let (code, said) = settings.fails().await;
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains(at), "{at} is not named: {said}");
        assert!(
            !said.contains(weak) && !said.contains(SECRET),
            "a secret is shown: {said}"
        );
    }
}

#[tokio::test]
async fn an_unknown_setting_is_named() {
    let (code, said) = Server::with().set("presence.graze", "5s").fails().await;
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("graze"), "{said}");
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    let server = Server::start().await;
    let taken = server.public().to_string();
    let (code, said) = Server::with()
        .set("listen.public", taken.clone())
        .fails()
        .await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains(&taken), "{said}");
}
