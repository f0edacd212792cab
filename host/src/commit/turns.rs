//! Whose turn it is, in each workspace, to do what only one should do at a time. It must not know
//! what that is.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use wardroom_domain::WorkspaceId;

/// One turn at a time in each workspace. Workspaces in which nobody waits are forgotten.
#[derive(Default)]
pub(super) struct Turns {
    locks: Mutex<HashMap<WorkspaceId, Lock>>,
    /// Workspaces in which somebody has a turn or waits: whoever only lets others pass looks here first.
    busy: AtomicUsize,
}

type Lock = Arc<tokio::sync::RwLock<()>>;

/// A place among those who want their turn.
struct Place<'a> {
    turns: &'a Turns,
    workspace: &'a WorkspaceId,
}

impl<'a> Place<'a> {
    fn take(turns: &'a Turns, workspace: &'a WorkspaceId) -> (Self, Lock) {
        let mut locks = turns.locks.lock();
        let lock = locks.entry(workspace.clone()).or_default().clone();
        turns.busy.store(locks.len(), Ordering::Release);
        (Self { turns, workspace }, lock)
    }
}

impl Turns {
    /// Works when nobody else does in this workspace, in the order of arrival.
    pub(super) async fn alone<T>(
        &self,
        workspace: &WorkspaceId,
        work: impl Future<Output = T>,
    ) -> T {
        // What is dropped last comes first: it counts the locks that are left.
        let (_place, lock) = Place::take(self, workspace);
        let _turn = lock.write().await;
        work.await
    }

    /// Works at once, and has the turn meanwhile unless somebody else has it: for those whom the
    /// others may be waiting for.
    pub(super) async fn alone_if_free<T>(
        &self,
        workspace: &WorkspaceId,
        work: impl Future<Output = T>,
    ) -> T {
        let (_place, lock) = Place::take(self, workspace);
        let _turn = lock.try_write();
        work.await
    }

    /// Waits until all who came before have had their turn. Where nobody wants one it costs nothing.
    pub(super) async fn pass(&self, workspace: &WorkspaceId) {
        if self.busy.load(Ordering::Acquire) == 0 || !self.locks.lock().contains_key(workspace) {
            return;
        }
        let (_place, lock) = Place::take(self, workspace);
        let _passed = lock.read().await;
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.locks.lock().is_empty()
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut all = self.turns.locks.lock();
        // Nobody comes by another one while the map is locked.
        let last = |lock: &Lock| Arc::strong_count(lock) == 1;
        if all.get(self.workspace).is_some_and(last) {
            all.remove(self.workspace);
        }
        self.turns.busy.store(all.len(), Ordering::Release);
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
                        runtime.block_on(turns.pass(workspace));
                    }
                });
            }
        });
        assert!(turns.is_empty());
    }

    #[tokio::test]
    async fn others_pass_when_the_turn_is_over_and_some_do_not_wait_for_it() {
        let turns = Turns::default();
        let workspace = WorkspaceId::new("w").expect("an id");
        turns.pass(&workspace).await;
        let (end, ended) = tokio::sync::oneshot::channel::<()>();
        let passed = std::cell::Cell::new(false);
        let alone = turns.alone(&workspace, async {
            turns.alone_if_free(&workspace, async {}).await;
            ended.await.expect("is told");
            assert!(!passed.get(), "somebody passed during a turn");
        });
        let pass = async {
            turns.pass(&workspace).await;
            passed.set(true);
        };
        let next = async {
            tokio::task::yield_now().await;
            end.send(()).expect("is waited for");
        };
        tokio::join!(alone, pass, next);
        assert!(passed.get() && turns.is_empty());
        assert_eq!(turns.busy.load(Ordering::Acquire), 0);
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
