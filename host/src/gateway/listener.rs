//! The public TCP listener: accepts, bounds and serves connections; must not know what they carry.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tower::Service;

use super::address::Source;
use super::connection::Connection;
use super::engine::Transport;
use super::heartbeat;
use super::requests::Requests;
use crate::accepting::{self, Accepting};
use crate::heads::Heads;
use crate::{limits, threads};

/// Serves `listener` until `stop`: Socket.IO itself, and everything else through `inner`. Clients
/// that have connected stay; the caller ends them.
pub(super) async fn serve<S, B>(
    transport: Arc<Transport>,
    listener: TcpListener,
    inner: S,
    stop: CancellationToken,
) where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    S: Clone + Send + Sync + 'static,
    S::Future: Send,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let watched = Arc::downgrade(&transport);
    tokio::spawn(threads::keep_task("heartbeats", move || {
        heartbeat::watch(watched.clone())
    }));
    let places = Arc::new(Semaphore::new(transport.settings.max_connections));
    let stall_deadline = transport.settings.write_timeout;
    let most_of_address = transport.settings.max_connections / limits::IDLE_CONNECTIONS_SHARE;
    let idle = Arc::new(Idle::default());
    let mut was_full = false;
    let mut accepting = Accepting::new(listener, "public", Arc::clone(&transport.metrics));
    while let Some((stream, peer)) = stop.run_until_cancelled(accepting.next()).await {
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            // Said once, not for each of a flood; the connection is closed by being dropped.
            if !std::mem::replace(&mut was_full, true) {
                tracing::warn!(
                    limit = transport.settings.max_connections,
                    "no more connections"
                );
            }
            continue;
        };
        was_full = false;
        let is_proxy = transport.settings.trusted_proxies.trust(peer.ip());
        let most = if is_proxy {
            usize::MAX
        } else {
            most_of_address
        };
        let Some(of_address) = idle.enter(Source::of(Some(peer.ip())), most) else {
            transport.metrics.limited("address-connections");
            continue;
        };
        accepting::prepare(&stream, stall_deadline, peer);
        let stop = stop.clone();
        tokio::spawn(serve_one(
            Arc::clone(&transport),
            (stream, peer),
            (place, of_address),
            inner.clone(),
            stop,
        ));
    }
}

/// Connections that carry no WebSocket, by address: nobody takes all places with connections on which
/// nothing happens.
#[derive(Default)]
struct Idle(Mutex<HashMap<Source, usize>>);

/// One such connection, until it ends or becomes a WebSocket.
struct IdleConnection {
    among: Arc<Idle>,
    source: Source,
}

impl Idle {
    fn enter(self: &Arc<Self>, source: Source, most: usize) -> Option<IdleConnection> {
        let mut counts = self.0.lock();
        let count = counts.entry(source).or_default();
        // There is always room for one.
        if *count > 0 && *count >= most {
            return None;
        }
        *count += 1;
        drop(counts);
        let among = Arc::clone(self);
        Some(IdleConnection { among, source })
    }
}

impl Drop for IdleConnection {
    fn drop(&mut self) {
        let mut counts = self.among.0.lock();
        if let Entry::Occupied(mut count) = counts.entry(self.source) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

async fn serve_one<S, B>(
    transport: Arc<Transport>,
    (stream, peer): (TcpStream, SocketAddr),
    (place, _of_address): (OwnedSemaphorePermit, IdleConnection),
    inner: S,
    stop: CancellationToken,
) where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    S: Clone + Send + Sync + 'static,
    S::Future: Send,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let keep_alive = transport.settings.keep_alive;
    let heads = Arc::new(Heads::new(transport.settings.head_timeout));
    let lingering = transport.lingering.clone();
    let stream = Connection::new(stream, place, lingering, Arc::clone(&heads));
    let requests = Arc::new(Requests::new(transport, peer.ip(), inner));
    let answering = Arc::clone(&heads);
    let service = service_fn(move |request| {
        let (requests, heads) = (Arc::clone(&requests), Arc::clone(&answering));
        async move {
            heads.complete();
            let response = requests.answer(request).await;
            Ok::<_, Infallible>(heads.answer(response))
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(keep_alive)
        .max_buf_size(limits::MAX_REQUEST_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
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
        tracing::debug!(%error, "a connection failed");
    }
}
