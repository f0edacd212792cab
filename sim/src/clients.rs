//! What the clients of a workspace can know: they hear outputs in order, and each event must make
//! sense after what they heard before and be true in the end. Knows the state only as the judge's
//! model of it before and after a command.

use std::collections::{BTreeMap, BTreeSet};

use wardroom_domain::{
    Audience, ChannelId, CloseReason, Command, Denial, Event, EventFacts, Leave, MediaState,
    OnlineStatus, Output, Rendering, SocketId, Target, UserId,
};

use crate::heard::{self, Heard};
use crate::judge::ensure;
use crate::model::Model;
use crate::outcome::Sight;
use crate::policies::{Force, payload};
use crate::told::Delivery;

/// One command that was carried out.
pub(crate) struct Step<'a> {
    pub(crate) command: &'a Command,
    pub(crate) before: &'a Model,
    pub(crate) after: &'a Model,
    pub(crate) seen_before: &'a Sight,
    pub(crate) seen_after: &'a Sight,
    pub(crate) force_before: &'a BTreeMap<ChannelId, Force>,
    pub(crate) force_after: &'a BTreeMap<ChannelId, Force>,
    /// Whom policies no longer admit, and why.
    pub(crate) put_out: &'a BTreeMap<SocketId, Denial>,
    /// What policies may have been told of each event, if they are asked.
    pub(crate) told: &'a [Vec<EventFacts>],
    pub(crate) delivery: Delivery<'a>,
}

/// What was announced so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clients {
    open: BTreeMap<SocketId, UserId>,
    status: BTreeMap<UserId, OnlineStatus>,
    pub(crate) entered: BTreeMap<UserId, (ChannelId, MediaState)>,
    pub(crate) heard: Tally,
}

/// How often what was heard.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    /// Events that reached a socket, counted by socket.
    pub(crate) deliveries: u64,
    /// Those of them in a form that policies gave them.
    pub(crate) reshaped: u64,
    /// Events withheld from somebody in their audience, counted by socket.
    pub(crate) withheld: u64,
}

impl Clients {
    pub(crate) fn hear(&mut self, step: &Step<'_>, outputs: &[Output]) -> Result<(), String> {
        let quiet = matches!(
            step.command,
            Command::Sync { quiet: true, .. } | Command::Close
        );
        let mut heard = Heard::new(step);
        let mut place = 0;
        for output in outputs {
            let judged = match output {
                Output::Opened { socket, user } => self.opened(step, &mut heard, socket, user),
                Output::Closed { socket, reason } => self.closed(step, socket, reason),
                Output::Event { .. } if quiet => Err("nobody was to hear anything".to_owned()),
                Output::Event {
                    event,
                    audience,
                    rendering,
                } => {
                    let facts = step.told.get(place).map_or(&[][..], Vec::as_slice);
                    place += 1;
                    self.reaches(step, event, audience, (rendering, facts))
                        .and_then(|()| self.event(step, &mut heard, event, audience))
                }
            };
            judged.map_err(|violation| format!("{output:?}: {violation}; of {outputs:?}"))?;
        }
        if quiet {
            self.resynchronize(step);
        } else {
            heard
                .complete(step, self)
                .map_err(|violation| format!("{violation}; of {outputs:?}"))?;
        }
        self.settled(step)
    }

    /// After silence, clients ask for the state.
    fn resynchronize(&mut self, step: &Step<'_>) {
        self.status = step.after.statuses();
        self.entered = entered(step.after);
    }

    /// What clients believe in the end is what is.
    fn settled(&self, step: &Step<'_>) -> Result<(), String> {
        let connections = step.after.connections.iter();
        let live: BTreeMap<SocketId, UserId> = connections
            .filter(|(_, c)| c.held_until.is_none())
            .map(|(socket, c)| (socket.clone(), c.user.clone()))
            .collect();
        ensure(self.open == live, || {
            format!("open sockets are {:?}, live ones {live:?}", self.open)
        })?;
        let shown = |statuses: &BTreeMap<UserId, OnlineStatus>| {
            let mut shown = statuses.clone();
            shown.retain(|_, s| *s != OnlineStatus::Offline);
            shown
        };
        let (told, is) = (shown(&self.status), shown(&step.after.statuses()));
        ensure(told == is, || {
            format!("statuses were told as {told:?}, and are {is:?}")
        })?;
        let is = entered(step.after);
        ensure(self.entered == is, || {
            format!("selections were told as {:?}, and are {is:?}", self.entered)
        })
    }

