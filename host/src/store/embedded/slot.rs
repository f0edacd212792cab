//! One workspace of the embedded store: its state and its log, moved together under one lock.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{Notify, OwnedMutexGuard, OwnedSemaphorePermit, RwLock, Semaphore};
use wardroom_domain::{Change, Decision, Workspace};

use crate::limits::{MAX_BATCH_ENTRIES, MAX_UNDELIVERED_ENTRIES};
use crate::runtime::long;
use crate::store::{Decide, Entry, Offset, Pass, Waiter};

/// The state and the log of one workspace.
pub(super) struct Slot {
    inner: Mutex<Inner>,
    /// One permit for each entry that the log can still take.
    room: Arc<Semaphore>,
    /// Held by whoever is changing the directory, across its write to disk.
    directory: Arc<tokio::sync::Mutex<()>>,
    arrived: Notify,
    /// Shared by those who decide under the lock of the state, and alone for whoever decides apart
    /// from it: the state stands still meanwhile, and everybody may read it.
    deciding: RwLock<()>,
}

/// How a decision is to be committed.
pub(super) struct Commit<'a, F> {
    /// Whether what it changes of the directory is in its durable form.
    pub(super) written: bool,
    /// What waits for it; taken when it is committed.
    pub(super) waiter: &'a mut Option<Waiter>,
    /// Sees the changes, with the states before and after them, in the order of the commits.
    pub(super) index: F,
}

#[derive(Default)]
struct Inner {
    state: Workspace,
    /// Entries that some follower has not taken yet; the first one has offset `first`.
    log: VecDeque<Arc<Entry>>,
    first: u64,
    /// Offset of the next entry each follower will take.
    cursors: HashMap<u64, u64>,
    next_follower: u64,
    /// Set when the slot was taken out of the store: whoever still holds it must look again.
    retired: bool,
}

impl Default for Slot {
    fn default() -> Self {
        Self {
            inner: Mutex::new(Inner {
                first: 1,
                ..Inner::default()
            }),
            room: Arc::new(Semaphore::new(MAX_UNDELIVERED_ENTRIES)),
            directory: Arc::default(),
            arrived: Notify::new(),
            deciding: RwLock::default(),
        }
    }
}

/// What an attempt to commit came to.
pub(super) enum Outcome {
    /// Done: the entry, and whether it waits in the log for a follower.
    Committed { entry: Arc<Entry>, queued: bool },
    /// The decision function gave no decision.
    Undecided(Pass),
    /// The decision changes the directory, which has to be written first.
    DirectoryChange(Box<Decision>),
    /// This slot is no longer in the store.
    Retired,
}

impl Slot {
    /// Waits for room for one entry in the log. Forgetting the permit uses the room up; taking
    /// the entry gives it back.
    pub(super) async fn room(&self) -> OwnedSemaphorePermit {
        let room = self.room.clone().acquire_owned().await;
        room.expect("the semaphore of a slot is never closed")
    }

    /// Waits to be the only one who changes the directory of this workspace.
    pub(super) async fn lock_directory(&self) -> OwnedMutexGuard<()> {
        self.directory.clone().lock_owned().await
    }

    /// Decides on the state as it is now and, if that is written or no part of the directory changes,
    /// moves state and log.
    pub(super) async fn commit<F>(&self, decide: Decide<'_>, commit: Commit<'_, F>) -> Outcome
    where
        F: FnOnce(&Workspace, &[Change], &Workspace),
    {
        let _shared = self.deciding.read().await;
        self.try_commit(decide, commit)
    }

    /// The same where deciding takes long. Other commands of the workspace wait for it as they would
    /// otherwise, but no thread does.
    pub(super) async fn commit_long<F>(&self, decide: Decide<'_>, commit: Commit<'_, F>) -> Outcome
    where
        F: FnOnce(&Workspace, &[Change], &Workspace),
    {
        let _alone = self.deciding.write().await;
        let state = self.state();
        match long(|| decide(&state)) {
            Ok(decision) => {
                let mut decision = Some(decision);
                // It is asked for once.
                let decided = &mut |_: &Workspace| decision.take().ok_or(Pass::Again);
                self.try_commit(decided, commit)
            }
            Err(pass) => Outcome::Undecided(pass),
        }
    }

