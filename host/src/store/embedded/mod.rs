//! The store inside the process: state and logs in memory, the directory durable if wanted.
//!
//! A decision that changes the directory is first made, then written to disk, then made again on
//! the state as it is by then: what others see is on disk, presence never waits for the disk, and
//! a failed write leaves nothing behind.

mod disk;
mod log;
mod record;
mod slot;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use dashmap::DashMap;
use tokio::time::timeout;
use wardroom_domain::{Change, Decision, SocketId, Truth, UserId, Workspace, WorkspaceId};

pub use self::disk::OpenError;
use self::disk::{Disk, Write};
use self::log::LogTail;
use self::slot::{Outcome, Slot};
use super::{BoxFuture, Decide, Entry, Pass, Store, StoreError, Tail, Waiter};
use crate::limits::COMMIT_TIMEOUT;

/// State and logs in this process.
pub struct Embedded {
    slots: Arc<DashMap<WorkspaceId, Arc<Slot>>>,
    sockets: DashMap<SocketId, WorkspaceId>,
    disk: Option<Disk>,
    /// How long a command waits for room in its workspace's log.
    patience: Duration,
}

impl Embedded {
    /// A store that forgets everything when the process ends.
    #[must_use]
    pub fn in_memory() -> Self {
        Self {
            slots: Arc::default(),
            sockets: DashMap::new(),
            disk: None,
            patience: COMMIT_TIMEOUT,
        }
    }

    /// A store that keeps the directory in a file, and what the file holds. The caller brings it
    /// back to life by syncing each truth quietly.
    ///
    /// # Errors
    /// If the file cannot be opened, is in use by another process, or is not a directory of this
    /// server.
    pub fn open(path: &Path) -> Result<(Self, Vec<(WorkspaceId, Truth)>), OpenError> {
        let (disk, truths) = Disk::open(path)?;
        let store = Self {
            disk: Some(disk),
            ..Self::in_memory()
        };
        Ok((store, truths))
    }

    fn slot(&self, workspace: &WorkspaceId) -> Option<Arc<Slot>> {
        self.slots.get(workspace).map(|s| s.value().clone())
    }

    fn slot_or_new(&self, workspace: &WorkspaceId) -> Arc<Slot> {
        self.slots
            .entry(workspace.clone())
            .or_default()
            .value()
            .clone()
    }

    async fn write(
        &self,
        workspace: &WorkspaceId,
        decision: &Decision,
    ) -> Result<(), StoreError<Pass>> {
        let Some(disk) = &self.disk else {
            return Ok(());
        };
        let changes = decision.changes.iter();
        let changes = changes.filter(|c| c.is_directory()).cloned().collect();
        disk.write(Write {
            workspace: workspace.clone(),
            changes,
        })
        .await
        .map_err(StoreError::Durable)
    }

    async fn commit(
        &self,
        workspace: &WorkspaceId,
        decide: Decide<'_>,
        waiter: &mut Option<Waiter>,
    ) -> Result<Arc<Entry>, StoreError<Pass>> {
        // A refusal must not leave an empty workspace behind.
        if self.slot(workspace).is_none() {
            decide(&Workspace::default()).map_err(StoreError::Undecided)?;
        }
        loop {
            let slot = self.slot_or_new(workspace);
            let room = timeout(self.patience, slot.room())
                .await
                .map_err(|_| StoreError::Full)?;
            let mut directory = None;
            let mut written = self.disk.is_none();
            let committed = loop {
                match slot.try_commit(&mut *decide, written, waiter) {
                    Outcome::Committed {
                        entry,
                        changes,
                        queued,
                    } => break Some((entry, changes, queued)),
                    Outcome::Undecided(pass) => return Err(StoreError::Undecided(pass)),
                    Outcome::Retired => break None,
                    // Whoever holds the slot's directory lock is the only one who changes the
                    // directory, so what is written now is what will be decided again.
                    Outcome::DirectoryChange(_) if directory.is_none() => {
                        directory = Some(slot.lock_directory().await);
                    }
                    Outcome::DirectoryChange(decision) => {
                        self.write(workspace, &decision).await?;
                        written = true;
                    }
                }
            };
            if let Some((entry, changes, queued)) = committed {
                if queued {
                    // The follower gives the room back when it takes the entry.
                    room.forget();
                } else {
                    entry.run_waiter();
                }
                self.index_sockets(workspace, &changes);
                if !entry.state.exists() {
                    self.slots.remove_if(workspace, |_, slot| slot.retire());
                }
                return Ok(entry);
            }
        }
    }

    /// Keeps the map from sockets to workspaces in step. A socket belongs to whatever workspace it
    /// joined last, so leaving one it has moved away from changes nothing.
    fn index_sockets(&self, workspace: &WorkspaceId, changes: &[Change]) {
        for change in changes {
            match change {
                Change::ConnectionPut { socket, connection } if connection.held_until.is_none() => {
                    self.sockets.insert(socket.clone(), workspace.clone());
                }
                Change::ConnectionPut { socket, .. } | Change::ConnectionRemoved { socket } => {
                    self.sockets.remove_if(socket, |_, w| w == workspace);
                }
                Change::Closed => self.sockets.retain(|_, w| w != workspace),
                _ => {}
            }
        }
    }
}

impl Store for Embedded {
    fn transact<'a>(
        &'a self,
        workspace: &'a WorkspaceId,
        decide: Decide<'a>,
        waiter: &'a mut Option<Waiter>,
    ) -> BoxFuture<'a, Result<Arc<Entry>, StoreError<Pass>>> {
        Box::pin(self.commit(workspace, decide, waiter))
    }

    fn follow(&self, workspace: &WorkspaceId) -> Box<dyn Tail> {
        Box::new(LogTail::new(self.slots.clone(), workspace))
    }

    fn snapshot(&self, workspace: &WorkspaceId) -> Option<Workspace> {
        let state = self.slot(workspace)?.state();
        state.exists().then_some(state)
    }

    fn workspaces(&self) -> Vec<WorkspaceId> {
        self.slots
            .iter()
            .filter(|slot| slot.state().exists())
            .map(|slot| slot.key().clone())
            .collect()
    }

    fn workspaces_of(&self, user: &UserId) -> Vec<WorkspaceId> {
        self.slots
            .iter()
            .filter(|slot| slot.state().members().contains_key(user))
            .map(|slot| slot.key().clone())
            .collect()
    }

    fn locate(&self, socket: &SocketId) -> Option<WorkspaceId> {
        self.sockets.get(socket).map(|w| w.value().clone())
    }
}

#[cfg(test)]
mod tests;
