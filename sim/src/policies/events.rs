//! How events look, and to whom, as made-up policies have it. The domain's own pipeline combines
//! their answers for the world; for the judge they are followed person by person.

use std::collections::BTreeMap;

use wardroom_domain::{
    Clause, Event, EventFacts, Form, Generation, Json, Pipeline, Rendition, SubjectFacts,
    TooManyRenditions, UserId, limits,
};

use super::visibility::{selector, selects};
use super::{Digest, Policies, Policy};

/// What each person gets of an event; nothing for somebody from whom it is withheld.
pub(crate) type Forms = BTreeMap<UserId, Option<Json>>;

/// A policy does not answer.
struct Failed;

/// The persons who have come to the same form so far.
struct Branch<'a> {
    payload: Option<Json>,
    persons: Vec<&'a SubjectFacts>,
}

/// The payload of an event as an edge would write it, for want of one.
pub(crate) fn payload(event: &Event) -> Json {
    Json::from_canonical(&format!("{event:?}"))
}

impl Policies {
    /// What one policy makes of an event that looks like this by now.
    fn form(
        &self,
        policy: Policy,
        facts: &EventFacts,
        payload: &Json,
        digest: Digest,
    ) -> Result<Form, Failed> {
        let opinion = self.opinion(policy, "events", &(facts, payload), digest);
        let to = |text: &str| Json::from_canonical(&format!("form {opinion:x} {text}"));
        match opinion % 12 {
            0 => Err(Failed),
            1..=5 => Ok(Form::Unchanged),
            6..=7 => Ok(Form::Replaced(to("for all"))),
            8 => Ok(Form::Suppressed),
            _ => {
                let about = format!("split {opinion:x}");
                let mut random = self.random(policy.generation, &about, &[]);
                let part = |part: u64| {
                    let selector = selector(&mut random, &self.cast);
                    (selector, to(&format!("part {part}")))
                };
                let parts = 1 + opinion / 12 % 6;
                Ok(Form::Split((0..parts).map(part).collect()))
            }
        }
    }

    /// The answer to the domain, as the server's edge puts it together.
    pub(super) fn renditions(
        &self,
        generation: Generation,
        facts: &EventFacts,
        digest: Digest,
    ) -> Option<Vec<Rendition>> {
        let mut pipeline = Pipeline::new(payload(&facts.event));
        let policies = self.of(generation);
        for policy in policies.into_iter().filter(|p| p.events) {
            let ask = |payload: &Json| self.form(policy, facts, payload, digest);
            let asked = pipeline.through(ask, |TooManyRenditions| Failed);
            if asked.is_err() && !policy.fails_open {
                let withheld = pipeline.through(|_| Ok(Form::Suppressed), |_| Failed);
                debug_assert!(withheld.is_ok(), "no more forms than before");
            }
        }
        pipeline.end()
    }

    /// What each of these persons is meant to get, followed from policy to policy.
    pub(crate) fn forms(
        &self,
        generation: Generation,
        facts: &EventFacts,
        persons: &[SubjectFacts],
        digest: Digest,
    ) -> Forms {
        let mut branches = vec![Branch {
            payload: Some(payload(&facts.event)),
            persons: persons.iter().collect(),
        }];
        let policies = self.of(generation);
        for policy in policies.into_iter().filter(|p| p.events) {
            match self.branches(policy, facts, &branches, digest) {
                Ok(next) => branches = next,
                Err(Failed) if policy.fails_open => {}
                Err(Failed) => branches.iter_mut().for_each(|b| b.payload = None),
            }
        }
        let mut forms = Forms::new();
        for Branch { payload, persons } in branches {
            for person in persons {
                forms.insert(person.user.clone(), payload.clone());
            }
        }
        forms
    }

    fn branches<'a>(
        &self,
        policy: Policy,
        facts: &EventFacts,
        branches: &[Branch<'a>],
        digest: Digest,
    ) -> Result<Vec<Branch<'a>>, Failed> {
        let mut next = Vec::new();
        for Branch { payload, persons } in branches {
            let mut persons = persons.clone();
            let mut withheld = |persons| {
                next.push(Branch {
                    payload: None,
                    persons,
                });
            };
            let Some(payload) = payload else {
                withheld(persons);
                continue;
            };
            let payload = match self.form(policy, facts, payload, digest)? {
                Form::Unchanged => payload.clone(),
                Form::Replaced(payload) => payload,
                Form::Suppressed => {
                    withheld(persons);
                    continue;
                }
                Form::Split(parts) => {
                    let mut some_are_left = true;
                    for (selector, payload) in parts {
                        let channel = facts.channel.as_ref();
                        let meant = |p: &&SubjectFacts| selects(&selector, channel, p);
                        let (these, others) = persons.into_iter().partition(meant);
                        persons = others;
                        next.push(Branch {
                            payload: Some(payload),
                            persons: these,
                        });
                        // Nobody can be left behind a form for everybody: no further policy is
                        // asked about what stands there.
                        let unconditional = |c: &Clause| c.all.is_empty() && c.none.is_empty();
                        if selector.any.iter().any(unconditional) {
                            some_are_left = false;
                            break;
                        }
                    }
                    if some_are_left {
                        next.push(Branch {
                            payload: None,
                            persons,
                        });
                    }
                    continue;
                }
            };
            next.push(Branch {
                payload: Some(payload),
                persons,
            });
        }
        if next.len() > limits::MAX_RENDITIONS_PER_EVENT {
            return Err(Failed);
        }
        Ok(next)
    }
}
