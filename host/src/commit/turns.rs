//! Whose turn it is, in each workspace, to do what only one should do at a time. It must not know
//! what that is.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use wardroom_domain::WorkspaceId;

/// One turn at a time in each workspace. Workspaces in which nobody waits are forgotten.
#[derive(Default)]
pub(super) struct Turns(Mutex<HashMap<WorkspaceId, Lock>>);

type Lock = Arc<tokio::sync::Mutex<()>>;

/// A place among those who want their turn.
struct Place<'a> {
    turns: &'a Turns,
    workspace: &'a WorkspaceId,
    lock: Lock,
}

impl Turns {
    /// Works when nobody else does in this workspace, in the order of arrival.
    pub(super) async fn alone<T>(
        &self,
        workspace: &WorkspaceId,
        work: impl Future<Output = T>,
    ) -> T {
        let lock = self.0.lock().entry(workspace.clone()).or_default().clone();
        let place = Place {
            turns: self,
            workspace,
            lock,
        };
        let _turn = place.lock.lock().await;
        work.await
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.0.lock().is_empty()
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut all = self.turns.0.lock();
        // Nobody comes by another one while the map is locked: this one and the map's are the last.
        if Arc::strong_count(&self.lock) == 2 {
            all.remove(self.workspace);
        }
    }
}
