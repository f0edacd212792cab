//! The durable directory: what the backend said, in a redb file, written in groups by one thread.
//!
//! redb was chosen because it is a plain Rust library with crash-safe, fsynced transactions and a
//! stable file format; the directory is small and read once, at the start. After any failure to
//! write, it wants to be opened again: the thread does so by itself.

mod file;
mod medium;
#[cfg(test)]
mod tests;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use dashmap::DashMap;
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use wardroom_domain::{Change, Truth, WorkspaceId};

use self::medium::{InFile, Medium, io_words, words};
use self::writer::Writer;
use super::record::RecordError;
use super::slot::Slot;
use crate::limits::{DIRECTORY_REOPEN_PAUSE, MAX_WAITING_WRITES};
use crate::metrics::Metrics;
use crate::threads;

/// The workspaces in memory.
pub(super) type Slots = Arc<DashMap<WorkspaceId, Arc<Slot>>>;

/// Why the directory's file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file cannot be opened as a database, there is no room for it, or another process uses it.
    #[error("cannot open the directory {path}: {reason}")]
    Open {
        /// The file.
        path: PathBuf,
        /// What is wrong, in words.
        reason: String,
    },
    /// The file holds something that this server did not write.
    #[error("the directory {path} is damaged: {source}")]
    Record {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: RecordError,
    },
    /// The thread that writes could not be started.
    #[error("cannot start the directory's writer: {0}")]
    Thread(#[from] std::io::Error),
}

/// The changes of one decision to one workspace's directory.
pub(super) struct Write {
    pub(super) workspace: WorkspaceId,
    pub(super) changes: Vec<Change>,
}

/// Held by a command whose changes are on disk, until they are in memory as well: before that,
/// memory does not say what the file is to hold.
#[derive(Debug)]
pub(super) struct Written(#[expect(dead_code, reason = "it is counted")] Arc<()>);

type Job = (Write, oneshot::Sender<Result<Written, Arc<str>>>);

/// What the thread and its askers both know.
struct Shared {
    /// Why the file cannot be written, if it cannot.
    fault: Mutex<Option<Arc<str>>>,
    /// Whether all that the file held at the start is in memory.
    recalled: AtomicBool,
}

impl Shared {
    fn fault(&self) -> Option<Arc<str>> {
        self.fault.lock().clone()
    }

    fn set_fault(&self, fault: Option<Arc<str>>) {
        *self.fault.lock() = fault;
    }

    fn is_recalled(&self) -> bool {
        self.recalled.load(Ordering::Acquire)
    }
}

/// The open file and the thread that writes to it.
pub(super) struct Disk {
    jobs: mpsc::Sender<Job>,
    shared: Arc<Shared>,
}

impl Disk {
    /// Opens or makes the file, and reads it whole.
    pub(super) fn open(
        path: &Path,
        memory: Slots,
        metrics: Arc<Metrics>,
    ) -> Result<(Self, Vec<(WorkspaceId, Truth)>), OpenError> {
        let medium = Box::new(InFile(path.to_owned()));
        Self::open_on(medium, path, memory, metrics, DIRECTORY_REOPEN_PAUSE)
    }

    fn open_on(
        medium: Box<dyn Medium>,
        path: &Path,
        memory: Slots,
        metrics: Arc<Metrics>,
        pause: Duration,
    ) -> Result<(Self, Vec<(WorkspaceId, Truth)>), OpenError> {
        let open = |error: redb::Error| OpenError::Open {
            path: path.to_owned(),
            reason: words(&error),
        };
        let database = medium.open(false).map_err(open)?;
        file::create_tables(&database).map_err(open)?;
        let rows = file::read(&database).map_err(open)?;
        let truths: Vec<_> = rows
            .into_iter()
            .map(|(workspace, rows)| rows.into_truth(&workspace))
            .collect::<Result<_, _>>()
            .map_err(|source| OpenError::Record {
                path: path.to_owned(),
                source,
            })?;
        let shared = Arc::new(Shared {
            fault: Mutex::default(),
            recalled: AtomicBool::new(truths.is_empty()),
        });
        let mut database = Some(database);
        // What can be read is served; that nothing can be written is said before anybody writes.
        if let Err(error) = medium.try_room() {
            let reason = io_words(&error);
            tracing::error!(
                path = %path.display(),
                reason,
                "the directory can be read but not written: changes of it are refused until it can"
            );
            metrics.directory_failed();
            shared.set_fault(Some(Arc::from(reason)));
            database = None;
        }
        let (jobs, queue) = mpsc::channel(MAX_WAITING_WRITES);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()?;
        let mut writer = Writer {
            medium,
            database,
            memory,
            shared: Arc::clone(&shared),
            metrics,
            queue,
            pause,
            next_attempt: Instant::now() + pause,
            jobs: Vec::with_capacity(MAX_WAITING_WRITES),
            answered: Arc::default(),
            runtime,
        };
        threads::keep("directory", move || writer.run())?;
        Ok((Self { jobs, shared }, truths))
    }

    /// Writes changes and waits until they are on disk.
    pub(super) async fn write(&self, write: Write) -> Result<Written, Arc<str>> {
        let gone = || Arc::from("the writer has stopped");
        let (done, answer) = oneshot::channel();
        self.jobs.send((write, done)).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    /// Why nothing can be written, if that is so.
    pub(super) fn fault(&self) -> Option<Arc<str>> {
        self.shared.fault()
    }

    /// Says that all that the file held is in memory.
    pub(super) fn recalled(&self) {
        self.shared.recalled.store(true, Ordering::Release);
    }
}
