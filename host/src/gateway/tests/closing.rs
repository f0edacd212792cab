//! Clients that stop reading, and those that are made to go; must not know why they are.

use std::time::{Duration, Instant};

use super::clients::WebSocket;
use super::*;
use wardroom_domain::CloseReason;

use crate::gateway::closing::Cause;
use crate::limits;

const KICKED: Cause = Cause::Ended(CloseReason::Kicked);

/// Slack for a busy machine, on top of a stated bound.
const SLACK: Duration = Duration::from_secs(3);

fn large() -> Bytes {
    frame::text(&format!("42[\"large\",\"{}\"]", "x".repeat(4000)))
}

#[tokio::test]
async fn a_client_that_stops_reading_is_closed_and_disturbs_nobody() {
    let mut server = Server::start(Settings::default()).await;
    let _stopped = WebSocket::join(server.address).await;
    let stopped = server.joined().await;
    let mut reading = WebSocket::join(server.address).await;
    let reader = server.joined().await;
    let read = tokio::spawn(async move {
        let mut numbers = 0;
        while let Some(packet) = reading
            .next()
            .await
            .filter(|packet| !packet.contains("shut"))
        {
            assert_eq!(number_of(&packet), Some(numbers));
            numbers += 1;
        }
        numbers
    });
    let mut sent = 0;
    let deadline = Instant::now() + PATIENCE;
    while !stopped.output().is_closing() {
        assert!(Instant::now() < deadline, "the output is bounded");
        stopped.output().push(&[large()]);
        reader.output().push(&[numbered(sent)]);
        sent += 1;
        tokio::task::yield_now().await;
    }
    let (peer, departure) = server.departed().await;
    assert_eq!((peer.id(), departure), (stopped.id(), Departure::Lost));
    assert_eq!(peer.output().cause(), Some(Cause::SlowConsumer));
    reader.output().close(Cause::Shutdown);
    assert_eq!(read.await.unwrap(), sent, "the other client got everything");
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_closed_in_time() {
    let write_timeout = Duration::from_millis(500);
    let mut server = Server::start(Settings {
        write_timeout,
        ..Settings::default()
    })
    .await;
    let _stopped = WebSocket::join(server.address).await;
    let peer = server.joined().await;
    // Fills the kernel's buffers and a part of the output, then leaves it alone.
    fill(&peer).await;
    let since = Instant::now();
    assert_eq!(server.departed().await.1, Departure::Lost);
    assert!(since.elapsed() < write_timeout + SLACK);
}

#[tokio::test]
async fn a_client_that_stops_reading_cannot_evade_a_kick() {
    let mut server = Server::start(Settings::default()).await;
    let mut stopped = WebSocket::join(server.address).await;
    let peer = server.joined().await;
    fill(&peer).await;
    let since = Instant::now();
    peer.output().close(KICKED);
    stopped.try_send("42[\"evading\"]").await;
    let (peer, occurrence) = server.next().await;
    assert!(
        matches!(occurrence, Occurrence::Departed(_)),
        "{occurrence:?}"
    );
    assert!(since.elapsed() < limits::CLOSE_TIMEOUT + SLACK);
    assert_eq!(peer.output().cause(), Some(KICKED));
    while stopped.next().await.is_some() {}
}

#[tokio::test]
async fn a_kicked_client_gets_the_last_events_and_is_told() {
    let mut server = Server::start(Settings::default()).await;
    let mut client = WebSocket::join(server.address).await;
    let peer = server.joined().await;
    for number in 0..100 {
        peer.output().push(&[numbered(number)]);
    }
    peer.output().close(KICKED);
    peer.output().push(&[numbered(100)]);
    for number in 0..100 {
        assert_eq!(number_of(&client.next().await.unwrap()), Some(number));
    }
    assert!(client.next().await.unwrap().contains(r#""code":"kicked""#));
    assert_eq!(client.next().await.unwrap(), "41");
    assert_eq!(client.next().await, None);
    assert_eq!(server.departed().await.1, Departure::Lost);
}

#[tokio::test]
async fn a_client_that_answers_no_heartbeat_is_closed() {
    let settings = Settings {
        ping_interval: Duration::from_millis(100),
        ping_timeout: Duration::from_millis(200),
        ..Settings::default()
    };
    let mut server = Server::start(settings).await;
    let _silent = WebSocket::join(server.address).await;
    server.joined().await;
    assert_eq!(server.departed().await.1, Departure::Lost);
}

/// Pushes until some of it waits in the output.
async fn fill(peer: &Peer) {
    while peer.output().waiting_bytes() < limits::MAX_OUTPUT_BYTES / 2 {
        peer.output().push(&[large()]);
        tokio::task::yield_now().await;
    }
}
