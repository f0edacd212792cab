//! Clients that poll, and those that upgrade; must not know what their events mean.

use std::time::{Duration, Instant};

use super::clients::{Polling, WebSocket, exchange};
use super::*;
use wardroom_domain::CloseReason;

use crate::gateway::closing::Cause;
use crate::limits;

#[tokio::test]
async fn a_polling_client_gets_events_and_acknowledgements_in_order() {
    let mut server = Server::start(Settings::default()).await;
    let client = Polling::join(server.address).await;
    let peer = server.joined().await;
    assert_eq!(client.post("421[\"hello\",{}]").await, 200);
    assert_eq!(server.event().await, "[\"hello\",{}]");
    let ack = frame::text("431[{\"ok\":true}]");
    peer.output().push(&[
        numbered(0),
        ack,
        frame::text("42[\"user-changed-device\",null]"),
    ]);
    let mut packets = Vec::new();
    while packets.len() < 3 {
        packets.extend(client.poll().await);
    }
    let expected = [
        "42[\"number\",0]",
        "431[{\"ok\":true}]",
        "42[\"user-changed-device\",null]",
    ];
    assert_eq!(packets, expected);
}

/// Under a steady stream of events, a client polls a while, upgrades, and reads on.
#[tokio::test]
async fn an_upgrade_neither_loses_nor_reorders_events() {
    const EVENTS: usize = 4000;
    let mut server = Server::start(Settings::default()).await;
    for polls in [0, 1, 5] {
        let client = Polling::join(server.address).await;
        let peer = server.joined().await;
        tokio::spawn(async move {
            let mut beat = tokio::time::interval(Duration::from_millis(1));
            for number in 0..EVENTS {
                if number % 10 == 0 {
                    beat.tick().await;
                }
                peer.output().push(&[numbered(number)]);
            }
        });
        let mut received = Vec::new();
        for _ in 0..polls {
            received.extend(client.poll().await);
        }
        // As a stock client does: probe, let the running poll end, then say that it is done.
        let mut socket =
            WebSocket::open(server.address, &format!("EIO=4&sid={}", client.sid)).await;
        let (last, ()) = tokio::join!(client.poll(), socket.send("2probe"));
        received.extend(last.into_iter().filter(|packet| packet != "6"));
        assert_eq!(socket.next().await.unwrap(), "3probe");
        socket.send("5").await;
        let mut numbers: Vec<_> = received.iter().filter_map(|text| number_of(text)).collect();
        while numbers.last() != Some(&(EVENTS - 1)) {
            let packet = socket.next().await.unwrap();
            numbers.push(number_of(&packet).unwrap_or_else(|| panic!("unexpected {packet}")));
        }
        assert_eq!(
            numbers,
            (0..EVENTS).collect::<Vec<_>>(),
            "after {polls} polls"
        );
        drop(socket);
        assert_eq!(server.departed().await.1, Departure::Lost);
    }
}

/// What is too large to go out with what is before it must not be set aside and forgotten.
#[tokio::test]
async fn a_large_answer_survives_an_upgrade() {
    let mut server = Server::start(Settings::default()).await;
    for polls in [0, 1] {
        let client = Polling::join(server.address).await;
        let peer = server.joined().await;
        let large = sized(2 * limits::MAX_INCOMING_MESSAGE_BYTES);
        peer.output().push(&[numbered(1), large, numbered(2)]);
        let mut received = Vec::new();
        for _ in 0..polls {
            received.extend(client.poll().await);
        }
        let query = format!("EIO=4&sid={}", client.sid);
        let mut socket = WebSocket::open(server.address, &query).await;
        let (last, ()) = tokio::join!(client.poll(), socket.send("2probe"));
        received.extend(last.into_iter().filter(|packet| packet != "6"));
        assert_eq!(socket.next().await.unwrap(), "3probe");
        socket.send("5").await;
        peer.output().push(&[numbered(3)]);
        while received
            .last()
            .is_none_or(|packet| number_of(packet) != Some(3))
        {
            received.push(socket.next().await.unwrap());
        }
        let lengths: Vec<_> = received.iter().map(String::len).collect();
        let large = 2 * limits::MAX_INCOMING_MESSAGE_BYTES;
        let small = "42[\"number\",1]".len();
        assert_eq!(lengths, [small, large, small, small], "after {polls} polls");
        drop(socket);
        server.departed().await;
    }
}

