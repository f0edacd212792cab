//! Policies without a server around them: the room's door for the tools of their authors. Loads one
//! component under the server's own rules and puts questions to single instances of it, with no
//! ladder, no metrics and no log of decisions. Knows neither files nor what a tool makes of answers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use wardroom_domain::{ChannelFacts, Form, Json, RequestFacts, Rule, SubjectFacts};
use wasmtime::Engine;
use wasmtime::component::Linker;

use super::compiling::{Order, Pace, Stop};
use super::component::{self, Linked, LoadError};
use super::contract;
use super::convert::Refused;
use super::deadline::Deadline;
use super::engine;
use super::facts::State;
use super::failure::{Failure, Refusal};
use super::instance::Instance;
use super::measure::{Memory, Tally};
use super::warm_up;
use super::wasi;
use crate::json;
use crate::limits::POLICY_DECIDE_BATCH;

pub use super::compiling::Compiler;
pub use super::component::Digest;
pub use super::contract::{Finding, Surfaces};
pub use super::decision::Hook;
pub use super::limits::PolicyLimits;
pub use super::question::{Asking, CommandQuestion, EventQuestion};

/// What the policy on the bench is called in the log.
const NAME: &str = "workbench";

/// The engine does not start.
#[derive(Debug, thiserror::Error)]
#[error("the WebAssembly engine does not start: {0}")]
pub struct WorkbenchError(String);

/// A place to try policies.
pub struct Workbench {
    engine: Engine,
    linker: Linker<State>,
    limits: PolicyLimits,
    compiler: Compiler,
    counts: bool,
}

/// A component that was taken.
pub struct Compiled {
    engine: Engine,
    linked: Linked,
    limits: PolicyLimits,
    tally: Arc<Tally>,
    /// How long it took to compile and link.
    pub took: Duration,
}

/// One running instance. A call that fails ends it: it is not to be asked again.
pub struct Seat {
    instance: Instance,
    limits: PolicyLimits,
}

/// Why an instance does not start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotStarted {
    /// It refused its settings, in these words.
    #[error("the policy refused its settings: {0}")]
    Settings(String),
    /// It failed.
    #[error("{0}")]
    Failed(String),
}

/// A policy's refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denied {
    /// The policy's own word for the reason.
    pub code: Arc<str>,
    /// The reason, for the person.
    pub message: Arc<str>,
}

/// A call that failed: its kind, such as `trap` or `deadline`, and what is known of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the call failed, {0}")]
pub struct CallFailed(String);

/// Everything that can be said of a file without asking it anything.
pub struct Inspection {
    /// What it exports and imports, and every reason why a server refuses it; the findings are
    /// empty or mere notes if one takes it.
    pub surfaces: Surfaces,
    /// The component, if a server takes it.
    pub compiled: Option<Compiled>,
}

/// How an import is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Met {
    /// By the server, as part of `wardroom:policy`.
    Offered,
    /// By a stub: it is there and says nothing of the world.
    Stubbed,
    /// It may be imported and traps when it is called.
    Absent,
    /// It is not met: the component is refused.
    Refused,
}

/// How an import of this full name is met.
#[must_use]
pub fn met(import: &str) -> Met {
    match wasi::offer(import) {
        Some(wasi::Offer::Stub) => Met::Stubbed,
        Some(wasi::Offer::Absent) => Met::Absent,
        None if import.starts_with(contract::PACKAGE) => Met::Offered,
        None => Met::Refused,
    }
}

impl Workbench {
    /// Starts an engine like a server's, for components that `compiler` compiles within the limits.
    ///
    /// # Errors
    /// The engine does not start.
    pub fn new(limits: PolicyLimits, compiler: Compiler) -> Result<Self, WorkbenchError> {
        Self::on(engine::start(), limits, compiler, false)
    }

    /// Starts an engine that counts the instructions of policies, and is slower for it.
    ///
    /// # Errors
    /// The engine does not start.
    pub fn counting(limits: PolicyLimits, compiler: Compiler) -> Result<Self, WorkbenchError> {
        Self::on(engine::start_counting(), limits, compiler, true)
    }

