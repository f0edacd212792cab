//! Upgrades of stock clients through a proxy that spoils them. It must not know what the server does about it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use wardroom_tests::server::WORKSPACE;
use wardroom_tests::{Client, Flavour, Server};

/// What a proxy does to a WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spoils {
    /// Resets it right behind the 101.
    ResetBehind101,
    /// Never relays the 101.
    Hold101,
    /// Relays nothing that the client sends after the 101: no probe arrives.
    EatProbe,
    /// Relays nothing that the server sends after the 101: no answer arrives.
    EatAnswer,
    /// Resets the first one when the answer to the probe has been relayed.
    ResetBehindAnswer,
}

const ALL: [Spoils; 5] = [
    Spoils::ResetBehind101,
    Spoils::Hold101,
    Spoils::EatProbe,
    Spoils::EatAnswer,
    Spoils::ResetBehindAnswer,
];

/// A proxy that relays polling as it is.
struct Proxy {
    url: String,
    /// Polls that were relayed.
    polls: Arc<AtomicUsize>,
    /// WebSockets that were spoilt.
    spoilt: Arc<AtomicUsize>,
}

impl Proxy {
    async fn start(server: &Server, spoils: Spoils) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port is free");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let (polls, spoilt) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let (target, counts) = (server.public(), (Arc::clone(&polls), Arc::clone(&spoilt)));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let counts = counts.clone();
                tokio::spawn(async move {
                    let Ok(server) = TcpStream::connect(target).await else {
                        return;
                    };
                    relay(client, server, spoils, counts).await;
                });
            }
        });
        Self { url, polls, spoilt }
    }
}

async fn relay(
    mut client: TcpStream,
    server: TcpStream,
    spoils: Spoils,
    (polls, spoilt): (Arc<AtomicUsize>, Arc<AtomicUsize>),
) {
    let Some(head) = head(&mut client).await else {
        return;
    };
    let (from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    to_server.write_all(&head).await.ok();
    if !contains(&head, b"transport=websocket") {
        polls.fetch_add(count(&head), Ordering::Relaxed);
        let up = pass(from_client, to_server, Some(polls));
        let down = pass(from_server, to_client, None);
        tokio::join!(up, down);
        return;
    }
    let before = spoilt.fetch_add(1, Ordering::Relaxed);
    if spoils == Spoils::ResetBehindAnswer && before > 0 {
        let up = pass(from_client, to_server, None);
        tokio::join!(up, pass(from_server, to_client, None));
        return;
    }
    if spoils == Spoils::Hold101 {
        return eat(from_client).await;
    }
    let Some(answer) = head_of(&mut from_server).await else {
        return;
    };
    to_client.write_all(&answer).await.ok();
    match spoils {
        Spoils::Hold101 => {}
        Spoils::ResetBehind101 => reset(&from_client, &from_server),
        Spoils::EatProbe => {
            let down = pass(from_server, to_client, None);
            tokio::join!(eat(from_client), down);
            drop(to_server);
        }
        Spoils::EatAnswer => {
            let up = pass(from_client, to_server, None);
            tokio::join!(up, eat(from_server));
            drop(to_client);
        }
        Spoils::ResetBehindAnswer => {
            let up = tokio::spawn(pass(from_client, to_server, None));
            let mut frame = [0; 64];
            let length = from_server.read(&mut frame).await.unwrap_or(0);
            to_client.write_all(&frame[..length]).await.ok();
            up.abort();
            reset(&from_server, &from_server);
            to_client.as_ref().set_zero_linger().ok();
        }
    }
}

/// Reads up to the end of a head.
async fn head(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let (mut reading, _) = stream.split();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(reading.read_u8().await.ok()?);
    }
    Some(head)
}

async fn head_of(stream: &mut OwnedReadHalf) -> Option<Vec<u8>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    Some(head)
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, polls: Option<Arc<AtomicUsize>>) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        if let Some(polls) = &polls {
            polls.fetch_add(count(&buffer[..length]), Ordering::Relaxed);
        }
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}

async fn eat(mut from: OwnedReadHalf) {
    let mut buffer = [0; 4096];
    while let Ok(1..) = from.read(&mut buffer).await {}
}

fn reset(client: &OwnedReadHalf, server: &OwnedReadHalf) {
    for stream in [client, server] {
        stream.as_ref().set_zero_linger().ok();
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// Polls that begin in these bytes.
fn count(bytes: &[u8]) -> usize {
    const POLL: &[u8] = b"GET /socket.io/";
    bytes
        .windows(POLL.len())
        .filter(|window| *window == POLL)
        .count()
}

/// How long a client is looked at: longer than an upgrade may take.
const WATCHED: Duration = Duration::from_secs(12);

async fn spoil(server: &Server, flavour: Flavour, spoils: Spoils) {
    let proxy = Proxy::start(server, spoils).await;
    let name = format!("{flavour:?} {spoils:?}");
    let user = format!("{flavour:?}-{spoils:?}");
    let mut client = Client::start(flavour, &name);
    client.connect_with(&proxy.url, json!({"reconnection": true}));
    client.connected().await;
    if spoils == Spoils::ResetBehindAnswer {
        // The client has stopped polling, which it never takes up again: all that it can do is to
        // find its session dead and come back.
        let deadline = Instant::now() + WATCHED;
        while proxy.spoilt.load(Ordering::Relaxed) == 0 {
            assert!(Instant::now() < deadline, "{name}: it tries to upgrade");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        client.enter_at_last(&user, WORKSPACE).await;
        return;
    }
    client.auth(&user, WORKSPACE).await;
    client.heard().await;
    let socket = client.socket().to_owned();
    let backend = server.backend();
    let (began, polls) = (Instant::now(), proxy.polls.load(Ordering::Relaxed));
    let mut number = 0;
    while began.elapsed() < WATCHED {
        for _ in 0..3 {
            number += 1;
            let to = json!({"users": [&user]});
            backend.publish("number", &json!(number), &to).await;
        }
        let heard = client.heard().await;
        let numbers: Vec<_> = heard
            .iter()
            .filter(|event| event.name == "number")
            .filter_map(|event| event.data.as_u64())
            .collect();
        assert_eq!(numbers, [number - 2, number - 1, number], "{name}");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert_eq!(client.socket(), socket, "{name}: it never went");
    assert_eq!(proxy.spoilt.load(Ordering::Relaxed), 1, "{name}");
    let polls = proxy.polls.load(Ordering::Relaxed) - polls;
    // Each round may take a poll for each event and for the answer.
    let rounds = usize::try_from(number / 3).expect("is small");
    assert!(
        polls < rounds * 5 + 20,
        "{name}: {polls} polls in {rounds} rounds"
    );
}

async fn spoil_all(flavour: Flavour) {
    let server = Server::with()
        .set("socketio.ping_interval", "2s")
        .set("socketio.ping_timeout", "2s")
        .start()
        .await;
    futures_util::future::join_all(ALL.map(|spoils| spoil(&server, flavour, spoils))).await;
}

#[tokio::test]
async fn a_client_4_polls_on_when_its_upgrade_is_spoilt() {
    spoil_all(Flavour::Js4Upgrade).await;
}

#[tokio::test]
async fn a_client_3_polls_on_when_its_upgrade_is_spoilt() {
    spoil_all(Flavour::Js3Upgrade).await;
}

#[tokio::test]
async fn a_client_2_polls_on_when_its_upgrade_is_spoilt() {
    spoil_all(Flavour::Js2Upgrade).await;
}
