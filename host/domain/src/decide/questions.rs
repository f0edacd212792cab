//! What decisions ask the policies, and the answers. Knows nothing of how they are put to them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::{ChannelFacts, ChannelId, Generation, Rule, SubjectFacts};

/// Something that only the policies can answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// Which rules govern this channel?
    Audience(ChannelFacts),
    /// Which of these subjects may see this channel, says the policy that answered
    /// [`Rule::Each`]?
    Subjects {
        /// The channel.
        channel: ChannelFacts,
        /// The place of the policy's rule in the answer to [`Question::Audience`].
        policy: usize,
        /// The subjects.
        subjects: Vec<SubjectFacts>,
    },
}

/// What the policies of one generation answered so far.
#[derive(Clone, Debug)]
pub struct Answers {
    pub(super) generation: Generation,
    pub(super) rules: BTreeMap<ChannelFacts, Arc<[Rule]>>,
    // By channel first: comparing a channel's facts is dear, and one decision asks for many
    // subjects of one channel.
    pub(super) subjects: BTreeMap<ChannelFacts, BTreeMap<(usize, SubjectFacts), bool>>,
}

impl Answers {
    /// No answers yet.
    #[must_use]
    pub fn new(generation: Generation) -> Self {
        Self {
            generation,
            rules: BTreeMap::new(),
            subjects: BTreeMap::new(),
        }
    }

    /// The policies that answer.
    #[must_use]
    pub fn generation(&self) -> Generation {
        self.generation
    }

    /// Takes down the answer to [`Question::Audience`]: one rule for each policy, in order.
    pub fn answer_rules(&mut self, channel: ChannelFacts, rules: Vec<Rule>) {
        self.rules.insert(channel, rules.into());
    }

    /// Takes down the answer to [`Question::Subjects`], in the order of the subjects. Subjects
    /// without an answer may not see the channel.
    pub fn answer_subjects(
        &mut self,
        channel: &ChannelFacts,
        policy: usize,
        subjects: Vec<SubjectFacts>,
        allowed: &[bool],
    ) {
        let answered = self.subjects.entry(channel.clone()).or_default();
        for (place, subject) in subjects.into_iter().enumerate() {
            let allowed = allowed.get(place).copied().unwrap_or(false);
            answered.insert((policy, subject), allowed);
        }
    }
}

/// The questions of one draft, each once. What a draft asks of a channel is asked of its last
/// facts, so that the id stands for them.
#[derive(Default)]
pub(super) struct Questions {
    audiences: BTreeMap<ChannelId, ChannelFacts>,
    subjects: BTreeMap<(ChannelId, usize), (ChannelFacts, BTreeSet<SubjectFacts>)>,
}

impl Questions {
    pub(super) fn is_empty(&self) -> bool {
        self.audiences.is_empty() && self.subjects.is_empty()
    }

    pub(super) fn audience(&mut self, channel: &ChannelFacts) {
        self.audiences.insert(channel.id.clone(), channel.clone());
    }

    pub(super) fn subjects(
        &mut self,
        channel: &ChannelFacts,
        policy: usize,
        subjects: Vec<SubjectFacts>,
    ) {
        let key = (channel.id.clone(), policy);
        let asked = self.subjects.entry(key);
        let (_, all) = asked.or_insert_with(|| (channel.clone(), BTreeSet::new()));
        all.extend(subjects);
    }

    pub(super) fn into_list(self) -> Vec<Question> {
        let audiences = self.audiences.into_values().map(Question::Audience);
        let subjects = self
            .subjects
            .into_iter()
            .map(|((_, policy), (channel, subjects))| Question::Subjects {
                channel,
                policy,
                subjects: subjects.into_iter().collect(),
            });
        audiences.chain(subjects).collect()
    }
}
