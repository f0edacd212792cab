//! The list of policies was configured anew: the whole of it comes into force at once, or none of
//! it. Knows nothing of how configuration is written.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use wardroom_domain::{Generation, PrivateChannels};

use super::super::compiling::Stop;
use super::super::component::{Digest, LoadError};
use super::super::ladder::Policy;
use super::super::limits::PolicyLimits;
use super::super::pipeline::Content;
use super::super::set::PolicySet;
use super::super::source::PolicySource;
use super::book::{Cause, Held, RefusedConfiguration, Reload, Wanted};
use super::plan::{Live, Planned, Planning};
use super::{Policies, Shared};

/// Why a configuration of policies was not taken, or not whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReconfigureError {
    /// Two policies have one name.
    #[error("two policies are named {0:?}; give each a name of its own")]
    SameName(Arc<str>),
    /// The engine does not start.
    #[error("the WebAssembly engine does not start: {0}")]
    Engine(String),
    /// Policies were refused: the name of each, and why.
    #[error("{}", .0.iter().map(|(n, why)| format!("policy {n:?}: {why}")).collect::<Vec<_>>().join("; "))]
    Policies(Vec<(Arc<str>, String)>),
    /// All others are in force: these, which nobody waits for, cannot be loaded.
    #[error("{}", .0.iter().map(|(n, why)| format!("policy {n:?} is left out: {why}")).collect::<Vec<_>>().join("; "))]
    LeftOut(Vec<(Arc<str>, String)>),
    /// A newer configuration is to be brought into force instead.
    #[error("it was called off for a newer configuration")]
    CalledOff,
}

/// A configuration that was tried, and what its files held then.
pub(super) struct Attempt {
    sources: Vec<PolicySource>,
    limits: PolicyLimits,
    private_channels: PrivateChannels,
    held: Vec<Option<Digest>>,
    /// What of that cannot be compiled within the bounds.
    beyond_bounds: Vec<(Digest, LoadError)>,
    error: ReconfigureError,
}

/// A list of policies as it is to be.
struct Plan {
    policies: Vec<Planned>,
    /// Policies that the server does without, and why.
    left_out: Vec<(Arc<str>, String)>,
}

impl Policies {
    /// Brings another list of policies into force: added and removed ones, another order, other
    /// settings, ends, isolation, grants, shadows and limits, and who has the last word on private
    /// channels, all as one new set. What has not
    /// changed goes on as it is, with its instances; the version that runs takes new settings
    /// unless the file holds another one that takes them. True if anything changed. It takes up to
    /// seconds for each policy: not for a thread that serves anybody.
    ///
    /// A policy that is not to be waited for and was never in force does not keep the others out: if
    /// it cannot be loaded, the list comes into force without it.
    ///
    /// # Errors
    /// What was refused, and nothing has changed; or [`ReconfigureError::LeftOut`], and all the
    /// others are in force.
    pub fn reconfigure(
        &self,
        sources: Vec<PolicySource>,
        limits: PolicyLimits,
        private_channels: PrivateChannels,
    ) -> Result<bool, ReconfigureError> {
        let _one = self.0.configuring.lock();
        let stop = Arc::new(Stop::default());
        *self.0.configuring_stop.lock() = stop.clone();
        let began = Instant::now();
        let mut names = BTreeSet::new();
        if let Some(twice) = sources.iter().find(|s| !names.insert(s.name.clone())) {
            let error = ReconfigureError::SameName(twice.name.clone());
            self.refuse_configuration(&error.to_string());
            return Err(error);
        }
        let contents: Vec<Result<Content, String>> = sources
            .iter()
            .map(|source| Content::read(&source.file, limits.file_bytes).map_err(String::from))
            .collect();
        let digest = |content: &Result<Content, String>| content.as_ref().ok().map(Content::digest);
        let held: Vec<Option<Digest>> = contents.iter().map(digest).collect();
        if let Some(last) = &*self.0.attempt.lock()
            && (&last.sources, &last.limits, &last.held) == (&sources, &limits, &held)
            && last.private_channels == private_channels
        {
            // Another reason may have been given in between.
            self.refuse_configuration(&last.error.to_string());
            return Err(last.error.clone());
        }
        for content in contents.iter().flatten() {
            self.0.recall(content, limits);
        }
        let candidates: Vec<Held> = sources.iter().map(|_| Held::new()).collect();
        let wanted = Wanted {
            sources: &sources,
            contents: &contents,
            candidates: &candidates,
            stop: &stop,
            limits,
            private_channels,
        };
        let outcome = self.0.reconfigure(&wanted, began);
        if outcome == Err(ReconfigureError::CalledOff) {
            return outcome;
        }
        if let Err(error) = &outcome {
            self.0.note_refused(error, began.elapsed());
            self.refuse_configuration(&error.to_string());
        }
        *self.0.attempt.lock() = outcome.as_ref().err().map(|error| Attempt {
            sources,
            limits,
            private_channels,
            held,
            beyond_bounds: beyond_bounds(&contents, &candidates),
            error: error.clone(),
        });
        outcome
    }

