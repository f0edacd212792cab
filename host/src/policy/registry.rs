//! The handle on the policies: loads them at start-up, swaps versions, reports. Knows neither the
//! hooks nor how a change of a file comes to be noticed.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use tokio::sync::watch;
use wardroom_domain::Generation;

use super::component::Digest;
use super::decision::Hook;
use super::ladder::Policy;
use super::limits::PolicyLimits;
use super::loader::{Loader, Surroundings};
use super::set::PolicySet;
use super::source::PolicySource;
use super::version::Version;

/// Why the server does not start with its policies.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Two policies have one name.
    #[error("two policies are named {0:?}; give each a name of its own")]
    SameName(Arc<str>),
    /// The engine does not start.
    #[error("the WebAssembly engine does not start: {0}")]
    Engine(String),
    /// A policy cannot be loaded.
    #[error("policy {name:?} ({}): {reason}", file.display())]
    Policy {
        /// Its name.
        name: Arc<str>,
        /// Its file.
        file: PathBuf,
        /// What is wrong, and what to do.
        reason: String,
    },
}

/// How a policy fares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyState {
    /// The version in force is the one in the file, and it answers.
    Active,
    /// The version in force failed to answer at least once.
    Failing,
    /// The file holds something that was refused, or is gone; the last good version is in force.
    Stale,
}

/// What there is to report of one policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyStatus {
    /// Its name.
    pub name: Arc<str>,
    /// Its file.
    pub file: PathBuf,
    /// The digest of the version in force.
    pub digest: Digest,
    /// The generation that brought this version.
    pub generation: Generation,
    /// The hooks that it exports.
    pub hooks: Vec<&'static str>,
    /// The interfaces it imports beyond what every policy may, such as
    /// `wardroom:policy/directory`.
    pub capabilities: Vec<String>,
    /// How it fares.
    pub state: PolicyState,
    /// Calls that failed since this version came into force.
    pub failures: u64,
    /// The hooks that are not asked for a while, because the version in force keeps failing.
    pub quarantined: Vec<&'static str>,
    /// Why the file's present content was refused, or how the last failing call failed.
    pub last_error: Option<String>,
}

/// The policies of a server. Cloning is cheap; all clones are one.
#[derive(Clone)]
pub struct Policies(Arc<Shared>);

struct Shared {
    /// What loading takes; nothing where there is no policy.
    loader: Option<Loader>,
    current: ArcSwap<PolicySet>,
    /// For each policy, why the file's present content is not in force.
    stale: Mutex<Vec<Option<String>>>,
    swapped: watch::Sender<u64>,
}

impl Policies {
    /// No policies: the built-in rules hold.
    #[must_use]
    pub fn none() -> Self {
        Self::of(None, Vec::new())
    }

    /// Loads all policies. It takes up to seconds each: not for a thread that serves anybody.
    ///
    /// # Errors
    /// The first policy that cannot be loaded, with the reason. A server must not start without
    /// a policy that its operator relies on.
    pub fn load(sources: Vec<PolicySource>, limits: PolicyLimits) -> Result<Self, StartError> {
        Self::load_in(sources, limits, Surroundings::default())
    }

