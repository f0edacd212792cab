//! Policies made up from a seed: what each generation exports and answers is a pure function of
//! seed, generation and facts. The world puts the domain's questions to them; the judge asks the
//! same functions about the facts of its own model, and combines what they say by itself.

mod admission;
mod commands;
mod events;
mod visibility;

use std::fmt::Debug;

use wardroom_domain::{
    Answers, ChannelFacts, Denial, Generation, Hooks, Member, PrivateChannels, Question, UserId,
};

use crate::cast::Cast;
use crate::random::{Random, hash};

pub(crate) use self::events::{Forms, payload};
pub(crate) use self::visibility::Force;

/// Everybody's policies: those of every generation of one seed.
#[derive(Clone, Debug)]
pub(crate) struct Policies {
    seed: u64,
    cast: Cast,
}

/// One policy of a generation.
#[derive(Clone, Copy, Debug)]
struct Policy {
    generation: Generation,
    /// Its place in the configuration.
    place: usize,
    admission: bool,
    visibility: bool,
    commands: bool,
    events: bool,
    /// Whether it looks up more of the directory than it is given.
    looks_up: bool,
    /// Whether a failure is as if it were not there, and not a refusal.
    fails_open: bool,
}

/// The whole directory as one number: what an answer depends on that looks it up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Digest(u64);

impl Digest {
    pub(crate) fn of<'a>(
        members: impl Iterator<Item = (&'a UserId, &'a Member)>,
        channels: impl Iterator<Item = &'a ChannelFacts>,
    ) -> Self {
        let mut parts: Vec<String> = Vec::new();
        for (user, member) in members {
            let Member {
                profile,
                role,
                attributes,
            } = member;
            let role = role.as_ref().map_or("", |r| r.as_str());
            let (profile, attributes) = (profile.as_str(), attributes.text.as_str());
            parts.push(format!("{user} {profile} {role} {attributes}"));
        }
        for channel in channels {
            parts.push(visibility::texts(channel).join(" "));
        }
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        Self(hash(&parts))
    }
}

impl Policies {
    pub(crate) fn new(seed: u64, cast: Cast) -> Self {
        Self { seed, cast }
    }

    /// A generation that may be loaded; nothing if none of its policies exports a hook.
    pub(crate) fn generation(&self, number: u64) -> Option<Generation> {
        let generation = Generation(number);
        let hooks = self.hooks(generation);
        let any = hooks.admission || hooks.visibility || hooks.commands || hooks.events;
        any.then_some(generation)
    }

    /// The hooks of a generation; none where none is loaded.
    pub(crate) fn hooks_of(&self, generation: Option<Generation>) -> Hooks {
        generation.map(|g| self.hooks(g)).unwrap_or_default()
    }

    pub(crate) fn hooks(&self, generation: Generation) -> Hooks {
        let mut hooks = Hooks::default();
        for policy in self.of(generation) {
            hooks.admission |= policy.admission;
            hooks.visibility |= policy.visibility;
            hooks.commands |= policy.commands;
            hooks.events |= policy.events;
            hooks.admission_looks_up |= policy.admission && policy.looks_up;
            hooks.visibility_looks_up |= policy.visibility && policy.looks_up;
            hooks.commands_looks_up |= policy.commands && policy.looks_up;
            hooks.events_looks_up |= policy.events && policy.looks_up;
        }
        if self.random(generation, "private channels", &[]).percent(30) {
            hooks.private_channels = PrivateChannels::Policies;
        }
        hooks
    }

    /// The policies of a generation in configured order.
    fn of(&self, generation: Generation) -> Vec<Policy> {
        let mut random = self.random(generation, "set", &[]);
        let count = 1 + usize::from(random.percent(50)) + usize::from(random.percent(30));
        let policy = |place| Policy {
            generation,
            place,
            admission: random.percent(25),
            visibility: random.percent(60),
            commands: random.percent(35),
            events: random.percent(35),
            looks_up: random.percent(25),
            fails_open: random.percent(50),
        };
        (0..count).map(policy).collect()
    }

    fn random(&self, generation: Generation, about: &str, facts: &[&str]) -> Random {
        Random::new(self.number(generation, about, facts))
    }

    fn number(&self, generation: Generation, about: &str, facts: &[&str]) -> u64 {
        let asked = format!("{} {} {about}", self.seed, generation.0);
        hash(&[&[&*asked], facts].concat())
    }

    /// A number that stands for what one policy thinks of some facts.
    fn opinion(&self, policy: Policy, about: &str, facts: &impl Debug, digest: Digest) -> u64 {
        let about = format!("{about} {}", policy.place);
        let directory = if policy.looks_up { digest.0 } else { 0 };
        let facts = format!("{directory} {facts:?}");
        self.random(policy.generation, &about, &[&facts]).next()
    }

    /// Answers a question of the domain.
    pub(crate) fn answer(
        &self,
        generation: Generation,
        question: &Question,
        digest: Digest,
        answers: &mut Answers,
    ) {
        match question {
            Question::Audience(channel) => {
                let rules = self.force(Some(generation), channel, digest).rules;
                answers.answer_rules(channel.clone(), rules.into());
            }
            Question::Subjects {
                channel,
                policy,
                subjects,
            } => {
                let asked = subjects.iter();
                let each = |subject| self.each(generation, *policy, channel, subject, digest);
                let mut allowed: Vec<bool> = asked.map(each).collect();
                // Whom a policy forgets to answer about may not see the channel.
                while allowed.last() == Some(&false) {
                    allowed.pop();
                }
                answers.answer_subjects(channel, *policy, subjects.clone(), allowed);
            }
            Question::Admit(request) => {
                let answer = self.admits(generation, request, digest);
                answers.answer_admission(request.clone(), answer);
            }
            Question::Authorize(facts) => {
                let verdict = self.verdict(generation, facts, digest);
                answers.answer_authorization(facts.clone(), verdict);
            }
            Question::Render(facts) => {
                let renditions = self.renditions(generation, facts, digest);
                answers.answer_rendering(facts.clone(), renditions);
            }
        }
    }
}

impl Policy {
    fn denial(self, code: &str, opinion: u64) -> Denial {
        Denial {
            policy: format!("p{}.{}", self.generation.0, self.place).into(),
            code: code.into(),
            message: format!("policy {} says no", self.place).into(),
            decision: format!("d{opinion:x}").into(),
        }
    }
}
