//! Where every socket of the load generator reports what it received: counts, order, latency. One
//! thread, so plain cells. Knows neither sockets nor HTTP.

use std::cell::{Cell, OnceCell, RefCell};
use std::fmt;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::histogram::Histogram;
use crate::limits::{DRAIN_DEADLINE, PUBLISHERS};
use crate::mark::Mark;

/// Looks at every packet besides: whether it should have come, what it holds.
pub trait Observer {
    /// A packet came to `receiver` at `now_us`; with its mark, if it has one.
    fn received(&self, receiver: usize, packet: &[u8], mark: Option<Mark>, now_us: u64);
}

impl fmt::Debug for dyn Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observer")
    }
}

/// The account of one run.
#[derive(Debug)]
pub struct Hub {
    began: Instant,
    expected: Cell<u64>,
    delivered: Cell<u64>,
    unmarked: Cell<u64>,
    disordered: Cell<u64>,
    skipped: Cell<u64>,
    closed: Cell<u64>,
    refused: Cell<u64>,
    latency: RefCell<Histogram>,
    last: RefCell<Vec<[u64; PUBLISHERS]>>,
    allowed: Cell<u64>,
    moved: Notify,
    observer: OnceCell<Rc<dyn Observer>>,
}

/// What went wrong in a run; everything zero in a good one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Faults {
    /// Messages that never came.
    pub lost: u64,
    /// Messages that came after a later one of the same publisher.
    pub disordered: u64,
    /// Times that a receiver missed a number.
    pub skipped: u64,
    /// Sockets that the server closed.
    pub closed: u64,
    /// Publishes that were answered with an error.
    pub refused: u64,
}

impl Hub {
    /// An account for `receivers` sockets.
    pub fn new(receivers: usize) -> Self {
        Self {
            began: Instant::now(),
            expected: Cell::new(0),
            delivered: Cell::new(0),
            unmarked: Cell::new(0),
            disordered: Cell::new(0),
            skipped: Cell::new(0),
            closed: Cell::new(0),
            refused: Cell::new(0),
            latency: RefCell::default(),
            last: RefCell::new(vec![[0; PUBLISHERS]; receivers]),
            allowed: Cell::new(u64::MAX),
            moved: Notify::new(),
            observer: OnceCell::new(),
        }
    }

    /// Microseconds since the run began.
    pub fn now_us(&self) -> u64 {
        self.began.elapsed().as_micros() as u64
    }

    /// A packet came to `receiver` at `now_us`.
    pub fn received(&self, receiver: usize, packet: &[u8], now_us: u64) {
        let mark = Mark::find(packet).filter(|mark| mark.publisher < PUBLISHERS);
        if let Some(observer) = self.observer.get() {
            observer.received(receiver, packet, mark, now_us);
        }
        let Some(mark) = mark else {
            self.unmarked.set(self.unmarked.get() + 1);
            return;
        };
        self.delivered.set(self.delivered.get() + 1);
        self.latency
            .borrow_mut()
            .record(now_us.saturating_sub(mark.sent_us));
        let last = &mut self.last.borrow_mut()[receiver][mark.publisher];
        if mark.number <= *last {
            self.disordered.set(self.disordered.get() + 1);
            return;
        }
        if mark.number != *last + 1 {
            self.skipped.set(self.skipped.get() + 1);
        }
        *last = mark.number;
    }

    /// Has every packet from now on looked at; the first observer stays.
    pub fn observed_by(&self, observer: Rc<dyn Observer>) {
        self.observer.get_or_init(|| observer);
    }

    /// To be called after a batch of packets: lets waiting publishers go on.
    pub fn settle(&self) {
        if self.outstanding() <= self.allowed.get() {
            self.moved.notify_waiters();
        }
    }

    /// A message was published to `audience` receivers.
    pub fn published(&self, audience: usize) {
        self.expected.set(self.expected.get() + audience as u64);
    }

    /// The server closed a socket.
    pub fn closed(&self) {
        self.closed.set(self.closed.get() + 1);
    }

    /// The server refused to publish.
    pub fn refused(&self) {
        self.refused.set(self.refused.get() + 1);
    }

    fn outstanding(&self) -> u64 {
        self.expected.get().saturating_sub(self.delivered.get())
    }

    /// Bounds what may be outstanding, in deliveries.
    pub fn allow(&self, deliveries: u64) {
        self.allowed.set(deliveries);
    }

    /// Waits until no more than what is allowed is outstanding, but not after `deadline`.
    pub async fn below_allowance(&self, deadline: Instant) {
        while self.outstanding() > self.allowed.get() {
            let moved = self.moved.notified();
            if tokio::time::timeout_at(deadline.into(), moved)
                .await
                .is_err()
            {
                return;
            }
        }
    }

    /// Waits until everything published has come, or nothing has for [`DRAIN_DEADLINE`].
    pub async fn drained(&self) {
        const LOOK: Duration = Duration::from_millis(1);
        let mut seen = self.delivered.get();
        let mut since = Instant::now();
        while self.outstanding() > 0 && since.elapsed() < DRAIN_DEADLINE {
            tokio::time::sleep(LOOK).await;
            if self.delivered.get() != seen {
                seen = self.delivered.get();
                since = Instant::now();
            }
        }
    }

    /// Deliveries of marked messages so far.
    pub fn delivered(&self) -> u64 {
        self.delivered.get()
    }

    /// Deliveries of other messages (presence, selections) so far.
    pub fn unmarked(&self) -> u64 {
        self.unmarked.get()
    }

    /// Starts a new phase: latencies counted from here.
    pub fn take_latency(&self) -> Histogram {
        self.latency.take()
    }

    /// The publishers are replaced by others, who begin to count at 1.
    pub fn forget_numbers(&self) {
        self.last.borrow_mut().fill([0; PUBLISHERS]);
    }

    /// What went wrong so far.
    pub fn faults(&self) -> Faults {
        Faults {
            lost: self.outstanding(),
            disordered: self.disordered.get(),
            skipped: self.skipped.get(),
            closed: self.closed.get(),
            refused: self.refused.get(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(number: u64) -> Vec<u8> {
        Mark {
            publisher: 1,
            number,
            sent_us: 0,
        }
        .data()
        .into_bytes()
    }

    #[test]
    fn loss_and_disorder_are_told_apart() {
        let hub = Hub::new(2);
        hub.published(1);
        hub.received(0, &packet(1), 10);
        assert_eq!(hub.faults(), Faults::default());
        hub.published(1);
        hub.published(1);
        hub.received(0, &packet(3), 10);
        assert_eq!(
            hub.faults(),
            Faults {
                lost: 1,
                skipped: 1,
                ..Faults::default()
            }
        );
        hub.received(0, &packet(2), 10);
        assert_eq!(
            hub.faults(),
            Faults {
                disordered: 1,
                skipped: 1,
                ..Faults::default()
            }
        );
    }

    #[test]
    fn what_is_not_ours_is_only_counted() {
        let hub = Hub::new(1);
        hub.received(0, b"42[\"online-status-updated\",{}]", 5);
        assert_eq!((hub.unmarked(), hub.delivered()), (1, 0));
    }
}
