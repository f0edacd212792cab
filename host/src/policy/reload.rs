//! Notices that a policy's file has changed and has it looked at. Watches directories, so that
//! atomic renames, swapped symbolic links and editors' ways of saving are seen. Decides nothing
//! about what a file holds.
//!
//! One thread does everything: it waits for a file to rest, looks at it, and only then listens
//! again. So there is one build at a time, and what changes meanwhile is looked at once, in its
//! newest form.

use std::collections::BTreeSet;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode, ModifyKind, RenameMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use parking_lot::Mutex;

use super::Policies;
use super::registry::Watched;
use crate::files;
use crate::limits::{
    POLICY_ANOTHER_LOOK_POLL, POLICY_READ_RETRY_FIRST, POLICY_READ_RETRY_LONGEST,
    POLICY_RELOAD_PATIENCE, POLICY_RELOAD_POLL, POLICY_RELOAD_QUIET,
};
use crate::threads;

/// The files cannot be watched.
#[derive(Debug, thiserror::Error)]
#[error("the policies' directories cannot be watched: {0}")]
pub struct WatchError(String);

/// Keeps the policies current until it is dropped. A build that runs then ends on its own.
#[must_use = "the policies are followed only while this is held"]
pub struct Watching {
    nudge: Nudge,
}

impl Watching {
    /// What has everything looked at, for whoever is to have that done.
    #[must_use]
    pub fn nudge(&self) -> Nudge {
        self.nudge.clone()
    }
}

/// Has everything looked at, whether or not it seems to have changed.
#[derive(Clone)]
pub struct Nudge {
    signals: SyncSender<Signal>,
    wishes: Arc<Wishes>,
}

/// What the thread is to do at its next look; a signal only wakes it.
#[derive(Default)]
struct Wishes {
    everything: AtomicBool,
    stop: AtomicBool,
    /// Something has become whole since the last look, though the signal may have found no place.
    whole: AtomicBool,
}

impl Nudge {
    /// Has it done, soon.
    pub fn look(&self) {
        self.wishes.everything.store(true, Ordering::Release);
        self.wake();
    }

    fn wake(&self) {
        // A full channel means that a look is already due.
        let _already_due = self.signals.try_send(Signal::Changed);
    }
}

/// Other files that are followed in the same way: those that configure the policies.
pub struct Also {
    /// The files.
    pub files: Vec<PathBuf>,
    /// Called on the same thread when one of the files has changed, when somebody asks for a look, and, as
    /// long as the last configuration is refused, each time that anything is looked at.
    /// Gives the files to follow from now on, if they are others.
    pub look: Box<dyn FnMut() -> Option<Vec<PathBuf>> + Send>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Signal {
    /// Something is being written.
    Changing,
    /// Something was renamed into place or closed by its writer: it is whole.
    Changed,
}

impl Policies {
    /// Begins to follow changes of the policies' files, on a thread of its own.
    ///
    /// # Errors
    /// The system refuses to watch, or gives no thread. Directories that are not there are no
    /// error: they may come.
    pub fn watch(&self) -> Result<Watching, WatchError> {
        self.watch_with(None)
    }

    /// As [`Self::watch`], and follows more files.
    ///
    /// # Errors
    /// As [`Self::watch`].
    pub fn watch_with(&self, also: Option<Also>) -> Result<Watching, WatchError> {
        // One place suffices: a signal says only "look", and looking sees all that happened. That
        // something is whole is kept beside it, so that it is not lost behind what was written before.
        let (signals, received) = sync_channel(1);
        let told = signals.clone();
        let wishes = Arc::new(Wishes::default());
        let seen = wishes.clone();
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            // An error means that events were lost, so that a look is due as well.
            let signal = event.map_or(Some(Signal::Changing), |e| signal(&e));
            if let Some(signal) = signal {
                tell(&told, &seen, signal);
            }
        })
        .map_err(|e| WatchError(e.to_string()))?;
        let mut follower = Follower::new(self.clone(), watcher, also, wishes.clone());
        follower.watch_directories();
        threads::keep("policy-reload", move || follower.run(&received))
            .map_err(|e| WatchError(e.to_string()))?;
        Ok(Watching {
            nudge: Nudge { signals, wishes },
        })
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.nudge.wishes.stop.store(true, Ordering::Release);
        self.nudge.wake();
    }
}

