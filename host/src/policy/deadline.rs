//! Until when a guest may run, and which setting says so. Knows neither guests nor the engine.

use std::fmt;
use std::time::{Duration, Instant};

use super::limits::PolicyLimits;

/// The end of the time that a guest is given.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline {
    /// When it is.
    at: Instant,
    /// What it ends.
    bound: Bound,
}

/// A bound on the time of a guest, and where an operator sets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bound {
    what: &'static str,
    length: Duration,
    setting: &'static str,
}

impl std::error::Error for Bound {}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, setting) = (self.what, self.setting);
        let length = humantime::format_duration(self.length);
        write!(f, "{what} ran past its deadline of {length} ({setting})")
    }
}

impl Deadline {
    /// Of a call that begins now or began then.
    pub(super) fn of_call(from: Instant, limits: &PolicyLimits) -> Self {
        Self::after(
            from,
            Bound {
                what: "the call",
                length: limits.call_deadline,
                setting: "policy.deadline",
            },
        )
    }

    /// Of the start of an instance, and of all that it is asked before it is known to answer.
    pub(super) fn of_start(limits: &PolicyLimits) -> Self {
        Self::after(
            Instant::now(),
            Bound {
                what: "the start",
                length: limits.start_deadline,
                setting: "policy.start_deadline",
            },
        )
    }

    fn after(from: Instant, bound: Bound) -> Self {
        let at = from + bound.length;
        Self { at, bound }
    }

    /// The bound, if it is over.
    pub(super) fn passed(&self) -> Option<Bound> {
        (Instant::now() >= self.at).then_some(self.bound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_that_passed_names_its_setting_and_its_length() {
        let limits = PolicyLimits {
            call_deadline: Duration::from_millis(50),
            start_deadline: Duration::ZERO,
            ..PolicyLimits::default()
        };
        let call = Deadline::of_call(Instant::now(), &limits);
        assert_eq!(
            call.bound.to_string(),
            "the call ran past its deadline of 50ms (policy.deadline)"
        );
        let start = Deadline::of_start(&limits);
        assert_eq!(
            start.passed().map(|bound| bound.to_string()).as_deref(),
            Some("the start ran past its deadline of 0s (policy.start_deadline)")
        );
    }
}
