//! What keeps the server from starting, what it says then, and what it does while it starts.

use serde_json::{Value, json};
use tokio::net::TcpStream;
use wardroom_tests::token::SECRET;
use wardroom_tests::{Server, eventually, paths};

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

#[tokio::test]
async fn while_a_policy_is_loading_operators_are_answered_and_nobody_is_let_in() {
    let mut server = Server::with()
        .policy("rooms", &paths::private_channels())
        .policy("never", &paths::guest("stalls"))
        .set("policy.start_deadline", "1h")
        .begin()
        .await;
    let backend = server.backend();
    let get = |path| backend.call("GET", path, &Value::Null);
    let waits_for_one = || async {
        let ready = get("/readyz").await;
        assert_eq!(ready.status, 503, "{ready:?}");
        (ready.body["reasons"] == json!(["policy \"never\" is loading"])).then_some(ready)
    };
    let ready = eventually("the other policy is loaded", waits_for_one).await;
    assert_eq!(ready.body["ready"], false);
    assert_eq!(get("/healthz").await.status, 200);

    let listed = get("/v1/policies").await.body;
    assert_eq!(listed["policies"], json!([]));
    let loading = listed["loading"].as_array().expect("a list");
    let states = loading.iter().map(|it| (&it["name"], &it["state"]));
    let states: Vec<_> = states.collect();
    assert_eq!(
        states,
        [
            (&json!("rooms"), &json!("loaded")),
            (&json!("never"), &json!("loading"))
        ]
    );

    let refused = get("/v1/workspaces/w").await;
    assert_eq!(
        (refused.status, &refused.body["code"]),
        (503, &json!("overloaded"))
    );
    let detail = refused.body["detail"].as_str().unwrap_or_default();
    assert!(detail.contains("policy \"never\" is loading"), "{detail}");
    let client = TcpStream::connect(server.public()).await;
    let refused = client.expect_err("nobody listens").kind();
    assert_eq!(refused, std::io::ErrorKind::ConnectionRefused);

    server.terminate();
    assert_eq!(server.ended().await.code(), Some(0));
}

#[tokio::test]
async fn a_server_that_has_started_takes_everybody() {
    let server = Server::with()
        .policy("rooms", &paths::private_channels())
        .start()
        .await;
    let backend = server.backend();
    let get = |path| backend.call("GET", path, &Value::Null);
    assert_eq!(
        get("/readyz").await.body,
        json!({"ready": true, "reasons": []})
    );
    assert_eq!(get("/v1/policies").await.body["loading"], json!([]));
    let _ann = server.join("ann").await;
}

#[tokio::test]
async fn a_policy_that_is_not_waited_for_keeps_nobody_out() {
    let server = Server::with()
        .policy("never", &paths::guest("stalls"))
        .policy_set("on_failure", "open")
        .policy_set("wait", false)
        .set("policy.start_deadline", "1h")
        .start()
        .await;
    let backend = server.backend();
    let get = |path| backend.call("GET", path, &Value::Null);
    assert_eq!(get("/readyz").await.status, 200);
    let loading = || async {
        let listed = get("/v1/policies").await.body;
        assert_eq!(listed["policies"], json!([]));
        (listed["loading"][0]["state"] == "loading").then_some(())
    };
    eventually("it is loading", loading).await;
    let mut ann = server.join("ann").await;
    assert_eq!(ann.channels().await, [] as [&str; 0]);
}
