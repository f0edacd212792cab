//! Policies made up from a seed, and a second evaluation of their rules, written without a look
//! at the domain's own: what they let a user see is a pure function of generation and facts.

use std::collections::BTreeSet;
use std::sync::Arc;

use wardroom_domain::{
    Answers, ChannelFacts, Clause, Generation, Question, Rule, Selector, SubjectFacts, Test, UserId,
};

use crate::cast::Cast;
use crate::random::{Random, hash};

/// The rules in force for a channel and who gave them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Force {
    pub(crate) generation: Option<Generation>,
    pub(crate) rules: Vec<Rule>,
}

impl Force {
    /// Who of these subjects sees the channel.
    pub(crate) fn viewers<'a>(
        &self,
        channel: &ChannelFacts,
        subjects: impl IntoIterator<Item = &'a SubjectFacts>,
    ) -> BTreeSet<UserId> {
        subjects
            .into_iter()
            .filter(|subject| {
                let allowed = |(place, rule)| self.allows(place, rule, channel, subject);
                self.rules.iter().enumerate().all(allowed)
            })
            .map(|subject| subject.user.clone())
            .collect()
    }

    fn allows(
        &self,
        place: usize,
        rule: &Rule,
        channel: &ChannelFacts,
        subject: &SubjectFacts,
    ) -> bool {
        match rule {
            Rule::Everyone => true,
            Rule::Nobody => false,
            Rule::Only(selector) => selects(selector, channel, subject),
            Rule::Except(selector) => !selects(selector, channel, subject),
            Rule::Each => self
                .generation
                .is_some_and(|generation| each(generation, place, channel, subject)),
        }
    }
}

fn selects(selector: &Selector, channel: &ChannelFacts, subject: &SubjectFacts) -> bool {
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

fn passes(test: &Test, channel: &ChannelFacts, subject: &SubjectFacts) -> bool {
    match test {
        Test::Users(users) => users.contains(&subject.user),
        Test::Roles(roles) => match &subject.role {
            Some(role) => roles.contains(role),
            None => false,
        },
        Test::ChannelMember => channel.members.contains(&subject.user),
        Test::Attribute { name, value } => subject.attributes.scalars.get(name) == Some(value),
    }
}

fn texts(channel: &ChannelFacts) -> Vec<&str> {
    let private = if channel.private { "private" } else { "public" };
    let mut texts = vec![
        channel.id.as_str(),
        private,
        channel.attributes.text.as_str(),
    ];
    texts.extend(channel.members.iter().map(UserId::as_str));
    texts
}

/// What the policy at this place of a generation answers about one subject.
fn each(
    generation: Generation,
    place: usize,
    channel: &ChannelFacts,
    subject: &SubjectFacts,
) -> bool {
    let asked = format!("{} {place}", generation.0);
    let mut parts = texts(channel);
    let role = subject.role.as_ref().map_or("", |r| r.as_str());
    parts.extend([
        &*asked,
        subject.user.as_str(),
        role,
        subject.attributes.text.as_str(),
    ]);
    !hash(&parts).is_multiple_of(3)
}

/// The rules that stand for a channel where this generation, or none, is loaded.
pub(crate) fn force(generation: Option<Generation>, channel: &ChannelFacts, cast: &Cast) -> Force {
    let Some(current) = generation else {
        let rule = if channel.private {
            Rule::Only(Selector {
                any: vec![Clause {
                    all: vec![Test::ChannelMember],
                    none: Vec::new(),
                }],
            })
        } else {
            Rule::Everyone
        };
        return Force {
            generation,
            rules: vec![rule],
        };
    };
    let of_generation = current.0.to_string();
    let mut parts = texts(channel);
    parts.push(&of_generation);
    let mut random = Random::new(hash(&parts));
    let count = 1 + random.below(3);
    let rules = (0..count).map(|_| rule(&mut random, cast)).collect();
    Force { generation, rules }
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

fn selector(random: &mut Random, cast: &Cast) -> Selector {
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

/// Answers a question of the domain.
pub(crate) fn answer(
    generation: Generation,
    question: &Question,
    cast: &Cast,
    answers: &mut Answers,
) {
    match question {
        Question::Audience(channel) => {
            let rules = force(Some(generation), channel, cast).rules;
            answers.answer_rules(channel.clone(), rules.into());
        }
        Question::Subjects {
            channel,
            policy,
            subjects,
        } => {
            let allowed: Vec<bool> = subjects
                .iter()
                .map(|subject| each(generation, *policy, channel, subject))
                .collect();
            answers.answer_subjects(channel, *policy, subjects.clone(), &allowed);
        }
        Question::Admit(_) | Question::Authorize(_) | Question::Render { .. } => {
            unreachable!("only who sees a channel is asked here")
        }
    }
}
