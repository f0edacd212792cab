//! The internal TCP listener: accepts, bounds and serves connections. It must not know the calls.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use super::watched::{Unsent, Watched};
use crate::accepting::{self, Accepting};
use crate::heads::Heads;
use crate::limits;
use crate::metrics::Metrics;

/// Where a call comes from.
#[derive(Clone, Copy)]
pub(super) struct CallerAddress(pub(super) SocketAddr);

/// What connections are held to.
#[derive(Clone, Copy)]
struct Bounds {
    connections: usize,
    /// For the head of a request.
    head: Duration,
    /// Between two requests.
    idle: Duration,
    /// For the caller to take some of an answer.
    stall: Duration,
}

const BOUNDS: Bounds = Bounds {
    connections: limits::HTTP_CONNECTIONS,
    head: limits::REQUEST_HEAD_TIMEOUT,
    idle: limits::KEEP_ALIVE,
    stall: limits::HTTP_ANSWER_STALL,
};

/// Answers backends on `listener` until `stop`, then until the last answer is out.
pub(super) async fn serve(
    listener: TcpListener,
    routes: Router,
    metrics: Arc<Metrics>,
    stop: CancellationToken,
) {
    serve_within(BOUNDS, listener, routes, metrics, stop).await;
}

async fn serve_within(
    bounds: Bounds,
    listener: TcpListener,
    routes: Router,
    metrics: Arc<Metrics>,
    stop: CancellationToken,
) {
    let mut accepting = Accepting::new(listener, "internal", Arc::clone(&metrics));
    let places = Arc::new(Semaphore::new(bounds.connections));
    let connections = TaskTracker::new();
    let open = Arc::<Open>::default();
    let mut was_full = false;
    while let Some((stream, peer)) = stop.run_until_cancelled(accepting.next()).await {
        let place = match Arc::clone(&places).try_acquire_owned() {
            Ok(place) => {
                was_full = false;
                place
            }
            Err(_) => {
                metrics.limited("backend-connections");
                // Said once, not for each of a flood.
                if !std::mem::replace(&mut was_full, true) {
                    tracing::warn!(
                        limit = bounds.connections,
                        "no more connections of backends: those that are not used make room"
                    );
                }
                open.displace();
                let place = Arc::clone(&places).acquire_owned();
                let Ok(Ok(place)) = timeout(limits::HTTP_DISPLACE_PATIENCE, place).await else {
                    // All are at work; the connection is closed by being dropped.
                    continue;
                };
                place
            }
        };
        accepting::prepare(&stream, bounds.stall, peer);
        connections.spawn(serve_one(
            bounds,
            (stream, peer),
            (place, open.enter(bounds.head)),
            routes.clone(),
            stop.clone(),
        ));
    }
    connections.close();
    connections.wait().await;
}

/// The connections that there are.
#[derive(Default)]
struct Open(Mutex<BTreeMap<u64, Arc<Heads>>>);

impl Open {
    fn enter(self: &Arc<Self>, patience: Duration) -> Entered {
        let heads = Arc::new(Heads::new(patience));
        let mut open = self.0.lock();
        let number = open.last_key_value().map_or(0, |(last, _)| last + 1);
        open.insert(number, Arc::clone(&heads));
        Entered {
            heads,
            number,
            open: Arc::clone(self),
        }
    }

    /// Ends the connection that is needed least, if one is not at work: whoever holds connections and
    /// asks nothing keeps nobody out.
    fn displace(&self) {
        let open = self.0.lock();
        let least = open
            .values()
            .filter_map(|heads| Some((heads.worth()?, heads)));
        if let Some((_, heads)) = least.min_by_key(|(worth, _)| *worth) {
            heads.displace();
        }
    }
}

/// A connection, until it ends.
struct Entered {
    heads: Arc<Heads>,
    number: u64,
    open: Arc<Open>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.open.0.lock().remove(&self.number);
    }
}

