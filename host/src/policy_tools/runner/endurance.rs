//! Many questions to one instance: what leaks with each of them shows in the end. Knows nothing of
//! single answers but whether they are right.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use wardroom_domain::Json;

use super::{Asked, Fault, Outcome, Run, Running, verdict};
use crate::limits::{POLICY_TEST_GROWTH_BYTES, POLICY_TEST_HANDLES, POLICY_TEST_HISTORY};

/// What was measured while one instance was asked many questions.
#[derive(Clone, Copy, Debug)]
pub struct Endured {
    /// How many it answered.
    pub questions: u32,
    /// How long that took.
    pub took: Duration,
    /// Its linear memory after half of them, in bytes.
    pub memory_halfway: usize,
    /// And after all.
    pub memory_after: usize,
    /// Handles that it was given and has not dropped.
    pub handles_held: usize,
}

impl Endured {
    /// What is wrong: what was expected, and what was found.
    fn complaint(&self) -> Option<(String, String)> {
        if self.handles_held > POLICY_TEST_HANDLES {
            let expected = format!("at most {POLICY_TEST_HANDLES} handles are held at the end");
            let found = format!(
                "{} are held: what the policy is given, it must drop",
                self.handles_held
            );
            return Some((expected, found));
        }
        let grown = self.memory_after.saturating_sub(self.memory_halfway);
        (grown > POLICY_TEST_GROWTH_BYTES).then(|| {
            let expected = format!(
                "memory grows by at most {POLICY_TEST_GROWTH_BYTES} bytes in the second half"
            );
            let found = format!("it grows by {grown}: the policy keeps something of each call");
            (expected, found)
        })
    }
}

impl<'a> Running<'a> {
    /// For each settings asks one instance so many questions, cases in turn. Cases that have
    /// failed already are left out.
    pub(super) fn endure(&mut self, questions: u32) -> Vec<Endured> {
        let mut groups = BTreeMap::<&'a Json, Vec<usize>>::new();
        for place in self.order() {
            let case = &self.cases[place];
            if self.outcomes[place].passed() && !matches!(case.asked, Asked::Configure(_)) {
                groups.entry(&case.settings).or_default().push(place);
            }
        }
        let mut all = Vec::new();
        for (number, (settings, places)) in groups.into_iter().enumerate() {
            let started = Instant::now();
            let (endured, fault) = self.endure_with(settings, &places, questions);
            self.outcomes.push(Outcome {
                name: format!("endurance {}: one instance, many questions", number + 1),
                runs: 1,
                took: started.elapsed(),
                faults: fault.into_iter().collect(),
            });
            all.extend(endured);
        }
        all
    }

    fn endure_with(
        &self,
        settings: &Json,
        places: &[usize],
        questions: u32,
    ) -> (Option<Endured>, Option<Fault>) {
        let fault = |expected, found, before| Fault {
            run: Run::Reused,
            expected,
            found,
            before,
        };
        let mut seat = match self.policy.start(settings) {
            Ok(seat) => seat,
            Err(refused) => {
                let expected = "an instance starts".to_owned();
                return (None, Some(fault(expected, refused.to_string(), Vec::new())));
            }
        };
        let started = Instant::now();
        let mut memory_halfway = seat.memory_bytes();
        for (number, place) in (0..questions).zip(places.iter().cycle()) {
            if let Err(differs) = verdict::ask(&mut seat, &self.cases[*place]) {
                let name = |back: usize| {
                    let before = (number as usize).checked_sub(back)?;
                    let place = places[before % places.len()];
                    Some(self.cases[place].name.clone())
                };
                let before = (1..=POLICY_TEST_HISTORY).rev().filter_map(name).collect();
                let name = &self.cases[*place].name;
                let found = format!("{}, as question {} ({name})", differs.found, number + 1);
                return (None, Some(fault(differs.expected, found, before)));
            }
            if number == questions / 2 {
                memory_halfway = seat.memory_bytes();
            }
        }
        let endured = Endured {
            questions,
            took: started.elapsed(),
            memory_halfway,
            memory_after: seat.memory_bytes(),
            handles_held: seat.handles_held(),
        };
        let complaint = endured.complaint();
        let fault = complaint.map(|(expected, found)| fault(expected, found, Vec::new()));
        (Some(endured), fault)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn what_is_kept_of_each_call_is_complained_of() {
        let good = Endured {
            questions: 1000,
            took: Duration::ZERO,
            memory_halfway: 1 << 20,
            memory_after: (1 << 20) + POLICY_TEST_GROWTH_BYTES,
            handles_held: POLICY_TEST_HANDLES,
        };
        assert_eq!(good.complaint(), None);
        let handles = Endured {
            handles_held: POLICY_TEST_HANDLES + 1,
            ..good
        };
        assert!(handles.complaint().unwrap().1.contains("65 are held"));
        let memory = Endured {
            memory_halfway: good.memory_halfway - 1,
            ..good
        };
        assert!(memory.complaint().unwrap().1.contains("it grows by"));
    }
}
