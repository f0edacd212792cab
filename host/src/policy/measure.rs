//! How a version fares: what is counted of its calls, whether it is in quarantine, and how many
//! instances it has. On the way that a call takes when all is well there is no lock. Knows neither
//! guests nor what a failure leads to.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU16, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::decision::Hook;
use super::failure::{Failure, Kind};
use super::offenders::{Isolated, Offenders, Probes, Suspects};
use super::quarantine::{Entry, Led, Quarantine};
use crate::metrics::{HookMeter, InstanceMeter, Metrics};

/// The verdict of a policy that failed to answer.
pub(super) const FAILED: &str = "failed";

/// What a policy may say of a hook, in a word.
fn verdicts(hook: Hook) -> &'static [&'static str] {
    match hook {
        Hook::Admission | Hook::Commands => &["allowed", "denied", FAILED],
        Hook::Visibility => &[
            "everyone", "nobody", "only", "except", "each", "decided", FAILED,
        ],
        Hook::Events => &["unchanged", "replaced", "suppressed", "split", FAILED],
    }
}

/// How one hook of a version fares.
#[derive(Default)]
struct Health {
    /// Whether the state behind the lock is another than that of a version which never failed.
    troubled: AtomicBool,
    state: Mutex<Trouble>,
    last_failure: Mutex<Option<Arc<str>>>,
    meter: Option<HookMeter>,
}

/// For whom one hook of a version fails, and whether it is for so many that nobody is answered.
#[derive(Default)]
struct Trouble {
    quarantine: Quarantine,
    offenders: Offenders,
}

impl Trouble {
    fn is_over(&self) -> bool {
        self.quarantine.is_well() && self.offenders.is_empty()
    }
}

/// A question that was let through.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pass {
    whole: Entry,
    probes: Probes,
}

/// What a failure led to.
#[derive(Clone, Copy, Debug)]
pub(super) struct LedTo {
    /// For everybody.
    pub(super) whole: Led,
    /// For whoever or whatever it was that failed.
    pub(super) one: Option<Isolated>,
}

/// How a version fares.
pub(super) struct Measure {
    hooks: [Health; Hook::ALL.len()],
    failures: AtomicU64,
    /// One bit for each kind of failure that has been logged.
    logged: AtomicU16,
    last_failure: Mutex<Option<Arc<str>>>,
}

impl Measure {
    /// Takes the handles of the metrics for the hooks that the version exports.
    pub(super) fn new(
        policy: &str,
        exports: impl Fn(Hook) -> bool,
        metrics: Option<&Metrics>,
    ) -> Self {
        let kinds = Kind::ALL.map(Kind::name);
        let hooks = Hook::ALL.map(|hook| {
            let metrics = metrics.filter(|_| exports(hook));
            let meter = metrics.map(|m| {
                m.policies()
                    .hook(policy, hook.name(), verdicts(hook), &kinds)
            });
            Health {
                meter,
                ..Health::default()
            }
        });
        Self {
            hooks,
            failures: AtomicU64::new(0),
            logged: AtomicU16::new(0),
            last_failure: Mutex::default(),
        }
    }

    fn health(&self, hook: Hook) -> &Health {
        &self.hooks[hook as usize]
    }

    /// Lets a question through, unless the version is not to be asked it. `origin` is worked out only
    /// where the version has failed.
    pub(super) fn enter(
        &self,
        hook: Hook,
        origin: impl FnOnce() -> Suspects,
        now: Instant,
    ) -> Option<Pass> {
        let health = self.health(hook);
        let mut pass = Pass {
            whole: Entry::Open,
            probes: Probes::default(),
        };
        if !health.troubled.load(Ordering::Relaxed) {
            return Some(pass);
        }
        let suspects = origin();
        let mut state = health.state.lock();
        // Whoever is turned away anyway is not the one that probes for all.
        if state.offenders.closed(suspects, now) {
            return None;
        }
        pass.whole = state.quarantine.enter(now);
        if pass.whole == Entry::Closed {
            return None;
        }
        pass.probes = state.offenders.enter(suspects, now);
        Some(pass)
    }

