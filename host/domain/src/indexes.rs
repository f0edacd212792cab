//! Checks what a workspace's state derives for speed against what it is derived from. Tests and
//! the simulation call it; decisions rely on it and never do.

use imbl::{OrdMap, OrdSet};

use crate::{ChannelId, Role, SocketId, Timestamp, UserId, View, Workspace};

impl Workspace {
    /// Whether everything derived in this state is what one computes from scratch.
    ///
    /// # Errors
    /// Names the first index that is not, with both of its forms.
    pub fn check_indexes(&self) -> Result<(), String> {
        self.check_sockets()?;
        let latest = |sockets: &Vec<SocketId>| self.connections.get(sockets.last()?)?.role.clone();
        let token_roles: OrdMap<UserId, Role> = self
            .sockets_of
            .iter()
            .filter_map(|(user, sockets)| Some((user.clone(), latest(sockets)?)))
            .collect();
        same("token_roles", &self.token_roles, &token_roles)?;
        let mut selected_by: OrdMap<ChannelId, OrdSet<UserId>> = OrdMap::new();
        for (user, selection) in &self.selections {
            let users = selected_by.entry(selection.channel.clone()).or_default();
            users.insert(user.clone());
        }
        same("selected_by", &self.selected_by, &selected_by)?;
        let holds: OrdSet<(Timestamp, SocketId)> = self
            .connections
            .iter()
            .filter_map(|(socket, c)| Some((c.held_until?, socket.clone())))
            .collect();
        same("holds", &self.holds, &holds)?;
        let restricted: OrdSet<ChannelId> = self
            .channels
            .iter()
            .filter(|(_, c)| !c.rules.are_for_everyone())
            .map(|(id, _)| id.clone())
            .collect();
        same("restricted", &self.restricted, &restricted)?;
        let (everybody, connected) = self.people.so_far();
        if let Some(found) = everybody {
            same("everybody", found, &self.gather_subjects())?;
        }
        if let Some(found) = connected {
            let subjects = self.gather_connected();
            same("connected", &found.subjects, &subjects)?;
            let users = self.sockets_of.keys().cloned().collect();
            same("connected users", &found.users, &users)?;
        }
        self.check_views()
    }

    /// Nobody is kept among the viewers of a channel who is not connected.
    fn check_views(&self) -> Result<(), String> {
        for (id, channel) in &self.channels {
            if let View::Users(users) = &channel.view
                && let Some(user) = users.iter().find(|u| !self.sockets_of.contains_key(*u))
            {
                return Err(format!("{user}, who sees {id}, is not connected"));
            }
        }
        Ok(())
    }

    /// `sockets_of` is in the order of arrival, which nothing else knows, so it is compared as
    /// a set.
    fn check_sockets(&self) -> Result<(), String> {
        let mut expected: OrdMap<UserId, OrdSet<SocketId>> = OrdMap::new();
        for (socket, connection) in &self.connections {
            let sockets = expected.entry(connection.user.clone()).or_default();
            sockets.insert(socket.clone());
        }
        let mut found: OrdMap<UserId, OrdSet<SocketId>> = OrdMap::new();
        for (user, sockets) in &self.sockets_of {
            let set: OrdSet<SocketId> = sockets.iter().cloned().collect();
            if set.len() != sockets.len() {
                return Err(format!("sockets_of {user} repeats a socket: {sockets:?}"));
            }
            found.insert(user.clone(), set);
        }
        same("sockets_of", &found, &expected)
    }
}

fn same<T: PartialEq + std::fmt::Debug>(name: &str, found: &T, expected: &T) -> Result<(), String> {
    if found == expected {
        Ok(())
    } else {
        Err(format!("{name} is {found:?}, derived anew {expected:?}"))
    }
}
