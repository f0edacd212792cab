//! How the process stops: a first signal begins to drain, a second ends at once. It must not know what is drained.

use std::future::Future;
use std::io;
use std::time::Duration;

use thiserror::Error;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// The two phases of stopping, shared by everything that runs. Clones are the same shutdown.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    begun: CancellationToken,
    ended: CancellationToken,
}

/// Why a drain was cut short.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum CutShort {
    /// The bound passed first.
    #[error("the drain did not finish within its bound")]
    Bound,
    /// A second signal demanded the end.
    #[error("a second signal ended the drain")]
    Demanded,
}

impl Shutdown {
    /// A shutdown that has not begun.
    pub fn new() -> Self {
        Self::default()
    }

    /// First phase: accept nothing new, finish what is open.
    pub fn begin(&self) {
        self.begun.cancel();
    }

    /// Whether the first phase has begun.
    pub fn has_begun(&self) -> bool {
        self.begun.is_cancelled()
    }

    /// Waits for the first phase. Safe to cancel.
    pub async fn begun(&self) {
        self.begun.cancelled().await;
    }

    /// Second phase: drop everything. Implies the first.
    pub fn end(&self) {
        self.begun.cancel();
        self.ended.cancel();
    }

    /// Waits for the second phase. Safe to cancel.
    pub async fn ended(&self) {
        self.ended.cancelled().await;
    }

    /// Lets `work` finish, for no longer than `bound` and not past the second phase.
    ///
    /// # Errors
    /// Why the work was dropped before it finished.
    pub async fn drain<T>(
        &self,
        bound: Duration,
        work: impl Future<Output = T>,
    ) -> Result<T, CutShort> {
        tokio::select! {
            biased;
            done = work => Ok(done),
            () = self.ended() => Err(CutShort::Demanded),
            () = tokio::time::sleep(bound) => Err(CutShort::Bound),
        }
    }

    /// Begins on the first SIGTERM or SIGINT and ends on the second. Needs a runtime.
    ///
    /// # Errors
    /// If the signals cannot be listened to.
    pub fn on_signals(&self) -> io::Result<()> {
        let mut signals = Signals::listen()?;
        let shutdown = self.clone();
        tokio::spawn(async move {
            let name = signals.next().await;
            info!(signal = name, "draining; a second signal ends at once");
            shutdown.begin();
            let name = signals.next().await;
            warn!(signal = name, "ending at once");
            shutdown.end();
        });
        Ok(())
    }
}

#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> &'static str {
        // Without a console there is no signal to wait for; the process is ended from outside.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        "Ctrl-C"
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::future::{pending, ready};

    use super::*;

    #[tokio::test]
    async fn work_that_finishes_is_not_cut_short() {
        let shutdown = Shutdown::new();
        shutdown.end();
        assert_eq!(shutdown.drain(Duration::ZERO, ready(5)).await, Ok(5));
    }

    #[tokio::test]
    async fn a_drain_ends_at_its_bound() {
        let cut = Shutdown::new()
            .drain(Duration::from_millis(1), pending::<()>())
            .await;
        assert_eq!(cut, Err(CutShort::Bound));
    }

    #[tokio::test]
    async fn the_second_phase_ends_a_drain() {
        let shutdown = Shutdown::new();
        shutdown.begin();
        assert!(shutdown.has_begun());
        let draining = shutdown.drain(Duration::from_secs(10), pending::<()>());
        let (cut, ()) = tokio::join!(draining, async { shutdown.end() });
        assert_eq!(cut, Err(CutShort::Demanded));
    }

    #[tokio::test]
    async fn the_end_implies_the_beginning() {
        let shutdown = Shutdown::new();
        let other = shutdown.clone();
        other.end();
        shutdown.begun().await;
        shutdown.ended().await;
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn one_signal_begins_and_a_second_ends() {
        let shutdown = Shutdown::new();
        shutdown.on_signals().unwrap();
        let signal = |name: &str| {
            let id = std::process::id().to_string();
            let status = std::process::Command::new("kill")
                .args(["-s", name, &id])
                .status();
            assert!(status.unwrap().success());
        };
        signal("TERM");
        shutdown.begun().await;
        assert!(!shutdown.ended.is_cancelled());
        signal("INT");
        shutdown.ended().await;
    }
}