    fn on(
        engine: Result<Engine, wasmtime::Error>,
        limits: PolicyLimits,
        compiler: Compiler,
        counts: bool,
    ) -> Result<Self, WorkbenchError> {
        let failed = |error: wasmtime::Error| WorkbenchError(format!("{error:#}"));
        let engine = engine.map_err(failed)?;
        let linker = component::linker(&engine).map_err(failed)?;
        Ok(Self {
            engine,
            linker,
            limits,
            compiler,
            counts,
        })
    }

    /// Compiles a component, as a server does. It takes up to seconds, and no longer than the limits
    /// allow.
    ///
    /// # Errors
    /// Why a server refuses it.
    pub fn compile(&self, bytes: &[u8]) -> Result<Compiled, LoadError> {
        let started = Instant::now();
        let linked = component::link(&self.engine, &self.linker, bytes, None, |engine, bytes| {
            self.compiler.compile(&Order {
                engine,
                bytes,
                pace: Pace::Full,
                timeout: self.limits.compile_timeout,
                memory_bytes: self.limits.compile_memory_bytes,
                counts: self.counts,
                stop: &Stop::default(),
            })
        })?;
        let compiled = Compiled {
            engine: self.engine.clone(),
            linked,
            limits: self.limits,
            tally: Tally::new(NAME, None, Arc::new(Memory::default())),
            took: started.elapsed(),
        };
        // The types of exports are compared only when an instance is made.
        match compiled.instance("{}") {
            Err(Refusal::Load(error)) => Err(error),
            _ => Ok(compiled),
        }
    }

    /// Looks at a component from outside: what it exports and imports, and everything that keeps a
    /// server from taking it. What can be seen without compiling is found without it, at once.
    #[must_use]
    pub fn inspect(&self, bytes: &[u8]) -> Inspection {
        let mut surfaces = match self.compiler.surfaces(bytes) {
            Ok(surfaces) => surfaces.unwrap_or_default(),
            // A server does not read it in this way, and may take it.
            Err(_) => Surfaces {
                findings: vec![Finding {
                    refused: false,
                    at: "the file".to_owned(),
                    said: "what it exports and imports cannot be shown: reading it takes more time or \
                           memory than it may, or its packages need each other in a circle"
                        .to_owned(),
                    hint: None,
                }],
                ..Surfaces::default()
            },
        };
        if surfaces.findings.iter().any(|finding| finding.refused) {
            return Inspection {
                surfaces,
                compiled: None,
            };
        }
        let compiled = self.compile(bytes);
        if let Err(error) = &compiled {
            // Only the engine knows what is wrong.
            surfaces.findings.insert(
                0,
                Finding {
                    refused: true,
                    at: "the file".to_owned(),
                    said: error.to_string(),
                    hint: None,
                },
            );
        }
        Inspection {
            surfaces,
            compiled: compiled.ok(),
        }
    }
}

impl Compiled {
    /// The short names of the hooks that it exports, `lifecycle` included.
    #[must_use]
    pub fn hooks(&self) -> Vec<&'static str> {
        self.linked.hooks()
    }

    /// Whether it exports a hook.
    #[must_use]
    pub fn exports(&self, hook: Hook) -> bool {
        self.linked.exports(hook)
    }

    /// Starts an instance with these settings.
    ///
    /// # Errors
    /// It refuses the settings, or fails.
    pub fn start(&self, settings: &Json) -> Result<Seat, NotStarted> {
        let instance = self.instance(settings.as_str()).map_err(not_started)?;
        Ok(Seat {
            instance,
            limits: self.limits,
        })
    }

    /// Starts an instance as a server does before it takes a version: each hook is asked something
    /// harmless, and failing is a refusal.
    ///
    /// # Errors
    /// It refuses the settings, or fails.
    pub fn trial(&self, settings: &Json) -> Result<Seat, NotStarted> {
        let mut seat = self.start(settings)?;
        for hook in Hook::ALL.into_iter().filter(|hook| self.exports(*hook)) {
            warm_up::ask(&mut seat.instance, hook, &self.limits).map_err(not_started)?;
        }
        Ok(seat)
    }

    fn instance(&self, settings: &str) -> Result<Instance, Refusal> {
        Instance::start(
            Arc::from(NAME),
            &settings.to_owned(),
            &self.limits,
            &self.engine,
            &self.linked,
            &self.tally,
        )
    }
}

