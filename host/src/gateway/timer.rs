//! What happens to a client when its time is over; must not know why it has that much.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::task::AbortHandle;
use tokio::time::sleep;

use super::closing::Cause;
use super::frame;
use super::peer::Peer;
use super::wire::{self, Refusal};
use crate::codes::Code;
use crate::{limits, uptime};

/// A task that is dropped with this.
pub(super) struct Timer(AbortHandle);

impl Drop for Timer {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Timer {
    /// Closes a client after a time.
    pub(super) fn close(peer: &Arc<Peer>, after: Duration, cause: Cause) -> Self {
        let output = Arc::downgrade(peer.output());
        let task = tokio::spawn(async move {
            uptime::sleep(after).await;
            if let Some(output) = output.upgrade() {
                output.close(cause);
            }
        });
        Self(task.abort_handle())
    }

    /// Closes a client when its token ends, and tells it `notice` before. One whose token does not last
    /// much longer than that is told when half of the time is over: a client that brings another such
    /// token each time it is told must not do so all the time.
    pub(super) fn expire(peer: &Arc<Peer>, ends: SystemTime, notice: Duration) -> Self {
        let output = Arc::downgrade(peer.output());
        let notice = notice.min(left_until(ends, SystemTime::now()) / 2);
        let task = tokio::spawn(async move {
            reached(ends - notice, limits::WALL_CLOCK_LOOK, SystemTime::now).await;
            if let Some(output) = output.upgrade().filter(|_| !notice.is_zero()) {
                output.push(&[frame::text(&expiry_notice())]);
            }
            reached(ends, limits::WALL_CLOCK_LOOK, SystemTime::now).await;
            if let Some(output) = output.upgrade() {
                output.close(Cause::TokenExpired);
            }
        });
        Self(task.abort_handle())
    }
}

fn left_until(time: SystemTime, now: SystemTime) -> Duration {
    time.duration_since(now).unwrap_or_default()
}

/// Waits for a time on the wall clock, which may be set meanwhile, and goes on while the machine
/// sleeps: both show at a look at it.
async fn reached(time: SystemTime, look: Duration, clock: impl Fn() -> SystemTime) {
    loop {
        let left = left_until(time, clock());
        if left.is_zero() {
            break;
        }
        sleep(left.min(look)).await;
    }
    let late = left_until(clock(), time);
    if late > limits::UPTIME_STEP {
        // The process was paused, or the machine asleep: a fresh token may wait in the socket.
        uptime::sleep(limits::UPTIME_STEP).await;
    }
}

fn expiry_notice() -> String {
    let refusal = Refusal {
        code: Code::TokenExpiring,
        message: "the token expires soon; send `auth` with a fresh one",
        decision: None,
    };
    wire::error("auth", &refusal)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    /// A wall clock that is set forward while somebody waits.
    #[tokio::test]
    async fn a_clock_that_is_set_is_seen() {
        let set = Arc::new(AtomicU64::new(0));
        let began = SystemTime::now();
        let clock = {
            let set = Arc::clone(&set);
            move || SystemTime::now() + Duration::from_secs(set.load(Ordering::Acquire))
        };
        let end = began + Duration::from_secs(3600);
        let mut waiting = tokio::spawn(reached(end, Duration::from_millis(20), clock));
        let soon = Duration::from_millis(200);
        assert!(tokio::time::timeout(soon, &mut waiting).await.is_err());
        set.store(3600, Ordering::Release);
        let patience = Duration::from_secs(15);
        tokio::time::timeout(patience, waiting)
            .await
            .expect("in time")
            .expect("no panic");
    }
}
