//! How an output ends: politely, in time, or at once; must not know why it should.

use std::collections::VecDeque;
use std::net::Shutdown;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use socket2::SockRef;

use super::{Output, Route, State};
use crate::gateway::closing::{Cause, Farewell};
use crate::gateway::{engine, frame};
use crate::limits;

impl Output {
    /// Called when bytes of messages have come from the client.
    pub(in crate::gateway) fn received(&self, bytes: usize) {
        self.heard();
        self.transport.metrics.received(bytes);
    }

    /// Closes the connection for real. Nothing is accepted after this; what waits, and a farewell,
    /// may still leave within [`limits::CLOSE_TIMEOUT`]. The first cause counts.
    pub(crate) fn close(self: &Arc<Self>, cause: Cause) {
        let mut state = self.state.lock();
        if state.closing.is_some() || self.has_ended() {
            return;
        }
        // An answer that is being made comes too late; what was to come after it does not.
        self.go_on(&mut state);
        if self.has_ended() {
            return;
        }
        let farewell = cause.farewell();
        let is_polling = state.route == Route::Polling;
        state.closing = Some(cause.clone());
        self.moved_on.notify_waiters();
        self.resume_reading();
        // Who has not joined hears nothing: it would be held until then.
        let hears = state.route != Route::Joining;
        if let Some(packet) = cause.explanation().filter(|_| hears) {
            self.route(&mut state, &[frame::text(&packet)]);
        }
        let parting = state.parting.take();
        let last = match farewell {
            // Nothing may follow a close of the transport, and only one of them is due. What is not yet
            // a WebSocket is closed without.
            Farewell::ComeBack if state.route != Route::Direct => None,
            Farewell::ComeBack => parting.or_else(|| farewell.frame()),
            _ => {
                if !is_polling && let Some(frame) = farewell.frame() {
                    self.route(&mut state, &[frame]);
                }
                parting
            }
        };
        if let Some(last) = last {
            self.route(&mut state, &[last]);
        }
        self.end_if_drained(&mut state);
        let waits = (hears && farewell != Farewell::None) || !state.queue.is_empty();
        if !waits || cause == Cause::SlowConsumer {
            return self.end(&mut state, cause);
        }
        drop(state);
        // A polling client that may come back finds its session gone instead of a last packet.
        if is_polling
            && farewell == Farewell::StayAway
            && let Some(socket) = self.socket.get().and_then(Weak::upgrade)
        {
            // socketioxide sends the packet; the poll that fetches it has until the deadline.
            socket.disconnect().ok();
        }
        if !self.has_ended() {
            tokio::spawn(Self::end_late(Arc::clone(self), cause));
        }
    }

    async fn end_late(self: Arc<Self>, cause: Cause) {
        tokio::time::sleep(limits::CLOSE_TIMEOUT).await;
        self.end(&mut self.state.lock(), cause);
    }

    pub(super) fn end_if_drained(self: &Arc<Self>, state: &mut State) {
        if let Some(cause) = state.closing.clone()
            && state.route == Route::Direct
            && state.queue.is_empty()
        {
            self.end(state, cause);
        }
    }

    /// socketioxide let go of the WebSocket: its session is over, or its upgrade failed.
    pub(in crate::gateway) fn engine_left(self: &Arc<Self>) {
        let mut state = self.state.lock();
        if state.joined && state.route == Route::Direct && state.closing.is_none() {
            // Whoever has joined departs next, and with that comes the reason to close for.
            return;
        }
        let cause = state.closing.get_or_insert(Cause::TransportLost).clone();
        if state.queue.is_empty() || state.route != Route::Direct {
            self.end(&mut state, cause);
        } else {
            tokio::spawn(Self::end_late(Arc::clone(self), cause));
        }
    }

    /// Ends the connection at once, whatever still waits.
    pub(super) fn end(self: &Arc<Self>, state: &mut State, cause: Cause) {
        if self.ended.swap(true, Ordering::AcqRel) {
            return;
        }
        let unsent = state.waiting_bytes.bytes();
        let cause = state.closing.get_or_insert(cause).clone();
        state.queue = VecDeque::new();
        state.held = VecDeque::new();
        state.behind = None;
        (state.answer, state.answer_left, state.copied) = (0, 0, 0);
        state.polled = None;
        state.waiting_bytes.clear();
        self.moved_on.notify_waiters();
        self.resume_reading();
        self.authenticated();
        if let Some(carrier) = self.carrier.get().and_then(Weak::upgrade) {
            carrier.lock().take();
        }
        self.transport.metrics.connection_closed(cause.name());
        tracing::debug!(cause = cause.name(), unsent, sid = ?self.sid.get(), "connection closed");
        if let Some(stream) = self.stream() {
            let socket = SockRef::from(stream);
            if unsent > 0 {
                // The kernel must not keep for minutes what a stopped reader will never take.
                socket.set_linger(Some(Duration::ZERO)).ok();
                socket.shutdown(Shutdown::Both).ok();
            } else {
                // What the client still sends must not cost it what it has not read yet.
                socket.shutdown(Shutdown::Write).ok();
            }
            // The reading half reports the end of the stream, and socketioxide ends its session.
            self.reader.wake();
        }
        if self.began_polling
            && state.route != Route::Direct
            && let Some(sid) = self.sid.get()
        {
            let transport = Arc::clone(&self.transport);
            tokio::spawn(engine::end_polling_session(transport, *sid, self.protocol));
        }
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if !self.has_ended() {
            // The session never got as far as to be ended here: nobody joined over it.
            self.transport
                .metrics
                .connection_closed(Cause::TransportLost.name());
        }
        if let Some(sid) = self.sid.get() {
            self.transport
                .sessions
                .remove_if(sid, |_, output| output.strong_count() == 0);
        }
    }
}
