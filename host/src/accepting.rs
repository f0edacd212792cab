//! Accepting connections whatever happens: what fails is tried again, more slowly each time, and
//! said once. It must not know who connects.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};

use crate::limits::{
    ACCEPT_PAUSE, ACCEPTS_PER_TURN, MAX_ACCEPT_PAUSE, MAX_ACCEPTS_PER_TURN, MAX_KERNEL_OUTPUT_BYTES,
};
use crate::metrics::Metrics;

/// A listener that goes on.
pub(crate) struct Accepting {
    listener: TcpListener,
    trouble: Trouble,
    /// How many are accepted before everybody else has had a turn.
    allowed: u32,
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
        Self {
            listener,
            trouble,
            allowed: ACCEPTS_PER_TURN,
        }
    }

    /// The next connection, after everybody else's turn now and then. Safe to cancel.
    pub(crate) async fn next(&mut self) -> (TcpStream, SocketAddr) {
        if self.allowed == 0 {
            let began = Instant::now();
            // Whoever is connected goes first: a thousand that come at once are a thousand tasks before
            // theirs.
            tokio::task::yield_now().await;
            self.allowed = allowed(began.elapsed());
        }
        self.allowed -= 1;
        let listener = &self.listener;
        self.trouble.until_done(|| listener.accept()).await
    }
}

/// How many connections are accepted at once after a turn of all other tasks that took so long: more
/// after a long one, so that a busy server takes in a thousand a second all the same.
fn allowed(turn: Duration) -> u32 {
    let by_time = u32::try_from(turn.as_millis()).unwrap_or(u32::MAX);
    by_time.clamp(ACCEPTS_PER_TURN, MAX_ACCEPTS_PER_TURN)
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
    use std::sync::atomic::{AtomicU32, Ordering};

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

    /// A turn of the loop is as long as all that it has to do: who comes in a thousand must not make it
    /// a thousand times as long for who is there.
    #[tokio::test]
    async fn whoever_is_there_has_a_turn_among_those_who_come() {
        const COMING: u32 = 5 * ACCEPTS_PER_TURN;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut coming = Vec::new();
        for _ in 0..COMING {
            coming.push(TcpStream::connect(address).await.unwrap());
        }
        let turns = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&turns);
        let beside = tokio::spawn(async move {
            loop {
                counted.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
            }
        });
        let mut accepting = Accepting::new(listener, "public", Arc::default());
        let mut come = Vec::new();
        for _ in 0..COMING {
            come.push(accepting.next().await);
        }
        beside.abort();
        let turns = turns.load(Ordering::Relaxed);
        assert!(turns >= COMING / ACCEPTS_PER_TURN - 1, "{turns} turns");
    }

    #[test]
    fn a_busy_loop_accepts_more_in_each_of_its_turns() {
        assert_eq!(allowed(Duration::ZERO), ACCEPTS_PER_TURN);
        assert_eq!(allowed(Duration::from_millis(50)), 50);
        assert_eq!(allowed(Duration::from_secs(9)), MAX_ACCEPTS_PER_TURN);
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
