//! Who sees a channel, and what is told to those whose view changes.
//!
//! The order is always: whoever loses sight of a channel they are in leaves it first, then the
//! loss is told, then the gain.

use std::collections::BTreeSet;
use std::sync::Arc;

use imbl::OrdSet;
use imbl::ordmap::DiffItem;

use super::{Answers, Draft};
use crate::subjects::Answered;
use crate::{
    Audience, Change, ChannelFacts, ChannelId, Event, Generation, Rule, Rules, SubjectFacts,
    Subjects, UserId, View,
};

impl<'a> Draft<'a> {
    /// The rules that govern a channel. Where the policies have not answered yet, the question is
    /// noted and there are none.
    fn rules(&mut self, facts: &ChannelFacts) -> Option<(Option<Generation>, Arc<Rules>)> {
        let Some(answers) = self.visibility() else {
            return Some((None, Arc::new(Rules::built_in_alone(facts))));
        };
        let generation = Some(answers.generation);
        let rules = answers.rules(facts, self.before.revision).cloned();
        if rules.is_none() {
            self.questions.audience(facts);
        }
        Some((generation, rules?))
    }

    /// Whom of these subjects, who are connected, all rules let see the channel; nothing where the policies have not
    /// answered yet, which is noted.
    fn allowed(
        &mut self,
        facts: &ChannelFacts,
        rules: &Rules,
        subjects: &Subjects,
    ) -> Option<OrdSet<UserId>> {
        // Nobody else is among them, so that all of them are all of those.
        let all = self.state.sockets_of.len();
        let mut left: Vec<&SubjectFacts> = subjects.iter().collect();
        if let Some(built_in) = rules.built_in() {
            left.retain(|s| built_in.allows(facts, s) == Some(true));
        }
        for (policy, rule) in rules.iter().enumerate() {
            if *rule == Rule::Each {
                self.allowed_each(facts, policy, subjects, &mut left)?;
            } else {
                left.retain(|s| rule.allows(facts, s) == Some(true));
            }
        }
        if left.len() == all {
            return Some(self.state.connected().users.clone());
        }
        Some(left.into_iter().map(|s| s.user.clone()).collect())
    }

    /// Leaves those whom a policy lets see the channel, one by one; nothing where it has not answered
    /// about all of them. `all` are those of whom some are left.
    fn allowed_each(
        &mut self,
        facts: &ChannelFacts,
        policy: usize,
        all: &Subjects,
        left: &mut Vec<&SubjectFacts>,
    ) -> Option<()> {
        let Some(answers) = self.visibility() else {
            left.clear();
            return Some(());
        };
        let answered = answers.of_subjects(facts, policy, self.before.revision);
        let mut answered = answered.map(Answered::reader);
        let mut unanswered = Vec::new();
        left.retain(|subject| {
            let answer = answered.as_mut().and_then(|a| a.get(subject));
            if answer.is_none() {
                unanswered.push(*subject);
            }
            answer == Some(true)
        });
        if unanswered.is_empty() {
            return Some(());
        }
        let unanswered = if unanswered.len() == all.len() {
            all.clone()
        } else {
            unanswered.into_iter().cloned().collect()
        };
        self.questions.subjects(facts, policy, unanswered);
        None
    }

    fn evaluate(&mut self, facts: &ChannelFacts, rules: &Rules) -> Option<View> {
        if rules.are_for_everyone() {
            return Some(View::Everyone);
        }
        // A rule may name more people than are here.
        let most = self.state.sockets_of.len();
        let candidates = rules
            .all()
            .filter_map(|r| r.candidates(facts, most))
            .min_by_key(Vec::len);
        let subjects = if let Some(users) = candidates {
            self.looked_at += users.len();
            let users = users.into_iter();
            users
                .filter_map(|u| self.state.connected_subject(u))
                .collect()
        } else {
            self.looked_at += most;
            self.state.connected().subjects.clone()
        };
        self.allowed(facts, rules, &subjects).map(View::Users)
    }

    /// Asks and evaluates the rules of a channel as it now is. Nothing comes of it where the policies
    /// have not answered yet: such a draft never becomes a decision, and what would follow if nobody
    /// saw the channel is much work in a large workspace.
    fn look(&mut self, id: &ChannelId) -> Option<(View, View)> {
        let channel = self.state.channels.get(id)?.clone();
        let Some((generation, rules)) = self.rules(&channel.facts) else {
            // As many as any rule may take to apply: whoever tries again with the answer looks at
            // no fewer channels, so that nothing is asked in vain.
            self.looked_at += self.state.sockets_of.len();
            return None;
        };
        let view = self.evaluate(&channel.facts, &rules)?;
        if channel.generation != generation || channel.rules != rules || channel.view != view {
            self.change(Change::ChannelViewed {
                channel: id.clone(),
                generation,
                rules,
                view: view.clone(),
            });
        }
        Some((channel.view.clone(), view))
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
        if self.look(id).is_none() {
            return;
        }
        let audience = self.announcement(id);
        let channel = id.clone();
        self.emit(Event::ChannelCreated { channel }, audience);
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
        let (lost, gained) = (without(&lost, untold), without(&gained, untold));
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
        let users = |view: &View| match view {
            View::Everyone => self.state.connected().users.clone(),
            View::Users(users) => users.clone(),
        };
        let (before, after) = (users(before), users(after));
        (without(&before, &after), without(&after, &before))
    }

