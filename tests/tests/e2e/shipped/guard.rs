//! `workspace-guard`: who enters, by role, by claim and by address.

use serde_json::{Value, json};
use wardroom_tests::client::refusal;
use wardroom_tests::server::WORKSPACE;
use wardroom_tests::{Client, Flavour, Server, event, token};

use super::with_policy;
use crate::exchange::closing_code;

const FLAVOURS: [Flavour; 3] = [
    Flavour::Js4WebSocket,
    Flavour::Js4Polling,
    Flavour::Js2WebSocket,
];

/// Tests come from the loopback address.
const SETTINGS: &str = r#"
    [[rules]]
    workspaces = ["w"]
    roles = ["staff", "member"]

    [[rules]]
    workspaces = ["w"]
    claims = { email_verified = [true], "/org/id" = ["acme", "beta"] }
    exempt_roles = ["staff"]
    message = "Confirm your e-mail address first."

    [[rules]]
    workspaces = ["inside"]
    addresses = ["127.0.0.0/8", "::1"]

    [[rules]]
    workspaces = ["outside"]
    addresses = ["10.0.0.0/8", "2001:db8::/32"]
    exempt_roles = ["staff"]
"#;

async fn server() -> Server {
    with_policy("workspace-guard", SETTINGS).start().await
}

/// What a client says to enter, with a role and more claims.
fn entry(workspace: &str, role: &str, more: &Value) -> Value {
    let mut claims = json!({
        "sub": "gus",
        "workspaces": {workspace: role},
        "exp": token::now() + 3600,
    });
    let more = more.as_object().expect("claims are an object").clone();
    claims.as_object_mut().expect("an object").extend(more);
    json!({"token": token::signed(&claims), "workspaceId": workspace})
}

/// Tries to enter in vain: the client is told in every way that the protocol knows, and the server's
/// log has the decision.
async fn refused(server: &Server, client: &mut Client, data: Value, code: &str, message: &str) {
    let mut data = data;
    data["transaction"] = json!("t1");
    let answer = client.ask("auth", data).await;
    assert_eq!(refusal(&answer), "denied-by-policy");
    let mut told = answer["error"].clone();
    assert_eq!(told["message"], message);
    let decision = told["decisionId"].clone();
    assert_eq!(
        client.next().await,
        event("socket-api-error-t1", told.clone())
    );
    told["event"] = json!("auth");
    assert_eq!(client.next().await, event("socket-api-error", told));
    let logged = server
        .log()
        .entry("of the refusal", |entry| entry["decision"] == decision)
        .await;
    assert_eq!(
        (&logged["policy"], &logged["code"], &logged["hook"]),
        (&json!("workspace-guard"), &json!(code), &json!("admission"))
    );
}

#[tokio::test]
async fn a_role_that_is_not_admitted_is_refused() {
    let server = server().await;
    let message = "Your role does not give access to this workspace.";
    for flavour in FLAVOURS {
        let mut gus = server.connect(flavour, "gus").await;
        let guest = entry(WORKSPACE, "guest", &json!({}));
        refused(&server, &mut gus, guest, "role-not-admitted", message).await;
        // Nobody without a role is admitted either, and the socket is still good.
        let nobody = json!({"token": token::token("gus", WORKSPACE), "workspaceId": WORKSPACE});
        refused(&server, &mut gus, nobody, "role-not-admitted", message).await;
        gus.ask_ok("auth", entry(WORKSPACE, "staff", &json!({})))
            .await;
        gus.state().await;
    }
}

#[tokio::test]
async fn a_claim_that_is_missing_or_wrong_is_refused_in_the_operators_words() {
    let server = server().await;
    let message = "Confirm your e-mail address first.";
    for flavour in FLAVOURS {
        let mut gus = server.connect(flavour, "gus").await;
        for claims in [
            json!({}),
            json!({"email_verified": false, "org": {"id": "acme"}}),
            json!({"email_verified": true, "org": {"id": "other"}}),
            json!({"email_verified": true}),
        ] {
            let data = entry(WORKSPACE, "member", &claims);
            refused(&server, &mut gus, data, "claim-not-admitted", message).await;
        }
        let claims = json!({"email_verified": true, "org": {"id": ["other", "beta"]}});
        gus.ask_ok("auth", entry(WORKSPACE, "member", &claims))
            .await;
        gus.state().await;
    }
}

#[tokio::test]
async fn an_address_outside_the_networks_is_refused() {
    let server = server().await;
    let message = "This workspace cannot be entered from your network.";
    for flavour in FLAVOURS {
        let mut gus = server.connect(flavour, "gus").await;
        let outside = entry("outside", "member", &json!({}));
        refused(&server, &mut gus, outside, "address-not-admitted", message).await;
        gus.ask_ok("auth", entry("inside", "member", &json!({})))
            .await;
        // Staff may come from anywhere.
        gus.ask_ok("auth", entry("outside", "staff", &json!({})))
            .await;
        gus.state().await;
    }
}

#[tokio::test]
async fn whoever_loses_the_role_is_closed_and_told_why() {
    let server = server().await;
    let backend = server.backend();
    let member = "/v1/workspaces/w/members/ann";
    backend.ok("PUT", member, &json!({"role": "staff"})).await;
    let mut ann = server.join("ann").await;
    let mut bob = server.connect(Flavour::Js4WebSocket, "bob").await;
    let claims = json!({"sub": "bob", "email_verified": true, "org": {"id": "acme"}});
    bob.ask_ok("auth", entry(WORKSPACE, "member", &claims))
        .await;
    bob.heard().await;
    backend.ok("PUT", member, &json!({"role": "guest"})).await;
    let heard = ann.last_heard().await;
    assert_eq!(closing_code(&heard), "denied-by-policy");
    let told = &heard.last().expect("it was told").data;
    assert_eq!(
        told["message"],
        "Your role does not give access to this workspace."
    );
    bob.state().await;
}
