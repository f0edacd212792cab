//! Application events: whom they reach. What they may be called is the edge's business.

use std::collections::BTreeSet;

use super::Draft;
use crate::limits::MAX_NAMED_RECIPIENTS;
use crate::{Audience, ChannelId, Event, Publication, Rejection, Reply, SocketId, Target};

impl Draft<'_> {
    pub(super) fn publish(&mut self, publication: &Publication) -> Result<Reply, Rejection> {
        self.must_exist()?;
        let audience = match &publication.to {
            Target::Workspace => Audience::Workspace,
            Target::Channel(channel) => {
                self.must_have_channel(channel)?;
                self.viewers(channel)
            }
            Target::Conversation(channel) => {
                self.must_have_channel(channel)?;
                Audience::Sockets(self.conversation(channel))
            }
            Target::Users(users) => {
                named_at_most(users.len())?;
                Audience::Users(users.clone())
            }
            Target::Sockets(sockets) => Audience::Sockets(self.live_among(sockets)?),
            Target::SocketsOf(user, sockets) => {
                let live = self.live_among(sockets)?;
                live.iter().try_for_each(|s| self.must_be_of(user, s))?;
                Audience::Sockets(live)
            }
        };
        let event = Event::Application {
            name: publication.name.clone(),
            data: publication.data.clone(),
        };
        self.emit_to(event, audience, Some(&publication.to));
        Ok(Reply::Changed)
    }

    /// The live ones of the sockets that are named, each once.
    fn live_among(&self, sockets: &[SocketId]) -> Result<Vec<SocketId>, Rejection> {
        named_at_most(sockets.len())?;
        let mut seen = BTreeSet::new();
        let live = sockets
            .iter()
            .filter(|s| self.state.live(s).is_some() && seen.insert(*s));
        Ok(live.cloned().collect())
    }

    /// The live sockets that selected a channel.
    fn conversation(&self, channel: &ChannelId) -> Vec<SocketId> {
        let users = self.state.selected_by.get(channel);
        users
            .into_iter()
            .flatten()
            .filter_map(|user| self.state.selections.get(user))
            .map(|selection| selection.socket.clone())
            .filter(|socket| self.state.live(socket).is_some())
            .collect()
    }

    pub(super) fn must_have_channel(&self, channel: &ChannelId) -> Result<(), Rejection> {
        if self.state.channels.contains_key(channel) {
            Ok(())
        } else {
            Err(Rejection::ChannelNotFound)
        }
    }
}

fn named_at_most(count: usize) -> Result<(), Rejection> {
    if count > MAX_NAMED_RECIPIENTS {
        return Err(Rejection::LimitReached {
            what: "named recipients of an event",
            most: MAX_NAMED_RECIPIENTS,
        });
    }
    Ok(())
}
