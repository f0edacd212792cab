//! The policies in force: an immutable set, published whole, and the questions put to it. Combines
//! what the policies say. Knows neither files nor the engine.

use std::sync::Arc;
use std::time::Instant;

use wardroom_domain::{
    ChannelFacts, Denial, Form, Generation, Hooks, Pipeline, PrivateChannels, Rendition,
    RequestFacts, Rule, Rules, SubjectFacts, Verdict,
};

use super::convert::Grant;
use super::decision::{DecisionSink, Hook};
use super::denials::Denials;
use super::failure::Failure;
use super::hearing::{Hearing, Matter, Why};
use super::ladder::{Asked, Policy};
use super::offenders::Origin;
use super::question::{Asking, CommandQuestion, EventQuestion};
use super::shadow::Shadows;
use super::version::{Attempt, Version};
use crate::json;

/// All policies in force at one time, in configured order.
pub struct PolicySet {
    generation: Generation,
    policies: Vec<Policy>,
    hooks: Hooks,
    /// For each hook, the places of those that answer it.
    places: [Vec<usize>; Hook::ALL.len()],
    sink: Option<Arc<dyn DecisionSink>>,
    /// Those of the server, whatever the generation.
    denials: Arc<Denials>,
    /// Those that are only asked, and compared with the answers given here.
    shadows: Shadows,
}

impl PolicySet {
    pub(super) fn new(
        generation: Generation,
        policies: Vec<Policy>,
        (sink, denials): (Option<Arc<dyn DecisionSink>>, Arc<Denials>),
        shadows: Shadows,
        private_channels: PrivateChannels,
    ) -> Self {
        let places = Hook::ALL.map(|hook| {
            let exports = |place: &usize| policies[*place].version.exports(hook);
            (0..policies.len()).filter(exports).collect::<Vec<_>>()
        });
        // A question that only a shadow hears is put as well, and answered as if nobody were asked.
        // Who sees a channel is none: the built-in rule holds unless somebody decides.
        let asked = |hook: Hook| {
            !places[hook as usize].is_empty()
                || (hook != Hook::Visibility && shadows.hears_alone(hook))
        };
        let looks_up = |hook: Hook| policies.iter().any(|policy| policy.looks_up(hook));
        let hooks = Hooks {
            admission: asked(Hook::Admission),
            visibility: asked(Hook::Visibility),
            commands: asked(Hook::Commands),
            events: asked(Hook::Events),
            admission_looks_up: looks_up(Hook::Admission),
            visibility_looks_up: looks_up(Hook::Visibility),
            commands_looks_up: looks_up(Hook::Commands),
            events_looks_up: looks_up(Hook::Events),
            private_channels,
        };
        Self {
            generation,
            policies,
            hooks,
            places,
            sink,
            denials,
            shadows,
        }
    }

    /// Whether it is time for a new generation of the same policies: one of them failed to answer who
    /// enters or who sees a channel, what holds in its stead is remembered, and it may answer by now.
    #[must_use]
    pub fn wants_another_look(&self, now: Instant) -> bool {
        let mut policies = self.policies.iter();
        policies.any(|policy| policy.wants_another_look(now))
    }

    /// Whether a policy that renders events may look at more of the directory than it is given.
    #[must_use]
    pub fn rendering_looks_up(&self) -> bool {
        self.policies.iter().any(|it| it.looks_up(Hook::Events))
    }

    pub(super) fn policies(&self) -> &[Policy] {
        &self.policies
    }

    pub(super) fn number(&self) -> Generation {
        self.generation
    }

    /// The set's generation, or nothing if no policy exports a hook: then the built-in rules hold
    /// and there is nobody to ask.
    #[must_use]
    pub fn generation(&self) -> Option<Generation> {
        let Hooks {
            admission,
            visibility,
            commands,
            events,
            ..
        } = self.hooks;
        let any = admission || visibility || commands || events;
        any.then_some(self.generation)
    }

    /// Which hooks are asked at all.
    #[must_use]
    pub fn hooks(&self) -> Hooks {
        self.hooks
    }

    /// Who has the last word on private channels. The members that they list have it wherever no
    /// policy decides who sees a channel, whatever is configured.
    #[must_use]
    pub fn private_channels(&self) -> PrivateChannels {
        if self.hooks.visibility {
            self.hooks.private_channels
        } else {
            PrivateChannels::Members
        }
    }

