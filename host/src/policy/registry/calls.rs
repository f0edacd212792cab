//! What an operator may call for: the version before, the version in shadow, a report on a shadow.
//! Knows nothing of how the call came.

use std::sync::Arc;
use std::time::Instant;

use wardroom_domain::Generation;

use super::super::ladder::Policy;
use super::super::shadow::ShadowReport;
use super::Policies;
use super::book::{Cause, Reload};
use super::status::{self, PolicyStatus};

/// Why there was no rollback.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RollbackError {
    /// No policy of this name is configured.
    #[error("there is no policy of this name")]
    UnknownPolicy,
    /// The whole policy is in shadow and decides nothing.
    #[error("the policy is in shadow, so that no version of it is in force")]
    NotInForce,
    /// It is the first version since the server started, or the one a rollback led to.
    #[error("there is no version before the one in force; put another file in its place")]
    NoFormer,
}

/// Why nothing was promoted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PromoteError {
    /// No policy of this name is configured.
    #[error("there is no policy of this name")]
    UnknownPolicy,
    /// Nothing of the policy is in shadow.
    #[error(
        "nothing of the policy is in shadow; set shadow = true or shadow_file in the configuration"
    )]
    NoShadow,
    /// Something should be in shadow, and was refused.
    #[error("the candidate cannot be promoted: {0}")]
    Refused(String),
}

/// Why there is no report on a shadow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShadowError {
    /// No policy of this name is configured.
    #[error("there is no policy of this name")]
    UnknownPolicy,
    /// Nothing of the policy is in shadow.
    #[error(
        "nothing of the policy is in shadow; set shadow = true or shadow_file in the configuration"
    )]
    NoShadow,
}

impl Policies {
    /// Brings the version before into force again, with the settings that it had. It stays until the
    /// file holds something else or the policy is configured otherwise; after a restart the file
    /// decides. Waits until the last swap has settled: not for a thread that serves anybody.
    ///
    /// # Errors
    /// There is nothing to go back to.
    pub fn rollback(&self, name: &str) -> Result<PolicyStatus, RollbackError> {
        let began = Instant::now();
        let _one = self.0.swapping.lock();
        self.0.await_settled();
        let mut book = self.0.book.lock();
        let record = book.find_mut(name).ok_or(RollbackError::UnknownPolicy)?;
        let set = self.current();
        let policy = set.policies().iter().find(|p| &*p.source.name == name);
        let policy = policy.ok_or(RollbackError::NotInForce)?;
        let next = Generation(set.number().0 + 1);
        let back = policy.back(next).ok_or(RollbackError::NoFormer)?;
        record.held = Some(policy.version.digest());
        record.stale = None;
        record.last = Reload::now(Cause::Rollback, began.elapsed(), None);
        let generation = self.0.replace(&book, name, |_, _| back.clone());
        tracing::warn!(
            policy = name,
            digest = %back.version.digest(),
            from = %policy.version.digest(),
            generation = generation.0,
            cause = Cause::Rollback.name(),
            "policy replaced"
        );
        let set = self.current();
        status::one(&set, &book, name).ok_or(RollbackError::UnknownPolicy)
    }

    /// Brings what is in shadow into force: a candidate in the place of the present version, or the
    /// whole policy at its place in the order. It stays until the file holds something else or the
    /// policy is configured otherwise; the configuration must follow for it to survive a restart.
    /// Waits until the last swap has settled: not for a thread that serves anybody.
    ///
    /// # Errors
    /// There is nothing to promote.
    pub fn promote(&self, name: &str) -> Result<PolicyStatus, PromoteError> {
        let began = Instant::now();
        let _one = self.0.swapping.lock();
        self.0.await_settled();
        let mut book = self.0.book.lock();
        let record = book.find_mut(name).ok_or(PromoteError::UnknownPolicy)?;
        if let Some(reason) = &record.shadow_error {
            return Err(PromoteError::Refused(reason.clone()));
        }
        let shadow = record.shadow.take().ok_or(PromoteError::NoShadow)?;
        record.promoted = true;
        let source = record.source.clone();
        let set = self.current();
        let in_force = set.policies().iter().find(|p| &*p.source.name == name);
        if let Some(policy) = in_force {
            // The file still holds it: writing it again must not undo the promotion.
            record.held = Some(policy.version.digest());
            record.stale = None;
        }
        record.last = Reload::now(Cause::Promotion, began.elapsed(), None);
        let version = shadow.version.clone();
        let generation = if in_force.is_some() {
            self.0.replace(&book, name, |policy, generation| {
                policy.with(version.clone(), generation)
            })
        } else {
            let generation = Generation(set.number().0 + 1);
            let now = Instant::now();
            let place = |record: &super::Record| {
                if Arc::ptr_eq(&record.source, &source) {
                    return Some(Policy::new(source.clone(), version.clone(), generation));
                }
                let mut policies = set.policies().iter();
                let policy = policies.find(|p| p.source.name == record.source.name)?;
                Some(policy.again(now))
            };
            let policies = book.records.iter().filter_map(place).collect();
            self.0.publish(&book, generation, policies);
            generation
        };
        tracing::warn!(
            policy = name,
            digest = %version.digest(),
            generation = generation.0,
            cause = Cause::Promotion.name(),
            "policy replaced; the configuration must follow for it to survive a restart"
        );
        let set = self.current();
        status::one(&set, &book, name).ok_or(PromoteError::UnknownPolicy)
    }

    /// What a shadow came to so far.
    ///
    /// # Errors
    /// There is none.
    pub fn shadow(&self, name: &str) -> Result<ShadowReport, ShadowError> {
        let book = self.0.book.lock();
        let record = book.find(name).ok_or(ShadowError::UnknownPolicy)?;
        status::shadow(record).ok_or(ShadowError::NoShadow)
    }
}
