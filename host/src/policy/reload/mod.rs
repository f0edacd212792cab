//! Notices that a policy's file has changed and has it looked at. Watches directories, so that
//! atomic renames, swapped symbolic links and editors' ways of saving are seen. Decides nothing
//! about what a file holds.
//!
//! One thread looks: it waits for a file to rest, has what it holds built beside it, and listens again.
//! So one policy that is slow to compile keeps no other from being replaced. Of one file there is one
//! build at a time; what changes meanwhile is built after it, in its newest form, and calls off a
//! build that takes long.

mod configuration;
mod directories;
mod follower;
mod job;
mod trace;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Instant;

use notify::Event;
use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind, RenameMode};

use self::directories::{Directories, Names};
use self::follower::Follower;
use super::Policies;
use crate::limits::{POLICY_RELOAD_PATIENCE, POLICY_RELOAD_QUIET};
use crate::threads;

/// The files cannot be watched.
#[derive(Debug, thiserror::Error)]
#[error("the policies' directories cannot be watched: {0}")]
pub struct WatchError(String);

/// Keeps the policies current until it is dropped. A build that runs then is called off.
#[must_use = "the policies are followed only while this is held"]
pub struct Watching {
    waker: Waker,
}

impl Watching {
    /// What has everything looked at, for whoever is to have that done.
    #[must_use]
    pub fn nudge(&self) -> Nudge {
        Nudge(self.waker.clone())
    }
}

/// Has everything looked at, whether or not it seems to have changed.
#[derive(Clone)]
pub struct Nudge(Waker);

impl Nudge {
    /// Has it done, soon.
    pub fn look(&self) {
        self.0.wishes.everything.store(true, Ordering::Release);
        self.0.wake();
    }
}

/// What the thread is to do at its next look; a signal only wakes it.
#[derive(Default)]
struct Wishes {
    everything: AtomicBool,
    stop: AtomicBool,
    /// Something has changed since the last look, though the signal may have found no place.
    look: AtomicBool,
    /// Something has become whole since the last look.
    whole: AtomicBool,
}

/// Wakes the thread.
#[derive(Clone)]
struct Waker {
    signals: SyncSender<Signal>,
    wishes: Arc<Wishes>,
}

impl Waker {
    /// Has it look now.
    fn wake(&self) {
        self.tell(Signal::Changed);
    }

    /// Has it see what became of something that was under way.
    fn over(&self) {
        self.tell(Signal::Over);
    }

    fn tell(&self, signal: Signal) {
        if signal == Signal::Changed {
            self.wishes.whole.store(true, Ordering::Release);
        }
        if signal != Signal::Over {
            self.wishes.look.store(true, Ordering::Release);
        }
        // A full channel means that it is about to wake up.
        let _already_due = self.signals.try_send(signal);
    }
}

/// Other files that are followed in the same way: those that configure the policies.
pub struct Also {
    /// The files.
    pub files: Vec<PathBuf>,
    /// Called on a thread of its own at the beginning, since they may have changed after they were read,
    /// when one of the files has changed, when somebody asks for a look, and, as long as the last
    /// configuration is refused, each time that anything is looked at.
    pub look: Box<dyn FnMut() -> Looked + Send>,
}

/// What a look at the files that configure the policies came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Looked {
    /// The files to follow from now on, if they can be used.
    pub files: Option<Vec<PathBuf>>,
    /// Whether something changed besides the policies.
    pub changed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Signal {
    /// Something is being written.
    Changing,
    /// Something was renamed into place or closed by its writer: it is whole.
    Changed,
    /// Something that was under way has ended.
    Over,
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
        let waker = Waker {
            signals,
            wishes: Arc::default(),
        };
        let (told, names) = (waker.clone(), Names::default());
        let followed = names.clone();
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            // An error means that events were lost, so that a look is due as well.
            let signal = event.map_or(Some(Signal::Changing), |e| signal(&e, &followed));
            if let Some(signal) = signal {
                told.tell(signal);
            }
        })
        .map_err(|e| WatchError(e.to_string()))?;
        let directories = Directories::new(watcher, names);
        let mut follower = Follower::new(self.clone(), directories, also, waker.clone());
        threads::keep("policy-reload", move || follower.run(&received))
            .map_err(|e| WatchError(e.to_string()))?;
        Ok(Watching { waker })
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.waker.wishes.stop.store(true, Ordering::Release);
        self.waker.wake();
    }
}

fn signal(event: &Event, followed: &Names) -> Option<Signal> {
    match event.kind {
        // The server's own database and logs may be in the same directory, and are written all the
        // time: nothing would ever rest.
        EventKind::Modify(ModifyKind::Data(_)) if !followed.hold_any(&event.paths) => None,
        EventKind::Modify(ModifyKind::Name(RenameMode::To | RenameMode::Both))
        | EventKind::Access(AccessKind::Close(AccessMode::Write)) => Some(Signal::Changed),
        // Reading changes nothing, and looking at a file reads it.
        EventKind::Access(_) => None,
        _ => Some(Signal::Changing),
    }
}

/// Waits until nothing has been written for a while, or something is known to be whole.
fn rest(signals: &Receiver<Signal>, whole: &AtomicBool) {
    let patience = Instant::now() + POLICY_RELOAD_PATIENCE;
    while Instant::now() < patience && !whole.load(Ordering::Acquire) {
        match signals.recv_timeout(POLICY_RELOAD_QUIET) {
            Ok(Signal::Changing | Signal::Over) => {}
            Ok(Signal::Changed) | Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use notify::event::{CreateKind, DataChange};

    use super::*;

    /// A database beside the policies is written thousands of times a second.
    #[test]
    fn what_is_written_beside_the_followed_files_wakes_nobody() {
        let names = Names::default();
        names.set(["rules.wasm".into()].into());
        let written = EventKind::Modify(ModifyKind::Data(DataChange::Any));
        let of = |kind, name: &str| signal(&Event::new(kind).add_path(name.into()), &names);
        assert_eq!(of(written, "/etc/wardroom/wardroom.redb"), None);
        assert_eq!(of(written, "/etc/rules.wasm"), Some(Signal::Changing));
        // Another name may lead to a followed file: what comes and goes is always looked at.
        let made = EventKind::Create(CreateKind::File);
        assert_eq!(of(made, "/etc/..data"), Some(Signal::Changing));
        let closed = EventKind::Access(AccessKind::Close(AccessMode::Write));
        assert_eq!(of(closed, "/etc/other"), Some(Signal::Changed));
        // Where the system names no file, it may be any.
        assert_eq!(signal(&Event::new(written), &names), Some(Signal::Changing));
    }

    /// What is written beside a file and renamed over it is not waited for.
    #[test]
    fn what_is_whole_is_looked_at_though_its_signal_found_no_place() {
        let (signals, received) = sync_channel(1);
        let waker = Waker {
            signals,
            wishes: Arc::default(),
        };
        waker.tell(Signal::Over);
        waker.tell(Signal::Changing);
        waker.tell(Signal::Changed);
        assert_eq!(received.recv(), Ok(Signal::Over));
        assert!(waker.wishes.look.load(Ordering::Acquire), "a look is due");
        waker.tell(Signal::Changing);
        rest(&received, &waker.wishes.whole);
        assert_eq!(received.try_recv(), Ok(Signal::Changing), "it did not rest");
    }
}
