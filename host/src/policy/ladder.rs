//! A policy in force, and the ladder that a question goes down when it fails: fresh instance, last
//! good version, configured end. Knows neither the other policies nor what is asked.

use std::sync::Arc;
use std::time::{Duration, Instant};

use wardroom_domain::Generation;

use super::component::Digest;
use super::decision::Hook;
use super::failure::Failure;
use super::source::{OnFailure, PolicySource};
use super::version::{On, Version};

/// A policy in force.
#[derive(Clone)]
pub(super) struct Policy {
    pub(super) source: Arc<PolicySource>,
    pub(super) version: Arc<Version>,
    /// The version before, which answers when this one cannot.
    pub(super) former: Option<Arc<Version>>,
    /// The generation that brought the version.
    pub(super) since: Generation,
}

/// What came of a question.
pub(super) struct Asked<R> {
    /// The answer; without it the configured end holds.
    pub(super) answer: Option<R>,
    /// The version that answered.
    pub(super) by: Option<Digest>,
    /// How long all attempts took together.
    pub(super) took: Duration,
}

impl Policy {
    /// Whether it answers a question that it fails on as if it were not there.
    pub(super) fn fails_open(&self) -> bool {
        self.source.on_failure == OnFailure::Open
    }

    /// Whether an answer to this hook may depend on the whole directory.
    pub(super) fn looks_up(&self, hook: Hook) -> bool {
        let versions = [Some(&self.version), self.former.as_ref()];
        self.version.exports(hook) && versions.into_iter().flatten().any(|v| v.looks_up())
    }

    /// Goes down the ladder as far as the configured end, which is the caller's.
    pub(super) fn ask<R>(
        &self,
        generation: Generation,
        hook: Hook,
        answer: impl Fn(&Version, On) -> Result<R, Failure>,
    ) -> Asked<R> {
        let began = Instant::now();
        let former = self.former.as_ref().filter(|v| v.exports(hook));
        let ladder = [(&self.version, On::Any), (&self.version, On::Fresh)]
            .into_iter()
            .chain(former.map(|version| (version, On::Fresh)));
        for (version, on) in ladder {
            match answer(version, on) {
                Ok(answer) => {
                    return Asked {
                        answer: Some(answer),
                        by: Some(version.digest()),
                        took: began.elapsed(),
                    };
                }
                Err(failure) => {
                    if version.note(&failure) {
                        self.log(generation, hook, version, &failure);
                    }
                }
            }
        }
        Asked {
            answer: None,
            by: None,
            took: began.elapsed(),
        }
    }

    fn log(&self, generation: Generation, hook: Hook, version: &Version, failure: &Failure) {
        tracing::error!(
            policy = &*self.source.name,
            digest = %version.digest(),
            generation = generation.0,
            hook = hook.name(),
            kind = failure.kind.name(),
            detail = failure.detail,
            on_failure = ?self.source.on_failure,
            "the policy failed to answer; a failure of this kind is logged once for each version"
        );
    }
}
