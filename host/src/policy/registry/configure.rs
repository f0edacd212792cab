//! The list of policies was configured anew: the whole of it comes into force at once, or none of
//! it. Knows nothing of how configuration is written.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use wardroom_domain::{Generation, PrivateChannels};

use super::super::capability;
use super::super::component::Digest;
use super::super::ladder::Policy;
use super::super::limits::PolicyLimits;
use super::super::loader::Loader;
use super::super::pipeline::Content;
use super::super::set::PolicySet;
use super::super::shadow::Shadow;
use super::super::source::{self, PolicySource};
use super::super::version::Version;
use super::book::{Cause, Record, RefusedConfiguration, Reload, Wanted};
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
}

/// A configuration that was tried, and what its files held then.
pub(super) struct Attempt {
    sources: Vec<PolicySource>,
    limits: PolicyLimits,
    private_channels: PrivateChannels,
    held: Vec<Option<Digest>>,
    error: ReconfigureError,
}

/// A list of policies as it is to be.
struct Plan {
    policies: Vec<Planned>,
    /// Policies that the server does without, and why.
    left_out: Vec<(Arc<str>, String)>,
}

/// A policy as it is to be: its record, and its place among those that decide.
struct Planned {
    record: Record,
    live: Option<Live>,
}

enum Live {
    /// The version that is in force now.
    Same,
    /// Another one.
    New(Arc<Version>),
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
        let _one = self.0.building.lock();
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
        let wanted = Wanted {
            sources: &sources,
            contents: &contents,
            limits,
            private_channels,
        };
        let outcome = self.0.reconfigure(&wanted, began);
        if let Err(error) = &outcome {
            self.0.note_refused(error, began.elapsed());
            self.refuse_configuration(&error.to_string());
        }
        *self.0.attempt.lock() = outcome.as_ref().err().map(|error| Attempt {
            sources,
            limits,
            private_channels,
            held,
            error: error.clone(),
        });
        outcome
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

impl Shared {
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
        let planned_on = self.current.load_full();
        let mut plan = self.plan(&planned_on, wanted, began)?;
        if !plan.left_out.is_empty() && self.is_in_force(&plan, wanted) {
            self.accept_configuration();
            return Err(ReconfigureError::LeftOut(plan.left_out));
        }
        let _one = self.swapping.lock();
        self.await_settled();
        let mut set = self.current.load_full();
        if !Arc::ptr_eq(&set, &planned_on) {
            // Somebody rolled back or promoted meanwhile; now nobody can.
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
        for (source, content) in wanted.sources.iter().zip(wanted.contents) {
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

/// What one policy is planned from.
struct Planning<'a> {
    shared: &'a Shared,
    loader: &'a Loader,
    source: &'a PolicySource,
    content: &'a Result<Content, String>,
    limits: PolicyLimits,
    same_limits: bool,
    old: Option<Record>,
    /// As it is in force.
    present: Option<&'a Policy>,
}

impl Planning<'_> {
    fn plan(&self, began: Instant) -> Result<Planned, String> {
        capability::check_grants(&self.source.grants)?;
        let running = self.running();
        let (version, stale) = match &running {
            Some(running) if self.is_made_the_same() => (running.clone(), self.stale()),
            Some(running) => self.anew(running)?,
            None => (self.read_anew(None)?, None),
        };
        let changed = !running.is_some_and(|running| Arc::ptr_eq(&running, &version));
        let source = self.shared_source();
        let mut record = match &self.old {
            Some(old) if !changed => Record {
                source: source.clone(),
                refused: None,
                ..old.clone()
            },
            old => Record {
                held: old.as_ref().and_then(|old| old.held),
                ..Record::new(
                    source.clone(),
                    Reload::now(Cause::Configuration, began.elapsed(), None),
                )
            },
        };
        record.stale = stale;
        record.promoted = self.stays_promoted();
        if source.shadow == source::Shadow::Whole && !record.promoted {
            let old = self.old.as_ref().and_then(Record::whole);
            let same = old.filter(|shadow| Arc::ptr_eq(&shadow.version, &version));
            let shadow = same.cloned();
            record.shadow = shadow.or_else(|| Some(Shadow::whole(&source, version)));
            return Ok(Planned { record, live: None });
        }
        (record.shadow, record.shadow_error) = self.candidate(&source, &version, &record);
        let same = self
            .present
            .is_some_and(|p| Arc::ptr_eq(&p.version, &version));
        let live = Some(if same { Live::Same } else { Live::New(version) });
        Ok(Planned { record, live })
    }

    /// The same handle where nothing changed, so that its files need not be looked at again.
    fn shared_source(&self) -> Arc<PolicySource> {
        match &self.old {
            Some(old) if *old.source == *self.source && self.same_limits => old.source.clone(),
            _ => Arc::new(self.source.clone()),
        }
    }

    fn running(&self) -> Option<Arc<Version>> {
        let whole = || self.old.as_ref()?.whole().map(|s| s.version.clone());
        self.present.map(|p| p.version.clone()).or_else(whole)
    }

    fn stale(&self) -> Option<String> {
        self.old.as_ref().and_then(|old| old.stale.clone())
    }

    /// Whether a version made of the same file would be the same as before.
    fn is_made_the_same(&self) -> bool {
        self.same_limits
            && self.old.as_ref().is_some_and(|old| {
                old.source.file == self.source.file
                    && old.source.settings == self.source.settings
                    && old.source.isolation == self.source.isolation
            })
    }

    fn stays_promoted(&self) -> bool {
        let old = self.old.as_ref();
        old.is_some_and(|old| old.promoted && old.source.shadow == self.source.shadow)
    }

    fn read_anew(&self, running: Option<&Version>) -> Result<Arc<Version>, String> {
        let content = self.content.as_ref().map_err(Clone::clone)?;
        content.version(self.loader, self.source, self.limits, running)
    }

    /// A version for another file, other settings or other limits. The file goes first; while it is
    /// the same file and holds nothing good, the component that runs is taken as it is.
    fn anew(&self, running: &Version) -> Result<(Arc<Version>, Option<String>), String> {
        let old = self.old.as_ref();
        let again = || {
            let version = self.loader.again(self.source, self.limits, running);
            version.map(Arc::new).map_err(|refusal| refusal.to_string())
        };
        if old.is_none_or(|old| old.source.file != self.source.file) {
            return Ok((self.read_anew(Some(running))?, None));
        }
        let held = old.and_then(|old| old.held);
        let digest = self.content.as_ref().ok().map(Content::digest);
        if digest == Some(running.digest()) || (digest.is_some() && digest == held) {
            return Ok((again()?, None));
        }
        match self.read_anew(Some(running)) {
            Ok(version) => Ok((version, None)),
            Err(reason) => match again() {
                Ok(version) => Ok((version, Some(reason))),
                Err(_) => Err(reason),
            },
        }
    }

    fn candidate(
        &self,
        source: &Arc<PolicySource>,
        in_force: &Version,
        record: &Record,
    ) -> (Option<Arc<Shadow>>, Option<String>) {
        if record.promoted {
            return (None, None);
        }
        if let Some(old) = &self.old
            && old.source.shadow == self.source.shadow
            && self.is_made_the_same()
        {
            return (old.shadow.clone(), old.shadow_error.clone());
        }
        self.shared
            .candidate(self.loader, source, self.limits, in_force)
    }
}
