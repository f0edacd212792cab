//! Runs table cases against a component. Each case is put to a fresh instance and to instances that
//! other cases were put to before, in an order that a seed decides: a policy that remembers is found
//! out, and the seed finds it out again. Knows neither files nor how results are shown.

mod endurance;
mod verdict;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{RngExt, SeedableRng};
use wardroom_domain::Json;

use super::cases::{Asked, Case, ExpectConfigured};
use crate::limits::{POLICY_TEST_HISTORY, POLICY_TEST_INSTANCES};
use crate::policy::workbench::{Compiled, NotStarted, Seat};
pub use endurance::Endured;
use verdict::Differs;

/// How cases are run.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// What decides the order and which instances are shared.
    pub seed: u64,
    /// How often everything is run, each time in another order; at least once.
    pub repeat: u32,
    /// Whether cases share instances too, as they do in a server that is not told otherwise.
    pub reuse: bool,
    /// How many questions one instance is asked at the end, cases in turn; none if it is 0.
    pub endurance: u32,
}

/// On which instance a case was run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Run {
    /// On one that had seen nothing.
    Fresh,
    /// On one that had been asked other cases.
    Reused,
}

/// A case that did not come out as expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// On which instance.
    pub run: Run,
    /// What was expected.
    pub expected: String,
    /// What was found.
    pub found: String,
    /// The latest cases that the same instance was asked before.
    pub before: Vec<String>,
}

impl Fault {
    /// Whether another one says the same, on whichever instance.
    #[must_use]
    pub fn says_what(&self, other: &Self) -> bool {
        (&self.expected, &self.found) == (&other.expected, &other.found)
    }
}

/// What came of a case.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Its name.
    pub name: String,
    /// How often it was run.
    pub runs: u32,
    /// How long its runs took together.
    pub took: Duration,
    /// What was not as expected: the first on a fresh and the first on a reused instance.
    pub faults: Vec<Fault>,
}

impl Outcome {
    /// Whether all its runs came out as expected.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.faults.is_empty()
    }

    /// Whether it fails only where an instance is shared: then the policy remembers.
    #[must_use]
    pub fn remembers(&self) -> bool {
        !self.passed() && self.faults.iter().all(|fault| fault.run == Run::Reused)
    }
}

/// What came of all cases.
#[derive(Clone, Debug)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// The cases, in the order of their file, and then the endurance of an instance for each
    /// settings.
    pub outcomes: Vec<Outcome>,
    /// What was measured meanwhile.
    pub endured: Vec<Endured>,
    /// How long it took.
    pub took: Duration,
}

impl Report {
    /// How many cases failed.
    #[must_use]
    pub fn failed(&self) -> usize {
        self.outcomes.iter().filter(|case| !case.passed()).count()
    }
}

/// Runs all cases.
#[must_use]
pub fn run(policy: &Compiled, cases: &[Case], options: Options) -> Report {
    let started = Instant::now();
    let mut run = Running {
        policy,
        cases,
        random: StdRng::seed_from_u64(options.seed),
        shared: BTreeMap::new(),
        outcomes: cases.iter().map(outcome).collect(),
    };
    for _ in 0..options.repeat.max(1) {
        for place in run.order() {
            run.fresh(place);
        }
        if !options.reuse {
            continue;
        }
        // The first pass makes the instances that are shared, the second finds them all in use.
        for pass in 0..2 {
            for place in run.order() {
                run.reused(place, pass == 0);
            }
        }
    }
    let endured = match options.endurance {
        0 => Vec::new(),
        questions => run.endure(questions),
    };
    Report {
        seed: options.seed,
        outcomes: run.outcomes,
        endured,
        took: started.elapsed(),
    }
}

fn outcome(case: &Case) -> Outcome {
    Outcome {
        name: case.name.clone(),
        runs: 0,
        took: Duration::ZERO,
        faults: Vec::new(),
    }
}

/// An instance that cases share, and their names.
struct Shared {
    seat: Seat,
    asked: Vec<String>,
}

struct Running<'a> {
    policy: &'a Compiled,
    cases: &'a [Case],
    random: StdRng,
    /// By settings, since an instance has one kind for life.
    shared: BTreeMap<&'a Json, Vec<Shared>>,
    outcomes: Vec<Outcome>,
}

impl<'a> Running<'a> {
    fn order(&mut self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.cases.len()).collect();
        order.shuffle(&mut self.random);
        order
    }

    fn fresh(&mut self, place: usize) {
        let case = &self.cases[place];
        let started = Instant::now();
        let differs = match (&case.asked, self.policy.start(&case.settings)) {
            (Asked::Configure(expect), outcome) => configured(expect, outcome.err()),
            (_, Ok(mut seat)) => verdict::ask(&mut seat, case).err(),
            (_, Err(refused)) => Some(Differs::not_asked(&case.asked, &refused)),
        };
        self.note(place, started, Run::Fresh, differs, Vec::new());
    }

    /// Puts a case to an instance that others were put to.
    fn reused(&mut self, place: usize, may_start: bool) {
        let case = &self.cases[place];
        if matches!(case.asked, Asked::Configure(_)) {
            // Settings are taken once in an instance.
            return;
        }
        let started = Instant::now();
        let shared = self.shared.entry(&case.settings).or_default();
        let wanted = self.random.random_range(0..POLICY_TEST_INSTANCES);
        let all: Vec<usize> = (0..shared.len()).collect();
        let at = match all.choose(&mut self.random) {
            Some(at) if !may_start || wanted < shared.len() => *at,
            _ => match self.policy.start(&case.settings) {
                Ok(seat) => {
                    shared.push(Shared {
                        seat,
                        asked: Vec::new(),
                    });
                    shared.len() - 1
                }
                // The run on a fresh instance has said so.
                Err(_) => return,
            },
        };
        let run = match shared[at].asked.is_empty() {
            true => Run::Fresh,
            false => Run::Reused,
        };
        let answer = verdict::ask(&mut shared[at].seat, case);
        let before = shared[at].asked.iter().rev().take(POLICY_TEST_HISTORY);
        let before = before.rev().cloned().collect();
        shared[at].asked.push(case.name.clone());
        let differs = answer.err();
        if differs.as_ref().is_some_and(|differs| differs.call_failed) {
            // Like a server, it does not ask an instance again that failed.
            shared.swap_remove(at);
        }
        self.note(place, started, run, differs, before);
    }

    fn note(
        &mut self,
        place: usize,
        started: Instant,
        run: Run,
        differs: Option<Differs>,
        before: Vec<String>,
    ) {
        let outcome = &mut self.outcomes[place];
        outcome.runs += 1;
        outcome.took += started.elapsed();
        if let Some(differs) = differs
            && !outcome.faults.iter().any(|fault| fault.run == run)
        {
            outcome.faults.push(Fault {
                run,
                expected: differs.expected,
                found: differs.found,
                before,
            });
        }
    }
}

fn configured(expect: &ExpectConfigured, refused: Option<NotStarted>) -> Option<Differs> {
    match (expect, refused) {
        (ExpectConfigured::Accepted, None) => None,
        (ExpectConfigured::Refused(part), Some(NotStarted::Settings(text)))
            if text.contains(part) =>
        {
            None
        }
        (expect, refused) => Some(Differs {
            expected: verdict::expected_configured(expect),
            found: match refused {
                None => "the settings are accepted".to_owned(),
                Some(refused) => refused.to_string(),
            },
            call_failed: false,
        }),
    }
}