    /// Whether a person may enter or stay: all policies must admit.
    ///
    /// # Errors
    /// The first denial, in configured order.
    pub fn admit(&self, asking: Asking<'_>, request: &RequestFacts) -> Result<(), Denial> {
        let mut hearing = self.hear(asking, Hook::Admission);
        let matter = || Matter {
            subject: Some(&request.subject),
            input: Some(&request.claims),
            ..Matter::default()
        };
        self.shadows.admission(asking, request, None, &Ok(()));
        let origin = Origin::of_request(asking, request);
        for policy in self.asked(Hook::Admission) {
            let asked = policy.ask(
                self.generation,
                Hook::Admission,
                origin,
                |version, attempt| version.admit(attempt, asking, request),
            );
            if let Some(answer) = &asked.answer {
                self.shadows
                    .admission(asking, request, Some(&policy.source.name), answer);
            }
            hearing.heard(policy, &asked, verdict(&asked));
            match asked.answer {
                Some(Ok(())) => {}
                Some(Err(refused)) => {
                    return Err(hearing.deny(policy, Why::said(asked.by, refused), matter()));
                }
                None if policy.fails_open() => {}
                None => {
                    let why = Why::failed(asked.missed.as_ref());
                    return Err(hearing.deny(policy, why, matter()));
                }
            }
        }
        hearing.end(false, matter());
        Ok(())
    }

    /// Whether a command may be carried out: all policies must allow. The objects that come with
    /// the allowances are merged; of two values under one key the later policy's wins.
    #[must_use]
    pub fn authorize(&self, asking: Asking<'_>, command: &CommandQuestion) -> Verdict {
        let mut hearing = self.hear(asking, Hook::Commands);
        let matter = || Matter {
            subject: Some(&command.subject),
            channel: command.channel.as_ref().map(|c| &c.id),
            name: Some(&command.name),
            input: Some(&command.arguments),
        };
        let mut merged: Option<Grant> = None;
        self.shadows.command(asking, command, None, &Ok(None));
        let origin = Origin::of_command(asking, command);
        for policy in self.asked(Hook::Commands) {
            let asked = policy.ask(
                self.generation,
                Hook::Commands,
                origin,
                |version, attempt| version.authorize(attempt, asking, command),
            );
            if let Some(answer) = &asked.answer {
                self.shadows
                    .command(asking, command, Some(&policy.source.name), answer);
            }
            hearing.heard(policy, &asked, verdict(&asked));
            match asked.answer {
                Some(Ok(None)) => {}
                Some(Ok(Some(grant))) => match &mut merged {
                    Some(merged) => merged.extend(grant),
                    None => merged = Some(grant),
                },
                Some(Err(refused)) => {
                    let why = Why::said(asked.by, refused);
                    return Verdict::Denied(hearing.deny(policy, why, matter()));
                }
                None if policy.fails_open() => {}
                None => {
                    let why = Why::failed(asked.missed.as_ref());
                    return Verdict::Denied(hearing.deny(policy, why, matter()));
                }
            }
        }
        hearing.end(false, matter());
        Verdict::Allowed(merged.map(|grant| json::of_members(&grant)))
    }

    /// The renditions of an event, or nothing if it goes on as it is. Each policy is given what the
    /// former ones left.
    #[must_use]
    pub fn render(&self, asking: Asking<'_>, event: &EventQuestion) -> Option<Vec<Rendition>> {
        let mut hearing = self.hear(asking, Hook::Events);
        let mut pipeline = Pipeline::new(event.payload.clone());
        let unchanged = Form::Unchanged;
        self.shadows
            .event(asking, event, &event.payload, None, &unchanged);
        let origin = Origin::of_event(asking, event);
        for policy in self.asked(Hook::Events) {
            let asked = policy.ask(self.generation, Hook::Events, origin, |version, attempt| {
                let mut next = pipeline.clone();
                let mut said = "unchanged";
                let mut first = Some(attempt);
                next.through(
                    |payload| {
                        let call = first.take().unwrap_or_else(|| attempt.next());
                        let form = version.render(call, asking, event, payload)?;
                        let name = Some(&policy.source.name);
                        self.shadows.event(asking, event, payload, name, &form);
                        if form != Form::Unchanged {
                            said = form_name(&form);
                        }
                        Ok(form)
                    },
                    |_| Failure::answer("the event would have too many renditions"),
                )?;
                Ok((next, said))
            });
            let said = asked.answer.as_ref().map_or("", |(_, said)| *said);
            hearing.heard(policy, &asked, said);
            match asked.answer {
                Some((next, _)) => pipeline = next,
                None if policy.fails_open() => {}
                None => suppress(&mut pipeline),
            }
        }
        let renditions = pipeline.end();
        let nobody = |all: &Vec<Rendition>| all.iter().all(|r| r.payload.is_none());
        hearing.end(
            renditions.as_ref().is_some_and(nobody),
            Matter {
                subject: event.subject.as_ref(),
                channel: event.channel.as_ref().map(|c| &c.id),
                name: Some(&event.name),
                input: Some(&event.payload),
            },
        );
        renditions
    }

