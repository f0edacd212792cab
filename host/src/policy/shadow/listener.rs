//! The thread on which shadows answer: takes what was shown, asks the shadow the same, compares.
//! Knows nothing of how an answer comes to hold.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::SystemTime;

use wardroom_domain::{
    ChannelFacts, Form, Json, PrivateChannels, RequestFacts, Rule, SubjectFacts, UserId, Workspace,
    WorkspaceId,
};

use super::super::decision::Hook;
use super::super::failure::Failure;
use super::super::question::{Asking, CommandQuestion, EventQuestion};
use super::super::version::{Attempt, On, Version};
use super::compare::{self, Difference, Verdict};
use super::tally::Sample;
use super::{Shadow, allowed};
use crate::limits::{POLICY_SHADOW_PEOPLE, POLICY_SHADOW_QUEUE};
use crate::metrics::Metrics;
use crate::threads;

/// Something that was asked, with the answer that holds.
pub(super) enum Question {
    Admission {
        request: RequestFacts,
        live: Verdict,
    },
    Command {
        command: CommandQuestion,
        live: Verdict,
    },
    Channel {
        channel: ChannelFacts,
        live: Rule,
        /// Who has the last word on it, if it is private.
        private_channels: PrivateChannels,
    },
    Subjects {
        channel: ChannelFacts,
        subjects: Vec<SubjectFacts>,
        live: Vec<bool>,
    },
    Event {
        event: EventQuestion,
        payload: Json,
        live: Form,
    },
}

/// A question for one shadow, with the state that it was put on: a copy that shares everything.
pub(in super::super) struct Observation {
    pub(super) shadow: Arc<Shadow>,
    pub(super) workspace: WorkspaceId,
    pub(super) state: Workspace,
    pub(super) at: SystemTime,
    pub(super) hook: Hook,
    pub(super) question: Question,
}

/// Starts the thread. It ends when nobody can show it anything any more.
pub(in super::super) fn listen(
    metrics: Option<Arc<Metrics>>,
) -> std::io::Result<SyncSender<Observation>> {
    let (queue, shown) = sync_channel(POLICY_SHADOW_QUEUE);
    threads::keep("policy-shadow", move || run(&shown, metrics.as_deref()))?;
    Ok(queue)
}

fn run(shown: &Receiver<Observation>, metrics: Option<&Metrics>) {
    while let Ok(observation) = shown.recv() {
        let shadow = &observation.shadow;
        for difference in differences(&observation) {
            if let Some(metrics) = metrics {
                let (hook, kind) = (observation.hook.name(), difference.kind.name());
                metrics
                    .policies()
                    .shadow_difference(&shadow.policy, hook, kind);
            }
            shadow.tally.differed(sample(&observation, difference));
        }
        // Last, so that whoever sees it counted sees what came of it too.
        shadow.tally.asked();
    }
}

fn differences(observation: &Observation) -> Vec<Difference> {
    let asking = Asking {
        workspace: &observation.workspace,
        state: &observation.state,
        now: Some(observation.at),
    };
    let shadow = &observation.shadow;
    ask(&shadow.version, asking, &observation.question)
        .unwrap_or_else(|failure| vec![Difference::failed(failure)])
}

