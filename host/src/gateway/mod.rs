//! Socket.IO in and out: the public listener and its clients; must not know policies or HTTP calls.

mod address;
mod admission;
mod arriving;
mod closing;
mod connection;
mod conversation;
mod copies;
mod delivery;
mod engine;
mod frame;
pub(crate) mod fuzzing;
mod handshake;
mod heartbeat;
mod identity;
mod lanes;
mod listener;
mod newcomers;
mod origins;
mod output;
mod pacing;
mod peer;
mod pile;
mod rates;
mod receivers;
mod rendered;
mod requests;
mod roster;
mod screen;
mod states;
mod stream;
mod telling;
#[cfg(test)]
mod tests;
mod timer;
mod upgrading;
mod verifying;
mod wire;

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower::Service;

use self::admission::Admission;
use self::closing::Cause;
use self::conversation::{Conversations, Deadlines};
use self::delivery::Delivery;
use self::engine::Transport;
use self::states::States;
use crate::commit::Committer;
use crate::limits;
use crate::metrics::Metrics;

pub use self::address::{Network, TrustedProxies};
pub use self::admission::Rates;
pub use self::identity::{Authenticator, Identity, TokenRefusal};
pub use self::origins::AllowedOrigins;
pub use self::rates::Rate;

/// What an operator may set about connections.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Connections held at once, of any kind.
    pub max_connections: usize,
    /// Sessions of one address that have not authenticated.
    pub max_unauthenticated_per_address: usize,
    /// Bytes that wait for one client before it is closed.
    pub max_output_bytes: usize,
    /// What waits to be written to all connections together, in bytes. Beyond it whoever has more than
    /// their part of it is closed when something is added.
    pub max_output_total_bytes: usize,
    /// How long a client may take nothing of what waits for it. A polling client may take
    /// [`limits::POLL_WRITE_TIMEOUTS`] times as long.
    pub write_timeout: Duration,
    /// How long a connection may idle between two requests.
    pub keep_alive: Duration,
    /// How long a client may take to send the head of a request.
    pub head_timeout: Duration,
    /// Interval of the heartbeat.
    pub ping_interval: Duration,
    /// How long a client may take to answer a heartbeat.
    pub ping_timeout: Duration,
    /// Pages of which origins may connect.
    pub allowed_origins: AllowedOrigins,
    /// Whose word counts on where a client comes from.
    pub trusted_proxies: TrustedProxies,
    /// How long a client may take to authenticate.
    pub auth_deadline: Duration,
    /// How long before the end of its token a client is told; if it is zero, never.
    pub expiry_notice: Duration,
    /// Tokens in a row that are not accepted before their client is closed.
    pub max_auth_failures: u32,
    /// How often clients may do things.
    pub rates: Rates,
    /// How long a lost connection is held that is in no channel.
    pub grace: Duration,
    /// How long a lost connection is held that is in a channel.
    pub grace_in_channel: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_connections: limits::MAX_CONNECTIONS,
            max_unauthenticated_per_address: limits::MAX_UNAUTHENTICATED_OF_ADDRESS,
            max_output_bytes: limits::MAX_OUTPUT_BYTES,
            max_output_total_bytes: limits::MAX_OUTPUT_TOTAL_BYTES,
            write_timeout: limits::WRITE_TIMEOUT,
            keep_alive: limits::KEEP_ALIVE,
            head_timeout: limits::REQUEST_HEAD_TIMEOUT,
            ping_interval: limits::PING_INTERVAL,
            ping_timeout: limits::PING_TIMEOUT,
            allowed_origins: AllowedOrigins::Any,
            trusted_proxies: TrustedProxies::default(),
            auth_deadline: limits::AUTH_DEADLINE,
            expiry_notice: limits::EXPIRY_NOTICE,
            max_auth_failures: limits::MAX_AUTH_FAILURES,
            rates: Rates::default(),
            grace: limits::GRACE,
            grace_in_channel: limits::GRACE_IN_CHANNEL,
        }
    }
}

/// The Socket.IO server.
pub struct Gateway {
    transport: Arc<Transport>,
    conversations: Arc<Conversations>,
}

impl Gateway {
    /// Prepares the server. Nothing is served yet.
    #[must_use]
    pub fn new(
        settings: Settings,
        authenticator: Arc<dyn Authenticator>,
        committer: Arc<Committer>,
        metrics: Arc<Metrics>,
    ) -> Self {
        let admission = Admission::new(
            settings.rates,
            settings.max_auth_failures,
            authenticator,
            Arc::clone(&metrics),
        );
        let conversations = Arc::new(Conversations {
            delivery: Delivery::new(Arc::clone(committer.store()), Arc::clone(&metrics)),
            states: States::new(Arc::clone(&committer), Arc::clone(&metrics)),
            committer,
            admission: Arc::new(admission),
            deadlines: Deadlines {
                auth: settings.auth_deadline,
                expiry_notice: settings.expiry_notice,
                lost: conversation::lost(settings.grace, settings.grace_in_channel),
            },
            draining: AtomicBool::new(false),
        });
        let transport = Transport::new(settings, Arc::clone(&conversations) as _, metrics);
        Self {
            transport,
            conversations,
        }
    }

    /// Serves `listener` until `stop`: Socket.IO itself, and every other request through `inner`.
    /// Clients that are there when it returns stay, until [`Gateway::drain`].
    pub async fn serve<S, B>(&self, listener: TcpListener, inner: S, stop: CancellationToken)
    where
        S: Service<Request<hyper::body::Incoming>, Response = Response<B>, Error = Infallible>,
        S: Clone + Send + Sync + 'static,
        S::Future: Send,
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        listener::serve(Arc::clone(&self.transport), listener, inner, stop).await;
    }

    /// Tells every client that the server is shutting down, and waits until all are gone, which
    /// takes little more than [`limits::CLOSE_TIMEOUT`], and until they have read why, which takes
    /// [`limits::LINGER_TIMEOUT`] at most. Nobody is announced to have left.
    pub async fn drain(&self) {
        self.conversations.draining.store(true, Ordering::Release);
        while self.close_all() {
            tokio::time::sleep(limits::DRAIN_POLL).await;
        }
        // Connections that only begin to close now are no clients'.
        let lingering = &self.transport.lingering;
        let heard = async {
            // A session that has ended gives up its connection next, and that then lingers; one that
            // polled has none, and is kept by socketioxide for a while longer.
            while self
                .transport
                .outputs()
                .iter()
                .any(|it| it.stream().is_some())
            {
                tokio::time::sleep(limits::DRAIN_POLL).await;
            }
            lingering.close();
            lingering.wait().await;
        };
        tokio::time::timeout(limits::LINGER_TIMEOUT, heard)
            .await
            .ok();
    }

    /// Closes every session that has not ended; whether there was one.
    fn close_all(&self) -> bool {
        let mut open = self.transport.outputs();
        open.retain(|output| !output.has_ended());
        for output in &open {
            output.close(Cause::Shutdown);
        }
        !open.is_empty()
    }
}