async fn serve_one(
    bounds: Bounds,
    (stream, peer): (TcpStream, SocketAddr),
    (_place, entered): (OwnedSemaphorePermit, Entered),
    routes: Router,
    stop: CancellationToken,
) {
    let heads = Arc::clone(&entered.heads);
    let unsent = Arc::new(Unsent::default());
    let (answering, answers) = (Arc::clone(&heads), Arc::clone(&unsent));
    let service = service_fn(move |mut request: Request<Incoming>| {
        let caller = ConnectInfo(CallerAddress(peer));
        request.extensions_mut().insert(caller);
        let (routes, heads) = (routes.clone(), Arc::clone(&answering));
        let unsent = Arc::clone(&answers);
        async move {
            heads.complete();
            let response = routes.oneshot(request).await;
            response.map(|response| heads.answer(unsent.watch(response)))
        }
    });
    let watched = Watched::new(stream, Arc::clone(&heads), unsent, bounds.stall);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(bounds.idle)
        .max_buf_size(limits::MAX_REQUEST_HEAD_BYTES)
        .serve_connection(TokioIo::new(watched), service);
    let mut connection = std::pin::pin!(connection);
    let served = tokio::select! {
        // What has come is read before anything is said of it: after a pause of the process all of
        // this may be ready at once.
        biased;
        served = connection.as_mut() => served,
        () = heads.overdue() => return,
        // Half a request is nothing to wait for.
        () = stop.cancelled() => if heads.is_reading() {
            return;
        } else {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        tracing::debug!(%error, "a connection of a backend failed");
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(15);
    const SHORT: Duration = Duration::from_millis(200);
    /// More than the kernel takes for anybody.
    const LARGE_BYTES: usize = 64 * 1024 * 1024;

    async fn start(bounds: Bounds) -> (SocketAddr, tokio_util::sync::DropGuard) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let routes = Router::new()
            .route("/", get(|| async { "here" }))
            .route("/work", get(std::future::pending::<&str>))
            .route("/large", get(|| async { vec![b'x'; LARGE_BYTES] }));
        let stop = CancellationToken::new();
        let serving = serve_within(bounds, listener, routes, Arc::default(), stop.clone());
        tokio::spawn(serving);
        (address, stop.drop_guard())
    }

    /// What comes after this was sent, up to the end of the connection.
    async fn said(address: SocketAddr, sent: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(sent.as_bytes()).await.unwrap();
        let mut said = Vec::new();
        let read = timeout(PATIENCE, stream.read_to_end(&mut said)).await;
        read.expect("the connection is closed").ok();
        String::from_utf8(said).unwrap()
    }

    const WHOLE: &str = "GET / HTTP/1.1\r\nhost: x\r\n\r\n";

    #[tokio::test]
    async fn a_head_and_a_pause_between_two_are_bounded() {
        let bounds = Bounds {
            head: SHORT,
            idle: SHORT * 3,
            ..BOUNDS
        };
        let (address, _stop) = start(bounds).await;
        assert_eq!(said(address, "").await, "");
        assert_eq!(said(address, "GET / HTTP/1.1\r\nhost").await, "");
        let answered = said(address, WHOLE).await;
        assert!(answered.ends_with("here"), "{answered}");
        let large = format!("GET /?{} HTTP/1.1\r\n\r\n", "x".repeat(100_000));
        let answered = said(address, &large).await;
        assert!(
            answered.is_empty() || answered.starts_with("HTTP/1.1 431"),
            "{answered}"
        );
    }

    /// Lets everything that can go on do so.
    async fn settle() {
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    #[allow(
        clippy::disallowed_methods,
        reason = "the thread stands still, as in a pause of the process"
    )]
    async fn a_head_that_came_while_nothing_ran_is_read() {
        let head = SHORT / 4;
        let (address, _stop) = start(Bounds { head, ..BOUNDS }).await;
        // By chance it would be read half of the time.
        for _ in 0..8 {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(&WHOLE.as_bytes()[..4]).await.unwrap();
            settle().await;
            stream.try_write(&WHOLE.as_bytes()[4..]).unwrap();
            // This is the thread of the server as well.
            std::thread::sleep(head * 2);
            let mut answer = [0; 1024];
            let read = timeout(PATIENCE, stream.read(&mut answer)).await;
            assert!(read.unwrap().unwrap() > 0, "closed unread");
        }
    }

    async fn opened(address: SocketAddr, sent: &str) -> TcpStream {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(sent.as_bytes()).await.unwrap();
        stream
    }

    #[tokio::test]
    async fn connections_are_bounded_and_those_at_work_keep_their_places() {
        const AT_WORK: &str = "GET /work HTTP/1.1\r\nhost: x\r\n\r\n";
        const CLOSE: &str = "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        let bounds = Bounds {
            connections: 2,
            ..BOUNDS
        };
        let (address, _stop) = start(bounds).await;
        let at_work = opened(address, AT_WORK).await;
        let mut half = opened(address, "GET / HTTP/1.1").await;
        let answered = said(address, CLOSE).await;
        assert!(answered.ends_with("here"), "{answered}");
        let closed = timeout(PATIENCE, half.read(&mut [0])).await.unwrap();
        assert!(matches!(closed, Ok(0) | Err(_)), "{closed:?}");
        // Nobody makes room where all are at work.
        let _other = opened(address, AT_WORK).await;
        let full = async { while !said(address, CLOSE).await.is_empty() {} };
        timeout(PATIENCE, full).await.expect("all are at work");
        drop(at_work);
        let again = async { while said(address, CLOSE).await.is_empty() {} };
        timeout(PATIENCE, again)
            .await
            .expect("the place is free again");
    }

    #[tokio::test]
    async fn an_answer_that_is_not_read_is_kept_for_a_bounded_time() {
        let bounds = Bounds {
            connections: 1,
            stall: SHORT,
            ..BOUNDS
        };
        let (address, _stop) = start(bounds).await;
        let mut deaf = TcpStream::connect(address).await.unwrap();
        let large = WHOLE.replace(" / ", " /large ");
        deaf.write_all(large.as_bytes()).await.unwrap();
        let mut answer = [0; 12];
        timeout(PATIENCE, deaf.read_exact(&mut answer))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200");
        let close = WHOLE.replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n");
        let others = async { while said(address, &close).await.is_empty() {} };
        timeout(PATIENCE, others).await.expect("it is closed");
        let mut rest = Vec::new();
        deaf.read_to_end(&mut rest).await.ok();
        assert!(rest.len() < LARGE_BYTES, "it was not sent whole");
    }

    #[tokio::test]
    async fn a_head_behind_an_answer_that_leaves_slowly_has_its_time_when_that_has_left() {
        const HALF: usize = 9;
        let head = Duration::from_millis(500);
        let (address, _stop) = start(Bounds { head, ..BOUNDS }).await;
        let large = WHOLE.replace(" / ", " /large ");
        let mut slow = opened(address, &large).await;
        let began = timeout(PATIENCE, slow.read_exact(&mut [0; 12])).await;
        began.unwrap().unwrap();
        slow.write_all(&WHOLE.as_bytes()[..HALF]).await.unwrap();
        // Far longer than a head may take.
        tokio::time::sleep(head * 3).await;
        let mut first = vec![0; LARGE_BYTES];
        let read = timeout(PATIENCE, slow.read_exact(&mut first)).await;
        read.unwrap().expect("the answer comes whole");
        let close = WHOLE.replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n");
        slow.write_all(&close.as_bytes()[HALF..]).await.unwrap();
        let mut next = String::new();
        let read = timeout(PATIENCE, slow.read_to_string(&mut next)).await;
        read.unwrap().unwrap();
        assert!(next.ends_with("here"), "{next}");
    }

    #[tokio::test]
    async fn a_stop_does_not_wait_for_half_a_request() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let routes = Router::new().route("/", get(|| async { "here" }));
        let serving = tokio::spawn(serve(listener, routes, Arc::default(), stop.clone()));
        let mut half = TcpStream::connect(address).await.unwrap();
        half.write_all(WHOLE.as_bytes()).await.unwrap();
        let mut answer = [0; 1024];
        assert!(half.read(&mut answer).await.unwrap() > 0);
        half.write_all(b"GET / HTTP/1.1").await.unwrap();
        stop.cancel();
        timeout(PATIENCE, serving).await.expect("it ends").unwrap();
    }
}
