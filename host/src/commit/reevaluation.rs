//! After the policies changed: has every workspace settle under the present generation, a few
//! connections and channels at a time.

use std::sync::Arc;

use tokio::sync::watch;
use wardroom_domain::{Command, Rejection, WorkspaceId};

use super::{Committer, Failure};

impl Committer {
    /// Has every workspace settle each time the generation moves. Runs until the policies are
    /// gone. Swaps that come while it works make it start anew, so it always ends with the
    /// current generation.
    pub async fn follow_policies(self: Arc<Self>, mut generation: watch::Receiver<u64>) {
        while generation.changed().await.is_ok() {
            let swapped = *generation.borrow_and_update();
            let started = std::time::Instant::now();
            let mut workspaces = 0;
            for workspace in self.store().workspaces() {
                if let Err(failure) = self.settle(&workspace).await {
                    tracing::error!(%workspace, %failure, "a workspace could not be settled");
                }
                workspaces += 1;
                if generation.has_changed().unwrap_or(true) {
                    break;
                }
            }
            tracing::info!(
                generation = swapped,
                workspaces,
                elapsed_ms = started.elapsed().as_millis(),
                "settled under the new policies"
            );
        }
    }

    /// Has a workspace settle under the present generation. Nothing else happens in it until then.
    pub(super) async fn settle(&self, workspace: &WorkspaceId) -> Result<(), Failure> {
        match self.run(workspace, Command::Settle, None).await {
            // A workspace that was closed meanwhile has nothing left to look at.
            Ok(_) | Err(Failure::Rejected(Rejection::WorkspaceNotFound)) => Ok(()),
            Err(failure) => Err(failure),
        }
    }
}
