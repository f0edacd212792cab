//! What decisions ask the policies, and the answers. Knows nothing of how they are put to them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::{
    ChannelFacts, ChannelId, CommandFacts, Denial, EventFacts, Generation, Hooks, Rendition,
    RequestFacts, Rule, SubjectFacts, Verdict, Workspace,
};

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
    /// May this person enter, or stay?
    Admit(RequestFacts),
    /// May this command be carried out?
    Authorize(CommandFacts),
    /// How does this event look, and to whom?
    Render {
        /// The place of the event in the decision.
        place: usize,
        /// The event.
        facts: EventFacts,
    },
}

/// What a decision needs to know before it can be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// The questions, each once.
    pub questions: Vec<Question>,
    /// The state as the decision would leave it, as far as it got: what policies that look up other
    /// channels and people are to see.
    pub state: Workspace,
    /// The revision of the directory that the decision was tried on: answers that depend on the
    /// whole directory hold for it alone.
    pub revision: u64,
}

/// What the policies of one generation answered so far.
#[derive(Clone, Debug)]
pub struct Answers {
    pub(super) generation: Generation,
    pub(super) hooks: Hooks,
    /// The revision of the directory that the answers were given on.
    pub(super) revision: u64,
    pub(super) admissions: BTreeMap<RequestFacts, Result<(), Denial>>,
    pub(super) authorized: Option<(CommandFacts, Verdict)>,
    /// By place: the events of a decision come in the same order each time it is tried.
    pub(super) rendered: BTreeMap<usize, (EventFacts, Option<Vec<Rendition>>)>,
    pub(super) rules: BTreeMap<ChannelFacts, Arc<[Rule]>>,
    // By channel first: comparing a channel's facts is dear, and one decision asks for many
    // subjects of one channel.
    pub(super) subjects: BTreeMap<ChannelFacts, BTreeMap<(usize, SubjectFacts), bool>>,
}

impl Answers {
    /// No answers yet.
    #[must_use]
    pub fn new(generation: Generation, hooks: Hooks) -> Self {
        Self {
            generation,
            hooks,
            revision: 0,
            admissions: BTreeMap::new(),
            authorized: None,
            rendered: BTreeMap::new(),
            rules: BTreeMap::new(),
            subjects: BTreeMap::new(),
        }
    }

    /// Begins to take down what is answered on this revision of the directory. Earlier answers are
    /// forgotten if they depend on another one.
    pub fn on_revision(&mut self, revision: u64) {
        if self.revision == revision {
            return;
        }
        self.revision = revision;
        if self.hooks.admission_looks_up {
            self.admissions.clear();
        }
        if self.hooks.visibility_looks_up {
            self.rules.clear();
            self.subjects.clear();
        }
    }

    /// The hooks that are asked at all.
    #[must_use]
    pub fn hooks(&self) -> Hooks {
        self.hooks
    }

    /// Takes down the answer to [`Question::Admit`].
    pub fn answer_admission(&mut self, request: RequestFacts, answer: Result<(), Denial>) {
        self.admissions.insert(request, answer);
    }

    /// Takes down the answer to [`Question::Authorize`].
    pub fn answer_authorization(&mut self, command: CommandFacts, verdict: Verdict) {
        self.authorized = Some((command, verdict));
    }

    /// Takes down the answer to [`Question::Render`]: the renditions, or nothing if the event goes
    /// on as it is.
    pub fn answer_rendering(
        &mut self,
        place: usize,
        facts: EventFacts,
        answer: Option<Vec<Rendition>>,
    ) {
        self.rendered.insert(place, (facts, answer));
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
