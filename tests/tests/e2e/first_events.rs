//! What a client emits right after it made its socket is not lost, however many do so at once.

use serde_json::json;
use wardroom_tests::server::WORKSPACE;
use wardroom_tests::{Raw, Server, token};

/// Clients that come at the same time.
const CLIENTS: usize = 500;

#[tokio::test]
async fn five_hundred_clients_that_emit_auth_at_once_all_enter() {
    let server = Server::start().await;
    let mut entering = Vec::with_capacity(CLIENTS);
    for number in 0..CLIENTS {
        let server = server.public();
        entering.push(tokio::spawn(async move {
            let user = format!("user-{number}");
            let mut raw = Raw::open_at(server).await;
            raw.text("40").await;
            // Stock clients hold back what was emitted before until they are let in, and send it
            // at that very moment.
            let joined = raw.packet().await.expect("the connection is kept");
            assert!(joined.starts_with("40{"), "{joined}");
            let token = token::token(&user, WORKSPACE);
            let offline = "offline";
            let auth = json!({"token": token, "workspaceId": WORKSPACE, "onlineStatus": offline});
            raw.emit("auth", &auth).await;
            let answer = raw.event().await;
            assert_eq!(answer.name, "auth-success", "{answer:?}");
            assert_eq!(answer.data, json!({"userId": user}));
            raw
        }));
    }
    let mut open = Vec::with_capacity(CLIENTS);
    for entered in entering {
        open.push(entered.await.expect("every client enters"));
    }
    assert_eq!(server.backend().workspace().await["connections"], CLIENTS);
}
