//! How long a client takes to send the head of a request; must not know what is in it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

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
        if matches!(*phase, Phase::Idle(_)) {
            *phase = Phase::Reading(uptime::now());
            self.changed.notify_one();
        }
    }

    /// Called when a head is complete.
    pub(crate) fn complete(&self) {
        *self.phase.lock() = Phase::Answering;
    }

    /// Called when its request has been answered.
    pub(crate) fn answered(&self) {
        self.served.store(true, Ordering::Relaxed);
        *self.phase.lock() = Phase::Idle(uptime::now());
    }

    /// How dear the connection is to its owner, if nothing is being answered on it: whether something
    /// was, and how long ago it last began to wait; what is less may go for others.
    pub(crate) fn worth(&self) -> Option<(bool, Duration)> {
        match *self.phase.lock() {
            Phase::Reading(since) | Phase::Idle(since) => {
                Some((self.served.load(Ordering::Relaxed), since))
            }
            Phase::Answering => None,
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

    /// Waits until a head has taken too long, or the connection is to make room. Look at the connection first: a head that waits in its
    /// socket has come.
    pub(crate) async fn overdue(&self) {
        loop {
            let phase = *self.phase.lock();
            if self.displaced.load(Ordering::Acquire) && phase != Phase::Answering {
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
        let heads = Heads::new(PATIENCE);
        assert!(is_overdue(&heads).await, "the first is owed at once");
        heads.complete();
        heads.input();
        assert!(!is_overdue(&heads).await, "a body is none");
        heads.answered();
        assert!(!is_overdue(&heads).await, "an idle connection owes none");
        assert!(!heads.is_reading());
        heads.input();
        assert!(heads.is_reading());
        assert!(is_overdue(&heads).await);
    }
}
