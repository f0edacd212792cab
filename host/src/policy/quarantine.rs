//! When a version that fails for many is left alone, and when everything is asked again that it did
//! not answer. Pure: time is an argument. Knows nothing of versions or calls.

use std::time::{Duration, Instant};

use crate::limits::{POLICY_QUARANTINE_ASKERS, POLICY_QUARANTINE_FIRST, POLICY_QUARANTINE_LONGEST};

/// Whether a question may be put to a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// As ever.
    Open,
    /// This one question, to see whether it answers again.
    Probe,
    /// Not now.
    Closed,
}

/// What a failure led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Led {
    /// Nothing yet.
    On,
    /// The version is left alone from now on.
    ToQuarantine(Duration),
    /// It is left alone for longer.
    ToLonger(Duration),
}

/// How one hook of a version fares.
#[derive(Debug, Default)]
pub(super) struct Quarantine {
    /// Those for whom it failed since it last answered anybody, as many as lead to a pause.
    askers: Vec<u64>,
    /// While it is left alone: for how long, and until when.
    pause: Option<(Duration, Instant)>,
}

impl Quarantine {
    /// Whether the next question may be put. Of those that come when a pause is over, one probes
    /// and the others wait for what becomes of it.
    pub(super) fn enter(&mut self, now: Instant) -> Entry {
        match &mut self.pause {
            None => Entry::Open,
            Some((_, until)) if now < *until => Entry::Closed,
            Some((pause, until)) => {
                *until = now + *pause;
                Entry::Probe
            }
        }
    }

    /// Whether questions would be turned away.
    pub(super) fn closed(&self, now: Instant) -> bool {
        self.pause.is_some_and(|(_, until)| now < until)
    }

    /// It answered; true if it was left alone before.
    pub(super) fn answered(&mut self) -> bool {
        std::mem::take(self).pause.is_some()
    }

    /// Whether it fails for nobody.
    pub(super) fn is_well(&self) -> bool {
        self.askers.is_empty() && self.pause.is_none()
    }

    /// It failed to answer this asker, on a warm instance and on a fresh one.
    pub(super) fn failed(&mut self, asker: u64, entry: Entry, now: Instant) -> Led {
        if self.askers.len() < POLICY_QUARANTINE_ASKERS && !self.askers.contains(&asker) {
            self.askers.push(asker);
        }
        match (self.pause, entry) {
            (Some((pause, _)), Entry::Probe) => {
                let longer = (pause * 2).min(POLICY_QUARANTINE_LONGEST);
                self.pause = Some((longer, now + longer));
                Led::ToLonger(longer)
            }
            // It was asked before the others had it quarantined.
            (Some(_), _) => Led::On,
            (None, _) if self.askers.len() < POLICY_QUARANTINE_ASKERS => Led::On,
            (None, _) => {
                self.pause = Some((POLICY_QUARANTINE_FIRST, now + POLICY_QUARANTINE_FIRST));
                Led::ToQuarantine(POLICY_QUARANTINE_FIRST)
            }
        }
    }
}

/// When everything is asked again that a policy's version did not answer itself, so that what held
/// in its stead does not hold for ever. Each generation has its own.
#[derive(Clone, Debug)]
pub(super) struct Retry {
    since: Instant,
    pause: Duration,
    due: Option<Instant>,
}

