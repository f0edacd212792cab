//! Rules of connections and combined online status (`docs/protocol.md`, "How sessions behave").

use std::collections::BTreeSet;

use super::{Draft, Permit};
use crate::limits::{MAX_CONNECTIONS_PER_USER, PEOPLE_PER_SETTLING, USERS_PER_EXPIRY};
use crate::{
    Audience, Change, CloseReason, Command, Connection, Event, Leave, OnlineStatus, Output,
    Rejection, Reply, Selection, SocketId, UserId,
};

impl Draft<'_> {
    /// Runs a rule that may change these users' combined status or facts, and announces what did
    /// change, once, when all of it has.
    pub(super) fn watching<T>(&mut self, users: &[UserId], rule: impl FnOnce(&mut Self) -> T) -> T {
        let statuses: Vec<_> = users.iter().map(|u| self.state.status(u)).collect();
        let subjects: Vec<_> = users
            .iter()
            .map(|user| (user.clone(), self.state.connected_subject(user)))
            .collect();
        let result = rule(self);
        let channels = self.state.restricted.clone();
        self.subjects_changed(&subjects, &channels);
        for (user, status) in users.iter().zip(statuses) {
            self.announce_status(user, status);
        }
        result
    }

    pub(super) fn announce_status(&mut self, user: &UserId, before: OnlineStatus) {
        let status = self.state.status(user);
        if status != before {
            let user = user.clone();
            self.emit(
                Event::OnlineStatusUpdated { user, status },
                Audience::Workspace,
            );
        }
    }

    pub(super) fn connect(&mut self, command: &Command) -> Result<Reply, Rejection> {
        let Command::Connect {
            socket,
            user,
            status,
            role,
            named_by_token,
            replaces,
            claims,
            remote_address,
        } = command
        else {
            return Ok(Reply::Unchanged);
        };
        if !named_by_token && !self.state.members.contains_key(user) {
            return Err(Rejection::WorkspaceForbidden);
        }
        let former = self.state.connections.get(socket).map(|c| c.user.clone());
        let former = former.filter(|former| former != user);
        let renewed = self.state.live(socket).filter(|c| c.user == *user).cloned();
        let displaced = self.displaced(socket, user, replaces.as_ref());
        let others = self.state.sockets_of(user).iter().filter(|s| *s != socket);
        if others.count() - displaced.len() >= MAX_CONNECTIONS_PER_USER {
            return Err(Rejection::LimitReached {
                what: "connections of a user",
                most: MAX_CONNECTIONS_PER_USER,
            });
        }
        let status = status
            .or(renewed.as_ref().map(|c| c.status))
            .unwrap_or(OnlineStatus::Online);
        let connection = Connection {
            user: user.clone(),
            status,
            role: role.clone(),
            claims: claims.clone(),
            remote_address: remote_address.clone(),
            held_until: None,
        };
        let permit = self.admit_new(user, &connection)?;
        if !self.questions.is_empty() {
            // What somebody sees who may not be let in is nothing to ask about yet: it may be a
            // question for each channel.
            return Ok(Reply::Unchanged);
        }
        let users: Vec<UserId> = former.into_iter().chain([user.clone()]).collect();
        self.watching(&users, |draft| {
            if users.len() > 1 {
                draft.end_connection(socket, CloseReason::Left);
            }
            draft.seat(permit, socket, connection);
            if renewed.is_none() {
                draft.outputs.push(Output::Opened {
                    socket: socket.clone(),
                    user: user.clone(),
                });
            }
            draft.take_over(socket, user, replaces.as_ref(), displaced);
        });
        Ok(if renewed.is_some() {
            Reply::Changed
        } else {
            Reply::Created
        })
    }

    fn seat(&mut self, _: Permit, socket: &SocketId, connection: Connection) {
        self.change(Change::ConnectionPut {
            socket: socket.clone(),
            connection,
        });
    }

    /// The connections whose place a new one takes: the one it names, and those that are held and
    /// hold no selection.
    fn displaced(
        &self,
        socket: &SocketId,
        user: &UserId,
        replaces: Option<&SocketId>,
    ) -> Vec<SocketId> {
        let others = self.state.sockets_of(user).iter().filter(|s| *s != socket);
        others
            .filter(|other| {
                let held = self.state.live(other).is_none();
                Some(*other) == replaces || (held && !self.holds_selection(user, other))
            })
            .cloned()
            .collect()
    }

    /// Puts a new connection in the place of others: nobody sees a flap. The selection moves only
    /// from the one it names.
    fn take_over(
        &mut self,
        socket: &SocketId,
        user: &UserId,
        replaces: Option<&SocketId>,
        displaced: Vec<SocketId>,
    ) {
        if let Some(selection) = self.state.selections.get(user)
            && Some(&selection.socket) == replaces
            && *socket != selection.socket
        {
            let selection = Selection {
                socket: socket.clone(),
                ..selection.clone()
            };
            let user = user.clone();
            self.change(Change::Selected { user, selection });
        }
        for other in displaced {
            if self.state.live(&other).is_some() {
                self.outputs.push(Output::Closed {
                    socket: other.clone(),
                    reason: CloseReason::Superseded,
                });
            }
            self.change(Change::ConnectionRemoved { socket: other });
        }
    }

    pub(super) fn disconnect(&mut self, socket: &SocketId, leave: Leave) -> Reply {
        let Some(connection) = self.state.live(socket).cloned() else {
            return Reply::Unchanged;
        };
        match leave {
            Leave::OnPurpose => self.watching(&[connection.user], |draft| {
                draft.end_connection(socket, CloseReason::Left);
            }),
            Leave::Lost {
                grace,
                grace_in_channel,
            } => {
                let holds = self.holds_selection(&connection.user, socket);
                let grace = if holds { grace_in_channel } else { grace };
                let until = self.context.now.after(grace);
                self.change(Change::ConnectionPut {
                    socket: socket.clone(),
                    connection: Connection {
                        held_until: Some(until),
                        ..connection
                    },
                });
                self.outputs.push(Output::Closed {
                    socket: socket.clone(),
                    reason: CloseReason::Lost,
                });
            }
        }
        Reply::Changed
    }

    fn holds_selection(&self, user: &UserId, socket: &SocketId) -> bool {
        self.state
            .selections
            .get(user)
            .is_some_and(|s| s.socket == *socket)
    }

    /// Ends one connection, live or held, and the selection if it holds it.
    pub(super) fn end_connection(&mut self, socket: &SocketId, reason: CloseReason) {
        if self.state.live(socket).is_some() {
            self.outputs.push(Output::Closed {
                socket: socket.clone(),
                reason,
            });
        }
        self.drop_connection(socket);
    }

    pub(super) fn drop_connection(&mut self, socket: &SocketId) {
        let Some(user) = self.state.connections.get(socket).map(|c| c.user.clone()) else {
            return;
        };
        if self.holds_selection(&user, socket) {
            self.end_selection(&user);
        }
        self.change(Change::ConnectionRemoved {
            socket: socket.clone(),
        });
    }

    /// Removes every connection of a user, and returns what closes their sockets. It is for the
    /// caller to put that out last: until then the sockets stay in their audiences, so that the
    /// originator hears of it like everybody else.
    pub(super) fn drop_connections(&mut self, user: &UserId, reason: &CloseReason) -> Vec<Output> {
        let mut closed = Vec::new();
        for socket in self.state.sockets_of(user).to_vec() {
            if self.state.live(&socket).is_some() {
                closed.push(Output::Closed {
                    socket: socket.clone(),
                    reason: reason.clone(),
                });
            }
            self.drop_connection(&socket);
        }
        closed
    }

    /// Ends the holds that are over, of the first few users. Those of one user end together, as one
    /// change of status. What is left stays overdue: [`crate::Workspace::next_deadline`] says so.
    pub(super) fn expire(&mut self) -> Reply {
        let users = self.whose_holds_are_over();
        let sockets = users.iter().flat_map(|user| self.state.sockets_of(user));
        let over: Vec<SocketId> = sockets
            .filter(|socket| self.is_over(socket))
            .cloned()
            .collect();
        self.watching(&users, |draft| {
            for socket in &over {
                draft.drop_connection(socket);
            }
        });
        self.reply_of_changes()
    }

    fn is_over(&self, socket: &SocketId) -> bool {
        let connection = self.state.connections.get(socket);
        let until = connection.and_then(|connection| connection.held_until);
        until.is_some_and(|until| until <= self.context.now)
    }

    /// The users whose holds have been over for the longest time, as many as one decision may see off:
    /// for each of them every channel that not everyone sees is looked at.
    fn whose_holds_are_over(&self) -> Vec<UserId> {
        let most = PEOPLE_PER_SETTLING / self.state.restricted.len().max(1);
        let most = most.clamp(1, USERS_PER_EXPIRY);
        let mut users: Vec<UserId> = Vec::new();
        let mut seen = BTreeSet::new();
        for (until, socket) in &self.state.holds {
            if *until > self.context.now || users.len() == most {
                break;
            }
            let user = self.state.connections.get(socket).map(|c| &c.user);
            if let Some(user) = user.filter(|user| seen.insert((*user).clone())) {
                users.push(user.clone());
            }
        }
        users
    }

    pub(super) fn kick(&mut self, user: &UserId) -> Result<Reply, Rejection> {
        self.must_exist()?;
        let closed = self.watching(std::slice::from_ref(user), |draft| {
            draft.drop_connections(user, &CloseReason::Kicked)
        });
        self.outputs.extend(closed);
        Ok(self.reply_of_changes())
    }

    /// Ends one live connection. Its socket is closed last, as when all of a user's are.
    pub(super) fn evict(&mut self, socket: &SocketId) -> Result<Reply, Rejection> {
        let user = self.live_user(socket)?;
        self.watching(&[user], |draft| draft.drop_connection(socket));
        self.outputs.push(Output::Closed {
            socket: socket.clone(),
            reason: CloseReason::Kicked,
        });
        Ok(Reply::Changed)
    }

    /// Lets a relayed command pass only for a live connection of the user for whom it acts. This is
    /// decided with the command: who asked beforehand would ask about the state before it.
    pub(super) fn must_act_for(&self, user: &UserId, command: &Command) -> Result<(), Rejection> {
        let socket = command.acts_for().ok_or(Rejection::NotConnected)?;
        self.must_be_of(user, socket)
    }

    /// A live connection is a user's.
    pub(super) fn must_be_of(&self, user: &UserId, socket: &SocketId) -> Result<(), Rejection> {
        if self.live_user(socket)? == *user {
            Ok(())
        } else {
            Err(Rejection::AnotherUsersConnection)
        }
    }

    pub(super) fn update_status(
        &mut self,
        command: &Command,
        socket: &SocketId,
        status: OnlineStatus,
    ) -> Result<Reply, Rejection> {
        let user = self.live_user(socket)?;
        let permit = self.authorize(command, &user, None)?;
        let connection = self.state.connections.get(socket).cloned();
        if let Some(connection) = connection.filter(|c| c.status != status) {
            self.watching(&[user], |draft| {
                let connection = Connection {
                    status,
                    ..connection
                };
                draft.seat(permit, socket, connection);
            });
        }
        Ok(self.reply_of_changes())
    }
}
