//! How members appear to somebody who asks for the state while policies render events: as the
//! events that would tell of them look. It must not know how the state is written.
//!
//! The policies are asked outside any lock, and what they answered is kept for as long as it holds, so
//! that the next one who asks costs nothing.

use std::collections::HashMap;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{cmp, iter};

use imbl::OrdMap;
use parking_lot::Mutex;
use wardroom_domain::{
    Channel, ChannelId, Event, EventFacts, Generation, Member, Rendered, Rendering, UserId,
    Workspace, WorkspaceId,
};

use super::{Asking, Committer, PolicySet};
use crate::limits::{MAX_APPEARANCES, MEMBERS_PER_TURN};

/// How a member appears: what policies make of the events that would tell of them.
#[derive(Clone, Debug, Default)]
pub struct Appearance {
    /// Of `user-joined`, with the profile; unchanged for somebody without one.
    pub joined: Rendering,
    /// Of `online-status-updated`.
    pub status: Rendering,
    /// Of `user-selected-channel`.
    pub selected: Rendering,
}

/// How all members of a workspace appear.
#[derive(Clone, Debug)]
pub enum Appearances {
    /// As they are: no policy renders events.
    Plain,
    /// As policies say.
    Rendered(HashMap<UserId, Appearance>),
}

/// What the policies answered so far, for every workspace.
#[derive(Default)]
pub(super) struct Gallery {
    rooms: Mutex<HashMap<WorkspaceId, Arc<Room>>>,
    kept: AtomicUsize,
}

#[derive(Default)]
struct Room {
    /// Held by whoever asks: others wait for the answers instead of asking the same.
    asking: tokio::sync::Mutex<()>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    generation: Option<Generation>,
    /// The directory that the answers were given on, where they may depend on it.
    directory: Option<Directory>,
    users: HashMap<UserId, (Facts, Appearance)>,
}

type Directory = (OrdMap<UserId, Member>, OrdMap<ChannelId, Arc<Channel>>);

/// What the policies are asked of one member.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Facts {
    joined: Option<EventFacts>,
    status: EventFacts,
    selected: Option<EventFacts>,
}

impl Committer {
    /// Asks the policies how the members of a workspace appear, if they render events and have not
    /// been asked yet.
    pub async fn prepare_appearances(&self, workspace: &WorkspaceId) {
        if let Some(policies) = self.rendering_policies()
            && let Some(state) = self.store.snapshot(workspace)
        {
            self.ask_missing(&policies, workspace, &state).await;
        }
    }

    /// How the members of a workspace appear in this state of it. Policies are asked what they have not
    /// been asked yet.
    pub async fn appearances(&self, workspace: &WorkspaceId, state: &Workspace) -> Appearances {
        let Some(policies) = self.rendering_policies() else {
            return Appearances::Plain;
        };
        Appearances::Rendered(self.ask_missing(&policies, workspace, state).await)
    }

    async fn ask_missing(
        &self,
        policies: &Arc<dyn PolicySet>,
        workspace: &WorkspaceId,
        state: &Workspace,
    ) -> HashMap<UserId, Appearance> {
        let room = self.gallery.room(workspace);
        let _turn = room.asking.lock().await;
        let (mut appearances, missing) = room.known(&**policies, state).await;
        for (user, facts) in missing {
            let appearance = ask(&**policies, Asking { workspace, state }, &facts);
            appearances.insert(user.clone(), appearance.clone());
            self.gallery
                .keep(&room, &**policies, user, facts, appearance);
            tokio::task::yield_now().await;
        }
        appearances
    }

    fn rendering_policies(&self) -> Option<Arc<dyn PolicySet>> {
        let (_, hooks) = self.policies.standing()?;
        let policies = hooks.events.then(|| self.policies.current())??;
        policies.hooks().events.then_some(policies)
    }
}

impl Gallery {
    fn room(&self, workspace: &WorkspaceId) -> Arc<Room> {
        let mut rooms = self.rooms.lock();
        if self.kept.load(Ordering::Relaxed) > MAX_APPEARANCES {
            rooms.clear();
            self.kept.store(0, Ordering::Relaxed);
        }
        Arc::clone(rooms.entry(workspace.clone()).or_default())
    }