    /// Which rules hold for a channel: one for each visibility policy, in order. Whoever all of
    /// them allow sees it. Runs guests, in place, for microseconds each.
    #[must_use]
    pub fn audience(&self, asking: Asking<'_>, channel: &ChannelFacts) -> Rules {
        let mut hearing = self.hear(asking, Hook::Visibility);
        let mut rules = Rules::default();
        self.shadows.channel(asking, channel, None, &Rule::Everyone);
        let origin = Origin::of_channel(asking, channel);
        for policy in self.asked(Hook::Visibility) {
            let asked = policy.ask(
                self.generation,
                Hook::Visibility,
                origin,
                |version, attempt| version.audience(attempt, asking, channel),
            );
            if let Some(rule) = &asked.answer {
                self.shadows
                    .channel(asking, channel, Some(&policy.source.name), rule);
            }
            let said = asked.answer.as_ref().map_or("", rule_name);
            hearing.heard(policy, &asked, said);
            let stand_in = policy.stand_in(&asked);
            let rule = match asked.answer {
                Some(rule) => rule,
                None if policy.fails_open() => Rule::Everyone,
                None => Rule::Nobody,
            };
            rules.push(rule, stand_in);
        }
        let withheld = rules.contains(&Rule::Nobody);
        hearing.end(
            withheld,
            Matter {
                channel: Some(&channel.id),
                ..Matter::default()
            },
        );
        rules
    }

    /// Whether each of the subjects sees the channel, says the policy whose rule was
    /// [`Rule::Each`]; `policy` is the rule's place in the answer of [`Self::audience`].
    /// Where there is no such policy, nobody does.
    #[must_use]
    pub fn decide(
        &self,
        asking: Asking<'_>,
        policy: usize,
        channel: &ChannelFacts,
        subjects: &[SubjectFacts],
    ) -> Vec<bool> {
        let Some(policy) = self.asked(Hook::Visibility).nth(policy) else {
            return vec![false; subjects.len()];
        };
        let mut hearing = self.hear(asking, Hook::Visibility);
        let origin = Origin::of_channel(asking, channel);
        let asked = policy.ask(
            self.generation,
            Hook::Visibility,
            origin,
            |version, attempt| decided(policy, version, attempt, asking, channel, subjects),
        );
        hearing.heard(policy, &asked, "decided");
        if let Some(answers) = &asked.answer {
            let name = &policy.source.name;
            self.shadows
                .subjects(asking, channel, subjects, name, answers);
        }
        let end = policy.fails_open();
        let answers = asked.answer.unwrap_or_else(|| vec![end; subjects.len()]);
        let one = (subjects.len() == 1).then(|| &subjects[0]);
        hearing.end(
            answers.contains(&false),
            Matter {
                subject: one,
                channel: Some(&channel.id),
                ..Matter::default()
            },
        );
        answers
    }

    /// The policies that export a hook, in order.
    pub(super) fn asked(&self, hook: Hook) -> impl Iterator<Item = &Policy> {
        let places = self.places[hook as usize].iter();
        places.map(|place| &self.policies[*place])
    }

    fn hear<'a>(&'a self, asking: Asking<'a>, hook: Hook) -> Hearing<'a> {
        let sink = self.sink.as_deref();
        Hearing::new(asking, self.generation, hook, sink, &self.denials)
    }
}

/// Whether each of the subjects sees a channel, says a version of a policy.
pub(super) fn decided(
    policy: &Policy,
    version: &Version,
    attempt: Attempt,
    asking: Asking<'_>,
    channel: &ChannelFacts,
    subjects: &[SubjectFacts],
) -> Result<Vec<bool>, Failure> {
    if std::ptr::eq(version, &*policy.version) {
        return version.decide(attempt, asking, channel, subjects);
    }
    // The former version may never have said `each` of this channel.
    match version.audience(attempt, asking, channel)? {
        Rule::Each => version.decide(attempt.next(), asking, channel, subjects),
        rule => Ok(subjects
            .iter()
            .map(|subject| rule.allows(channel, subject).unwrap_or(false))
            .collect()),
    }
}

/// Nobody gets the event, whatever the policies before made of it.
pub(super) fn suppress(pipeline: &mut Pipeline) {
    let nobody = pipeline.through(|_| Ok(Form::Suppressed), |_| ());
    // Suppressing adds no rendition, so that there are not too many now if there were not before.
    debug_assert_eq!(nobody, Ok(()));
}

fn verdict<T, R>(asked: &Asked<Result<T, R>>) -> &'static str {
    match asked.answer {
        Some(Err(_)) => "denied",
        _ => "allowed",
    }
}

fn rule_name(rule: &Rule) -> &'static str {
    match rule {
        Rule::Everyone => "everyone",
        Rule::Nobody => "nobody",
        Rule::Only(_) => "only",
        Rule::Except(_) => "except",
        Rule::Each => "each",
    }
}

pub(super) fn form_name(form: &Form) -> &'static str {
    match form {
        Form::Unchanged => "unchanged",
        Form::Replaced(_) => "replaced",
        Form::Suppressed => "suppressed",
        Form::Split(_) => "split",
    }
}
