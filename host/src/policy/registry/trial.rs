//! What a dry run needs to know: the policy as it is configured, a version made of a candidate, and
//! the order in which the candidate would stand. Changes nothing.

use std::sync::Arc;

use super::super::compiling::Stop;
use super::super::dry_run::Place;
use super::super::limits::PolicyLimits;
use super::super::pipeline::Content;
use super::super::set::PolicySet;
use super::super::source::{OnFailure, PolicySource};
use super::super::version::Version;
use super::Policies;

impl Policies {
    /// A policy as it is configured, and what of it is in shadow.
    pub(in super::super) fn configured(
        &self,
        name: &str,
    ) -> Option<(Arc<PolicySource>, PolicyLimits, Option<Arc<Version>>)> {
        let book = self.0.book.lock();
        let record = book.find(name)?;
        let shadow = record.shadow.as_ref().map(|shadow| shadow.version.clone());
        Some((record.source.clone(), book.limits, shadow))
    }

    /// Makes a version of a candidate, as if it were to come into force.
    pub(in super::super) fn try_out(
        &self,
        content: &Content,
        source: &PolicySource,
        limits: PolicyLimits,
    ) -> Result<Arc<Version>, String> {
        // It may be dear, and nobody waits for it but whoever asked.
        let _one = self.0.trying.lock();
        let (in_force, stop) = (self.0.in_force(&source.name), Stop::default());
        let loader = self.0.loader()?;
        Ok(content.version(loader, source, limits, in_force.as_deref(), &stop)?)
    }

    /// The policies in order, with a place for the candidate of this one.
    pub(in super::super) fn places(&self, name: &str, set: &PolicySet) -> Vec<Place> {
        let book = self.0.book.lock();
        let place = |source: &PolicySource| {
            if &*source.name == name {
                let fails_open = source.on_failure == OnFailure::Open;
                return Some(Place::Candidate { fails_open });
            }
            let mut policies = set.policies().iter();
            let policy = policies.find(|policy| policy.source.name == source.name)?;
            Some(Place::Stays(policy.clone()))
        };
        let records = book.records.iter();
        records.filter_map(|record| place(&record.source)).collect()
    }
}
