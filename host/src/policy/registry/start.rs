//! The start: what is quickly refused is refused first, then all policies are loaded side by side,
//! and come into force together. Knows nothing of what a server does meanwhile.

use std::collections::{BTreeSet, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use wardroom_domain::Generation;

use super::super::capability;
use super::super::compiling::Stop;
use super::super::ladder::Policy;
use super::super::limits::PolicyLimits;
use super::super::loader::{Loader, Surroundings};
use super::super::pipeline::Content;
use super::super::progress::{LoadingState, Step};
use super::super::shadow::Shadow;
use super::super::source::{self, PolicySource};
use super::super::version::Version;
use super::book::{Cause, Held, Record, Reload};
use super::{Policies, Shared};
use crate::limits::POLICY_LOADS_AT_ONCE;

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

/// Policies that have been found and are not loaded yet.
#[must_use = "nothing is in force before it is loaded"]
pub struct Starting {
    policies: Policies,
    limits: PolicyLimits,
    waiting: Vec<Waiting>,
}

/// A policy whose file was read.
struct Waiting {
    source: Arc<PolicySource>,
    content: Content,
    step: Step,
}

/// A policy that could come into force.
struct Ready {
    version: Arc<Version>,
    /// Its candidate in shadow, or why there is none though there should be.
    candidate: (Option<Arc<Shadow>>, Option<String>),
    took: Duration,
}

impl Policies {
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
        let (policies, starting) = Self::prepare(sources, limits, surroundings)?;
        starting.load()?;
        Ok(policies)
    }

    /// Reads the policies' files and compiles nothing, so that it is quick. Until the rest is
    /// loaded no policy is in force, [`Self::loading`] names each, and nobody must be let in.
    /// Policies that are not to be waited for are left out: [`Self::reconfigure`] with the same list
    /// brings them into force later.
    ///
    /// # Errors
    /// Two policies of one name, a grant of what there is not, a file that cannot be read.
    pub fn prepare(
        sources: Vec<PolicySource>,
        limits: PolicyLimits,
        surroundings: Surroundings,
    ) -> Result<(Self, Starting), StartError> {
        let policies = Self::empty(limits, surroundings);
        let mut names = BTreeSet::new();
        let mut waiting = Vec::with_capacity(sources.len());
        for source in sources {
            if !names.insert(source.name.clone()) {
                return Err(StartError::SameName(source.name));
            }
            if !source.wait {
                continue;
            }
            let content = capability::check_grants(&source.grants)
                .and_then(|()| Ok(Content::read(&source.file, limits.file_bytes)?))
                .map_err(|reason| refused(&source, reason))?;
            let step = content.set_out(&policies.0.progress, &source);
            waiting.push(Waiting {
                source: Arc::new(source),
                content,
                step,
            });
        }
        let starting = Starting {
            policies: policies.clone(),
            limits,
            waiting,
        };
        Ok((policies, starting))
    }
}

impl Starting {
    /// Loads all policies side by side, the smallest first, and brings them into force together. It
    /// takes as long as compiling takes: not for a thread that serves anybody.
    ///
    /// # Errors
    /// The first policy, in configured order, of those that could not be loaded.
    pub fn load(self) -> Result<(), StartError> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let shared = &self.policies.0;
        let loader = shared.loader().map_err(StartError::Engine)?;
        let ready = self.side_by_side(shared, loader);
        let mut policies = Vec::with_capacity(ready.len());
        let mut records = Vec::with_capacity(ready.len());
        for (waiting, ready) in self.waiting.iter().zip(ready) {
            let source = waiting.source.clone();
            match ready {
                // Another one failed before its turn came.
                None => {}
                Some(Err(reason)) => return Err(refused(&source, reason)),
                Some(Ok(ready)) => {
                    let last = Reload::now(Cause::Start, ready.took, None);
                    let mut record = Record::new(source.clone(), last);
                    if source.shadow == source::Shadow::Whole {
                        record.shadow = Some(Shadow::whole(&source, ready.version));
                    } else {
                        (record.shadow, record.shadow_error) = ready.candidate;
                        policies.push(Policy::new(source, ready.version, Generation(1)));
                    }
                    records.push(record);
                }
            }
        }
        let mut book = shared.book.lock();
        book.records = records;
        shared.publish(&book, Generation(1), policies);
        Ok(())
    }

    /// What came of each policy, in configured order; nothing where one failed before its turn.
    fn side_by_side(&self, shared: &Shared, loader: &Loader) -> Vec<Option<Result<Ready, String>>> {
        let mut order: Vec<usize> = (0..self.waiting.len()).collect();
        order.sort_by_key(|place| self.waiting[*place].content.bytes());
        let order = Mutex::new(VecDeque::from(order));
        let ready = Mutex::new(Vec::new());
        ready.lock().resize_with(self.waiting.len(), || None);
        // A thread has the log of whoever began it only if it is given it.
        let log = tracing::dispatcher::get_default(Clone::clone);
        let work = || {
            let _log = tracing::dispatcher::set_default(&log);
            loop {
                let Some(place) = order.lock().pop_front() else {
                    return;
                };
                let outcome = self.waiting[place].load(shared, loader, self.limits);
                if outcome.is_err() {
                    // The server does not start without it, whatever becomes of the others.
                    order.lock().clear();
                }
                ready.lock()[place] = Some(outcome);
            }
        };
        std::thread::scope(|scope| {
            // One of them is this thread.
            for _ in 1..POLICY_LOADS_AT_ONCE.min(self.waiting.len()) {
                let thread = std::thread::Builder::new().name("policy-load".into());
                // With fewer threads it takes longer and comes to the same.
                let _fewer = thread.spawn_scoped(scope, work);
            }
            work();
        });
        ready.into_inner()
    }
}

impl Waiting {
    fn load(
        &self,
        shared: &Shared,
        loader: &Loader,
        limits: PolicyLimits,
    ) -> Result<Ready, String> {
        let began = Instant::now();
        let source = &self.source;
        let version = self
            .content
            .first_version(&self.step, loader, source, limits)?;
        let took = began.elapsed();
        let in_shadow = source.shadow == source::Shadow::Whole;
        let candidate = if in_shadow {
            (None, None)
        } else {
            let (held, stop) = (Held::new(), Stop::default());
            shared.candidate(loader, source, limits, &version, &held, &stop)
        };
        self.step.at(LoadingState::Loaded);
        tracing::info!(
            policy = &*source.name,
            digest = %version.digest(),
            hooks = ?version.hooks(),
            in_shadow,
            took_ms = took.as_millis(),
            "policy loaded"
        );
        Ok(Ready {
            version,
            candidate,
            took,
        })
    }
}

fn refused(source: &PolicySource, reason: String) -> StartError {
    StartError::Policy {
        name: source.name.clone(),
        file: source.file.clone(),
        reason,
    }
}
