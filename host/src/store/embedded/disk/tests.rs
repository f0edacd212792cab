//! A disk that fails: what was answered stays, what was refused leaves nothing, and the directory is
//! written again as soon as there is room, however and whenever it failed.

#![allow(clippy::unwrap_used)]

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use redb::{Builder, Database, StorageBackend};
use wardroom_domain::{
    ChannelId, ChannelSpec, Command, Context, Decision, Json, MemberSpec, Timestamp, Truth,
    Undecided, UserId, Workspace, WorkspaceId, decide,
};

use super::medium::Medium;
use super::{Disk, OpenError};
use crate::metrics::Metrics;
use crate::store::embedded::Embedded;
use crate::store::{Attempt, Pass, Store, StoreError};

/// Operations on the medium after which none fails.
const NEVER: u64 = u64::MAX;

/// A disk that can be full, break off in the middle, and lose what was not synced.
#[derive(Clone, Debug)]
struct Faulty(Arc<State>);

#[derive(Debug)]
struct State {
    /// What is read, and what is left after the power was lost.
    bytes: Mutex<(Vec<u8>, Vec<u8>)>,
    /// Operations until they begin to fail.
    left: AtomicU64,
    /// Whether there is no room for more, whatever the operations do.
    full: AtomicBool,
    opened: AtomicU64,
}

impl Faulty {
    fn new() -> Self {
        Self(Arc::new(State {
            bytes: Mutex::default(),
            left: AtomicU64::new(NEVER),
            full: AtomicBool::new(false),
            opened: AtomicU64::new(0),
        }))
    }

    /// Fails from the operation with this number on.
    fn fail_after(&self, operations: u64) {
        self.0.left.store(operations, Ordering::SeqCst);
    }

    /// A disk with what is on this one after the power was lost.
    fn after_power_loss(&self) -> Self {
        let after = Self::new();
        let durable = self.0.bytes.lock().1.clone();
        *after.0.bytes.lock() = (durable.clone(), durable);
        after
    }

    fn operation(&self) -> io::Result<()> {
        let step = |left: u64| match left {
            NEVER => Some(NEVER),
            left => left.checked_sub(1),
        };
        let stepped = self
            .0
            .left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, step);
        stepped.map(drop).map_err(|_| full())
    }
}

fn full() -> io::Error {
    io::ErrorKind::StorageFull.into()
}

impl StorageBackend for Faulty {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.bytes.lock().0.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let (from, bytes) = (usize::try_from(offset).unwrap(), self.0.bytes.lock());
        let there = bytes.0.get(from..from + out.len());
        out.copy_from_slice(there.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.operation()?;
        self.0
            .bytes
            .lock()
            .0
            .resize(usize::try_from(len).unwrap(), 0);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.operation()?;
        let mut bytes = self.0.bytes.lock();
        bytes.1 = bytes.0.clone();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let (from, torn) = (usize::try_from(offset).unwrap(), self.operation());
        // What fails has written a part.
        let length = if torn.is_ok() {
            data.len()
        } else {
            data.len() / 2
        };
        self.0.bytes.lock().0[from..from + length].copy_from_slice(&data[..length]);
        torn
    }
}

impl Medium for Faulty {
    fn open(&self, verify: bool) -> Result<Database, redb::Error> {
        self.0.opened.fetch_add(1, Ordering::SeqCst);
        let mut builder = Builder::new();
        builder.set_check_integrity_on_open(verify);
        Ok(builder.create_with_backend(self.clone())?)
    }

    fn try_room(&self) -> io::Result<()> {
        if self.0.full.load(Ordering::SeqCst) {
            return Err(full());
        }
        self.operation()
    }

    fn rewrite(&self) -> io::Result<()> {
        self.sync_data()
    }
}

type Opened = (Embedded, Vec<(WorkspaceId, Truth)>);

fn open(disk: &Faulty, metrics: &Arc<Metrics>) -> Result<Opened, OpenError> {
    let store = Embedded::in_memory();
    let (disk, truths) = Disk::open_on(
        Box::new(disk.clone()),
        Path::new("directory.redb"),
        Arc::clone(&store.slots),
        Arc::clone(metrics),
        Duration::from_millis(1),
    )?;
    let disk = Some(disk);
    Ok((Embedded { disk, ..store }, truths))
}

fn workspace(name: &str) -> WorkspaceId {
    WorkspaceId::new(name).unwrap()
}

fn put_member(user: &str) -> Command {
    Command::PutMember {
        user: UserId::new(user).unwrap(),
        spec: MemberSpec::default(),
        default_profile: Json::from_canonical(&format!("{{\"id\":\"{user}\"}}")),
    }
}

