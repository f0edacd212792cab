//! The handle on the policies: loads them at start-up, publishes one set after the other, reports.
//! Knows neither the hooks nor how a change of a file comes to be noticed.

mod book;
mod calls;
mod configure;
mod plan;
mod refresh;
mod start;
mod status;
mod trial;

use std::sync::mpsc::SyncSender;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use tokio::sync::watch;
use wardroom_domain::{Generation, Hooks};

pub use self::book::{Cause, RefusedConfiguration, Reload};
pub use self::calls::{PromoteError, RollbackError, ShadowError};
pub use self::configure::ReconfigureError;
pub use self::start::{StartError, Starting};
pub use self::status::{PolicyState, PolicyStatus};

pub(super) use self::refresh::{Refreshed, Watched};
pub(super) use self::status::Outward;

use self::book::{Book, Held, Record};
use self::configure::Attempt;
use super::compiling::Stop;
use super::denials::{Denials, Denied};
use super::ladder::Policy;
use super::limits::PolicyLimits;
use super::loader::{Loader, Surroundings};
use super::pipeline::Content;
use super::progress::{LoadingPolicy, Progress};
use super::set::PolicySet;
use super::settling::Settling;
use super::shadow::{self, Observation, Shadow, Shadows};
use super::source::{self, PolicySource};
use super::version::Version;
use crate::limits::POLICY_SETTLING_PATIENCE;

/// The policies of a server. Cloning is cheap; all clones are one.
#[derive(Clone)]
pub struct Policies(Arc<Shared>);

struct Shared {
    surroundings: Surroundings,
    /// The latest refusals.
    denials: Arc<Denials>,
    /// What is being loaded just now.
    progress: Arc<Progress>,
    /// What loading takes; made when the first policy is loaded.
    loader: OnceLock<Loader>,
    current: ArcSwap<PolicySet>,
    book: Mutex<Book>,
    /// Held while a configuration is built: one at a time. Locked before `swapping`.
    configuring: Mutex<()>,
    /// Calls off what is built for the configuration that is being brought into force.
    configuring_stop: Mutex<Arc<Stop>>,
    /// Held while a candidate is built for a dry run: one at a time.
    trying: Mutex<()>,
    /// Held while the engine is started.
    starting: Mutex<()>,
    /// Held from the look at what is in force to its replacement, and wherever a record is changed.
    /// Locked before `book`.
    swapping: Mutex<()>,
    swapped: watch::Sender<u64>,
    settling: Settling,
    /// Where shadows are shown what is asked; made for the first of them.
    shown: OnceLock<SyncSender<Observation>>,
    /// The last configuration that was refused, so that it is not built again while nothing changed.
    attempt: Mutex<Option<Attempt>>,
}

impl Policies {
    /// No policies: the built-in rules hold.
    #[must_use]
    pub fn none() -> Self {
        Self::empty(PolicyLimits::default(), Surroundings::default())
    }

    fn empty(limits: PolicyLimits, surroundings: Surroundings) -> Self {
        let sink = surroundings.decisions.clone();
        if let Some(metrics) = &surroundings.metrics {
            metrics.policies().generation(1);
        }
        let private_channels = surroundings.private_channels;
        let shadows = Shadows::default();
        let denials = Arc::<Denials>::default();
        let recorded = (sink, denials.clone());
        let set = PolicySet::new(
            Generation(1),
            Vec::new(),
            recorded,
            shadows,
            private_channels,
        );
        Self(Arc::new(Shared {
            surroundings,
            denials,
            progress: Arc::default(),
            loader: OnceLock::new(),
            current: ArcSwap::from_pointee(set),
            book: Mutex::new(Book {
                limits,
                private_channels,
                records: Vec::new(),
                configuration: None,
                revision: 0,
            }),
            configuring: Mutex::default(),
            configuring_stop: Mutex::default(),
            trying: Mutex::default(),
            starting: Mutex::default(),
            swapping: Mutex::default(),
            swapped: watch::Sender::new(1),
            settling: Settling::default(),
            shown: OnceLock::new(),
            attempt: Mutex::default(),
        }))
    }

    /// The set in force. It stays the same while it is held, so that all questions of one
    /// decision are answered by one generation.
    #[must_use]
    pub fn current(&self) -> Arc<PolicySet> {
        self.0.current.load_full()
    }

    /// The generation in force, whether or not anything is asked of it. Takes no lock, so that it may
    /// be asked for together with anything else.
    #[must_use]
    pub fn generation(&self) -> Generation {
        self.0.current.load().number()
    }

    /// A refusal by the id that the person who was refused has been told, if it is one of the latest.
    #[must_use]
    pub fn denied(&self, id: &str) -> Option<Arc<Denied>> {
        self.0.denials.find(id)
    }

    /// The present generation and what it is asked, if it is asked anything. It is cheap: nothing is
    /// counted, locked or made.
    #[must_use]
    pub fn standing(&self) -> Option<(Generation, Hooks)> {
        let current = self.0.current.load();
        current.generation().map(|it| (it, current.hooks()))
    }

