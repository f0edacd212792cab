//! Who of this node's sockets is open in a workspace, and what each is about to get; must not know
//! where events come from.

use std::borrow::Borrow;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use wardroom_domain::{Audience, CloseReason, SocketId, UserId, Workspace};

use super::closing::Cause;
use super::lanes::Grouping;
use super::peer::Peer;
use super::receivers::{Choice, Receiver, Receivers};
use super::rendered::Forms;

/// Where what one client gets goes.
pub(super) trait Outlet {
    /// Sends whole frames behind everything sent before.
    fn send(&self, frames: &[Bytes]);
    /// Keeps the place behind everything sent before for an answer that is being made.
    fn hold(&self);
    /// Ends the connection when all that was sent has left.
    fn end(&self, cause: Cause);
}

impl Outlet for Arc<Peer> {
    fn send(&self, frames: &[Bytes]) {
        self.output().push(frames);
    }

    fn hold(&self) {
        self.output().hold();
    }

    fn end(&self, cause: Cause) {
        self.output().close(cause);
    }
}

/// The sockets here that are open in one workspace, in the order of its log.
pub(super) struct Roster<O = Arc<Peer>> {
    users: Users,
    receivers: Receivers<O>,
}

type Users = HashMap<UserId, Vec<SocketId>>;

impl<O: Outlet> Default for Roster<O> {
    fn default() -> Self {
        Self {
            users: HashMap::new(),
            receivers: Receivers::default(),
        }
    }
}

impl<O: Outlet> Roster<O> {
    /// Adds a socket that was opened by the decision that led to this state.
    pub(super) fn open(&mut self, socket: &SocketId, user: &UserId, outlet: O, state: &Workspace) {
        self.forget(socket);
        self.keep_up(state);
        self.receivers.add(socket, user, outlet, state);
        let sockets = self.users.entry(user.clone()).or_default();
        sockets.push(socket.clone());
    }

    pub(super) fn close(&mut self, socket: &SocketId, reason: &CloseReason) {
        let Some(mut receiver) = self.forget(socket) else {
            return;
        };
        receiver.send(None);
        match reason {
            // The client went by itself, or its socket moves on to another workspace.
            CloseReason::Left | CloseReason::Lost => {}
            _ => receiver.outlet.end(Cause::Ended(reason.clone())),
        }
    }

    fn forget(&mut self, socket: &SocketId) -> Option<Receiver<O>> {
        let receiver = self.receivers.remove(socket)?;
        if let Some(sockets) = self.users.get_mut(&receiver.user) {
            sockets.retain(|other| other != socket);
            if sockets.is_empty() {
                self.users.remove(&receiver.user);
            }
        }
        Some(receiver)
    }

    pub(super) fn tell(&mut self, frame: &Bytes, audience: &Audience) {
        match audience {
            Audience::Workspace => self.receivers.give_all(frame),
            Audience::Users(users) => {
                let sockets = here(&self.users, users.len(), users, |user| users.contains(user));
                self.receivers.give(&sockets, frame);
            }
            Audience::Sockets(sockets) => {
                let sockets: Vec<_> = sockets.iter().collect();
                self.receivers.give(&sockets, frame);
            }
        }
    }

    /// Tells an event of which each person gets the form that is meant for them.
    pub(super) fn tell_rendered(&mut self, mut forms: Forms<'_>, audience: &Audience) {
        if let Some(one) = forms.one_for_all() {
            // Whoever gets nothing changes nothing in the order of what others get.
            if let Some(frame) = one {
                self.tell(&frame, audience);
            }
            return;
        }
        self.group(&forms);
        let mut choice = Choice::new(forms, &self.receivers);
        match audience {
            Audience::Workspace => {
                let named = choice.named();
                let each: BTreeSet<&UserId> = named.users().collect();
                let apart = here(&self.users, each.len(), each, |user| named.includes(user));
                self.receivers.choose_all(&mut choice, &apart);
            }
            Audience::Users(users) => {
                let sockets = here(&self.users, users.len(), users, |user| users.contains(user));
                self.receivers.choose(&mut choice, &sockets);
            }
            Audience::Sockets(sockets) => {
                let sockets: Vec<_> = sockets.iter().collect();
                self.receivers.choose(&mut choice, &sockets);
            }
        }
    }

    /// Sees to it that people whom the selectors of an event tell apart are in different lanes, as they
    /// are in the state that the event belongs to.
    fn group(&mut self, forms: &Forms<'_>) {
        let state = forms.state();
        let people = match self.receivers.lanes().compare(forms.rendered()) {
            Grouping::Stands => return self.keep_up(state),
            Grouping::Anew => Some(state.people()),
            Grouping::Impossible => None,
        };
        self.receivers.group(people, state);
    }

    /// Moves whoever is known otherwise now to the lane for people like them.
    fn keep_up(&mut self, state: &Workspace) {
        let Some(before) = self.receivers.lanes().move_on(state) else {
            return;
        };
        let changed = before.changed(state);
        let moving: Vec<&SocketId> = changed
            .filter_map(|user| self.users.get(user))
            .flatten()
            .collect();
        self.receivers.regroup(&moving, state);
    }

    /// An answer stands behind every event before it, even if its socket is closed by now.
    pub(super) fn answer(&mut self, socket: &SocketId, outlet: &O, frames: Bytes) {
        if !self.receivers.answer(socket, &frames) {
            outlet.send(&[frames]);
        }
    }

    /// The same of an answer that is not made yet.
    pub(super) fn hold(&mut self, socket: &SocketId, outlet: &O) {
        if !self.receivers.hold(socket) {
            outlet.hold();
        }
    }

    /// Writes what waits to every socket; how many frames that was. The state is that of now.
    pub(super) async fn flush(&mut self, state: &Workspace) -> u64 {
        let frames = self.receivers.flush().await;
        // Now that nothing waits it costs the least, and what was before is not kept for ever.
        self.keep_up(state);
        frames
    }
}

/// The sockets here of some users. Whichever is shorter is walked: those users, or who is here.
fn here<U: Borrow<UserId>>(
    users: &Users,
    most: usize,
    each: impl IntoIterator<Item = U>,
    includes: impl Fn(&UserId) -> bool,
) -> Vec<&SocketId> {
    if most <= users.len() {
        let each = each.into_iter();
        let sockets = each.filter_map(|user| users.get(user.borrow()));
        sockets.flatten().collect()
    } else {
        let here = users.iter().filter(|(user, _)| includes(user));
        here.flat_map(|(_, sockets)| sockets).collect()
    }
}

#[cfg(test)]
#[path = "roster_tests.rs"]
mod tests;
