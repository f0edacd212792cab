//! The steps by which a workspace's state moves, and how one is applied. A store keeps them, a
//! replica replays them. Applying decides nothing and cannot fail.

use std::sync::Arc;

use imbl::OrdSet;

use crate::subjects::Gathered;
use crate::{
    Channel, ChannelFacts, ChannelId, Connection, Generation, Member, Rule, Rules, Selection,
    Settling, SettlingAt, SocketId, UserId, View, Workspace,
};

/// One step of a workspace's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The backend spoke of the workspace for the first time.
    Known,
    /// A member was added or changed.
    MemberPut {
        /// The user.
        user: UserId,
        /// What is now known of them.
        member: Member,
    },
    /// A member was removed.
    MemberRemoved {
        /// The user.
        user: UserId,
    },
    /// A channel was added, or what the backend says of it changed.
    ChannelPut {
        /// What the backend says.
        facts: ChannelFacts,
    },
    /// A channel was removed.
    ChannelRemoved {
        /// The channel.
        channel: ChannelId,
    },
    /// The rules of a channel, or who they let see it, changed.
    ChannelViewed {
        /// The channel.
        channel: ChannelId,
        /// The policies that gave the rules.
        generation: Option<Generation>,
        /// The rules.
        rules: Arc<Rules>,
        /// Who sees the channel now.
        view: View,
    },
    /// A connection was added or changed.
    ConnectionPut {
        /// The socket.
        socket: SocketId,
        /// The connection.
        connection: Connection,
    },
    /// A connection ended.
    ConnectionRemoved {
        /// The socket.
        socket: SocketId,
    },
    /// A user entered a channel, or the selection changed its socket or media state.
    Selected {
        /// The user.
        user: UserId,
        /// The selection.
        selection: Selection,
    },
    /// A user left their channel.
    Unselected {
        /// The user.
        user: UserId,
    },
    /// Some of the workspace came under a new generation of policies.
    Settling {
        /// The policies; nothing for the built-in rules.
        generation: Option<Generation>,
        /// How far it has come.
        at: SettlingAt,
    },
    /// All of the workspace did.
    Settled {
        /// The policies; nothing for the built-in rules.
        generation: Option<Generation>,
    },
    /// The workspace was closed: nothing is known of it any more.
    Closed,
}

impl Change {
    /// Whether it may change who is there or what policies may know of them.
    pub(crate) fn concerns_people(&self) -> bool {
        match self {
            Self::MemberPut { .. }
            | Self::MemberRemoved { .. }
            | Self::ConnectionPut { .. }
            | Self::ConnectionRemoved { .. }
            | Self::Closed => true,
            Self::Known
            | Self::ChannelPut { .. }
            | Self::ChannelRemoved { .. }
            | Self::ChannelViewed { .. }
            | Self::Selected { .. }
            | Self::Unselected { .. }
            | Self::Settling { .. }
            | Self::Settled { .. } => false,
        }
    }

    /// Whether the change is part of the directory: what the backend said, which a store keeps
    /// over a crash. Presence is not.
    #[must_use]
    pub fn is_directory(&self) -> bool {
        matches!(
            self,
            Self::Known
                | Self::MemberPut { .. }
                | Self::MemberRemoved { .. }
                | Self::ChannelPut { .. }
                | Self::ChannelRemoved { .. }
                | Self::Closed
        )
    }
}

