//! Policies of commands refuse, and attach grants, over sockets and over HTTP.

use serde_json::json;
use wardroom_tests::client::refusal;
use wardroom_tests::event;

use crate::admission::{enter, strict};
use crate::exchange::{media, selected};

#[tokio::test]
async fn a_grant_goes_to_whoever_asked_and_a_denial_changes_nothing() {
    let server = strict().await;
    let backend = server.backend();
    for channel in ["open", "vault"] {
        backend.put_channel(channel, &json!({})).await;
    }
    let mut ann = enter(&server, "ann", "member").await;
    let mut eve = enter(&server, "eve", "member").await;
    ann.heard().await;
    let open = json!({"channelId": "open"});
    let granted = ann.ask_ok("select-channel", open.clone()).await;
    assert_eq!(granted, json!({"grant": {"ticket": "ann@open"}}));
    let again = ann.ask_ok("select-channel", open).await;
    assert_eq!(again, granted, "credentials are renewed");
    assert_eq!(eve.heard().await, [selected("ann", "open", media())]);
    ann.heard().await;

    let vault = json!({"channelId": "vault", "transaction": "t"});
    let answer = ann.ask("select-channel", vault).await;
    assert_eq!(refusal(&answer), "denied-by-policy");
    assert_eq!(answer["error"]["message"], "the vault is closed");
    let mut told = answer["error"].clone();
    assert_eq!(ann.next().await, event("socket-api-error-t", told.clone()));
    told["event"] = json!("select-channel");
    assert_eq!(ann.next().await, event("socket-api-error", told));
    assert_eq!(eve.heard().await, [], "nobody hears of it");
    assert_eq!(ann.ask_ok("unselect-channel", json!({})).await, json!({}));
}

#[tokio::test]
async fn a_backend_that_relays_gets_the_same() {
    let server = strict().await;
    let backend = server.backend();
    for channel in ["open", "vault"] {
        backend.put_channel(channel, &json!({})).await;
    }
    let ann = enter(&server, "ann", "member").await;
    let select = format!("/v1/connections/{}/select-channel", ann.socket());
    let answer = backend
        .call(
            "POST",
            &select,
            &json!({"userId": "ann", "channelId": "open"}),
        )
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let expected = json!({"outcome": "changed", "grant": {"ticket": "ann@open"}});
    assert_eq!(answer.body, expected);
    let answer = backend
        .call(
            "POST",
            &select,
            &json!({"userId": "ann", "channelId": "vault"}),
        )
        .await;
    assert_eq!(answer.status, 403, "{answer:?}");
    assert_eq!(answer.content_type, "application/problem+json");
    assert_eq!(answer.body["code"], "denied-by-policy");
    assert_eq!(answer.body["detail"], "the vault is closed");
    let decision = answer.body["decisionId"].clone();
    assert!(decision.is_string(), "{answer:?}");
    server
        .log()
        .entry("of the refusal", |entry| entry["decision"] == decision)
        .await;
    let update = format!("/v1/connections/{}/update-online-status", ann.socket());
    let answer = backend
        .call(
            "POST",
            &update,
            &json!({"userId": "ann", "onlineStatus": "idle"}),
        )
        .await;
    assert_eq!(
        answer.body,
        json!({"outcome": "changed"}),
        "no grant, no key"
    );
}
