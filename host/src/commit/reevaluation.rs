//! After the policies changed: has every workspace settle under the present generation, a few
//! connections and channels at a time.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::watch;
use wardroom_domain::{Command, Generation, WorkspaceId};

use super::{Committer, Failure};

impl Committer {
    /// Has every workspace settle each time the generation moves, and once at the beginning. Runs
    /// until the policies are gone. Swaps that come while it works make it start anew, so it always
    /// ends with the current generation, and says so through `settled`: whoever waits for that
    /// before the next swap keeps commands from being overtaken by swaps for ever.
    pub async fn follow_policies(
        self: Arc<Self>,
        mut generation: watch::Receiver<u64>,
        settled: impl Fn(Generation) + Send + Sync + 'static,
    ) {
        loop {
            let present = *generation.borrow_and_update();
            if self.settle_all(present, &generation).await {
                settled(Generation(present));
            }
            if generation.changed().await.is_err() {
                return;
            }
        }
    }

    /// Has every workspace settle; whether it came to the end before the next swap.
    async fn settle_all(&self, present: u64, generation: &watch::Receiver<u64>) -> bool {
        let started = Instant::now();
        let mut workspaces = 0;
        for workspace in self.store().workspaces() {
            if let Err(failure) = self.settle(&workspace).await {
                tracing::error!(%workspace, %failure, "a workspace could not be settled");
            }
            workspaces += 1;
            if generation.has_changed().unwrap_or(true) {
                return false;
            }
        }
        tracing::info!(
            generation = present,
            workspaces,
            elapsed_ms = started.elapsed().as_millis(),
            "settled under the present policies"
        );
        true
    }

    /// Has a workspace settle under the present generation, batch by batch. Nothing else happens in
    /// it until then. Whoever comes meanwhile waits for that: if each of the commands that wait did it
    /// as well, all would ask the same, and each step of one would make the others' answers useless.
    pub(super) async fn settle(&self, workspace: &WorkspaceId) -> Result<(), Failure> {
        let settling = self.settle_alone(workspace);
        self.settling.alone(workspace, settling).await
    }

    async fn settle_alone(&self, workspace: &WorkspaceId) -> Result<(), Failure> {
        let state = self.store().snapshot(workspace);
        if state.is_some_and(|state| state.is_settled(self.policies.generation())) {
            return Ok(());
        }
        loop {
            let entry = self.run(workspace, Command::Settle, None).await?;
            if entry.state.is_settled(self.policies.generation()) {
                return Ok(());
            }
            // Other work gets its turn between two batches.
            tokio::task::yield_now().await;
        }
    }
}

#[cfg(test)]
#[path = "reevaluation_tests.rs"]
mod tests;