/// A session takes a place although no TCP connection stands for it.
#[tokio::test]
async fn sessions_that_begin_with_polling_are_bounded() {
    let settings = Settings {
        max_connections: 3,
        ..Settings::default()
    };
    let server = Server::start(settings).await;
    for _ in 0..3 {
        Polling::open(server.address).await;
    }
    let request = "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\n\
        Connection: close\r\n\r\n";
    let (status, head, body) = exchange(server.address, request.to_owned()).await;
    assert_eq!(status, 503);
    assert_error(&head, &body, 4);
}

#[tokio::test]
async fn a_polling_client_is_told_what_it_may_send() {
    let server = Server::start(Settings::default()).await;
    let request = "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\n\
        Connection: close\r\n\r\n";
    let (_, _, body) = exchange(server.address, request.to_owned()).await;
    let told = format!("\"maxPayload\":{}", limits::MAX_INCOMING_MESSAGE_BYTES);
    assert!(body.contains(&told), "{body}");
}

#[tokio::test]
async fn an_upgrade_may_come_before_the_client_joins() {
    let mut server = Server::start(Settings::default()).await;
    let client = Polling::open(server.address).await;
    let mut socket = WebSocket::open(server.address, &format!("EIO=4&sid={}", client.sid)).await;
    socket.send("2probe").await;
    assert_eq!(socket.next().await.unwrap(), "3probe");
    socket.send("5").await;
    socket.send("40").await;
    let peer = server.joined().await;
    peer.output().push(&[numbered(1)]);
    assert!(socket.next().await.unwrap().starts_with("40{"));
    assert_eq!(socket.next().await.unwrap(), "42[\"number\",1]");
}

/// Slack for a busy machine, on top of a stated bound.
const SLACK: Duration = Duration::from_secs(3);

/// A numbered event of some four thousand bytes.
fn large(number: usize) -> Bytes {
    let rest = "x".repeat(4000);
    frame::text(&format!("42[\"large\",[{number},\"{rest}\"]]"))
}

/// An event of exactly this many bytes.
fn sized(bytes: usize) -> Bytes {
    let rest = "x".repeat(bytes - "42[\"sized\",\"\"]".len());
    frame::text(&format!("42[\"sized\",\"{rest}\"]"))
}

/// How long something may wait for a polling client.
fn patience(settings: &Settings) -> Duration {
    settings.write_timeout * limits::POLL_WRITE_TIMEOUTS
}

#[tokio::test]
async fn a_polling_client_that_stops_polling_is_closed_at_the_bound_in_bytes() {
    let settings = Settings {
        max_output_bytes: 64 * 1024,
        ..Settings::default()
    };
    let bound = settings.max_output_bytes;
    let mut server = Server::start(settings).await;
    let client = Polling::join(server.address).await;
    let peer = server.joined().await;
    // What has been fetched does not count.
    for _ in 0..3 {
        while peer.output().waiting_bytes() < bound / 2 {
            peer.output().push(&[sized(4000)]);
        }
        assert_eq!(client.poll().await.len(), bound / 2 / 4000 + 1);
        assert_eq!(peer.output().waiting_bytes(), 0);
    }
    for _ in 0..bound / 4000 {
        peer.output().push(&[sized(4000)]);
        assert_eq!(peer.output().cause(), None);
    }
    peer.output().push(&[sized(4000)]);
    assert_eq!(server.departed().await.1, Departure::Lost);
    assert_eq!(peer.output().cause(), Some(Cause::SlowConsumer));
    assert_eq!(client.get().await.0, 400);
}

