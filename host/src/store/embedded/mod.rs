//! The store inside the process: state and logs in memory, the directory durable if wanted.
//!
//! A decision that changes the directory is first made, then written to disk, then made again on
//! the state as it is by then: what others see is on disk, presence never waits for the disk, and
//! a failed write leaves nothing behind.

mod disk;
mod log;
mod record;
mod slot;
mod whereabouts;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedMutexGuard, OwnedSemaphorePermit};
use tokio::time::timeout;
use wardroom_domain::{Change, Decision, SocketId, Truth, UserId, Workspace, WorkspaceId};

pub use self::disk::OpenError;
use self::disk::{Disk, Slots, Write, Written};
use self::log::LogTail;
use self::slot::{Commit, Outcome, Slot};
use self::whereabouts::Whereabouts;
use super::{Attempt, BoxFuture, Decide, Entry, Pass, Store, StoreError, Tail};
use crate::limits::COMMIT_TIMEOUT;
use crate::metrics::Metrics;
use crate::runtime::long;

/// State and logs in this process.
pub struct Embedded {
    slots: Slots,
    whereabouts: Whereabouts,
    disk: Option<Disk>,
    /// How long a command waits for room in its workspace's log.
    patience: Duration,
}

/// A command's turn to change the directory of a workspace, kept until it is committed: what is
/// on disk must not be overtaken, nor given up.
struct Turn {
    slot: Arc<Slot>,
    _alone: OwnedMutexGuard<()>,
    /// What the command changes is on disk.
    written: Option<Written>,
}

impl Turn {
    async fn take(slot: Arc<Slot>) -> Box<Self> {
        let alone = slot.lock_directory().await;
        Box::new(Self {
            slot,
            _alone: alone,
            written: None,
        })
    }

    fn is_on(&self, slot: &Arc<Slot>) -> bool {
        Arc::ptr_eq(&self.slot, slot)
    }
}

impl Embedded {
    /// A store that forgets everything when the process ends.
    #[must_use]
    pub fn in_memory() -> Self {
        Self {
            slots: Arc::default(),
            whereabouts: Whereabouts::default(),
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
    pub fn open(
        path: &Path,
        metrics: Arc<Metrics>,
    ) -> Result<(Self, Vec<(WorkspaceId, Truth)>), OpenError> {
        let store = Self::in_memory();
        let (disk, truths) = Disk::open(path, Arc::clone(&store.slots), metrics)?;
        let store = Self {
            disk: Some(disk),
            ..store
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
    ) -> Result<Option<Written>, StoreError<Pass>> {
        let Some(disk) = &self.disk else {
            return Ok(None);
        };
        let changes = decision.changes.iter();
        let changes = changes.filter(|c| c.is_directory()).cloned().collect();
        disk.write(Write {
            workspace: workspace.clone(),
            changes,
        })
        .await
        .map(Some)
        .map_err(StoreError::Durable)
    }

    async fn commit(
        &self,
        workspace: &WorkspaceId,
        decide: Decide<'_>,
        attempt: &mut Attempt,
    ) -> Result<Arc<Entry>, StoreError<Pass>> {
        // A refusal must not leave an empty workspace behind.
        if self.slot(workspace).is_none() {
            let mut first = || decide(&Workspace::default());
            let first = if attempt.long { long(first) } else { first() };
            first.map_err(StoreError::Undecided)?;
        }
        loop {
            let slot = self.slot_or_new(workspace);
            let held = attempt.held.take();
            let turn = held.and_then(|held| held.downcast::<Turn>().ok());
            let turn = turn.filter(|turn| turn.is_on(&slot));
            let on_disk = turn.as_ref().is_some_and(|turn| turn.written.is_some());
            let written = attempt.remembered || on_disk;
            let room = self.room(&slot, written).await?;
            let to_commit = Commit {
                written: written || self.disk.is_none(),
                waiter: &mut attempt.waiter,
                index: |before: &Workspace, changes: &[Change], after: &Workspace| {
                    self.whereabouts.note(workspace, before, changes, after);
                },
            };
            let commit = if attempt.long {
                slot.commit_long(&mut *decide, to_commit).await
            } else {
                slot.commit(&mut *decide, to_commit).await
            };
            match commit {
                Outcome::Committed { entry, queued } => {
                    if queued {
                        // The follower gives the room back when it takes the entry.
                        room.forget();
                    } else {
                        entry.run_waiter();
                    }
                    if !entry.state.exists() {
                        self.slots.remove_if(workspace, |_, slot| slot.retire());
                    }
                    return Ok(entry);
                }
                Outcome::Undecided(pass) => {
                    if let (Pass::Again, Some(turn)) = (&pass, turn) {
                        attempt.held = Some(turn);
                    }
                    return Err(StoreError::Undecided(pass));
                }
                // Whoever has the turn is the only one who changes the directory, so what is
                // written now is what will be decided again. Others go on meanwhile.
                Outcome::DirectoryChange(decision) => {
                    drop(room);
                    let turn = match turn {
                        None => Turn::take(slot).await,
                        Some(mut turn) => {
                            turn.written = self.write(workspace, &decision).await?;
                            turn
                        }
                    };
                    attempt.held = Some(turn);
                }
                Outcome::Retired => {}
            }
        }
    }

    /// Waits for room in the log. What is on disk already waits as long as it takes.
    async fn room(
        &self,
        slot: &Slot,
        written: bool,
    ) -> Result<OwnedSemaphorePermit, StoreError<Pass>> {
        if written {
            return Ok(slot.room().await);
        }
        let room = timeout(self.patience, slot.room()).await;
        room.map_err(|_| StoreError::Full)
    }
}

impl Store for Embedded {
    fn transact<'a>(
        &'a self,
        workspace: &'a WorkspaceId,
        decide: Decide<'a>,
        attempt: &'a mut Attempt,
    ) -> BoxFuture<'a, Result<Arc<Entry>, StoreError<Pass>>> {
        Box::pin(self.commit(workspace, decide, attempt))
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
        self.whereabouts.memberships(user)
    }

    fn workspace_of(&self, user: &UserId) -> Option<WorkspaceId> {
        self.whereabouts.a_membership(user)
    }

    fn presences_of(&self, user: &UserId) -> Vec<WorkspaceId> {
        self.whereabouts.presences(user)
    }

    fn locate(&self, socket: &SocketId) -> Option<WorkspaceId> {
        self.whereabouts.of_socket(socket)
    }

    fn fault(&self) -> Option<Arc<str>> {
        self.disk.as_ref().and_then(Disk::fault)
    }

    fn recalled(&self) {
        if let Some(disk) = &self.disk {
            disk.recalled();
        }
    }
}

#[cfg(test)]
mod tests;
