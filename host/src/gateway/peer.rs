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
use super::conversation::Memory;
use super::output::Output;
use super::pile::{Pile, Piles};
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

struct Inbox {
    waiting: VecDeque<Occurrence>,
    /// Bytes of the events that wait.
    bytes: Pile,
    /// Whether the client may be answered already.
    joined: bool,
    /// Whether a task is handling what waits.
    handling: bool,
    departed: bool,
}

impl Inbox {
    fn among(all: &Piles) -> Self {
        Self {
            waiting: VecDeque::new(),
            bytes: Pile::among(all),
            joined: false,
            handling: false,
            departed: false,
        }
    }

    fn has_room(&self) -> bool {
        // Beyond the bound on all, each may have what it is read while nothing of it waits.
        self.waiting.is_empty()
            || self.waiting.len() < limits::MAX_WAITING_EVENTS
                && self.bytes.bytes() < limits::MAX_WAITING_EVENT_BYTES
                && self.bytes.all() < limits::MAX_INPUT_TOTAL_BYTES
    }
}

impl Peer {
    pub(super) fn new(
        id: SocketId,
        output: Arc<Output>,
        conversation: Arc<dyn Conversation>,
    ) -> Arc<Self> {
        let inbox = Mutex::new(Inbox::among(output.input()));
        Arc::new(Self {
            id,
            memory: Mutex::default(),
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
        inbox.bytes += incoming.text.len();
        inbox.waiting.push_back(Occurrence::Event(incoming));
        self.start_handling(&mut inbox);
    }

    /// Events that wait.
    #[cfg(test)]
    pub(super) fn waiting_events(&self) -> usize {
        self.inbox.lock().waiting.len()
    }

    /// Whether more may be read of what the client sends. What is read at once may exceed the bound.
    pub(super) fn has_room(&self) -> bool {
        let inbox = self.inbox.lock();
        inbox.departed || inbox.has_room()
    }

    pub(super) fn departed(self: &Arc<Self>, departure: Departure) {
        let mut inbox = self.inbox.lock();
        if std::mem::replace(&mut inbox.departed, true) {
            return;
        }
        inbox.waiting.clear();
        inbox.bytes.clear();
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
        let mut next = self.next();
        while let Some(occurrence) = next {
            // Who is being put out must not come back in with what was already on its way.
            if !matches!(occurrence, Occurrence::Event(_)) || !self.output.is_closing() {
                let handling = Arc::clone(&self.conversation).handle(Arc::clone(&self), occurrence);
                // A fault in handling one event must not keep the departure from being handled.
                if AssertUnwindSafe(handling).catch_unwind().await.is_err() {
                    tracing::error!(socket = self.id().as_str(), "handling an event panicked");
                }
            }
            next = self.next();
            if next.is_some() {
                // Who sends without a pause must not keep a thread from its other work.
                tokio::task::yield_now().await;
            }
        }
    }

    fn next(&self) -> Option<Occurrence> {
        let mut inbox = self.inbox.lock();
        let had_room = inbox.has_room();
        let next = inbox.waiting.pop_front();
        match &next {
            Some(Occurrence::Event(incoming)) => inbox.bytes -= incoming.text.len(),
            Some(_) => {}
            None => {
                inbox.handling = false;
                inbox.waiting = VecDeque::new();
            }
        }
        // The room for all comes and goes with others: it is looked at again when nothing waits here.
        let resumes = inbox.has_room() && (!had_room || inbox.waiting.is_empty());
        drop(inbox);
        if resumes {
            self.output.resume_reading();
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_the_bound_on_all_nothing_is_read_while_something_waits() {
        let all = Piles::default();
        let mut others = Pile::among(&all);
        others += limits::MAX_INPUT_TOTAL_BYTES;
        let mut inbox = Inbox::among(&all);
        assert!(inbox.has_room());
        inbox.waiting.push_back(Occurrence::Joined(None));
        assert!(!inbox.has_room());
        drop(others);
        assert!(inbox.has_room());
    }
}