fn put_channel(channel: &str) -> Command {
    Command::PutChannel {
        channel: ChannelId::new(channel).unwrap(),
        spec: ChannelSpec::default(),
    }
}

fn decided(state: &Workspace, command: &Command) -> Result<Decision, Pass> {
    let context = Context {
        now: Timestamp(0),
        policies: None,
    };
    decide(state, command, &context).map_err(|undecided| match undecided {
        Undecided::Rejected(rejection) => Pass::Rejected(rejection),
        Undecided::Ask(_) | Undecided::Unsettled => Pass::Again,
    })
}

async fn run(
    store: &Embedded,
    workspace: &WorkspaceId,
    command: &Command,
) -> Result<(), StoreError<Pass>> {
    let mut attempt = Attempt::default();
    let decide = &mut |state: &Workspace| decided(state, command);
    let entry = store.transact(workspace, decide, &mut attempt).await;
    entry.map(drop)
}

async fn remember(store: &Embedded, workspace: &WorkspaceId, truth: Truth) {
    let sync = Command::Sync { truth, quiet: true };
    let decide = &mut |state: &Workspace| decided(state, &sync);
    let mut attempt = Attempt::remembered();
    let done = store.transact(workspace, decide, &mut attempt).await;
    done.unwrap();
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(20), waiting).await;
    assert!(waited.is_ok(), "{what}");
}

async fn healed(store: &Embedded) {
    until("the store does not heal", || store.fault().is_none()).await;
}

/// Brings back what was remembered and says what there is.
async fn directory(disk: &Faulty) -> Vec<(WorkspaceId, Workspace)> {
    let (store, truths) = open(disk, &Arc::default()).unwrap();
    for (workspace, truth) in truths {
        remember(&store, &workspace, truth).await;
    }
    store.recalled();
    whole(&store)
}

fn whole(store: &Embedded) -> Vec<(WorkspaceId, Workspace)> {
    let mut all: Vec<_> = store
        .workspaces()
        .into_iter()
        .map(|workspace| (workspace.clone(), store.snapshot(&workspace).unwrap()))
        .collect();
    all.sort_by(|(a, _), (b, _)| a.cmp(b));
    all
}

fn same(left: &[(WorkspaceId, Workspace)], right: &[(WorkspaceId, Workspace)]) {
    assert_eq!(left.len(), right.len());
    for ((a, one), (b, other)) in left.iter().zip(right) {
        assert_eq!(a, b);
        assert_eq!(one.members(), other.members());
        assert_eq!(one.channels(), other.channels());
    }
}

fn metric(metrics: &Metrics, name: &str) -> u64 {
    let text = metrics.render().unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap().trim().parse().unwrap()
}

#[tokio::test]
async fn a_full_disk_refuses_writes_and_takes_them_again_when_there_is_room() {
    let (disk, metrics) = (Faulty::new(), Arc::new(Metrics::default()));
    let (store, _) = open(&disk, &metrics).unwrap();
    let w = workspace("w");
    run(&store, &w, &put_member("before")).await.unwrap();
    disk.0.full.store(true, Ordering::SeqCst);
    disk.fail_after(0);
    let refused = run(&store, &w, &put_member("refused")).await;
    let Err(StoreError::Durable(reason)) = refused else {
        panic!("{refused:?}");
    };
    assert!(reason.contains("its disk is full"), "{reason}");
    assert_eq!(store.fault(), Some(reason));
    assert_eq!(metric(&metrics, "wardroom_directory_unwritable "), 1);
    // It goes on being refused, without a trace; and all else goes on.
    for _ in 0..3 {
        assert!(run(&store, &w, &put_member("refused")).await.is_err());
    }
    assert_eq!(store.snapshot(&w).unwrap().members().len(), 1);
    // As long as there is no room, the file is not so much as opened.
    assert_eq!(disk.0.opened.load(Ordering::SeqCst), 1);
    disk.fail_after(NEVER);
    disk.0.full.store(false, Ordering::SeqCst);
    // Nobody has to write for it to be noticed.
    healed(&store).await;
    assert_eq!(metric(&metrics, "wardroom_directory_unwritable "), 0);
    assert_eq!(metric(&metrics, "wardroom_directory_failures_total "), 1);
    run(&store, &w, &put_member("after")).await.unwrap();
    same(&directory(&disk.after_power_loss()).await, &whole(&store));
}

