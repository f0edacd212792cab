//! Upgrades that fail, hang, or come twice; must not know what is said over them.

use std::time::{Duration, Instant};

use super::clients::{Polling, WebSocket};
use super::*;
use crate::gateway::closing::Cause;
use crate::gateway::output::Output;
use crate::limits;

/// How an upgrade comes to nothing.
#[derive(Clone, Copy, Debug)]
enum Failure {
    /// The connection is reset right behind the 101.
    Reset,
    Closed,
    Nonsense,
    /// The client moves without having asked.
    NotProbed,
    /// The connection is reset when the probe is on its way.
    ResetWhenProbed,
    /// The connection is reset when the answer to the probe has come.
    ResetWhenAnswered,
    NonsenseWhenAnswered,
    BinaryWhenAnswered,
}

const FAILURES: [Failure; 8] = [
    Failure::Reset,
    Failure::Closed,
    Failure::Nonsense,
    Failure::NotProbed,
    Failure::ResetWhenProbed,
    Failure::ResetWhenAnswered,
    Failure::NonsenseWhenAnswered,
    Failure::BinaryWhenAnswered,
];

impl Failure {
    async fn happen(self, mut socket: WebSocket) {
        use Failure::*;
        if matches!(
            self,
            ResetWhenProbed | ResetWhenAnswered | NonsenseWhenAnswered | BinaryWhenAnswered
        ) {
            socket.send("2probe").await;
        }
        if matches!(
            self,
            ResetWhenAnswered | NonsenseWhenAnswered | BinaryWhenAnswered
        ) {
            assert_eq!(socket.next().await.unwrap(), "3probe");
        }
        match self {
            Reset | ResetWhenProbed | ResetWhenAnswered => return socket.reset(),
            Closed => return socket.close().await,
            Nonsense | NonsenseWhenAnswered => socket.send("nonsense").await,
            NotProbed => socket.send("5").await,
            BinaryWhenAnswered => socket.send_binary(b"5").await,
        }
        assert_eq!(socket.next().await, None, "the server closes it");
    }
}

/// Pushes numbered events until told to stop, and says how many.
fn stream_of_events(
    output: Arc<Output>,
    stop: CancellationToken,
) -> tokio::task::JoinHandle<usize> {
    tokio::spawn(async move {
        let mut beat = tokio::time::interval(Duration::from_millis(1));
        let mut number = 0;
        while !stop.is_cancelled() {
            output.push(&[numbered(number)]);
            number += 1;
            beat.tick().await;
        }
        number
    })
}

/// Under a steady stream of events, upgrades fail in every way, and the last one succeeds.
#[tokio::test]
async fn a_failed_upgrade_leaves_no_trace() {
    let mut server = Server::start(Settings::default()).await;
    let client = Polling::join(server.address).await;
    let peer = server.joined().await;
    let stop = CancellationToken::new();
    let pushed = stream_of_events(Arc::clone(peer.output()), stop.clone());
    let mut packets = Vec::new();
    for failure in FAILURES {
        let socket = upgrade_again(&client).await;
        let polling = async {
            for _ in 0..5 {
                packets.extend(client.poll().await);
            }
        };
        tokio::join!(failure.happen(socket), polling);
        assert_eq!(client.post("42[\"hello\"]").await, 200, "{failure:?}");
        assert_eq!(server.event().await, "[\"hello\"]", "{failure:?}");
    }
    let mut socket = upgrade_again(&client).await;
    let (last, ()) = tokio::join!(client.poll(), socket.send("2probe"));
    packets.extend(last);
    assert_eq!(socket.next().await.unwrap(), "3probe");
    socket.send("5").await;
    packets.push(socket.next().await.unwrap());
    stop.cancel();
    let pushed = pushed.await.unwrap();
    let mut numbers: Vec<_> = packets.iter().filter_map(|text| number_of(text)).collect();
    while numbers.last() != Some(&(pushed - 1)) {
        numbers.push(number_of(&socket.next().await.unwrap()).unwrap());
    }
    assert_eq!(numbers, (0..pushed).collect::<Vec<_>>());
    assert_eq!(peer.output().cause(), None);
}