fn tell(signals: &SyncSender<Signal>, wishes: &Wishes, signal: Signal) {
    if signal == Signal::Changed {
        wishes.whole.store(true, Ordering::Release);
    }
    // A full channel means that a look is already due.
    let _already_due = signals.try_send(signal);
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

/// A file of a policy that is followed.
struct Followed {
    file: Watched,
    /// What was looked at last; nothing before the first look.
    seen: Option<Option<Trace>>,
    again: Option<Again>,
}

/// When a file that could not be read is tried again, though it has not changed.
#[derive(Clone, Copy)]
struct Again {
    pause: Duration,
    due: Instant,
}

impl Again {
    fn after(former: Option<Self>, now: Instant) -> Self {
        let pause = former.map_or(POLICY_READ_RETRY_FIRST, |it| {
            (it.pause * 2).min(POLICY_READ_RETRY_LONGEST)
        });
        Self {
            pause,
            due: now + pause,
        }
    }
}

struct Follower {
    policies: Policies,
    files: Vec<Followed>,
    also: Option<(Also, Vec<Option<Trace>>)>,
    /// Behind a lock, because a call that hangs is left behind with it.
    watcher: Arc<Mutex<RecommendedWatcher>>,
    watched: BTreeSet<PathBuf>,
    wishes: Arc<Wishes>,
}

impl Follower {
    fn new(
        policies: Policies,
        watcher: RecommendedWatcher,
        also: Option<Also>,
        wishes: Arc<Wishes>,
    ) -> Self {
        // The configuration has just been read; what changed since then differs from this trace.
        let also = also.map(|also| {
            let seen = traces(&also.files).unwrap_or_default();
            (also, seen)
        });
        let mut follower = Self {
            policies,
            // No trace yet, so that the first look sees what changed between loading and watching.
            files: Vec::new(),
            also,
            watcher: Arc::new(Mutex::new(watcher)),
            watched: BTreeSet::new(),
            wishes,
        };
        follower.follow_list();
        follower
    }

    /// Runs until it is to stop.
    fn run(&mut self, signals: &Receiver<Signal>) {
        self.look();
        let mut looked = Instant::now();
        while !self.wishes.stop.load(Ordering::Acquire) {
            match signals.recv_timeout(POLICY_ANOTHER_LOOK_POLL) {
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout)
                    if looked.elapsed() < POLICY_RELOAD_POLL && !self.wants_to_read_again() =>
                {
                    self.policies.look_again();
                    continue;
                }
                Ok(Signal::Changed) | Err(RecvTimeoutError::Timeout) => {}
                Ok(Signal::Changing) => rest(signals, &self.wishes.whole),
            }
            // What becomes whole from here on sends another signal.
            self.wishes.whole.store(false, Ordering::Release);
            if self.wishes.stop.load(Ordering::Acquire) {
                return;
            }
            self.policies.look_again();
            self.look();
            looked = Instant::now();
        }
    }

    /// Looks at the configuration and at each file whose trace has changed.
    fn look(&mut self) {
        let all = self.wishes.everything.swap(false, Ordering::AcqRel);
        self.watch_directories();
        if let Some((also, seen)) = &mut self.also {
            // While a call about it hangs, nothing is known of it.
            let present = traces(&also.files);
            if let Ok(present) = present
                && (all || present != *seen || self.policies.refused_configuration().is_some())
            {
                // Taken before the file is read: what is written meanwhile differs from it.
                *seen = present;
                if let Some(files) = (also.look)().filter(|files| *files != also.files) {
                    *seen = traces(&files).unwrap_or_default();
                    also.files = files;
                }
            }
        }
        self.follow_list();
        self.watch_directories();
        for Followed { file, seen, again } in &mut self.files {
            let Ok(present) = trace(&file.file) else {
                continue;
            };
            let changed = seen.as_ref() != Some(&present);
            if all || changed || again.is_some_and(|again| again.due <= Instant::now()) {
                *seen = Some(present);
                let former = again.take().filter(|_| !changed);
                if !self.policies.refresh(file) {
                    *again = Some(Again::after(former, Instant::now()));
                }
            }
        }
    }

    /// Whether it is time to try a file again that could not be read.
    fn wants_to_read_again(&self) -> bool {
        let now = Instant::now();
        let mut due = self.files.iter().filter_map(|followed| followed.again);
        due.any(|again| again.due <= now)
    }

    /// Takes over the list of files as it is configured now. What is configured as it was is not
    /// looked at anew for it.
    fn follow_list(&mut self) {
        let before = std::mem::take(&mut self.files);
        let followed = |file: Watched| {
            let same = before.iter().find(|old| old.file.same(&file));
            Followed {
                seen: same.and_then(|same| same.seen.clone()),
                again: same.and_then(|same| same.again),
                file,
            }
        };
        self.files = self.policies.watched().into_iter().map(followed).collect();
    }

    /// Watches the directories of all files and of what they link to.
    fn watch_directories(&mut self) {
        let mut wanted = BTreeSet::new();
        let files = self.files.iter().map(|followed| &followed.file.file);
        let also = self.also.iter().flat_map(|(also, _)| &also.files);
        for file in files.chain(also) {
            let target = files::bounded(file, |file| file.canonicalize()).ok();
            for path in [Some(file.as_path()), target.as_deref()]
                .into_iter()
                .flatten()
            {
                wanted.extend(path.parent().map(in_full));
            }
        }
        for gone in self.watched.difference(&wanted) {
            // It fails where the directory is gone, and then there is nothing to end.
            let _gone = self.tell_watcher(gone, |watcher, gone| watcher.unwatch(gone));
        }
        self.watched
            .retain(|directory| wanted.contains(directory) && files::is_dir(directory));
        for directory in wanted {
            if !self.watched.contains(&directory)
                && self
                    .tell_watcher(&directory, |watcher, directory| {
                        watcher.watch(directory, RecursiveMode::NonRecursive)
                    })
                    .is_ok()
            {
                self.watched.insert(directory);
            }
        }
    }

    /// Has a directory watched or no longer watched. While a former call hangs, what changes is
    /// noticed by looking now and then.
    fn tell_watcher(
        &self,
        directory: &Path,
        call: impl FnOnce(&mut RecommendedWatcher, &Path) -> notify::Result<()> + Send + 'static,
    ) -> io::Result<()> {
        let watcher = self.watcher.clone();
        files::bounded(directory, move |directory| {
            let mut watcher = watcher.try_lock().ok_or(io::ErrorKind::WouldBlock)?;
            call(&mut watcher, directory).map_err(io::Error::other)
        })
    }
}

