//! Times of single calls, exact to the nanosecond, their quantiles, and the CPU time of a call.
//! Knows nothing of what is called.

use std::time::{Duration, Instant};

use crate::process::CpuClock;

/// Most calls that are timed in one series: 16 MB of times.
const MOST_CALLS: usize = 1_000_000;
/// Of the time of a series, what goes to warming up, and what to measuring CPU time.
const PARTS: u32 = 4;

/// What a series of calls took, in microseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timing {
    /// The shortest.
    pub(super) least: f64,
    /// The median.
    pub(super) p50: f64,
    /// What 99 of 100 calls did not exceed.
    pub(super) p99: f64,
    /// The longest.
    pub(super) most: f64,
    /// CPU time of the whole process for each call, on average, without reading the clock.
    pub(super) cpu: f64,
}

/// What reading the clock itself costs, which is taken off each time.
fn clock() -> Duration {
    let mut times: Vec<Duration> = (0..1_000)
        .map(|_| {
            let began = Instant::now();
            began.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[times.len() / 2]
}

/// Repeats a call for a while, and says how often.
///
/// # Errors
/// What a call fails with.
pub(super) fn repeat(
    time: Duration,
    mut call: impl FnMut() -> anyhow::Result<()>,
) -> anyhow::Result<usize> {
    let until = Instant::now() + time;
    let mut count = 0;
    while count == 0 || Instant::now() < until {
        call()?;
        count += 1;
    }
    Ok(count)
}

/// Times calls for a while, after some that warm up, and measures the CPU time of some more.
///
/// # Errors
/// What a call fails with.
pub(super) fn series(
    time: Duration,
    mut call: impl FnMut() -> anyhow::Result<()>,
) -> anyhow::Result<Timing> {
    repeat(time / PARTS, &mut call)?;
    let clock = clock();
    let mut times = Vec::with_capacity(MOST_CALLS);
    let until = Instant::now() + time;
    while times.len() < MOST_CALLS {
        let began = Instant::now();
        call()?;
        let now = Instant::now();
        times.push((now - began).saturating_sub(clock));
        if now >= until {
            break;
        }
    }
    let count = (times.len() / PARTS as usize).max(1);
    let mut timing = Timing::of(times);
    timing.cpu = cpu(count, call)?;
    Ok(timing)
}

/// CPU time of one of so many calls, in microseconds.
fn cpu(count: usize, mut call: impl FnMut() -> anyhow::Result<()>) -> anyhow::Result<f64> {
    let process = CpuClock::of(std::process::id())?;
    let before = process.seconds()?;
    for _ in 0..count {
        call()?;
    }
    Ok((process.seconds()? - before) * 1e6 / count as f64)
}

impl Timing {
    /// The quantiles of some times; of their CPU time nothing is known.
    #[must_use]
    pub(super) fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let at = |part: f64| {
            let place = (times.len() as f64 * part) as usize;
            let time = times.get(place.min(times.len().saturating_sub(1)));
            time.map_or(0.0, |time| time.as_secs_f64() * 1e6)
        };
        Self {
            least: at(0.0),
            p50: at(0.5),
            p99: at(0.99),
            most: at(1.0),
            cpu: f64::NAN,
        }
    }

    /// The same for one of several things that each call did.
    #[must_use]
    pub(super) fn each_of(self, parts: usize) -> Self {
        let parts = parts as f64;
        Self {
            least: self.least / parts,
            p50: self.p50 / parts,
            p99: self.p99 / parts,
            most: self.most / parts,
            cpu: self.cpu / parts,
        }
    }

    /// The numbers, by the ends of their names.
    pub(super) fn numbers(&self) -> impl Iterator<Item = (&'static str, f64)> {
        [
            ("least", self.least),
            ("p50", self.p50),
            ("p99", self.p99),
            ("most", self.most),
            ("cpu", self.cpu),
        ]
        .into_iter()
        .filter(|(_, value)| value.is_finite())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_sorted_times() {
        let times = (1..=200).rev().map(Duration::from_micros).collect();
        let timing = Timing::of(times);
        let quantiles = [timing.least, timing.p50, timing.p99, timing.most];
        let expected = [1.0, 101.0, 199.0, 200.0];
        let close = |(a, b): (f64, f64)| (a - b).abs() < 1e-6;
        assert!(quantiles.into_iter().zip(expected).all(close), "{timing:?}");
        assert_eq!(timing.numbers().count(), 4, "CPU time was not measured");
    }

    #[test]
    fn a_series_calls_at_least_once_and_hands_on_what_fails() {
        let mut calls = 0;
        let timing = series(Duration::ZERO, || {
            calls += 1;
            Ok(())
        });
        assert!(timing.is_ok_and(|timing| timing.cpu.is_finite()) && calls == 3);
        assert!(series(Duration::ZERO, || anyhow::bail!("no")).is_err());
    }
}
