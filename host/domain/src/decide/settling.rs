//! How a workspace comes under a new generation of policies: first everybody who is in it is asked
//! about again, then every channel, a few in each decision. Nothing else is decided in the workspace
//! until that is done, so that no event is ever addressed by policies that were swapped out.

use std::ops::Bound;

use imbl::OrdSet;

use super::{Draft, Undecided};
use crate::limits::{CHANNELS_PER_SETTLING, CONNECTIONS_PER_SETTLING, PEOPLE_PER_SETTLING};
use crate::{Change, ChannelId, Command, Generation, Reply, SettlingAt, UserId};

impl Draft<'_> {
    fn present(&self) -> Option<Generation> {
        self.context.policies.map(|p| p.generation)
    }

    /// Lets a command pass only in a workspace that has settled. One in which there is nobody and
    /// nothing has, by itself.
    pub(super) fn must_be_settled(&mut self, command: &Command) -> Result<(), Undecided> {
        let generation = self.present();
        let free = matches!(command, Command::Settle | Command::Close);
        if free || self.state.is_settled(generation) {
            return Ok(());
        }
        if self.state.channels.is_empty() && self.state.connections.is_empty() {
            self.change(Change::Settled { generation });
            return Ok(());
        }
        Err(Undecided::Unsettled)
    }

    /// Goes on settling where the former decision stopped, unless that was for other policies.
    pub(super) fn settle(&mut self) -> Reply {
        let generation = self.present();
        if self.state.is_settled(generation) {
            return Reply::Unchanged;
        }
        let begun = self.state.settling.clone();
        let at = match begun.filter(|begun| begun.generation == generation) {
            Some(begun) => begun.at,
            None => SettlingAt::User(None),
        };
        let next = match at {
            SettlingAt::User(after) => self.settle_users(after),
            SettlingAt::Channel(after) => self.settle_channels(after, &OrdSet::new()),
        };
        self.change(match next {
            Some(at) => Change::Settling { generation, at },
            None => Change::Settled { generation },
        });
        Reply::Changed
    }

    fn settle_users(&mut self, after: Option<UserId>) -> Option<SettlingAt> {
        if !self.asks_admission() {
            return self.settle_channels(None, &OrdSet::new());
        }
        let mut sockets = 0;
        let mut users = Vec::new();
        for (user, own) in self.state.sockets_of.range(beyond(after)) {
            if sockets >= CONNECTIONS_PER_SETTLING {
                break;
            }
            sockets += own.len();
            users.push(user.clone());
        }
        // Nobody is shown what the former rules make of those who are left, where this decision looks
        // at the channel anyway.
        self.put_off();
        let done = self.readmit_some(&users, self.most_put_out());
        let all = done == users.len();
        users.truncate(done);
        let subjects = self.put_off_until_now();
        // As long as it is not known who stays, nor is it how far this step comes.
        let all = all && self.questions.is_empty();
        let next = if all && sockets < CONNECTIONS_PER_SETTLING {
            let untold = self.came_or_went();
            self.settle_channels(None, &untold)
        } else {
            Some(SettlingAt::User(users.pop()))
        };
        let left = match &next {
            None => OrdSet::new(),
            Some(SettlingAt::User(_)) => self.state.restricted.clone(),
            Some(SettlingAt::Channel(at)) => {
                let left = self.state.restricted.range(beyond(at.clone()));
                left.cloned().collect()
            }
        };
        self.subjects_changed(&subjects, &left);
        next
    }

    /// How many people one decision may put out. For each of them the rules of every channel that not
    /// everyone sees are applied, and everybody here may be told.
    fn most_put_out(&self) -> usize {
        let each = self.state.restricted.len() + self.state.sockets_of.len();
        (PEOPLE_PER_SETTLING / each.max(1)).max(1)
    }

    fn settle_channels(
        &mut self,
        after: Option<ChannelId>,
        untold: &OrdSet<UserId>,
    ) -> Option<SettlingAt> {
        let channels = self.state.channels.range(beyond(after));
        // One more than fits, to know whether this is the end.
        let channels: Vec<ChannelId> = channels
            .map(|(id, _)| id.clone())
            .take(CHANNELS_PER_SETTLING + 1)
            .collect();
        let before = self.looked_at;
        for (place, id) in channels.iter().enumerate() {
            let enough = self.looked_at - before >= PEOPLE_PER_SETTLING;
            if place == CHANNELS_PER_SETTLING || (enough && place > 0) {
                let last = channels[place - 1].clone();
                return Some(SettlingAt::Channel(Some(last)));
            }
            self.view_channel_anew(id, untold);
        }
        None
    }
}

fn beyond<K>(after: Option<K>) -> (Bound<K>, Bound<K>) {
    let start = after.map_or(Bound::Unbounded, Bound::Excluded);
    (start, Bound::Unbounded)
}
