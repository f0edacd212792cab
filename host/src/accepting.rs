//! Accepting connections whatever happens: what fails is tried again, more slowly each time, and
//! said once. It must not know who connects.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};

use crate::limits::{ACCEPT_PAUSE, MAX_ACCEPT_PAUSE, MAX_KERNEL_OUTPUT_BYTES};
use crate::metrics::Metrics;

/// A listener that goes on.
pub(crate) struct Accepting {
    listener: TcpListener,
    trouble: Trouble,
}

/// How long accepting has failed.
struct Trouble {
    /// What the listener is called in the log and in metrics.
    name: &'static str,
    metrics: Arc<Metrics>,
    failures: u32,
}

impl Accepting {
    /// Accepts from a listener of this name.
    #[must_use]
    pub(crate) fn new(listener: TcpListener, name: &'static str, metrics: Arc<Metrics>) -> Self {
        let trouble = Trouble {
            name,
            metrics,
            failures: 0,
        };
        Self { listener, trouble }
    }

    /// The next connection. Safe to cancel.
    pub(crate) async fn next(&mut self) -> (TcpStream, SocketAddr) {
        let listener = &self.listener;
        self.trouble.until_done(|| listener.accept()).await
    }
}

/// Sets what the kernel is to do with a connection whose other end may take nothing of what waits for it
/// for so long.
pub(crate) fn prepare(stream: &TcpStream, stall_deadline: Duration, peer: SocketAddr) {
    let socket = SockRef::from(stream);
    let set = stream
        .set_nodelay(true)
        // A peer that vanished, or whose window stays closed, is given up by the kernel as well.
        .and_then(|()| socket.set_tcp_user_timeout(Some(stall_deadline)))
        // A stopped reader fills its bounded output here, and not the kernel's memory.
        .and_then(|()| socket.set_tcp_notsent_lowat(MAX_KERNEL_OUTPUT_BYTES));
    if let Err(error) = set {
        tracing::debug!(%error, %peer, "a connection's options could not be set");
    }
}

impl Trouble {
    async fn until_done<T, F>(&mut self, mut attempt: impl FnMut() -> F) -> T
    where
        F: Future<Output = io::Result<T>>,
    {
        loop {
            match attempt().await {
                Ok(done) => {
                    self.is_over();
                    return done;
                }
                // The client went before it was its turn: that is over, and says nothing of the next.
                Err(error) if is_of_the_client(&error) => {}
                Err(error) => {
                    let pause = self.has_failed(&error);
                    tokio::time::sleep(pause).await;
                }
            }
        }
    }

    fn is_over(&mut self) {
        if std::mem::take(&mut self.failures) > 0 {
            tracing::info!(listener = self.name, "connections are accepted again");
        }
    }

    /// How long to leave it alone: trying at once would spin.
    fn has_failed(&mut self, error: &io::Error) -> Duration {
        self.metrics.accept_failed(self.name);
        if self.failures == 0 {
            tracing::error!(
                listener = self.name,
                %error,
                "connections cannot be accepted; it is tried again until they can"
            );
        }
        let doubled = ACCEPT_PAUSE.saturating_mul(1 << self.failures.min(16));
        self.failures = self.failures.saturating_add(1);
        doubled.min(MAX_ACCEPT_PAUSE)
    }
}

fn is_of_the_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::ConnectionRefused
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::VecDeque;
    use std::time::Instant;

    use super::*;

    fn trouble() -> Trouble {
        Trouble {
            name: "public",
            metrics: Arc::default(),
            failures: 0,
        }
    }

    async fn through(trouble: &mut Trouble, answers: Vec<io::Result<u8>>) -> u8 {
        let mut answers = VecDeque::from(answers);
        let attempt = || std::future::ready(answers.pop_front().unwrap());
        trouble.until_done(attempt).await
    }

    #[tokio::test]
    async fn too_many_open_files_are_waited_out_and_counted() {
        let (mut trouble, began) = (trouble(), Instant::now());
        let full = || Err(io::Error::from_raw_os_error(24));
        let answers = vec![full(), full(), full(), Ok(1)];
        assert_eq!(through(&mut trouble, answers).await, 1);
        let took = began.elapsed();
        assert!(took >= 7 * ACCEPT_PAUSE, "{took:?}: it spins");
        let text = trouble.metrics.render().unwrap();
        let counted = "wardroom_accept_failures_total{listener=\"public\"} 3";
        assert!(text.contains(counted), "{text}");
        // It begins from the start: the next failure is a new one.
        let error = io::Error::from_raw_os_error(24);
        assert_eq!(trouble.has_failed(&error), ACCEPT_PAUSE);
        for _ in 0..100 {
            assert!(trouble.has_failed(&error) <= MAX_ACCEPT_PAUSE);
        }
        assert_eq!(trouble.has_failed(&error), MAX_ACCEPT_PAUSE);
    }

    #[tokio::test]
    async fn a_client_that_went_costs_nobody_any_time() {
        let mut trouble = trouble();
        let gone = || Err(ErrorKind::ConnectionAborted.into());
        let answers = vec![gone(), gone(), Ok(1)];
        assert_eq!(through(&mut trouble, answers).await, 1);
        assert_eq!(trouble.failures, 0);
        let text = trouble.metrics.render().unwrap();
        assert!(!text.contains("wardroom_accept_failures_total{"), "{text}");
    }
}
