//! SIGTERM: refuses what is new, announces nothing false, ends in time.

use serde_json::{Value, json};
use wardroom_tests::{Client, Flavour, Server, eventually};

use crate::exchange::closing_code;

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

#[tokio::test]
async fn a_drain_that_is_held_up_says_so_and_ends_all_the_same() {
    let mut server = Server::with().set("shutdown.drain", "3s").start().await;
    let backend = server.backend();
    // A request whose body never ends keeps the internal listener busy for as long as it may.
    let mut slow = tokio::net::TcpStream::connect(server.internal())
        .await
        .expect("it listens");
    let head = "PUT /v1/users/u HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\
                content-type: application/json\r\nauthorization: Bearer wr_end-to-end-tests\r\n\r\n";
    tokio::io::AsyncWriteExt::write_all(&mut slow, head.as_bytes())
        .await
        .expect("it reads");
    server.terminate();
    eventually("the refusal of new clients", || {
        let backend = backend.clone();
        async move {
            let request = backend.request("GET", "/readyz").send().await;
            // Either it still answers, and says no, or it does not listen any more.
            request.map_or(Some(()), |answer| (answer.status() == 503).then_some(()))
        }
    })
    .await;
    assert_eq!(server.ended().await.code(), Some(0));
}

#[tokio::test]
async fn a_draining_server_takes_nobody_new() {
    let mut server = Server::start().await;
    let ann = server.join("ann").await;
    server.terminate();
    server.ended().await;
    let mut late = Client::start(Flavour::Js4WebSocket, "late");
    late.connect(&server, Value::Null, &[]);
    assert!(late.disconnected().await.starts_with("error"));
    drop(ann);
}
