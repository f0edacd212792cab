//! One version of a policy: a component with settings that it accepted, its warm instances and the
//! calls put to them. Knows neither other versions nor what a failure leads to.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use parking_lot::Mutex;
use wardroom_domain::{ChannelFacts, Form, Json, RequestFacts, Rule, SubjectFacts};
use wasmtime::Engine;

use super::component::{Digest, Linked};
use super::convert::{Grant, Refused};
use super::deadline::Deadline;
use super::decision::Hook;
use super::failure::{Failure, Refusal};
use super::instance::Instance;
use super::limits::PolicyLimits;
use super::measure::{Measure, Memory, Tally};
use super::question::{Asking, CommandQuestion, EventQuestion};
use super::source::{Isolation, PolicySource};
use super::warm_up;
use crate::limits::{POLICY_CALLS_PER_INSTANCE, POLICY_DECIDE_BATCH, POLICY_IDLE_INSTANCES};
use crate::metrics::Metrics;
use crate::stripes::{STRIPES, Striped};

/// Which instance a call is put to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum On {
    /// A warm one, if there is one.
    Any,
    /// One that has seen nothing yet.
    Fresh,
}

/// One call, as whoever makes it wants it.
#[derive(Clone, Copy)]
pub(super) struct Attempt {
    pub(super) on: On,
    /// When it begins: its deadline counts from here, unless an instance has to be started first.
    pub(super) at: Instant,
}

impl Attempt {
    /// One that begins now.
    pub(super) fn now(on: On) -> Self {
        let at = Instant::now();
        Self { on, at }
    }

    /// A further one, which has its time to itself.
    pub(super) fn next(self) -> Self {
        Self::now(self.on)
    }
}

/// A version of a policy.
pub(super) struct Version {
    policy: Arc<str>,
    digest: Digest,
    settings: String,
    isolation: Isolation,
    limits: PolicyLimits,
    engine: Engine,
    linked: Linked,
    /// Idle instances, beside the thread that used them last. More threads than instances make more;
    /// what is too many is dropped.
    idle: Striped<Mutex<Vec<Instance>>>,
    /// Whether one at most is kept.
    resting: AtomicBool,
    /// Held by whoever sees to it that one at most is kept.
    keeping_one: Mutex<()>,
    tally: Arc<Tally>,
    /// That of the instances of all policies.
    memory: Arc<Memory>,
    measure: Measure,
}

impl Version {
    /// Starts an instance, which compares the types with the interface and takes the settings, and
    /// asks each hook something harmless, so that it is warm and known to answer.
    pub(super) fn trial(
        source: &PolicySource,
        digest: Digest,
        limits: PolicyLimits,
        engine: Engine,
        linked: Linked,
        metrics: Option<&Metrics>,
        memory: &Arc<Memory>,
    ) -> Result<Self, Refusal> {
        let measure = Measure::new(&source.name, |hook| linked.exports(hook), metrics);
        let version = Self {
            policy: source.name.clone(),
            digest,
            settings: source.settings.as_str().to_owned(),
            isolation: source.isolation,
            limits,
            engine,
            linked,
            idle: Striped::default(),
            tally: Tally::new(&source.name, metrics, memory.clone()),
            memory: memory.clone(),
            resting: AtomicBool::new(false),
            keeping_one: Mutex::default(),
            measure,
        };
        let mut instance = version.start()?;
        for hook in Hook::ALL.into_iter().filter(|hook| version.exports(*hook)) {
            // Runtimes with a garbage collector or an interpreter take their time at first.
            warm_up::ask(&mut instance, hook, &version.limits)?;
        }
        version.keep(instance);
        Ok(version)
    }

    pub(super) fn digest(&self) -> Digest {
        self.digest
    }

    /// Whether it exports a hook.
    pub(super) fn exports(&self, hook: Hook) -> bool {
        self.linked.exports(hook)
    }

    /// Whether its answers may depend on the whole directory.
    pub(super) fn looks_up(&self) -> bool {
        self.linked.looks_up
    }

    /// What it imports beyond what every policy may; see [`Linked::capabilities`].
    pub(super) fn capabilities(&self) -> Vec<String> {
        self.linked.capabilities()
    }

    /// The component behind it, for a trial with other settings or limits.
    pub(super) fn linked(&self) -> &Linked {
        &self.linked
    }

    /// How many instances it has, and how much linear memory they have together.
    pub(super) fn instances(&self) -> (usize, u64) {
        self.tally.totals()
    }

