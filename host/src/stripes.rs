//! Spreads over several cache lines what all threads write, so that none waits for a line that
//! another has just written. Knows nothing of what is kept in a stripe.

use std::cell::Cell;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_many_threads_count_adds_up() {
        let counter = Striped::<AtomicU64>::default();
        std::thread::scope(|scope| {
            for _ in 0..2 * STRIPES {
                scope.spawn(|| {
                    for _ in 0..100 {
                        counter.inc();
                    }
                });
            }
        });
        assert_eq!(counter.get(), 200 * STRIPES as u64);
    }

    #[test]
    fn each_stripe_is_visited_once_and_ones_own_first() {
        let stripes = Striped::<AtomicU64>::default();
        let visited: Vec<_> = stripes.mine_first().map(std::ptr::from_ref).collect();
        assert_eq!(visited[0], std::ptr::from_ref(stripes.mine()));
        let mut all: Vec<_> = stripes.iter().map(std::ptr::from_ref).collect();
        all.sort_unstable();
        let mut sorted = visited;
        sorted.sort_unstable();
        assert_eq!(sorted, all);
    }
}
