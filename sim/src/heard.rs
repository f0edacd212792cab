//! What was heard of one command: who was told of which channel, and whether everything that had
//! to be told was. What clients believed before it is not kept here.

use std::collections::BTreeSet;

use wardroom_domain::{Audience, ChannelId, Command, Json, UserId};

use crate::clients::{Clients, Step};
use crate::judge::ensure;
use crate::model::Model;
use crate::outcome::Sight;

/// What was heard of one command.
pub(crate) struct Heard {
    pub(crate) sight: Sight,
    /// Who had no socket open before.
    pub(crate) newcomers: BTreeSet<UserId>,
    pub(crate) created: BTreeSet<ChannelId>,
    pub(crate) deleted: BTreeSet<ChannelId>,
    pub(crate) statuses: BTreeSet<UserId>,
    pub(crate) joined: Vec<Json>,
    pub(crate) updated: Vec<Json>,
    pub(crate) left: Vec<UserId>,
    pub(crate) conversation: Vec<&'static str>,
    pub(crate) applications: u64,
}

impl Heard {
    pub(crate) fn new(step: &Step<'_>) -> Self {
        Self {
            sight: step.seen_before.clone(),
            newcomers: BTreeSet::new(),
            created: BTreeSet::new(),
            deleted: BTreeSet::new(),
            statuses: BTreeSet::new(),
            joined: Vec::new(),
            updated: Vec::new(),
            left: Vec::new(),
            conversation: Vec::new(),
            applications: 0,
        }
    }

    /// What happens in a channel is heard by exactly those who see it at that time.
    pub(crate) fn only_viewers(
        &self,
        clients: &Clients,
        channel: &ChannelId,
        users: &BTreeSet<UserId>,
    ) -> Result<(), String> {
        let mut should = self.sight.get(channel).cloned().unwrap_or_default();
        let unseen = users.difference(&should).next();
        ensure(unseen.is_none(), || {
            format!("{unseen:?} does not see the channel")
        })?;
        should.retain(|u| !self.newcomers.contains(u));
        let open = clients.open_users();
        let deaf = should.intersection(&open).find(|u| !users.contains(*u));
        ensure(deaf.is_none(), || format!("{deaf:?} should hear it"))
    }

    pub(crate) fn created(
        &mut self,
        step: &Step<'_>,
        clients: &Clients,
        channel: &ChannelId,
        users: &BTreeSet<UserId>,
    ) -> Result<(), String> {
        let Some(after) = step.seen_after.get(channel) else {
            return Err("there is no such channel".to_owned());
        };
        if step.before.channels.contains_key(channel) {
            return self.changed(step, channel, users, true);
        }
        let first = self.created.insert(channel.clone());
        ensure(first, || "it is told twice".to_owned())?;
        self.sight.insert(channel.clone(), after.clone());
        let by_policy = step.force_after[channel].generation.is_some();
        announced(clients, by_policy.then_some(after), users)
    }

    pub(crate) fn deleted(
        &mut self,
        step: &Step<'_>,
        clients: &Clients,
        channel: &ChannelId,
        users: &BTreeSet<UserId>,
    ) -> Result<(), String> {
        let Some(before) = step.seen_before.get(channel) else {
            return Err("there was no such channel".to_owned());
        };
        let mut inside = clients.entered.iter().filter(|(_, (c, _))| c == channel);
        if step.after.channels.contains_key(channel) {
            let stays = inside.find(|(user, _)| users.contains(*user));
            ensure(stays.is_none(), || format!("{stays:?} is still in it"))?;
            return self.changed(step, channel, users, false);
        }
        ensure(inside.next().is_none(), || {
            "somebody is still in it".to_owned()
        })?;
        let first = self.deleted.insert(channel.clone());
        ensure(first, || "it is told twice".to_owned())?;
        self.sight.remove(channel);
        let by_policy = step.force_before[channel].generation.is_some();
        announced(clients, by_policy.then_some(before), users)
    }

    /// A channel that stays is told of to those for whom it appears or goes.
    fn changed(
        &mut self,
        step: &Step<'_>,
        channel: &ChannelId,
        users: &BTreeSet<UserId>,
        appears: bool,
    ) -> Result<(), String> {
        let known = self.sight.entry(channel.clone()).or_default();
        for user in users {
            let sees = step.seen_after[channel].contains(user);
            let newcomer = self.newcomers.contains(user);
            let fits = if newcomer {
                // Whoever was not connected is told nothing; somebody who was held and opens a
                // socket may hear what its token's role changes.
                step.before.connected().contains_key(user)
            } else {
                known.contains(user) != appears
            };
            ensure(sees == appears && fits, || {
                format!("{user} should not hear it")
            })?;
            if newcomer {
                continue;
            }
            if appears {
                known.insert(user.clone());
            } else {
                known.remove(user);
            }
        }
        Ok(())
    }

