//! What the policies say of a question, asked by somebody who only wants to know why. It is counted
//! nowhere, no shadow hears of it, it is in no log, and a failure is held against no policy. Knows
//! neither files nor the engine.

use std::sync::Arc;

use wardroom_domain::{
    ChannelFacts, Form, Pipeline, Rendition, RequestFacts, StandIn, SubjectFacts,
};

use super::component::Digest;
use super::convert::Refused;
use super::decision::Hook;
use super::failure::Failure;
use super::hearing::failed;
use super::ladder::{Asked, Policy};
use super::offenders::Origin;
use super::question::{Asking, CommandQuestion, EventQuestion};
use super::set::{PolicySet, decided, form_name, suppress};

/// A policy that answers who sees a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Viewer {
    /// Its name.
    pub name: Arc<str>,
    /// The version in force.
    pub digest: Digest,
    /// How the version last failed to answer who sees a channel, if it ever did.
    pub last_failure: Option<Arc<str>>,
}

/// What a policy says of one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opinion {
    /// Whether it lets the person see the channel.
    pub allows: bool,
    /// What answered in its stead, if it failed.
    pub stand_in: Option<StandIn>,
}

/// What a policy says of a person who enters, of a command or of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// Its name.
    pub policy: Arc<str>,
    /// The version in force.
    pub digest: Digest,
    /// What came of it: `allowed` or `denied`, of an event `unchanged`, `replaced`, `suppressed` or
    /// `split`; where the version in force failed, what holds in its stead.
    pub verdict: &'static str,
    /// The code and the message of the denial.
    pub refused: Option<(Arc<str>, Arc<str>)>,
    /// The keys of what goes along with an allowance; the values may be secrets.
    pub grants: Vec<Arc<str>>,
    /// What answered in its stead, if it failed.
    pub stand_in: Option<StandIn>,
}

impl Judged {
    fn of<R>(policy: &Policy, asked: &Asked<R>, verdict: &'static str) -> Self {
        Self {
            policy: policy.source.name.clone(),
            digest: policy.version.digest(),
            verdict,
            refused: None,
            grants: Vec::new(),
            stand_in: policy.stand_in(asked),
        }
    }

    /// An answer that allows or denies, and what holds without one.
    fn of_answer<T>(policy: &Policy, asked: Asked<Result<T, Refused>>) -> (Self, Option<T>) {
        let mut judged = Self::of(policy, &asked, "allowed");
        let refused = match asked.answer {
            Some(Ok(given)) => return (judged, Some(given)),
            None if policy.fails_open() => return (judged, None),
            Some(Err(refused)) => refused,
            None => failed(),
        };
        judged.verdict = "denied";
        judged.refused = Some((refused.code, refused.message));
        (judged, None)
    }
}

impl PolicySet {
    /// What each policy says of somebody who wants in, in order. All are asked, though one denies.
    #[must_use]
    pub fn would_admit(&self, asking: Asking<'_>, request: &RequestFacts) -> Vec<Judged> {
        let origin = Origin::of_request(asking, request);
        let policies = self.asked(Hook::Admission).map(|policy| {
            let asked = policy.peek(Hook::Admission, origin, |version, attempt| {
                version.admit(attempt, asking, request)
            });
            Judged::of_answer(policy, asked).0
        });
        policies.collect()
    }

    /// What each policy says of a command, in order. All are asked, though one denies.
    #[must_use]
    pub fn would_authorize(&self, asking: Asking<'_>, command: &CommandQuestion) -> Vec<Judged> {
        let origin = Origin::of_command(asking, command);
        let policies = self.asked(Hook::Commands).map(|policy| {
            let asked = policy.peek(Hook::Commands, origin, |version, attempt| {
                version.authorize(attempt, asking, command)
            });
            let (judged, grant) = Judged::of_answer(policy, asked);
            let grants = grant.flatten().into_iter().flatten().map(|(key, _)| key);
            Judged {
                grants: grants.collect(),
                ..judged
            }
        });
        policies.collect()
    }

    /// What each policy makes of an event, in order, and what [`Self::render`] would: the renditions,
    /// or nothing if it goes on as it is.
    #[must_use]
    pub fn would_render(
        &self,
        asking: Asking<'_>,
        event: &EventQuestion,
    ) -> (Vec<Judged>, Option<Vec<Rendition>>) {
        let origin = Origin::of_event(asking, event);
        let mut pipeline = Pipeline::new(event.payload.clone());
        let mut all = Vec::new();
        for policy in self.asked(Hook::Events) {
            let asked = policy.peek(Hook::Events, origin, |version, attempt| {
                let (mut next, mut said) = (pipeline.clone(), "unchanged");
                let mut first = Some(attempt);
                next.through(
                    |payload| {
                        let call = first.take().unwrap_or_else(|| attempt.next());
                        let form = version.render(call, asking, event, payload)?;
                        if form != Form::Unchanged {
                            said = form_name(&form);
                        }
                        Ok(form)
                    },
                    |_| Failure::answer("the event would have too many renditions"),
                )?;
                Ok((next, said))
            });
            let verdict = match &asked.answer {
                Some((_, said)) => said,
                None if policy.fails_open() => "unchanged",
                None => "suppressed",
            };
            all.push(Judged::of(policy, &asked, verdict));
            match asked.answer {
                Some((next, _)) => pipeline = next,
                None if policy.fails_open() => {}
                None => suppress(&mut pipeline),
            }
        }
        (all, pipeline.end())
    }

    /// The policies that answer who sees a channel, in the order of their rules.
    #[must_use]
    pub fn viewers(&self) -> Vec<Viewer> {
        let viewers = self.asked(Hook::Visibility).map(|policy| Viewer {
            name: policy.source.name.clone(),
            digest: policy.version.digest(),
            last_failure: policy.version.measure().last_failure(Hook::Visibility),
        });
        viewers.collect()
    }

    /// What [`Self::decide`] would say of one person. Where there is no policy at this place, nobody
    /// sees the channel.
    #[must_use]
    pub fn would_decide(
        &self,
        asking: Asking<'_>,
        policy: usize,
        channel: &ChannelFacts,
        subject: &SubjectFacts,
    ) -> Opinion {
        let Some(policy) = self.asked(Hook::Visibility).nth(policy) else {
            return Opinion {
                allows: false,
                stand_in: None,
            };
        };
        let subjects = std::slice::from_ref(subject);
        let origin = Origin::of_channel(asking, channel);
        let asked = policy.peek(Hook::Visibility, origin, |version, attempt| {
            decided(policy, version, attempt, asking, channel, subjects)
        });
        let stand_in = policy.stand_in(&asked);
        let answer = asked.answer.and_then(|answers| answers.first().copied());
        Opinion {
            allows: answer.unwrap_or_else(|| policy.fails_open()),
            stand_in,
        }
    }
}