    /// After what policies may know of a connected user changed: settles anew which channels the user
    /// sees. Somebody who was not connected before, or is not now, is told nothing.
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
        if self.looks_again_at_channels() {
            return;
        }
        let concerned = |(user, before): &&(UserId, Option<SubjectFacts>)| {
            before.is_some() || !self.state.sockets_of(user).is_empty()
        };
        let concerned = subjects.iter().filter(concerned);
        if let Some(put_off) = &mut self.put_off {
            put_off.extend(concerned.map(|(user, _)| user.clone()));
            return;
        }
        if concerned.count() == 0 {
            return;
        }
        let untold = self.strangers(subjects);
        for (user, before) in subjects {
            self.settle_subject(user, before.as_ref(), channels, &untold);
        }
    }

    /// Of some users, with what was known of them, those who came or went.
    fn strangers(&self, subjects: &[(UserId, Option<SubjectFacts>)]) -> OrdSet<UserId> {
        let here = |user| !self.state.sockets_of(user).is_empty();
        let came_or_went = subjects
            .iter()
            .filter(|(user, before)| before.is_none() || !here(user));
        came_or_went.map(|(user, _)| user.clone()).collect()
    }

    /// Puts off whose views change until [`Draft::put_off_until_now`].
    pub(super) fn put_off(&mut self) {
        self.put_off = Some(Vec::new());
    }

    /// Whose views were put off: each once, with what was known of them before the decision.
    pub(super) fn put_off_until_now(&mut self) -> Vec<(UserId, Option<SubjectFacts>)> {
        let mut seen = BTreeSet::new();
        let mut users = self.put_off.take().unwrap_or_default();
        users.retain(|user| seen.insert(user.clone()));
        let before = |user: UserId| {
            let subject = self.before.connected_subject(&user);
            (user, subject)
        };
        users.into_iter().map(before).collect()
    }

    /// Those who came or went in this decision.
    pub(super) fn came_or_went(&self) -> OrdSet<UserId> {
        let users = self.before.sockets_of.diff(&self.state.sockets_of);
        users.filter_map(changed_key).cloned().collect()
    }

    fn settle_subject(
        &mut self,
        user: &UserId,
        before: Option<&SubjectFacts>,
        channels: &OrdSet<ChannelId>,
        untold: &OrdSet<UserId>,
    ) {
        let after = self.state.connected_subject(user);
        if after.as_ref() == before {
            return;
        }
        for id in channels {
            let Some(channel) = self.state.channels.get(id) else {
                continue;
            };
            let View::Users(users) = &channel.view else {
                continue;
            };
            let asked = self.visibility().map(Answers::generation);
            if channel.generation != asked && channel.rules.contains(&Rule::Each) {
                // The policies that said `each` are no longer there to ask: look with those
                // that are, as the re-evaluation under way is about to.
                self.view_channel_anew(id, untold);
                continue;
            }
            let saw = users.contains(user);
            let allowed = match &after {
                Some(subject) => channel.allows(subject),
                None => Some(false),
            };
            let sees = match (allowed, &after) {
                (Some(sees), _) => sees,
                (None, Some(subject)) => match self.asked_of(id, subject) {
                    Some(sees) => sees,
                    None => continue,
                },
                (None, None) => false,
            };
            if sees != saw {
                self.move_in_view(user, id, sees, untold);
            }
        }
    }

    /// What the policies that are asked about each say of somebody and a channel; nothing where they
    /// have not answered yet.
    fn asked_of(&mut self, id: &ChannelId, subject: &SubjectFacts) -> Option<bool> {
        let channel = self.state.channels.get(id)?.clone();
        let subjects = Subjects::from(vec![subject.clone()]);
        let allowed = self.allowed(&channel.facts, &channel.rules, &subjects)?;
        Some(!allowed.is_empty())
    }

    /// Takes a user into the view of a channel or out of it, and tells them.
    fn move_in_view(&mut self, user: &UserId, id: &ChannelId, sees: bool, untold: &OrdSet<UserId>) {
        let Some(channel) = self.state.channels.get(id) else {
            return;
        };
        let View::Users(users) = &channel.view else {
            return;
        };
        let former = channel.view.audience();
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
        let selection = self.state.selections.get(user);
        if !sees && selection.is_some_and(|s| s.channel == *id) {
            self.leave_unseen(user, id, former);
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

    /// The answers, where some policy says who sees a channel.
    fn visibility(&self) -> Option<&'a Answers> {
        self.context.policies.filter(|p| p.hooks.visibility)
    }
}

/// Those of some users who are not among others. The shorter set is walked.
fn without(users: &OrdSet<UserId>, others: &OrdSet<UserId>) -> OrdSet<UserId> {
    if users.is_empty() || others.is_empty() {
        return users.clone();
    }
    if users.ptr_eq(others) {
        return OrdSet::new();
    }
    if others.len() <= users.len() {
        return users.clone().relative_complement(others.clone());
    }
    let left = users.iter().filter(|user| !others.contains(*user));
    left.cloned().collect()
}

/// The key that is in one of two maps only.
fn changed_key<'a, K, V>(difference: DiffItem<'a, 'a, K, V>) -> Option<&'a K> {
    match difference {
        DiffItem::Add(key, _) | DiffItem::Remove(key, _) => Some(key),
        DiffItem::Update { .. } => None,
    }
}