/// Waits until nothing has been written for a while, or something is known to be whole.
fn rest(signals: &Receiver<Signal>, whole: &AtomicBool) {
    let patience = Instant::now() + POLICY_RELOAD_PATIENCE;
    while Instant::now() < patience && !whole.load(Ordering::Acquire) {
        match signals.recv_timeout(POLICY_RELOAD_QUIET) {
            Ok(Signal::Changing) => {}
            Ok(Signal::Changed) | Err(_) => return,
        }
    }
}

/// What tells the present content of a path from another; nothing where there is none.
///
/// # Errors
/// A call about it does not return.
fn trace(file: &Path) -> Result<Option<Trace>, io::Error> {
    let found = files::bounded(file, |file| {
        let target = file.canonicalize()?;
        let about = target.metadata()?;
        Ok(Trace {
            device: about.dev(),
            inode: about.ino(),
            bytes: about.len(),
            changed: (about.ctime(), about.ctime_nsec()),
            target,
        })
    });
    match found {
        Ok(trace) => Ok(Some(trace)),
        Err(error) if error.kind() == io::ErrorKind::TimedOut => Err(error),
        Err(_) => Ok(None),
    }
}

fn traces(files: &[PathBuf]) -> Result<Vec<Option<Trace>>, io::Error> {
    files.iter().map(|file| trace(file)).collect()
}

/// The directory of a file named without one is the present one.
fn in_full(directory: &Path) -> PathBuf {
    if directory.as_os_str().is_empty() {
        PathBuf::from(".")
    } else {
        directory.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is written beside a file and renamed over it is not waited for.
    #[test]
    fn what_is_whole_is_looked_at_though_its_signal_found_no_place() {
        let (signals, received) = sync_channel(1);
        let wishes = Wishes::default();
        tell(&signals, &wishes, Signal::Changing);
        tell(&signals, &wishes, Signal::Changed);
        assert_eq!(received.recv(), Ok(Signal::Changing));
        tell(&signals, &wishes, Signal::Changing);
        rest(&received, &wishes.whole);
        assert_eq!(received.try_recv(), Ok(Signal::Changing), "it did not rest");
    }
}