    /// Whether a question would be turned away.
    pub(super) fn turns_away(
        &self,
        hook: Hook,
        origin: impl FnOnce() -> Suspects,
        now: Instant,
    ) -> bool {
        let health = self.health(hook);
        if !health.troubled.load(Ordering::Relaxed) {
            return false;
        }
        let suspects = origin();
        let state = health.state.lock();
        state.quarantine.closed(now) || state.offenders.closed(suspects, now)
    }

    /// The hooks that do not ask about some askers or inputs for a while, and about how many.
    pub(super) fn isolated(&self) -> impl Iterator<Item = (Hook, usize)> {
        let count = |hook: Hook| (hook, self.health(hook).state.lock().offenders.isolated());
        Hook::ALL
            .into_iter()
            .map(count)
            .filter(|(_, some)| *some > 0)
    }

    /// Whether all questions would be turned away.
    pub(super) fn closed(&self, hook: Hook, now: Instant) -> bool {
        let health = self.health(hook);
        health.troubled.load(Ordering::Relaxed) && health.state.lock().quarantine.closed(now)
    }

    /// The hooks that are in quarantine.
    pub(super) fn quarantined(&self, now: Instant) -> impl Iterator<Item = Hook> {
        let closed = move |hook: &Hook| self.closed(*hook, now);
        Hook::ALL.into_iter().filter(closed)
    }

    /// Counts an attempt.
    pub(super) fn called(&self, hook: Hook, took: Duration) {
        if let Some(meter) = &self.health(hook).meter {
            meter.called(took);
        }
    }

    /// Counts what the policy said.
    pub(super) fn said(&self, hook: Hook, verdict: &str) {
        if let Some(meter) = &self.health(hook).meter {
            meter.said(verdict);
        }
    }

    /// Takes down that the version answered; true if it was in quarantine.
    pub(super) fn answered(
        &self,
        hook: Hook,
        origin: impl FnOnce() -> Suspects,
        now: Instant,
    ) -> bool {
        let health = self.health(hook);
        if !health.troubled.load(Ordering::Relaxed) {
            return false;
        }
        let suspects = origin();
        let mut state = health.state.lock();
        let released = state.quarantine.answered();
        let before = state.offenders.isolated();
        state.offenders.answered(suspects, now);
        health.troubled.store(!state.is_over(), Ordering::Relaxed);
        if let Some(meter) = &health.meter {
            meter.isolated(before, state.offenders.isolated());
            if released {
                meter.quarantined(false);
            }
        }
        released
    }

    /// Takes down that the version did not answer, however it was asked. That it had no instance left
    /// follows nobody.
    pub(super) fn gave_up(
        &self,
        hook: Hook,
        suspects: Suspects,
        pass: Pass,
        kind: Option<Kind>,
        now: Instant,
    ) -> LedTo {
        let health = self.health(hook);
        let mut state = health.state.lock();
        health.troubled.store(true, Ordering::Relaxed);
        let whole = state.quarantine.failed(suspects.asker, pass.whole, now);
        let before = state.offenders.isolated();
        let one = match kind {
            Some(Kind::Busy) => None,
            _ => state.offenders.failed(suspects, pass.probes, now),
        };
        if let Some(meter) = &health.meter {
            meter.isolated(before, state.offenders.isolated());
            if let Led::ToQuarantine(_) = whole {
                meter.quarantined(true);
            }
        }
        LedTo { whole, one }
    }

    /// Counts a failed attempt, which is told in these words; true if it is the first of its kind,
    /// which is the one to log.
    pub(super) fn failed(&self, hook: Hook, failure: &Failure, said: &Arc<str>) -> bool {
        self.failures.fetch_add(1, Ordering::Relaxed);
        let health = self.health(hook);
        if let Some(meter) = &health.meter {
            meter.failed(failure.kind.name());
        }
        *health.last_failure.lock() = Some(said.clone());
        *self.last_failure.lock() = Some(said.clone());
        let bit = 1 << (failure.kind as u8);
        self.logged.fetch_or(bit, Ordering::Relaxed) & bit == 0
    }