    fn opened(
        &mut self,
        step: &Step<'_>,
        heard: &mut Heard,
        socket: &SocketId,
        user: &UserId,
    ) -> Result<(), String> {
        let twice = self.open.insert(socket.clone(), user.clone()).is_some();
        ensure(!twice, || "it is open already".to_owned())?;
        // Whoever had no socket open learns the present state and needs no differences.
        if step
            .before
            .sockets_of(user)
            .all(|s| step.before.live(s).is_none())
        {
            heard.newcomers.insert(user.clone());
            for (channel, seen_by) in step.seen_after {
                if seen_by.contains(user) {
                    let known = heard.sight.entry(channel.clone()).or_default();
                    known.insert(user.clone());
                }
            }
        }
        Ok(())
    }

    fn closed(
        &mut self,
        step: &Step<'_>,
        socket: &SocketId,
        reason: &CloseReason,
    ) -> Result<(), String> {
        let known = self.open.remove(socket).is_some();
        ensure(known, || "it was not open".to_owned())?;
        let should = match (step.put_out.get(socket), step.command) {
            (Some(denial), _) => CloseReason::NotAdmitted(denial.clone()),
            (None, Command::Connect { socket: new, .. }) if new == socket => CloseReason::Left,
            (None, Command::Connect { .. }) => CloseReason::Superseded,
            (None, Command::Disconnect { leave, .. }) => match leave {
                Leave::OnPurpose => CloseReason::Left,
                Leave::Lost { .. } => CloseReason::Lost,
            },
            (None, Command::Kick { .. } | Command::Evict { .. }) => CloseReason::Kicked,
            (None, Command::Close) => CloseReason::WorkspaceClosed,
            (None, _) => CloseReason::MembershipEnded,
        };
        ensure(*reason == should, || format!("should be {should:?}"))
    }

    /// Whom an event reaches, in which form: nobody who is put out by the same decision, and
    /// everybody else in the audience in the form that is meant for them.
    fn reaches(
        &mut self,
        step: &Step<'_>,
        event: &Event,
        audience: &Audience,
        (rendering, facts): (&Rendering, &[EventFacts]),
    ) -> Result<(), String> {
        let sockets = self.sockets(audience)?;
        let late = sockets.iter().find(|s| step.put_out.contains_key(*s));
        ensure(late.is_none(), || {
            format!("{late:?} is no longer admitted and hears it")
        })?;
        let users: BTreeSet<UserId> = sockets.iter().map(|s| self.open[s].clone()).collect();
        let forms = step.delivery.check(event, rendering, facts, &users)?;
        let as_it_is = payload(event);
        for socket in &sockets {
            match &forms[&self.open[socket]] {
                Some(form) => {
                    self.heard.deliveries += 1;
                    self.heard.reshaped += u64::from(*form != as_it_is);
                }
                None => self.heard.withheld += 1,
            }
        }
        Ok(())
    }

    /// The sockets an audience means, all of them open.
    fn sockets(&self, audience: &Audience) -> Result<BTreeSet<SocketId>, String> {
        let of = |wanted: &dyn Fn(&UserId) -> bool| {
            let open = self.open.iter().filter(|(_, user)| wanted(user));
            open.map(|(socket, _)| socket.clone()).collect()
        };
        match audience {
            Audience::Workspace => Ok(of(&|_| true)),
            Audience::Users(users) => Ok(of(&|user| users.contains(user))),
            Audience::Sockets(sockets) => {
                let closed = sockets.iter().find(|s| !self.open.contains_key(*s));
                ensure(closed.is_none(), || format!("{closed:?} is not open"))?;
                let set: BTreeSet<SocketId> = sockets.iter().cloned().collect();
                ensure(set.len() == sockets.len(), || "one hears twice".to_owned())?;
                Ok(set)
            }
        }
    }

    pub(crate) fn open_users(&self) -> BTreeSet<UserId> {
        self.open.values().cloned().collect()
    }

