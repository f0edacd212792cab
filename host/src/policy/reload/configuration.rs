//! The files that configure the policies: followed like theirs, and read on a thread of their own,
//! since what they name may have to be compiled. Knows nothing of what they hold.

use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;

use super::super::Policies;
use super::job::{Job, Progress};
use super::trace::{Trace, traces};
use super::{Also, Waker};

/// What reads the configuration, and gives the files to follow from then on if they are others.
type Look = Box<dyn FnMut() -> Option<Vec<PathBuf>> + Send>;

/// The configuration as it is followed.
pub(super) struct Configuration {
    pub(super) files: Vec<PathBuf>,
    seen: Vec<Option<Trace>>,
    /// Nobody else waits for it: there is one job at a time.
    look: Arc<Mutex<Look>>,
    job: Option<Job<Option<Vec<PathBuf>>>>,
    /// Whether it changed while it was read.
    wanted: bool,
}

impl Configuration {
    pub(super) fn new(also: Also) -> Self {
        Self {
            // The configuration has just been read; what changed since then differs from this trace.
            seen: traces(&also.files).unwrap_or_default(),
            files: also.files,
            look: Arc::new(Mutex::new(also.look)),
            job: None,
            wanted: false,
        }
    }

    /// Whether it is being read, or what it says is on its way.
    pub(super) fn is_under_way(&self) -> bool {
        self.job.is_some()
    }

    /// Has it read if it has changed, if it was refused, or in any case. A former one that is still
    /// on its way is called off for a newer. True if it is read from now on.
    pub(super) fn look(&mut self, any_case: bool, policies: &Policies, waker: &Waker) -> bool {
        // While a call about it hangs, nothing is known of it.
        let Ok(present) = traces(&self.files) else {
            return false;
        };
        let changed = any_case || present != self.seen;
        if !changed && (self.is_under_way() || policies.refused_configuration().is_none()) {
            return false;
        }
        // Taken before the file is read: what is written meanwhile differs from it.
        self.seen = present;
        if self.is_under_way() {
            self.wanted = true;
            policies.call_off_configuration();
            return false;
        }
        self.begin(waker)
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
            Progress::Done(Some(files)) if files != self.files => {
                self.seen = traces(&files).unwrap_or_default();
                self.files = files;
            }
            Progress::Done(_) | Progress::Failed => {}
        }
        self.job = None;
        if std::mem::take(&mut self.wanted) {
            self.begin(waker);
        }
        true
    }
}
