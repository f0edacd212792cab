//! An answer that is made while delivery goes on: what comes after it waits for it, in order; must not
//! know what it says.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::{Output, Route, State};
use crate::budget::Share;
use crate::{limits, uptime};

/// A place among what leaves for a client that is kept for an answer. Dropping it gives the place up.
pub(in crate::gateway) struct Held(Arc<Output>);

impl Output {
    /// Keeps the place behind all that was sent for an answer. What is sent from now on waits until
    /// [`Output::held`] has given it, within the bound on everything that waits for a client.
    pub(in crate::gateway) fn hold(&self) {
        let mut state = self.state.lock();
        if state.closing.is_none() && !self.has_ended() {
            state.behind.get_or_insert_default();
        }
    }

    /// Waits until no answer is on its way to the client.
    pub(in crate::gateway) async fn answer_has_left(&self) {
        self.until(|state| state.answer_left == 0 && state.copied == 0)
            .await;
    }

    /// Waits until the connection is being closed.
    pub(in crate::gateway) async fn is_over(&self) {
        self.until(|state| state.closing.is_some()).await;
    }

    async fn until(&self, there: impl Fn(&State) -> bool) {
        loop {
            let moved_on = self.moved_on.notified();
            if self.has_ended() || there(&self.state.lock()) {
                return;
            }
            moved_on.await;
        }
    }

    /// The place that is kept.
    pub(in crate::gateway) fn held(self: &Arc<Self>) -> Held {
        Held(Arc::clone(self))
    }

    /// Keeps what comes behind an answer that is not there yet; whether it did.
    pub(super) fn keep_behind(self: &Arc<Self>, state: &mut State, frames: &[Bytes]) -> bool {
        if state.behind.is_none() {
            return false;
        }
        for chunk in frames {
            if !self.has_room(state) {
                break;
            }
            state.waiting_bytes += chunk.len();
            if let Some(behind) = &mut state.behind {
                behind.push_back(chunk.clone());
            }
        }
        true
    }

    /// Sends what was kept behind an answer.
    pub(super) fn go_on(self: &Arc<Self>, state: &mut State) {
        let behind = Vec::from(state.behind.take().unwrap_or_default());
        state.waiting_bytes -= bytes_of(&behind);
        if !behind.is_empty() && !self.has_ended() {
            self.route(state, &behind);
        }
    }
}

impl Held {
    /// Whether the answer is copied for this client, because it polls.
    pub(in crate::gateway) fn is_copied(&self) -> bool {
        self.0.state.lock().route != Route::Direct
    }

    /// Gives the answer, whose parts together are one frame, and what was sent after its place. A copy
    /// takes its share until it has left.
    pub(in crate::gateway) fn fill(self, parts: &[Bytes], share: Option<Share>) {
        let output = &self.0;
        let mut state = output.state.lock();
        if state.behind.is_none() || state.closing.is_some() || output.has_ended() {
            return;
        }
        let bytes = bytes_of(parts);
        if state.route == Route::Direct {
            // What waits behind it says nothing of how fast the client is: that shows by the answer.
            let before = state.behind.as_ref().map_or(0, bytes_of);
            state.waiting_bytes -= before;
            output.write_whole(&mut state, parts);
            if !output.has_ended() {
                state.begin_answer(bytes);
                state.waiting_bytes += before;
            }
        } else {
            // It is copied anyway.
            output.route(&mut state, &[Bytes::from(parts.concat())]);
            if !output.has_ended() {
                state.keep_copy(bytes, share);
            }
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        self.0.go_on(&mut state);
    }
}

impl State {
    /// Bytes that nobody is slow for: they asked for them, and take of them.
    pub(super) fn exempt(&self) -> usize {
        self.answer.min(self.answer_left) + self.copied
    }

    /// Leaves answers to the bound that they have for themselves.
    pub(super) fn set_answers_apart(&mut self) {
        let exempt = self.exempt();
        self.waiting_bytes.set_apart(exempt);
    }

    /// Called when an answer of so many bytes, if any, was put behind all that waits.
    pub(super) fn begin_answer(&mut self, bytes: usize) {
        if bytes > 0 {
            (self.answer, self.answer_left) = (bytes, self.waiting_bytes.bytes());
            self.answer_by = uptime::now() + patience(self.answer_left);
            self.set_answers_apart();
        }
    }
}

/// How long an answer of so many bytes may take to leave: others wait for the room that it takes.
pub(in crate::gateway) fn patience(bytes: usize) -> Duration {
    let seconds = bytes as u64 / limits::STATE_BYTES_PER_SECOND;
    limits::STATE_LEAVE_TIMEOUT + Duration::from_secs(seconds)
}

fn bytes_of<'a>(frames: impl IntoIterator<Item = &'a Bytes>) -> usize {
    frames.into_iter().map(Bytes::len).sum()
}

/// What waits behind an answer that is not there yet.
pub(super) type Behind = Option<VecDeque<Bytes>>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_larger_answer_may_take_longer() {
        assert_eq!(patience(0), limits::STATE_LEAVE_TIMEOUT);
        let ten_seconds = 10 * limits::STATE_BYTES_PER_SECOND as usize;
        assert_eq!(patience(ten_seconds) - patience(0), Duration::from_secs(10));
    }
}
