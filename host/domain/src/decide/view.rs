//! Who sees a channel, and what is told to those whose view changes.
//!
//! The order is always: whoever loses sight of a channel they are in leaves it first, then the
//! loss is told, then the gain.

use std::sync::Arc;

use imbl::OrdSet;

use super::{Answers, Draft};
use crate::{
    Audience, Change, ChannelFacts, ChannelId, Event, Generation, Rule, Rules, SubjectFacts,
    UserId, View,
};

impl<'a> Draft<'a> {
    /// The rules that govern a channel. Where the policies have not answered yet, the question is
    /// noted and nobody sees the channel; such a draft never becomes a decision.
    fn rules(&mut self, facts: &ChannelFacts) -> (Option<Generation>, Arc<Rules>) {
        let Some(answers) = self.visibility() else {
            return (None, Arc::new(vec![Rule::built_in(facts)].into()));
        };
        let generation = Some(answers.generation);
        match answers.rules(facts, self.before.revision) {
            Some(rules) => (generation, rules.clone()),
            None => {
                self.questions.audience(facts);
                (generation, Arc::new(vec![Rule::Nobody].into()))
            }
        }
    }

    /// Whom of these subjects all rules let see the channel.
    fn allowed(
        &mut self,
        facts: &ChannelFacts,
        rules: &[Rule],
        subjects: Vec<SubjectFacts>,
    ) -> OrdSet<UserId> {
        let mut left = subjects;
        for (policy, rule) in rules.iter().enumerate() {
            if *rule == Rule::Each {
                left = self.allowed_each(facts, policy, left);
            } else {
                left.retain(|s| rule.allows(facts, s) == Some(true));
            }
        }
        left.into_iter().map(|s| s.user).collect()
    }

    fn allowed_each(
        &mut self,
        facts: &ChannelFacts,
        policy: usize,
        subjects: Vec<SubjectFacts>,
    ) -> Vec<SubjectFacts> {
        let Some(answers) = self.visibility() else {
            return Vec::new();
        };
        let answered = answers.of_subjects(facts, self.before.revision);
        let mut unanswered = Vec::new();
        let mut allowed = Vec::new();
        for subject in subjects {
            let key = (policy, subject);
            match answered.and_then(|a| a.get(&key)) {
                Some(true) => allowed.push(key.1),
                Some(false) => {}
                None => unanswered.push(key.1),
            }
        }
        if !unanswered.is_empty() {
            self.questions.subjects(facts, policy, unanswered);
        }
        allowed
    }

    fn evaluate(&mut self, facts: &ChannelFacts, rules: &[Rule]) -> View {
        if rules.iter().all(|r| *r == Rule::Everyone) {
            return View::Everyone;
        }
        let candidates = rules
            .iter()
            .filter_map(|r| r.candidates(facts))
            .min_by_key(OrdSet::len);
        let subjects = match candidates {
            Some(users) => users.iter().filter_map(|u| self.state.subject(u)).collect(),
            None => self.state.subjects(),
        };
        View::Users(self.allowed(facts, rules, subjects))
    }

    /// Asks and evaluates the rules of a channel as it now is.
    fn look(&mut self, id: &ChannelId) -> Option<(View, View)> {
        let channel = self.state.channels.get(id)?.clone();
        let (generation, rules) = self.rules(&channel.facts);
        let view = self.evaluate(&channel.facts, &rules);
        if channel.generation != generation || channel.rules != rules || channel.view != view {
            self.change(Change::ChannelViewed {
                channel: id.clone(),
                generation,
                rules,
                view: view.clone(),
            });
        }
        Some((channel.view, view))
    }

    /// Whom the appearance or the end of a channel is told: the whole workspace, unless policies
    /// say who may know of it (the Socket API document, "channel-created").
    pub(super) fn announcement(&self, id: &ChannelId) -> Audience {
        match self.state.channels.get(id) {
            Some(channel) if channel.generation.is_some() => channel.view.audience(),
            _ => Audience::Workspace,
        }
    }

    pub(super) fn view_new_channel(&mut self, id: &ChannelId) {
        self.look(id);
        let audience = self.announcement(id);
        let channel = id.clone();
        self.emit(Event::ChannelCreated { channel }, audience);
    }

    pub(super) fn view_changed_channel(&mut self, id: &ChannelId) {
        self.view_channel_anew(id, &OrdSet::new());
    }