    /// The hooks it exports.
    pub(super) fn hooks(&self) -> Vec<&'static str> {
        self.linked.hooks()
    }

    /// How it fares.
    pub(super) fn measure(&self) -> &Measure {
        &self.measure
    }

    /// Asks whether a person may enter or stay.
    pub(super) fn admit(
        &self,
        attempt: Attempt,
        asking: Asking<'_>,
        request: &RequestFacts,
    ) -> Result<Result<(), Refused>, Failure> {
        self.with(attempt, |instance, deadline| {
            instance.admit(asking, request, deadline)
        })
    }

    /// Asks which rule holds for a channel.
    pub(super) fn audience(
        &self,
        attempt: Attempt,
        asking: Asking<'_>,
        channel: &ChannelFacts,
    ) -> Result<Rule, Failure> {
        self.with(attempt, |instance, deadline| {
            instance.audience(asking, channel, deadline)
        })
    }

    /// Asks about each of the subjects, in batches.
    pub(super) fn decide(
        &self,
        attempt: Attempt,
        asking: Asking<'_>,
        channel: &ChannelFacts,
        subjects: &[SubjectFacts],
    ) -> Result<Vec<bool>, Failure> {
        let mut answers = Vec::with_capacity(subjects.len());
        let mut attempt = attempt;
        for batch in subjects.chunks(POLICY_DECIDE_BATCH) {
            if !answers.is_empty() {
                attempt = attempt.next();
            }
            answers.extend(self.with(attempt, |instance, deadline| {
                instance.decide(asking, channel, batch, deadline)
            })?);
        }
        Ok(answers)
    }

    /// Asks whether a command may be carried out, and what goes with it.
    pub(super) fn authorize(
        &self,
        attempt: Attempt,
        asking: Asking<'_>,
        command: &CommandQuestion,
    ) -> Result<Result<Option<Grant>, Refused>, Failure> {
        self.with(attempt, |instance, deadline| {
            instance.authorize(asking, command, deadline)
        })
    }

    /// Asks how an event looks that the policies before made this payload of.
    pub(super) fn render(
        &self,
        attempt: Attempt,
        asking: Asking<'_>,
        event: &EventQuestion,
        payload: &Json,
    ) -> Result<Form, Failure> {
        self.with(attempt, |instance, deadline| {
            instance.render(asking, event, payload, deadline)
        })
    }

    /// Takes an instance, has it asked until a deadline, and keeps it if the call went well. To start
    /// one takes none of the call's time.
    fn with<R>(
        &self,
        attempt: Attempt,
        ask: impl FnOnce(&mut Instance, Deadline) -> Result<R, Failure>,
    ) -> Result<R, Failure> {
        let warm = match attempt.on {
            On::Any => self.idle.mine_first().find_map(|idle| idle.lock().pop()),
            On::Fresh => None,
        };
        let (mut instance, at) = match warm {
            Some(instance) => (instance, attempt.at),
            None => (self.start()?, Instant::now()),
        };
        let answer = ask(&mut instance, Deadline::of_call(at, &self.limits))?;
        self.keep(instance);
        Ok(answer)
    }

    /// Keeps one warm instance at most from now on: the version is no longer in force, and answers
    /// only when the one that is does not.
    pub(super) fn rest(&self) {
        self.resting.store(true, Ordering::Relaxed);
        let mut spare = Vec::new();
        for idle in self.idle.iter() {
            spare.append(&mut idle.lock());
        }
        // Giving memory back takes its time: not under a lock.
        spare.truncate(1);
        spare.into_iter().for_each(|instance| self.keep(instance));
    }

    /// Keeps as many warm instances as it may: the version is in force again.
    pub(super) fn wake(&self) {
        self.resting.store(false, Ordering::Relaxed);
    }

    /// Keeps an instance for further calls unless it is worn, has seen enough, or there are many;
    /// beyond the first also unless all instances of the server have more memory than they may.
    fn keep(&self, instance: Instance) {
        let worn = instance.calls() >= POLICY_CALLS_PER_INSTANCE
            || instance.memory_bytes() > self.limits.memory_bytes / 2;
        if worn || self.isolation == Isolation::PerCall {
            return;
        }
        let full = || self.memory.exceeds(self.limits.warm_memory_bytes);
        if self.resting.load(Ordering::Relaxed) || full() {
            return self.keep_one(instance);
        }
        let mut idle = self.idle.mine().lock();
        if idle.len() < POLICY_IDLE_INSTANCES / STRIPES {
            idle.push(instance);
        }
    }

    /// Keeps an instance if it is the only idle one.
    fn keep_one(&self, instance: Instance) {
        // Of two that come back at once, one sees the other.
        let _one = self.keeping_one.lock();
        if self.idle.iter().all(|idle| idle.lock().is_empty()) {
            self.idle.mine().lock().push(instance);
        }
    }

    fn start(&self) -> Result<Instance, Refusal> {
        let policy = self.policy.clone();
        Instance::start(
            policy,
            &self.settings,
            &self.limits,
            &self.engine,
            &self.linked,
            &self.tally,
        )
    }
}
