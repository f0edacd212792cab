//! Rules of the directory: what the backend says of members and channels, and what follows.

use imbl::OrdSet;

use super::Draft;
use crate::limits::{
    MAX_CHANNELS_PER_WORKSPACE, MAX_MEMBERS_PER_CHANNEL, MAX_MEMBERS_PER_WORKSPACE,
};
use crate::{
    Attributes, Audience, Change, ChannelFacts, ChannelId, ChannelSpec, CloseReason, Event, Json,
    Member, MemberSpec, Output, Rejection, Reply, Truth, UserId,
};

impl Draft<'_> {
    pub(super) fn must_exist(&self) -> Result<(), Rejection> {
        if self.state.exists() {
            Ok(())
        } else {
            Err(Rejection::WorkspaceNotFound)
        }
    }

    /// The backend spoke of this workspace: from now on it exists without anybody in it.
    fn make_known(&mut self) {
        if !self.state.known {
            self.change(Change::Known);
        }
    }

    pub(super) fn put_member(
        &mut self,
        user: &UserId,
        spec: &MemberSpec,
        default_profile: &Json,
    ) -> Result<Reply, Rejection> {
        let subject = self.state.connected_subject(user);
        let reply = self.describe_member(user, spec, default_profile)?;
        self.subject_changed(user, subject);
        Ok(reply)
    }

    /// Takes down what is said of a member, and announces it. What the member sees by it is
    /// settled later.
    fn describe_member(
        &mut self,
        user: &UserId,
        spec: &MemberSpec,
        default_profile: &Json,
    ) -> Result<Reply, Rejection> {
        let old = self.state.members.get(user).cloned();
        let most = MAX_MEMBERS_PER_WORKSPACE;
        if old.is_none() && self.state.members.len() >= most {
            return Err(Rejection::LimitReached {
                what: "members of a workspace",
                most,
            });
        }
        self.make_known();
        let member = Member {
            profile: spec
                .profile
                .clone()
                .or_else(|| old.as_ref().map(|m| m.profile.clone()))
                .unwrap_or_else(|| default_profile.clone()),
            role: spec
                .role
                .clone()
                .unwrap_or_else(|| old.as_ref().and_then(|m| m.role.clone())),
            attributes: spec
                .attributes
                .clone()
                .or_else(|| old.as_ref().map(|m| m.attributes.clone()))
                .unwrap_or_default(),
        };
        if old.as_ref() == Some(&member) {
            return Ok(Reply::Unchanged);
        }
        let profile = member.profile.clone();
        let event = match &old {
            None => Some(Event::UserJoined {
                user: user.clone(),
                profile,
            }),
            Some(old) if old.profile != profile => Some(Event::UserUpdated {
                user: user.clone(),
                profile,
            }),
            Some(_) => None,
        };
        self.put_described(user, member, event);
        Ok(if old.is_none() {
            Reply::Created
        } else {
            Reply::Changed
        })
    }

    pub(super) fn update_profile(
        &mut self,
        user: &UserId,
        profile: &Json,
    ) -> Result<Reply, Rejection> {
        if !self.state.members.contains_key(user) {
            return Err(Rejection::MemberNotFound);
        }
        let spec = MemberSpec {
            profile: Some(profile.clone()),
            ..MemberSpec::default()
        };
        self.put_member(user, &spec, profile)
    }

    pub(super) fn remove_member(&mut self, user: &UserId) -> Result<Reply, Rejection> {
        let subject = self.state.connected_subject(user);
        self.see_off(user)?;
        self.subject_changed(user, subject);
        Ok(Reply::Changed)
    }

    /// The selection ends and the status falls before the leave is announced; the sockets are
    /// closed after it, so that the leaver hears of it too. The views are settled later.
    fn see_off(&mut self, user: &UserId) -> Result<(), Rejection> {
        if !self.state.members.contains_key(user) {
            return Err(Rejection::MemberNotFound);
        }
        let status = self.state.status(user);
        let closed = self.drop_connections(user, &CloseReason::MembershipEnded);
        self.announce_status(user, status);
        self.change(Change::MemberRemoved { user: user.clone() });
        self.emit(
            Event::UserLeavedWorkspace { user: user.clone() },
            Audience::Workspace,
        );
        self.outputs.extend(closed);
        Ok(())
    }

    pub(super) fn put_channel(
        &mut self,
        id: &ChannelId,
        spec: &ChannelSpec,
    ) -> Result<Reply, Rejection> {
        let reply = self.describe_channel(id, spec)?;
        self.view_one_described(id, reply);
        Ok(reply)
    }

    /// Settles who sees a channel, and only then what else moves because it changed.
    fn view_one_described(&mut self, id: &ChannelId, reply: Reply) {
        self.put_off();
        self.readmit_everybody();
        let subjects = self.put_off_until_now();
        let untold = self.came_or_went();
        self.view_described(id, reply, &untold);
        let others = self.state.restricted.without(id);
        self.subjects_changed(&subjects, &others);
    }

    fn view_described(&mut self, id: &ChannelId, reply: Reply, untold: &OrdSet<UserId>) {
        match reply {
            Reply::Created => self.view_new_channel(id),
            Reply::Changed => self.view_channel_anew(id, untold),
            Reply::Unchanged => {}
        }
    }

    /// Takes down what is said of a channel. Who sees it by that is settled later.
    fn describe_channel(&mut self, id: &ChannelId, spec: &ChannelSpec) -> Result<Reply, Rejection> {
        let old = self.state.channels.get(id).map(|c| c.facts.clone());
        let most = MAX_CHANNELS_PER_WORKSPACE;
        if old.is_none() && self.state.channels.len() >= most {
            return Err(Rejection::LimitReached {
                what: "channels of a workspace",
                most,
            });
        }
        self.make_known();
        let is_new = old.is_none();
        let base = old.clone().unwrap_or_else(|| ChannelFacts {
            id: id.clone(),
            private: false,
            members: OrdSet::new(),
            attributes: Attributes::default(),
        });
        let facts = ChannelFacts {
            id: base.id,
            private: spec.private.unwrap_or(base.private),
            members: spec.members.clone().unwrap_or(base.members),
            attributes: spec.attributes.clone().unwrap_or(base.attributes),
        };
        if old.as_ref() == Some(&facts) {
            return Ok(Reply::Unchanged);
        }
        channel_members_at_most(&facts.members)?;
        self.change(Change::ChannelPut { facts });
        Ok(if is_new {
            Reply::Created
        } else {
            Reply::Changed
        })
    }

    pub(super) fn edit_channel_members(
        &mut self,
        id: &ChannelId,
        edit: impl FnOnce(&mut OrdSet<UserId>) -> Option<UserId>,
    ) -> Result<Reply, Rejection> {
        let channel = self.state.channels.get(id);
        let mut facts = channel.ok_or(Rejection::ChannelNotFound)?.facts.clone();
        let before = facts.members.clone();
        edit(&mut facts.members);
        if facts.members == before {
            return Ok(Reply::Unchanged);
        }
        channel_members_at_most(&facts.members)?;
        let grew = facts.members.len() > before.len();
        self.change(Change::ChannelPut { facts });
        self.view_one_described(id, Reply::Changed);
        Ok(if grew { Reply::Created } else { Reply::Changed })
    }

    pub(super) fn delete_channel(&mut self, id: &ChannelId) -> Result<Reply, Rejection> {
        self.must_have_channel(id)?;
        let selected = self.state.selected_by.get(id).cloned().unwrap_or_default();
        for user in selected {
            self.end_selection(&user);
        }
        let audience = self.announcement(id);
        self.change(Change::ChannelRemoved {
            channel: id.clone(),
        });
        let channel = id.clone();
        self.emit(Event::ChannelDeleted { channel }, audience);
        Ok(Reply::Changed)
    }

    /// The whole truth at once. What is gone goes first, so that limits count what will be there;
    /// who sees which channel is settled last, so that a role and a channel that change together
    /// show nobody the state between.
    pub(super) fn sync(&mut self, truth: &Truth) -> Result<Reply, Rejection> {
        let existed = self.state.known;
        self.make_known();
        let channels: Vec<_> = self.state.channels.keys().cloned().collect();
        for channel in channels.iter().filter(|c| !truth.channels.contains_key(*c)) {
            self.delete_channel(channel)?;
        }
        self.put_off();
        let members: Vec<_> = self.state.members.keys().cloned().collect();
        for user in members.iter().filter(|u| !truth.members.contains_key(*u)) {
            let before = self.state.connected_subject(user);
            self.see_off(user)?;
            self.subject_changed(user, before);
        }
        for (user, (spec, default_profile)) in &truth.members {
            let before = self.state.connected_subject(user);
            if self.describe_member(user, spec, default_profile)? != Reply::Unchanged {
                self.subject_changed(user, before);
            }
        }
        let mut described = Vec::new();
        for (channel, spec) in &truth.channels {
            described.push((channel, self.describe_channel(channel, spec)?));
        }
        self.readmit_everybody();
        let subjects = self.put_off_until_now();
        let untold = self.came_or_went();
        let mut unviewed = self.state.restricted.clone();
        for (channel, reply) in described {
            self.view_described(channel, reply, &untold);
            if reply != Reply::Unchanged {
                unviewed.remove(channel);
            }
        }
        self.subjects_changed(&subjects, &unviewed);
        Ok(if existed {
            self.reply_of_changes()
        } else {
            Reply::Created
        })
    }

    /// Everybody is put out; nothing is announced, for nobody is left to hear it.
    pub(super) fn close(&mut self) -> Result<Reply, Rejection> {
        self.must_exist()?;
        // By user, for a hash map has an order of its own on every node.
        let sockets = self.state.sockets_of.values().flatten();
        let live: Vec<_> = sockets
            .filter(|s| self.state.live(s).is_some())
            .cloned()
            .collect();
        self.change(Change::Closed);
        self.outputs
            .extend(live.into_iter().map(|socket| Output::Closed {
                socket,
                reason: CloseReason::WorkspaceClosed,
            }));
        Ok(Reply::Changed)
    }
}

fn channel_members_at_most(members: &OrdSet<UserId>) -> Result<(), Rejection> {
    if members.len() > MAX_MEMBERS_PER_CHANNEL {
        return Err(Rejection::LimitReached {
            what: "members of a channel",
            most: MAX_MEMBERS_PER_CHANNEL,
        });
    }
    Ok(())
}
