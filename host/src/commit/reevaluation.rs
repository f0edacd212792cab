//! After the policies changed: looks at every channel again, a few at a time.

use std::sync::Arc;

use tokio::sync::watch;
use wardroom_domain::{ChannelId, Command, Rejection, WorkspaceId};

use super::{Committer, Failure};
use crate::limits::CHANNELS_PER_REEVALUATION;

impl Committer {
    /// Looks at every channel again each time the generation moves. Runs until the policies are
    /// gone. Swaps that come while it works make it start anew, so it always ends with the
    /// current generation.
    pub async fn follow_policies(self: Arc<Self>, mut generation: watch::Receiver<u64>) {
        while generation.changed().await.is_ok() {
            let swapped = *generation.borrow_and_update();
            let started = std::time::Instant::now();
            let mut channels = 0;
            for workspace in self.store().workspaces() {
                channels += self.reevaluate(&workspace).await;
                if generation.has_changed().unwrap_or(true) {
                    break;
                }
            }
            tracing::info!(
                generation = swapped,
                channels,
                elapsed_ms = started.elapsed().as_millis(),
                "looked at every channel again"
            );
        }
    }

    async fn reevaluate(&self, workspace: &WorkspaceId) -> usize {
        let Some(state) = self.store().snapshot(workspace) else {
            return 0;
        };
        let channels: Vec<ChannelId> = state.channels().keys().cloned().collect();
        for batch in channels.chunks(CHANNELS_PER_REEVALUATION) {
            let command = Command::Reevaluate {
                channels: batch.to_vec(),
            };
            match self.run(workspace, command, None).await {
                // A workspace that was closed meanwhile has nothing left to look at.
                Ok(_) | Err(Failure::Rejected(Rejection::WorkspaceNotFound)) => {}
                Err(failure) => {
                    tracing::error!(%workspace, %failure, "channels could not be re-evaluated");
                }
            }
        }
        channels.len()
    }
}