#[tokio::test]
async fn a_polling_client_that_stops_polling_is_closed_in_time() {
    let settings = Settings {
        write_timeout: Duration::from_millis(200),
        ..Settings::default()
    };
    let patience = patience(&settings);
    let mut server = Server::start(settings).await;
    let client = Polling::join(server.address).await;
    let peer = server.joined().await;
    // With nothing to fetch, a client is neither late while it polls nor while it does not.
    let waiting = async {
        tokio::time::sleep(patience * 2).await;
        peer.output().push(&[numbered(0)]);
    };
    let polling = async {
        loop {
            match client.poll().await {
                only_heartbeats if only_heartbeats.is_empty() => {}
                packets => return packets,
            }
        }
    };
    let (packets, ()) = tokio::join!(polling, waiting);
    assert_eq!(packets, ["42[\"number\",0]"]);
    tokio::time::sleep(patience * 2).await;
    assert_eq!(peer.output().cause(), None);
    let since = Instant::now();
    peer.output().push(&[numbered(1)]);
    assert_eq!(server.departed().await.1, Departure::Lost);
    assert!(since.elapsed() >= patience && since.elapsed() < patience + SLACK);
    assert_eq!(peer.output().cause(), Some(Cause::SlowConsumer));
    assert_eq!(client.get().await.0, 400);
}

/// Much waits for the client all the time, and it takes its time between two polls.
#[tokio::test]
async fn a_slow_polling_client_under_a_stream_loses_nothing_and_stays() {
    const EVENTS: usize = 1000;
    let settings = Settings {
        write_timeout: Duration::from_millis(500),
        ..Settings::default()
    };
    let (bound, patience) = (settings.max_output_bytes, patience(&settings));
    let mut server = Server::start(settings).await;
    let client = Polling::join(server.address).await;
    let peer = server.joined().await;
    let output = Arc::clone(peer.output());
    let began = Instant::now();
    tokio::spawn(async move {
        for number in 0..EVENTS {
            while output.waiting_bytes() > bound / 2 {
                tokio::task::yield_now().await;
            }
            output.push(&[large(number)]);
        }
    });
    let mut numbers = Vec::new();
    while numbers.len() < EVENTS {
        tokio::time::sleep(patience / 5).await;
        numbers.extend(client.poll().await.iter().filter_map(|text| {
            let number = text.strip_prefix("42[\"large\",[")?.split(',').next()?;
            number.parse::<usize>().ok()
        }));
    }
    assert_eq!(numbers, (0..EVENTS).collect::<Vec<_>>());
    assert!(began.elapsed() > patience, "it was slow");
    assert_eq!(peer.output().cause(), None);
    assert_eq!(peer.output().waiting_bytes(), 0);
}

#[tokio::test]
async fn a_polling_client_is_told_why_it_may_come_back() {
    let causes = [
        (Cause::Shutdown, "shutting-down"),
        (Cause::Malformed, "invalid-data"),
    ];
    for (cause, code) in causes {
        let mut server = Server::start(Settings::default()).await;
        let client = Polling::join(server.address).await;
        let peer = server.joined().await;
        peer.output().push(&[numbered(1)]);
        let since = Instant::now();
        peer.output().close(cause.clone());
        let packets = client.poll().await;
        assert_eq!(number_of(&packets[0]), Some(1));
        assert!(packets[1].contains(code), "{packets:?}");
        while client.get().await.0 != 400 {}
        assert!(since.elapsed() < limits::CLOSE_TIMEOUT, "it came back");
        assert_eq!(server.departed().await.1, Departure::Lost);
        assert_eq!(peer.output().cause(), Some(cause));
    }
}

