//! One version of a policy and its instances: started, asked, kept warm, dropped after any
//! failure. Knows neither other versions nor what a failure leads to.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use wardroom_domain::{Attributes, ChannelFacts, ChannelId, Json, Rule, SubjectFacts};
use wasmtime::component::Resource;
use wasmtime::{Engine, Store, Trap};

use super::bindings::exports::wardroom::policy::channel_visibility::Guest;
use super::component::{Digest, Linked, LoadError, mismatch};
use super::engine::{self, DeadlinePassed};
use super::facts::{Exceeded, Question, State};
use super::limits::PolicyLimits;
use super::{convert, facts};
use crate::limits::{POLICY_CALLS_PER_INSTANCE, POLICY_DECIDE_BATCH, POLICY_IDLE_INSTANCES};

/// What went wrong in a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The guest trapped: a panic, an abort, an exception nobody caught, memory out of bounds.
    Trap,
    /// It ran past its deadline.
    Deadline,
    /// It wanted more memory or table elements than it may have.
    Memory,
    /// Its stack overflowed.
    Stack,
    /// It returned or passed more than it may.
    Output,
    /// Its answer does not fit the question.
    Answer,
    /// It refused in a new instance the settings that it took before.
    Settings,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Trap => "trap",
            Self::Deadline => "deadline",
            Self::Memory => "memory",
            Self::Stack => "stack",
            Self::Output => "output",
            Self::Answer => "answer",
            Self::Settings => "settings",
        }
    }
}

/// A call that failed.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) kind: Kind,
    pub(super) detail: String,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.kind.name(), self.detail)
    }
}

/// Which instance a call is put to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum On {
    /// A warm one, if there is one.
    Any,
    /// One that has seen nothing yet.
    Fresh,
}

/// A version of a policy: a component with settings it accepted.
pub(super) struct Version {
    policy: Arc<str>,
    digest: Digest,
    settings: String,
    limits: PolicyLimits,
    engine: Engine,
    linked: Linked,
    /// Idle instances. More threads than instances make more; what is too many is dropped.
    idle: Mutex<Vec<Instance>>,
    failures: AtomicU64,
    /// One bit for each kind of failure that has been logged.
    logged: AtomicU8,
    last_failure: Mutex<Option<String>>,
}

struct Instance {
    store: Store<State>,
    visibility: Option<Guest>,
    calls: u32,
    /// How many subjects it was given so far.
    subjects: u32,
}

impl Version {
    /// Starts a trial instance, which compares the types of its exports and takes the settings,
    /// and asks it about an empty public channel, so that it is warm and known to answer.
    pub(super) fn trial(
        policy: Arc<str>,
        digest: Digest,
        settings: &Json,
        limits: PolicyLimits,
        engine: Engine,
        linked: Linked,
    ) -> Result<Self, Refusal> {
        let version = Self {
            policy,
            digest,
            settings: settings.as_str().to_owned(),
            limits,
            engine,
            linked,
            idle: Mutex::default(),
            failures: AtomicU64::new(0),
            logged: AtomicU8::new(0),
            last_failure: Mutex::default(),
        };
        let mut instance = version.start()?;
        if instance.visibility.is_some() {
            let channel = ChannelFacts {
                id: ChannelId::new("warm-up").expect("a short word is an id"),
                private: false,
                members: Default::default(),
                attributes: Attributes::default(),
            };
            // Runtimes with a garbage collector or an interpreter take their time at first.
            let deadline = version.limits.start_deadline;
            instance
                .audience(&channel, deadline)
                .map_err(Refusal::WarmUp)?;
        }
        version.idle.lock().push(instance);
        Ok(version)
    }

    pub(super) fn digest(&self) -> Digest {
        self.digest
    }

    /// Whether it answers who sees a channel.
    pub(super) fn visibility(&self) -> bool {
        self.linked.visibility.is_some()
    }

