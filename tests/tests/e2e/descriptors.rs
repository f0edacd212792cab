//! A server that may have few descriptors: clients never take the last ones.

use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use wardroom_tests::wait::within_deadline;
use wardroom_tests::{Server, eventually};

/// Descriptors that the server may have, if it asks for them.
const HARD: u32 = 400;
/// Connections that it takes then: all but the reserve.
const TAKEN: usize = 200;

#[tokio::test]
async fn a_crowd_of_clients_leaves_descriptors_to_everybody_else() {
    let server = Server::with().durable().descriptors(64, HARD).start().await;
    let fewer = |it: &Value| it["effective"].is_number();
    let told = server.log().entry("fewer clients", fewer).await;
    assert_eq!(told["effective"], TAKEN, "{told}");
    assert_eq!(told["descriptors"], HARD, "{told}");
    assert_eq!(told["max_connections"], 65_536, "{told}");

    let mut crowd = Vec::new();
    for _ in 0..TAKEN {
        let stream = TcpStream::connect(server.public()).await;
        crowd.push(stream.expect("the system accepts it"));
    }
    // One more than it takes is closed at once; which one it is depends on nothing but the order.
    let mut beyond = TcpStream::connect(server.public())
        .await
        .expect("it listens");
    let mut byte = [0; 1];
    let closed = within_deadline("the end of a connection", beyond.read(&mut byte)).await;
    assert!(matches!(closed, Ok(0) | Err(_)), "{closed:?}");

    let backend = server.backend();
    assert_eq!(
        backend.call("GET", "/healthz", &Value::Null).await.status,
        200
    );
    backend.put_member("ann", &json!({})).await;
    let metrics = backend.call("GET", "/metrics", &Value::Null).await;
    let text = metrics.body.as_str().unwrap_or_default();
    assert!(text.contains("process_max_fds 400"), "{text}");
    assert!(!text.contains("wardroom_accept_failures_total{"), "{text}");

    // When the crowd has gone, there is room again.
    drop(crowd);
    let at = format!("http://{}/healthz", server.public());
    let is_taken = || async {
        let mut stream = TcpStream::connect(server.public()).await.ok()?;
        let mut byte = [0; 1];
        tokio::io::AsyncWriteExt::write_all(&mut stream, b"GET /healthz HTTP/1.0\r\n\r\n")
            .await
            .ok()?;
        (stream.read(&mut byte).await.ok()? == 1).then_some(())
    };
    eventually(&format!("an answer from {at}"), is_taken).await;
    let mut ann = server.join("ann").await;
    ann.ask_ok("get-state", json!({})).await;
}
