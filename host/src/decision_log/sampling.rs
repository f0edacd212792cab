//! Which decisions are kept: a part of those that refuse, a part of all others. It must not know
//! where randomness comes from.

/// The parts that are kept, from 0 to 1.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sampling {
    denied: f64,
    allowed: f64,
}

impl Sampling {
    pub(super) fn new(denied: f64, allowed: f64) -> Self {
        Self { denied, allowed }
    }

    /// Whether a decision is kept. `draw` gives a number from 0 up to but not including 1, and is
    /// asked only where chance has a say.
    pub(super) fn wants(self, denied: bool, draw: impl FnOnce() -> f64) -> bool {
        let part = if denied { self.denied } else { self.allowed };
        part >= 1.0 || (part > 0.0 && draw() < part)
    }
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{RngExt as _, SeedableRng as _};

    use super::*;

    #[test]
    fn all_and_none_leave_nothing_to_chance() {
        let sampling = Sampling::new(1.0, 0.0);
        let never = || -> f64 { panic!("the dice were cast") };
        assert!(sampling.wants(true, never));
        assert!(!sampling.wants(false, never));
    }

    #[test]
    fn a_part_is_kept_by_chance() {
        let sampling = Sampling::new(0.25, 0.75);
        let mut random = StdRng::seed_from_u64(7);
        let mut kept = |denied| {
            let draws = (0..10_000).filter(|_| sampling.wants(denied, || random.random()));
            draws.count()
        };
        let (denied, allowed) = (kept(true), kept(false));
        assert!((2_300..2_700).contains(&denied), "{denied}");
        assert!((7_300..7_700).contains(&allowed), "{allowed}");
    }
}
