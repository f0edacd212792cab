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
}

impl Turns {
    /// Works when nobody else does in this workspace, in the order of arrival.
    pub(super) async fn alone<T>(
        &self,
        workspace: &WorkspaceId,
        work: impl Future<Output = T>,
    ) -> T {
        // What is dropped last comes first: it counts the locks that are left.
        let _place = Place {
            turns: self,
            workspace,
        };
        let lock = self.0.lock().entry(workspace.clone()).or_default().clone();
        let _turn = lock.lock().await;
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
        // Nobody comes by another one while the map is locked.
        let last = |lock: &Lock| Arc::strong_count(lock) == 1;
        if all.get(self.workspace).is_some_and(last) {
            all.remove(self.workspace);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_that_end_at_once_leave_nothing_behind() {
        let turns = Turns::default();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(4)
            .build()
            .expect("a runtime");
        let workspaces: Vec<_> = (0..4)
            .map(|number| WorkspaceId::new(&format!("w{number}")).expect("an id"))
            .collect();
        std::thread::scope(|scope| {
            for place in 0..4 {
                let (turns, workspaces, runtime) = (&turns, &workspaces, &runtime);
                scope.spawn(move || {
                    for round in 0..20_000 {
                        let workspace = &workspaces[(round + place) % workspaces.len()];
                        runtime.block_on(turns.alone(workspace, async {}));
                    }
                });
            }
        });
        assert!(turns.is_empty());
    }

    #[tokio::test]
    async fn whoever_gives_up_waiting_is_forgotten() {
        let turns = Turns::default();
        let workspace = WorkspaceId::new("w").expect("an id");
        turns
            .alone(&workspace, async {
                let waiting = turns.alone(&workspace, async {});
                let waited = tokio::time::timeout(std::time::Duration::ZERO, waiting);
                assert!(waited.await.is_err(), "two had their turn at once");
            })
            .await;
        assert!(turns.is_empty());
    }
}
