//! A server whose log nobody reads: its pipe is full from the beginning.

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::net::unix::pipe::{self, Receiver};
use wardroom_tests::wait::within_deadline;
use wardroom_tests::{Flavour, Server, eventually};

/// The writing end of a pipe into which nothing more goes. It stays so while the other is held.
fn full_pipe() -> (OwnedFd, Receiver) {
    let (writer, reader) = pipe::pipe().expect("there are pipes");
    // One byte at a time, so that not even a short line fits.
    while writer.try_write(b".").is_ok() {}
    (writer.into_blocking_fd().expect("it is a pipe"), reader)
}

#[tokio::test]
async fn it_starts_serves_and_stops_though_nobody_reads_its_log() {
    let (pipe, _never_read) = full_pipe();
    let mut server = Server::with()
        .set("log.level", "trace")
        .set("shutdown.drain", "5s")
        .start_unheard(pipe);
    let at = server.internal();
    let is_up = || async {
        let connected = tokio::net::TcpStream::connect(at).await;
        connected.ok()
    };
    eventually("the internal listener", is_up).await;
    let backend = server.backend();
    let is_ready = || async {
        let ready = backend.call("GET", "/readyz", &Value::Null).await;
        (ready.status == 200).then_some(())
    };
    eventually("the server is ready", is_ready).await;

    let mut client = server.connect(Flavour::Js4WebSocket, "refused").await;
    for _ in 0..300 {
        let data = json!({"token": "none", "workspaceId": "w"});
        client.emit("auth", data);
    }
    let stranger = server.backend_with("wr_unknown");
    for _ in 0..300 {
        let refused = stranger.call("GET", "/metrics", &Value::Null).await;
        assert_eq!(refused.status, 401, "{refused:?}");
    }
    // Whoever has a right to be served is.
    let began = Instant::now();
    backend.put_member("ann", &json!({})).await;
    assert_eq!(
        backend.call("GET", "/healthz", &Value::Null).await.status,
        200
    );
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
    let mut ann = server.join("ann").await;
    ann.ask_ok("get-state", json!({})).await;
    let metrics = backend.call("GET", "/metrics", &Value::Null).await;
    let text = metrics.body.as_str().unwrap_or_default().to_owned();
    let sampled = "wardroom_log_dropped_total{reason=\"sampled\"} ";
    let sampled = text.lines().find_map(|line| line.strip_prefix(sampled));
    let sampled: u64 = sampled.and_then(|it| it.parse().ok()).unwrap_or_default();
    assert!(sampled > 100, "{text}");

    server.terminate();
    let status = within_deadline("the end of the server", server.ended()).await;
    assert!(status.success(), "{status}");
}