/// By polling, too, an event that socketioxide cannot read is answered and closes nothing.
#[tokio::test]
async fn an_event_that_cannot_be_read_is_answered_by_polling_too() {
    let mut server = Server::start(Settings::default()).await;
    let client = Polling::join(server.address).await;
    let peer = server.joined().await;
    let mut packets = vec!["42[\"before\"]", "427[1,{}]", "459-8[\"many\"]"];
    packets.extend(["bAQID"; 4]);
    assert_eq!(client.post(&packets.join("\x1e")).await, 200);
    // The rest of the attachments comes by the next request.
    let mut packets = vec!["bAQID"; 5];
    packets.push("42[\"after\"]");
    assert_eq!(client.post(&packets.join("\x1e")).await, 200);
    let mut events = Vec::new();
    for _ in 0..4 {
        events.push(server.event().await);
    }
    assert_eq!(events, ["[\"before\"]", "[]", "[\"many\"]", "[\"after\"]"]);
    assert_eq!(peer.output().cause(), None);
}

#[tokio::test]
async fn a_polling_client_that_sends_nonsense_is_told_so() {
    let mut server = Server::start(Settings::default()).await;
    for nonsense in [
        "nonsense",
        "4nonsense",
        "42[\"auth\",{",
        "42[\"fine\"]\x1e42",
    ] {
        let client = Polling::join(server.address).await;
        let peer = server.joined().await;
        assert_eq!(client.post(nonsense).await, 200, "{nonsense}");
        let told = client.poll().await;
        assert!(told[0].contains("invalid-data"), "{told:?}");
        while client.get().await.0 != 400 {}
        server.departed().await;
        assert_eq!(peer.output().cause(), Some(Cause::Malformed));
    }
}

#[tokio::test]
async fn a_closed_client_that_polls_no_more_is_not_waited_for_long() {
    let mut server = Server::start(Settings::default()).await;
    let _stopped = Polling::join(server.address).await;
    let peer = server.joined().await;
    let since = Instant::now();
    peer.output().close(Cause::Shutdown);
    assert_eq!(server.departed().await.1, Departure::Lost);
    assert!(since.elapsed() < limits::CLOSE_TIMEOUT + SLACK);
}

#[tokio::test]
async fn a_polling_client_that_stops_polling_is_closed_at_the_bound_in_packets() {
    let mut server = Server::start(Settings::default()).await;
    let client = Polling::join(server.address).await;
    let peer = server.joined().await;
    for number in 0..=limits::MAX_POLLING_PACKETS {
        peer.output().push(&[numbered(number)]);
    }
    assert_eq!(server.departed().await.1, Departure::Lost);
    assert_eq!(peer.output().cause(), Some(Cause::SlowConsumer));
    assert_eq!(client.get().await.0, 400);
    drop(peer);
    while !server.transport.sessions.is_empty() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_polling_client_is_told_to_stay_away_and_cannot_stay() {
    let mut server = Server::start(Settings::default()).await;
    let client = Polling::join(server.address).await;
    let peer = server.joined().await;
    peer.output().push(&[numbered(1)]);
    peer.output().close(Cause::Ended(CloseReason::Kicked));
    peer.output().push(&[numbered(2)]);
    let packets = client.poll().await;
    assert_eq!(
        (packets[0].as_str(), packets[2].as_str()),
        ("42[\"number\",1]", "41")
    );
    assert!(packets[1].contains(r#""code":"kicked""#));
    server.departed().await;
    client.post("42[\"evading\"]").await;
    let ended = async { while client.get().await.0 != 400 {} };
    tokio::time::timeout(PATIENCE, ended)
        .await
        .expect("the session ends");
    assert!(
        server.happened.try_recv().is_err(),
        "nothing is heard of it any more"
    );
}

#[tokio::test]
async fn a_polling_client_may_say_goodbye() {
    let mut server = Server::start(Settings::default()).await;
    let client = Polling::join(server.address).await;
    let peer = server.joined().await;
    client.post("41").await;
    assert_eq!(server.departed().await.1, Departure::OnPurpose);
    let ended = async { while client.get().await.0 != 400 {} };
    tokio::time::timeout(PATIENCE, ended)
        .await
        .expect("the session ends");
    assert!(peer.output().is_closing());
}