    fn try_commit<F>(&self, decide: Decide<'_>, commit: Commit<'_, F>) -> Outcome
    where
        F: FnOnce(&Workspace, &[Change], &Workspace),
    {
        let Commit {
            written,
            waiter,
            index,
        } = commit;
        let mut inner = self.inner.lock();
        if inner.retired {
            return Outcome::Retired;
        }
        let decision = match decide(&inner.state) {
            Ok(decision) => decision,
            Err(pass) => return Outcome::Undecided(pass),
        };
        if !written && decision.changes.iter().any(Change::is_directory) {
            return Outcome::DirectoryChange(Box::new(decision));
        }
        let offset = inner.first + inner.log.len() as u64;
        let entry = Arc::new(Entry {
            offset: Offset(offset),
            outputs: decision.outputs,
            reply: decision.reply,
            grant: decision.grant,
            // What waits to be delivered keeps no list that only decisions want.
            state: decision.next.without_lists(),
            waiter: Mutex::new(waiter.take()),
        });
        let before = std::mem::replace(&mut inner.state, decision.next);
        index(&before, &decision.changes, &inner.state);
        let queued = !inner.cursors.is_empty();
        if queued {
            inner.log.push_back(entry.clone());
        } else {
            inner.first += 1;
        }
        drop(inner);
        self.arrived.notify_waiters();
        Outcome::Committed { entry, queued }
    }

    /// The state as it is now.
    pub(super) fn state(&self) -> Workspace {
        self.inner.lock().state.clone()
    }

    /// Adds a follower that takes every entry committed from now on; nothing if the slot is
    /// retired.
    pub(super) fn follow(&self) -> Option<u64> {
        let mut inner = self.inner.lock();
        if inner.retired {
            return None;
        }
        let id = inner.next_follower;
        inner.next_follower += 1;
        let next = inner.first + inner.log.len() as u64;
        inner.cursors.insert(id, next);
        Some(id)
    }

    /// Removes a follower; what it alone had still to take is dropped.
    pub(super) fn unfollow(&self, follower: u64) {
        let mut inner = self.inner.lock();
        inner.cursors.remove(&follower);
        self.trim(&mut inner);
    }

    /// Takes what there is for a follower, possibly nothing.
    pub(super) fn take(&self, follower: u64) -> Vec<Arc<Entry>> {
        let mut inner = self.inner.lock();
        let first = inner.first;
        let Some(&cursor) = inner.cursors.get(&follower) else {
            return Vec::new();
        };
        let from = usize::try_from(cursor - first).unwrap_or(usize::MAX);
        let batch: Vec<_> = inner
            .log
            .iter()
            .skip(from)
            .take(MAX_BATCH_ENTRIES)
            .cloned()
            .collect();
        inner.cursors.insert(follower, cursor + batch.len() as u64);
        self.trim(&mut inner);
        batch
    }

    /// Is notified whenever an entry was committed.
    pub(super) fn arrived(&self) -> &Notify {
        &self.arrived
    }

    /// Marks the slot as taken out of the store if nothing is in it and nobody follows it.
    pub(super) fn retire(&self) -> bool {
        let mut inner = self.inner.lock();
        inner.retired = !inner.state.exists() && inner.cursors.is_empty();
        inner.retired
    }

    fn trim(&self, inner: &mut Inner) {
        let next = inner.first + inner.log.len() as u64;
        let oldest = inner.cursors.values().min().copied().unwrap_or(next);
        let taken = usize::try_from(oldest - inner.first).unwrap_or(inner.log.len());
        inner.log.drain(..taken);
        inner.first = oldest;
        self.room.add_permits(taken);
    }
}
