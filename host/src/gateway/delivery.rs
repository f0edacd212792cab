//! Follows the logs of workspaces and hands events to the sockets here; must not decide anything.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use wardroom_domain::{Output as Outcome, Rendering, SocketId, WorkspaceId};

use super::peer::Peer;
use super::rendered::Forms;
use super::roster::Roster;
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
    pub(super) told: Option<Told>,
    /// Told when it has been written: nothing that follows from it may overtake it.
    pub(super) written: oneshot::Sender<()>,
}

/// What stands at the place of an answer.
pub(super) enum Told {
    /// The answer, as frames.
    Frames(Bytes),
    /// An answer that is being made.
    Later,
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
                follower.deliver(&entries).await;
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
    async fn deliver(&mut self, entries: &[Arc<Entry>]) {
        let mut events = 0;
        for entry in entries {
            for outcome in &entry.outputs {
                match outcome {
                    Outcome::Opened { socket, user } => {
                        if let Some(peer) = self.delivery.attached(&self.workspace, socket) {
                            self.roster.open(socket, user, peer, &entry.state);
                        }
                        // `auth-success` comes before the first event, its own included.
                        self.answer(entry);
                    }
                    Outcome::Event {
                        event,
                        audience,
                        rendering,
                    } => {
                        events += 1;
                        match rendering {
                            Rendering::Unchanged => {
                                let frame = frame::text(&wire::event(event));
                                self.roster.tell(&frame, audience);
                            }
                            Rendering::Rendered(rendered) => {
                                let forms = Forms::new(event, rendered, &entry.state);
                                self.roster.tell_rendered(forms, audience);
                            }
                        }
                    }
                    Outcome::Closed { socket, reason } => self.roster.close(socket, reason),
                }
            }
            self.answer(entry);
        }
        let frames = match entries.last() {
            Some(last) => self.roster.flush(&last.state).await,
            None => 0,
        };
        self.delivery.metrics.delivered(events, frames);
        for written in self.written.drain(..) {
            written.send(()).ok();
        }
    }

    /// Answers whoever waits for this entry and has not been answered yet.
    fn answer(&mut self, entry: &Entry) {
        entry.run_waiter();
        for answer in self.answers.take() {
            match answer.told {
                Some(Told::Frames(frames)) => {
                    self.roster.answer(&answer.socket, &answer.peer, frames);
                }
                Some(Told::Later) => self.roster.hold(&answer.socket, &answer.peer),
                None => {}
            }
            self.written.push(answer.written);
        }
    }
}
