//! The one task that sees to it that holds end when their time has come.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use wardroom_domain::{Command, Timestamp, WorkspaceId};

use super::Committer;
use crate::limits::EXPIRY_RETRY;

/// The next deadline of every workspace that has one.
#[derive(Default)]
pub struct Deadlines {
    inner: Mutex<wardroom_domain::Deadlines>,
    sooner: Notify,
}

impl Deadlines {
    /// Says when a workspace next has something to expire.
    pub(super) fn set(&self, workspace: &WorkspaceId, at: Option<Timestamp>) {
        let Some(at) = at else { return };
        let first = self.inner.lock().set(workspace, at);
        if first {
            self.sooner.notify_one();
        }
    }

    /// Takes a workspace whose deadline has come, or says when the next one comes.
    fn take(&self, now: Timestamp) -> Result<WorkspaceId, Option<Duration>> {
        let taken = self.inner.lock().take(now);
        taken.map_err(|next| next.map(|at| Duration::from_millis(at.0.saturating_sub(now.0))))
    }
}

/// A workspace in which holds are being ended: nobody else begins that until this is dropped, which
/// happens however it ends.
struct InHand {
    committer: Arc<Committer>,
    workspace: WorkspaceId,
    /// Whether what is left must wait, because this came to nothing.
    failed: bool,
}

impl InHand {
    /// Ends the holds that are over, of a few users. What is left is overdue and comes next.
    async fn expire(mut self) {
        let now = self.committer.now();
        // Whoever was held may be back.
        if self.deadline().is_some_and(|at| at <= now) {
            let expired = self.committer.run(&self.workspace, Command::Expire, None);
            if let Err(failure) = expired.await {
                tracing::error!(workspace = %self.workspace, %failure, "holds could not be ended");
                return;
            }
        }
        self.failed = false;
    }

    fn deadline(&self) -> Option<Timestamp> {
        let state = self.committer.store.snapshot(&self.workspace)?;
        state.next_deadline()
    }
}

impl Drop for InHand {
    fn drop(&mut self) {
        let deadlines = &self.committer.deadlines;
        deadlines.inner.lock().done(&self.workspace);
        let mut next = self.deadline();
        if self.failed {
            let retry = self.committer.now().0 + EXPIRY_RETRY.as_millis() as u64;
            next = next.map(|at| at.max(Timestamp(retry)));
        }
        deadlines.set(&self.workspace, next);
    }
}

impl Committer {
    /// Ends holds when their time has come, in each workspace one step after the other. Runs until it
    /// is dropped.
    pub async fn expire_holds(self: Arc<Self>) {
        loop {
            match self.deadlines.take(self.now()) {
                Ok(workspace) => {
                    let in_hand = InHand {
                        committer: Arc::clone(&self),
                        workspace,
                        failed: true,
                    };
                    // On its own: a workspace whose log is full must not hold up the others.
                    tokio::spawn(in_hand.expire());
                }
                Err(Some(wait)) => {
                    tokio::select! {
                        () = tokio::time::sleep(wait) => {}
                        () = self.deadlines.sooner.notified() => {}
                    }
                }
                Err(None) => self.deadlines.sooner.notified().await,
            }
        }
    }
}

#[cfg(test)]
#[path = "expiry_tests.rs"]
mod tests;