    /// How many attempts failed, and how the last of them did.
    pub(super) fn failures(&self) -> (u64, Option<String>) {
        let count = self.failures.load(Ordering::Relaxed);
        (
            count,
            self.last_failure.lock().as_deref().map(str::to_owned),
        )
    }

    /// How the last attempt failed that did, at one hook.
    pub(super) fn last_failure(&self, hook: Hook) -> Option<Arc<str>> {
        self.health(hook).last_failure.lock().clone()
    }
}

impl Drop for Measure {
    /// A version that is gone is in no quarantine, and leaves nobody alone.
    fn drop(&mut self) {
        for health in &self.hooks {
            let mut state = health.state.lock();
            let released = state.quarantine.answered();
            if let Some(meter) = &health.meter {
                meter.isolated(state.offenders.isolated(), 0);
                if released {
                    meter.quarantined(false);
                }
            }
        }
    }
}

/// The linear memory of all instances of a server, of whatever policy, in bytes.
#[derive(Default)]
pub(super) struct Memory(AtomicI64);

/// The instances that a version has, idle and busy.
pub(super) struct Tally {
    alive: AtomicUsize,
    memory_bytes: AtomicI64,
    /// That of all versions together.
    all: Arc<Memory>,
    meter: Option<InstanceMeter>,
}

impl Tally {
    /// Nothing yet of this policy; what it will have counts in `all` as well.
    pub(super) fn new(policy: &str, metrics: Option<&Metrics>, all: Arc<Memory>) -> Arc<Self> {
        Arc::new(Self {
            alive: AtomicUsize::new(0),
            memory_bytes: AtomicI64::new(0),
            all,
            meter: metrics.map(|m| m.policies().instances(policy)),
        })
    }

    /// How many there are, and their linear memory together, in bytes.
    pub(super) fn totals(&self) -> (usize, u64) {
        let memory = self.memory_bytes.load(Ordering::Relaxed);
        let alive = self.alive.load(Ordering::Relaxed);
        (alive, u64::try_from(memory).unwrap_or(0))
    }
}

impl Memory {
    /// Whether the instances of all policies have more than this together, in bytes.
    pub(super) fn exceeds(&self, bytes: u64) -> bool {
        let memory = self.0.load(Ordering::Relaxed);
        u64::try_from(memory).unwrap_or(0) > bytes
    }
}

/// One instance's part in the tally, which ends with it.
pub(super) struct Counted {
    tally: Arc<Tally>,
    memory_bytes: i64,
}

impl Counted {
    /// Counts one more instance, unless there are as many as there may be.
    pub(super) fn new(tally: &Arc<Tally>, most: usize) -> Option<Self> {
        if tally.alive.fetch_add(1, Ordering::Relaxed) >= most {
            tally.alive.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        if let Some(meter) = &tally.meter {
            meter.instances(1);
        }
        Some(Self {
            tally: tally.clone(),
            memory_bytes: 0,
        })
    }

    /// Says how much memory the instance has now.
    pub(super) fn memory(&mut self, bytes: usize) {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        if bytes == self.memory_bytes {
            return;
        }
        let change = bytes - self.memory_bytes;
        self.tally.memory_bytes.fetch_add(change, Ordering::Relaxed);
        self.tally.all.0.fetch_add(change, Ordering::Relaxed);
        if let Some(meter) = &self.tally.meter {
            meter.memory(change);
        }
        self.memory_bytes = bytes;
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.tally.alive.fetch_sub(1, Ordering::Relaxed);
        self.memory(0);
        if let Some(meter) = &self.tally.meter {
            meter.instances(-1);
        }
    }
}