    /// Settles who sees a channel and tells those whose view changed, but for those who just
    /// came or went.
    pub(super) fn view_channel_anew(&mut self, id: &ChannelId, untold: &OrdSet<UserId>) {
        // Selections end before the old view goes, for it says who hears of their end.
        let Some(before) = self.state.channels.get(id).map(|c| c.view.clone()) else {
            return;
        };
        let at = self.outputs.len();
        let Some((_, after)) = self.look(id) else {
            return;
        };
        debug_assert_eq!(at, self.outputs.len(), "looking tells nobody anything");
        if before == after {
            return;
        }
        let selected = self.state.selected_by.get(id).cloned().unwrap_or_default();
        for user in selected.iter().filter(|u| !after.includes(u)) {
            self.leave_unseen(user, id, before.audience());
        }
        let (lost, gained) = self.difference(&before, &after);
        let lost = lost.relative_complement(untold.clone());
        let gained = gained.relative_complement(untold.clone());
        let channel = id.clone();
        self.emit(Event::ChannelDeleted { channel }, Audience::Users(lost));
        let channel = id.clone();
        self.emit(Event::ChannelCreated { channel }, Audience::Users(gained));
    }

    /// Ends the selection of a channel its user no longer sees, before those who saw it so far.
    fn leave_unseen(&mut self, user: &UserId, channel: &ChannelId, audience: Audience) {
        self.change(Change::Unselected { user: user.clone() });
        self.emit(
            Event::UserUnselectedChannel {
                user: user.clone(),
                channel: channel.clone(),
            },
            audience,
        );
    }

    /// Who saw a channel and no longer does, and who does and did not.
    fn difference(&self, before: &View, after: &View) -> (OrdSet<UserId>, OrdSet<UserId>) {
        let everyone = || self.state.subjects().into_iter().map(|s| s.user).collect();
        let users = |view: &View| match view {
            View::Everyone => everyone(),
            View::Users(users) => users.clone(),
        };
        let (before, after) = (users(before), users(after));
        let lost = before.clone().relative_complement(after.clone());
        (lost, after.relative_complement(before))
    }

    /// After what policies may know of a user changed: settles anew which channels the user sees.
    /// Somebody who was nobody before, or is nobody now, is told nothing.
    pub(super) fn subject_changed(&mut self, user: &UserId, before: Option<SubjectFacts>) {
        let channels = self.state.restricted.clone();
        self.subjects_changed(&[(user.clone(), before)], &channels);
    }

    /// The same for several users at once, and for some of the channels that not everyone sees.
    pub(super) fn subjects_changed(
        &mut self,
        subjects: &[(UserId, Option<SubjectFacts>)],
        channels: &OrdSet<ChannelId>,
    ) {
        let untold = self.strangers(subjects);
        for (user, before) in subjects {
            self.settle_subject(user, before.as_ref(), channels, &untold);
        }
    }

    /// Of some users, with what was known of them, those who came or went.
    pub(super) fn strangers(&self, subjects: &[(UserId, Option<SubjectFacts>)]) -> OrdSet<UserId> {
        let known = |user| self.state.subject(user).is_some();
        let came_or_went = subjects
            .iter()
            .filter(|(user, before)| before.is_none() || !known(user));
        came_or_went.map(|(user, _)| user.clone()).collect()
    }

    fn settle_subject(
        &mut self,
        user: &UserId,
        before: Option<&SubjectFacts>,
        channels: &OrdSet<ChannelId>,
        untold: &OrdSet<UserId>,
    ) {
        let after = self.state.subject(user);
        if after.as_ref() == before {
            return;
        }
        for id in channels {
            let Some(channel) = self.state.channels.get(id).cloned() else {
                continue;
            };
            let View::Users(users) = &channel.view else {
                continue;
            };
            let asked = self.visibility().map(Answers::generation);
            if channel.rules.contains(&Rule::Each) && channel.generation != asked {
                // The policies that said `each` are no longer there to ask: look with those
                // that are, as the re-evaluation under way is about to.
                self.view_channel_anew(id, untold);
                continue;
            }
            let sees = match &after {
                Some(subject) => !self
                    .allowed(&channel.facts, &channel.rules, vec![subject.clone()])
                    .is_empty(),
                None => false,
            };
            if sees == users.contains(user) {
                continue;
            }
            let view = View::Users(if sees {
                users.update(user.clone())
            } else {
                users.without(user)
            });
            self.change(Change::ChannelViewed {
                channel: id.clone(),
                generation: channel.generation,
                rules: channel.rules.clone(),
                view,
            });
            if !sees
                && self
                    .state
                    .selections
                    .get(user)
                    .is_some_and(|s| s.channel == *id)
            {
                self.leave_unseen(user, id, channel.view.audience());
            }
            if !untold.contains(user) {
                let channel = id.clone();
                let event = if sees {
                    Event::ChannelCreated { channel }
                } else {
                    Event::ChannelDeleted { channel }
                };
                self.emit(event, Audience::Users(OrdSet::unit(user.clone())));
            }
        }
    }

    /// The answers, where some policy says who sees a channel.
    fn visibility(&self) -> Option<&'a Answers> {
        self.context.policies.filter(|p| p.hooks.visibility)
    }
}
