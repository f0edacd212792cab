//! What decisions ask the policies, and the answers. Knows nothing of how they are put to them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::subjects::Answered;
use crate::{
    ChannelFacts, ChannelId, CommandFacts, Denial, Event, EventFacts, Generation, Hooks,
    PrivateChannels, Rendition, RequestFacts, Rules, SubjectFacts, Subjects, Verdict, Workspace,
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
        subjects: Subjects,
    },
    /// May this person enter, or stay?
    Admit(RequestFacts),
    /// May this command be carried out?
    Authorize(CommandFacts),
    /// How does this event look, and to whom?
    Render(EventFacts),
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
    revision: u64,
    admissions: BTreeMap<RequestFacts, Result<(), Denial>>,
    authorized: Option<(CommandFacts, Verdict)>,
    /// By event, and never by its place: what others commit meanwhile moves the events of a decision
    /// to other places, and the answers about those that stay hold nevertheless.
    rendered: BTreeMap<Event, Vec<Shown>>,
    /// With the facts they were given for, which are compared and put in no order as well.
    rules: BTreeMap<ChannelId, (ChannelFacts, Arc<Rules>)>,
    /// By channel, then by the place of the policy's rule.
    subjects: BTreeMap<ChannelId, (ChannelFacts, BTreeMap<usize, Answered>)>,
}

/// An answer about an event, for what else was known of it. That is compared and put in no order: two
/// states share most of what a channel's facts hold, which a comparison notices.
#[derive(Clone, Debug)]
struct Shown {
    subject: Option<SubjectFacts>,
    channel: Option<ChannelFacts>,
    /// Nothing if the event goes on as it is.
    renditions: Option<Vec<Rendition>>,
}

impl Shown {
    fn is_about(&self, facts: &EventFacts) -> bool {
        self.subject == facts.subject && self.channel == facts.channel
    }
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
        if self.hooks.commands_looks_up {
            self.authorized = None;
        }
        if self.hooks.events_looks_up {
            self.rendered.clear();
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

    pub(super) fn admission(
        &self,
        request: &RequestFacts,
        revision: u64,
    ) -> Option<&Result<(), Denial>> {
        let holds = !self.hooks.admission_looks_up || self.revision == revision;
        self.admissions.get(request).filter(|_| holds)
    }

    pub(super) fn authorization(&self, command: &CommandFacts, revision: u64) -> Option<&Verdict> {
        let holds = !self.hooks.commands_looks_up || self.revision == revision;
        let (asked, verdict) = self.authorized.as_ref().filter(|_| holds)?;
        (asked == command).then_some(verdict)
    }

    /// Nothing where there is no answer; then the renditions, if the event does not go on as it is.
    #[expect(
        clippy::option_option,
        reason = "no answer, and the answer «as it is», are two things"
    )]
    pub(super) fn rendering(
        &self,
        facts: &EventFacts,
        revision: u64,
    ) -> Option<Option<&Vec<Rendition>>> {
        let holds = !self.hooks.events_looks_up || self.revision == revision;
        let mut shown = self.rendered.get(&facts.event).filter(|_| holds)?.iter();
        let shown = shown.find(|shown| shown.is_about(facts))?;
        Some(shown.renditions.as_ref())
    }

    pub(super) fn rules(&self, channel: &ChannelFacts, revision: u64) -> Option<&Arc<Rules>> {
        let holds = !self.hooks.visibility_looks_up || self.revision == revision;
        let (asked, rules) = self.rules.get(&channel.id).filter(|_| holds)?;
        (asked == channel).then_some(rules)
    }

    pub(super) fn of_subjects(
        &self,
        channel: &ChannelFacts,
        policy: usize,
        revision: u64,
    ) -> Option<&Answered> {
        let holds = !self.hooks.visibility_looks_up || self.revision == revision;
        let (asked, answered) = self.subjects.get(&channel.id).filter(|_| holds)?;
        answered.get(&policy).filter(|_| asked == channel)
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
    pub fn answer_rendering(&mut self, facts: EventFacts, answer: Option<Vec<Rendition>>) {
        let shown = self.rendered.entry(facts.event.clone()).or_default();
        shown.retain(|shown| !shown.is_about(&facts));
        shown.push(Shown {
            subject: facts.subject,
            channel: facts.channel,
            renditions: answer,
        });
    }

    /// The policies that answer.
    #[must_use]
    pub fn generation(&self) -> Generation {
        self.generation
    }

    /// Takes down the answer to [`Question::Audience`]: one rule for each policy, in order. The
    /// built-in rule stands before them, unless private channels are left to the policies.
    pub fn answer_rules(&mut self, channel: ChannelFacts, rules: Rules) {
        let rules = match self.hooks.private_channels {
            PrivateChannels::Members => rules.with_built_in(&channel),
            PrivateChannels::Policies => rules,
        };
        let rules = Arc::new(rules);
        self.rules.insert(channel.id.clone(), (channel, rules));
    }

    /// Takes down the answer to [`Question::Subjects`], in the order of the subjects. Subjects
    /// without an answer may not see the channel.
    pub fn answer_subjects(
        &mut self,
        channel: &ChannelFacts,
        policy: usize,
        subjects: Subjects,
        allowed: Vec<bool>,
    ) {
        let nothing = || (channel.clone(), BTreeMap::new());
        let entry = self.subjects.entry(channel.id.clone());
        let (asked, answered) = entry.or_insert_with(nothing);
        if asked != channel {
            (*asked, *answered) = nothing();
        }
        let answered = answered.entry(policy).or_default();
        answered.answer(subjects, allowed);
    }
}

