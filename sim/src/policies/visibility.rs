//! Who sees a channel, as made-up policies have it, and a second evaluation of their rules, written
//! without a look at the domain's own.

use std::collections::BTreeSet;
use std::sync::Arc;

use wardroom_domain::{
    ChannelFacts, Clause, Generation, PrivateChannels, Rule, Selector, SubjectFacts, Test, UserId,
};

use super::{Digest, Policies};
use crate::cast::Cast;
use crate::random::Random;

/// The rules in force for a channel and who gave them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Force {
    pub(crate) generation: Option<Generation>,
    /// Whether a private channel is for the members that it lists, whatever the rules say.
    pub(crate) for_members: bool,
    pub(crate) rules: Vec<Rule>,
}

/// Whether a selector means a subject, in respect of a channel where one is in question.
pub(super) fn selects(
    selector: &Selector,
    channel: Option<&ChannelFacts>,
    subject: &SubjectFacts,
) -> bool {
    for clause in &selector.any {
        let mut matches = true;
        for test in &clause.all {
            matches &= passes(test, channel, subject);
        }
        for test in &clause.none {
            matches &= !passes(test, channel, subject);
        }
        if matches {
            return true;
        }
    }
    false
}

fn passes(test: &Test, channel: Option<&ChannelFacts>, subject: &SubjectFacts) -> bool {
    match test {
        Test::Users(users) => users.contains(&subject.user),
        Test::Roles(roles) => match &subject.role {
            Some(role) => roles.contains(role),
            None => false,
        },
        Test::ChannelMember => match channel {
            Some(channel) => channel.members.contains(&subject.user),
            None => false,
        },
        Test::Attribute { name, value } => subject.attributes.scalars.get(name) == Some(value),
    }
}

/// What there is to know of a channel, in words.
pub(super) fn texts(channel: &ChannelFacts) -> Vec<&str> {
    let private = if channel.private { "private" } else { "public" };
    let mut texts = vec![
        channel.id.as_str(),
        private,
        channel.attributes.text.as_str(),
    ];
    texts.extend(channel.members.iter().map(UserId::as_str));
    texts
}

impl Policies {
    /// What the policy at this place of a generation's rules answers about one subject.
    pub(crate) fn each(
        &self,
        generation: Generation,
        place: usize,
        channel: &ChannelFacts,
        subject: &SubjectFacts,
        digest: Digest,
    ) -> bool {
        let seers = self.of(generation).into_iter().filter(|p| p.visibility);
        let Some(policy) = seers.into_iter().nth(place) else {
            return false;
        };
        !self
            .opinion(policy, "each", &(channel, subject), digest)
            .is_multiple_of(3)
    }

    /// The rules that stand for a channel where this generation, or none, is loaded.
    pub(crate) fn force(
        &self,
        generation: Option<Generation>,
        channel: &ChannelFacts,
        digest: Digest,
    ) -> Force {
        let generation = generation.filter(|g| self.hooks(*g).visibility);
        let Some(current) = generation else {
            return Force {
                generation,
                for_members: true,
                rules: Vec::new(),
            };
        };
        let seers = self.of(current).into_iter().filter(|p| p.visibility);
        let rules = seers.map(|policy| {
            let opinion = self.opinion(policy, "audience", channel, digest);
            rule(&mut Random::new(opinion), &self.cast)
        });
        Force {
            generation,
            for_members: self.hooks(current).private_channels == PrivateChannels::Members,
            rules: rules.collect(),
        }
    }

    /// Who of these subjects sees a channel.
    pub(crate) fn viewers<'a>(
        &self,
        force: &Force,
        channel: &ChannelFacts,
        subjects: impl IntoIterator<Item = &'a SubjectFacts>,
        digest: Digest,
    ) -> BTreeSet<UserId> {
        let allows = |place: usize, rule: &Rule, subject: &SubjectFacts| match rule {
            Rule::Everyone => true,
            Rule::Nobody => false,
            Rule::Only(selector) => selects(selector, Some(channel), subject),
            Rule::Except(selector) => !selects(selector, Some(channel), subject),
            Rule::Each => force
                .generation
                .is_some_and(|generation| self.each(generation, place, channel, subject, digest)),
        };
        subjects
            .into_iter()
            .filter(|subject| {
                let listed = channel.members.contains(&subject.user);
                if channel.private && force.for_members && !listed {
                    return false;
                }
                let mut rules = force.rules.iter().enumerate();
                rules.all(|(place, rule)| allows(place, rule, subject))
            })
            .map(|subject| subject.user.clone())
            .collect()
    }
}

fn rule(random: &mut Random, cast: &Cast) -> Rule {
    match random.below(20) {
        0 => Rule::Nobody,
        1..=7 => Rule::Everyone,
        8..=11 => Rule::Only(selector(random, cast)),
        12..=15 => Rule::Except(selector(random, cast)),
        _ => Rule::Each,
    }
}

pub(super) fn selector(random: &mut Random, cast: &Cast) -> Selector {
    let clauses = random.below(3) + random.below(2);
    let any = (0..clauses)
        .map(|_| Clause {
            all: (0..random.below(3)).map(|_| test(random, cast)).collect(),
            none: (0..random.below(2)).map(|_| test(random, cast)).collect(),
        })
        .collect();
    Selector { any }
}

fn test(random: &mut Random, cast: &Cast) -> Test {
    match random.below(4) {
        0 => Test::Users(random.some(&cast.users).into_iter().collect()),
        1 => Test::Roles(random.some(&cast.roles).into_iter().collect()),
        2 => Test::ChannelMember,
        _ => Test::Attribute {
            name: Arc::from("team"),
            value: Arc::from(*random.pick(&["red", "blue"])),
        },
    }
}