    /// The components that are being brought to life just now, for the first time or in the place of
    /// others.
    #[must_use]
    pub fn loading(&self) -> Vec<LoadingPolicy> {
        self.0.progress.all()
    }

    /// Sees the number of each new generation, after it has come into force: whatever was decided
    /// under an earlier one is to be decided again.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.0.swapped.subscribe()
    }

    /// Says that whatever was decided under an earlier generation than this has been decided again.
    /// From the first such report on, each swap waits for that of the one before.
    pub fn settled(&self, generation: Generation) {
        self.0.settling.report(generation.0);
    }

    /// Brings the same policies into force as a new generation, if one of them did not answer what
    /// is remembered and may answer by now.
    pub(super) fn look_again(&self) {
        if !self.current().wants_another_look(Instant::now()) {
            return;
        }
        let _one = self.0.swapping.lock();
        self.0.await_settled();
        let set = self.current();
        let next = Generation(set.number().0 + 1);
        let now = Instant::now();
        let policies = set.policies().iter().map(|policy| policy.again(now));
        let book = self.0.book.lock();
        self.0.publish(&book, next, policies.collect());
        tracing::info!(
            generation = next.0,
            "everything is asked again that a policy did not answer"
        );
    }
}

impl Shared {
    /// What loading takes.
    fn loader(&self) -> Result<&Loader, String> {
        if let Some(loader) = self.loader.get() {
            return Ok(loader);
        }
        let _one = self.starting.lock();
        if self.loader.get().is_none() {
            let loader = Loader::new(self.surroundings.clone(), self.progress.clone());
            let loader = loader.map_err(|e| format!("{e:#}"))?;
            return Ok(self.loader.get_or_init(|| loader));
        }
        self.loader.get().ok_or_else(|| "it is gone".to_owned())
    }

    /// Waits until all that is open has settled under the set in force.
    fn await_settled(&self) {
        let present = self.current.load().number().0;
        if !self.settling.wait(present, POLICY_SETTLING_PATIENCE) {
            tracing::warn!(
                generation = present,
                "not everything has settled under the policies in force; they are replaced all the \
                 same"
            );
        }
    }

    /// Brings a set into force, whole. The caller holds `swapping`, or nobody else has the handle.
    fn publish(&self, book: &Book, generation: Generation, policies: Vec<Policy>) {
        let mut shadows = Vec::new();
        for record in &book.records {
            if let Some(shadow) = &record.shadow {
                let beside = policies
                    .iter()
                    .find(|p| p.source.name == record.source.name);
                shadows.push((shadow.clone(), beside.map(|p| &*p.version)));
            }
        }
        let shown = if shadows.is_empty() {
            None
        } else {
            self.shown()
        };
        let shadows = Shadows::new(shadows, book.private_channels, shown);
        let sink = self.surroundings.decisions.clone();
        let recorded = (sink, self.denials.clone());
        let set = PolicySet::new(
            generation,
            policies,
            recorded,
            shadows,
            book.private_channels,
        );
        self.current.store(Arc::new(set));
        if self.swapped.borrow().ne(&generation.0) {
            self.swapped.send_replace(generation.0);
            if let Some(metrics) = &self.surroundings.metrics {
                metrics.policies().generation(generation.0);
            }
        }
    }

    /// Publishes the set in force once more, after what is in shadow changed: no answer that holds
    /// is another for it.
    fn publish_shadows(&self, book: &Book) {
        let set = self.current.load();
        self.publish(book, set.number(), set.policies().to_vec());
    }

    fn shown(&self) -> Option<SyncSender<Observation>> {
        if self.shown.get().is_none() {
            match shadow::listen(self.surroundings.metrics.clone()) {
                Ok(queue) => return Some(self.shown.get_or_init(|| queue).clone()),
                Err(error) => tracing::error!(%error, "no thread for policies in shadow"),
            }
        }
        self.shown.get().cloned()
    }

    /// Loads the candidate of a policy, if it is configured to have one. Whatever is wrong with it
    /// is no trouble to anybody but its author.
    fn candidate(
        &self,
        loader: &Loader,
        source: &Arc<PolicySource>,
        limits: PolicyLimits,
        in_force: &Version,
        held: &Held,
        stop: &Stop,
    ) -> (Option<Arc<Shadow>>, Option<String>) {
        let source::Shadow::Candidate(file) = &source.shadow else {
            return (None, None);
        };
        let read = || Content::read(file, limits.file_bytes).map_err(String::from);
        let content = held.get_or_init(read).as_ref();
        let version = content.map_err(Clone::clone).and_then(|content| {
            self.recall(content, limits);
            let version = content.version(loader, source, limits, Some(in_force), stop);
            version.map_err(String::from)
        });
        match version {
            Ok(version) => {
                tracing::info!(
                    policy = &*source.name,
                    digest = %version.digest(),
                    "a candidate of the policy is in shadow"
                );
                let name = source.name.clone();
                (Some(Shadow::new(name, false, file.clone(), version)), None)
            }
            Err(reason) => {
                tracing::warn!(
                    policy = &*source.name,
                    file = %file.display(),
                    reason,
                    "the candidate of the policy was refused and is not in shadow"
                );
                (None, Some(reason))
            }
        }
    }
}
