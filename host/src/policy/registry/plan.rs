//! One policy as a configuration wants it: which version it is to have, and what stands beside it.
//! Changes nothing.

use std::sync::Arc;
use std::time::Instant;

use super::super::capability;
use super::super::compiling::Stop;
use super::super::ladder::Policy;
use super::super::limits::PolicyLimits;
use super::super::loader::Loader;
use super::super::pipeline::Content;
use super::super::shadow::Shadow;
use super::super::source::{self, PolicySource};
use super::super::version::Version;
use super::Shared;
use super::book::{Cause, Held, Record, Reload};

/// A policy as it is to be: its record, and its place among those that decide.
pub(super) struct Planned {
    pub(super) record: Record,
    /// Nothing if it does not decide.
    pub(super) live: Option<Live>,
}

pub(super) enum Live {
    /// The version that is in force now.
    Same,
    /// Another one.
    New(Arc<Version>),
}

/// What one policy is planned from.
pub(super) struct Planning<'a> {
    pub(super) shared: &'a Shared,
    pub(super) loader: &'a Loader,
    pub(super) source: &'a PolicySource,
    pub(super) content: &'a Result<Content, String>,
    /// What its candidate's file holds.
    pub(super) candidate: &'a Held,
    pub(super) stop: &'a Stop,
    pub(super) limits: PolicyLimits,
    pub(super) same_limits: bool,
    pub(super) old: Option<Record>,
    /// As it is in force.
    pub(super) present: Option<&'a Policy>,
}

impl Planning<'_> {
    /// Plans it.
    ///
    /// # Errors
    /// Why it cannot be as it is wanted.
    pub(super) fn plan(&self, began: Instant) -> Result<Planned, String> {
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
        let version = content.version(self.loader, self.source, self.limits, running, self.stop);
        version.map_err(String::from)
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
        self.shared.candidate(
            self.loader,
            source,
            self.limits,
            in_force,
            self.candidate,
            self.stop,
        )
    }
}
