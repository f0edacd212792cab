//! Spreads over several cache lines what all threads write, so that none waits for a line that
//! another has just written. Knows nothing of what is kept in a stripe.

use std::cell::Cell;
use std::ops::Index;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crossbeam_utils::CachePadded;
use prometheus_client::metrics::counter::Atomic;

/// Stripes of one thing. More threads than that share them.
pub(crate) const STRIPES: usize = 8;

thread_local! {
    static MINE: Cell<Option<usize>> = const { Cell::new(None) };
}

/// The number of the calling thread's stripe.
fn mine() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    MINE.get().unwrap_or_else(|| {
        let stripe = NEXT.fetch_add(1, Ordering::Relaxed) % STRIPES;
        MINE.set(Some(stripe));
        stripe
    })
}

/// One of something for each stripe.
#[derive(Debug, Default)]
pub(crate) struct Striped<T>([CachePadded<T>; STRIPES]);

impl<T> Striped<T> {
    /// The calling thread's.
    pub(crate) fn mine(&self) -> &T {
        &self.0[mine()]
    }

    /// The calling thread's, then those of the others.
    pub(crate) fn mine_first(&self) -> impl Iterator<Item = &T> {
        let first = mine();
        (0..STRIPES).map(move |at| &*self.0[(first + at) % STRIPES])
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|stripe| &**stripe)
    }
}

impl<T> Index<usize> for Striped<T> {
    type Output = T;

    fn index(&self, stripe: usize) -> &T {
        &self.0[stripe]
    }
}

/// A number that is written often and read rarely, as the metrics' counters want it.
impl Atomic<u64> for Striped<AtomicU64> {
    fn inc(&self) -> u64 {
        self.inc_by(1)
    }

    /// What the stripe was before, which nobody asks: the sum would cost a look at all of them.
    fn inc_by(&self, more: u64) -> u64 {
        self.mine().fetch_add(more, Ordering::Relaxed)
    }

    fn get(&self) -> u64 {
        self.iter()
            .map(|stripe| stripe.load(Ordering::Relaxed))
            .sum()
    }
}