    /// The hooks it exports.
    pub(super) fn hooks(&self) -> Vec<&'static str> {
        let lifecycle = self.linked.lifecycle.as_ref().map(|_| "lifecycle");
        let visibility = self
            .linked
            .visibility
            .as_ref()
            .map(|_| "channel-visibility");
        lifecycle.into_iter().chain(visibility).collect()
    }

    /// How many calls failed, and how the last of them did.
    pub(super) fn failures(&self) -> (u64, Option<String>) {
        let count = self.failures.load(Ordering::Relaxed);
        (count, self.last_failure.lock().clone())
    }

    /// Counts a failure; true if it is the first of its kind, which is the one to log.
    pub(super) fn note(&self, failure: &Failure) -> bool {
        self.failures.fetch_add(1, Ordering::Relaxed);
        *self.last_failure.lock() = Some(failure.to_string());
        let bit = 1 << (failure.kind as u8);
        self.logged.fetch_or(bit, Ordering::Relaxed) & bit == 0
    }

    /// Asks which rule holds for a channel.
    pub(super) fn audience(&self, on: On, channel: &ChannelFacts) -> Result<Rule, Failure> {
        let deadline = self.limits.call_deadline;
        self.with(on, |instance| instance.audience(channel, deadline))
    }

    /// Asks about each of the subjects, in batches.
    pub(super) fn decide(
        &self,
        on: On,
        channel: &ChannelFacts,
        subjects: &[SubjectFacts],
    ) -> Result<Vec<bool>, Failure> {
        let deadline = self.limits.call_deadline;
        self.with(on, |instance| {
            let mut answers = Vec::with_capacity(subjects.len());
            for batch in subjects.chunks(POLICY_DECIDE_BATCH) {
                answers.extend(instance.decide(channel, batch, deadline)?);
            }
            Ok(answers)
        })
    }

    /// Takes an instance, has it asked, and keeps it if the call went well and it is not worn.
    fn with<R>(
        &self,
        on: On,
        ask: impl FnOnce(&mut Instance) -> Result<R, Failure>,
    ) -> Result<R, Failure> {
        let warm = match on {
            On::Any => self.idle.lock().pop(),
            On::Fresh => None,
        };
        let mut instance = match warm {
            Some(instance) => instance,
            None => self.start().map_err(|refusal| match refusal {
                Refusal::Start(failure) | Refusal::WarmUp(failure) => failure,
                Refusal::Settings(detail) => Failure {
                    kind: Kind::Settings,
                    detail,
                },
                Refusal::Load(error) => Failure {
                    kind: Kind::Trap,
                    detail: error.to_string(),
                },
            })?,
        };
        let answer = ask(&mut instance)?;
        let worn = instance.calls >= POLICY_CALLS_PER_INSTANCE
            || instance.store.data().memory_bytes > self.limits.memory_bytes / 2;
        if !worn {
            let mut idle = self.idle.lock();
            if idle.len() < POLICY_IDLE_INSTANCES {
                idle.push(instance);
            }
        }
        Ok(answer)
    }

    fn start(&self) -> Result<Instance, Refusal> {
        let state = State::new(self.policy.clone(), self.limits);
        let mut store = engine::store(&self.engine, state, &self.limits);
        begin(&mut store, Question::default(), self.limits.start_deadline);
        let instance = match self.linked.pre.instantiate(&mut store) {
            Ok(instance) => instance,
            Err(error) => return Err(Refusal::Start(end(&mut store, error))),
        };
        let load = |error| Refusal::Load(mismatch(&error));
        let visibility = match &self.linked.visibility {
            Some(indices) => Some(indices.load(&mut store, &instance).map_err(load)?),
            None => None,
        };
        if let Some(indices) = &self.linked.lifecycle {
            let guest = indices.load(&mut store, &instance).map_err(load)?;
            match guest.call_configure(&mut store, &self.settings) {
                Ok(Ok(())) => {}
                Ok(Err(text)) => return Err(Refusal::Settings(text)),
                Err(error) => return Err(Refusal::Start(end(&mut store, error))),
            }
        }
        store.data_mut().end();
        Ok(Instance {
            store,
            visibility,
            calls: 0,
            subjects: 0,
        })
    }
}