    /// Keeps an answer, unless it is of policies that others have replaced by now.
    fn keep(
        &self,
        room: &Room,
        policies: &dyn PolicySet,
        user: UserId,
        facts: Facts,
        appearance: Appearance,
    ) {
        let mut known = room.known.lock();
        if known.generation != Some(policies.generation()) {
            return;
        }
        if known.users.insert(user, (facts, appearance)).is_none() {
            self.kept.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Room {
    /// How those appear of whom the policies have been asked, and of whom they have not been asked as they
    /// are now. What no longer holds is forgotten. Lets other work run between members: `asking` is held,
    /// so that nobody else changes anything meanwhile.
    async fn known(
        &self,
        policies: &dyn PolicySet,
        state: &Workspace,
    ) -> (HashMap<UserId, Appearance>, Vec<(UserId, Facts)>) {
        self.known.lock().forget_what_is_over(policies, state);
        let (mut appearances, mut missing) = (HashMap::new(), Vec::new());
        let mut users = users_after(state, None).peekable();
        while users.peek().is_some() {
            {
                let known = self.known.lock();
                for user in users.by_ref().take(MEMBERS_PER_TURN) {
                    let Some(facts) = facts_of(state, user) else {
                        continue;
                    };
                    match known.users.get(user) {
                        Some((asked, appearance)) if *asked == facts => {
                            appearances.insert(user.clone(), appearance.clone());
                        }
                        _ => missing.push((user.clone(), facts)),
                    }
                }
            }
            tokio::task::yield_now().await;
        }
        (appearances, missing)
    }
}

impl Known {
    fn forget_what_is_over(&mut self, policies: &dyn PolicySet, state: &Workspace) {
        let directory = policies
            .rendering_looks_up()
            .then(|| (state.members().clone(), state.channels().clone()));
        let same_directory = match (&self.directory, &directory) {
            (Some((members, channels)), Some(now)) => {
                members.ptr_eq(&now.0) && channels.ptr_eq(&now.1)
            }
            (None, None) => true,
            _ => false,
        };
        let generation = Some(policies.generation());
        if self.generation != generation || !same_directory {
            self.users.clear();
            self.generation = generation;
            self.directory = directory;
        }
        // Who is gone is not kept for ever.
        let present = state.members().len() + state.connections().len();
        if self.users.len() > 2 * present {
            self.users.retain(|user, _| state.subject(user).is_some());
        }
    }
}

/// Members and whoever is here by token only, in order, from behind somebody on. Nothing is gathered for
/// it: what nobody asks for costs nothing.
pub fn users_after<'a>(
    state: &'a Workspace,
    after: Option<&'a UserId>,
) -> impl Iterator<Item = &'a UserId> {
    let from = after.map_or(Bound::Unbounded, Bound::Excluded);
    let members = state.members().range::<_, UserId>((from, Bound::Unbounded));
    let mut members = members.map(|(user, _)| user).peekable();
    let connected = state.sockets_from(after.map_or("", UserId::as_str));
    let connected = connected.map(|(user, _)| user);
    let mut connected = connected
        .skip_while(move |user| Some(*user) == after)
        .peekable();
    iter::from_fn(move || {
        let order = match (members.peek(), connected.peek()) {
            (Some(member), Some(user)) => member.cmp(user),
            (Some(_), None) => cmp::Ordering::Less,
            (None, _) => cmp::Ordering::Greater,
        };
        match order {
            cmp::Ordering::Less => members.next(),
            cmp::Ordering::Equal => connected.next().and(members.next()),
            cmp::Ordering::Greater => connected.next(),
        }
    })
}

fn facts_of(state: &Workspace, user: &UserId) -> Option<Facts> {
    let subject = state.subject(user)?;
    let of = |event, channel| EventFacts {
        event,
        subject: Some(subject.clone()),
        channel,
    };
    let joined = state.members().get(user).map(|member| {
        let (user, profile) = (user.clone(), member.profile.clone());
        of(Event::UserJoined { user, profile }, None)
    });
    let status = Event::OnlineStatusUpdated {
        user: user.clone(),
        status: state.status(user),
    };
    let selected = state.selections().get(user).map(|selection| {
        let channel = state.channels().get(&selection.channel);
        let event = Event::UserSelectedChannel {
            user: user.clone(),
            channel: selection.channel.clone(),
            media: selection.media.clone(),
        };
        of(event, channel.map(|channel| channel.facts.clone()))
    });
    Some(Facts {
        joined,
        status: of(status, None),
        selected,
    })
}

fn ask(policies: &dyn PolicySet, asking: Asking<'_>, facts: &Facts) -> Appearance {
    let render = |facts: &EventFacts| match policies.render(asking, facts) {
        None => Rendering::Unchanged,
        Some(renditions) => Rendering::Rendered(Arc::new(Rendered {
            renditions,
            channel: facts.channel.clone(),
            departed: Vec::new(),
        })),
    };
    Appearance {
        joined: facts.joined.as_ref().map(render).unwrap_or_default(),
        status: render(&facts.status),
        selected: facts.selected.as_ref().map(render).unwrap_or_default(),
    }
}

#[cfg(test)]
#[path = "appearance_tests.rs"]
mod tests;
