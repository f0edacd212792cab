//! How often something may happen: token buckets, one for each holder. It must not know what is
//! counted, or what follows when a bucket is empty.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::limits;

/// How often something may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Tokens that come back in a second; with none at all there is no bound.
    pub per_second: u32,
    /// Tokens of a full bucket.
    pub burst: u32,
}

impl Rate {
    /// No bound.
    pub const UNBOUNDED: Self = Self {
        per_second: 0,
        burst: 0,
    };

    /// A bound.
    #[must_use]
    pub const fn new(per_second: u32, burst: u32) -> Self {
        Self { per_second, burst }
    }

    fn is_unbounded(self) -> bool {
        self.per_second == 0
    }

    /// How long so many tokens take to come back.
    fn time(self, tokens: u32) -> Duration {
        Duration::from_secs_f64(f64::from(tokens) / f64::from(self.per_second.max(1)))
    }
}

/// The tokens that one holder has left, kept as the time at which the bucket is full again. A full
/// one says nothing that a new one would not.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bucket(Option<Instant>);

impl Bucket {
    /// Takes one token, if there is one.
    pub(super) fn take(&mut self, rate: Rate, now: Instant) -> bool {
        let has = self.has(rate, now);
        if has {
            self.charge(rate, 1, now);
        }
        has
    }

    /// Whether there is a token.
    pub(super) fn has(&self, rate: Rate, now: Instant) -> bool {
        rate.is_unbounded() || self.until_full(now) + rate.time(1) <= rate.time(rate.burst)
    }

    /// Takes so many tokens, whether they are there or not: what is owed comes back first.
    pub(super) fn charge(&mut self, rate: Rate, tokens: u32, now: Instant) {
        if !rate.is_unbounded() {
            self.0 = Some(now + self.until_full(now) + rate.time(tokens));
        }
    }

    fn until_full(&self, now: Instant) -> Duration {
        self.0
            .map_or(Duration::ZERO, |full| full.saturating_duration_since(now))
    }
}

/// The buckets of many holders. Full ones are forgotten.
pub(super) struct Buckets<K> {
    rate: Rate,
    held: Mutex<Held<K>>,
}

struct Held<K> {
    buckets: HashMap<K, Bucket>,
    /// How many there are before full ones are looked for again.
    sweep_at: usize,
}

impl<K: Eq + Hash> Buckets<K> {
    pub(super) fn new(rate: Rate) -> Self {
        Self {
            rate,
            held: Mutex::new(Held {
                buckets: HashMap::new(),
                sweep_at: limits::MIN_RATE_SWEEP,
            }),
        }
    }

    /// Takes one token of a holder, if there is one.
    pub(super) fn take(&self, holder: K) -> bool {
        self.rate.is_unbounded() || self.with(holder, |bucket, now| bucket.take(self.rate, now))
    }

    /// Whether a holder has a token.
    pub(super) fn has(&self, holder: &K) -> bool {
        let held = self.held.lock();
        let bucket = held.buckets.get(holder);
        bucket.is_none_or(|bucket| bucket.has(self.rate, Instant::now()))
    }

    /// Takes so many tokens of a holder, whether they are there or not.
    pub(super) fn charge(&self, holder: K, tokens: u32) {
        if !self.rate.is_unbounded() {
            self.with(holder, |bucket, now| bucket.charge(self.rate, tokens, now));
        }
    }

    fn with<T>(&self, holder: K, act: impl FnOnce(&mut Bucket, Instant) -> T) -> T {
        let now = Instant::now();
        let mut held = self.held.lock();
        if held.buckets.len() >= held.sweep_at {
            held.sweep(now);
        }
        act(held.buckets.entry(holder).or_default(), now)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.held.lock().buckets.len()
    }
}

impl<K: Eq + Hash> Held<K> {
    /// Forgets full buckets; if too many are left, those that are nearest to being full as well,
    /// which gives their holders no more than they would have had a little later.
    fn sweep(&mut self, now: Instant) {
        self.buckets
            .retain(|_, bucket| !bucket.until_full(now).is_zero());
        if self.buckets.len() >= limits::MAX_RATE_BUCKETS {
            let mut waits: Vec<_> = self.buckets.values().map(|it| it.until_full(now)).collect();
            let middle = waits.len() / 2;
            let (_, middle, _) = waits.select_nth_unstable(middle);
            let middle = *middle;
            let mut room = self.buckets.len() - self.buckets.len() / 2;
            self.buckets.retain(|_, bucket| {
                let stays = bucket.until_full(now) > middle || room == 0;
                room -= usize::from(!stays);
                stays
            });
        }
        self.sweep_at =
            (self.buckets.len() * 2).clamp(limits::MIN_RATE_SWEEP, limits::MAX_RATE_BUCKETS);
        self.buckets.shrink_to(self.sweep_at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate::new(10, 3);

    #[test]
    fn a_bucket_gives_a_burst_and_then_the_rate() {
        let mut bucket = Bucket::default();
        let began = Instant::now();
        let at = |millis| began + Duration::from_millis(millis);
        let taken = |bucket: &mut Bucket, millis| {
            std::iter::from_fn(|| bucket.take(RATE, at(millis)).then_some(())).count()
        };
        assert_eq!(taken(&mut bucket, 0), 3);
        assert_eq!(taken(&mut bucket, 99), 0);
        assert_eq!(taken(&mut bucket, 100), 1);
        assert_eq!(taken(&mut bucket, 300), 2);
        assert_eq!(taken(&mut bucket, 60_000), 3, "no more than a burst");
        assert!(!bucket.has(RATE, at(60_050)) && bucket.has(RATE, at(60_100)));
        assert!((0..1000).all(|_| bucket.take(Rate::UNBOUNDED, at(60_000))));
    }

    #[test]
    fn what_is_owed_comes_back_first() {
        let mut bucket = Bucket::default();
        let began = Instant::now();
        bucket.charge(RATE, 13, began);
        assert!(!bucket.has(RATE, began + Duration::from_millis(1_000)));
        assert!(bucket.has(RATE, began + Duration::from_millis(1_100)));
    }

    #[test]
    fn holders_have_buckets_of_their_own_and_idle_ones_are_forgotten() {
        let buckets = Buckets::new(Rate::new(1000, 2));
        assert!(buckets.take(1) && buckets.take(1) && !buckets.take(1) && !buckets.has(&1));
        assert!(buckets.has(&2) && buckets.take(2));
        let began = Instant::now();
        for holder in 3.. {
            buckets.take(holder);
            // All of them are full again after two milliseconds.
            if began.elapsed() > Duration::from_millis(50) {
                break;
            }
        }
        let much = buckets.len();
        assert!(much < limits::MAX_RATE_BUCKETS, "{much}");
    }

    #[test]
    fn buckets_are_bounded_and_those_that_owe_most_stay() {
        let buckets = Buckets::new(Rate::new(1, 2));
        buckets.charge(usize::MAX, 1000);
        for holder in 0..limits::MAX_RATE_BUCKETS * 2 {
            buckets.charge(holder, 1);
            assert!(buckets.len() <= limits::MAX_RATE_BUCKETS);
        }
        assert!(!buckets.has(&usize::MAX));
    }
}
