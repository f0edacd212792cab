//! Rules of connections and combined online status (`docs/protocol.md`, "How sessions behave").

use super::Draft;
use crate::limits::MAX_CONNECTIONS_PER_USER;
use crate::{
    Audience, Change, CloseReason, Command, Connection, Event, Leave, OnlineStatus, Output,
    Rejection, Reply, Selection, SocketId, UserId,
};

impl Draft<'_> {
    /// Runs a rule that may change the user's combined status or facts, and announces what did
    /// change, once.
    fn watching<T>(&mut self, user: &UserId, rule: impl FnOnce(&mut Self) -> T) -> T {
        let status = self.state.status(user);
        let subject = self.state.subject(user);
        let result = rule(self);
        self.subject_changed(user, subject.as_ref());
        self.announce_status(user, status);
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
        } = command
        else {
            return Ok(Reply::Unchanged);
        };
        if !named_by_token && !self.state.members.contains_key(user) {
            return Err(Rejection::WorkspaceForbidden);
        }
        let former = self.state.connections.get(socket).cloned();
        if former.as_ref().is_some_and(|c| c.user != *user) {
            self.end_connection(socket, CloseReason::Left);
        }
        let renewed = former.filter(|c| c.user == *user && c.held_until.is_none());
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
            held_until: None,
        };
        self.watching(user, |draft| {
            draft.change(Change::ConnectionPut {
                socket: socket.clone(),
                connection,
            });
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
            Leave::OnPurpose => self.end_connection(socket, CloseReason::Left),
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

    /// Ends one connection, live or held, with all that hangs on it: selection first, status last.
    fn end_connection(&mut self, socket: &SocketId, reason: CloseReason) {
        let Some(connection) = self.state.connections.get(socket).cloned() else {
            return;
        };
        self.watching(&connection.user, |draft| {
            if connection.held_until.is_none() {
                draft.outputs.push(Output::Closed {
                    socket: socket.clone(),
                    reason,
                });
            }
            draft.drop_connection(&connection.user, socket);
        });
    }

    fn drop_connection(&mut self, user: &UserId, socket: &SocketId) {
        if self.holds_selection(user, socket) {
            self.end_selection(user);
        }
        self.change(Change::ConnectionRemoved {
            socket: socket.clone(),
        });
    }

    /// Removes every connection of a user, and returns what closes their sockets. It is for the
    /// caller to put that out last: until then the sockets stay in their audiences, so that the
    /// originator hears of it like everybody else.
    pub(super) fn drop_connections(&mut self, user: &UserId, reason: CloseReason) -> Vec<Output> {
        let mut closed = Vec::new();
        for socket in self.state.sockets_of(user).to_vec() {
            if self.state.live(&socket).is_some() {
                closed.push(Output::Closed {
                    socket: socket.clone(),
                    reason,
                });
            }
            self.drop_connection(user, &socket);
        }
        closed
    }

    /// Ends the holds that are over. Those of one user end together, as one change of status.
    pub(super) fn expire(&mut self) -> Reply {
        let now = self.context.now;
        while let Some((until, first)) = self.state.holds.get_min().cloned() {
            let Some(user) = self.state.connections.get(&first).map(|c| c.user.clone()) else {
                break;
            };
            if until > now {
                break;
            }
            self.watching(&user, |draft| {
                for socket in draft.state.sockets_of(&user).to_vec() {
                    let held = draft.state.connections.get(&socket);
                    if held.and_then(|c| c.held_until).is_some_and(|at| at <= now) {
                        draft.drop_connection(&user, &socket);
                    }
                }
            });
        }
        self.reply_of_changes()
    }

    pub(super) fn kick(&mut self, user: &UserId) -> Result<Reply, Rejection> {
        self.must_exist()?;
        let closed = self.watching(user, |draft| {
            draft.drop_connections(user, CloseReason::Kicked)
        });
        self.outputs.extend(closed);
        Ok(self.reply_of_changes())
    }

    pub(super) fn update_status(
        &mut self,
        socket: &SocketId,
        status: OnlineStatus,
    ) -> Result<Reply, Rejection> {
        let user = self.live_user(socket)?;
        let connection = self.state.connections.get(socket).cloned();
        if let Some(connection) = connection.filter(|c| c.status != status) {
            self.watching(&user, |draft| {
                draft.change(Change::ConnectionPut {
                    socket: socket.clone(),
                    connection: Connection {
                        status,
                        ..connection
                    },
                });
            });
        }
        Ok(self.reply_of_changes())
    }
}
