//! What policies should be told of each event, and what each receiver should get of it. An event is
//! told with the facts of its moment, which the order of changes and outputs gives away; where it
//! does not, any moment that it leaves open will do.

use std::collections::BTreeSet;

use wardroom_domain::{
    Change, ChannelId, Command, Event, EventFacts, Json, Output, Rendering, SubjectFacts, Target,
    UserId, Workspace,
};

use crate::consent::Asked;
use crate::judge::ensure;
use crate::model::Model;
use crate::policies::{Forms, payload};

/// Between which changes an event was told: after so many at least and at most.
#[derive(Clone, Copy)]
struct Moment {
    first: usize,
    last: usize,
    exact: bool,
}

/// What may have been known of each event among some outputs, in order.
pub(crate) fn facts(
    before: &Model,
    command: &Command,
    changes: &[Change],
    outputs: &[Output],
) -> Vec<Vec<EventFacts>> {
    let events: Vec<&Event> = outputs.iter().filter_map(event_of).collect();
    if events.is_empty() {
        return Vec::new();
    }
    let mut models = vec![before.clone()];
    for change in changes {
        let mut model = models[models.len() - 1].clone();
        model.apply(change);
        models.push(model);
    }
    let target = match command {
        Command::Publish(publication) => Some(&publication.to),
        _ => None,
    };
    let moments = moments(&events, changes);
    let told = events.iter().zip(moments).map(|(event, moment)| {
        let mut told: Vec<EventFacts> = Vec::new();
        for model in &models[moment.first..=moment.last] {
            let facts = facts_at(before, model, event, target);
            if !told.contains(&facts) {
                told.push(facts);
            }
        }
        told
    });
    told.collect()
}

fn event_of(output: &Output) -> Option<&Event> {
    match output {
        Output::Event { event, .. } => Some(event),
        _ => None,
    }
}

fn moments(events: &[&Event], changes: &[Change]) -> Vec<Moment> {
    let mut first = 0;
    let mut moments = Vec::new();
    for event in events {
        let cause = changes.iter().enumerate().skip(first);
        let cause = cause.filter(|(_, change)| is_told_at_once(event, change));
        if let Some((place, _)) = cause.into_iter().next() {
            first = place + 1;
            moments.push(Moment {
                first,
                last: first,
                exact: true,
            });
            continue;
        }
        let cause = changes.iter().position(|change| precedes(event, change));
        first = first.max(cause.map_or(0, |place| place + 1));
        moments.push(Moment {
            first,
            last: changes.len(),
            exact: false,
        });
    }
    let mut last = changes.len();
    for moment in moments.iter_mut().rev() {
        if moment.exact {
            last = moment.first - 1;
        } else {
            moment.last = last.max(moment.first);
        }
    }
    moments
}

/// Whether the event tells of this change before anything else changes.
fn is_told_at_once(event: &Event, change: &Change) -> bool {
    match (event, change) {
        (Event::UserUnselectedChannel { user: of, .. }, Change::Unselected { user })
        | (
            Event::UserSelectedChannel { user: of, .. } | Event::MediaStateUpdated { user: of, .. },
            Change::Selected { user, .. },
        )
        | (Event::UserLeavedWorkspace { user: of }, Change::MemberRemoved { user }) => of == user,
        (Event::ChannelDeleted { channel: of }, Change::ChannelRemoved { channel }) => {
            of == channel
        }
        _ => false,
    }
}

/// Whether the event tells of this change, perhaps after others.
fn precedes(event: &Event, change: &Change) -> bool {
    match (event, change) {
        (
            Event::UserJoined { user: of, .. } | Event::UserUpdated { user: of, .. },
            Change::MemberPut { user, .. },
        ) => of == user,
        (
            Event::ChannelCreated { channel: of } | Event::ChannelDeleted { channel: of },
            Change::ChannelViewed { channel, .. },
        ) => of == channel,
        _ => false,
    }
}

/// What is known of an event now; of whoever or whatever is gone, what was known before.
fn facts_at(before: &Model, now: &Model, event: &Event, target: Option<&Target>) -> EventFacts {
    let person = match event {
        Event::UserJoined { user, .. }
        | Event::UserUpdated { user, .. }
        | Event::UserLeavedWorkspace { user }
        | Event::UserSelectedChannel { user, .. }
        | Event::UserUnselectedChannel { user, .. }
        | Event::OnlineStatusUpdated { user, .. }
        | Event::MediaStateUpdated { user, .. } => Some(user),
        _ => None,
    };
    let place: Option<&ChannelId> = match (event, target) {
        (
            Event::ChannelCreated { channel }
            | Event::ChannelDeleted { channel }
            | Event::UserSelectedChannel { channel, .. }
            | Event::UserUnselectedChannel { channel, .. },
            _,
        )
        | (_, Some(Target::Channel(channel) | Target::Conversation(channel))) => Some(channel),
        (Event::MediaStateUpdated { user, .. }, _) => {
            now.selections.get(user).map(|selection| &selection.channel)
        }
        _ => None,
    };
    let channel = |id| now.channels.get(id).or_else(|| before.channels.get(id));
    EventFacts {
        event: event.clone(),
        subject: person.and_then(|user| now.known(user).or_else(|| before.known(user))),
        channel: place.and_then(channel).cloned(),
    }
}

/// What the receivers of one event got, and what they should have got.
pub(crate) struct Delivery<'a> {
    pub(crate) asked: Asked<'a>,
    pub(crate) before: &'a Model,
    pub(crate) after: &'a Model,
    /// The state that the delivering edge looks at.
    pub(crate) next: &'a Workspace,
}

impl Delivery<'_> {
    /// Holds what each receiver gets against what the policies mean for them; the forms that they
    /// get.
    pub(crate) fn check(
        &self,
        event: &Event,
        rendering: &Rendering,
        facts: &[EventFacts],
        users: &BTreeSet<UserId>,
    ) -> Result<Forms, String> {
        let got: Forms = users
            .iter()
            .map(|user| (user.clone(), self.delivered(event, rendering, user)))
            .collect();
        let Some(generation) = self.asked.generation else {
            return plain(rendering, got);
        };
        if !self.asked.policies.hooks(generation).events {
            return plain(rendering, got);
        }
        let mut persons = Vec::new();
        for user in users {
            let person = self.after.known(user).or_else(|| self.before.known(user));
            persons.push(person.ok_or_else(|| format!("{user} is nobody and hears it"))?);
        }
        let meant = facts.iter().map(|facts| {
            let policies = self.asked.policies;
            policies.forms(generation, facts, &persons, self.asked.digest)
        });
        let meant: Vec<Forms> = meant.collect();
        ensure(meant.contains(&got), || {
            format!("they get {got:?}, and are meant to get {meant:?} by {facts:?}")
        })?;
        Ok(got)
    }

    /// What a person gets, as the server's edge finds out.
    fn delivered(&self, event: &Event, rendering: &Rendering, user: &UserId) -> Option<Json> {
        let Rendering::Rendered(rendered) = rendering else {
            return Some(payload(event));
        };
        let of_user = |subject: &&SubjectFacts| subject.user == *user;
        let place = match self.next.subject(user) {
            Some(subject) => rendered.place_for(&subject),
            None => rendered.place_for(rendered.departed.iter().find(of_user)?),
        };
        rendered.renditions[place?].payload.clone()
    }
}

fn plain(rendering: &Rendering, got: Forms) -> Result<Forms, String> {
    ensure(*rendering == Rendering::Unchanged, || {
        "nobody renders events".to_owned()
    })?;
    Ok(got)
}
