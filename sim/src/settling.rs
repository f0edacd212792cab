//! What should become of a workspace that comes under other policies: nothing else is decided, each
//! step looks at the next few and at no one twice, and in the end everybody was looked at.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use wardroom_domain::limits::{
    CHANNELS_PER_SETTLING, CONNECTIONS_PER_SETTLING, MAX_CONNECTIONS_PER_USER,
};
use wardroom_domain::{ChannelId, Command, Generation, SettlingAt, UserId};

use crate::judge::ensure;
use crate::model::Model;

/// Whom and what one step of settling looks at.
#[derive(Debug, Default)]
pub(crate) struct Covered {
    pub(crate) users: BTreeSet<UserId>,
    pub(crate) channels: BTreeSet<ChannelId>,
}

/// The steps since the policies that a workspace is to settle under were loaded.
#[derive(Clone, Debug, Default)]
pub(crate) struct Steps {
    generation: Option<Generation>,
    taken: usize,
    most: usize,
}

/// Whether a workspace has to settle before this command.
pub(crate) fn comes_first(model: &Model, command: &Command, present: Option<Generation>) -> bool {
    let empty = model.channels.is_empty() && model.connections.is_empty();
    let free = matches!(command, Command::Settle | Command::Close);
    let there = model.settled == present && model.settling.is_none();
    !there && !empty && !free
}

impl Steps {
    /// Counts a step, of which there may be so many.
    pub(crate) fn count(
        &mut self,
        before: &Model,
        present: Option<Generation>,
    ) -> Result<(), String> {
        if self.taken == 0 || self.generation != present {
            let users = before.connections.len() / CONNECTIONS_PER_SETTLING;
            let channels = before.channels.len() / CHANNELS_PER_SETTLING;
            *self = Self {
                generation: present,
                taken: 0,
                most: users + channels + 2,
            };
        }
        self.taken += 1;
        ensure(self.taken <= self.most, || {
            format!("settling takes more than {} steps", self.most)
        })
    }

    pub(crate) fn end(&mut self) {
        self.taken = 0;
    }
}

/// Where a workspace should be after a command that is no step of settling.
pub(crate) fn aside(
    command: &Command,
    after: &Model,
    present: Option<Generation>,
) -> Result<(), String> {
    let should = match command {
        Command::Close => None,
        _ => present,
    };
    ensure(after.settled == should && after.settling.is_none(), || {
        format!(
            "settled under {:?} and on the way to {:?}, should be {should:?}",
            after.settled, after.settling
        )
    })
}

/// What a step of settling looked at, if it went on from where it was.
pub(crate) fn covered(
    before: &Model,
    after: &Model,
    present: Option<Generation>,
    asks_admission: bool,
) -> Result<Covered, String> {
    let begun = before.settling.clone();
    let from = begun.filter(|b| b.generation == present);
    let from = from.map_or(SettlingAt::User(None), |b| b.at);
    let to = match &after.settling {
        None => {
            ensure(after.settled == present, || {
                format!("settled under {:?}", after.settled)
            })?;
            None
        }
        Some(settling) => {
            ensure(settling.generation == present, || {
                format!("settles under {:?}", settling.generation)
            })?;
            ensure(after.settled == before.settled, || {
                "settled too early".to_owned()
            })?;
            Some(settling.at.clone())
        }
    };
    let forward = to
        .as_ref()
        .is_none_or(|to| order(&from, to) == Ordering::Less);
    ensure(forward, || format!("settling went from {from:?} to {to:?}"))?;
    let covered = Covered {
        users: users(before, &from, to.as_ref()),
        channels: channels(before, &from, to.as_ref()),
    };
    few(&covered, before, asks_admission)?;
    Ok(covered)
}

fn order(a: &SettlingAt, b: &SettlingAt) -> Ordering {
    match (a, b) {
        (SettlingAt::User(a), SettlingAt::User(b)) => a.cmp(b),
        (SettlingAt::Channel(a), SettlingAt::Channel(b)) => a.cmp(b),
        (SettlingAt::User(_), SettlingAt::Channel(_)) => Ordering::Less,
        (SettlingAt::Channel(_), SettlingAt::User(_)) => Ordering::Greater,
    }
}

fn users(before: &Model, from: &SettlingAt, to: Option<&SettlingAt>) -> BTreeSet<UserId> {
    let SettlingAt::User(from) = from else {
        return BTreeSet::new();
    };
    let to = match to {
        Some(SettlingAt::User(to)) => to.as_ref(),
        _ => None,
    };
    let connected = before.connections.values().map(|c| &c.user);
    connected
        .filter(|u| from.as_ref().is_none_or(|from| *u > from) && to.is_none_or(|to| *u <= to))
        .cloned()
        .collect()
}

fn channels(before: &Model, from: &SettlingAt, to: Option<&SettlingAt>) -> BTreeSet<ChannelId> {
    let to = match to {
        Some(SettlingAt::User(_)) => return BTreeSet::new(),
        Some(SettlingAt::Channel(to)) => to.as_ref(),
        None => None,
    };
    let from = match from {
        SettlingAt::User(_) => None,
        SettlingAt::Channel(from) => from.as_ref(),
    };
    let channels = before.channels.keys();
    channels
        .filter(|c| from.is_none_or(|from| *c > from) && to.is_none_or(|to| *c <= to))
        .cloned()
        .collect()
}

/// A step is short, so that it does not hold up other workspaces.
fn few(covered: &Covered, before: &Model, asks_admission: bool) -> Result<(), String> {
    let connections = before.connections.values();
    let asked = connections
        .filter(|c| asks_admission && covered.users.contains(&c.user))
        .count();
    ensure(
        asked < CONNECTIONS_PER_SETTLING + MAX_CONNECTIONS_PER_USER
            && covered.channels.len() <= CHANNELS_PER_SETTLING,
        || {
            format!(
                "one step looks at {asked} connections and {} channels",
                covered.channels.len()
            )
        },
    )
}
