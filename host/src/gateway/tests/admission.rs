//! Tokens that are not accepted, and what comes faster than it may; must not know policies.

use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::{Condvar, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use super::clients::{WebSocket, exchange};
use super::conversing::{House, Trusting, auth, error};
use super::*;
use crate::gateway::{Authenticator, Identity, Network, Rate, Rates, TokenRefusal, TrustedProxies};
use crate::limits;

const FORGED: &str = r#"{"token":"forged","workspaceId":"w"}"#;
const STATUS: &str = "update-online-status";
const IDLE: &str = r#"{"onlineStatus":"idle"}"#;

fn is_limited(seen: &[String]) -> bool {
    seen.last().unwrap().contains("\"code\":\"rate-limited\"")
}

#[tokio::test]
async fn a_client_whose_tokens_keep_failing_is_told_and_closed() {
    let house = House::start(Settings {
        max_auth_failures: 3,
        ..Settings::default()
    })
    .await;
    let mut client = WebSocket::join(house.address).await;
    for _ in 0..2 {
        client.ask("auth", FORGED).await;
    }
    let seen = client.ask("auth", &auth("u1")).await;
    assert!(seen.last().unwrap().contains("\"ok\":true"), "{seen:?}");
    for _ in 0..3 {
        let seen = client.ask("auth", FORGED).await;
        let seen = seen
            .iter()
            .find(|packet| packet.contains("socket-api-error"));
        assert!(error("auth", "invalid-token")(seen.unwrap()), "{seen:?}");
    }
    let rest = client.rest().await;
    assert!(rest.iter().any(error("auth", "rate-limited")), "{rest:?}");
    assert_eq!(
        rest.last().unwrap(),
        "41",
        "it does not come back by itself"
    );
}

/// Verifies nothing that is called `slow` before its gate is opened.
#[derive(Default)]
struct Gated {
    open: Mutex<bool>,
    opened: Condvar,
    asked: AtomicUsize,
}

impl Gated {
    fn open(&self) {
        *self.open.lock() = true;
        self.opened.notify_all();
    }
}

impl Authenticator for Gated {
    fn verify(&self, token: &str) -> Result<Identity, TokenRefusal> {
        self.asked.fetch_add(1, Ordering::AcqRel);
        let mut open = self.open.lock();
        while token.starts_with("slow") && !*open {
            self.opened.wait(&mut open);
        }
        Trusting.verify(token)
    }
}

/// The runtime of this test has one thread: a verification on it would end everything.
#[tokio::test]
async fn verifications_hold_up_nobody_who_is_in() {
    let gate = Arc::new(Gated::default());
    let house = House::start_as(Settings::default(), Arc::clone(&gate) as _).await;
    let mut honest = house.client("honest").await;
    let mut waiting = Vec::new();
    for _ in 0..limits::VERIFICATION_THREADS * 3 {
        let mut client = WebSocket::join(house.address).await;
        client
            .send(r#"42["auth",{"token":"slow","workspaceId":"w"}]"#)
            .await;
        waiting.push(client);
    }
    for _ in 0..100 {
        let seen = honest.ask(STATUS, IDLE).await;
        assert!(seen.last().unwrap().contains("\"ok\":true"), "{seen:?}");
    }
    gate.open();
    for client in &mut waiting {
        client.until_containing("invalid-token").await;
    }
}

#[tokio::test]
async fn who_waits_for_a_verification_is_not_late_with_auth() {
    let auth_deadline = Duration::from_millis(200);
    let gate = Arc::new(Gated::default());
    let settings = Settings {
        auth_deadline,
        ..Settings::default()
    };
    let house = House::start_as(settings, Arc::clone(&gate) as _).await;
    let mut client = WebSocket::join(house.address).await;
    client
        .send(r#"42["auth",{"token":"slow@w","workspaceId":"w"}]"#)
        .await;
    let mut refused = WebSocket::join(house.address).await;
    refused
        .send(r#"42["auth",{"token":"slow","workspaceId":"w"}]"#)
        .await;
    tokio::time::sleep(auth_deadline * 2).await;
    gate.open();
    client.until_containing("auth-success").await;
    let rest = refused.rest().await;
    assert!(error("auth", "invalid-token")(&rest[0]), "{rest:?}");
    assert!(
        error("auth", "auth-timeout")(&rest[1]),
        "then its time is over: {rest:?}"
    );
}

#[tokio::test]
async fn an_address_with_many_failures_gets_first_tokens_verified_only() {
    let rates = Rates {
        address_failed_auths: Rate::new(1, 2),
        ..Rates::default()
    };
    let gate = Arc::new(Gated::default());
    let settings = Settings {
        rates,
        ..Settings::default()
    };
    let house = House::start_as(settings, Arc::clone(&gate) as _).await;
    let mut client = WebSocket::join(house.address).await;
    let mut refused = 0;
    while refused < 10 {
        refused += usize::from(is_limited(&client.ask("auth", FORGED).await));
    }
    // A second or two may have passed.
    let asked = gate.asked.load(Ordering::Acquire);
    assert!(asked < 10, "{asked}");
    house.client("newcomer").await;
}

#[tokio::test]
async fn sessions_that_an_address_opens_are_limited() {
    let settings = Settings {
        rates: Rates {
            address_connects: Rate::new(1, 2),
            ..Rates::default()
        },
        ..Settings::default()
    };
    let server = Server::start(settings).await;
    let get = "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nhost: x\r\n\
               connection: close\r\n\r\n";
    let mut statuses = Vec::new();
    while !statuses.contains(&429) {
        statuses.push(exchange(server.address, get.to_owned()).await.0);
        assert!(statuses.len() < 100, "{statuses:?}");
    }
    let rest = "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    assert_eq!(exchange(server.address, rest.to_owned()).await.0, 404);
    let again = async { while exchange(server.address, get.to_owned()).await.0 != 200 {} };
    tokio::time::timeout(PATIENCE, again)
        .await
        .expect("it may again");
}

#[tokio::test]
async fn events_beyond_the_rate_are_refused_and_only_who_goes_on_is_closed() {
    let settings = Settings {
        rates: Rates {
            connection_events: Rate::new(1, 10),
            ..Rates::default()
        },
        ..Settings::default()
    };
    let house = House::start(settings).await;
    let mut other = house.client("other").await;
    let mut client = house.client("u1").await;
    let mut asked = 0;
    while !is_limited(&client.ask(STATUS, IDLE).await) {
        asked += 1;
        assert!(asked < 100);
    }
    assert!(asked >= 9 - 1, "a burst is taken: {asked}");
    let seen = client
        .ask(STATUS, r#"{"onlineStatus":"idle","transaction":"t"}"#)
        .await;
    assert!(
        seen[0].starts_with(r#"42["socket-api-error-t","#),
        "{seen:?}"
    );
    assert!(error(STATUS, "rate-limited")(&seen[1]), "{seen:?}");
    let seen = other.ask(STATUS, IDLE).await;
    assert!(!is_limited(&seen), "others are not concerned: {seen:?}");
    let idle = format!(r#"42["{STATUS}",{IDLE}]"#);
    let mut sent = 0;
    let closed = async {
        loop {
            client.try_send(&idle).await;
            sent += 1;
            match client.next().await {
                Some(packet) if error("auth", "rate-limited")(&packet) => break,
                Some(_) => {}
                None => panic!("closed without a word"),
            }
        }
        client.rest().await
    };
    let rest = tokio::time::timeout(PATIENCE, closed)
        .await
        .expect("it is closed");
    assert_eq!(rest.last().unwrap(), "41");
    assert!(sent > limits::REFUSED_EVENTS.1, "{sent}");
}

#[tokio::test]
async fn a_user_has_one_rate_on_all_connections_one_after_the_other_too() {
    let settings = Settings {
        rates: Rates {
            user_events: Rate::new(1, 20),
            ..Rates::default()
        },
        ..Settings::default()
    };
    let house = House::start(settings).await;
    let joined = async || {
        let mut client = WebSocket::join(house.address).await;
        client.ask("auth", &auth("u1")).await;
        client
    };
    let (mut first, mut second) = (joined().await, joined().await);
    let mut asked = 0;
    while !is_limited(&first.ask(STATUS, IDLE).await) {
        asked += 1;
        assert!(asked < 100);
    }
    assert!(is_limited(&second.ask(STATUS, IDLE).await));
    first.close().await;
    let mut third = joined().await;
    assert!(is_limited(&third.ask(STATUS, IDLE).await));
    let mut other = house.client("u2").await;
    assert!(!is_limited(&other.ask(STATUS, IDLE).await));
}

/// With the rates that hold by default.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sender_cannot_have_a_slow_listener_closed() {
    const BYTES_PER_SECOND: usize = 100_000;
    const TIME: Duration = Duration::from_secs(6);
    let house = House::start(Settings::default()).await;
    let mut listener = house.client("listener").await;
    let mut sender = house.client("sender").await;
    sender.ask("select-channel", r#"{"channelId":"c1"}"#).await;
    let flooding = tokio::spawn(async move {
        let (mut taken, mut refused) = (0_usize, 0_usize);
        let began = tokio::time::Instant::now();
        let note = "x".repeat(1900);
        while began.elapsed() < TIME {
            let number = taken;
            let state = format!(r#"{{"userMediaState":{{"note":"{note}","number":{number}}}}}"#);
            if is_limited(&sender.ask("update-media-state", &state).await) {
                refused += 1;
                // So that it is not closed: one that is cannot go on.
                tokio::time::sleep(Duration::from_millis(20)).await;
            } else {
                taken += 1;
            }
        }
        (taken, refused)
    });
    let (mut read, mut numbers) = (0, Vec::new());
    let began = tokio::time::Instant::now();
    while !flooding.is_finished() || read == 0 {
        let Ok(packet) = tokio::time::timeout(TIME, listener.next()).await else {
            break;
        };
        let packet = packet.expect("the listener stays");
        let number = packet.split("\"number\":").nth(1);
        numbers.extend(number.and_then(|it| it.split('}').next()?.parse::<usize>().ok()));
        read += packet.len();
        let due = Duration::from_secs_f64(read as f64 / BYTES_PER_SECOND as f64);
        tokio::time::sleep_until(began + due).await;
    }
    let (taken, refused) = flooding.await.unwrap();
    assert!(taken > 150 && refused > 50, "{taken} and {refused}");
    assert!(numbers.len() > 150, "{}", numbers.len());
    assert!(numbers.iter().copied().eq(0..numbers.len()), "without gaps");
}

/// A request that opens a polling session, of a client behind a proxy.
fn opening(client: &str) -> String {
    format!(
        "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nhost: x\r\nx-forwarded-for: {client}\r\n\
         connection: close\r\n\r\n"
    )
}

fn behind_a_proxy(settings: Settings) -> Settings {
    let loopback = Network::new(std::net::Ipv4Addr::LOCALHOST.into(), 8);
    Settings {
        trusted_proxies: TrustedProxies::new(vec![loopback]),
        ..settings
    }
}

#[tokio::test]
async fn sessions_that_have_not_authenticated_are_bounded_for_each_address() {
    let house = House::start(behind_a_proxy(Settings {
        max_unauthenticated_per_address: 5,
        ..Settings::default()
    }))
    .await;
    let open = async |client| exchange(house.address, opening(client)).await.0;
    for _ in 0..5 {
        assert_eq!(open("192.0.2.1").await, 200);
    }
    let (status, head, body) = exchange(house.address, opening("192.0.2.1")).await;
    assert_eq!(status, 429);
    assert_error(&head, &body, 4);
    let url = format!(
        "ws://{}/socket.io/?transport=websocket&EIO=4",
        house.address
    );
    let mut request = url.into_client_request().unwrap();
    let client = http::HeaderValue::from_static("192.0.2.1");
    request.headers_mut().insert("x-forwarded-for", client);
    let refused = tokio_tungstenite::connect_async(request).await;
    assert!(refused.is_err_and(|error| error.to_string().contains("429")));
    assert_eq!(open("192.0.2.2").await, 200, "others are not concerned");
    // Who has authenticated counts no more.
    for user in ["u1", "u2", "u3", "u4", "u5", "u6"] {
        let mut client = WebSocket::join(house.address).await;
        let seen = client.ask("auth", &auth(user)).await;
        assert!(seen.last().unwrap().contains("\"ok\":true"), "{seen:?}");
        std::mem::forget(client);
    }
}

/// One session more than one address may have and one of another: the flood loses one.
#[tokio::test]
async fn a_flood_of_sessions_crowds_out_itself_and_is_forgotten() {
    const FLOOD: usize = limits::MIN_UNAUTHENTICATED;
    let house = House::start(behind_a_proxy(Settings {
        max_connections: FLOOD,
        max_unauthenticated_per_address: FLOOD,
        ..Settings::default()
    }))
    .await;
    let mut flood = TcpStream::connect(house.address).await.unwrap();
    let open = opening("192.0.2.1").replace("connection: close\r\n", "");
    let mut answer = [0; 4096];
    for _ in 0..FLOOD {
        flood.write_all(open.as_bytes()).await.unwrap();
        let mut answered = String::new();
        while !answered.contains("maxPayload") {
            let length = flood.read(&mut answer).await.unwrap();
            assert!(length > 0, "{answered}");
            answered += std::str::from_utf8(&answer[..length]).unwrap();
        }
    }
    let newcomers = &house.gateway.transport.newcomers;
    assert_eq!(newcomers.count(), FLOOD);
    let ended = async {
        // A session of the flood has to end before another one has its place for polling.
        while exchange(house.address, opening("192.0.2.2")).await.0 != 200 {}
    };
    tokio::time::timeout(PATIENCE, ended)
        .await
        .expect("others get in");
    assert!(newcomers.count() <= FLOOD);
    let sessions = &house.gateway.transport.sessions;
    let gone = async {
        while newcomers.count() > 0 || !sessions.is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let patience = limits::JOIN_TIMEOUT + PATIENCE;
    tokio::time::timeout(patience, gone)
        .await
        .expect("nobody joined");
}
