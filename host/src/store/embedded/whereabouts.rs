//! In which workspaces people and sockets are, so that nobody has to look through all of them. It
//! must not know what happens there.
//!
//! What it says of one workspace moves under the lock of that workspace, in the order of its
//! commits; between workspaces there is no order to keep.

use std::collections::BTreeSet;

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use wardroom_domain::{Change, SocketId, UserId, Workspace, WorkspaceId};

/// The workspaces of every member, of everybody who is connected, and of every live socket.
#[derive(Default)]
pub(super) struct Whereabouts {
    members: Places,
    connected: Places,
    sockets: DashMap<SocketId, WorkspaceId>,
}

impl Whereabouts {
    /// Takes down what a decision changed in a workspace, whose state it found and left so.
    pub(super) fn note(
        &self,
        workspace: &WorkspaceId,
        before: &Workspace,
        changes: &[Change],
        after: &Workspace,
    ) {
        let at = At {
            all: self,
            workspace,
            after,
        };
        for change in changes {
            match change {
                Change::MemberPut { user, .. } | Change::MemberRemoved { user } => at.member(user),
                Change::ConnectionPut { socket, connection } => {
                    at.socket(socket);
                    at.user(&connection.user);
                }
                Change::ConnectionRemoved { socket } => {
                    at.socket(socket);
                    if let Some(connection) = before.connections().get(socket) {
                        at.user(&connection.user);
                    }
                }
                Change::Closed => {
                    before.members().keys().for_each(|user| at.member(user));
                    before.connected_users().for_each(|user| at.user(user));
                    before.connections().keys().for_each(|s| at.socket(s));
                }
                Change::Known
                | Change::ChannelPut { .. }
                | Change::ChannelRemoved { .. }
                | Change::ChannelViewed { .. }
                | Change::Selected { .. }
                | Change::Unselected { .. }
                | Change::Settling { .. }
                | Change::Settled { .. } => {}
            }
        }
    }

    /// The workspaces that a user is a member of, in order.
    pub(super) fn memberships(&self, user: &UserId) -> Vec<WorkspaceId> {
        self.members.all(user)
    }

    /// One of them, without a look at the others.
    pub(super) fn a_membership(&self, user: &UserId) -> Option<WorkspaceId> {
        self.members.first(user)
    }

    /// The workspaces in which a user has a connection, live or held, in order.
    pub(super) fn presences(&self, user: &UserId) -> Vec<WorkspaceId> {
        self.connected.all(user)
    }

    /// The workspace in which a socket has a live connection.
    pub(super) fn of_socket(&self, socket: &SocketId) -> Option<WorkspaceId> {
        self.sockets.get(socket).map(|w| w.value().clone())
    }
}

/// One workspace as a decision left it. What is said of somebody follows from that state alone.
struct At<'a> {
    all: &'a Whereabouts,
    workspace: &'a WorkspaceId,
    after: &'a Workspace,
}

impl At<'_> {
    fn member(&self, user: &UserId) {
        let is_in = self.after.members().contains_key(user);
        self.all.members.say(user, self.workspace, is_in);
    }

    fn user(&self, user: &UserId) {
        let is_in = !self.after.sockets_of(user).is_empty();
        self.all.connected.say(user, self.workspace, is_in);
    }

    /// A socket belongs to whatever workspace it joined last, so leaving one it has moved away from
    /// changes nothing.
    fn socket(&self, socket: &SocketId) {
        if self.after.live(socket).is_some() {
            let workspace = self.workspace.clone();
            self.all.sockets.insert(socket.clone(), workspace);
        } else {
            let here = |_: &SocketId, known: &WorkspaceId| known == self.workspace;
            self.all.sockets.remove_if(socket, here);
        }
    }
}

/// The workspaces of each of many people.
#[derive(Default)]
struct Places(DashMap<UserId, Place>);

/// Nearly everybody is in one workspace, and a set takes ten times the memory.
enum Place {
    One(WorkspaceId),
    Many(BTreeSet<WorkspaceId>),
}

impl Places {
    fn say(&self, user: &UserId, workspace: &WorkspaceId, is_in: bool) {
        if is_in {
            self.add(user, workspace);
        } else {
            self.remove(user, workspace);
        }
    }

    fn add(&self, user: &UserId, workspace: &WorkspaceId) {
        match self.0.entry(user.clone()) {
            Entry::Vacant(vacant) => {
                vacant.insert(Place::One(workspace.clone()));
            }
            Entry::Occupied(mut occupied) => match occupied.get_mut() {
                Place::One(known) if known == workspace => {}
                Place::One(known) => {
                    let both = [known.clone(), workspace.clone()];
                    occupied.insert(Place::Many(both.into()));
                }
                Place::Many(known) => {
                    known.insert(workspace.clone());
                }
            },
        }
    }

    fn remove(&self, user: &UserId, workspace: &WorkspaceId) {
        let leaves = |_: &UserId, place: &mut Place| match place {
            Place::One(known) => known == workspace,
            Place::Many(known) => {
                known.remove(workspace);
                known.is_empty()
            }
        };
        self.0.remove_if_mut(user, leaves);
    }

    fn all(&self, user: &UserId) -> Vec<WorkspaceId> {
        match self.0.get(user).as_deref() {
            None => Vec::new(),
            Some(Place::One(workspace)) => vec![workspace.clone()],
            Some(Place::Many(workspaces)) => workspaces.iter().cloned().collect(),
        }
    }

    fn first(&self, user: &UserId) -> Option<WorkspaceId> {
        match self.0.get(user)?.value() {
            Place::One(workspace) => Some(workspace.clone()),
            Place::Many(workspaces) => workspaces.first().cloned(),
        }
    }
}

#[cfg(test)]
impl Whereabouts {
    /// How many people and sockets it keeps anything of.
    pub(super) fn kept(&self) -> (usize, usize, usize) {
        let (members, connected) = (&self.members.0, &self.connected.0);
        (members.len(), connected.len(), self.sockets.len())
    }
}
