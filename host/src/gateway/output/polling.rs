//! What waits for a polling client, in bytes and time; must not know what the frames mean to users.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Notify, oneshot};

use super::{Output, Route, State};
use crate::budget::Share;
use crate::gateway::closing::{Cause, Farewell};
use crate::gateway::connection::Connection;
use crate::gateway::engine::{self, Protocol};
use crate::gateway::frame;
use crate::gateway::screen::Refused;
use crate::gateway::upgrading::Upgrade;
use crate::{limits, uptime};

/// What separates the packets of an answer to a poll since revision 4 of Engine.IO.
const SEPARATOR: u8 = 0x1e;

/// What socketioxide's queue holds for a polling client. The queue itself cannot be asked: what is
/// put into it is noted here, and struck off again as it shows in the answers to polls.
pub(super) struct Polled {
    /// Each event and acknowledgement that waits, in order.
    waiting: VecDeque<Waiting>,
    /// Polls that have come and are not answered.
    open: usize,
    /// When something began to wait, or the last poll ended if that was later.
    since: Duration,
    /// Whether a task watches how long something waits.
    watched: bool,
    /// Has the polls that are open answered at once.
    release: Arc<Notify>,
    /// Held while an upgrade is under way, which hears when this is dropped.
    upgrade: Option<oneshot::Sender<Infallible>>,
    /// Attachments of a refused packet that follow.
    attachments: usize,
}

/// An event or acknowledgement in socketioxide's queue.
struct Waiting {
    bytes: usize,
    /// How many of them are of an answer to `get-state`.
    answer: usize,
    /// What it takes of a budget that many share.
    share: Option<Share>,
}

impl Polled {
    pub(super) fn new() -> Self {
        Self {
            waiting: VecDeque::new(),
            open: 0,
            since: uptime::now(),
            watched: false,
            release: Arc::default(),
            upgrade: None,
            attachments: 0,
        }
    }
}

impl Output {
    /// Puts `frames` into socketioxide's queue for the next poll, within the same bound in bytes as
    /// everything else that waits for a client.
    pub(super) fn send_polling(self: &Arc<Self>, state: &mut State, frames: &Bytes) {
        let Some(socket) = self.socket.get().and_then(Weak::upgrade) else {
            return;
        };
        for text in frame::walk(frames).filter_map(|frame| frame.text) {
            if self.has_ended() || !self.has_room(state) {
                return;
            }
            if engine::emit_text(&socket, text).is_err() {
                return self.end(state, Cause::SlowConsumer);
            }
            self.note_waiting(state, text.len());
        }
    }

    fn note_waiting(self: &Arc<Self>, state: &mut State, bytes: usize) {
        let Some(polled) = &mut state.polled else {
            return;
        };
        if polled.waiting.is_empty() {
            polled.since = uptime::now();
        }
        polled.waiting.push_back(Waiting {
            bytes,
            answer: 0,
            share: None,
        });
        state.waiting_bytes += bytes;
        if !std::mem::replace(&mut polled.watched, true) {
            let patience = self.transport.settings.write_timeout * limits::POLL_WRITE_TIMEOUTS;
            tokio::spawn(Self::watch_polls(Arc::downgrade(self), patience));
        }
    }

    /// Ends the connection once something has waited for so long with no poll to fetch it. Runs
    /// only while something waits, and keeps no ended connection in memory.
    async fn watch_polls(output: Weak<Self>, patience: Duration) {
        let mut wait = patience;
        loop {
            // After a pause of the process the polls that wait in sockets come first.
            uptime::sleep(wait).await;
            let output = output.upgrade();
            match output.and_then(|output| output.look_after_polls(patience)) {
                Some(next) => wait = next,
                None => return,
            }
        }
    }

    /// How long to wait before looking again, if at all.
    fn look_after_polls(self: &Arc<Self>, patience: Duration) -> Option<Duration> {
        let mut state = self.state.lock();
        if self.has_ended() || state.closing.is_some() || state.route != Route::Polling {
            return None;
        }
        let polled = state.polled.as_deref_mut()?;
        if polled.waiting.is_empty() {
            polled.watched = false;
            return None;
        }
        let now = uptime::now();
        // socketioxide answers a poll as soon as there is something: it is as good as fetched.
        let since = if polled.open > 0 { now } else { polled.since };
        if now < since + patience {
            return Some(since + patience - now);
        }
        self.end(&mut state, Cause::SlowConsumer);
        None
    }