impl Retry {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            since: now,
            pause: POLICY_QUARANTINE_FIRST,
            due: None,
        }
    }

    /// The retry of the next generation: what was missed is asked now, and the pause is longer if
    /// it is missed again soon.
    pub(super) fn again(&self, now: Instant) -> Self {
        let pause = match self.due {
            Some(_) => (self.pause * 2).min(POLICY_QUARANTINE_LONGEST),
            None => self.pause,
        };
        Self {
            since: now,
            pause,
            due: None,
        }
    }

    /// A question was not answered by the version in force.
    pub(super) fn missed(&mut self, now: Instant) {
        if self.due.is_some() {
            return;
        }
        if now.saturating_duration_since(self.since) > self.pause * 2 {
            // It did well for a while: this is another trouble.
            self.pause = POLICY_QUARANTINE_FIRST;
        }
        self.due = Some(now + self.pause);
    }

    /// Whether it is time.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.due.is_some_and(|due| due <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICK: Duration = Duration::from_millis(1);

    /// Fails until it is quarantined, and returns when that was.
    fn quarantined(state: &mut Quarantine, now: Instant) {
        for asker in 1..=POLICY_QUARANTINE_ASKERS {
            assert_eq!(state.enter(now), Entry::Open);
            let led = state.failed(asker as u64, Entry::Open, now);
            let many = asker == POLICY_QUARANTINE_ASKERS;
            assert_eq!(led != Led::On, many, "asker {asker}");
        }
    }

    #[test]
    fn one_for_whom_it_fails_is_not_enough_however_often() {
        let (mut state, now) = (Quarantine::default(), Instant::now());
        for n in 0..100 * POLICY_QUARANTINE_ASKERS {
            let asker = (n % (POLICY_QUARANTINE_ASKERS - 1)) as u64;
            assert_eq!(state.failed(asker, Entry::Open, now), Led::On);
        }
        assert_eq!(state.enter(now), Entry::Open);
        assert!(!state.is_well());
    }

    #[test]
    fn only_failures_in_a_row_count() {
        let (mut state, now) = (Quarantine::default(), Instant::now());
        for asker in 0..10 * POLICY_QUARANTINE_ASKERS {
            state.failed(asker as u64, Entry::Open, now);
            assert!(!state.answered());
        }
        assert_eq!(state.enter(now), Entry::Open);
        quarantined(&mut state, now);
        assert_eq!(state.enter(now), Entry::Closed);
    }

    #[test]
    fn one_question_probes_when_the_pause_is_over() {
        let (mut state, now) = (Quarantine::default(), Instant::now());
        quarantined(&mut state, now);
        let over = now + POLICY_QUARANTINE_FIRST;
        assert_eq!(state.enter(over - TICK), Entry::Closed);
        assert!(state.closed(over - TICK) && !state.closed(over));
        assert_eq!(state.enter(over), Entry::Probe);
        assert_eq!(state.enter(over), Entry::Closed);
        assert!(state.answered());
        assert_eq!(state.enter(over), Entry::Open);
    }

    #[test]
    fn the_pause_doubles_up_to_a_limit() {
        let (mut state, mut now) = (Quarantine::default(), Instant::now());
        quarantined(&mut state, now);
        let mut pause = POLICY_QUARANTINE_FIRST;
        for _ in 0..20 {
            now += pause;
            assert_eq!(state.enter(now), Entry::Probe);
            pause = (pause * 2).min(POLICY_QUARANTINE_LONGEST);
            assert_eq!(state.failed(1, Entry::Probe, now), Led::ToLonger(pause));
            assert_eq!(state.enter(now + pause - TICK), Entry::Closed);
        }
        assert_eq!(pause, POLICY_QUARANTINE_LONGEST);
        // Afterwards it begins anew.
        assert!(state.answered());
        quarantined(&mut state, now);
        assert_eq!(state.enter(now + POLICY_QUARANTINE_FIRST), Entry::Probe);
    }

    #[test]
    fn a_call_that_was_under_way_does_not_lengthen_the_pause() {
        let (mut state, now) = (Quarantine::default(), Instant::now());
        quarantined(&mut state, now);
        assert_eq!(state.failed(1, Entry::Open, now), Led::On);
        assert_eq!(state.enter(now + POLICY_QUARANTINE_FIRST), Entry::Probe);
    }

    #[test]
    fn a_probe_that_never_ends_is_followed_by_another() {
        let (mut state, now) = (Quarantine::default(), Instant::now());
        quarantined(&mut state, now);
        let over = now + POLICY_QUARANTINE_FIRST;
        assert_eq!(state.enter(over), Entry::Probe);
        assert_eq!(state.enter(over + POLICY_QUARANTINE_FIRST), Entry::Probe);
    }

    #[test]
    fn what_was_missed_is_asked_again_ever_more_rarely() {
        let mut now = Instant::now();
        let mut retry = Retry::new(now);
        assert!(!retry.is_due(now + Duration::from_secs(3600)));
        let mut pause = POLICY_QUARANTINE_FIRST;
        for _ in 0..20 {
            retry.missed(now);
            // What is missed meanwhile is asked with the rest.
            retry.missed(now + TICK);
            assert!(!retry.is_due(now + pause - TICK));
            now += pause;
            assert!(retry.is_due(now));
            retry = retry.again(now);
            assert!(!retry.is_due(now));
            pause = (pause * 2).min(POLICY_QUARANTINE_LONGEST);
        }
        assert_eq!(pause, POLICY_QUARANTINE_LONGEST);
        // After a while without a miss the first pause holds again.
        now += pause * 3;
        retry.missed(now);
        assert!(retry.is_due(now + POLICY_QUARANTINE_FIRST));
    }
}