impl Workspace {
    /// Takes one step.
    pub fn apply(&mut self, change: &Change) {
        if change.is_directory() {
            self.revision += 1;
        }
        if change.concerns_people() {
            self.people = Gathered::default();
        }
        match change {
            Change::Known => self.known = true,
            Change::MemberPut { user, member } => {
                self.members.insert(user.clone(), member.clone());
            }
            Change::MemberRemoved { user } => {
                self.members.remove(user);
            }
            Change::ChannelPut { facts } => self.put_channel(facts),
            Change::ChannelRemoved { channel } => {
                self.channels.remove(channel);
                self.restricted.remove(channel);
            }
            Change::ChannelViewed {
                channel,
                generation,
                rules,
                view,
            } => self.view_channel(channel, *generation, rules, view),
            Change::ConnectionPut { socket, connection } => self.put_connection(socket, connection),
            Change::ConnectionRemoved { socket } => self.remove_connection(socket),
            Change::Selected { user, selection } => {
                self.unselect(user);
                self.selected_by
                    .entry(selection.channel.clone())
                    .or_default()
                    .insert(user.clone());
                self.selections.insert(user.clone(), selection.clone());
            }
            Change::Unselected { user } => self.unselect(user),
            Change::Settling { generation, at } => {
                self.settling = Some(Settling {
                    generation: *generation,
                    at: at.clone(),
                });
            }
            Change::Settled { generation } => {
                self.settled = *generation;
                self.settling = None;
            }
            // The revision goes on, so that no answer given before holds after.
            Change::Closed => {
                *self = Self {
                    revision: self.revision,
                    ..Self::default()
                };
            }
        }
    }

    /// A new channel is seen by nobody until its rules are known.
    fn put_channel(&mut self, facts: &ChannelFacts) {
        if let Some(channel) = self.channels.get_mut(&facts.id) {
            Arc::make_mut(channel).facts = facts.clone();
            return;
        }
        let channel = Channel {
            facts: facts.clone(),
            generation: None,
            rules: Arc::new(vec![Rule::Nobody].into()),
            view: View::Users(OrdSet::new()),
        };
        self.channels.insert(facts.id.clone(), Arc::new(channel));
        self.restricted.insert(facts.id.clone());
    }

    fn view_channel(
        &mut self,
        id: &ChannelId,
        generation: Option<Generation>,
        rules: &Arc<Rules>,
        view: &View,
    ) {
        let Some(channel) = self.channels.get_mut(id) else {
            return;
        };
        let channel = Arc::make_mut(channel);
        channel.generation = generation;
        channel.rules = rules.clone();
        channel.view = view.clone();
        // A set that stays is not copied for it.
        let restricted = !rules.are_for_everyone();
        if restricted != self.restricted.contains(id) {
            if restricted {
                self.restricted.insert(id.clone());
            } else {
                self.restricted.remove(id);
            }
        }
    }

    fn put_connection(&mut self, socket: &SocketId, connection: &Connection) {
        self.forget_hold(socket);
        if let Some(until) = connection.held_until {
            self.holds.insert((until, socket.clone()));
        }
        let sockets = self.sockets_of.entry(connection.user.clone()).or_default();
        if !sockets.contains(socket) {
            sockets.push(socket.clone());
        }
        self.connections.insert(socket.clone(), connection.clone());
        self.note_token_role(&connection.user);
    }

    fn remove_connection(&mut self, socket: &SocketId) {
        self.forget_hold(socket);
        let Some(connection) = self.connections.remove(socket) else {
            return;
        };
        if let Some(sockets) = self.sockets_of.get_mut(&connection.user) {
            sockets.retain(|s| s != socket);
            if sockets.is_empty() {
                self.sockets_of.remove(&connection.user);
            }
        }
        self.note_token_role(&connection.user);
    }

    /// Moves the map only where there is something to move, so that it shows who changed.
    fn note_token_role(&mut self, user: &UserId) {
        let latest = self.sockets_of(user).last();
        let latest = latest.and_then(|socket| self.connections.get(socket));
        let role = latest.and_then(|connection| connection.role.clone());
        if self.token_roles.get(user) == role.as_ref() {
            return;
        }
        match role {
            Some(role) => self.token_roles.insert(user.clone(), role),
            None => self.token_roles.remove(user),
        };
    }

    fn forget_hold(&mut self, socket: &SocketId) {
        if let Some(until) = self.connections.get(socket).and_then(|c| c.held_until) {
            self.holds.remove(&(until, socket.clone()));
        }
    }

    fn unselect(&mut self, user: &UserId) {
        let Some(old) = self.selections.remove(user) else {
            return;
        };
        if let Some(users) = self.selected_by.get_mut(&old.channel) {
            users.remove(user);
            if users.is_empty() {
                self.selected_by.remove(&old.channel);
            }
        }
    }
}
