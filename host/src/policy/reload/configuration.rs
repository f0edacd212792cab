//! The files that configure the policies: followed like theirs, and read on a thread of their own,
//! since what they name may have to be compiled. Knows nothing of what they hold.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;

use super::super::Policies;
use super::job::{Job, Progress};
use super::trace::{Trace, traces};
use super::{Also, Looked, Waker};

/// What reads the configuration.
type Look = Box<dyn FnMut() -> Looked + Send>;

/// The configuration as it is followed.
pub(super) struct Configuration {
    pub(super) files: Vec<PathBuf>,
    /// As they were when they were last read; nothing if they are to be read.
    seen: Vec<Option<Trace>>,
    /// Nobody else waits for it: there is one job at a time.
    look: Arc<Mutex<Look>>,
    job: Option<Job<Looked>>,
    /// Whether it changed while it was read, or may have.
    wanted: bool,
    /// Whether anything but policies changed by it since somebody last asked.
    changed: bool,
}

impl Configuration {
    pub(super) fn new(also: Also) -> Self {
        Self {
            // So that the first look reads it: it was read before anybody followed it, and what was
            // written since then, while policies were compiled, shows in no trace of now.
            seen: Vec::new(),
            files: also.files,
            look: Arc::new(Mutex::new(also.look)),
            job: None,
            wanted: false,
            changed: false,
        }
    }

    /// Whether it is being read, or what it says is on its way.
    pub(super) fn is_under_way(&self) -> bool {
        self.job.is_some()
    }

    /// Whether anything but policies changed by it since this was last asked.
    pub(super) fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// Has it read if it has changed, if it was refused, or in any case. A former one that is still
    /// on its way is called off for a newer. True if it is read from now on.
    ///
    /// # Errors
    /// A call about one of its files fails or hangs: nothing is known of it.
    pub(super) fn look(
        &mut self,
        any_case: bool,
        policies: &Policies,
        waker: &Waker,
    ) -> io::Result<bool> {
        let present = traces(&self.files)?;
        let changed = any_case || present != self.seen;
        if !changed && (self.is_under_way() || policies.refused_configuration().is_none()) {
            return Ok(false);
        }
        // Taken before the file is read: what is written meanwhile differs from it.
        self.seen = present;
        if self.is_under_way() {
            self.wanted = true;
            policies.call_off_configuration();
            return Ok(false);
        }
        Ok(self.begin(waker))
    }

    fn begin(&mut self, waker: &Waker) -> bool {
        let (look, over) = (self.look.clone(), waker.clone());
        let read = move |_: &_| (look.lock())();
        match Job::begin("policy-configure", read, move || over.over()) {
            Ok(job) => self.job = Some(job),
            Err(error) => {
                tracing::error!(%error, "no thread to read the configuration on");
                // What it is then differs from no trace.
                self.seen.clear();
            }
        }
        self.job.is_some()
    }

    /// Takes what became of what is under way. True if something has ended.
    pub(super) fn tend(&mut self, policies: &Policies, waker: &Waker) -> bool {
        let Some(job) = &self.job else {
            return false;
        };
        match job.progress() {
            Progress::UnderWay => {
                if self.wanted {
                    // It may not have begun to compile when it was called off.
                    policies.call_off_configuration();
                }
                return false;
            }
            Progress::Done(Looked { files, changed }) => {
                self.changed |= changed;
                if let Some(files) = files.filter(|files| *files != self.files) {
                    self.seen = traces(&files).unwrap_or_default();
                    self.files = files;
                    // It was read before these traces were taken, and nobody would see what was written
                    // in between. Which files there are is known only when it has been read.
                    self.wanted = true;
                }
            }
            // The log has been told.
            Progress::Failed => self.changed = true,
        }
        self.job = None;
        if std::mem::take(&mut self.wanted) {
            self.begin(waker);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::fs::OpenOptions;
    use std::io::Write;
    use std::sync::mpsc::{channel, sync_channel};
    use std::time::Duration;

    use super::super::Signal;
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);

    #[test]
    fn the_first_look_reads_what_was_written_since_the_start() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("configuration");
        let (read, reads) = channel();
        let look = {
            let file = file.clone();
            move || {
                read.send(std::fs::read_to_string(&file).unwrap()).unwrap();
                Looked::default()
            }
        };
        std::fs::write(&file, "as it was at the start").unwrap();
        std::fs::write(&file, "as it is now").unwrap();
        let (signals, ended) = sync_channel(1);
        let waker = Waker {
            signals,
            wishes: Arc::default(),
        };
        let policies = Policies::none();
        let mut configuration = Configuration::new(Also {
            files: vec![file],
            look: Box::new(look),
        });
        assert!(configuration.look(false, &policies, &waker).unwrap());
        assert_eq!(reads.recv_timeout(PATIENCE).unwrap(), "as it is now");
        assert_eq!(ended.recv_timeout(PATIENCE), Ok(Signal::Over));
        assert!(configuration.tend(&policies, &waker));
        // It is read once for that.
        assert!(!configuration.look(false, &policies, &waker).unwrap());
        assert!(!configuration.is_under_way());
    }

    #[test]
    fn what_is_written_before_a_file_is_followed_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let [file, key] = ["configuration", "key"].map(|name| folder.path().join(name));
        std::fs::write(&file, "").unwrap();
        std::fs::write(&key, "").unwrap();
        let followed = vec![file.clone(), key.clone()];
        let (read, reads) = channel();
        let look = move || {
            read.send(std::fs::read_to_string(&key).unwrap()).unwrap();
            // Somebody writes it between its reading and the end of the job.
            let mut key = OpenOptions::new().append(true).open(&key).unwrap();
            key.write_all(b"x").unwrap();
            Looked {
                files: Some(followed.clone()),
                changed: false,
            }
        };
        let (signals, ended) = sync_channel(1);
        let waker = Waker {
            signals,
            wishes: Arc::default(),
        };
        let policies = Policies::none();
        let mut configuration = Configuration::new(Also {
            files: vec![file],
            look: Box::new(look),
        });
        assert!(configuration.look(true, &policies, &waker).unwrap());
        for content in ["", "x"] {
            assert_eq!(reads.recv_timeout(PATIENCE).unwrap(), content);
            assert_eq!(ended.recv_timeout(PATIENCE), Ok(Signal::Over));
            assert!(configuration.tend(&policies, &waker));
        }
        // The list is what it was, so that it ends here; what is written from then on shows.
        assert!(!configuration.is_under_way());
        assert!(configuration.look(false, &policies, &waker).unwrap());
        assert_eq!(reads.recv_timeout(PATIENCE).unwrap(), "xx");
    }
}