    /// Has the configuration that is being brought into force, if one is, given up for a newer one.
    pub(in super::super) fn call_off_configuration(&self) {
        self.0.configuring_stop.lock().call_off();
    }

    /// Takes down that a configuration cannot be used, which changes nothing that is in force. It
    /// is logged once.
    pub fn refuse_configuration(&self, reason: &str) {
        let mut book = self.0.book.lock();
        if book
            .configuration
            .as_ref()
            .is_some_and(|c| c.reason == reason)
        {
            return;
        }
        tracing::warn!(
            reason,
            "the configuration was refused, or not taken whole; what is in force stays in force"
        );
        book.configuration = Some(RefusedConfiguration {
            at: SystemTime::now(),
            reason: reason.to_owned(),
        });
    }
}

/// What was found to be beyond the bounds of compiling.
fn beyond_bounds(
    contents: &[Result<Content, String>],
    candidates: &[Held],
) -> Vec<(Digest, LoadError)> {
    let candidates = candidates.iter().filter_map(|held| held.get());
    let contents = contents.iter().chain(candidates).flatten();
    contents
        .filter_map(|content| Some((content.digest(), content.beyond_bounds()?)))
        .collect()
}

impl Shared {
    /// Does not compile again what the last configuration found to be beyond the bounds: while that is
    /// refused, it is looked at again with each change of any file.
    pub(super) fn recall(&self, content: &Content, limits: PolicyLimits) {
        let attempt = self.attempt.lock();
        let last = attempt.as_ref().filter(|last| last.limits == limits);
        let mut known = last.iter().flat_map(|last| &last.beyond_bounds);
        if let Some((_, why)) = known.find(|(digest, _)| *digest == content.digest()) {
            content.is_known_beyond_bounds(why.clone());
        }
    }

    fn accept_configuration(&self) {
        let mut book = self.book.lock();
        if book.configuration.take().is_some() {
            tracing::info!("the configuration that was refused has been mended, and is in force");
        }
        for record in &mut book.records {
            record.refused = None;
        }
    }

    /// Takes down with each policy that refused its new configuration what it said.
    fn note_refused(&self, error: &ReconfigureError, took: Duration) {
        let ReconfigureError::Policies(refused) = error else {
            return;
        };
        let mut book = self.book.lock();
        for record in &mut book.records {
            let said = refused.iter().find(|(name, _)| *name == record.source.name);
            record.refused = said.map(|(_, why)| why.clone());
            if let Some((_, why)) = said {
                record.last = Reload::now(Cause::Configuration, took, Some(why.clone()));
            }
        }
    }

    fn reconfigure(&self, wanted: &Wanted<'_>, began: Instant) -> Result<bool, ReconfigureError> {
        {
            let book = self.book.lock();
            let present = book.records.iter().map(|record| &*record.source);
            if wanted.same_terms(&book) && present.eq(wanted.sources.iter()) {
                drop(book);
                self.accept_configuration();
                return Ok(false);
            }
        }
        let planned_on = self.standing();
        let mut plan = self.plan(&planned_on.0, wanted, began)?;
        if !plan.left_out.is_empty() && self.is_in_force(&plan, wanted) {
            self.accept_configuration();
            return Err(ReconfigureError::LeftOut(plan.left_out));
        }
        let _one = self.swapping.lock();
        self.await_settled();
        let (mut set, revision) = self.standing();
        if !Arc::ptr_eq(&set, &planned_on.0) || revision != planned_on.1 {
            // A file was replaced meanwhile, or somebody rolled back or promoted; now nobody can. What
            // was compiled is not compiled again.
            plan = self.plan(&set, wanted, began)?;
            set = self.current.load_full();
        }
        self.put(plan.policies, &set, wanted);
        if plan.left_out.is_empty() {
            Ok(true)
        } else {
            Err(ReconfigureError::LeftOut(plan.left_out))
        }
    }

