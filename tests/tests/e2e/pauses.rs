//! Pauses of the process: what clients sent meanwhile is read before their deadlines are judged.

use std::time::Duration;

use serde_json::json;
use wardroom_tests::raw::Heard;
use wardroom_tests::server::WORKSPACE;
use wardroom_tests::{Event, Raw, Server, token};

use crate::exchange::status;

/// Longer than every deadline below.
const PAUSE: Duration = Duration::from_secs(6);

/// The next event; acknowledgements are passed over.
async fn event_of(client: &mut Raw) -> Event {
    loop {
        if let Heard::Event(event) = client.heard().await.expect("the connection stays") {
            return event;
        }
    }
}

#[tokio::test]
async fn deadlines_that_passed_in_a_pause_are_not_held_against_clients() {
    let server = Server::with()
        .set("auth.deadline", "2s")
        .set("presence.grace", "2s")
        .set("socketio.ping_interval", "1s")
        .set("socketio.ping_timeout", "2s")
        .start()
        .await;
    let mut bob = Raw::join(&server, "bob").await;
    let mut stranger = Raw::connect(&server).await;
    let lost = Raw::join(&server, "ann").await;
    assert_eq!(bob.event().await, status("bob", "online"));
    assert_eq!(bob.event().await, status("ann", "online"));
    // Ann's transport ends, and with the end of the pause she is back.
    drop(lost);
    bob.ask(1, "get-state", &json!({})).await;
    bob.packet().await.expect("it is answered");
    server.pause();
    let auth = json!({"token": token::token("eve", WORKSPACE), "workspaceId": WORKSPACE});
    stranger.emit("auth", &auth).await;
    bob.ask(2, "update-online-status", &json!({"onlineStatus": "idle"}))
        .await;
    bob.text("3").await;
    let (back, ()) = tokio::join!(Raw::join(&server, "ann"), async {
        tokio::time::sleep(PAUSE).await;
        server.resume();
    });
    let greeting = stranger.packet().await.expect("it stays");
    assert!(greeting.contains("auth-success"), "{greeting}");
    let mut heard = vec![event_of(&mut bob).await, event_of(&mut bob).await];
    heard.sort_by_key(|event| event.data["userId"] == "eve");
    assert_eq!(heard, [status("bob", "idle"), status("eve", "online")]);
    // Nobody has seen Ann go.
    bob.ask(
        3,
        "update-online-status",
        &json!({"onlineStatus": "online"}),
    )
    .await;
    assert_eq!(event_of(&mut bob).await, status("bob", "online"));
    let log = server.log();
    assert!(log.count("the process was paused") > 0);
    drop(back);
}
