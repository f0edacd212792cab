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

/// How often a client tries in vain and then in earnest, in one breath.
const TRIES: usize = 100;

#[tokio::test]
async fn a_refused_auth_does_not_disturb_the_one_that_follows_it() {
    let server = Server::start().await;
    let user = "eve";
    let refused = json!({"token": token::without_workspaces(user), "workspaceId": "lonely"});
    let accepted = json!({"token": token::token(user, "lonely"), "workspaceId": "lonely"});
    for _ in 0..TRIES {
        let mut raw = Raw::connect(&server).await;
        raw.emit("auth", &refused).await;
        raw.emit("auth", &accepted).await;
        raw.emit("marker", &json!({})).await;
        let mut heard = Vec::new();
        while heard.last().is_none_or(|name| name != "marker") {
            let event = raw.event().await;
            let is_marker = event.data["event"] == "marker";
            heard.push(if is_marker {
                "marker".to_owned()
            } else {
                event.name
            });
        }
        let each_once_and_in_order = [
            "socket-api-error",
            "auth-success",
            "online-status-updated",
            "marker",
        ];
        assert_eq!(heard, each_once_and_in_order);
        server.backend().kick(user).await;
        raw.events_until_closed().await;
    }
}