    /// Begins to move the session to a WebSocket, if it polls and no other attempt is under way.
    pub(in crate::gateway) fn begin_upgrade(self: &Arc<Self>) -> Option<Upgrade> {
        let mut state = self.state.lock();
        let polled = state.polled.as_deref_mut()?;
        if polled.upgrade.is_some() || self.stream().is_some() {
            return None;
        }
        let (held, ended) = oneshot::channel();
        polled.upgrade = Some(held);
        let output = Arc::clone(self);
        Some(Upgrade { output, ended })
    }

    /// Gives a polling session the WebSocket it upgrades to.
    ///
    /// # Errors
    /// Returns the wire if the session has one already or has ended.
    pub(in crate::gateway) fn upgrade(&self, wire: Connection) -> Result<(), Connection> {
        if self.has_ended() {
            Err(wire)
        } else {
            self.wire.set(wire)
        }
    }

    /// Called when an attempt to upgrade has succeeded or failed.
    pub(in crate::gateway) fn upgrade_is_over(&self) {
        if let Some(polled) = &mut self.state.lock().polled {
            polled.upgrade = None;
        }
    }

    /// Has the polls that are open answered at once, with nothing.
    pub(in crate::gateway) fn release_polls(&self) {
        if let Some(polled) = &self.state.lock().polled {
            polled.release.notify_waiters();
        }
    }

    /// Has a packet answered that socketioxide is not to read; whether anybody is there to do so.
    pub(in crate::gateway) fn refuse(&self, refused: Refused) -> bool {
        let peer = self.peer();
        if let Some(peer) = &peer {
            peer.received(refused.event());
        }
        peer.is_some()
    }

    /// Has a packet answered that came by a polling request and that socketioxide is not to read.
    pub(in crate::gateway) fn refuse_polled(&self, refused: Refused) -> bool {
        let attachments = refused.attachments;
        let is_refused = self.refuse(refused);
        if is_refused && let Some(polled) = &mut self.state.lock().polled {
            polled.attachments = attachments;
        }
        is_refused
    }

    /// Whether an attachment is one of a refused packet.
    pub(in crate::gateway) fn drops_attachment(&self) -> bool {
        let mut state = self.state.lock();
        let left = state.polled.as_mut().map(|polled| &mut polled.attachments);
        let Some(left) = left.filter(|left| **left > 0) else {
            return false;
        };
        *left -= 1;
        true
    }

    /// Called when a poll has come, before socketioxide gets it.
    pub(in crate::gateway) fn poll(self: &Arc<Self>) -> Poll {
        let mut state = self.state.lock();
        let mut is_drained = true;
        let mut release = None;
        if let Some(polled) = &mut state.polled {
            polled.open += 1;
            is_drained = polled.waiting.is_empty();
            release = Some(Arc::clone(&polled.release));
        }
        // Whoever polls again has got the answer before: here, why it is being closed.
        if let Some(cause) = state.closing.clone()
            && state.route == Route::Polling
            && cause.farewell() == Farewell::ComeBack
            && is_drained
        {
            self.end(&mut state, cause);
        }
        drop(state);
        let output = Arc::clone(self);
        Poll { output, release }
    }
}

impl State {
    /// Strikes off this many events and acknowledgements: they have left socketioxide's queue. What they
    /// take of budgets is for the caller to give back.
    pub(super) fn note_fetched(&mut self, count: usize) -> Vec<Share> {
        let Some(polled) = &mut self.polled else {
            return Vec::new();
        };
        let count = count.min(polled.waiting.len());
        let mut shares = Vec::new();
        for fetched in polled.waiting.drain(..count) {
            self.waiting_bytes -= fetched.bytes;
            self.copied -= fetched.answer;
            shares.extend(fetched.share);
        }
        self.set_answers_apart();
        shares
    }

