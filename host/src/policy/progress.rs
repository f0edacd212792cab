//! Which components are being brought to life just now, and how far each has come, so that an
//! operator who waits for a large one sees what is going on. Knows neither engine nor files.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use parking_lot::Mutex;

use super::component::Digest;

/// How far a component has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadingState {
    /// It waits for its turn.
    Waiting,
    /// It is turned into native code, which takes a large one many seconds. A component that was
    /// compiled before skips this.
    Compiling,
    /// It is linked, started on trial with its settings, and asked something harmless.
    Loading,
    /// It could be asked, and waits for the others that come into force with it.
    Loaded,
}

impl LoadingState {
    /// Its name in logs and in the API.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Compiling => "compiling",
            Self::Loading => "loading",
            Self::Loaded => "loaded",
        }
    }
}

/// A component that is on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadingPolicy {
    /// The policy's name.
    pub name: Arc<str>,
    /// The policy's file.
    pub file: PathBuf,
    /// The digest of the component.
    pub digest: Digest,
    /// Its size, in bytes.
    pub bytes: usize,
    /// How far it has come.
    pub state: LoadingState,
    /// Since when it has been on its way.
    pub since: SystemTime,
}

/// Everything that is on its way, in the order in which it set out.
#[derive(Default)]
pub(super) struct Progress {
    last: AtomicU64,
    under_way: Mutex<Vec<(u64, LoadingPolicy)>>,
}

impl Progress {
    /// Takes down that a component sets out.
    pub(super) fn begin(
        self: &Arc<Self>,
        name: &Arc<str>,
        file: PathBuf,
        digest: Digest,
        bytes: usize,
    ) -> Step {
        let number = self.last.fetch_add(1, Ordering::Relaxed);
        let policy = LoadingPolicy {
            name: name.clone(),
            file,
            digest,
            bytes,
            state: LoadingState::Waiting,
            since: SystemTime::now(),
        };
        self.under_way.lock().push((number, policy));
        Step {
            progress: self.clone(),
            number,
        }
    }

    pub(super) fn all(&self) -> Vec<LoadingPolicy> {
        let under_way = self.under_way.lock();
        under_way.iter().map(|(_, policy)| policy.clone()).collect()
    }
}

/// A component's way, which ends with this, wherever it led.
pub(super) struct Step {
    progress: Arc<Progress>,
    number: u64,
}

impl Step {
    /// Takes down how far it has come.
    pub(super) fn at(&self, state: LoadingState) {
        let mut under_way = self.progress.under_way.lock();
        if let Some((_, policy)) = under_way.iter_mut().find(|(n, _)| *n == self.number) {
            policy.state = state;
        }
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        let mut under_way = self.progress.under_way.lock();
        under_way.retain(|(number, _)| *number != self.number);
    }
}
