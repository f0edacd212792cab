//! What happens to a client when its time is over; must not know why it has that much.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::AbortHandle;
use tokio::time::sleep;

use super::closing::Cause;
use super::frame;
use super::peer::Peer;
use super::wire::{self, Refusal};
use crate::codes::Code;

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
            sleep(after).await;
            if let Some(output) = output.upgrade() {
                output.close(cause);
            }
        });
        Self(task.abort_handle())
    }

    /// Closes a client when its token has ended, after this time, and tells it `notice` before. One
    /// whose token does not last much longer than that is told when half of the time is over: a
    /// client that brings another such token each time it is told must not do so all the time.
    pub(super) fn expire(peer: &Arc<Peer>, after: Duration, notice: Duration) -> Self {
        let output = Arc::downgrade(peer.output());
        let notice = notice.min(after / 2);
        let task = tokio::spawn(async move {
            sleep(after - notice).await;
            if let Some(output) = output.upgrade().filter(|_| !notice.is_zero()) {
                output.push(&[frame::text(&expiry_notice())]);
            }
            sleep(notice).await;
            if let Some(output) = output.upgrade() {
                output.close(Cause::TokenExpired);
            }
        });
        Self(task.abort_handle())
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
