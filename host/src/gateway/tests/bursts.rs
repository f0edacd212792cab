//! Clients that send more at once than can be handled; must not know what their events mean.

use tokio::sync::Semaphore;

use super::clients::{Polling, WebSocket, exchange};
use super::*;
use crate::limits;

/// Events that are read though there is no room for them: as many as one read can bring.
const READ_AT_ONCE: usize = limits::READ_BUFFER_BYTES / 6;
const MOST: usize = limits::MAX_WAITING_EVENTS + READ_AT_ONCE;

/// A server that handles an event for each permit.
async fn start() -> (Server, Arc<Semaphore>) {
    let turns = Arc::new(Semaphore::new(0));
    let server = Server::start_with(Settings::default(), Some(Arc::clone(&turns))).await;
    (server, turns)
}

/// Waits until the server has taken as much as it takes while nothing is handled.
async fn full(peer: &Peer) {
    let full = async {
        while peer.waiting_events() < limits::MAX_WAITING_EVENTS {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, full).await.expect("in time");
}

#[tokio::test]
async fn a_burst_slows_its_sender_down_and_all_of_it_is_handled_in_order() {
    const EVENTS: usize = 3000;
    let (mut server, turns) = start().await;
    let mut client = WebSocket::join(server.address).await;
    let peer = server.joined().await;
    let filler = "x".repeat(200);
    let event = move |number| format!("[\"event\",{number},\"{filler}\"]");
    let sent = event.clone();
    let sending = tokio::spawn(async move {
        for number in 0..EVENTS {
            client.send(&format!("42{}", sent(number))).await;
        }
        client
    });
    full(&peer).await;
    for number in 0..EVENTS {
        assert!(peer.waiting_events() <= MOST, "{}", peer.waiting_events());
        turns.add_permits(1);
        assert_eq!(server.event().await, event(number));
    }
    let mut client = sending.await.unwrap();
    turns.add_permits(1);
    client.send("42[\"after\"]").await;
    assert_eq!(server.event().await, "[\"after\"]");
    assert!(!peer.output().is_closing());
}

#[tokio::test]
async fn a_client_that_is_not_read_hears_and_can_be_closed() {
    let (mut server, _turns) = start().await;
    let mut client = WebSocket::join(server.address).await;
    let peer = server.joined().await;
    for number in 0..limits::MAX_WAITING_EVENTS * 2 {
        client.send(&format!("42[\"event\",{number}]")).await;
    }
    full(&peer).await;
    peer.output().push(&[numbered(1)]);
    assert_eq!(number_of(&client.next().await.unwrap()), Some(1));
    peer.output()
        .close(crate::gateway::closing::Cause::Shutdown);
    let rest = client.rest().await;
    assert!(rest[0].contains("shutting-down"), "{rest:?}");
}

#[tokio::test]
async fn large_events_wait_within_a_bound_in_bytes() {
    let (mut server, turns) = start().await;
    let mut client = WebSocket::join(server.address).await;
    let peer = server.joined().await;
    let large = format!(
        "42[\"large\",\"{}\"]",
        "x".repeat(limits::MAX_WAITING_EVENT_BYTES / 2)
    );
    let sending = tokio::spawn(async move {
        for _ in 0..40 {
            client.send(&large).await;
        }
        client
    });
    for _ in 0..40 {
        assert!(peer.waiting_events() <= 3, "{}", peer.waiting_events());
        turns.add_permits(1);
        server.event().await;
    }
    sending.await.unwrap();
}

#[tokio::test]
async fn a_polling_request_is_answered_when_its_events_are_taken() {
    const EVENTS: usize = 500;
    let (mut server, turns) = start().await;
    let client = Polling::join(server.address).await;
    let peer = server.joined().await;
    let packets: Vec<_> = (0..EVENTS)
        .map(|it| format!("42[\"event\",{it}]"))
        .collect();
    let posting = tokio::spawn(async move {
        let status = client.post(&packets.join("\x1e")).await;
        (client, status)
    });
    full(&peer).await;
    for number in 0..EVENTS {
        assert!(peer.waiting_events() <= limits::MAX_WAITING_EVENTS);
        if number == 0 {
            assert!(!posting.is_finished(), "the rest is not taken");
        }
        turns.add_permits(1);
        assert_eq!(server.event().await, format!("[\"event\",{number}]"));
    }
    let (_client, status) = posting.await.unwrap();
    assert_eq!(status, 200);
    assert!(!peer.output().is_closing());
}

#[tokio::test]
async fn the_old_protocol_is_paced_too() {
    const EVENTS: usize = 300;
    let (mut server, turns) = start().await;
    let path = "/socket.io/?EIO=3&transport=polling";
    let head = "HTTP/1.1\r\nhost: x\r\nconnection: close\r\n";
    let (_, _, body) = exchange(server.address, format!("GET {path} {head}\r\n")).await;
    let sid = body.split('"').nth(3).unwrap().to_owned();
    let peer = server.joined().await;
    for binary in [false, true] {
        let mut body = Vec::new();
        for number in 0..EVENTS {
            let packet = format!("42[\"é\",{number}]");
            if binary {
                let length = packet.len().to_string();
                body.push(0);
                body.extend(length.bytes().map(|digit| digit - b'0'));
                body.push(0xff);
            } else {
                body.extend(format!("{}:", packet.chars().count()).bytes());
            }
            body.extend(packet.bytes());
        }
        let kind = if binary {
            "application/octet-stream"
        } else {
            "text/plain"
        };
        let request = format!(
            "POST {path}&sid={sid} {head}content-type: {kind}\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let address = server.address;
        let posting = tokio::spawn(async move {
            let request = [request.into_bytes(), body].concat();
            exchange(address, request).await.0
        });
        full(&peer).await;
        for number in 0..EVENTS {
            // One packet more is in the decoder's hands.
            assert!(peer.waiting_events() <= limits::MAX_WAITING_EVENTS + 1);
            turns.add_permits(1);
            assert_eq!(server.event().await, format!("[\"é\",{number}]"));
        }
        assert_eq!(posting.await.unwrap(), 200, "binary: {binary}");
    }
}
