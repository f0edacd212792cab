//! One client that has joined: its events, one at a time and in order; must not know their meaning.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;
use parking_lot::Mutex;
use wardroom_domain::SocketId;

use super::admission::Conduct;
use super::closing::Cause;
use super::conversation::Memory;
use super::output::Output;
use crate::limits;

/// One event as it came.
#[derive(Debug)]
pub(crate) struct Incoming {
    /// The JSON array of the event's name and arguments.
    pub(crate) text: Bytes,
    /// Whether binary attachments came with it.
    pub(crate) binary: bool,
    /// The acknowledgement that the client waits for.
    pub(crate) ack: Option<i64>,
}

/// How a client went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Departure {
    /// It said so.
    OnPurpose,
    /// Its transport ended; it may come back.
    Lost,
}

/// What happens to a client, in order.
#[derive(Debug)]
pub(crate) enum Occurrence {
    /// It joined, with this JSON as handshake payload.
    Joined(Option<Bytes>),
    /// It sent an event.
    Event(Incoming),
    /// It is gone. The last occurrence.
    Departed(Departure),
}

pub(crate) type Handling = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What is done about what happens to clients.
pub(crate) trait Conversation: Send + Sync + 'static {
    /// Deals with one occurrence. The next one of this client waits for it.
    fn handle(self: Arc<Self>, peer: Arc<Peer>, occurrence: Occurrence) -> Handling;
}

/// One client that has joined the namespace.
pub(crate) struct Peer {
    id: SocketId,
    /// What the conversation remembers of this client.
    pub(super) memory: Mutex<Memory>,
    /// How it has behaved.
    pub(super) conduct: Mutex<Conduct>,
    output: Arc<Output>,
    conversation: Arc<dyn Conversation>,
    inbox: Mutex<Inbox>,
}

#[derive(Default)]
struct Inbox {
    waiting: VecDeque<Occurrence>,
    /// Whether the client may be answered already.
    joined: bool,
    /// Whether a task is handling what waits.
    handling: bool,
    departed: bool,
}

impl Peer {
    pub(super) fn new(
        id: SocketId,
        output: Arc<Output>,
        conversation: Arc<dyn Conversation>,
    ) -> Arc<Self> {
        let (memory, inbox) = (Mutex::default(), Mutex::default());
        Arc::new(Self {
            id,
            memory,
            conduct: Mutex::default(),
            output,
            conversation,
            inbox,
        })
    }

    /// The id of the socket, as the client knows it.
    pub(crate) fn id(&self) -> &SocketId {
        &self.id
    }

    /// Everything that is sent to this client.
    pub(crate) fn output(&self) -> &Arc<Output> {
        &self.output
    }

    pub(super) fn joined(self: &Arc<Self>, handshake: Option<Bytes>) {
        let mut inbox = self.inbox.lock();
        inbox.joined = true;
        inbox.waiting.push_front(Occurrence::Joined(handshake));
        self.start_handling(&mut inbox);
    }

    pub(super) fn received(self: &Arc<Self>, incoming: Incoming) {
        let mut inbox = self.inbox.lock();
        if inbox.departed || self.output.is_closing() {
            return;
        }
        if inbox.waiting.len() >= limits::MAX_WAITING_EVENTS {
            inbox.waiting.clear();
            drop(inbox);
            return self.output.close(Cause::TooManyPending);
        }
        inbox.waiting.push_back(Occurrence::Event(incoming));
        self.start_handling(&mut inbox);
    }

    pub(super) fn departed(self: &Arc<Self>, departure: Departure) {
        let mut inbox = self.inbox.lock();
        if std::mem::replace(&mut inbox.departed, true) {
            return;
        }
        inbox.waiting.clear();
        inbox.waiting.push_back(Occurrence::Departed(departure));
        self.start_handling(&mut inbox);
    }

    fn start_handling(self: &Arc<Self>, inbox: &mut Inbox) {
        if inbox.joined && !inbox.handling {
            inbox.handling = true;
            tokio::spawn(Arc::clone(self).handle());
        }
    }

    /// Runs only while something waits: an idle client costs no task.
    async fn handle(self: Arc<Self>) {
        while let Some(occurrence) = self.next() {
            // Who is being put out must not come back in with what was already on its way.
            if matches!(occurrence, Occurrence::Event(_)) && self.output.is_closing() {
                continue;
            }
            let handling = Arc::clone(&self.conversation).handle(Arc::clone(&self), occurrence);
            // A fault in handling one event must not keep the departure from being handled.
            if AssertUnwindSafe(handling).catch_unwind().await.is_err() {
                tracing::error!(socket = self.id().as_str(), "handling an event panicked");
            }
            // Who sends without a pause must not keep a thread from its other work.
            tokio::task::yield_now().await;
        }
    }

    fn next(&self) -> Option<Occurrence> {
        let mut inbox = self.inbox.lock();
        let next = inbox.waiting.pop_front();
        if next.is_none() {
            inbox.handling = false;
            inbox.waiting = VecDeque::new();
        }
        next
    }
}
