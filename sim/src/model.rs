//! The judge's own picture of the workspace, rebuilt from the changes alone, in the plainest maps
//! there are. It shares no code with the domain's state.

use std::collections::{BTreeMap, BTreeSet};

use wardroom_domain::{
    Change, ChannelFacts, ChannelId, Connection, Generation, Member, OnlineStatus, RequestFacts,
    Selection, Settling, SocketId, SubjectFacts, UserId,
};

use crate::policies::Digest;

/// What the changes so far say there is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Model {
    pub(crate) known: bool,
    pub(crate) members: BTreeMap<UserId, Member>,
    pub(crate) channels: BTreeMap<ChannelId, ChannelFacts>,
    pub(crate) connections: BTreeMap<SocketId, Connection>,
    pub(crate) selections: BTreeMap<UserId, Selection>,
    /// The sockets in the order in which they came.
    pub(crate) arrivals: Vec<SocketId>,
    /// The policies under which everything in it was decided.
    pub(crate) settled: Option<Generation>,
    /// How far it has come under others.
    pub(crate) settling: Option<Settling>,
}

impl Model {
    pub(crate) fn apply(&mut self, change: &Change) {
        match change.clone() {
            Change::Known => self.known = true,
            Change::MemberPut { user, member } => {
                self.members.insert(user, member);
            }
            Change::MemberRemoved { user } => {
                self.members.remove(&user);
            }
            Change::ChannelPut { facts } => {
                self.channels.insert(facts.id.clone(), facts);
            }
            Change::ChannelRemoved { channel } => {
                self.channels.remove(&channel);
            }
            // Views are not believed but evaluated.
            Change::ChannelViewed { .. } => {}
            Change::Settling { generation, at } => {
                self.settling = Some(Settling { generation, at });
            }
            Change::Settled { generation } => {
                self.settled = generation;
                self.settling = None;
            }
            Change::ConnectionPut { socket, connection } => {
                if !self.connections.contains_key(&socket) {
                    self.arrivals.push(socket.clone());
                }
                self.connections.insert(socket, connection);
            }
            Change::ConnectionRemoved { socket } => {
                self.connections.remove(&socket);
                self.arrivals.retain(|s| *s != socket);
            }
            Change::Selected { user, selection } => {
                self.selections.insert(user, selection);
            }
            Change::Unselected { user } => {
                self.selections.remove(&user);
            }
            Change::Closed => *self = Self::default(),
        }
    }

    pub(crate) fn exists(&self) -> bool {
        self.known || !self.connections.is_empty()
    }

    pub(crate) fn live(&self, socket: &SocketId) -> Option<&Connection> {
        let connection = self.connections.get(socket)?;
        connection.held_until.is_none().then_some(connection)
    }

    pub(crate) fn sockets_of(&self, user: &UserId) -> impl Iterator<Item = &SocketId> {
        let own = |s: &&SocketId| self.connections.get(*s).is_some_and(|c| c.user == *user);
        self.arrivals.iter().filter(own)
    }

    /// The combined status of everybody who is connected.
    pub(crate) fn statuses(&self) -> BTreeMap<UserId, OnlineStatus> {
        let mut statuses = BTreeMap::new();
        for connection in self.connections.values() {
            let status = statuses
                .entry(connection.user.clone())
                .or_insert(OnlineStatus::Offline);
            *status = connection.status.max(*status);
        }
        statuses
    }

    /// What policies may know of those who have a connection, live or held: nobody else sees anything.
    pub(crate) fn connected(&self) -> BTreeMap<UserId, SubjectFacts> {
        let users: BTreeSet<&UserId> = self.connections.values().map(|c| &c.user).collect();
        let users = users.into_iter();
        users.map(|u| (u.clone(), self.subject(u))).collect()
    }

    /// What policies may know of somebody who is a member or connected.
    pub(crate) fn known(&self, user: &UserId) -> Option<SubjectFacts> {
        let known = self.members.contains_key(user) || self.sockets_of(user).next().is_some();
        known.then(|| self.subject(user))
    }

    /// The whole directory as one number.
    pub(crate) fn digest(&self) -> Digest {
        Digest::of(self.members.iter(), self.channels.values())
    }

    /// What admission may know of a connection: its own role counts, and not its user's latest.
    pub(crate) fn request(&self, connection: &Connection, reevaluation: bool) -> RequestFacts {
        let member = self.members.get(&connection.user);
        let role = member.and_then(|m| m.role.clone());
        RequestFacts {
            subject: SubjectFacts {
                user: connection.user.clone(),
                role: role.or(connection.role.clone()),
                attributes: member.map_or_else(Default::default, |m| m.attributes.clone()),
            },
            claims: connection.claims.clone(),
            remote_address: connection.remote_address.clone(),
            reevaluation,
        }
    }

    fn subject(&self, user: &UserId) -> SubjectFacts {
        let member = self.members.get(user);
        let by_token = self
            .sockets_of(user)
            .last()
            .and_then(|s| self.connections[s].role.clone());
        SubjectFacts {
            user: user.clone(),
            role: member.and_then(|m| m.role.clone()).or(by_token),
            attributes: member.map_or_else(Default::default, |m| m.attributes.clone()),
        }
    }
}
