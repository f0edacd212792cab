//! Time in which the process ran. While it is paused (a debugger, a full host, SIGSTOP) clients go on
//! sending, and what they sent waits in sockets: a deadline that passed meanwhile says nothing of them
//! before that is read. It must not know who has a deadline.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::limits::{UPTIME_STEP, UPTIME_TICK};
use crate::threads;

/// How long the process has run, without its pauses.
static UPTIME: LazyLock<Mutex<Uptime>> = LazyLock::new(|| {
    if let Err(error) = threads::keep("uptime", tick) {
        tracing::error!(%error, "pauses of the process will not be noticed");
    }
    Mutex::new(Uptime::new(Instant::now()))
});

/// The same at the last look, in milliseconds.
static LATELY: AtomicU64 = AtomicU64::new(0);

struct Uptime {
    ran: Duration,
    /// When that was so.
    at: Instant,
}

impl Uptime {
    fn new(at: Instant) -> Self {
        let ran = Duration::ZERO;
        Self { ran, at }
    }

    /// What has passed since the last look is time in which the process ran, but no more than
    /// [`UPTIME_STEP`] of it: it looks far more often than that.
    fn at(&self, now: Instant) -> Duration {
        self.ran + now.saturating_duration_since(self.at).min(UPTIME_STEP)
    }

    /// Looks; how long the process was paused since the last look, if it was.
    fn advance(&mut self, now: Instant) -> Option<Duration> {
        let passed = now.saturating_duration_since(self.at);
        (self.ran, self.at) = (self.at(now), now);
        passed.checked_sub(UPTIME_STEP).filter(|it| !it.is_zero())
    }
}

/// How long the process has run, without its pauses.
pub(crate) fn now() -> Duration {
    UPTIME.lock().at(Instant::now())
}

/// The same as of the last look, at most [`UPTIME_TICK`] ago and cheaper to have.
pub(crate) fn lately() -> Duration {
    Duration::from_millis(LATELY.load(Ordering::Relaxed))
}

/// Waits while the process runs for this long.
pub(crate) async fn sleep(time: Duration) {
    let until = now() + time;
    loop {
        let left = until.saturating_sub(now());
        if left.is_zero() {
            return;
        }
        tokio::time::sleep(left).await;
    }
}

fn tick() {
    let (never, waiting) = (Condvar::new(), Mutex::new(()));
    loop {
        never.wait_for(&mut waiting.lock(), UPTIME_TICK);
        let paused = {
            let mut uptime = UPTIME.lock();
            let paused = uptime.advance(Instant::now());
            let millis = u64::try_from(uptime.ran.as_millis()).unwrap_or(u64::MAX);
            LATELY.store(millis, Ordering::Relaxed);
            paused
        };
        if let Some(paused) = paused {
            tracing::warn!(seconds = paused.as_secs_f64(), "the process was paused");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_no_time_in_which_the_process_ran() {
        let began = Instant::now();
        let at = |millis| began + Duration::from_millis(millis);
        let mut uptime = Uptime::new(began);
        assert_eq!(uptime.advance(at(100)), None);
        assert_eq!(uptime.at(at(150)), Duration::from_millis(150));
        let ran = Duration::from_millis(100) + UPTIME_STEP;
        assert_eq!(uptime.at(at(60_100)), ran, "before anybody has looked");
        let paused = Duration::from_secs(60) - UPTIME_STEP;
        assert_eq!(uptime.advance(at(60_100)), Some(paused));
        assert_eq!(uptime.at(at(60_150)), ran + Duration::from_millis(50));
        assert_eq!(uptime.advance(at(60_000)), None, "time does not go back");
    }

    #[tokio::test]
    async fn time_passes_while_the_process_runs() {
        let (began, uptime) = (Instant::now(), now());
        sleep(Duration::from_millis(300)).await;
        assert!(began.elapsed() >= Duration::from_millis(300));
        assert!(now() - uptime >= Duration::from_millis(300));
        assert!(now() - uptime <= began.elapsed());
    }
}
