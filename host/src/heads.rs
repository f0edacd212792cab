//! How long a client takes to send the head of a request; must not know what is in it.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use http::Response;
use http_body::{Body, Frame, SizeHint};
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::uptime;

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// A head has been coming since then, in time that the process ran.
    Reading(Duration),
    /// A request is being answered.
    Answering,
    /// hyper has the whole answer, and not all of it has left. Meanwhile the next head may be coming:
    /// nobody has waited for it yet.
    Leaving { next: bool },
    /// Nothing, since then.
    Idle(Duration),
}

/// Watches the heads of the requests of one connection. hyper has one time for a head and for the
/// pause before it; a pause may be long, and a head may not.
pub(crate) struct Heads {
    patience: Duration,
    phase: Mutex<Phase>,
    /// Whether a request was answered.
    served: AtomicBool,
    /// Whether the connection is to make room for another.
    displaced: AtomicBool,
    changed: Notify,
}

impl Heads {
    /// A connection that has just begun, and owes a head.
    pub(crate) fn new(patience: Duration) -> Self {
        Self {
            patience,
            phase: Mutex::new(Phase::Reading(uptime::now())),
            served: AtomicBool::new(false),
            displaced: AtomicBool::new(false),
            changed: Notify::new(),
        }
    }

    /// Called when something has come over the connection.
    pub(crate) fn input(&self) {
        let mut phase = self.phase.lock();
        match *phase {
            Phase::Idle(_) => {
                *phase = Phase::Reading(uptime::now());
                self.changed.notify_one();
            }
            Phase::Leaving { .. } => *phase = Phase::Leaving { next: true },
            Phase::Reading(_) | Phase::Answering => {}
        }
    }

    /// Called when a head is complete.
    pub(crate) fn complete(&self) {
        *self.phase.lock() = Phase::Answering;
    }

    /// Watches the answer to the request whose head is complete. Call [`Self::left`] when what hyper had
    /// has left.
    pub(crate) fn answer<B>(self: &Arc<Self>, response: Response<B>) -> Response<Answer<B>> {
        response.map(|body| Answer {
            body,
            heads: Arc::clone(self),
        })
    }

    /// Called when hyper has the whole of an answer.
    fn answered(&self) {
        self.served.store(true, Ordering::Relaxed);
        *self.phase.lock() = Phase::Leaving { next: false };
    }

    /// Called when all that hyper had to write has left.
    pub(crate) fn left(&self) {
        let mut phase = self.phase.lock();
        if let Phase::Leaving { next } = *phase {
            let now = uptime::now();
            *phase = if next {
                Phase::Reading(now)
            } else {
                Phase::Idle(now)
            };
            self.changed.notify_one();
        }
    }

    /// How dear the connection is to its owner, if nothing is being answered on it: whether something
    /// was, and how long ago it last began to wait; what is less may go for others.
    pub(crate) fn worth(&self) -> Option<(bool, Duration)> {
        match *self.phase.lock() {
            Phase::Reading(since) | Phase::Idle(since) => {
                Some((self.served.load(Ordering::Relaxed), since))
            }
            Phase::Answering | Phase::Leaving { .. } => None,
        }
    }

    /// Has the connection make room for another.
    pub(crate) fn displace(&self) {
        self.displaced.store(true, Ordering::Release);
        self.changed.notify_one();
    }

    /// Whether a head is not there as a whole.
    pub(crate) fn is_reading(&self) -> bool {
        matches!(*self.phase.lock(), Phase::Reading(_))
    }

    /// Waits until a head has taken too long, or the connection is to make room. Look at the connection
    /// first: a head that waits in its socket has come.
    pub(crate) async fn overdue(&self) {
        loop {
            let phase = *self.phase.lock();
            let at_work = matches!(phase, Phase::Answering | Phase::Leaving { .. });
            if self.displaced.load(Ordering::Acquire) && !at_work {
                return;
            }
            let Phase::Reading(since) = phase else {
                self.changed.notified().await;
                continue;
            };
            let left = (since + self.patience).saturating_sub(uptime::now());
            tokio::select! {
                () = self.changed.notified() => {}
                () = uptime::sleep(left) => if *self.phase.lock() == phase {
                    return;
                }
            }
        }
    }
}

/// The body of an answer, which tells when hyper has all of it.
pub(crate) struct Answer<B> {
    body: B,
    heads: Arc<Heads>,
}

impl<B: Body + Unpin> Body for Answer<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B> Drop for Answer<B> {
    fn drop(&mut self) {
        self.heads.answered();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_millis(50);

    async fn is_overdue(heads: &Heads) -> bool {
        tokio::time::timeout(PATIENCE * 4, heads.overdue())
            .await
            .is_ok()
    }

    #[tokio::test]
    async fn a_head_is_owed_from_its_first_byte_on() {
        let heads = Arc::new(Heads::new(PATIENCE));
        assert!(is_overdue(&heads).await, "the first is owed at once");
        heads.complete();
        heads.input();
        assert!(!is_overdue(&heads).await, "a body is none");
        drop(heads.answer(Response::new(())));
        heads.left();
        assert!(!is_overdue(&heads).await, "an idle connection owes none");
        assert!(!heads.is_reading());
        heads.input();
        assert!(heads.is_reading());
        assert!(is_overdue(&heads).await);
    }

    #[tokio::test]
    async fn a_head_that_comes_while_an_answer_leaves_is_owed_when_that_has_left() {
        let heads = Arc::new(Heads::new(PATIENCE));
        heads.complete();
        let answer = heads.answer(Response::new(()));
        heads.left();
        heads.input();
        assert!(!is_overdue(&heads).await, "a part of an answer has left");
        drop(answer);
        heads.input();
        assert!(!is_overdue(&heads).await, "the end of the answer waits");
        assert!(!heads.is_reading() && heads.worth().is_none());
        heads.left();
        assert!(heads.is_reading());
        assert!(is_overdue(&heads).await);

        // What leaves of an earlier answer is not the end of the present one.
        heads.complete();
        drop(heads.answer(Response::new(())));
        heads.complete();
        heads.left();
        assert!(heads.worth().is_none());
    }
}
