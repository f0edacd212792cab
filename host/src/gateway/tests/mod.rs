//! The transport, tried by raw clients over real TCP; must not know the domain.

#![allow(clippy::unwrap_used)]
mod admission;
mod bursts;
mod clients;
mod closing;
mod conversing;
mod heads;
mod joining;
mod policies;
mod polling;
mod telling;
mod upgrading;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Empty;
use hyper::body::Incoming as HyperBody;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tower::Service;

use super::engine::Transport;
use super::peer::{Conversation, Departure, Handling, Occurrence, Peer};
use super::{Settings, frame, listener};

/// Anything that takes longer than this is a failure.
const PATIENCE: Duration = Duration::from_secs(15);

/// Reports what happens to clients, and optionally takes its time over each event.
struct Recorder {
    happened: mpsc::UnboundedSender<(Arc<Peer>, Occurrence)>,
    /// One permit lets one event be handled.
    turns: Option<Arc<tokio::sync::Semaphore>>,
}

impl Conversation for Recorder {
    fn handle(self: Arc<Self>, peer: Arc<Peer>, occurrence: Occurrence) -> Handling {
        Box::pin(async move {
            let waits = matches!(occurrence, Occurrence::Event(_));
            self.happened.send((peer, occurrence)).ok();
            if let (true, Some(turns)) = (waits, &self.turns) {
                turns.acquire().await.unwrap().forget();
            }
        })
    }
}

struct Server {
    address: SocketAddr,
    transport: Arc<Transport>,
    happened: mpsc::UnboundedReceiver<(Arc<Peer>, Occurrence)>,
    _stop: tokio_util::sync::DropGuard,
}

impl Server {
    async fn start(settings: Settings) -> Self {
        Self::start_with(settings, None).await
    }

    async fn start_with(settings: Settings, turns: Option<Arc<tokio::sync::Semaphore>>) -> Self {
        let (sender, happened) = mpsc::unbounded_channel();
        let recorder = Arc::new(Recorder {
            happened: sender,
            turns,
        });
        let transport = Transport::new(settings, recorder, Arc::default());
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let stop = CancellationToken::new();
        let serving = listener::serve(Arc::clone(&transport), socket, not_found(), stop.clone());
        tokio::spawn(serving);
        Self {
            address,
            transport,
            happened,
            _stop: stop.drop_guard(),
        }
    }

    async fn next(&mut self) -> (Arc<Peer>, Occurrence) {
        tokio::time::timeout(PATIENCE, self.happened.recv())
            .await
            .expect("in time")
            .unwrap()
    }

    async fn joined(&mut self) -> Arc<Peer> {
        match self.next().await {
            (peer, Occurrence::Joined(_)) => peer,
            (_, other) => panic!("joined was expected, not {other:?}"),
        }
    }

    async fn event(&mut self) -> String {
        match self.next().await {
            (_, Occurrence::Event(event)) => String::from_utf8(event.text.to_vec()).unwrap(),
            (_, other) => panic!("an event was expected, not {other:?}"),
        }
    }

    /// Waits until a client has departed, whatever it did before.
    async fn departed(&mut self) -> (Arc<Peer>, Departure) {
        loop {
            if let (peer, Occurrence::Departed(departure)) = self.next().await {
                return (peer, departure);
            }
        }
    }
}

/// Answers every request that is not Socket.IO's.
fn not_found()
-> impl Service<Request<HyperBody>, Response = Response<Empty<Bytes>>, Error = Infallible, Future: Send>
+ Clone
+ Send
+ Sync
+ 'static {
    tower::service_fn(|_: Request<HyperBody>| {
        let mut response = Response::new(Empty::<Bytes>::new());
        *response.status_mut() = StatusCode::NOT_FOUND;
        std::future::ready(Ok::<_, Infallible>(response))
    })
}

/// That this is an error as Engine.IO writes them.
fn assert_error(head: &str, body: &str, code: u64) {
    let head = head.to_ascii_lowercase();
    assert!(head.contains("content-type: application/json"), "{head}");
    let error: serde_json::Value = serde_json::from_str(body).expect(body);
    assert_eq!(error["code"], code, "{body}");
    let message = error["message"].as_str().unwrap_or_default();
    assert!(!message.is_empty(), "{body}");
}

/// A numbered event as a frame.
fn numbered(number: usize) -> Bytes {
    frame::text(&format!("42[\"number\",{number}]"))
}

/// The number of a numbered event.
fn number_of(packet: &str) -> Option<usize> {
    packet
        .strip_prefix("42[\"number\",")?
        .strip_suffix(']')?
        .parse()
        .ok()
}