impl Instance {
    fn audience(&mut self, channel: &ChannelFacts, deadline: Duration) -> Result<Rule, Failure> {
        let question = Question {
            channel: Some(channel.clone()),
            ..Question::default()
        };
        let rule = self.call(question, deadline, |guest, store| {
            guest.call_audience(store, Resource::new_borrow(0))
        })?;
        Ok(convert::rule(rule))
    }

    fn decide(
        &mut self,
        channel: &ChannelFacts,
        subjects: &[SubjectFacts],
        deadline: Duration,
    ) -> Result<Vec<bool>, Failure> {
        let question = Question {
            channel: Some(channel.clone()),
            subjects: subjects.to_vec(),
            first_subject: self.subjects,
            ..Question::default()
        };
        let handles: Vec<Resource<facts::Subject>> = (0..)
            .take(subjects.len())
            .map(|place| Resource::new_own(self.subjects.wrapping_add(place)))
            .collect();
        self.subjects = self.subjects.wrapping_add(handles.len() as u32);
        let answers = self.call(question, deadline, |guest, store| {
            guest.call_decide(store, Resource::new_borrow(0), &handles)
        })?;
        if answers.len() == subjects.len() {
            return Ok(answers);
        }
        Err(Failure {
            kind: Kind::Answer,
            detail: format!(
                "decide was asked about {} subjects and answered {}",
                subjects.len(),
                answers.len()
            ),
        })
    }

    fn call<R>(
        &mut self,
        question: Question,
        deadline: Duration,
        ask: impl FnOnce(&Guest, &mut Store<State>) -> wasmtime::Result<R>,
    ) -> Result<R, Failure> {
        let Some(guest) = &self.visibility else {
            return Err(Failure {
                kind: Kind::Answer,
                detail: "this version does not export channel-visibility".into(),
            });
        };
        self.calls += 1;
        begin(&mut self.store, question, deadline);
        match ask(guest, &mut self.store) {
            Ok(answer) => {
                self.store.data_mut().end();
                Ok(answer)
            }
            Err(error) => Err(end(&mut self.store, error)),
        }
    }
}

fn begin(store: &mut Store<State>, question: Question, deadline: Duration) {
    store.data_mut().begin(question, deadline);
    // From the next tick on, real time decides.
    store.set_epoch_deadline(1);
}

/// Names what ended a call. The store is not used again.
fn end(store: &mut Store<State>, error: wasmtime::Error) -> Failure {
    let exceeded = store.data().exceeded;
    let printed = store.data_mut().end();
    let root = error.root_cause().to_string();
    let (kind, detail) = if error.is::<DeadlinePassed>() {
        (Kind::Deadline, root)
    } else if exceeded == Some(Exceeded::Memory) {
        (
            Kind::Memory,
            format!("more memory than it may have ({root})"),
        )
    } else if exceeded == Some(Exceeded::Tables) {
        (
            Kind::Memory,
            format!("more table elements than it may have ({root})"),
        )
    } else if matches!(error.downcast_ref(), Some(Trap::StackOverflow)) {
        (Kind::Stack, root)
    } else if root.contains("fuel allocated for hostcalls") {
        // The engine has no type for it; a test holds on to the text.
        (
            Kind::Output,
            "more data in one answer than it may give".to_owned(),
        )
    } else {
        (Kind::Trap, root)
    };
    let detail = match printed {
        Some(text) => format!("{detail}; it printed: {text}"),
        None => detail,
    };
    Failure { kind, detail }
}

/// Why a version does not come to life.
#[derive(Clone, Debug)]
pub(super) enum Refusal {
    /// The file.
    Load(LoadError),
    /// The instance did not start.
    Start(Failure),
    /// It refused its settings.
    Settings(String),
    /// It could not answer the simplest question.
    WarmUp(Failure),
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Load(error) => error.fmt(f),
            Self::Start(failure) => write!(f, "the policy failed to start: {failure}"),
            Self::Settings(text) => write!(f, "the policy refused its settings: {text}"),
            Self::WarmUp(failure) => {
                write!(f, "the policy failed on an empty public channel: {failure}")
            }
        }
    }
}

impl From<LoadError> for Refusal {
    fn from(error: LoadError) -> Self {
        Self::Load(error)
    }
}
