//! Notices that a policy's file has changed and has it looked at. Watches directories, so that
//! atomic renames, swapped symbolic links and editors' ways of saving are seen. Decides nothing
//! about what a file holds.
//!
//! One thread does everything: it waits for a file to rest, looks at it, and only then listens
//! again. So there is one build at a time, and what changes meanwhile is looked at once, in its
//! newest form.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Instant;

use notify::event::{AccessKind, AccessMode, ModifyKind, RenameMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use super::Policies;
use crate::limits::{POLICY_RELOAD_PATIENCE, POLICY_RELOAD_POLL, POLICY_RELOAD_QUIET};

/// The files cannot be watched.
#[derive(Debug, thiserror::Error)]
#[error("the policies' directories cannot be watched: {0}")]
pub struct WatchError(String);

/// Keeps the policies current until it is dropped. A build that runs then ends on its own.
#[must_use = "the policies are followed only while this is held"]
pub struct Watching {
    signals: SyncSender<Signal>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Signal {
    /// Something is being written.
    Changing,
    /// Something was renamed into place or closed by its writer: it is whole.
    Changed,
    Stop,
}

impl Policies {
    /// Begins to follow changes of the policies' files, on a thread of its own.
    ///
    /// # Errors
    /// The system refuses to watch, or gives no thread. Directories that are not there are no
    /// error: they may come.
    pub fn watch(&self) -> Result<Watching, WatchError> {
        // One place suffices: a signal says only "look", and looking sees all that happened.
        let (signals, received) = sync_channel(1);
        let told = signals.clone();
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            // An error means that events were lost, so that a look is due as well.
            let signal = event.map_or(Some(Signal::Changing), |e| signal(&e));
            if let Some(signal) = signal {
                // A full channel means that a look is already due.
                let _already_due = told.try_send(signal);
            }
        })
        .map_err(|e| WatchError(e.to_string()))?;
        let mut follower = Follower::new(self.clone(), watcher);
        follower.watch_directories();
        std::thread::Builder::new()
            .name("policy-reload".into())
            .spawn(move || follower.run(&received))
            .map_err(|e| WatchError(e.to_string()))?;
        Ok(Watching { signals })
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        // The thread empties the channel at once or after the build it is at.
        let _ended = self.signals.send(Signal::Stop);
    }
}

fn signal(event: &Event) -> Option<Signal> {
    match event.kind {
        EventKind::Modify(ModifyKind::Name(RenameMode::To | RenameMode::Both))
        | EventKind::Access(AccessKind::Close(AccessMode::Write)) => Some(Signal::Changed),
        // Reading changes nothing, and looking at a file reads it.
        EventKind::Access(_) => None,
        _ => Some(Signal::Changing),
    }
}

/// What tells one content of a path from another without reading it.
#[derive(Clone, PartialEq, Eq)]
struct Trace {
    target: PathBuf,
    device: u64,
    inode: u64,
    bytes: u64,
    /// Seconds and nanoseconds; unlike the time of modification, nobody sets it back.
    changed: (i64, i64),
}

struct Follower {
    policies: Policies,
    files: Vec<(PathBuf, Option<Trace>)>,
    watcher: RecommendedWatcher,
    watched: BTreeSet<PathBuf>,
}

impl Follower {
    fn new(policies: Policies, watcher: RecommendedWatcher) -> Self {
        // No trace yet, so that the first look sees what changed between loading and watching.
        let files = policies
            .sources()
            .iter()
            .map(|source| (source.file.clone(), None))
            .collect();
        Self {
            policies,
            files,
            watcher,
            watched: BTreeSet::new(),
        }
    }

    fn run(&mut self, signals: &Receiver<Signal>) {
        self.look(true);
        loop {
            match signals.recv_timeout(POLICY_RELOAD_POLL) {
                Ok(Signal::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                Ok(Signal::Changed) | Err(RecvTimeoutError::Timeout) => {}
                Ok(Signal::Changing) => {
                    if !rest(signals) {
                        return;
                    }
                }
            }
            self.watch_directories();
            self.look(false);
        }
    }

    /// Looks at each file whose trace has changed.
    fn look(&mut self, all: bool) {
        for (place, (file, seen)) in self.files.iter_mut().enumerate() {
            let present = trace(file);
            if all || present != *seen {
                // Taken before the file is read: what is written meanwhile differs from it.
                *seen = present;
                self.policies.refresh(place);
            }
        }
    }

    /// Watches the directories of all files and of what they link to.
    fn watch_directories(&mut self) {
        let mut wanted = BTreeSet::new();
        for (file, _) in &self.files {
            let target = file.canonicalize().ok();
            for path in [Some(file.as_path()), target.as_deref()]
                .into_iter()
                .flatten()
            {
                wanted.extend(path.parent().map(in_full));
            }
        }
        for gone in self.watched.difference(&wanted) {
            // It fails where the directory is gone, and then there is nothing to end.
            let _gone = self.watcher.unwatch(gone);
        }
        self.watched
            .retain(|directory| wanted.contains(directory) && directory.is_dir());
        for directory in wanted {
            if !self.watched.contains(&directory)
                && self
                    .watcher
                    .watch(&directory, RecursiveMode::NonRecursive)
                    .is_ok()
            {
                self.watched.insert(directory);
            }
        }
    }
}

/// Waits until nothing has been written for a while; false to stop.
fn rest(signals: &Receiver<Signal>) -> bool {
    let patience = Instant::now() + POLICY_RELOAD_PATIENCE;
    while Instant::now() < patience {
        match signals.recv_timeout(POLICY_RELOAD_QUIET) {
            Ok(Signal::Stop) | Err(RecvTimeoutError::Disconnected) => return false,
            Ok(Signal::Changed) | Err(RecvTimeoutError::Timeout) => return true,
            Ok(Signal::Changing) => {}
        }
    }
    true
}

fn trace(file: &Path) -> Option<Trace> {
    let target = file.canonicalize().ok()?;
    let about = target.metadata().ok()?;
    Some(Trace {
        device: about.dev(),
        inode: about.ino(),
        bytes: about.len(),
        changed: (about.ctime(), about.ctime_nsec()),
        target,
    })
}

/// The directory of a file named without one is the present one.
fn in_full(directory: &Path) -> PathBuf {
    if directory.as_os_str().is_empty() {
        PathBuf::from(".")
    } else {
        directory.to_owned()
    }
}