/// Opens the WebSocket for a new attempt, as soon as the server has noticed the end of the last.
async fn upgrade_again(client: &Polling) -> WebSocket {
    let opening = async {
        loop {
            if let Some(socket) = WebSocket::beside(client).await {
                return socket;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, opening)
        .await
        .expect("in time")
}

/// One direction or the other is lost: nothing comes of the upgrade until the server gives it up.
#[tokio::test]
async fn polls_wait_as_usual_while_an_upgrade_hangs() {
    let mut server = Server::start(Settings::default()).await;
    for probe in [None, Some("2probe")] {
        let client = Polling::join(server.address).await;
        let peer = server.joined().await;
        let began = Instant::now();
        let mut socket = WebSocket::beside(&client).await.unwrap();
        if let Some(probe) = probe {
            socket.send(probe).await;
        }
        let given_up = async {
            while socket.next().await.is_some() {}
            peer.output().push(&[numbered(7)]);
            began.elapsed()
        };
        let polling = async {
            let mut released = 0;
            loop {
                let packets = client.poll().await;
                if packets.iter().any(|packet| number_of(packet) == Some(7)) {
                    return released;
                }
                // Without anything: only a heartbeat.
                assert!(packets.is_empty() || packets == ["6"], "{packets:?}");
                released += packets.len();
            }
        };
        let (took, released) = tokio::join!(given_up, polling);
        assert!(took >= limits::UPGRADE_TIMEOUT, "{took:?}");
        // With the answer to a probe, and a few times after it.
        let most = if probe.is_some() { 5 } else { 0 };
        assert!(released <= most, "{released} releases with {probe:?}");
        assert_eq!(peer.output().cause(), None);
    }
}

/// The client heard that its poll was answered before it heard that its probe was, and polls again.
#[tokio::test]
async fn a_poll_that_came_too_late_does_not_hold_an_upgrade_up() {
    let mut server = Server::start(Settings::default()).await;
    let client = Polling::join(server.address).await;
    let peer = server.joined().await;
    let mut socket = WebSocket::beside(&client).await.unwrap();
    let (first, ()) = tokio::join!(released(&client), socket.send("2probe"));
    assert_eq!(first, ["6"]);
    let since = Instant::now();
    assert_eq!(released(&client).await, ["6"]);
    assert!(since.elapsed() < limits::UPGRADE_TIMEOUT / 2);
    assert_eq!(socket.next().await.unwrap(), "3probe");
    socket.send("5").await;
    peer.output().push(&[numbered(1)]);
    assert_eq!(socket.next().await.unwrap(), "42[\"number\",1]");
}

/// What the first poll brings that brings more than a heartbeat.
async fn released(client: &Polling) -> Vec<String> {
    loop {
        let packets = client.poll().await;
        if !packets.is_empty() {
            return packets;
        }
    }
}

#[tokio::test]
async fn a_session_has_one_upgrade_at_a_time() {
    let mut server = Server::start(Settings::default()).await;
    let client = Polling::join(server.address).await;
    let peer = server.joined().await;
    let mut socket = WebSocket::beside(&client).await.unwrap();
    assert!(WebSocket::beside(&client).await.is_none());
    socket.send("2probe").await;
    assert_eq!(socket.next().await.unwrap(), "3probe");
    socket.send("5").await;
    peer.output().push(&[numbered(1)]);
    assert_eq!(socket.next().await.unwrap(), "42[\"number\",1]");
    assert!(WebSocket::beside(&client).await.is_none());
}

#[tokio::test]
async fn an_upgrade_ends_with_its_session() {
    let mut server = Server::start(Settings::default()).await;
    let client = Polling::join(server.address).await;
    let peer = server.joined().await;
    let mut socket = WebSocket::beside(&client).await.unwrap();
    let since = Instant::now();
    peer.output().close(Cause::SlowConsumer);
    assert_eq!(socket.next().await, None);
    assert!(since.elapsed() < limits::UPGRADE_TIMEOUT / 2);
    assert_eq!(client.get().await.0, 400);
}

/// What a client sends right behind its last packet of the handshake is not lost.
#[tokio::test]
async fn events_may_come_right_behind_an_upgrade() {
    let mut server = Server::start(Settings::default()).await;
    let client = Polling::join(server.address).await;
    server.joined().await;
    let mut socket = WebSocket::beside(&client).await.unwrap();
    socket.send("2probe").await;
    assert_eq!(socket.next().await.unwrap(), "3probe");
    let (mut packets, large) = (vec!["5".to_owned()], "x".repeat(1000));
    packets.extend((0..10).map(|number| format!("42[\"{number}\",\"{large}\"]")));
    socket.send_at_once(&packets).await;
    for number in 0..10 {
        assert!(server.event().await.starts_with(&format!("[\"{number}\"")));
    }
}
