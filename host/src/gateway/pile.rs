//! Bytes that wait for or of one connection, counted with those of all others; must not know what they
//! are.

use std::ops::{AddAssign, SubAssign};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes of all piles of a kind.
#[derive(Clone, Debug, Default)]
pub(super) struct Piles(Arc<AtomicUsize>);

impl Piles {
    pub(super) fn bytes(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// What one of so many may have when all together have more than they may.
    pub(super) fn share(most: usize, piles: usize, least: usize) -> usize {
        (most / piles.max(1)).max(least)
    }
}

/// Bytes of one connection.
#[derive(Debug)]
pub(super) struct Pile {
    bytes: usize,
    /// Of these, what is counted elsewhere.
    apart: usize,
    /// What this adds to the sum.
    counted: usize,
    all: Piles,
}

impl Pile {
    pub(super) fn among(all: &Piles) -> Self {
        Self {
            bytes: 0,
            apart: 0,
            counted: 0,
            all: all.clone(),
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Bytes of all such piles.
    pub(super) fn all(&self) -> usize {
        self.all.bytes()
    }

    /// Leaves so many of its bytes to another sum.
    pub(super) fn set_apart(&mut self, bytes: usize) {
        self.apart = bytes;
        self.count();
    }

    pub(super) fn clear(&mut self) {
        (self.bytes, self.apart) = (0, 0);
        self.count();
    }

    fn count(&mut self) {
        let counts = self.bytes.saturating_sub(self.apart);
        if counts > self.counted {
            let more = counts - self.counted;
            self.all.0.fetch_add(more, Ordering::Relaxed);
        } else {
            let less = self.counted - counts;
            self.all.0.fetch_sub(less, Ordering::Relaxed);
        }
        self.counted = counts;
    }
}

impl AddAssign<usize> for Pile {
    fn add_assign(&mut self, bytes: usize) {
        self.bytes += bytes;
        self.count();
    }
}

impl SubAssign<usize> for Pile {
    fn sub_assign(&mut self, bytes: usize) {
        self.bytes -= bytes;
        self.count();
    }
}

impl Drop for Pile {
    fn drop(&mut self) {
        self.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_piles_are_counted_but_for_what_is_set_apart() {
        let all = Piles::default();
        let (mut one, mut other) = (Pile::among(&all), Pile::among(&all));
        one += 100;
        other += 50;
        one -= 30;
        assert_eq!((one.bytes(), other.all()), (70, 120));
        one.set_apart(60);
        assert_eq!((one.bytes(), all.bytes()), (70, 60));
        one -= 20;
        assert_eq!(all.bytes(), 50, "less is left than was set apart");
        one.set_apart(0);
        assert_eq!(all.bytes(), 100);
        drop(one);
        other.clear();
        assert_eq!(all.bytes(), 0);
    }

    #[test]
    fn a_share_is_never_less_than_the_least() {
        assert_eq!(Piles::share(1_000, 0, 10), 1_000);
        assert_eq!(Piles::share(1_000, 4, 10), 250);
        assert_eq!(Piles::share(1_000, 1_000, 10), 10);
    }
}
