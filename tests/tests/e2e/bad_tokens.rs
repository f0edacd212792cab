//! Tokens that open nothing. Each is refused by its own code, and disturbs nobody.

use serde_json::{Value, json};
use wardroom_tests::server::WORKSPACE;
use wardroom_tests::token::{self, SECRET, now};
use wardroom_tests::{Flavour, Server};

/// `{"alg":"none","typ":"JWT"}` in base64url.
const HEADER_NONE: &str = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0";

fn claims() -> Value {
    json!({"sub": "eve", "workspaces": [WORKSPACE], "exp": now() + 3600})
}

fn changed(change: Value) -> Value {
    let mut claims = claims();
    let change = change.as_object().expect("changes are an object").clone();
    claims.as_object_mut().expect("an object").extend(change);
    claims
}

/// A good token, but of somebody else's claims.
fn forged() -> String {
    let good = token::signed(&claims());
    let other = token::signed(&changed(json!({"sub": "admin"})));
    let mut parts: Vec<_> = good.split('.').collect();
    parts[1] = other.split('.').nth(1).expect("a token has three parts");
    parts.join(".")
}

/// A token that claims to need no signature.
fn unsigned() -> String {
    let good = token::signed(&claims());
    let payload = good.split('.').nth(1).expect("a token has three parts");
    format!("{HEADER_NONE}.{payload}.")
}

#[tokio::test]
async fn each_bad_token_is_refused_by_its_code() {
    let with = token::signed_with;
    let hs = jsonwebtoken::Algorithm::HS256;
    let other_secret = "another secret of sufficient length, which no server accepts";
    let good = token::signed(&claims());
    let mut without_exp = claims();
    without_exp
        .as_object_mut()
        .expect("an object")
        .remove("exp");
    let mut without_sub = claims();
    without_sub
        .as_object_mut()
        .expect("an object")
        .remove("sub");
    let cases = [
        (
            "expired",
            token::expiring("eve", WORKSPACE, now() - 5),
            "token-expired",
        ),
        (
            "not yet valid",
            token::signed(&changed(json!({"nbf": now() + 600}))),
            "invalid-token",
        ),
        ("forged", forged(), "invalid-token"),
        ("alg none", unsigned(), "invalid-token"),
        (
            "wrong key",
            with(hs, other_secret, &claims()),
            "invalid-token",
        ),
        (
            "other alg",
            with(jsonwebtoken::Algorithm::HS384, SECRET, &claims()),
            "invalid-token",
        ),
        ("no exp", token::signed(&without_exp), "invalid-token"),
        ("no sub", token::signed(&without_sub), "invalid-token"),
        (
            "long sub",
            token::signed(&changed(json!({"sub": "x".repeat(129)}))),
            "invalid-token",
        ),
        (
            "sub not text",
            token::signed(&changed(json!({"sub": 5}))),
            "invalid-token",
        ),
        (
            "workspaces not a list",
            token::signed(&changed(json!({"workspaces": 5}))),
            "invalid-token",
        ),
        ("cut", good[..good.len() - 3].to_owned(), "invalid-token"),
        ("not a token", "hello".to_owned(), "invalid-token"),
        (
            "another workspace",
            token::token("eve", "elsewhere"),
            "workspace-forbidden",
        ),
    ];
    let server = Server::start().await;
    let mut bob = server.join("bob").await;
    let mut eve = server.connect(Flavour::Js4WebSocket, "eve").await;
    for (name, token, code) in cases {
        let auth = json!({"token": token, "workspaceId": WORKSPACE});
        assert_eq!(eve.ask_refused("auth", auth).await, code, "{name}");
        let log = server.log();
        assert!(
            token.len() < 10 || log.count(&token) == 0,
            "{name}: a token is in the log"
        );
    }
    // The same socket may still do better.
    let auth = json!({"token": good, "workspaceId": WORKSPACE});
    eve.ask_ok("auth", auth).await;
    let heard = bob.heard().await;
    assert_eq!(heard.len(), 1, "only the good token is heard of: {heard:?}");
}

#[tokio::test]
async fn issuer_and_audience_are_checked_where_they_are_configured() {
    let server = Server::with()
        .set("auth.issuer", "https://id.example.com")
        .set("auth.audience", vec!["wardroom".to_owned()])
        .start()
        .await;
    let mut eve = server.connect(Flavour::Js4WebSocket, "eve").await;
    let issuer = "https://id.example.com";
    for bad in [
        json!({}),
        json!({"iss": issuer}),
        json!({"aud": "wardroom"}),
        json!({"iss": "https://evil.example.com", "aud": "wardroom"}),
        json!({"iss": issuer, "aud": "other"}),
    ] {
        let token = token::signed(&changed(bad));
        let auth = json!({"token": token, "workspaceId": WORKSPACE});
        assert_eq!(eve.ask_refused("auth", auth).await, "invalid-token");
    }
    let token = token::signed(&changed(json!({"iss": issuer, "aud": ["x", "wardroom"]})));
    eve.ask_ok("auth", json!({"token": token, "workspaceId": WORKSPACE}))
        .await;
}
