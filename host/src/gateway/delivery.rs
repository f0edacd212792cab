//! Follows the logs of workspaces and hands events to the sockets here; must not decide anything.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use wardroom_domain::{Audience, CloseReason, Output as Outcome, SocketId, UserId, WorkspaceId};

use super::closing::Cause;
use super::peer::Peer;
use super::{frame, wire};
use crate::metrics::Metrics;
use crate::store::{Entry, Store};

/// Delivers to this node's sockets. A workspace is followed while a socket here is attached to it.
pub(super) struct Delivery {
    store: Arc<dyn Store>,
    metrics: Arc<Metrics>,
    followed: Mutex<HashMap<WorkspaceId, Followed>>,
}

struct Followed {
    attached: HashMap<SocketId, Arc<Peer>>,
    answers: Answers,
    stop: CancellationToken,
}

/// Where a command's answer is put when delivery reaches its entry, so that it joins the same
/// write as the events around it.
#[derive(Clone, Default)]
pub(super) struct Answers(Arc<Mutex<Vec<Answer>>>);

/// The answer to a command.
pub(super) struct Answer {
    /// Whose it is.
    pub(super) socket: SocketId,
    /// The same.
    pub(super) peer: Arc<Peer>,
    /// What is sent, if anything.
    pub(super) frames: Option<Bytes>,
    /// Told when it has been written: nothing that follows from it may overtake it.
    pub(super) written: oneshot::Sender<()>,
}

impl Answers {
    pub(super) fn put(&self, answer: Answer) {
        self.0.lock().push(answer);
    }

    fn take(&self) -> Vec<Answer> {
        std::mem::take(&mut *self.0.lock())
    }
}

impl Delivery {
    pub(super) fn new(store: Arc<dyn Store>, metrics: Arc<Metrics>) -> Arc<Self> {
        Arc::new(Self {
            store,
            metrics,
            followed: Mutex::default(),
        })
    }

    /// Makes a socket here known to a workspace's follower, before the command that opens it there
    /// is committed.
    pub(super) fn attach(
        self: &Arc<Self>,
        workspace: &WorkspaceId,
        socket: &SocketId,
        peer: &Arc<Peer>,
    ) -> Answers {
        let mut followed = self.followed.lock();
        let followed = followed.entry(workspace.clone()).or_insert_with(|| {
            let stop = CancellationToken::new();
            let answers = Answers::default();
            self.follow(workspace, answers.clone(), stop.clone());
            Followed {
                attached: HashMap::new(),
                answers,
                stop,
            }
        });
        followed.attached.insert(socket.clone(), Arc::clone(peer));
        followed.answers.clone()
    }

    /// Forgets a socket whose connection is over, or was never opened.
    pub(super) fn detach(&self, workspace: &WorkspaceId, socket: &SocketId) {
        let mut all = self.followed.lock();
        let Some(followed) = all.get_mut(workspace) else {
            return;
        };
        followed.attached.remove(socket);
        if followed.attached.is_empty() {
            followed.stop.cancel();
            all.remove(workspace);
        }
    }

    fn attached(&self, workspace: &WorkspaceId, socket: &SocketId) -> Option<Arc<Peer>> {
        self.followed
            .lock()
            .get(workspace)?
            .attached
            .get(socket)
            .cloned()
    }

    fn follow(
        self: &Arc<Self>,
        workspace: &WorkspaceId,
        answers: Answers,
        stop: CancellationToken,
    ) {
        let mut tail = self.store.follow(workspace);
        let mut follower = Follower {
            delivery: Arc::clone(self),
            workspace: workspace.clone(),
            roster: Roster::default(),
            answers,
            written: Vec::new(),
        };
        tokio::spawn(async move {
            while let Some(entries) = stop.run_until_cancelled(tail.next()).await {
                // Entries may be taken although the stop came first. Whoever they are for is
                // attached to another follower by now, which delivers them.
                if stop.is_cancelled() {
                    break;
                }
                follower.deliver(&entries);
                // A busy workspace must not keep a thread from its other work.
                tokio::task::yield_now().await;
            }
        });
    }
}

struct Follower {
    delivery: Arc<Delivery>,
    workspace: WorkspaceId,
    roster: Roster,
    answers: Answers,
    /// Whoever waits for what this batch writes.
    written: Vec<oneshot::Sender<()>>,
}

impl Follower {
    /// Delivers a batch. What one socket gets of it leaves in one write.
    fn deliver(&mut self, entries: &[Arc<Entry>]) {
        let mut events = 0;
        for entry in entries {
            for outcome in &entry.outputs {
                match outcome {
                    Outcome::Opened { socket, user } => {
                        if let Some(peer) = self.delivery.attached(&self.workspace, socket) {
                            self.roster.open(socket, user, peer);
                        }
                        // `auth-success` comes before the first event, its own included.
                        self.answer(entry);
                    }
                    Outcome::Event {
                        event, audience, ..
                    } => {
                        events += 1;
                        self.roster
                            .tell(&frame::text(&wire::event(event)), audience);
                    }
                    Outcome::Closed { socket, reason } => self.roster.close(socket, reason),
                }
            }
            self.answer(entry);
        }
        let frames = self.roster.flush();
        self.delivery.metrics.delivered(events, frames);
        for written in self.written.drain(..) {
            written.send(()).ok();
        }
    }

    /// Answers whoever waits for this entry and has not been answered yet.
    fn answer(&mut self, entry: &Entry) {
        entry.run_waiter();
        for answer in self.answers.take() {
            if let Some(frames) = answer.frames {
                self.roster.answer(&answer.socket, &answer.peer, frames);
            }
            self.written.push(answer.written);
        }
    }
}

/// The sockets here that are open in one workspace, in the order of its log.
#[derive(Default)]
struct Roster {
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
    fn open(&mut self, socket: &SocketId, user: &UserId, peer: Arc<Peer>) {
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

    fn close(&mut self, socket: &SocketId, reason: &CloseReason) {
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

    fn tell(&mut self, frame: &Bytes, audience: &Audience) {
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

    /// An answer stands behind every event before it, even if its socket is closed by now.
    fn answer(&mut self, socket: &SocketId, peer: &Arc<Peer>, frames: Bytes) {
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

    /// Writes what waits to every socket; how many frames that was.
    fn flush(&mut self) -> u64 {
        self.hand_out();
        for receiver in self.receivers.values_mut() {
            if !receiver.waiting.is_empty() {
                receiver.peer.output().push(&receiver.waiting);
                receiver.waiting = Vec::new();
            }
        }
        std::mem::take(&mut self.frames)
    }
}

fn give(receivers: &mut HashMap<SocketId, Receiver>, socket: &SocketId, frame: &Bytes) -> u64 {
    let Some(receiver) = receivers.get_mut(socket) else {
        return 0;
    };
    receiver.waiting.push(frame.clone());
    1
}