fn not_started(refusal: Refusal) -> NotStarted {
    match refusal {
        Refusal::Settings(text) => NotStarted::Settings(text),
        other => NotStarted::Failed(other.to_string()),
    }
}

fn denied(refused: Refused) -> Denied {
    Denied {
        code: refused.code,
        message: refused.message,
    }
}

fn failed(failure: Failure) -> CallFailed {
    CallFailed(failure.to_string())
}

impl Seat {
    /// Linear memory that the instance has, in bytes.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.instance.memory_bytes()
    }

    /// Handles to people and channels that the instance was given and has not dropped. Those it
    /// keeps over a call are good for nothing.
    #[must_use]
    pub fn handles_held(&self) -> usize {
        self.instance.handles_held()
    }

    /// Instructions that the instance has run since it started, on a workbench that counts them.
    #[must_use]
    pub fn instructions(&self) -> Option<u64> {
        self.instance.instructions()
    }

    /// Asks who may enter.
    ///
    /// # Errors
    /// The call failed.
    pub fn admit(
        &mut self,
        asking: Asking<'_>,
        request: &RequestFacts,
    ) -> Result<Result<(), Denied>, CallFailed> {
        let answer = self.instance.admit(
            asking,
            request,
            Deadline::of_call(Instant::now(), &self.limits),
        );
        Ok(answer.map_err(failed)?.map_err(denied))
    }

    /// Asks which rule holds for a channel.
    ///
    /// # Errors
    /// The call failed.
    pub fn audience(
        &mut self,
        asking: Asking<'_>,
        channel: &ChannelFacts,
    ) -> Result<Rule, CallFailed> {
        let answer = self.instance.audience(
            asking,
            channel,
            Deadline::of_call(Instant::now(), &self.limits),
        );
        answer.map_err(failed)
    }

    /// Asks which of the subjects see a channel, in batches like a server's.
    ///
    /// # Errors
    /// A call failed.
    pub fn decide(
        &mut self,
        asking: Asking<'_>,
        channel: &ChannelFacts,
        subjects: &[SubjectFacts],
    ) -> Result<Vec<bool>, CallFailed> {
        let mut answers = Vec::with_capacity(subjects.len());
        for batch in subjects.chunks(POLICY_DECIDE_BATCH) {
            let answer = self.instance.decide(
                asking,
                channel,
                batch,
                Deadline::of_call(Instant::now(), &self.limits),
            );
            answers.extend(answer.map_err(failed)?);
        }
        Ok(answers)
    }

    /// Asks what a command may do; an allowance may come with a grant.
    ///
    /// # Errors
    /// The call failed.
    pub fn authorize(
        &mut self,
        asking: Asking<'_>,
        command: &CommandQuestion,
    ) -> Result<Result<Option<Json>, Denied>, CallFailed> {
        let answer = self.instance.authorize(
            asking,
            command,
            Deadline::of_call(Instant::now(), &self.limits),
        );
        let answer = answer.map_err(failed)?.map_err(denied);
        Ok(answer.map(|grant| grant.as_ref().map(json::of_members)))
    }

    /// Asks how an event looks, and to whom.
    ///
    /// # Errors
    /// The call failed.
    pub fn render(
        &mut self,
        asking: Asking<'_>,
        event: &EventQuestion,
    ) -> Result<Form, CallFailed> {
        let answer = self.instance.render(
            asking,
            event,
            &event.payload,
            Deadline::of_call(Instant::now(), &self.limits),
        );
        answer.map_err(failed)
    }
}
