//! How clients join, send and leave; must not know what their events mean.

use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Semaphore;

use super::clients::{WebSocket, exchange};
use super::*;
use crate::gateway::AllowedOrigins;
use crate::limits;

#[tokio::test]
async fn a_websocket_joins_with_its_handshake_and_gets_everything_in_order() {
    let mut server = Server::start(Settings::default()).await;
    let mut client = WebSocket::open(server.address, "EIO=4").await;
    assert!(client.next().await.unwrap().starts_with("0{"));
    client.send("40{\"token\":\"t\"}").await;
    let (peer, Occurrence::Joined(Some(handshake))) = server.next().await else {
        panic!()
    };
    assert_eq!(handshake, "{\"token\":\"t\"}");
    for number in 0..1000 {
        peer.output().push(&[numbered(number)]);
    }
    assert_eq!(
        client.next().await.unwrap(),
        format!("40{{\"sid\":\"{}\"}}", peer.id())
    );
    for number in 0..1000 {
        assert_eq!(number_of(&client.next().await.unwrap()), Some(number));
    }
}

#[tokio::test]
async fn a_client_of_the_old_protocol_joins_by_itself() {
    let mut server = Server::start(Settings::default()).await;
    let mut client = WebSocket::open(server.address, "EIO=3").await;
    assert!(client.next().await.unwrap().starts_with("0{"));
    assert_eq!(client.next().await.unwrap(), "40");
    let peer = server.joined().await;
    client.send("42[\"hello\"]").await;
    assert_eq!(server.event().await, "[\"hello\"]");
    peer.output().push(&[numbered(1)]);
    assert_eq!(client.next().await.unwrap(), "42[\"number\",1]");
}

#[tokio::test]
async fn a_small_output_is_refilled_without_loss() {
    let mut server = Server::start(Settings::default()).await;
    let mut client = WebSocket::join(server.address).await;
    let peer = server.joined().await;
    let filler = "x".repeat(1000);
    let chunk: Vec<_> = (0..100)
        .map(|number| frame::text(&format!("42[\"number\",{number},\"{filler}\"]")))
        .collect();
    // More than the kernel holds unsent, less than the output may keep.
    for _ in 0..10 {
        peer.output().push(&chunk);
    }
    for count in 0..1000 {
        let packet = client.next().await.unwrap();
        let expected = format!("42[\"number\",{},", count % 100);
        assert!(packet.starts_with(&expected), "{expected} at {count}");
    }
}

#[tokio::test]
async fn events_are_handled_one_at_a_time_in_order() {
    let turns = Arc::new(Semaphore::new(0));
    let mut server = Server::start_with(Settings::default(), Some(Arc::clone(&turns))).await;
    let mut client = WebSocket::join(server.address).await;
    server.joined().await;
    for number in 0..50 {
        client.send(&format!("42[\"event\",{number}]")).await;
    }
    assert_eq!(server.event().await, "[\"event\",0]");
    assert!(
        server.happened.try_recv().is_err(),
        "the second event waits for the first"
    );
    turns.add_permits(50);
    for number in 1..50 {
        assert_eq!(server.event().await, format!("[\"event\",{number}]"));
    }
}

#[tokio::test]
async fn binary_is_reported_as_such() {
    let mut server = Server::start(Settings::default()).await;
    let mut client = WebSocket::join(server.address).await;
    server.joined().await;
    client
        .send("451-7[\"auth\",{\"_placeholder\":true,\"num\":0}]")
        .await;
    client.send_binary(b"\x01\x02").await;
    let (_, Occurrence::Event(event)) = server.next().await else {
        panic!()
    };
    assert!(event.binary);
    assert_eq!(event.ack, Some(7));
}

#[tokio::test]
async fn a_goodbye_is_told_from_a_lost_transport() {
    let mut server = Server::start(Settings::default()).await;
    let mut client = WebSocket::join(server.address).await;
    server.joined().await;
    client.send("41").await;
    assert_eq!(server.departed().await.1, Departure::OnPurpose);
    assert_eq!(client.next().await, None, "the transport is closed too");

    let client = WebSocket::join(server.address).await;
    server.joined().await;
    client.close().await;
    assert_eq!(server.departed().await.1, Departure::Lost);

    let client = WebSocket::join(server.address).await;
    server.joined().await;
    drop(client);
    assert_eq!(server.departed().await.1, Departure::Lost);
}

