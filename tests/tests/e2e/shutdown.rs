//! SIGTERM: refuses what is new, announces nothing false, ends in time.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use wardroom_tests::server::WORKSPACE;
use wardroom_tests::settings::{API_KEY, Settings};
use wardroom_tests::{Client, Flavour, Raw, Server, eventually, paths};

use crate::exchange::closing_code;
use crate::slow_reader::publish_bytes;

#[tokio::test]
async fn a_drain_tells_clients_and_ends_with_success() {
    let mut server = Server::with().set("shutdown.drain", "5s").start().await;
    server.backend().put_channel("c", &json!({})).await;
    let mut ann = server.join("ann").await;
    let mut bob = server.join_as(Flavour::Js4Polling, "bob").await;
    ann.ask_ok("select-channel", json!({"channelId": "c"}))
        .await;
    ann.heard().await;
    bob.heard().await;
    let backend = server.backend();
    assert_eq!(
        backend.call("GET", "/readyz", &Value::Null).await.status,
        200
    );
    server.terminate();
    let told = ann.last_heard().await;
    assert_eq!(closing_code(&told), "shutting-down");
    assert_eq!(told.len(), 1, "nothing false is announced: {told:?}");
    // A polling client hears of the end by having to connect again.
    let told = bob.last_heard().await;
    let mut codes = told.iter().map(|event| &event.data["code"]);
    assert!(codes.all(|code| code == "shutting-down"), "{told:?}");
    assert_eq!(server.ended().await.code(), Some(0));
}

/// A server with a policy that is at work on a call for as long as it may.
fn at_work() -> Settings {
    let policy = paths::guest("misbehaves");
    let settings = Server::with().policy("slow", &policy);
    settings.set("policy.deadline", "10s")
}

/// Begins that call.
async fn begin_call(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.internal()).await;
    let mut stream = stream.expect("it listens");
    let call = format!(
        "PUT /v1/workspaces/{WORKSPACE}/channels/loop HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\
         content-type: application/json\r\nauthorization: Bearer {API_KEY}\r\n\r\n{{}}"
    );
    let written = stream.write_all(call.as_bytes()).await;
    written.expect("it reads");
    stream
}

#[tokio::test]
async fn a_drain_that_is_held_up_says_so_and_ends_at_its_bound() {
    let bound = Duration::from_secs(4);
    let settings = at_work()
        .set("shutdown.drain", "4s")
        .set("limits.max_output", "64MiB");
    let mut server = settings.start().await;
    // A client that does not read holds up the drain of the clients for a while, and the call that of
    // the backends.
    let eve = Raw::join(&server, "eve").await;
    publish_bytes(&server, 8 * 1024 * 1024).await;
    let call = begin_call(&server).await;
    let begun = Instant::now();
    server.terminate();
    eventually("the end of readiness", || {
        // Another backend each time, so that each connects anew: nothing but an answer will do.
        let backend = server.backend();
        async move {
            let answer = backend.call("GET", "/readyz", &Value::Null).await;
            assert!([200, 503].contains(&answer.status), "{answer:?}");
            (answer.status == 503).then_some(())
        }
    })
    .await;
    assert!(server.runs());
    assert_eq!(server.ended().await.code(), Some(0));
    let took = begun.elapsed();
    assert!(bound <= took && took < 2 * bound, "the drain took {took:?}");
    let said = server.log().entry("of what was left", |entry| {
        entry["message"] == "not everything was drained"
    });
    let said = said.await;
    assert_eq!(said["level"], "WARN");
    assert_eq!(said["reason"], "the drain did not finish within its bound");
    drop((call, eve));
}

#[tokio::test]
async fn a_draining_server_takes_nobody_new() {
    let settings = at_work().set("shutdown.drain", "1m");
    let mut server = settings.start().await;
    let mut ann = server.join("ann").await;
    let call = begin_call(&server).await;
    server.terminate();
    // From here on the call alone keeps the process.
    assert_eq!(closing_code(&ann.last_heard().await), "shutting-down");
    for flavour in [Flavour::Js4WebSocket, Flavour::Js4Polling] {
        let mut late = Client::start(flavour, "late");
        late.connect(&server, Value::Null, &[]);
        let refused = late.disconnected().await;
        assert!(refused.starts_with("error"), "{flavour:?}: {refused}");
    }
    assert!(server.runs(), "the drain goes on");
    assert_eq!(server.ended().await.code(), Some(0));
    drop(call);
    assert_eq!(server.log().count("not everything was drained"), 0);
}
