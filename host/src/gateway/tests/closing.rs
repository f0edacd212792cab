//! Clients that stop reading, and those that are made to go; must not know why they are.

use std::time::{Duration, Instant};

use super::clients::{Polling, WebSocket, exchange};
use super::conversing::House;
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

/// Whoever is being closed while it sends would lose the reason to a reset of the connection.
#[tokio::test]
async fn a_client_that_goes_on_sending_reads_why_it_is_closed() {
    let causes = [
        (KICKED, "kicked", Some("41")),
        (Cause::TokenExpired, "token-expired", None),
        (Cause::AuthTimeout, "auth-timeout", None),
        (Cause::Shutdown, "shutting-down", None),
    ];
    let mut server = Server::start(Settings::default()).await;
    for run in 0..20 {
        for (cause, code, farewell) in &causes {
            let client = WebSocket::join(server.address).await;
            let peer = server.joined().await;
            // An acknowledgement of nothing, which is read and means nothing.
            let packet = format!("431[\"{}\"]", "x".repeat(1000));
            let seen = tokio::spawn(client.rest_while_sending(packet));
            peer.output().close(cause.clone());
            let seen = seen.await.unwrap();
            let Some((why, last)) = seen.split_first() else {
                panic!("{code} in run {run}: nothing was read");
            };
            assert!(why.contains(code), "{why}");
            assert!(last.iter().eq(farewell), "{last:?}");
            server.departed().await;
        }
    }
}

#[tokio::test]
async fn a_client_that_sends_nonsense_and_goes_on_reads_why_it_is_closed() {
    let mut server = Server::start(Settings::default()).await;
    let too_large = format!("42[\"{}\"]", "x".repeat(limits::MAX_INCOMING_MESSAGE_BYTES));
    for packet in ["nonsense", "4nonsense", "42nonsense", &too_large] {
        for _ in 0..20 {
            let client = WebSocket::join(server.address).await;
            let peer = server.joined().await;
            let seen = client.rest_while_sending(packet.to_owned()).await;
            assert!(seen[0].contains("invalid-data"), "{seen:?}");
            assert_eq!(seen.len(), 1, "the transport is closed: {seen:?}");
            server.departed().await;
            assert_eq!(peer.output().cause(), Some(Cause::Malformed));
        }
    }
}

/// HTTP requests that are refused before they have been read.
#[tokio::test]
async fn a_request_that_is_too_large_is_answered_readably() {
    let server = Server::start(Settings::default()).await;
    let client = Polling::join(server.address).await;
    let unread = "x".repeat(4 << 20);
    let length = unread.len();
    let head = format!(
        "POST /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n{unread}"
    );
    let query = format!("EIO=4&transport=polling&sid={}", client.sid);
    let body = format!(
        "POST /socket.io/?{query} HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n{unread}"
    );
    let other =
        format!("POST /nothing HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n{unread}");
    let large_head = format!("GET /?{unread} HTTP/1.1\r\nhost: x\r\n\r\n");
    for _ in 0..20 {
        for (request, expected, error) in [
            (&head, 400, Some(2)),
            (&body, 413, Some(3)),
            (&other, 404, None),
            (&large_head, 431, None),
        ] {
            let (status, head, body) = exchange(server.address, request.clone()).await;
            assert_eq!(status, expected, "{}", &request[..60]);
            if let Some(code) = error {
                assert_error(&head, &body, code);
            }
        }
    }
}

/// A connection does not stay open for one that never closes it.
#[tokio::test]
async fn a_client_that_does_not_close_is_not_waited_for_long() {
    let settings = Settings {
        max_connections: 1,
        ..Settings::default()
    };
    let mut server = Server::start(settings).await;
    let client = WebSocket::join(server.address).await;
    let peer = server.joined().await;
    let since = Instant::now();
    peer.output().close(KICKED);
    server.departed().await;
    drop(peer);
    let get = "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let served = async {
        while exchange(server.address, get.to_owned()).await.0 != 404 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, served)
        .await
        .expect("its place is free again");
    let took = since.elapsed();
    assert!(
        took >= limits::LINGER_TIMEOUT && took < limits::LINGER_TIMEOUT + SLACK,
        "{took:?}"
    );
    drop(client);
}

#[tokio::test]
async fn a_drain_does_not_wait_for_who_never_joined() {
    let house = House::start(Settings::default()).await;
    let _polling = Polling::open(house.address).await;
    let _websocket = WebSocket::open(house.address, "EIO=4").await;
    tokio::time::timeout(limits::CLOSE_TIMEOUT, house.gateway.drain())
        .await
        .expect("there is nobody to tell");
}

/// Whoever polls is watched in the same way.
#[tokio::test]
async fn a_client_that_never_joins_is_closed_in_time() {
    let server = Server::start(Settings::default()).await;
    let began = Instant::now();
    let mut client = WebSocket::open(server.address, "EIO=4").await;
    client.rest().await;
    let lasted = began.elapsed();
    let earliest = limits::JOIN_TIMEOUT - limits::UPTIME_TICK;
    assert!(lasted >= earliest, "{lasted:?}");
    assert!(lasted < limits::JOIN_TIMEOUT + SLACK, "{lasted:?}");
}

/// socketioxide keeps the request that began such a session.
#[tokio::test]
async fn a_session_that_ended_before_anybody_joined_is_forgotten_at_once() {
    let server = Server::start(Settings::default()).await;
    let client = Polling::open(server.address).await;
    let output = Arc::downgrade(
        &server
            .transport
            .session(&client.sid.parse().unwrap())
            .unwrap(),
    );
    output.upgrade().unwrap().close(Cause::TransportLost);
    WebSocket::open(server.address, "EIO=4").await.close().await;
    let forgotten = async {
        while output.upgrade().is_some()
            || !server.transport.sessions.is_empty()
            || server.transport.newcomers.count() > 0
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(limits::JOIN_TIMEOUT / 2, forgotten)
        .await
        .expect("nothing keeps it");
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

#[tokio::test]
async fn whoever_has_more_than_their_part_is_closed_when_too_much_waits_for_all() {
    let most = limits::MAX_OUTPUT_BYTES;
    let settings = Settings {
        max_output_total_bytes: most,
        ..Settings::default()
    };
    let mut server = Server::start(settings).await;
    let _idle = [
        WebSocket::join(server.address).await,
        WebSocket::join(server.address).await,
    ];
    let (one, other) = (server.joined().await, server.joined().await);
    fill_to(&one, most * 3 / 4).await;
    assert!(!one.output().is_closing(), "others have room");
    fill_to(&other, most / 3).await;
    let chunk = Bytes::from(vec![0; 1024]);
    other.output().push(std::slice::from_ref(&chunk));
    assert!(!other.output().is_closing(), "it has less than its part");
    one.output().push(&[chunk]);
    assert_eq!(server.departed().await.0.id(), one.id());
    assert_eq!(one.output().cause(), Some(Cause::SlowConsumer));
    assert!(!other.output().is_closing());
}

/// Pushes until some of it waits in the output.
async fn fill(peer: &Peer) {
    fill_to(peer, limits::MAX_OUTPUT_BYTES / 2).await;
}

async fn fill_to(peer: &Peer, bytes: usize) {
    while peer.output().waiting_bytes() < bytes {
        peer.output().push(&[large()]);
        tokio::task::yield_now().await;
    }
}
