//! Who of this node's sockets is open in a workspace, and what each is about to get; must not know
//! where events come from.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use wardroom_domain::{Audience, CloseReason, SocketId, UserId};

use super::closing::Cause;
use super::peer::Peer;
use super::rendered::Forms;
use crate::limits::DELIVERY_TURN;

/// Receivers that are written to between two looks at the clock.
const RECEIVERS_PER_LOOK: usize = 64;

/// The sockets here that are open in one workspace, in the order of its log.
#[derive(Default)]
pub(super) struct Roster {
    receivers: HashMap<SocketId, Receiver>,
    users: HashMap<UserId, Vec<SocketId>>,
    /// Events for everybody that wait to be handed out together.
    for_all: BytesMut,
    for_all_count: u64,
    /// Frames handed to sockets since the last flush.
    frames: u64,
}

struct Receiver {
    user: UserId,
    peer: Arc<Peer>,
    /// What the socket gets at the next flush.
    waiting: Vec<Bytes>,
}

impl Roster {
    pub(super) fn open(&mut self, socket: &SocketId, user: &UserId, peer: Arc<Peer>) {
        self.hand_out();
        self.forget(socket);
        let receiver = Receiver {
            user: user.clone(),
            peer,
            waiting: Vec::new(),
        };
        self.receivers.insert(socket.clone(), receiver);
        self.users
            .entry(user.clone())
            .or_default()
            .push(socket.clone());
    }

    pub(super) fn close(&mut self, socket: &SocketId, reason: &CloseReason) {
        self.hand_out();
        let Some(receiver) = self.forget(socket) else {
            return;
        };
        receiver.peer.output().push(&receiver.waiting);
        match reason {
            // The client went by itself, or its socket moves on to another workspace.
            CloseReason::Left | CloseReason::Lost => {}
            _ => receiver.peer.output().close(Cause::Ended(reason.clone())),
        }
    }

    fn forget(&mut self, socket: &SocketId) -> Option<Receiver> {
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
            Audience::Workspace => {
                self.for_all.extend_from_slice(frame);
                self.for_all_count += 1;
            }
            Audience::Users(users) => {
                self.hand_out();
                // Whichever is shorter is walked: the audience, or who is here.
                if users.len() <= self.users.len() {
                    let here = users.iter().filter_map(|user| self.users.get(user));
                    here.flatten().for_each(|socket| {
                        self.frames += give(&mut self.receivers, socket, frame);
                    });
                } else {
                    let here = self.users.iter().filter(|(user, _)| users.contains(*user));
                    here.flat_map(|(_, sockets)| sockets).for_each(|socket| {
                        self.frames += give(&mut self.receivers, socket, frame);
                    });
                }
            }
            Audience::Sockets(sockets) => {
                self.hand_out();
                for socket in sockets {
                    self.frames += give(&mut self.receivers, socket, frame);
                }
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
        self.hand_out();
        match audience {
            Audience::Sockets(sockets) => {
                for socket in sockets {
                    let user = self.receivers.get(socket).map(|receiver| &receiver.user);
                    if let Some(frame) = user.and_then(|user| forms.for_user(user)) {
                        self.frames += give(&mut self.receivers, socket, &frame);
                    }
                }
            }
            Audience::Workspace | Audience::Users(_) => {
                for (user, sockets) in &self.users {
                    let Some(frame) = audience_holds(audience, user)
                        .then(|| forms.for_user(user))
                        .flatten()
                    else {
                        continue;
                    };
                    for socket in sockets {
                        self.frames += give(&mut self.receivers, socket, &frame);
                    }
                }
            }
        }
    }

    /// An answer stands behind every event before it, even if its socket is closed by now.
    pub(super) fn answer(&mut self, socket: &SocketId, peer: &Arc<Peer>, frames: Bytes) {
        self.hand_out();
        match self.receivers.get_mut(socket) {
            Some(receiver) => receiver.waiting.push(frames),
            None => peer.output().push(&[frames]),
        }
    }

    /// Gives everybody the events for everybody, before anything else goes to somebody.
    fn hand_out(&mut self) {
        if self.for_all.is_empty() {
            return;
        }
        let frames = self.for_all.split().freeze();
        self.frames += self.for_all_count * self.receivers.len() as u64;
        self.for_all_count = 0;
        for receiver in self.receivers.values_mut() {
            receiver.waiting.push(frames.clone());
        }
    }

    /// Writes what waits to every socket; how many frames that was. Now and then it lets other work
    /// run, for that is where delivery spends its time.
    pub(super) async fn flush(&mut self) -> u64 {
        self.hand_out();
        let mut pace = Pace::new();
        for receiver in self.receivers.values_mut() {
            if !receiver.waiting.is_empty() {
                receiver.peer.output().push(&receiver.waiting);
                receiver.waiting = Vec::new();
                pace.keep().await;
            }
        }
        std::mem::take(&mut self.frames)
    }
}

/// Sees to it that other work gets its turn.
struct Pace {
    written: usize,
    turn: Instant,
}

impl Pace {
    fn new() -> Self {
        Self {
            written: 0,
            turn: Instant::now(),
        }
    }

    /// After each receiver that was written to.
    async fn keep(&mut self) {
        self.written += 1;
        if self.written.is_multiple_of(RECEIVERS_PER_LOOK) && self.turn.elapsed() > DELIVERY_TURN {
            tokio::task::yield_now().await;
            self.turn = Instant::now();
        }
    }
}

fn audience_holds(audience: &Audience, user: &UserId) -> bool {
    match audience {
        Audience::Users(users) => users.contains(user),
        Audience::Workspace | Audience::Sockets(_) => true,
    }
}

fn give(receivers: &mut HashMap<SocketId, Receiver>, socket: &SocketId, frame: &Bytes) -> u64 {
    let Some(receiver) = receivers.get_mut(socket) else {
        return 0;
    };
    receiver.waiting.push(frame.clone());
    1
}