    fn event(
        &mut self,
        step: &Step<'_>,
        heard: &mut Heard,
        event: &Event,
        audience: &Audience,
    ) -> Result<(), String> {
        let sockets = self.sockets(audience)?;
        let users: BTreeSet<UserId> = sockets.iter().map(|s| self.open[s].clone()).collect();
        let told_of = match event {
            Event::ChannelCreated { channel } | Event::ChannelDeleted { channel } => Some(channel),
            _ => None,
        };
        heard::named(step, audience, told_of)?;
        match event {
            Event::ChannelCreated { channel } => heard.created(step, self, channel, &users),
            Event::ChannelDeleted { channel } => heard.deleted(step, self, channel, &users),
            Event::UserSelectedChannel {
                user,
                channel,
                media,
            } => {
                heard.conversation.push("selected");
                heard.only_viewers(self, channel, &users)?;
                let entered = (channel.clone(), media.clone());
                let old = self.entered.insert(user.clone(), entered);
                let moved = socket_of(step.before, user) != socket_of(step.after, user);
                let fits = old.is_none_or(|(old, _)| old == *channel && moved);
                ensure(fits, || "the user is in a channel already".to_owned())
            }
            Event::UserUnselectedChannel { user, channel } => {
                heard.conversation.push("unselected");
                heard.only_viewers(self, channel, &users)?;
                let old = self.entered.remove(user).map(|(old, _)| old);
                ensure(old.as_ref() == Some(channel), || {
                    format!("the user was in {old:?}")
                })
            }
            Event::MediaStateUpdated { user, media } => {
                let Some((channel, old)) = self.entered.get_mut(user) else {
                    return Err("the user is in no channel".to_owned());
                };
                let changed = std::mem::replace(old, media.clone()) != *media;
                let channel = channel.clone();
                heard.only_viewers(self, &channel, &users)?;
                ensure(changed, || "it is so already".to_owned())
            }
            Event::UserChangedDevice => {
                heard.conversation.push("changed device");
                let own = mover(step).map(|user| self.sockets_of(&user));
                ensure(own.as_ref() == Some(&sockets), || {
                    format!("{own:?} should hear it")
                })
            }
            Event::Application { .. } => {
                heard.applications += 1;
                let should = self.published(step);
                ensure(should.as_ref() == Some(&sockets), || {
                    format!("{should:?} should hear it")
                })
            }
            Event::OnlineStatusUpdated { user, status } => {
                everybody(audience)?;
                let old = self.status.insert(user.clone(), *status);
                let old = old.unwrap_or(OnlineStatus::Offline);
                ensure(old != *status, || "it is so already".to_owned())?;
                let first = heard.statuses.insert(user.clone());
                ensure(first, || "a second change at once".to_owned())
            }
            Event::UserJoined { profile, .. } => {
                heard.joined.push(profile.clone());
                everybody(audience)
            }
            Event::UserUpdated { profile, .. } => {
                heard.updated.push(profile.clone());
                everybody(audience)
            }
            Event::UserLeavedWorkspace { user } => {
                heard.left.push(user.clone());
                everybody(audience)?;
                self.leaver(step, user)
            }
        }
    }

    /// Whoever leaves is out of the channel and offline by now, and still hears it.
    fn leaver(&self, step: &Step<'_>, user: &UserId) -> Result<(), String> {
        let out = !self.entered.contains_key(user);
        ensure(out, || "the leaver is still in a channel".to_owned())?;
        let status = self.status.get(user).copied().unwrap_or_default();
        let offline = status == OnlineStatus::Offline;
        ensure(offline, || "the leaver is not offline".to_owned())?;
        let own = step.before.sockets_of(user);
        let live: BTreeSet<SocketId> = own
            .filter(|s| step.before.live(s).is_some())
            .cloned()
            .collect();
        ensure(self.sockets_of(user) == live, || {
            "the leaver does not hear it".to_owned()
        })
    }

    fn sockets_of(&self, user: &UserId) -> BTreeSet<SocketId> {
        let own = self.open.iter().filter(|(_, of)| *of == user);
        own.map(|(socket, _)| socket.clone()).collect()
    }

    /// The sockets that an application's event is for, by its target.
    pub(crate) fn published(&self, step: &Step<'_>) -> Option<BTreeSet<SocketId>> {
        let Command::Publish(publication) = step.command else {
            return None;
        };
        let of = |wanted: &dyn Fn(&SocketId, &UserId) -> bool| {
            let open = self.open.iter().filter(|(s, u)| wanted(s, u));
            open.map(|(socket, _)| socket.clone()).collect()
        };
        Some(match &publication.to {
            Target::Workspace => of(&|_, _| true),
            Target::Channel(id) => of(&|_, user| step.seen_before[id].contains(user)),
            Target::Conversation(id) => of(&|socket, user| {
                let selection = step.before.selections.get(user);
                selection.is_some_and(|s| s.channel == *id && s.socket == *socket)
            }),
            Target::Users(users) => of(&|_, user| users.contains(user)),
            Target::Sockets(sockets) | Target::SocketsOf(_, sockets) => {
                of(&|socket, _| sockets.contains(socket))
            }
        })
    }
}

fn everybody(audience: &Audience) -> Result<(), String> {
    ensure(*audience == Audience::Workspace, || {
        "everybody should hear it".to_owned()
    })
}

fn entered(model: &Model) -> BTreeMap<UserId, (ChannelId, MediaState)> {
    let selections = model.selections.iter();
    selections
        .map(|(user, s)| (user.clone(), (s.channel.clone(), s.media.clone())))
        .collect()
}

fn socket_of<'a>(model: &'a Model, user: &UserId) -> Option<&'a SocketId> {
    model.selections.get(user).map(|s| &s.socket)
}

/// The user who moved their conversation to another socket by selecting.
fn mover(step: &Step<'_>) -> Option<UserId> {
    let Command::Select { socket, .. } = step.command else {
        return None;
    };
    let user = &step.before.live(socket)?.user;
    let moved = socket_of(step.before, user)? != socket_of(step.after, user)?;
    moved.then(|| user.clone())
}