    /// Loads all policies, and has them recorded, counted and cached as the surroundings say.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn load_in(
        sources: Vec<PolicySource>,
        limits: PolicyLimits,
        surroundings: Surroundings,
    ) -> Result<Self, StartError> {
        if sources.is_empty() {
            return Ok(Self::none());
        }
        let loader = Loader::new(limits, surroundings)
            .map_err(|error| StartError::Engine(format!("{error:#}")))?;
        let mut policies: Vec<Policy> = Vec::with_capacity(sources.len());
        for source in sources {
            if policies.iter().any(|p| p.source.name == source.name) {
                return Err(StartError::SameName(source.name));
            }
            let version = read(&source.file, limits.file_bytes)
                .and_then(|bytes| loader.version(&source, &bytes).map_err(|r| r.to_string()))
                .map_err(|reason| StartError::Policy {
                    name: source.name.clone(),
                    file: source.file.clone(),
                    reason,
                })?;
            tracing::info!(
                policy = &*source.name,
                digest = %version.digest(),
                hooks = ?version.hooks(),
                "policy loaded"
            );
            policies.push(Policy::new(source, version, Generation(1)));
        }
        Ok(Self::of(Some(loader), policies))
    }

    fn of(loader: Option<Loader>, policies: Vec<Policy>) -> Self {
        let stale = vec![None; policies.len()];
        if let Some(metrics) = loader
            .as_ref()
            .and_then(|l| l.surroundings().metrics.as_ref())
        {
            metrics.policies().generation(1);
        }
        let sink = loader
            .as_ref()
            .and_then(|l| l.surroundings().decisions.clone());
        Self(Arc::new(Shared {
            loader,
            current: ArcSwap::from_pointee(PolicySet::new(Generation(1), policies, sink)),
            stale: Mutex::new(stale),
            swapped: watch::Sender::new(1),
        }))
    }

    /// The set in force. It stays the same while it is held, so that all questions of one
    /// decision are answered by one generation.
    #[must_use]
    pub fn current(&self) -> Arc<PolicySet> {
        self.0.current.load_full()
    }

    /// Sees the number of each new generation, after it has come into force: whatever was decided
    /// under an earlier one is to be decided again.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.0.swapped.subscribe()
    }

    /// Reports on each policy, in configured order.
    #[must_use]
    pub fn status(&self) -> Vec<PolicyStatus> {
        let set = self.current();
        let now = Instant::now();
        let stale = self.0.stale.lock();
        let report = |(policy, stale): (&Policy, &Option<String>)| {
            let (failures, last_failure) = policy.version.measure().failures();
            let state = match (stale, failures) {
                (Some(_), _) => PolicyState::Stale,
                (None, 0) => PolicyState::Active,
                (None, _) => PolicyState::Failing,
            };
            PolicyStatus {
                name: policy.source.name.clone(),
                file: policy.source.file.clone(),
                digest: policy.version.digest(),
                generation: policy.since,
                hooks: policy.version.hooks(),
                capabilities: policy.version.capabilities(),
                state,
                failures,
                quarantined: policy
                    .version
                    .measure()
                    .quarantined(now)
                    .map(Hook::name)
                    .collect(),
                last_error: stale.clone().or(last_failure),
            }
        };
        set.policies()
            .iter()
            .zip(stale.iter())
            .map(report)
            .collect()
    }

    /// The configured policies, in order.
    pub(super) fn sources(&self) -> Vec<Arc<PolicySource>> {
        let set = self.current();
        set.policies().iter().map(|p| p.source.clone()).collect()
    }

    /// Reads the file of one policy and, if its content is new and good, brings it into force.
    /// Only the reload thread calls this, so that there is one build at a time.
    pub(super) fn refresh(&self, place: usize) {
        let set = self.current();
        let (Some(policy), Some(loader)) = (set.policies().get(place), &self.0.loader) else {
            return;
        };
        let source = &policy.source;
        let candidate = read(&source.file, loader.limits().file_bytes).and_then(|bytes| {
            if Digest::of(&bytes) == policy.version.digest() {
                return Ok(None);
            }
            let version = loader.version(source, &bytes).map_err(|r| r.to_string())?;
            Ok(Some(version))
        });
        match candidate {
            Ok(None) => self.0.stale.lock()[place] = None,
            Ok(Some(version)) => self.install(place, version),
            Err(reason) => self.refuse(place, policy, reason),
        }
    }

    fn install(&self, place: usize, version: Version) {
        let digest = version.digest();
        let next = self.current().with(place, Arc::new(version));
        let (generation, name) = (next.number(), next.policies()[place].source.name.clone());
        self.0.stale.lock()[place] = None;
        self.0.current.store(Arc::new(next));
        self.0.swapped.send_replace(generation.0);
        let loader = self.0.loader.as_ref();
        if let Some(metrics) = loader.and_then(|l| l.surroundings().metrics.as_ref()) {
            metrics.policies().generation(generation.0);
        }
        tracing::info!(policy = &*name, %digest, generation = generation.0, "policy replaced");
    }

    fn refuse(&self, place: usize, policy: &Policy, reason: String) {
        let mut stale = self.0.stale.lock();
        if stale[place].as_ref() == Some(&reason) {
            return;
        }
        tracing::warn!(
            policy = &*policy.source.name,
            file = %policy.source.file.display(),
            reason,
            in_force = %policy.version.digest(),
            "the policy's file was refused; the last good version stays in force"
        );
        stale[place] = Some(reason);
    }
}

/// Reads a file up to a limit, in bytes.
///
/// # Errors
/// It cannot be read or is larger, in words for the operator.
pub fn read(file: &Path, limit: u64) -> Result<Vec<u8>, String> {
    let unreadable = |error: std::io::Error| format!("the file cannot be read: {error}");
    let mut bytes = Vec::new();
    let opened = File::open(file).map_err(unreadable)?;
    opened
        .take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 > limit {
        return Err(format!("the file is larger than {limit} bytes"));
    }
    Ok(bytes)
}