    /// What is in force, and which change of the records was the last.
    fn standing(&self) -> (Arc<PolicySet>, u64) {
        let book = self.book.lock();
        (self.current.load_full(), book.revision)
    }

    /// Whether a plan, but for what it leaves out, is how things are.
    fn is_in_force(&self, plan: &Plan, wanted: &Wanted<'_>) -> bool {
        let book = self.book.lock();
        let present = book.records.iter().map(|record| &record.source);
        let planned = plan.policies.iter().map(|planned| &planned.record.source);
        wanted.same_terms(&book) && present.eq(planned)
    }

    /// Brings a plan into force, whole.
    fn put(&self, plan: Vec<Planned>, set: &PolicySet, wanted: &Wanted<'_>) {
        let generation = Generation(set.number().0 + 1);
        let now = Instant::now();
        let mut policies = Vec::with_capacity(plan.len());
        let mut records = Vec::with_capacity(plan.len());
        for Planned { record, live } in plan {
            let source = record.source.clone();
            let mut present = set.policies().iter();
            let present = present.find(|policy| policy.source.name == source.name);
            match (live, present) {
                (None, _) | (Some(Live::Same), None) => {}
                (Some(Live::Same), Some(policy)) => {
                    policies.push(policy.again(now).configured(source));
                }
                (Some(Live::New(version)), Some(policy)) => {
                    policies.push(policy.with(version, generation).configured(source));
                }
                (Some(Live::New(version)), None) => {
                    policies.push(Policy::new(source, version, generation));
                }
            }
            records.push(record);
        }
        let mut book = self.book.lock();
        book.limits = wanted.limits;
        book.private_channels = wanted.private_channels;
        book.records = records;
        book.configuration = None;
        let names: Vec<&str> = policies.iter().map(|p| &*p.source.name).collect();
        tracing::info!(
            generation = generation.0,
            policies = ?names,
            private_channels = wanted.private_channels.name(),
            cause = Cause::Configuration.name(),
            "the policies were configured anew"
        );
        self.publish(&book, generation, policies);
    }

    fn plan(
        &self,
        set: &PolicySet,
        wanted: &Wanted<'_>,
        began: Instant,
    ) -> Result<Plan, ReconfigureError> {
        let limits = wanted.limits;
        let mut planned = Vec::with_capacity(wanted.sources.len());
        let (mut refused, mut left_out) = (Vec::new(), Vec::new());
        let files = wanted.contents.iter().zip(wanted.candidates);
        for (source, (content, candidate)) in wanted.sources.iter().zip(files) {
            let loader = self.loader().map_err(ReconfigureError::Engine)?;
            let (old, old_limits) = {
                let book = self.book.lock();
                (book.find(&source.name).cloned(), book.limits)
            };
            let dispensable = !source.wait && old.is_none();
            let mut policies = set.policies().iter();
            let present = policies.find(|policy| policy.source.name == source.name);
            let planning = Planning {
                shared: self,
                loader,
                source,
                content,
                candidate,
                stop: wanted.stop,
                limits,
                same_limits: limits == old_limits,
                old,
                present,
            };
            match planning.plan(began) {
                Ok(plan) => planned.push(plan),
                Err(reason) if dispensable => left_out.push((source.name.clone(), reason)),
                Err(reason) => refused.push((source.name.clone(), reason)),
            }
        }
        if wanted.stop.is_off() {
            return Err(ReconfigureError::CalledOff);
        }
        if refused.is_empty() {
            Ok(Plan {
                policies: planned,
                left_out,
            })
        } else {
            Err(ReconfigureError::Policies(refused))
        }
    }
}
