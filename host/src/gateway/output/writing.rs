//! How frames get into the TCP connection: at once as far as it takes them, and the rest as it drains;
//! must not know what they say.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::ops::ControlFlow;
use std::sync::Arc;

use bytes::Bytes;

use super::{Output, State};
use crate::gateway::closing::Cause;
use crate::uptime;

/// Frames that one system call takes at most.
const FRAMES_PER_WRITE: usize = 32;

impl Output {
    /// Writes what fits at once and keeps the rest for the flushing task.
    pub(super) fn write(self: &Arc<Self>, state: &mut State, chunks: &[Bytes]) {
        self.write_while(state, chunks, |output, state| output.has_room(state));
    }

    /// The same, of what must leave as a whole if any of it may.
    pub(super) fn write_whole(self: &Arc<Self>, state: &mut State, chunks: &[Bytes]) {
        if self.has_room(state) {
            self.write_while(state, chunks, |_, _| true);
        }
    }

    fn write_while(
        self: &Arc<Self>,
        state: &mut State,
        chunks: &[Bytes],
        has_room: impl Fn(&Arc<Self>, &mut State) -> bool,
    ) {
        let mut written = 0;
        if state.queue.is_empty() {
            match self.try_write(chunks) {
                Ok(bytes) => written = bytes,
                Err(_) => return self.end(state, Cause::TransportLost),
            }
        }
        for chunk in chunks {
            let skipped = written.min(chunk.len());
            written -= skipped;
            if skipped < chunk.len() {
                // Asked before, not after: one large answer to a client that waits for nothing
                // else must go through, or the client would come back and ask for it again.
                if !has_room(self, state) {
                    return;
                }
                state.waiting_bytes += chunk.len() - skipped;
                state.queue.push_back(chunk.slice(skipped..));
            }
        }
        if !state.queue.is_empty() && !state.flushing {
            state.flushing = true;
            tokio::spawn(Self::flush(Arc::clone(self)));
        }
    }

    /// Bytes that one system call took; none if the connection is full.
    fn try_write<'a>(&self, chunks: impl IntoIterator<Item = &'a Bytes>) -> io::Result<usize> {
        let stream = self.stream().ok_or(io::ErrorKind::NotConnected)?;
        let mut slices = [IoSlice::new(&[]); FRAMES_PER_WRITE];
        let mut count = 0;
        for (slice, chunk) in slices.iter_mut().zip(chunks) {
            *slice = IoSlice::new(chunk);
            count += 1;
        }
        let result = match &slices[..count] {
            [] => Ok(0),
            [only] => stream.try_write(only),
            several => stream.try_write_vectored(several),
        };
        match result {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
            result => result,
        }
    }

    /// Whether something waits for a WebSocket to take it.
    pub(in crate::gateway) fn is_writing(&self) -> bool {
        self.state.lock().flushing
    }

    /// Empties the queue as the client takes it; runs only while something waits.
    async fn flush(self: Arc<Self>) {
        let Some(stream) = self.stream() else { return };
        let deadline = self.transport.settings.write_timeout;
        loop {
            let writable = tokio::time::timeout(deadline, stream.writable()).await;
            if self.flush_once(writable.is_err()).is_break() {
                return;
            }
        }
    }

    fn flush_once(self: &Arc<Self>, stalled: bool) -> ControlFlow<()> {
        let mut state = self.state.lock();
        let too_slow = state.answer_left > 0 && uptime::now() > state.answer_by;
        if stalled || too_slow {
            self.end(&mut state, Cause::SlowConsumer);
        }
        while !state.queue.is_empty() && !self.has_ended() {
            match self.try_write(&state.queue) {
                Ok(0) => return ControlFlow::Continue(()),
                Ok(written) => {
                    let had_answer = state.answer_left > 0;
                    state.drop_front(written);
                    if had_answer && state.answer_left == 0 {
                        self.moved_on.notify_waiters();
                    }
                }
                Err(_) => self.end(&mut state, Cause::TransportLost),
            }
        }
        state.flushing = false;
        // A connection seldom falls behind twice: it gives the room for the queue back.
        state.queue = VecDeque::new();
        self.end_if_drained(&mut state);
        ControlFlow::Break(())
    }
}
