//! Hands the configured policies to the engine, and the engine's answers to the committer. Decides
//! nothing itself.

use std::sync::Arc;

use wardroom_domain::{
    ChannelFacts, CommandFacts, Denial, EventFacts, Generation, Hooks, PrivateChannels, Rendition,
    RequestFacts, Rules, SubjectFacts, Verdict,
};

use crate::commit::{self, Asking};
use crate::config::{self, Config};
use crate::policy::{
    self, CommandQuestion, EventQuestion, Isolation, OnFailure, Policies, PolicyLimits, PolicySet,
    PolicySource, Shadow, StartError, Starting, Surroundings,
};
use crate::wire::{command_name_and_arguments, event_name_and_payload};

/// Finds the configured policies; they are not loaded yet.
pub(super) fn find(
    config: &Config,
    surroundings: Surroundings,
) -> Result<(Policies, Starting), StartError> {
    Policies::prepare(sources(config), limits(config), surroundings)
}

/// The bounds on every call into every policy.
pub(super) fn limits(config: &Config) -> PolicyLimits {
    let bounds = &config.policy;
    PolicyLimits {
        file_bytes: bounds.file_bytes,
        compile_timeout: bounds.compile_timeout,
        compile_memory_bytes: bounds.compile_memory_bytes,
        call_deadline: bounds.deadline,
        start_deadline: bounds.start_deadline,
        memory_bytes: bounds.memory_bytes,
        table_elements: bounds.table_elements,
        output_bytes: bounds.output_bytes,
        warm_memory_bytes: bounds.warm_memory_bytes,
        ..PolicyLimits::default()
    }
}

/// Who has the last word on private channels.
pub(super) fn private_channels(config: &Config) -> PrivateChannels {
    match config.visibility.private_channels {
        config::PrivateChannels::Members => PrivateChannels::Members,
        config::PrivateChannels::Policies => PrivateChannels::Policies,
    }
}

/// Says in the log who may see a private channel: a policy that widens does so only where it may.
pub(super) fn log_private_channels(policies: &Policies) {
    let private_channels = policies.current().private_channels();
    let meaning = match private_channels {
        PrivateChannels::Members => {
            "the built-in rule is in force, beside whatever policies say: a private channel is for its \
             listed members"
        }
        PrivateChannels::Policies => {
            "the built-in rule is not in force: policies alone say who sees a private channel"
        }
    };
    tracing::info!(private_channels = private_channels.name(), "{meaning}");
}

/// The list of policies.
pub(super) fn sources(config: &Config) -> Vec<PolicySource> {
    let sources = config.policies.iter().map(|policy| PolicySource {
        name: Arc::from(policy.name.as_str()),
        file: policy.file.clone(),
        settings: policy.settings.clone(),
        on_failure: match policy.on_failure {
            config::OnFailure::Closed => OnFailure::Closed,
            config::OnFailure::Open => OnFailure::Open,
        },
        wait: policy.wait,
        isolation: match policy.isolation {
            config::Isolation::Reuse => Isolation::Reuse,
            config::Isolation::PerCall => Isolation::PerCall,
        },
        grants: policy.grants.clone(),
        shadow: match &policy.shadow {
            config::Shadow::Off => Shadow::Off,
            config::Shadow::Whole => Shadow::Whole,
            config::Shadow::Candidate(file) => Shadow::Candidate(file.clone()),
        },
    });
    sources.collect()
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
        self.policies.hooks()
    }

    fn audience(&self, about: Asking<'_>, channel: &ChannelFacts) -> Rules {
        self.policies.audience(asking(about), channel)
    }

    fn decide(
        &self,
        about: Asking<'_>,
        policy: usize,
        channel: &ChannelFacts,
        subjects: &[SubjectFacts],
    ) -> Vec<bool> {
        let about = asking(about);
        self.policies.decide(about, policy, channel, subjects)
    }

    fn admit(&self, about: Asking<'_>, request: &RequestFacts) -> Result<(), Denial> {
        self.policies.admit(asking(about), request)
    }

    fn authorize(&self, about: Asking<'_>, facts: &CommandFacts) -> Verdict {
        self.policies.authorize(asking(about), &command(facts))
    }

    fn render(&self, about: Asking<'_>, facts: &EventFacts) -> Option<Vec<Rendition>> {
        self.policies.render(asking(about), &event(facts))
    }

    fn rendering_looks_up(&self) -> bool {
        self.policies.rendering_looks_up()
    }
}

/// The same, as the policies' room says it.
pub(super) fn asking(about: Asking<'_>) -> policy::Asking<'_> {
    policy::Asking {
        workspace: about.workspace,
        state: about.state,
        now: None,
    }
}

/// A command, as policies are told of it.
pub(super) fn command(facts: &CommandFacts) -> CommandQuestion {
    let (name, arguments) = command_name_and_arguments(&facts.command);
    CommandQuestion {
        name: Arc::from(name),
        arguments,
        subject: facts.subject.clone(),
        channel: facts.channel.clone(),
    }
}

/// An event, as policies are told of it.
pub(super) fn event(facts: &EventFacts) -> EventQuestion {
    let (name, payload) = event_name_and_payload(&facts.event);
    EventQuestion {
        name: Arc::from(name),
        payload,
        subject: facts.subject.clone(),
        channel: facts.channel.clone(),
    }
}

/// The policies as the committer sees them.
pub(super) struct Current(pub(super) Policies);

impl commit::Policies for Current {
    fn generation(&self) -> Option<Generation> {
        self.0.standing().map(|(generation, _)| generation)
    }

    fn standing(&self) -> Option<(Generation, Hooks)> {
        self.0.standing()
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