/// Whichever operation on the disk is the first to fail.
#[tokio::test]
async fn whatever_fails_memory_and_disk_agree_and_nothing_answered_is_lost() {
    let (one, two) = (workspace("one"), workspace("two"));
    let mut failures = 0;
    for operations in 0..64 {
        let (disk, metrics) = (Faulty::new(), Arc::new(Metrics::default()));
        let (store, _) = open(&disk, &metrics).unwrap();
        run(&store, &one, &put_member("ann")).await.unwrap();
        run(&store, &two, &put_channel("bridge")).await.unwrap();
        disk.fail_after(operations);
        let steps = [
            (&one, put_channel("deck")),
            (&two, put_member("bob")),
            (&two, Command::Close),
            (&one, put_member("cleo")),
        ];
        for (workspace, command) in &steps {
            let before = whole(&store);
            if run(&store, workspace, command).await.is_err() {
                failures += 1;
                same(&whole(&store), &before);
            }
            // What was answered is there though the power fails at once.
            let after = disk.after_power_loss();
            let durable = directory(&after).await;
            let answered = whole(&store);
            // What was refused may be there until the file is opened again, and only that.
            if store.fault().is_none() {
                same(&durable, &answered);
            }
        }
        disk.fail_after(NEVER);
        healed(&store).await;
        same(&directory(&disk.after_power_loss()).await, &whole(&store));
        run(&store, &one, &put_member("dan")).await.unwrap();
        same(&directory(&disk.after_power_loss()).await, &whole(&store));
    }
    assert!(failures > 64, "only {failures} writes failed");
}

#[tokio::test]
async fn a_file_that_was_taken_away_is_made_again_from_memory() {
    let (disk, metrics) = (Faulty::new(), Arc::new(Metrics::default()));
    let (store, _) = open(&disk, &metrics).unwrap();
    let w = workspace("w");
    run(&store, &w, &put_member("ann")).await.unwrap();
    run(&store, &w, &put_channel("deck")).await.unwrap();
    disk.0.full.store(true, Ordering::SeqCst);
    disk.fail_after(0);
    assert!(run(&store, &w, &put_member("bob")).await.is_err());
    *disk.0.bytes.lock() = Default::default();
    disk.fail_after(NEVER);
    disk.0.full.store(false, Ordering::SeqCst);
    healed(&store).await;
    same(&directory(&disk.after_power_loss()).await, &whole(&store));
    assert_eq!(store.snapshot(&w).unwrap().members().len(), 1);
}

#[tokio::test]
async fn what_is_only_brought_back_is_not_written_and_the_file_keeps_it() {
    let disk = Faulty::new();
    let before = {
        let (store, _) = open(&disk, &Arc::default()).unwrap();
        run(&store, &workspace("w"), &put_member("ann"))
            .await
            .unwrap();
        run(&store, &workspace("v"), &put_channel("deck"))
            .await
            .unwrap();
        whole(&store)
    };
    // A server that begins on a full disk has everything, and says what is wrong.
    let disk = disk.after_power_loss();
    disk.0.full.store(true, Ordering::SeqCst);
    let metrics = Arc::new(Metrics::default());
    let (store, truths) = open(&disk, &metrics).unwrap();
    assert!(store.fault().unwrap().contains("its disk is full"));
    assert_eq!(metric(&metrics, "wardroom_directory_unwritable "), 1);
    // Nothing is mended from a memory that has not all of it.
    disk.0.full.store(false, Ordering::SeqCst);
    for (workspace, truth) in truths {
        remember(&store, &workspace, truth).await;
        assert!(store.fault().is_some());
    }
    store.recalled();
    same(&whole(&store), &before);
    healed(&store).await;
    run(&store, &workspace("w"), &put_member("bob"))
        .await
        .unwrap();
    same(&directory(&disk.after_power_loss()).await, &whole(&store));
}

#[test]
fn a_file_that_could_not_be_begun_can_be_begun_again() {
    use super::medium::{InFile, words};
    let folder = tempfile::tempdir().unwrap();
    let there = InFile(folder.path().join("directory.redb"));
    there.try_room().unwrap();
    drop(there.open(false).unwrap());
    there.rewrite().unwrap();
    drop(there.open(true).unwrap());
    let missing = InFile(folder.path().join("missing/directory.redb"));
    let error = missing.open(false).map(drop).unwrap_err();
    assert!(words(&error).contains("folder is not there"), "{error}");
    assert!(missing.try_room().is_err());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn others_may_not_read_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("directory.redb");
    let _opened = Embedded::open(&path, Arc::default()).unwrap();
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}
