//! The policies in force: an immutable set, published whole, and the questions put to it. A
//! question that fails goes down the ladder: fresh instance, last good version, configured end.
//! Knows neither files nor the engine.

use std::path::PathBuf;
use std::sync::Arc;

use wardroom_domain::{ChannelFacts, Generation, Json, Rule, SubjectFacts};

use super::instance::{Failure, On, Version};

/// What holds for a question that a policy fails to answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// Nobody sees, nobody enters.
    #[default]
    Closed,
    /// As if the policy were not there.
    Open,
}

/// A policy as the operator configured it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicySource {
    /// The name it has in the log and in the API; no other policy has it.
    pub name: Arc<str>,
    /// Its file.
    pub file: PathBuf,
    /// What its `configure` is given: a JSON object.
    pub settings: Json,
    /// What holds when it fails.
    pub on_failure: OnFailure,
}

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

/// All policies in force at one time, in configured order.
pub struct PolicySet {
    generation: Generation,
    policies: Vec<Policy>,
    /// Places of those that answer who sees a channel.
    visibility: Vec<usize>,
}

impl PolicySet {
    pub(super) fn new(generation: Generation, policies: Vec<Policy>) -> Self {
        let visibility = (0..policies.len())
            .filter(|place| policies[*place].version.visibility())
            .collect();
        Self {
            generation,
            policies,
            visibility,
        }
    }

    /// The same set with a new version in one place.
    pub(super) fn with(&self, place: usize, version: Arc<Version>) -> Self {
        let generation = Generation(self.generation.0 + 1);
        let mut policies = self.policies.clone();
        let policy = &mut policies[place];
        policy.former = Some(std::mem::replace(&mut policy.version, version));
        policy.since = generation;
        Self::new(generation, policies)
    }

    pub(super) fn policies(&self) -> &[Policy] {
        &self.policies
    }

    pub(super) fn number(&self) -> Generation {
        self.generation
    }

    /// The set's generation, or nothing if no policy answers who sees a channel: then the
    /// built-in rule holds and there is nobody to ask.
    #[must_use]
    pub fn generation(&self) -> Option<Generation> {
        (!self.visibility.is_empty()).then_some(self.generation)
    }

    /// Which rules hold for a channel: one for each visibility policy, in order. Whoever all of
    /// them allow sees it. Runs guests, in place, for microseconds each.
    #[must_use]
    pub fn audience(&self, channel: &ChannelFacts) -> Vec<Rule> {
        self.visibility
            .iter()
            .map(|place| self.policies[*place].audience(self.generation, channel))
            .collect()
    }

    /// Whether each of the subjects sees the channel, says the policy whose rule was
    /// [`Rule::Each`]; `policy` is the rule's place in the answer of [`Self::audience`].
    /// Where there is no such policy, nobody does.
    #[must_use]
    pub fn decide(
        &self,
        policy: usize,
        channel: &ChannelFacts,
        subjects: &[SubjectFacts],
    ) -> Vec<bool> {
        match self.visibility.get(policy) {
            Some(place) => self.policies[*place].decide(self.generation, channel, subjects),
            None => vec![false; subjects.len()],
        }
    }
}

impl Policy {
    fn audience(&self, generation: Generation, channel: &ChannelFacts) -> Rule {
        let answer = |version: &Version, on| version.audience(on, channel);
        self.ask(generation, "channel-visibility.audience", answer)
            .unwrap_or(match self.source.on_failure {
                OnFailure::Closed => Rule::Nobody,
                OnFailure::Open => Rule::Everyone,
            })
    }

    fn decide(
        &self,
        generation: Generation,
        channel: &ChannelFacts,
        subjects: &[SubjectFacts],
    ) -> Vec<bool> {
        let answer = |version: &Version, on| {
            if std::ptr::eq(version, &*self.version) {
                return version.decide(on, channel, subjects);
            }
            // The former version may never have said `each` of this channel.
            match version.audience(on, channel)? {
                Rule::Each => version.decide(on, channel, subjects),
                rule => Ok(subjects
                    .iter()
                    .map(|subject| rule.allows(channel, subject).unwrap_or(false))
                    .collect()),
            }
        };
        self.ask(generation, "channel-visibility.decide", answer)
            .unwrap_or_else(|| vec![self.source.on_failure == OnFailure::Open; subjects.len()])
    }

    /// Goes down the ladder as far as the configured end, which is the caller's.
    fn ask<R>(
        &self,
        generation: Generation,
        hook: &'static str,
        answer: impl Fn(&Version, On) -> Result<R, Failure>,
    ) -> Option<R> {
        let former = self.former.as_ref().filter(|v| v.visibility());
        let ladder = [(&self.version, On::Any), (&self.version, On::Fresh)]
            .into_iter()
            .chain(former.map(|version| (version, On::Fresh)));
        for (version, on) in ladder {
            match answer(version, on) {
                Ok(answer) => return Some(answer),
                Err(failure) => {
                    if version.note(&failure) {
                        self.log(generation, hook, version, &failure);
                    }
                }
            }
        }
        None
    }

    fn log(&self, generation: Generation, hook: &str, version: &Version, failure: &Failure) {
        tracing::error!(
            policy = &*self.source.name,
            digest = %version.digest(),
            generation = generation.0,
            hook,
            kind = failure.kind.name(),
            detail = failure.detail,
            on_failure = ?self.source.on_failure,
            "the policy failed to answer; a failure of this kind is logged once for each version"
        );
    }
}
