//! Hands the configured policies to the engine, and the engine's answers to the committer and to
//! operators. Decides nothing itself.

use std::sync::Arc;

use wardroom_domain::{
    ChannelFacts, CommandFacts, Denial, EventFacts, Generation, Hooks, Rendition, RequestFacts,
    Rule, SubjectFacts, Verdict,
};

use crate::commit::{self, Asking};
use crate::config::{self, Config};
use crate::http;
use crate::policy::{
    OnFailure, Policies, PolicyLimits, PolicySet, PolicySource, PolicyState, StartError,
};

/// Loads the configured policies, which takes up to seconds.
pub(super) fn load(config: &Config) -> Result<Policies, StartError> {
    let bounds = &config.policy;
    let limits = PolicyLimits {
        file_bytes: bounds.file_bytes,
        call_deadline: bounds.deadline,
        start_deadline: bounds.start_deadline,
        memory_bytes: bounds.memory_bytes,
        table_elements: bounds.table_elements,
        output_bytes: bounds.output_bytes,
    };
    let sources = config.policies.iter().map(|policy| PolicySource {
        name: Arc::from(policy.name.as_str()),
        file: policy.file.clone(),
        settings: policy.settings.clone(),
        on_failure: match policy.on_failure {
            config::OnFailure::Closed => OnFailure::Closed,
            config::OnFailure::Open => OnFailure::Open,
        },
    });
    Policies::load(sources.collect(), limits)
}

/// A set of policies of which at least one exports a hook.
struct Set {
    policies: Arc<PolicySet>,
    generation: Generation,
}

impl commit::PolicySet for Set {
    fn generation(&self) -> Generation {
        self.generation
    }

    fn hooks(&self) -> Hooks {
        Hooks {
            visibility: true,
            ..Hooks::default()
        }
    }

    fn audience(&self, _: Asking<'_>, channel: &ChannelFacts) -> Vec<Rule> {
        self.policies.audience(channel)
    }

    fn decide(
        &self,
        _: Asking<'_>,
        policy: usize,
        channel: &ChannelFacts,
        subjects: &[SubjectFacts],
    ) -> Vec<bool> {
        self.policies.decide(policy, channel, subjects)
    }

    fn admit(&self, _: Asking<'_>, _: &RequestFacts) -> Result<(), Denial> {
        Ok(())
    }

    fn authorize(&self, _: Asking<'_>, _: &CommandFacts) -> Verdict {
        Verdict::Allowed(None)
    }

    fn render(&self, _: Asking<'_>, _: &EventFacts) -> Option<Vec<Rendition>> {
        None
    }
}

/// The policies as the committer sees them.
pub(super) struct Current(pub(super) Policies);

impl commit::Policies for Current {
    fn generation(&self) -> Option<Generation> {
        self.0.current().generation()
    }

    fn current(&self) -> Option<Arc<dyn commit::PolicySet>> {
        let policies = self.0.current();
        let generation = policies.generation()?;
        Some(Arc::new(Set {
            policies,
            generation,
        }))
    }
}

/// The policies as operators see them.
pub(super) fn status(policies: &Policies) -> Vec<http::PolicyStatus> {
    let status = policies.status().into_iter();
    status
        .map(|policy| http::PolicyStatus {
            name: policy.name.to_string(),
            generation: policy.generation.0,
            file: policy.file.display().to_string(),
            digest: policy.digest.to_string(),
            hooks: policy.hooks.iter().map(|&hook| hook.to_owned()).collect(),
            state: match policy.state {
                PolicyState::Active => http::PolicyState::Active,
                PolicyState::Failing => http::PolicyState::Failing,
                PolicyState::Stale => http::PolicyState::Stale,
            },
            failures: policy.failures,
            last_error: policy.last_error,
        })
        .collect()
}