/// The questions of one draft, each once. What a draft asks of a channel is asked of its last
/// facts, so that the id stands for them.
#[derive(Default)]
pub(super) struct Questions {
    admissions: BTreeSet<RequestFacts>,
    authorization: Option<CommandFacts>,
    /// With the place among them, so that they are asked in the order of the events.
    renderings: BTreeMap<EventFacts, usize>,
    audiences: BTreeMap<ChannelId, ChannelFacts>,
    subjects: BTreeMap<(ChannelId, usize), (ChannelFacts, Vec<Subjects>)>,
}

impl Questions {
    pub(super) fn is_empty(&self) -> bool {
        self.admissions.is_empty()
            && self.authorization.is_none()
            && self.renderings.is_empty()
            && self.audiences.is_empty()
            && self.subjects.is_empty()
    }

    pub(super) fn admission(&mut self, request: RequestFacts) {
        self.admissions.insert(request);
    }

    pub(super) fn authorization(&mut self, command: CommandFacts) {
        self.authorization = Some(command);
    }

    pub(super) fn rendering(&mut self, facts: EventFacts) {
        let place = self.renderings.len();
        self.renderings.entry(facts).or_insert(place);
    }

    pub(super) fn audience(&mut self, channel: &ChannelFacts) {
        self.audiences.insert(channel.id.clone(), channel.clone());
    }

    pub(super) fn subjects(&mut self, channel: &ChannelFacts, policy: usize, subjects: Subjects) {
        let key = (channel.id.clone(), policy);
        let asked = self.subjects.entry(key);
        let (_, all) = asked.or_insert_with(|| (channel.clone(), Vec::new()));
        all.push(subjects);
    }

    pub(super) fn into_list(self) -> Vec<Question> {
        let audiences = self.audiences.into_values().map(Question::Audience);
        let subjects = self
            .subjects
            .into_iter()
            .map(|((_, policy), (channel, subjects))| Question::Subjects {
                channel,
                policy,
                subjects: together(subjects),
            });
        // What may end the whole command comes first.
        let admissions = self.admissions.into_iter().map(Question::Admit);
        let authorization = self.authorization.into_iter().map(Question::Authorize);
        let mut renderings: Vec<_> = self.renderings.into_iter().collect();
        renderings.sort_unstable_by_key(|(_, place)| *place);
        let renderings = renderings.into_iter();
        admissions
            .chain(authorization)
            .chain(audiences)
            .chain(subjects)
            .chain(renderings.map(|(facts, _)| Question::Render(facts)))
            .collect()
    }
}

fn together(mut lists: Vec<Subjects>) -> Subjects {
    match lists.len() {
        1 => lists.remove(0),
        _ => lists.iter().flat_map(|list| list.iter()).cloned().collect(),
    }
}