/// Events that socketioxide cannot read are answered all the same, in their turn, and close nothing.
#[tokio::test]
async fn an_event_that_cannot_be_read_is_answered_and_closes_nothing() {
    let mut server = Server::start(Settings::default()).await;
    for protocol in [3, 4] {
        let mut client = WebSocket::open(server.address, &format!("EIO={protocol}")).await;
        if protocol == 4 {
            client.send("40").await;
        }
        let peer = server.joined().await;
        let packets = [
            "42[\"before\"]",
            "427[1,{}]",
            "42[\"a\\u0075th\"]",
            "459-8[\"many\"]",
        ];
        client.send_at_once(&packets.map(str::to_owned)).await;
        for _ in 0..9 {
            client.send_binary(b"\x04x").await;
        }
        client.send("42[\"after\"]").await;
        let mut events = Vec::new();
        for _ in 0..5 {
            let (_, Occurrence::Event(event)) = server.next().await else {
                panic!("{events:?}")
            };
            events.push((event.text, event.ack, event.binary));
        }
        let expected = [
            ("[\"before\"]", None, false),
            ("[]", Some(7), false),
            ("[]", None, false),
            ("[\"many\"]", Some(8), true),
            ("[\"after\"]", None, false),
        ]
        .map(|(text, ack, binary)| (Bytes::from_static(text.as_bytes()), ack, binary));
        assert_eq!(events, expected);
        assert_eq!(peer.output().cause(), None);
        drop(client);
        server.departed().await;
    }
}

#[tokio::test]
async fn what_is_no_packet_closes_the_connection() {
    let mut server = Server::start(Settings::default()).await;
    for packet in ["4", "4x", "42", "42{}", "42[\"auth\",{", "9", "hello"] {
        let mut client = WebSocket::join(server.address).await;
        server.joined().await;
        client.send(packet).await;
        while client.next().await.is_some() {}
        assert_eq!(server.departed().await.1, Departure::Lost, "{packet}");
    }
    let huge = format!(
        "42[\"auth\",\"{}\"]",
        "x".repeat(limits::MAX_INCOMING_MESSAGE_BYTES)
    );
    let mut client = WebSocket::join(server.address).await;
    server.joined().await;
    client.try_send(&huge).await;
    assert_eq!(server.departed().await.1, Departure::Lost);
}

#[tokio::test]
async fn connections_are_bounded() {
    let settings = Settings {
        max_connections: 1,
        ..Settings::default()
    };
    let mut server = Server::start(settings).await;
    let client = WebSocket::join(server.address).await;
    server.joined().await;
    let get = "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    assert_eq!(exchange(server.address, get.to_owned()).await.0, 0);
    client.close().await;
    server.departed().await;
    let again = async {
        while exchange(server.address, get.to_owned()).await.0 != 404 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, again)
        .await
        .expect("the place is free again");
}

/// The answer to a WebSocket handshake with these lines in its head.
async fn handshake(server: &Server, version: &str, lines: &str) -> (u16, String) {
    let request = format!(
        "GET /socket.io/?EIO=4&transport=websocket HTTP/{version}\r\nhost: x\r\n\
         upgrade: websocket\r\nsec-websocket-version: 13\r\n\
         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n{lines}\r\n"
    );
    let mut stream = tokio::net::TcpStream::connect(server.address)
        .await
        .unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), head)
}

#[tokio::test]
async fn a_handshake_is_answered_as_the_client_asks() {
    let server = Server::start(Settings::default()).await;
    let asks = "connection: keep-alive, Upgrade\r\n";
    let (status, head) = handshake(&server, "1.1", asks).await;
    assert_eq!(status, 101);
    assert_eq!(head.matches("connection: upgrade\r\n").count(), 1, "{head}");
    assert!(!head.contains("sec-websocket-protocol"), "{head}");
    let asks = format!("{asks}sec-websocket-protocol: chat.v2, chat\r\n");
    let (status, head) = handshake(&server, "1.1", &asks).await;
    assert_eq!(status, 101);
    assert!(
        head.contains("sec-websocket-protocol: chat.v2\r\n"),
        "{head}"
    );
    for (version, lines) in [
        ("1.1", ""),
        ("1.1", "connection: close\r\n"),
        ("1.0", "connection: upgrade\r\n"),
    ] {
        let (status, head) = handshake(&server, version, lines).await;
        assert_eq!(status, 400, "{head}");
    }
}

