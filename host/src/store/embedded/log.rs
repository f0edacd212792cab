//! A follower of one workspace's log.

use std::pin::pin;
use std::sync::Arc;

use dashmap::DashMap;
use wardroom_domain::WorkspaceId;

use super::slot::Slot;
use crate::store::{BoxFuture, Entry, Tail};

/// Follows a slot for as long as it lives.
pub(super) struct LogTail {
    slots: Arc<DashMap<WorkspaceId, Arc<Slot>>>,
    workspace: WorkspaceId,
    slot: Arc<Slot>,
    follower: u64,
}

impl LogTail {
    /// Follows every entry that is committed to a workspace from now on.
    pub(super) fn new(
        slots: Arc<DashMap<WorkspaceId, Arc<Slot>>>,
        workspace: &WorkspaceId,
    ) -> Self {
        loop {
            let slot = slots.entry(workspace.clone()).or_default().value().clone();
            // A retired slot is on its way out of the map: look again.
            if let Some(follower) = slot.follow() {
                return Self {
                    slots,
                    workspace: workspace.clone(),
                    slot,
                    follower,
                };
            }
        }
    }

    async fn take(&mut self) -> Vec<Arc<Entry>> {
        loop {
            // Listening starts before looking, so that no arrival falls in between.
            let mut arrived = pin!(self.slot.arrived().notified());
            arrived.as_mut().enable();
            let batch = self.slot.take(self.follower);
            if !batch.is_empty() {
                return batch;
            }
            arrived.await;
        }
    }
}

impl Tail for LogTail {
    fn next(&mut self) -> BoxFuture<'_, Vec<Arc<Entry>>> {
        Box::pin(self.take())
    }
}

impl Drop for LogTail {
    fn drop(&mut self) {
        self.slot.unfollow(self.follower);
        self.slots
            .remove_if(&self.workspace, |_, slot| slot.retire());
    }
}
