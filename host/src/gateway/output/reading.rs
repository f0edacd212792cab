//! When more is read of what a client sends; must not know how it is read.

use std::task::{Context, Poll, Waker};

use bytes::Bytes;

use super::Output;
use crate::gateway::engine;
use crate::gateway::frame::{self, Frame};

impl Output {
    /// Waits until there is room for more of what the client sends. What comes after the connection
    /// was closed is read and thrown away.
    pub(in crate::gateway) fn poll_reading(&self, context: &Context<'_>) -> Poll<()> {
        if self.may_read() {
            return Poll::Ready(());
        }
        let mut readers = self.readers.lock();
        if !readers.iter().any(|it| it.will_wake(context.waker())) {
            readers.push(context.waker().clone());
        }
        drop(readers);
        // There may be room by now, with nobody woken for it.
        if self.may_read() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    /// A frame of socketioxide's, with what holds for the client if it is the one that opens its session.
    pub(super) fn with_true_bounds(&self, frame: &Frame<'_>) -> Bytes {
        match frame.text.filter(|text| text.starts_with("0{")) {
            Some(open) => {
                let timeout = self.transport.settings.ping_timeout;
                frame::text(&engine::with_true_bounds(open, timeout))
            }
            None => Bytes::copy_from_slice(frame.whole),
        }
    }

    pub(in crate::gateway) fn may_read(&self) -> bool {
        self.peer().is_none_or(|peer| peer.has_room()) || self.is_closing()
    }

    /// Goes on reading.
    pub(in crate::gateway) fn resume_reading(&self) {
        let readers = std::mem::take(&mut *self.readers.lock());
        readers.into_iter().for_each(Waker::wake);
    }
}