/// Asks a version the same question. Where it does not export the hook, nothing would be refused.
fn ask(
    version: &Version,
    asking: Asking<'_>,
    question: &Question,
) -> Result<Vec<Difference>, Failure> {
    Ok(match question {
        Question::Admission { request, live } => {
            let answer = if version.exports(Hook::Admission) {
                version
                    .admit(Attempt::now(On::Any), asking, request)?
                    .map(|()| None)
            } else {
                allowed()
            };
            compare::verdicts(live, &answer).into_iter().collect()
        }
        Question::Command { command, live } => {
            let answer = if version.exports(Hook::Commands) {
                version.authorize(Attempt::now(On::Any), asking, command)?
            } else {
                allowed()
            };
            compare::verdicts(live, &answer).into_iter().collect()
        }
        Question::Channel {
            channel,
            live,
            private_channels,
        } => {
            let rule = rule(version, asking, channel)?;
            if compare::same_rule(live, &rule) {
                return Ok(Vec::new());
            }
            let people = people(asking.state, channel, *private_channels);
            let sees = |s: &SubjectFacts| live.allows(channel, s).unwrap_or(false);
            let live: Vec<bool> = people.iter().map(sees).collect();
            let answer = seen(version, asking, channel, &rule, &people)?;
            compare::views(&live, &answer)
        }
        Question::Subjects {
            channel,
            subjects,
            live,
        } => {
            let rule = rule(version, asking, channel)?;
            let answer = seen(version, asking, channel, &rule, subjects)?;
            compare::views(live, &answer)
        }
        Question::Event {
            event,
            payload,
            live,
        } => {
            let answer = if version.exports(Hook::Events) {
                version.render(Attempt::now(On::Any), asking, event, payload)?
            } else {
                Form::Unchanged
            };
            compare::forms(live, &answer, payload).into_iter().collect()
        }
    })
}

/// The rule that a version has for a channel.
fn rule(version: &Version, asking: Asking<'_>, channel: &ChannelFacts) -> Result<Rule, Failure> {
    if version.exports(Hook::Visibility) {
        version.audience(Attempt::now(On::Any), asking, channel)
    } else {
        Ok(Rule::Everyone)
    }
}

/// Whom of these people a version lets see a channel by a rule that it gave.
pub(in super::super) fn seen(
    version: &Version,
    asking: Asking<'_>,
    channel: &ChannelFacts,
    rule: &Rule,
    people: &[SubjectFacts],
) -> Result<Vec<bool>, Failure> {
    if *rule == Rule::Each {
        return version.decide(Attempt::now(On::Any), asking, channel, people);
    }
    let sees = |person: &SubjectFacts| rule.allows(channel, person).unwrap_or(false);
    Ok(people.iter().map(sees).collect())
}

/// Those of whom the policies decide whether they see a channel: where the built-in rule is in force,
/// nobody else sees it, whatever any of them says.
fn people(
    state: &Workspace,
    channel: &ChannelFacts,
    private_channels: PrivateChannels,
) -> Vec<SubjectFacts> {
    let built_in = Rule::built_in(channel);
    let concerned = |person: &&SubjectFacts| match private_channels {
        PrivateChannels::Members => built_in.allows(channel, person) == Some(true),
        PrivateChannels::Policies => true,
    };
    let people = state.subjects();
    let people = people.iter().filter(concerned);
    people.take(POLICY_SHADOW_PEOPLE).cloned().collect()
}

fn sample(observation: &Observation, difference: Difference) -> Sample {
    let nth = |people: &[SubjectFacts]| -> Option<UserId> {
        Some(people.get(difference.person?)?.user.clone())
    };
    let (subject, channel, name) = match &observation.question {
        Question::Admission { request, .. } => (Some(request.subject.user.clone()), None, None),
        Question::Command { command, .. } => (
            Some(command.subject.user.clone()),
            command.channel.as_ref().map(|c| c.id.clone()),
            Some(command.name.clone()),
        ),
        Question::Channel {
            channel,
            private_channels,
            ..
        } => {
            let people = || people(&observation.state, channel, *private_channels);
            let person = difference.person.and_then(|_| nth(&people()));
            (person, Some(channel.id.clone()), None)
        }
        Question::Subjects {
            channel, subjects, ..
        } => (nth(subjects), Some(channel.id.clone()), None),
        Question::Event { event, .. } => (
            event.subject.as_ref().map(|s| s.user.clone()),
            event.channel.as_ref().map(|c| c.id.clone()),
            Some(event.name.clone()),
        ),
    };
    Sample {
        at: observation.at,
        workspace: observation.workspace.clone(),
        hook: observation.hook,
        kind: difference.kind,
        subject,
        channel,
        name,
        live: difference.live,
        shadow: difference.shadow,
        keys: difference.keys,
    }
}
