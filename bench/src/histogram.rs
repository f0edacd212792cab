//! Latencies in buckets of a few per cent, cheap enough to count every message. Knows nothing of
//! where the times come from.

const STEPS_PER_OCTAVE: u64 = 32;
const OCTAVES: u64 = 32;
const BUCKETS: usize = (STEPS_PER_OCTAVE * OCTAVES) as usize;

/// Counts of times in microseconds, exact below 32 µs and within 3 % above.
#[derive(Debug, Clone)]
pub struct Histogram {
    counts: Box<[u64]>,
    total: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            counts: vec![0; BUCKETS].into_boxed_slice(),
            total: 0,
        }
    }
}

fn bucket(micros: u64) -> usize {
    if micros < STEPS_PER_OCTAVE {
        return micros as usize;
    }
    let octave = u64::from(micros.ilog2()) - u64::from(STEPS_PER_OCTAVE.ilog2());
    let step = (micros >> octave) - STEPS_PER_OCTAVE;
    (((octave + 1) * STEPS_PER_OCTAVE + step) as usize).min(BUCKETS - 1)
}

fn lower_bound(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < STEPS_PER_OCTAVE {
        return bucket;
    }
    let octave = bucket / STEPS_PER_OCTAVE - 1;
    (STEPS_PER_OCTAVE + bucket % STEPS_PER_OCTAVE) << octave
}

impl Histogram {
    /// Counts one time.
    pub fn record(&mut self, micros: u64) {
        self.counts[bucket(micros)] += 1;
        self.total += 1;
    }

    /// The time in milliseconds that the share `part` (0 to 1) of all times does not exceed.
    pub fn quantile_ms(&self, part: f64) -> f64 {
        let wanted = (self.total as f64 * part).ceil() as u64;
        let mut seen = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted && *count > 0 {
                return lower_bound(index) as f64 / 1000.0;
            }
        }
        0.0
    }

    /// How many times were counted.
    pub fn total(&self) -> u64 {
        self.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_starts_where_its_bound_says_and_is_narrow() {
        for micros in (0..100_000).chain([1 << 20, (1 << 30) + 12_345]) {
            let low = lower_bound(bucket(micros));
            let high = lower_bound(bucket(micros) + 1);
            assert!(low <= micros && micros < high, "{micros} in {low}..{high}");
            assert!(
                high - low <= 1 + low / STEPS_PER_OCTAVE,
                "{low}..{high} is too wide"
            );
        }
    }

    #[test]
    fn quantiles_of_a_uniform_spread() {
        let mut times = Histogram::default();
        (1..=10_000).for_each(|micros| times.record(micros));
        assert!((times.quantile_ms(0.5) - 5.0).abs() < 0.2);
        assert!((times.quantile_ms(0.99) - 9.9).abs() < 0.4);
        assert_eq!(Histogram::default().quantile_ms(0.99), 0.0);
    }
}