    /// Takes note that what was put last into socketioxide's queue, or is held for the WebSocket, is an
    /// answer of so many bytes, and keeps what it takes of a budget for as long as it is in the queue.
    pub(super) fn keep_copy(&mut self, bytes: usize, share: Option<Share>) {
        if self.route == Route::Polling {
            let polled = self.polled.as_deref_mut();
            let Some(last) = polled.and_then(|polled| polled.waiting.back_mut()) else {
                return;
            };
            // The frame around it is not in the queue.
            let bytes = bytes.min(last.bytes);
            (last.answer, last.share) = (bytes, share);
            self.copied += bytes;
        } else {
            self.copied += bytes;
        }
        self.set_answers_apart();
    }

    /// Forgets what socketioxide's queue held, once no poll can fetch anything.
    pub(super) fn end_polling(&mut self) {
        if let Some(polled) = self.polled.take() {
            self.waiting_bytes -= polled.waiting.iter().map(|it| it.bytes).sum::<usize>();
            self.copied -= polled.waiting.iter().map(|it| it.answer).sum::<usize>();
            self.set_answers_apart();
        }
    }
}

/// A poll under way. Dropping it without an answer means that the client hung up.
pub(in crate::gateway) struct Poll {
    output: Arc<Output>,
    release: Option<Arc<Notify>>,
}

impl Poll {
    /// Takes note of what the answer carries. What that takes of budgets is kept by the body until it
    /// has left.
    pub(in crate::gateway) fn answered(self, body: &[u8]) -> Vec<Share> {
        let count = count_events(self.output.protocol, body);
        let shares = self.output.state.lock().note_fetched(count);
        self.output.moved_on.notify_waiters();
        shares
    }

    /// Waits until the poll is to be answered with nothing.
    pub(in crate::gateway) async fn released(&self) {
        match &self.release {
            Some(release) => release.notified().await,
            None => std::future::pending().await,
        }
    }
}

impl Drop for Poll {
    fn drop(&mut self) {
        if let Some(polled) = &mut self.output.state.lock().polled {
            polled.open -= 1;
            polled.since = uptime::now();
        }
    }
}

/// Whether a packet is an event or an acknowledgement, and not one of socketioxide's own.
pub(super) fn is_event(packet: &[u8]) -> bool {
    packet.starts_with(b"42") || packet.starts_with(b"43")
}

/// Events and acknowledgements in the answer to a poll.
fn count_events(protocol: Protocol, body: &[u8]) -> usize {
    match protocol {
        // JSON never has the separator in it unescaped.
        Protocol::V4 => body
            .split(|byte| *byte == SEPARATOR)
            .filter(|packet| is_event(packet))
            .count(),
        Protocol::V3 => {
            let mut rest = std::str::from_utf8(body).unwrap_or_default();
            let packets = std::iter::from_fn(|| {
                let (length, after) = rest.split_once(':')?;
                let end = utf16_end(after, length.parse().ok()?);
                let (packet, next) = after.split_at(end);
                rest = next;
                Some(packet)
            });
            packets.filter(|packet| is_event(packet.as_bytes())).count()
        }
    }
}

/// Where the first `units` UTF-16 code units of `text` end, in bytes.
fn utf16_end(text: &str, units: usize) -> usize {
    let mut seen = 0;
    let within = text.chars().take_while(|char| {
        seen += char.len_utf16();
        seen <= units
    });
    within.map(char::len_utf8).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_events_and_acknowledgements_are_counted() {
        let body = b"2\x1e42[\"a:b\",1]\x1e40{\"sid\":\"x\"}\x1e431[{}]\x1e6\x1e41";
        assert_eq!(count_events(Protocol::V4, body), 2);
        let first = "42[\"a\",\"1:42[é😀\"]";
        let length = first.encode_utf16().count();
        let body = format!("{length}:{first}1:37:431[{{}}]2:40");
        assert_eq!(count_events(Protocol::V3, body.as_bytes()), 2);
        assert_eq!(count_events(Protocol::V3, b"ok"), 0);
        assert_eq!(count_events(Protocol::V4, b""), 0);
    }
}