    /// Whether everything that had to be told was.
    pub(crate) fn complete(&self, step: &Step<'_>, clients: &Clients) -> Result<(), String> {
        let (before, after) = (step.before, step.after);
        for (channel, seen_by) in step.seen_after {
            if !before.channels.contains_key(channel) && !self.created.contains(channel) {
                let by_policy = step.force_after[channel].generation.is_some();
                announced(clients, by_policy.then_some(seen_by), &BTreeSet::new())
                    .map_err(|v| format!("{channel} appeared: {v}"))?;
                continue;
            }
            for user in clients.open_users().difference(&self.newcomers) {
                let believes = self.sight.get(channel).is_some_and(|s| s.contains(user));
                ensure(believes == seen_by.contains(user), || {
                    format!("{user} is not told of {channel}")
                })?;
            }
        }
        for (channel, seen_by) in step.seen_before {
            if !after.channels.contains_key(channel) && !self.deleted.contains(channel) {
                let by_policy = step.force_before[channel].generation.is_some();
                announced(clients, by_policy.then_some(seen_by), &BTreeSet::new())
                    .map_err(|v| format!("{channel} is gone: {v}"))?;
            }
        }
        let profiles = |wanted: &dyn Fn(&UserId) -> bool| -> Vec<Json> {
            let members = after.members.iter().filter(|(user, _)| wanted(user));
            members.map(|(_, m)| m.profile.clone()).collect()
        };
        let joined = profiles(&|user| !before.members.contains_key(user));
        ensure(self.joined == joined, || format!("{joined:?} joined"))?;
        let updated = profiles(&|user| {
            let old = before.members.get(user);
            old.is_some_and(|m| m.profile != after.members[user].profile)
        });
        ensure(self.updated == updated, || format!("{updated:?} changed"))?;
        let left = before.members.keys();
        let left: Vec<_> = left.filter(|u| !after.members.contains_key(*u)).collect();
        ensure(self.left.iter().collect::<Vec<_>>() == left, || {
            format!("{left:?} left")
        })?;
        let published = clients.published(step).is_some_and(|s| !s.is_empty());
        ensure(!published || self.applications == 1, || {
            "the application's event is missing".to_owned()
        })?;
        self.order(step)
    }

    /// Out of the old channel, into the new one, and the device last.
    fn order(&self, step: &Step<'_>) -> Result<(), String> {
        let Command::Select {
            socket, channel, ..
        } = step.command
        else {
            return Ok(());
        };
        let user = step.before.live(socket).map(|c| &c.user);
        let old = user.and_then(|u| step.before.selections.get(u));
        let should: &[&str] = match old.map(|s| (s.channel == *channel, s.socket == *socket)) {
            None => &["selected"],
            Some((true, true)) => &[],
            Some((true, false)) => &["selected", "changed device"],
            Some((false, true)) => &["unselected", "selected"],
            Some((false, false)) => &["unselected", "selected", "changed device"],
        };
        ensure(self.conversation == should, || {
            format!("selecting should be {should:?}")
        })
    }
}

/// Events that name their audience name somebody, and those that tell who sees a channel that stays
/// only people who were there and still are: whoever came learns the state, and nobody who went is
/// left to hear of it.
pub(crate) fn named(
    step: &Step<'_>,
    audience: &Audience,
    stays: Option<&ChannelId>,
) -> Result<(), String> {
    let nobody = match audience {
        Audience::Workspace => false,
        Audience::Users(users) => users.is_empty(),
        Audience::Sockets(sockets) => sockets.is_empty(),
    };
    ensure(!nobody, || "it is for nobody".to_owned())?;
    let (Audience::Users(users), Some(channel)) = (audience, stays) else {
        return Ok(());
    };
    let stays = |model: &Model| model.channels.contains_key(channel);
    if !stays(step.before) || !stays(step.after) {
        return Ok(());
    }
    let (before, after) = (step.before.connected(), step.after.connected());
    let there = |user: &UserId| before.contains_key(user) && after.contains_key(user);
    let stranger = users.iter().find(|user| !there(user));
    ensure(stranger.is_none(), || {
        format!("{stranger:?} came or went and is told of a channel")
    })
}

/// A channel's beginning and end are for everybody where no policy is loaded, and for those who
/// see it where one is.
fn announced(
    clients: &Clients,
    seen_by: Option<&BTreeSet<UserId>>,
    users: &BTreeSet<UserId>,
) -> Result<(), String> {
    let mut should = clients.open_users();
    if let Some(seen_by) = seen_by {
        should.retain(|user| seen_by.contains(user));
    }
    ensure(*users == should, || format!("{should:?} should hear it"))
}
