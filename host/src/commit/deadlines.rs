//! When each workspace has something to expire, and the one task that sees to it.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use wardroom_domain::{Command, Timestamp, WorkspaceId};

use super::Committer;

/// The next deadline of every workspace that has one.
#[derive(Default)]
pub struct Deadlines {
    inner: Mutex<Inner>,
    sooner: Notify,
}

#[derive(Default)]
struct Inner {
    queue: BTreeSet<(Timestamp, WorkspaceId)>,
    of: HashMap<WorkspaceId, Timestamp>,
}

impl Deadlines {
    /// Says when a workspace next has something to expire. Commits may report out of order, so a
    /// later time never replaces a sooner one; expiring too early does nothing and reports anew.
    pub(super) fn set(&self, workspace: &WorkspaceId, at: Option<Timestamp>) {
        let Some(at) = at else { return };
        let mut inner = self.inner.lock();
        if inner.of.get(workspace).is_some_and(|known| *known <= at) {
            return;
        }
        if let Some(later) = inner.of.insert(workspace.clone(), at) {
            inner.queue.remove(&(later, workspace.clone()));
        }
        inner.queue.insert((at, workspace.clone()));
        let first = inner.queue.first().is_some_and(|(_, w)| w == workspace);
        drop(inner);
        if first {
            self.sooner.notify_one();
        }
    }

    /// Takes a workspace whose deadline has come, or says when the next one comes.
    fn due(&self, now: Timestamp) -> Result<WorkspaceId, Option<Duration>> {
        let mut inner = self.inner.lock();
        let Some((at, _)) = inner.queue.first() else {
            return Err(None);
        };
        if *at > now {
            return Err(Some(Duration::from_millis(at.0 - now.0)));
        }
        let (_, workspace) = inner.queue.pop_first().ok_or(None)?;
        inner.of.remove(&workspace);
        Ok(workspace)
    }
}

impl Committer {
    /// Ends holds when their time has come. Runs until it is dropped.
    pub async fn expire_holds(self: Arc<Self>) {
        loop {
            match self.deadlines.due(self.now()) {
                Ok(workspace) => {
                    // On its own: a workspace whose log is full must not hold up the others.
                    let committer = Arc::clone(&self);
                    tokio::spawn(async move { committer.expire(&workspace).await });
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

    async fn expire(&self, workspace: &WorkspaceId) {
        if let Err(failure) = self.run(workspace, Command::Expire, None).await {
            tracing::error!(%workspace, %failure, "holds could not be ended");
        }
    }
}