/// As the reference server has them: a number and a message.
#[tokio::test]
async fn what_the_engine_refuses_carries_the_number_of_its_error() {
    let server = Server::start(Settings::default()).await;
    for (method, query, code) in [
        ("GET", "EIO=4&transport=pigeon", 0),
        ("GET", "EIO=4", 0),
        ("GET", "EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAA", 1),
        ("POST", "EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAA", 1),
        ("GET", "EIO=4&transport=polling&sid=short", 1),
        ("POST", "EIO=4&transport=polling", 2),
        ("GET", "EIO=4&transport=websocket", 3),
        ("GET", "EIO=9&transport=polling", 5),
        ("GET", "transport=polling", 5),
    ] {
        let request = format!(
            "{method} /socket.io/?{query} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
             content-length: 0\r\n\r\n"
        );
        let (status, head, body) = exchange(server.address, request).await;
        assert_eq!(status, 400, "{method} {query}: {body}");
        let error: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(error["code"], code, "{method} {query}: {body}");
        assert!(error["message"].is_string(), "{body}");
        assert!(
            head.to_ascii_lowercase()
                .contains("content-type: application/json"),
            "{head}"
        );
    }
    let request = "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nhost: x\r\n\
                   origin: https://other.example\r\nconnection: close\r\n\r\n";
    let settings = Settings {
        allowed_origins: AllowedOrigins::Listed(vec!["https://own.example".to_owned()]),
        ..Settings::default()
    };
    let server = Server::start(settings).await;
    let (status, _, body) = exchange(server.address, request).await;
    let error: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (status, &error["code"]),
        (403, &serde_json::json!(4)),
        "{body}"
    );
}

#[tokio::test]
async fn a_preflight_is_answered_with_what_it_asks_for() {
    let options = "OPTIONS /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nhost: x\r\n\
         connection: close\r\norigin: https://a.example\r\n\
         access-control-request-method: POST\r\n";
    let asks = format!(
        "{options}access-control-request-headers: x-one,x-two\r\n\
         access-control-request-private-network: true\r\n\r\n"
    );
    let server = Server::start(Settings::default()).await;
    let (status, head, _) = exchange(server.address, asks.clone()).await;
    assert_eq!(status, 204);
    for line in [
        "access-control-allow-headers: x-one,x-two",
        "access-control-allow-private-network: true",
        "access-control-allow-methods: GET, POST",
    ] {
        assert!(head.contains(line), "{head}");
    }
    let (_, head, _) = exchange(server.address, format!("{options}\r\n")).await;
    assert!(
        head.contains("access-control-allow-headers: Content-Type"),
        "{head}"
    );
    assert!(!head.contains("private-network"), "{head}");
    let server = Server::start(Settings {
        allowed_origins: AllowedOrigins::Listed(vec!["https://b.example".into()]),
        ..Settings::default()
    })
    .await;
    let (status, head, _) = exchange(server.address, asks).await;
    assert_eq!(status, 403);
    assert!(!head.contains("access-control"), "{head}");
}

#[tokio::test]
async fn a_connection_is_kept_between_requests_for_as_long_as_configured() {
    let keep_alive = std::time::Duration::from_millis(600);
    let server = Server::start(Settings {
        keep_alive,
        ..Settings::default()
    })
    .await;
    let mut stream = tokio::net::TcpStream::connect(server.address)
        .await
        .unwrap();
    let mut read = [0; 1024];
    let mut idle = std::time::Instant::now();
    for _ in 0..3 {
        tokio::time::sleep(keep_alive / 3).await;
        stream
            .write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            .await
            .unwrap();
        let length = stream.read(&mut read).await.unwrap();
        assert!(read[..length].starts_with(b"HTTP/1.1 404"));
        idle = std::time::Instant::now();
    }
    assert_eq!(stream.read(&mut read).await.unwrap(), 0, "it is closed");
    assert!(idle.elapsed() >= keep_alive - std::time::Duration::from_millis(50));
}

#[tokio::test]
async fn pages_of_other_origins_are_served_as_configured() {
    let get = "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nhost: x\r\n\
               origin: https://a.example\r\nconnection: close\r\n\r\n";
    let server = Server::start(Settings::default()).await;
    let (status, head, _) = exchange(server.address, get.to_owned()).await;
    assert_eq!(status, 200);
    assert!(head.contains("access-control-allow-origin: *"), "{head}");
    let allowed_origins = AllowedOrigins::Listed(vec!["https://b.example".into()]);
    let server = Server::start(Settings {
        allowed_origins,
        ..Settings::default()
    })
    .await;
    assert_eq!(exchange(server.address, get.to_owned()).await.0, 403);
}
