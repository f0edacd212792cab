//! How events look, and to whom, as far as policies decide it. Each event is asked about once, when
//! the decision is complete, with the facts of the moment it was told.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Draft, Target};
use crate::{
    ChannelFacts, ChannelId, Event, EventFacts, Output, Rendered, Rendering, SubjectFacts, UserId,
};

impl Draft<'_> {
    pub(super) fn asks_events(&self) -> bool {
        self.context.policies.is_some_and(|p| p.hooks.events)
    }

    /// Keeps what policies may know of an event now; whoever or whatever is gone already, as it was
    /// before the decision.
    pub(super) fn note_facts(&mut self, event: &Event, target: Option<&Target>) {
        let subject = subject_of(event).and_then(|user| self.person(user));
        let channel = match (channel_of(event), target) {
            (Some(channel), _) => self.place(channel),
            (None, Some(Target::Channel(channel) | Target::Conversation(channel))) => {
                self.place(channel)
            }
            (None, _) => match event {
                Event::MediaStateUpdated { user, .. } => {
                    let selection = self.state.selections.get(user);
                    selection.and_then(|s| self.place(&s.channel))
                }
                _ => None,
            },
        };
        self.told.push(EventFacts {
            event: event.clone(),
            subject,
            channel,
        });
    }

    fn person(&self, user: &UserId) -> Option<SubjectFacts> {
        let present = self.state.subject(user);
        present.or_else(|| self.before.subject(user))
    }

    fn place(&self, channel: &ChannelId) -> Option<ChannelFacts> {
        let present = self.state.channels.get(channel);
        let known = present.or_else(|| self.before.channels.get(channel));
        known.map(|c| c.facts.clone())
    }

    /// Gives every event the form that policies want it to have. Asks nothing while other questions
    /// are open: their answers say which events there are.
    pub(super) fn render(&mut self) {
        if !self.questions.is_empty() {
            return;
        }
        let Some(answers) = self.context.policies.filter(|p| p.hooks.events) else {
            return;
        };
        let mut departed = None;
        let told = std::mem::take(&mut self.told);
        let mut outputs = std::mem::take(&mut self.outputs);
        let events = outputs.iter_mut().filter_map(|output| match output {
            Output::Event { rendering, .. } => Some(rendering),
            _ => None,
        });
        for (facts, rendering) in told.into_iter().zip(events) {
            match answers.rendering(&facts, self.before.revision) {
                None => self.questions.rendering(facts),
                Some(None) => {}
                Some(Some(renditions)) => {
                    let departed = departed.get_or_insert_with(|| self.departed());
                    *rendering = Rendering::Rendered(Arc::new(Rendered {
                        renditions: renditions.clone(),
                        channel: facts.channel,
                        departed: departed.clone(),
                    }));
                }
            }
        }
        self.outputs = outputs;
    }

    /// Whoever was known before the decision and is not after it. Only somebody who had a
    /// connection can be in an audience.
    fn departed(&self) -> Vec<SubjectFacts> {
        let mut users: BTreeSet<&UserId> = BTreeSet::new();
        for (user, _) in self
            .before
            .sockets_of
            .diff(&self.state.sockets_of)
            .filter_map(gone)
        {
            users.insert(user);
        }
        let gone = users
            .into_iter()
            .filter(|u| self.state.subject(u).is_none());
        gone.filter_map(|u| self.before.subject(u)).collect()
    }
}

fn gone<'a, K, V>(difference: imbl::ordmap::DiffItem<'a, '_, K, V>) -> Option<(&'a K, &'a V)> {
    match difference {
        imbl::ordmap::DiffItem::Remove(key, value) => Some((key, value)),
        _ => None,
    }
}

/// The person an event is about.
fn subject_of(event: &Event) -> Option<&UserId> {
    match event {
        Event::UserJoined { user, .. }
        | Event::UserUpdated { user, .. }
        | Event::UserLeavedWorkspace { user }
        | Event::UserSelectedChannel { user, .. }
        | Event::UserUnselectedChannel { user, .. }
        | Event::OnlineStatusUpdated { user, .. }
        | Event::MediaStateUpdated { user, .. } => Some(user),
        Event::ChannelCreated { .. }
        | Event::ChannelDeleted { .. }
        | Event::UserChangedDevice
        | Event::Application { .. } => None,
    }
}

/// The channel that an event names.
fn channel_of(event: &Event) -> Option<&ChannelId> {
    match event {
        Event::ChannelCreated { channel }
        | Event::ChannelDeleted { channel }
        | Event::UserSelectedChannel { channel, .. }
        | Event::UserUnselectedChannel { channel, .. } => Some(channel),
        _ => None,
    }
}
